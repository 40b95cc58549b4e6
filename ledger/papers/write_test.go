package papers

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"xunfang/ledger"
)

// TestWrittenBookReadsBackEqual goes over random books as import knows them: rows in their sheets' order, posts and
// assignments without dates.
func TestWrittenBookReadsBackEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBook(t)
		var file bytes.Buffer
		if err := Write(&file, b, today); err != nil {
			t.Fatal(err)
		}
		got, faults, err := Read(&file, Known{})
		if err != nil || len(faults) > 0 {
			t.Fatal(err, faults)
		}
		if diff := cmp.Diff(b, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func drawBook(t *rapid.T) ledger.Book {
	free := func(label string, limit int) string {
		s := rapid.OneOf(rapid.SampledFrom([]string{"", "", "-", "李秀英", "㛃翀玥𠮷", "巴雅尔·其其格", "=1+1", "'00", "_x0041_", `<&>"'`, "a,b;c", "两\n行",
			"007", "1e5", "TRUE", "2026-03-02", "+86", "@x"}), rapid.StringOfN(rapid.RuneFrom([]rune("一二三 abc<>&_x0009-、。0𠮷")), 0, limit, -1)).Draw(t, label)
		return strings.TrimSpace(s)
	}
	name := func(label string) string {
		return rapid.SampledFrom([]string{"马秀兰", "王建国", "欧阳淑珍", "哈斯其其格", "㛃"}).Draw(t, label)
	}
	day := func(label string) ledger.Day {
		if !rapid.Bool().Draw(t, label+"?") {
			return ""
		}
		return ledger.Day("1850-01-01").Add(rapid.IntRange(0, 100_000).Draw(t, label))
	}
	number := func(label string) string {
		return rapid.SampledFrom([]string{"", "-", "13900000001", "0951-8012345", "010-62345678"}).Draw(t, label)
	}

	var b ledger.Book
	codes := []string{"640121", "YN-2", "嘎查3"}
	for i, c := range codes {
		r := ledger.Region{Code: c, Name: name("region"), Level: levels[i]}
		if i > 0 && rapid.Bool().Draw(t, "child") {
			r.Parent = codes[i-1]
		}
		b.Regions = append(b.Regions, r)
	}
	users := []string{"wangfang", "liu.yang", "wu_xia@x", "007"}
	for i, u := range users {
		b.People = append(b.People, ledger.Person{UserID: u, Name: name("person"), Phone: number("phone")})
		for j := range rapid.IntRange(1, 3).Draw(t, "posts") {
			p := ledger.Post{UserID: u, Role: ledger.RoleNames[(i+j)%8].Role, Region: codes[rapid.IntRange(0, 2).Draw(t, "region")]}
			if p.Role == ledger.RoleDept {
				p.Dept = rapid.SampledFrom([]string{"公安", "消防", "林草"}).Draw(t, "dept")
			}
			b.Posts = append(b.Posts, p)
		}
	}
	for i := range rapid.IntRange(0, 5).Draw(t, "elders") {
		e := ledger.Elder{ID: fmt.Sprintf("A%d", i), Name: name("elder"), Aliases: free("aliases", 20), Birth: day("birth"),
			Gender: rapid.SampledFrom([]string{"", "男", "女"}).Draw(t, "gender"), Phone: number("phone"), Region: codes[i%3],
			Address: free("address", 60), Lon: float64(rapid.IntRange(-1800000, 1800000).Draw(t, "lon")) / 1e4,
			Lat: float64(rapid.IntRange(-900000, 900000).Draw(t, "lat")) / 1e4, Nation: free("nation", 6), Living: free("living", 9),
			SelfCare: rapid.SampledFrom([]string{"", "自理", "半失能", "失能"}).Draw(t, "care"), LostChild: rapid.Bool().Draw(t, "lost"),
			Health: free("health", 90), Income: free("income", 90), Care: free("cared", 90), Hardship: free("hardship", 90), Consent: day("consent")}
		if e.Birth >= "1850-01-01" && rapid.Bool().Draw(t, "id") {
			e.IDNumber = sampleIDNumber(e.Birth, "女", i)
		}
		b.Elders = append(b.Elders, e)
		if tier := rapid.SampledFrom([]ledger.Tier{"", ledger.TierOrdinary, ledger.TierKey}).Draw(t, "tier"); tier != "" {
			b.Tierings = append(b.Tierings, ledger.Tiering{ElderID: e.ID, Tier: tier})
		}
		for _, u := range users[:rapid.IntRange(0, 2).Draw(t, "visitors")] {
			b.Assignments = append(b.Assignments, ledger.Assignment{ElderID: e.ID, UserID: u})
		}
		for k := range rapid.IntRange(0, 2).Draw(t, "kin") {
			b.Kin = append(b.Kin, ledger.Kin{ElderID: e.ID, Name: fmt.Sprintf("亲%d", k), Relation: free("relation", 9), Phone: number("phone"),
				Where: free("where", 30), Carer: rapid.Bool().Draw(t, "carer"), Consent: day("kin consent")})
		}
		if rapid.Bool().Draw(t, "pair") {
			b.Pairs = append(b.Pairs, ledger.Pair{ElderID: e.ID, UserID: users[i%4], From: "2026-01-01", To: "2026-12-31"})
		}
	}
	return b
}

func TestWriteGivesTheDaysPostsTiersAndVisitors(t *testing.T) {
	b := ledger.Book{
		Regions: []ledger.Region{{Code: "1", Name: "村", Level: ledger.LevelVillage}},
		People:  []ledger.Person{{UserID: "a", Name: "甲"}, {UserID: "b", Name: "乙"}},
		Posts: []ledger.Post{{UserID: "a", Role: ledger.RoleVisitor, Region: "1", From: "2025-01-01", To: "2026-03-19"},
			{UserID: "a", Role: ledger.RoleVillage, Region: "1", From: "2026-03-20"}, {UserID: "b", Role: ledger.RoleVisitor, Region: "1", From: "2026-01-01"}},
		Elders: []ledger.Elder{{ID: "A1", Name: "赵一", Region: "1", Since: "2025-01-01"}},
		Tierings: []ledger.Tiering{{ElderID: "A1", Tier: ledger.TierOrdinary, From: "2025-01-01", To: "2026-03-19"},
			{ElderID: "A1", Tier: ledger.TierKey, From: "2026-03-20"}},
		Assignments: []ledger.Assignment{{ElderID: "A1", UserID: "a", From: "2025-01-01", To: "2026-03-19"}, {ElderID: "A1", UserID: "b", From: "2026-03-20"}},
	}
	var file bytes.Buffer
	if err := Write(&file, b, today); err != nil {
		t.Fatal(err)
	}
	got, faults := read(t, file.Bytes(), Known{})
	want := ledger.Book{Regions: b.Regions, People: b.People,
		Posts:       []ledger.Post{{UserID: "a", Role: ledger.RoleVillage, Region: "1"}, {UserID: "b", Role: ledger.RoleVisitor, Region: "1"}},
		Elders:      []ledger.Elder{{ID: "A1", Name: "赵一", Region: "1"}},
		Tierings:    []ledger.Tiering{{ElderID: "A1", Tier: ledger.TierKey}},
		Assignments: []ledger.Assignment{{ElderID: "A1", UserID: "b"}}}
	if diff := cmp.Diff(want, got); diff != "" || faults != nil {
		t.Error(diff, faults)
	}
}

func TestTemplate(t *testing.T) {
	var file bytes.Buffer
	if err := Template(&file); err != nil {
		t.Fatal(err)
	}
	b, faults := read(t, file.Bytes(), Known{})
	if diff := cmp.Diff(ledger.Book{}, b); diff != "" || faults != nil {
		t.Fatal(diff, faults)
	}
	f, err := excelize.OpenReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if diff := cmp.Diff([]string{"说明", "区划", "人员", "老人", "家属", "帮扶"}, f.GetSheetList()); diff != "" {
		t.Error(diff)
	}
	// The contract's headings, word for word.
	for name, headings := range map[string]string{
		"区划": "代码, 名称, 上级代码, 级别",
		"人员": "账号, 姓名, 手机, 角色, 区划代码, 部门",
		"老人": "编号, 姓名, 别名, 性别, 身份证号, 出生日期, 手机, 区划代码, 住址, 经度, 纬度, 民族, 居住状况, 自理能力, 失独, 健康状况, 经济来源, 照料情况, 困难问题, 级别, 巡访员账号, 同意书日期",
		"家属": "老人编号, 姓名, 关系, 手机, 去向, 受托照顾人, 同意接收日期",
		"帮扶": "老人编号, 帮扶人账号, 开始日期, 结束日期",
	} {
		rows, err := f.GetRows(name)
		if err != nil || len(rows) != 1 || strings.Join(rows[0], ", ") != headings {
			t.Errorf("%s: %v, %v", name, rows, err)
		}
		panes, err := f.GetPanes(name)
		if err != nil || !panes.Freeze || panes.YSplit != 1 {
			t.Errorf("%s: headings are not frozen: %+v, %v", name, panes, err)
		}
		style, err := f.GetColStyle(name, "A")
		if err != nil {
			t.Fatal(err)
		}
		if s, err := f.GetStyle(style); err != nil || s.NumFmt != styleText {
			t.Errorf("%s: column A is not text: %+v, %v", name, s, err)
		}
	}
	lists := map[string]string{}
	for _, name := range []string{"区划", "人员", "老人", "家属"} {
		dvs, err := f.GetDataValidations(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, dv := range dvs {
			lists[name+dv.Sqref] = dv.Formula1
		}
	}
	for at, want := range map[string]string{"区划D2:D1001": `"县,乡镇,村,组"`, "老人D2:D1001": `"男,女"`, "老人T2:T1001": `"普通,重点"`,
		"家属F2:F1001": `"是,否"`, "人员D2:D1001": `"巡访员,帮扶人,村负责人,乡镇负责人,县民政,部门,档案员,志愿者"`} {
		if lists[at] != want {
			t.Errorf("%s: the drop-down is %s", at, lists[at])
		}
	}
	help, err := f.GetRows("说明")
	if err != nil {
		t.Fatal(err)
	}
	columns := 0
	for _, row := range help {
		if len(row) > 1 && row[1] != "" {
			columns++
		}
	}
	if columns != 1+4+6+22+7+4 { // the heading and every column
		t.Errorf("the instructions explain %d columns", columns)
	}
}

func TestCellsAreText(t *testing.T) {
	var file bytes.Buffer
	if err := SampleWorkbook(&file, today); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, cell := range []string{"A2", "E2", "F2", "G2", "J2"} {
		id, err := f.GetCellStyle("老人", cell)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := f.GetStyle(id); err != nil || s.NumFmt != styleText {
			t.Errorf("%s is not text: %+v, %v", cell, s, err)
		}
		if kind, err := f.GetCellType("老人", cell); err != nil || kind == excelize.CellTypeNumber {
			t.Errorf("%s is a number", cell)
		}
	}
}

// county is a book of n elders.
func county(n int) ledger.Book {
	b := Sample(today)
	elders, tiers, assignments := b.Elders, b.Tierings, b.Assignments
	b.Elders, b.Tierings, b.Assignments = nil, nil, nil
	for i := range n {
		id := fmt.Sprintf("E%05d", i)
		e, tier, a := elders[i%60], tiers[i%60], assignments[i%60]
		e.ID, tier.ElderID, a.ElderID = id, id, id
		b.Elders, b.Tierings, b.Assignments = append(b.Elders, e), append(b.Tierings, tier), append(b.Assignments, a)
	}
	b.Kin, b.Pairs = nil, nil
	return b
}

func BenchmarkWrite50000(b *testing.B) {
	book := county(50_000)
	for b.Loop() {
		if err := Write(io.Discard, book, today); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead50000 also reports the live heap right after reading, next to the book itself.
func BenchmarkRead50000(b *testing.B) {
	var file bytes.Buffer
	if err := Write(&file, county(50_000), today); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		book, faults, err := Read(bytes.NewReader(file.Bytes()), Known{})
		if err != nil || len(faults) > 0 || len(book.Elders) != 50_000 {
			b.Fatal(err, len(faults))
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/1e6, "MB-sys")
}
