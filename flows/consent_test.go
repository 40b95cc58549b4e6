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
		{"the elder agrees to all", []string{"同意 A03", "本人", "1 2 3 4", "全体家属", "纸质", "确认"},
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

// What the elder says about one relative is about nobody else (requirements §3 case 11).
func TestConsentAboutOne(t *testing.T) {
	_, got := talk(t, leading(), State{}, 0, "撤回同意 A03", "本人", "留照片 告诉子女", "马小龙 儿子", "当面", "确认")
	if len(got.Consents) != 2 || len(got.Edits) > 0 {
		t.Fatalf("%+v", got)
	}
	for _, x := range got.Consents {
		if want := map[ledger.Purpose]string{ledger.PurposePhoto: "", ledger.PurposeKin: "马小龙"}[x.Purpose]; x.For != want || x.Kin != "" || x.Given || x.Proof == "" {
			t.Errorf("%+v", x)
		}
	}
	if !ledger.Blocked(got.Consents, "马小龙") || ledger.Blocked(got.Consents, "马晓梅") {
		t.Error("the wrong one is blocked")
	}
	_, got = talk(t, leading(), State{}, 0, "同意 A03", "本人", "告诉子女", "全体家属", "当面", "确认")
	if len(got.Consents) != 1 || got.Consents[0].For != "" {
		t.Errorf("%+v", got.Consents)
	}
	// Who is no relative on the ledger cannot be meant, and nothing of it is asked where the family is not spoken of.
	if s, _ := talk(t, leading(), State{}, 0, "同意 A03", "本人", "告诉子女", "王大锤"); s.Step != "about" {
		t.Errorf("at %q", s.Step)
	}
	if s, _ := talk(t, leading(), State{}, 0, "同意 A03", "本人", "留照片"); s.Step != "channel" {
		t.Errorf("at %q", s.Step)
	}
}

// A relative who takes their word back by phone or on paper is bound no more, whatever WeChat they used; others stay bound.
func TestConsentWithdrawnUnbinds(t *testing.T) {
	v := leading()
	v.Kinship = func(string) Kinship {
		return Kinship{Bonds: []ledger.Bond{{ElderID: "A03", User: "kf:1", Kin: "马小龙", State: ledger.BondVerified}, {ElderID: "A03", User: "kf:2", Kin: "马小龙", State: ledger.BondAsked},
			{ElderID: "A03", User: "kf:3", Kin: "马小龙", State: ledger.BondRefused}, {ElderID: "A03", User: "kf:4", Kin: "马晓梅", State: ledger.BondVerified}}}
	}
	_, got := talk(t, v, State{}, 0, "撤回同意 A03", "马小龙 儿子", "告诉子女", "电话", "确认")
	var ended []string
	for _, e := range got.Edits {
		for _, b := range e.Book.Bonds {
			if b.State != ledger.BondEnded || b.Why == "" || b.By != "lixia" {
				t.Errorf("%+v", b)
			}
			ended = append(ended, b.User)
		}
	}
	if !slices.Equal(ended, []string{"kf:1", "kf:2"}) {
		t.Errorf("ended %v", ended)
	}
	for _, lines := range [][]string{{"撤回同意 A03", "马小龙 儿子", "短信", "电话", "确认"}, {"同意 A03", "马小龙 儿子", "告诉子女", "电话", "确认"}, {"撤回同意 A03", "本人", "告诉子女", "马小龙 儿子", "当面", "确认"}} {
		_, got = talk(t, v, State{}, 0, lines...)
		for _, e := range got.Edits {
			if len(e.Book.Bonds) > 0 {
				t.Errorf("%v ends %+v", lines, e.Book.Bonds)
			}
		}
	}
}
