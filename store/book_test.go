package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

const today = ledger.Day("2026-03-02")

// county is a small invented ledger as a workbook brings it.
func county() ledger.Book {
	return ledger.Book{
		Regions: []ledger.Region{{Code: "1", Name: "永宁县", Level: ledger.LevelCounty}, {Code: "12", Name: "望远镇", Parent: "1", Level: ledger.LevelTownship},
			{Code: "123", Name: "望远村", Parent: "12", Level: ledger.LevelVillage}},
		People: []ledger.Person{{UserID: "zhang", Name: "张三", Phone: "13800000000"}, {UserID: "li", Name: "李四"}, {UserID: "wang", Name: "王五"}},
		Posts: []ledger.Post{{UserID: "zhang", Role: ledger.RoleVisitor, Region: "123"}, {UserID: "zhang", Role: ledger.RoleHelper, Region: "123"},
			{UserID: "li", Role: ledger.RoleVillage, Region: "123"}, {UserID: "wang", Role: ledger.RoleDept, Region: "1", Dept: "消防"}},
		Elders: []ledger.Elder{{ID: "e1", Name: "赵桂兰", Region: "123", Lon: 106.2, LostChild: true, Health: "高血压"},
			{ID: "e2", Name: "钱玉珍", Region: "123", Since: "2025-01-01"}},
		Assignments: []ledger.Assignment{{ElderID: "e1", UserID: "zhang"}, {ElderID: "e2", UserID: "zhang"}},
		Tierings:    []ledger.Tiering{{ElderID: "e1", Tier: ledger.TierKey}, {ElderID: "e2", Tier: ledger.TierOrdinary}},
		Kin:         []ledger.Kin{{ElderID: "e1", Name: "赵大", Relation: "子", Where: "银川", Carer: true}},
		Pairs:       []ledger.Pair{{ElderID: "e1", UserID: "zhang"}, {ElderID: "e1", UserID: "li", From: "2026-01-01", To: "2026-12-31"}},
	}
}

func save(t *testing.T, s *store.Store, b ledger.Book, day ledger.Day) ledger.Summary {
	t.Helper()
	sum, err := s.SaveBook(ctx, ledger.Edit{Book: b, By: ledger.ByImport, Today: day})
	require.NoError(t, err)
	return sum
}

func TestSaveBook(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		empty, err := s.Roster(ctx)
		require.NoError(t, err)
		assert.Equal(t, ledger.Summary{Regions: ledger.Count{New: 3}, People: ledger.Count{New: 3}, Posts: ledger.Count{New: 4}, Elders: ledger.Count{New: 2},
			Assignments: ledger.Count{New: 2}, Tierings: ledger.Count{New: 2}, Kin: ledger.Count{New: 1}, Pairs: ledger.Count{New: 2}}, save(t, s, county(), today))
		first, err := s.Roster(ctx)
		require.NoError(t, err)
		assert.NotSame(t, empty, first)
		_, ok := empty.Elder("e1")
		assert.False(t, ok, "a roster never changes")

		// Again, today and later: nothing changes, and nobody reads the ledger again.
		for _, day := range []ledger.Day{today, today.Add(1), "2026-08-01"} {
			assert.True(t, save(t, s, county(), day).Empty())
		}
		again, err := s.Roster(ctx)
		require.NoError(t, err)
		assert.Same(t, first, again)

		// What the store gives back is the book, and saving it changes nothing.
		b, err := s.Book(ctx)
		require.NoError(t, err)
		assert.True(t, save(t, s, b, today).Empty())
		assert.Equal(t, ledger.Elder{ID: "e1", Name: "赵桂兰", Region: "123", Lon: 106.2, LostChild: true, Health: "高血压", Since: today}, b.Elders[0])
		assert.Equal(t, ledger.Day("2025-01-01"), b.Elders[1].Since)
		assert.Equal(t, []ledger.Kin{{ElderID: "e1", Name: "赵大", Relation: "子", Where: "银川", Carer: true}}, b.Kin)
		assert.Equal(t, ledger.TierKey, first.Tier("e1", today))
		assert.Equal(t, []string{"zhang"}, first.Visitors("e1", today))
		assert.Empty(t, first.Visitors("e1", today.Add(-1)))
	})
}

func TestSaveBookLeavesAndClears(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		save(t, s, county(), today)
		sum := save(t, s, ledger.Book{
			Elders: []ledger.Elder{{ID: "e1", Health: "-", Phone: "0951", Consent: "2026-02-01"}},
			People: []ledger.Person{{UserID: "zhang", Phone: "-"}},
			Kin:    []ledger.Kin{{ElderID: "e1", Name: "赵大", Where: "-", Phone: "139"}},
			Pairs:  []ledger.Pair{{ElderID: "e1", UserID: "li", From: "2026-01-01", To: "-"}},
		}, today)
		assert.Equal(t, ledger.Summary{Elders: ledger.Count{Changed: 1}, People: ledger.Count{Changed: 1}, Kin: ledger.Count{Changed: 1}, Pairs: ledger.Count{Changed: 1}}, sum)
		b, err := s.Book(ctx)
		require.NoError(t, err)
		assert.Equal(t, ledger.Elder{ID: "e1", Name: "赵桂兰", Region: "123", Lon: 106.2, LostChild: true, Phone: "0951", Consent: "2026-02-01", Since: today}, b.Elders[0])
		assert.Contains(t, b.People, ledger.Person{UserID: "zhang", Name: "张三"})
		assert.Contains(t, b.Pairs, ledger.Pair{ElderID: "e1", UserID: "li", From: "2026-01-01"})
		assert.Len(t, b.Elders, 2, "what a book leaves out stays")
		assert.Len(t, b.Assignments, 2)
	})
}

