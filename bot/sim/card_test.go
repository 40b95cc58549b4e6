package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func buttonJSON(task string) string {
	return `{"card_type":"button_interaction","task_id":"` + task + `","main_title":{"title":"确认"},
		"button_list":[{"text":"是","key":"yes"},{"text":"否","key":"no"},{"type":1,"text":"看","url":"https://a.example"}]}`
}

func voteJSON(task string, mode int) string {
	return fmt.Sprintf(`{"card_type":"vote_interaction","task_id":%q,"main_title":{"title":"哪里不好"},
		"checkbox":{"question_key":"q1","mode":%d,"option_list":[{"id":"a","text":"身体","is_checked":true},{"id":"b","text":"燃气","is_checked":false},{"id":"c","text":"用电","is_checked":false}]},
		"submit_button":{"text":"提交","key":"vote"}}`, task, mode)
}

func multipleJSON(task string) string {
	return `{"card_type":"multiple_interaction","task_id":"` + task + `","main_title":{"title":"记一次巡访"},
		"select_list":[{"question_key":"who","option_list":[{"id":"e1","text":"甲"},{"id":"e2","text":"乙"}]},
			{"question_key":"how","selected_id":"call","option_list":[{"id":"door","text":"上门"},{"id":"call","text":"电话"}]}],
		"submit_button":{"text":"提交","key":"go"}}`
}

const noticeJSON = `{"card_type":"text_notice","main_title":{"title":"通知"},"card_action":{"type":1,"url":"https://a.example"}}`

const noticeMenuJSON = `{"card_type":"text_notice","task_id":"n1","main_title":{"title":"通知"},"card_action":{"type":1,"url":"https://a.example"},
	"action_menu":{"desc":"更多","action_list":[{"text":"静音","key":"mute"}]}}`

func TestRow49_InteractiveCardsNeedACallbackURL(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.CallbackURL = "" })
	for _, card := range []string{buttonJSON("t"), voteJSON("t", 0), multipleJSON("t"), noticeMenuJSON} {
		w.card(card).wants(43012)
	}
	w.card(noticeJSON).wants(0)
	w.shown("mayun", 1)
	if d := w.Say("mayun", "喂"); d.Err == "" {
		t.Error("delivered to nowhere")
	}
}

func TestRow50_TaskID(t *testing.T) {
	w := newWorld(t)
	for _, task := range []string{"", "有字", "a b", "a:b", strings.Repeat("x", 129)} {
		w.card(buttonJSON(task)).wants(42014)
	}
	w.card(buttonJSON(strings.Repeat("x", 128))).wants(0)
	w.card(buttonJSON("aZ09_-@")).wants(0)
	w.card(buttonJSON("aZ09_-@")).wants(42014)
	w.shown("mayun", 2)
	w = newWorld(t, rules(Rules{RepeatedTaskAllowed: true}))
	w.card(buttonJSON("t")).wants(0)
	w.card(buttonJSON("t")).wants(0)
}

// edited is a card with some of its fields replaced; null removes one.
func edited(t *testing.T, card string, changes string) string {
	t.Helper()
	var m, c map[string]any
	if err := json.Unmarshal([]byte(card), &m); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(changes), &c); err != nil {
		t.Fatalf("%v: %s", err, changes)
	}
	for k, v := range c {
		if v == nil {
			delete(m, k)
		} else {
			m[k] = v
		}
	}
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// times repeats a JSON value in a list, % in it being the index.
func times(n int, value string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = strings.ReplaceAll(value, "%", fmt.Sprint(i))
	}
	return "[" + strings.Join(all, ",") + "]"
}

