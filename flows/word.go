package flows

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"xunfang/ledger"
)

// newWord is a word that shall reach a relative. What it says stands in its first line; what only who calls reads, in the others.
func newWord(in Input, key string, elderID, kin, user string, p ledger.WordPurpose, text string) ledger.WordStep {
	return ledger.WordStep{Word: ledger.Word{Key: key, ElderID: elderID, Kin: kin, User: user, Purpose: p, Text: text, State: ledger.WordOpen,
		Due: in.Now, At: in.Now, Moved: in.Now, Rev: 1}}
}

// What a word is about, as a title says it: of the elder nothing (wecom-external.md F: the text stays minimal).
var wordTitles = map[ledger.WordPurpose]string{ledger.WordEmergency: "请马上联系村里", ledger.WordSummary: "老人的近况", ledger.WordConfirm: "核对联系方式",
	ledger.WordUrge: "请联系老人", ledger.WordGreeting: "村里的问候", ledger.WordPassed: "有人捎话给您"}

// wordReasons are what a call is for, for who makes it.
var wordReasons = map[ledger.WordPurpose]string{ledger.WordEmergency: "紧急", ledger.WordSummary: "告诉近况", ledger.WordConfirm: "核对号码和去处",
	ledger.WordUrge: "请家属关心", ledger.WordGreeting: "问候", ledger.WordPassed: "捎话"}

// wordDefaults are said where a word has no text of its own.
var wordDefaults = map[ledger.WordPurpose]string{
	ledger.WordEmergency: "家里有急事,请马上给村里打电话。", ledger.WordSummary: "老人的近况更新了。想知道就在这里问一句。",
	ledger.WordConfirm: "您的号码和住的城市变了没有?点一下就行。", ledger.WordUrge: "老人家里有事要您关心,请给老人或村里打个电话。",
	ledger.WordGreeting: "有空给老人打个电话吧。", ledger.WordPassed: "有人捎话给您,请在这里问一句。"}

// wordSaid is what a word says. What a relative reads stands in the first line of an emergency and of what a family is urged with; what
// only who calls reads, in the others. All lines of any other word are the relative's.
func wordSaid(w ledger.Word) (said string, told []string) {
	text := strings.TrimSpace(w.Text)
	if w.Purpose == ledger.WordEmergency || w.Purpose == ledger.WordUrge {
		all := strings.Split(text, "\n")
		text, told = all[0], all[1:]
	}
	return orElse(text, wordDefaults[w.Purpose]), told
}

// Spoken puts a try into words for its channel; false where there is nothing to say. A call is a task of whoever it goes to, and its
// number stands whole on the card: who gives the message out writes the look down (ledger.LookCall).
func Spoken(f ledger.WordFile, t ledger.Try, w WordView, in Input) (ledger.Message, bool) {
	said, _ := wordSaid(f.Word)
	m := ledger.Message{Key: t.Message, To: f.User, Word: f.Key, Priority: ledger.PriorityReminder}
	if f.Purpose == ledger.WordEmergency {
		m.Priority = ledger.PriorityAlarm
	}
	title := orElse(wordTitles[f.Purpose], wordTitles[ledger.WordPassed])
	switch t.Channel {
	case ledger.ChannelKf:
		c := ledger.Card{Task: task(t.Message), Title: title, Desc: said, Buttons: []ledger.Button{{Key: "kin:heard", Text: "知道了", Style: 1}}}
		if f.Purpose == ledger.WordConfirm {
			c.Buttons = []ledger.Button{{Key: "kin:same", Text: "没变", Style: 1}, {Key: "kin:phone", Text: "换号", Style: 1},
				{Key: "kin:where", Text: "换城市", Style: 1}, {Key: "kin:later", Text: "以后再说", Style: 1}}
		}
		m.Card = &c
	case ledger.ChannelOfficial: // fixed fields of at most 20 characters that strangers may read on a locked screen
		m.Card = &ledger.Card{Title: title, Rows: []ledger.CardRow{{Name: "事项", Value: title},
			{Name: "时间", Value: in.Now.In(in.Zone).Format("2006-01-02 15:04")}, {Name: "说明", Value: "请点开查看,或致电村委会"}}}
	case ledger.ChannelSMS: // neither name nor health: 6 digits that are typed into 微信客服 (wecom-external.md E.1)
		m.Card = &ledger.Card{Rows: []ledger.CardRow{{Name: "code", Value: smsCode(t)}}}
	case ledger.ChannelMass:
		m.To, m.Text = t.To, said
	case ledger.ChannelCall:
		if w.Kin.Phone == "" || w.Kin.Dead != "" {
			return ledger.Message{}, false
		}
		m.To = t.To
		if m.Priority == ledger.PriorityReminder {
			m.NotBefore = humane(in)
		}
		w.WordFile = f
		c := w.card(t.To, "")
		c.Task = task(t.Message)
		m.Card = &c
	default:
		return ledger.Message{}, false
	}
	return m, true
}

