package sim

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const (
	testAppID = "wxsampleofficial"
	visited   = "VRR0UEO9VJOLs0MHlU0OilqX6MVFDwH3" // may be subscribed to for good
	urgent    = "9nLIlbOQZC5Y89AZteFEux3WCXRRRG5W" // may not
)

// officialWorld has a 服务号 beside the corp, with a server of its own.
type officialWorld struct {
	*world
	server *testBot
	key    string
}

func newOfficial(t *testing.T, edit ...func(*Options)) *officialWorld {
	t.Helper()
	seal, err := newSealer(testToken, testKey, testAppID)
	if err != nil {
		t.Fatal(err)
	}
	o := &officialWorld{server: &testBot{seal: seal}}
	o.server.Server = httptest.NewServer(o.server)
	t.Cleanup(o.server.Close)
	o.server.answers(func(w http.ResponseWriter, _ *http.Request, _ string) { io.WriteString(w, "success") })
	o.world = newWorld(t, append([]func(*Options){func(opt *Options) {
		opt.Official = Official{AppID: testAppID, Secret: "sample-official-secret", Token: testToken, EncodingAESKey: testKey,
			CallbackURL: o.server.URL + "/official?x=1", LongTerm: []string{visited},
			Templates: map[string]map[string]string{
				visited: {"thing1": "thing", "time2": "time", "phrase3": "phrase"},
				urgent:  {"character_string1": "character_string"},
			}}
	}}, edit...)...)
	o.key = o.fresh(false)
	return o
}

// ask calls the account's API.
func (o *officialWorld) ask(path, body string) reply {
	o.t.Helper()
	res, err := http.Post(o.api.URL+"/official/cgi-bin/"+path+"?access_token="+o.key, "application/json", strings.NewReader(body))
	return o.read(res, err)
}

func (o *officialWorld) fresh(force bool) string {
	o.t.Helper()
	return o.ask("stable_token", fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":"sample-official-secret","force_refresh":%t}`,
		testAppID, force)).wants(0).text("access_token")
}

// fanEvent is what the account's server heard.
type fanEvent struct {
	ToUserName, FromUserName, MsgType, Event, EventKey, Ticket, Content, Status string

	Popup  fanList `xml:"SubscribeMsgPopupEvent>List"`
	Change fanList `xml:"SubscribeMsgChangeEvent>List"`
	Sent   fanList `xml:"SubscribeMsgSentEvent>List"`
}

type fanList struct {
	TemplateID                                                string `xml:"TemplateId"`
	SubscribeStatusString, PopupScene, ErrorCode, ErrorStatus string
}

