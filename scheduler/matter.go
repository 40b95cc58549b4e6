package scheduler

import (
	"fmt"
	"slices"
	"time"

	"xunfang/ledger"
)

// Pass answers what becomes of a problem or a need now (002 五·加强联系, 六(四)): who is told that it waits for them, when it goes up
// a level by itself, when a silent one is open again, when it is the joint meeting's. It is a reconciliation: deadlines follow from
// the timeline, and Due only says when to look. Run twice for one moment it does nothing the second time.
func Pass(f ledger.CaseFile, r *ledger.Roster, ps Packs, now time.Time, zone *time.Location) (ledger.CaseStep, []ledger.Ring, bool) {
	p := passer{file: f, step: f.Step(), r: r, now: now, zone: zone, today: ledger.DayOf(now, zone)}
	p.pack = ps.Main(p.today).Matters
	if f.Kind == ledger.CaseAlarm || f.State.Over() {
		return p.step, nil, false
	}
	if s, ok := r.Standing(f.ElderID, p.today); ok && s.Kind.Ends() { // nobody asks after somebody who died
		p.end("老人已" + string(s.Kind))
		return p.step, p.rings, true
	}
	for !p.step.Case.State.Over() {
		due := p.deadline()
		if now.Before(due) {
			p.look(due)
			break
		}
		p.late()
	}
	return p.step, p.rings, p.changed
}

const (
	meetingAgain = 30 * 24 * time.Hour // a joint meeting is not every week
	askedUntil   = 90 * 24 * time.Hour // then nobody will ask the elder any more
)

type passer struct {
	file    ledger.CaseFile
	step    ledger.CaseStep
	r       *ledger.Roster
	pack    Matters
	now     time.Time
	today   ledger.Day
	zone    *time.Location
	rings   []ledger.Ring
	changed bool
}

func (p *passer) add(e ledger.Event) {
	e.At, e.Wave = p.now, p.step.Case.Wave
	p.step.Add(e)
	p.changed = true
}

// look says when the matter is looked at next.
func (p *passer) look(due time.Time) {
	if !p.step.Case.Due.Equal(due) {
		p.step.Case.Due, p.step.Case.Rev, p.changed = due, p.step.Seen+1, true
	}
}

func (p *passer) end(outcome string) {
	x := &p.step.Case
	x.State, x.Due, x.Outcome = ledger.CaseEnded, time.Time{}, outcome
	p.add(ledger.Event{Kind: ledger.EventEnded, Level: x.Level, Text: outcome})
}

// last is the latest event that fits; the zero Event where there is none.
func (p *passer) last(fits func(ledger.Event) bool) ledger.Event {
	for _, events := range [][]ledger.Event{p.step.Events, p.file.Timeline} {
		for i := len(events) - 1; i >= 0; i-- {
			if fits(events[i]) {
				return events[i]
			}
		}
	}
	return ledger.Event{}
}

func isKind(kinds ...ledger.EventKind) func(ledger.Event) bool {
	return func(e ledger.Event) bool { return slices.Contains(kinds, e.Kind) }
}

// days is a moment some working days of the pack after another.
func (p *passer) days(from time.Time, d Duration) time.Time {
	return WorkDays(from, max(1, int(d/oneDay)), p.zone)
}

// asked is when the county was last told of the matter since it came to where it is.
func (p *passer) asked() time.Time {
	wave := p.step.Case.Wave
	return p.last(func(e ledger.Event) bool {
		return (e.Kind == ledger.EventTold || e.Kind == ledger.EventNobody) && e.Level == ledger.RoleCounty && e.Wave == wave
	}).At
}

// given is when a department was first given the matter of those that have not claimed it since; zero where none was.
func (p *passer) given() time.Time {
	var at time.Time
	for _, e := range slices.Concat(p.file.Timeline, p.step.Events) {
		switch e.Kind {
		case ledger.EventTaken, ledger.EventMeeting, ledger.EventSolved, ledger.EventNot, ledger.EventRaised:
			at = time.Time{}
		}
		if (e.Kind == ledger.EventPassed || e.Kind == ledger.EventNot) && e.Level == ledger.RoleDept && at.IsZero() {
			at = e.At
		}
	}
	return at
}

// deadline is until when the matter may stay as it is.
func (p *passer) deadline() time.Time {
	x := p.step.Case
	switch {
	case x.State == ledger.CaseTaken:
		word := p.last(func(e ledger.Event) bool {
			return e.By != "" && (e.Kind == ledger.EventTaken || e.Kind == ledger.EventNews)
		})
		return p.days(word.At, p.pack.Silent)
	case x.State == ledger.CaseSolved:
		return p.last(isKind(ledger.EventSolved)).At.Add(askedUntil)
	case x.Rung == 0:
		return p.now
	case x.State == ledger.CaseMeeting:
		return p.asked().Add(meetingAgain)
	case x.Level == ledger.RoleVillage:
		return p.days(x.Since, p.pack.Village)
	case x.Level == ledger.RoleTownship:
		return p.days(x.Since, p.pack.Township)
	}
	due := p.days(p.asked(), p.pack.County)
	if x.Level == ledger.RoleDept && p.asked().IsZero() {
		due = p.days(x.Since, p.pack.Unclaimed)
	}
	if at := p.given(); !at.IsZero() {
		if meeting := p.days(at, p.pack.Meeting); meeting.Before(due) || x.Level == ledger.RoleDept && !p.asked().IsZero() {
			due = meeting
		}
	}
	return due
}

