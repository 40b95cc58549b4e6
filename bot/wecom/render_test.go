package wecom

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"xunfang/ledger"
)

const agent = 1000002

func reply(m ledger.Message) ledger.Message {
	m.To, m.Priority = "liu", ledger.PriorityReply
	if m.Key == "" {
		m.Key = "k1"
	}
	return m
}

// The people in these messages are invented.
func TestRender(t *testing.T) {
	yes := ledger.Button{Key: "yes", Text: "确认", Style: 1}
	choice := ledger.Choice{Key: "q1", Title: "方式", Options: []ledger.Option{{ID: "door", Text: "上门"}, {ID: "phone", Text: "电话"}}, Picked: []string{"phone"}}
	multi := choice
	multi.Multi = true
	for _, c := range []struct {
		name string
		m    ledger.Message
		call ledger.Call
		want string
	}{
		{"text", reply(ledger.Message{Text: `<a href="https://x">看 & 改</a>` + "\u2028b\x01\n\"q\\u\""}), ledger.CallSend,
			`{"touser":"liu","msgtype":"text","agentid":1000002,"text":{"content":"<a href=\"https://x\">看 & 改</a>\nb\n\"q\\u\""},"enable_duplicate_check":1,"duplicate_check_interval":REPLY}`},
		{"buttons", reply(ledger.Message{Card: &ledger.Card{Task: "t1", Title: "马秀兰", Desc: "今天", Sub: "s", Rows: []ledger.CardRow{{Name: "方式", Value: "上门"}},
			Drop: &choice, Buttons: []ledger.Button{yes, {Key: "no", Text: "改"}}}}), ledger.CallSend,
			`{"touser":"liu","msgtype":"template_card","agentid":1000002,"template_card":{"card_type":"button_interaction","task_id":"t1","main_title":{"title":"马秀兰","desc":"今天"},"sub_title_text":"s","horizontal_content_list":[{"keyname":"方式","value":"上门"}],"button_selection":{"question_key":"q1","title":"方式","selected_id":"phone","option_list":[{"id":"door","text":"上门"},{"id":"phone","text":"电话"}]},"button_list":[{"text":"确认","style":1,"key":"yes"},{"text":"改","key":"no"}]},"enable_duplicate_check":1,"duplicate_check_interval":1800}`},
		{"checks", reply(ledger.Message{Card: &ledger.Card{Task: "t1", Title: "哪里不好", Checks: &multi, Submit: yes}}), ledger.CallSend,
			`{"touser":"liu","msgtype":"template_card","agentid":1000002,"template_card":{"card_type":"vote_interaction","task_id":"t1","main_title":{"title":"哪里不好"},"checkbox":{"question_key":"q1","mode":1,"option_list":[{"id":"door","text":"上门","is_checked":false},{"id":"phone","text":"电话","is_checked":true}]},"submit_button":{"text":"确认","key":"yes"}},"enable_duplicate_check":1,"duplicate_check_interval":1800}`},
		{"selects", reply(ledger.Message{Card: &ledger.Card{Task: "t1", Title: "记一次巡访", Selects: []ledger.Choice{choice}, Submit: yes}}), ledger.CallSend,
			`{"touser":"liu","msgtype":"template_card","agentid":1000002,"template_card":{"card_type":"multiple_interaction","task_id":"t1","main_title":{"title":"记一次巡访"},"select_list":[{"question_key":"q1","title":"方式","selected_id":"phone","option_list":[{"id":"door","text":"上门"},{"id":"phone","text":"电话"}]}],"submit_button":{"text":"确认","key":"yes"}},"enable_duplicate_check":1,"duplicate_check_interval":1800}`},
		{"notice", reply(ledger.Message{Card: &ledger.Card{Task: "t1", Title: "三月统计", Link: "https://bot.example/r"}}), ledger.CallSend,
			`{"touser":"liu","msgtype":"template_card","agentid":1000002,"template_card":{"card_type":"text_notice","main_title":{"title":"三月统计"},"card_action":{"type":1,"url":"https://bot.example/r"}},"enable_duplicate_check":1,"duplicate_check_interval":1800}`},
		{"update of buttons", reply(ledger.Message{Code: "RC", Card: &ledger.Card{Task: "t1", Title: "马秀兰", Buttons: []ledger.Button{yes}, Done: "已确认"}}), ledger.CallUpdate,
			`{"userids":["liu"],"agentid":1000002,"response_code":"RC","template_card":{"card_type":"button_interaction","main_title":{"title":"马秀兰"},"button_list":[{"text":"确认","style":1,"key":"yes"}],"replace_text":"已确认"}}`},
		{"update of selects", reply(ledger.Message{Code: "RC", Card: &ledger.Card{Title: "记一次巡访", Selects: []ledger.Choice{choice}, Done: "已提交"}}), ledger.CallUpdate,
			`{"userids":["liu"],"agentid":1000002,"response_code":"RC","template_card":{"card_type":"multiple_interaction","main_title":{"title":"记一次巡访"},"select_list":[{"question_key":"q1","title":"方式","disable":true,"selected_id":"phone","option_list":[{"id":"door","text":"上门"},{"id":"phone","text":"电话"}]}],"replace_text":"已提交"}}`},
		{"update of checks", reply(ledger.Message{Code: "RC", Card: &ledger.Card{Title: "哪里不好", Checks: &multi, Submit: yes, Done: "已提交"}}), ledger.CallUpdate,
			`{"userids":["liu"],"agentid":1000002,"response_code":"RC","template_card":{"card_type":"vote_interaction","main_title":{"title":"哪里不好"},"checkbox":{"question_key":"q1","mode":1,"disable":true,"option_list":[{"id":"door","text":"上门","is_checked":false},{"id":"phone","text":"电话","is_checked":true}]},"submit_button":{"text":"确认","key":"yes"},"replace_text":"已提交"}}`},
		{"update without the questions", reply(ledger.Message{Code: "RC", Card: &ledger.Card{Title: "记一次巡访", Submit: yes, Done: "已提交"}}), ledger.CallUpdate,
			`{"userids":["liu"],"agentid":1000002,"response_code":"RC","template_card":{"card_type":"button_interaction","main_title":{"title":"记一次巡访"},"button_list":[{"text":"完成","style":1,"key":"done"}],"replace_text":"已提交"}}`},
		{"update to another live card", reply(ledger.Message{Code: "RC", Card: &ledger.Card{Title: "改哪里", Buttons: []ledger.Button{yes}}}), ledger.CallUpdate,
			`{"userids":["liu"],"agentid":1000002,"response_code":"RC","template_card":{"card_type":"button_interaction","main_title":{"title":"改哪里"},"button_list":[{"text":"确认","style":1,"key":"yes"}]}}`},
		{"photo", ledger.Message{Photo: "p1", MediaID: "M"}, ledger.CallFetch, `{"media_id":"M","photo":"p1"}`},
	} {
		got, err := Render(c.m, agent)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := strings.Replace(c.want, "REPLY", fmt.Sprint(repeatSeconds(c.m)), 1)
		if got.Call != c.call || string(got.Body) != want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.name, got.Call, got.Body, want)
		}
		if !json.Valid(got.Body) {
			t.Errorf("%s: no JSON", c.name)
		}
		if again, _ := Render(c.m, agent); string(again.Body) != string(got.Body) {
			t.Errorf("%s: rendered differently the second time", c.name)
		}
	}
	md, err := RenderMarkdown(reply(ledger.Message{Priority: ledger.PriorityReply, Text: "**望远村** <font color=\"warning\">差 4 位</font>"}), agent)
	if err != nil || !strings.Contains(string(md.Body), `"msgtype":"markdown","agentid":1000002,"markdown":{"content":"**望远村** <font color=\"warning\">差 4 位</font>"}`) {
		t.Errorf("markdown: %s, %v", md.Body, err)
	}
}

