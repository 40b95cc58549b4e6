// Package wecom answers how WeCom says what bot wants said: signature and cipher of callbacks, cards, messages, media, menu
// and directory of one self-built app. It decides nothing, keeps nothing but an access token, and logs nothing.
package wecom

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/silenceper/wechat/v2/util"
	"github.com/silenceper/wechat/v2/work/addresslist"
	"github.com/silenceper/wechat/v2/work/config"
	wecontext "github.com/silenceper/wechat/v2/work/context"
	"github.com/silenceper/wechat/v2/work/material"
	"github.com/silenceper/wechat/v2/work/message"

	"xunfang/bot/remote"
	"xunfang/ledger"
)

// Client calls WeCom's API for one app. It may be used by any number of goroutines.
type Client struct {
	cfg  Config
	base *url.URL
	http *http.Transport
	keys remote.Tokens
	sent uploads
}

// Config is what a Client is made of.
type Config struct {
	APIBase      string // default https://qyapi.weixin.qq.com; a simulator or proxy may stand here
	CorpID       string
	AgentID      int
	Secret       string
	Timeout      time.Duration // of one call, default 5 s
	MediaTimeout time.Duration // of an upload or download, default 30 s
	Tokens       TokenStore    // default: of this process only
	Now          func() time.Time
}

// Receipt is what WeCom gave for a message: MsgID recalls it, ResponseCode updates its card once within 72 hours. Of a voice
// call MsgID is the callid.
type Receipt struct {
	MsgID        string
	ResponseCode string
}

// apiHost is the host the SDK has built in; calls to it are routed to Config.APIBase.
const apiHost = "https://qyapi.weixin.qq.com"

// NewClient checks the configuration; it calls nobody. Faults are listed all at once and quote no secret.
func NewClient(cfg Config) (*Client, error) {
	if cfg.APIBase == "" {
		cfg.APIBase = apiHost
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.MediaTimeout == 0 {
		cfg.MediaTimeout = 30 * time.Second
	}
	if cfg.Tokens == nil {
		cfg.Tokens = NewMemoryTokens()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	var faults []error
	base, err := url.Parse(cfg.APIBase)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		faults = append(faults, errors.New("api_base must be an http or https address"))
	}
	if cfg.CorpID == "" {
		faults = append(faults, errors.New("corp_id is empty"))
	}
	if cfg.AgentID <= 0 {
		faults = append(faults, errors.New("agent_id must be a positive number"))
	}
	if cfg.Secret == "" {
		faults = append(faults, errors.New("secret is empty"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	install.Do(func() { util.DefaultHTTPClient = routed })
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 32 // the default of 2 opened 137 connections for 32 senders
	c := &Client{cfg: cfg, base: base, http: t}
	c.keys.Now, c.keys.Fetch, c.keys.Bars = cfg.Now, c.renew, bars
	return c, nil
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Token says whether the app can get an access token: nil, or why not.
func (c *Client) Token(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	_, err := c.keys.Valid(ctx, "")
	return wrap("gettoken", err)
}

// Send sends a rendered message: message/send (wecom/90236), after media/upload where it is a picture,
// message/update_template_card (wecom/94888) or pstncc/call (wecom/91627). The body goes out as it stands: message.Client.Send
// of the SDK would marshal it again and escape <, > and & (40033).
//
// ErrAlreadySent means that WeCom has seen the card's task_id. Render has checked the id's form and ids are used once, so
// an earlier attempt arrived and only its answer was lost; but that answer held the ResponseCode.
func (c *Client) Send(ctx context.Context, m ledger.Message) (Receipt, error) {
	switch m.Call {
	case ledger.CallSend:
		return c.send(ctx, m.To, m.Body)
	case ledger.CallPicture:
		return c.sendPicture(ctx, m)
	case ledger.CallVoice:
		return c.ring(ctx, m)
	case ledger.CallUpdate:
		var r struct {
			util.CommonError
			InvalidUser []string `json:"invaliduser"` // an array here, a joined string there
		}
		if err := c.post(ctx, "message/update_template_card", nil, m.Body, &r); err != nil {
			return Receipt{}, err
		}
		if named(m.To, r.InvalidUser...) {
			return Receipt{}, &APIError{API: "message/update_template_card", Code: codeNotReceiver}
		}
		return Receipt{}, nil
	}
	return Receipt{}, fmt.Errorf("wecom: a message with call %q is not rendered for sending", m.Call)
}

func (c *Client) send(ctx context.Context, to string, body []byte) (Receipt, error) {
	var r message.SendResponse
	err := c.post(ctx, "message/send", nil, body, &r)
	if a := (*APIError)(nil); errors.As(err, &a) && a.Code == codeTaskID {
		return Receipt{}, fmt.Errorf("%w: %w", ErrAlreadySent, err)
	}
	if err != nil {
		return Receipt{}, err
	}
	if named(to, r.InvalidUser, r.UnlicensedUser) {
		return Receipt{}, &APIError{API: "message/send", Code: codeNoReceiver}
	}
	return Receipt{MsgID: r.MsgID, ResponseCode: r.ResponseCode}, nil
}

// named says whether WeCom lists the userid, in any case, among those it could not reach.
func named(userid string, lists ...string) bool {
	for _, list := range lists {
		for id := range strings.SplitSeq(list, "|") {
			if id != "" && fold(id) == fold(userid) {
				return true
			}
		}
	}
	return false
}

// Recall takes a message back within 24 hours (wecom/94867).
func (c *Client) Recall(ctx context.Context, msgID string) error {
	body, err := encode(map[string]string{"msgid": msgID})
	if err != nil {
		return fmt.Errorf("wecom message/recall: %w", err)
	}
	return c.post(ctx, "message/recall", nil, body, &util.CommonError{})
}

// post and get call an API of ours through the SDK's util; out embeds util.CommonError or is one.
func (c *Client) post(ctx context.Context, api string, query url.Values, body []byte, out any) error {
	return c.do(ctx, api, c.cfg.Timeout, func(t *ticket) error {
		answer, err := util.HTTPPostContext(t.ctx, t.url(api, query), body, map[string]string{"Content-Type": "application/json"})
		if err != nil {
			return err
		}
		return decode(answer, out)
	})
}

func (c *Client) get(ctx context.Context, api string, query url.Values, out any) error {
	return c.do(ctx, api, c.cfg.Timeout, func(t *ticket) error {
		answer, err := util.HTTPGetContext(t.ctx, t.url(api, query))
		if err != nil {
			return err
		}
		return decode(answer, out)
	})
}

// do runs one call with its time-out and words its error.
func (c *Client) do(ctx context.Context, api string, timeout time.Duration, call func(*ticket) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	t := issue(ctx, c, api)
	defer t.withdraw()
	return wrap(api, call(t))
}

// The SDK's clients hold no state but the token handle, so each call gets its own.

func (t *ticket) sdk() *wecontext.Context {
	return &wecontext.Context{Config: &config.Config{CorpID: t.client.cfg.CorpID}, AccessTokenHandle: t}
}

func (t *ticket) material() *material.Client       { return material.NewClient(t.sdk()) }
func (t *ticket) addresslist() *addresslist.Client { return addresslist.NewClient(t.sdk()) }
