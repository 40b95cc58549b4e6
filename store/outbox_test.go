package store_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
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

// clock is the only one a store under test sees.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: start} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// eachOutbox runs f on both databases with a clock in its hand.
func eachOutbox(t *testing.T, f func(t *testing.T, s *store.Store, c *clock)) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Now = c.now
		f(t, opened(t, o), c)
	})
}

func claim(t testing.TB, s *store.Store, c *clock, n int) []store.Claim {
	t.Helper()
	got, err := s.Claim(ctx, c.now(), n, time.Minute)
	require.NoError(t, err)
	return got
}

func TestAlarmsOvertakeRepliesOvertakeReminders(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		post(t, s, text("reminder a", "a", 2), text("reminder b", "b", 2))
		post(t, s, text("reply a", "a", 1), text("reply c", "c", 1))
		post(t, s, text("alarm b", "b", 0))
		c.add(time.Second)
		got := claim(t, s, c, 2)
		assert.Equal(t, "alarm b", got[0].Message.Key)
		assert.Equal(t, ledger.PriorityReply, got[1].Message.Priority)
		got = append(got, claim(t, s, c, 9)...)
		require.Len(t, got, 3, "one message at a time for one recipient")
		for _, x := range got {
			require.NoError(t, s.Sent(ctx, x, store.Receipt{MsgID: "m", ResponseCode: "r"}))
		}
		got = claim(t, s, c, 9)
		require.Len(t, got, 2)
		for _, x := range got {
			assert.Equal(t, ledger.PriorityReminder, x.Message.Priority)
		}
	})
}

func TestOneRecipientsOrder(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		for i := range 5 {
			post(t, s, text(fmt.Sprint(i), "a", 1))
		}
		got := claim(t, s, c, 9)
		require.Equal(t, "0", keys(got))
		require.NoError(t, s.Retry(ctx, got[0], c.now().Add(10*time.Second), "45009"))
		assert.Empty(t, claim(t, s, c, 9), "a message to be tried again holds back later ones")
		next, err := s.NextDue(ctx)
		require.NoError(t, err)
		assert.Equal(t, c.now().Add(10*time.Second), next)

		post(t, s, text("alarm", "a", 0), text("reminder", "a", 2))
		got = claim(t, s, c, 9)
		require.Equal(t, "alarm", keys(got), "but no alarm")
		require.NoError(t, s.Sent(ctx, got[0], store.Receipt{}))
		got = claim(t, s, c, 9)
		require.Equal(t, "reminder", keys(got), "and nothing of another priority")
		require.NoError(t, s.Sent(ctx, got[0], store.Receipt{}))

		c.add(10 * time.Second)
		var order []string
		for {
			got := claim(t, s, c, 9)
			if len(got) == 0 {
				break
			}
			require.Len(t, got, 1)
			order = append(order, got[0].Message.Key)
			require.NoError(t, s.Sent(ctx, got[0], store.Receipt{}))
		}
		assert.Equal(t, []string{"0", "1", "2", "3", "4"}, order)
		next, err = s.NextDue(ctx)
		require.NoError(t, err)
		assert.True(t, next.IsZero())
	})
}

func TestAFailingDownloadHoldsBackNoReply(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		fetch := ledger.Message{Key: "fetch", To: "a", Priority: 1, Call: ledger.CallFetch, Photo: "p", MediaID: "M"}
		post(t, s, fetch, text("reply", "a", 1))
		got := claim(t, s, c, 9)
		require.Len(t, got, 2)
		i := slices.IndexFunc(got, func(x store.Claim) bool { return x.Message.Key == "fetch" })
		want := fetch
		assert.Equal(t, want, got[i].Message)
		require.NoError(t, s.Retry(ctx, got[i], c.now().Add(time.Hour), "-1"))
		require.NoError(t, s.Sent(ctx, got[1-i], store.Receipt{}))
		post(t, s, text("reply 2", "a", 1))
		assert.Equal(t, "reply 2", keys(claim(t, s, c, 9)))
	})
}

