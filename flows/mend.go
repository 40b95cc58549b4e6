package flows

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// mendForm corrects a record (requirements §3 case 17): what was wrong and why, on one card; the version before stays
// readable. In a period that is closed only who may reopen it can; others ask them.
var mendForm = Form{
	Name:  "mend",
	Open:  []string{"mend", "更正", "改错"},
	Title: func(a Answers, in Input) string { return "更正" + a.record(in).No },
	Done:  mendDone,
	Steps: []Step{
		{Key: "record", Ask: askRecord, Parse: parseRecord},
		{Key: "what", Ask: askRecord, Parse: oneOf("改什么?请在卡片上选,再点「下一步」。", whatWords)},
		{Key: "why", Ask: askRecord, Parse: parseWhyMend},
		{Key: "elder", When: is("what", "elder"), Ask: askRightElder, Parse: parseElder},
		{Key: "which", When: func(a Answers) bool { return a["what"] == "elder" && unclear(a) }, Ask: askWhich, Parse: parseWhich},
		{Key: "day", When: is("what", "day"), Ask: askRightDay, Parse: parseRightDay},
		{Key: "line", When: is("what", "line"), Ask: askAddedLine, Parse: parseAddedLine},
		{Key: "ok", When: shownBack, Ask: askMend, Parse: parseMend},
	},
}

// undoLife is how long a record can be taken back without a reason.
const undoLife = 10 * time.Minute

var whatWords = map[string]string{
	"method": "method", "方式": "method", "elder": "elder", "换老人": "elder", "day": "day", "改日期": "day", "日期": "day",
	"state": "state", "改情况": "state", "情况": "state", "line": "line", "补一句": "line", "undo": "undo", "撤销这条": "undo", "撤销": "undo",
}

var whats = []ledger.Option{{ID: "method", Text: "上门、电话弄反了"}, {ID: "elder", Text: "换老人"}, {ID: "day", Text: "改日期"},
	{ID: "state", Text: "改情况"}, {ID: "line", Text: "补一句话"}, {ID: "undo", Text: "撤销这条"}}

var whyMends = []ledger.Option{{ID: "点错了", Text: "点错了"}, {ID: "记错了", Text: "记错了"}, {ID: "后来才知道", Text: "后来才知道"}}

// Logged is a record the speaker may read.
type Logged struct {
	ledger.Record
	Elder Elder  // by name and place
	By    string // name of whose it is
	Mine  bool   // the speaker may mend it
	Whole bool   // read with what hangs on it: only so it can be changed, or its findings would be taken for none
}

// record is the record that is being mended.
func (a Answers) record(in Input) Logged {
	key := orElse(a["record"], a["mends"])
	if i := slices.IndexFunc(in.View.Logged, func(l Logged) bool { return l.Mine && (l.Key == key || l.No == key) }); i >= 0 {
		return in.View.Logged[i]
	}
	return Logged{}
}

// short is a record in a list: the month is told where it is not this one.
func (l Logged) short(today ledger.Day) string {
	day := strconv.Itoa(l.Day.Time().Day()) + "日"
	if ledger.MonthOf(l.Day) != ledger.MonthOf(today) {
		day = l.Day.Short()
	}
	return day + l.Elder.Name + " " + l.went()
}

// went is how a record went in as few words as a list has room for.
func (l Logged) went() string {
	switch {
	case l.Kind == ledger.KindTalk:
		return l.Kind.Name() + talkEnds[l.Outcome]
	case l.Kind == ledger.KindHelp && l.Outcome == ledger.OutcomeOK:
		return l.Method.Name() + l.Kind.Name()
	case l.Kind == ledger.KindHelp:
		return l.Method.Name() + l.Kind.Name() + l.Outcome.Name()
	}
	return l.Method.Name() + l.Outcome.Name()
}

// shownBack: what a sentence or somebody else asks for is shown before it is done.
func shownBack(a Answers) bool { return a["say"] != "" || a["for"] != "" }

