package scheduler

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"xunfang/ledger"
)

// lists tells the leads what nudging did not help: one list with reasons. Where nobody owes it or who does is away without a
// deputy, there is nobody to nudge, and the list comes in place of the first nudge.
func (p *planner) lists() {
	towns := map[openKey][]openKey{} // township → its villages'
	for at, g := range p.open {
		if len(g.parts) == 0 {
			continue
		}
		town := p.roster.At(at.village, ledger.LevelTownship).Code
		up := openKey{town, at.duty, at.since}
		towns[up] = append(towns[up], at)
		mark := step{g.rule.Escalate.Village, g.pack.up(g.rule.Escalate.Village, g.span, g.key)}
		if first := g.steps(); p.nobody(g) && len(first) > 0 && (mark.day == "" || first[0].day < mark.day && mark.day > p.today) {
			mark = step{"nobody", first[0].day}
		}
		if mark.day == "" || mark.day > p.today {
			continue
		}
		kind, leads := ledger.NoticeVillage, p.reachable(ledger.RoleVillage, at.village)
		if len(leads) == 0 { // an empty step is skipped at once (requirements §3 case 12)
			kind, leads = ledger.NoticeTownship, p.reachable(ledger.RoleTownship, town)
		}
		for _, lead := range leads {
			p.list(lead, kind, at, mark, p.openList(at, g))
		}
	}
	for up, villages := range towns {
		slices.SortFunc(villages, func(a, b openKey) int { return strings.Compare(a.village, b.village) })
		g := p.open[villages[0]]
		mark := step{g.rule.Escalate.Township, g.pack.up(g.rule.Escalate.Township, g.span, g.key)}
		if mark.day == "" || mark.day > p.today {
			continue
		}
		role := ledger.RoleTownship
		leads := p.reachable(role, up.village)
		if len(leads) == 0 {
			leads = p.reachable(ledger.RoleCounty, up.village)
		}
		list := ledger.OpenList{Region: up.village, Duty: g.name, Kind: g.rule.Kind, Period: g.span.period, Due: g.span.last}
		for _, v := range villages {
			part := ledger.OpenPart{Region: v.village}
			for _, ids := range p.open[v].parts {
				part.Elders = append(part.Elders, ids...)
			}
			slices.Sort(part.Elders)
			part.Elders = slices.Compact(part.Elders)
			for _, n := range p.open[v].tried {
				part.Tried += n
			}
			list.Need += p.open[v].need
			list.Open = append(list.Open, part)
		}
		for _, lead := range leads {
			p.list(lead, ledger.NoticeTownship, up, mark, list)
		}
	}
}

// nobody says whether somebody in the group cannot be nudged.
func (p *planner) nobody(g *openGroup) bool {
	for user := range g.parts {
		if who, _ := p.stand(user); who == "" {
			return true
		}
	}
	return false
}

func (p *planner) openList(at openKey, g *openGroup) ledger.OpenList {
	out := ledger.OpenList{Region: at.village, Duty: g.name, Kind: g.rule.Kind, Period: g.span.period, Due: g.span.last, Need: g.need}
	for _, user := range slices.Sorted(maps.Keys(g.parts)) {
		out.Open = append(out.Open, ledger.OpenPart{UserID: user, Elders: g.parts[user], Away: g.away[user], Tried: g.tried[user]})
	}
	return out
}

func (p *planner) list(lead string, kind ledger.NoticeKind, at openKey, mark step, list ledger.OpenList) {
	g := p.open[at]
	period := cmp.Or(string(list.Period), string(at.since))
	key := strings.Join([]string{at.duty, lead, at.village, period, string(kind) + "-" + string(mark.mark)}, "/")
	if p.sent[key] {
		return
	}
	l := p.letter(lead)
	if at := strings.Join([]string{lead, at.duty, at.village, string(at.since)}, "/"); !p.listed[at] {
		p.listed[at] = true
		l.Lists = append(l.Lists, list)
	}
	if g != nil && g.rule == roundRule {
		p.urgent[lead], p.late[lead] = true, true
	}
	open := 0
	for _, x := range list.Open {
		open += len(x.Elders)
	}
	p.note(l, key, kind, fmt.Sprintf("%s %s in %s: %d of %d open, step %s", at.duty, period, at.village, open, list.Need, mark.mark))
}

// reachable are the holders of a role in exactly a region who are there, or their deputies.
func (p *planner) reachable(role ledger.Role, region string) []string {
	var out []string
	people := p.roster.Posted(role, region, p.today)
	if role == ledger.RoleCounty {
		people = p.roster.Holders(role, region, p.today)
	}
	for _, x := range people {
		if who, _ := p.stand(x.UserID); who != "" && !slices.Contains(out, who) {
			out = append(out, who)
		}
	}
	return out
}

// merged makes one list of those of one duty that tell of ordinary and of key elders; they come side by side.
func merged(lists []ledger.OpenList) []ledger.OpenList {
	var out []ledger.OpenList
	for _, x := range lists {
		n := len(out) - 1
		if n < 0 || out[n].Region != x.Region || out[n].Duty != x.Duty || out[n].Due != x.Due {
			out = append(out, x)
			continue
		}
		out[n].Need += x.Need
		for _, part := range x.Open {
			i := slices.IndexFunc(out[n].Open, func(o ledger.OpenPart) bool { return o.UserID == part.UserID && o.Region == part.Region })
			if i < 0 {
				out[n].Open = append(out[n].Open, part)
				continue
			}
			out[n].Open[i].Elders = append(slices.Clip(out[n].Open[i].Elders), part.Elders...)
			out[n].Open[i].Tried += part.Tried
		}
	}
	for _, x := range out {
		slices.SortFunc(x.Open, func(a, b ledger.OpenPart) int {
			return cmp.Or(cmp.Compare(len(b.Elders), len(a.Elders)), cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.Region, b.Region))
		})
	}
	return out
}
