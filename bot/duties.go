package bot

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/scheduler"
)

// duties fills in what a view holds about duties besides the elders' own: who may stand in, extra rounds, and what they rest on.
func (o outlook) duties(v *flows.View, user string, today ledger.Day) {
	r := o.roster
	quarter := ledger.QuarterOf(today).First()
	for _, e := range o.entries {
		if e.Kind == ledger.KindHelp && e.UserID == user && e.Day >= quarter && e.Day <= today && e.Outcome.Met() && e.Method == ledger.MethodDoor {
			v.Helped++
		}
	}
	v.People = func(said string) []flows.Person { return o.colleagues(said, user, today) }
	v.Under = func(other string) bool { return o.under(user, other, today) }
	v.Leaves = func(other string) []ledger.Leave {
		out := slices.DeleteFunc(slices.Clone(r.Leaves(other)), func(l ledger.Leave) bool { return l.To < today || l.To < l.From })
		slices.SortFunc(out, func(a, b ledger.Leave) int { return strings.Compare(string(a.From), string(b.From)) })
		return out
	}
	v.Area = o.area(user, today)
	if v.Area.Code != "" {
		for _, x := range r.Rounds() {
			if x.Region == v.Area.Code && x.To >= today && x.To >= x.From {
				v.Rounds = append(v.Rounds, x)
			}
		}
		v.Covered = func(tier ledger.Tier) int { return o.covered(v.Area.Code, tier, today) }
	}
	v.Basis = func(id string) []string {
		if id == "" {
			return scheduler.Basis(o.packs, nil, today)
		}
		d, ok := r.Dossier(id)
		if !ok || r.May(user, id, today).Sight == ledger.SightNone {
			return nil
		}
		return scheduler.Basis(o.packs, &d, today)
	}
	v.Silence = func() string { return o.silence }
	v.Month = func() ([]byte, string) { return o.month(v, user, today) }
}

// month is somebody's calendar month at a glance, as a picture and in words: whom of their elders was seen on which day, and who is
// still to be seen. Without a picture the words say it.
func (o outlook) month(v *flows.View, user string, today ledger.Day) ([]byte, string) {
	if !o.wants.Month {
		return nil, ""
	}
	chart := papers.MonthChart{Month: ledger.MonthOf(today), Whose: v.Name, Today: today, Last: ledger.MonthOf(today).Last()}
	mine := map[string]string{}
	for _, e := range v.Elders {
		if !e.Mine || e.Until != "" {
			continue
		}
		mine[e.ID] = e.Name
		missing := ledger.Duty{}
		for _, d := range e.Duties {
			if d.Kind == ledger.KindVisit && d.Missing() > missing.Missing() {
				missing = d
			}
		}
		if missing.Missing() == 0 {
			chart.Enough++
			continue
		}
		reason := e.Group
		if e.Tier == ledger.TierKey {
			reason = string(ledger.TierKey)
		}
		if missing.Door > 0 {
			reason += " 要上门"
		}
		chart.Missing = append(chart.Missing, papers.MonthGap{Name: e.Name, More: missing.Missing(), Reason: strings.TrimSpace(reason)})
	}
	if len(mine) == 0 {
		return nil, ""
	}
	slices.SortStableFunc(chart.Missing, func(a, b papers.MonthGap) int { return cmp.Or(b.More-a.More, strings.Compare(a.Reason, b.Reason)) })
	seen := map[string]bool{}
	for _, x := range o.entries {
		name, ok := mine[x.ElderID]
		if key := x.ElderID + string(x.Day); ok && ofVisit(x) && x.Outcome.Met() && x.Day >= chart.Month.First() && x.Day <= today && !seen[key] {
			seen[key] = true
			chart.Seen = append(chart.Seen, papers.MonthVisit{Day: x.Day, Name: name})
		}
	}
	words := fmt.Sprintf("%s:%d位老人,看够%d位,还差%d位。", chart.Month.Name(), len(mine), chart.Enough, len(chart.Missing))
	var b bytes.Buffer
	if err := papers.Month(&b, chart); err != nil { // the words do as well
		return nil, words
	}
	return b.Bytes(), words
}

