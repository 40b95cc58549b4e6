package official

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The account and its followers are invented.
const (
	appID       = "wxf0e1d2c3b4a59687"
	secret      = "SECRET-of-the-account"
	openID      = "oTEST7invented-openid"
	template    = "TMPL-visit"
	tokenPrefix = "TOKEN-"
)

// fake is as much of WeChat as the pages of a service account promise: one token that lives until it is thrown out, given again
// without force, and answers by path.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	valid    string // the token accepted
	believed string // the token given without force
	issued   int
	asked    []string // bodies of stable_token
	answer   map[string]string
	status   int
	seen     []*http.Request
	bodies   []string
	before   func(api string)
}

func newFake(t testing.TB) *fake {
	f := &fake{answer: map[string]string{}, status: 200}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, api, _ := strings.Cut(r.URL.Path, "/cgi-bin/")
	f.mu.Lock()
	before := f.before
	f.mu.Unlock()
	if before != nil {
		before(api)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Location", f.URL+"/elsewhere")
	w.WriteHeader(f.status)
	if api == apiToken {
		f.asked = append(f.asked, string(body))
		if a := f.answer[api]; a != "" {
			io.WriteString(w, a)
			return
		}
		if strings.Contains(string(body), `"force_refresh":true`) || f.believed == "" {
			f.issued++
			f.believed = fmt.Sprint(tokenPrefix, f.issued)
			f.valid = f.believed
		}
		fmt.Fprintf(w, `{"access_token":%q,"expires_in":7200}`, f.believed)
		return
	}
	f.seen, f.bodies = append(f.seen, r), append(f.bodies, string(body))
	switch a := f.answer[api]; {
	case r.URL.Query().Get("access_token") != f.valid:
		io.WriteString(w, `{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest rid: 6"}`)
	case a != "":
		io.WriteString(w, a)
	default:
		io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
	}
}

// thrownOut is another program's forced refresh: what we have is no good, and without force the new one is given.
func (f *fake) thrownOut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.issued++
	f.believed = fmt.Sprint(tokenPrefix, f.issued)
	f.valid = f.believed
}

// lost is a token WeChat has forgotten without knowing.
func (f *fake) lost() { f.mu.Lock(); f.valid = "another"; f.mu.Unlock() }

func (f *fake) says(api, answer string) { f.mu.Lock(); f.answer[api] = answer; f.mu.Unlock() }

func (f *fake) fails(status int) { f.mu.Lock(); f.status = status; f.mu.Unlock() }

func (f *fake) counts() (calls, asked int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.seen), len(f.asked)
}

