package flows

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"xunfang/ledger"
)

// kinForms are a relative's conversations with steps; a case that they reported may ask for a line, too.
var kinForms = []Form{bindForm, kinWhereForm, kinPhoneForm, kinBackForm, kinCarerForm, kinPassForm, caseForm}

// What a relative tells of themselves goes to every elder of theirs, echoed and confirmed by one tap (000 二(一): 如实告知去向和联系方式).
var (
	kinWhereForm = Form{Name: "kin-where", Done: whereDone, Steps: []Step{
		{Key: "city", Ask: say("您现在在哪个市、县?说到市、县就行,比如「杭州」「盐池县」,街道门牌不用说。"), Parse: parseCity},
		{Key: "ok", Ask: confirmCity, Parse: kinConfirm("city")}}}
	kinPhoneForm = Form{Name: "kin-phone", Done: phoneDone, Steps: []Step{
		{Key: "number", Ask: say("新号码是多少?请发11位手机号。"), Parse: parseMobile},
		{Key: "ok", Ask: confirmPhone, Parse: kinConfirm("number")}}}
	kinBackForm = Form{Name: "kin-back", Done: comingDone, Steps: []Step{
		{Key: "when", Ask: say("打算什么时候回家?说个日子或一句话,比如「腊月二十六」「国庆」「今年不回」。"), Parse: parseBack},
		{Key: "ok", Ask: confirmBack, Parse: kinConfirm("when")}}}
	kinCarerForm = Form{Name: "kin-carer", Done: carerDone, Steps: []Step{
		{Key: "name", Ask: say("您不在时请了谁照顾老人?请发名字。"), Parse: parseCarerName},
		{Key: "relation", Ask: say("这位是老人的什么人?比如 侄子、邻居、保姆。"), Parse: parseRelation},
		{Key: "number", Ask: say("这位的手机号是多少?"), Parse: parseMobile},
		{Key: "ok", Ask: confirmCarer, Parse: kinConfirm("name", "relation", "number")}}}
	kinPassForm = Form{Name: "kin-pass", Done: passOnDone, Steps: []Step{
		{Key: "words", When: func(a Answers) bool { return a["photo"] == "" }, Ask: say("想捎什么话?打一句,或发一张照片。看望的人下次去念给老人听。"), Parse: parseWords},
		{Key: "ok", Ask: confirmPass, Parse: kinConfirm("words", "photo")}}}
)

// say asks in words.
func say(text string) func(Answers, Input) Prompt {
	return func(Answers, Input) Prompt { return Prompt{Text: text} }
}

// kinConfirm takes the one tap that confirms, or goes back to some answers.
func kinConfirm(again ...string) func(string, Input) (string, error) {
	return func(raw string, _ Input) (string, error) {
		switch fold(raw) {
		case "yes", "对", "对的", "是", "是的", "好", "好的", "记下", "确认", "同意", "嗯", "行", "可以":
			return "yes", nil
		case "edit", "改", "不对", "错了":
			return "", Redo{Keys: again, Afresh: true}
		case "no", "不", "不用", "不记", "算了":
			return "", Abandon{}
		}
		return "", Hint("对就点「对,记下」,不对点「改」,不记点「不用了」。")
	}
}

func kinConfirmCard(title, desc, yes string) Prompt {
	return Prompt{Card: &ledger.Card{Title: title, Desc: desc, Buttons: []ledger.Button{item("yes", yes), item("edit", "改"),
		item("no", "不用了")}}}
}

// give begins what a relative tells of themselves, with what the sentence says already.
func (t *turn) give(verb string) {
	ties := t.givers()
	if len(ties) == 0 {
		fenced, _ := t.fenced(t.ties()[0])
		t.say(fenced)
		return
	}
	form := map[string]string{"where": kinWhereForm.Name, "phone": kinPhoneForm.Name, "back": kinBackForm.Name}[verb]
	key := t.form(form).Steps[0].Key
	with := Answers{}
	if t.in.Kind == Text {
		if v, err := t.told(form, key, t.in.Text); err == nil {
			with[key] = v
		}
	}
	t.start(form, with)
}

// told is what a sentence answers already, by the words of the step that would ask.
func (t *turn) told(form, key, text string) (string, error) {
	said := fold(text)
	switch form {
	case kinWhereForm.Name:
		if !whereSaid.MatchString(said) || strings.ContainsAny(said, "?吗呢") {
			return "", Hint("")
		}
	case kinBackForm.Name:
		if !whenSaid.MatchString(said) || strings.ContainsAny(said, "?吗呢") || strings.Contains(said, "什么时候") {
			return "", Hint("")
		}
	}
	st := t.form(form).step(key)
	return st.Parse(text, t.in)
}

