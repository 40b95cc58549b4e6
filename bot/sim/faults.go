package sim

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Faults hold what is going wrong just now.
type Faults struct {
	mu  sync.Mutex
	set FaultSet
}

// FaultSet is one setting of the switches; the zero value is a good day.
type FaultSet struct {
	API string `json:"api"` // the one call that is struck, as "pstncc/call"; "": as each switch says; "*": all but the group robot

	Down           bool `json:"down"`             // every /cgi-bin call: connection closed
	SlowMS         int  `json:"slow_ms"`          // every /cgi-bin call waits
	HTTP500        bool `json:"http_500"`         // every /cgi-bin call: status 500
	Hang           bool `json:"hang"`             // every /cgi-bin call: never answered
	ErrCode        int  `json:"errcode"`          // answered to message/send; 0: none
	ErrCodeTimes   int  `json:"errcode_times"`    // how often; <0 forever, 0 once
	AcceptThenDrop bool `json:"accept_then_drop"` // message/send: accepted, connection dropped before the answer

	Invalid      string `json:"invalid"`       // members that WeCom cannot reach just now, as in touser: "wang|li", "@all"
	VoiceErrCode int    `json:"voice_errcode"` // answered to pstncc/call: 301049 not linked, 301050 not enabled, 301051 no balance
	RobotDown    bool   `json:"robot_down"`    // the group robot: connection closed, whatever the rest of the API does

	DeliverTimes int  `json:"deliver_times"` // how often a callback is delivered although answered; 0 means 1
	LoseEvents   bool `json:"lose_events"`   // events never reach the bot (path/90930: WeCom may drop them)
	AppDisabled  bool `json:"app_disabled"`  // the administrator stopped the app

	Kf KfFaults `json:"kf"` // 微信客服

	Dead   string `json:"dead"`   // channels whose connections are closed: "kf|externalcontact|dial|pstncc|official|sms"
	Broken string `json:"broken"` // channels that answer with status 500
}

// on says whether the switches about every call strike this one. The group robot has another door (path/99110).
func (f FaultSet) on(path string) bool {
	return f.API == path || path != robotPath && (f.API == "" || f.API == "*")
}

// onSending says the same of the switches about message/send.
func (f FaultSet) onSending(path string) bool {
	switch f.API {
	case "":
		return path == "message/send"
	case "*":
		return path != robotPath && path != "gettoken"
	}
	return f.API == path
}

// unreachable says whether a member is among Invalid.
func (f FaultSet) unreachable(userid string) bool {
	return f.Invalid == "@all" || slices.ContainsFunc(split(f.Invalid), func(id string) bool { return strings.EqualFold(id, userid) })
}

// channel is the family of a call: "kf" of "kf/send_msg".
func channel(path string) string {
	family, _, _ := strings.Cut(path, "/")
	return family
}

// dead does what a channel that is out of order does; it has answered when it returns true.
func (f FaultSet) dead(w http.ResponseWriter, channel string) bool {
	switch {
	case slices.Contains(split(f.Dead), channel):
		hangUp(w)
	case slices.Contains(split(f.Broken), channel):
		serverError(w)
	default:
		return false
	}
	return true
}

// serverError is what a gateway says when there is nothing behind it.
func serverError(w http.ResponseWriter) {
	http.Error(w, "<html><body>500 Internal Server Error</body></html>", http.StatusInternalServerError)
}

// Get reads the switches.
func (f *Faults) Get() FaultSet {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.set
}

// Set replaces the switches.
func (f *Faults) Set(to FaultSet) { f.Change(func(s *FaultSet) { *s = to }) }

// Change edits the switches.
func (f *Faults) Change(edit func(*FaultSet)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	edit(&f.set)
	f.set.DeliverTimes = max(1, f.set.DeliverTimes)
}

// takeErrCode is the code this call fails with, or 0; it counts.
func (f *Faults) takeErrCode(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if path == callPath && f.set.VoiceErrCode != 0 {
		return f.set.VoiceErrCode
	}
	if !f.set.onSending(path) {
		return 0
	}
	code := f.set.ErrCode
	switch {
	case code == 0 || f.set.ErrCodeTimes < 0:
	case f.set.ErrCodeTimes <= 1:
		f.set.ErrCode, f.set.ErrCodeTimes = 0, 0
	default:
		f.set.ErrCodeTimes--
	}
	return code
}
