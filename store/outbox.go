package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"xunfang/ledger"
	"xunfang/seal"
)

// Claim is a message somebody has undertaken to send before the lease ends.
type Claim struct {
	ID       int64
	Message  ledger.Message // as rendered
	Attempts int            // this one included
	At       time.Time      // when it was enqueued
	Resend   bool           // an earlier attempt's outcome is unknown: it may have arrived

	lane  string
	until int64 // end of the lease, and the proof that the lane is still ours
}

// leaseSpread is over how many milliseconds the ends of leases are spread.
const leaseSpread = 997

// Receipt is what WeCom gave for a message that it took.
type Receipt struct {
	MsgID        string
	ResponseCode string // good for one update of a card within 72 hours (wecom/94888)
}

// WeCom drops what exceeds these without a word (wecom/90312: 30 a minute and 1,000 an hour for one member), so the excess
// waits here. The windows are longer than WeCom's by what a request may spend on its way: claimed at the end of one
// minute and arrived at the start of the next, thirty and thirty would meet.
const (
	minuteLimit = 30
	hourLimit   = 1000
	onTheWay    = 2 * time.Second
)

// States of an outbox row. A row that a sender holds still waits: the lane says who holds it.
const (
	outboxWaiting = 0
	outboxSent    = 1
	outboxDead    = 2
	outboxExpired = 3
	outboxDropped = 4
)

// never is later than every instant.
const never = math.MaxInt64

// lane is the queue of one recipient: when each priority has something to send next (at the earliest: a claim looks and
// corrects it), and until when nobody may claim from it. Finding the oldest unsent message of each of two thousand
// recipients without it takes a hundred times longer.
type lane struct {
	name   string
	due    [3]int64
	freeAt int64
	recent []byte // instants of the last hour's claims
}

var dueColumns = [3]string{"due_alarm", "due_reply", "due_reminder"}
var dueIndexes = [3]string{"lanes_alarm", "lanes_reply", "lanes_reminder"}

// laneOf is where a message queues. Photos are fetched, calls asked after, and what goes to a relative by another way than
// 微信客服 goes, in lanes of their own: one that fails must not hold back what is said to the same person, and the limits do not count it.
func laneOf(m ledger.Message) string {
	switch m.Call {
	case ledger.CallFetch:
		return "f/" + m.To
	case ledger.CallHeard, ledger.CallMassed, ledger.CallTexted:
		return "h/" + m.To
	case ledger.CallOfficial, ledger.CallMass, ledger.CallSMS:
		return "o/" + m.To
	}
	return "s/" + m.To
}

func limited(lane string) bool { return strings.HasPrefix(lane, "s/") }

const (
	outboxColumns = "dedupe, lane, rcpt, prio, call_, of_, word, show_, body, fallback, photo, media_id, at, not_before, expires"
	outboxWidth   = 15
)

func (p *plan) enqueue(m ledger.Message, noticed bool) {
	at := moment(p.now)
	expires := int64(never)
	if !m.Expires.IsZero() {
		expires = moment(m.Expires)
	}
	name := laneOf(m)
	row := []any{m.Key, name, m.To, int(m.Priority), string(m.Call), m.Of, m.Word, m.Show, p.s.sealBytes("outbox.body", m.Key, m.Body),
		p.s.sealText("outbox.fallback", m.Key, m.Fallback), m.Photo, m.MediaID, at, moment(m.NotBefore), expires}
	if noticed {
		p.telling, p.told = append(p.telling, row...), append(p.told, m.Key)
	} else {
		p.outbox = append(p.outbox, row...)
	}
	p.lookAt(name, m.Priority, max(at, moment(m.NotBefore)))
}

// lookAt has a lane looked at by a moment.
func (p *plan) lookAt(name string, prio ledger.Priority, due int64) {
	if p.lanes == nil {
		p.lanes = map[string]lane{}
	}
	l, ok := p.lanes[name]
	if !ok {
		l = lane{name: name, due: [3]int64{never, never, never}}
	}
	l.due[prio] = min(l.due[prio], due)
	p.lanes[name] = l
	p.due = p.due || due <= moment(p.now)
}

