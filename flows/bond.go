package flows

import (
	"slices"
	"strings"

	"xunfang/ledger"
)

// Kinship is what decides about words to an elder's family: who is bound, who agreed to what, and whether somebody of the family may
// be behind something (ledger.MayHear).
type Kinship struct {
	Bonds  []ledger.Bond
	Acts   []ledger.Consent
	Hidden bool
}

// kinship is Kinship, which a view may lack: then nobody of the family is told anything.
func (v View) kinship(elderID string) Kinship {
	if v.Kinship == nil || elderID == "" {
		return Kinship{Hidden: true}
	}
	return v.Kinship(elderID)
}

// agreedText is the version of the words with which who knows an elder asks them whether a relative may hear.
const agreedText = "bond/1"

// consentKeys are the purposes in the buttons of 微信客服: kin:agree:CODE:ELDER and kin:refuse:CODE:ELDER.
var consentKeys = map[ledger.Purpose]string{ledger.PurposeKin: "status", ledger.PurposeHealth: "health", ledger.PurposePhone: "phone",
	ledger.PurposeCity: "city", ledger.PurposeNotice: "notice", ledger.PurposeSMS: "sms"}

// consentButtons ask a relative for one purpose: an answer each way, nothing ticked beforehand (PIPL art. 14).
func consentButtons(p ledger.Purpose, elderID, agree string) []ledger.Button {
	code := consentKeys[p] + ":" + elderID
	return []ledger.Button{{Key: "kin:agree:" + code, Text: agree, Style: 1}, {Key: "kin:refuse:" + code, Text: "不同意", Style: 2}}
}

func bondKey(b ledger.Bond) string { return b.ElderID + "/" + b.User }

// bondOf reads a bond's key, and what stands behind it: ELDER/kf:THREAD:NAME.
func bondOf(arg string) (key, rest string) {
	elder, thread, ok := strings.Cut(arg, "/kf:")
	if !ok {
		return arg, ""
	}
	thread, rest, _ = strings.Cut(thread, ":")
	return elder + "/kf:" + thread, rest
}

func bondButton(verb string, b ledger.Bond, text string, style int) ledger.Button {
	return ledger.Button{Key: "go:bond:" + verb + ":" + bondKey(b), Text: text, Style: style}
}

// bondSeen is a bond that a relative asks for in this turn, as who knows the family will see it. The view of such a turn has no elder to
// look up; numbers come with the cards of later turns. What the relative calls themselves on WeChat is the view's name.
func bondSeen(in Input, b ledger.Bond, c Candidate) BondView {
	x := BondView{Bond: b, Nick: in.View.Name}
	for _, tie := range in.View.Family.Ties {
		if tie.ElderID == b.ElderID && tie.User == b.User {
			x.Elder, x.Kin, x.Acts = tie.Elder, tie.Kin, tie.Acts
			return x
		}
	}
	if f := in.View.Family; f.CardElder != nil {
		x.Elder.Name = f.CardElder(b.Handle)
	}
	x.Kin = ledger.Kin{ElderID: b.ElderID, Name: b.Kin, Relation: c.Relation, Phone: c.Phone}
	return x
}

// handed are cards for others about what a relative said: not in the night, they can wait.
func handed(in Input, to []Person, what string, c ledger.Card) []ledger.Message {
	out := hand(in, to, what, c)
	for i := range out {
		out[i].NotBefore = humane(in)
	}
	return out
}

// she is what to call a relative.
func she(relation string) string {
	if strings.ContainsAny(relation, "女媳姐妹妻嫂婶姑姨") {
		return "她"
	}
	return "他"
}

// named is a relative as people here call them: 女儿 马晓梅.
func named(k ledger.Kin) string { return strings.TrimSpace(k.Relation + " " + k.Name) }

// bondRows say who somebody says they are and what the ledger has. A number stands masked on every card but that of a call.
func (x BondView) rows() []ledger.CardRow {
	var rows []ledger.CardRow
	row := func(name, value string) {
		if value != "" {
			rows = append(rows, ledger.CardRow{Name: name, Value: clip(value, valueWidth)})
		}
	}
	row("说是", x.Claim)
	row("台账", strings.TrimSpace(named(x.Kin)+" "+Mask(x.Kin.Phone)))
	row("微信名", x.Nick)
	return rows
}

