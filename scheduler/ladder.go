package scheduler

import (
	"fmt"
	"slices"
	"time"

	"xunfang/ledger"
)

// Climb answers what the ladder of an emergency does now: who is told or rung up, and when it looks again. It is a
// reconciliation: whoever should have been told by now and was not is told, whatever the reason — a place that came to be known,
// a graver kind, somebody back from leave. Run twice for one moment it does nothing the second time; false: there is nothing to do.
func Climb(f ledger.CaseFile, r *ledger.Roster, ps Packs, now time.Time, zone *time.Location) (ledger.CaseStep, []ledger.Ring, bool) {
	c := climber{file: f, step: f.Step(), r: r, now: now, today: ledger.DayOf(now, zone)}
	c.pack = ps.Main(c.today)
	if f.Kind != ledger.CaseAlarm {
		return c.step, nil, false
	}
	c.clock()
	x := c.step.Case
	switch due := !now.Before(x.Due); {
	case x.State == ledger.CaseOpen:
		c.climb()
	case x.State == ledger.CaseTaken && due && x.Drill:
		c.over("有人接了")
	case x.State == ledger.CaseTaken && due: // 「收到」不等于「有人管」
		c.anew(ledger.EventQuiet)
	}
	return c.step, c.rings, c.changed
}

// clockSlack is how far two processes' clocks may differ.
const clockSlack = time.Minute

type climber struct {
	file    ledger.CaseFile
	step    ledger.CaseStep
	r       *ledger.Roster
	pack    Pack
	now     time.Time
	today   ledger.Day
	rings   []ledger.Ring
	changed bool
}

// clock: where it was set back, nobody waits longer than they would from now on.
func (c *climber) clock() {
	if most := c.now.Add(c.wait()); c.step.Case.Due.After(most.Add(clockSlack)) {
		c.step.Case.Due = most
		c.moved()
	}
}

// wait is how long the ladder rests where it stands: until the next step, until it begins anew after the last, or for a word of who
// acts.
func (c *climber) wait() time.Duration {
	x, steps := c.step.Case, c.steps()
	rest := c.pack.Alarm.Quiet
	switch n := len(steps); {
	case x.State == ledger.CaseTaken:
	case x.Rung > 0 && x.Rung < n:
		return time.Duration(steps[x.Rung].After - steps[x.Rung-1].After)
	case n > 1 && x.Wave < c.pack.Alarm.Repeat:
		rest = steps[n-1].After - steps[n-2].After
	}
	return max(time.Duration(rest), time.Minute)
}

// moved says that the case is not what it was.
func (c *climber) moved() {
	c.step.Case.Moved, c.step.Case.Rev, c.changed = c.now, c.step.Seen+1, true
}

// add notes an event at this moment.
func (c *climber) add(e ledger.Event) {
	e.At, e.Wave = c.now, c.step.Case.Wave
	c.step.Add(e)
	c.changed = true
}

// over ends a drill.
func (c *climber) over(outcome string) {
	x := &c.step.Case
	x.State, x.Due, x.Outcome = ledger.CaseEnded, time.Time{}, outcome
	c.add(ledger.Event{Kind: ledger.EventEnded, Text: outcome})
}

// anew begins the ladder again.
func (c *climber) anew(why ledger.EventKind) {
	x := &c.step.Case
	owner := x.Owner
	x.State, x.Owner = ledger.CaseOpen, ""
	x.Wave, x.Rung = x.Wave+1, 0
	c.add(ledger.Event{Kind: why, To: owner})
	c.climb()
}

// steps are those of the ladder, the first at once: of the gravest, and of what nobody here answers for, the county hears then.
func (c *climber) steps() []Step {
	x, first := c.step.Case, slices.Clone(c.pack.Alarm.AtOnce)
	if slices.Contains(c.pack.Alarm.Grave, x.What) || x.Unverified || x.Region == "" {
		first = append(first, TargetCounty)
	}
	return append([]Step{{Tell: first}}, c.pack.Alarm.Steps...)
}

