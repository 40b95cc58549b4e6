package store

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"xunfang/ledger"
)

// Count is how many rows of a table were new and how many changed.
type Count struct{ New, Changed int }

// Summary says what SaveBook did.
type Summary struct {
	Regions, People, Posts, Elders, Assignments, Tierings, Kin, Pairs Count
}

// Empty says that nothing was written.
func (s Summary) Empty() bool { return s == Summary{} }

// rosterLook is how long a roster is taken for the newest without a look: every turn reads it, and imports are rare.
const rosterLook = 500 * time.Millisecond

// Roster is the ledger's people in memory, shared by all readers. It is read again when somebody, this process or another,
// has imported since: one look at one row finds out, at most twice a second.
func (s *Store) Roster(ctx context.Context) (*ledger.Roster, error) {
	s.rosterMu.Lock()
	if s.roster != nil && time.Since(s.rosterSeen) < rosterLook {
		defer s.rosterMu.Unlock()
		return s.roster, nil
	}
	s.rosterMu.Unlock()
	version, err := rosterVersion(s.quick(ctx), s.read, "")
	if err != nil {
		return nil, err
	}
	s.rosterMu.Lock()
	defer s.rosterMu.Unlock()
	s.rosterSeen = time.Now()
	if s.roster != nil && version == s.rosterVersion {
		return s.roster, nil
	}
	b, version, err := s.book(ctx)
	if err != nil {
		return nil, err
	}
	s.roster, s.rosterVersion = ledger.NewRoster(b), version
	return s.roster, nil
}

func rosterVersion(ctx context.Context, q querier, lock string) (version int64, err error) {
	if err := q.QueryRowContext(ctx, "SELECT n FROM versions WHERE name = 'roster'"+lock).Scan(&version); err != nil {
		return 0, fmt.Errorf("read the roster's version: %w", err)
	}
	return version, nil
}

// Book is the whole ledger of people, in the order of its keys.
func (s *Store) Book(ctx context.Context) (ledger.Book, error) {
	b, _, err := s.book(ctx)
	return b, err
}

// book reads everything as of one moment.
func (s *Store) book(ctx context.Context) (b ledger.Book, version int64, err error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{Isolation: s.d.snapshot, ReadOnly: true})
	if err != nil {
		return b, 0, fmt.Errorf("read the ledger: %w", err)
	}
	defer tx.Rollback() // nothing was written
	if version, err = rosterVersion(ctx, tx, ""); err != nil {
		return b, 0, err
	}
	db := s.over(ctx, tx)
	for _, t := range []struct {
		rows  any
		order string
	}{
		{&b.Regions, "code"}, {&b.People, "user_id"}, {&b.Posts, "user_id, role, region, from_day"}, {&b.Elders, "id"},
		{&b.Assignments, "elder_id, user_id, from_day"}, {&b.Tierings, "elder_id, from_day"}, {&b.Kin, "elder_id, name"},
		{&b.Pairs, "elder_id, user_id, from_day"},
	} {
		if err := db.Order(t.order).Find(t.rows).Error; err != nil {
			return b, 0, fmt.Errorf("read the ledger: %w", err)
		}
	}
	return b, version, nil
}

// over is gorm inside a transaction of ours.
func (s *Store) over(ctx context.Context, tx *sql.Tx) *gorm.DB {
	db := s.gorm.Session(&gorm.Session{NewDB: true, Context: ctx})
	db.Statement.ConnPool = tx
	return db
}

// SaveBook writes what a book says that the ledger does not say yet, in one transaction; the same book again changes
// nothing. Rows absent from b stay. In a row "" and zero leave the value, "-" clears a text or a day. A dated row without
// From holds from today: whoever or whatever held until now and differs is ended yesterday.
func (s *Store) SaveBook(ctx context.Context, b ledger.Book, today ledger.Day) (Summary, error) {
	// The differences are worked out before the transaction: on SQLite callbacks wait for it.
	for {
		old, version, err := s.book(ctx)
		if err != nil {
			return Summary{}, err
		}
		d, err := compare(old, b, today)
		if err != nil || d.empty() {
			return d.summary(), err
		}
		saved := false
		err = s.tx(ctx, func(tx *sql.Tx) error {
			saved = false
			now, err := rosterVersion(ctx, tx, s.d.forUpdate)
			if err != nil || now != version {
				return err // somebody else's import came first: compare with what it left
			}
			if err := d.write(context.WithoutCancel(ctx), tx, s.d); err != nil {
				return fmt.Errorf("write the ledger: %w", err)
			}
			if _, err := tx.ExecContext(ctx, "UPDATE versions SET n = n + 1 WHERE name = 'roster'"); err != nil {
				return fmt.Errorf("raise the roster's version: %w", err)
			}
			saved = true
			return nil
		})
		if err != nil {
			return Summary{}, err
		}
		if saved {
			s.rosterMu.Lock()
			s.rosterSeen = time.Time{} // whoever imported sees it at once
			s.rosterMu.Unlock()
			return d.summary(), nil
		}
	}
}

