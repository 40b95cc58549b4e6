package scheduler

import (
	"flag"
	"fmt"
	"math/bits"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"xunfang/ledger"
)

// TestDueIsTheObviousCount compares Due and DueIn with a count that walks the calendar day by day and was written from the
// rules alone, without a look at due.go. XUNFANG_CASES says how many random cases, 5,000 without it. Each branch of the rules
// must have been taken both ways: a generator that never reaches one proves nothing about it.
func TestDueIsTheObviousCount(t *testing.T) {
	cases := checks(t, 5000)
	o := &walker{days: almanac("2015-01-01", "2106-12-31"), taken: map[string][2]int{}, ended: map[string]int{}}
	situations := rapid.Custom(o.situation)
	rapid.Check(t, func(t *rapid.T) {
		w := situations.Draw(t, "case")
		for _, q := range []struct {
			call      string
			got, want []ledger.Duty
		}{
			{"Due", Due(&w.d, w.entries, w.packs, w.today), o.due(w)},
			{fmt.Sprintf("DueIn(%s)", w.period), DueIn(&w.d, w.entries, w.packs, w.period, w.today), o.dueIn(w)},
		} {
			for i := range q.got {
				if strings.HasPrefix(q.got[i].Name, "round") || q.got[i].Name == FollowName {
					q.got[i].Source = "" // whatever it says of a round
				}
			}
			if len(w.today) != 10 && q.got != nil {
				t.Fatalf("%s on %q: %v instead of nil", q.call, w.today, q.got)
			}
			if diff := cmp.Diff(lines(q.want), lines(q.got)); diff != "" {
				t.Fatalf("%s on %s (-obvious +%s):\n%s", q.call, w.today, q.call, diff)
			}
		}
	})
	if t.Failed() {
		return
	}
	for _, b := range branches {
		t.Logf("%8d yes %8d no  %s", o.taken[b][1], o.taken[b][0], b)
		if o.taken[b][0] == 0 || o.taken[b][1] == 0 {
			t.Errorf("never both ways in %d cases: %s", cases, b)
		}
	}
	for _, e := range ends() {
		t.Logf("%8d  %s", o.ended[e], e)
		if o.ended[e] == 0 {
			t.Errorf("never in %d cases: %s", cases, e)
		}
	}
	for b := range o.taken {
		if !slices.Contains(branches, b) {
			t.Errorf("a branch that is not in the list: %s", b)
		}
	}
}

// checks sets how many random cases a test plays, what XUNFANG_CASES says or a number, and is it.
func checks(t *testing.T, cases int) int {
	if s := os.Getenv("XUNFANG_CASES"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("XUNFANG_CASES is %q, not a number of cases", s)
		}
		cases = n
	}
	was := flag.Lookup("rapid.checks").Value.String()
	if err := flag.Set("rapid.checks", strconv.Itoa(cases)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set("rapid.checks", was) }) // it was there before
	return cases
}

// branches are the questions that the count asks.
var branches = []string{
	"today is no day",
	"a version holds on the first day", "the earliest version holds by the last day", "this version owns the period",
	"a local rule is of the elder's regions", "the period lies wholly in the calendar period", "the period has begun",
	"on the ledger by asOf", "put on the ledger late",
	"help or talk", "paired on asOf", "a pair before asOf", "paired by asOf", "paired late", "talk", "has kin",
	"tier 全部", "key on asOf", "key is late", "tier is the rule's",
	"everybody is bound", "the pack covers everybody", "a cover fits", "a local cover alone fits",
	"only groups", "a group fits", "but not some", "an exception fits",
	"confirm", "confirmed", "old enough", "birthday in the period so far", "birthday is late",
	"leap birthday in another year is late", "birthday in the old year of a week is late", "lives so", "cares so for oneself",
	"lost the child", "healthy so", "in hardship so", "has no kin",
	"another elder's entry", "entry before the first day", "entry after asOf", "met", "method counts", "kind counts",
	"help that looked",
	"a second entry on the day", "door missing", "calls counted too often",
	"done", "left by the first day", "left", "paused", "back, too late", "over",
	"change period", "pause over", "made key", "pause taken back", "several changes", "the latest change's days are over",
	"change before the period", "change after today",
	"round holds today", "round taken back", "round ends in the period", "round begun", "round after joining",
	"round for key elders", "key at the round", "round at the door", "round done more than once",
	"follow holds today", "follow taken back", "follow ends in the period", "follow begun", "follow after joining", "follow done more than once",
	"leap day in the period", "week in two years", "born on a leap day",
}

// ends are what becomes of duties: each kind and each period in each state.
func ends() []string {
	var out []string
	for _, of := range []string{"visit", "help", "talk", "week", "month", "quarter", "half", "change", "round", "follow"} {
		for _, state := range []ledger.DutyState{ledger.DutyReady, ledger.DutyDone, ledger.DutyFailed, ledger.DutyPaused,
			ledger.DutyCancelled} {
			out = append(out, of+" "+string(state))
		}
	}
	return out
}

