package papers

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"regexp"
	"sort"
	"strings"
	"sync"

	"github.com/signintech/gopdf"
	"github.com/skip2/go-qrcode"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// side is one printed side: what stands where, in micrometres, before it becomes a picture or a print.
type side struct {
	size  image.Point
	dpi   int // of the picture
	font  *sfnt.Font
	buf   sfnt.Buffer
	fills []filled
	words []setLine
	code  *qrCode
}

type filled struct {
	image.Rectangle
	colour color.RGBA
}

// setLine is a line of words in its place.
type setLine struct {
	image.Rectangle // which no letter leaves
	base            int
	size            float64 // in points
	colour          color.RGBA
	text            string
}

// qrCode is a QR with its quiet zone of four modules.
type qrCode struct {
	image.Rectangle
	pixels int // the picture's, for one module
	dark   [][]bool
}

func newSide(f *sfnt.Font, width, height, dpi int) *side {
	return &side{size: image.Pt(width, height), dpi: dpi, font: f}
}

// box is a rectangle in micrometres.
func box(left, top, right, bottom int) image.Rectangle { return image.Rect(left, top, right, bottom) }

const (
	inch      = 25_400
	point     = inch / 72.0
	ascent    = 0.94 // of the size, over the base line: what the font's tallest letters of a name need
	descent   = 0.28 // and under it
	toMiddle  = 0.37 // from the base line up to the middle of a digit or a Chinese character
	lineSpace = 1.3
)

type alignment int

const (
	atStart alignment = iota
	inMiddle
	atEnd
)

// style is how words are set in a cell: as large as there is room, between two sizes in points.
type style struct {
	size, least float64
	lines       int // 0 is one
	colour      color.RGBA
	align       alignment
	top         bool // of the cell; else in the middle of its height
}

// The bot writes Chinese with narrow commas; on paper they look like a slip.
var narrowComma = regexp.MustCompile(`(\p{Han}),`)

// put sets words in the cell and says which room they take. What is too long even in the least size ends in "…".
func (s *side) put(cell image.Rectangle, st style, text string) image.Rectangle {
	text = narrowComma.ReplaceAllString(s.clean(text), "$1\uff0c")
	if text == "" {
		return image.Rectangle{}
	}
	size, set := s.largest(cell, st, 1, text)
	for n := 2; n <= st.lines; n++ {
		gain := 1.0
		if n == 2 { // broken in two, a name must be worth it
			gain = 1.25
		}
		if larger, lines := s.largest(cell, st, n, text); larger > gain*size {
			size, set = larger, lines
		}
	}
	if size == 0 {
		n := max(1, st.lines)
		for n > 1 && tallest(cell, n) < st.least {
			n--
		}
		size = min(st.least, tallest(cell, n))
		set = wrap(s.measure(size), cell.Dx(), text, n)
	}
	lead := int(lineSpace * size * point)
	base := (cell.Min.Y+cell.Max.Y-lead*(len(set)-1))/2 + int(toMiddle*size*point)
	if st.top {
		base = cell.Min.Y + int(math.Ceil(ascent*size*point))
	}
	var room image.Rectangle
	for _, line := range set {
		line = strings.TrimSpace(line)
		w, x := s.measure(size)(line), cell.Min.X
		switch st.align {
		case inMiddle:
			x += (cell.Dx() - w) / 2
		case atEnd:
			x = cell.Max.X - w
		}
		r := box(x, base-int(ascent*size*point), x+w, base+int(descent*size*point))
		s.words = append(s.words, setLine{r, base, size, st.colour, line})
		room, base = room.Union(r), base+lead
	}
	return room
}

