// Package remote is what the clients of other people's APIs (bot/wecom, bot/official, bot/sms) do alike: one access token for
// all who wait, and a call that got no answer put into words that quote nobody.
package remote

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

const (
	// barred is the pause after a refusal: WeCom bars an address that repeats a wrong secret for an hour (wecom/90312), and a
	// wrong secret does not mend itself.
	barred = time.Minute
	// fetchTime bounds a fetch, whose first caller may have gone.
	fetchTime = 10 * time.Second
)

// Tokens is a process's own copy of an access token and the one fetch that may be under way. Now, Fetch and Bars are set
// before its first use.
type Tokens struct {
	Now func() time.Time
	// Fetch brings a token and says until when to use it. refused is the last one that the other side did not take, "" none.
	// Only one Fetch runs at a time.
	Fetch func(ctx context.Context, refused string) (token string, expiry time.Time, err error)
	// Bars says that a failed fetch will not succeed by being repeated at once.
	Bars func(err error) bool

	mu       sync.Mutex
	token    string
	expiry   time.Time
	refused  string
	fetching *fetch    // nil: nobody fetches
	until    time.Time // after a refusal, none is asked for before this
	refusal  error     // why
}

type fetch struct {
	done  chan struct{}
	token string
	err   error
}

// Valid is a valid token, fetched by one goroutine for all who wait. stale is the token that has just been refused, "" none;
// only it is thrown away, since another call may have brought a new one meanwhile. Errors are Fetch's, or the context's.
func (k *Tokens) Valid(ctx context.Context, stale string) (string, error) {
	k.mu.Lock()
	if stale != "" && k.token == stale {
		k.token, k.refused = "", stale
	}
	now := k.Now()
	if k.token != "" && now.Before(k.expiry) {
		defer k.mu.Unlock()
		return k.token, nil
	}
	if now.Before(k.until) {
		defer k.mu.Unlock()
		return "", k.refusal
	}
	f := k.fetching
	if f == nil {
		f = &fetch{done: make(chan struct{})}
		k.fetching = f
		go k.fetch(context.WithoutCancel(ctx), f, k.refused)
	}
	k.mu.Unlock()
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (k *Tokens) fetch(ctx context.Context, f *fetch, refused string) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	token, expiry, err := k.Fetch(ctx, refused)
	k.mu.Lock()
	defer k.mu.Unlock()
	f.token, f.err = token, err
	if err == nil {
		k.token, k.expiry, k.refused = token, expiry, ""
	} else if k.Bars(err) {
		k.until, k.refusal = k.Now().Add(barred), err
	}
	k.fetching = nil
	close(f.done)
}

// Lost words a call that got no answer. What net/http says may quote the other side, and that may be our own request; cause is
// at most an error of package context.
func Lost(err error) (text string, cause error) {
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled", context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time", context.DeadlineExceeded
	case errors.As(err, &dns):
		return "name of the API host not found", nil
	case errors.As(err, &op):
		return op.Error(), nil
	}
	return "connection failed", nil
}
