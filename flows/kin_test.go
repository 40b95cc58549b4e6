package flows

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"xunfang/ledger"
)

// All people are invented. A relative plays against a view made by hand; the store's side of it is package bot's.

const (
	kfChild = "kf:00112233445566778899aabbccddeeff"
	oldEnd  = "0012" // of the number that the elder gave
	kfCard  = "HANDLE0001"
)

// relative is one WeChat in a conversation.
type relative struct {
	t    interface{ Fatalf(string, ...any) }
	s    State
	n    int
	at   time.Time
	view View
	last []ledger.Message // what the last turn said to them
	all  []ledger.Message // what every turn said to anybody
}

func newRelative(t interface{ Fatalf(string, ...any) }, f Family) *relative {
	v := View{Family: f, Find: func(string) ([]Elder, bool) { return nil, true }, Rules: Rules{Join: time.Hour, Quiet: time.Hour},
		Tells: func(ledger.Case) []Person { return []Person{{"hejun", "何军"}} }, Staff: func(string) string { return "" }}
	return &relative{t: t, at: time.Date(2026, 3, 11, 10, 0, 0, 0, zone), view: v}
}

func (r *relative) act(in Input) ledger.Changes {
	r.n++
	r.at = r.at.Add(20 * time.Second)
	in.Key, in.User, in.Now, in.Today, in.Zone, in.View = fmt.Sprintf("kf%d", r.n), kfChild, r.at, ledger.DayOf(r.at, zone), zone, r.view
	if in.Kind == Text {
		in.View.Said = reader().Parts(OfElder(in.Text), in.Today, called(nil))
	}
	kept, err := json.Marshal(r.s)
	if err != nil {
		r.t.Fatalf("state: %v", err)
	}
	r.s = State{}
	if err := json.Unmarshal(kept, &r.s); err != nil {
		r.t.Fatalf("state: %v", err)
	}
	s, c := Advance(Forms, r.s, in)
	r.s, r.last = s, nil
	replies := 0
	for _, m := range c.Messages {
		r.all = append(r.all, m)
		if m.To != kfChild || m.Photo != "" {
			continue
		}
		r.last = append(r.last, m)
		r.shows(m)
		if m.Priority == ledger.PriorityReply {
			replies++
		}
	}
	if replies > 1 || len(r.last) > 2 {
		r.t.Fatalf("%d messages to one word", len(r.last))
	}
	return c
}

// shows checks what WeChat can show (wecom/94677).
func (r *relative) shows(m ledger.Message) {
	if len(m.Text) > 2048 || m.Card == nil && m.Text == "" || !utf8.ValidString(m.Words()) {
		r.t.Fatalf("no message: %d bytes", len(m.Text))
	}
	if m.Card == nil {
		return
	}
	c := m.Card
	head := []string{c.Title, c.Desc}
	for _, row := range c.Rows {
		head = append(head, row.Name+":"+row.Value)
	}
	if n := len(strings.Join(head, "\n")); n > 1024 || len(c.Sub) > 1024 || len(c.Buttons) > 10 || c.Drop != nil || c.Checks != nil || len(c.Selects) > 0 {
		r.t.Fatalf("a menu that WeChat does not show: %d bytes, %d items", n, len(c.Buttons))
	}
	for _, b := range c.Buttons {
		id := b.Key
		if !strings.HasPrefix(id, "go:") {
			id = c.Task + "/" + id
		}
		if len(id) > 64 || len(b.Text) > 128 || b.Text == "" {
			r.t.Fatalf("item %q of %d bytes", b.Text, len(id))
		}
	}
}

func (r *relative) say(texts ...string) (c ledger.Changes) {
	for _, text := range texts {
		c = r.act(Input{Kind: Text, Text: text})
	}
	return c
}

// tap taps the item of the last answer that has these words.
func (r *relative) tap(label string) ledger.Changes {
	for _, m := range r.last {
		if m.Card == nil {
			continue
		}
		for _, b := range m.Card.Buttons {
			if b.Text == label {
				in := Input{Kind: Tap, Text: label, Button: b.Key}
				if !strings.HasPrefix(b.Key, "go:") {
					in.Task = m.Card.Task
				}
				return r.act(in)
			}
		}
	}
	r.t.Fatalf("no item %q in %q", label, r.words())
	return ledger.Changes{}
}

func (r *relative) enter(handle, greet string) ledger.Changes {
	return r.act(Input{Kind: Enter, Text: handle, Greet: greet})
}

// words are what the last turn said to them.
func (r *relative) words() string {
	var out []string
	for _, m := range r.last {
		out = append(out, m.Words())
	}
	return strings.Join(out, "\n")
}

// mother is a verified tie to an elder who was visited twice this month, with something about body and house.
func mother(h ledger.Hearing) Tie {
	temp := 19
	return Tie{
		Bond: ledger.Bond{ElderID: "A03", User: kfChild, Kin: "马小燕", Claim: "女儿", State: ledger.BondVerified, Asked: "2026-02-01", Since: "2026-02-02", Until: "2027-02-02"},
		Acts: []ledger.Consent{{Key: "1", ElderID: "A03", Purpose: ledger.PurposeKin, Given: true}, {Key: "2", ElderID: "A03", Kin: "马小燕", Purpose: ledger.PurposeKin, Given: true}},
		Call: "您母亲", Hearing: h,
		Elder: Elder{ID: "A03", Name: "马秀兰", Female: true, Village: "望远村", Group: "一组", Region: "0101", Age: 81, Phone: "13900000081", Address: "一组12号"},
		Kin:   ledger.Kin{ElderID: "A03", Name: "马小燕", Relation: "女儿", Phone: "13900000012"}, Kins: []string{"马小燕", "马小龙"},
		Entries: []ledger.Entry{
			{Key: "v2", Kind: ledger.KindVisit, ElderID: "A03", UserID: "wangfang", Day: "2026-03-10", Method: ledger.MethodDoor, Outcome: ledger.OutcomeProblem,
				Note: "膝盖肿,下炕费劲", Pressure: "150/90", RoomTemp: &temp},
			{Key: "v1", Kind: ledger.KindVisit, ElderID: "A03", UserID: "wangfang", Day: "2026-03-02", Method: ledger.MethodPhone, Outcome: ledger.OutcomeOK, Note: "夜里咳嗽"},
		},
		Findings: []ledger.Finding{{Key: "f1", EntryKey: "v2", Item: "mobility", Note: "膝盖肿", State: ledger.FindingWatched},
			{Key: "f2", EntryKey: "v2", Item: "heating", Note: "烟筒松了", State: ledger.FindingReported}},
		Visitor: Contact{"wangfang", "王芳", "13900000001"}, Helper: Contact{"zhaolei", "赵磊", "13900000002"}, Village: Contact{"hejun", "何军", "13900000003"}, Place: "望远村",
	}
}

