package flows

import (
	"maps"
	"slices"
	"strings"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// Danger is what was said that sounded like danger, until it is answered.
type Danger struct {
	Text   string   `json:"t,omitempty"`
	What   string   `json:"w,omitempty"`
	Elders []string `json:"e,omitempty"`
	Sure   bool     `json:"s,omitempty"` // of the elders
	More   bool     `json:"m,omitempty"` // the message told of other things besides, which are laid aside
}

// danger is the first part of a message that tells of somebody in danger.
func (t *turn) danger() (understand.Part, bool) {
	if i := slices.IndexFunc(t.in.View.Said, perilous); i >= 0 {
		return t.in.View.Said[i], true
	}
	return understand.Part{}, false
}

// peril raises the alarm where a sentence leaves no doubt, and offers it with one tap where it does: no question stands before it.
// The words are kept for whoever is told, and a form under way waits (requirements §3 case 21).
func (t *turn) peril(p understand.Part) {
	a := t.heed(t.in.Text)
	told, _ := t.reports(slices.DeleteFunc(slices.Clone(t.in.View.Said), perilous))
	if len(told) > 0 { // those who are told of the danger hear of it alone
		a.about = clip(dangerous(t.in.View.Said), saidWidth)
	}
	if e := t.s.Answers.elder(t.in.View); reporting(t.s.Form) && e != nil && t.isAbout(e, a) {
		a.elders, a.sure = []string{e.ID}, true
	}
	if p.Reading.Sure {
		t.alarm(a)
		if t.lay(told); len(told) > 0 {
			t.offerOnce()
		}
		return
	}
	t.lay(told)
	t.s.Danger = Danger{Text: a.about, What: a.what, Elders: a.elders, Sure: a.sure, More: len(told) > 0}
	first := strings.TrimPrefix(numbers, "⚠ 先打电话\n")
	if k := ledger.AlarmOf(a.what); k.Number != "" {
		first = "先打" + k.Number + "。" + k.Say
	}
	t.card(ledger.Card{Title: "⚠ 听着像有人遇到危险", Desc: "先打电话,再点「马上报告」,村里乡里立刻知道。",
		Sub:     "「" + clip(t.endangered(), 60) + "」\n" + first,
		Buttons: []ledger.Button{{Key: "go:alarm", Text: "马上报告", Style: 1}, {Key: "go:calm", Text: "没有危险", Style: 2}}})
}

// dangerous is what a message says of danger.
func dangerous(parts []understand.Part) string {
	var lines []string
	for _, p := range parts {
		if perilous(p) {
			lines = append(lines, strings.TrimSpace(p.Text))
		}
	}
	return strings.Join(lines, "\n")
}

// lay puts what a message told besides the danger aside, as a form that was begun: nothing of it is lost, and it is offered back.
func (t *turn) lay(told []Answers) {
	if len(told) == 0 {
		return
	}
	d := Draft{Form: string(told[0].kind()), Answers: told[0], ID: t.in.Key, At: t.in.Now.Unix()}
	if len(told) > 1 {
		d.Form, d.Answers = pileForm.Name, pileOf(told, nil)
	}
	d.Order = slices.Sorted(maps.Keys(d.Answers))
	t.s.Parked = append(t.s.Parked, d)
	if len(t.s.Parked) > maxParked {
		t.s.Parked = t.s.Parked[1:]
	}
}

// endangered are the words of what was said of danger, with the elder told in full where only one can be meant.
func (t *turn) endangered() string {
	d := t.s.Danger
	if len(d.Elders) == 1 && d.Sure {
		if e := t.in.View.find(d.Elders[0]); e != nil {
			return e.full() + " " + d.Text
		}
	}
	return d.Text
}

// alarmed raises the alarm that was offered.
func (t *turn) alarmed() {
	d := t.s.Danger
	t.s.Danger = Danger{}
	t.alarm(alert{about: d.Text, what: d.What, elders: t.inView(d.Elders), sure: d.Sure})
	if d.More {
		t.offerOnce()
	}
}

// calm takes back the offer: what was said becomes the record it may have been meant for.
func (t *turn) calm() {
	d := t.s.Danger
	t.s.Danger = Danger{}
	t.done("没有危险")
	if st := t.step(); st != nil { // then it was the answer to an open question, where that takes words
		if words := st.Parse != nil && st.Ask(t.s.Answers, t.in).Card == nil; !words {
			t.ask()
		} else if t.feed(st, d.Text) {
			t.next()
		}
		return
	}
	with := Answers{"said": d.Text, "outcome": string(ledger.OutcomeProblem)}
	switch {
	case len(d.Elders) == 0:
		t.offer()
		return
	case len(d.Elders) == 1:
		with["elder"] = d.Elders[0]
	default:
		with["elder"] = "?" + strings.Join(d.Elders, ",")
	}
	t.start("visit", with)
}
