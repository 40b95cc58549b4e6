package wecom

import (
	"context"
	"fmt"
	"time"

	"github.com/silenceper/wechat/v2/util"

	"xunfang/ledger"
)

// Heard is what became of a voice call (wecom/91628). Reason is WeCom's number, known to us or not.
type Heard struct {
	Talked bool
	Reason int
}

// The reasons that are not yet an end.
const (
	reasonRinging  = 1
	reasonAnswered = 2
	reasonTalking  = 3
)

// endings say WeCom's reasons of a call that nobody took, as far as who waits for help can do something about them.
var endings = map[int]string{
	0:  "没人接", // ended as it should, without a talk
	4:  "没人接", // the person's side gave up
	5:  "不在服务区",
	6:  "停机",
	7:  "拒接",
	8:  "关机",
	9:  "空号",
	12: "没人接",  // WeCom gave up
	13: "叫得太多", // over 3 in 8 minutes or 8 in 24 hours to one person
	15: "叫得太多", // by the number that calls
}

// Answered says whether somebody took the call.
func (h Heard) Answered() bool {
	return h.Talked || h.Reason == reasonAnswered || h.Reason == reasonTalking
}

// Ringing says that the call is not over: it is to be asked for again.
func (h Heard) Ringing() bool { return !h.Answered() && h.Reason == reasonRinging }

// Words are for the timeline of an emergency.
func (h Heard) Words() string {
	switch words, known := endings[h.Reason]; {
	case h.Answered():
		return "接了"
	case h.Ringing():
		return "还在响"
	case known:
		return words
	}
	return "没打通"
}

// callBody is pstncc/call (wecom/91627).
type callBody struct {
	Callees []string `json:"callee_userid"`
}

// HeardBody is pstncc/getstates (wecom/91628), and the Body of a ledger.CallHeard.
type HeardBody struct {
	Callee string `json:"callee_userid"` // a string here, a list in pstncc/call
	CallID string `json:"callid"`
}

const (
	apiCall   = "pstncc/call"
	apiStates = "pstncc/getstates"
)

// HeardMessage is the outbox row that asks, not before a time, whether a call was answered. WeCom tells for seven days. It reaches
// nobody's phone; to is whose call it was.
func HeardMessage(key, to, callID string, after time.Time) (ledger.Message, error) {
	m := ledger.Message{Key: key, To: to, Priority: ledger.PriorityAlarm, NotBefore: after}
	return filled(m, ledger.CallHeard, HeardBody{to, callID})
}

// voiced is a call. Where it cannot be made its words are said in writing, so they must be sayable now. WeCom knows no repeated
// call as it knows repeated words: one whose answer was lost rings a second time.
func voiced(m ledger.Message) (ledger.Message, error) {
	if err := checkText("text.content", m.Text); err != nil {
		return m, err
	}
	m.Fallback = m.Text
	return filled(m, ledger.CallVoice, callBody{[]string{m.To}})
}

// ring makes a call. The answer says of each person whether their phone is being called, and nothing of whether they take it.
func (c *Client) ring(ctx context.Context, m ledger.Message) (Receipt, error) {
	var r struct {
		util.CommonError
		States []struct {
			Code   int    `json:"code"`
			CallID string `json:"callid"`
			UserID string `json:"userid"`
		} `json:"states"`
	}
	if err := c.post(ctx, apiCall, nil, m.Body, &r); err != nil {
		return Receipt{}, err
	}
	for _, s := range r.States {
		switch {
		case !named(m.To, s.UserID):
		case s.Code != 0:
			return Receipt{}, &APIError{API: apiCall, Code: s.Code}
		default:
			return Receipt{MsgID: s.CallID}, nil
		}
	}
	return Receipt{}, &APIError{API: apiCall, Code: codeNoReceiver}
}

// notRung is the verdict about a call that is not made. Who is not rung up must be written to at once, so nothing waits here for
// a person to mend it: what the whole app suffers from shows with the written words.
func (e *APIError) notRung() Verdict {
	v, ok := verdicts[e.Code]
	switch {
	case !ok:
		return Verdict{Drop, 0, "not rung up"}
	case v.Action == Retry:
		return v
	}
	return Verdict{Drop, 0, v.Reason}
}

// Heard asks what became of a call.
func (c *Client) Heard(ctx context.Context, userid, callID string) (Heard, error) {
	body, err := encode(HeardBody{userid, callID})
	if err != nil {
		return Heard{}, fmt.Errorf("wecom %s: %w", apiStates, err)
	}
	var r struct {
		util.CommonError
		Talked int `json:"istalked"`
		Reason int `json:"reason"`
	}
	if err := c.post(ctx, apiStates, nil, body, &r); err != nil {
		return Heard{}, err
	}
	return Heard{Talked: r.Talked == 1, Reason: r.Reason}, nil
}