// walker counts what is owed slowly, and which branches it took on the way.
type walker struct {
	days  []ledger.Day
	at    map[ledger.Day]int // where in days
	in    map[ledger.Period][]ledger.Day
	taken map[string][2]int // no, yes
	ended map[string]int
}

// is counts a branch.
func (o *walker) is(branch string, yes bool) bool {
	n := o.taken[branch]
	if yes {
		n[1]++
	} else {
		n[0]++
	}
	o.taken[branch] = n
	return yes
}

// situation is one random case.
type situation struct {
	d       ledger.Dossier
	entries []ledger.Entry
	packs   Packs
	period  ledger.Period
	today   ledger.Day
}

// almanac is every day from one to another.
func almanac(from, to ledger.Day) []ledger.Day {
	var days []ledger.Day
	for t := from.Time(); !t.After(to.Time()); t = t.AddDate(0, 0, 1) {
		days = append(days, ledger.Day(t.Format("2006-01-02")))
	}
	return days
}

const perYear Per = "year" // no rule's, only a question's

// periodOf is what the ledger calls the period that a day lies in.
func periodOf(per Per, d ledger.Day) ledger.Period {
	t := d.Time()
	year, month := t.Year(), int(t.Month())
	switch per {
	case PerWeek: // a week is numbered in the year that its Thursday lies in
		for t.Weekday() != time.Thursday {
			step := 1
			if t.Weekday() == time.Sunday || t.Weekday() > time.Thursday {
				step = -1
			}
			t = t.AddDate(0, 0, step)
		}
		return ledger.Period(fmt.Sprintf("%dW%02d", t.Year(), (t.YearDay()+6)/7))
	case PerMonth:
		return ledger.Period(fmt.Sprintf("%d-%02d", year, month))
	case PerQuarter:
		return ledger.Period(fmt.Sprintf("%dQ%d", year, (month+2)/3))
	case PerHalf:
		return ledger.Period(fmt.Sprintf("%dH%d", year, (month+5)/6))
	}
	return ledger.Period(strconv.Itoa(year))
}

// stretch is a period as its days.
type stretch struct {
	per   Per
	name  ledger.Period
	days  []ledger.Day
	asOf  ledger.Day
	grace int // a change with fewer days left is late, 0 never
}

func (s stretch) first() ledger.Day { return s.days[0] }

func (s stretch) last() ledger.Day { return s.days[len(s.days)-1] }

func (s stretch) late(change ledger.Day) bool {
	left := 0
	for _, d := range s.days {
		if d >= change {
			left++
		}
	}
	return change > s.first() && left < s.grace
}

func (o *walker) stretch(per Per, name ledger.Period, days []ledger.Day, today ledger.Day) stretch {
	s := stretch{per: per, name: name, days: days, asOf: min(today, days[len(days)-1])}
	switch per {
	case PerWeek:
		s.grace = 4
		o.is("week in two years", s.first()[:4] != s.last()[:4])
	case PerMonth, PerQuarter, PerHalf:
		s.grace = 10
	}
	o.is("leap day in the period", slices.ContainsFunc(days, func(d ledger.Day) bool { return d[4:] == "-02-29" }))
	return s
}

// due is what Due should say.
func (o *walker) due(w *situation) []ledger.Duty {
	if o.is("today is no day", len(w.today) != 10) {
		return nil
	}
	var out []ledger.Duty
	o.rules(w, func(version int, r Rule) {
		if !o.is("change period", r.Per == PerChange) {
			name := periodOf(r.Per, w.today)
			out = append(out, o.duty(w, version, r, o.stretch(r.Per, name, o.in[name], w.today))...)
			return
		}
		changes := o.changes(w, w.today)
		if len(changes) == 0 {
			return
		}
		latest := o.after(changes[len(changes)-1], r, w.today)
		if !o.is("the latest change's days are over", latest.last() < w.today) {
			out = append(out, o.duty(w, version, r, latest)...)
		}
	})
	for _, r := range w.d.Rounds {
		if o.is("round holds today", r.From <= w.today && w.today <= r.To) {
			out = append(out, o.round(w, r)...)
		}
	}
	for _, x := range w.d.Follows {
		if o.is("follow holds today", x.From <= w.today && w.today <= x.To) {
			out = append(out, o.follow(w, x)...)
		}
	}
	return out
}

