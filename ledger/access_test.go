package ledger

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// testdata/access.txt says who sees what, for the county's data-protection officer to read. It is made from May and Seen for
// every role, post, relation and day; `go test ./ledger -run TestAccessTable -update` writes it anew.
var update = flag.Bool("update", false, "rewrite testdata/access.txt")

// The elder lives in 本组; every other region of the table is above it or beside it.
var (
	accessPath   = []string{"本组", "本村", "本乡镇", "本县"}
	accessPlaces = append(slices.Clone(accessPath), "邻村")
	accessBonds  = []string{"没有关系", "负责巡访", "结对帮扶", "巡访和结对"}
	accessDays   = []struct {
		name string
		day  Day
	}{
		{"前一天", "2026-02-28"}, {"第一天", "2026-03-01"}, {"期间", "2026-03-15"}, {"最后一天", "2026-03-31"},
		{"次日", "2026-04-01"}, {"7天后", "2026-04-07"}, {"8天后", "2026-04-08"},
	}
	accessTables = []struct{ name, about string }{
		{"甲、岗位有起止", "岗位 3月1日到3月31日;和老人的关系一直有。"},
		{"乙、关系有起止", "和老人的关系 3月1日到3月31日;岗位一直在。"},
	}
)

const accessPreamble = `谁看得到老人的什么

这张表由程序算出来,程序每次改动都要和它核对,不一致就发布不了。供县里管数据保护的人看。
依据:002号文 五·信息核对(专人管理、及时更正)、七(三)(泄露信息追究责任);约定“谁听到、谁看到”。

老人住在“本组”。“岗位在”是此人的岗位登记在哪一级:本组、本村、本乡镇、本县,或不相干的邻村。
“关系”是此人和这位老人之间:负责巡访(指派的巡访员)、结对帮扶、两样都有,或没有。

  看不到  连有没有这个人都不告诉;问真名和问假名,回答一样
  工作    办事要用的:见丙表“工作”一列
  台账    台账全文:见丙表“台账”一列
  补录    看不到,但可以补记自己负责时做过的巡访,到卸任后第7天为止

“还可以”只在看得到台账的那几天有:指派(定谁巡访、登记去世暂停)、更正(改台账、核对)、谁看过(查谁看过这位老人)。
号码在卡片上只露头尾;要打电话时才给整号。每看一次资料、电话、照片,都记下来,谁也改不了。
`

// accessCase is one line of the full product: a role held somewhere, with some relation to the elder, within one table.
type accessCase struct {
	table             int
	role, place, bond string
	posts             []Post
	rel               Relation
	want              [7]string // by accessDays
	rights            string
}

func (c accessCase) name() string {
	return accessTables[c.table].name + " " + c.role + " " + c.place + " " + c.bond
}

// accessCases is every role × place × bond × table.
func accessCases(t *testing.T) []accessCase {
	var out []accessCase
	first, last := accessDays[1].day, accessDays[3].day
	for table := range accessTables {
		post, bond := [2]Day{first, last}, [2]Day{"2026-01-01", ""}
		if table == 1 {
			post, bond = bond, post
		}
		for _, r := range RoleNames {
			for _, place := range accessPlaces {
				for b, name := range accessBonds {
					c := accessCase{table: table, role: r.Name, place: place, bond: name, rel: Relation{Path: accessPath},
						posts: []Post{{UserID: "u", Role: r.Role, Region: place, From: post[0], To: post[1]}}}
					if b&1 != 0 {
						c.rel.Assigned = []Assignment{{ElderID: "e", UserID: "u", From: bond[0], To: bond[1]}}
					}
					if b&2 != 0 {
						c.rel.Paired = []Pair{{ElderID: "e", UserID: "u", From: bond[0], To: bond[1]}}
					}
					c.fill(t)
					out = append(out, c)
				}
			}
		}
	}
	return out
}

// fill asks May for each day and puts the answers into the table's words, of which each says all of an Access.
func (c *accessCase) fill(t *testing.T) {
	for i, d := range accessDays {
		a := May(c.posts, c.rel, d.day)
		var rights []string
		for _, r := range []struct {
			has  bool
			name string
		}{{a.Assign, "指派"}, {a.Correct, "更正"}, {a.Reopen, "改旧记录"}, {a.Log, "谁看过"}} {
			if r.has {
				rights = append(rights, r.name)
			}
		}
		c.want[i] = map[Sight]string{SightNone: "看不到", SightCare: "工作", SightLedger: "台账"}[a.Sight]
		if a.Late {
			if a.Sight != SightNone {
				t.Errorf("%s, %s: sees the elder and is late, too", c.name(), d.name)
			}
			c.want[i] = "补录"
		}
		switch words := strings.Join(rights, "、"); {
		case a.Sight != SightLedger && words != "":
			t.Errorf("%s, %s: may %s without seeing the ledger", c.name(), d.name, words)
		case a.Sight == SightLedger && c.rights != "" && c.rights != words:
			t.Errorf("%s, %s: rights differ from day to day", c.name(), d.name)
		case a.Sight == SightLedger:
			c.rights = words
		}
	}
}

