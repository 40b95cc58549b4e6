package flows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// Alarm is the emergency that the speaker reported last: what is said after it belongs to it.
type Alarm struct {
	Key     string `json:"k"`
	At      int64  `json:"t"`           // unix seconds of the last word about it
	Offered bool   `json:"o,omitempty"` // the form that it broke into has been offered again
}

// An alarm goes out with the first word (002 六(二): 立即拨打紧急求助电话; neither policy lets a form stand first). What follows is
// passed on as it comes.
const (
	alarmTalk  = 30 * time.Minute // then what is said has nothing to do with it any more
	alarmAgain = 10 * time.Minute // a second call without anything new rings nobody again
	saidWidth  = 300              // of one message about it
	aboutWidth = 1000             // of all that was said
)

const numbers = `⚠ 先打电话
120 病、伤、煤气中毒
110 有人侵害、走失
119 着火、门打不开`

var urgentWords = []string{"urgent", "紧急", "救命", "出事了"}

const drillWord = "演练"

// cry reads a word that raises an alarm at any moment; ok is false where it is none.
func cry(said string) (about string, drill, ok bool) {
	if slices.Contains(urgentWords, said) {
		return "", false, true
	}
	if rest, found := strings.CutPrefix(said, drillWord); found && (rest == "" || rest[0] == ' ') {
		return strings.TrimSpace(rest), true, true
	}
	for _, word := range urgentWords[1:] {
		rest, found := strings.CutPrefix(said, word)
		rest = strings.Trim(strings.TrimPrefix(rest, "情况"), " :,!啊呀")
		if !found || slices.ContainsFunc(uncried, func(w string) bool { return strings.HasPrefix(rest, w) }) {
			continue
		}
		if what, found := strings.CutPrefix(rest, drillWord); found {
			return strings.Trim(what, " :,"), true, true
		}
		return rest, false, true
	}
	return "", false, false
}

// uncried are what no cry goes on with: 紧急联系人, 紧急电话, 紧急通知, 救命恩人, 出事了吗, 出事了没有.
var uncried = []string{"联系", "电话", "通知", "会议", "预案", "恩人", "吗", "没"}

// alert is what is known when an alarm is raised.
type alert struct {
	about  string   // what was said
	what   string   // AlarmKind, "" not known
	elders []string // in sight whom it may be about
	sure   bool     // they are called by what the ledger calls them; else it may be a name that sounds like theirs
	drill  bool
}

// heed is what an understood message says of an emergency.
func (t *turn) heed(about string) alert {
	a := alert{about: clip(strings.TrimSpace(about), saidWidth)}
	if a.about == "" { // 救命: what it is nobody said
		return a
	}
	_, danger := t.danger()
	for _, p := range t.in.View.Said {
		if danger && !perilous(p) { // another report of the same message
			continue
		}
		if p.Reading.Emergency != nil {
			if k := ledger.AlarmOf(*p.Reading.Emergency); k.Grave > ledger.AlarmOf(a.what).Grave {
				a.what = k.Key
			}
		}
		a.elders = append(a.elders, t.inView(p.Reading.Elders)...)
	}
	a.elders = unique(a.elders)
	a.sure = !slices.ContainsFunc(a.elders, func(id string) bool { return !t.in.View.find(id).called(a.about) })
	for _, k := range ledger.AlarmKinds { // the kind alone, as the card has it
		if a.what == "" && a.about == k.Name {
			a.what = k.Key
		}
	}
	return a
}

// cried raises the alarm that somebody called for.
func (t *turn) cried(about string, drill bool) {
	a := t.heed(about)
	if a.drill = drill; drill && !leadsSomewhere(t.in.View) {
		t.aside(func() {
			t.say("演练由村里、乡镇和县里的负责人发起。真有人遇到危险,请说「紧急」。")
		})
		return
	}
	if e := t.s.Answers.elder(t.in.View); reporting(t.s.Form) && e != nil && !drill && t.isAbout(e, a) {
		a.elders, a.sure = []string{e.ID}, true
	}
	t.alarm(a)
}