func TestRow51to54_FieldMatrix(t *testing.T) {
	button, vote, multi := buttonJSON("t"), voteJSON("t", 1), multipleJSON("t")
	news := `{"card_type":"news_notice","main_title":{"title":"图"},"card_image":{"url":"https://a.example/c.png"},"card_action":{"type":1,"url":"https://a.example"}}`
	long := strings.Repeat("k", 1025)
	option := `{"id":"o%","text":"选"}`
	question := func(n int) string { return `{"question_key":"q","option_list":` + times(n, option) + `}` }
	for name, c := range map[string]struct {
		card, change string
		code         int
	}{
		"51 action_list 0":        {noticeMenuJSON, `{"action_menu":{"action_list":[]}}`, 40058},
		"51 action_list 3":        {noticeMenuJSON, `{"action_menu":{"action_list":` + times(3, `{"text":"x","key":"k%"}`) + `}}`, 0},
		"51 action_list 4":        {noticeMenuJSON, `{"action_menu":{"action_list":` + times(4, `{"text":"x","key":"k%"}`) + `}}`, 40058},
		"51 horizontal 6":         {noticeJSON, `{"horizontal_content_list":` + times(6, `{"keyname":"k"}`) + `}`, 0},
		"51 horizontal 7":         {noticeJSON, `{"horizontal_content_list":` + times(7, `{"keyname":"k"}`) + `}`, 42035},
		"51 vertical 4":           {news, `{"vertical_content_list":` + times(4, `{"title":"t"}`) + `}`, 0},
		"51 vertical 5":           {news, `{"vertical_content_list":` + times(5, `{"title":"t"}`) + `}`, 42036},
		"51 jump 3":               {noticeJSON, `{"jump_list":` + times(3, `{"title":"t"}`) + `}`, 0},
		"51 jump 4":               {noticeJSON, `{"jump_list":` + times(4, `{"title":"t"}`) + `}`, 42042},
		"51 buttons 0":            {button, `{"button_list":[]}`, 40058},
		"51 buttons 6":            {button, `{"button_list":` + times(6, `{"text":"x","key":"k%"}`) + `}`, 0},
		"51 buttons 7":            {button, `{"button_list":` + times(7, `{"text":"x","key":"k%"}`) + `}`, 40058},
		"51 drop-down 10":         {button, `{"button_selection":` + question(10) + `}`, 0},
		"51 drop-down 11":         {button, `{"button_selection":` + question(11) + `}`, 42037},
		"51 vote 20":              {vote, `{"checkbox":` + question(20) + `}`, 0},
		"51 vote 21":              {vote, `{"checkbox":` + question(21) + `}`, 42037},
		"51 vote 0":               {vote, `{"checkbox":` + question(0) + `}`, 42037},
		"51 selects 0":            {multi, `{"select_list":[]}`, 42047},
		"51 selects 3":            {multi, `{"select_list":` + times(3, `{"question_key":"q%","option_list":[{"id":"a","text":"b"}]}`) + `}`, 0},
		"51 selects 4":            {multi, `{"select_list":` + times(4, `{"question_key":"q%","option_list":[{"id":"a","text":"b"}]}`) + `}`, 42047},
		"51 select options 11":    {multi, `{"select_list":[` + question(11) + `]}`, 42037},
		"52 card_type":            {button, `{"card_type":"other"}`, 42031},
		"52 action url":           {noticeJSON, `{"card_action":{"type":1}}`, 42028},
		"52 action appid":         {noticeJSON, `{"card_action":{"type":2}}`, 42030},
		"52 row url":              {noticeJSON, `{"horizontal_content_list":[{"type":1,"keyname":"k"}]}`, 42028},
		"52 row media":            {noticeJSON, `{"horizontal_content_list":[{"type":2,"keyname":"k"}]}`, 42029},
		"52 row unknown media":    {noticeJSON, `{"horizontal_content_list":[{"type":2,"keyname":"k","media_id":"none"}]}`, 40007},
		"52 row userid":           {noticeJSON, `{"horizontal_content_list":[{"type":3,"keyname":"k"}]}`, 42050},
		"52 row type":             {noticeJSON, `{"horizontal_content_list":[{"type":4,"keyname":"k"}]}`, 40058},
		"52 row keyname":          {noticeJSON, `{"horizontal_content_list":[{"value":"v"}]}`, 42027},
		"52 vertical title":       {news, `{"vertical_content_list":[{"desc":"d"}]}`, 42033},
		"52 jump title":           {noticeJSON, `{"jump_list":[{"type":1,"url":"https://a.example"}]}`, 42033},
		"52 jump url":             {noticeJSON, `{"jump_list":[{"type":1,"title":"t"}]}`, 42028},
		"52 jump appid":           {noticeJSON, `{"jump_list":[{"type":2,"title":"t"}]}`, 42030},
		"52 quote url":            {noticeJSON, `{"quote_area":{"type":1}}`, 42028},
		"52 desc_color":           {noticeJSON, `{"source":{"desc":"x","desc_color":4}}`, 40058},
		"52 title":                {button, `{"main_title":{"desc":"d"}}`, 41016},
		"52 notice title":         {noticeJSON, `{"main_title":null}`, 41016},
		"52 notice sub title":     {noticeJSON, `{"main_title":null,"sub_title_text":"s"}`, 0},
		"52 button key":           {button, `{"button_list":[{"text":"x"}]}`, 42039},
		"52 button text":          {button, `{"button_list":[{"key":"x"}]}`, 42038},
		"52 button url":           {button, `{"button_list":[{"type":1,"text":"x"}]}`, 42028},
		"52 button type":          {button, `{"button_list":[{"type":2,"text":"x"}]}`, 40058},
		"52 question_key":         {vote, `{"checkbox":{"option_list":[{"id":"a","text":"b"}]}}`, 42043},
		"52 checkbox":             {vote, `{"checkbox":null}`, 42043},
		"52 checkbox mode":        {vote, `{"checkbox":{"question_key":"q","mode":2,"option_list":[{"id":"a","text":"b"}]}}`, 40058},
		"52 option id":            {vote, `{"checkbox":{"question_key":"q","option_list":[{"text":"b"}]}}`, 42040},
		"52 option text":          {vote, `{"checkbox":{"question_key":"q","option_list":[{"id":"a"}]}}`, 42041},
		"52 image url":            {news, `{"card_image":{}}`, 42044},
		"52 no image":             {news, `{"card_image":null}`, 42044},
		"52 image text":           {news, `{"card_image":null,"image_text_area":{"image_url":"https://a.example/i.png"}}`, 0},
		"52 image text url":       {news, `{"card_image":null,"image_text_area":{"title":"t"}}`, 42044},
		"52 ratio":                {news, `{"card_image":{"url":"https://a.example","aspect_ratio":2.25}}`, 40058},
		"52 ratio 1.3":            {news, `{"card_image":{"url":"https://a.example","aspect_ratio":1.3}}`, 0},
		"53 text_notice action":   {noticeJSON, `{"card_action":null}`, 42045},
		"53 news_notice action":   {news, `{"card_action":{"type":0}}`, 42045},
		"53 vote submit":          {vote, `{"submit_button":null}`, 42046},
		"53 multi submit key":     {multi, `{"submit_button":{"text":"x"}}`, 42046},
		"53 multi submit text":    {multi, `{"submit_button":{"key":"x"}}`, 42049},
		"54 button key long":      {button, `{"button_list":[{"text":"x","key":"` + long + `"}]}`, 42039},
		"54 button key 1024":      {button, `{"button_list":[{"text":"x","key":"` + long[1:] + `"}]}`, 0},
		"54 button key twice":     {button, `{"button_list":[{"text":"x","key":"k"},{"text":"y","key":"k"}]}`, 42039},
		"54 action key twice":     {noticeMenuJSON, `{"action_menu":{"action_list":[{"text":"x","key":"k"},{"text":"y","key":"k"}]}}`, 42051},
		"54 option id long":       {vote, `{"checkbox":{"question_key":"q","option_list":[{"id":"` + long[:129] + `","text":"b"}]}}`, 42040},
		"54 option id twice":      {vote, `{"checkbox":{"question_key":"q","option_list":[{"id":"a","text":"b"},{"id":"a","text":"c"}]}}`, 42040},
		"54 question_key twice":   {multi, `{"select_list":` + times(2, `{"question_key":"q","option_list":[{"id":"a","text":"b"}]}`) + `}`, 42043},
		"54 question_key long":    {vote, `{"checkbox":{"question_key":"` + long + `","option_list":[{"id":"a","text":"b"}]}}`, 42043},
		"54 submit key long":      {vote, `{"submit_button":{"text":"x","key":"` + long + `"}}`, 42046},
		"50 menu without task_id": {noticeMenuJSON, `{"task_id":null}`, 42014},
	} {
		w := newWorld(t)
		r := w.card(edited(t, c.card, c.change))
		if r.code() != c.code {
			t.Errorf("%s: errcode %d, want %d", name, r.code(), c.code)
		}
		if n := len(w.Messages("mayun")); (n == 1) != (c.code == 0) {
			t.Errorf("%s: %d messages shown", name, n)
		}
	}
}

