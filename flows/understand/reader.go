// Package understand answers what a sentence typed or dictated by a visitor means: which kind of message it is, whom it is
// about, how contact was made, what is not well, on which day, and whether somebody is in danger. The words stand in tables
// (words/*.txt); here is only the grammar: scope of negation and of the past, dates, numbers, who is meant. It writes
// nothing, asks nothing and does no I/O; a reading is to be shown back before anything is kept.
package understand

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"xunfang/ledger"
	"xunfang/ledger/names"
)

// Reading is what a sentence means, in the shape of the labelled sentences.
type Reading struct {
	Intent    Intent     `json:"intent"`
	Elders    []string   `json:"elders"` // all candidates where ambiguous
	Ambiguous bool       `json:"ambiguous"`
	Method    *string    `json:"method"` // door, phone, video
	Status    *string    `json:"status"` // ok, problem, absent
	Problems  []string   `json:"problems"`
	Facts     Facts      `json:"facts"`
	Date      ledger.Day `json:"date"`
	Emergency *string    `json:"emergency"`
	Why       []Reason   `json:"-"`

	// Sure says that an Emergency is to be raised at once, and not offered first: the sentence states, in words that mean nothing
	// else, that somebody is in acute danger now. What is asked, guessed, heard of, feared, past, practised, planned, over or in
	// good hands is not sure, and what is no Emergency never is.
	Sure bool `json:"-"`

	// What a conversation asks beside the labels.
	Refused bool              `json:"-"` // the elder did not want the visit, the photograph or the talk
	Dated   bool              `json:"-"` // Date was said, and is not just today
	Ditto   bool              `json:"-"` // as the one before: 同上
	Said    map[string]string `json:"-"` // the speaker's own words for each of Problems
	Unknown []Unknown         `json:"-"` // what a visit's report says and no table knows
}

// Facts are the values said on the way; what was not said is left out.
type Facts struct {
	RoomTemp   *int   `json:"room_temp,omitempty"`
	BP         string `json:"bp,omitempty"` // 130/85
	NewPhone   string `json:"new_phone,omitempty"`
	NewAddress string `json:"new_address,omitempty"`
	Companion  string `json:"companion,omitempty"`
}

// Reason says which words led to what: 腿肿 → problem.illness.
type Reason struct {
	Words string `json:"words"`
	Means string `json:"means"`
	But   string `json:"but,omitempty"` // why it does not count: denied, past, of the family, …
}

// Intent is the kind of message, one each.
type Intent string

const (
	Visit         Intent = "visit"
	HelpRecord    Intent = "help_record"
	FamilyContact Intent = "family_contact"
	Emergency     Intent = "emergency"
	Need          Intent = "need"
	Correct       Intent = "correct"
	QueryElder    Intent = "query_elder"
	QueryTodo     Intent = "query_todo"
	QueryStats    Intent = "query_stats"
	FamilyInfo    Intent = "family_info"
	Leave         Intent = "leave"
	Greeting      Intent = "greeting"
	Cancel        Intent = "cancel"
	Help          Intent = "help"
	Other         Intent = "other"
)

// Elder is what tells two elders of one name apart.
type Elder struct {
	Name string
	Age  int // on the day asked for; -1 unknown
}

// Finder finds elders by what they are called, only those in the speaker's sight.
type Finder interface {
	Find(said string) []names.Hit
	Elder(id string, on ledger.Day) Elder
}

// Reader reads sentences with one vocabulary. It never changes once made; everybody may read with it at once.
type Reader struct {
	*tables
	heardAs func() map[string][]string // the words that sound alike, made when first asked for
}

// New makes a reader of the shipped vocabulary and what a county adds: texts in the tables' format. The error lists every
// bad line.
func New(added ...string) (*Reader, error) { return without(nil, added...) }

// without leaves entries out, to see what the rest is worth.
func without(drop map[string]bool, added ...string) (*Reader, error) {
	t, err := readTables(added, drop)
	if err != nil {
		return nil, err
	}
	return &Reader{t, sync.OnceValue(t.sounds)}, nil
}

// longestText is more than anybody says in one message; what lies beyond is not looked at.
const longestText = 1000

// Read says what a text means on a day, among the elders the finder sees.
func (r *Reader) Read(text string, today ledger.Day, sight Finder) Reading {
	return r.parse(text, today, sight).reading()
}

