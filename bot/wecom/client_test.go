package wecom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/silenceper/wechat/v2/util"
	"go.uber.org/goleak"

	"xunfang/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret      = "SECRET-of-the-app"
	tokenPrefix = "TOKEN-"
)

// fake is as much of WeCom as a client needs: tokens that can be revoked, and answers by path.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	valid    string // the token accepted
	issued   int
	gettoken func(w http.ResponseWriter, n int) bool // true: has answered
	answer   map[string]http.HandlerFunc
	seen     []*http.Request
	bodies   []string
}

func newFake(t testing.TB) *fake {
	f := &fake{answer: map[string]http.HandlerFunc{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	api := r.URL.Path[strings.Index(r.URL.Path, "/cgi-bin/")+len("/cgi-bin/"):]
	if api == "gettoken" {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.issued++
		if f.gettoken != nil && f.gettoken(w, f.issued) {
			return
		}
		if r.URL.Query().Get("corpsecret") != secret {
			io.WriteString(w, `{"errcode":40001,"errmsg":"invalid credential, hint: [1], from ip: 192.0.2.1"}`)
			return
		}
		f.valid = fmt.Sprint(tokenPrefix, f.issued)
		fmt.Fprintf(w, `{"errcode":0,"errmsg":"ok","access_token":%q,"expires_in":7200}`, f.valid)
		return
	}
	f.mu.Lock()
	f.seen, f.bodies = append(f.seen, r), append(f.bodies, string(body))
	ok := r.URL.Query().Get("access_token") == f.valid
	h := f.answer[api]
	f.mu.Unlock()
	switch {
	case !ok:
		io.WriteString(w, `{"errcode":42001,"errmsg":"access_token expired, hint: [1], from ip: 192.0.2.1, more info at https://open.example"}`)
	case h != nil:
		h(w, r)
	default:
		io.WriteString(w, `{"errcode":0,"errmsg":"ok","msgid":"MSG","response_code":"RC"}`)
	}
}

func (f *fake) revoke() { f.mu.Lock(); f.valid = "revoked"; f.mu.Unlock() }

func (f *fake) tokens() int { f.mu.Lock(); defer f.mu.Unlock(); return f.issued }

func (f *fake) on(api string, h http.HandlerFunc) { f.mu.Lock(); f.answer[api] = h; f.mu.Unlock() }

func (f *fake) says(api, body string) {
	f.on(api, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
}

func (f *fake) calls() int { f.mu.Lock(); defer f.mu.Unlock(); return len(f.seen) }

func newTestClient(t testing.TB, base string, change func(*Config)) *Client {
	t.Helper()
	cfg := Config{APIBase: base, CorpID: "ww1", AgentID: agent, Secret: secret, Timeout: 10 * time.Second}
	if change != nil {
		change(&cfg)
	}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func rendered(t testing.TB, text string) ledger.Message {
	t.Helper()
	m, err := Render(reply(ledger.Message{Text: text}), agent)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNewClient(t *testing.T) {
	_, err := NewClient(Config{APIBase: "ftp://x"})
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("four faults, reported as %v", err)
	}
	if _, err := NewClient(Config{CorpID: "ww1", AgentID: 1, Secret: "s"}); err != nil {
		t.Error(err)
	}
}

func TestSend(t *testing.T) {
	f := newFake(t)
	c := newTestClient(t, f.URL+"/behind/a/proxy/", nil)
	m := rendered(t, `<a href="https://x">看</a>`)
	r, err := c.Send(t.Context(), m)
	if err != nil || r != (Receipt{"MSG", "RC"}) {
		t.Fatalf("%+v, %v", r, err)
	}
	if f.bodies[0] != string(m.Body) {
		t.Errorf("sent %s", f.bodies[0])
	}
	if got := f.seen[0]; got.URL.Path != "/behind/a/proxy/cgi-bin/message/send" || got.Method != "POST" || got.URL.Query().Get("access_token") != tokenPrefix+"1" {
		t.Errorf("%s %s", got.Method, got.URL)
	}
	f.says("message/send", `{"errcode":0,"errmsg":"ok","invaliduser":"other|LIU"}`)
	if _, err := c.Send(t.Context(), m); Classify(err).Action != Drop || !strings.Contains(fmt.Sprint(err), "81013") {
		t.Errorf("nobody got it: %v", err)
	}
	f.says("message/send", `{"errcode":0,"errmsg":"ok","unlicenseduser":"liu"}`)
	if _, err := c.Send(t.Context(), m); Classify(err).Action != Drop {
		t.Errorf("without licence: %v", err)
	}
	f.says("message/send", `{"errcode":0,"errmsg":"ok","invaliduser":"other"}`)
	if _, err := c.Send(t.Context(), m); err != nil {
		t.Errorf("another's trouble: %v", err)
	}

	u, err := Render(reply(ledger.Message{Code: "RC", Card: &ledger.Card{Title: "t", Done: "已记"}}), agent)
	if err != nil {
		t.Fatal(err)
	}
	f.says("message/update_template_card", `{"errcode":0,"errmsg":"ok","invaliduser":[]}`)
	if _, err := c.Send(t.Context(), u); err != nil {
		t.Error(err)
	}
	f.says("message/update_template_card", `{"errcode":0,"errmsg":"ok","invaliduser":["liu"]}`)
	if _, err := c.Send(t.Context(), u); Classify(err).Action != Drop {
		t.Errorf("update of a stranger's card: %v", err)
	}
	f.says("message/update_template_card", `{"errcode":60140,"errmsg":"invalid response_code"}`)
	if _, err := c.Send(t.Context(), u); Classify(err) != (Verdict{Drop, 0, "response_code invalid"}) {
		t.Errorf("%v", err)
	}
	before := f.calls()
	for _, call := range []ledger.Call{"", ledger.CallFetch} {
		m.Call = call
		if _, err := c.Send(t.Context(), m); err == nil {
			t.Errorf("sent a message with call %q", call)
		}
	}
	if f.calls() != before {
		t.Error("WeCom heard of a message that cannot be sent")
	}
}

// A repeated task_id on a card Render has checked is a first attempt whose answer was lost.
func TestAlreadySent(t *testing.T) {
	f := newFake(t)
	f.says("message/send", `{"errcode":42014,"errmsg":"invalid task_id"}`)
	_, err := newTestClient(t, f.URL, nil).Send(t.Context(), rendered(t, "a"))
	var a *APIError
	if !errors.Is(err, ErrAlreadySent) || !errors.As(err, &a) || a.Code != 42014 {
		t.Errorf("%v", err)
	}
}

func TestTokenRefresh(t *testing.T) {
	f := newFake(t)
	c := newTestClient(t, f.URL, nil)
	m := rendered(t, "a")
	for range 3 {
		if _, err := c.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if f.tokens() != 1 {
		t.Errorf("%d tokens for three messages", f.tokens())
	}
	f.revoke()
	if _, err := c.Send(t.Context(), m); err != nil || f.tokens() != 2 {
		t.Errorf("%v after %d tokens", err, f.tokens())
	}
	if last := f.bodies[len(f.bodies)-1]; last != string(m.Body) {
		t.Errorf("replayed as %q", last)
	}
	// Refused again with the new token: one refresh, one replay, then give up.
	before := f.calls()
	f.says("message/send", `{"errcode":40014,"errmsg":"invalid access_token"}`)
	if _, err := c.Send(t.Context(), m); Classify(err).Action != Retry || f.calls()-before != 2 || f.tokens() != 3 {
		t.Errorf("%v after %d calls and %d tokens", err, f.calls()-before, f.tokens())
	}
	// A replayed upload carries the file again.
	f.revoke()
	f.on("media/upload", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"errcode":0,"errmsg":"","type":"image","media_id":"M","created_at":"1380000000"}`)
	})
	if id, err := c.UploadMedia(t.Context(), MediaImage, "a.jpg", strings.NewReader("0123456789")); err != nil || id != "M" {
		t.Errorf("%q, %v", id, err)
	}
	if last := f.bodies[len(f.bodies)-1]; !strings.Contains(last, "0123456789") {
		t.Errorf("the upload was replayed without the file: %q", last)
	}
}

func TestOneTokenForAll(t *testing.T) {
	f := newFake(t)
	clock := time.Date(2026, 3, 11, 8, 47, 0, 0, time.UTC)
	var ahead atomic.Int64
	c := newTestClient(t, f.URL, func(cfg *Config) { cfg.Now = func() time.Time { return clock.Add(time.Duration(ahead.Load())) } })
	all := func() {
		t.Helper()
		var wg sync.WaitGroup
		start := make(chan struct{})
		for range 100 {
			wg.Go(func() {
				<-start
				if _, err := c.Send(context.Background(), rendered(t, "a")); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		wg.Wait()
	}
	all()
	if f.tokens() != 1 {
		t.Errorf("%d tokens at first", f.tokens())
	}
	f.revoke()
	all()
	if f.tokens() != 2 {
		t.Errorf("%d tokens after one was revoked", f.tokens())
	}
	ahead.Store(int64(2*time.Hour - early + time.Second))
	all()
	if f.tokens() != 3 {
		t.Errorf("%d tokens after one ran out", f.tokens())
	}
}

// Who hears late that an old token was refused must not throw away the new one.
func TestLateRefusal(t *testing.T) {
	f := newFake(t)
	c := newTestClient(t, f.URL, func(cfg *Config) { cfg.Tokens = brokenStore{} }) // no store to fall back on
	old, err := c.keys.Valid(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if token, err := c.keys.Valid(t.Context(), old); err != nil || token != tokenPrefix+"2" || f.tokens() != 2 {
			t.Errorf("%q, %v, %d tokens", token, err, f.tokens())
		}
	}
}

// Two processes share a store: the second takes what the first has brought, also after a refusal.
func TestSharedTokens(t *testing.T) {
	f := newFake(t)
	store := NewMemoryTokens()
	share := func(cfg *Config) { cfg.Tokens = store }
	one, two := newTestClient(t, f.URL, share), newTestClient(t, f.URL, share)
	m := rendered(t, "a")
	send := func(c *Client, want int) {
		t.Helper()
		if _, err := c.Send(t.Context(), m); err != nil || f.tokens() != want {
			t.Errorf("%v, %d tokens", err, f.tokens())
		}
	}
	send(one, 1)
	send(two, 1)
	f.revoke()
	send(one, 2)
	send(two, 2)
}

type brokenStore struct{}

func (brokenStore) Get(context.Context) (string, time.Time, error) {
	return "", time.Time{}, errors.New("store is down")
}
func (brokenStore) Put(context.Context, string, time.Time) error { return errors.New("store is down") }
func (brokenStore) Lock(context.Context) (func(), error)         { return nil, errors.New("store is down") }

func TestBrokenTokenStore(t *testing.T) {
	f := newFake(t)
	c := newTestClient(t, f.URL, func(cfg *Config) { cfg.Tokens = brokenStore{} })
	for range 3 {
		if _, err := c.Send(t.Context(), rendered(t, "a")); err != nil {
			t.Fatal(err)
		}
	}
	if f.tokens() != 1 {
		t.Errorf("%d tokens: the process's own copy was not used", f.tokens())
	}
}

// A wrong secret must not be repeated: WeCom bars the address for an hour.
func TestWrongSecret(t *testing.T) {
	f := newFake(t)
	clock := time.Date(2026, 3, 11, 8, 47, 0, 0, time.UTC)
	c := newTestClient(t, f.URL, func(cfg *Config) {
		cfg.Secret = "WRONG-secret"
		cfg.Now = func() time.Time { return clock }
	})
	for range 20 {
		_, err := c.Send(t.Context(), rendered(t, "a"))
		if v := Classify(err); v.Action != Stop || v.After != 5*time.Minute {
			t.Fatalf("%v: %+v", err, v)
		}
	}
	if err := c.Token(t.Context()); Classify(err).Action != Stop {
		t.Errorf("Token says %v", err)
	}
	if f.tokens() != 1 || f.calls() != 0 {
		t.Errorf("%d attempts, %d calls without a token", f.tokens(), f.calls())
	}
	clock = clock.Add(time.Minute)
	if err := c.Token(t.Context()); err == nil || f.tokens() != 2 {
		t.Errorf("a minute later: %v, %d attempts", err, f.tokens())
	}
}

func TestBadTokenAnswers(t *testing.T) {
	for _, answer := range []string{`{}`, `{"errcode":0,"access_token":"","expires_in":7200}`, `{"errcode":0,"access_token":"T"}`, `<html>`, ``, `[]`} {
		f := newFake(t)
		f.gettoken = func(w http.ResponseWriter, n int) bool {
			if n == 1 {
				io.WriteString(w, answer)
			}
			return n == 1
		}
		c := newTestClient(t, f.URL, nil)
		if err := c.Token(t.Context()); Classify(err).Action != Retry || err == nil {
			t.Errorf("%q taken for a token: %v", answer, err)
		}
		if err := c.Token(t.Context()); err != nil {
			t.Errorf("after %q: %v", answer, err)
		}
	}
}

// Several clients in one process use the SDK's one HTTP client without getting mixed up.
func TestClientsDoNotMix(t *testing.T) {
	var wg sync.WaitGroup
	for range 4 {
		f := newFake(t)
		c := newTestClient(t, f.URL, nil)
		for range 5 {
			wg.Go(func() {
				for range 10 {
					if _, err := c.Send(context.Background(), rendered(t, "a")); err != nil {
						t.Error(err)
					}
					if _, err := c.User(context.Background(), "u"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		t.Cleanup(func() {
			if f.calls() != 100 || f.tokens() != 1 {
				t.Errorf("%d calls, %d tokens", f.calls(), f.tokens())
			}
		})
	}
	wg.Wait()
	left := 0
	tickets.Range(func(any, any) bool { left++; return true })
	if left != 0 {
		t.Errorf("%d tickets are left", left)
	}
	if _, err := util.HTTPGet(apiHost + "/cgi-bin/x?access_token=none"); !errors.Is(err, errNoTicket) {
		t.Errorf("a request of nobody: %v", err)
	}
}

// Whatever goes wrong, neither secret nor token nor the caller's address may be in the error.
func TestErrorsAreClean(t *testing.T) {
	m := rendered(t, "马秀兰")
	hijack := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			io.WriteString(conn, strings.ReplaceAll(answer, "TOKEN", r.URL.RawQuery))
			conn.Close()
		}
	}
	echo := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/?"+r.URL.RawQuery)
			w.WriteHeader(status)
			io.WriteString(w, r.URL.RawQuery)
		}
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for _, mode := range []struct {
		name string
		h    http.HandlerFunc
		want Verdict
	}{
		{"500", echo(500), Verdict{Retry, time.Second, "HTTP status"}},
		{"302", echo(302), Verdict{Retry, time.Second, "HTTP status"}},
		{"404", echo(404), Verdict{Retry, time.Second, "HTTP status"}},
		{"no JSON", echo(200), Verdict{Retry, time.Second, "no answer"}},
		{"dropped at once", hijack(""), Verdict{Retry, time.Second, "no answer"}},
		{"not HTTP", hijack("TOKEN\r\n\r\n"), Verdict{Retry, time.Second, "no answer"}},
		{"bad header", hijack("HTTP/1.1 200 OK\r\nTOKEN\r\n\r\n"), Verdict{Retry, time.Second, "no answer"}},
		{"bad status", hijack("HTTP/1.1 TOKEN\r\n\r\n"), Verdict{Retry, time.Second, "no answer"}},
		{"cut short", hijack("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), Verdict{Retry, time.Second, "no answer"}},
		{"huge", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"errcode":0,"errmsg":"`+strings.Repeat("a", maxAnswer)+`"}`)
		}, Verdict{Drop, 0, "too large"}},
		{"errmsg with everything", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"errcode":60020,"errmsg":"not allow %s liu, hint: [1], from ip: 192.0.2.1, more info at x"}`, r.URL.RawQuery)
		}, Verdict{Stop, 5 * time.Minute, "address not in 企业可信IP"}},
		{"unknown code", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"errcode":99999,"errmsg":"%s liu, from ip: 192.0.2.1"}`, r.URL.RawQuery)
		}, Verdict{Retry, time.Second, "unknown code"}},
	} {
		f := newFake(t)
		c := newTestClient(t, f.URL, nil)
		for _, api := range []string{"message/send", "media/get", "user/get", "media/upload", "menu/get"} {
			f.on(api, mode.h)
		}
		check := func(call string, err error) {
			t.Helper()
			if err == nil {
				t.Errorf("%s, %s: no error", mode.name, call)
				return
			}
			if v := Classify(err); v != mode.want {
				t.Errorf("%s, %s: %v: %+v", mode.name, call, err, v)
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				for _, bad := range []string{secret, tokenPrefix, "access_token", "ticket-", "192.0.2.1", "hint", "马秀兰", "liu", "MEDIA"} {
					if strings.Contains(fmt.Sprintf("%v %s", e, e.Error()), bad) {
						t.Errorf("%s, %s: %q in %v", mode.name, call, bad, e)
					}
				}
			}
		}
		_, err := c.Send(t.Context(), m)
		check("send", err)
		_, _, err = c.Fetch(t.Context(), "MEDIA", 100)
		check("fetch", err)
		_, err = c.User(t.Context(), "liu")
		check("user", err)
		_, err = c.UploadMedia(t.Context(), MediaFile, "a.txt", strings.NewReader("0123456789"))
		check("upload", err)
		_, err = c.GetMenu(t.Context())
		check("menu", err)
	}
	// The same for gettoken, whose address has the secret.
	for name, h := range map[string]func(http.ResponseWriter, int) bool{
		"status": func(w http.ResponseWriter, _ int) bool { w.WriteHeader(502); return true },
		"refusal": func(w http.ResponseWriter, _ int) bool {
			io.WriteString(w, `{"errcode":40013,"errmsg":"bad `+secret+`, from ip: 192.0.2.1"}`)
			return true
		},
		"dropped": func(w http.ResponseWriter, _ int) bool {
			if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
				io.WriteString(conn, secret+"\r\n\r\n")
				conn.Close()
			}
			return true
		},
	} {
		f := newFake(t)
		f.gettoken = h
		_, err := newTestClient(t, f.URL, nil).Send(t.Context(), m)
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(e.Error(), secret) || strings.Contains(e.Error(), "192.0.2.1") {
				t.Errorf("gettoken, %s: %v", name, e)
			}
		}
		if err == nil || !strings.Contains(err.Error(), "gettoken") {
			t.Errorf("gettoken, %s: %v", name, err)
		}
	}
	for _, base := range []string{closed.URL, "http://name.invalid"} {
		_, err := newTestClient(t, base, nil).Send(t.Context(), m)
		if err == nil || Classify(err).Action != Retry || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", base, err)
		}
	}
	if _, err := NewClient(Config{APIBase: "http://%zz/" + secret, Secret: secret}); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("configuration: %v", err)
	}
}

