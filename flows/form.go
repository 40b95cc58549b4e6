// Package flows answers what a message means: a person's message and what they may see go in, the next question and what
// shall become true come out. It does no I/O, knows no clock, and never fails: a person's mistake is a reply.
package flows

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// Form is a conversation that ends in changes. Position is not stored: it follows from the answers (the first applicable
// step unanswered), so a changed form asks again rather than guesses.
type Form struct {
	Name  string
	Open  []string // words and menu keys that open it
	Steps []Step
	Title func(Answers, Input) string // the draft in a few words, for the way back
	Done  func(Answers, Input) Result
}

// Step is one question.
type Step struct {
	Key    string
	When   func(Answers) bool                  // nil: always
	Ask    func(Answers, Input) Prompt         // nil: never asked alone, only answered on another step's card
	Parse  func(string, Input) (string, error) // option id or typed text to stored answer; the error is a Hint, Redo or Abandon
	Lines  bool                                // one line answers it; further lines of the same text answer the next such steps
	Urgent string                              // the answer that raises an alarm
	Then   func(Answers, string)               // what an answer says of other steps besides
}

// Prompt is a question as it is shown: a card, or a text where a card cannot ask it.
type Prompt struct {
	Text string
	Card *ledger.Card
	Look string // the elder whose ledger entry it shows: the look is written down
}

// Answers are the stored answers by step key.
type Answers map[string]string

// Result is what a finished form leaves: the changes, what its last card turns into, and the form that follows, if any.
type Result struct {
	Changes ledger.Changes
	Card    ledger.Card // shown in place of the card that was tapped
	Text    string      // the same in words, for a typed answer or a card that can no longer be changed
	Next    string
	With    Answers
	Queue   []Answers // reports still to be asked about, one after the other
	Recent  []Recent
	Asks    []ledger.Message // what is asked besides, after the receipt
}

// Hint is a mistake of the person: what to do instead.
type Hint string

func (h Hint) Error() string { return string(h) }

// Redo sends the person back to some answers; what they were stays at hand under "was.", unless they were plainly wrong.
type Redo struct {
	Keys   []string
	Afresh bool
}

func (Redo) Error() string { return "redo" }

// Told are answers to other steps than the one that was asked; then the first that is open is asked.
type Told map[string]string

func (Told) Error() string { return "told" }

// Abandon ends the form without a trace.
type Abandon struct{}

func (Abandon) Error() string { return "abandon" }

// State is the conversation of one person between two messages. It goes through JSON.
type State struct {
	Draft
	Task   string   `json:"task,omitempty"`   // the card that shows the open question
	Last   string   `json:"last,omitempty"`   // the card obeyed last: a double tap
	Offer  string   `json:"offer,omitempty"`  // the card that offers the way back
	Miss   int      `json:"miss,omitempty"`   // answers not understood in a row
	Parked []Draft  `json:"parked,omitempty"` // oldest first
	Tray   []Shot   `json:"tray,omitempty"`   // photos bound to nothing yet
	Queue  []Draft  `json:"queue,omitempty"`  // visits of one message still to be asked about, in order
	Recent []Recent `json:"recent,omitempty"` // visits confirmed that still want a photo
	Logged []Recent `json:"logged,omitempty"` // records of the last confirmation, while they can be undone
	Danger Danger   `json:"danger,omitzero"`  // what sounded like danger and is not answered yet
	Switch Draft    `json:"switch,omitzero"`  // another visit that was begun in the middle of this one
	Alarm  Alarm    `json:"alarm,omitzero"`   // the emergency reported last
	Burden Burden   `json:"burden,omitzero"`  // what the bot asks of this person
	Kin    KinState `json:"kin,omitzero"`     // of a relative on 微信客服
}

// Draft is a form under way.
type Draft struct {
	Form    string   `json:"form,omitempty"`
	Answers Answers  `json:"answers,omitempty"`
	Order   []string `json:"order,omitempty"` // keys as they were answered, for 返回
	Step    string   `json:"step,omitempty"`  // the step the person last saw
	ID      string   `json:"id,omitempty"`    // of this draft: photos know the draft they came into
	At      int64    `json:"at,omitempty"`    // unix seconds of the last message
}

