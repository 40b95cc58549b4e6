package store_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// owedPlain is what is owed, written down without a thought: elder, duty, row.
type owedPlain map[string]map[string]ledger.Owing

func (m owedPlain) set(elder string, rows []ledger.Owing) {
	m[elder] = map[string]ledger.Owing{}
	for _, o := range rows {
		m[elder][o.Duty] = o
	}
}

// by is one user's part, in order.
func (m owedPlain) by(user string) (out []ledger.Owing) {
	for _, rows := range m {
		for _, o := range rows {
			if o.UserID == user {
				out = append(out, o)
			}
		}
	}
	slices.SortFunc(out, func(a, b ledger.Owing) int {
		return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.ElderID, b.ElderID), cmp.Compare(a.Duty, b.Duty))
	})
	return out
}

// sums adds the rows up.
func (m owedPlain) sums() (out []ledger.Owes) {
	by := map[ledger.Owes]ledger.Owes{}
	for _, rows := range m {
		for _, o := range rows {
			k := ledger.Owes{UserID: o.UserID, Region: o.Region, Duty: o.Duty, Period: o.Period, Due: o.Due}
			x, ok := by[k]
			if !ok {
				x = k
			}
			x.Elders++
			if o.State != ledger.DutyPaused && o.State != ledger.DutyCancelled {
				x.Need += o.Need
				if o.Done < o.Need {
					x.Missing++
					x.Done += o.Done
				} else {
					x.Done += o.Need
				}
			}
			by[k] = x
		}
	}
	out = slices.Collect(maps.Values(by))
	inOrderOfSums(out)
	return out
}

func inOrderOfSums(out []ledger.Owes) {
	slices.SortFunc(out, func(a, b ledger.Owes) int {
		return strings.Compare(fmt.Sprintf("%q", []string{a.UserID, a.Region, a.Duty, string(a.Period), string(a.Due)}),
			fmt.Sprintf("%q", []string{b.UserID, b.Region, b.Duty, string(b.Period), string(b.Due)}))
	})
}

var (
	owers    = []string{"zhang", "li", ""}
	villages = []string{"v1", "v2"}
)

// holds compares all that the store says with the model.
func (m owedPlain) holds(t require.TestingT, s *store.Store) {
	for _, u := range owers {
		got, err := s.OwedBy(ctx, u)
		require.NoError(t, err)
		require.Equal(t, m.by(u), got, "owed by %q", u)
	}
	want := m.sums()
	all, err := s.OwesOf(ctx, villages)
	require.NoError(t, err)
	inOrderOfSums(all)
	require.ElementsMatch(t, want, all)
	first, err := s.OwesOf(ctx, villages[:1])
	require.NoError(t, err)
	require.ElementsMatch(t, only(want, func(o ledger.Owes) bool { return o.Region == villages[0] }), first)
	missing, err := s.Owes(ctx)
	require.NoError(t, err)
	inOrderOfSums(missing)
	require.ElementsMatch(t, only(want, func(o ledger.Owes) bool { return o.Missing > 0 }), missing)
}

func only[T any](in []T, keep func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(in), func(x T) bool { return !keep(x) })
}

func owing(sets ...ledger.OwingSet) store.Turn {
	return store.Turn{Changes: ledger.Changes{Owing: sets}}
}

func revision(t require.TestingT, s *store.Store, elder string) int64 {
	revs, err := s.Reckoned(ctx, []string{elder})
	require.NoError(t, err)
	return revs[elder]
}

func drawSet(t *rapid.T, elder string) ledger.OwingSet {
	of := func(words ...string) string { return rapid.SampledFrom(words).Draw(t, "of") }
	x := ledger.OwingSet{ElderID: elder}
	for _, duty := range []string{"月巡访", "季帮扶"} {
		if rapid.Bool().Draw(t, duty) {
			x.Rows = append(x.Rows, ledger.Owing{ElderID: elder, Duty: duty, Kind: ledger.KindVisit, Period: ledger.Period(of("2026-02", "2026-03")), From: "2026-03-01",
				Due: ledger.Day(of("2026-03-15", "2026-03-31")), Need: rapid.IntRange(0, 3).Draw(t, "need"), Done: rapid.IntRange(0, 4).Draw(t, "done"),
				Door: rapid.IntRange(0, 1).Draw(t, "door"), UserID: of(owers...), Region: of(villages...), State: rapid.SampledFrom([]ledger.DutyState{
					ledger.DutyReady, ledger.DutyDone, ledger.DutyFailed, ledger.DutyPaused, ledger.DutyCancelled}).Draw(t, "state")})
		}
	}
	return x
}

