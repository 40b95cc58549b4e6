package store_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

func receive(t testing.TB, s *store.Store, user, key string) int64 {
	t.Helper()
	require.NoError(t, s.Receive(ctx, store.Inbound{Key: key, User: user, At: start}))
	in, err := s.Pending(ctx, user, 1000)
	require.NoError(t, err)
	return in[len(in)-1].ID
}

func visit(n int, elder string, day ledger.Day) ledger.Entry {
	return ledger.Entry{Key: fmt.Sprintf("visit/%s/%d", elder, n), No: fmt.Sprintf("XF-%s-%d", elder, n), Kind: ledger.KindVisit, ElderID: elder,
		UserID: "zhang", Day: day, Method: ledger.MethodDoor, Outcome: ledger.OutcomeOK, Version: 1, EnteredAt: start}
}

func TestCommit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c, err := s.Conversation(ctx, "zhang")
		require.NoError(t, err)
		assert.Zero(t, c)

		id := receive(t, s, "zhang", "m1")
		temp := 18
		e := visit(1, "e1", "2026-03-02")
		e.Note, e.RoomTemp, e.EnteredAt = "灯泡坏了 😀", &temp, start.Add(750*time.Millisecond).In(time.FixedZone("", 8*3600))
		found := ledger.Finding{Key: e.Key + "/gas", EntryKey: e.Key, ElderID: "e1", Item: "gas", Note: "漏气", State: ledger.FindingReported, Owner: "li", At: start}
		photo := ledger.Photo{Key: "m0", UserID: "zhang", MediaID: "M", State: ledger.PhotoWanted, At: start}
		turn := store.Turn{User: "zhang", Inbound: []int64{id}, State: []byte(`{"a":1}`), Changes: ledger.Changes{
			Entries: []ledger.Entry{e}, Findings: []ledger.Finding{found}, Photos: []ledger.Photo{photo},
			Facts:    []ledger.Fact{{Key: e.Key + "/phone", EntryKey: e.Key, ElderID: "e1", Field: "phone", Result: "changed", Value: "1", By: "zhang", At: start}},
			Messages: []ledger.Message{text("r1", "zhang", ledger.PriorityReply)},
		}}
		require.NoError(t, s.Commit(ctx, turn))

		c, err = s.Conversation(ctx, "zhang")
		require.NoError(t, err)
		assert.Equal(t, store.Conversation{State: []byte(`{"a":1}`), Revision: 1}, c)
		in, err := s.Pending(ctx, "zhang", 10)
		require.NoError(t, err)
		assert.Empty(t, in)
		entries, err := s.Entries(ctx, []string{"e1", "nobody"}, "2026-03-01")
		require.NoError(t, err)
		e.EnteredAt = start
		assert.Equal(t, []ledger.Entry{e}, entries)
		findings, err := s.Findings(ctx, []string{"e1"}, ledger.FindingReported)
		require.NoError(t, err)
		assert.Equal(t, []ledger.Finding{found}, findings)
		findings, err = s.Findings(ctx, []string{"e1"}, ledger.FindingFixed)
		require.NoError(t, err)
		assert.Empty(t, findings)

		// The same turn again is stale and says nothing twice; so is one for a handled message alone.
		require.ErrorIs(t, s.Commit(ctx, turn), store.ErrStale)
		require.ErrorIs(t, s.Commit(ctx, store.Turn{User: "zhang", Revision: 1, Inbound: []int64{id}}), store.ErrStale)
		require.ErrorIs(t, s.Commit(ctx, store.Turn{User: "zhang", Revision: 2}), store.ErrStale)
		rows, err := s.Outbox(ctx, store.OutboxFilter{})
		require.NoError(t, err)
		require.Len(t, rows, 1)

		require.NoError(t, s.Commit(ctx, store.Turn{User: "zhang", Revision: 1, State: []byte("x")}))
		c, err = s.Conversation(ctx, "zhang")
		require.NoError(t, err)
		assert.EqualValues(t, 2, c.Revision)
	})
}

