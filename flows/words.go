package flows

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"xunfang/ledger"
)

// word obeys one of the words that work at any moment, from the menu, a button or the keyboard; false where it is none. A
// form under way is parked and the way back offered.
func (t *turn) word(said string) bool {
	if about, drill, ok := cry(said); ok {
		t.cried(about, drill)
		return true
	}
	if t.byNumber(said) {
		return true
	}
	for i := range t.forms {
		if f := &t.forms[i]; slices.Contains(f.Open, said) {
			if (f.Name == roundForm.Name || f.Name == roundsForm.Name) && t.in.View.Area.Code == "" {
				t.aside(func() { t.say(notForYou) })
				return true
			}
			t.begun(f.Name, nil)
			return true
		}
	}
	if rest, ok := strings.CutPrefix(said, leaveWord); ok && utf8.RuneCountInString(rest) <= leaveWidth {
		t.leave(strings.Trim(rest, " :"))
		return true
	}
	if rest, ok := strings.CutPrefix(said, backWord); ok && utf8.RuneCountInString(rest) <= nameWidth {
		t.backAtWork(strings.Trim(rest, " :"))
		return true
	}
	if rest, ok := strings.CutPrefix(said, "更正"); ok && !strings.HasPrefix(rest, "资料") && utf8.RuneCountInString(rest) <= nameWidth*2 {
		t.mend(strings.Trim(rest, " :"))
		return true
	}
	if no := matterNumber(said); no != "" {
		t.aside(func() { t.matterNamed(no) })
		return true
	}
	if t.leafletSaid(said) || t.urgeSaid(said) {
		return true
	}
	var answer func()
	switch said {
	case "matters", matterWord:
		answer = t.matters
	case meetingWord:
		answer = t.meeting
	case "todo", "待办":
		answer = func() {
			t.todo()
			t.waitingKin()
		}
	case "roster", "名册":
		answer = t.roster
	case "stats", "统计":
		answer = t.stats
	case "help", "帮助", "?":
		answer = t.help
	case "为什么没提醒", "怎么没提醒":
		answer = t.silence
	case "month", "月历", "本月":
		answer = t.month
	default:
		return false
	}
	t.aside(answer)
	return true
}

// begun opens a form; one that was under way is parked and the way back offered.
func (t *turn) begun(form string, with Answers) {
	parked := len(t.s.Parked)
	t.start(form, with)
	if len(t.s.Parked) > parked || t.idled {
		t.offer()
	}
}

// aside answers something in the middle of a form, and comes back to the same question.
func (t *turn) aside(answer func()) {
	answer()
	if t.step() != nil {
		t.ask()
		return
	}
	t.offer()
}

// Command says whether a text is one of the fixed words: there is nothing to be read in it.
func Command(text string) bool {
	said := fold(text)
	return slices.Contains(commands, said) || slices.Contains(urgentWords, said) || said == drillWord || slices.ContainsFunc(Forms, func(f Form) bool { return slices.Contains(f.Open, said) })
}

var commands = []string{matterWord, meetingWord, "为什么没提醒", "怎么没提醒", "依据", "月历", "本月", "取消", "退出", "返回", "上一步", "继续", "接着记", "撤销", "待办", "名册", "统计", "帮助", "?", "确认", "跳过"}

// stranger answers somebody who holds no post: the same words whatever they ask, and an emergency is taken even so
// (contract: "A stranger's emergency is taken, too").
func (t *turn) stranger() {
	said := fold(t.in.Text)
	about, drill, crying := cry(said)
	p, danger := t.danger()
	switch {
	case t.in.Kind == Other:
	case t.in.Kind == Tap && strings.HasPrefix(t.in.Button, "go:case:"):
		t.onCase(strings.TrimPrefix(t.in.Button, "go:case:"))
	case t.in.Kind == Tap && t.in.Button == "go:alarm":
		t.alarmed()
	case t.in.Kind == Tap && t.in.Button == "go:calm":
		t.s.Danger = Danger{}
		t.done("没有危险")
	case crying && !drill:
		t.cried(about, false)
	case t.in.Kind == Photo && t.sent(ledger.MediaPhoto, "(照片)", "照片已转过去。"):
	case t.in.Kind == Voice && t.sent(ledger.MediaVoice, "(语音)", "语音已转过去。能打字就再说一句:在哪、是谁、怎么了?"):
	case t.in.Kind == Location && t.placed():
	case t.in.Kind == Text && t.follow():
	case danger:
		t.peril(p)
	default:
		t.say("这里只给登记过的巡访和帮扶人员用。要登记,请找乡镇民政办;有人遇到危险,请直接说「紧急」。")
	}
}

// The longest roster told name by name; a longer one is told by area.
const rosterLines = 60

