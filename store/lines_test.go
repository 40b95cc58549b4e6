package store_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// kfLine is a thread's open line, of an invented relative who wrote last at a moment.
func kfLine(user string, heard time.Time) ledger.Line {
	return ledger.Line{User: user, Channel: ledger.ChannelKf, Account: "wk1", Address: "wm-" + user, State: ledger.LineOpen, Heard: heard, At: start}
}

func put(t require.TestingT, s *store.Store, lines ...ledger.Line) {
	require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Lines: lines}}))
}

func lineOf(t require.TestingT, s *store.Store, user string) ledger.Line {
	lines, err := s.LinesOf(ctx, user)
	require.NoError(t, err)
	require.Len(t, lines, 1)
	return lines[0]
}

func TestLines(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := kfLine("kf:1", start.Add(3*time.Second))
		l.Nick = "远方"
		official := ledger.Line{User: "kf:1", Channel: ledger.ChannelOfficial, Account: "wx1", Address: "openid-1", State: ledger.LineOpen, At: start.Add(time.Millisecond)}
		put(t, s, l, official)
		lines, err := s.LinesOf(ctx, "kf:1", "kf:2")
		require.NoError(t, err)
		assert.Equal(t, []ledger.Line{l, official}, lines)
		by := func(channel ledger.Channel, account, address string) string {
			t.Helper()
			user, err := s.LineByAddress(ctx, channel, account, address)
			require.NoError(t, err)
			return user
		}
		assert.Equal(t, "kf:1", by(ledger.ChannelOfficial, "wx1", "openid-1"))
		for _, other := range [][3]string{{"official", "wx2", "openid-1"}, {"official", "wx1", "openid-2"}, {"mass", "wx1", "openid-1"}, {"official", "wx1", ""}} {
			assert.Empty(t, by(ledger.Channel(other[0]), other[1], other[2]), "%v", other)
		}

		// "" and zero leave what is there.
		put(t, s, ledger.Line{User: "kf:1", Channel: ledger.ChannelKf, Account: "wk1", State: ledger.LineOpen, Why: "x", At: start.Add(time.Minute)})
		l.Why, l.At = "x", start.Add(time.Minute)
		lines, err = s.LinesOf(ctx, "kf:1")
		require.NoError(t, err)
		assert.Equal(t, []ledger.Line{l, official}, lines)
	})
}

// A withdrawal deletes address and nick, and nobody is found by them any more; a line that WeCom calls dead keeps them.
func TestDeadLines(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := kfLine("kf:1", start)
		l.Nick = "远方"
		put(t, s, l)
		refused := l
		refused.State, refused.Why, refused.Nick, refused.Heard = ledger.LineDead, "拒收", "", start.Add(-time.Hour)
		put(t, s, refused)
		l.State, l.Why = ledger.LineDead, "拒收"
		assert.Equal(t, l, lineOf(t, s, "kf:1"), "an earlier word takes nothing back")
		user, err := s.LineByAddress(ctx, ledger.ChannelKf, "wk1", "wm-kf:1")
		require.NoError(t, err)
		assert.Equal(t, "kf:1", user)

		gone := ledger.Line{User: "kf:1", Channel: ledger.ChannelKf, Account: "wk1", State: ledger.LineDead, Why: "撤回", At: start.Add(time.Hour)}
		put(t, s, gone)
		gone.Heard = start
		assert.Equal(t, gone, lineOf(t, s, "kf:1"))
		user, err = s.LineByAddress(ctx, ledger.ChannelKf, "wk1", "wm-kf:1")
		require.NoError(t, err)
		assert.Empty(t, user)

		// The page that opened it is read again: what was withdrawn does not come back. Nor does an event bring it back.
		receiveKf := func(lines ...ledger.Line) {
			t.Helper()
			_, err := s.ReceiveKf(ctx, "wk1", "c", nil, lines)
			require.NoError(t, err)
		}
		receiveKf(kfLine("kf:1", start))
		receiveKf(kfLine("kf:1", start.Add(-time.Hour)), kfLine("kf:1", time.Time{}))
		assert.Equal(t, gone, lineOf(t, s, "kf:1"))
		again := kfLine("kf:1", start.Add(time.Second)) // a word from them does
		receiveKf(again)
		assert.Equal(t, again, lineOf(t, s, "kf:1"))
		event := kfLine("kf:1", time.Time{})
		event.Nick, event.Address = "归人", ""
		receiveKf(event)
		again.Nick = "归人"
		assert.Equal(t, again, lineOf(t, s, "kf:1"))
	})
}

