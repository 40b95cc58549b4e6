package flows

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// leaveForm takes down that somebody is away and who stands in for them (requirements §3 case 12): by themself, or by whoever
// leads them. The deputy and the leads are told; a leave without a deputy is one, too.
var leaveForm = Form{
	Name:  "leave",
	Title: func(a Answers, in Input) string { return away(a, in) + "请假" },
	Done:  leaveDone,
	Steps: []Step{
		{Key: "whose", When: is("whose?", "ask"), Ask: askWhose, Parse: parseWhose},
		{Key: "from", Ask: askFrom, Parse: parseFrom},
		{Key: "to", Ask: askTo, Parse: parseTo},
		{Key: "deputy", Ask: askDeputy, Parse: parseDeputy},
		{Key: "ok", Ask: confirmLeave, Parse: confirm("from", "to", "deputy")},
	},
}

// backForm ends a leave before its time.
var backForm = Form{
	Name:  "back",
	Title: func(a Answers, in Input) string { return away(a, in) + "销假" },
	Done:  backDone,
	Steps: []Step{{Key: "ok", Ask: askBack, Parse: oneOf("销假就点「销假」,不用就点「不用」。", map[string]string{
		"yes": "yes", "销假": "yes", "是": "yes", "对": "yes", "确认": "yes", "no": "no", "不用": "no", "不": "no"})}},
}

const (
	leaveWord  = "请假"
	backWord   = "销假"
	leaveWidth = 40 // characters behind the word; a whole story is a sentence
	nobody     = "-"
)

var (
	deputyBehind = regexp.MustCompile(`(?:代班|替班|顶班)(?:人|的)?[是:： ]*([\p{Han}A-Za-z0-9_.-]{2,20})`)
	deputyBefore = regexp.MustCompile(`([\p{Han}]{2,6}) ?(?:来|给)?(?:代班|替班|顶班)`)
	noDeputy     = regexp.MustCompile(`(?:没有?人|不用|不要|没有|无)(?:代班|替班|顶班)|(?:代班|替班|顶班)(?:人)?[是:： ]*(?:没有?人|没有|无)`)
	upTo         = regexp.MustCompile(`^ ?(?:起)? ?(?:到|至|-|~|—|–)+ ?`)
	bareDay      = regexp.MustCompile(`^(\d{1,2}) ?[日号]?`)
	manyDays     = regexp.MustCompile(`([0-9]{1,2}|[一两二三四五六七八九十]) ?天`)
	ofWeek       = regexp.MustCompile(`(下|这|本)?(?:个)?(?:周|礼拜|星期)([一二三四五六日天])`)
)

var (
	daysOn = []struct {
		word string
		in   int
	}{{"大后天", 3}, {"后天", 2}, {"明天", 1}, {"明早", 1}, {"今天", 0}, {"昨天", -1}}
	numerals = map[string]int{"一": 1, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10}
)

// leaveLate is how many days back a leave may begin: it is told afterwards.
const leaveLate = 7

// leaveMost is how long one leave may be.
const leaveMost = 180

// dayAhead finds the first day in a text that plans: without a year, or a month, the next such day; one of the last week may
// have been meant, too. It gives where it stands.
func dayAhead(text string, today ledger.Day) (day ledger.Day, from, to int) {
	at := len(text) + 1
	take := func(d ledger.Day, i, j int) {
		if i < at {
			day, from, to, at = d, i, j, i
		}
	}
	for _, w := range daysOn {
		if i := strings.Index(text, w.word); i >= 0 {
			take(today.Add(w.in), i, i+len(w.word))
		}
	}
	if m := ofWeek.FindStringSubmatchIndex(text); m != nil {
		weekday := slices.Index([]string{"一", "二", "三", "四", "五", "六", "日"}, strings.Replace(text[m[4]:m[5]], "天", "日", 1))
		monday := ledger.WeekOf(today).First()
		if m[2] >= 0 && text[m[2]:m[3]] == "下" {
			monday = monday.Add(7)
		}
		take(monday.Add(weekday), m[0], m[1])
	}
	if m := daySaid.FindStringSubmatchIndex(text); m != nil {
		part := func(i int) int {
			if m[2*i] < 0 {
				return 0
			}
			n, _ := strconv.Atoi(text[m[2*i]:m[2*i+1]])
			return n
		}
		now := today.Time()
		d := written(part(1), part(2), part(3))
		switch {
		case part(4) > 0:
			if d = written(now.Year(), int(now.Month()), part(4)); d < today.Add(-leaveLate) {
				next := ledger.MonthOf(today).Last().Add(1).Time()
				d = written(next.Year(), int(next.Month()), part(4))
			}
		case part(1) == 0:
			if d = written(now.Year(), part(2), part(3)); d < today.Add(-leaveLate) {
				d = written(now.Year()+1, part(2), part(3))
			}
		}
		if _, err := ledger.ParseDay(string(d)); err == nil {
			take(d, m[0], m[1])
		}
	}
	return day, from, to
}

