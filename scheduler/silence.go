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

// Silence explains in a few lines why somebody hears nothing from the calendar, or when they will: the same reckoning as Plan's.
func Silence(snap *ledger.Snapshot, packs Packs, user string, now time.Time) []string {
	p := newPlanner(snap, packs, now)
	p.survey()
	if leave, away := p.roster.Leave(user, p.today); away {
		return []string{fmt.Sprintf("您请假到%s,这段时间不提醒您。", leave.To.Short())}
	}
	var keys []owedKey
	for at := range p.owed {
		if at.user == user {
			keys = append(keys, at)
		}
	}
	if len(keys) == 0 {
		return []string{"您没有欠的,所以没有提醒。"}
	}
	slices.SortFunc(keys, func(a, b owedKey) int { return cmp.Or(cmp.Compare(a.duty, b.duty), cmp.Compare(a.since, b.since)) })
	lines := map[string]bool{}
	for _, at := range keys {
		lines[p.why(at)] = true
	}
	return slices.Sorted(maps.Keys(lines))
}

// why says of one duty when its nudge went out or will.
func (p *planner) why(at owedKey) string {
	g := p.owed[at]
	name := fmt.Sprintf("%s还差%d位", at.duty, g.elders)
	steps := g.steps()
	for _, s := range steps {
		if s.day > p.today {
			name += fmt.Sprintf(",下一次提醒在%s", s.day.Short())
			break
		}
	}
	s, ok := latest(steps, p.today)
	switch {
	case len(steps) == 0:
		return name + ",这项规则没有定提醒的日子。"
	case !ok:
		return name + ",还没到提醒的日子。"
	case p.sent[p.nudgeKey(at, s)]:
		for _, n := range p.snap.Notices {
			if n.Key == p.nudgeKey(at, s) {
				return name + fmt.Sprintf(",%s提醒过。", n.Day.Short())
			}
		}
		return name + ",提醒过。"
	case g.pack.quiet(p.today) && !g.key:
		return name + ",过年这几天只提醒重点老人。"
	case !g.brief() && p.nudged[at.user] >= MostNudges:
		return name + fmt.Sprintf(",本月已提醒%d次,不再催您。", p.nudged[at.user])
	}
	slot := Humane(at.user, Slot(at.user, p.today, false, p.snap.Zone), p.now, p.snap.Zone)
	return strings.TrimSuffix(name, ",") + fmt.Sprintf(",%s会提醒。", slot.In(p.snap.Zone).Format("1月2日15:04"))
}
