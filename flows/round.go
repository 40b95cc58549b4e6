package flows

import (
	"fmt"
	"slices"
	"strings"

	"xunfang/ledger"
)

// roundForm declares an extra round of contacts for the speaker's township or county (requirements §3 case 31, row B1): heat,
// cold, a storm, a festival, the first census. It adds to what is owed; one visit counts for both.
var roundForm = Form{
	Name:  "round",
	Open:  []string{"round", "加访", "宣布加访"},
	Title: func(a Answers, _ Input) string { return roundName(a.round()) },
	Done:  roundDone,
	Steps: []Step{
		{Key: "name", Ask: askRound, Parse: parseRound},
		{Key: "tier", Ask: askRound, Parse: oneOf("看重点老人,还是全部?请在卡片上选。", map[string]string{
			"key": "key", "重点": "key", "重点老人": "key", "all": "all", "全部": "all", "全部老人": "all"})},
		{Key: "door", Ask: askRound, Parse: oneOf("电话也算,还是要上门?请在卡片上选。", map[string]string{
			"any": "any", "电话也算": "any", "电话": "any", "door": "door", "上门": "door", "要上门": "door"})},
		{Key: "typed", When: is("name", "other"), Ask: func(Answers, Input) Prompt {
			return Prompt{Text: "这次加访叫什么?几个字,比如「停电」。"}
		}, Parse: parseRoundName},
		{Key: "until", Ask: askUntil, Parse: parseUntil},
		{Key: "ok", Ask: confirmRound, Parse: confirm("name", "typed", "tier", "door", "until")},
	},
}

// roundsForm ends an extra round before its time.
var roundsForm = Form{
	Name:  "rounds",
	Open:  []string{"rounds", "收回加访", "取消加访", "结束加访"},
	Title: func(Answers, Input) string { return "收回加访" },
	Done:  roundsDone,
	Steps: []Step{{Key: "round", Ask: askRounds, Parse: parseRounds}},
}

var roundNames = []string{"高温", "寒潮", "暴雨", "节前", "首次摸底"}

func (a Answers) round() string { return orElse(a["typed"], strings.TrimPrefix(a["name"], "other")) }

// notForYou refuses who leads no township or county.
const notForYou = "加访由县里和乡镇定。要办就请他们说一声。"

func askRound(a Answers, in Input) Prompt {
	name := ledger.Choice{Key: "name", Title: "为什么", Picked: a.picked("name", roundNames[0])}
	for _, n := range roundNames {
		name.Options = append(name.Options, ledger.Option{ID: n, Text: n})
	}
	name.Options = append(name.Options, ledger.Option{ID: "other", Text: "其他"})
	return Prompt{Card: &ledger.Card{Title: in.View.Area.Name + "加访一次", Desc: "规定的巡访照旧;看过的一次两边都算。",
		Selects: []ledger.Choice{name,
			{Key: "tier", Title: "看谁", Picked: a.picked("tier", "key"),
				Options: []ledger.Option{{ID: "key", Text: "重点老人"}, {ID: "all", Text: "全部老人"}}},
			{Key: "door", Title: "方式", Picked: a.picked("door", "any"),
				Options: []ledger.Option{{ID: "any", Text: "电话也算"}, {ID: "door", Text: "要上门"}}}},
		Submit: chosen}}
}

func parseRound(raw string, in Input) (string, error) {
	if said := fold(raw); said == "other" || slices.Contains(roundNames, said) {
		return said, nil
	}
	return parseRoundName(raw, in)
}

// parseRoundName keeps a name short and plain: it becomes part of a duty's key.
func parseRoundName(raw string, _ Input) (string, error) {
	name := strings.NewReplacer("/", "", ":", "", ";", "").Replace(strings.TrimSuffix(fold(raw), "加访"))
	if n := len([]rune(name)); n < 1 || n > 8 || name == "-" || name == chosen.Key {
		return "", Hint("几个字就行,比如「停电」。")
	}
	return name, nil
}

func askUntil(a Answers, in Input) Prompt {
	c := ledger.Card{Title: roundName(a.round()) + "最晚哪天看完?", Desc: "别的日子直接打,比如「3月20日」。"}
	for _, n := range []int{0, 1, 2, 6} {
		day := in.Today.Add(n)
		c.Buttons = append(c.Buttons, ledger.Button{Key: string(day), Text: map[int]string{0: "今天", 1: "明天", 2: "后天"}[n], Style: 1})
		if c.Buttons[len(c.Buttons)-1].Text == "" {
			c.Buttons[len(c.Buttons)-1].Text = day.Short()
		}
	}
	return Prompt{Card: &c}
}

func parseUntil(raw string, in Input) (string, error) {
	day, _, _ := dayAhead(fold(raw), in.Today)
	switch {
	case day == "":
		return "", Hint("最晚哪天?比如「明天」「3月20日」。")
	case day < in.Today || day.Sub(in.Today) > leaveMost:
		return "", Hint(day.Short() + "不行,请说今天以后半年里的日子。")
	}
	return string(day), nil
}