// smsCode are the six digits of a text message: they say nothing, and open nothing by themselves.
func smsCode(t ledger.Try) string {
	sum := sha256.Sum256([]byte("sms/" + t.Message))
	return fmt.Sprintf("%06d", (int(sum[0])<<16|int(sum[1])<<8|int(sum[2]))%1_000_000)
}

// Grey changes the card of a call that somebody else has made: who it was asks for nothing any more.
func Grey(f ledger.WordFile, by string, name string) []ledger.Message {
	var out []ledger.Message
	for _, t := range f.Log {
		if t.Channel == ledger.ChannelCall && t.Kind == ledger.TrySent && t.To != by && t.To != "" {
			p := ledger.PriorityReminder
			if f.Purpose == ledger.WordEmergency {
				p = ledger.PriorityAlarm
			}
			out = append(out, ledger.Message{Key: fmt.Sprintf("word/%s/%d/grey/%s", f.Key, f.Rev+1, t.To), To: t.To, Of: t.Message, Priority: p,
				Card: &ledger.Card{Done: clip(orElse(name, "有人")+"打通了", buttonWidth)}})
		}
	}
	return out
}

// card is a call as a task (wecom-external.md E.2): whom to ring, the number whole, three lines to say, how it went. Emergencies say
// what happened to who calls, and only to them.
func (w WordView) card(user, now string) ledger.Card {
	said, told := wordSaid(w.Word)
	mark, desc := "", "照下面说,说完点一下结果。"
	if w.Purpose == ledger.WordEmergency {
		mark, desc = "⚠ 马上打:", "打通为止。没人接就隔几分钟再打。"
	}
	me := ""
	if w.Names != nil {
		me = w.Names(user)
	}
	c := ledger.Card{Title: clip(orElse(mark, "请打电话:")+w.Elder.Name+"的"+named(w.Kin), titleWidth), Desc: clip(now+desc, 44)}
	for _, r := range []ledger.CardRow{{Name: "打给", Value: named(w.Kin)}, {Name: "电话", Value: w.Kin.Phone}, {Name: "老人", Value: w.Elder.who()},
		{Name: "为了", Value: wordReasons[w.Purpose]}} {
		if r.Value != "" {
			r.Value = clip(r.Value, valueWidth)
			c.Rows = append(c.Rows, r)
		}
	}
	lines := []string{"「您好,我是" + w.Elder.Village + me + "。」", "「" + strings.ReplaceAll(said, "\n", " ") + "」"}
	switch {
	case len(told) > 0 && w.Purpose == ledger.WordUrge:
		lines = append(lines, "说清:"+clip(strings.Join(told, " "), 60))
	case len(told) > 0:
		lines = append(lines, clip(strings.Join(told, " "), 60))
	case w.Purpose == ledger.WordConfirm:
		lines = append(lines, "「您现在在哪个城市?号码还是这个吗?」")
	case w.Purpose == ledger.WordUrge:
		lines = append(lines, "「您打算哪天回来看看?」")
	default:
		lines = append(lines, "「您有什么话要捎给老人?」")
	}
	lines[1] = clip(lines[1], listWidth-len([]rune(lines[0]+lines[2]))-2)
	c.Sub = clip(strings.Join(lines, "\n"), listWidth)
	for i, b := range []struct{ verb, text string }{{"done", "已接通"}, {"none", "无人接"}, {"wrong", "号码错"}, {"other", "换号"}} {
		c.Buttons = append(c.Buttons, ledger.Button{Key: "go:word:" + b.verb + ":" + w.Key, Text: b.text, Style: min(2, i+1)})
	}
	return c
}

// onWord obeys a button of a call: VERB:KEY.
func (t *turn) onWord(arg string) {
	verb, key, _ := strings.Cut(arg, ":")
	var w WordView
	ok := false
	if t.in.View.Word != nil {
		w, ok = t.in.View.Word(key)
	}
	switch {
	case !ok || !w.Mine && !w.called(t.in.User):
		t.notMine()
	case w.State.Over() && w.State != ledger.WordSent:
		t.overWord(w)
	case verb == "see":
		t.done("看了")
		t.looked(w.ElderID, ledger.LookCall)
		t.card(w.card(t.in.User, ""))
	case verb == "done":
		t.heardBy(w)
	case verb == "none":
		t.unanswered(w)
	case verb == "wrong" || verb == "other":
		t.misnumbered(w, verb == "wrong")
	default:
		t.notMine()
	}
}

