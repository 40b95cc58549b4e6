package scheduler

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"xunfang/ledger"
)

// TestLadderIsTheObviousOne plays random emergencies in random counties under random packs, people acting and the clock jumping as
// it likes, and compares what the ladder does at each look with a slow count that was written from the rules alone: it knows no
// index, no due time, no rung, only rows and a log. Each thing that the rules speak of must have come to pass.
func TestLadderIsTheObviousOne(t *testing.T) {
	cases := checks(t, 800)
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		p := newPlay(t)
		p.rules.seen = seen
		p.raise()
		for range between(t, 5, 25) {
			p.pass()
			p.happens()
			p.look()
		}
		p.reachesTheCounty()
	})
	if t.Failed() {
		return
	}
	for _, what := range []string{"told", "called", "shown", "nobody", "again", "quiet", "known", "graver", "ended", "clock set back",
		"rested long", "left out for family", "left out as the reporter", "stood in for", "away without anybody", "county at once", "given up by WeCom",
		"deputy of late", "county of anywhere", "told again in another wave", "taken", "false"} {
		t.Logf("%8d  %s", seen[what], what)
		if seen[what] == 0 {
			t.Errorf("never in %d cases: %s", cases, what)
		}
	}
}

// TestLookingMoreOftenChangesNothing: a ladder looked at every second does the same at the same times as one that is looked at only
// when it said.
func TestLookingMoreOftenChangesNothing(t *testing.T) {
	checks(t, 150)
	rapid.Check(t, func(t *rapid.T) {
		p := newPlay(t)
		p.raise()
		if rapid.Bool().Draw(t, "taken") {
			p.take("u1")
		}
		r, end := ledger.NewRoster(p.book), p.now.Add(time.Duration(between(t, 60, 900))*time.Second)
		play := func(next func(now, due time.Time) time.Time) []ledger.Event {
			f := p.file
			for now := next(p.now, f.Due); !now.After(end); now = next(now, f.Due) {
				if step, _, changed := Climb(f, r, p.packs, now, shanghai); changed {
					f = f.With(step)
				}
			}
			return f.Timeline
		}
		often := play(func(now, _ time.Time) time.Time { return now.Add(time.Second) })
		seldom := play(func(now, due time.Time) time.Time {
			midnight := ledger.DayOf(now, shanghai).Add(1).In(shanghai)
			switch {
			case due.IsZero():
				return end.Add(1)
			case due.Before(midnight) || !now.Before(midnight):
				return due
			}
			return midnight // leaves and posts begin and end
		})
		if diff := cmp.Diff(seldom, often); diff != "" {
			t.Fatalf("(-only when due +every second)\n%s", diff)
		}
	})
}

// play is one random emergency, and the rules beside it.
type play struct {
	*rapid.T
	book  ledger.Book
	packs Packs
	file  ledger.CaseFile
	now   time.Time
	rules obvious
}

var members = []string{"u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7"}

