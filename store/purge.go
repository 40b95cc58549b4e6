package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Redelivery is how long an inbox key is kept at least: WeCom repeats a callback within seconds, a proxy or a restored
// backup within days.
const Redelivery = 7 * 24 * time.Hour

// purgeRows is how many rows go in one transaction: callbacks wait behind it.
const purgeRows = 500

// Purge removes handled messages received and settled messages finished before a moment, but no inbox key younger than
// Redelivery. Buried and dead ones stay until somebody has dealt with them.
func (s *Store) Purge(ctx context.Context, before time.Time) (int, error) {
	keep := moment(s.now().Add(-Redelivery))
	total := 0
	for _, t := range []struct {
		table, gone string
		before      int64
	}{
		{"inbox", "state = 1 AND at < ?", min(moment(before), keep)},
		{"outbox", "state IN (1, 3, 4) AND done_at < ?", moment(before)},
	} {
		n, err := s.purge(ctx, t.table, t.gone, t.before)
		total += n
		if err != nil {
			return total, fmt.Errorf("purge the %s: %w", t.table, err)
		}
	}
	return total, nil
}

// purge walks a table in the order of its ids. The newest row stays, or SQLite would give its id away again.
func (s *Store) purge(ctx context.Context, table, gone string, before int64) (total int, err error) {
	var last, newest sql.NullInt64
	if err := s.read.QueryRowContext(ctx, "SELECT MAX(id) FROM "+table).Scan(&newest); err != nil {
		return 0, err
	}
	for {
		var ids []int64
		err := each(ctx, s.read, "SELECT id FROM "+table+" WHERE id > ? AND id < ? AND "+gone+" ORDER BY id LIMIT ?",
			[]any{last.Int64, newest.Int64, before, purgeRows}, func(rows *sql.Rows) error {
				var id int64
				err := rows.Scan(&id)
				ids = append(ids, id)
				return err
			})
		if err != nil || len(ids) == 0 {
			return total, err
		}
		last.Int64 = ids[len(ids)-1]
		var n int64
		err = s.tx(ctx, func(tx *sql.Tx) (err error) {
			n, err = exec(ctx, tx, "DELETE FROM "+table+" WHERE id IN (%s)", ids)
			return err
		})
		if err != nil {
			return total, err
		}
		total += int(n)
	}
}
