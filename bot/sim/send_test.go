package sim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestRow27_AgentID(t *testing.T) {
	w := newWorld(t)
	send := func(agent string) reply {
		return w.post("message/send", `{"touser":"mayun",`+agent+`"msgtype":"text","text":{"content":"x"}}`)
	}
	send(`"agentid":1000009,`).wants(301002)
	send(`"agentid":5,`).wants(40056)
	send(`"agentid":1.5,`).wants(40056)
	send(``).wants(41011)
	send(`"agentid":"1000002",`).wants(0)
	w.shown("mayun", 1)
	w = newWorld(t, rules(Rules{StrictAgentID: true}))
	send(`"agentid":"1000002",`).wants(40056)
	w.shown("mayun", 0)
}

func TestRow28to33_Receivers(t *testing.T) {
	w := newWorld(t)
	send := func(to string) reply {
		return w.post("message/send", `{`+to+`"agentid":1000002,"msgtype":"text","text":{"content":"x"}}`)
	}
	many := func(n int) string { return strings.TrimSuffix(strings.Repeat("u|", n), "|") }
	send(``).wants(82001)
	send(`"touser":"","toparty":"|",`).wants(82001)
	send(`"touser":"` + many(1001) + `",`).wants(40032)
	send(`"touser":"` + many(1000) + `",`).wants(81013)
	send(`"toparty":"` + many(101) + `",`).wants(82002)
	send(`"totag":"` + many(101) + `",`).wants(82003)
	send(`"touser":"hidden|Nobody|child",`).wants(81013)
	w.shown("mayun", 0)

	r := send(`"touser":"MAYUN|mayun|Hidden|NoBody","toparty":"77","totag":"5",`).wants(0)
	if r.text("invaliduser") != "hidden|nobody" || r.text("invalidparty") != "77" || r.text("invalidtag") != "5" {
		t.Error(r.body)
	}
	w.shown("mayun", 1) // named twice, in two spellings: one message
	send(`"toparty":"2",`).wants(0)
	w.shown("mayun", 2)
	w.shown("wang", 1) // of a department below
	w.shown("li", 0)
	r = send(`"touser":"@all","toparty":"77",`).wants(0)
	if r.text("invalidparty") != "" {
		t.Error("@all does not ignore toparty")
	}
	w.shown("li", 1)
	w.shown("hidden", 0)
	w.shown("child", 0) // a WeChat phone
}

