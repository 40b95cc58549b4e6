package wecom

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// TokenStore is where the processes of one app share its access token. Get answers "" when there is none. Lock lets one
// process fetch at a time. A store that fails is done without: a process then fetches for itself.
type TokenStore interface {
	Get(ctx context.Context) (token string, expiry time.Time, err error)
	Put(ctx context.Context, token string, expiry time.Time) error
	Lock(ctx context.Context) (unlock func(), err error)
}

// MemoryTokens is a TokenStore for one process.
type MemoryTokens struct {
	turn chan struct{} // holds one element while locked

	mu     sync.Mutex
	token  string
	expiry time.Time
}

// NewMemoryTokens is an empty store.
func NewMemoryTokens() *MemoryTokens { return &MemoryTokens{turn: make(chan struct{}, 1)} }

func (m *MemoryTokens) Get(context.Context) (string, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.token, m.expiry, nil
}

func (m *MemoryTokens) Put(_ context.Context, token string, expiry time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.token, m.expiry = token, expiry
	return nil
}

func (m *MemoryTokens) Lock(ctx context.Context) (func(), error) {
	select {
	case m.turn <- struct{}{}:
		return func() { <-m.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// keyring is the process's own copy of the token and the one fetch that may be under way.
type keyring struct {
	mu       sync.Mutex
	token    string
	expiry   time.Time
	refused  string    // the last token WeCom refused: not taken from the store again
	fetching *fetch    // nil: nobody fetches
	until    time.Time // after a refused gettoken, none before this
	refusal  error     // why
}

type fetch struct {
	done  chan struct{}
	token string
	err   error
}

const (
	// early is how long before its end a token is renewed.
	early = 5 * time.Minute
	// barred is the pause after a refused gettoken: WeCom bars an address that repeats a wrong secret for an hour
	// (wecom/90312).
	barred = time.Minute
	// fetchTime bounds a fetch, whose first caller may have gone.
	fetchTime = 10 * time.Second
)

// token is a valid access token, fetched by one goroutine for all who wait. stale is the token WeCom has just refused, ""
// none; only it is thrown away, since another call may have brought a new one meanwhile.
func (c *Client) token(ctx context.Context, stale string) (string, error) {
	k := &c.keys
	k.mu.Lock()
	if stale != "" && k.token == stale {
		k.token, k.refused = "", stale
	}
	now := c.cfg.Now()
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
		go c.fetch(context.WithoutCancel(ctx), f, k.refused)
	}
	k.mu.Unlock()
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (c *Client) fetch(ctx context.Context, f *fetch, refused string) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	token, expiry, err := c.renew(ctx, refused)
	k := &c.keys
	k.mu.Lock()
	defer k.mu.Unlock()
	f.token, f.err = token, err
	if err == nil {
		k.token, k.expiry, k.refused = token, expiry, ""
	} else if a := (*APIError)(nil); errors.As(err, &a) && Classify(a).Action != Retry {
		k.until, k.refusal = c.cfg.Now().Add(barred), err
	}
	k.fetching = nil
	close(f.done)
}

// renew takes the token another process has brought, or brings one.
func (c *Client) renew(ctx context.Context, refused string) (string, time.Time, error) {
	store := c.cfg.Tokens
	if unlock, err := store.Lock(ctx); err == nil {
		defer unlock()
	}
	token, expiry, err := store.Get(ctx)
	if err == nil && token != "" && token != refused && c.cfg.Now().Before(expiry) {
		return token, expiry, nil
	}
	token, life, err := c.gettoken(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	expiry = c.cfg.Now().Add(life - min(early, life/6))
	_ = store.Put(ctx, token, expiry) // a store that is down costs the other processes a fetch, not this message
	return token, expiry, nil
}

// gettoken is the one call with the secret in its address (wecom/91039), so it goes neither through the SDK nor through
// http.Client, whose errors quote addresses.
func (c *Client) gettoken(ctx context.Context) (token string, life time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	u := *c.base
	u.Path = strings.TrimSuffix(u.Path, "/") + "/cgi-bin/gettoken"
	u.RawQuery = url.Values{"corpid": {c.cfg.CorpID}, "corpsecret": {c.cfg.Secret}}.Encode()
	resp, err := c.http.RoundTrip((&http.Request{Method: http.MethodGet, URL: &u, Header: http.Header{}}).WithContext(ctx))
	if err != nil {
		return "", 0, wrap("gettoken", err)
	}
	resp, err = (&ticket{api: "gettoken"}).judge(resp)
	if err != nil {
		return "", 0, wrap("gettoken", err)
	}
	var answer struct {
		Token string `json:"access_token"`
		Life  int    `json:"expires_in"`
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || json.Unmarshal(body, &answer) != nil || answer.Token == "" || answer.Life <= 0 {
		return "", 0, wrap("gettoken", errAnswer)
	}
	return answer.Token, time.Duration(answer.Life) * time.Second, nil
}
