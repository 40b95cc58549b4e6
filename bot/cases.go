package bot

import (
	"context"
	"slices"
	"strings"
	"time"

	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/scheduler"
	"xunfang/store"
)

// cases are what a view holds of them: read only for what wants them.
type cases struct {
	files   []ledger.CaseFile // alarms that are not over, and those asked for by key
	count   int64             // alarms raised ever
	today   int               // alarms raised today
	waiting []ledger.CaseFile // matters that wait for the speaker, or that they raised
	solved  []ledger.CaseFile // of the elder of a visit: the elder is asked
}

// readCases reads what the conversation wants of cases.
func (b *Bot) readCases(ctx context.Context, o outlook, user string, in flows.Input) (c cases, err error) {
	w := o.wants
	if w.Alarms {
		if c.files, c.count, err = b.Store.Alarms(ctx); err != nil {
			return c, err
		}
		if c.today, err = b.Store.AlarmsBetween(ctx, in.Today.In(in.Zone), in.Today.Add(1).In(in.Zone)); err != nil {
			return c, err
		}
	}
	var keys []string
	for _, key := range w.Cases {
		if !slices.ContainsFunc(c.files, func(f ledger.CaseFile) bool { return f.Key == key }) {
			keys = append(keys, key)
		}
	}
	if len(keys) > 0 {
		files, err := b.Store.CaseFiles(ctx, keys...)
		if err != nil {
			return c, err
		}
		c.files = append(c.files, files...)
	}
	if w.Matters {
		if c.waiting, err = b.Store.CasesOf(ctx, b.mattersOf(o, user, in.Today)); err != nil {
			return c, err
		}
	}
	if w.Solved != "" {
		c.solved, err = b.Store.CasesOf(ctx, store.CaseFilter{Elders: []string{w.Solved}, States: []ledger.CaseState{ledger.CaseSolved}})
	}
	return c, err
}

// mostMatters is how many are read for a list.
const mostMatters = 200

// mattersOf says which matters are somebody's: of the regions they lead, of their department, raised or owned by them.
func (b *Bot) mattersOf(o outlook, user string, today ledger.Day) store.CaseFilter {
	f := store.CaseFilter{User: user, Open: true, Kinds: []ledger.CaseKind{ledger.CaseProblem, ledger.CaseNeed, ledger.CaseUrge}, Limit: mostMatters}
	f.Regions = beneath(o.roster, areas(o.roster, user, today))
	for _, p := range o.roster.Acts(user, today) {
		if p.Role == ledger.RoleDept && p.Holds(today) {
			f.Depts = append(f.Depts, p.Dept)
		}
	}
	return f
}

// show fills in what a view says of cases.
func (o outlook) show(v *flows.View, user string, in flows.Input) {
	c := o.cases
	v.Alarms, v.AlarmCount, v.AlarmsToday = c.files, c.count, c.today
	v.Case = func(key string) (flows.CaseView, bool) {
		for _, f := range slices.Concat(c.files, c.waiting, c.solved) {
			if f.Key == key {
				x := o.caseView(f, user, in.Today)
				return x, x.Sight > ledger.CaseNone
			}
		}
		return flows.CaseView{}, false
	}
	views := func(files []ledger.CaseFile) (out []flows.CaseView) {
		for _, f := range files {
			if x := o.caseView(f, user, in.Today); x.Sight > ledger.CaseNone {
				out = append(out, x)
			}
		}
		return out
	}
	v.Matters, v.Solved = views(c.waiting), views(c.solved)
	v.Spot = o.spot
	v.Home, v.Near = o.home(user, in.Today), func(a, b string) bool {
		x, y := o.roster.At(a, ledger.LevelVillage), o.roster.At(b, ledger.LevelVillage)
		return x.Code != "" && x.Code == y.Code
	}
	v.Tells = func(x ledger.Case) []flows.Person {
		return people(scheduler.FirstTold(x, o.roster, o.packs, in.Now, in.Zone))
	}
}

// caseView is a case as somebody may see it.
// relative is somebody on 微信客服 whom a person here has verified, and what they are; the zero Person anybody else.
func (o outlook) relative(user string, today ledger.Day) (ledger.Person, string) {
	for _, b := range o.roster.Threads(user) {
		for _, k := range o.roster.Kin(b.ElderID) {
			if b.Holds(today) && k.Name == b.Kin {
				return ledger.Person{UserID: user, Name: k.Name, Phone: k.Phone}, "家属(" + k.Relation + ")"
			}
		}
	}
	return ledger.Person{}, ""
}

