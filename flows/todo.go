package flows

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"xunfang/ledger"
)

// owed is one kind of thing the speaker owes for an elder: the duty that is most urgent, and how much else of the kind.
type owed struct {
	*Elder
	ledger.Duty
	more int
}

// owes says whether a kind of duty of an elder is the speaker's: visits of who is assigned, help and talks of who is paired
// (002 五·帮扶服务). Who has neither but a place in charge looks after all visits in it.
func (v View) owes(e *Elder, kind ledger.EntryKind) bool {
	if kind != ledger.KindVisit {
		return e.Paired
	}
	return e.Mine || !slices.ContainsFunc(v.Elders, func(x Elder) bool { return x.Mine }) &&
		(!e.Paired || slices.Contains(v.Roles, ledger.RoleVillage) || slices.Contains(v.Roles, ledger.RoleKeeper))
}

// owed are what the speaker owes, most urgent first: extra rounds, then what ends soonest, key elders, more missing, longest not
// seen.
func (v View) owed() []owed {
	var out []owed
	for i := range v.Elders {
		e := &v.Elders[i]
		for _, kind := range []ledger.EntryKind{ledger.KindVisit, ledger.KindHelp, ledger.KindTalk} {
			var most owed
			for _, d := range e.Duties {
				switch {
				case d.Kind != kind || d.Missing() == 0 || !v.owes(e, kind):
				case most.Elder == nil:
					most = owed{Elder: e, Duty: d}
				case sooner(d, most.Duty):
					most = owed{Elder: e, Duty: d, more: max(most.more, most.Missing())}
				default:
					most.more = max(most.more, d.Missing())
				}
			}
			if most.Elder != nil {
				out = append(out, most)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b owed) int {
		switch {
		case sooner(a.Duty, b.Duty):
			return -1
		case sooner(b.Duty, a.Duty):
			return 1
		case a.Tier != b.Tier && a.Tier == ledger.TierKey:
			return -1
		case a.Tier != b.Tier && b.Tier == ledger.TierKey:
			return 1
		case a.Missing() != b.Missing():
			return b.Missing() - a.Missing()
		}
		return strings.Compare(string(a.Elder.Last), string(b.Elder.Last))
	})
	return out
}

// sooner says whether a duty is more urgent than another: an extra round before what is owed anyway, then by its last day.
func sooner(a, b ledger.Duty) bool {
	if (a.Period == "") != (b.Period == "") {
		return a.Period == ""
	}
	return a.Due < b.Due
}

// reason says why something is on the list: 差1次 剩6天, 季度帮扶 剩20天, 高温加访 今天. Where the title tells how long there is
// for all of it, the line does not.
func (o owed) reason(today ledger.Day, titled bool) string {
	what := fmt.Sprintf("差%d次", o.Missing())
	switch {
	case o.Period == "":
		what = roundName(o.Duty.Name)
	case o.Kind == ledger.KindHelp:
		what = "帮扶"
		if o.Duty.Period == ledger.QuarterOf(today) {
			what = "季度帮扶"
		}
	case o.Kind == ledger.KindTalk:
		what = "联系家属"
	case o.Door == o.Missing():
		what += "上门"
	}
	text := what
	if !titled {
		text += " " + leftWords(o.Due, today)
	}
	if o.more > 0 {
		text += fmt.Sprintf(" 另差%d次", o.more)
	}
	return text
}

// leftWords is how long there is still time.
func leftWords(due, today ledger.Day) string {
	if left := due.Sub(today); left > 0 {
		return fmt.Sprintf("剩%d天", left)
	}
	return "今天"
}

// roundName is an extra round as people call it.
func roundName(name string) string {
	if strings.HasSuffix(name, "摸底") || strings.HasSuffix(name, "加访") {
		return name
	}
	return name + "加访"
}

// verbs are what a button of 待办 says, by the kind of duty; it opens the form of the same name.
var verbs = map[ledger.EntryKind]string{ledger.KindVisit: "看%s", ledger.KindHelp: "帮%s", ledger.KindTalk: "联系%s家属"}

// todoLines and todoButtons are what a phone shows of 待办 at a glance.
const (
	todoLines   = 8
	todoButtons = 4
)

// todo lists what the speaker owes, why and by when (002 五·巡访次数, 帮扶服务); for somebody who only oversees, the area's.
func (t *turn) todo() {
	v := t.in.View
	all := v.owed()
	switch {
	case len(v.Elders) == 0:
		if v.waitingLine() == "" || len(v.Areas) > 0 {
			t.areas("还差")
		}
		t.say(v.waitingLine())
		return
	case len(all) == 0:
		t.say(v.Rules.Period + "都看过了,没有欠的。" + v.waitingLine())
		return
	}
	alike := !slices.ContainsFunc(all, func(o owed) bool { return o.Kind != ledger.KindVisit || o.Period == "" || o.Due != all[0].Due })
	c := ledger.Card{Title: t.todoTitle(all, alike), Desc: v.waitingLine()}
	var lines []string
	for _, o := range all {
		place := orElse(o.Group, o.Village)
		if len(v.named(o.Elder.Name)) > 1 {
			place = o.place(v.villages())
		}
		line := o.Elder.Name + " " + place + " "
		if o.Tier == ledger.TierKey {
			line += string(ledger.TierKey) + " "
		}
		lines = append(lines, line+o.reason(t.in.Today, alike))
	}
	c.Sub = shown(lines, todoLines, "…还有%d条,说「名册」看全部")
	for i, o := range all[:min(todoButtons, len(all))] {
		text := fmt.Sprintf(verbs[o.Kind], o.Elder.Name)
		if len(v.named(o.Elder.Name)) > 1 {
			text += " " + orElse(o.Group, o.Village)
		}
		c.Buttons = append(c.Buttons, ledger.Button{Key: "go:" + string(o.Kind) + ":" + o.ID, Text: clip(text, buttonWidth), Style: min(2, i+1)})
	}
	t.card(c)
}

// todoTitle says how much it is, and where it is all alike, how long there is for it.
func (t *turn) todoTitle(all []owed, alike bool) string {
	if alike {
		left := leftWords(all[0].Due, t.in.Today)
		if all[0].Due <= t.in.Today {
			left = "今天是最后一天"
		}
		return fmt.Sprintf("%s还有%d位没看够,%s", t.in.View.Rules.Period, len(all), left)
	}
	count := map[ledger.EntryKind]int{}
	for _, o := range all {
		count[o.Kind]++
	}
	var words []string
	for _, k := range []struct {
		kind ledger.EntryKind
		word string
	}{{ledger.KindVisit, "巡访%d位"}, {ledger.KindHelp, "帮扶%d位"}, {ledger.KindTalk, "联系家属%d位"}} {
		if n := count[k.kind]; n > 0 {
			words = append(words, fmt.Sprintf(k.word, n))
		}
	}
	return "还欠:" + strings.Join(words, "、")
}

// shown are the first of some lines, as many as a card shows, and how many more there are.
func shown(lines []string, most int, more string) string {
	width := 0
	for i, l := range lines {
		if width += utf8.RuneCountInString(l) + 1; i == most || width > listWidth-14 && i < len(lines)-1 {
			return strings.Join(append(slices.Clone(lines[:i]), fmt.Sprintf(more, len(lines)-i)), "\n")
		}
	}
	return strings.Join(lines, "\n")
}

// silence says why nobody was reminded.
func (t *turn) silence() {
	t.say(orElse(t.in.View.Silence(), "这几天没有要提醒您的。"))
}

// month shows the speaker's month at a glance; in words where the picture cannot be sent.
func (t *turn) month() {
	picture, words := t.in.View.Month()
	t.send(ledger.Message{Text: orElse(words, "这个月没有要您办的。"), Picture: picture})
}

// basisOf says whether a word is an elder in sight or a duty's name.
func (t *turn) basisOf(arg string) bool {
	hits, _ := t.in.View.Find(arg)
	return len(hits) > 0 || len(t.basisLines("", arg)) > 0
}

// basisLines are the lines of the policy about an elder, or those that speak of a word.
func (t *turn) basisLines(elderID, word string) []string {
	return slices.DeleteFunc(slices.Clone(t.in.View.Basis(elderID)), func(l string) bool { return !strings.Contains(l, word) })
}

// basis tells document and section of what is owed: for an elder, for a duty by its name, or all.
func (t *turn) basis(arg string) {
	lines := t.basisLines("", arg)
	if len(lines) == 0 && arg != "" {
		switch hits, sure := t.in.View.Find(arg); {
		case len(hits) == 0:
			t.say(notYours(arg))
			return
		case len(hits) > 1 || !sure:
			t.which("basis", hits)
			return
		default:
			lines = append([]string{hits[0].full()}, t.basisLines(hits[0].ID, "")...)
		}
	}
	if len(lines) == 0 {
		t.say("这里没有登记规则。请问乡镇民政办。")
		return
	}
	t.say(strings.Join(lines, "\n"))
}
