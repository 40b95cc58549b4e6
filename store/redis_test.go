package store_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"xunfang/store"
	"xunfang/store/storetest"
)

// woken waits until a poke of a kind comes.
func woken(t *testing.T, s *store.Store, what string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case got := <-s.Woken():
			if got == what {
				return
			}
		case <-deadline:
			t.Fatalf("nobody woke for the %s", what)
		}
	}
}

func TestWakeWithoutRedis(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		later := text("later", "u", 2)
		later.NotBefore = time.Now().Add(time.Hour)
		post(t, s, later)
		select {
		case what := <-s.Woken():
			t.Fatalf("woke for the %s though nothing is due", what)
		case <-time.After(20 * time.Millisecond):
		}
		// Nobody listens: pokes must neither block nor be lost.
		for range 100 {
			s.Wake(store.WakeOutbox)
		}
		require.NoError(t, s.Receive(ctx, store.Inbound{Key: "k", User: "u"}))
		woken(t, s, store.WakeInbox)
		post(t, s, text("now", "u", 2))
		woken(t, s, store.WakeOutbox)
	})
}

func TestWakeAnotherProcess(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		o.Redis = storetest.Redis(t)
		channel := fmt.Sprintf("xunfang:wake:%d", o.Redis.Options().DB)
		a, b := opened(t, o), opened(t, o)
		require.Eventually(t, func() bool {
			n, err := o.Redis.PubSubNumSub(ctx, channel).Result()
			return err == nil && n[channel] == 2
		}, 10*time.Second, 5*time.Millisecond)
		post(t, a, text("m", "u", 1))
		woken(t, b, store.WakeOutbox)
	})
}

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Redis goes in the middle and comes back: work goes on, one line says so each time.
func TestRedisGone(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		server := miniredis.RunT(t)
		client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, DialTimeout: 200 * time.Millisecond})
		defer client.Close()
		var log syncBuffer
		o.Redis, o.Log = client, slog.New(slog.NewTextHandler(&log, nil))
		s := opened(t, o)
		tokens := s.Tokens("app")
		until := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
		require.NoError(t, tokens.Put(ctx, "geheim1", until))
		post(t, s, text("before", "a", 1))

		server.Close()
		for i := range 3 {
			post(t, s, text("during"+string(rune('a'+i)), "b", 1))
			woken(t, s, store.WakeOutbox)
			token, end, err := tokens.Get(ctx)
			require.NoError(t, err)
			assert.Equal(t, "geheim1", token, "this process remembers")
			assert.Equal(t, until, end)
		}
		unlock, err := tokens.Lock(ctx)
		require.NoError(t, err)
		require.NoError(t, tokens.Put(ctx, "geheim2", until))
		unlock()
		claims, err := s.Claim(ctx, time.Now(), 10, time.Minute)
		require.NoError(t, err)
		assert.Len(t, claims, 2)

		require.NoError(t, server.Restart())
		require.Eventually(t, func() bool {
			require.NoError(t, tokens.Put(ctx, "geheim3", until))
			return strings.Contains(log.String(), "Redis is back")
		}, 10*time.Second, 10*time.Millisecond)
		token, _, err := tokens.Get(ctx)
		require.NoError(t, err)
		assert.Equal(t, "geheim3", token)
		assert.Equal(t, 1, strings.Count(log.String(), "Redis is gone"), log.String())
		assert.NotContains(t, log.String(), "geheim")
	})
}

func TestTokens(t *testing.T) {
	o := storetest.DSN(t, storetest.SQLite)
	o.Redis = storetest.Redis(t)
	shared := []*store.Tokens{opened(t, o).Tokens("a"), opened(t, o).Tokens("a")}
	alone := opened(t, storetest.DSN(t, storetest.SQLite))
	for name, pair := range map[string][]*store.Tokens{"redis": shared, "one process": {alone.Tokens("a"), alone.Tokens("a")}} {
		t.Run(name, func(t *testing.T) {
			a, b := pair[0], pair[1]
			token, _, err := b.Get(ctx)
			require.NoError(t, err)
			assert.Empty(t, token)
			until := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
			require.NoError(t, a.Put(ctx, "one two", until))
			token, end, err := b.Get(ctx)
			require.NoError(t, err)
			assert.Equal(t, "one two", token)
			assert.Equal(t, until, end)
			require.NoError(t, b.Clear(ctx, "older"))
			token, _, err = a.Get(ctx)
			require.NoError(t, err)
			assert.Equal(t, "one two", token, "only the token that was refused is forgotten")
			require.NoError(t, b.Clear(ctx, "one two"))
			token, _, err = a.Get(ctx)
			require.NoError(t, err)
			assert.Empty(t, token)

			var inside, most atomic.Int32
			var wg sync.WaitGroup
			for g := range 10 {
				wg.Go(func() {
					unlock, err := pair[g%2].Lock(ctx)
					if !assert.NoError(t, err) {
						return
					}
					most.Store(max(most.Load(), inside.Add(1)))
					inside.Add(-1)
					unlock()
				})
			}
			wg.Wait()
			assert.EqualValues(t, 1, most.Load())

			unlock, err := a.Lock(ctx)
			require.NoError(t, err)
			short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			_, err = b.Lock(short)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			unlock()
			unlock, err = b.Lock(ctx)
			require.NoError(t, err)
			unlock()
		})
	}
	other, _, err := alone.Tokens("b").Get(ctx)
	require.NoError(t, err)
	assert.Empty(t, other)
}
