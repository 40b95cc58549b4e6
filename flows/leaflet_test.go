package flows

import (
	"strings"
	"testing"

	"xunfang/ledger"
)

func TestLeaflet(t *testing.T) {
	f := asked()
	f.leaflet = Leaflet{Now: ledger.Leaflet{ElderID: "A03", Handle: "new1", Bears: "d2"}, Picture: func() ([]byte, string) { return []byte("png"), "联系卡的话" }}
	// The first is issued.
	_, got := types(t, f, State{}, "联系卡 马秀兰", 0)
	if len(got.Edits) != 1 || len(got.Edits[0].Book.Leaflets) != 1 || got.Edits[0].Book.Leaflets[0].Handle != "new1" || got.Edits[0].Book.Leaflets[0].Issued != "2026-03-11" ||
		got.Edits[0].Book.Leaflets[0].By != "wangfang" {
		t.Fatalf("%+v", got.Edits)
	}
	if string(got.Messages[0].Picture) != "png" || got.Messages[0].Text != "联系卡的话" || !strings.Contains(words(got, ""), "[已交给老人]") {
		t.Errorf("%s", words(got, ""))
	}
	// One that is still right is shown, and nothing is written.
	f.leaflet.Out = ledger.Leaflet{ElderID: "A03", Handle: "old1", Bears: "d1"}
	if _, got = types(t, f, State{}, "联系卡马秀兰", 0); len(got.Edits) > 0 || len(got.Messages) != 2 {
		t.Errorf("%+v", got.Edits)
	}
	// A number changed: a new one, and the old opens nothing from today on.
	f.leaflet.Changed = true
	_, got = presses(t, f, State{}, "go:leaflet:A03", 0)
	rows := got.Edits[0].Book.Leaflets
	if len(rows) != 2 || rows[1].Handle != "old1" || rows[1].Opens("2026-03-11") || rows[1].Why == "" || !strings.Contains(words(got, ""), "收回") {
		t.Errorf("%+v", rows)
	}
	f.leaflet.Changed = false
	_, got = presses(t, f, State{}, "go:leaflet:given:A03:old1", 0)
	if r := got.Edits[0].Book.Leaflets; len(r) != 1 || r[0].Given != "2026-03-11" || r[0].Handle != "old1" {
		t.Errorf("%+v", r)
	}
	// Lost: asked first.
	_, got = types(t, f, State{}, "作废联系卡 马秀兰", 0)
	if len(got.Edits) > 0 || !strings.Contains(words(got, ""), "[作废] [不作废]") {
		t.Errorf("%s", words(got, ""))
	}
	_, got = presses(t, f, State{}, "go:leaflet:revoke:A03:old1", 0)
	if r := got.Edits[0].Book.Leaflets; len(r) != 1 || r[0].Opens("2026-03-11") {
		t.Errorf("%+v", r)
	}
	for _, button := range []string{"go:leaflet:revoke:A03:gone", "go:leaflet:given:A03:gone", "go:leaflet:given:A03:", "go:no"} {
		if _, got = presses(t, f, State{}, button, 0); len(got.Edits) > 0 {
			t.Errorf("%s changes %+v", button, got.Edits)
		}
	}
}

// A card of somebody out of sight and of nobody: the same words.
func TestLeafletOutOfReach(t *testing.T) {
	for _, how := range []string{"联系卡 %", "作废联系卡 %"} {
		said := map[string]bool{}
		for _, name := range []string{"王健国", "王大锤"} {
			_, got := types(t, asked(), State{}, strings.ReplaceAll(how, "%", name), 0)
			said[strings.ReplaceAll(words(got, ""), name, "*")] = true
			if len(got.Edits)+len(got.Looks) > 0 {
				t.Errorf("%s changes something", how)
			}
		}
		if len(said) != 1 {
			t.Errorf("%s answers %v", how, said)
		}
	}
	said := map[string]bool{}
	for _, button := range []string{"go:leaflet:A99", "go:leaflet:given:A99:h", "go:leaflet:revoke:A09:h", "go:leaflet:lost:A09", "go:leaflet:nonsense:A03:h"} {
		_, got := presses(t, asked(), State{}, button, 0)
		said[strings.ReplaceAll(words(got, ""), "好\n", "")] = true
		if len(got.Edits)+len(got.Looks) > 0 {
			t.Errorf("%s changes something", button)
		}
	}
	if len(said) != 1 {
		t.Errorf("answers %v", said)
	}
}

func TestLeafletOfTheDead(t *testing.T) {
	f := asked()
	f.leaflet = Leaflet{Now: ledger.Leaflet{Handle: "new1"}, Picture: func() ([]byte, string) { return []byte("png"), "x" }}
	in := input(Text, "联系卡 马秀兰")
	in.View = said(f.view(), in.Text)
	in.View.Elders[2].Away = ledger.Standing{ElderID: "A03", From: "2026-03-10", Kind: ledger.StandingDied}
	if _, got := Advance(Forms, State{}, in); len(got.Edits) > 0 || len(got.Messages) != 1 || got.Messages[0].Picture != nil {
		t.Errorf("%+v", got)
	}
}