// Kind is the kind of a message.
type Kind int

// The kinds flows tells apart; whatever else WeCom delivers is kept by the store and means nothing here.
const (
	Text Kind = iota
	Tap
	Click
	Photo
	Voice
	Location
	Enter  // a relative opened 微信客服: Text is the handle of the contact card whose signature was right, else ""
	Recall // a relative took a message back: Text is its inbox key
	Other
)

// Input is one message with everything needed to understand it.
type Input struct {
	Key    string // the inbox key: all keys of this turn derive from it
	User   string
	Now    time.Time
	Today  ledger.Day
	Zone   *time.Location
	Kind   Kind
	Text   string              // typed text, or the menu key of a click
	Task   string              // of the tapped card
	Button string              // tapped
	Code   string              // response_code of the tap: good for one update of that card
	Picks  map[string][]string // chosen option ids by question
	Media  string              // media id of a photo or of something spoken
	Place  string              // what a shared location is called
	Greet  string              // of Enter: welcome_code, good for one message within 20 s (wecom/95122); "" none
	View   View

	shots   []Shot  // photos and voice that belong to the open form, set by the turn
	answers Answers // of the open form so far, set by the turn
}

// Times of a conversation (requirements §2.1).
const (
	idle      = 30 * time.Minute // then a form is parked
	draftLife = 72 * time.Hour   // then a draft is gone
	maxParked = 5
	textLimit = 2000 // bytes of one text; WeCom cuts at 2048 (wecom/90236)
)

// Busy says whether the person is in the middle of a form, or of an emergency that they reported: nothing but an emergency is said to them until it ends or has lain idle
// (requirements §3 case 22).
func (s State) Busy(now time.Time) bool {
	return s.Form != "" && now.Sub(time.Unix(s.At, 0)) < idle || s.Alarm.Key != "" && now.Sub(time.Unix(s.Alarm.At, 0)) < idle
}

// Advance takes one message and answers it.
func Advance(forms []Form, s State, in Input) (State, ledger.Changes) {
	if ledger.IsKf(in.User) { // their conversations are their own: no word of theirs opens a member's
		forms = kinForms
	}
	t := &turn{forms: forms, s: s, in: in}
	t.settle()
	switch {
	case ledger.IsKf(in.User):
		t.kin()
	case !in.View.Known:
		t.stranger()
	default:
		switch in.Kind {
		case Tap:
			t.tap()
		case Click:
			t.word(in.Text)
		case Photo:
			t.photo()
		case Voice:
			t.voice()
		case Location:
			t.location()
		case Text:
			t.text()
		}
	}
	t.s.Burden.count(s, in)
	t.s.At = in.Now.Unix()
	return t.s, t.out
}

// turn is one call of Advance at work.
type turn struct {
	forms []Form
	s     State
	in    Input
	out   ledger.Changes
	idled bool // the open form was parked just now because it lay idle
}

// settle brings the state up to the clock: idle forms are parked, old drafts, photos and waits forgotten.
func (t *turn) settle() {
	now := t.in.Now
	old := func(at int64, life time.Duration) bool { return now.Sub(time.Unix(at, 0)) >= life }
	if t.s.Form != "" && old(t.s.At, idle) {
		t.park()
		t.idled = true
	}
	if t.s.Form != "" && t.form(t.s.Form) == nil { // of a release that had it
		t.clear()
	}
	t.s.Parked = slices.DeleteFunc(slices.Clone(t.s.Parked), func(d Draft) bool { return old(d.At, draftLife) })
	t.s.Tray = slices.DeleteFunc(slices.Clone(t.s.Tray), func(p Shot) bool { return old(p.At, trayLife) })
	t.s.Queue = slices.DeleteFunc(slices.Clone(t.s.Queue), func(d Draft) bool { return old(d.At, draftLife) })
	t.s.Recent = slices.DeleteFunc(slices.Clone(t.s.Recent), func(r Recent) bool { return old(r.At, trayLife) })
	t.s.Logged = slices.DeleteFunc(slices.Clone(t.s.Logged), func(r Recent) bool { return old(r.At, undoLife) })
}