var (
	hears    = ledger.Hearing{Status: true, Where: true, Care: true}
	hearsAll = ledger.Hearing{Status: true, Where: true, Care: true, Health: true}
	veiled   = ledger.Hearing{Status: true} // something of somebody of the family: neither where nor when
	askings  = []string{"我妈咋样", "最近怎么样", "妈妈身体好吗", "多久没去了", "谁在照顾", "老人电话", "血压高不高", "我妈住哪", "妈", "您好", "帮助", "我的信息", "几号去的",
		"什么时候回家", "瞎说一句", "又瞎说", "我换号码/换地方了", "请人捎句话", "取消", "退订", "马秀兰咋样"}
)

// real is the ledger with an elder whose card opens something; invented is one without.
func realFamily() Family {
	return Family{
		Match: func(handle, end string) (Candidate, bool) {
			return Candidate{ElderID: "A03", Kin: "马小燕", Relation: "女儿", Knows: []Person{{"zhaolei", "赵磊"}}}, handle == kfCard && end == oldEnd
		},
		CardKnows: func(handle string) []Person {
			if handle != kfCard {
				return nil
			}
			return []Person{{"zhaolei", "赵磊"}}
		},
		CardElder: func(string) string { return "马秀兰(望远村一组,81岁)" },
	}
}

func invented() Family {
	return Family{Match: func(string, string) (Candidate, bool) { return Candidate{}, false }}
}

// Nothing that a WeChat which is not verified says, taps or opens tells whether an elder exists: two worlds, one answer, byte for byte
// (requirements §3 case 10).
func TestNothingBeforeVerified(t *testing.T) {
	words := append([]string{"女儿", "我是儿子", "1", "2", "5", "4321", "13900000099", "尾号 ９９９９", "马秀兰咋样", "王大锤咋样", "张桂兰家住哪", "我妈李秀英咋样", "返回", "我在杭州",
		"换号", "13900000013", "号码没变", "同意", "TD", "解绑", "登记", "我是家属,来登记", "123456", "", "　", "A03"}, askings...)
	rapid.Check(t, func(r *rapid.T) {
		worlds := [2]*relative{newRelative(r, realFamily()), newRelative(r, invented())}
		guesses := 0
		for range rapid.IntRange(1, 14).Draw(r, "turns") {
			kind := rapid.IntRange(0, 9).Draw(r, "kind")
			text := rapid.OneOf(rapid.SampledFrom(words), rapid.String(), rapid.StringMatching(`[0-9]{4}`)).Filter(func(s string) bool {
				return lastFour(s) != oldEnd
			}).Draw(r, "text")
			button := rapid.IntRange(0, 9).Draw(r, "button")
			handle := rapid.SampledFrom([]string{kfCard, "HANDLE0002", ""}).Draw(r, "handle")
			greet := rapid.SampledFrom([]string{"", "WELCOME"}).Draw(r, "greet")
			verb := rapid.SampledFrom([]string{"ask", "care:00000000", "call", "health", "agree:status:A03", "pass", "where", "carer", "leave", "mine"}).Draw(r, "verb")
			var got [2]ledger.Changes
			for i, w := range worlds {
				w.view.Family.Guessed = guesses
				switch {
				case kind == 0:
					got[i] = w.enter(handle, greet)
				case kind == 1 && len(w.last) > 0 && w.last[0].Card != nil && button < len(w.last[0].Card.Buttons):
					got[i] = w.tap(w.last[0].Card.Buttons[button].Text)
				case kind == 2:
					got[i] = w.act(Input{Kind: Photo, Media: "media"})
				case kind == 3:
					got[i] = w.act(Input{Kind: Tap, Button: "go:kin:" + verb})
				default:
					got[i] = w.say(text)
				}
				got[i].Messages = slices.DeleteFunc(got[i].Messages, func(m ledger.Message) bool { return m.To != kfChild }) // who is told of three tries
				got[i].Cases = nil                                                                                           // a stranger's alarm goes to where a name lives
			}
			guesses += len(got[0].Guesses)
			a, b := mustJSON(r, got[0]), mustJSON(r, got[1])
			if a != b || mustJSON(r, worlds[0].s) != mustJSON(r, worlds[1].s) {
				r.Fatalf("told apart:\n%s\n%s", a, b)
			}
			if len(got[0].Edits)+len(got[0].Consents)+len(got[0].Photos)+len(got[0].Facts) > 0 {
				r.Fatalf("kept of somebody unknown: %s", a)
			}
		}
	})
}

func mustJSON(t interface{ Fatalf(string, ...any) }, v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(raw)
}

// Who is not bound hears one sentence, and who waits another, whatever they say and whatever there is to know.
func TestOneSentence(t *testing.T) {
	waitingTie := mother(hearsAll)
	waitingTie.State, waitingTie.Since = ledger.BondAsked, ""
	expired := mother(hearsAll)
	expired.Until = "2026-03-01"
	said := map[string]map[string]bool{}
	for name, ties := range map[string][]Tie{"nobody": nil, "asked": {waitingTie}, "asked of a bare elder": {{Bond: waitingTie.Bond}}, "expired": {expired}} {
		for _, q := range askings {
			if verb, _ := kinVerb(fold(q)); slices.Contains([]string{"help", "mine", "quit"}, verb) || q == "取消" {
				continue
			}
			r := newRelative(t, Family{Ties: ties})
			r.say(q)
			if said[name] == nil {
				said[name] = map[string]bool{}
			}
			said[name][r.words()] = true
		}
		if len(said[name]) != 1 {
			t.Errorf("%s: %v", name, said[name])
		}
	}
	if !said["nobody"][unbound+"\n[我是家属,来登记]"] || !said["asked"][waiting] || !reflect.DeepEqual(said["asked"], said["asked of a bare elder"]) {
		t.Errorf("%v", said)
	}
	// Their own question of what is kept shows nothing of the relative whose number matched.
	r := newRelative(t, Family{Ties: []Tie{waitingTie}})
	r.say("我的信息")
	for _, w := range []string{"马", "139", "0012"} {
		if strings.Contains(r.words(), w) {
			t.Errorf("shown: %s", r.words())
		}
	}
}

