package store_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// plainRecords is what the contract says of records and their versions, written down as it is said there.
type plainRecords struct {
	entries    map[string]ledger.Entry
	findings   map[string]ledger.Finding // withdrawn ones, too
	facts      map[string]ledger.Fact
	open       map[string]bool   // facts that wait for the keeper
	photos     map[string]string // → record
	amendments []ledger.Amendment
}

func (m *plainRecords) clone() *plainRecords {
	return &plainRecords{entries: maps.Clone(m.entries), findings: maps.Clone(m.findings), facts: maps.Clone(m.facts), open: maps.Clone(m.open),
		photos: maps.Clone(m.photos), amendments: slices.Clone(m.amendments)}
}

func (m *plainRecords) stand(record string) (out []ledger.Finding) {
	for _, key := range slices.Sorted(maps.Keys(m.findings)) {
		if f := m.findings[key]; f.EntryKey == record && f.State != ledger.FindingWithdrawn {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b ledger.Finding) int { return a.At.Compare(b.At) })
	return out
}

// amend does what one amendment says; false: somebody else came first.
func (m *plainRecords) amend(a ledger.Amendment) bool {
	if slices.ContainsFunc(m.amendments, func(b ledger.Amendment) bool { return b.Key == a.Key }) {
		return true
	}
	key := a.Was.Key
	if e, ok := m.entries[key]; !ok || e.Version != a.Was.Version {
		return false
	}
	kept := a
	kept.Findings = m.stand(key) // as they were
	m.amendments = append(m.amendments, kept)
	m.entries[key] = a.Now
	for k, f := range m.findings {
		if f.EntryKey == key {
			f.State = ledger.FindingWithdrawn
			m.findings[k] = f
		}
	}
	for _, f := range a.Findings {
		if was, ok := m.findings[f.Key]; ok {
			f.At = was.At
		}
		m.findings[f.Key] = f
	}
	if a.Instead != "" {
		for photo, record := range m.photos {
			if record == key {
				m.photos[photo] = a.Instead
			}
		}
	}
	if a.Now.Outcome == ledger.OutcomeUndone {
		for k, f := range m.facts {
			if f.EntryKey == key {
				delete(m.open, k)
			}
		}
	}
	return true
}