func (t *turn) form(name string) *Form {
	for i := range t.forms {
		if t.forms[i].Name == name {
			return &t.forms[i]
		}
	}
	return nil
}

// step is the open question: the first applicable step unanswered.
func (t *turn) step() *Step {
	f := t.form(t.s.Form)
	if f == nil {
		return nil
	}
	for i := range f.Steps {
		st := &f.Steps[i]
		if _, answered := t.s.Answers[st.Key]; !answered && st.Ask != nil && (st.When == nil || st.When(t.s.Answers)) {
			return st
		}
	}
	return nil
}

// park puts the open form aside. A form without an answer is not worth keeping.
func (t *turn) park() {
	if t.s.Form != "" && len(t.s.Order) > 0 {
		t.s.Parked = append(t.s.Parked, t.s.Draft)
		if len(t.s.Parked) > maxParked {
			t.s.Parked = t.s.Parked[1:]
		}
	}
	t.clear()
}

func (t *turn) clear() { t.s.Draft, t.s.Task, t.s.Miss = Draft{}, "", 0 }

// start opens a form with some answers given and asks its first open question.
func (t *turn) start(name string, with Answers) {
	t.park()
	t.s.Form, t.s.Answers, t.s.ID = name, Answers{}, t.in.Key
	f := t.form(name)
	for i := range f.Steps {
		if raw, ok := with[f.Steps[i].Key]; ok {
			t.set(f.Steps[i].Key, raw)
		}
	}
	for k, v := range with { // facts the form was opened with that are no step of it
		if _, ok := t.s.Answers[k]; !ok {
			t.s.Answers[k] = v
		}
	}
	t.next()
}

func (t *turn) set(key, value string) {
	if t.s.Answers == nil { // an empty map does not survive JSON
		t.s.Answers = Answers{}
	}
	t.s.Answers[key] = value
	t.s.Order = append(slices.DeleteFunc(t.s.Order, func(k string) bool { return k == key }), key)
}

// next asks the open question, or finishes the form when none is left.
func (t *turn) next() {
	if t.step() == nil {
		t.finish()
		return
	}
	t.ask()
}

func (t *turn) ask() {
	st := t.step()
	t.in.shots, t.in.answers = t.s.warm(t.in.Now), t.s.Answers
	p := st.Ask(t.s.Answers, t.in)
	t.s.Step, t.s.Task, t.s.Miss = st.Key, "", 0
	if p.Look != "" {
		t.looked(p.Look, ledger.LookCheck)
	}
	t.say(p.Text)
	if p.Card != nil {
		t.s.Task = t.card(*p.Card)
	}
}

func (t *turn) finish() {
	f := t.form(t.s.Form)
	t.in.shots = t.s.warm(t.in.Now)
	res := f.Done(t.s.Answers, t.in)
	t.merge(res.Changes)
	for _, p := range res.Changes.Photos {
		t.s.Tray = slices.DeleteFunc(t.s.Tray, func(s Shot) bool { return s.Key == p.Key })
	}
	switch {
	case t.in.Code != "": // the tapped card becomes the receipt: no further message
		t.send(ledger.Message{Code: t.in.Code, Card: &res.Card, Fallback: res.Text})
	default:
		t.say(res.Text)
	}
	for _, m := range res.Asks {
		t.send(m)
	}
	t.s.Recent = append(t.s.Recent, res.Recent...)
	if len(res.Changes.Entries) > 0 {
		t.s.Logged = nil
	}
	for _, e := range res.Changes.Entries {
		t.s.Logged = append(t.s.Logged, Recent{Entry: e.Key, Elder: e.ElderID, At: t.in.Now.Unix()})
	}
	if f.Name == pileForm.Name && pictures(t.in.shots) > 0 && len(res.Recent) > 0 { // sent with the lines: nobody said which of them
		t.whichVisit()
	}
	t.clear()
	for _, with := range res.Queue {
		t.s.Queue = append(t.s.Queue, Draft{Form: string(with.kind()), Answers: with, At: t.in.Now.Unix()})
	}
	if res.Next != "" {
		t.start(res.Next, res.With)
		return
	}
	t.onward()
}