// A page is kept whole, once, with the cursor behind it, however often and however overlapping it is read.
func TestReceiveKf(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		s, other := opened(t, o), opened(t, o)
		cursor, err := s.KfCursor(ctx, "wk1")
		require.NoError(t, err)
		assert.Empty(t, cursor)
		in := func(from, to int) (in []store.Inbound) {
			for i := from; i < to; i++ {
				in = append(in, store.Inbound{Key: fmt.Sprint("kf/", i), User: fmt.Sprint("kf:", i%2), Raw: fmt.Appendf(nil, `{"n":%d}`, i), At: start})
			}
			return in
		}
		page := func(s *store.Store, cursor string, from, to int) int {
			t.Helper()
			n, err := s.ReceiveKf(ctx, "wk1", cursor, in(from, to), []ledger.Line{kfLine("kf:0", start.Add(time.Duration(to)*time.Second)), kfLine("kf:1", start.Add(time.Duration(from)*time.Second))})
			require.NoError(t, err)
			return n
		}
		assert.Equal(t, 4, page(s, "a", 0, 4))
		woken(t, s, store.WakeInbox)
		assert.Equal(t, 0, page(s, "a", 0, 4))
		assert.Equal(t, 3, page(other, "b", 2, 7))
		assert.Equal(t, 0, page(s, "c", 7, 7), "an empty page moves the cursor, too")
		_, err = s.ReceiveKf(ctx, "wk1", "", nil, nil)
		require.NoError(t, err)
		_, err = s.ReceiveKf(ctx, "wk2", "z", in(0, 1), nil)
		require.NoError(t, err)
		cursor, err = other.KfCursor(ctx, "wk1")
		require.NoError(t, err)
		assert.Equal(t, "c", cursor)
		var got []string
		for _, user := range []string{"kf:0", "kf:1"} {
			pending, err := s.Pending(ctx, user, 100)
			require.NoError(t, err)
			for _, x := range pending {
				got = append(got, x.Key+string(x.Raw))
			}
		}
		assert.Equal(t, []string{`kf/0{"n":0}`, `kf/2{"n":2}`, `kf/4{"n":4}`, `kf/6{"n":6}`, `kf/1{"n":1}`, `kf/3{"n":3}`, `kf/5{"n":5}`}, got)
		assert.Equal(t, start.Add(7*time.Second), lineOf(t, s, "kf:0").Heard)

		// Nothing of a page that cannot be kept is there, its cursor least of all.
		for name, x := range map[string]struct {
			in   store.Inbound
			line ledger.Line
		}{
			"no key":            {store.Inbound{User: "kf:9"}, kfLine("kf:9", start)},
			"nobody's":          {store.Inbound{Key: "kf/9"}, kfLine("kf:9", start)},
			"a line of nobody":  {store.Inbound{Key: "kf/9", User: "kf:9"}, kfLine("", start)},
			"the database will": {store.Inbound{Key: "kf/9", User: strings.Repeat("u", 65)}, kfLine("kf:9", start)},
		} {
			if name == "the database will" && o.Driver == store.SQLite { // it takes texts of any length
				continue
			}
			_, err := s.ReceiveKf(ctx, "wk1", "wrong", append(in(20, 22), x.in), []ledger.Line{x.line})
			require.Error(t, err, name)
		}
		cursor, err = s.KfCursor(ctx, "wk1")
		require.NoError(t, err)
		assert.Equal(t, "c", cursor)
		assert.Equal(t, 2, page(s, "d", 20, 22))
		lines, err := s.LinesOf(ctx, "kf:9", "")
		require.NoError(t, err)
		assert.Empty(t, lines)
	})
}

