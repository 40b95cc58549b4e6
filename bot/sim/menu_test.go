package sim

import (
	"strings"
	"testing"
)

func TestRow66_MenuLimits(t *testing.T) {
	w := newWorld(t)
	click := `{"type":"click","name":"巡访","key":"k%"}`
	sub := func(entries string) string { return `[{"name":"更多","sub_button":` + entries + `}]` }
	long := func(n int) string { return strings.Repeat("x", n) }
	w.get("menu/get?agentid=1000002").wants(46003)
	for name, c := range map[string]struct {
		buttons string
		code    int
	}{
		"0 buttons":        {`[]`, 40016},
		"3 buttons":        {times(3, click), 0},
		"4 buttons":        {times(4, click), 40016},
		"5 entries":        {sub(times(5, click)), 0},
		"6 entries":        {sub(times(6, click)), 40023},
		"three levels":     {sub(`[{"name":"x","sub_button":` + times(1, click) + `}]`), 40022},
		"no name":          {`[{"type":"click","key":"k"}]`, 41102},
		"name 16":          {`[{"type":"click","name":"` + long(16) + `","key":"k"}]`, 0},
		"name 17":          {`[{"type":"click","name":"` + long(17) + `","key":"k"}]`, 40018},
		"name 6 Chinese":   {`[{"type":"click","name":"巡访巡访巡访","key":"k"}]`, 40018},
		"entry name 40":    {sub(`[{"type":"click","name":"` + long(40) + `","key":"k"}]`), 0},
		"entry name 41":    {sub(`[{"type":"click","name":"` + long(41) + `","key":"k"}]`), 40025},
		"type":             {`[{"type":"poem","name":"x","key":"k"}]`, 40017},
		"entry type":       {sub(`[{"type":"poem","name":"x","key":"k"}]`), 40024},
		"no key":           {`[{"type":"click","name":"x"}]`, 40019},
		"key 128":          {`[{"type":"click","name":"x","key":"` + long(128) + `"}]`, 0},
		"key 129":          {`[{"type":"click","name":"x","key":"` + long(129) + `"}]`, 40019},
		"entry key 129":    {sub(`[{"type":"click","name":"x","key":"` + long(129) + `"}]`), 40026},
		"url 1025":         {`[{"type":"view","name":"x","url":"https://` + long(1017) + `"}]`, 40020},
		"entry url 1025":   {sub(`[{"type":"view","name":"x","url":"https://` + long(1017) + `"}]`), 40027},
		"url scheme":       {`[{"type":"view","name":"x","url":"a.example"}]`, 40055},
		"entry url scheme": {sub(`[{"type":"view","name":"x","url":"a.example"}]`), 40054},
		"mini-program":     {`[{"type":"view_miniprogram","name":"x","appid":"a","pagepath":"p"}]`, 0},
		"no pagepath":      {`[{"type":"view_miniprogram","name":"x","appid":"a"}]`, 40020},
	} {
		if r := w.post("menu/create?agentid=1000002", `{"button":`+c.buttons+`}`); r.code() != c.code {
			t.Errorf("%s: errcode %d, want %d", name, r.code(), c.code)
		}
	}
	w.post("menu/create?agentid=5", `{"button":`+times(1, click)+`}`).wants(40056)
	w.post("menu/create", `{"button":`+times(1, click)+`}`).wants(41011)
	w.get("menu/delete?agentid=1000002").wants(0)
	w.get("menu/get?agentid=1000002").wants(46003)
}

func TestMenuEvents(t *testing.T) {
	w := newWorld(t)
	w.post("menu/create?agentid=1000002", `{"button":[{"type":"click","name":"巡访","key":"visit"},{"name":"更多","sub_button":[
		{"type":"view","name":"看板","url":"https://a.example/b"},{"type":"click","name":"帮助","key":"help"},{"type":"pic_weixin","name":"图","key":"pic"}]}]}`).wants(0)
	wantIn(t, w.get("menu/get?agentid=1000002").wants(0).body, `"sub_button":[{"type":"view"`)
	for _, key := range []string{"visit", "help", "https://a.example/b"} {
		w.delivered(w.Menu("mayun", key), 1)
	}
	for _, key := range []string{"", "更多", "none", "pic"} {
		if d := w.Menu("mayun", key); d.Err == "" || d.Attempts != 0 {
			t.Errorf("%q: %+v", key, d)
		}
	}
	heard := w.bot.heard()
	if len(heard) != 3 {
		t.Fatal(heard)
	}
	wantIn(t, heard[0], element("Event", "click"), element("EventKey", "visit"))
	wantIn(t, heard[2], element("Event", "view"), element("EventKey", "https://a.example/b"))
	w.shown("mayun", 0)
}

func TestAgent(t *testing.T) {
	w := newWorld(t)
	r := w.get("agent/get?agentid=1000002").wants(0)
	wantIn(t, r.body, `"allow_userinfos":{"user":[{"userid":"MaYun"},{"userid":"wang"},{"userid":"li"}]}`, `"isreportenter":0`)
	w.get("agent/get?agentid=1000009").wants(301002)
	w.post("agent/set", `{"agentid":1000002,"isreportenter":2}`).wants(40058)
	w.post("agent/set", `{"agentid":1000002,"isreportenter":1}`).wants(0)
	w.post("agent/set", `{"agentid":1000002,"report_location_flag":1}`).wants(0) // leaves the other alone
	wantIn(t, w.get("agent/get?agentid=1000002").body, `"report_location_flag":1,"isreportenter":1`)
}