// called says whether a text has a name that the ledger has of the elder.
func (e *Elder) called(text string) bool {
	return slices.ContainsFunc(append([]string{e.Name, e.ID}, e.Aliases...), func(name string) bool {
		return name != "" && strings.Contains(strings.ToLower(text), strings.ToLower(name))
	})
}

func leadsSomewhere(v View) bool {
	return slices.ContainsFunc(v.Roles, func(r ledger.Role) bool {
		return r == ledger.RoleVillage || r == ledger.RoleTownship || r == ledger.RoleCounty
	})
}

// somebodyElse are words that speak of another than the elder of the form that they break into.
var somebodyElse = []string{"有人", "别人", "一个", "一位", "路边", "路上", "邻居", "村口", "隔壁"}

// isAbout says whether what was said in the middle of a form is about the form's elder.
func (t *turn) isAbout(e *Elder, a alert) bool {
	if a.about == "" || len(a.elders) > 0 {
		return len(a.elders) == 0
	}
	id, region := t.in.View.spot(a.about)
	return id == "" && region == "" && !slices.ContainsFunc(somebodyElse, func(w string) bool { return strings.Contains(a.about, w) })
}

// emergency is the case that an alert is about.
func (t *turn) emergency(a alert) ledger.Case {
	in, v := t.in, t.in.View
	x := ledger.Case{Key: caseKey(in), Kind: ledger.CaseAlarm, What: a.what, About: a.about, By: in.User, Unverified: !v.Known, Drill: a.drill,
		State: ledger.CaseOpen, Level: ledger.RoleVillage, Due: in.Now, Since: in.Now, At: in.Now,
		No: fmt.Sprintf("急%s-%d", strings.ReplaceAll(string(in.Today[2:]), "-", ""), v.AlarmsToday+1)}
	id, region := v.spot(a.about)
	switch {
	case len(a.elders) == 1 && a.sure:
		x.ElderID, x.Region = a.elders[0], v.find(a.elders[0]).Region
	case len(a.elders) > 1 && a.sure: // which of them is asked; meanwhile it goes to where they all live, if they do
		x.Region = region
	default:
		x.ElderID, x.Region = id, region
	}
	if len(a.elders) > 0 && x.Region == "" {
		first := v.find(a.elders[0]).Region
		if !slices.ContainsFunc(a.elders, func(id string) bool { return !v.near(v.find(id).Region, first) }) {
			x.Region = first
		}
	}
	if x.ElderID == "" && region != "" {
		x.Place = clip(a.about, 60)
	}
	x.Region = orElse(x.Region, v.Home)
	return x
}

// unseen says whether a case is about an elder whom the speaker may not see: who is to be told is known, and nothing of it is said.
func (v View) unseen(x ledger.Case) bool { return x.ElderID != "" && v.seen(x.ElderID) == nil }

// alarm tells everybody in charge with the first word, or adds it to the case that somebody has raised of the same event.
func (t *turn) alarm(a alert) {
	in := t.in
	t.done("已报告")
	x := t.emergency(a)
	t.park()
	if f, ok := t.same(x, a); ok {
		t.join(f, x, a)
		return
	}
	step := ledger.CaseStep{Case: x, Alarms: in.View.AlarmCount}
	step.Add(ledger.Event{Kind: ledger.EventRaised, By: in.User, Text: x.About, At: in.Now})
	t.s.Alarm = Alarm{Key: x.Key, At: in.Now.Unix()}
	t.tellReporter(firstWords(t.in.View, x)+"\n"+t.whoIsTold(x), step, t.ownView(x, step))
	t.whoIsIt(x.Key, a)
}

// tellReporter says what to do, shows the live card, and puts the step out.
func (t *turn) tellReporter(text string, step ledger.CaseStep, c CaseView) {
	in := t.in
	step.Add(ledger.Event{Kind: ledger.EventShown, To: in.User, Wave: step.Case.Wave, Message: wordKey(step, in.User), At: in.Now})
	t.out.Cases = append(t.out.Cases, step)
	card := reporterCard(c, in)
	card.Task = task(wordKey(step, in.User))
	t.send(ledger.Message{To: in.User, Priority: ledger.PriorityAlarm, Text: drillMark(step.Case) + text})
	t.send(ledger.Message{Key: wordKey(step, in.User), To: in.User, Priority: ledger.PriorityAlarm, Card: &card})
}

