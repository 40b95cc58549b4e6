package flows

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"xunfang/ledger"
)

// daughter is a relative's WeChat in these tests, and her number on the ledger.
const (
	daughter = "kf:00000000000000000000000000000001"
	herPhone = "13900000302"
)

// familial is a view of who knows the family of A03: one bond, one call, one card, as far as the lists have them.
type familial struct {
	bonds   []BondView
	words   []WordView
	kin     []ledger.Kin
	acts    []ledger.Consent
	hidden  bool
	leaflet Leaflet
}

func asked() familial {
	b := ledger.Bond{ElderID: "A03", User: daughter, Kin: "马晓梅", Claim: "女儿", Handle: "h1", State: ledger.BondAsked, Asked: "2026-03-11"}
	return familial{bonds: []BondView{{Bond: b, Nick: "梅子"}}, kin: []ledger.Kin{{ElderID: "A03", Name: "马晓梅", Relation: "女儿", Phone: herPhone},
		{ElderID: "A03", Name: "马生林", Relation: "侄子", Phone: "13900000303"}}}
}

func (f familial) view() View {
	v := village()
	v.Revision = 7
	for i := range v.Elders {
		v.Elders[i].Lead, v.Elders[i].Region = Person{"hejun", "何军"}, "01"
		v.Elders[i].Access = ledger.Access{Sight: ledger.SightCare}
	}
	v.Phone = "13900000201"
	mine := v.Find
	v.Find = func(said string) ([]Elder, bool) {
		hits, sure := mine(said)
		if said == "马秀兰" { // one of the two here
			hits = hits[:1]
		}
		return hits, sure
	}
	v.Sheet = func(id string) (Sheet, bool) {
		if id != "A03" {
			return Sheet{}, false
		}
		return Sheet{Elder: ledger.Elder{ID: id, Name: "马秀兰", Phone: "13900000103"}, Kin: f.kin}, true
	}
	v.Bond = func(key string) (BondView, bool) {
		for _, x := range f.bonds {
			if bondKey(x.Bond) == key {
				x.Elder, x.Acts = *v.find("A03"), f.acts
				x.Kin = kinOf(Sheet{Kin: f.kin}, x.Bond.Kin)
				return x, true
			}
		}
		return BondView{}, false
	}
	v.Rules.BondDays = 365
	v.Word = func(key string) (WordView, bool) {
		for _, w := range f.words {
			if w.Key == key {
				w.Elder, w.Names = *v.find("A03"), v.Staff
				w.Kin = kinOf(Sheet{Kin: f.kin}, w.Word.Kin)
				return w, true
			}
		}
		return WordView{}, false
	}
	for _, w := range f.words {
		if x, _ := v.Word(w.Key); !x.State.Over() {
			v.Words = append(v.Words, x)
		}
	}
	v.Leaflet = func(id string) (Leaflet, bool) { return f.leaflet, id == "A03" }
	v.Kinship = func(id string) Kinship {
		k := Kinship{Acts: f.acts, Hidden: f.hidden}
		for _, x := range f.bonds {
			k.Bonds = append(k.Bonds, x.Bond)
		}
		return k
	}
	return v
}

// presses taps a button as wangfang, with the state gone through JSON.
func presses(t *testing.T, f familial, s State, button string, n int) (State, ledger.Changes) {
	t.Helper()
	return turned(t, f, s, Tap, button, n)
}

func types(t *testing.T, f familial, s State, text string, n int) (State, ledger.Changes) {
	t.Helper()
	return turned(t, f, s, Text, text, n)
}

func turned(t *testing.T, f familial, s State, kind Kind, what string, n int) (State, ledger.Changes) {
	t.Helper()
	in := input(kind, what)
	in.View = said(f.view(), what)
	in.Key += string(rune('a' + n))
	in.Now = in.Now.Add(time.Duration(n) * time.Minute)
	if kind == Tap {
		in.Text, in.Button, in.Task, in.Code = "", what, "card", "code"
		if task, button, ok := strings.Cut(what, "|"); ok {
			in.Task, in.Button = task, button
		}
	}
	kept, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	s = State{}
	if err := json.Unmarshal(kept, &s); err != nil {
		t.Fatal(err)
	}
	return Advance(Forms, s, in)
}

