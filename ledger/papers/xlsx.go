package papers

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// source is an .xlsx file read as a stream: a row at a time, nothing unpacked to disk, nothing held but the shared strings.
// The library reads such files, too, but it holds each shared string as a tree (740 MB for 50,000 elders); told to spill them
// to disk it gives an empty one back as its number, and what a kill leaves there is the county's personal data.
type source struct {
	sheets []sheetPart // as the workbook lists them
	texts  []string    // the shared strings
	keep   arena
	left   int64 // bytes that may still be unpacked
}

type sheetPart struct {
	name string
	file *zip.File
}

// Limits against hostile files; a county of 50,000 elders stays far below them.
const (
	maxFile     = 64 << 20
	maxUnpacked = 512 << 20
	maxRows     = 200_000
	maxColumns  = 100
	maxParts    = 1_000
	maxTexts    = 3_000_000 // shared strings,
	maxText     = 128 << 20 // and their bytes
	maxToken    = 1 << 20   // one tag or text; a cell holds 32,767 characters
	maxDepth    = 64        // elements within elements
)

var (
	errDamaged = fmt.Errorf("%w: 文件已损坏,请打开后另存一份再试", ErrNotWorkbook)
	errCut     = fmt.Errorf("%w: 文件不完整", ErrNotWorkbook)
	errLong    = fmt.Errorf("%w: 解压后应不超过 %d MB,一格应不超过 32767 个字", ErrTooLarge, maxUnpacked>>20)
)

// open finds a workbook's sheets and reads its shared strings.
func open(file io.ReaderAt, size, limit int64) (*source, error) {
	z, err := zip.NewReader(file, size)
	if err != nil {
		return nil, fmt.Errorf("%w: 旧的 .xls 或加密的文件请另存为不加密的 .xlsx", ErrNotWorkbook)
	}
	parts, err := partsOf(z)
	if err != nil {
		return nil, err
	}
	s := &source{left: limit}
	var book string
	if err := s.eachRelation(parts, "", func(_, kind, target string) {
		if kind == "officeDocument" {
			book = target
		}
	}); err != nil {
		return nil, err
	}
	if parts[strings.ToLower(book)] == nil {
		return nil, fmt.Errorf("%w: 里面没有表格", ErrNotWorkbook)
	}
	targets, texts := map[string]string{}, ""
	if err := s.eachRelation(parts, book, func(id, kind, target string) {
		if len(targets) < maxParts {
			targets[id] = target
		}
		if kind == "sharedStrings" {
			texts = target
		}
	}); err != nil {
		return nil, err
	}
	if err := s.readBook(parts, book, targets); err != nil {
		return nil, err
	}
	if f := parts[strings.ToLower(texts)]; f != nil {
		return s, s.readTexts(f)
	}
	return s, nil
}

