package ledger

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	signsZone = time.FixedZone("Asia/Shanghai", 8*3600)
	nineOne   = time.Date(2026, 3, 11, 9, 2, 0, 0, signsZone)
)

// noted is a record of the day, n-th elder, entered at a moment.
func noted(n int, at time.Time) Record {
	day := DayOf(at, signsZone)
	id := fmt.Sprintf("E%03d", n)
	return Record{Entry: Entry{Key: fmt.Sprintf("k%d/%d", n, at.Unix()), No: "260311-" + id, Kind: KindVisit, ElderID: id, UserID: "wangfang",
		Day: day, Method: MethodDoor, Outcome: OutcomeOK, EnteredAt: at.UTC(), Version: 1}}
}

// row is n records one gap apart, changed as told.
func row(n int, from time.Time, gap time.Duration, change ...func(i int, r *Record)) []Record {
	var out []Record
	for i := range n {
		r := noted(i, from.Add(time.Duration(i)*gap))
		for _, f := range change {
			f(i, &r)
		}
		out = append(out, r)
	}
	return out
}

func nowhere(string) (lon, lat float64, ok bool) { return 0, 0, false }

// alongARoad puts elder n at n times so many km to the north.
func alongARoad(km float64) func(string) (float64, float64, bool) {
	return func(id string) (float64, float64, bool) {
		var n int
		_, err := fmt.Sscanf(id, "E%d", &n)
		return 106, 38 + float64(n)*km/111.195, err == nil
	}
}