// record is how a record reads.
func (m *plainRecords) record(key string) ledger.Record {
	r := ledger.Record{Entry: m.entries[key], Findings: m.stand(key)}
	for _, k := range slices.Sorted(maps.Keys(m.facts)) {
		if f := m.facts[k]; f.EntryKey == key {
			f.Propose = false
			r.Facts = append(r.Facts, f)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(m.photos)) {
		if m.photos[k] == key {
			r.Photos = append(r.Photos, picture(k, key))
		}
	}
	for _, a := range m.amendments {
		if a.Was.Key == key {
			r.Versions = append(r.Versions, a)
		}
	}
	return r
}

func picture(key, entry string) ledger.Photo {
	return ledger.Photo{Key: key, UserID: "zhang", EntryKey: entry, MediaID: "M", State: ledger.PhotoStored, Hash: "h", Look: "look of " + key, At: start}
}

// TestRecordsAsTheContractSays: whatever is entered, amended, replayed, undone or comes too late, records read as the contract
// says, on both databases.
func TestRecordsAsTheContractSays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		runs := 0
		rapid.Check(t, func(rt *rapid.T) {
			runs++
			run := fmt.Sprintf("r%d", runs)
			elders := []string{run + "e1", run + "e2"}
			m := &plainRecords{entries: map[string]ledger.Entry{}, findings: map[string]ledger.Finding{}, facts: map[string]ledger.Fact{},
				open: map[string]bool{}, photos: map[string]string{}}
			at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
			draw := func(e ledger.Entry) ledger.Entry {
				text := rapid.SampledFrom([]string{"", "都好", "腿疼 'x' \\ 😀"})
				e.ElderID = rapid.SampledFrom(elders).Draw(rt, "elder")
				e.Day = today.Add(-rapid.IntRange(0, 3).Draw(rt, "day"))
				e.Method = rapid.SampledFrom([]ledger.Method{ledger.MethodDoor, ledger.MethodPhone, ledger.MethodVideo}).Draw(rt, "method")
				e.Outcome = rapid.SampledFrom([]ledger.Outcome{ledger.OutcomeOK, ledger.OutcomeProblem, ledger.OutcomeUndone}).Draw(rt, "outcome")
				for _, x := range []*string{&e.Note, &e.Waiver, &e.Pressure, &e.Company, &e.Late} {
					*x = text.Draw(rt, "text")
				}
				e.RoomTemp = nil
				if n := rapid.IntRange(-1, 1).Draw(rt, "temp"); n != 0 {
					e.RoomTemp = &n
				}
				return e
			}
			found := func(e ledger.Entry, n int) (out []ledger.Finding) {
				for _, item := range []string{"gas", "fire"} {
					if rapid.Bool().Draw(rt, item) {
						out = append(out, ledger.Finding{Key: e.Key + "/" + item, EntryKey: e.Key, ElderID: e.ElderID, Item: item, At: at(n), Owner: fmt.Sprint("owner", n),
							Note:  rapid.SampledFrom([]string{"", "漏气", "电线老化"}).Draw(rt, "note"),
							State: rapid.SampledFrom([]ledger.FindingState{ledger.FindingReported, ledger.FindingFixed}).Draw(rt, "state")})
					}
				}
				return out
			}
			var records []string
			enter := func(n int) {
				e := draw(ledger.Entry{Key: fmt.Sprintf("%s/%d", run, n), No: fmt.Sprintf("%s-%d", run, n), Kind: ledger.KindVisit, UserID: "zhang", EnteredAt: at(n)})
				c := ledger.Changes{Entries: []ledger.Entry{e}, Photos: []ledger.Photo{picture(e.Key+"/p", e.Key)}, Facts: []ledger.Fact{{Key: e.Key + "/phone",
					EntryKey: e.Key, ElderID: e.ElderID, Field: "phone", Result: "changed", Value: "13900000001", By: "zhang", At: at(n), Propose: rapid.Bool().Draw(rt, "propose")}}}
				c.Findings = found(e, 0)
				require.NoError(rt, s.Commit(ctx, store.Turn{Changes: c}))
				e.Version = 1 // as entered
				records = append(records, e.Key)
				m.entries[e.Key], m.photos[e.Key+"/p"] = e, e.Key
				m.facts[c.Facts[0].Key] = c.Facts[0]
				if c.Facts[0].Propose {
					m.open[c.Facts[0].Key] = true
				}
				for _, f := range c.Findings {
					m.findings[f.Key] = f
				}
			}
			amendment := func(key string, m *plainRecords, n int) ledger.Amendment {
				was := m.entries[rapid.SampledFrom(records).Draw(rt, "record")]
				was.Version = max(1, was.Version+rapid.SampledFrom([]int{0, 0, 0, 0, -1, 1}).Draw(rt, "seen"))
				now := draw(was)
				now.Version = was.Version + 1
				a := ledger.Amendment{Key: key, Was: was, Now: now, Findings: found(now, n), By: fmt.Sprint("by", n), Why: fmt.Sprint("写错了", n), At: at(n)}
				if rapid.Bool().Draw(rt, "instead") {
					if a.Instead = rapid.SampledFrom(records).Draw(rt, "in its place"); a.Instead == was.Key {
						a.Instead = ""
					}
				}
				if len(m.amendments) > 0 && rapid.IntRange(0, 4).Draw(rt, "replay") == 0 {
					a.Key = rapid.SampledFrom(m.amendments).Draw(rt, "again").Key
				}
				return a
			}
			enter(0)
			for n := range rapid.IntRange(1, 12).Draw(rt, "turns") {
				n++
				if rapid.IntRange(0, 3).Draw(rt, "what") == 0 {
					enter(n)
				} else {
					after, fresh := m.clone(), true
					var c ledger.Changes
					for i := range rapid.IntRange(1, 2).Draw(rt, "amendments") {
						a := amendment(fmt.Sprintf("%s/a%d/%d", run, n, i), after, n)
						c.Amended = append(c.Amended, a)
						fresh = fresh && after.amend(a)
					}
					c.Messages = []ledger.Message{text(fmt.Sprintf("%s/m%d", run, n), "zhang", ledger.PriorityReply)}
					err := s.Commit(ctx, store.Turn{Changes: c})
					said, failed := s.Outbox(ctx, store.OutboxFilter{Key: c.Messages[0].Key})
					require.NoError(rt, failed)
					if fresh {
						require.NoError(rt, err)
						require.Len(rt, said, 1)
						m = after
					} else {
						require.ErrorIs(rt, err, store.ErrStale)
						require.Empty(rt, said, "what is stale says nothing")
					}
				}
				for _, key := range records {
					r, err := s.Record(ctx, key)
					require.NoError(rt, err)
					require.Equal(rt, m.record(key), r)
					e, err := s.EntryNo(ctx, r.No)
					require.NoError(rt, err)
					require.Equal(rt, m.entries[key], e)
				}
				entries, err := s.Entries(ctx, elders, "")
				require.NoError(rt, err)
				require.ElementsMatch(rt, slices.Collect(maps.Values(m.entries)), entries)
				var stand, withdrawn []ledger.Finding
				for _, f := range m.findings {
					if f.State == ledger.FindingWithdrawn {
						withdrawn = append(withdrawn, f)
					} else {
						stand = append(stand, f)
					}
				}
				findings, err := s.Findings(ctx, elders)
				require.NoError(rt, err)
				require.ElementsMatch(rt, stand, findings)
				findings, err = s.Findings(ctx, elders, ledger.FindingWithdrawn)
				require.NoError(rt, err)
				require.ElementsMatch(rt, withdrawn, findings)
				proposals, err := s.Proposals(ctx, elders...)
				require.NoError(rt, err)
				open := map[string]bool{}
				for _, p := range proposals {
					open[p.Fact.Key] = true
				}
				require.Equal(rt, m.open, open)
			}
		})
		_, err := s.Record(ctx, "nothing")
		require.ErrorIs(t, err, store.ErrUnknown)
	})
}