// words are all that is said, one message a line; to is the reader, "" all.
func words(c ledger.Changes, to string) string {
	var out []string
	for _, m := range c.Messages {
		if to == "" || m.To == to {
			text := m.Words()
			if m.Card != nil && m.Card.Done != "" {
				text += "(" + m.Card.Done + ")"
			}
			out = append(out, text)
		}
	}
	return strings.Join(out, "\n")
}

var wholeNumber = regexp.MustCompile(`1[3-9]\d{9}`)

// cards are all cards in words: whole numbers have no place on them.
func cardsOf(c []ledger.Message) string {
	var out []string
	for _, m := range c {
		if m.Card != nil {
			out = append(out, m.Words())
		}
	}
	return strings.Join(out, "\n")
}

func TestBondIsAskedWithoutNumbers(t *testing.T) {
	f := asked()
	x := f.bonds[0]
	in := input(Text, "0302")
	in.User, in.View = daughter, View{Name: "梅子", Family: Family{CardElder: func(string) string { return "马秀兰(望远村一组,81岁)" }}}
	got := bondAsked(in, x.Bond, Candidate{ElderID: "A03", Kin: "马晓梅", Relation: "女儿", Phone: "13900000302", Knows: []Person{{"mali", "马丽"}}})
	if len(got) != 1 || got[0].To != "mali" {
		t.Fatalf("%+v", got)
	}
	if text := got[0].Words(); !strings.Contains(text, "139****0302") || wholeNumber.MatchString(text) || !strings.Contains(text, "有人要登记为马秀兰(望远村一组,81岁)的家属") ||
		!strings.Contains(text, "梅子") || !strings.Contains(text, "[是她,老人同意说近况]") {
		t.Errorf("the card says:\n%s", text)
	}
	for _, b := range got[0].Card.Buttons {
		if len([]rune(b.Text)) > buttonWidth {
			t.Errorf("%s is too long for a button", b.Text)
		}
	}
	in.Now = time.Date(2026, 3, 11, 23, 30, 0, 0, zone)
	if at := bondAsked(in, x.Bond, Candidate{Knows: []Person{{"mali", "马丽"}}})[0].NotBefore; at.Hour() != 8 {
		t.Errorf("asked in the night at %v", at)
	}
}

func TestBondSettled(t *testing.T) {
	verified := func(f familial) familial {
		f.bonds[0].State, f.bonds[0].Since, f.bonds[0].Until, f.bonds[0].By = ledger.BondVerified, "2025-04-01", "2026-04-01", "liuyang"
		return f
	}
	wanting := func(f familial) familial {
		f = verified(f)
		f.bonds[0].Wants = "2026-03-10"
		return f
	}
	for _, c := range []struct {
		verb    string
		of      familial
		state   ledger.BondState
		consent string // purpose and whether given
		hears   string // in what the relative is told
		silent  string // what they are not told
	}{
		{"yes", asked(), ledger.BondVerified, "告诉子女 true", "要在这里接收老人的走访情况吗", "1390"},
		{"some", asked(), ledger.BondVerified, "告诉子女 false", "老人的情况请问村委会", "同意接收"},
		{"no", asked(), ledger.BondRefused, "", unbound, "马秀兰"},
		{"health", wanting(asked()), "", "告诉子女健康 true", "同意接收身体情况", "马秀兰"},
		{"nohealth", wanting(asked()), "", "告诉子女健康 false", "身体情况请问村委会", "马秀兰"},
		{"again", verified(asked()), "", "", "", ""},
		{"end", verified(asked()), ledger.BondEnded, "", bondOver, "马秀兰"},
	} {
		t.Run(c.verb, func(t *testing.T) {
			_, got := presses(t, c.of, State{}, "go:bond:"+c.verb+":A03/"+daughter, 0)
			if len(got.Edits) != 1 || len(got.Edits[0].Book.Bonds) != 1 {
				t.Fatalf("edits %+v", got.Edits)
			}
			e := got.Edits[0]
			b := e.Book.Bonds[0]
			if b.State != c.state || b.By != "wangfang" || e.By != "wangfang" || e.Seen != 7 || e.Why == "" {
				t.Errorf("edit %+v", e)
			}
			if c.verb == "yes" && (b.Since != "2026-03-11" || b.Until != "2027-03-11") || c.verb == "again" && b.Until != "2027-03-11" {
				t.Errorf("from %s until %s", b.Since, b.Until)
			}
			acts := ""
			for _, x := range got.Consents {
				acts += string(x.Purpose) + map[bool]string{true: " true", false: " false"}[x.Given]
				if x.Kin != "" || x.For != "马晓梅" || x.Witness != "wangfang" || x.Proof == "" || x.Text == "" || x.Day != "2026-03-11" {
					t.Errorf("act %+v", x)
				}
			}
			if acts != c.consent {
				t.Errorf("consents %q, want %q", acts, c.consent)
			}
			told := words(got, daughter)
			if c.hears == "" && told != "" || !strings.Contains(told, c.hears) || c.silent != "" && strings.Contains(told, c.silent) || wholeNumber.MatchString(told) {
				t.Errorf("the relative is told:\n%s", told)
			}
		})
	}
}

