package flows

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// View is what the speaker may see, gathered before the turn: nobody outside it can be named, shown or guessed.
type View struct {
	Known  bool // holds a post today
	Name   string
	Phone  string
	Posts  string   // "望远村 巡访员"
	Elders []Elder  // of the speaker's everyday
	Named  []Elder  // whom the sentence or the conversation is about besides
	Areas  []Area   // a lead's figures, only when asked for
	Drives []Drive  // likewise
	Figure Figure   // the speaker's own, only when asked for
	Leads  []Person // who hears of an emergency the speaker reports
	Rules  Rules
	After  func(ledger.Entry) []ledger.Duty // an elder's duties of the entry's period as they would stand with it, in place of its last version if there is one
	Said   []understand.Part                // what a typed text means, among the elders in sight
	Added  []understand.Part                // the same as a further word about the visit under way
	Logged []Logged                         // the speaker's records of late, newest first, and the one asked for by number; only when asked for

	// Who and what lies further than the speaker's everyday: all of it within what May allows, none of it when it does not.
	Revision    int64                                       // of the ledger this view was made from
	Roles       []ledger.Role                               // held today
	Find        func(said string) (hits []Elder, sure bool) // by number, name, nickname or sound; without duties. Not sure: ask before acting
	Sheet       func(id string) (Sheet, bool)               // the ledger entry, as far as the speaker may see it
	Responsible func(id string, on ledger.Day) []Person
	Keepers     func(id string) []Person       // who settles proposals about the elder: the keeper, else the township lead
	Assigners   func(id string) []Person       // who says who is responsible: village lead, else township lead
	Visitors    func(id string) []Person       // who could be made responsible for the elder, nearest first
	Places      func(said string) []Place      // regions an elder could live in, by name or code
	Oversees    func(code string) bool         // whether the speaker would see an elder who lives there
	Proposals   []Proposal                     // that the speaker may settle, when asked for
	Reviews     []Review                       // signs in the speaker's area that deserve a second look, when asked for
	Log         []Seen                         // who looked at the elder asked about, newest first
	Gaps        []Gap                          // where nobody is responsible, when asked for
	Notified    func(codes ...string) []Person // the village and township leads of regions, the speaker aside
	Reopeners   func(id string) []Person       // who may correct records about the elder in a closed period
	Staff       func(user string) string       // the name of somebody who works here, "" nobody

	// Cases. None is read but when it is wanted (Asks).
	Case        func(key string) (CaseView, bool)          // one that the speaker has part in or leads, of Alarms and those asked for
	Alarms      []ledger.CaseFile                          // all that are not over, whoever's, and those asked for: two reports of one event are one case
	AlarmCount  int64                                      // raised ever
	AlarmsToday int                                        // raised today: where the next one's number stands
	Spot        func(said string) (elderID, region string) // whom and where words mean, in sight or not: for where an alarm goes, never to be said
	Tells       func(ledger.Case) []Person                 // who would hear of an alarm at once
	Home        string                                     // the one village or township in which the speaker holds posts: code; "" none, or several
	Near        func(a, b string) bool                     // whether two regions lie in one village
	Matters     []CaseView                                 // problems and needs that wait for the speaker, or that they raised, when asked for
	Solved      []CaseView                                 // of the elder of a visit being confirmed: said to be solved, and the elder not asked yet

	// The elders' children.
	Family  Family                               // of a relative's turn; the zero Family of a member's
	Bond    func(key string) (BondView, bool)    // one the speaker may settle, by "elder/thread"
	Bonds   []BondView                           // that wait for the speaker, when asked for
	Word    func(key string) (WordView, bool)    // one that is the speaker's task or of an elder in sight, of those asked for
	Words   []WordView                           // open calls that are the speaker's task, when asked for
	Leaflet func(elderID string) (Leaflet, bool) // the elder's contact card as it would be made now
	Kinship func(elderID string) Kinship         // of an elder in sight, when asked for (Wants.Kinship)

	Helped  int                                   // the speaker's helps at homes in today's quarter that met the elder
	People  func(said string) []Person            // others of the speaker's township by name or account; "" all, nearest first
	Under   func(user string) bool                // whether they hold a post in or below a region that the speaker leads
	Leaves  func(user string) []ledger.Leave      // somebody's absences that run today or are to come, the first first
	Area    Place                                 // the highest region the speaker leads as township or county; no Code: none
	Rounds  []ledger.Round                        // extra rounds declared for just that area that run or are to come
	Covered func(tier ledger.Tier) int            // elders of that area whom a round would be about today
	Silence func() string                         // why the calendar has been silent, or when it speaks next; when asked for
	Basis   func(elderID string) []string         // what is owed for an elder, or anybody where "", with document and section
	Month   func() (picture []byte, words string) // the speaker's month as a PNG, and in words; "": nothing owed
}