// newPlay draws a county, a pack and an emergency.
func newPlay(t *rapid.T) *play {
	p := &play{T: t, now: at(pick(t, edges...), "12:00").Add(time.Duration(between(t, -12*3600, 12*3600)) * time.Second)}
	p.book.Regions = []ledger.Region{{Code: "1", Level: ledger.LevelCounty}, {Code: "11", Parent: "1", Level: ledger.LevelTownship},
		{Code: "12", Parent: "1", Level: ledger.LevelTownship}, {Code: "111", Parent: "11", Level: ledger.LevelVillage},
		{Code: "112", Parent: "11", Level: ledger.LevelVillage}, {Code: "1111", Parent: "111", Level: ledger.LevelGroup}}
	p.book.Elders = []ledger.Elder{{ID: "A1", Region: "1111"}, {ID: "A2", Region: "112"}}
	for i, u := range members {
		p.book.People = append(p.book.People, ledger.Person{UserID: u, Name: fmt.Sprint("n", i), Phone: pick(t, "", fmt.Sprint("p", i))})
	}
	for range pick(t, upTo(t, 4), 8, 16) {
		p.post()
	}
	for _, u := range members {
		if upTo(t, 2) == 2 {
			p.leave(u, p.today().Add(between(t, -2, 1)), 4)
		}
		if upTo(t, 3) == 3 {
			p.leave(u, p.today().Add(between(t, -230, -150)), 40)
		}
	}
	p.book.Kin = some(t, 0, 2, func() ledger.Kin {
		i := upTo(t, len(members)-1)
		return ledger.Kin{ElderID: pick(t, "A1", "A1", "A2"), Name: pick(t, "", "x", fmt.Sprint("n", i)), Phone: pick(t, "", fmt.Sprint("p", i))}
	})
	a := Alarm{
		AtOnce: pick(t, []Target{TargetVillage, TargetTownship, TargetDept}, []Target{TargetVillage}, []Target{TargetCounty, TargetDept},
			[]Target{TargetTownship, TargetDeputy}),
		Grave: pick(t, nil, []string{"abuse"}, []string{"missing", "fire"}), Repeat: upTo(t, 3), Quiet: p.seconds(60, 900),
	}
	targets := []Target{TargetVillage, TargetTownship, TargetCounty, TargetDeputy}
	for after, n := Duration(0), between(t, 1, 4); n > 0; n-- {
		after += p.seconds(1, 300)
		s := Step{After: after, Tell: some(t, 0, 2, func() Target { return pick(t, append(targets, TargetDept)...) }),
			Call: some(t, 0, 2, func() Target { return pick(t, targets...) })}
		if n == 1 {
			s.Tell = append(s.Tell, TargetCounty)
		}
		a.Steps = append(a.Steps, s)
	}
	pack := Pack{Name: "p", Alarm: a, Depts: []Dept{{Name: "公安", Alarms: []string{"abuse", "missing"}},
		{Name: "消防", Alarms: []string{"fire", "abuse"}}}}
	p.packs = Packs{pack}
	p.file.Case = ledger.Case{Key: "c1", Kind: ledger.CaseAlarm, What: p.kind(), ElderID: pick(t, "", "A1", "A1", "A2"), Region: p.region(),
		By: pick(t, append(slices.Clone(members), "stranger")...), Unverified: upTo(t, 4) == 4, Drill: upTo(t, 5) == 5, State: ledger.CaseOpen}
	p.rules = obvious{alarm: a, depts: pack.Depts, seen: map[string]int{}, told: map[string]bool{}}
	return p
}

func (p *play) today() ledger.Day { return ledger.DayOf(p.now, shanghai) }

func (p *play) kind() string {
	return pick(p.T, "", "fall", "abuse", "abuse", "missing", "fire", "fraud")
}
func (p *play) region() string { return pick(p.T, "", "1111", "1111", "111", "112", "11", "12", "999") }

func (p *play) seconds(least, most int) Duration {
	return Duration(between(p.T, least, most)) * Duration(time.Second)
}

func (p *play) post() {
	x := ledger.Post{UserID: pick(p.T, append(slices.Clone(members), "ghost")...), From: pick(p.T, "", "", "", p.today(), p.today().Add(1)),
		To: pick(p.T, "", "", "", "", p.today(), p.today().Add(-1))}
	switch x.Role = pick(p.T, ledger.RoleVillage, ledger.RoleTownship, ledger.RoleCounty, ledger.RoleKeeper, ledger.RoleDept, ledger.RoleVisitor); x.Role {
	case ledger.RoleVillage, ledger.RoleVisitor:
		x.Region = pick(p.T, "111", "111", "112", "11")
	case ledger.RoleCounty:
		x.Region = pick(p.T, "1", "1", "2")
	case ledger.RoleDept:
		x.Region, x.Dept = pick(p.T, "1", "1", "11", "12"), pick(p.T, "公安", "消防", "卫健")
	default:
		x.Region = pick(p.T, "11", "11", "12", "1", "111")
	}
	p.book.Posts = append(slices.Clone(p.book.Posts), x)
}