func TestNotBeforeAndExpiry(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		later := text("later", "a", 2)
		later.NotBefore = c.now().Add(time.Hour)
		brief := text("brief", "b", 2)
		brief.Expires = c.now().Add(time.Minute)
		after := text("after", "b", 2)
		post(t, s, later, brief, text("now", "a", 2), after)
		c.add(time.Minute)
		got := claim(t, s, c, 9)
		assert.ElementsMatch(t, []string{"now", "after"}, strings.Fields(keys(got)))
		for _, x := range got {
			require.NoError(t, s.Sent(ctx, x, store.Receipt{}))
		}
		assert.Empty(t, claim(t, s, c, 9))
		next, err := s.NextDue(ctx)
		require.NoError(t, err)
		assert.Equal(t, later.NotBefore, next)
		rows, err := s.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateExpired}})
		require.NoError(t, err)
		require.Len(t, rows, 1)
		assert.Equal(t, "brief", rows[0].Key)
		c.add(time.Hour)
		assert.Equal(t, "later", keys(claim(t, s, c, 9)))
	})
}

// A message that expires while it waits to be tried again frees those behind it at once.
func TestAnExpiredHeadHoldsBackNothing(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		head := text("head", "a", 2)
		head.Expires = c.now().Add(time.Minute)
		post(t, s, head, text("behind", "a", 2))
		require.NoError(t, s.Retry(ctx, claim(t, s, c, 1)[0], c.now().Add(time.Hour), "-1"))
		require.Empty(t, claim(t, s, c, 1))
		next, err := s.NextDue(ctx)
		require.NoError(t, err)
		assert.Equal(t, head.Expires, next)
		c.add(time.Minute)
		assert.Equal(t, "behind", keys(claim(t, s, c, 1)))
	})
}

func TestLease(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		post(t, s, text("m", "a", 1))
		first := claim(t, s, c, 1)[0]
		assert.Equal(t, 1, first.Attempts)
		assert.False(t, first.Resend)
		assert.Equal(t, start, first.At)
		assert.Empty(t, claim(t, s, c, 1))
		next, err := s.NextDue(ctx)
		require.NoError(t, err)
		assert.WithinRange(t, next, c.now().Add(time.Minute-time.Second), c.now().Add(time.Minute)) // no two leases end together
		c.add(time.Minute)
		second := claim(t, s, c, 1)[0]
		assert.Equal(t, 2, second.Attempts)
		assert.True(t, second.Resend, "the first sender may have sent it")

		// The first sender wakes up: it must not undo what the second one holds.
		for _, err := range []error{s.Retry(ctx, first, c.now(), "x"), s.Unsure(ctx, first, c.now(), "x"), s.Dead(ctx, first, "x"),
			s.Replace(ctx, first, text("", "", 0))} {
			require.ErrorIs(t, err, store.ErrStale)
		}
		assert.Empty(t, claim(t, s, c, 1))
		require.NoError(t, s.Retry(ctx, second, c.now(), "45009"))
		third := claim(t, s, c, 1)[0]
		assert.True(t, third.Resend, "what the first attempt did is still unknown")
		require.NoError(t, s.Sent(ctx, first, store.Receipt{MsgID: "late"}), "but that it was sent is believed")
		require.ErrorIs(t, s.Retry(ctx, third, c.now(), "x"), store.ErrStale)
		assert.Empty(t, claim(t, s, c, 1))
	})
}

// After a crash the one process on a SQLite file need not wait for its own old leases; on MariaDB others may hold them.
func TestResume(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			c := newClock()
			o := storetest.DSN(t, driver)
			o.Now = c.now
			s := opened(t, o)
			post(t, s, text("m", "a", 0))
			claim(t, s, c, 1)
			require.Empty(t, claim(t, s, c, 1))
			require.NoError(t, s.Resume(ctx))
			again := claim(t, s, c, 1)
			if driver == storetest.MariaDB {
				assert.Empty(t, again)
				return
			}
			require.Len(t, again, 1)
			assert.True(t, again[0].Resend, "the dead process may have sent it")
		})
	}
}

