package ledger

// StandingKind is why an elder who is on the ledger is, for a time or for good, not visited as usual.
type StandingKind string

const (
	StandingPaused StandingKind = "暂停" // in hospital, with a child, in a home: duties rest and nothing is made up for (requirements §3 case 2)
	StandingDied   StandingKind = "去世" // duties end with the day, and so does every word to the family (case 1)
	StandingMoved  StandingKind = "迁出" // out of the county: handed over to the place of living (002 五: 属地管理)
	StandingLeft   StandingKind = "退出" // consent withdrawn (PIPL art. 15, 47) or no longer served
)

// StandingKinds are all of them, in the order in which people are offered them.
var StandingKinds = []StandingKind{StandingPaused, StandingDied, StandingMoved, StandingLeft}

// Ends says whether the elder has left the ledger: everything but a pause does.
func (k StandingKind) Ends() bool { return k != StandingPaused }

// Standing is an elder's departure from the usual, for a time. Without one an elder is simply on the ledger. One whose last day
// is the day before its first was taken back: it never held, and stays readable.
type Standing struct {
	ElderID string       `gorm:"primaryKey;size:32"`
	From    Day          `gorm:"primaryKey;size:10;column:from_day"`
	To      Day          `gorm:"size:10;column:to_day"`
	Kind    StandingKind `gorm:"size:16"`
	Place   string       `gorm:"type:text"` // 去向: where they are now
	Review  Day          `gorm:"size:10"`   // a pause is looked at again by this day, at most PauseMost after From
}

// PauseMost is how many days a pause may run before somebody looks again (requirements §3 case 2).
const PauseMost = 90

// Holds says whether the standing held on a day.
func (s Standing) Holds(on Day) bool { return within(s.From, s.To, on) }

// Never says that the standing was taken back and held on no day.
func (s Standing) Never() bool { return s.To != "" && s.To < s.From }

// Stand are the rows to lay over a ledger so that next, and nothing else, holds from its first day on; rows are all the
// elder's so far. What ran into that day ends the day before, what began on it or later never held. Without a Kind the elder
// is as usual again.
func Stand(rows []Standing, next Standing) []Standing {
	var out []Standing
	for _, x := range rows {
		if x.To != "" && x.To < max(x.From, next.From) || x.From == next.From && next.Kind != "" {
			continue // over or taken back before, or the row that becomes next
		}
		out = append(out, Standing{ElderID: x.ElderID, From: x.From, To: max(x.From, next.From).Add(-1)})
	}
	if next.Kind == "" {
		return out
	}
	for _, field := range []*string{(*string)(&next.To), &next.Place, (*string)(&next.Review)} { // a row taken back may leave them behind
		if *field == "" {
			*field = clearing
		}
	}
	return append(out, next)
}