// wordKey is the key of what a step of a case says to somebody: one message a person and step.
func wordKey(step ledger.CaseStep, user string) string {
	return fmt.Sprintf("case/%s/%d/to/%s", step.Case.Key, step.Case.Rev, user)
}

func drillMark(x ledger.Case) string {
	if x.Drill {
		return "【演练】"
	}
	return ""
}

// ownView is a case that the speaker raised just now, with no more of it than they said and may see.
func (t *turn) ownView(x ledger.Case, step ledger.CaseStep) CaseView {
	v := t.in.View
	c := CaseView{CaseFile: ledger.CaseFile{Case: x, Timeline: step.Events}, User: t.in.User, Sight: ledger.CaseOwn, Names: v.staff}
	if e := v.seen(x.ElderID); e != nil {
		c.Sight, c.Who, c.Where = ledger.CaseAll, e.full(), orElse(e.Address, e.Village+e.Group)
	}
	if c.Who != "" || x.About == "" { // else a button would say whether a name is somebody's
		c.Leads = leadsSomewhere(v) && v.Oversees != nil && v.Oversees(x.Region)
	}
	return c
}

// firstWords come before any question: which number to call and what to say there (H1).
func firstWords(v View, x ledger.Case) string {
	k := ledger.AlarmOf(x.What)
	switch {
	case x.Drill:
		return "这是演练,不用打120、110、119。"
	case k.Number == "":
		return numbers
	}
	say := "在哪、多大年纪、怎么了"
	if e := v.seen(x.ElderID); e != nil {
		words := []string{orElse(e.Address, e.Village+e.Group)}
		if e.Age >= 0 {
			words = append(words, fmt.Sprintf("%d岁", e.Age))
		}
		say = strings.Join(append(words, k.Name), ",")
	}
	return "⚠ 先打" + k.Number + "。说清:" + say + "。" + k.Say
}

// whoIsTold names those who hear of it at once, but where the names would say where an elder out of sight lives.
func (t *turn) whoIsTold(x ledger.Case) string {
	v, at := t.in.View, clock(t.in.Now, t.in)
	unsaid := x
	if v.unseen(x) {
		unsaid.ElderID, unsaid.Region = "", v.Home
	}
	var told []Person
	if v.Tells != nil {
		told = v.Tells(unsaid)
	}
	switch {
	case len(told) == 0:
		return "还没有登记负责人,请马上直接打电话给村里和乡里。"
	case !v.Known:
		return at + " 已报给负责人,他们会联系您,请保持手机畅通。"
	case v.seen(x.ElderID) == nil && x.About != "" && (x.ElderID != "" || x.Place == ""):
		return at + " 已同时告诉村里、乡里的负责人。"
	}
	return at + " 已同时告诉" + names(told) + "。"
}

// whoIsIt asks which of several elders is meant, or whether it is the one whose name sounds like what was said, after everybody was
// told.
func (t *turn) whoIsIt(key string, a alert) {
	if len(a.elders) == 0 || len(a.elders) == 1 && a.sure {
		return
	}
	c := ledger.Card{Title: "是哪一位?", Desc: "已经报出去了,点一下他们就知道去谁家。"}
	if len(a.elders) == 1 {
		c.Title = "是这位吗?"
	}
	for _, id := range a.elders[:min(len(a.elders), 6)] {
		e := t.in.View.find(id)
		text := e.brief(true)
		if len([]rune(text)) > buttonWidth {
			text = e.place(true)
		}
		c.Buttons = append(c.Buttons, ledger.Button{Key: caseButton("who", key) + ":" + id, Text: clip(text, buttonWidth), Style: 1})
	}
	t.card(c)
}