// colleagues are those of the speaker's township, of a county's everywhere, whom a name or an account means; nearest first.
func (o outlook) colleagues(said, user string, today ledger.Day) []flows.Person {
	r := o.roster
	type near struct {
		flows.Person
		far int
	}
	var found []near
	for _, mine := range r.Posts(user) {
		if !mine.Holds(today) {
			continue
		}
		path := r.Path(mine.Region)
		top := r.At(mine.Region, ledger.LevelTownship).Code
		if top == "" {
			top = mine.Region
		}
		for _, p := range r.Book().Posts {
			at := r.Path(p.Region)
			if p.UserID == user || !p.Holds(today) || p.Role == ledger.RoleDept || p.Role == ledger.RoleVolunteer || !slices.Contains(at, top) ||
				slices.ContainsFunc(found, func(x near) bool { return x.UserID == p.UserID }) {
				continue
			}
			who, _ := r.Person(p.UserID)
			if said != "" && said != who.Name && said != who.UserID && !strings.HasPrefix(who.Name, said) {
				continue
			}
			far := len(path)
			for i, code := range path {
				if slices.Contains(at, code) {
					far = i
					break
				}
			}
			found = append(found, near{flows.Person{UserID: who.UserID, Name: who.Name}, far})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return a.far - b.far })
	var out []flows.Person
	for _, x := range found {
		out = append(out, x.Person)
	}
	return out
}

// under says whether somebody leads another: holds a lead's post in a region in or below which the other works.
func (o outlook) under(user, other string, today ledger.Day) bool {
	for _, mine := range areas(o.roster, user, today) {
		for _, p := range o.roster.Posts(other) {
			if p.Holds(today) && slices.Contains(o.roster.Path(p.Region), mine.Region) {
				return true
			}
		}
	}
	return false
}

// area is the highest region that somebody leads as township or county.
func (o outlook) area(user string, today ledger.Day) flows.Place {
	var out flows.Place
	for _, p := range o.roster.Posts(user) {
		if p.Holds(today) && (p.Role == ledger.RoleCounty || p.Role == ledger.RoleTownship && out.Code == "") {
			reg, _ := o.roster.Region(p.Region)
			out = flows.Place{Code: reg.Code, Name: reg.Name}
		}
	}
	return out
}

// covered counts the elders of a region whom an extra round would be about.
func (o outlook) covered(code string, tier ledger.Tier, today ledger.Day) int {
	n := 0
	for _, e := range o.roster.Within(code) {
		if _, away := o.roster.Standing(e.ID, today); !away && (tier != ledger.TierKey || o.roster.Tier(e.ID, today) == ledger.TierKey) {
			n++
		}
	}
	return n
}

// acts says whether somebody is one of some people or stands in for one.
func (o outlook) acts(users []string, user string, today ledger.Day) bool {
	return slices.ContainsFunc(users, func(other string) bool { return o.roster.StandsIn(user, other, today) })
}

// concern are the duties of an elder that the speaker has to do with: a visitor's and a lead's the visits, a helper's the helps and
// talks.
func concern(duties []ledger.Duty, e flows.Elder) []ledger.Duty {
	return slices.DeleteFunc(duties, func(d ledger.Duty) bool {
		if d.Kind == ledger.KindVisit {
			return e.Paired && !e.Mine && !e.Access.Assign
		}
		return !e.Paired && !e.Access.Assign
	})
}

// tries counts for each relative the talks in a row that did not reach them. The entries come in the order of days.
func tries(entries []ledger.Entry) map[string]int {
	out := map[string]int{}
	for _, x := range entries {
		switch {
		case x.Kind != ledger.KindTalk:
		case x.Outcome.Met():
			delete(out, x.Whom)
		case x.Outcome == ledger.OutcomeWrong:
			out[x.Whom] = flows.TriesMost
		case x.Outcome == ledger.OutcomeAbsent:
			out[x.Whom]++
		}
	}
	return out
}

// ofVisit says whether a record is of a visit, or of a help that looked at all a visit looks at.
func ofVisit(x ledger.Entry) bool {
	return x.Kind == ledger.KindVisit || x.Kind == ledger.KindHelp && x.Looked
}