// daysAhead reads the first and the last day of a leave; the last is "" where it is not said. rest is what stands beside.
func daysAhead(text string, today ledger.Day) (first, last ledger.Day, rest string) {
	first, i, j := dayAhead(text, today)
	if first == "" {
		return "", "", text
	}
	before, behind := text[:i], text[j:]
	if link := upTo.FindString(behind); link != "" {
		behind = behind[len(link):]
		day, k, l := dayAfter(behind, first, today)
		if bare := bareDay.FindStringSubmatch(behind); bare != nil && (day == "" || k > 0 || !strings.ContainsAny(behind[k:l], "月.-/年")) {
			n, _ := strconv.Atoi(bare[1])
			t := first.Time()
			if n < t.Day() {
				t = ledger.MonthOf(first).Last().Add(1).Time()
			}
			day, k, l = written(t.Year(), int(t.Month()), n), 0, len(bare[0])
		}
		if _, err := ledger.ParseDay(string(day)); err == nil && k == 0 && day >= first {
			return first, day, strings.TrimSpace(before + " " + behind[l:])
		}
	}
	rest = strings.TrimSpace(before + " " + behind)
	if n, said := daysCounted(rest); n > 0 {
		return first, first.Add(n - 1), strings.Replace(rest, said, " ", 1)
	}
	return first, "", rest
}

// dayAfter finds the last day of a leave: a weekday said alone is the one after the first day.
func dayAfter(text string, first, today ledger.Day) (day ledger.Day, from, to int) {
	if day, from, to = dayAhead(text, today); day != "" && day < first {
		return dayAhead(text, first)
	}
	return day, from, to
}

// daysCounted reads 3天 and 三天, and gives the words.
func daysCounted(text string) (n int, said string) {
	m := manyDays.FindStringSubmatch(text)
	if m == nil {
		return 0, ""
	}
	if n = numerals[m[1]]; n == 0 {
		n, _ = strconv.Atoi(m[1])
	}
	return n, m[0]
}

// leaveIn reads what is said of a leave: the days, the deputy, and whose it is where it is not the speaker's.
func leaveIn(text string, in Input) Answers {
	v, with := in.View, Answers{}
	text = fold(text)
	if noDeputy.MatchString(text) {
		with["deputy"], text = nobody, noDeputy.ReplaceAllString(text, " ")
	} else {
		with["deputy"], with["unknown"], text = deputyIn(text, in)
	}
	first, last, rest := daysAhead(text, in.Today)
	if last == "" && !strings.Contains(rest, "起") && !strings.Contains(rest, "开始") { // 请假 3月17日
		last = first
	}
	if first != "" && leaveFault(first, last, in) == "" {
		with["from"] = string(first)
		if last != "" {
			with["to"] = string(last)
		}
	}
	rest = strings.NewReplacer(leaveWord, " ", "从", " ", "起", " ", "开始", " ").Replace(rest)
	for _, word := range strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(" ,、:;。", r) }) {
		if n := len([]rune(word)); n < 2 || n > 4 {
			continue
		}
		if who := v.People(word); len(who) == 1 && with["whose"] == "" && who[0].UserID != with["deputy"] {
			with["whose"] = who[0].UserID
		}
	}
	maps.DeleteFunc(with, func(_, said string) bool { return said == "" })
	return with
}

// deputyIn finds who is said to stand in, behind the word or before it; of somebody who is nobody's name, or two people's, only
// what was said. rest is the text without it.
func deputyIn(text string, in Input) (id, unknown, rest string) {
	rest = text
	for _, shape := range []*regexp.Regexp{deputyBehind, deputyBefore} {
		m := shape.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		words := strings.FieldsFunc(m[1], func(r rune) bool { return strings.ContainsRune("由让请叫假", r) }) // 请假让刘洋代班
		if len(words) == 0 {
			continue
		}
		name, said := words[len(words)-1], m[0]
		if shape == deputyBefore { // what stands before the name is something else: 我明天请假让
			said = said[strings.LastIndex(said, name):]
		}
		if who := in.View.People(name); len(who) == 1 {
			return who[0].UserID, "", strings.Replace(text, said, " ", 1)
		}
		if day, _, _ := dayAhead(name, in.Today); day == "" && unknown == "" {
			unknown, rest = name, strings.Replace(text, said, " ", 1)
		}
	}
	return "", unknown, rest
}

