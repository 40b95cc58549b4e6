package papers

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/xuri/excelize/v2"

	"xunfang/ledger"
)

// table is a sheet of a workbook for a test: rows of cells, the first with the headings.
type table struct {
	sheet string
	rows  [][]any
}

// workbook makes a file as Excel would save it, not as Write does: shared strings, number and date cells.
func workbook(t testing.TB, tables ...table) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for _, table := range tables {
		if _, err := f.NewSheet(table.sheet); err != nil {
			t.Fatal(err)
		}
		for i, row := range table.rows {
			cell, _ := excelize.CoordinatesToCellName(1, i+1)
			if err := f.SetSheetRow(table.sheet, cell, &row); err != nil {
				t.Fatal(err)
			}
		}
	}
	return saved(t, f)
}

func saved(t testing.TB, f *excelize.File) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var (
	regions = table{"区划", [][]any{{"代码", "名称", "上级代码", "级别"},
		{"1", "某县", "", "县"}, {"11", "甲镇", "1", "乡镇"}, {"111", "甲村", "11", "村"}, {"112", "乙村", "11", "村"}}}
	people = table{"人员", [][]any{{"账号", "姓名", "角色", "区划代码"}, {"LiLei", "李雷", "巡访员", "111"}}}
	elders = table{"老人", [][]any{{"编号", "姓名", "区划代码"}, {"A1", "赵一", "111"}}}
)

