package flows

import (
	"fmt"
	"slices"
	"strings"

	"xunfang/ledger"
)

// assignForm says who is responsible for an elder from today on (002 五: 指派专人); whoever was until now is told, too.
var assignForm = Form{
	Name:  "assign",
	Title: affairTitle("换巡访员"),
	Done:  assignDone,
	Steps: append(whom("assign"),
		Step{Key: "to", Ask: askAssignee, Parse: parseAssignee},
		Step{Key: "ok", Ask: confirmAssign, Parse: confirm("to")},
	),
}

// assignees are those who could take over: everybody in question but who has the elder already. Two of one name are told
// apart by account.
func assignees(a Answers, v View) []ledger.Option {
	e, ok := a.subject(v)
	if !ok {
		return nil
	}
	s, _ := v.Sheet(e.ID)
	all := v.Visitors(e.ID)
	var out []ledger.Option
	for _, p := range all {
		if len(s.Visitors) == 1 && p == s.Visitors[0] {
			continue
		}
		text := p.Name
		if slices.ContainsFunc(all, func(o Person) bool { return o.Name == p.Name && o != p }) {
			text += " " + p.UserID
		}
		out = append(out, ledger.Option{ID: p.UserID, Text: clip(text, optionWidth)})
	}
	return out
}

// WeCom allows ten options in a drop-down (wecom/90236).
const mostOptions = 10

func askAssignee(a Answers, in Input) Prompt {
	opts := assignees(a, in.View)
	if len(opts) == 0 {
		return Prompt{Text: "这里没有别的巡访员可选。请乡镇先登记巡访员,再说「指派」。"}
	}
	e, _ := a.subject(in.View)
	s, _ := in.View.Sheet(e.ID)
	c := ledger.Card{Title: e.full() + "交给谁?", Desc: "现在还没有巡访员。", Submit: chosen}
	if len(s.Visitors) > 0 {
		c.Desc = "现在是" + names(s.Visitors) + "。"
	}
	if len(opts) > mostOptions {
		c.Desc += "下面没有的,直接打名字。"
	}
	opts = opts[:min(len(opts), mostOptions)]
	picked := max(0, slices.IndexFunc(opts, func(o ledger.Option) bool { return o.ID == a["was.to"] }))
	c.Selects = []ledger.Choice{{Key: "to", Title: "巡访员", Options: opts, Picked: []string{opts[picked].ID}}}
	return Prompt{Card: &c}
}

func parseAssignee(raw string, in Input) (string, error) {
	said := fold(raw)
	var hits []string
	for _, o := range assignees(in.answers, in.View) {
		if name, _, _ := strings.Cut(o.Text, " "); o.ID == said || o.Text == said || name == said {
			hits = append(hits, o.ID)
		}
	}
	switch len(hits) {
	case 1:
		return hits[0], nil
	case 0:
		return "", Hint("换给谁?请从卡片上选,或打另一位巡访员的名字。")
	}
	return "", Hint("有几位叫「" + clip(said, 10) + "」,请从卡片上选。")
}

func confirmAssign(a Answers, in Input) Prompt {
	e, _ := a.subject(in.View)
	s, _ := in.View.Sheet(e.ID)
	return Prompt{Card: &ledger.Card{
		Title: title(a, in), Desc: "从今天起换人。" + done(e, in.View),
		Rows: []ledger.CardRow{{Name: "现在", Value: clip(orElse(names(s.Visitors), "还没有"), valueWidth)},
			{Name: "换成", Value: clip(nameOf(in.View.Visitors(e.ID), a["to"]), valueWidth)}},
		Buttons: confirmButtons,
	}}
}

func nameOf(people []Person, id string) string {
	for _, p := range people {
		if p.UserID == id {
			return p.Name
		}
	}
	return id
}

// done is what has been done of the period's visits, where the speaker has it in view: a new visitor goes on from there
// (requirements §3 case 5: the month is not reset).
func done(e Elder, v View) string {
	full := v.find(e.ID)
	if full == nil {
		return ""
	}
	for _, d := range full.Duties {
		switch {
		case d.Done > 0:
			return fmt.Sprintf("%s已看过%d/%d次,接着算。", d.Period.Name(), d.Done, d.Need)
		case d.Need > 0:
			return fmt.Sprintf("%s要看%d次,还没看过。", d.Period.Name(), d.Need)
		}
	}
	return ""
}

func assignDone(a Answers, in Input) Result {
	v := in.View
	e, ok := a.subject(v)
	if !ok || !e.Access.Assign || !slices.ContainsFunc(v.Visitors(e.ID), func(p Person) bool { return p.UserID == a["to"] }) {
		return outOfReach()
	}
	if text := needless("assign", a, in); text != "" {
		return unchanged(text)
	}
	s, _ := v.Sheet(e.ID)
	to := Person{a["to"], nameOf(v.Visitors(e.ID), a["to"])}
	if len(s.Visitors) == 1 && s.Visitors[0] == to { // somebody else was faster
		return unchanged(e.full() + "现在就是" + to.Name + "负责。")
	}
	former := slices.DeleteFunc(slices.Clone(s.Visitors), func(p Person) bool { return p == to })
	was, both := "原来没有", ",已告诉"+to.Name+"。"
	if len(former) > 0 {
		was, both = "原来是"+names(former), ",两边都告诉了。"
	}
	res := receipt("✓ 换好了", "换好了", e, "从今天起由"+to.Name+"负责("+was+")"+both)
	res.Changes.Edits = []ledger.Edit{edit(in, "指派", ledger.Book{Assignments: []ledger.Assignment{{ElderID: e.ID, UserID: to.UserID}}})}
	news := "从今天起," + e.full() + "由您负责。" + done(e, v)
	if s.Elder.Address != "" {
		news += "\n住址:" + s.Elder.Address
	}
	res.Changes.Messages = append(inform(in, []Person{to}, news+"\n说「名册」看您名下的老人。"),
		inform(in, former, fmt.Sprintf("从今天起,%s由%s接手。之前看过、还没记的,请告诉村里补上。", e.full(), to.Name))...)
	return res
}
