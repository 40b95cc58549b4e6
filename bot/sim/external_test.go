package sim

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"
)

// heardContact is a change_external_contact as the bot heard it.
type heardContact struct {
	Event, FromUserName, ChangeType, UserID, ExternalUserID, State, WelcomeCode, AgentID string
}

// contactEvents are all that the bot heard, so that one too many fails.
func (w *world) contactEvents(n int) []heardContact {
	w.t.Helper()
	var got []heardContact
	for _, plain := range w.bot.heard() {
		var e heardContact
		if err := xml.Unmarshal([]byte(plain), &e); err != nil {
			w.t.Fatal(err)
		}
		got = append(got, e)
	}
	if len(got) != n {
		w.t.Fatalf("%d events, want %d: %+v", len(got), n, got)
	}
	return got
}

func (w *world) wayOf(body string) reply {
	w.t.Helper()
	return w.post("externalcontact/add_contact_way", body)
}

// befriend makes the child a contact of MaYun's by a QR code, and gives the event.
func (w *world) befriend() heardContact {
	w.t.Helper()
	r := w.wayOf(`{"type":1,"scene":2,"state":"k7m2x9q4ab","user":["MaYun"]}`).wants(0)
	w.delivered(w.AddContact("child", r.text("config_id")), 1)
	events := w.bot.heard()
	var e heardContact
	if err := xml.Unmarshal([]byte(events[len(events)-1]), &e); err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *world) silent(d Delivery) {
	w.t.Helper()
	if d != (Delivery{}) {
		w.t.Fatalf("want no event and no error: %+v", d)
	}
}

func (w *world) impossible(d Delivery) {
	w.t.Helper()
	if d.Err == "" || d.Attempts != 0 {
		w.t.Fatalf("want an error and no event: %+v", d)
	}
}

func external(x External) func(*Options) { return func(o *Options) { o.External = x } }

func TestE1_ContactWay(t *testing.T) {
	many := make([]string, maxWayUsers+1)
	w := newWorld(t, external(External{Inactive: []string{"WANG"}, Unverified: []string{"li"}, Unpermitted: []string{"last"}}), func(o *Options) {
		o.Members = append(o.Members, Member{UserID: "last", Department: []int{1}})
		o.Departments = append(o.Departments, Department{ID: 9, ParentID: 1})
		for i := range many {
			o.Members = append(o.Members, Member{UserID: fmt.Sprint("m", i), Department: []int{9}})
		}
	})
	long := strings.Repeat("长", 31)
	for body, code := range map[string]int{
		`{"scene":2,"user":["mayun"]}`:                                         41037,
		`{"type":1,"user":["mayun"]}`:                                          41038,
		`{"type":3,"scene":2,"user":["mayun"]}`:                                41039,
		`{"type":1,"scene":3,"user":["mayun"]}`:                                41040,
		`{"type":1,"scene":2,"user":["mayun","m1"]}`:                           40058,
		`{"type":1,"scene":2,"user":["mayun"],"party":[2]}`:                    40058,
		`{"type":1,"scene":2}`:                                                 40058,
		`{"type":2,"scene":2,"party":[9]}`:                                     41041,
		`{"type":2,"scene":2,"party":[77]}`:                                    60003,
		`{"type":1,"scene":2,"user":["wang"]}`:                                 41054,
		`{"type":1,"scene":2,"user":["li"]}`:                                   40098,
		`{"type":1,"scene":2,"user":["last"]}`:                                 84074,
		`{"type":1,"scene":2,"user":["hidden"]}`:                               60011,
		`{"type":1,"scene":2,"user":["child"]}`:                                60111,
		`{"type":1,"scene":2,"user":["mayun"],"state":"` + long + `"}`:         40058,
		`{"type":1,"scene":2,"user":["mayun"],"remark":"` + long + `"}`:        40058,
		`{"type":1,"scene":2,"user":["mayun"],"state":"` + long[:30*3] + `"}`:  0,
		`{"type":1,"scene":2,"user":["mayun"],"remark":"` + long[:30*3] + `"}`: 0,
		`{"type":2,"scene":1,"user":["mayun"],"party":[3]}`:                    0,
		`not json`: 40058,
	} {
		if r := w.wayOf(body); r.code() != code {
			t.Errorf("%s: %s, want %d", body, r.body, code)
		}
	}
	button := w.wayOf(`{"type":1,"scene":1,"user":["mayun"]}`).wants(0)
	if button.text("config_id") == "" || strings.Contains(button.body, "qr_code") {
		t.Error(button.body) // a picture is for scene 2 only
	}
	w.contactEvents(0)
}

