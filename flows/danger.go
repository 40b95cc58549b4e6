package flows

import (
	"strings"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

func perilous(p understand.Part) bool { return p.Reading.Intent == understand.Emergency }

// peril offers the alarm: no question stands before it. The words are kept for whoever is told, and a form under way waits.
func (t *turn) peril(p understand.Part) {
	t.s.Danger = Danger{Text: clip(strings.TrimSpace(p.Text), 200), Elders: t.inView(p.Reading.Elders)}
	c := ledger.Card{Title: "⚠ 听着像有人遇到危险", Desc: "先打电话,再点「马上报告」,村里乡里立刻知道。",
		Sub:     "「" + clip(t.endangered(), 60) + "」\n" + strings.TrimPrefix(numbers, "⚠ 先打电话\n"),
		Buttons: []ledger.Button{{Key: "go:alarm", Text: "马上报告", Style: 1}, {Key: "go:calm", Text: "没有危险", Style: 2}}}
	t.card(c)
}

// endangered are the words of what was said of danger, with the elder told in full where only one can be meant.
func (t *turn) endangered() string {
	d := t.s.Danger
	if len(d.Elders) == 1 {
		if e := t.in.View.find(d.Elders[0]); e != nil {
			return e.full() + " " + d.Text
		}
	}
	return d.Text
}

// Danger is what was said that sounded like danger, until it is answered.
type Danger struct {
	Text   string   `json:"t,omitempty"`
	Elders []string `json:"e,omitempty"`
}

// alarmed raises the alarm that was offered.
func (t *turn) alarmed() {
	about := t.endangered()
	t.s.Danger = Danger{}
	t.done("已报告")
	t.urgent(about)
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
		return
	case len(d.Elders) == 1:
		with["elder"] = d.Elders[0]
	default:
		with["elder"] = "?" + strings.Join(d.Elders, ",")
	}
	t.start("visit", with)
}
