package flows

import (
	"slices"
	"strings"

	"xunfang/ledger"
)

// claims are what a relative may say they are to the elder.
var claims = []string{"女儿", "儿子", "孙辈", "其他亲属", "受托照顾人"}

// bindForm asks what ties a WeChat to an elder: what they are to each other, and the end of the number that the elder gave
// (wecom-external.md G.1). The second answer is no step's to judge: turn.guessed does, the same way whatever is behind it.
var bindForm = Form{
	Name: "kin-bind",
	Done: func(Answers, Input) Result { return Result{} },
	Steps: []Step{
		{Key: "claim", Ask: askClaim, Parse: parseClaim},
		{Key: "end", Ask: func(Answers, Input) Prompt { return Prompt{Text: askEnd} }},
	},
}

const (
	askEnd  = "请发您留在老人家里的手机号的后四位,4个数字就行。"
	noDigit = "没看到数字。请发您留在老人家里的手机号的后四位,比如 0012。"
	noMatch = "对不上,没有登记上。请核对:扫的是老人家里最新的那张联系卡,号码是留在老人家里的那个。再发一次后四位,或请村委会帮您登记。"
	locked  = "今天试了几次都没对上,24小时后可以再试,或请村委会帮您登记。"
	matched = "对上了。还要村里认识您家的人点个头,一般一两天。点了头,这里会告诉您,现在不用再做什么。"
)

func askClaim(Answers, Input) Prompt {
	c := ledger.Card{Title: "您是老人的什么人?"}
	for _, r := range claims {
		c.Buttons = append(c.Buttons, item(r, r))
	}
	return Prompt{Card: &c}
}

// claimWords are how people say it.
var claimWords = map[string]string{"闺女": "女儿", "姑娘": "女儿", "丫头": "女儿", "长女": "女儿", "次女": "女儿", "儿": "儿子", "长子": "儿子", "次子": "儿子",
	"孙子": "孙辈", "孙女": "孙辈", "外孙": "孙辈", "外孙女": "孙辈", "儿媳": "其他亲属", "儿媳妇": "其他亲属", "女婿": "其他亲属", "侄子": "其他亲属", "侄女": "其他亲属",
	"外甥": "其他亲属", "外甥女": "其他亲属", "弟弟": "其他亲属", "妹妹": "其他亲属", "亲戚": "其他亲属", "照顾人": "受托照顾人"}

func parseClaim(raw string, _ Input) (string, error) {
	said := strings.TrimPrefix(strings.TrimPrefix(fold(raw), "我是"), "她")
	said = strings.TrimPrefix(said, "他")
	if slices.Contains(claims, said) {
		return said, nil
	}
	if c := claimWords[said]; c != "" {
		return c, nil
	}
	return "", Hint("请点一个,或打字:女儿、儿子、孙辈、其他亲属、受托照顾人。")
}

// claimed begins with what they are.
func (t *turn) claimed(claim string) {
	if !slices.Contains(claims, claim) {
		t.start(bindForm.Name, nil)
		return
	}
	t.start(bindForm.Name, Answers{"claim": claim})
}

// hanDigits are digits as they are spoken and written.
var hanDigits = strings.NewReplacer("〇", "0", "零", "0", "一", "1",
	"幺", "1", "二", "2", "两", "2", "三", "3", "四", "4", "五", "5", "六", "6", "七", "7", "八", "8", "九", "9")

