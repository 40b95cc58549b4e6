package flows

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// kinWords are the words by which relatives ask and tell, the first that is found holds. They speak of one elder whom both sides know, so
// a small table does.
var kinWords = []struct {
	verb  string
	sure  bool // it means that in the middle of a form, too
	whole bool // only as the whole of what is said
	words []string
}{
	{"quit", true, false, []string{"退订", "解绑", "别再发", "不要再发", "别发了", "别再给我发", "别给我发", "不要给我发", "不想收", "不收了", "停发", "删除我", "删掉我", "撤回同意", "取消同意", "不同意了"}},
	{"quit", true, true, []string{"td", "t"}},
	{"mine", true, false, []string{"我的信息", "留了我什么", "存了我什么", "我的资料"}},
	{"help", true, true, []string{"帮助", "?", "怎么用", "能做什么", "菜单"}},
	{"notice", true, false, []string{"每月通知", "每月告诉", "按月通知", "按月告诉", "定期通知", "定期告诉", "主动告诉我", "通知我"}},
	{"same", false, false, []string{"号码没变", "没换号", "没有变", "都没变"}},
	{"same", false, true, []string{"没变"}},
	{"later", false, true, []string{"以后再说", "下次再说"}},
	{"carer", false, false, []string{"请人照顾", "托人照", "委托照顾", "受托照顾", "换照顾人", "请了保姆", "请了个保姆"}},
	{"care", true, false, []string{"谁在照顾", "谁照顾", "谁在管", "谁管", "谁在看", "谁去看", "谁来看", "谁在负责", "网格员", "巡访员", "帮扶人", "找谁"}},
	{"health", true, true, []string{"想了解身体情况(需再确认身份)", "想了解身体情况", "了解身体情况"}},
	{"pass", false, false, []string{"捎句话", "捎话", "捎个话", "带句话", "带个话", "带话", "转告", "转达", "告诉我妈", "告诉我爸", "告诉老人", "跟我妈说", "跟我爸说",
		"给我妈说", "给我爸说", "和我妈说", "和我爸说", "捎张照片"}},
	{"move", false, true, []string{"我换号码/换地方了", "我换号码了换地方了"}},
	{"phone", false, false, []string{"换号", "换了号", "换电话", "新号码", "新电话", "改号码", "改电话", "号码变了", "号换了"}},
	{"where", false, false, []string{"换城市", "换地方", "换了地方", "搬到", "搬家", "我在", "我现在在", "我到", "我去了", "我们在", "来了广", "去向"}},
	{"call", true, false, []string{"给老人打电话", "老人电话", "妈的电话", "爸的电话", "妈电话", "爸电话", "家里电话", "电话是多少", "电话多少"}},
	{"back", false, false, []string{"回家", "回来", "回去", "回老家", "回村", "回银", "过年回", "回不", "回趟"}},
	{"ask", true, false, []string{"咋样", "咋个样", "怎么样", "怎样", "好吗", "好不", "好着", "还好", "近况", "情况", "多久", "几号", "哪天", "啥时候", "什么时候", "去过", "来过", "看过", "去看", "看了没", "最近", "身体",
		"吃得", "吃饭", "睡得", "精神", "血压", "病", "吃药", "咋了", "怎么了", "想我", "摔", "腿", "平安", "安好"}},
	{"ask", false, true, []string{"妈", "我妈", "爸", "我爸", "妈妈", "爸爸", "母亲", "父亲", "娘", "爹", "奶奶", "爷爷", "姥姥", "姥爷", "老人"}},
	{"thanks", false, true, []string{"谢谢", "谢谢您", "谢谢你", "多谢", "好的", "好", "知道了", "嗯", "行", "收到", "ok", "辛苦了"}},
	{"hello", false, true, []string{"你好", "您好", "在吗", "在不在", "有人吗"}},
}

// smsSaid is the number of a text message that brought them here: it opens nothing by itself.
var smsSaid = regexp.MustCompile(`^\d{6}$`)

