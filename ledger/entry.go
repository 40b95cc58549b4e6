package ledger

import "time"

// Method is how contact was made (002 五·巡访方式, 000 三(三): 电话问候、上门走访).
type Method string

const (
	MethodDoor  Method = "door"
	MethodPhone Method = "phone"
	MethodVideo Method = "video"
)

// Name is the method as people say it.
func (m Method) Name() string {
	switch m {
	case MethodPhone:
		return "电话"
	case MethodVideo:
		return "视频"
	}
	return "上门"
}

// Outcome is how a visit went.
type Outcome string

const (
	OutcomeOK      Outcome = "ok"      // 都好
	OutcomeProblem Outcome = "problem" // 有情况
	OutcomeAbsent  Outcome = "absent"  // 没见到人: an attempt, the duty stays open (requirements §3 case 3)
	OutcomeRefused Outcome = "refused" // 不愿见: counted neither as visited nor as the visitor's failure (case 27)
	OutcomeWrong   Outcome = "wrong"   // 号码不对: of a talk, an attempt (case 26)
	OutcomeUndone  Outcome = "undone"  // 撤销: kept with its number, counts for nothing (case 17)
)

// Name is the outcome as people say it.
func (o Outcome) Name() string {
	switch o {
	case OutcomeOK:
		return "都好"
	case OutcomeProblem:
		return "有情况"
	case OutcomeAbsent:
		return "没见到人"
	case OutcomeWrong:
		return "号码不对"
	case OutcomeUndone:
		return "已撤销"
	}
	return "不愿见"
}

// Met says whether who was to be met was met, the elder or with a talk the family: only then an entry fulfils a duty.
func (o Outcome) Met() bool { return o == OutcomeOK || o == OutcomeProblem }

// EntryKind is the kind of record an entry is; each duty names the kinds it counts.
type EntryKind string

const (
	KindVisit EntryKind = "visit" // 巡访
	KindHelp  EntryKind = "help"  // 帮扶 at the elder's home (002 五·帮扶服务)
	KindTalk  EntryKind = "talk"  // 联系家属: with a child or the entrusted carer (002 五·帮扶服务: 每半年沟通)
)

// Name is the kind as people say it.
func (k EntryKind) Name() string {
	switch k {
	case KindHelp:
		return "帮扶"
	case KindTalk:
		return "联系家属"
	}
	return "巡访"
}

// Entry is one record of the ledger about an elder: who did what for whom on which day (002 五·巡访记录).
type Entry struct {
	Key       string    `gorm:"primaryKey;size:80"` // derived from the message that confirmed it
	No        string    `gorm:"size:48;uniqueIndex"`
	Kind      EntryKind `gorm:"size:16"`
	ElderID   string    `gorm:"size:32;index:idx_entries_counted,priority:1"`
	UserID    string    `gorm:"size:64;index:idx_entries_user_day,priority:1"`
	Day       Day       `gorm:"size:10;index:idx_entries_counted,priority:2;index:idx_entries_user_day,priority:2"`
	Method    Method    `gorm:"size:8"`
	Outcome   Outcome   `gorm:"size:16"`
	Note      string    `gorm:"type:text"` // what the visitor wrote; the elder's words on a refusal; what was done or said at a help or a talk
	RoomTemp  *int      // °C, nil not measured (002 五: 冬季室内温度)
	Waiver    string    `gorm:"type:text"` // why a door visit has no photo, "" when it has or owes one
	Pressure  string    `gorm:"type:text"` // blood pressure as it was said, mmHg: "150/90"
	Company   string    `gorm:"type:text"` // who came along, names separated by 、; one visit however many went (requirements §3 case 25)
	Whom      string    `gorm:"type:text"` // of a talk: the relative or carer, as the ledger names them
	Looked    bool      // of a help: all the items of a visit were looked at, too, so that it counts as one (requirements §1.O)
	Late      string    `gorm:"type:text"` // why it was entered after its day, where a reason was asked (case 32)
	Version   int       // 1 as entered; each Amendment makes the next
	EnteredAt time.Time // when it was confirmed; timeliness counts this, coverage counts Day
}

