package store_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"xunfang/ledger"
	"xunfang/seal"
	"xunfang/store"
	"xunfang/store/storetest"
)

// raise is a new alarm, decided when so many had been raised.
func raise(key string, alarms int64) ledger.CaseStep {
	return opening(ledger.Case{Key: key, No: "急" + key, Kind: ledger.CaseAlarm, What: "fall", Region: "123", By: "zhang", Due: start.Add(5 * time.Minute)}, alarms)
}

// matter is a new problem that is looked at again at a moment.
func matter(key string, due time.Time) ledger.CaseStep {
	return opening(ledger.Case{Key: key, No: "事" + key, Kind: ledger.CaseProblem, What: "gas", Region: "123", By: "zhang", Due: due}, 0)
}

func opening(c ledger.Case, alarms int64) ledger.CaseStep {
	c.State, c.Level, c.Since, c.At = ledger.CaseOpen, ledger.RoleVillage, start, start
	x := ledger.CaseStep{Case: c, Alarms: alarms}
	x.Add(ledger.Event{Kind: ledger.EventRaised, By: c.By, At: start})
	return x
}

func steps(x ...ledger.CaseStep) store.Turn { return store.Turn{Changes: ledger.Changes{Cases: x}} }

// next is a step of a case as it stands: somebody is told, by a message if it has a key.
func next(f ledger.CaseFile, to, message string) ledger.CaseStep {
	x := f.Step()
	x.Add(ledger.Event{Kind: ledger.EventTold, To: to, Level: ledger.RoleVillage, Wave: 1, Rung: 2, Message: message, Text: "for " + to,
		At: start.Add(time.Duration(f.Events) * 1500 * time.Millisecond)})
	return x
}

func fileOf(t require.TestingT, s *store.Store, key string) ledger.CaseFile {
	files, err := s.CaseFiles(ctx, key)
	require.NoError(t, err)
	require.Len(t, files, 1)
	return files[0]
}

func caseKeys(files []ledger.CaseFile) (out []string) {
	for _, f := range files {
		out = append(out, f.Key)
	}
	return out
}

func TestCaseReadsAsItWasWritten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := ledger.Case{Key: "c0123456789abcdef01234567", No: "急260302-1", Kind: ledger.CaseAlarm, What: "fire", ElderID: "e1", Region: "123", Place: "三组", About: "着火了",
			By: "zhang", Unverified: true, Drill: true, State: ledger.CaseTaken, Level: ledger.RoleTownship, Dept: "消防", Owner: "li", Wave: 2, Rung: 3,
			Due: start.Add(time.Second), Since: start.Add(2 * time.Millisecond), At: start.Add(3 * time.Millisecond), Outcome: "灭了", Source: "m1/visit/gas"}
		x := ledger.CaseStep{Case: c}
		x.Add(ledger.Event{Kind: ledger.EventRaised, By: "zhang", At: start.Add(7 * time.Millisecond)})
		x.Add(ledger.Event{Kind: ledger.EventTold, By: "wang", To: "li", Level: ledger.RoleVillage, Dept: "应急", Wave: 2, Rung: 1, Message: "case/1", Text: "火很大", At: start})
		require.NoError(t, s.Commit(ctx, steps(x)))
		want := ledger.CaseFile{}.With(x)
		assert.Equal(t, want, fileOf(t, s, c.Key))

		y := want.Step() // every column of a case may change
		y.Case = ledger.Case{Key: c.Key, No: "x", Kind: ledger.CaseNeed, State: ledger.CaseEnded, At: start, Rev: c.Rev, Events: 2}
		y.Add(ledger.Event{Kind: ledger.EventEnded, At: start})
		require.NoError(t, s.Commit(ctx, steps(y)))
		want = want.With(y)
		assert.Equal(t, want, fileOf(t, s, c.Key))
		files, err := s.CaseFiles(ctx, "nobody's")
		require.NoError(t, err)
		assert.Empty(t, files)
		files, err = s.CaseFiles(ctx)
		require.NoError(t, err)
		assert.Empty(t, files)
	})
}

// A step that was decided on what is no more is stale, and nothing of its turn is there.
func TestStaleSteps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stale := func(x ...ledger.CaseStep) {
			t.Helper()
			turn := steps(x...)
			turn.Changes.Messages = []ledger.Message{text("never", "li", ledger.PriorityAlarm)}
			require.ErrorIs(t, s.Commit(ctx, turn), store.ErrStale)
		}
		stale(raise("c1", 1)) // none was raised yet
		require.NoError(t, s.Commit(ctx, steps(raise("c1", 0))))
		stale(raise("c1", 0)) // said again
		stale(raise("c1", 1))
		stale(raise("c2", 0)) // another came first
		first := fileOf(t, s, "c1")
		stale(next(first, "li", ""), raise("c2", 0))
		require.NoError(t, s.Commit(ctx, steps(next(first, "li", ""), raise("c2", 1), raise("c3", 1))), "two that one turn raises were decided at once")
		stale(next(first, "wang", ""))
		stale(matter("m1", start), next(ledger.CaseFile{Case: ledger.Case{Key: "c9", Rev: 1, Events: 1}}, "li", ""))
		require.NoError(t, s.Commit(ctx, steps(matter("m1", start))), "what is no alarm needs no number")
		stale(matter("m1", start))

		_, count, err := s.Alarms(ctx)
		require.NoError(t, err)
		assert.EqualValues(t, 3, count)
		assert.Empty(t, outboxKeys(t, s))
		f := fileOf(t, s, "c1")
		require.Len(t, f.Timeline, 2)
		assert.Equal(t, "li", f.Timeline[1].To)
	})
}

