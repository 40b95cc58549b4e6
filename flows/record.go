package flows

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"xunfang/ledger"
)

// visitDone makes the record (002 五·巡访记录), its findings, the re-checked fact and the photos' bond; or a record's next
// version.
func visitDone(a Answers, in Input) Result {
	e := a.elder(in.View)
	if e == nil { // the assignment ended while the form was open
		return notAnyMore()
	}
	if fault := dayFault(e, a.day(in), in); fault != "" {
		return unchanged(fault)
	}
	switch {
	case a["mends"] != "":
		entry, found := entryOf(a, in, e), []ledger.Finding(nil)
		if entry.Outcome == ledger.OutcomeProblem {
			found = findings(a, in, e, a.record(in).Key)
		}
		res := restated(a, in, entry, found)
		if a["act"] == "danger" {
			res.Changes.Cases = slices.DeleteFunc(res.Changes.Cases, func(s ledger.CaseStep) bool { return s.Seen == 0 })
		}
		return res
	case a["ok"] == "together" && len(e.Others) > 0:
		return joined(e, in)
	}
	return newVisit(a, in, e, "visit/"+in.Key)
}

// entryOf is the record the answers make; key, number and version are the caller's.
func entryOf(a Answers, in Input, e *Elder) ledger.Entry {
	entry := ledger.Entry{Kind: ledger.KindVisit, ElderID: e.ID, UserID: in.User, Day: a.day(in), Method: ledger.Method(a["method"]),
		Outcome: ledger.Outcome(a["outcome"]), Note: orElse(a["words"], a["note"]), Waiver: a["waiver"], Pressure: a["pressure"],
		Company: a["company"], Late: a["late"], EnteredAt: in.Now, Version: 1}
	if v, err := strconv.Atoi(orElse(strings.TrimSuffix(a.note(ledger.ItemRoomTemp), "度"), a["temp"])); err == nil {
		entry.RoomTemp = &v
	}
	return entry
}

// newVisit is the first version of a record and what it leaves.
func newVisit(a Answers, in Input, e *Elder, key string) Result {
	entry := entryOf(a, in, e)
	entry.Key, entry.No = key, number(entry.Day, e)
	res := Result{}
	if entry.Outcome == ledger.OutcomeProblem {
		res.Changes.Findings = findings(a, in, e, entry.Key)
	}
	res.Changes.Photos = kept(entry, in)
	res.Changes.Cases = problems(a["act"], in, e, entry, res.Changes.Findings)
	res.Changes.Messages = missedAgain(a, in, e, entry)
	if field, _ := recheck(e, in.View.Rules); field != "" && a["recheck"] == "same" {
		res.Changes.Facts = []ledger.Fact{{Key: entry.Key + "/" + field, EntryKey: entry.Key, ElderID: e.ID, Field: field, Result: "same", By: in.User, At: in.Now}}
	}
	res.Next, res.With = changedFact(a, in, e, entry.Key)
	lines := filled(counted(e, entry, in), passedOn(res.Changes.Cases))
	res.ask(e, entry, in)
	if a.owesPhoto(in) && entry.Waiver == "" {
		res.Recent = []Recent{{Entry: entry.Key, Elder: e.ID, At: in.Now.Unix()}}
		if pictures(in.shots) == 0 {
			until := in.Now.Add(in.View.Rules.PhotoGrace).In(in.Zone).Format("15:04")
			lines = append(lines, "还差一张照片,"+until+" 前发来就行。")
		} else {
			res.Recent = nil
		}
	}
	return recorded(res, e, entry, lines, in)
}

// inWords is a record in a few words.
func inWords(entry ledger.Entry, today ledger.Day) string {
	text := how(entry)
	if entry.Day != today {
		text = entry.Day.Short() + "(补录) " + text
	}
	return text
}

// changedFact opens the form for a fact that changed: one that was re-checked, or told in the sentence.
func changedFact(a Answers, in Input, e *Elder, entry string) (string, Answers) {
	with := Answers{"for": e.ID, "entry": entry}
	switch field, _ := recheck(e, in.View.Rules); {
	case a["phone"] != "":
		with["field"], with["value"] = "phone", a["phone"]
	case a["address"] != "":
		with["field"], with["value.address"] = "address", a["address"]
	case field != "" && a["recheck"] == "changed":
		with["field"] = field
	default:
		return "", nil
	}
	return "fact", with
}