// card asks who knows the family whether a relative's WeChat is theirs (wecom-external.md G.1). It says nothing that the ledger would
// not tell the same person anyway.
func (x BondView) card() ledger.Card {
	c := ledger.Card{Title: clip("有人要登记为"+orElse(x.Elder.who(), "老人")+"的家属", titleWidth), Desc: "请先打这个电话,或问一声老人。", Rows: x.rows()}
	c.Buttons = []ledger.Button{bondButton("call", x.Bond, "要打电话", 2), bondButton("yes", x.Bond, "是"+she(x.Kin.Relation)+",老人同意说近况", 1),
		bondButton("some", x.Bond, "是"+she(x.Kin.Relation)+",老人不想说", 2), bondButton("no", x.Bond, "不是/不认识", 2)}
	return c
}

// who is the elder in full, "" for none; of one whose place is not known, all that is.
func (e *Elder) who() string {
	if e.Village == "" {
		return e.Name
	}
	return e.full()
}

// healthCard asks whether a relative may hear of the elder's health: their identity is confirmed a second time (G.1, PIPL art. 28, 29).
func (x BondView) healthCard() ledger.Card {
	return ledger.Card{Title: clip(x.Kin.Name+"想知道"+orElse(x.Elder.who(), "老人")+"的身体情况", titleWidth), Rows: x.rows(),
		Desc: "请打电话核实是本人,再问一声老人愿不愿意说。", Buttons: []ledger.Button{bondButton("call", x.Bond, "要打电话", 2),
			bondButton("health", x.Bond, "老人同意说身体", 1), bondButton("nohealth", x.Bond, "不说", 2)}}
}

// againCard asks once a year whether a bond is still so.
func (x BondView) againCard() ledger.Card {
	return ledger.Card{Title: clip(x.Kin.Name+"的微信还是"+she(x.Kin.Relation)+"在用吗?", titleWidth),
		Desc: clip(orElse(x.Elder.who(), "老人")+"的家属,登记到"+x.Until.Short()+"。", 44), Rows: x.rows(), Buttons: []ledger.Button{bondButton("call", x.Bond, "要打电话", 2), bondButton("again", x.Bond, "还是"+she(x.Kin.Relation), 1),
			bondButton("end", x.Bond, "不是了", 2)}}
}

// open is the card of what waits for an answer, the zero Card where nothing does.
func (x BondView) open(today ledger.Day) ledger.Card {
	switch {
	case x.State == ledger.BondAsked:
		return x.card()
	case x.State == ledger.BondVerified && x.Wants != "":
		return x.healthCard()
	case x.State == ledger.BondVerified && x.Until != "" && x.Until <= today.Add(bondSoon):
		return x.againCard()
	}
	return ledger.Card{}
}

// bondSoon is how many days before its end a bond is asked about.
const bondSoon = 30

// bondAsked asks who knows the family whether somebody is a relative of an elder.
func bondAsked(in Input, b ledger.Bond, c Candidate) []ledger.Message {
	return handed(in, c.Knows, "bond", bondSeen(in, b, c).card())
}

// bondHealth asks them whether a relative may hear of the elder's health.
func bondHealth(in Input, b ledger.Bond, c Candidate) []ledger.Message {
	return handed(in, c.Knows, "health", bondSeen(in, b, c).healthCard())
}

// kinFact is a number that a relative tells, as it waits for the keeper (G.1: a change of the phone is approved again).
func kinFact(in Input, b ledger.Bond, phone string) ledger.Fact {
	return ledger.Fact{Key: in.Key + "/kin", ElderID: b.ElderID, Field: "kin", Result: "changed", Value: strings.TrimSpace(b.Kin + " " + phone),
		By: ledger.ByFamily, At: in.Now, Propose: true}
}

