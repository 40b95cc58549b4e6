package flows

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunfang/ledger"
)

// A matter is a problem that a visit found or a need that somebody told of (002 五·加强联系, 六(二)(四)). It climbs like an emergency,
// without sirens: the scheduler says when, here stand the words and what people may do.

// Who waits at a matter's levels, as people say it.
var levelWords = map[ledger.Role]string{ledger.RoleVillage: "村里", ledger.RoleTownship: "乡镇", ledger.RoleCounty: "县里", ledger.RoleDept: "部门"}

// rank orders the levels of the chain.
var rank = map[ledger.Role]int{ledger.RoleVillage: 1, ledger.RoleTownship: 2, ledger.RoleCounty: 3, ledger.RoleDept: 4}

// matterKey is the key of the matter that comes of something: a finding, or a message.
func matterKey(source string) string {
	sum := sha256.Sum256([]byte("matter/" + source))
	return "c" + hex.EncodeToString(sum[:12])
}

// begunMatter is a new matter. It begins with the village, whoever told of it.
func begunMatter(x ledger.Case, in Input) ledger.CaseStep {
	x.State, x.Level = ledger.CaseOpen, ledger.RoleVillage
	x.At, x.Since, x.Due = in.Now, in.Now, in.Now
	s := ledger.CaseStep{Case: x}
	s.Add(ledger.Event{Kind: ledger.EventRaised, By: x.By, Level: x.Level, Text: x.About, At: in.Now})
	return s
}

// said is what the matter is about. Who may see no more than their own words finds them where they were said.
func (c CaseView) said() string {
	if c.About != "" {
		return c.About
	}
	for _, e := range c.Timeline {
		if e.Kind == ledger.EventRaised && e.By == c.User {
			return e.Text
		}
	}
	return ""
}

// step begins a change of the case, nothing of it lost.
func (c CaseView) step() ledger.CaseStep {
	return ledger.CaseStep{Case: c.Whole, Seen: c.Rev}
}

// brief is its first line, at most so wide.
func (c CaseView) brief(width int) string {
	first, _, _ := strings.Cut(c.said(), "\n")
	return clip(first, width)
}

// thing names a matter: 马秀兰(望远村一组,81岁)的「取暖:暖气不热」.
func (c CaseView) thing(width int) string {
	return orElse(orElse(c.Who, c.Village), "您报") + "的「" + c.brief(width) + "」"
}

// dealtBy is who acts, with their department.
func (c CaseView) dealtBy() string { return c.Dept + c.Names(c.Owner) }

// lasting is a time as a card tells it, "" of less than an hour.
func lasting(d time.Duration) string {
	switch {
	case d >= 24*time.Hour:
		return strconv.Itoa(int(d/(24*time.Hour))) + "天"
	case d >= time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "小时"
	}
	return ""
}

// lain tells how long the matter lay with each level (002 六(二): 逐级上报): 村里3天、乡镇2天.
func (c CaseView) lain(now time.Time) string {
	var words []string
	for _, h := range c.HeldAt(now) {
		if d := lasting(h.For); d != "" {
			words = append(words, levelWords[h.Level]+d)
		}
	}
	return strings.Join(words, "、")
}

// humane is when something that can wait is said: not in the night (requirements §3 case 13). Zero: at once.
func humane(in Input) time.Time {
	switch at := in.Now.In(in.Zone); {
	case at.Hour() < 7:
		return in.Today.In(in.Zone).Add(8 * time.Hour)
	case at.Hour() >= 21:
		return in.Today.Add(1).In(in.Zone).Add(8 * time.Hour)
	}
	return time.Time{}
}

