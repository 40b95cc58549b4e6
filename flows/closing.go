package flows

import (
	"strings"
	"time"

	"xunfang/ledger"
)

// falseReasons are why an alarm was none.
var falseReasons = []ledger.Option{{ID: "wrong", Text: "按错了"}, {ID: "fine", Text: "老人没事"}, {ID: "past", Text: "说的是以前的事"}}

// isFalse ends a case that never was one: counted nowhere, and everybody who was told hears that it is over (requirements §3 case 20).
func isFalse(in Input, f ledger.CaseFile, c CaseView, arg string) acted {
	if arg == "" {
		return acted{card: ledger.Card{Title: clip("误报?"+c.about(), 36), Desc: "为什么是误报?点一个,或打一句。点了就通知大家不用去。",
			Buttons: append(c.offers("false", falseReasons), c.button("back", "不是误报", 2))}, text: "为什么是误报?说一句。", wait: Answers{"act": "false"}}
	}
	return closing(in, f, c, ledger.CaseFalse, ledger.EventFalse, clip(orElse(optionText(falseReasons, arg), arg), saidWidth))
}

// closing ends a case.
func closing(in Input, f ledger.CaseFile, c CaseView, state ledger.CaseState, kind ledger.EventKind, outcome string) acted {
	step := f.Step()
	step.Case.State, step.Case.Due, step.Case.Outcome = state, time.Time{}, outcome
	step.Add(ledger.Event{Kind: kind, By: in.User, Wave: f.Wave, Text: outcome, At: in.Now})
	c.CaseFile = c.With(step)
	text := c.end(in) + "。已告诉大家。"
	return acted{step: step, card: ledger.Card{Title: c.headline(), Desc: clip(text, 44), Done: "已结束"}, text: text}
}

const outcomeOther = "other"

var alarmOutcomes = []ledger.Option{{ID: "hospital", Text: "送医了"}, {ID: "safe", Text: "平安"}, {ID: "found", Text: "找到了"}, {ID: "police", Text: "交给公安"},
	{ID: "died", Text: "去世"}, {ID: outcomeOther, Text: "别的"}}

func outcomeName(code string) string {
	if code == outcomeOther {
		return ""
	}
	return optionText(alarmOutcomes, code)
}

// end asks how it ended, then for a line (000 二(二): 紧急处置后关爱救助).
func end(in Input, f ledger.CaseFile, c CaseView, arg string) acted {
	if arg == "" {
		card := ledger.Card{Title: clip("怎么样了?"+c.about(), 36), Desc: "选一个,或打一句。结束以后大家都会知道。", Buttons: c.offers("end", alarmOutcomes)}
		return acted{card: card, text: "怎么样了?说一句。", wait: Answers{"act": "over", "outcome": outcomeOther}}
	}
	name := outcomeName(arg)
	card := ledger.Card{Title: clip("结束:"+orElse(name, "别的"), 36), Desc: "打一句经过,比如送到哪、谁陪着。", Buttons: []ledger.Button{c.button("end", "返回", 2)}}
	if name != "" {
		card.Desc = "打一句经过,比如送到哪、谁陪着。不用写就点「结束」。"
		card.Buttons = []ledger.Button{{Key: caseButton("over", c.Key) + ":" + arg, Text: "结束", Style: 1}, c.button("end", "返回", 2)}
	} else {
		arg = outcomeOther
	}
	return acted{card: card, text: card.Desc, wait: Answers{"act": "over", "outcome": arg}}
}

// over ends a case with its outcome: the elder is visited in the days after, and the family is told by a person.
func over(in Input, f ledger.CaseFile, c CaseView, arg string) acted {
	code, line, _ := strings.Cut(arg, ":")
	outcome := strings.Trim(outcomeName(code)+":"+strings.TrimSpace(line), ":")
	if outcome == "" {
		return end(in, f, c, outcomeOther)
	}
	a := closing(in, f, c, ledger.CaseEnded, ledger.EventEnded, clip(outcome, saidWidth))
	if f.ElderID == "" || f.Drill {
		return a
	}
	if days := in.View.Rules.Follow; days > 0 && code != "died" {
		row := ledger.Follow{ElderID: f.ElderID, From: in.Today, To: in.Today.Add(days), No: f.No}
		a.edits = []ledger.Edit{edit(in, "紧急处置后回访 "+f.No, ledger.Book{Follows: []ledger.Follow{row}})}
		a.say = row.To.Short() + "前请再上门看一次老人。"
	}
	c.CaseFile = c.With(a.step)
	switch {
	case ledger.AlarmOf(f.What).Hidden:
		a.say += "这类事不从这里告诉家属,要不要说、告诉谁由公安和乡镇定。"
	case c.Sight < ledger.CaseAll:
		a.say += "家属由村里或乡里的负责人告诉。"
	default:
		a.then = familyCard(in, c)
	}
	return a
}

// familyCard is the text with which a person tells the family (H6: 告知家属; human-sent).
func familyCard(in Input, c CaseView) *ledger.Card {
	name, _, _ := strings.Cut(orElse(c.Who, "老人"), "(")
	words := "您好,我是" + strings.TrimSpace(orElse(c.Village, "村里")+" "+c.Names(c.User)) + "。" + name + clock(c.At, in) + "出了事:" + c.what() + "。现在:" + c.Outcome + "。有事请打我电话。"
	card := ledger.Card{Title: clip("请告诉家属:"+c.about()+",已结束", 36), Desc: "打个电话说一声,可以照下面说。说过了点「已告诉家属」。", Sub: clip("「"+words+"」", listWidth),
		Buttons: []ledger.Button{c.button("family", "已告诉家属", 1)}}
	if c.Kin != "" {
		card.Rows = []ledger.CardRow{{Name: "家属", Value: clip(strings.TrimSpace(c.Kin+" "+c.KinPhone), valueWidth)}}
	}
	return &card
}

// family notes that a person told the family.
func family(in Input, f ledger.CaseFile, c CaseView, _ string) acted {
	card := ledger.Card{Title: clip(c.headline(), 36), Done: "已告诉家属"}
	last, told := f.Last(ledger.EventFamily)
	switch {
	case f.State != ledger.CaseEnded || ledger.AlarmOf(f.What).Hidden || f.Drill:
		card.Desc, card.Done = "这件事不用从这里告诉家属。", "没有改"
		return acted{card: card, text: card.Desc}
	case told:
		card.Desc = clock(last.At, in) + " " + c.name(last.By) + "已告诉家属。"
		return acted{card: card, text: card.Desc}
	}
	step := f.Step()
	step.Add(ledger.Event{Kind: ledger.EventFamily, By: in.User, Wave: f.Wave, At: in.Now})
	card.Desc = "记下了:家属已经知道。"
	return acted{step: step, card: card, text: card.Desc}
}