// A server that never answers must not hold a caller longer than the call's time-out or the caller's own.
func TestHangingServer(t *testing.T) {
	release := make(chan struct{})
	hang := func(http.ResponseWriter, *http.Request) { <-release }
	f := newFake(t)
	t.Cleanup(func() { close(release) }) // before the server closes
	for _, api := range []string{"message/send", "user/get", "media/upload", "department/list"} {
		f.on(api, hang)
	}
	f.on("media/get", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		io.WriteString(w, "JPEG")
		w.(http.Flusher).Flush()
		<-release // in the middle of the file
	})
	store := NewMemoryTokens() // the token is fetched without haste, so that only what hangs can run out of time
	if err := newTestClient(t, f.URL, func(cfg *Config) { cfg.Tokens = store }).Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := newTestClient(t, f.URL, func(cfg *Config) {
		cfg.Tokens, cfg.Timeout, cfg.MediaTimeout = store, 50*time.Millisecond, 50*time.Millisecond
	})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range map[string]func(context.Context) error{
		"send":        func(ctx context.Context) error { _, err := c.Send(ctx, rendered(t, "a")); return err },
		"user":        func(ctx context.Context) error { _, err := c.User(ctx, "u"); return err },
		"departments": func(ctx context.Context) error { _, err := c.Departments(ctx); return err },
		"fetch":       func(ctx context.Context) error { _, _, err := c.Fetch(ctx, "M", 1000); return err },
		"upload": func(ctx context.Context) error {
			_, err := c.UploadMedia(ctx, MediaFile, "a", strings.NewReader("0123456789"))
			return err
		},
	} {
		if err := call(t.Context()); !errors.Is(err, context.DeadlineExceeded) || Classify(err).Action != Retry {
			t.Errorf("%s: %v", name, err)
		}
		if err := call(cancelled); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled: %v", name, err)
		}
	}
}