// late does what is due.
func (p *passer) late() {
	x := &p.step.Case
	given := p.given()
	switch {
	case x.State == ledger.CaseTaken: // 认领了没有下文 (requirements §3 case 29)
		p.to(ledger.Event{Kind: ledger.EventQuiet, To: x.Owner}, above(x.Level))
	case x.State == ledger.CaseSolved:
		p.end("没问到")
	case x.Rung == 0:
		p.begin()
	case x.State == ledger.CaseOpen && !given.IsZero() && !p.now.Before(p.days(given, p.pack.Meeting)):
		p.hand(ledger.RoleCounty, ledger.CaseMeeting)
		p.add(ledger.Event{Kind: ledger.EventMeeting, Level: ledger.RoleCounty})
	case x.Level == ledger.RoleCounty, x.Level == ledger.RoleDept: // the county is asked again, and may choose another department
		p.tell(ledger.RoleCounty, ledger.EventAgain)
	default:
		p.to(ledger.Event{Kind: ledger.EventPassed}, above(x.Level))
	}
}

// above is who is told next; there is nothing above the county.
func above(level ledger.Role) ledger.Role {
	if level == ledger.RoleVillage {
		return ledger.RoleTownship
	}
	return ledger.RoleCounty
}

// hand puts the matter on a level, where nobody has been told yet.
func (p *passer) hand(level ledger.Role, state ledger.CaseState) {
	x := &p.step.Case
	x.State, x.Level, x.Dept, x.Owner = state, level, "", ""
	x.Wave, x.Rung, x.Since = x.Wave+1, 0, p.now
}

// to hands the matter to a level and says why.
func (p *passer) to(e ledger.Event, level ledger.Role) {
	p.hand(level, ledger.CaseOpen)
	e.Level = level
	p.add(e)
}

// begin tells whose turn it is. A level without anybody is not waited for (requirements §3 case 12).
func (p *passer) begin() {
	x := &p.step.Case
	why := p.last(isKind(ledger.EventRaised, ledger.EventPassed, ledger.EventQuiet, ledger.EventNot, ledger.EventMeeting)).Kind
	level := x.Level
	switch n := p.tell(level, why); {
	case n == 0 && level != ledger.RoleCounty:
		p.to(ledger.Event{Kind: ledger.EventPassed}, above(level))
	case why == ledger.EventRaised && slices.ContainsFunc(p.rings, func(r ledger.Ring) bool { return r.To == x.By }): // who raised it is whose turn it is
		x.State, x.Owner = ledger.CaseTaken, x.By
		p.add(ledger.Event{Kind: ledger.EventTaken, By: x.By, Level: level})
	}
}

// tell tells a level, or notes that nobody is there; it says how many were told.
func (p *passer) tell(level ledger.Role, why ledger.EventKind) int {
	x := &p.step.Case
	people := p.people(level)
	dept := ""
	if level == ledger.RoleDept {
		dept = x.Dept
	}
	for _, who := range people {
		p.add(ledger.Event{Kind: ledger.EventTold, To: who.UserID, Level: level, Dept: dept, Rung: x.Rung,
			Message: fmt.Sprintf("case/%s/%d/%d/%s", x.Key, x.Wave, x.Rung, who.UserID)})
		p.rings = append(p.rings, ledger.Ring{Event: p.step.Events[len(p.step.Events)-1], Why: why})
	}
	if len(people) == 0 {
		p.add(ledger.Event{Kind: ledger.EventNobody, Level: level, Dept: dept, Rung: x.Rung})
	}
	x.Rung++
	return len(people)
}

// people are whose turn it is on a level: who is away is stood in for, or is not there.
func (p *passer) people(level ledger.Role) []ledger.Person {
	region := p.step.Case.Region
	var all []ledger.Person
	switch level {
	case ledger.RoleDept:
		all = p.r.Contacts(p.step.Case.Dept, region, p.today)
	case ledger.RoleCounty:
		if all = p.r.Holders(level, region, p.today); len(all) == 0 {
			all = p.r.All(level, p.today)
		}
	default:
		all = p.r.Holders(level, region, p.today)
	}
	return present(p.r, all, p.today)
}

// present are people or who stands in for them, each once; who is away without a deputy is left out.
func present(r *ledger.Roster, people []ledger.Person, on ledger.Day) []ledger.Person {
	var out []ledger.Person
	for _, p := range people {
		if l, away := r.Leave(p.UserID, on); away {
			deputy, ok := r.Person(l.Deputy)
			if _, gone := r.Leave(l.Deputy, on); !ok || gone {
				continue
			}
			p = deputy
		}
		if !slices.ContainsFunc(out, func(o ledger.Person) bool { return o.UserID == p.UserID }) {
			out = append(out, p)
		}
	}
	return out
}
