package ledger

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// rows draws some rows of one kind, each key once, in the order of their keys. People and places are invented.
func rows[T Row](t *rapid.T, label string, draw func(*rapid.T) T) []T {
	by := map[string]T{}
	for range rapid.IntRange(0, 4).Draw(t, label) {
		x := draw(t)
		by[x.RowKey()] = x
	}
	var out []T
	for _, x := range by {
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b T) int { return cmp.Compare(a.RowKey(), b.RowKey()) })
	return out
}

func drawBook(t *rapid.T) Book {
	pick := func(from ...string) string { return rapid.SampledFrom(from).Draw(t, "of") }
	elder := func() string { return pick("e1", "e2", "e3") }
	user := func() string { return pick("zhang", "li") }
	day := func() Day { return Day(pick("2026-01-01", "2026-03-02", "2026-03-03")) }
	end := func() Day { return Day(pick("", "2026-03-02", "2026-12-31")) }
	word := func() string { return rapid.String().Draw(t, "word") }
	return Book{
		Regions: rows(t, "regions", func(*rapid.T) Region {
			return Region{Code: pick("1", "12", "123"), Name: word(), Parent: pick("", "1", "12"), Level: LevelVillage}
		}),
		People: rows(t, "people", func(*rapid.T) Person { return Person{UserID: user(), Name: word(), Phone: word()} }),
		Posts: rows(t, "posts", func(*rapid.T) Post {
			return Post{UserID: user(), Role: RoleVisitor, Region: pick("12", "123"), Dept: word(), From: day(), To: end()}
		}),
		Elders: rows(t, "elders", func(*rapid.T) Elder {
			return Elder{ID: elder(), Name: word(), Phone: word(), Health: word(), Lon: rapid.Float64Range(-180, 180).Draw(t, "lon"),
				Lat: float64(rapid.IntRange(0, 2).Draw(t, "lat")), LostChild: rapid.Bool().Draw(t, "lost"), Consent: end(), Since: day()}
		}),
		Assignments: rows(t, "assignments", func(*rapid.T) Assignment { return Assignment{elder(), user(), day(), end()} }),
		Tierings:    rows(t, "tierings", func(*rapid.T) Tiering { return Tiering{elder(), Tier(pick("普通", "重点")), day(), end()} }),
		Kin: rows(t, "kin", func(*rapid.T) Kin {
			return Kin{ElderID: elder(), Name: pick("甲", "乙"), Relation: word(), Phone: word(), Where: word(), Carer: rapid.Bool().Draw(t, "carer"), Consent: end()}
		}),
		Pairs: rows(t, "pairs", func(*rapid.T) Pair { return Pair{elder(), user(), day(), end()} }),
		Standings: rows(t, "standings", func(*rapid.T) Standing {
			return Standing{ElderID: elder(), From: day(), To: end(), Kind: StandingPaused, Place: word(), Review: end()}
		}),
		Leaves: rows(t, "leaves", func(*rapid.T) Leave { return Leave{user(), day(), end(), user()} }),
		Rounds: rows(t, "rounds", func(*rapid.T) Round {
			return Round{pick("12", "123"), pick("高温", "寒潮"), day(), end(), Tier(pick("", "重点")), pick("", "door")}
		}),
		Follows: rows(t, "follows", func(*rapid.T) Follow { return Follow{elder(), day(), end(), word()} }),
	}
}

// between are the changes of one table from a state to the next.
func between[T Row](t *rapid.T, table string, was, now []T) (out []Change) {
	find := func(in []T, key string) int { return slices.IndexFunc(in, func(x T) bool { return x.RowKey() == key }) }
	for _, x := range was {
		if find(now, x.RowKey()) < 0 {
			c, err := Went(table, x)
			if err != nil {
				t.Fatal(err)
			}
			var back T
			if err := json.Unmarshal([]byte(c.Was), &back); err != nil || back != x {
				t.Fatalf("a row that went comes back as %+v, was %+v: %v", back, x, err)
			}
			out = append(out, c)
		}
	}
	for _, x := range now {
		if i := find(was, x.RowKey()); i < 0 {
			out = append(out, Came(table, x))
		} else {
			out = append(out, Became(table, was[i], x)...)
		}
	}
	return out
}

// noEmpty makes tables without a row nil, so that books compare.
func noEmpty(b Book) Book {
	for v, i := reflect.ValueOf(&b).Elem(), 0; i < v.NumField(); i++ {
		if f := v.Field(i); f.Kind() == reflect.Slice && f.Len() == 0 {
			f.SetZero()
		}
	}
	return b
}