// Amendment is one change of a record: the version before stays readable (requirements §3 case 17).
type Amendment struct {
	Key      string    // derived from the message that confirmed it
	Was      Entry     // the version before, whole; Was.Key is the record's
	Now      Entry     // Now.Version is Was.Version+1, Now.Key and Now.No are Was's
	Findings []Finding // what the record found as it reads now; what it found besides is withdrawn
	Instead  string    // key of the record that takes its place, "" where none does: its photos go there
	By       string    // userid
	Why      string    // "" for a slip taken back at once
	At       time.Time
}

// Item is one of the things a visit looks at (002 五·巡访内容) plus the seasonal ones.
type Item struct {
	Key    string
	Domain string // one of the five domains
	Name   string
	Ask    string // the question when it is not well
}

// Items are the fifteen of 002 五·巡访内容 in its order, then 防火 (daily special care: 电路、防火) and the two seasonal
// ones. The order is fixed all year, so that people learn the numbers.
var Items = []Item{
	{"expression", "健康", "说话表达", "说话怎么了?"},
	{"mobility", "健康", "行动走路", "走路怎么了?"},
	{"illness", "健康", "生病", "哪里不舒服,看过大夫没有?"},
	{"mood", "精神", "情绪", "情绪怎么了?"},
	{"thinking", "精神", "记性", "记性怎么了?"},
	{"stress", "精神", "压力发愁", "为什么事发愁?"},
	{"gas", "安全", "燃气", "燃气怎么了?"},
	{"heating", "安全", "取暖", "炉子或暖气怎么了?"},
	{"electricity", "安全", "用电电路", "电路怎么了?"},
	{"personal", "卫生", "个人卫生", "个人卫生怎么了?"},
	{"home", "卫生", "家里卫生", "家里卫生怎么了?"},
	{"surroundings", "卫生", "周边卫生", "周边卫生怎么了?"},
	{"indoor", "居住", "屋里环境", "屋里怎么了?"},
	{"outdoor", "居住", "屋外环境", "院里、路上怎么了?"},
	{"neighbors", "居住", "邻里", "和邻里怎么了?"},
	{"fire", "安全", "防火", "哪里有着火的危险?"},
	{ItemHouse, "季节", "房屋漏塌", "房子怎么了?"},
	{ItemRoomTemp, "季节", "室温低", "屋里多少度?"},
}

// The seasonal items, asked by the county's calendar.
const (
	ItemHouse    = "house"     // 002 五: 雨季住房安全
	ItemRoomTemp = "room_temp" // 002 五: 冬季室内温度
)

// ItemByKey finds an item.
func ItemByKey(key string) (Item, bool) {
	for _, it := range Items {
		if it.Key == key {
			return it, true
		}
	}
	return Item{}, false
}

// FindingState is where a finding stands: it never stands without an owner.
type FindingState string

const (
	FindingReported FindingState = "reported" // passed to the village
	FindingFixed    FindingState = "fixed"    // dealt with on the spot
	FindingWatched  FindingState = "watched"  // kept an eye on until the next visit

	FindingWithdrawn FindingState = "withdrawn" // the record that found it was undone or corrected
)

// Finding is something not well that a visit found (002 五: 记录、汇总和处理).
type Finding struct {
	Key      string       `gorm:"primaryKey;size:96"` // entry key and item
	EntryKey string       `gorm:"size:80;index"`
	ElderID  string       `gorm:"size:32;index"`
	Item     string       `gorm:"size:24"`
	Note     string       `gorm:"type:text"`
	State    FindingState `gorm:"size:16;index"`
	Owner    string       `gorm:"size:64"` // userid
	At       time.Time
}

// Fact is a ledger field re-checked at a visit (002 五·信息核对): what the visitor heard. A changed one is taken over at once
// or waits for the keeper, by the pack's word.
type Fact struct {
	Key      string `gorm:"primaryKey;size:96"` // entry key and field
	EntryKey string `gorm:"size:80;index"`
	ElderID  string `gorm:"size:32;index"`
	Field    string `gorm:"size:24"` // phone | address | kin
	Result   string `gorm:"size:16"` // same | changed
	Value    string `gorm:"type:text"`
	By       string `gorm:"size:64"`
	At       time.Time
	Propose  bool `gorm:"-"` // it waits for the keeper (Proposal)
}

