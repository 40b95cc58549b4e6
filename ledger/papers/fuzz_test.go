package papers

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzRead feeds Read what began as a good file: the package itself, or a sheet and the shared strings in a good package, since
// random bytes among packed ones only damage it. Read reads them or refuses them, and what it takes can be written and read again.
func FuzzRead(f *testing.F) {
	var template, sample bytes.Buffer
	if err := Template(&template); err != nil {
		f.Fatal(err)
	}
	if err := SampleWorkbook(&sample, today); err != nil {
		f.Fatal(err)
	}
	small := workbook(f, regions, people, elders)
	const sheet = "xl/worksheets/sheet2.xml" // 区划
	texts := partOf(f, small, "xl/sharedStrings.xml")
	f.Add(template.Bytes(), []byte(nil), []byte(nil))
	f.Add(small, []byte(nil), []byte(nil))
	f.Add(small[:len(small)/2], []byte(nil), []byte(nil))
	f.Add([]byte(nil), partOf(f, small, sheet), texts)
	f.Add([]byte(nil), partOf(f, sample.Bytes(), sheet), []byte(`<sst><si><r><t>代</t></r><r><t>_x7801_</t></r></si></sst>`))
	f.Add([]byte(nil), []byte(`<!DOCTYPE a [<!ENTITY b "c">]><worksheet><sheetData><row r="1"><c t="s"><v>&b;</v></c></row></sheetData></worksheet>`), texts)
	f.Fuzz(func(t *testing.T, raw, sheetXML, textXML []byte) {
		if len(sheetXML) > 0 {
			raw = rezip(t, small, map[string]string{sheet: string(sheetXML), "xl/sharedStrings.xml": string(textXML)})
		}
		b, faults, err := Read(bytes.NewReader(raw), Known{})
		if err != nil || len(faults) > 0 {
			if err != nil && (len(faults) > 0 || len(b.Elders) > 0) {
				t.Errorf("refused, and yet it gave something: %v", err)
			}
			return
		}
		var out bytes.Buffer
		if err := Write(&out, b, today); err != nil {
			t.Fatal(err)
		}
		again, faults, err := Read(&out, Known{})
		if err != nil || len(faults) > 0 {
			t.Fatal(err, faults)
		}
		if diff := cmp.Diff(b.Regions, again.Regions, cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	})
}

func partOf(t testing.TB, file []byte, name string) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
