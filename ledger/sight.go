package ledger

// Sight is how much of an elder somebody sees.
type Sight int

const (
	SightNone   Sight = iota // not even that the elder exists
	SightCare                // name, where, duties and records: what the work needs
	SightLedger              // the whole ledger entry
)

// May decides how much of an elder somebody sees on a day: the one place where that is decided (contract, "Who hears and
// who sees"). posts are the speaker's, assigned and paired say whether they are this elder's visitor or helper on that
// day, path is the elder's region and everything above it.
//
// A department sees the matter routed to it and a volunteer nothing until signed up: neither sees an elder here.
func May(posts []Post, assigned, paired bool, path []string, on Day) Sight {
	sight := SightNone
	for _, p := range posts {
		if !p.Holds(on) {
			continue
		}
		switch p.Role {
		case RoleVisitor:
			if assigned {
				sight = max(sight, SightCare)
			}
		case RoleHelper:
			if paired {
				sight = max(sight, SightCare)
			}
		case RoleVillage, RoleTownship, RoleCounty, RoleKeeper:
			for _, code := range path {
				if code == p.Region {
					sight = max(sight, SightLedger)
				}
			}
		}
	}
	return sight
}
