package scheduler

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunfang/ledger"
)

func pack(t testing.TB, name string) Pack {
	t.Helper()
	p, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var (
	alwaysKey  = []ledger.Tiering{{ElderID: "A01", Tier: ledger.TierKey}}
	keySince21 = []ledger.Tiering{
		{ElderID: "A01", Tier: ledger.TierOrdinary, To: "2026-03-20"}, {ElderID: "A01", Tier: ledger.TierKey, From: "2026-03-21"}}
	keySince23 = []ledger.Tiering{
		{ElderID: "A01", Tier: ledger.TierOrdinary, To: "2026-03-22"}, {ElderID: "A01", Tier: ledger.TierKey, From: "2026-03-23"}}
	ordinarySince23 = []ledger.Tiering{
		{ElderID: "A01", Tier: ledger.TierKey, To: "2026-03-22"}, {ElderID: "A01", Tier: ledger.TierOrdinary, From: "2026-03-23"}}
)

// alone is a dossier of nothing but the elder and the tiers.
func alone(e ledger.Elder, tiers []ledger.Tiering) *ledger.Dossier {
	own := slices.DeleteFunc(slices.Clone(tiers), func(t ledger.Tiering) bool { return t.ElderID != e.ID })
	return &ledger.Dossier{Elder: e, Tiers: own}
}

func visit(day ledger.Day, m ledger.Method, o ledger.Outcome) ledger.Entry {
	return ledger.Entry{Kind: ledger.KindVisit, ElderID: "A01", Day: day, Method: m, Outcome: o}
}

func met(days ...ledger.Day) []ledger.Entry {
	var out []ledger.Entry
	for _, d := range days {
		out = append(out, visit(d, ledger.MethodDoor, ledger.OutcomeOK))
	}
	return out
}

func phoned(days ...ledger.Day) []ledger.Entry {
	var out []ledger.Entry
	for _, d := range days {
		out = append(out, visit(d, ledger.MethodPhone, ledger.OutcomeProblem))
	}
	return out
}

func TestDue(t *testing.T) {
	type want struct {
		period           ledger.Period
		need, done, door int
		due, last        ledger.Day
		state            ledger.DutyState
	}
	for _, tt := range []struct {
		name    string
		pack    string
		since   ledger.Day
		tiers   []ledger.Tiering
		entries []ledger.Entry
		today   ledger.Day
		want    *want // nil: nothing owed
	}{
		{"ordinary elders need one a month", "yongning", "", nil, nil, "2026-03-01",
			&want{"2026-03", 1, 0, 0, "2026-03-31", "", ledger.DutyReady}},
		{"one visit does it", "yongning", "", nil, met("2026-03-31"), "2026-03-31",
			&want{"2026-03", 1, 1, 0, "2026-03-31", "2026-03-31", ledger.DutyDone}},
		{"a phone call does it for an ordinary elder", "yongning", "", nil, phoned("2026-03-02"), "2026-03-31",
			&want{"2026-03", 1, 1, 0, "2026-03-31", "2026-03-02", ledger.DutyDone}},
		{"last month's visit does not", "yongning", "", nil, met("2026-02-28"), "2026-03-01",
			&want{"2026-03", 1, 0, 0, "2026-03-31", "", ledger.DutyReady}},
		{"tomorrow's does not yet", "yongning", "", nil, met("2026-03-02"), "2026-03-01",
			&want{"2026-03", 1, 0, 0, "2026-03-31", "", ledger.DutyReady}},
		{"key elders need two", "yongning", "", alwaysKey, met("2026-02-03"), "2026-02-20",
			&want{"2026-02", 2, 1, 0, "2026-02-28", "2026-02-03", ledger.DutyReady}},
		{"two on one day are one", "yongning", "", alwaysKey, met("2026-02-03", "2026-02-03"), "2026-02-20",
			&want{"2026-02", 2, 1, 0, "2026-02-28", "2026-02-03", ledger.DutyReady}},
		{"two days are two", "yongning", "", alwaysKey, met("2026-02-18", "2026-02-03"), "2026-02-20",
			&want{"2026-02", 2, 2, 0, "2026-02-28", "2026-02-18", ledger.DutyDone}},
		{"a leap February ends on the 29th", "yongning", "", alwaysKey, met("2028-02-29"), "2028-02-29",
			&want{"2028-02", 2, 1, 0, "2028-02-29", "2028-02-29", ledger.DutyReady}},
		{"two phone calls leave the door owed", "yongning", "", alwaysKey, phoned("2026-02-03", "2026-02-18"), "2026-02-20",
			&want{"2026-02", 2, 1, 1, "2026-02-28", "2026-02-18", ledger.DutyReady}},
		{"one call and one door visit do", "yongning", "", alwaysKey, append(phoned("2026-02-03"), met("2026-02-18")...), "2026-02-20",
			&want{"2026-02", 2, 2, 0, "2026-02-28", "2026-02-18", ledger.DutyDone}},
		{"call and door on one day are a door visit", "yongning", "", alwaysKey, append(phoned("2026-02-03"), met("2026-02-03")...), "2026-02-20",
			&want{"2026-02", 2, 1, 0, "2026-02-28", "2026-02-03", ledger.DutyReady}},
		{"nobody home is an attempt", "yongning", "", nil,
			[]ledger.Entry{visit("2026-03-02", ledger.MethodDoor, ledger.OutcomeAbsent)}, "2026-03-05",
			&want{"2026-03", 1, 0, 0, "2026-03-31", "", ledger.DutyReady}},
		{"a refusal is no visit", "yongning", "", nil,
			[]ledger.Entry{visit("2026-03-02", ledger.MethodDoor, ledger.OutcomeRefused)}, "2026-03-05",
			&want{"2026-03", 1, 0, 0, "2026-03-31", "", ledger.DutyReady}},
		{"another elder's visit is none", "yongning", "", nil,
			[]ledger.Entry{{Kind: ledger.KindVisit, ElderID: "A02", Day: "2026-03-02", Method: ledger.MethodDoor, Outcome: ledger.OutcomeOK}}, "2026-03-05",
			&want{"2026-03", 1, 0, 0, "2026-03-31", "", ledger.DutyReady}},
		{"another kind of record is none", "yongning", "", nil,
			[]ledger.Entry{{Kind: "help", ElderID: "A01", Day: "2026-03-02", Method: ledger.MethodDoor, Outcome: ledger.OutcomeOK}}, "2026-03-05",
			&want{"2026-03", 1, 0, 0, "2026-03-31", "", ledger.DutyReady}},
		{"new with ten days left owes this month", "yongning", "2026-03-22", nil, nil, "2026-03-22",
			&want{"2026-03", 1, 0, 0, "2026-03-31", "", ledger.DutyReady}},
		{"new with nine days left does not", "yongning", "2026-03-23", nil, nil, "2026-03-31", nil},
		{"but owes the next month", "yongning", "2026-03-23", nil, nil, "2026-04-01",
			&want{"2026-04", 1, 0, 0, "2026-04-30", "", ledger.DutyReady}},
		{"not yet on the ledger", "yongning", "2026-03-05", nil, nil, "2026-03-04", nil},
		{"made key with eleven days left owes two", "yongning", "", keySince21, nil, "2026-03-25",
			&want{"2026-03", 2, 0, 1, "2026-03-31", "", ledger.DutyReady}},
		{"made key with nine days left owes one", "yongning", "", keySince23, nil, "2026-03-25",
			&want{"2026-03", 1, 0, 0, "2026-03-31", "", ledger.DutyReady}},
		{"and two the next month", "yongning", "", keySince23, nil, "2026-04-01",
			&want{"2026-04", 2, 0, 1, "2026-04-30", "", ledger.DutyReady}},
		{"made ordinary late owes one", "yongning", "", ordinarySince23, nil, "2026-03-25",
			&want{"2026-03", 1, 0, 0, "2026-03-31", "", ledger.DutyReady}},
		{"Inner Mongolia: one a quarter", "inner-mongolia", "", alwaysKey, nil, "2026-02-20",
			&want{"2026Q1", 1, 0, 0, "2026-03-31", "", ledger.DutyReady}},
		{"its first day counts on the last", "inner-mongolia", "", nil, phoned("2026-10-01"), "2026-12-31",
			&want{"2026Q4", 1, 1, 0, "2026-12-31", "2026-10-01", ledger.DutyDone}},
		{"last year's does not", "inner-mongolia", "", nil, met("2025-12-31"), "2026-01-01",
			&want{"2026Q1", 1, 0, 0, "2026-03-31", "", ledger.DutyReady}},
		{"the second quarter ends on 30 June", "inner-mongolia", "", nil, nil, "2026-05-31",
			&want{"2026Q2", 1, 0, 0, "2026-06-30", "", ledger.DutyReady}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got *want
			duties := Due(alone(ledger.Elder{ID: "A01", Since: tt.since}, tt.tiers), tt.entries, Packs{pack(t, tt.pack)}, tt.today)
			if len(duties) > 1 {
				t.Fatalf("%d duties: %v", len(duties), duties)
			}
			for _, d := range duties {
				got = &want{d.Period, d.Need, d.Done, d.Door, d.Due, d.Last, d.State}
				if d.ElderID != "A01" || d.Name == "" || d.Source == "" {
					t.Errorf("duty does not say whose it is or why: %+v", d)
				}
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// helped and talked are a helper's records of A01.
func helped(day ledger.Day, m ledger.Method, looked bool) ledger.Entry {
	return ledger.Entry{Kind: ledger.KindHelp, ElderID: "A01", UserID: "h", Day: day, Method: m, Outcome: ledger.OutcomeOK, Looked: looked}
}

func talked(day ledger.Day, o ledger.Outcome) ledger.Entry {
	return ledger.Entry{Kind: ledger.KindTalk, ElderID: "A01", UserID: "h", Day: day, Method: ledger.MethodPhone, Outcome: o, Whom: "样例子"}
}

// TestDueOfADossier: what depends on more of an elder than visits and tiers. A duty reads: name, period or first day, done of need,
// state, last day.
func TestDueOfADossier(t *testing.T) {
	yongning, weekly, six := Packs{pack(t, "yongning")}, Packs{pack(t, "inner-mongolia-2022")}, Packs{pack(t, "national-2022")}
	twice := clone(yongning[0])
	twice.Since, twice.Duties[0].Times = "2026-03-15", 2
	versions := Packs{yongning[0], twice}
	township := Packs{clone(yongning[0])}
	township[0].Local = []Local{aTownship}
	paired := func(from, to ledger.Day) ledger.Dossier {
		return ledger.Dossier{Pairs: []ledger.Pair{{ElderID: "A01", UserID: "h", From: from, To: to}}, Kin: []ledger.Kin{{ElderID: "A01", Name: "样例子"}}}
	}
	with := func(kind ledger.StandingKind, from, to ledger.Day) ledger.Dossier {
		return ledger.Dossier{Standings: []ledger.Standing{{ElderID: "A01", Kind: kind, From: from, To: to}}}
	}
	lives := func(living string, birth ledger.Day) ledger.Dossier {
		return ledger.Dossier{Elder: ledger.Elder{Living: living, Birth: birth}}
	}
	in := func(regions ...string) ledger.Dossier {
		return ledger.Dossier{Elder: ledger.Elder{Living: "空巢", Birth: "1940-01-01"}, Regions: regions, Tiers: alwaysKey}
	}
	round := func(x ledger.Round) ledger.Dossier { return ledger.Dossier{Rounds: []ledger.Round{x}} }
	follow := func(from, to ledger.Day) ledger.Dossier {
		return ledger.Dossier{Follows: []ledger.Follow{{ElderID: "A01", From: from, To: to, No: "急260310-1"}}}
	}
	const ordinary = "月巡访 2026-03 0/1 ready 2026-03-31"
	for _, tt := range []struct {
		name    string
		d       ledger.Dossier
		entries []ledger.Entry
		packs   Packs
		today   ledger.Day
		want    []string
	}{
		{"help each quarter, a talk each half-year", paired("", ""), nil, yongning, "2026-03-20",
			[]string{ordinary, "季度帮扶 2026Q1 0/1 ready 2026-03-31", "半年沟通 2026H1 0/1 ready 2026-06-30"}},
		{"help on the phone is none", paired("", ""), []ledger.Entry{helped("2026-03-02", ledger.MethodPhone, false)}, yongning, "2026-03-20",
			[]string{ordinary, "季度帮扶 2026Q1 0/1 ready 2026-03-31", "半年沟通 2026H1 0/1 ready 2026-06-30"}},
		{"any helper's help will do, and is a visit where all was looked at", paired("", ""),
			[]ledger.Entry{helped("2026-03-02", ledger.MethodDoor, true)}, yongning, "2026-03-20",
			[]string{"月巡访 2026-03 1/1 done 2026-03-31", "季度帮扶 2026Q1 1/1 done 2026-03-31", "半年沟通 2026H1 0/1 ready 2026-06-30"}},
		{"a visit is no help", paired("", ""), met("2026-03-02"), yongning, "2026-03-20",
			[]string{"月巡访 2026-03 1/1 done 2026-03-31", "季度帮扶 2026Q1 0/1 ready 2026-03-31", "半年沟通 2026H1 0/1 ready 2026-06-30"}},
		{"attempts to reach the family do not count", paired("", ""),
			[]ledger.Entry{talked("2026-02-02", ledger.OutcomeAbsent), talked("2026-03-02", ledger.OutcomeWrong)}, yongning, "2026-03-20",
			[]string{ordinary, "季度帮扶 2026Q1 0/1 ready 2026-03-31", "半年沟通 2026H1 0/1 ready 2026-06-30"}},
		{"a talk in January holds until June", paired("", ""), []ledger.Entry{talked("2026-01-01", ledger.OutcomeOK)}, yongning, "2026-06-30",
			[]string{"月巡访 2026-06 0/1 ready 2026-06-30", "季度帮扶 2026Q2 0/1 ready 2026-06-30", "半年沟通 2026H1 1/1 done 2026-06-30"}},
		{"and no longer", paired("", ""), []ledger.Entry{talked("2026-06-30", ledger.OutcomeOK)}, yongning, "2026-07-01",
			[]string{"月巡访 2026-07 0/1 ready 2026-07-31", "季度帮扶 2026Q3 0/1 ready 2026-09-30", "半年沟通 2026H2 0/1 ready 2026-12-31"}},
		{"nobody to talk to", ledger.Dossier{Pairs: []ledger.Pair{{ElderID: "A01", UserID: "h"}}}, nil, yongning, "2026-03-20",
			[]string{ordinary, "季度帮扶 2026Q1 0/1 ready 2026-03-31"}},
		{"paired with nine days left", paired("2026-03-23", ""), nil, yongning, "2026-03-25",
			[]string{ordinary, "半年沟通 2026H1 0/1 ready 2026-06-30"}},
		{"no helper any more", paired("", "2026-03-10"), nil, yongning, "2026-03-20", []string{ordinary}},

		{"in hospital", with(ledger.StandingPaused, "2026-03-05", "2026-04-05"), nil, yongning, "2026-03-20", []string{"月巡访 2026-03 0/1 paused 2026-03-31"}},
		{"visited before", with(ledger.StandingPaused, "2026-03-05", "2026-04-05"), met("2026-03-02"), yongning, "2026-03-20",
			[]string{"月巡访 2026-03 1/1 done 2026-03-31"}},
		{"back with ten days left", with(ledger.StandingPaused, "2026-02-05", "2026-03-21"), nil, yongning, "2026-03-22", []string{ordinary}},
		{"back with nine", with(ledger.StandingPaused, "2026-02-05", "2026-03-22"), nil, yongning, "2026-03-23",
			[]string{"月巡访 2026-03 0/1 paused 2026-03-31"}},
		{"nothing is made up for", with(ledger.StandingPaused, "2026-01-05", "2026-02-28"), nil, yongning, "2026-03-01", []string{ordinary}},
		{"a pause taken back", with(ledger.StandingPaused, "2026-03-05", "2026-03-04"), nil, yongning, "2026-03-20", []string{ordinary}},
		{"died in the month", with(ledger.StandingDied, "2026-03-05", ""), nil, yongning, "2026-03-20", []string{"月巡访 2026-03 0/1 cancelled 2026-03-31"}},
		{"died after the visit", with(ledger.StandingDied, "2026-03-05", ""), met("2026-03-02"), yongning, "2026-03-20",
			[]string{"月巡访 2026-03 1/1 done 2026-03-31"}},
		{"dead since last month", with(ledger.StandingDied, "2026-02-28", ""), nil, yongning, "2026-03-01", nil},
		{"moved away on the first", with(ledger.StandingMoved, "2026-03-01", ""), nil, yongning, "2026-03-20", nil},
		{"a death taken back", with(ledger.StandingDied, "2026-03-05", "2026-03-04"), nil, yongning, "2026-03-20", []string{ordinary}},

		{"none of the six groups", lives("与家人同住", "1940-01-01"), nil, six, "2026-03-20", nil},
		{"one of them", lives("独居", ""), nil, six, "2026-03-20", []string{"月探访 2026-03 0/1 ready 2026-03-31"}},
		{"two policies count the same visit", lives("独居", ""), met("2026-03-02"), Packs{yongning[0], six[0]}, "2026-03-20",
			[]string{"月巡访 2026-03 1/1 done 2026-03-31", "月探访 2026-03 1/1 done 2026-03-31"}},
		{"at risk: each week", lives("独居", "1940-01-01"), nil, weekly, "2026-01-01", []string{"高风险周探访 2026W01 0/1 ready 2026-01-04"}},
		{"a week over the year", lives("独居", "1940-01-01"), met("2025-12-29"), weekly, "2026-01-01", []string{"高风险周探访 2026W01 1/1 done 2026-01-04"}},
		{"last Sunday is last week", lives("独居", "1940-01-01"), met("2025-12-28"), weekly, "2026-01-01",
			[]string{"高风险周探访 2026W01 0/1 ready 2026-01-04"}},
		{"at risk for an illness", ledger.Dossier{Elder: ledger.Elder{Health: "冠心病多年"}}, nil, weekly, "2026-03-20",
			[]string{"高风险周探访 2026W12 0/1 ready 2026-03-22"}},
		{"80 within the week", lives("空巢", "1946-03-19"), nil, weekly, "2026-03-19", []string{"高风险周探访 2026W12 0/1 ready 2026-03-22"}},
		{"80 with three days of it left", lives("空巢", "1946-03-20"), nil, weekly, "2026-03-22", nil},
		{"80 the day before", lives("空巢", "1946-03-20"), nil, weekly, "2026-03-19", []string{"一般季探访 2026Q1 0/1 ready 2026-03-31"}},
		{"key, not at risk", ledger.Dossier{Tiers: alwaysKey}, nil, weekly, "2026-03-20", []string{"重点月探访 2026-03 0/1 ready 2026-03-31"}},
		{"back from hospital, at risk: within a day", ledger.Dossier{Elder: ledger.Elder{Health: "冠心病"},
			Standings: []ledger.Standing{{ElderID: "A01", Kind: ledger.StandingPaused, From: "2026-03-02", To: "2026-03-15"}}}, nil, weekly, "2026-03-17",
			[]string{"变化后探访 2026-03-16 0/1 ready 2026-03-17", "高风险周探访 2026W12 0/1 ready 2026-03-22"}},
		{"visited on the day of coming back", ledger.Dossier{Elder: ledger.Elder{Health: "冠心病"},
			Standings: []ledger.Standing{{ElderID: "A01", Kind: ledger.StandingPaused, From: "2026-03-02", To: "2026-03-15"}}}, met("2026-03-16"), weekly,
			"2026-03-17", []string{"变化后探访 2026-03-16 1/1 done 2026-03-17", "高风险周探访 2026W12 1/1 done 2026-03-22"}},
		{"two days later it is over", ledger.Dossier{Elder: ledger.Elder{Health: "冠心病"},
			Standings: []ledger.Standing{{ElderID: "A01", Kind: ledger.StandingPaused, From: "2026-03-02", To: "2026-03-15"}}}, nil, weekly, "2026-03-18",
			[]string{"高风险周探访 2026W12 0/1 ready 2026-03-22"}},
		{"a change of somebody not at risk", ledger.Dossier{Tiers: keySince21}, nil, weekly, "2026-03-21", []string{"重点月探访 2026-03 0/1 ready 2026-03-31"}},

		{"a township asks more of its own", in("111", "11", "1"), nil, township, "2026-03-20",
			[]string{"月巡访 2026-03 0/2 ready 2026-03-31", "冬季上门 2026Q1 0/1 ready 2026-03-31"}},
		{"not of another's", in("121", "12", "1"), nil, township, "2026-03-20", []string{"月巡访 2026-03 0/2 ready 2026-03-31"}},

		{"a heat wave", round(ledger.Round{Name: "高温", From: "2026-07-10", To: "2026-07-11"}), phoned("2026-07-11"), yongning, "2026-07-11",
			[]string{"月巡访 2026-07 1/1 done 2026-07-31", "高温 2026-07-10 1/1 done 2026-07-11"}},
		{"a call is not the door", round(ledger.Round{Name: "寒潮", From: "2026-01-10", To: "2026-01-11", Door: "door"}), phoned("2026-01-11"), yongning,
			"2026-01-11", []string{"月巡访 2026-01 1/1 done 2026-01-31", "寒潮 2026-01-10 0/1 ready 2026-01-11"}},
		{"for key elders only", round(ledger.Round{Name: "高温", From: "2026-03-10", To: "2026-03-21", Tier: ledger.TierKey}), nil, yongning, "2026-03-20",
			[]string{ordinary}},
		{"over", round(ledger.Round{Name: "高温", From: "2026-03-10", To: "2026-03-19"}), nil, yongning, "2026-03-20", []string{ordinary}},

		{"after an emergency", follow("2026-03-18", "2026-03-20"), nil, yongning, "2026-03-20", []string{ordinary, "紧急后回访 2026-03-18 0/1 ready 2026-03-20"}},
		{"seen at the door, which is the month's visit, too", follow("2026-03-18", "2026-03-20"), met("2026-03-19"), yongning, "2026-03-20",
			[]string{"月巡访 2026-03 1/1 done 2026-03-31", "紧急后回访 2026-03-18 1/1 done 2026-03-20"}},
		{"a call after an emergency is none", follow("2026-03-18", "2026-03-20"), phoned("2026-03-19"), yongning, "2026-03-20",
			[]string{"月巡访 2026-03 1/1 done 2026-03-31", "紧急后回访 2026-03-18 0/1 ready 2026-03-20"}},
		{"seen before its end is none", follow("2026-03-18", "2026-03-20"), met("2026-03-17"), yongning, "2026-03-20",
			[]string{"月巡访 2026-03 1/1 done 2026-03-31", "紧急后回访 2026-03-18 0/1 ready 2026-03-20"}},
		{"its days are over", follow("2026-03-18", "2026-03-20"), nil, yongning, "2026-03-21", []string{ordinary}},

		{"a new version leaves the month that has begun", ledger.Dossier{}, nil, versions, "2026-03-31", []string{ordinary}},
		{"and decides the next", ledger.Dossier{}, nil, versions, "2026-04-01", []string{"月巡访 2026-04 0/2 ready 2026-04-30"}},
		{"the first version there is begins at once", ledger.Dossier{}, nil, Packs{twice}, "2026-03-15", []string{"月巡访 2026-03 0/2 ready 2026-03-31"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.d.ID = "A01"
			var got []string
			for _, d := range Due(&tt.d, tt.entries, tt.packs, tt.today) {
				period := string(d.Period)
				if period == "" {
					period = string(d.From)
				}
				got = append(got, fmt.Sprintf("%s %s %d/%d %s %s", d.Name, period, d.Done, d.Need, d.State, d.Due))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDueOnMalformedDaysOwesNothingAndDoesNotPanic(t *testing.T) {
	p := Packs{pack(t, "yongning")}
	for _, today := range []ledger.Day{"", "2026", "2026-03"} {
		if got := Due(alone(ledger.Elder{ID: "A01"}, nil), nil, p, today); got != nil {
			t.Errorf("%q: %v", today, got)
		}
	}
	for _, day := range []ledger.Day{"", "2026-03-1", "2026-03-011", "2026-03-1\xff", "2026-03-1!"} {
		if d := Due(alone(ledger.Elder{ID: "A01"}, nil), met(day), p, "2026-03-31")[0]; d.Done != 0 {
			t.Errorf("a visit on %q counted", day)
		}
	}
}

func TestDueInPastPeriods(t *testing.T) {
	p, e := Packs{pack(t, "yongning")}, ledger.Elder{ID: "A01", Since: "2026-01-25"}
	states := func(period ledger.Period, today ledger.Day, entries []ledger.Entry, tiers []ledger.Tiering) map[ledger.Period]ledger.DutyState {
		out := map[ledger.Period]ledger.DutyState{}
		for _, d := range DueIn(alone(e, tiers), entries, p, period, today) {
			if _, twice := out[d.Period]; twice {
				t.Errorf("%s listed twice", d.Period)
			}
			out[d.Period] = d.State
		}
		return out
	}
	entries := met("2026-02-10", "2026-04-02")
	got := states("2026H1", "2026-05-03", entries, nil)
	want := map[ledger.Period]ledger.DutyState{"2026-02": "done", "2026-03": "failed", "2026-04": "done", "2026-05": "ready"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// What held on the period's last day decides: two were needed in March, one in February.
	got = states("2026Q1", "2026-05-03", met("2026-02-10", "2026-03-02"), keySince21)
	want = map[ledger.Period]ledger.DutyState{"2026-02": "done", "2026-03": "failed"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := states("2027", "2026-05-03", entries, nil); len(got) != 0 {
		t.Errorf("the future is owed already: %v", got)
	}
	quarterly := Packs{pack(t, "inner-mongolia")}
	if got := DueIn(alone(e, nil), entries, quarterly, "2026-03", "2026-05-03"); len(got) != 0 {
		t.Errorf("a quarter does not lie in a month: %v", got)
	}
	if got := DueIn(alone(e, nil), entries, quarterly, "2026", "2026-05-03"); len(got) != 2 || got[0].State != ledger.DutyDone {
		t.Errorf("2026: %v", got)
	}
}

func BenchmarkDue(b *testing.B) {
	d := alone(ledger.Elder{ID: "A01", Since: "2025-01-01"}, alwaysKey)
	for _, name := range []string{"yongning", "inner-mongolia"} {
		p := Packs{pack(b, name)}
		var entries []ledger.Entry
		for d := ledger.Day("2026-01-03"); d < "2026-03-30"; d = d.Add(11) {
			entries = append(entries, visit(d, ledger.MethodDoor, ledger.OutcomeOK))
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Due(d, entries, p, "2026-03-20")
			}
		})
	}
}

func TestSeasons(t *testing.T) {
	ningxia, mongolia := pack(t, "yongning"), pack(t, "inner-mongolia")
	for _, tt := range []struct {
		day                      ledger.Day
		ningxia, mongolia, rainy bool
	}{
		{"2026-10-31", false, true, false}, {"2026-11-01", true, true, false}, {"2026-03-31", true, true, false},
		{"2026-04-01", false, true, false}, {"2026-05-01", false, false, false}, {"2026-06-01", false, false, true},
	} {
		if ningxia.Heating(tt.day) != tt.ningxia || mongolia.Heating(tt.day) != tt.mongolia || ningxia.Rainy(tt.day) != tt.rainy {
			t.Errorf("%s: heating %v, %v, rainy %v", tt.day, ningxia.Heating(tt.day), mongolia.Heating(tt.day), ningxia.Rainy(tt.day))
		}
	}
	if ningxia.Photo.Grace != Duration(30*time.Minute) || ningxia.PhotoFor(ledger.MethodDoor) != PhotoRequired ||
		ningxia.PhotoFor(ledger.MethodPhone) != PhotoNo {
		t.Errorf("photo: %+v", ningxia.Photo)
	}
	if got := mongolia.LevelName(ledger.LevelVillage); got != "嘎查村" {
		t.Errorf("a village is called %s", got)
	}
}
