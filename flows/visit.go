package flows

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"xunfang/ledger"
)

// visitForm logs a visit (002 五·巡访记录). One card asks whom, how and how it went, or a sentence says it; only what is not
// well is asked further; one confirmation shows it all. A record is written at the confirmation and nowhere else. With
// "mends" it is a record's next version that is confirmed.
var visitForm = Form{
	Name:  "visit",
	Open:  []string{"visit", "巡访", "记巡访", "看望", "走访"},
	Title: visitTitle,
	Done:  visitDone,
	Steps: append(append([]Step{
		{Key: "elder", Ask: askVisit, Parse: parseElder},
		{Key: "who", When: is("elder", "other"), Ask: askOther, Parse: parseElder},
		{Key: "which", When: unclear, Ask: askWhich, Parse: parseWhich},
		{Key: "late", When: longAgo, Ask: askLate, Parse: parseLate},
		{Key: "guessed", When: guesses, Ask: askGuess, Parse: parseGuess, Then: takeGuess},
		{Key: "method", When: unsaid, Ask: askMethod, Parse: oneOf("上门还是电话?请点卡片上的按钮。", methodWords)},
		{Key: "outcome", Ask: askOutcome, Parse: oneOf("怎么样?请点卡片上的按钮。", outcomeWords)},
		{Key: "danger", When: is("outcome", string(ledger.OutcomeAbsent)), Ask: askDanger, Urgent: "danger", Parse: oneOf("有没有不对劲?请点按钮。", dangerWords)},
		{Key: "words", When: is("outcome", string(ledger.OutcomeRefused)), Ask: askWords, Parse: parseLine},
		{Key: "items", When: is("outcome", string(ledger.OutcomeProblem)), Ask: askItems, Parse: parseItems},
	}, noteSteps()...), []Step{
		{Key: "act", When: is("outcome", string(ledger.OutcomeProblem)), Ask: askAct, Urgent: "danger", Parse: oneOf("报村里,还是当场修好了?请点按钮。", actWords)},
		{Key: "recheck", Parse: oneOf("", map[string]string{"no": "no", "same": "same", "changed": "changed"})},
		{Key: "ok", Ask: askConfirm, Parse: parseConfirm, Then: takeConfirm, Urgent: "danger"},
		{Key: "waiver", When: is("ok", "waive"), Ask: askWaiver, Parse: parseWaiver},
	}...),
}

// unsaid: where a sentence told of the visit, how contact was made is asked along with the confirmation.
func unsaid(a Answers) bool { return a["said"] == "" }

func is(key, value string) func(Answers) bool { return func(a Answers) bool { return a[key] == value } }

// oneOf takes an option id or one of the words for it.
func oneOf(hint string, words map[string]string) func(string, Input) (string, error) {
	return func(raw string, _ Input) (string, error) {
		if id, ok := words[fold(raw)]; ok {
			return id, nil
		}
		return "", Hint(hint)
	}
}

var (
	methodWords = map[string]string{
		"door": "door", "上门": "door", "入户": "door", "去了": "door", "phone": "phone", "电话": "phone", "打电话": "phone",
		"video": "video", "视频": "video",
	}
	outcomeWords = map[string]string{
		"ok": "ok", "都好": "ok", "正常": "ok", "好": "ok", "problem": "problem", "有情况": "problem", "有问题": "problem",
		"absent": "absent", "没见到人": "absent", "没见到": "absent", "不在家": "absent", "没人": "absent",
		"refused": "refused", "不愿见": "refused", "拒访": "refused",
	}
	dangerWords = map[string]string{"calm": "calm", "没有": "calm", "没有异常": "calm", "danger": "danger", "有": "danger"}
	actWords    = map[string]string{
		"reported": "reported", "报村里": "reported", "fixed": "fixed", "修好了": "fixed", "当场解决": "fixed",
		"watched": "watched", "先看着": "watched", "danger": "danger", "现在就危险": "danger",
	}
)

// elder is the elder the answers name, nil where none or no longer in view.
func (a Answers) elder(v View) *Elder {
	for _, key := range []string{"which", "who", "elder"} {
		if id := a[key]; id != "" {
			return v.find(id)
		}
	}
	return nil
}

// unclear says whether the name given fits several elders.
func unclear(a Answers) bool {
	return strings.HasPrefix(a["elder"], "?") || strings.HasPrefix(a["who"], "?")
}

// parseElder takes an elder's id, name or nickname, as far as the speaker may see; what fits several is kept as "?a,b".
// An elder out of sight and one who does not exist get the same words.
func parseElder(raw string, in Input) (string, error) {
	if raw == "other" {
		return raw, nil
	}
	if e := in.View.find(raw); e != nil {
		return e.ID, nil
	}
	switch hits, sure := in.View.meant(fold(raw)); {
	case len(hits) == 0:
		return "", Hint(notYours(raw))
	case len(hits) == 1 && sure:
		return hits[0].ID, nil
	default:
		ids := make([]string, len(hits))
		for i, e := range hits {
			ids[i] = e.ID
		}
		return "?" + strings.Join(ids, ","), nil
	}
}