// differences are the rows to write: whole ledger rows, new or as they shall be.
type differences struct {
	regions     table[ledger.Region]
	people      table[ledger.Person]
	posts       table[ledger.Post]
	elders      table[ledger.Elder]
	assignments table[ledger.Assignment]
	tierings    table[ledger.Tiering]
	kin         table[ledger.Kin]
	pairs       table[ledger.Pair]
}

// compare is pure: the ledger as it is, the book, and the day.
func compare(old, b ledger.Book, today ledger.Day) (*differences, error) {
	d := &differences{
		regions: newTable(old.Regions, func(x ledger.Region) string { return x.Code }),
		people:  newTable(old.People, func(x ledger.Person) string { return x.UserID }),
		posts: newTable(old.Posts, func(x ledger.Post) string {
			return join(x.UserID, string(x.Role), x.Region, string(x.From))
		}),
		elders:      newTable(old.Elders, func(x ledger.Elder) string { return x.ID }),
		assignments: newTable(old.Assignments, func(x ledger.Assignment) string { return join(x.ElderID, x.UserID, string(x.From)) }),
		tierings:    newTable(old.Tierings, func(x ledger.Tiering) string { return join(x.ElderID, string(x.From)) }),
		kin:         newTable(old.Kin, func(x ledger.Kin) string { return join(x.ElderID, x.Name) }),
		pairs:       newTable(old.Pairs, func(x ledger.Pair) string { return join(x.ElderID, x.UserID, string(x.From)) }),
	}
	if _, err := ledger.ParseDay(string(today)); err != nil {
		return d, fmt.Errorf("save the ledger: %w", err)
	}
	for _, x := range b.Regions {
		d.regions.merge(x)
	}
	for _, x := range b.People {
		d.people.merge(x)
	}
	for _, x := range b.Elders {
		if !d.elders.has(x) && x.Since == "" {
			x.Since = today
		}
		d.elders.merge(x)
	}
	for _, x := range b.Kin {
		d.kin.merge(x)
	}
	for _, r := range b.Resets {
		d.reset(r)
	}
	// A visitor's place is an elder's, a post a person's: all of a book's rows without From are together what holds now.
	saveDated(&d.assignments, b.Assignments, today, dated[ledger.Assignment]{
		span:  func(x *ledger.Assignment) (*ledger.Day, *ledger.Day) { return &x.From, &x.To },
		owner: func(x ledger.Assignment) string { return x.ElderID },
		same:  func(x, y ledger.Assignment) bool { return x.UserID == y.UserID },
		none:  func(x ledger.Assignment) bool { return x.UserID == clearing },
	})
	saveDated(&d.tierings, b.Tierings, today, dated[ledger.Tiering]{
		span:  func(x *ledger.Tiering) (*ledger.Day, *ledger.Day) { return &x.From, &x.To },
		owner: func(x ledger.Tiering) string { return x.ElderID },
		same:  func(x, y ledger.Tiering) bool { return x.Tier == y.Tier },
	})
	saveDated(&d.posts, b.Posts, today, dated[ledger.Post]{
		span:  func(x *ledger.Post) (*ledger.Day, *ledger.Day) { return &x.From, &x.To },
		owner: func(x ledger.Post) string { return x.UserID },
		none:  func(x ledger.Post) bool { return x.Role == clearing },
		same: func(x, y ledger.Post) bool {
			return x.Role == y.Role && x.Region == y.Region && (y.Dept == "" || x.Dept == y.Dept || y.Dept == clearing && x.Dept == "")
		},
	})
	// Helping is many-to-many and each pair its own matter: nobody else's pair ends because this one is named.
	saveDated(&d.pairs, b.Pairs, today, dated[ledger.Pair]{
		span:  func(x *ledger.Pair) (*ledger.Day, *ledger.Day) { return &x.From, &x.To },
		owner: func(x ledger.Pair) string { return join(x.ElderID, x.UserID) },
		same:  func(x, y ledger.Pair) bool { return true },
	})
	return d, nil
}

