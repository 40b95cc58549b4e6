package wecom

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"xunfang/ledger"
)

// The items are as wecom/94670 shows them; accounts and customers are invented.
const (
	kfTextItem = `{"msgid":"m1","open_kfid":"wkA","external_userid":"wmB","send_time":1615478585,"origin":3,"msgtype":"text","text":{"content":"我妈咋样","menu_id":"x12/ask"}}`
	kfEnter    = `{"msgid":"m2","send_time":1615478585,"origin":4,"msgtype":"event","event":{"event_type":"enter_session","open_kfid":"wkA","external_userid":"wmB",` +
		`"scene":"card","scene_param":"v1.abc.def","welcome_code":"W"}}`
	kfFail = `{"msgid":"m3","send_time":1615478585,"origin":4,"msgtype":"event","event":{"event_type":"msg_send_fail","open_kfid":"wkA","external_userid":"wmB",` +
		`"fail_msgid":"m9","fail_type":10}}`
	kfPhoto = `{"msgid":"m4","open_kfid":"wkA","external_userid":"wmB","send_time":1615478585,"origin":3,"msgtype":"image","image":{"media_id":"M"}}`
)

func TestParseKf(t *testing.T) {
	for raw, want := range map[string]KfMessage{
		kfTextItem: {ID: "m1", Origin: 3, Type: "text", Text: "我妈咋样", MenuID: "x12/ask"},
		kfEnter:    {ID: "m2", Origin: 4, Type: "event", Event: "enter_session", Scene: "card", Param: "v1.abc.def", Welcome: "W"},
		kfFail:     {ID: "m3", Origin: 4, Type: "event", Event: "msg_send_fail", FailID: "m9", FailType: KfFailRefused},
		kfPhoto:    {ID: "m4", Origin: 3, Type: "image", MediaID: "M"},
	} {
		want.OpenKfID, want.User, want.At = "wkA", "wmB", time.Unix(1615478585, 0)
		if got, err := ParseKf([]byte(raw)); err != nil || got != want {
			t.Errorf("%+v, %v\nwant %+v", got, err, want)
		}
	}
	for _, raw := range []string{"", "{}", "[]", "<xml></xml>", `{"msgid":"m1"}`, `{"msgid":1,"msgtype":"text"}`} {
		if _, err := ParseKf([]byte(raw)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", raw, err)
		}
	}
	if KfKey("wkA", "m1") == KfKey("wkB", "m1") || KfKey("wkA", "m1") == KfKey("wkA", "m2") {
		t.Error("two messages share a key")
	}
	for id, want := range map[string][2]string{"x12/ask": {"x12", "ask"}, "go:kin:ask/3": {"", "go:kin:ask/3"}, "heard": {"", "heard"}, "": {}} {
		if task, button := KfTap(id); task != want[0] || button != want[1] {
			t.Errorf("%q is %q on card %q", id, button, task)
		}
	}
}

// A stale token of a callback is left out, and the pull goes on (95007); a cursor is never lost over it.
func TestKfPull(t *testing.T) {
	f := newFake(t)
	c := newTestClient(t, f.URL, nil)
	f.says("kf/sync_msg", `{"errcode":0,"errmsg":"ok","next_cursor":"c2","has_more":1,"msg_list":[`+kfTextItem+`,{"msgid":"","msgtype":"text"},`+kfFail+`]}`)
	got, err := c.KfPull(t.Context(), "wkA", "c1", "T")
	if err != nil || got.Next != "c2" || !got.More || len(got.Raws) != 2 || got.Bad != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if api, body := f.last(); api != "POST kf/sync_msg" || body != `{"cursor":"c1","token":"T","limit":1000,"voice_format":0,"open_kfid":"wkA"}` {
		t.Errorf("%s %s", api, body)
	}
	f.says("kf/sync_msg", `{"errcode":95007,"errmsg":"invalid msg token"}`)
	if _, err := c.KfPull(t.Context(), "wkA", "c1", "T"); !hasCode(err, 95007) {
		t.Errorf("%v", err)
	}
	if _, body := f.last(); body != `{"cursor":"c1","limit":1000,"voice_format":0,"open_kfid":"wkA"}` {
		t.Errorf("after a stale token it asks %s", body)
	}
}

