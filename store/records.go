package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"xunfang/ledger"
)

// Entries are the elders' records from a day on, in the order of days; numbers break ties, so that the order is always the
// same.
func (s *Store) Entries(ctx context.Context, elderIDs []string, from ledger.Day) ([]ledger.Entry, error) {
	if len(elderIDs) > entriesAlone {
		out, err := s.readEntries(ctx, []entriesOf{{elderIDs, from}})
		if err != nil {
			return nil, err
		}
		return out[0], nil
	}
	return s.entries.ask(ctx, s, entriesOf{elderIDs, from})
}

// entriesAlone is how many elders make a read of its own: an area's, which would hold up everybody who shares it.
const entriesAlone = 60

type entriesOf struct {
	elders []string
	from   ledger.Day
}

// readEntries reads for all who ask: the union of the elders, from the earliest day, then to each their own.
func (s *Store) readEntries(ctx context.Context, asked []entriesOf) ([][]ledger.Entry, error) {
	var ids []string
	from := asked[0].from
	for _, q := range asked {
		ids = append(ids, q.elders...)
		from = min(from, q.from)
	}
	if len(asked) > 1 {
		slices.Sort(ids)
		ids = slices.Compact(ids)
	}
	by := map[string][]ledger.Entry{}
	err := query(s.quick(ctx), s.read, "SELECT `key`, no, kind, elder_id, user_id, day, method, outcome, note, room_temp, waiver, entered_at"+
		" FROM entries WHERE elder_id IN (%s) AND day >= ?", ids, []any{string(from)}, func(rows *sql.Rows) error {
		var e ledger.Entry
		var temp sql.Null[int]
		err := rows.Scan(&e.Key, &e.No, &e.Kind, &e.ElderID, &e.UserID, &e.Day, &e.Method, &e.Outcome, &e.Note, &temp, &e.Waiver, &e.EnteredAt)
		if err != nil {
			return err
		}
		if temp.Valid {
			e.RoomTemp = &temp.V
		}
		if e.Note, err = s.openText("entries.note", e.Key, e.Note); err != nil {
			return err
		}
		e.Waiver, err = s.openText("entries.waiver", e.Key, e.Waiver)
		by[e.ElderID] = append(by[e.ElderID], e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	out := make([][]ledger.Entry, len(asked))
	for i, q := range asked {
		for _, id := range q.elders {
			for _, e := range by[id] {
				if e.Day >= q.from {
					out[i] = append(out[i], e)
				}
			}
		}
		slices.SortFunc(out[i], func(a, b ledger.Entry) int {
			if c := strings.Compare(string(a.Day), string(b.Day)); c != 0 {
				return c
			}
			return strings.Compare(a.No, b.No)
		})
	}
	return out, nil
}

// EntryNo finds a record by its number; ErrUnknown if there is none.
func (s *Store) EntryNo(ctx context.Context, no string) (ledger.Entry, error) {
	var e ledger.Entry
	err := s.read.QueryRowContext(ctx, "SELECT `key`, no, elder_id, user_id, day FROM entries WHERE no = ?", no).Scan(&e.Key, &e.No, &e.ElderID, &e.UserID, &e.Day)
	if errors.Is(err, sql.ErrNoRows) {
		return e, ErrUnknown
	}
	if err != nil {
		return e, fmt.Errorf("read record %s: %w", no, err)
	}
	return e, nil
}

// Findings are what visits found about elders, oldest first; without states, in every state.
func (s *Store) Findings(ctx context.Context, elderIDs []string, states ...ledger.FindingState) ([]ledger.Finding, error) {
	var out []ledger.Finding
	text, args := "SELECT `key`, entry_key, elder_id, item, note, state, owner, at FROM findings WHERE elder_id IN (%s)", []any(nil)
	if len(states) > 0 {
		text += " AND state IN (" + marks(len(states)) + ")"
		for _, x := range states {
			args = append(args, string(x))
		}
	}
	err := query(ctx, s.read, text, elderIDs, args, func(rows *sql.Rows) error {
		var f ledger.Finding
		err := rows.Scan(&f.Key, &f.EntryKey, &f.ElderID, &f.Item, &f.Note, &f.State, &f.Owner, &f.At)
		if err != nil {
			return err
		}
		f.Note, err = s.openText("findings.note", f.Key, f.Note)
		out = append(out, f)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read findings: %w", err)
	}
	slices.SortFunc(out, func(a, b ledger.Finding) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	return out, nil
}

const photoColumns = "`key`, user_id, entry_key, media_id, state, hash, bytes, at"

func scanPhoto(scan func(...any) error) (p ledger.Photo, err error) {
	err = scan(&p.Key, &p.UserID, &p.EntryKey, &p.MediaID, &p.State, &p.Hash, &p.Bytes, &p.At)
	return p, err
}

// Photo finds a photo; ErrUnknown if there is none of that key.
func (s *Store) Photo(ctx context.Context, key string) (ledger.Photo, error) {
	p, err := scanPhoto(s.read.QueryRowContext(ctx, "SELECT "+photoColumns+" FROM photos WHERE `key` = ?", key).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrUnknown
	}
	if err != nil {
		return ledger.Photo{}, fmt.Errorf("read photo %s: %w", key, err)
	}
	return p, nil
}

// TrayPhotos are a user's photos sent since a moment and bound to no entry yet, oldest first; lost ones are none.
func (s *Store) TrayPhotos(ctx context.Context, user string, since time.Time) ([]ledger.Photo, error) {
	var out []ledger.Photo
	err := each(s.quick(ctx), s.read, "SELECT "+photoColumns+" FROM photos WHERE user_id = ? AND entry_key = '' AND state <> ? AND at >= ? ORDER BY at, `key`",
		[]any{user, string(ledger.PhotoLost), second(since)}, func(rows *sql.Rows) error {
			p, err := scanPhoto(rows.Scan)
			out = append(out, p)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read the photos of %s: %w", user, err)
	}
	return out, nil
}

// PhotoStored notes where a photo's bytes are.
func (s *Store) PhotoStored(ctx context.Context, key, hash string, bytes int) error {
	return s.photoState(ctx, key, ledger.PhotoStored, hash, bytes)
}

// PhotoLost notes that a photo can no longer be had. One that is stored is not lost.
func (s *Store) PhotoLost(ctx context.Context, key string) error {
	return s.photoState(ctx, key, ledger.PhotoLost, "", 0)
}

func (s *Store) photoState(ctx context.Context, key string, state ledger.PhotoState, hash string, bytes int) error {
	err := s.tx(ctx, func(tx *sql.Tx) error {
		var is ledger.PhotoState
		err := tx.QueryRowContext(ctx, "SELECT state FROM photos WHERE `key` = ?"+s.d.forUpdate, key).Scan(&is)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrUnknown
		}
		if err != nil || is == ledger.PhotoStored {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE photos SET state = ?, hash = ?, bytes = ? WHERE `key` = ?", string(state), hash, bytes, key)
		return err
	})
	if err != nil {
		return fmt.Errorf("note photo %s %s: %w", key, state, err)
	}
	return nil
}

// Unpictured counts a visitor's door visits since a day that met the elder and have neither photo nor reason.
func (s *Store) Unpictured(ctx context.Context, user string, from ledger.Day) (int, error) {
	var n int
	err := s.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM entries e WHERE e.user_id = ? AND e.day >= ? AND e.method = ? AND e.outcome IN (?, ?)"+
		" AND e.waiver = '' AND NOT EXISTS (SELECT 1 FROM photos p WHERE p.entry_key = e.`key`)",
		user, string(from), string(ledger.MethodDoor), string(ledger.OutcomeOK), string(ledger.OutcomeProblem)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count visits without a photo: %w", err)
	}
	return n, nil
}

// PhotosOf are the photos bound to entries.
func (s *Store) PhotosOf(ctx context.Context, entryKeys []string) ([]ledger.Photo, error) {
	var out []ledger.Photo
	if err := s.gorm.WithContext(ctx).Where("entry_key IN ?", entryKeys).Order("`key`").Find(&out).Error; err != nil {
		return nil, fmt.Errorf("read the photos of entries: %w", err)
	}
	return out, nil
}

// Facts are what was heard when facts of elders were re-checked, oldest first.
func (s *Store) Facts(ctx context.Context, elderIDs []string) ([]ledger.Fact, error) {
	var out []ledger.Fact
	if err := s.gorm.WithContext(ctx).Where("elder_id IN ?", elderIDs).Order("at, `key`").Find(&out).Error; err != nil {
		return nil, fmt.Errorf("read re-checked facts: %w", err)
	}
	for i := range out {
		var err error
		if out[i].Value, err = s.openText("facts.value", out[i].Key, out[i].Value); err != nil {
			return nil, fmt.Errorf("read re-checked facts: %w", err)
		}
	}
	return out, nil
}
