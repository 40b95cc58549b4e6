package flows

import (
	"slices"
	"strings"
	"testing"
	"time"

	"xunfang/ledger"
)

// calling is a call that is wangfang's to make, after some days on which nobody answered.
func calling(p ledger.WordPurpose, text string, noAnswer ...int) familial {
	f := asked()
	w := ledger.WordFile{Word: ledger.Word{Key: "summary/A03/马晓梅/2026-03", ElderID: "A03", Kin: "马晓梅", Purpose: p, Text: text, State: ledger.WordOpen,
		Channel: ledger.ChannelCall, Owner: "wangfang", Rev: 4, Tries: 1}}
	w.Log = []ledger.Try{{WordKey: w.Key, N: 1, Channel: ledger.ChannelCall, Kind: ledger.TrySent, To: "liuyang", Message: w.Key + "/1"}}
	for _, ago := range noAnswer {
		w.Tries++
		w.Log = append(w.Log, ledger.Try{WordKey: w.Key, N: w.Tries, Channel: ledger.ChannelCall, Kind: ledger.TryNoAnswer, By: "wangfang",
			At: time.Date(2026, 3, 11-ago, 9, 0, 0, 0, zone)})
	}
	f.words = []WordView{{WordFile: w, Mine: true}}
	return f
}

func spoken(t *testing.T, f familial, ch ledger.Channel, to string) ledger.Message {
	t.Helper()
	w := f.view()
	x, _ := w.Word(f.words[0].Key)
	in := input(Other, "")
	in.View.Rules = w.Rules
	m, ok := Spoken(x.WordFile, ledger.Try{WordKey: x.Key, N: 2, Channel: ch, Kind: ledger.TrySent, To: to, Message: x.Key + "/2"}, x, in)
	if !ok {
		t.Fatalf("nothing to say on %s", ch)
	}
	return m
}

// The call is the only card with the number whole; no other channel has any number, and none but kf, mass and call the words.
func TestSpokenByChannel(t *testing.T) {
	f := calling(ledger.WordSummary, "您母亲3月看过2次,都好。")
	for _, ch := range ledger.Channels {
		m := spoken(t, f, ch, "mali")
		all := m.Words()
		for _, r := range rowsIn(m) {
			all += r
		}
		if wholeNumber.MatchString(all) != (ch == ledger.ChannelCall) {
			t.Errorf("%s says:\n%s", ch, all)
		}
		words := ch == ledger.ChannelKf || ch == ledger.ChannelMass || ch == ledger.ChannelCall
		if strings.Contains(all, "看过2次") != words {
			t.Errorf("%s says:\n%s", ch, all)
		}
		if (ch == ledger.ChannelOfficial || ch == ledger.ChannelSMS) && (strings.Contains(all, "马") || strings.Contains(all, "母亲")) {
			t.Errorf("%s names somebody:\n%s", ch, all)
		}
		if ch != ledger.ChannelCall && ch != ledger.ChannelMass && m.To != f.words[0].User {
			t.Errorf("%s goes to %s", ch, m.To)
		}
	}
	m := spoken(t, f, ledger.ChannelCall, "liuyang")
	if m.To != "liuyang" || !strings.Contains(m.Words(), "您好,我是望远村刘洋") || len(strings.Split(m.Card.Sub, "\n")) != 3 ||
		!strings.Contains(m.Words(), "[已接通] [无人接] [号码错] [换号]") {
		t.Errorf("the task says:\n%s", m.Words())
	}
	if code := rowsIn(spoken(t, f, ledger.ChannelSMS, "")); len(code) != 1 || len(code[0]) != len("code 123456") {
		t.Errorf("the text message has %v", code)
	}
	for i, r := range spoken(t, f, ledger.ChannelOfficial, "").Card.Rows {
		if len([]rune(r.Value)) > 20 {
			t.Errorf("field %d is too long: %s", i, r.Value)
		}
	}
	f.kin[0].Dead = "2026-03-01"
	x, _ := f.view().Word(f.words[0].Key)
	if _, ok := Spoken(x.WordFile, ledger.Try{Channel: ledger.ChannelCall}, x, input(Other, "")); ok {
		t.Error("a call to a number that is dead")
	}
}

func rowsIn(m ledger.Message) []string {
	var out []string
	if m.Card != nil {
		for _, r := range m.Card.Rows {
			out = append(out, r.Name+" "+r.Value)
		}
	}
	return out
}