// notYours answers a name that is nobody's in sight: the same words whether such an elder exists or not.
func notYours(said string) string {
	return "您名下没有「" + clip(fold(said), 10) + "」。请看看名字对不对,或说「名册」看您名下的老人。"
}

func parseWhich(raw string, in Input) (string, error) {
	if raw == "none" || fold(raw) == "都不是" || fold(raw) == "不是" {
		return "", Redo{Keys: []string{"elder", "who"}}
	}
	if e := in.View.find(raw); e != nil {
		return e.ID, nil
	}
	if hits, sure := in.View.meant(fold(raw)); len(hits) == 1 && sure { // another name after all
		return hits[0].ID, nil
	}
	return "", Hint("是哪一位?请点卡片上的按钮,或打全名。")
}

func parseLine(raw string, _ Input) (string, error) {
	if raw = strings.TrimSpace(raw); raw == "" {
		return "", Hint("请打一句话,或说「跳过」。")
	}
	if fold(raw) == "跳过" {
		return "", nil
	}
	return clip(raw, 300), nil
}

// owedFirst sorts elders by the visits owed: key tier first, then more missing, then longest not seen. The done come last.
func owedFirst(elders []Elder) []*Elder { return byNeed(elders, ledger.KindVisit) }

// mine are the elders the speaker answers for; somebody who only oversees sees all in view.
func mine(v View) []Elder {
	var out []Elder
	for _, e := range v.Elders {
		if e.Mine {
			out = append(out, e)
		}
	}
	if len(out) == 0 {
		return v.Elders
	}
	return out
}

// The visit card holds nine elders and「其他」: WeCom allows ten options (wecom/90236).
const cardElders = 9

// What a phone shows of an option, a button, a row's value and the text below the rows, in characters (wecom/90236). The due
// date is left out of an option where it does not fit; it stands above the list.
const (
	optionWidth = 16
	buttonWidth = 10
	valueWidth  = 30
	listWidth   = 160
)

func elderOption(e *Elder, v View, kind ledger.EntryKind) ledger.Option {
	text := e.brief(v.villages() && len(v.named(e.Name)) > 1)
	if n, due := e.lacking(kind); n > 0 {
		long := fmt.Sprintf("%s %d日前差%d", text, due.Time().Day(), n)
		if text = fmt.Sprintf("%s 差%d", text, n); utf8.RuneCountInString(long) <= optionWidth {
			text = long
		}
	}
	return ledger.Option{ID: e.ID, Text: text}
}

func askVisit(a Answers, in Input) Prompt {
	all := owedFirst(mine(in.View))
	if len(all) == 0 {
		return Prompt{Text: "您名下还没有老人。请村负责人或乡镇民政办登记后再记。"}
	}
	owed := 0
	var due ledger.Day
	for _, e := range all {
		if n, d := e.missing(); n > 0 {
			owed++
			due = max(due, d)
		}
	}
	desc := in.View.Rules.Period + "都看过了。"
	if owed > 0 {
		desc = fmt.Sprintf("%s还有%d位没看够,最晚%s。", in.View.Rules.Period, owed, due.Short())
	}
	how := methods
	if a.picked("method", "door")[0] == string(ledger.MethodVideo) { // rare: offered where it was said
		how = append(slices.Clone(how), ledger.Option{ID: string(ledger.MethodVideo), Text: ledger.MethodVideo.Name()})
	}
	return Prompt{Card: &ledger.Card{
		Title: "记一次巡访", Desc: orElse(unnamed(a), desc),
		Selects: []ledger.Choice{elderChoice(all, a, in.View, ledger.KindVisit),
			{Key: "method", Title: "方式", Options: how, Picked: a.picked("method", "door")},
			{Key: "outcome", Title: "情况", Options: outcomes, Picked: a.picked("outcome", "ok")},
		},
		Submit: ledger.Button{Key: "submit", Text: "提交"},
	}}
}

var (
	methods  = []ledger.Option{{ID: "door", Text: "上门"}, {ID: "phone", Text: "电话"}}
	outcomes = []ledger.Option{{ID: "ok", Text: "都好"}, {ID: "problem", Text: "有情况"}, {ID: "absent", Text: "没见到人"}, {ID: "refused", Text: "不愿见"}}
)

func buttons(opts []ledger.Option) []ledger.Button {
	out := make([]ledger.Button, len(opts))
	for i, o := range opts {
		out[i] = ledger.Button{Key: o.ID, Text: o.Text, Style: 1}
	}
	return out
}

