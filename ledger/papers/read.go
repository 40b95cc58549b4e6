package papers

import (
	"bytes"
	"cmp"
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
	ErrLinked      = errors.New("工作簿连着别的文件")
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

// maxFaults is how many faults are told: a file with more is the wrong file.
const maxFaults = 10_000

// Progress hears how many rows of a sheet have been read, every thousand rows.
type Progress func(sheet string, rows int)

// Read reads a workbook and judges all of it. The book is worth saving only when there are no faults; the error says that
// the file could not be read at all. An empty cell gives "", which leaves what the database has, and "-" is carried as it
// stands, which clears it. A fault repeats no name, number or address: it is printed, and perhaps logged.
func Read(file io.Reader, known Known, progress ...Progress) (ledger.Book, []Fault, error) {
	at, size, err := sized(file)
	if err != nil {
		return ledger.Book{}, nil, err
	}
	src, err := open(at, size, maxUnpacked)
	if err != nil {
		return ledger.Book{}, nil, err
	}
	r := &reading{file: src, known: known, progress: progress, users: cloned(known.users), regions: cloned(known.regions),
		elders: make(map[string]bool, len(known.elders)), trees: map[string]int{}, standings: map[string][]standingRow{}}
	for id := range known.elders {
		r.elders[id] = true
	}
	if err := r.all(); err != nil && !errors.Is(err, errEnough) {
		return ledger.Book{}, nil, err
	}
	return r.book, r.faults, nil
}

// sized is the file as an archive wants it: an open file is not read into memory.
func sized(file io.Reader) (io.ReaderAt, int64, error) {
	tooLarge := fmt.Errorf("%w: 应不超过 %d MB", ErrTooLarge, maxFile>>20)
	if f, ok := file.(interface {
		io.ReaderAt
		io.Seeker
	}); ok {
		size, err := f.Seek(0, io.SeekEnd)
		if err == nil && size > maxFile {
			err = tooLarge
		}
		return f, size, err
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, 0, fmt.Errorf("read workbook: %w", err)
	}
	if len(raw) > maxFile {
		return nil, 0, tooLarge
	}
	return bytes.NewReader(raw), int64(len(raw)), nil
}

// cloned is a map that may be written to.
func cloned[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

// reading is a workbook being read.
type reading struct {
	file     *source
	known    Known
	progress []Progress
	book     ledger.Book
	faults   []Fault

	// What rows may lean on: known rows and those read so far, faulty ones too, so that one mistake is told once.
	elders  map[string]bool
	users   map[string]office
	regions map[string]ledger.Region

	// What only a whole sheet can be judged by.
	trees     map[string]int // row of each region
	persons   []personRow
	standings map[string][]standingRow // by elder

	// Where the reader stands.
	sheet   *sheet
	row     int
	line    line
	column  map[string]int // number of each heading
	titled  [maxColumns]bool
	faulted map[string]bool
}

func (r *reading) all() error {
	for _, present := range r.file.sheets {
		if present.name != sheetHelp && !slices.ContainsFunc(sheets, func(s sheet) bool { return s.name == present.name }) {
			if err := r.stranger(present); err != nil {
				return err
			}
		}
	}
	found := false
	for i := range sheets {
		for _, present := range r.file.sheets {
			if present.name != sheets[i].name {
				continue
			}
			found = true
			if err := r.readSheet(&sheets[i], present); err != nil {
				return err
			}
		}
	}
	if !found {
		first := "Sheet1"
		if len(r.file.sheets) > 0 {
			first = short(r.file.sheets[0].name)
		}
		r.faults = append(r.faults, Fault{Sheet: first, Cell: "A1", Wrong: "没有一张表是台账", Want: sheetNames()})
	}
	return nil
}

// stranger refuses a sheet with an unknown name, unless there is nothing on it: a misspelt name would be left out silently.
func (r *reading) stranger(present sheetPart) error {
	empty := true
	_, err := r.file.eachRow(present, func(_ int, cells []cell) error {
		empty = empty && isBlank(cells)
		return nil
	})
	if err == nil && !empty {
		r.faults = append(r.faults, Fault{Sheet: short(present.name), Cell: "A1", Wrong: "不认识这张表", Want: sheetNames() + ",别的表请删掉"})
	}
	return err
}

func (r *reading) readSheet(s *sheet, from sheetPart) error {
	r.sheet, r.column = s, nil
	first, rows := len(r.faults), 0
	seen := map[string]int{} // row of each key
	merged, err := r.file.eachRow(from, func(row int, cells []cell) error {
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
		if r.readRow(cells, seen); len(r.faults) > maxFaults {
			r.faults = append(r.faults[:maxFaults], Fault{s.name, cellName(0, row), "错误太多,后面的没有再看", "先改好前面的,或换对的文件"})
			return errEnough
		}
		if rows++; rows%1_000 == 0 {
			for _, told := range r.progress {
				told(s.name, rows)
			}
		}
		return nil
	})
	if errors.Is(err, errNoHeadings) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, at := range merged {
		r.faults = append(r.faults, Fault{s.name, at, "是合并的单元格,只有左上角一格算数", "不合并,每格都填上"})
	}
	if s.judgeAll != nil {
		s.judgeAll(r)
	}
	slices.SortStableFunc(r.faults[first:], func(a, b Fault) int {
		ac, ar, _ := excelize.CellNameToCoordinates(a.Cell)
		bc, br, _ := excelize.CellNameToCoordinates(b.Cell)
		return cmp.Or(ar-br, ac-bc)
	})
	return nil
}

// errEnough ends a file with too many faults.
var errEnough = errors.New("too many faults")

// errNoHeadings ends a sheet whose columns cannot be told.
var errNoHeadings = errors.New("no headings")

func (r *reading) readHeadings(cells []cell) error {
	r.column, r.titled = map[string]int{}, [maxColumns]bool{}
	bad := false
	var strange []Fault
	for i, c := range cells {
		name := heading(c.text)
		if name == "" {
			continue
		}
		switch _, twice := r.column[name]; {
		case !slices.ContainsFunc(r.sheet.columns, func(c column) bool { return c.name == name }):
			strange = append(strange, Fault{r.sheet.name, cellName(i, 1), "不认识" + quoted(name) + "这一列", r.headings()})
		case twice:
			strange = append(strange, Fault{r.sheet.name, cellName(i, 1), "“" + name + "”这一列有两个", "一个"})
		default:
			r.column[name], r.titled[i] = i, true
		}
	}
	if len(r.column) == 0 { // somebody's data, perhaps
		r.faults = append(r.faults, Fault{r.sheet.name, "A1", "第1行没有标题", r.headings()})
		return errNoHeadings
	}
	r.faults = append(r.faults, strange...)
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

// heading is a column's name as people write it: with the star of a column that must be filled in, or a line break.
func heading(s string) string {
	return strings.TrimSpace(strings.TrimSuffix(strings.Join(strings.Fields(s), ""), "*"))
}

// readRow reads one row into the book, unless its key cannot be told.
func (r *reading) readRow(cells []cell, seen map[string]int) {
	r.line = line{row: r.row}
	l := &r.line
	for i, c := range cells {
		switch {
		case c.kind == cellFormula:
			r.blame(i, "是公式", "值;请复制后只粘贴数值")
		case c.kind == cellError:
			r.blame(i, "是错误值", "值")
		case !r.titled[i] && strings.TrimSpace(c.text) != "":
			r.faultAt(i, "这一列没有标题或标题不对", "第1行写上列名")
		}
	}
	var empty []string
	for _, c := range r.sheet.columns {
		i, ok := r.column[c.name]
		raw := ""
		if ok && i < len(cells) {
			raw = visible(cells[i].text)
		}
		switch {
		case raw == "" || r.faulted[c.name]:
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
		return
	}
	key := r.sheet.key(l)
	if before, twice := seen[key]; twice {
		r.fault(r.sheet.columns[0].name, fmt.Sprintf("和第%d行重复", before), "一行一个")
		return
	}
	seen[key] = r.row
	if isNew {
		l.resets = nil // there is nothing yet to set back
	}
	r.sheet.judge(r, l)
	r.sheet.add(&r.book, l)
}

// register makes a row's key something that later rows may lean on, and says whether the database does not have it yet.
func (r *reading) register(l *line) (isNew bool) {
	switch r.sheet.name {
	case sheetRegions:
		code := l.region.Code
		old, known := r.known.regions[code]
		if _, twice := r.trees[code]; code != "" && !twice {
			r.regions[code], r.trees[code] = merged(old, l.region), l.row
		}
		return !known
	case sheetPeople:
		id := l.person.UserID
		old, known := r.known.users[id]
		if id != "" {
			r.users[id] = officeOf(l.roles, old)
		}
		return !known
	case sheetElders:
		if l.elder.ID != "" {
			r.elders[l.elder.ID] = true
		}
		_, known := r.known.elders[l.elder.ID]
		return !known
	case sheetKin:
		_, known := r.known.elders[l.kin.ElderID]
		return !known
	case sheetStandings:
		return !slices.ContainsFunc(r.known.standings[l.standing.ElderID], func(s ledger.Standing) bool {
			return s.From == l.standing.From
		})
	}
	return true
}

// officeOf is what the 角色 of a row make of an account.
func officeOf(roles string, old office) office {
	switch {
	case roles == "":
		return old
	case roles == clears:
		return officeNone
	case slices.Contains(split(roles), ledger.RoleVisitor.Name()):
		return officeVisitor
	}
	return officeOther
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
// ancestor; and what only the database has below them still stands below.
func judgeTree(r *reading) {
	for code, row := range r.trees {
		r.row, r.faulted = row, map[string]bool{}
		self := r.regions[code]
		if self.Parent == "" {
			continue
		}
		parent, ok := r.regions[self.Parent]
		switch {
		case !ok:
			r.fault("上级代码", "“区划”里没有这个代码", "“区划”里的代码,最上面一级空着")
		case r.loops(self):
			r.fault("上级代码", "上级绕了一圈又回到自己", "上一级的代码")
		case !above(parent.Level, self.Level):
			r.fault("级别", fmt.Sprintf("是%s,上级却是%s", self.Level, parent.Level), "比上级低的级别")
		}
	}
	for code, child := range r.known.regions {
		row, changed := r.trees[child.Parent]
		if _, told := r.trees[code]; told || !changed {
			continue
		}
		if level := r.regions[child.Parent].Level; !above(level, child.Level) {
			r.row, r.faulted = row, map[string]bool{}
			r.fault("级别", fmt.Sprintf("改成了%s,台账里它下面还有%s", level, child.Level), "比下面高的级别")
		}
	}
}

// above says whether a level is above another, and yes where one is unknown: that is told elsewhere.
func above(upper, lower ledger.Level) bool {
	return upper == "" || lower == "" || slices.Index(levels, upper) < slices.Index(levels, lower)
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

// villageOf is the village a region lies in, or itself where it lies in none.
func (r *reading) villageOf(code string) string {
	at := r.regions[code]
	for range levels {
		if at.Level == ledger.LevelVillage {
			return at.Code
		}
		at = r.regions[at.Parent]
	}
	return code
}

// personRow is an elder's row, for telling whether two are one person.
type personRow struct {
	id  string
	row int // 0: only the database has it
	likeness
}

// judgeLikeness finds elders who stand on the ledger twice: by identity number, or by name, birth and village unless both
// have a number and the numbers differ: in a county of 50,000 that happens.
func judgeLikeness(r *reading) {
	type person struct {
		name, birth uint64
		village     string
	}
	all := make([]personRow, 0, len(r.known.elders)+len(r.persons))
	told := make(map[string]bool, len(r.persons))
	for _, p := range r.persons {
		told[p.id] = true
	}
	for id, known := range r.known.elders {
		if !told[id] {
			all = append(all, personRow{id, 0, known})
		}
	}
	all = append(all, r.persons...)
	numbers, persons := make(map[uint64]int, len(all)), make(map[person][]int, len(all))
	for i, p := range all {
		r.row, r.faulted = p.row, map[string]bool{}
		if p.number != 0 {
			if j, twice := numbers[p.number]; !twice {
				numbers[p.number] = i
			} else if p.row != 0 {
				r.fault("身份证号", "和"+all[j].said()+"的相同", "一人一个编号,一行")
				continue
			}
		}
		if p.name == 0 || p.birth == 0 {
			continue
		}
		who := person{p.name, p.birth, r.villageOf(p.region)}
		if p.row != 0 {
			for _, j := range persons[who] {
				if q := all[j]; q.number == 0 || p.number == 0 {
					r.fault("姓名", "和"+q.said()+"同名、同生日、同村", "一人一个编号;真是两个人就都填上身份证号")
					break
				}
			}
		}
		persons[who] = append(persons[who], i)
	}
}

// said names the row, or the elder by their number as far as that cannot be an identity number or a phone.
func (p personRow) said() string {
	if p.row != 0 {
		return fmt.Sprintf("第%d行", p.row)
	}
	return "台账里编号" + quoted(p.id) + "的老人"
}

// standingRow is a standing as it will be.
type standingRow struct {
	ledger.Standing
	row int // 0: only the database has it
}

// judgeStandings finds standings of one elder that hold at one time. The one that begins later is at fault, if it is in the
// workbook.
func judgeStandings(r *reading) {
	for elder, rows := range r.standings {
		for _, s := range r.known.standings[elder] {
			if !slices.ContainsFunc(rows, func(row standingRow) bool { return row.From == s.From }) {
				rows = append(rows, standingRow{s, 0})
			}
		}
		slices.SortFunc(rows, func(a, b standingRow) int { return cmp.Compare(a.From, b.From) })
		last := rows[0]
		for _, s := range rows[1:] {
			if last.To == "" || last.To >= s.From {
				blamed, column, other := s, "开始日期", last
				if s.row == 0 {
					blamed, column, other = last, "结束日期", s
				}
				if r.row, r.faulted = blamed.row, map[string]bool{}; blamed.row != 0 {
					r.fault(column, fmt.Sprintf("和%s起的“%s”时间重叠", other.From, other.Kind), "先写上前一段的结束日期")
				}
			}
			if last.To != "" && (s.To == "" || s.To > last.To) {
				last = s
			}
		}
	}
}

func (r *reading) exists(in map[string]bool, column, key, wrong, want string) {
	if key != "" && !in[key] {
		r.fault(column, wrong, want)
	}
}

func (r *reading) user(column, id string) (office, bool) {
	o, ok := r.users[id]
	if !ok && id != "" {
		r.fault(column, "“人员”里没有这个账号", "“人员”里的账号")
	}
	return o, ok
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

// blame is fault by the column's number.
func (r *reading) blame(column int, wrong, want string) {
	for name, i := range r.column {
		if i == column {
			r.fault(name, wrong, want)
			return
		}
	}
	r.faultAt(column, wrong, want)
}

func (r *reading) faultAt(column int, wrong, want string) {
	r.faults = append(r.faults, Fault{r.sheet.name, cellName(column, r.row), wrong, want})
}

func cellName(column, row int) string {
	name, _ := excelize.CoordinatesToCellName(column+1, row)
	return name
}

func (r *reading) headings() string { return strings.Join(r.sheet.headings(), "、") }

// keyColumns are the columns a row cannot be placed without.
func (s *sheet) keyColumns() []string {
	switch s.name {
	case sheetKin, sheetPairs:
		return []string{s.columns[0].name, s.columns[1].name}
	case sheetStandings:
		return []string{s.columns[0].name, s.columns[2].name}
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

func isBlank(cells []cell) bool {
	return !slices.ContainsFunc(cells, func(c cell) bool { return c.kind != cellValue || strings.TrimSpace(c.text) != "" })
}
