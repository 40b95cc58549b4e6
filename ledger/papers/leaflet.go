package papers

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"regexp"
	"slices"
	"strings"

	"xunfang/ledger"
)

// Leaflet is what an elder's contact card (联系卡, 002 五·加强联系) says. It hangs where strangers read it: of the elder it
// has the name and the village and nothing else, and there is no field for health.
type Leaflet struct {
	Elder  string // the name as printed
	Place  string // 望远村一组
	No     string // of the card, to tell a replaced one: "260311-7K2Q"
	Issued ledger.Day
	Lines  []LeafletLine // visitor, village, township, neighbour, child or carer; eight at most
	Link   string        // what the QR holds; "" is no QR, and the card says whom to ask instead
	County string        // who keeps what is recorded: 永宁县民政局
	Note   string        // how it is used, in place of our own words; of a wallet card it is the back
}

// LeafletLine is somebody to call. Without a number there is a line to write one on.
type LeafletLine struct{ Who, Name, Phone string }

// LeafletSize is what a card is printed on.
type LeafletSize int

const (
	SizeWallet LeafletSize = iota + 1 // 85.6×54 mm like a bank card (ISO/IEC 7810 ID-1), for the pocket
	SizeA4                            // for the wall beside the telephone
)

// ErrLeafletLink: the link cannot be a QR that a phone reads off a card of that size.
var ErrLeafletLink = errors.New("the link is no web address, or too long for a QR on a card")

const leafletLines = 8

// PNG is the card's front as a picture that knows its size in millimetres.
func (l Leaflet) PNG(size LeafletSize) ([]byte, error) {
	sides, err := l.sides(size)
	if err != nil {
		return nil, fmt.Errorf("draw a contact card: %w", err)
	}
	b, err := sides[0].png()
	if err != nil {
		return nil, fmt.Errorf("draw a contact card: %w", err)
	}
	return b, nil
}

// PDF is the card in its true size, a page for each side: of a wallet card the front and the back.
func (l Leaflet) PDF(size LeafletSize) ([]byte, error) {
	return PrintLeaflets([]Leaflet{l}, size)
}

// PrintLeaflets are cards one after the other in one PDF, which has the letters once.
func PrintLeaflets(all []Leaflet, size LeafletSize) ([]byte, error) {
	if len(all) == 0 {
		return nil, errors.New("print contact cards: there are none")
	}
	var pages []*side
	for _, l := range all {
		sides, err := l.sides(size)
		if err != nil {
			return nil, fmt.Errorf("print contact card %s: %w", l.No, err)
		}
		pages = append(pages, sides...)
	}
	title := "联系卡"
	if len(all) == 1 {
		title += " " + all[0].No
	}
	b, err := printSides(pages, title)
	if err != nil {
		return nil, fmt.Errorf("print contact cards: %w", err)
	}
	return b, nil
}

func (l Leaflet) sides(size LeafletSize) ([]*side, error) {
	if len(l.Lines) > leafletLines {
		return nil, fmt.Errorf("%d lines, room is for %d", len(l.Lines), leafletLines)
	}
	f, err := letters()
	if err != nil {
		return nil, err
	}
	switch size {
	case SizeWallet:
		front, back := newSide(f, 85_600, 54_000, 300), newSide(f, 85_600, 54_000, 300)
		l.back(back)
		return []*side{front, back}, l.wallet(front)
	case SizeA4:
		page := newSide(f, 210_000, 297_000, 200)
		return []*side{page}, l.a4(page)
	}
	return nil, fmt.Errorf("size %d is none of a card", size)
}

// Red is for the numbers of emergencies alone; white on it is legible, and so is it in a black and white print.
var alarm = color.RGBA{0xA8, 0x1C, 0x1C, 0xFF}

var emergencies = [3]struct{ number, what string }{{"120", "急救"}, {"110", "报警"}, {"119", "火警"}}

// scanMe stands beside the QR, in two lines.
var scanMe = [2]string{"家人用微信扫一扫", "可以问近况"}

const (
	noCode   = "这张卡没有二维码。家人想问近况,请找村里登记。"
	newCards = "号码变了跟村里说,换新卡,旧卡作废。"
)

