package sim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// page calls /sim/ and wants a status.
func (w *world) page(method, path, body string, status int) map[string]any {
	w.t.Helper()
	req, err := http.NewRequest(method, w.api.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	data, _ := io.ReadAll(res.Body)
	if res.StatusCode != status {
		w.t.Fatalf("%s %s: %d %s, want %d", method, path, res.StatusCode, data, status)
	}
	var fields map[string]any
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") && bytes.HasPrefix(data, []byte("{")) {
		if err := json.Unmarshal(data, &fields); err != nil {
			w.t.Fatal(err)
		}
	}
	return fields
}

// stream is an open page: the events that came.
type stream struct {
	t     *testing.T
	lines chan [2]string
	res   *http.Response
}

func (w *world) listen() *stream {
	w.t.Helper()
	res, err := http.Get(w.api.URL + "/sim/events")
	if err != nil {
		w.t.Fatal(err)
	}
	s := &stream{w.t, make(chan [2]string, 1000), res}
	w.t.Cleanup(func() { res.Body.Close() })
	go func() {
		defer close(s.lines)
		event := ""
		for scan := bufio.NewScanner(res.Body); scan.Scan(); {
			if name, ok := strings.CutPrefix(scan.Text(), "event: "); ok {
				event = name
			}
			if data, ok := strings.CutPrefix(scan.Text(), "data: "); ok {
				s.lines <- [2]string{event, data}
			}
		}
	}()
	s.next("state", `"members"`)
	return s
}

// next waits for an event that says all of this.
func (s *stream) next(event string, parts ...string) string {
	s.t.Helper()
	late := time.After(5 * time.Second)
	for {
		select {
		case l, open := <-s.lines:
			if !open {
				s.t.Fatalf("closed before %s %v", event, parts)
			}
			if l[0] == event && !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(l[1], p) }) {
				return l[1]
			}
		case <-late:
			s.t.Fatalf("no %s %v", event, parts)
		}
	}
}

func TestPageIsServed(t *testing.T) {
	w := newWorld(t)
	w.page("GET", "/", "", 200)
	w.page("GET", "/assets/index.html", "", 200)
	w.page("GET", "/assets/../page.go", "", 404)
	w.page("GET", "/assets/", "", 404)
	w.page("GET", "/other", "", 404)
	w.page("GET", "/sim/other", "", 404)
	w.page("GET", "/sim/say", "", 404)
	w.page("GET", "/cgi-bin/other", "", 404)
}

func TestTwoPagesSeeAVisit(t *testing.T) {
	w := newWorld(t)
	one, two := w.listen(), w.listen()
	said := w.page("POST", "/sim/say", `{"userid":"mayun","type":"text","text":"巡访"}`, 200)
	for _, s := range []*stream{one, two} {
		s.next("message", `"text":"巡访"`, `"delivery":"sending"`, `"userid":"MaYun"`)
		s.next("trace", `"status":"ok"`)
		s.next("message", `"text":"巡访"`, `"delivery":"ok"`, `"id":"`+said["id"].(string)+`"`)
	}
	w.card(buttonJSON("b")).wants(0)
	var m Message
	if err := json.Unmarshal([]byte(one.next("message", `"card_type":"button_interaction"`)), &m); err != nil {
		t.Fatal(err)
	}
	w.page("POST", "/sim/tap", `{"userid":"mayun","id":"`+m.ID+`","key":"yes","selected":{}}`, 200)
	two.next("message", `"tapped":"yes"`)
	refused := w.page("POST", "/sim/tap", `{"userid":"mayun","id":"`+m.ID+`","key":"perhaps"}`, 409)
	if refused["error"] != ErrNoKey.Error() {
		t.Error(refused)
	}
	w.post("menu/create?agentid=1000002", `{"button":[{"type":"click","name":"巡访","key":"visit"}]}`).wants(0)
	one.next("state", `"menu":[{"type":"click","name":"巡访","key":"visit"}]`)
	w.page("POST", "/sim/menu", `{"userid":"mayun","key":"visit"}`, 200)
	w.page("POST", "/sim/menu", `{"userid":"mayun","key":"other"}`, 409)
	if err := w.WaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	if heard := w.bot.heard(); len(heard) != 3 {
		t.Error(heard)
	}
	reloaded := w.page("GET", "/sim/messages?userid=mayun", "", 200)["messages"].([]any)
	if len(reloaded) != 2 {
		t.Error("a reload sees", len(reloaded))
	}
	w.page("GET", "/sim/messages?userid=nobody", "", 404)
}

