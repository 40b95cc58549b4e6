package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"xunfang/bot/sim"
	"xunfang/bot/wecom"
	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// faults are things that go wrong between WeCom and us, one row each, played on both databases. Time passes only where a row
// lets it.
var faults = []struct {
	name   string
	change func(*Options)
	play   func(*weather)
}{
	{"WeCom is down for a while", nil, func(w *weather) {
		w.bad(func(f *sim.FaultSet) { f.Down = true })
		w.say("帮助")
		w.attempts(ledger.CallSend, 3)
		w.hears()
		w.good()
		w.hears("能做这些")
	}},
	{"WeCom answers with status 500", nil, func(w *weather) {
		w.bad(func(f *sim.FaultSet) { f.HTTP500 = true })
		w.say("帮助")
		w.attempts(ledger.CallSend, 2)
		w.hears()
		w.good()
		w.hears("能做这些")
	}},
	{"WeCom never answers", func(o *Options) { o.Messenger = hasty{o.Messenger} }, func(w *weather) {
		w.bad(func(f *sim.FaultSet) { f.Hang = true })
		w.say("帮助")
		w.attempts(ledger.CallSend, 2)
		w.hears()
		w.good()
		w.hears("能做这些")
	}},
	{"system busy twice", nil, func(w *weather) {
		w.bad(func(f *sim.FaultSet) { f.ErrCode, f.ErrCodeTimes = -1, 2 })
		w.say("帮助")
		w.calm()
		w.hears("能做这些")
		w.tried(3)
	}},
	{"called too often is heeded for a minute", nil, func(w *weather) {
		w.bad(func(f *sim.FaultSet) { f.ErrCode = 45009 })
		w.say("帮助")
		w.attempts(ledger.CallSend, 1)
		w.wait("the refusal to be noted", func() bool { return w.waiting()[0].Reason != "" })
		if due := w.waiting()[0].RetryAt.Sub(w.Now()); due < 59*time.Second {
			w.t.Errorf("tried again after %s", due)
		}
		w.calm()
		w.hears("能做这些")
		w.tried(2)
	}},
	{"token revoked", nil, func(w *weather) {
		w.say("帮助")
		w.calm()
		w.sim.Revoke() // 40014
		w.say("第二句")
		w.calm()
		w.hears("能做这些", "没看懂「第二句」")
		w.tokens(2)
		w.tried(1, 1)
	}},
	{"token expired", nil, func(w *weather) {
		w.say("帮助")
		w.calm()
		w.bad(func(f *sim.FaultSet) { f.ErrCode = 42001 })
		w.say("第二句")
		w.calm()
		w.hears("能做这些", "没看懂「第二句」")
		w.tokens(2)
		w.tried(1, 1)
	}},
	{"receiver gone", nil, func(w *weather) {
		w.sim.SetVisible("hejun", false)
		w.say("紧急 摔倒")
		w.calm()
		w.hears("⚠ 先打120", "⚠ 已报告:摔倒")
		w.of("lixia", "⚠ 紧急:摔倒")
		w.of("hejun")
		w.dead("hejun", "receiver gone")
		w.sim.SetVisible("hejun", true)
		w.say("李秀英没有呼吸了")
		w.calm()
		w.of("hejun", "10:00 王芳补充") // what he missed was for whoever could be reached; from now on he hears
		w.dead("hejun", "receiver gone")
	}},
	{"userid unknown", nil, func(w *weather) {
		w.bad(func(f *sim.FaultSet) { f.ErrCode = 60111 })
		w.say("帮助")
		w.calm()
		w.dead("wangfang", "userid unknown")
		w.say("第二句")
		w.calm()
		w.hears("没看懂「第二句」")
	}},
	{"accepted, and the answer lost", nil, func(w *weather) {
		w.bad(func(f *sim.FaultSet) { f.AcceptThenDrop = true })
		w.say("帮助")
		w.attempts(ledger.CallSend, 2)
		w.good()
		w.hears("能做这些")
		w.bad(func(f *sim.FaultSet) { f.AcceptThenDrop = true })
		w.say("张桂兰 电话 都好")
		w.attempts(ledger.CallSend, 2)
		w.good()
		w.hears("能做这些", "张桂兰")
		w.tap("yes")
		w.calm()
		w.hears("能做这些", "✓ 记好了") // the card has become the receipt
		w.visits(1)
	}},
	{"a card changed, and the answer lost", func(o *Options) { o.Messenger = &lossy{Messenger: o.Messenger} }, func(w *weather) {
		w.say("张桂兰 电话 都好")
		w.calm()
		w.tap("yes")
		w.calm()
		w.hears("✓ 记好了")
		w.visits(1)
	}},
	{"a card too old to change", nil, func(w *weather) {
		w.say("张桂兰 电话 都好")
		w.calm()
		w.bad(func(f *sim.FaultSet) { f.Down = true })
		w.tap("yes")
		w.attempts(ledger.CallUpdate, 1)
		w.now.Add((73 * time.Hour).Milliseconds())
		w.good()
		w.hears("张桂兰", "✓ 记好了") // in words, below the card
		w.visits(1)
	}},
	{"a photo WeCom has forgotten", nil, func(w *weather) {
		w.bad(func(f *sim.FaultSet) { f.Down = true })
		w.status(w.sim.Photo("wangfang", testPhoto(w.t, 8, 8)), 200)
		w.attempts(ledger.CallFetch, 1)
		w.now.Add((73 * time.Hour).Milliseconds())
		w.good()
		w.hears("照片收到")
		w.dead("wangfang", "media lost")
		given, err := w.store.Outbox(context.Background(), store.OutboxFilter{States: []store.OutboxState{store.StateDead}})
		if err != nil || len(given) != 1 {
			w.t.Fatalf("given up: %+v %v", given, err)
		}
		photo, err := w.store.Photo(context.Background(), "photo/"+strings.TrimPrefix(given[0].Key, "fetch/"))
		if err != nil || photo.State != ledger.PhotoLost {
			w.t.Errorf("the photo is %s %v, want lost", photo.State, err)
		}
	}},
	{"delivered four times", nil, func(w *weather) {
		w.bad(func(f *sim.FaultSet) { f.DeliverTimes = 4 })
		w.status(w.sim.Say("wangfang", "张桂兰 电话 都好"), 200)
		w.calm()
		w.tap("yes")
		w.calm()
		w.status(w.sim.Event("wangfang", "click", "help"), 200)
		w.calm()
		w.hears("✓ 记好了", "能做这些")
		w.visits(1)
		w.metric("xunfang_messages_received_total 3", "xunfang_messages_repeated_total 9")
	}},
	{"delivered again after its turn", nil, func(w *weather) {
		for range 3 {
			w.status(w.sim.Raw(text("wangfang", 7, "口令")), 200)
			w.calm()
		}
		w.hears("没看懂「口令」")
		w.metric("xunfang_messages_received_total 1", "xunfang_messages_repeated_total 2")
	}},
	{"two events in one second", nil, func(w *weather) {
		w.status(w.sim.Event("wangfang", "click", "help"), 200)
		w.status(w.sim.Event("wangfang", "click", "visit"), 200)
		w.calm()
		w.hears("能做这些", "记一次巡访")
	}},
	{"types nobody knows", nil, func(w *weather) {
		w.status(w.sim.Raw("<xml><FromUserName>wangfang</FromUserName><CreateTime>1</CreateTime><MsgType>hologram</MsgType><MsgId>5</MsgId></xml>"), 200)
		w.status(w.sim.Raw("<xml><FromUserName>wangfang</FromUserName><CreateTime>1</CreateTime><MsgType>event</MsgType><Event>telepathy</Event></xml>"), 200)
		w.say("第二句")
		w.calm()
		w.hears("没看懂「第二句」")
		w.metric("xunfang_messages_received_total 3", "xunfang_turns_failed_total 0")
	}},
	{"forged callbacks", nil, func(w *weather) {
		var g sync.WaitGroup
		for i, c := range []struct {
			forgery sim.Forgery
			status  int
		}{
			{sim.Forgery{BadSignature: true}, 401}, {sim.Forgery{BadReceiver: true}, 401},
			{sim.Forgery{BadPadding: true}, 400}, {sim.Forgery{LongLength: true}, 400}, {sim.Forgery{BadBase64: true}, 400},
			{sim.Forgery{Truncated: true}, 400}, {sim.Forgery{NotXML: true}, 400},
			{sim.Forgery{NoAgentID: true}, 200}, {sim.Forgery{ExtraQuery: true}, 200}, {sim.Forgery{EncryptFirst: true}, 200},
		} {
			g.Go(func() { // each from somebody else: one member's messages wait for each other
				from := []string{"wangfang", "liuyang", "wuxia", "mazhiqiang", "chenjing", "zhouwei", "sunli", "tuya", "mali", "zhanglei"}[i]
				d := w.sim.Forge(text(from, 100+i, "口令"), c.forgery)
				if d.Status != c.status {
					w.t.Errorf("%+v: status %d, want %d", c.forgery, d.Status, c.status)
				}
				w.settleSoon()
				if c.status == 200 {
					w.of(from, "没看懂「口令」")
				} else {
					w.of(from)
				}
			})
		}
		g.Wait()
		w.metric("xunfang_messages_received_total 3")
	}},
	{"requests WeCom never makes", nil, func(w *weather) {
		for _, c := range []struct {
			method string
			body   io.Reader
			status int
		}{
			{http.MethodPut, nil, 405}, {http.MethodDelete, nil, 405}, {http.MethodGet, nil, 400}, {http.MethodPost, nil, 400},
			{http.MethodPost, bytes.NewReader(make([]byte, 1<<20+1)), 413},
			{http.MethodPost, io.MultiReader(bytes.NewReader(make([]byte, 1<<20+1))), 413}, // without a Content-Length
		} {
			req, err := http.NewRequest(c.method, w.url+"/wecom/callback", c.body)
			if err != nil {
				w.t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				w.t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != c.status || len(body) > 0 || err != nil {
				w.t.Errorf("%s: %d %q %v, want %d and no word", c.method, resp.StatusCode, body, err, c.status)
			}
		}
		w.metric("xunfang_messages_received_total 0")
	}},
	{"the database is gone", nil, func(w *weather) {
		if err := w.store.Close(); err != nil {
			w.t.Fatal(err)
		}
		if d := w.sim.Say("wangfang", "帮助"); d.Status != 503 || d.Attempts != 4 {
			w.t.Errorf("answered %d after %d attempts, want 503 and WeCom to try again", d.Status, d.Attempts)
		}
	}},
	{"a turn that panics", func(o *Options) { o.Forms = append(slices.Clone(flows.Forms), explosive) }, func(w *weather) {
		w.say("爆")
		w.say("爆")
		w.say("帮助")
		w.settleSoon()
		w.hears("刚才那一条没处理成", "刚才那一条没处理成", "能做这些")
		w.metric("xunfang_turns_failed_total 4") // two tries more for each of the two; the last one puts it aside
	}},
	{"another process was faster", nil, func(w *weather) {
		w.stop()
		w.say("口令")
		in, err := w.store.Pending(context.Background(), "wangfang", 1)
		if err != nil || len(in) != 1 {
			w.t.Fatalf("pending: %v %v", in, err)
		}
		for tries := range turnTries { // the first is the one that handles it
			in[0].Tries = tries
			if _, err := w.bot.handle(context.Background(), in[:1]); err != nil {
				w.t.Errorf("a message that is handled already is a failure: %v", err)
			}
		}
		if rows := w.waiting(); len(rows) != 1 || strings.HasSuffix(rows[0].Key, "/sorry") {
			w.t.Errorf("the outbox holds %+v, want one answer and no apology", rows)
		}
	}},
	{"fifty texts at once", nil, func(w *weather) {
		var want []string
		for i := range 50 {
			said := fmt.Sprintf("口令%d", i)
			w.say(said)
			want = append(want, "没看懂「"+said+"」")
		}
		w.wait("thirty answers", func() bool { return len(w.shown("wangfang")) >= 30 && len(w.waiting()) <= 20 })
		w.wait("the rest to be held back", func() bool {
			due, err := w.store.NextDue(context.Background())
			return err == nil && due.After(w.Now())
		})
		w.of("wangfang", want[:30]...)
		w.now.Add((63 * time.Second).Milliseconds()) // a minute, and what a message may be on its way
		w.settleSoon()
		w.hears(want...)
	}},
}

// TestFaults plays every fault on both databases. Whatever happens, WeCom must never have to drop a message, and nothing may
// be left behind that a row does not name.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
			t.Run(f.name+"/"+driver, func(t *testing.T) {
				t.Parallel()
				change := f.change
				if change == nil {
					change = func(*Options) {}
				}
				w := &weather{t: t, rig: newRig(t, driver, "yongning", wednesday, change)}
				f.play(w)
				if n := w.sim.Dropped("wangfang"); n > 0 {
					t.Errorf("WeCom dropped %d messages", n)
				}
			})
		}
	}
}

