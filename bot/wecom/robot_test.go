package wecom_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"xunfang/bot/sim"
	"xunfang/bot/wecom"
)

const robotKey = "693a91f6-sample-of-a-key" // invented

func (c *corp) robot() *wecom.Robot {
	c.t.Helper()
	return newRobot(c.t, c.server.URL+"/cgi-bin/webhook/send?key="+robotKey, func() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now })
}

func newRobot(t *testing.T, address string, now func() time.Time) *wecom.Robot {
	t.Helper()
	r, err := wecom.NewRobot(address, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func TestNewRobot(t *testing.T) {
	for _, address := range []string{"", "webhook/send?key=" + robotKey, "ftp://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=" + robotKey,
		"https://qyapi.weixin.qq.com/cgi-bin/webhook/send", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=",
		"https://qyapi.weixin.qq.com/?key=" + robotKey, "https://%zz/cgi-bin/webhook/send?key=" + robotKey} {
		if _, err := wecom.NewRobot(address, nil); err == nil || strings.Contains(err.Error(), robotKey) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := wecom.NewRobot("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key="+robotKey, nil); err != nil {
		t.Error(err)
	}
}

func TestRobotSays(t *testing.T) {
	c := newCorp(t)
	r := c.robot()
	c.Faults().Set(sim.FaultSet{Down: true}) // the app's way out is closed
	said := []string{`⚠ 紧急 <急260311-1> & "望远村"`, strings.Repeat("x", wecom.MaxText)}
	for _, text := range said {
		if err := r.Say(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	var limit *wecom.LimitError
	for _, text := range []string{"", strings.Repeat("x", wecom.MaxText+1)} {
		if err := r.Say(t.Context(), text); !errors.As(err, &limit) {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
	if got := c.Robot(); !slices.Equal(got, said) {
		t.Errorf("%q", got)
	}
}

func TestRobotKeepsToTwentyAMinute(t *testing.T) {
	c := newCorp(t)
	r := c.robot()
	say := func() error { c.pass(time.Second); return r.Say(t.Context(), "x") }
	for range 20 {
		if err := say(); err != nil {
			t.Fatal(err)
		}
	}
	var often *wecom.TooOftenError
	if err := say(); !errors.As(err, &often) || often.After != 40*time.Second || wecom.Classify(err).Action != wecom.Later || wecom.Classify(err).After != 40*time.Second {
		t.Errorf("%v", err)
	}
	c.pass(38 * time.Second)
	if err := say(); !errors.As(err, &often) {
		t.Errorf("59 seconds after the first: %v", err)
	}
	if err := say(); err != nil {
		t.Errorf("a minute after the first: %v", err)
	}
	c.pass(-time.Hour)
	if err := say(); err != nil {
		t.Errorf("the clock was put back: %v", err)
	}
	if got := len(c.Robot()); got != 22 {
		t.Errorf("%d messages", got)
	}
}

// Whatever goes wrong, the key, which is all one needs to speak to the group, must not be in the error.
func TestRobotErrorsAreClean(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	check := func(name string, err error, want wecom.Action) {
		t.Helper()
		if err == nil || wecom.Classify(err).Action != want {
			t.Errorf("%s: %v", name, err)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if text := fmt.Sprintf("%v %+v", e, e); strings.Contains(text, robotKey) || strings.Contains(text, "key=") {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
	for name, mode := range map[string]struct {
		answer string
		want   wecom.Action
	}{
		"removed":  {"HTTP/1.1 200 OK\r\n\r\n" + `{"errcode":93000,"errmsg":"KEY"}`, wecom.Stop},
		"502":      {"HTTP/1.1 502 KEY\r\n\r\nKEY", wecom.Retry},
		"redirect": {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/KEY\r\n\r\n", wecom.Retry},
		"not HTTP": {"KEY\r\n\r\n", wecom.Retry},
		"not JSON": {"HTTP/1.1 200 OK\r\n\r\n" + robotKey, wecom.Retry},
		"dropped":  {"", wecom.Retry},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
				io.WriteString(conn, strings.ReplaceAll(mode.answer, "KEY", r.URL.RawQuery))
				conn.Close()
			}
		}))
		check(name, newRobot(t, s.URL+"/cgi-bin/webhook/send?key="+robotKey, nil).Say(t.Context(), "x"), mode.want)
		s.Close()
	}
	for name, host := range map[string]string{"refused": closed.URL, "no such host": "http://name.invalid"} {
		check(name, newRobot(t, host+"/cgi-bin/webhook/send?key="+robotKey, nil).Say(t.Context(), "x"), wecom.Retry)
	}
	c := newCorp(t)
	check("cancelled", c.robot().Say(cancelled, "x"), wecom.Retry)
	check("wrong key", newRobot(t, c.server.URL+"/cgi-bin/webhook/send?key=x"+robotKey, nil).Say(t.Context(), "x"), wecom.Stop)
	c.Faults().Set(sim.FaultSet{RobotDown: true})
	check("robot down", c.robot().Say(t.Context(), "x"), wecom.Retry)
	if got := c.Robot(); got != nil {
		t.Errorf("%q", got)
	}
}