// largest is the size in which so many lines hold clean words, two lines about evenly; 0 if none does.
func (s *side) largest(cell image.Rectangle, st style, lines int, text string) (float64, []string) {
	for size := min(st.size, tallest(cell, lines)); size > 0 && size >= st.least; size *= 0.97 {
		whole := func(width int) bool { return strings.Join(wrap(s.measure(size), width, text, lines), "") == text }
		if !whole(cell.Dx()) {
			continue
		}
		width := cell.Dx()
		if lines == 2 { // a last character alone on its line looks lost
			width = width/3 + sort.Search(width-width/3, func(more int) bool { return whole(width/3 + more) })
		}
		return size, wrap(s.measure(size), width, text, lines)
	}
	return 0, nil
}

// tallest is the size in points in which so many lines are as high as the cell.
func tallest(cell image.Rectangle, lines int) float64 {
	return float64(cell.Dy()) / point / (ascent + descent + lineSpace*float64(lines-1))
}

func (s *side) clean(text string) string { return clean(s.font, &s.buf, text) }

// measure says how wide clean words are in a size.
func (s *side) measure(size float64) func(string) int {
	em := int(s.font.UnitsPerEm())
	return func(text string) int {
		var sum fixed.Int26_6
		for _, r := range text {
			i, _ := s.font.GlyphIndex(&s.buf, r)
			a, _ := s.font.GlyphAdvance(&s.buf, i, fixed.I(em), font.HintingNone)
			sum += a
		}
		return int(math.Ceil(float64(sum) / 64 / float64(em) * size * point))
	}
}

func (s *side) fill(r image.Rectangle, c color.RGBA) { s.fills = append(s.fills, filled{r, c}) }

// A phone's camera reads modules of a third of a millimetre off paper. Where they can be three quarters of one, a quarter of
// the code may be dirt and folds, else 15 % or, with the longest links, 7 %.
var corrections = []struct {
	level qrcode.RecoveryLevel
	least int
}{{qrcode.High, 750}, {qrcode.Medium, 330}, {qrcode.Low, 330}}

var webAddress = regexp.MustCompile(`^https?://[!-~]+$`)

// qr sets the code in the middle of a square cell, each module of whole pixels.
func (s *side) qr(cell image.Rectangle, link string) error {
	if !webAddress.MatchString(link) {
		return ErrLeafletLink
	}
	for _, c := range corrections {
		q, err := qrcode.New(link, c.level)
		if err != nil { // longer than any QR holds
			continue
		}
		modules := 17 + 4*q.VersionNumber + 2*4
		pixels := cell.Dx() * s.dpi / inch / modules
		if pixels*inch < c.least*s.dpi {
			continue
		}
		edge := pixels * modules * inch / s.dpi
		from := cell.Min.Add(image.Pt((cell.Dx()-edge)/2, (cell.Dy()-edge)/2))
		s.code = &qrCode{image.Rectangle{from, from.Add(image.Pt(edge, edge))}, pixels, q.Bitmap()}
		return nil
	}
	return ErrLeafletLink
}

// runs calls for every row of dark modules that touch.
func (c *qrCode) runs(do func(x, y, n int)) {
	for y, row := range c.dark {
		for x := 0; x < len(row); x++ {
			from := x
			for x < len(row) && row[x] {
				x++
			}
			if x > from {
				do(from, y, x-from)
			}
		}
	}
}

// png draws the side.
func (s *side) png() ([]byte, error) {
	px := func(um int) int { return (um*s.dpi + inch/2) / inch }
	img := image.NewRGBA(image.Rect(0, 0, px(s.size.X), px(s.size.Y)))
	draw.Draw(img, img.Rect, image.NewUniform(paper), image.Point{}, draw.Src)
	for _, f := range s.fills {
		r := image.Rect(0, 0, px(f.Dx()), px(f.Dy())).Add(image.Pt(px(f.Min.X), px(f.Min.Y))) // lines are all as thick
		draw.Draw(img, r, image.NewUniform(f.colour), image.Point{}, draw.Src)
	}
	if c := s.code; c != nil {
		from := image.Pt(px(c.Min.X), px(c.Min.Y))
		c.runs(func(x, y, n int) {
			r := image.Rect(x, y, x+n, y+1)
			r = image.Rectangle{r.Min.Mul(c.pixels), r.Max.Mul(c.pixels)}.Add(from)
			draw.Draw(img, r, image.NewUniform(black), image.Point{}, draw.Src)
		})
	}
	faces := map[float64]font.Face{}
	for _, w := range s.words {
		if faces[w.size] == nil {
			smooth, err := opentype.NewFace(s.font, &opentype.FaceOptions{Size: w.size, DPI: float64(s.dpi)})
			if err != nil {
				return nil, err
			}
			faces[w.size] = coarse{smooth}
		}
		d := font.Drawer{Dst: img, Src: image.NewUniform(w.colour), Face: faces[w.size], Dot: fixed.P(px(w.Min.X), px(w.base))}
		d.DrawString(w.text)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, fewColours(img)); err != nil {
		return nil, err
	}
	return withDensity(b.Bytes(), s.dpi), nil
}

