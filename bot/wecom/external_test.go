package wecom

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The ids are invented: contacts of members have such, and no names.
const contact = "wmTEST7invented"

func (f *fake) last() (api, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.seen[len(f.seen)-1]
	_, api, _ = strings.Cut(r.URL.Path, "/cgi-bin/")
	return r.Method + " " + api, f.bodies[len(f.bodies)-1]
}

func TestContactWay(t *testing.T) {
	f := newFake(t)
	c := newTestClient(t, f.URL, nil)
	f.says(apiContactWay, `{"errcode":0,"errmsg":"ok","config_id":"42b34949e138eb6e027c123cba77fAAA","qr_code":"http://p.qpic.cn/wwhead/duc2TvpEgSTPk74IwG7Bs"}`)
	id, qr, err := c.ContactWay(t.Context(), "zhangsan", "ABCDEFGHJK")
	if err != nil || id != "42b34949e138eb6e027c123cba77fAAA" || qr != "http://p.qpic.cn/wwhead/duc2TvpEgSTPk74IwG7Bs" {
		t.Fatalf("%q, %q, %v", id, qr, err)
	}
	// Nothing beside it: no conclusions, is_temp, party.
	api, body := f.last()
	if api != "POST externalcontact/add_contact_way" ||
		body != `{"type":1,"scene":2,"skip_verify":true,"state":"ABCDEFGHJK","user":["zhangsan"]}` {
		t.Errorf("%s %s", api, body)
	}
	before := f.calls()
	var limit *LimitError
	if _, _, err := c.ContactWay(t.Context(), "zhangsan", strings.Repeat("卡", 31)); !errors.As(err, &limit) {
		t.Errorf("31 characters: %v", err)
	}
	for _, userid := range []string{"", "a|b", "@all"} {
		if _, _, err := c.ContactWay(t.Context(), userid, "s"); !errors.As(err, &limit) {
			t.Errorf("%q: %v", userid, err)
		}
	}
	if f.calls() != before {
		t.Error("WeCom heard of a contact way that cannot be")
	}
	if _, _, err := c.ContactWay(t.Context(), "zhangsan", strings.Repeat("卡", 30)); err != nil {
		t.Error(err)
	}
	f.says(apiContactWay, `{"errcode":41054,"errmsg":"contact user not activated, hint: [1]"}`)
	if id, qr, err := c.ContactWay(t.Context(), "zhangsan", "s"); !hasCode(err, 41054) || id+qr != "" {
		t.Errorf("%v", err)
	}
}

func TestMassSend(t *testing.T) {
	f := newFake(t)
	c := newTestClient(t, f.URL, nil)
	f.says(apiMass, `{"errcode":0,"errmsg":"ok","fail_list":[],"msgid":"msgGCAAAXtWyujaWJHDDGi0mACAAAA"}`)
	id, err := c.MassSend(t.Context(), "zhangsan", contact, "您母亲本月走访 4 次,<都好>")
	if err != nil || id != "msgGCAAAXtWyujaWJHDDGi0mACAAAA" {
		t.Fatalf("%q, %v", id, err)
	}
	api, body := f.last()
	if api != "POST externalcontact/add_msg_template" || body != `{"chat_type":"single","external_userid":["wmTEST7invented"],`+
		`"sender":"zhangsan","allow_select":false,"text":{"content":"您母亲本月走访 4 次,<都好>"}}` {
		t.Errorf("%s %s", api, body)
	}
	for name, answer := range map[string]string{
		"in the list": `{"errcode":0,"errmsg":"ok","fail_list":["wmTEST7invented"],"msgid":"msgG"}`,
		"by code":     `{"errcode":41048,"errmsg":"no customer to send to wmTEST7invented"}`,
	} {
		f.says(apiMass, answer)
		id, err := c.MassSend(t.Context(), "zhangsan", contact, "a")
		if !errors.Is(err, ErrNobody) || !hasCode(err, 41048) || id != "" || Classify(err).Action != Drop {
			t.Errorf("%s: %q, %v", name, id, err)
		}
		if err != nil && strings.Contains(err.Error(), contact) {
			t.Errorf("names the contact: %v", err)
		}
	}
	f.says(apiMass, `{"errcode":0,"errmsg":"ok","fail_list":["wmANOTHER"],"msgid":"msgG"}`)
	if _, err := c.MassSend(t.Context(), "zhangsan", contact, "a"); err != nil {
		t.Errorf("another's trouble: %v", err)
	}
	f.says(apiMass, `{"errcode":-1,"errmsg":"system busy"}`)
	if _, err := c.MassSend(t.Context(), "zhangsan", contact, "a"); errors.Is(err, ErrNobody) || Classify(err).Action != Retry {
		t.Errorf("%v", err)
	}
	// What could go to all of a helper's contacts, or to the wrong helper's, does not go at all.
	before := f.calls()
	if _, err := c.MassSend(t.Context(), "zhangsan", "", "a"); !errors.Is(err, ErrNobody) {
		t.Errorf("%v", err)
	}
	for _, bad := range [][3]string{{"", contact, "a"}, {"zhangsan", contact, ""}, {"zhangsan", contact, strings.Repeat("字", 1334)}} {
		var limit *LimitError
		if _, err := c.MassSend(t.Context(), bad[0], bad[1], bad[2]); !errors.As(err, &limit) {
			t.Errorf("%.30q: %v", bad, err)
		}
	}
	if f.calls() != before {
		t.Error("WeCom heard of a message that cannot be sent")
	}
	f.says(apiMass, `{"errcode":0,"errmsg":"ok","msgid":"m"}`)
	if _, err := c.MassSend(t.Context(), "zhangsan", contact, strings.Repeat("字", 1333)); err != nil {
		t.Error(err)
	}
}