func TestRetryUnsureReplace(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		update := ledger.Message{Key: "m", To: "a", Priority: 1, Call: ledger.CallUpdate, Body: []byte("card"), Fallback: "收到"}
		post(t, s, update)
		x := claim(t, s, c, 1)[0]
		assert.Equal(t, update, x.Message)
		require.NoError(t, s.Retry(ctx, x, c.now(), "45009"))
		require.ErrorIs(t, s.Retry(ctx, x, c.now(), "45009"), store.ErrStale, "settled is settled")
		x = claim(t, s, c, 1)[0]
		assert.False(t, x.Resend, "it was refused")
		require.NoError(t, s.Unsure(ctx, x, c.now(), "timeout"))
		x = claim(t, s, c, 1)[0]
		assert.True(t, x.Resend)
		post(t, s, text("n", "a", 1))
		require.Error(t, s.Replace(ctx, x, ledger.Message{Text: "not rendered"}))
		require.NoError(t, s.Replace(ctx, x, ledger.Message{Call: ledger.CallSend, Body: []byte("text")}))
		x = claim(t, s, c, 1)[0]
		assert.Equal(t, ledger.Message{Key: "m", To: "a", Priority: 1, Call: ledger.CallSend, Body: []byte("text")}, x.Message, "in its old place")
		assert.False(t, x.Resend, "it is another message")
		assert.Equal(t, 4, x.Attempts)
	})
}

// WeCom drops what exceeds 30 a minute and 1,000 an hour for one member (wecom/90312): it waits here, alarms first.
func TestLimits(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		var ms []ledger.Message
		for i := range 1100 {
			ms = append(ms, text(fmt.Sprintf("%04d", i), "a", 2))
		}
		post(t, s, ms...)
		drain := func() (sent []string) {
			for {
				got := claim(t, s, c, 9)
				if len(got) == 0 {
					return sent
				}
				for _, x := range got {
					sent = append(sent, x.Message.Key)
					require.NoError(t, s.Sent(ctx, x, store.Receipt{}))
				}
			}
		}
		require.Len(t, drain(), 30)
		post(t, s, text("other", "b", 2), text("alarm", "a", 0),
			ledger.Message{Key: "photo", To: "a", Priority: 2, Call: ledger.CallFetch, Photo: "p"})
		assert.ElementsMatch(t, []string{"other", "photo"}, drain(), "the limit is one member's, and of messages")
		next, err := s.NextDue(ctx)
		require.NoError(t, err)
		wait := next.Sub(c.now())
		assert.GreaterOrEqual(t, wait, time.Minute)
		assert.Less(t, wait, time.Minute+5*time.Second)
		c.add(wait - time.Millisecond)
		require.Empty(t, drain())
		c.add(time.Millisecond)
		sent := drain()
		require.Len(t, sent, 30)
		assert.Equal(t, "alarm", sent[0])
		assert.Equal(t, "0030", sent[1])

		total := 60
		for range 60 {
			next, err := s.NextDue(ctx)
			require.NoError(t, err)
			if wait = next.Sub(c.now()); wait > 2*time.Minute {
				break
			}
			c.add(wait)
			total += len(drain())
		}
		assert.Equal(t, 1000, total, "within the hour")
		assert.Equal(t, start.Add(time.Hour+2*time.Second), c.now().Add(wait))
		c.add(wait)
		assert.Len(t, drain(), 30)
	})
}