// leave opens the form from the word 请假 and what stands behind it, or from a sentence.
func (t *turn) leave(text string) {
	with := leaveIn(text, t.in)
	v := t.in.View
	if who := with["whose"]; who != "" && !v.Under(who) {
		t.say("请假由本人说,或者由" + orElse(v.Staff(who), "他") + "的负责人登记。")
		return
	}
	if text == "" && leads(v) {
		with["whose?"] = "ask"
	}
	t.begun(leaveForm.Name, with)
}

// leads says whether somebody may log a leave for others.
func leads(v View) bool {
	return slices.ContainsFunc(v.Roles, func(r ledger.Role) bool {
		return r == ledger.RoleVillage || r == ledger.RoleTownship || r == ledger.RoleCounty
	})
}

// absence obeys a sentence that somebody is away: an elder rests, the speaker or one of theirs is on leave.
func (t *turn) absence(p understand.Part) {
	ids := t.inView(p.Reading.Elders)
	switch {
	case len(p.Reading.Elders) == 0:
		t.leave(p.Text)
	case len(ids) == 1 && !p.Reading.Ambiguous:
		with := Answers{}
		if p.Reading.Dated {
			with["day"] = p.Reading.Date.Short()
		}
		t.begin(affair{form: "standing", with: Answers{"kind": string(ledger.StandingPaused)}}, ids[0], with)
	default:
		t.pass(p.Reading.Intent, ids)
	}
}

// whose is who is on leave.
func (a Answers) whose(in Input) string { return orElse(strings.TrimPrefix(a["whose"], "me"), in.User) }

// away is who is on leave as one calls them, "" the speaker.
func away(a Answers, in Input) string {
	if u := a.whose(in); u != in.User {
		return in.View.Staff(u)
	}
	return ""
}

func peopleOptions(list []Person) []ledger.Option {
	var out []ledger.Option
	for _, p := range list {
		text := p.Name
		if slices.ContainsFunc(list, func(o Person) bool { return o.Name == p.Name && o != p }) {
			text += " " + p.UserID
		}
		out = append(out, ledger.Option{ID: p.UserID, Text: clip(text, optionWidth)})
	}
	return out
}

func askWhose(_ Answers, in Input) Prompt {
	opts := append([]ledger.Option{{ID: "me", Text: "我自己"}}, peopleOptions(theirs("", in.View))...)
	c := ledger.Choice{Key: "whose", Title: "谁", Options: opts[:min(len(opts), mostOptions)], Picked: []string{"me"}}
	return Prompt{Card: &ledger.Card{Title: "谁请假?", Desc: "下面没有的,直接打名字。", Selects: []ledger.Choice{c}, Submit: chosen}}
}

func parseWhose(raw string, in Input) (string, error) {
	said := fold(raw)
	if said == "me" || said == "我" || said == "我自己" {
		return "me", nil
	}
	return onePerson(said, theirs(said, in.View))
}

func onePerson(said string, who []Person) (string, error) {
	switch len(who) {
	case 1:
		return who[0].UserID, nil
	case 0:
		return "", Hint("没有找到「" + clip(said, 10) + "」。请从卡片上选,或打全名。")
	}
	return "", Hint("有几位叫「" + clip(said, 10) + "」,请从卡片上选。")
}

func askFrom(a Answers, in Input) Prompt {
	c := ledger.Card{Title: away(a, in) + "从哪天起请假?", Desc: "别的日子直接打,比如「3月20日到3月22日」。"}
	for n, word := range []string{"今天", "明天", "后天"} {
		c.Buttons = append(c.Buttons, ledger.Button{Key: string(in.Today.Add(n)), Text: word, Style: 1})
	}
	return Prompt{Card: &c}
}

// leaveFault says why a leave cannot be so, "" where it can.
func leaveFault(first, last ledger.Day, in Input) string {
	switch {
	case first < in.Today.Add(-leaveLate):
		return first.Short() + "已经过去了,不用登记。从哪天起?"
	case last != "" && last < max(first, in.Today):
		return last.Short() + "太早了。请到哪天?"
	case last != "" && last.Sub(first) >= leaveMost, first.Sub(in.Today) > leaveMost:
		return "太久了,请分开登记,或请乡镇换人。请到哪天?"
	}
	return ""
}

