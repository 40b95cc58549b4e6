package flows

import (
	"slices"
	"strings"
	"unicode/utf8"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// A report is a form that ends in a record about an elder: its name is the record's kind. In a pile or a queue the answers say
// themselves of which form they are, under "form".

func reporting(form string) bool {
	return form == visitForm.Name || form == helpForm.Name || form == talkForm.Name
}

func (a Answers) kind() ledger.EntryKind {
	return ledger.EntryKind(orElse(a["form"], visitForm.Name))
}

// newReport is the first version of a record of either kind.
func newReport(a Answers, in Input, e *Elder, key string) Result {
	switch a.kind() {
	case ledger.KindHelp:
		return newHelp(a, in, e, key)
	case ledger.KindTalk:
		return newTalk(a, in, e, key)
	}
	return newVisit(a, in, e, key)
}

// reportSteps ask whom a help or a talk is about and, where it is long ago, why it is told only now.
func reportSteps(ask func(Answers, Input) Prompt) []Step {
	return []Step{
		{Key: "elder", Ask: ask, Parse: parseElder},
		{Key: "who", When: is("elder", "other"), Ask: func(Answers, Input) Prompt {
			return Prompt{Text: "是哪位老人?请打名字或编号。"}
		}, Parse: parseElder},
		{Key: "which", When: unclear, Ask: askWhich, Parse: parseWhich},
		{Key: "late", When: longAgo, Ask: askLate, Parse: parseLate},
	}
}

// reports says whether a part of a message tells of something that becomes a record.
func reports(p understand.Part) bool {
	return slices.Contains([]understand.Intent{understand.Visit, understand.HelpRecord, understand.FamilyContact}, p.Reading.Intent)
}

// reportDone makes a help's or a talk's record, or its next version.
func reportDone(of func(Answers, Input, *Elder) ledger.Entry) func(Answers, Input) Result {
	return func(a Answers, in Input) Result {
		e := a.elder(in.View)
		if e == nil { // the pair ended while the form was open
			return notAnyMore()
		}
		if fault := dayFault(e, a.day(in), in); fault != "" {
			return unchanged(fault)
		}
		entry := of(a, in, e)
		if a["mends"] != "" {
			return restated(a, in, entry, nil)
		}
		return newReport(a.with("form", string(entry.Kind)), in, e, string(entry.Kind)+"/"+in.Key)
	}
}

// notAnyMore answers a confirmation that comes after the elder went out of sight.
func notAnyMore() Result {
	text := "这位老人现在不在您名下,没有记。请问村负责人。"
	return Result{Card: ledger.Card{Title: "没有记", Desc: text, Done: "没有记"}, Text: text}
}

// recorded is the receipt of a new record.
func recorded(res Result, e *Elder, entry ledger.Entry, lines []string, in Input) Result {
	res.Changes.Entries = []ledger.Entry{entry}
	title := "✓ 记好了,编号 " + entry.No
	res.Text = title + "。" + e.full() + ":" + strings.Join(lines, "")
	res.Card = ledger.Card{Title: title, Desc: e.full() + " " + inWords(entry, in.Today), Sub: strings.Join(lines, "\n"), Done: "已记好"}
	return res
}

// kept binds what was sent to a new record: photos to what was done at the door, spoken words to anything.
func kept(entry ledger.Entry, in Input) []ledger.Photo {
	var out []ledger.Photo
	for _, s := range in.shots {
		if s.Voice || entry.Method == ledger.MethodDoor && entry.Kind != ledger.KindTalk {
			out = append(out, ledger.Photo{Key: s.Key, Kind: s.kind(), UserID: in.User, EntryKey: entry.Key})
		}
	}
	return out
}

// parseReport reads the answer to a help's or a talk's last card. Words beside the buttons belong to the record: another day,
// another way of contact, or a line more.
func parseReport(ways map[string]string, again ...string) func(string, Input) (string, error) {
	return func(raw string, in Input) (string, error) {
		switch v, err := parseConfirm(raw, in); e := err.(type) {
		case nil:
			if v == "yes" {
				return v, nil
			}
		case Redo:
			if !e.Afresh {
				e.Keys = again
			}
			return "", e
		case Abandon:
			return "", e
		}
		said := fold(raw)
		if hits, _ := in.View.meant(said); len(hits) > 0 {
			return "", Hint("对的话点「确认」;换老人点「改」;不记了点「撤销」。")
		}
		if m := ways[strings.TrimPrefix(said, "是")]; m != "" {
			return "", Told{"method": m}
		}
		more, day := Told{}, Answers{}
		when, rest, dated := dayIn(said, in.Today)
		if p := in.View.Said; len(p) == 1 && p[0].Reading.Dated {
			when, dated = p[0].Reading.Date, true
		}
		if dated {
			day.setDay(when, in.Today)
			more["day"], more["daysago"] = string(when), day["daysago"]
			if e := in.answers.elder(in.View); e != nil {
				if fault := dayFault(e, when, in); fault != "" {
					return "", Hint(fault)
				}
			}
		}
		if !dated || utf8.RuneCountInString(rest) > 4 { // 是昨天去的 says nothing more
			if slices.Contains([]string{"", "跳过", "不知道"}, said) {
				return "", Hint("对的话点「确认」;不对点「改」;不记了点「撤销」。")
			}
			more["line"] = clip(strings.TrimSpace(in.answers["line"]+" "+strings.TrimSpace(raw)), 300)
		}
		return "", more
	}
}

// noted is a record's note: what was ticked, then what was said.
func (a Answers) noted(ticked string) string {
	words := slices.DeleteFunc(strings.Split(a[ticked], ","), func(w string) bool { return w == "" || w == elseTicked })
	return strings.Trim(strings.Join(words, "、")+"。"+a["line"], "。 ")
}

// elseTicked asks for a line.
const elseTicked = "其他"

func elseAsked(ticked string) func(Answers) bool {
	return func(a Answers) bool { return slices.Contains(strings.Split(a[ticked], ","), elseTicked) }
}

// ticks are words to tick as a card shows them.
func ticks(key string, words []string, picked string) *ledger.Choice {
	c := &ledger.Choice{Key: key, Multi: true}
	for _, w := range words {
		c.Options = append(c.Options, ledger.Option{ID: w, Text: w})
	}
	if picked != "" {
		c.Picked = strings.Split(picked, ",")
	}
	return c
}

// parseTicks takes what was ticked; alone is what cannot be ticked beside others. A line typed instead is what was else.
func parseTicks(key string, words []string, alone string) func(string, Input) (string, error) {
	return func(raw string, in Input) (string, error) {
		picked := strings.Split(strings.TrimSpace(raw), ",")
		var known []string
		for _, w := range words {
			if slices.Contains(picked, w) {
				known = append(known, w)
			}
		}
		switch {
		case strings.Trim(raw, " ,") == "" || raw == chosen.Key:
			return "", Hint("请在卡片上勾选,再点「选好了」;别的直接打一句。")
		case len(known) < len(picked):
			return "", Told{key: "", "line": clip(strings.TrimSpace(raw), 300)}
		case len(known) > 1 && alone != "" && slices.Contains(known, alone):
			return "", Hint("「" + alone + "」不能和别的一起勾。")
		}
		return strings.Join(known, ","), nil
	}
}

// how tells a record in two words: how contact was made and how it went.
func how(e ledger.Entry) string {
	switch e.Kind {
	case ledger.KindHelp:
		text := e.Method.Name() + "帮扶"
		if e.Looked {
			text += " 五方面看了"
		}
		if e.Outcome != ledger.OutcomeOK {
			text += " " + e.Outcome.Name()
		}
		return text
	case ledger.KindTalk:
		return talkWays[e.Method] + "联系" + orElse(e.Whom, "家属") + " " + talkEnds[e.Outcome]
	}
	return e.Method.Name() + " " + e.Outcome.Name()
}

// byNeed sorts elders for a form: those paired with the speaker first where it is about help, then by what is owed of the kind,
// key tier first, then more missing, then longest not seen. The done come last.
func byNeed(elders []Elder, kind ledger.EntryKind) []*Elder {
	out := make([]*Elder, 0, len(elders))
	for i := range elders {
		out = append(out, &elders[i])
	}
	slices.SortStableFunc(out, func(a, b *Elder) int {
		an, _ := a.lacking(kind)
		bn, _ := b.lacking(kind)
		before := func(first, second bool) int {
			switch {
			case first == second:
				return 0
			case first:
				return -1
			}
			return 1
		}
		switch {
		case kind != ledger.KindVisit && a.Paired != b.Paired:
			return before(a.Paired, b.Paired)
		case (an > 0) != (bn > 0):
			return before(an > 0, bn > 0)
		case an > 0 && a.Tier != b.Tier:
			return before(a.Tier == ledger.TierKey, b.Tier == ledger.TierKey)
		case an != bn:
			return bn - an
		}
		return strings.Compare(string(a.Last), string(b.Last))
	})
	return out
}

// elderChoice is the drop-down of elders on a report's first card, with「其他」.
func elderChoice(all []*Elder, a Answers, v View, kind ledger.EntryKind) ledger.Choice {
	who := ledger.Choice{Key: "elder", Title: "老人"}
	for _, e := range all[:min(len(all), cardElders)] {
		who.Options = append(who.Options, elderOption(e, v, kind))
	}
	has := func(id string) bool {
		return slices.ContainsFunc(who.Options, func(o ledger.Option) bool { return o.ID == id })
	}
	if was := v.find(a["was.elder"]); was != nil && !has(was.ID) {
		who.Options[len(who.Options)-1] = elderOption(was, v, kind)
	}
	who.Options = append(who.Options, ledger.Option{ID: "other", Text: "其他"})
	who.Picked = []string{who.Options[0].ID}
	if was := orElse(a["was.elder"], a["elder"]); has(was) || was == "other" { // not "?A01,A02"
		who.Picked = []string{was}
	}
	return who
}

// picked is what a drop-down shows chosen: what was answered before, what a sentence said, else the usual.
func (a Answers) picked(key, usual string) []string {
	return []string{orElse(orElse(a["was."+key], a[key]), usual)}
}
