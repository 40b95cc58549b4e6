package flows

import (
	"slices"
	"strings"
	"time"

	"xunfang/ledger"
)

// acted is what becomes of a tap or word about an emergency: a step of the case, or none where nothing changes; what the tapped card
// turns into, and the same in words.
type acted struct {
	step  ledger.CaseStep
	words []ledger.WordStep // to the family
	edits []ledger.Edit
	card  ledger.Card
	text  string
	say   string       // said besides
	then  *ledger.Card // a card that follows
	wait  Answers      // a line typed next answers it
}

func (a acted) changes() ledger.Changes {
	c := ledger.Changes{Edits: a.edits, Words: a.words}
	if len(a.step.Events) > 0 {
		c.Cases = []ledger.CaseStep{a.step}
	}
	return c
}

// deed is something that can be done about an emergency, and by whom.
type deed struct {
	may   func(CaseView) bool
	do    func(in Input, f ledger.CaseFile, c CaseView, arg string) acted
	after bool // also when it has ended
}

var alarmDeeds = map[string]deed{
	"take":    {may: CaseView.acts, do: take},
	"news":    {may: CaseView.acts, do: news},
	"pass":    {may: CaseView.acts, do: pass},
	"to":      {may: CaseView.acts, do: passTo},
	"dialed":  {may: CaseView.any, do: dialed},
	"with":    {may: CaseView.any, do: with},
	"kind":    {may: CaseView.any, do: kind},
	"who":     {may: CaseView.any, do: whose},
	"doubt":   {may: CaseView.mine, do: doubt},
	"doubted": {may: CaseView.mine, do: doubted},
	"false":   {may: CaseView.heads, do: isFalse},
	"claim":   {may: func(c CaseView) bool { return c.dept() != "" }, do: claim},
	"end":     {may: CaseView.closes, do: end},
	"over":    {may: CaseView.closes, do: over},
	"family":  {may: CaseView.closes, do: family, after: true},
	"tell":    {may: CaseView.closes, do: tell},
	"see":     {may: CaseView.any, do: see, after: true},
	"back":    {may: CaseView.any, do: back},
}

func (c CaseView) any() bool    { return c.Sight > ledger.CaseNone }
func (c CaseView) mine() bool   { return reported(c.CaseFile, c.User) }
func (c CaseView) heads() bool  { return c.Leads && c.acts() }
func (c CaseView) closes() bool { return c.Owner == c.User || c.heads() }

// onCase obeys a button about a case: VERB:KEY, and what the verb needs besides. It works as long as the speaker may see the case.
func (t *turn) onCase(arg string) {
	verb, rest, _ := strings.Cut(arg, ":")
	key, rest, _ := strings.Cut(rest, ":")
	if t.s.Form == caseForm.Name { // what it asks is answered here, or given up
		t.clear()
	}
	c, ok := t.in.View.caseOf(key)
	switch {
	case !ok:
		t.stale()
	case c.Kind != ledger.CaseAlarm:
		t.onMatter(verb, c)
		t.done("好") // where it has not said more itself
	case verb == "who":
		t.meant(c, rest)
	default:
		t.deal(verb, c, rest)
	}
}

// meant says which elder a report was about. Where it was put to the case of another, of whose name the reporter knows nothing, it is
// an emergency of its own.
func (t *turn) meant(c CaseView, id string) {
	f, ok := t.in.View.file(c.Key)
	e := t.in.View.find(id)
	said, joined := c.did(ledger.EventJoined)
	if ok && e != nil && joined && t.in.View.unseen(f.Case) {
		t.alarm(alert{about: said.Text, what: f.What, elders: []string{id}, sure: true, drill: f.Drill})
		return
	}
	t.deal("who", c, id)
}

// stale answers the card of a case that is not the speaker's, or was never one.
func (t *turn) stale() {
	t.done("已过时")
	t.say("这张卡片已经办过或过时了,什么都没有改。")
}

