package official

import (
	"context"
	"errors"
	"time"
)

// fetch is a call for a token that is under way, for all who wait.
type fetch struct {
	done  chan struct{}
	token string
	err   error
}

const (
	// early is how long before its end a token is renewed: less than the 5 minutes in which WeChat gives out a new one and
	// lets the old one live.
	early = 4 * time.Minute
	// barred is the pause after a refusal: a wrong secret does not mend itself.
	barred = time.Minute
	// forceEvery is between two forced tokens: WeChat gives 20 a day, and each throws out the token of every other program.
	forceEvery = 75 * time.Minute
	// fetchTime bounds a fetch, whose first caller may have gone.
	fetchTime = 10 * time.Second
)

// Token says whether the account can get an access token: nil, or why not.
func (a *Account) Token(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()
	_, err := a.valid(ctx, "")
	return err
}

// valid is an access token, fetched by one goroutine for all who wait. stale is the token WeChat has just refused, "" none;
// only it is thrown away, since another call may have brought a new one meanwhile.
func (a *Account) valid(ctx context.Context, stale string) (string, error) {
	a.mu.Lock()
	if stale != "" && a.token == stale {
		a.token, a.refused = "", stale
	}
	now := a.cfg.Now()
	if a.token != "" && now.Before(a.expiry) {
		defer a.mu.Unlock()
		return a.token, nil
	}
	if now.Before(a.until) {
		defer a.mu.Unlock()
		return "", a.refusal
	}
	f := a.fetching
	if f == nil {
		f = &fetch{done: make(chan struct{})}
		a.fetching = f
		go a.fetch(context.WithoutCancel(ctx), f, a.refused)
	}
	a.mu.Unlock()
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return "", lost(apiToken, ctx.Err())
	}
}

func (a *Account) fetch(ctx context.Context, f *fetch, refused string) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	token, life, err := a.stableToken(ctx, false)
	// Without force WeChat repeats the token it believes in.
	if err == nil && token == refused && a.mayForce() {
		token, life, err = a.stableToken(ctx, true)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	f.token, f.err = token, err
	if err == nil {
		a.token, a.refused = token, ""
		a.expiry = a.cfg.Now().Add(life - min(early, life/6))
	} else if e := (*Error)(nil); errors.As(err, &e) && e.Code > 0 {
		a.until, a.refusal = a.cfg.Now().Add(barred), err
	}
	a.fetching = nil
	close(f.done)
}

func (a *Account) mayForce() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.cfg.Now()
	if now.Sub(a.forced) < forceEvery {
		return false
	}
	a.forced = now
	return true
}

// stableToken is /cgi-bin/stable_token, the one call with the secret: it stands in the body, where no address shows it. The
// token is shared with every other program that asks for it this way, and none throws out another's.
func (a *Account) stableToken(ctx context.Context, force bool) (token string, life time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()
	var answer struct {
		Token string `json:"access_token"`
		Life  int    `json:"expires_in"`
	}
	err = a.post(ctx, apiToken, nil, struct {
		Grant  string `json:"grant_type"`
		AppID  string `json:"appid"`
		Secret string `json:"secret"`
		Force  bool   `json:"force_refresh"`
	}{"client_credential", a.cfg.AppID, a.cfg.Secret, force}, &answer)
	if err == nil && (answer.Token == "" || answer.Life <= 0) {
		err = &Error{API: apiToken, text: errAnswer.Error()}
	}
	return answer.Token, time.Duration(answer.Life) * time.Second, err
}
