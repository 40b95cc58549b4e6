package flows

import (
	"fmt"
	"slices"
	"strings"

	"xunfang/ledger"
)

// Letter puts a letter of the calendar into words: what somebody owes is their 待办, as if they had asked for it; a lead gets one
// card with what is open and why. In names regions; the view is the recipient's, and nobody beyond it is named.
func Letter(l ledger.Letter, in Input, region func(code string) string) ledger.Message {
	m := ledger.Message{Key: l.Key, To: l.To, Priority: ledger.PriorityReminder, NotBefore: l.At}
	w := letter{Letter: l, in: in, region: region}
	w.lists()
	w.proposed()
	w.reviewed()
	w.weekGaps()
	w.duePapers()
	family := letter{Letter: l, in: in, region: region}
	family.leaflets()
	family.bonds()
	if l.Mine {
		if l.KeyOnly {
			in.View.Elders = slices.DeleteFunc(slices.Clone(in.View.Elders), func(e Elder) bool { return e.Tier != ledger.TierKey })
		}
		in.Kind, in.Text, in.Key = Click, "todo", l.Key
		_, out := Advance(Forms, State{}, in)
		switch {
		case len(out.Messages) == 0:
		case len(w.lines) == 0 && (out.Messages[0].Card != nil || len(family.lines) == 0):
			m.Text, m.Card = out.Messages[0].Text, out.Messages[0].Card
			family.besides(&m)
			return m
		case len(w.lines) > 0:
			w.lines = append(w.lines, "还有您自己欠的,点「我的待办」看。")
			w.button("go:todo", "我的待办")
		}
	}
	w.lines = append(w.lines, family.lines...)
	for _, b := range family.buttons {
		w.button(b.Key, b.Text)
	}
	if len(w.lines) == 0 {
		return m
	}
	card := ledger.Card{Task: task(l.Key), Title: clip(w.lines[0], titleWidth), Sub: shown(w.lines[1:], len(w.lines), "…还有%d行"), Buttons: w.buttons}
	if len(card.Buttons) == 0 {
		w.button("go:todo", "看名单")
		card.Buttons = w.buttons
	}
	m.Card = &card
	return m
}

// letter is a lead's card in the making.
type letter struct {
	ledger.Letter
	in      Input
	region  func(string) string
	lines   []string
	buttons []ledger.Button
}

func (w *letter) line(format string, args ...any) {
	w.lines = append(w.lines, fmt.Sprintf(format, args...))
}

// mostButtons are what a card can have (wecom/90236).
const mostButtons = 6

func (w *letter) button(key, text string) {
	for _, b := range w.buttons {
		if b.Key == key {
			return
		}
	}
	if len(w.buttons) < mostButtons {
		w.buttons = append(w.buttons, ledger.Button{Key: key, Text: clip(text, buttonWidth), Style: min(2, len(w.buttons)+1)})
	}
}

// by is the last day in words: "明天是最后一天".
func (w *letter) by(due ledger.Day) string {
	switch left := due.Sub(w.in.Today); {
	case left < 0:
		return due.Short() + "已经到期"
	case left == 0:
		return "今天是最后一天"
	case left == 1:
		return "明天是最后一天"
	default:
		return fmt.Sprintf("剩%d天", left)
	}
}

// lacked is what was not done, or not often enough.
var lacked = map[ledger.EntryKind]string{ledger.KindVisit: "看够", ledger.KindHelp: "帮扶", ledger.KindTalk: "联系家属"}

// lists tell what nudging did not help: how many, with whom, and why (finding 3).
func (w *letter) lists() {
	for _, x := range w.Lists {
		elders := map[string]bool{} // of several who help one elder each answers for them
		for _, part := range x.Open {
			for _, id := range part.Elders {
				elders[id] = true
			}
		}
		what := roundName(x.Duty)
		if x.Period != "" {
			what = x.Period.Name()
		}
		w.line("%s%s还差%d位没%s,%s", w.region(x.Region), what, len(elders), lacked[x.Kind], w.by(x.Due))
		for _, part := range x.Open {
			w.part(part, x.Kind)
		}
		w.button("go:todo", "看名单")
		w.button("go:leave", "请人代班")
	}
}

func (w *letter) part(x ledger.OpenPart, kind ledger.EntryKind) {
	who := w.in.View.Staff(x.UserID)
	switch {
	case x.Region != "":
		who = w.region(x.Region)
	case x.UserID == "":
		who = "没人管"
	}
	why := ""
	switch {
	case x.Away.UserID != "" && x.Away.Deputy == "":
		why = fmt.Sprintf("(请假到%s,没有代班)", x.Away.To.Short())
	case x.Away.UserID != "":
		why = fmt.Sprintf("(请假到%s,%s代班)", x.Away.To.Short(), w.in.View.Staff(x.Away.Deputy))
	case x.Tried > 0 && kind == ledger.KindTalk: // requirements §3 case 26: 未联系 is something else than 联系未果
		why = fmt.Sprintf("(联系未果%d位,未联系%d位)", x.Tried, len(x.Elders)-x.Tried)
	case x.Tried > 0:
		why = fmt.Sprintf("(%d位去过没见到)", x.Tried)
	}
	w.line("%s:差%d位%s", who, len(x.Elders), why)
}

