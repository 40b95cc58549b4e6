package flows

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunfang/ledger"
)

// Family is what a turn of a relative on 微信客服 is decided from. Nothing of it is said but what Tie.Hearing lets be said, and nothing
// at all before a bond is verified: the same words for elders who exist and who do not (requirements §3 case 10).
type Family struct {
	Ties        []Tie                                      // verified bonds of this WeChat, and those that wait for an answer
	Match       func(handle, end string) (Candidate, bool) // whose number at the card's elder ends so; false for a card that opens nothing, too
	Guessed     int                                        // ends of numbers that this WeChat named in ledger.GuessesWithin
	GuessedCard func(handle string) int                    // and those named for a card
	CardKnows   func(handle string) []Person               // who knows the family of a card that opens something: told of tries
	CardElder   func(handle string) string                 // its elder as those know them, for what they are told; "" none
	Word        ledger.WordFile                            // that they have just answered by writing: the newest that reached them; zero: none
	Open        []ledger.WordFile                          // words to this WeChat that are not over, or sent and not heard
	Lines       []ledger.Line                              // of this WeChat, 微信客服 aside
	Invites     bool                                       // there is a further line that they can open: 服务号, or their helper's WeChat
}

// Candidate is the relative of the ledger that the end of a number points to, and who is asked whether it is so.
type Candidate struct {
	ElderID, Kin, Relation string
	Phone                  string   // for who knows the family: shown masked
	Knows                  []Person // helpers, else visitors, else the village lead
	Bound                  []string // threads that are bound to the same relative already
}

// Tie is one elder to one relative.
type Tie struct {
	ledger.Bond
	Hearing  ledger.Hearing
	Acts     []ledger.Consent
	Call     string         // what the elder is to them: 您母亲, 您父亲, 老人
	Elder    Elder          // as the people who work here know them: never shown
	Kin      ledger.Kin     // themselves on the ledger
	Kins     []string       // names of all the elder's relatives on the ledger: never shown
	Entries  []ledger.Entry // from the first of the month before on, newest first: visits, helps and talks
	Findings []ledger.Finding
	Visitor  Contact  // who visits
	Helper   Contact  // who helps; the zero Contact where nobody does
	Village  Contact  // the village's lead
	Place    string   // 望远村
	Others   []string // threads of other relatives that are bound to the same elder
	Urgent   bool     // an emergency of theirs is under way, or just over: what the visits before it found is no answer
}

// Contact is somebody to be called.
type Contact struct{ UserID, Name, Phone string }

// BondView is a bond as who works here sees it, to say whether it is so.
type BondView struct {
	ledger.Bond
	Elder Elder
	Kin   ledger.Kin
	Nick  string           // what they call themselves on WeChat
	Acts  []ledger.Consent // the elder's and the family's
}

// WordView is a word to a relative as whoever is to call sees it.
type WordView struct {
	ledger.WordFile
	Elder  Elder
	Kin    ledger.Kin
	Others []ledger.Kin // of the same elder, with a number that works
	Mine   bool         // it is the speaker's task, or they lead where the elder lives
	Names  func(user string) string
}

// Leaflet is an elder's contact card as it would be made now, and the one that is out there.
type Leaflet struct {
	Now     ledger.Leaflet                    // to be issued: with a new handle where the one out there is out of date
	Out     ledger.Leaflet                    // the one that opens something today; the zero Leaflet: none
	Changed bool                              // what Out bears is no longer so
	Picture func() (png []byte, words string) // of Now, or of Out where nothing changed
}

// KinState is what a relative's conversation remembers besides an open form.
type KinState struct {
	Handle string          `json:"h,omitempty"` // of the contact card they came by; never shown
	Wrote  int64           `json:"w,omitempty"` // unix seconds of their last word, which opened the window
	Met    bool            `json:"g,omitempty"` // greeted since then: opening the chat again uses up no message
	Menu   []ledger.Button `json:"m,omitempty"` // what the last answer offered: it can be typed by number or label
	Last   string          `json:"k,omitempty"` // inbox key of their last word, for taking it back
	Lost   int             `json:"n,omitempty"` // words in a row that were not understood
}