func TestOperator(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		future := text("future", "c", 2)
		future.NotBefore = c.now().Add(time.Hour)
		post(t, s, text("alarm", "a", 0), text("dead", "b", 1), future)
		x := claim(t, s, c, 9)
		require.Equal(t, "alarm dead", keys(x))
		require.NoError(t, s.Retry(ctx, x[0], c.now().Add(time.Hour), "45009"))
		require.NoError(t, s.Dead(ctx, x[1], "60111 userid not found"))
		c.add(90 * time.Second)
		stats, err := s.OutboxStats(ctx)
		require.NoError(t, err)
		assert.Equal(t, store.OutboxStats{Waiting: 2, Dead: 1, OldestAlarm: 90 * time.Second, Oldest: 90 * time.Second}, stats)

		rows, err := s.Outbox(ctx, store.OutboxFilter{})
		require.NoError(t, err)
		require.Len(t, rows, 3)
		assert.Equal(t, store.OutboxRow{ID: rows[1].ID, Key: "dead", To: "b", Priority: 1, Call: ledger.CallSend, State: store.StateDead,
			Attempts: 1, Reason: "60111 userid not found", At: start, DoneAt: start}, rows[1])
		assert.Equal(t, start.Add(time.Hour), rows[0].RetryAt)
		one, err := s.Outbox(ctx, store.OutboxFilter{To: "b", Key: "dead", Limit: 1})
		require.NoError(t, err)
		assert.Len(t, one, 1)
		_, err = s.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{"lost"}})
		require.Error(t, err)

		assert.Empty(t, claim(t, s, c, 9))
		for _, r := range rows {
			require.NoError(t, s.RetryNow(ctx, r.ID))
		}
		x = claim(t, s, c, 9)
		assert.Equal(t, "alarm dead future", keys(x))
		for _, x := range x {
			require.NoError(t, s.Sent(ctx, x, store.Receipt{MsgID: "id of " + x.Message.Key, ResponseCode: "code"}))
		}
		sent, err := s.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateSent}, Key: "dead"})
		require.NoError(t, err)
		assert.Equal(t, "id of dead", sent[0].MsgID)
		assert.Equal(t, "code", sent[0].ResponseCode)
		assert.Empty(t, sent[0].Reason)
		for _, id := range []int64{rows[0].ID, 4711} {
			require.ErrorIs(t, s.RetryNow(ctx, id), store.ErrUnknown)
			require.ErrorIs(t, s.Drop(ctx, id), store.ErrUnknown)
		}

		post(t, s, text("dropped", "a", 1))
		rows, err = s.Outbox(ctx, store.OutboxFilter{})
		require.NoError(t, err)
		require.NoError(t, s.Drop(ctx, rows[0].ID))
		require.ErrorIs(t, s.Drop(ctx, rows[0].ID), store.ErrUnknown)
		assert.Empty(t, claim(t, s, c, 9))
		require.NoError(t, s.RetryNow(ctx, rows[0].ID))
		assert.Equal(t, "dropped", keys(claim(t, s, c, 9)))
	})
}

// Two processes with four senders each share one outbox: every message goes once, and each recipient's in order.
func TestSendersOfTwoProcesses(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		stores := []*store.Store{opened(t, o), opened(t, o)}
		const recipients, each = 40, 10
		var mu sync.Mutex
		got := map[string][]string{}
		var wg sync.WaitGroup
		for r := range recipients {
			wg.Go(func() {
				for i := range each {
					to := fmt.Sprintf("u%d", r)
					assert.NoError(t, stores[r%2].Commit(ctx, store.Turn{Changes: ledger.Changes{Messages: []ledger.Message{text(fmt.Sprintf("%s/%d", to, i), to, 1)}}}))
				}
			})
		}
		deadline := time.Now().Add(30 * time.Second)
		total := 0
		for g := range 8 {
			wg.Go(func() {
				s := stores[g%2]
				for time.Now().Before(deadline) {
					claims, err := s.Claim(ctx, time.Now(), 1+rand.IntN(8), time.Minute)
					if !assert.NoError(t, err) {
						return
					}
					mu.Lock()
					for _, c := range claims {
						assert.False(t, c.Resend)
						got[c.Message.To] = append(got[c.Message.To], c.Message.Key)
						total++
					}
					done := total >= recipients*each
					mu.Unlock()
					for _, c := range claims {
						assert.NoError(t, s.Sent(ctx, c, store.Receipt{}))
					}
					if done {
						return
					}
				}
			})
		}
		wg.Wait()
		require.Equal(t, recipients*each, total)
		for to, keys := range got {
			for i, k := range keys {
				assert.Equal(t, fmt.Sprintf("%s/%d", to, i), k)
			}
		}
	})
}

