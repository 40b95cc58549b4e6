package ledger

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Count is how many rows of a table are new and how many change.
type Count struct{ New, Changed int }

// Summary counts what an edit changes.
type Summary struct {
	Regions, People, Posts, Elders, Assignments, Tierings, Kin, Pairs, Standings, Leaves, Rounds, Follows, Bonds, Leaflets Count
}

// Empty says that nothing changes.
func (s Summary) Empty() bool { return s == Summary{} }

// Differences are the rows to write: whole ledger rows, new or as they shall be.
type Differences struct {
	Regions     Table[Region]
	People      Table[Person]
	Posts       Table[Post]
	Elders      Table[Elder]
	Assignments Table[Assignment]
	Tierings    Table[Tiering]
	Kin         Table[Kin]
	Pairs       Table[Pair]
	Standings   Table[Standing]
	Leaves      Table[Leave]
	Rounds      Table[Round]
	Follows     Table[Follow]
	Bonds       Table[Bond]
	Leaflets    Table[Leaflet]
}

// Compare says what an edit would change of a ledger: rows absent from it stay; in a row "" and zero leave the value, "-" clears
// a text or a day; a dated row without From holds from today, and whoever or whatever held until now and differs is ended
// yesterday.
func (old Book) Compare(e Edit) (*Differences, error) {
	b, today := e.Book, e.Today
	d := &Differences{
		Regions: newTable(old.Regions), People: newTable(old.People), Posts: newTable(old.Posts), Elders: newTable(old.Elders),
		Assignments: newTable(old.Assignments), Tierings: newTable(old.Tierings), Kin: newTable(old.Kin), Pairs: newTable(old.Pairs),
		Standings: newTable(old.Standings), Leaves: newTable(old.Leaves), Rounds: newTable(old.Rounds), Follows: newTable(old.Follows),
		Bonds: newTable(old.Bonds), Leaflets: newTable(old.Leaflets),
	}
	if _, err := ParseDay(string(today)); err != nil {
		return d, fmt.Errorf("save the ledger: %w", err)
	}
	for _, x := range b.Regions {
		d.Regions.merge(x)
	}
	for _, x := range b.People {
		d.People.merge(x)
	}
	for _, x := range b.Elders {
		if !d.Elders.has(x) && x.Since == "" {
			x.Since = today
		}
		d.Elders.merge(x)
	}
	for _, x := range b.Kin {
		if was, ok := d.Kin.get(x.RowKey()); ok && x.Dead == "" && x.Phone != "" && x.Phone != was.Phone {
			x.Dead = clearing // another number is another try
		}
		d.Kin.merge(x)
	}
	for _, x := range b.Standings {
		d.Standings.merge(x)
	}
	for _, x := range b.Leaves {
		d.Leaves.merge(x)
	}
	for _, x := range b.Rounds {
		d.Rounds.merge(x)
	}
	for _, x := range b.Follows {
		d.Follows.merge(x)
	}
	for _, x := range b.Bonds {
		d.Bonds.merge(x)
	}
	for _, x := range b.Leaflets {
		d.Leaflets.merge(x)
	}
	for _, r := range b.Resets {
		d.reset(r)
	}
	// A visitor's place is an elder's, a post a person's: all of a book's rows without From are together what holds now.
	saveDated(&d.Assignments, b.Assignments, today, dated[Assignment]{
		span:  func(x *Assignment) (*Day, *Day) { return &x.From, &x.To },
		owner: func(x Assignment) string { return x.ElderID },
		same:  func(x, y Assignment) bool { return x.UserID == y.UserID },
		none:  func(x Assignment) bool { return x.UserID == clearing },
	})
	saveDated(&d.Tierings, b.Tierings, today, dated[Tiering]{
		span:  func(x *Tiering) (*Day, *Day) { return &x.From, &x.To },
		owner: func(x Tiering) string { return x.ElderID },
		same:  func(x, y Tiering) bool { return x.Tier == y.Tier },
	})
	saveDated(&d.Posts, b.Posts, today, dated[Post]{
		span:  func(x *Post) (*Day, *Day) { return &x.From, &x.To },
		owner: func(x Post) string { return x.UserID },
		none:  func(x Post) bool { return x.Role == clearing },
		same: func(x, y Post) bool {
			return x.Role == y.Role && x.Region == y.Region && (y.Dept == "" || x.Dept == y.Dept || y.Dept == clearing && x.Dept == "")
		},
	})
	// Helping is many-to-many and each pair its own matter: nobody else's pair ends because this one is named.
	saveDated(&d.Pairs, b.Pairs, today, dated[Pair]{
		span:  func(x *Pair) (*Day, *Day) { return &x.From, &x.To },
		owner: func(x Pair) string { return x.ElderID + "\t" + x.UserID },
		same:  func(x, y Pair) bool { return true },
	})
	return d, nil
}