// What only a mistake in the program can produce is refused, and is not ErrStale: it would be tried for ever.
func TestCasesRefuseMistakes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		require.NoError(t, s.Commit(ctx, steps(raise("c1", 0))))
		f := fileOf(t, s, "c1")
		for name, wrong := range map[string]func(x *ledger.CaseStep){
			"no key":          func(x *ledger.CaseStep) { x.Case.Key = "" },
			"a long key":      func(x *ledger.CaseStep) { x.Case.Key = strings.Repeat("c", 33) },
			"rev stays":       func(x *ledger.CaseStep) { x.Case.Rev = x.Seen },
			"rev jumps":       func(x *ledger.CaseStep) { x.Case.Rev++ },
			"another's event": func(x *ledger.CaseStep) { x.Events[0].CaseKey = "c2" },
			"number taken":    func(x *ledger.CaseStep) { x.Events[0].N = 1 },
			"number left out": func(x *ledger.CaseStep) { x.Events[0].N++; x.Case.Events++ }, // of what the database has
		} {
			x := next(f, "li", "")
			wrong(&x)
			err := s.Commit(ctx, steps(x))
			require.Error(t, err, name)
			require.NotErrorIs(t, err, store.ErrStale, name)
		}
		bare := raise("c2", 1) // a new one to which nothing happened; of one that is there a ladder may only move the clock
		bare.Events, bare.Case.Events = nil, 0
		require.Error(t, s.Commit(ctx, steps(bare)))
		late := raise("c2", 1) // a new one whose first event is not the first
		late.Case.Events, late.Events[0].N = 2, 2
		require.Error(t, s.Commit(ctx, steps(late)))
		require.ErrorContains(t, s.Commit(ctx, steps(next(f, "li", ""), next(f, "wang", ""))), "two steps at once")
		assert.Equal(t, f, fileOf(t, s, "c1"))
	})
}

// Two reports of one event reach two processes at once: one becomes a case, the other is decided again.
func TestTwoAlarmsAtOnce(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		o.FlushDelay, o.Committers = 5*time.Millisecond, 1
		stores := []*store.Store{opened(t, o), opened(t, o)}
		for round := range int64(4) {
			var turns []store.Turn
			for i := range 6 {
				turns = append(turns, steps(raise(fmt.Sprintf("c%d-%d", round, i), round)))
			}
			assert.Equal(t, 1, together(t, stores, turns...))
			files, count, err := stores[round%2].Alarms(ctx)
			require.NoError(t, err)
			assert.EqualValues(t, round+1, count)
			assert.Len(t, files, int(round+1))
		}
		open, _, err := stores[0].Alarms(ctx)
		require.NoError(t, err)
		var takers []store.Turn
		for i := range 6 {
			takers = append(takers, steps(next(open[0], fmt.Sprint("u", i), "")))
		}
		assert.Equal(t, 1, together(t, stores, takers...), "one case")
		var same []store.Turn
		for range 6 {
			same = append(same, steps(matter("m1", start)))
		}
		assert.Equal(t, 1, together(t, stores, same...), "one problem, said six times")
	})
}

// plainCases is what cases are, written down without a thought for speed.
type plainCases struct {
	files  map[string]ledger.CaseFile
	order  []string
	alarms int64
	drew   int // new cases, written or not
}

func (m *plainCases) admits(xs []ledger.CaseStep) bool {
	for _, x := range xs {
		f, there := m.files[x.Case.Key]
		if there != (x.Seen > 0) || f.Rev != x.Seen || !there && x.Case.Kind == ledger.CaseAlarm && x.Alarms != m.alarms {
			return false
		}
	}
	return true
}

func (m *plainCases) apply(xs []ledger.CaseStep) {
	for _, x := range xs {
		if x.Seen == 0 {
			m.order = append(m.order, x.Case.Key)
			if x.Case.Kind == ledger.CaseAlarm {
				m.alarms++
			}
		}
		m.files[x.Case.Key] = m.files[x.Case.Key].With(x)
	}
}