// Sheet is an elder's ledger entry, as far as somebody may see it.
type Sheet struct {
	Elder     ledger.Elder // what the speaker may not see is empty
	Kin       []ledger.Kin
	Tier      ledger.Tier
	Visitors  []Person
	Standings []ledger.Standing // past ones too
	Sight     ledger.Sight
}

// Place is a region to live in, both names with the township's: "望远镇望远村一组" in "望远镇望远村".
type Place struct{ Code, Name, Village string }

// Proposal is a re-checked fact that waits for the keeper, with what it would replace.
type Proposal struct {
	Key, ElderID string
	Field        string // phone | address | kin
	Was, Now     string
	Kin          string // whose phone, with Field kin
	By           string // name
	Day          ledger.Day
}

// Seen is one line of who looked at an elder, or changed them.
type Seen struct {
	At   time.Time
	Who  string
	What string
}

// Gap is a place where nobody is responsible.
type Gap struct {
	Where string // "望远村"
	What  string // "没有村负责人"
	Elder string // id, where an elder has no visitor
}

// Rules are the pack's words that a conversation needs.
type Rules struct {
	Period      string // "本月", "本季度"
	Heating     bool   // room temperature is asked (002 五: 冬季)
	Rainy       bool   // house safety is asked (002 五: 雨季)
	PhotoNeeded bool   // a door visit owes a photo (002 五·巡访记录)
	PhotoGrace  time.Duration
	Recheck     []string            // facts re-checked in turn, one a visit
	Confirm     []string            // those of them that wait for the keeper when they changed
	Quiet       time.Duration       // an alarm that was taken, and no word since, is open again
	Join        time.Duration       // two reports within it may be one
	BondDays    int                 // for which a relative's WeChat holds before somebody says that it is still theirs (PIPL art. 19)
	Follow      int                 // days after an emergency within which the elder is visited, 0 not
	Services    []string            // what people ask for, by the departments' routing
	Depts       []string            // departments
	Routes      map[string][]string // by item of a visit or service: the departments whose business it is
	OpenFrom    ledger.Day          // the first day that is not closed: visits of it and after can be entered and corrected by whose they are
}

// Person is somebody to be told.
type Person struct{ UserID, Name string }

// Elder is an elder as the speaker sees them.
type Elder struct {
	ID, Name       string
	Aliases        []string
	Female         bool
	Village, Group string
	Age            int // years, -1 unknown
	Tier           ledger.Tier
	Mine           bool           // the speaker is the visitor responsible
	Paired         bool           // the speaker is a helper paired with the elder
	Duties         []ledger.Duty  // visits, helps and talks owed for the elder, whoever owes them
	Last           ledger.Day     // last visit that met the elder; a help that looked at everything is one, here and below
	Counted        []ledger.Day   // days on which a visit met the elder
	Numbered       map[string]int // how many records a day's number has been given to, by what they begin with
	Attempts       int            // days on which the elder was not met since the last time they were
	Missed         ledger.Day     // the last of them
	Tried          map[string]int // by relative: talks in a row that did not reach them, a wrong number as TriesMost
	Others         []Joint        // visits that others logged about the elder in the last two hours
	Since          ledger.Day     // on the ledger, "" always
	Until          ledger.Day     // the last day somebody may enter who is responsible no more, "" who is
	Entries        int            // entries of the last months: where the rotation of facts stands
	Phone, Address string
	Kin            string // name of the first child or carer
	KinPhone       string
	Lead           Person // of the village
	Access         ledger.Access
	Region         string
	Away           ledger.Standing // of today; the zero Standing for who is simply on the ledger
}

// Joint is a record somebody else just made of the same elder.
type Joint struct {
	ledger.Record
	Name string // who made it
}

// Figure is the count behind 统计.
type Figure struct {
	Elders, Need, Done, Missing int // elders, visits owed, visits that counted, elders still missing something
	Visits, Door, Calls         int // entries
	Attempts, Refused           int
	Found, Reported             int // findings, and those still with the village
	NoPhoto                     int // door visits that owe a photo or a reason
}

// Drive is an extra round under way in an area that the speaker leads, and how far it has come: the area, then its parts.
type Drive struct {
	Name  string
	Due   ledger.Day
	Areas []Area
}

// Area is a line of a lead's figures: a village, or a visitor within one.
type Area struct {
	Name string
	Figure
}