// reset empties a field that has no letters to say so.
func (d *Differences) reset(r Reset) {
	if k, ok := d.Kin.get(Kin{ElderID: r.ElderID, Name: r.Kin}.RowKey()); ok && r.Field == ResetCarer {
		k.Carer = false
		d.Kin.put(k)
	}
	e, ok := d.Elders.get(r.ElderID)
	if !ok || r.Field == ResetCarer {
		return
	}
	switch r.Field {
	case ResetLon:
		e.Lon = 0
	case ResetLat:
		e.Lat = 0
	case ResetLostChild:
		e.LostChild = false
	}
	d.Elders.put(e)
}

// clearing empties a text or a day.
const clearing = "-"

// Book is the ledger as it would be.
func (d *Differences) Book() Book {
	return Book{Regions: d.Regions.rows(), People: d.People.rows(), Posts: d.Posts.rows(), Elders: d.Elders.rows(), Assignments: d.Assignments.rows(),
		Tierings: d.Tierings.rows(), Kin: d.Kin.rows(), Pairs: d.Pairs.rows(), Standings: d.Standings.rows(),
		Leaves: d.Leaves.rows(), Rounds: d.Rounds.rows(), Follows: d.Follows.rows(), Bonds: d.Bonds.rows(), Leaflets: d.Leaflets.rows()}
}

// Summary counts the rows.
func (d *Differences) Summary() Summary {
	return Summary{Regions: d.Regions.count(), People: d.People.count(), Posts: d.Posts.count(), Elders: d.Elders.count(),
		Assignments: d.Assignments.count(), Tierings: d.Tierings.count(), Kin: d.Kin.count(), Pairs: d.Pairs.count(),
		Standings: d.Standings.count(), Leaves: d.Leaves.count(), Rounds: d.Rounds.count(), Follows: d.Follows.count(), Bonds: d.Bonds.count(), Leaflets: d.Leaflets.count()}
}

// Empty says that the ledger says all of it already.
func (d *Differences) Empty() bool { return d.Summary().Empty() }

// Table is one table as it is and as it shall be.
type Table[T Row] struct {
	old   map[string]T
	now   map[string]T
	gone  map[string]bool
	order []string // keys touched, as the book names them
}

func newTable[T Row](rows []T) Table[T] {
	t := Table[T]{old: make(map[string]T, len(rows)), now: map[string]T{}, gone: map[string]bool{}}
	for _, x := range rows {
		t.old[x.RowKey()] = x
	}
	return t
}

// Was is a row as it is; false for one that is new.
func (t *Table[T]) Was(key string) (T, bool) {
	x, ok := t.old[key]
	return x, ok
}

// rows are all rows as they shall be, in the order of their keys.
func (t *Table[T]) rows() []T {
	out := make([]T, 0, len(t.old)+len(t.now))
	for k, x := range t.old {
		if _, later := t.now[k]; !later && !t.gone[k] {
			out = append(out, x)
		}
	}
	for k, x := range t.now {
		if !t.gone[k] {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b T) int { return strings.Compare(a.RowKey(), b.RowKey()) })
	return out
}

// get is a row as it shall be.
func (t *Table[T]) get(key string) (x T, ok bool) {
	if t.gone[key] {
		return x, false
	}
	if x, ok = t.now[key]; !ok {
		x, ok = t.old[key]
	}
	return x, ok
}

func (t *Table[T]) has(x T) bool {
	_, ok := t.get(x.RowKey())
	return ok
}

func (t *Table[T]) put(x T) {
	k := x.RowKey()
	if _, ok := t.now[k]; !ok {
		t.order = append(t.order, k)
	}
	t.now[k] = x
	delete(t.gone, k)
}

func (t *Table[T]) drop(key string) { t.gone[key] = true }

