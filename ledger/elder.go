package ledger

// Tier is how closely an elder is visited (002 三(三): 普遍巡访 and 重点巡访).
type Tier string

const (
	TierOrdinary Tier = "普通"
	TierKey      Tier = "重点"
)

// Elder is one person of the ledger. Free texts are as the county wrote them; everything here is personal data.
type Elder struct {
	ID        string  `gorm:"primaryKey;size:32"` // 编号
	Name      string  `gorm:"size:64"`
	Aliases   string  `gorm:"size:128"` // joined with 、
	Gender    string  `gorm:"size:8"`   // 男|女
	IDNumber  string  `gorm:"type:text"`
	Birth     Day     `gorm:"size:10"`
	Phone     string  `gorm:"type:text"`
	Region    string  `gorm:"size:32;index"` // the group or village they live in
	Address   string  `gorm:"type:text"`
	Lon       float64 // degrees east, 0 unknown
	Lat       float64 // degrees north, 0 unknown
	Nation    string  `gorm:"size:32"`
	Living    string  `gorm:"size:32"` // 居住状况
	SelfCare  string  `gorm:"size:16"` // 自理能力
	LostChild bool    // 失独
	Health    string  `gorm:"type:text"`
	Income    string  `gorm:"type:text"`
	Care      string  `gorm:"type:text"`
	Hardship  string  `gorm:"type:text"`
	Consent   Day     `gorm:"size:10"` // 同意书日期
	Since     Day     `gorm:"size:10"` // first day on the ledger
}

// Assignment binds an elder to the visitor responsible (002 五: 指派专人), for a time.
type Assignment struct {
	ElderID string `gorm:"primaryKey;size:32"`
	UserID  string `gorm:"primaryKey;size:64;index"`
	From    Day    `gorm:"primaryKey;size:10;column:from_day"`
	To      Day    `gorm:"size:10;column:to_day"`
}

// Holds says whether the assignment held on a day.
func (a Assignment) Holds(on Day) bool { return within(a.From, a.To, on) }

// Tiering is the tier an elder had for a time.
type Tiering struct {
	ElderID string `gorm:"primaryKey;size:32"`
	Tier    Tier   `gorm:"size:16"`
	From    Day    `gorm:"primaryKey;size:10;column:from_day"`
	To      Day    `gorm:"size:10;column:to_day"`
}

// Holds says whether the tier held on a day.
func (t Tiering) Holds(on Day) bool { return within(t.From, t.To, on) }

// Kin is a child or other relative of an elder, or the carer the family entrusted (000 二(一)).
type Kin struct {
	ElderID  string `gorm:"primaryKey;size:32"`
	Name     string `gorm:"primaryKey;size:64"`
	Relation string `gorm:"size:32"`
	Phone    string `gorm:"type:text"`
	Where    string `gorm:"type:text;column:whereabouts"`
	Carer    bool   // 受托照顾人
	Consent  Day    `gorm:"size:10"`
	Seen     Day    `gorm:"size:10"`   // on which number and whereabouts were known to be right; stale after half a year (000 二(一))
	Back     string `gorm:"type:text"` // when they come home, as they said it
	Dead     Day    `gorm:"size:10"`   // from which the number reaches nobody (requirements §3 case 26)
}

// Pair is a helper paired with an elder (002 五·帮扶服务; one-to-one, many-to-one and one-to-many are all rows).
type Pair struct {
	ElderID string `gorm:"primaryKey;size:32"`
	UserID  string `gorm:"primaryKey;size:64;index"`
	From    Day    `gorm:"primaryKey;size:10;column:from_day"`
	To      Day    `gorm:"size:10;column:to_day"`
}

// Holds says whether the pair held on a day.
func (p Pair) Holds(on Day) bool { return within(p.From, p.To, on) }

// Book is a whole ledger as the workbook carries it: what import reads and export writes.
type Book struct {
	Regions     []Region
	People      []Person
	Posts       []Post
	Elders      []Elder
	Assignments []Assignment
	Tierings    []Tiering
	Kin         []Kin
	Pairs       []Pair
	Standings   []Standing
	Leaves      []Leave
	Rounds      []Round
	Follows     []Follow
	Bonds       []Bond
	Leaflets    []Leaflet
	Resets      []Reset
	Version     int64 // the revision it stands at, 0 for a workbook's
}

// Reset is a field without letters that the workbook sets back to nothing: 失独 or 受托照顾人 否, an erased coordinate. An
// erased text carries its "-" itself; these would look like a cell left empty, which leaves the value.
type Reset struct {
	ElderID string
	Kin     string // name, when the field is the relative's
	Field   ResetField
}

// ResetField names the field of a Reset.
type ResetField string

const (
	ResetLon       ResetField = "lon"
	ResetLat       ResetField = "lat"
	ResetLostChild ResetField = "lost_child"
	ResetCarer     ResetField = "carer" // of the relative
)
