package scheduler

import (
	"strings"
	"testing"
	"time"

	"xunfang/ledger"
)

func TestUrge(t *testing.T) {
	talk := func(day ledger.Day, outcome ledger.Outcome) func(*ledger.Book, *ledger.Snapshot) {
		return func(_ *ledger.Book, s *ledger.Snapshot) {
			s.Entries["A1"] = append(s.Entries["A1"], ledger.Entry{Kind: ledger.KindTalk, ElderID: "A1", Day: day, Method: ledger.MethodPhone, Outcome: outcome})
		}
	}
	tried := talk("2026-05-10", ledger.OutcomeAbsent)
	word := func(purpose ledger.WordPurpose, state ledger.WordState, at, moved string) func(*ledger.Book, *ledger.Snapshot) {
		return func(_ *ledger.Book, s *ledger.Snapshot) {
			s.Words = append(s.Words, ledger.Word{Key: string(purpose) + at, ElderID: "A1", Kin: "丁", Purpose: purpose, State: state, At: clockAt(at), Moved: clockAt(moved)})
		}
	}
	both := func(all ...func(*ledger.Book, *ledger.Snapshot)) func(*ledger.Book, *ledger.Snapshot) {
		return func(b *ledger.Book, s *ledger.Snapshot) {
			for _, f := range all {
				f(b, s)
			}
		}
	}
	urged := word(ledger.WordUrge, ledger.WordFailed, "2026-07-06 10:00", "2026-07-12 10:00")
	for _, tt := range []struct {
		name   string
		change func(*ledger.Book, *ledger.Snapshot)
		day    ledger.Day
		want   string
	}{
		{"tried, and reached nobody", tried, "2026-07-04", "督促/A1/2026H1 上半年联系家属1次,都没联系上"},
		{"tried again and again", both(tried, talk("2026-06-30", ledger.OutcomeWrong), talk("2026-05-11", ledger.OutcomeUndone), talk("2025-12-31", ledger.OutcomeAbsent)),
			"2026-07-04", "督促/A1/2026H1 上半年联系家属2次,都没联系上"},
		{"while it may still be entered", tried, "2026-07-03", ""},
		{"not for ever", tried, "2026-08-03", ""},
		{"in the half-year itself", tried, "2026-06-30", ""},
		{"somebody was reached", both(tried, talk("2026-06-01", ledger.OutcomeOK)), "2026-07-04", ""},
		{"nobody tried: the helper's duty", nil, "2026-07-04", ""},
		{"nobody tried, for there was no number", func(b *ledger.Book, _ *ledger.Snapshot) { b.Kin[0].Dead = "2026-03-01" }, "2026-07-04", "督促/A1/2026H1 上半年家属的电话都打不通"},
		{"one number of two is dead", func(b *ledger.Book, _ *ledger.Snapshot) {
			b.Kin[0].Dead = "2026-03-01"
			b.Kin = append(b.Kin, ledger.Kin{ElderID: "A1", Name: "戊", Phone: "13900000002"})
		}, "2026-07-04", ""},
		{"they answered a word", both(tried, word(ledger.WordSummary, ledger.WordHeard, "2026-03-02 09:00", "2026-03-02 20:00")), "2026-07-04", ""},
		{"they answered one after it", both(tried, word(ledger.WordSummary, ledger.WordHeard, "2026-07-02 09:00", "2026-07-02 20:00")), "2026-07-04",
			"督促/A1/2026H1 上半年联系家属1次,都没联系上"},
		{"there is a case", both(tried, func(_ *ledger.Book, s *ledger.Snapshot) { s.Urged["督促/A1/2026H1"] = true }), "2026-07-04", ""},
		{"the elder died", both(tried, func(b *ledger.Book, _ *ledger.Snapshot) {
			b.Standings = []ledger.Standing{{ElderID: "A1", From: "2026-07-01", Kind: ledger.StandingDied}}
		}), "2026-07-04", ""},
		{"in hospital for half of it", both(tried, func(b *ledger.Book, _ *ledger.Snapshot) {
			b.Standings = []ledger.Standing{{ElderID: "A1", From: "2026-05-20", To: "2026-07-20", Kind: ledger.StandingPaused}}
		}), "2026-07-04", ""},
		{"nobody helps there", both(tried, func(b *ledger.Book, _ *ledger.Snapshot) { b.Pairs = nil }), "2026-07-04", ""},

		{"urged, and nobody could be told", urged, "2026-07-13", "督促/A1/2026-07-06 催过子女,没联系上"},
		{"another relative is still tried", both(urged, word(ledger.WordUrge, ledger.WordOpen, "2026-07-12 10:00", "2026-07-12 10:00")), "2026-07-13", ""},
		{"another has heard", both(urged, word(ledger.WordUrge, ledger.WordHeard, "2026-07-07 10:00", "2026-07-08 10:00")), "2026-07-13", ""},
		{"another had heard of something before", both(urged, word(ledger.WordUrge, ledger.WordHeard, "2026-06-07 10:00", "2026-06-08 10:00")), "2026-07-13",
			"督促/A1/2026-07-06 催过子女,没联系上"},
		{"two relatives are one case", both(urged, word(ledger.WordUrge, ledger.WordFailed, "2026-07-06 11:00", "2026-07-12 10:00")), "2026-07-13",
			"督促/A1/2026-07-06 催过子女,没联系上"},
		{"a greeting that failed is no case", word(ledger.WordGreeting, ledger.WordFailed, "2026-07-06 10:00", "2026-07-12 10:00"), "2026-07-13", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			snap, packs := bonded(t, tt.change)
			var got []string
			for range 2 {
				for _, c := range Urge(snap, packs, at(tt.day, "09:30")) {
					snap.Urged[c.Source] = true
					got = append(got, c.Source+" "+c.About)
					if c.Kind != ledger.CaseUrge || c.What != "赡养" || c.Level != ledger.RoleVillage || c.State != ledger.CaseOpen || c.Region != "111" ||
						c.ElderID != "A1" || !c.Due.Equal(at(tt.day, "09:30")) || len(c.Key) != 25 || c.Key[0] != 'c' {
						t.Errorf("%+v", c)
					}
				}
			}
			if strings.Join(got, ", ") != tt.want {
				t.Errorf("\n got %s\nwant %s", strings.Join(got, ", "), tt.want)
			}
		})
	}
}

