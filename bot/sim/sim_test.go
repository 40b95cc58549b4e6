package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// Corp, keys and people are invented; the key is the published sample of path/90968.
const (
	testCorp   = "wxsamplecorp"
	testAgent  = 1000002
	testSecret = "sample-secret"
	testToken  = "QDG6eK"
	testKey    = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
)

var morning = time.Date(2026, 3, 11, 8, 47, 0, 0, china)

// world is a simulator with a bot behind a real HTTP server, and a clock.
type world struct {
	*Sim
	t     *testing.T
	api   *httptest.Server
	bot   *testBot
	token string

	mu    sync.Mutex
	clock time.Time
	slept []time.Duration
}

// testBot opens what it is sent and answers what it is told to.
type testBot struct {
	*httptest.Server
	seal sealer

	mu     sync.Mutex
	got    []string                                                   // decrypted
	raw    []*http.Request                                            // with their bodies read
	bodies []string                                                   // envelopes
	answer func(w http.ResponseWriter, r *http.Request, plain string) // nil: empty 200
}

// open does what a careful bot does with a callback.
func (b *testBot) open(r *http.Request, body []byte) (string, error) {
	var env struct{ ToUserName, Encrypt string }
	if err := xml.Unmarshal(body, &env); err != nil {
		return "", err
	}
	q := r.URL.Query()
	if b.seal.sign(q.Get("timestamp"), q.Get("nonce"), env.Encrypt) != q.Get("msg_signature") {
		return "", fmt.Errorf("signature")
	}
	return b.seal.decrypt(env.Encrypt)
}

func (b *testBot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	answer := b.answer
	b.raw, b.bodies = append(b.raw, r), append(b.bodies, string(body))
	b.mu.Unlock()
	if r.Method == http.MethodGet {
		answer(w, r, "")
		return
	}
	plain, err := b.open(r, body)
	if err != nil {
		http.Error(w, "refused", http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	b.got = append(b.got, plain)
	b.mu.Unlock()
	if answer != nil {
		answer(w, r, plain)
	}
}

func (b *testBot) answers(f func(w http.ResponseWriter, r *http.Request, plain string)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = f
}

// replies answers every callback with a passive reply of this inner XML.
func (b *testBot) replies(to, inner string) {
	b.answers(func(w http.ResponseWriter, _ *http.Request, _ string) {
		io.WriteString(w, b.pack("<xml>"+element("ToUserName", to)+element("FromUserName", testCorp)+node("CreateTime", "1")+inner+"</xml>"))
	})
}

func (b *testBot) pack(plain string) string {
	encrypted := b.seal.encrypt(plain)
	return "<xml>" + element("Encrypt", encrypted) + element("MsgSignature", b.seal.sign("17", "n1", encrypted)) +
		node("TimeStamp", "17") + element("Nonce", "n1") + "</xml>"
}

func (b *testBot) heard() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.got...)
}

func (b *testBot) envelopes() ([]*http.Request, []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]*http.Request(nil), b.raw...), append([]string(nil), b.bodies...)
}

func newWorld(t *testing.T, edit ...func(*Options)) *world {
	t.Helper()
	seal, err := newSealer(testToken, testKey, testCorp)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, clock: morning, bot: &testBot{seal: seal}}
	w.bot.Server = httptest.NewServer(w.bot)
	t.Cleanup(w.bot.Close)
	opt := Options{
		CorpID: testCorp, AgentID: testAgent, Secret: testSecret, OtherAgents: []int{1000009},
		Token: testToken, EncodingAESKey: testKey, CallbackURL: w.bot.URL + "/callback",
		Members: []Member{
			{UserID: "MaYun", Name: "马云霞", Title: "巡访员", Place: "望远村", Department: []int{2}, Phone: true},
			{UserID: "wang", Name: "王志军", Title: "村负责人", Place: "望远村", Department: []int{3}, Phone: true, Mobile: "13900000000"},
			{UserID: "li", Name: "李静", Title: "镇", Department: []int{1}},
			{UserID: "hidden", Name: "外人", Department: []int{2}, Hidden: true},
			{UserID: "child", Name: "女儿", Department: []int{2}, Kind: "wechat", Phone: true},
		},
		Departments: []Department{{ID: 1, Name: "县"}, {ID: 2, ParentID: 1, Name: "望远镇"}, {ID: 3, ParentID: 2, Name: "望远村", Leaders: []string{"wang"}}},
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.clock
		},
		Shift: w.pass,
		Sleep: func(d time.Duration) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.slept = append(w.slept, d)
		},
	}
	for _, e := range edit {
		e(&opt)
	}
	if w.Sim, err = New(opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Sim.Close)
	w.api = httptest.NewServer(w.Sim)
	t.Cleanup(w.api.Close)
	w.token = w.get("gettoken?corpid=" + testCorp + "&corpsecret=" + testSecret).text("access_token")
	return w
}

func rules(r Rules) func(*Options) { return func(o *Options) { o.Rules = r } }

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

// reply is an answer of the API.
type reply struct {
	t      *testing.T
	fields map[string]any
	header http.Header
	body   string
}

func (r reply) text(key string) string { s, _ := r.fields[key].(string); return s }

