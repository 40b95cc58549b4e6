package flows

import (
	"slices"
	"strings"
	"time"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// running is the emergency that what is said now belongs to: reported less than half an hour ago, with no form open since. One that
// has ended meanwhile is told of once.
func (t *turn) running() (ledger.CaseFile, bool) {
	a := t.s.Alarm
	if a.Key == "" || t.s.Form != "" || t.in.Now.Sub(time.Unix(a.At, 0)) >= alarmTalk {
		return ledger.CaseFile{}, false
	}
	f, ok := t.in.View.file(a.Key)
	if ok && f.State.Over() {
		t.s.Alarm = Alarm{}
		t.say(ended(f, t.in))
		return f, false
	}
	return f, ok
}

// ended says how a case ended.
func ended(f ledger.CaseFile, in Input) string {
	last, _ := f.Last(ledger.EventEnded, ledger.EventFalse)
	what := "结束了:"
	if f.State == ledger.CaseFalse {
		what = "按误报结束了:"
	}
	return drillMark(f.Case) + "刚才报的那件事" + clock(last.At, in) + what + orElse(clip(f.Outcome, 100), "没有写经过") + "。又有危险就说「紧急」。"
}

// otherwise are intents of their own, whatever was reported before.
var otherwise = []understand.Intent{understand.QueryElder, understand.QueryTodo, understand.QueryStats, understand.Help, understand.Cancel,
	understand.Leave, understand.Correct, understand.Greeting}

// nothingMore are words with which somebody says that they have no more to say: nobody is rung up to read them.
var nothingMore = []string{"跳过", "好", "好的", "嗯", "行", "收到", "知道了", "谢谢", "谢谢您", "没有了", "没了", "没有", "ok"}

// commanded says whether a text is a command about an elder's entry or the ledger, whatever was reported before.
func (t *turn) commanded(said string) bool {
	verb, arg := split(said)
	known := func(name string) bool {
		hits, sure := t.in.View.Find(name)
		return len(hits) > 0 && sure
	}
	if slices.Contains([]string{"check", "gaps", "reviews"}, verb) && arg == "" || slices.Contains([]string{"whose", "seen", "card", "basis"}, verb) && known(arg) {
		return true
	}
	return slices.ContainsFunc(affairs, func(a affair) bool {
		return slices.ContainsFunc(a.open, func(word string) bool {
			name, ok := strings.CutPrefix(said, word)
			return ok && (name == "" || known(strings.Trim(name, " :")))
		})
	})
}

// follow passes a text on to the emergency that was reported just before; false where it is about something else.
func (t *turn) follow() bool {
	f, ok := t.running()
	if !ok || t.commanded(fold(t.in.Text)) {
		return false
	}
	if slices.Contains(nothingMore, fold(t.in.Text)) {
		t.say(drillMark(f.Case) + "好。他们会打给您,请保持电话畅通。")
		t.offerOnce()
		return true
	}
	a := t.heed(t.in.Text)
	f = t.ofThese(f, a)
	if f.What != "" && f.State == ledger.CaseTaken && !slices.ContainsFunc(t.in.View.Said, func(p understand.Part) bool { return perilous(p) && p.Reading.Sure }) {
		a.what = "" // 救护车到了 makes nothing worse: somebody acts, and only what leaves no doubt rings everybody anew
	}
	if t.mistaken(f, fold(t.in.Text)) || t.another(f, a) {
		return true
	}
	for _, p := range t.in.View.Said {
		well := p.Reading.Status != nil && *p.Reading.Status == string(ledger.OutcomeOK)
		if slices.Contains(otherwise, p.Reading.Intent) || reports(p) && well && len(p.Reading.Elders) > 0 && !slices.Contains(a.elders, f.ElderID) {
			return false
		}
	}
	if f.ElderID != "" {
		if len(a.elders) > 0 && !slices.Contains(a.elders, f.ElderID) {
			return false
		}
		a.elders, a.sure = nil, false
	}
	t.added(f)
	x := t.emergency(a)
	if strings.ContainsAny(a.about, "?？吗哪谁") { // who asks for somebody does not say who it is
		x.ElderID, x.Place, a.elders = "", "", nil
	}
	t.more(f, x, a)
	t.offerOnce()
	return true
}

// ofThese is the one of the speaker's emergencies that an elder who is named belongs to, else the last.
func (t *turn) ofThese(last ledger.CaseFile, a alert) ledger.CaseFile {
	if len(a.elders) != 1 || a.elders[0] == last.ElderID {
		return last
	}
	for _, f := range t.in.View.Alarms {
		if f.ElderID == a.elders[0] && !f.State.Over() && t.in.Now.Sub(spoke(f, t.in.User)) < alarmTalk {
			return f
		}
	}
	return last
}

// mistakes are the words with which a report is taken back.
var mistakes = []string{"搞错了", "按错了", "点错了", "报错了", "误报", "取消", "撤销"}

// mistaken asks whether a report was a mistake.
func (t *turn) mistaken(f ledger.CaseFile, said string) bool {
	c, ok := t.in.View.caseOf(f.Key)
	if !ok || !slices.Contains(mistakes, said) {
		return false
	}
	t.added(f)
	if c.heads() {
		t.deal("false", c, "")
	} else {
		t.deal("doubt", c, "")
	}
	return true
}

// another takes over that the reporter meant another elder: 不是她,是张桂花.
func (t *turn) another(f ledger.CaseFile, a alert) bool {
	meant := slices.ContainsFunc(t.in.View.Said, func(p understand.Part) bool { return p.Reading.Intent == understand.Correct })
	if !meant || !a.sure || len(a.elders) != 1 || a.elders[0] == f.ElderID || f.By != t.in.User {
		return false
	}
	e, step := t.in.View.find(a.elders[0]), f.Step()
	step.Case.ElderID = ""
	step.Add(ledger.Event{Kind: ledger.EventMore, By: t.in.User, Wave: f.Wave, Text: a.about, At: t.in.Now})
	learn(&step, ledger.Case{About: a.about, ElderID: e.ID, Region: e.Region}, t.in)
	t.out.Cases = append(t.out.Cases, step)
	t.added(f)
	t.passedOn(step, f)
	return true
}

// added notes that the conversation is still about the emergency.
func (t *turn) added(f ledger.CaseFile) { t.s.Alarm.Key, t.s.Alarm.At = f.Key, t.in.Now.Unix() }

// offerOnce shows the way back to the form that the alarm broke into, when it no longer stands in the way.
func (t *turn) offerOnce() {
	if !t.s.Alarm.Offered {
		t.s.Alarm.Offered = true
		t.offer()
	}
}

// burstOf says whether the same person sent the same kind of thing a moment ago: it is answered and told once.
func burstOf(f ledger.CaseFile, text string, in Input) bool {
	last, ok := f.Last(ledger.EventMore)
	return ok && last.By == in.User && last.Text == text && in.Now.Sub(last.At) < burst
}

// sent binds a photo or something spoken to the emergency that was reported just before; false where there is none.
func (t *turn) sent(kind ledger.MediaKind, what, answer string) bool {
	f, ok := t.running()
	if !ok {
		return false
	}
	shot, _ := t.keep(kind)
	shot.EntryKey = f.Key
	t.out.Photos = append(t.out.Photos, shot)
	t.added(f)
	if burstOf(f, what, t.in) {
		return true
	}
	step := f.Step()
	step.Add(ledger.Event{Kind: ledger.EventMore, By: t.in.User, Wave: f.Wave, Text: what, At: t.in.Now})
	t.out.Cases = append(t.out.Cases, step)
	t.say(drillMark(f.Case) + answer)
	t.offerOnce()
	return true
}

// placed passes a shared location on.
func (t *turn) placed() bool {
	f, ok := t.running()
	if !ok {
		return false
	}
	where := orElse(strings.TrimSpace(t.in.Place), "见上报人")
	x := ledger.Case{Place: clip(where, 60)}
	_, x.Region = t.in.View.spot(where)
	step := f.Step()
	step.Add(ledger.Event{Kind: ledger.EventMore, By: t.in.User, Wave: f.Wave, Text: "位置:" + x.Place, At: t.in.Now})
	learn(&step, x, t.in)
	t.out.Cases = append(t.out.Cases, step)
	t.added(f)
	t.say(drillMark(f.Case) + "位置已转过去。")
	t.offerOnce()
	return true
}
