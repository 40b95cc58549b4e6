package flows

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// pileForm logs several reports of one message with one tap, or those that came in a burst after no signal: each is a record
// of its own (requirements §3 case 7). What is not whole yet is asked about afterwards, one after the other.
var pileForm = Form{
	Name:  "pile",
	Title: func(a Answers, _ Input) string { return pileWords(a.pile()) },
	Done:  pileDone,
	Steps: []Step{{Key: "ok", Ask: askPile, Parse: parsePile}},
}

// MostPiled is how many reports one message may hold.
const MostPiled = 20

// pileWords say how many of what a pile holds.
func pileWords(pile []Answers) string {
	if slices.ContainsFunc(pile, func(v Answers) bool { return v.kind() != ledger.KindVisit }) {
		return fmt.Sprintf("%d条记录", len(pile))
	}
	return fmt.Sprintf("%d次巡访", len(pile))
}

// pileOf is a pile of reports and of what else was said.
func pileOf(visits []Answers, rest []string) Answers {
	text, _ := json.Marshal(visits[:min(len(visits), MostPiled)]) // maps of texts always marshal
	return Answers{"visits": string(text), "rest": clip(strings.Trim(strings.Join(rest, "\n"), "\n"), 300)}
}

func (a Answers) pile() []Answers {
	var out []Answers
	_ = json.Unmarshal([]byte(a["visits"]), &out) // written by pileOf
	return out
}

// whole says whether a report can be recorded as it stands; how tells how contact was made where it does not say so itself.
func (a Answers) whole(in Input, how string) bool {
	e := a.elder(in.View)
	if a.kind() != ledger.KindVisit {
		_, done := a["deeds"]
		_, said := a["points"]
		return e != nil && a["daysago"] == "" && dayFault(e, a.day(in), in) == "" && a["outcome"] != string(ledger.OutcomeWrong) &&
			(a.kind() == ledger.KindHelp && done || a.whom() != "" && (said || a["outcome"] == string(ledger.OutcomeAbsent)))
	}
	if e == nil || a["outcome"] == "" || a["guess"] != "" || a["daysago"] != "" || a["method"] == "" && how == "" ||
		a["phone"]+a["address"] != "" { // a fact that changed goes with its own visit's confirmation
		return false
	}
	return dayFault(e, a.day(in), in) == "" && !(a["outcome"] == string(ledger.OutcomeProblem) && a["items"] == "") &&
		a["outcome"] != string(ledger.OutcomeAbsent) // an empty house is asked about
}

func askPile(a Answers, in Input) Prompt {
	pile := a.pile()
	c := ledger.Card{Title: pileWords(pile) + ",看看对不对"}
	var lines []string
	asked, methods := 0, true
	for i, v := range pile {
		line := strconv.Itoa(i+1) + " "
		if e := v.elder(in.View); e != nil {
			line += in.View.call(e) + " "
			if day := v.day(in); day != in.Today {
				line += day.Short() + " "
			}
			if m := v["method"]; m != "" && v.kind() == ledger.KindVisit {
				line += ledger.Method(m).Name() + " "
			}
			line = strings.TrimSpace(line + v.state() + " " + v.besides())
		} else {
			line += "?「" + clip(v["said"], 12) + "」"
		}
		if v.whole(in, "door") {
			methods = methods && v["method"] != ""
		} else {
			asked++
			line = strings.TrimSpace(line) + " (再问)"
		}
		lines = append(lines, line)
	}
	if a["rest"] != "" {
		lines = append(lines, "没看懂:「"+clip(strings.ReplaceAll(a["rest"], "\n", "」「"), 30)+"」")
	}
	if asked > 0 {
		c.Desc = fmt.Sprintf("有%d次还要问一句,点完接着问。", asked)
	}
	c.Sub = strings.Join(lines, "\n")
	if methods {
		c.Buttons = append(c.Buttons, ledger.Button{Key: "yes", Text: "都记下", Style: 1})
	} else {
		c.Desc = "没说怎么看的,点一下。" + c.Desc
		c.Buttons = append(c.Buttons, ledger.Button{Key: "door", Text: "对,都上门", Style: 1}, ledger.Button{Key: "phone", Text: "对,都电话", Style: 1})
	}
	c.Buttons = append(c.Buttons, ledger.Button{Key: "each", Text: "一个个看", Style: 2}, ledger.Button{Key: "drop", Text: "都不记", Style: 2})
	if utf8.RuneCountInString(c.Sub) > listWidth { // more than a card shows
		return Prompt{Text: c.Sub, Card: &ledger.Card{Title: c.Title, Desc: orElse(c.Desc, "一次一行,列在上面。"), Buttons: c.Buttons}}
	}
	return Prompt{Card: &c}
}

