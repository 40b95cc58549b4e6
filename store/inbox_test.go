package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"xunfang/store"
	"xunfang/store/storetest"
)

func TestReceive(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		body := []byte("<xml>😀\x00'\\\"</xml>")
		require.NoError(t, s.Receive(ctx, store.Inbound{Key: "m|zhang|1", User: "zhang", Raw: body, At: start}))
		require.ErrorIs(t, s.Receive(ctx, store.Inbound{Key: "m|zhang|1", User: "zhang", Raw: []byte("other")}), store.ErrDuplicate)
		require.NoError(t, s.Receive(ctx, store.Inbound{Key: "M|zhang|1", User: "zhang", At: start.Add(time.Second)}), "keys are bytes")
		require.NoError(t, s.Receive(ctx, store.Inbound{Key: "m|li|1", User: "li", At: start}))

		in, err := s.Pending(ctx, "zhang", 10)
		require.NoError(t, err)
		require.Len(t, in, 2)
		assert.Equal(t, store.Inbound{ID: in[0].ID, Key: "m|zhang|1", User: "zhang", Raw: body, At: start}, in[0])
		assert.Equal(t, "M|zhang|1", in[1].Key)
		in, err = s.Pending(ctx, "zhang", 1)
		require.NoError(t, err)
		assert.Len(t, in, 1)

		users, err := s.Backlog(ctx, 10)
		require.NoError(t, err)
		assert.Equal(t, []string{"zhang", "li"}, users)
		users, err = s.Backlog(ctx, 1)
		require.NoError(t, err)
		assert.Equal(t, []string{"zhang"}, users)
	})
}

func TestReceiveRefuses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, in := range []store.Inbound{{User: "u"}, {Key: "k"}, {Key: strings.Repeat("k", 192), User: "u"}} {
			require.Error(t, s.Receive(ctx, in))
		}
		gone, cancel := context.WithCancel(ctx)
		cancel()
		require.ErrorIs(t, s.Receive(gone, store.Inbound{Key: "k", User: "u"}), context.Canceled)
		users, err := s.Backlog(ctx, 10)
		require.NoError(t, err)
		assert.Empty(t, users)
	})
}

// Sixty-four redeliveries of eight messages at once, so that batches hold the same key twice and old beside new.
func TestReceiveTogether(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		opened(t, o)
		o.FlushDelay = time.Millisecond
		s := storetest.OpenWith(t, o)
		for round := range 5 {
			var news atomic.Int32
			var wg sync.WaitGroup
			for g := range 64 {
				wg.Go(func() {
					err := s.Receive(ctx, store.Inbound{Key: fmt.Sprintf("%d-%d", round, g%8), User: "u"})
					if err == nil {
						news.Add(1)
					} else {
						assert.ErrorIs(t, err, store.ErrDuplicate)
					}
				})
			}
			wg.Wait()
			assert.EqualValues(t, 8, news.Load())
		}
		in, err := s.Pending(ctx, "u", 1000)
		require.NoError(t, err)
		assert.Len(t, in, 40)
	})
}

func TestBuryAndFailed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, k := range []string{"a", "b"} {
			require.NoError(t, s.Receive(ctx, store.Inbound{Key: k, User: "u"}))
		}
		in, err := s.Pending(ctx, "u", 10)
		require.NoError(t, err)
		for want := 1; want <= 2; want++ {
			require.NoError(t, s.Failed(ctx, in[0].ID, strings.Repeat("坏", 300)))
			again, err := s.Pending(ctx, "u", 1)
			require.NoError(t, err)
			assert.Equal(t, want, again[0].Tries)
		}
		require.NoError(t, s.Bury(ctx, in[0].ID, "not XML"))
		require.ErrorIs(t, s.Bury(ctx, in[0].ID, "again"), store.ErrUnknown)
		require.ErrorIs(t, s.Failed(ctx, in[0].ID, "again"), store.ErrUnknown)
		require.ErrorIs(t, s.Receive(ctx, store.Inbound{Key: "a", User: "u"}), store.ErrDuplicate, "a buried message is kept")
		in, err = s.Pending(ctx, "u", 10)
		require.NoError(t, err)
		require.Len(t, in, 1)
		assert.Equal(t, "b", in[0].Key)
	})
}

// Several users' receipts from several processes: each user's own are in the order in which they were received.
func TestPendingKeepsTheOrderOfReceipt(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		stores := []*store.Store{opened(t, o), opened(t, o)}
		var wg sync.WaitGroup
		for u := range 8 {
			wg.Go(func() {
				for i := range 20 {
					assert.NoError(t, stores[i%2].Receive(ctx, store.Inbound{Key: fmt.Sprintf("%d-%02d", u, i), User: fmt.Sprint(u)}))
				}
			})
		}
		wg.Wait()
		for u := range 8 {
			in, err := stores[0].Pending(ctx, fmt.Sprint(u), 100)
			require.NoError(t, err)
			require.Len(t, in, 20)
			for i, x := range in {
				assert.Equal(t, fmt.Sprintf("%d-%02d", u, i), x.Key)
			}
		}
	})
}

func TestPurge(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		now := start
		o.Now = func() time.Time { return now }
		s := opened(t, o)
		old, young := start.Add(-store.Redelivery-time.Hour), start.Add(-time.Hour)
		for _, in := range []store.Inbound{{Key: "old", At: old}, {Key: "young", At: young}, {Key: "waiting", At: old}, {Key: "buried", At: old}, {Key: "last", At: old}} {
			in.User = in.Key
			require.NoError(t, s.Receive(ctx, in))
			p, err := s.Pending(ctx, in.User, 1)
			require.NoError(t, err)
			switch in.Key {
			case "waiting":
			case "buried":
				require.NoError(t, s.Bury(ctx, p[0].ID, "x"))
			default:
				require.NoError(t, s.Commit(ctx, store.Turn{User: in.User, Inbound: []int64{p[0].ID}}))
			}
		}
		post(t, s, text("sent", "a", 1), text("dead", "b", 1), text("waits", "c", 1), text("last", "d", 1))
		claims, err := s.Claim(ctx, now, 10, time.Minute)
		require.NoError(t, err)
		for _, c := range claims {
			switch c.Message.Key {
			case "sent", "last":
				require.NoError(t, s.Sent(ctx, c, store.Receipt{}))
			case "dead":
				require.NoError(t, s.Dead(ctx, c, "x"))
			}
		}
		n, err := s.Purge(ctx, start)
		require.NoError(t, err)
		assert.Equal(t, 1, n, "settled just now is not before now")
		now = now.Add(time.Hour)
		n, err = s.Purge(ctx, now)
		require.NoError(t, err)
		assert.Equal(t, 1, n)
		for key, gone := range map[string]bool{"old": true, "young": false, "waiting": false, "buried": false, "last": false} {
			err := s.Receive(ctx, store.Inbound{Key: key, User: "x"})
			assert.Equal(t, gone, err == nil, key)
			assert.Equal(t, !gone, errors.Is(err, store.ErrDuplicate), key)
		}
		rows, err := s.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateSent, store.StateDead, store.StateWaiting}})
		require.NoError(t, err)
		var left []string
		for _, r := range rows {
			left = append(left, r.Key+" "+string(r.State))
		}
		assert.Equal(t, []string{"dead dead", "waits waiting", "last sent"}, left)
	})
}