func TestE1_ContactWayIsReadChangedListedAndDeleted(t *testing.T) {
	w := newWorld(t)
	made := w.wayOf(`{"type":1,"scene":2,"state":"a","remark":"子女","user":["MaYun"]}`).wants(0)
	id := made.text("config_id")
	body := func(rest string) string { return `{"config_id":"` + id + `"` + rest + `}` }
	got := w.post("externalcontact/get_contact_way", body("")).wants(0)
	wantIn(t, got.body, `"config_id":"`+id, `"skip_verify":true`, `"state":"a"`, `"user":["MaYun"]`, `"qr_code":"https://`) // true unless said
	w.post("externalcontact/update_contact_way", body(`,"state":"b","skip_verify":false,"type":2`)).wants(0)
	got = w.post("externalcontact/get_contact_way", body("")).wants(0)
	wantIn(t, got.body, `"skip_verify":false`, `"state":"b"`, `"remark":"子女"`, `"type":1`, made.text("qr_code"))
	w.post("externalcontact/update_contact_way", body(`,"user":["nobody"]`)).wants(60111)
	wantIn(t, w.post("externalcontact/get_contact_way", body("")).wants(0).body, `"user":["MaYun"]`)
	wantIn(t, w.post("externalcontact/list_contact_way", `{}`).wants(0).body, `"contact_way":[{"config_id":"`+id+`"}]`)
	wantIn(t, w.post("externalcontact/list_contact_way", fmt.Sprintf(`{"start_time":%d}`, morning.Unix()+1)).wants(0).body, `"contact_way":[]`)
	w.post("externalcontact/list_contact_way", `{"limit":1001}`).wants(40058)
	w.post("externalcontact/del_contact_way", body("")).wants(0)
	w.post("externalcontact/get_contact_way", body("")).wants(41044)
	w.post("externalcontact/get_contact_way", `{}`).wants(41043)
	w.impossible(w.AddContact("child", id))
	w.impossible(w.AddContact("child", made.text("qr_code")))
	w.impossible(w.AddContact("child", ""))
	w.contactEvents(0)
}

func TestE2_TemporaryChatsAreForHospitals(t *testing.T) {
	temp := `{"type":1,"scene":2,"user":["mayun"],"is_temp":true}`
	newWorld(t).wayOf(temp).wants(tempRefused)
	newWorld(t, external(External{Medical: true})).wayOf(temp).wants(0)
}

func TestE3_ScanningAddsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.befriend()
	e := w.contactEvents(1)[0]
	if e.Event != "change_external_contact" || e.ChangeType != "add_external_contact" || e.FromUserName != "sys" || e.UserID != "MaYun" ||
		e.ExternalUserID != w.ExternalID("CHILD") || e.State != "k7m2x9q4ab" || e.WelcomeCode == "" {
		t.Fatalf("%+v", e)
	}
	if !strings.HasPrefix(e.ExternalUserID, "wm") || len(e.ExternalUserID) != 32 || e.ExternalUserID == w.KfCustomerID("child") {
		t.Error(e.ExternalUserID)
	}
	greet := `{"welcome_code":"` + e.WelcomeCode + `","text":{"content":"您好,我是帮扶干部马云霞"},"attachments":[
		{"msgtype":"link","link":{"title":"联系卡","url":"https://example.gov.cn/j"},"image":{"media_id":""}}]}`
	w.pass(welcomeLife)
	w.post("externalcontact/send_welcome_msg", strings.Replace(greet, e.WelcomeCode, "", 1)).wants(41049)
	w.post("externalcontact/send_welcome_msg", strings.Replace(greet, e.WelcomeCode, "other", 1)).wants(41050)
	w.post("externalcontact/send_welcome_msg", `{"welcome_code":"`+e.WelcomeCode+`","text":{"content":""},"attachments":null}`).wants(40058)
	w.post("externalcontact/send_welcome_msg", greet).wants(0)
	w.post("externalcontact/send_welcome_msg", greet).wants(41051) // the first caller wins
	got := w.shown("child", 2)
	if got[0].From != "MaYun" || got[0].Text != "您好,我是帮扶干部马云霞" || got[1].Type != "link" || got[1].URL != "https://example.gov.cn/j" {
		t.Errorf("%+v", got)
	}
	again := w.wayOf(`{"type":1,"scene":2,"user":["mayun"]}`).wants(0)
	w.impossible(w.AddContact("child", again.text("qr_code"))) // friends already
	w.contactEvents(1)
	w.shown("mayun", 0)
}