// Of two who tap, the first wins; the second hears who it was, and nothing changes.
func TestBondSettledOnce(t *testing.T) {
	for state, verbs := range map[ledger.BondState][]string{
		ledger.BondVerified: {"yes", "some", "no", "health", "nohealth"}, ledger.BondRefused: {"yes", "no", "health", "again", "end"}, ledger.BondEnded: {"yes", "again", "end"},
		ledger.BondAsked: {"health", "again", "end", "nonsense"},
	} {
		for _, verb := range verbs {
			f := asked()
			f.bonds[0].State, f.bonds[0].By = state, "liuyang"
			_, got := presses(t, f, State{}, "go:bond:"+verb+":A03/"+daughter, 0)
			if len(got.Edits)+len(got.Consents) > 0 || words(got, daughter) != "" {
				t.Errorf("%s of a bond that is %s changes %+v", verb, state, got.Edits)
			}
			if said := words(got, "wangfang"); state == ledger.BondVerified && !strings.Contains(said, "刘洋已经说是家属") {
				t.Errorf("%s: %q", verb, said)
			}
		}
	}
}

// A bond of somebody else's elder and one that does not exist get the same words, and so do a call, a card and a message of theirs.
func TestFamilyOutOfReach(t *testing.T) {
	for _, verb := range []string{"bond:yes:", "bond:some:", "bond:no:", "bond:health:", "bond:again:", "bond:end:", "bond:see:", "bond:call:", "bond:carer:", "relay:done:m1:",
		"relay:reply:m1:"} {
		said := map[string]bool{}
		for _, key := range []string{"A99/" + daughter, "A09/kf:ffffffffffffffffffffffffffffffff", "", "A03", "/", "A03/" + daughter + "x"} {
			_, got := presses(t, asked(), State{}, "go:"+verb+key, 0)
			said[words(got, "")] = true
			if len(got.Edits)+len(got.Consents)+len(got.Words)+len(got.Looks) > 0 || words(got, daughter) != "" {
				t.Errorf("%s%s changes something: %+v", verb, key, got)
			}
		}
		if len(said) != 1 {
			t.Errorf("%s answers %d ways: %v", verb, len(said), said)
		}
	}
	same := map[string]bool{}
	for _, button := range []string{"go:word:done:summary/A99/x/2026-03", "go:word:none:nothing", "go:word:see:w1", "go:bond:yes:A99/x"} {
		_, got := presses(t, asked(), State{}, button, 0)
		same[words(got, "")] = true
		if len(got.Words)+len(got.Edits)+len(got.Looks) > 0 {
			t.Errorf("%s changes something", button)
		}
	}
	if len(same) != 1 {
		t.Errorf("answers %v", same)
	}
}

