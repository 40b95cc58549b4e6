package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const anyDaughter = `{"chat_type":"single","external_userid":["%s"],"sender":"mayun","text":{"content":"母亲这个月都好,有空打个电话"}}`

// mass asks MaYun to write to the child, who is her contact.
func (w *world) mass(child string) string {
	w.t.Helper()
	r := w.post("externalcontact/add_msg_template", fmt.Sprintf(anyDaughter, w.ExternalID(child))).wants(0)
	if !strings.HasPrefix(r.text("msgid"), "msg") {
		w.t.Fatal(r.body)
	}
	return r.text("msgid")
}

// result wants the only line of get_groupmsg_send_result.
func (w *world) result(msgid string, status int, sent time.Time) {
	w.t.Helper()
	r := w.post("externalcontact/get_groupmsg_send_result", `{"msgid":"`+msgid+`","userid":"mayun"}`).wants(0)
	lines := r.fields["send_list"].([]any)
	line := lines[0].(map[string]any)
	at, told := line["send_time"]
	if len(lines) != 1 || line["status"] != float64(status) || line["external_userid"] != w.ExternalID("child") ||
		told == sent.IsZero() || told && at != float64(sent.Unix()) {
		w.t.Errorf("want status %d: %s", status, r.body)
	}
}

func TestE8_OnlyTheTapDelivers(t *testing.T) {
	w := newWorld(t)
	w.befriend()
	id := w.mass("child")
	w.pass(30 * 24 * time.Hour) // for ever, if nobody taps
	w.token = w.get("gettoken?corpid=" + testCorp + "&corpsecret=" + testSecret).text("access_token")
	w.shown("child", 0)
	w.result(id, massWaits, time.Time{})
	tasks := w.MassTasks("MAYUN")
	if len(tasks) != 1 || tasks[0].MsgID != id || tasks[0].Sent || !strings.HasPrefix(tasks[0].Text, "母亲") || tasks[0].Children[0] != "child" {
		t.Fatalf("%+v", tasks)
	}
	if got := w.shown("mayun", 1)[0]; got.Type != "notice" || got.MsgID != id {
		t.Errorf("the member is told of the task: %+v", got)
	}
	if w.ConfirmMass("wang", id) == nil || w.ConfirmMass("mayun", "other") == nil {
		t.Error("another's task, or none")
	}
	w.shown("child", 0)
	if err := w.ConfirmMass("mayun", id); err != nil {
		t.Fatal(err)
	}
	if got := w.shown("child", 1)[0]; got.From != "MaYun" || !strings.HasPrefix(got.Text, "母亲") {
		t.Errorf("%+v", got)
	}
	if w.ConfirmMass("mayun", id) == nil {
		t.Error("sent twice")
	}
	w.shown("child", 1)
	w.contactEvents(1) // nobody tells the bot that it was sent
	if tasks := w.MassTasks("mayun"); !tasks[0].Sent || w.MassTasks("wang") != nil {
		t.Errorf("%+v", tasks)
	}
}

func TestE9_WhoMayBeWrittenTo(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Members = append(o.Members, Member{UserID: "son", Kind: "wechat"}) })
	child, son := w.befriend().ExternalUserID, w.ExternalID("son")
	post := func(body string) reply { return w.post("externalcontact/add_msg_template", body) }
	text := `"text":{"content":"好"}}`
	post(fmt.Sprintf(`{"external_userid":["%s"],"sender":"mayun",%s`, son, text)).wants(41048)
	post(fmt.Sprintf(`{"external_userid":["%s"],"sender":"wang",%s`, child, text)).wants(41048)
	post(fmt.Sprintf(`{"external_userid":["%s"],"sender":"hidden",%s`, child, text)).wants(41048)
	post(fmt.Sprintf(`{"external_userid":["%s"],"sender":"nobody",%s`, child, text)).wants(41048)
	post(`{"sender":"wang",` + text).wants(41048)
	post(`{` + text).wants(40058)
	post(`{"chat_type":"group","sender":"mayun",` + text).wants(41048)
	post(`{"chat_type":"all","sender":"mayun",` + text).wants(40058)
	w.shown("wang", 0)
	r := post(fmt.Sprintf(`{"external_userid":["%s","%s","wmother"],"sender":"mayun",%s`, child, son, text)).wants(0)
	wantIn(t, r.body, `"fail_list":["`+son+`","wmother"]`)
	wantIn(t, post(`{"sender":"mayun","tag_filter":{"group_list":null},`+text).wants(0).body, `"fail_list":[]`)
	if got := w.MassTasks("mayun"); len(got) != 2 || len(got[0].Children) != 1 || len(got[1].Children) != 1 {
		t.Errorf("%+v", got)
	}
}