// mendable are the records one may choose from: undone ones are past mending.
func mendable(v View) []Logged {
	return slices.DeleteFunc(slices.Clone(v.Logged), func(l Logged) bool { return !l.Mine || l.Outcome == ledger.OutcomeUndone })
}

// readRecord shows a record and what it said before (requirements §3 case 17: the old version stays readable).
func (t *turn) readRecord(no string) {
	i := slices.IndexFunc(t.in.View.Logged, func(l Logged) bool { return strings.EqualFold(l.No, no) })
	if i < 0 {
		t.say("没有找到编号是「" + clip(no, 20) + "」的记录。")
		return
	}
	l := t.in.View.Logged[i]
	t.looked(l.ElderID, ledger.LookRecord)
	when := func(at time.Time) string { return at.In(t.in.Zone).Format("1月2日 15:04") }
	lines := []string{l.No + " " + l.Elder.full(), when(l.EnteredAt) + " " + l.By + "记的。现在是:", "　" + entryWords(l.Entry, l.Findings)}
	if n := len(l.Photos); n > 0 {
		lines = append(lines, fmt.Sprintf("　照片%d张", n))
	}
	for i := len(l.Versions) - 1; i >= 0; i-- {
		v := l.Versions[i]
		line := when(v.At) + " " + orElse(t.in.View.Staff(v.By), v.By) + "改过"
		if v.Why != "" {
			line += ":" + v.Why
		}
		lines = append(lines, line+"。改以前是:", "　"+entryWords(v.Was, v.Findings))
	}
	t.say(strings.Join(lines, "\n"))
}

// entryWords are what a record says.
func entryWords(e ledger.Entry, found []ledger.Finding) string {
	words := []string{e.Day.Short(), how(e)}
	note := map[ledger.EntryKind]string{ledger.KindHelp: "做了:", ledger.KindTalk: "说了:"}[e.Kind]
	if e.Outcome == ledger.OutcomeProblem {
		for _, f := range found {
			if it, ok := ledger.ItemByKey(f.Item); ok {
				words = append(words, it.Name+":"+orElse(f.Note, "不好"))
			}
		}
	}
	for _, f := range []struct{ name, value string }{{orElse(note, "原话:"), e.Note}, {"血压", e.Pressure}, {"同去:", e.Company}, {"没有照片:", e.Waiver}, {"补录:", e.Late}} {
		if f.value != "" {
			words = append(words, f.name+clip(f.value, 80))
		}
	}
	if e.RoomTemp != nil {
		words = append(words, strconv.Itoa(*e.RoomTemp)+"度")
	}
	return strings.Join(words, " ")
}

func askRecord(a Answers, in Input) Prompt {
	list := mendable(in.View)
	if len(list) == 0 {
		return Prompt{Text: "近一个月没有您记的。要改更早的,说「更正」加记录编号,比如「更正 260311-A01」。"}
	}
	record := ledger.Choice{Key: "record", Title: "哪一条"}
	asked := orElse(a["record"], a["was.record"])
	if i := slices.IndexFunc(list, func(l Logged) bool { return l.Key == asked }); i >= 10 { // older than what a card holds
		list[0] = list[i]
	}
	for _, l := range list[:min(10, len(list))] {
		record.Options = append(record.Options, ledger.Option{ID: l.Key, Text: clip(l.short(in.Today), optionWidth)})
	}
	record.Picked = []string{orElse(asked, record.Options[0].ID)}
	pick := func(key string, opts []ledger.Option) []string {
		return []string{orElse(orElse(a[key], a["was."+key]), opts[0].ID)}
	}
	return Prompt{Card: &ledger.Card{Title: "更正哪一条,改什么?", Desc: "原来记的会留着,查得到。",
		Selects: []ledger.Choice{record, {Key: "what", Title: "改什么", Options: whats, Picked: pick("what", whats)},
			{Key: "why", Title: "为什么", Options: whyMends, Picked: pick("why", whyMends)}},
		Submit: ledger.Button{Key: "submit", Text: "下一步"}}}
}