// dueIn is what DueIn should say.
func (o *walker) dueIn(w *situation) []ledger.Duty {
	if o.is("today is no day", len(w.today) != 10) {
		return nil
	}
	asked := o.in[w.period]
	from, to := asked[0], asked[len(asked)-1]
	var out []ledger.Duty
	o.rules(w, func(version int, r Rule) {
		if o.is("change period", r.Per == PerChange) {
			for _, c := range o.changes(w, min(to, w.today)) {
				if !o.is("change before the period", c < from) {
					out = append(out, o.duty(w, version, r, o.after(c, r, w.today))...)
				}
			}
			return
		}
		var before ledger.Period
		for _, d := range asked {
			name := periodOf(r.Per, d)
			if name == before {
				continue
			}
			before = name
			s := o.stretch(r.Per, name, o.in[name], w.today)
			if o.is("the period lies wholly in the calendar period", s.first() >= from && s.last() <= to) &&
				o.is("the period has begun", s.first() <= w.today) {
				out = append(out, o.duty(w, version, r, s)...)
			}
		}
	})
	for _, r := range w.d.Rounds {
		if !o.is("round taken back", r.To < r.From) && o.is("round ends in the period", r.To >= from && r.To <= to) &&
			o.is("round begun", r.From <= w.today) {
			out = append(out, o.round(w, r)...)
		}
	}
	for _, x := range w.d.Follows {
		if !o.is("follow taken back", x.To < x.From) && o.is("follow ends in the period", x.To >= from && x.To <= to) &&
			o.is("follow begun", x.From <= w.today) {
			out = append(out, o.follow(w, x)...)
		}
	}
	return out
}

// rules hands on each version's rules, those of the elder's regions among them.
func (o *walker) rules(w *situation, f func(version int, r Rule)) {
	for i, p := range w.packs {
		for _, r := range p.Duties {
			f(i, r)
		}
		for _, l := range p.Local {
			for _, r := range l.Duties {
				if o.is("a local rule is of the elder's regions", slices.Contains(w.d.Regions, l.Region)) {
					f(i, r)
				}
			}
		}
	}
}

// owner is the version of a pack's name that a period belongs to, -1 nobody.
func (o *walker) owner(packs Packs, name string, s stretch) int {
	latest, earliest := -1, -1
	for i, p := range packs {
		if p.Name != name {
			continue
		}
		if p.Since <= s.first() && (latest < 0 || p.Since > packs[latest].Since) {
			latest = i
		}
		if earliest < 0 || p.Since < packs[earliest].Since {
			earliest = i
		}
	}
	if o.is("a version holds on the first day", latest >= 0) {
		return latest
	}
	if o.is("the earliest version holds by the last day", packs[earliest].Since <= s.last()) {
		return earliest
	}
	return -1
}

// changes are the days by which the elder came back from a pause or was made key, up to a day, in order.
func (o *walker) changes(w *situation, until ledger.Day) []ledger.Day {
	var days []ledger.Day
	add := func(c ledger.Day) {
		if !o.is("change after today", c > until) && !slices.Contains(days, c) {
			days = append(days, c)
		}
	}
	for _, s := range w.d.Standings {
		if s.Kind != ledger.StandingPaused || o.is("pause taken back", s.To != "" && s.To < s.From) {
			continue
		}
		if o.is("pause over", s.To != "") {
			add(o.days[o.at[s.To]+1])
		}
	}
	for _, x := range w.d.Tiers {
		if o.is("made key", x.Tier == ledger.TierKey && x.From > w.d.Since && (x.To == "" || x.To >= x.From)) {
			add(x.From)
		}
	}
	slices.Sort(days)
	o.is("several changes", len(days) > 1)
	return days
}

// after is the period that a change begins.
func (o *walker) after(change ledger.Day, r Rule, today ledger.Day) stretch {
	days := int(time.Duration(r.Within)/(24*time.Hour)) + 1
	return o.stretch(PerChange, "", o.days[o.at[change]:][:days], today)
}

// duty is what a rule asks in a period, nothing or one.
func (o *walker) duty(w *situation, version int, r Rule, s stretch) []ledger.Duty {
	p := w.packs[version]
	if !o.is("this version owns the period", o.owner(w.packs, p.Name, s) == version) ||
		!o.begun(w, r, s) || !o.tiered(w, r, s) || !o.covered(w, p, r, s) {
		return nil
	}
	out := ledger.Duty{Name: r.Name, Kind: r.Kind, ElderID: w.d.ID, Period: s.name, From: s.first(), Due: s.last(), Need: r.Times,
		Source: r.Source}
	days, doors := o.count(w, r.Kind, r.Counts, s)
	out.Done = len(days)
	if len(days) > 0 {
		out.Last = days[len(days)-1]
	}
	if o.is("door missing", len(doors) < r.DoorMin) {
		out.Door = r.DoorMin - len(doors)
		if o.is("calls counted too often", out.Done > r.Times-out.Door) {
			out.Done = r.Times - out.Door
		}
	}
	return o.stand(w, out, s)
}

