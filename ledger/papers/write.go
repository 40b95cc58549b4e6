package papers

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"xunfang/ledger"
)

// styleText is Excel's number format 49, text: identity numbers and phones keep their digits.
const styleText = 49

// wideSheet is how many columns fit a screen.
const wideSheet = 10

// Write writes a book as a workbook that Read reads back: posts, tiers and assignments are those of the day.
func Write(w io.Writer, b ledger.Book, today ledger.Day) error {
	return write(w, b, today, false)
}

// Template writes an empty workbook with headings, drop-down lists and a sheet of instructions.
func Template(w io.Writer) error { return write(w, ledger.Book{}, "", true) }

func write(w io.Writer, b ledger.Book, today ledger.Day, help bool) error {
	f := excelize.NewFile()
	defer f.Close()
	styles, err := newStyles(f)
	if err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	names := make([]string, 0, len(sheets)+1)
	if help {
		names = append(names, sheetHelp)
	}
	for _, s := range sheets {
		names = append(names, s.name)
	}
	if err := addSheets(f, names); err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	if help {
		if err := writeHelp(f, styles); err != nil {
			return fmt.Errorf("write sheet %s: %w", sheetHelp, err)
		}
	}
	for i := range sheets {
		if err := sheets[i].write(f, b, today, styles); err != nil {
			return fmt.Errorf("write sheet %s: %w", sheets[i].name, err)
		}
	}
	if err := f.Write(w); err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	return nil
}

// addSheets makes all sheets before the first row is written: whatever looks at the sheets later, the library has it parse
// those that were streamed.
func addSheets(f *excelize.File, names []string) error {
	if err := f.SetSheetName("Sheet1", names[0]); err != nil { // the new file's own
		return err
	}
	for _, name := range names[1:] {
		if _, err := f.NewSheet(name); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := printed(f, name); err != nil {
			return err
		}
	}
	f.SetActiveSheet(0)
	return nil
}

type styles struct{ text, heading, needed, wrapped, part int }

func newStyles(f *excelize.File) (s styles, err error) {
	heading := func(colour string) *excelize.Style {
		return &excelize.Style{NumFmt: styleText, Font: &excelize.Font{Bold: true},
			Fill:      excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{colour}},
			Border:    []excelize.Border{{Type: "bottom", Color: "808080", Style: 1}, {Type: "right", Color: "C0C0C0", Style: 1}},
			Alignment: &excelize.Alignment{Horizontal: "center", Vertical: "center", WrapText: true}}
	}
	wrapped := &excelize.Alignment{WrapText: true, Vertical: "top"}
	for _, x := range []struct {
		id    *int
		style *excelize.Style
	}{
		{&s.text, &excelize.Style{NumFmt: styleText}},
		{&s.heading, heading("DDEBF7")},
		{&s.needed, heading("FFE699")},
		{&s.wrapped, &excelize.Style{NumFmt: styleText, Alignment: wrapped}},
		{&s.part, &excelize.Style{NumFmt: styleText, Alignment: wrapped, Font: &excelize.Font{Bold: true},
			Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"F2F2F2"}}}},
	} {
		if *x.id, err = f.NewStyle(x.style); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *sheet) write(f *excelize.File, b ledger.Book, today ledger.Day, st styles) error {
	widths := make([]float64, len(s.columns))
	headings := make([]any, len(s.columns))
	for i, c := range s.columns {
		if err := c.addHints(f, s.name, i+1); err != nil {
			return err
		}
		widths[i] = columnWidth(c.name)
		style := st.heading
		if c.need {
			style = st.needed
		}
		headings[i] = excelize.Cell{StyleID: style, Value: c.name}
	}
	out, err := begin(f, s.name, st, headings, widths)
	if err != nil {
		return err
	}
	cells := make([]any, len(s.columns))
	row := 1
	for l := range s.lines(b, today) {
		row++
		for i, c := range s.columns {
			cells[i] = nil
			if v := c.get(l); v != "" {
				cells[i] = excelize.Cell{StyleID: st.text, Value: v}
			}
		}
		if err := out.SetRow(cellName(0, row), cells); err != nil {
			return err
		}
	}
	return out.Flush()
}

// begin starts a sheet of text columns with a frozen row of headings, which a printer repeats on each page.
func begin(f *excelize.File, name string, st styles, headings []any, widths []float64) (*excelize.StreamWriter, error) {
	last, err := excelize.ColumnNumberToName(len(headings))
	if err != nil {
		return nil, err
	}
	// Identity numbers are text on purpose: no green corner on each.
	if err := f.AddIgnoredErrors(name, fmt.Sprintf("A1:%s%d", last, maxRows), excelize.IgnoredErrorsNumberStoredAsText); err != nil {
		return nil, err
	}
	out, err := f.NewStreamWriter(name)
	if err != nil {
		return nil, err
	}
	for i, w := range widths {
		if err := out.SetColWidth(i+1, i+1, w); err != nil {
			return nil, err
		}
	}
	if err := out.SetColStyle(1, len(headings), st.text); err != nil {
		return nil, err
	}
	panes := &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}
	if len(headings) > wideSheet { // whose row it is stays in sight
		panes = &excelize.Panes{Freeze: true, XSplit: 2, YSplit: 1, TopLeftCell: "C2", ActivePane: "bottomRight"}
	}
	if err := out.SetPanes(panes); err != nil {
		return nil, err
	}
	return out, out.SetRow("A1", headings, excelize.RowOpts{Height: 24})
}