// reset empties a field that has no letters to say so.
func (d *differences) reset(r ledger.Reset) {
	if k, ok := d.kin.get(join(r.ElderID, r.Kin)); ok && r.Field == ledger.ResetCarer {
		k.Carer = false
		d.kin.put(k)
	}
	e, ok := d.elders.get(r.ElderID)
	if !ok || r.Field == ledger.ResetCarer {
		return
	}
	switch r.Field {
	case ledger.ResetLon:
		e.Lon = 0
	case ledger.ResetLat:
		e.Lat = 0
	case ledger.ResetLostChild:
		e.LostChild = false
	}
	d.elders.put(e)
}

// clearing empties a text or a day.
const clearing = "-"

func join(parts ...string) string { return strings.Join(parts, "\x00") }

func (d *differences) summary() Summary {
	return Summary{Regions: d.regions.count(), People: d.people.count(), Posts: d.posts.count(), Elders: d.elders.count(),
		Assignments: d.assignments.count(), Tierings: d.tierings.count(), Kin: d.kin.count(), Pairs: d.pairs.count()}
}

func (d *differences) empty() bool { return d.summary().Empty() }

func (d *differences) write(ctx context.Context, tx *sql.Tx, in dialect) error {
	for _, write := range []func(context.Context, *sql.Tx, dialect) error{d.regions.write, d.people.write, d.posts.write, d.elders.write,
		d.assignments.write, d.tierings.write, d.kin.write, d.pairs.write} {
		if err := write(ctx, tx, in); err != nil {
			return err
		}
	}
	return nil
}

// table is one table as it is and as it shall be.
type table[T comparable] struct {
	key   func(T) string
	old   map[string]T
	now   map[string]T
	gone  map[string]bool
	order []string // keys touched, as the book names them
}

func newTable[T comparable](rows []T, key func(T) string) table[T] {
	t := table[T]{key: key, old: make(map[string]T, len(rows)), now: map[string]T{}, gone: map[string]bool{}}
	for _, x := range rows {
		t.old[key(x)] = x
	}
	return t
}

// get is a row as it shall be.
func (t *table[T]) get(key string) (x T, ok bool) {
	if t.gone[key] {
		return x, false
	}
	if x, ok = t.now[key]; !ok {
		x, ok = t.old[key]
	}
	return x, ok
}

func (t *table[T]) has(x T) bool {
	_, ok := t.get(t.key(x))
	return ok
}

func (t *table[T]) put(x T) {
	k := t.key(x)
	if _, ok := t.now[k]; !ok {
		t.order = append(t.order, k)
	}
	t.now[k] = x
	delete(t.gone, k)
}

func (t *table[T]) drop(key string) { t.gone[key] = true }

// merge lays a book's row over what is there: field by field, "" and zero leave, "-" clears.
func (t *table[T]) merge(x T) {
	old, _ := t.get(t.key(x))
	to, from := reflect.ValueOf(&old).Elem(), reflect.ValueOf(x)
	for i := range to.NumField() {
		switch f := from.Field(i); {
		case f.Kind() == reflect.String && f.String() == clearing:
			to.Field(i).SetZero()
		case !f.IsZero():
			to.Field(i).Set(f)
		}
	}
	t.put(old)
}

// changes are the rows that differ from what is there.
func (t *table[T]) changes() (write, remove []T, c Count) {
	for _, k := range t.order {
		old, was := t.old[k]
		switch now := t.now[k]; {
		case t.gone[k]:
		case !was:
			c.New++
			write = append(write, now)
		case now != old:
			c.Changed++
			write = append(write, now)
		}
	}
	for k := range t.gone {
		if old, was := t.old[k]; was {
			c.Changed++
			remove = append(remove, old)
		}
	}
	return write, remove, c
}