// roster lists the speaker's elders: no numbers, no addresses (B9).
func (t *turn) roster() {
	v := t.in.View
	all := owedFirst(mine(v))
	if len(all) == 0 {
		t.areas("共")
		return
	}
	lines := []string{fmt.Sprintf("您名下%d位老人:", len(all))}
	for i, e := range all {
		if i == rosterLines {
			lines = append(lines, fmt.Sprintf("…还有%d位。打名字可以直接记巡访。", len(all)-i))
			break
		}
		line := e.brief(v.villages() && len(v.named(e.Name)) > 1) + " " + string(e.Tier) + "\n　"
		for _, d := range e.Duties {
			if v.owes(e, d.Kind) {
				line += fmt.Sprintf("%s%s%d/%d ", term(d, t.in.Today), map[ledger.EntryKind]string{ledger.KindHelp: "帮扶", ledger.KindTalk: "联系"}[d.Kind], d.Done, d.Need)
			}
		}
		if e.Last != "" {
			line += "上次" + e.Last.Short()
		} else {
			line += "近三个月没有记录"
		}
		lines = append(lines, line)
	}
	t.say(strings.Join(lines, "\n"))
}

// areas tells somebody without elders of their own how many there are, or are missing, in the area they oversee.
func (t *turn) areas(what string) {
	lines := make([]string, 0, len(t.in.View.Areas))
	for _, a := range t.in.View.Areas {
		n := a.Elders
		if what == "还差" {
			n = a.Missing
		}
		lines = append(lines, fmt.Sprintf("%s:%s%s%d位", a.Name, t.in.View.Rules.Period, what, n))
		if what == "共" {
			lines[len(lines)-1] = fmt.Sprintf("%s:%s%d位老人", a.Name, what, n)
		}
	}
	if len(lines) == 0 {
		lines = append(lines, "您名下还没有老人。")
	}
	t.say(strings.Join(lines, "\n"))
}

// stats tells the speaker's own figures, and a lead the area's.
func (t *turn) stats() {
	v := t.in.View
	var lines []string
	if f := v.Figure; f.Elders > 0 {
		lines = append(lines, fmt.Sprintf("%s您还差%d位", v.Rules.Period, f.Missing), fmt.Sprintf("%d位老人 已看%d/%d次", f.Elders, f.Done, f.Need),
			fmt.Sprintf("上门%d次 电话%d次", f.Door, f.Calls))
		if f.Attempts+f.Refused > 0 {
			lines = append(lines, fmt.Sprintf("没见到人%d次 不愿见%d次", f.Attempts, f.Refused))
		}
		if f.Found > 0 {
			lines = append(lines, fmt.Sprintf("发现%d件情况 %d件在村里处理", f.Found, f.Reported))
		}
		if f.NoPhoto > 0 {
			lines = append(lines, fmt.Sprintf("%d次上门还缺照片", f.NoPhoto))
		}
	}
	for i, a := range v.Areas {
		if i == 0 && len(lines) > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, fmt.Sprintf("%s 还差%d位", a.Name, a.Missing), fmt.Sprintf("　%d位老人 已看%d/%d次", a.Elders, a.Done, a.Need))
	}
	for _, d := range v.Drives {
		lines = append(lines, "", fmt.Sprintf("%s %s前看完", d.Name, d.Due.Short()))
		for _, a := range d.Areas {
			lines = append(lines, fmt.Sprintf("　%s 已看%d/%d位", a.Name, a.Done, a.Need))
		}
	}
	if len(lines) == 0 {
		t.say("还没有可以统计的。")
		return
	}
	if t.s.Burden.Acts > 0 {
		lines = append(lines, t.s.Burden.words())
	}
	t.say(strings.Join(lines, "\n"))
}

func (t *turn) help() {
	t.say(`能做这些,点菜单或打字都行:
巡访:记一次看望。也可以直接说一句,比如「马秀兰 上门 都好 屋里18度」;几位老人就一行一位
撤销:10分钟内记错了;更正:改以前记的
帮扶:记一次上门帮扶;联系家属:记一次和子女的联系
待办:我还欠谁、到哪天;月历:这个月的安排
名册:我名下的老人
统计:我的次数
「马秀兰住院了」「去世了」「回来了」:直接打一句,核实后登记
请假:比如「请假 3月2日到3月6日 代班 李四」;销假:提前回来
依据:为什么要看、要看几次;为什么没提醒
联系卡、通知家属:后面跟老人的名字,比如「通知家属 马秀兰 屋里漏雨」
需求:要办的事,报给村里;事项:等您办的、您报的
负责人和档案员:指派、搬家、改资料、同意书,后面跟老人的名字
紧急:有人遇到危险,随时说;「急260311-1 我来」是接手这一件,「急260311-1」看进展
记到一半:「返回」改上一步,「取消」不记了,「继续」接着记`)
}