func TestMassTask(t *testing.T) {
	f := newFake(t)
	c := newTestClient(t, f.URL, nil)
	const api = "externalcontact/get_groupmsg_task"
	for name, w := range map[string]struct {
		answer string
		sent   bool
		at     time.Time
	}{
		"tapped":      {`{"errcode":0,"next_cursor":"","task_list":[{"userid":"zhangsan","status":2,"send_time":1552536375}]}`, true, time.Unix(1552536375, 0).UTC()},
		"waiting":     {`{"errcode":0,"task_list":[{"userid":"zhangsan","status":0}]}`, false, time.Time{}},
		"none":        {`{"errcode":0,"task_list":[]}`, false, time.Time{}},
		"dispatching": {`{"errcode":41063,"errmsg":"msg is dispatching"}`, false, time.Time{}},
	} {
		f.says(api, w.answer)
		sent, at, err := c.MassTask(t.Context(), "msgG")
		if err != nil || sent != w.sent || !at.Equal(w.at) || at.Location() != time.UTC {
			t.Errorf("%s: %t %s %v", name, sent, at, err)
		}
	}
	if got, body := f.last(); got != "POST "+api || body != `{"msgid":"msgG","limit":1}` {
		t.Errorf("%s %s", got, body)
	}
	f.says(api, `{"errcode":40058,"errmsg":"x"}`)
	if sent, _, err := c.MassTask(t.Context(), "msgG"); err == nil || sent {
		t.Errorf("%t, %v", sent, err)
	}
}

func TestMassResult(t *testing.T) {
	f := newFake(t)
	c := newTestClient(t, f.URL, nil)
	const api = "externalcontact/get_groupmsg_send_result"
	row := func(status string) string {
		return `{"errcode":0,"errmsg":"ok","next_cursor":"","send_list":[{"external_userid":"wmTEST7invented","userid":"zhangsan","status":` + status + `,"send_time":1552536375}]}`
	}
	for name, w := range map[string]struct {
		answer string
		status int
	}{
		"unsent": {row("0"), MassUnsent}, "sent": {row("1"), MassSent}, "no friend": {row("2"), MassNoFriend}, "cap": {row("3"), MassCapped},
		"new": {row("4"), 4}, "none": {`{"errcode":0,"send_list":[]}`, MassUnsent}, "dispatching": {`{"errcode":41063}`, MassUnsent},
	} {
		f.says(api, w.answer)
		if status, err := c.MassResult(t.Context(), "msgG", "zhangsan"); err != nil || status != w.status {
			t.Errorf("%s: %d, %v", name, status, err)
		}
	}
	if got, body := f.last(); got != "POST "+api || body != `{"msgid":"msgG","userid":"zhangsan","limit":1}` {
		t.Errorf("%s %s", got, body)
	}
	f.says(api, `{"errcode":40058,"errmsg":"x"}`)
	if _, err := c.MassResult(t.Context(), "msgG", "zhangsan"); err == nil {
		t.Error("no error")
	}
}

