package official

import (
	"context"
	"errors"
	"time"
)

const (
	// early is how long before its end a token is renewed: less than the 5 minutes in which WeChat gives out a new one and
	// lets the old one live.
	early = 4 * time.Minute
	// forceEvery is between two forced tokens: WeChat gives 20 a day, and each throws out the token of every other program.
	forceEvery = 75 * time.Minute
)

// Token says whether the account can get an access token: nil, or why not.
func (a *Account) Token(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()
	_, err := a.valid(ctx, "")
	return err
}

// valid is an access token; see remote.Tokens.
func (a *Account) valid(ctx context.Context, stale string) (string, error) {
	token, err := a.keys.Valid(ctx, stale)
	if e := (*Error)(nil); err != nil && !errors.As(err, &e) {
		return "", lost(apiToken, err)
	}
	return token, err
}

// renew brings a token, by force where WeChat repeats the one it does not take: without force it repeats what it believes in.
func (a *Account) renew(ctx context.Context, refused string) (string, time.Time, error) {
	token, life, err := a.stableToken(ctx, false)
	if now := a.cfg.Now(); err == nil && token == refused && now.Sub(a.forced) >= forceEvery {
		a.forced = now
		token, life, err = a.stableToken(ctx, true)
	}
	return token, a.cfg.Now().Add(life - min(early, life/6)), err
}

// bars says that WeChat refused: a wrong secret does not mend itself.
func bars(err error) bool {
	e := (*Error)(nil)
	return errors.As(err, &e) && e.Code > 0
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
