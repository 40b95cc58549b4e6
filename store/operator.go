package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"xunfang/ledger"
)

// OutboxState is where a message stands.
type OutboxState string

const (
	StateWaiting OutboxState = "waiting"
	StateSent    OutboxState = "sent"
	StateDead    OutboxState = "dead"
	StateExpired OutboxState = "expired"
	StateDropped OutboxState = "dropped"
)

var outboxStates = []OutboxState{outboxWaiting: StateWaiting, outboxSent: StateSent, outboxDead: StateDead, outboxExpired: StateExpired, outboxDropped: StateDropped}

// OutboxRow is a message as the operator sees it, without what it says.
type OutboxRow struct {
	ID           int64
	Key, To      string
	Priority     ledger.Priority
	Call         ledger.Call
	Of           string // key of the message whose card it replaces
	State        OutboxState
	Attempts     int
	Reason       string // of the last failure
	At           time.Time
	NotBefore    time.Time
	Expires      time.Time
	RetryAt      time.Time
	DoneAt       time.Time
	MsgID        string
	ResponseCode string
}

// OutboxFilter narrows a listing; zero values do not.
type OutboxFilter struct {
	States []OutboxState // none: what waits and what is dead
	To     string
	Key    string
	Limit  int // 0: 1,000
}

// Outbox lists messages, oldest first.
func (s *Store) Outbox(ctx context.Context, f OutboxFilter) ([]OutboxRow, error) {
	if len(f.States) == 0 {
		f.States = []OutboxState{StateWaiting, StateDead}
	}
	now := moment(s.now())
	var states []string
	for _, want := range f.States {
		switch want { // one that expired while nobody looked still stands as waiting
		case StateWaiting:
			states = append(states, fmt.Sprintf("state = 0 AND expires > %d", now))
		case StateExpired:
			states = append(states, fmt.Sprintf("state = 3 OR state = 0 AND expires <= %d", now))
		case StateSent:
			states = append(states, "state = 1")
		case StateDead:
			states = append(states, "state = 2")
		case StateDropped:
			states = append(states, "state = 4")
		default:
			return nil, fmt.Errorf("outbox state %q is none of waiting, sent, dead, expired, dropped", want)
		}
	}
	text, args := "SELECT id, dedupe, rcpt, prio, call_, of_, state, attempts, reason, at, not_before, expires, retry_at, done_at, msgid, response_code"+
		" FROM outbox WHERE ("+strings.Join(states, " OR ")+")", []any(nil)
	if f.To != "" {
		text, args = text+" AND rcpt = ?", append(args, f.To)
	}
	if f.Key != "" {
		text, args = text+" AND dedupe = ?", append(args, f.Key)
	}
	if f.Limit <= 0 {
		f.Limit = 1000
	}
	var out []OutboxRow
	err := each(ctx, s.read, text+" ORDER BY id LIMIT ?", append(args, f.Limit), func(rows *sql.Rows) error {
		var r OutboxRow
		var state int
		var at, notBefore, expires, retryAt, doneAt int64
		err := rows.Scan(&r.ID, &r.Key, &r.To, &r.Priority, &r.Call, &r.Of, &state, &r.Attempts, &r.Reason, &at, &notBefore, &expires, &retryAt, &doneAt, &r.MsgID, &r.ResponseCode)
		if err != nil {
			return err
		}
		r.State = outboxStates[state]
		if state == outboxWaiting && expires <= now {
			r.State = StateExpired
		}
		if expires == never {
			expires = 0
		}
		r.At, r.NotBefore, r.Expires, r.RetryAt, r.DoneAt = fromMoment(at), fromMoment(notBefore), fromMoment(expires), fromMoment(retryAt), fromMoment(doneAt)
		out = append(out, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the outbox: %w", err)
	}
	return out, nil
}

// RetryNow lets a message go at once that waits, is dead, expired or was dropped. ErrUnknown: there is none of that id, or
// it was sent.
func (s *Store) RetryNow(ctx context.Context, id int64) error {
	err := s.operate(ctx, id, func(tx *sql.Tx, state int, now int64) error {
		if state == outboxSent {
			return ErrUnknown
		}
		_, err := tx.ExecContext(ctx, "UPDATE outbox SET state = 0, not_before = 0, retry_at = ?, done_at = 0,"+
			" expires = CASE WHEN expires <= ? THEN ? ELSE expires END WHERE id = ?", now, now, int64(never), id)
		return err
	})
	if err != nil {
		return fmt.Errorf("retry message %d: %w", id, err)
	}
	return nil
}

// Drop takes a message that waits or is dead out of the outbox. ErrUnknown: there is none such.
func (s *Store) Drop(ctx context.Context, id int64) error {
	err := s.operate(ctx, id, func(tx *sql.Tx, state int, now int64) error {
		if state != outboxWaiting && state != outboxDead {
			return ErrUnknown
		}
		_, err := tx.ExecContext(ctx, "UPDATE outbox SET state = 4, done_at = ? WHERE id = ?", now, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("drop message %d: %w", id, err)
	}
	return nil
}

// operate changes a row by hand and has its lane looked at. The lane's lock comes first, as everywhere; then the row,
// which a sender may have finished meanwhile.
func (s *Store) operate(ctx context.Context, id int64, f func(tx *sql.Tx, state int, now int64) error) error {
	err := s.tx(ctx, func(tx *sql.Tx) error {
		var lane string
		var p, state int
		err := tx.QueryRowContext(ctx, "SELECT lane, prio FROM outbox WHERE id = ?", id).Scan(&lane, &p)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrUnknown
		}
		if err != nil {
			return err
		}
		now := moment(s.now())
		if err := s.lookAgain(ctx, tx, lane, p, now); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT state FROM outbox WHERE id = ?"+s.d.forUpdate, id).Scan(&state); err != nil {
			return err
		}
		return f(tx, state, now)
	})
	if err == nil {
		s.Wake(WakeOutbox)
	}
	return err
}

// OutboxStats says how the outbox is doing.
type OutboxStats struct {
	Waiting     int           // due or not
	Dead        int           //
	OldestAlarm time.Duration // how long the oldest alarm has been due, 0 if none is
	Oldest      time.Duration // the same of any message
}

// OutboxStats looks now.
func (s *Store) OutboxStats(ctx context.Context) (OutboxStats, error) {
	now := moment(s.now())
	var st OutboxStats
	var oldest [3]sql.NullInt64
	err := each(ctx, s.read, "SELECT prio, COUNT(*), MIN(CASE WHEN not_before > ? THEN NULL WHEN not_before > at THEN not_before ELSE at END)"+
		" FROM outbox WHERE state = 0 AND expires > ? GROUP BY prio", []any{now, now}, func(rows *sql.Rows) error {
		var p, n int
		var at sql.NullInt64
		if err := rows.Scan(&p, &n, &at); err != nil {
			return err
		}
		st.Waiting += n
		oldest[p] = at
		return nil
	})
	if err == nil {
		err = s.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM outbox WHERE state = 2").Scan(&st.Dead)
	}
	if err != nil {
		return OutboxStats{}, fmt.Errorf("count the outbox: %w", err)
	}
	for p, at := range oldest {
		if !at.Valid {
			continue
		}
		age := max(0, time.Duration(now-at.Int64)*time.Millisecond)
		st.Oldest = max(st.Oldest, age)
		if p == int(ledger.PriorityAlarm) {
			st.OldestAlarm = age
		}
	}
	return st, nil
}