// Handle is the contact card by which a relative came.
func Handle(s State) string { return s.Kin.Handle }

// Called is what an elder is to a relative of that relation, with whom the relative speaks of them. Gender is 男 or 女.
func Called(relation, gender string) string {
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(relation, w) })
	}
	pair := func(she, he string) string {
		switch gender {
		case "女":
			return she
		case "男":
			return he
		}
		return "老人"
	}
	switch {
	case has("外孙", "外甥孙"):
		return pair("您姥姥", "您姥爷")
	case has("孙"):
		return pair("您奶奶", "您爷爷")
	case has("媳"):
		return pair("您婆婆", "您公公")
	case has("婿"):
		return pair("您岳母", "您岳父")
	case has("侄", "外甥", "弟", "妹", "兄", "哥", "姐"):
		return "老人"
	case has("女儿", "儿子", "子女", "闺女", "长子", "次子", "长女", "次女", "养子", "养女", "继子", "继女", "儿", "女"):
		return pair("您母亲", "您父亲")
	}
	return "老人"
}

// Channel and version of what a relative is asked and told here: kept with every consent (PIPL art. 14, 17).
const (
	kinMeans = "微信客服"
	kinText  = "家属告知 kf-1"
)

// welcome greets whoever opens 微信客服: who we are, for what, how to stop (PIPL art. 17, 35), and the first question. It is the same for a
// genuine, a revoked, a forged card and none: nothing is looked at.
func welcome() ledger.Card {
	c := ledger.Card{Title: "您好,这里是老人巡访的家属窗口。",
		Desc: "由当地民政部门和村委会办理,您留的只用来联系老人的事,说「我的信息」能看留了什么,说「退订」随时停。\n" +
			"登记过的,直接打字问近况就行。第一次来请点一下:您是老人的什么人?"}
	for _, r := range claims {
		c.Buttons = append(c.Buttons, item("go:kin:claim:"+r, r))
	}
	return c
}

// Words that are the same for whoever asks, whatever the ledger says.
const (
	unbound   = "这里只能回答登记过的家属。请用老人家里联系卡上的二维码进来,或请村委会帮您登记。"
	waiting   = "还在等村里认识您家的人点头,一般一两天。点了头,这里会告诉您。着急就请村委会帮您催一下。"
	limited   = "这件事请问村委会。"
	noVoice   = "语音这里听不了,请打字说一句。有人遇到危险,请先打120或110,再打「紧急」。"
	noKind    = "这个这里看不了,请打字说一句。"
	kinHelp   = "能做这些,打字就行:\n问近况:「我妈咋样」\n捎句话、捎张照片:「捎话」\n换了号码、换了地方:「换号」「换城市」\n几时回家:「回家」\n请了谁照顾老人:「请人照顾」\n每月主动告诉我:「每月通知」\n谁在看望:「谁在照顾」\n看留了什么:「我的信息」;不想收了:「退订」\n有人遇到危险:先打120或110,再打「紧急」"
	alarmOver = "您报的那件事已经处理完了,详细的请给村里打个电话。又有危险就说「紧急」。"
	nothingOn = "现在没有正在办的事。想知道近况,打字问就行。"
)

// kin takes a relative's turn: one answer to each word, and what is tapped can be typed.
func (t *turn) kin() {
	t.s.Parked, t.s.Queue = nil, nil // what lay idle is asked anew
	switch t.in.Kind {
	case Enter:
		t.entered()
		t.pack()
		return
	case Recall:
		t.recalled()
		return
	}
	k := &t.s.Kin
	menu := k.Menu
	k.Menu = nil
	if t.in.Now.Sub(time.Unix(t.s.At, 0)) >= idle {
		menu = nil
	}
	k.Wrote, k.Met = t.in.Now.Unix(), false
	t.heardWord()
	t.overNow()
	switch t.in.Kind {
	case Tap:
		t.kinTap()
	case Photo:
		t.kinPhoto()
	case Voice:
		if !t.sent(ledger.MediaVoice, "(语音)", "语音已转过去,叫他们打给您。能打字就再说一句:在哪、是谁、怎么了?") {
			t.say(noVoice)
		}
	case Location: // finer than a city: not kept (PIPL art. 28); in an emergency it is passed on
		if !t.placed() {
			t.say("位置不用发,说到市、县就行,比如「我在杭州」。")
		}
	case Text, Click:
		t.kinText(menu)
	default:
		t.say(noKind)
	}
	k.Last = t.in.Key
	t.s.Parked = nil
	t.pack()
}