// begun says whether somebody was there to owe it, in time.
func (o *walker) begun(w *situation, r Rule, s stretch) bool {
	o.is("talk", r.Kind == ledger.KindTalk)
	if !o.is("help or talk", r.Kind == ledger.KindHelp || r.Kind == ledger.KindTalk) {
		return o.is("on the ledger by asOf", w.d.Since <= s.asOf) &&
			!o.is("put on the ledger late", s.late(w.d.Since))
	}
	if r.Kind == ledger.KindTalk && !o.is("has kin", len(w.d.Kin) > 0) {
		return false
	}
	holds, earliest := false, ledger.Day("9")
	for _, p := range w.d.Pairs {
		if p.From <= s.asOf && (p.To == "" || p.To >= s.asOf) {
			holds = true
		}
		if p.From <= s.asOf && (p.To == "" || p.To >= s.first()) {
			earliest = min(earliest, p.From)
		}
	}
	o.is("a pair before asOf", earliest < s.asOf)
	if !o.is("paired on asOf", holds) {
		return false
	}
	from := max(w.d.Since, earliest)
	return o.is("paired by asOf", from <= s.asOf) && !o.is("paired late", s.late(from))
}

// tierHeld is the tier of a day with the row that says so.
func tierHeld(d *ledger.Dossier, day ledger.Day) (ledger.Tier, ledger.Tiering) {
	for _, x := range d.Tiers {
		if x.From <= day && (x.To == "" || x.To >= day) {
			return x.Tier, x
		}
	}
	return ledger.TierOrdinary, ledger.Tiering{}
}

func (o *walker) tiered(w *situation, r Rule, s stretch) bool {
	if o.is("tier 全部", r.Tier == TierAll) {
		return true
	}
	tier, row := tierHeld(&w.d, s.asOf)
	if o.is("key on asOf", tier == ledger.TierKey) && o.is("key is late", s.late(row.From)) {
		tier, _ = tierHeld(&w.d, o.days[o.at[row.From]-1])
	}
	return o.is("tier is the rule's", tier == r.Tier)
}

func (o *walker) covered(w *situation, p Pack, r Rule, s stretch) bool {
	if o.is("everybody is bound", len(p.Covers) == 0 && len(r.Groups) == 0 && len(r.Except) == 0) {
		return true
	}
	var local []Cover
	for _, l := range p.Local {
		if slices.Contains(w.d.Regions, l.Region) {
			local = append(local, l.Covers...)
		}
	}
	fits := func(covers []Cover) bool {
		return slices.ContainsFunc(covers, func(c Cover) bool { return o.fits(w, c, s) })
	}
	if !o.is("the pack covers everybody", len(p.Covers) == 0) {
		pack, region := fits(p.Covers), fits(local)
		o.is("a local cover alone fits", !pack && region)
		if !o.is("a cover fits", pack || region) {
			return false
		}
	}
	named := func(names []string) []Cover {
		var out []Cover
		for _, c := range slices.Concat(p.Covers, p.Key, local) {
			if slices.Contains(names, c.Name) {
				out = append(out, c)
			}
		}
		return out
	}
	if o.is("only groups", len(r.Groups) > 0) && !o.is("a group fits", fits(named(r.Groups))) {
		return false
	}
	return !o.is("but not some", len(r.Except) > 0) || !o.is("an exception fits", fits(named(r.Except)))
}

func (o *walker) fits(w *situation, c Cover, s stretch) bool {
	if o.is("confirm", c.Confirm) {
		confirmed := slices.ContainsFunc(w.d.Tiers, func(x ledger.Tiering) bool {
			return x.From <= s.asOf && (x.To == "" || x.To >= s.asOf)
		})
		if !o.is("confirmed", confirmed) {
			return false
		}
	}
	contains := func(text string) func(string) bool {
		return func(word string) bool { return strings.Contains(text, word) }
	}
	q := c.When
	return (q.AgeMin == 0 || o.is("old enough", o.age(w.d.Birth, s) >= q.AgeMin)) &&
		(len(q.Living) == 0 || o.is("lives so", slices.Contains(q.Living, w.d.Living))) &&
		(len(q.SelfCare) == 0 || o.is("cares so for oneself", slices.Contains(q.SelfCare, w.d.SelfCare))) &&
		(!q.LostChild || o.is("lost the child", w.d.LostChild)) &&
		(len(q.Health) == 0 || o.is("healthy so", slices.ContainsFunc(q.Health, contains(w.d.Health)))) &&
		(len(q.Hardship) == 0 || o.is("in hardship so", slices.ContainsFunc(q.Hardship, contains(w.d.Hardship)))) &&
		(!q.NoKin || o.is("has no kin", len(w.d.Kin) == 0))
}

