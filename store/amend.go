package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"xunfang/ledger"
)

// checkAmended refuses what only a mistake in the program can produce.
func checkAmended(amended []ledger.Amendment) error {
	for _, a := range amended {
		switch {
		case a.Key == "" || a.Was.Key == "":
			return fmt.Errorf("amendment %q of record %q has no key", a.Key, a.Was.Key)
		case a.Now.Key != a.Was.Key || a.Now.No != a.Was.No:
			return fmt.Errorf("amendment %q would make record %q another one", a.Key, a.Was.Key)
		case a.Was.Version < 1 || a.Now.Version != a.Was.Version+1:
			return fmt.Errorf("amendment %q makes version %d of version %d", a.Key, a.Now.Version, a.Was.Version)
		case a.Instead == a.Was.Key:
			return fmt.Errorf("amendment %q puts record %q in its own place", a.Key, a.Was.Key)
		}
		for _, f := range a.Findings {
			if f.Key == "" || f.EntryKey != a.Was.Key {
				return fmt.Errorf("finding %q does not belong to record %q", f.Key, a.Was.Key)
			}
		}
	}
	return nil
}

// readAmended reads what turns that change records are checked against, and locks the records: they are few.
func (b *bunch) readAmended(ctx context.Context, tx *sql.Tx, w *world) error {
	var keys, records []string
	for _, u := range b.turns {
		for _, a := range u.turn.Changes.Amended {
			keys, records = append(keys, a.Key), append(records, a.Was.Key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	w.versions, w.amended = map[string]int{}, map[string]bool{}
	slices.Sort(records)
	err := query(ctx, tx, "SELECT `key`, version FROM entries WHERE `key` IN (%s)"+b.s.d.forUpdate, slices.Compact(records), nil, func(rows *sql.Rows) error {
		var key string
		var version int
		err := rows.Scan(&key, &version)
		w.versions[key] = version
		return err
	})
	if err == nil { // only now: whoever amended one of them first has committed
		err = query(ctx, tx, "SELECT `key` FROM amendments WHERE `key` IN (%s)", keys, nil, func(rows *sql.Rows) error {
			var key string
			err := rows.Scan(&key)
			w.amended[key] = true
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("read the records' versions: %w", err)
	}
	return nil
}

// amends says whether a turn's amendments still hold, and which versions they would leave.
func (w *world) amends(amended []ledger.Amendment) (versions map[string]int, ok bool) {
	if len(amended) == 0 {
		return nil, true
	}
	versions = map[string]int{}
	for i, a := range amended {
		if w.amended[a.Key] || slices.ContainsFunc(amended[:i], func(b ledger.Amendment) bool { return b.Key == a.Key }) {
			continue
		}
		have, moved := versions[a.Was.Key]
		if !moved {
			have = w.versions[a.Was.Key]
		}
		if have != a.Was.Version {
			return nil, false
		}
		versions[a.Was.Key] = a.Now.Version
	}
	return versions, true
}

// amend writes what the turns change of records, each change with the version before it.
func (p *plan) amend(ctx context.Context, tx *sql.Tx) error {
	for _, a := range p.amended {
		if err := p.amendOne(ctx, tx, a); err != nil {
			return fmt.Errorf("amend a record: %w", err)
		}
	}
	return nil
}

func (p *plan) amendOne(ctx context.Context, tx *sql.Tx, a ledger.Amendment) error {
	s, key := p.s, a.Was.Key
	before, err := s.findingsOf(ctx, tx, key)
	if err != nil {
		return err
	}
	a.Was.EnteredAt = second(a.Was.EnteredAt)
	was, err := json.Marshal(a.Was)
	if err != nil {
		return err
	}
	found, err := json.Marshal(before)
	if err != nil {
		return err
	}
	_, err = s.d.insert(ctx, tx, "INSERT INTO amendments ("+amendmentColumns+")", 10, []any{a.Key, key, a.Was.Version, a.Was.ElderID, a.By,
		s.sealText("amendments.why", a.Key, a.Why), s.sealText("amendments.was", a.Key, string(was)),
		s.sealText("amendments.findings", a.Key, string(found)), a.Instead, second(a.At)}, "")
	if err != nil {
		return err
	}
	columns := strings.Split(entryColumns, ", ")[entryFixed:]
	args := append(s.entryValues(a.Now)[entryFixed:], key, a.Was.Version)
	n, err := changed(tx.ExecContext(ctx, "UPDATE entries SET "+strings.Join(columns, " = ?, ")+" = ? WHERE `key` = ? AND version = ?", args...))
	if err != nil {
		return err
	}
	if n != 1 {
		return errCollision
	}
	return p.follow(ctx, tx, a)
}

// follow has what hangs on a record follow its change.
func (p *plan) follow(ctx context.Context, tx *sql.Tx, a ledger.Amendment) error {
	s, key := p.s, a.Was.Key
	var found []any
	stand := []any{string(ledger.FindingWithdrawn), key}
	for _, f := range a.Findings {
		found, stand = append(found, s.findingValues(f)...), append(stand, f.Key)
	}
	_, err := s.d.insert(ctx, tx, "INSERT INTO findings ("+findingColumns+")", 8, found,
		s.d.upsert("`key`", "elder_id = {elder_id}, note = {note}, state = {state}, owner = {owner}"))
	if err != nil {
		return err
	}
	others := ""
	if n := len(a.Findings); n > 0 {
		others = " AND `key` NOT IN (" + marks(n) + ")"
	}
	if _, err := tx.ExecContext(ctx, "UPDATE findings SET state = ? WHERE entry_key = ?"+others, stand...); err != nil {
		return err
	}
	if a.Instead != "" {
		if _, err := tx.ExecContext(ctx, "UPDATE photos SET entry_key = ? WHERE entry_key = ?", a.Instead, key); err != nil {
			return err
		}
	}
	if a.Now.Outcome != ledger.OutcomeUndone {
		return nil
	}
	_, err = tx.ExecContext(ctx, "UPDATE proposals SET state = ?, settled = ? WHERE state = ? AND fact IN (SELECT `key` FROM facts WHERE entry_key = ?)",
		string(ledger.ProposalLeft), a.By, string(ledger.ProposalOpen), key)
	return err
}

// findingsOf are a record's findings that stand.
func (s *Store) findingsOf(ctx context.Context, q querier, entryKey string) ([]ledger.Finding, error) {
	var out []ledger.Finding
	err := each(ctx, q, "SELECT "+findingColumns+" FROM findings WHERE entry_key = ? AND state <> ?"+oldestFirst,
		[]any{entryKey, string(ledger.FindingWithdrawn)}, func(rows *sql.Rows) error {
			f, err := s.scanFinding(rows)
			out = append(out, f)
			return err
		})
	return out, err
}

// Record is a record with all that hangs on it: findings that stand, facts, photos, and how it became what it is, oldest
// change first. Read so, an amendment's Findings are what stood with Was: those of Now are the next one's, or the record's. Of
// a removed elder's older versions only number, moment and who made the change are left. ErrUnknown: there is none of that key.
func (s *Store) Record(ctx context.Context, key string) (ledger.Record, error) {
	r, err := s.record(ctx, key)
	if err != nil {
		return ledger.Record{}, fmt.Errorf("read record %s: %w", key, err)
	}
	return r, nil
}

func (s *Store) record(ctx context.Context, key string) (r ledger.Record, err error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{Isolation: s.d.snapshot, ReadOnly: true})
	if err != nil {
		return r, err
	}
	defer tx.Rollback() // nothing was written
	r.Entry, err = s.scanEntry(tx.QueryRowContext(ctx, "SELECT "+entryColumns+" FROM entries WHERE `key` = ?", key).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return r, ErrUnknown
	}
	if err != nil {
		return r, err
	}
	if r.Findings, err = s.findingsOf(ctx, tx, key); err != nil {
		return r, err
	}
	err = each(ctx, tx, "SELECT "+factColumns+" FROM facts WHERE entry_key = ?"+oldestFirst, []any{key}, func(rows *sql.Rows) error {
		f, err := s.scanFact(rows)
		r.Facts = append(r.Facts, f)
		return err
	})
	if err != nil {
		return r, err
	}
	if r.Photos, err = s.photos(ctx, tx, "entry_key = ?"+oldestFirst, key); err != nil {
		return r, err
	}
	r.Versions, err = s.versionsOf(ctx, tx, r)
	return r, err
}

const amendmentColumns = "`key`, entry_key, version, elder_id, by_, why, was, findings, instead, at"

// versionsOf are a record's changes. What each of them led to is what the next one found there, or the record as it is.
func (s *Store) versionsOf(ctx context.Context, tx *sql.Tx, r ledger.Record) ([]ledger.Amendment, error) {
	var out []ledger.Amendment
	err := each(ctx, tx, "SELECT "+amendmentColumns+" FROM amendments WHERE entry_key = ? ORDER BY version", []any{r.Key}, func(rows *sql.Rows) error {
		a := ledger.Amendment{Was: ledger.Entry{No: r.No}}
		var was, found string
		err := rows.Scan(&a.Key, &a.Was.Key, &a.Was.Version, &a.Was.ElderID, &a.By, &a.Why, &was, &found, &a.Instead, &a.At)
		if err == nil {
			a.Why, err = s.openText("amendments.why", a.Key, a.Why)
		}
		if err == nil {
			err = s.openJSON("amendments.was", a.Key, was, &a.Was)
		}
		if err == nil {
			err = s.openJSON("amendments.findings", a.Key, found, &a.Findings)
		}
		if n := len(out); n > 0 {
			out[n-1].Now = a.Was
		}
		a.Now = r.Entry
		out = append(out, a)
		return err
	})
	return out, err
}

// openJSON opens what was sealed as JSON; what was erased leaves to as it is.
func (s *Store) openJSON(column, row, sealed string, to any) error {
	text, err := s.openText(column, row, sealed)
	if err != nil || text == "" {
		return err
	}
	return json.Unmarshal([]byte(text), to)
}
