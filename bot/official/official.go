// Package official answers how a county's verified WeChat service account (服务号) reaches the children who follow it or have
// allowed its notices: token, subscription notices, QR codes that carry a handle, and its callbacks. It decides nothing, keeps
// nothing but an access token, and logs nothing; the conversation is 微信客服, and not here.
package official

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"xunfang/bot/remote"
)

// Account calls WeChat's API for one service account. It may be used by any number of goroutines.
type Account struct {
	cfg  Config
	base *url.URL
	http *http.Transport

	keys   remote.Tokens
	forced time.Time // when a new token was last forced: only the one fetch under way reads and writes it
}

// Config is what an Account is made of.
type Config struct {
	APIBase string // default https://api.weixin.qq.com; a simulator or proxy may stand here
	AppID   string
	Secret  string
	Timeout time.Duration // of one call, default 5 s
	Now     func() time.Time
}

const apiHost = "https://api.weixin.qq.com"

// New checks the configuration; it calls nobody. Faults are listed all at once and quote no secret.
func New(cfg Config) (*Account, error) {
	if cfg.APIBase == "" {
		cfg.APIBase = apiHost
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	var faults []error
	base, err := url.Parse(cfg.APIBase)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		faults = append(faults, errors.New("official: api_base must be an http or https address"))
	}
	if cfg.AppID == "" {
		faults = append(faults, errors.New("official: app_id is empty"))
	}
	if cfg.Secret == "" {
		faults = append(faults, errors.New("official: secret is empty"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	a := &Account{cfg: cfg, base: base, http: http.DefaultTransport.(*http.Transport).Clone()}
	a.keys.Now, a.keys.Fetch, a.keys.Bars = cfg.Now, a.renew, bars
	return a, nil
}

// Close lets go of idle connections.
func (a *Account) Close() { a.http.CloseIdleConnections() }

const (
	apiToken = "stable_token"
	apiSend  = "message/subscribe/bizsend"
	apiQR    = "qrcode/create"

	maxAnswer = 1 << 20
)

// MaxQR and MaxScene bound a QR code (developers.weixin.qq.com/doc/service: qrcode/create).
const (
	MaxQR    = 30 * 24 * time.Hour
	MaxScene = 64 // characters
)

// QR makes a code that carries scene, and answers with the address to draw: who scans it and does not follow the account yet
// comes back as a subscribe event once he does, who follows already as SCAN.
func (a *Account) QR(ctx context.Context, scene string, expires time.Duration) (address string, err error) {
	if n := len([]rune(scene)); n < 1 || n > MaxScene {
		return "", fmt.Errorf("official %s: a scene has 1 to %d characters", apiQR, MaxScene)
	}
	if expires < time.Second || expires > MaxQR {
		return "", fmt.Errorf("official %s: a code lasts a second to 30 days", apiQR)
	}
	type sceneStr struct {
		Str string `json:"scene_str"`
	}
	type actionInfo struct {
		Scene sceneStr `json:"scene"`
	}
	var answer struct {
		URL string `json:"url"`
	}
	err = a.call(ctx, apiQR, struct {
		Expires int        `json:"expire_seconds"`
		Action  string     `json:"action_name"`
		Info    actionInfo `json:"action_info"`
	}{int(expires / time.Second), "QR_STR_SCENE", actionInfo{sceneStr{scene}}}, &answer)
	if err == nil && answer.URL == "" {
		err = &Error{API: apiQR, text: errAnswer.Error()}
	}
	return answer.URL, err
}

// call posts to an API with a token, and once more with a new one if WeChat refuses the first.
func (a *Account) call(ctx context.Context, api string, body, out any) error {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()
	stale := ""
	for attempt := 0; ; attempt++ {
		token, err := a.valid(ctx, stale)
		if err != nil {
			return err
		}
		err = a.post(ctx, api, url.Values{"access_token": {token}}, body, out)
		if e := (*Error)(nil); attempt == 0 && errors.As(err, &e) && e.tokenRefused() {
			stale = token
			continue
		}
		return err
	}
}

// post is one request. It does not go through http.Client, whose errors quote addresses and which follows redirects: both
// would carry the token elsewhere.
func (a *Account) post(ctx context.Context, api string, query url.Values, body, out any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // as the SDK: an address keeps its &
	if err := enc.Encode(body); err != nil {
		return fmt.Errorf("official %s: the request is no JSON", api)
	}
	u := *a.base
	u.Path = strings.TrimSuffix(u.Path, "/") + "/cgi-bin/" + api
	u.RawQuery = query.Encode()
	req := (&http.Request{Method: http.MethodPost, URL: &u, ContentLength: int64(buf.Len()), Body: io.NopCloser(&buf),
		Header: http.Header{"Content-Type": {"application/json"}}}).WithContext(ctx)
	resp, err := a.http.RoundTrip(req)
	if err != nil {
		return lost(api, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &Error{API: api, Status: resp.StatusCode, text: fmt.Sprintf("HTTP status %d", resp.StatusCode)}
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return lost(api, err)
	}
	var said struct {
		Code int `json:"errcode"`
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		return &Error{API: api, text: errAnswer.Error()}
	}
	if said.Code != 0 {
		return &Error{API: api, Code: said.Code}
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return &Error{API: api, text: errAnswer.Error()}
	}
	return nil
}

// Error is WeChat's errcode, or a call without an answer. It quotes neither secret nor token nor openid, nor WeChat's own
// sentence, which may.
type Error struct {
	API    string
	Code   int // WeChat's errcode, 0 where it gave none
	Status int // of HTTP, where it was not 200
	text   string
	cause  error
}

var errAnswer = errors.New("the answer is not WeChat's JSON")

// reasons are those of developers.weixin.qq.com/doc/service that say who has to do something.
var reasons = map[int]string{
	-1:    "system busy",
	40001: "secret or access token is wrong",
	40003: "openid unknown",
	40013: "app_id is wrong",
	40014: "access token refused",
	40037: "template unknown",
	40125: "secret is wrong",
	40164: "our address is not on the account's list",
	41030: "page is wrong",
	42001: "access token expired",
	43004: "the account is not followed",
	43101: "the notice is not allowed, or no longer",
	45009: "called too often today",
	45011: "called too often",
	47003: "a field of the template is empty or of the wrong form",
	48001: "API not granted to the account",
	50002: "the account is restricted",
}

func (e *Error) Error() string {
	switch {
	case e.Code == 0:
		return "official " + e.API + ": " + e.text
	case reasons[e.Code] != "":
		return fmt.Sprintf("official %s: %d %s", e.API, e.Code, reasons[e.Code])
	}
	return fmt.Sprintf("official %s: %d", e.API, e.Code)
}

// Unwrap is at most an error of package context.
func (e *Error) Unwrap() error { return e.cause }

// Gone says that this person does not get this notice any more, or a one-time permission is used up: the channel is dead.
func (e *Error) Gone() bool { return e.Code == 43101 || e.Code == 43004 || e.Code == 40003 }

// Retry says that the same call may pass in a moment. An error that is neither Gone nor Retry wants an operator.
func (e *Error) Retry() bool { return e.Code <= 0 || e.Code == 45011 || e.tokenRefused() }

func (e *Error) tokenRefused() bool {
	return e.API != apiToken && (e.Code == 40001 || e.Code == 40014 || e.Code == 42001)
}

// lost words a call that got no answer.
func lost(api string, err error) *Error {
	e := &Error{API: api}
	e.text, e.cause = remote.Lost(err)
	return e
}