func (l Leaflet) wallet(s *side) error {
	const left, right = 3_500, 82_100
	name := s.put(box(left, 2_700, 54_000, 9_200), style{size: 16, least: 8, colour: ink}, l.Elder)
	s.put(box(max(left, name.Max.X+2_000), 4_200, right-13_000, 9_200), style{size: 9, least: 5.5, lines: 2, colour: soft}, l.Place)
	s.put(box(right-12_000, 3_800, right, 9_200), style{size: 10.5, colour: pine, align: atEnd}, "联系卡")
	s.emergencies(box(left, 9_700, right, 17_500), 17, 9)

	s.lines(box(left, 18_300, 53_600, 48_200), l.Lines, lineStyle{tallest: 7_400, widest: 12_500, gap: 1_000, rule: 150,
		who: 7.2, name: 9.5, number: 11.5, least: 5, legible: 6.5})
	s.put(box(left, 48_600, 53_600, 51_400), style{size: 6.5, least: 4, colour: soft}, l.foot())

	if l.Link == "" {
		s.put(box(56_200, 19_700, 81_200, 47_000), style{size: 10, least: 8, lines: 8, colour: ink}, noCode)
		return nil
	}
	for i, line := range scanMe {
		s.put(box(54_700, 45_000+i*3_100, 82_200, 48_100+i*3_100), style{size: 7.5, colour: ink, align: inMiddle}, line)
	}
	return s.qr(box(54_700, 17_500, 82_200, 45_000), l.Link)
}

// back is a wallet card's other side.
func (l Leaflet) back(s *side) {
	const left, right = 5_000, 80_600
	s.put(box(left, 4_000, right, 9_500), style{size: 10.5, colour: pine}, "登记的内容怎么用")
	s.put(box(left, 11_000, right, 39_000), style{size: 10.5, least: 5, lines: 12, colour: ink, top: true}, l.privacy())
	s.put(box(left, 40_000, right, 45_000), style{size: 9.5, colour: ink}, newCards)
	s.put(box(left, 46_000, right, 50_000), style{size: 7.5, least: 4, colour: soft}, l.foot())
}

func (l Leaflet) a4(s *side) error {
	const left, right = 15_000, 195_000
	s.put(box(left, 11_000, 80_000, 21_000), style{size: 22, colour: pine}, "联系卡")
	s.put(box(90_000, 11_000, right, 21_000), style{size: 14, colour: soft, align: atEnd}, "请放在电话旁边")
	name := s.put(box(left, 22_000, 135_000, 43_000), style{size: 46, least: 18, lines: 2, colour: ink}, l.Elder)
	s.put(box(max(left, name.Max.X+5_000), 27_000, right, 43_000), style{size: 22, least: 12, lines: 2, colour: soft}, l.Place)
	s.emergencies(box(left, 46_000, right, 76_000), 56, 23)

	people := slices.Clone(l.Lines)
	for len(people) < 5 { // what there is room for, somebody may write
		people = append(people, LeafletLine{})
	}
	s.lines(box(left, 79_000, right, 189_000), people, lineStyle{tallest: 22_000, widest: 40_000, gap: 3_500, rule: 300,
		who: 19, name: 28, number: 33, least: 14, legible: 18})

	if l.Link == "" {
		s.put(box(left, 192_000, right, 252_000), style{size: 26, least: 18, lines: 2, colour: ink}, noCode)
	} else {
		if err := s.qr(box(left, 192_000, 75_000, 252_000), l.Link); err != nil {
			return err
		}
		for i, line := range scanMe {
			s.put(box(80_000, 198_000+i*13_000, right, 211_000+i*13_000), style{size: 29, colour: ink}, line)
		}
		s.put(box(80_000, 227_000, right, 247_000), style{size: 15, least: 12, lines: 3, colour: soft, top: true},
			"第一次扫要先登记,村里核对是家人后才能问。不会扫的请村里帮忙。")
	}
	s.put(box(left, 255_000, right, 276_500), style{size: 13, least: 7, lines: 8, colour: ink, top: true}, l.privacy())
	s.put(box(left, 278_000, 115_000, 285_000), style{size: 11, least: 5, colour: soft}, l.foot())
	s.put(box(118_000, 278_000, right, 285_000), style{size: 12, colour: ink, align: atEnd}, newCards)
	return nil
}