// givers are the elders to whose entry what a relative tells of themselves goes: not of who has left the ledger.
func (t *turn) givers() []Tie { return t.in.View.Family.givers(t.in.Today) }

func (f Family) givers(on ledger.Day) []Tie {
	return slices.DeleteFunc(f.verified(on), func(x Tie) bool { return x.Elder.Away.Kind != "" && x.Elder.Away.Kind.Ends() })
}

var (
	whereSaid = regexp.MustCompile(`(在|到|去了?|来)\p{Han}{2,}`)
	whenSaid  = regexp.MustCompile(`[0-9一二三四五六七八九十]+(月|号|日)|腊月|正月|春节|过年|过完年|中秋|国庆|五一|端午|清明|元旦|年底|年前|年后|暑假|寒假|下周|下个?月|明天|后天|周末|不回|回不|今年|明年`)
	// lead are the words before a place.
	leadSaid = regexp.MustCompile(`^.*?(现在|目前)?(在|搬到|换到|调到|来到|到|去了|来了|回了)了?`)
	tailSaid = regexp.MustCompile(`(这边|那边|打工|上班|工作|干活|做工|生活|住着|住|呢|了|啊|呀|的|市里|城里)+$`)
	// finer are the words of a place below a county: nothing from them on is kept (PIPL art. 28: the finer is a trail).
	finer = regexp.MustCompile(`(街道|大道|小区|社区|花园|公寓|工业园|产业园|园区|开发区|工地|大厦|广场|校区|厂|公司|[那这]边|[0-9]|[路街巷弄镇乡村屯组号栋楼]).*$`)
	// countyIn is a place down to city or county.
	countyIn = regexp.MustCompile(`^((\p{Han}{2,8}?(省|自治区|特别行政区))?(\p{Han}{1,7}?(市|自治州|地区|盟|州))?(\p{Han}{1,7}?(县|市|旗|区))?)(.*)$`)
)

// cityOf is a place no finer than city or county, and whether anything was left out.
func cityOf(raw string) (city string, cut bool) {
	said := strings.NewReplacer(" ", "", ",", "", "、", "", ".", "").Replace(fold(raw))
	if at := leadSaid.FindString(said); at != "" && utf8.RuneCountInString(at) < utf8.RuneCountInString(said) {
		said = strings.TrimPrefix(said, at)
	}
	said = tailSaid.ReplaceAllString(said, "")
	if m := countyIn.FindStringSubmatch(said); m != nil && m[1] != "" && !finer.MatchString(m[1]) {
		rest := m[len(m)-1]
		if finer.MatchString(rest) || utf8.RuneCountInString(rest) > 6 || m[6] != "" {
			return m[1], rest != ""
		}
	}
	whole := finer.ReplaceAllString(said, "")
	if cut = whole != said; cut { // 杭州文一西路: how long the street's name is nobody knows, so the city stays alone
		return "", true
	}
	return clip(whole, 16), false
}

func parseCity(raw string, _ Input) (string, error) {
	const again = "说到市、县就行,比如「杭州」「盐池县」。"
	city, cut := cityOf(raw)
	switch {
	case city == "" && cut:
		return "", Hint("街道门牌不用说,没有记。" + again)
	case utf8.RuneCountInString(city) < 2 || strings.ContainsAny(city, "?吗咋哪") || digitsOf(city) != "":
		return "", Hint("没看出是哪里。" + again)
	case cut:
		return city + cutMark, nil
	}
	return city, nil
}

// cutMark says that more was told than is kept.
const cutMark = "\x1f"

func confirmCity(a Answers, in Input) Prompt {
	city, desc := strings.CutSuffix(a["city"], cutMark)
	words := "村里有事时知道您在哪。"
	if desc {
		words = "只记到市、县,后面的没有记。"
	}
	return kinConfirmCard("记成「"+city+"」,对吗?", words, yesWords(in, ledger.PurposeCity, "对,记下", "同意记下"))
}

// yesWords are the confirming tap: where a purpose was not agreed to yet, the tap says that it is now.
func yesWords(in Input, p ledger.Purpose, yes, agree string) string {
	for _, x := range in.View.Family.givers(in.Today) {
		if !x.agreed(p) {
			return agree
		}
	}
	return yes
}

// agreeing are the acts that a confirming tap is.
func agreeing(in Input, ties []Tie, p ledger.Purpose) []ledger.Consent {
	var out []ledger.Consent
	for _, x := range ties {
		if !x.agreed(p) {
			out = append(out, kinAct(in, x, p, true))
		}
	}
	return out
}