func (c accessCase) outcome() []string { return append(slices.Clone(c.want[:]), c.rights) }

// accessRows groups the cases of one table and role that come to the same, so that a person can read them.
func accessRows(cases []accessCase) [][]string {
	type group struct {
		places, bonds []string
		outcome       []string
	}
	var groups []group
	for _, place := range accessPlaces {
		var here []group
		for _, c := range cases {
			if c.place != place {
				continue
			}
			if i := slices.IndexFunc(here, func(g group) bool { return slices.Equal(g.outcome, c.outcome()) }); i >= 0 {
				here[i].bonds = append(here[i].bonds, c.bond)
			} else {
				here = append(here, group{[]string{place}, []string{c.bond}, c.outcome()})
			}
		}
		for _, h := range here {
			i := slices.IndexFunc(groups, func(g group) bool { return slices.Equal(g.outcome, h.outcome) && slices.Equal(g.bonds, h.bonds) })
			if i >= 0 {
				groups[i].places = append(groups[i].places, place)
			} else {
				groups = append(groups, h)
			}
		}
	}
	var rows [][]string
	for _, g := range groups {
		row := []string{listed(g.places, accessPlaces, "不论哪里"), listed(g.bonds, accessBonds, "不论")}
		rows = append(rows, append(row, g.outcome...))
	}
	return rows
}

func listed(some, all []string, every string) string {
	if len(some) == len(all) {
		return every
	}
	return strings.Join(some, "、")
}

func unlisted(words string, all []string, every string) []string {
	if words == every {
		return all
	}
	return strings.Split(words, "、")
}

// width is how wide a text stands on a screen: a Chinese character takes two places.
func width(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x2E80 {
			n++
		}
	}
	return n
}

func writeTable(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], width(cell))
		}
	}
	for _, row := range rows {
		for i, cell := range row {
			b.WriteString("| " + cell + strings.Repeat(" ", widths[i]-width(cell)+1))
		}
		b.WriteString("|\n")
	}
}

// accessFields are what people call an elder's fields, in the order of Elder.
var accessFields = []string{"编号", "姓名", "别名", "性别", "身份证号", "出生日期", "电话", "村组", "住址", "经度", "纬度", "民族", "居住状况",
	"自理能力", "失独", "健康", "经济来源", "照料", "困难", "同意书日期", "建档日期"}

