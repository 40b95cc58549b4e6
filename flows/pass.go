package flows

import (
	"fmt"
	"strings"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// passForm hands on what is understood but kept nowhere yet: the words go to who is in charge, after one tap.
var passForm = Form{
	Name:  "pass",
	Title: func(a Answers, _ Input) string { return "要转告的话" },
	Done:  passDone,
	Steps: []Step{{Key: "ok", Ask: askPass, Parse: oneOf("转给负责人就点「转告」,不用就点「不用」。", map[string]string{
		"yes": "yes", "转告": "yes", "是": "yes", "好": "yes", "确认": "yes", "no": "no", "不用": "no", "不": "no"})}},
}

var passed = map[string]string{
	string(understand.FamilyInfo): "家属的消息", string(understand.Leave): "老人的消息",
}

// pass opens the form with what was typed, about elders in sight.
func (t *turn) pass(kind understand.Intent, elders []string) {
	t.start(passForm.Name, Answers{"kind": string(kind), "text": clip(strings.TrimSpace(t.in.Text), 300), "elder": strings.Join(elders, ",")})
}

func (a Answers) charge(in Input) []Person {
	if e := in.View.find(a["elder"]); e != nil && e.Lead.UserID != "" && e.Lead.UserID != in.User {
		return []Person{e.Lead}
	}
	return in.View.Leads
}

func askPass(a Answers, in Input) Prompt {
	c := ledger.Card{Title: "听着像" + passed[a["kind"]], Sub: "「" + clip(a["text"], 80) + "」",
		Buttons: []ledger.Button{{Key: "yes", Text: "转告", Style: 1}, {Key: "no", Text: "不用", Style: 2}}}
	who := a.charge(in)
	c.Desc = "这里还不能记成一条。转告" + orElse(clip(names(who), 20), "负责人") + "吗?"
	return Prompt{Card: &c}
}

func passDone(a Answers, in Input) Result {
	if a["ok"] == "no" {
		return Result{Text: "好,没有转。", Card: ledger.Card{Done: "没有转"}}
	}
	about := ""
	if e := in.View.find(a["elder"]); e != nil {
		about = e.full() + "\n"
	}
	text := fmt.Sprintf("%s%s请您知道(%s):\n「%s」", about, in.View.Name, passed[a["kind"]], a["text"])
	to := a.charge(in)
	if len(to) == 0 {
		return Result{Text: "还没有登记负责人,请直接打电话说。", Card: ledger.Card{Done: "没有转"}}
	}
	return Result{Changes: ledger.Changes{Messages: inform(in, to, text)}, Text: "✓ 转告" + names(to) + "了。", Card: ledger.Card{Done: "已转告"}}
}
