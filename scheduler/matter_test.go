package scheduler

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"xunfang/ledger"
)

// chain is a county with one village that has two leads, a village without any, a township and two departments.
func chain(leaves ...ledger.Leave) *ledger.Roster {
	post := func(user string, role ledger.Role, region, dept string) ledger.Post {
		return ledger.Post{UserID: user, Role: role, Region: region, Dept: dept}
	}
	b := ledger.Book{
		Regions: []ledger.Region{{Code: "c", Level: ledger.LevelCounty}, {Code: "t", Parent: "c", Level: ledger.LevelTownship},
			{Code: "v", Parent: "t", Level: ledger.LevelVillage}, {Code: "w", Parent: "t", Level: ledger.LevelVillage}},
		Posts: []ledger.Post{post("v1", ledger.RoleVillage, "v", ""), post("v2", ledger.RoleVillage, "v", ""), post("t1", ledger.RoleTownship, "t", ""),
			post("c1", ledger.RoleCounty, "c", ""), post("d1", ledger.RoleDept, "c", "卫健"), post("d2", ledger.RoleDept, "c", "消防")},
		Elders: []ledger.Elder{{ID: "e", Region: "v"}},
		Leaves: leaves,
	}
	for _, u := range []string{"v1", "v2", "t1", "c1", "d1", "d2", "x"} {
		b.People = append(b.People, ledger.Person{UserID: u, Name: u})
	}
	return ledger.NewRoster(b)
}

var chainPacks = Packs{{Matters: Matters{Village: 3 * oneDay, Township: 3 * oneDay, County: 2 * oneDay, Unclaimed: 2 * oneDay, Meeting: 5 * oneDay, Silent: 7 * oneDay}}}

func begun(region, by string, at time.Time) ledger.CaseFile {
	s := ledger.CaseStep{Case: ledger.Case{Key: "k", Kind: ledger.CaseProblem, ElderID: "e", Region: region, By: by, State: ledger.CaseOpen,
		Level: ledger.RoleVillage, At: at, Since: at, Due: at}}
	s.Add(ledger.Event{Kind: ledger.EventRaised, By: by, Level: ledger.RoleVillage, At: at})
	return ledger.CaseFile{}.With(s)
}

// run passes a matter at every hour up to a moment and says what happened: "03-11 10 told v1" a line.
func run(f *ledger.CaseFile, r *ledger.Roster, from, to time.Time) (lines []string) {
	for now := from; !now.After(to); now = now.Add(time.Hour) {
		if f.Due.After(now) || f.State.Over() {
			continue
		}
		step, _, changed := Pass(*f, r, chainPacks, now, china)
		if changed {
			*f = f.With(step)
		}
		for _, e := range step.Events {
			lines = append(lines, fmt.Sprintf("%s %s %s%s", now.Format("01-02 15"), e.Kind, e.To, map[bool]string{true: "→" + string(e.Level)}[e.Kind == ledger.EventPassed]))
		}
	}
	return lines
}

func clockAt(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, china)
	if err != nil {
		panic(err)
	}
	return t
}

