package flows

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"xunfang/ledger"
)

// standingForm takes down that an elder died, moved away, left or rests, and that they are back (requirements §3 cases 1
// and 2; 000 三(三): 动态管理). Who may say who is responsible records it; anybody else's word is passed on to them.
var standingForm = Form{
	Name:  "standing",
	Title: func(a Answers, in Input) string { return affairTitle(orElse(a["kind"], "登记"))(a, in) },
	Done:  standingDone,
	Steps: append(whom("standing"),
		Step{Key: "kind", Ask: askKind, Parse: parseKind},
		Step{Key: "day", When: isNot("kind", standingBack), Ask: askDay, Parse: parseDay},
		Step{Key: "place", When: is("kind", string(ledger.StandingPaused)), Ask: askPlace, Parse: parseFact},
		Step{Key: "place", When: is("kind", string(ledger.StandingMoved)), Ask: askPlace, Parse: parseFact},
		Step{Key: "review", When: reviewed, Ask: askReview, Parse: parseReview},
		Step{Key: "ok", Ask: confirmStanding, Parse: confirm("day", "place", "review")},
	),
}

// standingBack is the kind that ends the others.
const standingBack = "恢复"

// reviewed: a pause is looked at again, on a day that who records it chooses.
func reviewed(a Answers) bool { return a["kind"] == string(ledger.StandingPaused) && a["tell"] == "" }

// gone says that the elder is off the ledger today.
func (e *Elder) gone() bool { return e.Away.Kind != "" && e.Away.Kind.Ends() }

func askKind(a Answers, in Input) Prompt {
	c := ledger.Card{Title: title(a, in) + "怎么了?"}
	for _, k := range ledger.StandingKinds {
		c.Buttons = append(c.Buttons, ledger.Button{Key: string(k), Text: string(k), Style: 1})
	}
	if e, _ := a.subject(in.View); e.Away.Kind != "" {
		c.Buttons = append(c.Buttons, ledger.Button{Key: standingBack, Text: standingBack, Style: 1})
	}
	return Prompt{Card: &c}
}

func parseKind(raw string, _ Input) (string, error) {
	if raw = fold(raw); raw == standingBack || slices.Contains(ledger.StandingKinds, ledger.StandingKind(raw)) {
		return raw, nil
	}
	return "", Hint("是暂停、去世、迁出还是退出?请点卡片上的按钮。")
}

// emergencyFirst: whoever has just found somebody is no doctor.
const emergencyFirst = "⚠ 先打120确认,别挪动老人"

func askDay(a Answers, in Input) Prompt {
	c := ledger.Card{Title: title(a, in) + "从哪天起" + a["kind"] + "?", Desc: "别的日子直接打,比如 3月5日。"}
	if kind := ledger.StandingKind(a["kind"]); kind == ledger.StandingDied || kind == ledger.StandingMoved {
		c.Title = title(a, in) + "是哪天" + a["kind"] + "的?"
	}
	if a["kind"] == string(ledger.StandingDied) && a["tell"] != "" {
		c.Title, c.Desc = emergencyFirst, c.Title+c.Desc
	}
	for ago, word := range []string{"今天", "昨天", "前天"} {
		c.Buttons = append(c.Buttons, ledger.Button{Key: string(in.Today.Add(-ago)), Text: word, Style: 1})
	}
	return Prompt{Card: &c}
}

// parseDay takes a day that has come, not before the elder came onto the ledger; a pause's so recent that it still runs.
func parseDay(raw string, in Input) (string, error) {
	day, rest, ok := dayIn(fold(raw), in.Today)
	e, _ := in.answers.subject(in.View)
	s, _ := in.View.Sheet(e.ID)
	switch {
	case !ok || rest != "":
		return "", Hint("是哪天?比如 昨天、5号、3月5日。")
	case day > in.Today:
		return "", Hint("这一天还没到,请说已经过去的日子。")
	case s.Elder.Since != "" && day < s.Elder.Since:
		return "", Hint(e.she() + "是" + dated(s.Elder.Since, in.Today) + "建档的,请说这以后的日子。")
	case in.answers["kind"] == string(ledger.StandingPaused) && day <= in.Today.Add(-ledger.PauseMost):
		return "", Hint(fmt.Sprintf("暂停最多%d天就要复核一次,请从近些的日子记起。", ledger.PauseMost))
	}
	return string(day), nil
}

