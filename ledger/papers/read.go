package papers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"xunfang/ledger"
)

// What makes a file no workbook of ours at all. Everything else is a Fault.
var (
	ErrNotWorkbook = errors.New("不是 .xlsx 工作簿")
	ErrTooLarge    = errors.New("工作簿太大")
	ErrMacros      = errors.New("工作簿带宏")
)

// Limits against hostile files; a county of 50,000 elders stays far below them.
const (
	maxFile     = 64 << 20
	maxUnpacked = 512 << 20
	maxRows     = 200_000
	maxColumns  = 100
	maxResident = 64 << 20 // all parts but the sheets, which the library holds in memory
	inMemory    = 4 << 20  // a sheet larger than this is unpacked to disk while it is read
)

// Fault is one bad cell: what is wrong and what is expected.
type Fault struct {
	Sheet string
	Cell  string
	Wrong string
	Want  string
}

func (f Fault) String() string {
	s := f.Sheet + "!" + f.Cell + ": " + f.Wrong
	if f.Want != "" {
		s += " (应为 " + f.Want + ")"
	}
	return s
}

// Known is what the database already has: rows of the workbook may lean on it, and rows that are in it may leave cells
// empty.
type Known struct {
	Elders  map[string]bool
	Users   map[string]bool
	Regions map[string]ledger.Region
}

// KnownIn is what a book has.
func KnownIn(b ledger.Book) Known {
	k := Known{Elders: make(map[string]bool, len(b.Elders)), Users: map[string]bool{}, Regions: map[string]ledger.Region{}}
	for _, e := range b.Elders {
		k.Elders[e.ID] = true
	}
	for _, p := range b.People {
		k.Users[p.UserID] = true
	}
	for _, r := range b.Regions {
		k.Regions[r.Code] = r
	}
	return k
}

// Read reads a workbook and judges all of it. The book is worth saving only when there are no faults; the error says that
// the file could not be read at all. An empty cell gives "", which leaves what the database has, and "-" is carried as it
// stands, which clears it.
func Read(file io.Reader, known Known) (ledger.Book, []Fault, error) {
	raw, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return ledger.Book{}, nil, fmt.Errorf("read workbook: %w", err)
	}
	if len(raw) > maxFile {
		return ledger.Book{}, nil, fmt.Errorf("%w: 应不超过 %d MB", ErrTooLarge, maxFile>>20)
	}
	parts, err := inspect(raw, maxUnpacked)
	if err != nil {
		return ledger.Book{}, nil, err
	}
	// Shared strings that the library keeps on disk come back wrong: an empty one as its number.
	memory := max(inMemory, parts.strings)
	f, err := excelize.OpenReader(bytes.NewReader(raw), excelize.Options{RawCellValue: true, UnzipSizeLimit: maxUnpacked,
		UnzipXMLSizeLimit: memory})
	if err != nil {
		return ledger.Book{}, nil, fmt.Errorf("%w: %w", ErrNotWorkbook, err)
	}
	defer f.Close()
	if props, err := f.GetWorkbookProps(); err != nil || props.Date1904 != nil && *props.Date1904 {
		return ledger.Book{}, nil, fmt.Errorf("%w: 日期从1904年算起,请在 Excel 选项里取消“使用1904日期系统”后另存", ErrNotWorkbook)
	}

	r := &reading{file: f, known: known, formulas: parts.formulas, users: maps.Clone(known.Users), elders: maps.Clone(known.Elders),
		regions: maps.Clone(known.Regions)}
	if r.users == nil {
		r.users = map[string]bool{}
	}
	if r.elders == nil {
		r.elders = map[string]bool{}
	}
	if r.regions == nil {
		r.regions = map[string]ledger.Region{}
	}
	if err := r.all(); err != nil {
		return ledger.Book{}, nil, err
	}
	return r.book, r.faults, nil
}

// reading is a workbook being read.
type reading struct {
	file     *excelize.File
	known    Known
	formulas map[string][]string // cells by sheet
	book     ledger.Book
	faults   []Fault

	// What rows may lean on: known rows and those read so far, faulty ones too, so that one mistake is told once.
	users, elders map[string]bool
	regions       map[string]ledger.Region

	// Where the reader stands.
	sheet   *sheet
	row     int
	column  map[string]int // number of each heading
	titled  map[int]bool   // columns that have one
	faulted map[string]bool
}

func (r *reading) all() error {
	present := r.file.GetSheetList()
	for _, name := range present {
		if name != sheetHelp && !slices.ContainsFunc(sheets, func(s sheet) bool { return s.name == name }) {
			if err := r.stranger(name); err != nil {
				return err
			}
		}
	}
	found := false
	for i := range sheets {
		if slices.Contains(present, sheets[i].name) {
			found = true
			if err := r.readSheet(&sheets[i]); err != nil {
				return err
			}
		}
	}
	if !found {
		r.faults = append(r.faults, Fault{Sheet: present[0], Cell: "A1", Wrong: "没有一张表是台账", Want: sheetNames()})
	}
	return nil
}

