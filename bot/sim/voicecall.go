package sim

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Call is one automatic voice call to a member (紧急通知, path/91627): a voice asks them to look at the app's messages.
type Call struct {
	ID     string    `json:"id"`
	UserID string    `json:"userid"`
	At     time.Time `json:"at"`
	Until  time.Time `json:"until"`  // the phone rings no longer
	Reason int       `json:"reason"` // as path/91628 numbers it
	Talked bool      `json:"talked"`
}

// What became of a call: path/91628.
const (
	callEnded    = 0
	callRinging  = 1
	callTimeout  = 4
	callRejected = 7
	callTooMany  = 13
)

const (
	callPath    = "pstncc/call"
	ringFor     = 30 * time.Second // not documented
	talkSeconds = 9                // how long the voice speaks; not documented
	askFor      = 7 * 24 * time.Hour
	notCalled   = 60111 // code of a person who cannot be called; that it is not 0 is all that is documented
)

// Calls to one person: 3 in 8 minutes, 8 in 24 hours (reason 13 of path/91628).
var callLimits = []struct {
	within time.Duration
	most   int
}{{8 * time.Minute, 3}, {24 * time.Hour, 8}}

var errNoCall = errors.New("没有来电")

// at is the call as it stands at a moment.
func (c Call) at(now time.Time) Call {
	if c.Reason == callRinging && !now.Before(c.Until) {
		c.Reason = callTimeout
	}
	return c
}

// Calls are the voice calls to a member, the earliest first.
func (s *Sim) Calls(userid string) []Call {
	p := s.phone(userid)
	if p == nil {
		return nil
	}
	return p.showCalls(s.now())
}

// Answer takes the call that rings.
func (s *Sim) Answer(userid string) error { return s.pickUp(userid, callEnded) }

// Reject declines the call that rings.
func (s *Sim) Reject(userid string) error { return s.pickUp(userid, callRejected) }

func (s *Sim) pickUp(userid string, reason int) error {
	p := s.phone(userid)
	if p == nil {
		return errNoMember
	}
	if !p.pickUp(s.now(), reason) {
		return errNoCall
	}
	s.hub.publishState(s)
	return nil
}

func (p *phone) pickUp(now time.Time, reason int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.calls) - 1; i >= 0; i-- {
		if c := p.calls[i]; c.at(now).Reason == callRinging {
			c.Reason, c.Talked = reason, reason == callEnded
			return true
		}
	}
	return false
}

func (p *phone) showCalls(now time.Time) []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Call, len(p.calls))
	for i, c := range p.calls {
		out[i] = c.at(now)
	}
	return out
}

// ringing are the calls that ring on the page.
func (s *Sim) ringing() []Call {
	now := s.now()
	out := []Call{}
	for _, p := range s.roll {
		for _, c := range p.showCalls(now) {
			if c.Reason == callRinging {
				out = append(out, c)
			}
		}
	}
	return out
}

// call rings the phone. One call too many gets an id, and ends at once.
func (p *phone) call(now time.Time) Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &Call{ID: "6-" + randomCode() + "-out", UserID: p.member.UserID, At: now, Until: now.Add(ringFor), Reason: callRinging}
	for _, limit := range callLimits {
		made := 0
		for _, earlier := range p.calls {
			if earlier.Reason != callTooMany && now.Sub(earlier.At) < limit.within {
				made++
			}
		}
		if made >= limit.most {
			c.Reason = callTooMany
		}
	}
	p.calls = append(slices.DeleteFunc(p.calls, func(old *Call) bool { return now.Sub(old.At) > askFor }), c)
	return *c
}

// ringUp calls members: path/91627.
func (c *call) ringUp() (any, error) {
	var q struct {
		Callees []string `json:"callee_userid"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	if len(q.Callees) == 0 {
		return nil, fail(40063, "missing callee_userid")
	}
	type state struct {
		Code   int    `json:"code"`
		CallID string `json:"callid"`
		UserID string `json:"userid"`
	}
	states := []state{}
	for _, userid := range q.Callees {
		p := c.Sim.phone(userid)
		if !c.reaches(p) {
			states = append(states, state{Code: notCalled, UserID: strings.ToLower(userid)})
			continue
		}
		made := p.call(c.at)
		c.about, c.phone, c.key = append(c.about, made.UserID), p, made.ID
		states = append(states, state{CallID: made.ID, UserID: strings.ToLower(userid)})
	}
	c.hub.publishState(c.Sim)
	return struct {
		status
		States []state `json:"states"`
	}{ok, states}, nil
}

// callStates says what became of a call: path/91628, for seven days. What an id that is not known is answered with is not
// documented.
func (c *call) callStates() (any, error) {
	var q struct {
		Callee string `json:"callee_userid"`
		CallID string `json:"callid"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	if q.Callee == "" || q.CallID == "" {
		return nil, fail(40063, "missing callee_userid or callid")
	}
	for _, made := range c.Calls(q.Callee) {
		if made.ID != q.CallID || c.at.Sub(made.At) > askFor {
			continue
		}
		answer := struct {
			status
			Talked   int   `json:"istalked"`
			CallTime int64 `json:"calltime"`
			TalkTime int   `json:"talktime"`
			Reason   int   `json:"reason"`
		}{status: ok, CallTime: made.At.Unix(), Reason: made.Reason}
		if made.Talked {
			answer.Talked, answer.TalkTime = 1, talkSeconds
		}
		c.about, c.key = append(c.about, made.UserID), made.ID
		return answer, nil
	}
	return nil, fail(40058, "invalid callid")
}