// weather is a rig and what happens to it; wangfang is the one who talks.
type weather struct {
	*rig
	t *testing.T
}

func (w *weather) bad(edit func(*sim.FaultSet)) { w.sim.Faults().Change(edit) }

// good ends the fault and lets time pass until everything is sent.
func (w *weather) good() {
	w.t.Helper()
	w.sim.Faults().Set(sim.FaultSet{})
	w.calm()
}

// calm lets time pass until nothing waits.
func (w *weather) calm() {
	w.t.Helper()
	w.pass("everything to be handled and sent", func() bool { return w.idle() })
}

// settleSoon is calm without the passing of time.
func (w *weather) settleSoon() {
	w.t.Helper()
	w.wait("everything to be handled and sent", func() bool { return w.idle() })
}

func (w *weather) idle() bool {
	users, err := w.store.Backlog(context.Background(), 1)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(users) == 0 && len(w.waiting()) == 0
}

// pass is wait while the clock runs, faster than a real one.
func (w *weather) pass(what string, is func() bool) {
	w.t.Helper()
	w.wait(what, func() bool {
		if is() {
			return true
		}
		w.now.Add(100)
		return false
	})
}

// wait has more patience than the package's own: these tests run side by side.
func (w *weather) wait(what string, is func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain for %s; waiting: %+v", what, w.waiting())
		}
	}
}