// joined notes the speaker as company on the record of who was quicker: one visit, both named (requirements §3 case 25).
func joined(e *Elder, in Input) Result {
	was := e.Others[0].Entry
	now := was
	now.Company, now.Version = strings.Trim(was.Company+"、"+in.View.Name, "、"), was.Version+1
	text := "和" + e.Others[0].Name + "一起记在 " + was.No + ",算一次。"
	res := receipt("✓ 记好了", "已记好", *e, text)
	res.Changes.Amended = []ledger.Amendment{{Key: "join/" + in.Key, Was: was, Now: now, Findings: e.Others[0].Findings, By: in.User, Why: "同行", At: in.Now}}
	for _, s := range in.shots {
		res.Changes.Photos = append(res.Changes.Photos, ledger.Photo{Key: s.Key, Kind: s.kind(), UserID: in.User, EntryKey: was.Key})
	}
	return res
}

// attemptsMost is how often a door stays shut before the village hears of it (requirements §3 case 3).
const attemptsMost = 2

// missedAgain tells the village lead of an elder who was not met again and again: the family is to be asked.
func missedAgain(a Answers, in Input, e *Elder, entry ledger.Entry) []ledger.Message {
	if entry.Outcome != ledger.OutcomeAbsent || a["danger"] == "danger" || entry.Day <= e.Missed || e.Attempts+1 < attemptsMost || e.Lead.UserID == "" || e.Lead.UserID == in.User {
		return nil
	}
	return []ledger.Message{{Key: entry.Key + "/missed", To: e.Lead.UserID, Priority: ledger.PriorityReminder,
		Text: fmt.Sprintf("%s:%d次没见到人。\n%s %s去过,没有发现异常。请问问家里人和邻居。", e.full(), e.Attempts+1, in.View.Name, entry.Day.Short())}}
}

// number is a record's number: the day and the elder, and which of the day's it is. It is unique without a counter, and a
// clerk reads from it what it is about. A number once given is not given again, not even when its record is undone.
func number(day ledger.Day, e *Elder) string {
	no := base(day, e.ID)
	n := e.Numbered[no]
	if e.Numbered != nil {
		e.Numbered[no]++ // several records of one turn
	}
	if n > 0 {
		no += "-" + strconv.Itoa(n+1)
	}
	return no
}

func base(day ledger.Day, elderID string) string {
	return strings.ReplaceAll(string(day[2:]), "-", "") + "-" + elderID
}

func onDay(day, today ledger.Day) string {
	if day == today {
		return "今天"
	}
	return day.Short()
}

// counted says what a record did to what is owed, and of a visit when the next is best. Who only enters what was theirs hears
// nothing of how it stands now.
func counted(e *Elder, entry ledger.Entry, in Input) string {
	if e.Until != "" {
		return "已补上。"
	}
	if !entry.Outcome.Met() {
		return e.still(entry, in)
	}
	lines := ""
	for _, d := range in.View.After(entry) {
		switch {
		case !counts(entry, d):
		case d.Kind == ledger.KindVisit:
			lines += e.visited(entry, d, in)
		default:
			lines += e.helped(entry, d, in)
		}
	}
	if entry.Kind == ledger.KindHelp && entry.Method == ledger.MethodDoor && ledger.QuarterOf(entry.Day) == ledger.QuarterOf(in.Today) {
		lines += fmt.Sprintf("您自己本季度帮扶%d次。", in.View.Helped+1)
	}
	return lines
}

// counts says whether a record is of a kind that a duty counts.
func counts(entry ledger.Entry, d ledger.Duty) bool {
	return d.Kind == entry.Kind || entry.Looked && d.Kind == ledger.KindVisit
}

