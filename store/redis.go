package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bsm/redislock"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// What somebody may be woken for.
const (
	WakeInbox  = "inbox"
	WakeOutbox = "outbox"
)

// wakeChannel names the Redis database, too: channels do not belong to one, and two counties may share a server.
const wakeChannel = "xunfang:wake:%d"

// go-redis prints every failed dial to stderr; redisHealth says it once.
func init() { logging.Disable() }

// wakes carries pokes: to this process through a channel that never fills, to others through Redis. A poke saves waiting
// for the next poll and nothing else, so that it may be lost.
type wakes struct {
	log     func(err error)
	me      string
	client  *redis.Client
	channel string
	mu      sync.Mutex
	waiting map[string]bool
	signal  chan struct{}
	out     chan string
	publish chan struct{}
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

func (w *wakes) start(s *Store) {
	ctx, cancel := context.WithCancel(context.Background())
	w.me, w.client, w.cancel = rand.Text(), s.o.Redis, cancel
	w.waiting, w.signal, w.out, w.publish = map[string]bool{}, make(chan struct{}, 1), make(chan string), make(chan struct{}, 1)
	w.log = s.redisHealth()
	if w.client != nil {
		w.channel = fmt.Sprintf(wakeChannel, w.client.Options().DB)
	}
	w.done.Go(func() { w.hand(ctx) })
	if w.client != nil {
		w.done.Go(func() { w.tell(ctx) })
		w.done.Go(func() { w.listen(ctx) })
	}
}

func (w *wakes) stop() {
	w.cancel()
	w.done.Wait()
}

// Wake pokes whoever waits for Woken, here and in other processes. Commit does so when rows are due at once.
func (s *Store) Wake(what string) {
	s.wakes.local(what)
	if s.wakes.client != nil && what == WakeOutbox { // who receives a message handles it; others find it by polling
		nudge(s.wakes.publish)
	}
}

// RedisUp says whether Redis answers; true where none is configured.
func (s *Store) RedisUp(ctx context.Context) bool {
	if s.o.Redis == nil {
		return true
	}
	within, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return s.o.Redis.Ping(within).Err() == nil
}

// Woken yields WakeInbox or WakeOutbox; several pokes of one kind may come as one.
func (s *Store) Woken() <-chan string { return s.wakes.out }

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (w *wakes) local(what string) {
	w.mu.Lock()
	w.waiting[what] = true
	w.mu.Unlock()
	nudge(w.signal)
}

// hand passes pokes on, each kind at most once however slow the receiver is.
func (w *wakes) hand(ctx context.Context) {
	for {
		select {
		case <-w.signal:
		case <-ctx.Done():
			return
		}
		for _, what := range []string{WakeOutbox, WakeInbox} {
			w.mu.Lock()
			due := w.waiting[what]
			delete(w.waiting, what)
			w.mu.Unlock()
			if !due {
				continue
			}
			select {
			case w.out <- what:
			case <-ctx.Done():
				return
			}
		}
	}
}

// tell publishes off the committer's path.
func (w *wakes) tell(ctx context.Context) {
	for {
		select {
		case <-w.publish:
		case <-ctx.Done():
			return
		}
		within, cancel := context.WithTimeout(ctx, time.Second)
		err := w.client.Publish(within, w.channel, w.me+" "+WakeOutbox).Err()
		cancel()
		if ctx.Err() == nil {
			w.log(err)
		}
	}
}

// listen hears the others, and keeps trying when Redis is gone.
func (w *wakes) listen(ctx context.Context) {
	sub := w.client.Subscribe(ctx, w.channel)
	defer context.AfterFunc(ctx, func() { sub.Close() })() // Receive does not end with its context, but with its connection
	for ctx.Err() == nil {
		got, err := sub.Receive(ctx) // reconnects and subscribes again
		if ctx.Err() != nil {
			return
		}
		w.log(err)
		if err != nil {
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
			continue
		}
		if m, ok := got.(*redis.Message); ok {
			if from, what, _ := strings.Cut(m.Payload, " "); from != w.me && (what == WakeOutbox || what == WakeInbox) {
				w.local(what)
			}
		}
	}
}

// redisHealth logs once when Redis goes and once when it is back.
func (s *Store) redisHealth() func(error) {
	var mu sync.Mutex
	gone := false
	return func(err error) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil && !gone:
			s.log.Warn("Redis is gone: other processes are found by polling, the WeCom token is kept in this process", "err", err)
		case err == nil && gone:
			s.log.Info("Redis is back")
		}
		gone = err != nil
	}
}

