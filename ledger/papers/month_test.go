package papers

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"pgregory.net/rapid"

	"xunfang/ledger"
)

func drawn(t interface{ Fatalf(string, ...any) }, m MonthChart) ([]byte, image.Image) {
	var b bytes.Buffer
	if err := Month(&b, m); err != nil {
		t.Fatalf("%v", err)
	}
	img, err := png.Decode(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatalf("decode the picture: %v", err)
	}
	return b.Bytes(), img
}

func has(img image.Image, c color.RGBA) bool {
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if color.RGBAModel.Convert(img.At(x, y)) == c {
				return true
			}
		}
	}
	return false
}

// anyWords are names and reasons as people write them, and as they do not.
var anyWords = rapid.OneOf(
	rapid.SampledFrom([]string{"", "马秀兰", "李㛃", "阿拉坦图雅", "阿依古丽·买买提", "欧阳修文", "𬸦\u200d𠮷👵🏼", "a\nb\x00c\xff", "，、。；：", "      "}),
	rapid.String(),
	rapid.StringOfN(rapid.RuneFrom([]rune("马王李张额尔敦巴雅翀玥祎，、。 1Wi")), 0, 120, -1))

func charts(rt *rapid.T) MonthChart {
	year, at := rapid.IntRange(0, 9999).Draw(rt, "year"), rapid.IntRange(1, 12).Draw(rt, "month")
	month := ledger.MonthOf(ledger.NewDay(year, time.Month(at), 1))
	day := rapid.Custom(func(rt *rapid.T) ledger.Day { return month.First().Add(rapid.IntRange(-3, 33).Draw(rt, "day")) })
	visit := rapid.Custom(func(rt *rapid.T) MonthVisit { return MonthVisit{day.Draw(rt, "seen"), anyWords.Draw(rt, "name")} })
	gap := rapid.Custom(func(rt *rapid.T) MonthGap {
		return MonthGap{anyWords.Draw(rt, "name"), rapid.IntRange(-1, 99).Draw(rt, "more"), anyWords.Draw(rt, "reason")}
	})
	return MonthChart{Month: month, Whose: anyWords.Draw(rt, "whose"), Today: day.Draw(rt, "today"), Last: day.Draw(rt, "last"),
		Seen: rapid.SliceOfN(visit, 0, 60).Draw(rt, "visits"), Missing: rapid.SliceOfN(gap, 0, 80).Draw(rt, "gaps"),
		Enough: rapid.IntRange(0, 500).Draw(rt, "enough")}
}

func TestMonthDrawsAnything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := charts(rt)
		_, img := drawn(rt, m)
		size := img.Bounds().Size()
		if size.X != monthWidth || size.Y < 400 || size.Y > monthTallest {
			rt.Fatalf("the picture is %v", size)
		}
		for y := range size.Y {
			for _, x := range []int{0, monthSide - 2, monthWidth - monthSide + 1, monthWidth - 1} { // the grid's outer lines are between
				if color.RGBAModel.Convert(img.At(x, y)) != paper {
					rt.Fatalf("something stands at the edge: %d, %d", x, y)
				}
			}
		}
		for x := range size.X { // what is cut off at the foot would be ink there
			if color.RGBAModel.Convert(img.At(x, size.Y-1)) != paper {
				rt.Fatalf("something is cut off at the foot: %d", x)
			}
		}
	})
}

func TestWrapKeepsWidthAndWords(t *testing.T) {
	p, err := newPicture()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		s := p.clean(anyWords.Draw(rt, "words"))
		width, most := rapid.IntRange(80, 700).Draw(rt, "width"), rapid.IntRange(1, 4).Draw(rt, "lines")
		lines := p.wrap(p.label, width, s, most)
		if len(lines) == 0 || len(lines) > most {
			rt.Fatalf("%d lines", len(lines))
		}
		for _, line := range lines {
			if w := font.MeasureString(p.label, line).Ceil(); w > width {
				rt.Fatalf("%q is %d wide, want %d at most", line, w, width)
			}
		}
		all := strings.Join(lines, "")
		if short := strings.TrimSuffix(all, "…"); all != s && !strings.HasPrefix(s, short) {
			rt.Fatalf("%q became %q", s, lines)
		}
	})
}