// Two processes read overlapping pages at once: every message is kept once, and who is last in time is what was heard last.
func TestReceiveKfTogether(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		stores := []*store.Store{opened(t, o), opened(t, o)}
		var fresh atomic.Int32
		var wg sync.WaitGroup
		for w := range 6 {
			wg.Go(func() {
				for i := range 5 {
					var in []store.Inbound
					for n := 10 * i; n < 10*i+20; n++ {
						in = append(in, store.Inbound{Key: fmt.Sprint("kf/", n), User: "kf:1", Raw: []byte("x"), At: start})
					}
					n, err := stores[w%2].ReceiveKf(ctx, "wk1", fmt.Sprint(i), in, []ledger.Line{kfLine("kf:1", start.Add(time.Duration(10*i)*time.Second))})
					assert.NoError(t, err)
					fresh.Add(int32(n))
				}
			})
		}
		wg.Wait()
		assert.EqualValues(t, 60, fresh.Load())
		pending, err := stores[0].Pending(ctx, "kf:1", 1000)
		require.NoError(t, err)
		assert.Len(t, pending, 60)
		assert.Equal(t, start.Add(40*time.Second), lineOf(t, stores[1], "kf:1").Heard)
	})
}

// plainWindow is what the window is: every send that was granted, and the words between them.
type plainWindow struct {
	open  bool
	heard time.Time
	sends map[string]time.Time
}

func (m *plainWindow) room(now time.Time) int {
	if !m.open || m.heard.IsZero() || now.Sub(m.heard) >= ledger.KfLife {
		return 0
	}
	left := ledger.KfMost
	for _, at := range m.sends {
		if !at.Before(m.heard.Truncate(time.Second)) { // WeCom tells no finer
			left--
		}
	}
	return left
}

func (m *plainWindow) reserve(key string, now time.Time) bool {
	at, known := m.sends[key]
	left := m.room(now)
	switch {
	case !m.open || m.heard.IsZero() || now.Sub(m.heard) >= ledger.KfLife:
		return false
	case known && !at.Before(m.heard.Truncate(time.Second)):
		return true
	case left == 0:
		return false
	}
	if second := m.heard.Truncate(time.Second); now.Before(second) { // WeCom's clock is ahead
		now = second
	}
	m.sends[key] = now
	return true
}

// Words, sends, repeated sends, refusals and hours in any order: the database grants what the plain list grants.
func TestWindowIsAModels(t *testing.T) {
	checks(t, 40)
	eachOptions(t, func(t *testing.T, o store.Options) {
		s := opened(t, o)
		round := 0
		rapid.Check(t, func(rt *rapid.T) {
			round++
			user := fmt.Sprint("kf:", round)
			m := &plainWindow{sends: map[string]time.Time{}}
			now := start
			at := int64(0)
			key := func() string { return fmt.Sprintf("%d/%d", round, rapid.IntRange(0, 12).Draw(rt, "message")) }
			rt.Repeat(map[string]func(*rapid.T){
				"word": func(rt *rapid.T) {
					heard := now.Add(time.Duration(rapid.IntRange(-30, 20).Draw(rt, "skew")) * 100 * time.Millisecond)
					at++
					n, err := s.ReceiveKf(ctx, "wk1", "c", []store.Inbound{{Key: fmt.Sprintf("%d-%d", round, at), User: user, At: now}}, []ledger.Line{kfLine(user, heard)})
					require.NoError(rt, err)
					require.Equal(rt, 1, n)
					if heard.After(m.heard) {
						m.heard, m.open = heard, true
					}
				},
				"refused": func(rt *rapid.T) {
					dead := kfLine(user, time.Time{})
					dead.State = ledger.LineDead
					put(rt, s, dead)
					m.open = false
				},
				"send": func(rt *rapid.T) {
					k := key()
					want := m.reserve(k, now)
					got, err := s.ReserveKf(ctx, user, k, now)
					require.NoError(rt, err)
					require.Equal(rt, want, got)
				},
				"release": func(rt *rapid.T) {
					k := key()
					delete(m.sends, k)
					require.NoError(rt, s.ReleaseKf(ctx, k))
				},
				"time": func(rt *rapid.T) {
					now = now.Add(rapid.SampledFrom([]time.Duration{time.Millisecond, 400 * time.Millisecond, time.Second, time.Hour, ledger.KfLife - time.Second, ledger.KfLife}).Draw(rt, "later"))
				},
				"": func(rt *rapid.T) {
					left, err := s.KfRoom(ctx, user, now)
					require.NoError(rt, err)
					require.Equal(rt, max(0, m.room(now)), left)
				},
			})
		})
	})
}