// printed sets a sheet up for paper: A4 across, as wide as the page, headings and page numbers on each.
func printed(f *excelize.File, name string) error {
	fit, across, a4, wide, high := true, "landscape", 9, 1, 0
	return errors.Join(
		f.SetSheetProps(name, &excelize.SheetPropsOptions{FitToPage: &fit}),
		f.SetPageLayout(name, &excelize.PageLayoutOptions{Size: &a4, Orientation: &across, FitToWidth: &wide, FitToHeight: &high}),
		f.SetHeaderFooter(name, &excelize.HeaderFooterOptions{OddFooter: "&C&A 第&P页,共&N页"}),
		f.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", RefersTo: "'" + name + "'!$1:$1", Scope: name}))
}

// addHints gives a column its drop-down list and what it says when a cell is entered. Excel insists only where it cannot be
// wrong to: elsewhere - is fine, other words are, or several joined.
func (c column) addHints(f *excelize.File, sheetName string, n int) error {
	name, err := excelize.ColumnNumberToName(n)
	if err != nil {
		return err
	}
	dv := excelize.NewDataValidation(true)
	dv.SetSqref(fmt.Sprintf("%s2:%s%d", name, name, maxRows))
	if list := append(slices.Clone(c.choices), c.offers...); len(list) > 0 {
		if err := dv.SetDropList(list); err != nil {
			return err
		}
	}
	dv.ShowErrorMessage = false
	if c.choices != nil && c.keep {
		dv.SetError(excelize.DataValidationErrorStyleStop, c.name, "请从下拉的词里选一个")
	}
	if help := c.help(); help != "" {
		dv.SetInput(c.name, help)
	} else if len(c.choices)+len(c.offers) == 0 {
		return nil
	}
	return f.AddDataValidation(sheetName, dv)
}

func writeHelp(f *excelize.File, st styles) error {
	headings := make([]any, 4)
	for i, h := range []string{"表", "列", "必填", "怎么填"} {
		headings[i] = excelize.Cell{StyleID: st.heading, Value: h}
	}
	out, err := begin(f, sheetHelp, st, headings, []float64{10, 16, 8, 90})
	if err != nil {
		return err
	}
	row := 1
	put := func(style int, cells ...string) error {
		row++
		values := make([]any, len(cells))
		for i, s := range cells {
			values[i] = excelize.Cell{StyleID: style, Value: s}
		}
		return out.SetRow(cellName(0, row), values)
	}
	for _, s := range []string{
		"第1行是标题,列的先后随意,不要加别的列。填好后先用 import --check 检查,再导入;有一处不对就都不导入。",
		"空着的格子不改原来的内容;填 - 是清空。表里没有的行也不动。标题是黄色的列,新的一行必填。",
		"日期写 2026-03-02、2026/3/2、2026.3.2、2026年3月2日、20260302 都行,要写到哪一天。",
		"手机写11位,座机带区号,如 0951-8012345。不要用公式,不要合并单元格,别的表和没有标题的列请删掉。",
	} {
		if err := put(st.wrapped, "", "", "", s); err != nil {
			return err
		}
	}
	for _, s := range sheets {
		if err := put(st.part, s.name, "", "", s.about); err != nil {
			return err
		}
		for _, c := range s.columns {
			must := ""
			if c.need {
				must = yes
			}
			if err := put(st.wrapped, s.name, c.name, must, c.help()); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}

// help says how to fill a column in.
func (c column) help() string {
	var parts []string
	if c.choices != nil {
		parts = append(parts, strings.Join(c.choices, "、")+",选一个")
	}
	if c.offers != nil {
		parts = append(parts, "如"+strings.Join(c.offers, "、"))
	}
	if c.note != "" {
		parts = append(parts, c.note)
	}
	return strings.Join(parts, "。")
}

func columnWidth(heading string) float64 {
	switch heading {
	case "住址", "健康状况", "经济来源", "照料情况", "困难问题":
		return 30
	case "身份证号", "居住状况", "去向", "角色", "别名", "区划代码":
		return 22
	case "手机", "代码", "上级代码", "巡访员账号", "帮扶人账号", "账号":
		return 16
	case "性别", "级别", "失独", "民族", "关系", "状态":
		return 8
	}
	return 12
}