// events are all that the account's server heard, so that one too many fails. The corp's bot hears none of it.
func (o *officialWorld) events(n int) []fanEvent {
	o.t.Helper()
	if err := o.WaitQuiet(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
	var got []fanEvent
	for _, plain := range o.server.heard() {
		var e fanEvent
		if err := xml.Unmarshal([]byte(plain), &e); err != nil {
			o.t.Fatal(err)
		}
		got = append(got, e)
	}
	if len(got) != n {
		o.t.Fatalf("%d events, want %d: %+v", len(got), n, got)
	}
	if told := o.bot.heard(); len(told) != 0 {
		o.t.Fatalf("the corp's bot heard %q", told)
	}
	return got
}

func (o *officialWorld) bizsend(template, data string) reply {
	o.t.Helper()
	return o.ask("message/subscribe/bizsend", fmt.Sprintf(`{"touser":%q,"template_id":%q,"page":"https://example.gov.cn/m","data":%s,
		"miniprogram":{"appid":"","pagepath":""}}`, o.OpenID("child"), template, data))
}

const (
	goodVisit  = `{"thing1":{"value":"本月走访4次,详情点开"},"time2":{"value":"2026年3月11日 08:47"},"phrase3":{"value":"已完成"}}`
	goodUrgent = `{"character_string1":{"value":"A-1"}}`
)

func TestOfficialToken(t *testing.T) {
	o := newOfficial(t)
	token := func(grant, appid, secret string) reply {
		return o.ask("stable_token", fmt.Sprintf(`{"grant_type":%q,"appid":%q,"secret":%q}`, grant, appid, secret))
	}
	token("password", testAppID, "x").wants(40002)
	token("client_credential", "", "x").wants(41002)
	token("client_credential", testCorp, "x").wants(40013)
	token("client_credential", testAppID, "").wants(41004)
	token("client_credential", testAppID, testSecret).wants(40125)
	r := token("client_credential", testAppID, "sample-official-secret")
	if r.text("access_token") != o.key || r.fields["expires_in"] != 7200.0 {
		t.Error(r.body) // the same while it lives
	}
	old := o.key
	o.key = o.fresh(true)
	if o.key == old {
		t.Error("force_refresh: want another token")
	}
	o.ask("qrcode/create", "broken").wants(47001)
	o.key = old
	o.ask("qrcode/create", "{}").wants(40001)
	o.key = o.token // the corp's is none here
	o.ask("qrcode/create", "{}").wants(40001)
	o.key = ""
	o.ask("qrcode/create", "{}").wants(41001)
	o.key = o.fresh(false)
	o.pass(2 * time.Hour)
	o.ask("qrcode/create", "{}").wants(42001)
	for _, tr := range o.traces.newest("", 50) {
		kept, _ := o.traces.get(tr.ID)
		if shown, _ := json.Marshal(kept); strings.Contains(string(shown), "sample-official-secret") || strings.Contains(string(shown), old) {
			t.Errorf("a secret is in trace %s", tr.Title)
		}
	}
	res, err := http.Get(newWorld(t).api.URL + "/official/cgi-bin/stable_token")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Error("a corp without a 服务号 answers for one")
	}
}

func TestOfficialOptions(t *testing.T) {
	_, err := New(Options{CorpID: "c", AgentID: 1, Secret: "s", Official: Official{AppID: "a", CallbackURL: "nowhere", Token: "", EncodingAESKey: "k",
		Templates: map[string]map[string]string{"t": {"poem1": "poem"}}}})
	if err == nil {
		t.Fatal("no error")
	}
	wantIn(t, err.Error(), "callback URL", "token", "poem1")
}

// What travels in 安全模式.
func TestOfficialEnvelope(t *testing.T) {
	o := newOfficial(t)
	o.delivered(o.Follow("child", ""), 1)
	requests, bodies := o.server.envelopes()
	q := requests[0].URL.Query()
	if q.Get("encrypt_type") != "aes" || q.Get("x") != "1" || q.Get("signature") != o.server.seal.sign(q.Get("timestamp"), q.Get("nonce"), "") ||
		q.Get("msg_signature") == q.Get("signature") || strings.Contains(bodies[0], "AgentID") {
		t.Error(q, bodies[0])
	}
	if e := o.events(1)[0]; e.Event != "subscribe" || e.FromUserName != o.OpenID("CHILD") || !strings.HasPrefix(e.ToUserName, "gh_") || e.EventKey != "" {
		t.Errorf("%+v", e)
	}
	if id := o.OpenID("child"); len(id) != 28 || id[0] != 'o' {
		t.Error(id)
	}
	o.server.answers(func(w http.ResponseWriter, r *http.Request, _ string) {
		io.WriteString(w, r.URL.Query().Get("echostr"))
	})
	if err := o.VerifyOfficial(); err != nil {
		t.Error(err)
	}
	o.server.answers(func(w http.ResponseWriter, _ *http.Request, _ string) { io.WriteString(w, "<xml>no</xml>") })
	if o.VerifyOfficial() == nil || newWorld(t).VerifyOfficial() == nil {
		t.Error("verified")
	}
	if d := o.Unfollow("child"); d.Status != http.StatusOK || d.Err == "" {
		t.Errorf("a passive reply is not played: %+v", d)
	}
	o.server.answers(func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(http.StatusBadGateway) })
	if d := o.Follow("child", ""); d.Attempts != 4 || d.Err == "" {
		t.Errorf("%+v", d)
	}
}

