package papers

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"

	"xunfang/ledger"
)

// MonthChart is what one person's month at a glance shows. It is all values: who may see whom is settled before.
type MonthChart struct {
	Month   ledger.Period // a calendar month, "2026-02"
	Whose   string        // 王秀英
	Today   ledger.Day    // framed, where it lies in the month
	Last    ledger.Day    // the last day on which a visit still counts; unknown: the month's last
	Seen    []MonthVisit  // one for each elder and day, in the order to be shown; of other months nothing is shown
	Missing []MonthGap    // most urgent first; neighbours that lack the same for the same reason are shown together
	Enough  int           // elders seen often enough
}

// MonthVisit says that somebody was seen.
type MonthVisit struct {
	Day  ledger.Day
	Name string
}

// MonthGap is an elder who is not seen often enough yet.
type MonthGap struct {
	Name   string
	More   int    // visits that are lacking
	Reason string // 只打过电话,还要上门一次
}

// The picture in pixels: as wide as a cheap phone's screen shows it undiminished, with letters of at least 24 px.
const (
	monthWidth   = 720
	monthTallest = 4096 // whatever the lists hold; what is left out is counted
	monthSide    = 10   // left and right of the grid, so that four characters fill a square
	monthMargin  = 24   // left and right of the words
	cellWidth    = (monthWidth - 2*monthSide) / 7
	namesPerDay  = 2
	lineThick    = 2 // a phone may show the picture at half its size
)

// The colours, each legible on each ground it stands on by WCAG 2 AA; no sign is a colour alone.
var (
	paper  = color.RGBA{0xFF, 0xFF, 0xFF, 0xFF}
	blank  = color.RGBA{0xF1, 0xF4, 0xF5, 0xFF} // days of other months, the heading of the grid
	lastOn = color.RGBA{0xFF, 0xF3, 0xE0, 0xFF} // the last day, where nobody was seen
	seenOn = color.RGBA{0xE3, 0xF1, 0xEA, 0xFF}
	lineOf = color.RGBA{0xC9, 0xD2, 0xD6, 0xFF}
	ink    = color.RGBA{0x1F, 0x2A, 0x30, 0xFF}
	soft   = color.RGBA{0x50, 0x5D, 0x65, 0xFF}
	pine   = color.RGBA{0x1C, 0x5A, 0x47, 0xFF}
	amber  = color.RGBA{0x87, 0x48, 0x00, 0xFF}
)

// Month draws a visitor's month at a glance: a calendar with who was seen when, and who is still owed what. It is a PNG
// 720 pixels wide and as tall as it needs to be.
func Month(w io.Writer, m MonthChart) error {
	if len(m.Month) != len("2006-01") || m.Month.First().Month() == 0 || ledger.MonthOf(m.Month.First()) != m.Month {
		return fmt.Errorf("draw a month: %q is no calendar month", m.Month)
	}
	p, err := newPicture()
	if err != nil {
		return fmt.Errorf("draw a month: %w", err)
	}
	p.heading(m)
	p.calendar(m)
	p.lists(m)
	return p.encode(w)
}

func (p *picture) heading(m MonthChart) {
	first := m.Month.First().Time()
	p.y += 16
	p.block(p.title, ink, fmt.Sprintf("%d年%d月 %s", first.Year(), int(first.Month()), m.Whose), 2)
	p.y += 12
}

// square is a day of the grid: its number with words beside it, and below it names.
type square struct {
	day   ledger.Day
	today bool
	last  bool
	names []string
	more  int
}

// squares are the weeks from Monday to Sunday; days of other months are empty.
func squares(m MonthChart) [][7]square {
	seen := map[ledger.Day][]string{}
	for _, v := range m.Seen {
		seen[v.Day] = append(seen[v.Day], v.Name)
	}
	last := m.Last
	if last == "" {
		last = m.Month.Last()
	}
	first := m.Month.First()
	days := m.Month.Last().Sub(first) + 1
	before := (int(first.Time().Weekday()) + 6) % 7 // since Monday
	weeks := make([][7]square, (before+days+6)/7)
	for n := range days {
		c := square{day: first.Add(n)}
		c.today, c.last = c.day == m.Today, c.day == last
		c.names = seen[c.day]
		if len(c.names) > namesPerDay {
			c.names, c.more = c.names[:namesPerDay], len(c.names)-namesPerDay
		}
		weeks[(before+n)/7][(before+n)%7] = c
	}
	return weeks
}

// lines is how many lines stand below the day's number.
func (c square) lines() int {
	n := len(c.names)
	if c.more > 0 {
		n++
	}
	if c.today && c.last {
		n++
	}
	return n
}