// What is stale writes nothing at all, whichever part of it is stale.
func TestStaleWritesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := receive(t, s, "zhang", "m1")
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: []ledger.Entry{visit(1, "e1", "2026-03-02")}}}))
		taken := visit(2, "e1", "2026-03-02")
		taken.No = visit(1, "e1", "").No
		twice := visit(3, "e1", "2026-03-02")
		twice.No = visit(4, "e1", "").No
		for name, turn := range map[string]store.Turn{
			"revision":       {User: "zhang", Revision: 3, Inbound: []int64{id}},
			"inbox":          {User: "zhang", Inbound: []int64{id, 4711}},
			"message twice":  {User: "zhang", Inbound: []int64{id, id}},
			"number":         {User: "zhang", Inbound: []int64{id}, Changes: ledger.Changes{Entries: []ledger.Entry{visit(5, "e1", "2026-03-02"), taken}}},
			"number in turn": {User: "zhang", Inbound: []int64{id}, Changes: ledger.Changes{Entries: []ledger.Entry{twice, visit(4, "e1", "2026-03-02")}}},
		} {
			t.Run(name, func(t *testing.T) {
				turn.Changes.Messages = []ledger.Message{text("r/"+name, "zhang", 1)}
				require.ErrorIs(t, s.Commit(ctx, turn), store.ErrStale)
			})
		}
		c, err := s.Conversation(ctx, "zhang")
		require.NoError(t, err)
		assert.Zero(t, c)
		in, err := s.Pending(ctx, "zhang", 10)
		require.NoError(t, err)
		assert.Len(t, in, 1)
		rows, err := s.Outbox(ctx, store.OutboxFilter{})
		require.NoError(t, err)
		assert.Empty(t, rows)
		entries, err := s.Entries(ctx, []string{"e1"}, "")
		require.NoError(t, err)
		assert.Len(t, entries, 1)
	})
}

func TestKeysMakeReplaysNoOps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		e := visit(1, "e1", "2026-03-02")
		c := ledger.Changes{
			Entries:  []ledger.Entry{e},
			Findings: []ledger.Finding{{Key: "f", EntryKey: e.Key, ElderID: "e1", Note: "first", At: start}},
			Facts:    []ledger.Fact{{Key: "f", EntryKey: e.Key, ElderID: "e1", Value: "first", At: start}},
			Messages: []ledger.Message{text("月巡访/e1/2026-03/-7", "zhang", 2)},
		}
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: c}))
		c.Entries[0].Note, c.Entries[0].No = "second", "another"
		c.Findings[0].Note = "second"
		c.Facts[0].Value = "second"
		c.Messages[0].Body = []byte("second")
		c.Messages = append(c.Messages, text("new", "zhang", 2), text("new", "zhang", 2))
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: c}))

		entries, err := s.Entries(ctx, []string{"e1"}, "")
		require.NoError(t, err)
		assert.Equal(t, []ledger.Entry{e}, entries)
		findings, err := s.Findings(ctx, []string{"e1"})
		require.NoError(t, err)
		require.Len(t, findings, 1)
		assert.Equal(t, "first", findings[0].Note)
		claims, err := s.Claim(ctx, time.Now(), 10, time.Minute)
		require.NoError(t, err)
		require.Len(t, claims, 1)
		assert.Equal(t, "body of 月巡访/e1/2026-03/-7", string(claims[0].Message.Body))
		rows, err := s.Outbox(ctx, store.OutboxFilter{})
		require.NoError(t, err)
		assert.Len(t, rows, 2)
	})
}

func TestPhotos(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		commit := func(p ...ledger.Photo) {
			t.Helper()
			require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Photos: p}}))
		}
		photo := func(key string, after time.Duration) ledger.Photo {
			return ledger.Photo{Key: key, UserID: "zhang", MediaID: "M" + key, State: ledger.PhotoWanted, At: start.Add(after)}
		}
		commit(photo("b", time.Minute), photo("a", time.Minute), photo("old", -time.Hour))
		require.NoError(t, s.PhotoStored(ctx, "b", "abc", 7, ""))
		bound := photo("b", time.Minute)
		bound.EntryKey, bound.State = "visit/1", ledger.PhotoWanted
		commit(bound)
		bound.EntryKey = "visit/2"
		commit(bound)
		p, err := s.Photo(ctx, "b")
		require.NoError(t, err)
		want := photo("b", time.Minute)
		want.EntryKey, want.State, want.Hash, want.Bytes = "visit/1", ledger.PhotoStored, "abc", 7
		assert.Equal(t, want, p)

		tray, err := s.TrayPhotos(ctx, "zhang", start)
		require.NoError(t, err)
		assert.Equal(t, []ledger.Photo{photo("a", time.Minute)}, tray)
		require.NoError(t, s.PhotoLost(ctx, "a"))
		require.NoError(t, s.PhotoLost(ctx, "b"))
		p, err = s.Photo(ctx, "b")
		require.NoError(t, err)
		assert.Equal(t, ledger.PhotoStored, p.State, "what is stored is not lost")
		tray, err = s.TrayPhotos(ctx, "zhang", start)
		require.NoError(t, err)
		assert.Empty(t, tray)
		for _, err := range []error{s.PhotoStored(ctx, "none", "x", 1, ""), s.PhotoLost(ctx, "none")} {
			require.ErrorIs(t, err, store.ErrUnknown)
		}
		_, err = s.Photo(ctx, "none")
		require.ErrorIs(t, err, store.ErrUnknown)
	})
}