func parseFrom(raw string, in Input) (string, error) {
	first, last, _ := daysAhead(fold(raw), in.Today)
	if first == "" {
		return "", Hint("从哪天起?比如「明天」「3月20日」。")
	}
	if fault := leaveFault(first, last, in); fault != "" {
		return "", Hint(fault)
	}
	if last != "" {
		return "", Told{"from": string(first), "to": string(last)}
	}
	return string(first), nil
}

func askTo(a Answers, in Input) Prompt {
	first := ledger.Day(a["from"])
	c := ledger.Card{Title: first.Short() + "起,请到哪天?", Desc: "别的日子直接打,或打几天。"}
	for _, n := range []int{1, 2, 3, 7} {
		last := first.Add(n - 1)
		if last >= in.Today {
			c.Buttons = append(c.Buttons, ledger.Button{Key: string(last), Text: fmt.Sprintf("%d天 %s", n, last.Short()), Style: 1})
		}
	}
	return Prompt{Card: &c}
}

func parseTo(raw string, in Input) (string, error) {
	said, first := fold(raw), ledger.Day(in.answers["from"])
	last, _, _ := dayAfter(said, first, in.Today)
	if n, _ := daysCounted(said); n > 0 && last == "" {
		last = first.Add(n - 1)
	}
	if last == "" {
		return "", Hint("请到哪天?比如「3月22日」「3天」。")
	}
	if fault := leaveFault(first, last, in); fault != "" {
		return "", Hint(fault)
	}
	return string(last), nil
}

// deputies are who could stand in, of a name or at all: not who is away.
func deputies(said string, a Answers, in Input) []Person {
	return slices.DeleteFunc(slices.Clone(in.View.People(said)), func(p Person) bool { return p.UserID == a.whose(in) })
}

// theirs are those of a name, or all, whose leave the speaker may log.
func theirs(said string, v View) []Person {
	return slices.DeleteFunc(slices.Clone(v.People(said)), func(p Person) bool { return !v.Under(p.UserID) })
}

func askDeputy(a Answers, in Input) Prompt {
	opts := append([]ledger.Option{{ID: nobody, Text: "没有代班"}}, peopleOptions(deputies("", a, in))...)
	c := ledger.Card{Title: away(a, in) + "请假时谁代班?", Desc: "下面没有的,直接打名字。", Submit: chosen}
	if a["unknown"] != "" {
		c.Desc = "没有找到「" + clip(a["unknown"], 10) + "」。" + c.Desc
	}
	opts = opts[:min(len(opts), mostOptions)]
	picked := max(0, slices.IndexFunc(opts, func(o ledger.Option) bool { return o.ID == a["was.deputy"] }))
	c.Selects = []ledger.Choice{{Key: "deputy", Title: "代班", Options: opts, Picked: []string{opts[picked].ID}}}
	return Prompt{Card: &c}
}

// parseDeputy takes a colleague who is there themself.
func parseDeputy(raw string, in Input) (string, error) {
	said := fold(raw)
	if said == nobody || raw == nobody || slices.Contains([]string{"没有", "没有代班", "没人", "无", "不用", "跳过"}, said) {
		return nobody, nil
	}
	id, err := onePerson(said, deputies(said, in.answers, in))
	if err != nil {
		return "", err
	}
	for _, l := range in.View.Leaves(id) {
		if l.From <= ledger.Day(in.answers["to"]) && l.To >= ledger.Day(in.answers["from"]) {
			return "", Hint(in.View.Staff(id) + l.From.Short() + "到" + l.To.Short() + "也请假。换一位,或说「没有」。")
		}
	}
	return id, nil
}

// span is a leave's days as people say them.
func span(l ledger.Leave) string {
	if l.From == l.To {
		return l.From.Short()
	}
	return l.From.Short() + "到" + l.To.Short()
}

func (a Answers) leave(in Input) ledger.Leave {
	l := ledger.Leave{UserID: a.whose(in), From: ledger.Day(a["from"]), To: ledger.Day(a["to"])}
	if a["deputy"] != nobody {
		l.Deputy = a["deputy"]
	}
	return l
}

