package ledger

import (
	"strings"
	"testing"
	"time"
)

func TestDay(t *testing.T) {
	shanghai := time.FixedZone("Asia/Shanghai", 8*3600)
	for _, c := range []struct {
		at   time.Time
		zone *time.Location
		want Day
	}{
		{time.Date(2026, 3, 31, 15, 59, 59, 0, time.UTC), shanghai, "2026-03-31"},
		{time.Date(2026, 3, 31, 16, 0, 0, 0, time.UTC), shanghai, "2026-04-01"}, // midnight in the zone, not in UTC
		{time.Date(2026, 3, 31, 16, 0, 0, 0, time.UTC), time.UTC, "2026-03-31"},
	} {
		if got := DayOf(c.at, c.zone); got != c.want {
			t.Errorf("DayOf(%v) = %s, want %s", c.at, got, c.want)
		}
	}
	for _, c := range []struct {
		day  Day
		n    int
		want Day
	}{{"2024-02-28", 1, "2024-02-29"}, {"2026-02-28", 1, "2026-03-01"}, {"2026-01-01", -1, "2025-12-31"}, {"2026-03-31", 0, "2026-03-31"}} {
		if got := c.day.Add(c.n); got != c.want || got.Sub(c.day) != c.n {
			t.Errorf("%s + %d = %s, want %s", c.day, c.n, got, c.want)
		}
	}
	for _, bad := range []string{"", "2026-3-1", "2026-02-30", "20260301", "2026-03-01 "} {
		if d, err := ParseDay(bad); err == nil {
			t.Errorf("%q parses as %s", bad, d)
		}
	}
	if s := Day("2026-03-01").Short(); s != "3月1日" {
		t.Errorf("short: %s", s)
	}
}

func TestAge(t *testing.T) {
	for _, c := range []struct {
		birth, on Day
		want      int
	}{
		{"1956-03-11", "2026-03-10", 69},
		{"1956-03-11", "2026-03-11", 70}, // 002 四(一): 70 周岁 on the birthday
		{"1956-02-29", "2026-02-28", 69},
		{"1956-02-29", "2026-03-01", 70},
		{"", "2026-03-01", -1},
	} {
		if got := c.birth.Age(c.on); got != c.want {
			t.Errorf("born %s, on %s: %d, want %d", c.birth, c.on, got, c.want)
		}
	}
}

func TestPeriod(t *testing.T) {
	for _, c := range []struct {
		p           Period
		first, last Day
		name        string
	}{
		{"2024-02", "2024-02-01", "2024-02-29", "2月"},
		{"2026-02", "2026-02-01", "2026-02-28", "2月"},
		{"2026-12", "2026-12-01", "2026-12-31", "12月"},
		{"2026Q1", "2026-01-01", "2026-03-31", "第1季度"},
		{"2026Q4", "2026-10-01", "2026-12-31", "第4季度"},
		{"2026H1", "2026-01-01", "2026-06-30", "上半年"},
		{"2026H2", "2026-07-01", "2026-12-31", "下半年"},
		{"2026", "2026-01-01", "2026-12-31", "2026年"},
	} {
		if got, err := ParsePeriod(string(c.p)); err != nil || got != c.p {
			t.Errorf("%s: %v", c.p, err)
		}
		if c.p.First() != c.first || c.p.Last() != c.last || c.p.Name() != c.name {
			t.Errorf("%s: %s to %s, %s", c.p, c.p.First(), c.p.Last(), c.p.Name())
		}
		if !c.p.Contains(c.first) || !c.p.Contains(c.last) || c.p.Contains(c.first.Add(-1)) || c.p.Contains(c.last.Add(1)) {
			t.Errorf("%s does not end where it ends", c.p)
		}
	}
	for _, bad := range []string{"", "2026-13", "2026Q5", "2026H3", "26-03", "2026-3"} {
		if _, err := ParsePeriod(bad); err == nil {
			t.Errorf("%q is taken for a period", bad)
		}
	}
	for d := Day("2023-12-25"); d < "2025-01-05"; d = d.Add(1) {
		if !MonthOf(d).Contains(d) || !QuarterOf(d).Contains(d) {
			t.Fatalf("%s lies in neither %s nor %s", d, MonthOf(d), QuarterOf(d))
		}
	}
}