func parseRecord(raw string, in Input) (string, error) {
	if l := (Answers{"record": raw}).record(in); l.Key != "" {
		return l.Key, nil
	}
	return "", Hint("更正哪一条?请在卡片上选,或打记录编号。")
}

func parseWhyMend(raw string, _ Input) (string, error) {
	if raw = fold(raw); raw == "" {
		return "", Hint("为什么改?点一个,或打一句话。")
	}
	return clip(raw, 60), nil
}

func askRightElder(a Answers, in Input) Prompt {
	l := a.record(in)
	who := ledger.Choice{Key: "elder", Title: "老人"}
	for _, e := range owedFirst(mine(in.View)) {
		if e.ID != l.ElderID && len(who.Options) < 10 {
			who.Options = append(who.Options, elderOption(e, in.View, ledger.KindVisit))
		}
	}
	text := l.No + map[ledger.EntryKind]string{ledger.KindVisit: "看", ledger.KindHelp: "帮", ledger.KindTalk: "说"}[l.Kind] + "的是哪位?"
	if len(who.Options) == 0 {
		return Prompt{Text: text + "请打名字或编号。"}
	}
	return Prompt{Card: &ledger.Card{Title: text, Desc: "下面没有的,直接打名字或编号。", Selects: []ledger.Choice{who}, Submit: ledger.Button{Key: "submit", Text: "就是这位"}}}
}

// daysShown is how many days back the card for another day offers.
const daysShown = 10

func askRightDay(a Answers, in Input) Prompt {
	l := a.record(in)
	days := ledger.Choice{Key: "day", Title: "日期"}
	for i := range daysShown {
		if d := in.Today.Add(-i); d != l.Day && len(days.Options) < daysShown {
			days.Options = append(days.Options, ledger.Option{ID: string(d), Text: d.Short()})
		}
	}
	return Prompt{Card: &ledger.Card{Title: l.No + "是哪天去的?", Desc: "下面没有的,直接打,比如「3月1日」。", Selects: []ledger.Choice{days},
		Submit: ledger.Button{Key: "submit", Text: "就是这天"}}}
}

func parseRightDay(raw string, in Input) (string, error) {
	day, err := ledger.ParseDay(raw)
	if err != nil {
		ok := false
		if day, ok = saidDay(raw, in); !ok {
			return "", Hint("是哪天?比如「昨天」「3月1日」。")
		}
	}
	if day > in.Today {
		return "", Hint(day.Short() + "还没到。是哪天去的?")
	}
	return string(day), nil
}

// saidDay is the day a text names: in a sentence, or alone.
func saidDay(text string, in Input) (ledger.Day, bool) {
	for _, p := range in.View.Said {
		if p.Reading.Dated {
			return p.Reading.Date, true
		}
	}
	day, rest, ok := dayIn(fold(text), in.Today)
	return day, ok && utf8.RuneCountInString(rest) <= 4 // 是昨天去的
}

func askAddedLine(a Answers, in Input) Prompt {
	return Prompt{Text: a.record(in).No + "要补什么?说一句就行。"}
}

func parseAddedLine(raw string, in Input) (string, error) {
	v, err := parseLine(raw, in)
	if err == nil && v == "" {
		return "", Hint("要补什么?说一句;不补了就说「取消」。")
	}
	return v, err
}

// change says in words what is to become of a record.
func (a Answers) change(l Logged, in Input) string {
	switch a["what"] {
	case "method":
		return l.Method.Name() + "改成" + other(l.Method, a["method"]).Name()
	case "elder":
		if e := a.elder(in.View); e != nil {
			return l.Elder.Name + "改成" + e.full()
		}
	case "day":
		return l.Day.Short() + "改成" + ledger.Day(a["day"]).Short()
	case "line":
		return "补一句「" + clip(a["line"], 40) + "」"
	case "undo":
		return "撤销"
	}
	return "改情况"
}