// ofElder are words that speak of the elder, not of the relative.
var ofElder = regexp.MustCompile(`我?(妈|爸|娘|爹|母亲|父亲)|奶奶|爷爷|姥姥|姥爷|老人|[她他]`)

// questionSaid is how a question ends or what it is asked with.
var questionSaid = regexp.MustCompile(`[吗么没呢?]$|几|多少|什么|啥|咋|哪`)

// kinVerb is what a text asks for, "" not known; sure says that it breaks into an open form.
func kinVerb(said string) (verb string, sure bool) {
	for _, x := range kinWords {
		if slices.ContainsFunc(x.words, func(w string) bool { return said == w || !x.whole && strings.Contains(said, w) }) {
			if (x.verb == "where" || x.verb == "back") && ofElder.MatchString(said) { // 我妈几时出院回家
				return "ask", true
			}
			return x.verb, x.sure
		}
	}
	switch {
	case smsSaid.MatchString(said):
		return "ask", false
	case phoneIn(said) != "":
		return "phone", false
	case ofElder.MatchString(said) && questionSaid.MatchString(said):
		return "ask", false
	case strings.Contains(said, "回") && whenSaid.MatchString(said):
		return "back", false
	}
	if c, err := parseClaim(said, Input{}); err == nil {
		return "claim:" + c, false
	}
	return "", false
}

// unreachedSaid are words of a relative who cannot reach the elder: none of an alarm by itself, but somebody should look.
var unreachedSaid = regexp.MustCompile(`(联系不上|打不通|没接电话|不接电话|没人接|没接|一直关机|没消息).*(天|夜|晚|上午|下午|小时|一直|了)|(天|夜|晚|上午|下午|小时|一直).*(联系不上|打不通|没接电话|不接电话|没人接|关机)`)

// perilSaid are plain words of danger that the reader, who knows what people here say, may not know from a relative; a question is none.
var (
	perilSaid = regexp.MustCompile(`摔倒|摔了|摔跤|晕倒|昏倒|昏迷|叫不醒|喊不醒|不省人事|喘不上气|喘不过气|胸口疼|吐血|喝农药|煤气|着火|起火|走丢|走失|不见了|抽搐|中风|起不来|救命`)
	perilNot  = regexp.MustCompile(`没(摔|晕|昏|事|着火)|[吗吧没?]$|有没有|会不会`)
)

// elderSaid is how a relative speaks of their elder.
var elderSaid = regexp.MustCompile(`(我|俺|咱)?家?(妈妈|爸爸|妈|爸|老娘|老爹|娘|爹|母亲|父亲|奶奶|爷爷|姥姥|姥爷|婆婆|公公|岳母|岳父)`)

// OfElder is a relative's text with 我妈 and the like read as 老人, which is what the reader of danger knows.
func OfElder(text string) string { return elderSaid.ReplaceAllString(text, "老人") }

// besides are what a relative may ask in the half-hour after an alarm without a word of it being passed on.
var besides = []string{"quit", "mine", "help", "care", "call", "health"}

// kinPeril takes danger: numbers first, then the alarm, whoever says it. Who is bound speaks of their elder; nothing of the elder is said
// back. True where the text was taken.
func (t *turn) kinPeril(said string) bool {
	var taken bool
	t.asFamily(func() {
		if f, ok := t.running(); slices.Contains(mistakes, said) && ok && t.mistaken(f, said) {
			taken = true
			return
		}
		about, drill, crying := cry(said)
		p, danger := t.danger()
		lone := unreachedSaid.MatchString(said) || perilSaid.MatchString(said) && !perilNot.MatchString(said)
		verb, _ := kinVerb(said)
		_, on := t.running()
		switch {
		case crying && !drill:
			t.clear()
			t.cried(orElse(about, "家属在微信里喊紧急"), false)
		case danger && (t.s.Form == "" || p.Reading.Sure):
			t.clear()
			t.peril(p)
		case lone && t.s.Form == "" && !on:
			t.peril(understand.Part{})
		case on && verb == "ask":
			t.say("已经报给村里、乡里的负责人,他们会打给您,请保持电话畅通。又有新情况,说一句就转过去。")
		case on && !slices.Contains(besides, verb) && t.follow():
		default:
			return
		}
		taken = true
	})
	return taken
}