func TestEveryFaultIsToldAtOnce(t *testing.T) {
	file := workbook(t,
		table{"区划", [][]any{{"代码", "名称", "上级代码", "级别"},
			{"1", "某县", "", "县"}, {"11", "甲镇", "1", "乡镇"}, {"111", "甲村", "11", "村"},
			{"111", "又是甲村", "11", "村"},
			{"12", "乙镇", "99", "乡镇"},
			{"13", "丙镇", "111", "乡镇"},
			{"21", "圈一", "22", "村"}, {"22", "圈二", "21", "村"},
			{"23", "自己", "23", "村"},
			{"14", "", "1", "街道"},
			{"", "没代码", "1", "村"}}},
		table{"人员", [][]any{{"姓名", "账号", "手机", "角色", "区划代码", "部门"},
			{"李雷", "LiLei", 13900000001, "巡访员、村负责人", "111", ""},
			{"韩梅", "lilei", "139-0000-0002", "巡访员", "111", ""},
			{"王部", "wangbu", "12345", "部门", "1", ""},
			{"张三", "张三", "", "队长", "111", ""},
			{"钱四", "qian4", "", "巡访员", "777", "公安"},
			{"孙五", "sun5", "", "巡访员、帮扶人、村负责人", "111、11", ""},
			{"周六", "zhou6", "", "-", "", ""},
			{"吴七", "wu7", "", "", "", ""}}},
		table{"老人", [][]any{{"编号", "姓名", "性别", "身份证号", "出生日期", "手机", "区划代码", "经度", "失独", "级别", "巡访员账号", "同意书日期"},
			{"A1", "赵一", "男", "000000195003150016", "1950-03-15", "0951-8012345", "111", 106.25, "是", "重点", "LILEI", "2026年3月2日"},
			{"A2", "赵二", "男性", "000000195003150010", "1950年2月30日", "1390000", "999", 206, "有", "-", "nobody", "去年"},
			{"A3", "赵三", "女", "000000195003150016", "1950-03-16", "", "-", "", "", "重要", "lilei、lilei", ""},
			{"A1", "赵四", "", "", "", "", "111", "", "", "", "", ""},
			{"A5", "", "", "0000001950031500", "", "", "", "", "", "", "", "3/2"},
			{},
			{"A6", "赵六", "", "00000019500315001X", "", "", "111", "", "", "", "", 1945, "没有标题"}}},
		table{"家属", [][]any{{"老人编号", "姓名", "手机", "受托照顾人"},
			{"A2", "赵小", "13900000003", "是"}, {"A9", "不在", "", ""}, {"A2", "赵小", "", ""}, {"", "谁的", "", ""}, {"A1", "", "", ""}}},
		table{"帮扶", [][]any{{"老人编号", "帮扶人账号", "开始日期", "结束日期"},
			{"A1", "lilei", "2026-03-01", "2026-02-01"}, {"A1", "LiLei", "2026/3/1", ""}, {"A1", "lilei", "2026-04-01", ""}, {"A1", "none", "", ""}}},
	)
	_, got := read(t, file, Known{})
	want := []string{
		"区划!A5: 和第4行重复 (应为 一行一个)",
		"区划!C6: “区划”里没有这个代码 (应为 “区划”里的代码,最上面一级空着)",
		"区划!D7: 是乡镇,上级却是村 (应为 比上级低的级别)",
		"区划!C8: 上级绕了一圈又回到自己 (应为 上一级的代码)",
		"区划!C9: 上级绕了一圈又回到自己 (应为 上一级的代码)",
		"区划!C10: 上级绕了一圈又回到自己 (应为 上一级的代码)",
		"区划!B11: 名称没有填 (应为 新的一行必填)",
		"区划!D11: 不在可选的词里 (应为 县、乡镇、村、组)",
		"区划!A12: 代码没有填 (应为 新的一行必填)",
		"人员!B3: 和第2行重复 (应为 一行一个)",
		"人员!C4: 不像电话号码 (应为 手机11位,或带区号的座机如 0951-8012345)",
		"人员!F4: 角色是部门,却没有写哪个部门 (应为 如公安、消防、卫健)",
		"人员!B5: 不像企业微信账号 (应为 字母、数字和 _-@. ,不超过64位)",
		"人员!D5: 不在可选的词里 (应为 巡访员、帮扶人、村负责人、乡镇负责人、县民政、部门、档案员、志愿者)",
		"人员!E6: “区划”里没有这个代码 (应为 “区划”里的代码)",
		"人员!F6: 角色不是部门,却写了部门 (应为 空着,或把角色改成部门)",
		"人员!E7: 区划代码的个数和角色的个数对不上 (应为 一个,或每个角色一个)",
		"人员!D9: 角色没有填 (应为 新的一行必填)",
		"老人!C3: 不在可选的词里 (应为 男、女)",
		"老人!D3: 身份证号最后一位不对 (应为 18位,校验位 6)",
		"老人!E3: 没有这一天 (应为 如 2026-03-02)",
		"老人!F3: 不像电话号码 (应为 手机11位,或带区号的座机如 0951-8012345)",
		"老人!G3: “区划”里没有这个代码 (应为 “区划”里的代码)",
		"老人!H3: 不是合适的数 (应为 -180 到 180 之间的数)",
		"老人!I3: 不在可选的词里 (应为 是、否)",
		"老人!J3: 不能清空 (应为 填上,或空着不改)",
		"老人!K3: “人员”里没有这个账号 (应为 “人员”里的账号)",
		"老人!L3: 不像日期 (应为 如 2026-03-02)",
		"老人!D4: 和第2行的相同 (应为 一人一个编号,一行)",
		"老人!E4: 和身份证号里的出生日期不一样 (应为 两处一致,或这里空着)",
		"老人!G4: 不能清空 (应为 填上,或空着不改)",
		"老人!J4: 不在可选的词里 (应为 普通、重点)",
		"老人!K4: 同一个账号写了两次 (应为 每个账号一次)",
		"老人!A5: 和第2行重复 (应为 一行一个)",
		"老人!B6: 姓名没有填 (应为 新的一行必填)",
		"老人!D6: 身份证号位数不对 (应为 18位)",
		"老人!G6: 区划代码没有填 (应为 新的一行必填)",
		"老人!L6: 不像日期 (应为 如 2026-03-02)",
		"老人!D8: 身份证号最后一位不对 (应为 18位,校验位 6)",
		"老人!L8: 只有年份 (应为 如 2026-03-02)",
		"老人!M8: 这一列没有标题或标题不对 (应为 第1行写上列名)",
		"家属!A3: “老人”里没有这个编号 (应为 “老人”里的编号)",
		"家属!A4: 和第2行重复 (应为 一行一个)",
		"家属!A5: 老人编号没有填 (应为 新的一行必填)",
		"家属!B6: 姓名没有填 (应为 新的一行必填)",
		"帮扶!D2: 比开始日期早 (应为 不早于 2026-03-01)",
		"帮扶!A3: 和第2行重复 (应为 一行一个)",
		"帮扶!B5: “人员”里没有这个账号 (应为 “人员”里的账号)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, line := range got {
		if strings.Contains(line, "0000001950") {
			t.Errorf("a fault repeats an identity number: %s", line)
		}
	}
}