func TestRemindCancelWelcome(t *testing.T) {
	f := newFake(t)
	c := newTestClient(t, f.URL, nil)
	for _, w := range []struct {
		do        func() error
		api, body string
	}{
		{func() error { return c.RemindMass(t.Context(), "msgG") }, "externalcontact/remind_groupmsg_send", `{"msgid":"msgG"}`},
		{func() error { return c.CancelMass(t.Context(), "msgG") }, "externalcontact/cancel_groupmsg_send", `{"msgid":"msgG"}`},
		{func() error { return c.Welcome(t.Context(), "CODE", "您好") }, "externalcontact/send_welcome_msg",
			`{"welcome_code":"CODE","text":{"content":"您好"}}`},
	} {
		if err := w.do(); err != nil {
			t.Errorf("%s: %v", w.api, err)
		}
		if api, body := f.last(); api != "POST "+w.api || body != w.body {
			t.Errorf("%s %s", api, body)
		}
		f.says(w.api, `{"errcode":41050,"errmsg":"x CODE msgG"}`)
		err := w.do()
		if !hasCode(err, 41050) || strings.Contains(err.Error(), "CODE") || strings.Contains(err.Error(), "msgG") {
			t.Errorf("%s: %v", w.api, err)
		}
	}
	before := f.calls()
	for _, text := range []string{"", strings.Repeat("a", 4001)} {
		if err := c.Welcome(t.Context(), "CODE", text); err == nil {
			t.Error("passed")
		}
	}
	if f.calls() != before {
		t.Error("a code was spent on a text that cannot be sent")
	}
}

// Whatever breaks, errors hold neither secret nor token, contact, code or text.
func TestExternalErrorsQuoteNothing(t *testing.T) {
	f := newFake(t)
	c := newTestClient(t, f.URL, nil)
	all := func() (errs []error) {
		_, _, e1 := c.ContactWay(t.Context(), "zhangsan", "HANDLE")
		_, e2 := c.MassSend(t.Context(), "zhangsan", contact, "TEXT")
		_, _, e3 := c.MassTask(t.Context(), "MSGID")
		_, e4 := c.MassResult(t.Context(), "MSGID", "zhangsan")
		return []error{e1, e2, e3, e4, c.RemindMass(t.Context(), "MSGID"), c.CancelMass(t.Context(), "MSGID"),
			c.Welcome(t.Context(), "WELCOME", "TEXT")}
	}
	apis := []string{apiContactWay, apiMass, "externalcontact/get_groupmsg_task", "externalcontact/get_groupmsg_send_result",
		"externalcontact/remind_groupmsg_send", "externalcontact/cancel_groupmsg_send", "externalcontact/send_welcome_msg"}
	const echo = contact + " HANDLE TEXT MSGID WELCOME " + secret
	for _, answer := range []string{`{"errcode":40096,"errmsg":"` + echo + `"}`, `{"errcode":99999,"errmsg":"` + echo + `"}`, echo, "<html>" + echo, ""} {
		for _, api := range apis {
			f.on(api, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, answer) })
		}
		errs := all()
		for _, api := range apis {
			f.on(api, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, echo, http.StatusBadGateway) })
		}
		errs = append(errs, all()...)
		for _, api := range apis {
			f.on(api, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		}
		for i, err := range append(errs, all()...) {
			if err == nil {
				t.Errorf("%q: call %d: no error", answer, i)
				continue
			}
			for _, s := range []string{contact, "HANDLE", "TEXT", "MSGID", "WELCOME", secret, tokenPrefix, "access_token"} {
				if strings.Contains(err.Error(), s) {
					t.Errorf("quotes %s: %v", s, err)
				}
			}
		}
	}
}