func askOther(_ Answers, in Input) Prompt {
	all := owedFirst(mine(in.View))
	if len(all) <= cardElders {
		return Prompt{Text: "看望了哪位老人?请打名字或编号。"}
	}
	who := ledger.Choice{Key: "who", Title: "老人"}
	for _, e := range all[cardElders:min(len(all), cardElders+10)] {
		who.Options = append(who.Options, elderOption(e, in.View, ledger.KindVisit))
	}
	return Prompt{Card: &ledger.Card{
		Title: "看望了哪位老人?", Desc: "下面没有的,直接打名字或编号。",
		Selects: []ledger.Choice{who}, Submit: ledger.Button{Key: "submit", Text: "就是这位"},
	}}
}

func askWhich(a Answers, in Input) Prompt {
	ids := strings.Split(strings.TrimPrefix(a["elder"]+a["who"], "other"), ",")
	ids[0] = strings.TrimPrefix(ids[0], "?")
	c := ledger.Card{Title: "是哪一位?"}
	names := map[string]bool{}
	for _, id := range ids {
		if e := in.View.find(id); e != nil {
			names[e.Name] = true
		}
	}
	for _, id := range ids {
		if e := in.View.find(id); e != nil && len(c.Buttons) < 6 {
			text := e.place(true)
			if len(names) > 1 || len(ids) == 1 { // a nickname of several: the name tells them apart
				text = e.brief(false)
			}
			c.Buttons = append(c.Buttons, ledger.Button{Key: id, Text: clip(text, buttonWidth), Style: 1})
		}
	}
	if len(c.Buttons) == 0 { // all moved out of sight since
		return Prompt{Text: "请再打一次老人的名字或编号。"}
	}
	if len(c.Buttons) == 1 { // only sounds like it
		c.Title = "是这位吗?"
	}
	if len(c.Buttons) < 6 {
		c.Buttons = append(c.Buttons, ledger.Button{Key: "none", Text: "都不是", Style: 2})
	}
	return Prompt{Card: &c}
}

func askMethod(a Answers, in Input) Prompt {
	return Prompt{Card: &ledger.Card{Title: who(a, in) + ":上门还是电话?", Buttons: buttons(methods)}}
}

func askOutcome(a Answers, in Input) Prompt {
	return Prompt{Card: &ledger.Card{Title: who(a, in) + ":怎么样?", Buttons: buttons(outcomes)}}
}

func who(a Answers, in Input) string {
	if e := a.elder(in.View); e != nil {
		return in.View.call(e)
	}
	return "老人"
}

// askDanger: a door nobody opens may be an emergency (requirements §3 case 3).
func askDanger(a Answers, in Input) Prompt {
	return Prompt{Card: &ledger.Card{
		Title: "没见到" + who(a, in) + ",有没有不对劲?", Desc: "比如灯亮着没人应、门从里面反锁、有异味、邻居也好久没见。",
		Buttons: []ledger.Button{{Key: "calm", Text: "没有异常", Style: 1}, {Key: "danger", Text: "有,叫人来看", Style: 2}},
	}}
}

func askWords(a Answers, in Input) Prompt {
	return Prompt{Text: who(a, in) + "怎么说的?记一句原话;不方便就说「跳过」。"}
}

// items are what a visit looks at on this day: the fifteen and 防火 always, the seasonal ones by the county's calendar.
func items(r Rules) []ledger.Item {
	var out []ledger.Item
	for _, it := range ledger.Items {
		if it.Key == ledger.ItemHouse && !r.Rainy || it.Key == ledger.ItemRoomTemp && !r.Heating {
			continue
		}
		out = append(out, it)
	}
	return out
}

func askItems(a Answers, in Input) Prompt {
	c := ledger.Choice{Key: "items", Multi: true}
	for _, it := range items(in.View.Rules) {
		c.Options = append(c.Options, ledger.Option{ID: it.Key, Text: it.Domain + "·" + it.Name})
	}
	if was := a["was.items"]; was != "" {
		c.Picked = strings.Split(was, ",")
	}
	return Prompt{Card: &ledger.Card{
		Title: who(a, in) + "哪里不好?", Desc: "可多选。没选的都算好,包括燃气、取暖、电路、防火,请都看一眼。",
		Checks: &c, Submit: ledger.Button{Key: "submit", Text: "选好了"},
	}}
}

func parseItems(raw string, in Input) (string, error) {
	picked := strings.Split(raw, ",")
	var keys []string
	for _, it := range ledger.Items { // in the fixed order, whatever order they were ticked in
		if slices.Contains(picked, it.Key) {
			keys = append(keys, it.Key)
		}
	}
	if len(keys) == 0 || len(keys) != len(picked) {
		return "", Hint("请在卡片上勾选哪里不好,再点「选好了」;要改成都好,说「返回」。")
	}
	return strings.Join(keys, ","), nil
}

