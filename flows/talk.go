package flows

import (
	"fmt"
	"slices"
	"strings"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// talkForm logs a talk with a child or the entrusted carer (002 五·帮扶服务: 每半年沟通,督促履行赡养义务): with whom, how, whether
// they were reached, what was said. Attempts are kept and fulfil nothing (requirements F8). Numbers are not shown here: 资料 has
// them, behind 要打电话.
var talkForm = Form{
	Name:  "talk",
	Open:  []string{"talk", "联系家属", "联系子女"},
	Title: func(a Answers, in Input) string { return "联系" + who(a, in) + "的家属" },
	Done:  reportDone(talkOf),
	Steps: append(reportSteps(askTalk),
		Step{Key: "whom", Ask: askKinsman, Parse: parseKinsman},
		Step{Key: "kinsman", When: is("whom", "other"), Ask: func(a Answers, in Input) Prompt {
			return Prompt{Text: "联系了" + who(a, in) + "的哪位家属?打一句,比如「外甥 王某」。"}
		}, Parse: parseKinsman},
		Step{Key: "method", Ask: askReached, Parse: oneOf("打电话、见面还是视频?请在卡片上选。", wayWords)},
		Step{Key: "outcome", Ask: askReached, Parse: oneOf("联系上了没有?请在卡片上选。", endWords)},
		Step{Key: "points", When: is("outcome", string(ledger.OutcomeOK)), Ask: askPoints, Parse: parseTicks("points", points, "")},
		Step{Key: "line", When: elseAsked("points"), Ask: askTold, Parse: parseLine},
		Step{Key: "ok", Ask: confirmTalk,
			Parse: parseReport(wayWords, "whom", "kinsman", "method", "outcome", "points", "line", "elder", "who", "which")},
	),
}

var (
	wayWords = map[string]string{"phone": "phone", "电话": "phone", "打电话": "phone", "door": "door", "见面": "door", "当面": "door",
		"video": "video", "视频": "video"}
	endWords = map[string]string{"ok": "ok", "联系上了": "ok", "联系上": "ok", "absent": "absent", "没联系上": "absent", "没人接": "absent",
		"打不通": "absent", "wrong": "wrong", "号码不对": "wrong", "空号": "wrong"}
	talkWays = map[ledger.Method]string{ledger.MethodPhone: "电话", ledger.MethodDoor: "见面", ledger.MethodVideo: "视频"}
	talkEnds = map[ledger.Outcome]string{ledger.OutcomeOK: "联系上了", ledger.OutcomeAbsent: "没联系上", ledger.OutcomeWrong: "号码不对",
		ledger.OutcomeUndone: "已撤销"}
	points = []string{"催回家看看", "请常打电话", "说了身体情况", "说了要帮的事", "问了家里近况", elseTicked}
)

// TriesMost is how often in a row a relative is not reached before the number is taken for dead (requirements §3 case 26).
const TriesMost = 3

var (
	ways = []ledger.Option{{ID: "phone", Text: "电话"}, {ID: "door", Text: "见面"}, {ID: "video", Text: "视频"}}
	ends = []ledger.Option{{ID: "ok", Text: "联系上了"}, {ID: "absent", Text: "没联系上"}, {ID: "wrong", Text: "号码不对"}}
)

func askTalk(a Answers, in Input) Prompt {
	all := byNeed(in.View.Elders, ledger.KindTalk)
	if len(all) == 0 {
		return Prompt{Text: "联系了哪位老人的家属?请打老人的名字或编号。"}
	}
	return Prompt{Card: &ledger.Card{
		Title: "记一次联系家属", Desc: orElse(unnamed(a), lackWords(all, ledger.KindTalk, in)+triedWords(all)),
		Selects: append([]ledger.Choice{elderChoice(all, a, in.View, ledger.KindTalk)}, reached(a)...),
		Submit:  ledger.Button{Key: "submit", Text: "提交"},
	}}
}

// triedWords tell those whose family was called in vain apart from those whose family nobody has called (requirements §3 case 26), ""
// where nobody was.
func triedWords(all []*Elder) string {
	tried, lack := 0, 0
	for _, e := range all {
		if n, _ := e.lacking(ledger.KindTalk); n > 0 && (e.Paired || !all[0].Paired) {
			lack++
			if len(e.Tried) > 0 {
				tried++
			}
		}
	}
	if tried == 0 {
		return ""
	}
	return fmt.Sprintf("其中联系未果%d位,未联系%d位。", tried, lack-tried)
}

func reached(a Answers) []ledger.Choice {
	return []ledger.Choice{{Key: "method", Title: "方式", Options: ways, Picked: a.picked("method", "phone")},
		{Key: "outcome", Title: "结果", Options: ends, Picked: a.picked("outcome", "ok")}}
}

func askReached(a Answers, in Input) Prompt {
	return Prompt{Card: &ledger.Card{Title: "联系" + clip(a.whom(), 9) + "的结果?", Desc: who(a, in), Selects: reached(a), Submit: chosen}}
}

// kin are an elder's relatives and carers on the ledger.
func (v View) kin(elderID string) []ledger.Kin {
	s, _ := v.Sheet(elderID)
	return s.Kin
}

// askKinsman offers the ledger's relatives; who was entrusted with the care says so (002 五: 委托照顾人).
func askKinsman(a Answers, in Input) Prompt {
	e := a.elder(in.View)
	if e == nil {
		return Prompt{Text: "这位老人现在不在您名下。说「取消」重来,或问村负责人。"}
	}
	c := ledger.Card{Title: "联系了" + who(a, in) + "的哪位家属?", Desc: "要号码就说「资料" + e.Name + "」。"}
	for _, k := range in.View.kin(e.ID) {
		if len(c.Buttons) == 5 {
			break
		}
		text := strings.TrimSpace(k.Relation + " " + k.Name)
		if k.Carer {
			text = clip(strings.ReplaceAll(text, " ", ""), buttonWidth-4) + "(受托)"
		}
		c.Buttons = append(c.Buttons, ledger.Button{Key: k.Name, Text: clip(text, buttonWidth), Style: 1})
	}
	if len(c.Buttons) == 0 {
		return Prompt{Text: "台账里还没有" + who(a, in) + "的家属。联系了谁?打一句,比如「女儿 王某」。"}
	}
	c.Buttons = append(c.Buttons, ledger.Button{Key: "other", Text: "其他", Style: 2})
	return Prompt{Card: &c}
}

// parseKinsman takes a relative of the ledger by name or by what they are to the elder, or whoever is named otherwise.
func parseKinsman(raw string, in Input) (string, error) {
	said := fold(raw)
	e := in.answers.elder(in.View)
	switch {
	case said == "" || e == nil:
		return "", Hint("联系了谁?点一个,或打一句。")
	case said == "other":
		return said, nil
	case phoneIn(said) != "":
		return "", Hint("先不用写号码。联系了谁?点一个,或打一句。")
	}
	if name := kinSaid(said, in.View.kin(e.ID)); name != "" {
		return name, nil
	}
	return clip(said, 20), nil
}

// relations are words for one relation.
var relations = map[string][]string{"女儿": {"女儿", "闺女", "姑娘", "丫头"}, "儿子": {"儿子", "儿娃"}, "孙子": {"孙子"}, "孙女": {"孙女"}, "侄子": {"侄子", "侄儿"}}

// kinSaid is the one relative that words name or describe, "" where none or several.
func kinSaid(said string, all []ledger.Kin) string {
	var hits []string
	for _, k := range all {
		if strings.Contains(said, k.Name) {
			return k.Name
		}
		called := append([]string{k.Relation}, relations[k.Relation]...)
		if slices.ContainsFunc(called, func(w string) bool { return w != "" && strings.Contains(said, w) }) {
			hits = append(hits, k.Name)
		}
	}
	if len(hits) != 1 {
		return ""
	}
	return hits[0]
}

// whom is the relative of the answers.
func (a Answers) whom() string { return orElse(a["kinsman"], strings.TrimPrefix(a["whom"], "other")) }

func askPoints(a Answers, in Input) Prompt {
	return Prompt{Card: &ledger.Card{Title: "和" + clip(a.whom(), 9) + "说了什么?", Desc: "可多选,也可以直接打一句。",
		Checks: ticks("points", points, a["was.points"]), Submit: chosen}}
}

func askTold(a Answers, _ Input) Prompt {
	return Prompt{Text: "还和" + a.whom() + "说了什么?说一句;没有就说「跳过」。"}
}

// talkOf is the record the answers make; key and number are the caller's.
func talkOf(a Answers, in Input, e *Elder) ledger.Entry {
	return ledger.Entry{Kind: ledger.KindTalk, ElderID: e.ID, UserID: in.User, Day: a.day(in), Method: ledger.Method(a["method"]),
		Outcome: ledger.Outcome(a["outcome"]), Whom: a.whom(), Note: a.noted("points"), Late: a["late"], EnteredAt: in.Now, Version: 1}
}

func confirmTalk(a Answers, in Input) Prompt {
	e := a.elder(in.View)
	if e == nil {
		return Prompt{Text: "这位老人现在不在您名下,没有记。说「取消」重来,或问村负责人。"}
	}
	entry := talkOf(a, in, e)
	if fault := dayFault(e, entry.Day, in); fault != "" {
		return Prompt{Text: fault}
	}
	c := ledger.Card{Title: e.full(), Desc: dayWords(entry.Day, in.Today) + talkWays[entry.Method] + "联系,", Buttons: confirmButtons,
		Rows: []ledger.CardRow{{Name: "和谁", Value: clip(entry.Whom, valueWidth)}}}
	switch entry.Outcome {
	case ledger.OutcomeAbsent:
		c.Desc += "没联系上。记下来,不算联系过。"
	case ledger.OutcomeWrong:
		c.Desc += "号码不对。记下来,不算联系过。"
	default:
		c.Desc += "联系上了。还有要写的,直接打一句。"
	}
	if entry.Note != "" {
		c.Rows = append(c.Rows, ledger.CardRow{Name: "说了", Value: clip(strings.ReplaceAll(entry.Note, "\n", " "), valueWidth)})
	}
	return Prompt{Card: &c}
}

func newTalk(a Answers, in Input, e *Elder, key string) Result {
	entry := talkOf(a, in, e)
	entry.Key, entry.No = key, number(entry.Day, e)
	res := Result{}
	res.Changes.Photos = kept(entry, in)
	lines := filled(counted(e, entry, in))
	known := slices.ContainsFunc(in.View.kin(e.ID), func(k ledger.Kin) bool { return k.Name == entry.Whom })
	if entry.Outcome == ledger.OutcomeAbsent && e.Tried[entry.Whom]+1 == TriesMost {
		c, told := deadNumber(in, *e, entry.Whom, entry.Day)
		res.Changes.Messages, res.Changes.Edits = c.Messages, c.Edits
		lines = append(lines, filled(told)...)
	}
	if entry.Outcome == ledger.OutcomeWrong && known {
		res.Changes.Edits = []ledger.Edit{deadEdit(in, e.ID, entry.Whom, "联系家属时号码不对")}
		res.Next, res.With = factForm.Name, Answers{"for": e.ID, "entry": entry.Key, "field": "kin", "kin": entry.Whom}
	}
	return recorded(res, e, entry, lines, in)
}

var (
	wrongWords  = []string{"空号", "号码不对", "号不对", "打错", "停机", "换号了"}
	absentWords = []string{"打不通", "没打通", "没接", "不接", "没人接", "无人接", "联系不上", "没联系上", "联系不到", "关机"}
)

// talked turns what was understood of a talk with the family into answers, all but the elder.
func talked(p understand.Part, in Input) Answers {
	a := retold(p, in)
	a["form"] = talkForm.Name
	has := func(w string) bool { return strings.Contains(a["said"], w) }
	if a.takeLine(p, in, "联系家属", "联系", "家属") { // else how it went is asked
		a["points"], a["method"], a["outcome"] = "", string(ledger.MethodPhone), string(ledger.OutcomeOK)
		switch {
		case slices.ContainsFunc(wrongWords, has):
			a["outcome"] = string(ledger.OutcomeWrong)
		case slices.ContainsFunc(absentWords, has):
			a["outcome"] = string(ledger.OutcomeAbsent)
		}
	}
	if m := p.Reading.Method; m != nil {
		a["method"] = *m
	}
	for _, id := range p.Reading.Elders {
		if in.View.find(id) == nil {
			continue
		}
		name := kinSaid(a["said"], in.View.kin(id))
		if name != "" && (len(p.Reading.Elders) == 1 || strings.Contains(a["said"], name)) {
			a["whom"] = name
		}
	}
	return a
}