// kinBook is a relative's row with every elder of theirs.
func kinBook(ties []Tie, row ledger.Kin) ledger.Book {
	var b ledger.Book
	for _, x := range ties {
		row.ElderID, row.Name = x.ElderID, x.Bond.Kin
		b.Kin = append(b.Kin, row)
	}
	return b
}

func whereDone(a Answers, in Input) Result {
	city := strings.TrimSuffix(a["city"], cutMark)
	ties := in.View.Family.givers(in.Today)
	return Result{Text: "记下了:您在" + city + "。换了地方再说一声就行。", Changes: ledger.Changes{Consents: agreeing(in, ties, ledger.PurposeCity),
		Edits: []ledger.Edit{kinEdit(in, "家属在微信客服说的去向", kinBook(ties, ledger.Kin{Where: city, Seen: in.Today}))}}}
}

// parseMobile wants a mobile number.
func parseMobile(raw string, _ Input) (string, error) {
	if n := phoneIn(raw); len(n) == 11 && n[0] == '1' {
		return n, nil
	}
	return "", Hint("没看到11位手机号,请再发一次。")
}

func confirmPhone(a Answers, in Input) Prompt {
	return kinConfirmCard("新号码是 "+Mask(a["number"])+",对吗?", "为防别人冒用,村里会先打原来的号码核实。", yesWords(in, ledger.PurposePhone, "对,记下", "同意记下"))
}

// phoneDone asks for a nod: a change of the number is a step up (wecom-external.md G.1), and until then the old one stays.
func phoneDone(a Answers, in Input) Result {
	ties := in.View.Family.givers(in.Today)
	res := Result{Text: "收下了新号码 " + Mask(a["number"]) + "。村里核实过就换,这之前还打原来的号码,请先留意那个。"}
	res.Changes.Consents = agreeing(in, ties, ledger.PurposePhone)
	for i, x := range ties {
		if i > 0 { // each elder's own proposal
			in.Key += "/" + x.tag()
		}
		res.Changes.Facts = append(res.Changes.Facts, kinFact(in, x.Bond, a["number"]))
		res.Changes.Messages = append(res.Changes.Messages, kinPhone(in, x.Bond, x.candidate(), a["number"])...)
	}
	return res
}

// unchanged confirms number and city as they are.
func (t *turn) unchanged() {
	ties := t.givers()
	if len(ties) == 0 {
		t.give("same")
		return
	}
	t.out.Edits = append(t.out.Edits, kinEdit(t.in, "家属在微信客服说没有变", kinBook(ties, ledger.Kin{Seen: t.in.Today})))
	t.say("记下了:号码没变。换了再说一声就行。")
}

func parseBack(raw string, _ Input) (string, error) {
	said := strings.TrimSpace(raw)
	if fold(said) == "" || strings.ContainsAny(said, "?？吗") {
		return "", Hint("打算什么时候回?说个日子或一句话,比如「腊月二十六」「今年不回」。")
	}
	return clip(strings.TrimPrefix(said, "我"), 30), nil
}

func confirmBack(a Answers, _ Input) Prompt {
	return kinConfirmCard("回家的日子记成「"+a["when"]+"」,对吗?", "看望的人会说给老人听。", "对,记下")
}

func comingDone(a Answers, in Input) Result {
	ties := in.View.Family.givers(in.Today)
	return Result{Text: "记下了:" + a["when"] + "。变了再说一声就行。", Changes: ledger.Changes{
		Edits: []ledger.Edit{kinEdit(in, "家属在微信客服说的回家日子", kinBook(ties, ledger.Kin{Back: a["when"], Seen: in.Today}))}}}
}

func parseCarerName(raw string, _ Input) (string, error) {
	said := strings.TrimPrefix(fold(raw), "请了")
	if n := utf8.RuneCountInString(said); n < 2 || n > 8 || digitsOf(said) != "" {
		return "", Hint("请只发名字,比如「王某」。")
	}
	return said, nil
}

func parseRelation(raw string, _ Input) (string, error) {
	said := strings.TrimPrefix(fold(raw), "是")
	if n := utf8.RuneCountInString(said); n < 1 || n > 8 || digitsOf(said) != "" {
		return "", Hint("是老人的什么人?比如 侄子、邻居、保姆。")
	}
	return said, nil
}

func confirmCarer(a Answers, _ Input) Prompt {
	return kinConfirmCard("请"+a["relation"]+" "+a["name"]+"("+Mask(a["number"])+")照顾,对吗?", "村里会先问这位愿不愿意。", "对,记下")
}