// amended is a turn that changes a record's note.
func amended(key string, e ledger.Entry, note string) store.Turn {
	now := e
	now.Note, now.Version = note, e.Version+1
	return store.Turn{Changes: ledger.Changes{Amended: []ledger.Amendment{{Key: key, Was: e, Now: now, By: "zhang", At: start}},
		Messages: []ledger.Message{text("r/"+key, "zhang", ledger.PriorityReply)}}}
}

// Turns of one batch and of two processes that amend one record at once: one wins. The same amendment many times is one.
func TestOneAmendmentWins(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		o.FlushDelay, o.Committers = 5*time.Millisecond, 1
		stores := []*store.Store{opened(t, o), opened(t, o)}
		s := stores[0]
		e := visit(1, "e1", today)
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: []ledger.Entry{e}}}))
		for round := range 8 {
			var turns []store.Turn
			for g := range 6 {
				turns = append(turns, amended(fmt.Sprintf("a/%d/%d", round, g), e, fmt.Sprintf("note %d/%d", round, g)))
			}
			assert.Equal(t, 1, together(t, stores, turns...))
			r, err := s.Record(ctx, e.Key)
			require.NoError(t, err)
			require.Len(t, r.Versions, 2*round+1)
			last := r.Versions[2*round]
			assert.Equal(t, e, last.Was)
			assert.Equal(t, r.Entry, last.Now)
			assert.Equal(t, "note "+strings.TrimPrefix(last.Key, "a/"), r.Note)
			rows, err := s.Outbox(ctx, store.OutboxFilter{})
			require.NoError(t, err)
			assert.Len(t, rows, 2*round+1, "only winners say something")

			same := amended(fmt.Sprintf("same/%d", round), r.Entry, "once")
			assert.Equal(t, 6, together(t, stores, same, same, same, same, same, same))
			r, err = s.Record(ctx, e.Key)
			require.NoError(t, err)
			require.Len(t, r.Versions, 2*round+2)
			e = r.Entry
			assert.Equal(t, 2*round+3, e.Version)
		}
	})
}

