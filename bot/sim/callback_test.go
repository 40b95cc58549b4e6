package sim

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// The vectors are those WeCom's pages and samples publish (path/90968), recomputed.
func TestRow04_SignatureAndCipherVectors(t *testing.T) {
	for _, v := range []struct{ token, key, receiver, signature, timestamp, nonce, encrypted, plain string }{
		{"QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "wx5823bf96d3bd56c7", "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3", "1409659589", "263014780",
			"P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==", "1616140317555161061"},
		{"kjr2TKI8umCBfVF3wAHk8JiPwma5VBme", "4Ma3YBrSBbX2aez8MJpXGBne5LSDwgGqHbhM9WPYIws", "ww6a112864f8022910", "1ba3cb09c0d2c2b3ed6900d37f91a6efae6cb011", "1583940690", "VHh7ymSeb0jc4lSb",
			"6KmUQuPVu7UhjyVqRdbo5SfcRqaHvbUlKSHFvBV2ZuR6TIlKsygcfeSd1GDplg1C5KSKr6UPHCaC/nIX3ZNt9w==", "94966531020182955848408"},
		{"pcoLldqMu2WQQtYBeDX5HiXPsBFlTnDM", "CyjBvGm4tJNmcThkeL5Wajzom4jKlBygKtpTkYeqsnE", "wwedab3d5fc43636d8", "1495c4dfd4958d4e5faf618978ae66943a042f87", "1623292419", "1623324060",
			"o1XtmVltGmUAqoWee54yd4Q5ZBgrw4/9lFo5qdZoVPd1DybzarjuYCfFlR2AFbAcWHwFgmbrVBD+f9910QIF6g==", "6058207018001857403"},
	} {
		c, err := newSealer(v.token, v.key, v.receiver)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.sign(v.timestamp, v.nonce, v.encrypted); got != v.signature {
			t.Errorf("signature %s, want %s", got, v.signature)
		}
		if got, err := c.decrypt(v.encrypted); err != nil || got != v.plain {
			t.Errorf("plain %q %v, want %q", got, err, v.plain)
		}
	}
}

func TestCipherRoundTripAtEveryPad(t *testing.T) {
	c, _ := newSealer(testToken, testKey, testCorp)
	for n := range 70 {
		msg := strings.Repeat("x", n)
		sealed := c.encrypt(msg)
		if raw, _ := base64.StdEncoding.DecodeString(sealed); len(raw)%32 != 0 {
			t.Fatalf("%d bytes are no multiple of 32", len(raw))
		}
		if got, err := c.decrypt(sealed); err != nil || got != msg {
			t.Fatalf("%d: %q %v", n, got, err)
		}
	}
	for _, bad := range []string{"", "!", "QUJD", sealedRaw(c, []byte(strings.Repeat("\x00", 32))), sealedRaw(c, padded([]byte("short"))),
		sealedRaw(c, padded(frame("x", testCorp, 2+len(testCorp))))} {
		if _, err := c.decrypt(bad); err == nil {
			t.Errorf("decrypted %q", bad)
		}
	}
	for _, key := range []string{"", testKey[:42], testKey + "A", testKey[:42] + "=", "$" + testKey[1:]} {
		if _, err := newSealer(testToken, key, testCorp); err == nil {
			t.Errorf("took key of %d characters", len(key))
		}
	}
}

func sealedRaw(c sealer, b []byte) string { return base64.StdEncoding.EncodeToString(c.blocks(b)) }

// echo is how a good bot answers the verification.
func (b *testBot) echo(w http.ResponseWriter, r *http.Request, _ string) {
	q := r.URL.Query()
	if b.seal.sign(q.Get("timestamp"), q.Get("nonce"), q.Get("echostr")) != q.Get("msg_signature") {
		http.Error(w, "refused", http.StatusForbidden)
		return
	}
	plain, err := b.seal.decrypt(q.Get("echostr"))
	if err != nil {
		http.Error(w, "refused", http.StatusForbidden)
		return
	}
	io.WriteString(w, plain)
}