// The welcome is the same whatever card it was, goes out with the code, and without one only into an open window, once for each word.
func TestWelcome(t *testing.T) {
	seen := map[string]bool{}
	for _, handle := range []string{kfCard, "REVOKED", ""} {
		r := newRelative(t, realFamily())
		c := r.enter(handle, "CODE")
		if len(c.Messages) != 1 || c.Messages[0].Code != "CODE" || Handle(r.s) != handle {
			t.Fatalf("%+v", c)
		}
		seen[r.words()] = true
	}
	if len(seen) != 1 {
		t.Errorf("welcomes: %v", seen)
	}
	r := newRelative(t, realFamily())
	for _, step := range []struct {
		after time.Duration
		word  string
		want  int
	}{{0, "", 0}, {time.Minute, "你好", 1}, {time.Minute, "", 1}, {time.Minute, "", 0}, {71 * time.Hour, "", 0}, {0, "你好", 1}, {47 * time.Hour, "", 1}, {72 * time.Hour, "", 0}} {
		r.at = r.at.Add(step.after)
		var c ledger.Changes
		if step.word != "" {
			c = r.say(step.word)
		} else {
			c = r.enter(kfCard, "")
		}
		if len(c.Messages) != step.want {
			t.Errorf("after %v %q: %d messages", step.after, step.word, len(c.Messages))
		}
	}
}

func TestBinding(t *testing.T) {
	for _, end := range []string{"0012", " ００１２ ", "13900000012", "我的号码是139 0000 0012", "尾号0012谢谢", "零零幺二", "0 0 1 2"} {
		r := newRelative(t, realFamily())
		r.view.Find = func(said string) ([]Elder, bool) { return []Elder{mother(hears).Elder}, true }
		r.enter(kfCard, "CODE")
		r.tap("女儿")
		c := r.say(end)
		if len(c.Guesses) != 1 || len(c.Edits) != 1 || len(c.Edits[0].Book.Bonds) != 1 {
			t.Fatalf("%q: %+v", end, c)
		}
		b, e := c.Edits[0].Book.Bonds[0], c.Edits[0]
		if b.State != ledger.BondAsked || b.Kin != "马小燕" || b.Claim != "女儿" || b.Handle != kfCard || b.Asked != "2026-03-11" || e.By != ledger.ByFamily || e.Means != "微信客服" {
			t.Errorf("%+v", e)
		}
		if told := slices.ContainsFunc(c.Messages, func(m ledger.Message) bool { return m.To == "zhaolei" && m.Card != nil }); !told || r.words() != matched {
			t.Errorf("%q: %s", end, r.words())
		}
		if kept := mustJSON(t, r.s) + mustJSON(t, c.Edits) + mustJSON(t, c.Guesses); strings.Contains(kept, "13900000012") || strings.Contains(kept, `"0012"`) {
			t.Errorf("the number is kept: %s", kept)
		}
	}
}

// A second WeChat for the same relative is told of: to the first, and to who is to nod.
func TestSecondWeChat(t *testing.T) {
	f := realFamily()
	match := f.Match
	f.Match = func(h, end string) (Candidate, bool) {
		c, ok := match(h, end)
		c.Bound = []string{"kf:first"}
		return c, ok
	}
	r := newRelative(t, f)
	r.enter(kfCard, "CODE")
	c := r.say("女儿", "0012")
	told := map[string]string{}
	for _, m := range c.Messages {
		told[m.To] += m.Words()
	}
	if !strings.Contains(told["kf:first"], "另一个微信") || !strings.Contains(told["zhaolei"], "新的微信") || r.words() != matched {
		t.Errorf("%v", told)
	}
	if strings.Contains(told["kf:first"], "马") {
		t.Error("a name goes to a WeChat unasked")
	}
}

// Three tries, then a day of rest, whatever is tried; who cares for the elder hears of it once, and not what was tried.
func TestThreeTries(t *testing.T) {
	r := newRelative(t, realFamily())
	r.enter(kfCard, "CODE")
	r.tap("儿子")
	var told []ledger.Message
	for i, end := range []string{"1111", "没有数字", "2222", "3333"} {
		c := r.say(end)
		r.view.Family.Guessed += len(c.Guesses)
		if want := []string{noMatch, noDigit, noMatch, locked}[i]; !strings.HasPrefix(r.words(), want) {
			t.Errorf("%s: %s", end, r.words())
		}
		told = append(told, slices.DeleteFunc(c.Messages, func(m ledger.Message) bool { return m.To == kfChild })...)
	}
	if r.view.Family.Guessed != 3 || len(told) != 1 || told[0].To != "zhaolei" {
		t.Fatalf("%d guesses, %d told", r.view.Family.Guessed, len(told))
	}
	for _, w := range []string{"1111", "2222", "3333", "儿子", "马小燕"} {
		if strings.Contains(told[0].Words(), w) {
			t.Errorf("told: %s", told[0].Words())
		}
	}
	c := r.say("女儿", "0012") // the right one comes too late today
	if len(c.Guesses)+len(c.Edits) > 0 || r.words() != locked {
		t.Errorf("locked: %s", r.words())
	}
	r.view.Family.Guessed = 0
	if c := r.say("女儿", "0012"); len(c.Edits) != 1 {
		t.Errorf("after a day: %s", r.words())
	}
	// The card has its own limit, whoever tries.
	r = newRelative(t, realFamily())
	r.view.Family.GuessedCard = func(string) int { return ledger.GuessesMostCard }
	r.enter(kfCard, "CODE")
	if c := r.say("女儿", "0012"); len(c.Edits)+len(c.Guesses) > 0 || r.words() != locked {
		t.Errorf("the card: %s", r.words())
	}
}

func TestConsentByTaps(t *testing.T) {
	x := mother(ledger.Hearing{})
	x.Acts = x.Acts[:1]
	r := newRelative(t, Family{Ties: []Tie{x}})
	r.say("我妈咋样")
	c := r.tap("同意接收走访情况")
	for i, p := range []ledger.Purpose{ledger.PurposeKin, ledger.PurposePhone, ledger.PurposeCity, ledger.PurposeNotice, ledger.PurposeSMS} {
		if len(c.Consents) != 1 {
			t.Fatalf("%s: %+v", p, c.Consents)
		}
		a := c.Consents[0]
		if a.Purpose != p || a.Kin != "马小燕" || a.ElderID != "A03" || a.Given == (i == 2) || a.Text != kinText || a.Proof != fmt.Sprintf("kf%d", r.n) || a.Channel != "微信客服" ||
			a.Witness != ledger.ByFamily || a.Day != "2026-03-11" {
			t.Errorf("%+v", a)
		}
		r.view.Family.Ties[0].Acts = append(r.view.Family.Ties[0].Acts, a)
		if i < 4 {
			label := kinPurposes[i+1].Yes
			if i == 1 {
				label = "不同意"
			}
			c = r.tap(label)
		}
	}
	if !strings.Contains(r.words(), "都选好了") || strings.Contains(r.words(), "[") {
		t.Errorf("at the end: %s", r.words())
	}
}