// model is the outbox as the rules say it, in the plainest form.
type model struct {
	now      time.Time
	messages []*modelMessage // in the order they were enqueued
	sends    map[string][]time.Time
}

type modelMessage struct {
	ledger.Message
	state    store.OutboxState
	retryAt  time.Time
	lease    time.Time // end of the last one not settled
	attempts int
	unsure   bool // an earlier attempt may have arrived
	inHand   bool
}

func (m *model) lane(x *modelMessage) string {
	switch x.Call {
	case ledger.CallFetch:
		return "photos of " + x.To
	case ledger.CallHeard:
		return "calls of " + x.To
	}
	return x.To
}

// claimable are the messages that may go at a moment, one at most for a lane.
func (m *model) claimable(at time.Time) []*modelMessage {
	busy := map[string]bool{}
	for _, x := range m.messages {
		if x.lease.After(at) {
			busy[m.lane(x)] = true
		}
	}
	for lane, sends := range m.sends {
		minute, hour := 0, 0
		for _, t := range sends {
			if t.Add(62 * time.Second).After(at) {
				minute++
			}
			if t.Add(time.Hour + 2*time.Second).After(at) {
				hour++
			}
		}
		if minute >= 30 || hour >= 1000 {
			busy[lane] = true
		}
	}
	var out []*modelMessage
	for p := ledger.PriorityAlarm; p <= ledger.PriorityReminder; p++ {
		for _, x := range m.messages {
			if x.Priority != p || x.state != store.StateWaiting || busy[m.lane(x)] || x.NotBefore.After(at) || m.expired(x, at) {
				continue
			}
			if x.retryAt.After(at) {
				if !slices.ContainsFunc(out, func(y *modelMessage) bool { return m.lane(x) == m.lane(y) }) {
					// It holds back the rest of its priority.
					out = append(out, &modelMessage{Message: ledger.Message{To: x.To, Call: x.Call, Priority: p}, state: "blocked"})
				}
				continue
			}
			if !slices.ContainsFunc(out, func(y *modelMessage) bool { return m.lane(x) == m.lane(y) }) {
				out = append(out, x)
				busy[m.lane(x)] = true
			}
		}
		out = slices.DeleteFunc(out, func(x *modelMessage) bool { return x.state == "blocked" })
	}
	return out
}

func (m *model) expired(x *modelMessage, at time.Time) bool {
	return !x.Expires.IsZero() && !x.Expires.After(at)
}