// sightRows says of each field whether a sight shows it: 看得到, 看不到, or what is shown instead.
func sightRows(t *testing.T) [][]string {
	whole := Elder{ID: "A01", Name: "某某", Aliases: "某", Gender: "女", IDNumber: "00000019480101002X", Birth: "1948-01-01", Phone: "13900000100",
		Region: "本组", Address: "1号", Lon: 106.2, Lat: 38.3, Nation: "汉族", Living: "独居", SelfCare: "自理", LostChild: true, Health: "高血压",
		Income: "养老金", Care: "邻里照看", Hardship: "买煤难", Consent: "2026-01-01", Since: "2026-01-02"}
	v := reflect.ValueOf(whole)
	if v.NumField() != len(accessFields) {
		t.Fatalf("an elder has %d fields, the table names %d: say who may see the new one", v.NumField(), len(accessFields))
	}
	rows := [][]string{{"内容", "看不到", "工作", "台账"}}
	for i, name := range accessFields {
		if v.Field(i).IsZero() {
			t.Fatalf("the elder of the table has no %s", v.Type().Field(i).Name)
		}
		row := []string{name}
		for _, s := range []Sight{SightNone, SightCare, SightLedger} {
			got := reflect.ValueOf(whole.Seen(s)).Field(i)
			switch {
			case got.IsZero():
				row = append(row, "看不到")
			case got.Equal(v.Field(i)):
				row = append(row, "看得到")
			default:
				row = append(row, fmt.Sprint(got))
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// TestAccessTable compares every role × post × relation × day with the table in testdata, read back from the file: what the
// officer reads is what the program does, and the grouping leaves nothing out.
func TestAccessTable(t *testing.T) {
	const file = "testdata/access.txt"
	cases := accessCases(t)
	if want := 2 * len(RoleNames) * len(accessPlaces) * len(accessBonds); len(cases) != want {
		t.Fatalf("%d cases, want %d", len(cases), want)
	}
	var b strings.Builder
	b.WriteString(accessPreamble)
	for table, head := range accessTables {
		b.WriteString("\n" + head.name + "(" + head.about + ")\n\n")
		rows := [][]string{{"角色", "岗位在", "关系"}}
		for _, d := range accessDays {
			rows[0] = append(rows[0], d.name)
		}
		rows[0] = append(rows[0], "还可以")
		for _, r := range RoleNames {
			for _, row := range accessRows(slices.DeleteFunc(slices.Clone(cases), func(c accessCase) bool {
				return c.table != table || c.role != r.Name
			})) {
				rows = append(rows, append([]string{r.Name}, row...))
			}
		}
		writeTable(&b, rows)
	}
	b.WriteString("\n丙、看得到什么\n\n")
	writeTable(&b, sightRows(t))
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	read, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(read) != b.String() {
		t.Errorf("%s is not what May and Seen say; if the change is meant, rewrite it with -update and read the diff", file)
	}
	table, said := -1, map[string][]string{}
	for line := range strings.Lines(string(read)) {
		if i := slices.IndexFunc(accessTables, func(h struct{ name, about string }) bool { return strings.HasPrefix(line, h.name) }); i >= 0 {
			table = i
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4+len(accessDays) {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		for _, place := range unlisted(cells[1], accessPlaces, "不论哪里") {
			for _, bond := range unlisted(cells[2], accessBonds, "不论") {
				name := accessCase{table: table, role: cells[0], place: place, bond: bond}.name()
				if said[name] != nil {
					t.Errorf("the table says twice what %s may", name)
				}
				said[name] = cells[3:]
			}
		}
	}
	for _, c := range cases {
		if !slices.Equal(said[c.name()], c.outcome()) {
			t.Errorf("%s: the table says %v, May says %v", c.name(), said[c.name()], c.outcome())
		}
	}
}

// foretold is who may do what with an elder, written a second time and slowly from the contract's sentences, over a county
// whose region codes begin with those above them.
func foretold(posts []Post, assigned []Assignment, paired []Pair, home string, on Day) Access {
	running := func(from, to Day) bool { return on.Sub(from) >= 0 && (to == "" || to.Sub(on) >= 0) }
	holds := func(roles ...Role) (any, here bool) {
		for _, p := range posts {
			if slices.Contains(roles, p.Role) && running(p.From, p.To) {
				any = true
				here = here || strings.HasPrefix(home, p.Region)
			}
		}
		return any, here
	}
	var a Access
	// A visitor sees the elders assigned to them …
	if visitor, _ := holds(RoleVisitor); visitor {
		for _, x := range assigned {
			if running(x.From, x.To) {
				a.Sight = SightCare
			}
		}
	}
	// … a helper those paired with them …
	if helper, _ := holds(RoleHelper); helper {
		for _, x := range paired {
			if running(x.From, x.To) {
				a.Sight = SightCare
			}
		}
	}
	// … a village lead or keeper the village's, a township lead the township's, the county all. A department and a volunteer
	// are in no sentence: they see nobody.
	if _, here := holds(RoleVillage, RoleTownship, RoleCounty, RoleKeeper); here {
		a.Sight = SightLedger
	}
	_, a.Assign = holds(RoleVillage, RoleTownship, RoleCounty) // 002 五: 乡镇指派专人, and the village under it
	_, a.Correct = holds(RoleTownship, RoleCounty, RoleKeeper) // 002 五·信息核对: 专人管理
	_, a.Reopen = holds(RoleTownship, RoleCounty)              // requirements §3 case 17: after month close the lead's exception
	_, a.Log = holds(RoleCounty, RoleKeeper)                   // 002 七(三)
	// Who was the elder's visitor enters what was done then for a week more, and sees nothing (requirements §3 case 5).
	if visitor, _ := holds(RoleVisitor); visitor && a.Sight == SightNone {
		for _, x := range assigned {
			if x.To != "" {
				if late := on.Sub(x.To); late >= 1 && late <= 7 {
					a.Late = true
				}
			}
		}
	}
	return a
}

// TestMayAsForetold: random posts, assignments and pairs come to what the contract's sentences say, asked of the pure function
// and of a roster, and an elder whom nobody wrote down is like one out of sight.
func TestMayAsForetold(t *testing.T) {
	book := Book{Regions: []Region{{Code: "1", Level: LevelCounty}, {Code: "11", Parent: "1", Level: LevelTownship}, {Code: "12", Parent: "1", Level: LevelTownship},
		{Code: "111", Parent: "11", Level: LevelVillage}, {Code: "112", Parent: "11", Level: LevelVillage}, {Code: "1111", Parent: "111", Level: LevelGroup},
		{Code: "2", Level: LevelCounty}}}
	codes := make([]string, len(book.Regions))
	for i, r := range book.Regions {
		codes[i] = r.Code
	}
	roles := []Role{"somebody else"}
	for _, r := range RoleNames {
		roles = append(roles, r.Role)
	}
	const first = Day("2026-03-01")
	span := rapid.Custom(func(rt *rapid.T) [2]Day {
		from := first.Add(rapid.IntRange(-3, 20).Draw(rt, "from"))
		if rapid.Bool().Draw(rt, "open") {
			return [2]Day{from, ""}
		}
		return [2]Day{from, from.Add(rapid.IntRange(-1, 15).Draw(rt, "to"))} // -1: begun and taken back on one day
	})
	rapid.Check(t, func(rt *rapid.T) {
		b := book
		b.Elders = []Elder{{ID: "e", Region: rapid.SampledFrom(codes).Draw(rt, "home")}}
		for range rapid.IntRange(0, 3).Draw(rt, "posts") {
			s := span.Draw(rt, "post")
			b.Posts = append(b.Posts, Post{UserID: "u", Role: rapid.SampledFrom(roles).Draw(rt, "role"), Region: rapid.SampledFrom(codes).Draw(rt, "region"), From: s[0], To: s[1]})
		}
		for range rapid.IntRange(0, 2).Draw(rt, "assignments") {
			s := span.Draw(rt, "assignment")
			b.Assignments = append(b.Assignments, Assignment{ElderID: "e", UserID: "u", From: s[0], To: s[1]})
		}
		for range rapid.IntRange(0, 2).Draw(rt, "pairs") {
			s := span.Draw(rt, "pair")
			b.Pairs = append(b.Pairs, Pair{ElderID: "e", UserID: "u", From: s[0], To: s[1]})
		}
		// Others are posted and bound, too: it is nothing to this person.
		b.Posts = append(b.Posts, Post{UserID: "o", Role: RoleCounty, Region: "1", From: first}, Post{UserID: "stranger", Role: RoleCounty, Region: "1", From: first, To: first})
		b.Assignments = append(b.Assignments, Assignment{ElderID: "e", UserID: "o", From: first}, Assignment{ElderID: "other", UserID: "u", From: first})
		b.Pairs = append(b.Pairs, Pair{ElderID: "other", UserID: "u", From: first})
		on := first.Add(rapid.IntRange(-5, 40).Draw(rt, "on"))

		home := b.Elders[0].Region
		mine := slices.DeleteFunc(slices.Clone(b.Posts), func(p Post) bool { return p.UserID != "u" })
		assigned := slices.DeleteFunc(slices.Clone(b.Assignments), func(a Assignment) bool { return a.UserID != "u" || a.ElderID != "e" })
		paired := slices.DeleteFunc(slices.Clone(b.Pairs), func(p Pair) bool { return p.UserID != "u" || p.ElderID != "e" })
		want := foretold(mine, assigned, paired, home, on)
		r := NewRoster(b)
		if got := May(mine, Relation{Assigned: assigned, Paired: paired, Path: r.Path(home)}, on); got != want {
			rt.Fatalf("May is %+v, the contract says %+v", got, want)
		}
		if got := r.May("u", "e", on); got != want {
			rt.Fatalf("the roster says %+v, the contract %+v", got, want)
		}
		if seen := slices.ContainsFunc(r.Visible("u", on), func(e Elder) bool { return e.ID == "e" }); seen != (want.Sight > SightNone) {
			rt.Fatalf("among the visible: %v, though sight is %d", seen, want.Sight)
		}
		if got := r.May("u", "other", on); got != (Access{}) {
			rt.Fatalf("an elder nobody wrote down is seen: %+v", got)
		}
		if got := r.May("nobody", "e", on); got != (Access{}) {
			rt.Fatalf("somebody without a post sees: %+v", got)
		}
	})
}
