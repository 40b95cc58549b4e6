package flows

import (
	"fmt"
	"strings"
	"time"

	"xunfang/ledger"
)

// Telling is what a word of the calendar says to a relative, in their own words: the month in a few lines, a festival, the weather. It
// goes no further than Hearing, like an answer to what they ask.
func Telling(w ledger.Word, x Tie, in Input) string {
	call := orElse(x.Call, "老人")
	switch w.Purpose {
	case ledger.WordSummary:
		return x.month(w.Period)
	case ledger.WordGreeting:
		tail := w.Text                     // what it is about, until it has words
		if strings.HasPrefix(tail, "元宵") { // after which they leave again: the family reports where to (000 二(一); requirements §3 case 14)
			return fmt.Sprintf("元宵快到了。过完节出门的,请在这里说一声去了哪个市、什么时候回来看%s。", strings.TrimPrefix(call, "您"))
		}
		for _, f := range []string{"春节", "端午", "中秋", "重阳"} {
			if strings.HasPrefix(tail, f) {
				return fmt.Sprintf("%s快到了,给%s打个电话、捎句话吧。", f, strings.TrimPrefix(call, "您"))
			}
		}
		return "村里这几天天气不好,在多看望老人。给" + strings.TrimPrefix(call, "您") + "打个电话,提醒一声吧。"
	}
	return ""
}

// month is what a month's visits come to.
func (x Tie) month(p ledger.Period) string {
	if !x.Hearing.Status {
		return ""
	}
	var met []ledger.Entry
	days := map[ledger.Day]bool{}
	for _, e := range x.Entries {
		if looked := e.Kind == ledger.KindVisit || e.Kind == ledger.KindHelp && e.Looked; looked && e.Outcome.Met() && e.Day >= p.First() && e.Day <= p.Last() {
			met = append(met, e)
			days[e.Day] = true
		}
	}
	what := fmt.Sprintf("%s%d月", x.Call, int(p.First().Month()))
	if len(met) == 0 {
		return what + "没看到,村里会再去。给老人打个电话吧。"
	}
	first := fmt.Sprintf("%s看过%d次", what, len(days))
	if x.Hearing.Where {
		first += ",最近一次是" + met[0].Day.Short() + met[0].Method.Name()
	}
	out := []string{first + "。"}
	if !x.Urgent {
		out = append(out, x.state(met)...)
	}
	return strings.Join(append(out, "想知道更多,在这里问一句。"), "\n")
}

// Unanswered is a word for a relative whom an answer on 微信客服 did not reach: somebody calls them instead.
func Unanswered(b ledger.Bond, what string, now time.Time) ledger.WordStep {
	in := Input{Now: now}
	return newWord(in, ledger.WordKey("passed", what), b.ElderID, b.Kin, b.User, ledger.WordPassed, "您在微信里问的,回话没送到,打电话跟您说一声。")
}