// What happened is for who calls; the child reads whom to call (PIPL art. 13, 18).
func TestEmergencyWordIsMinimal(t *testing.T) {
	f := calling(ledger.WordEmergency, "有急事,请马上给望远村何军打电话:13900000202。\n10:02 马秀兰(望远村一组,81岁) 摔倒,何军在处理。")
	for _, ch := range []ledger.Channel{ledger.ChannelKf, ledger.ChannelOfficial, ledger.ChannelMass, ledger.ChannelSMS} {
		m := spoken(t, f, ch, "mali")
		if all := m.Words() + strings.Join(rowsIn(m), " "); strings.Contains(all, "摔倒") || strings.Contains(all, "马秀兰") {
			t.Errorf("%s says:\n%s", ch, all)
		}
		if m.Priority != ledger.PriorityAlarm {
			t.Errorf("%s waits behind others", ch)
		}
	}
	if text := spoken(t, f, ledger.ChannelCall, "mali").Words(); !strings.Contains(text, "摔倒") || !strings.Contains(text, "⚠ 马上打") {
		t.Errorf("who calls reads:\n%s", text)
	}
}

func TestCallAnswered(t *testing.T) {
	f := calling(ledger.WordSummary, "都好。")
	key := f.words[0].Key
	s, got := presses(t, f, State{}, "go:word:done:"+key, 0)
	if len(got.Words) != 1 || got.Words[0].Word.State != ledger.WordHeard || !got.Words[0].Word.Due.IsZero() || got.Words[0].Seen != 4 {
		t.Fatalf("%+v", got.Words)
	}
	if e := got.Words[0].Log[0]; e.Kind != ledger.TryHeard || e.By != "wangfang" || e.N != 2 {
		t.Errorf("%+v", e)
	}
	grey := slices.IndexFunc(got.Messages, func(m ledger.Message) bool { return m.To == "liuyang" && m.Of == key+"/1" && m.Card.Done != "" })
	if grey < 0 {
		t.Errorf("the other's card still asks for it: %+v", got.Messages)
	}
	// A line is kept with the tries; the speaker is no helper here, and no talk is made of it.
	f.words[0].Word, f.words[0].Log = got.Words[0].Word, append(f.words[0].Log, got.Words[0].Log...)
	s, got = types(t, f, s, "说周末回来", 1)
	if len(got.Words) != 1 || got.Words[0].Log[0].Text != "说周末回来" || s.Form != "" || len(got.Entries) > 0 {
		t.Errorf("%+v, in %q", got.Words, s.Form)
	}
	// Whoever taps later hears who did it.
	_, got = presses(t, f, State{}, "go:word:none:"+key, 2)
	if len(got.Words) > 0 || !strings.Contains(words(got, ""), "您已经打通了") {
		t.Errorf("%+v: %s", got.Words, words(got, ""))
	}
}

// For a helper one tap more makes the call the half-year's talk; without it nothing is recorded.
func TestCallCountsAsTalk(t *testing.T) {
	for _, answer := range []string{"确认", "撤销"} {
		f := calling(ledger.WordConfirm, "")
		turn := func(s State, kind Kind, what string, n int) (State, ledger.Changes) {
			in := input(kind, what)
			in.View = said(f.view(), what)
			in.View.Elders[2].Paired = true
			in.Key += string(rune('a' + n))
			if kind == Tap {
				in.Text, in.Button, in.Task, in.Code = "", what, "card", "code"
			}
			return Advance(Forms, s, in)
		}
		s, _ := turn(State{}, Tap, "go:word:done:"+f.words[0].Key, 0)
		s, got := turn(s, Text, "跳过", 1)
		if s.Form != talkForm.Name || s.Step != "ok" || len(got.Entries)+len(got.Words) > 0 {
			t.Fatalf("at %s/%s: %+v", s.Form, s.Step, got)
		}
		_, got = turn(s, Text, answer, 2)
		if (len(got.Entries) == 1) != (answer == "确认") {
			t.Fatalf("%s: %+v", answer, got.Entries)
		}
		if answer == "确认" {
			if e := got.Entries[0]; e.Kind != ledger.KindTalk || e.Whom != "马晓梅" || e.Method != ledger.MethodPhone || e.Outcome != ledger.OutcomeOK || e.ElderID != "A03" {
				t.Errorf("%+v", e)
			}
		}
	}
}