// stranger refuses a sheet with an unknown name, unless there is nothing on it: a misspelt name would be left out silently.
func (r *reading) stranger(name string) error {
	empty := true
	err := r.eachRow(name, func(_ int, cells []string) error {
		empty = empty && isBlank(cells)
		return nil
	})
	if err == nil && !empty {
		r.faults = append(r.faults, Fault{Sheet: name, Cell: "A1", Wrong: "不认识这张表", Want: sheetNames() + ",别的表请删掉"})
	}
	return err
}

func (r *reading) readSheet(s *sheet) error {
	r.sheet, r.column = s, nil
	for _, cell := range r.formulas[s.name] {
		r.faults = append(r.faults, Fault{s.name, cell, "是公式", "值;请复制后只粘贴数值"})
	}
	first := len(r.faults)
	seen := map[string]int{} // row of each key
	var read []*line
	err := r.eachRow(s.name, func(row int, cells []string) error {
		if isBlank(cells) {
			return nil
		}
		r.row, r.faulted = row, map[string]bool{}
		if r.column == nil {
			if row != 1 {
				r.faults = append(r.faults, Fault{s.name, "A1", "第1行没有标题", r.headings()})
				return errNoHeadings
			}
			return r.readHeadings(cells)
		}
		if l := r.readRow(cells, seen); l != nil && s.name == sheetRegions {
			read = append(read, l)
		}
		return nil
	})
	if errors.Is(err, errNoHeadings) {
		return nil
	}
	if err != nil {
		return err
	}
	r.judgeTree(read)
	slices.SortStableFunc(r.faults[first:], func(a, b Fault) int {
		ac, ar, _ := excelize.CellNameToCoordinates(a.Cell)
		bc, br, _ := excelize.CellNameToCoordinates(b.Cell)
		return (ar-br)*maxColumns + ac - bc
	})
	return nil
}

// errNoHeadings ends a sheet whose columns cannot be told.
var errNoHeadings = errors.New("no headings")

func (r *reading) readHeadings(cells []string) error {
	r.column, r.titled = map[string]int{}, map[int]bool{}
	bad := false
	for i, name := range cells {
		name = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(name), "*"))
		if name == "" {
			continue
		}
		at, _ := excelize.CoordinatesToCellName(i+1, 1)
		switch _, twice := r.column[name]; {
		case !slices.ContainsFunc(r.sheet.columns, func(c column) bool { return c.name == name }):
			r.faults = append(r.faults, Fault{r.sheet.name, at, "不认识“" + short(name) + "”这一列", r.headings()})
		case twice:
			r.faults = append(r.faults, Fault{r.sheet.name, at, "“" + name + "”这一列有两个", "一个"})
		default:
			r.column[name], r.titled[i] = i, true
		}
	}
	for _, c := range r.sheet.columns {
		if _, ok := r.column[c.name]; !ok && c.need {
			bad = true
			r.faults = append(r.faults, Fault{r.sheet.name, "A1", "第1行缺少“" + c.name + "”这一列", r.headings()})
		}
	}
	if bad {
		return errNoHeadings
	}
	return nil
}

// readRow reads one row into the book, and says nil for a row whose key cannot be told.
func (r *reading) readRow(cells []string, seen map[string]int) *line {
	l := &line{row: r.row}
	for i := range cells {
		if !r.titled[i] && strings.TrimSpace(cells[i]) != "" {
			r.faultAt(i, "这一列没有标题或标题不对", "第1行写上列名")
		}
	}
	var empty []string
	for _, c := range r.sheet.columns {
		i, ok := r.column[c.name]
		raw := ""
		if ok && i < len(cells) {
			raw = strings.TrimSpace(cells[i])
		}
		switch {
		case raw == "":
			if c.need {
				empty = append(empty, c.name)
			}
		case halfWidth(raw) == clears:
			if c.keep {
				r.fault(c.name, "不能清空", "填上,或空着不改")
			} else {
				c.set(l, clears)
			}
		default:
			if value, wrong, want := c.form(raw); wrong != "" {
				r.fault(c.name, wrong, want)
			} else {
				c.set(l, value)
			}
		}
	}
	isNew := r.register(l)
	for _, name := range empty {
		if isNew {
			r.fault(name, name+"没有填", "新的一行必填")
		}
	}
	if slices.ContainsFunc(r.sheet.keyColumns(), func(name string) bool { return r.faulted[name] }) {
		return nil
	}
	key := r.sheet.key(l)
	if before, twice := seen[key]; twice {
		r.fault(r.sheet.columns[0].name, fmt.Sprintf("和第%d行重复", before), "一行一个")
		return nil
	}
	seen[key] = r.row
	r.sheet.judge(r, l)
	r.sheet.add(&r.book, l)
	return l
}

