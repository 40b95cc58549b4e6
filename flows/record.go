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
		text := "这位老人现在不在您名下,没有记。请问村负责人。"
		return Result{Card: ledger.Card{Title: "没有记", Desc: text, Done: "没有记"}, Text: text}
	}
	if fault := dayFault(e, a.day(in), in); fault != "" {
		return unchanged(fault)
	}
	switch {
	case a["mends"] != "":
		return restated(a, in, e)
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
	for _, s := range in.shots {
		if s.Voice || entry.Method == ledger.MethodDoor {
			res.Changes.Photos = append(res.Changes.Photos, ledger.Photo{Key: s.Key, Kind: s.kind(), UserID: in.User, EntryKey: entry.Key})
		}
	}
	res.Changes.Entries = []ledger.Entry{entry}
	res.Changes.Messages = append(tellLead(a, in, e, res.Changes.Findings, entry.Key), missedAgain(a, in, e, entry)...)
	if field, _ := recheck(e, in.View.Rules); field != "" && a["recheck"] == "same" {
		res.Changes.Facts = []ledger.Fact{{Key: entry.Key + "/" + field, EntryKey: entry.Key, ElderID: e.ID, Field: field, Result: "same", By: in.User, At: in.Now}}
	}
	res.Next, res.With = changedFact(a, in, e, entry.Key)
	lines := []string{counted(e, entry, in)}
	if a.owesPhoto(in) && entry.Waiver == "" {
		res.Recent = []Recent{{Entry: entry.Key, Elder: e.ID, At: in.Now.Unix()}}
		if pictures(in.shots) == 0 {
			until := in.Now.Add(in.View.Rules.PhotoGrace).In(in.Zone).Format("15:04")
			lines = append(lines, "还差一张照片,"+until+" 前发来就行。")
		} else {
			res.Recent = nil
		}
	}
	title := "✓ 记好了,编号 " + entry.No
	res.Text = title + "。" + e.full() + ":" + strings.Join(lines, "")
	res.Card = ledger.Card{Title: title, Desc: e.full() + " " + inWords(entry, in.Today), Sub: strings.Join(lines, "\n"), Done: "已记好"}
	return res
}

// inWords is a record in a few words.
func inWords(entry ledger.Entry, today ledger.Day) string {
	text := entry.Method.Name() + " " + entry.Outcome.Name()
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

// counted says what the visit did to what is owed, and when the next is best. Who only enters what was theirs hears nothing
// of how it stands now.
func counted(e *Elder, entry ledger.Entry, in Input) string {
	if e.Until != "" {
		return "已补上。"
	}
	if !entry.Outcome.Met() {
		if n, _ := e.missing(); n > 0 {
			return fmt.Sprintf("%s还差%d次,过两天再去看看。", e.she(), n)
		}
		return ""
	}
	var lines string
	for _, d := range in.View.After(entry) {
		before := e.duty(d)
		if before != nil && slices.Contains(e.Counted, entry.Day) { // one a day counts (requirements §3 case 16)
			lines += fmt.Sprintf("%s第%d次,已记录;%s计%d/%d次。", onDay(entry.Day, in.Today), e.Numbered[base(entry.Day, e.ID)], d.Period.Name(), d.Done, d.Need)
			continue
		}
		if d.Done > d.Need {
			lines += fmt.Sprintf("%s%s应看%d次,已看%d次。", d.Period.Name(), e.she(), d.Need, d.Done)
			continue
		}
		lines += fmt.Sprintf("%s%s已看%d/%d次。", d.Period.Name(), e.she(), d.Done, d.Need)
		if before != nil && d.Done == before.Done && d.Missing() > 0 {
			lines += "还要上门一次。" // the pack wants one at the door, and this was a call
		} else if d.Missing() > 0 && before != nil {
			if next := max(entry.Day.Add(3), d.Period.First().Add(14)); next <= d.Due && next > in.Today {
				lines += fmt.Sprintf("下次最好在%s以后。", next.Short())
			}
		}
	}
	return lines
}

// duty is the duty of the same name and period as it stood before, nil for one of another period.
func (e *Elder) duty(d ledger.Duty) *ledger.Duty {
	i := slices.IndexFunc(e.Duties, func(x ledger.Duty) bool { return x.Name == d.Name && x.Period == d.Period })
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

// tellLead passes on what was reported, in one message to the village lead.
func tellLead(a Answers, in Input, e *Elder, found []ledger.Finding, entryKey string) []ledger.Message {
	var lines []string
	for _, f := range found {
		if f.State != ledger.FindingReported || f.Owner == in.User {
			return nil
		}
		it, _ := ledger.ItemByKey(f.Item)
		lines = append(lines, it.Name+":"+orElse(f.Note, "不好"))
	}
	if len(lines) == 0 || a["act"] == "danger" {
		return nil
	}
	return []ledger.Message{{
		Key: leadKey(entryKey), To: e.Lead.UserID, Priority: ledger.PriorityReminder,
		Text: fmt.Sprintf("%s:\n%s\n%s %s巡访时发现,报到您这里。请安排处理,下次巡访会再问老人。",
			e.full(), strings.Join(lines, "\n"), in.View.Name, a.day(in).Short()),
	}}
}

// leadKey is the key of the word to the lead about a record's findings.
func leadKey(entryKey string) string { return entryKey + "/lead" }
