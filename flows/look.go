package flows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// Wants is what a message needs to have read beforehand, besides the everyday view: it costs a look at the database.
type Wants struct {
	Figures   bool     // of the speaker's areas
	Proposals bool     // that wait for the speaker
	Gaps      bool     // where nobody is responsible
	Reviews   bool     // what deserves a second look in the speaker's area
	Logged    bool     // the speaker's records of late
	Silence   bool     // why the calendar has been silent
	Month     bool     // the speaker's month
	Log       string   // words for the elder whose looks are asked for
	Record    string   // number or key of a record to be mended
	Elders    []string // elders that the conversation is about, whether or not they are the speaker's everyday
	Alarms    bool     // all alarms that are not over
	Cases     []string // cases by key
	Matters   bool     // that wait for the speaker, or that they raised
	Solved    string   // elder whose solved matters are to be asked about
	Bonds     []string // relatives' WeChats by elder/thread
	Words     []string // words to relatives by key
	Mine      bool     // calls to relatives that are the speaker's, and WeChats that wait for them
	Leaflet   string   // elder whose contact card is wanted
	Kinship   bool     // what decides about words to the families of Elders and of the elders of Cases
	KinOf     string   // words for one elder more, of whom the same is wanted
}

// Asks says what a message wants read.
func Asks(s State, in Input) Wants {
	said := ""
	switch in.Kind {
	case Text, Click:
		said = fold(in.Text)
	case Tap:
		said = strings.TrimPrefix(in.Button, "go:")
	}
	verb, arg := split(said)
	meant := func(intents ...understand.Intent) bool {
		return slices.ContainsFunc(in.View.Said, func(p understand.Part) bool { return slices.Contains(intents, p.Reading.Intent) })
	}
	w := Wants{
		Figures:   slices.Contains([]string{"todo", "待办", "roster", "名册", "stats", "统计"}, said) || meant(understand.QueryTodo, understand.QueryStats),
		Proposals: slices.Contains([]string{"check", "take", "leave"}, verb),
		Gaps:      verb == "gaps",
		Reviews:   slices.Contains([]string{"reviews", "复核", "settle"}, verb),
		Silence:   slices.Contains([]string{"为什么没提醒", "怎么没提醒"}, said),
		Month:     slices.Contains([]string{"month", "月历", "本月"}, said),
		Log:       map[string]string{"seen": arg}[verb],
		Record:    orElse(orElse(s.Answers["record"], s.Answers["mends"]), s.Answers["was.record"]),
	}
	if rest, ok := strings.CutPrefix(said, "更正"); ok {
		verb, arg = "mend", strings.Trim(rest, " :")
	}
	if verb == "mend" || verb == "record" {
		w.Record, _, _ = strings.Cut(arg, ";")
	}
	w.Logged = s.Form == mendForm.Name || w.Record != "" || slices.Contains([]string{"mend", "undo", "撤销"}, verb) || meant(understand.Correct, understand.Cancel)
	w.Elders = s.elders()
	w.matters(s, in, said, verb)
	w.alarm(s, in, said)
	w.family(s, in, said, verb)
	return w
}

// family adds what a message wants of the elders' families.
func (w *Wants) family(s State, in Input, said, verb string) {
	w.Mine = slices.Contains([]string{"todo", "待办"}, said)
	if s.Form == relayForm.Name {
		w.Bonds = append(w.Bonds, s.Answers["bond"])
	}
	if s.Form == wordForm.Name {
		w.Words = append(w.Words, s.Answers["word"])
	}
	w.Kinship = s.Form == urgeForm.Name || s.Form == consentForm.Name || strings.HasPrefix(said, urgeWord) || caseNumber.MatchString(said)
	if in.Kind != Tap {
		if rest, ok := strings.CutPrefix(said, urgeWord+" "); ok {
			w.KinOf, _, _ = strings.Cut(strings.TrimSpace(rest), " ")
		}
		for _, word := range []string{lostWord, leafletWord} {
			if name, ok := strings.CutPrefix(said, word); ok && w.Leaflet == "" {
				w.Leaflet = strings.Trim(name, " :")
			}
		}
		return
	}
	_, rest, _ := strings.Cut(said, ":")
	act, arg, _ := strings.Cut(rest, ":")
	switch verb {
	case "bond":
		key, _ := bondOf(arg)
		w.Bonds = append(w.Bonds, key)
	case "relay":
		if _, key, ok := strings.Cut(arg, ":"); ok {
			w.Bonds = append(w.Bonds, key)
		}
	case "word":
		w.Words = append(w.Words, arg)
	case "leaflet":
		if w.Leaflet = act; arg != "" {
			w.Leaflet, _, _ = strings.Cut(arg, ":")
		}
	case "case":
		w.Kinship = act == "take" || act == "tell" || w.Kinship
	}
}