// find is an elder of the everyday, or one the conversation is about.
func (v View) find(id string) *Elder {
	if e := v.everyday(id); e != nil {
		return e
	}
	for i := range v.Named {
		if v.Named[i].ID == id {
			return &v.Named[i]
		}
	}
	return nil
}

func (v View) everyday(id string) *Elder {
	for i := range v.Elders {
		if v.Elders[i].ID == id {
			return &v.Elders[i]
		}
	}
	return nil
}

// named are the elders in everyday view who bear a name.
func (v View) named(name string) []*Elder {
	var out []*Elder
	for i := range v.Elders {
		if v.Elders[i].Name == name {
			out = append(out, &v.Elders[i])
		}
	}
	return out
}

// meant are the elders of the everyday view that a word may mean.
func (v View) meant(word string) (hits []*Elder, sure bool) {
	found, sure := v.Find(word)
	for _, f := range found {
		if e := v.find(f.ID); e != nil {
			hits = append(hits, e)
		}
	}
	return hits, sure
}

// villages says whether the elders in view live in more than one village.
func (v View) villages() bool {
	for i := range v.Elders {
		if v.Elders[i].Village != v.Elders[0].Village {
			return true
		}
	}
	return false
}

// missing are the visits still owed for the elder now, and by when.
func (e *Elder) missing() (n int, due ledger.Day) { return e.lacking(ledger.KindVisit) }

// lacking is the same of any kind.
func (e *Elder) lacking(kind ledger.EntryKind) (n int, due ledger.Day) {
	for _, d := range e.Duties {
		if m := d.Missing(); d.Kind == kind && m > n {
			n, due = m, d.Due
		}
	}
	return n, due
}

// full is the elder with all that tells two of one name apart: "马秀兰(望远村一组,81岁)".
func (e *Elder) full() string {
	if e.Age < 0 {
		return fmt.Sprintf("%s(%s%s)", e.Name, e.Village, e.Group)
	}
	return fmt.Sprintf("%s(%s%s,%d岁)", e.Name, e.Village, e.Group, e.Age)
}

// Full is the same for who makes views.
func (e *Elder) Full() string { return e.full() }

// place is where and how old, for a choice of one name: "望远村一组81岁".
func (e *Elder) place(village bool) string {
	s := e.Group
	if village || s == "" {
		s = e.Village + s
	}
	if e.Age >= 0 {
		s += strconv.Itoa(e.Age) + "岁"
	}
	return s
}

// call is what to call an elder in passing: the name, and the place where the speaker has two of it.
func (v View) call(e *Elder) string {
	for i := range v.Elders {
		if o := &v.Elders[i]; o.Name == e.Name && o.ID != e.ID {
			return e.Name + "(" + e.place(v.villages()) + ")"
		}
	}
	return e.Name
}

// brief is a line of a list: "马秀兰 一组81岁".
func (e *Elder) brief(village bool) string { return e.Name + " " + e.place(village) }

func (e *Elder) she() string {
	if e.Female {
		return "她"
	}
	return "他"
}

// caseOf is a case as the speaker may see it; of a stranger's view, too.
func (v View) caseOf(key string) (CaseView, bool) {
	if v.Case == nil || key == "" {
		return CaseView{}, false
	}
	return v.Case(key)
}

// file is a case as it is, for what is to become of it: never to be shown.
func (v View) file(key string) (ledger.CaseFile, bool) {
	i := slices.IndexFunc(v.Alarms, func(f ledger.CaseFile) bool { return f.Key == key })
	if i < 0 {
		return ledger.CaseFile{}, false
	}
	return v.Alarms[i], true
}

// sheet is Sheet, which a view may lack.
func (v View) sheet(id string) (Sheet, bool) {
	if v.Sheet == nil || id == "" {
		return Sheet{}, false
	}
	return v.Sheet(id)
}

// spot is Spot, which a view may lack.
func (v View) spot(said string) (elderID, region string) {
	if v.Spot == nil || said == "" {
		return "", ""
	}
	return v.Spot(said)
}

// seen is an elder in sight: not one whose visits of before may still be entered.
func (v View) seen(id string) *Elder {
	if e := v.find(id); e != nil && e.Until == "" {
		return e
	}
	return nil
}

// near says whether two regions are one place.
func (v View) near(a, b string) bool {
	return a != "" && b != "" && (a == b || v.Near != nil && v.Near(a, b))
}

// staff is the name of somebody who works here, "" nobody.
func (v View) staff(user string) string {
	if v.Staff == nil {
		return ""
	}
	return v.Staff(user)
}