// Random turns and reckonings: what is owed, and by whom, is what a model says that adds everything up anew each time.
func TestOwingIsAModels(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		checks(t, map[string]int{store.SQLite: 40, store.MySQL: 15}[o.Driver])
		s := opened(t, o)
		var b ledger.Book
		inLedger := []string{"e1", "e2", "e3"}
		for _, id := range inLedger {
			b.Elders = append(b.Elders, ledger.Elder{ID: id, Name: "n", Region: "v1"})
		}
		save(t, s, b, today)
		rapid.Check(t, func(t *rapid.T) {
			require.NoError(t, s.Reckon(ctx, "", func(string, []ledger.Entry) []ledger.Owing { return nil }))
			m := owedPlain{}
			m.holds(t, s)
			for range rapid.IntRange(1, 8).Draw(t, "steps") {
				if rapid.IntRange(0, 4).Draw(t, "step") == 0 {
					next := owedPlain{}
					require.NoError(t, s.Reckon(ctx, "", func(id string, _ []ledger.Entry) []ledger.Owing {
						x := drawSet(t, id)
						if rapid.Bool().Draw(t, "as it was") {
							x.Rows = slices.Collect(maps.Values(m[id]))
						}
						next.set(id, x.Rows)
						return x.Rows
					}))
					require.ElementsMatch(t, inLedger, slices.Collect(maps.Keys(next)))
					m = next
					m.holds(t, s)
					continue
				}
				var turn store.Turn
				stale := rapid.IntRange(0, 4).Draw(t, "stale") == 0
				for range rapid.IntRange(1, 4).Draw(t, "sets") {
					x := drawSet(t, rapid.SampledFrom([]string{"e1", "e2", "e3", "gone"}).Draw(t, "elder"))
					switch rapid.IntRange(0, 2).Draw(t, "seen") {
					case 1:
						x.Seen = revision(t, s, x.ElderID)
					case 2:
						if stale {
							x.Seen = revision(t, s, x.ElderID) + 1
						}
					}
					turn.Changes.Owing = append(turn.Changes.Owing, x)
				}
				if stale {
					turn.User, turn.Revision = "zhang", 7
				}
				if err := s.Commit(ctx, turn); stale {
					require.ErrorIs(t, err, store.ErrStale)
				} else {
					require.NoError(t, err)
					for _, x := range turn.Changes.Owing {
						m.set(x.ElderID, x.Rows)
					}
				}
				m.holds(t, s)
			}
		})
	})
}

func monthly(elder, user string, done int) ledger.Owing {
	o := ledger.Owing{ElderID: elder, Duty: "月巡访", Kind: ledger.KindVisit, Period: "2026-03", From: "2026-03-01", Due: "2026-03-31", Need: 1, Done: done,
		State: ledger.DutyReady, UserID: user, Region: "v1"}
	if done > 0 {
		o.State = ledger.DutyDone
	}
	return o
}

func just(o ledger.Owing) ledger.OwingSet {
	return ledger.OwingSet{ElderID: o.ElderID, Rows: []ledger.Owing{o}}
}