// earliest is when something may be claimed, looking at every moment at which anything changes.
func (m *model) earliest() time.Time {
	moments := []time.Time{m.now}
	for _, x := range m.messages {
		if x.state == store.StateWaiting {
			moments = append(moments, x.NotBefore, x.retryAt, x.Expires)
		}
		moments = append(moments, x.lease)
	}
	for _, sends := range m.sends {
		for _, t := range sends {
			moments = append(moments, t.Add(62*time.Second), t.Add(time.Hour+2*time.Second))
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	for _, at := range moments {
		if !at.Before(m.now) && len(m.claimable(at)) > 0 {
			return at
		}
	}
	return time.Time{}
}

func TestOutboxAgainstItsRules(t *testing.T) {
	// A quarter of rapid's usual hundred: each check is some hundred transactions. -rapid.checks asks for more.
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		require.NoError(t, flag.Set("rapid.checks", "25"))
	}
	eachOptions(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Now = c.now
		s := opened(t, o)
		db := raw(t, o)
		round := 0
		rapid.Check(t, func(rt *rapid.T) {
			round++
			for _, table := range []string{"outbox", "lanes"} {
				if _, err := db.Exec("DELETE FROM " + table); err != nil {
					rt.Fatal(err)
				}
			}
			m := &model{now: c.now(), sends: map[string][]time.Time{}}
			type held struct {
				claim store.Claim
				x     *modelMessage
			}
			var hands []held
			bursts := 0
			seconds := func(label string, n int) time.Duration {
				return time.Duration(rapid.IntRange(1, n).Draw(rt, label)) * time.Second
			}
			ok := func(err error) {
				rt.Helper()
				if err != nil {
					rt.Fatal(err)
				}
			}
			enqueue := func(msgs ...ledger.Message) {
				ok(s.Commit(ctx, store.Turn{Changes: ledger.Changes{Messages: msgs}}))
				for _, msg := range msgs {
					m.messages = append(m.messages, &modelMessage{Message: msg, state: store.StateWaiting})
				}
			}
			take := func(n int, lease time.Duration) {
				want := m.claimable(m.now)
				got, err := s.Claim(ctx, m.now, n, lease)
				ok(err)
				if len(got) != min(n, len(want)) {
					rt.Fatalf("claimed %s, may claim %d of %d", keys(got), n, len(want))
				}
				for i, g := range got {
					if g.Message.Priority != want[i].Priority {
						rt.Fatalf("claim %d has priority %d, should have %d", i, g.Message.Priority, want[i].Priority)
					}
					j := slices.IndexFunc(want, func(x *modelMessage) bool { return x.Key == g.Message.Key })
					if j < 0 {
						rt.Fatalf("claimed %s out of turn", g.Message.Key)
					}
					x := want[j]
					resend := x.unsure || x.inHand
					x.attempts++
					if g.Attempts != x.attempts || g.Resend != resend || string(g.Message.Body) != string(x.Body) || g.Message.Call != x.Call {
						rt.Fatalf("claimed %+v of %+v", g, x)
					}
					x.unsure, x.inHand, x.lease = resend, true, m.now.Add(lease)
					if m.lane(x) == x.To {
						m.sends[x.To] = append(m.sends[x.To], m.now)
					}
					hands = append(hands, held{g, x})
				}
				next, err := s.NextDue(ctx)
				ok(err)
				if len(got) < n && !next.IsZero() && !next.After(m.now) {
					rt.Fatalf("nothing left to claim, yet due at %v, now %v", next, m.now)
				}
				if early := m.earliest(); !early.IsZero() && (next.IsZero() || next.After(early)) {
					rt.Fatalf("due at %v, should be looked at by %v", next, early)
				}
			}
			settle := func(h held, how int, at time.Time) {
				x := h.x
				valid := x.state == store.StateWaiting && x.inHand && x.attempts == h.claim.Attempts
				if x.attempts == h.claim.Attempts {
					x.lease = time.Time{}
				}
				var err error
				var then func()
				switch how {
				case 0:
					ok(s.Sent(ctx, h.claim, store.Receipt{MsgID: "m"}))
					x.state, x.inHand, x.unsure = store.StateSent, false, false
					return
				case 1:
					err = s.Retry(ctx, h.claim, at, "refused")
					then = func() { x.retryAt, x.inHand = at, false }
				case 2:
					err = s.Unsure(ctx, h.claim, at, "timeout")
					then = func() { x.retryAt, x.inHand, x.unsure = at, false, true }
				case 3:
					err = s.Dead(ctx, h.claim, "gone")
					then = func() { x.state, x.inHand = store.StateDead, false }
				case 4:
					body := fmt.Appendf(nil, "instead of %s, %d", x.Key, x.attempts)
					err = s.Replace(ctx, h.claim, ledger.Message{Call: x.Call, Body: body})
					then = func() { x.retryAt, x.inHand, x.unsure, x.Body = time.Time{}, false, false, body }
				}
				// Whether an expired message still waits depends on whether anybody has looked since.
				if err != nil && err != store.ErrStale || valid != (err == nil) && !m.expired(x, m.now) {
					rt.Fatalf("settling %s (%d): %v, valid %v", x.Key, how, err, valid)
				}
				if err == nil {
					then()
				}
			}
			rt.Repeat(map[string]func(*rapid.T){
				"enqueue": func(rt *rapid.T) {
					msg := text(fmt.Sprintf("%d/%d", round, len(m.messages)), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "to"),
						ledger.Priority(rapid.IntRange(0, 2).Draw(rt, "priority")))
					msg.Call = rapid.SampledFrom([]ledger.Call{ledger.CallSend, ledger.CallSend, ledger.CallVoice, ledger.CallUpdate, ledger.CallFetch, ledger.CallHeard}).Draw(rt, "call")
					if rapid.IntRange(0, 3).Draw(rt, "later") == 0 {
						msg.NotBefore = m.now.Add(seconds("notBefore", 120))
					}
					if rapid.IntRange(0, 3).Draw(rt, "expires") == 0 {
						msg.Expires = m.now.Add(seconds("expiresIn", 240))
					}
					enqueue(msg)
				},
				"enqueue again": func(rt *rapid.T) {
					if len(m.messages) == 0 {
						return // nothing to do it to
					}
					msg := rapid.SampledFrom(m.messages).Draw(rt, "message").Message
					msg.Body = []byte("again")
					ok(s.Commit(ctx, store.Turn{Changes: ledger.Changes{Messages: []ledger.Message{msg}}}))
				},
				"claim": func(rt *rapid.T) { take(rapid.IntRange(1, 5).Draw(rt, "n"), seconds("lease", 60)) },
				"settle": func(rt *rapid.T) {
					if len(hands) == 0 {
						return // nothing to do it to
					}
					i := rapid.IntRange(0, len(hands)-1).Draw(rt, "hand")
					settle(hands[i], rapid.IntRange(0, 4).Draw(rt, "how"), m.now.Add(seconds("retry", 90)))
					if rapid.Bool().Draw(rt, "forget") {
						hands = slices.Delete(hands, i, i+1)
					}
				},
				"burst": func(rt *rapid.T) {
					if bursts++; bursts > 2 {
						return // nothing to do it to
					}
					var msgs []ledger.Message
					for i := range rapid.IntRange(25, 40).Draw(rt, "n") {
						msgs = append(msgs, text(fmt.Sprintf("%d/%d", round, len(m.messages)+i), "a", 1))
					}
					enqueue(msgs...)
					for range 32 {
						before := len(hands)
						take(3, time.Minute)
						for _, h := range hands[before:] {
							settle(h, 0, time.Time{})
						}
						hands = hands[:before]
					}
				},
				"operator": func(rt *rapid.T) {
					if len(m.messages) == 0 {
						return // nothing to do it to
					}
					x := rapid.SampledFrom(m.messages).Draw(rt, "message")
					rows, err := s.Outbox(ctx, store.OutboxFilter{Key: x.Key, States: []store.OutboxState{
						store.StateWaiting, store.StateSent, store.StateDead, store.StateExpired, store.StateDropped}})
					ok(err)
					if rapid.Bool().Draw(rt, "drop") {
						err := s.Drop(ctx, rows[0].ID)
						gone := m.expired(x, m.now) // whether it still counts as waiting depends on who has looked
						if may := x.state == store.StateWaiting || x.state == store.StateDead; may != (err == nil) && !gone {
							rt.Fatalf("drop %s: %v", x.state, err)
						}
						if err == nil {
							x.state = "dropped"
						}
						return
					}
					err = s.RetryNow(ctx, rows[0].ID)
					if (x.state == store.StateSent) == (err == nil) {
						rt.Fatalf("retry %s: %v", x.state, err)
					}
					if err == nil {
						if m.expired(x, m.now) {
							x.Expires = time.Time{}
						}
						x.state, x.NotBefore, x.retryAt = store.StateWaiting, time.Time{}, m.now
					}
				},
				"wait": func(rt *rapid.T) {
					d := seconds("seconds", 90)
					c.add(d)
					m.now = c.now()
				},
				"": func(rt *rapid.T) {},
			})
			c.add(2 * time.Hour)
		})
	})
}