func TestPageSays(t *testing.T) {
	w := newWorld(t)
	id := w.page("POST", "/sim/upload?type=image", string(drawings()[1].jpeg), 200)["media_id"].(string)
	w.page("POST", "/sim/upload?type=image", "no picture", 400)
	w.page("POST", "/sim/upload?type=file", "123456789", 400)
	for _, body := range []string{
		`{"userid":"mayun","type":"image","media_id":"` + id + `"}`,
		`{"userid":"mayun","type":"image","drawing":"stove"}`,
		`{"userid":"mayun","type":"voice"}`,
		`{"userid":"mayun","type":"location","lat":38.4,"lon":106.2,"label":"村口"}`,
		`{"userid":"mayun","type":"link","title":"题","url":"https://a.example"}`,
	} {
		w.page("POST", "/sim/say", body, 200)
	}
	for _, body := range []string{
		`{"userid":"mayun","type":"text","text":"  "}`, `{"userid":"mayun","type":"file","media_id":"` + id + `"}`,
		`{"userid":"nobody","type":"text","text":"x"}`, `{"userid":"hidden","type":"text","text":"x"}`,
		`{"userid":"mayun","type":"image","media_id":"none"}`, `{"userid":"mayun","type":"enter_agent"}`,
	} {
		w.page("POST", "/sim/say", body, 409)
	}
	w.page("POST", "/sim/say", `{`, 400)
	w.post("agent/set", `{"agentid":1000002,"isreportenter":1,"report_location_flag":1}`).wants(0)
	w.page("POST", "/sim/say", `{"userid":"mayun","type":"enter_agent"}`, 200)
	if err := w.WaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	heard := w.bot.heard()
	if len(heard) != 7 {
		t.Fatalf("%d callbacks", len(heard))
	}
	wantIn(t, heard[5], "enter_agent")
	wantIn(t, heard[6], "LOCATION")
	if m := w.shown("mayun", 5)[2]; m.Label != "2″" {
		t.Errorf("voice of %s", m.Label)
	}
	for _, m := range w.shown("mayun", 5)[:3] {
		w.page("GET", m.MediaURL, "", 200)
	}
	w.page("GET", "/sim/media/none", "", 404)
	w.page("GET", "/sim/drawing/stove", "", 200)
	w.page("GET", "/sim/drawing/none", "", 404)
	w.page("GET", "/sim/drawings", "", 200)
}

func TestInspector(t *testing.T) {
	asked := ""
	w := newWorld(t, func(o *Options) {
		o.Rows = func(userid, key string) any { asked = userid + " " + key; return []string{"inbox 7"} }
	})
	w.bot.replies("MaYun", element("MsgType", "text")+element("Content", "好"))
	d := w.delivered(w.Say("mayun", "你好"), 1)
	trace := w.page("GET", "/sim/trace/"+d.TraceID, "", 200)
	for _, key := range []string{"plain", "envelope", "query", "reply", "attempts", "rows"} {
		if trace[key] == nil || trace[key] == "" {
			t.Errorf("no %s", key)
		}
	}
	if m := w.shown("mayun", 2)[0]; asked != "MaYun "+m.ID || m.Trace != d.TraceID {
		t.Errorf("asked for %q", asked)
	}
	w.text("回话").wants(0)
	m := w.shown("mayun", 3)[2]
	trace = w.page("GET", "/sim/trace/"+m.Trace, "", 200)
	if trace["method"] != "POST" || trace["request"].(map[string]any)["msgtype"] != "text" || trace["response"].(map[string]any)["msgid"] != m.MsgID || trace["status"] != "ok" {
		t.Error(trace)
	}
	w.post("message/send", "broken").wants(40058)
	w.page("GET", "/sim/trace/999", "", 404)
	w.page("GET", "/sim/trace/x", "", 404)
	all, _ := json.Marshal(w.traces.newest("", 200))
	wantIn(t, string(all), "errcode 40058", "gettoken")
	mine := w.traces.newest("MAYUN", 200)
	if len(mine) != 2 || mine[0].ID != m.Trace {
		t.Error("newest first, of this member only:", mine)
	}
	for i := range w.traces.n {
		tr := w.traces.ring[i+1]
		text, _ := json.Marshal(tr)
		for _, secret := range []string{w.token, testSecret, testKey} {
			if strings.Contains(string(text), secret) {
				t.Errorf("a secret in trace %s", tr.ID)
			}
		}
	}
}