func TestFieldsOfOtherTypesAreNotShown(t *testing.T) {
	w := newWorld(t)
	w.card(edited(t, voteJSON("t", 0), `{"horizontal_content_list":[{"keyname":"k"}],"button_list":[{"text":"x","key":"k"}],
		"card_action":{"type":1,"url":"https://a.example"},"sub_title_text":"s","replace_text":"灰"}`)).wants(0)
	m := w.shown("mayun", 1)[0]
	if c := m.Card; c.Horizontal != nil || c.Buttons != nil || c.Action != nil || c.SubTitle != "" || c.ReplaceText != "" || m.Disabled {
		t.Errorf("%+v", c)
	}
}

func TestRow55_ResponseCodeOnlyForCardsThatCallBack(t *testing.T) {
	w := newWorld(t)
	for i, c := range []struct {
		card string
		code bool
	}{{buttonJSON("b"), true}, {voteJSON("v", 0), true}, {multipleJSON("m"), true}, {noticeMenuJSON, true}, {noticeJSON, false}} {
		r := w.card(c.card).wants(0)
		if (r.text("response_code") != "") != c.code || r.text("msgid") == "" {
			t.Errorf("%d: %s", i, r.body)
		}
	}
	if r := w.text("你好").wants(0); r.text("response_code") != "" || r.text("msgid") == "" {
		t.Error(r.body)
	}
}