func TestReadFoldsAndDerives(t *testing.T) {
	b, faults := read(t, workbook(t, regions,
		table{"人员", [][]any{{"账号", "姓名", "手机", "角色", "区划代码", "部门"},
			{"LiLei", " 李雷 ", 13900000001, "巡访员,村负责人", 111, ""},
			{"HanMei", "韩梅", "＋86 139 0000 0002", "部门、部门", "1、11", "公安、消防"},
			{"Ma1", "马一", "(0951)8012345", "巡访员", "111、112", ""},
			{"gone", "走了", "", "-", "", ""}}},
		table{"老人", [][]any{{"级别", "编号", "姓名", "区划代码", "身份证号", "出生日期", "失独", "经度", "纬度", "别名", "巡访员账号", "同意书日期"},
			{"重点", "Ａ１", "赵一", "111", "000000 19500315 001x", "", "否", "-", "38.5", "-", "lilei、ma1", time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)},
			{"", "A2", "赵二", "112", "", "-", "否", "-", "", "", "-", "2026.3.2"}}},
		table{"家属", [][]any{{"老人编号", "姓名", "受托照顾人"}, {"A1", "赵小", "否"}, {"A2", "赵大", "否"}}},
		table{"帮扶", [][]any{{"帮扶人账号", "老人编号", "结束日期"}, {"HANMEI", "A1", "-"}}},
	), KnownIn(ledger.Book{Elders: []ledger.Elder{{ID: "A1"}}}))
	// The check digit of the number above is not X: the fault shows that a lower-case x is read as one.
	if diff := cmp.Diff([]string{"老人!E2: 身份证号最后一位不对 (应为 18位,校验位 6)"}, faults); diff != "" {
		t.Error(diff)
	}
	want := ledger.Book{
		People: []ledger.Person{{UserID: "lilei", Name: "李雷", Phone: "13900000001"},
			{UserID: "hanmei", Name: "韩梅", Phone: "13900000002"}, {UserID: "ma1", Name: "马一", Phone: "0951-8012345"},
			{UserID: "gone", Name: "走了"}},
		Posts: []ledger.Post{{UserID: "lilei", Role: ledger.RoleVisitor, Region: "111"}, {UserID: "lilei", Role: ledger.RoleVillage, Region: "111"},
			{UserID: "hanmei", Role: ledger.RoleDept, Region: "1", Dept: "公安"}, {UserID: "hanmei", Role: ledger.RoleDept, Region: "11", Dept: "消防"},
			{UserID: "ma1", Role: ledger.RoleVisitor, Region: "111"}, {UserID: "ma1", Role: ledger.RoleVisitor, Region: "112"},
			{UserID: "gone", Role: "-"}},
		Elders: []ledger.Elder{{ID: "A1", Name: "赵一", Region: "111", Aliases: "-", Lat: 38.5, Consent: "2026-03-02"},
			{ID: "A2", Name: "赵二", Region: "112", Birth: "-", Consent: "2026-03-02"}},
		Tierings:    []ledger.Tiering{{ElderID: "A1", Tier: ledger.TierKey}},
		Assignments: []ledger.Assignment{{ElderID: "A1", UserID: "lilei"}, {ElderID: "A1", UserID: "ma1"}, {ElderID: "A2", UserID: "-"}},
		Kin:         []ledger.Kin{{ElderID: "A1", Name: "赵小"}, {ElderID: "A2", Name: "赵大"}},
		Pairs:       []ledger.Pair{{ElderID: "A1", UserID: "hanmei", To: "-"}},
		// A2 is new: there is nothing to set back.
		Resets: []ledger.Reset{{ElderID: "A1", Field: ledger.ResetLon}, {ElderID: "A1", Field: ledger.ResetLostChild},
			{ElderID: "A1", Kin: "赵小", Field: ledger.ResetCarer}},
	}
	if diff := cmp.Diff(want, b, cmpopts.IgnoreFields(ledger.Book{}, "Regions")); diff != "" {
		t.Error(diff)
	}
}

