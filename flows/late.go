package flows

import (
	"strconv"

	"xunfang/ledger"
)

// day is the day of the visit: today unless another was said.
func (a Answers) day(in Input) ledger.Day { return ledger.Day(orElse(a["day"], string(in.Today))) }

// dayWords tell the day; what is entered afterwards says so (requirements §3 case 7).
func dayWords(day, today ledger.Day) string {
	if day == today {
		return "今天"
	}
	return day.Short() + "(补录)"
}

// lateDays is how old a visit may be that is entered without a reason (requirements §3 case 32).
const lateDays = 7

// dayFault says why a visit cannot be entered for a day, "" where it can.
func dayFault(e *Elder, day ledger.Day, in Input) string {
	const again = "哪天去的?直接打,比如「昨天」;不记了说「取消」。"
	switch {
	case day > in.Today:
		return day.Short() + "还没到,先不能记。" + again
	case e.Since != "" && day < e.Since:
		return e.Name + e.Since.Short() + "才登记,那以前的不用记。" + again
	case e.Until != "" && day > e.Until:
		return e.Name + "只归您到" + e.Until.Short() + ",那以后的由接手的人记。" + again
	case day < in.View.Rules.OpenFrom && !e.Access.Reopen:
		return day.Short() + "那一期已经结账。要补,请跟" + orElse(names(in.View.Reopeners(e.ID)), "乡镇") + "说。" + again
	}
	return ""
}

// longAgo: what is entered more than a week late says why.
func longAgo(a Answers) bool { return a["daysago"] != "" }

var lateWhys = []ledger.Option{{ID: "没信号", Text: "没信号"}, {ID: "先记在纸上", Text: "先记在纸上"}, {ID: "忘了记", Text: "忘了记"}}

func askLate(a Answers, in Input) Prompt {
	if e := a.elder(in.View); e != nil {
		if fault := dayFault(e, a.day(in), in); fault != "" {
			return Prompt{Text: fault}
		}
	}
	return Prompt{Card: &ledger.Card{Title: a.day(in).Short() + "的事,为什么今天才记?", Desc: "点一个,或打一句话。", Buttons: buttons(lateWhys)}}
}

func parseLate(raw string, in Input) (string, error) {
	if e := in.answers.elder(in.View); e != nil {
		if fault := dayFault(e, in.answers.day(in), in); fault != "" {
			return "", Hint(fault)
		}
	}
	if raw = fold(raw); raw == "" {
		return "", Hint("为什么今天才记?点一个,或打一句话。")
	}
	return clip(raw, 60), nil
}

// setDay says when the visit was; what is long ago will be asked about.
func (a Answers) setDay(day, today ledger.Day) bool {
	delete(a, "day")
	delete(a, "daysago")
	if day != today {
		a["day"] = string(day)
	}
	if ago := today.Sub(day); ago > lateDays {
		a["daysago"] = strconv.Itoa(ago)
	}
	return true
}
