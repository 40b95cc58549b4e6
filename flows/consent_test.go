package flows

import (
	"slices"
	"testing"

	"xunfang/ledger"
)

// What the store makes of the ledger's days is not said a second time; every other purpose is an act of its own.
func TestConsentActs(t *testing.T) {
	for _, c := range []struct {
		name     string
		lines    []string
		acts     []ledger.Purpose
		kin      string
		given    bool
		elder    ledger.Day // 同意书日期 as edited
		relative ledger.Day
		left     bool
	}{
		{"the elder agrees to all", []string{"同意 A03", "本人", "1 2 3 4", "纸质", "确认"},
			[]ledger.Purpose{ledger.PurposePhoto, ledger.PurposeKin, ledger.PurposeHealth}, "", true, "2026-03-11", "", false},
		{"the elder withdraws pictures", []string{"撤回同意 A03", "本人", "留照片", "当面", "确认"},
			[]ledger.Purpose{ledger.PurposePhoto}, "", false, "", "", false},
		{"the elder withdraws altogether", []string{"撤回同意 A03", "本人", "建档走访", "当面", "确认"}, nil, "", false, "-", "", true},
		{"a son wants to hear", []string{"同意书 A03", "马小龙 儿子", "同意", "1 2", "电话", "确认"},
			[]ledger.Purpose{ledger.PurposeHealth}, "马小龙", true, "", "2026-03-11", false},
		{"a son wants no more", []string{"撤回同意 A03", "马小龙 儿子", "告诉子女", "电话", "确认"}, nil, "马小龙", false, "", "-", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got := talk(t, leading(), State{}, 0, c.lines...)
			var acts []ledger.Purpose
			keys := map[string]bool{}
			for _, x := range got.Consents {
				acts = append(acts, x.Purpose)
				keys[x.Key] = true
				if x.ElderID != "A03" || x.Kin != c.kin || x.Given != c.given || x.Day != "2026-03-11" || x.Witness != "lixia" || x.Channel == "" || x.At.IsZero() {
					t.Errorf("%+v", x)
				}
			}
			if !slices.Equal(acts, c.acts) || len(keys) != len(acts) {
				t.Errorf("acts %v, want %v", acts, c.acts)
			}
			var b ledger.Book
			if len(got.Edits) > 0 {
				b = got.Edits[0].Book
			}
			var elder, relative ledger.Day
			for _, x := range b.Elders {
				elder = x.Consent
			}
			for _, x := range b.Kin {
				relative = x.Consent
			}
			if elder != c.elder || relative != c.relative {
				t.Errorf("days %q and %q, want %q and %q", elder, relative, c.elder, c.relative)
			}
			left := len(b.Standings) == 1 && b.Standings[0].Kind == ledger.StandingLeft && b.Standings[0].From == "2026-03-11"
			if left != c.left || len(b.Standings) > 1 {
				t.Errorf("standings %+v", b.Standings)
			}
		})
	}
	// A relative cannot agree to being visited in the elder's place.
	s, got := talk(t, leading(), State{}, 0, "同意 A03", "马小龙 儿子", "建档走访")
	if s.Step != "purposes" || len(got.Edits)+len(got.Consents) > 0 {
		t.Errorf("at %q: %+v", s.Step, got)
	}
}