func (w *weather) waiting() []store.OutboxRow {
	rows, err := w.store.Outbox(context.Background(), store.OutboxFilter{States: []store.OutboxState{store.StateWaiting}})
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

// attempts waits, and lets time pass, until some message has been tried so often.
func (w *weather) attempts(call ledger.Call, n int) {
	w.t.Helper()
	w.pass(fmt.Sprintf("%d attempts", n), func() bool {
		return slices.ContainsFunc(w.waiting(), func(r store.OutboxRow) bool { return r.Call == call && r.Attempts >= n })
	})
}

// tried says how often each message of wangfang's was tried until it was sent.
func (w *weather) tried(want ...int) {
	w.t.Helper()
	rows, err := w.store.Outbox(context.Background(), store.OutboxFilter{States: []store.OutboxState{store.StateSent}, To: "wangfang"})
	var got []int
	for _, r := range rows {
		got = append(got, r.Attempts)
	}
	if err != nil || !slices.Equal(got, want) {
		w.t.Errorf("attempts %v %v, want %v", got, err, want)
	}
}

// dead wants exactly one message given up, and that one listed.
func (w *weather) dead(to, reason string) {
	w.t.Helper()
	rows, err := w.store.Outbox(context.Background(), store.OutboxFilter{States: []store.OutboxState{store.StateDead}})
	if err != nil || len(rows) != 1 || rows[0].To != to || !strings.HasPrefix(rows[0].Reason, reason) {
		w.t.Errorf("given up: %+v %v, want one message to %s: %s", rows, err, to, reason)
	}
}

func (w *weather) status(d sim.Delivery, want int) {
	w.t.Helper()
	if d.Status != want {
		w.t.Errorf("answered %d after %d attempts, want %d: %s", d.Status, d.Attempts, want, d.Err)
	}
}

func (w *weather) say(words string) {
	w.t.Helper()
	w.status(w.sim.Say("wangfang", words), 200)
}

// tap presses a button of the last card.
func (w *weather) tap(button string) {
	w.t.Helper()
	shown := w.shown("wangfang")
	for _, m := range slices.Backward(shown) {
		if m.Card != nil {
			d, err := w.sim.Tap("wangfang", m.ID, button, nil)
			if err != nil {
				w.t.Fatal(err)
			}
			w.status(d, 200)
			return
		}
	}
	w.t.Fatal("there is no card to tap")
}

// shown is what the app said to somebody.
func (w *weather) shown(user string) []sim.Message {
	return slices.DeleteFunc(w.sim.Messages(user), func(m sim.Message) bool { return m.From != "app" || m.Type == "notice" })
}

// hears wants exactly these messages on wangfang's phone, known by how they begin.
func (w *weather) hears(want ...string) {
	w.t.Helper()
	w.of("wangfang", want...)
}

func (w *weather) of(user string, want ...string) {
	w.t.Helper()
	var got []string
	for _, m := range w.shown(user) {
		words := m.Text
		if m.Card != nil {
			words = m.Card.MainTitle.Title
		}
		got = append(got, words)
	}
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		w.t.Errorf("%s was told %q, want %q", user, got, want)
	}
}

