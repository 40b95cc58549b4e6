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

// early is how long before its end a token is renewed.
const early = 5 * time.Minute

// bars says that a refused gettoken is not to be repeated at once.
func bars(err error) bool {
	a := (*APIError)(nil)
	return errors.As(err, &a) && Classify(a).Action != Retry
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