func TestBirthFollowsFromTheIdentityNumber(t *testing.T) {
	b, faults := read(t, workbook(t, regions,
		table{"老人", [][]any{{"编号", "姓名", "区划代码", "身份证号"}, {"A1", "赵一", "111", "000000195003150016"}}}), Known{})
	if faults != nil || b.Elders[0].Birth != "1950-03-15" {
		t.Errorf("born %q, %v", b.Elders[0].Birth, faults)
	}
}

func TestReadLeansOnWhatTheDatabaseHas(t *testing.T) {
	known := KnownIn(ledger.Book{Elders: []ledger.Elder{{ID: "A1"}}, People: []ledger.Person{{UserID: "lilei"}},
		Regions: []ledger.Region{{Code: "1", Level: ledger.LevelCounty}, {Code: "11", Parent: "1", Level: ledger.LevelTownship}}})
	file := workbook(t,
		table{"区划", [][]any{{"代码", "名称", "上级代码", "级别"}, {"111", "甲村", "11", "村"}, {"11", "改名镇", "", ""}, {"10", "错", "11", "县"}}},
		table{"老人", [][]any{{"编号", "姓名", "区划代码", "巡访员账号"}, {"A1", "", "", "lilei"}, {"A2", "", "11", "lilei"}}},
		table{"帮扶", [][]any{{"老人编号", "帮扶人账号"}, {"A1", "lilei"}}})
	b, faults := read(t, file, known)
	if diff := cmp.Diff([]string{"区划!D4: 是县,上级却是乡镇 (应为 比上级低的级别)", "老人!B3: 姓名没有填 (应为 新的一行必填)"}, faults); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(ledger.Elder{ID: "A1"}, b.Elders[0]); diff != "" {
		t.Error("empty cells do not leave the value: " + diff)
	}
	if len(known.regions) != 2 || len(known.elders) != 1 {
		t.Error("reading changed what is known")
	}
	// Two rows that only together with the database make a circle.
	_, faults = read(t, workbook(t, table{"区划", [][]any{{"代码", "名称", "上级代码", "级别"}, {"1", "某县", "11", "县"}}}), known)
	if diff := cmp.Diff([]string{"区划!C2: 上级绕了一圈又回到自己 (应为 上一级的代码)"}, faults); diff != "" {
		t.Error(diff)
	}
}

func TestSeveralRootsAndCodesOfAnyLength(t *testing.T) {
	b, faults := read(t, workbook(t, table{"区划", [][]any{{"代码", "名称", "上级代码", "级别"},
		{"a-very-long-code-0123456789.x_y", "甲旗", "", "县"}, {"乙", "乙旗", "", "县"}, {"3", "嘎查", "乙", "村"}}}), Known{})
	if faults != nil || len(b.Regions) != 3 {
		t.Errorf("%v, %v", b.Regions, faults)
	}
}

// TestNothingIsLeftOnDisk: the county's personal data does not go through temporary files, however large the sheet.
func TestNothingIsLeftOnDisk(t *testing.T) {
	dir := t.TempDir()
	rows := [][]any{{"编号", "姓名", "区划代码", "别名", "健康状况"}}
	for i := range 3_000 {
		rows = append(rows, []any{fmt.Sprintf("A%d", i), "赵一", "111", "", strings.Repeat("好", 500) + fmt.Sprint(i)})
	}
	file := workbook(t, regions, table{"老人", rows})
	t.Setenv("TMPDIR", dir)
	written := 0
	b, faults, err := Read(bytes.NewReader(file), Known{}, func(string, int) {
		left, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		written += len(left)
	})
	if err != nil || len(faults) > 0 || len(b.Elders) != 3_000 || written > 0 {
		t.Fatalf("%d elders, %d files, %v, %v", len(b.Elders), written, err, faults)
	}
	for i, e := range b.Elders {
		if e.ID != fmt.Sprintf("A%d", i) || e.Aliases != "" || !strings.HasSuffix(e.Health, "好"+fmt.Sprint(i)) {
			t.Fatalf("row %d reads %q %q", i+2, e.ID, e.Aliases)
		}
	}
}