// age is the completed years that count in a period, -1 not known.
func (o *walker) age(birth ledger.Day, s stretch) int {
	if birth == "" {
		return -1
	}
	o.is("born on a leap day", birth[4:] == "-02-29")
	on := s.asOf
	for _, year := range slices.Compact([]ledger.Day{s.first()[:4], s.last()[:4]}) {
		birthday := year + birth[4:] // of a leap day in another year: a text between the two days
		if !o.is("birthday in the period so far", birthday >= s.first() && birthday <= s.asOf) {
			continue
		}
		late := o.is("birthday is late", s.late(birthday))
		if year < s.asOf[:4] {
			o.is("birthday in the old year of a week is late", late)
		}
		if _, err := ledger.ParseDay(string(birthday)); err != nil {
			o.is("leap birthday in another year is late", late)
		}
		if late {
			on = s.first()
		}
	}
	age := on.Time().Year() - birth.Time().Year()
	if on[4:] < birth[4:] {
		age--
	}
	return age
}

// count are the days that count and those of them at the door.
func (o *walker) count(w *situation, kind ledger.EntryKind, methods []ledger.Method, s stretch) (days, doors []ledger.Day) {
	for _, d := range s.days {
		n, door := 0, false
		for _, e := range w.entries {
			if e.Day != d || o.is("entry after asOf", e.Day > s.asOf) || o.is("another elder's entry", e.ElderID != w.d.ID) ||
				!o.is("met", e.Outcome == ledger.OutcomeOK || e.Outcome == ledger.OutcomeProblem) ||
				!o.is("method counts", slices.Contains(methods, e.Method)) {
				continue
			}
			looked := kind == ledger.KindVisit && e.Kind == ledger.KindHelp && o.is("help that looked", e.Looked)
			if o.is("kind counts", e.Kind == kind || looked) {
				n++
				door = door || e.Method == ledger.MethodDoor
			}
		}
		if n > 0 {
			o.is("a second entry on the day", n > 1)
			days = append(days, d)
		}
		if door {
			doors = append(doors, d)
		}
	}
	for _, e := range w.entries {
		o.is("entry before the first day", e.Day < s.first())
	}
	return days, doors
}

// stand gives the duty its state; nothing where the elder had left by the first day.
func (o *walker) stand(w *situation, duty ledger.Duty, s stretch) []ledger.Duty {
	left, paused, back := false, false, false
	for _, x := range w.d.Standings {
		if x.To != "" && x.To < x.From {
			continue
		}
		if x.From <= s.asOf && (x.To == "" || x.To >= s.asOf) {
			if x.Kind == ledger.StandingPaused {
				paused = true
			} else if left = true; o.is("left by the first day", x.From <= s.first()) {
				return nil
			}
		}
		if x.To != "" && x.To >= s.first() && x.To < s.asOf && s.late(o.days[o.at[x.To]+1]) {
			back = true
		}
	}
	switch {
	case o.is("done", duty.Done >= duty.Need):
		duty.State = ledger.DutyDone
	case o.is("left", left):
		duty.State = ledger.DutyCancelled
	case o.is("paused", paused), o.is("back, too late", back):
		duty.State = ledger.DutyPaused
	case o.is("over", w.today > s.last()):
		duty.State = ledger.DutyFailed
	default:
		duty.State = ledger.DutyReady
	}
	o.ended[fmt.Sprintf("%s %s", s.per, duty.State)]++
	if s.per != "round" && s.per != "follow" {
		o.ended[fmt.Sprintf("%s %s", duty.Kind, duty.State)]++
	}
	return []ledger.Duty{duty}
}

// round is what an extra round asks, nothing or one.
func (o *walker) round(w *situation, r ledger.Round) []ledger.Duty {
	s := stretch{per: "round", days: o.days[o.at[r.From] : o.at[r.To]+1], asOf: min(w.today, r.To)}
	if !o.is("round after joining", w.d.Since <= s.asOf) {
		return nil
	}
	if o.is("round for key elders", r.Tier == ledger.TierKey) {
		if tier, _ := tierHeld(&w.d, s.asOf); !o.is("key at the round", tier == ledger.TierKey) {
			return nil
		}
	}
	methods := []ledger.Method{ledger.MethodDoor, ledger.MethodPhone, ledger.MethodVideo}
	if o.is("round at the door", r.Door == "door") {
		methods = methods[:1]
	}
	out := ledger.Duty{Name: r.Name, Kind: ledger.KindVisit, ElderID: w.d.ID, From: r.From, Due: r.To, Need: 1}
	if days, _ := o.count(w, ledger.KindVisit, methods, s); len(days) > 0 {
		o.is("round done more than once", len(days) > 1)
		out.Done, out.Last = 1, days[len(days)-1]
	}
	return o.stand(w, out, s)
}