// kinPhone asks the keeper to nod at a relative's new number, and tells who knows the family that it waits. The number itself waits
// in kinFact, which the turn writes down.
func kinPhone(in Input, b ledger.Bond, c Candidate, phone string) []ledger.Message {
	x, f := bondSeen(in, b, c), kinFact(in, b, phone)
	var keepers []Person
	if in.View.Keepers != nil {
		keepers = in.View.Keepers(b.ElderID)
	}
	if len(keepers) == 0 {
		return inform(in, c.Knows, orElse(x.Elder.who(), "老人")+"的家属"+b.Kin+"在微信里说换了号码。请先打原来的号码核实,再请乡镇改。")
	}
	return handed(in, keepers, "phone", ledger.Card{Title: clip("核对:"+x.Elder.who(), titleWidth),
		Desc:    clip(b.Kin+in.Today.Short()+"在微信里说的。请先打原来的号码核实。", 44),
		Rows:    []ledger.CardRow{{Name: clip(b.Kin, 3) + "电话", Value: orElse(Mask(x.Kin.Phone), "没有登记")}, {Name: "改为", Value: clip(f.Value, valueWidth)}},
		Buttons: []ledger.Button{{Key: "go:take:" + f.Key, Text: "改过来", Style: 1}, {Key: "go:leave:" + f.Key, Text: "不改", Style: 2}}})
}

// askCarer asks who knows the family to speak with the carer whom a relative named (000 二(一): 委托照顾人). They are on the ledger
// already, and become its carer when they have said yes themselves.
func askCarer(in Input, tie Tie, carer ledger.Kin) []ledger.Message {
	var to []Person
	for _, x := range []Contact{tie.Helper, tie.Visitor, tie.Village} {
		if x.UserID != "" && len(to) == 0 {
			to = []Person{{x.UserID, x.Name}}
		}
	}
	key := bondKey(tie.Bond) + ":" + carer.Name
	return handed(in, to, "carer", ledger.Card{Title: clip(tie.Kin.Name+"请"+carer.Name+"照看"+tie.Elder.who(), titleWidth), Desc: "请问本人愿不愿意,平时和紧急时都会找。",
		Rows: []ledger.CardRow{{Name: "受托人", Value: clip(strings.TrimSpace(named(carer)+" "+Mask(carer.Phone)), valueWidth)}},
		Buttons: []ledger.Button{{Key: "go:bond:phone:" + key, Text: "要打电话", Style: 2}, {Key: "go:bond:carer:" + key, Text: "愿意,登记", Style: 1},
			{Key: "go:bond:nocarer:" + key, Text: "不愿意", Style: 2}}})
}

// toThread is something said to a relative's WeChat because somebody decided it.
func toThread(in Input, b ledger.Bond, what string, c ledger.Card) ledger.Message {
	key := in.Key + "/" + what + "/" + b.User
	if len(c.Buttons) > 0 {
		c.Task = task(key)
		return ledger.Message{Key: key, To: b.User, Priority: ledger.PriorityReply, Card: &c}
	}
	return ledger.Message{Key: key, To: b.User, Priority: ledger.PriorityReply, Text: strings.TrimSpace(c.Title + "\n" + c.Desc)}
}

// bondOver tells a relative that their bond has ended.
const bondOver = "您的家属登记到期了,不再接收消息。要接着收,请用老人家里的联系卡再登记。"

// bondVerified tells a relative that they are bound and asks for the first consent that they have not been asked for (PIPL art. 14, 17).
func bondVerified(in Input, x BondView) ledger.Message {
	head := "登记好了,您是" + x.Elder.Name + "的家属。"
	c, more := consentMenu(x.Bond, x.Acts)
	if !more {
		return toThread(in, x.Bond, "verified", ledger.Card{Title: head, Desc: "想知道近况,打字问就行。"})
	}
	c.Title, c.Desc = head, "只说近况,不给别人看;随时说「退订」就停。\n"+c.Title+"\n"+c.Desc
	return toThread(in, x.Bond, "verified", c)
}

// healthMenu asks a relative whether they want to hear of health (PIPL art. 29).
func healthMenu(b ledger.Bond) ledger.Card {
	return ledger.Card{Title: "老人同意告诉您身体情况了。", Desc: "要在这里接收吗?不同意也不影响老人得到的照看。",
		Buttons: consentButtons(ledger.PurposeHealth, b.ElderID, "同意接收身体情况")}
}