// deal does something about an emergency.
func (t *turn) deal(verb string, c CaseView, arg string) {
	f, there := t.in.View.file(c.Key)
	d, known := alarmDeeds[verb]
	switch {
	case !there || !known || !d.may(c):
		t.stale()
	case c.State.Over() && !d.after:
		t.acted(c, acted{card: ledger.Card{Title: c.headline(), Desc: clip(c.end(t.in), 44), Done: "已结束"}, text: ended(f, t.in)})
	default:
		if c.Sight == ledger.CaseAll && c.acts() && f.ElderID != "" && (verb == "take" || verb == "see" || verb == "back") {
			t.looked(f.ElderID, ledger.LookCall)
		}
		t.acted(c, d.do(t.in, f, c, arg))
	}
}

// acted puts out what became of it: the tapped card changes, and where none was tapped the same is said.
func (t *turn) acted(c CaseView, a acted) {
	t.merge(a.changes())
	switch {
	case t.in.Code != "":
		card := a.card
		t.send(ledger.Message{Code: t.in.Code, Card: &card, Fallback: drillMark(c.Case) + a.text})
	case len(a.card.Buttons) > 0:
		t.card(a.card)
	default:
		t.say(drillMark(c.Case) + a.text)
	}
	t.say(a.say)
	if a.then != nil {
		t.card(*a.then)
	}
	if a.wait != nil {
		t.park()
		a.wait["case"] = c.Key
		t.s.Draft = Draft{Form: caseForm.Name, Answers: a.wait, ID: t.in.Key, Step: "line"}
	}
}

// stays is an answer that changes nothing.
func stays(in Input, c CaseView, text string) acted {
	card := c.card(in)
	card.Desc = clip(text, 44)
	return acted{card: card, text: text}
}

// changed is an answer with what the case has become.
func changed(in Input, c CaseView, step ledger.CaseStep, text string) acted {
	c.CaseFile = c.With(step)
	card := c.card(in)
	card.Desc = clip(text, 44)
	return acted{step: step, card: card, text: text}
}

// noted is what somebody did; done by whoever may act, the case is not silent.
func noted(in Input, f ledger.CaseFile, c CaseView, e ledger.Event) ledger.CaseStep {
	step := f.Step()
	e.By, e.At, e.Wave = in.User, in.Now, f.Wave
	step.Add(e)
	if c.acts() {
		heardFrom(&step, in)
	}
	return step
}

// heardFrom moves on when a case that somebody acts on is looked at again.
func heardFrom(step *ledger.CaseStep, in Input) {
	if until := in.Now.Add(in.View.Rules.Quiet); step.Case.State == ledger.CaseTaken && until.After(step.Case.Due) {
		step.Case.Due = until
	}
}

func take(in Input, f ledger.CaseFile, c CaseView, _ string) acted {
	taken, _ := takenOf(f)
	switch {
	case f.Owner == in.User:
		return stays(in, c, "您"+clock(taken.At, in)+"已经接了。有进展点一下。")
	case f.Owner != "":
		return stays(in, c, c.name(f.Owner)+clock(taken.At, in)+"已经接了。您也去就点「我也去」。")
	}
	a := changed(in, c, taking(in, f), "您接了。有进展点一下,别人就不用再找人。")
	a.then = askFamily(in, f.With(a.step), c)
	return a
}

// taking makes the speaker the owner.
func taking(in Input, f ledger.CaseFile) ledger.CaseStep {
	step := f.Step()
	step.Case.State, step.Case.Owner, step.Case.Due = ledger.CaseTaken, in.User, in.Now.Add(in.View.Rules.Quiet)
	step.Add(ledger.Event{Kind: ledger.EventTaken, By: in.User, Wave: f.Wave, At: in.Now})
	return step
}

var newsOptions = []ledger.Option{{ID: "arrived", Text: "已到现场"}, {ID: "hospital", Text: "已送医院"}, {ID: "still", Text: "还在处理"}}

// optionText is what an option's id stands for, "" where it is none.
func optionText(all []ledger.Option, id string) string {
	if i := slices.IndexFunc(all, func(o ledger.Option) bool { return o.ID == id }); i >= 0 {
		return all[i].Text
	}
	return ""
}

