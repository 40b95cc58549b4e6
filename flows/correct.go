package flows

import (
	"slices"

	"xunfang/ledger"
)

// correctForm changes what the ledger says of an elder, with who, when and why (002 五·信息核对: 及时更正, 专人管理). Who is not
// the keeper of it has it passed on.
var correctForm = Form{
	Name:  "correct",
	Title: affairTitle("改资料"),
	Done:  correctDone,
	Steps: append(whom("correct"),
		Step{Key: "words", When: is("tell", "yes"), Ask: askWrong, Parse: parseWrong},
		Step{Key: "field", When: isNot("tell", "yes"), Ask: askField, Parse: parseField},
		Step{Key: "kin", When: is("field", "kin"), Ask: askKin, Parse: parseKin},
		Step{Key: "value", When: isNot("tell", "yes"), Ask: askValue, Parse: parseValue},
		Step{Key: "why", When: isNot("tell", "yes"), Ask: askWhy, Parse: parseFact},
		Step{Key: "ok", Ask: confirmCorrect, Parse: confirm("words", "field", "kin", "value", "why")},
	),
}

// field is one that can be corrected in chat; with fixed words where the workbook has them.
type field struct {
	key, name string
	was       func(Sheet, Answers) string
	words     []string
	fixed     bool // nothing but these words
}

var fields = []field{
	{"phone", "电话", func(s Sheet, _ Answers) string { return Mask(s.Elder.Phone) }, nil, false},
	{"address", "住址", func(s Sheet, _ Answers) string { return s.Elder.Address }, nil, false},
	{"kin", "子女电话", func(s Sheet, a Answers) string { return Mask(kinOf(s, a["kin"]).Phone) }, nil, false},
	{"living", "居住状况", func(s Sheet, _ Answers) string { return s.Elder.Living }, []string{"独居", "空巢", "与重度残疾子女同住", "与家人同住"}, false},
	{"selfcare", "自理能力", func(s Sheet, _ Answers) string { return s.Elder.SelfCare }, []string{"自理", "半失能", "失能"}, true},
	{"health", "健康", func(s Sheet, _ Answers) string { return s.Elder.Health }, nil, false},
	{"tier", "级别", func(s Sheet, _ Answers) string { return string(s.Tier) },
		[]string{string(ledger.TierOrdinary), string(ledger.TierKey)}, true},
}

func (a Answers) field() field {
	i := slices.IndexFunc(fields, func(f field) bool { return f.key == a["field"] })
	return fields[max(i, 0)]
}

// newKin is the choice of a relative who is not on the ledger yet.
const newKin = "+"

func kinOf(s Sheet, name string) ledger.Kin {
	i := slices.IndexFunc(s.Kin, func(k ledger.Kin) bool { return k.Name == name })
	if i < 0 {
		return ledger.Kin{}
	}
	return s.Kin[i]
}

func (a Answers) sheet(v View) Sheet {
	e, _ := a.subject(v)
	s, _ := v.Sheet(e.ID)
	return s
}

func askWrong(a Answers, in Input) Prompt {
	e, _ := a.subject(in.View)
	return Prompt{Text: "资料由" + orElse(names(in.View.Keepers(e.ID)), "档案员") + "改。" + title(a, in) + "哪里不对?说一句,我替您转过去。"}
}

func parseWrong(raw string, in Input) (string, error) {
	v, err := parseFact(raw, in)
	if err == nil && v == "" {
		return "", Hint("哪里不对?说一句;不改了就说「取消」。")
	}
	return v, err
}

func askField(a Answers, in Input) Prompt {
	c := ledger.Choice{Key: "field", Title: "改什么", Picked: []string{orElse(a["was.field"], fields[0].key)}}
	for _, f := range fields {
		c.Options = append(c.Options, ledger.Option{ID: f.key, Text: f.name})
	}
	return Prompt{Card: &ledger.Card{Title: title(a, in), Desc: "改哪一项?", Selects: []ledger.Choice{c}, Submit: chosen}}
}

func parseField(raw string, _ Input) (string, error) {
	raw = fold(raw)
	for _, f := range fields {
		if raw == f.key || raw == f.name {
			return f.key, nil
		}
	}
	return "", Hint("改哪一项?请从卡片上选。")
}

func askKin(a Answers, in Input) Prompt {
	c := ledger.Card{Title: title(a, in) + "哪一位家属?"}
	for _, k := range a.sheet(in.View).Kin {
		if len(c.Buttons) < 5 {
			c.Buttons = append(c.Buttons, ledger.Button{Key: k.Name, Text: clip(k.Name+" "+k.Relation, buttonWidth), Style: 1})
		}
	}
	c.Buttons = append(c.Buttons, ledger.Button{Key: newKin, Text: "新添一位", Style: 2})
	return Prompt{Card: &c}
}

func parseKin(raw string, in Input) (string, error) {
	if raw = fold(raw); raw == newKin || kinOf(in.answers.sheet(in.View), raw).Name != "" {
		return raw, nil
	}
	return "", Hint("是哪一位家属?请点卡片上的按钮。")
}

