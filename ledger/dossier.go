package ledger

// Dossier is one elder with everything dated that decides what is owed for them: the rows of other elders are not in it.
type Dossier struct {
	Elder
	Regions   []string // where they live and all above it, nearest first
	Tiers     []Tiering
	Standings []Standing
	Pairs     []Pair
	Kin       []Kin
	Rounds    []Round // of the regions
	Follows   []Follow
}

// Dossier gathers an elder's; false where nobody has the number. The slices are the roster's own.
func (r *Roster) Dossier(id string) (Dossier, bool) {
	e, ok := r.Elder(id)
	if !ok {
		return Dossier{}, false
	}
	return Dossier{Elder: e, Regions: r.Path(e.Region), Tiers: r.tiers[id], Standings: r.standing[id], Pairs: r.pairsOf[id],
		Kin: r.kin[id], Rounds: r.roundsFor(e.Region), Follows: r.follows[id]}, true
}

func (r *Roster) roundsFor(region string) []Round {
	if len(r.book.Rounds) == 0 {
		return nil
	}
	var out []Round
	for _, code := range r.Path(region) {
		out = append(out, r.rounds[code]...)
	}
	return out
}

// Rounds are all extra rounds, past ones too.
func (r *Roster) Rounds() []Round { return r.book.Rounds }

// Leave is somebody's absence on a day; false where there is none.
func (r *Roster) Leave(userid string, on Day) (Leave, bool) {
	for _, l := range r.leaves[userid] {
		if l.Holds(on) {
			return l, true
		}
	}
	return Leave{}, false
}

// StandsIn says whether somebody is another or stands in for them on a day.
func (r *Roster) StandsIn(userid, other string, on Day) bool {
	if userid == other {
		return true
	}
	l, away := r.Leave(other, on)
	return away && l.Deputy == userid
}

// Leaves are somebody's absences, past ones too.
func (r *Roster) Leaves(userid string) []Leave { return r.leaves[userid] }

// Helping are the helpers paired with an elder on a day who are still helpers.
func (r *Roster) Helping(elderID string, on Day) []string {
	var who []string
	for _, p := range r.pairsOf[elderID] {
		if p.Holds(on) && r.holds(p.UserID, RoleHelper, on) {
			who = append(who, p.UserID)
		}
	}
	return who
}