// entered greets. Without a welcome_code that needs an open window, and once for each of their words is enough.
func (t *turn) entered() {
	k := &t.s.Kin
	if h := strings.TrimSpace(t.in.Text); h != "" {
		k.Handle = h
	}
	c := welcome()
	switch {
	case t.in.Greet != "":
		t.send(ledger.Message{Code: t.in.Greet, Card: &c, Fallback: c.Title})
		k.Menu = c.Buttons
	case k.Wrote != 0 && t.in.Now.Sub(time.Unix(k.Wrote, 0)) < ledger.KfLife && !k.Met:
		k.Met = true
		if t.step() != nil {
			t.ask()
			return
		}
		t.menu(c)
	}
}

// recalled forgets what was taken back, and says nothing: the last answer of an open form is open again.
func (t *turn) recalled() {
	if n := len(t.s.Order); t.s.Form != "" && n > 0 && t.in.Text == t.s.Kin.Last {
		delete(t.s.Answers, t.s.Order[n-1])
		t.s.Order = t.s.Order[:n-1]
	}
	if t.s.Form == kinPassForm.Name && t.s.Answers["photo"] == "photo/"+t.in.Text {
		t.clear()
	}
	if t.s.Danger.Text != "" && t.in.Text == t.s.Kin.Last {
		t.s.Danger = Danger{}
	}
}

// heardWord notes that they answered a word that reached them: only a person's act is a hearing.
func (t *turn) heardWord() {
	w := t.in.View.Family.Word
	if w.Key == "" || w.State != ledger.WordOpen && w.State != ledger.WordSent {
		return
	}
	step := w.Step()
	step.Word.State, step.Word.Due = ledger.WordHeard, time.Time{}
	step.Add(ledger.Try{Channel: ledger.ChannelKf, Kind: ledger.TryHeard, At: t.in.Now})
	t.out.Words = append(t.out.Words, step)
}

// overNow says once that what they reported is over. How it ended is told by a person: it may be of the elder's health.
func (t *turn) overNow() {
	f, ok := t.in.View.file(t.s.Alarm.Key)
	if !ok || !f.State.Over() {
		return
	}
	if t.in.Now.Sub(time.Unix(t.s.Alarm.At, 0)) < alarmTalk {
		t.say(alarmOver)
	}
	t.s.Alarm = Alarm{}
}

// kinTap obeys a menu. What names itself works at any time; an open question's menu works while it is open.
func (t *turn) kinTap() {
	in := t.in
	switch {
	case strings.HasPrefix(in.Button, "go:case:"):
		t.kinCase(strings.TrimPrefix(in.Button, "go:case:"))
	case in.Button == "go:alarm":
		t.asFamily(t.alarmed)
	case in.Button == "go:calm":
		t.s.Danger = Danger{}
		t.say("好,没有报。有危险随时说「紧急」。")
	case strings.HasPrefix(strings.TrimPrefix(in.Button, "go:"), "kin:"):
		t.kinGo(strings.TrimPrefix(strings.TrimPrefix(in.Button, "go:"), "kin:"))
	case in.Task != "" && in.Task == t.s.Task:
		t.s.Kin.Lost = 0
		t.answer(in.Button, nil)
	case t.step() != nil:
		t.ask()
	default:
		t.say("这一步已经办过了,没有再改。还有事就打字说一句。")
	}
}

// kinCase obeys a button of what they reported.
func (t *turn) kinCase(arg string) {
	_, rest, _ := strings.Cut(arg, ":")
	key, _, _ := strings.Cut(rest, ":")
	if f, ok := t.in.View.file(key); ok && f.State.Over() {
		t.say(alarmOver)
		return
	}
	t.asFamily(func() { t.onCase(arg) })
}