func (r reply) code() int {
	n, _ := r.fields["errcode"].(float64)
	return int(n)
}

// wants checks the errcode.
func (r reply) wants(code int) reply {
	r.t.Helper()
	if r.code() != code {
		r.t.Fatalf("errcode %d, want %d: %s", r.code(), code, r.body)
	}
	return r
}

func (w *world) url(path string) string {
	joint := "?"
	if strings.Contains(path, "?") {
		joint = "&"
	}
	return w.api.URL + "/cgi-bin/" + path + joint + "access_token=" + url.QueryEscape(w.token)
}

func (w *world) get(path string) reply {
	w.t.Helper()
	res, err := http.Get(w.url(path))
	return w.read(res, err)
}

func (w *world) post(path, body string) reply {
	w.t.Helper()
	res, err := http.Post(w.url(path), "application/json", strings.NewReader(body))
	return w.read(res, err)
}

func (w *world) read(res *http.Response, err error) reply {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		w.t.Fatalf("status %d: %s", res.StatusCode, body)
	}
	r := reply{t: w.t, header: res.Header, body: string(body)}
	if err := json.Unmarshal(body, &r.fields); err != nil {
		w.t.Fatalf("%v: %s", err, body)
	}
	return r
}

// send is message/send with the usual head.
func (w *world) send(rest string) reply {
	w.t.Helper()
	return w.post("message/send", fmt.Sprintf(`{"touser":"mayun","agentid":%d,%s}`, testAgent, rest))
}

func (w *world) text(content string) reply {
	w.t.Helper()
	return w.send(`"msgtype":"text","text":{"content":"` + content + `"}`)
}

// card sends a template card given as JSON.
func (w *world) card(card string) reply {
	w.t.Helper()
	return w.send(`"msgtype":"template_card","template_card":` + card)
}

func (w *world) upload(kind, name string, data []byte) reply {
	w.t.Helper()
	return w.postFile("media/upload?type="+kind, "media", name, data)
}

func (w *world) postFile(path, field, name string, data []byte) reply {
	w.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile(field, name)
	if err != nil {
		w.t.Fatal(err)
	}
	part.Write(data)
	form.Close()
	res, err := http.Post(w.url(path), form.FormDataContentType(), &b)
	return w.read(res, err)
}

// shown is the whole list of what a phone shows, so that a message too many fails.
func (w *world) shown(userid string, n int) []Message {
	w.t.Helper()
	got := w.Messages(userid)
	if len(got) != n {
		w.t.Fatalf("%s's phone shows %d messages, want %d: %+v", userid, len(got), n, got)
	}
	return got
}

func (w *world) delivered(d Delivery, attempts int) Delivery {
	w.t.Helper()
	if d.Err != "" || d.Status != http.StatusOK || d.Attempts != attempts {
		w.t.Fatalf("delivery %+v, want ok after %d", d, attempts)
	}
	return d
}

func wantIn(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Fatalf("no %q in %s", p, text)
		}
	}
}

func TestNewListsAllMistakesAtOnce(t *testing.T) {
	_, err := New(Options{CallbackURL: "ftp://x", Token: "t", EncodingAESKey: "short",
		Members: []Member{{UserID: "a"}, {UserID: "A"}, {UserID: ""}}})
	if err == nil {
		t.Fatal("no error")
	}
	wantIn(t, err.Error(), "corp id", "callback URL", "43 letters", "twice", "1 to 64")
}

func TestCloseGivesUpWhatIsOnItsWay(t *testing.T) {
	w := newWorld(t)
	began := make(chan struct{})
	var once sync.Once
	w.bot.answers(func(_ http.ResponseWriter, r *http.Request, _ string) {
		once.Do(func() { close(began) })
		<-r.Context().Done()
	})
	out := make(chan Delivery, 2)
	go func() { out <- w.Say("mayun", "一") }()
	<-began
	w.Sim.Close()
	if d := <-out; d.Err == "" || d.Attempts > 1 {
		t.Fatalf("%+v", d)
	}
	if d := w.Say("mayun", "二"); d.Err == "" || d.Attempts != 0 {
		t.Fatalf("after Close: %+v", d)
	}
}

func TestWaitQuiet(t *testing.T) {
	w := newWorld(t)
	release := make(chan struct{})
	w.bot.answers(func(http.ResponseWriter, *http.Request, string) { <-release })
	e, err := w.say("mayun", "在吗")
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if w.WaitQuiet(gone) == nil {
		t.Fatal("quiet while a callback is on its way")
	}
	close(release)
	if err := w.WaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.delivered(e.result, 1)
}

func TestManyAtOnce(t *testing.T) {
	w := newWorld(t, rules(Rules{MemberMinute: -1, MemberHour: -1}))
	w.bot.replies("MaYun", element("MsgType", "text")+element("Content", "好"))
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() { w.Say("mayun", fmt.Sprint("第", i)) })
		all.Go(func() { w.Say("wang", fmt.Sprint("第", i)) }) // its replies name another: dropped
		all.Go(func() { w.text(fmt.Sprint("消息", i)) })
		all.Go(func() { w.Messages("mayun"); w.traces.newest("mayun", 200); w.state() })
	}
	all.Wait()
	w.shown("mayun", 60)
	w.shown("wang", 20)
}