// onBond obeys a button about a relative's WeChat: VERB:ELDER/THREAD, and for a carer their name. A bond that is not the speaker's to
// settle and one that does not exist get the same words.
func (t *turn) onBond(arg string) {
	verb, rest, _ := strings.Cut(arg, ":")
	key, name := bondOf(rest)
	x, ok := t.bond(key)
	switch {
	case !ok:
		t.notMine()
	case verb == "phone" || verb == "carer" || verb == "nocarer":
		t.onCarer(verb, x, name)
	case verb == "see":
		c := x.open(t.in.Today)
		if c.Title == "" {
			t.settledBond(x)
			return
		}
		t.done("看了")
		t.card(c)
	case verb == "call":
		c := x.open(t.in.Today)
		c.Buttons = slices.DeleteFunc(c.Buttons, func(b ledger.Button) bool { return strings.HasPrefix(b.Key, "go:bond:call:") })
		t.rings(x, x.Kin, c)
	default:
		t.decideBond(verb, x)
	}
}

// bond is one that the speaker may settle.
func (t *turn) bond(key string) (BondView, bool) {
	if t.in.View.Bond == nil {
		return BondView{}, false
	}
	return t.in.View.Bond(key)
}

// notMine answers a button about a family that is not the speaker's affair, or never was anybody's.
func (t *turn) notMine() {
	r := outOfReach()
	t.receive(r.Card, r.Text)
}

// rings says the number whole, because calling is the point; the look is written down. The card keeps its other buttons.
func (t *turn) rings(x BondView, k ledger.Kin, c ledger.Card) {
	t.looked(x.ElderID, ledger.LookCall)
	if t.in.Code != "" && len(c.Buttons) > 0 {
		t.send(ledger.Message{Code: t.in.Code, Card: &c})
	} else {
		t.done("好")
	}
	lines := []string{named(k) + " " + orElse(k.Phone, "没有登记电话")}
	if s, ok := t.in.View.sheet(x.ElderID); ok && s.Elder.Phone != "" {
		lines = append(lines, "老人 "+x.Elder.Name+" "+s.Elder.Phone)
	}
	t.say(strings.Join(lines, "\n"))
}

// says shows on the tapped card what came of the tap, or says it.
func (t *turn) says(said, about, grey string) {
	t.receive(ledger.Card{Title: clip(said, titleWidth), Desc: clip(about, 44), Done: grey}, said+"。")
}

// settledBond says who was first.
func (t *turn) settledBond(x BondView) {
	by := orElse(t.in.View.staff(x.By), "别人")
	if x.By == t.in.User {
		by = "您"
	}
	text := map[ledger.BondState]string{
		ledger.BondVerified: by + "已经说是家属。", ledger.BondRefused: by + "已经说不是家属。", ledger.BondEnded: "这个登记已经停了。"}[x.State]
	t.receive(ledger.Card{Title: clip("已经办过了:"+x.Kin.Name, titleWidth), Desc: clip(text, 44), Done: "已经办过了"}, text+"没有再改。")
}

// decideBond decides about a bond. Of two who tap the first wins: the change is decided on the revision that was seen.
func (t *turn) decideBond(verb string, x BondView) {
	in, b := t.in, x.Bond
	row := ledger.Bond{ElderID: b.ElderID, User: b.User, By: in.User}
	mine := x.State == ledger.BondVerified
	switch verb {
	case "yes", "some", "no":
		mine = x.State == ledger.BondAsked
	case "health", "nohealth":
		mine = mine && x.Wants != ""
	}
	if !mine {
		t.settledBond(x)
		return
	}
	if x.Elder.gone() {
		text := x.Elder.full() + "已登记" + string(x.Elder.Away.Kind) + ",不用办了。"
		t.receive(ledger.Card{Title: "不用办了", Desc: clip(text, 44), Done: "不用办了"}, text)
		return
	}
	var said, why string
	var tell ledger.Message
	switch verb {
	case "yes", "some":
		row.State, row.Since, row.Until = ledger.BondVerified, in.Today, in.Today.Add(in.View.Rules.BondDays)
		t.elderSaid(x, ledger.PurposeKin, verb == "yes")
		said, why = "✓ 登记好了,请"+x.Kin.Name+"在微信里点「同意」", "核实是"+named(x.Kin)+",老人同意说近况"
		tell = bondVerified(in, x)
		if verb == "some" {
			said, why = "✓ 登记好了,老人的近况不告诉"+x.Kin.Name, "核实是"+named(x.Kin)+",老人不想说近况"
			tell = toThread(in, b, "verified", ledger.Card{Title: "登记好了。老人的情况请问村委会。", Desc: "您换了号码、换了城市,可以在这里说一声。"})
		}
	case "no":
		row.State = ledger.BondRefused
		said, why = "✓ 没有登记", "问过,不是家属或不认识"
		tell = toThread(in, b, "refused", ledger.Card{Title: unbound})
	case "health":
		row.Health, row.Wants = in.Today, "-"
		t.elderSaid(x, ledger.PurposeHealth, true)
		said, why = "✓ 记下了,可以说身体情况", "再次核实本人,老人同意说身体"
		tell = toThread(in, b, "health", healthMenu(b))
	case "nohealth":
		row.Wants = "-"
		t.elderSaid(x, ledger.PurposeHealth, false)
		said, why = "✓ 记下了,不说身体情况", "老人不说身体情况"
		tell = toThread(in, b, "health", ledger.Card{Title: "身体情况请问村委会。"})
	case "again":
		row.Until = in.Today.Add(in.View.Rules.BondDays)
		said, why = "✓ 记下了,"+row.Until.Short()+"再问", "每年确认:还是本人"
	case "end":
		row.State = ledger.BondEnded
		said, why = "✓ 停了,不再发给"+x.Kin.Name, "每年确认:不再是本人"
		tell = toThread(in, b, "end", ledger.Card{Title: bondOver})
	default:
		t.notMine()
		return
	}
	row.Why = why
	t.out.Edits = append(t.out.Edits, edit(in, why, ledger.Book{Bonds: []ledger.Bond{row}}))
	t.says(said, orElse(x.Elder.who(), x.Kin.Name), "办好了")
	if tell.Key != "" {
		t.send(tell)
	}
}

