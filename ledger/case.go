package ledger

import (
	"slices"
	"time"
)

// Case is something that somebody has to act on until it has ended: an emergency (000 二(二), 002 六(二)), or a problem or need that
// climbs level by level (002 五·加强联系, 六(四)). It is never without somebody whose turn it is and a time at which that is looked
// at again.
type Case struct {
	Key        string    `gorm:"primaryKey;size:32"` // derived from the message that raised it
	No         string    `gorm:"size:48"`            // what people call it by: 急260311-1
	Kind       CaseKind  `gorm:"size:16"`
	What       string    `gorm:"size:24"`       // of an alarm its AlarmKind, "" not said yet; of a problem the item; of a need the service
	ElderID    string    `gorm:"size:32;index"` // "" nobody on the ledger, or not known who
	Region     string    `gorm:"size:32;index"` // where: code; "" not known
	Place      string    `gorm:"type:text"`     // where, as it was said
	About      string    `gorm:"type:text"`     // what was said, growing
	By         string    `gorm:"size:64"`       // userid of who raised it
	Unverified bool      // raised by somebody who holds no post
	Drill      bool      // 演练: every message says so, and no figure counts it
	State      CaseState `gorm:"size:16"`
	Level      Role      `gorm:"size:16"` // whose turn it is: village, township, county, dept
	Dept       string    `gorm:"size:32"` // of a matter: the department that it is with
	Owner      string    `gorm:"size:64"` // userid who acts, "" nobody
	Wave       int       // how often the ladder was begun anew
	Rung       int       // steps of this wave that are done: 0 nobody was told yet
	Due        time.Time `gorm:"index"` // when it is looked at again; zero: never, it has ended
	Since      time.Time // since when it is at this level
	At         time.Time // raised
	Moved      time.Time // of the last event
	Outcome    string    `gorm:"type:text"` // how it ended
	Source     string    `gorm:"size:96"`   // the finding's key, of a problem
	Rev        int64     // moves with every step
	Events     int       // how many there have been
}

// CaseKind is what a Case is.
type CaseKind string

const (
	CaseAlarm   CaseKind = "alarm"   // 紧急情况
	CaseProblem CaseKind = "problem" // 问题: something a visit found (002 六(二))
	CaseNeed    CaseKind = "need"    // 服务诉求 (002 六(二))
	CaseUrge    CaseKind = "urge"    // 督促: the family does not answer, or does not do its duty (000 二(一): 督促其依法履行赡养义务)
)

// Name is the kind as people say it.
func (k CaseKind) Name() string {
	switch k {
	case CaseProblem:
		return "问题"
	case CaseNeed:
		return "需求"
	case CaseUrge:
		return "督促"
	}
	return "紧急"
}

// CaseState is where a case stands. It only moves forward, but for what is taken up again.
type CaseState string

const (
	CaseOpen    CaseState = "open"    // nobody acts yet
	CaseTaken   CaseState = "taken"   // its owner acts
	CaseMeeting CaseState = "meeting" // no department has claimed it: on the list for the joint meeting (000 三(一))
	CaseSolved  CaseState = "solved"  // said to be done; the next visit asks the elder (002 七(三))
	CaseEnded   CaseState = "ended"
	CaseFalse   CaseState = "false" // a false alarm: counted nowhere
)

// Over says that nothing is to be done any more.
func (s CaseState) Over() bool { return s == CaseEnded || s == CaseFalse }

// Event is one line of a case's timeline.
type Event struct {
	CaseKey string    `gorm:"primaryKey;size:32"`
	N       int       `gorm:"primaryKey"` // 1, 2, …
	Kind    EventKind `gorm:"size:16"`
	By      string    `gorm:"size:64"` // userid; "" the ladder itself
	To      string    `gorm:"size:64"` // whom: told, called, passed
	Level   Role      `gorm:"size:16"` // in which capacity somebody was told or acted
	Dept    string    `gorm:"size:32"` //
	Wave    int       //
	Rung    int       // of told and called: the step, 0 at once
	Message string    `gorm:"size:191;index"` // of told and called: key of the message
	Text    string    `gorm:"type:text"`
	At      time.Time //

	Lost bool `gorm:"-"` // of told: WeCom will never deliver it; read with the case, not written
}