// Three days without an answer, not three calls, and the number is taken for dead: the village hears of it (requirements §3 case 26).
func TestCallsUnanswered(t *testing.T) {
	for _, c := range []struct {
		name string
		ago  []int
		dead bool
	}{{"the first", nil, false}, {"thrice on a day", []int{0, 0}, false}, {"two days", []int{1, 1}, false}, {"three days", []int{5, 2}, true}} {
		f := calling(ledger.WordSummary, "都好。", c.ago...)
		s, got := presses(t, f, State{}, "go:word:none:"+f.words[0].Key, 0)
		if len(got.Words) != 1 || got.Words[0].Word.State != ledger.WordOpen || got.Words[0].Log[0].Kind != ledger.TryNoAnswer || len(got.Entries) > 0 {
			t.Fatalf("%s: %+v", c.name, got.Words)
		}
		dead := len(got.Edits) == 1 && got.Edits[0].Book.Kin[0].Dead == "2026-03-11" && got.Edits[0].Book.Kin[0].Name == "马晓梅"
		told := strings.Contains(words(got, "hejun"), "请核对电话")
		logged := slices.ContainsFunc(got.Words[0].Log, func(e ledger.Try) bool { return e.Kind == ledger.TryDead })
		if dead != c.dead || told != c.dead || logged != c.dead {
			t.Errorf("%s: dead %v, village told %v, log %+v", c.name, dead, told, got.Words[0].Log)
		}
		if !c.dead { // the same card is there to be tapped again
			f.words[0].Word = got.Words[0].Word
			if _, got = presses(t, f, s, "go:word:done:"+f.words[0].Key, 1); len(got.Words) != 1 {
				t.Errorf("%s: the card is spent", c.name)
			}
		}
	}
}

// A wrong number is marked, another asked for; the ledger changes as the pack says.
func TestCallMisnumbered(t *testing.T) {
	for _, confirmed := range []bool{false, true} {
		for verb, kind := range map[string]ledger.TryKind{"wrong": ledger.TryWrong, "other": ledger.TryOther} {
			f := calling(ledger.WordSummary, "都好。")
			turn := func(s State, k Kind, what string, n int) (State, ledger.Changes) {
				in := input(k, what)
				in.View = said(f.view(), what)
				in.View.Keepers = func(string) []Person { return []Person{{"xumei", "徐梅"}} }
				if confirmed {
					in.View.Rules.Confirm = []string{"kin"}
				}
				in.Key += string(rune('a' + n))
				if k == Tap {
					in.Text, in.Button, in.Task, in.Code = "", what, "card", "code"
				}
				return Advance(Forms, s, in)
			}
			s, got := turn(State{}, Tap, "go:word:"+verb+":"+f.words[0].Key, 0)
			if len(got.Words) != 1 || got.Words[0].Log[0].Kind != kind || got.Words[0].Word.State != ledger.WordOpen {
				t.Fatalf("%s: %+v", verb, got.Words)
			}
			if dead := len(got.Edits) == 1 && got.Edits[0].Book.Kin[0].Dead != ""; dead != (verb == "wrong") {
				t.Errorf("%s: edits %+v", verb, got.Edits)
			}
			s, got = turn(s, Text, "1390000", 1)
			if len(got.Facts)+len(got.Edits) > 0 {
				t.Errorf("half a number is taken: %+v", got.Facts)
			}
			s, got = turn(s, Text, "13900000999", 2)
			if len(got.Facts)+len(got.Edits) > 0 || !strings.Contains(words(got, ""), "13900000999") {
				t.Errorf("a number without a confirmation: %+v", got.Facts)
			}
			_, got = turn(s, Text, "改", 3)
			if len(got.Facts) != 1 || got.Facts[0].Propose != confirmed || (len(got.Edits) == 1) == confirmed || !strings.Contains(got.Facts[0].Value, "马晓梅") {
				t.Errorf("%s: facts %+v, edits %+v", verb, got.Facts, got.Edits)
			}
		}
	}
}

