package bot

import (
	"slices"
	"strings"

	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/ledger/names"
)

// mostHits is how many elders a word may mean before the speaker has to say more.
const mostHits = 8

// further fills in what a view holds beyond the speaker's everyday: all of it is asked of May, elder by elder.
func (o outlook) further(v *flows.View, user string, today ledger.Day) {
	r := o.roster
	v.Revision = r.Version()
	for _, p := range r.Acts(user, today) {
		if p.Holds(today) && !slices.Contains(v.Roles, p.Role) {
			v.Roles = append(v.Roles, p.Role)
		}
	}
	may := func(id string) ledger.Access { return r.May(user, id, today) }
	v.Find = func(said string) (hits []flows.Elder, sure bool) {
		found := o.found(said, user, today, mostHits)
		sure = true
		for _, h := range found {
			if e, ok := r.Elder(h.ID); ok {
				hits = append(hits, o.bare(e, user, today))
			}
			sure = sure && (h.How <= names.Partial || h.How <= names.Initials && letters(said))
		}
		return hits, sure
	}
	v.Sheet = func(id string) (flows.Sheet, bool) { return o.sheet(id, may(id).Sight, today) }
	v.Responsible = func(id string, on ledger.Day) []flows.Person {
		var out []ledger.Person
		for _, u := range r.Visitors(id, on) {
			if p, ok := r.Person(u); ok {
				out = append(out, p)
			}
		}
		return people(out)
	}
	v.Keepers = func(id string) []flows.Person { return o.keepers(id, today) }
	v.Assigners = func(id string) []flows.Person {
		e, _ := r.Elder(id)
		return people(firstOf(r.Holders(ledger.RoleVillage, e.Region, today), r.Holders(ledger.RoleTownship, e.Region, today)))
	}
	v.Reopeners = func(id string) []flows.Person {
		e, _ := r.Elder(id)
		return people(firstOf(r.Holders(ledger.RoleTownship, e.Region, today), r.Holders(ledger.RoleCounty, e.Region, today)))
	}
	v.Staff = func(user string) string {
		p, _ := r.Person(user)
		return p.Name
	}
	v.Visitors = func(id string) []flows.Person { return o.visitors(id, today) }
	v.Places = o.places
	v.Oversees = func(code string) bool {
		return ledger.May(r.Posts(user), ledger.Relation{Path: r.Path(code)}, today).Sight > ledger.SightNone
	}
	v.Notified = func(codes ...string) []flows.Person {
		var out []ledger.Person
		for _, code := range codes {
			out = append(out, r.Holders(ledger.RoleVillage, code, today)...)
			out = append(out, r.Holders(ledger.RoleTownship, code, today)...)
		}
		return slices.DeleteFunc(people(out), func(p flows.Person) bool { return p.UserID == user })
	}
	if o.wants.Proposals {
		v.Proposals = o.proposals(user, today)
	}
	if o.wants.Gaps {
		v.Gaps = o.gaps(user, today)
	}
	if o.wants.Reviews {
		v.Reviews = o.reviews(user, today)
	}
	v.Log = o.log()
}

// found are whom somebody may mean among those in their sight. Who has no area in charge sees a few dozen, and looking among
// them is quicker than looking away from thousands of the same name.
func (o outlook) found(said, user string, today ledger.Day, limit int) []names.Hit {
	for _, p := range o.roster.Acts(user, today) {
		if p.Role != ledger.RoleVisitor && p.Role != ledger.RoleHelper && p.Holds(today) {
			return o.names.Find(said, func(id string) bool { return o.roster.May(user, id, today).Sight > ledger.SightNone }, limit)
		}
	}
	return o.names.Among(said, o.roster.Bound(user, today), limit)
}

// letters says whether a name was typed in letters: then its sound is all there is to go by. Other characters of the same
// sound are a guess, and may be somebody else's name.
func letters(said string) bool {
	return !strings.ContainsFunc(said, func(r rune) bool { return r >= 0x80 })
}