func TestE3_WelcomeCodeEndsAfter20Seconds(t *testing.T) {
	w := newWorld(t)
	code := w.befriend().WelcomeCode
	w.pass(welcomeLife + time.Millisecond)
	w.post("externalcontact/send_welcome_msg", `{"welcome_code":"`+code+`","text":{"content":"迟了"}}`).wants(41050)
	w.shown("child", 0)
}

func TestE3_HalfAddThenAddedBack(t *testing.T) {
	w := newWorld(t, external(External{HalfAdd: true}))
	first := w.befriend()
	if first.ChangeType != "add_half_external_contact" || first.WelcomeCode == "" || first.State == "" {
		t.Fatalf("%+v", first)
	}
	w.delivered(w.Befriend("mayun", "child"), 1)
	second := w.contactEvents(2)[1]
	if second.ChangeType != "add_external_contact" || second.State != "k7m2x9q4ab" || second.WelcomeCode == "" || second.WelcomeCode == first.WelcomeCode {
		t.Errorf("%+v", second)
	}
	w.impossible(w.Befriend("mayun", "child"))
	w.post("externalcontact/send_welcome_msg", `{"welcome_code":"`+first.WelcomeCode+`","text":{"content":"一"}}`).wants(0)
	w.post("externalcontact/send_welcome_msg", `{"welcome_code":"`+second.WelcomeCode+`","text":{"content":"二"}}`).wants(41051)
	w.shown("child", 1)
}

func TestE3_WhoHasToAskWaits(t *testing.T) {
	w := newWorld(t)
	id := w.wayOf(`{"type":1,"scene":2,"state":"s","user":["MaYun"],"skip_verify":false}`).wants(0).text("config_id")
	w.silent(w.AddContact("child", id))
	w.contactEvents(0)
	w.get("externalcontact/get?external_userid=" + w.ExternalID("child")).wants(84061)
	w.delivered(w.Befriend("mayun", "child"), 1)
	if e := w.contactEvents(1)[0]; e.ChangeType != "add_external_contact" || e.State != "s" || e.WelcomeCode == "" {
		t.Errorf("%+v", e)
	}
}

func TestE3_SeveralMembersTakeTurns(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Members = append(o.Members, Member{UserID: "son", Kind: "wechat"}) })
	id := w.wayOf(`{"type":2,"scene":2,"user":["MaYun"],"party":[3]}`).wants(0).text("config_id")
	w.delivered(w.AddContact("child", id), 1)
	w.delivered(w.AddContact("son", id), 1)
	if got := w.contactEvents(2); got[0].UserID != "MaYun" || got[1].UserID != "wang" {
		t.Errorf("%+v", got)
	}
	w.impossible(w.AddContact("li", id)) // a member is no customer
	w.impossible(w.AddContact("nobody", id))
}

func TestE4_NoWelcomeCode(t *testing.T) {
	w := newWorld(t, external(External{Greeted: []string{"mayun"}}))
	if e := w.befriend(); e.ChangeType != "add_external_contact" || e.State == "" || e.WelcomeCode != "" {
		t.Errorf("a native welcome is configured: %+v", e)
	}
	w = newWorld(t, external(External{HalfAdd: true}))
	code := w.befriend().WelcomeCode
	w.silent(w.Talk("child", "mayun"))
	w.delivered(w.Befriend("mayun", "child"), 1)
	if e := w.contactEvents(2)[1]; e.WelcomeCode != "" {
		t.Errorf("they have begun to chat: %+v", e)
	}
	w.post("externalcontact/send_welcome_msg", `{"welcome_code":"`+code+`","text":{"content":"您好"}}`).wants(41051)
	w = newWorld(t, external(External{HalfAdd: true}))
	code = w.befriend().WelcomeCode
	w.post("externalcontact/send_welcome_msg", `{"welcome_code":"`+code+`","text":{"content":"您好"}}`).wants(0)
	w.delivered(w.Befriend("mayun", "child"), 1)
	if e := w.contactEvents(2)[1]; e.WelcomeCode != "" {
		t.Errorf("the code of the half-add was used: %+v", e)
	}
	w.shown("child", 1)
}

