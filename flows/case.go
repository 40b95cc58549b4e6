package flows

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"xunfang/ledger"
)

// CaseView is a case as one person may see it (ledger.MayCase decides how much).
type CaseView struct {
	ledger.CaseFile
	Whole    ledger.Case // as it is: what a step begins with, never shown
	User     string
	Sight    ledger.CaseSight
	Who      string                   // the elder with all that tells two of one name apart, "" nobody known or not for this person
	Where    string                   // address, or the village and group; "" not known
	Village  string                   // the village's name, "" not known
	Phone    string                   // the elder's
	Kin      string                   // first relative, with where they are
	KinPhone string                   //
	Leads    bool                     // the person leads where it is: may close it, say that it was false, and take it over
	Reporter ledger.Person            // who raised it; the zero Person for somebody who holds no post and is not on the ledger
	Post     string                   // of the reporter: 望远村巡访员
	Duty     string                   // of somebody told for a department: what it is bound to do in such a case
	Names    func(user string) string // of whoever works here; "" nobody
}

// caseKey is the key of a case that a message raises.
func caseKey(in Input) string {
	sum := sha256.Sum256([]byte("case/" + in.Key))
	return "c" + hex.EncodeToString(sum[:12])
}

// Rung puts a message of a ladder into words for who it is for.
func Rung(ring ledger.Ring, c CaseView, in Input) ledger.Message {
	m := alarmRung(ring, c, in)
	if c.Kind != ledger.CaseAlarm {
		m = matterRung(ring, c, in)
	}
	m.Key, m.To = ring.Message, ring.To
	return m
}

// Spread tells everybody who has part in a case, its actor aside, what a step changed: cards change, and what has to be known is
// said. as is the case as somebody sees it after the step.
func Spread(was ledger.CaseFile, step ledger.CaseStep, as func(user string) CaseView, in Input) []ledger.Message {
	if step.Case.Kind != ledger.CaseAlarm {
		return matterSpread(was, step, as, in)
	}
	return alarmSpread(was, step, as, in)
}

func caseButton(verb, key string) string { return "go:case:" + verb + ":" + key }

// takenOf is the last time that somebody took a case; a department that claims it leaves it with the others.
func takenOf(f ledger.CaseFile) (ledger.Event, bool) {
	for i := len(f.Timeline) - 1; i >= 0; i-- {
		if e := f.Timeline[i]; e.Kind == ledger.EventTaken && e.Dept == "" {
			return e, true
		}
	}
	return ledger.Event{}, false
}

// name is what to call somebody: for a stranger nobody here has a name.
func (c CaseView) name(user string) string {
	name := c.Names(user)
	switch {
	case user == c.User:
		return "您"
	case name == "":
		return "没有登记的人"
	case c.Names(c.User) == "":
		return "工作人员"
	}
	return name
}

// what says in a few words what has happened.
func (c CaseView) what() string {
	k := ledger.AlarmOf(c.What)
	switch {
	case k.Key == "":
		return "遇到危险"
	case k.Hidden:
		return "遭" + k.Name
	}
	return k.Name
}

// about is whom it is about and what has happened, as far as the person may see it.
func (c CaseView) about() string {
	switch {
	case c.Who != "":
		return c.Who + " " + c.what()
	}
	k := ledger.AlarmOf(c.What)
	what := k.Name
	if k.Key == "" || k.Hidden {
		what = "有人" + c.what()
	}
	if c.Sight >= ledger.CasePart && located(c.Case) && c.Village != "" {
		what += "(" + c.Village + ")"
	}
	return what
}

// headline is a card's title.
func (c CaseView) headline() string {
	const width = 36
	return clip(drillMark(c.Case)+"⚠ 紧急:"+c.about(), width)
}

// where is the place as far as it was said; who reported it may be elsewhere.
func (c CaseView) where() string {
	switch {
	case c.Where != "" || c.Place == "":
		return c.Where
	case strings.Contains(c.About, c.Place): // it is in the words
		return orElse(c.Village, c.Place)
	}
	return c.Place
}

// dial is the button that says that the number was called.
func (c CaseView) dial() ledger.Button {
	return ledger.Button{Key: caseButton("dialed", c.Key), Text: "已打" + orElse(ledger.AlarmOf(c.What).Number, "电话"), Style: 2}
}

func (c CaseView) button(verb, text string, style int) ledger.Button {
	return ledger.Button{Key: caseButton(verb, c.Key), Text: text, Style: style}
}

// offers are buttons of one verb, each with what it chooses.
func (c CaseView) offers(verb string, options []ledger.Option) []ledger.Button {
	var out []ledger.Button
	for _, o := range options {
		out = append(out, ledger.Button{Key: caseButton(verb, c.Key) + ":" + o.ID, Text: clip(o.Text, buttonWidth), Style: 1})
	}
	return out
}

// acts says whether the person may take the case: who leads there, who was told of it or given it.
func (c CaseView) acts() bool {
	return c.Sight >= ledger.CasePart && (c.Leads || c.Owner == c.User || slices.ContainsFunc(c.Timeline, func(e ledger.Event) bool {
		return e.To == c.User && (e.Kind == ledger.EventTold || e.Kind == ledger.EventCalled || e.Kind == ledger.EventPassed)
	}))
}

// dept is the department for which the person was told, "" none.
func (c CaseView) dept() string {
	for _, e := range c.Timeline {
		if e.Kind == ledger.EventShown && e.To == c.User && e.Dept != "" {
			return e.Dept
		}
	}
	return ""
}

// did says whether the person is in the timeline with something that is done once.
func (c CaseView) did(kind ledger.EventKind) (ledger.Event, bool) {
	i := slices.IndexFunc(c.Timeline, func(e ledger.Event) bool { return e.Kind == kind && e.By == c.User })
	if i < 0 {
		return ledger.Event{}, false
	}
	return c.Timeline[i], true
}