// extra is the round as the answers have it. One of its name that runs already is the one that is changed.
func (a Answers) extra(in Input) ledger.Round {
	r := ledger.Round{Region: in.View.Area.Code, Name: a.round(), From: in.Today, To: ledger.Day(a["until"])}
	if a["tier"] == "key" {
		r.Tier = ledger.TierKey
	}
	if a["door"] == string(ledger.MethodDoor) {
		r.Door = a["door"]
	}
	for _, x := range in.View.Rounds {
		if x.Name == r.Name && x.Holds(in.Today) {
			r.From = x.From
		}
	}
	return r
}

// roundWords tell a round in one line.
func roundWords(r ledger.Round, today ledger.Day) string {
	who, how := "全部老人", "电话也算"
	if r.Tier == ledger.TierKey {
		who = "重点老人"
	}
	if r.Door != "" {
		how = "要上门"
	}
	until := r.To.Short() + "前"
	if r.To == today {
		until = "今天"
	}
	return who + "," + until + "看一次," + how
}

func confirmRound(a Answers, in Input) Prompt {
	if in.View.Area.Code == "" {
		return Prompt{Text: notForYou + "说「取消」。"}
	}
	r := a.extra(in)
	c := ledger.Card{Title: in.View.Area.Name + " " + roundName(r.Name), Desc: roundWords(r, in.Today) + "。", Buttons: confirmButtons,
		Rows: []ledger.CardRow{{Name: "要看", Value: fmt.Sprintf("%d位老人", in.View.Covered(r.Tier))}}}
	if r.From < in.Today {
		c.Sub = r.From.Short() + "起已经在办,改成这样。"
	}
	return Prompt{Card: &c}
}

func roundDone(a Answers, in Input) Result {
	v := in.View
	if v.Area.Code == "" {
		return unchanged(notForYou)
	}
	r := a.extra(in)
	row := r
	row.Tier, row.Door = ledger.Tier(orElse(string(r.Tier), nobody)), orElse(r.Door, nobody) // of one that runs, what it was is cleared
	text := fmt.Sprintf("%s%s:%s。要看%d位,已看的会自动算上。", v.Area.Name, roundName(r.Name), roundWords(r, in.Today),
		v.Covered(r.Tier))
	return Result{
		Changes: ledger.Changes{Edits: []ledger.Edit{edit(in, roundName(r.Name), ledger.Book{Rounds: []ledger.Round{row}})}},
		Text:    "✓ 定好了。" + text, Card: ledger.Card{Title: "✓ 定好了", Sub: text, Done: "定好了"},
	}
}

func roundKey(r ledger.Round) string { return r.Name + " " + string(r.From) }

// running are the rounds that can be taken back.
func running(in Input) []ledger.Round {
	return slices.DeleteFunc(slices.Clone(in.View.Rounds), func(r ledger.Round) bool { return r.To < in.Today })
}

func askRounds(_ Answers, in Input) Prompt {
	all := running(in)
	if len(all) == 0 {
		return Prompt{Text: "没有正在办的加访。说「取消」。"}
	}
	c := ledger.Card{Title: "收回哪次加访?", Desc: "看过的照样算;没看的不用再看。"}
	for _, r := range all[:min(len(all), mostButtons-1)] {
		c.Buttons = append(c.Buttons, ledger.Button{Key: roundKey(r), Text: clip(roundName(r.Name)+" "+r.From.Short(), buttonWidth), Style: 1})
	}
	c.Buttons = append(c.Buttons, ledger.Button{Key: nobody, Text: "都不收", Style: 2})
	return Prompt{Card: &c}
}

func parseRounds(raw string, in Input) (string, error) {
	for _, r := range running(in) {
		if raw == roundKey(r) || fold(raw) == r.Name || fold(raw) == roundName(r.Name) {
			return roundKey(r), nil
		}
	}
	if raw == nobody || fold(raw) == "都不收" || fold(raw) == "不用" {
		return "", Abandon{}
	}
	return "", Hint("收回哪次?请点卡片上的按钮,或说「取消」。")
}

func roundsDone(a Answers, in Input) Result {
	i := slices.IndexFunc(running(in), func(r ledger.Round) bool { return roundKey(r) == a["round"] })
	if i < 0 {
		return unchanged("这次加访已经过了。")
	}
	r := running(in)[i]
	r.To = max(r.From, in.Today).Add(-1)
	text := roundName(r.Name) + "收回了,没看的不用再看。"
	return Result{
		Changes: ledger.Changes{Edits: []ledger.Edit{edit(in, "收回"+roundName(r.Name), ledger.Book{Rounds: []ledger.Round{r}})}},
		Text:    "✓ " + text, Card: ledger.Card{Title: "✓ 收回了", Sub: text, Done: "收回了"},
	}
}