// EventKind is what happened.
type EventKind string

const (
	EventRaised  EventKind = "raised"
	EventJoined  EventKind = "joined"  // somebody else reported the same
	EventMore    EventKind = "more"    // words, a photo, a place, spoken words
	EventKnown   EventKind = "known"   // kind, elder or place came to be known; Text says what
	EventGraver  EventKind = "graver"  // it is worse than was said: the ladder begins anew
	EventTold    EventKind = "told"    // a message to somebody who may act
	EventShown   EventKind = "shown"   // the card of who reported, or of a department: information, the ladder does not wait for it
	EventCalled  EventKind = "called"  // rung up
	EventHeard   EventKind = "heard"   // the call was answered, or not: Text says
	EventNobody  EventKind = "nobody"  // a step had nobody, and was skipped at once
	EventAgain   EventKind = "again"   // nobody acted: the ladder begins anew
	EventTaken   EventKind = "taken"   // 我来处理; a department: 认领
	EventDialed  EventKind = "dialed"  // 已拨打120
	EventWith    EventKind = "with"    // 我陪着: somebody is with the elder
	EventPassed  EventKind = "passed"  // 转交: to somebody, or up to a level, or to a department
	EventNews    EventKind = "news"    // progress: on the spot, on the way, in the hospital
	EventQuiet   EventKind = "quiet"   // taken, and nothing heard since: it is open again
	EventDoubt   EventKind = "doubt"   // who reported says that it was a mistake
	EventMeeting EventKind = "meeting" // put on the joint meeting's list
	EventSolved  EventKind = "solved"
	EventNot     EventKind = "not"    // the elder says it is not solved: open again
	EventEnded   EventKind = "ended"  // closed, with its outcome
	EventFalse   EventKind = "false"  // 误报
	EventFamily  EventKind = "family" // a person told the family (000 二(二))
)

// CaseFile is a case with its timeline.
type CaseFile struct {
	Case
	Timeline []Event // oldest first
}

// CaseStep is one change of a case: what it is afterwards, and what happened.
type CaseStep struct {
	Case   Case
	Seen   int64 // the Rev it was decided on, 0: it is new
	Alarms int64 // of a new alarm: how many there had been when nobody was found to have raised this one before
	Events []Event
}

// Step begins a change of a case as it stands.
func (f CaseFile) Step() CaseStep { return CaseStep{Case: f.Case, Seen: f.Rev} }

// Add notes an event: number and case are filled in, and the case moves with it.
func (s *CaseStep) Add(e Event) {
	s.Case.Events++
	e.CaseKey, e.N = s.Case.Key, s.Case.Events
	s.Case.Moved = e.At
	s.Case.Rev = s.Seen + 1
	s.Events = append(s.Events, e)
}

// With is the file as the step leaves it.
func (f CaseFile) With(s CaseStep) CaseFile {
	return CaseFile{Case: s.Case, Timeline: slices.Concat(f.Timeline, s.Events)}
}

// Told are the last messages of the case to each person: told, or shown.
func (f CaseFile) Told() []Event {
	var out []Event
	for _, e := range f.Timeline {
		if e.Kind != EventTold && e.Kind != EventShown {
			continue
		}
		out = append(slices.DeleteFunc(out, func(x Event) bool { return x.To == e.To }), e)
	}
	return out
}

// Knows says whether somebody has part in a case: reported it, was told of it, or acts.
func (f CaseFile) Knows(user string) bool {
	return f.Owner == user || f.By == user || slices.ContainsFunc(f.Timeline, func(e Event) bool { return e.By == user || e.To == user })
}