func TestHeadings(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tables []table
		want   []string
	}{
		{"order is free", []table{regions, people, {"老人", [][]any{{"区划代码", "姓名", "编号"}, {"111", "赵一", "A1"}}}}, nil},
		{"unknown column", []table{regions, {"老人", [][]any{{"编号", "姓名", "区划代码", "血型"}, {"A1", "赵一", "111", "O"}}}},
			[]string{"老人!D1: 不认识“血型”这一列 (应为 " + strings.Join(sheets[2].headings(), "、") + ")", "老人!D2: 这一列没有标题或标题不对 (应为 第1行写上列名)"}},
		{"missing column", []table{regions, {"老人", [][]any{{"编号", "姓名"}, {"A1", "赵一"}}}},
			[]string{"老人!A1: 第1行缺少“区划代码”这一列 (应为 " + strings.Join(sheets[2].headings(), "、") + ")"}},
		{"same column twice", []table{{"帮扶", [][]any{{"老人编号", "帮扶人账号", "老人编号"}}}},
			[]string{"帮扶!C1: “老人编号”这一列有两个 (应为 一个)"}},
		{"headings not in row 1", []table{{"帮扶", [][]any{{}, {"老人编号", "帮扶人账号"}}}},
			[]string{"帮扶!A1: 第1行没有标题 (应为 老人编号、帮扶人账号、开始日期、结束日期)"}},
		{"unknown sheet", []table{regions, people, elders, {"老年人", [][]any{{"编号"}}}, {"空的", nil}},
			[]string{"老年人!A1: 不认识这张表 (应为 区划、人员、老人、家属、帮扶、状态,别的表请删掉)"}},
		{"no sheet of ours", nil, []string{"Sheet1!A1: 没有一张表是台账 (应为 区划、人员、老人、家属、帮扶、状态)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, got := read(t, workbook(t, tt.tables...), Known{})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFormulasAreFaults(t *testing.T) {
	f, err := excelize.OpenReader(bytes.NewReader(workbook(t, regions, people, elders)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, cell := range []string{"B2", "C3"} {
		if err := f.SetCellFormula("老人", cell, `HYPERLINK("http://example.org")`); err != nil {
			t.Fatal(err)
		}
	}
	_, got := read(t, saved(t, f), Known{})
	if diff := cmp.Diff([]string{"老人!B2: 是公式 (应为 值;请复制后只粘贴数值)", "老人!A3: 编号没有填 (应为 新的一行必填)",
		"老人!B3: 姓名没有填 (应为 新的一行必填)", "老人!C3: 是公式 (应为 值;请复制后只粘贴数值)"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFilesThatAreNoWorkbookOfOurs(t *testing.T) {
	good := workbook(t, regions, people, elders)
	with := func(part, text string) io.Reader {
		return bytes.NewReader(rezip(t, good, map[string]string{part: text}))
	}
	const sheet2 = "xl/worksheets/sheet2.xml"
	for name, tt := range map[string]struct {
		file io.Reader
		want error
	}{
		"empty":           {strings.NewReader(""), ErrNotWorkbook},
		"text":            {strings.NewReader("编号,姓名\n"), ErrNotWorkbook},
		"old or sealed":   {bytes.NewReader(append([]byte{0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1}, make([]byte, 1024)...)), ErrNotWorkbook},
		"cut short":       {bytes.NewReader(good[:len(good)/2]), ErrNotWorkbook},
		"another zip":     {bytes.NewReader(rezip(t, nil, map[string]string{"a.txt": "a"})), ErrNotWorkbook},
		"macros":          {with("xl/vbaProject.bin", "x"), ErrMacros},
		"old macro sheet": {with("xl/macrosheets/sheet1.xml", "<x/>"), ErrMacros},
		"macros, hidden":  {with(`XL\VBAPROJECT.BIN`, "x"), ErrMacros},
		"other files":     {with("xl/externalLinks/externalLink1.xml", "<externalLink/>"), ErrLinked},
		"two of one part": {with("XL/Worksheets/Sheet2.xml", "<worksheet/>"), ErrNotWorkbook},
		"many parts":      {bytes.NewReader(rezip(t, good, manyParts())), ErrTooLarge},
		"entities": {with("xl/sharedStrings.xml",
			`<!DOCTYPE sst [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>`+
				`<sst><si><t>&b;</t></si></sst>`), ErrNotWorkbook},
		"a file of this machine": {with("xl/sharedStrings.xml",
			`<!DOCTYPE sst [<!ENTITY a SYSTEM "file:///etc/passwd">]><sst/>`), ErrNotWorkbook},
		"deep": {with(sheet2, strings.Repeat("<a>", 100_000)), ErrNotWorkbook},
		"rows backwards": {with(sheet2,
			`<worksheet><sheetData><row r="2"/><row r="1"/></sheetData></worksheet>`), ErrNotWorkbook},
		"cells backwards": {with(sheet2,
			`<worksheet><sheetData><row><c r="B1"/><c r="A1"/></row></sheetData></worksheet>`), ErrNotWorkbook},
		"an end without a beginning": {with(sheet2,
			`<worksheet><sheetData><row></c></row></sheetData></worksheet>`), ErrNotWorkbook},
		"a row in a cell": {with(sheet2,
			`<worksheet><sheetData><row><c t="e"><row></c></row></sheetData></worksheet>`), ErrNotWorkbook},
		"a string not there": {with(sheet2,
			`<worksheet><sheetData><row><c t="s"><v>999</v></c></row></sheetData></worksheet>`), ErrNotWorkbook},
		"a sheet not there": {with("xl/workbook.xml",
			`<workbook xmlns:r="r"><sheets><sheet name="老人" r:id="rId99"/></sheets></workbook>`), ErrNotWorkbook},
		"a sheet elsewhere": {with("xl/_rels/workbook.xml.rels",
			`<Relationships><Relationship Id="rId2" Type="x/worksheet" `+
				`Target="../../../etc/passwd"/></Relationships>`), ErrNotWorkbook},
		"two sheets of one name": {with("xl/workbook.xml",
			`<workbook xmlns:r="r"><sheets><sheet name="老人" r:id="rId2"/>`+
				`<sheet name="老人" r:id="rId3"/></sheets></workbook>`), ErrNotWorkbook},
		"too large": {io.LimitReader(zeros{}, maxFile+2), ErrTooLarge},
		"cut sheet": {with(sheet2,
			`<worksheet><sheetData><row r="1">`), ErrNotWorkbook},
		"empty sheet": {with(sheet2, ""), ErrNotWorkbook},
		"too many rows": {with(sheet2,
			`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">`+
				`<sheetData><row r="200001"><c r="A200001"><v>1</v></c></row></sheetData></worksheet>`), ErrTooLarge},
		"too many columns": {with(sheet2,
			`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">`+
				`<sheetData><row r="1"><c r="CX1"><v>1</v></c></row></sheetData></worksheet>`), ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			b, faults, err := Read(tt.file, Known{})
			if !errors.Is(err, tt.want) || len(faults) != 0 || len(b.Elders) != 0 {
				t.Errorf("%v, %v", err, faults)
			}
		})
	}
}

func manyParts() map[string]string {
	parts := map[string]string{}
	for i := range maxParts {
		parts[fmt.Sprint("xl/media/", i)] = ""
	}
	return parts
}

// TestEmptyRowsAndColumnsFarOutAreFine: whole rows and columns get a style, and merely look at it.
func TestEmptyRowsAndColumnsFarOutAreFine(t *testing.T) {
	file := rezip(t, workbook(t, regions), map[string]string{"xl/worksheets/sheet2.xml": `<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData>` +
		`<x:row r="1"><x:c t="inlineStr"><x:is><x:r><x:t>代</x:t></x:r><x:rPh><x:t>dai</x:t></x:rPh><x:r><x:t>码*</x:t></x:r></x:is></x:c><x:c t="str"><x:v>名&#10;称</x:v></x:c>` +
		`<x:c r="C1" t="inlineStr"><x:is><x:t>级别</x:t></x:is></x:c><x:c r="XFD1" s="1"/></x:row>` +
		`<x:row r="3"><x:c><x:v>1</x:v></x:c><x:c t="d"><x:v>2026-03-02T00:00:00</x:v></x:c><x:c t="str"><x:v>_x53BF_</x:v></x:c></x:row>` +
		`<x:row r="1048576"><x:c r="A1048576" s="1"/></x:row></x:sheetData><x:extLst><x:f>1+1</x:f></x:extLst></x:worksheet>`})
	b, faults := read(t, file, Known{})
	if diff := cmp.Diff([]ledger.Region{{Code: "1", Name: "2026-03-02T00:00:00", Level: "县"}}, b.Regions); diff != "" || faults != nil {
		t.Error(diff, faults)
	}
}

func TestMergedCellsAndErrorsAreFaults(t *testing.T) {
	f, err := excelize.OpenReader(bytes.NewReader(workbook(t, regions)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.MergeCell("区划", "C4", "C5"); err != nil {
		t.Fatal(err)
	}
	_, got := read(t, saved(t, f), Known{})
	if diff := cmp.Diff([]string{"区划!C4: 是合并的单元格,只有左上角一格算数 (应为 不合并,每格都填上)"}, got); diff != "" {
		t.Error(diff)
	}
	_, got = read(t, rezip(t, workbook(t, regions), map[string]string{"xl/worksheets/sheet2.xml": `<worksheet><sheetData><row><c t="str"><v>代码</v></c>` +
		`<c t="str"><v>名称</v></c><c t="str"><v>级别</v></c></row><row><c><v>1</v></c><c t="e"><v>#N/A</v></c><c t="str"><v>县</v></c></row></sheetData></worksheet>`}), Known{})
	if diff := cmp.Diff([]string{"区划!B2: 是错误值 (应为 值)"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDatesFrom1904AreRefused(t *testing.T) {
	f, err := excelize.OpenReader(bytes.NewReader(workbook(t, regions, people, elders)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	yes := true
	if err := f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &yes}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Read(bytes.NewReader(saved(t, f)), Known{}); !errors.Is(err, ErrNotWorkbook) || !strings.Contains(err.Error(), "1904") {
		t.Error(err)
	}
}

func TestNumberCellsKeepTheirDigits(t *testing.T) {
	for s, want := range map[string]string{"6.40121101201E11": "640121101201", "640121": "640121", "1e5": "1e5", "YN-2": "YN-2"} {
		if got, wrong, _ := code(32)(s); got != want || wrong != "" {
			t.Errorf("%s: %q %s", s, got, wrong)
		}
	}
}

func TestABombIsRefusedWhileUnpacking(t *testing.T) {
	good := workbook(t, regions, people, elders)
	const limit = 3 << 20
	for name, sheet := range map[string]string{
		"many empty cells": `<worksheet><sheetData><row r="1">` + strings.Repeat(`<c/>`, limit/4) + `</row></sheetData></worksheet>`,
		"one endless text": `<worksheet><sheetData><row r="1"><c t="str"><v>` + strings.Repeat("9", maxToken+1) + `</v></c></row></sheetData></worksheet>`,
		"a text in pieces": `<worksheet><sheetData><row r="1"><c t="str"><v>` + strings.Repeat("99999999<!---->", maxToken/8+1) + `</v></c></row></sheetData></worksheet>`,
		"one endless tag":  `<worksheet a="` + strings.Repeat("9", maxToken+1) + `"/>`,
	} {
		file := rezip(t, good, map[string]string{"xl/worksheets/sheet2.xml": sheet})
		src, err := open(bytes.NewReader(file), int64(len(file)), limit)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := src.eachRow(src.sheets[1], func(int, []cell) error { return nil }); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s, %d bytes packed: %v", name, len(file), err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// rezip copies a file's parts, with some put in or replaced.
func rezip(t *testing.T, file []byte, parts map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	if file != nil {
		z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range z.File {
			if _, ok := parts[part.Name]; !ok {
				if err := w.Copy(part); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, text := range parts {
		part, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestDateForms(t *testing.T) {
	for _, s := range []string{"2026-03-02", "2026/3/2", "2026.3.2", "2026年3月2日", "2026年03月02", "20260302", "46083", "46083.75",
		"2026-3-2 00:00:00", "2026-03-02T08:00:00", "２０２６－３－２", "2026/03/02"} {
		if got, wrong, _ := date(s); got != "2026-03-02" || wrong != "" {
			t.Errorf("%s: %q %s", s, got, wrong)
		}
	}
	for _, s := range []string{"1948年3月", "1948-3", "1948.3", "1948/03", "2026-02-29", "2026-13-01", "26-3-2", "3月2日", "2026", "1945", "0", "20261301", "2026-03", "去年", "9999999", "1026-03-02"} {
		if got, wrong, _ := date(s); wrong == "" {
			t.Errorf("%s read as %s", s, got)
		}
	}
}

func TestPhoneForms(t *testing.T) {
	for s, want := range map[string]string{"13900000001": "13900000001", "139 0000 0001": "13900000001", "+86-139-0000-0001": "13900000001",
		"1.3900000001E10": "13900000001", "0951-8012345": "0951-8012345", "09518012345": "0951-8012345", "(010)62345678": "010-62345678",
		"021-62345678": "021-62345678", "0086 139 0000 0001": "13900000001", "8613900000001": "13900000001", "+86 951 8012345": "0951-8012345",
		"（0951）８０１２３４５": "0951-8012345", "139—0000—0001": "13900000001", "0471 6123456": "0471-6123456"} {
		if got, wrong, _ := phone(s); got != want || wrong != "" {
			t.Errorf("%s: %q %s", s, got, wrong)
		}
	}
	for _, s := range []string{"8012345", "1390000000", "139000000011", "23900000001", "无", "0951-80123", "110", "+8612345", "951-8012345", "0086"} {
		if got, wrong, _ := phone(s); wrong == "" {
			t.Errorf("%s read as %s", s, got)
		}
	}
}

func TestWhatIsPastedAlongUnseen(t *testing.T) {
	b, faults := read(t, workbook(t, regions, table{"老人", [][]any{{"编号", "姓名", "区划代码", "手机"},
		{"A1\ufeff", "赵\u200b一\u00a0", "111", "\u202a13900000001\u202c"}}}), Known{})
	if diff := cmp.Diff([]ledger.Elder{{ID: "A1", Name: "赵一", Region: "111", Phone: "13900000001"}}, b.Elders); diff != "" || faults != nil {
		t.Error(diff, faults)
	}
}

func TestIdentityNumbers(t *testing.T) {
	// The example of GB 11643-1999 is 11010519491231002X.
	for _, id := range []string{"11010519491231002X", "11010519491231002x", "440524188001010014", "1101051949 1231 002X"} {
		if got, wrong, _ := idNumber(id); wrong != "" || len(got) != 18 {
			t.Errorf("%s: %s", id, wrong)
		}
	}
	for id, want := range map[string]string{
		"110105194912310021": "身份证号最后一位不对", "11010519491231002": "身份证号位数不对", "110105491231002": "是15位的旧身份证号",
		"11010519490231002X": "身份证号里的出生日期不存在", "1101051949123100XX": "身份证号里有不该有的字", "6.4012119550101E+17": "身份证号被存成了数字,末几位已经丢了",
	} {
		if _, wrong, expected := idNumber(id); wrong != want || expected == "" {
			t.Errorf("%s: %s", id, wrong)
		}
	}
	// Every digit changed and every pair of neighbours swapped is found.
	const good = "11010519491231002X"
	for i := range 17 {
		for d := byte('0'); d <= '9'; d++ {
			bad := []byte(good)
			if bad[i] == d {
				continue
			}
			bad[i] = d
			if wrong, _ := idFault(string(bad)); wrong == "" {
				t.Errorf("%s accepted", bad)
			}
		}
		if bad := []byte(good); i < 16 && bad[i] != bad[i+1] {
			bad[i], bad[i+1] = bad[i+1], bad[i]
			if wrong, _ := idFault(string(bad)); wrong == "" {
				t.Errorf("%s accepted", bad)
			}
		}
	}
}