func TestRenderRefuses(t *testing.T) {
	card := func(f func(*ledger.Card)) ledger.Message {
		c := ledger.Card{Task: "t", Title: "t", Buttons: []ledger.Button{{Key: "k", Text: "b"}}}
		f(&c)
		return reply(ledger.Message{Card: &c})
	}
	to := func(id string) ledger.Message { m := reply(ledger.Message{Text: "a"}); m.To = id; return m }
	choice := ledger.Choice{Key: "q", Options: []ledger.Option{{ID: "a", Text: "a"}, {ID: "b", Text: "b"}}}
	for _, c := range []struct {
		name, field string
		m           ledger.Message
	}{
		{"empty text", "text.content", reply(ledger.Message{})},
		{"long text", "text.content", reply(ledger.Message{Text: strings.Repeat("a", 2049)})},
		{"nobody", "touser", to("")},
		{"everybody", "touser", to("@all")},
		{"two people", "touser", to("a|b")},
		{"a long userid", "touser", to(strings.Repeat("a", 65))},
		{"no task", "task_id", card(func(c *ledger.Card) { c.Task = "" })},
		{"no link", "card_action", card(func(c *ledger.Card) { c.Buttons = nil })},
		{"rows beside selects", "horizontal_content_list", card(func(c *ledger.Card) {
			c.Buttons, c.Selects, c.Submit = nil, []ledger.Choice{choice}, ledger.Button{Key: "s", Text: "s"}
			c.Rows = []ledger.CardRow{{Name: "a"}}
		})},
		{"buttons beside selects", "button_list", card(func(c *ledger.Card) {
			c.Selects, c.Submit = []ledger.Choice{choice}, ledger.Button{Key: "s", Text: "s"}
		})},
		{"a drop-down of several", "button_selection", card(func(c *ledger.Card) { d := choice; d.Multi = true; c.Drop = &d })},
		{"two picked in a drop-down", "button_selection.selected_id", card(func(c *ledger.Card) { d := choice; d.Picked = []string{"a", "b"}; c.Drop = &d })},
		{"picked what is not there", "button_selection", card(func(c *ledger.Card) { d := choice; d.Picked = []string{"z"}; c.Drop = &d })},
		{"an update that leads nowhere", "card_action", reply(ledger.Message{Code: "RC", Card: &ledger.Card{Title: "t"}})},
	} {
		got, err := Render(c.m, agent)
		var e *LimitError
		if !errors.As(err, &e) || e.Field != c.field || got.Body != nil || got.Call != "" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := Render(reply(ledger.Message{Text: strings.Repeat("a", 2048)}), agent); err != nil {
		t.Error(err)
	}
}

// The interval is part of what WeCom compares: equal hints in a row must differ in it, resends must not.
func TestRepeatSeconds(t *testing.T) {
	last := 0
	for n := int64(-3); n < 500; n++ {
		m := reply(ledger.Message{Nth: n, Text: "没听懂"})
		s := repeatSeconds(m)
		if s < 60 || s > 299 {
			t.Fatalf("reply %d: %d seconds", n, s)
		}
		if s == last {
			t.Errorf("replies %d and %d have the same interval", n-1, n)
		}
		last = s
		one, err := Render(m, agent)
		if err != nil {
			t.Fatal(err)
		}
		if two, _ := Render(m, agent); string(one.Body) != string(two.Body) {
			t.Errorf("reply %d resent has other bytes", n)
		}
	}
	if s := repeatSeconds(ledger.Message{Priority: ledger.PriorityAlarm}); s != 14400 {
		t.Errorf("alarm: %d", s)
	}
	if s := repeatSeconds(ledger.Message{Priority: ledger.PriorityReminder}); s != 1800 {
		t.Errorf("reminder: %d", s)
	}
}

func TestMenu(t *testing.T) {
	click := func(name string) MenuButton { return MenuButton{Type: "click", Name: name, Key: "k"} }
	sub := func(n int) (b MenuButton) {
		b.Name = "更多"
		for range n {
			b.Sub = append(b.Sub, click("a"))
		}
		return b
	}
	three := []MenuButton{click("巡访"), click("帮扶"), sub(5)}
	if err := ValidateMenu(three); err != nil {
		t.Error(err)
	}
	long := func(n int) string { return strings.Repeat("a", n) }
	for _, c := range []struct {
		field    string
		ok, over []MenuButton
	}{
		{"button", nil, []MenuButton{}},
		{"button", nil, append([]MenuButton{click("a")}, three...)},
		{"sub_button", nil, []MenuButton{sub(6)}},
		{"sub_button", nil, []MenuButton{{Name: "a", Sub: []MenuButton{}}}},
		{"button.name", []MenuButton{click(long(16))}, []MenuButton{click(long(17))}},
		{"button.name", nil, []MenuButton{click("")}},
		{"sub_button.name", []MenuButton{{Name: "a", Sub: []MenuButton{click(long(40))}}}, []MenuButton{{Name: "a", Sub: []MenuButton{click(long(41))}}}},
		{"button.key", []MenuButton{{Type: "click", Name: "a", Key: long(128)}}, []MenuButton{{Type: "click", Name: "a", Key: long(129)}}},
		{"button.key", nil, []MenuButton{{Type: "location_select", Name: "a"}}},
		{"button.url", []MenuButton{{Type: "view", Name: "a", URL: "http://" + long(1017)}}, []MenuButton{{Type: "view", Name: "a", URL: "http://" + long(1018)}}},
		{"button.url", nil, []MenuButton{{Type: "view", Name: "a", URL: "bot.example"}}},
		{"button.appid", []MenuButton{{Type: "view_miniprogram", Name: "a", AppID: "w", PagePath: "p"}}, []MenuButton{{Type: "view_miniprogram", Name: "a", PagePath: "p"}}},
		{"button.type", nil, []MenuButton{{Type: "dance", Name: "a", Key: "k"}}},
		{"button", nil, []MenuButton{{Type: "click", Key: "k", Name: "a", Sub: []MenuButton{click("a")}}}},
		{"sub_button", nil, []MenuButton{{Name: "a", Sub: []MenuButton{{Name: "b", Sub: []MenuButton{click("c")}}}}}},
	} {
		if c.ok != nil {
			if err := ValidateMenu(c.ok); err != nil {
				t.Errorf("at the edge of %s: %v", c.field, err)
			}
		}
		var e *LimitError
		if err := ValidateMenu(c.over); !errors.As(err, &e) || e.Field != c.field {
			t.Errorf("over the edge of %s: %v", c.field, err)
		}
	}
	if err := click("巡访").Validate(); err != nil {
		t.Error(err)
	}
}

// A picture's Body is the picture; what cannot be sent is refused before it is in the outbox.
func TestRenderPicture(t *testing.T) {
	png := []byte(pngHead + "and so on")
	got, err := Render(reply(ledger.Message{Picture: png, Text: "3月还差2位"}), agent)
	if err != nil || got.Call != ledger.CallPicture || !bytes.Equal(got.Body, png) || got.Fallback != "3月还差2位" {
		t.Errorf("%+v, %v", got, err)
	}
	for name, m := range map[string]ledger.Message{
		"no words instead":  {Picture: png},
		"too many words":    {Picture: png, Text: strings.Repeat("长", 700)},
		"no picture":        {Picture: []byte{}, Text: "x"},
		"a JPG":             {Picture: []byte("\xff\xd8\xff\xe0 and so on"), Text: "x"},
		"larger than 10 MB": {Picture: append([]byte(pngHead), make([]byte, 10<<20)...), Text: "x"},
	} {
		var limit *LimitError
		if got, err := Render(reply(m), agent); !errors.As(err, &limit) || got.Call != "" {
			t.Errorf("%s: rendered as %q, %v", name, got.Call, err)
		}
	}
	if _, err := Render(ledger.Message{To: "a|b", Picture: png, Text: "x"}, agent); err == nil {
		t.Error("a picture for two people at once")
	}
}