// alarm says whether a message may raise an emergency, so that those under way are wanted, and which cases it is about.
func (w *Wants) alarm(s State, in Input, said string) {
	if rest, ok := strings.CutPrefix(said, "case:"); ok && in.Kind == Tap {
		verb, rest, _ := strings.Cut(rest, ":")
		key, id, _ := strings.Cut(rest, ":")
		w.Cases = append(w.Cases, key)
		if verb == "who" {
			w.Elders = append(w.Elders, id)
		}
	}
	talking := s.Alarm.Key != "" && in.Now.Sub(time.Unix(s.Alarm.At, 0)) < alarmTalk
	if talking {
		w.Cases = append(w.Cases, s.Alarm.Key)
	}
	if s.Form == caseForm.Name {
		w.Cases = append(w.Cases, s.Answers["case"])
	}
	w.Cases = unique(w.Cases)
	_, _, crying := cry(said)
	may := func(f Form) bool {
		return f.Name == s.Form && slices.ContainsFunc(f.Steps, func(st Step) bool { return st.Key == s.Step && st.Urgent != "" })
	}
	w.Alarms = talking || crying || said == "alarm" || caseNumber.MatchString(said) || slices.ContainsFunc(in.View.Said, perilous) ||
		slices.ContainsFunc(Forms, may)
}

// elders are those a conversation is about.
func (s State) elders() []string {
	var out []string
	add := func(a Answers) {
		for _, key := range []string{"elder", "who", "which", "for", "was.elder"} {
			out = append(out, strings.Split(strings.TrimPrefix(a[key], "?"), ",")...)
		}
	}
	drafts := append(slices.Concat(s.Parked, s.Queue), s.Draft, s.Switch)
	for _, d := range drafts {
		add(d.Answers)
		for _, a := range d.Answers.pile() {
			add(a)
		}
	}
	out = append(out, s.Danger.Elders...)
	for _, r := range slices.Concat(s.Recent, s.Logged) {
		out = append(out, r.Elder)
	}
	return slices.DeleteFunc(unique(out), func(id string) bool { return id == "" || id == "other" })
}

// The words that ask about somebody or something, and the verb a button says instead.
var asking = []struct{ word, verb string }{
	{"谁负责", "whose"}, {"谁管", "whose"}, {"谁看过", "seen"}, {"谁看了", "seen"}, {"查一下", "card"}, {"资料", "card"}, {"查", "card"},
	{"核对", "check"}, {"空缺", "gaps"}, {"复核", "reviews"}, {"依据", "basis"}, {"记录", "record"},
}

// split reads "谁看过马秀兰" or "seen:A03" into verb and argument.
func split(said string) (verb, arg string) {
	for _, a := range asking {
		if rest, ok := strings.CutPrefix(said, a.word); ok {
			return a.verb, strings.Trim(rest, " :")
		}
	}
	if rest, ok := strings.CutSuffix(said, "资料"); ok {
		return "card", strings.TrimSuffix(strings.TrimSpace(rest), "的")
	}
	verb, arg, _ = strings.Cut(said, ":")
	return verb, arg
}

// question obeys words that ask about an elder or the ledger. In the middle of a form a text that names nobody in sight is an
// answer (查出高血压), not a question.
func (t *turn) question(said string) bool {
	verb, arg := split(said)
	switch verb {
	case "whose":
		_, arg, _ = dayIn(arg, t.in.Today)
		fallthrough
	case "seen", "card":
		if hits, _ := t.in.View.Find(arg); t.s.Form != "" && len(hits) == 0 {
			return false
		}
		if arg == "" {
			return false
		}
	case "record":
		if !strings.Contains(arg, "-") { // 记录 alone is no number
			return false
		}
	case "basis":
		if t.s.Form != "" && arg != "" && !t.basisOf(arg) {
			return false
		}
	case "check", "gaps", "reviews":
		if arg != "" {
			return false
		}
	default:
		return false
	}
	_, arg = split(said)
	t.aside(func() { t.look(verb, arg) })
	return true
}