// capacity is in which post somebody acts on a matter, and for which department; "" in none.
func (v View) capacity(c CaseView) (level ledger.Role, dept string) {
	told := func(fits func(ledger.Event) bool) (ledger.Event, bool) {
		for i := len(c.Timeline) - 1; i >= 0; i-- {
			if e := c.Timeline[i]; e.To == c.User && e.Kind == ledger.EventTold && fits(e) {
				return e, true
			}
		}
		return ledger.Event{}, false
	}
	if c.Leads {
		if e, ok := told(func(e ledger.Event) bool { return e.Level != ledger.RoleDept && slices.Contains(v.Roles, e.Level) }); ok {
			return e.Level, ""
		}
		for _, r := range []ledger.Role{ledger.RoleCounty, ledger.RoleTownship, ledger.RoleVillage} {
			if slices.Contains(v.Roles, r) {
				return r, ""
			}
		}
	}
	if slices.Contains(v.Roles, ledger.RoleDept) {
		if e, ok := told(func(e ledger.Event) bool { return e.Level == ledger.RoleDept }); ok {
			return e.Level, e.Dept
		}
	}
	return "", ""
}

// waits says whether the matter waits for the person whose view it is.
func (v View) waits(c CaseView) bool {
	level, dept := v.capacity(c)
	switch c.State {
	case ledger.CaseTaken:
		return c.Owner == c.User
	case ledger.CaseOpen, ledger.CaseMeeting:
		return level != "" && level == c.Level && dept == c.Dept
	}
	return false
}

// matterCard is a matter as one who may act sees it; on top of it stands why it comes now.
func matterCard(c CaseView, level ledger.Role, dept, why string, in Input) ledger.Card {
	card := ledger.Card{Title: clip(c.Kind.Name()+":"+orElse(orElse(c.Who, c.Village), c.No), titleWidth),
		Desc: c.No + " " + ledger.DayOf(c.At, in.Zone).Short() + "报"}
	row := func(name, value string) {
		if value != "" {
			card.Rows = append(card.Rows, ledger.CardRow{Name: name, Value: clip(value, valueWidth)})
		}
	}
	row("住址", c.Where)
	row("谁报的", strings.TrimSpace(c.Reporter.Name+" "+c.Post))
	row("电话", c.Reporter.Phone)
	if c.Kind == ledger.CaseUrge {
		row("依据", urgeClause)
	}
	if len(c.HeldAt(in.Now)) > 1 {
		row("放了", c.lain(in.Now))
	}
	card.Sub = strings.Trim(clip(c.said(), listWidth-60)+"\n"+clip(why, 56), "\n")
	card.Buttons = c.choices(level, dept)
	if level == ledger.RoleCounty && len(in.View.Rules.Depts) > 0 && (c.State == ledger.CaseOpen || c.State == ledger.CaseMeeting) {
		drop := deptChoice(c, in)
		card.Drop = &drop
	}
	return card
}

// deptChoice offers the departments, the one whose business it is first.
func deptChoice(c CaseView, in Input) ledger.Choice {
	depts := slices.Clone(in.View.Rules.Depts)
	routed := in.View.Rules.Routes[c.What]
	slices.SortStableFunc(depts, func(a, b string) int {
		at := func(d string) int {
			if i := slices.Index(routed, d); i >= 0 {
				return i
			}
			return len(routed)
		}
		return at(a) - at(b)
	})
	choice := ledger.Choice{Key: "dept", Title: "交给"}
	for _, d := range depts[:min(len(depts), cardElders+1)] {
		choice.Options = append(choice.Options, ledger.Option{ID: d, Text: clip(d, optionWidth)})
	}
	choice.Picked = []string{depts[0]}
	return choice
}