func TestE5_WhatRaisesAnEditEvent(t *testing.T) {
	w := newWorld(t, external(External{Tags: map[string]string{"et1": "已绑定"}}))
	id := w.befriend().ExternalUserID
	w.post("externalcontact/remark", `{"userid":"MaYun","external_userid":"`+id+`","remark":"王家女儿","remark_mobiles":["13900000001"]}`).wants(0)
	w.post("externalcontact/mark_tag", `{"userid":"MaYun","external_userid":"`+id+`","add_tag":["et1"]}`).wants(0)
	w.silent(w.EditContact("mayun", "child", "王家女儿", "13900000002"))
	w.contactEvents(1) // what the API changes, and a mobile alone, are not told
	wantIn(t, w.get("externalcontact/get?external_userid="+id).wants(0).body, `"remark_mobiles":["13900000002"]`)
	w.delivered(w.EditContact("mayun", "child", "王家大女儿"), 1)
	if e := w.contactEvents(2)[1]; e.ChangeType != "edit_external_contact" || e.State != "" || e.WelcomeCode != "" {
		t.Errorf("%+v", e)
	}
}

func TestE6_WhoDeletedWhom(t *testing.T) {
	w := newWorld(t)
	id := w.befriend().ExternalUserID
	ask := func() int { return w.get("externalcontact/get?external_userid=" + id).code() }
	w.delivered(w.DropContact("child", "mayun"), 1)
	if e := w.contactEvents(2)[1]; e.ChangeType != "del_follow_user" || e.UserID != "MaYun" || e.ExternalUserID != id {
		t.Errorf("%+v", e)
	}
	if ask() != 0 { // the trap: the one-way relation remains
		t.Error("after del_follow_user the API goes on answering")
	}
	w.get("externalcontact/list?userid=mayun").wants(0)
	w.impossible(w.DropContact("child", "mayun"))
	w.befriend() // the child scans again
	w.delivered(w.DeleteContact("mayun", "child"), 1)
	if e := w.contactEvents(4)[3]; e.ChangeType != "del_external_contact" {
		t.Errorf("%+v", e)
	}
	if ask() != 84061 {
		t.Error("after del_external_contact: want 84061")
	}
	w.get("externalcontact/list?userid=mayun").wants(84061)
	w.post("externalcontact/remark", `{"userid":"mayun","external_userid":"`+id+`","remark":"x"}`).wants(84061)
	w.impossible(w.DeleteContact("mayun", "child"))
	w.impossible(w.Talk("child", "mayun"))
	half := newWorld(t, external(External{HalfAdd: true}))
	half.get("externalcontact/get?external_userid=" + half.befriend().ExternalUserID).wants(84061)
}