// asFamily lets the alarm's own words work for a relative: nobody can be named or found by them, and the elder whom a bound one speaks
// of is known without being said. A relative whom somebody here has verified is no stranger.
func (t *turn) asFamily(do func()) {
	seen := t.in.View
	t.in.View.Find = func(string) ([]Elder, bool) { return nil, false }
	t.in.View.Said = slices.DeleteFunc(slices.Clone(seen.Said), func(p understand.Part) bool { return !perilous(p) })
	if ties := t.ties(); len(ties) > 0 {
		t.in.View.Known = true
		meant := t.meantTies(ties, t.in.Text)
		if len(meant) == 0 {
			meant = ties
		}
		t.in.View.Home = meant[0].Elder.Region
		t.in.View.Spot = func(string) (elderID, region string) {
			if len(meant) == 1 {
				return meant[0].ElderID, meant[0].Elder.Region
			}
			return "", "" // which of them is asked on the phone, by who hears of it where they live
		}
	}
	do()
	raised := !t.in.View.Known && slices.ContainsFunc(t.out.Cases, func(s ledger.CaseStep) bool { // joined, too, or they learnt that somebody knows the elder
		return slices.ContainsFunc(s.Events, func(e ledger.Event) bool {
			return e.By == t.in.User && (e.Kind == ledger.EventRaised || e.Kind == ledger.EventJoined)
		})
	})
	t.in.View = seen
	for i, m := range t.out.Messages {
		if raised && m.To == t.in.User && m.Card == nil && m.Priority == ledger.PriorityAlarm { // else nobody could call them
			t.out.Messages[i].Text += "\n请接着发您的手机号,他们好打给您。"
		}
	}
}

// Words for the elder a relative speaks of.
var (
	sheSaid = []string{"妈", "娘", "母", "奶", "婆", "姥姥", "她"}
	heSaid  = []string{"爸", "爹", "父", "爷", "公", "姥爷", "他"}
)

// meantTies are those of one's own elders whom a text may mean; none where it names nobody.
func (t *turn) meantTies(ties []Tie, said string) []Tie {
	has := func(words []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(said, w) })
	}
	she, he := has(sheSaid), has(heSaid)
	if strings.Contains(said, "姥爷") && !strings.Contains(said, "姥姥") {
		she = false
	}
	var out []Tie
	for _, x := range ties {
		named := x.Elder.Name != "" && strings.Contains(said, x.Elder.Name)
		if named || she != he && x.Elder.Female == she {
			out = append(out, x)
		}
	}
	return out
}

// about does something about one elder of the relative's own, and asks which where it may be two.
func (t *turn) about(verb, tag string) {
	ties := t.ties()
	one := slices.IndexFunc(ties, func(x Tie) bool { return x.tag() == tag })
	if one < 0 && tag == "" && t.in.Kind == Text {
		if meant := t.meantTies(ties, t.in.Text); len(meant) > 0 {
			ties = meant
		}
	}
	if one < 0 && len(ties) == 1 {
		one = 0
	}
	if one < 0 {
		t.whichTie(verb, ties)
		return
	}
	x := ties[one]
	if fenced, ok := t.fenced(x); ok {
		t.say(fenced)
		return
	}
	if !x.Hearing.Status && verb != "carer" && verb != "pass" {
		t.unheard(x)
		return
	}
	switch verb {
	case "ask":
		t.tell(x)
	case "health":
		t.wantsHealth(x)
	case "care":
		t.carers(x)
	case "call":
		t.number(x)
	case "pass":
		t.passing(x)
	case "carer":
		t.start(kinCarerForm.Name, Answers{"tie": x.tag()})
	}
}