// The number stands whole in the answer to 要打电话 and nowhere else, and the look is written down.
func TestBondNumberOnlyToCall(t *testing.T) {
	s, got := presses(t, asked(), State{}, "go:bond:call:A03/"+daughter, 0)
	if !strings.Contains(words(got, "wangfang"), herPhone) || wholeNumber.MatchString(cardsOf(got.Messages)) {
		t.Errorf("said:\n%s", words(got, ""))
	}
	if len(got.Looks) != 1 || got.Looks[0].What != ledger.LookCall || got.Looks[0].ElderID != "A03" {
		t.Errorf("looks %+v", got.Looks)
	}
	// The card keeps its other buttons: the same card is tapped again.
	if !strings.Contains(cardsOf(got.Messages), "[不是/不认识]") {
		t.Errorf("cards:\n%s", cardsOf(got.Messages))
	}
	if _, got = presses(t, asked(), s, "go:bond:no:A03/"+daughter, 1); len(got.Edits) != 1 {
		t.Errorf("the second tap of the card is lost: %s", words(got, ""))
	}
}

// Nobody is bound to an elder who has died (requirements §3 case 1).
func TestBondOfTheDead(t *testing.T) {
	f := asked()
	v := f.view()
	v.Elders[2].Away = ledger.Standing{ElderID: "A03", From: "2026-03-10", Kind: ledger.StandingDied}
	in := input(Tap, "")
	in.View, in.Button, in.Task, in.Code = v, "go:bond:yes:A03/"+daughter, "card", "code"
	if _, got := Advance(Forms, State{}, in); len(got.Edits)+len(got.Consents) > 0 || words(got, daughter) != "" {
		t.Errorf("%+v", got)
	}
}

// A carer whom a child names is the family's carer once they have said yes themselves.
func TestCarerSaysYes(t *testing.T) {
	f := asked()
	f.bonds[0].State, f.bonds[0].Since = ledger.BondVerified, "2026-03-01"
	tie := Tie{Bond: f.bonds[0].Bond, Elder: *f.view().find("A03"), Kin: f.kin[0], Visitor: Contact{"wangfang", "王芳", "13900000201"}}
	got := askCarer(input(Text, ""), tie, f.kin[1])
	if len(got) != 1 || got[0].To != "wangfang" || wholeNumber.MatchString(got[0].Words()) {
		t.Fatalf("%+v", got)
	}
	for _, b := range got[0].Card.Buttons {
		_, c := presses(t, f, State{}, b.Key, 0)
		switch b.Text {
		case "愿意,登记":
			if len(c.Edits) != 1 || !c.Edits[0].Book.Kin[0].Carer || c.Edits[0].Book.Kin[0].Name != "马生林" || len(c.Consents) != 1 || !c.Consents[0].Given {
				t.Errorf("%+v", c)
			}
		case "不愿意":
			if len(c.Edits) > 0 || len(c.Consents) != 1 || c.Consents[0].Given {
				t.Errorf("%+v", c)
			}
		default:
			if !strings.Contains(words(c, "wangfang"), "13900000303") || len(c.Looks) != 1 || len(c.Edits) > 0 {
				t.Errorf("%s", words(c, ""))
			}
		}
	}
}

// A number that a child tells waits for the keeper, and reaches the ledger by the road that all facts take.
func TestKinPhoneWaits(t *testing.T) {
	f := asked()
	in := input(Text, "")
	in.User, in.View = daughter, View{Keepers: func(string) []Person { return []Person{{"xumei", "徐梅"}} },
		Family: Family{Ties: []Tie{{Bond: f.bonds[0].Bond, Elder: *f.view().find("A03"), Kin: f.kin[0]}}}}
	got := kinPhone(in, f.bonds[0].Bond, Candidate{Knows: []Person{{"mali", "马丽"}}}, "13900000999")
	fact := kinFact(in, f.bonds[0].Bond, "13900000999")
	if len(got) != 1 || got[0].To != "xumei" || !slices.ContainsFunc(got[0].Card.Buttons, func(b ledger.Button) bool { return b.Key == "go:take:"+fact.Key }) {
		t.Fatalf("%+v", got)
	}
	if !fact.Propose || fact.By != ledger.ByFamily || KinMeant(fact.Value, f.kin).Name != "马晓梅" || phoneIn(fact.Value) != "13900000999" {
		t.Errorf("%+v", fact)
	}
	in.View.Keepers = nil
	if got = kinPhone(in, f.bonds[0].Bond, Candidate{Knows: []Person{{"mali", "马丽"}}}, "13900000999"); len(got) != 1 || wholeNumber.MatchString(got[0].Words()) {
		t.Errorf("without a keeper: %+v", got)
	}
}