// which are the files that are so, oldest first.
func (m *plainCases) which(so func(ledger.CaseFile) bool) []ledger.CaseFile {
	var out []ledger.CaseFile
	for _, k := range m.order {
		if so(m.files[k]) {
			out = append(out, m.files[k])
		}
	}
	slices.SortFunc(out, func(a, b ledger.CaseFile) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	return out
}

// drawn is a step of a case, or of a new one, as somebody may decide it.
func (m *plainCases) drawn(t *rapid.T, round int) ledger.CaseStep {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	when := func(label string) time.Time {
		return start.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, label)) * time.Millisecond)
	}
	var x ledger.CaseStep
	if n := rapid.IntRange(-1, len(m.order)-1).Draw(t, "case"); n < 0 {
		m.drew++
		x.Case = ledger.Case{Key: fmt.Sprintf("c%d-%d", round, m.drew), Kind: ledger.CaseKind(pick("kind", "alarm", "alarm", "problem", "need")), At: when("at"),
			By: pick("by", "zhang", "li"), ElderID: pick("elder", "", "e1", "e2"), Region: pick("region", "v1", "v2"), State: ledger.CaseOpen}
		x.Alarms = m.alarms
	} else {
		x = m.files[m.order[n]].Step()
	}
	c := &x.Case
	c.State = ledger.CaseState(pick("state", "open", "taken", "meeting", "solved", "ended", "false"))
	c.Owner, c.Dept, c.Due = pick("owner", "", "li", "wang"), pick("dept", "", "住建", "民政"), time.Time{}
	if !c.State.Over() {
		c.Due = when("due")
	}
	c.About += pick("about", "", "摔倒了")
	if x.Seen == 0 {
		x.Add(ledger.Event{Kind: ledger.EventRaised, By: c.By, At: c.At})
	}
	for range rapid.IntRange(0, 2).Draw(t, "events") {
		x.Add(ledger.Event{Kind: ledger.EventTold, To: pick("to", "wang", "ma"), Text: pick("text", "", "去看看"), At: when("when")})
	}
	if len(x.Events) == 0 {
		x.Add(ledger.Event{Kind: ledger.EventMore, By: pick("who", "zhang", "ma"), At: when("when")})
	}
	return x
}

func (m *plainCases) holds(t *rapid.T, s *store.Store, round int) {
	open := func(f ledger.CaseFile) bool { return !f.State.Over() }
	alarm := func(f ledger.CaseFile) bool { return f.Kind == ledger.CaseAlarm }
	got, count, err := s.Alarms(ctx)
	require.NoError(t, err)
	require.Equal(t, m.alarms, count)
	require.Equal(t, m.which(func(f ledger.CaseFile) bool { return alarm(f) && open(f) }), got)
	from, to := start.Add(time.Second), start.Add(3*time.Second)
	n, err := s.AlarmsBetween(ctx, from, to)
	require.NoError(t, err)
	require.Len(t, m.which(func(f ledger.CaseFile) bool { return alarm(f) && !f.At.Before(from) && f.At.Before(to) }), n)
	now := start.Add(2500 * time.Millisecond)
	due, err := s.CasesDue(ctx, now, 1000)
	require.NoError(t, err)
	require.ElementsMatch(t, m.which(func(f ledger.CaseFile) bool { return !alarm(f) && open(f) && !f.Due.After(now) }), due)
	require.True(t, slices.IsSortedFunc(due, func(a, b ledger.CaseFile) int { return a.Due.Compare(b.Due) }))
	few, err := s.CasesDue(ctx, now, 2)
	require.NoError(t, err)
	require.Equal(t, due[:min(2, len(due))], few)
	for _, x := range []struct {
		f  store.CaseFilter
		so func(ledger.CaseFile) bool
	}{
		{store.CaseFilter{}, func(ledger.CaseFile) bool { return true }},
		{store.CaseFilter{Elders: []string{"e1"}}, func(f ledger.CaseFile) bool { return f.ElderID == "e1" }},
		{store.CaseFilter{Elders: []string{"e1"}, Regions: []string{"v2"}, Open: true}, func(f ledger.CaseFile) bool { return (f.ElderID == "e1" || f.Region == "v2") && open(f) }},
		{store.CaseFilter{User: "ma", Kinds: []ledger.CaseKind{ledger.CaseAlarm}}, func(f ledger.CaseFile) bool { return f.Knows("ma") && alarm(f) }},
		{store.CaseFilter{User: "wang", Depts: []string{"住建"}, States: []ledger.CaseState{ledger.CaseTaken, ledger.CaseSolved}}, func(f ledger.CaseFile) bool {
			return (f.Knows("wang") || f.Dept == "住建") && (f.State == ledger.CaseTaken || f.State == ledger.CaseSolved)
		}},
		{store.CaseFilter{Owner: "li", Since: now}, func(f ledger.CaseFile) bool { return f.Owner == "li" && !f.Moved.Before(now) }},
	} {
		got, err := s.CasesOf(ctx, x.f)
		require.NoError(t, err)
		want := m.which(x.so)
		require.Equal(t, want, got, "%+v", x.f)
		x.f.Limit = 2
		got, err = s.CasesOf(ctx, x.f)
		require.NoError(t, err)
		require.Equal(t, want[:min(2, len(want))], got, "%+v", x.f)
	}
}