// A turn takes back what need not be said any more: what waits, whatever it waits for. What a sender has in hand, what was
// sent or given up stays.
func TestTurnDropsWhatWaits(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		later := text("later", "u3", ledger.PriorityReminder)
		later.NotBefore = c.now().Add(time.Hour)
		post(t, s, text("sent", "u1", 1), text("inhand", "u2", 1), text("retried", "u4", 1), text("unsure", "u5", 1), text("dead", "u6", 1), later)
		held := map[string]store.Claim{}
		for _, cl := range claim(t, s, c, 10) {
			held[cl.Message.Key] = cl
		}
		require.NoError(t, s.Sent(ctx, held["sent"], store.Receipt{MsgID: "x"}))
		require.NoError(t, s.Retry(ctx, held["retried"], c.now().Add(time.Hour), "45009"))
		require.NoError(t, s.Unsure(ctx, held["unsure"], c.now().Add(time.Hour), "time-out"))
		require.NoError(t, s.Dead(ctx, held["dead"], "81013"))
		post(t, s, text("behind", "u4", 1), text("kept", "u7", 1))
		states := func() map[string]store.OutboxState {
			out := map[string]store.OutboxState{}
			for _, row := range outboxOf(t, s) {
				out[row.Key] = row.State
			}
			return out
		}
		want := states()
		drop := []string{"sent", "inhand", "retried", "unsure", "dead", "later", "nothing"}
		stale := store.Turn{User: "u", Revision: 7, Changes: ledger.Changes{Drop: drop}}
		require.ErrorIs(t, s.Commit(ctx, stale), store.ErrStale)
		assert.Equal(t, want, states(), "a stale turn drops nothing")

		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Drop: drop, Messages: []ledger.Message{text("instead", "u3", 1), text("retried", "u4", 1)}}}))
		want["retried"], want["unsure"], want["later"] = store.StateDropped, store.StateDropped, store.StateDropped
		want["instead"] = store.StateWaiting
		assert.Equal(t, want, states())
		c.add(time.Second)
		got := claim(t, s, c, 10)
		assert.ElementsMatch(t, []string{"behind", "kept", "instead"}, strings.Fields(keys(got)), "what stood behind a dropped one goes at once")
		for _, cl := range append(got, held["inhand"]) {
			require.NoError(t, s.Sent(ctx, cl, store.Receipt{}))
		}
		c.add(2 * time.Hour)
		assert.Empty(t, claim(t, s, c, 10))
		next, err := s.NextDue(ctx)
		require.NoError(t, err)
		assert.Zero(t, next)
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Drop: drop}}), "a second time")
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Drop: []string{"nothing"}}}))
	})
}

