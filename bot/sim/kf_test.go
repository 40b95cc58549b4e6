package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The accounts of the tests: one for the app, one more, and one that was not handed to it.
const (
	deskA = "wkAAAAtest"
	deskB = "wkBBBBtest"
	deskC = "wkCCCCtest"
)

// newKf is a world with 微信客服, a daughter and a son in WeChat.
func newKf(t *testing.T, edit ...func(*Options)) *world {
	t.Helper()
	return newWorld(t, append([]func(*Options){func(o *Options) {
		o.Kf = []KfAccount{{OpenKfID: deskA, Name: "家属服务", Granted: true, Servicers: []string{"wang", "li", "hidden"}},
			{OpenKfID: deskB, Name: "夜间服务", Granted: true}, {OpenKfID: deskC, Name: "别的应用的", Servicers: []string{"wang"}}}
		o.Members = append(o.Members, Member{UserID: "son", Name: "儿子", Kind: "wechat"})
	}}, edit...)...)
}

func kfRules(r KfRules) func(*Options) { return func(o *Options) { o.Rules.Kf = r } }

// later lets time go by, and fetches a new token, for a token lives but two hours.
func (w *world) later(d time.Duration) {
	w.t.Helper()
	w.pass(d)
	w.token = w.get("gettoken?corpid=" + testCorp + "&corpsecret=" + testSecret).wants(0).text("access_token")
}

// kfTold is one message of sync_msg.
type kfTold struct {
	kfHead
	Body  map[string]any `json:"-"`
	Raw   string         `json:"-"`
	Event map[string]any `json:"-"` // the body of an event
}

type kfPull struct {
	reply
	next string
	more bool
	list []kfTold
}

// sync pulls an account's messages after a cursor.
func (w *world) sync(desk, cursor, token string, limit int) kfPull {
	w.t.Helper()
	body := fmt.Sprintf(`{"open_kfid":%q,"cursor":%q,"token":%q,"limit":%d}`, desk, cursor, token, limit)
	return w.pull(w.post("kf/sync_msg", body).wants(0))
}

func (w *world) pull(r reply) kfPull {
	w.t.Helper()
	var raw struct {
		Next string            `json:"next_cursor"`
		More int               `json:"has_more"`
		List []json.RawMessage `json:"msg_list"`
	}
	if err := json.Unmarshal([]byte(r.body), &raw); err != nil {
		w.t.Fatal(err)
	}
	p := kfPull{reply: r, next: raw.Next, more: raw.More == 1}
	for _, m := range raw.List {
		told := kfTold{Raw: string(m)}
		var all map[string]any
		for _, into := range []any{&told, &all} {
			if err := json.Unmarshal(m, into); err != nil {
				w.t.Fatal(err)
			}
		}
		told.Body, _ = all[told.MsgType].(map[string]any)
		if told.MsgType == "event" {
			told.Event = told.Body
		}
		p.list = append(p.list, told)
	}
	return p
}

// fresh are the messages that came since the last call, pulled with the token of the newest callback.
func (w *world) fresh(cursor *string) []kfTold {
	w.t.Helper()
	var all []kfTold
	for more := true; more; {
		p := w.sync(deskA, *cursor, w.lastToken(), 0)
		all, more, *cursor = append(all, p.list...), p.more, p.next
	}
	return all
}

// lastToken is what the newest callback carries.
func (w *world) lastToken() string {
	w.t.Helper()
	got := w.bot.heard()
	for _, plain := range slices.Backward(got) {
		if strings.Contains(plain, kfEvent) {
			return cdata(plain, "Token")
		}
	}
	w.t.Fatal("no callback of 微信客服")
	return ""
}

func cdata(plain, name string) string {
	_, rest, _ := strings.Cut(plain, "<"+name+"><![CDATA[")
	value, _, _ := strings.Cut(rest, "]]>")
	return value
}

func (w *world) link(desk, scene string) string {
	w.t.Helper()
	return w.post("kf/add_contact_way", fmt.Sprintf(`{"open_kfid":%q,"scene":%q}`, desk, scene)).wants(0).text("url")
}

// writes brings the daughter in and lets her write, so that the window is open.
func (w *world) writes() (id string) {
	w.t.Helper()
	w.delivered(w.Scan("child", w.link(deskA, "card")), 1)
	w.delivered(w.KfSay("child", "我妈妈怎么样"), 1)
	return w.KfCustomerID("child")
}

func (w *world) kfSends(body string) reply {
	w.t.Helper()
	return w.post("kf/send_msg", fmt.Sprintf(`{"touser":%q,"open_kfid":%q,%s}`, w.KfCustomerID("child"), deskA, body))
}

func (w *world) kfText(text string) reply {
	w.t.Helper()
	return w.kfSends(`"msgtype":"text","text":{"content":"` + text + `"}`)
}

func (w *world) kfState() reply {
	w.t.Helper()
	return w.post("kf/service_state/get", fmt.Sprintf(`{"open_kfid":%q,"external_userid":%q}`, deskA, w.KfCustomerID("child"))).wants(0)
}

func (w *world) inState(state int) {
	w.t.Helper()
	if got, _ := w.kfState().fields["service_state"].(float64); int(got) != state {
		w.t.Fatalf("state %v, want %d", got, state)
	}
}

func (w *world) trans(state int, servicer string) reply {
	w.t.Helper()
	return w.post("kf/service_state/trans", fmt.Sprintf(`{"open_kfid":%q,"external_userid":%q,"service_state":%d,"servicer_userid":%q}`,
		deskA, w.KfCustomerID("child"), state, servicer))
}

// onEvent answers an event by its code.
func (w *world) onEvent(code, body string) reply {
	w.t.Helper()
	return w.post("kf/send_msg_on_event", fmt.Sprintf(`{"code":%q,"msgid":"",%s}`, code, body))
}

const (
	hello = `"msgtype":"text","text":{"content":"您好"}`
	menu  = `"msgtype":"msgmenu","msgmenu":{"head_content":"您想问什么?","list":[{"type":"click","click":{"id":"ask","content":"妈妈好吗"}},` +
		`{"type":"view","view":{"url":"https://example.gov.cn/j","content":"说明"}},{"type":"text","text":{"content":"或者\n直接写"}},` +
		`{"type":"miniprogram","miniprogram":{"appid":"wx1","pagepath":"p","content":"小程序"}}],"tail_content":"谢谢"}`
)