func (o outlook) caseView(f ledger.CaseFile, user string, today ledger.Day) flows.CaseView {
	r := o.roster
	v := flows.CaseView{CaseFile: f, Whole: f.Case, User: user, Names: func(u string) string {
		p, _ := r.Person(u)
		if ledger.IsKf(u) {
			p, _ = o.relative(u, today)
		}
		return p.Name
	}}
	area := false
	for _, p := range r.Acts(user, today) {
		if !p.Holds(today) || p.Region == "" || f.Region != "" && !slices.Contains(r.Path(f.Region), p.Region) || f.Region == "" && p.Role != ledger.RoleCounty {
			continue
		}
		switch p.Role {
		case ledger.RoleVillage, ledger.RoleTownship, ledger.RoleCounty:
			area, v.Leads = true, true
		case ledger.RoleKeeper:
			area = true
		}
	}
	v.Sight = ledger.MayCase(f, user, r.May(user, f.ElderID, today), area, r.Family(user, f.ElderID))
	if v.Sight == ledger.CaseNone {
		return flows.CaseView{User: user}
	}
	v.Reporter, _ = r.Person(f.By)
	if ledger.IsKf(user) { // a relative hears who acts, and of the elder from a person
		v.Outcome, v.Place = "", ""
	}
	if ledger.IsKf(f.By) {
		v.Reporter, v.Post = o.relative(f.By, today)
	}
	for _, p := range r.Posts(f.By) {
		if p.Holds(today) {
			reg, _ := r.Region(p.Region)
			v.Post = reg.Name + p.Role.Name()
			break
		}
	}
	v.Village = r.At(f.Region, ledger.LevelVillage).Name
	if e, ok := r.Elder(f.ElderID); ok && v.Sight >= ledger.CasePart {
		x := o.bare(e, user, today)
		v.Who, v.Where = x.Full(), x.Village+x.Group
		if e.Address != "" {
			v.Where = e.Address
		}
		if v.Sight == ledger.CaseAll {
			v.Phone = e.Phone
			if kin := r.Kin(e.ID); len(kin) > 0 && !ledger.AlarmOf(f.What).Hidden {
				v.Kin, v.KinPhone = strings.TrimSpace(kin[0].Relation+kin[0].Name+" "+kin[0].Where), kin[0].Phone
			}
		}
	}
	for _, e := range f.Timeline {
		if e.To == user && e.Dept != "" {
			for _, d := range o.pack.Depts {
				if d.Name == e.Dept {
					v.Duty = d.Duty
				}
			}
		}
	}
	if v.Sight < ledger.CasePart { // their own words only
		v.About, v.Place, v.Timeline = "", "", nil
		for _, e := range f.Timeline {
			if e.By != user {
				e.Text = ""
			}
			v.Timeline = append(v.Timeline, e)
		}
	}
	return v
}

// spot says whom and where words mean, whether or not the speaker may see them: an alarm goes to the right village. Of several of
// one name nobody is meant.
func (o outlook) spot(said string) (elderID, region string) {
	r := o.roster
	for _, reg := range r.Regions() { // the lowest one named, the longest name of those
		if reg.Name == "" || reg.Level == ledger.LevelGroup || !strings.Contains(said, reg.Name) {
			continue
		}
		if was, _ := r.Region(region); region == "" || len(r.Path(reg.Code)) > len(r.Path(region)) ||
			len(r.Path(reg.Code)) == len(r.Path(region)) && len(reg.Name) > len(was.Name) {
			region = reg.Code
		}
	}
	var meant []ledger.Elder
	for _, e := range r.Elders() {
		if len(e.Name) >= 2*3 && strings.Contains(said, e.Name) && (region == "" || slices.Contains(r.Path(e.Region), region)) {
			meant = append(meant, e)
		}
	}
	if len(meant) == 1 {
		return meant[0].ID, meant[0].Region
	}
	return "", region
}

// voice lets the ladders of the cases that a turn changed say what is due, and everybody who has part in them hear of it: in the
// same transaction.
func (o outlook) voice(c *ledger.Changes, in flows.Input) {
	files := slices.Concat(o.cases.files, o.cases.waiting, o.cases.solved)
	for i, step := range c.Cases {
		var was ledger.CaseFile
		if at := slices.IndexFunc(files, func(f ledger.CaseFile) bool { return f.Key == step.Case.Key }); at >= 0 {
			was = files[at]
		}
		step, rings := o.climbed(was.With(step), step, in.Now, in.Zone)
		c.Cases[i] = step
		c.Messages = append(c.Messages, o.spoken(was, step, rings, in)...)
	}
}

// climbed is a step with what the ladder makes of it.
func (o outlook) climbed(after ledger.CaseFile, step ledger.CaseStep, now time.Time, zone *time.Location) (ledger.CaseStep, []ledger.Ring) {
	run := scheduler.Climb
	if after.Kind != ledger.CaseAlarm {
		run = scheduler.Pass
	}
	more, rings, changed := run(after, o.roster, o.packs, now, zone)
	if changed {
		step.Case, step.Events = more.Case, append(step.Events, more.Events...)
		step.Case.Rev = step.Seen + 1
	}
	return step, rings
}

// spoken are the messages of a step: the ladder's, and what it is to everybody else.
func (o outlook) spoken(was ledger.CaseFile, step ledger.CaseStep, rings []ledger.Ring, in flows.Input) []ledger.Message {
	after := was.With(step)
	as := func(user string) flows.CaseView { return o.caseView(after, user, in.Today) }
	out := flows.Spread(was, step, as, in)
	for _, x := range rings {
		out = append(out, flows.Rung(x, as(x.To), in))
	}
	return out
}

// home is the one village or township in which somebody holds posts, "" none or several.
func (o outlook) home(user string, today ledger.Day) string {
	code := ""
	for _, p := range o.roster.Posts(user) {
		switch reg, _ := o.roster.Region(p.Region); {
		case !p.Holds(today) || p.Region == code:
		case code != "" || reg.Level == ledger.LevelCounty:
			return ""
		default:
			code = p.Region
		}
	}
	return code
}