func TestEntriesOfMany(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var es []ledger.Entry
		var ids []string
		for i := range 1200 {
			id := fmt.Sprintf("e%04d", i)
			ids = append(ids, id)
			es = append(es, visit(1, id, ledger.Day("2026-03-01").Add(-i%40)))
		}
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: es}}))
		got, err := s.Entries(ctx, ids, "2026-02-20")
		require.NoError(t, err)
		assert.Len(t, got, 300)
		for i, e := range got {
			assert.GreaterOrEqual(t, e.Day, ledger.Day("2026-02-20"))
			if i > 0 {
				assert.LessOrEqual(t, got[i-1].Day, e.Day)
			}
		}
		got, err = s.Entries(ctx, nil, "")
		require.NoError(t, err)
		assert.Empty(t, got)
	})
}

func TestCommitRefusesMistakesOfTheProgram(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for name, c := range map[string]ledger.Changes{
			"no number":  {Entries: []ledger.Entry{{Key: "k"}}},
			"no key":     {Messages: []ledger.Message{text("", "u", 1)}},
			"long key":   {Messages: []ledger.Message{text(strings.Repeat("k", 192), "u", 1)}},
			"nobody":     {Messages: []ledger.Message{text("k", "", 1)}},
			"not a call": {Messages: []ledger.Message{{Key: "k", To: "u", Text: "not rendered"}}},
			"no body":    {Messages: []ledger.Message{{Key: "k", To: "u", Call: ledger.CallSend}}},
			"no version": {Amended: []ledger.Amendment{{Key: "a", Was: ledger.Entry{Key: "k"}, Now: ledger.Entry{Key: "k", Version: 1}}}},
			"two ahead":  {Amended: []ledger.Amendment{{Key: "a", Was: ledger.Entry{Key: "k", Version: 1}, Now: ledger.Entry{Key: "k", Version: 3}}}},
			"another":    {Amended: []ledger.Amendment{{Key: "a", Was: ledger.Entry{Key: "k", Version: 1}, Now: ledger.Entry{Key: "l", Version: 2}}}},
			"renumbered": {Amended: []ledger.Amendment{{Key: "a", Was: ledger.Entry{Key: "k", No: "1", Version: 1}, Now: ledger.Entry{Key: "k", No: "2", Version: 2}}}},
			"itself":     {Amended: []ledger.Amendment{{Key: "a", Was: ledger.Entry{Key: "k", Version: 1}, Now: ledger.Entry{Key: "k", Version: 2}, Instead: "k"}}},
			"found elsewhere": {Amended: []ledger.Amendment{{Key: "a", Was: ledger.Entry{Key: "k", Version: 1}, Now: ledger.Entry{Key: "k", Version: 2},
				Findings: []ledger.Finding{{Key: "l/gas", EntryKey: "l"}}}}},
			"of no message": {Notices: []ledger.Notice{notice("n", "u", "m", today)}},
			"of two":        {Notices: []ledger.Notice{notice("n", "u", "m", today)}, Messages: []ledger.Message{text("m", "u", 1), text("m", "u", 1)}},
			"noticed twice": {Notices: []ledger.Notice{notice("n", "u", "m", today), notice("n", "u", "m", today)}, Messages: []ledger.Message{text("m", "u", 1)}},
			"no notice":     {Notices: []ledger.Notice{notice("", "u", "m", today)}, Messages: []ledger.Message{text("m", "u", 1)}},
			"no review":     {Reviews: []ledger.Review{{Facts: "x"}}},
			"no priority":   {Messages: []ledger.Message{text("k", "u", 3)}},
		} {
			err := s.Commit(ctx, store.Turn{User: "u", State: []byte("x"), Changes: c})
			require.Error(t, err, name)
			require.NotErrorIs(t, err, store.ErrStale, name)
		}
		c, err := s.Conversation(ctx, "u")
		require.NoError(t, err)
		assert.Zero(t, c)
	})
}

