package flows

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"xunfang/ledger"
)

// factForm takes down a fact that changed, after the visit at which it was heard (002 五·信息核对: 及时更正). By the pack's word
// the ledger changes at once or when the keeper has confirmed it; the visit is on record whether or not it is answered.
var factForm = Form{
	Name: "fact",
	Title: func(a Answers, in Input) string {
		return who(Answers{"elder": a["for"]}, in) + "的新" + factNames[a["field"]]
	},
	Done: factDone,
	Steps: []Step{
		{Key: "value", When: isNot("field", "address"), Ask: askFact, Parse: parseNumber},
		{Key: "value.address", When: is("field", "address"), Ask: askFact, Parse: parseFact},
		{Key: "ok", When: is("sure", "ask"), Ask: askSure, Parse: parseMend},
	},
}

func isNot(key, value string) func(Answers) bool {
	return func(a Answers) bool { return a[key] != value }
}

var factNames = map[string]string{"phone": "电话", "address": "住址", "kin": "子女电话"}

func askFact(a Answers, in Input) Prompt {
	name := who(Answers{"elder": a["for"]}, in)
	if a["kin"] != "" {
		return Prompt{Text: name + "的家属" + a["kin"] + "现在的电话是多少?不知道就说「跳过」。"}
	}
	switch a["field"] {
	case "phone":
		return Prompt{Text: name + "现在的电话是多少?不知道就说「跳过」。"}
	case "address":
		return Prompt{Text: name + "现在住哪里?说一句就行;不知道就说「跳过」。"}
	}
	return Prompt{Text: name + "的子女现在是谁、电话多少?说一句就行;不知道就说「跳过」。"}
}

func parseFact(raw string, in Input) (string, error) {
	v, err := parseLine(raw, in)
	if err != nil {
		return "", err
	}
	return clip(v, 80), nil
}

// parseNumber wants a phone number in the line.
func parseNumber(raw string, in Input) (string, error) {
	if fold(raw) == "不知道" {
		return "", nil
	}
	v, err := parseFact(raw, in)
	if err == nil && v != "" && phoneIn(v) == "" {
		return "", Hint("没看到电话号码。手机是11位,座机带上区号;不知道就说「跳过」。")
	}
	return v, err
}

// askSure shows a fact back that was told in a sentence.
func askSure(a Answers, in Input) Prompt {
	return Prompt{Card: &ledger.Card{Title: who(Answers{"elder": a["for"]}, in) + "的" + factNames[a["field"]] + "改成这个?",
		Sub: orElse(a["value"], a["value.address"]), Buttons: []ledger.Button{{Key: "yes", Text: "改", Style: 1}, {Key: "no", Text: "不改", Style: 2}}}}
}

func factDone(a Answers, in Input) Result {
	if a["ok"] == "no" {
		return unchanged("好,没有改。")
	}
	value := strings.TrimSpace(a["kin"] + " " + a["value"])
	if a["value"] == "" {
		value = a["value.address"]
	}
	f := ledger.Fact{Key: a["entry"] + "/" + a["field"], EntryKey: a["entry"], ElderID: a["for"], Field: a["field"],
		Result: "changed", Value: value, By: in.User, At: in.Now}
	hits, _ := in.View.Find(f.ElderID)
	if f.Value == "" || len(hits) != 1 {
		next := "好,下次再问。"
		if a["kin"] != "" {
			next = "好,下次看望时再核对。"
		}
		return Result{Changes: ledger.Changes{Facts: []ledger.Fact{f}}, Text: next, Card: ledger.Card{Done: "下次再问"}}
	}
	var kin ledger.Kin
	if f.Field == "kin" {
		kin = KinMeant(f.Value, in.View.kin(f.ElderID))
	}
	if !slices.Contains(in.View.Rules.Confirm, f.Field) {
		edit := ledger.Edit{Book: factBook(f.ElderID, f.Field, kin.Name, f.Value, in.Today), By: in.User, Why: in.Today.Short() + "巡访时核对", Source: f.Key,
			Today: in.Today, Seen: in.View.Revision}
		return Result{Changes: ledger.Changes{Facts: []ledger.Fact{f}, Edits: []ledger.Edit{edit}}, Text: "✓ 台账改好了。", Card: ledger.Card{Done: "改好了"}}
	}
	f.Propose = true
	c := ledger.Changes{Facts: []ledger.Fact{f}}
	p := Proposal{Key: f.Key, ElderID: f.ElderID, Field: f.Field, Now: f.Value, By: in.View.Name, Day: in.Today}
	if e := in.View.find(f.ElderID); e != nil {
		switch f.Field {
		case "address":
			p.Was = e.Address
		case "kin":
			p.Kin, p.Was = kin.Name, kin.Phone
		default:
			p.Was = e.Phone
		}
	}
	keepers := in.View.Keepers(f.ElderID)
	for _, k := range keepers {
		if card, ok := proposalCard(p, in.View); ok {
			key := f.Key + "/check/" + k.UserID
			card.Task = task(key)
			c.Messages = append(c.Messages, ledger.Message{Key: key, To: k.UserID, Priority: ledger.PriorityReminder, Card: &card})
		}
	}
	text := "✓ 记下了," + orElse(names(keepers), "乡镇") + "核对后改到台账里。"
	return Result{Changes: c, Text: text, Card: ledger.Card{Done: "记下了"}}
}

// KinMeant is whose number a line tells: the relative it names, else the first; nobody where none is on the ledger.
func KinMeant(line string, all []ledger.Kin) ledger.Kin {
	for _, k := range all {
		if strings.Contains(line, k.Name) {
			return k
		}
	}
	if len(all) == 0 {
		return ledger.Kin{}
	}
	return all[0]
}

// task is the task_id of a card that is not the speaker's: unique, and the same when it is said again.
func task(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "k" + hex.EncodeToString(sum[:12])
}
