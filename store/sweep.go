package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"xunfang/ledger"
)

// Keep is for how many days each class of data is kept (PIPL art. 19: the shortest time necessary; wecom-external §G.3).
type Keep struct {
	Messages  int // received and sent messages once they are dealt with, and what a dialogue remembers
	Tray      int // photos that belong to no record
	Photos    int // photos of records, those of a finding or case still open stay; and reviews somebody has looked at
	Departed  int // personal data of elders who died or moved away, counted from that day
	Withdrawn int // of those who withdrew their consent
	Looks     int // who looked; at least GuardYears
}

// keepCases is for how many years after its end a case keeps its photos, and those of the visit that found it (requirements §1.O).
const keepCases = 3

// ofRecords are photos that nothing open keeps. It asks twice when a case has been over for long enough.
const ofRecords = "entry_key <> '' AND NOT EXISTS (SELECT 1 FROM findings f WHERE f.entry_key = photos.entry_key AND f.state = '" + string(ledger.FindingReported) + "')" +
	" AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.`key` = photos.entry_key AND" + keeps + ")" +
	" AND NOT EXISTS (SELECT 1 FROM findings f JOIN cases c ON c.source = f.`key` WHERE f.entry_key = photos.entry_key AND" + keeps + ")"

const keeps = " (c.state NOT IN (" + overStates + ") OR c.moved >= ?)"

// keepNotices is for how many days it stays known what was told and why: a year's duties are told of once.
const keepNotices = 400

// For how many days is kept what concerns relatives: words to them, tries among it; the line to who is bound to nobody, after their
// last word; what only counts (the window of 微信客服, guesses).
const (
	keepWords  = 400
	keepLines  = 90
	keepCounts = 7
)

// Swept is one class of data and how much of it went, or would go.
type Swept struct {
	Class string // messages | dialogues | tray | photos | elders | looks | consents | notices | reviews | words | lines | counts
	Rows  int
}

// Sweep deletes what has been kept long enough and says how much of each class; with dry it only says. Remove deletes a
// photo's bytes by their hash. It may break off and be run again.
func (s *Store) Sweep(ctx context.Context, k Keep, today ledger.Day, dry bool, remove func(hash string) error) ([]Swept, error) {
	now := s.now()
	before := func(days int) time.Time { return now.AddDate(0, 0, -days) }
	var out []Swept
	add := func(class string, n int) {
		switch last := len(out) - 1; {
		case n == 0:
		case last >= 0 && out[last].Class == class:
			out[last].Rows += n
		default:
			out = append(out, Swept{class, n})
		}
	}
	if dry {
		n, err := s.count(ctx, "SELECT (SELECT COUNT(*) FROM inbox WHERE state = 1 AND at < ?) + (SELECT COUNT(*) FROM outbox WHERE state IN (1, 3, 4) AND done_at < ?)",
			min(moment(before(k.Messages)), moment(now.Add(-Redelivery))), moment(before(k.Messages)))
		if err != nil {
			return out, err
		}
		add("messages", n)
	} else {
		n, err := s.Purge(ctx, before(k.Messages))
		add("messages", n)
		if err != nil {
			return out, err
		}
	}
	for _, t := range []struct {
		class, where, do string
		args             []any
	}{
		// The row stays, and its revision moves on: a turn under way must not write over what is no longer there.
		{"dialogues", "conversations WHERE at < ? AND LENGTH(state) > 0", "UPDATE conversations SET state = NULL, revision = revision + 1 WHERE at < ? AND LENGTH(state) > 0",
			[]any{moment(before(k.Messages))}},
		{"looks", "looks WHERE at < ?", "DELETE FROM looks WHERE at < ?", []any{second(before(max(k.Looks, GuardYears*366)))}},
		{"consents", "consents WHERE at < ? AND elder_id IN (SELECT id FROM elders WHERE name = ?)",
			"DELETE FROM consents WHERE at < ? AND elder_id IN (SELECT id FROM elders WHERE name = ?)", []any{second(before(GuardYears * 366)), ErasedName}},
		{"notices", "notices WHERE day < ?", "DELETE FROM notices WHERE day < ?", []any{string(today.Add(-keepNotices))}},
		{"reviews", "reviews WHERE at < ? AND state <> 'open'", "DELETE FROM reviews WHERE at < ? AND state <> 'open'", []any{second(before(k.Photos))}},
		{"lines", "kin_lines WHERE at < ? AND heard < ? AND " + unbound, "DELETE FROM kin_lines WHERE at < ? AND heard < ? AND " + unbound,
			[]any{moment(before(keepLines)), moment(before(keepLines))}},
		{"counts", "kf_sends WHERE at < ?", "DELETE FROM kf_sends WHERE at < ?", []any{moment(before(keepCounts))}},
		{"counts", "guesses WHERE at < ?", "DELETE FROM guesses WHERE at < ?", []any{moment(before(keepCounts))}},
	} {
		n, err := s.count(ctx, "SELECT COUNT(*) FROM "+t.where, t.args...)
		if err == nil && n > 0 && !dry {
			_, err = s.write.ExecContext(ctx, t.do, t.args...)
		}
		if err != nil {
			return out, fmt.Errorf("sweep %s: %w", t.class, err)
		}
		add(t.class, n)
	}
	for _, t := range []struct {
		class, where string
		args         []any
	}{
		{"tray", "(at < ? OR state = '" + string(ledger.PhotoExpired) + "') AND entry_key = ''", []any{second(before(k.Tray))}},
		{"photos", "at < ? AND " + ofRecords, []any{second(before(k.Photos)), moment(now.AddDate(-keepCases, 0, 0)), moment(now.AddDate(-keepCases, 0, 0))}},
	} {
		n, err := s.sweepPhotos(ctx, t.where, t.args, dry, remove)
		add(t.class, n)
		if err != nil {
			return out, fmt.Errorf("sweep %s: %w", t.class, err)
		}
	}
	n, err := s.sweepWords(ctx, before(keepWords), dry)
	add("words", n)
	if err != nil {
		return out, fmt.Errorf("sweep words: %w", err)
	}
	gone, err := s.departed(ctx, k, today)
	if err == nil && !dry {
		for _, id := range gone {
			if err = s.Erase(ctx, id, ledger.ByOperator, "retention", remove); err != nil {
				break
			}
		}
	}
	if err != nil {
		return out, fmt.Errorf("sweep elders who have left: %w", err)
	}
	add("elders", len(gone))
	return out, nil
}