// One transaction holds many turns; one that is stale and one that the database refuses harm nobody else.
func TestBadNeighbours(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		opened(t, o)
		boom := "CREATE TRIGGER boom BEFORE INSERT ON findings WHEN NEW.item = 'boom' BEGIN SELECT RAISE(ABORT, 'boom'); END"
		if o.Driver == store.MySQL {
			boom = "CREATE TRIGGER boom BEFORE INSERT ON findings FOR EACH ROW BEGIN IF NEW.item = 'boom' THEN" +
				" SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'boom'; END IF; END"
		}
		_, err := raw(t, o).Exec(boom)
		require.NoError(t, err)
		o.FlushDelay, o.Committers = 3*time.Millisecond, 1
		s := storetest.OpenWith(t, o)
		var wg sync.WaitGroup
		for i := range 60 {
			user := fmt.Sprintf("u%02d", i)
			id := receive(t, s, user, user)
			turn := store.Turn{User: user, Inbound: []int64{id}, State: []byte("x"), Changes: ledger.Changes{
				Entries:  []ledger.Entry{visit(i, "e1", "2026-03-02")},
				Messages: []ledger.Message{text("r/"+user, user, 1)},
			}}
			switch i % 5 {
			case 1:
				turn.Revision = 7
			case 2:
				turn.Changes.Findings = []ledger.Finding{{Key: "f/" + user, Item: "boom", At: start}}
			}
			wg.Go(func() {
				err := s.Commit(ctx, turn)
				c, readErr := s.Conversation(ctx, user)
				assert.NoError(t, readErr)
				switch i % 5 {
				case 1:
					assert.ErrorIs(t, err, store.ErrStale)
					assert.Zero(t, c)
				case 2:
					assert.ErrorContains(t, err, "boom")
					assert.NotErrorIs(t, err, store.ErrStale)
					assert.Zero(t, c)
				default:
					assert.NoError(t, err)
					assert.EqualValues(t, 1, c.Revision)
				}
			})
		}
		wg.Wait()
		entries, err := s.Entries(ctx, []string{"e1"}, "")
		require.NoError(t, err)
		assert.Len(t, entries, 36)
		rows, err := s.Outbox(ctx, store.OutboxFilter{})
		require.NoError(t, err)
		assert.Len(t, rows, 36)
		users, err := s.Backlog(ctx, 100)
		require.NoError(t, err)
		assert.Len(t, users, 24)
	})
}

// Two processes turn the same message and the same new conversation at once: one wins, the other is stale.
func TestOneTurnWins(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		stores := []*store.Store{opened(t, o), opened(t, o)}
		for round := range 20 {
			user := fmt.Sprintf("u%d", round)
			id := receive(t, stores[0], user, user)
			for revision := range int64(2) {
				var won, stale atomic.Int32
				var wg sync.WaitGroup
				for g := range 6 {
					turn := store.Turn{User: user, Revision: revision, State: []byte(fmt.Sprint(g)), Changes: ledger.Changes{
						Messages: []ledger.Message{text(fmt.Sprintf("%s/%d/%d", user, revision, g), user, 1)}}}
					if revision == 0 {
						turn.Inbound = []int64{id}
					}
					wg.Go(func() {
						switch err := stores[g%2].Commit(ctx, turn); err {
						case nil:
							won.Add(1)
						case store.ErrStale:
							stale.Add(1)
						default:
							assert.NoError(t, err)
						}
					})
				}
				wg.Wait()
				assert.EqualValues(t, 1, won.Load())
				assert.EqualValues(t, 5, stale.Load())
			}
		}
		rows, err := stores[0].Outbox(ctx, store.OutboxFilter{})
		require.NoError(t, err)
		assert.Len(t, rows, 40)
	})
}

// Two processes give one number to two entries at once.
func TestOneNumberOneEntry(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		stores := []*store.Store{opened(t, o), opened(t, o)}
		for round := range 20 {
			var won atomic.Int32
			var wg sync.WaitGroup
			for g := range 6 {
				e := visit(100*round+g, "e1", "2026-03-02")
				e.No = fmt.Sprintf("XF%d", round)
				wg.Go(func() {
					switch err := stores[g%2].Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: []ledger.Entry{e}}}); err {
					case nil:
						won.Add(1)
					default:
						assert.ErrorIs(t, err, store.ErrStale)
					}
				})
			}
			wg.Wait()
			assert.EqualValues(t, 1, won.Load())
		}
	})
}