// same finds the case that somebody has raised of the same event (requirements §3 case 4): of the same elder, of the same place and
// kind unless two different elders are named, or the speaker's own of just now. Where somebody works is no place.
func (t *turn) same(x ledger.Case, a alert) (ledger.CaseFile, bool) {
	now, join := t.in.Now, t.in.View.Rules.Join
	if !t.in.View.Known { // of two answers one would say whose name the ledger knows: what a stranger says belongs to what they raised
		for _, f := range t.in.View.Alarms {
			if f.Kind == ledger.CaseAlarm && !f.State.Over() && f.Drill == x.Drill && now.Sub(spoke(f, x.By)) < max(alarmAgain, join) {
				return f, true
			}
		}
	}
	for _, f := range t.in.View.Alarms {
		if f.Kind != ledger.CaseAlarm || f.State.Over() || f.Drill != x.Drill {
			continue
		}
		others := f.ElderID != "" && (x.ElderID != "" && x.ElderID != f.ElderID || a.sure && len(a.elders) > 0 && !slices.Contains(a.elders, f.ElderID))
		switch {
		case others:
		case x.ElderID != "" && x.ElderID == f.ElderID && now.Sub(f.Moved) < join,
			now.Sub(spoke(f, x.By)) < alarmAgain && (!located(f.Case) || x.About == ""),
			x.What != "" && x.What == f.What && located(x) && located(f.Case) && t.in.View.near(x.Region, f.Region) && now.Sub(f.At) < join:
			return f, true
		}
	}
	return ledger.CaseFile{}, false
}

// spoke is when somebody last said something of a case.
func spoke(f ledger.CaseFile, user string) (at time.Time) {
	for _, e := range f.Timeline {
		if e.By == user && slices.Contains([]ledger.EventKind{ledger.EventRaised, ledger.EventJoined, ledger.EventMore}, e.Kind) {
			at = e.At
		}
	}
	return at
}

// located says whether a case's region is where it happened, and not just where its reporter works.
func located(x ledger.Case) bool { return x.ElderID != "" || x.Place != "" }

// join adds a report to a case that is there already. Who may not see the elder it is about learns nothing of the other report.
func (t *turn) join(f ledger.CaseFile, x ledger.Case, a alert) {
	in, v := t.in, t.in.View
	again := reported(f, in.User)
	t.s.Alarm = Alarm{Key: f.Key, At: in.Now.Unix()}
	if again {
		t.more(f, x, a)
		return
	}
	step := f.Step()
	step.Add(ledger.Event{Kind: ledger.EventJoined, By: in.User, Wave: f.Wave, Text: x.About, At: in.Now})
	learn(&step, x, in)
	if v.unseen(x) {
		x.Key = f.Key
		own := ledger.CaseStep{Case: x}
		own.Add(ledger.Event{Kind: ledger.EventRaised, By: in.User, Text: x.About, At: in.Now})
		t.tellReporter(firstWords(t.in.View, x)+"\n"+t.whoIsTold(x), step, t.ownView(x, own))
		t.whoIsIt(f.Key, a)
		return
	}
	after := f.With(step)
	text := firstWords(t.in.View, step.Case) + "\n这件事已经有人报了,正在找人处理。您说的也转过去了。"
	by, owner := orElse(v.staff(f.By), "别人"), v.staff(step.Case.Owner)
	switch taken, _ := takenOf(after); {
	case !v.Known && step.Case.Owner != "":
		text = firstWords(t.in.View, step.Case) + "\n这件事已经有人报了,正在处理。您说的也转过去了。"
	case !v.Known:
	case owner != "":
		text = fmt.Sprintf("%s\n这件事%s%s已经报了,%s%s在处理。您说的也转过去了。", firstWords(t.in.View, step.Case), by, clock(f.At, in), owner, clock(taken.At, in))
	default:
		text = fmt.Sprintf("%s\n这件事%s%s已经报了,还没有人接。您说的也转过去了。", firstWords(t.in.View, step.Case), by, clock(f.At, in))
	}
	c := t.ownView(step.Case, ledger.CaseStep{})
	c.Timeline = after.Timeline
	t.tellReporter(text, step, c)
	t.whoIsIt(f.Key, a)
}

