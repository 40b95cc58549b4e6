package flows

import (
	"fmt"
	"slices"
	"strings"

	"xunfang/ledger"
)

// timeline is the whole course of an emergency: when, who, and how long it lay at which level. Who only reported it reads their own
// words and who acts.
func (c CaseView) timeline(in Input) string {
	lines := []string{strings.TrimSpace(c.headline() + " " + map[bool]string{true: c.No}[c.Sight >= ledger.CasePart])}
	var at, head string
	var people []string
	flush := func() {
		if len(people) > 0 {
			lines = append(lines, at+" "+head+strings.Join(people, "、"))
		}
		people = nil
	}
	for _, e := range c.Timeline {
		when := clock(e.At, in)
		if e.Kind == ledger.EventTold || e.Kind == ledger.EventCalled || e.Kind == ledger.EventShown && e.Dept != "" {
			what := "告诉"
			if e.Kind == ledger.EventCalled {
				what = "打电话给"
			}
			if when != at || what != head {
				flush()
			}
			at, head = when, what
			name := e.Dept + c.name(e.To) + map[bool]string{true: "(没送到)"}[e.Lost]
			if c.Sight < ledger.CasePart {
				name = "负责人"
			}
			if !slices.Contains(people, name) {
				people = append(people, name)
			}
			continue
		}
		flush()
		if text := c.happened(e); text != "" {
			lines = append(lines, when+" "+text)
		}
	}
	flush()
	if c.Sight >= ledger.CasePart {
		lines = append(lines, c.held(in)...)
	}
	return strings.Join(lines, "\n")
}

// happened is a line of the timeline, "" where it says nothing.
func (c CaseView) happened(e ledger.Event) string {
	by, words := c.name(e.By), e.Text
	if c.Sight < ledger.CasePart && e.By != c.User {
		words = ""
	}
	switch e.Kind {
	case ledger.EventRaised:
		return by + "报告" + quoted(words)
	case ledger.EventJoined:
		return by + "也报了" + quoted(words)
	case ledger.EventMore:
		return by + "补充" + quoted(words)
	case ledger.EventKnown:
		if words == "" {
			return ""
		}
		return "知道了" + words
	case ledger.EventGraver:
		return "更严重了:" + ledger.AlarmOf(c.What).Name
	case ledger.EventHeard:
		return c.name(e.To) + "的电话:" + orElse(e.Text, "打过了")
	case ledger.EventNobody:
		return fmt.Sprintf("第%d步没有人,接着找下一步", e.Rung+1)
	case ledger.EventAgain:
		return "没有人接,重新通知"
	case ledger.EventTaken:
		if e.Dept != "" {
			return e.Dept + by + "认领"
		}
		return by + "接手"
	case ledger.EventDialed:
		return by + "已打" + orElse(e.Text, "电话")
	case ledger.EventWith:
		return by + orElse(e.Text, "也去")
	case ledger.EventPassed:
		return by + "转给" + c.name(e.To)
	case ledger.EventNews:
		return by + ":" + orElse(e.Text, "有进展")
	case ledger.EventQuiet:
		return c.name(e.To) + "没有消息,重新找人"
	case ledger.EventDoubt:
		return by + "说可能搞错了"
	case ledger.EventEnded:
		return "结束:" + c.Outcome
	case ledger.EventFalse:
		return by + "按误报结束:" + c.Outcome
	case ledger.EventFamily:
		return by + "告诉了家属"
	}
	return ""
}

var levelNames = map[ledger.Role]string{ledger.RoleVillage: "村里", ledger.RoleTownship: "乡镇", ledger.RoleCounty: "县里", ledger.RoleKeeper: "代班和档案员"}

// held says how long it lay at each level until somebody took it.
func (c CaseView) held(in Input) []string {
	until, taken := in.Now, false
	for _, e := range c.Timeline {
		if e.Kind == ledger.EventTaken && e.Dept == "" || e.Kind == ledger.EventEnded || e.Kind == ledger.EventFalse {
			until, taken = e.At, e.Kind == ledger.EventTaken
			break
		}
	}
	var parts []string
	seen := map[ledger.Role]bool{}
	for _, e := range c.Timeline {
		if name := levelNames[e.Level]; e.Kind == ledger.EventTold && name != "" && !seen[e.Level] && !e.At.After(until) {
			seen[e.Level] = true
			parts = append(parts, name+minutes(until.Sub(e.At)))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	what := "还没有人接:"
	switch {
	case taken:
		what = "到有人接:"
	case c.State.Over():
		what = "到结束:"
	}
	return []string{what + "共" + minutes(until.Sub(c.At)) + "," + strings.Join(parts, ",")}
}