func TestSigns(t *testing.T) {
	text := func(s string) func(int, *Record) {
		return func(_ int, r *Record) { r.Note = s }
	}
	found := func(s string) func(int, *Record) {
		return func(_ int, r *Record) { r.Findings = []Finding{{Item: "gas", Note: s, State: FindingReported}} }
	}
	both := func(a, b []Record) []Record { return append(slices.Clone(a), b...) }
	for _, c := range []struct {
		name    string
		records []Record
		place   func(string) (float64, float64, bool)
		want    string // kind, number of records and facts
	}{
		{"forty-three in an hour", both(row(23, nineOne, 20*time.Second), row(43, nineOne.Add(20*time.Second), 80*time.Second)[23:]), nowhere,
			"burst 43: 9:02–9:58 记了43次,中间值20秒一次"},
		{"an hour to the second", row(21, nineOne, 3*time.Minute), nowhere, "burst 21: 9:02–10:02 记了21次,中间值3分钟一次"},
		{"twenty within the hour", row(20, nineOne, 3*time.Minute), nowhere, "burst 20: 9:02–9:59 记了20次,中间值3分钟一次"},
		{"nineteen", row(19, nineOne, time.Second), nowhere, ""},
		{"all at once", row(30, nineOne, 0), nowhere, "burst 30: 9:02 记了30次,多数是同时记下的"},
		{"one elder over and over", row(40, nineOne, time.Second, func(i int, r *Record) { r.ElderID = "E001" }), nowhere, ""},
		{"twenty in an hour and a minute", row(20, nineOne, 195*time.Second), nowhere, ""},
		{"paper of yesterday", row(43, nineOne, 20*time.Second, func(_ int, r *Record) { r.Day = r.Day.Add(-1) }), nowhere, ""},
		{"late with a reason", row(43, nineOne, 20*time.Second, func(_ int, r *Record) { r.Late = "没有信号" }), nowhere, ""},
		{"undone", row(43, nineOne, 20*time.Second, func(_ int, r *Record) { r.Outcome = OutcomeUndone }), nowhere, ""},
		{"undone down to nineteen", row(43, nineOne, 20*time.Second, func(i int, r *Record) {
			if i >= 19 {
				r.Outcome = OutcomeUndone
			}
		}), nowhere, ""},
		{"the fuller of two hours", both(row(20, nineOne, time.Minute), row(21, nineOne.Add(5*time.Hour), 90*time.Second)), nowhere,
			"burst 21: 14:02–14:32 记了21次,中间值1分30秒一次"},
		{"one text", row(8, nineOne, 10*time.Minute, text("精神不错,屋里干净。")), nowhere, "copied 8: 8位老人写的是同一句话,8个字"},
		{"one text, typed otherwise", row(8, nineOne, 10*time.Minute, func(i int, r *Record) {
			r.Note = []string{"精神不错,屋里干净", " 精神不错，屋里 干净！"}[i%2]
		}), nowhere, "copied 8: 8位老人写的是同一句话,8个字"},
		{"one finding", row(9, nineOne, 10*time.Minute, found("烟筒接口漏烟")), nowhere, "copied 9: 9位老人写的是同一句话,6个字"},
		{"one text for yesterday", row(9, nineOne, 10*time.Minute, text("烟筒接口漏烟"), func(_ int, r *Record) { r.Day = r.Day.Add(-1) }), nowhere,
			"copied 9: 9位老人写的是同一句话,6个字"},
		{"a finding withdrawn", row(9, nineOne, 10*time.Minute, found("烟筒接口漏烟"), func(_ int, r *Record) {
			r.Findings[0].State = FindingWithdrawn
		}), nowhere, ""},
		{"seven with one text", row(7, nineOne, 10*time.Minute, text("精神不错,屋里干净")), nowhere, ""},
		{"a few words", row(9, nineOne, 10*time.Minute, text("没人在家。")), nowhere, ""},
		{"nothing written", row(9, nineOne, 10*time.Minute), nowhere, ""},
		{"one text, one elder", row(9, nineOne, 10*time.Minute, text("精神不错,屋里干净"), func(i int, r *Record) { r.ElderID = "E001" }), nowhere, ""},
		{"ten km in five minutes", row(5, nineOne, 5*time.Minute), alongARoad(10), "haste 5: 4处前后两次上门:相距10公里,间隔5分钟"},
		{"two such ways", row(3, nineOne, 5*time.Minute), alongARoad(10), ""},
		{"by phone", row(5, nineOne, 5*time.Minute, func(_ int, r *Record) { r.Method = MethodPhone }), alongARoad(10), ""},
		{"as fast as a car", row(5, nineOne, 8*time.Minute), alongARoad(10), ""},
		{"the evening's notes", row(12, nineOne.Add(10*time.Hour), time.Minute), alongARoad(10), ""},
		{"neighbours", row(12, nineOne, 4*time.Minute), alongARoad(.2), ""},
		{"nobody knows where", row(12, nineOne, 4*time.Minute), nowhere, ""},
		{"far apart, of yesterday", row(5, nineOne, 5*time.Minute, func(_ int, r *Record) { r.Day = r.Day.Add(-1) }), alongARoad(10), ""},
		{"nothing", nil, nowhere, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			for _, r := range Signs(c.records, c.place, signsZone) {
				got += fmt.Sprintf("%s %d: %s", r.Kind, len(r.Numbers), r.Facts)
				if want := (Review{Key: string(r.Kind) + "/wangfang/2026-03-11", Kind: r.Kind, UserID: "wangfang",
					Day: "2026-03-11", Numbers: r.Numbers, Facts: r.Facts, State: ReviewOpen, At: r.At}); !reflect.DeepEqual(r, want) || r.At.IsZero() {
					t.Errorf("%+v", r)
				}
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// recordsOfADay are any records of one day, some of one elder, one text or one place.
func recordsOfADay(t *rapid.T) []Record {
	var out []Record
	at := nineOne
	for i := range rapid.IntRange(0, 60).Draw(t, "n") {
		at = at.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 20, 60, 200, 300, 1200}).Draw(t, "gap")) * time.Second)
		r := noted(rapid.IntRange(0, 50).Draw(t, "elder"), at)
		r.Key, r.No = fmt.Sprint("k", i), fmt.Sprintf("260311-%s-%d", r.ElderID, i)
		r.Outcome = rapid.SampledFrom([]Outcome{OutcomeOK, OutcomeOK, OutcomeProblem, OutcomeAbsent, OutcomeUndone}).Draw(t, "outcome")
		r.Method = rapid.SampledFrom([]Method{MethodDoor, MethodDoor, MethodPhone}).Draw(t, "method")
		r.Day = r.Day.Add(-rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "ago"))
		r.Note = rapid.SampledFrom([]string{"", "都好", "马秀兰家屋里干净,精神好", "E001 张桂兰腿疼得厉害"}).Draw(t, "note")
		out = append(out, r)
	}
	return out
}