// still says what is owed after an attempt.
func (e *Elder) still(entry ledger.Entry, in Input) string {
	n, due := e.lacking(entry.Kind)
	switch {
	case n == 0 || entry.Outcome == ledger.OutcomeWrong:
		return ""
	case entry.Kind == ledger.KindTalk:
		return fmt.Sprintf("没联系上不算,%s前还要联系%d次,换个时间再打。", due.Short(), n)
	case entry.Kind == ledger.KindHelp:
		return fmt.Sprintf("%s前还要上门帮扶%d次,过两天再去。", due.Short(), n)
	}
	return fmt.Sprintf("%s还差%d次,过两天再去看看。", e.she(), n)
}

// visited says what a visit did to a duty.
func (e *Elder) visited(entry ledger.Entry, d ledger.Duty, in Input) string {
	before := e.duty(d)
	if before != nil && slices.Contains(e.Counted, entry.Day) { // one a day counts (requirements §3 case 16)
		return fmt.Sprintf("%s第%d次,已记录;%s计%d/%d次。", onDay(entry.Day, in.Today), e.Numbered[base(entry.Day, e.ID)], term(d, in.Today), d.Done, d.Need)
	}
	if d.Done > d.Need {
		return fmt.Sprintf("%s%s应看%d次,已看%d次。", term(d, in.Today), e.she(), d.Need, d.Done)
	}
	text := standsAt(d, e.she(), in.Today)
	if before != nil && d.Done == before.Done && d.Missing() > 0 {
		return text + "还要上门一次。" // the pack wants one at the door, and this was a call
	} else if d.Missing() > 0 && before != nil {
		if next := max(entry.Day.Add(3), d.Period.First().Add(14)); next <= d.Due && next > in.Today {
			text += fmt.Sprintf("下次最好在%s以后。", next.Short())
		}
	}
	return text
}

// helped says what a help or a talk did to a duty. The quarter is the elder's, whoever helped (requirements I3).
func (e *Elder) helped(entry ledger.Entry, d ledger.Duty, in Input) string {
	switch before := e.duty(d); {
	case d.Kind == ledger.KindHelp && entry.Method != ledger.MethodDoor && d.Missing() > 0 && (before == nil || d.Done == before.Done):
		return fmt.Sprintf("电话帮的记下了;%s前还要上门帮扶%d次。", d.Due.Short(), d.Missing())
	case d.Kind == ledger.KindHelp && d.Done > d.Need:
		return fmt.Sprintf("%s%s应帮扶%d次,已帮扶%d次。", term(d, in.Today), e.she(), d.Need, d.Done)
	}
	return standsAt(d, e.she(), in.Today)
}

// standsAt tells how a duty about somebody stands.
func standsAt(d ledger.Duty, who string, today ledger.Day) string {
	switch d.Kind {
	case ledger.KindHelp:
		return fmt.Sprintf("%s%s已帮扶%d/%d次。", term(d, today), who, d.Done, d.Need)
	case ledger.KindTalk:
		return fmt.Sprintf("%s和%s的家属联系%d/%d次。", term(d, today), who, d.Done, d.Need)
	}
	return fmt.Sprintf("%s%s已看%d/%d次。", term(d, today), who, d.Done, d.Need)
}

// term is when a duty is owed, as people say it; a round goes by its name.
func term(d ledger.Duty, today ledger.Day) string {
	switch {
	case d.Period == "":
		return roundName(d.Name)
	case d.Kind == ledger.KindHelp && d.Period == ledger.QuarterOf(today):
		return "本季度"
	}
	return d.Period.Name()
}

// duty is the same duty as it stood before, nil for one of another period.
func (e *Elder) duty(d ledger.Duty) *ledger.Duty {
	i := slices.IndexFunc(e.Duties, func(x ledger.Duty) bool { return x.Key() == d.Key() })
	if i < 0 {
		return nil
	}
	return &e.Duties[i]
}

// findings are the problems with their owner: the village lead for what is passed on, the visitor for what they watch.
func findings(a Answers, in Input, e *Elder, entryKey string) []ledger.Finding {
	var out []ledger.Finding
	for _, k := range strings.Split(a["items"], ",") {
		f := ledger.Finding{Key: entryKey + "/" + k, EntryKey: entryKey, ElderID: e.ID, Item: k, Note: a.note(k), At: in.Now,
			State: ledger.FindingState(a["act"]), Owner: in.User}
		if a["act"] == "danger" {
			f.State = ledger.FindingReported
		}
		if f.State == ledger.FindingReported && e.Lead.UserID != "" {
			f.Owner = e.Lead.UserID
		}
		out = append(out, f)
	}
	return out
}

