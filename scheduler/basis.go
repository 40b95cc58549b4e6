package scheduler

import (
	"regexp"
	"slices"
	"strings"

	"xunfang/ledger"
)

// Basis is why: a line for each thing that the packs ask for an elder on a day, with document and section, after the clause by
// which each pack covers them or that it does not. Without an elder it is all that the packs ask of anybody, offices too.
//
// A clause is quoted, and the group that fits is not named: 失独 must not be read off it (002 四(四) names two groups).
func Basis(packs Packs, d *ledger.Dossier, today ledger.Day) []string {
	if len(today) != 10 {
		return nil
	}
	var lines []string
	for i := range packs {
		p := &packs[i]
		if !packs.governs(i, span{first: today, last: today}) {
			continue
		}
		if d == nil {
			lines = append(lines, p.basis()...)
			continue
		}
		if c, covered := p.Covering(d, today); covered {
			lines = append(lines, "巡访对象:"+cite(p.Document, c.Source))
		} else {
			lines = append(lines, "不是"+short(p.Document)+"的巡访对象")
		}
	}
	if d != nil {
		walk(d, nil, packs, today, func(x ledger.Duty, p *Pack, r *Rule, _ span) {
			if p == noPack {
				lines = append(lines, x.Source)
				return
			}
			lines = append(lines, p.why(r))
		})
	}
	return lines
}

// basis is what a pack asks of anybody.
func (p *Pack) basis() []string {
	var lines []string
	for i := range p.Duties {
		lines = append(lines, p.why(&p.Duties[i]))
	}
	for i := range p.Local {
		for j := range p.Local[i].Duties {
			lines = append(lines, p.why(&p.Local[i].Duties[j]))
		}
	}
	for _, x := range p.Papers {
		lines = append(lines, x.Name+":"+roleWord(x.Of)+x.often()+"。"+cite(p.Document, x.Source))
	}
	if p.Family.Leaflet {
		lines = append(lines, LeafletName+":"+leafletWord(true)+"。"+cite(p.Document, p.Family.Source))
	}
	return lines
}

// LeafletName is what is owed to every elder beside the visits: a contact card (002 五·加强联系).
const LeafletName = "联系卡"

// why is a rule with its document and section.
func (p *Pack) why(r *Rule) string {
	name := r.Name
	if r.Tier != TierAll {
		name = r.title()
	}
	return name + ":" + r.words() + "。" + cite(p.documentOf(r), r.Source)
}

// documentOf is where a rule stands: the pack's document or, of a region's rule, the region's.
func (p *Pack) documentOf(r *Rule) string {
	for i := range p.Local {
		for j := range p.Local[i].Duties {
			if &p.Local[i].Duties[j] == r {
				return p.Local[i].Source
			}
		}
	}
	return p.Document
}

// Clause is where a duty or a paper stands, by its name: in the newest version, and where a name has several rules, of all.
func (ps Packs) Clause(name string) (document, source string, ok bool) {
	for i := range ps {
		p := &ps[i]
		var sources []string
		note := func(in, x string) {
			document = short(in)
			if !slices.Contains(sources, x) {
				sources = append(sources, x)
			}
		}
		for j := range p.Duties {
			if r := &p.Duties[j]; r.Name == name {
				note(p.Document, r.Source)
			}
		}
		for j := range p.Local {
			for k := range p.Local[j].Duties {
				if r := &p.Local[j].Duties[k]; r.Name == name {
					note(p.Local[j].Source, r.Source)
				}
			}
		}
		for _, x := range p.Papers {
			if x.Name == name {
				note(p.Document, x.Source)
			}
		}
		if p.Family.Leaflet && name == LeafletName {
			note(p.Document, p.Family.Source)
		}
		if len(sources) > 0 {
			source, ok = strings.Join(sources, ";"), true
		}
	}
	return document, source, ok
}

var (
	title   = regexp.MustCompile(`《[^》]+》`)
	ourCode = regexp.MustCompile(`^\d{3} `) // 002: what the packs call a document for short
)

// short is a document's title, or what is said of it before the brackets.
func short(document string) string {
	if t := title.FindString(document); t != "" {
		return t
	}
	name, _, _ := strings.Cut(document, "(")
	return name
}

// cite is a clause with its document.
func cite(document, source string) string {
	document, source = short(document), ourCode.ReplaceAllString(source, "")
	switch {
	case strings.HasPrefix(source, document): // 望远镇巡访制度 第二条
		return source
	case strings.HasSuffix(document, "》"):
		return document + source
	}
	return document + "," + source
}