// elderSaid writes down what the elder said about one relative (PIPL art. 23, 29): asked by whoever settles it, on the phone where
// they did not say otherwise.
func (t *turn) elderSaid(x BondView, p ledger.Purpose, yes bool) {
	t.consent("for/"+string(p), ledger.Consent{ElderID: x.ElderID, For: orElse(x.Bond.Kin, x.Kin.Name), Purpose: p, Given: yes})
}

// consent writes down an act that the speaker took on the phone.
func (t *turn) consent(what string, c ledger.Consent) {
	c.Key, c.Day, c.Channel, c.Witness = t.in.Key+"/"+what, t.in.Today, "电话", t.in.User
	c.Text, c.Proof, c.At = agreedText, t.in.Key, t.in.Now
	t.out.Consents = append(t.out.Consents, c)
}

// onCarer settles whether somebody cares for an elder while the family is away.
func (t *turn) onCarer(verb string, x BondView, name string) {
	s, _ := t.in.View.sheet(x.ElderID)
	k := kinOf(s, name)
	key := bondKey(x.Bond) + ":" + name
	switch {
	case k.Name == "":
		t.notMine()
		return
	case verb == "phone":
		t.rings(x, k, ledger.Card{Title: clip("受托照顾人:"+named(k), titleWidth), Desc: "请问本人愿不愿意,平时和紧急时都会找。", Buttons: []ledger.Button{
			{Key: "go:bond:carer:" + key, Text: "愿意,登记", Style: 1}, {Key: "go:bond:nocarer:" + key, Text: "不愿意", Style: 2}}})
		return
	case k.Carer:
		t.receive(ledger.Card{Title: clip(k.Name+"已经是受托照顾人", titleWidth), Done: "已登记"}, k.Name+"已经是受托照顾人,没有再改。")
		return
	}
	yes := verb == "carer"
	t.consent("carer", ledger.Consent{ElderID: x.ElderID, Kin: k.Name, Purpose: ledger.PurposePhone, Given: yes})
	said := "✓ 记下了," + k.Name + "不愿意"
	tell := "您说的受托照顾人这次没有登记上。请再找一位,或联系村委会。"
	if yes {
		said, tell = "✓ 登记好了,"+k.Name+"受托照看"+x.Elder.Name, "受托照顾人登记好了。"
		row := ledger.Kin{ElderID: x.ElderID, Name: k.Name, Carer: true, Seen: t.in.Today}
		t.out.Edits = append(t.out.Edits, edit(t.in, x.Bond.Kin+"委托,本人愿意照看", ledger.Book{Kin: []ledger.Kin{row}}))
	}
	t.says(said, x.Elder.who(), "办好了")
	if x.Holds(t.in.Today) {
		t.send(toThread(t.in, x.Bond, "carer", ledger.Card{Title: tell}))
	}
}