// called says that somebody was asked to make the call: whoever gets through, it counts, even after it went to another.
func (w WordView) called(user string) bool {
	return slices.ContainsFunc(w.Log, func(e ledger.Try) bool { return e.Channel == ledger.ChannelCall && e.To == user })
}

// overWord says that there is nothing left to call for.
func (t *turn) overWord(w WordView) {
	text := map[ledger.WordState]string{ledger.WordHeard: w.Kin.Name + "已经知道了。", ledger.WordDropped: "这个电话不用打了。"}[w.State]
	for i := len(w.Log) - 1; i >= 0; i-- {
		if e := w.Log[i]; e.Kind == ledger.TryHeard && e.By != "" && w.State == ledger.WordHeard {
			by := orElse(w.Names(e.By), "别人")
			if e.By == t.in.User {
				by = "您"
			}
			text = clock(e.At, t.in) + " " + by + "已经打通了。"
			break
		}
	}
	text = orElse(text, "这个电话已经不用打了。")
	t.receive(ledger.Card{Title: clip(w.Elder.Name+"的"+named(w.Kin), titleWidth), Desc: clip(text, 44), Done: "不用打了"}, text+"什么都没有改。")
}

// tried notes how a call went, by a person (wecom-external.md E.2: the log is a statement).
func (t *turn) tried(w WordView, kind ledger.TryKind, text string) ledger.WordStep {
	s := w.Step()
	s.Word.Due = t.in.Now
	s.Add(ledger.Try{Channel: ledger.ChannelCall, Kind: kind, To: w.Owner, By: t.in.User, Text: text, At: t.in.Now})
	return s
}

// heardBy notes that the relative was spoken with: the only thing that ends an emergency's calls.
func (t *turn) heardBy(w WordView) {
	s := t.tried(w, ledger.TryHeard, "")
	s.Word.State, s.Word.Due = ledger.WordHeard, time.Time{}
	t.out.Words = append(t.out.Words, s)
	t.says("✓ 记下了,"+named(w.Kin)+"已接通", w.Elder.who(), "已接通")
	for _, m := range Grey(w.WordFile, t.in.User, t.in.View.Name) {
		t.send(m)
	}
	t.begun(wordForm.Name, Answers{"word": w.Key, "elder": w.ElderID, "kin": w.Kin.Name})
}

// unanswered notes that nobody took the call. Three days without an answer, and the number is taken for dead (requirements §3 case 26).
func (t *turn) unanswered(w WordView) {
	s := t.tried(w, ledger.TryNoAnswer, "")
	days := map[ledger.Day]bool{t.in.Today: true}
	for _, e := range w.Log {
		if e.Channel == ledger.ChannelCall && e.Kind == ledger.TryNoAnswer {
			days[ledger.DayOf(e.At, t.in.Zone)] = true
		}
	}
	now := clock(t.in.Now, t.in) + " 无人接。"
	if len(days) < TriesMost {
		t.out.Words = append(t.out.Words, s)
		c := w.card(t.in.User, now)
		c.Desc = clip(now+"再过一会儿再打,换个时间。", 44)
		t.receive(c, "记下了:"+now+"再过一会儿再打,换个时间。")
		return
	}
	s.Add(ledger.Try{Channel: ledger.ChannelCall, Kind: ledger.TryDead, By: t.in.User, Text: fmt.Sprintf("%d天无人接", TriesMost), At: t.in.Now})
	t.out.Words = append(t.out.Words, s)
	c, told := deadNumber(t.in, w.Elder, w.Kin.Name, t.in.Today)
	t.merge(c)
	text := fmt.Sprintf("记下了:%d天都无人接,这个号码不再打。%s", TriesMost, told)
	t.receive(ledger.Card{Title: clip(named(w.Kin)+"的号码不再打", titleWidth), Desc: clip(text, 44), Done: "记下了"}, text)
}

// misnumbered notes that the number is wrong, or that there is another, and asks for it. The ledger changes as the pack says: at once,
// or when the keeper has nodded (002 五·信息核对).
func (t *turn) misnumbered(w WordView, wrong bool) {
	kind, word := ledger.TryOther, "换号"
	if wrong {
		kind, word = ledger.TryWrong, "号码错"
		t.out.Edits = append(t.out.Edits, deadEdit(t.in, w.ElderID, w.Kin.Name, "电话说号码不对"))
	}
	s := t.tried(w, kind, "")
	s.Word.Due = t.in.Now.Add(numberWait(w.Purpose, t.in.View.Rules))
	t.out.Words = append(t.out.Words, s)
	t.says("✓ 记下了:"+named(w.Kin)+word, w.Elder.who(), word)
	t.begun(factForm.Name, Answers{"for": w.ElderID, "entry": "word/" + t.in.Key, "field": "kin", "kin": w.Kin.Name, "sure": "ask"})
}