// choices are what somebody may do with a matter as it stands.
func (c CaseView) choices(level ledger.Role, dept string) []ledger.Button {
	var out []ledger.Button
	add := func(verb, text string) {
		out = append(out, ledger.Button{Key: "go:case:" + verb + ":" + c.Key, Text: text, Style: min(2, len(out)+1)})
	}
	mine := c.State == ledger.CaseTaken && c.Owner == c.User
	up := func() {
		if rank[level] >= rank[c.Level] {
			add("up", map[ledger.Role]string{ledger.RoleVillage: "报乡镇", ledger.RoleTownship: "报县民政"}[level])
		}
	}
	switch {
	case c.State == ledger.CaseSolved || c.State.Over():
	case c.Kind == ledger.CaseUrge:
		for _, x := range urgeSteps {
			if !(x.verb == "law" && c.Level == ledger.RoleDept) {
				add(x.verb, x.text)
			}
		}
	case mine && level == ledger.RoleDept:
		add("solved", "办好了")
		add("news", "说进展")
		add("back", "不归我们")
	case mine:
		add("solved", "解决了")
		add("news", "说进展")
		if level == ledger.RoleCounty {
			add("dept", "交给部门")
			add("end", "不能办")
		} else {
			up()
		}
	case level == ledger.RoleDept && c.State != ledger.CaseTaken:
		add("take", "认领")
		if c.Dept == dept {
			add("back", "不归我们")
		}
	case level == ledger.RoleCounty:
		add("dept", "交给部门")
		if c.State != ledger.CaseTaken {
			add("take", "我来办")
		}
		add("solved", "解决了")
		add("end", "不能办")
	case level == ledger.RoleVillage || level == ledger.RoleTownship:
		if c.State != ledger.CaseTaken {
			add("take", "我来办")
		}
		add("solved", "解决了")
		if c.State != ledger.CaseTaken || rank[level] > rank[c.Level] {
			up()
		}
	}
	return out
}

// matterRung is the card for whose turn it is.
func matterRung(ring ledger.Ring, c CaseView, in Input) ledger.Message {
	card := matterCard(c, ring.Level, ring.Dept, c.why(ring.Why), in)
	card.Task = task(ring.Message)
	if len(card.Buttons) == 0 {
		card.Buttons = []ledger.Button{{Key: "go:case:see:" + c.Key, Text: "看经过", Style: 2}}
	}
	return ledger.Message{Priority: ledger.PriorityReminder, NotBefore: humane(in), Card: &card}
}

// why says why a matter comes to somebody now.
func (c CaseView) why(kind ledger.EventKind) string {
	var e ledger.Event
	if last, ok := c.Last(kind); ok {
		e = last
	}
	by := strings.TrimSpace(c.Names(e.By))
	switch kind {
	case ledger.EventPassed:
		switch {
		case e.By == "":
			return c.skipped(e) + ",转到您这里。"
		case e.Level == ledger.RoleDept:
			return by + "交给你们部门,请认领。"
		case e.Text != "":
			return by + "转来:" + e.Text
		}
		return by + "转来,请您处理。"
	case ledger.EventQuiet:
		return c.Names(e.To) + "接了以后没有消息,请您接着办。"
	case ledger.EventNot:
		return "老人说没解决,请再办。"
	case ledger.EventAgain:
		if c.Level == ledger.RoleDept {
			return c.Dept + "还没有认领,请催一下或另派。"
		}
		return "还在您这里,请安排。"
	case ledger.EventMeeting:
		return "没有部门认领,列入联席会议。"
	}
	switch {
	case c.Kind == ledger.CaseUrge:
		return "请先提醒家属,每做一步点一下。"
	case c.ElderID == "":
		return "请安排处理。"
	}
	return "请安排处理,下次看望时会问老人。"
}

// skipped says why a matter went up by itself: 村里没有人在, 村里没有办.
func (c CaseView) skipped(passed ledger.Event) string {
	level := ledger.RoleVillage
	for _, e := range c.Timeline {
		switch {
		case e.N == passed.N:
			return levelWords[level] + "没有办"
		case e.N == passed.N-1 && e.Kind == ledger.EventNobody:
			return orElse(e.Dept, levelWords[e.Level]) + "没有人在"
		case e.Kind == ledger.EventPassed, e.Kind == ledger.EventQuiet, e.Kind == ledger.EventNot, e.Kind == ledger.EventTaken:
			level = e.Level
		}
	}
	return "上一级没有办"
}

