package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"xunfang/ledger"
)

// owings is what is owed for some elders, under lock: nobody else changes it before the transaction ends.
type owings struct {
	still bool             // the sums stand still: everything is being reckoned anew
	revs  map[string]int64 // of elders that have one
	was   map[string][]ledger.Owing
	sets  map[string][]ledger.Owing // what is to take its place
}

const owedColumns = "elder_id, duty, kind, period, from_day, due, need, done, door, state, user_id, region"

func owedValues(o ledger.Owing) []any {
	return []any{o.ElderID, o.Duty, string(o.Kind), string(o.Period), string(o.From), string(o.Due), o.Need, o.Done, o.Door, string(o.State), o.UserID, o.Region}
}

func scanOwed(rows *sql.Rows) (o ledger.Owing, err error) {
	var f fields
	err = rows.Scan((*string)(&f))
	return ledger.Owing{ElderID: f.text(), Duty: f.text(), Kind: ledger.EntryKind(f.text()), Period: ledger.Period(f.text()), From: ledger.Day(f.text()),
		Due: ledger.Day(f.text()), Need: f.number(), Done: f.number(), Door: f.number(), State: ledger.DutyState(f.text()), UserID: f.text(), Region: f.text()}, err
}

// firstRevision is an elder's of whom nothing was ever owed.
const firstRevision = 1

// Reckoned are the revisions of what is owed for elders: each OwingSet that is written moves its elder's on. Whoever works a
// set out reads the revision first and then the records, so that two who record something at once cannot both leave out what
// the other one did.
func (s *Store) Reckoned(ctx context.Context, elderIDs []string) (map[string]int64, error) {
	o := newOwings()
	if err := o.readRevisions(s.quick(ctx), s.read, elderIDs, ""); err != nil {
		return nil, fmt.Errorf("read revisions of what is owed: %w", err)
	}
	for _, id := range elderIDs {
		o.revs[id] = max(firstRevision, o.revs[id])
	}
	return o.revs, nil
}

func checkOwing(sets []ledger.OwingSet) error {
	for _, x := range sets {
		if x.ElderID == "" {
			return errors.New("something is owed for nobody")
		}
		for i, o := range x.Rows {
			if o.ElderID != x.ElderID || o.Duty == "" || slices.ContainsFunc(x.Rows[:i], func(y ledger.Owing) bool { return y.Duty == o.Duty }) {
				return fmt.Errorf("duty %q of elder %q is not one of elder %q", o.Duty, o.ElderID, x.ElderID)
			}
		}
	}
	return nil
}

// readOwing reads and locks what turns say is owed otherwise.
func (b *bunch) readOwing(ctx context.Context, tx *sql.Tx, w *world) (err error) {
	var elders []string
	for _, u := range b.turns {
		for _, x := range u.turn.Changes.Owing {
			elders = append(elders, x.ElderID)
		}
	}
	if len(elders) > 0 {
		w.owing, err = b.s.lockOwing(ctx, tx, elders)
	}
	return err
}

// lockOwing has one order of locks for everybody: whether the sums stand still, the elders in theirs, then the sums in theirs.
func (s *Store) lockOwing(ctx context.Context, tx *sql.Tx, elders []string) (*owings, error) {
	slices.Sort(elders)
	elders = slices.Compact(elders)
	o := newOwings()
	err := tx.QueryRowContext(ctx, "SELECT n FROM versions WHERE name = 'owes'"+s.d.share).Scan(&o.still)
	if err == nil {
		err = o.readRevisions(ctx, tx, elders, s.d.forUpdate)
	}
	if err == nil { // only now: whoever changed them first has committed
		err = query(ctx, tx, "SELECT "+s.d.packed(owedColumns)+" FROM owed WHERE elder_id IN (%s)", elders, nil, o.collect)
	}
	if err != nil {
		return nil, fmt.Errorf("read what is owed: %w", err)
	}
	return o, nil
}

func newOwings() *owings {
	return &owings{revs: map[string]int64{}, was: map[string][]ledger.Owing{}, sets: map[string][]ledger.Owing{}}
}

// readRevisions adds the revisions of some elders.
func (o *owings) readRevisions(ctx context.Context, q querier, elders []string, lock string) error {
	return query(ctx, q, "SELECT elder_id, rev FROM reckonings WHERE elder_id IN (%s)"+lock, elders, nil, func(rows *sql.Rows) error {
		var id string
		var rev int64
		err := rows.Scan(&id, &rev)
		o.revs[id] = rev
		return err
	})
}