// numberWait is how long a word waits for the number that has just been asked for: for whoever types it, or for the keeper who nods. An
// emergency hardly does.
func numberWait(p ledger.WordPurpose, r Rules) time.Duration {
	switch {
	case p == ledger.WordEmergency:
		return 2 * time.Minute
	case slices.Contains(r.Confirm, "kin"):
		return 24 * time.Hour
	}
	return idle
}

// deadEdit marks a relative's number as one that reaches nobody.
func deadEdit(in Input, elderID, kin, why string) ledger.Edit {
	return edit(in, why, ledger.Book{Kin: []ledger.Kin{{ElderID: elderID, Name: kin, Dead: in.Today}}})
}

// deadNumber marks it and asks the village for another: the one road, whoever it was that called.
func deadNumber(in Input, e Elder, kin string, day ledger.Day) (c ledger.Changes, told string) {
	if slices.ContainsFunc(in.View.kin(e.ID), func(k ledger.Kin) bool { return k.Name == kin && k.Dead == "" }) {
		c.Edits = []ledger.Edit{deadEdit(in, e.ID, kin, fmt.Sprintf("%d次没联系上", TriesMost))}
	}
	if e.Lead.UserID == "" {
		return c, ""
	}
	c.Messages = inform(in, []Person{e.Lead}, fmt.Sprintf("%s:家属%s%d次没联系上。请核对电话。\n%s %s打的。", e.full(), kin, TriesMost, in.View.Name, day.Short()))
	return c, fmt.Sprintf("%d次没联系上,请%s核对电话。", TriesMost, e.Lead.Name)
}

// wordForm takes what was said on the phone in a line, if there is one. For a helper the same talk can count as the half-year's
// (002 五·帮扶服务), by the form that talks are confirmed with.
var wordForm = Form{
	Name:  "word",
	Title: func(a Answers, in Input) string { return "和" + a["kin"] + "说的话" },
	Done:  wordDone,
	Steps: []Step{{Key: "line", Parse: parseLine, Ask: func(a Answers, _ Input) Prompt {
		return Prompt{Text: a["kin"] + "说了什么?说一句;没有就说「跳过」。"}
	}}},
}

func wordDone(a Answers, in Input) Result {
	res := Result{Text: "好。", Card: ledger.Card{Done: "好"}}
	var w WordView
	ok := false
	if in.View.Word != nil {
		w, ok = in.View.Word(a["word"])
	}
	if ok && a["line"] != "" {
		s := w.Step()
		s.Add(ledger.Try{Channel: ledger.ChannelCall, Kind: ledger.TryHeard, To: w.Owner, By: in.User, Text: a["line"], At: in.Now})
		res.Changes.Words, res.Text, res.Card.Done = []ledger.WordStep{s}, "✓ 记下了。", "记下了"
	}
	if e := in.View.find(a["elder"]); e != nil && e.Paired {
		res.Next, res.With = talkForm.Name, Answers{"elder": e.ID, "whom": a["kin"], "method": string(ledger.MethodPhone),
			"outcome": string(ledger.OutcomeOK), "points": "", "line": a["line"]}
		res.Text += "这次也可以算半年一次的联系,确认就记上。"
	}
	return res
}

// waitingKin shows besides what somebody owes which calls are theirs and which relatives wait to be confirmed.
func (t *turn) waitingKin() {
	v := t.in.View
	var lines []string
	var buttons []ledger.Button
	add := func(line, key, text string) {
		lines = append(lines, line)
		if len(buttons) < todoButtons {
			buttons = append(buttons, ledger.Button{Key: key, Text: clip(text, buttonWidth), Style: min(2, len(buttons)+1)})
		}
	}
	for _, w := range v.Words {
		add(w.Elder.Name+"的"+named(w.Kin)+":"+wordReasons[w.Purpose], "go:word:see:"+w.Key, "打给"+w.Kin.Name)
	}
	for _, x := range v.Bonds {
		add(x.Elder.Name+"的"+named(x.Kin)+":等您确认微信", "go:bond:see:"+bondKey(x.Bond), "确认"+x.Kin.Name)
	}
	if len(lines) == 0 {
		return
	}
	var words []string
	if n := len(v.Words); n > 0 {
		words = append(words, fmt.Sprintf("%d个电话等您打", n))
	}
	if n := len(v.Bonds); n > 0 {
		words = append(words, fmt.Sprintf("%d位家属等您确认", n))
	}
	t.card(ledger.Card{Title: strings.Join(words, ","), Sub: shown(lines, todoLines, "…还有%d条"), Buttons: buttons})
}