// sweepWords deletes words that were made before a moment, with their tries.
func (s *Store) sweepWords(ctx context.Context, before time.Time, dry bool) (int, error) {
	if dry {
		return s.count(ctx, "SELECT COUNT(*) FROM words WHERE at < ?", moment(before))
	}
	for total := 0; ; {
		var keys []string
		err := each(ctx, s.read, "SELECT `key` FROM words WHERE at < ? ORDER BY at LIMIT ?", []any{moment(before), purgeRows}, func(rows *sql.Rows) error {
			var key string
			err := rows.Scan(&key)
			keys = append(keys, key)
			return err
		})
		if err == nil {
			err = s.tx(ctx, func(tx *sql.Tx) error { return forgetWords(ctx, tx, keys) })
		}
		if err != nil || len(keys) == 0 {
			return total, err
		}
		total += len(keys)
	}
}

func (s *Store) count(ctx context.Context, text string, args ...any) (n int, err error) {
	return n, s.read.QueryRowContext(ctx, text, args...).Scan(&n)
}

// sweepPhotos deletes stored photos, and the bytes of those that were recalled. The bytes go first: a row without bytes is found
// again, bytes without a row never.
func (s *Store) sweepPhotos(ctx context.Context, where string, args []any, dry bool, remove func(string) error) (int, error) {
	type photo struct{ key, hash string }
	var photos []photo
	err := each(ctx, s.read, "SELECT `key`, hash FROM photos WHERE hash <> '' AND state IN ('"+string(ledger.PhotoStored)+"', '"+string(ledger.PhotoExpired)+"') AND "+where, args, func(rows *sql.Rows) error {
		var p photo
		err := rows.Scan(&p.key, &p.hash)
		photos = append(photos, p)
		return err
	})
	if err != nil || dry {
		return len(photos), err
	}
	for i, p := range photos {
		others, err := s.count(ctx, "SELECT COUNT(*) FROM photos WHERE hash = ? AND `key` <> ? AND state = ?", p.hash, p.key, string(ledger.PhotoStored))
		if err == nil && others == 0 {
			err = remove(p.hash)
		}
		if err == nil {
			_, err = s.write.ExecContext(ctx, "UPDATE photos SET state = ?, hash = '', bytes = 0, media_id = '', look = '' WHERE `key` = ?", string(ledger.PhotoExpired), p.key)
		}
		if err != nil {
			return i, err
		}
	}
	return len(photos), nil
}

// departed are the elders whose time has come: who died or moved away long enough ago, or withdrew.
func (s *Store) departed(ctx context.Context, k Keep, today ledger.Day) ([]string, error) {
	var out []string
	err := each(ctx, s.read, "SELECT DISTINCT e.id FROM elders e JOIN standings s ON s.elder_id = e.id WHERE e.name <> ? AND (s.to_day = '' OR s.to_day >= ?)"+
		" AND (s.kind IN (?, ?) AND s.from_day <= ? OR s.kind = ? AND s.from_day <= ?) ORDER BY e.id",
		[]any{ErasedName, string(today), string(ledger.StandingDied), string(ledger.StandingMoved), string(today.Add(-k.Departed)),
			string(ledger.StandingLeft), string(today.Add(-k.Withdrawn))}, func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			out = append(out, id)
			return err
		})
	return out, err
}