func TestRow34_36_37_Content(t *testing.T) {
	w := newWorld(t)
	picture := w.upload("image", "a.jpg", drawings()[1].jpeg).wants(0).text("media_id")
	voice := w.upload("voice", "a.amr", amrSilence()).wants(0).text("media_id")
	video := w.upload("video", "a.mp4", []byte("0000ftypmp42....")).wants(0).text("media_id")
	file := w.upload("file", "台账.xlsx", []byte("PK\x03\x04..")).wants(0).text("media_id")
	article := `{"title":"t","url":"https://a.example"}`
	shown := 0
	for name, c := range map[string]struct {
		body string
		code int
	}{
		"unknown type":         {`"msgtype":"poem"`, 40008},
		"no text":              {`"msgtype":"text"`, 44004},
		"empty text":           {`"msgtype":"text","text":{"content":""}`, 44004},
		"empty markdown":       {`"msgtype":"markdown","markdown":{}`, 44004},
		"markdown":             {`"msgtype":"markdown","markdown":{"content":"**x**"}`, 0},
		"long markdown":        {`"msgtype":"markdown","markdown":{"content":"` + strings.Repeat("x", 2049) + `"}`, 45002},
		"image without id":     {`"msgtype":"image","image":{}`, 41006},
		"unknown image":        {`"msgtype":"image","image":{"media_id":"no"}`, 40007},
		"voice as image":       {`"msgtype":"image","image":{"media_id":"` + voice + `"}`, 40007},
		"image":                {`"msgtype":"image","image":{"media_id":"` + picture + `"}`, 0},
		"voice":                {`"msgtype":"voice","voice":{"media_id":"` + voice + `"}`, 0},
		"video":                {`"msgtype":"video","video":{"media_id":"` + video + `","title":"` + strings.Repeat("t", 200) + `"}`, 0},
		"file":                 {`"msgtype":"file","file":{"media_id":"` + file + `"}`, 0},
		"textcard":             {`"msgtype":"textcard","textcard":{"title":"t","description":"d","url":"https://a.example"}`, 0},
		"textcard no title":    {`"msgtype":"textcard","textcard":{"description":"d","url":"https://a.example"}`, 41016},
		"textcard no desc":     {`"msgtype":"textcard","textcard":{"title":"t","url":"https://a.example"}`, 41033},
		"textcard no url":      {`"msgtype":"textcard","textcard":{"title":"t","description":"d"}`, 41010},
		"textcard scheme":      {`"msgtype":"textcard","textcard":{"title":"t","description":"d","url":"a.example"}`, 45034},
		"textcard long url":    {`"msgtype":"textcard","textcard":{"title":"t","description":"d","url":"https://` + strings.Repeat("a", 2048) + `"}`, 40058},
		"news":                 {`"msgtype":"news","news":{"articles":` + times(8, article) + `}`, 0},
		"9 articles":           {`"msgtype":"news","news":{"articles":` + times(9, article) + `}`, 45008},
		"0 articles":           {`"msgtype":"news","news":{"articles":[]}`, 40063},
		"safe news":            {`"msgtype":"news","safe":1,"news":{"articles":[` + article + `]}`, 40074},
		"news no title":        {`"msgtype":"news","news":{"articles":[{"url":"https://a.example"}]}`, 41016},
		"news no scheme":       {`"msgtype":"news","news":{"articles":[{"title":"t","url":"a.example"}]}`, 45034},
		"news no url":          {`"msgtype":"news","news":{"articles":[{"title":"t"}]}`, 41010},
		"news mini-program":    {`"msgtype":"news","news":{"articles":[{"title":"t","appid":"x","pagepath":"p"}]}`, 0},
		"mpnews":               {`"msgtype":"mpnews","mpnews":{"articles":[{"title":"t","thumb_media_id":"` + picture + `","content":"<p>c</p>"}]}`, 0},
		"mpnews no thumb":      {`"msgtype":"mpnews","mpnews":{"articles":[{"title":"t","content":"c"}]}`, 41006},
		"mpnews author":        {`"msgtype":"mpnews","mpnews":{"articles":[{"title":"t","thumb_media_id":"` + picture + `","content":"c","author":"` + strings.Repeat("a", 65) + `"}]}`, 45032},
		"mini-program":         {`"msgtype":"miniprogram_notice","miniprogram_notice":{"appid":"x","title":"标题标题","content_item":[{"key":"k","value":"v"}]}`, 0},
		"mini-program 11":      {`"msgtype":"miniprogram_notice","miniprogram_notice":{"appid":"x","title":"标题标题","content_item":` + times(11, `{"key":"k","value":"v"}`) + `}`, 40058},
		"card not nested":      {`"msgtype":"template_card","card_type":"text_notice"`, 41016},
		"duplicate over 4 h":   {`"msgtype":"text","text":{"content":"x"},"enable_duplicate_check":1,"duplicate_check_interval":14401`, 40058},
		"fields of wrong type": {`"msgtype":"text","text":"x"`, 40058},
	} {
		r := w.send(c.body)
		if r.code() != c.code {
			t.Errorf("%s: errcode %d, want %d", name, r.code(), c.code)
		}
		if c.code == 0 {
			shown++
		}
	}
	got := w.shown("mayun", shown)
	for _, m := range got {
		switch m.Type {
		case "video":
			if len(m.Title) != 128 {
				t.Error("video title is not cut")
			}
		case "file":
			if m.Title != "台账.xlsx" {
				t.Error(m.Title)
			}
		case "textcard":
			if m.ButtonText != "详情" {
				t.Error(m.ButtonText)
			}
		}
		if m.From != "app" || m.Trace == "" || m.MsgID == "" {
			t.Errorf("%+v", m)
		}
	}
}

func TestRow35_36_LongTexts(t *testing.T) {
	long := strings.Repeat("x", 2047) + "巡"
	w := newWorld(t)
	w.text(long).wants(0)
	if m := w.shown("mayun", 1)[0]; !m.Cut || m.Text != long[:2047] {
		t.Errorf("%d bytes", len(m.Text))
	}
	w.text(long[:2047] + "y").wants(0)
	if m := w.shown("mayun", 2)[1]; m.Cut {
		t.Error("2048 bytes were cut")
	}
	w = newWorld(t, rules(Rules{LongTextRefused: true, LongMarkdownCut: true}))
	w.text(long).wants(45002)
	w.send(`"msgtype":"markdown","markdown":{"content":"` + long + `"}`).wants(0)
	if m := w.shown("mayun", 1)[0]; !m.Cut || m.Type != "markdown" {
		t.Errorf("%+v", m)
	}
}

func TestRow38_MediaLiveThreeDays(t *testing.T) {
	w := newWorld(t)
	id := w.upload("image", "a.jpg", drawings()[1].jpeg).text("media_id")
	w.pass(72*time.Hour - time.Second)
	w.token = w.getToken().text("access_token")
	w.send(`"msgtype":"image","image":{"media_id":"` + id + `"}`).wants(0)
	w.pass(time.Second)
	w.send(`"msgtype":"image","image":{"media_id":"` + id + `"}`).wants(40007)
	w.shown("mayun", 1)
}