// onMatter obeys a button of a matter.
func (t *turn) onMatter(verb string, c CaseView) {
	switch picked := t.in.Picks["dept"]; {
	case verb == "see":
		t.tellMatter(c)
		return
	case verb == "later":
		t.receive(ledger.Card{Title: "好,下次再问", Desc: c.No, Done: "下次再问"}, "好,下次看望时再问。")
		return
	case verb == "dept" && len(picked) == 1:
		t.handle(verb, c, picked[0])
		return
	}
	level, dept := t.in.View.capacity(c)
	step, said := dealing(verb, c, t.in, "")
	if said == needsWords || step != nil && (verb == "up" || verb == "back" || verb == "solved" && level == ledger.RoleDept || verb == "reply") {
		if t.in.Code != "" { // its buttons stay: the line may never come
			t.receive(ledger.Card{Title: clip(orElse(c.Who, c.Village), titleWidth), Desc: c.No, Sub: clip(c.said(), 100), Buttons: c.choices(level, dept)}, "")
		}
		t.begun(matterForm.Name, Answers{"case": c.Key, "verb": verb})
		return
	}
	t.handle(verb, c, "")
	if verb == "take" && step != nil && level == ledger.RoleDept { // 002 六(四): 主动认领,制定措施
		t.begun(matterForm.Name, Answers{"case": c.Key, "verb": "measure"})
	}
}

// handle does something and shows what came of it.
func (t *turn) handle(verb string, c CaseView, words string) {
	step, said := dealing(verb, c, t.in, words)
	if step != nil {
		t.out.Cases = append(t.out.Cases, *step)
		c.CaseFile = c.With(*step)
	}
	card := ledger.Card{Title: clip(said, titleWidth), Desc: clip(c.No+" "+orElse(c.Who, c.Village), 44), Sub: clip(c.said(), 100), Done: "好"}
	if level, dept := t.in.View.capacity(c); c.Owner == t.in.User && c.State == ledger.CaseTaken { // what can be done next stands on it
		card.Buttons, card.Done = c.choices(level, dept), ""
	}
	t.receive(card, said)
}

// receive shows what became of a tap on the card that was tapped, or in words.
func (t *turn) receive(c ledger.Card, text string) {
	if t.in.Code == "" {
		t.say(text)
		return
	}
	t.send(ledger.Message{Code: t.in.Code, Card: &c, Fallback: text})
}

// needsWords is what dealing answers where it cannot be done without a line.
const needsWords = "请说一句。"

