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

// MostNudges is how many reminders a person gets in a calendar month at most; the round and the duty of a day are beside it.
const MostNudges = 4

// foldAhead: what would be said within so many days is said along with what is said today.
const foldAhead = 2

// proposals told in one letter, so that each can be acted on from it.
const mostProposed = 4

// Plan is every letter that should go out on the day of now and has not: who still owes something and was not told of the
// latest nudge, which lead hears of what nudging did not help, who may be covered from now on, which pauses are to be looked at
// again and, on Sundays, what is missing next week. It is a reconciliation: the same moment planned again after its letters
// went out gives none, and after an outage only the latest nudge of each duty goes. Each person gets at most one letter a day;
// what was declared today or is owed within a day may be a second.
func Plan(snap *ledger.Snapshot, packs Packs, now time.Time) []ledger.Letter {
	p := newPlanner(snap, packs, now)
	p.survey()
	p.nudge()
	p.lists()
	p.propose()
	p.reviews()
	p.gaps()
	p.papers()
	return p.letters()
}

// planner is one call of Plan at work.
type planner struct {
	snap   *ledger.Snapshot
	roster *ledger.Roster
	packs  Packs
	now    time.Time
	today  ledger.Day
	sent   map[string]bool // keys of notices
	said   map[string]bool // keys of messages
	nudged map[string]int  // reminders of the month, by userid
	owed   map[owedKey]*owedGroup
	open   map[openKey]*openGroup
	drafts map[string]*ledger.Letter // by userid
	urgent map[string]bool           // letters about something of a day
	late   map[string]bool           // letters of the afternoon only
	quiet  bool                      // only key elders are spoken of
}

// label tells rules of one name apart: 月巡访(重点).
func (r *Rule) label(name string) string {
	if r.Tier == TierAll {
		return name
	}
	return name + "(" + string(r.Tier) + ")"
}

// owedKey is what one person owes of one duty in one period.
type owedKey struct {
	user, duty string
	since      ledger.Day
}

type owedGroup struct {
	pack   *Pack
	rule   *Rule
	span   span
	key    bool // a key elder among them
	half   bool // somebody of whom less than half is done
	elders int
}

// openKey is what is open of one duty and period in one village.
type openKey struct {
	village, duty string
	since         ledger.Day
}

type openGroup struct {
	owedGroup
	name  string
	need  int
	parts map[string][]string // elders by who answers for them, "" nobody
	away  map[string]ledger.Leave
	tried map[string]int
}

func newPlanner(snap *ledger.Snapshot, packs Packs, now time.Time) *planner {
	p := &planner{snap: snap, roster: snap.Roster, packs: packs, now: now, today: ledger.DayOf(now, snap.Zone), sent: map[string]bool{},
		said: map[string]bool{}, nudged: map[string]int{}, owed: map[owedKey]*owedGroup{}, open: map[openKey]*openGroup{},
		drafts: map[string]*ledger.Letter{}, urgent: map[string]bool{}, late: map[string]bool{}}
	main := packs.Main(p.today)
	p.quiet = main.quiet(p.today)
	month := ledger.MonthOf(p.today).First()
	counted := map[string]bool{}
	for _, n := range snap.Notices {
		p.sent[n.Key], p.said[n.Message] = true, true
		if n.Kind == ledger.NoticeNudge && n.Day >= month && !counted[n.Message] {
			counted[n.Message] = true
			p.nudged[n.To]++
		}
	}
	return p
}

// survey asks of every elder what is owed, and by whom.
func (p *planner) survey() {
	for _, e := range p.roster.Elders() {
		d, _ := p.roster.Dossier(e.ID)
		entries := p.snap.Entries[e.ID]
		village := ""
		tell := func(x ledger.Duty, pack *Pack, r *Rule, s span) {
			if x.State == ledger.DutyPaused || x.State == ledger.DutyCancelled {
				return
			}
			if village == "" {
				village = p.roster.At(e.Region, ledger.LevelVillage).Code
			}
			label := r.label(x.Name)
			at := openKey{village, label, s.first}
			g := p.open[at]
			if g == nil {
				g = &openGroup{owedGroup: owedGroup{pack: pack, rule: r, span: s}, name: x.Name, parts: map[string][]string{}, away: map[string]ledger.Leave{},
					tried: map[string]int{}}
				p.open[at] = g
			}
			g.need++
			if x.Missing() == 0 {
				return
			}
			key := p.roster.Tier(e.ID, p.today) == ledger.TierKey
			owners := p.owners(e.ID, x.Kind)
			for _, user := range owners {
				who, leave := p.stand(user)
				g.parts[user] = append(g.parts[user], e.ID)
				g.away[user] = leave
				if tried(entries, x) {
					g.tried[user]++
				}
				if who != "" && x.State == ledger.DutyReady { // what has ended is the leads' to hear of
					p.owes(owedKey{who, label, s.first}, pack, r, s, x, key)
				}
			}
			if len(owners) == 0 {
				g.parts[""] = append(g.parts[""], e.ID)
			}
			g.add(x, key)
		}
		walk(&d, entries, p.packs, p.today, tell)
		walkEnded(&d, entries, p.packs, p.today, tell)
	}
}

func (p *planner) owes(at owedKey, pack *Pack, r *Rule, s span, x ledger.Duty, key bool) {
	g := p.owed[at]
	if g == nil {
		g = &owedGroup{pack: pack, rule: r, span: s}
		p.owed[at] = g
	}
	g.add(x, key)
}

func (g *owedGroup) add(x ledger.Duty, key bool) {
	g.elders++
	g.key = g.key || key
	g.half = g.half || x.Done*2 < x.Need
}