func TestTracesKeepTheNewest500(t *testing.T) {
	var r traceRing
	for range keepTraces + 3 {
		r.add(&Trace{ID: r.reserve()})
	}
	if _, found := r.get("3"); found {
		t.Error("an old one is still there")
	}
	if _, found := r.get("4"); !found {
		t.Error("one of the newest is gone")
	}
	late := Trace{ID: "2"}
	r.add(&late) // finished when newer ones had its place
	if _, found := r.get("502"); !found {
		t.Error("a late one took a newer one's place")
	}
	if lines := r.newest("", 200); len(lines) != 200 || lines[0].ID != "503" || lines[199].ID != "304" {
		t.Error(len(lines))
	}
}

func TestFaultsByPage(t *testing.T) {
	w := newWorld(t)
	s := w.listen()
	w.page("POST", "/sim/faults", `{"slow_ms":5}`, 200)
	got := w.page("POST", "/sim/faults", `{"errcode":45009,"errcode_times":1}`, 200)
	if got["slow_ms"] != 5.0 || got["errcode"] != 45009.0 || got["deliver_times"] != 1.0 {
		t.Error(got)
	}
	s.next("state", `"errcode":45009`)
	w.text("x").wants(45009)
	s.next("state", `"errcode":0`)
	w.page("POST", "/sim/revoke", "", 200)
	w.text("x").wants(40014)
	w.bot.answers(w.bot.echo)
	if got := w.page("POST", "/sim/verify", "", 200); got["ok"] != true {
		t.Error(got)
	}
	w.bot.answers(func(rw http.ResponseWriter, _ *http.Request, _ string) { io.WriteString(rw, "no") })
	if got := w.page("POST", "/sim/verify", "", 200); got["ok"] != false || got["error"] == "" {
		t.Error(got)
	}
}

func TestClockByPage(t *testing.T) {
	w := newWorld(t)
	for body, want := range map[string]string{
		`{"add":"1h"}`:                       "2026-03-11T09:47:00+08:00",
		`{"to":"2026-03-31T09:00:00+08:00"}`: "2026-03-31T09:00:00+08:00",
	} {
		w.mu.Lock()
		w.clock = morning
		w.mu.Unlock()
		w.page("POST", "/sim/clock", body, 200)
		if got := w.page("GET", "/sim/state", "", 200)["now"]; got != want {
			t.Errorf("%s: %v, want %s", body, got, want)
		}
	}
	w.page("POST", "/sim/clock", `{}`, 400)
	w.page("POST", "/sim/clock", `{"add":"soon"}`, 400)

	own := newWorld(t, func(o *Options) { o.Shift = nil })
	own.page("POST", "/sim/clock", `{"add":"2h"}`, 200)
	own.text("过期").wants(42001)
}

func TestReset(t *testing.T) {
	w := newWorld(t)
	w.page("POST", "/sim/reset", "", 409)
	var broken error
	w = newWorld(t, func(o *Options) { o.Reset = func() error { return broken } })
	w.setMenu([]MenuButton{{Type: "click", Name: "巡访", Key: "visit"}})
	w.text("x").wants(0)
	w.Faults().Set(FaultSet{SlowMS: 1})
	broken = errors.New("host is busy")
	w.page("POST", "/sim/reset", "", 500)
	w.shown("mayun", 1)
	broken = nil
	s := w.listen()
	st := w.page("POST", "/sim/reset", "", 200)
	s.next("state", `"slow_ms":0`)
	w.shown("mayun", 0)
	if st["can_reset"] != true || len(st["menu"].([]any)) != 1 || len(st["members"].([]any)) != 3 {
		t.Error(st)
	}
	if lines := w.traces.newest("", 200); len(lines) != 0 {
		t.Error(lines)
	}
}

func TestASlowPageIsCutOff(t *testing.T) {
	var h hub
	h.init()
	c, _ := h.join()
	for range pageBacklog + 1 {
		h.publish("x", 1)
	}
	if h.open.Load() != 0 {
		t.Error("still joined")
	}
	n := 0
	for range c { // closed, so this ends
		n++
	}
	if n != pageBacklog {
		t.Error(n)
	}
	h.leave(c) // a second goodbye does no harm
	h.close()
	if _, open := h.join(); open {
		t.Error("joined a closed hub")
	}
}