func TestRow39_BrokenJSON(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{"", "{", "[]", `{"touser":}`} {
		r := w.post("message/send", body).wants(40058)
		wantIn(t, r.text("errmsg"), "Warning: wrong json format.")
	}
	w.get("message/send").wants(40058)
	w.post("message/send", strings.Repeat(" ", maxJSON+1)).wants(40206)
}

func TestRow40_EscapesAreASwitch(t *testing.T) {
	body := `"msgtype":"text","text":{"content":"\u003ca\u003e"}`
	w := newWorld(t)
	w.send(body).wants(0)
	if got := w.shown("mayun", 1)[0].Text; got != "<a>" {
		t.Error(got)
	}
	w = newWorld(t, rules(Rules{EscapesRefused: true}))
	w.send(body).wants(40033)
}

func TestRow41_DuplicateCheck(t *testing.T) {
	w := newWorld(t)
	dup := func(content, more string) reply {
		return w.send(`"msgtype":"text","text":{"content":"` + content + `"},"enable_duplicate_check":1` + more)
	}
	first := dup("一", "").wants(0)
	w.pass(1799 * time.Second)
	if again := dup("一", "").wants(0); again.text("msgid") != first.text("msgid") {
		t.Error("another msgid")
	}
	w.shown("mayun", 1)
	w.pass(time.Second)
	dup("一", "").wants(0)
	w.shown("mayun", 2)
	dup("二", "").wants(0)
	w.shown("mayun", 3)
	w.text("三").wants(0)
	w.text("三").wants(0)
	w.shown("mayun", 5) // without the check the same is said twice
	dup("四", `,"duplicate_check_interval":14400`)
	w.pass(4*time.Hour - time.Second)
	w.token = w.getToken().text("access_token")
	dup("四", `,"duplicate_check_interval":14400`)
	w.shown("mayun", 6)

	card := `"msgtype":"template_card","enable_duplicate_check":1,"template_card":` + buttonJSON("t")
	w.send(card).wants(0)
	w.send(card).wants(0) // the same request is a duplicate, not a repeated task_id
	w.shown("mayun", 7)
}

func TestRow41_DuplicatesAtOnce(t *testing.T) {
	w := newWorld(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { w.send(`"msgtype":"text","text":{"content":"x"},"enable_duplicate_check":1`).wants(0) })
	}
	all.Wait()
	w.shown("mayun", 1)
}

func TestRow42_TooManyToOneMemberAreDroppedSilently(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		w.text(fmt.Sprint(i)).wants(0)
	}
	w.text("第31").wants(0)
	w.shown("mayun", 30)
	if w.Dropped("MAYUN") != 1 || w.Dropped("wang") != 0 {
		t.Error(w.Dropped("mayun"))
	}
	w.post("message/send", `{"touser":"wang","agentid":1000002,"msgtype":"text","text":{"content":"x"}}`)
	w.shown("wang", 1)
	w.pass(59 * time.Second)
	w.text("还早").wants(0)
	w.shown("mayun", 30)
	w.pass(time.Second)
	w.text("可以").wants(0)
	w.shown("mayun", 31)

	w = newWorld(t, rules(Rules{MemberMinute: -1, MemberHour: 5}))
	for range 6 {
		w.text("x").wants(0)
		w.pass(time.Minute)
	}
	w.shown("mayun", 5)
	w.pass(54 * time.Minute) // the first is an hour old
	w.text("x").wants(0)
	w.text("x").wants(0)
	w.shown("mayun", 6)
}

func TestRow43_DayBudget(t *testing.T) {
	w := newWorld(t, rules(Rules{DayBudget: 3}))
	all := `{"touser":"@all","agentid":1000002,"msgtype":"text","text":{"content":"x"}}`
	w.post("message/send", all).wants(0)
	w.post("message/send", all).wants(45009)
	w.text("x").wants(45009)
	w.shown("mayun", 1)
	w.pass(15*time.Hour + 13*time.Minute) // midnight in China
	w.token = w.getToken().text("access_token")
	w.text("x").wants(0)
}

func TestRow44_CallsPerMinute(t *testing.T) {
	w := newWorld(t, rules(Rules{CallsPerMinute: 3, MemberMinute: -1}))
	for range 3 {
		w.get("getcallbackip").wants(0)
	}
	w.get("getcallbackip").wants(45009)
	w.get("department/list").wants(0) // another API
	for range 5 {
		w.text("x").wants(0) // not counted
	}
	w.pass(59 * time.Second)
	w.get("getcallbackip").wants(45009)
	w.pass(time.Second)
	w.get("getcallbackip").wants(0)
}