// lastFour are the last four digits of the number that a text tells: four digits, or a whole number, which is not kept.
func lastFour(raw string) string {
	said := fold(raw)
	if n := phoneIn(said); n != "" {
		return n[len(n)-4:]
	}
	if han := hanDigits.Replace(strings.ReplaceAll(said, " ", "")); len(han) == 4 && digitsOf(han) == han {
		return han
	}
	var whole string
	for _, run := range strings.FieldsFunc(joinDigits(said), func(r rune) bool { return r < '0' || r > '9' }) {
		switch {
		case len(run) == 4:
			return run
		case len(run) > 4 && whole == "":
			whole = run[len(run)-4:]
		}
	}
	return whole
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// joinDigits takes out what stands between single digits: 0 0 1 2, 00-12.
func joinDigits(s string) string {
	r := []rune(s)
	digit := func(i int) bool { return i >= 0 && i < len(r) && r[i] >= '0' && r[i] <= '9' }
	var out []rune
	for i, c := range r {
		if (c == ' ' || c == '-') && digit(i-1) && digit(i+1) {
			continue
		}
		out = append(out, c)
	}
	return string(out)
}

// guessed judges the end of a number. Wrong, no card, a revoked card, a dead number, a relative the elder does not want told: one answer,
// and nothing of the turn tells them apart (requirements §3 case 10).
func (t *turn) guessed(raw string) {
	f, in := t.in.View.Family, t.in
	end := lastFour(raw)
	if end == "" {
		t.say(noDigit)
		return
	}
	handle, claim := t.s.Kin.Handle, t.s.Answers["claim"]
	ofCard := 0
	if f.GuessedCard != nil && handle != "" {
		ofCard = f.GuessedCard(handle)
	}
	if f.Guessed >= ledger.GuessesMost || ofCard >= ledger.GuessesMostCard {
		t.clear()
		t.say(locked)
		return
	}
	t.out.Guesses = append(t.out.Guesses, ledger.Guess{Key: in.Key, User: in.User, Handle: handle, At: in.Now})
	var c Candidate
	ok := false
	if f.Match != nil {
		c, ok = f.Match(handle, end)
	}
	switch {
	case ok:
		t.clear()
		t.candidate(c, claim, handle)
	case f.Guessed+1 >= ledger.GuessesMost || ofCard+1 >= ledger.GuessesMostCard:
		t.clear()
		t.say(locked)
		t.tries(handle)
	default:
		t.say(noMatch)
	}
}

// tries tells who cares for the card's elder that somebody could not name a number; not what was tried.
func (t *turn) tries(handle string) {
	f := t.in.View.Family
	if f.CardKnows == nil || handle == "" {
		return
	}
	who := "一位老人"
	if f.CardElder != nil {
		who = orElse(f.CardElder(handle), who)
	}
	for _, m := range inform(t.in, f.CardKnows(handle), "有人用"+who+"家的联系卡登记家属,号码试了几次都没对上。\n家里若有亲属正在登记,请帮忙核对台账上的号码;没有的话,请到家里换一张联系卡。") {
		t.send(m)
	}
}

// candidate asks who knows the family whether it is so. Until they say yes nothing of the elder is said.
func (t *turn) candidate(c Candidate, claim, handle string) {
	in := t.in
	for _, x := range in.View.Family.Ties {
		switch {
		case x.ElderID == c.ElderID && x.Holds(in.Today):
			t.say("您已经登记过了。想知道近况,打字问就行。")
			return
		case x.ElderID == c.ElderID && x.State == ledger.BondAsked:
			t.say(waiting)
			return
		}
	}
	b := ledger.Bond{ElderID: c.ElderID, User: in.User, Kin: c.Kin, Claim: orElse(claim, c.Relation), Handle: handle,
		State: ledger.BondAsked, Asked: in.Today}
	row := b // a bond that was refused or had ended begins anew
	row.By, row.Since, row.Until, row.Health, row.Wants = ledger.ByFamily, "-", "-", "-", "-"
	t.out.Edits = append(t.out.Edits, kinEdit(in, "家属扫联系卡登记", ledger.Book{Bonds: []ledger.Bond{row}}))
	for _, m := range bondAsked(in, b, c) {
		t.send(m)
	}
	others := slices.DeleteFunc(slices.Clone(c.Bound), func(u string) bool { return u == in.User })
	for _, u := range others {
		t.send(ledger.Message{Key: in.Key + "/second/" + u, To: u, Priority: ledger.PriorityReminder, Expires: in.Now.Add(ledger.KfLife),
			Text: "有另一个微信在用您的号码登记成老人的家属。是您自己换了微信,不用管;不是您,请给村委会打个电话。"})
	}
	if len(others) > 0 {
		for _, p := range c.Knows {
			t.send(ledger.Message{Key: in.Key + "/second/" + p.UserID, To: p.UserID, Priority: ledger.PriorityReminder,
				Text: c.Relation + c.Kin + "已经有一个微信登记过了,现在又有一个新的微信用同一个号码来登记。点头之前,请先打那个号码问一声是不是本人。"})
		}
	}
	t.say(matched)
}

// kinEdit is a change of the ledger that a relative makes: history says so.
func kinEdit(in Input, why string, b ledger.Book) ledger.Edit {
	e := edit(in, why, b)
	e.By, e.Means = ledger.ByFamily, kinMeans
	return e
}

// kinPurposes are what a verified relative is asked to agree to, each on its own (PIPL art. 14, 23, 29): question, and what the tap says.
var kinPurposes = []struct {
	Purpose       ledger.Purpose
	Question, Yes string
}{
	{ledger.PurposeKin, "要在这里接收老人的走访情况吗?", "同意接收走访情况"},
	{ledger.PurposePhone, "您的电话可以记着,有事打给您吗?", "同意记电话"},
	{ledger.PurposeCity, "您所在的城市可以记着吗?只记到市、县。", "同意记所在城市"},
	{ledger.PurposeNotice, "可以用微信通知您吗?一般一个月一条。", "同意微信通知"},
	{ledger.PurposeSMS, "找不到您时可以发短信吗?", "同意短信"},
}

// purposeName is a purpose as a relative agreed to it.
func purposeName(p ledger.Purpose) string {
	for _, x := range kinPurposes {
		if x.Purpose == p {
			return strings.TrimPrefix(x.Yes, "同意")
		}
	}
	return "接收身体情况"
}

// consentMenu is the next purpose that a verified relative has not been asked about; false where none is left. Nothing is ticked
// beforehand, and no answer is an answer, too.
func consentMenu(b ledger.Bond, acts []ledger.Consent) (ledger.Card, bool) {
	for _, p := range kinPurposes {
		if slices.ContainsFunc(acts, func(c ledger.Consent) bool { return c.Kin == b.Kin && c.For == "" && c.Purpose == p.Purpose }) {
			continue
		}
		return ledger.Card{Title: p.Question, Desc: "不同意也不影响老人得到的照看。", Buttons: consentButtons(p.Purpose, b.ElderID, p.Yes)}, true
	}
	return ledger.Card{}, false
}

// wantsNotice asks whoever wants to be told without asking for the consent that it needs; agreed to before, the code comes again.
func (t *turn) wantsNotice() {
	x := t.ties()[0]
	switch {
	case !t.in.View.Family.Invites:
		t.say("这里还没有开通主动通知。想知道近况,打字问就行。")
	case x.agreed(ledger.PurposeNotice):
		t.send(ledger.Message{Invite: true})
		t.say("下面的码长按认一下,以后每月的近况就在那里告诉您。")
	default:
		t.menu(ledger.Card{Title: "每月的近况主动告诉您,要吗?", Desc: "一般一个月一条,随时说「退订」就停。",
			Buttons: consentButtons(ledger.PurposeNotice, x.ElderID, "同意微信通知")})
	}
}

// consented takes down one act, and asks about the next purpose. Only who is verified can agree to anything.
func (t *turn) consented(code, elder string, given bool) {
	ties := t.ties()
	i := slices.IndexFunc(ties, func(x Tie) bool { return x.ElderID == elder })
	purpose := ledger.Purpose("")
	for p, c := range consentKeys {
		if c == code {
			purpose = p
		}
	}
	if i < 0 || purpose == "" {
		t.lost()
		return
	}
	x := ties[i]
	act := kinAct(t.in, x, purpose, given)
	t.out.Consents = append(t.out.Consents, act)
	done := "记下了:同意" + purposeName(purpose) + "。"
	if purpose == ledger.PurposeNotice && given && t.in.View.Family.Invites {
		done += "下面的码长按认一下,以后就在那里告诉您。"
		t.send(ledger.Message{Invite: true})
	}
	if !given {
		done = "记下了:不同意" + purposeName(purpose) + ",不会这么做。"
	}
	c, more := consentMenu(x.Bond, append(slices.Clone(x.Acts), act))
	if !more {
		t.say(done + "都选好了。想知道近况,打字问就行;想停,随时说「退订」。")
		return
	}
	c.Title, c.Desc = done, c.Title+"\n"+c.Desc
	t.menu(c)
}

// kinAct is one act of a relative: their message is what shows it.
func kinAct(in Input, x Tie, purpose ledger.Purpose, given bool) ledger.Consent {
	return ledger.Consent{Key: in.Key + "/" + x.tag() + "/" + string(purpose), ElderID: x.ElderID, Kin: x.Bond.Kin, Purpose: purpose,
		Given: given, Day: in.Today, Channel: kinMeans, Witness: ledger.ByFamily, Text: kinText, Proof: in.Key, At: in.Now}
}

// agreed says whether the relative agreed to a purpose.
func (x Tie) agreed(purpose ledger.Purpose) bool { return ledger.Agreed(x.Acts, x.Bond.Kin, purpose) }
