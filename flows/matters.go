package flows

import (
	"fmt"
	"slices"
	"strings"

	"xunfang/ledger"
)

// matterWord opens the list of matters; behind it may stand a number.
const matterWord, meetingWord = "事项", "联席会议"

// open are the matters in view that are not over, those that wait for the speaker first, then those that lie longest.
func (v View) open() (all []CaseView, waiting int) {
	for _, c := range v.Matters {
		if c.Kind == ledger.CaseAlarm || c.State.Over() {
			continue
		}
		all = append(all, c)
		if v.waits(c) {
			waiting++
		}
	}
	slices.SortStableFunc(all, func(a, b CaseView) int {
		switch aw, bw := v.waits(a), v.waits(b); {
		case aw && !bw:
			return -1
		case bw && !aw:
			return 1
		}
		return a.Since.Compare(b.Since)
	})
	return all, waiting
}

// waitingLine tells in 待办 that there are matters besides, "" where there are none.
func (v View) waitingLine() string {
	if _, n := v.open(); n > 0 {
		return fmt.Sprintf("还有%d件事项等您办,说「事项」看。", n)
	}
	return ""
}

// stand is where a matter is, in two words.
func (c CaseView) stand() string {
	where := orElse(c.Dept, levelWords[c.Level])
	switch c.State {
	case ledger.CaseTaken:
		return where + c.Names(c.Owner) + "在办"
	case ledger.CaseMeeting:
		return "等联席会议"
	case ledger.CaseSolved:
		return "说办好了,等问老人"
	}
	if c.Dept != "" {
		return "等" + where + "认领"
	}
	return "等" + where
}

// line is a matter in a list: 马秀兰 取暖:暖气不热 等乡镇 3天.
func (c CaseView) line(in Input) string {
	who, _, _ := strings.Cut(orElse(orElse(c.Who, c.Village), "您报的"), "(")
	return c.No + " " + who + " " + c.brief(12) + " " + c.stand() + " " + orElse(lasting(in.Now.Sub(c.Since)), "刚到")
}

// matterLines is how many matters a card tells.
const matterLines = 6

// matters lists what waits for the speaker, what they raised and, for a lead, what is open in the area.
func (t *turn) matters() {
	all, waiting := t.in.View.open()
	if len(all) == 0 {
		t.say("没有等您办的事项。有要办的事,说「需求」。")
		return
	}
	title := fmt.Sprintf("%d件事项等您办", waiting)
	switch {
	case waiting == 0:
		title = fmt.Sprintf("没有等您办的,还有%d件在办", len(all))
	case len(all) > waiting:
		title += fmt.Sprintf(",另有%d件在办", len(all)-waiting)
	}
	c := ledger.Card{Title: title}
	var lines []string
	for i, m := range all {
		lines = append(lines, m.line(t.in))
		if i < mostButtons {
			who, _, _ := strings.Cut(orElse(orElse(m.Who, m.Village), m.No), "(")
			text := "看" + who
			if slices.ContainsFunc(c.Buttons, func(b ledger.Button) bool { return b.Text == text }) {
				text = "看" + m.brief(buttonWidth)
			}
			c.Buttons = append(c.Buttons, ledger.Button{Key: "go:case:see:" + m.Key, Text: clip(text, buttonWidth), Style: min(2, i+1)})
		}
	}
	c.Sub = shown(lines, matterLines, "…还有%d件,说「事项」加编号看")
	t.card(c)
}

// matterNamed shows the matter of a number.
func (t *turn) matterNamed(no string) {
	i := slices.IndexFunc(t.in.View.Matters, func(c CaseView) bool { return c.Kind != ledger.CaseAlarm && strings.EqualFold(fold(c.No), no) })
	if i < 0 {
		t.say("没有找到编号是「" + clip(no, 24) + "」的事项,也可能已经办完。说「事项」看在办的。")
		return
	}
	t.tellMatter(t.in.View.Matters[i])
}

// tellMatter shows a matter with all that happened to it, and what the speaker may do.
func (t *turn) tellMatter(c CaseView) {
	if c.ElderID != "" && c.Who != "" {
		t.looked(c.ElderID, ledger.LookRecord)
	}
	lines := []string{c.No + " " + strings.TrimSpace(c.Kind.Name()+":"+orElse(c.Who, c.Village)), c.said()}
	var told []string
	flush := func() {
		if len(told) > 0 {
			lines = append(lines, "　告诉"+strings.Join(told, "、"))
			told = nil
		}
	}
	for _, e := range c.Timeline {
		if e.Kind == ledger.EventTold {
			if name := c.Names(e.To); name != "" && !slices.Contains(told, name) {
				told = append(told, name)
			}
			continue
		}
		if words := c.eventWords(e); words != "" {
			flush()
			lines = append(lines, e.At.In(t.in.Zone).Format("1月2日 15:04")+" "+words)
		}
	}
	flush()
	now := "现在:" + orElse(c.Outcome, c.stand())
	if held := c.lain(t.in.Now); held != "" {
		now += "。放了" + held
	}
	t.say(strings.Join(append(lines, now+"。"), "\n"))
	if level, dept := t.in.View.capacity(c); level != "" && len(c.choices(level, dept)) > 0 {
		t.card(matterCard(c, level, dept, "", t.in))
	}
}