// climb takes every step that is due. One that has nobody, or whose people WeCom cannot reach, is not waited for (requirements §3
// case 12).
func (c *climber) climb() {
	steps, x := c.steps(), &c.step.Case
	for rung := range min(x.Rung, len(steps)) { // as things stand now
		c.take(rung, steps[rung], ledger.EventKnown)
	}
	for x.Rung < len(steps) {
		rung := x.Rung
		if rung > 0 && c.now.Before(x.Due) && c.reached(c.people(steps[rung-1].all())) {
			return
		}
		x.Rung++
		c.moved()
		if !c.take(rung, steps[rung], c.why()) {
			c.add(ledger.Event{Kind: ledger.EventNobody, Rung: rung})
		}
		c.call(rung, steps[rung])
		x.Due = c.now.Add(c.wait())
	}
	switch { // all steps were taken and nobody acts
	case c.now.Before(x.Due):
	case x.Drill:
		c.over("没有人应")
	default:
		c.anew(ledger.EventAgain)
	}
}

// why is what began this wave.
func (c *climber) why() ledger.EventKind {
	if e, ok := c.file.With(c.step).Last(ledger.EventQuiet, ledger.EventGraver, ledger.EventAgain); ok {
		return e.Kind
	}
	return ledger.EventRaised
}

// reached says whether one of some people was told or rung up in this wave and WeCom has not given that up.
func (c *climber) reached(people []hearer) bool {
	return slices.ContainsFunc(people, func(p hearer) bool {
		return c.heard(p, func(e ledger.Event) bool {
			return (e.Kind == ledger.EventTold || e.Kind == ledger.EventCalled) && e.Wave == c.step.Case.Wave && !e.Lost
		})
	})
}

// take tells whom a step means and who was not told yet in this wave; false: it means nobody. Departments hear once, as information
// with a button to claim it (contract, Who hears and who sees).
func (c *climber) take(rung int, s Step, why ledger.EventKind) bool {
	people := c.people(s.all())
	for _, p := range people {
		if !c.heard(p, func(e ledger.Event) bool { return e.Kind == ledger.EventTold && e.Wave == c.step.Case.Wave }) {
			c.ring(p, ledger.EventTold, rung, why)
		}
	}
	if slices.Contains(s.Tell, TargetDept) && !c.step.Case.Drill {
		for _, p := range c.depts() {
			if !c.heard(p, func(e ledger.Event) bool { return e.Kind == ledger.EventTold || e.Dept != "" }) {
				c.ring(p, ledger.EventShown, rung, ledger.EventRaised)
			}
		}
	}
	return len(people) > 0
}

// call rings up whom a step says to; for a drill nobody.
func (c *climber) call(rung int, s Step) {
	if c.step.Case.Drill {
		return
	}
	for _, p := range c.people(s.Call) {
		c.ring(p, ledger.EventCalled, rung, c.why())
	}
}

// heard says whether an event to somebody fits.
func (c *climber) heard(p hearer, fits func(ledger.Event) bool) bool {
	is := func(e ledger.Event) bool { return e.To == p.UserID && fits(e) }
	return slices.ContainsFunc(c.file.Timeline, is) || slices.ContainsFunc(c.step.Events, is)
}

// tails tell the messages apart that one step may have for one person.
var tails = map[ledger.EventKind]string{ledger.EventCalled: "/call", ledger.EventShown: "/dept"}

func (c *climber) ring(p hearer, kind ledger.EventKind, rung int, why ledger.EventKind) {
	x := c.step.Case
	c.add(ledger.Event{Kind: kind, To: p.UserID, Level: p.role, Dept: p.dept, Rung: rung,
		Message: fmt.Sprintf("case/%s/%d/%d/%s%s", x.Key, x.Wave, rung, p.UserID, tails[kind])})
	c.rings = append(c.rings, ledger.Ring{Event: c.step.Events[len(c.step.Events)-1], Why: why})
}

