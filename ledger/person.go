package ledger

// Role is what somebody is to the elders of a region.
type Role string

const (
	RoleVisitor   Role = "visitor"   // 巡访员
	RoleHelper    Role = "helper"    // 帮扶人
	RoleVillage   Role = "village"   // 村负责人
	RoleTownship  Role = "township"  // 乡镇负责人
	RoleCounty    Role = "county"    // 县民政
	RoleDept      Role = "dept"      // 部门
	RoleKeeper    Role = "keeper"    // 档案员
	RoleVolunteer Role = "volunteer" // 志愿者
)

// RoleNames are the workbook's words for roles, in the order of the contract.
var RoleNames = []struct {
	Role Role
	Name string
}{
	{RoleVisitor, "巡访员"}, {RoleHelper, "帮扶人"}, {RoleVillage, "村负责人"}, {RoleTownship, "乡镇负责人"},
	{RoleCounty, "县民政"}, {RoleDept, "部门"}, {RoleKeeper, "档案员"}, {RoleVolunteer, "志愿者"},
}

// Name is the role as people say it.
func (r Role) Name() string {
	for _, n := range RoleNames {
		if n.Role == r {
			return n.Name
		}
	}
	return string(r)
}

// Person is a member of the WeCom tenant who works with the bot. UserID is WeCom's, folded to lower case at the door
// (wecom/90196: userids compare without case).
type Person struct {
	UserID string `gorm:"primaryKey;size:64"`
	Name   string `gorm:"size:64"`
	Phone  string `gorm:"type:text"`
}

// Post is a role somebody holds in a region for a time: dated, so that who was in charge then stays answerable.
type Post struct {
	UserID string `gorm:"primaryKey;size:64"`
	Role   Role   `gorm:"primaryKey;size:16"`
	Region string `gorm:"primaryKey;size:32"`
	Dept   string `gorm:"size:32"`
	From   Day    `gorm:"primaryKey;size:10;column:from_day"`
	To     Day    `gorm:"size:10;column:to_day"` // last day it held; "" still holds
}

// Holds says whether the post held on a day.
func (p Post) Holds(on Day) bool { return within(p.From, p.To, on) }

func within(from, to, on Day) bool { return from <= on && (to == "" || on <= to) }
