package scheduler

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"xunfang/ledger"
)

// proposals told in one letter, so that each can be acted on from it.
const mostProposed = 4

// birthdays: how long after one a clause that asks for an age is still proposed, if it was not.
const birthdayFor = 30

// propose tells the township lead whom a clause newly fits: an age reached, or what should make a key elder. Each is proposed once
// (requirements §3 case 28; §1.O: the township decides the tier).
func (p *planner) propose() {
	for _, e := range p.roster.Elders() {
		if _, away := p.roster.Standing(e.ID, p.today); away {
			continue
		}
		d, _ := p.roster.Dossier(e.ID)
		var found *ledger.Proposed
		var key string
		for i := range p.packs {
			pack := &p.packs[i]
			if !p.packs.governs(i, spanOf(PerMonth, p.today)) {
				continue
			}
			if x, ok := eligible(pack, &d, p.roster.Tier(e.ID, p.today), p.today); ok {
				key = strings.Join([]string{"propose", e.ID, x.Cover}, "/")
				if !p.sent[key] {
					found = &x
					break
				}
			}
		}
		if found == nil {
			continue
		}
		town := p.roster.At(e.Region, ledger.LevelTownship).Code
		for _, lead := range p.reachable(ledger.RoleTownship, town) {
			if l := p.letter(lead); len(l.Propose) < mostProposed {
				l.Propose = append(l.Propose, *found)
				p.note(l, key, ledger.NoticeProposal, "clause "+found.Cover)
			}
			break // one decides
		}
	}
}

// eligible is the clause that an elder newly fits on a day.
func eligible(p *Pack, d *ledger.Dossier, tier ledger.Tier, today ledger.Day) (ledger.Proposed, bool) {
	if tier != ledger.TierKey {
		for _, c := range p.Key {
			if c.When.Holds(d, today) {
				return ledger.Proposed{ElderID: d.ID, Cover: c.Name, Source: c.Source, Key: true}, true
			}
		}
	}
	for _, c := range p.Covers {
		if c.When.AgeMin == 0 || !c.When.Holds(d, today) {
			continue
		}
		if birthday, ok := reached(d.Birth, c.When.AgeMin); ok && birthday <= today && today.Sub(birthday) < birthdayFor {
			return ledger.Proposed{ElderID: d.ID, Cover: c.Name, Source: c.Source}, true
		}
		break // the first that fits is the one that covers
	}
	return ledger.Proposed{}, false
}

// reached is the day on which an age is reached; who was born on a leap day reaches it on March 1st of a common year.
func reached(birth ledger.Day, age int) (ledger.Day, bool) {
	if len(birth) != 10 {
		return "", false
	}
	t := birth.Time()
	return ledger.NewDay(t.Year()+age, t.Month(), t.Day()), !t.IsZero()
}

// reviewAgain is after how many days a pause that nobody looked at again is told to the township.
const reviewAgain = 3

// reviews tells the village lead which pauses are to be looked at again (requirements §3 case 2).
func (p *planner) reviews() {
	for _, e := range p.roster.Elders() {
		s, away := p.roster.Standing(e.ID, p.today)
		if !away || s.Kind != ledger.StandingPaused || s.Review == "" || s.Review > p.today {
			continue
		}
		tell := func(role ledger.Role, region, step string) bool {
			leads := p.reachable(role, region)
			for _, lead := range leads {
				if key := strings.Join([]string{"review", e.ID, string(s.Review), step, lead}, "/"); !p.sent[key] {
					l := p.letter(lead)
					l.Reviews = append(l.Reviews, s)
					p.note(l, key, ledger.NoticeReview, "pause to be looked at again")
				}
			}
			return len(leads) > 0
		}
		village, town := p.roster.At(e.Region, ledger.LevelVillage).Code, p.roster.At(e.Region, ledger.LevelTownship).Code
		if told := tell(ledger.RoleVillage, village, "village"); !told || p.today.Sub(s.Review) >= reviewAgain {
			tell(ledger.RoleTownship, town, "township")
		}
	}
}

// visitsADay is how many visits somebody can be expected to make on a day, with the way there.
const visitsADay = 4