func (p *play) leave(user string, from ledger.Day, most int) {
	x := ledger.Leave{UserID: user, From: from, To: from.Add(between(p.T, -1, most)),
		Deputy: pick(p.T, append(slices.Clone(members), "", "ghost")...)}
	p.book.Leaves = append(slices.Clone(p.book.Leaves), x)
}

// raise is the first word.
func (p *play) raise() {
	p.act(ledger.Event{Kind: ledger.EventRaised, By: p.file.By}, func(x *ledger.Case) { x.At, x.Since, x.Due = p.now, p.now, p.now })
	p.look()
}

// act is what somebody's word does to the case, as flows does it.
func (p *play) act(e ledger.Event, change func(*ledger.Case)) {
	step := p.file.Step()
	change(&step.Case)
	e.At, e.Wave = p.now, step.Case.Wave
	step.Add(e)
	p.file = p.file.With(step)
}

func (p *play) take(user string) {
	p.act(ledger.Event{Kind: ledger.EventTaken, By: user}, func(x *ledger.Case) {
		x.State, x.Owner, x.Due = ledger.CaseTaken, user, p.now.Add(time.Duration(p.packs[0].Alarm.Quiet))
	})
	p.rules.taken, p.rules.owner, p.rules.word = true, user, p.now
	p.rules.seen["taken"]++
}

// pass lets time pass, or go backwards.
func (p *play) pass() {
	switch upTo(p.T, 9) {
	case 0: // at once
	case 1, 2, 3, 4:
		if p.file.Due.After(p.now) {
			p.now = p.file.Due.Add(time.Duration(between(p.T, -1, 0)) * time.Second)
		}
	case 5:
		p.now = p.now.Add(-time.Duration(pick(p.T, 30, 60, 61, 3600, 40000)) * time.Second)
	case 6:
		p.now = p.now.Add(time.Duration(between(p.T, 1, 40)) * time.Hour)
	default:
		p.now = p.now.Add(time.Duration(p.seconds(1, 400)))
	}
}

// happens is what somebody does, or what becomes of a message, or of who is there.
func (p *play) happens() {
	if p.file.State.Over() {
		return
	}
	switch upTo(p.T, 13) {
	case 0, 1:
		p.take(pick(p.T, members...))
	case 2, 3:
		p.act(ledger.Event{Kind: ledger.EventNews, By: "u1"}, func(x *ledger.Case) {
			if x.State == ledger.CaseTaken {
				x.Due = p.now.Add(time.Duration(p.packs[0].Alarm.Quiet))
			}
		})
		p.rules.word = p.now
	case 4, 5:
		p.act(ledger.Event{Kind: ledger.EventKnown, By: p.file.By}, func(x *ledger.Case) { x.What, x.Region = p.kind(), p.region() })
	case 6:
		p.act(ledger.Event{Kind: ledger.EventGraver, By: p.file.By}, func(x *ledger.Case) {
			x.What, x.State, x.Owner, x.Wave, x.Rung, x.Due = p.kind(), ledger.CaseOpen, "", x.Wave+1, 0, p.now
		})
		p.rules.anew("graver")
	case 7, 8, 9:
		p.file.Timeline = slices.Clone(p.file.Timeline)
		for i := range p.file.Timeline {
			if e := &p.file.Timeline[i]; e.Message != "" && upTo(p.T, 2) > 0 {
				e.Lost = true
				p.rules.lose(e.Kind, e.To, e.Wave, e.Rung)
			}
		}
	case 10:
		p.post()
	case 11:
		if n := len(p.book.Posts); n > 0 {
			i := upTo(p.T, n-1)
			p.book.Posts = slices.Delete(slices.Clone(p.book.Posts), i, i+1)
		}
	case 12:
		p.leave(pick(p.T, members...), p.today().Add(5), 3) // of the days to come
	case 13:
		if upTo(p.T, 5) == 5 {
			p.act(ledger.Event{Kind: ledger.EventFalse, By: "u1"}, func(x *ledger.Case) { x.State, x.Due = ledger.CaseFalse, time.Time{} })
			p.rules.over = true
			p.rules.seen["false"]++
		}
	}
}