// whichTie asks which of one's own elders is meant.
func (t *turn) whichTie(verb string, ties []Tie) {
	c := ledger.Card{Title: "说的是哪一位?"}
	same := map[string]int{}
	for _, x := range ties {
		same[x.Call]++
	}
	nth := map[string]int{}
	for _, x := range ties {
		text := x.Call
		if nth[text]++; same[text] > 1 {
			text = fmt.Sprintf("%s(登记的第%d位)", text, nth[x.Call])
		}
		if len(c.Buttons) < 10 {
			c.Buttons = append(c.Buttons, item("go:kin:"+verb+":"+x.tag(), text))
		}
	}
	t.menu(c)
}

// fenced is what a relative hears instead of everything else: the elder does not want them told (requirements §3 case 11), or is no longer
// on the ledger, of which only a person speaks (case 1).
func (t *turn) fenced(x Tie) (string, bool) {
	switch {
	case ledger.Blocked(x.Acts, x.Bond.Kin):
		return limited, true
	case x.Elder.Away.Kind != "" && x.Elder.Away.Kind.Ends():
		if x.Village.Phone == "" {
			return "这件事请给村里打个电话。", true
		}
		return "这件事请给村里打个电话:" + x.Village.Name + " " + x.Village.Phone + "。", true
	}
	return "", false
}

// unheard answers where there is nothing to be told: their own consent is asked for where it lacks; whether the elder's does is not said.
func (t *turn) unheard(x Tie) {
	if !x.agreed(ledger.PurposeKin) {
		t.menu(ledger.Card{Title: "要您先同意接收,才能在这里说。", Desc: "同意就点一下,不同意也不影响老人得到的照看。",
			Buttons: consentButtons(ledger.PurposeKin, x.ElderID, "同意接收走访情况")})
		return
	}
	t.say("近况这会儿在这里说不了。想知道,直接给老人打个电话最好,或问村委会。")
}

// plain are the findings that are told to a relative who may not hear of the elder's health: about the house, in the house's words. What
// is about the body, the mind or other people is not among them (PIPL art. 28).
var plain = []string{"gas", "heating", "electricity", "fire", "home", "surroundings", "indoor", "outdoor", ledger.ItemHouse, ledger.ItemRoomTemp}

// dealtWords say what becomes of a finding.
var dealtWords = map[ledger.FindingState]string{ledger.FindingReported: "已报村里处理", ledger.FindingFixed: "当场弄好了", ledger.FindingWatched: "下次再看"}

// tell answers how an elder is, from the visits of the month, as far as Hearing goes.
func (t *turn) tell(x Tie) {
	first, rest := x.news(t.in)
	switch {
	case x.Urgent:
		rest = append(rest, x.askVillage())
	case !strings.Contains(first, "电话最好"):
		rest = append(rest, "有空给"+x.Elder.she()+"打个电话吧。")
	}
	t.menu(ledger.Card{Title: first, Desc: strings.Join(rest, "\n"), Buttons: t.offers(x)})
}