// Without a sender the task goes to whoever had to do with the child last.
func TestE9_WithoutSender(t *testing.T) {
	w := newWorld(t, external(External{Tags: map[string]string{"a": "甲", "b": "乙"}}))
	child := w.befriend().ExternalUserID
	w.pass(30 * time.Minute)
	id := w.wayOf(`{"type":1,"scene":2,"user":["wang"]}`).wants(0).text("config_id")
	w.delivered(w.AddContact("child", id), 1)
	ask := func(filter string) reply {
		return w.post("externalcontact/add_msg_template", `{"external_userid":["`+child+`"],`+filter+`"text":{"content":"好"}}`)
	}
	ask("").wants(0)
	w.pass(30 * time.Minute)
	w.silent(w.Talk("child", "mayun"))
	ask("").wants(0)
	if len(w.MassTasks("wang")) != 1 || len(w.MassTasks("mayun")) != 1 {
		t.Errorf("%+v %+v", w.MassTasks("wang"), w.MassTasks("mayun"))
	}
	ask(`"tag_filter":{"group_list":[{"tag_list":["a"]}]},`).wants(41048)
	w.post("externalcontact/mark_tag", `{"userid":"mayun","external_userid":"`+child+`","add_tag":["a"]}`).wants(0)
	ask(`"tag_filter":{"group_list":[{"tag_list":["a","b"]}]},`).wants(0)
	ask(`"tag_filter":{"group_list":[{"tag_list":["a"]},{"tag_list":["b"]}]},`).wants(41048)
}

func TestE10_Cap(t *testing.T) {
	for _, c := range []struct {
		limit string
		most  int
		again time.Duration // from the morning of Wednesday, 2026-03-11, to the next period
	}{{"", 31, 21 * 24 * time.Hour}, {"week", 7, 5 * 24 * time.Hour}, {"day", 1, 24 * time.Hour}} {
		w := newWorld(t, external(External{MassCap: c.limit}))
		w.befriend()
		if err := w.PersonalMass("mayun", "child", "端午安康"); err != nil { // counts like the corp's
			t.Fatal(err)
		}
		for range c.most - 1 {
			if err := w.ConfirmMass("mayun", w.mass("child")); err != nil {
				t.Fatal(err)
			}
		}
		w.shown("child", c.most)
		full := w.mass("child")
		if err := w.ConfirmMass("mayun", full); err != nil {
			t.Fatal(err)
		}
		if w.PersonalMass("mayun", "child", "x") == nil {
			t.Error("a personal one beyond the cap")
		}
		w.shown("child", c.most)
		w.pass(dispatchFor)
		w.result(full, massFull, time.Time{})
		w.pass(c.again - dispatchFor - 10*time.Hour)
		if w.PersonalMass("mayun", "child", "x") == nil {
			t.Errorf("%q: the period is not over", c.limit)
		}
		w.pass(10 * time.Hour)
		if err := w.PersonalMass("mayun", "child", "x"); err != nil {
			t.Errorf("%q: %v", c.limit, err)
		}
		w.shown("child", c.most+1)
	}
	if _, days := massPeriod(time.Date(2028, 2, 10, 0, 0, 0, 0, china), ""); days != 29 {
		t.Error("a leap year's February")
	}
}

