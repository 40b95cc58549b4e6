package flows

import (
	"slices"
	"strings"

	"xunfang/ledger"
)

// moveForm takes down that an elder lives elsewhere now (002 五: 属地管理). Nobody is dropped: the visitor stays until another
// takes over, and the leads of the new place are asked to say who.
var moveForm = Form{
	Name:  "move",
	Title: affairTitle("搬家"),
	Done:  moveDone,
	Steps: append(whom("move"),
		Step{Key: "to", Ask: askPlaceOf, Parse: parsePlace},
		Step{Key: "place", When: severalPlaces, Ask: askWhichPlace, Parse: parseWhichPlace},
		Step{Key: "address", When: isNot("to", samePlace), Ask: askAddress, Parse: parseFact},
		Step{Key: "ok", When: isNot("to", samePlace), Ask: confirmMove, Parse: confirm("to", "place", "address")},
	),
}

// samePlace is the answer of who names the place where the elder is on the ledger already.
const samePlace = "="

func severalPlaces(a Answers) bool { return strings.HasPrefix(a["to"], "?") }

func askPlaceOf(a Answers, in Input) Prompt {
	return Prompt{Text: title(a, in) + "搬到哪里?说村名和组,比如「通桥村二组」。"}
}

// parsePlace takes a village or group by name; what fits several is kept as "?a,b". A group without its village is first
// looked for in the elder's own.
func parsePlace(raw string, in Input) (string, error) {
	said := strings.ReplaceAll(fold(raw), " ", "")
	said = strings.TrimPrefix(strings.TrimPrefix(said, "搬到"), "迁到")
	e, _ := in.answers.subject(in.View)
	now := placeAt(in.View, e.Region)
	all := in.View.Places(said)
	if here := in.View.Places(e.Village + said); len(all) > 1 && len(here) == 1 {
		all = here
	}
	switch {
	case len(all) == 0:
		return "", Hint("没找到「" + clip(said, 10) + "」。请说村名和组,比如「通桥村二组」;搬出本县说「迁出」。")
	case len(all) > 6:
		return "", Hint("有好几个「" + clip(said, 10) + "」,请带上村名再说。")
	case len(all) > 1:
		codes := make([]string, len(all))
		for i, p := range all {
			codes[i] = p.Code
		}
		return "?" + strings.Join(codes, ","), nil
	case all[0].Code == e.Region, all[0].Name == now.Village: // the village without a group says nothing new
		return samePlace, nil
	}
	return all[0].Code, nil
}

func placeAt(v View, code string) Place {
	all := v.Places(code)
	if i := slices.IndexFunc(all, func(p Place) bool { return p.Code == code }); i >= 0 {
		return all[i]
	}
	return Place{Code: code}
}

func askWhichPlace(a Answers, in Input) Prompt {
	c := ledger.Card{Title: "是哪一个?"}
	for _, code := range strings.Split(strings.TrimPrefix(a["to"], "?"), ",") {
		c.Buttons = append(c.Buttons, ledger.Button{Key: code, Text: clip(placeAt(in.View, code).Name, buttonWidth), Style: 1})
	}
	return Prompt{Card: &c}
}

func parseWhichPlace(raw string, in Input) (string, error) {
	if slices.Contains(strings.Split(strings.TrimPrefix(in.answers["to"], "?"), ","), raw) {
		return raw, nil
	}
	return "", Hint("是哪一个?请点卡片上的按钮。")
}

// place is where the elder moves to.
func (a Answers) place(v View) Place { return placeAt(v, orElse(a["place"], a["to"])) }

func askAddress(a Answers, in Input) Prompt {
	e, _ := a.subject(in.View)
	_, there := apart(e, placeAt(in.View, e.Region), a.place(in.View))
	return Prompt{Text: "搬到" + there + ",门牌或住在谁家?说一句;不知道就说「跳过」。"}
}

func confirmMove(a Answers, in Input) Prompt {
	e, _ := a.subject(in.View)
	to, now := a.place(in.View), placeAt(in.View, e.Region)
	here, there := apart(e, now, to)
	c := ledger.Card{Title: title(a, in) + "搬家", Desc: "确认后台账改到新地方。", Buttons: confirmButtons,
		Rows: []ledger.CardRow{{Name: "原来", Value: clip(here, valueWidth)}, {Name: "搬到", Value: clip(there, valueWidth)},
			{Name: "住址", Value: clip(orElse(a["address"], "还不知道"), valueWidth)}}}
	if to.Village != now.Village {
		c.Desc = "有人接手以前,还由现在的巡访员看望。"
	}
	return Prompt{Card: &c}
}

