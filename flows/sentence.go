package flows

import (
	"slices"
	"strconv"
	"strings"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// sentence obeys what somebody typed freely; false where nothing in it is understood. Nothing is written from a sentence
// alone: a report is shown back for one tap, and danger is offered the alarm (requirements §2.1: echo and one confirm).
func (t *turn) sentence() bool {
	parts := t.in.View.Said
	if p, ok := t.danger(); ok {
		t.peril(p)
		return true
	}
	told, rest := t.reports(parts)
	switch {
	case len(told) > 1:
		t.start("pile", pileOf(told, rest))
	case len(told) == 1:
		t.start(string(told[0].kind()), told[0])
	case len(parts) > 0:
		return t.other(parts[0])
	default:
		return false
	}
	return true
}

// reports are the visits, helps and talks a message tells of, each as the answers of its form; rest is what it says besides.
func (t *turn) reports(parts []understand.Part) (told []Answers, rest []string) {
	for _, p := range parts {
		if !reports(p) {
			if len(strings.TrimSpace(p.Text)) > 0 {
				rest = append(rest, strings.TrimSpace(p.Text))
			}
			continue
		}
		a := t.heard(p)
		ids := t.inView(p.Reading.Elders)
		switch {
		case len(ids) == 0: // whoever it was, of the name nothing is kept
			delete(a, "rest")
			delete(a, "note")
			delete(a, "line")
			delete(a, "deeds")
			delete(a, "points")
			a["unnamed"] = "yes"
			told = append(told, a)
		case p.Reading.Ambiguous:
			a["elder"] = "?" + strings.Join(ids, ",")
			told = append(told, a)
		default:
			for _, id := range ids {
				one := a.with("elder", id)
				same := func(v Answers) bool {
					return v["elder"] == id && v["day"] == one["day"] && v["form"] == one["form"] && v["whom"] == one["whom"]
				}
				i := slices.IndexFunc(told, same)
				switch { // said twice, or in two lines: one record
				case i >= 0 && a.kind() == ledger.KindVisit:
					told[i].add(p, a["said"], t.in)
				case i >= 0:
					told[i]["line"] = clip(strings.TrimSpace(told[i]["line"]+" "+a["line"]), 300)
				default:
					told = append(told, one)
				}
			}
		}
	}
	return told, rest
}

// heard turns what was understood of a report into the answers of its form, all but the elder.
func (t *turn) heard(p understand.Part) Answers {
	switch p.Reading.Intent {
	case understand.HelpRecord:
		return helped(p, t.in)
	case understand.FamilyContact:
		return talked(p, t.in)
	}
	return heard(p, t.in)
}

func (t *turn) inView(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return t.in.View.find(id) == nil })
}

// with is a copy with one answer more.
func (a Answers) with(key, value string) Answers {
	out := Answers{}
	for k, v := range a {
		out[k] = v
	}
	out[key] = value
	return out
}

