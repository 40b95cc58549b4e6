package wecom

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"xunfang/bot/remote"
)

// APIError is WeCom's errcode. Msg is WeCom's own text without its hint and the caller's address; Error does not quote it,
// since it may name a member.
type APIError struct {
	API  string
	Code int
	Msg  string
}

func (e *APIError) Error() string {
	if v, ok := verdicts[e.Code]; ok {
		return fmt.Sprintf("wecom %s: %d %s", e.API, e.Code, v.Reason)
	}
	return fmt.Sprintf("wecom %s: %d", e.API, e.Code)
}

// tokenRefused says whether a new token may help (wecom/90313).
func (e *APIError) tokenRefused() bool { return e.Code == 40014 || e.Code == 42001 }

// StatusError is an HTTP status other than 200: a proxy or a fault, since WeCom's own errors come with 200.
type StatusError struct {
	API    string
	Status int
}

func (e *StatusError) Error() string { return fmt.Sprintf("wecom %s: HTTP status %d", e.API, e.Status) }

// CallError is a call that got no answer. Its text is free of token and secret; what it unwraps to is at most an error of
// package context.
type CallError struct {
	API   string
	text  string
	cause error
}

func (e *CallError) Error() string { return "wecom " + e.API + ": " + e.text }
func (e *CallError) Unwrap() error { return e.cause }

var (
	// ErrAlreadySent says that WeCom has had this card before: to be treated as sent.
	ErrAlreadySent = errors.New("wecom: already sent")
	// ErrTooLarge says that an answer or a file is larger than is wanted.
	ErrTooLarge = errors.New("wecom: too large")
	errAnswer   = errors.New("the answer is not WeCom's JSON")
)

// wrap words the error of a call so that neither token nor secret nor a robot's key can be in it.
func wrap(api string, err error) error {
	if err == nil {
		return nil
	}
	if a := (*APIError)(nil); errors.As(err, &a) {
		return a
	}
	if s := (*StatusError)(nil); errors.As(err, &s) {
		return s
	}
	if e := (*CallError)(nil); errors.As(err, &e) {
		return e // of gettoken, on the way to another call
	}
	e := &CallError{API: api}
	switch {
	case errors.Is(err, ErrTooLarge):
		e.text, e.cause = "answer too large", ErrTooLarge
	case errors.Is(err, errAnswer):
		e.text = errAnswer.Error()
	default:
		e.text, e.cause = remote.Lost(err)
	}
	return e
}

// cleanMsg cuts ", hint: […], from ip: …, more info at …" off.
func cleanMsg(msg string) string {
	for _, tail := range []string{", hint:", ",hint:", ", from ip:", ", more info"} {
		msg, _, _ = strings.Cut(msg, tail)
	}
	return msg
}

// Action is what to do about a failed call.
type Action int

const (
	Retry Action = iota // after After, doubled with each attempt
	Later               // after After: WeCom asks for a pause
	Drop                // it will never succeed
	Stop                // something must be mended by a person; try again every After, and tell the operator
)

// Verdict is what to do, when, and why in words without personal data.
type Verdict struct {
	Action Action
	After  time.Duration
	Reason string
}

// The base of a back-off, and how often something in need of mending is tried.
const (
	retryBase = time.Second
	stopPause = 5 * time.Minute
)

// Codes named elsewhere.
const (
	codeTaskID       = 42014
	codeNoReceiver   = 81013
	codeNotReceiver  = 82102
	codeNoMedia      = 40007
	codeMediaExpired = 40145
)

