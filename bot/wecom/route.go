package wecom

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// ticket stands for one call while it is under way. The SDK has one HTTP client per process, knows no context and writes
// access_token into every address and so into every error; it is given the ticket's number as its token instead, and
// router puts in the call's own context, host and real token.
type ticket struct {
	client *Client
	ctx    context.Context
	api    string
	number string
}

var (
	tickets sync.Map // number to *ticket
	serial  atomic.Uint64

	install sync.Once
	routed  = &http.Client{Transport: router{}}
)

func issue(ctx context.Context, c *Client, api string) *ticket {
	t := &ticket{client: c, ctx: ctx, api: api, number: "ticket-" + strconv.FormatUint(serial.Add(1), 10)}
	tickets.Store(t.number, t)
	return t
}

func (t *ticket) withdraw() { tickets.Delete(t.number) }

// GetAccessToken makes a ticket the SDK's credential.AccessTokenHandle.
func (t *ticket) GetAccessToken() (string, error) { return t.number, nil }

func (t *ticket) url(api string, query url.Values) string {
	u := apiHost + "/cgi-bin/" + api + "?access_token=" + t.number
	if len(query) > 0 {
		u += "&" + query.Encode()
	}
	return u
}

// maxAnswer is the largest JSON answer that is read.
const maxAnswer = 1 << 20

// router carries the SDK's requests to the client that issued the ticket.
type router struct{}

var errNoTicket = errors.New("request without a ticket")

func (router) RoundTrip(req *http.Request) (*http.Response, error) {
	query := req.URL.Query()
	v, ok := tickets.Load(query.Get("access_token"))
	if !ok {
		closeBody(req)
		return nil, errNoTicket
	}
	return v.(*ticket).roundTrip(req, query)
}

// roundTrip sends the request with a real token, and once more with a new one if WeCom refuses the first (wecom/91039:
// tokens may end early). What WeCom calls an error becomes an error here, so that the SDK need not be trusted to keep it.
func (t *ticket) roundTrip(req *http.Request, query url.Values) (*http.Response, error) {
	defer closeBody(req)
	stale := ""
	for attempt := 0; ; attempt++ {
		token, err := t.client.keys.Valid(t.ctx, stale)
		if err != nil {
			return nil, err
		}
		out := req.Clone(t.ctx)
		query.Set("access_token", token)
		u := *t.client.base
		u.Path = strings.TrimSuffix(u.Path, "/") + req.URL.Path
		u.RawQuery = query.Encode()
		out.URL, out.Host = &u, ""
		if req.GetBody != nil {
			if out.Body, err = req.GetBody(); err != nil {
				return nil, fmt.Errorf("read the request again: %w", err)
			}
		}
		resp, err := t.client.http.RoundTrip(out)
		if err != nil {
			return nil, err
		}
		resp.Request = req // not out: its address has the token
		resp, err = t.judge(resp)
		again := attempt == 0 && (req.Body == nil || req.GetBody != nil)
		if a := (*APIError)(nil); again && errors.As(err, &a) && a.tokenRefused() {
			stale = token
			continue
		}
		return resp, err
	}
}

// judge turns everything but success into an error: a redirect too, which would carry the token elsewhere. A file is passed
// on unread, JSON is read whole.
func (t *ticket) judge(resp *http.Response) (*http.Response, error) {
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, &StatusError{API: t.api, Status: resp.StatusCode}
	}
	if isFile(t.api, resp.Header) {
		return resp, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxAnswer {
		return nil, ErrTooLarge
	}
	var answer struct {
		Code int    `json:"errcode"`
		Msg  string `json:"errmsg"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, errAnswer
	}
	if answer.Code != 0 {
		return nil, &APIError{API: t.api, Code: answer.Code, Msg: cleanMsg(answer.Msg)}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return resp, nil
}

const apiMediaGet = "media/get"

// isFile tells a file from the JSON that says why there is none: both come with status 200 (wecom/90254). A member's own
// JSON file comes as an attachment.
func isFile(api string, h http.Header) bool {
	if api != apiMediaGet {
		return false
	}
	if d, _, err := mime.ParseMediaType(h.Get("Content-Disposition")); err == nil && d == "attachment" {
		return true
	}
	typ, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return typ != "" && typ != "application/json" && typ != "text/plain" && typ != "text/html"
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

func decode(answer []byte, out any) error {
	if err := json.Unmarshal(answer, out); err != nil {
		return errAnswer
	}
	return nil
}