// Whatever became of a book, taking back all changes after a revision leaves the book of that revision.
func TestAsOfTakesBackWhatCameLater(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		books := []Book{drawBook(t)}
		books[0].Version = 1
		var all []Change
		for n := int64(2); n < int64(2+rapid.IntRange(1, 4).Draw(t, "revisions")); n++ {
			was, now := books[len(books)-1], drawBook(t)
			now.Version = n
			changes := slices.Concat(between(t, TableRegions, was.Regions, now.Regions), between(t, TablePeople, was.People, now.People),
				between(t, TablePosts, was.Posts, now.Posts), between(t, TableElders, was.Elders, now.Elders),
				between(t, TableAssignments, was.Assignments, now.Assignments), between(t, TableTierings, was.Tierings, now.Tierings),
				between(t, TableKin, was.Kin, now.Kin), between(t, TablePairs, was.Pairs, now.Pairs), between(t, TableStandings, was.Standings, now.Standings),
				between(t, TableLeaves, was.Leaves, now.Leaves), between(t, TableRounds, was.Rounds, now.Rounds),
				between(t, TableFollows, was.Follows, now.Follows))
			for i := range changes {
				changes[i].N, changes[i].Seq = n, i+1
			}
			if len(changes) == 0 { // no revision
				continue
			}
			all, books = append(all, changes...), append(books, now)
		}
		last := books[len(books)-1]
		for _, want := range books {
			var after []Change
			for _, c := range all {
				if c.N > want.Version {
					after = append(after, c)
				}
			}
			if len(after) > 0 {
				after = rapid.Permutation(after).Draw(t, "order")
			}
			kept := slices.Clone(after)
			got, err := last.AsOf(after)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(noEmpty(got), noEmpty(want)) {
				t.Fatalf("as of revision %d:\n%+v\nwant\n%+v", want.Version, got, want)
			}
			if !slices.Equal(after, kept) || last.Version != books[len(books)-1].Version {
				t.Fatal("AsOf changed what it was given")
			}
		}
	})
}

func TestBecameSaysOnlyWhatDiffers(t *testing.T) {
	was := Elder{ID: "e1", Name: "赵桂兰", Phone: "13900000001", Lon: 106.25, LostChild: true}
	now := Elder{ID: "e1", Name: "赵桂兰", Phone: "13900000002", Lat: 38.5}
	about := Change{Table: TableElders, Row: "e1", ElderID: "e1"}
	with := func(field, was, now string) Change {
		c := about
		c.Field, c.Was, c.Now = field, was, now
		return c
	}
	want := []Change{with("Phone", "13900000001", "13900000002"), with("Lon", "106.25", ""), with("Lat", "", "38.5"), with("LostChild", "true", "")}
	if got := Became(TableElders, was, now); !slices.Equal(got, want) {
		t.Fatalf("%+v", got)
	}
	if got := Became(TableElders, was, was); len(got) > 0 {
		t.Fatalf("nothing became %+v", got)
	}
	if got := Came(TableElders, now); got != about {
		t.Fatalf("%+v", got)
	}
	post := Post{UserID: "zhang", Role: RoleVisitor, Region: "123", From: "2026-03-02"}
	if got := Came(TablePosts, post); got.ElderID != "" || got.Row != "zhang\tvisitor\t123\t2026-03-02" {
		t.Fatalf("%+v", got)
	}
}

// A field that the program no longer has is left out; what cannot be read is an error that does not repeat it.
func TestAsOfOfHistoryItCannotRead(t *testing.T) {
	b := Book{Elders: []Elder{{ID: "e1", Name: "now"}}, Version: 9}
	got, err := b.AsOf([]Change{{N: 9, Seq: 1, Table: TableElders, Row: "e1", Field: "Shoes", Was: "42"},
		{N: 9, Seq: 2, Table: TableElders, Row: "e1", Field: "Name", Was: "then", Now: "now"}, {N: 9, Seq: 3, Table: "nothing", Row: "x"}})
	if err != nil || !slices.Equal(got.Elders, []Elder{{ID: "e1", Name: "then"}}) || got.Version != 8 {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, c := range []Change{{N: 9, Table: TableElders, Row: "e2", Was: "geheim"}, {N: 9, Table: TableElders, Row: "e1", Field: "Lon", Was: "geheim"}} {
		got, err := b.AsOf([]Change{c})
		if err == nil || strings.Contains(err.Error(), "geheim") || !strings.Contains(err.Error(), "revision 9: elders") {
			t.Errorf("%v", err)
		}
		if !reflect.DeepEqual(got, Book{}) {
			t.Errorf("half a book: %+v", got)
		}
	}
}