// Steps, some of them decided on what is no more, in turns of one to three: whoever the model admits wins, nobody else, and what is
// read is what the model says.
func TestCasesAreAModels(t *testing.T) {
	checks(t, 15) // each is some fifty transactions
	eachOptions(t, func(t *testing.T, o store.Options) {
		s := opened(t, o)
		db := raw(t, o)
		for name := range guardsOf("case_events", o.Driver) {
			_, err := db.Exec("DROP TRIGGER " + name) // each check begins with nothing
			require.NoError(t, err)
		}
		round := 0
		rapid.Check(t, func(rt *rapid.T) {
			round++
			for _, q := range []string{"DELETE FROM cases", "DELETE FROM case_events", "UPDATE versions SET n = 0 WHERE name = 'alarms'"} {
				_, err := db.Exec(q)
				require.NoError(rt, err)
			}
			m := &plainCases{files: map[string]ledger.CaseFile{}}
			var old []ledger.CaseStep // decided earlier, written or not
			rt.Repeat(map[string]func(*rapid.T){
				"turn": func(rt *rapid.T) {
					var xs []ledger.CaseStep
					add := func(x ledger.CaseStep) {
						if !slices.ContainsFunc(xs, func(y ledger.CaseStep) bool { return y.Case.Key == x.Case.Key }) {
							xs = append(xs, x)
						}
					}
					for range rapid.IntRange(1, 3).Draw(rt, "steps") {
						if len(old) > 0 && rapid.IntRange(0, 3).Draw(rt, "again") == 0 {
							add(rapid.SampledFrom(old).Draw(rt, "old"))
							continue
						}
						add(m.drawn(rt, round))
					}
					old = append(old, xs...)
					err := s.Commit(ctx, steps(xs...))
					if m.admits(xs) {
						require.NoError(rt, err)
						m.apply(xs)
					} else {
						require.ErrorIs(rt, err, store.ErrStale)
					}
				},
				"decided, not written": func(rt *rapid.T) { old = append(old, m.drawn(rt, round)) },
				"":                     func(rt *rapid.T) { m.holds(rt, s, round) },
			})
		})
	})
}

// guardsOf are the names of a table's triggers.
func guardsOf(table, driver string) map[string]bool {
	out := map[string]bool{"guard_" + table + "_update": true, "guard_" + table + "_delete": true}
	if driver == store.SQLite {
		out["guard_"+table+"_insert"] = true
	}
	return out
}

// Writers of two processes that read, decide and write as the bot does: every step that was taken was decided on the step before
// it, nobody's is lost, and the alarms are counted to the last.
func TestCasesOfManyWriters(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		stores := []*store.Store{opened(t, o), opened(t, o)}
		require.NoError(t, stores[0].Commit(ctx, steps(raise("c0", 0), matter("m0", start))))
		const writers, each = 6, 12
		var mu sync.Mutex
		won := map[string][]ledger.Event{} // by case: what the writers know they wrote
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				s := stores[w%2]
				for i := range each {
					for {
						files, err := s.CaseFiles(ctx, "c0", "m0")
						if !assert.NoError(t, err) {
							return
						}
						for _, f := range files {
							assert.Len(t, f.Timeline, f.Events, "as of one step")
						}
						_, count, err := s.Alarms(ctx)
						if !assert.NoError(t, err) {
							return
						}
						xs := []ledger.CaseStep{next(files[i%2], fmt.Sprint("u", w), fmt.Sprintf("told/%d/%d", w, i))}
						if i%3 == 0 {
							xs = append(xs, raise(fmt.Sprintf("c%d-%d", w, i), count))
						}
						turn := steps(xs...)
						turn.Changes.Messages = []ledger.Message{text(fmt.Sprintf("told/%d/%d", w, i), fmt.Sprint("u", w), ledger.PriorityAlarm)}
						if err = s.Commit(ctx, turn); errors.Is(err, store.ErrStale) {
							continue
						}
						if assert.NoError(t, err) {
							mu.Lock()
							for _, x := range xs {
								won[x.Case.Key] = append(won[x.Case.Key], x.Events...)
							}
							mu.Unlock()
						}
						break
					}
				}
			})
		}
		wg.Wait()
		sound(t, stores[1])
		files, count, err := stores[0].Alarms(ctx)
		require.NoError(t, err)
		assert.EqualValues(t, 1+writers*each/3, count)
		assert.Len(t, files, 1+writers*each/3)
		assert.Len(t, outboxKeys(t, stores[0]), writers*each)
		for key, events := range won {
			f := fileOf(t, stores[0], key)
			for _, e := range events {
				assert.Equal(t, e, f.Timeline[e.N-1], "what was won is there")
			}
		}
		assert.Len(t, won["c0"], writers*each/2)
		assert.Len(t, won["m0"], writers*each/2)
	})
}

// sound says that what lies in a database is whole: every timeline without a gap and as long as its case says, every alarm counted,
// and a message for everybody who was told by one.
func sound(t *testing.T, s *store.Store) (files []ledger.CaseFile) {
	t.Helper()
	files, err := s.CasesOf(ctx, store.CaseFilter{})
	require.NoError(t, err)
	said := outboxKeys(t, s)
	alarms := 0
	for _, f := range files {
		assert.Len(t, f.Timeline, f.Events, f.Key)
		for i, e := range f.Timeline {
			assert.Equal(t, i+1, e.N, f.Key)
			if e.Message != "" {
				assert.Contains(t, said, e.Message)
			}
		}
		if f.Kind == ledger.CaseAlarm {
			alarms++
		}
	}
	_, count, err := s.Alarms(ctx)
	require.NoError(t, err)
	assert.EqualValues(t, alarms, count)
	return files
}

// envCases tells the process that is to be killed what to write to.
const envCases = "XUNFANG_TEST_KILL_CASES"

