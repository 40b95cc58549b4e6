package flows

import (
	"fmt"
	"strings"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// helpForm logs a help at the elder's home (002 五·帮扶服务: 每季度上门帮扶一次,填写帮扶记录): whom, what was done by taps and a line,
// a photo if there is one. Who looked at the five domains, too, says so at the confirmation, and the record counts as a visit
// as well (requirements §1.O).
var helpForm = Form{
	Name:  "help",
	Open:  []string{"aid", "帮扶", "记帮扶", "帮扶记录"},
	Title: func(a Answers, in Input) string { return "帮扶" + who(a, in) },
	Done:  reportDone(helpOf),
	Steps: append(reportSteps(askHelp),
		Step{Key: "method", Ask: askMethod, Parse: oneOf("上门还是电话?请点卡片上的按钮。", methodWords)},
		Step{Key: "deeds", Ask: askDeeds, Parse: parseTicks("deeds", deeds, notMet)},
		Step{Key: "line", When: elseAsked("deeds"), Ask: askDone, Parse: parseLine},
		Step{Key: "looked", Parse: oneOf("", map[string]string{"no": "no", "ok": "ok", "problem": "problem"})},
		Step{Key: "ok", Ask: confirmHelp, Parse: parseReport(methodWords, "method", "deeds", "line", "looked", "elder", "who", "which")},
		Step{Key: "trouble", When: is("looked", "problem"), Ask: askTrouble, Parse: parseTrouble},
	),
}

// notMet is ticked alone.
const notMet = "没见到人"

// deeds are what helpers do (requirements E4; 000 二(五): 生活照料、精神慰藉、代办服务).
var deeds = []string{"打扫", "买东西", "做饭送餐", "陪看病", "理发洗澡", "修理", "聊天", "代办", "农活", elseTicked, notMet}

func askHelp(a Answers, in Input) Prompt {
	all := byNeed(in.View.Elders, ledger.KindHelp)
	if len(all) == 0 {
		return Prompt{Text: "帮扶了哪位老人?请打名字或编号。"}
	}
	return Prompt{Card: &ledger.Card{
		Title: "记一次帮扶", Desc: orElse(unnamed(a), lackWords(all, ledger.KindHelp, in)),
		Selects: []ledger.Choice{elderChoice(all, a, in.View, ledger.KindHelp),
			{Key: "method", Title: "方式", Options: methods, Picked: a.picked("method", "door")}},
		Submit: ledger.Button{Key: "submit", Text: "提交"},
	}}
}

// unnamed says that a sentence named nobody in sight, "" where none did.
func unnamed(a Answers) string {
	if a["unnamed"] == "" {
		return ""
	}
	return "没听出是哪位老人,点一下。"
}

// lackWords tell how many elders still lack a help or a talk, and until when there is time.
func lackWords(all []*Elder, kind ledger.EntryKind, in Input) string {
	n, due := 0, ledger.Day("")
	for _, e := range all {
		if m, d := e.lacking(kind); m > 0 && (e.Paired || !all[0].Paired) {
			n++
			due = max(due, d)
		}
	}
	if n == 0 {
		return kindWords[kind] + "没有欠的。"
	}
	return fmt.Sprintf("还有%d位没%s,最晚%s。", n, kindWords[kind], due.Short())
}

// kindWords are what one does, by the kind of record.
var kindWords = map[ledger.EntryKind]string{ledger.KindVisit: "看", ledger.KindHelp: "帮扶", ledger.KindTalk: "联系家属"}

func askDeeds(a Answers, in Input) Prompt {
	return Prompt{Card: &ledger.Card{Title: "帮扶做了什么?", Desc: who(a, in) + ":可多选,也可以直接打一句。",
		Checks: ticks("deeds", deeds, a["was.deeds"]), Submit: chosen}}
}

func askDone(a Answers, in Input) Prompt {
	return Prompt{Text: "还帮" + who(a, in) + "做了什么?说一句;没有就说「跳过」。"}
}

func askTrouble(a Answers, in Input) Prompt {
	return Prompt{Text: who(a, in) + "哪里不好?说一句,会请村里处理。"}
}

func parseTrouble(raw string, in Input) (string, error) {
	v, err := parseLine(raw, in)
	if err == nil && v == "" {
		return "", Hint("哪里不好?说一句,村里才知道怎么办。")
	}
	return v, err
}

// helpOf is the record the answers make; key and number are the caller's.
func helpOf(a Answers, in Input, e *Elder) ledger.Entry {
	entry := ledger.Entry{Kind: ledger.KindHelp, ElderID: e.ID, UserID: in.User, Day: a.day(in), Method: ledger.Method(a["method"]),
		Outcome: ledger.OutcomeOK, Note: a.noted("deeds"), Late: a["late"], EnteredAt: in.Now, Version: 1}
	looked := orElse(a["looked"], a["was.looked"])
	switch {
	case a["deeds"] == notMet:
		entry.Outcome, entry.Note = ledger.OutcomeAbsent, a["line"]
	case entry.Method != ledger.MethodDoor: // nobody looks at a stove over the phone
	case looked == "problem":
		entry.Outcome, entry.Looked = ledger.OutcomeProblem, true
		entry.Note = strings.TrimPrefix(entry.Note+"。"+a["trouble"], "。")
	case looked == "ok":
		entry.Looked = true
	}
	return entry
}

func newHelp(a Answers, in Input, e *Elder, key string) Result {
	entry := helpOf(a, in, e)
	entry.Key, entry.No = key, number(entry.Day, e)
	res := Result{}
	res.Changes.Photos = kept(entry, in)
	res.Changes.Cases = troubled(a["trouble"], in, e, entry)
	lines := filled(counted(e, entry, in), passedOn(res.Changes.Cases))
	res.ask(e, entry, in) // requirements I6
	return recorded(res, e, entry, lines, in)
}

// troubled is the matter that begins with what a helper found not well.
func troubled(words string, in Input, e *Elder, entry ledger.Entry) []ledger.CaseStep {
	if words == "" || entry.Outcome != ledger.OutcomeProblem {
		return nil
	}
	return []ledger.CaseStep{problem(in, e, entry, troubleOf(entry.Key), "", words, 0)}
}

// troubleOf is what a help's matter comes from.
func troubleOf(entryKey string) string { return entryKey + "/trouble" }

// confirmHelp shows the help back. The quarter is the elder's, whoever helped (000 二(五): 多帮一); each helper has their own count.
func confirmHelp(a Answers, in Input) Prompt {
	e := a.elder(in.View)
	if e == nil {
		return Prompt{Text: "这位老人现在不在您名下,没有记。说「取消」重来,或问村负责人。"}
	}
	entry := helpOf(a, in, e)
	if fault := dayFault(e, entry.Day, in); fault != "" {
		return Prompt{Text: fault}
	}
	c := ledger.Card{Title: e.full(), Desc: dayWords(entry.Day, in.Today) + entry.Method.Name(), Buttons: confirmButtons}
	if !entry.Outcome.Met() {
		c.Desc += ",没见到人。这次不算帮过,还要再去。"
		return Prompt{Card: &c}
	}
	c.Desc += "帮扶。还有要写的,直接打一句。"
	c.Rows = []ledger.CardRow{{Name: "做了", Value: clip(orElse(strings.ReplaceAll(a.noted("deeds"), "\n", " "), "没写"), valueWidth)}}
	if entry.Method != ledger.MethodDoor {
		c.Sub = "电话帮的也记;每季度还要上门一次。"
		return Prompt{Card: &c}
	}
	photos := "可以现在发,没有也行"
	if n := pictures(in.shots); n > 0 {
		photos = fmt.Sprintf("%d张", n)
	}
	if a["mends"] == "" {
		c.Rows = append(c.Rows, ledger.CardRow{Name: "照片", Value: photos})
	}
	for _, d := range e.Duties {
		if d.Kind == ledger.KindHelp && d.Missing() == 0 && d.Done > 0 && a["mends"] == "" && d.From <= entry.Day {
			c.Sub = term(d, in.Today) + "已经有人上门帮过,再记也算您一次。"
		}
	}
	c.Drop = &ledger.Choice{Key: "looked", Title: "五方面看了吗", Picked: a.picked("looked", "no"), Options: []ledger.Option{
		{ID: "no", Text: "没看"}, {ID: "ok", Text: "看了,都好"}, {ID: "problem", Text: "看了,有情况"}}}
	return Prompt{Card: &c}
}

// helped turns what was understood of a help into answers, all but the elder: the speaker's words are the note.
func helped(p understand.Part, in Input) Answers {
	a := retold(p, in)
	a["form"], a["method"] = helpForm.Name, string(ledger.MethodDoor) // 002 五·帮扶服务: 上门
	for word, m := range map[string]string{"电话": "phone", "视频": "video"} {
		if strings.Contains(a["said"], word) {
			a["method"] = m
		}
	}
	if a.takeLine(p, in, "帮扶", "记录", "上门", "今天", "昨天") {
		a["deeds"] = ""
	}
	return a
}

// retold are the words of a report and its day.
func retold(p understand.Part, in Input) Answers {
	a := Answers{"said": clip(strings.TrimSpace(p.Text), 300)}
	if p.Reading.Dated {
		a.setDay(p.Reading.Date, in.Today)
	}
	return a
}

// takeLine takes the speaker's words for the note, unless they say nothing beside whom and which kind; false then.
func (a Answers) takeLine(p understand.Part, in Input, empty ...string) bool {
	rest := a["said"]
	for _, id := range p.Reading.Elders {
		if e := in.View.find(id); e != nil {
			for _, name := range append([]string{e.Name}, e.Aliases...) {
				rest = strings.ReplaceAll(rest, name, "")
			}
		}
	}
	for _, w := range empty {
		rest = strings.ReplaceAll(rest, w, "")
	}
	if len([]rune(fold(rest))) < 3 {
		return false
	}
	a["line"] = a["said"]
	return true
}