func TestDatedRows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		save(t, s, county(), today)
		later := today.Add(30)
		change := ledger.Book{
			Assignments: []ledger.Assignment{{ElderID: "e1", UserID: "li"}, {ElderID: "e2", UserID: "zhang"}},
			Tierings:    []ledger.Tiering{{ElderID: "e1", Tier: ledger.TierOrdinary}},
			Posts:       []ledger.Post{{UserID: "zhang", Role: ledger.RoleVisitor, Region: "123"}, {UserID: "wang", Role: ledger.RoleDept, Region: "1", Dept: "公安"}},
			Pairs:       []ledger.Pair{{ElderID: "e1", UserID: "wang"}},
		}
		assert.Equal(t, ledger.Summary{Assignments: ledger.Count{New: 1, Changed: 1}, Tierings: ledger.Count{New: 1, Changed: 1},
			Posts: ledger.Count{New: 1, Changed: 2}, Pairs: ledger.Count{New: 1}}, save(t, s, change, later))
		assert.True(t, save(t, s, change, later).Empty())
		assert.True(t, save(t, s, change, later.Add(1)).Empty())
		r, err := s.Roster(ctx)
		require.NoError(t, err)
		for day, want := range map[ledger.Day]string{today.Add(-1): "", today: "zhang", later.Add(-1): "zhang", later: "li", later.Add(400): "li"} {
			assert.Equal(t, want, fmt.Sprint(append(r.Visitors("e1", day), "")[0]), day)
		}
		assert.Equal(t, ledger.TierKey, r.Tier("e1", later.Add(-1)), "the past is never rewritten")
		assert.Equal(t, ledger.TierOrdinary, r.Tier("e1", later))
		assert.Len(t, r.Visitors("e2", later), 1)
		assert.ElementsMatch(t, []ledger.Post{{UserID: "zhang", Role: ledger.RoleVisitor, Region: "123", From: today},
			{UserID: "zhang", Role: ledger.RoleHelper, Region: "123", From: today, To: later.Add(-1)}}, r.Posts("zhang"))
		assert.ElementsMatch(t, []ledger.Post{{UserID: "wang", Role: ledger.RoleDept, Region: "1", Dept: "消防", From: today, To: later.Add(-1)},
			{UserID: "wang", Role: ledger.RoleDept, Region: "1", Dept: "公安", From: later}}, r.Posts("wang"))
		b, err := s.Book(ctx)
		require.NoError(t, err)
		assert.Len(t, b.Pairs, 3)
		for _, p := range b.Pairs {
			assert.True(t, p.Holds(later), "a new pair ends no other: %+v", p)
		}
	})
}

// A mistake of the morning corrected in the afternoon, and back again.
func TestDatedRowsOfOneDay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		save(t, s, county(), "2026-01-01")
		to := func(user string, tier ledger.Tier) ledger.Book {
			return ledger.Book{Assignments: []ledger.Assignment{{ElderID: "e1", UserID: user}}, Tierings: []ledger.Tiering{{ElderID: "e1", Tier: tier}}}
		}
		for _, b := range []ledger.Book{to("li", ledger.TierOrdinary), to("wang", ledger.TierKey), to("zhang", ledger.TierOrdinary), to("li", ledger.TierOrdinary)} {
			assert.False(t, save(t, s, b, today).Empty())
			assert.True(t, save(t, s, b, today).Empty())
			r, err := s.Roster(ctx)
			require.NoError(t, err)
			assert.Equal(t, []string{b.Assignments[0].UserID}, r.Visitors("e1", today))
			assert.Equal(t, b.Tierings[0].Tier, r.Tier("e1", today))
			assert.Equal(t, []string{"zhang"}, r.Visitors("e1", today.Add(-1)))
			assert.Equal(t, ledger.TierKey, r.Tier("e1", today.Add(-1)))
		}
		b, err := s.Book(ctx)
		require.NoError(t, err)
		assert.Len(t, b.Tierings, 3)
		assert.Len(t, b.Assignments, 3)
	})
}

func TestPairsWithAnEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		over := ledger.Book{Pairs: []ledger.Pair{{ElderID: "e1", UserID: "li", To: today.Add(-1)}}}
		assert.True(t, save(t, s, over, today).Empty(), "what ended before it was known is no news")
		save(t, s, ledger.Book{Pairs: []ledger.Pair{{ElderID: "e1", UserID: "li", From: "2026-01-01"}}}, today)
		assert.Equal(t, ledger.Summary{Pairs: ledger.Count{Changed: 1}}, save(t, s, over, today))
		assert.True(t, save(t, s, over, today).Empty())
		b, err := s.Book(ctx)
		require.NoError(t, err)
		assert.Equal(t, []ledger.Pair{{ElderID: "e1", UserID: "li", From: "2026-01-01", To: today.Add(-1)}}, b.Pairs)
	})
}

