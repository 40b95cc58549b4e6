package papers

import (
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"

	"xunfang/ledger"
)

// styleText is Excel's number format 49, text: identity numbers and phones keep their digits.
const styleText = 49

// blankRows is how far drop-down lists reach below the last row.
const blankRows = 1000

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
	if err := f.DeleteSheet("Sheet1"); err != nil { // the new file's own
		return fmt.Errorf("write workbook: %w", err)
	}
	f.SetActiveSheet(0)
	if err := f.Write(w); err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	return nil
}

type styles struct{ text, heading, wrapped int }

func newStyles(f *excelize.File) (s styles, err error) {
	for _, x := range []struct {
		id    *int
		style *excelize.Style
	}{
		{&s.text, &excelize.Style{NumFmt: styleText}},
		{&s.heading, &excelize.Style{NumFmt: styleText, Font: &excelize.Font{Bold: true}}},
		{&s.wrapped, &excelize.Style{NumFmt: styleText, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}}},
	} {
		if *x.id, err = f.NewStyle(x.style); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *sheet) write(f *excelize.File, b ledger.Book, today ledger.Day, st styles) error {
	lines := s.lines(b, today)
	if _, err := f.NewSheet(s.name); err != nil {
		return err
	}
	for i, c := range s.columns {
		if err := c.addList(f, s.name, i+1, len(lines)+1+blankRows); err != nil {
			return err
		}
	}
	widths := make([]float64, len(s.columns))
	for i, c := range s.columns {
		widths[i] = columnWidth(c.name)
	}
	out, err := begin(f, s.name, st, s.headings(), widths)
	if err != nil {
		return err
	}
	cells := make([]any, len(s.columns))
	for n := range lines {
		for i, c := range s.columns {
			cells[i] = nil
			if v := c.get(&lines[n]); v != "" {
				cells[i] = excelize.Cell{StyleID: st.text, Value: v}
			}
		}
		if err := out.SetRow(fmt.Sprintf("A%d", n+2), cells); err != nil {
			return err
		}
	}
	return out.Flush()
}

// begin starts a sheet of text columns with a frozen row of headings.
func begin(f *excelize.File, name string, st styles, headings []string, widths []float64) (*excelize.StreamWriter, error) {
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
	if err := out.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return nil, err
	}
	cells := make([]any, len(headings))
	for i, h := range headings {
		cells[i] = excelize.Cell{StyleID: st.heading, Value: h}
	}
	return out, out.SetRow("A1", cells)
}

// addList gives a column its drop-down list. Where other words are fine, or several joined, Excel does not insist.
func (c column) addList(f *excelize.File, sheetName string, n, lastRow int) error {
	list := c.choices
	if list == nil {
		list = c.offers
	}
	if list == nil {
		return nil
	}
	name, err := excelize.ColumnNumberToName(n)
	if err != nil {
		return err
	}
	dv := excelize.NewDataValidation(true)
	dv.SetSqref(fmt.Sprintf("%s2:%s%d", name, name, lastRow))
	if err := dv.SetDropList(list); err != nil {
		return err
	}
	dv.ShowErrorMessage = false // - is fine everywhere, and Read says what is not
	return f.AddDataValidation(sheetName, dv)
}

func writeHelp(f *excelize.File, st styles) error {
	if _, err := f.NewSheet(sheetHelp); err != nil {
		return err
	}
	out, err := begin(f, sheetHelp, st, []string{"表", "列", "必填", "怎么填"}, []float64{10, 16, 8, 70})
	if err != nil {
		return err
	}
	row := 1
	put := func(cells ...string) error {
		row++
		values := make([]any, len(cells))
		for i, s := range cells {
			values[i] = excelize.Cell{StyleID: st.wrapped, Value: s}
		}
		return out.SetRow(fmt.Sprintf("A%d", row), values)
	}
	for _, s := range []string{
		"第1行是标题,列的先后随意,不要加别的列。填好后先用 import --check 检查,再导入。",
		"空着的格子不改原来的内容;填 - 是清空。表里没有的行也不动。",
		"日期写 2026-03-02、2026/3/2、2026.3.2、2026年3月2日、20260302 都行。不要用公式。",
	} {
		if err := put("", "", "", s); err != nil {
			return err
		}
	}
	for _, s := range sheets {
		if err := put(s.name, "", "", s.about); err != nil {
			return err
		}
		for _, c := range s.columns {
			must := ""
			if c.need {
				must = yes
			}
			if err := put(s.name, c.name, must, c.help()); err != nil {
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
	case "身份证号", "住址", "健康状况", "困难问题", "居住状况":
		return 24
	case "手机", "代码", "上级代码", "区划代码":
		return 16
	}
	return 12
}