func TestAsking(t *testing.T) {
	for _, c := range []struct {
		name  string
		tie   func(*Tie)
		say   string
		wants []string
		not   []string
	}{
		{"the month", nil, "我妈咋样", []string{"您母亲3月看过2次,最近一次是昨天上门", "屋里19度", "取暖(已报村里处理)", "打个电话", "[想了解身体情况(需再确认身份)]", "[请人捎句话]"}, []string{"膝盖", "150", "烟筒"}},
		{"an emergency is under way", func(x *Tie) { x.Urgent, x.Entries, x.Findings = true, x.Entries[1:], nil }, "最近怎么样", []string{"看过1次", "3月2日电话。", "今天怎么样,请打电话问望远村何军:13900000003。"},
			[]string{"都好", "急", "要您留意"}},
		{"an emergency, health", func(x *Tie) { x.Urgent, x.Hearing = true, hearsAll }, "妈妈身体好吗", []string{"看过2次", "请打电话问望远村何军"}, []string{"膝盖", "150/90", "取暖", "急"}},
		{"an emergency, hidden", func(x *Tie) { x.Urgent, x.Hearing = true, veiled }, "我妈咋样", []string{"请打电话问村委会"}, []string{"昨天", "何军", "望远", "139", "急"}},
		{"health", func(x *Tie) { x.Hearing = hearsAll }, "妈妈身体好吗", []string{"膝盖肿", "血压 150/90", "取暖"}, []string{"想了解身体"}},
		{"hidden", func(x *Tie) { x.Hearing = veiled }, "我妈咋样", []string{"您母亲3月看过2次。"}, []string{"昨天", "上门", "10", "膝盖", "王芳", "望远", "度"}},
		{"hidden: who", func(x *Tie) { x.Hearing = veiled }, "谁在照顾", []string{"村委会"}, []string{"王芳", "139", "何军"}},
		{"hidden: number", func(x *Tie) { x.Hearing = veiled }, "老人电话", []string{"村委会"}, []string{"139"}},
		{"who", nil, "谁在照顾我妈", []string{"看望:王芳 13900000001", "帮扶:赵磊", "何军"}, nil},
		{"number", nil, "老人电话", []string{"13900000081"}, nil},
		{"all well", func(x *Tie) { x.Entries, x.Findings = x.Entries[1:], nil }, "最近怎么样", []string{"看过1次", "3月2日电话", "都好"}, []string{"咳嗽", "要您留意"}},
		{"not yet", func(x *Tie) { x.Entries = nil }, "多久没去了", []string{"这个月还没看过"}, []string{"都好"}},
		{"last month", func(x *Tie) { x.Entries = x.Entries[1:]; x.Entries[0].Day = "2026-02-20" }, "多久没去了", []string{"还没看过", "上次是2月20日电话"}, nil},
		{"last month, hidden", func(x *Tie) { x.Hearing, x.Entries = veiled, x.Entries[1:]; x.Entries[0].Day = "2026-02-20" }, "我妈咋样", []string{"还没看过"}, []string{"2月", "都好", "电话,"}},
		{"in hospital", func(x *Tie) { x.Elder.Away = ledger.Standing{Kind: ledger.StandingPaused, Place: "住院"} }, "我妈咋样", []string{"在住院"}, nil},
		{"in hospital, hidden", func(x *Tie) {
			x.Hearing, x.Elder.Away = veiled, ledger.Standing{Kind: ledger.StandingPaused, Place: "住院"}
		}, "我妈咋样", []string{"这会儿不在家,打个电话最好"}, []string{"住院"}},
		{"died", func(x *Tie) {
			x.Hearing, x.Elder.Away = ledger.Hearing{}, ledger.Standing{Kind: ledger.StandingDied}
		}, "我妈咋样", []string{"这件事请给村里打个电话:何军 13900000003"}, []string{"去世", "看过"}},
		{"blocked", func(x *Tie) {
			x.Hearing = ledger.Hearing{}
			x.Acts = append(x.Acts, ledger.Consent{Key: "3", ElderID: "A03", For: "马小燕", Purpose: ledger.PurposeKin, At: time.Now()})
		}, "我妈咋样", []string{limited}, []string{"["}},
		{"the elder has not agreed", func(x *Tie) { x.Hearing = ledger.Hearing{} }, "我妈咋样", []string{"打个电话最好"}, []string{"同意", "看过"}},
		{"not understood", nil, "阿巴阿巴", []string{"没看懂「阿巴阿巴」", "[请人捎句话]"}, nil},
		{"by SMS", nil, "123456", []string{"看过2次"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := mother(hears)
			if c.tie != nil {
				c.tie(&x)
			}
			r := newRelative(t, Family{Ties: []Tie{x}})
			got := r.say(c.say)
			for _, w := range c.wants {
				if !strings.Contains(r.words(), w) {
					t.Errorf("no %q in: %s", w, r.words())
				}
			}
			for _, w := range c.not {
				if strings.Contains(r.words(), w) {
					t.Errorf("%q in: %s", w, r.words())
				}
			}
			if len(got.Edits)+len(got.Consents)+len(got.Cases) > 0 {
				t.Errorf("asking changed something: %+v", got)
			}
		})
	}
	r := newRelative(t, Family{Ties: []Tie{mother(hears)}})
	r.say("阿巴阿巴", "歪比歪比")
	if !strings.Contains(r.words(), "何军 13900000003") {
		t.Errorf("twice not understood: %s", r.words())
	}
}