// TestMay is the table of who sees whom: role, relation, region and date.
func TestMay(t *testing.T) {
	path := []string{"g1", "v1", "t1", "c1"}
	post := func(role Role, region string) []Post { return []Post{{Role: role, Region: region}} }
	for name, c := range map[string]struct {
		posts            []Post
		assigned, paired bool
		want             Sight
	}{
		"nobody":                          {nil, false, false, SightNone},
		"a visitor and their elder":       {post(RoleVisitor, "v1"), true, false, SightCare},
		"a visitor and another's elder":   {post(RoleVisitor, "v1"), false, false, SightNone},
		"an assignment without the post":  {nil, true, true, SightNone},
		"a helper and their elder":        {post(RoleHelper, "t1"), false, true, SightCare},
		"a helper and another elder":      {post(RoleHelper, "t1"), false, false, SightNone},
		"a helper who is no visitor":      {post(RoleHelper, "t1"), true, false, SightNone},
		"the village lead":                {post(RoleVillage, "v1"), false, false, SightLedger},
		"the next village's lead":         {post(RoleVillage, "v2"), false, false, SightNone},
		"the township lead":               {post(RoleTownship, "t1"), false, false, SightLedger},
		"the next township's lead":        {post(RoleTownship, "t2"), false, false, SightNone},
		"the county":                      {post(RoleCounty, "c1"), false, false, SightLedger},
		"the keeper":                      {post(RoleKeeper, "c1"), false, false, SightLedger},
		"a department":                    {post(RoleDept, "c1"), false, false, SightNone},
		"a volunteer":                     {post(RoleVolunteer, "v1"), true, true, SightNone},
		"a lead whose post ended":         {[]Post{{Role: RoleVillage, Region: "v1", To: "2026-03-10"}}, false, false, SightNone},
		"a lead whose post ends today":    {[]Post{{Role: RoleVillage, Region: "v1", To: "2026-03-11"}}, false, false, SightLedger},
		"a lead whose post begins after":  {[]Post{{Role: RoleVillage, Region: "v1", From: "2026-03-12"}}, false, false, SightNone},
		"a visitor who is the lead, too":  {append(post(RoleVisitor, "v1"), post(RoleVillage, "v1")...), true, false, SightLedger},
		"a lead of the elder's own group": {post(RoleVillage, "g1"), false, false, SightLedger},
		"a role nobody knows":             {post("emperor", "c1"), true, true, SightNone},
	} {
		rel := Relation{Path: path}
		if c.assigned {
			rel.Assigned = []Assignment{{From: "2026-01-01"}}
		}
		if c.paired {
			rel.Paired = []Pair{{From: "2026-01-01"}}
		}
		if got := May(c.posts, rel, "2026-03-11").Sight; got != c.want {
			t.Errorf("%s: sight %d, want %d", name, got, c.want)
		}
	}
}

