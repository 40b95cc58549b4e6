package flows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"xunfang/ledger"
)

// Tellable are the relatives who may be told that an elder needs them: with a number that works, and not those whom the elder does not
// want to hear; the entrusted carer first, then children, then the others (000 二(二): 及时告知家属). Where somebody of the family may be
// behind something, nobody is (002 六(四)).
func Tellable(kin []ledger.Kin, k Kinship) []ledger.Kin {
	if k.Hidden {
		return nil
	}
	var out []ledger.Kin
	for _, x := range kin {
		if x.Phone != "" && x.Dead == "" && !ledger.Blocked(k.Acts, x.Name) {
			out = append(out, x)
		}
	}
	slices.SortStableFunc(out, func(a, b ledger.Kin) int { return nearness(a) - nearness(b) })
	return out
}

func nearness(k ledger.Kin) int {
	switch {
	case k.Carer:
		return 0
	case !strings.ContainsAny(k.Relation, "侄孙甥媳婿") && strings.ContainsAny(k.Relation, "儿子女"):
		return 1
	}
	return 2
}

// threadOf is the WeChat that is bound as a relative's, "" none.
func (k Kinship) threadOf(kin string, on ledger.Day) string {
	for _, b := range k.Bonds {
		if b.Kin == kin && b.Holds(on) {
			return b.User
		}
	}
	return ""
}

// relatives are those of an elder who may be told, for the speaker.
func (v View) relatives(elderID string) []ledger.Kin {
	s, ok := v.sheet(elderID)
	if !ok {
		return nil
	}
	return Tellable(s.Kin, v.kinship(elderID))
}

// urgeWord begins a word to the family of an elder at risk (requirements F7).
const urgeWord = "通知家属"

// urgeForm tells an elder's family what happened and asks them to come or call: to the first who may be told; who is not reached is
// followed by the next.
var urgeForm = Form{
	Name:  "urge",
	Open:  []string{urgeWord},
	Title: affairTitle(urgeWord),
	Done:  urgeDone,
	Steps: append(whom("urge"),
		Step{Key: "line", Parse: parseUrge, Ask: func(a Answers, in Input) Prompt {
			return Prompt{Text: "告诉" + title(a, in) + "的家属什么事?说一句,比如「屋里漏雨,请回来看看」。"}
		}},
		Step{Key: "ok", Ask: confirmUrge, Parse: confirm("line")},
	),
}

// urgeSaid obeys 通知家属 马秀兰 屋里漏雨; false where it is something else.
func (t *turn) urgeSaid(said string) bool {
	rest, ok := strings.CutPrefix(said, urgeWord+" ")
	if !ok {
		return false
	}
	name, line, _ := strings.Cut(strings.TrimSpace(rest), " ")
	with := Answers{"elder": among(name, t.in.View, "urge", false)}
	if with["elder"] == "" {
		t.aside(func() { t.say(notYours(name)) })
		return true
	}
	if line != "" {
		in := t.in
		in.answers = with
		if v, err := parseUrge(line, in); err == nil {
			with["line"] = v
		}
	}
	t.begun(urgeForm.Name, with)
	return true
}

func parseUrge(raw string, in Input) (string, error) {
	v, err := parseLine(raw, in)
	if err == nil && v == "" {
		return "", Hint("告诉家属什么事?说一句;不通知了就说「取消」。")
	}
	return clip(v, 120), err
}

// Why there is nobody to be told.
const (
	noKinToTell  = "没有可以通知的家属:台账里没有能打通的号码,或老人不愿意。请打电话问村里。"
	hiddenFamily = "这位老人的事不从这里告诉家属,要不要说、告诉谁由公安和乡镇定。"
)

func confirmUrge(a Answers, in Input) Prompt {
	e, ok := a.subject(in.View)
	if !ok {
		return Prompt{Text: "这位老人现在不归您办。说「取消」。"}
	}
	all := in.View.relatives(e.ID)
	switch {
	case e.gone():
		return Prompt{Text: e.full() + "已登记" + string(e.Away.Kind) + ",不从这里通知家属。说「取消」。"}
	case len(all) == 0 && in.View.kinship(e.ID).Hidden:
		return Prompt{Text: hiddenFamily + "说「取消」。"}
	case len(all) == 0:
		return Prompt{Text: noKinToTell + "说「取消」。"}
	}
	said, told, _ := strings.Cut(urgeText(e, a["line"]), "\n")
	sub := "「" + said + "」"
	if told != "" {
		sub += "\n身体情况只在电话里说:" + told
	}
	return Prompt{Card: &ledger.Card{Title: clip("通知家属:"+e.full(), titleWidth), Desc: "确认后发给家属,也会请人打电话。", Sub: clip(sub, listWidth),
		Rows: []ledger.CardRow{{Name: "先告诉", Value: clip(named(all[0]), valueWidth)}}, Buttons: confirmButtons}}
}

// urgeText is what the family hears. Of health nothing is written: whoever calls says it (PIPL art. 28).
func urgeText(e Elder, line string) string {
	const come = "。请您打个电话,能回来就回来看看。"
	if speaksOfHealth(line) {
		return e.Name + "这边有事要您关心" + come + "\n" + line
	}
	return strings.TrimRight(e.Name+":"+line, "。") + come
}

func urgeDone(a Answers, in Input) Result {
	e, ok := a.subject(in.View)
	if !ok {
		return outOfReach()
	}
	all := in.View.relatives(e.ID)
	if len(all) == 0 || e.gone() {
		return unchanged(noKinToTell)
	}
	k := all[0]
	thread := in.View.kinship(e.ID).threadOf(k.Name, in.Today)
	step := newWord(in, ledger.WordKey("urge", in.Key), e.ID, k.Name, thread, ledger.WordUrge, urgeText(e, a["line"]))
	res := receipt("✓ 通知"+k.Name+"了", "通知了", e, "发给"+named(k)+",并请人打电话。")
	res.Changes.Words = []ledger.WordStep{step}
	return res
}