// onward goes on with what one message told besides, and otherwise shows the way back.
func (t *turn) onward() {
	if len(t.s.Queue) == 0 {
		t.offer()
		return
	}
	d := t.s.Queue[0]
	t.s.Queue = t.s.Queue[1:]
	t.start(d.Form, d.Answers)
}

func (t *turn) merge(c ledger.Changes) {
	t.out.Entries = append(t.out.Entries, c.Entries...)
	t.out.Amended = append(t.out.Amended, c.Amended...)
	t.out.Reviewed = append(t.out.Reviewed, c.Reviewed...)
	t.out.Drop = append(t.out.Drop, c.Drop...)
	t.out.Findings = append(t.out.Findings, c.Findings...)
	t.out.Facts = append(t.out.Facts, c.Facts...)
	t.out.Photos = append(t.out.Photos, c.Photos...)
	t.out.Edits = append(t.out.Edits, c.Edits...)
	t.out.Settled = append(t.out.Settled, c.Settled...)
	t.out.Consents = append(t.out.Consents, c.Consents...)
	t.out.Looks = append(t.out.Looks, c.Looks...)
	t.out.Cases = append(t.out.Cases, c.Cases...)
	t.out.Words = append(t.out.Words, c.Words...)
	for _, m := range c.Messages {
		t.send(m)
	}
}

// offer shows the way back to the draft parked last.
func (t *turn) offer() {
	if len(t.s.Parked) == 0 {
		return
	}
	d := t.s.Parked[len(t.s.Parked)-1]
	title := "还有一份没记完"
	if f := t.form(d.Form); f != nil && f.Title != nil {
		title = f.Title(d.Answers, t.in)
	}
	t.s.Offer = t.card(ledger.Card{
		Title: "还没记完:" + title, Desc: "里面的内容都在,接着记就行。",
		Buttons: []ledger.Button{{Key: "resume", Text: "接着记", Style: 1}, {Key: "discard", Text: "不记了", Style: 2}},
	})
}

// resume takes the draft parked last up again.
func (t *turn) resume() {
	if len(t.s.Parked) == 0 {
		t.say("没有放着的记录。要记一次就点「巡访」。")
		return
	}
	d := t.s.Parked[len(t.s.Parked)-1]
	t.s.Parked = t.s.Parked[:len(t.s.Parked)-1]
	t.park()
	t.s.Draft, t.s.Offer = d, ""
	if t.form(d.Form) == nil {
		t.clear()
		return
	}
	t.next()
}

// tap obeys a card. Buttons that name what they are for ("go:visit:A03") work at any time; an open question's card works
// while it is the open question's; every other card is an old one and changes nothing.
func (t *turn) tap() {
	in := t.in
	switch {
	case slices.ContainsFunc(tappedAgain, func(p string) bool { return strings.HasPrefix(in.Button, p) }):
		t.goTo(strings.TrimPrefix(in.Button, "go:"))
	case in.Task != "" && in.Task == t.s.Task:
		t.answer(in.Button, in.Picks)
	case in.Task != "" && in.Task == t.s.Offer:
		t.s.Offer, t.s.Last = "", in.Task
		if in.Button == "resume" {
			t.done("接着记")
			t.resume()
		} else {
			t.done("不记了")
			t.s.Parked = t.s.Parked[:max(0, len(t.s.Parked)-1)]
		}
	case in.Task != "" && in.Task == t.s.Last:
		// The second of two quick taps: the first has been obeyed and its answer is on the card.
	case strings.HasPrefix(in.Button, "go:"):
		if verb, _, _ := strings.Cut(in.Button[len("go:"):], ":"); !slices.Contains(ownDone, verb) {
			t.done("好")
		}
		t.s.Last = in.Task
		t.goTo(strings.TrimPrefix(in.Button, "go:"))
	case t.idled:
		t.done("放久了")
		t.offer()
	default:
		t.done("已过时")
		t.say("这张卡片已经办过或过时了,什么都没有改。")
		if t.s.Form != "" {
			t.ask()
		} else {
			t.offer()
		}
	}
}

