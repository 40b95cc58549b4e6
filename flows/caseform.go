package flows

import (
	"regexp"
	"slices"
	"strings"

	"xunfang/ledger"
)

var caseNumber = regexp.MustCompile(`^急(\d{6}-\d{1,4})(?:\D|$)`)

// saidDeeds are the words that do what a button does, behind a case's number.
var saidDeeds = []struct{ word, verb, arg string }{
	{"我来", "take", ""}, {"我处理", "take", ""}, {"我接", "take", ""},
	{"到了", "news", "arrived"}, {"已到", "news", "arrived"}, {"送医院", "news", "hospital"}, {"已送医", "news", "hospital"}, {"还在处理", "news", "still"},
	{"转交", "to", ""}, {"转给", "to", ""}, {"已打", "dialed", ""}, {"我陪着", "with", ""}, {"我也去", "with", ""}, {"认领", "claim", ""},
	{"误报", "false", ""}, {"搞错了", "doubt", ""}, {"结束", "over", ""}, {"看进展", "see", ""}, {"进展", "see", ""}, {"经过", "see", ""},
}

// byNumber obeys a text that begins with an emergency's number: the same words as on its buttons, or what there is to say of it.
func (t *turn) byNumber(said string) bool {
	if !caseNumber.MatchString(said) {
		return false
	}
	no := "急" + caseNumber.FindStringSubmatch(said)[1]
	words := strings.Trim(strings.TrimPrefix(said, no), " :,")
	i := slices.IndexFunc(t.in.View.Alarms, func(f ledger.CaseFile) bool { return f.No == no })
	var c CaseView
	ok := i >= 0
	if ok {
		c, ok = t.in.View.caseOf(t.in.View.Alarms[i].Key)
	}
	if !ok {
		t.say("没有" + no + ",或者它已经结束了,什么都没有改。有人遇到危险请说「紧急」。")
		return true
	}
	t.numbered(c, words)
	return true
}

func (t *turn) numbered(c CaseView, words string) {
	if words == "" {
		t.deal("back", c, "")
		return
	}
	for _, d := range saidDeeds {
		rest, ok := strings.CutPrefix(words, d.word)
		if !ok {
			continue
		}
		switch rest = strings.TrimLeft(rest, " :,了"); {
		case d.verb == "to" && rest == "":
			t.deal("pass", c, "")
		case d.verb == "over" && rest == "":
			t.deal("end", c, "")
		case d.verb == "over":
			t.deal("over", c, outcomeOther+":"+rest)
		default:
			t.deal(d.verb, c, orElse(d.arg, rest))
		}
		return
	}
	if c.acts() {
		t.deal("news", c, words)
		return
	}
	if f, ok := t.in.View.file(c.Key); ok && !f.State.Over() {
		a := t.heed(words)
		t.more(f, t.emergency(a), a)
		return
	}
	t.stale()
}

// caseForm takes the line that an act about an emergency asks for, where it is typed and not tapped.
var caseForm = Form{
	Name:  "case",
	Title: func(Answers, Input) string { return "一件紧急情况" },
	Done:  caseDone,
	Steps: []Step{
		{Key: "line", Ask: askCaseLine, Parse: parseCaseLine},
		{Key: "sure", When: is("act", "false"), Ask: askFalse, Parse: oneOf("按误报结束就点「是误报」,不是就点「不是」。", map[string]string{
			"yes": "yes", "是误报": "yes", "是": "yes", "确认": "yes", "no": "no", "不是": "no"})},
	},
}

func askCaseLine(a Answers, in Input) Prompt {
	ask := map[string]string{"to": "转给谁?请打名字", "false": "为什么是误报?说一句", "over": "怎么样了?说一句"}[a["act"]]
	return Prompt{Text: ask + ",或说「取消」。"}
}

func askFalse(a Answers, _ Input) Prompt {
	return Prompt{Card: &ledger.Card{Title: "按误报结束?", Desc: "「" + clip(a["line"], 30) + "」大家会知道不用去了。",
		Buttons: []ledger.Button{{Key: "yes", Text: "是误报", Style: 1}, {Key: "no", Text: "不是", Style: 2}}}}
}

func parseCaseLine(raw string, in Input) (string, error) {
	a := in.answers
	if a["act"] == "to" {
		f, _ := in.View.file(a["case"])
		p, err := onePerson(fold(raw), heirs(in, f, fold(raw)))
		return p, err
	}
	line, err := parseLine(raw, in)
	if err == nil && line == "" && (a["act"] == "false" || a["outcome"] == outcomeOther) {
		return "", Hint("请说一句,或说「取消」。")
	}
	return line, err
}

func caseDone(a Answers, in Input) Result {
	c, ok := in.View.caseOf(a["case"])
	f, there := in.View.file(a["case"])
	d, known := alarmDeeds[a["act"]]
	switch {
	case !ok || !there || !known || !d.may(c):
		return unchanged("这件事现在不归您办,什么都没有改。")
	case f.State.Over():
		return unchanged(ended(f, in))
	case a["sure"] == "no":
		return Result{Text: "好,没有结束,还在找人处理。", Card: ledger.Card{Title: c.headline(), Desc: "没有结束,还在处理。", Done: "没有结束"}}
	}
	arg := a["line"]
	if a["act"] == "over" {
		arg = a["outcome"] + ":" + arg
	}
	done := d.do(in, f, c, arg)
	res := Result{Changes: done.changes(), Card: done.card, Text: strings.TrimSpace(done.text + "\n" + done.say)}
	if res.Card.Done == "" {
		res.Card.Buttons, res.Card.Drop, res.Card.Done = nil, nil, "好"
	}
	if done.then != nil {
		then := *done.then
		then.Task = task(in.Key + "/then")
		res.Changes.Messages = append(res.Changes.Messages, ledger.Message{Card: &then})
	}
	return res
}