// collect adds a row that is there.
func (o *owings) collect(rows *sql.Rows) error {
	x, err := scanOwed(rows)
	o.was[x.ElderID] = append(o.was[x.ElderID], x)
	return err
}

// unseen says that somebody changed what is owed for one of the elders since a turn read it.
func (o *owings) unseen(sets []ledger.OwingSet) bool {
	return slices.ContainsFunc(sets, func(x ledger.OwingSet) bool {
		_, changed := o.sets[x.ElderID]
		return x.Seen > 0 && (changed || max(firstRevision, o.revs[x.ElderID]) != x.Seen)
	})
}

// sum names a row of owes.
type sum struct{ user, region, duty, period, due string }

func (x sum) compare(y sum) int {
	return cmp.Or(strings.Compare(x.user, y.user), strings.Compare(x.region, y.region), strings.Compare(x.duty, y.duty),
		strings.Compare(x.period, y.period), strings.Compare(x.due, y.due))
}

// tally is what lies in it.
type tally struct{ elders, missing, need, done int }

func (t *tally) add(o ledger.Owing, sign int) {
	t.elders += sign
	if o.State == ledger.DutyPaused || o.State == ledger.DutyCancelled {
		return
	}
	t.need, t.done = t.need+sign*o.Need, t.done+sign*min(o.Need, o.Done)
	if o.Missing() > 0 {
		t.missing += sign
	}
}

// owesOfOwed is the same for all of owed at once.
var owesOfOwed = strings.NewReplacer("{live}", "state NOT IN ('"+string(ledger.DutyPaused)+"', '"+string(ledger.DutyCancelled)+"')").Replace(
	"SELECT user_id, region, duty, period, due, COUNT(*) AS elders, SUM(CASE WHEN {live} AND done < need THEN 1 ELSE 0 END) AS missing," +
		" SUM(CASE WHEN {live} THEN owed.need ELSE 0 END) AS need, SUM(CASE WHEN NOT {live} THEN 0 WHEN done < need THEN done ELSE need END) AS done" +
		" FROM owed GROUP BY user_id, region, duty, period, due")

const orderOfSums = " ORDER BY user_id, region, duty, period, due"

const owesColumns = "user_id, region, duty, period, due, elders, missing, need, done"

// put writes the sets in place of what was, and the difference into the sums.
func (o *owings) put(ctx context.Context, s *Store, tx *sql.Tx) error {
	var fresh, rows []any
	var known []string
	var gone []ledger.Owing
	sums := map[sum]tally{}
	count := func(x ledger.Owing, sign int) {
		k := sum{x.UserID, x.Region, x.Duty, string(x.Period), string(x.Due)}
		t := sums[k]
		t.add(x, sign)
		sums[k] = t
	}
	for _, id := range slices.Sorted(maps.Keys(o.sets)) {
		if _, ok := o.revs[id]; ok {
			known = append(known, id)
		} else {
			fresh = append(fresh, id, firstRevision+1)
		}
		now := o.sets[id]
		for _, x := range o.was[id] {
			count(x, -1)
			if !slices.ContainsFunc(now, func(y ledger.Owing) bool { return y.Duty == x.Duty }) {
				gone = append(gone, x)
			}
		}
		for _, x := range now {
			count(x, 1)
			if !slices.Contains(o.was[id], x) {
				rows = append(rows, owedValues(x)...)
			}
		}
	}
	// Who is first to owe anything for an elder finds no row to lock: two may, and the second collides.
	_, err := s.d.insert(ctx, tx, "INSERT INTO reckonings (elder_id, rev)", 2, fresh, "")
	if err == nil {
		_, err = exec(ctx, tx, "UPDATE reckonings SET rev = rev + 1 WHERE elder_id IN (%s)", known)
	}
	if err == nil {
		err = removeRows(ctx, tx, "owed", []string{"elder_id", "duty"}, "", gone, func(x ledger.Owing) []any { return []any{x.ElderID, x.Duty} })
	}
	if err == nil {
		_, err = s.d.insert(ctx, tx, "INSERT INTO owed ("+owedColumns+")", 12, rows, s.d.upsert("elder_id, duty", "kind = {kind}, period = {period}, from_day = {from_day},"+
			" due = {due}, need = {need}, done = {done}, door = {door}, state = {state}, user_id = {user_id}, region = {region}"))
	}
	if err != nil {
		return fmt.Errorf("write what is owed: %w", err)
	}
	if o.still {
		return nil
	}
	return s.addSums(ctx, tx, sums)
}