// reported says whether somebody reported the case, first or later.
func reported(f ledger.CaseFile, user string) bool {
	return f.By == user || slices.ContainsFunc(f.Timeline, func(e ledger.Event) bool {
		return e.By == user && (e.Kind == ledger.EventRaised || e.Kind == ledger.EventJoined)
	})
}

// learn takes over into a case what a report says that was not known. Worse than was said, everybody is rung again.
func learn(step *ledger.CaseStep, x ledger.Case, in Input) {
	c := &step.Case
	var known []string
	was, is := ledger.AlarmOf(c.What), ledger.AlarmOf(x.What)
	switch {
	case is.Key == "" || is.Key == was.Key:
	case was.Key == "":
		c.What = is.Key
		known = append(known, is.Name)
	case is.Grave > was.Grave:
		c.What, c.State, c.Owner, c.Wave, c.Rung, c.Due = is.Key, ledger.CaseOpen, "", c.Wave+1, 0, in.Now
		step.Add(ledger.Event{Kind: ledger.EventGraver, By: in.User, Wave: c.Wave, Text: is.Name, At: in.Now})
	}
	switch {
	case c.ElderID == "" && x.ElderID != "":
		c.ElderID, c.Region = x.ElderID, x.Region
		known = append(known, "是谁")
	case c.ElderID == "" && x.Place != "" && (c.Place == "" || x.About == ""):
		c.Place, c.Region = x.Place, orElse(x.Region, c.Region)
		known = append(known, "在哪")
	}
	c.Region = orElse(c.Region, x.Region)
	if x.About != "" && !strings.Contains(c.About, x.About) {
		c.About = clip(strings.TrimSpace(c.About+"\n"+x.About), aboutWidth)
	}
	if len(known) > 0 {
		step.Add(ledger.Event{Kind: ledger.EventKnown, By: in.User, Wave: c.Wave, Text: strings.Join(known, "、"), At: in.Now})
	}
}

// more passes on what a reporter says further.
func (t *turn) more(f ledger.CaseFile, x ledger.Case, a alert) {
	in := t.in
	if x.About == "" && (x.What == "" || x.What == f.What) { // 紧急, and nothing new: nobody is rung again
		t.say(firstWords(t.in.View, f.Case) + "\n" + t.stands(f) + "在哪、是谁、怎么了?说一句就转过去。")
		return
	}
	step := f.Step()
	if x.About != "" {
		step.Add(ledger.Event{Kind: ledger.EventMore, By: in.User, Wave: f.Wave, Text: x.About, At: in.Now})
	}
	learn(&step, x, in)
	t.out.Cases = append(t.out.Cases, step)
	t.passedOn(step, f)
	t.whoIsIt(f.Key, a)
}

// passedOn answers what was added, with the number to call where that came to be known only now.
func (t *turn) passedOn(step ledger.CaseStep, f ledger.CaseFile) {
	text := "已转过去"
	if owner := t.in.View.staff(step.Case.Owner); owner != "" {
		text = "已转给" + owner
	}
	if e := t.in.View.seen(step.Case.ElderID); e != nil && step.Case.ElderID != f.ElderID { // said back: it may not be who was meant
		text += ":" + e.full()
	}
	text += "。"
	if step.Case.What != f.What {
		text = firstWords(t.in.View, step.Case) + "\n" + text
	}
	t.say(drillMark(f.Case) + text)
}

// stands says in a line how far a case is, for who reported it.
func (t *turn) stands(f ledger.CaseFile) string {
	owner := t.in.View.staff(f.Owner)
	switch taken, _ := takenOf(f); {
	case owner != "":
		return owner + clock(taken.At, t.in) + "接了,正在处理。"
	case f.Owner != "":
		return "已经有人接了,正在处理。"
	}
	return clock(f.At, t.in) + "已经报出去了,还没有人接。"
}

// clock is when something was, with the day where that is not today.
func clock(at time.Time, in Input) string {
	if ledger.DayOf(at, in.Zone) != in.Today {
		return at.In(in.Zone).Format("2日15:04")
	}
	return at.In(in.Zone).Format("15:04")
}

// perilous says whether a part of a message tells of somebody in danger.
func perilous(p understand.Part) bool { return p.Reading.Intent == understand.Emergency }