// look answers a question about the ledger, typed or tapped.
func (t *turn) look(verb, arg string) {
	v := t.in.View
	switch verb {
	case "check":
		t.proposals()
		return
	case "gaps":
		t.gaps()
		return
	case "reviews":
		t.reviews(t.in.View.Reviews)
		return
	case "record":
		t.readRecord(arg)
		return
	case "basis":
		t.basis(arg)
		return
	case "seen":
		if !slices.Contains(v.Roles, ledger.RoleKeeper) && !slices.Contains(v.Roles, ledger.RoleCounty) {
			t.say("谁看过老人的资料,只有档案员和县里能查。")
			return
		}
	}
	day := t.in.Today
	if d, rest, ok := dayIn(arg, day); verb == "whose" && ok {
		day, arg = d, rest
	}
	hits, sure := v.Find(arg)
	switch {
	case verb == "whose" && len(hits) > 0 && sure:
		for _, e := range hits { // of one name: each is told by place and age
			t.whoseOn(e, day)
		}
	case len(hits) == 0:
		t.say(notYours(arg))
	case len(hits) > 1 || !sure:
		t.which(verb, hits)
	case verb == "card":
		t.sheet(hits[0])
	case verb == "call":
		t.call(hits[0])
	case verb == "seen" && hits[0].Access.Log:
		t.seen(hits[0])
	default:
		t.say(notYours(arg))
	}
}

// whoseOn says who was responsible for an elder on a day (002 五: 指派专人).
func (t *turn) whoseOn(e Elder, day ledger.Day) {
	who := orElse(names(t.in.View.Responsible(e.ID, day)), "没有人")
	if day == t.in.Today {
		t.say(e.full() + "现在由" + who + "负责。")
		return
	}
	t.say(e.full() + dated(day, t.in.Today) + "由" + who + "负责。")
}

// which lets the speaker choose among elders a word may mean; nobody is picked silently (requirements §3 case 8).
func (t *turn) which(verb string, hits []Elder) {
	c := ledger.Card{Title: "是哪一位?"}
	switch {
	case len(hits) == 1:
		c.Title = "是这位吗?"
	case !slices.ContainsFunc(hits, func(e Elder) bool { return e.Name != hits[0].Name }): // typed in letters perhaps
		c.Title = "是哪一位" + hits[0].Name + "?"
	}
	villages := false
	for i := range hits {
		villages = villages || hits[i].Village != hits[0].Village
	}
	for i := range hits {
		if len(c.Buttons) == 6 {
			c.Desc = "还有别的,请带上村名再说一次。"
			break
		}
		text := hits[i].Name + " " + hits[i].place(villages)
		if len([]rune(text)) > buttonWidth {
			text = hits[i].place(villages)
		}
		c.Buttons = append(c.Buttons, ledger.Button{Key: "go:" + verb + ":" + hits[i].ID, Text: clip(text, buttonWidth), Style: 1})
	}
	t.card(c)
}

// Mask hides a phone or another number but for its ends, enough to know it again (002 五·信息核对; B9).
func Mask(number string) string {
	r := []rune(number)
	switch n := len(r); {
	case n == 0:
		return ""
	case n < 7:
		return strings.Repeat("*", n)
	default:
		return string(r[:3]) + "****" + string(r[n-4:])
	}
}

// sheet shows the ledger entry as far as the speaker may see it; the look is written down (002 七(三)).
func (t *turn) sheet(e Elder) {
	s, ok := t.in.View.Sheet(e.ID)
	if !ok {
		t.say(notYours(e.Name))
		return
	}
	t.looked(e.ID, ledger.LookCard)
	x := s.Elder
	c := ledger.Card{Title: e.full(), Desc: strings.Join(filled(string(s.Tier), x.Living, x.SelfCare, awayWords(e.Away)), " · ")}
	row := func(name, value string) {
		if value != "" && len(c.Rows) < 6 {
			c.Rows = append(c.Rows, ledger.CardRow{Name: name, Value: clip(value, valueWidth)})
		}
	}
	row("电话", orElse(Mask(x.Phone), "没有登记"))
	row("住址", x.Address)
	for _, k := range s.Kin {
		row(clip(orElse(k.Relation, "家属"), 5), strings.Join(filled(k.Name, Mask(k.Phone), k.Where), " "))
		if len(c.Rows) == 4 {
			break
		}
	}
	row("巡访员", orElse(names(s.Visitors), "还没有安排"))
	row("身份证", x.IDNumber)
	var more []string
	for _, m := range []struct{ name, value string }{{"健康", x.Health}, {"照料", x.Care}, {"困难", x.Hardship}, {"经济", x.Income}} {
		if m.value != "" {
			more = append(more, m.name+":"+clip(m.value, 40))
		}
	}
	if x.LostChild {
		more = append(more, "失独")
	}
	if s.Sight == ledger.SightLedger && x.Consent == "" {
		more = append(more, "还没有同意书")
	}
	c.Sub = clip(strings.Join(more, "\n"), listWidth)
	if x.Phone != "" || slices.ContainsFunc(s.Kin, func(k ledger.Kin) bool { return k.Phone != "" }) {
		c.Buttons = append(c.Buttons, ledger.Button{Key: "go:call:" + e.ID, Text: "要打电话", Style: 1})
	}
	if e.Access.Correct {
		c.Buttons = append(c.Buttons, ledger.Button{Key: "go:correct:" + e.ID, Text: "改资料", Style: 2})
	}
	if e.Access.Assign {
		c.Buttons = append(c.Buttons, ledger.Button{Key: "go:assign:" + e.ID, Text: "换巡访员", Style: 2})
	}
	if e.Access.Log {
		c.Buttons = append(c.Buttons, ledger.Button{Key: "go:seen:" + e.ID, Text: "谁看过", Style: 2})
	}
	if t.in.View.everyday(e.ID) != nil {
		c.Buttons = append(c.Buttons, ledger.Button{Key: "go:visit:" + e.ID, Text: "记巡访", Style: 2})
	}
	if len(c.Buttons) == 0 { // a card without a button cannot be sent
		c.Buttons = append(c.Buttons, ledger.Button{Key: "go:help", Text: "知道了", Style: 2})
	}
	t.card(c)
}

