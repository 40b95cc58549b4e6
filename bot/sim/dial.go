package sim

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"
)

// Dial is the telephone of the corp.
type Dial struct {
	Unlisted bool   // the app is not among 公费电话's 可调用接口的应用: 48002
	Seed     uint64 // of the outcomes that SetPhone does not say
}

// Outcome is what a member who calls a number hears.
type Outcome string

// A wrong number is 空号, or somebody else.
const (
	Answered    Outcome = "answered"
	NoAnswer    Outcome = "no_answer"
	WrongNumber Outcome = "wrong"
	SwitchedOff Outcome = "off"
)

// lineState is who called whom.
type lineState struct {
	mu    sync.Mutex
	set   map[string]Outcome
	tried map[string]int // calls to a number
	calls []dialled      // through 公费电话, answered
}

type dialled struct {
	at     time.Time
	caller *phone
	number string
}

const (
	dialSpan    = 30 * 24 * time.Hour
	dialPage    = 100
	dialMinutes = 3 // how long an answered call lasts
)

func (l *lineState) init() { l.set, l.tried, l.calls = map[string]Outcome{}, map[string]int{}, nil }

func (l *lineState) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.init()
}

// SetPhone says what becomes of calls to a number; "" leaves it to chance again.
func (s *Sim) SetPhone(number string, outcome Outcome) {
	s.lines.mu.Lock()
	defer s.lines.mu.Unlock()
	if outcome == "" {
		delete(s.lines.set, number)
	} else {
		s.lines.set[number] = outcome
	}
}

// Dial lets a member call a number through 公费电话, which keeps a record of the calls that were answered.
func (s *Sim) Dial(caller, number string) Outcome {
	outcome := s.DialPrivately(number)
	p := s.phone(caller)
	if outcome == Answered && p != nil && p.member.Kind == "wecom" {
		s.lines.mu.Lock()
		defer s.lines.mu.Unlock()
		s.lines.calls = append(s.lines.calls, dialled{s.now(), p, number})
	}
	return outcome
}

// DialPrivately is a call from one's own SIM: nobody but the caller can say what became of it.
func (s *Sim) DialPrivately(number string) Outcome {
	l := &s.lines
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tried[number]++
	if set, is := l.set[number]; is {
		return set
	}
	return drawn(s.opt.Dial.Seed, number, l.tried[number])
}

// drawn is an outcome by chance, the same in every run: of 20 numbers one is wrong and stays so; of 100 calls to another 60
// are answered. The shares are invented.
func drawn(seed uint64, number string, call int) Outcome {
	roll := func(of string) uint64 {
		h := fnv.New64a()
		fmt.Fprintf(h, "%d|%s|%s", seed, number, of)
		x := h.Sum64()
		x = (x ^ x>>33) * 0xff51afd7ed558ccd // FNV alone spreads short texts badly
		return (x ^ x>>33) % 100
	}
	if roll("number") < 5 {
		return WrongNumber
	}
	switch n := roll(fmt.Sprint(call)); {
	case n < 60:
		return Answered
	case n < 88:
		return NoAnswer
	}
	return SwitchedOff
}

// dialRecords is dial/get_dial_record: path/93662.
func (c *call) dialRecords() (any, error) {
	if c.opt.Dial.Unlisted {
		return nil, fail(48002, "api forbidden")
	}
	var q struct {
		Start  int64 `json:"start_time"`
		End    int64 `json:"end_time"`
		Offset int   `json:"offset"`
		Limit  int   `json:"limit"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	if q.Start < 0 || q.End < 0 || q.Offset < 0 || q.Limit < 0 {
		return nil, fail(40058, "negative parameter")
	}
	if q.End != 0 && q.End < q.Start || q.Start > c.at.Unix() { // 开始时间也不得早于当前时间, says the page, and means later
		return nil, fail(600018, "invalid start_time or end_time")
	}
	from, to := time.Unix(q.Start, 0), c.at
	if q.End != 0 {
		to = time.Unix(q.End, 0)
	}
	if earliest := to.Add(-dialSpan); from.Before(earliest) {
		from = earliest
	}
	if q.Limit == 0 || q.Limit > dialPage {
		q.Limit = dialPage
	}
	type party struct {
		UserID  string `json:"userid,omitempty"`
		Phone   any    `json:"phone,omitempty"` // a bare number in the page's example
		Minutes int    `json:"duration"`
	}
	type record struct {
		At      int64   `json:"call_time"`
		Minutes int     `json:"total_duration"`
		Type    int     `json:"call_type"`
		Caller  party   `json:"caller"`
		Callee  []party `json:"callee"`
	}
	c.lines.mu.Lock()
	calls := slices.Clone(c.lines.calls)
	c.lines.mu.Unlock()
	records := []record{}
	for _, made := range calls {
		if at := made.at.Truncate(time.Second); at.Before(from.Truncate(time.Second)) || at.After(to) {
			continue
		}
		callee := party{Phone: made.number, Minutes: dialMinutes}
		if smsNumber.MatchString(made.number) { // a landline's leading 0 would be lost
			callee.Phone = json.Number(made.number)
		}
		if p := c.holder(made.number); p != nil && p.member.Kind == "wecom" {
			callee = party{UserID: p.member.UserID, Minutes: dialMinutes}
		}
		records = append(records, record{made.at.Unix(), dialMinutes, 1,
			party{UserID: made.caller.member.UserID, Minutes: dialMinutes}, []party{callee}})
	}
	first := min(q.Offset, len(records))
	return struct {
		status
		Records []record `json:"record"`
	}{ok, records[first:min(first+q.Limit, len(records))]}, nil
}