// TestPassUrges: a family's case climbs as other matters do, and is passed to the department that mediates.
func TestPassUrges(t *testing.T) {
	f := begun("v", "", clockAt("2026-07-06 10:00"))
	f.Kind, f.What = ledger.CaseUrge, urgeWhat
	happens(t, run(&f, chain(), clockAt("2026-07-06 10:00"), clockAt("2026-07-10 09:00")),
		"07-06 10 told v1", "07-06 10 told v2", "07-09 10 passed →township", "07-09 10 told t1")
	s := f.Step()
	s.Case.Level, s.Case.Dept, s.Case.Wave, s.Case.Rung, s.Case.Since, s.Case.Due = ledger.RoleDept, "卫健", 9, 0, clockAt("2026-07-10 09:00"), clockAt("2026-07-10 09:00")
	s.Add(ledger.Event{Kind: ledger.EventPassed, By: "t1", Level: ledger.RoleDept, Dept: "卫健", At: clockAt("2026-07-10 09:00")})
	f = f.With(s)
	happens(t, run(&f, chain(), clockAt("2026-07-10 10:00"), clockAt("2026-07-10 12:00")), "07-10 10 told d1")
	if f.Due.Sub(clockAt("2026-07-10 10:00")) < 24*time.Hour {
		t.Errorf("due %s", f.Due)
	}
}

// TestUrgeFrom: on the last day on which a half-year is taken up its entries are still asked for.
func TestUrgeFrom(t *testing.T) {
	packs := Packs{pack(t, "yongning")}
	for today, want := range map[ledger.Day]ledger.Day{"2026-06-30": "2026-01-01", "2026-07-01": "2026-01-01", "2026-08-02": "2026-01-01", "2026-08-03": "2026-07-01",
		"2027-01-05": "2026-07-01", "2027-02-03": "2027-01-01"} {
		if got := UrgeFrom(packs, today); got != want {
			t.Errorf("%s: %s, want %s", today, got, want)
		}
	}
}