var (
	daysAgo = []struct {
		word string
		ago  int
	}{{"大前天", 3}, {"前天", 2}, {"昨天", 1}, {"昨晚", 1}, {"今天", 0}, {"今早", 0}, {"刚才", 0}, {"刚刚", 0}}
	daySaid = regexp.MustCompile(`(?:(\d{4}) ?[-年./] ?)?(\d{1,2}) ?[-月./] ?(\d{1,2}) ?[日号]?|(\d{1,2}) ?[日号]`)
)

// dayIn finds a day in a text and gives what is left of it. Without a year, or a month, it is the last such day, unless that
// is half a year ago: then it is the next, which has not come.
func dayIn(text string, today ledger.Day) (day ledger.Day, rest string, ok bool) {
	for _, d := range daysAgo {
		if before, after, found := strings.Cut(text, d.word); found {
			return today.Add(-d.ago), strings.TrimSpace(before + after), true
		}
	}
	at := daySaid.FindStringSubmatchIndex(text)
	if at == nil {
		return "", text, false
	}
	rest = strings.TrimSpace(text[:at[0]] + text[at[1]:])
	part := func(i int) int {
		if at[2*i] < 0 {
			return 0
		}
		n, _ := strconv.Atoi(text[at[2*i]:at[2*i+1]])
		return n
	}
	now := today.Time()
	year, month, date := part(1), part(2), part(3)
	switch {
	case part(4) > 0:
		year, month, date = now.Year(), int(now.Month()), part(4)
		if date > now.Day() {
			last := ledger.MonthOf(ledger.MonthOf(today).First().Add(-1)).First().Time()
			year, month = last.Year(), int(last.Month())
		}
	case year == 0:
		year = now.Year()
		if last := written(year-1, month, date); written(year, month, date) > today && today.Sub(last) < 180 {
			year--
		}
	}
	day, err := ledger.ParseDay(string(written(year, month, date)))
	return day, rest, err == nil
}

func written(year, month, date int) ledger.Day {
	return ledger.Day(fmt.Sprintf("%04d-%02d-%02d", year, month, date))
}

// dated is a day as people say it, with the year where it is not this one.
func dated(d, today ledger.Day) string {
	if y := d.Time().Year(); y != today.Time().Year() {
		return strconv.Itoa(y) + "年" + d.Short()
	}
	return d.Short()
}

func askPlace(a Answers, in Input) Prompt {
	if a["kind"] == string(ledger.StandingMoved) {
		return Prompt{Text: title(a, in) + "迁到哪里?说一句;不知道就说「跳过」。"}
	}
	c := ledger.Card{Title: title(a, in) + "现在在哪里?", Desc: "点一个;别的地方直接打。"}
	for _, p := range []string{"住院", "随子女", "养老院"} {
		c.Buttons = append(c.Buttons, ledger.Button{Key: p, Text: p, Style: 1})
	}
	return Prompt{Card: &c}
}

// reviewDays are the choices of when to look at a pause again.
var reviewDays = []int{30, 60, ledger.PauseMost}

func askReview(a Answers, in Input) Prompt {
	c := ledger.Card{Title: "最迟哪天再看一次?", Desc: title(a, in) + "暂停后要复核,到那天会提醒村里。"}
	most := ledger.Day(a["day"]).Add(ledger.PauseMost)
	for _, n := range reviewDays {
		day := min(in.Today.Add(n), most)
		if slices.ContainsFunc(c.Buttons, func(b ledger.Button) bool { return b.Key == string(day) }) {
			continue
		}
		text := fmt.Sprintf("%d天 %s", day.Sub(in.Today), day.Short())
		c.Buttons = append(c.Buttons, ledger.Button{Key: string(day), Text: text, Style: 1})
	}
	return Prompt{Card: &c}
}