// merge lays a book's row over what is there: field by field, "" and zero leave, "-" clears.
func (t *Table[T]) merge(x T) {
	old, _ := t.get(x.RowKey())
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

// Changes are the rows that differ from what is there.
func (t *Table[T]) Changes() (write, remove []T, c Count) {
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

func (t *Table[T]) count() Count {
	_, _, c := t.Changes()
	return c
}

// dated says how rows of a kind hold for a time.
type dated[T any] struct {
	span  func(*T) (from, to *Day)
	owner func(T) string    // whose rows without From are together what holds now
	same  func(x, y T) bool // whether x, a row that holds, is what the book's row y wants
	none  func(T) bool      // whether the row says that nothing holds any more; nil: no row does
}

func (d dated[T]) holds(x T, on Day) bool {
	from, to := d.span(&x)
	return *from <= on && (*to == "" || on <= *to)
}

// saveDated lays a book's dated rows over a table. A row with From is that row. Rows without From are what holds from
// today for their owner: what held and is not among them ended yesterday; what began only today never was.
func saveDated[T Row](t *Table[T], rows []T, today Day, d dated[T]) {
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

// History are the changes as history keeps them, table by table: who is gone, who became what, who came.
func (d *Differences) History() ([]Change, error) {
	var out []Change
	for _, t := range []func() ([]Change, error){
		func() ([]Change, error) { return historyOf(TableRegions, &d.Regions) }, func() ([]Change, error) { return historyOf(TablePeople, &d.People) },
		func() ([]Change, error) { return historyOf(TablePosts, &d.Posts) }, func() ([]Change, error) { return historyOf(TableElders, &d.Elders) },
		func() ([]Change, error) { return historyOf(TableAssignments, &d.Assignments) },
		func() ([]Change, error) { return historyOf(TableTierings, &d.Tierings) }, func() ([]Change, error) { return historyOf(TableKin, &d.Kin) },
		func() ([]Change, error) { return historyOf(TablePairs, &d.Pairs) }, func() ([]Change, error) { return historyOf(TableStandings, &d.Standings) },
		func() ([]Change, error) { return historyOf(TableLeaves, &d.Leaves) }, func() ([]Change, error) { return historyOf(TableRounds, &d.Rounds) },
		func() ([]Change, error) { return historyOf(TableFollows, &d.Follows) },
		func() ([]Change, error) { return historyOf(TableBonds, &d.Bonds) }, func() ([]Change, error) { return historyOf(TableLeaflets, &d.Leaflets) },
	} {
		changes, err := t()
		if err != nil {
			return nil, err
		}
		out = append(out, changes...)
	}
	for i := range out {
		out[i].Seq = i + 1
	}
	return out, nil
}

func historyOf[T Row](name string, t *Table[T]) ([]Change, error) {
	write, remove, _ := t.Changes()
	var out []Change
	for _, x := range remove {
		c, err := Went(name, x)
		if err != nil {
			return nil, fmt.Errorf("history of %s: %w", name, err)
		}
		out = append(out, c)
	}
	for _, x := range write {
		if was, old := t.old[x.RowKey()]; old {
			out = append(out, Became(name, was, x)...)
		} else {
			out = append(out, Came(name, x))
		}
	}
	return out, nil
}

// With is the book with another's rows in place of all that concern some elders and some people.
func (b Book) With(part Book, elders, users map[string]bool) Book {
	about := func(id string) bool { return elders[id] }
	b.People = replaced(b.People, part.People, func(x Person) bool { return users[x.UserID] })
	b.Posts = replaced(b.Posts, part.Posts, func(x Post) bool { return users[x.UserID] })
	b.Elders = replaced(b.Elders, part.Elders, func(x Elder) bool { return about(x.ID) })
	b.Assignments = replaced(b.Assignments, part.Assignments, func(x Assignment) bool { return about(x.ElderID) })
	b.Tierings = replaced(b.Tierings, part.Tierings, func(x Tiering) bool { return about(x.ElderID) })
	b.Kin = replaced(b.Kin, part.Kin, func(x Kin) bool { return about(x.ElderID) })
	b.Pairs = replaced(b.Pairs, part.Pairs, func(x Pair) bool { return about(x.ElderID) })
	b.Standings = replaced(b.Standings, part.Standings, func(x Standing) bool { return about(x.ElderID) })
	b.Follows = replaced(b.Follows, part.Follows, func(x Follow) bool { return about(x.ElderID) })
	b.Bonds = replaced(b.Bonds, part.Bonds, func(x Bond) bool { return about(x.ElderID) })
	b.Leaflets = replaced(b.Leaflets, part.Leaflets, func(x Leaflet) bool { return about(x.ElderID) })
	b.Leaves = replaced(b.Leaves, part.Leaves, func(x Leave) bool { return users[x.UserID] })
	return b
}

// replaced keeps the order of keys: both lists are in it.
func replaced[T Row](all, part []T, out func(T) bool) []T {
	merged := make([]T, 0, len(all)+len(part))
	for _, x := range all {
		if out(x) {
			continue
		}
		for len(part) > 0 && part[0].RowKey() < x.RowKey() {
			merged, part = append(merged, part[0]), part[1:]
		}
		merged = append(merged, x)
	}
	return append(merged, part...)
}
