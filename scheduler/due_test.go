package scheduler

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

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
			duties := Due(ledger.Elder{ID: "A01", Since: tt.since}, tt.tiers, tt.entries, pack(t, tt.pack), tt.today)
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

func TestDueOnMalformedDaysOwesNothingAndDoesNotPanic(t *testing.T) {
	p := pack(t, "yongning")
	for _, today := range []ledger.Day{"", "2026", "2026-03"} {
		if got := Due(ledger.Elder{ID: "A01"}, nil, nil, p, today); got != nil {
			t.Errorf("%q: %v", today, got)
		}
	}
	for _, day := range []ledger.Day{"", "2026-03-1", "2026-03-011", "2026-03-1\xff", "2026-03-1!"} {
		if d := Due(ledger.Elder{ID: "A01"}, nil, met(day), p, "2026-03-31")[0]; d.Done != 0 {
			t.Errorf("a visit on %q counted", day)
		}
	}
}

func TestDueInPastPeriods(t *testing.T) {
	p, e := pack(t, "yongning"), ledger.Elder{ID: "A01", Since: "2026-01-25"}
	states := func(period ledger.Period, today ledger.Day, entries []ledger.Entry, tiers []ledger.Tiering) map[ledger.Period]ledger.DutyState {
		out := map[ledger.Period]ledger.DutyState{}
		for _, d := range DueIn(e, tiers, entries, p, period, today) {
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
	quarterly := pack(t, "inner-mongolia")
	if got := DueIn(e, nil, entries, quarterly, "2026-03", "2026-05-03"); len(got) != 0 {
		t.Errorf("a quarter does not lie in a month: %v", got)
	}
	if got := DueIn(e, nil, entries, quarterly, "2026", "2026-05-03"); len(got) != 2 || got[0].State != ledger.DutyDone {
		t.Errorf("2026: %v", got)
	}
}

// TestDueAgainstObviousCount compares with a count that walks the calendar day by day, over random records, tiers and rules.
func TestDueAgainstObviousCount(t *testing.T) {
	days := rapid.Custom(func(t *rapid.T) ledger.Day {
		// Around month ends, leap days and year ends more often than elsewhere.
		edge := rapid.SampledFrom([]ledger.Day{"2027-12-31", "2028-02-29", "2028-03-31", "2026-02-28", "2026-06-30", "2100-02-28"}).Draw(t, "edge")
		return edge.Add(rapid.IntRange(-70, 70).Draw(t, "offset"))
	})
	rapid.Check(t, func(t *rapid.T) {
		today := days.Draw(t, "today")
		near := rapid.Custom(func(t *rapid.T) ledger.Day { return today.Add(rapid.IntRange(-120, 40).Draw(t, "near")) })
		var entries []ledger.Entry
		for range rapid.IntRange(0, 12).Draw(t, "n") {
			entries = append(entries, ledger.Entry{
				Kind:    rapid.SampledFrom([]ledger.EntryKind{ledger.KindVisit, ledger.KindVisit, ledger.KindVisit, "help"}).Draw(t, "kind"),
				ElderID: rapid.SampledFrom([]string{"A01", "A01", "A01", "A02"}).Draw(t, "elder"), Day: near.Draw(t, "day"),
				Method:  rapid.SampledFrom([]ledger.Method{ledger.MethodDoor, ledger.MethodPhone}).Draw(t, "method"),
				Outcome: rapid.SampledFrom([]ledger.Outcome{ledger.OutcomeOK, ledger.OutcomeProblem, ledger.OutcomeAbsent, ledger.OutcomeRefused}).Draw(t, "outcome")})
		}
		e := ledger.Elder{ID: "A01"}
		if rapid.Bool().Draw(t, "new") {
			e.Since = near.Draw(t, "since")
		}
		tiers := []ledger.Tiering{{ElderID: "A02", Tier: ledger.TierKey}}
		if rapid.Bool().Draw(t, "tiered") {
			change := near.Draw(t, "change")
			both := []ledger.Tier{ledger.TierOrdinary, ledger.TierKey}
			i := rapid.IntRange(0, 1).Draw(t, "up")
			tiers = append(tiers, ledger.Tiering{ElderID: "A01", Tier: both[i], To: change.Add(-1)},
				ledger.Tiering{ElderID: "A01", Tier: both[1-i], From: change})
		}
		var p Pack
		for _, tier := range []ledger.Tier{ledger.TierOrdinary, ledger.TierKey, TierAll} {
			times := rapid.IntRange(1, 3).Draw(t, "times")
			p.Visits = append(p.Visits, Rule{Name: string(tier), Tier: tier, Times: times,
				Per:     rapid.SampledFrom([]Per{PerMonth, PerQuarter}).Draw(t, "per"),
				DoorMin: rapid.IntRange(0, times).Draw(t, "door_min"),
				Counts: rapid.SampledFrom([][]ledger.Method{{ledger.MethodDoor}, {ledger.MethodPhone, ledger.MethodDoor}}).
					Draw(t, "counts")})
		}
		if diff := cmp.Diff(obvious(e, tiers, entries, p, today), Due(e, tiers, entries, p, today)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// obvious is Due said slowly: the days of the period one by one.
func obvious(e ledger.Elder, tiers []ledger.Tiering, entries []ledger.Entry, p Pack, today ledger.Day) []ledger.Duty {
	duties := []ledger.Duty{}
	for _, r := range p.Visits {
		period := ledger.MonthOf(today)
		if r.Per == PerQuarter {
			period = ledger.QuarterOf(today)
		}
		left := func(from ledger.Day) (n int) {
			for d := from; period.Contains(d); d = d.Add(1) {
				n++
			}
			return n
		}
		if e.Since > today || period.Contains(e.Since) && e.Since != period.First() && left(e.Since) < 10 {
			continue
		}
		tier := ledger.TierOrdinary
		for _, x := range tiers {
			if x.ElderID == e.ID && x.Holds(today) {
				tier = x.Tier
				if tier == ledger.TierKey && period.Contains(x.From) && x.From != period.First() && left(x.From) < 10 {
					tier = ledger.TierOrdinary // the other one of the two
				}
			}
		}
		if r.Tier != TierAll && r.Tier != tier {
			continue
		}
		d := ledger.Duty{Name: r.Name, ElderID: e.ID, Period: period, Need: r.Times, Due: period.Last(), State: ledger.DutyReady}
		doors := 0
		for day := period.First(); day <= period.Last() && day <= today; day = day.Add(1) {
			var anyMet, atDoor bool
			for _, x := range entries {
				if x.ElderID == e.ID && x.Kind == ledger.KindVisit && x.Day == day && slices.Contains(r.Counts, x.Method) &&
					(x.Outcome == ledger.OutcomeOK || x.Outcome == ledger.OutcomeProblem) {
					anyMet = true
					atDoor = atDoor || x.Method == ledger.MethodDoor
				}
			}
			if anyMet {
				d.Done++
				d.Last = day
			}
			if atDoor {
				doors++
			}
		}
		if doors < r.DoorMin {
			d.Door = r.DoorMin - doors
			d.Done = min(d.Done, r.Times-d.Door)
		}
		if d.Done >= r.Times {
			d.State = ledger.DutyDone
		}
		duties = append(duties, d)
	}
	return duties
}

func BenchmarkDue(b *testing.B) {
	e := ledger.Elder{ID: "A01", Since: "2025-01-01"}
	for _, name := range []string{"yongning", "inner-mongolia"} {
		p := pack(b, name)
		var entries []ledger.Entry
		for d := ledger.Day("2026-01-03"); d < "2026-03-30"; d = d.Add(11) {
			entries = append(entries, visit(d, ledger.MethodDoor, ledger.OutcomeOK))
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Due(e, alwaysKey, entries, p, "2026-03-20")
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