var black = color.RGBA{0, 0, 0, 0xFF}

// withDensity says in a PNG how large it is (pHYs, pixels per metre), or a printer fills its sheet with a wallet card.
func withDensity(picture []byte, dpi int) []byte {
	const header = 8 + 4 + 4 + 13 + 4 // the signature and IHDR, after which pHYs may stand
	chunk := append([]byte{0, 0, 0, 9}, "pHYs"...)
	perMetre := uint32(math.Round(float64(dpi) / 0.0254))
	chunk = binary.BigEndian.AppendUint32(chunk, perMetre)
	chunk = append(binary.BigEndian.AppendUint32(chunk, perMetre), 1)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	return append(append(bytes.Clone(picture[:header]), chunk...), picture[header:]...)
}

// printLetters is the font as the print reads it; of the characters used a copy goes into each file.
var printLetters = sync.OnceValues(func() (*gopdf.FontContainer, error) {
	data, err := fontData()
	if err != nil {
		return nil, err
	}
	fonts := new(gopdf.FontContainer)
	if err := fonts.AddTTFFontData(printFont, data); err != nil {
		return nil, fmt.Errorf("read the font: %w", err)
	}
	return fonts, nil
})

const printFont = "NotoSansSC"

// printSides makes sides the pages of a PDF.
func printSides(sides []*side, title string) ([]byte, error) {
	fonts, err := printLetters()
	if err != nil {
		return nil, err
	}
	pt := func(um int) float64 { return float64(um) / point }
	size := sides[0].size
	var pdf gopdf.GoPdf
	pdf.Start(gopdf.Config{PageSize: gopdf.Rect{W: pt(size.X), H: pt(size.Y)}})
	pdf.SetInfo(gopdf.PdfInfo{Title: title})
	if err := pdf.AddTTFFontFromFontContainer(printFont, fonts); err != nil {
		return nil, err
	}
	for _, s := range sides {
		pdf.AddPage()
		rect := func(x, y, w, h float64) { pdf.RectFromUpperLeftWithStyle(x, y, w, h, "F") }
		for _, f := range s.fills {
			pdf.SetFillColor(f.colour.R, f.colour.G, f.colour.B)
			rect(pt(f.Min.X), pt(f.Min.Y), pt(f.Dx()), pt(f.Dy()))
		}
		if c := s.code; c != nil {
			pdf.SetFillColor(black.R, black.G, black.B)
			module := pt(c.Dx()) / float64(len(c.dark))
			c.runs(func(x, y, n int) { // a little taller than they are, or viewers show white seams between the rows
				rect(pt(c.Min.X)+float64(x)*module, pt(c.Min.Y)+float64(y)*module, float64(n)*module, 1.03*module)
			})
		}
		for _, w := range s.words {
			if err := pdf.SetFont(printFont, "", w.size); err != nil {
				return nil, err
			}
			pdf.SetTextColor(w.colour.R, w.colour.G, w.colour.B)
			pdf.SetXY(pt(w.Min.X), pt(w.base))
			if err := pdf.Text(w.text); err != nil {
				return nil, err
			}
		}
	}
	return pdf.GetBytesPdfReturnErr()
}
