package papers

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"xunfang/ledger"
)

// fullCounty is a county of n elders in which every cell is filled and no two texts are the same.
func fullCounty(n int) ledger.Book {
	b := Sample(today)
	b.Elders, b.Tierings, b.Assignments, b.Kin, b.Pairs = nil, nil, nil, nil, nil
	visitor, helper := b.People[9].UserID, b.People[17].UserID
	for i := range n {
		id := fmt.Sprintf("E%05d", i)
		birth := ledger.Day("1930-01-01").Add(i % 9_000)
		b.Elders = append(b.Elders, ledger.Elder{ID: id, Name: fmt.Sprintf("马秀兰%d", i), Aliases: fmt.Sprintf("马奶奶%d、秀兰奶奶", i), Gender: "女",
			IDNumber: SampleIDNumber(birth, "女", i/9_000), Birth: birth, Phone: samplePhone(i), Region: b.Regions[i%len(b.Regions)].Code,
			Address: fmt.Sprintf("望远村一组%d号院东数第二户", i), Lon: 106 + float64(i)/1e5, Lat: 38 + float64(i)/1e5, Nation: "回族", Living: "独居",
			SelfCare: "半失能", LostChild: i%2 == 0, Health: fmt.Sprintf("高血压、糖尿病,每天吃药,第%d号病历", i),
			Income: fmt.Sprintf("养老金每月%d元", i), Care: fmt.Sprintf("邻里照看,%d号帮扶户", i), Hardship: fmt.Sprintf("冬天买煤困难,欠%d元", i),
			Consent: ledger.Day("2026-01-01").Add(i % 200)})
		b.Tierings = append(b.Tierings, ledger.Tiering{ElderID: id, Tier: ledger.TierKey})
		b.Assignments = append(b.Assignments, ledger.Assignment{ElderID: id, UserID: visitor})
		b.Kin = append(b.Kin, ledger.Kin{ElderID: id, Name: fmt.Sprintf("马晓梅%d", i), Relation: "女儿", Phone: samplePhone(500_000 + i),
			Where: fmt.Sprintf("银川市,第%d号超市上班", i), Carer: i%2 == 0, Consent: ledger.Day("2026-01-01").Add(i % 200)})
		b.Pairs = append(b.Pairs, ledger.Pair{ElderID: id, UserID: helper, From: "2026-01-01", To: "2026-12-31"})
	}
	return b
}

// savedByExcel is the workbook of a book as Excel saves it: every text once in the shared strings, cells with their numbers.
func savedByExcel(t testing.TB, b ledger.Book) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	part := func(name string) *bufio.Writer {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		return bufio.NewWriter(w)
	}
	number := map[string]int{}
	var all []string
	share := func(s string) int {
		n, ok := number[s]
		if !ok {
			n = len(all)
			number[s] = n
			all = append(all, s)
		}
		return n
	}
	const main = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"`
	const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	var list, rels, types strings.Builder
	for i, s := range sheets {
		fmt.Fprintf(&list, `<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, s.name, i+1, i+1)
		fmt.Fprintf(&rels, `<Relationship Id="rId%d" Type="%s/worksheet" Target="worksheets/sheet%d.xml"/>`, i+1, office, i+1)
		fmt.Fprintf(&types, `<Override PartName="/xl/worksheets/sheet%d.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>`, i+1)
		w := part(fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1))
		fmt.Fprintf(w, `<worksheet %s><sheetData>`, main)
		row := func(n int, get func(column) string) {
			fmt.Fprintf(w, `<row r="%d">`, n)
			for j, c := range s.columns {
				fmt.Fprintf(w, `<c r="%c%d" t="s"><v>%d</v></c>`, 'A'+j, n, share(get(c)))
			}
			io.WriteString(w, `</row>`)
		}
		row(1, func(c column) string { return c.name })
		n := 1
		for l := range s.lines(b, today) {
			n++
			row(n, func(c column) string { return c.get(l) })
		}
		io.WriteString(w, `</sheetData></worksheet>`)
		w.Flush()
	}
	w := part("xl/sharedStrings.xml")
	fmt.Fprintf(w, `<sst %s>`, main)
	for _, s := range all {
		io.WriteString(w, `<si><t xml:space="preserve">`)
		xml.EscapeText(w, []byte(s))
		io.WriteString(w, `</t></si>`)
	}
	io.WriteString(w, `</sst>`)
	w.Flush()
	for name, text := range map[string]string{
		"xl/workbook.xml":            `<workbook ` + main + `><sheets>` + list.String() + `</sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` + rels.String() + `<Relationship Id="rId99" Type="` + office + `/sharedStrings" Target="sharedStrings.xml"/></Relationships>`,
		"_rels/.rels":                `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="` + office + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"[Content_Types].xml":        `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` + types.String() + `</Types>`,
	} {
		w := part(name)
		io.WriteString(w, text)
		w.Flush()
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// BenchmarkRead50k reads what Excel would save of 50,000 elders, and tells the highest the process rose meanwhile and what is
// left of it: an import has 300 MB for this and for comparing it with the database.
func BenchmarkRead50k(b *testing.B) {
	path := b.TempDir() + "/county.xlsx"
	if err := os.WriteFile(path, savedByExcel(b, fullCounty(50_000)), 0o600); err != nil {
		b.Fatal(err)
	}
	benchmarkRead(b, path)
}

// BenchmarkReadExport50k reads what Write writes.
func BenchmarkReadExport50k(b *testing.B) {
	path := b.TempDir() + "/county.xlsx"
	writeTo(b, path, fullCounty(50_000))
	benchmarkRead(b, path)
}

func benchmarkRead(b *testing.B, path string) {
	before := startPeak(b)
	var book ledger.Book
	for b.Loop() {
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		var faults []Fault
		book, faults, err = Read(f, Known{})
		if err := errors.Join(err, f.Close()); err != nil || len(faults) > 0 || len(book.Elders) != 50_000 {
			b.Fatal(err, len(faults), faults[:min(3, len(faults))])
		}
	}
	b.ReportMetric(resident(b, "VmHWM"), "MB-peak")
	debug.FreeOSMemory()
	b.ReportMetric(resident(b, "VmRSS")-before, "MB-book")
	runtime.KeepAlive(book)
}

// BenchmarkWrite50k exports them; the peak includes the book itself.
func BenchmarkWrite50k(b *testing.B) {
	book := fullCounty(50_000)
	path := b.TempDir() + "/county.xlsx"
	before := startPeak(b)
	for b.Loop() {
		writeTo(b, path, book)
	}
	b.ReportMetric(before, "MB-before")
	b.ReportMetric(resident(b, "VmHWM"), "MB-peak")
}

func writeTo(b *testing.B, path string, book ledger.Book) {
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(Write(f, book, today), f.Close()); err != nil {
		b.Fatal(err)
	}
}

// startPeak gives back what the preparations took and lets the kernel begin a new peak.
func startPeak(b *testing.B) float64 {
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Fatal(err)
	}
	return resident(b, "VmRSS")
}

func resident(b *testing.B, what string) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, what+":"); ok {
			var kb float64
			fmt.Sscan(rest, &kb)
			return kb / 1024
		}
	}
	b.Fatal("no " + what)
	return 0
}
