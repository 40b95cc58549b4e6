package wecom_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"xunfang/bot/sim"
	"xunfang/bot/wecom"
	"xunfang/ledger"
	"xunfang/ledger/papers"
)

// corp is the simulator with the client before it. Time passes only when a test lets it.
type corp struct {
	*sim.Sim
	t      *testing.T
	client *wecom.Client
	server *httptest.Server
	mu     sync.Mutex
	now    time.Time
	calls  []string // media/upload and message/send, in their order
}

func newCorp(t *testing.T) *corp {
	c := &corp{t: t, now: time.Date(2026, 3, 11, 8, 47, 0, 0, time.UTC)}
	clock := func() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
	var err error
	if c.Sim, err = sim.New(sim.Options{CorpID: "ww1", AgentID: 1000002, Secret: "s", Now: clock,
		CallbackURL: "http://callback.invalid/", Token: "t", EncodingAESKey: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", // nobody taps
		Members: []sim.Member{{UserID: "wang"}, {UserID: "chen"}}, RobotKey: robotKey}); err != nil {
		t.Fatal(err)
	}
	c.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if api := strings.TrimPrefix(r.URL.Path, "/cgi-bin/"); api == "media/upload" || api == "message/send" {
			c.mu.Lock()
			c.calls = append(c.calls, api)
			c.mu.Unlock()
		}
		c.ServeHTTP(w, r)
	}))
	c.client, err = wecom.NewClient(wecom.Config{APIBase: c.server.URL, CorpID: "ww1", AgentID: 1000002, Secret: "s", Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.client.Close()
		c.server.CloseClientConnections()
		c.server.Close()
		c.Sim.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return c
}

// called is what the simulator was asked since the last time.
func (c *corp) called(want ...string) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if got := strings.Join(c.calls, ", "); got != strings.Join(want, ", ") {
		c.t.Errorf("WeCom was asked for %s, want %v", got, want)
	}
	c.calls = nil
}

func (c *corp) shows(userid string, n int) []sim.Message {
	c.t.Helper()
	got := c.Messages(userid)
	if len(got) != n {
		c.t.Fatalf("the phone of %s shows %d messages, want %d: %+v", userid, len(got), n, got)
	}
	return got
}

const upload, send = "media/upload", "message/send"

// march is a real picture; the people on it are invented.
func march(t *testing.T, key, to string) ledger.Message {
	t.Helper()
	var b bytes.Buffer
	err := papers.Month(&b, papers.MonthChart{Month: "2026-03", Whose: "王芳", Today: "2026-03-11",
		Seen: []papers.MonthVisit{{Day: "2026-03-04", Name: "马秀兰"}}, Missing: []papers.MonthGap{{Name: "李㛃", More: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := wecom.Render(ledger.Message{Key: key, To: to, Priority: ledger.PriorityReply, Picture: b.Bytes(), Text: "3月还差1位"}, 1000002)
	if err != nil {
		t.Fatal(err)
	}
	m.Picture, m.Text = nil, "" // the outbox keeps neither
	return m
}

func TestAPictureReachesThePhone(t *testing.T) {
	c := newCorp(t)
	m := march(t, "k1", "wang")
	r, err := c.client.Send(t.Context(), m)
	if err != nil || r.MsgID == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	c.called(upload, send)
	got := c.shows("wang", 1)[0]
	c.shows("chen", 0)
	if got.Type != "image" || got.MsgID != r.MsgID || got.Title != "巡访.png" || got.Text != "" {
		t.Errorf("%+v", got)
	}
	res, err := http.Get(c.server.URL + got.MediaURL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if data, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(data, m.Body) || res.Header.Get("Content-Type") != "image/png" {
		t.Errorf("the phone got %d bytes of %d of %s, %v", len(data), len(m.Body), res.Header.Get("Content-Type"), err)
	}

	// Asked for again, the same picture is another message; and another person's is theirs alone.
	for _, next := range []ledger.Message{march(t, "k2", "wang"), march(t, "k1", "chen")} {
		if _, err := c.client.Send(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		c.called(upload, send)
	}
	c.shows("wang", 2)
	c.shows("chen", 1)
}

// An answer that is lost makes no second picture, as long as the process lives.
func TestAPictureSentAgainIsShownOnce(t *testing.T) {
	c := newCorp(t)
	m := march(t, "k1", "wang")
	c.Faults().Change(func(f *sim.FaultSet) { f.AcceptThenDrop = true })
	if _, err := c.client.Send(t.Context(), m); wecom.Classify(err).Action != wecom.Retry {
		t.Fatalf("an answer was lost, and the verdict on %v is to do nothing", err)
	}
	c.called(upload, send)
	c.Faults().Set(sim.FaultSet{})
	c.pass(time.Hour)
	if _, err := c.client.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	c.called(send)
	c.shows("wang", 1)
}

func (c *corp) pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// A media_id that WeCom no longer knows is uploaded once more, and not for ever.
func TestAPictureForgottenIsUploadedAgain(t *testing.T) {
	c := newCorp(t)
	m := march(t, "k1", "wang")
	c.Faults().Change(func(f *sim.FaultSet) { f.ErrCode = 40007 })
	if _, err := c.client.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	c.called(upload, send, upload, send)
	c.shows("wang", 1)

	c.Faults().Change(func(f *sim.FaultSet) { f.ErrCode, f.ErrCodeTimes = 40007, -1 })
	_, err := c.client.Send(t.Context(), march(t, "k2", "wang"))
	refused := (*wecom.APIError)(nil)
	if !errors.As(err, &refused) || refused.Code != 40007 || wecom.Classify(err).Action != wecom.Drop {
		t.Errorf("%v", err)
	}
	c.called(upload, send, upload, send)

	// What waited longer than WeCom knows a request again is uploaded anew.
	c.Faults().Set(sim.FaultSet{ErrCode: -1})
	late := march(t, "k3", "wang")
	if _, err := c.client.Send(t.Context(), late); wecom.Classify(err).Action != wecom.Retry {
		t.Errorf("%v", err)
	}
	c.called(upload, send)
	c.pass(4 * time.Hour)
	if _, err := c.client.Send(t.Context(), late); err != nil {
		t.Error(err)
	}
	c.called(upload, send)
	c.shows("wang", 2)
}

func TestAPictureThatWeComRefuses(t *testing.T) {
	c := newCorp(t)
	m := march(t, "k1", "wang")
	m.Body = m.Body[:20] // broken: 40123
	if _, err := c.client.Send(t.Context(), m); wecom.Classify(err).Action != wecom.Drop {
		t.Errorf("%v", err)
	}
	c.called(upload)
	stranger := march(t, "k2", "nobody")
	if _, err := c.client.Send(t.Context(), stranger); wecom.Classify(err).Action != wecom.Drop {
		t.Errorf("%v", err)
	}
	c.Faults().Change(func(f *sim.FaultSet) { f.AppDisabled = true })
	if _, err := c.client.Send(t.Context(), march(t, "k3", "wang")); wecom.Classify(err).Action != wecom.Stop {
		t.Errorf("%v", err)
	}
	c.shows("wang", 0)
}