func TestRow01_VerificationWantsTheBareEchostr(t *testing.T) {
	w := newWorld(t)
	w.bot.answers(w.bot.echo)
	if err := w.Verify(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(string) string{
		"quotes":  func(s string) string { return `"` + s + `"` },
		"newline": func(s string) string { return s + "\n" },
		"BOM":     func(s string) string { return "\ufeff" + s },
		"empty":   func(string) string { return "" },
	} {
		w.bot.answers(func(rw http.ResponseWriter, r *http.Request, _ string) {
			plain, _ := w.bot.seal.decrypt(r.URL.Query().Get("echostr"))
			io.WriteString(rw, spoil(plain))
		})
		if w.Verify() == nil {
			t.Errorf("%s passed", name)
		}
	}
	w.bot.answers(func(rw http.ResponseWriter, r *http.Request, _ string) { http.Error(rw, "no", http.StatusForbidden) })
	if w.Verify() == nil {
		t.Error("403 passed")
	}
	w.bot.answers(func(_ http.ResponseWriter, r *http.Request, _ string) { <-r.Context().Done() })
	if w.Verify() == nil {
		t.Error("no answer within a second passed")
	}
}

func TestRow02_EchostrIsURLEncodedOnce(t *testing.T) {
	w := newWorld(t)
	w.bot.answers(func(rw http.ResponseWriter, r *http.Request, _ string) {
		if _, sent, _ := strings.Cut(r.URL.RawQuery, "echostr="); strings.ContainsAny(sent, "+/=") {
			t.Error("echostr is not encoded")
		}
		once := r.URL.Query().Get("echostr")
		if twice, err := url.QueryUnescape(once); err == nil && twice == once {
			t.Error("decoding twice would not show")
		}
		w.bot.echo(rw, r, "")
	})
	for range 5 {
		if err := w.Verify(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRow03_SpoiltEnvelopes(t *testing.T) {
	w := newWorld(t)
	plain := w.plain("MaYun", morning, "text", element("Content", "x")+node("MsgId", "1"), "")
	for name, f := range map[string]Forgery{
		"signature": {BadSignature: true}, "receiver": {BadReceiver: true}, "padding": {BadPadding: true},
		"length": {LongLength: true}, "base64": {BadBase64: true}, "truncated": {Truncated: true}, "not xml": {NotXML: true},
	} {
		if d := w.Forge(plain, f); d.Status != http.StatusBadRequest || d.Err == "" {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if got := w.bot.heard(); len(got) != 0 {
		t.Errorf("a careful bot was fooled: %q", got)
	}
	w.shown("mayun", 0)
}

func TestRow04_ExtraQueryIsHarmless(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.CallbackURL += "?tenant=1" })
	w.delivered(w.Say("mayun", "你好"), 1)
	w.delivered(w.Forge(w.bot.heard()[0], Forgery{ExtraQuery: true}), 1)
	raw, _ := w.bot.envelopes()
	if q := raw[0].URL.Query(); q.Get("tenant") != "1" || q.Get("nonce") == "" {
		t.Errorf("query %v", q)
	}
}

func TestRow05_NoAgentIDAndOtherOrder(t *testing.T) {
	w := newWorld(t)
	w.delivered(w.Raw("<xml><FromUserName>sys</FromUserName><MsgType>event</MsgType><Event>x</Event></xml>"), 1)
	w.delivered(w.Forge("<xml></xml>", Forgery{NoAgentID: true}), 1)
	w.delivered(w.Forge("<xml></xml>", Forgery{EncryptFirst: true}), 1)
	_, bodies := w.bot.envelopes()
	if strings.Index(bodies[0], "AgentID") > strings.Index(bodies[0], "Encrypt") {
		t.Error("usual order: AgentID before Encrypt")
	}
	if strings.Contains(bodies[1], "AgentID") {
		t.Error("AgentID is there")
	}
	if strings.Index(bodies[2], "AgentID") < strings.Index(bodies[2], "Encrypt") {
		t.Error("other order: Encrypt first")
	}
}

func TestRow06_NoAnswerIsRetriedThreeTimes(t *testing.T) {
	w := newWorld(t, rules(Rules{AnswerWithin: 20 * time.Millisecond, RetryEvery: 7 * time.Second}))
	w.bot.answers(func(_ http.ResponseWriter, r *http.Request, _ string) { <-r.Context().Done() })
	d := w.Say("mayun", "有人吗")
	if d.Attempts != 4 || d.Status != 0 || d.Err != "no answer in time" {
		t.Fatalf("%+v", d)
	}
	if !slices.Equal(w.slept, []time.Duration{7e9, 7e9, 7e9}) {
		t.Errorf("spacing %v", w.slept)
	}
	got := w.shown("mayun", 2)
	if got[0].Delivery != "failed" || got[1].Type != "notice" || got[1].Text != "这条没送到:服务器没有应答" {
		t.Errorf("%+v", got)
	}
	trace, _ := w.traces.get(d.TraceID)
	if len(trace.Attempts) != 4 || trace.Status != "failed" {
		t.Errorf("trace %+v", trace)
	}
}

func TestRow06_RetriesEndWithAnAnswer(t *testing.T) {
	for _, same := range []bool{false, true} {
		w := newWorld(t, rules(Rules{RetrySameEnvelope: same}))
		n := 0
		w.bot.answers(func(rw http.ResponseWriter, _ *http.Request, _ string) {
			if n++; n < 3 {
				rw.WriteHeader(http.StatusBadGateway)
			}
		})
		w.delivered(w.Say("mayun", "你好"), 3)
		if got := w.shown("mayun", 1); got[0].Delivery != "ok" {
			t.Errorf("%+v", got)
		}
		_, bodies := w.bot.envelopes()
		if (bodies[0] == bodies[1]) != same {
			t.Errorf("same envelope: %v, want %v", !same, same)
		}
		if heard := w.bot.heard(); heard[0] != heard[2] {
			t.Error("a retry says the same")
		}
	}
}

func TestRow07_OtherStatusIsRetriedOrNot(t *testing.T) {
	for _, c := range []struct {
		rules    Rules
		attempts int
	}{{Rules{}, 4}, {Rules{RetryOnlyOnTimeout: true}, 1}, {Rules{Retries: 2}, 3}, {Rules{Retries: -1}, 1}} {
		w := newWorld(t, rules(c.rules))
		w.bot.answers(func(rw http.ResponseWriter, _ *http.Request, _ string) {
			rw.WriteHeader(http.StatusInternalServerError)
		})
		if d := w.Say("mayun", "你好"); d.Attempts != c.attempts || d.Status != 500 || d.Err == "" {
			t.Errorf("%+v: %+v", c.rules, d)
		}
	}
}

func TestRow08_DeliveredFourTimesTheSame(t *testing.T) {
	w := newWorld(t)
	w.Faults().Set(FaultSet{DeliverTimes: 4})
	w.setMenu([]MenuButton{{Type: "click", Name: "巡访", Key: "visit"}})
	w.delivered(w.Say("mayun", "你好"), 4)
	w.delivered(w.Menu("mayun", "visit"), 4)
	heard := w.bot.heard()
	if len(heard) != 8 {
		t.Fatalf("%d deliveries", len(heard))
	}
	for _, same := range [][]string{heard[:4], heard[4:]} {
		if len(slices.Compact(same)) != 1 {
			t.Errorf("not the same: %q", same)
		}
	}
	if strings.Contains(heard[7], "MsgId") {
		t.Error("an event has a MsgId")
	}
	w.shown("mayun", 1)
}

func TestRow09_TwoEventsInOneSecond(t *testing.T) {
	w := newWorld(t)
	w.setMenu([]MenuButton{{Type: "click", Name: "巡访", Key: "visit"}, {Type: "click", Name: "欠访", Key: "owed"}})
	w.Menu("mayun", "visit")
	w.Menu("mayun", "owed")
	heard := w.bot.heard()
	stamp := node("CreateTime", fmt.Sprint(morning.Unix()))
	wantIn(t, heard[0], stamp, "visit")
	wantIn(t, heard[1], stamp, "owed")
}

func TestRow10_EmptyAnswerIsNoMessage(t *testing.T) {
	w := newWorld(t)
	if d := w.delivered(w.Say("mayun", "你好"), 1); d.Reply != "" {
		t.Errorf("%+v", d)
	}
	w.shown("mayun", 1)
}

func TestRow10_SuccessIsNoPassiveReply(t *testing.T) {
	for _, accepted := range []bool{false, true} {
		w := newWorld(t, rules(Rules{SuccessAccepted: accepted}))
		w.bot.answers(func(rw http.ResponseWriter, _ *http.Request, _ string) { io.WriteString(rw, "success") })
		if d := w.Say("mayun", "你好"); (d.Err == "") != accepted || d.Attempts != 1 {
			t.Errorf("accepted %v: %+v", accepted, d)
		}
		w.shown("mayun", 1)
	}
}

func TestRow11_PassiveReplyIsCheckedElementByElement(t *testing.T) {
	w := newWorld(t)
	other, _ := newSealer(testToken, testKey, "wxanothercorp")
	inner := "<xml>" + element("ToUserName", "MaYun") + element("FromUserName", testCorp) + element("MsgType", "text") + element("Content", "好") + "</xml>"
	good := w.bot.pack(inner)
	drop := func(name string) string {
		i, j := strings.Index(good, "<"+name+">"), strings.Index(good, "</"+name+">")
		return good[:i] + good[j+len(name)+3:]
	}
	for name, body := range map[string]string{
		"no Encrypt": drop("Encrypt"), "no MsgSignature": drop("MsgSignature"), "no TimeStamp": drop("TimeStamp"), "no Nonce": drop("Nonce"),
		"Timestamp spelt otherwise": strings.ReplaceAll(good, "TimeStamp", "Timestamp"),
		"wrong signature":           strings.Replace(good, "<Nonce><![CDATA[n1", "<Nonce><![CDATA[n2", 1),
		"other receiveid":           (&testBot{seal: other}).pack(inner),
		"not encrypted":             inner,
		"other sender":              w.bot.pack(strings.Replace(inner, "MaYun", "wang", 1)),
		"other corp":                w.bot.pack(strings.Replace(inner, testCorp, "wxother", 1)),
		"markdown":                  w.bot.pack(strings.Replace(inner, "[text]", "[markdown]", 1)),
		"update without a tap":      w.bot.pack(strings.Replace(inner, "[text]", "[update_button]", 1)),
	} {
		w.bot.answers(func(rw http.ResponseWriter, _ *http.Request, _ string) { io.WriteString(rw, body) })
		d := w.Say("mayun", name)
		if !strings.HasPrefix(d.Err, "passive reply dropped") || d.Status != 200 || d.Attempts != 1 {
			t.Errorf("%s: %+v", name, d)
		}
	}
	for _, m := range w.Messages("mayun") {
		if m.From != "me" || m.Delivery != "ok" {
			t.Errorf("shown: %+v", m)
		}
	}
	w.bot.answers(func(rw http.ResponseWriter, _ *http.Request, _ string) { io.WriteString(rw, good) })
	if d := w.delivered(w.Say("mayun", "x"), 1); d.Reply != inner {
		t.Errorf("reply %q", d.Reply)
	}
	w.shown("wang", 0)
}

func TestRow12_PassiveTextIsCut(t *testing.T) {
	w := newWorld(t)
	w.bot.replies("mayun", element("MsgType", "text")+element("Content", strings.Repeat("巡", 700)))
	w.delivered(w.Say("MAYUN", "你好"), 1)
	m := w.shown("mayun", 2)[1]
	if m.From != "app" || !m.Cut || m.Text != strings.Repeat("巡", 682) { // 2046 of 2048 bytes: no character is split
		t.Errorf("cut %v, %d bytes", m.Cut, len(m.Text))
	}
}

func TestPassiveMediaAndNews(t *testing.T) {
	w := newWorld(t)
	id := w.upload("image", "a.jpg", drawings()[1].jpeg).text("media_id")
	w.bot.replies("MaYun", element("MsgType", "image")+"<Image>"+element("MediaId", id)+"</Image>")
	w.delivered(w.Say("mayun", "图"), 1)
	w.bot.replies("MaYun", element("MsgType", "voice")+"<Voice>"+element("MediaId", id)+"</Voice>")
	if d := w.Say("mayun", "图当语音"); d.Err == "" {
		t.Error("a picture passed for a voice")
	}
	w.bot.replies("MaYun", element("MsgType", "news")+"<ArticleCount>1</ArticleCount><Articles><item>"+element("Title", "标题")+element("Url", "https://a.example")+"</item></Articles>")
	w.delivered(w.Say("mayun", "文章"), 1)
	got := w.shown("mayun", 5)
	if got[1].MediaURL != "/sim/media/"+id || got[4].Articles[0].Title != "标题" {
		t.Errorf("%+v", got)
	}
}

func TestPassiveRepliesOnlyToSomeEvents(t *testing.T) {
	w := newWorld(t)
	w.bot.replies("MaYun", element("MsgType", "text")+element("Content", "好"))
	w.delivered(w.Event("mayun", "click", "k"), 1)
	if d := w.Event("mayun", "pic_weixin", "k"); d.Err == "" {
		t.Error("pic_weixin took a passive reply")
	}
	w.shown("mayun", 1)
}

func TestRow13_PassiveCardUpdateChangesTheTappersCardOnly(t *testing.T) {
	for _, ignored := range []bool{false, true} {
		w := newWorld(t, rules(Rules{PassiveCardIgnored: ignored}))
		w.post("message/send", `{"touser":"mayun|wang","msgtype":"template_card","agentid":1000002,"template_card":`+buttonJSON("t1")+`}`).wants(0)
		w.bot.replies("MaYun", element("MsgType", "update_button")+"<Button>"+element("ReplaceName", "已确认")+"</Button>")
		d, err := w.Tap("mayun", w.shown("mayun", 1)[0].ID, "yes", nil)
		if err != nil || (d.Err == "") == ignored {
			t.Fatalf("%+v %v", d, err)
		}
		if m := w.shown("mayun", 1)[0]; m.Disabled == ignored || (m.ReplaceText == "已确认") == ignored {
			t.Errorf("ignored %v: %+v", ignored, m)
		}
		if m := w.shown("wang", 1)[0]; m.Disabled {
			t.Error("the other's card changed")
		}
	}
}

func TestRow13_PassiveTemplateCard(t *testing.T) {
	w := newWorld(t)
	w.card(buttonJSON("t1")).wants(0)
	w.bot.replies("MaYun", element("MsgType", "update_template_card")+`<TemplateCard><CardType>multiple_interaction</CardType>
		<MainTitle><Title>新的</Title></MainTitle>
		<SelectList><QuestionKey>q1</QuestionKey><SelectedId>b</SelectedId><Disable>true</Disable><OptionList><Id>a</Id><Text>A</Text></OptionList><OptionList><Id>b</Id><Text>B</Text></OptionList></SelectList>
		<SubmitButton><Text>提交</Text><Key>go</Key></SubmitButton></TemplateCard>`)
	id := w.shown("mayun", 1)[0].ID
	if d, err := w.Tap("mayun", id, "yes", nil); err != nil || d.Err != "" {
		t.Fatalf("%+v %v", d, err)
	}
	m := w.shown("mayun", 1)[0]
	if m.Card.CardType != "multiple_interaction" || m.Card.TaskID != "t1" || m.Disabled || len(m.Card.Selects[0].Options) != 2 {
		t.Fatalf("%+v", m.Card)
	}
	if _, err := w.Tap("mayun", id, "go", map[string][]string{"q1": {"a"}}); !errors.Is(err, ErrChoice) {
		t.Errorf("a locked choice changed: %v", err)
	}
	w.bot.answers(nil)
	if d, err := w.Tap("mayun", id, "go", nil); err != nil || d.Err != "" {
		t.Fatalf("%+v %v", d, err)
	}
	wantIn(t, w.bot.heard()[1], element("OptionId", "b"), element("CardType", "multiple_interaction"))
}

func TestRow14_SixTypesOnly(t *testing.T) {
	w := newWorld(t)
	for _, d := range []Delivery{w.Say("mayun", "]]>你好\x00"), w.Photo("mayun", drawings()[0].jpeg), w.Voice("mayun", amrSilence()),
		w.Video("mayun", []byte("0000ftypmp42")), w.Location("mayun", 38.48, 106.23, "村口"), w.Link("mayun", "题", "说明", "https://a.example")} {
		w.delivered(d, 1)
	}
	heard := w.bot.heard()
	wantIn(t, heard[0], element("MsgType", "text"), "<MsgId>", element("FromUserName", "MaYun"), node("AgentID", "1000002"))
	wantIn(t, heard[1], "<PicUrl>", "<MediaId>")
	wantIn(t, heard[2], "<MediaId>", element("Format", "amr"))
	wantIn(t, heard[3], "<MediaId>", "<ThumbMediaId>")
	wantIn(t, heard[4], "<Location_X>38.48</Location_X>", element("Label", "村口"), "</AgentID>"+element("AppType", "wxwork"))
	wantIn(t, heard[5], element("Title", "题"), element("Url", "https://a.example"), "<PicUrl>")
	if d := w.Location("mayun", 91, 0, ""); d.Err == "" {
		t.Error("latitude 91")
	}
	if _, err := w.sendMedia("mayun", "file", "x"); err == nil {
		t.Error("a file was sent")
	}
	got := w.shown("mayun", 6)
	ids := map[string]bool{}
	for i, m := range got {
		ids[m.ID] = true
		wantIn(t, heard[i], node("MsgId", m.ID))
	}
	if len(ids) != 6 {
		t.Error("MsgId twice")
	}
}

func TestRow15_EnterAndLocationOnlyWhenWanted(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"enter_agent", "LOCATION"} {
		if d := w.Event("mayun", name, ""); d.Err == "" {
			t.Errorf("%s was reported", name)
		}
	}
	w.post("agent/set", `{"agentid":1000002,"isreportenter":1,"report_location_flag":1}`).wants(0)
	w.delivered(w.Event("mayun", "enter_agent", ""), 1)
	w.delivered(w.Event("mayun", "LOCATION", ""), 1)
	heard := w.bot.heard()
	if len(heard) != 2 {
		t.Fatal(heard)
	}
	wantIn(t, heard[0], element("Event", "enter_agent"), element("EventKey", ""))
	wantIn(t, heard[1], "<Latitude>", "<Precision>")
}

func TestRow16_17_VisibleRange(t *testing.T) {
	w := newWorld(t)
	w.delivered(w.SetVisible("mayun", false), 1)
	if d := w.SetVisible("mayun", false); d.Attempts != 0 {
		t.Error("no change, but an event")
	}
	if d := w.Say("mayun", "喂"); d.Err == "" {
		t.Error("a member outside the range spoke")
	}
	w.text("喂").wants(81013)
	w.delivered(w.SetVisible("hidden", true), 1)
	heard := w.bot.heard()
	if len(heard) != 2 {
		t.Fatal(heard)
	}
	wantIn(t, heard[0], element("Event", "unsubscribe"), "MaYun")
	wantIn(t, heard[1], element("Event", "subscribe"), "hidden")
	for _, h := range heard {
		if strings.Contains(h, "change_contact") {
			t.Error("change_contact went to the app")
		}
	}
}

func TestRow18_EventsGetLost(t *testing.T) {
	w := newWorld(t)
	w.Faults().Set(FaultSet{LoseEvents: true})
	w.setMenu([]MenuButton{{Type: "click", Name: "巡访", Key: "visit"}})
	if d := w.Menu("mayun", "visit"); d.Attempts != 0 || d.Err == "" {
		t.Errorf("%+v", d)
	}
	w.delivered(w.Say("mayun", "消息不丢"), 1)
	if len(w.bot.heard()) != 1 {
		t.Error(w.bot.heard())
	}
}

func TestOneMembersMessagesComeInOrder(t *testing.T) {
	w := newWorld(t)
	release := make(chan struct{})
	w.bot.answers(func(_ http.ResponseWriter, _ *http.Request, plain string) {
		if strings.Contains(plain, "慢") {
			<-release
		}
	})
	slow, err := w.say("mayun", "慢")
	if err != nil {
		t.Fatal(err)
	}
	next, err := w.say("mayun", "后")
	if err != nil {
		t.Fatal(err)
	}
	w.delivered(w.Say("wang", "别人不等"), 1)
	select {
	case <-next.done:
		t.Error("the second overtook the first")
	default:
	}
	close(release)
	<-slow.done
	<-next.done
	heard := w.bot.heard()
	wantIn(t, heard[len(heard)-1], "后")
}