// Killed in the middle of raising and telling: what is there is whole, what was reported as written is there, and it goes on.
func TestCasesKilled(t *testing.T) {
	if order := os.Getenv(envCases); order != "" {
		parts := strings.Split(order, "\n")
		o := store.Options{Driver: parts[0], DSN: parts[1], Keys: func(bool) (*seal.Ring, error) { return seal.Load(parts[2]) }}
		s, err := store.Open(ctx, o)
		require.NoError(t, err)
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() { raiseAndTell(s, w) })
		}
		wg.Wait()
	}
	keys := filepath.Join(t.TempDir(), "keys")
	ring, err := held(false)
	require.NoError(t, err)
	require.NoError(t, ring.Create(keys))
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			o := machine(t, driver)
			s := opened(t, o)
			for range 3 {
				cmd := exec.Command(os.Args[0], "-test.run=^TestCasesKilled$")
				cmd.Env = append(os.Environ(), envCases+"="+strings.Join([]string{o.Driver, o.DSN, keys}, "\n"))
				said, err := cmd.StdoutPipe()
				require.NoError(t, err)
				require.NoError(t, cmd.Start())
				var written []string // as the process saw it
				for len(written) < 25 {
					var key string
					_, err := fmt.Fscanln(said, &key)
					require.NoError(t, err)
					written = append(written, key)
				}
				require.NoError(t, cmd.Process.Signal(syscall.SIGKILL))
				require.Error(t, cmd.Wait())
				files := sound(t, s)
				for _, key := range written {
					assert.Contains(t, caseKeys(files), key)
				}
				for _, f := range files { // raised and told in one transaction: nobody is swallowed
					assert.Len(t, f.Timeline, 2)
				}
			}
			_, count, err := s.Alarms(ctx)
			require.NoError(t, err)
			require.NoError(t, s.Commit(ctx, steps(raise("after", count))))
		})
	}
}

// raiseAndTell raises alarms until the process is killed, and says which were.
func raiseAndTell(s *store.Store, w int) {
	for i := 0; ; i++ {
		_, count, err := s.Alarms(ctx)
		if err != nil {
			continue
		}
		key := fmt.Sprintf("c%d-%d-%d", os.Getpid(), w, i)
		x := raise(key, count)
		x.Add(ledger.Event{Kind: ledger.EventTold, To: "li", Message: "case/" + key, At: start})
		turn := steps(x)
		turn.Changes.Messages = []ledger.Message{text("case/"+key, "li", ledger.PriorityAlarm)}
		if err := s.Commit(ctx, turn); err == nil {
			_, _ = os.Stdout.WriteString(fmt.Sprintln(key))
		}
	}
}

// What WeCom will never deliver is known from the case: the ladder does not wait for it.
func TestLost(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		x := raise("c1", 0)
		turn := store.Turn{}
		for _, to := range []string{"waits", "sent", "dead", "expired", "dropped"} {
			x.Add(ledger.Event{Kind: ledger.EventTold, To: to, Message: "told/" + to, At: start})
			turn.Changes.Messages = append(turn.Changes.Messages, text("told/"+to, to, ledger.PriorityAlarm))
		}
		turn.Changes.Messages[3].Expires = c.now().Add(time.Minute)
		turn.Changes.Cases = []ledger.CaseStep{x}
		require.NoError(t, s.Commit(ctx, turn))
		lost := func() (out []string) {
			t.Helper()
			files, _, err := s.Alarms(ctx)
			require.NoError(t, err)
			require.Len(t, files, 1)
			assert.Equal(t, files[0], fileOf(t, s, "c1"))
			for _, e := range files[0].Timeline {
				if e.Lost {
					out = append(out, e.To)
				}
			}
			return out
		}
		assert.Empty(t, lost())
		for _, cl := range claim(t, s, c, 10) {
			switch cl.Message.To {
			case "sent":
				require.NoError(t, s.Sent(ctx, cl, store.Receipt{}))
			case "dead":
				require.NoError(t, s.Dead(ctx, cl, "81013 user not found"))
			default:
				require.NoError(t, s.Retry(ctx, cl, c.now().Add(time.Hour), "later"))
			}
		}
		assert.Equal(t, []string{"dead"}, lost())
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Drop: []string{"told/dropped"}}}))
		c.add(2 * time.Minute)
		claim(t, s, c, 10)
		c.add(2 * time.Hour)
		claim(t, s, c, 10) // looks, and so finds what expired
		assert.Equal(t, []string{"dead", "expired"}, lost(), "what was dropped was said in another way")
		rows, err := s.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateDead}})
		require.NoError(t, err)
		require.NoError(t, s.RetryNow(ctx, rows[0].ID))
		assert.Equal(t, []string{"expired"}, lost(), "somebody sent it again")
	})
}

