package ledger

// Level is the rank of a region. The names of levels differ between jurisdictions (村/嘎查, 乡镇/苏木); these are the
// workbook's words (contract, 区划).
type Level string

const (
	LevelCounty   Level = "县"
	LevelTownship Level = "乡镇"
	LevelVillage  Level = "村"
	LevelGroup    Level = "组"
)

// Region is one node of the tree county → township → village → group. Codes are opaque; parents decide.
type Region struct {
	Code   string `gorm:"primaryKey;size:32"`
	Name   string `gorm:"size:64"`
	Parent string `gorm:"size:32"`
	Level  Level  `gorm:"size:8"`
}
