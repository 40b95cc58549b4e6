package ledger

// Owing is where a duty for an elder stands in its current period, kept beside the records so that who owes what need not be
// counted anew: one row an elder and duty. It follows from records, ledger and packs, and may be made from them again at any time.
type Owing struct {
	ElderID string
	Duty    string // the duty's name
	Kind    EntryKind
	Period  Period
	From    Day
	Due     Day
	Need    int
	Done    int
	Door    int
	State   DutyState
	UserID  string // who owes it first, "" nobody
	Region  string // the elder's village
}

// Missing is how many times are still owed; of what is paused or cancelled none.
func (o Owing) Missing() int { return Duty{Need: o.Need, Done: o.Done, State: o.State}.Missing() }

// OwingSet is all that is owed for one elder from now on, in place of what was. Without rows nothing is.
type OwingSet struct {
	ElderID string
	Rows    []Owing
	Seen    int64 // the elder's revision the rows were worked out on, read before the records; 0 does not ask
}

// Owes is what somebody owes for the elders of a village: all of one duty and period, due on one day, in one row.
type Owes struct {
	UserID  string // "" nobody answers for them
	Region  string
	Duty    string
	Period  Period
	Due     Day
	Elders  int // for whom
	Missing int // of them those for whom something is still owed
	Need    int // times, those of paused and cancelled duties left out
	Done    int // of them; what was done beyond an elder's need counts for no other
}