func TestUndoneRecordSettlesItsProposals(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		s := opened(t, o)
		save(t, s, county(), today)
		e, other := visit(1, "e1", today), visit(2, "e1", today)
		fact := func(key string, e ledger.Entry) ledger.Fact {
			return ledger.Fact{Key: key, EntryKey: e.Key, ElderID: "e1", Field: "phone", Result: "changed", Value: "139" + key, By: "zhang", At: start, Propose: true}
		}
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: []ledger.Entry{e, other},
			Facts: []ledger.Fact{fact("f1", e), fact("f2", e), fact("f3", other)}}}))
		taken := edit("e1", "139f1", 0)
		taken.Changes.Settled = []ledger.Settlement{{Fact: "f1", State: ledger.ProposalTaken, By: "keeper"}}
		require.NoError(t, s.Commit(ctx, taken))
		require.NoError(t, s.Commit(ctx, amended("a0", e, "only a note")))
		open, err := s.Proposals(ctx)
		require.NoError(t, err)
		require.Len(t, open, 2, "a record that still counts settles nothing")
		undone := e
		undone.Version, undone.Note = 2, "only a note"
		turn := amended("a1", undone, "")
		turn.Changes.Amended[0].Now.Outcome = ledger.OutcomeUndone
		require.NoError(t, s.Commit(ctx, turn))
		assert.Equal(t, [][]string{{"f1", "taken", "keeper"}, {"f2", "left", "zhang"}, {"f3", "proposed", ""}},
			selected(t, raw(t, o), "SELECT fact, state, settled FROM proposals ORDER BY fact"))
		late := edit("e1", "139f2", 0)
		late.Changes.Settled = []ledger.Settlement{{Fact: "f2", State: ledger.ProposalTaken, By: "keeper"}}
		require.ErrorIs(t, s.Commit(ctx, late), store.ErrStale)
	})
}

func TestEnteredAndLogged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var want []ledger.Entry
		for i := range 6 {
			e := visit(i, "e1", today.Add(-i)) // the later entered, the older the day
			e.EnteredAt, e.UserID = start.Add(time.Duration(i)*time.Minute), []string{"zhang", "li"}[i%2]
			want = append(want, e)
		}
		want[4].Outcome = ledger.OutcomeUndone
		mixed := []ledger.Entry{want[3], want[0], want[5], want[2], want[4], want[1]}
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: mixed}}))
		for _, c := range []struct {
			since time.Time
			limit int
			want  []ledger.Entry
		}{{start, 10, want}, {start.Add(2 * time.Minute), 10, want[2:]}, {start, 3, want[:3]}, {start.Add(time.Hour), 10, nil}} {
			got, err := s.Entered(ctx, c.since, c.limit)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		}
		got, err := s.Logged(ctx, "zhang", start.Add(time.Minute))
		require.NoError(t, err)
		assert.Equal(t, []ledger.Entry{want[2], want[4]}, got)
		got, err = s.Logged(ctx, "wang", start)
		require.NoError(t, err)
		assert.Empty(t, got)
	})
}

// Who says nothing of a record's version means the first.
func TestEntryWithoutVersionIsTheFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		e := visit(1, "e1", today)
		e.Version = 0
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: []ledger.Entry{e}}}))
		r, err := s.Record(ctx, e.Key)
		require.NoError(t, err)
		e.Version = 1
		assert.Equal(t, ledger.Record{Entry: e}, r)
	})
}