// Senders and turns that drop race over the same messages: each is sent or dropped, never both.
func TestDroppedIsNotSent(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		stores := []*store.Store{opened(t, o), opened(t, o)}
		for round := range 5 {
			var ms []ledger.Message
			for i := range 40 {
				ms = append(ms, text(fmt.Sprintf("%d/%d", round, i), fmt.Sprintf("%d/u%d", round, i), 1))
			}
			post(t, stores[0], ms...)
			var mu sync.Mutex
			claimed := map[string]store.Claim{}
			var wg sync.WaitGroup
			for g := range 2 {
				wg.Go(func() {
					for range 4 {
						got, err := stores[g].Claim(ctx, time.Now(), 5, time.Minute)
						assert.NoError(t, err)
						mu.Lock()
						for _, cl := range got {
							claimed[cl.Message.Key] = cl
						}
						mu.Unlock()
					}
				})
				wg.Go(func() {
					for i := range 40 {
						if err := stores[1-g].Commit(ctx, store.Turn{Changes: ledger.Changes{Drop: []string{fmt.Sprintf("%d/%d", round, 39-i)}}}); err != nil {
							assert.NoError(t, err)
						}
					}
				})
			}
			wg.Wait()
			rows, err := stores[0].Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateDropped, store.StateWaiting}})
			require.NoError(t, err)
			for _, row := range rows {
				if !strings.HasPrefix(row.Key, fmt.Sprint(round, "/")) {
					continue
				}
				_, mine := claimed[row.Key]
				assert.Equal(t, row.State == store.StateWaiting, mine, row.Key)
			}
			for _, cl := range claimed {
				assert.NoError(t, stores[0].Sent(ctx, cl, store.Receipt{}))
			}
		}
	})
}
