package bot

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/ledger/names"
	"xunfang/scheduler"
)

// outlook is what a view is made of: the ledger as it stands and the records of the elders in question. Making the view
// is pure; reading its parts is the turn's.
type outlook struct {
	roster   *ledger.Roster
	packs    scheduler.Packs
	pack     scheduler.Pack // of today, among them
	elders   []ledger.Elder // of the speaker's everyday
	named    []ledger.Elder // whom the sentence or the conversation is about besides
	entries  []ledger.Entry // of the elders in scope, from the quarter's first day
	findings []ledger.Finding
	noPhoto  int // the speaker's door visits of the period that owe a photo
	zone     *time.Location
	names    interface {
		Find(said string, may func(string) bool, limit int) []names.Hit
		Among(said string, ids []string, limit int) []names.Hit
	}
	wants   flows.Wants
	open    []ledger.Proposal // that wait for whoever keeps the elder
	looks   []ledger.Look     // at the one elder asked about
	logs    []listed          // that the speaker may mend, newest first, when asked for
	signs   []ledger.Review   // open ones, when asked for
	steps   []ledger.Step     // of the same
	owes    []ledger.Owes     // of the regions the speaker leads, when figures are asked for
	silence string            // why the calendar was silent, when asked for
	cases   cases
	family  family
	invites bool // a relative can open a further line than 微信客服
}

// since is the day from which records matter to a view: whatever a rule may count, and a quarter to look back on.
func since(today ledger.Day) ledger.Day {
	return min(ledger.QuarterOf(today).First(), today.Add(-92))
}

// sinceFor is the same for one person: talks are counted by the half-year, and only helpers owe them.
func sinceFor(r *ledger.Roster, user string, today ledger.Day) ledger.Day {
	if slices.ContainsFunc(r.Acts(user, today), func(p ledger.Post) bool { return p.Role == ledger.RoleHelper && p.Holds(today) }) {
		return min(since(today), ledger.HalfOf(today).First())
	}
	return since(today)
}

