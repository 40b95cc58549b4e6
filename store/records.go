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
	text := "SELECT " + entryColumns + " FROM entries WHERE elder_id IN (%s) AND day >= ?"
	err := query(s.quick(ctx), s.read, text, ids, []any{string(from)}, func(rows *sql.Rows) error {
		e, err := s.scanEntry(rows.Scan)
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

const (
	entryColumns = "`key`, no, kind, elder_id, user_id, day, method, outcome, note, room_temp, waiver, pressure, company, late, whom, looked, version, entered_at"
	entryFixed   = 2 // of them never change
)

func (s *Store) entryValues(e ledger.Entry) []any {
	var temp any // a typed nil pointer would do for database/sql, too, but not for every driver
	if e.RoomTemp != nil {
		temp = *e.RoomTemp
	}
	return []any{e.Key, e.No, string(e.Kind), e.ElderID, e.UserID, string(e.Day), string(e.Method), string(e.Outcome),
		s.sealText("entries.note", e.Key, e.Note), temp, s.sealText("entries.waiver", e.Key, e.Waiver), s.sealText("entries.pressure", e.Key, e.Pressure),
		s.sealText("entries.company", e.Key, e.Company), s.sealText("entries.late", e.Key, e.Late), s.sealText("entries.whom", e.Key, e.Whom),
		e.Looked, max(1, e.Version), second(e.EnteredAt)}
}

func (s *Store) scanEntry(scan func(...any) error) (e ledger.Entry, err error) {
	var temp sql.Null[int]
	err = scan(&e.Key, &e.No, &e.Kind, &e.ElderID, &e.UserID, &e.Day, &e.Method, &e.Outcome, &e.Note, &temp, &e.Waiver, &e.Pressure, &e.Company, &e.Late,
		&e.Whom, &e.Looked, &e.Version, &e.EnteredAt)
	if err != nil {
		return e, err
	}
	if temp.Valid {
		e.RoomTemp = &temp.V
	}
	for _, x := range []struct {
		column string
		text   *string
	}{{"entries.note", &e.Note}, {"entries.waiver", &e.Waiver}, {"entries.pressure", &e.Pressure}, {"entries.company", &e.Company}, {"entries.late", &e.Late},
		{"entries.whom", &e.Whom}} {
		if *x.text, err = s.openText(x.column, e.Key, *x.text); err != nil {
			return e, err
		}
	}
	return e, nil
}

// EntryNo finds a record by its number; ErrUnknown if there is none.
func (s *Store) EntryNo(ctx context.Context, no string) (ledger.Entry, error) {
	e, err := s.scanEntry(s.read.QueryRowContext(ctx, "SELECT "+entryColumns+" FROM entries WHERE no = ?", no).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return e, ErrUnknown
	}
	if err != nil {
		return e, fmt.Errorf("read record %s: %w", no, err)
	}
	return e, nil
}

// Logged are the records somebody entered since a moment, oldest first; undone ones, too.
func (s *Store) Logged(ctx context.Context, user string, since time.Time) ([]ledger.Entry, error) {
	return s.entered(ctx, "user_id = ? AND entered_at >= ? ORDER BY entered_at, no", user, second(since))
}

// Entered are the first records, at most limit, that anybody entered since a moment, in the order of entering; undone ones, too.
func (s *Store) Entered(ctx context.Context, since time.Time, limit int) ([]ledger.Entry, error) {
	return s.entered(ctx, "entered_at >= ? ORDER BY entered_at, no LIMIT ?", second(since), limit)
}

func (s *Store) entered(ctx context.Context, where string, args ...any) ([]ledger.Entry, error) {
	var out []ledger.Entry
	err := each(ctx, s.read, "SELECT "+entryColumns+" FROM entries WHERE "+where, args, func(rows *sql.Rows) error {
		e, err := s.scanEntry(rows.Scan)
		out = append(out, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what was entered: %w", err)
	}
	return out, nil
}

const findingColumns = "`key`, entry_key, elder_id, item, note, state, owner, at"

func (s *Store) findingValues(f ledger.Finding) []any {
	return []any{f.Key, f.EntryKey, f.ElderID, f.Item, s.sealText("findings.note", f.Key, f.Note), string(f.State), f.Owner, second(f.At)}
}

func (s *Store) scanFinding(rows *sql.Rows) (f ledger.Finding, err error) {
	if err = rows.Scan(&f.Key, &f.EntryKey, &f.ElderID, &f.Item, &f.Note, &f.State, &f.Owner, &f.At); err != nil {
		return f, err
	}
	f.Note, err = s.openText("findings.note", f.Key, f.Note)
	return f, err
}

// Findings are what visits found about elders, oldest first; without states, in every state but withdrawn: of what nobody
// found only who asks for it hears.
func (s *Store) Findings(ctx context.Context, elderIDs []string, states ...ledger.FindingState) ([]ledger.Finding, error) {
	var out []ledger.Finding
	text, args := "SELECT "+findingColumns+" FROM findings WHERE elder_id IN (%s) AND state <> ?", []any{string(ledger.FindingWithdrawn)}
	if len(states) > 0 {
		text, args = strings.Replace(text, "<> ?", "IN ("+marks(len(states))+")", 1), nil
		for _, x := range states {
			args = append(args, string(x))
		}
	}
	err := query(ctx, s.read, text, elderIDs, args, func(rows *sql.Rows) error {
		f, err := s.scanFinding(rows)
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

const photoColumns = "`key`, kind, user_id, entry_key, media_id, state, hash, bytes, look, compared, at"

func (s *Store) scanPhoto(scan func(...any) error) (p ledger.Photo, err error) {
	if err = scan(&p.Key, &p.Kind, &p.UserID, &p.EntryKey, &p.MediaID, &p.State, &p.Hash, &p.Bytes, &p.Look, &p.Compared, &p.At); err != nil {
		return p, err
	}
	p.Look, err = s.openText("photos.look", p.Key, p.Look)
	return p, err
}

const oldestFirst = " ORDER BY at, `key`"

func (s *Store) photos(ctx context.Context, q querier, where string, args ...any) ([]ledger.Photo, error) {
	var out []ledger.Photo
	err := each(s.quick(ctx), q, "SELECT "+photoColumns+" FROM photos WHERE "+where, args, func(rows *sql.Rows) error {
		p, err := s.scanPhoto(rows.Scan)
		out = append(out, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read photos: %w", err)
	}
	return out, nil
}

// Photo finds a photo; ErrUnknown if there is none of that key.
func (s *Store) Photo(ctx context.Context, key string) (ledger.Photo, error) {
	p, err := s.scanPhoto(s.read.QueryRowContext(ctx, "SELECT "+photoColumns+" FROM photos WHERE `key` = ?", key).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrUnknown
	}
	if err != nil {
		return ledger.Photo{}, fmt.Errorf("read photo %s: %w", key, err)
	}
	return p, nil
}

// TrayPhotos are a user's photos, and what they spoke, sent since a moment and bound to no entry yet, oldest first; lost ones
// are none.
func (s *Store) TrayPhotos(ctx context.Context, user string, since time.Time) ([]ledger.Photo, error) {
	return s.photos(ctx, s.read, "user_id = ? AND entry_key = '' AND state <> ? AND at >= ?"+oldestFirst, user, string(ledger.PhotoLost), second(since))
}

// shown: a picture is at hand and belongs to a record that counts.
const shown = "kind = '' AND state = 'stored' AND entry_key <> '' AND EXISTS (SELECT 1 FROM entries e WHERE e.`key` = photos.entry_key AND e.outcome <> 'undone')"

// Uncompared are pictures of records that were not compared with the sender's earlier ones yet, oldest first. Those of an
// undone record wait: it may be taken up again.
func (s *Store) Uncompared(ctx context.Context, limit int) ([]ledger.Photo, error) {
	return s.photos(ctx, s.read, "compared = 0 AND "+shown+oldestFirst+" LIMIT ?", limit)
}

// Compared notes that pictures were compared with the sender's earlier ones.
func (s *Store) Compared(ctx context.Context, keys ...string) error {
	if _, err := exec(ctx, s.write, "UPDATE photos SET compared = 1 WHERE `key` IN (%s)", keys); err != nil {
		return fmt.Errorf("note that photos were compared: %w", err)
	}
	return nil
}

// Pictured are the pictures of records that somebody sent since a moment and of which it is known what they look like, oldest
// first; an undone record's are none.
func (s *Store) Pictured(ctx context.Context, user string, since time.Time) ([]ledger.Photo, error) {
	return s.photos(ctx, s.read, "user_id = ? AND at >= ? AND look <> '' AND "+shown+oldestFirst, user, second(since))
}

// PhotoStored notes where a photo's bytes are, and what it looks like.
func (s *Store) PhotoStored(ctx context.Context, key, hash string, bytes int, look string) error {
	return s.photoState(ctx, key, ledger.PhotoStored, hash, bytes, look)
}

// PhotoLost notes that a photo can no longer be had. One that is stored is not lost.
func (s *Store) PhotoLost(ctx context.Context, key string) error {
	return s.photoState(ctx, key, ledger.PhotoLost, "", 0, "")
}

func (s *Store) photoState(ctx context.Context, key string, state ledger.PhotoState, hash string, bytes int, look string) error {
	err := s.tx(ctx, func(tx *sql.Tx) error {
		var is ledger.PhotoState
		err := tx.QueryRowContext(ctx, "SELECT state FROM photos WHERE `key` = ?"+s.d.forUpdate, key).Scan(&is)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrUnknown
		}
		if err != nil || is == ledger.PhotoStored {
			return err
		}
		if is == ledger.PhotoExpired { // recalled while it was fetched: a Sweep finds the bytes
			state, look = is, ""
		}
		_, err = tx.ExecContext(ctx, "UPDATE photos SET state = ?, hash = ?, bytes = ?, look = ? WHERE `key` = ?",
			string(state), hash, bytes, s.sealText("photos.look", key, look), key)
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
	err := s.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM entries e WHERE e.user_id = ? AND e.day >= ? AND e.kind = ? AND e.method = ? AND e.outcome IN (?, ?)"+
		" AND e.waiver = '' AND NOT EXISTS (SELECT 1 FROM photos p WHERE p.entry_key = e.`key` AND p.kind = '')",
		user, string(from), string(ledger.KindVisit), string(ledger.MethodDoor), string(ledger.OutcomeOK), string(ledger.OutcomeProblem)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count visits without a photo: %w", err)
	}
	return n, nil
}

// PhotosOf are the photos, and what was spoken, bound to entries.
func (s *Store) PhotosOf(ctx context.Context, entryKeys []string) ([]ledger.Photo, error) {
	var out []ledger.Photo
	if err := s.gorm.WithContext(ctx).Where("entry_key IN ?", entryKeys).Order("`key`").Find(&out).Error; err != nil {
		return nil, fmt.Errorf("read the photos of entries: %w", err)
	}
	for i := range out {
		var err error
		if out[i].Look, err = s.openText("photos.look", out[i].Key, out[i].Look); err != nil {
			return nil, fmt.Errorf("read the photos of entries: %w", err)
		}
	}
	return out, nil
}

const factColumns = "`key`, entry_key, elder_id, field, result, value, `by`, at"

func (s *Store) scanFact(rows *sql.Rows) (f ledger.Fact, err error) {
	if err = rows.Scan(&f.Key, &f.EntryKey, &f.ElderID, &f.Field, &f.Result, &f.Value, &f.By, &f.At); err != nil {
		return f, err
	}
	f.Value, err = s.openText("facts.value", f.Key, f.Value)
	return f, err
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
