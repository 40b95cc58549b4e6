package flows

import (
	"strings"

	"xunfang/ledger"
)

// factForm takes down a fact that changed, after the visit at which it was heard (002 五·信息核对: 及时更正). It is kept as a
// proposal with its source; the visit is on record whether or not it is answered.
var factForm = Form{
	Name: "fact",
	Title: func(a Answers, in Input) string {
		return who(Answers{"elder": a["for"]}, in) + "的新" + factNames[a["field"]]
	},
	Done:  factDone,
	Steps: []Step{{Key: "value", Ask: askFact, Parse: parseFact}},
}

var factNames = map[string]string{"phone": "电话", "address": "住址", "kin": "子女电话"}

func askFact(a Answers, in Input) Prompt {
	name := who(Answers{"elder": a["for"]}, in)
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

func factDone(a Answers, in Input) Result {
	text := "好,下次再问。"
	f := ledger.Fact{Key: a["entry"] + "/" + a["field"], EntryKey: a["entry"], ElderID: a["for"], Field: a["field"],
		Result: "changed", Value: strings.TrimSpace(a["value"]), By: in.User, At: in.Now}
	if f.Value != "" {
		text = "✓ 记下了,档案员核对后改到名册里。"
	}
	return Result{Changes: ledger.Changes{Facts: []ledger.Fact{f}}, Text: text, Card: ledger.Card{Done: "记下了"}}
}