// look asks the ladder and the rules, and whatever holds of every look.
func (p *play) look() {
	r := ledger.NewRoster(p.book)
	p.rules.look(p.now, p.book, p.file.Case)
	step, rings, changed := Climb(p.file, r, p.packs, p.now, shanghai)
	got := make([]string, 0, len(step.Events))
	for _, e := range step.Events {
		why := ledger.EventKind("")
		if i := slices.IndexFunc(rings, func(x ledger.Ring) bool { return x.Event == e }); i >= 0 {
			why = rings[i].Why
		}
		got = append(got, line(e.Kind, why, e.To, e.Level, e.Dept, e.Wave, e.Rung))
		if !e.At.Equal(p.now) || e.By != "" {
			p.Fatalf("%+v at %s", e, p.now)
		}
	}
	want := p.rules.said
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
		p.Fatalf("at %s (-obvious +ladder)\n%s%s", p.now.In(shanghai), diff, p.told())
	}
	if !changed && (len(step.Events) > 0 || step.Case != p.file.Case) || changed && step.Case.Rev != p.file.Rev+1 {
		p.Fatalf("changed %v, and %+v becomes %+v", changed, p.file.Case, step.Case)
	}
	p.file = p.file.With(step)
	x := p.file.Case
	if x.State.Over() != p.rules.over || (x.State == ledger.CaseTaken) != (p.rules.taken && !p.rules.over) ||
		!x.State.Over() && x.Owner != p.rules.owner {
		p.Fatalf("the case is %s with %q, by the rules over %v, with %q\n%s", x.State, x.Owner, p.rules.over, p.rules.owner, p.told())
	}
	if x.State.Over() != x.Due.IsZero() || !x.State.Over() && !x.Due.After(p.now) {
		p.Fatalf("%s, and looked at again at %s, at %s\n%s", x.State, x.Due, p.now, p.told())
	}
	keys := map[string]bool{}
	for _, e := range p.file.Timeline {
		if keys[e.Message] {
			p.Fatalf("%s is said twice", e.Message)
		}
		keys[e.Message] = e.Message != ""
	}
	if again, _, changed := Climb(p.file, r, p.packs, p.now, shanghai); changed {
		p.Fatalf("a second look at the same moment: %+v\n%s", again, p.told())
	}
}

// reachesTheCounty: left alone, one who may act for the county, if anybody is there, is told in each round in the end.
func (p *play) reachesTheCounty() {
	if p.file.State.Over() {
		return
	}
	for range 2*len(p.packs[0].Alarm.Steps) + 6 {
		if p.file.State.Over() {
			break
		}
		p.now = p.file.Due
		p.look()
	}
	last := p.file.Wave
	if p.file.Rung <= len(p.packs[0].Alarm.Steps) {
		last-- // this round is not over
	}
	for _, user := range p.rules.may(p.rules.present(p.rules.county(p.book, p.file.Region), p.book)) {
		if !slices.ContainsFunc(p.file.Timeline, func(e ledger.Event) bool {
			return e.Kind == ledger.EventTold && e.To == user && e.Wave == last
		}) && (!p.file.Drill || p.file.State != ledger.CaseEnded || p.file.Outcome == "没有人应") {
			p.Fatalf("%s is of the county and was not told in round %d\n%s", user, last, p.told())
		}
	}
}

// told is the story so far.
func (p *play) told() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", told(p.file.Case))
	for _, rows := range [][]string{lined(p.book.Posts), lined(p.book.Leaves), lined(p.book.Kin), lined(p.packs[0].Alarm.Steps),
		lined(p.file.Timeline)} {
		b.WriteString(strings.Join(rows, "\n") + "\n")
	}
	return b.String()
}

func lined[T any](rows []T) (out []string) {
	for _, x := range rows {
		out = append(out, "  "+told(x))
	}
	return out
}