// post drops messages and writes the new ones. Who claims locks lanes first, so this does, too.
func (p *plan) post(ctx context.Context, tx *sql.Tx) error {
	drop, err := p.droppable(ctx, tx)
	if err != nil {
		return fmt.Errorf("look what is to be dropped: %w", err)
	}
	if len(p.lanes) == 0 {
		return nil
	}
	lanes := make([]lane, 0, len(p.lanes))
	for _, l := range p.lanes {
		lanes = append(lanes, l)
	}
	d := p.s.d
	sets := make([]string, len(dueColumns))
	for i, c := range dueColumns {
		sets[i] = fmt.Sprintf("%[1]s = %[2]s(lanes.%[1]s, {%[1]s})", c, d.least)
	}
	if err := d.putLanes(ctx, tx, lanes, d.upsert("lane", strings.Join(sets, ", "))); err != nil {
		return err
	}
	_, err = exec(ctx, tx, "UPDATE outbox"+d.byID+" SET state = 4, done_at = ? WHERE "+inNoHand+" AND id IN (%s)", drop, moment(p.now))
	if err != nil {
		return fmt.Errorf("drop messages: %w", err)
	}
	if err := p.s.untell(ctx, tx, drop); err != nil {
		return err
	}
	if err := p.tell(ctx, tx); err != nil {
		return err
	}
	if _, err := d.insert(ctx, tx, "INSERT INTO outbox ("+outboxColumns+")", outboxWidth, p.outbox, d.ignore("dedupe")); err != nil {
		return fmt.Errorf("write the outbox: %w", err)
	}
	return nil
}

// inNoHand: a message waits and no sender has it.
const inNoHand = "state = 0 AND unsure < 2"