// privacy is what whoever is recorded must be told (个人信息保护法 第十七条): who keeps what for which purpose, and how to
// object, see, correct or erase it (第十五、四十五至四十七条).
func (l Leaflet) privacy() string {
	if strings.TrimSpace(l.Note) != "" {
		return l.Note
	}
	keeper := l.County
	if keeper == "" {
		keeper = "村里"
	}
	return "登记的姓名、电话和看望情况由" + keeper + "保管,只用来联系家人、上门看望和救急。谁能看、看什么,由老人定。" +
		"不想让家人看,跟村里说一声就停。要看、要改、要删登记的内容,或者卡丢了,也找村里。"
}

// foot says who issued the card, when, and which it is.
func (l Leaflet) foot() string {
	var parts []string
	if l.County != "" {
		parts = append(parts, l.County)
	}
	if t := l.Issued.Time(); !t.IsZero() {
		parts = append(parts, fmt.Sprintf("%d年%d月%d日", t.Year(), int(t.Month()), t.Day()))
	}
	if l.No != "" {
		parts = append(parts, "编号 "+l.No)
	}
	return strings.Join(parts, " · ")
}

// emergencies are the band of numbers that everybody must find first.
func (s *side) emergencies(band image.Rectangle, number, label float64) {
	s.fill(band, alarm)
	for i, e := range emergencies {
		from, to := band.Min.X+i*band.Dx()/3, band.Min.X+(i+1)*band.Dx()/3
		what, gap := s.measure(label)(e.what), s.measure(label)(" ")
		from += (to - from - what - gap - s.measure(number)(e.number)) / 2
		s.put(box(from, band.Min.Y, from+what, band.Max.Y), style{size: label, colour: paper}, e.what)
		s.put(box(from+what+gap, band.Min.Y, to, band.Max.Y), style{size: number, colour: paper}, e.number)
	}
}

// lineStyle is how people to call are set, in three columns: who at most so wide, the number as wide as it needs, and for
// the name what is left.
type lineStyle struct {
	tallest, widest, gap, rule int
	who, name, number          float64
	least, legible             float64 // legible: what no number in use falls below
}

func (s *side) lines(area image.Rectangle, all []LeafletLine, st lineStyle) {
	if len(all) == 0 {
		return
	}
	high := min(area.Dy()/len(all), st.tallest)
	inner := box(area.Min.X, area.Min.Y, area.Max.X, area.Min.Y+high).Inset(high / 20)
	who, name, number := area, area, area
	who.Max.X = area.Min.X + s.measure(st.who)("一二三")
	for _, l := range all {
		who.Max.X = max(who.Max.X, area.Min.X+s.measure(st.who)(s.clean(l.Who)))
	}
	who.Max.X = min(who.Max.X, area.Min.X+st.widest)
	wide := s.measure(min(st.number, tallest(inner, 1)))("000 0000 0000")
	for _, l := range all {
		wide = max(wide, s.measure(st.legible)(s.clean(grouped(l.Phone))))
	}
	number.Min.X = area.Max.X - min(wide, area.Dx()*55/100)
	name.Min.X, name.Max.X = who.Max.X+st.gap, number.Min.X-st.gap
	for i, l := range all {
		y := area.Min.Y + i*high
		if i > 0 && s.clean(all[i-1].Phone) != "" { // a line to write on is line enough
			s.fill(box(area.Min.X, y-st.rule/2, area.Max.X, y+st.rule/2), lineOf)
		}
		for _, c := range []*image.Rectangle{&who, &name, &number} {
			c.Min.Y, c.Max.Y = y+high/20, y+high-high/20
		}
		s.put(who, style{size: st.who, least: st.least, lines: 2, colour: soft}, l.Who)
		s.put(name, style{size: st.name, least: st.least, lines: 2, colour: ink}, l.Name)
		if s.clean(l.Phone) == "" {
			foot, from := y+high*4/5, number.Min.X
			if s.clean(l.Name) == "" {
				from = name.Min.X
			}
			s.fill(box(from, foot, area.Max.X, foot+st.rule), ink)
			continue
		}
		s.put(number, style{size: st.number, least: st.least, colour: ink, align: atEnd}, grouped(l.Phone))
	}
}

var mobile = regexp.MustCompile(`^(1\d\d)(\d{4})(\d{4})$`)

// grouped is a mobile number as people read it aloud: 139 0000 0011.
func grouped(phone string) string {
	return mobile.ReplaceAllString(strings.TrimSpace(phone), "$1 $2 $3")
}