// One caller giving up must not cost the others their token.
func TestImpatientCaller(t *testing.T) {
	f := newFake(t)
	asked, release := make(chan struct{}), make(chan struct{})
	f.gettoken = func(http.ResponseWriter, int) bool { close(asked); <-release; return false }
	c := newTestClient(t, f.URL, nil)
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	go func() { first <- c.Token(ctx) }()
	<-asked
	go func() { second <- c.Token(context.Background()) }()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(release)
	if err := <-second; err != nil {
		t.Error(err)
	}
	if f.tokens() != 1 {
		t.Errorf("%d tokens", f.tokens())
	}
}

func TestFetch(t *testing.T) {
	f := newFake(t)
	c := newTestClient(t, f.URL, nil)
	file := func(typ, disposition, body string) {
		f.on("media/get", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", typ)
			if disposition != "" {
				w.Header().Set("Content-Disposition", disposition)
			}
			io.WriteString(w, body)
		})
	}
	attached := `attachment; filename="a"`
	for _, good := range [][3]string{
		{"image/jpeg", attached, "JPEG"},
		{"image/jpeg", "", "JPEG"},
		{"application/octet-stream", "", "AMR"},
		{"application/json", attached, `{"errcode":40007}`}, // a member's own file
		{"text/plain", attached, `hello`},
	} {
		file(good[0], good[1], good[2])
		data, typ, err := c.Fetch(t.Context(), "M", int64(len(good[2])))
		if err != nil || string(data) != good[2] || typ != good[0] {
			t.Errorf("%v: %q %q %v", good, data, typ, err)
		}
		if data, _, err := c.Fetch(t.Context(), "M", int64(len(good[2])-1)); !errors.Is(err, ErrTooLarge) || data != nil {
			t.Errorf("one byte too many: %q %v", data, err)
		}
	}
	f.on("media/get", func(w http.ResponseWriter, r *http.Request) { // without a length
		w.Header().Set("Content-Type", "image/png")
		for range 64 {
			io.WriteString(w, strings.Repeat("a", 1024))
			w.(http.Flusher).Flush()
		}
	})
	if data, _, err := c.Fetch(t.Context(), "M", 10_000); !errors.Is(err, ErrTooLarge) || data != nil || Classify(err).Action != Drop {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	file("application/json; charset=UTF-8", "", `{"errcode":40007,"errmsg":"invalid media_id"}`)
	if _, _, err := c.Fetch(t.Context(), "M", 1000); Classify(err) != (Verdict{Drop, 0, "media lost"}) {
		t.Errorf("%v", err)
	}
	file("application/json", "", `{"errcode":0}`)
	if _, _, err := c.Fetch(t.Context(), "M", 1000); err == nil {
		t.Error("JSON without a file taken for a file")
	}
	file("image/jpeg", attached, "JPEG")
	if _, _, err := c.Fetch(t.Context(), "a&access_token=X#b c+d", 1000); err != nil {
		t.Fatal(err)
	}
	last := f.seen[len(f.seen)-1].URL.Query()
	if last.Get("media_id") != "a&access_token=X#b c+d" || len(last["access_token"]) != 1 {
		t.Errorf("%v", last)
	}
	f.revoke()
	if data, _, err := c.Fetch(t.Context(), "M", 1000); err != nil || string(data) != "JPEG" {
		t.Errorf("after a refresh: %q %v", data, err)
	}
}

