package store_test

import (
	"fmt"
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

func notice(key, to, message string, day ledger.Day) ledger.Notice {
	return ledger.Notice{Key: key, To: to, Kind: ledger.NoticeNudge, Day: day, Message: message, Cause: "月巡访,第一次提醒", At: start}
}

// told is a turn of the calendar: a message with a notice for each key.
func told(message, to string, keys ...string) store.Turn {
	t := store.Turn{Changes: ledger.Changes{Messages: []ledger.Message{text(message, to, ledger.PriorityReminder)}}}
	for _, k := range keys {
		t.Changes.Notices = append(t.Changes.Notices, notice(k, to, message, today))
	}
	return t
}

func noticeKeys(t testing.TB, s *store.Store) (keys []string) {
	t.Helper()
	all, err := s.Notices(ctx, "")
	require.NoError(t, err)
	for _, n := range all {
		keys = append(keys, n.Key)
	}
	return keys
}

func outboxKeys(t testing.TB, s *store.Store, states ...store.OutboxState) (keys []string) {
	t.Helper()
	rows, err := s.Outbox(ctx, store.OutboxFilter{States: states})
	require.NoError(t, err)
	for _, r := range rows {
		keys = append(keys, r.Key)
	}
	return keys
}

func TestNotices(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		first := told("d1", "zhang", "a/1", "a/2")
		first.Changes.Notices[1].Day = today.Add(1)
		require.NoError(t, s.Commit(ctx, first))
		require.NoError(t, s.Commit(ctx, told("d2", "li", "b/1")))
		got, err := s.Notices(ctx, today)
		require.NoError(t, err)
		assert.Equal(t, []ledger.Notice{notice("a/1", "zhang", "d1", today), notice("b/1", "li", "d2", today), notice("a/2", "zhang", "d1", today.Add(1))}, got)
		got, err = s.NoticesOf(ctx, "zhang", today.Add(1))
		require.NoError(t, err)
		assert.Equal(t, []ledger.Notice{notice("a/2", "zhang", "d1", today.Add(1))}, got)

		// Whatever of it was told before: nothing of the turn is written.
		for name, turn := range map[string]store.Turn{"all of it": first, "a notice": told("d3", "zhang", "a/3", "a/2"), "the message": told("d1", "zhang", "a/3")} {
			turn.User, turn.State = "zhang", []byte("x")
			turn.Changes.Messages = append(turn.Changes.Messages, text("beside/"+name, "zhang", 1))
			turn.Changes.Entries = []ledger.Entry{visit(1, "e1", today)}
			require.ErrorIs(t, s.Commit(ctx, turn), store.ErrStale, name)
		}
		assert.Equal(t, []string{"a/1", "b/1", "a/2"}, noticeKeys(t, s))
		assert.Equal(t, []string{"d1", "d2"}, outboxKeys(t, s))
		c, err := s.Conversation(ctx, "zhang")
		require.NoError(t, err)
		assert.Zero(t, c)
		entries, err := s.Entries(ctx, []string{"e1"}, "")
		require.NoError(t, err)
		assert.Empty(t, entries)
	})
}

// What was dropped before anybody read it was not said; what is being sent, or was, stays said.
func TestDroppedNotices(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		drop := func(keys ...string) {
			t.Helper()
			require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Drop: keys}}))
		}
		claim := func() []store.Claim {
			t.Helper()
			got, err := s.Claim(ctx, time.Now(), 10, time.Minute)
			require.NoError(t, err)
			return got
		}
		require.NoError(t, s.Commit(ctx, told("sent", "zhang", "a")))
		got := claim()
		require.Len(t, got, 1)
		drop("sent")
		assert.Equal(t, []string{"a"}, noticeKeys(t, s), "somebody is sending it")
		require.NoError(t, s.Sent(ctx, got[0], store.Receipt{}))
		drop("sent")
		assert.Equal(t, []string{"a"}, noticeKeys(t, s), "it was sent")

		later := told("d1", "zhang", "b", "c")
		later.Changes.Messages[0].NotBefore = time.Now().Add(time.Hour)
		require.NoError(t, s.Commit(ctx, later))
		require.NoError(t, s.Commit(ctx, told("other", "li", "d")))
		drop("d1", "nothing")
		assert.Equal(t, []string{"a", "d"}, noticeKeys(t, s))
		drop("d1")

		// The next tick tells it anew, less of it, even under the same key, and only that goes out.
		again := told("d1", "zhang", "c")
		again.Changes.Messages[0].Body = []byte("again")
		require.NoError(t, s.Commit(ctx, again))
		assert.Equal(t, []string{"a", "c", "d"}, noticeKeys(t, s))
		bodies := map[string]string{}
		for _, c := range claim() {
			bodies[c.Message.Key] = string(c.Message.Body)
		}
		assert.Equal(t, map[string]string{"d1": "again", "other": "body of other"}, bodies)
		assert.Empty(t, outboxKeys(t, s, store.StateDropped))
		require.ErrorIs(t, s.Commit(ctx, again), store.ErrStale)
	})
}