// other is the method a record gets: the one named, else the opposite of what it has.
func other(m ledger.Method, named string) ledger.Method {
	switch {
	case named != "":
		return ledger.Method(named)
	case m == ledger.MethodDoor:
		return ledger.MethodPhone
	}
	return ledger.MethodDoor
}

func askMend(a Answers, in Input) Prompt {
	l := a.record(in)
	if l.Key == "" {
		return Prompt{Text: "这条记录现在改不了。说「取消」,或打「更正」加记录编号。"}
	}
	c := ledger.Card{Title: a.change(l, in) + "?", Desc: l.No + " " + l.Elder.full(), Sub: l.Day.Short() + " " + how(l.Entry),
		Buttons: []ledger.Button{{Key: "yes", Text: "改", Style: 1}, {Key: "no", Text: "不改", Style: 2}}}
	if a["for"] != "" {
		c.Sub = a["forname"] + "请您改:" + a["why"] + "\n" + c.Sub
	} else {
		c.Drop = &ledger.Choice{Key: "why", Title: "为什么", Options: whyMends, Picked: []string{orElse(a["why"], whyMends[0].ID)}}
	}
	return Prompt{Card: &c}
}

func parseMend(raw string, _ Input) (string, error) {
	switch fold(raw) {
	case "yes", "改", "对", "是", "好", "确认":
		return "yes", nil
	case "no", "不改", "不":
		return "no", nil
	}
	return "", Hint("要改就点「改」,不改点「不改」。")
}

// mend opens the form from a button or a word: a record's number or key, or an elder's name; more may follow behind
// semicolons, as the request of somebody who may not reopen the period.
func (t *turn) mend(arg string) {
	fields := strings.Split(arg, ";")
	with := Answers{}
	if l := (Answers{"record": fields[0]}).record(t.in); l.Key != "" {
		with["record"] = l.Key
	} else if fields[0] != "" {
		hits, _ := t.in.View.Find(fields[0])
		i := slices.IndexFunc(mendable(t.in.View), func(l Logged) bool {
			return slices.ContainsFunc(hits, func(e Elder) bool { return e.ID == l.ElderID })
		})
		if i < 0 {
			t.say("没有找到您能改的这一条。说「更正」,看最近记的。")
			return
		}
		with["record"] = mendable(t.in.View)[i].Key
	}
	if len(fields) == 5 { // what;value;why;for whom
		with["what"], with["why"], with["for"] = fields[1], fields[3], fields[4]
		if fields[2] != "" {
			with[fields[1]] = fields[2]
		}
		with["forname"] = orElse(t.in.View.Staff(fields[4]), "他")
	}
	if with["record"] != "" && with["what"] == "" { // which one is settled, what is not: the card shows both
		with = Answers{"was.record": with["record"]}
	}
	t.begun(mendForm.Name, with)
}

// correct obeys a sentence that corrects something: a fact of the elder, or a record.
func (t *turn) correct(r understand.Reading) {
	ids := t.inView(r.Elders)
	if r.Facts.NewPhone+r.Facts.NewAddress != "" && len(ids) == 1 {
		with := Answers{"for": ids[0], "entry": "told/" + t.in.Key, "field": "phone", "value": r.Facts.NewPhone, "sure": "ask"}
		if r.Facts.NewPhone == "" {
			with = Answers{"for": ids[0], "entry": "told/" + t.in.Key, "field": "address", "value.address": r.Facts.NewAddress, "sure": "ask"}
		}
		t.begun(factForm.Name, with)
		return
	}
	list := mendable(t.in.View)
	if len(list) == 0 {
		t.start(mendForm.Name, nil)
		return
	}
	l := list[0]
	for _, which := range []func(Logged) bool{ // 不是张桂花是苏兰芳: the record is the one of who it was not
		func(l Logged) bool {
			return !slices.Contains(ids, l.ElderID) && strings.Contains(t.in.Text, l.Elder.Name)
		},
		func(l Logged) bool { return slices.Contains(ids, l.ElderID) },
	} {
		if i := slices.IndexFunc(list, which); i >= 0 {
			l = list[i]
			break
		}
	}
	with := Answers{"record": l.Key, "say": "yes", "why": whyMends[0].ID}
	switch {
	case len(ids) == 1 && ids[0] != l.ElderID:
		with["what"], with["elder"] = "elder", ids[0]
	case len(ids) > 1:
		with["what"], with["elder"] = "elder", "?"+strings.Join(ids, ",")
	case r.Method != nil && *r.Method != string(l.Method):
		with["what"], with["method"] = "method", *r.Method
	case r.Dated && r.Date != l.Day:
		with["what"], with["day"] = "day", string(r.Date)
	default:
		with = Answers{"was.record": l.Key}
	}
	t.start(mendForm.Name, with)
}