func parseReview(raw string, in Input) (string, error) {
	raw = fold(raw)
	most := ledger.Day(in.answers["day"]).Add(ledger.PauseMost)
	day, err := ledger.ParseDay(raw)
	if n, wrong := strconv.Atoi(strings.TrimSuffix(raw, "天")); wrong == nil {
		day, err = in.Today.Add(min(n, 1000)), nil
	}
	if err != nil || day <= in.Today || day > most {
		return "", Hint("多少天后再看?最迟" + most.Short() + ",点一个,或打天数。")
	}
	return string(day), nil
}

// whatFollows is what a standing means for the visits, in the words of the confirmation.
func whatFollows(kind string) string {
	switch kind {
	case string(ledger.StandingDied):
		return "之后不再提醒巡访,也不再给家里发消息。"
	case string(ledger.StandingPaused):
		return "这段时间不用巡访,落下的不用补。"
	case standingBack:
		return "照常巡访,落下的不用补。"
	}
	return "之后不再提醒巡访。"
}

func confirmStanding(a Answers, in Input) Prompt {
	c := ledger.Card{Title: title(a, in), Desc: whatFollows(a["kind"]), Buttons: confirmButtons}
	e, _ := a.subject(in.View)
	if a["kind"] == standingBack { // nothing to mend
		c.Buttons = slices.DeleteFunc(slices.Clone(confirmButtons), func(b ledger.Button) bool { return b.Key == "edit" })
	}
	switch {
	case a["kind"] != standingBack:
		c.Rows = []ledger.CardRow{{Name: "登记", Value: dated(ledger.Day(a["day"]), in.Today) + a["kind"]}}
	case e.gone():
		c.Rows = []ledger.CardRow{{Name: "收回", Value: dated(e.Away.From, in.Today) + string(e.Away.Kind)}}
	default:
		c.Rows = []ledger.CardRow{{Name: "登记", Value: "从今天起" + standingBack}}
	}
	if a["place"] != "" {
		c.Rows = append(c.Rows, ledger.CardRow{Name: "去向", Value: clip(a["place"], valueWidth)})
	}
	if a["review"] != "" {
		c.Rows = append(c.Rows, ledger.CardRow{Name: "复核", Value: dated(ledger.Day(a["review"]), in.Today) + "前"})
	}
	if a["tell"] != "" || !e.Access.Assign {
		c.Desc = "确认后告诉" + orElse(names(in.View.Assigners(e.ID)), "乡镇") + ",核实后登记。"
		if a["kind"] == string(ledger.StandingDied) && a["day"] == string(in.Today) {
			c.Title, c.Desc = emergencyFirst, title(a, in)+"。"+c.Desc
		}
	}
	return Prompt{Card: &c}
}

// takeBackDays is how long a village may take back that somebody died or left (requirements §3 case 1); the township may at
// any time.
const takeBackDays = 7

// standsAlready says why there is nothing to do, "" where there is.
func standsAlready(a Answers, e Elder, in Input) string {
	switch {
	case a["kind"] == standingBack && e.Away.Kind == "":
		return e.full() + "现在照常巡访,不用恢复。"
	case a["kind"] == standingBack && a["tell"] == "" && e.gone() && !e.Access.Correct && in.Today.Sub(e.Away.From) > takeBackDays:
		return fmt.Sprintf("%s%s已登记%s,过了%d天,收回要请乡镇办。", e.full(), dated(e.Away.From, in.Today), e.Away.Kind, takeBackDays)
	case e.gone() && a["kind"] == string(e.Away.Kind) && (a["day"] == "" || a["day"] == string(e.Away.From)):
		return fmt.Sprintf("%s已登记过:%s%s。登错了就说「恢复%s」。", e.full(), dated(e.Away.From, in.Today), e.Away.Kind, e.Name)
	}
	return ""
}