func line(kind, why ledger.EventKind, to string, level ledger.Role, dept string, wave, step int) string {
	if why != "" {
		return fmt.Sprintf("%s %s as %s%s: round %d step %d, for %s", kind, to, level, dept, wave, step, why)
	}
	return fmt.Sprintf("%s %s: round %d", kind, to, wave)
}

// obvious is the ladder as the rules tell it: 002 六(二), the contract, and what a pack's words mean.
type obvious struct {
	alarm Alarm
	depts []Dept
	seen  map[string]int

	now  time.Time
	book ledger.Book
	x    ledger.Case // what people said of it
	said []string    // at this look

	taken, over bool
	owner       string
	word        time.Time // when who acts spoke last
	round       int
	why         ledger.EventKind
	done        []time.Time // when this round's steps were taken
	all         []heard
	told        map[string]bool
}

// heard is a message or a call to somebody.
type heard struct {
	kind        ledger.EventKind
	to, dept    string
	round, step int
	lost        bool
}

func (o *obvious) anew(why ledger.EventKind) {
	o.taken, o.owner, o.done, o.why, o.round = false, "", nil, why, o.round+1
	o.seen[string(why)]++
}

func (o *obvious) lose(kind ledger.EventKind, to string, round, step int) {
	for i, h := range o.all {
		if h.kind == kind && h.to == to && h.round == round && h.step == step {
			o.all[i].lost = true
			o.seen["given up by WeCom"]++
		}
	}
}

// note says that something came to pass which is no message.
func (o *obvious) note(kind ledger.EventKind, to string) {
	o.said = append(o.said, line(kind, "", to, "", "", o.round, 0))
	o.seen[string(kind)]++
}

// tell is a message or a call.
func (o *obvious) tell(kind, why ledger.EventKind, h hearer, step int) {
	o.said = append(o.said, line(kind, why, h.UserID, h.role, h.dept, o.round, step))
	o.all = append(o.all, heard{kind, h.UserID, h.dept, o.round, step, false})
	o.seen[string(kind)]++
	if why == ledger.EventKnown {
		o.seen["known"]++
	}
	if kind == ledger.EventTold {
		if o.told[h.UserID] {
			o.seen["told again in another wave"]++
		}
		o.told[h.UserID] = true
	}
}

// look is what the rules ask for at a moment.
func (o *obvious) look(now time.Time, book ledger.Book, x ledger.Case) {
	o.now, o.book, o.x, o.said = now, book, x, nil
	quiet := time.Duration(o.alarm.Quiet)
	if o.over {
		return
	}
	if n := len(o.done); n > 0 && o.done[n-1].Sub(now) > time.Minute && !o.taken { // what came to pass in the future did so now
		o.done[n-1] = now
		o.seen["clock set back"]++
	}
	if o.taken && o.word.Sub(now) > time.Minute {
		o.word = now
	}
	if o.taken {
		if now.Sub(o.word) < quiet {
			return
		}
		if x.Drill {
			o.note(ledger.EventEnded, "")
			o.over = true
			return
		}
		owner := o.owner
		o.anew(ledger.EventQuiet)
		o.note(ledger.EventQuiet, owner)
	}
	for o.goesOn() {
	}
}