// heard turns what was understood of a visit into answers, all but the elder.
func heard(p understand.Part, in Input) Answers {
	r := p.Reading
	a := Answers{"said": clip(strings.TrimSpace(p.Text), 300)}
	if r.Method != nil {
		a["method"] = *r.Method
	}
	switch {
	case r.Refused:
		a["outcome"] = string(ledger.OutcomeRefused)
		if _, words, ok := strings.Cut(a["said"], "说"); ok && len(words) > 0 { // in the elder's words; else they are asked for
			a["words"] = strings.Trim(words, " :,。「」“”")
		}
	case r.Status != nil:
		a["outcome"] = *r.Status
	}
	if len(r.Problems) > 0 && !r.Refused {
		a["outcome"] = string(ledger.OutcomeProblem)
		a["items"] = strings.Join(r.Problems, ",")
		for _, item := range r.Problems {
			a["note."+item] = clip(r.Said[item], 60)
		}
		a["act"], a["dealt"] = dealt(a["said"], r.Problems), "yes"
	}
	if r.Facts.RoomTemp != nil {
		a["temp"] = strconv.Itoa(*r.Facts.RoomTemp)
		if slices.Contains(r.Problems, ledger.ItemRoomTemp) {
			a["note."+ledger.ItemRoomTemp] = a["temp"]
		}
	}
	for key, value := range map[string]string{"pressure": r.Facts.BP, "company": r.Facts.Companion, "phone": r.Facts.NewPhone, "address": r.Facts.NewAddress} {
		if value != "" {
			a[key] = value
		}
	}
	if r.Dated {
		a.setDay(r.Date, in.Today)
	}
	var rest []string
	for _, u := range r.Unknown {
		if u.Item == "" && !r.Ditto {
			rest = append(rest, u.Words)
		}
	}
	if a["rest"] = strings.Join(rest, "、"); a["rest"] == "" {
		delete(a, "rest")
	}
	if len(rest)+len(r.Problems) > 0 {
		a["note"] = a["said"]
	}
	for _, u := range r.Unknown { // misspelt, and plainly what it was meant to be: 腿月中 is 腿肿
		if note := "note." + u.Item; a[note] != "" {
			a[note] = strings.ReplaceAll(a[note], u.Words, u.Maybe)
		}
	}
	if i := slices.IndexFunc(r.Unknown, func(u understand.Unknown) bool { return u.Item != "" && !slices.Contains(r.Problems, u.Item) }); i >= 0 {
		u := r.Unknown[i]
		a["guess"] = strings.Join([]string{u.Words, u.Maybe, u.Item}, "|")
	}
	return a
}

// fixedWords say that what was not well has been seen to.
var fixedWords = []string{"修好了", "弄好了", "换好了", "换上了", "换了新", "处理好了", "当场处理", "当场解决", "已经修", "给修了", "通好了", "收拾好了"}

// dealt is what becomes of problems told in a sentence: what may kill goes to the village, the rest is kept an eye on, unless the
// words say otherwise. It is shown and can be changed at the confirmation.
func dealt(said string, items []string) string {
	contains := func(word string) bool { return strings.Contains(said, word) }
	switch {
	case slices.ContainsFunc(fixedWords, contains):
		return string(ledger.FindingFixed)
	case slices.ContainsFunc(items, func(k string) bool { return grave[k] != "" }), contains("上报"), contains("报村"), contains("报给村"), contains("报到村"):
		return string(ledger.FindingReported)
	}
	return string(ledger.FindingWatched)
}

// other obeys a sentence that is neither a report nor danger.
func (t *turn) other(p understand.Part) bool {
	r := p.Reading
	switch r.Intent {
	case understand.QueryTodo:
		return t.word("待办")
	case understand.QueryStats:
		return t.word("统计")
	case understand.Help:
		return t.word("帮助")
	case understand.Cancel:
		t.undo("")
	case understand.Greeting:
		t.say(orElse(t.in.View.Name, "您") + ",您好。记巡访点「巡访」,或直接说一句,比如「" + t.example() + " 上门 都好」。")
	case understand.QueryElder:
		if len(r.Elders) == 1 {
			t.look("card", r.Elders[0])
			return true
		}
		var hits []Elder
		for _, id := range r.Elders {
			more, _ := t.in.View.Find(id)
			hits = append(hits, more...)
		}
		if len(hits) == 0 {
			return false
		}
		t.which("card", hits)
	case understand.Correct:
		t.correct(r)
	case understand.Leave:
		t.absence(p)
	case understand.Need:
		t.need(p)
	case understand.FamilyInfo:
		t.pass(r.Intent, t.inView(r.Elders))
	default:
		return false
	}
	return true
}

// example is the name of one of the speaker's elders, to show how a sentence goes.
func (t *turn) example() string {
	for _, e := range owedFirst(mine(t.in.View)) {
		return e.Name
	}
	return "马秀兰"
}
