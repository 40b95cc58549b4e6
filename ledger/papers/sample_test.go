package papers

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"xunfang/ledger"
)

const today = ledger.Day("2026-03-20")

// read reads a workbook that must be readable.
func read(t testing.TB, raw []byte, known Known) (ledger.Book, []string) {
	t.Helper()
	b, faults, err := Read(bytes.NewReader(raw), known)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range faults {
		lines = append(lines, f.String())
	}
	return b, lines
}

func TestSampleGoesThroughTheWorkbook(t *testing.T) {
	for _, day := range []ledger.Day{today, "2028-02-29", "2026-12-31", "2027-01-01"} {
		var file bytes.Buffer
		if err := SampleWorkbook(&file, day); err != nil {
			t.Fatal(err)
		}
		b, faults := read(t, file.Bytes(), Known{})
		if faults != nil {
			t.Fatalf("%s: %s", day, strings.Join(faults, "\n"))
		}
		if diff := cmp.Diff(Sample(day), b, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s: %s", day, diff)
		}
	}
}

func TestSampleCounty(t *testing.T) {
	b := Sample(today)
	r := ledger.NewRoster(b)
	if len(b.Elders) != 60 || len(b.Assignments) != 60 || len(b.Tierings) != 60 {
		t.Fatalf("%d elders, %d assignments, %d tiers", len(b.Elders), len(b.Assignments), len(b.Tierings))
	}
	phones := map[string]bool{}
	for i, e := range b.Elders {
		if len(e.ID) > 6 || strings.Trim(e.ID, "A0123456789") != "" {
			t.Errorf("number %q does not fit a record number", e.ID)
		}
		if age := e.Birth.Age(today); age < 66 || age > 93 || rowsOf(sampleElders)[i][3] != itoa(age) {
			t.Errorf("%s is %d", e.ID, age)
		}
		if !strings.HasPrefix(e.IDNumber, "000000") || !strings.HasPrefix(e.Phone, "1390000") || phones[e.Phone] {
			t.Errorf("%s could be somebody: %s %s", e.ID, e.IDNumber, e.Phone)
		}
		phones[e.Phone] = true
		if female := (e.IDNumber[16]-'0')%2 == 0; female != (e.Gender == "女") {
			t.Errorf("%s: gender and identity number differ", e.ID)
		}
		if r.Place(e) != rowsOf(sampleElders)[i][4] {
			t.Errorf("%s lives in %s", e.ID, r.Place(e))
		}
	}
	for _, p := range b.Posts {
		if n := len(r.Assigned(p.UserID, today)); p.Role == ledger.RoleVisitor && (n < 6 || n > 12) {
			t.Errorf("%s has %d elders", p.UserID, n)
		}
	}
	var both []string
	for _, e := range r.Assigned("wangfang", today) {
		if e.Name == "马秀兰" {
			both = append(both, r.Place(e))
		}
	}
	if !slices.Equal(both, []string{"望远村一组", "通桥村二组"}) {
		t.Errorf("王芳's 马秀兰 live in %v", both)
	}
}

func itoa(n int) string { return string([]byte{'0' + byte(n/10), '0' + byte(n%10)}) }

func TestSampleEntriesFitTheCounty(t *testing.T) {
	for _, day := range []ledger.Day{today, "2026-03-01", "2026-01-31", "2028-02-29"} {
		r := ledger.NewRoster(Sample(day))
		nos, months := map[string]bool{}, map[ledger.Period]int{}
		for _, e := range SampleEntries(day) {
			if nos[e.No] || !strings.HasPrefix(e.Key, "sample/") || !strings.HasSuffix(e.No, "-"+e.ElderID) || len(e.No) > 16 {
				t.Errorf("%s: record %s, %s", day, e.No, e.Key)
			}
			nos[e.No] = true
			if e.Day >= day || ledger.DayOf(e.EnteredAt, e.EnteredAt.Location()) != e.Day {
				t.Errorf("%s: a visit on %s entered at %s", day, e.Day, e.EnteredAt)
			}
			if !slices.Contains(r.Visitors(e.ElderID, day), e.UserID) {
				t.Errorf("%s: %s visited %s", day, e.UserID, e.ElderID)
			}
			if e.RoomTemp != nil && e.Method != ledger.MethodDoor {
				t.Errorf("a temperature by phone: %s", e.No)
			}
			months[ledger.MonthOf(e.Day)]++
		}
		want := 4
		if day[8:] != "01" {
			want = 5
		}
		if len(months) != want {
			t.Errorf("%s: visits in %v", day, months)
		}
	}
}