// goesOn does what is due of this round, and says whether another begins.
func (o *obvious) goesOn() bool {
	for k := range o.done {
		o.step(k, ledger.EventKnown)
	}
	for len(o.done) <= len(o.alarm.Steps) {
		k := len(o.done)
		if k > 0 {
			sinceThen := o.now.Sub(o.done[k-1])
			gap := time.Duration(o.alarm.Steps[k-1].After)
			if k > 1 {
				gap -= time.Duration(o.alarm.Steps[k-2].After)
			}
			if sinceThen < gap && o.somebodyHasIt(k-1) {
				return false
			}
		}
		why := ledger.EventRaised
		if o.round > 0 {
			why = o.why
		}
		o.done = append(o.done, o.now)
		o.step(k, why)
		if k > 0 && !o.x.Drill {
			for _, h := range o.who(o.alarm.Steps[k-1].Call) {
				o.tell(ledger.EventCalled, why, h, k)
			}
		}
		if len(o.whom(k)) == 0 {
			o.note(ledger.EventNobody, "")
		}
	}
	rest := time.Duration(o.alarm.Quiet)
	if o.round < o.alarm.Repeat {
		n := len(o.alarm.Steps)
		rest = time.Duration(o.alarm.Steps[n-1].After)
		if n > 1 {
			rest -= time.Duration(o.alarm.Steps[n-2].After)
		}
	} else {
		o.seen["rested long"]++
	}
	if rest < time.Minute {
		rest = time.Minute
	}
	switch {
	case o.now.Sub(o.done[len(o.done)-1]) < rest:
		return false
	case o.x.Drill:
		o.note(ledger.EventEnded, "")
		o.over = true
		return false
	}
	o.anew(ledger.EventAgain)
	o.note(ledger.EventAgain, "")
	return true
}

// step tells whom a step means and who has no message of this round, and the departments, once.
func (o *obvious) step(k int, why ledger.EventKind) {
	for _, h := range o.whom(k) {
		has := func(x heard) bool { return x.kind == ledger.EventTold && x.to == h.UserID && x.round == o.round }
		if !slices.ContainsFunc(o.all, has) {
			o.tell(ledger.EventTold, why, h, k)
		}
	}
	tell := o.alarm.AtOnce
	if k > 0 {
		tell = o.alarm.Steps[k-1].Tell
	}
	if o.x.Drill || !slices.Contains(tell, TargetDept) {
		return
	}
	for _, d := range o.depts {
		if !slices.Contains(d.Alarms, o.x.What) {
			continue
		}
		var contacts []string
		for _, region := range o.upwards(o.x.Region) {
			if contacts = o.posted(o.book, ledger.RoleDept, d.Name, region); len(contacts) > 0 {
				break
			}
		}
		if len(o.upwards(o.x.Region)) == 0 {
			contacts = o.posted(o.book, ledger.RoleDept, d.Name, "")
		}
		for _, user := range o.may(o.present(contacts, o.book)) {
			if !slices.ContainsFunc(o.all, func(x heard) bool { return x.to == user && x.kind != ledger.EventCalled }) {
				o.tell(ledger.EventShown, ledger.EventRaised, hearer{ledger.Person{UserID: user}, ledger.RoleDept, d.Name}, k)
			}
		}
	}
}

// whom is whom a step means: who is rung up has the message, too.
func (o *obvious) whom(k int) []hearer {
	if k > 0 {
		return o.who(slices.Concat(o.alarm.Steps[k-1].Tell, o.alarm.Steps[k-1].Call))
	}
	targets := slices.Clone(o.alarm.AtOnce)
	if slices.Contains(o.alarm.Grave, o.x.What) || o.x.Unverified || o.x.Region == "" {
		o.seen["county at once"]++
		targets = append(targets, TargetCounty)
	}
	return o.who(targets)
}

func (o *obvious) who(targets []Target) []hearer {
	var out []hearer
	for _, t := range targets {
		role, users := ledger.RoleKeeper, []string(nil)
		switch t {
		case TargetVillage:
			role, users = ledger.RoleVillage, o.holders(ledger.RoleVillage)
		case TargetTownship:
			role, users = ledger.RoleTownship, o.holders(ledger.RoleTownship)
		case TargetCounty:
			role, users = ledger.RoleCounty, o.county(o.book, o.x.Region)
		case TargetDeputy:
			users = o.deputies()
		}
		for _, user := range o.may(o.present(users, o.book)) {
			if !slices.ContainsFunc(out, func(h hearer) bool { return h.UserID == user }) {
				out = append(out, hearer{ledger.Person{UserID: user}, role, ""})
			}
		}
	}
	return out
}