func (o outlook) sheet(id string, sight ledger.Sight, today ledger.Day) (flows.Sheet, bool) {
	e, ok := o.roster.Elder(id)
	if !ok || sight == ledger.SightNone {
		return flows.Sheet{}, false
	}
	s := flows.Sheet{Elder: e.Seen(sight), Kin: o.roster.Kin(id), Tier: o.roster.Tier(id, today), Sight: sight,
		Standings: o.roster.Standings(id)}
	for _, u := range o.roster.Visitors(id, today) {
		if p, ok := o.roster.Person(u); ok {
			s.Visitors = append(s.Visitors, flows.Person{UserID: p.UserID, Name: p.Name})
		}
	}
	return s, true
}

// keepers settle what is proposed about an elder: the keeper of the place, else the township lead, else the county.
func (o outlook) keepers(id string, today ledger.Day) []flows.Person {
	e, ok := o.roster.Elder(id)
	if !ok {
		return nil
	}
	return people(firstOf(o.roster.Holders(ledger.RoleKeeper, e.Region, today), o.roster.Holders(ledger.RoleTownship, e.Region, today),
		o.roster.Holders(ledger.RoleCounty, e.Region, today)))
}

func firstOf(lists ...[]ledger.Person) []ledger.Person {
	for _, l := range lists {
		if len(l) > 0 {
			return l
		}
	}
	return nil
}

