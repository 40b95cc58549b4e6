package flows

import (
	"slices"
	"strings"

	"xunfang/ledger"
)

// consentForm takes down what an elder or a relative agrees to, or no longer does, purpose by purpose (PIPL art. 14, 15, 29).
var consentForm = Form{
	Name:  "consent",
	Title: affairTitle("同意书"),
	Done:  consentDone,
	Steps: append(whom("consent"),
		Step{Key: "party", Ask: askParty, Parse: parseParty},
		Step{Key: "act", Ask: askGiven, Parse: oneOf("是同意还是撤回?请点按钮。", actOfConsent)},
		Step{Key: "purposes", Ask: askPurposes, Parse: parsePurposes},
		Step{Key: "about", When: tellsKin, Ask: askAbout, Parse: parseAbout},
		Step{Key: "channel", Ask: askChannel, Parse: oneOf("是纸质、当面还是电话?请点按钮。", channels)},
		Step{Key: "ok", Ask: confirmConsent, Parse: confirm("party", "act", "purposes", "about", "channel")},
	),
}

// theElder is the party that is no relative.
const theElder = "本人"

var (
	actOfConsent = map[string]string{"given": "given", "同意": "given", "withdrawn": "withdrawn", "撤回": "withdrawn", "不同意": "withdrawn"}
	channels     = map[string]string{"纸质": "纸质", "当面": "当面", "电话": "电话"}
)

func askParty(a Answers, in Input) Prompt {
	c := ledger.Card{Title: title(a, in) + "的同意书,谁签的?", Buttons: []ledger.Button{{Key: theElder, Text: theElder, Style: 1}}}
	for _, k := range a.sheet(in.View).Kin {
		if len(c.Buttons) < 6 {
			c.Buttons = append(c.Buttons, ledger.Button{Key: k.Name, Text: clip(k.Name+" "+k.Relation, buttonWidth), Style: 2})
		}
	}
	e, _ := a.subject(in.View)
	return Prompt{Card: &c, Look: e.ID}
}

func parseParty(raw string, in Input) (string, error) {
	if raw = fold(raw); raw == theElder || kinOf(in.answers.sheet(in.View), raw).Name != "" {
		return raw, nil
	}
	return "", Hint("是谁签的?请点卡片上的按钮。")
}

func askGiven(a Answers, _ Input) Prompt {
	return Prompt{Card: &ledger.Card{Title: a["party"] + "是同意,还是撤回?",
		Buttons: []ledger.Button{{Key: "given", Text: "同意", Style: 1}, {Key: "withdrawn", Text: "撤回", Style: 2}}}}
}

// purposesOf are what a party can agree to: not a relative to the elder's being visited.
func purposesOf(a Answers) []ledger.Purpose {
	if a["party"] == theElder {
		return ledger.Purposes
	}
	return ledger.KinPurposes
}

// allKin is the answer that what the elder says is about the whole family.
const allKin = "全体家属"

// ofKin says whether a purpose is about what the family hears.
func ofKin(p ledger.Purpose) bool { return p == ledger.PurposeKin || p == ledger.PurposeHealth }

// tellsKin: what the elder says of the family may be about one of it (requirements §3 case 11).
func tellsKin(a Answers) bool {
	return a["party"] == theElder && slices.ContainsFunc(strings.Split(a["purposes"], ","), func(p string) bool { return ofKin(ledger.Purpose(p)) })
}

func askAbout(a Answers, in Input) Prompt {
	c := ledger.Card{Title: "说的是全体家属,还是其中一位?", Buttons: []ledger.Button{{Key: allKin, Text: allKin, Style: 1}}}
	for _, k := range a.sheet(in.View).Kin {
		if len(c.Buttons) < mostButtons {
			c.Buttons = append(c.Buttons, ledger.Button{Key: k.Name, Text: clip(k.Name+" "+k.Relation, buttonWidth), Style: 2})
		}
	}
	return Prompt{Card: &c}
}

func parseAbout(raw string, in Input) (string, error) {
	if raw = fold(raw); raw == allKin || kinOf(in.answers.sheet(in.View), raw).Name != "" {
		return raw, nil
	}
	return "", Hint("说的是谁?请点卡片上的按钮。")
}

// aboutOne is the one relative that the elder's word is about, "" all.
func (a Answers) aboutOne() string {
	if !tellsKin(a) || a["about"] == allKin {
		return ""
	}
	return a["about"]
}

// verb is the act as people say it.
func (a Answers) verb() string {
	if a["act"] == "withdrawn" {
		return "撤回"
	}
	return "同意"
}

func askPurposes(a Answers, _ Input) Prompt {
	c := ledger.Choice{Key: "purposes", Multi: true}
	for _, p := range purposesOf(a) {
		c.Options = append(c.Options, ledger.Option{ID: string(p), Text: string(p)})
	}
	if was := a["was.purposes"]; was != "" {
		c.Picked = strings.Split(was, ",")
	}
	return Prompt{Card: &ledger.Card{Title: a["party"] + a.verb() + "哪几样?", Desc: "可多选。", Checks: &c, Submit: chosen}}
}

