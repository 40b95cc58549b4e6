package flows

import (
	"slices"
	"strings"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// needForm takes down something to be done for an elder or for the village (002 六(二): 服务诉求逐级上报). It becomes a matter that
// begins with the village and does not get lost on its way.
var needForm = Form{
	Name:  "need",
	Open:  []string{"need", "需求", "报需求", "诉求"},
	Title: func(a Answers, in Input) string { return "需求" + orElse(a.needFor(in), "") },
	Done:  needDone,
	Steps: []Step{
		{Key: "elder", Ask: askNeed, Parse: parseNeedFor},
		{Key: "who", When: is("elder", "other"), Ask: func(Answers, Input) Prompt {
			return Prompt{Text: "是哪位老人?请打名字或编号;村里的事就打村名。"}
		}, Parse: parseNeedFor},
		{Key: "which", When: unclear, Ask: func(a Answers, in Input) Prompt {
			return askWhom(a.with("elder", strings.TrimPrefix(a["elder"]+a["who"], "other")), in)
		}, Parse: func(raw string, in Input) (string, error) {
			id, err := parseNeedFor(raw, in)
			if err == nil && strings.HasPrefix(id, "?") {
				return "", Hint("是哪一位?请点卡片上的按钮。")
			}
			return id, err
		}},
		{Key: "what", Ask: askService, Parse: parseService},
		{Key: "payer", Parse: oneOf("按政策还是按市场?请点一下。", map[string]string{"": "", "unknown": "", "按政策": "按政策", "按市场": "按市场"})},
		{Key: "line", When: is("what", elseTicked), Ask: askNeedLine, Parse: func(raw string, in Input) (string, error) {
			if was := in.answers["was.line"]; was != "" && fold(raw) == "跳过" {
				return was, nil
			}
			return parseTrouble(raw, in)
		}},
		{Key: "ok", Ask: confirmNeed, Parse: parseNeed},
	},
}

// villageOption is the id of a village's own affair: the prefix and the village's code.
const villageOption = "village:"

// needElder is the elder a need is about; false where it is the village's, or not said yet.
func (a Answers) needElder(v View) (Elder, bool) {
	return Answers{"elder": orElse(orElse(a["which"], a["who"]), a["elder"])}.subject(v)
}

// needPlace is the village whose affair it is, "" where it is an elder's.
func (a Answers) needPlace() string {
	for _, key := range []string{"which", "who", "elder"} {
		if code, ok := strings.CutPrefix(a[key], villageOption); ok {
			return code
		}
	}
	return ""
}

// needFor names the elder or the village.
func (a Answers) needFor(in Input) string {
	if e, ok := a.needElder(in.View); ok {
		return e.Name
	}
	if code := a.needPlace(); code != "" {
		if p := in.View.place(code); p.Name != "" {
			return p.Name
		}
		return "村里"
	}
	return ""
}

// place is a region by its code.
func (v View) place(code string) Place {
	if v.Places == nil {
		return Place{}
	}
	for _, p := range v.Places(code) {
		if p.Code == code {
			return p
		}
	}
	return Place{}
}

// villagesOf are the villages of the speaker's elders.
func (v View) villagesOf() []Place {
	var out []Place
	for i := range v.Elders {
		name := v.Elders[i].Village
		if slices.ContainsFunc(out, func(p Place) bool { return p.Village == name }) || name == "" || v.Places == nil {
			continue
		}
		for _, p := range v.Places(name) { // two villages of one name: the one above the elder's group
			if strings.HasPrefix(v.Elders[i].Region, p.Code) || len(v.Places(name)) == 1 {
				out = append(out, Place{Code: p.Code, Name: p.Name, Village: name})
				break
			}
		}
	}
	return out
}

func askNeed(a Answers, in Input) Prompt {
	whom := ledger.Choice{Key: "elder", Title: "谁的事"}
	villages := in.View.villagesOf()
	villages = villages[:min(2, len(villages))]
	for _, e := range owedFirst(mine(in.View)) {
		if len(whom.Options) < cardElders-len(villages) {
			whom.Options = append(whom.Options, ledger.Option{ID: e.ID, Text: clip(e.brief(in.View.villages() && len(in.View.named(e.Name)) > 1), optionWidth)})
		}
	}
	for _, p := range villages {
		whom.Options = append(whom.Options, ledger.Option{ID: villageOption + p.Code, Text: clip(p.Village+"的事", optionWidth)})
	}
	whom.Options = append(whom.Options, ledger.Option{ID: "other", Text: "其他"})
	if len(whom.Options) == 1 {
		return Prompt{Text: "是哪位老人的事?请打名字或编号;村里的事就打村名。"}
	}
	whom.Picked = []string{whom.Options[0].ID}
	if was := orElse(a["was.elder"], a["elder"]); slices.ContainsFunc(whom.Options, func(o ledger.Option) bool { return o.ID == was }) {
		whom.Picked = []string{was}
	}
	c := ledger.Card{Title: "报一件要办的事", Desc: "下面没有的选「其他」。每走一步都会告诉您。", Selects: []ledger.Choice{whom},
		Submit: ledger.Button{Key: "submit", Text: "下一步"}}
	if a["line"] != "" {
		c.Desc = clip("「"+a["line"]+"」是谁的事?", 44)
	}
	if what := serviceChoice(a, in); len(what.Options) > 1 {
		c.Selects = append(c.Selects, what, payerChoice(a))
	}
	return Prompt{Card: &c}
}

// serviceChoice are what people ask for, and「其他」.
func serviceChoice(a Answers, in Input) ledger.Choice {
	c := ledger.Choice{Key: "what", Title: "什么事"}
	was := orElse(a["was.what"], a["guess"])
	for _, s := range in.View.Rules.Services {
		if len(c.Options) < cardElders || s == was && len(c.Options) == cardElders {
			c.Options = append(c.Options, ledger.Option{ID: s, Text: clip(s, optionWidth)})
		}
	}
	c.Options = append(c.Options[:min(len(c.Options), cardElders)], ledger.Option{ID: elseTicked, Text: "别的事,说一句"})
	c.Picked = []string{c.Options[0].ID}
	if slices.ContainsFunc(c.Options, func(o ledger.Option) bool { return o.ID == was }) {
		c.Picked = []string{was}
	} else if a["line"] != "" {
		c.Picked = []string{elseTicked}
	}
	return c
}

// payerChoice: 002 六(二): 按政策, 按市场.
func payerChoice(a Answers) ledger.Choice {
	return ledger.Choice{Key: "payer", Title: "怎么办", Picked: []string{orElse(a["was.payer"], "unknown")},
		Options: []ledger.Option{{ID: "unknown", Text: "还不清楚"}, {ID: "按政策", Text: "按政策"}, {ID: "按市场", Text: "按市场"}}}
}

// parseNeedFor takes an elder in the speaker's sight, or a village.
func parseNeedFor(raw string, in Input) (string, error) {
	if raw == "other" || strings.HasPrefix(raw, villageOption) {
		return raw, nil
	}
	if id := among(raw, in.View, "need", false); id != "" {
		return id, nil
	}
	if in.View.Places != nil {
		if hits := in.View.Places(strings.TrimSuffix(fold(raw), "的事")); len(hits) == 1 {
			return villageOption + hits[0].Code, nil
		}
	}
	return "", Hint(notYours(raw))
}

func askService(a Answers, in Input) Prompt {
	return Prompt{Card: &ledger.Card{Title: clip(orElse(a.needFor(in), "老人")+"要办什么事?", titleWidth), Desc: "点一个,或直接打一句。",
		Selects: []ledger.Choice{serviceChoice(a, in), payerChoice(a)}, Submit: ledger.Button{Key: "submit", Text: "下一步"}}}
}

// parseService takes one of the services; anything else typed is what is wanted.
func parseService(raw string, in Input) (string, error) {
	said := strings.TrimSpace(raw)
	if said == elseTicked || slices.Contains(in.View.Rules.Services, said) {
		return said, nil
	}
	if said == "" || said == "submit" {
		return "", Hint("要办什么事?点一个,或打一句。")
	}
	return "", Told{"what": orElse(serviceIn(said, in), elseTicked), "line": clip(said, 300)}
}

// serviceIn is the service that words name, "" none.
func serviceIn(said string, in Input) string {
	for _, s := range in.View.Rules.Services {
		if strings.Contains(said, s) {
			return s
		}
	}
	return ""
}

func askNeedLine(a Answers, in Input) Prompt {
	text := orElse(a.needFor(in), "老人") + "要办什么事?说一句。"
	if was := a["was.line"]; was != "" {
		text += "\n刚才写的是「" + clip(was, 20) + "」,不用改就说「跳过」。"
	}
	return Prompt{Text: text}
}

// about is what a need says, as everybody on its way reads it.
func (a Answers) about() string {
	text, line := a["what"], orElse(a["line"], a["was.line"])
	if text == elseTicked || text == "" {
		text = line
	} else if line != "" {
		text += ":" + line
	}
	if a["payer"] != "" {
		text += "(" + a["payer"] + ")"
	}
	return text
}

func confirmNeed(a Answers, in Input) Prompt {
	e, ok := a.needElder(in.View)
	if !ok && a.needPlace() == "" {
		return Prompt{Text: "这位老人现在不在您名下,没有报。说「取消」重来,或问村负责人。"}
	}
	c := ledger.Card{Title: "报给村里:" + a.needFor(in), Desc: "还有要写的,直接打一句;照片现在发。", Buttons: confirmButtons}
	if ok {
		c.Title = clip("报给村里:"+e.full(), titleWidth)
	}
	c.Sub = clip(a.about(), listWidth)
	if n := pictures(in.shots); n > 0 {
		c.Desc = "照片收到了。还有要写的,直接打一句。"
	}
	return Prompt{Card: &c}
}

// parseNeed: what is neither yes nor no belongs to the need.
func parseNeed(raw string, in Input) (string, error) {
	v, err := parseConfirm(raw, in)
	switch e := err.(type) {
	case nil:
		if v == "yes" {
			return v, nil
		}
	case Redo:
		return "", Redo{Keys: []string{"elder", "who", "which", "what", "payer", "line"}, Afresh: e.Afresh}
	case Abandon:
		return "", e
	}
	if said := fold(raw); said == "" || said == "跳过" {
		return "", Hint("对的话点「确认」;不对点「改」;不报了点「撤销」。")
	}
	line := orElse(in.answers["line"], in.answers["was.line"])
	return "", Told{"line": clip(strings.TrimSpace(line+" "+strings.TrimSpace(raw)), 300)}
}

// needDone begins the matter; photos and voice sent meanwhile belong to it.
func needDone(a Answers, in Input) Result {
	e, ok := a.needElder(in.View)
	place := a.needPlace()
	if !ok && place == "" {
		return notAnyMore()
	}
	x := ledger.Case{Key: matterKey(in.Key), Kind: ledger.CaseNeed, ElderID: e.ID, Region: orElse(e.Region, place), About: a.about(), By: in.User, Source: in.Key}
	if a["what"] != elseTicked {
		x.What = a["what"]
	}
	base := "需" + strings.ReplaceAll(string(in.Today[2:]), "-", "") + "-" + orElse(e.ID, place)
	n := 0
	for _, c := range in.View.Matters {
		if c.No == base || strings.HasPrefix(c.No, base+".") {
			n++
		}
	}
	x.No = matterNo(base, n)
	res := Result{Changes: ledger.Changes{Cases: []ledger.CaseStep{begunMatter(x, in)}}}
	for _, s := range in.shots {
		res.Changes.Photos = append(res.Changes.Photos, ledger.Photo{Key: s.Key, Kind: s.kind(), UserID: in.User, EntryKey: x.Key})
	}
	res.Text = "✓ 报好了,编号 " + x.No + "。每走一步都会告诉您,说「事项」也能看。"
	res.Card = ledger.Card{Title: "✓ 报好了,编号 " + x.No, Desc: "每走一步都会告诉您,说「事项」也能看。", Sub: clip(x.About, listWidth), Done: "报好了"}
	return res
}

// need begins the form with what a sentence told: the words are kept, whom it is about is asked where it is not plain.
func (t *turn) need(p understand.Part) {
	with := Answers{"line": clip(strings.TrimSpace(p.Text), 300)}
	if s := serviceIn(with["line"], t.in); s != "" {
		with["what"] = s
	} else {
		with["what"] = elseTicked
	}
	switch ids := t.inView(p.Reading.Elders); {
	case len(ids) == 1 && !p.Reading.Ambiguous:
		with["elder"] = ids[0]
	case len(ids) > 0:
		with["elder"] = "?" + strings.Join(ids, ",")
	}
	t.begun(needForm.Name, with)
}