// A turn that the database refuses at its last step leaves neither table touched, and a neighbour in its batch is not harmed.
func TestOwingIsRolledBack(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		opened(t, o)
		boom := "CREATE TRIGGER boom BEFORE INSERT ON outbox WHEN NEW.dedupe = 'boom' BEGIN SELECT RAISE(ABORT, 'boom'); END"
		if o.Driver == store.MySQL {
			boom = "CREATE TRIGGER boom BEFORE INSERT ON outbox FOR EACH ROW BEGIN IF NEW.dedupe = 'boom' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'boom'; END IF; END"
		}
		_, err := raw(t, o).Exec(boom)
		require.NoError(t, err)
		o.FlushDelay, o.Committers = 3*time.Millisecond, 1
		s := storetest.OpenWith(t, o)
		m := owedPlain{}
		require.NoError(t, s.Commit(ctx, owing(just(monthly("e1", "zhang", 0)), just(monthly("e2", "zhang", 0)))))
		m.set("e1", []ledger.Owing{monthly("e1", "zhang", 0)})
		bad := owing(just(monthly("e1", "li", 1)), ledger.OwingSet{ElderID: "e2"}, just(monthly("e3", "li", 0)))
		bad.Changes.Messages = []ledger.Message{text("boom", "zhang", 1)}
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { assert.ErrorContains(t, s.Commit(ctx, bad), "boom") })
		}
		wg.Go(func() { assert.NoError(t, s.Commit(ctx, owing(just(monthly("e2", "zhang", 1))))) })
		wg.Wait()
		m.set("e2", []ledger.Owing{monthly("e2", "zhang", 1)})
		m.holds(t, s)
		assert.EqualValues(t, 1, revision(t, s, "e3"))
	})
}

// Eight at once in two processes record for the same elders: nobody's work is lost, and the sums are those of the rows.
func TestOwingOfManyAtOnce(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		stores := []*store.Store{opened(t, o), opened(t, o)}
		const workers, each, elders = 8, 25, 6
		var wg sync.WaitGroup
		for g := range workers {
			s := stores[g%2]
			wg.Go(func() {
				for i := range each {
					id := fmt.Sprintf("e%d", (g+i)%elders)
					for {
						seen := revision(t, s, id)
						rows, err := s.OwedBy(ctx, "zhang")
						if !assert.NoError(t, err) {
							return
						}
						o := monthly(id, "zhang", 0)
						o.Need = workers * each
						for _, x := range rows {
							if x.ElderID == id {
								o.Done = x.Done
							}
						}
						o.Done++
						x := just(o)
						x.Seen = seen
						// The others of the turn are not counted up, so they need not be seen.
						err = s.Commit(ctx, owing(x, just(monthly(fmt.Sprintf("x%d", i%3), "li", g%2)), just(monthly(fmt.Sprintf("x%d", g%3), "", i%2))))
						if errors.Is(err, store.ErrStale) {
							continue
						}
						if !assert.NoError(t, err) {
							return
						}
						break
					}
				}
			})
		}
		wg.Wait()
		m, done := owedPlain{}, 0
		for _, u := range owers {
			rows, err := stores[0].OwedBy(ctx, u)
			require.NoError(t, err)
			for _, o := range rows {
				m.set(o.ElderID, []ledger.Owing{o})
				if u == "zhang" {
					done += o.Done
				}
			}
		}
		assert.Equal(t, workers*each, done)
		assert.Len(t, m, elders+3)
		m.holds(t, stores[1])
	})
}

func TestOwingOfNobodyIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for name, x := range map[string]ledger.OwingSet{
			"no elder": {}, "another's": {ElderID: "e2", Rows: []ledger.Owing{monthly("e1", "zhang", 0)}},
			"twice": {ElderID: "e1", Rows: []ledger.Owing{monthly("e1", "zhang", 0), monthly("e1", "li", 1)}}, "no duty": {ElderID: "e1", Rows: []ledger.Owing{{ElderID: "e1"}}},
		} {
			err := s.Commit(ctx, owing(x))
			require.Error(t, err, name)
			require.NotErrorIs(t, err, store.ErrStale, name)
		}
		owedPlain{}.holds(t, s)
	})
}

// visits is a plain rule: one visit in March.
func visits(user string) func(string, []ledger.Entry) []ledger.Owing {
	return func(id string, entries []ledger.Entry) []ledger.Owing {
		return []ledger.Owing{monthly(id, user, len(entries))}
	}
}