func TestO1_TemplatesNeedAFollower(t *testing.T) {
	o := newOfficial(t)
	send := func(to string) reply {
		return o.ask("message/template/send", fmt.Sprintf(`{"touser":%q,"template_id":%q,"url":"https://example.gov.cn/m","data":%s}`, to, visited, goodVisit))
	}
	send(o.OpenID("child")).wants(43004)
	send("oother").wants(40003)
	send(o.ExternalID("child")).wants(40003)
	o.shown("child", 0)
	o.delivered(o.Follow("child", ""), 1)
	if r := send(o.OpenID("child")).wants(0); r.fields["msgid"] == 0.0 {
		t.Error(r.body)
	}
	if e := o.events(2)[1]; e.Event != "TEMPLATESENDJOBFINISH" || e.Status != "success" {
		t.Errorf("%+v", e)
	}
	m := o.shown("child", 1)[0]
	if m.From != "official" || m.Title != "服务号" || m.URL != "https://example.gov.cn/m" || len(m.Items) != 3 || m.Items[0] != (Item{"phrase3", "已完成"}) {
		t.Errorf("%+v", m)
	}
	o.delivered(o.Unfollow("child"), 1)
	send(o.OpenID("child")).wants(43004)
	o.shown("child", 1)
}

func TestO2_SubscriptionsAreConsentOnRecord(t *testing.T) {
	o := newOfficial(t)
	o.bizsend(visited, goodVisit).wants(43101)
	o.bizsend("other", goodVisit).wants(40037)
	o.delivered(o.Subscribe("child", visited, true, false), 1)
	o.delivered(o.Subscribe("child", visited, true, false), 1)
	o.bizsend(urgent, goodUrgent).wants(43101) // for each template by itself
	o.bizsend(visited, `{}`).wants(47003)      // a refused call costs nothing
	o.bizsend(visited, goodVisit).wants(0)
	o.pass(time.Hour) // without end in time
	o.bizsend(visited, goodVisit).wants(0)
	o.bizsend(visited, goodVisit).wants(43101)
	events := o.events(4)
	if e := events[0]; e.Event != "subscribe_msg_popup_event" || e.Popup != (fanList{visited, "accept", "1", "", ""}) {
		t.Errorf("%+v", e)
	}
	if e := events[3]; e.Event != "subscribe_msg_sent_event" || e.Sent != (fanList{visited, "", "", "0", "success"}) {
		t.Errorf("%+v", e)
	}
	if m := o.shown("child", 2)[0]; m.Title != "服务通知" || m.URL != "https://example.gov.cn/m" { // who does not follow
		t.Errorf("%+v", m)
	}
	o.delivered(o.Subscribe("child", visited, false, false), 1)
	if e := o.events(5)[4]; e.Popup.SubscribeStatusString != "reject" {
		t.Errorf("%+v", e)
	}
	o.bizsend(visited, goodVisit).wants(43101)
	o.shown("child", 2)
}

func TestO2_LongTerm(t *testing.T) {
	o := newOfficial(t)
	o.impossible(o.Subscribe("child", urgent, true, true)) // the category does not allow it
	o.impossible(o.Subscribe("child", "other", true, false))
	o.delivered(o.Subscribe("child", visited, true, true), 1)
	for range 5 {
		o.bizsend(visited, goodVisit).wants(0)
	}
	o.delivered(o.Follow("child", ""), 1)
	o.delivered(o.Unfollow("child"), 1)
	o.bizsend(visited, goodVisit).wants(0) // outlives following
	o.delivered(o.Refuse("child", visited), 1)
	o.bizsend(visited, goodVisit).wants(43101)
	events := o.events(10)
	if e := events[9]; e.Event != "subscribe_msg_change_event" || e.Change != (fanList{visited, "reject", "", "", ""}) {
		t.Errorf("%+v", e)
	}
	o.shown("child", 6)
	o.delivered(o.Subscribe("child", visited, true, true), 1)
	o.delivered(o.Subscribe("child", visited, false, true), 1)
	o.bizsend(visited, goodVisit).wants(43101)
	o.impossible(o.Subscribe("mayun", visited, true, true)) // a member's WeChat is not on the page
	o.impossible(newWorldOf(o).Subscribe("child", visited, true, true))
}