// A card's code is there once it went out, is good for one update, and is the update's alone.
func TestCodeOf(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		code := func(key string) string {
			t.Helper()
			code, err := s.CodeOf(ctx, key)
			require.NoError(t, err)
			return code
		}
		update := func(key string) ledger.Message {
			m := text(key, "li", ledger.PriorityAlarm)
			m.Call, m.Of, m.Fallback = ledger.CallUpdate, "card", "已有人处理"
			return m
		}
		take := func(key string) store.Claim {
			t.Helper()
			got := claim(t, s, c, 10)
			require.Equal(t, key, keys(got))
			return got[0]
		}
		assert.Empty(t, code("card"))
		other := text("other", "wang", ledger.PriorityAlarm)
		post(t, s, text("card", "li", ledger.PriorityAlarm), update("u1"), update("u2"), update("u3"))
		post(t, s, other)
		got := claim(t, s, c, 10)
		require.Equal(t, "card other", keys(got))
		assert.Empty(t, got[0].Message.Of)
		assert.Empty(t, code("card"), "not out yet")
		require.NoError(t, s.Sent(ctx, got[0], store.Receipt{MsgID: "1", ResponseCode: "C1"}))
		require.NoError(t, s.Sent(ctx, got[1], store.Receipt{MsgID: "2", ResponseCode: "C2"}))
		assert.Equal(t, "C1", code("card"))

		u1 := take("u1")
		assert.Equal(t, "card", u1.Message.Of)
		require.NoError(t, s.Unsure(ctx, u1, c.now(), "timeout"))
		assert.Equal(t, "C1", code("card"), "nobody knows whether it was used")
		u1 = take("u1")
		assert.Equal(t, "card", u1.Message.Of)
		assert.True(t, u1.Resend)
		require.NoError(t, s.Sent(ctx, u1, store.Receipt{}))
		assert.Empty(t, code("card"), "it is used up")
		assert.Equal(t, "C2", code("other"), "another's is not")

		u2 := take("u2") // without a code its words go instead
		require.NoError(t, s.Replace(ctx, u2, text("u2", "li", ledger.PriorityAlarm)))
		u2 = take("u2")
		assert.Empty(t, u2.Message.Of)
		assert.Equal(t, ledger.CallSend, u2.Message.Call)
		require.NoError(t, s.Sent(ctx, u2, store.Receipt{ResponseCode: "C3"}))
		assert.Equal(t, "C3", code("u2"))
		rows, err := s.Outbox(ctx, store.OutboxFilter{})
		require.NoError(t, err)
		require.Len(t, rows, 1)
		assert.Equal(t, "card", rows[0].Of)
		assert.NotContains(t, fmt.Sprintf("%+v", rows), "处理")
	})
}

// A code that WeCom refused is no good for the next update either.
func TestCodeOfARefusedUpdate(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		u := text("u1", "li", ledger.PriorityReply)
		u.Call, u.Of, u.Fallback = ledger.CallUpdate, "card", "words"
		post(t, s, text("card", "li", ledger.PriorityReply), u)
		require.NoError(t, s.Sent(ctx, claim(t, s, c, 1)[0], store.Receipt{ResponseCode: "C1"}))
		require.NoError(t, s.Replace(ctx, claim(t, s, c, 1)[0], text("u1", "li", ledger.PriorityReply)))
		code, err := s.CodeOf(ctx, "card")
		require.NoError(t, err)
		assert.Empty(t, code)
	})
}

// People are rung up in their own lane; how that went is asked in another, which nothing holds up and no limit counts.
func TestCalls(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		x := raise("c1", 0)
		turn := store.Turn{}
		ring := func(key, to string) {
			m := text(key, to, ledger.PriorityAlarm)
			m.Call, m.Fallback = ledger.CallVoice, "words"
			turn.Changes.Messages = append(turn.Changes.Messages, m)
			x.Add(ledger.Event{Kind: ledger.EventCalled, To: to, Message: key, At: start})
		}
		for i := range 3 {
			ring(fmt.Sprint("v", i), "li")
		}
		ring("v3", "wang")
		heard := text("v0/heard", "li", ledger.PriorityAlarm)
		heard.Call = ledger.CallHeard
		turn.Changes.Messages = append(turn.Changes.Messages, heard)
		turn.Changes.Cases = []ledger.CaseStep{x}
		require.NoError(t, s.Commit(ctx, turn))

		calls := func(since time.Time) map[string]int {
			t.Helper()
			out, err := s.Calls(ctx, []string{"li", "wang", "ma"}, since)
			require.NoError(t, err)
			return out
		}
		take := func(want ...string) map[string]store.Claim {
			t.Helper()
			got, by := claim(t, s, c, 10), map[string]store.Claim{}
			require.ElementsMatch(t, want, strings.Fields(keys(got)))
			for _, cl := range got {
				by[cl.Message.Key] = cl
			}
			return by
		}
		began := c.now()
		got := take("v0", "v3", "v0/heard") // one call at a time, and the question beside them
		assert.Equal(t, ledger.CallVoice, got["v0"].Message.Call)
		assert.Equal(t, ledger.CallHeard, got["v0/heard"].Message.Call)
		assert.Empty(t, calls(began), "nobody was rung up yet")
		require.NoError(t, s.Sent(ctx, got["v0"], store.Receipt{MsgID: "call"}))
		require.NoError(t, s.Replace(ctx, got["v3"], text("v3", "wang", ledger.PriorityAlarm))) // said in writing instead
		require.NoError(t, s.Retry(ctx, got["v0/heard"], c.now().Add(time.Minute), "it still rings"))
		c.add(10 * time.Minute)
		got = take("v1", "v3", "v0/heard")
		for _, cl := range got {
			require.NoError(t, s.Sent(ctx, cl, store.Receipt{}))
		}
		assert.Equal(t, map[string]int{"li": 2}, calls(began))
		assert.Equal(t, map[string]int{"li": 1}, calls(began.Add(time.Minute)))
		require.NoError(t, s.Dead(ctx, take("v2")["v2"], "no phone"))
		assert.Equal(t, map[string]int{"li": 2}, calls(began), "what failed rang nobody")
		none, err := s.Calls(ctx, nil, began)
		require.NoError(t, err)
		assert.Empty(t, none)
	})
}