// Whatever a relative says, nothing of the elder's health is told without the right to it, nothing of where and when where that is
// hidden, and nothing at all to whom the elder does not want told; no address and no name of the elder ever.
func TestNothingMoreThanHearing(t *testing.T) {
	secret := map[string][]string{
		"status":  {"膝盖", "下炕", "咳嗽", "150/90", "行动走路", "烟筒", "一组", "马秀兰"},
		"hidden":  {"膝盖", "下炕", "咳嗽", "150/90", "行动走路", "昨天", "3月2", "3月10", "上门", "王芳", "赵磊", "何军", "望远", "1390000", "马秀兰"},
		"blocked": {"膝盖", "咳嗽", "看过", "昨天", "王芳", "赵磊", "取暖", "13900000081", "马秀兰", "望远"},
	}
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom([]string{"status", "hidden", "blocked"}).Draw(rt, "hearing")
		x := mother(map[string]ledger.Hearing{"status": hears, "hidden": veiled}[name])
		if name == "blocked" {
			x.Acts = append(x.Acts, ledger.Consent{Key: "3", ElderID: "A03", For: "马小燕", Purpose: ledger.PurposeKin, At: time.Now()})
		}
		r := newRelative(rt, Family{Ties: []Tie{x}})
		for range rapid.IntRange(1, 12).Draw(rt, "turns") {
			text := rapid.OneOf(rapid.SampledFrom(append([]string{"我在杭州", "换号", "13800000077", "请人照顾", "捎话 我都好", "对", "改", "1", "2", "3", "4", "5", "6", "想了解身体情况",
				"国庆回家", "我今年过年不回", "我妈有事吗", "我妈摔倒了叫不醒", "联系不上我妈两天了", "马上报告", "号码没变"}, askings...)), rapid.String()).Draw(rt, "text")
			echo := text + r.echoes()
			if rapid.IntRange(0, 3).Draw(rt, "tap") == 0 && len(r.last) > 0 && r.last[0].Card != nil && len(r.last[0].Card.Buttons) > 0 {
				bs := r.last[0].Card.Buttons
				text = bs[rapid.IntRange(0, len(bs)-1).Draw(rt, "button")].Text
				r.tap(text)
			} else {
				r.say(text)
			}
			echo += r.echoes()
			for _, w := range secret[name] {
				if strings.Contains(r.words(), w) && !strings.Contains(echo, w) {
					rt.Fatalf("%s: %q told after %q: %s", name, w, text, r.words())
				}
			}
		}
	})
}

// echoes are the relative's own words that may be said back.
func (r *relative) echoes() string {
	out := r.s.Danger.Text
	for _, v := range r.s.Answers {
		out += v
	}
	return out
}

func TestTwoElders(t *testing.T) {
	father := mother(hears)
	father.ElderID, father.Elder.ID, father.Elder.Name, father.Elder.Female, father.Call, father.Entries = "A04", "A04", "马德福", false, "您父亲", nil
	ask := func() *relative { return newRelative(t, Family{Ties: []Tie{mother(hears), father}}) }
	r := ask()
	r.say("我爸咋样")
	if !strings.HasPrefix(r.words(), "您父亲这个月还没看过") {
		t.Errorf("the father: %s", r.words())
	}
	r.say("最近咋样")
	if !strings.Contains(r.words(), "哪一位") {
		t.Fatalf("which: %s", r.words())
	}
	r.tap("您母亲")
	if !strings.HasPrefix(r.words(), "您母亲3月看过2次") {
		t.Errorf("the mother: %s", r.words())
	}
	r = ask()
	r.say("最近咋样", "2") // by number
	if !strings.HasPrefix(r.words(), "您父亲") {
		t.Errorf("by number: %s", r.words())
	}
	r.say("我现在在浙江省杭州市")
	c := r.tap("同意记下")
	if len(c.Edits) != 1 || len(c.Edits[0].Book.Kin) != 2 || len(c.Consents) != 2 {
		t.Errorf("whereabouts go to both: %+v", c)
	}
	// A sibling's elder is nobody here.
	if r.say("张桂兰咋样"); !strings.Contains(r.words(), "哪一位") {
		t.Errorf("another's: %s", r.words())
	}
}

func TestHealthAskedFor(t *testing.T) {
	r := newRelative(t, Family{Ties: []Tie{mother(hears)}})
	r.say("我妈咋样")
	c := r.tap("想了解身体情况(需再确认身份)")
	if len(c.Edits) != 1 || len(c.Edits[0].Book.Bonds) != 1 || c.Edits[0].Book.Bonds[0].Wants != "2026-03-11" || c.Edits[0].Book.Bonds[0].State != "" {
		t.Fatalf("%+v", c.Edits)
	}
	if !slices.ContainsFunc(c.Messages, func(m ledger.Message) bool { return m.To == "zhaolei" }) || strings.Contains(r.words(), "膝盖") {
		t.Errorf("%s", r.words())
	}
	r.view.Family.Ties[0].Wants = "2026-03-11"
	if c := r.say("想了解身体情况"); len(c.Edits) > 0 || len(c.Messages) != 1 {
		t.Errorf("asked twice: %+v", c)
	}
}

// What a relative gives is echoed, written down only after the tap, and stands on the ledger with its source.
func TestGiving(t *testing.T) {
	for _, c := range []struct {
		say, tap, reply string
		kin             ledger.Kin
	}{
		{"我在杭州市余杭区文一西路12号", "同意记下", "记下了", ledger.Kin{ElderID: "A03", Name: "马小燕", Where: "杭州市余杭区", Seen: "2026-03-11"}},
		{"换城市\n盐池县花马池镇", "同意记下", "记下了", ledger.Kin{ElderID: "A03", Name: "马小燕", Where: "盐池县", Seen: "2026-03-11"}},
		{"什么时候回家\n腊月二十六", "对,记下", "记下了:腊月二十六", ledger.Kin{ElderID: "A03", Name: "马小燕", Back: "腊月二十六", Seen: "2026-03-11"}},
		{"我国庆回家", "对,记下", "记下了", ledger.Kin{ElderID: "A03", Name: "马小燕", Back: "国庆回家", Seen: "2026-03-11"}},
		{"请人照顾\n王玉珍\n邻居\n13900000055", "对,记下", "记下了", ledger.Kin{ElderID: "A03", Name: "王玉珍", Relation: "邻居", Phone: "13900000055"}},
	} {
		r := newRelative(t, Family{Ties: []Tie{mother(hears)}})
		before := r.say(strings.Split(c.say, "\n")...)
		if len(before.Edits)+len(before.Consents)+len(before.Facts) > 0 || !strings.Contains(r.words(), "对吗") {
			t.Fatalf("before the tap of %q: %s", c.say, r.words())
		}
		got := r.tap(c.tap)
		if len(got.Edits) != 1 || len(got.Edits[0].Book.Kin) != 1 || got.Edits[0].Book.Kin[0] != c.kin {
			t.Errorf("%q: %+v", c.say, got.Edits)
			continue
		}
		if e := got.Edits[0]; e.By != ledger.ByFamily || e.Means != "微信客服" || e.Why == "" || !strings.HasPrefix(r.words(), c.reply) {
			t.Errorf("%q: %+v %s", c.say, e, r.words())
		}
		if c.tap == "同意记下" && (len(got.Consents) != 1 || got.Consents[0].Purpose != ledger.PurposeCity) {
			t.Errorf("%q: %+v", c.say, got.Consents)
		}
	}
	// Below a county nothing is kept, not even in the conversation.
	r := newRelative(t, Family{Ties: []Tie{mother(hears)}})
	r.say("我在杭州市余杭区文一西路12号")
	if kept := mustJSON(t, r.s); strings.Contains(kept, "文一西路") || !strings.Contains(r.words(), "后面的没有记") {
		t.Errorf("%s\n%s", kept, r.words())
	}
	// No is no.
	r.tap("不用了")
	if c := r.say("对"); len(c.Edits) > 0 {
		t.Error("written after a no")
	}
	// What lay idle is not confirmed by a late word.
	r.say("我在杭州")
	r.at = r.at.Add(time.Hour)
	if c := r.say("同意记下"); len(c.Edits)+len(c.Consents) > 0 {
		t.Error("written after an hour")
	}
}