// dealing decides what an act makes of a matter. Without a step nothing is changed, and the words say why. Doing it twice is doing it
// once.
func dealing(verb string, c CaseView, in Input, words string) (*ledger.CaseStep, string) {
	level, dept := in.View.capacity(c)
	if level == "" && c.Owner == in.User { // the post ended, the matter did not
		level, dept = c.Level, c.Dept
	}
	s := c.step()
	x := &s.Case
	e := ledger.Event{By: in.User, Level: level, Dept: dept, Text: words, At: in.Now}
	hand := func(to ledger.Role, dept string) {
		x.State, x.Level, x.Dept, x.Owner = ledger.CaseOpen, to, dept, ""
		x.Wave, x.Rung, x.Since = x.Wave+1, 0, in.Now
		e.Kind, e.Level = ledger.EventPassed, to
	}
	others := c.State == ledger.CaseTaken && c.Owner != in.User
	said := ""
	switch {
	case c.State.Over():
		return nil, "这件事已经办完了。"
	case verb == "yes" || verb == "not":
		if c.State != ledger.CaseSolved {
			return nil, "这件事又在办了,还没有说解决。"
		}
		return answered(verb == "yes", c, in)
	case level == "":
		return nil, "这件事现在不归您办,什么都没有改。"
	case c.State == ledger.CaseSolved:
		return nil, "已经说解决了,下次看望时会问老人。"
	case verb == "take" && c.State == ledger.CaseTaken && c.Owner == in.User:
		return nil, "您已经接了,办好了点「解决了」。"
	case verb == "take" && others:
		return nil, c.dealtBy() + "已经接了。"
	case verb == "take":
		if level == ledger.RoleDept && c.Level == ledger.RoleDept && c.Dept != dept {
			return nil, "这件事现在交给" + c.Dept + "了。"
		}
		x.State, x.Owner = ledger.CaseTaken, in.User
		if x.Level != level || x.Dept != dept {
			x.Level, x.Dept, x.Since = level, dept, in.Now
		}
		e.Kind, said = ledger.EventTaken, "✓ 您接了,办好了点「解决了」"
		if level == ledger.RoleDept {
			said = "✓ 认领了,办好了点「办好了」"
		}
	case verb == "up":
		switch {
		case rank[level] >= rank[ledger.RoleCounty]:
			return nil, "县里是最后一级,可以交给部门。"
		case rank[c.Level] > rank[level]:
			return nil, "已经在" + levelWords[c.Level] + "了。"
		case others && rank[level] <= rank[c.Level]:
			return nil, c.dealtBy() + "在办,报上去请跟" + c.Names(c.Owner) + "说。"
		}
		to := ledger.RoleTownship
		if level == ledger.RoleTownship {
			to = ledger.RoleCounty
		}
		hand(to, "")
		said = "✓ 报到" + levelWords[to] + "了"
	case verb == "solved":
		x.State, x.Owner = ledger.CaseSolved, in.User
		if x.Level != level || x.Dept != dept {
			x.Level, x.Dept, x.Since = level, dept, in.Now
		}
		e.Kind, said = ledger.EventSolved, "✓ 记下了,下次看望时问老人"
		if c.ElderID == "" {
			said = "✓ 记下了,会问报的人"
		}
	case verb == "dept" && level == ledger.RoleCounty:
		switch {
		case words == "":
			return nil, needsWords
		case !slices.Contains(in.View.Rules.Depts, words):
			return nil, "没有「" + clip(words, 10) + "」这个部门。"
		case c.Level == ledger.RoleDept && c.Dept == words && c.State == ledger.CaseOpen:
			return nil, "已经交给" + words + "了,还没有认领。"
		}
		hand(ledger.RoleDept, words)
		e.Dept, e.Text = words, ""
		said = "✓ 交给" + words + "了,等他们认领"
	case verb == "back" && level == ledger.RoleDept && c.Level == ledger.RoleDept && c.Dept == dept:
		hand(ledger.RoleCounty, "")
		said = "✓ 退回县里了,由县里另派"
	case verb == "end" && level == ledger.RoleCounty:
		if words == "" {
			return nil, needsWords
		}
		x.State, x.Due, x.Outcome = ledger.CaseEnded, time.Time{}, "不能办:"+words
		e.Kind, said = ledger.EventEnded, "✓ 结了,会告诉报的人"
	case (verb == "news" || verb == "measure") && c.State == ledger.CaseTaken && !others:
		if words == "" {
			return nil, needsWords
		}
		e.Kind, said = ledger.EventNews, "✓ 记下了"
	case c.Kind == ledger.CaseUrge:
		if said = urging(verb, words, c, x, &e, hand, in); said == "" {
			return nil, "这件事现在不归您办,什么都没有改。"
		}
	default:
		return nil, "这件事现在不归您办,什么都没有改。"
	}
	if !x.State.Over() {
		x.Due = in.Now
	}
	e.Wave = x.Wave
	s.Add(e)
	return &s, said
}