// Tokens keeps WeCom's access token of one application for all processes that share a Redis: WeCom hands out few a day and
// an instance of ours must not make another's invalid. Without Redis, or while it is gone, it keeps it in this process.
type Tokens struct {
	s   *Store
	app string
	own *ownToken
}

type localTokens struct {
	mu  sync.Mutex
	app map[string]*ownToken
}

type ownToken struct {
	lock  chan struct{}
	mu    sync.Mutex
	token string
	until time.Time
}

// Tokens of an application; the same ones for every call.
func (s *Store) Tokens(app string) *Tokens {
	s.local.mu.Lock()
	defer s.local.mu.Unlock()
	if s.local.app == nil {
		s.local.app = map[string]*ownToken{}
	}
	own := s.local.app[app]
	if own == nil {
		own = &ownToken{lock: make(chan struct{}, 1)}
		s.local.app[app] = own
	}
	return &Tokens{s: s, app: app, own: own}
}

func (t *Tokens) key() string { return "xunfang:token:" + t.app }

// redisWait is how long a token may wait for Redis before this process helps itself.
const redisWait = 2 * time.Second

// Get is the token and when it ends, or "" if there is none.
func (t *Tokens) Get(ctx context.Context) (token string, until time.Time, err error) {
	if c := t.s.o.Redis; c != nil {
		within, cancel := context.WithTimeout(ctx, redisWait)
		defer cancel()
		v, err := c.Get(within, t.key()).Result()
		switch {
		case err == nil:
			t.s.wakes.log(nil)
			ms, token, ok := strings.Cut(v, " ")
			if n, err := strconv.ParseInt(ms, 10, 64); ok && err == nil {
				return token, fromMoment(n), nil
			}
			return "", time.Time{}, nil // not ours to understand: fetch a new one
		case errors.Is(err, redis.Nil):
			t.s.wakes.log(nil)
			return "", time.Time{}, nil
		case ctx.Err() != nil:
			return "", time.Time{}, ctx.Err()
		}
		t.s.wakes.log(err)
	}
	t.own.mu.Lock()
	defer t.own.mu.Unlock()
	return t.own.token, t.own.until, nil
}

// Put keeps a token until it ends.
func (t *Tokens) Put(ctx context.Context, token string, until time.Time) error {
	t.own.mu.Lock()
	t.own.token, t.own.until = token, until
	t.own.mu.Unlock()
	c, left := t.s.o.Redis, until.Sub(t.s.now())
	if c == nil || left < time.Millisecond {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, redisWait)
	defer cancel()
	t.s.wakes.log(c.Set(within, t.key(), fmt.Sprintf("%d %s", moment(until), token), left).Err())
	return nil
}

// clearToken forgets a token unless somebody has put a newer one.
var clearToken = redis.NewScript(`local v = redis.call("GET", KEYS[1])
if v and string.match(v, " (.*)$") == ARGV[1] then return redis.call("DEL", KEYS[1]) end
return 0`)

// Clear forgets a token that WeCom refused; a newer one that somebody else has put stays.
func (t *Tokens) Clear(ctx context.Context, token string) error {
	t.own.mu.Lock()
	if t.own.token == token {
		t.own.token, t.own.until = "", time.Time{}
	}
	t.own.mu.Unlock()
	if c := t.s.o.Redis; c != nil {
		within, cancel := context.WithTimeout(ctx, redisWait)
		defer cancel()
		t.s.wakes.log(clearToken.Run(within, c, []string{t.key()}, token).Err())
	}
	return nil
}

// tokenLock outlives a gettoken request, and a process that died over one by not much.
const tokenLock = 15 * time.Second

// Lock waits until no other goroutine and no other process is fetching a token.
func (t *Tokens) Lock(ctx context.Context) (unlock func(), err error) {
	select {
	case t.own.lock <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	leave := func() { <-t.own.lock }
	c := t.s.o.Redis
	if c == nil {
		return leave, nil
	}
	l, err := redislock.New(c).Obtain(ctx, t.key()+":lock", tokenLock, &redislock.Options{RetryStrategy: redislock.LinearBackoff(20 * time.Millisecond)})
	switch {
	case err == nil:
		t.s.wakes.log(nil)
		return func() {
			within, cancel := context.WithTimeout(context.WithoutCancel(ctx), redisWait)
			defer cancel()
			// A lock that ran out meanwhile is nobody's loss: at worst two processes fetched a token.
			if err := l.Release(within); !errors.Is(err, redislock.ErrLockNotHeld) {
				t.s.wakes.log(err)
			}
			leave()
		}, nil
	case ctx.Err() != nil:
		leave()
		return nil, ctx.Err()
	}
	t.s.wakes.log(err)
	return leave, nil
}