// What has no letters of its own is set back by name, and "-" in place of a person or a role ends what held.
func TestSaveBookResets(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		save(t, s, county(), today)
		later := today.Add(10)
		ends := ledger.Book{
			Resets: []ledger.Reset{{ElderID: "e1", Field: ledger.ResetLostChild}, {ElderID: "e1", Field: ledger.ResetLon},
				{ElderID: "e1", Kin: "赵大", Field: ledger.ResetCarer}, {ElderID: "nobody", Field: ledger.ResetLat}},
			Posts:       []ledger.Post{{UserID: "zhang", Role: "-"}},
			Assignments: []ledger.Assignment{{ElderID: "e1", UserID: "-"}},
		}
		save(t, s, ends, later)
		assert.True(t, save(t, s, ends, later).Empty())
		b, err := s.Book(ctx)
		require.NoError(t, err)
		assert.False(t, b.Elders[0].LostChild)
		assert.Zero(t, b.Elders[0].Lon)
		assert.Equal(t, "高血压", b.Elders[0].Health)
		assert.False(t, b.Kin[0].Carer)
		r := ledger.NewRoster(b)
		assert.Equal(t, []string{"zhang"}, r.Visitors("e1", later.Add(-1)), "the past stays")
		assert.Empty(t, r.Visitors("e1", later))
		assert.Equal(t, []string{"zhang"}, r.Visitors("e2", later), "another elder's assignment is another matter")
		for _, p := range r.Posts("zhang") {
			assert.False(t, p.Holds(later))
			assert.True(t, p.Holds(later.Add(-1)))
		}
	})
}

func TestSaveBookNeedsADay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		_, err := s.SaveBook(ctx, ledger.Edit{Book: county(), By: ledger.ByImport, Today: "heute"})
		require.Error(t, err)
		b, err := s.Book(ctx)
		require.NoError(t, err)
		assert.Empty(t, b.Elders)
	})
}

// Several processes import at once; each sees what the others left, and every roster is the last one's.
func TestSaveBookTogether(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		stores := []*store.Store{opened(t, o), opened(t, o), opened(t, o)}
		var wg sync.WaitGroup
		for g, s := range stores {
			wg.Go(func() {
				for i := range 5 {
					_, err := s.SaveBook(ctx, ledger.Edit{Book: ledger.Book{Elders: []ledger.Elder{{ID: fmt.Sprint(i), Name: "n", Phone: fmt.Sprint(g)}, {ID: fmt.Sprintf("%d-%d", g, i)}}}, By: ledger.ByImport, Today: today})
					assert.NoError(t, err)
				}
			})
		}
		wg.Wait()
		for _, s := range stores {
			r, err := s.Roster(ctx)
			require.NoError(t, err)
			for g := range stores {
				for i := range 5 {
					_, ok := r.Elder(fmt.Sprintf("%d-%d", g, i))
					assert.True(t, ok)
				}
			}
		}
	})
}

// The whole of a large county; the figure belongs to BenchmarkSaveBook, here it must only be right.
func TestSaveBookOfManyRows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := large(3000)
		assert.Equal(t, ledger.Count{New: 3000}, save(t, s, b, today).Elders)
		assert.True(t, save(t, s, b, today).Empty())
		r, err := s.Roster(ctx)
		require.NoError(t, err)
		assert.Len(t, r.Assigned("u7", today), 30)
	})
}

func large(n int) ledger.Book {
	var b ledger.Book
	for i := range n {
		id := fmt.Sprintf("e%06d", i)
		b.Elders = append(b.Elders, ledger.Elder{ID: id, Name: "老人" + id, Region: "r", Address: "某村某组某号", Birth: "1941-05-06", Living: "独居"})
		b.Assignments = append(b.Assignments, ledger.Assignment{ElderID: id, UserID: fmt.Sprintf("u%d", i%100)})
		b.Tierings = append(b.Tierings, ledger.Tiering{ElderID: id, Tier: ledger.TierKey})
		b.Kin = append(b.Kin, ledger.Kin{ElderID: id, Name: "子女", Relation: "子"})
	}
	return b
}

func TestFindingsAreOrdered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var fs []ledger.Finding
		for i, at := range []time.Duration{2, 0, 1} {
			fs = append(fs, ledger.Finding{Key: fmt.Sprint(i), ElderID: "e1", State: ledger.FindingWatched, At: start.Add(at * time.Hour)})
		}
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Findings: fs}}))
		got, err := s.Findings(ctx, []string{"e1"}, ledger.FindingWatched, ledger.FindingReported)
		require.NoError(t, err)
		assert.Equal(t, []ledger.Finding{fs[1], fs[2], fs[0]}, got)
	})
}