// newWorldOf is a corp without a 服务号.
func newWorldOf(o *officialWorld) *world { return newWorld(o.t) }

func TestO3_TypedFields(t *testing.T) {
	long := strings.Repeat("长", 40)
	for kind, values := range map[string][2][]string{
		"thing":            {{"母亲本月走访4次", long[:20*3], "a b"}, {"", long[:21*3], "两\n行"}},
		"time":             {{"15:01", "2019年10月1日 15:01", "2026-03-11 08:47:00", "15:01~16:00"}, {"2019年10月1日", "25:00", "上午", "15"}},
		"date":             {{"2019年10月1日", "2026-03-11", "2019年10月1日 15:01", "2026/3/1~2026/3/9"}, {"15:01", "3月1日"}},
		"phrase":           {{"已完成", "已完成走访"}, {"已完成走访了", "OK", "已完成1"}},
		"name":             {{long[:10*3], "Wang Zhijun"}, {long[:11*3], "王x", strings.Repeat("a", 21)}},
		"character_string": {{"A-1", strings.Repeat("9", 32)}, {strings.Repeat("9", 33), "汉字", "a b"}},
		"number":           {{"4", "36.5"}, {"四", "4次", strings.Repeat("9", 33)}},
		"letter":           {{"abc"}, {"ab1"}},
		"symbol":           {{"!?"}, {"!!!!!!", "a"}},
		"amount":           {{"¥100.5元", "20"}, {"百元", "12345678901"}},
		"phone_number":     {{"+86-0951-5555555", "09515555555"}, {"09515555555转12", strings.Repeat("1", 18)}},
		"car_number":       {{"宁A8Z888"}, {"宁A8Z888888"}},
	} {
		if fieldRules[kind] == nil {
			t.Fatal(kind)
		}
		for i, list := range values {
			for _, v := range list {
				if fieldRules[kind].MatchString(v) != (i == 0) {
					t.Errorf("%s %q: want %t", kind, v, i == 0)
				}
			}
		}
	}
	o := newOfficial(t)
	o.delivered(o.Subscribe("child", visited, true, true), 1)
	for _, bad := range []string{`{}`, strings.Replace(goodVisit, "已完成", "", 1), strings.Replace(goodVisit, "已完成", "done", 1),
		strings.Replace(goodVisit, "phrase3", "phrase4", 1), strings.Replace(goodVisit, `{"thing1"`, `{"remark":{"value":"x"},"thing1"`, 1)} {
		r := o.bizsend(visited, bad).wants(47003)
		wantIn(t, r.text("errmsg"), "argument invalid! data.", " rid: ")
	}
	o.shown("child", 0)
}