func people(list []ledger.Person) []flows.Person {
	var out []flows.Person
	for _, p := range list {
		if x := (flows.Person{UserID: p.UserID, Name: p.Name}); !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// visitors could be made responsible for an elder: those of the village first, then those of the township.
func (o outlook) visitors(id string, today ledger.Day) []flows.Person {
	e, _ := o.roster.Elder(id)
	var out []ledger.Person
	for _, code := range o.roster.Path(e.Region) {
		reg, _ := o.roster.Region(code)
		if reg.Level == ledger.LevelCounty {
			break
		}
		out = append(out, o.roster.Posted(ledger.RoleVisitor, code, today)...)
	}
	return people(out)
}

// places are the villages and groups of a name; with the village's name before the group's where both are said.
func (o outlook) places(said string) []flows.Place {
	var out []flows.Place
	for _, x := range o.roster.Regions() {
		if x.Level != ledger.LevelVillage && x.Level != ledger.LevelGroup {
			continue
		}
		township, whole := o.roster.At(x.Code, ledger.LevelTownship).Name, o.roster.At(x.Code, ledger.LevelVillage).Name
		village := township + whole
		if x.Level == ledger.LevelGroup {
			whole += x.Name
		}
		if said != "" && (said == whole || said == x.Name || said == x.Code || said+"村" == x.Name) {
			out = append(out, flows.Place{Code: x.Code, Name: township + whole, Village: village})
		}
	}
	return out
}

func (o outlook) proposals(user string, today ledger.Day) []flows.Proposal {
	var out []flows.Proposal
	for _, p := range o.open {
		f := p.Fact
		e, ok := o.roster.Elder(f.ElderID)
		if !ok || !slices.ContainsFunc(o.keepers(f.ElderID, today), func(k flows.Person) bool { return k.UserID == user }) {
			continue
		}
		by, _ := o.roster.Person(f.By)
		x := flows.Proposal{Key: f.Key, ElderID: f.ElderID, Field: f.Field, Now: f.Value, By: by.Name, Day: ledger.DayOf(f.At, o.zone)}
		switch f.Field {
		case "phone":
			x.Was = e.Phone
		case "address":
			x.Was = e.Address
		case "kin":
			kin := flows.KinMeant(f.Value, o.roster.Kin(e.ID))
			x.Kin, x.Was = kin.Name, kin.Phone
		}
		out = append(out, x)
	}
	return out
}

// gaps are where nobody is responsible in the areas a person leads: elders without a visitor, villages and townships without
// a lead, townships without a keeper (002 五: 指派专人, 专人管理; 七(一): 有人管事).
func (o outlook) gaps(user string, today ledger.Day) []flows.Gap {
	r := o.roster
	var out []flows.Gap
	seen := map[string]bool{}
	add := func(key string, g flows.Gap) {
		if !seen[key] {
			seen[key] = true
			out = append(out, g)
		}
	}
	for _, p := range areas(r, user, today) {
		for _, code := range below(r, p.Region) {
			reg, _ := r.Region(code)
			switch {
			case reg.Level == ledger.LevelVillage && len(r.Posted(ledger.RoleVillage, code, today)) == 0:
				add(code, flows.Gap{Where: reg.Name, What: "没有村负责人"})
			case reg.Level == ledger.LevelTownship && len(r.Posted(ledger.RoleTownship, code, today)) == 0:
				add(code, flows.Gap{Where: reg.Name, What: "没有乡镇负责人"})
			}
			if reg.Level == ledger.LevelTownship && len(r.Holders(ledger.RoleKeeper, code, today)) == 0 {
				add(code+"/keeper", flows.Gap{Where: reg.Name, What: "没有档案员"})
			}
		}
		for _, e := range r.Within(p.Region) {
			if left(r, e.ID, today) {
				continue
			}
			if s, away := r.Standing(e.ID, today); away && s.Review != "" && s.Review <= today { // case 2: nobody is forgotten in a pause
				add(e.ID+"/review", flows.Gap{Where: r.Place(e), What: e.Name + "暂停到期,该复核了"})
			}
			if len(r.Visiting(e.ID, today)) == 0 {
				add(e.ID, flows.Gap{Where: r.Place(e), What: e.Name + "没有巡访员", Elder: e.ID})
			}
		}
	}
	return out
}

// below is a region and all regions in it.
func below(r *ledger.Roster, code string) []string {
	out := []string{code}
	for i := 0; i < len(out); i++ {
		for _, c := range r.Children(out[i]) {
			if !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}

// asked is the one elder whose log a message asks for, if the speaker may read it.
func (o outlook) asked(user string, today ledger.Day) (ledger.Elder, bool) {
	if o.wants.Log == "" {
		return ledger.Elder{}, false
	}
	hits := o.found(o.wants.Log, user, today, 2)
	if len(hits) != 1 || !o.roster.May(user, hits[0].ID, today).Log {
		return ledger.Elder{}, false
	}
	return o.roster.Elder(hits[0].ID)
}

// log is who looked at the elder asked about and who changed the entry, newest first.
func (o outlook) log() []flows.Seen {
	who := func(id string) string {
		switch id {
		case ledger.ByImport:
			return "导入工作簿"
		case ledger.ByOperator:
			return "服务器管理员"
		}
		if p, ok := o.roster.Person(id); ok {
			return p.Name
		}
		return id
	}
	var out []flows.Seen
	for _, l := range o.looks {
		out = append(out, flows.Seen{At: l.At, Who: who(l.By), What: "看过" + string(l.What)})
	}
	for _, s := range o.steps {
		var fields []string
		for _, c := range s.Changes {
			if name := fieldNames[c.Table+"."+c.Field]; !slices.Contains(fields, name) && name != "" {
				fields = append(fields, name)
			}
		}
		what := "改了" + strings.Join(fields, "、")
		if slices.ContainsFunc(s.Changes, func(c ledger.Change) bool { return c.Table == ledger.TableElders && c.Field == "" }) {
			what = "建档"
		}
		out = append(out, flows.Seen{At: s.At, Who: who(s.By), What: what})
	}
	slices.SortStableFunc(out, func(a, b flows.Seen) int { return b.At.Compare(a.At) })
	return out
}

// fieldNames are what people call what changed.
var fieldNames = map[string]string{
	"elders.Name": "姓名", "elders.Aliases": "别名", "elders.Gender": "性别", "elders.IDNumber": "身份证号", "elders.Birth": "出生日期",
	"elders.Phone": "电话", "elders.Region": "村组", "elders.Address": "住址", "elders.Lon": "位置", "elders.Lat": "位置", "elders.Nation": "民族",
	"elders.Living": "居住状况", "elders.SelfCare": "自理能力", "elders.LostChild": "失独", "elders.Health": "健康", "elders.Income": "经济来源",
	"elders.Care": "照料", "elders.Hardship": "困难", "elders.Consent": "同意书", "elders.Since": "建档日期",
	"assignments.": "巡访员", "assignments.To": "巡访员", "tierings.": "级别", "tierings.To": "级别", "tierings.Tier": "级别",
	"kins.": "家属", "kins.Relation": "家属", "kins.Phone": "家属电话", "kins.Where": "家属去向", "kins.Carer": "受托照顾人", "kins.Consent": "家属同意",
	"pairs.": "帮扶", "pairs.To": "帮扶", "standings.": "在册情况", "standings.To": "在册情况", "standings.Kind": "在册情况", "standings.Review": "复核日期",
	"standings.Place": "去向",
}