func TestUploadMedia(t *testing.T) {
	f := newFake(t)
	c := newTestClient(t, f.URL, nil)
	f.says("media/upload", `{"errcode":0,"errmsg":"","type":"file","media_id":"M","created_at":"1380000000"}`)
	if id, err := c.UploadMedia(t.Context(), MediaFile, `C:\secret folder/三月.xlsx`, strings.NewReader("0123456789")); err != nil || id != "M" {
		t.Fatalf("%q %v", id, err)
	}
	r, body := f.seen[0], f.bodies[0]
	if r.URL.Query().Get("type") != "file" || !strings.Contains(body, `filename="三月.xlsx"`) || strings.Contains(body, "secret folder") {
		t.Errorf("%s\n%s", r.URL, body)
	}
	if typ, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); typ != "multipart/form-data" {
		t.Error(typ)
	}
	for _, bad := range []struct {
		kind MediaKind
		size int
	}{{MediaVoice, 2<<20 + 1}, {MediaImage, 5}, {"hologram", 10}} {
		var e *LimitError
		if _, err := c.UploadMedia(t.Context(), bad.kind, "a", strings.NewReader(strings.Repeat("a", bad.size))); !errors.As(err, &e) {
			t.Errorf("%s of %d bytes: %v", bad.kind, bad.size, err)
		}
	}
	if f.calls() != 1 {
		t.Error("WeCom was sent what it refuses")
	}
}

