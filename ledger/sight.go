package ledger

import "slices"

// Sight is how much of an elder somebody sees.
type Sight int

const (
	SightNone   Sight = iota // not even that the elder exists
	SightCare                // name, where, phones to call, duties and records: what the work needs
	SightLedger              // the whole ledger entry; numbers masked, health and 失独 shown
)

// Access is what somebody may do with an elder on a day.
type Access struct {
	Sight   Sight
	Assign  bool // say who is responsible, and that the elder left or rests (002 五: 乡镇指派专人)
	Correct bool // change the ledger and settle proposals (002 五·信息核对: 专人管理)
	Log     bool // read who looked (002 七(三))
	Reopen  bool // correct anybody's records about the elder, and those of a closed period (requirements §3 case 17)
	Late    bool // enter what was done up to LateDays ago while it was theirs; sees nothing (requirements §3 case 5)
}

// LateDays is how long somebody may still enter visits of the time in which an elder was theirs.
const LateDays = 7

// Relation is what binds a person to an elder: the assignments and pairs between the two, and the elder's region with all
// above it, nearest first.
type Relation struct {
	Assigned []Assignment
	Paired   []Pair
	Path     []string
}

// Seen is an elder as somebody of that sight sees them: the one place where fields are left out. 失独 and what they live on
// are for the ledger only; an identity number is nobody's but the export's, others see its end.
func (e Elder) Seen(s Sight) Elder {
	switch s {
	case SightNone:
		return Elder{}
	case SightCare:
		e.LostChild, e.Income, e.Hardship, e.IDNumber = false, "", "", ""
	}
	if n := len(e.IDNumber); n > 4 {
		e.IDNumber = "尾号" + e.IDNumber[n-4:]
	}
	return e
}

// May decides what somebody may do with an elder on a day: the one place where that is decided (contract, "Who hears and who
// sees"), for chat, commands, files and pictures alike. Posts are the speaker's.
//
// A visitor sees the elders assigned to them, a helper those paired with them, a village lead or keeper the village's, a
// township lead the township's, the county all. A department sees the matter routed to it and a volunteer nothing until
// signed up: neither sees an elder here.
func May(posts []Post, rel Relation, on Day) Access {
	var a Access
	for _, p := range posts {
		if !p.Holds(on) {
			continue
		}
		switch p.Role {
		case RoleVisitor:
			for _, x := range rel.Assigned {
				if x.Holds(on) {
					a.Sight = max(a.Sight, SightCare)
				} else if x.To != "" && x.To < on && on.Sub(x.To) <= LateDays {
					a.Late = true
				}
			}
		case RoleHelper:
			for _, x := range rel.Paired {
				if x.Holds(on) {
					a.Sight = max(a.Sight, SightCare)
				}
			}
		case RoleVillage, RoleTownship, RoleCounty, RoleKeeper:
			if !slices.Contains(rel.Path, p.Region) {
				continue
			}
			a.Sight = SightLedger
			a.Assign = a.Assign || p.Role != RoleKeeper
			a.Correct = a.Correct || p.Role != RoleVillage
			a.Reopen = a.Reopen || p.Role == RoleTownship || p.Role == RoleCounty
			a.Log = a.Log || p.Role == RoleKeeper || p.Role == RoleCounty
		}
	}
	a.Late = a.Late && a.Sight == SightNone
	return a
}

// CaseSight is how much of a case somebody sees.
type CaseSight int

const (
	CaseNone CaseSight = iota
	CaseOwn            // what they said themselves, and who acts
	CasePart           // the case and no more of the elder than it needs: name, where, age (contract, "a department sees the matter routed to it")
	CaseAll            // the elder's phone and family, too
)

// MayCase decides what somebody sees of a case: whoever leads or keeps where it is all of it, whoever was told or acts what the case
// needs, who reported it their own words. Where somebody of the family may be behind it, nobody of the family sees it, whatever
// their post (002 六(四): 欺老、虐老). The one place where that is decided; access is theirs to the elder, area whether they lead or
// keep the case's region, kin whether they are family.
func MayCase(f CaseFile, user string, access Access, area, kin bool) CaseSight {
	switch {
	case kin && AlarmOf(f.What).Hidden && f.By == user:
		return CaseOwn
	case kin && AlarmOf(f.What).Hidden:
		return CaseNone
	case area || access.Sight > SightNone && f.Knows(user):
		return CaseAll
	case f.Owner == user || slices.ContainsFunc(f.Timeline, func(e Event) bool {
		return e.To == user && (e.Kind == EventTold || e.Kind == EventCalled || e.Kind == EventPassed || e.Kind == EventShown && e.Dept != "")
	}):
		return CasePart
	case f.State == CaseSolved && access.Sight > SightNone: // whoever visits the elder next asks whether it is (002 七(三))
		return CasePart
	case f.Knows(user):
		return CaseOwn
	}
	return CaseNone
}

// Family says whether somebody who works here is family of an elder, as far as names and numbers tell.
func (r *Roster) Family(userid, elderID string) bool {
	p, ok := r.people[userid]
	return ok && slices.ContainsFunc(r.kin[elderID], func(k Kin) bool {
		return k.Name != "" && k.Name == p.Name || k.Phone != "" && k.Phone == p.Phone
	})
}