func TestRow56_TapReportsKeyTaskCodeAndChoices(t *testing.T) {
	w := newWorld(t)
	w.card(multipleJSON("m1")).wants(0)
	id := w.shown("mayun", 1)[0].ID
	for range 2 { // a card that was not updated can be tapped again
		if d, err := w.Tap("mayun", id, "go", map[string][]string{"who": {"e2"}}); err != nil || d.Err != "" {
			t.Fatal(d, err)
		}
	}
	heard := w.bot.heard()
	wantIn(t, heard[0], element("Event", "template_card_event"), element("EventKey", "go"), element("TaskId", "m1"),
		element("CardType", "multiple_interaction"), node("AgentID", "1000002"),
		"<SelectedItem>"+element("QuestionKey", "who")+"<OptionIds>"+element("OptionId", "e2")+"</OptionIds></SelectedItem>",
		"<SelectedItem>"+element("QuestionKey", "how")+"<OptionIds>"+element("OptionId", "call")+"</OptionIds></SelectedItem>")
	if strings.Contains(heard[0], "MsgId") {
		t.Error("an event has a MsgId")
	}
	if between(heard[0], "ResponseCode") == between(heard[1], "ResponseCode") || len(between(heard[0], "ResponseCode")) != 43 {
		t.Error("no fresh ResponseCode")
	}
	if m := w.shown("mayun", 1)[0]; m.Tapped != "go" || m.Selected["who"][0] != "e2" || m.Selected["how"][0] != "call" {
		t.Errorf("%+v", m)
	}
}

func between(xml, name string) string {
	_, rest, _ := strings.Cut(xml, "<"+name+"><![CDATA[")
	value, _, _ := strings.Cut(rest, "]]>")
	return value
}