// Fifty callers of two processes: five messages for a word, whoever asks, and none when its time is over.
func TestWindowOfManyCallers(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		stores := []*store.Store{opened(t, o), opened(t, o)}
		all := func(word string, now time.Time) (granted []string) {
			var mu sync.Mutex
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					key := fmt.Sprint(word, "/", i/2) // each is tried by two
					ok, err := stores[i%2].ReserveKf(ctx, "kf:1", key, now)
					assert.NoError(t, err)
					mu.Lock()
					defer mu.Unlock()
					if ok && !slices.Contains(granted, key) {
						granted = append(granted, key)
					}
				})
			}
			wg.Wait()
			return granted
		}
		assert.Empty(t, all("nobody wrote", start))
		for word := range 3 {
			heard := start.Add(time.Duration(word) * time.Hour)
			_, err := stores[word%2].ReceiveKf(ctx, "wk1", "c", nil, []ledger.Line{kfLine("kf:1", heard)})
			require.NoError(t, err)
			first := all(fmt.Sprint("w", word), heard.Add(time.Second))
			assert.Len(t, first, ledger.KfMost)
			assert.ElementsMatch(t, first, all(fmt.Sprint("w", word), heard.Add(time.Minute)), "they keep their places")
			assert.Empty(t, all("too many", heard.Add(ledger.KfLife-time.Millisecond)))
			assert.Empty(t, all(fmt.Sprint("w", word), heard.Add(ledger.KfLife)))
			require.NoError(t, stores[0].ReleaseKf(ctx, first[0]))
			assert.Len(t, all(fmt.Sprint("again", word), heard.Add(2*time.Minute)), 1)
			room, err := stores[1].KfRoom(ctx, "kf:1", heard.Add(3*time.Minute))
			require.NoError(t, err)
			assert.Zero(t, room)
		}
		none, err := stores[0].KfRoom(ctx, "kf:2", start)
		require.NoError(t, err)
		assert.Zero(t, none)
		_, err = stores[0].ReserveKf(ctx, "kf:1", "", start)
		require.Error(t, err)
	})
}

func TestGuesses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var all []ledger.Guess
		for i := range 5 {
			all = append(all, ledger.Guess{Key: fmt.Sprint("g", i), User: fmt.Sprint("kf:", i%2), Handle: "h1", At: start.Add(time.Duration(i) * time.Hour)})
		}
		for range 2 { // a turn run twice is one guess
			require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Guesses: all}}))
		}
		for _, x := range []struct {
			user, handle string
			since        time.Time
			mine, card   int
		}{{"kf:0", "h1", start, 3, 5}, {"kf:1", "h1", start.Add(time.Millisecond), 2, 4}, {"kf:1", "h2", start, 2, 0}, {"kf:9", "h1", start.Add(4 * time.Hour), 0, 1}} {
			mine, card, err := s.Guesses(ctx, x.user, x.handle, x.since)
			require.NoError(t, err)
			assert.Equal(t, [2]int{x.mine, x.card}, [2]int{mine, card}, "%+v", x)
		}
	})
}