func TestE11_NoFriendAnyMore(t *testing.T) {
	w := newWorld(t)
	w.befriend()
	id := w.mass("child")
	w.delivered(w.DropContact("child", "mayun"), 1)
	later := w.mass("child") // accepted all the same: the one-way relation remains
	for _, id := range []string{id, later} {
		if err := w.ConfirmMass("mayun", id); err != nil {
			t.Fatal(err)
		}
	}
	w.pass(dispatchFor)
	w.result(id, massStranger, time.Time{})
	w.result(later, massStranger, time.Time{})
	w.shown("child", 0)
	if w.PersonalMass("mayun", "child", "x") == nil {
		t.Error("to a stranger")
	}
}

func TestE12_WhatAParcelMayHold(t *testing.T) {
	w := newWorld(t)
	child := w.befriend().ExternalUserID
	pic := w.upload("image", "qr.jpg", drawings()[0].jpeg).wants(0).text("media_id")
	link := `{"msgtype":"link","link":{"title":"走访情况","url":"https://example.gov.cn/j"}}`
	links := func(n int) string { return strings.TrimSuffix(strings.Repeat(link+",", n), ",") }
	for rest, code := range map[string]int{
		`"text":{"content":"` + strings.Repeat("a", maxParcelText) + `"}`:     0,
		`"text":{"content":"` + strings.Repeat("a", maxParcelText+1) + `"}`:   40058,
		`"text":{"content":"` + strings.Repeat("汉", maxParcelText/3+1) + `"}`: 40058, // bytes
		`"text":{"content":""}`:                                                          40058,
		`"attachments":[` + links(9) + `]`:                                               0,
		`"attachments":[` + links(10) + `]`:                                              41064,
		`"attachments":[{"msgtype":"poem"}]`:                                             41065,
		`"attachments":[{"msgtype":"link"}]`:                                             40058,
		`"attachments":[{"msgtype":"link","image":{"media_id":"` + pic + `"}}]`:          40058,
		`"attachments":[{"msgtype":"link","link":{"title":"x","url":"example.gov.cn"}}]`: 40058,
		`"attachments":[{"msgtype":"link","link":{"title":"` + strings.Repeat("t", 129) + `","url":"https://x.cn"}}]`: 40058,
		`"attachments":[{"msgtype":"image","image":{"media_id":"` + pic + `"},"link":{"title":"","url":""}}]`:         0, // as an SDK sends it
		`"attachments":[{"msgtype":"image","image":{"pic_url":"https://example.gov.cn/a.png"}}]`:                      0,
		`"attachments":[{"msgtype":"image"}]`:                                                                                        40058,
		`"attachments":[{"msgtype":"image","image":{"media_id":"gone"}}]`:                                                            40007,
		`"attachments":[{"msgtype":"video","video":{"media_id":"` + pic + `"}}]`:                                                     40007,
		`"attachments":[{"msgtype":"file"}]`:                                                                                         40058,
		`"attachments":[{"msgtype":"miniprogram","miniprogram":{"title":"t"}}]`:                                                      40058,
		`"attachments":[{"msgtype":"miniprogram","miniprogram":{"title":"t","appid":"wx","page":"p","pic_media_id":"x"}}]`:           40007,
		`"attachments":[{"msgtype":"miniprogram","miniprogram":{"title":"t","appid":"wx","page":"p","pic_media_id":"` + pic + `"}}]`: 0,
	} {
		if r := w.post("externalcontact/add_msg_template", `{"external_userid":["`+child+`"],"sender":"mayun",`+rest+`}`); r.code() != code {
			t.Errorf("%.90s: %s, want %d", rest, r.body, code)
		}
	}
}