func TestRenderKf(t *testing.T) {
	card := func(buttons ...ledger.Button) *ledger.Card {
		return &ledger.Card{Task: "x12", Title: "标题", Desc: "说明", Sub: "尾巴", Rows: []ledger.CardRow{{Name: "谁", Value: "她"}}, Buttons: buttons}
	}
	for _, tt := range []struct {
		name string
		m    ledger.Message
		want string // "" refused
	}{
		{"a text", ledger.Message{Text: "您好"}, `{"msgid":"` + KfMsgID("k") + `","msgtype":"text","text":{"content":"您好"}}`},
		{"a menu", ledger.Message{Card: card(ledger.Button{Key: "ask", Text: "问"}, ledger.Button{Key: "go:kin:care", Text: "谁"})},
			`{"msgid":"` + KfMsgID("k") + `","msgtype":"msgmenu","msgmenu":{"head_content":"标题\n说明\n谁:她","list":[` +
				`{"type":"click","click":{"id":"x12/ask","content":"问"}},{"type":"click","click":{"id":"go:kin:care","content":"谁"}}],"tail_content":"尾巴"}}`},
		{"a card without buttons is a text", ledger.Message{Card: card()},
			`{"msgid":"` + KfMsgID("k") + `","msgtype":"text","text":{"content":"标题\n说明\n谁:她\n尾巴"}}`},
		{"a welcome", ledger.Message{Text: "您好", Code: "W"}, `{"code":"W","msgid":"` + KfMsgID("k") + `","msgtype":"text","text":{"content":"您好"}}`},
		{"a list to tick", ledger.Message{Card: &ledger.Card{Title: "x", Checks: &ledger.Choice{}}}, ""},
		{"an id too long", ledger.Message{Card: card(ledger.Button{Key: strings.Repeat("k", 61), Text: "问"})}, ""},
		{"too many items", ledger.Message{Card: card(make([]ledger.Button, 11)...)}, ""},
		{"a text too long", ledger.Message{Text: strings.Repeat("字", 683)}, ""},
	} {
		tt.m.Key, tt.m.To = "k", "kf:1"
		got, err := RenderKf(tt.m)
		limit := (*LimitError)(nil)
		switch {
		case tt.want == "" && !errors.As(err, &limit):
			t.Errorf("%s: %v, %s", tt.name, err, got.Body)
		case tt.want != "" && (err != nil || string(got.Body) != tt.want):
			t.Errorf("%s: %v\n got %s\nwant %s", tt.name, err, got.Body, tt.want)
		case tt.want != "" && (got.Call == ledger.CallWelcome) != (tt.m.Code != ""):
			t.Errorf("%s goes by %s", tt.name, got.Call)
		}
	}
	if n := len(KfMsgID(strings.Repeat("钥", 200))); n > 32 {
		t.Errorf("a msgid of %d bytes", n)
	}
}

// Account and customer are filled in when a message goes out; a head that is too long is cut, not refused.
func TestKfSend(t *testing.T) {
	f := newFake(t)
	c := newTestClient(t, f.URL, nil)
	m, err := RenderKf(ledger.Message{Key: "k", To: "kf:1", Card: &ledger.Card{Title: strings.Repeat("长", 500), Buttons: []ledger.Button{{Key: "a", Text: "好"}}}})
	if err != nil || strings.Contains(string(m.Body), "wmB") {
		t.Fatalf("%v %s", err, m.Body)
	}
	if r, err := c.KfSend(t.Context(), m, "wkA", "wmB"); err != nil || r.MsgID != "MSG" {
		t.Errorf("%+v, %v", r, err)
	}
	var sent struct {
		Menu struct {
			Head string `json:"head_content"`
		} `json:"msgmenu"`
		Touser string `json:"touser"`
		Kf     string `json:"open_kfid"`
	}
	api, body := f.last()
	if err := json.Unmarshal([]byte(body), &sent); err != nil || api != "POST kf/send_msg" || sent.Touser != "wmB" || sent.Kf != "wkA" || len(sent.Menu.Head) > kfHead {
		t.Errorf("%s %s %v", api, body, err)
	}
	w, _ := RenderKf(ledger.Message{Key: "k", To: "kf:1", Text: "您好", Code: "W"})
	if _, err := c.KfSend(t.Context(), w, "wkA", "wmB"); err != nil {
		t.Error(err)
	}
	if api, body := f.last(); api != "POST kf/send_msg_on_event" || strings.Contains(body, "touser") || strings.Contains(body, "open_kfid") {
		t.Errorf("%s %s", api, body)
	}
	for _, code := range []int{95000, 95001, 95002, 95004, 95013, 95018, 95031} {
		if v := Classify(&APIError{API: "kf/send_msg", Code: code}); v.Action != Drop {
			t.Errorf("%d is tried again", code)
		}
	}
}