// A call that is somebody else's, and one that is over, change nothing.
func TestCallNotMine(t *testing.T) {
	f := calling(ledger.WordSummary, "都好。")
	f.words[0].Mine = false
	for _, verb := range []string{"done", "none", "wrong", "other", "see", "nonsense"} {
		_, got := presses(t, f, State{}, "go:word:"+verb+":"+f.words[0].Key, 0)
		if len(got.Words)+len(got.Edits)+len(got.Looks) > 0 || wholeNumber.MatchString(words(got, "")) {
			t.Errorf("%s: %s", verb, words(got, ""))
		}
	}
	// Whoever was asked before and gets through after all: it counts.
	f.words[0].Log = append(f.words[0].Log, ledger.Try{N: 2, Channel: ledger.ChannelCall, Kind: ledger.TrySent, To: "wangfang"})
	if _, got := presses(t, f, State{}, "go:word:done:"+f.words[0].Key, 0); len(got.Words) != 1 || got.Words[0].Word.State != ledger.WordHeard {
		t.Errorf("who was asked before: %+v", got.Words)
	}
	f.words[0].Mine, f.words[0].State = true, ledger.WordDropped
	for _, verb := range []string{"done", "none", "wrong", "other", "see"} {
		_, got := presses(t, f, State{}, "go:word:"+verb+":"+f.words[0].Key, 0)
		if len(got.Words)+len(got.Edits)+len(got.Looks) > 0 || !strings.Contains(words(got, ""), "不用打了") {
			t.Errorf("%s: %s", verb, words(got, ""))
		}
	}
}

// 待办 names the calls without their numbers; looking at one is written down.
func TestTodoShowsCalls(t *testing.T) {
	f := calling(ledger.WordUrge, "屋里漏雨。")
	_, got := types(t, f, State{}, "待办", 0)
	if text := words(got, ""); !strings.Contains(text, "1个电话等您打") || !strings.Contains(text, "[打给马晓梅]") || wholeNumber.MatchString(text) {
		t.Errorf("待办 says:\n%s", text)
	}
	_, got = presses(t, f, State{}, "go:word:see:"+f.words[0].Key, 1)
	if !strings.Contains(words(got, ""), herPhone) || len(got.Looks) != 1 || got.Looks[0].What != ledger.LookCall {
		t.Errorf("%s, looks %+v", words(got, ""), got.Looks)
	}
}

// Talks take the same road: the third in a row that reaches nobody marks the number, a wrong one at once (requirements §3 case 26).
func TestTalkMarksDeadNumbers(t *testing.T) {
	for _, c := range []struct {
		outcome ledger.Outcome
		tried   int
		dead    bool
	}{{ledger.OutcomeAbsent, 0, false}, {ledger.OutcomeAbsent, 1, false}, {ledger.OutcomeAbsent, 2, true}, {ledger.OutcomeAbsent, 3, false}, {ledger.OutcomeWrong, 0, true}, {ledger.OutcomeOK, 2, false}} {
		f := asked()
		in := input(Text, "")
		in.View = f.view()
		e := in.View.find("A03")
		e.Tried = map[string]int{"马晓梅": c.tried}
		res := newTalk(Answers{"whom": "马晓梅", "method": "phone", "outcome": string(c.outcome)}, in, e, "talk/m1")
		dead := len(res.Changes.Edits) == 1 && res.Changes.Edits[0].Book.Kin[0].Dead == in.Today
		if dead != c.dead || len(res.Changes.Entries) != 1 {
			t.Errorf("%s after %d: edits %+v", c.outcome, c.tried, res.Changes.Edits)
		}
	}
	// 未联系 and 联系未果 are told apart.
	all := village()
	talk := []ledger.Duty{{Kind: ledger.KindTalk, Need: 1, Due: "2026-06-30"}}
	for i := range all.Elders {
		all.Elders[i].Duties = talk
	}
	all.Elders[2].Tried = map[string]int{"马晓梅": 1}
	if got := triedWords(byNeed(all.Elders, ledger.KindTalk)); got != "其中联系未果1位,未联系3位。" {
		t.Errorf("%q", got)
	}
}