// partsOf are a package's parts by their names in lower case. Names are never used as paths.
func partsOf(z *zip.Reader) (map[string]*zip.File, error) {
	if len(z.File) > maxParts {
		return nil, fmt.Errorf("%w: 里面的文件应不超过 %d 个", ErrTooLarge, maxParts)
	}
	parts := make(map[string]*zip.File, len(z.File))
	for _, f := range z.File {
		name := strings.ToLower(strings.ReplaceAll(f.Name, `\`, "/"))
		switch {
		case strings.HasSuffix(name, "vbaproject.bin"), strings.HasPrefix(name, "xl/macrosheets/"):
			return nil, fmt.Errorf("%w: 请另存为不带宏的 .xlsx", ErrMacros)
		case strings.HasPrefix(name, "xl/externallinks/"):
			return nil, fmt.Errorf("%w: 请在“数据”“编辑链接”里断开后另存", ErrLinked)
		case parts[name] != nil: // two programs may read two different ones
			return nil, errDamaged
		}
		parts[name] = f
	}
	return parts, nil
}

// eachRelation goes over what a part, or with "" the package, leads to: id, last word of the kind, and the part's name.
func (s *source) eachRelation(parts map[string]*zip.File, of string, do func(id, kind, target string)) error {
	dir, name := path.Split(of)
	f := parts[strings.ToLower(dir+"_rels/"+name+".rels")]
	if f == nil {
		return fmt.Errorf("%w: 里面没有表格", ErrNotWorkbook)
	}
	return s.walk(f, func(token xml.Token) error {
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "Relationship" || attr(start, "TargetMode") == "External" {
			return nil
		}
		target := attr(start, "Target")
		if !strings.HasPrefix(target, "/") {
			target = dir + target
		}
		do(attr(start, "Id"), path.Base(attr(start, "Type")), strings.TrimPrefix(path.Clean(target), "/"))
		return nil
	})
}

func (s *source) readBook(parts map[string]*zip.File, book string, targets map[string]string) error {
	return s.walk(parts[strings.ToLower(book)], func(token xml.Token) error {
		start, ok := token.(xml.StartElement)
		if !ok {
			return nil
		}
		switch start.Name.Local {
		case "workbookPr":
			if v := attr(start, "date1904"); v != "" && v != "0" && v != "false" {
				return fmt.Errorf("%w: 日期从1904年算起,请在 Excel 选项里取消“使用1904日期系统”后另存", ErrNotWorkbook)
			}
		case "sheet":
			f := parts[strings.ToLower(targets[attr(start, "id")])]
			name := attr(start, "name")
			twice := slices.ContainsFunc(s.sheets, func(x sheetPart) bool { return x.name == name })
			if f == nil || twice || len(s.sheets) == maxParts {
				return errDamaged
			}
			s.sheets = append(s.sheets, sheetPart{name, f})
		}
		return nil
	})
}

// readTexts reads the shared strings. A text may be in several runs; how it is pronounced (rPh) is no part of it.
func (s *source) readTexts(f *zip.File) error {
	var text []byte
	var collecting bool
	phonetic, total := 0, 0
	return s.walk(f, func(token xml.Token) error {
		switch x := token.(type) {
		case xml.StartElement:
			switch x.Name.Local {
			case "si":
				text = text[:0]
			case "rPh":
				phonetic++
			case "t":
				collecting = phonetic == 0
			}
		case xml.CharData:
			if collecting {
				if text = append(text, x...); len(text) > maxToken {
					return errLong
				}
			}
		case xml.EndElement:
			switch x.Name.Local {
			case "t":
				collecting = false
			case "rPh":
				phonetic--
			case "si":
				if total += len(text); total > maxText || len(s.texts) == maxTexts {
					return fmt.Errorf("%w: 文字太多,请分成几个文件", ErrTooLarge)
				}
				s.texts = append(s.texts, s.keep.string(text))
			}
		}
		return nil
	})
}

// cell is what stands in a cell: words, or something that is not to be trusted.
type cell struct {
	text string
	kind cellKind
}

type cellKind uint8

const (
	cellValue   cellKind = iota
	cellFormula          // what it remembers may be anything
	cellError            // #N/A and the like
)

// eachRow goes over the rows of a sheet that have anything in them. The cells are good until do returns. Merged are the
// upper left cells of merged ones: what looks as if it stood in all of them stands in that one only.
func (s *source) eachRow(sheet sheetPart, do func(row int, cells []cell) error) (merged []string, err error) {
	r := rowReader{source: s, sheet: sheet.name, do: do}
	err = s.walk(sheet.file, r.token)
	return r.merged, err
}

// rowReader puts the cells of a sheet's rows together.
type rowReader struct {
	*source
	sheet  string
	do     func(int, []cell) error
	merged []string

	inData     bool
	row        int
	cells      [maxColumns]cell
	width      int
	column     int // of the cell, from 1
	kind       string
	formula    bool
	text       []byte
	phonetic   int
	collecting bool
}

func (r *rowReader) token(token xml.Token) error {
	switch x := token.(type) {
	case xml.StartElement:
		return r.start(x)
	case xml.CharData:
		if r.collecting {
			if r.text = append(r.text, x...); len(r.text) > maxToken {
				return errLong
			}
		}
	case xml.EndElement:
		return r.end(x.Name.Local)
	}
	return nil
}

func (r *rowReader) start(x xml.StartElement) error {
	if x.Name.Local == "mergeCell" && len(r.merged) < maxColumns {
		at, _, _ := strings.Cut(attr(x, "ref"), ":")
		r.merged = append(r.merged, at)
	}
	if x.Name.Local == "sheetData" {
		r.inData = true
	}
	if !r.inData { // conditional formats have an f, too
		return nil
	}
	switch x.Name.Local {
	case "row":
		n := r.row + 1
		if at := attr(x, "r"); at != "" {
			n, _ = strconv.Atoi(at)
		}
		if n <= r.row {
			return errDamaged
		}
		clear(r.cells[:r.width])
		r.row, r.width, r.column = n, 0, 0
	case "c":
		column := r.column + 1
		if at := attr(x, "r"); at != "" {
			column = columnOf(at)
		}
		if column <= r.column {
			return errDamaged
		}
		r.column, r.kind, r.formula, r.text, r.phonetic = column, attr(x, "t"), false, r.text[:0], 0
	case "f":
		r.formula = true
	case "rPh":
		r.phonetic++
	case "v", "t":
		r.collecting = r.phonetic == 0
	}
	return nil
}

func (r *rowReader) end(name string) error {
	switch {
	case name == "sheetData":
		r.inData = false
	case !r.inData:
	case name == "v", name == "t":
		r.collecting = false
	case name == "rPh":
		r.phonetic--
	case name == "c":
		if r.column == 0 { // the end of a cell that did not begin in this row
			return errDamaged
		}
		return r.endCell()
	case name == "row" && r.width > 0:
		if r.row > maxRows {
			return fmt.Errorf("%w: 表“%s”应不超过 %d 行", ErrTooLarge, short(r.sheet), maxRows)
		}
		return r.do(r.row, r.cells[:r.width])
	}
	return nil
}

func (r *rowReader) endCell() error {
	c := cell{}
	switch {
	case r.formula:
		c.kind = cellFormula
	case r.kind == "e":
		c.kind = cellError
	case len(r.text) == 0:
	case r.kind == "s":
		n, err := strconv.Atoi(strings.TrimSpace(string(r.text)))
		if err != nil || n < 0 || n >= len(r.texts) {
			return errDamaged
		}
		c.text = r.texts[n]
	case r.kind == "b":
		c.text = map[string]string{"1": "TRUE", "0": "FALSE"}[string(r.text)]
	default:
		c.text = r.keep.string(r.text)
	}
	if c == (cell{}) {
		return nil
	}
	if r.column > maxColumns {
		return fmt.Errorf("%w: 表“%s”应不超过 %d 列", ErrTooLarge, short(r.sheet), maxColumns)
	}
	r.cells[r.column-1] = c
	r.width = max(r.width, r.column)
	return nil
}

// columnOf is the column of a cell's name, 0 if it has none.
func columnOf(name string) int {
	n := 0
	for _, c := range []byte(strings.ToUpper(name)) {
		if c < 'A' || c > 'Z' || n > maxColumns*26 {
			break
		}
		n = n*26 + int(c-'A') + 1
	}
	return n
}

func attr(x xml.StartElement, name string) string {
	for _, a := range x.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// walk shows a part's tokens, and makes sure that the part is whole, of bearable size and depth, and declares nothing: an
// .xlsx has no DTD and no entities of its own.
func (s *source) walk(f *zip.File, see func(xml.Token) error) error {
	rd, err := f.Open()
	if err != nil {
		return fmt.Errorf("%w (%w)", errDamaged, err)
	}
	defer rd.Close()
	m := &meter{Reader: bufio.NewReaderSize(rd, 64<<10), left: &s.left}
	depth, rooted := 0, false
	for d := xml.NewDecoder(m); ; {
		token, err := d.RawToken()
		switch {
		case err == io.EOF:
			if depth != 0 || !rooted {
				return errCut
			}
			return nil
		case errors.Is(err, ErrTooLarge):
			return err
		case errors.Is(err, io.ErrUnexpectedEOF):
			return errCut
		case err != nil:
			return fmt.Errorf("%w (%w)", errDamaged, err)
		}
		m.token = 0
		switch token.(type) {
		case xml.Directive:
			return errDamaged
		case xml.StartElement:
			depth, rooted = depth+1, true
		case xml.EndElement:
			depth--
		}
		if depth < 0 || depth > maxDepth {
			return errDamaged
		}
		if err := see(token); err != nil {
			return err
		}
	}
}

// meter counts what comes out of a part while it is unpacked, whatever the part declares.
type meter struct {
	*bufio.Reader
	token int
	left  *int64
}

func (m *meter) ReadByte() (byte, error) {
	m.token++
	*m.left--
	if m.token > maxToken || *m.left < 0 {
		return 0, errLong
	}
	return m.Reader.ReadByte()
}

// arena makes strings that lie close together: a county has a million of them.
type arena struct {
	block strings.Builder
	known map[string]string
}

const (
	arenaBlock = 64 << 10
	arenaKnown = 1 << 13 // words that are kept once: villages, accounts, 独居
	arenaWord  = 48
)

func (a *arena) string(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if s, ok := a.known[string(b)]; ok {
		return s
	}
	odd := bytes.Contains(b, []byte("_x"))
	if odd {
		b = escaped.ReplaceAllFunc(b, unescape)
		b = bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	}
	if a.block.Cap()-a.block.Len() < len(b) {
		a.block = strings.Builder{}
		a.block.Grow(max(arenaBlock, len(b)))
	}
	start := a.block.Len()
	a.block.Write(b)
	s := a.block.String()[start:]
	if len(s) <= arenaWord && len(a.known) < arenaKnown && !odd {
		if a.known == nil {
			a.known = map[string]string{}
		}
		a.known[s] = s
	}
	return s
}

// Excel writes what XML cannot say as _x000D_, and an underscore that would look like it as _x005F_.
var escaped = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

func unescape(b []byte) []byte {
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil || utf16.IsSurrogate(rune(n)) {
		return b
	}
	return []byte(string(rune(n)))
}
