package ledger

// Leave is a time in which somebody is away from work and a deputy stands in for them (requirements §3 case 12). One whose
// last day is the day before its first was taken back.
type Leave struct {
	UserID string `gorm:"primaryKey;size:64"`
	From   Day    `gorm:"primaryKey;size:10;column:from_day"`
	To     Day    `gorm:"size:10;column:to_day"` // last day, always known
	Deputy string `gorm:"size:64"`               // userid, "" nobody
}

// Holds says whether the leave covers a day.
func (l Leave) Holds(on Day) bool { return within(l.From, l.To, on) }

// Round is one extra contact with elders that was declared for a time, beside what is owed anyway: heat, a cold wave, a storm,
// a festival, the first census (requirements §3 case 31, row B1). It replaces no regular visit, but the contact made counts for
// both.
type Round struct {
	Region string `gorm:"primaryKey;size:32"`                 // whose elders
	Name   string `gorm:"primaryKey;size:32"`                 // 高温 寒潮 首次摸底
	From   Day    `gorm:"primaryKey;size:10;column:from_day"` // first day that counts
	To     Day    `gorm:"size:10;column:to_day"`              // last day
	Tier   Tier   `gorm:"size:16"`                            // TierKey: only key elders; else everybody
	Door   string `gorm:"size:8"`                             // "door": must be at the door; else a call is enough
}

// Holds says whether the round runs on a day.
func (r Round) Holds(on Day) bool { return within(r.From, r.To, on) }