// mendDone makes the next version, or asks who may.
func mendDone(a Answers, in Input) Result {
	l := a.record(in)
	if !l.Whole {
		return unchanged("这条记录现在改不了,什么都没有动。")
	}
	if a["ok"] == "no" {
		res := Result{Text: "好,没有改。", Card: ledger.Card{Title: "没有改", Desc: l.No, Done: "没有改"}}
		if a["for"] != "" {
			res.Changes.Messages = inform(in, []Person{{UserID: a["for"]}}, l.No+"没有改。"+in.View.Name+"会跟您说。")
		}
		return res
	}
	if closed(l, a, in) && !l.Elder.Access.Reopen {
		return asksToReopen(l, a, in)
	}
	switch a["what"] {
	case "state":
		return Result{Text: "好,重新说一遍情况。", Card: ledger.Card{Title: "改情况", Desc: l.No, Done: "改情况"}, Next: string(l.Kind), With: l.answers(a["why"])}
	case "elder":
		return rightElder(l, a, in)
	}
	now := l.Entry
	now.Version++
	found := l.Findings
	switch a["what"] {
	case "method":
		now.Method = other(l.Method, a["method"])
		if now.Method != ledger.MethodDoor {
			now.Waiver, now.Looked = "", false
			if now.Kind == ledger.KindHelp && now.Outcome == ledger.OutcomeProblem {
				now.Outcome = ledger.OutcomeOK
			}
		}
	case "day":
		now.Day = ledger.Day(a["day"])
		if fault := dayFault(&l.Elder, now.Day, in); fault != "" {
			return unchanged(now.Day.Short() + "不行:" + fault)
		}
	case "line":
		now.Note = strings.TrimLeft(now.Note+"\n"+a["line"], "\n")
	case "undo":
		now.Outcome, found = ledger.OutcomeUndone, nil
	}
	return amended(l, now, found, "", a["why"], "mend/"+in.Key, in)
}

// closed says whether a correction reaches into a period that is closed.
func closed(l Logged, a Answers, in Input) bool {
	day := ledger.Day(a["day"])
	return l.Day < in.View.Rules.OpenFrom || a["what"] == "day" && day < in.View.Rules.OpenFrom
}

// amended is a record's next version and what it leaves; trouble is what a helper says anew is not well.
func amended(l Logged, now ledger.Entry, found []ledger.Finding, trouble, why, key string, in Input) Result {
	res := Result{}
	res.Changes.Cases, res.Changes.Drop = rematter(l, now, found, trouble, in)
	res.Changes.Amended = []ledger.Amendment{{Key: key, Was: l.Entry, Now: now, Findings: found, By: in.User, Why: why, At: in.Now}}
	head, grey := "✓ 改好了,"+l.No, "已改"
	text := now.Day.Short() + " " + how(now) + "。"
	if now.Outcome == ledger.OutcomeUndone {
		head, grey, text = "✓ 撤销了,"+l.No, "已撤销", ""
	}
	text += stands(l.Elder, in, now, l.Entry)
	if now.Kind == ledger.KindVisit && now.Method == ledger.MethodDoor && l.Method != ledger.MethodDoor && now.Outcome.Met() && in.View.Rules.PhotoNeeded && len(l.Photos) == 0 {
		res.Recent = []Recent{{Entry: l.Key, Elder: l.ElderID, At: in.Now.Unix()}}
		text += "上门要一张照片,发来就行。"
	}
	done := receipt(head, grey, l.Elder, text)
	res.Text, res.Card = done.Text, done.Card
	res.Changes.Messages = append(res.Changes.Messages, mended(l, in)...)
	return res
}