// A name in front of somebody must be that name: no empty boxes.
func TestEveryCharacterOfANameCanBeDrawn(t *testing.T) {
	f, err := letters()
	if err != nil {
		t.Fatal(err)
	}
	var buf sfnt.Buffer
	missing := func(chars string) (none []string) {
		for _, r := range chars {
			if i, err := f.GlyphIndex(&buf, r); err != nil || i == 0 {
				none = append(none, fmt.Sprintf("%c %U", r, r))
			}
		}
		return none
	}
	between := func(from, to rune) string {
		var b strings.Builder
		for r := from; r <= to; r++ {
			b.WriteRune(r)
		}
		return b.String()
	}
	for what, chars := range map[string]string{
		"of names":                  "㛃䶮翀玥珺祎赟婻喆堃垚犇淼骉燚㛅䲜𬭎𬸦𬍛𬀩𬱖𫖯𨱏·•",
		"of GBK":                    between(0x4E00, 0x9FA5),
		"of extension A in GB18030": between(0x3400, 0x4DB5),
		"of our own words":          "年月日一二三四五六今天截止还差位次各已看够✓+1…、。〓「」0123456789格里是当的老人另有没列出等不这个要",
	} {
		if none := missing(chars); len(none) > 0 {
			t.Errorf("%d characters %s have no shape: %.20q", len(none), what, none)
		}
	}
	if none := missing("\u1820\u0627👵"); len(none) != 3 {
		t.Errorf("the list of what is missing is wrong: only %q", none)
	}
}

func TestCleanLeavesNoBoxes(t *testing.T) {
	p, err := newPicture()
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"马秀兰": "马秀兰", " 马\t秀\n兰 ": "马 秀 兰", "李㛃": "李㛃", "李\u1820": "李〓", "👵王": "〓王", "a\x00b\u200dc\u202e": "abc", "\xff": "〓",
	} {
		if got := p.clean(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestWordsAreDrawn(t *testing.T) {
	base := MonthChart{Month: "2028-02", Whose: "王秀英", Today: "2028-02-10", Seen: []MonthVisit{{"2028-02-29", "李㛃"}},
		Missing: []MonthGap{{"马秀兰", 1, "只打过电话"}}, Enough: 2}
	was, _ := drawn(t, base)
	for what, change := range map[string]func(*MonthChart){
		"whose":          func(m *MonthChart) { m.Whose = "王秀兰" },
		"the month":      func(m *MonthChart) { m.Month, m.Seen[0].Day = "2028-03", "2028-03-29" },
		"today":          func(m *MonthChart) { m.Today = "2028-02-11" },
		"the last day":   func(m *MonthChart) { m.Last = "2028-02-25" },
		"a rare name":    func(m *MonthChart) { m.Seen[0].Name = "李䶮" },
		"the day seen":   func(m *MonthChart) { m.Seen[0].Day = "2028-02-28" },
		"one more seen":  func(m *MonthChart) { m.Seen = append(m.Seen, m.Seen[0], m.Seen[0]) },
		"who is missing": func(m *MonthChart) { m.Missing[0].Name = "马秀英" },
		"how often":      func(m *MonthChart) { m.Missing[0].More = 2 },
		"why":            func(m *MonthChart) { m.Missing[0].Reason = "还没看过" },
		"enough":         func(m *MonthChart) { m.Enough = 3 },
	} {
		m := base
		m.Seen, m.Missing = slices.Clone(base.Seen), slices.Clone(base.Missing)
		change(&m)
		if is, _ := drawn(t, m); bytes.Equal(is, was) {
			t.Errorf("%s changed, and the picture did not", what)
		}
	}
	other := base
	other.Seen = append([]MonthVisit{{"2028-01-31", "别的月"}, {"", "不知哪天"}}, base.Seen...)
	if is, _ := drawn(t, other); !bytes.Equal(is, was) {
		t.Error("visits of other months are shown")
	}
}

func TestTodayAndTheLastDayAreMarked(t *testing.T) {
	m := MonthChart{Month: "2026-03", Today: "2026-03-11", Seen: []MonthVisit{{"2026-03-31", "马秀兰"}}}
	_, img := drawn(t, m)
	// 11 March 2026 is a Wednesday, in the third week: its frame is four pixels thick.
	frame := 0
	for y := range img.Bounds().Dy() {
		if color.RGBAModel.Convert(img.At(monthSide+2*cellWidth+1, y)) == pine {
			frame++
		}
	}
	if frame < cellTop+cellLine {
		t.Errorf("the frame of today is %d pixels high", frame)
	}
	m.Today = "2026-04-01"
	if _, img = drawn(t, m); has(img, pine) {
		t.Error("today is marked in a month it is not in")
	}
	if !has(img, amber) || has(img, lastOn) {
		t.Error("want the last day, on which somebody was seen, marked by its word alone")
	}
	m.Last = "2026-03-30"
	if _, img = drawn(t, m); !has(img, amber) || !has(img, lastOn) {
		t.Error("the last day is not marked")
	}
}

func TestEveryDayStandsOnceUnderItsWeekday(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := charts(rt)
		next := m.Month.First()
		weeks := squares(m)
		for _, week := range weeks {
			for i, c := range week {
				if c.day == "" {
					continue
				}
				if c.day != next || int(c.day.Time().Weekday()+6)%7 != i {
					rt.Fatalf("%s stands in column %d, where %s is due", c.day, i, next)
				}
				seen := 0
				for _, v := range m.Seen {
					if v.Day == c.day {
						seen++
					}
				}
				if len(c.names) > namesPerDay || len(c.names)+c.more != seen {
					rt.Fatalf("%s shows %d names and +%d of %d", c.day, len(c.names), c.more, seen)
				}
				next = next.Add(1)
			}
		}
		if next != m.Month.Last().Add(1) {
			rt.Fatalf("the grid ends before %s", next)
		}
	})
	for month, want := range map[ledger.Period]int{"2027-02": 4, "2028-02": 5, "2026-03": 6, "2026-08": 6} {
		if got := len(squares(MonthChart{Month: month})); got != want {
			t.Errorf("%s has %d weeks, want %d", month, got, want)
		}
	}
}

