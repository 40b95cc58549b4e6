package flows

import (
	"slices"
	"strings"

	"xunfang/ledger"
)

// part is in what capacity somebody hears of a case.
type part int

const (
	partLead part = iota
	partReporter
	partDept
)

func partOf(told ledger.Event) part {
	switch {
	case told.Kind == ledger.EventShown && told.Dept != "":
		return partDept
	case told.Kind == ledger.EventShown:
		return partReporter
	}
	return partLead
}

// alarmSpread tells everybody who has part in an emergency what a step changed, each in one message. A card is changed when the case
// is first taken in a round of the ladder; the rest is said in a line, and only to those who do something with it.
func alarmSpread(was ledger.CaseFile, step ledger.CaseStep, as func(user string) CaseView, in Input) []ledger.Message {
	after := was.With(step)
	tells := familyTeller(was, step, as)
	var out []ledger.Message
	for _, told := range hearers(was, after) {
		if told.To == in.User || rung(step, told.To) {
			continue
		}
		c := as(told.To)
		if c.Sight == ledger.CaseNone {
			continue
		}
		m := ledger.Message{Key: wordKey(step, told.To), To: told.To, Priority: ledger.PriorityAlarm}
		if passed, ok := event(step, ledger.EventPassed); ok && passed.To == told.To {
			card := leadCard(c, c.name(passed.By)+"转给您。", in)
			card.Task = task(m.Key)
			m.Card = &card
			out = append(out, m)
			continue
		}
		role := partOf(told)
		if role == partReporter && c.acts() { // who leads there and reported it, too
			role = partLead
		}
		if told.To == tells {
			m.Card = familyCard(in, c)
			m.Card.Task = task(m.Key)
			out = append(out, m)
			continue
		}
		text := spreadText(step, c, role, in)
		if text == "" {
			continue
		}
		m.Text = fit(text)
		if _, taken := takenIn(step); taken && told.Message != "" && !spent(was, told) && !ledger.IsKf(told.To) { // a menu on WeChat stays as it is
			card := c.card(in)
			m.Of, m.Card, m.Text, m.Fallback = told.Message, &card, "", m.Text
		}
		out = append(out, m)
	}
	return out
}

// familyTeller is the lead who is asked to tell the family, where whoever ended the case may not see it: "" nobody.
func familyTeller(was ledger.CaseFile, step ledger.CaseStep, as func(user string) CaseView) string {
	e, over := event(step, ledger.EventEnded)
	if x := step.Case; !over || e.By == "" || x.ElderID == "" || x.Drill || ledger.AlarmOf(x.What).Hidden || as(e.By).Sight == ledger.CaseAll {
		return ""
	}
	for _, told := range was.Told() {
		if c := as(told.To); c.Leads && told.To != e.By {
			return told.To
		}
	}
	return ""
}

// hearers are the last messages of everybody who was told or reported, and whoever acts or did, and whoever it is passed to.
func hearers(was, after ledger.CaseFile) []ledger.Event {
	out := was.Told()
	add := func(user string) {
		if user != "" && !slices.ContainsFunc(out, func(e ledger.Event) bool { return e.To == user }) {
			out = append(out, ledger.Event{Kind: ledger.EventTold, To: user})
		}
	}
	add(was.Owner)
	add(after.Owner)
	for _, e := range after.Timeline[len(was.Timeline):] {
		if e.Kind == ledger.EventPassed {
			add(e.To)
		}
	}
	return out
}

// rung says whether the ladder says something to somebody in this step: then nothing else is said to them.
func rung(step ledger.CaseStep, user string) bool {
	return slices.ContainsFunc(step.Events, func(e ledger.Event) bool {
		return e.To == user && e.By == "" && (e.Kind == ledger.EventTold || e.Kind == ledger.EventCalled || e.Kind == ledger.EventShown)
	})
}

func event(step ledger.CaseStep, kind ledger.EventKind) (ledger.Event, bool) {
	i := slices.IndexFunc(step.Events, func(e ledger.Event) bool { return e.Kind == kind })
	if i < 0 {
		return ledger.Event{}, false
	}
	return step.Events[i], true
}