// stands tells how the duties that a record answers, or did before its correction, stand now.
func stands(e Elder, in Input, now ledger.Entry, was ...ledger.Entry) string {
	if e.Until != "" {
		return ""
	}
	text := ""
	for _, d := range in.View.After(now) {
		if slices.ContainsFunc(append(was, now), func(x ledger.Entry) bool { return counts(x, d) }) {
			text += standsAt(d, e.Name, in.Today)
		}
	}
	return text
}

// matterKeys are those of all the matters that a record may have begun.
func matterKeys(entryKey string) []string {
	keys := []string{matterKey(troubleOf(entryKey))}
	for _, it := range ledger.Items {
		keys = append(keys, matterKey(entryKey+"/"+it.Key))
	}
	return keys
}

// rematter is what a correction does to the matters that a record began: what is found no more ends, what is found now begins, and
// what is told otherwise is added. drop are the messages that need not go out any more.
func rematter(l Logged, now ledger.Entry, found []ledger.Finding, trouble string, in Input) (steps []ledger.CaseStep, drop []string) {
	all := map[string]CaseView{}
	for _, key := range matterKeys(l.Key) {
		if c, ok := (Answers{"case": key}).matter(in); ok {
			all[key] = c
		}
	}
	wanted := map[string]bool{}
	want := func(source, item, about string, before bool) {
		key := matterKey(source)
		wanted[key] = true
		c, ok := all[key]
		switch s := c.step(); {
		case !ok && !before:
			steps = append(steps, problem(in, &l.Elder, l.Entry, source, item, about, len(all)+len(steps)))
		case ok && c.State.Over():
			x := &s.Case
			x.State, x.Level, x.Dept, x.Owner, x.Outcome, x.About = ledger.CaseOpen, ledger.RoleVillage, "", "", "", about
			x.Wave, x.Rung, x.Since, x.Due = x.Wave+1, 0, in.Now, in.Now
			s.Add(ledger.Event{Kind: ledger.EventRaised, By: l.UserID, Level: x.Level, Wave: x.Wave, Text: about, At: in.Now})
			steps = append(steps, s)
		case ok && about != "" && about != c.said():
			s.Case.About = about
			s.Add(ledger.Event{Kind: ledger.EventMore, By: in.User, Wave: c.Wave, Text: about, At: in.Now})
			steps = append(steps, s)
		}
	}
	before := passings(l.Findings)
	for _, p := range passings(found) {
		want(p.source, p.item, p.about, slices.ContainsFunc(before, func(b passing) bool { return b.source == p.source }))
	}
	if now.Kind == ledger.KindHelp && now.Outcome == ledger.OutcomeProblem {
		want(troubleOf(l.Key), "", trouble, trouble == "")
	}
	var ended []ledger.CaseStep
	for _, key := range matterKeys(l.Key) {
		c, ok := all[key]
		if !ok || wanted[key] || c.State.Over() {
			continue
		}
		s := c.step()
		s.Case.State, s.Case.Due, s.Case.Outcome = ledger.CaseEnded, time.Time{}, "记录改了,不用办了"
		if now.Outcome == ledger.OutcomeUndone {
			s.Case.Outcome = "记录撤销了,不用办了"
		}
		s.Add(ledger.Event{Kind: ledger.EventEnded, By: in.User, Level: c.Level, Wave: c.Wave, Text: s.Case.Outcome, At: in.Now})
		ended = append(ended, s)
		for _, e := range c.Timeline {
			if e.Kind == ledger.EventTold {
				drop = append(drop, e.Message)
			}
		}
	}
	return append(ended, steps...), drop
}