// Last is the latest event of one of the kinds; false where there is none.
func (f CaseFile) Last(kinds ...EventKind) (Event, bool) {
	for i := len(f.Timeline) - 1; i >= 0; i-- {
		if slices.Contains(kinds, f.Timeline[i].Kind) {
			return f.Timeline[i], true
		}
	}
	return Event{}, false
}

// AlarmKind is what kind of emergency it is.
type AlarmKind struct {
	Key    string
	Name   string
	Number string // to call first
	Say    string // what to do until help comes, "" nothing
	Grave  int    // a higher one is worse
	Source string // which document names it
	Hidden bool   // somebody of the family may be behind it: no word goes to them
}

// AlarmKinds are the five of 000 二(二), then those of 002 五, 六 and of practice, in the order in which people are offered them.
var AlarmKinds = []AlarmKind{
	{Key: "critical_illness", Name: "危重病情", Number: "120", Say: "让老人躺平,别喂水喂药,有人守着。", Grave: 80, Source: "000 二(二):发生危重病情"},
	{Key: "fall", Name: "摔倒", Number: "120", Say: "别扶起来,别喂水,盖上衣服保暖。", Grave: 60, Source: "002 六(二):紧急情况;按摔倒列出为本系统默认"},
	{Key: "fire", Name: "火灾", Number: "119", Say: "先让人出来,别回屋拿东西。", Grave: 95, Source: "002 六(二):向消防报告"},
	{Key: "gas", Name: "燃气、煤气中毒", Number: "120", Say: "先开窗,人到屋外,别开灯别打火。漏气打119。", Grave: 90, Source: "002 五:燃气、取暖安全"},
	{Key: "missing", Name: "走失", Number: "110", Say: "记下穿什么、最后在哪见到。", Grave: 70, Source: "000 二(二):外出流浪乞讨"},
	{Key: "unreached", Name: "敲门没人应", Number: "119", Say: "别一个人撞门。119开门,120等着。", Grave: 65, Source: "本系统默认:屋里可能有人倒下"},
	{Key: "abuse", Name: "打骂、虐待、侵害", Number: "110", Say: "先让老人到安全的地方,别和他们争。", Grave: 85, Source: "000 二(二):遭受非法侵害;002 六(四):欺老、虐老", Hidden: true},
	{Key: "fraud", Name: "诈骗", Number: "110", Say: "先别转钱,别删记录。", Grave: 40, Source: "002 六(四):诈骗", Hidden: true},
	{Key: "mental", Name: "精神异常", Number: "110", Say: "别刺激,别锁门,收好刀和农药。", Grave: 75, Source: "000 二(二):患有严重精神疾病"},
	{Key: "house", Name: "房屋、灾害", Number: "119", Say: "先离开房子,别回去。", Grave: 72, Source: "002 五:雨季住房安全"},
	{Key: "hardship", Name: "重大困境", Number: "110", Say: "", Grave: 30, Source: "000 二(二):面临重大困境"},
	{Key: "death", Name: "去世", Number: "120", Say: "请大夫来确认,别移动。", Grave: 50, Source: "本系统默认:巡访发现"},
}

// AlarmOf finds a kind; the zero one, which has all three numbers to call, where it is not known.
func AlarmOf(key string) AlarmKind {
	for _, k := range AlarmKinds {
		if k.Key == key {
			return k
		}
	}
	return AlarmKind{}
}

// Ring is one message of a ladder: who is told, how and why. Its words are made by flows.
type Ring struct {
	Event           // told, shown or called; Message is the key of the message
	Why   EventKind // raised, again, graver, quiet, passed, known: why it goes out now
}

// Follow is a visit owed to an elder after an emergency (000 二(二): 紧急处置后关爱救助).
type Follow struct {
	ElderID string `gorm:"primaryKey;size:32"`
	From    Day    `gorm:"primaryKey;size:10;column:from_day"` // first day that counts
	To      Day    `gorm:"size:10;column:to_day"`              // last day
	No      string `gorm:"size:48"`                            // of the case
}