// state is how a visit went, in a few words.
func (a Answers) state() string {
	switch a.kind() {
	case ledger.KindHelp:
		return "帮扶「" + clip(a["line"], 16) + "」"
	case ledger.KindTalk:
		return "联系" + orElse(a.whom(), "家属") + " " + talkEnds[ledger.Outcome(a["outcome"])]
	}
	if a["outcome"] == string(ledger.OutcomeProblem) {
		var words []string
		for _, k := range strings.Split(a["items"], ",") {
			if it, ok := ledger.ItemByKey(k); ok {
				if word := orElse(clip(a.note(k), 10), it.Name); !slices.Contains(words, word) {
					words = append(words, word)
				}
			}
		}
		return orElse(strings.Join(words, "、"), "有情况")
	}
	if a["outcome"] == "" {
		return ""
	}
	return ledger.Outcome(a["outcome"]).Name()
}

func parsePile(raw string, in Input) (string, error) {
	switch fold(raw) {
	case "yes", "都记下", "确认", "对", "好", "是":
		if slices.ContainsFunc(in.answers.pile(), func(v Answers) bool { return v["method"] == "" && v.whole(in, "door") }) {
			return "", Hint("都是上门,还是都是电话?请点一下;不一样的点「一个个看」。")
		}
		return "yes", nil
	case "door", "都上门", "上门", "对,都上门":
		return "door", nil
	case "phone", "都电话", "电话", "对,都电话":
		return "phone", nil
	case "each", "一个个看":
		return "each", nil
	case "drop", "撤销", "都不记":
		return "", Abandon{}
	}
	return "", Hint("对的话点「都记下」;要改点「一个个看」;不记了点「都不记」。")
}

func pileDone(a Answers, in Input) Result {
	pile := a.pile()
	how := map[string]string{"door": "door", "phone": "phone"}[a["ok"]]
	var res Result
	var lines []string
	for i, v := range pile {
		if v["method"] == "" && how != "" {
			v["method"] = how
		}
		if a["ok"] == "each" || !v.whole(in, "") {
			res.Queue = append(res.Queue, v)
			continue
		}
		e := v.elder(in.View)
		in.shots = nil // which of them a photo shows, nobody said
		one := newReport(v, in, e, string(v.kind())+"/"+in.Key+"/"+strconv.Itoa(i+1))
		res.Changes.Entries = append(res.Changes.Entries, one.Changes.Entries...)
		res.Changes.Findings = append(res.Changes.Findings, one.Changes.Findings...)
		res.Changes.Facts = append(res.Changes.Facts, one.Changes.Facts...)
		res.Changes.Messages = append(res.Changes.Messages, one.Changes.Messages...)
		res.Changes.Cases = append(res.Changes.Cases, one.Changes.Cases...)
		res.Recent = append(res.Recent, one.Recent...)
		entry := one.Changes.Entries[0]
		lines = append(lines, in.View.call(e)+":"+counted(e, entry, in))
		if entry.Kind == ledger.KindHelp {
			in.View.Helped++
		}
	}
	n := len(lines)
	if n == 0 {
		return Result{Queue: res.Queue, Text: "好,一个个看。", Card: ledger.Card{Title: pileWords(pile), Done: "一个个看"}}
	}
	title := fmt.Sprintf("✓ 记好了%d次", n)
	if owed := len(res.Recent); owed > 0 {
		lines = append(lines, fmt.Sprintf("%d次上门还差照片,发来时点是哪一次。", owed))
	}
	sub := strings.Join(lines, "\n")
	res.Text = title + "。\n" + sub
	res.Card = ledger.Card{Title: title, Sub: clip(sub, listWidth), Done: "已记好"}
	return res
}

// Joins says whether a message may be one with the one that waits behind it: a visit a line, sent without a signal and
// arriving together (requirements §3 case 7).
func Joins(s State, parts []understand.Part) bool {
	return (s.Form == "" || s.Form == pileForm.Name || reporting(s.Form) && s.Answers["said"] != "") && len(parts) > 0 &&
		!slices.ContainsFunc(parts, func(p understand.Part) bool {
			return !reports(p) || len(p.Reading.Elders) == 0
		})
}