// answered takes what the elder said of a matter that was called solved (002 七(三)): a no opens it again where that was said.
func answered(yes bool, c CaseView, in Input) (*ledger.CaseStep, string) {
	s := c.step()
	x := &s.Case
	e := ledger.Event{By: in.User, At: in.Now, Level: x.Level, Dept: x.Dept}
	if yes {
		x.State, x.Due, x.Outcome = ledger.CaseEnded, time.Time{}, "解决了"
		e.Kind, e.Text, e.Wave = ledger.EventEnded, x.Outcome, x.Wave
		s.Add(e)
		return &s, "✓ 办完了"
	}
	x.State, x.Owner, x.Wave, x.Rung, x.Since, x.Due = ledger.CaseOpen, "", x.Wave+1, 0, in.Now, in.Now
	e.Kind, e.Wave = ledger.EventNot, x.Wave
	s.Add(e)
	return &s, "✓ 记下了,又交给" + orElse(x.Dept, levelWords[x.Level]) + "办"
}

// answers are what may have been answered to whether a matter is solved.
func (c CaseView) answers() []ledger.Button {
	return []ledger.Button{{Key: "go:case:yes:" + c.Key, Text: "解决了", Style: 1}, {Key: "go:case:not:" + c.Key, Text: "没解决", Style: 2},
		{Key: "go:case:later:" + c.Key, Text: "没问", Style: 2}}
}

// asksSolved asks after a visit or a help that met the elder whether what was called solved is (002 七(三)); of what is known the
// visit itself has told.
func asksSolved(e *Elder, entry ledger.Entry, known []ledger.CaseStep, in Input) (asks []ledger.Message, steps []ledger.CaseStep) {
	if !entry.Outcome.Met() {
		return nil, nil
	}
	for _, c := range in.View.Solved {
		last, _ := c.Last(ledger.EventShown)
		if c.ElderID != e.ID || c.State != ledger.CaseSolved || last.To == in.User && ledger.DayOf(last.At, in.Zone) == in.Today || len(asks) == mostAsked ||
			slices.ContainsFunc(known, func(s ledger.CaseStep) bool { return s.Case.Key == c.Key }) {
			continue
		}
		key := fmt.Sprintf("case/%s/%d/ask/%s", c.Key, c.Events, in.User)
		done, _ := c.Last(ledger.EventSolved)
		asks = append(asks, ledger.Message{Key: key, Card: &ledger.Card{Task: task(key),
			Title:   clip(ledger.DayOf(c.At, in.Zone).Short()+"说的「"+c.brief(16)+"」解决了吗?", titleWidth),
			Desc:    clip(in.View.call(e)+":"+ledger.DayOf(done.At, in.Zone).Short()+done.Dept+c.Names(done.By)+"说办好了。", 44),
			Buttons: c.answers()}})
		s := c.step()
		s.Add(ledger.Event{Kind: ledger.EventShown, To: in.User, Message: key, Wave: c.Wave, At: in.Now})
		steps = append(steps, s)
	}
	return asks, steps
}

// mostAsked is how many questions follow one visit.
const mostAsked = 2

// matterForm takes the line that an act wants, or the department.
var matterForm = Form{
	Name:  "matter",
	Title: func(a Answers, in Input) string { return "事项要说的一句话" },
	Done:  matterDone,
	Steps: []Step{
		{Key: "dept", When: is("verb", "dept"), Ask: askDept, Parse: parseDept},
		{Key: "line", When: isNot("verb", "dept"), Ask: askMatterLine, Parse: parseMatterLine},
	},
}

// matter is the one a form is about; false where it is no longer the speaker's.
func (a Answers) matter(in Input) (CaseView, bool) {
	return in.View.caseOf(a["case"])
}

func askDept(a Answers, in Input) Prompt {
	c, ok := a.matter(in)
	if !ok || len(in.View.Rules.Depts) == 0 {
		return Prompt{Text: "交给哪个部门?打部门的名字;不交了就说「取消」。"}
	}
	return Prompt{Card: &ledger.Card{Title: "交给哪个部门?", Desc: c.No, Selects: []ledger.Choice{deptChoice(c, in)}, Submit: ledger.Button{Key: "submit", Text: "交给它"}}}
}