func confirmLeave(a Answers, in Input) Prompt {
	l := a.leave(in)
	deputy := "没有,提醒会报给负责人"
	if l.Deputy != "" {
		deputy = in.View.Staff(l.Deputy)
	}
	return Prompt{Card: &ledger.Card{Title: orElse(away(a, in), "您") + "请假" + span(l), Desc: "请假这几天不提醒,要办的由代班的人办。",
		Rows:    []ledger.CardRow{{Name: "共", Value: fmt.Sprintf("%d天", l.To.Sub(l.From)+1)}, {Name: "代班", Value: clip(deputy, valueWidth)}},
		Buttons: confirmButtons}}
}

func leaveDone(a Answers, in Input) Result {
	v, l := in.View, a.leave(in)
	if l.UserID != in.User && !v.Under(l.UserID) {
		return unchanged(orElse(v.Staff(l.UserID), "他") + "现在不归您管,没有登记。")
	}
	if fault := leaveFault(l.From, l.To, in); fault != "" {
		return unchanged(fault)
	}
	name, row := v.Staff(l.UserID), l
	row.Deputy = orElse(l.Deputy, nobody) // or a deputy named before would stay
	text, told := name+span(l)+"请假", "没有代班。"
	if l.Deputy != "" {
		told = v.Staff(l.Deputy) + "代班。"
	}
	res := Result{Text: "✓ 登记好了。" + text + "," + told, Card: ledger.Card{Title: "✓ 登记好了", Desc: text, Sub: told, Done: "登记好了"}}
	res.Changes.Edits = []ledger.Edit{edit(in, leaveWord, ledger.Book{Leaves: []ledger.Leave{row}})}
	people := append([]Person{{UserID: l.UserID, Name: name}}, v.Leads...)
	for _, p := range people { // the deputy hears it in other words, and once
		if p.UserID != l.Deputy {
			res.Changes.Messages = append(res.Changes.Messages, inform(in, []Person{p}, text+","+told)...)
		}
	}
	if l.Deputy != "" {
		res.Changes.Messages = append(res.Changes.Messages, inform(in, []Person{{UserID: l.Deputy}}, text+",请您代班。到时候要看的老人在您的「待办」里。")...)
	}
	return res
}

// backAtWork opens the form that ends a leave: the speaker's own, or that of one of theirs.
func (t *turn) backAtWork(name string) {
	v, who := t.in.View, t.in.User
	if name != "" {
		id, err := onePerson(name, theirs(name, v))
		if err != nil {
			t.say(strings.TrimSuffix(err.Error(), "请从卡片上选,或打全名。"))
			return
		}
		who = id
	}
	if len(v.Leaves(who)) == 0 {
		t.say(orElse(away(Answers{"whose": who}, t.in), "您") + "没有登记请假,不用销假。")
		return
	}
	t.begun(backForm.Name, Answers{"whose": who})
}

func askBack(a Answers, in Input) Prompt {
	all := in.View.Leaves(a.whose(in))
	if len(all) == 0 {
		return Prompt{Text: "没有登记请假。说「取消」。"}
	}
	c := ledger.Card{Title: away(a, in) + "销假?", Desc: span(all[0]) + "的假从今天起算完了。",
		Buttons: []ledger.Button{{Key: "yes", Text: backWord, Style: 1}, {Key: "no", Text: "不用", Style: 2}}}
	if all[0].From > in.Today {
		c.Desc = span(all[0]) + "的假不请了。"
	}
	return Prompt{Card: &c}
}

func backDone(a Answers, in Input) Result {
	v, who := in.View, a.whose(in)
	all := v.Leaves(who)
	if a["ok"] == "no" || len(all) == 0 || who != in.User && !v.Under(who) {
		return unchanged("好,没有改。")
	}
	l := all[0]
	l.To = max(l.From, in.Today).Add(-1)
	name := v.Staff(who)
	text := name + "从今天起销假。"
	if l.To < l.From && l.From > in.Today {
		text = name + span(all[0]) + "不请假了。"
	}
	res := Result{Text: "✓ " + text, Card: ledger.Card{Title: "✓ 销假了", Sub: text, Done: "销假了"}}
	res.Changes.Edits = []ledger.Edit{edit(in, backWord, ledger.Book{Leaves: []ledger.Leave{l}})}
	res.Changes.Messages = inform(in, append([]Person{{UserID: who}, {UserID: l.Deputy}}, v.Leads...), text)
	res.Changes.Messages = slices.DeleteFunc(res.Changes.Messages, func(m ledger.Message) bool { return m.To == "" })
	return res
}
