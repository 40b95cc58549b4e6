package flows

import (
	"slices"
	"strings"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// elsewhere obeys a text in the middle of a form that is no answer to its question: it adds to the visit that waits for its
// confirmation, or tells of another report. Switching with unsaved answers asks once; what is told in sentences piles up instead.
func (t *turn) elsewhere(st *Step, said string) bool {
	told, rest := t.reports(t.in.View.Said)
	now := t.s.Answers.elder(t.in.View)
	others := slices.DeleteFunc(slices.Clone(told), func(v Answers) bool {
		e := v.elder(t.in.View)
		return e == nil || now != nil && e.ID == now.ID && string(v.kind()) == t.s.Form || v["outcome"] == "" && v["method"] == ""
	})
	nobody := reporting(t.s.Form) && now == nil && !unclear(t.s.Answers)
	confirming := t.s.Step == "ok" && (reporting(t.s.Form) || t.s.Form == pileForm.Name)
	switch {
	case len(others) == 1 && nobody && t.s.Answers["said"] == "": // whom it was about was all that was asked
		t.clear()
		t.start(string(others[0].kind()), others[0])
	case len(others) > 0 && (confirming || nobody) && (t.s.Form == pileForm.Name || t.s.Answers["said"] != ""):
		pile, rest := t.s.Answers.pile(), append(rest, t.s.Answers["rest"])
		if reporting(t.s.Form) {
			pile = []Answers{t.s.Answers.with("form", t.s.Form)}
		}
		for i, p := range t.s.Tray { // what came with the first may be of any of them now
			if p.Draft == t.s.ID {
				t.s.Tray[i].Draft = ""
			}
		}
		t.clear()
		t.start(pileForm.Name, pileOf(append(pile, others...), rest))
	case len(others) > 0 && t.s.Form == factForm.Name: // on to the next elder: the fact is asked again another time
		t.start(string(others[0].kind()), others[0])
	case len(others) > 0 && (confirming || strings.HasPrefix(said, others[0].elder(t.in.View).Name)):
		e := others[0].elder(t.in.View)
		t.s.Switch = Draft{Form: string(others[0].kind()), Answers: others[0].with("raw", t.in.Text)}
		f := t.form(t.s.Form)
		title := "这一份"
		if f.Title != nil {
			title = f.Title(t.s.Answers, t.in)
		}
		t.card(ledger.Card{Title: "「" + clip(said, 14) + "」是另一次" + others[0].kind().Name() + "吗?", Desc: title + "还没确认,先放着也不会丢。",
			Buttons: []ledger.Button{{Key: "go:switch:yes", Text: clip("记"+e.Name, buttonWidth), Style: 1}, {Key: "go:switch:no", Text: "是刚才的回答", Style: 2}}})
	case t.s.Form == visitForm.Name && len(others) == 0 && (confirming || t.s.Answers["said"] != "" && !st.Lines && st.Key != "words" && st.Key != "waiver"):
		return t.addition(st, said)
	default:
		return false
	}
	return true
}

// addition takes over what a further text says of the visit that was told in a sentence or waits for its confirmation, and
// asks on from there. What answers the open question is left to it.
func (t *turn) addition(st *Step, said string) bool {
	in := t.in
	in.answers = t.s.Answers
	_, err := st.Parse(choose(*st.Ask(t.s.Answers, t.in).card(), said), in)
	if _, hint := err.(Hint); !hint {
		return false
	}
	a := t.s.Answers.with("ok", "")
	delete(a, "ok")
	told := false
	for _, p := range t.in.View.Added {
		told = a.add(p, said, t.in) || told
	}
	if m := methodWords[strings.TrimPrefix(said, "是")]; m != "" {
		a["method"], told = m, true
	}
	if day, ok := saidDay(said, in); ok && !told { // 昨天
		told = a.setDay(day, in.Today)
	}
	if told {
		t.s.Answers = a
		t.next()
	}
	return told
}

// About is the elder of the visit under way, "" where there is none: what is said further is about them.
func About(s State) string {
	if id := orElse(orElse(s.Answers["which"], s.Answers["who"]), s.Answers["elder"]); s.Form == visitForm.Name && !strings.HasPrefix(id, "?") && id != "other" {
		return id
	}
	return ""
}

// card is the prompt's card, an empty one where it is a text.
func (p Prompt) card() *ledger.Card {
	if p.Card == nil {
		return &ledger.Card{}
	}
	return p.Card
}

// switched follows the answer to whether a text was another visit.
func (t *turn) switched(yes bool) {
	d := t.s.Switch
	t.s.Switch = Draft{}
	raw := d.Answers["raw"]
	delete(d.Answers, "raw")
	switch st := t.step(); {
	case d.Form == "":
		t.say("已经办过了。")
	case yes:
		t.start(d.Form, d.Answers)
	case st == nil:
		t.onward()
	case t.feed(st, strings.TrimSpace(raw)):
		t.next()
	}
}

// add takes over what a further text says about a visit that waits for its confirmation; false where it says nothing of it.
func (a Answers) add(p understand.Part, text string, in Input) bool {
	r := p.Reading
	more := heard(p, in)
	told := false
	if r.Intent == understand.Correct && len(r.Elders) == 1 && r.Elders[0] != a["elder"] { // 不是她是张桂花
		a["elder"], told = r.Elders[0], true
		delete(a, "who")
		delete(a, "which")
	}
	if !strings.Contains(a["said"], text) {
		a["said"] = clip(strings.TrimPrefix(a["said"]+"。"+text, "。"), 300)
	}
	for _, key := range []string{"method", "temp", "pressure", "company", "phone", "address", "guess", "rest"} {
		if v := more[key]; v != "" {
			a[key], told = v, true
		}
	}
	if more["note"] != "" {
		a["note"] = a["said"]
	}
	if r.Dated {
		told = a.setDay(r.Date, in.Today)
	}
	switch {
	case more["items"] != "":
		items := strings.Split(more["items"], ",")
		if was := a["items"]; was != "" && a["outcome"] == string(ledger.OutcomeProblem) {
			items = append(strings.Split(was, ","), items...)
		}
		for key, v := range more {
			if strings.HasPrefix(key, "note.") {
				a[key] = v
			}
		}
		a["items"], _ = parseItems(strings.Join(unique(items), ","), in)
		if a["outcome"], told = string(ledger.OutcomeProblem), true; a["act"] == "" {
			a["act"], a["dealt"] = more["act"], more["dealt"]
		}
	case more["outcome"] != "" && a["outcome"] != string(ledger.OutcomeProblem):
		a["outcome"], told = more["outcome"], true
		if w := more["words"]; w != "" {
			a["words"] = w
		}
	}
	return told
}

func unique(words []string) []string {
	words = slices.Clone(words)
	slices.Sort(words)
	return slices.Compact(words)
}