func TestRoster(t *testing.T) {
	r := NewRoster(Book{
		Regions: []Region{{"c", "县", "", LevelCounty}, {"t", "镇", "c", LevelTownship}, {"v", "望远村", "t", LevelVillage}, {"g", "一组", "v", LevelGroup},
			{"w", "通桥村", "t", LevelVillage}, {"loop", "", "loop", LevelVillage}},
		People: []Person{{UserID: "wang"}, {UserID: "he"}, {UserID: "li"}, {UserID: "old"}},
		Posts: []Post{{UserID: "wang", Role: RoleVisitor, Region: "v"}, {UserID: "he", Role: RoleVillage, Region: "v"}, {UserID: "li", Role: RoleTownship, Region: "t"},
			{UserID: "old", Role: RoleVisitor, Region: "v"}},
		Elders: []Elder{{ID: "1", Name: "甲", Region: "g"}, {ID: "2", Name: "乙", Region: "w"}, {ID: "3", Name: "丙", Region: "loop"}},
		Assignments: []Assignment{{ElderID: "1", UserID: "old", To: "2026-03-10"}, {ElderID: "1", UserID: "wang", From: "2026-03-11"},
			{ElderID: "9", UserID: "wang"}},
		Tierings: []Tiering{{ElderID: "1", Tier: TierOrdinary, To: "2026-03-10"}, {ElderID: "1", Tier: TierKey, From: "2026-03-11"}},
	})
	ids := func(elders []Elder) (s string) {
		for _, e := range elders {
			s += e.ID
		}
		return s
	}
	for _, c := range []struct {
		user string
		on   Day
		want string
	}{
		{"old", "2026-03-10", "1"}, {"old", "2026-03-11", ""}, {"wang", "2026-03-10", ""}, {"wang", "2026-03-11", "1"},
		{"he", "2026-03-11", "1"}, {"li", "2026-03-11", "12"}, {"stranger", "2026-03-11", ""},
	} {
		if got := ids(r.Visible(c.user, c.on)); got != c.want {
			t.Errorf("%s sees %q on %s, want %q", c.user, got, c.on, c.want)
		}
	}
	if r.Tier("1", "2026-03-10") != TierOrdinary || r.Tier("1", "2026-03-11") != TierKey || r.Tier("2", "2026-03-11") != TierOrdinary {
		t.Error("the tier held on a day is wrong")
	}
	if e, _ := r.Elder("1"); r.Place(e) != "望远村一组" {
		t.Errorf("place %s", r.Place(e))
	}
	if got := r.Holders(RoleTownship, "g", "2026-03-11"); len(got) != 1 || got[0].UserID != "li" {
		t.Errorf("the nearest township lead: %v", got)
	}
	if got := r.Holders(RoleVillage, "w", "2026-03-11"); got != nil {
		t.Errorf("a village without a lead has %v", got)
	}
	if got := r.Path("loop"); len(got) != 1 {
		t.Errorf("a region above itself: %v", got)
	}
	if got := ids(r.Within("loop")); got != "3" {
		t.Errorf("a region above itself has %q", got)
	}
}

// TestWordKey: a word's key is short, differs with all that it is about, and tells nobody about whom it is.
func TestWordKey(t *testing.T) {
	seen := map[string]bool{}
	for _, about := range [][]string{{"A03", "马晓梅", "2026-03"}, {"A03", "马晓梅", "2026-04"}, {"A03马晓梅", "2026-03"}, {strings.Repeat("名", 60)}, nil} {
		key := WordKey("summary", about...)
		if len(key) > 64 || seen[key] || strings.ContainsAny(key, "马晓梅名A") {
			t.Errorf("%q for %q", key, about)
		}
		seen[key] = true
	}
}

// TestNewNumberIsAlive: a number that reached nobody is marked; another one, however it comes into the ledger, is not.
func TestNewNumberIsAlive(t *testing.T) {
	old := Book{Kin: []Kin{{ElderID: "A03", Name: "马晓梅", Phone: "13900000302", Dead: "2026-03-01"}}}
	for _, tt := range []struct {
		edit Kin
		want Day
	}{
		{Kin{Phone: "13900000999"}, ""}, {Kin{Phone: "13900000302"}, "2026-03-01"}, {Kin{Where: "西安市"}, "2026-03-01"},
		{Kin{Phone: "13900000999", Dead: "2026-03-02"}, "2026-03-02"},
	} {
		tt.edit.ElderID, tt.edit.Name = "A03", "马晓梅"
		d, err := old.Compare(Edit{Book: Book{Kin: []Kin{tt.edit}}, Today: "2026-03-02"})
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Book().Kin[0].Dead; got != tt.want {
			t.Errorf("after %+v it is dead from %q, want %q", tt.edit, got, tt.want)
		}
	}
}
