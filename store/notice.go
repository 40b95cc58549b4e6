package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"xunfang/ledger"
)

const noticeColumns = "`key`, to_, kind, day, message, cause, at"

// checkNoticed refuses what only a mistake in the program can produce: each notice belongs to a message of its own turn.
func checkNoticed(c ledger.Changes) error {
	for i, n := range c.Notices {
		said := 0
		for _, m := range c.Messages {
			if m.Key == n.Message {
				said++
			}
		}
		switch {
		case n.Key == "" || len(n.Key) > keyMax:
			return fmt.Errorf("notice key %q is not of 1 to %d bytes", n.Key, keyMax)
		case said != 1:
			return fmt.Errorf("notice %q names message %q, of which the turn has %d", n.Key, n.Message, said)
		case slices.ContainsFunc(c.Notices[:i], func(x ledger.Notice) bool { return x.Key == n.Key }):
			return fmt.Errorf("notice %q is there twice", n.Key)
		}
	}
	return nil
}

// readNoticed reads which of the notices, and of the messages they belong to, are there already.
func (b *bunch) readNoticed(ctx context.Context, tx *sql.Tx, w *world) error {
	var keys, messages []string
	for _, u := range b.turns {
		for _, n := range u.turn.Changes.Notices {
			keys, messages = append(keys, n.Key), append(messages, n.Message)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	w.noticed, w.posted = map[string]bool{}, map[string]bool{}
	for _, look := range []struct {
		text string
		keys []string
		into map[string]bool
	}{
		{"SELECT `key` FROM notices WHERE `key` IN (%s)", keys, w.noticed},
		// What was dropped before anybody read it was not said.
		{fmt.Sprintf("SELECT dedupe FROM outbox WHERE dedupe IN (%%s) AND state <> %d", outboxDropped), messages, w.posted},
	} {
		err := query(ctx, tx, look.text, look.keys, nil, func(rows *sql.Rows) error {
			var key string
			err := rows.Scan(&key)
			look.into[key] = true
			return err
		})
		if err != nil {
			return fmt.Errorf("read what was told before: %w", err)
		}
	}
	return nil
}

// news says that nothing of what a turn tells was told before.
func (w *world) news(c ledger.Changes) bool {
	return !slices.ContainsFunc(c.Notices, func(n ledger.Notice) bool { return w.noticed[n.Key] || w.posted[n.Message] })
}

// tell moves the world on by what an admitted turn says.
func (w *world) tell(c ledger.Changes) {
	if w.noticed == nil {
		return
	}
	for _, n := range c.Notices {
		w.noticed[n.Key] = true
	}
	for _, m := range c.Messages {
		w.posted[m.Key] = true
	}
}

// notice collects a turn's notices and says which of its messages they belong to.
func (p *plan) notice(notices []ledger.Notice) (messages map[string]bool) {
	messages = map[string]bool{}
	for _, n := range notices {
		messages[n.Message] = true
		p.notices = append(p.notices, n.Key, n.To, string(n.Kind), string(n.Day), n.Message, n.Cause, second(n.At))
	}
	return messages
}

// tell writes notices with their messages. Another process may have told the same since it was looked up: then a key is taken
// and the turn is looked at again. A message of the same key that was dropped makes room.
func (p *plan) tell(ctx context.Context, tx *sql.Tx) error {
	if len(p.notices) == 0 {
		return nil
	}
	d := p.s.d
	if _, err := exec(ctx, tx, fmt.Sprintf("DELETE FROM outbox WHERE dedupe IN (%%s) AND state = %d", outboxDropped), p.told); err != nil {
		return fmt.Errorf("make room for what is said again: %w", err)
	}
	if _, err := d.insert(ctx, tx, "INSERT INTO outbox ("+outboxColumns+")", outboxWidth, p.telling, ""); err != nil {
		return fmt.Errorf("write what is told: %w", err)
	}
	if _, err := d.insert(ctx, tx, "INSERT INTO notices ("+noticeColumns+")", 7, p.notices, ""); err != nil {
		return fmt.Errorf("write notices: %w", err)
	}
	return nil
}

// untell forgets the notices of messages that were dropped, so that what they told of may be told anew.
func (s *Store) untell(ctx context.Context, tx *sql.Tx, ids []int64) error {
	var keys []string
	err := query(ctx, tx, fmt.Sprintf("SELECT dedupe FROM outbox WHERE id IN (%%s) AND state = %d", outboxDropped), ids, nil, func(rows *sql.Rows) error {
		var key string
		err := rows.Scan(&key)
		keys = append(keys, key)
		return err
	})
	if err == nil {
		_, err = exec(ctx, tx, "DELETE FROM notices WHERE message IN (%s)", keys)
	}
	if err != nil {
		return fmt.Errorf("forget notices: %w", err)
	}
	return nil
}

// Untold forgets the notices, from a day on, of messages that ran out before WeCom took them: what they told of may be told anew.
func (s *Store) Untold(ctx context.Context, from ledger.Day, now time.Time) error {
	_, err := s.write.ExecContext(ctx, fmt.Sprintf("DELETE FROM notices WHERE day >= ? AND message IN (SELECT dedupe FROM outbox WHERE state IN (%d, %d) AND expires <= ?)",
		outboxWaiting, outboxExpired), string(from), moment(now))
	if err != nil {
		return fmt.Errorf("forget what was not told: %w", err)
	}
	return nil
}

// Notices are what the calendar told anybody from a day on, in the order of days.
func (s *Store) Notices(ctx context.Context, from ledger.Day) ([]ledger.Notice, error) {
	return s.notices(ctx, "day >= ?", string(from))
}

// NoticesOf are what the calendar told somebody from a day on, in the order of days.
func (s *Store) NoticesOf(ctx context.Context, user string, from ledger.Day) ([]ledger.Notice, error) {
	return s.notices(ctx, "to_ = ? AND day >= ?", user, string(from))
}

func (s *Store) notices(ctx context.Context, where string, args ...any) ([]ledger.Notice, error) {
	var out []ledger.Notice
	err := each(ctx, s.read, "SELECT "+noticeColumns+" FROM notices WHERE "+where+" ORDER BY day, `key`", args, func(rows *sql.Rows) error {
		var n ledger.Notice
		err := rows.Scan(&n.Key, &n.To, &n.Kind, &n.Day, &n.Message, &n.Cause, &n.At)
		out = append(out, n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	return out, nil
}