func askValue(a Answers, in Input) Prompt {
	f := a.field()
	switch {
	case len(f.words) > 0:
		c := ledger.Card{Title: title(a, in) + "的" + f.name + "改成什么?"}
		for _, w := range f.words {
			c.Buttons = append(c.Buttons, ledger.Button{Key: w, Text: w, Style: 1})
		}
		if !f.fixed {
			c.Desc = "点一个;别的直接打。"
		}
		return Prompt{Card: &c}
	case f.key == "phone":
		return Prompt{Text: title(a, in) + "的新电话是多少?"}
	case a["kin"] == newKin:
		return Prompt{Text: "这位子女叫什么、电话多少?写在一行里。"}
	case f.key == "kin":
		return Prompt{Text: a["kin"] + "的新电话是多少?"}
	}
	return Prompt{Text: title(a, in) + "的" + f.name + "改成什么?说一句。"}
}

func parseValue(raw string, in Input) (string, error) {
	f := in.answers.field()
	v, err := parseFact(raw, in)
	switch said := fold(v); {
	case err == nil && said != "" && said == f.was(in.answers.sheet(in.View), in.answers):
		return "", Hint("台账里就是「" + clip(said, 20) + "」。改成别的,或说「取消」。")
	case err != nil:
		return "", err
	case said == "":
		return "", Hint("改成什么?不改了就说「取消」。")
	case f.key == "phone" || f.key == "kin":
		if phoneIn(v) == "" {
			return "", Hint("没看到电话号码。手机是11位,座机带上区号。")
		}
		return v, nil
	case f.fixed && !slices.Contains(f.words, said):
		return "", Hint("请点卡片上的按钮。")
	case f.key == "living":
		return clip(said, 32), nil
	case said == "-": // it would empty the field
		return "", Hint("改成什么?说一句。")
	}
	return v, nil
}

func askWhy(_ Answers, _ Input) Prompt {
	return Prompt{Text: "为什么改?说一句;不用写就说「跳过」。"}
}

func confirmCorrect(a Answers, in Input) Prompt {
	e, _ := a.subject(in.View)
	c := ledger.Card{Title: title(a, in), Buttons: confirmButtons}
	if a["tell"] != "" {
		c.Desc = "确认后转给" + orElse(names(in.View.Keepers(e.ID)), "档案员") + "。"
		c.Rows = []ledger.CardRow{{Name: "要改", Value: clip(a["words"], valueWidth)}}
		return Prompt{Card: &c}
	}
	f := a.field()
	c.Desc = "改" + f.name
	if a["kin"] != "" && a["kin"] != newKin {
		c.Desc = "改" + a["kin"] + "的电话"
	}
	c.Rows = []ledger.CardRow{{Name: "原来", Value: clip(orElse(f.was(a.sheet(in.View), a), "没有登记"), valueWidth)},
		{Name: "改为", Value: clip(a["value"], valueWidth)}, {Name: "原因", Value: clip(why(a), valueWidth)}}
	return Prompt{Card: &c, Look: e.ID}
}

func why(a Answers) string { return orElse(a["why"], "核对更正") }

func correctDone(a Answers, in Input) Result {
	v := in.View
	e, ok := a.subject(v)
	switch {
	case ok && a["tell"] != "":
		return askKeeper(a, in, e)
	case !ok || !e.Access.Correct:
		return outOfReach()
	}
	f, s := a.field(), a.sheet(v)
	b := ledger.Book{Elders: []ledger.Elder{{ID: e.ID}}}
	was := f.was(s, a)
	switch f.key {
	case "living":
		b.Elders[0].Living = a["value"]
	case "selfcare":
		b.Elders[0].SelfCare = a["value"]
	case "health":
		b.Elders[0].Health = a["value"]
	case "tier":
		b = ledger.Book{Tierings: []ledger.Tiering{{ElderID: e.ID, Tier: ledger.Tier(a["value"])}}}
	case "kin":
		kin := a["kin"]
		if kin == newKin {
			kin = ""
		}
		b, was = factBook(e.ID, f.key, kin, a["value"], in.Today), kinOf(s, kin).Phone
	default:
		b = factBook(e.ID, f.key, "", a["value"], in.Today)
		if f.key == "phone" {
			was = s.Elder.Phone
		}
	}
	if was == a["value"] || was != "" && (f.key == "phone" || f.key == "kin") && was == phoneIn(a["value"]) {
		return unchanged(e.full() + "的" + f.name + "在台账里就是这样写的。")
	}
	res := receipt("✓ 改好了", "改好了", e, f.name+"已改到台账里。")
	res.Changes.Edits = []ledger.Edit{edit(in, why(a), b)}
	if f.key == "tier" { // what is owed changes with it (002 三(三))
		res.Changes.Messages = inform(in, s.Visitors, e.full()+"从今天起按"+a["value"]+"巡访,次数请看「待办」。")
	}
	return res
}

// askKeeper passes on what somebody says is wrong; the ledger stays as it is.
func askKeeper(a Answers, in Input, e Elder) Result {
	to := in.View.Keepers(e.ID)
	if len(to) == 0 {
		return receipt("还没有登记档案员", "没有转", e, "请直接打电话告诉乡镇民政办。")
	}
	res := receipt("✓ 转给"+names(to)+"了", "转过去了", e, "改资料归档案员,核对后改。")
	res.Changes.Messages = hand(in, to, "correct", ledger.Card{Title: "改资料:" + e.full(), Desc: in.View.Name + "说:", Sub: a["words"],
		Buttons: []ledger.Button{{Key: "go:correct:" + e.ID, Text: "去改", Style: 1}, {Key: "go:no", Text: "不改", Style: 2}}})
	return res
}