// hearer is somebody with the capacity in which they are told.
type hearer struct {
	ledger.Person
	role ledger.Role
	dept string
}

// all are whom a step tells: who is rung up gets the message, too, to act on it.
func (s Step) all() []Target { return slices.Concat(s.Tell, s.Call) }

// people are whom targets mean here and now: who is away is stood in for, or is nobody.
func (c *climber) people(targets []Target) []hearer {
	x := c.step.Case
	var out []hearer
	for _, t := range targets {
		switch t {
		case TargetVillage:
			out = c.join(out, c.r.Holders(ledger.RoleVillage, x.Region, c.today), hearer{role: ledger.RoleVillage})
		case TargetTownship:
			out = c.join(out, c.r.Holders(ledger.RoleTownship, x.Region, c.today), hearer{role: ledger.RoleTownship})
		case TargetCounty:
			county := c.r.Holders(ledger.RoleCounty, x.Region, c.today)
			if len(county) == 0 {
				county = c.r.All(ledger.RoleCounty, c.today)
			}
			out = c.join(out, county, hearer{role: ledger.RoleCounty})
		case TargetDeputy:
			out = c.join(out, c.deputies(), hearer{role: ledger.RoleKeeper})
		}
	}
	return out
}

// depts are the contacts of the departments to which a kind of emergency is routed (002 六(四)).
func (c *climber) depts() []hearer {
	var out []hearer
	for _, d := range c.pack.Depts {
		if slices.Contains(d.Alarms, c.step.Case.What) {
			out = c.join(out, c.r.Contacts(d.Name, c.step.Case.Region, c.today), hearer{role: ledger.RoleDept, dept: d.Name})
		}
	}
	return out
}

// join adds people, or who stands in for them, who may hear of it, each once.
func (c *climber) join(out []hearer, people []ledger.Person, as hearer) []hearer {
	for _, p := range present(c.r, people, c.today) {
		as.Person = p
		if c.may(p) && !slices.ContainsFunc(out, func(o hearer) bool { return o.UserID == p.UserID }) {
			out = append(out, as)
		}
	}
	return out
}

// lately is how many days back who stood in for a lead still counts as their deputy.
const lately = 180

// deputies are who stood in for one of the leads of late, and the keepers of the place: they know where things are.
func (c *climber) deputies() []ledger.Person {
	var out []ledger.Person
	region := c.step.Case.Region
	leads := slices.Concat(c.r.Holders(ledger.RoleVillage, region, c.today), c.r.Holders(ledger.RoleTownship, region, c.today))
	for _, lead := range leads {
		for _, l := range c.r.Leaves(lead.UserID) {
			if p, ok := c.r.Person(l.Deputy); ok && l.From <= l.To && l.From <= c.today && c.today.Sub(l.To) <= lately {
				out = append(out, p)
			}
		}
	}
	out = append(out, c.r.Holders(ledger.RoleKeeper, region, c.today)...)
	return slices.DeleteFunc(out, func(p ledger.Person) bool {
		return slices.ContainsFunc(leads, func(l ledger.Person) bool { return l.UserID == p.UserID })
	})
}

// may leaves out who raised it, and where somebody of the family may be behind it, whoever is family (002 六(四): 欺老、虐老).
func (c *climber) may(p ledger.Person) bool {
	x := c.step.Case
	if p.UserID == x.By {
		return false
	}
	return !ledger.AlarmOf(x.What).Hidden || !c.r.Family(p.UserID, x.ElderID)
}

// FirstTold are those whom an emergency would be told to at once.
func FirstTold(x ledger.Case, r *ledger.Roster, ps Packs, now time.Time, zone *time.Location) []ledger.Person {
	x.State, x.Rung = ledger.CaseOpen, 0
	_, rings, _ := Climb(ledger.CaseFile{Case: x}, r, ps, now, zone)
	var out []ledger.Person
	for _, ring := range rings {
		if p, ok := r.Person(ring.To); ok && ring.Kind == ledger.EventTold {
			out = append(out, p)
		}
	}
	return out
}