func TestRow45_TooManyParallelCalls(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	w := newWorld(t, rules(Rules{MaxParallel: 1}))
	slow := httptest.NewRequest(http.MethodPost, "/cgi-bin/message/send?access_token="+w.token, &gate{entered: entered, release: release})
	first := httptest.NewRecorder()
	done := make(chan struct{})
	go func() { defer close(done); w.ServeHTTP(first, slow) }()
	<-entered
	w.text("挤").wants(45033)
	close(release)
	<-done
	w.text("不挤").wants(0)
	w.shown("mayun", 2)
	wantIn(t, first.Body.String(), `"errcode":0`)
}

// gate is a request body that comes when told.
type gate struct {
	entered, release chan struct{}
	sent             bool
}

func (g *gate) Read(b []byte) (int, error) {
	if g.sent {
		return 0, io.EOF
	}
	close(g.entered)
	<-g.release
	g.sent = true
	return copy(b, `{"touser":"mayun","agentid":1000002,"msgtype":"text","text":{"content":"慢"}}`), io.EOF
}

func TestRow46_AppDisabled(t *testing.T) {
	w := newWorld(t)
	w.Faults().Set(FaultSet{AppDisabled: true})
	w.text("x").wants(50003)
	w.getToken().wants(40001)
	if d := w.Say("mayun", "喂"); d.Attempts != 0 || d.Err == "" {
		t.Errorf("%+v", d)
	}
}

func TestRow47_InjectedErrcodesCount(t *testing.T) {
	w := newWorld(t)
	w.Faults().Set(FaultSet{ErrCode: -1, ErrCodeTimes: 2})
	w.text("一").wants(-1)
	w.get("getcallbackip").wants(0) // message/send only
	w.text("二").wants(-1)
	w.text("三").wants(0)
	w.shown("mayun", 1)
	w.Faults().Set(FaultSet{ErrCode: 45009, ErrCodeTimes: -1})
	for range 3 {
		w.text("x").wants(45009)
	}
}

func TestRow48_AcceptedButTheAnswerIsLost(t *testing.T) {
	w := newWorld(t)
	w.Faults().Set(FaultSet{AcceptThenDrop: true})
	body := `{"touser":"mayun","agentid":1000002,"msgtype":"text","text":{"content":"x"},"enable_duplicate_check":1}`
	if res, err := http.Post(w.url("message/send"), "application/json", strings.NewReader(body)); err == nil {
		res.Body.Close()
		t.Fatal("answered")
	}
	w.shown("mayun", 1)
	w.Faults().Set(FaultSet{})
	w.post("message/send", body).wants(0)
	w.shown("mayun", 1)
}

func TestRow69_FailuresLookLikeWeComs(t *testing.T) {
	w := newWorld(t)
	r := w.send(`"msgtype":"poem"`).wants(40008)
	wantIn(t, r.text("errmsg"), "hint: [", "from ip: 127.0.0.1", "more info at https://open.work.weixin.qq.com/devtool/query?e=40008")
	if r.header.Get("Error-Code") != "40008" || r.header.Get("Error-Msg") == "" {
		t.Error(r.header)
	}
	if r := w.text("x"); r.text("errmsg") != "ok" || r.header.Get("Error-Code") != "" {
		t.Error(r.body)
	}
}

func TestPhonesKeep500Messages(t *testing.T) {
	w := newWorld(t, rules(Rules{MemberMinute: -1, MemberHour: -1}))
	for i := range 510 {
		w.text(fmt.Sprint(i)).wants(0)
	}
	got := w.shown("mayun", 500)
	if got[0].Text != "10" || got[499].Text != "509" {
		t.Error(got[0].Text, got[499].Text)
	}
}

// BenchmarkSend is the other side of a load test: one handler, no network.
func BenchmarkSend(b *testing.B) {
	s, err := New(Options{CorpID: testCorp, AgentID: testAgent, Secret: testSecret,
		CallbackURL: "http://127.0.0.1:1/", Token: testToken, EncodingAESKey: testKey, Members: []Member{{UserID: "mayun"}},
		Rules: Rules{MemberMinute: -1, MemberHour: -1, DayBudget: -1, RepeatedTaskAllowed: true}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var tok struct {
		AccessToken string `json:"access_token"`
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/cgi-bin/gettoken?corpid="+testCorp+"&corpsecret="+testSecret, nil))
	if err := json.Unmarshal(rec.Body.Bytes(), &tok); err != nil {
		b.Fatal(err)
	}
	for name, body := range map[string]string{
		"text": `{"touser":"mayun","agentid":1000002,"msgtype":"text","text":{"content":"记好了"}}`,
		"card": `{"touser":"mayun","agentid":1000002,"msgtype":"template_card","enable_duplicate_check":0,"template_card":` + multipleJSON("t") + `}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r := httptest.NewRequest(http.MethodPost, "/cgi-bin/message/send?access_token="+tok.AccessToken, strings.NewReader(body))
					s.ServeHTTP(httptest.NewRecorder(), r)
				}
			})
		})
	}
}