// Turns that keep what is owed as they record, undo and correct leave what a full recomputation would.
func TestReckonFindsNothingToDo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var b ledger.Book
		for i := range 5 {
			b.Elders = append(b.Elders, ledger.Elder{ID: fmt.Sprintf("e%d", i), Name: "n", Region: "v1"})
		}
		save(t, s, b, today)
		rule := visits("zhang")
		require.NoError(t, s.Reckon(ctx, "2026-03-01", rule))
		for i := range 12 {
			e := visit(i, fmt.Sprintf("e%d", i%4), ledger.Day("2026-02-27").Add(i))
			had, err := s.CountedOf(ctx, []string{e.ElderID}, "2026-03-01")
			require.NoError(t, err)
			if e.Day >= "2026-03-01" {
				had = append(had, e)
			}
			turn := owing(ledger.OwingSet{ElderID: e.ElderID, Rows: rule(e.ElderID, had), Seen: revision(t, s, e.ElderID)})
			turn.Changes.Entries = []ledger.Entry{e}
			require.NoError(t, s.Commit(ctx, turn))
		}
		ids := []string{"e0", "e1", "e2", "e3", "e4"}
		before, err := s.Reckoned(ctx, ids)
		require.NoError(t, err)
		owed, err := s.OwedBy(ctx, "zhang")
		require.NoError(t, err)
		m := owedPlain{}
		for _, o := range owed {
			m.set(o.ElderID, []ledger.Owing{o})
		}
		assert.Len(t, m, 5)
		m.holds(t, s)
		var given []string
		require.NoError(t, s.Reckon(ctx, "2026-03-01", func(id string, entries []ledger.Entry) []ledger.Owing {
			given = append(given, fmt.Sprint(id, len(entries)))
			for i, e := range entries {
				assert.Equal(t, id, e.ElderID)
				assert.GreaterOrEqual(t, e.Day, ledger.Day("2026-03-01"))
				assert.True(t, i == 0 || entries[i-1].Day <= e.Day)
			}
			return rule(id, entries)
		}))
		assert.Equal(t, []string{"e02", "e12", "e23", "e33", "e40"}, given, "everybody once, in order, with what counts")
		m.holds(t, s)
		after, err := s.Reckoned(ctx, ids)
		require.NoError(t, err)
		assert.Equal(t, before, after, "nothing was written")
	})
}

// A turn is committed for an elder whose records Reckon has read already: its figures stay, the others' are corrected.
func TestReckonGivesWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		save(t, s, ledger.Book{Elders: []ledger.Elder{{ID: "e1", Name: "n"}, {ID: "e2", Name: "n"}, {ID: "e3", Name: "n"}}}, today)
		require.NoError(t, s.Commit(ctx, owing(just(monthly("e2", "li", 0)))))
		require.NoError(t, s.Reckon(ctx, "", func(id string, entries []ledger.Entry) []ledger.Owing {
			if id == "e3" { // of e1 nothing was ever owed before, of e2 something was
				for i, elder := range []string{"e1", "e2"} {
					turn := owing(just(monthly(elder, "zhang", 1)))
					turn.Changes.Entries = []ledger.Entry{visit(i, elder, today)}
					assert.NoError(t, s.Commit(ctx, turn))
				}
			}
			return visits("zhang")(id, entries)
		}))
		m := owedPlain{}
		m.set("e1", []ledger.Owing{monthly("e1", "zhang", 1)})
		m.set("e2", []ledger.Owing{monthly("e2", "zhang", 1)})
		m.set("e3", []ledger.Owing{monthly("e3", "zhang", 0)})
		m.holds(t, s)
	})
}