// register makes a row's key something that later rows may lean on, and says whether the database does not have it yet.
func (r *reading) register(l *line) (isNew bool) {
	switch r.sheet.name {
	case sheetRegions:
		code := l.region.Code
		old, known := r.known.Regions[code]
		if code != "" {
			if _, twice := r.regions[code]; !twice || known {
				r.regions[code] = merged(old, l.region)
			}
		}
		return !known
	case sheetPeople:
		if l.person.UserID != "" {
			r.users[l.person.UserID] = true
		}
		return !r.known.Users[l.person.UserID]
	case sheetElders:
		if l.elder.ID != "" {
			r.elders[l.elder.ID] = true
		}
		return !r.known.Elders[l.elder.ID]
	}
	return true
}

// merged is a known region with a row of the workbook laid over it.
func merged(old, row ledger.Region) ledger.Region {
	if row.Parent == "" {
		row.Parent = old.Parent
	}
	if row.Parent == clears {
		row.Parent = ""
	}
	if row.Level == "" {
		row.Level = old.Level
	}
	return row
}

// judgeTree checks the regions of the sheet once all are known: the parent exists, stands above, and nobody is their own
// ancestor.
func (r *reading) judgeTree(rows []*line) {
	for _, l := range rows {
		r.row, r.faulted = l.row, map[string]bool{}
		self := r.regions[l.region.Code]
		if self.Parent == "" {
			continue
		}
		parent, ok := r.regions[self.Parent]
		switch {
		case !ok:
			r.fault("上级代码", "“区划”里没有这个代码", "“区划”里的代码,最上面一级空着")
		case r.loops(self):
			r.fault("上级代码", "上级绕了一圈又回到自己", "上一级的代码")
		case parent.Level != "" && self.Level != "" && slices.Index(levels, self.Level) <= slices.Index(levels, parent.Level):
			r.fault("级别", fmt.Sprintf("是%s,上级却是%s", self.Level, parent.Level), "比上级低的级别")
		}
	}
}

func (r *reading) loops(start ledger.Region) bool {
	seen := map[string]bool{}
	for at := start; at.Parent != ""; {
		if at.Parent == start.Code {
			return true
		}
		if seen[at.Parent] {
			return false // a loop further up, told at its own rows
		}
		seen[at.Parent] = true
		at = r.regions[at.Parent]
	}
	return false
}

func (r *reading) exists(in map[string]bool, column, key, wrong, want string) {
	if key != "" && !in[key] {
		r.fault(column, wrong, want)
	}
}

func (r *reading) region(column, code string) {
	if _, ok := r.regions[code]; code != "" && !ok {
		r.fault(column, "“区划”里没有这个代码", "“区划”里的代码")
	}
}

// fault blames a cell of the present row; the first fault of a cell is the only one. A column the sheet does not have is
// blamed on the row's first cell.
func (r *reading) fault(column, wrong, want string) {
	if r.faulted[column] {
		return
	}
	r.faulted[column] = true
	r.faultAt(r.column[column], wrong, want)
}

func (r *reading) faultAt(column int, wrong, want string) {
	cell, _ := excelize.CoordinatesToCellName(column+1, r.row)
	r.faults = append(r.faults, Fault{r.sheet.name, cell, wrong, want})
}

func (r *reading) headings() string { return strings.Join(r.sheet.headings(), "、") }

// eachRow streams a sheet's rows.
func (r *reading) eachRow(name string, do func(row int, cells []string) error) error {
	rows, err := r.file.Rows(name)
	if err != nil {
		return fmt.Errorf("%w: 表“%s”读不出来: %w", ErrNotWorkbook, name, err)
	}
	defer rows.Close()
	for n := 1; rows.Next(); n++ {
		if n > maxRows {
			return fmt.Errorf("%w: 表“%s”应不超过 %d 行", ErrTooLarge, name, maxRows)
		}
		cells, err := rows.Columns()
		if err != nil {
			return fmt.Errorf("%w: 表“%s”第%d行读不出来: %w", ErrNotWorkbook, name, n, err)
		}
		if len(cells) > maxColumns {
			return fmt.Errorf("%w: 表“%s”应不超过 %d 列", ErrTooLarge, name, maxColumns)
		}
		if err := do(n, cells); err != nil {
			return err
		}
	}
	if err := rows.Error(); err != nil {
		return fmt.Errorf("%w: 表“%s”读不完: %w", ErrNotWorkbook, name, err)
	}
	return nil
}

// keyColumns are the columns a row cannot be placed without.
func (s *sheet) keyColumns() []string {
	switch s.name {
	case sheetKin, sheetPairs:
		return []string{s.columns[0].name, s.columns[1].name}
	}
	return []string{s.columns[0].name}
}

func (s *sheet) headings() []string {
	out := make([]string, len(s.columns))
	for i, c := range s.columns {
		out[i] = c.name
	}
	return out
}

func sheetNames() string {
	var out []string
	for _, s := range sheets {
		out = append(out, s.name)
	}
	return strings.Join(out, "、")
}

func isBlank(cells []string) bool {
	return !slices.ContainsFunc(cells, func(s string) bool { return strings.TrimSpace(s) != "" })
}