// follow is the visit that is owed after an emergency, nothing or one: at the door, and a call is none.
func (o *walker) follow(w *situation, x ledger.Follow) []ledger.Duty {
	s := stretch{per: "follow", days: o.days[o.at[x.From] : o.at[x.To]+1], asOf: min(w.today, x.To)}
	if !o.is("follow after joining", w.d.Since <= s.asOf) {
		return nil
	}
	out := ledger.Duty{Name: "紧急后回访", Kind: ledger.KindVisit, ElderID: w.d.ID, From: x.From, Due: x.To, Need: 1, Door: 1}
	if days, _ := o.count(w, ledger.KindVisit, []ledger.Method{ledger.MethodDoor}, s); len(days) > 0 {
		o.is("follow done more than once", len(days) > 1)
		out.Done, out.Door, out.Last = 1, 0, days[len(days)-1]
	}
	return o.stand(w, out, s)
}

// edges are days around which the calendar is odd: leap years and others, weeks 53 and 1, ends of everything.
var edges = []ledger.Day{"2023-12-31", "2024-02-29", "2024-03-31", "2024-06-30", "2024-12-31", "2025-02-28", "2026-02-28",
	"2026-12-31", "2022-01-01", "2023-01-01", "2028-02-29", "2028-09-30", "2029-02-28", "2100-02-28"}

func pick[T any](t *rapid.T, of ...T) T { return of[upTo(t, len(of)-1)] }

// upTo is a number from 0 to n, each about as often: rapid's own ranges prefer the low ones, and what is rare was never drawn.
func upTo(t *rapid.T, n int) int {
	x := 0
	for range bits.Len(uint(n)) + 3 {
		x *= 2
		if rapid.Bool().Draw(t, "") {
			x++
		}
	}
	return x % (n + 1)
}

func between(t *rapid.T, least, most int) int { return least + upTo(t, most-least) }

// some are a few of what of makes.
func some[T any](t *rapid.T, least, most int, of func() T) []T {
	var out []T
	for range least + upTo(t, most-least) {
		out = append(out, of())
	}
	return out
}

