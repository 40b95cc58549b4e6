package flows

import (
	"strings"
	"testing"

	"xunfang/ledger"
)

func bound() (familial, Tie) {
	f := asked()
	f.bonds[0].State, f.bonds[0].Since = ledger.BondVerified, "2026-03-01"
	return f, Tie{Bond: f.bonds[0].Bond, Elder: *f.view().find("A03"), Kin: f.kin[0], Visitor: Contact{"wangfang", "王芳", "13900000201"}, Village: Contact{"hejun", "何军", ""}}
}

// A child's words go to who visits; what the elder answers goes back after one confirmation, and nothing of health with it.
func TestRelay(t *testing.T) {
	f, tie := bound()
	got := relayed(input(Text, ""), tie, "妈,天冷多穿点", "photo/m0")
	if len(got) != 2 || got[0].To != "wangfang" || got[1].To != "wangfang" || got[1].Show != "photo/m0" || !strings.Contains(got[0].Words(), "马晓梅让您捎句话给马秀兰") ||
		!strings.Contains(got[0].Words(), "妈,天冷多穿点") || wholeNumber.MatchString(got[0].Words()) {
		t.Fatalf("%+v", got)
	}
	done, reply := got[0].Card.Buttons[0].Key, got[0].Card.Buttons[1].Key
	_, c := presses(t, f, State{}, done, 0)
	_, again := presses(t, f, State{}, done, 1)
	told, twice := c.Messages[len(c.Messages)-1], again.Messages[len(again.Messages)-1]
	if told.To != daughter || told.Key != twice.Key || strings.Contains(told.Text, "马秀兰") || strings.Contains(told.Text, "王芳") || strings.Contains(told.Text, "11日") {
		t.Errorf("%+v", told)
	}
	s, c := presses(t, f, State{}, reply, 0)
	if len(c.Words) > 0 || s.Form != relayForm.Name {
		t.Fatalf("in %q: %+v", s.Form, c.Words)
	}
	s, c = types(t, f, s, "血压高,腿疼", 1)
	if s.Step != "line" || len(c.Words) > 0 || !strings.Contains(words(c, ""), "身体情况不从这里说") {
		t.Errorf("at %q: %s", s.Step, words(c, ""))
	}
	s, _ = types(t, f, s, "收到了,别惦记", 2)
	before := s
	_, c = types(t, f, s, "确认", 3)
	if len(c.Words) != 1 || c.Words[0].Word.Purpose != ledger.WordPassed || c.Words[0].Word.User != daughter || c.Words[0].Word.Kin != "马晓梅" || !strings.Contains(c.Words[0].Word.Text, "别惦记") {
		t.Fatalf("%+v", c.Words)
	}
	// Withdrawn meanwhile: nothing goes out.
	f.bonds[0].State = ledger.BondEnded
	if _, c = types(t, f, before, "确认", 3); len(c.Words) > 0 {
		t.Errorf("after the end: %+v", c.Words)
	}
	for _, button := range []string{done, reply} {
		if s, c = presses(t, f, State{}, button, 0); words(c, daughter) != "" || s.Form != "" {
			t.Errorf("%s after the end: %s", button, words(c, ""))
		}
	}
}

func TestRelayNeedsACarrier(t *testing.T) {
	_, tie := bound()
	tie.Visitor, tie.Village = Contact{}, Contact{}
	if got := relayed(input(Text, ""), tie, "话", ""); len(got) > 0 {
		t.Errorf("%+v", got)
	}
	tie.Helper = Contact{"mali", "马丽", ""}
	if got := relayed(input(Text, ""), tie, "话", ""); len(got) != 1 || got[0].To != "mali" {
		t.Errorf("%+v", got)
	}
}