// What was recalled is not there any more: neither the words nor the photo, whether a turn has handled it or not.
func TestForgetKf(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		for i := range 4 {
			_, err := s.ReceiveKf(ctx, "wk1", "c", []store.Inbound{{Key: fmt.Sprint("kf/", i), User: "kf:1", Raw: []byte("secret"), At: start}}, nil)
			require.NoError(t, err)
		}
		in, err := s.Pending(ctx, "kf:1", 10)
		require.NoError(t, err)
		photo := func(key string, state ledger.PhotoState, hash string) ledger.Photo {
			return ledger.Photo{Key: key, UserID: "kf:1", MediaID: "M", State: state, Hash: hash, Look: "l", At: start}
		}
		fetch := func(key string) ledger.Message {
			return ledger.Message{Key: "fetch/" + key, To: "kf:1", Priority: ledger.PriorityReply, Call: ledger.CallFetch, Photo: "photo/" + key, MediaID: "M"}
		}
		turn := store.Turn{User: "kf:1", Inbound: []int64{in[0].ID, in[1].ID, in[3].ID}, State: []byte("{}"), Changes: ledger.Changes{
			Photos:   []ledger.Photo{photo("photo/kf/0", ledger.PhotoStored, "h0"), photo("photo/kf/1", ledger.PhotoWanted, ""), photo("photo/kf/3", ledger.PhotoStored, "h3")},
			Messages: []ledger.Message{fetch("kf/1"), fetch("kf/3")}}}
		require.NoError(t, s.Commit(ctx, turn))
		for _, key := range []string{"kf/0", "kf/1", "kf/2", "kf/0"} { // WeCom may say so twice
			require.NoError(t, s.ForgetKf(ctx, key))
		}
		require.ErrorIs(t, s.ForgetKf(ctx, "kf/9"), store.ErrUnknown)

		pending, err := s.Pending(ctx, "kf:1", 10)
		require.NoError(t, err)
		assert.Empty(t, pending, "nobody answers what was recalled")
		late := store.Turn{User: "kf:1", Revision: 1, Inbound: []int64{in[2].ID}, State: []byte("x")}
		require.ErrorIs(t, s.Commit(ctx, late), store.ErrStale, "a turn under way is run again without it")
		n, err := s.ReceiveKf(ctx, "wk1", "c", []store.Inbound{{Key: "kf/2", User: "kf:1", Raw: []byte("secret"), At: start}}, nil)
		require.NoError(t, err)
		assert.Zero(t, n, "reading it again brings nothing back")
		assert.Equal(t, "fetch/kf/3", keys(claim(t, s, c, 10)))
		require.NoError(t, s.PhotoStored(ctx, "photo/kf/1", "h1", 9, "look"), "its download was under way")
		for key, state := range map[string]ledger.PhotoState{"photo/kf/0": ledger.PhotoExpired, "photo/kf/1": ledger.PhotoExpired, "photo/kf/3": ledger.PhotoStored} {
			p, err := s.Photo(ctx, key)
			require.NoError(t, err)
			assert.Equal(t, state, p.State, key)
			assert.Equal(t, state == ledger.PhotoStored, p.Look != "", key)
		}
		var gone []string
		for range 2 {
			_, err = s.Sweep(ctx, store.Keep{Messages: 30, Tray: 7, Photos: 730, Departed: 180, Looks: 1100}, today, false, func(hash string) error { gone = append(gone, hash); return nil })
			require.NoError(t, err)
		}
		assert.ElementsMatch(t, []string{"h0", "h1"}, gone, "the bytes go with the next housekeeping, once")
	})
}

// Nothing of a recalled message is left in the database.
func TestForgottenLiesNowhere(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		s := opened(t, o)
		_, err := s.ReceiveKf(ctx, "wk1", "c", []store.Inbound{{Key: "kf/0", User: "kf:1", Raw: []byte("secret"), At: start}}, nil)
		require.NoError(t, err)
		require.NoError(t, s.ForgetKf(ctx, "kf/0"))
		rows := selected(t, raw(t, o), "SELECT COALESCE(LENGTH(raw), 0), state FROM inbox WHERE dedupe = 'kf/0'")
		assert.Equal(t, [][]string{{"0", "1"}}, rows)
	})
}