// Proposal is a fact that waits for the keeper, or was settled.
type Proposal struct {
	Fact  Fact
	State ProposalState
	By    string // userid who settled it
}

// ProposalState is where a proposal stands.
type ProposalState string

const (
	ProposalOpen  ProposalState = "proposed"
	ProposalTaken ProposalState = "taken" // the ledger says so now
	ProposalLeft  ProposalState = "left"  // the keeper left the ledger as it was
)

// Settlement ends a proposal. Two keepers who tap at once settle it once: the later turn finds the world moved on.
type Settlement struct {
	Fact  string // its key
	State ProposalState
	By    string
}

// PhotoState says where a photo's bytes are.
type PhotoState string

const (
	PhotoWanted PhotoState = "wanted" // still only at WeCom, which forgets it in three days (wecom/90254)
	PhotoStored PhotoState = "stored"
	PhotoLost   PhotoState = "lost" // WeCom no longer has it, or it is no picture

	PhotoExpired PhotoState = "expired" // kept long enough and deleted; the record still counts as pictured
)

// MediaKind is what a Photo is.
type MediaKind string

const (
	MediaPhoto MediaKind = ""      // a picture
	MediaVoice MediaKind = "voice" // spoken, kept as it came; it pictures nothing
)

// Photo is a picture, or something spoken, that somebody sent. It lies in the sender's tray until bound to an entry.
type Photo struct {
	Key      string     `gorm:"primaryKey;size:80"` // of the message that brought it
	Kind     MediaKind  `gorm:"size:8"`
	UserID   string     `gorm:"size:64;index"`
	EntryKey string     `gorm:"size:80;index"` // "" in the tray
	MediaID  string     `gorm:"size:255"`
	State    PhotoState `gorm:"size:16"`
	Hash     string     `gorm:"size:64"` // SHA-256 of the stored bytes, also their file name
	Bytes    int
	Look     string `gorm:"type:text"` // what it looks like, to know it again when it is sent smaller or brighter; "" not known
	Compared bool   // with the sender's earlier ones
	At       time.Time
}

// DutyState is computed from the ledger, never ticked by hand.
type DutyState string

const (
	DutyReady  DutyState = "ready"
	DutyDone   DutyState = "done"
	DutyFailed DutyState = "failed" // the period closed with something missing

	DutyPaused    DutyState = "paused"    // the elder was away: nothing is owed, nothing is made up for (requirements §3 case 2)
	DutyCancelled DutyState = "cancelled" // the elder left the ledger before its last day (case 1)
)

// Duty is what is owed for an elder in a period. Who owes it follows from its kind: a visit the visitors, a help or a talk the
// helpers, each of whom may have done what counts.
type Duty struct {
	Name    string // the pack's name of it, e.g. 月巡访, or a round's
	Kind    EntryKind
	ElderID string
	Period  Period // "" of a round
	From    Day    // first day
	Need    int    // times
	Done    int    // times that counted, at most one a day
	Door    int    // how many of the missing times must be at the door
	Due     Day    // last day
	Last    Day    // last day that counted, "" none
	State   DutyState
	Source  string // clause
}

// Key names the duty among all: 月巡访/e17/2026-02.
func (d Duty) Key() string {
	return d.Name + "/" + d.ElderID + "/" + orWhole(string(d.Period), string(d.From))
}

func orWhole(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// Missing is how many times are still owed, or were when the period closed.
func (d Duty) Missing() int {
	if d.State == DutyPaused || d.State == DutyCancelled {
		return 0
	}
	return max(0, d.Need-d.Done)
}

// Record is an entry with all that hangs on it.
type Record struct {
	Entry
	Findings []Finding
	Facts    []Fact
	Photos   []Photo
	Versions []Amendment // oldest first
}