const (
	cellTop  = 38 // the number's line
	cellLine = 30
	cellFoot = 8
	headLine = 40
)

func (p *picture) calendar(m MonthChart) {
	p.fill(monthSide, p.y, 7*cellWidth, headLine, blank)
	for i, name := range []string{"一", "二", "三", "四", "五", "六", "日"} {
		p.centred(p.small, soft, monthSide+i*cellWidth, p.y+29, cellWidth, name)
	}
	p.y += headLine
	top := p.y
	hidden := false
	for _, week := range squares(m) {
		lines := 1 // an empty week is a week, too
		for _, c := range week {
			lines = max(lines, c.lines())
		}
		height := cellTop + lines*cellLine + cellFoot
		for i, c := range week {
			p.square(monthSide+i*cellWidth, p.y, height, c)
			hidden = hidden || c.more > 0
		}
		p.fill(monthSide, p.y-1, 7*cellWidth, lineThick, lineOf)
		p.y += height
	}
	p.fill(monthSide, p.y-1, 7*cellWidth, lineThick, lineOf)
	for i := range 8 {
		p.fill(monthSide+i*cellWidth-1, top-1, lineThick, p.y-top+lineThick, lineOf)
	}
	if p.today != nil { // over the lines of the grid
		p.frame(*p.today, 4, pine)
	}
	p.y += 14
	note := "格里是当天看过的老人。"
	if hidden {
		note = "格里是当天看过的老人,+1是另有1位。"
	}
	if len(m.Seen) > 0 {
		p.block(p.small, soft, note, 1)
	}
}

func (p *picture) square(x, y, height int, c square) {
	switch {
	case c.day == "":
		p.fill(x, y, cellWidth, height, blank)
		return
	case len(c.names) > 0:
		p.fill(x, y, cellWidth, height, seenOn)
	case c.last:
		p.fill(x, y, cellWidth, height, lastOn)
	}
	if c.today {
		p.today = &image.Rectangle{image.Pt(x, y), image.Pt(x+cellWidth+1, y+height+1)}
	}
	at := y + 31
	p.text(p.label, ink, x+8, at, fmt.Sprint(c.day.Time().Day()))
	tag := func(c color.Color, word string) { p.text(p.small, c, x+cellWidth-8-p.wide(p.small, word), at, word) }
	if c.today {
		tag(pine, "今天")
	}
	if c.last {
		if c.today {
			at += cellLine
		}
		tag(amber, "截止")
	}
	for _, name := range c.names {
		at += cellLine
		p.centred(p.small, ink, x, at, cellWidth, p.fit(p.small, cellWidth-4, p.clean(name)))
	}
	if c.more > 0 {
		p.centred(p.small, soft, x, at+cellLine, cellWidth, fmt.Sprintf("+%d", c.more))
	}
}

// lists are who is still owed a visit, and how many are not.
func (p *picture) lists(m MonthChart) {
	p.y += 18
	switch {
	case len(m.Missing) == 0 && m.Enough == 0:
		p.block(p.head, ink, "这个月没有要看的老人。", 1)
	case len(m.Missing) == 0:
		p.block(p.head, pine, fmt.Sprintf("✓ 已看够%d位,一位不差。", m.Enough), 1)
	default:
		p.block(p.head, amber, fmt.Sprintf("还差%d位", len(m.Missing)), 1)
		p.missing(m.Missing)
		p.rule()
		if m.Enough > 0 {
			p.block(p.head, pine, fmt.Sprintf("✓ 已看够%d位", m.Enough), 1)
		}
	}
	p.y += 20
}

// missing shows those who lack the same for the same reason as one paragraph of names; forty reasons would be no glance.
func (p *picture) missing(gaps []MonthGap) {
	for len(gaps) > 0 {
		n := 1
		for n < len(gaps) && gaps[n].More == gaps[0].More && gaps[n].Reason == gaps[0].Reason {
			n++
		}
		if p.y > monthTallest-700 { // room for one more paragraph and the end
			p.y += 10
			p.block(p.label, soft, fmt.Sprintf("另有%d位没列出。", len(gaps)), 1)
			return
		}
		p.rule()
		left := p.names(gaps[:n])
		why := fmt.Sprintf("差%d次", gaps[0].More)
		if n > 1 {
			why = fmt.Sprintf("%d位各差%d次", n, gaps[0].More)
		}
		if reason := p.clean(gaps[0].Reason); reason != "" {
			why += ":" + reason
		}
		if left > 0 {
			why = fmt.Sprintf("等,另有%d位没列出。", left) + why
		}
		p.block(p.label, soft, why, 3)
		gaps = gaps[n:]
	}
}