// somebodyHasIt says whether somebody whom a step means has a message or a call of this round that WeCom has not given up.
func (o *obvious) somebodyHasIt(k int) bool {
	for _, h := range o.whom(k) {
		for _, x := range o.all {
			if x.to == h.UserID && x.round == o.round && x.kind != ledger.EventShown && !x.lost {
				return true
			}
		}
	}
	return false
}

// upwards is a region and what it lies in; a region's code begins with that of what it lies in.
func (o *obvious) upwards(region string) []string {
	var out []string
	for n := len(region); n > 0; n-- {
		if slices.ContainsFunc(o.book.Regions, func(r ledger.Region) bool { return r.Code == region[:n] }) {
			out = append(out, region[:n])
		}
	}
	return out
}

// posted are who holds a role in a region today, "" in any.
func (o *obvious) posted(book ledger.Book, role ledger.Role, dept, region string) []string {
	var out []string
	for _, p := range book.Posts {
		if today := ledger.DayOf(o.now, shanghai); p.Role == role && p.Dept == dept && (region == "" || p.Region == region) && p.UserID != "ghost" &&
			p.From <= today && (p.To == "" || p.To >= today) {
			out = append(out, p.UserID)
		}
	}
	return out
}

func (o *obvious) holders(role ledger.Role) []string {
	for _, region := range o.upwards(o.x.Region) {
		if users := o.posted(o.book, role, "", region); len(users) > 0 {
			return users
		}
	}
	return nil
}

// county is who answers for the county; where nobody does, of any.
func (o *obvious) county(book ledger.Book, region string) []string {
	for _, region := range o.upwards(region) {
		if users := o.posted(book, ledger.RoleCounty, "", region); len(users) > 0 {
			return users
		}
	}
	o.seen["county of anywhere"]++
	return o.posted(book, ledger.RoleCounty, "", "")
}

// deputies are who stood in for the village's or the township's lead within half a year, and the keepers, the leads aside.
func (o *obvious) deputies() []string {
	var out []string
	today := ledger.DayOf(o.now, shanghai)
	leads := append(o.holders(ledger.RoleVillage), o.holders(ledger.RoleTownship)...)
	for _, lead := range leads {
		for _, l := range o.book.Leaves {
			if l.UserID != lead || l.Deputy == "" || l.Deputy == "ghost" || l.To < l.From || l.From > today || l.To < today.Add(-180) {
				continue
			}
			o.seen["deputy of late"]++
			out = append(out, l.Deputy)
		}
	}
	out = append(out, o.holders(ledger.RoleKeeper)...)
	return slices.DeleteFunc(out, func(user string) bool { return slices.Contains(leads, user) })
}

// present are people or who stands in for them.
func (o *obvious) present(users []string, book ledger.Book) []string {
	today := ledger.DayOf(o.now, shanghai)
	leave := func(user string) (ledger.Leave, bool) {
		for _, l := range book.Leaves {
			if l.UserID == user && l.From <= today && today <= l.To {
				return l, true
			}
		}
		return ledger.Leave{}, false
	}
	var out []string
	for _, user := range users {
		if l, away := leave(user); away {
			_, too := leave(l.Deputy)
			if l.Deputy == "" || l.Deputy == "ghost" || too {
				o.seen["away without anybody"]++
				continue
			}
			o.seen["stood in for"]++
			user = l.Deputy
		}
		if !slices.Contains(out, user) {
			out = append(out, user)
		}
	}
	return out
}

// may leaves out who reported it and, where violence or fraud is suspected, whoever is family.
func (o *obvious) may(users []string) []string {
	return slices.DeleteFunc(slices.Clone(users), func(user string) bool {
		if user == o.x.By {
			o.seen["left out as the reporter"]++
			return true
		}
		if o.x.What != "abuse" && o.x.What != "fraud" || o.x.ElderID == "" {
			return false
		}
		me := o.book.People[slices.Index(members, user)]
		for _, k := range o.book.Kin {
			if k.ElderID == o.x.ElderID && (k.Name == me.Name || k.Phone != "" && k.Phone == me.Phone) {
				o.seen["left out for family"]++
				return true
			}
		}
		return false
	})
}