func parseDept(raw string, in Input) (string, error) {
	if said := fold(raw); slices.Contains(in.View.Rules.Depts, said) {
		return said, nil
	}
	return "", Hint("交给哪个部门?有" + strings.Join(in.View.Rules.Depts, "、") + "。")
}

// asked are the questions before an act.
var askedLine = map[string]string{
	"up": "为什么要报上去?说一句;不用写就说「跳过」。", "back": "为什么不归你们,该归谁?说一句;不用写就说「跳过」。",
	"solved": "怎么办好的?说一句;不用写就说「跳过」。", "end": "为什么不能办?说一句,会告诉报的人。",
	"reply": "家属怎么说的?说一句;不用写就说「跳过」。",
	"news":  "办到哪一步了?说一句。", "measure": "打算怎么办、哪天办好?说一句;以后再说就说「跳过」。",
}

func askMatterLine(a Answers, _ Input) Prompt { return Prompt{Text: askedLine[a["verb"]]} }

func parseMatterLine(raw string, in Input) (string, error) {
	v, err := parseLine(raw, in)
	if verb := in.answers["verb"]; err == nil && v == "" && (verb == "end" || verb == "news") {
		return "", Hint("说一句才记得下;不办了就说「取消」。")
	}
	return v, err
}

func matterDone(a Answers, in Input) Result {
	c, ok := a.matter(in)
	if !ok {
		return unchanged("这件事现在不归您办,什么都没有改。")
	}
	if a["verb"] == "measure" && a["line"] == "" {
		return Result{Text: "好,以后再说。", Card: ledger.Card{Done: "以后再说"}}
	}
	step, said := dealing(a["verb"], c, in, a["line"]+a["dept"])
	if step == nil {
		return unchanged(said)
	}
	return Result{Changes: ledger.Changes{Cases: []ledger.CaseStep{*step}}, Text: said + "。" + c.No + " " + orElse(c.Who, c.Village) + "。",
		Card: ledger.Card{Title: clip(said, titleWidth), Desc: c.No, Done: "好"}}
}

// turning is the last event of a step that others have to know of; false where there is none.
func turning(step ledger.CaseStep) (ledger.Event, bool) {
	f := ledger.CaseFile{Timeline: step.Events}
	if e, ok := f.Last(ledger.EventPassed, ledger.EventTaken, ledger.EventSolved, ledger.EventNot, ledger.EventEnded, ledger.EventMeeting, ledger.EventQuiet); ok {
		return e, true
	}
	return f.Last(ledger.EventMore)
}

// matterSpread says what became of a matter: to who raised it always, to whoever had it where it leaves them or ends. Cards that
// ask for what is done already turn grey.
func matterSpread(was ledger.CaseFile, step ledger.CaseStep, as func(user string) CaseView, in Input) []ledger.Message {
	e, ok := turning(step)
	if !ok {
		return nil
	}
	told := map[string]bool{in.User: true}
	for _, n := range step.Events { // they get a card of their own, which says why
		if n.Kind == ledger.EventTold {
			told[n.To] = true
		}
	}
	var out []ledger.Message
	say := func(user string) {
		if user == "" || told[user] {
			return
		}
		told[user] = true
		m := ledger.Message{Key: fmt.Sprintf("case/%s/r%d/%s", step.Case.Key, step.Case.Rev, user), To: user, Priority: ledger.PriorityReminder,
			NotBefore: humane(in), Text: as(user).became(e, was.Level)}
		if user == step.Case.By && step.Case.State == ledger.CaseSolved && step.Case.ElderID == "" { // nobody's next visit asks
			m.Text, m.Card = "", &ledger.Card{Task: task(m.Key), Title: clip(as(user).thing(12)+"解决了吗?", titleWidth), Sub: m.Text, Buttons: as(user).answers()}
		}
		out = append(out, m)
	}
	say(step.Case.By)
	everybody := was.State != ledger.CaseSolved && (step.Case.State == ledger.CaseSolved || step.Case.State.Over())
	for _, old := range was.Told() {
		here := old.Kind == ledger.EventTold && old.Wave == was.Wave
		if e.Kind == ledger.EventMore { // nothing is decided, whose turn it is hears more of it
			if here && (was.Owner == "" || was.Owner == old.To) {
				say(old.To)
			}
			continue
		}
		if here && old.To != in.User && in.Now.Sub(old.At) < cardLife && was.State != ledger.CaseSolved && (was.State != ledger.CaseTaken || old.To == was.Owner) { // else it is grey already
			out = append(out, ledger.Message{Key: fmt.Sprintf("case/%s/r%d/%s/card", step.Case.Key, step.Case.Rev, old.To), To: old.To, Of: old.Message,
				Priority: ledger.PriorityReminder, Card: &ledger.Card{Done: clip(as(old.To).grey(e), buttonWidth)}})
		}
		if old.Kind == ledger.EventTold && everybody || here && e.By == "" {
			say(old.To)
		}
	}
	say(was.Owner)
	return out
}