// kinText reads typed words: danger first, then what works at any time, then the open question.
func (t *turn) kinText(menu []ledger.Button) {
	said := strings.ToLower(fold(t.in.Text))
	if t.kinPeril(said) {
		return
	}
	switch said {
	case "取消", "退出":
		if t.s.Form == "" {
			t.say(nothingOn)
			return
		}
		t.clear()
		t.say("好,没有改什么。还有事就打字说一句。")
		return
	case "返回", "上一步":
		if t.s.Form == "" {
			t.say(nothingOn)
			return
		}
		t.back()
		return
	}
	if t.s.Form == "" {
		if key := typed(menu, said); key != "" {
			t.in.Button = key
			t.kinTap()
			return
		}
	}
	verb, sure := kinVerb(said)
	if t.s.Form != "" && (!sure || t.freely() && verb != "quit") {
		t.kinAnswer()
		return
	}
	if verb == "" {
		t.lost()
		return
	}
	t.kinGo(verb)
}

// freely says whether the open question takes any words.
func (t *turn) freely() bool {
	st := t.step()
	return st != nil && slices.Contains([]string{"words", "when", "name", "relation", "line"}, st.Key)
}

// typed is the key of the offer that a text names by its number or its words.
func typed(menu []ledger.Button, said string) string {
	for i, b := range menu {
		if said == strconv.Itoa(i+1) || said == fold(b.Text) {
			return b.Key
		}
	}
	return ""
}

// kinAnswer feeds typed words to the open question.
func (t *turn) kinAnswer() {
	st := t.step()
	if st == nil {
		t.clear()
		t.lost()
		return
	}
	raw := strings.TrimSpace(t.in.Text)
	if p := st.Ask(t.s.Answers, t.in); p.Card != nil {
		raw = choose(*p.Card, raw)
	}
	switch {
	case t.s.Form == bindForm.Name && st.Key == "end":
		t.guessed(raw)
	case t.feed(st, raw):
		t.next()
	}
}

// kinGo follows a word or a menu item that says by itself what it is for.
func (t *turn) kinGo(what string) {
	verb, arg, _ := strings.Cut(what, ":")
	t.s.Kin.Lost = 0
	t.clear()
	switch verb {
	case "bind":
		t.start(bindForm.Name, nil)
	case "claim":
		t.claimed(arg)
	case "help":
		t.say(kinHelp)
	case "quit":
		t.quit()
	case "stop":
		t.withdraw(false)
	case "leave":
		t.withdraw(true)
	case "keep":
		t.say("好,照旧。想知道近况,打字问就行。")
	case "mine":
		t.mine()
	default:
		t.bound(verb, arg)
	}
}

// bound follows what only a verified relative can ask; who is none hears the one neutral sentence.
func (t *turn) bound(verb, arg string) {
	if len(t.ties()) == 0 {
		t.outside()
		return
	}
	switch verb {
	case "ask", "health", "care", "call", "pass", "carer":
		t.about(verb, arg)
	case "move":
		t.menu(ledger.Card{Title: "换了什么?", Buttons: []ledger.Button{item("go:kin:phone", "换号"), item("go:kin:where", "换城市")}})
	case "where", "phone", "back":
		t.give(verb)
	case "same":
		t.unchanged()
	case "notice":
		t.wantsNotice()
	case "later":
		t.say("好,以后再说。换了号码或地方,打字说「换号」「换城市」就行。")
	case "agree", "refuse":
		code, elder, _ := strings.Cut(arg, ":")
		t.consented(code, elder, verb == "agree")
	case "heard":
		t.menu(ledger.Card{Title: "好,您看到了就行。想知道近况,打字问一句。", Buttons: t.offers(Tie{})})
	case "hello":
		t.menu(ledger.Card{Title: "您好。想知道老人近况,打字问就行,比如「我妈咋样」。", Buttons: t.offers(Tie{})})
	case "thanks":
		t.menu(ledger.Card{Title: "不客气,有事随时问。", Buttons: t.offers(Tie{})})
	default:
		t.lost()
	}
}