// news is what there is to say of an elder: a first sentence, and what follows.
func (x Tie) news(in Input) (first string, rest []string) {
	h, month := x.Hearing, int(in.Today.Month())
	if x.Elder.Away.Kind == ledger.StandingPaused {
		if !h.Where {
			return x.Call + "这会儿不在家,打个电话最好。", nil
		}
		if x.Elder.Away.Place == "住院" {
			return x.Call + "这会儿在住院。", nil
		}
		return x.Call + "这会儿不在家,在" + orElse(strings.TrimPrefix(x.Elder.Away.Place, "在"), "外面") + "。", nil
	}
	began := ledger.MonthOf(in.Today).First()
	var met []ledger.Entry
	days := map[ledger.Day]bool{}
	for _, e := range x.Entries {
		if looked := e.Kind == ledger.KindVisit || e.Kind == ledger.KindHelp && e.Looked; !looked || !e.Outcome.Met() {
			continue
		}
		if e.Day >= began {
			days[e.Day] = true
		}
		met = append(met, e)
	}
	switch {
	case len(met) == 0, len(days) == 0 && !h.Where:
		return x.Call + "这个月还没看过,村里会去。", nil
	case len(days) == 0:
		first = x.Call + "这个月还没看过,村里会去。上次是" + ago(met[0].Day, in.Today) + met[0].Method.Name()
		met = met[:1]
	default:
		first = fmt.Sprintf("%s%d月看过%d次", x.Call, month, len(days))
		if h.Where {
			first += ",最近一次是" + ago(met[0].Day, in.Today) + met[0].Method.Name()
		}
		met = slices.DeleteFunc(met, func(e ledger.Entry) bool { return e.Day < began })
	}
	if x.Urgent {
		return first + "。", nil
	}
	well, rest := x.found(met)
	return first + well + "。", rest
}

// askVillage says whom to ask how the elder is at this moment. Whether the family is told of an emergency is for who handles it to
// say: this neither tells nor soothes.
func (x Tie) askVillage() string {
	if !x.Hearing.Where || x.Village.Phone == "" {
		return "今天怎么样,请打电话问村委会。"
	}
	return fmt.Sprintf("今天怎么样,请打电话问%s%s:%s。", x.Place, x.Village.Name, x.Village.Phone)
}

// state is what visits found, in sentences of their own.
func (x Tie) state(met []ledger.Entry) []string {
	words, lines := x.found(met)
	if words == "" {
		return lines
	}
	return append([]string{strings.TrimLeft(words, ":,") + "。"}, lines...)
}

// found is what visits found, health only where it may be told: words are how the sentence about the visits goes on.
func (x Tie) found(met []ledger.Entry) (words string, lines []string) {
	h, last := x.Hearing, met[0]
	var house, body []string
	well := true
	for _, e := range met {
		well = well && e.Outcome == ledger.OutcomeOK
	}
	for _, f := range x.Findings {
		item, ok := ledger.ItemByKey(f.Item)
		if !ok || f.State == ledger.FindingWithdrawn || !slices.ContainsFunc(met, func(e ledger.Entry) bool { return e.Key == f.EntryKey }) {
			continue
		}
		well = false
		switch {
		case slices.Contains(plain, f.Item):
			house = append(house, item.Name+"("+orElse(dealtWords[f.State], "在处理")+")")
		case h.Health && f.Item != "neighbors":
			body = append(body, strings.TrimRight(item.Name+":"+clip(f.Note, 40), ":"))
			if f.EntryKey == last.Key && last.Note != "" { // which follows, whole
				body[len(body)-1] = item.Name
			}
		}
	}
	if well {
		words = ":都好"
	}
	if h.Where && last.RoomTemp != nil {
		words += fmt.Sprintf(",屋里%d度", *last.RoomTemp)
	}
	if len(house) > 0 {
		lines = append(lines, "家里要留意的:"+strings.Join(unique(house), "、")+"。")
	}
	if h.Health {
		if len(body) > 0 {
			lines = append(lines, "身体上:"+strings.Join(body, "、")+"。")
		}
		if last.Pressure != "" {
			lines = append(lines, "血压 "+last.Pressure+"。")
		}
		if last.Note != "" {
			lines = append(lines, "看望的人记着:「"+clip(last.Note, 80)+"」")
		}
	}
	if !well && len(house)+len(body) == 0 && (!h.Health || last.Note == "") {
		lines = append(lines, "有要您留意的,打电话问问最清楚。")
	}
	return words, lines
}

// ago is a day as one says it to somebody far away.
func ago(day, today ledger.Day) string {
	switch today.Sub(day) {
	case 0:
		return "今天"
	case 1:
		return "昨天"
	case 2:
		return "前天"
	}
	return day.Short()
}