// news is progress. Who had it before the ladder began anew has it again.
func news(in Input, f ledger.CaseFile, c CaseView, arg string) acted {
	text := clip(strings.TrimSpace(orElse(optionText(newsOptions, arg), arg)), saidWidth)
	last, ok := f.Last(ledger.EventNews)
	if text == "" || ok && last.By == in.User && last.Text == text && (arg != "still" || in.Now.Sub(last.At) < time.Minute) {
		return stays(in, c, "已经记了:"+orElse(last.Text, "还没有进展")+"。")
	}
	step := f.Step()
	if taken, _ := takenOf(f); f.Owner == "" && taken.By == in.User {
		step = taking(in, f)
	}
	step.Add(ledger.Event{Kind: ledger.EventNews, By: in.User, Wave: f.Wave, Text: text, At: in.Now})
	heardFrom(&step, in)
	return changed(in, c, step, "记下了:"+text+"。办完请点「结束」。")
}

// passMost is how many people are offered: beside them a card has room for the way back.
const passMost = 5

// heirs are those to whom a case can be given: the leads near the speaker, then colleagues; nobody of the family where somebody of it
// may be behind it.
func heirs(in Input, f ledger.CaseFile, said string) []Person {
	v := in.View
	var kin []ledger.Kin
	if s, ok := v.sheet(f.ElderID); ok && ledger.AlarmOf(f.What).Hidden {
		kin = s.Kin
	}
	all := slices.Clone(v.Leads)
	if v.People != nil {
		all = append(all, v.People(said)...)
	}
	var out []Person
	for _, p := range all {
		family := slices.ContainsFunc(kin, func(k ledger.Kin) bool { return k.Name == p.Name })
		twice := slices.ContainsFunc(out, func(o Person) bool { return o.UserID == p.UserID })
		named := said == "" || p.Name == said || p.UserID == said
		if named && !family && !twice && p.UserID != in.User && p.UserID != f.Owner {
			out = append(out, p)
		}
	}
	return out
}

func pass(in Input, f ledger.CaseFile, c CaseView, _ string) acted {
	card := ledger.Card{Title: clip("转给谁?"+c.about(), 36), Desc: "点一个,或打名字。转出去以后还没有人接的话,会接着找人。"}
	var to []ledger.Option
	for _, p := range heirs(in, f, "") {
		to = append(to, ledger.Option{ID: p.UserID, Text: p.Name})
	}
	card.Buttons = append(c.offers("to", to[:min(len(to), passMost)]), c.button("back", "返回", 2))
	return acted{card: card, text: "转给谁?请打名字。", wait: Answers{"act": "to"}}
}

// passTime is how long whoever a case is given to has before the ladder goes on where it was.
const passTime = 5 * time.Minute

func passTo(in Input, f ledger.CaseFile, c CaseView, arg string) acted {
	people := heirs(in, f, arg)
	if len(people) != 1 {
		return stays(in, c, "没有找到这个人,没有转。")
	}
	to := people[0]
	if last, ok := f.Last(ledger.EventPassed, ledger.EventTaken); ok && last.Kind == ledger.EventPassed && last.To == to.UserID {
		return stays(in, c, clock(last.At, in)+"已经转给"+to.Name+"了。")
	}
	step := f.Step()
	step.Case.State, step.Case.Owner, step.Case.Due = ledger.CaseOpen, "", in.Now.Add(passTime)
	step.Add(ledger.Event{Kind: ledger.EventPassed, By: in.User, To: to.UserID, Wave: f.Wave, At: in.Now})
	step.Add(ledger.Event{Kind: ledger.EventTold, By: in.User, To: to.UserID, Wave: f.Wave, Rung: max(f.Rung-1, 0), Message: wordKey(step, to.UserID), At: in.Now})
	return changed(in, c, step, "转给"+to.Name+"了,等"+to.Name+"接。您能去还是可以接。")
}

// picked is the kind chosen on the tapped card.
func picked(in Input) string {
	if ids := in.Picks["what"]; len(ids) == 1 {
		return ledger.AlarmOf(ids[0]).Key
	}
	return ""
}

// also takes over the kind chosen beside a button, and says which number to call then.
func also(in Input, f ledger.CaseFile, step *ledger.CaseStep) string {
	learn(step, ledger.Case{What: picked(in)}, in)
	if step.Case.What == f.What {
		return ""
	}
	return drillMark(f.Case) + firstWords(in.View, step.Case)
}

