package sim

import "sync"

// Faults hold what is going wrong just now.
type Faults struct {
	mu  sync.Mutex
	set FaultSet
}

// FaultSet is one setting of the switches; the zero value is a good day.
type FaultSet struct {
	Down           bool `json:"down"`             // every /cgi-bin call: connection closed
	SlowMS         int  `json:"slow_ms"`          // every /cgi-bin call waits
	HTTP500        bool `json:"http_500"`         // every /cgi-bin call: status 500
	Hang           bool `json:"hang"`             // every /cgi-bin call: never answered
	ErrCode        int  `json:"errcode"`          // answered to message/send; 0: none
	ErrCodeTimes   int  `json:"errcode_times"`    // how often; <0 forever, 0 once
	DeliverTimes   int  `json:"deliver_times"`    // how often a callback is delivered although answered; 0 means 1
	AcceptThenDrop bool `json:"accept_then_drop"` // message/send: accepted, connection dropped before the answer
	LoseEvents     bool `json:"lose_events"`      // events never reach the bot (path/90930: WeCom may drop them)
	AppDisabled    bool `json:"app_disabled"`     // the administrator stopped the app
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

// takeErrCode is the code the next message/send fails with, or 0; it counts.
func (f *Faults) takeErrCode() int {
	f.mu.Lock()
	defer f.mu.Unlock()
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
