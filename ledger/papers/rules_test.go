package papers

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xunfang/ledger"
)

func faultsOf(t *testing.T, known ledger.Book, tables ...table) []string {
	t.Helper()
	_, faults := read(t, workbook(t, tables...), KnownIn(known))
	return faults
}

func standings(rows ...[]any) table {
	return table{"状态", append([][]any{{"老人编号", "状态", "开始日期", "结束日期", "去向", "复核日期"}}, rows...)}
}

func TestStandings(t *testing.T) {
	known := ledger.Book{Elders: []ledger.Elder{{ID: "A1"}, {ID: "A2"}}, Standings: []ledger.Standing{
		{ElderID: "A1", Kind: ledger.StandingPaused, From: "2026-01-10", To: "2026-02-10", Review: "2026-02-01"},
		{ElderID: "A2", Kind: ledger.StandingDied, From: "2026-03-01"}}}
	for _, tt := range []struct {
		name string
		rows [][]any
		want []string
	}{
		{"in hospital", [][]any{{"A1", "暂停", "2026/3/1", "", "县医院", "2026年4月1日"}}, nil},
		{"ninety days at most", [][]any{{"A1", "暂停", "2026-03-01", "", "", "2026-05-30"}}, nil},
		{"ninety-one", [][]any{{"A1", "暂停", "2026-03-01", "", "", "2026-05-31"}},
			[]string{"状态!F2: 离开始日期太远或更早 (应为 2026-03-01 到 2026-05-30)"}},
		{"reviewed before it began", [][]any{{"A1", "暂停", "2026-03-01", "", "", "2026-02-28"}},
			[]string{"状态!F2: 离开始日期太远或更早 (应为 2026-03-01 到 2026-05-30)"}},
		{"a pause without review", [][]any{{"A1", "暂停", "2026-03-01"}},
			[]string{"状态!F2: 暂停却没有复核日期 (应为 不晚于 2026-05-30)"}},
		{"a review erased", [][]any{{"A1", "", "2026-01-10", "", "", "-"}},
			[]string{"状态!F2: 暂停却没有复核日期 (应为 不晚于 2026-04-10)"}},
		{"a death with review", [][]any{{"A1", "去世", "2026-03-01", "", "", "2026-04-01"}},
			[]string{"状态!F2: 不是暂停,却有复核日期 (应为 空着)"}},
		{"ends before it begins", [][]any{{"A1", "迁出", "2026-03-01", "2026-02-28"}},
			[]string{"状态!D2: 比开始日期早 (应为 不早于 2026-03-01)"}},
		{"one day", [][]any{{"A1", "迁出", "2026-03-01", "2026-03-01"}}, nil},
		{"no beginning", [][]any{{"A1", "退出"}},
			[]string{"状态!C2: 开始日期没有填 (应为 新的一行必填)"}},
		{"nobody", [][]any{{"A3", "退出", "2026-03-01"}},
			[]string{"状态!A2: “老人”里没有这个编号 (应为 “老人”里的编号)"}},
		{"the pause goes on with what it had", [][]any{{"A1", "", "2026-01-10", "2026-02-20"}}, nil},
		{"twice", [][]any{{"A1", "去世", "2026-03-01"}, {"A1", "退出", "2026.3.1"}},
			[]string{"状态!A3: 和第2行重复 (应为 一行一个)"}},
		{"during a pause the database has", [][]any{{"A1", "去世", "2026-02-10"}},
			[]string{"状态!C2: 和2026-01-10起的“暂停”时间重叠 (应为 先写上前一段的结束日期)"}},
		{"after it", [][]any{{"A1", "去世", "2026-02-11"}}, nil},
		{"into one the database has", [][]any{{"A1", "暂停", "2025-12-20", "", "", "2026-01-05"}},
			[]string{"状态!D2: 和2026-01-10起的“暂停”时间重叠 (应为 先写上前一段的结束日期)"}},
		{"after a death", [][]any{{"A2", "退出", "2026-03-02"}},
			[]string{"状态!C2: 和2026-03-01起的“去世”时间重叠 (应为 先写上前一段的结束日期)"}},
		{"a death taken back", [][]any{{"A2", "", "2026-03-01", "2026-03-01"}, {"A2", "退出", "2026-03-02"}}, nil},
		{"within a long one", [][]any{{"A2", "迁出", "2025-01-01", "2025-12-31"}, {"A2", "暂停", "2025-02-01", "2025-02-02", "", "2025-02-02"},
			{"A2", "退出", "2025-06-01", "2025-06-02"}},
			[]string{"状态!C3: 和2025-01-01起的“迁出”时间重叠 (应为 先写上前一段的结束日期)", "状态!C4: 和2025-01-01起的“迁出”时间重叠 (应为 先写上前一段的结束日期)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, faultsOf(t, known, standings(tt.rows...))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestElderTwiceOnTheLedger(t *testing.T) {
	const one, other = "000000195003150016", "000000195003150032"
	where := []ledger.Region{{Code: "1", Level: ledger.LevelVillage}, {Code: "11", Parent: "1", Level: ledger.LevelGroup},
		{Code: "12", Parent: "1", Level: ledger.LevelGroup}, {Code: "2", Level: ledger.LevelVillage}}
	known := ledger.Book{Regions: where, Elders: []ledger.Elder{{ID: "A1", Name: "赵一", Birth: "1950-03-15", IDNumber: one, Region: "11"},
		{ID: "A2", Name: "钱二", Birth: "1951-01-01", Region: "11"}, {ID: "13900000001", Name: "孙三", Birth: "1952-01-01", Region: "2"}}}
	rows := func(rows ...[]any) table {
		return table{"老人", append([][]any{{"编号", "姓名", "区划代码", "身份证号", "出生日期"}}, rows...)}
	}
	for _, tt := range []struct {
		name string
		rows table
		want []string
	}{
		{"a number only the database has", rows([]any{"B1", "赵大", "2", one}),
			[]string{"老人!D2: 和台账里编号“A1”的老人的相同 (应为 一人一个编号,一行)"}},
		{"themselves again", rows([]any{"A1", "赵一", "12", one}), nil},
		{"the number moves on", rows([]any{"A1", "", "", "-"}, []any{"B1", "赵大", "2", one}), nil},
		{"name, birth and village", rows([]any{"B1", "钱二", "12", "", "1951.1.1"}),
			[]string{"老人!B2: 和台账里编号“A2”的老人同名、同生日、同村 (应为 一人一个编号;真是两个人就都填上身份证号)"}},
		{"another village", rows([]any{"B1", "钱二", "2", "", "1951-01-01"}), nil},
		{"another birth", rows([]any{"B1", "钱二", "12", "", "1951-01-02"}), nil},
		{"birth unknown", rows([]any{"B1", "钱二", "12"}), nil},
		{"two numbers are two people", rows([]any{"B1", "赵一", "12", other}), nil},
		{"the birth is in the number", rows([]any{"B1", "李四", "12", other}, []any{"B2", "李四", "11", "", "1950-03-15"}),
			[]string{"老人!B3: 和第2行同名、同生日、同村 (应为 一人一个编号;真是两个人就都填上身份证号)"}},
		{"made equal by what was left empty", rows([]any{"A2", "孙三", "2", "", "1952-01-01"}),
			[]string{"老人!B2: 和台账里编号“13…01”的老人同名、同生日、同村 (应为 一人一个编号;真是两个人就都填上身份证号)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, faultsOf(t, known, tt.rows)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestARegionRisesOverWhatOnlyTheDatabaseHas(t *testing.T) {
	known := ledger.Book{Regions: []ledger.Region{{Code: "1", Level: ledger.LevelCounty}, {Code: "11", Parent: "1", Level: ledger.LevelTownship},
		{Code: "111", Parent: "11", Level: ledger.LevelVillage}, {Code: "1111", Parent: "111", Level: ledger.LevelGroup}}}
	rows := func(rows ...[]any) table {
		return table{"区划", append([][]any{{"代码", "名称", "上级代码", "级别"}}, rows...)}
	}
	for _, tt := range []struct {
		name string
		rows table
		want []string
	}{
		{"sinks to its children", rows([]any{"11", "", "", "村"}), []string{"区划!D2: 改成了村,台账里它下面还有村 (应为 比下面高的级别)"}},
		{"its children sink with it", rows([]any{"11", "", "", "村"}, []any{"111", "", "", "组"}),
			[]string{"区划!D3: 改成了组,台账里它下面还有组 (应为 比下面高的级别)"}},
		{"becomes its grandchild's child", rows([]any{"11", "", "1111", ""}), []string{"区划!C2: 上级绕了一圈又回到自己 (应为 上一级的代码)"}},
		{"a new name", rows([]any{"11", "改名", "", ""}), nil},
		{"a new root", rows([]any{"11", "", "-", ""}), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, faultsOf(t, known, tt.rows)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVisitorsAreVisitors(t *testing.T) {
	known := ledger.Book{Elders: []ledger.Elder{{ID: "A1"}}, Regions: []ledger.Region{{Code: "1"}},
		People: []ledger.Person{{UserID: "v"}, {UserID: "lead"}, {UserID: "both"}, {UserID: "gone"}},
		Posts: []ledger.Post{{UserID: "v", Role: ledger.RoleVisitor}, {UserID: "lead", Role: ledger.RoleVillage}, {UserID: "both", Role: ledger.RoleVisitor},
			{UserID: "both", Role: ledger.RoleHelper}, {UserID: "gone", Role: ledger.RoleVisitor, To: "2026-01-01"}}}
	staff := func(user, role string) table {
		return table{"人员", [][]any{{"账号", "姓名", "角色", "区划代码"}, {user, "", role, map[bool]string{true: "1"}[role != "" && role != "-"]}}}
	}
	visitor := func(user string) table {
		return table{"老人", [][]any{{"编号", "姓名", "区划代码", "巡访员账号"}, {"A1", "", "", user}}}
	}
	no := []string{"老人!D2: 这个账号在“人员”里不是巡访员 (应为 角色里有巡访员的账号)"}
	for _, tt := range []struct {
		name   string
		tables []table
		want   []string
	}{
		{"a visitor", []table{visitor("v")}, nil},
		{"with other roles", []table{visitor("both")}, nil},
		{"a lead", []table{visitor("lead")}, no},
		{"a lead becomes one", []table{staff("lead", "村负责人、巡访员"), visitor("lead")}, nil},
		{"a visitor becomes something else", []table{staff("v", "帮扶人"), visitor("v")}, no},
		{"a visitor whose role is left", []table{staff("v", ""), visitor("v")}, nil},
		{"a vacancy is no fault: the export of one must import", []table{visitor("gone")}, nil},
		{"nor is one made now", []table{staff("v", "-"), visitor("v")}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, faultsOf(t, known, tt.tables...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFaultsQuoteNobody(t *testing.T) {
	const id, mobile, name = "000000195003150010", "139000000012", "欧阳淑珍"
	got := faultsOf(t, ledger.Book{},
		table{"区划", [][]any{{"代码", "名称", "级别", id}, {"1", name, "村", "x"}}},
		table{"人员", [][]any{{name, mobile}, {id, mobile}}},
		table{"老人", [][]any{{"编号", "姓名", "区划代码", "身份证号", "手机", "性别", "出生日期", mobile}, {id, name, "1", id, mobile, name, mobile, name},
			{id, name, "1", id, mobile, name, name, id}}})
	if len(got) < 10 {
		t.Errorf("only %d faults: %q", len(got), got)
	}
	digits := regexp.MustCompile(`\d{5,}`)
	for _, line := range got {
		shown := strings.NewReplacer("0951-8012345", "", "20260302", "").Replace(line)
		if digits.MatchString(shown) || strings.Contains(line, name) {
			t.Error(line)
		}
	}
}

func TestTheWrongFileIsNotToldWithoutEnd(t *testing.T) {
	rows := [][]any{{"老人编号", "姓名", "关系", "手机"}}
	for range maxFaults {
		rows = append(rows, []any{"Z9", "", "", "x"})
	}
	got := faultsOf(t, ledger.Book{}, table{"家属", rows})
	if last := got[len(got)-1]; len(got) != maxFaults+1 || !strings.Contains(last, "错误太多") {
		t.Errorf("%d faults, the last %s", len(got), last)
	}
}

func TestProgress(t *testing.T) {
	rows := [][]any{{"代码", "名称", "级别"}}
	for i := range 2_999 {
		rows = append(rows, []any{fmt.Sprint(i), "村", "村"})
	}
	var heard []string
	b, faults, err := Read(bytes.NewReader(workbook(t, table{"区划", rows}, people)), Known{},
		func(sheet string, rows int) { heard = append(heard, fmt.Sprint(sheet, rows)) })
	if err != nil || len(faults) > 0 || len(b.Regions) != 2_999 {
		t.Fatal(err, faults)
	}
	if diff := cmp.Diff([]string{"区划1000", "区划2000"}, heard); diff != "" {
		t.Error(diff)
	}
}

// A visitor who became a lead while elders were still theirs: the export leaves the cell empty, and can be imported.
func TestExportOfAPromotedVisitor(t *testing.T) {
	b := Sample("2026-03-11")
	for i := range b.Posts {
		if b.Posts[i].UserID == "wangfang" {
			b.Posts[i].Role = ledger.RoleVillage
		}
	}
	var file bytes.Buffer
	if err := Write(&file, b, "2026-03-11"); err != nil {
		t.Fatal(err)
	}
	got, faults, err := Read(&file, Known{})
	if err != nil || len(faults) > 0 {
		t.Fatalf("%v %v", faults, err)
	}
	for _, a := range got.Assignments {
		if a.UserID == "wangfang" {
			t.Errorf("%s is still hers", a.ElderID)
		}
	}
}

// The number is in the database and the row brings only a birth date: the two must agree, or no export could be imported again.
func TestBirthAgainstTheNumberOnRecord(t *testing.T) {
	have := Sample("2026-03-11")
	for _, c := range []struct {
		birth ledger.Day
		want  int
	}{{have.Elders[0].Birth, 0}, {have.Elders[0].Birth.Add(1), 1}, {"", 0}} {
		b := Sample("2026-03-11")
		b.Elders[0].IDNumber, b.Elders[0].Birth = "", c.birth
		var file bytes.Buffer
		if err := Write(&file, b, "2026-03-11"); err != nil {
			t.Fatal(err)
		}
		_, faults, err := Read(&file, KnownIn(have))
		if err != nil || len(faults) != c.want {
			t.Errorf("born %q: %v %v", c.birth, faults, err)
		}
	}
}