// addSums adds differences to the sums. One without elders is gone, or the months would pile up.
func (s *Store) addSums(ctx context.Context, tx *sql.Tx, sums map[sum]tally) error {
	maps.DeleteFunc(sums, func(_ sum, t tally) bool { return t == tally{} })
	var args []any
	var fewer []sum
	for _, k := range slices.SortedFunc(maps.Keys(sums), sum.compare) {
		t := sums[k]
		args = append(args, k.user, k.region, k.duty, k.period, k.due, t.elders, t.missing, t.need, t.done)
		if t.elders < 0 {
			fewer = append(fewer, k)
		}
	}
	_, err := s.d.insert(ctx, tx, "INSERT INTO owes ("+owesColumns+")", 9, args, s.d.upsert("user_id, region, duty, period, due",
		"elders = owes.elders + {elders}, missing = owes.missing + {missing}, need = owes.need + {need}, done = owes.done + {done}"))
	if err == nil {
		err = removeRows(ctx, tx, "owes", []string{"user_id", "region", "duty", "period", "due"}, " AND elders = 0", fewer,
			func(k sum) []any { return []any{k.user, k.region, k.duty, k.period, k.due} })
	}
	if err != nil {
		return fmt.Errorf("write who owes what: %w", err)
	}
	return nil
}

// removeAtOnce is how many rows one statement removes by a key of several columns.
const removeAtOnce = 50

func removeRows[T any](ctx context.Context, tx *sql.Tx, table string, key []string, also string, rows []T, values func(T) []any) error {
	one := "(" + strings.Join(key, " = ? AND ") + " = ?" + also + ")"
	for part := range slices.Chunk(rows, removeAtOnce) {
		var args []any
		for _, x := range part {
			args = append(args, values(x)...)
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE "+one+strings.Repeat(" OR "+one, len(part)-1), args...); err != nil {
			return err
		}
	}
	return nil
}

// Owes is who owes what: a row for each person, village, duty, period and last day for which something is missing. While
// everything is reckoned anew, the sums are those of the moment when that began.
func (s *Store) Owes(ctx context.Context) ([]ledger.Owes, error) {
	var out []ledger.Owes
	err := each(ctx, s.read, "SELECT "+s.d.packed(owesColumns)+" FROM owes WHERE missing > 0"+orderOfSums, nil, collectOwes(&out))
	if err != nil {
		return nil, fmt.Errorf("read who owes what: %w", err)
	}
	return out, nil
}

// OwesOf is who owes what in some villages, and who has done what: rows where nothing is missing are there, too.
func (s *Store) OwesOf(ctx context.Context, regions []string) ([]ledger.Owes, error) {
	var out []ledger.Owes
	if err := query(ctx, s.read, "SELECT "+s.d.packed(owesColumns)+" FROM owes WHERE region IN (%s)", regions, nil, collectOwes(&out)); err != nil {
		return nil, fmt.Errorf("read who owes what: %w", err)
	}
	slices.SortFunc(out, func(x, y ledger.Owes) int { return sumOf(x).compare(sumOf(y)) })
	return out, nil
}

func sumOf(o ledger.Owes) sum {
	return sum{o.UserID, o.Region, o.Duty, string(o.Period), string(o.Due)}
}

func collectOwes(out *[]ledger.Owes) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var f fields
		err := rows.Scan((*string)(&f))
		*out = append(*out, ledger.Owes{UserID: f.text(), Region: f.text(), Duty: f.text(), Period: ledger.Period(f.text()), Due: ledger.Day(f.text()),
			Elders: f.number(), Missing: f.number(), Need: f.number(), Done: f.number()})
		return err
	}
}

// OwedBy is what somebody owes first, elder by elder, in whatever state it is; what is due first comes first.
func (s *Store) OwedBy(ctx context.Context, user string) ([]ledger.Owing, error) {
	var out []ledger.Owing
	err := each(ctx, s.read, "SELECT "+s.d.packed(owedColumns)+" FROM owed WHERE user_id = ? ORDER BY due, elder_id, duty", []any{user}, func(rows *sql.Rows) error {
		o, err := scanOwed(rows)
		out = append(out, o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what somebody owes: %w", err)
	}
	return out, nil
}
