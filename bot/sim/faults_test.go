package sim

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestDownClosesTheConnection(t *testing.T) {
	w := newWorld(t)
	w.Faults().Set(FaultSet{Down: true})
	for _, path := range []string{"getcallbackip", "gettoken?corpid=x"} {
		if res, err := http.Get(w.url(path)); err == nil {
			res.Body.Close()
			t.Errorf("%s was answered", path)
		}
	}
	w.delivered(w.Say("mayun", "回调照样来"), 1)
	w.Faults().Set(FaultSet{})
	w.get("getcallbackip").wants(0)
}

func TestHTTP500(t *testing.T) {
	w := newWorld(t)
	w.Faults().Set(FaultSet{HTTP500: true})
	res, err := http.Get(w.url("getcallbackip"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != 500 || body[0] != '<' {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

func TestSlowWaits(t *testing.T) {
	w := newWorld(t)
	w.Faults().Set(FaultSet{SlowMS: 700})
	w.text("x").wants(0)
	if !slices.Equal(w.slept, []time.Duration{700 * time.Millisecond}) {
		t.Error(w.slept)
	}
}

func TestHangNeverAnswers(t *testing.T) {
	w := newWorld(t)
	w.Faults().Set(FaultSet{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url("getcallbackip"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := http.DefaultClient.Do(req); err == nil {
		res.Body.Close()
		t.Error("answered")
	}
}

func TestErrCodeCounts(t *testing.T) {
	var f Faults
	var all sync.WaitGroup
	f.Set(FaultSet{ErrCode: 7, ErrCodeTimes: 30})
	got := make([]int, 50)
	for i := range got {
		all.Go(func() { got[i] = f.takeErrCode("message/send") })
	}
	all.Wait()
	slices.Sort(got)
	if got[19] != 0 || got[20] != 7 || f.Get().ErrCode != 0 {
		t.Error(got)
	}
	f.Set(FaultSet{ErrCode: 7})
	if f.takeErrCode("message/send") != 7 || f.takeErrCode("message/send") != 0 {
		t.Error("errcode without times: want once")
	}
}

func TestFaultsOfOneCall(t *testing.T) {
	w := newWorld(t)
	w.card(buttonJSON("a")).wants(0)
	open := func(path string) bool {
		res, err := http.Get(w.url(path))
		if err == nil {
			res.Body.Close()
		}
		return err == nil && res.StatusCode == http.StatusOK
	}
	for _, f := range []FaultSet{{Down: true}, {HTTP500: true}, {SlowMS: 7}} {
		f.API = "getcallbackip"
		w.Faults().Set(f)
		if open("getcallbackip") != (f.SlowMS > 0) || !open("menu/get") {
			t.Errorf("%+v", f)
		}
	}
	if !slices.Equal(w.slept, []time.Duration{7 * time.Millisecond}) {
		t.Error(w.slept)
	}
	w.Faults().Set(FaultSet{API: "user/get", ErrCode: -1, ErrCodeTimes: 2})
	w.text("x").wants(0)
	w.get("user/get?userid=wang").wants(-1)
	w.get("user/get?userid=wang").wants(-1)
	w.get("user/get?userid=wang").wants(0)
	w.Faults().Set(FaultSet{API: "*", ErrCode: 42001, ErrCodeTimes: -1})
	w.text("x").wants(42001)
	w.get("user/get?userid=wang").wants(42001)
	w.get("gettoken?corpid=" + testCorp + "&corpsecret=" + testSecret).wants(0)
	w.Faults().Set(FaultSet{API: "gettoken", ErrCode: 40001})
	w.get("gettoken?corpid=" + testCorp + "&corpsecret=" + testSecret).wants(40001)
	w.shown("mayun", 2)
}

func TestAcceptThenDropOfOneCall(t *testing.T) {
	w := newWorld(t)
	w.Faults().Set(FaultSet{API: callPath, AcceptThenDrop: true})
	w.text("x").wants(0)
	if res, err := http.Post(w.url(callPath), "application/json", strings.NewReader(`{"callee_userid":["wang"]}`)); err == nil {
		res.Body.Close()
		t.Error("answered")
	}
	if got := w.Calls("wang"); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestRow30_31_InvalidForNow(t *testing.T) {
	w := newWorld(t)
	to := func(users string) reply {
		return w.post("message/send", `{"touser":"`+users+`","agentid":1000002,"msgtype":"text","text":{"content":"x"}}`)
	}
	card := w.post("message/send", `{"touser":"mayun|wang","agentid":1000002,"msgtype":"template_card","template_card":`+buttonJSON("a")+`}`).wants(0)
	w.Faults().Set(FaultSet{Invalid: "WANG|nobody"})
	if r := to("mayun|wang").wants(0); r.text("invaliduser") != "wang" {
		t.Error(r.body)
	}
	to("wang").wants(81013)
	update := `{"userids":["mayun","wang"],"agentid":1000002,"response_code":"` + card.text("response_code") + `","button":{"replace_name":"好"}}`
	if r := w.post("message/update_template_card", update).wants(0); !strings.Contains(r.body, `"invaliduser":["wang"]`) {
		t.Error(r.body)
	}
	w.Faults().Set(FaultSet{Invalid: "@all"})
	to("mayun|wang").wants(81013)
	to("@all").wants(81013)
	if r := w.post(callPath, `{"callee_userid":["wang"]}`).wants(0); strings.Contains(r.body, `"code":0`) {
		t.Error(r.body)
	}
	w.shown("wang", 1)
	w.shown("mayun", 2)
	w.delivered(w.Say("wang", "我这边没事"), 1) // members reach the app all the same
}