func parsePurposes(raw string, in Input) (string, error) {
	picked := strings.FieldsFunc(raw, func(r rune) bool { return strings.ContainsRune(", 、,", r) })
	var out []string
	for _, p := range purposesOf(in.answers) {
		if slices.Contains(picked, string(p)) {
			out = append(out, string(p))
		}
	}
	if len(out) == 0 || len(out) != len(picked) {
		return "", Hint("请在卡片上勾选,再点「选好了」。")
	}
	return strings.Join(out, ","), nil
}

func askChannel(_ Answers, _ Input) Prompt {
	return Prompt{Card: &ledger.Card{Title: "怎么说的?", Buttons: []ledger.Button{{Key: "纸质", Text: "纸质", Style: 1},
		{Key: "当面", Text: "当面", Style: 1}, {Key: "电话", Text: "电话", Style: 1}}}}
}

// leaves says whether the act takes the elder off the ledger.
func leaves(a Answers) bool {
	return a["party"] == theElder && a["act"] == "withdrawn" &&
		slices.Contains(strings.Split(a["purposes"], ","), string(ledger.PurposeVisits))
}

// unbinds says whether the act ends what binds a relative's WeChat to the elder: who does not want to hear is not kept.
func (a Answers) unbinds() bool {
	return a["party"] != theElder && a["act"] == "withdrawn" && slices.Contains(strings.Split(a["purposes"], ","), string(ledger.PurposeKin))
}

const afterUnbinding = "从现在起不再发消息,微信登记也停了。"

const afterLeaving = "从今天起不再巡访。个人信息会按规定删除,次数统计保留。"

func confirmConsent(a Answers, in Input) Prompt {
	c := ledger.Card{Title: title(a, in), Desc: "从现在起有效。", Buttons: confirmButtons,
		Rows: []ledger.CardRow{{Name: "谁", Value: clip(a["party"], valueWidth)},
			{Name: a.verb(), Value: clip(strings.ReplaceAll(a["purposes"], ",", "、"), valueWidth)}, {Name: "方式", Value: a["channel"]}}}
	if one := a.aboutOne(); one != "" {
		c.Rows = append(c.Rows, ledger.CardRow{Name: "只对", Value: clip(one, valueWidth)})
	}
	switch {
	case leaves(a):
		c.Desc = afterLeaving
	case a.unbinds():
		c.Desc = afterUnbinding
	}
	return Prompt{Card: &c}
}

// consentDone writes the acts. For being visited, and for a relative being told, the ledger carries the day, and the store
// makes the act of it; the others are acts alone.
func consentDone(a Answers, in Input) Result {
	e, ok := a.subject(in.View)
	if !ok || !e.Access.Correct {
		return outOfReach()
	}
	kin, given, day := a["party"], a["act"] == "given", in.Today
	if kin == theElder {
		kin = ""
	}
	if !given {
		day = "-"
	}
	res := receipt("✓ 登记好了", "登记好了", e, a["party"]+a.verb()+strings.ReplaceAll(a["purposes"], ",", "、")+"("+a["channel"]+")。")
	b := ledger.Book{}
	for _, p := range strings.Split(a["purposes"], ",") {
		switch purpose := ledger.Purpose(p); {
		case kin == "" && purpose == ledger.PurposeVisits:
			b.Elders = []ledger.Elder{{ID: e.ID, Consent: day}}
		case kin != "" && purpose == ledger.PurposeKin:
			b.Kin = []ledger.Kin{{ElderID: e.ID, Name: kin, Consent: day}}
		default:
			act := ledger.Consent{Key: in.Key + "/" + p, ElderID: e.ID, Kin: kin, Purpose: purpose, Given: given, Day: in.Today, Channel: a["channel"],
				Witness: in.User, Proof: in.Key, At: in.Now}
			if ofKin(purpose) {
				act.For = a.aboutOne()
			}
			res.Changes.Consents = append(res.Changes.Consents, act)
		}
	}
	if one := a.aboutOne(); one != "" {
		res.add("只对" + one + "。")
	}
	if a.unbinds() {
		for _, bond := range in.View.kinship(e.ID).Bonds {
			if bond.Kin == kin && (bond.State == ledger.BondAsked || bond.State == ledger.BondVerified) {
				b.Bonds = append(b.Bonds, ledger.Bond{ElderID: e.ID, User: bond.User, State: ledger.BondEnded, By: in.User,
					Health: "-", Wants: "-", Why: "撤回(" + a["channel"] + ")"})
			}
		}
		res.add(afterUnbinding)
	}
	if b.Elders != nil && given && e.gone() {
		res.add("要接着巡访,请村里说「恢复" + e.Name + "」。")
	}
	why := a.verb() + "(" + a["channel"] + ")"
	if leaves(a) {
		left := stand(in, e, ledger.Standing{ElderID: e.ID, From: in.Today, Kind: ledger.StandingLeft}, in.Today.Short()+"起撤回同意,退出")
		b.Standings = left.Edits[0].Book.Standings
		res.Changes.Messages = left.Messages
		res.add(afterLeaving)
	}
	if len(b.Elders)+len(b.Kin)+len(b.Bonds) > 0 {
		e := edit(in, why, b)
		e.Means = a["channel"]
		res.Changes.Edits = []ledger.Edit{e}
	}
	return res
}