// owners are who owes a kind of duty for an elder.
func (p *planner) owners(elderID string, kind ledger.EntryKind) []string {
	if kind == ledger.KindVisit {
		return p.roster.Visiting(elderID, p.today)
	}
	return p.roster.Helping(elderID, p.today)
}

// stand is who acts for somebody today: themself, the deputy while they are on leave, or nobody.
func (p *planner) stand(user string) (string, ledger.Leave) {
	leave, away := p.roster.Leave(user, p.today)
	if !away {
		return user, ledger.Leave{}
	}
	if _, too := p.roster.Leave(leave.Deputy, p.today); too || leave.Deputy == "" {
		return "", leave
	}
	return leave.Deputy, leave
}

// tried says whether somebody tried in vain to meet the elder in the duty's period.
func tried(entries []ledger.Entry, x ledger.Duty) bool {
	return slices.ContainsFunc(entries, func(e ledger.Entry) bool {
		return e.ElderID == x.ElderID && e.Kind == x.Kind && e.Day >= x.From && e.Day <= x.Due && e.Outcome != ledger.OutcomeUndone && !e.Outcome.Met()
	})
}

// step is a mark of a rule with the day on which it is acted upon.
type step struct {
	mark Mark
	day  ledger.Day
}

// steps are a group's nudges in the order of their days.
func (g *owedGroup) steps() []step {
	var out []step
	for _, m := range g.rule.Nudge {
		if day := g.pack.due(m, g.span, g.key); day != "" && (m != Mid || g.half) {
			out = append(out, step{m, day})
		}
	}
	slices.SortStableFunc(out, func(a, b step) int { return cmp.Compare(a.day, b.day) })
	return out
}

// latest is the last step up to a day.
func latest(steps []step, until ledger.Day) (step, bool) {
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].day <= until {
			return steps[i], true
		}
	}
	return step{}, false
}

func (g *owedGroup) period() string { return cmp.Or(string(g.span.period), string(g.span.first)) }

// brief says whether the group's duty is of a day or a week: nothing to be saved up.
func (g *owedGroup) brief() bool { return g.rule.Per == PerChange || g.rule.Per == PerWeek }

// nudge tells who owes something and was not told of the latest nudge.
func (p *planner) nudge() {
	byUser := map[string][]owedKey{}
	for at := range p.owed {
		byUser[at.user] = append(byUser[at.user], at)
	}
	for user, keys := range byUser {
		slices.SortFunc(keys, func(a, b owedKey) int { return cmp.Or(cmp.Compare(a.duty, b.duty), cmp.Compare(a.since, b.since)) })
		speak := false
		for _, at := range keys {
			if _, ok := p.unsaid(at, p.today); ok {
				speak = true
				p.urgent[user] = p.urgent[user] || p.owed[at].brief()
			}
		}
		if !speak {
			continue
		}
		l := p.letter(user)
		l.Mine, l.KeyOnly = true, p.quiet && !p.urgent[user]
		for _, at := range keys {
			g, until := p.owed[at], p.today.Add(foldAhead)
			if g.brief() {
				until = p.today
			}
			if s, ok := p.unsaid(at, until); ok {
				p.note(l, p.nudgeKey(at, s), ledger.NoticeNudge, fmt.Sprintf("%s %s: reminder %s, open for %d", at.duty, g.period(), s.mark, g.elders))
			}
		}
	}
}

func (p *planner) nudgeKey(at owedKey, s step) string {
	return strings.Join([]string{at.duty, at.user, p.owed[at].period(), string(s.mark)}, "/")
}

// unsaid is the latest nudge up to a day that the person was not told; false where there is none to be told now.
func (p *planner) unsaid(at owedKey, until ledger.Day) (step, bool) {
	g := p.owed[at]
	s, ok := latest(g.steps(), until)
	switch {
	case !ok || p.sent[p.nudgeKey(at, s)]:
		return step{}, false
	case g.pack.quiet(p.today) && !g.key:
		return step{}, false
	case !g.brief() && p.nudged[at.user] >= MostNudges:
		return step{}, false
	}
	return s, true
}

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
		if first := g.steps(); p.nobody(g) && len(first) > 0 && (mark.day == "" || first[0].day < mark.day) && mark.day > p.today {
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
	l.Lists = append(l.Lists, list)
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

func (p *planner) letter(user string) *ledger.Letter {
	l := p.drafts[user]
	if l == nil {
		l = &ledger.Letter{To: user}
		p.drafts[user] = l
	}
	return l
}

func (p *planner) note(l *ledger.Letter, key string, kind ledger.NoticeKind, cause string) {
	l.Notices = append(l.Notices, ledger.Notice{Key: key, To: l.To, Kind: kind, Cause: cause, At: p.now})
}

// letters settles when each goes out, and under which key: one a person and day.
func (p *planner) letters() []ledger.Letter {
	var out []ledger.Letter
	for _, user := range slices.Sorted(maps.Keys(p.drafts)) {
		l := p.drafts[user]
		if len(l.Notices) == 0 {
			continue
		}
		l.At = Humane(user, Slot(user, p.today, p.late[user] && !l.Mine, p.snap.Zone), p.now, p.snap.Zone)
		day := ledger.DayOf(l.At, p.snap.Zone)
		l.Key = "remind/" + user + "/" + string(day)
		if p.said[l.Key] {
			if l.Key += "/2"; !p.urgent[user] || p.said[l.Key] {
				continue // tomorrow
			}
		}
		slices.SortFunc(l.Notices, func(a, b ledger.Notice) int { return strings.Compare(a.Key, b.Key) })
		for i := range l.Notices {
			l.Notices[i].Day, l.Notices[i].Message = day, l.Key
		}
		slices.SortFunc(l.Lists, func(a, b ledger.OpenList) int {
			return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Duty, b.Duty))
		})
		l.Lists = merged(l.Lists)
		out = append(out, *l)
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
