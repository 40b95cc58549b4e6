package flows

import (
	"strings"

	"xunfang/ledger"
)

// guesses: a word was not understood, but what it may have been meant to say is known.
func guesses(a Answers) bool { return a["guess"] != "" }

// askGuess says what was understood and what was not (requirements §2.1).
func askGuess(a Answers, in Input) Prompt {
	words := strings.Split(a["guess"], "|")
	understood := []string{who(a, in), dayWords(a.day(in), in.Today)}
	if m := a["method"]; m != "" {
		understood = append(understood, ledger.Method(m).Name())
	}
	return Prompt{Card: &ledger.Card{Title: "没看懂「" + clip(words[0], 8) + "」,是" + clip(words[1], 8) + "吗?", Desc: "看懂了:" + strings.Join(understood, "、"),
		Buttons: []ledger.Button{{Key: "yes", Text: clip("是"+words[1], buttonWidth), Style: 1}, {Key: "skip", Text: "不是,跳过", Style: 2}}}}
}

func parseGuess(raw string, _ Input) (string, error) {
	switch fold(raw) {
	case "yes", "是", "是的", "对":
		return "yes", nil
	case "skip", "跳过", "不是":
		return "skip", nil
	}
	return "", Hint("是就点「是」;不是的话,换个说法再打一遍,或点「跳过」。")
}

// takeGuess takes a confirmed guess for a problem like any other.
func takeGuess(a Answers, answer string) {
	words := strings.Split(a["guess"], "|")
	if answer != "yes" || len(words) != 3 {
		return
	}
	items := []string{words[2]}
	if a["items"] != "" && a["outcome"] == string(ledger.OutcomeProblem) {
		items = append(items, strings.Split(a["items"], ",")...)
	}
	a["items"], _ = parseItems(strings.Join(unique(items), ","), Input{})
	a["note."+words[2]] = words[1]
	if a["outcome"] = string(ledger.OutcomeProblem); a["act"] == "" {
		a["act"], a["dealt"] = dealt(a["said"], items), "yes"
	}
}
