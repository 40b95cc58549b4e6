package scheduler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"xunfang/ledger"
)

const (
	mostLeaflets = 5  // that one person hears of on a day: a county begins without any card
	bondAhead    = 14 // days before a bond ends on which it is to be confirmed again
)

// leaflets tells the visitor which elders have no contact card, or one that is out of date (002 五·加强联系): once for each change. Who
// has none is told of only in a village that has begun to hand them out: a county begins with a stack of printed ones, not with
// reminders.
func (p *planner) leaflets() {
	if !p.packs.Main(p.today).Family.Leaflet || p.quiet {
		return
	}
	village := func(region string) string { return p.roster.At(region, ledger.LevelVillage).Code }
	begun := map[string]bool{}
	for _, l := range p.roster.Book().Leaflets {
		e, _ := p.roster.Elder(l.ElderID)
		begun[village(e.Region)] = true
	}
	told := map[string]int{}
	for _, n := range p.snap.Notices {
		if n.Kind == ledger.NoticeLeaflet && n.Day >= p.today {
			told[n.To]++
		}
	}
	for _, e := range p.roster.Elders() {
		if s, away := p.roster.Standing(e.ID, p.today); away && s.Kind.Ends() {
			continue
		}
		why, what := leafletDue(p.roster, e.ID, p.today)
		if why == "" || !begun[village(e.Region)] {
			continue
		}
		who := p.first(p.roster.Visiting(e.ID, p.today), e.Region)
		key := strings.Join([]string{"leaflet", who, e.ID, what}, "/")
		if who == "" || p.sent[key] || told[who] >= mostLeaflets {
			continue
		}
		told[who]++
		l := p.letter(who)
		l.Cards = append(l.Cards, ledger.DueLeaflet{ElderID: e.ID, Why: why})
		p.note(l, key, ledger.NoticeLeaflet, "contact card: "+what)
	}
}

// leafletDue says why an elder is owed a contact card, and of which one that is; "" they have one that is right.
func leafletDue(r *ledger.Roster, elder string, today ledger.Day) (why, what string) {
	cards := r.Leaflets(elder)
	if len(cards) == 0 {
		return "还没有", "none"
	}
	bears := r.LeafletBears(elder, today)
	var last ledger.Leaflet
	for _, l := range cards {
		if l.Opens(today) && l.Bears == bears {
			return "", ""
		}
		if last.Handle == "" || cmp.Or(cmp.Compare(l.Issued, last.Issued), cmp.Compare(l.Handle, last.Handle)) > 0 {
			last = l
		}
	}
	if !last.Opens(today) {
		return "原来的作废了", last.Handle
	}
	return "电话变了", bears
}

// bonds tells the helper which relatives' WeChats are to be confirmed again (PIPL art. 19), once for each day on which one ends.
func (p *planner) bonds() {
	recheck := int(time.Duration(p.packs.Main(p.today).Family.Recheck) / (24 * time.Hour))
	if p.quiet {
		return
	}
	for _, b := range p.roster.Book().Bonds {
		e, ok := p.roster.Elder(b.ElderID)
		if !ok || b.State != ledger.BondVerified {
			continue
		}
		if s, away := p.roster.Standing(e.ID, p.today); away && s.Kind.Ends() {
			continue
		}
		until := b.Until
		if until == "" && recheck > 0 && b.Since != "" {
			until = b.Since.Add(recheck)
		}
		if until == "" || p.today < until.Add(-bondAhead) {
			continue
		}
		who := p.first(slices.Concat(p.roster.Helping(e.ID, p.today), p.roster.Visiting(e.ID, p.today)), e.Region)
		key := strings.Join([]string{"bond", who, e.ID, b.User, string(until)}, "/")
		if who == "" || p.sent[key] {
			continue
		}
		l := p.letter(who)
		l.Bonds = append(l.Bonds, b)
		p.note(l, key, ledger.NoticeBond, "bond ends on "+string(until))
	}
}

// first is the first of some people who is there, or their deputy; else the village lead's, or the township's.
func (p *planner) first(users []string, region string) string {
	for _, user := range users {
		if who, _ := p.stand(user); who != "" {
			return who
		}
	}
	for _, at := range []struct {
		role  ledger.Role
		level ledger.Level
	}{{ledger.RoleVillage, ledger.LevelVillage}, {ledger.RoleTownship, ledger.LevelTownship}} {
		if leads := p.reachable(at.role, p.roster.At(region, at.level).Code); len(leads) > 0 {
			return leads[0]
		}
	}
	return ""
}

// unreached tells the village which families nobody has reached, long before the half-year ends (requirements §3 case 26): with how
// many of them somebody tried, so that 未联系 and 联系未果 stay apart.
func (p *planner) unreached() {
	silent := int(time.Duration(p.packs.Main(p.today).Family.Silent) / (24 * time.Hour))
	if silent == 0 || p.quiet {
		return
	}
	for at, g := range p.open {
		if len(g.parts) == 0 || g.rule.Kind != ledger.KindTalk || g.rule.Per != PerHalf {
			continue
		}
		mark := step{Mark(fmt.Sprintf("%dd", silent)), max(g.span.first, g.span.last.Add(-silent))}
		if p.today < mark.day || p.today > g.span.last {
			continue
		}
		leads := p.reachable(ledger.RoleVillage, at.village)
		if len(leads) == 0 {
			leads = p.reachable(ledger.RoleTownship, p.roster.At(at.village, ledger.LevelTownship).Code)
		}
		for _, lead := range leads {
			p.list(lead, ledger.NoticeFamily, at, mark, p.openList(at, g))
		}
	}
}