// ownDone are the buttons that say themselves what became of them.
var ownDone = []string{"take", "leave", "alarm", "calm", "undo", "why", "settle", "leaflet"}

// tappedAgain are the buttons of cards that are changed and tapped again: whether the second tap is one is for what they are about to know.
var tappedAgain = []string{"go:case:", "go:bond:", "go:word:", "go:relay:"}

// goTo follows a button that says by itself what it is for.
func (t *turn) goTo(what string) {
	verb, arg, _ := strings.Cut(what, ":")
	switch verb {
	case "alarm":
		t.alarmed()
	case "calm":
		t.calm()
	case "case":
		t.onCase(arg)
	case "switch":
		t.switched(arg == "yes")
	case "undo":
		t.undo(arg)
	case "mend":
		t.mend(arg)
	case "why":
		t.why(arg)
	case "settle":
		t.settled(arg, t.in.View.Reviews)
	case "visit", "talk":
		if e := t.in.View.find(arg); e != nil {
			t.start(verb, Answers{"elder": arg})
			return
		}
		t.word(verb)
	case "help":
		if e := t.in.View.find(arg); e != nil { // what is owed is one at home
			t.start(helpForm.Name, Answers{"elder": arg, "method": string(ledger.MethodDoor)})
			return
		}
		t.word(verb)
	case "bind":
		t.bind(arg)
	case "take", "leave":
		if arg == "" {
			t.word("请假")
			return
		}
		t.decide(arg, verb == "take")
	case "end":
		t.begun(roundsForm.Name, Answers{"round": arg})
	case "standing":
		t.begin(standingOf(arg))
	case "assign", "move", "correct", "consent":
		t.begin(affair{form: verb}, arg, nil)
	case "tier": // proposed by the calendar (requirements §3 case 28)
		id, cover, _ := strings.Cut(arg, ":")
		t.begin(affair{form: "correct", with: Answers{"field": "tier", "value": string(ledger.TierKey), "why": "符合" + cover}}, id, nil)
	case "paper":
		t.paper(arg)
	case "bond":
		t.onBond(arg)
	case "word":
		t.onWord(arg)
	case "relay":
		t.onRelay(arg)
	case "leaflet":
		t.onLeaflet(arg)
	case "card", "call", "seen", "check", "gaps", "basis":
		t.look(verb, arg)
	default:
		t.word(verb)
	}
}

// answer feeds a tapped card to the form: every pick to the step of its name, the button to the open step.
func (t *turn) answer(button string, picks map[string][]string) {
	st := t.step()
	if st == nil || st.Key != t.s.Step { // the form has changed since the card was sent
		t.next()
		return
	}
	t.s.Last = t.in.Task
	f := t.form(t.s.Form)
	for i := range f.Steps {
		if ids, ok := picks[f.Steps[i].Key]; ok {
			if !t.feed(&f.Steps[i], strings.Join(ids, ",")) {
				return
			}
		}
	}
	if _, picked := picks[st.Key]; !picked && !t.feed(st, button) {
		return
	}
	if t.step() != nil {
		t.done("已提交")
	}
	t.next()
}