// outside answers who is not verified: one sentence whatever they say, or how far their own request is.
func (t *turn) outside() {
	if len(t.in.View.Family.Ties) > 0 {
		t.say(waiting)
		return
	}
	t.menu(ledger.Card{Title: unbound, Buttons: []ledger.Button{item("go:kin:bind", "我是家属,来登记")}})
}

// lost answers what was not understood; the second time in a row it names a person, and only to who is bound.
func (t *turn) lost() {
	ties := t.ties()
	if len(ties) == 0 {
		t.outside()
		return
	}
	t.s.Kin.Lost++
	if fenced, ok := t.fenced(ties[0]); ok {
		t.say(fenced)
		return
	}
	if t.s.Kin.Lost >= 2 {
		t.say("还是没看懂。" + person(ties[0], "请打电话问一声:"))
		return
	}
	why := "没看懂「" + clip(strings.TrimSpace(t.in.Text), 20) + "」。"
	if t.idled {
		why = "刚才那件事放久了,没有记。要办就再说一次。"
	}
	t.menu(ledger.Card{Title: why, Desc: "可以问「我妈咋样」,或点下面的。", Buttons: t.offers(ties[0])})
}

// person is whom to call, where that may be said.
func person(tie Tie, lead string) string {
	if !tie.Hearing.Care || tie.Village.Phone == "" {
		return "请给村委会打个电话。"
	}
	return lead + tie.Village.Name + " " + tie.Village.Phone + "。"
}

// ties are the relative's verified bonds as they hold today.
func (t *turn) ties() []Tie { return t.in.View.Family.verified(t.in.Today) }

func (f Family) verified(on ledger.Day) []Tie {
	return slices.DeleteFunc(slices.Clone(f.Ties), func(x Tie) bool { return !x.Holds(on) })
}

// tag stands for the elder in a menu item: WeChat sees it, so it says nothing of them.
func (x Tie) tag() string {
	sum := sha256.Sum256([]byte(x.ElderID + "\x00" + x.User))
	return hex.EncodeToString(sum[:4])
}

// item is a line of a menu.
func item(key, text string) ledger.Button { return ledger.Button{Key: key, Text: text, Style: 1} }

// menu answers with a menu.
func (t *turn) menu(c ledger.Card) {
	t.s.Kin.Menu = c.Buttons
	t.card(c)
}

// pack makes one message of what is said to the relative, and leaves nothing in a card that WeChat cannot show.
func (t *turn) pack() {
	var out []ledger.Message
	var text []string
	last := -1
	for _, m := range t.out.Messages {
		if m.To != t.in.User || m.Photo != "" || m.Invite {
			out = append(out, m)
			continue
		}
		if m.Card != nil {
			c := *m.Card
			c.Drop = nil
			c.Buttons = slices.DeleteFunc(slices.Clone(c.Buttons), func(b ledger.Button) bool {
				return strings.HasPrefix(b.Key, "go:case:with:") || strings.HasPrefix(b.Key, "go:case:kind:")
			})
			m.Card = &c
		}
		switch {
		case m.Priority == ledger.PriorityAlarm || m.Code != "":
			out = append(out, m)
		case m.Card == nil && last >= 0:
			out[last].Card.Sub = strings.TrimSpace(out[last].Card.Sub + "\n" + m.Text)
		case m.Card == nil:
			text = append(text, m.Text)
		case last >= 0: // the newer question is the open one
			text = append(text, out[last].Card.Title)
			out[last] = m
		default:
			last = len(out)
			out = append(out, m)
		}
	}
	switch said := strings.Join(text, "\n"); {
	case said == "":
	case last >= 0:
		c := out[last].Card
		c.Title, c.Desc = said, strings.TrimSpace(c.Title+"\n"+c.Desc)
	default:
		m := ledger.Message{To: t.in.User, Priority: ledger.PriorityReply, Key: t.in.Key + "/said", Text: fit(said)}
		out = append(out, m)
	}
	t.out.Messages = out
}
