package ledger

import "time"

// Snapshot is what the calendar decides from: the ledger, what was done, and what was said already.
type Snapshot struct {
	Roster  *Roster
	Entries map[string][]Entry   // by elder, from the half-year's first day on
	Notices []Notice             // of the last half-year
	Words   []Word               // to relatives, of the last half-year
	Acts    map[string][]Consent // by elder
	Urged   map[string]bool      // Source of the cases of 督促 that there are
	Hidden  map[string]bool      // elders about whom nobody of the family may learn where and when (MayHear)
	Zone    *time.Location
}

// Letter is one message of the calendar to one person: what it is about and why it goes out. Its words are made by flows.
type Letter struct {
	Key     string // of the message: one person's of one day
	To      string
	At      time.Time // when it goes out
	Notices []Notice
	Mine    bool       // the person owes something: their own list
	KeyOnly bool       // these days nobody but key elders is spoken of
	Lists   []OpenList // for a lead: what is still open, and with whom
	Propose []Proposed // for a lead: who may be covered, or key, from now on
	Reviews []Standing // pauses to be looked at again
	Gaps    []WeekGap  // of next week
	Papers  []DuePaper
	Cards   []DueLeaflet // contact cards to be handed over
	Bonds   []Bond       // relatives' WeChats to be confirmed again
}

// DueLeaflet is a contact card that an elder has not got, or that is out of date (002 五·加强联系).
type DueLeaflet struct {
	ElderID string
	Why     string // "还没有", "电话变了" …
}

// OpenList is what is still open of a duty in a region.
type OpenList struct {
	Region string // code: a village, or a township told by its villages
	Duty   string
	Kind   EntryKind
	Period Period // "" of an extra round
	Due    Day
	Need   int // elders who are owed it
	Open   []OpenPart
}

// OpenPart is the part of an open list that one person answers for, or one village.
type OpenPart struct {
	UserID string // "" nobody answers for them
	Region string // of a township's list
	Elders []string
	Away   Leave // of today, the zero Leave for who is there
	Tried  int   // elders among them whom somebody tried to meet in the period
}

// Proposed is an elder whom a clause newly fits.
type Proposed struct {
	ElderID string
	Cover   string
	Source  string
	Key     bool // as a key elder
}

// WeekGap is a hole in the coming week.
type WeekGap struct {
	Kind   GapKind
	Region string
	UserID string
	Elders int // without anybody, or owed by the person
	Days   int // that are left
	From   Day // of the leave
	To     Day
}

// GapKind is what a WeekGap lacks.
type GapKind string

const (
	GapNobody GapKind = "nobody" // elders without a visitor
	GapLeave  GapKind = "leave"  // somebody away without a deputy
	GapLoad   GapKind = "load"   // more visits due than days left
)

// DuePaper is something an office owes.
type DuePaper struct {
	Name   string
	Kind   string
	Region string
	Period Period
	Due    Day
	Source string
}