// mended tells the one whose record it is that somebody else changed it.
func mended(l Logged, in Input) []ledger.Message {
	if l.UserID == in.User {
		return nil
	}
	return []ledger.Message{{Key: in.Key + "/mended", To: l.UserID, Priority: ledger.PriorityReminder, Text: l.No + " " + in.View.Name + "改好了。"}}
}

// rightElder gives a visit to another elder: the record made for the wrong one is undone and one for the right one takes its
// place, so that a trace is on both (requirements §3 case 8).
func rightElder(l Logged, a Answers, in Input) Result {
	e := a.elder(in.View)
	if e == nil {
		return unchanged("这位老人现在不在您名下,什么都没有改。")
	}
	if e.ID == l.ElderID {
		return unchanged("记的就是" + e.full() + ",没有改。")
	}
	if fault := dayFault(e, l.Day, in); fault != "" {
		return unchanged(fault)
	}
	right := l.Entry
	right.Key, right.ElderID, right.No, right.Version = "mend/"+in.Key, e.ID, number(l.Day, e), 1
	right.Note = strings.ReplaceAll(right.Note, l.Elder.Name, e.Name)
	if !slices.ContainsFunc(in.View.kin(e.ID), func(k ledger.Kin) bool { return k.Name == right.Whom }) { // the other elder's
		right.Whom = ""
	}
	wrong := l.Entry
	wrong.Version, wrong.Outcome = l.Version+1, ledger.OutcomeUndone
	var found []ledger.Finding
	for _, f := range l.Findings {
		f.Key, f.EntryKey, f.ElderID = right.Key+"/"+f.Item, right.Key, e.ID
		if f.Owner == l.Elder.Lead.UserID && e.Lead.UserID != "" {
			f.Owner = e.Lead.UserID
		}
		found = append(found, f)
	}
	text := l.Elder.Name + "的 " + l.No + " 撤销,改记" + e.full() + "。" + stands(l.Elder, in, wrong)
	res := receipt("✓ 改好了,编号 "+right.No, "已改", *e, text+stands(*e, in, right))
	res.Changes.Entries = []ledger.Entry{right}
	res.Changes.Findings = found
	res.Changes.Amended = []ledger.Amendment{{Key: "mend/" + in.Key + "/was", Was: l.Entry, Now: wrong, Instead: right.Key, By: in.User, Why: a["why"], At: in.Now}}
	ended, drop := rematter(l, wrong, nil, "", in)
	res.Changes.Cases, res.Changes.Drop = append(ended, problems("", in, e, right, found)...), drop
	res.Changes.Messages = mended(l, in)
	return res
}

// asksToReopen passes a correction on to who may reopen the period; nothing is changed.
func asksToReopen(l Logged, a Answers, in Input) Result {
	to := in.View.Reopeners(l.ElderID)
	if len(to) == 0 {
		return unchanged(l.Day.Short() + "那一期已经结账,改不了了。请找乡镇。")
	}
	value := orElse(orElse(a["which"], a["who"]), a["elder"])
	if a["what"] != "elder" {
		value = a[a["what"]]
	}
	clean := func(s string, n int) string { return clip(strings.ReplaceAll(s, ";", ","), n) }
	c := ledger.Card{Title: in.View.Name + "请您更正 " + l.No, Desc: l.Elder.full() + " " + a.change(l, in), Sub: l.Day.Short() + "那一期已经结账,要您同意。为什么:" + a["why"],
		Buttons: []ledger.Button{{Key: strings.Join([]string{"go:mend:" + l.No, a["what"], clean(value, 200), clean(a["why"], 40), in.User}, ";"), Text: "看看", Style: 1}}}
	text := l.Day.Short() + "那一期已经结账。已经请" + names(to) + "来改,改好会告诉您。"
	return Result{Changes: ledger.Changes{Messages: hand(in, to, "reopen", c)}, Text: text,
		Card: ledger.Card{Title: "还没有改", Desc: l.No, Sub: text, Done: "已转告"}}
}