func (w *letter) proposed() {
	for i, x := range w.Propose {
		s, ok := w.in.View.Sheet(x.ElderID)
		if !ok {
			continue
		}
		if i == 0 {
			w.line("有老人符合条件,请您定")
		}
		as := "可列为巡访对象"
		if x.Key {
			as = "可列为重点"
		}
		w.line("%s %s:%s(%s)", s.Elder.Name, x.Cover, as, clause(x.Source))
		if x.Key {
			w.button("go:tier:"+x.ElderID+":"+x.Cover, "重点 "+s.Elder.Name)
		} else {
			w.button("go:card:"+x.ElderID, "看"+s.Elder.Name)
		}
	}
}

// clause is a source without what it says: "002 四(一)".
func clause(source string) string {
	head, _, _ := strings.Cut(source, ":")
	head, _, _ = strings.Cut(head, ";")
	return clip(head, 20)
}

func (w *letter) reviewed() {
	for _, x := range w.Reviews {
		s, ok := w.in.View.Sheet(x.ElderID)
		if !ok {
			continue
		}
		w.line("%s暂停巡访到%s,该看看了:回来了没有", s.Elder.Name, x.Review.Short())
		w.button("go:standing:"+x.ElderID+":"+standingBack, clip(s.Elder.Name, buttonWidth-3)+"回来了")
		w.button("go:card:"+x.ElderID, "看"+s.Elder.Name)
	}
}

func (w *letter) weekGaps() {
	for i, g := range w.Gaps {
		if i == 0 {
			w.line("下周可能有人没人看,请先安排")
		}
		switch g.Kind {
		case ledger.GapNobody:
			w.line("%s:%d位老人没有巡访员", w.region(g.Region), g.Elders)
			w.button("go:gaps", "看空缺")
		case ledger.GapLeave:
			w.line("%s:%s到%s请假,没有代班", w.in.View.Staff(g.UserID), g.From.Short(), g.To.Short())
			w.button("go:leave", "请人代班")
		case ledger.GapLoad:
			w.line("%s:还有%d位要看,只剩%d天", w.in.View.Staff(g.UserID), g.Elders, g.Days)
			w.button("go:leave", "请人代班")
		}
	}
}

func (w *letter) duePapers() {
	for _, x := range w.Papers {
		w.line("%s%s的%s,%s(%s)", w.region(x.Region), x.Period.Name(), x.Name, w.by(x.Due), clause(x.Source))
		w.button("go:paper:"+strings.Join([]string{x.Name, x.Region, string(x.Period), "done"}, "/"), x.Name+"已报")
	}
}

// besides adds what there is to do about families to the list of what somebody owes: that comes first, and its buttons stay.
func (w *letter) besides(m *ledger.Message) {
	if len(w.lines) == 0 {
		return
	}
	c := *m.Card
	var words []string
	if n := len(w.Cards); n > 0 {
		words = append(words, fmt.Sprintf("%d位老人要发联系卡", n))
	}
	if n := len(w.Bonds); n > 0 {
		words = append(words, fmt.Sprintf("%d位家属的微信要再确认", n))
	}
	c.Desc = clip(c.Desc+"另有"+strings.Join(words, "、")+"。", 44)
	c.Buttons = slices.Clone(c.Buttons)
	for _, b := range w.buttons[:min(len(w.buttons), mostButtons-len(c.Buttons))] {
		c.Buttons = append(c.Buttons, ledger.Button{Key: b.Key, Text: b.Text, Style: 2})
	}
	m.Card = &c
}

// leaflets tell which elders have no contact card, or one that is out of date (002 五·加强联系).
func (w *letter) leaflets() {
	n := 0
	for _, x := range w.Cards {
		s, ok := w.in.View.Sheet(x.ElderID)
		if !ok {
			continue
		}
		if n++; n == 1 {
			w.line("有老人要发联系卡")
		}
		name, text := s.Elder.Name, s.Elder.Name+"的卡"
		if e := w.in.View.find(x.ElderID); e != nil && len(w.in.View.named(name)) > 1 {
			name, text = w.in.View.call(e), name+" "+orElse(e.Group, e.Village)
		}
		w.line("%s:%s", name, x.Why)
		w.button("go:leaflet:"+x.ElderID, text)
	}
}

// bonds tell whose WeChats are to be confirmed again: each year somebody says that it is still theirs (PIPL art. 19).
func (w *letter) bonds() {
	n := 0
	for _, b := range w.Bonds {
		s, ok := w.in.View.Sheet(b.ElderID)
		if !ok {
			continue
		}
		if n++; n == 1 {
			w.line("有家属的微信要再确认一次")
		}
		w.line("%s的%s:登记到%s", s.Elder.Name, named(kinOf(s, b.Kin)), b.Until.Short())
		w.button("go:bond:see:"+bondKey(b), "确认"+b.Kin)
	}
}

// paper notes that an office has sent what it owes, so that nobody reminds it again.
func (t *turn) paper(key string) {
	t.say("✓ 记下了,这一期不再提醒。")
	t.out.Notices = append(t.out.Notices, ledger.Notice{Key: key, To: t.in.User, Kind: ledger.NoticeCounty, Day: t.in.Today,
		Message: t.out.Messages[len(t.out.Messages)-1].Key, Cause: "said to be sent", At: t.in.Now})
}