// passing is something to be passed on that a record found.
type passing struct{ source, item, about string }

// passings are the findings that were passed on; what was said of several at once is one.
func passings(found []ledger.Finding) []passing {
	var out []passing
	var notes []string
	for _, f := range found {
		if f.State != ledger.FindingReported {
			continue
		}
		it, _ := ledger.ItemByKey(f.Item)
		if i := slices.Index(notes, f.Note); i >= 0 && f.Note != "" {
			out[i].about = strings.Replace(out[i].about, ":", "、"+it.Name+":", 1)
			continue
		}
		out, notes = append(out, passing{f.Key, f.Item, it.Name + ":" + orElse(f.Note, "不好")}), append(notes, f.Note)
	}
	return out
}

// problems are the matters that a new record begins (002 五·加强联系: 发现问题及时上报). What the village knows of the elder already and
// has not settled is added to. What is dangerous now goes another way.
func problems(act string, in Input, e *Elder, entry ledger.Entry, found []ledger.Finding) []ledger.CaseStep {
	var out []ledger.CaseStep
	if act == "danger" {
		return nil
	}
	n := 0
	for _, p := range passings(found) {
		known := slices.IndexFunc(in.View.Matters, func(c CaseView) bool {
			return c.Kind == ledger.CaseProblem && c.ElderID == e.ID && c.What == p.item && !c.State.Over()
		})
		if known < 0 {
			out = append(out, problem(in, e, entry, p.source, p.item, p.about, n))
			n++
			continue
		}
		c := in.View.Matters[known]
		s := c.step()
		if c.State == ledger.CaseSolved { // it is not
			again, _ := answered(false, c, in)
			s = *again
		}
		s.Case.About = clip(s.Case.About+"\n"+in.Today.Short()+" "+p.about, 300)
		s.Add(ledger.Event{Kind: ledger.EventMore, By: in.User, Wave: s.Case.Wave, Text: p.about, At: in.Now})
		out = append(out, s)
	}
	return out
}

// problem is a matter that a record begins, the n-th of it.
func problem(in Input, e *Elder, entry ledger.Entry, source, item, about string, n int) ledger.CaseStep {
	return begunMatter(ledger.Case{Key: matterKey(source), No: matterNo("事"+entry.No, n), Kind: ledger.CaseProblem, What: item,
		ElderID: e.ID, Region: e.Region, About: about, By: entry.UserID, Source: source}, in)
}

// matterNo is a matter's number: of several that begin alike the further ones end in .2, .3 …; with a hyphen they would read like
// the number of the day's second record.
func matterNo(base string, n int) string {
	if n == 0 {
		return base
	}
	return base + "." + strconv.Itoa(n+1)
}

// passedOn tells the numbers of what was passed on (requirements G1), "" where nothing was.
func passedOn(steps []ledger.CaseStep) string {
	var new, known []string
	for _, s := range steps {
		if s.Seen == 0 {
			new = append(new, s.Case.No)
		} else {
			known = append(known, s.Case.No)
		}
	}
	text := ""
	switch {
	case len(new) == 1:
		text = "报村里了,编号 " + new[0] + ",每走一步都告诉您。"
	case len(new) > 1:
		text = fmt.Sprintf("%d件都报村里了,编号从 %s 起,每走一步都告诉您。", len(new), new[0])
	}
	if len(known) > 0 {
		text += "以前报的 " + strings.Join(known, "、") + " 还在办,补上了。"
	}
	return text
}

// ask asks what is to be asked of the elder of a new record.
func (r *Result) ask(e *Elder, entry ledger.Entry, in Input) {
	asks, steps := asksSolved(e, entry, r.Changes.Cases, in)
	r.Asks, r.Changes.Cases = append(r.Asks, asks...), append(r.Changes.Cases, steps...)
}