func noteSteps() []Step {
	var out []Step
	for _, it := range ledger.Items {
		st := Step{
			Key: "note." + it.Key, Lines: true, Parse: parseLine,
			When: func(a Answers) bool {
				return a["outcome"] == string(ledger.OutcomeProblem) && slices.Contains(strings.Split(a["items"], ","), it.Key)
			},
			Ask: func(a Answers, in Input) Prompt { return Prompt{Text: askNotes(a, it)} },
		}
		if it.Key == ledger.ItemRoomTemp {
			st.Parse = parseTemp
		}
		out = append(out, st)
	}
	return out
}

// askNotes asks for a line on the first problem without one, and names what follows so that all may be said at once.
func askNotes(a Answers, first ledger.Item) string {
	var rest []string
	for _, it := range ledger.Items {
		if _, said := a["note."+it.Key]; !said && it.Key != first.Key && slices.Contains(strings.Split(a["items"], ","), it.Key) {
			rest = append(rest, it.Name)
		}
	}
	text := first.Name + ":" + first.Ask + "说一句就行。"
	if first.Key == ledger.ItemRoomTemp {
		text = "屋里多少度?打个数,比如 13。"
	}
	if was := a["was.note."+first.Key]; was != "" {
		text += "\n刚才写的是「" + clip(was, 20) + "」,不用改就说「跳过」。"
	}
	if len(rest) > 0 {
		text += "\n后面还有" + strings.Join(rest, "、") + ",也可以一行一件一次写完。"
	}
	return text
}

// note is what was said about an item; at a second asking 跳过 leaves what was said at the first.
func (a Answers) note(item string) string {
	v := orElse(a["note."+item], a["was.note."+item])
	if item == ledger.ItemRoomTemp && v != "" {
		v += "度"
	}
	return v
}

func parseTemp(raw string, _ Input) (string, error) {
	if fold(raw) == "跳过" {
		return "", nil
	}
	digits := strings.FieldsFunc(fold(raw), func(r rune) bool { return (r < '0' || r > '9') && r != '-' })
	if len(digits) == 1 {
		if n, err := strconv.Atoi(digits[0]); err == nil && n >= -40 && n <= 50 {
			return strconv.Itoa(n), nil
		}
	}
	return "", Hint("屋里多少度?请打一个数,比如 13。")
}

// grave are the items that may kill by themselves.
var grave = map[string]string{
	"gas": "⚠ 燃气有问题,先关阀门、开窗,别开关电器。", "heating": "⚠ 取暖有问题当心煤气中毒,先开窗、把火压住。",
	"electricity": "⚠ 电路有问题,先拉闸,别用手碰。", "fire": "⚠ 有着火的危险,先把能烧的挪开。",
	ledger.ItemHouse: "⚠ 房子有危险,先请老人到别处。",
}

func askAct(a Answers, in Input) Prompt {
	desc := orElse(a.warning(), "村里会看到您写的内容。")
	return Prompt{Card: &ledger.Card{
		Title: "报给村里处理,还是当场修好了?", Desc: desc,
		Buttons: []ledger.Button{{Key: "reported", Text: "报村里", Style: 1}, {Key: "fixed", Text: "修好了", Style: 2},
			{Key: "watched", Text: "先看着", Style: 2}, {Key: "danger", Text: "现在就危险", Style: 2}},
	}}
}

func visitTitle(a Answers, in Input) string {
	e := a.elder(in.View)
	if e == nil {
		return "一次巡访"
	}
	words := []string{in.View.call(e)}
	if m := a["method"]; m != "" {
		words = append(words, ledger.Method(m).Name())
	}
	if o := a["outcome"]; o != "" {
		words = append(words, ledger.Outcome(o).Name())
	}
	return strings.Join(words, " ")
}

// perils are the kinds of emergency that items of a visit may be.
var perils = map[string]string{"gas": "gas", "heating": "gas", "electricity": "fire", "fire": "fire", ledger.ItemHouse: "house", "illness": "critical_illness"}

// inDanger is what an alarm raised from within a visit is about.
func inDanger(a Answers, in Input) alert {
	var out alert
	if e := a.elder(in.View); e != nil {
		out.elders, out.sure = []string{e.ID}, true
	}
	if a["outcome"] == string(ledger.OutcomeAbsent) {
		out.about, out.what = "敲门没人应,有异常", "unreached"
		return out
	}
	for _, item := range strings.Split(a["items"], ",") {
		if k := ledger.AlarmOf(perils[item]); k.Grave > ledger.AlarmOf(out.what).Grave {
			out.what = k.Key
		}
	}
	for _, r := range visitRows(a) {
		if r.Name != "处理" {
			out.about = strings.TrimSpace(out.about + " " + r.Name + ":" + r.Value)
		}
	}
	return out
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
