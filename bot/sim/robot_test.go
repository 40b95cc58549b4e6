package sim

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const robotKey = "693a91f6-7xxx-4bc4-97a0-0ec2sample" // invented

func newGroup(t *testing.T, edit ...func(*Options)) *world {
	t.Helper()
	w := newWorld(t, append(edit, func(o *Options) { o.RobotKey = robotKey })...)
	w.token = "none" // the robot needs none
	return w
}

func (w *world) robotSay(text string) reply {
	w.t.Helper()
	return w.post(robotPath+"?key="+robotKey, `{"msgtype":"text","text":{"content":"`+text+`"}}`)
}

func TestRobot(t *testing.T) {
	w := newGroup(t)
	s := w.listen()
	w.robotSay("⚠ 紧急 急260311-1").wants(0)
	s.next("message", `"userid":"@group"`, "急260311-1")
	w.post(robotPath+"?key="+robotKey, `{"msgtype":"markdown","markdown":{"content":"**x**"}}`).wants(0)
	if got := w.Robot(); !slices.Equal(got, []string{"⚠ 紧急 急260311-1", "**x**"}) {
		t.Errorf("%q", got)
	}
	for body, code := range map[string]int{
		`{"msgtype":"text","text":{"content":""}}`: 93017,
		`{"msgtype":"text"}`:                       93017,
		`{"msgtype":"text","text":{"content":"` + strings.Repeat("x", 2049) + `"}}`:         40058,
		`{"msgtype":"markdown","markdown":{"content":"` + strings.Repeat("x", 4097) + `"}}`: 40058,
		`{"msgtype":"poem"}`: 40008,
		`{`:                  40058,
	} {
		w.post(robotPath+"?key="+robotKey, body).wants(code)
	}
	w.post(robotPath+"?key=other", `{"msgtype":"text","text":{"content":"x"}}`).wants(93000)
	w.post(robotPath, `{"msgtype":"text","text":{"content":"x"}}`).wants(93000)
	if got := w.Robot(); len(got) != 2 {
		t.Errorf("%q", got)
	}
	for _, line := range w.traces.newest("@group", 10) {
		trace, _ := w.traces.get(line.ID)
		if strings.Contains(trace.Query, robotKey) {
			t.Error("the key is in a trace")
		}
	}

	none := newWorld(t)
	none.post(robotPath+"?key=", `{"msgtype":"text","text":{"content":"x"}}`).wants(93000)
	if none.Robot() != nil {
		t.Error("a group without a robot heard something")
	}
}

// The group stands on the page beside the phones, and is nobody to the app.
func TestGroupIsNoMember(t *testing.T) {
	w := newGroup(t)
	w.robotSay("一").wants(0)
	members := w.page("GET", "/sim/state", "", 200)["members"].([]any)
	if last := members[len(members)-1].(map[string]any); last["kind"] != "group" || last["name"] != "应急群" {
		t.Error(last)
	}
	if got := w.page("GET", "/sim/messages?userid=@group", "", 200)["messages"].([]any); len(got) != 1 {
		t.Error(got)
	}
	w.token = w.get("gettoken?corpid=" + testCorp + "&corpsecret=" + testSecret).text("access_token")
	w.post("message/send", `{"touser":"@group","agentid":1000002,"msgtype":"text","text":{"content":"x"}}`).wants(81013)
	w.post("message/send", `{"touser":"@all","agentid":1000002,"msgtype":"text","text":{"content":"x"}}`).wants(0)
	w.get("user/get?userid=@group").wants(60111)
	w.page("POST", "/sim/say", `{"userid":"@group","type":"text","text":"x"}`, 409)
	if got := w.Robot(); !slices.Equal(got, []string{"一"}) {
		t.Errorf("%q", got)
	}
	if members := newWorld(t).page("GET", "/sim/state", "", 200)["members"].([]any); len(members) != 3 {
		t.Errorf("%d on a page without a robot", len(members))
	}
}

func TestRobotMinute(t *testing.T) {
	w := newGroup(t)
	for i := range robotMinute {
		w.robotSay(fmt.Sprint(i)).wants(0)
		w.pass(time.Second)
	}
	w.robotSay("太多").wants(45009)
	w.pass(40 * time.Second)
	w.robotSay("又可以了").wants(0)
	w.robotSay("太多").wants(45009)
	if got := w.Robot(); len(got) != robotMinute+1 || got[robotMinute] != "又可以了" {
		t.Errorf("%q", got)
	}
}

// The robot is a second way out: what closes the first leaves it open, and the other way round.
func TestRobotFailsByItself(t *testing.T) {
	w := newGroup(t, rules(Rules{TrustedIPs: []string{"192.0.2.1"}}))
	answered := func(path string) bool {
		t.Helper()
		res, err := http.Post(w.url(path), "application/json", strings.NewReader(`{"msgtype":"text","text":{"content":"x"}}`))
		if err != nil {
			return false
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return err == nil && res.StatusCode == 200 && strings.Contains(string(body), `"errcode":0`)
	}
	robot := robotPath + "?key=" + robotKey
	for _, f := range []FaultSet{{}, {Down: true}, {HTTP500: true}, {Hang: true}, {AppDisabled: true}, {API: "*", Down: true}, {API: "*", ErrCode: -1, ErrCodeTimes: -1}} {
		w.Faults().Set(f)
		if !answered(robot) {
			t.Errorf("%+v stops the robot", f)
		}
	}
	for _, f := range []FaultSet{{RobotDown: true}, {RobotDown: true, Down: true}, {API: robotPath, HTTP500: true}, {API: robotPath, ErrCode: -1}} {
		w.Faults().Set(f)
		if answered(robot) {
			t.Errorf("%+v does not stop the robot", f)
		}
	}
	w.Faults().Set(FaultSet{RobotDown: true})
	w.get("gettoken?corpid=x").wants(60020) // the rest of the API is there
	w.Faults().Set(FaultSet{API: robotPath, AcceptThenDrop: true})
	said := len(w.Robot())
	if answered(robot) || len(w.Robot()) != said+1 {
		t.Error("accepted, then dropped")
	}
}