// Two processes tell at once, of the same with the same message, with another one, or of something else with the same: there is
// one message, and the notices are its own.
func TestOneProcessTells(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		stores := []*store.Store{opened(t, o), opened(t, o)}
		for round := range 30 {
			var won, stale atomic.Int32
			var wg sync.WaitGroup
			for g := range 6 {
				message, key := fmt.Sprintf("m%d", round), fmt.Sprintf("n%d", round)
				switch round % 3 {
				case 1:
					message += fmt.Sprintf("/%d", g)
				case 2:
					key += fmt.Sprintf("/%d", g)
				}
				turn := told(message, "zhang", key, fmt.Sprintf("%d/%d", round, g))
				turn.Changes.Messages[0].Body = fmt.Append(nil, g)
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
			assert.EqualValues(t, 1, won.Load(), "round %d", round)
			assert.EqualValues(t, 5, stale.Load(), "round %d", round)
		}
		assert.Len(t, outboxKeys(t, stores[0]), 30)
		all, err := stores[0].Notices(ctx, "")
		require.NoError(t, err)
		assert.Len(t, all, 60)
		messages := map[string]int{}
		for _, n := range all {
			messages[n.Message]++
		}
		for _, key := range outboxKeys(t, stores[0]) {
			assert.Equal(t, 2, messages[key], "%s has its own notices", key)
		}
	})
}

func TestPacks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		keep := func(name string, seen ledger.Day, text string) {
			t.Helper()
			require.NoError(t, s.KeepPack(ctx, name, seen, []byte(text)))
		}
		keep("yongning", "2026-01-01", "每月一次")
		keep("yongning", "2026-02-01", "每月一次")
		keep("national-2022", "2026-01-15", "六类")
		keep("yongning", "2026-03-01", "每月两次")
		keep("yongning", "2026-03-01", "每月三次")
		keep("yongning", "2026-03-02", "每月一次")
		got, err := s.Packs(ctx)
		require.NoError(t, err)
		assert.Equal(t, []store.KeptPack{{Name: "national-2022", Seen: "2026-01-15", Text: []byte("六类")}, {Name: "yongning", Seen: "2026-01-01", Text: []byte("每月一次")},
			{Name: "yongning", Seen: "2026-03-01", Text: []byte("每月三次")}, {Name: "yongning", Seen: "2026-03-02", Text: []byte("每月一次")}}, got)
	})
}

func TestConversations(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		require.NoError(t, s.Commit(ctx, store.Turn{User: "zhang", State: []byte("a form")}))
		require.NoError(t, s.Commit(ctx, store.Turn{User: "li", State: []byte("x")}))
		require.NoError(t, s.Commit(ctx, store.Turn{User: "li", Revision: 1}))
		got, err := s.Conversations(ctx, []string{"zhang", "li", "wang"})
		require.NoError(t, err)
		assert.Len(t, got, 2)
		assert.Equal(t, store.Conversation{State: []byte("a form"), Revision: 1}, got["zhang"])
		assert.EqualValues(t, 2, got["li"].Revision)
		assert.Empty(t, got["li"].State)
	})
}