// situation draws a case.
func (o *walker) situation(t *rapid.T) *situation {
	if o.at == nil {
		o.index()
	}
	w := &situation{today: pick(t, edges...).Add(pick(t, between(t, -16, 16), between(t, -3, 4)))}
	birthday := upTo(t, 5) == 5 // now and then an age alone decides, in the weeks where it is odd
	if birthday {
		w.today = pick[ledger.Day](t, "2022-01-01", "2023-01-01", "2025-03-01", "2026-03-01", "2030-03-01").Add(between(t, -1, 1))
	}
	// near is a day that may matter today: close to it, at an edge of a period around it, or anywhere within months.
	near := func() ledger.Day {
		switch upTo(t, 3) {
		case 0:
			return w.today.Add(between(t, -4, 4))
		case 1:
			return w.today.Add(between(t, -230, 60))
		}
		days := o.in[periodOf(pick(t, PerMonth, PerWeek, PerQuarter, PerHalf), w.today.Add(-30*upTo(t, 3)))]
		return pick(t, days[0], days[len(days)-1]).Add(between(t, -11, 3))
	}
	open := func(from ledger.Day) ledger.Day { // a last day, "" not known, now and then a row that was taken back
		switch upTo(t, 6) {
		case 0, 1, 2:
			return ""
		case 3:
			return from.Add(-1)
		}
		return max(from, near())
	}
	w.period = periodOf(pick(t, PerMonth, PerQuarter, PerHalf, perYear, PerWeek), near())

	age := pick(t, 60, 64, 69, 70, 80)
	w.d.Elder = ledger.Elder{ID: "A01", Since: pick(t, "", "2016-01-01", "2016-01-01", near()), Living: pick(t, "", "独居", "空巢"),
		SelfCare: pick(t, "", "失能", "半失能"), LostChild: rapid.Bool().Draw(t, ""),
		Health: pick(t, "", "高血压", "高血压、冠心病"), Hardship: pick(t, "", "低保", "低保,没钱买煤")}
	if day := pick(t, near(), w.today.Add(-upTo(t, 6))); upTo(t, 5) > 0 {
		year := day.Time().Year() - age
		if birthday {
			day = w.today.Add(-upTo(t, 3))
		}
		if upTo(t, 2) == 2 || day[4:] == "-02-29" {
			year = year / 4 * 4 // a leap year: nobody here is born about 1900 or 2100
			age, day = day.Time().Year()-year, "0000-02-29"
		}
		w.d.Birth = ledger.Day(fmt.Sprintf("%d%s", year, day[4:]))
	}
	w.d.Regions = []string{"R111", "R11", "R1"}
	w.d.Region = w.d.Regions[0]
	w.d.Tiers = some(t, 0, 3, func() ledger.Tiering {
		x := ledger.Tiering{ElderID: "A01", Tier: pick(t, ledger.TierKey, ledger.TierKey, ledger.TierOrdinary),
			From: pick(t, "", near(), near())}
		if x.To = pick(t, "", near()); x.From != "" && x.To != "" {
			x.To = open(x.From)
		}
		return x
	})
	w.d.Standings = o.standings(t, near)
	w.d.Pairs = some(t, 0, 2, func() ledger.Pair {
		p := ledger.Pair{ElderID: "A01", UserID: pick(t, "u1", "u2"), From: pick(t, near(), near(), w.today.Add(-250), "")}
		if p.To = pick(t, "", near()); p.From != "" {
			p.To = open(p.From)
		}
		return p
	})
	w.d.Kin = some(t, 0, 1, func() ledger.Kin { return ledger.Kin{ElderID: "A01", Name: "k1"} })
	for i := range upTo(t, 2) {
		r := ledger.Round{Region: pick(t, w.d.Regions...), Name: fmt.Sprintf("round%d", i+1), From: near(),
			Tier: pick(t, "", ledger.TierKey), Door: pick(t, "", "door")}
		r.To = r.From.Add(pick(t, upTo(t, 20), upTo(t, 20), upTo(t, 420), -1)) // a first census may take a year; -1: taken back
		w.d.Rounds = append(w.d.Rounds, r)
	}

	for range upTo(t, 2) {
		x := ledger.Follow{ElderID: "A01", From: near(), No: "急260311-1"}
		x.To = x.From.Add(pick(t, 2, 2, upTo(t, 6), upTo(t, 29), -1))
		w.d.Follows = append(w.d.Follows, x)
	}

	w.packs = o.packs(t, near, age)
	if birthday {
		w.d.Since, w.packs[0].Since = "", ""
		w.packs[0].Covers = []Cover{{Name: "甲", When: When{AgeMin: age}}}
		w.packs[0].Duties[0] = Rule{Name: "rule", Kind: ledger.KindVisit, Tier: TierAll, Per: pick(t, PerWeek, PerMonth), Times: 1,
			Counts: []ledger.Method{ledger.MethodDoor}}
	}

	for range pick(t, 0, 2, 4, 8, 12) {
		e := ledger.Entry{ElderID: pick(t, "A01", "A01", "A01", "A01", "A02"), Day: pick(t, near(), w.today.Add(-upTo(t, 25))),
			Kind:   pick(t, ledger.KindVisit, ledger.KindHelp, ledger.KindTalk),
			Method: pick(t, ledger.MethodDoor, ledger.MethodPhone, ledger.MethodVideo),
			Outcome: pick(t, ledger.OutcomeOK, ledger.OutcomeOK, ledger.OutcomeOK, ledger.OutcomeProblem, ledger.OutcomeAbsent,
				ledger.OutcomeRefused, ledger.OutcomeWrong, ledger.OutcomeUndone),
			Looked: rapid.Bool().Draw(t, "")}
		for range upTo(t, 2) + 1 { // again on some days after, or the same
			w.entries = append(w.entries, e)
			e.Day = e.Day.Add(upTo(t, 2))
			e.Method = pick(t, e.Method, ledger.MethodDoor, ledger.MethodPhone)
		}
	}
	if upTo(t, 60) == 60 {
		w.today = pick(t, "", ledger.Day(strings.TrimLeft(string(w.today), "2")), w.today+"0")
	}
	return w
}

func (o *walker) index() {
	o.at, o.in = map[ledger.Day]int{}, map[ledger.Period][]ledger.Day{}
	for i, d := range o.days {
		o.at[d] = i
		for _, per := range []Per{PerWeek, PerMonth, PerQuarter, PerHalf, perYear} {
			name := periodOf(per, d)
			o.in[name] = append(o.in[name], d)
		}
	}
}

// standings are an elder's, one after another; rows that were taken back lie anywhere.
func (o *walker) standings(t *rapid.T, near func() ledger.Day) []ledger.Standing {
	kind := func() ledger.StandingKind {
		return pick(t, ledger.StandingPaused, ledger.StandingPaused, ledger.StandingPaused, ledger.StandingDied, ledger.StandingMoved,
			ledger.StandingLeft)
	}
	var out []ledger.Standing
	days := some(t, 0, 4, near)
	slices.Sort(days)
	days = slices.Compact(days)
	for i, from := range days {
		switch {
		case upTo(t, 3) == 3:
			out = append(out, ledger.Standing{ElderID: "A01", Kind: kind(), From: from, To: from.Add(-1)})
		case i == len(days)-1:
			out = append(out, ledger.Standing{ElderID: "A01", Kind: kind(), From: from, To: pick(t, "", "", from, from.Add(10))})
		default:
			to := days[i+1].Add(-1)
			out = append(out, ledger.Standing{ElderID: "A01", Kind: kind(), From: from, To: max(from, to.Add(-upTo(t, 4)))})
		}
	}
	if upTo(t, 1) == 1 {
		slices.Reverse(out)
	}
	return out
}