func standingDone(a Answers, in Input) Result {
	v := in.View
	e, ok := a.subject(v)
	if !ok {
		return outOfReach()
	}
	if text := standsAlready(a, e, in); text != "" {
		return unchanged(text)
	}
	if !e.Access.Assign {
		return passOn(a, in, e)
	}
	next := ledger.Standing{ElderID: e.ID, From: in.Today}
	what := "从今天起" + standingBack
	if a["kind"] == standingBack {
		if e.gone() {
			next.From, what = e.Away.From, "没有"+string(e.Away.Kind)+",登记收回了"
		}
	} else {
		next = ledger.Standing{ElderID: e.ID, From: ledger.Day(a["day"]), Kind: ledger.StandingKind(a["kind"]), Place: a["place"],
			Review: ledger.Day(a["review"])}
		what = dated(next.From, in.Today) + a["kind"]
		if next.Place != "" {
			what += "(" + next.Place + ")"
		}
		if next.Kind == ledger.StandingPaused && next.Review == "" { // the right came while the form was open
			return outOfReach()
		}
	}
	res := receipt("✓ 登记好了", "登记好了", e, what+"。"+whatFollows(a["kind"])+reviewWords(next, in))
	res.Changes = stand(in, e, next, what)
	return res
}

func reviewWords(s ledger.Standing, in Input) string {
	if s.Review == "" {
		return ""
	}
	return dated(s.Review, in.Today) + "前复核。"
}

// stand writes a standing and tells the visitors and the leads.
func stand(in Input, e Elder, next ledger.Standing, what string) ledger.Changes {
	s, _ := in.View.Sheet(e.ID)
	kind := string(next.Kind)
	if kind == "" {
		kind = standingBack
	}
	return ledger.Changes{
		Edits: []ledger.Edit{edit(in, what, ledger.Book{Standings: ledger.Stand(s.Standings, next)})},
		Messages: inform(in, append(slices.Clone(s.Visitors), in.View.Notified(e.Region)...),
			e.full()+what+","+in.View.Name+"登记。"+whatFollows(kind)+reviewWords(next, in)),
	}
}

// passOn sends what somebody without the right says to those who have it; the ledger stays as it is.
func passOn(a Answers, in Input, e Elder) Result {
	to := in.View.Assigners(e.ID)
	if len(to) == 0 {
		return receipt("还没有登记负责人", "没有登记", e, "请直接打电话告诉乡镇民政办。")
	}
	what, button := standingBack+"巡访", "go:standing:"+e.ID+":"+a["kind"]
	if a["day"] != "" {
		what = dated(ledger.Day(a["day"]), in.Today) + a["kind"]
		button += ":" + a["day"] + ":" + a["place"]
	}
	res := receipt("✓ 告诉"+names(to)+"了", "转过去了", e, what+",核实后登记。")
	c := ledger.Card{Title: e.full(), Desc: in.View.Name + "说的,请核实后登记。", Rows: []ledger.CardRow{{Name: "情况", Value: clip(what, valueWidth)}},
		Buttons: []ledger.Button{{Key: button, Text: "登记", Style: 1}, {Key: "go:no", Text: "不是", Style: 2}}}
	if a["place"] != "" {
		c.Rows = append(c.Rows, ledger.CardRow{Name: "去向", Value: clip(a["place"], valueWidth)})
	}
	res.Changes.Messages = hand(in, to, "standing", c)
	return res
}

// standingOf reads the button of passOn: elder, kind, day and place, as far as they were said.
func standingOf(arg string) (a affair, elder string, more Answers) {
	parts := append(strings.SplitN(arg, ":", 4), "", "", "")
	a = affair{form: "standing", with: Answers{}}
	if kind, err := parseKind(parts[1], Input{}); err == nil {
		a.with["kind"] = kind
	}
	if parts[3] != "" {
		a.with["place"] = parts[3]
	}
	return a, parts[0], Answers{"day": parts[2]}
}