// Leaves and rounds are kept, changed and taken back like everything dated.
func TestLeavesAndRounds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		save(t, s, county(), today)
		leave := ledger.Leave{UserID: "zhang", From: "2026-03-05", To: "2026-03-09", Deputy: "li"}
		round := ledger.Round{Region: "12", Name: "寒潮", From: "2026-03-05", To: "2026-03-07", Tier: ledger.TierKey, Door: "door"}
		sum := save(t, s, ledger.Book{Leaves: []ledger.Leave{leave}, Rounds: []ledger.Round{round}}, today)
		assert.Equal(t, ledger.Summary{Leaves: ledger.Count{New: 1}, Rounds: ledger.Count{New: 1}}, sum)
		roster, err := s.Roster(ctx)
		require.NoError(t, err)
		got, ok := roster.Leave("zhang", "2026-03-09")
		assert.True(t, ok)
		assert.Equal(t, leave, got)
		_, ok = roster.Leave("zhang", "2026-03-10")
		assert.False(t, ok)
		assert.Equal(t, []ledger.Round{round}, roster.Rounds())

		// Taken back in a conversation: the past stays in the history.
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Edits: []ledger.Edit{{Book: ledger.Book{
			Leaves: []ledger.Leave{{UserID: "zhang", From: "2026-03-05", To: "2026-03-04", Deputy: "-"}},
			Rounds: []ledger.Round{{Region: "12", Name: "寒潮", From: "2026-03-05", To: "2026-03-06"}}}, By: "zhang", Today: today}}}}))
		roster, err = s.Roster(ctx)
		require.NoError(t, err)
		_, ok = roster.Leave("zhang", "2026-03-05")
		assert.False(t, ok)
		assert.Equal(t, []ledger.Leave{{UserID: "zhang", From: "2026-03-05", To: "2026-03-04"}}, roster.Leaves("zhang"))
		round.To = "2026-03-06"
		assert.Equal(t, []ledger.Round{round}, roster.Rounds())
		b, err := s.Book(ctx)
		require.NoError(t, err)
		assert.Equal(t, b, roster.Book())
	})
}

// A help and a talk keep their own fields, through amendments, too.
func TestHelpsAndTalks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		help, talk := visit(1, "e1", today), visit(2, "e1", today)
		help.Kind, help.Note, help.Looked = ledger.KindHelp, "修了水管", true
		talk.Kind, talk.Method, talk.Outcome, talk.Whom = ledger.KindTalk, ledger.MethodPhone, ledger.OutcomeWrong, "赵大"
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: []ledger.Entry{help, talk}}}))
		got, err := s.Entries(ctx, []string{"e1"}, "")
		require.NoError(t, err)
		assert.Equal(t, []ledger.Entry{help, talk}, got)
		now := talk
		now.Version, now.Whom, now.Outcome = 2, "赵二", ledger.OutcomeOK
		unlooked := help
		unlooked.Version, unlooked.Looked = 2, false
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Amended: []ledger.Amendment{{Key: "a1", Was: talk, Now: now, By: "zhang", At: start},
			{Key: "a2", Was: help, Now: unlooked, By: "zhang", At: start}}}}))
		r, err := s.Record(ctx, talk.Key)
		require.NoError(t, err)
		assert.Equal(t, now, r.Entry)
		assert.Equal(t, talk, r.Versions[0].Was)
		r, err = s.Record(ctx, help.Key)
		require.NoError(t, err)
		assert.False(t, r.Looked)
		assert.True(t, r.Versions[0].Was.Looked)
		n, err := s.Unpictured(ctx, "zhang", today)
		require.NoError(t, err)
		assert.Zero(t, n, "a help is no visit that owes a photo")
	})
}

// Counted has what duties are counted by, and nothing of it is sealed.
func TestCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a, b, c, old, undone := visit(1, "e2", today), visit(2, "e1", today), visit(3, "e1", today.Add(-1)), visit(4, "e1", today.Add(-9)), visit(5, "e1", today)
		b.Kind, b.Looked, b.Note, b.UserID = ledger.KindHelp, true, "修了水管", "li"
		undone.Outcome = ledger.OutcomeUndone
		same := visit(6, "e1", today)
		same.Outcome, same.Method = ledger.OutcomeAbsent, ledger.MethodPhone
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: []ledger.Entry{a, same, b, c, old, undone}}}))
		narrow := func(es ...ledger.Entry) []ledger.Entry {
			for i, e := range es {
				es[i] = ledger.Entry{Key: e.Key, Kind: e.Kind, ElderID: e.ElderID, UserID: e.UserID, Day: e.Day, Method: e.Method, Outcome: e.Outcome, Looked: e.Looked}
			}
			return es
		}
		got, err := s.Counted(ctx, today.Add(-1))
		require.NoError(t, err)
		assert.ElementsMatch(t, narrow(c, b, same, a), got)
		assert.Equal(t, c.Key, got[0].Key)
		assert.Equal(t, a.Key, got[3].Key)
		got, err = s.CountedOf(ctx, []string{"e1", "nobody"}, today.Add(-1))
		require.NoError(t, err)
		assert.Equal(t, narrow(c, b, same), got)
		got, err = s.CountedOf(ctx, nil, "")
		require.NoError(t, err)
		assert.Empty(t, got)
	})
}