// moveDone writes the new place. The old address, and where it lies on the map, would lead a doctor to the wrong door: they
// go even when the new ones are not known yet.
func moveDone(a Answers, in Input) Result {
	v := in.View
	e, ok := a.subject(v)
	if !ok || !e.Access.Assign && !e.Access.Correct {
		return outOfReach()
	}
	if text := needless("move", a, in); text != "" {
		return unchanged(text)
	}
	to, from := a.place(v), placeAt(v, e.Region)
	if a["to"] == samePlace || to.Code == e.Region || to.Name == from.Village {
		return unchanged(e.full() + "登记的就是这里。只改门牌请说「改资料」。")
	}
	s, _ := v.Sheet(e.ID)
	_, there := apart(e, from, to)
	text := "现在住" + there + "。"
	if a["address"] == "" {
		text += "住址知道了再说「改资料」。"
	}
	res := receipt("✓ 改好了", "改好了", e, text)
	res.Changes.Edits = []ledger.Edit{edit(in, "搬家", ledger.Book{
		Elders: []ledger.Elder{{ID: e.ID, Region: to.Code, Address: orElse(a["address"], "-")}},
		Resets: []ledger.Reset{{ElderID: e.ID, Field: ledger.ResetLon}, {ElderID: e.ID, Field: ledger.ResetLat}},
	})}
	if to.Village == from.Village {
		res.Changes.Messages = inform(in, s.Visitors, moved(e, from, to)+","+v.Name+"登记。")
		return res
	}
	res = handOver(res, in, e, from, to, s.Visitors)
	if !v.Oversees(to.Code) && !slices.ContainsFunc(s.Visitors, func(p Person) bool { return p.UserID == in.User }) {
		res.add("以后由那边的负责人照看,您这里看不到了。")
	}
	return res
}

// apart are two places in as few words as tell them apart: the township only where it is another.
func apart(e Elder, from, to Place) (here, there string) {
	township := strings.TrimSuffix(from.Village, e.Village)
	if strings.HasPrefix(to.Name, township) {
		return strings.TrimPrefix(from.Name, township), strings.TrimPrefix(to.Name, township)
	}
	return from.Name, to.Name
}

// moved is the news in a few words.
func moved(e Elder, from, to Place) string {
	here, there := apart(e, from, to)
	return e.Name + "从" + here + "搬到" + there
}

// handOver asks the lead of the new place to say who visits, and tells everybody else concerned.
func handOver(res Result, in Input, e Elder, from, to Place, visitors []Person) Result {
	leads := in.View.Notified(to.Code)
	news := moved(e, from, to) + "," + in.View.Name + "登记。"
	still := "现在还没有巡访员。"
	if len(visitors) > 0 {
		still = "现在还由" + names(visitors) + "看望。"
	}
	rest := in.View.Notified(from.Code)
	if len(leads) > 0 {
		res.Changes.Messages = hand(in, leads[:1], "move", ledger.Card{Title: clip(moved(e, from, to), titleWidth), Desc: still + "请安排接手的人。",
			Buttons: []ledger.Button{{Key: "go:assign:" + e.ID, Text: "安排巡访员", Style: 1}}})
		rest = append(rest, leads[1:]...)
		rest = slices.DeleteFunc(rest, func(p Person) bool { return p == leads[0] })
		res.add("已请" + leads[0].Name + "安排巡访员。")
	} else {
		res.add("请说「指派」安排巡访员。")
	}
	visitors = slices.DeleteFunc(slices.Clone(visitors), func(p Person) bool { return len(leads) > 0 && p == leads[0] })
	res.Changes.Messages = append(res.Changes.Messages, inform(in, visitors, news+"有人接手以前,还请您看望。")...)
	rest = slices.DeleteFunc(rest, func(p Person) bool { return slices.Contains(visitors, p) })
	res.Changes.Messages = append(res.Changes.Messages, inform(in, rest, news+still)...)
	return res
}

// titleWidth is what a phone shows of a card's title, in characters (wecom/90236).
const titleWidth = 36
