package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"xunfang/seal"
)

// Inbound is a message as it came in, kept before WeCom is answered.
type Inbound struct {
	ID    int64
	Key   string // the same for every redelivery
	User  string // userid, folded
	Raw   []byte
	At    time.Time // when it was received
	Tries int       // turns that failed over it
}

// The states of an inbox row, written out in the statements: 0 waiting, 1 handled, 2 buried.

// keyMax is what a unique key may measure, in characters: MySQL's indexes are narrow.
const keyMax = 191

// Receive keeps a message; when it returns nil the message is durable. ErrDuplicate: it already was.
func (s *Store) Receive(ctx context.Context, in Inbound) error {
	if in.Key == "" || len(in.Key) > keyMax || in.User == "" {
		return fmt.Errorf("receive: a message needs a user and a key of 1 to %d bytes", keyMax)
	}
	if err := s.submit(ctx, &work{receive: &in, size: len(in.Raw)}); err != nil {
		if errors.Is(err, ErrDuplicate) {
			return ErrDuplicate
		}
		return fmt.Errorf("receive: %w", err)
	}
	return nil
}

// doReceives inserts all that is new. Which of many rows was no news the databases do not say, so the rare batch that
// holds a redelivery is rolled back and looked through first.
func (b *bunch) doReceives(ctx context.Context, tx *sql.Tx) error {
	if len(b.receives) == 0 {
		return nil
	}
	known := map[string]bool{}
	if b.careful {
		keys := make([]string, len(b.receives))
		for i, w := range b.receives {
			keys[i] = w.receive.Key
		}
		err := query(ctx, tx, "SELECT dedupe FROM inbox WHERE dedupe IN (%s)", keys, nil, func(rows *sql.Rows) error {
			var key string
			err := rows.Scan(&key)
			known[key] = true
			return err
		})
		if err != nil {
			return fmt.Errorf("look for redeliveries: %w", err)
		}
	}
	args := make([]any, 0, 4*len(b.receives))
	var last *work
	b.received = 0
	for _, w := range b.receives {
		in := w.receive
		if known[in.Key] {
			w.err = ErrDuplicate
			continue
		}
		known[in.Key] = true
		last = w
		b.received++
		args = append(args, in.Key, in.User, b.s.sealBytes("inbox.raw", in.Key, in.Raw), moment(in.At))
	}
	n, err := b.s.d.insert(ctx, tx, "INSERT INTO inbox (dedupe, usr, raw, at)", 4, args, b.s.d.ignore("dedupe"))
	if err != nil {
		return fmt.Errorf("insert into the inbox: %w", err)
	}
	switch {
	case int(n) == b.received:
	case b.received == 1:
		last.err, b.received = ErrDuplicate, 0
	default:
		return errCollision
	}
	return nil
}

// Pending are a user's messages that no turn has handled, oldest first.
func (s *Store) Pending(ctx context.Context, user string, n int) ([]Inbound, error) {
	return s.pending.ask(ctx, s, pendingOf{user, n})
}

type pendingOf struct {
	user string
	n    int
}

// readPending reads for all who ask. Where one user's backlog may have crowded out another's message, each is read alone.
func (s *Store) readPending(ctx context.Context, asked []pendingOf) ([][]Inbound, error) {
	users, most := make([]string, len(asked)), 0
	for i, q := range asked {
		users[i] = q.user
		most += q.n
	}
	by := make(map[string][]Inbound, len(asked))
	rows := 0
	var damaged []int64
	err := query(ctx, s.read, "SELECT id, usr, dedupe, raw, at, tries FROM inbox WHERE state = 0 AND usr IN (%s) ORDER BY id LIMIT ?",
		users, []any{most}, func(r *sql.Rows) error {
			var in Inbound
			var at int64
			err := r.Scan(&in.ID, &in.User, &in.Key, &in.Raw, &at, &in.Tries)
			if err != nil {
				return err
			}
			in.At = fromMoment(at)
			rows++
			if in.Raw, err = s.openBytes("inbox.raw", in.Key, in.Raw); errors.Is(err, seal.ErrNoKey) {
				return err // the key may come
			}
			if err != nil { // must not hold back others who are read with it
				s.log.Error("a message cannot be opened and is put aside", "message", in.ID, "err", err)
				damaged = append(damaged, in.ID)
				return nil
			}
			by[in.User] = append(by[in.User], in)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read pending messages: %w", err)
	}
	for _, id := range damaged {
		if err := s.Bury(ctx, id, "its sealed text is damaged"); err != nil && !errors.Is(err, ErrUnknown) {
			return nil, err
		}
	}
	out := make([][]Inbound, len(asked))
	for i, q := range asked {
		if rows == most && len(asked) > 1 {
			alone, err := s.readPending(ctx, asked[i:i+1])
			if err != nil {
				return nil, err
			}
			out[i] = alone[0]
			continue
		}
		mine := by[q.user]
		out[i] = mine[:min(q.n, len(mine))]
	}
	return out, nil
}

// Backlog are users with unhandled messages, who has waited longest first. Whoever asks does so every few seconds: the moment
// to take up a new key, too.
func (s *Store) Backlog(ctx context.Context, n int) ([]string, error) {
	if err := s.followKeys(ctx); err != nil {
		return nil, err
	}
	var out []string
	err := each(ctx, s.read, "SELECT usr FROM inbox WHERE state = 0 GROUP BY usr ORDER BY MIN(id) LIMIT ?", []any{n},
		func(rows *sql.Rows) error {
			var user string
			err := rows.Scan(&user)
			out = append(out, user)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read the backlog: %w", err)
	}
	return out, nil
}

// Failed notes that a turn broke off over a message, so that one that breaks every turn can be told from bad luck.
func (s *Store) Failed(ctx context.Context, id int64, reason string) error {
	return s.inboxRow(ctx, id, "UPDATE inbox SET tries = tries + 1, reason = ? WHERE id = ? AND state = 0", clip(reason), id)
}

// Bury keeps a message that no turn can digest, marked and out of the way.
func (s *Store) Bury(ctx context.Context, id int64, reason string) error {
	return s.inboxRow(ctx, id, "UPDATE inbox SET state = 2, reason = ?, done_at = ? WHERE id = ? AND state = 0", clip(reason), moment(s.now()), id)
}

func (s *Store) inboxRow(ctx context.Context, id int64, text string, args ...any) error {
	n, err := changed(s.write.ExecContext(ctx, text, args...))
	if err == nil && n == 0 {
		err = ErrUnknown
	}
	if err != nil {
		return fmt.Errorf("mark message %d of the inbox: %w", id, err)
	}
	return nil
}

// clip shortens a reason to its column.
func clip(reason string) string {
	r := []rune(reason)
	return string(r[:min(len(r), 255)])
}