func TestOtherCalls(t *testing.T) {
	f := newFake(t)
	c := newTestClient(t, f.URL, nil)
	ctx := t.Context()
	menu := []MenuButton{{Type: "click", Name: "巡访", Key: "visit"}, {Name: "更多", Sub: []MenuButton{{Type: "view", Name: "看板", URL: "https://bot.example/?a=1&b=<2>"}}}}
	if err := c.PushMenu(ctx, menu); err != nil {
		t.Error(err)
	}
	if want := `{"button":[{"type":"click","name":"巡访","key":"visit"},{"name":"更多","sub_button":[{"type":"view","name":"看板","url":"https://bot.example/?a=1&b=<2>"}]}]}`; f.bodies[0] != want {
		t.Errorf("%s", f.bodies[0])
	}
	if q := f.seen[0].URL.Query(); q.Get("agentid") != "1000002" {
		t.Error(q)
	}
	if err := c.PushMenu(ctx, nil); err == nil || f.calls() != 1 {
		t.Error("an empty menu was sent")
	}
	f.says("menu/get", `{"errcode":0,`+f.bodies[0][1:])
	if got, err := c.GetMenu(ctx); err != nil || !reflect.DeepEqual(got, menu) {
		t.Errorf("%+v %v", got, err)
	}
	if err := c.DeleteMenu(ctx); err != nil {
		t.Error(err)
	}
	if err := c.Recall(ctx, "MSG"); err != nil || f.bodies[len(f.bodies)-1] != `{"msgid":"MSG"}` {
		t.Error(err)
	}
	f.says("agent/get", `{"errcode":0,"agentid":1000002,"name":"巡访","allow_userinfos":{"user":[{"userid":"Liu"}]},"allow_partys":{"partyid":[1]},"allow_tags":{"tagid":[2]},"close":0,"redirect_domain":"d","report_location_flag":0,"isreportenter":1,"home_url":"h"}`)
	if a, err := c.Agent(ctx); err != nil || !reflect.DeepEqual(a, Agent{ID: agent, Name: "巡访", ReportEnter: true, RedirectDomain: "d", HomeURL: "h", Users: []string{"liu"}, Parties: []int{1}, Tags: []int{2}}) {
		t.Errorf("%+v %v", a, err)
	}
	f.says("user/get", `{"errcode":0,"userid":"Liu","name":"刘巡访员","department":[1,2],"position":"巡访员","status":1}`)
	if u, err := c.User(ctx, "zhang san&access_token=X#"); err != nil || !reflect.DeepEqual(u, Member{"liu", "刘巡访员", "巡访员", []int{1, 2}, 1}) {
		t.Errorf("%+v %v", u, err)
	}
	if q := f.seen[len(f.seen)-1].URL.Query(); q.Get("userid") != "zhang san&access_token=X#" || len(q["access_token"]) != 1 {
		t.Errorf("%v", q)
	}
	f.says("department/list", `{"errcode":0,"department":[{"id":2,"name":"望远村","parentid":1,"order":1}]}`)
	if d, err := c.Departments(ctx); err != nil || !reflect.DeepEqual(d, []Department{{2, 1, "望远村"}}) {
		t.Errorf("%+v %v", d, err)
	}
	f.says("user/simplelist", `{"errcode":0,"userlist":[{"userid":"Liu","name":"刘巡访员","department":[2]}]}`)
	if l, err := c.SimpleList(ctx, 2); err != nil || !reflect.DeepEqual(l, []Member{{UserID: "liu", Name: "刘巡访员", Departments: []int{2}}}) {
		t.Errorf("%+v %v", l, err)
	}
	f.says("getcallbackip", `{"ip_list":["192.0.2.1","192.0.2.*"],"errcode":0,"errmsg":"ok"}`)
	if ips, err := c.CallbackIPs(ctx); err != nil || !reflect.DeepEqual(ips, []string{"192.0.2.1", "192.0.2.*"}) {
		t.Errorf("%v %v", ips, err)
	}
}