func TestE7_Remark(t *testing.T) {
	w := newWorld(t)
	id := w.befriend().ExternalUserID
	remark := func(rest string) reply {
		return w.post("externalcontact/remark", `{"userid":"mayun","external_userid":"`+id+`"`+rest+`}`)
	}
	for rest, code := range map[string]int{
		``: 40058,
		`,"remark":"","description":"","remark_company":"","remark_mobiles":null,"remark_pic_mediaid":""`: 40058,
		`,"remark":"` + strings.Repeat("注", 21) + `"`:                                                     40058,
		`,"remark":"` + strings.Repeat("注", 20) + `"`:                                                     0,
		`,"description":"` + strings.Repeat("述", 151) + `"`:                                               40058,
		`,"description":"` + strings.Repeat("述", 150) + `"`:                                               0,
		`,"remark_company":"` + strings.Repeat("司", 21) + `"`:                                             40058,
		`,"remark_pic_mediaid":"none"`:                                                                    40007,
	} {
		if r := remark(rest); r.code() != code {
			t.Errorf("%s: %s, want %d", rest, r.body, code)
		}
	}
	mobiles := func(want string) {
		t.Helper()
		wantIn(t, w.get("externalcontact/get?external_userid="+id).wants(0).body, `"remark_mobiles":`+want, strings.Repeat("注", 20))
	}
	remark(`,"remark_mobiles":["13900000001","13900000002"]`).wants(0)
	mobiles(`["13900000001","13900000002"]`)
	remark(`,"remark_mobiles":["13900000003"]`).wants(0)
	mobiles(`["13900000003"]`)
	remark(`,"remark":"` + strings.Repeat("注", 20) + `","remark_mobiles":null`).wants(0)
	mobiles(`["13900000003"]`)
	remark(`,"remark_mobiles":[""]`).wants(0)
	mobiles(`[]`)
	for body, code := range map[string]int{
		`{"external_userid":"` + id + `","remark":"x"}`:                   41009,
		`{"userid":"mayun","remark":"x"}`:                                 41035,
		`{"userid":"nobody","external_userid":"` + id + `","remark":"x"}`: 60111,
		`{"userid":"hidden","external_userid":"` + id + `","remark":"x"}`: 40096,
		`{"userid":"mayun","external_userid":"wmother","remark":"x"}`:     40096,
		`{"userid":"wang","external_userid":"` + id + `","remark":"x"}`:   84061,
	} {
		if r := w.post("externalcontact/remark", body); r.code() != code {
			t.Errorf("%s: %s, want %d", body, r.body, code)
		}
	}
}

func TestContactTellsLittle(t *testing.T) {
	w := newWorld(t, external(External{Tags: map[string]string{"et1": "已绑定", "et2": "待核"}}))
	id := w.befriend().ExternalUserID
	tag := func(rest string) reply {
		return w.post("externalcontact/mark_tag", `{"userid":"mayun","external_userid":"`+id+`",`+rest+`}`)
	}
	tag(`"add_tag":["et1","et2"]`).wants(0)
	tag(`"remove_tag":["et2"]`).wants(0)
	tag(`"add_tag":["diagnosis"]`).wants(40068)
	tag(`"add_tag":[]`).wants(40058)
	r := w.get("externalcontact/get?external_userid=" + id).wants(0)
	wantIn(t, r.body, `"external_userid":"`+id+`","name":"女儿","type":1`, `"userid":"MaYun"`, `"state":"k7m2x9q4ab"`, `"add_way":1`,
		`"tags":[{"group_name":"","tag_name":"已绑定","type":1,"tag_id":"et1"}]`)
	for _, secret := range []string{"unionid", "139000", `"child"`, "待核"} {
		if strings.Contains(r.body, secret) {
			t.Errorf("%s is given away", secret)
		}
	}
	w.get("externalcontact/get").wants(41035)
	w.get("externalcontact/get?external_userid=wmother").wants(40096)
	w.SetVisible("mayun", false)
	w.get("externalcontact/get?external_userid=" + id).wants(40096)
	w.get("externalcontact/list?userid=mayun").wants(60011)
	w.get("externalcontact/list").wants(41009)
	w.get("externalcontact/list?userid=nobody").wants(60111)
	wantIn(t, w.get("externalcontact/get_follow_user_list").wants(0).body, `"follow_user":["wang","li"]`)
}

func TestContactsTheAppMayNotUse(t *testing.T) {
	w := newWorld(t, external(External{Unlisted: true}))
	w.wayOf(`{"type":1,"scene":2,"user":["mayun"]}`).wants(48002)
	w.get("externalcontact/list?userid=mayun").wants(48002)
	w = newWorld(t, external(External{Deaf: true}))
	id := w.wayOf(`{"type":1,"scene":2,"user":["mayun"]}`).wants(0).text("config_id")
	w.silent(w.AddContact("child", id))
	w.get("externalcontact/list?userid=mayun").wants(0)
	w.contactEvents(0)
}

func TestE16_SchoolMessages(t *testing.T) {
	newWorld(t).post("externalcontact/message/send", `{"to_parent_userid":["p"],"msgtype":"text","text":{"content":"x"}}`).wants(48002)
}

func TestClearOutside(t *testing.T) {
	w := newWorld(t)
	id := w.befriend().ExternalUserID
	w.SetPhone("13900000001", SwitchedOff)
	w.clearOutside()
	w.get("externalcontact/get?external_userid=" + id).wants(84061)
	if w.lines.set["13900000001"] != "" || len(w.book.ways) != 0 {
		t.Error("something is left")
	}
}