// reach are the elders a person's everyday words are about: those assigned and paired, and a village lead's village.
// A whole township or county is told by figures, not by name.
func reach(r *ledger.Roster, user string, today ledger.Day) []ledger.Elder {
	out := r.Assigned(user, today)
	for _, p := range r.Acts(user, today) {
		switch {
		case !p.Holds(today):
		case p.Role == ledger.RoleHelper, p.Role == ledger.RoleVillage, p.Role == ledger.RoleKeeper:
			if reg, ok := r.Region(p.Region); ok && (reg.Level == ledger.LevelVillage || reg.Level == ledger.LevelGroup || p.Role == ledger.RoleHelper) {
				out = append(out, r.Visible(user, today)...)
			}
		}
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(out, func(e ledger.Elder) bool {
		drop := seen[e.ID] || left(r, e.ID, today) || r.May(user, e.ID, today).Sight == ledger.SightNone
		seen[e.ID] = true
		return drop
	})
}

// left says whether an elder has died, moved away or withdrawn: they are on nobody's list any more.
func left(r *ledger.Roster, elderID string, today ledger.Day) bool {
	s, away := r.Standing(elderID, today)
	return away && s.Kind.Ends()
}

// due is what is owed for an elder: nothing while they are in hospital or with a child, and nothing once they have left
// (requirements §3 cases 1 and 2).
func (o outlook) due(e ledger.Elder, entries []ledger.Entry, today ledger.Day) []ledger.Duty {
	if _, away := o.roster.Standing(e.ID, today); away {
		return nil
	}
	d, _ := o.roster.Dossier(e.ID)
	return scheduler.Due(&d, entries, o.packs, today)
}

// areas are the regions a lead's figures are told by: a village's visitors, a township's villages, a county's townships.
func areas(r *ledger.Roster, user string, today ledger.Day) []ledger.Post {
	return slices.DeleteFunc(slices.Clone(r.Acts(user, today)), func(p ledger.Post) bool {
		return !p.Holds(today) || p.Role != ledger.RoleVillage && p.Role != ledger.RoleTownship && p.Role != ledger.RoleCounty
	})
}

// look makes the view of a person at a moment.
func (o outlook) look(user string, in flows.Input) flows.View {
	now, zone, today := in.Now, in.Zone, in.Today
	o.zone = zone
	r := o.roster
	v := flows.View{Rules: o.rules(today), Said: in.View.Said, Added: in.View.Added}
	who, _ := r.Person(user)
	for _, p := range r.Posts(user) {
		if p.Holds(today) {
			v.Known = true
			reg, _ := r.Region(p.Region)
			v.Posts = strings.TrimSpace(v.Posts + " " + reg.Name + p.Role.Name())
		}
	}
	v.Leads = o.leads(user, v.Known, today)
	o.show(&v, user, in)
	if ledger.IsKf(user) {
		v.Family = o.kin(user, in)
		for _, l := range o.family.lines {
			if l.Channel == ledger.ChannelKf {
				v.Name = l.Nick
			}
		}
		v.Keepers = func(id string) []flows.Person { return o.keepers(id, today) }
		v.Family.Invites = o.invites
	} else {
		o.showFamilies(&v, user, in)
	}
	v.Find = func(string) ([]flows.Elder, bool) { return nil, true }
	if !v.Known {
		return v
	}
	v.Name, v.Phone = who.Name, who.Phone
	o.further(&v, user, today)
	o.duties(&v, user, today)
	byElder := map[string][]ledger.Entry{}
	for _, e := range o.entries {
		if e.Day < sinceFor(r, user, today) {
			continue
		}
		byElder[e.ElderID] = append(byElder[e.ElderID], e)
	}
	v.Elders = make([]flows.Elder, 0, len(o.elders))
	for _, e := range o.elders {
		v.Elders = append(v.Elders, o.elder(e, byElder[e.ID], user, in))
	}
	for _, e := range o.named {
		v.Named = append(v.Named, o.elder(e, byElder[e.ID], user, in))
	}
	v.After = func(e ledger.Entry) []ledger.Duty {
		elder, _ := r.Elder(e.ElderID)
		others := slices.DeleteFunc(slices.Clone(byElder[e.ElderID]), func(x ledger.Entry) bool { return x.Key == e.Key })
		return o.due(elder, append(others, e), min(today, o.lastDay(e.Day)))
	}
	v.Logged = o.readable(user, today)
	if o.wants.Figures {
		v.Figure = o.own(v.Elders, user, now.In(zone))
		for _, p := range areas(r, user, today) {
			v.Areas = append(v.Areas, o.figures(p, today)...)
			v.Drives = append(v.Drives, o.drives(p, today)...)
		}
	}
	return v
}

func (o outlook) rules(today ledger.Day) flows.Rules {
	period := "本月"
	if !slices.ContainsFunc(o.pack.Duties, func(r scheduler.Rule) bool { return r.Kind == ledger.KindVisit && r.Per == scheduler.PerMonth }) {
		period = "本季度"
	}
	return flows.Rules{
		Period: period, Heating: o.pack.Heating(today), Rainy: o.pack.Rainy(today), Recheck: o.pack.Recheck, Confirm: o.pack.Confirm,
		PhotoNeeded: o.pack.PhotoFor(ledger.MethodDoor) == scheduler.PhotoRequired, PhotoGrace: time.Duration(o.pack.Photo.Grace),
		OpenFrom: o.pack.OpenFrom(today),
		Quiet:    time.Duration(o.pack.Alarm.Quiet), Join: time.Duration(o.pack.Alarm.Join), Follow: int(time.Duration(o.pack.Alarm.Follow) / (24 * time.Hour)),
		BondDays: int(time.Duration(o.pack.Family.Recheck) / (24 * time.Hour)),
		Services: o.pack.Services(), Depts: o.pack.DeptNames(), Routes: o.pack.Routes(),
	}
}

// jointly is how long after somebody's record another's of the same elder may be the same visit (requirements §3 case 25).
const jointly = 2 * time.Hour

func (o outlook) elder(e ledger.Elder, entries []ledger.Entry, user string, in flows.Input) flows.Elder {
	out := o.bare(e, user, in.Today)
	if out.Until == "" {
		out.Duties = concern(o.due(e, entries, in.Today), out)
	}
	out.Numbered, out.Tried = map[string]int{}, tries(entries)
	for _, x := range entries {
		if no, n := numbered(x.No, e.ID); n > 0 {
			out.Numbered[no] = max(out.Numbered[no], n)
		}
		if !ofVisit(x) {
			continue
		}
		out.Entries++
		if x.Outcome.Met() && x.Day <= in.Today {
			out.Last = max(out.Last, x.Day)
			out.Counted = append(out.Counted, x.Day)
			out.Attempts = 0
		}
		if x.Outcome == ledger.OutcomeAbsent && x.Day > out.Missed { // twice on a day is one attempt
			out.Missed = x.Day
			out.Attempts++
		}
		if out.Until == "" && joint(x, user, in) {
			p, _ := o.roster.Person(x.UserID)
			found := slices.DeleteFunc(slices.Clone(o.findings), func(f ledger.Finding) bool { return f.EntryKey != x.Key })
			out.Others = append(out.Others, flows.Joint{Record: ledger.Record{Entry: x, Findings: found}, Name: p.Name})
		}
	}
	return out
}

// joint says whether a record is somebody else's of just now.
func joint(x ledger.Entry, user string, in flows.Input) bool {
	return x.UserID != user && x.Day == in.Today && x.Outcome.Met() && in.Now.Sub(x.EnteredAt) < jointly
}

// numbered reads a record's number: what it begins with, and which of the day's it is. 0 where it is another elder's.
func numbered(no, elderID string) (string, int) {
	at := len("060102-")
	if len(no) < at || !strings.HasPrefix(no[at:], elderID) {
		return "", 0
	}
	first, rest := no[:at+len(elderID)], no[at+len(elderID):]
	if rest == "" {
		return first, 1
	}
	n, err := strconv.Atoi(strings.TrimPrefix(rest, "-"))
	if err != nil {
		return "", 0
	}
	return first, n
}

// lastDay is the last day of the period in which a day's visit counts.
func (o outlook) lastDay(day ledger.Day) ledger.Day {
	if o.rules(day).Period == "本月" {
		return ledger.MonthOf(day).Last()
	}
	return ledger.QuarterOf(day).Last()
}

// bare is an elder without what the records say.
func (o outlook) bare(e ledger.Elder, user string, today ledger.Day) flows.Elder {
	r := o.roster
	out := flows.Elder{
		ID: e.ID, Name: e.Name, Aliases: strings.FieldsFunc(e.Aliases, func(c rune) bool { return c == '、' }), Female: e.Gender == "女",
		Village: r.At(e.Region, ledger.LevelVillage).Name, Group: r.At(e.Region, ledger.LevelGroup).Name, Age: e.Birth.Age(today),
		Tier: r.Tier(e.ID, today), Mine: o.acts(r.Visitors(e.ID, today), user, today),
		Paired: o.acts(r.Helping(e.ID, today), user, today),
		Phone:  e.Phone, Address: e.Address, Region: e.Region, Access: r.May(user, e.ID, today), Since: e.Since,
	}
	if out.Access.Late {
		out.Until, _ = r.Until(user, e.ID, today)
		out.Phone, out.Address = "", ""
		return out
	}
	out.Away, _ = r.Standing(e.ID, today)
	if kin := r.Kin(e.ID); len(kin) > 0 {
		out.Kin, out.KinPhone = kin[0].Name, kin[0].Phone
	}
	if lead := r.Holders(ledger.RoleVillage, e.Region, today); len(lead) > 0 {
		out.Lead = flows.Person{UserID: lead[0].UserID, Name: lead[0].Name}
	}
	return out
}

// leads hear of an emergency the speaker reports: village and township together; of a stranger's, the county (contract).
func (o outlook) leads(user string, known bool, today ledger.Day) []flows.Person {
	var out []flows.Person
	add := func(people []ledger.Person) {
		for _, p := range people {
			if p.UserID != user && !slices.ContainsFunc(out, func(x flows.Person) bool { return x.UserID == p.UserID }) {
				out = append(out, flows.Person{UserID: p.UserID, Name: p.Name})
			}
		}
	}
	for _, p := range o.roster.Posts(user) {
		if p.Holds(today) {
			add(o.roster.Holders(ledger.RoleVillage, p.Region, today))
			add(o.roster.Holders(ledger.RoleTownship, p.Region, today))
		}
	}
	if len(out) == 0 || !known {
		add(o.roster.All(ledger.RoleCounty, today))
	}
	return out
}

// own are the speaker's figures: what is owed for the elders assigned, and what the speaker logged in the period.
func (o outlook) own(elders []flows.Elder, user string, now time.Time) flows.Figure {
	today := ledger.DayOf(now, now.Location())
	f := flows.Figure{NoPhoto: o.noPhoto}
	first := o.periodStart(today)
	for _, e := range elders {
		if e.Mine {
			f.Elders++
			tally(&f, e.Duties)
		}
	}
	for _, x := range o.entries {
		if x.Kind != ledger.KindVisit || x.UserID != user || x.Day < first || x.Day > today || x.Outcome == ledger.OutcomeUndone {
			continue
		}
		f.Visits++
		switch {
		case x.Outcome == ledger.OutcomeAbsent:
			f.Attempts++
		case x.Outcome == ledger.OutcomeRefused:
			f.Refused++
		case x.Method == ledger.MethodDoor:
			f.Door++
		default:
			f.Calls++
		}
	}
	for _, x := range o.findings {
		if ledger.DayOf(x.At, now.Location()) < first {
			continue
		}
		if e, ok := o.roster.Elder(x.ElderID); ok && slices.Contains(o.roster.Visitors(e.ID, today), user) {
			f.Found++
			if x.State == ledger.FindingReported {
				f.Reported++
			}
		}
	}
	return f
}

func (o outlook) periodStart(today ledger.Day) ledger.Day {
	if o.rules(today).Period == "本月" {
		return ledger.MonthOf(today).First()
	}
	return ledger.QuarterOf(today).First()
}

func tally(f *flows.Figure, duties []ledger.Duty) {
	missing := false
	for _, d := range duties {
		if d.Kind != ledger.KindVisit {
			continue
		}
		f.Need += d.Need
		f.Done += min(d.Done, d.Need)
		missing = missing || d.Missing() > 0
	}
	if missing {
		f.Missing++
	}
}

// beneath are the codes of the regions that posts lead, and of all in them.
func beneath(r *ledger.Roster, posts []ledger.Post) []string {
	var out []string
	for _, p := range posts {
		out = append(out, below(r, p.Region)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// figures are a lead's lines: the area, then its parts — a village by visitor, everything above by the regions below.
func (o outlook) figures(p ledger.Post, today ledger.Day) []flows.Area {
	r := o.roster
	reg, _ := r.Region(p.Region)
	lines := []flows.Area{{Name: reg.Name}}
	at := map[string]int{}
	line := func(part string) int {
		i, ok := at[part]
		if !ok {
			i = len(lines)
			at[part] = i
			lines = append(lines, flows.Area{Name: part})
		}
		return i
	}
	for _, e := range r.Within(p.Region) {
		if left(r, e.ID, today) {
			continue
		}
		lines[0].Elders++
		for _, part := range o.parts(reg.Level, e, today) {
			lines[line(part)].Elders++
		}
	}
	missing := map[int]map[string]int{} // by line and duty: who lacks two of them is one elder
	for _, x := range o.owes {
		if !slices.Contains(r.Path(x.Region), p.Region) || !o.packs.Visits(x.Duty) {
			continue
		}
		for _, i := range []int{0, line(o.part(reg.Level, x))} {
			lines[i].Need += x.Need
			lines[i].Done += x.Done
			if missing[i] == nil {
				missing[i] = map[string]int{}
			}
			missing[i][x.Duty] += x.Missing
			lines[i].Missing = max(lines[i].Missing, missing[i][x.Duty])
		}
	}
	return lines
}

// drives are the extra rounds under way in a lead's area, each told by the parts of it.
func (o outlook) drives(p ledger.Post, today ledger.Day) []flows.Drive {
	r := o.roster
	reg, _ := r.Region(p.Region)
	var out []flows.Drive
	for _, x := range r.Rounds() {
		if !x.Holds(today) || !slices.Contains(r.Path(p.Region), x.Region) && !slices.Contains(r.Path(x.Region), p.Region) {
			continue
		}
		d := flows.Drive{Name: x.Name, Due: x.To, Areas: []flows.Area{{Name: reg.Name}}}
		for _, sum := range o.owes {
			if sum.Duty != x.Name || sum.Due != x.To || !slices.Contains(r.Path(sum.Region), p.Region) || !slices.Contains(r.Path(sum.Region), x.Region) {
				continue
			}
			name := o.part(reg.Level, sum)
			i := slices.IndexFunc(d.Areas[1:], func(a flows.Area) bool { return a.Name == name }) + 1
			if i == 0 {
				i = len(d.Areas)
				d.Areas = append(d.Areas, flows.Area{Name: name})
			}
			for _, i := range []int{0, i} {
				d.Areas[i].Need += sum.Need
				d.Areas[i].Done += sum.Done
			}
		}
		if d.Areas[0].Need > 0 {
			slices.SortFunc(d.Areas[1:], func(a, b flows.Area) int { return strings.Compare(a.Name, b.Name) })
			out = append(out, d)
		}
	}
	return out
}

// part is the line on which a sum is told.
func (o outlook) part(level ledger.Level, x ledger.Owes) string {
	switch level {
	case ledger.LevelCounty:
		return o.roster.At(x.Region, ledger.LevelTownship).Name
	case ledger.LevelTownship:
		return o.roster.At(x.Region, ledger.LevelVillage).Name
	}
	if p, ok := o.roster.Person(x.UserID); ok {
		return p.Name
	}
	return nobodyYet
}

// nobodyYet heads those whom nobody visits.
const nobodyYet = "还没安排巡访员"

func (o outlook) parts(level ledger.Level, e ledger.Elder, today ledger.Day) []string {
	switch level {
	case ledger.LevelCounty:
		return []string{o.roster.At(e.Region, ledger.LevelTownship).Name}
	case ledger.LevelTownship:
		return []string{o.roster.At(e.Region, ledger.LevelVillage).Name}
	}
	var names []string
	for _, id := range o.roster.Visitors(e.ID, today) {
		p, _ := o.roster.Person(id)
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return []string{nobodyYet}
	}
	return names
}