func dialed(in Input, f ledger.CaseFile, c CaseView, _ string) acted {
	number := ledger.AlarmOf(f.What).Number
	if e, done := c.did(ledger.EventDialed); done {
		return stays(in, c, clock(e.At, in)+"已经记了您打过"+orElse(number, "电话")+"。")
	}
	step := noted(in, f, c, ledger.Event{Kind: ledger.EventDialed, Text: number})
	say := also(in, f, &step)
	a := changed(in, c, step, "记下了:已打"+orElse(number, "电话")+"。请保持电话畅通。")
	a.say = say
	return a
}

func with(in Input, f ledger.CaseFile, c CaseView, _ string) acted {
	if e, done := c.did(ledger.EventWith); done {
		return stays(in, c, clock(e.At, in)+"已经记了您在。")
	}
	text, said := "陪着老人", "记下了:您陪着。别走开,有变化说一句。"
	if c.acts() {
		text, said = "也去", "记下了:您也去。"
	}
	step := noted(in, f, c, ledger.Event{Kind: ledger.EventWith, Text: text})
	say := also(in, f, &step)
	a := changed(in, c, step, said)
	a.say = say
	return a
}

func kind(in Input, f ledger.CaseFile, c CaseView, _ string) acted {
	step := f.Step()
	say := also(in, f, &step)
	if len(step.Events) == 0 {
		return stays(in, c, "先在上面选是什么事,再点一下。")
	}
	a := changed(in, c, step, "记下了:"+ledger.AlarmOf(step.Case.What).Name+",已转过去。")
	a.say = say
	return a
}

// whose says which elder was meant.
func whose(in Input, f ledger.CaseFile, c CaseView, arg string) acted {
	e := in.View.find(arg)
	unseen := f.By == in.User && in.View.unseen(f.Case) // a name that somebody out of sight bears: it was not meant
	if e == nil || f.ElderID != "" && !unseen || !c.mine() && !c.acts() {
		return stays(in, c, "已经记了,没有改。")
	}
	step := f.Step()
	step.Case.ElderID = ""
	learn(&step, ledger.Case{ElderID: e.ID, Region: e.Region}, in)
	return acted{step: step, card: ledger.Card{Title: e.full(), Desc: "已转过去,他们知道去谁家了。", Done: "已转过去"}, text: e.full() + ",已转过去。"}
}

// doubt asks once before those who are on their way hear of it.
func doubt(in Input, f ledger.CaseFile, c CaseView, _ string) acted {
	if e, done := c.did(ledger.EventDoubt); done {
		return stays(in, c, clock(e.At, in)+"已经告诉他们了,等负责人核实。")
	}
	return acted{card: ledger.Card{Title: "确实搞错了吗?", Desc: "确实没有人遇到危险再点。他们会再核实一下。",
		Buttons: []ledger.Button{c.button("doubted", "确实搞错了", 1), c.button("back", "没搞错", 2)}}, text: "确实搞错了吗?"}
}

func doubted(in Input, f ledger.CaseFile, c CaseView, _ string) acted {
	if _, done := c.did(ledger.EventDoubt); done {
		return doubt(in, f, c, "")
	}
	step := f.Step()
	step.Add(ledger.Event{Kind: ledger.EventDoubt, By: in.User, Wave: f.Wave, At: in.Now})
	return changed(in, c, step, "已告诉他们可能是搞错了,等负责人核实。")
}

func claim(in Input, f ledger.CaseFile, c CaseView, _ string) acted {
	if e, done := c.did(ledger.EventTaken); done {
		return stays(in, c, clock(e.At, in)+" 您已认领。")
	}
	step := f.Step()
	step.Add(ledger.Event{Kind: ledger.EventTaken, By: in.User, Level: ledger.RoleDept, Dept: c.dept(), Wave: f.Wave, At: in.Now})
	return changed(in, c, step, "认领了,已告诉村里和乡里。请联系报告人。")
}

func see(in Input, _ ledger.CaseFile, c CaseView, _ string) acted {
	a := stays(in, c, "进展在下面。")
	if in.Code == "" {
		return acted{text: c.timeline(in)}
	}
	a.say = c.timeline(in)
	return a
}

func back(in Input, _ ledger.CaseFile, c CaseView, _ string) acted {
	card := c.card(in)
	return acted{card: card, text: c.state(in)}
}