// carerDone puts the carer on the ledger; they become the carer when they have said so themselves. A relative who stands there already
// keeps relation and number: one child does not change another's.
func carerDone(a Answers, in Input) Result {
	x, ok := in.View.Family.tie(a["tie"], in.Today)
	if !ok {
		return Result{Text: unbound}
	}
	k := ledger.Kin{ElderID: x.ElderID, Name: a["name"], Relation: a["relation"], Phone: a["number"]}
	res := Result{Text: "记下了。村里问过" + a["name"] + "本人愿意,就登记成受托照顾人,到时在这里告诉您。"}
	if k.Name == x.Bond.Kin {
		return Result{Text: "这是您自己。请说另外一位照顾老人的人,打字「请人照顾」再来一次。"}
	}
	row := k
	if slices.Contains(x.Kins, k.Name) {
		row = ledger.Kin{}
	}
	if row.Name != "" {
		res.Changes.Edits = []ledger.Edit{kinEdit(in, "家属在微信客服说请其照顾", ledger.Book{Kin: []ledger.Kin{row}})}
	}
	res.Changes.Messages = askCarer(in, x, k)
	return res
}

// tie is a verified bond by its tag.
func (f Family) tie(tag string, on ledger.Day) (Tie, bool) {
	ties := f.verified(on)
	if i := slices.IndexFunc(ties, func(x Tie) bool { return x.tag() == tag }); i >= 0 {
		return ties[i], true
	}
	return Tie{}, false
}

// passWord are the words with which a message to be passed on begins.
var passWord = regexp.MustCompile(`^.*?(捎句话|捎个话|捎话|带句话|带个话|带话|转告|转达|告诉|跟|给|和) ?(老人|我妈妈|我爸爸|我妈|我爸|我娘|妈妈|爸爸|妈|爸|她|他|奶奶|爷爷)?(说|讲|:|,| )*`)

// passing begins a message that the visitor passes on, with the words that stand in the sentence already.
func (t *turn) passing(x Tie) {
	with := Answers{"tie": x.tag()}
	if t.in.Kind == Text {
		said := strings.TrimSpace(t.in.Text)
		rest := strings.Trim(passWord.ReplaceAllString(said, ""), " ,，:：。")
		if n := utf8.RuneCountInString(rest); n >= 4 && n <= passWidth && rest != said {
			with["words"] = rest
		}
	}
	t.start(kinPassForm.Name, with)
}

func parseWords(raw string, _ Input) (string, error) {
	switch fold(raw) {
	case "":
		return "", Hint("想捎什么话?打一句就行。")
	case "算了", "不用了", "不捎了":
		return "", Abandon{}
	}
	if utf8.RuneCountInString(raw) > passWidth {
		return "", Hint("有点长,请分两次说,一次200字以内。")
	}
	return strings.TrimSpace(raw), nil
}

// passWidth is how long one message to be passed on may be, so that it can be read back whole.
const passWidth = 200

func confirmPass(a Answers, _ Input) Prompt {
	what := "「" + a["words"] + "」"
	switch {
	case a["photo"] != "" && a["words"] != "":
		what = "这张照片和「" + a["words"] + "」"
	case a["photo"] != "":
		what = "这张照片"
	}
	return kinConfirmCard("请看望的人把"+what+"带给老人,对吗?", "", "对,带去")
}

func passOnDone(a Answers, in Input) Result {
	x, ok := in.View.Family.tie(a["tie"], in.Today)
	if !ok {
		return Result{Text: unbound}
	}
	messages := relayed(in, x, a["words"], a["photo"])
	if len(messages) == 0 {
		return Result{Text: "现在没有看望的人可以带。" + person(x, "请打给村里:")}
	}
	return Result{Text: "转过去了,看望的人下次去时带给老人。带到了会在这里告诉您。", Changes: ledger.Changes{Messages: messages}}
}

// kinPhoto takes a picture for the elder; of somebody who is not verified none is kept.
func (t *turn) kinPhoto() {
	if t.sent(ledger.MediaPhoto, "(照片)", "照片已转过去。") {
		return
	}
	ties := t.ties()
	if len(ties) == 0 {
		t.outside()
		return
	}
	x := ties[0]
	switch {
	case t.s.Form == kinPassForm.Name:
		x, _ = t.in.View.Family.tie(t.s.Answers["tie"], t.in.Today)
	case t.s.Form != "":
		t.ask()
		return
	case len(ties) > 1:
		t.whichTie("pass", ties) // and it is sent again then: none lies about unasked
		return
	}
	if fenced, ok := t.fenced(x); ok {
		t.clear()
		t.say(fenced)
		return
	}
	shot, _ := t.keep(ledger.MediaPhoto)
	t.out.Photos = append(t.out.Photos, shot)
	words := t.s.Answers["words"]
	t.clear()
	t.start(kinPassForm.Name, Answers{"tie": x.tag(), "photo": shot.Key, "words": words})
}
