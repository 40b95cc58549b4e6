package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// ring calls a member and gives the callid.
func (w *world) ring(userid string) string {
	w.t.Helper()
	r := w.post(callPath, `{"callee_userid":["`+userid+`"]}`).wants(0)
	state := r.fields["states"].([]any)[0].(map[string]any)
	id, _ := state["callid"].(string)
	if state["code"] != 0.0 || id == "" || state["userid"] != strings.ToLower(userid) {
		w.t.Fatal(r.body)
	}
	return id
}

// became wants what pstncc/getstates says of a call.
func (w *world) became(userid, callID string, talked, reason int) {
	w.t.Helper()
	r := w.post("pstncc/getstates", fmt.Sprintf(`{"callee_userid":%q,"callid":%q}`, userid, callID)).wants(0)
	if r.fields["istalked"] != float64(talked) || r.fields["reason"] != float64(reason) ||
		r.fields["calltime"] != float64(morning.Unix()) || (r.fields["talktime"] != 0.0) != (talked == 1) {
		w.t.Errorf("want talked %d, reason %d: %s", talked, reason, r.body)
	}
}

func TestCallIsTakenOrNot(t *testing.T) {
	w := newWorld(t)
	for _, end := range []struct {
		userid         string
		act            func(string) error
		talked, reason int
	}{{"mayun", w.Answer, 1, callEnded}, {"wang", w.Reject, 0, callRejected}, {"li", func(string) error { w.pass(ringFor); return nil }, 0, callTimeout}} {
		id := w.ring(end.userid)
		if end.userid == "mayun" {
			w.became("MaYun", id, 0, callRinging)
		}
		if err := end.act(end.userid); err != nil {
			t.Fatal(err)
		}
		w.became(end.userid, id, end.talked, end.reason)
		if w.Answer(end.userid) == nil || w.Reject(end.userid) == nil {
			t.Errorf("%s takes a call that is over", end.userid)
		}
		w.became(end.userid, id, end.talked, end.reason)
		w.shown(end.userid, 0) // a call is no message
	}
	if got := w.Calls("MAYUN"); len(got) != 1 || !got[0].Talked || got[0].UserID != "MaYun" {
		t.Errorf("%+v", got)
	}
	if w.Answer("nobody") == nil || w.Calls("nobody") != nil {
		t.Error("nobody has a phone")
	}
}

func TestCallAskedWrongly(t *testing.T) {
	w := newWorld(t)
	w.post(callPath, `{"callee_userid":"wang"}`).wants(40058)
	w.post(callPath, `{"callee_userid":[]}`).wants(40063)
	w.get(callPath).wants(40058)
	id := w.ring("wang")
	w.post("pstncc/getstates", `{"callee_userid":["wang"],"callid":"`+id+`"}`).wants(40058)
	w.post("pstncc/getstates", `{"callee_userid":"wang"}`).wants(40063)
	w.post("pstncc/getstates", `{"callee_userid":"wang","callid":"no"}`).wants(40058)
	w.post("pstncc/getstates", `{"callee_userid":"mayun","callid":"`+id+`"}`).wants(40058) // another's call
	w.pass(askFor + time.Second)
	w.token = w.get("gettoken?corpid=" + testCorp + "&corpsecret=" + testSecret).text("access_token")
	w.post("pstncc/getstates", `{"callee_userid":"wang","callid":"`+id+`"}`).wants(40058)

	r := w.post(callPath, `{"callee_userid":["nobody","HIDDEN","child","@group","li"]}`).wants(0)
	for i, s := range r.fields["states"].([]any) {
		if state := s.(map[string]any); (state["code"] == 0.0) != (i == 4) || (state["callid"] != "") != (i == 4) {
			t.Error(state)
		}
	}
}

// Reason 13 of path/91628: over 3 in 8 minutes, or 8 in 24 hours. Who was not rung up does not count.
func TestTooManyCalls(t *testing.T) {
	w := newWorld(t)
	made := func() (rang int) {
		w.ring("wang")
		calls := w.Calls("wang")
		if calls[len(calls)-1].Reason == callRinging {
			rang = 1
		}
		return rang
	}
	rang := 0
	for range 5 {
		rang += made()
	}
	if rang != 3 || len(w.Calls("wang")) != 5 {
		t.Errorf("%d of 5 rang within 8 minutes", rang)
	}
	w.ring("li") // another's phone is free
	for range 9 {
		w.pass(4 * time.Minute)
		rang += made()
	}
	if rang != 8 {
		t.Errorf("%d rang in a day", rang)
	}
	w.pass(24*time.Hour - 36*time.Minute)
	w.token = w.get("gettoken?corpid=" + testCorp + "&corpsecret=" + testSecret).text("access_token")
	if made() != 1 {
		t.Error("none rings the day after")
	}
}

func TestCallsNotEnabled(t *testing.T) {
	w := newWorld(t)
	for _, code := range []int{301049, 301050, 301051} {
		w.Faults().Set(FaultSet{VoiceErrCode: code})
		w.post(callPath, `{"callee_userid":["wang"]}`).wants(code)
		w.post(callPath, `{"callee_userid":["wang"]}`).wants(code)
		w.text("别的照发").wants(0)
	}
	if got := w.Calls("wang"); len(got) != 0 {
		t.Error(got)
	}
}

func TestCallOnThePage(t *testing.T) {
	w := newWorld(t)
	s := w.listen()
	w.ring("wang")
	s.next("state", `"ringing":[{"id":"6-`, `"userid":"wang"`)
	w.page("POST", "/sim/answer", `{"userid":"mayun"}`, 409)
	w.page("POST", "/sim/answer", `{"userid":"wang"}`, 200)
	s.next("state", `"ringing":[]`)
	w.page("POST", "/sim/reject", `{"userid":"wang"}`, 409)
	w.ring("wang")
	w.page("POST", "/sim/reject", `{"userid":"wang"}`, 200)
	w.ring("wang")
	w.page("POST", "/sim/clock", `{"add":"1m"}`, 200)
	s.next("state", `"now":"2026-03-11T08:48:00+08:00"`, `"ringing":[]`)
	got := w.Calls("wang")
	if len(got) != 3 || !got[0].Talked || got[1].Reason != callRejected || got[2].Reason != callTimeout {
		t.Errorf("%+v", got)
	}
}
