package wecom

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Robot is a group robot (群机器人, wecom/99110): a second way out that needs neither app nor token. Who has its address can
// speak, so the address is a secret.
type Robot struct {
	address *url.URL
	http    *http.Transport
	now     func() time.Time

	mu   sync.Mutex
	said []time.Time // the calls of the last minute
}

const (
	apiRobot    = "webhook/send"
	robotMinute = 20 // calls a minute (wecom/99110)
	robotTime   = 5 * time.Second
)

// TooOftenError says that WeCom would refuse another message now: After it may be tried again.
type TooOftenError struct{ After time.Duration }

func (e *TooOftenError) Error() string {
	return fmt.Sprintf("wecom %s: %d messages within a minute, the next in %s", apiRobot, robotMinute, e.After)
}

// NewRobot checks a robot's address, as 群机器人 shows it, and calls nobody. Its error does not quote the address. now may be nil.
func NewRobot(address string, now func() time.Time) (*Robot, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" ||
		!strings.HasSuffix(u.Path, "/cgi-bin/"+apiRobot) || u.Query().Get("key") == "" {
		return nil, errors.New("the robot's address must be like " + apiHost + "/cgi-bin/" + apiRobot + "?key=…")
	}
	if now == nil {
		now = time.Now
	}
	return &Robot{address: u, http: http.DefaultTransport.(*http.Transport).Clone(), now: now}, nil
}

// Close lets go of idle connections.
func (r *Robot) Close() { r.http.CloseIdleConnections() }

// Say says a text to the group. Too long a text is a *LimitError, too many within a minute a *TooOftenError; neither reaches
// WeCom. There is no check for repeats: a text whose answer was lost and that is said again stands there twice.
func (r *Robot) Say(ctx context.Context, text string) error {
	if err := checkText("text.content", text); err != nil {
		return err
	}
	body, err := encode(struct {
		MsgType string  `json:"msgtype"`
		Text    content `json:"text"`
	}{"text", content{text}})
	if err != nil {
		return fmt.Errorf("wecom %s: %w", apiRobot, err)
	}
	if err := r.take(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, robotTime)
	defer cancel()
	// Not through http.Client, whose errors quote addresses.
	resp, err := r.http.RoundTrip((&http.Request{Method: http.MethodPost, URL: r.address, ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body))}).WithContext(ctx))
	if err == nil {
		_, err = (&ticket{api: apiRobot}).judge(resp)
	}
	return wrap(apiRobot, err)
}

// take counts a call, or says when one may be made.
func (r *Robot) take() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for len(r.said) > 0 && (now.Sub(r.said[0]) >= time.Minute || now.Before(r.said[0])) { // a clock put back bars nobody
		r.said = r.said[1:]
	}
	if len(r.said) >= robotMinute {
		return &TooOftenError{time.Minute - now.Sub(r.said[0])}
	}
	r.said = append(r.said, now)
	return nil
}
