package scheduler

import (
	"iter"
	"slices"
	"strings"

	"xunfang/ledger"
)

// Packs are the policies that bind a county's elders, and the versions of each: packs of one name are versions of it, in the
// order of Since. Where several bind one elder, each counts the same entries.
type Packs []Pack

// Main is the county's own pack as it holds on a day: the first one's version. What is asked at a visit, and how periods are
// closed, follows from it alone.
func (ps Packs) Main(today ledger.Day) Pack {
	if len(ps) == 0 {
		return Pack{}
	}
	main := ps[0]
	for _, p := range ps {
		if p.Name == main.Name && p.Since <= today && p.Since >= main.Since {
			main = p
		}
	}
	return main
}

// Visits says whether a duty's name is that of a visiting rule.
func (ps Packs) Visits(duty string) bool {
	for i := range ps {
		if slices.ContainsFunc(ps[i].Duties, func(r Rule) bool { return r.Kind == ledger.KindVisit && r.Name == duty }) {
			return true
		}
		for _, l := range ps[i].Local {
			if slices.ContainsFunc(l.Duties, func(r Rule) bool { return r.Kind == ledger.KindVisit && r.Name == duty }) {
				return true
			}
		}
	}
	return false
}

// governs says whether a version decides a period: it held on the first day, or is the first there was and began within.
func (ps Packs) governs(version int, s span) bool {
	p := &ps[version]
	if p.Since > s.last {
		return false
	}
	for i := range ps {
		if x := &ps[i]; i != version && x.Name == p.Name {
			if x.Since <= s.first && (x.Since > p.Since || p.Since > s.first) || p.Since > s.first && x.Since < p.Since {
				return false
			}
		}
	}
	return true
}

// rules are those for the elders of a region: the pack's, then what their regions add.
func (p *Pack) rules(regions []string) iter.Seq[*Rule] {
	return func(yield func(*Rule) bool) {
		for i := range p.Duties {
			if !yield(&p.Duties[i]) {
				return
			}
		}
		for i := range p.Local {
			if !slices.Contains(regions, p.Local[i].Region) {
				continue
			}
			for j := range p.Local[i].Duties {
				if !yield(&p.Local[i].Duties[j]) {
					return
				}
			}
		}
	}
}

// Covering is the clause by which a pack covers an elder on a day; false where it does not. Without any clause everybody on the
// ledger is covered.
func (p *Pack) Covering(d *ledger.Dossier, on ledger.Day) (Cover, bool) {
	return p.covering(d, on, on)
}

// covering judges facts as of one day and the age as of another.
func (p *Pack) covering(d *ledger.Dossier, on, ageOn ledger.Day) (Cover, bool) {
	if len(p.Covers) == 0 {
		return Cover{Name: "台账上的老人", Source: p.Document}, true
	}
	fits := func(covers []Cover) (Cover, bool) {
		for i := range covers {
			if c := &covers[i]; c.When.Holds(d, ageOn) && (!c.Confirm || tiered(d.Tiers, on)) {
				return *c, true
			}
		}
		return Cover{}, false
	}
	if c, ok := fits(p.Covers); ok {
		return c, true
	}
	for i := range p.Local {
		if slices.Contains(d.Regions, p.Local[i].Region) {
			if c, ok := fits(p.Local[i].Covers); ok {
				return c, true
			}
		}
	}
	return Cover{}, false
}

// tiered says whether somebody gave the elder a tier.
func tiered(tiers []ledger.Tiering, on ledger.Day) bool {
	return slices.ContainsFunc(tiers, func(t ledger.Tiering) bool { return t.Holds(on) })
}

// binds says whether a rule of the pack asks anything for an elder in a period.
func (p *Pack) binds(d *ledger.Dossier, r *Rule, s span, asOf ledger.Day) bool {
	if len(p.Covers) == 0 && len(r.Groups)+len(r.Except) == 0 {
		return true
	}
	ageOn := ageDay(d.Birth, s, asOf)
	if _, covered := p.covering(d, asOf, ageOn); !covered {
		return false
	}
	in := func(name string) bool {
		fits := func(c Cover) bool {
			return c.Name == name && c.When.Holds(d, ageOn) && (!c.Confirm || tiered(d.Tiers, asOf))
		}
		return slices.ContainsFunc(p.Covers, fits) || slices.ContainsFunc(p.Key, fits) ||
			slices.ContainsFunc(p.Local, func(l Local) bool { return slices.Contains(d.Regions, l.Region) && slices.ContainsFunc(l.Covers, fits) })
	}
	return (len(r.Groups) == 0 || slices.ContainsFunc(r.Groups, in)) && !slices.ContainsFunc(r.Except, in)
}

// ageDay is the day as of which an age counts in a period: a birthday with little of the period left counts from the next on.
func ageDay(birth ledger.Day, s span, asOf ledger.Day) ledger.Day {
	if len(birth) != 10 {
		return asOf
	}
	for _, year := range [2]ledger.Day{s.first[:4], asOf[:4]} { // a week may begin in the old year
		day := year + birth[4:]
		if day[5:] == "02-29" && monthDays(day, 2) == 28 { // reached on March 1st of a common year
			day = year + "-03-01"
		}
		if day > s.first && day <= asOf && s.late(day) {
			return s.first
		}
	}
	return asOf
}

// Holds says whether all that is written holds of an elder on a day.
func (w *When) Holds(d *ledger.Dossier, on ledger.Day) bool {
	if w.AgeMin > 0 && (d.Birth == "" || d.Birth.Age(on) < w.AgeMin) {
		return false
	}
	word := func(words []string, text string) bool {
		return len(words) == 0 || slices.ContainsFunc(words, func(x string) bool { return strings.Contains(text, x) })
	}
	return (len(w.Living) == 0 || slices.Contains(w.Living, d.Living)) && (len(w.SelfCare) == 0 || slices.Contains(w.SelfCare, d.SelfCare)) &&
		(!w.LostChild || d.LostChild) && (!w.NoKin || len(d.Kin) == 0) && word(w.Health, d.Health) && word(w.Hardship, d.Hardship)
}