// cardLife is for how long a card can be changed: its response_code holds 72 hours (wecom/94888), and the update may wait.
const cardLife = 60 * time.Hour

// grey is what stands on a card that asks for nothing any more.
func (c CaseView) grey(e ledger.Event) string {
	switch e.Kind {
	case ledger.EventTaken:
		return c.Names(e.By) + "接了"
	case ledger.EventSolved:
		return "已解决"
	case ledger.EventEnded:
		return "已结"
	case ledger.EventMeeting:
		return "上联席会议"
	}
	return "已转" + orElse(c.Dept, levelWords[c.Level])
}

// became says what became of a matter, in one line and what follows from it.
func (c CaseView) became(e ledger.Event, was ledger.Role) string {
	text := c.thing(20) + ":"
	by := e.Dept + c.Names(e.By)
	switch e.Kind {
	case ledger.EventPassed:
		switch {
		case e.Level == ledger.RoleDept:
			text += c.Names(e.By) + "交给" + e.Dept + ",等他们认领。"
		case e.By == "":
			text += c.skipped(e) + ",转到" + levelWords[e.Level] + "了。"
		case was == ledger.RoleDept:
			text += by + "退回" + levelWords[e.Level] + ",由县里另派。"
		default:
			text += c.Names(e.By) + "报到" + levelWords[e.Level] + "了。"
		}
		if e.Text != "" {
			text += "说:" + clip(e.Text, 60) + "。"
		}
	case ledger.EventTaken:
		text += by + map[bool]string{true: "认领了。", false: "接了,会去办。"}[e.Level == ledger.RoleDept]
	case ledger.EventMore:
		text += by + "补充,「" + clip(e.Text, 60) + "」。"
	case ledger.EventSolved:
		text += by + "说办好了。"
		if e.Text != "" {
			text += clip(e.Text, 60) + "。"
		}
		if c.ElderID != "" {
			text += "下次看望时会问老人。"
		}
	case ledger.EventNot:
		text += "老人说没解决,又交给" + orElse(e.Dept, levelWords[e.Level]) + "办。"
	case ledger.EventMeeting:
		text += "还没有部门认领,列入联席会议。"
	case ledger.EventQuiet:
		text += c.Names(e.To) + "接了以后没有消息,转到" + levelWords[e.Level] + "了。"
	case ledger.EventEnded:
		switch {
		case c.Outcome == "解决了":
			text += "问过了,确实解决了。"
		case c.Outcome == "没问到":
			text += "说办好了,一直没问到老人,先结了。还没解决就再报一次。"
		case strings.HasSuffix(c.Outcome, "了"):
			text += c.Outcome + "。"
		default:
			text += c.Outcome + "。这件事结了。"
		}
	}
	return text + "(" + c.No + ")"
}
