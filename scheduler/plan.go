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

// Plan is every letter that should go out on the day of now and has not: who still owes something and was not told of the
// latest nudge, which lead hears of what nudging did not help, who may be covered from now on, which pauses are to be looked at
// again, which contact cards and relatives' WeChats are to be seen to, which families nobody has reached and, on Sundays, what is
// missing next week. It is a reconciliation: the same moment planned again after its letters went out gives none, and after an
// outage only the latest nudge of each duty goes. Each person gets at most one letter a day; what was declared today or is owed
// within a day may be a second.
func Plan(snap *ledger.Snapshot, packs Packs, now time.Time) []ledger.Letter {
	p := newPlanner(snap, packs, now)
	p.survey()
	p.nudge()
	p.lists()
	p.propose()
	p.reviews()
	p.gaps()
	p.papers()
	p.leaflets()
	p.bonds()
	p.unreached()
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
	listed map[string]bool           // lists that a letter has, by lead and group
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
		drafts: map[string]*ledger.Letter{}, listed: map[string]bool{}, urgent: map[string]bool{}, late: map[string]bool{}}
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
				village = cmp.Or(p.roster.At(e.Region, ledger.LevelVillage).Code, e.Region) // or right under a township
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
