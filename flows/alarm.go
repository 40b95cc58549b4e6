package flows

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"xunfang/ledger"
)

// state says how far the case is: one sentence, and the way to it.
func (c CaseView) state(in Input) string {
	now := "还没有人接。"
	taken, was := takenOf(c.CaseFile)
	switch {
	case c.State.Over():
		now = c.end(in) + "。"
	case c.Owner != "":
		now = clock(taken.At, in) + " " + c.name(c.Owner) + "已接,正在处理。"
		if news, ok := c.Last(ledger.EventNews); ok && news.N > taken.N && news.Text != "" {
			now += "\n" + clock(news.At, in) + " " + news.Text
		}
	case was && c.Wave > taken.Wave:
		now = clock(taken.At, in) + " " + c.name(taken.By) + "接过,现在没有人接。"
	}
	trail := []string{clock(c.At, in) + " 上报"}
	var told []string
	for _, e := range c.Timeline {
		if e.Kind == ledger.EventTold {
			told = append(told, e.To)
		}
	}
	switch n := len(unique(told)); {
	case n > 0 && c.Sight < ledger.CasePart: // how many would say where somebody out of sight lives
		trail = append(trail, "已告知负责人")
	case n > 0:
		trail = append(trail, fmt.Sprintf("已告知%d人", n))
	}
	if c.Owner != "" {
		trail = append(trail, clock(taken.At, in)+" 接手")
	}
	return now + "\n" + strings.Join(trail, " → ")
}

// end says when and how the case ended.
func (c CaseView) end(in Input) string {
	last, _ := c.Last(ledger.EventEnded, ledger.EventFalse)
	what := "已结束:"
	if c.State == ledger.CaseFalse {
		what = "按误报结束:"
	}
	return clock(last.At, in) + " " + what + orElse(clip(c.Outcome, 60), "没有写经过")
}

// card is the live card of the case for whoever it is.
func (c CaseView) card(in Input) ledger.Card {
	switch {
	case c.dept() != "" && !c.acts():
		return deptCard(c, in)
	case c.acts():
		return leadCard(c, "", in)
	}
	return reporterCard(c, in)
}

// kindOptions is how many kinds the drop-down holds beside 还不清楚: WeCom allows ten options (wecom/90236), and shows the first as chosen.
const kindOptions = 9

// reporterCard is for who reported: how far it is, and nothing of the elder that they may not see.
func reporterCard(c CaseView, in Input) ledger.Card {
	card := ledger.Card{Title: clip(drillMark(c.Case)+"⚠ 已报告:"+c.about(), 36), Desc: "他们会打给您,请保持电话畅通。", Sub: clip(c.state(in), listWidth)}
	if c.Sight >= ledger.CasePart {
		card.Rows = []ledger.CardRow{{Name: "编号", Value: clip(c.No, valueWidth)}}
	}
	switch {
	case c.State.Over():
		card.Desc, card.Done = "不用再等。", "已结束"
		return card
	case c.Drill:
		card.Desc, card.Buttons = "看谁接、几分钟接。", []ledger.Button{c.button("see", "看进展", 1), c.button("end", "结束演练", 2)}
		return card
	}
	if c.Leads && c.Owner == "" {
		card.Buttons = append(card.Buttons, c.button("take", "我来处理", 1))
	}
	if _, done := c.did(ledger.EventDialed); !done {
		card.Buttons = append(card.Buttons, c.dial())
	}
	far := ledger.IsKf(c.User) // on WeChat there is no list to choose from, and who is far away is not with anybody
	if _, done := c.did(ledger.EventWith); !done && !far {
		card.Buttons = append(card.Buttons, c.button("with", "我陪着", 2))
	}
	if c.What == "" && !far {
		card.Drop = &ledger.Choice{Key: "what", Title: "是什么事", Options: []ledger.Option{{ID: "-", Text: "还不清楚"}}, Picked: []string{"-"}}
		for _, k := range ledger.AlarmKinds[:kindOptions] {
			card.Drop.Options = append(card.Drop.Options, ledger.Option{ID: k.Key, Text: k.Name})
		}
		card.Buttons = append(card.Buttons, c.button("kind", "报是什么事", 1))
	}
	card.Buttons = append(card.Buttons, c.button("doubt", "搞错了", 2))
	if len(c.Told()) > 1 {
		card.Buttons = append(card.Buttons, c.button("see", "看进展", 2))
	}
	return card
}

// rows are what somebody who acts needs: numbers are whole, because calling is the point.
func (c CaseView) rows(in Input) []ledger.CardRow {
	var rows []ledger.CardRow
	row := func(name, value string) {
		if value = strings.TrimSpace(strings.ReplaceAll(value, "\n", " ")); value != "" && len(rows) < 6 {
			rows = append(rows, ledger.CardRow{Name: name, Value: clip(value, valueWidth)})
		}
	}
	if c.Unverified {
		row("报告", clock(c.At, in)+" 没有登记的人(未核实)")
		if !ledger.IsKf(c.By) { // a relative's thread tells nobody anything
			row("账号", c.By)
		}
	} else {
		row("报告", clock(c.At, in)+" "+orElse(c.Reporter.Name, "系统")+" "+c.Post)
		row("电话", c.Reporter.Phone)
	}
	row("说的", c.About)
	row("地点", orElse(c.where(), "还没说,请问报告人。"+map[bool]string{true: "从" + c.Village + "报来"}[c.Village != ""]))
	if c.Sight >= ledger.CaseAll {
		row("老人", c.Phone)
		if !ledger.AlarmOf(c.What).Hidden {
			row("家属", c.Kin+" "+c.KinPhone)
		}
	}
	return rows
}