func account(t testing.TB, base string, now func() time.Time) *Account {
	t.Helper()
	a, err := New(Config{APIBase: base, AppID: appID, Secret: secret, Timeout: 10 * time.Second, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func notice() Notice {
	return Notice{OpenID: openID, Template: template, URL: "https://county.example/j?a=1&b=2",
		Data: map[string]string{"thing1": "走访结果可以查看了", "time2": "2026年2月11日 16:47"}}
}

func TestNew(t *testing.T) {
	_, err := New(Config{APIBase: "ftp://x"})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("three faults, reported as %v", err)
	}
	a, err := New(Config{AppID: appID, Secret: secret})
	if err != nil || a.base.String() != "https://api.weixin.qq.com" {
		t.Errorf("%v", err)
	}
}

func TestSend(t *testing.T) {
	f := newFake(t)
	a := account(t, f.URL+"/behind/a/proxy/", nil)
	f.says(apiSend, `{"errcode":0,"errmsg":"ok","msgid":1700827132819554304}`)
	id, err := a.Send(t.Context(), notice())
	if err != nil || id != "1700827132819554304" {
		t.Fatalf("%q, %v", id, err)
	}
	r := f.seen[0]
	if r.Method != "POST" || r.URL.Path != "/behind/a/proxy/cgi-bin/message/subscribe/bizsend" ||
		r.URL.RawQuery != "access_token=TOKEN-1" || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s", r.Method, r.URL)
	}
	want := `{"touser":"oTEST7invented-openid","template_id":"TMPL-visit","page":"https://county.example/j?a=1&b=2",` +
		`"data":{"thing1":{"value":"走访结果可以查看了"},"time2":{"value":"2026年2月11日 16:47"}}}` + "\n"
	if f.bodies[0] != want {
		t.Errorf("sent %s", f.bodies[0])
	}
	want = `{"grant_type":"client_credential","appid":"` + appID + `","secret":"` + secret + `","force_refresh":false}` + "\n"
	if len(f.asked) != 1 || f.asked[0] != want {
		t.Errorf("asked %q", f.asked)
	}
	// WeChat's page promises no msgid; a notice may have no page behind it.
	f.says(apiSend, `{"errcode":0,"errmsg":"ok"}`)
	n := notice()
	n.URL = ""
	if id, err := a.Send(t.Context(), n); err != nil || id != "" || strings.Contains(f.bodies[1], "page") {
		t.Errorf("%q, %v, %s", id, err, f.bodies[1])
	}
	if n.Data["thing1"] != notice().Data["thing1"] {
		t.Error("the caller's map has changed")
	}
}

func TestFit(t *testing.T) {
	han := func(n int) string { return strings.Repeat("访", n) }
	for _, c := range []struct{ key, in, want string }{
		{"thing1", han(20), han(20)},
		{"thing1", han(21), han(19) + "…"},
		{"thing12.DATA", han(40), han(19) + "…"},
		{"thing1", " 两\n行\t ", "两 行"},
		{"thing1", "", ""},
		{"phrase3", "已经走访完成了", "已经走访完"},
		{"phrase3", "已走访", "已走访"},
		{"name4", "欧阳" + han(10), "欧阳" + han(8)},
		{"name4", "Alexander Ivanovich Petrov", "Alexander Ivanovich "},
		// What would say something else when cut is left as it is.
		{"phone_number5", "0951-6012345-60123456", "0951-6012345-60123456"},
		{"character_string6", strings.Repeat("a", 40), strings.Repeat("a", 40)},
		{"number7", strings.Repeat("9", 40), strings.Repeat("9", 40)},
		{"time8", "2026年2月11日 16:47~2026年2月11日 17:47", "2026年2月11日 16:47~2026年2月11日 17:47"},
		{"future9", han(30), han(30)},
	} {
		if got := fit(c.key, c.in); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.key, c.in, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.String().Draw(t, "text")
		out := fit("thing1", in)
		if utf8.RuneCountInString(out) > 20 || strings.ContainsAny(out, "\r\n\t\x00") || !utf8.ValidString(out) || fit("thing1", out) != out {
			t.Fatalf("%q", out)
		}
	})
}

func TestQR(t *testing.T) {
	f := newFake(t)
	a := account(t, f.URL, nil)
	f.says(apiQR, `{"ticket":"gQH47joAAAAAAAAA","expire_seconds":604800,"url":"http://weixin.qq.com/q/kZgfwMTm72WWPkovabbI"}`)
	u, err := a.QR(t.Context(), "v1.k1.ABCDEFGHJK.mac", 7*24*time.Hour)
	if err != nil || u != "http://weixin.qq.com/q/kZgfwMTm72WWPkovabbI" {
		t.Fatalf("%q, %v", u, err)
	}
	want := `{"expire_seconds":604800,"action_name":"QR_STR_SCENE","action_info":{"scene":{"scene_str":"v1.k1.ABCDEFGHJK.mac"}}}` + "\n"
	if f.bodies[0] != want || f.seen[0].URL.Path != "/cgi-bin/qrcode/create" {
		t.Errorf("%s %s", f.seen[0].URL.Path, f.bodies[0])
	}
	if _, err := a.QR(t.Context(), strings.Repeat("s", 64), MaxQR); err != nil {
		t.Error(err)
	}
	before, _ := f.counts()
	for _, c := range []struct {
		scene   string
		expires time.Duration
	}{{"", time.Hour}, {strings.Repeat("s", 65), time.Hour}, {"s", 0}, {"s", MaxQR + time.Second}, {"s", -time.Hour}} {
		if _, err := a.QR(t.Context(), c.scene, c.expires); err == nil {
			t.Errorf("%q for %s passed", c.scene, c.expires)
		}
	}
	if after, _ := f.counts(); after != before {
		t.Error("WeChat heard of a code that cannot be")
	}
	f.says(apiQR, `{"ticket":"g"}`)
	if _, err := a.QR(t.Context(), "s", time.Hour); err == nil {
		t.Error("a code without an address")
	}
}