func takenIn(step ledger.CaseStep) (ledger.Event, bool) {
	return takenOf(ledger.CaseFile{Timeline: step.Events})
}

// spent says whether somebody's card was changed before, or says that they claimed it: one code is good for one change.
func spent(was ledger.CaseFile, told ledger.Event) bool {
	return slices.ContainsFunc(was.Timeline, func(e ledger.Event) bool {
		return e.Kind == ledger.EventTaken && e.N > told.N && (e.Dept == "" && e.By != told.To || e.Dept != "" && e.By == told.To)
	})
}

// spreadText is what a step is to somebody, "" nothing.
func spreadText(step ledger.CaseStep, c CaseView, as part, in Input) string {
	leads := as == partLead && (c.Owner == "" || c.Owner == c.User)
	reporter := as == partReporter
	var lines []string
	say := func(heard bool, text string) {
		if heard && text != "" {
			lines = append(lines, text)
		}
	}
	tail := ""
	for _, e := range step.Events {
		by := c.name(e.By)
		switch e.Kind {
		case ledger.EventTaken:
			if e.Dept != "" {
				say(leads, e.Dept+by+"认领了。")
				continue
			}
			say(true, by+"已接,正在处理。")
			tail = map[part]string{partReporter: "请保持电话畅通。"}[as]
		case ledger.EventJoined:
			say(leads, by+"也报了"+quoted(e.Text)+callOf(c, e.By))
		case ledger.EventMore:
			say(leads, by+"补充"+quoted(e.Text)+callOf(c, e.By))
		case ledger.EventKnown:
			say(leads, "现在知道是:"+strings.TrimSuffix(c.about()+","+c.where(), ",")+"。")
		case ledger.EventGraver:
			say(leads, "比刚才说的严重:"+e.Text+"。")
		case ledger.EventDoubt:
			say(leads, by+"说可能是搞错了,没有危险。")
			tail = "核实了回「" + c.No + " 误报」,没核实还要去看。"
		case ledger.EventPassed:
			say(as == partLead, by+"转给了"+c.name(e.To)+"。")
			tail = "没有人接的话接着找人。您能去就回「" + c.No + " 我来」。"
		case ledger.EventNews:
			say(reporter, by+":"+e.Text+"。")
		case ledger.EventQuiet:
			say(reporter || e.To == c.User, c.silent(in)+"正在重新找人。")
			tail = "情况急就再打" + orElse(ledger.AlarmOf(c.What).Number, "120") + "。"
			if e.To == c.User {
				tail = "还在处理就回「" + c.No + " 还在处理」。"
			}
		case ledger.EventAgain:
			say(reporter, "还没有人接,又通知了一遍。")
			tail = "情况急就再打" + orElse(ledger.AlarmOf(c.What).Number, "120") + "。"
		case ledger.EventEnded, ledger.EventFalse:
			say(true, c.about()+","+strings.TrimPrefix(c.end(in), clock(e.At, in)+" ")+"。")
			tail = map[part]string{partReporter: "不用再等。"}[as]
			if as != partReporter {
				tail = "不用再去。"
			}
		}
	}
	if len(lines) == 0 {
		return ""
	}
	if leads && tail == "" {
		tail = "还没有人接,接手请回「" + c.No + " 我来」。"
		if c.Owner == c.User {
			tail = "有进展回「" + c.No + " 到了」,办完回「" + c.No + " 结束」。"
		}
	}
	return drillMark(c.Case) + clock(in.Now, in) + " " + strings.Join(lines, "\n") + tail
}

// quoted are somebody's words; what was sent besides words stands in brackets.
func quoted(words string) string {
	switch {
	case words == "":
		return ""
	case strings.HasPrefix(words, "("):
		return words
	}
	return ":「" + strings.ReplaceAll(words, "\n", " ") + "」"
}

// callOf is the number of who said something, where it is known.
func callOf(c CaseView, user string) string {
	if user != c.By || c.Reporter.Phone == "" {
		return "。"
	}
	return "。" + c.callReporter()
}
