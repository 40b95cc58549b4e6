package wecom_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"xunfang/bot/sim"
	"xunfang/bot/wecom"
	"xunfang/ledger"
)

// voice is a call to wang, rendered.
func (c *corp) voice() ledger.Message {
	c.t.Helper()
	m, err := wecom.Render(ledger.Message{Key: "v1", To: "Wang", Priority: ledger.PriorityAlarm, Voice: true, Text: "⚠ 紧急:请马上看企业微信"}, 1000002)
	if err != nil {
		c.t.Fatal(err)
	}
	if m.Call != ledger.CallVoice || m.Fallback != m.Text || string(m.Body) != `{"callee_userid":["Wang"]}` {
		c.t.Fatalf("%+v: %s", m, m.Body)
	}
	return m
}

func TestVoiceCall(t *testing.T) {
	c := newCorp(t)
	for _, end := range []struct {
		act   func()
		words string
		took  bool
	}{
		{func() { _ = c.Answer("wang") }, "接了", true},
		{func() { _ = c.Reject("wang") }, "拒接", false},
		{func() { c.pass(time.Minute) }, "没人接", false},
		{func() {}, "叫得太多", false}, // the fourth within 8 minutes
	} {
		r, err := c.client.Send(t.Context(), c.voice())
		if err != nil || r.MsgID == "" {
			t.Fatalf("%+v, %v", r, err)
		}
		if h, err := c.client.Heard(t.Context(), "wang", r.MsgID); err != nil || h.Ringing() == (end.words == "叫得太多") || h.Answered() {
			t.Errorf("at once: %+v, %v", h, err)
		}
		end.act()
		if h, err := c.client.Heard(t.Context(), "wang", r.MsgID); err != nil || h.Words() != end.words || h.Answered() != end.took || h.Ringing() {
			t.Errorf("%+v %s, %v; want %s", h, h.Words(), err, end.words)
		}
	}
	if got := c.Calls("wang"); len(got) != 4 || len(c.Calls("chen")) != 0 {
		t.Errorf("%+v", got)
	}
	if _, err := c.client.Heard(t.Context(), "wang", "no such call"); wecom.Classify(err).Action != wecom.Drop {
		t.Error(err)
	}
}

// A call that is not made is dropped, so that its words are written; what passes by itself is tried again.
func TestVoiceCallRefused(t *testing.T) {
	c := newCorp(t)
	for _, f := range []struct {
		fault  sim.FaultSet
		action wecom.Action
		reason string
	}{
		{sim.FaultSet{VoiceErrCode: 301049}, wecom.Drop, "the app is not listed under 紧急通知"},
		{sim.FaultSet{VoiceErrCode: 301050}, wecom.Drop, "紧急通知 is not switched on"},
		{sim.FaultSet{VoiceErrCode: 301051}, wecom.Drop, "紧急通知 has no balance left"},
		{sim.FaultSet{Invalid: "wang"}, wecom.Drop, "userid unknown"},
		{sim.FaultSet{API: "pstncc/call", ErrCode: 45009}, wecom.Drop, "called too often"},
		{sim.FaultSet{API: "pstncc/call", ErrCode: 48002}, wecom.Drop, "no permission for this API"},
		{sim.FaultSet{API: "pstncc/call", ErrCode: 301058}, wecom.Drop, "not rung up"},
		{sim.FaultSet{API: "pstncc/call", ErrCode: -1}, wecom.Retry, "system busy"},
		{sim.FaultSet{API: "pstncc/call", HTTP500: true}, wecom.Retry, "HTTP status"},
		{sim.FaultSet{API: "pstncc/call", Down: true}, wecom.Retry, "no answer"},
	} {
		c.Faults().Set(f.fault)
		r, err := c.client.Send(t.Context(), c.voice())
		if v := wecom.Classify(err); err == nil || v.Action != f.action || v.Reason != f.reason || r != (wecom.Receipt{}) {
			t.Errorf("%+v: %v, %+v", f.fault, err, v)
		}
		if text := fmt.Sprint(err); strings.Contains(strings.ToLower(text), "wang") || !strings.Contains(text, "pstncc/call") {
			t.Errorf("%+v: %v", f.fault, err)
		}
	}
	if got := c.Calls("wang"); len(got) != 0 {
		t.Errorf("it rang: %+v", got)
	}
	c.Faults().Set(sim.FaultSet{API: "pstncc/call", ErrCode: 42001})
	if _, err := c.client.Send(t.Context(), c.voice()); err != nil || len(c.Calls("wang")) != 1 {
		t.Errorf("with a new token: %v", err)
	}
}

func TestVoiceRendersOnlyWhatCanBeSaid(t *testing.T) {
	for name, m := range map[string]ledger.Message{
		"no words":       {To: "wang", Voice: true},
		"too many words": {To: "wang", Voice: true, Text: strings.Repeat("长", 700)},
		"two people":     {To: "wang|chen", Voice: true, Text: "x"},
	} {
		var limit *wecom.LimitError
		if got, err := wecom.Render(m, 1); !errors.As(err, &limit) || got.Call != "" {
			t.Errorf("%s: rendered as %q, %v", name, got.Call, err)
		}
	}
}