// gaps tells the leads on Sunday what is missing in the week that begins (requirements §3 case 12).
func (p *planner) gaps() {
	if p.today.Time().Weekday() != time.Sunday {
		return
	}
	monday := p.today.Add(1)
	week := string(ledger.WeekOf(monday))
	byVillage := map[string][]ledger.WeekGap{}
	nobody := map[string]int{}
	load := map[string]map[string]int{} // village → visitor → visits missing
	left := map[string]int{}
	for at, g := range p.open {
		if g.rule.Kind != ledger.KindVisit || g.span.last < p.today {
			continue
		}
		for user, ids := range g.parts {
			if user == "" {
				continue
			}
			if load[at.village] == nil {
				load[at.village] = map[string]int{}
			}
			load[at.village][user] += len(ids)
			left[user] = max(left[user], g.span.last.Sub(p.today))
		}
	}
	for _, e := range p.roster.Elders() {
		if s, away := p.roster.Standing(e.ID, p.today); away && s.Kind.Ends() || len(p.roster.Visiting(e.ID, p.today)) > 0 {
			continue
		}
		nobody[p.roster.At(e.Region, ledger.LevelVillage).Code]++
	}
	for village, n := range nobody {
		byVillage[village] = append(byVillage[village], ledger.WeekGap{Kind: ledger.GapNobody, Region: village, Elders: n})
	}
	for village, users := range load {
		for user, n := range users {
			if days := left[user]; days >= 0 && n > visitsADay*max(1, days) {
				byVillage[village] = append(byVillage[village], ledger.WeekGap{Kind: ledger.GapLoad, Region: village, UserID: user, Elders: n, Days: days})
			}
		}
	}
	for _, leave := range p.roster.Book().Leaves {
		if leave.To < monday || leave.From > monday.Add(6) || leave.To < leave.From || leave.Deputy != "" {
			continue
		}
		for _, post := range p.roster.Posts(leave.UserID) {
			village := cmp.Or(p.roster.At(post.Region, ledger.LevelVillage).Code, post.Region)
			if post.Holds(p.today) {
				byVillage[village] = append(byVillage[village], ledger.WeekGap{Kind: ledger.GapLeave, Region: village, UserID: leave.UserID,
					From: leave.From, To: leave.To})
				break
			}
		}
	}
	for _, village := range slices.Sorted(maps.Keys(byVillage)) {
		found := byVillage[village]
		slices.SortFunc(found, func(a, b ledger.WeekGap) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.UserID, b.UserID))
		})
		leads := p.reachable(ledger.RoleVillage, village)
		if len(leads) == 0 {
			leads = p.reachable(ledger.RoleTownship, p.roster.At(village, ledger.LevelTownship).Code)
		}
		for _, lead := range leads {
			if key := strings.Join([]string{"gaps", lead, village, week}, "/"); !p.sent[key] {
				l := p.letter(lead)
				l.Gaps = append(l.Gaps, found...)
				p.note(l, key, ledger.NoticeGaps, fmt.Sprintf("%d gaps in the week of %s", len(found), monday))
			}
		}
	}
}

// papers tells offices what they owe upward. It is said once for each mark, until somebody says it was sent.
func (p *planner) papers() {
	for i := range p.packs {
		pack := &p.packs[i]
		for _, x := range pack.Papers {
			s := spanOf(x.Per, p.today)
			if !p.packs.governs(i, s) {
				continue
			}
			g := owedGroup{pack: pack, rule: &Rule{Nudge: x.Nudge}, span: s}
			mark, ok := latest(g.steps(), p.today)
			if !ok || pack.quiet(p.today) {
				continue
			}
			for _, reg := range p.roster.Regions() {
				if reg.Level != ledger.LevelTownship && x.Of == ledger.RoleTownship || reg.Level != ledger.LevelCounty && x.Of == ledger.RoleCounty {
					continue
				}
				if p.sent[PaperDone(x.Name, reg.Code, s.period)] {
					continue
				}
				for _, lead := range p.reachable(x.Of, reg.Code) {
					if key := strings.Join([]string{x.Name, lead, reg.Code, string(s.period), string(mark.mark)}, "/"); !p.sent[key] {
						l := p.letter(lead)
						l.Papers = append(l.Papers, ledger.DuePaper{Name: x.Name, Kind: string(x.Kind), Region: reg.Code, Period: s.period, Due: s.last,
							Source: x.Source})
						p.note(l, key, ledger.NoticeCounty, fmt.Sprintf("%s %s of %s: reminder %s", x.Name, s.period, reg.Code, mark.mark))
					}
				}
			}
		}
	}
}

// PaperDone is the key of the notice that an office has sent what it owes.
func PaperDone(name, region string, period ledger.Period) string {
	return strings.Join([]string{name, region, string(period), "done"}, "/")
}