// visits wants so many records of today.
func (w *weather) visits(want int) {
	w.t.Helper()
	entries, err := w.store.Entries(context.Background(), []string{"A01"}, "2026-03-11")
	if err != nil || len(entries) != want {
		w.t.Errorf("%d records %v, want %d", len(entries), err, want)
	}
}

// tokens wants so many calls of gettoken.
func (w *weather) tokens(want int) {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.sim.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/sim/traces", nil))
	var traces []struct{ Title string }
	if err := json.Unmarshal(rec.Body.Bytes(), &traces); err != nil {
		w.t.Fatal(err)
	}
	got := 0
	for _, x := range traces {
		if strings.HasPrefix(x.Title, "gettoken") {
			got++
		}
	}
	if got != want {
		w.t.Errorf("%d tokens were fetched, want %d", got, want)
	}
}

func (w *weather) metric(want ...string) {
	w.t.Helper()
	resp, err := http.Get(w.url + "/metrics")
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, line := range want {
		if !strings.Contains("\n"+string(page), "\n"+line+"\n") {
			w.t.Errorf("metrics lack %q", line)
		}
	}
}

func text(from string, id int, words string) string {
	return fmt.Sprintf("<xml><ToUserName>%s</ToUserName><FromUserName>%s</FromUserName><CreateTime>1773194400</CreateTime>"+
		"<MsgType>text</MsgType><Content>%s</Content><MsgId>%d</MsgId><AgentID>%d</AgentID></xml>", testCorp, from, words, id, testAgent)
}

// hasty gives a call less time than the client does, so that a test need not wait for it.
type hasty struct{ Messenger }

func (h hasty) Send(ctx context.Context, m ledger.Message) (wecom.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	return h.Messenger.Send(ctx, m)
}

// lossy loses the answer to the first card that was changed.
type lossy struct {
	Messenger
	lost atomic.Bool
}

func (l *lossy) Send(ctx context.Context, m ledger.Message) (wecom.Receipt, error) {
	r, err := l.Messenger.Send(ctx, m)
	if err == nil && m.Call == ledger.CallUpdate && !l.lost.Swap(true) {
		return wecom.Receipt{}, errors.New("the answer is lost")
	}
	return r, err
}

// explosive is a form that panics when it is opened.
var explosive = flows.Form{Name: "explosive", Open: []string{"爆"}, Steps: []flows.Step{{Key: "x", Ask: func(flows.Answers, flows.Input) flows.Prompt {
	panic("a programmer's mistake")
}}}}