// telling is the word in the timeline that the family was told through the system.
const telling = "通知家属"

// tellable says whether the family of a case's elder is told from here: nobody where somebody of it may be behind it, and nobody of
// a drill (H6; 002 六(四)).
func (c CaseView) tellable(f ledger.CaseFile) bool {
	return c.Sight == ledger.CaseAll && f.ElderID != "" && !f.Drill && !ledger.AlarmOf(f.What).Hidden
}

// told says who had the family told, "" nobody.
func toldFamily(f ledger.CaseFile) (ledger.Event, bool) {
	for _, e := range f.Timeline {
		if e.Kind == ledger.EventNews && e.Text == telling {
			return e, true
		}
	}
	return ledger.Event{}, false
}

// askFamily offers, to who has taken an emergency, to have the family told at once: a person decides that it is said (H6).
func askFamily(in Input, f ledger.CaseFile, c CaseView) *ledger.Card {
	if _, done := toldFamily(f); done || !c.tellable(f) || f.State.Over() {
		return nil
	}
	all := in.View.relatives(f.ElderID)
	if len(all) == 0 {
		return nil
	}
	var who []string
	for _, k := range all {
		who = append(who, named(k))
	}
	return &ledger.Card{Title: clip("要告诉家属吗?"+c.about(), titleWidth), Desc: "只说有急事、请给您打电话,不说怎么了。",
		Rows:    []ledger.CardRow{{Name: "家属", Value: clip(strings.Join(who, "、"), valueWidth)}},
		Buttons: []ledger.Button{c.button("tell", "告诉家属", 1)}}
}

// tell has every relative who may be told hear of an emergency: what they are sent says no more than whom to call (PIPL art. 13(4), 18);
// who calls them reads what happened.
func tell(in Input, f ledger.CaseFile, c CaseView, _ string) acted {
	card := ledger.Card{Title: clip(c.headline(), 36), Done: "没有改"}
	no := func(text string) acted {
		card.Desc = clip(text, 44)
		return acted{card: card, text: text}
	}
	all := in.View.relatives(f.ElderID)
	switch last, done := toldFamily(f); {
	case !c.tellable(f):
		return no("这件事不从这里告诉家属。")
	case done:
		return no(clock(last.At, in) + " " + c.name(last.By) + "已经通知家属了。")
	case len(all) == 0:
		return no("没有可以通知的家属,或号码打不通。")
	}
	step := noted(in, f, c, ledger.Event{Kind: ledger.EventNews, Text: telling})
	kin := in.View.kinship(f.ElderID)
	me := strings.TrimSpace(c.Village + in.View.Name)
	text := "有急事,请马上给" + me + "打电话。"
	if in.View.Phone != "" {
		text = "有急事,请马上给" + me + "打电话:" + in.View.Phone + "。"
	}
	text += fmt.Sprintf("\n%s %s,%s在处理。", clock(f.At, in), c.about(), orElse(in.View.Name, "村里"))
	var words []ledger.WordStep
	var who []string
	for _, k := range all {
		thread := kin.threadOf(k.Name, in.Today)
		words = append(words, newWord(in, ledger.WordKey("case/"+f.Key, k.Name), f.ElderID, k.Name, thread, ledger.WordEmergency, text))
		who = append(who, k.Name)
	}
	card.Desc, card.Done = clip("正在通知"+strings.Join(who, "、")+",并请人打电话。", 44), "在通知家属"
	return acted{step: step, words: words, card: card, text: card.Desc}
}

// urgeClause is what a 督促 rests on (requirements F6).
const urgeClause = "000 二(一):督促其依法履行赡养义务"

// urgeSteps are what is done about a family that does not answer or does not do its duty, the milder first; each is noted with its day.
var urgeSteps = []struct{ verb, text, news string }{
	{"remind", "提醒过了", "提醒了家属"}, {"speak", "谈过话了", "和家属谈过话"}, {"law", "转司法调解", "转司法调解"}, {"enforce", "报执法部门", "报了执法部门"},
	{"reply", "有回应了", "家属有回应了"},
}

// justice is the department that mediates.
const justice = "司法"

// urging decides what a step of a 督促 makes of it: "" where it is none. Mediation goes to the department where there is one.
func urging(verb, words string, c CaseView, x *ledger.Case, e *ledger.Event, hand func(ledger.Role, string), in Input) string {
	i := slices.IndexFunc(urgeSteps, func(s struct{ verb, text, news string }) bool { return s.verb == verb })
	if i < 0 {
		return ""
	}
	news := urgeSteps[i].news
	switch {
	case verb == "reply":
		x.State, x.Due = ledger.CaseEnded, time.Time{}
		x.Outcome = strings.TrimSuffix(news+":"+words, ":")
		e.Kind, e.Text = ledger.EventEnded, x.Outcome
		return "✓ 结了:" + news
	case verb == "law" && c.Level == ledger.RoleDept:
		return ""
	case verb == "law" && slices.Contains(in.View.Rules.Depts, justice):
		hand(ledger.RoleDept, justice)
		e.Dept, e.Text = justice, ""
		return "✓ 转给" + justice + "了,等他们认领"
	}
	x.State, x.Owner = ledger.CaseTaken, in.User // whoever does something about it has it, and is asked when no word follows
	if x.Level != e.Level || x.Dept != e.Dept {
		x.Level, x.Dept, x.Since = e.Level, e.Dept, in.Now
	}
	e.Kind, e.Text = ledger.EventNews, news
	return "✓ 记下了:" + news
}