// said are the messages on the daughter's phone without notices and without her own.
func (w *world) said() (texts []string) {
	for _, m := range w.Messages("child") {
		if m.From == "app" && m.Type != "notice" {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

func TestK01_SceneOfALink(t *testing.T) {
	w := newKf(t)
	for scene, code := range map[string]int{"": 0, "card": 0, "A-z_9": 0, strings.Repeat("x", 32): 0, strings.Repeat("x", 33): 40058,
		"卡": 40058, "a b": 40058, "a&b": 40058} {
		w.post("kf/add_contact_way", fmt.Sprintf(`{"open_kfid":%q,"scene":%q}`, deskA, scene)).wants(code)
	}
	link := w.link(deskA, "card")
	if link != w.link(deskA, "card") || link == w.link(deskB, "card") || link == w.link(deskA, "sms") {
		t.Error("a link is its account's and its scene's, and stays")
	}
	u, err := url.Parse(link)
	if err != nil || u.Host != kfHost || !strings.HasPrefix(u.Path, "/kf/kfc") || !strings.HasPrefix(u.Query().Get("enc_scene"), "ENC") {
		t.Errorf("%v %v", link, err)
	}
	w.post("kf/add_contact_way", `{"open_kfid":"kf1"}`).wants(95000)
	w.post("kf/add_contact_way", `{"open_kfid":"wkother"}`).wants(95004)
}

func TestK02_ATamperedLinkGivesNoEvent(t *testing.T) {
	w := newKf(t)
	link := w.link(deskA, "card")
	param := "v1.k1.ABCDEFGHJK.x-_/+ 卡"
	w.delivered(w.Scan("child", link+"&scene_param="+url.QueryEscape(param)), 1)
	cursor := ""
	got := w.fresh(&cursor)
	if len(got) != 1 || got[0].Event["scene"] != "card" || got[0].Event["scene_param"] != param {
		t.Fatalf("%+v", got)
	}
	a, b := strings.Split(link, "?")[0], strings.Split(w.link(deskB, "card"), "?")[0]
	enc := strings.Split(link, "?")[1]
	for name, bad := range map[string]string{
		"another account":  b + "?" + enc,
		"another scene":    a + "?" + enc[:len(enc)-2] + "AA",
		"cut":              a + "?" + enc[:20],
		"param too long":   link + "&scene_param=" + strings.Repeat("x", kfSceneParam+1),
		"no query":         a + "?%zz",
		"not WeCom's":      "https://example.com/kf/kfc1?" + enc,
		"not https":        "http" + strings.TrimPrefix(link, "https"),
		"no such account":  "https://" + kfHost + "/kf/kfc0000?" + enc,
		"an app's account": w.outsideLink(),
	} {
		if d := w.Scan("child", bad); d.Err == "" || d.Attempts != 0 {
			t.Errorf("%s: %+v", name, d)
		}
	}
	w.delivered(w.Scan("child", link+"&scene_param="+strings.Repeat("x", kfSceneParam)), 1)
	w.delivered(w.Scan("child", a+"?scene_param=x"), 1) // without a scene there is no parameter
	got = w.fresh(&cursor)
	if len(got) != 2 || got[1].Event["scene"] != "" || got[1].Event["scene_param"] != "" {
		t.Errorf("%+v", got)
	}
	if n := len(w.bot.heard()); n != 3 {
		t.Errorf("%d callbacks, want 3", n)
	}
}

// outsideLink leads to the account that the app does not manage.
func (w *world) outsideLink() string {
	return "https://" + kfHost + kfFolder + w.kf.page(w.kf.find(deskC))
}

func TestK03_CallbackCarriesNoContent(t *testing.T) {
	w := newKf(t)
	w.delivered(w.Scan("child", w.link(deskA, "card")+"&scene_param=secret"), 1)
	w.delivered(w.KfSay("child", "我妈妈怎么样"), 1)
	got := w.bot.heard()
	if len(got) != 2 {
		t.Fatal(got)
	}
	for _, plain := range got {
		token := cdata(plain, "Token")
		want := "<xml>" + element("ToUserName", testCorp) + node("CreateTime", fmt.Sprint(morning.Unix())) + element("MsgType", "event") +
			element("Event", "kf_msg_or_event") + element("Token", token) + element("OpenKfId", deskA) + "</xml>"
		if plain != want || len(token) < 10 || len(token) > 128 {
			t.Errorf("%s", plain)
		}
	}
	cursor := ""
	list := w.fresh(&cursor)
	if len(list) != 2 || list[0].Event["event_type"] != "enter_session" || list[1].Body["content"] != "我妈妈怎么样" || list[1].Origin != 3 ||
		list[1].OpenKfID != deskA || list[1].Customer != w.KfCustomerID("child") || list[1].SendTime != morning.Unix() {
		t.Errorf("%+v", list)
	}
	id := w.KfCustomerID("child")
	if !strings.HasPrefix(id, "wm") || len(id) != 32 || strings.Contains(id, "child") || id != w.KfCustomerID("CHILD") {
		t.Error(id)
	}
}

func TestK04_WelcomeCode(t *testing.T) {
	w := newKf(t)
	link, cursor := w.link(deskA, "card"), ""
	enter := func() string {
		t.Helper()
		w.delivered(w.Scan("child", link), 1)
		list := w.fresh(&cursor)
		code, _ := list[len(list)-1].Event["welcome_code"].(string)
		return code
	}
	late := enter()
	w.later(kfWelcome)
	w.onEvent(late, hello).wants(95007)
	code := enter()
	w.later(kfWelcome - time.Millisecond)
	w.onEvent(code, `"msgtype":"image","image":{"media_id":"x"}`).wants(40008)
	w.onEvent("nonsense", hello).wants(95007)
	w.onEvent(code, menu).wants(0)
	w.onEvent(code, hello).wants(95007) // once
	if code = enter(); code != "" {
		t.Error("a second welcome within 48 h")
	}
	w.later(kfWindow + time.Second)
	if code = enter(); code == "" {
		t.Error("no welcome after 48 h")
	}
	w.delivered(w.KfSay("child", "在吗"), 1)
	w.onEvent(code, hello).wants(0) // it may be used although the session is another meanwhile
	w.later(3 * kfWindow)
	if code = enter(); code != "" {
		t.Error("a welcome for one who has written")
	}
	if n := len(w.said()); n != 2 {
		t.Errorf("%d welcomes on the phone", n)
	}

	w = newKf(t, kfRules(KfRules{WelcomeAgain: true, EventCode: 41016}))
	w.writes()
	w.later(kfWindow + time.Second)
	cursor = ""
	if code = enter(); code == "" {
		t.Error("no welcome for one who wrote long ago")
	}
	w.onEvent("x", hello).wants(41016)
}

func TestK05_TokenOfACallback(t *testing.T) {
	w := newKf(t)
	w.writes()
	token := w.lastToken()
	pull := func(desk, token string) reply {
		return w.post("kf/sync_msg", fmt.Sprintf(`{"open_kfid":%q,"token":%q}`, desk, token))
	}
	pull(deskA, token).wants(0)
	pull(deskA, token).wants(0) // for all pages of an answer
	pull(deskB, token).wants(95007)
	pull(deskA, "ENCsomething").wants(95007)
	w.later(kfTokenLife - time.Second)
	pull(deskA, token).wants(0)
	w.later(time.Second)
	pull(deskA, token).wants(95007)
}

func TestK06_WithoutATokenItIsThrottled(t *testing.T) {
	w := newKf(t)
	w.writes()
	bare := func(desk string) reply { return w.post("kf/sync_msg", `{"open_kfid":"`+desk+`"}`) }
	if got := w.pull(bare(deskA).wants(0)); len(got.list) != 2 {
		t.Error(got.body)
	}
	bare(deskA).wants(45009)
	bare(deskB).wants(0) // each account has its own
	w.sync(deskA, "", w.lastToken(), 0)
	w.later(time.Minute)
	bare(deskA).wants(0)
	w = newKf(t, kfRules(KfRules{BareSyncs: -1}))
	for range 5 {
		w.post("kf/sync_msg", `{"open_kfid":"`+deskA+`"}`).wants(0)
	}
}

func TestK07_ThreeDaysAndCursors(t *testing.T) {
	w := newKf(t)
	w.writes() // two
	for i := range 8 {
		w.later(time.Hour)
		w.delivered(w.KfSay("child", fmt.Sprint("第", i)), 1)
	}
	var seen, cursors []string
	cursor := ""
	for more := true; more; {
		p := w.sync(deskA, cursor, w.lastToken(), 3)
		if again := w.sync(deskA, cursor, w.lastToken(), 3); again.body != p.body {
			t.Fatal("the same cursor, another answer")
		}
		for _, m := range p.list {
			seen = append(seen, m.MsgID)
		}
		cursor, more = p.next, p.more
		cursors = append(cursors, cursor)
		if len(cursor) > 64 || len(p.list) > 3 {
			t.Fatal(p.body)
		}
	}
	if len(seen) != 10 || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != 10 || len(slices.Compact(cursors)) != 4 {
		t.Errorf("%d messages, cursors %v", len(seen), cursors)
	}
	if p := w.sync(deskA, cursor, w.lastToken(), 3); len(p.list) != 0 || p.more || p.next != cursor {
		t.Error(p.body)
	}
	for body, code := range map[string]int{`"limit":1000`: 0, `"limit":1001`: 40058, `"limit":-1`: 40058, `"voice_format":1`: 0,
		`"voice_format":2`: 40058, `"cursor":"abc"`: 40058,
		`"cursor":"` + strings.Repeat("a", 65) + `"`: 40058, `"cursor":"` + w.sync(deskB, "", "", 0).next + `"`: 40058} {
		w.post("kf/sync_msg", `{"open_kfid":"`+deskA+`","token":"`+w.lastToken()+`",`+body+`}`).wants(code)
	}
	w.post("kf/sync_msg", `{"token":"`+w.lastToken()+`"}`).wants(95000)
	w.later(kfKeep - 4*time.Hour) // of the ten, those of the first hours are too old now
	w.delivered(w.KfSay("child", "还在"), 1)
	p := w.sync(deskA, "", w.lastToken(), 0)
	if len(p.list) != 6 || p.list[0].Body["content"] != "第3" || p.list[5].Body["content"] != "还在" {
		t.Error(p.body)
	}
	if old := w.sync(deskA, cursors[0], w.lastToken(), 0); old.body != p.body { // a cursor from before leads to the oldest that is left
		t.Error(old.body)
	}
}

func TestK08_OddPages(t *testing.T) {
	w := newKf(t)
	w.writes()
	w.KfSay("child", "二")
	w.Faults().Change(func(f *FaultSet) { f.Kf.EmptyPages = 2 })
	for range 2 {
		if p := w.sync(deskA, "", w.lastToken(), 0); !p.more || len(p.list) != 0 || p.next == "" {
			t.Fatal(p.body)
		}
	}
	w.Faults().Change(func(f *FaultSet) { f.Kf.ShortPages = 2 })
	p := w.sync(deskA, "", w.lastToken(), 1000)
	if !p.more || len(p.list) != 2 {
		t.Fatal(p.body)
	}
	w.Faults().Change(func(f *FaultSet) { f.Kf.Repeats = 1 })
	again := w.sync(deskA, p.next, w.lastToken(), 0)
	if again.more || len(again.list) != 2 || again.list[0].MsgID != p.list[1].MsgID || again.list[1].Body["content"] != "二" {
		t.Fatal(again.body)
	}
	if end := w.sync(deskA, again.next, w.lastToken(), 1); len(end.list) != 0 || end.more { // no room for a repeat
		t.Fatal(end.body)
	}
}

func TestK09_WhoIsInTheLog(t *testing.T) {
	w := newKf(t)
	w.writes()
	w.kfText("她很好").wants(0)
	w.trans(kfHuman, "wang").wants(0)
	w.delivered(w.KfAnswer("wang", "child", "我是王志军"), 1)
	cursor := ""
	list := w.fresh(&cursor)
	if len(list) != 3 || list[2].Origin != 5 || list[2].Servicer != "wang" || list[2].Body["content"] != "我是王志军" {
		t.Fatalf("%+v", list)
	}
	if list[1].Origin != 3 || strings.Contains(list[1].Raw, "servicer_userid") {
		t.Error(list[1].Raw)
	}
	msgs := w.Messages("child")
	if last := msgs[len(msgs)-1]; last.By != "王志军" || last.Text != "我是王志军" {
		t.Errorf("%+v", last)
	}
}

func TestK10_EventsNameNobodyOutside(t *testing.T) {
	w := newKf(t)
	w.writes()
	cursor := ""
	e := w.fresh(&cursor)[0]
	if e.OpenKfID != "" || e.Customer != "" || e.Origin != 4 || e.Event["open_kfid"] != deskA ||
		e.Event["external_userid"] != w.KfCustomerID("child") {
		t.Error(e.Raw)
	}
}

func TestK11_K14_K15_States(t *testing.T) {
	w := newKf(t)
	w.delivered(w.Scan("child", w.link(deskA, "card")), 1)
	w.inState(kfEnded)
	w.kfText("太早").wants(95018) // she has not written
	for state := range 5 {
		w.trans(state, "wang").wants(95016)
	}
	w.KfSay("child", "在吗")
	w.inState(kfNew)
	w.trans(kfNew, "").wants(95016)
	w.trans(kfEnded, "").wants(95016)
	w.kfText("在").wants(0)
	w.inState(kfRobot)
	w.trans(kfRobot, "").wants(95016)
	w.trans(kfQueued, "").wants(0)
	w.inState(kfQueued)
	w.kfText("x").wants(95018)
	w.trans(kfRobot, "").wants(95016)
	w.trans(kfHuman, "wang").wants(0)
	if got := w.kfState(); got.text("servicer_userid") != "wang" {
		t.Error(got.body)
	}
	w.kfText("x").wants(95018)
	w.trans(kfHuman, "WANG").wants(95016) // to the same
	w.trans(kfHuman, "li").wants(0)
	w.KfSay("child", "还有") // stays with the receptionist
	w.inState(kfHuman)
	w.trans(kfQueued, "").wants(95016)
	w.trans(kfEnded, "").wants(0)
	w.kfText("x").wants(95018)
	w.KfSay("child", "又来")
	w.inState(kfNew)
	w.trans(kfHuman, "wang").wants(0)
	w.later(kfWindow)
	w.inState(kfHuman)
	w.later(time.Second)
	w.inState(kfEnded)
	if got := w.kfState(); got.text("servicer_userid") != "" {
		t.Error(got.body)
	}
	if got := w.said(); !slices.Equal(got, []string{"在"}) {
		t.Error(got)
	}

	w = newKf(t, kfRules(KfRules{EndAnytime: true}))
	w.writes()
	w.trans(kfEnded, "").wants(0)
	w.trans(kfEnded, "").wants(95016)
}

func TestK12_FortyEightHours(t *testing.T) {
	for code, r := range map[int]KfRules{95002: {}, 95018: {LateCode: 95018}} {
		w := newKf(t, kfRules(r))
		w.writes()
		w.later(kfWindow)
		w.kfText("最后一刻").wants(0)
		w.later(time.Second)
		w.kfText("晚了").wants(code)
		w.Scan("child", w.link(deskA, "card")) // to come in is not to write
		w.kfText("晚了").wants(code)
		w.KfSay("child", "在吗")
		w.kfText("在").wants(0)
		if got := w.said(); !slices.Equal(got, []string{"最后一刻", "在"}) {
			t.Error(got)
		}
	}
}

func TestK13_FiveMessages(t *testing.T) {
	w := newKf(t)
	w.writes()
	for i := range 4 {
		w.kfText(fmt.Sprint(i)).wants(0)
	}
	w.kfText(strings.Repeat("x", 2049)).wants(45002) // what is refused does not count
	w.kfSends(menu).wants(0)
	for range 3 {
		w.kfText("第六条").wants(95001)
	}
	msgs := w.Messages("child")
	w.delivered(w.KfClick("child", msgs[len(msgs)-1].MsgID, "ask"), 1)
	w.kfText("点了菜单").wants(0)
	for _, say := range []func() Delivery{
		func() Delivery { return w.KfPhoto("child", drawings()[0].jpeg) },
		func() Delivery { return w.KfOther("child", "merged_msg", map[string]any{"title": "聊天记录"}) },
	} {
		for w.kfText("补").code() == 0 {
		}
		w.delivered(say(), 1)
		w.kfText("新的一条").wants(0)
	}
	if got := w.said(); slices.Contains(got, "第六条") || len(got) != 5+5+5+1 {
		t.Errorf("%d: %v", len(got), got)
	}

	w = newKf(t, kfRules(KfRules{ClickIsSilent: true, HumanCounts: true, WelcomeCounts: true}))
	w.writes()
	w.kfSends(menu).wants(0)
	for i := range 4 {
		w.kfText(fmt.Sprint(i)).wants(0)
	}
	for _, m := range w.Messages("child") {
		if m.Menu != nil {
			w.delivered(w.KfClick("child", m.MsgID, "ask"), 1)
		}
	}
	w.kfText("第六条").wants(95001)
	w.KfSay("child", "在吗")
	w.trans(kfHuman, "wang").wants(0)
	w.delivered(w.KfAnswer("wang", "child", "我来"), 1)
	code := w.trans(kfEnded, "").wants(0).text("msg_code")
	w.onEvent(code, hello).wants(0)
	if n := w.kf.find(deskA).talk(w.kf.guests[w.KfCustomerID("child")]).sent; n != 2 {
		t.Errorf("%d counted", n)
	}
}

// A simulator that was started anew opens the cards of the one before, and reads its cursors as older than everything.
func TestK07_AfterARestart(t *testing.T) {
	before := newKf(t)
	before.writes()
	link, cursor := before.link(deskA, "card"), before.sync(deskA, "", before.lastToken(), 0).next
	w := newKf(t)
	w.delivered(w.Scan("child", link+"&scene_param=x"), 1)
	if list := w.fresh(&cursor); len(list) != 1 || list[0].Event["scene_param"] != "x" {
		t.Errorf("%+v", list)
	}
}

func TestK13_ManyAtOnce(t *testing.T) {
	w := newKf(t)
	w.writes()
	var all sync.WaitGroup
	var mu sync.Mutex
	accepted := 0
	for range 20 {
		all.Go(func() {
			if w.kfText("同时").code() == 0 {
				mu.Lock()
				accepted++
				mu.Unlock()
			}
		})
		all.Go(func() { w.KfEnter("child"); w.state(); w.Messages("child") })
	}
	all.Wait()
	if accepted != kfSends || len(w.said()) != kfSends {
		t.Errorf("%d accepted, %d shown", accepted, len(w.said()))
	}
}

// Whatever is done in whatever order: a send is accepted only in state 0 or 1, within 48 hours, and five times.
func TestK13_TheLawOfTheWindow(t *testing.T) {
	w := newKf(t, func(o *Options) { o.Rules.CallsPerMinute = -1 })
	link := w.link(deskA, "card")
	rapid.Check(t, func(r *rapid.T) {
		w.resetKf()
		w.phone("child").clear()
		w.Scan("child", link)
		var wrote time.Time
		sent, shown, state := 0, 0, kfEnded
		r.Repeat(map[string]func(*rapid.T){
			"": func(r *rapid.T) {
				if got := len(w.said()); got != shown {
					r.Fatalf("%d on the phone, want %d", got, shown)
				}
			},
			"writes": func(r *rapid.T) {
				w.KfSay("child", "在吗")
				if state == kfEnded || w.now().Sub(wrote) > kfWindow {
					state = kfNew
				}
				wrote, sent = w.now(), 0
			},
			"sends": func(r *rapid.T) {
				late := w.now().Sub(wrote) > kfWindow
				may := (state == kfNew || state == kfRobot) && !late && sent < kfSends
				got := w.kfText("在").code()
				if (got == 0) != may || sent >= kfSends && got == 0 {
					r.Fatalf("errcode %d in state %d, %d sent, late %v", got, state, sent, late)
				}
				if may {
					sent, shown, state = sent+1, shown+1, kfRobot
				}
			},
			"waits": func(r *rapid.T) {
				w.later(rapid.SampledFrom([]time.Duration{time.Second, time.Hour, kfWindow, kfWindow + time.Second}).Draw(r, "for"))
			},
			"enters": func(*rapid.T) { w.Scan("child", link) },
			"moves": func(r *rapid.T) {
				to := rapid.IntRange(kfRobot, kfEnded).Draw(r, "to")
				if w.trans(to, rapid.SampledFrom([]string{"wang", "li"}).Draw(r, "whom")).code() == 0 {
					state = to
				}
			},
		})
	})
}

func TestK16_ToWhomASessionGoes(t *testing.T) {
	w := newKf(t)
	w.writes()
	w.trans(kfHuman, "").wants(95014)
	w.trans(kfHuman, "MaYun").wants(95014)  // a member, but none of this account's
	w.trans(kfHuman, "hidden").wants(95014) // out of the app's visible range
	w.delivered(w.KfReceive(deskA, "wang", false), 1)
	w.trans(kfHuman, "wang").wants(95019)
	list := w.get("kf/servicer/list?open_kfid=" + deskA).wants(0)
	wantIn(t, list.body, `{"userid":"wang","status":1}`, `{"userid":"li","status":0}`)
	w.delivered(w.KfReceive(deskA, "wang", true), 1)
	w.trans(kfHuman, "wang").wants(0)
	cursor := ""
	got := w.fresh(&cursor)
	if len(got) != 4 || got[2].Event["event_type"] != "servicer_status_change" ||
		got[2].Event["status"] != 2.0 || got[3].Event["status"] != 1.0 {
		t.Errorf("%+v", got)
	}
	if d := w.KfReceive(deskB, "wang", true); d.Err == "" {
		t.Error("he receives nobody there")
	}
}

func TestK15_CodesOfASession(t *testing.T) {
	w := newKf(t)
	w.writes()
	queued := w.trans(kfQueued, "").wants(0).text("msg_code")
	w.onEvent(queued, menu).wants(40008) // text only
	w.later(47 * time.Hour)
	w.onEvent(queued, hello).wants(0)
	w.onEvent(queued, hello).wants(95007)
	w.delivered(w.KfPickUp("wang", "child"), 1)
	if d := w.KfPickUp("li", "child"); d.Err == "" {
		t.Error("taken twice")
	}
	w.delivered(w.KfTransfer("wang", "li", "child"), 1)
	if d := w.KfEnd("wang", "child"); d.Err == "" {
		t.Error("it is not his")
	}
	w.delivered(w.KfEnd("li", "child"), 1)
	w.delivered(w.KfAnswer("wang", "child", "还有一句"), 1)
	cursor := ""
	var changes []map[string]any
	for _, m := range w.fresh(&cursor) {
		if m.Event["event_type"] == "session_status_change" {
			changes = append(changes, m.Event)
		}
	}
	want := []struct {
		change, from, to string
		code             bool
	}{{"1", "<nil>", "wang", true}, {"2", "wang", "li", false}, {"3", "li", "<nil>", true}, {"4", "li", "wang", false}}
	if len(changes) != len(want) {
		t.Fatalf("%+v", changes)
	}
	for i, c := range changes {
		code, _ := c["msg_code"].(string)
		if fmt.Sprint(c["change_type"]) != want[i].change || fmt.Sprint(c["old_servicer_userid"]) != want[i].from ||
			fmt.Sprint(c["new_servicer_userid"]) != want[i].to || (code != "") != want[i].code {
			t.Errorf("%d: %+v", i, c)
		}
	}
	ended, _ := changes[2]["msg_code"].(string)
	w.onEvent(ended, hello).wants(95007) // the session is open again
	code := w.trans(kfEnded, "").wants(0).text("msg_code")
	w.later(kfWelcome)
	w.onEvent(code, hello).wants(95007)
	if got := w.said(); !slices.Equal(got, []string{"您好", "还有一句"}) {
		t.Error(got)
	}
}

func TestK17_LimitsInBytes(t *testing.T) {
	w := newKf(t, func(o *Options) { o.Rules.CallsPerMinute = -1 })
	w.writes()
	photo := w.upload("image", "a.jpg", drawings()[0].jpeg).wants(0).text("media_id")
	voice := w.upload("voice", "a.amr", amrSilence()).wants(0).text("media_id")
	field := func(f string, rest ...any) string { return fmt.Sprintf(f, rest...) }
	item := func(it string) string { return `"msgtype":"msgmenu","msgmenu":{"list":[` + it + `]}` }
	click := func(id, content string) string {
		return item(field(`{"type":"click","click":{"id":%q,"content":%q}}`, id, content))
	}
	long := func(n int) string { return strings.Repeat("x", n) }
	link := func(title, desc, u, thumb string) string {
		return field(`"msgtype":"link","link":{"title":%q,"desc":%q,"url":%q,"thumb_media_id":%q}`, title, desc, u, thumb)
	}
	for i, c := range []struct {
		code int
		body string
	}{
		{0, field(`"msgtype":"text","text":{"content":%q}`, long(2048))},
		{45002, field(`"msgtype":"text","text":{"content":%q}`, long(2049))},
		{0, field(`"msgtype":"text","text":{"content":%q}`, strings.Repeat("好", 682))},
		{45002, field(`"msgtype":"text","text":{"content":%q}`, strings.Repeat("好", 683))}, // 2049 bytes
		{44004, `"msgtype":"text","text":{"content":""}`},
		{0, field(`"msgtype":"image","image":{"media_id":%q}`, photo)},
		{40007, field(`"msgtype":"image","image":{"media_id":%q}`, voice)},
		{0, field(`"msgtype":"voice","voice":{"media_id":%q}`, voice)},
		{41006, `"msgtype":"file","file":{}`},
		{40058, `"msgtype":"video"`},
		{0, link(long(200), long(600), "https://a.gov.cn/x", photo)},
		{41006, link("t", "d", "https://a.gov.cn/x", "")},
		{40058, link("t", "d", "a.gov.cn/x", photo)},
		{40058, link("t", "d", "https://"+long(2041), photo)},
		{40058, link("", "d", "https://a.gov.cn", photo)},
		{0, field(`"msgtype":"miniprogram","miniprogram":{"appid":"wx1","title":%q,"thumb_media_id":%q,"pagepath":"p"}`, long(70), photo)},
		{40058, field(`"msgtype":"miniprogram","miniprogram":{"title":"t","thumb_media_id":%q,"pagepath":"p"}`, photo)},
		{0, `"msgtype":"location","location":{"latitude":38.27,"longitude":106.25,"name":"n","address":"a"}`},
		{40058, `"msgtype":"location","location":{"latitude":90.1,"longitude":0}`},
		{40058, `"msgtype":"location","location":{"latitude":0,"longitude":-180.1}`},
		{0, `"msgtype":"ca_link","ca_link":{"link_url":"https://work.weixin.qq.com/ca/x"}`},
		{0, field(`"msgtype":"msgmenu","msgmenu":{"head_content":%q,"tail_content":%q}`, long(1024), long(1024))},
		{45002, field(`"msgtype":"msgmenu","msgmenu":{"head_content":%q}`, long(1025))},
		{45002, field(`"msgtype":"msgmenu","msgmenu":{"tail_content":%q}`, strings.Repeat("好", 342))},
		{40058, `"msgtype":"msgmenu","msgmenu":{}`},
		{0, item(strings.TrimSuffix(strings.Repeat(`{"type":"text","text":{"content":"a"}},`, 10), ","))},
		{95008, item(strings.TrimSuffix(strings.Repeat(`{"type":"text","text":{"content":"a"}},`, 11), ","))},
		{95009, item(`{"type":"button","click":{"id":"1","content":"a"}}`)},
		{0, click(long(64), long(128))},
		{40058, click(long(65), "a")},
		{40058, click("", "a")},
		{40058, click("a", strings.Repeat("好", 43))}, // 129 bytes
		{40058, click("a", "")},
		{0, item(field(`{"type":"view","view":{"url":%q,"content":%q}}`, "https://"+long(2040), long(1024)))},
		{40058, item(field(`{"type":"view","view":{"url":%q,"content":"a"}}`, "https://"+long(2041)))},
		{40058, item(`{"type":"view","view":{"url":"","content":"a"}}`)},
		{40058, item(field(`{"type":"view","view":{"url":"https://a","content":%q}}`, long(1025)))},
		{0, item(field(`{"type":"miniprogram","miniprogram":{"appid":%q,"pagepath":"p","content":"a"}}`, long(32)))},
		{40058, item(field(`{"type":"miniprogram","miniprogram":{"appid":%q,"pagepath":"p","content":"a"}}`, long(33)))},
		{0, item(field(`{"type":"text","text":{"content":%q}}`, long(256)))},
		{40058, item(field(`{"type":"text","text":{"content":%q}}`, long(257)))},
		{40008, `"msgtype":"markdown","markdown":{"content":"x"}`},
		{40058, `"msgid":"a b",` + hello},
		{40058, `"msgid":"` + long(33) + `",` + hello},
	} {
		before := len(w.Messages("child"))
		if got := w.kfSends(c.body); got.code() != c.code {
			t.Errorf("%d: errcode %d, want %d: %.120s", i, got.code(), c.code, c.body)
		}
		shown := len(w.Messages("child")) - before
		if want := map[bool]int{true: 1, false: 0}[c.code == 0]; shown != want {
			t.Errorf("%d: %d more on the phone", i, shown)
		}
		w.KfSay("child", "再")
	}
	for _, m := range w.Messages("child") {
		if m.From == "app" && m.Type == "link" && m.Description != "" && (len(m.Title) != 128 || len(m.Description) != 512) {
			t.Errorf("cut to %d and %d", len(m.Title), len(m.Description))
		}
		if m.Type == "miniprogram" && len(m.Title) != 64 {
			t.Errorf("cut to %d", len(m.Title))
		}
	}
}

func TestK18_AMsgIDIsUsedOnce(t *testing.T) {
	w := newKf(t)
	w.writes()
	if got := w.kfSends(`"msgid":"m-1",` + hello).wants(0); got.text("msgid") != "m-1" {
		t.Error(got.body)
	}
	w.kfSends(`"msgid":"m-1",` + hello).wants(kfSameMsgID)
	w.Faults().Set(FaultSet{API: "kf/send_msg", AcceptThenDrop: true})
	if res, err := http.Post(w.url("kf/send_msg"), "application/json", strings.NewReader(fmt.Sprintf(
		`{"touser":%q,"open_kfid":%q,"msgid":"m-2",%s}`, w.KfCustomerID("child"), deskA, hello))); err == nil {
		res.Body.Close()
		t.Fatal("the answer was to be lost")
	}
	w.Faults().Set(FaultSet{})
	w.kfSends(`"msgid":"m-2",` + hello).wants(kfSameMsgID) // the retry of a bot that heard nothing
	if n := len(w.said()); n != 2 {
		t.Errorf("%d on the phone", n)
	}
	one, other := w.kfText("x").wants(0).text("msgid"), w.kfText("x").wants(0).text("msgid")
	if one == "" || one == other {
		t.Error(one, other)
	}
	w.Scan("child", w.link(deskB, "card"))
	w.KfSay("child", "换一个账号")
	w.post("kf/send_msg", fmt.Sprintf(`{"touser":%q,"open_kfid":%q,"msgid":"m-1",%s}`, w.KfCustomerID("child"), deskB, hello)).wants(0)
}

// fails are the msg_send_fail events after a cursor.
func (w *world) fails(cursor *string) (ids []string, types []int) {
	w.t.Helper()
	if err := w.WaitQuiet(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	for _, m := range w.fresh(cursor) {
		if m.Event["event_type"] == "msg_send_fail" {
			ids, types = append(ids, m.Event["fail_msgid"].(string)), append(types, int(m.Event["fail_type"].(float64)))
		}
	}
	return ids, types
}

func TestK19_AcceptedAndFailedLater(t *testing.T) {
	w := newKf(t)
	w.writes()
	cursor := ""
	for _, failType := range []int{0, 4, 5, 6, 13} {
		w.KfSay("child", "在吗")
		w.Faults().Change(func(f *FaultSet) { f.Kf.FailTimes, f.Kf.FailType = 1, failType })
		id := w.kfText("送不到").wants(0).text("msgid")
		w.kfText("送到").wants(0)
		if ids, types := w.fails(&cursor); !slices.Equal(ids, []string{id}) || !slices.Equal(types, []int{failType}) {
			t.Errorf("%v %v", ids, types)
		}
	}
	if got := w.said(); len(got) != 5 || slices.Contains(got, "送不到") {
		t.Error(got)
	}
	w.mu.Lock()
	slept := slices.Clone(w.slept)
	w.mu.Unlock()
	if len(slept) != 5 || slices.ContainsFunc(slept, func(d time.Duration) bool { return d < time.Second || d > 30*time.Second }) {
		t.Error(slept)
	}
	w.Faults().Change(func(f *FaultSet) { f.Kf.FailTimes = -1 })
	w.KfSay("child", "在吗")
	for range 5 {
		w.kfText("送不到").wants(0)
	}
	w.kfText("送不到").wants(95001) // they count although they failed
}

func TestK20_WhoRefusesGetsNothing(t *testing.T) {
	w := newKf(t)
	if w.KfBlock("child", true) == nil {
		t.Error("refused what was never entered")
	}
	w.writes()
	cursor := ""
	w.fresh(&cursor)
	if err := w.KfBlock("child", true); err != nil {
		t.Fatal(err)
	}
	if n := len(w.bot.heard()); n != 2 {
		t.Errorf("the app was told: %d", n)
	}
	id := w.kfText("在吗").wants(0).text("msgid")
	if ids, types := w.fails(&cursor); !slices.Equal(ids, []string{id}) || !slices.Equal(types, []int{10}) {
		t.Errorf("%v %v", ids, types)
	}
	if err := w.KfBlock("child", false); err != nil {
		t.Fatal(err)
	}
	w.kfText("又好了").wants(0)
	if ids, _ := w.fails(&cursor); len(ids) != 0 || !slices.Equal(w.said(), []string{"又好了"}) {
		t.Error(ids, w.said())
	}
}

func TestK21_AClickIsATextWithAnID(t *testing.T) {
	w := newKf(t)
	w.writes()
	id := w.kfSends(menu).wants(0).text("msgid")
	for _, bad := range [][2]string{{id, "nothing"}, {"no", "ask"}, {w.kfText("x").wants(0).text("msgid"), "ask"}} {
		if d := w.KfClick("child", bad[0], bad[1]); d.Err == "" {
			t.Errorf("clicked %v", bad)
		}
	}
	w.delivered(w.KfClick("child", id, "ask"), 1)
	cursor := ""
	list := w.fresh(&cursor)
	last := list[len(list)-1]
	if len(list) != 3 || last.MsgType != "text" || last.Origin != 3 || last.Body["content"] != "妈妈好吗" || last.Body["menu_id"] != "ask" {
		t.Error(last.Raw)
	}
	if strings.Contains(list[1].Raw, "menu_id") {
		t.Error(list[1].Raw)
	}
}

func TestK22_Recall(t *testing.T) {
	w := newKf(t)
	w.writes()
	cursor := ""
	said := w.fresh(&cursor)[1].MsgID
	w.delivered(w.KfRecall("child", said), 1) // in a later batch
	w.KfSay("child", "手滑")
	msgs := w.Messages("child")
	w.delivered(w.KfRecall("child", msgs[len(msgs)-1].MsgID), 1) // in the same
	list := w.fresh(&cursor)
	if len(list) != 3 || list[0].Event["event_type"] != "user_recall_msg" ||
		list[0].Event["recall_msgid"] != said || list[0].MsgID == said ||
		list[2].Event["recall_msgid"] != list[1].MsgID {
		t.Errorf("%+v", list)
	}
	if d := w.KfRecall("child", said); d.Err == "" {
		t.Error("twice")
	}
	w.kfText("她很好").wants(0) // the window it opened stays
	w.trans(kfHuman, "wang").wants(0)
	w.KfAnswer("wang", "child", "写错了")
	msgs = w.Messages("child")
	id := msgs[len(msgs)-1].MsgID
	if d := w.KfRecall("child", id); d.Err == "" {
		t.Error("took back another's")
	}
	w.delivered(w.KfTakeBack("wang", "child", id), 1)
	w.delivered(w.KfReject("wang", "child", true), 1)
	list = w.fresh(&cursor)
	if n := len(list); list[n-2].Event["event_type"] != "servicer_recall_msg" || list[n-2].Event["servicer_userid"] != "wang" ||
		list[n-1].Event["event_type"] != "reject_customer_msg_switch_change" || list[n-1].Event["reject_switch"] != 1.0 {
		t.Errorf("%+v", list)
	}
}

func TestK23_TooLargeComesAsText(t *testing.T) {
	w := newKf(t)
	w.writes()
	jpeg := drawings()[0].jpeg
	w.delivered(w.KfPhoto("child", jpeg), 1)
	w.delivered(w.KfPhoto("child", append(slices.Clone(jpeg), make([]byte, 2<<20)...)), 1)
	w.delivered(w.KfVoice("child", amrSilence()), 1)
	w.delivered(w.KfMedia("child", "file", "a.pdf", make([]byte, 20<<20)), 1)
	w.delivered(w.KfMedia("child", "file", "a.pdf", make([]byte, 20<<20+1)), 1)
	w.delivered(w.KfLocation("child", 30.5, 114.3, "武汉"), 1)
	cursor := ""
	list := w.fresh(&cursor)[2:]
	var types []string
	for _, m := range list {
		types = append(types, m.MsgType)
	}
	if !slices.Equal(types, []string{"image", "text", "voice", "file", "text", "location"}) {
		t.Fatal(types)
	}
	id, _ := list[0].Body["media_id"].(string)
	if res, data := w.download(id, ""); res.StatusCode != 200 || len(data) != len(jpeg) {
		t.Error(res.StatusCode, len(data))
	}
	if strings.Contains(list[1].Raw, "media_id") || list[5].Body["name"] != "武汉" || list[5].Body["latitude"] != 30.5 {
		t.Error(list[1].Raw, list[5].Raw)
	}
}

func TestK24_AnUnverifiedCorp(t *testing.T) {
	for _, silent := range []bool{false, true} {
		w := newKf(t, kfRules(KfRules{Customers: 1, CapFails: silent}), func(o *Options) { o.Unverified = true })
		link := w.link(deskA, "card")
		w.Scan("son", link)
		w.writes()
		if !silent {
			w.kfText("x").wants(95003)
			continue
		}
		id := w.kfText("x").wants(0).text("msgid")
		cursor := ""
		if ids, types := w.fails(&cursor); !slices.Equal(ids, []string{id}) || !slices.Equal(types, []int{8}) || len(w.said()) != 0 {
			t.Error(ids, types)
		}
		w.KfSay("son", "我")
		w.post("kf/send_msg", fmt.Sprintf(`{"touser":%q,"open_kfid":%q,%s}`, w.KfCustomerID("son"), deskA, hello)).wants(0)
	}
	w := newKf(t, kfRules(KfRules{Customers: 1}))
	w.Scan("son", w.link(deskA, "card"))
	w.writes()
	w.kfText("认证过就没有上限").wants(0)
}

func TestK25_WhatTheAppMayUse(t *testing.T) {
	w := newKf(t)
	list := w.post("kf/account/list", `{"offset":0,"limit":100}`).wants(0)
	wantIn(t, list.body, `"open_kfid":"`+deskA+`","name":"家属服务","avatar":"","manage_privilege":true`,
		`"open_kfid":"`+deskC+`","name":"别的应用的","avatar":"","manage_privilege":false`)
	part := w.post("kf/account/list", `{"offset":1,"limit":1}`).wants(0)
	if strings.Contains(part.body, deskA) || !strings.Contains(part.body, deskB) || strings.Contains(part.body, deskC) {
		t.Error(part.body)
	}
	w.post("kf/account/list", `{"offset":0,"limit":101}`).wants(40058)
	w.writes()
	for path, body := range map[string]string{"kf/add_contact_way": "", "kf/sync_msg": "", "kf/send_msg": "," + hello} {
		w.post(path, `{"open_kfid":"`+deskC+`"`+body+`}`).wants(48002)
	}
	w.get("kf/servicer/list?open_kfid=" + deskC).wants(48002)
	calls := len(w.bot.heard())
	if d := w.Scan("child", w.outsideLink()); d.Err == "" {
		t.Error("the app heard of an account that is not its own")
	}
	if d := w.KfSay("child", "给别人的"); d.Err == "" || len(w.bot.heard()) != calls {
		t.Errorf("%+v", d)
	}
	w.delivered(w.KfManage(deskC, true), 1)
	if plain := w.bot.heard()[calls]; cdata(plain, "Event") != "kf_account_auth_change" || cdata(plain, "AuthAddOpenKfId") != deskC {
		t.Error(plain)
	}
	w.post("kf/add_contact_way", `{"open_kfid":"`+deskC+`"}`).wants(0)

	w.Faults().Set(FaultSet{Kf: KfFaults{Off: true}})
	w.post("kf/account/list", `{}`).wants(95017)
	w.Faults().Set(FaultSet{Kf: KfFaults{Unlisted: true}})
	w.post("kf/account/list", `{}`).wants(48002)
	newWorld(t).post("kf/account/list", `{}`).wants(48002)
	w.Faults().Set(FaultSet{})
	w.get("gettoken?corpid=" + testCorp + "&corpsecret=the-system-apps").wants(40001)
	wrong := []KfAccount{{OpenKfID: "wkx"}, {OpenKfID: "wkx"}, {OpenKfID: "kf"}}
	if _, err := New(Options{CorpID: "c", AgentID: 1, Secret: "s", Kf: wrong}); err == nil || strings.Count(err.Error(), "open_kfid") != 2 {
		t.Error(err)
	}
}

func TestK25_AddingAnAccount(t *testing.T) {
	w := newKf(t)
	photo := w.upload("image", "a.jpg", drawings()[0].jpeg).wants(0).text("media_id")
	add := func(name string) reply {
		return w.post("kf/account/add", fmt.Sprintf(`{"name":%q,"media_id":%q}`, name, photo))
	}
	id := add("新的账号").wants(0).text("open_kfid")
	add(strings.Repeat("字", 17)).wants(95006)
	add("").wants(95006)
	w.post("kf/account/add", `{"name":"a","media_id":"x"}`).wants(40007)
	w.delivered(w.Scan("child", w.link(id, "card")), 1) // it is managed by the app that made it
	w = newKf(t, func(o *Options) { o.Unverified = true })
	photo = w.upload("image", "a.jpg", drawings()[0].jpeg).wants(0).text("media_id")
	for range kfUnverified - 3 {
		add("多").wants(0)
	}
	add("多").wants(95027)
}

func TestK26_Customers(t *testing.T) {
	w := newKf(t)
	batch := func(context int, ids ...string) reply {
		list, _ := json.Marshal(ids)
		return w.post("kf/customer/batchget", fmt.Sprintf(`{"external_userid_list":%s,"need_enter_session_context":%d}`, list, context))
	}
	child := w.KfCustomerID("child")
	if got := batch(0, child).wants(0); !strings.Contains(got.body, `"invalid_external_userid":["`+child+`"]`) {
		t.Error("known before she came: " + got.body)
	}
	w.Scan("child", w.link(deskA, "card")+"&scene_param=p1")
	got := batch(1, child, "wmnobody").wants(0)
	wantIn(t, got.body, `"nickname":"女儿"`, `"enter_session_context":{"scene":"card","scene_param":"p1"}`,
		`"invalid_external_userid":["wmnobody"]`)
	if strings.Contains(got.body, "unionid") || strings.Contains(got.body, "mobile") {
		t.Error(got.body)
	}
	for _, r := range []reply{batch(0, child), func() reply { w.later(kfWindow + time.Second); return batch(1, child) }()} {
		if strings.Contains(r.wants(0).body, "enter_session_context") {
			t.Error(r.body)
		}
	}
	batch(0).wants(40058)
	batch(0, slices.Repeat([]string{child}, 100)...).wants(0)
	batch(0, slices.Repeat([]string{child}, 101)...).wants(40058)
	bound := newKf(t, func(o *Options) { o.Bound, o.CorpID = true, testCorp })
	bound.Scan("child", bound.link(deskA, "card"))
	w = bound
	if got := batch(0, child).wants(0); !strings.Contains(got.body, `"unionid":"o`) {
		t.Error(got.body)
	}
}

func TestK27_CallsPerMinute(t *testing.T) {
	w := newKf(t, func(o *Options) { o.Rules.CallsPerMinute = 3 })
	id := w.writes() // one call
	for range 3 {
		w.kfText("x").wants(0)
	}
	w.kfText("x").wants(45009)
	w.post("kf/service_state/get", fmt.Sprintf(`{"open_kfid":%q,"external_userid":%q}`, deskA, id)).wants(0) // each call has its own count
	w.later(time.Minute)
	w.kfText("x").wants(0)
}

func TestK28_ACallbackIsRepeated(t *testing.T) {
	w := newKf(t)
	link := w.link(deskA, "card")
	w.bot.answers(func(rw http.ResponseWriter, _ *http.Request, _ string) { rw.WriteHeader(http.StatusServiceUnavailable) })
	d := w.Scan("child", link)
	if d.Status != http.StatusServiceUnavailable || d.Attempts != 4 {
		t.Fatalf("%+v", d)
	}
	got := w.bot.heard()
	if len(slices.Compact(slices.Clone(got))) != 1 {
		t.Error("another callback instead of the same")
	}
	cursor := ""
	if list := w.fresh(&cursor); len(list) != 1 { // it is in the log, once, and the token is good
		t.Errorf("%+v", list)
	}
	for _, m := range w.Messages("child") { // she does not see that the app is down
		if strings.Contains(m.Text, "没送到") {
			t.Error(m)
		}
	}
	w.bot.answers(nil)
	w.Faults().Set(FaultSet{LoseEvents: true})
	if d := w.KfSay("child", "在吗"); d.Err == "" {
		t.Error("delivered")
	}
	w.Faults().Set(FaultSet{})
	if p := w.sync(deskA, cursor, "", 0); len(p.list) != 1 { // who asks without being told finds it
		t.Error(p.body)
	}
}

func TestKfSendNamesSomebody(t *testing.T) {
	w := newKf(t)
	w.kfText("她没有来过").wants(40096)
	w.writes()
	w.post("kf/send_msg", `{"touser":"mayun","open_kfid":"`+deskA+`",`+hello+`}`).wants(40096)
	child := w.KfCustomerID("child")
	w.post("kf/send_msg", fmt.Sprintf(`{"touser":%q,"open_kfid":%q,%s}`, child, deskB, hello)).wants(95018) // never wrote there
	w.post("message/send", `{"touser":"child","agentid":1000002,"msgtype":"text","text":{"content":"x"}}`).wants(81013)
	if got := w.said(); len(got) != 0 {
		t.Error(got)
	}
	for _, d := range []Delivery{
		w.KfSay("son", "没进去"), w.KfEnter("son"), w.KfRecall("son", "x"), w.KfClick("nobody", "x", "y"),
		w.KfSay("mayun", "不是微信"), w.KfSay("nobody", "x"), w.Scan("mayun", w.link(deskA, "")),
		w.KfAnswer("wang", "child", "还没转给我"), w.KfEnd("mayun", "child"), w.KfPickUp("wang", "son"),
	} {
		if d.Err == "" || d.Attempts != 0 {
			t.Errorf("%+v", d)
		}
	}
	other := newKf(t, func(o *Options) { o.CorpID = "wxother"; o.CallbackURL = "" })
	if other.KfCustomerID("child") == child {
		t.Error("one id in two corps")
	}
}
