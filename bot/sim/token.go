package sim

import (
	"crypto/subtle"
	"sync"
	"time"
)

// tokens are the access tokens handed out: path/91039.
type tokens struct {
	mu      sync.Mutex
	current string
	ends    map[string]time.Time
	wrong   map[string]int       // bad secrets by IP
	barred  map[string]time.Time // until
}

const (
	tokenLife = 7200 * time.Second
	ipBar     = time.Hour
)

func (t *tokens) init() {
	t.ends, t.wrong, t.barred = map[string]time.Time{}, map[string]int{}, map[string]time.Time{}
}

func (c *call) getToken() (any, error) {
	corp, secret := c.query.Get("corpid"), c.query.Get("corpsecret")
	if c.token.isBarred(c.ip, c.at) {
		return nil, fail(45009, "api freq out of limit")
	}
	switch {
	case corp == "":
		return nil, fail(41002, "corpid missing")
	case secret == "":
		return nil, fail(41004, "corpsecret missing")
	case corp != c.opt.CorpID:
		return nil, fail(40013, "invalid corpid")
	case subtle.ConstantTimeCompare([]byte(secret), []byte(c.opt.Secret)) != 1:
		c.token.badSecret(c.ip, c.at, c.rules.BadSecrets)
		return nil, fail(40001, "invalid credential")
	case c.faults.Get().AppDisabled:
		return nil, fail(40001, "invalid credential")
	}
	token, left := c.token.issue(c.at, c.rules.NewTokenEachTime)
	return struct {
		status
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}{ok, token, int(left / time.Second)}, nil
}

// issue gives the same token within its validity, not prolonged; the current page no longer says so, hence the rule.
func (t *tokens) issue(now time.Time, always bool) (string, time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if left := t.ends[t.current].Sub(now); !always && left >= time.Second && left <= tokenLife {
		return t.current, left
	}
	for old, end := range t.ends {
		if now.Sub(end) > tokenLife { // by then 40014 is as right as 42001
			delete(t.ends, old)
		}
	}
	t.current = randomCode() + randomCode() + randomCode()
	t.ends[t.current] = now.Add(tokenLife)
	return t.current, tokenLife
}

func (t *tokens) check(token string, now time.Time, rules Rules) error {
	if token == "" {
		return fail(41001, "access_token missing")
	}
	t.mu.Lock()
	end, known := t.ends[token]
	t.mu.Unlock()
	switch {
	case !known && rules.Revoked42001:
		return fail(42001, "access_token expired")
	case !known:
		return fail(40014, "invalid access_token")
	case !now.Before(end):
		return fail(42001, "access_token expired")
	}
	return nil
}

// revoke makes every token invalid early, as WeCom may.
func (t *tokens) revoke() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.ends)
	t.current = ""
}

// Revoke invalidates the access token early.
func (s *Sim) Revoke() { s.token.revoke() }

func (t *tokens) isBarred(ip string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	until, barred := t.barred[ip]
	if barred && !now.Before(until) {
		delete(t.barred, ip)
		delete(t.wrong, ip)
		return false
	}
	return barred
}

func (t *tokens) badSecret(ip string, now time.Time, limit int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wrong[ip]++; over(t.wrong[ip]+1, limit) {
		t.barred[ip] = now.Add(ipBar)
	}
}