// Reckon runs again and again beside people who record: at the end all is as their records say, without another run.
func TestReckonBesideWriters(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		stores := []*store.Store{opened(t, o), opened(t, o)}
		const elders = 40
		var b ledger.Book
		for i := range elders {
			b.Elders = append(b.Elders, ledger.Elder{ID: fmt.Sprintf("e%02d", i), Name: "n", Region: "v1"})
		}
		save(t, stores[0], b, today)
		rule := func(id string, entries []ledger.Entry) []ledger.Owing {
			o := monthly(id, "zhang", 0)
			o.Need, o.Done = 9, len(entries)
			return []ledger.Owing{o}
		}
		work, cancel := context.WithCancel(ctx)
		defer cancel()
		var writers, reckoner sync.WaitGroup
		for g := range 3 {
			s := stores[g%2]
			writers.Go(func() {
				for i := range 40 {
					e := visit(100*g+i, fmt.Sprintf("e%02d", (7*g+i)%elders), today)
					for {
						seen := revision(t, s, e.ElderID)
						had, err := s.CountedOf(ctx, []string{e.ElderID}, "")
						if !assert.NoError(t, err) {
							return
						}
						turn := owing(ledger.OwingSet{ElderID: e.ElderID, Rows: rule(e.ElderID, append(had, e)), Seen: seen})
						turn.Changes.Entries = []ledger.Entry{e}
						if err := s.Commit(ctx, turn); !errors.Is(err, store.ErrStale) {
							assert.NoError(t, err)
							break
						}
					}
				}
			})
		}
		for g := range 2 { // two reckon at once
			reckoner.Go(func() {
				for i := 0; work.Err() == nil; i++ {
					assert.NoError(t, stores[g].Reckon(ctx, "", rule))
				}
			})
		}
		writers.Wait()
		cancel()
		reckoner.Wait()
		all, err := stores[0].Counted(ctx, "")
		require.NoError(t, err)
		require.Len(t, all, 120)
		m := owedPlain{}
		for _, e := range b.Elders {
			m.set(e.ID, rule(e.ID, only(all, func(x ledger.Entry) bool { return x.ElderID == e.ID })))
		}
		m.holds(t, stores[1])
	})
}

// The turn of a month for more elders than are read at once: nobody sees the sums of half of them, also when it breaks off.
func TestNobodySeesHalfAReckoning(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const n = 5100
		var b ledger.Book
		for i := range n {
			b.Elders = append(b.Elders, ledger.Elder{ID: fmt.Sprintf("e%04d", i), Name: "n", Region: "v1"})
		}
		save(t, s, b, today)
		sums := func(want ...ledger.Owes) {
			t.Helper()
			got, err := s.Owes(ctx)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		march := ledger.Owes{UserID: "zhang", Region: "v1", Duty: "月巡访", Period: "2026-03", Due: "2026-03-31", Elders: n, Missing: n, Need: n}
		april := march
		april.Period, april.Due = "2026-04", "2026-04-30"
		require.NoError(t, s.Reckon(ctx, "", visits("zhang")))
		sums(march)
		rule := func(id string, entries []ledger.Entry) []ledger.Owing {
			o := monthly(id, "zhang", len(entries))
			o.Period, o.Due = april.Period, april.Due
			return []ledger.Owing{o}
		}
		last := fmt.Sprintf("e%04d", n-1)
		brief, cancel := context.WithCancel(ctx)
		require.ErrorIs(t, s.Reckon(brief, "", func(id string, entries []ledger.Entry) []ledger.Owing {
			if id == last { // the first of them are written
				rows, err := s.OwedBy(ctx, "zhang")
				require.NoError(t, err)
				require.Equal(t, april.Due, rows[len(rows)-1].Due)
				sums(march)
				require.NoError(t, s.Commit(ctx, owing(just(monthly("e0000", "zhang", 1)))))
				sums(march)
				cancel()
			}
			return rule(id, entries)
		}), context.Canceled)
		sums(march)
		require.NoError(t, s.Reckon(ctx, "", rule))
		sums(april)
		turn := owing(ledger.OwingSet{ElderID: "e0000"})
		require.NoError(t, s.Commit(ctx, turn))
		april.Elders, april.Missing, april.Need = n-1, n-1, n-1
		sums(april)
	})
}

// An elder whose data were deleted owes nobody anything.
func TestErasedAreNotOwed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		save(t, s, ledger.Book{Elders: []ledger.Elder{{ID: "e1", Name: "n"}, {ID: "e2", Name: "n"}}}, today)
		require.NoError(t, s.Commit(ctx, owing(just(monthly("e1", "zhang", 0)), just(monthly("e2", "zhang", 0)))))
		require.NoError(t, s.Erase(ctx, "e1", "x", "y", func(string) error { return nil }))
		m := owedPlain{}
		m.set("e2", []ledger.Owing{monthly("e2", "zhang", 0)})
		m.holds(t, s)
	})
}