// droppable finds the messages that turns want dropped, those of words that are dropped among them, and has their lanes looked at: something may wait behind them. A
// sender may take one before its lane is locked, so the drop itself asks again.
func (p *plan) droppable(ctx context.Context, tx *sql.Tx) (ids []int64, err error) {
	for _, x := range []struct {
		where string
		in    []string
	}{{"dedupe IN (%s)", p.drop}, {"word IN (%s) AND word <> ''", p.unsaid}} { // SQLite's index is of words alone
		err = query(ctx, tx, "SELECT id, lane, prio FROM outbox WHERE "+x.where+" AND "+inNoHand, x.in, nil, func(rows *sql.Rows) error {
			var id int64
			var name string
			var prio ledger.Priority
			err := rows.Scan(&id, &name, &prio)
			ids = append(ids, id)
			p.lookAt(name, prio, moment(p.now))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func (d dialect) putLanes(ctx context.Context, tx *sql.Tx, lanes []lane, tail string) error {
	slices.SortFunc(lanes, func(a, b lane) int { return strings.Compare(a.name, b.name) })
	args := make([]any, 0, 6*len(lanes))
	for _, l := range lanes {
		args = append(args, l.name, l.due[0], l.due[1], l.due[2], l.freeAt, l.recent)
	}
	if _, err := d.insert(ctx, tx, "INSERT INTO lanes (lane, due_alarm, due_reply, due_reminder, free_at, recent)", 6, args, tail); err != nil {
		return fmt.Errorf("write lanes: %w", err)
	}
	return nil
}

// claiming is the wish for up to n messages.
type claiming struct {
	now   time.Time
	n     int
	lease time.Duration
	got   []Claim
}

// Claim hands out up to n messages that may be sent now, at most one for a recipient: alarms before replies before
// reminders, whoever they are for; for one recipient and priority in the order they were enqueued. A message waiting to be
// tried again holds back later ones of its recipient and priority. What is not settled when the lease ends is handed out
// again, marked Resend.
func (s *Store) Claim(ctx context.Context, now time.Time, n int, lease time.Duration) ([]Claim, error) {
	if n <= 0 || lease < time.Millisecond {
		return nil, nil
	}
	// A look without the write lock: a sender that polls must not stand in the committer's way.
	if due, err := s.due(ctx, moment(now)); err != nil || !due {
		return nil, err
	}
	c := &claiming{now: now, n: n, lease: lease}
	if err := s.submit(ctx, &work{claim: c}); err != nil {
		return nil, fmt.Errorf("claim from the outbox: %w", err)
	}
	return c.got, nil
}

// due says whether there may be something to claim.
func (s *Store) due(ctx context.Context, now int64) (bool, error) {
	var q strings.Builder
	var args []any
	for p, due := range dueColumns {
		if p > 0 {
			q.WriteString(" OR ")
		}
		q.WriteString("EXISTS (SELECT 1 FROM lanes" + fmt.Sprintf(s.d.useIndex, dueIndexes[p]) + " WHERE " + due + " <= ? AND free_at <= ?)")
		args = append(args, now, now)
	}
	var yes bool
	if err := s.read.QueryRowContext(s.quick(ctx), "SELECT "+q.String(), args...).Scan(&yes); err != nil {
		return false, fmt.Errorf("look whether the outbox is due: %w", err)
	}
	return yes, nil
}

// Resume is said once by the process that serves, before it claims: what a process before it had in hand when it died need
// not wait for the lease to end. With MySQL other processes may be alive, so there it does nothing.
func (s *Store) Resume(ctx context.Context) error {
	if s.d.name != SQLite {
		return nil
	}
	if _, err := s.write.ExecContext(ctx, "UPDATE lanes SET free_at = 0 WHERE free_at <> 0"); err != nil {
		return fmt.Errorf("free what was in hand: %w", err)
	}
	return nil
}

// NextDue is when there may be something to claim; the zero time if nothing waits.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	var q strings.Builder
	q.WriteString("SELECT MIN(t) FROM (")
	for p := range dueColumns {
		if p > 0 {
			q.WriteString(" UNION ALL ")
		}
		fmt.Fprintf(&q, "SELECT MIN(CASE WHEN free_at > %[1]s THEN free_at ELSE %[1]s END) AS t FROM lanes%[2]s WHERE %[1]s < ?",
			dueColumns[p], fmt.Sprintf(s.d.useIndex, dueIndexes[p]))
	}
	q.WriteString(") AS x")
	var at sql.NullInt64
	if err := s.read.QueryRowContext(s.quick(ctx), q.String(), int64(never), int64(never), int64(never)).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("look when the outbox is due: %w", err)
	}
	if !at.Valid {
		return time.Time{}, nil
	}
	return fromMoment(max(1, at.Int64)), nil
}

func (b *bunch) doClaims(ctx context.Context, tx *sql.Tx) error {
	for _, w := range b.claims {
		// The end of a lease proves whose it is, so two leases must not end in one millisecond: an old claim that is settled
		// late would free the lane of a new one.
		until := moment(w.claim.now.Add(w.claim.lease)) - b.s.leases.Add(1)%leaseSpread
		c := claimer{s: b.s, tx: tx, now: moment(w.claim.now), until: until, left: w.claim.n}
		got, err := c.run(ctx)
		if err != nil {
			return err
		}
		w.claim.got = got
	}
	return nil
}

// claimer fills one claim. Lanes are locked before their messages are looked at, in a statement of its own: one that did
// both would see the messages as they were before it got the lock, and put a lane to sleep over a message just committed.
type claimer struct {
	s          *Store
	tx         *sql.Tx
	now, until int64
	left       int
}

func (c *claimer) run(ctx context.Context) ([]Claim, error) {
	var got []Claim
	for p := range dueColumns {
		for c.left > 0 {
			lanes, err := c.ready(ctx, p)
			if err != nil {
				return nil, err
			}
			if len(lanes) == 0 {
				break
			}
			// Each look takes every lane it saw out of the running, so the loop ends.
			claims, err := c.look(ctx, p, lanes)
			if err != nil {
				return nil, err
			}
			got = append(got, claims...)
			c.left -= len(claims)
		}
	}
	if len(got) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(got))
	for i, g := range got {
		ids[i] = g.ID
	}
	if _, err := exec(ctx, c.tx, "UPDATE outbox SET attempts = attempts + 1, unsure = CASE unsure WHEN 0 THEN 2 ELSE 3 END WHERE id IN (%s)", ids); err != nil {
		return nil, fmt.Errorf("mark what is claimed: %w", err)
	}
	return got, nil
}

// ready locks lanes that nobody holds and that have something of a priority to look at, who waits longest first.
func (c *claimer) ready(ctx context.Context, p int) ([]lane, error) {
	due := dueColumns[p]
	var lanes []lane
	err := each(ctx, c.tx, "SELECT lane, due_alarm, due_reply, due_reminder, free_at, recent FROM lanes"+
		fmt.Sprintf(c.s.d.useIndex, dueIndexes[p])+" WHERE "+due+" <= ? AND free_at <= ? ORDER BY "+due+" LIMIT ?"+c.s.d.skipLocked,
		[]any{c.now, c.now, c.left}, func(rows *sql.Rows) error {
			var l lane
			err := rows.Scan(&l.name, &l.due[0], &l.due[1], &l.due[2], &l.freeAt, &l.recent)
			lanes = append(lanes, l)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("find lanes: %w", err)
	}
	return lanes, nil
}

// head is the first message of a lane that is due.
type head struct {
	Claim
	retryAt, expires int64
	damaged          bool // it cannot be opened and was given up
}

// look claims the head of each lane where it may go, and tells the other lanes when to be looked at again.
func (c *claimer) look(ctx context.Context, p int, lanes []lane) ([]Claim, error) {
	heads, err := c.heads(ctx, p, lanes)
	if err != nil {
		return nil, err
	}
	var got []Claim
	var touched []lane
	var empty []int // of touched
	for _, l := range lanes {
		h, ok := heads[l.name]
		switch {
		case ok && h.damaged: // the lane stays due
			continue
		case ok && h.expires <= c.now: // the lane stays due: the next look sees what comes after
			if err := c.expire(ctx, p, l.name); err != nil {
				return nil, err
			}
			continue
		case ok && h.retryAt > c.now:
			early, err := c.later(ctx, p, []string{l.name}, h.ID)
			if err != nil {
				return nil, err
			}
			l.due[p] = min(h.retryAt, h.expires, early[l.name])
		case !ok:
			empty = append(empty, len(touched))
		default:
			free := int64(0)
			if limited(l.name) {
				l.recent, free = window(l.recent, c.now)
			}
			if free > c.now {
				l.freeAt = free
				break
			}
			l.freeAt, l.due[p] = c.until, c.now // to the back: others' reminders have waited, too
			if limited(l.name) {
				l.recent = binary.BigEndian.AppendUint64(l.recent, uint64(c.now))
			}
			h.Claim.lane, h.Claim.until = l.name, c.until
			got = append(got, h.Claim)
		}
		touched = append(touched, l)
	}
	if len(empty) > 0 {
		names := make([]string, len(empty))
		for i, j := range empty {
			names[i] = touched[j].name
		}
		later, err := c.later(ctx, p, names, never)
		if err != nil {
			return nil, err
		}
		for _, j := range empty {
			touched[j].due[p] = later[touched[j].name]
		}
	}
	if len(touched) == 0 {
		return got, nil
	}
	sets := "due_alarm = {due_alarm}, due_reply = {due_reply}, due_reminder = {due_reminder}, free_at = {free_at}, recent = {recent}"
	return got, c.s.d.putLanes(ctx, c.tx, touched, c.s.d.upsert("lane", sets))
}

func (c *claimer) heads(ctx context.Context, p int, lanes []lane) (map[string]head, error) {
	names := make([]string, len(lanes))
	for i, l := range lanes {
		names[i] = l.name
	}
	var ids []int64
	err := query(ctx, c.tx, fmt.Sprintf("SELECT (SELECT o.id FROM outbox o WHERE o.state = 0 AND o.lane = l.lane AND o.prio = %d AND o.not_before <= %d"+
		" ORDER BY o.id LIMIT 1) FROM lanes l WHERE l.lane IN (%%s)", p, c.now), names, nil, func(rows *sql.Rows) error {
		var id sql.NullInt64
		err := rows.Scan(&id)
		if id.Valid {
			ids = append(ids, id.Int64)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find what is due: %w", err)
	}
	heads := make(map[string]head, len(ids))
	var damaged []int64
	err = query(ctx, c.tx, "SELECT id, lane, dedupe, rcpt, prio, call_, of_, word, show_, body, fallback, photo, media_id, attempts, unsure, at, not_before, expires, retry_at"+
		" FROM outbox WHERE id IN (%s)", ids, nil, func(rows *sql.Rows) error {
		var h head
		var at, notBefore int64
		var unsure int
		m := &h.Message
		err := rows.Scan(&h.ID, &h.lane, &m.Key, &m.To, &m.Priority, &m.Call, &m.Of, &m.Word, &m.Show, &m.Body, &m.Fallback, &m.Photo, &m.MediaID,
			&h.Attempts, &unsure, &at, &notBefore, &h.expires, &h.retryAt)
		if err != nil {
			return err
		}
		if m.Body, err = c.s.openBytes("outbox.body", m.Key, m.Body); err == nil {
			m.Fallback, err = c.s.openText("outbox.fallback", m.Key, m.Fallback)
		}
		if errors.Is(err, seal.ErrNoKey) {
			return err // the key may come
		}
		if err != nil { // one damaged row must not hold back everybody's messages, alarms least of all
			c.s.log.Error("a message cannot be opened and is given up", "message", h.ID, "err", err)
			damaged = append(damaged, h.ID)
			h.damaged, err = true, nil
		}
		h.Attempts++
		h.Resend = unsure > 0
		h.At, m.NotBefore = fromMoment(at), fromMoment(notBefore)
		if h.expires != never {
			m.Expires = fromMoment(h.expires)
		}
		heads[h.lane] = h
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what is due: %w", err)
	}
	if _, err := exec(ctx, c.tx, "UPDATE outbox SET state = 2, done_at = ?, reason = 'its sealed text is damaged' WHERE id IN (%s)", damaged, c.now); err != nil {
		return nil, fmt.Errorf("give up damaged messages: %w", err)
	}
	return heads, nil
}

// later is when lanes without anything due come to have something; before: only messages enqueued before that one.
func (c *claimer) later(ctx context.Context, p int, names []string, before int64) (map[string]int64, error) {
	out := make(map[string]int64, len(names))
	for _, name := range names {
		out[name] = never
	}
	err := query(ctx, c.tx, fmt.Sprintf("SELECT l.lane, (SELECT MIN(o.not_before) FROM outbox o WHERE o.state = 0 AND o.lane = l.lane AND o.prio = %d"+
		" AND o.not_before > %d AND o.id < %d) FROM lanes l WHERE l.lane IN (%%s)", p, c.now, before), names, nil, func(rows *sql.Rows) error {
		var name string
		var at sql.NullInt64
		err := rows.Scan(&name, &at)
		if at.Valid {
			out[name] = at.Int64
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find what is due later: %w", err)
	}
	return out, nil
}

func (c *claimer) expire(ctx context.Context, p int, name string) error {
	_, err := c.tx.ExecContext(ctx, "UPDATE outbox SET state = 3, done_at = ? WHERE state = 0 AND lane = ? AND prio = ? AND not_before <= ? AND expires <= ?",
		c.now, name, p, c.now, c.now)
	if err != nil {
		return fmt.Errorf("expire messages: %w", err)
	}
	return nil
}

// window forgets claims older than the hour and says when the next one keeps both limits.
func window(recent []byte, now int64) (kept []byte, free int64) {
	at := func(i int) int64 { return int64(binary.BigEndian.Uint64(recent[8*i:])) }
	for len(recent) > 0 && at(0)+(time.Hour+onTheWay).Milliseconds() <= now {
		recent = recent[8:]
	}
	n := len(recent) / 8
	if n >= hourLimit {
		free = at(n-hourLimit) + (time.Hour + onTheWay).Milliseconds()
	}
	if n >= minuteLimit {
		free = max(free, at(n-minuteLimit)+(time.Minute+onTheWay).Milliseconds())
	}
	return recent, free
}

// settlement is how an attempt ended.
type settlement struct {
	claim   Claim
	end     ending
	receipt Receipt
	at      int64 // when to try again
	reason  string
	message ledger.Message
}

type ending int

const (
	endSent ending = iota
	endRetry
	endUnsure
	endDead
	endReplaced
)

// Sent notes that WeCom took a message. It is believed even if the lease ended meanwhile.
func (s *Store) Sent(ctx context.Context, c Claim, r Receipt) error {
	return s.end(ctx, settlement{claim: c, end: endSent, receipt: r})
}

// Retry puts a message back after a refusal: WeCom certainly did not take it. ErrStale, here and below: the lease ended
// and somebody else has the message.
func (s *Store) Retry(ctx context.Context, c Claim, at time.Time, reason string) error {
	return s.end(ctx, settlement{claim: c, end: endRetry, at: moment(at), reason: reason})
}

// Unsure puts a message back when nobody knows whether WeCom took it, after a time-out for instance.
func (s *Store) Unsure(ctx context.Context, c Claim, at time.Time, reason string) error {
	return s.end(ctx, settlement{claim: c, end: endUnsure, at: moment(at), reason: reason})
}

// Dead gives a message up. It stays listed until somebody retries or drops it.
func (s *Store) Dead(ctx context.Context, c Claim, reason string) error {
	return s.end(ctx, settlement{claim: c, end: endDead, reason: reason})
}

// Replace sends something else in a message's place: a card that can no longer be updated becomes its fallback text. Call,
// Body and Fallback are taken from m; recipient, key, priority and turn in the queue stay.
func (s *Store) Replace(ctx context.Context, c Claim, m ledger.Message) error {
	if m.Call == "" || len(m.Body) == 0 {
		return fmt.Errorf("replace message %d: the new one is not rendered", c.ID)
	}
	return s.end(ctx, settlement{claim: c, end: endReplaced, message: m})
}

func (s *Store) end(ctx context.Context, e settlement) error {
	if err := s.submit(ctx, &work{settle: &e, size: len(e.message.Body)}); err != nil {
		if errors.Is(err, ErrStale) {
			return ErrStale
		}
		return fmt.Errorf("settle message %d: %w", e.claim.ID, err)
	}
	return nil
}

// doSettles frees the lanes and marks the messages. Whether a lane has more to send the next claim finds out.
func (b *bunch) doSettles(ctx context.Context, tx *sql.Tx) error {
	if len(b.settles) == 0 {
		return nil
	}
	leases := map[int64][]Claim{}
	var sent []*settlement
	for _, w := range b.settles {
		c := w.settle.claim
		leases[c.until] = append(leases[c.until], c)
		if w.settle.end == endSent {
			sent = append(sent, w.settle)
		}
	}
	for until, claims := range leases {
		if err := b.free(ctx, tx, until, claims); err != nil {
			return fmt.Errorf("free lanes: %w", err)
		}
	}
	if err := b.markSent(ctx, tx, sent); err != nil {
		return err
	}
	for _, w := range b.settles {
		if w.settle.end == endSent {
			continue
		}
		// attempts tells this lease from a later one.
		n, err := w.settle.mark(ctx, b.s, tx, moment(b.now))
		if err != nil {
			return fmt.Errorf("mark the outbox: %w", err)
		}
		if n == 0 {
			w.err = ErrStale
		}
	}
	b.due = true
	return b.useUp(ctx, tx)
}

// free ends a lease. Where it had ended before, others may have looked at the lane since and put it to sleep until the
// message now settled was to be tried again; so that nothing sleeps on behind it, the lane is to be looked at once more.
func (b *bunch) free(ctx context.Context, tx *sql.Tx, until int64, claims []Claim) error {
	slices.SortFunc(claims, func(x, y Claim) int { return strings.Compare(x.lane, y.lane) })
	names := make([]string, len(claims))
	for i, c := range claims {
		names[i] = c.lane
	}
	n, err := exec(ctx, tx, "UPDATE lanes SET free_at = 0 WHERE free_at = ? AND lane IN (%s)", names, until)
	if err != nil || int(n) == len(claims) {
		return err
	}
	for _, c := range claims {
		if err := b.s.lookAgain(ctx, tx, c.lane, int(c.Message.Priority), moment(b.now)); err != nil {
			return err
		}
	}
	return nil
}

// lookAgain makes a lane due.
func (s *Store) lookAgain(ctx context.Context, tx *sql.Tx, lane string, p int, now int64) error {
	due := dueColumns[p]
	_, err := tx.ExecContext(ctx, "UPDATE lanes SET "+due+" = "+s.d.least+"("+due+", ?) WHERE lane = ?", now, lane)
	return err
}

func (b *bunch) markSent(ctx context.Context, tx *sql.Tx, sent []*settlement) error {
	slices.SortFunc(sent, func(x, y *settlement) int { return int(x.claim.ID - y.claim.ID) })
	for len(sent) > 0 {
		n := min(listMax, len(sent))
		pick := "CASE id" + strings.Repeat(" WHEN ? THEN ?", n) + " END"
		var msgids, codes, ids []any
		for _, e := range sent[:n] {
			msgids = append(msgids, e.claim.ID, e.receipt.MsgID)
			codes = append(codes, e.claim.ID, e.receipt.ResponseCode)
			ids = append(ids, e.claim.ID)
		}
		args := slices.Concat([]any{moment(b.now)}, msgids, codes, ids)
		_, err := tx.ExecContext(ctx, "UPDATE outbox SET state = 1, unsure = 0, reason = '', done_at = ?, msgid = "+pick+", response_code = "+pick+
			" WHERE id IN ("+marks(n)+")", args...)
		if err != nil {
			return fmt.Errorf("mark what was sent: %w", err)
		}
		sent = sent[n:]
	}
	return nil
}

// useUp forgets the response_codes that updates of earlier cards were made with: each is good for one.
func (b *bunch) useUp(ctx context.Context, tx *sql.Tx) error {
	var used []string
	for _, w := range b.settles {
		if m := w.settle.claim.Message; w.err == nil && m.Of != "" && m.Call == ledger.CallUpdate && (w.settle.end == endSent || w.settle.end == endReplaced) {
			used = append(used, m.Of)
		}
	}
	if _, err := exec(ctx, tx, "UPDATE outbox SET response_code = '' WHERE dedupe IN (%s)", used); err != nil {
		return fmt.Errorf("use up response_codes: %w", err)
	}
	return nil
}

// CodeOf is the response_code by which the card of a message can be replaced, once: "" where none went out, WeCom's answer was
// lost, or it was used up. What WeCom takes it for is WeCom's: it forgets it after 72 hours (wecom/94888).
func (s *Store) CodeOf(ctx context.Context, key string) (code string, err error) {
	err = s.read.QueryRowContext(s.quick(ctx), "SELECT response_code FROM outbox WHERE dedupe = ?", key).Scan(&code)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read the response_code of %s: %w", key, err)
	}
	return code, nil
}

// Went are those of some messages that WeCom, or whoever else carries them, has taken.
func (s *Store) Went(ctx context.Context, keys ...string) (map[string]bool, error) {
	out := map[string]bool{}
	err := query(s.quick(ctx), s.read, "SELECT dedupe FROM outbox WHERE dedupe IN (%s) AND state = 1", keys, nil, func(rows *sql.Rows) error {
		var key string
		err := rows.Scan(&key)
		out[key] = true
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read which messages went out: %w", err)
	}
	return out, nil
}

func (e *settlement) mark(ctx context.Context, s *Store, tx *sql.Tx, now int64) (int64, error) {
	// The column unsure holds 1 if an earlier attempt may have arrived, plus 2 while somebody has the message in hand.
	const ours = " WHERE id = ? AND state = 0 AND attempts = ? AND unsure >= 2"
	c := e.claim
	switch e.end {
	case endRetry:
		return changed(tx.ExecContext(ctx, "UPDATE outbox SET unsure = unsure - 2, retry_at = ?, reason = ?"+ours, e.at, clip(e.reason), c.ID, c.Attempts))
	case endUnsure:
		return changed(tx.ExecContext(ctx, "UPDATE outbox SET unsure = 1, retry_at = ?, reason = ?"+ours, e.at, clip(e.reason), c.ID, c.Attempts))
	case endDead:
		return changed(tx.ExecContext(ctx, "UPDATE outbox SET state = 2, unsure = unsure - 2, done_at = ?, reason = ?"+ours, now, clip(e.reason), c.ID, c.Attempts))
	}
	m := e.message
	return changed(tx.ExecContext(ctx, "UPDATE outbox SET unsure = 0, retry_at = 0, call_ = ?, of_ = '', show_ = '', body = ?, fallback = ?, photo = '', media_id = ''"+ours,
		string(m.Call), s.sealBytes("outbox.body", c.Message.Key, m.Body), s.sealText("outbox.fallback", c.Message.Key, m.Fallback), c.ID, c.Attempts))
}