// The calendar's letters name the elders whose card is to be handed over and whose family is to be confirmed, and nobody out of sight.
func TestLetterOfFamilies(t *testing.T) {
	f := asked()
	in := input(Click, "todo")
	in.View = f.view()
	l := ledger.Letter{Key: "l1", To: "wangfang", Cards: []ledger.DueLeaflet{{ElderID: "A03", Why: "电话变了"}, {ElderID: "A99", Why: "还没有"}},
		Bonds: []ledger.Bond{{ElderID: "A03", User: daughter, Kin: "马晓梅", Until: "2026-04-01"}, {ElderID: "A99", User: "kf:x", Kin: "别人"}},
		Lists: []ledger.OpenList{{Region: "01", Kind: ledger.KindTalk, Period: "2026H1", Due: "2026-06-30", Open: []ledger.OpenPart{{UserID: "liuyang", Elders: []string{"A03", "A01"}, Tried: 1}}}}}
	in.View.Sheet = func(id string) (Sheet, bool) {
		if id != "A03" {
			return Sheet{}, false
		}
		return Sheet{Elder: ledger.Elder{ID: id, Name: "马秀兰"}, Kin: f.kin}, true
	}
	m := Letter(l, in, func(string) string { return "望远村" })
	text := m.Words()
	for _, want := range []string{"马秀兰(望远村一组81岁):电话变了", "[马秀兰 一组]", "马秀兰的女儿 马晓梅:登记到4月1日", "[确认马晓梅]", "联系未果1位,未联系1位"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "A99") || strings.Contains(text, "别人") || wholeNumber.MatchString(text) {
		t.Errorf("the letter says:\n%s", text)
	}
}

// What a message wants is read beforehand: none of it for what is not about families.
func TestAsksForFamilies(t *testing.T) {
	tap := func(button string) Wants { return Asks(State{}, Input{Kind: Tap, Button: button, View: village()}) }
	say := func(text string) Wants { return Asks(State{}, Input{Kind: Text, Text: text, View: village()}) }
	for _, c := range []struct {
		name string
		ok   bool
	}{
		{"bond", slices.Equal(tap("go:bond:yes:A03/"+daughter).Bonds, []string{"A03/" + daughter})},
		{"carer", slices.Equal(tap("go:bond:carer:A03/"+daughter+":马生林").Bonds, []string{"A03/" + daughter})},
		{"relay", slices.Equal(tap("go:relay:done:m1:A03/"+daughter).Bonds, []string{"A03/" + daughter})},
		{"word", slices.Equal(tap("go:word:done:summary/A03/马晓梅/2026-03").Words, []string{"summary/A03/马晓梅/2026-03"})},
		{"leaflet", tap("go:leaflet:A03").Leaflet == "A03" && tap("go:leaflet:given:A03:h").Leaflet == "A03" && say("作废联系卡 马秀兰").Leaflet == "马秀兰" && say("联系卡 马秀兰").Leaflet == "马秀兰"},
		{"urge", say("通知家属 马秀兰 漏雨").KinOf == "马秀兰" && say("通知家属 马秀兰 漏雨").Kinship},
		{"case", tap("go:case:take:k1").Kinship && tap("go:case:tell:k1").Kinship && !tap("go:case:see:k1").Kinship},
		{"todo", say("待办").Mine && !say("名册").Mine},
		{"a visit", len(say("马秀兰 上门 都好").Bonds)+len(say("马秀兰 上门 都好").Words) == 0 && !say("马秀兰 上门 都好").Kinship && say("马秀兰 上门 都好").Leaflet == ""},
	} {
		if !c.ok {
			t.Error(c.name)
		}
	}
}

// What somebody owes comes first in their letter, with its buttons; what there is to do about families stands beside it.
func TestLetterKeepsWhatIsOwed(t *testing.T) {
	f := asked()
	in := input(Click, "todo")
	in.View = f.view()
	in.View.Elders = in.View.Elders[:3]
	l := ledger.Letter{Key: "l1", To: "wangfang", Mine: true, Cards: []ledger.DueLeaflet{{ElderID: "A03", Why: "还没有"}}}
	text := Letter(l, in, func(string) string { return "望远村" }).Words()
	if !strings.Contains(text, "[看马秀兰]") || !strings.Contains(text, "另有1位老人要发联系卡") || !strings.Contains(text, "[马秀兰的卡]") {
		t.Errorf("the letter says:\n%s", text)
	}
	for i := range in.View.Elders { // nothing is owed: the card alone
		in.View.Elders[i].Duties = nil
	}
	text = Letter(l, in, func(string) string { return "望远村" }).Words()
	if !strings.HasPrefix(text, "有老人要发联系卡") || strings.Contains(text, "都看过了") {
		t.Errorf("the letter says:\n%s", text)
	}
}
