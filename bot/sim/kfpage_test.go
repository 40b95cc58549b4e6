package sim

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A child scans a card, asks, taps a menu, takes back, refuses and leaves: all by the page.
func TestPageOfAWeChatPhone(t *testing.T) {
	w := newKf(t, func(o *Options) { o.Reset = func() error { return nil } })
	link := w.link(deskA, "card") + "&scene_param=v1.k.h.m"
	seat := func() string {
		t.Helper()
		for _, m := range w.page("GET", "/sim/state", "", 200)["members"].([]any) {
			if m := m.(map[string]any); m["userid"] == "child" {
				out, _ := json.Marshal(m["kf"])
				return string(out)
			} else if m["kf"] != nil {
				t.Errorf("a seat in WeChat for %v", m["userid"])
			}
		}
		return ""
	}
	act := func(body string, status int) map[string]any {
		t.Helper()
		return w.page("POST", "/sim/wechat", `{"userid":"child",`+body+`}`, status)
	}
	if got := seat(); got != `{"account":"","inside":false,"refused":false}` {
		t.Fatal(got)
	}
	w.page("POST", "/sim/say", `{"userid":"child","type":"text","text":"没进去"}`, 409)
	act(`"act":"scan","url":"https://example.com/kf/x"`, 409)
	act(`"act":"enter"`, 409)
	act(`"act":"dance"`, 409)
	w.page("POST", "/sim/wechat", `{"userid":"mayun","act":"leave"}`, 409)
	w.shown("child", 0)

	s := w.listen()
	act(`"act":"scan","url":"`+link+`"`, 200)
	s.next("message", `"type":"notice"`, `"userid":"child"`)
	s.next("state", `"account":"家属服务","inside":true`)
	w.page("POST", "/sim/say", `{"userid":"child","type":"text","text":"我妈妈怎么样"}`, 200)
	said := s.next("message", `"text":"我妈妈怎么样"`, `"delivery":"ok"`, `"from":"me"`)
	w.page("POST", "/sim/say", `{"userid":"child","type":"image","drawing":"stove"}`, 200)
	w.page("POST", "/sim/say", `{"userid":"child","type":"voice"}`, 200)
	w.page("POST", "/sim/say", `{"userid":"child","type":"location","lat":30.5,"lon":114.3,"label":"武汉"}`, 200)
	w.kfSends(menu).wants(0)
	var shown Message
	if err := json.Unmarshal([]byte(s.next("message", `"type":"msgmenu"`, `"head":"您想问什么?"`)), &shown); err != nil {
		t.Fatal(err)
	}
	act(`"act":"click","id":"`+shown.MsgID+`","key":"ask"`, 200)
	act(`"act":"click","id":"`+shown.MsgID+`","key":"other"`, 409)
	var mine Message
	if err := json.Unmarshal([]byte(said), &mine); err != nil {
		t.Fatal(err)
	}
	act(`"act":"recall","id":"`+mine.MsgID+`"`, 200)
	act(`"act":"block","on":true`, 200)
	if got := seat(); got != `{"account":"家属服务","inside":true,"refused":true}` {
		t.Error(got)
	}
	act(`"act":"block","on":false`, 200)
	act(`"act":"leave"`, 200)
	act(`"act":"click","id":"`+shown.MsgID+`","key":"ask"`, 409)
	act(`"act":"enter"`, 200)
	cursor, kinds := "", []string{}
	if err := w.WaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, m := range w.fresh(&cursor) {
		kind := m.MsgType
		if m.Event != nil {
			kind, _ = m.Event["event_type"].(string)
		}
		kinds = append(kinds, kind)
	}
	if got := strings.Join(kinds, " "); got != "enter_session text image voice location text user_recall_msg enter_session" {
		t.Error(got)
	}
	if lines := w.traces.newest("child", 200); len(lines) < 9 { // the inspector knows both directions
		t.Error(lines)
	}
	rows := w.page("GET", "/sim/trace/"+mine.Trace, "", 200)
	if plain, _ := rows["plain"].(string); !strings.Contains(plain, kfEvent) || strings.Contains(plain, "我妈妈") {
		t.Error(rows)
	}

	w.page("POST", "/sim/reset", "", 200)
	if got := seat(); got != `{"account":"","inside":false,"refused":false}` {
		t.Error(got)
	}
	w.kfText("从头开始").wants(40096)
	if p := w.sync(deskA, cursor, "", 0); len(p.list) != 0 {
		t.Error(p.body)
	}
	w.delivered(w.Scan("child", link), 1) // the printed card still opens it
	if list := w.fresh(&cursor); len(list) != 1 || list[0].Event["scene_param"] != "v1.k.h.m" || list[0].Event["welcome_code"] == nil {
		t.Errorf("%+v", list)
	}
}

func TestPageOffersCards(t *testing.T) {
	known := []ContactCard{{"李的联系卡", "https://" + kfHost + "/kf/kfc1"}}
	for _, c := range []struct {
		cards func() []ContactCard
		want  string
	}{{nil, `[]`}, {func() []ContactCard { return nil }, `[]`}, {func() []ContactCard { return known },
		`[{"label":"李的联系卡","url":"https://work.weixin.qq.com/kf/kfc1"}]`}} {
		w := newKf(t, func(o *Options) { o.Cards = c.cards })
		res, err := http.Get(w.api.URL + "/sim/cards")
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if string(got) != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

func TestKfFaultsByPage(t *testing.T) {
	w := newKf(t)
	w.writes()
	s := w.listen()
	w.page("POST", "/sim/faults", `{"kf":{"fail_times":1,"fail_type":10}}`, 200)
	s.next("state", `"fail_times":1`)
	w.page("POST", "/sim/faults", `{"kf":{"repeats":2}}`, 200) // only what is named changes
	if got := w.Faults().Get().Kf; got != (KfFaults{FailTimes: 1, FailType: 10, Repeats: 2}) {
		t.Errorf("%+v", got)
	}
	w.kfText("x").wants(0)
	s.next("state", `"fail_times":0`) // the page sees that it is used up
}