// answers are a record's as its form has them, to be changed there.
func (l Logged) answers(why string) Answers {
	a := Answers{"mends": l.Key, "elder": l.ElderID, "method": string(l.Method), "was.outcome": string(l.Outcome), "why": why, "recheck": "no"}
	switch {
	case l.Kind == ledger.KindTalk:
		a["whom"] = orElse(l.Whom, "家属")
		a["was.method"] = a["method"]
		delete(a, "method")
	case l.Looked && l.Outcome == ledger.OutcomeProblem:
		a["was.looked"] = "problem"
	case l.Looked:
		a["was.looked"] = "ok"
	}
	if l.Outcome == ledger.OutcomeRefused {
		a["was.words"] = l.Note
	}
	a["day"] = string(l.Day)
	var items []string
	for _, f := range l.Findings {
		items = append(items, f.Item)
		a["was.note."+f.Item] = strings.TrimSuffix(f.Note, "度")
		a["was.act"] = string(f.State)
	}
	if len(items) > 0 {
		a["was.items"] = strings.Join(items, ",")
	}
	return a
}

// restated is a record told anew in its form.
func restated(a Answers, in Input, now ledger.Entry, found []ledger.Finding) Result {
	l := a.record(in)
	if !l.Whole {
		return unchanged("这条记录现在改不了,什么都没有动。")
	}
	now.Key, now.No, now.Kind, now.UserID, now.EnteredAt, now.Version = l.Key, l.No, l.Kind, l.UserID, l.EnteredAt, l.Version+1
	now.Waiver, now.Company, now.Late = l.Waiver, l.Company, l.Late
	now.Note, now.Pressure = orElse(now.Note, l.Note), orElse(now.Pressure, l.Pressure)
	if now.RoomTemp == nil {
		now.RoomTemp = l.RoomTemp
	}
	return amended(l, now, found, a["trouble"], a["why"], "mend/"+in.Key, in)
}

// undo takes back what was confirmed in the last ten minutes, without a reason. Where one tap made several records it asks
// which.
func (t *turn) undo(arg string) {
	var fresh []Logged
	for _, r := range t.s.Logged {
		if l := (Answers{"record": r.Entry}).record(t.in); l.Whole && l.Outcome != ledger.OutcomeUndone {
			fresh = append(fresh, l)
		}
	}
	if arg != "" && arg != "all" {
		fresh = slices.DeleteFunc(fresh, func(l Logged) bool { return l.Key != arg })
	}
	switch {
	case len(fresh) == 0:
		t.done("没有可撤的")
		t.say("最近10分钟没有新记的。要改以前的,说「更正」。")
		return
	case len(fresh) > 1 && arg == "":
		c := ledger.Card{Title: "撤销哪一次?", Desc: fmt.Sprintf("刚才一起记了%d次。", len(fresh))}
		for _, l := range fresh[:min(5, len(fresh))] {
			c.Buttons = append(c.Buttons, ledger.Button{Key: "go:undo:" + l.Key, Text: clip(l.Elder.Name+" "+strconv.Itoa(l.Day.Time().Day())+"日", buttonWidth), Style: 1})
		}
		c.Buttons = append(c.Buttons, ledger.Button{Key: "go:undo:all", Text: "都撤销", Style: 2})
		t.card(c)
		return
	}
	for i, l := range fresh {
		now := l.Entry
		now.Version, now.Outcome = l.Version+1, ledger.OutcomeUndone
		res := amended(l, now, nil, "", "", "undo/"+t.in.Key+"/"+strconv.Itoa(i), t.in)
		t.merge(res.Changes)
		gone := func(r Recent) bool { return r.Entry == l.Key }
		t.s.Logged, t.s.Recent = slices.DeleteFunc(slices.Clone(t.s.Logged), gone), slices.DeleteFunc(slices.Clone(t.s.Recent), gone)
		t.done("已撤销")
		t.say(res.Text)
	}
	if t.s.Form != "" {
		t.ask()
	}
}