func TestRow56_WhatAPhoneDoesNotLetOneDo(t *testing.T) {
	w := newWorld(t)
	w.card(multipleJSON("m")).wants(0)
	w.card(voteJSON("one", 0)).wants(0)
	w.card(voteJSON("many", 1)).wants(0)
	w.card(buttonJSON("b")).wants(0)
	recall := w.card(buttonJSON("r")).wants(0).text("msgid")
	w.post("message/recall", `{"msgid":"`+recall+`"}`).wants(0)
	got := w.shown("mayun", 5)
	multi, one, many, button, recalled := got[0].ID, got[1].ID, got[2].ID, got[3].ID, got[4].ID
	for name, c := range map[string]struct {
		id, key  string
		selected map[string][]string
		want     error
	}{
		"unknown message":   {"a0", "go", nil, ErrNoCard},
		"unknown key":       {multi, "stop", nil, ErrNoKey},
		"URL button":        {button, "", nil, ErrNoKey},
		"unknown question":  {multi, "go", map[string][]string{"x": {"e1"}}, ErrChoice},
		"unknown option":    {multi, "go", map[string][]string{"who": {"e9"}}, ErrChoice},
		"two of a select":   {multi, "go", map[string][]string{"who": {"e1", "e2"}}, ErrChoice},
		"none of a select":  {multi, "go", map[string][]string{"who": {}}, ErrChoice},
		"two of a single":   {one, "vote", map[string][]string{"q1": {"a", "b"}}, ErrChoice},
		"nothing ticked":    {many, "vote", map[string][]string{"q1": {}}, ErrChoice},
		"the same twice":    {many, "vote", map[string][]string{"q1": {"a", "a"}}, ErrChoice},
		"a recalled card":   {recalled, "yes", nil, ErrRecalled},
		"choice on buttons": {button, "yes", map[string][]string{"q": {"a"}}, ErrChoice},
	} {
		if d, err := w.Tap("mayun", c.id, c.key, c.selected); !errors.Is(err, c.want) || d.Attempts != 0 {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if heard := w.bot.heard(); len(heard) != 0 {
		t.Errorf("reported all the same: %q", heard)
	}
	if _, err := w.Tap("mayun", many, "vote", map[string][]string{"q1": {"c", "a"}}); err != nil {
		t.Error(err)
	}
	wantIn(t, w.bot.heard()[0], element("OptionId", "a")+element("OptionId", "c"))
}

func TestRow56_EmptyVoteIsASwitch(t *testing.T) {
	w := newWorld(t, rules(Rules{EmptyVoteAllowed: true}))
	w.card(voteJSON("many", 1)).wants(0)
	if _, err := w.Tap("mayun", w.shown("mayun", 1)[0].ID, "vote", map[string][]string{"q1": {}}); err != nil {
		t.Error(err)
	}
}

func TestRow56_DropDownGoesWithTheButton(t *testing.T) {
	w := newWorld(t)
	r := w.card(edited(t, buttonJSON("b"), `{"button_selection":{"question_key":"prio","selected_id":"none","option_list":[{"id":"p1","text":"高"},{"id":"p2","text":"低"}]}}`)).wants(0)
	if _, err := w.Tap("mayun", r.text("msgid"), "yes", nil); err != nil { // WeCom's msgid names the card as well
		t.Fatal(err)
	}
	wantIn(t, w.bot.heard()[0], element("QuestionKey", "prio"), element("OptionId", "p1")) // wrong selected_id: the first
}

func TestRow57_ActionMenu(t *testing.T) {
	w := newWorld(t)
	w.card(noticeMenuJSON).wants(0)
	if _, err := w.Tap("mayun", w.shown("mayun", 1)[0].ID, "mute", nil); err != nil {
		t.Fatal(err)
	}
	heard := w.bot.heard()[0]
	wantIn(t, heard, element("Event", "template_card_menu_event"), element("EventKey", "mute"), element("TaskId", "n1"), element("CardType", "text_notice"), "<ResponseCode>")
	if strings.Contains(heard, "SelectedItems") {
		t.Error("a menu event has SelectedItems")
	}
}

func (w *world) update(rest string) reply {
	w.t.Helper()
	return w.post("message/update_template_card", `{"agentid":1000002,`+rest+`}`)
}

func TestRow58_ResponseCodes(t *testing.T) {
	w := newWorld(t)
	code := w.card(buttonJSON("b")).wants(0).text("response_code")
	grey := `"atall":1,"button":{"replace_name":"好了"},"response_code":"`
	w.update(grey + `nonsense"`).wants(60140)
	w.update(`"atall":1,"button":{"replace_name":"x"}`).wants(40063)
	w.post("message/update_template_card", `{"agentid":1000009,`+grey+code+`"}`).wants(42015)
	w.post("message/update_template_card", `{"agentid":77,`+grey+code+`"}`).wants(40056)
	w.update(`"atall":1,"response_code":"` + code + `"`).wants(40063)
	w.update(grey + code + `"`).wants(0)
	w.update(grey + code + `"`).wants(60140)

	late := w.card(buttonJSON("late")).wants(0).text("response_code")
	w.pass(72*time.Hour - time.Second)
	w.token = w.get("gettoken?corpid=" + testCorp + "&corpsecret=" + testSecret).text("access_token")
	inTime := w.card(buttonJSON("in-time")).wants(0).text("response_code")
	w.pass(time.Second)
	w.update(grey + late + `"`).wants(60140)
	w.update(grey + inTime + `"`).wants(0)

	w = newWorld(t, rules(Rules{ReusedCode42022: true}))
	code = w.card(buttonJSON("b")).wants(0).text("response_code")
	w.update(grey + code + `"`).wants(0)
	w.update(grey + code + `"`).wants(42022)
}

func TestRow58_ACodeOfTheTap(t *testing.T) {
	for _, uses := range []bool{false, true} {
		w := newWorld(t, rules(Rules{PassiveUsesCode: uses}))
		w.card(buttonJSON("b")).wants(0)
		w.bot.replies("MaYun", element("MsgType", "update_button")+"<Button>"+element("ReplaceName", "稍等")+"</Button>")
		if _, err := w.Tap("mayun", w.shown("mayun", 1)[0].ID, "yes", nil); err != nil {
			t.Fatal(err)
		}
		want := 0
		if uses {
			want = 60140
		}
		w.update(`"userids":["mayun"],"response_code":"` + between(w.bot.heard()[0], "ResponseCode") + `","template_card":` + noticeJSON).wants(want)
		if m := w.shown("mayun", 1)[0]; (m.Card.CardType == "text_notice") == uses {
			t.Errorf("%+v", m.Card)
		}
	}
}

func TestRow59_ButtonUpdateOfANotice(t *testing.T) {
	w := newWorld(t)
	code := w.card(noticeMenuJSON).wants(0).text("response_code")
	w.update(`"atall":1,"button":{"replace_name":"x"},"response_code":"` + code + `"`).wants(40058)
	if m := w.shown("mayun", 1)[0]; m.Disabled {
		t.Error("greyed all the same")
	}
	w.update(`"atall":1,"template_card":` + noticeJSON + `,"response_code":"` + code + `"`).wants(0) // a refusal does not use up the code
}

func TestRow60_UpdateNamesThoseWhoNeverGotTheCard(t *testing.T) {
	w := newWorld(t)
	send := func(task string) string {
		return w.post("message/send", `{"touser":"mayun|wang","msgtype":"template_card","agentid":1000002,"template_card":`+buttonJSON(task)+`}`).wants(0).text("response_code")
	}
	code := send("b")
	w.update(`"button":{"replace_name":"x"},"response_code":"` + code + `"`).wants(82101)
	w.update(`"userids":["LI"],"button":{"replace_name":"x"},"response_code":"` + code + `"`).wants(82102)
	r := w.update(`"userids":["WANG","LI","Nobody"],"button":{"replace_name":"x"},"response_code":"` + code + `"`).wants(0)
	if list, _ := r.fields["invaliduser"].([]any); len(list) != 2 || list[0] != "li" || list[1] != "nobody" {
		t.Error(r.body)
	}
	if w.shown("mayun", 1)[0].Disabled || !w.shown("wang", 1)[0].Disabled {
		t.Error("the wrong phone was updated")
	}
	w.update(`"partyids":[3],"button":{"replace_name":"x"},"response_code":"` + send("c") + `"`).wants(0)
	if w.shown("mayun", 2)[1].Disabled || !w.shown("wang", 2)[1].Disabled {
		t.Error("the wrong phone was updated by department")
	}
}

func TestRow61_GreyCardsGiveNoEvent(t *testing.T) {
	w := newWorld(t)
	for i, change := range []string{`"button":{"replace_name":"好了"}`, `"template_card":` + edited(t, voteJSON("x", 0), `{"replace_text":"好了","submit_button":null}`)} {
		r := w.card(buttonJSON(fmt.Sprint("b", i))).wants(0)
		w.update(`"atall":1,` + change + `,"response_code":"` + r.text("response_code") + `"`).wants(0)
		m := w.shown("mayun", i+1)[i]
		if !m.Disabled || m.ReplaceText != "好了" || m.Card.TaskID != fmt.Sprint("b", i) {
			t.Errorf("%+v", m)
		}
		if _, err := w.Tap("mayun", m.ID, "yes", nil); !errors.Is(err, ErrGrey) {
			t.Errorf("tapped: %v", err)
		}
	}
	if len(w.bot.heard()) != 0 {
		t.Error("an event all the same")
	}
}

func TestRow62_Recall(t *testing.T) {
	w := newWorld(t)
	id := w.post("message/send", `{"touser":"mayun|wang","msgtype":"text","agentid":1000002,"text":{"content":"错了"}}`).text("msgid")
	w.post("message/recall", `{}`).wants(40063)
	w.post("message/recall", `{"msgid":"other"}`).wants(40058)
	w.post("message/recall", `{"msgid":"`+id+`"}`).wants(0)
	if !w.shown("mayun", 1)[0].Recalled || !w.shown("wang", 1)[0].Recalled {
		t.Error("not recalled on every phone")
	}
	late := w.text("旧的").text("msgid")
	w.pass(24 * time.Hour)
	w.token = w.get("gettoken?corpid=" + testCorp + "&corpsecret=" + testSecret).text("access_token")
	w.post("message/recall", `{"msgid":"`+late+`"}`).wants(42052)
	if w.shown("mayun", 2)[1].Recalled {
		t.Error("recalled after 24 hours")
	}
}