func TestWhatIsNoMonthIsNotDrawn(t *testing.T) {
	for _, p := range []ledger.Period{"", "2026Q1", "2026H1", "2026", "2026W09", "2026-13", "2026-3", "abcd-ef"} {
		var b bytes.Buffer
		if err := Month(&b, MonthChart{Month: p}); err == nil || b.Len() > 0 {
			t.Errorf("%q was drawn: %d bytes, %v", p, b.Len(), err)
		}
	}
}

// TestContrast: WCAG 2 asks for 4.5 between letters and their ground, 3 for the frame that marks today.
func TestContrast(t *testing.T) {
	luminance := func(c color.RGBA) float64 {
		linear := func(v uint8) float64 {
			if s := float64(v) / 255; s > 0.04045 {
				return math.Pow((s+0.055)/1.055, 2.4)
			} else {
				return s / 12.92
			}
		}
		return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
	}
	for name, on := range map[string]struct {
		ground color.RGBA
		inks   []color.RGBA
	}{
		"paper": {paper, []color.RGBA{ink, soft, pine, amber, alarm}}, "heading": {blank, []color.RGBA{soft}},
		"seen": {seenOn, []color.RGBA{ink, soft, pine, amber}}, "last day": {lastOn, []color.RGBA{ink, pine, amber}},
	} {
		for _, c := range on.inks {
			light, dark := luminance(on.ground)+0.05, luminance(c)+0.05
			if light/dark < 4.5 {
				t.Errorf("%v on %s: contrast %.1f", c, name, light/dark)
			}
		}
	}
}

func TestMonthsAreDrawnAtOnce(t *testing.T) {
	m := busyMonth()
	want, _ := drawn(t, m)
	var g sync.WaitGroup
	for range 4 {
		g.Go(func() {
			var b bytes.Buffer
			if err := Month(&b, m); err != nil || !bytes.Equal(b.Bytes(), want) {
				t.Errorf("another picture of the same month: %v", err)
			}
		})
	}
	g.Wait()
}

// busyMonth is a visitor with 45 elders.
func busyMonth() MonthChart {
	m := MonthChart{Month: "2026-08", Whose: "王秀英", Today: "2026-08-20", Last: "2026-08-28", Enough: 12}
	for i := range 45 {
		name := []string{"马", "王", "李", "欧阳", "额尔敦巴雅"}[i%5] + string([]rune("兰英翀玥䶮珺祎赟芳")[i%9])
		m.Seen = append(m.Seen, MonthVisit{ledger.NewDay(2026, 8, 1+i*7%20), name})
		if i > 11 {
			m.Missing = append(m.Missing, MonthGap{name, 1 + i/40, "只打过电话,还要上门一次"})
		}
	}
	return m
}

func BenchmarkMonth(b *testing.B) {
	if _, err := letters(); err != nil { // unpacked once in a process
		b.Fatal(err)
	}
	m := busyMonth()
	size := 0
	for b.Loop() {
		var out bytes.Buffer
		if err := Month(&out, m); err != nil {
			b.Fatal(err)
		}
		size = out.Len()
	}
	b.ReportMetric(float64(size), "bytes/picture")
}