func TestE13_RemindAndCancel(t *testing.T) {
	w := newWorld(t)
	w.befriend()
	id := w.mass("child")
	body := `{"msgid":"` + id + `"}`
	for range maxReminds {
		w.post("externalcontact/remind_groupmsg_send", body).wants(0)
	}
	w.post("externalcontact/remind_groupmsg_send", body).wants(41094)
	w.shown("mayun", 1+maxReminds)
	w.pass(24 * time.Hour)
	w.token = w.get("gettoken?corpid=" + testCorp + "&corpsecret=" + testSecret).text("access_token")
	w.post("externalcontact/remind_groupmsg_send", body).wants(0)
	w.post("externalcontact/cancel_groupmsg_send", body).wants(0)
	w.post("externalcontact/cancel_groupmsg_send", body).wants(41093)
	w.post("externalcontact/remind_groupmsg_send", body).wants(41093)
	if w.ConfirmMass("mayun", id) == nil || !w.MassTasks("mayun")[0].Cancelled {
		t.Error("sent although cancelled")
	}
	w.shown("child", 0)
	w.shown("mayun", 2+maxReminds)
	sent := w.mass("child")
	if err := w.ConfirmMass("mayun", sent); err != nil {
		t.Fatal(err)
	}
	w.post("externalcontact/cancel_groupmsg_send", `{"msgid":"`+sent+`"}`).wants(0)
	w.shown("child", 1) // nothing is recalled
	w.post("externalcontact/cancel_groupmsg_send", `{}`).wants(41046)
	w.post("externalcontact/remind_groupmsg_send", `{"msgid":"other"}`).wants(41047)
}

func TestE14_StillDispatching(t *testing.T) {
	w := newWorld(t)
	w.befriend()
	id := w.mass("child")
	for _, path := range []string{"get_groupmsg_task", "get_groupmsg_send_result"} {
		w.post("externalcontact/"+path, `{"msgid":"`+id+`","userid":"mayun"}`).wants(41063)
	}
	w.pass(dispatchFor)
	for _, path := range []string{"get_groupmsg_task", "get_groupmsg_send_result"} {
		w.post("externalcontact/"+path, `{"msgid":"`+id+`","userid":"mayun"}`).wants(0)
		w.post("externalcontact/"+path, `{"userid":"mayun"}`).wants(41046)
		w.post("externalcontact/"+path, `{"msgid":"other","userid":"mayun"}`).wants(41047)
	}
	w.post("externalcontact/get_groupmsg_send_result", `{"msgid":"`+id+`"}`).wants(41009)
	w.post("externalcontact/get_groupmsg_send_result", `{"msgid":"`+id+`","userid":"wang"}`).wants(60111)
}

func TestE15_Statuses(t *testing.T) {
	w := newWorld(t)
	w.befriend()
	id := w.mass("child")
	w.pass(dispatchFor)
	task := func() string { return w.post("externalcontact/get_groupmsg_task", `{"msgid":"`+id+`"}`).wants(0).body }
	wantIn(t, task(), `"task_list":[{"userid":"MaYun","status":0}]`)
	w.result(id, massWaits, time.Time{})
	if err := w.ConfirmMass("mayun", id); err != nil {
		t.Fatal(err)
	}
	sent := morning.Add(dispatchFor)
	w.pass(time.Hour)
	wantIn(t, task(), fmt.Sprintf(`"task_list":[{"userid":"MaYun","status":2,"send_time":%d}]`, sent.Unix()))
	w.result(id, massSent, sent)
}

func TestPagesOfAList(t *testing.T) {
	all := []int{1, 2, 3}
	part, next, err := page(all, "", 2, 100, 1000)
	if err != nil || len(part) != 2 || next != "2" {
		t.Fatal(part, next, err)
	}
	if part, next, err = page(all, next, 2, 100, 1000); err != nil || len(part) != 1 || part[0] != 3 || next != "" {
		t.Error(part, next, err)
	}
	for _, bad := range []string{"x", "-1", "4"} {
		if _, _, err := page(all, bad, 2, 100, 1000); err == nil {
			t.Errorf("cursor %q", bad)
		}
	}
}