// Visits owed after an emergency are kept, changed and taken back like everything dated of an elder.
func TestFollows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		save(t, s, county(), today)
		f := ledger.Follow{ElderID: "e1", From: "2026-03-05", To: "2026-03-09", No: "急260302-1"}
		_, err := s.Roster(ctx)
		require.NoError(t, err)
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Edits: []ledger.Edit{{Book: ledger.Book{Follows: []ledger.Follow{f}}, By: "li", Today: today}}}}))
		roster, err := s.Roster(ctx)
		require.NoError(t, err)
		d, ok := roster.Dossier("e1")
		require.True(t, ok)
		assert.Equal(t, []ledger.Follow{f}, d.Follows)
		other, _ := roster.Dossier("e2")
		assert.Empty(t, other.Follows)
		steps, err := s.History(ctx, "e1", 1)
		require.NoError(t, err)
		assert.Equal(t, []ledger.Change{{N: roster.Version(), Seq: 1, Table: ledger.TableFollows, Row: "e1\t2026-03-05", ElderID: "e1"}}, steps[0].Changes)

		f.To = "2026-03-04" // taken back
		assert.Equal(t, ledger.Summary{Follows: ledger.Count{Changed: 1}}, save(t, s, ledger.Book{Follows: []ledger.Follow{f}}, today))
		seen := roster.Version()
		late := store.Turn{Changes: ledger.Changes{Edits: []ledger.Edit{{Book: ledger.Book{Follows: []ledger.Follow{f}}, By: "li", Today: today, Seen: seen}}}}
		require.ErrorIs(t, s.Commit(ctx, late), store.ErrStale, "the elder has changed since")
		roster, err = s.Roster(ctx)
		require.NoError(t, err)
		d, _ = roster.Dossier("e1")
		assert.Equal(t, []ledger.Follow{f}, d.Follows)
		b, err := s.Book(ctx)
		require.NoError(t, err)
		assert.Empty(t, gocmp.Diff(b, roster.Book(), cmpopts.EquateEmpty()))
	})
}

// Of an elder whose data are deleted it stays that there was an emergency, when, and how long who took; not what was said.
func TestErasedCases(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		save(t, s, county(), today)
		save(t, s, ledger.Book{Follows: []ledger.Follow{{ElderID: "e1", From: today, To: "2026-03-09"}, {ElderID: "e2", From: today, To: "2026-03-09"}}}, today)
		mine, others := raise("c1", 0), raise("c2", 0)
		for _, x := range []*ledger.CaseStep{&mine, &others} {
			x.Case.ElderID, x.Case.Place, x.Case.About, x.Case.Outcome = "e1", "井边", "摔在冰上", "送医"
			x.Events[0].Text = "腿动不了"
		}
		others.Case.ElderID = "e2"
		stored := picture("p1", "c1")
		stored.State, stored.Hash = ledger.PhotoStored, "h1"
		turn := steps(mine, others)
		turn.Changes.Photos = []ledger.Photo{stored}
		require.NoError(t, s.Commit(ctx, turn))
		was, other := fileOf(t, s, "c1"), fileOf(t, s, "c2")

		var gone []string
		require.NoError(t, s.Erase(ctx, "e1", "xumei", "撤回同意", func(hash string) error { gone = append(gone, hash); return nil }))
		assert.Equal(t, []string{"h1"}, gone)
		want := was
		want.Place, want.About, want.Outcome, want.Rev = "", "", "", 2
		want.Timeline = slices.Clone(was.Timeline)
		want.Timeline[0].Text = ""
		assert.Equal(t, want, fileOf(t, s, "c1"))
		assert.Equal(t, other, fileOf(t, s, "c2"))
		require.ErrorIs(t, s.Commit(ctx, steps(next(was, "li", ""))), store.ErrStale, "it would write again what is gone")
		require.NoError(t, s.Commit(ctx, steps(next(fileOf(t, s, "c1"), "li", ""))), "the emergency is acted on nevertheless")
		b, err := s.Book(ctx)
		require.NoError(t, err)
		require.Len(t, b.Follows, 1)
		assert.Equal(t, "e2", b.Follows[0].ElderID)
	})
}