func (t *table[T]) count() Count {
	_, _, c := t.changes()
	return c
}

// write is plain SQL under gorm's names: while it lasts nobody else writes to SQLite, and gorm takes five times as long.
func (t *table[T]) write(ctx context.Context, tx *sql.Tx, d dialect) error {
	write, remove, _ := t.changes()
	sch, err := schema.Parse(new(T), &schemas, schema.NamingStrategy{})
	if err != nil {
		return err
	}
	var columns, sets, primary []string
	for _, f := range sch.Fields {
		columns = append(columns, f.DBName)
		if f.PrimaryKey {
			primary = append(primary, f.DBName)
		}
		sets = append(sets, f.DBName+" = {"+f.DBName+"}")
	}
	for _, x := range remove {
		var args []any
		for _, f := range sch.PrimaryFields {
			v, _ := f.ValueOf(ctx, reflect.ValueOf(x))
			args = append(args, v)
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+sch.Table+" WHERE "+strings.Join(primary, " = ? AND ")+" = ?", args...); err != nil {
			return err
		}
	}
	args := make([]any, 0, len(write)*len(columns))
	for i := range write {
		row := reflect.ValueOf(&write[i]).Elem()
		for _, f := range sch.Fields {
			v, _ := f.ValueOf(ctx, row)
			args = append(args, v)
		}
	}
	_, err = d.insert(ctx, tx, "INSERT INTO "+sch.Table+" ("+strings.Join(columns, ", ")+")", len(columns), args,
		d.upsert(strings.Join(primary, ", "), strings.Join(sets, ", ")))
	return err
}

var schemas sync.Map // gorm's cache

// dated says how rows of a kind hold for a time.
type dated[T any] struct {
	span  func(*T) (from, to *ledger.Day)
	owner func(T) string    // whose rows without From are together what holds now
	same  func(x, y T) bool // whether x, a row that holds, is what the book's row y wants
	none  func(T) bool      // whether the row says that nothing holds any more; nil: no row does
}

func (d dated[T]) holds(x T, on ledger.Day) bool {
	from, to := d.span(&x)
	return *from <= on && (*to == "" || on <= *to)
}

// saveDated lays a book's dated rows over a table. A row with From is that row. Rows without From are what holds from
// today for their owner: what held and is not among them ended yesterday; what began only today never was.
func saveDated[T comparable](t *table[T], rows []T, today ledger.Day, d dated[T]) {
	wanted := map[string][]T{}
	var owners []string
	for _, x := range rows {
		if from, _ := d.span(&x); *from != "" {
			t.merge(x)
			continue
		}
		o := d.owner(x)
		if wanted[o] == nil {
			owners = append(owners, o)
			wanted[o] = []T{}
		}
		if d.none == nil || !d.none(x) {
			wanted[o] = append(wanted[o], x)
		}
	}
	held := map[string][]string{} // owner → keys of the rows that hold today
	note := func(k string) {
		if x, ok := t.get(k); ok && wanted[d.owner(x)] != nil && d.holds(x, today) {
			held[d.owner(x)] = append(held[d.owner(x)], k)
		}
	}
	for k := range t.old {
		note(k)
	}
	for _, k := range t.order {
		if _, was := t.old[k]; !was {
			note(k)
		}
	}
	for _, o := range owners {
		var fresh []T
		keys := held[o]
		slices.Sort(keys)
		for _, w := range wanted[o] {
			from, to := d.span(&w)
			i := slices.IndexFunc(keys, func(k string) bool {
				x, _ := t.get(k)
				return d.same(x, w)
			})
			switch {
			case i >= 0: // it holds already; the book may give it an end or a department
				x, _ := t.get(keys[i])
				began, _ := d.span(&x)
				*from = *began
				t.merge(w)
				keys = slices.Delete(keys, i, i+1)
			case *to == "" || *to == clearing || *to >= today: // an end in the past of what holds no more is no news
				*from = today
				fresh = append(fresh, w)
			}
		}
		for _, k := range keys {
			x, _ := t.get(k)
			from, to := d.span(&x)
			if *from >= today {
				t.drop(k)
				continue
			}
			*to = today.Add(-1)
			t.put(x)
		}
		for _, w := range fresh {
			t.merge(w)
		}
	}
}
