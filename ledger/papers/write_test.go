package papers

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"xunfang/ledger"
)

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
	if diff := cmp.Diff([]string{"说明", "区划", "人员", "老人", "家属", "帮扶", "状态"}, f.GetSheetList()); diff != "" {
		t.Error(diff)
	}
	// The contract's headings, word for word.
	for name, headings := range map[string]string{
		"区划": "代码, 名称, 上级代码, 级别",
		"人员": "账号, 姓名, 手机, 角色, 区划代码, 部门",
		"老人": "编号, 姓名, 别名, 性别, 身份证号, 出生日期, 手机, 区划代码, 住址, 经度, 纬度, 民族, 居住状况, 自理能力, 失独, 健康状况, 经济来源, 照料情况, 困难问题, 级别, 巡访员账号, 同意书日期",
		"家属": "老人编号, 姓名, 关系, 手机, 去向, 受托照顾人, 同意接收日期",
		"帮扶": "老人编号, 帮扶人账号, 开始日期, 结束日期",
		"状态": "老人编号, 状态, 开始日期, 结束日期, 去向, 复核日期",
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
	lists, insists := map[string]string{}, map[string]bool{}
	for _, name := range []string{"区划", "人员", "老人", "家属", "状态"} {
		dvs, err := f.GetDataValidations(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, dv := range dvs {
			lists[name+dv.Sqref], insists[name+dv.Sqref] = dv.Formula1, dv.ShowErrorMessage
			if n := len([]rune(dv.Formula1)); n > 255 {
				t.Errorf("%s%s: a list of %d characters, WPS and Excel take 255", name, dv.Sqref, n)
			}
		}
	}
	for at, want := range map[string]string{"区划D2:D200000": `"县,乡镇,村,组"`, "老人D2:D200000": `"男,女"`, "老人T2:T200000": `"普通,重点"`,
		"家属F2:F200000": `"是,否"`, "状态B2:B200000": `"暂停,去世,迁出,退出"`, "人员D2:D200000": `"巡访员,帮扶人,村负责人,乡镇负责人,县民政,部门,档案员,志愿者"`} {
		if lists[at] != want {
			t.Errorf("%s: the drop-down is %s", at, lists[at])
		}
	}
	for at, want := range map[string]bool{"区划D2:D200000": true, "老人T2:T200000": true, "老人D2:D200000": false, "人员D2:D200000": false} {
		if insists[at] != want { // - clears a 性别, and 角色 may be several
			t.Errorf("%s: Excel insists on the list: %v", at, insists[at])
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
	if columns != 1+4+6+22+7+4+6 { // the heading and every column
		t.Errorf("the instructions explain %d columns", columns)
	}
}

// TestTemplateIsWellFormedForExcel: what the library does not see to, and Excel calls a damaged file or a clerk a nuisance.
func TestTemplateIsWellFormedForExcel(t *testing.T) {
	var file bytes.Buffer
	if err := Template(&file); err != nil {
		t.Fatal(err)
	}
	for i := range len(sheets) + 1 {
		xml := string(partOf(t, file.Bytes(), fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1)))
		last := 0
		for _, m := range regexp.MustCompile(`<col min="(\d+)" max="(\d+)"`).FindAllStringSubmatch(xml, -1) {
			from, _ := strconv.Atoi(m[1])
			if from <= last {
				t.Errorf("sheet %d: column %d comes after column %d", i+1, from, last)
			}
			last, _ = strconv.Atoi(m[2])
		}
		for _, want := range []string{`orientation="landscape"`, `fitToWidth="1"`, `fitToHeight="0"`, `paperSize="9"`, `numberStoredAsText="true"`} {
			if !strings.Contains(xml, want) {
				t.Errorf("sheet %d: no %s", i+1, want)
			}
		}
		if strings.Contains(xml, `tabSelected="true"`) != (i == 0) {
			t.Errorf("sheet %d: not only the first sheet is open", i+1)
		}
	}
	book := string(partOf(t, file.Bytes(), "xl/workbook.xml"))
	if n := strings.Count(book, "_xlnm.Print_Titles"); n != len(sheets)+1 || strings.Contains(book, "Sheet1") {
		t.Errorf("%d sheets repeat their headings: %s", n, book)
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
