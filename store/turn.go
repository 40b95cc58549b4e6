package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"xunfang/ledger"
)

// Conversation is what one person's dialogue has come to. Revision 0: there was none yet.
type Conversation struct {
	State    []byte
	Revision int64
}

// Conversation reads a user's.
func (s *Store) Conversation(ctx context.Context, user string) (Conversation, error) {
	var c Conversation
	err := s.read.QueryRowContext(s.quick(ctx), "SELECT state, revision FROM conversations WHERE usr = ?", user).Scan(&c.State, &c.Revision)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Conversation{}, fmt.Errorf("read conversation of %s: %w", user, err)
	}
	if c.State, err = s.openBytes("conversations.state", user, c.State); err != nil {
		return Conversation{}, fmt.Errorf("read conversation of %s: %w", user, err)
	}
	return c, nil
}

// Conversations reads those of several users; who has none is not among them.
func (s *Store) Conversations(ctx context.Context, users []string) (map[string]Conversation, error) {
	out := make(map[string]Conversation, len(users))
	err := query(ctx, s.read, "SELECT usr, state, revision FROM conversations WHERE usr IN (%s)", users, nil, func(rows *sql.Rows) error {
		var user string
		var c Conversation
		err := rows.Scan(&user, &c.State, &c.Revision)
		if err == nil {
			c.State, err = s.openBytes("conversations.state", user, c.State)
		}
		out[user] = c
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read conversations: %w", err)
	}
	return out, nil
}

// Turn is one unit of work: the messages it handles, where the conversation stands after them, and what they changed.
// Without a User it is changes only, as `remind` makes them.
type Turn struct {
	Inbound  []int64
	User     string
	Revision int64 // as read
	State    []byte
	Changes  ledger.Changes
}

// Commit makes a turn true, whole or not at all. ErrStale: the conversation moved on, or a message was handled already, or
// an entry's number is taken, or a record it amends was amended, or something it tells of was told, or what is owed for an elder
// changed since it was seen, or a case of it moved on or is there already, or an alarm was raised since, or a word of it moved on or is
// there already; nothing was written, run
// the turn again on what the winner left. Entries, amendments, findings, facts and messages whose key exists are there already and
// stay as they are.
func (s *Store) Commit(ctx context.Context, t Turn) error {
	if err := t.check(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	size := len(t.State)
	for _, m := range t.Changes.Messages {
		size += len(m.Body)
	}
	if err := s.submit(ctx, &work{turn: &t, size: size}); err != nil {
		if errors.Is(err, ErrStale) {
			if len(t.Changes.Edits)+len(t.Changes.Settled) > 0 {
				s.rosterMoved() // decided on a ledger that has moved on
			}
			return ErrStale
		}
		return fmt.Errorf("commit the turn of %s: %w", t.User, err)
	}
	return nil
}

// check refuses what only a mistake in the program can produce.
func (t Turn) check() error {
	for _, e := range t.Changes.Entries {
		if e.Key == "" || e.No == "" {
			return fmt.Errorf("entry %q has no key or no number", e.Key)
		}
	}
	if err := checkAmended(t.Changes.Amended); err != nil {
		return err
	}
	if err := checkNoticed(t.Changes); err != nil {
		return err
	}
	if err := checkOwing(t.Changes.Owing); err != nil {
		return err
	}
	if err := checkCases(t.Changes.Cases); err != nil {
		return err
	}
	if err := checkWords(t.Changes.Words); err != nil {
		return err
	}
	if err := checkLines(t.Changes.Lines); err != nil {
		return err
	}
	for _, g := range t.Changes.Guesses {
		if g.Key == "" || len(g.Key) > keyMax || g.User == "" {
			return fmt.Errorf("guess key %q is not of 1 to %d bytes, or nobody's", g.Key, keyMax)
		}
	}
	for _, r := range t.Changes.Reviews {
		if r.Key == "" || len(r.Key) > keyMax {
			return fmt.Errorf("review key %q is not of 1 to %d bytes", r.Key, keyMax)
		}
	}
	for _, m := range t.Changes.Messages {
		switch {
		case m.Key == "" || len(m.Key) > keyMax:
			return fmt.Errorf("message key %q is not of 1 to %d bytes", m.Key, keyMax)
		case m.To == "":
			return fmt.Errorf("message %q has no recipient", m.Key)
		case m.Call == "" || m.Call != ledger.CallFetch && len(m.Body) == 0 && m.Show == "":
			return fmt.Errorf("message %q is not rendered", m.Key)
		case m.Priority < ledger.PriorityAlarm || m.Priority > ledger.PriorityReminder:
			return fmt.Errorf("message %q has priority %d", m.Key, m.Priority)
		}
	}
	return nil
}

// doTurns first finds out, for all turns at once, which of them still hold, then writes what those want. That nobody else
// has handled a message or taken an entry's key or number is believed at first: the writes themselves find out, and the
// rare batch where it is not so is rolled back and looked through.
func (b *bunch) doTurns(ctx context.Context, tx *sql.Tx) error {
	if len(b.turns) == 0 {
		return nil
	}
	w, err := b.read(ctx, tx)
	if err != nil {
		return err
	}
	p := plan{s: b.s, now: b.now, owing: w.owing, fresh: map[string]*Turn{}, moved: map[string]*Turn{}}
	for _, u := range b.turns {
		if u.err = w.admit(u.turn); u.err == nil {
			p.add(u.turn, w)
		}
	}
	if err := p.write(ctx, tx); err != nil {
		return err
	}
	b.due = b.due || p.due
	b.edited = b.edited || len(p.edits) > 0
	return nil
}

// world is what a batch's turns are checked against; each admitted turn moves it on.
type world struct {
	revisions map[string]int64
	existing  map[string]bool   // conversations with a row
	waiting   map[int64]bool    // nil: believed
	handled   map[int64]bool    // in this batch
	entryNo   map[string]string // number → key
	entryKey  map[string]bool
	edited    map[string]int64 // elder → revision that changed them last
	open      map[string]bool  // proposals that nobody has settled
	versions  map[string]int   // record → its version
	amended   map[string]bool  // amendments that are there
	reviews   map[string]bool  // review → whether it is open
	noticed   map[string]bool  // notices that are there
	posted    map[string]bool  // messages that are there, of those that notices belong to
	owing     *owings          // nil: no turn says anything of it
	cases     map[string]int64 // case → its Rev
	alarms    int64            // raised ever
	words     map[string]int64 // word → its Rev
}

func (b *bunch) read(ctx context.Context, tx *sql.Tx) (*world, error) {
	w := &world{revisions: map[string]int64{}, existing: map[string]bool{}, handled: map[int64]bool{},
		entryNo: map[string]string{}, entryKey: map[string]bool{}}
	var users, keys, nos []string
	var ids []int64
	for _, u := range b.turns {
		if u.turn.User != "" {
			users = append(users, u.turn.User)
		}
		ids = append(ids, u.turn.Inbound...)
		for _, e := range u.turn.Changes.Entries {
			keys, nos = append(keys, e.Key), append(nos, e.No)
		}
	}
	// One order of locks for all committers.
	slices.Sort(users)
	slices.Sort(ids)
	lock := b.s.d.forUpdate
	err := query(ctx, tx, "SELECT usr, revision FROM conversations WHERE usr IN (%s)"+lock, slices.Compact(users), nil, func(rows *sql.Rows) error {
		var user string
		var revision int64
		err := rows.Scan(&user, &revision)
		w.revisions[user], w.existing[user] = revision, true
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read revisions: %w", err)
	}
	for _, read := range []func(context.Context, *sql.Tx, *world) error{b.readEdited, b.readAmended, b.readReviewed, b.readNoticed, b.readOwing, b.readCases,
		b.readWords} {
		if err := read(ctx, tx, w); err != nil {
			return nil, err
		}
	}
	if !b.careful {
		return w, nil
	}
	w.waiting = map[int64]bool{}
	err = query(ctx, tx, "SELECT id FROM inbox"+b.s.d.byID+" WHERE id IN (%s) AND state = 0"+lock, slices.Compact(ids), nil, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		w.waiting[id] = true
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the inbox: %w", err)
	}
	for _, look := range []struct {
		column string
		values []string
	}{{"`key`", keys}, {"no", nos}} {
		err = query(ctx, tx, "SELECT `key`, no FROM entries WHERE "+look.column+" IN (%s)", look.values, nil, func(rows *sql.Rows) error {
			var key, no string
			err := rows.Scan(&key, &no)
			w.entryNo[no], w.entryKey[key] = key, true
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read entries: %w", err)
		}
	}
	return w, nil
}

// readEdited reads what turns that change the ledger are checked against, and locks the ledger: they are few.
func (b *bunch) readEdited(ctx context.Context, tx *sql.Tx, w *world) error {
	var elders, facts []string
	editing := false
	for _, u := range b.turns {
		for _, e := range u.turn.Changes.Edits {
			elders = append(elders, eldersOf(e.Book)...)
		}
		for _, x := range u.turn.Changes.Settled {
			facts = append(facts, x.Fact)
		}
		editing = editing || len(u.turn.Changes.Edits)+len(u.turn.Changes.Settled) > 0
	}
	if !editing {
		return nil
	}
	if _, err := rosterVersion(ctx, tx, b.s.d.forUpdate); err != nil {
		return err
	}
	w.edited, w.open = map[string]int64{}, map[string]bool{}
	err := query(ctx, tx, "SELECT elder_id, MAX(n) FROM changes WHERE elder_id IN (%s) GROUP BY elder_id", elders, nil, func(rows *sql.Rows) error {
		var id string
		var n int64
		err := rows.Scan(&id, &n)
		w.edited[id] = n
		return err
	})
	if err == nil {
		err = query(ctx, tx, "SELECT fact FROM proposals WHERE fact IN (%s) AND state = ?", facts, []any{string(ledger.ProposalOpen)}, func(rows *sql.Rows) error {
			var fact string
			err := rows.Scan(&fact)
			w.open[fact] = true
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("read what was edited: %w", err)
	}
	return nil
}

// admit says whether a turn still holds, and if so moves the world on.
func (w *world) admit(t *Turn) error {
	if t.User != "" && w.revisions[t.User] != t.Revision {
		return ErrStale
	}
	for i, id := range t.Inbound {
		if w.waiting != nil && !w.waiting[id] || w.handled[id] || slices.Contains(t.Inbound[:i], id) {
			return ErrStale
		}
	}
	mine := map[string]string{} // a turn must not give one number to two entries either
	for _, e := range t.Changes.Entries {
		if w.entryKey[e.Key] {
			continue
		}
		if key, taken := w.entryNo[e.No]; taken && key != e.Key {
			return ErrStale
		}
		if key, taken := mine[e.No]; taken && key != e.Key {
			return ErrStale
		}
		mine[e.No] = e.Key
	}
	for _, x := range t.Changes.Settled {
		if !w.open[x.Fact] {
			return ErrStale
		}
	}
	for _, e := range t.Changes.Edits {
		for _, id := range eldersOf(e.Book) {
			if e.Seen > 0 && w.edited[id] > e.Seen {
				return ErrStale
			}
		}
	}
	for _, x := range t.Changes.Reviewed {
		if x.State != "" && !w.reviews[x.Key] {
			return ErrStale
		}
	}
	if !w.news(t.Changes) || len(t.Changes.Owing) > 0 && w.owing.unseen(t.Changes.Owing) {
		return ErrStale
	}
	versions, ok := w.amends(t.Changes.Amended)
	if !ok || !w.stands(t.Changes.Cases) || w.spoken(t.Changes.Words) {
		return ErrStale
	}
	maps.Copy(w.versions, versions)
	w.tell(t.Changes)
	w.step(t.Changes.Cases)
	w.speak(t.Changes.Words)
	for _, x := range t.Changes.Owing {
		w.owing.sets[x.ElderID] = x.Rows
	}
	for _, x := range t.Changes.Reviewed {
		if x.State != "" {
			w.reviews[x.Key] = x.State == ledger.ReviewOpen
		}
	}
	for _, x := range t.Changes.Settled {
		delete(w.open, x.Fact)
	}
	for _, e := range t.Changes.Edits {
		for _, id := range eldersOf(e.Book) {
			w.edited[id] = math.MaxInt64 // a neighbour in the batch has not seen it
		}
	}
	if t.User != "" {
		w.revisions[t.User]++
	}
	for _, id := range t.Inbound {
		w.handled[id] = true
	}
	return nil
}

// plan collects what the admitted turns of a batch want written.
type plan struct {
	s       *Store
	now     time.Time
	fresh   map[string]*Turn // last turn of a conversation without a row
	moved   map[string]*Turn
	handled []int64

	entries, findings, facts, photos, proposals, reviews []any
	outbox                                               []any
	notices, telling                                     []any    // and the messages they belong to
	told                                                 []string // their keys
	owing                                                *owings
	amended                                              []ledger.Amendment
	edits                                                []ledger.Edit
	settled                                              []ledger.Settlement
	consents                                             []ledger.Consent
	looks                                                []ledger.Look
	cases                                                []ledger.CaseStep
	words                                                []ledger.WordStep
	lines                                                []ledger.Line
	guesses                                              []any
	reviewed                                             []ledger.Reviewed
	drop                                                 []string
	unsaid                                               []string // words that are dropped
	lanes                                                map[string]lane
	due                                                  bool
}

func (p *plan) add(t *Turn, w *world) {
	if t.User != "" {
		if w.existing[t.User] {
			p.moved[t.User] = t
		} else {
			p.fresh[t.User] = t
		}
	}
	p.handled = append(p.handled, t.Inbound...)
	c := t.Changes
	for _, e := range c.Entries {
		if w.entryKey[e.Key] {
			continue
		}
		w.entryKey[e.Key], w.entryNo[e.No] = true, e.Key
		p.entries = append(p.entries, p.s.entryValues(e)...)
	}
	for _, a := range c.Amended {
		if !w.amended[a.Key] {
			w.amended[a.Key] = true
			p.amended = append(p.amended, a)
		}
	}
	for _, f := range c.Findings {
		p.findings = append(p.findings, p.s.findingValues(f)...)
	}
	for _, f := range c.Facts {
		p.facts = append(p.facts, f.Key, f.EntryKey, f.ElderID, f.Field, f.Result, p.s.sealText("facts.value", f.Key, f.Value), f.By, second(f.At))
		if f.Propose {
			p.proposals = append(p.proposals, f.Key, f.ElderID, string(ledger.ProposalOpen), "", second(f.At))
		}
	}
	for _, f := range c.Photos {
		p.photos = append(p.photos, f.Key, string(f.Kind), f.UserID, f.EntryKey, f.MediaID, string(f.State), f.Hash, f.Bytes,
			p.s.sealText("photos.look", f.Key, f.Look), f.Compared, second(f.At))
	}
	for _, r := range c.Reviews {
		p.reviews = append(p.reviews, p.s.reviewValues(r)...)
	}
	p.edits, p.settled, p.consents, p.looks = append(p.edits, c.Edits...), append(p.settled, c.Settled...), append(p.consents, c.Consents...), append(p.looks, c.Looks...)
	p.reviewed, p.drop, p.cases = append(p.reviewed, c.Reviewed...), append(p.drop, c.Drop...), append(p.cases, c.Cases...)
	p.words, p.lines = append(p.words, c.Words...), append(p.lines, c.Lines...)
	for _, g := range c.Guesses {
		p.guesses = append(p.guesses, g.Key, g.User, g.Handle, moment(g.At))
	}
	noticed := p.notice(c.Notices)
	for _, m := range c.Messages {
		p.enqueue(m, noticed[m.Key])
	}
}

func (p *plan) write(ctx context.Context, tx *sql.Tx) error {
	d := p.s.d
	at := moment(p.now)
	conversations := func(turns map[string]*Turn, tail string) error {
		users := make([]string, 0, len(turns))
		for user := range turns {
			users = append(users, user)
		}
		slices.Sort(users)
		args := make([]any, 0, 4*len(users))
		for _, user := range users {
			args = append(args, user, turns[user].Revision+1, p.s.sealBytes("conversations.state", user, turns[user].State), at)
		}
		_, err := d.insert(ctx, tx, "INSERT INTO conversations (usr, revision, state, at)", 4, args, tail)
		return err
	}
	// A first turn is a plain INSERT: two processes may both have found no row to lock, and only one may win.
	if err := conversations(p.fresh, ""); err != nil {
		return fmt.Errorf("begin conversations: %w", err)
	}
	if err := conversations(p.moved, d.upsert("usr", "revision = {revision}, state = {state}, at = {at}")); err != nil {
		return fmt.Errorf("move conversations on: %w", err)
	}
	n, err := exec(ctx, tx, "UPDATE inbox"+d.byID+" SET state = 1, done_at = ? WHERE state = 0 AND id IN (%s)", p.handled, at)
	if err != nil {
		return fmt.Errorf("mark the inbox: %w", err)
	}
	if int(n) != len(p.handled) {
		return errCollision
	}
	keep := d.ignore("`key`")
	for _, t := range []struct {
		table, columns string
		args           []any
		tail           string
	}{
		{"entries", entryColumns, p.entries, ""},
		{"findings", findingColumns, p.findings, keep},
		{"facts", factColumns, p.facts, keep},
		{"proposals", "fact, elder_id, state, settled, at", p.proposals, d.ignore("fact")},
		{"photos", photoColumns, p.photos, d.upsert("`key`", bindPhoto)},
		{"reviews", reviewColumns, p.reviews, d.upsert("`key`", reviewAgain)},
	} {
		_, err := d.insert(ctx, tx, "INSERT INTO "+t.table+" ("+t.columns+")", strings.Count(t.columns, ",")+1, t.args, t.tail)
		if err != nil {
			return fmt.Errorf("write %s: %w", t.table, err)
		}
	}
	for _, step := range []func(context.Context, *sql.Tx) error{p.amend, p.review, p.edit, p.owe, p.step, p.speak, p.line, p.guess, p.post} {
		if err := step(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// edit writes what the turns change of the ledger itself, each edit as a revision of its own.
func (p *plan) edit(ctx context.Context, tx *sql.Tx) error {
	for _, x := range p.settled {
		if _, err := tx.ExecContext(ctx, "UPDATE proposals SET state = ?, settled = ? WHERE fact = ?", string(x.State), x.By, x.Fact); err != nil {
			return fmt.Errorf("settle proposals: %w", err)
		}
	}
	if err := p.s.writeConsents(ctx, tx, p.consents); err != nil {
		return err
	}
	if err := p.s.writeLooks(ctx, tx, p.looks); err != nil {
		return err
	}
	for _, e := range p.edits {
		n, err := rosterVersion(ctx, tx, p.s.d.forUpdate)
		if err != nil {
			return err
		}
		old, err := p.s.readBook(ctx, tx, scopeOf(e.Book))
		if err != nil {
			return err
		}
		d, err := old.Compare(e)
		if err != nil {
			return err
		}
		if d.Empty() {
			continue
		}
		if err := p.s.writeRevision(ctx, tx, d, n+1, e); err != nil {
			return err
		}
	}
	return nil
}

// owe writes what is owed now.
func (p *plan) owe(ctx context.Context, tx *sql.Tx) error {
	if p.owing == nil {
		return nil
	}
	return p.owing.put(ctx, p.s, tx)
}

// bindPhoto takes a photo out of the tray; one that is bound stays where it is.
const bindPhoto = "entry_key = CASE WHEN photos.entry_key = '' THEN {entry_key} ELSE photos.entry_key END"
