package flows

import (
	"fmt"
	"slices"
	"sort"
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

// owedFirst sorts elders by what is owed: key tier first, then more missing, then longest not seen. The done come last.
func owedFirst(elders []Elder) []*Elder {
	out := make([]*Elder, 0, len(elders))
	for i := range elders {
		out = append(out, &elders[i])
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i], out[j]
		an, _ := a.missing()
		bn, _ := b.missing()
		if (an > 0) != (bn > 0) {
			return an > 0
		}
		if an > 0 && a.Tier != b.Tier {
			return a.Tier == ledger.TierKey
		}
		if an != bn {
			return an > bn
		}
		return a.Last < b.Last
	})
	return out
}

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

func elderOption(e *Elder, v View) ledger.Option {
	text := e.brief(v.villages() && len(v.named(e.Name)) > 1)
	if n, due := e.missing(); n > 0 {
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
	who := ledger.Choice{Key: "elder", Title: "老人"}
	owed := 0
	var due ledger.Day
	for i, e := range all {
		if n, d := e.missing(); n > 0 {
			owed++
			due = max(due, d)
		}
		if i < cardElders {
			who.Options = append(who.Options, elderOption(e, in.View))
		}
	}
	if was := in.View.find(a["was.elder"]); was != nil && !slices.ContainsFunc(who.Options, func(o ledger.Option) bool { return o.ID == was.ID }) {
		who.Options[len(who.Options)-1] = elderOption(was, in.View)
	}
	who.Options = append(who.Options, ledger.Option{ID: "other", Text: "其他"})
	desc := in.View.Rules.Period + "都看过了。"
	if owed > 0 {
		desc = fmt.Sprintf("%s还有%d位没看够,最晚%s。", in.View.Rules.Period, owed, due.Short())
	}
	if a["unnamed"] != "" {
		desc = "没听出是哪位老人,点一下。"
	}
	pick := func(key, none string) []string {
		if was := a["was."+key]; was != "" {
			return []string{was}
		}
		if now := a[key]; now != "" {
			return []string{now}
		}
		return []string{none}
	}
	who.Picked = []string{who.Options[0].ID}
	if was := pick("elder", ""); slices.ContainsFunc(who.Options, func(o ledger.Option) bool { return o.ID == was[0] }) { // not "?A01,A02"
		who.Picked = was
	}
	return Prompt{Card: &ledger.Card{
		Title: "记一次巡访", Desc: desc,
		Selects: []ledger.Choice{who,
			{Key: "method", Title: "方式", Options: methods, Picked: pick("method", "door")},
			{Key: "outcome", Title: "情况", Options: outcomes, Picked: pick("outcome", "ok")},
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
		who.Options = append(who.Options, elderOption(e, in.View))
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
	desc := "村里会看到您写的内容。"
	for _, k := range strings.Split(a["items"], ",") {
		if w := grave[k]; w != "" {
			desc = w
			break
		}
	}
	return Prompt{Card: &ledger.Card{
		Title: "报给村里处理,还是当场修好了?", Desc: desc,
		Buttons: []ledger.Button{{Key: "reported", Text: "报村里", Style: 1}, {Key: "fixed", Text: "修好了", Style: 2},
			{Key: "watched", Text: "先看着", Style: 2}, {Key: "danger", Text: "现在就危险", Style: 2}},
	}}
}

func askConfirm(a Answers, in Input) Prompt {
	e := a.elder(in.View)
	if e == nil {
		return Prompt{Text: "这位老人现在不在您名下,没有记。说「取消」重来,或问村负责人。"}
	}
	day := a.day(in)
	if fault := dayFault(e, day, in); fault != "" {
		return Prompt{Text: fault}
	}
	c := ledger.Card{Title: e.full(), Desc: dayWords(day, in.Today) + visitWords(a), Rows: visitRows(a)}
	var buttons []ledger.Button
	add := func(key, text string) {
		buttons = append(buttons, ledger.Button{Key: key, Text: text, Style: min(2, len(buttons)+1)})
	}
	owed := a.owesPhoto(in) && pictures(in.shots) == 0
	switch {
	case a.owesPhoto(in) && !owed:
		c.Rows = append(c.Rows, ledger.CardRow{Name: "照片", Value: strconv.Itoa(pictures(in.shots)) + "张"})
	case owed:
		c.Rows = append(c.Rows, ledger.CardRow{Name: "照片", Value: fmt.Sprintf("还差一张,现在发或%d分钟内补", int(in.View.Rules.PhotoGrace.Minutes()))})
	}
	if a["method"] == "" {
		add(string(ledger.MethodDoor), "对,上门")
		add(string(ledger.MethodPhone), "对,电话")
	} else {
		add("yes", "确认")
	}
	if owed {
		add("waive", "没法拍照")
	}
	if len(e.Others) > 0 && day == in.Today && a["mends"] == "" {
		add("together", "和"+clip(e.Others[0].Name, 3)+"一起")
		c.Sub = e.Others[0].Name + " " + e.Others[0].Entry.EnteredAt.In(in.Zone).Format("15:04") + "记过" + e.she() + "。一起去的只记一次。"
	}
	add("edit", "改")
	if a["said"] != "" && len(e.Others) == 0 {
		add("not", "不是"+e.she())
	}
	if a.grave() && a["said"] != "" {
		add("danger", "现在就危险")
	}
	if len(buttons) < 6 {
		add("drop", "撤销")
	}
	c.Buttons = buttons
	field, shown := recheck(e, in.View.Rules)
	switch {
	case a["said"] != "" && a["outcome"] == string(ledger.OutcomeProblem):
		c.Drop = &ledger.Choice{Key: "act", Title: "处理", Picked: []string{a["act"]}, Options: acts}
	case field != "" && ledger.Outcome(a["outcome"]).Met() && a["mends"] == "" && e.Until == "":
		c.Drop = &ledger.Choice{Key: "recheck", Title: shown, Picked: []string{"no"}, Options: []ledger.Option{
			{ID: "no", Text: "这次没问"}, {ID: "same", Text: "没变"}, {ID: "changed", Text: "变了"}}}
	}
	return Prompt{Card: &c}
}

var acts = []ledger.Option{{ID: "reported", Text: "报村里"}, {ID: "fixed", Text: "修好了"}, {ID: "watched", Text: "先看着"}}

// day is the day of the visit: today unless another was said.
func (a Answers) day(in Input) ledger.Day { return ledger.Day(orElse(a["day"], string(in.Today))) }

// owesPhoto says whether the visit needs a picture: a door visit that met the elder, where the pack wants one.
func (a Answers) owesPhoto(in Input) bool {
	return a["method"] == string(ledger.MethodDoor) && ledger.Outcome(a["outcome"]).Met() && in.View.Rules.PhotoNeeded && a["mends"] == ""
}

// grave says whether something is not well that may kill by itself.
func (a Answers) grave() bool {
	return slices.ContainsFunc(strings.Split(a["items"], ","), func(k string) bool { return grave[k] != "" })
}

// dayWords tell the day; what is entered afterwards says so (requirements §3 case 7).
func dayWords(day, today ledger.Day) string {
	if day == today {
		return "今天"
	}
	return day.Short() + "(补录)"
}

// lateDays is how old a visit may be that is entered without a reason (requirements §3 case 32).
const lateDays = 7

// dayFault says why a visit cannot be entered for a day, "" where it can.
func dayFault(e *Elder, day ledger.Day, in Input) string {
	const again = "哪天去的?直接打,比如「昨天」;不记了说「取消」。"
	switch {
	case day > in.Today:
		return day.Short() + "还没到,先不能记。" + again
	case e.Since != "" && day < e.Since:
		return e.Name + e.Since.Short() + "才登记,那以前的不用记。" + again
	case e.Until != "" && day > e.Until:
		return e.Name + "只归您到" + e.Until.Short() + ",那以后的由接手的人记。" + again
	case day < in.View.Rules.OpenFrom && !e.Access.Reopen:
		return day.Short() + "那一期已经结账。要补,请跟" + orElse(names(in.View.Reopeners(e.ID)), "乡镇") + "说。" + again
	}
	return ""
}

// longAgo: what is entered more than a week late says why.
func longAgo(a Answers) bool { return a["daysago"] != "" }

var lateWhys = []ledger.Option{{ID: "没信号", Text: "没信号"}, {ID: "先记在纸上", Text: "先记在纸上"}, {ID: "忘了记", Text: "忘了记"}}

func askLate(a Answers, in Input) Prompt {
	if e := a.elder(in.View); e != nil {
		if fault := dayFault(e, a.day(in), in); fault != "" {
			return Prompt{Text: fault}
		}
	}
	return Prompt{Card: &ledger.Card{Title: a.day(in).Short() + "的事,为什么今天才记?", Desc: "点一个,或打一句话。", Buttons: buttons(lateWhys)}}
}

func parseLate(raw string, in Input) (string, error) {
	if e := in.answers.elder(in.View); e != nil {
		if fault := dayFault(e, in.answers.day(in), in); fault != "" {
			return "", Hint(fault)
		}
	}
	if raw = fold(raw); raw == "" {
		return "", Hint("为什么今天才记?点一个,或打一句话。")
	}
	return clip(raw, 60), nil
}

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
	a["outcome"], a["act"] = string(ledger.OutcomeProblem), orElse(a["act"], dealt(a["said"], items))
}

// visitWords say how it went in one line. What was looked at is named, above all 电路 and 防火 (002 五: 日常特别注意).
func visitWords(a Answers) string {
	m, how := ledger.Method(a["method"]), ""
	if m != "" {
		how = m.Name() + ","
	}
	switch ledger.Outcome(a["outcome"]) {
	case ledger.OutcomeOK:
		if m == ledger.MethodDoor {
			return "上门,都好;燃气、取暖、电路防火都看过,没有隐患。"
		}
		return how + "都好。"
	case ledger.OutcomeProblem:
		text := how + "有情况,别的都好。"
		if items := strings.Split(a["items"], ","); m == ledger.MethodDoor && !slices.Contains(items, "electricity") && !slices.Contains(items, "fire") {
			text += "电路、防火看过,没有隐患。"
		}
		return text
	case ledger.OutcomeAbsent:
		return how + "没见到人。这次不算看过,还要再去。"
	}
	return how + "老人不愿见。不算看过,也不算您没去。"
}

// itemRows is how many problems a card tells one by one: WeCom shows six rows (wecom/90236).
const itemRows = 3

func visitRows(a Answers) []ledger.CardRow {
	var rows []ledger.CardRow
	if w := a["words"]; w != "" {
		rows = append(rows, ledger.CardRow{Name: "原话", Value: clip(w, valueWidth)})
	}
	if a["outcome"] == string(ledger.OutcomeProblem) {
		keys := strings.Split(a["items"], ",")
		for i, k := range keys {
			if i == itemRows-1 && len(keys) > itemRows {
				rows = append(rows, ledger.CardRow{Name: "另外", Value: fmt.Sprintf("还有%d件", len(keys)-i)})
				break
			}
			it, _ := ledger.ItemByKey(k)
			rows = append(rows, ledger.CardRow{Name: it.Name, Value: clip(orElse(a.note(k), "不好"), valueWidth)})
		}
		if a["said"] == "" || a["act"] == "danger" { // else it is to be chosen below
			rows = append(rows, ledger.CardRow{Name: "处理", Value: actNames[a["act"]]})
		}
	}
	if more := a.besides(); more != "" {
		rows = append(rows, ledger.CardRow{Name: "还有", Value: clip(more, valueWidth)})
	}
	return rows
}

var actNames = map[string]string{"reported": "报村里", "fixed": "当场修好了", "watched": "先看着", "danger": "已报紧急"}

// besides is what a sentence said on the way.
func (a Answers) besides() string {
	var words []string
	for _, f := range []struct{ key, name, unit string }{{"pressure", "血压", ""}, {"temp", "室温", "度"}, {"company", "同去:", ""}, {"phone", "新电话", ""}, {"address", "新住址", ""}} {
		if v := a[f.key]; v != "" && !(f.key == "temp" && a["note."+ledger.ItemRoomTemp] != "") && !strings.Contains(a["note.illness"], v) {
			words = append(words, f.name+v+f.unit)
		}
	}
	if a["rest"] != "" {
		words = append(words, "「"+a["rest"]+"」")
	}
	return strings.Join(words, " ")
}

// recheck is the fact whose turn it is and how it is shown: numbers only by their tail.
func recheck(e *Elder, r Rules) (field, shown string) {
	if len(r.Recheck) == 0 {
		return "", ""
	}
	field = r.Recheck[e.Entries%len(r.Recheck)]
	switch field {
	case "phone":
		shown = "核对电话" + tail(e.Phone)
	case "address":
		shown = "核对住址"
	case "kin":
		if e.Kin == "" {
			return field, "核对子女电话"
		}
		shown = "核对" + clip(e.Kin, 4) + "电话" + tail(e.KinPhone)
	}
	return field, shown
}

func tail(phone string) string {
	if len(phone) < 4 {
		return "未登记"
	}
	return phone[len(phone)-4:]
}

// redone is what 改 asks again, each with the answer it had: all but the photos.
var redone = func() []string {
	keys := []string{"elder", "who", "which", "method", "outcome", "danger", "words", "items", "act", "recheck", "said"}
	for _, it := range ledger.Items {
		keys = append(keys, "note."+it.Key)
	}
	return keys
}()

func parseConfirm(raw string, in Input) (string, error) {
	switch said := fold(raw); said {
	case "yes", "确认", "对", "是", "好", "好的", "对的", "没错":
		if in.answers["said"] != "" && in.answers["method"] == "" {
			return "", Hint("上门看的,还是电话问的?请点一下。")
		}
		return "yes", nil
	case "door", "phone", "together":
		return said, nil
	case "waive", "没法拍照":
		return "waive", nil
	case "danger", "现在就危险":
		return "danger", nil
	case "edit", "改":
		return "", Redo{Keys: redone}
	case "not", "不是他", "不是她":
		return "", Redo{Keys: []string{"elder", "who", "which"}, Afresh: true}
	case "drop", "撤销":
		return "", Abandon{}
	}
	if e := in.answers.elder(in.View); e != nil {
		if fault := dayFault(e, in.answers.day(in), in); fault != "" {
			return "", Hint(fault)
		}
	}
	return "", Hint("对的话点「确认」;不对点「改」;不记了点「撤销」。")
}

// takeConfirm: one tap may say how contact was made along with the yes, or that it is dangerous now.
func takeConfirm(a Answers, answer string) {
	switch answer {
	case "door", "phone":
		a["method"] = answer
	case "danger":
		a["act"] = "danger"
	}
}

var waivers = []ledger.Option{{ID: "老人不愿拍", Text: "老人不愿拍"}, {ID: "手机拍不了", Text: "手机拍不了"}, {ID: "当时不合适", Text: "当时不合适"}}

func askWaiver(_ Answers, _ Input) Prompt {
	return Prompt{Card: &ledger.Card{Title: "为什么没法拍照?", Desc: "点一个,或打一句话。", Buttons: buttons(waivers)}}
}

func parseWaiver(raw string, _ Input) (string, error) {
	if raw = fold(raw); raw == "" {
		return "", Hint("为什么没法拍照?点一个,或打一句话。")
	}
	return clip(raw, 20), nil
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

// visitDone makes the record (002 五·巡访记录), its findings, the re-checked fact and the photos' bond; or a record's next
// version.
func visitDone(a Answers, in Input) Result {
	e := a.elder(in.View)
	if e == nil { // the assignment ended while the form was open
		text := "这位老人现在不在您名下,没有记。请问村负责人。"
		return Result{Card: ledger.Card{Title: "没有记", Desc: text, Done: "没有记"}, Text: text}
	}
	if fault := dayFault(e, a.day(in), in); fault != "" {
		return unchanged(fault)
	}
	switch {
	case a["mends"] != "":
		return restated(a, in, e)
	case a["ok"] == "together" && len(e.Others) > 0:
		return joined(e, in)
	}
	return newVisit(a, in, e, "visit/"+in.Key)
}

// entryOf is the record the answers make; key, number and version are the caller's.
func entryOf(a Answers, in Input, e *Elder) ledger.Entry {
	entry := ledger.Entry{Kind: ledger.KindVisit, ElderID: e.ID, UserID: in.User, Day: a.day(in), Method: ledger.Method(a["method"]),
		Outcome: ledger.Outcome(a["outcome"]), Note: orElse(a["words"], a["note"]), Waiver: a["waiver"], Pressure: a["pressure"],
		Company: a["company"], Late: a["late"], EnteredAt: in.Now, Version: 1}
	if v, err := strconv.Atoi(orElse(strings.TrimSuffix(a.note(ledger.ItemRoomTemp), "度"), a["temp"])); err == nil {
		entry.RoomTemp = &v
	}
	return entry
}

// newVisit is the first version of a record and what it leaves.
func newVisit(a Answers, in Input, e *Elder, key string) Result {
	entry := entryOf(a, in, e)
	entry.Key, entry.No = key, number(entry.Day, e)
	res := Result{}
	if entry.Outcome == ledger.OutcomeProblem {
		res.Changes.Findings = findings(a, in, e, entry.Key)
	}
	for _, s := range in.shots {
		if s.Voice || entry.Method == ledger.MethodDoor {
			res.Changes.Photos = append(res.Changes.Photos, ledger.Photo{Key: s.Key, Kind: s.kind(), UserID: in.User, EntryKey: entry.Key})
		}
	}
	res.Changes.Entries = []ledger.Entry{entry}
	res.Changes.Messages = append(tellLead(a, in, e, res.Changes.Findings, entry.Key), missedAgain(a, in, e, entry)...)
	if field, _ := recheck(e, in.View.Rules); field != "" && a["recheck"] == "same" {
		res.Changes.Facts = []ledger.Fact{{Key: entry.Key + "/" + field, EntryKey: entry.Key, ElderID: e.ID, Field: field, Result: "same", By: in.User, At: in.Now}}
	}
	res.Next, res.With = changedFact(a, in, e, entry.Key)
	lines := []string{counted(e, entry, in)}
	if a.owesPhoto(in) && entry.Waiver == "" {
		res.Recent = []Recent{{Entry: entry.Key, Elder: e.ID, At: in.Now.Unix()}}
		if pictures(in.shots) == 0 {
			until := in.Now.Add(in.View.Rules.PhotoGrace).In(in.Zone).Format("15:04")
			lines = append(lines, "还差一张照片,"+until+" 前发来就行。")
		} else {
			res.Recent = nil
		}
	}
	title := "✓ 记好了,编号 " + entry.No
	res.Text = title + "。" + e.full() + ":" + strings.Join(lines, "")
	res.Card = ledger.Card{Title: title, Desc: e.full() + " " + inWords(entry, in.Today), Sub: strings.Join(lines, "\n"), Done: "已记好"}
	return res
}

// inWords is a record in a few words.
func inWords(entry ledger.Entry, today ledger.Day) string {
	text := entry.Method.Name() + " " + entry.Outcome.Name()
	if entry.Day != today {
		text = entry.Day.Short() + "(补录) " + text
	}
	return text
}

// changedFact opens the form for a fact that changed: one that was re-checked, or told in the sentence.
func changedFact(a Answers, in Input, e *Elder, entry string) (string, Answers) {
	with := Answers{"for": e.ID, "entry": entry}
	switch field, _ := recheck(e, in.View.Rules); {
	case a["phone"] != "":
		with["field"], with["value"] = "phone", a["phone"]
	case a["address"] != "":
		with["field"], with["value.address"] = "address", a["address"]
	case field != "" && a["recheck"] == "changed":
		with["field"] = field
	default:
		return "", nil
	}
	return "fact", with
}

// joined notes the speaker as company on the record of who was quicker: one visit, both named (requirements §3 case 25).
func joined(e *Elder, in Input) Result {
	was := e.Others[0].Entry
	now := was
	now.Company, now.Version = strings.Trim(was.Company+"、"+in.View.Name, "、"), was.Version+1
	text := "和" + e.Others[0].Name + "一起记在 " + was.No + ",算一次。"
	res := receipt("✓ 记好了", "已记好", *e, text)
	res.Changes.Amended = []ledger.Amendment{{Key: "join/" + in.Key, Was: was, Now: now, Findings: e.Others[0].Findings, By: in.User, Why: "同行", At: in.Now}}
	for _, s := range in.shots {
		res.Changes.Photos = append(res.Changes.Photos, ledger.Photo{Key: s.Key, Kind: s.kind(), UserID: in.User, EntryKey: was.Key})
	}
	return res
}

// attemptsMost is how often a door stays shut before the village hears of it (requirements §3 case 3).
const attemptsMost = 2

// missedAgain tells the village lead of an elder who was not met again and again: the family is to be asked.
func missedAgain(a Answers, in Input, e *Elder, entry ledger.Entry) []ledger.Message {
	if entry.Outcome != ledger.OutcomeAbsent || a["danger"] == "danger" || entry.Day <= e.Missed || e.Attempts+1 < attemptsMost || e.Lead.UserID == "" || e.Lead.UserID == in.User {
		return nil
	}
	return []ledger.Message{{Key: entry.Key + "/missed", To: e.Lead.UserID, Priority: ledger.PriorityReminder,
		Text: fmt.Sprintf("%s:%d次没见到人。\n%s %s去过,没有发现异常。请问问家里人和邻居。", e.full(), e.Attempts+1, in.View.Name, entry.Day.Short())}}
}

// inDanger is the elder and what is wrong, for an alarm raised from within a visit.
func inDanger(a Answers, in Input) string {
	e := a.elder(in.View)
	if e == nil {
		return ""
	}
	if a["outcome"] == string(ledger.OutcomeAbsent) {
		return e.full() + " 敲门没人应,有异常"
	}
	about := e.full()
	for _, r := range visitRows(a) {
		if r.Name != "处理" {
			about += " " + r.Name + ":" + r.Value
		}
	}
	return about
}

// number is a record's number: the day and the elder, and which of the day's it is. It is unique without a counter, and a
// clerk reads from it what it is about. A number once given is not given again, not even when its record is undone.
func number(day ledger.Day, e *Elder) string {
	no := base(day, e.ID)
	n := e.Numbered[no]
	if e.Numbered != nil {
		e.Numbered[no]++ // several records of one turn
	}
	if n > 0 {
		no += "-" + strconv.Itoa(n+1)
	}
	return no
}

func base(day ledger.Day, elderID string) string {
	return strings.ReplaceAll(string(day[2:]), "-", "") + "-" + elderID
}

func onDay(day, today ledger.Day) string {
	if day == today {
		return "今天"
	}
	return day.Short()
}

// counted says what the visit did to what is owed, and when the next is best. Who only enters what was theirs hears nothing
// of how it stands now.
func counted(e *Elder, entry ledger.Entry, in Input) string {
	if e.Until != "" {
		return "已补上。"
	}
	if !entry.Outcome.Met() {
		if n, _ := e.missing(); n > 0 {
			return fmt.Sprintf("%s还差%d次,过两天再去看看。", e.she(), n)
		}
		return ""
	}
	var lines string
	for _, d := range in.View.After(entry) {
		before := e.duty(d)
		if before != nil && slices.Contains(e.Counted, entry.Day) { // one a day counts (requirements §3 case 16)
			lines += fmt.Sprintf("%s第%d次,已记录;%s计%d/%d次。", onDay(entry.Day, in.Today), e.Numbered[base(entry.Day, e.ID)], d.Period.Name(), d.Done, d.Need)
			continue
		}
		if d.Done > d.Need {
			lines += fmt.Sprintf("%s%s应看%d次,已看%d次。", d.Period.Name(), e.she(), d.Need, d.Done)
			continue
		}
		lines += fmt.Sprintf("%s%s已看%d/%d次。", d.Period.Name(), e.she(), d.Done, d.Need)
		if before != nil && d.Done == before.Done && d.Missing() > 0 {
			lines += "还要上门一次。" // the pack wants one at the door, and this was a call
		} else if d.Missing() > 0 && before != nil {
			if next := max(entry.Day.Add(3), d.Period.First().Add(14)); next <= d.Due && next > in.Today {
				lines += fmt.Sprintf("下次最好在%s以后。", next.Short())
			}
		}
	}
	return lines
}

// duty is the duty of the same name and period as it stood before, nil for one of another period.
func (e *Elder) duty(d ledger.Duty) *ledger.Duty {
	i := slices.IndexFunc(e.Duties, func(x ledger.Duty) bool { return x.Name == d.Name && x.Period == d.Period })
	if i < 0 {
		return nil
	}
	return &e.Duties[i]
}

// findings are the problems with their owner: the village lead for what is passed on, the visitor for what they watch.
func findings(a Answers, in Input, e *Elder, entryKey string) []ledger.Finding {
	var out []ledger.Finding
	for _, k := range strings.Split(a["items"], ",") {
		f := ledger.Finding{Key: entryKey + "/" + k, EntryKey: entryKey, ElderID: e.ID, Item: k, Note: a.note(k), At: in.Now,
			State: ledger.FindingState(a["act"]), Owner: in.User}
		if a["act"] == "danger" {
			f.State = ledger.FindingReported
		}
		if f.State == ledger.FindingReported && e.Lead.UserID != "" {
			f.Owner = e.Lead.UserID
		}
		out = append(out, f)
	}
	return out
}

// tellLead passes on what was reported, in one message to the village lead.
func tellLead(a Answers, in Input, e *Elder, found []ledger.Finding, entryKey string) []ledger.Message {
	var lines []string
	for _, f := range found {
		if f.State != ledger.FindingReported || f.Owner == in.User {
			return nil
		}
		it, _ := ledger.ItemByKey(f.Item)
		lines = append(lines, it.Name+":"+orElse(f.Note, "不好"))
	}
	if len(lines) == 0 || a["act"] == "danger" {
		return nil
	}
	return []ledger.Message{{
		Key: leadKey(entryKey), To: e.Lead.UserID, Priority: ledger.PriorityReminder,
		Text: fmt.Sprintf("%s:\n%s\n%s %s巡访时发现,报到您这里。请安排处理,下次巡访会再问老人。",
			e.full(), strings.Join(lines, "\n"), in.View.Name, a.day(in).Short()),
	}}
}

// leadKey is the key of the word to the lead about a record's findings.
func leadKey(entryKey string) string { return entryKey + "/lead" }

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