// names sets names one after the other, none broken in two, and says how many found no room.
func (p *picture) names(gaps []MonthGap) (left int) {
	const mark, width, most = "、", monthWidth - 2*monthMargin, 12
	line, lines := "", 0
	for i, g := range gaps {
		name := p.fit(p.list, width, p.clean(g.Name))
		if i+1 < len(gaps) {
			name = p.fit(p.list, width-p.wide(p.list, mark), p.clean(g.Name)) + mark
		}
		if line != "" && p.wide(p.list, line+name) > width {
			p.block(p.list, ink, line, 1)
			line = ""
			if lines++; lines == most {
				return len(gaps) - i
			}
		}
		line += name
	}
	p.block(p.list, ink, line, 1)
	return 0
}

// picture is one in the making: what is drawn waits until its height is known.
type picture struct {
	font  *sfnt.Font
	buf   sfnt.Buffer
	title font.Face // 38 px
	head  font.Face // 32 px
	list  font.Face // 30 px
	label font.Face // 26 px
	small font.Face // 24 px
	y     int       // where the next line goes
	today *image.Rectangle
	acts  []func(*image.RGBA)
}

func newPicture() (*picture, error) {
	f, err := letters()
	if err != nil {
		return nil, err
	}
	p := &picture{font: f}
	for face, size := range map[*font.Face]float64{&p.title: 38, &p.head: 32, &p.list: 30, &p.label: 26, &p.small: 24} {
		// At 72 dpi a point is a pixel. A face has a buffer of its own and is for one goroutine.
		smooth, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
		if err != nil {
			return nil, err
		}
		*face = coarse{smooth}
	}
	return p, nil
}

func (p *picture) encode(w io.Writer) error {
	img := image.NewRGBA(image.Rect(0, 0, monthWidth, min(p.y, monthTallest)))
	draw.Draw(img, img.Rect, image.NewUniform(paper), image.Point{}, draw.Src)
	for _, act := range p.acts {
		act(img)
	}
	if err := png.Encode(w, fewColours(img)); err != nil {
		return fmt.Errorf("write the picture of a month: %w", err)
	}
	return nil
}

func (p *picture) fill(x, y, w, h int, c color.Color) {
	p.acts = append(p.acts, func(img *image.RGBA) {
		draw.Draw(img, image.Rect(x, y, x+w, y+h), image.NewUniform(c), image.Point{}, draw.Src)
	})
}

// rule is a line between paragraphs.
func (p *picture) rule() {
	p.fill(monthMargin, p.y+8, monthWidth-2*monthMargin, lineThick, lineOf)
	p.y += 18
}

func (p *picture) frame(r image.Rectangle, thick int, c color.Color) {
	p.fill(r.Min.X, r.Min.Y, r.Dx(), thick, c)
	p.fill(r.Min.X, r.Max.Y-thick, r.Dx(), thick, c)
	p.fill(r.Min.X, r.Min.Y, thick, r.Dy(), c)
	p.fill(r.Max.X-thick, r.Min.Y, thick, r.Dy(), c)
}

// text sets clean words on a base line.
func (p *picture) text(face font.Face, c color.Color, x, base int, words string) {
	p.acts = append(p.acts, func(img *image.RGBA) {
		d := font.Drawer{Dst: img, Src: image.NewUniform(c), Face: face, Dot: fixed.P(x, base)}
		d.DrawString(words)
	})
}

func (p *picture) centred(face font.Face, c color.Color, x, base, width int, words string) {
	p.text(face, c, x+(width-p.wide(face, words))/2, base, words)
}

// block sets words at the margin in at most so many lines, and moves on below them.
func (p *picture) block(face font.Face, c color.Color, words string, lines int) {
	size := face.Metrics().Ascent.Ceil()
	for _, line := range p.wrap(face, monthWidth-2*monthMargin, p.clean(words), lines) {
		p.text(face, c, monthMargin, p.y+size, line)
		p.y += size * 5 / 4
	}
}

func (p *picture) wide(face font.Face, words string) int {
	return font.MeasureString(face, words).Ceil()
}

func (p *picture) wrap(face font.Face, width int, words string, lines int) []string {
	return wrap(func(s string) int { return p.wide(face, s) }, width, words, lines)
}

func (p *picture) fit(face font.Face, width int, words string) string {
	return fit(func(s string) int { return p.wide(face, s) }, width, words)
}

func (p *picture) clean(words string) string { return clean(p.font, &p.buf, words) }