// A new number waits for somebody's nod: the old one stays, and the answer shows it masked.
func TestNewNumber(t *testing.T) {
	r := newRelative(t, Family{Ties: []Tie{mother(hears)}})
	r.say("换号", "1390000", "１３９００００００７７")
	if !strings.Contains(r.words(), "139****0077") || strings.Contains(r.words(), "13900000077") {
		t.Fatalf("%s", r.words())
	}
	c := r.tap("同意记下")
	if len(c.Edits) > 0 || len(c.Facts) != 1 || !c.Facts[0].Propose || !strings.Contains(c.Facts[0].Value, "13900000077") {
		t.Errorf("%+v %+v", c.Edits, c.Facts)
	}
	if len(c.Consents) != 1 || c.Consents[0].Purpose != ledger.PurposePhone || strings.Contains(r.words(), "13900000077") {
		t.Errorf("%+v %s", c.Consents, r.words())
	}
	if !slices.ContainsFunc(c.Messages, func(m ledger.Message) bool { return m.To == "zhaolei" }) {
		t.Error("nobody was told")
	}
	// Another relative's number is not changed by naming them as carer.
	r.say("请人照顾", "马小龙", "弟弟", "13900000066")
	if c := r.tap("对,记下"); len(c.Edits) > 0 {
		t.Errorf("%+v", c.Edits)
	}
}

func TestPassingOn(t *testing.T) {
	r := newRelative(t, Family{Ties: []Tie{mother(hears)}})
	r.say("我妈咋样")
	r.tap("请人捎句话")
	r.say("妈,最近降温多穿点,我病好了")
	if !strings.Contains(r.words(), "多穿点") {
		t.Fatalf("%s", r.words())
	}
	c := r.tap("对,带去")
	if len(c.Messages) < 2 || !strings.HasPrefix(r.words(), "转过去了") {
		t.Errorf("%+v", c.Messages)
	}
	c = r.act(Input{Kind: Photo, Media: "media"})
	if len(c.Photos) != 1 || !strings.Contains(r.words(), "这张照片") {
		t.Fatalf("%+v", c)
	}
	key := c.Photos[0].Key
	if c = r.tap("对,带去"); !slices.ContainsFunc(c.Messages, func(m ledger.Message) bool { return m.Show == key }) {
		t.Errorf("%+v", c.Messages)
	}
	// Taken back before it was confirmed, it goes nowhere.
	c = r.act(Input{Kind: Photo, Media: "media"})
	if got := r.act(Input{Kind: Recall, Text: strings.TrimPrefix(c.Photos[0].Key, "photo/")}); len(got.Messages) > 0 {
		t.Errorf("%+v", got)
	}
	if c := r.say("对"); len(c.Messages) != 1 {
		t.Errorf("passed on though taken back: %+v", c.Messages)
	}
}

func TestWithdrawal(t *testing.T) {
	x := mother(hearsAll)
	x.Kin.Where, x.Kin.Back, x.Kin.Consent = "杭州", "国庆", "2026-02-02"
	f := Family{Ties: []Tie{x}, Lines: []ledger.Line{{User: kfChild, Channel: ledger.ChannelKf, Account: "wk", Address: "wm"}, {User: kfChild, Channel: ledger.ChannelOfficial, Account: "wx", Address: "o"}},
		Open: []ledger.WordFile{{Word: ledger.Word{Key: "summary/A03/马小燕/2026-03", State: ledger.WordOpen, Rev: 3, Due: time.Now()}, Log: []ledger.Try{{Channel: ledger.ChannelKf, Kind: ledger.TrySent, Message: "m/1"}}}}}
	for _, way := range []string{"退订", "TD", "别再发了", "解绑", "删除我的信息", "撤回同意"} {
		r := newRelative(t, f)
		r.say("捎话") // in the middle of something else
		if c := r.say(way); len(c.Consents)+len(c.Edits) > 0 || !strings.Contains(r.words(), "[停发近况]") {
			t.Fatalf("%s: %s", way, r.words())
		}
		c := r.tap("全部解除并删除")
		if len(c.Consents) != len(ledger.KinPurposes) || slices.ContainsFunc(c.Consents, func(a ledger.Consent) bool { return a.Given || a.Proof == "" }) {
			t.Errorf("%s: %+v", way, c.Consents)
		}
		if len(c.Edits) != 1 || len(c.Edits[0].Book.Bonds) != 1 || c.Edits[0].Book.Bonds[0].State != ledger.BondEnded || c.Edits[0].Book.Bonds[0].Health != "-" ||
			!slices.Equal(c.Edits[0].Book.Kin, []ledger.Kin{{ElderID: "A03", Name: "马小燕", Where: "-", Back: "-", Consent: "-"}}) {
			t.Errorf("%s: %+v", way, c.Edits)
		}
		if len(c.Lines) != 2 || slices.ContainsFunc(c.Lines, func(l ledger.Line) bool { return l.State != ledger.LineDead || l.Address != "" }) {
			t.Errorf("%s: %+v", way, c.Lines)
		}
		if len(c.Words) != 1 || c.Words[0].Word.State != ledger.WordDropped || !c.Words[0].Word.Due.IsZero() || c.Words[0].Seen != 3 || !slices.Equal(c.Drop, []string{"m/1"}) {
			t.Errorf("%s: %+v %v", way, c.Words, c.Drop)
		}
		if len(r.last) != 1 || !strings.Contains(r.words(), "照看照旧") || Handle(r.s) != "" {
			t.Errorf("%s: %s", way, r.words())
		}
	}
	r := newRelative(t, f)
	r.say("退订")
	c := r.tap("停发近况")
	if len(c.Lines) > 0 || len(c.Words) != 1 || len(c.Edits[0].Book.Bonds) > 0 || slices.ContainsFunc(c.Consents, func(a ledger.Consent) bool { return a.Purpose == ledger.PurposePhone }) || len(c.Consents) != len(stopped) {
		t.Errorf("only the news: %+v", c)
	}
	// Who only asked to be bound withdraws nothing in the name of the relative whose number they knew.
	x.State = ledger.BondAsked
	r = newRelative(t, Family{Ties: []Tie{x}})
	r.say("退订")
	c = r.tap("全部解除并删除")
	if len(c.Consents) > 0 || len(c.Edits) != 1 || len(c.Edits[0].Book.Kin) > 0 || c.Edits[0].Book.Bonds[0].State != ledger.BondEnded {
		t.Errorf("not verified: %+v", c)
	}
}

