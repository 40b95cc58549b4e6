package flows

import (
	"strings"
	"testing"
	"time"

	"xunfang/ledger"
)

func TestTellable(t *testing.T) {
	kin := []ledger.Kin{{Name: "侄子", Relation: "侄子", Phone: "1"}, {Name: "孙女", Relation: "孙女", Phone: "1"}, {Name: "女儿", Relation: "女儿", Phone: "1"},
		{Name: "无号", Relation: "儿子"}, {Name: "空号", Relation: "儿子", Phone: "1", Dead: "2026-01-01"}, {Name: "受托", Relation: "邻居", Phone: "1", Carer: true},
		{Name: "不想", Relation: "儿子", Phone: "1"}}
	no := ledger.Consent{Key: "1", For: "不想", Purpose: ledger.PurposeKin, Given: false}
	names := func(k Kinship) string {
		var out []string
		for _, x := range Tellable(kin, k) {
			out = append(out, x.Name)
		}
		return strings.Join(out, " ")
	}
	if got := names(Kinship{Acts: []ledger.Consent{no}}); got != "受托 女儿 侄子 孙女" {
		t.Errorf("told: %s", got)
	}
	yes := no
	yes.Key, yes.Given, yes.At = "2", true, time.Unix(1, 0)
	if got := names(Kinship{Acts: []ledger.Consent{no, yes}}); !strings.Contains(got, "不想") {
		t.Errorf("told after the elder thought otherwise: %s", got)
	}
	if got := names(Kinship{Hidden: true}); got != "" {
		t.Errorf("told although somebody of the family may be behind it: %s", got)
	}
}

// 通知家属 is confirmed, goes to the first who may be told, and to nobody where somebody of the family may be behind something.
func TestUrge(t *testing.T) {
	f := asked()
	f.bonds[0].State, f.bonds[0].Since = ledger.BondVerified, "2026-03-01"
	s, got := types(t, f, State{}, "通知家属 马秀兰 屋里漏雨", 0)
	if len(got.Words) > 0 || s.Step != "ok" || !strings.Contains(words(got, ""), "女儿 马晓梅") || wholeNumber.MatchString(words(got, "")) {
		t.Fatalf("at %s/%s: %s", s.Form, s.Step, words(got, ""))
	}
	_, got = types(t, f, s, "确认", 1)
	if len(got.Words) != 1 {
		t.Fatalf("%+v", got)
	}
	w := got.Words[0]
	if x := w.Word; w.Seen != 0 || x.Key != ledger.WordKey("urge", "m1b") || x.ElderID != "A03" || x.Kin != "马晓梅" || x.User != daughter || x.Purpose != ledger.WordUrge || x.State != ledger.WordOpen ||
		x.Due.IsZero() || !strings.Contains(x.Text, "屋里漏雨") {
		t.Errorf("%+v", x)
	}
	for name, change := range map[string]func(*familial){
		"hidden": func(f *familial) { f.hidden = true },
		"dead":   func(f *familial) { f.kin[0].Dead, f.kin[1].Phone = "2026-03-01", "" },
		"unwanted": func(f *familial) {
			f.acts = []ledger.Consent{{Key: "1", For: "马晓梅", Purpose: ledger.PurposeKin}, {Key: "2", For: "马生林", Purpose: ledger.PurposeKin}}
		},
	} {
		x := f
		x.kin = append([]ledger.Kin(nil), f.kin...)
		change(&x)
		s, got := types(t, x, State{}, "通知家属 马秀兰 屋里漏雨", 0)
		_, then := types(t, x, s, "确认", 1)
		if len(got.Words)+len(then.Words) > 0 {
			t.Errorf("%s: %+v %+v", name, got.Words, then.Words)
		}
		if name == "hidden" && !strings.Contains(words(got, ""), "公安") {
			t.Errorf("hidden: %s", words(got, ""))
		}
		// What was true at the question and is no longer at the answer.
		s, _ = types(t, f, State{}, "通知家属 马秀兰 屋里漏雨", 0)
		if _, then = types(t, x, s, "确认", 1); len(then.Words) > 0 {
			t.Errorf("%s at the confirmation: %+v", name, then.Words)
		}
	}
	said := map[string]bool{}
	for _, name := range []string{"王健国", "王大锤"} {
		_, got := types(t, f, State{}, "通知家属 "+name+" 漏雨", 0)
		said[strings.ReplaceAll(words(got, ""), name, "*")] = true
	}
	if len(said) != 1 {
		t.Errorf("two refusals: %v", said)
	}
}