// eventWords is a line of the timeline, "" for what nobody needs to know.
func (c CaseView) eventWords(e ledger.Event) string {
	by, text := e.Dept+c.Names(e.By), e.Text
	if text != "" {
		text = ":" + clip(text, 60)
	}
	switch e.Kind {
	case ledger.EventRaised:
		return by + "报的"
	case ledger.EventMore:
		return by + "补充" + text
	case ledger.EventNobody:
		return orElse(e.Dept, levelWords[e.Level]) + "没有人在"
	case ledger.EventPassed:
		switch {
		case e.Level == ledger.RoleDept:
			return c.Names(e.By) + "交给" + e.Dept
		case e.By == "":
			return c.skipped(e) + ",转到" + levelWords[e.Level]
		case e.Dept != "":
			return by + "退回县里" + text
		}
		return by + "报到" + levelWords[e.Level] + text
	case ledger.EventTaken:
		return by + "接了"
	case ledger.EventNews:
		return by + text
	case ledger.EventQuiet:
		return c.Names(e.To) + "没有消息,转到" + levelWords[e.Level]
	case ledger.EventMeeting:
		return "没有部门认领,列入联席会议"
	case ledger.EventSolved:
		return by + "说办好了" + text
	case ledger.EventNot:
		return "老人说没解决,又交给" + orElse(e.Dept, levelWords[e.Level])
	case ledger.EventEnded:
		return "结了" + text
	}
	return ""
}

// longOpen is after how many days a matter that is not over is told to the joint meeting.
const longOpen = 30

// meeting tells the county what the joint meeting has to settle (000 三(一), 002 六(四)): what nobody claimed, department by
// department, and what is open for long.
func (t *turn) meeting() {
	if !slices.Contains(t.in.View.Roles, ledger.RoleCounty) {
		t.say("联席会议的清单由县民政看。说「事项」看您的。")
		return
	}
	all, _ := t.in.View.open()
	var depts []string
	unclaimed := map[string][]string{}
	var long []string
	for _, c := range all {
		days := int(t.in.Now.Sub(c.At).Hours() / 24)
		line := fmt.Sprintf("　%s %s「%s」报了%d天", c.No, orElse(c.Who, c.Village), c.brief(16), days)
		switch {
		case c.State == ledger.CaseMeeting:
			d := "还没有派给部门"
			for _, e := range c.Timeline {
				if e.Kind == ledger.EventPassed && e.Level == ledger.RoleDept {
					d = e.Dept
				}
			}
			if !slices.Contains(depts, d) {
				depts = append(depts, d)
			}
			unclaimed[d] = append(unclaimed[d], line)
		case days >= longOpen && c.State != ledger.CaseSolved:
			long = append(long, line+" "+c.stand())
		}
	}
	if len(depts)+len(long) == 0 {
		t.say("没有要上联席会议的事项。")
		return
	}
	var lines []string
	for _, d := range depts {
		lines = append(append(lines, d+"没有认领:"), unclaimed[d]...)
	}
	if len(long) > 0 {
		lines = append(append(lines, fmt.Sprintf("超过%d天还没办完:", longOpen)), long...)
	}
	t.say(strings.Join(lines, "\n"))
}

// matters adds what a message wants of matters.
func (w *Wants) matters(s State, in Input, said, verb string) {
	w.Matters = s.Form == needForm.Name || matterNumber(said) != "" ||
		slices.Contains([]string{"todo", "待办", "matters", matterWord, meetingWord}, said)
	if s.Form == matterForm.Name {
		w.Cases = append(w.Cases, s.Answers["case"])
	}
	if last := s.Step == "ok" || s.Step == "waiver" || s.Step == "trouble"; last && (s.Form == visitForm.Name || s.Form == helpForm.Name) {
		w.Solved = orElse(orElse(s.Answers["which"], s.Answers["who"]), s.Answers["elder"])
		w.Matters = w.Matters || s.Answers["items"] != "" // what is found may be known already
	}
	if w.Logged {
		for _, entry := range append(slices.Clone(in.Picks["record"]), w.Record) {
			if entry != "" {
				w.Cases = append(w.Cases, matterKeys(entry)...)
			}
		}
		for _, r := range s.Logged {
			if verb == "undo" || verb == "撤销" {
				w.Cases = append(w.Cases, matterKeys(r.Entry)...)
			}
		}
	}
}

// matterNumber is the number behind 事项, "" where none is.
func matterNumber(said string) string {
	rest, ok := strings.CutPrefix(said, matterWord)
	if rest = strings.Trim(rest, " :"); ok && (strings.HasPrefix(rest, "事") || strings.HasPrefix(rest, "需") || strings.HasPrefix(rest, "督")) {
		return rest
	}
	return ""
}