// The order in which records are read does not matter; a sign names nobody and quotes nothing; its records are the person's and
// stand; what is undone adds nothing.
func TestSignsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := recordsOfADay(t)
		place := alongARoad(rapid.SampledFrom([]float64{0, 3, 10}).Draw(t, "km"))
		signs := Signs(records, place, signsZone)
		shuffled := slices.Clone(records)
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		rnd.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if again := Signs(shuffled, place, signsZone); !reflect.DeepEqual(signs, again) {
			t.Fatalf("another order, other signs:\n%+v\n%+v", signs, again)
		}
		standing := slices.DeleteFunc(slices.Clone(records), func(r Record) bool { return r.Outcome == OutcomeUndone })
		if again := Signs(standing, place, signsZone); !reflect.DeepEqual(signs, again) {
			t.Fatalf("what is undone counts:\n%+v\n%+v", signs, again)
		}
		kinds := map[ReviewKind]bool{}
		for _, s := range signs {
			for _, word := range []string{"马秀兰", "张桂兰", "E0", "106", "38."} {
				if strings.Contains(s.Facts, word) {
					t.Fatalf("%q says %s", s.Facts, word)
				}
			}
			if kinds[s.Kind] || len(s.Numbers) < 4 || len([]rune(s.Facts)) > 40 {
				t.Fatalf("%+v", s)
			}
			kinds[s.Kind] = true
			for i, no := range s.Numbers {
				if slices.Contains(s.Numbers[:i], no) || !slices.ContainsFunc(standing, func(r Record) bool { return r.No == no }) {
					t.Fatalf("%s is twice among the records, or none that stands: %v", no, s.Numbers)
				}
			}
		}
	})
}

// A day as people have them, up to twelve visits at least five minutes apart in one village, gives nothing; nor does any number
// of records of earlier days, each in its own words.
func TestSignsOfHonestWork(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := nineOne
		var day, paper []Record
		for i := range rapid.IntRange(0, 12).Draw(t, "visits") {
			at = at.Add(time.Duration(rapid.IntRange(300, 3000).Draw(t, "gap")) * time.Second)
			r := noted(rapid.IntRange(0, 20).Draw(t, "elder"), at)
			r.No += fmt.Sprint("-", i)
			day = append(day, r)
		}
		for i := range rapid.IntRange(0, 80).Draw(t, "paper") {
			r := noted(i, nineOne.Add(time.Duration(i)*time.Second))
			r.Day, r.Note = r.Day.Add(-1-i%7), fmt.Sprintf("纸上第%d条的话", i)
			paper = append(paper, r)
		}
		for _, records := range [][]Record{day, paper} {
			if s := Signs(records, alongARoad(.3), signsZone); s != nil {
				t.Fatalf("honest work, and signs: %+v", s)
			}
		}
	})
}

// BenchmarkSigns is a day of sixty records.
func BenchmarkSigns(b *testing.B) {
	records := row(60, nineOne, time.Minute, func(_ int, r *Record) { r.Note = "精神不错,屋里干净" })
	b.ReportAllocs()
	for b.Loop() {
		if len(Signs(records, alongARoad(.3), signsZone)) != 2 {
			b.Fatal("not two signs")
		}
	}
}