// parse finds all that is said in a text.
func (r *Reader) parse(text string, today ledger.Day, sight Finder) *sentence {
	s := r.split(text, today)
	s.who(sight)
	s.mark()
	s.scope()
	s.values()
	return s
}

func (s *sentence) reading() Reading {
	out := Reading{Elders: []string{}, Problems: []string{}, Date: s.today}
	s.judge(&out)
	out.Why = s.reasons()
	return out
}

// judge puts the reading together: the intent first, for it decides what else counts.
func (s *sentence) judge(out *Reading) {
	if kind := s.danger(); kind != "" {
		out.Intent, out.Emergency, out.Sure = Emergency, &kind, s.sure(kind)
	} else {
		out.Intent = s.intent()
	}
	out.Elders, out.Ambiguous = s.elders(out.Intent)
	out.Facts = s.facts
	switch out.Intent {
	case Visit:
		out.Problems = s.problems()
		if out.Method = s.method(); out.Method == nil && s.has("offline") {
			out.Method = ptr("phone")
		}
		out.Status = s.status(out.Problems)
		out.Said, out.Unknown = s.said(out.Problems), s.unknown(out.Status != nil)
	case Emergency:
		out.Method = s.method()
		if out.Method != nil && *out.Method == "phone" && (s.has("absent") || *out.Emergency == "fraud") {
			out.Method = nil
		}
		if out.Method != nil {
			out.Status = ptr("problem")
		}
	case FamilyContact:
		out.Method = s.familyMethod()
	case Other: // 张桂兰 腿月中
		if len(out.Elders) > 0 {
			out.Unknown = slices.DeleteFunc(s.unknown(false), func(u Unknown) bool { return u.Maybe == "" })
		}
	case Correct:
		out.Method = s.corrected()
	}
	if out.Intent != Visit && out.Intent != Emergency {
		out.Facts.Companion = ""
	}
	if out.Intent != Correct && !s.has("new") {
		out.Facts.NewPhone = ""
	}
	if out.Intent != Correct {
		out.Facts.NewAddress = ""
	}
	switch out.Intent {
	case Visit, Emergency, HelpRecord, FamilyContact, FamilyInfo, Correct, Leave, Need:
		out.Date, out.Dated = s.day(out.Intent)
	}
	out.Refused, out.Ditto = s.has("refused"), s.has("ditto")
}

func ptr(s string) *string { return &s }

// items are the keys of what can be not well, in the ledger's order.
func (s *sentence) problems() []string {
	found := map[string]bool{}
	for _, m := range s.live("problem.") {
		found[m] = true
	}
	if t := s.facts.RoomTemp; t != nil && *t < 16 {
		found[ledger.ItemRoomTemp] = true
	}
	if s.highPressure() || s.has("unsettled") && !found["mood"] && !found["stress"] && !found["neighbors"] {
		found["illness"] = true // who worries does not sleep either: that alone is no illness
	}
	if s.has("silent") && !found["neighbors"] {
		found["mood"] = true
	}
	if s.has("dirty") && !found["personal"] && !found["surroundings"] {
		found["home"] = true
	}
	out := []string{}
	for _, item := range ledger.Items {
		if found[item.Key] {
			out = append(out, item.Key)
		}
	}
	return out
}

// known says whether a meaning with a dot is one the grammar asks for.
func known(name string) bool {
	for _, k := range []string{"method.door", "method.phone", "method.video", "ask.todo", "ask.stats", "ask.elder", "day", "weekday"} {
		if name == k {
			return true
		}
	}
	for _, item := range ledger.Items {
		if name == "problem."+item.Key {
			return true
		}
	}
	if slices.ContainsFunc(kinds, func(k string) bool { return name == "emergency."+k || name == "grave."+k }) {
		return true
	}
	if said, ok := strings.CutPrefix(name, feastClass); ok {
		_, _, _, ok = feastDay(said)
		return ok
	}
	if len(name) > 4 && name[:4] == "day." {
		_, err := strconv.Atoi(name[4:])
		return err == nil
	}
	return false
}

// kinds are the emergencies, the one that explains the others first: who fell and lies there unconscious has fallen.
var kinds = []string{"death", "fire", "gas", "abuse", "mental", "fraud", "house", "missing", "fall", "critical_illness", "hardship"}
