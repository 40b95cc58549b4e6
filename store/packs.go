package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"xunfang/ledger"
)

// KeptPack is the text of a policy pack as the program saw it from a day on: what was asked of whom then stays answerable when
// the file has long been another one.
type KeptPack struct {
	Name string
	Seen ledger.Day
	Text []byte
}

// KeepPack keeps a pack's text unless it is what was seen last under that name. Of several texts of one day the last is kept.
func (s *Store) KeepPack(ctx context.Context, name string, seen ledger.Day, text []byte) error {
	err := s.tx(ctx, func(tx *sql.Tx) error {
		var last string
		err := tx.QueryRowContext(ctx, "SELECT text FROM packs WHERE name = ? ORDER BY seen DESC LIMIT 1", name).Scan(&last)
		if err != nil && !errors.Is(err, sql.ErrNoRows) || err == nil && last == string(text) {
			return err
		}
		_, err = s.d.insert(ctx, tx, "INSERT INTO packs (name, seen, text)", 3, []any{name, string(seen), string(text)}, s.d.upsert("name, seen", "text = {text}"))
		return err
	})
	if err != nil {
		return fmt.Errorf("keep pack %s: %w", name, err)
	}
	return nil
}

// Packs are all texts kept, by name, each name's in the order of days.
func (s *Store) Packs(ctx context.Context) ([]KeptPack, error) {
	var out []KeptPack
	err := each(ctx, s.read, "SELECT name, seen, text FROM packs ORDER BY name, seen", nil, func(rows *sql.Rows) error {
		var p KeptPack
		err := rows.Scan(&p.Name, &p.Seen, &p.Text)
		out = append(out, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the packs kept: %w", err)
	}
	return out, nil
}