func (o *walker) packs(t *rapid.T, near func() ledger.Day, age int) Packs {
	covers := func(most int) []Cover {
		return some(t, 0, most, func() Cover {
			c := Cover{Name: pick(t, "甲", "乙", "丙"), Confirm: pick(t, false, false, true)}
			for range upTo(t, 2) {
				switch upTo(t, 8) {
				case 0, 1, 2:
					c.When.AgeMin = pick(t, age, age, age, age+1)
				case 3:
					c.When.Living = pick(t, []string{"独居"}, []string{"空巢", "留守"}, []string{"空", "独居"})
				case 4:
					c.When.SelfCare = pick(t, []string{"失能"}, []string{"半失能", "失能"})
				case 5:
					c.When.LostChild = true
				case 6:
					c.When.Health = pick(t, []string{"冠心病"}, []string{"痴呆", "高血压"})
				case 7:
					c.When.Hardship = pick(t, []string{"没钱"}, []string{"特困", "低保"})
				case 8:
					c.When.NoKin = true
				}
			}
			return c
		})
	}
	number := 0
	rules := func(least, most int) []Rule {
		return some(t, least, most, func() Rule {
			number++
			r := Rule{Name: fmt.Sprintf("rule%d", number), Source: fmt.Sprintf("clause %d", number),
				Kind: pick(t, ledger.KindVisit, ledger.KindVisit, ledger.KindHelp, ledger.KindTalk),
				Tier: pick(t, TierAll, TierAll, ledger.TierKey, ledger.TierOrdinary),
				Per:  pick(t, PerMonth, PerWeek, PerQuarter, PerHalf, PerChange, PerChange), Times: pick(t, 1, 1, 2, 3),
				Counts: pick(t, []ledger.Method{ledger.MethodDoor, ledger.MethodPhone}, []ledger.Method{ledger.MethodDoor},
					[]ledger.Method{ledger.MethodVideo, ledger.MethodPhone, ledger.MethodDoor}, []ledger.Method{ledger.MethodPhone})}
			r.Within = Duration(24 * time.Hour * time.Duration(1+upTo(t, 29)))
			r.DoorMin = upTo(t, r.Times)
			if upTo(t, 3) == 3 {
				r.Groups = pick(t, []string{"甲"}, []string{"乙", "丙"})
			}
			if upTo(t, 3) == 3 {
				r.Except = pick(t, []string{"甲"}, []string{"丙", "乙"})
			}
			return r
		})
	}
	var out Packs
	for i, name := range []string{"p", "q"} {
		since := some(t, 1-i, 3, func() ledger.Day { return pick(t, "", near(), near()) })
		slices.Sort(since)
		for _, s := range slices.Compact(since) {
			p := Pack{Name: name, Since: s, Covers: covers(2), Key: covers(1), Duties: rules(1, 3)}
			p.Local = some(t, 0, 1, func() Local {
				return Local{Region: pick(t, "R11", "R1", "R111", "R12"), Covers: covers(1), Duties: rules(0, 1)}
			})
			out = append(out, p)
		}
	}
	return out
}

// lines are duties to compare and to read.
func lines(duties []ledger.Duty) []string {
	var out []string
	for _, d := range duties {
		out = append(out, told(d))
	}
	return out
}

// GoString is how a failed case is told: what is not empty, a row a line.
func (w *situation) GoString() string {
	var b strings.Builder
	fmt.Fprintf(&b, "today %q, period %q\n  %s regions %v\n", w.today, w.period, told(w.d.Elder), w.d.Regions)
	for _, rows := range []any{w.d.Tiers, w.d.Standings, w.d.Pairs, w.d.Kin, w.d.Rounds, w.d.Follows, w.entries} {
		for i := range reflect.ValueOf(rows).Len() {
			fmt.Fprintln(&b, " ", told(reflect.ValueOf(rows).Index(i).Interface()))
		}
	}
	for _, p := range w.packs {
		fmt.Fprintln(&b, " ", told(p))
	}
	return b.String()
}

// told is a value without what is empty in it.
func told(v any) string {
	x := reflect.ValueOf(v)
	switch x.Kind() {
	case reflect.Struct:
		var fields []string
		for i := range x.NumField() {
			if f := x.Field(i); x.Type().Field(i).IsExported() && !f.IsZero() {
				fields = append(fields, x.Type().Field(i).Name+":"+told(f.Interface()))
			}
		}
		return x.Type().Name() + "{" + strings.Join(fields, " ") + "}"
	case reflect.Slice:
		var items []string
		for i := range x.Len() {
			items = append(items, told(x.Index(i).Interface()))
		}
		return "[" + strings.Join(items, " ") + "]"
	}
	return fmt.Sprint(v)
}