// alarmOf is an emergency about A03 that wangfang has taken as who leads there.
func takenAlarm(what string, drill bool) (ledger.CaseFile, CaseView) {
	x := ledger.Case{Key: "k1", No: "急260311-1", Kind: ledger.CaseAlarm, What: what, ElderID: "A03", Region: "01", About: "摔倒了", By: "liuyang", State: ledger.CaseTaken,
		Owner: "wangfang", Drill: drill, At: input(Text, "").Now, Rev: 3, Events: 1}
	f := ledger.CaseFile{Case: x, Timeline: []ledger.Event{{CaseKey: "k1", N: 1, Kind: ledger.EventRaised, By: "liuyang", At: x.At}}}
	return f, CaseView{CaseFile: f, Whole: x, User: "wangfang", Sight: ledger.CaseAll, Who: "马秀兰(望远村一组,81岁)", Village: "望远村", Leads: true,
		Names: func(u string) string { return map[string]string{"wangfang": "王芳", "liuyang": "刘洋"}[u] }}
}

// The lead decides that the family is told (H6): everybody who may be, each with a word of their own that says no more than whom to call.
func TestTellFamily(t *testing.T) {
	f := asked()
	c, view := takenAlarm("fall", false)
	in := input(Tap, "")
	in.View, in.Code = f.view(), "code"
	if card := askFamily(in, c, view); card == nil || !strings.Contains(card.Rows[0].Value, "马晓梅") || wholeNumber.MatchString(ledger.Message{Card: card}.Words()) {
		t.Fatalf("%+v", card)
	}
	a := tell(in, c, view, "")
	if len(a.words) != 2 || len(a.step.Events) != 1 {
		t.Fatalf("%+v", a)
	}
	for i, w := range a.words {
		first, rest, _ := strings.Cut(w.Word.Text, "\n")
		if w.Word.Purpose != ledger.WordEmergency || w.Word.Key != ledger.WordKey("case/k1", []string{"马晓梅", "马生林"}[i]) || strings.Contains(first, "摔") || strings.Contains(first, "马秀兰") ||
			!strings.Contains(first, "13900000201") || !strings.Contains(rest, "摔倒") {
			t.Errorf("%+v", w.Word)
		}
	}
	after := c.With(a.step)
	if again := tell(in, after, view, ""); len(again.words) > 0 || len(again.step.Events) > 0 || askFamily(in, after, view) != nil {
		t.Errorf("told twice: %+v", again)
	}
}

// Where somebody of the family may be behind it, in a drill and where the elder is not in sight, no word is made and none offered.
func TestTellFamilyNot(t *testing.T) {
	for _, c := range []struct {
		what  string
		drill bool
		sight ledger.CaseSight
		hide  bool
	}{{"abuse", false, ledger.CaseAll, false}, {"fraud", false, ledger.CaseAll, false}, {"fall", true, ledger.CaseAll, false}, {"fall", false, ledger.CasePart, false},
		{"fall", false, ledger.CaseAll, true}} {
		f := asked()
		f.hidden = c.hide
		x, view := takenAlarm(c.what, c.drill)
		view.Sight = c.sight
		in := input(Tap, "")
		in.View, in.Code = f.view(), "code"
		if a := tell(in, x, view, ""); len(a.words) > 0 || len(a.step.Events) > 0 || askFamily(in, x, view) != nil {
			t.Errorf("%+v: %+v", c, a.words)
		}
	}
}