// feed parses one answer; false means the turn has been answered otherwise.
func (t *turn) feed(st *Step, raw string) bool {
	value := raw
	if st.Parse != nil {
		t.in.answers = t.s.Answers
		v, err := st.Parse(raw, t.in)
		switch e := err.(type) {
		case nil:
			value = v
		case Redo:
			for _, k := range e.Keys {
				if old, ok := t.s.Answers[k]; ok {
					if !e.Afresh {
						t.s.Answers["was."+k] = old
					}
					delete(t.s.Answers, k)
				}
				t.s.Order = slices.DeleteFunc(t.s.Order, func(o string) bool { return o == k })
			}
			t.done("改一下")
			t.next()
			return false
		case Told:
			for _, k := range slices.Sorted(maps.Keys(e)) {
				t.set(k, e[k])
			}
			t.next()
			return false
		case Abandon:
			t.cancel()
			return false
		default:
			t.miss(err.Error())
			return false
		}
	}
	t.set(st.Key, value)
	if st.Then != nil {
		st.Then(t.s.Answers, value)
	}
	if st.Urgent != "" && value == st.Urgent { // the form waits: numbers first
		t.alarm(inDanger(t.s.Answers, t.in))
		return false
	}
	return true
}

// miss answers something not understood; the second time in a row the question is shown again.
func (t *turn) miss(hint string) {
	t.s.Miss++
	t.say(hint)
	if t.s.Miss >= 2 {
		t.ask()
	}
}

func (t *turn) cancel() {
	if t.s.Form == "" {
		t.say("现在没有正在记的。要记一次就点「巡访」。")
		return
	}
	t.clear()
	if t.in.Code != "" {
		t.done("已撤销")
	} else {
		t.say("好,这次不记了。")
	}
	t.onward()
}

// back drops the last answer and asks it again.
func (t *turn) back() {
	if t.s.Form == "" {
		t.say("现在没有正在记的。要记一次就点「巡访」。")
		return
	}
	if n := len(t.s.Order); n > 0 {
		delete(t.s.Answers, t.s.Order[n-1])
		t.s.Order = t.s.Order[:n-1]
	}
	t.next()
}

// text reads typed words: commands first, then danger, then the open question, then a sentence.
func (t *turn) text() {
	said := fold(t.in.Text)
	if slices.Contains(mistakes, said) {
		if f, ok := t.running(); ok && t.mistaken(f, said) {
			return
		}
	}
	switch said {
	case "取消", "退出":
		t.cancel()
		return
	case "返回", "上一步":
		t.back()
		return
	case "继续", "接着记":
		t.resume()
		return
	case "撤销":
		if t.s.Form != mendForm.Name && t.s.Step != "ok" {
			t.undo("")
			return
		}
	}
	if t.word(said) || t.follow() || t.affair(said) || t.question(said) {
		return
	}
	if t.s.Form == "" {
		t.loose(said)
		return
	}
	if p, ok := t.danger(); ok {
		t.peril(p)
		return
	}
	st := t.step()
	if st == nil || st.Key != t.s.Step {
		t.next()
		return
	}
	if t.elsewhere(st, said) {
		return
	}
	lines := []string{strings.TrimSpace(t.in.Text)}
	if st.Lines {
		lines = strings.FieldsFunc(t.in.Text, func(r rune) bool { return r == '\n' || r == '\r' })
	}
	for i, line := range lines {
		if i > 0 {
			if st = t.step(); st == nil || !st.Lines {
				break
			}
		}
		raw := strings.TrimSpace(line)
		if p := st.Ask(t.s.Answers, t.in); p.Card != nil {
			raw = choose(*p.Card, raw)
		}
		if !t.feed(st, raw) {
			return
		}
	}
	t.next()
}

// loose reads a text outside any form: an elder's name, a sentence, or nothing we know.
func (t *turn) loose(said string) {
	parts := t.in.View.Said
	whole := slices.ContainsFunc(parts, func(p understand.Part) bool {
		return perilous(p) || reports(p) && len(p.Reading.Elders) > 0
	})
	if t.idled && !whole { // a late answer is never applied; it shows the way back
		t.offer()
		return
	}
	if hits, sure := t.in.View.meant(said); len(hits) > 0 && sure {
		id, _ := parseElder(said, t.in)
		t.start("visit", Answers{"elder": id})
		return
	}
	if t.sentence() {
		if t.idled {
			t.offer()
		}
		return
	}
	if len(t.s.Parked) > 0 {
		t.offer()
		return
	}
	t.say("没看懂「" + clip(strings.TrimSpace(t.in.Text), 20) + "」。记巡访请点「巡访」,别的请说「帮助」。")
}