func TestClassify(t *testing.T) {
	want := map[Action][]int{
		Retry: {-1, 6000, 45035, 45036, 40014, 42001, 99999},
		Later: {45009, 45033},
		Stop:  {60020, 40001, 40013, 40091, 50003, 48002, 301002, 48006, 43012, 40056, 93000, 93001, 93004, 93008},
		Drop:  {81013, 60111, 40003, 46004, 60011, 60140, 42022, 42014, 40007, 40008, 40058, 42036, 44004, 45002, 82001, 42052, 301049, 301050, 301051, 93017},
	}
	for action, codes := range want {
		for _, code := range codes {
			err := fmt.Errorf("send: %w", &APIError{API: "message/send", Code: code})
			v := Classify(err)
			if v.Action != action || v.Reason == "" || (action == Drop) != (v.After == 0) {
				t.Errorf("%d: %+v", code, v)
			}
		}
	}
	if v := Classify(&APIError{Code: 45009}); v.After != time.Minute {
		t.Error(v)
	}
	if v := Classify(&APIError{Code: 45033}); v.After != 5*time.Second {
		t.Error(v)
	}
	if v := Classify(&LimitError{Field: "text"}); v.Action != Drop {
		t.Error(v)
	}
	if v := Classify(fmt.Errorf("x: %w", ErrAlreadySent)); v.Action != Drop || v.Reason != "already sent" {
		t.Error(v)
	}
	if v := Classify(&net.OpError{Op: "dial", Err: errors.New("x")}); v.Action != Retry {
		t.Error(v)
	}
}