// urgedCase is a 督促 that waits with the village.
func urgedCase() ledger.CaseFile {
	s := begunMatter(ledger.Case{Key: "u1", No: "督260311-A03", Kind: ledger.CaseUrge, ElderID: "A03", Region: "r", About: "女儿马晓梅半年没有联系上"}, matterInput("hejun", noon))
	return toldOf(ledger.CaseFile{}.With(s), noon, "hejun", ledger.RoleVillage, "")
}

// Each step of a 督促 is dated; mediation goes to the department; it ends when the family answers.
func TestUrgeSteps(t *testing.T) {
	f := urgedCase()
	view := matterSeen(f, "hejun")
	card := matterCard(view, ledger.RoleVillage, "", "", matterInput("hejun", noon))
	if text := (ledger.Message{Card: &card}).Words(); !strings.Contains(text, "000 二(一)") || !strings.Contains(text, "[提醒过了] [谈过话了] [转司法调解] [报执法部门] [有回应了]") {
		t.Errorf("the card says:\n%s", text)
	}
	for _, b := range card.Buttons {
		if len([]rune(b.Text)) > buttonWidth {
			t.Errorf("%s is too long", b.Text)
		}
	}
	for i, verb := range []string{"remind", "speak", "enforce"} {
		f = do(t, f, "hejun", verb, "")
		last, _ := f.Last(ledger.EventNews)
		if last.By != "hejun" || last.At != noon || last.Text != []string{"提醒了家属", "和家属谈过话", "报了执法部门"}[i] || f.State != ledger.CaseTaken || f.Owner != "hejun" {
			t.Errorf("%s: %+v in %s", verb, last, f.State)
		}
	}
	in := matterInput("hejun", noon)
	in.View.Rules.Depts = append(in.View.Rules.Depts, justice)
	step, said := dealing("law", matterSeen(f, "hejun"), in, "")
	if step == nil || step.Case.Level != ledger.RoleDept || step.Case.Dept != justice || !strings.Contains(said, justice) {
		t.Errorf("mediation: %+v %s", step, said)
	}
	if f2 := do(t, f, "hejun", "law", ""); f2.Level != ledger.RoleVillage { // a county without that department keeps it
		t.Errorf("with %s", f2.Level)
	}
	f = do(t, f, "hejun", "reply", "说下月回来")
	if f.State != ledger.CaseEnded || f.Outcome != "家属有回应了:说下月回来" || !f.Due.IsZero() {
		t.Errorf("%+v", f.Case)
	}
	if step, _ := dealing("remind", matterSeen(f, "hejun"), in, ""); step != nil {
		t.Error("a step of what has ended")
	}
	if step, _ := dealing("remind", matterSeen(urgedCase(), "tuya"), matterInput("tuya", noon), ""); step != nil {
		t.Error("a visitor takes up a family")
	}
	// Of other matters none of these is a step.
	for _, x := range urgeSteps {
		if step, _ := dealing(x.verb, matterSeen(raisedMatter("A03"), "hejun"), matterInput("hejun", noon), ""); step != nil {
			t.Errorf("%s of a problem", x.verb)
		}
	}
}

// What is said of health to the family is said on the phone: nothing of it is written to anybody but who calls (PIPL art. 28).
func TestUrgeWritesNoHealth(t *testing.T) {
	e := Elder{Name: "马秀兰", Village: "望远村", Age: 81}
	for line, health := range map[string]bool{"屋里漏雨": false, "摔了腿,要人陪": true, "血压180": true} {
		f := calling(ledger.WordUrge, urgeText(e, line))
		for _, ch := range ledger.Channels {
			m := spoken(t, f, ch, "mali")
			all := m.Words() + strings.Join(rowsIn(m), " ")
			if ch == ledger.ChannelCall && !strings.Contains(all, line) || ch != ledger.ChannelCall && health && strings.Contains(all, line) {
				t.Errorf("%s on %s says:\n%s", line, ch, all)
			}
		}
	}
}