func TestHeardMessage(t *testing.T) {
	after := time.Date(2026, 3, 11, 8, 48, 0, 0, time.UTC)
	m, err := wecom.HeardMessage("v1/heard", "wang", "6-1-out", after)
	if err != nil || m.Call != ledger.CallHeard || !m.NotBefore.Equal(after) || m.To != "wang" || m.Priority != ledger.PriorityAlarm ||
		string(m.Body) != `{"callee_userid":"wang","callid":"6-1-out"}` {
		t.Errorf("%+v: %s, %v", m, m.Body, err)
	}
	if again, err := wecom.Render(m, 1000002); err != nil || string(again.Body) != string(m.Body) || again.Call != ledger.CallHeard {
		t.Errorf("rendered: %+v, %v", again, err)
	}
}

func TestHeardWords(t *testing.T) {
	for h, want := range map[wecom.Heard]string{
		{Talked: true}: "接了", {Talked: true, Reason: 1}: "接了", {Reason: 2}: "接了", {Reason: 3}: "接了", {Reason: 0}: "没人接",
		{Reason: 1}: "还在响", {Reason: 4}: "没人接", {Reason: 5}: "不在服务区", {Reason: 6}: "停机", {Reason: 7}: "拒接", {Reason: 8}: "关机",
		{Reason: 9}: "空号", {Reason: 12}: "没人接", {Reason: 13}: "叫得太多", {Reason: 99}: "没打通", {Reason: -5}: "没打通",
	} {
		if got := h.Words(); got != want {
			t.Errorf("%+v: %s, want %s", h, got, want)
		}
	}
}

// A card that went out is changed by the code of its receipt, once it is known.
func TestUpdateOfACardSent(t *testing.T) {
	c := newCorp(t)
	button := []ledger.Button{{Key: "go:case:take:c1", Text: "我来处理", Style: 1}}
	send := func(m ledger.Message) (wecom.Receipt, error) {
		t.Helper()
		m.To, m.Priority = "wang", ledger.PriorityAlarm
		m, err := wecom.Render(m, 1000002)
		if err != nil {
			t.Fatal(err)
		}
		if m.Of != "" {
			if strings.Count(string(m.Body), `"response_code":""`) != 1 || m.Call != ledger.CallUpdate || m.Code != "" {
				t.Fatalf("%s %s", m.Call, m.Body)
			}
			if m, err = wecom.Coded(m, m.Text); err != nil { // the test carries the code in Text
				t.Fatal(err)
			}
		}
		return c.client.Send(t.Context(), m)
	}
	r, err := send(ledger.Message{Key: "a1", Card: &ledger.Card{Task: "a1", Title: "⚠ 紧急", Buttons: button}})
	if err != nil || r.ResponseCode == "" {
		t.Fatal(err)
	}
	update := ledger.Message{Key: "a1/taken", Of: "a1", Card: &ledger.Card{Title: `⚠ "紧急" <王芳> & 8:48`, Buttons: button, Done: "王芳在处理"},
		Fallback: "王芳在处理", Text: r.ResponseCode}
	if _, err := send(update); err != nil {
		t.Fatal(err)
	}
	got := c.Messages("wang")
	if len(got) != 1 || got[0].ReplaceText != "王芳在处理" || got[0].Card.MainTitle.Title != `⚠ "紧急" <王芳> & 8:48` {
		t.Errorf("%+v", got)
	}
	if _, err := send(update); wecom.Classify(err).Reason != "response_code invalid" {
		t.Errorf("a code used twice: %v", err)
	}
}

func TestCoded(t *testing.T) {
	of := ledger.Message{Key: "u", To: "wang", Of: "a1", Priority: ledger.PriorityAlarm}
	for name, card := range map[string]ledger.Card{
		"grey button": {Done: "已处理"},
		"new card":    {Title: "t", Rows: []ledger.CardRow{{Name: "谁", Value: `"response_code":""`}}, Buttons: []ledger.Button{{Key: "k", Text: "b"}}, Done: "d"},
	} {
		m := of
		m.Card = &card
		m, err := wecom.Render(m, 1000002)
		if err != nil {
			t.Fatal(name, err)
		}
		one, err := wecom.Coded(m, "RC")
		two, _ := wecom.Coded(one, "RC")
		direct := of
		direct.Card, direct.Code = &card, "RC"
		direct, _ = wecom.Render(direct, 1000002)
		if err != nil || string(one.Body) != string(two.Body) || string(one.Body) != string(direct.Body) || one.Code != "RC" {
			t.Errorf("%s: %v\n%s\n%s\n%s", name, err, one.Body, two.Body, direct.Body)
		}
		if _, err := wecom.Coded(m, ""); err == nil {
			t.Errorf("%s: coded with nothing", name)
		}
	}
	for name, m := range map[string]ledger.Message{"a new message": {Call: ledger.CallSend, Body: []byte(`{}`)}, "no JSON": {Call: ledger.CallUpdate, Body: []byte(`{`)}} {
		if _, err := wecom.Coded(m, "RC"); err == nil {
			t.Errorf("%s was coded", name)
		}
	}
}
