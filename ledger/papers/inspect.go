package papers

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"path"
	"strings"
)

// parts is what inspect saw.
type parts struct {
	formulas map[string][]string // cells with formulas, by sheet
	strings  int64               // size of the shared strings, unpacked
}

// inspect looks at the file's parts before the library does, for what the library passes over in silence: macros, formulas
// (whose remembered value may be anything), and sheets cut short. Sheets of more than limit bytes together are refused while they are unpacked.
func inspect(raw []byte, limit int64) (parts, error) {
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return parts{}, fmt.Errorf("%w: 旧的 .xls 或加密的文件请另存为不加密的 .xlsx", ErrNotWorkbook)
	}
	seen := parts{formulas: map[string][]string{}}
	var names map[string]string
	var unpacked int64
	var resident uint64
	for _, part := range z.File {
		if strings.HasSuffix(strings.ToLower(part.Name), "vbaproject.bin") || strings.HasPrefix(part.Name, "xl/macrosheets/") {
			return parts{}, fmt.Errorf("%w: 请另存为不带宏的 .xlsx", ErrMacros)
		}
		if strings.EqualFold(part.Name, "xl/sharedStrings.xml") {
			seen.strings = int64(part.UncompressedSize64)
		}
		if !strings.HasPrefix(part.Name, "xl/worksheets/") || !strings.HasSuffix(part.Name, ".xml") {
			// archive/zip gives no more than the size a part declares.
			if resident += min(part.UncompressedSize64, maxResident+1); resident > maxResident {
				return parts{}, fmt.Errorf("%w: 表格以外的内容应不超过 %d MB", ErrTooLarge, maxResident>>20)
			}
			continue
		}
		found, n, err := hasFormula(part, limit-unpacked)
		if err != nil {
			return parts{}, err
		}
		unpacked += n
		if !found {
			continue
		}
		if names == nil {
			if names, err = partNames(z); err != nil {
				return parts{}, err
			}
		}
		cells, err := formulaCells(part)
		if err != nil {
			return parts{}, err
		}
		seen.formulas[names[part.Name]] = append(seen.formulas[names[part.Name]], cells...)
	}
	return seen, nil
}

// hasFormula looks through a sheet's bytes for an f element, at most limit of them. In XML "<" stands nowhere but before a
// name, so this is a sure no, and a yes is worth parsing.
func hasFormula(part *zip.File, limit int64) (found bool, n int64, err error) {
	rd, err := part.Open()
	if err != nil {
		return false, 0, fmt.Errorf("%w: %w", ErrNotWorkbook, err)
	}
	defer rd.Close()
	const overlap = 64 // an element cut by the edge of two reads is seen in the next
	buf := make([]byte, 64<<10+overlap)
	kept := 0
	for {
		got, err := rd.Read(buf[kept:])
		n += int64(got)
		if n > limit {
			return false, n, fmt.Errorf("%w: 解压后应不超过 %d MB", ErrTooLarge, maxUnpacked>>20)
		}
		window := buf[:kept+got]
		found = found || hasElementF(window)
		if err == io.EOF {
			if !endsSheet(window) {
				return false, n, fmt.Errorf("%w: 文件不完整", ErrNotWorkbook)
			}
			return found, n, nil
		}
		if err != nil {
			return false, n, fmt.Errorf("%w: 文件已损坏: %w", ErrNotWorkbook, err)
		}
		kept = copy(buf, window[max(0, len(window)-overlap):])
	}
}

// endsSheet says whether the last end tag is the sheet's: the library takes a sheet cut short for a short one.
func endsSheet(tail []byte) bool {
	i := bytes.LastIndex(tail, []byte("</"))
	if i < 0 {
		return false
	}
	name := bytes.TrimSpace(tail[i+2:])
	return bytes.Equal(name, []byte("worksheet>")) || bytes.HasSuffix(name, []byte(":worksheet>"))
}

func hasElementF(b []byte) bool {
	for _, start := range []string{"<f", ":f"} {
		for rest := b; ; {
			i := bytes.Index(rest, []byte(start))
			if i < 0 || i+2 >= len(rest) {
				break
			}
			rest = rest[i+2:]
			if strings.IndexByte("> /\t\r\n", rest[0]) >= 0 {
				return true
			}
		}
	}
	return false
}

// formulaCells are the cells of a sheet with formulas.
func formulaCells(part *zip.File) ([]string, error) {
	rd, err := part.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWorkbook, err)
	}
	defer rd.Close()
	var cells []string
	cell := "A1"
	for d := xml.NewDecoder(rd); ; {
		token, err := d.RawToken()
		if err == io.EOF {
			return cells, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotWorkbook, err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "c":
			for _, a := range start.Attr {
				if a.Name.Local == "r" {
					cell = a.Value
				}
			}
		case "f":
			cells = append(cells, cell)
		}
	}
}

// partNames are the sheets' names by the part of the file they are in.
func partNames(z *zip.Reader) (map[string]string, error) {
	var book struct {
		Sheets []struct {
			Name string `xml:"name,attr"`
			ID   string `xml:"http://schemas.openxmlformats.org/officeDocument/2006/relationships id,attr"`
		} `xml:"sheets>sheet"`
	}
	var rels struct {
		All []struct {
			ID     string `xml:"Id,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
	for name, into := range map[string]any{"xl/workbook.xml": &book, "xl/_rels/workbook.xml.rels": &rels} {
		f, err := z.Open(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotWorkbook, err)
		}
		err = xml.NewDecoder(io.LimitReader(f, maxFile)).Decode(into)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotWorkbook, err)
		}
	}
	names := map[string]string{}
	for _, s := range book.Sheets {
		for _, r := range rels.All {
			if r.ID == s.ID {
				target := strings.TrimPrefix(r.Target, "/")
				if !strings.HasPrefix(target, "xl/") {
					target = path.Join("xl", target)
				}
				names[target] = s.Name
			}
		}
	}
	return names, nil
}