func filled(words ...string) []string {
	return slices.DeleteFunc(words, func(s string) bool { return s == "" })
}

func names(people []Person) string {
	out := make([]string, len(people))
	for i, p := range people {
		out[i] = p.Name
	}
	return strings.Join(out, "、")
}

func awayWords(s ledger.Standing) string {
	switch {
	case s.Kind == "":
		return ""
	case s.Kind == ledger.StandingPaused:
		return "暂停到" + s.Review.Short() + "复核"
	}
	return s.From.Short() + string(s.Kind)
}

// call gives the numbers whole: calling is the point.
func (t *turn) call(e Elder) {
	s, ok := t.in.View.Sheet(e.ID)
	if !ok {
		t.say(notYours(e.Name))
		return
	}
	t.looked(e.ID, ledger.LookCall)
	lines := []string{e.full()}
	if s.Elder.Phone != "" {
		lines = append(lines, "本人 "+s.Elder.Phone)
	}
	for _, k := range s.Kin {
		if k.Phone != "" {
			lines = append(lines, orElse(k.Relation, "家属")+" "+k.Name+" "+k.Phone)
		}
	}
	if len(lines) == 1 {
		lines = append(lines, "没有登记电话。")
	}
	t.say(strings.Join(lines, "\n"))
}

// looked writes a look down; it becomes true with the answer that shows it.
func (t *turn) looked(elderID string, what ledger.LookKind) {
	t.out.Looks = append(t.out.Looks, ledger.Look{Key: fmt.Sprintf("%s/%s/%s", t.in.Key, elderID, what), ElderID: elderID, By: t.in.User, What: what, At: t.in.Now})
}

// logLines is how many looks are told at once.
const logLines = 12

// seen tells the keeper who looked at an elder's entry and who changed it (002 七(三): 泄露信息要追究).
func (t *turn) seen(e Elder) {
	lines := []string{"谁看过、改过 " + e.full() + ":"}
	for i, s := range t.in.View.Log {
		if i == logLines {
			lines = append(lines, fmt.Sprintf("…更早的还有%d条", len(t.in.View.Log)-i))
			break
		}
		lines = append(lines, s.At.In(t.in.Zone).Format("1月2日 15:04")+" "+s.Who+" "+s.What)
	}
	if len(lines) == 1 {
		lines = append(lines, "还没有人看过。")
	}
	t.looked(e.ID, ledger.LookLog)
	t.say(strings.Join(lines, "\n"))
}

// gapLines is how many gaps are told at once.
const gapLines = 12

// gaps tells a lead where nobody is responsible (002 五: 指派专人; 七(一): 有人管事、有人干事).
func (t *turn) gaps() {
	v := t.in.View
	if !slices.ContainsFunc(v.Roles, func(r ledger.Role) bool {
		return r == ledger.RoleVillage || r == ledger.RoleTownship || r == ledger.RoleCounty
	}) {
		t.say("哪里没人管,由村里、乡里和县里的负责人看。")
		return
	}
	if len(v.Gaps) == 0 {
		t.say("没有空缺,每位老人都有人管。")
		return
	}
	lines := []string{fmt.Sprintf("还有%d处没人管:", len(v.Gaps))}
	for i, g := range v.Gaps {
		if i == gapLines {
			lines = append(lines, fmt.Sprintf("…还有%d处", len(v.Gaps)-i))
			break
		}
		lines = append(lines, g.Where+" "+g.What)
	}
	t.say(strings.Join(lines, "\n"))
	if i := slices.IndexFunc(v.Gaps, func(g Gap) bool { return g.Elder != "" }); i >= 0 {
		t.card(ledger.Card{Title: v.Gaps[i].Where + " " + v.Gaps[i].What, Desc: "现在安排一位?",
			Buttons: []ledger.Button{{Key: "go:assign:" + v.Gaps[i].Elder, Text: "安排巡访员", Style: 1}}})
	}
}