// choose turns a typed number or the words of an option into its id, so that every card can be answered by typing.
func choose(c ledger.Card, raw string) string {
	var opts []ledger.Option
	switch {
	case c.Checks != nil:
		opts = c.Checks.Options
	case len(c.Selects) > 0:
		opts = c.Selects[0].Options
	default:
		for _, b := range c.Buttons {
			opts = append(opts, ledger.Option{ID: b.Key, Text: b.Text})
		}
	}
	one := func(word string) string {
		if n, err := strconv.Atoi(word); err == nil && n >= 1 && n <= len(opts) {
			return opts[n-1].ID
		}
		for _, o := range opts {
			if fold(o.Text) == word {
				return o.ID
			}
		}
		return ""
	}
	said := fold(raw)
	if id := one(said); id != "" {
		return id
	}
	if c.Checks == nil {
		return raw
	}
	var ids []string
	for _, word := range strings.FieldsFunc(said, func(r rune) bool { return strings.ContainsRune(" ,、;", r) }) {
		id := one(word)
		if id == "" {
			return raw
		}
		ids = append(ids, id)
	}
	return strings.Join(ids, ",")
}

// say sends a text, in several messages where one would be cut.
func (t *turn) say(text string) {
	for len(text) > textLimit {
		cut := strings.LastIndexByte(text[:textLimit], '\n')
		if cut <= 0 {
			cut = textLimit
			for cut > 0 && text[cut]&0xC0 == 0x80 {
				cut--
			}
		}
		t.send(ledger.Message{Text: text[:cut]})
		text = strings.TrimPrefix(text[cut:], "\n")
	}
	if text != "" {
		t.send(ledger.Message{Text: text})
	}
}

// card sends a card and gives its task id.
func (t *turn) card(c ledger.Card) string {
	sum := sha256.Sum256([]byte(t.in.Key + "/" + strconv.Itoa(len(t.out.Messages))))
	c.Task = "x" + hex.EncodeToString(sum[:12])
	t.send(ledger.Message{Card: &c})
	return c.Task
}

// done greys the tapped card with a word; nothing happens where nothing was tapped.
func (t *turn) done(word string) {
	if t.in.Code != "" {
		t.send(ledger.Message{Code: t.in.Code, Card: &ledger.Card{Done: word}})
	}
}

// send puts a message out, to the speaker and as a reply unless it says otherwise. One response_code is good for one
// update: a second update of the same tap is left out.
func (t *turn) send(m ledger.Message) {
	if m.Code != "" && slices.ContainsFunc(t.out.Messages, func(o ledger.Message) bool { return o.Code == m.Code }) {
		return
	}
	m.Text, m.Fallback = fit(m.Text), fit(m.Fallback)
	if m.To == "" {
		m.To, m.Priority = t.in.User, ledger.PriorityReply
	}
	if m.Key == "" {
		m.Key = t.in.Key + "/" + strconv.Itoa(len(t.out.Messages))
	}
	t.out.Messages = append(t.out.Messages, m)
}

// fold brings what people type to one shape: full width to half, no punctuation around, single blanks.
func fold(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～':
			return r - 0xFEE0
		case r == '　' || r == '\t' || r == '\n' || r == '\r':
			return ' '
		}
		return r
	}, s)
	s = strings.Trim(s, " .,!?;:。、~…「」\"'")
	return strings.Join(strings.Fields(s), " ")
}

// fit cuts a text to what one message holds; what is said to others may repeat a long text somebody typed.
func fit(text string) string {
	const dots = "…"
	if len(text) <= textLimit {
		return text
	}
	cut := textLimit - len(dots)
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut] + dots
}

// clip cuts a text to n characters.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