func TestOneTokenForAll(t *testing.T) {
	f := newFake(t)
	var ahead atomic.Int64
	start := time.Date(2026, 2, 11, 8, 0, 0, 0, time.UTC)
	a := account(t, f.URL, func() time.Time { return start.Add(time.Duration(ahead.Load())) })
	all := func(want int) {
		t.Helper()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := a.Send(t.Context(), notice()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if _, asked := f.counts(); asked != want {
			t.Errorf("asked for %d tokens, want %d", asked, want)
		}
	}
	all(1)
	ahead.Store(int64(7200*time.Second - early - time.Second))
	all(1)
	ahead.Store(int64(7200*time.Second - early))
	all(2) // given again, since WeChat believes in it
	f.thrownOut()
	all(3)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, body := range f.asked {
		if strings.Contains(body, "true") {
			t.Error("forced a token without need")
		}
	}
}

func TestTokenRefused(t *testing.T) {
	f := newFake(t)
	var ahead atomic.Int64
	start := time.Date(2026, 2, 11, 8, 0, 0, 0, time.UTC)
	a := account(t, f.URL, func() time.Time { return start.Add(time.Duration(ahead.Load())) })
	send := func() error { _, err := a.Send(t.Context(), notice()); return err }
	if err := send(); err != nil {
		t.Fatal(err)
	}
	f.lost() // WeChat repeats the token it no longer takes: only then force
	if err := send(); err != nil {
		t.Error(err)
	}
	if len(f.asked) != 3 || strings.Contains(f.asked[1], "true") || !strings.Contains(f.asked[2], "true") {
		t.Errorf("asked %q", f.asked)
	}
	if n := len(f.bodies); n != 3 || f.bodies[2] != f.bodies[1] {
		t.Errorf("%d calls", n)
	}
	// Refused whatever the token: one more call, and no more force.
	f.says(apiSend, `{"errcode":42001,"errmsg":"access_token expired"}`)
	calls, asked := f.counts()
	for range 5 {
		err := send()
		if e := (*Error)(nil); !errors.As(err, &e) || e.Code != 42001 || !e.Retry() || e.Gone() {
			t.Errorf("%v", err)
		}
	}
	calls2, asked2 := f.counts()
	if calls2-calls != 10 || asked2-asked > 5 {
		t.Errorf("%d calls and %d tokens for five notices", calls2-calls, asked2-asked)
	}
	forced := 0
	for _, body := range f.asked {
		forced += strings.Count(body, "true")
	}
	if forced != 1 {
		t.Errorf("forced %d times within an hour", forced)
	}
	f.says(apiSend, "")
	f.lost()
	ahead.Store(int64(forceEvery))
	if err := send(); err != nil {
		t.Error(err)
	}
}

// A wrong secret does not mend itself within a minute, a fault of the line may.
func TestTokenBarred(t *testing.T) {
	f := newFake(t)
	var ahead atomic.Int64
	start := time.Date(2026, 2, 11, 8, 0, 0, 0, time.UTC)
	a := account(t, f.URL, func() time.Time { return start.Add(time.Duration(ahead.Load())) })
	f.says(apiToken, `{"errcode":40125,"errmsg":"invalid appsecret rid: 6, `+secret+`"}`)
	for range 3 {
		err := a.Token(t.Context())
		if e := (*Error)(nil); !errors.As(err, &e) || e.Code != 40125 || e.Retry() || e.Gone() {
			t.Errorf("%v", err)
		}
	}
	if _, asked := f.counts(); asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	ahead.Store(int64(time.Minute))
	for _, broken := range []string{`{"access_token":"","expires_in":7200}`, `{"access_token":"x"}`, `{}`, `x`, `{"errcode":-1}`} {
		f.says(apiToken, broken)
		err := a.Token(t.Context())
		if e := (*Error)(nil); !errors.As(err, &e) || !e.Retry() {
			t.Errorf("%s: %v", broken, err)
		}
	}
	f.says(apiToken, "")
	if err := a.Token(t.Context()); err != nil {
		t.Error(err)
	}
}

// One who gives up does not take the token from the others.
func TestFetchOutlivesItsCaller(t *testing.T) {
	f := newFake(t)
	a := account(t, f.URL, nil)
	asked, goOn := make(chan struct{}), make(chan struct{})
	f.before = func(api string) {
		if api == apiToken {
			close(asked)
			<-goOn
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { first <- a.Token(ctx) }()
	<-asked
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	second := make(chan error, 1)
	go func() { second <- a.Token(t.Context()) }()
	close(goOn)
	if err := <-second; err != nil {
		t.Error(err)
	}
	if _, n := f.counts(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestErrors(t *testing.T) {
	f := newFake(t)
	a := account(t, f.URL, nil)
	for _, c := range []struct {
		code        int
		gone, retry bool
	}{{-1, false, true}, {40003, true, false}, {43101, true, false}, {43004, true, false}, {47003, false, false}, {40037, false, false},
		{45009, false, false}, {45011, false, true}, {48001, false, false}, {99999, false, false}} {
		f.says(apiSend, fmt.Sprintf(`{"errcode":%d,"errmsg":"x"}`, c.code))
		_, err := a.Send(t.Context(), notice())
		e := (*Error)(nil)
		if !errors.As(err, &e) || e.Code != c.code || e.Gone() != c.gone || e.Retry() != c.retry {
			t.Errorf("%d: %v", c.code, err)
		}
	}
	for _, status := range []int{302, 404, 500, 502} {
		f.fails(status)
		_, err := a.Send(t.Context(), notice())
		if e := (*Error)(nil); !errors.As(err, &e) || e.Status != status || !e.Retry() || e.Gone() {
			t.Errorf("HTTP %d: %v", status, err)
		}
	}
	if n, _ := f.counts(); n != 14 {
		t.Errorf("%d calls", n)
	}
}

// Whatever WeChat says, and whatever breaks, errors hold no secret, no token, no openid.
func TestErrorsQuoteNothing(t *testing.T) {
	f := newFake(t)
	a := account(t, f.URL, nil)
	var all []error
	send := func(a *Account, ctx context.Context) {
		_, err := a.Send(ctx, notice())
		_, err2 := a.QR(ctx, "scene-of-one-card", time.Hour)
		all = append(all, err, err2)
	}
	echo, _ := json.Marshal(openID + " " + secret + " " + tokenPrefix + "1 scene-of-one-card")
	for _, code := range []int{-1, 40001, 40003, 43101, 47003, 99999} {
		for _, api := range []string{apiSend, apiQR} {
			f.says(api, fmt.Sprintf(`{"errcode":%d,"errmsg":%s}`, code, echo))
		}
		send(a, t.Context())
	}
	for _, body := range []string{string(echo), "[", openID, "<html>" + secret, `{"errcode":"` + openID + `"}`, `{"url":7,"msgid":{}}`} {
		f.says(apiSend, body)
		f.says(apiQR, body)
		send(a, t.Context())
	}
	f.fails(307)
	send(a, t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	send(a, ctx)
	f.CloseClientConnections()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	late := account(t, gone.URL, nil)
	send(late, t.Context()) // no token
	late.keys.Fetch = func(context.Context, string) (string, time.Time, error) {
		return tokenPrefix + "1", time.Now().Add(time.Hour), nil
	}
	send(late, t.Context())
	send(account(t, "http://name.invalid", nil), t.Context())
	for _, err := range all {
		if err == nil {
			t.Error("no error")
			continue
		}
		for _, s := range []string{openID, secret, tokenPrefix, "scene-of", "access_token", appID} {
			if strings.Contains(err.Error(), s) {
				t.Errorf("quotes %s: %v", s, err)
			}
		}
	}
}