// Photos of a case, and of the visit that found it, stay until three years after its end; a case's are no record's.
func TestPhotosOfACaseAreKept(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			o := storetest.DSN(t, driver)
			now := start
			o.Now = func() time.Time { return now }
			s := opened(t, o)
			photo := func(key, entry string) ledger.Photo {
				return ledger.Photo{Key: key, UserID: "zhang", EntryKey: entry, State: ledger.PhotoStored, Hash: "h-" + key, Look: "l", At: start}
			}
			plain, found := visit(1, "e1", today), visit(2, "e1", today)
			m := matter("m1", start)
			m.Case.Source = "f1"
			turn := steps(raise("c1", 0), m)
			turn.Changes.Entries = []ledger.Entry{plain, found}
			turn.Changes.Findings = []ledger.Finding{{Key: "f1", EntryKey: found.Key, ElderID: "e1", Item: "gas", State: ledger.FindingFixed, At: start}}
			turn.Changes.Photos = []ledger.Photo{photo("plain", plain.Key), photo("found", found.Key), photo("case", "c1")}
			require.NoError(t, s.Commit(ctx, turn))

			tray, err := s.TrayPhotos(ctx, "zhang", start.Add(-time.Hour))
			require.NoError(t, err)
			assert.Empty(t, tray)
			shown, err := s.Pictured(ctx, "zhang", start.Add(-time.Hour))
			require.NoError(t, err)
			assert.Len(t, shown, 2, "the records'")
			unlike, err := s.Uncompared(ctx, 10)
			require.NoError(t, err)
			assert.Len(t, unlike, 2)
			bound, err := s.PhotosOf(ctx, []string{"c1"})
			require.NoError(t, err)
			assert.Len(t, bound, 1)

			sweep := func() (gone []string) {
				t.Helper()
				keep := store.Keep{Messages: 30, Tray: 7, Photos: 730, Departed: 180, Looks: 1100}
				_, err := s.Sweep(ctx, keep, ledger.DayOf(now, time.UTC), false, func(hash string) error { gone = append(gone, hash); return nil })
				require.NoError(t, err)
				return gone
			}
			now = start.AddDate(2, 1, 0)
			assert.Equal(t, []string{"h-plain"}, sweep())
			now = start.AddDate(5, 0, 0)
			assert.Empty(t, sweep(), "it is not over")
			for _, key := range []string{"c1", "m1"} {
				x := fileOf(t, s, key).Step()
				x.Case.State = ledger.CaseEnded
				x.Add(ledger.Event{Kind: ledger.EventEnded, At: now})
				require.NoError(t, s.Commit(ctx, steps(x)))
			}
			now = start.AddDate(8, 0, 0)
			assert.Empty(t, sweep())
			now = now.Add(time.Second)
			assert.ElementsMatch(t, []string{"h-found", "h-case"}, sweep())
		})
	}
}

// BenchmarkCases: what the ladder reads every second, with 20 alarms that are not over among 100,000 cases that are, and 20 matters
// due among 100,000 that wait; a lead's list of 20 of them, and one step of an alarm.
func BenchmarkCases(b *testing.B) {
	const many, few = 100_000, 20
	eachBench(b, func(b *testing.B, o store.Options, s *store.Store) {
		db := raw(b, o)
		keys := fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n", many-1)
		key := func(head string) string { return "'" + head + "' || printf('%06d', i)" }
		if o.Driver == store.MySQL {
			keys = fmt.Sprintf("SELECT seq AS i FROM seq_0_to_%d", many-1)
			key = func(head string) string { return "CONCAT('" + head + "', LPAD(i, 6, '0'))" }
		}
		run := func(q string) {
			_, err := db.Exec(q)
			require.NoError(b, err)
		}
		const events = 8
		at := start.UnixMilli()
		cols := "`key`, kind, state, region, `by`, due, at, moved, rev, events, place, about, outcome"
		run(fmt.Sprintf("INSERT INTO cases (%s) SELECT %s, 'alarm', 'ended', 'v', 'u', 0, %d + i, %d + i, 9, %d, '', '', '' FROM (%s) n", cols, key("a"), at, at, events, keys))
		run(fmt.Sprintf("INSERT INTO cases (%s) SELECT %s, 'problem', 'open', 'v', 'u', %d + i, %d + i, %d + i, 9, %d, '', '', '' FROM (%s) n", cols, key("p"), at, at, at, events, keys))
		for n := range events {
			for _, head := range []string{"a", "p"} {
				run(fmt.Sprintf("INSERT INTO case_events (case_key, n, kind, `by`, `to`, message, text, at) SELECT %s, %d, 'told', '', 'u', '', '', %d FROM (%s) n", key(head), n+1, at, keys))
			}
		}
		for i := range few {
			x := raise(fmt.Sprint("open", i), int64(i))
			for j := range events {
				x.Add(ledger.Event{Kind: ledger.EventTold, To: "u", Message: fmt.Sprint("told/", i, "/", j), Text: "for u", At: start})
			}
			require.NoError(b, s.Commit(ctx, steps(x)))
		}
		if o.Driver == store.MySQL {
			run("ANALYZE TABLE cases, case_events")
		}
		b.Run("Alarms", func(b *testing.B) {
			for b.Loop() {
				files, _, err := s.Alarms(ctx)
				require.NoError(b, err)
				require.Len(b, files, few)
			}
		})
		b.Run("CasesDue", func(b *testing.B) {
			for b.Loop() {
				files, err := s.CasesDue(ctx, start.Add((few-1)*time.Millisecond), 100)
				require.NoError(b, err)
				require.Len(b, files, few)
			}
		})
		b.Run("CasesDueNone", func(b *testing.B) {
			for b.Loop() {
				files, err := s.CasesDue(ctx, start.Add(-time.Millisecond), 100)
				require.NoError(b, err)
				require.Empty(b, files)
			}
		})
		b.Run("CasesOf", func(b *testing.B) { // a lead's list: their region, and what they were told of
			run("UPDATE cases SET region = 'mine' WHERE kind = 'problem' AND due % 5000 = 0")
			f := store.CaseFilter{User: "li", Regions: []string{"mine"}, Open: true, Limit: 200}
			for b.Loop() {
				files, err := s.CasesOf(ctx, f)
				require.NoError(b, err)
				require.Len(b, files, few)
			}
		})
		b.Run("Step", func(b *testing.B) {
			f := fileOf(b, s, "open0")
			for b.Loop() {
				x := next(f, "li", "")
				require.NoError(b, s.Commit(ctx, steps(x)))
				f.Case = x.Case
			}
		})
	})
}