// What is offered after an answer; each can be typed, too.
func (t *turn) offers(x Tie) []ledger.Button {
	tag := ""
	if x.User != "" {
		tag = ":" + x.tag()
	}
	all := []ledger.Button{item("go:kin:call"+tag, "给老人打电话"), item("go:kin:pass"+tag, "请人捎句话"),
		item("go:kin:move", "我换号码/换地方了"), item("go:kin:back", "什么时候回家"), item("go:kin:care"+tag, "谁在照顾")}
	if tag != "" && x.Hearing.Status && !x.Hearing.Health {
		all = append([]ledger.Button{item("go:kin:health"+tag, "想了解身体情况(需再确认身份)")}, all...)
	}
	return all
}

// wantsHealth asks for the second confirmation that health needs (G.1; PIPL art. 28, 29): their tap is their own consent, and who knows
// the family is asked.
func (t *turn) wantsHealth(x Tie) {
	in := t.in
	switch {
	case x.Hearing.Health:
		t.tell(x)
		return
	case x.Wants != "":
		t.say("已经在问了,村里确认过会在这里告诉您。急着知道,直接给老人打个电话。")
		return
	}
	t.out.Edits = append(t.out.Edits, kinEdit(in, "家属想了解身体情况", ledger.Book{Bonds: []ledger.Bond{{ElderID: x.ElderID, User: x.User, Wants: in.Today}}}))
	for _, m := range bondHealth(in, x.Bond, x.candidate()) {
		t.send(m)
	}
	t.say("记下了。身体情况要村里再确认一次是您本人,还要老人愿意说,一般一两天。确认了会在这里告诉您。")
}

// candidate is the relative with those who know the family.
func (x Tie) candidate() Candidate {
	c := Candidate{ElderID: x.ElderID, Kin: x.Bond.Kin, Relation: x.Kin.Relation}
	for _, p := range []Contact{x.Helper, x.Visitor, x.Village} {
		if p.UserID != "" && len(c.Knows) == 0 {
			c.Knows = []Person{{UserID: p.UserID, Name: p.Name}}
		}
	}
	return c
}

// carers says who looks after the elder, with the numbers whole: calling is the point.
func (t *turn) carers(x Tie) {
	if !x.Hearing.Care {
		t.say("这个请给村委会打电话问一声。")
		return
	}
	var lines []string
	seen := map[string]bool{}
	add := func(what string, c Contact) {
		if c.UserID != "" && !seen[c.UserID] {
			seen[c.UserID] = true
			lines = append(lines, what+":"+strings.TrimSpace(c.Name+" "+c.Phone))
		}
	}
	add("看望", x.Visitor)
	add("帮扶", x.Helper)
	add("村里", x.Village)
	if len(lines) == 0 {
		t.say("现在还没有登记看望的人。请给村委会打个电话问一声。")
		return
	}
	t.say("照看" + strings.TrimPrefix(x.Call, "您") + "的人:\n" + strings.Join(lines, "\n") + "\n有事直接打给第一位。")
}

// number gives the elder's own number, whole, to who may know who cares for them: it is a verified child of whom the elder agreed that they
// hear, and calling is what is wanted most. Where somebody of the family may be behind something (Hearing.Care is not), it is not given.
func (t *turn) number(x Tie) {
	call := strings.TrimPrefix(x.Call, "您")
	switch {
	case !x.Hearing.Care:
		t.say("电话请问村委会。")
	case x.Elder.Phone != "":
		t.say(call + "的电话:" + x.Elder.Phone + "。现在就打一个吧。")
	case x.Visitor.Phone != "":
		t.say(call + "没有登记电话。可以打给看望的人,请帮忙接通:" + x.Visitor.Name + " " + x.Visitor.Phone + "。")
	default:
		t.say(call + "没有登记电话。" + person(x, "请打给村里:"))
	}
}