func TestWordHeard(t *testing.T) {
	w := ledger.WordFile{Word: ledger.Word{Key: "confirm/A03/马小燕/2026-03-01", Purpose: ledger.WordConfirm, State: ledger.WordOpen, Rev: 2, Due: time.Now()}}
	for _, act := range []Input{{Kind: Text, Text: "号码没变"}, {Kind: Tap, Button: "kin:heard"}, {Kind: Photo}, {Kind: Other}} {
		r := newRelative(t, Family{Ties: []Tie{mother(hears)}, Word: w})
		c := r.act(act)
		if len(c.Words) != 1 || c.Words[0].Word.State != ledger.WordHeard || c.Words[0].Seen != 2 || len(c.Words[0].Log) != 1 || c.Words[0].Log[0].Kind != ledger.TryHeard || len(r.last) != 1 {
			t.Errorf("%v: %+v", act.Kind, c.Words)
		}
		if same := act.Text != ""; same != (len(c.Edits) == 1 && c.Edits[0].Book.Kin[0] == ledger.Kin{ElderID: "A03", Name: "马小燕", Seen: "2026-03-11"}) {
			t.Errorf("%q: %+v", act.Text, c.Edits)
		}
	}
	for _, act := range []Input{{Kind: Enter}, {Kind: Recall, Text: "kf0"}} {
		r := newRelative(t, Family{Ties: []Tie{mother(hears)}, Word: w})
		if c := r.act(act); len(c.Words) > 0 {
			t.Errorf("%v is no hearing", act.Kind)
		}
	}
}

// Danger that a relative tells goes to who can act where the elder lives: numbers first, nothing of the elder said back.
func TestKinAlarm(t *testing.T) {
	for _, c := range []struct {
		say   string
		offer bool
		ties  []Tie
		elder string
	}{
		{"我妈摔倒了叫不醒", false, []Tie{mother(hears)}, "A03"},
		{"紧急", false, []Tie{mother(veiled)}, "A03"},
		{"联系不上我妈 两天没接电话了", true, []Tie{mother(hears)}, "A03"},
		{"我妈摔倒了叫不醒", false, nil, ""},
		{"联系不上我妈 两天没接电话了", true, nil, ""},
	} {
		r := newRelative(t, Family{Ties: c.ties})
		got := r.say(c.say)
		if c.offer {
			if len(got.Cases) > 0 || !strings.Contains(r.words(), "120") || !strings.Contains(r.words(), "[马上报告]") {
				t.Fatalf("%s: %s", c.say, r.words())
			}
			got = r.tap("马上报告")
		}
		if len(got.Cases) != 1 || got.Cases[0].Case.ElderID != c.elder || got.Cases[0].Case.Unverified != (c.ties == nil) || got.Cases[0].Case.By != kfChild {
			t.Fatalf("%s: %+v", c.say, got.Cases)
		}
		if c.ties == nil { // nobody knows their number yet, and what they say next is passed on
			r.view.Alarms = []ledger.CaseFile{{Case: got.Cases[0].Case, Timeline: got.Cases[0].Events}}
			if !strings.Contains(r.words(), "请接着发您的手机号") {
				t.Errorf("%s: %s", c.say, r.words())
			}
			if more := r.say("13900000077"); len(more.Cases) != 1 || len(more.Facts) > 0 {
				t.Errorf("the number: %+v", more)
			}
			continue
		}
		if !strings.Contains(r.words(), "120") {
			t.Errorf("%s: %s", c.say, r.words())
		}
		for _, w := range []string{"马秀兰", "81岁", "一组", "王芳", "何军", "望远", "我陪着", "13900000081"} {
			if strings.Contains(r.words(), w) {
				t.Errorf("%s tells %q: %s", c.say, w, r.words())
			}
		}
	}
}

// After an alarm what they say belongs to it, a question is answered by how far it is, and how it ended is told by a person.
func TestKinAlarmAfter(t *testing.T) {
	r := newRelative(t, Family{Ties: []Tie{mother(hears)}})
	c := r.say("我妈摔倒了叫不醒")
	f := ledger.CaseFile{Case: c.Cases[0].Case, Timeline: c.Cases[0].Events}
	r.view.Alarms = []ledger.CaseFile{f}
	c = r.say("人在炕边,门没锁")
	if len(c.Cases) != 1 || !slices.ContainsFunc(c.Cases[0].Events, func(e ledger.Event) bool { return strings.Contains(e.Text, "门没锁") }) || len(r.last) != 1 {
		t.Errorf("%+v %s", c.Cases, r.words())
	}
	if c = r.say("我妈咋样了"); len(c.Cases) > 0 || !strings.Contains(r.words(), "他们会打给您") {
		t.Errorf("%s", r.words())
	}
	if c = r.act(Input{Kind: Voice, Media: "media"}); len(c.Photos) != 1 || len(c.Cases) != 1 {
		t.Errorf("spoken: %+v", c)
	}
	if c = r.say("退订"); len(c.Cases) > 0 || !strings.Contains(r.words(), "停到哪一步") {
		t.Errorf("%s", r.words())
	}
	f.State, f.Outcome = ledger.CaseEnded, "送医了:骨折"
	r.view.Alarms = []ledger.CaseFile{f}
	for _, in := range []Input{{Kind: Text, Text: "人怎么样了"}, {Kind: Tap, Button: "go:case:see:" + f.Key}, {Kind: Text, Text: "人怎么样了"}} {
		c = r.act(in)
		if len(c.Cases) > 0 || strings.Contains(r.words(), "骨折") || strings.Contains(r.words(), "送医") || len(r.last) != 1 {
			t.Errorf("%s", r.words())
		}
	}
}