// verdicts follow the "do" column of wecom/90313 as we read it.
var verdicts = map[int]Verdict{
	-1:    {Retry, retryBase, "system busy"},
	6000:  {Retry, retryBase, "version conflict"},
	45035: {Retry, retryBase, "write conflict"},
	45036: {Retry, retryBase, "abnormal access"},
	40014: {Retry, retryBase, "access token refused"},
	42001: {Retry, retryBase, "access token expired"},

	45009: {Later, time.Minute, "called too often"}, // a minute rule blocks for 60 s (wecom/90312)
	45033: {Later, 5 * time.Second, "too many calls at once"},

	40001:  {Stop, stopPause, "secret is wrong"},
	40013:  {Stop, stopPause, "corp_id is wrong"},
	40056:  {Stop, stopPause, "agent_id is wrong"},
	40091:  {Stop, stopPause, "secret is not of this corp"},
	41002:  {Stop, stopPause, "corp_id missing"},
	41004:  {Stop, stopPause, "secret missing"},
	43012:  {Stop, stopPause, "the app has no callback address"},
	48001:  {Stop, stopPause, "API not granted"},
	48002:  {Stop, stopPause, "no permission for this API"},
	48004:  {Stop, stopPause, "grant invalid"},
	48005:  {Stop, stopPause, "API retired"},
	48006:  {Stop, stopPause, "permission withdrawn: the app was unused"},
	48010:  {Stop, stopPause, "TLS version not supported"},
	50003:  {Stop, stopPause, "the app is disabled"},
	60020:  {Stop, stopPause, "address not in 企业可信IP"},
	60031:  {Stop, stopPause, "app barred from the API"},
	301002: {Stop, stopPause, "secret is not of this agent_id"},
	301007: {Stop, stopPause, "corp unavailable"},
	301042: {Stop, stopPause, "address not on the list"},

	40003: {Drop, 0, "userid unknown"},
	46004: {Drop, 0, "member unknown"},
	50002: {Drop, 0, "member out of scope"},
	60011: {Drop, 0, "no permission for the member"},
	60021: {Drop, 0, "member outside the visible range"},
	60111: {Drop, 0, "userid unknown"},
	81012: {Drop, 0, "no receivers"},
	81013: {Drop, 0, "receiver gone or outside the visible range"},
	82102: {Drop, 0, "not a receiver of the card"},

	40007:  {Drop, 0, "media lost"},
	40145:  {Drop, 0, "media expired"},
	830002: {Drop, 0, "file too large"},

	42014: {Drop, 0, "task_id illegal or used"},
	42022: {Drop, 0, "response_code used"},
	42052: {Drop, 0, "older than 24 hours"},
	60140: {Drop, 0, "response_code invalid"},

	84061: {Drop, 0, "no contact of the member"},
	84084: {Drop, 0, "no contact of the member"},

	// 微信客服: after these a message never goes out.
	95000: {Drop, 0, "微信客服 account unknown"},
	95001: {Drop, 0, "five messages were sent since the customer's last"},
	95002: {Drop, 0, "48 hours since the customer's last message"},
	95003: {Stop, stopPause, "customer cap: the corp is not verified"},
	95004: {Drop, 0, "微信客服 account gone"},
	95008: {Drop, 0, "menu too long"},
	95009: {Drop, 0, "menu item unknown"},
	95013: {Drop, 0, "session ended"},
	95017: {Stop, stopPause, "the API of 微信客服 is not switched on"},
	95018: {Drop, 0, "session does not allow it"},
	95031: {Drop, 0, "the customer has not written in 48 hours"},

	301049: {Drop, 0, "the app is not listed under 紧急通知"}, // wecom/91627
	301050: {Drop, 0, "紧急通知 is not switched on"},
	301051: {Drop, 0, "紧急通知 has no balance left"},

	93000: {Stop, stopPause, "robot's address wrong, or robot removed"},
	93001: {Stop, stopPause, "the group takes no messages"},
	93004: {Stop, stopPause, "robot stopped"},
	93008: {Stop, stopPause, "robot not in the group"},
	93017: {Drop, 0, "empty content"},
}

// Classify says what to do about an error of this package. Errors it does not know are tried again: the store counts.
func Classify(err error) Verdict {
	var api *APIError
	var limit *LimitError
	var status *StatusError
	var often *TooOftenError
	switch {
	case errors.Is(err, ErrAlreadySent):
		return Verdict{Drop, 0, "already sent"}
	case errors.As(err, &limit):
		return Verdict{Drop, 0, "breaks a limit of WeCom"}
	case errors.Is(err, ErrTooLarge):
		return Verdict{Drop, 0, "too large"}
	case errors.As(err, &often):
		return Verdict{Later, often.After, "called too often"}
	case errors.As(err, &api) && api.API == apiCall:
		return api.notRung()
	case errors.As(err, &api):
		if v, ok := verdicts[api.Code]; ok {
			return v
		}
		// 40xxx to 45xxx are about what was sent: sent again, it will be refused again.
		if api.Code >= 40000 && api.Code < 46000 || api.Code >= 82000 && api.Code < 83000 {
			return Verdict{Drop, 0, "request refused"}
		}
		return Verdict{Retry, retryBase, "unknown code"}
	case errors.As(err, &status):
		return Verdict{Retry, retryBase, "HTTP status"}
	}
	return Verdict{Retry, retryBase, "no answer"}
}