// leadCard is for whoever may act; why says why it comes now.
func leadCard(c CaseView, why string, in Input) ledger.Card {
	card := ledger.Card{Title: c.headline(), Desc: why + "接手请点「我来处理」,别人就知道有人管了。", Rows: c.rows(in)}
	card.Sub = c.state(in) + "\n" + c.No
	if len([]rune(c.About)) > valueWidth {
		card.Sub = clip("「"+strings.ReplaceAll(c.About, "\n", " ")+"」", listWidth-len([]rune(card.Sub))-1) + "\n" + card.Sub
	}
	card.Sub = clip(card.Sub, listWidth)
	switch {
	case c.State.Over():
		card.Desc, card.Done = "已结束,不用去了。", "已结束"
	case c.Owner == c.User:
		card.Desc = orElse(why, "您在处理。") + "有进展点一下,别人就不用再找人。"
		card.Buttons = append(c.offers("news", newsOptions), c.button("pass", "转交", 2), c.button("end", "结束", 2))
	case c.Owner != "":
		taken, _ := takenOf(c.CaseFile)
		card.Desc = orElse(why, clock(taken.At, in)+" "+c.name(c.Owner)+"已接。") + "您也去就点「我也去」。"
		card.Buttons = []ledger.Button{c.button("with", "我也去", 2), c.button("see", "看进展", 2)}
		if c.Leads {
			card.Buttons = append(card.Buttons, c.button("end", "结束", 2))
		}
	default:
		card.Buttons = []ledger.Button{c.button("take", "我来处理", 1), c.button("pass", "转交", 2)}
		if !c.Drill {
			card.Buttons = append(card.Buttons, c.dial())
		}
	}
	if c.Leads && !c.State.Over() {
		card.Buttons = append(card.Buttons, c.button("false", "误报", 2))
	}
	return card
}

// deptCard tells a department of what is its business: to know, to claim, and what it is bound to do (002 六(四)).
func deptCard(c CaseView, in Input) ledger.Card {
	card := ledger.Card{Title: c.headline(), Desc: clip(orElse(c.Duty, "请看是不是归您管")+"。认领请点「认领」。", 44), Rows: c.rows(in), Sub: clip(c.state(in)+"\n"+c.No, listWidth)}
	switch claimed, done := c.did(ledger.EventTaken); {
	case c.State.Over():
		card.Desc, card.Done = "已结束,不用去了。", "已结束"
	case done:
		card.Desc, card.Done = clock(claimed.At, in)+" 您已认领。", "已认领"
	default:
		card.Buttons = []ledger.Button{c.button("claim", "认领", 1)}
	}
	return card
}

// alarmRung is a message of the ladder: a card, or what is said where somebody could not be rung up.
func alarmRung(ring ledger.Ring, c CaseView, in Input) ledger.Message {
	m := ledger.Message{Priority: ledger.PriorityAlarm}
	why := whyNow(ring, c, in)
	if ring.Kind == ledger.EventCalled {
		m.Voice = true
		m.Text = drillMark(c.Case) + clock(in.Now, in) + " ⚠ 紧急:" + c.about() + "。" + why + c.callReporter() + "接手请回「" + c.No + " 我来」。"
		return m
	}
	card := leadCard(c, why, in)
	if ring.Kind == ledger.EventShown {
		card = deptCard(c, in)
	}
	card.Task = task(ring.Message)
	m.Card = &card
	return m
}

// callReporter is whom to call, where they have a number.
func (c CaseView) callReporter() string {
	if c.Reporter.Phone == "" {
		return ""
	}
	return "先打给" + c.Reporter.Name + " " + c.Reporter.Phone + "。"
}

// whyNow says why a message of the ladder goes out now, "" for the first.
func whyNow(ring ledger.Ring, c CaseView, in Input) string {
	switch ring.Why {
	case ledger.EventQuiet:
		return c.silent(in)
	case ledger.EventAgain:
		return fmt.Sprintf("第%d遍通知,还没有人接。", ring.Wave+1)
	case ledger.EventGraver:
		return "比刚才说的严重。"
	case ledger.EventKnown:
		return "有新情况,也告诉您。"
	}
	if since := in.Now.Sub(c.At); ring.Rung > 0 && since >= time.Minute {
		return "报告" + minutes(since) + "了,还没有人接。"
	}
	return ""
}

// silent says that whoever took the case has not been heard of since.
func (c CaseView) silent(in Input) string {
	taken, ok := takenOf(c.CaseFile)
	if !ok {
		return "接了以后没有消息。"
	}
	last := taken.At
	for _, e := range c.Timeline {
		if e.By != "" && e.By == taken.By {
			last = e.At
		}
	}
	return c.name(taken.By) + clock(taken.At, in) + "接了," + minutes(in.Now.Sub(last)) + "没有消息。"
}

func minutes(d time.Duration) string {
	switch {
	case d >= 2*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "小时"
	case d < time.Minute:
		return "不到1分钟"
	}
	return strconv.Itoa(int(d/time.Minute)) + "分钟"
}
