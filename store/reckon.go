package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"xunfang/ledger"
)

// countedColumns are what duties are counted by; one index holds them all, and nothing in them is sealed.
const countedColumns = "`key`, kind, elder_id, user_id, day, method, outcome, looked"

// Counted are all records from a day on that are not undone, ordered by elder and day, with no more in them than duties are
// counted by: key, kind, elder, user, day, method, outcome, and whether it was looked around.
func (s *Store) Counted(ctx context.Context, from ledger.Day) ([]ledger.Entry, error) {
	var out []ledger.Entry
	err := s.counted(ctx, s.read, reach{}, from, func(e ledger.Entry) error {
		out = append(out, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// CountedOf are those of some elders.
func (s *Store) CountedOf(ctx context.Context, elderIDs []string, from ledger.Day) ([]ledger.Entry, error) {
	var out []ledger.Entry
	var c counter
	err := query(ctx, s.read, "SELECT "+countedColumns+" FROM entries WHERE elder_id IN (%s) AND day >= ? AND outcome <> ?", elderIDs,
		[]any{string(from), string(ledger.OutcomeUndone)}, func(rows *sql.Rows) error {
			e, err := c.scan(rows)
			out = append(out, e)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read what counts: %w", err)
	}
	slices.SortFunc(out, func(a, b ledger.Entry) int {
		if c := strings.Compare(a.ElderID, b.ElderID); c != 0 {
			return c
		}
		if c := strings.Compare(string(a.Day), string(b.Day)); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	return out, nil
}

// counted walks the records of the elders in reach.
func (s *Store) counted(ctx context.Context, q querier, r reach, from ledger.Day, f func(ledger.Entry) error) error {
	where, args := r.where("elder_id")
	var c counter
	err := each(ctx, q, "SELECT "+countedColumns+" FROM entries"+fmt.Sprintf(s.d.useIndex, "idx_entries_counted")+" WHERE "+where+" AND day >= ? AND outcome <> ?"+
		" ORDER BY elder_id, day", append(args, string(from), string(ledger.OutcomeUndone)), func(rows *sql.Rows) error {
		e, err := c.scan(rows)
		if err == nil {
			err = f(e)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read what counts: %w", err)
	}
	return nil
}

// counter reads rows of countedColumns. Most values recur from row to row, so each is made into a string once.
type counter struct {
	raw    [7]sql.RawBytes
	last   [7]string
	looked bool
}

func (c *counter) scan(rows *sql.Rows) (e ledger.Entry, err error) {
	if err := rows.Scan(&c.raw[0], &c.raw[1], &c.raw[2], &c.raw[3], &c.raw[4], &c.raw[5], &c.raw[6], &c.looked); err != nil {
		return e, err
	}
	for i, b := range c.raw {
		if c.last[i] != string(b) {
			c.last[i] = string(b)
		}
	}
	l := &c.last
	return ledger.Entry{Key: l[0], Kind: ledger.EntryKind(l[1]), ElderID: l[2], UserID: l[3], Day: ledger.Day(l[4]), Method: ledger.Method(l[5]),
		Outcome: ledger.Outcome(l[6]), Looked: c.looked}, nil
}

// reach are the elders after one up to another, "" the last of all.
type reach struct{ after, upTo string }

func (r reach) where(column string) (string, []any) {
	if r.upTo == "" {
		return column + " > ?", []any{r.after}
	}
	return column + " > ? AND " + column + " <= ?", []any{r.after, r.upTo}
}

const (
	reckonRead  = 5000 // elders that are read and counted at a time
	reckonWrite = 250  // elders that are written in one transaction: callbacks wait behind it
)

// Rule says what is owed for an elder whose records from a day on, as Counted has them, are these. It must not keep them.
type Rule func(elderID string, entries []ledger.Entry) []ledger.Owing

// Reckon makes what is owed anew from the records: the rule is asked for every elder of the ledger once, and for nobody else
// is anything owed. What was right already is not written. A turn that is committed meanwhile wins, for it knew more. Until all
// is done the sums of Owes stand still, so that nobody sees half of the new ones; if it breaks off they stand still until it is
// run again.
func (s *Store) Reckon(ctx context.Context, from ledger.Day, f Rule) error {
	for r := (reach{}); ; r.after = r.upTo {
		x, wrong, err := s.look(ctx, &r, from, f)
		if err != nil {
			return fmt.Errorf("reckon what is owed: %w", err)
		}
		for part := range slices.Chunk(wrong, reckonWrite) {
			if err := s.correct(ctx, part, x); err != nil {
				return fmt.Errorf("reckon what is owed: %w", err)
			}
		}
		if r.upTo == "" {
			break
		}
	}
	right, err := s.sumsRight(ctx)
	if err == nil && !right {
		err = s.tx(ctx, func(tx *sql.Tx) error { return sumUp(ctx, tx) })
	}
	if err != nil {
		return fmt.Errorf("reckon who owes what: %w", err)
	}
	return nil
}

// wrong are the elders for whom something else is owed than was written.
func (o *owings) wrong() (ids []string) {
	for id := range o.was { // also of those that are no longer in the ledger
		if _, ok := o.sets[id]; !ok {
			o.sets[id] = nil
		}
	}
	for id, rows := range o.sets {
		was := o.was[id]
		if len(was) != len(rows) || slices.ContainsFunc(rows, func(x ledger.Owing) bool { return !slices.Contains(was, x) }) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// look reads what there is about the next elders, all as of one moment, asks the rule, and says for whom something else is owed
// than was written. How far it reached it says in r.
func (s *Store) look(ctx context.Context, r *reach, from ledger.Day, f Rule) (o *owings, wrong []string, err error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{Isolation: s.d.snapshot, ReadOnly: true})
	if err != nil {
		return nil, nil, err
	}
	defer tx.Rollback() // nothing was written
	var elders []string
	err = each(ctx, tx, "SELECT id FROM elders WHERE id > ? ORDER BY id LIMIT ?", []any{r.after, reckonRead}, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		elders = append(elders, id)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if r.upTo = ""; len(elders) == reckonRead {
		r.upTo = elders[reckonRead-1]
	}
	o = newOwings()
	where, args := r.where("elder_id")
	if err := each(ctx, tx, "SELECT "+s.d.packed(owedColumns)+" FROM owed WHERE "+where, args, o.collect); err != nil {
		return nil, nil, err
	}
	var entries []ledger.Entry
	ask := func(before string) error { // the elders whose records have all been seen
		for len(elders) > 0 && (before == "" || elders[0] < before) {
			id := elders[0]
			elders = elders[1:]
			rows := f(id, entries)
			entries = entries[:0]
			if err := checkOwing([]ledger.OwingSet{{ElderID: id, Rows: rows}}); err != nil {
				return err
			}
			o.sets[id] = rows
		}
		return nil
	}
	err = s.counted(ctx, tx, *r, from, func(e ledger.Entry) error {
		if err := ask(e.ElderID); err != nil {
			return err
		}
		if len(elders) > 0 && elders[0] == e.ElderID {
			entries = append(entries, e)
		}
		return nil
	})
	if err == nil {
		err = ask("")
	}
	if err == nil {
		wrong = o.wrong()
		err = o.readRevisions(ctx, tx, wrong, "") // still those of the same moment
	}
	return o, wrong, err
}

// correct writes what was worked out for some elders, unless somebody wrote since it was read.
func (s *Store) correct(ctx context.Context, elders []string, x *owings) error {
	return s.tx(ctx, func(tx *sql.Tx) error {
		if err := holdStill(ctx, tx); err != nil {
			return err
		}
		o, err := s.lockOwing(ctx, tx, slices.Clone(elders))
		if err != nil {
			return err
		}
		for _, id := range elders {
			if o.revs[id] == x.revs[id] {
				o.sets[id] = x.sets[id]
			}
		}
		return o.put(ctx, s, tx)
	})
}

// holdStill has the sums stand still once those who are changing them are done.
func holdStill(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "UPDATE versions SET n = 1 WHERE name = 'owes'")
	return err
}

// sumsRight says whether the sums follow and are those of the rows, as of one moment. Adding up a large county takes a second, in
// which nobody waits; sumUp has those wait who change what is owed.
func (s *Store) sumsRight(ctx context.Context) (bool, error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{Isolation: s.d.snapshot, ReadOnly: true})
	if err != nil {
		return false, err
	}
	defer tx.Rollback() // nothing was written
	var still bool
	if err := tx.QueryRowContext(ctx, "SELECT n FROM versions WHERE name = 'owes'").Scan(&still); err != nil || still {
		return false, err
	}
	var are, want []ledger.Owes
	if err := each(ctx, tx, "SELECT "+s.d.packed(owesColumns)+" FROM owes"+orderOfSums, nil, collectOwes(&are)); err != nil {
		return false, err
	}
	err = each(ctx, tx, "SELECT "+s.d.packed(owesColumns)+" FROM ("+owesOfOwed+") sums"+orderOfSums, nil, collectOwes(&want))
	return slices.Equal(are, want), err
}

// sumUp makes the sums anew and has them follow again.
func sumUp(ctx context.Context, tx *sql.Tx) error {
	if err := holdStill(ctx, tx); err != nil {
		return err
	}
	for _, q := range []string{"DELETE FROM owes", "INSERT INTO owes (" + owesColumns + ") " + owesOfOwed, "UPDATE versions SET n = 0 WHERE name = 'owes'"} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return nil
}