// What is asked step by step can be left, gone back in and taken back, and is not resumed after half an hour.
func TestKinSteps(t *testing.T) {
	r := newRelative(t, Family{Ties: []Tie{mother(hears)}})
	r.say("请人照顾", "王玉珍", "邻居", "返回")
	if !strings.Contains(r.words(), "什么人") {
		t.Errorf("back: %s", r.words())
	}
	r.act(Input{Kind: Recall, Text: fmt.Sprintf("kf%d", r.n)})
	if r.say("我妈咋样"); r.s.Form == "" { // a name is any words
		t.Errorf("left by: %s", r.words())
	}
	if r.say("取消"); r.s.Form != "" || !strings.Contains(r.words(), "没有改什么") {
		t.Errorf("cancelled: %s", r.words())
	}
	r.say("换号")
	if r.say("我妈咋样"); r.s.Form != "" || !strings.HasPrefix(r.words(), "您母亲") {
		t.Errorf("left for a question: %s", r.words())
	}
	r.say("换号")
	r.at = r.at.Add(31 * time.Minute)
	if c := r.say("13900000077"); len(c.Facts) > 0 || r.s.Form != kinPhoneForm.Name || len(r.s.Parked) > 0 {
		t.Errorf("after half an hour: %s", r.words())
	}
	r.tap("不用了")
	// A text that was taken back answers nothing.
	r.say("换城市", "绍兴")
	r.act(Input{Kind: Recall, Text: fmt.Sprintf("kf%d", r.n)})
	if len(r.last) > 0 || r.s.Answers["city"] != "" {
		t.Errorf("taken back: %+v", r.s.Answers)
	}
	if r.say("杭州"); !strings.Contains(r.words(), "「杭州」") {
		t.Errorf("%s", r.words())
	}
	r.tap("不用了")
	if r.say("捎话", strings.Repeat("长", 300)); !strings.Contains(r.words(), "分两次") {
		t.Errorf("%s", r.words())
	}
}

func TestKinVerb(t *testing.T) {
	for in, want := range map[string]string{"我妈咋样": "ask", "我妈什么时候出院回家": "ask", "什么时候回家": "back", "我今年过年不回": "back", "我国庆回家": "back", "别再给我发了": "quit", "别再发了": "quit",
		"td": "quit", "谁在照顾我妈": "care", "跟我妈说 天冷多穿": "pass", "换号了": "phone", "13900000077": "phone", "我在杭州打工": "where", "我在想我妈": "ask", "没变": "same",
		"以后再说": "later", "我是女儿": "claim:女儿", "老人电话": "call", "123456": "ask", "好的": "thanks", "您好": "hello", "几号去的": "ask", "阿巴": "", "我妈有事吗": "ask", "删除我的信息": "quit", "我的信息": "mine"} {
		if got, _ := kinVerb(in); got != want {
			t.Errorf("kinVerb(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestVoiceAndOther(t *testing.T) {
	r := newRelative(t, Family{Ties: []Tie{mother(hears)}})
	c := r.act(Input{Kind: Voice, Media: "media"})
	if r.words() != noVoice || len(c.Photos) > 0 {
		t.Errorf("%s", r.words())
	}
	r.act(Input{Kind: Location, Place: "文一西路12号"})
	if strings.Contains(r.words(), "文一西路") || r.words() == "" {
		t.Errorf("%s", r.words())
	}
	if r.act(Input{Kind: Other}); r.words() != noKind {
		t.Errorf("%s", r.words())
	}
}

func TestCityOf(t *testing.T) {
	for in, want := range map[string]string{"杭州": "杭州", "我在浙江省杭州市": "浙江省杭州市", "我现在在广州那边的电子厂上班": "广州", "杭州市余杭区文一西路12号": "杭州市余杭区", "换到深圳了": "深圳",
		"杭州文一西路12号3栋": "杭州", "文一西路12号": "", "广东省东莞市长安镇": "广东省东莞市", "银川幸福小区": "", "新疆乌鲁木齐": "新疆乌鲁木齐", "盐池县": "盐池县", "上海浦东新区张江路": "上海浦东新区"} {
		if got, _ := cityOf(in); got != want {
			t.Errorf("cityOf(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCalled(t *testing.T) {
	for in, want := range map[[2]string]string{{"女儿", "女"}: "您母亲", {"长子", "男"}: "您父亲", {"孙子", "女"}: "您奶奶", {"外孙女", "男"}: "您姥爷", {"侄子", "女"}: "老人", {"", "女"}: "老人", {"儿子", ""}: "老人"} {
		if got := Called(in[0], in[1]); got != want {
			t.Errorf("Called(%v) = %q, want %q", in, got, want)
		}
	}
}

// TestFestivals: on each festival's eve one sentence; only that of 元宵, after which they leave, asks where to.
func TestFestivals(t *testing.T) {
	x := mother(hearsAll)
	for tail, want := range map[string]string{
		"春节2027": "春节快到了,给母亲打个电话、捎句话吧。",
		"元宵2027": "元宵快到了。过完节出门的,请在这里说一声去了哪个市、什么时候回来看母亲。",
		"重阳2027": "重阳快到了,给母亲打个电话、捎句话吧。",
		"寒潮":     "村里这几天天气不好,在多看望老人。给母亲打个电话,提醒一声吧。",
	} {
		if got := Telling(ledger.Word{Purpose: ledger.WordGreeting, Text: tail}, x, Input{}); got != want {
			t.Errorf("%s: %s", tail, got)
		}
	}
}

// TestMonthBesideAnEmergency: a month's words do not soothe while somebody runs to the elder.
func TestMonthBesideAnEmergency(t *testing.T) {
	x := mother(hears)
	x.Findings, x.Entries = nil, x.Entries[1:]
	month := ledger.Word{Purpose: ledger.WordSummary, Period: "2026-03"}
	if got, want := Telling(month, x, Input{}), "您母亲3月看过1次,最近一次是3月2日电话。\n都好。\n想知道更多,在这里问一句。"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	x.Urgent = true
	if got, want := Telling(month, x, Input{}), "您母亲3月看过1次,最近一次是3月2日电话。\n想知道更多,在这里问一句。"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