func happens(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// Nobody acts: three working days with the village, three with the township, then the county is asked every two. 2026-03-11 is a
// Wednesday.
func TestPassUp(t *testing.T) {
	f := begun("v", "x", clockAt("2026-03-11 10:00"))
	happens(t, run(&f, chain(), clockAt("2026-03-11 10:00"), clockAt("2026-03-24 09:00")),
		"03-11 10 told v1", "03-11 10 told v2", "03-16 10 passed →township", "03-16 10 told t1", "03-19 10 passed →county", "03-19 10 told c1", "03-23 10 told c1")
	if f.Level != ledger.RoleCounty || f.State != ledger.CaseOpen {
		t.Errorf("it is %s with %s", f.State, f.Level)
	}
}

// A level without anybody is skipped at once, whether nobody holds the post or all are away; who stands in is told instead.
func TestPassSkips(t *testing.T) {
	f := begun("w", "x", clockAt("2026-03-11 10:00"))
	happens(t, run(&f, chain(), clockAt("2026-03-11 10:00"), clockAt("2026-03-11 11:00")), "03-11 10 nobody ", "03-11 10 passed →township", "03-11 10 told t1")
	away := ledger.Leave{UserID: "t1", From: "2026-03-10", To: "2026-03-12"}
	f = begun("w", "x", clockAt("2026-03-11 10:00"))
	happens(t, run(&f, chain(away), clockAt("2026-03-11 10:00"), clockAt("2026-03-11 11:00")),
		"03-11 10 nobody ", "03-11 10 passed →township", "03-11 10 nobody ", "03-11 10 passed →county", "03-11 10 told c1")
	away.Deputy = "v2"
	f = begun("w", "x", clockAt("2026-03-11 10:00"))
	happens(t, run(&f, chain(away), clockAt("2026-03-11 10:00"), clockAt("2026-03-11 11:00")), "03-11 10 nobody ", "03-11 10 passed →township", "03-11 10 told v2")
}

// A lead who raises a matter has it.
func TestPassToWhoRaisedIt(t *testing.T) {
	f := begun("v", "v1", clockAt("2026-03-11 10:00"))
	happens(t, run(&f, chain(), clockAt("2026-03-11 10:00"), clockAt("2026-03-21 10:00")),
		"03-11 10 told v1", "03-11 10 told v2", "03-11 10 taken ", "03-20 10 quiet v1", "03-20 10 told t1")
}

// hand puts a matter with a department, or takes it there, as flows does.
func hand(f *ledger.CaseFile, now time.Time, kind ledger.EventKind, by, dept string) {
	s := f.Step()
	x := &s.Case
	switch kind {
	case ledger.EventPassed:
		x.State, x.Level, x.Dept, x.Owner = ledger.CaseOpen, ledger.RoleDept, dept, ""
		if dept == "" {
			x.Level = ledger.RoleCounty
		}
		x.Wave, x.Rung, x.Since = x.Wave+1, 0, now
	case ledger.EventTaken:
		x.State, x.Owner = ledger.CaseTaken, by
	case ledger.EventSolved:
		x.State, x.Owner = ledger.CaseSolved, by
	case ledger.EventNot:
		x.State, x.Owner, x.Wave, x.Rung, x.Since = ledger.CaseOpen, "", x.Wave+1, 0, now
	case ledger.EventEnded:
		x.State, x.Due = ledger.CaseEnded, time.Time{}
	}
	if kind != ledger.EventEnded {
		x.Due = now
	}
	s.Add(ledger.Event{Kind: kind, By: by, Level: x.Level, Dept: x.Dept, Wave: x.Wave, At: now})
	*f = f.With(s)
}

// No department claims it: the county chooses again, then it is the joint meeting's; another department in between does not set the
// clock back (requirements §3 case 29).
func TestPassMeeting(t *testing.T) {
	f := begun("v", "x", clockAt("2026-03-02 10:00"))
	run(&f, chain(), clockAt("2026-03-02 10:00"), clockAt("2026-03-11 10:00"))
	hand(&f, clockAt("2026-03-11 10:00"), ledger.EventPassed, "c1", "卫健")
	happens(t, run(&f, chain(), clockAt("2026-03-11 10:00"), clockAt("2026-03-13 11:00")), "03-11 10 told d1", "03-13 10 told c1")
	if f.Level != ledger.RoleDept {
		t.Errorf("the department may not claim it any more: %s", f.Level)
	}
	hand(&f, clockAt("2026-03-13 12:00"), ledger.EventPassed, "c1", "消防")
	happens(t, run(&f, chain(), clockAt("2026-03-13 12:00"), clockAt("2026-05-01 10:00")), "03-13 12 told d2", "03-17 12 told c1", "03-18 10 meeting ",
		"03-18 10 told c1", "04-17 10 told c1")
	if f.State != ledger.CaseMeeting || f.Level != ledger.RoleCounty {
		t.Errorf("it is %s with %s", f.State, f.Level)
	}
	hand(&f, clockAt("2026-05-06 10:00"), ledger.EventPassed, "c1", "卫健") // the meeting gives it to one: its days begin anew
	happens(t, run(&f, chain(), clockAt("2026-05-06 10:00"), clockAt("2026-05-08 11:00")), "05-06 10 told d1", "05-08 10 told c1")
}

// Claimed and silent, it is open again with the county; a word in between moves the clock on.
func TestPassSilent(t *testing.T) {
	f := begun("v", "x", clockAt("2026-03-02 10:00"))
	hand(&f, clockAt("2026-03-02 10:00"), ledger.EventPassed, "c1", "卫健")
	run(&f, chain(), clockAt("2026-03-02 10:00"), clockAt("2026-03-02 10:00"))
	hand(&f, clockAt("2026-03-03 10:00"), ledger.EventTaken, "d1", "")
	happens(t, run(&f, chain(), clockAt("2026-03-03 10:00"), clockAt("2026-03-12 09:00")))
	hand(&f, clockAt("2026-03-12 09:00"), ledger.EventNews, "d1", "")
	happens(t, run(&f, chain(), clockAt("2026-03-12 09:00"), clockAt("2026-03-23 10:00")), "03-23 09 quiet d1", "03-23 09 told c1")
	if f.Level != ledger.RoleCounty || f.Dept != "" || f.Owner != "" || f.State != ledger.CaseOpen {
		t.Errorf("it is %s with %s %s %s", f.State, f.Level, f.Dept, f.Owner)
	}
}

// Solved, it waits for the elder's answer, and ends where none comes; a no opens it again where it was called solved.
func TestPassSolved(t *testing.T) {
	f := begun("v", "x", clockAt("2026-03-02 10:00"))
	run(&f, chain(), clockAt("2026-03-02 10:00"), clockAt("2026-03-02 10:00"))
	hand(&f, clockAt("2026-03-03 10:00"), ledger.EventSolved, "v1", "")
	g := f
	happens(t, run(&f, chain(), clockAt("2026-03-03 10:00"), clockAt("2026-06-02 10:00")), "06-01 10 ended ")
	if f.Outcome != "没问到" || !f.Due.IsZero() {
		t.Errorf("it ended with %q, due %s", f.Outcome, f.Due)
	}
	hand(&g, clockAt("2026-03-09 10:00"), ledger.EventNot, "x", "")
	happens(t, run(&g, chain(), clockAt("2026-03-09 10:00"), clockAt("2026-03-12 11:00")), "03-09 10 told v1", "03-09 10 told v2", "03-12 10 passed →township", "03-12 10 told t1")
}

// Nobody is asked about an elder who died; the alarm's ladder is another's.
func TestPassEnds(t *testing.T) {
	f := begun("v", "x", clockAt("2026-03-02 10:00"))
	b := chain().Book()
	b.Standings = []ledger.Standing{{ElderID: "e", From: "2026-03-04", Kind: ledger.StandingDied}}
	happens(t, run(&f, ledger.NewRoster(b), clockAt("2026-03-02 10:00"), clockAt("2026-03-30 10:00")), "03-02 10 told v1", "03-02 10 told v2", "03-05 10 ended ")
	a := begun("v", "x", clockAt("2026-03-02 10:00"))
	a.Kind = ledger.CaseAlarm
	if _, rings, changed := Pass(a, chain(), chainPacks, clockAt("2026-04-02 10:00"), china); changed || rings != nil {
		t.Error("a matter's chain took an alarm")
	}
}

// plain is a slow obvious account of a matter: it goes hour by hour and knows only how long something has been as it is.
type plain struct {
	level ledger.Role
	dept  string
	state ledger.CaseState
	begin time.Time            // since when it is there, of a claim the last word
	given time.Time            // since when departments have it and do not claim it
	asked time.Time            // of the county, since it is there
	told  []string             // who was told this hour
	ends  map[string]time.Time // WorkDays, each counted once
}

func (p *plain) reach(r *ledger.Roster, f ledger.CaseFile, level ledger.Role, now time.Time) int {
	names := map[ledger.Role][]string{ledger.RoleTownship: {"t1"}, ledger.RoleCounty: {"c1"}, ledger.RoleDept: {map[string]string{"卫健": "d1", "消防": "d2"}[p.dept]}}
	if f.Region == "v" {
		names[ledger.RoleVillage] = []string{"v1", "v2"}
	}
	n := 0
	var seen []string
	for _, u := range names[level] {
		if l, away := r.Leave(u, ledger.DayOf(now, china)); away {
			if _, gone := r.Leave(l.Deputy, ledger.DayOf(now, china)); l.Deputy == "" || gone {
				continue
			}
			u = l.Deputy
		}
		if !slices.Contains(seen, u) {
			seen = append(seen, u)
			n++
		}
	}
	p.told = append(p.told, seen...)
	if level == ledger.RoleCounty {
		p.asked = now
	}
	return n
}

// arrive tells whose turn it is, going up past who is not there.
func (p *plain) arrive(r *ledger.Roster, f ledger.CaseFile, now time.Time) {
	for {
		p.begin, p.asked = now, time.Time{}
		if n := p.reach(r, f, p.level, now); n > 0 || p.level == ledger.RoleCounty {
			return
		}
		p.up()
	}
}

func (p *plain) up() {
	p.level = map[ledger.Role]ledger.Role{ledger.RoleVillage: ledger.RoleTownship}[p.level]
	if p.level == "" {
		p.level = ledger.RoleCounty
	}
	p.dept = ""
}

func (p *plain) hour(r *ledger.Roster, f ledger.CaseFile, now time.Time) {
	p.told = nil
	over := func(since time.Time, days int) bool {
		if since.IsZero() {
			return false
		}
		at := fmt.Sprint(since.Unix(), days)
		if _, known := p.ends[at]; !known {
			p.ends[at] = WorkDays(since, days, china)
		}
		return !now.Before(p.ends[at])
	}
	switch {
	case p.state == ledger.CaseEnded:
	case p.state == ledger.CaseTaken:
		if over(p.begin, 7) {
			p.state, p.given = ledger.CaseOpen, time.Time{}
			if p.level == ledger.RoleVillage {
				p.level = ledger.RoleTownship
			} else {
				p.level = ledger.RoleCounty
			}
			p.dept = ""
			p.arrive(r, f, now)
		}
	case p.state == ledger.CaseSolved:
		if !now.Before(p.begin.AddDate(0, 0, 90)) {
			p.state = ledger.CaseEnded
		}
	case p.state == ledger.CaseMeeting:
		if !now.Before(p.asked.AddDate(0, 0, 30)) {
			p.reach(r, f, ledger.RoleCounty, now)
		}
	case over(p.given, 5):
		p.state, p.level, p.dept, p.given = ledger.CaseMeeting, ledger.RoleCounty, "", time.Time{}
		p.arrive(r, f, now)
	case p.level == ledger.RoleVillage && over(p.begin, 3), p.level == ledger.RoleTownship && over(p.begin, 3):
		p.up()
		p.arrive(r, f, now)
	case p.level == ledger.RoleCounty && over(p.asked, 2), p.level == ledger.RoleDept && p.asked.IsZero() && over(p.begin, 2):
		p.reach(r, f, ledger.RoleCounty, now)
	}
}

// Random matters, acts, leaves and days, holidays among them: the chain does what the obvious account does. No state is without
// whose turn it is and a time at which it is looked at again; twice for one moment is once; messages' keys are never used twice.
func TestPassIsObvious(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := clockAt("2026-01-05 00:00").Add(time.Duration(rapid.IntRange(0, 300*24).Draw(t, "start")) * time.Hour)
		var leaves []ledger.Leave
		for range rapid.IntRange(0, 4).Draw(t, "leaves") {
			from := ledger.DayOf(start, china).Add(rapid.IntRange(-3, 30).Draw(t, "from"))
			leaves = append(leaves, ledger.Leave{UserID: rapid.SampledFrom([]string{"v1", "v2", "t1", "c1", "d1"}).Draw(t, "away"), From: from,
				To: from.Add(rapid.IntRange(0, 12).Draw(t, "days")), Deputy: rapid.SampledFrom([]string{"", "x", "t1", "d2"}).Draw(t, "deputy")})
		}
		const span = 130 * 24
		acts, depts := map[int]string{}, map[int]string{}
		within := rapid.SampledFrom([]int{span, 20 * 24, 5 * 24}).Draw(t, "within")
		for range rapid.IntRange(0, 20).Draw(t, "acts") {
			hour := rapid.IntRange(0, within).Draw(t, "hour")
			acts[hour] = rapid.SampledFrom([]string{"take", "news", "dept", "back", "solved", "not"}).Draw(t, "act")
			depts[hour] = rapid.SampledFrom([]string{"卫健", "消防"}).Draw(t, "dept")
		}
		r := chain(leaves...)
		f := begun(rapid.SampledFrom([]string{"v", "w"}).Draw(t, "region"), "y", start)
		p := plain{level: ledger.RoleVillage, state: ledger.CaseOpen, ends: map[string]time.Time{}}
		keys := map[string]bool{}
		p.arrive(r, f, start)
		for hour := range span {
			now := start.Add(time.Duration(hour) * time.Hour)
			if hour > 0 {
				p.hour(r, f, now)
			}
			var told []string
			pass := func() {
				step, rings, changed := Pass(f, r, chainPacks, now, china)
				if !changed {
					return
				}
				f = f.With(step)
				for _, ring := range rings {
					if keys[ring.Message] {
						t.Fatalf("%s is used twice", ring.Message)
					}
					keys[ring.Message] = true
					told = append(told, ring.To)
				}
				if again, more, changed := Pass(f, r, chainPacks, now, china); changed || len(more) > 0 || len(again.Events) > 0 {
					t.Fatalf("twice on %s: %+v", now, again.Events)
				}
			}
			if !f.State.Over() && !f.Due.After(now) {
				pass()
			}
			if p.state != ledger.CaseEnded && acts[hour] != "" {
				p.told = nil
				told = nil
				switch acts[hour] {
				case "take":
					if p.state == ledger.CaseOpen || p.state == ledger.CaseMeeting {
						hand(&f, now, ledger.EventTaken, "x", "")
						p.state, p.begin, p.given = ledger.CaseTaken, now, time.Time{}
					}
				case "news":
					if p.state == ledger.CaseTaken {
						hand(&f, now, ledger.EventNews, "x", "")
						p.begin = now
					}
				case "dept":
					if p.level == ledger.RoleCounty || p.level == ledger.RoleDept {
						d := depts[hour]
						if p.state == ledger.CaseTaken || p.state == ledger.CaseMeeting || p.state == ledger.CaseSolved || p.given.IsZero() {
							p.given = now
						}
						hand(&f, now, ledger.EventPassed, "c1", d)
						p.state, p.level, p.dept = ledger.CaseOpen, ledger.RoleDept, d
						p.arrive(r, f, now)
					}
				case "back":
					if p.level == ledger.RoleDept && p.state == ledger.CaseOpen {
						hand(&f, now, ledger.EventPassed, "d1", "")
						p.level, p.dept = ledger.RoleCounty, ""
						p.arrive(r, f, now)
					}
				case "solved":
					if p.state != ledger.CaseSolved {
						hand(&f, now, ledger.EventSolved, "x", "")
						p.state, p.begin, p.given = ledger.CaseSolved, now, time.Time{}
					}
				case "not":
					if p.state == ledger.CaseSolved {
						hand(&f, now, ledger.EventNot, "x", "")
						p.state = ledger.CaseOpen
						if p.given = (time.Time{}); p.level == ledger.RoleDept {
							p.given = now
						}
						p.arrive(r, f, now)
					}
				}
				if !f.State.Over() && !f.Due.After(now) {
					pass()
				}
			}
			slices.Sort(told)
			slices.Sort(p.told)
			if f.State != p.state || f.Level != p.level || f.Dept != p.dept || !slices.Equal(told, p.told) {
				t.Fatalf("on %s it is %s with %s %s, told %v; obviously %s with %s %s, told %v\n%s", now.Format("2006-01-02 15"), f.State, f.Level, f.Dept, told,
					p.state, p.level, p.dept, p.told, timeline(f))
			}
			if !f.State.Over() && (f.Level == "" || !f.Due.After(now)) {
				t.Fatalf("nobody's: level %q, due %s on %s", f.Level, f.Due, now)
			}
			if (f.State == ledger.CaseTaken) != (f.Owner != "") && f.State != ledger.CaseSolved && !f.State.Over() {
				t.Fatalf("%s, and its owner is %q", f.State, f.Owner)
			}
		}
	})
}

func timeline(f ledger.CaseFile) (out string) {
	for _, e := range f.Timeline {
		out += fmt.Sprintln(e.At.Format("01-02 15"), e.Kind, e.By, e.To, e.Level, e.Dept)
	}
	return out
}