func TestO4_CustomMessages(t *testing.T) {
	o := newOfficial(t)
	say := func() int {
		return o.ask("message/custom/send", fmt.Sprintf(`{"touser":%q,"msgtype":"text","text":{"content":"好"}}`, o.OpenID("child"))).code()
	}
	want := func(codes ...int) {
		t.Helper()
		for i, c := range codes {
			if got := say(); got != c {
				t.Fatalf("%d: %d, want %d", i, got, c)
			}
		}
	}
	want(45015)
	o.impossible(o.Write("child", "在吗"))
	o.impossible(o.Press("child", "me"))
	o.delivered(o.Follow("child", ""), 1)
	want(0, 0, 0, 45047)
	o.pass(time.Minute + time.Second)
	want(45015)
	o.delivered(o.Press("child", "me"), 1)
	want(0, 0, 0, 45047)
	o.pass(2 * time.Minute) // a press opens no 48 hours
	want(45015)
	o.delivered(o.Write("child", "在吗"), 1)
	want(0, 0, 0, 0, 0, 45047)
	o.delivered(o.Write("child", "还有"), 1) // five anew
	o.pass(48 * time.Hour)
	o.key = o.fresh(false)
	want(0)
	o.pass(time.Second)
	want(45015)
	o.shown("child", 3+3+5+1+2) // with the two the person wrote
	events := o.events(4)
	if events[3].MsgType != "text" || events[3].Content != "还有" || events[1].Event != "CLICK" || events[1].EventKey != "me" {
		t.Errorf("%+v", events)
	}
	o.delivered(o.Write("child", "又来"), 1)
	o.delivered(o.Unfollow("child"), 1)
	want(45015)
	bad := func(body string) reply { return o.ask("message/custom/send", body) }
	bad(`{"touser":"other","msgtype":"text","text":{"content":"x"}}`).wants(40003)
	bad(`{"touser":"` + o.OpenID("child") + `","msgtype":"poem"}`).wants(40008)
	bad(`{"touser":"` + o.OpenID("child") + `","msgtype":"text"}`).wants(44004)
	bad(`{"touser":"` + o.OpenID("child") + `","msgtype":"text","text":{"content":"` + strings.Repeat("x", maxCustomText+1) + `"}}`).wants(45002)
}

func TestO5_Codes(t *testing.T) {
	o := newOfficial(t)
	create := func(expire int, action, scene string) reply {
		return o.ask("qrcode/create", fmt.Sprintf(`{"expire_seconds":%d,"action_name":%q,"action_info":{"scene":{"scene_str":%q}}}`, expire, action, scene))
	}
	create(maxExpire+1, "QR_STR_SCENE", "s").wants(longExpire)
	create(60, "QR_POEM", "s").wants(40052)
	create(60, "QR_STR_SCENE", "").wants(40053)
	create(60, "QR_STR_SCENE", strings.Repeat("s", 65)).wants(40053)
	o.impossible(o.Follow("child", "s"))
	scene := strings.Repeat("s", 64)
	r := create(maxExpire, "QR_STR_SCENE", scene).wants(0)
	if r.fields["expire_seconds"] != float64(maxExpire) || r.text("ticket") == "" || !strings.HasPrefix(r.text("url"), "http") {
		t.Error(r.body)
	}
	o.delivered(o.Follow("child", r.text("ticket")), 1)
	o.delivered(o.Follow("child", scene), 1)
	o.impossible(o.Follow("child", "")) // follows already
	events := o.events(2)
	if e := events[0]; e.Event != "subscribe" || e.EventKey != "qrscene_"+scene || e.Ticket != r.text("ticket") {
		t.Errorf("%+v", e)
	}
	if e := events[1]; e.Event != "SCAN" || e.EventKey != scene {
		t.Errorf("%+v", e)
	}
	o.delivered(o.Unfollow("child"), 1)
	if e := o.events(3)[2]; e.Event != "unsubscribe" {
		t.Errorf("%+v", e)
	}
	o.impossible(o.Unfollow("child"))
	o.pass(maxExpire*time.Second + time.Second)
	o.impossible(o.Follow("child", scene))
	o.key = o.fresh(false)
	if r := create(0, "QR_LIMIT_STR_SCENE", "card").wants(0); strings.Contains(r.body, "expire") {
		t.Error(r.body)
	}
	if r := create(0, "QR_STR_SCENE", "short").wants(0); r.fields["expire_seconds"] != float64(usualExpire) {
		t.Error(r.body)
	}
	o.pass(365 * 24 * time.Hour)
	o.impossible(o.Follow("child", "short"))
	o.delivered(o.Follow("child", "card"), 1)
	o.events(4)
}
