package papers

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"pgregory.net/rapid"

	"xunfang/ledger"
)

var leafletSizes = map[string]LeafletSize{"wallet": SizeWallet, "A4": SizeA4}

// sampleLeaflet is invented.
func sampleLeaflet() Leaflet {
	return Leaflet{Elder: "马秀兰", Place: "望远村一组", No: "260311-7K2Q", Issued: "2026-03-11", County: "永宁县民政局",
		Link: "https://example.com/kfid/kfc0?enc_scene=ENC0&scene_param=v1.a.k7q2m9x4bd.c2lnbmVk",
		Lines: []LeafletLine{{"巡访员", "刘建国", "13900000001"}, {"村委会", "何㛃", "13900000002"}, {"乡民政办", "", "0951-0000000"},
			{"邻居", "王翀", "13900000003"}, {"女儿", "马玥", "13900000004"}}}
}

// linkOf is a link of so many bytes.
func linkOf(n int) string {
	const start, chars = "https://example.com/kfid/", "aZ0-_.9xQ~%2B=&k"
	r, b := rand.New(rand.NewPCG(7, uint64(n))), []byte(start)
	for len(b) < n {
		b = append(b, chars[r.IntN(len(chars))])
	}
	return string(b[:n])
}

func leaflets(rt *rapid.T) Leaflet {
	phone := rapid.OneOf(rapid.StringMatching(`139\d{8}`), rapid.SampledFrom([]string{"", " ", "0951-0000000转8012", "没有"}), anyWords)
	line := rapid.Custom(func(rt *rapid.T) LeafletLine {
		return LeafletLine{anyWords.Draw(rt, "who"), anyWords.Draw(rt, "name"), phone.Draw(rt, "phone")}
	})
	l := Leaflet{Elder: anyWords.Draw(rt, "elder"), Place: anyWords.Draw(rt, "place"), No: anyWords.Draw(rt, "no"),
		Issued: ledger.Day(rapid.SampledFrom([]string{"", "2026-12-31", "no day"}).Draw(rt, "issued")),
		Lines:  rapid.SliceOfN(line, 0, leafletLines).Draw(rt, "lines"),
		County: anyWords.Draw(rt, "county"), Note: anyWords.Draw(rt, "note")}
	if n := rapid.IntRange(0, 340).Draw(rt, "link"); n >= 30 {
		l.Link = linkOf(n)
	}
	return l
}

func TestLeafletNothingOverlapsOrLeavesTheCard(t *testing.T) {
	const margin = 2_500
	rapid.Check(t, func(rt *rapid.T) {
		l := leaflets(rt)
		for name, size := range leafletSizes {
			sides, err := l.sides(size)
			if err != nil {
				rt.Fatalf("%s: %v", name, err)
			}
			for _, s := range sides {
				inner := image.Rectangle{Max: s.size}.Inset(margin)
				taken := map[string]image.Rectangle{}
				if s.code != nil {
					taken["the QR"] = s.code.Rectangle
				}
				for i, w := range s.words {
					taken[fmt.Sprintf("%d %q", i, w.text)] = w.Rectangle
				}
				for a, r := range taken {
					if !r.In(inner) || r.Empty() {
						rt.Fatalf("%s: %s stands at %v", name, a, r)
					}
					for b, other := range taken {
						if a != b && r.Overlaps(other) {
							rt.Fatalf("%s: %s at %v and %s at %v", name, a, r, b, other)
						}
					}
				}
				for _, f := range s.fills {
					if !f.In(inner) {
						rt.Fatalf("%s: a line or band at %v", name, f.Rectangle)
					}
				}
			}
		}
	})
}

// What a side takes for the room of its words holds every letter of a name.
func TestLettersStayInTheirRoom(t *testing.T) {
	f, err := letters()
	if err != nil {
		t.Fatal(err)
	}
	var buf sfnt.Buffer
	em := int(f.UnitsPerEm())
	for _, span := range [][2]rune{{' ', '~'}, {0x3400, 0x4DB5}, {0x4E00, 0x9FA5}, {0x20000, 0x20100},
		{'·', '·'}, {'…', '…'}, {'\uff0c', '\uff0c'}} {
		for r := span[0]; r <= span[1]; r++ {
			i, err := f.GlyphIndex(&buf, r)
			if err != nil {
				t.Fatal(err)
			}
			b, _, err := f.GlyphBounds(&buf, i, fixed.I(em), font.HintingNone)
			if err != nil {
				t.Fatal(err)
			}
			if up, down := -float64(b.Min.Y.Ceil())/float64(em), float64(b.Max.Y.Ceil())/float64(em); up > ascent || down > descent {
				t.Errorf("%c %U: %.3f above the line, %.3f under it", r, r, up, down)
			}
		}
	}
}

func TestLeafletPictureHasItsSize(t *testing.T) {
	for name, want := range map[string]struct {
		px        image.Point
		perMetre  uint32
		edgeClear int // pixels all around on which nothing stands
	}{"wallet": {image.Pt(1011, 638), 11811, 29}, "A4": {image.Pt(1654, 2339), 7874, 80}} {
		b, img := pictured(t, sampleLeaflet(), leafletSizes[name])
		if img.Bounds().Size() != want.px {
			t.Errorf("%s: %v pixels, want %v", name, img.Bounds().Size(), want.px)
		}
		at := bytes.Index(b, []byte("pHYs"))
		if at < 0 || at > bytes.Index(b, []byte("IDAT")) || binary.BigEndian.Uint32(b[at+4:]) != want.perMetre ||
			binary.BigEndian.Uint32(b[at+8:]) != want.perMetre || b[at+12] != 1 {
			t.Errorf("%s: the picture does not say how large it is", name)
		}
		for y := range want.px.Y {
			for x := range want.px.X {
				if image.Pt(x, y).In(img.Bounds().Inset(want.edgeClear)) {
					continue
				}
				if color.RGBAModel.Convert(img.At(x, y)) != paper {
					t.Fatalf("%s: something stands at the edge: %d, %d", name, x, y)
				}
			}
		}
	}
}

func pictured(t interface{ Fatalf(string, ...any) }, l Leaflet, size LeafletSize) ([]byte, image.Image) {
	b, err := l.PNG(size)
	if err != nil {
		t.Fatalf("%v", err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("decode the picture: %v", err)
	}
	return b, img
}

func scanned(bits gozxing.Binarizer) (text, level string, err error) {
	picture, err := gozxing.NewBinaryBitmap(bits)
	if err != nil {
		return "", "", err
	}
	got, err := qrcode.NewQRCodeReader().Decode(picture, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		return "", "", err
	}
	return got.GetText(), fmt.Sprint(got.GetResultMetadata()[gozxing.ResultMetadataType_ERROR_CORRECTION_LEVEL]), nil
}

// asSeen is a part of a picture at half its size as a phone sees it: blurred, grey, with noise.
func asSeen(img image.Image, part image.Rectangle, r *rand.Rand) image.Image {
	grey := image.NewGray(part.Inset(-2)) // once a pixel, of which each is looked at four times
	draw.Draw(grey, grey.Rect, img, grey.Rect.Min, draw.Src)
	half := image.NewGray(image.Rect(0, 0, part.Dx()/2, part.Dy()/2))
	for y := range half.Rect.Dy() {
		for x := range half.Rect.Dx() {
			sum, weight := 0, [4]int{1, 3, 3, 1} // of a 4×4 square around the 2×2 that become one
			for dy, wy := range weight {
				for dx, wx := range weight {
					sum += wx * wy * int(grey.GrayAt(part.Min.X+2*x+dx-1, part.Min.Y+2*y+dy-1).Y)
				}
			}
			half.SetGray(x, y, color.Gray{uint8(40 + sum/64*170/255 + r.IntN(21) - 10)})
		}
	}
	return half
}

func TestLeafletCodeIsReadOffThePicture(t *testing.T) {
	for name, size := range leafletSizes {
		for _, n := range []int{30, 120, 200, 250, 330, 362} {
			l := sampleLeaflet()
			l.Link = linkOf(n)
			_, img := pictured(t, l, size)
			got, level, err := scanned(gozxing.NewHybridBinarizer(gozxing.NewLuminanceSourceFromImage(img)))
			if err != nil || got != l.Link {
				t.Errorf("%s, %d bytes: read %q, %v", name, n, got, err)
			}
			if size == SizeWallet && n == 330 && level != "M" {
				t.Errorf("330 bytes have correction %s on a wallet card, want M", level)
			}
			sides, err := l.sides(size)
			if err != nil {
				t.Fatal(err)
			}
			code := sides[0].code
			px := func(um int) int { return um * sides[0].dpi / inch }
			at := image.Rect(px(code.Min.X), px(code.Min.Y), px(code.Max.X), px(code.Max.Y))
			// A phone is held over the code until one of its frames can be read. Half of a wallet card's size is two pixels
			// for a module of the longest links, and more than 330 bytes are too much for that.
			if n > 330 {
				continue
			}
			frames, read, r := 0, false, rand.New(rand.NewPCG(7, uint64(n)))
			for ; !read && frames < 8; frames++ {
				s := gozxing.NewLuminanceSourceFromImage(asSeen(img, at.Inset(-r.IntN(20)).Add(image.Pt(r.IntN(5), r.IntN(5))), r))
				for _, bits := range []gozxing.Binarizer{gozxing.NewHybridBinarizer(s), gozxing.NewGlobalHistgramBinarizer(s)} {
					got, _, err := scanned(bits)
					if err == nil && got != l.Link {
						t.Fatalf("%s, %d bytes: a phone reads %q", name, n, got)
					}
					read = read || err == nil
				}
			}
			if !read {
				t.Errorf("%s, %d bytes: a phone reads none of %d frames", name, n, frames)
			}
		}
	}
}

func TestLeafletCodeIsLargeEnoughOnPaper(t *testing.T) {
	for n := 30; n <= 362; n += 4 {
		l := sampleLeaflet()
		l.Link = linkOf(n)
		for name, least := range map[string]float64{"wallet": 22, "A4": 40} {
			sides, err := l.sides(leafletSizes[name])
			if err != nil {
				t.Fatalf("%s: %d bytes: %v", name, n, err)
			}
			s := sides[0]
			module := float64(s.code.pixels) * 25.4 / float64(s.dpi)
			if whole := module * float64(len(s.code.dark)); module < 0.33 || whole < least {
				t.Errorf("%s: %d bytes: modules of %.2f mm, together %.1f mm", name, n, module, whole)
			}
		}
	}
}

func TestLeafletRefuses(t *testing.T) {
	for name, link := range map[string]string{"too long": linkOf(700), "far too long": linkOf(5000), "no address": "kfid/kfc0",
		"Chinese": "https://example.com/联系", "a blank": "https://example.com/a b"} {
		l := sampleLeaflet()
		l.Link = link
		if b, err := l.PNG(SizeWallet); !errors.Is(err, ErrLeafletLink) || b != nil {
			t.Errorf("%s: a picture of %d bytes, %v", name, len(b), err)
		}
		if b, err := l.PDF(SizeWallet); !errors.Is(err, ErrLeafletLink) || b != nil {
			t.Errorf("%s: a print of %d bytes, %v", name, len(b), err)
		}
	}
	l := sampleLeaflet()
	if _, err := l.PNG(0); err == nil {
		t.Error("a card without a size was drawn")
	}
	l.Lines = make([]LeafletLine, leafletLines+1)
	if _, err := l.PDF(SizeA4); err == nil {
		t.Error("a line too many was left out silently")
	}
}

// said are the words of a card's sides.
func said(t *testing.T, l Leaflet, size LeafletSize) (all []setLine) {
	t.Helper()
	sides, err := l.sides(size)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, s := range sides {
		all = append(all, s.words...)
	}
	return all
}

func find(t *testing.T, all []setLine, text string) setLine {
	t.Helper()
	i := slices.IndexFunc(all, func(w setLine) bool { return w.text == text })
	if i < 0 {
		t.Fatalf("%q is not on the card: %v", text, all)
	}
	return all[i]
}

func TestLeafletIsForOldEyes(t *testing.T) {
	for name, least := range map[string]float64{"wallet": 9, "A4": 18} {
		l := sampleLeaflet()
		all := said(t, l, leafletSizes[name])
		first := find(t, all, grouped(l.Lines[0].Phone))
		for _, e := range emergencies {
			w := find(t, all, e.number)
			if w.Max.Y > first.Min.Y {
				t.Errorf("%s: %s does not stand first", name, e.number)
			}
			for _, other := range all {
				if other.size > w.size {
					t.Errorf("%s: %s is larger than %s", name, other.text, e.number)
				}
			}
		}
		for _, line := range l.Lines {
			if w := find(t, all, grouped(line.Phone)); w.size < least {
				t.Errorf("%s: the number of %s has %.1f points", name, line.Who, w.size)
			}
			if line.Name == "" {
				continue
			}
			if w := find(t, all, line.Name); w.size < least {
				t.Errorf("%s: the name of %s has %.1f points", name, line.Who, w.size)
			}
		}
	}
}

// A number with its end cut off calls somebody else.
func TestLeafletNumbersStayWhole(t *testing.T) {
	for _, size := range leafletSizes {
		for n := 1; n <= leafletLines; n++ {
			l := sampleLeaflet()
			l.Lines = nil
			for i := range n {
				phone := []string{"13900000001", "0951-0000000转8012", "+8613900000002"}[i%3]
				l.Lines = append(l.Lines, LeafletLine{"乡镇民政办公室", "阿依古丽·买买提江", phone})
			}
			all := said(t, l, size)
			for _, line := range l.Lines {
				find(t, all, grouped(line.Phone))
			}
		}
	}
	for in, want := range map[string]string{"13900000001": "139 0000 0001", " 13900000001 ": "139 0000 0001",
		"0951-0000000": "0951-0000000", "139000000012": "139000000012", "": ""} {
		if got := grouped(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestLeafletSaysWhatToDoWithoutCode(t *testing.T) {
	for name, size := range leafletSizes {
		told := func(l Leaflet) string {
			var b strings.Builder
			for _, w := range said(t, l, size) {
				b.WriteString(w.text)
			}
			return b.String()
		}
		l := sampleLeaflet()
		if s := told(l); strings.Contains(s, "没有二维码") || !strings.Contains(s, "家人用微信扫一扫可以问近况") {
			t.Errorf("%s: with a QR it says %s", name, s)
		}
		l.Link = ""
		if s := told(l); !strings.Contains(s, "没有二维码") || !strings.Contains(s, "请找村里登记") || strings.Contains(s, "扫") {
			t.Errorf("%s: without a QR it says %s", name, s)
		}
		if _, img := pictured(t, l, size); has(img, black) {
			t.Errorf("%s: there is a QR that leads nowhere", name)
		}
		for _, want := range []string{"永宁县民政局保管", "不想让家人看，跟村里说一声就停", "旧卡作废"} {
			if s := told(l); !strings.Contains(s, want) {
				t.Errorf("%s: it does not say %s: %s", name, want, s)
			}
		}
		l.Note = "另一种说法"
		if s := told(l); !strings.Contains(s, l.Note) || strings.Contains(s, "跟村里说一声就停") {
			t.Errorf("%s: its own note became %s", name, s)
		}
	}
}

func TestLeafletLinesToWriteOn(t *testing.T) {
	for name, size := range leafletSizes {
		lines := func(l Leaflet) (n int) {
			sides, err := l.sides(size)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range sides[0].fills {
				if f.colour == ink {
					n++
				}
			}
			return n
		}
		l := sampleLeaflet()
		if n := lines(l); n != 0 {
			t.Errorf("%s: %d lines to write on where every number is known", name, n)
		}
		l.Lines[1].Phone, l.Lines[3] = "", LeafletLine{Who: "儿子"}
		if n := lines(l); n != 2 {
			t.Errorf("%s: %d lines to write on, want 2", name, n)
		}
	}
}

func TestLeafletChangesWithWhatItSays(t *testing.T) {
	for name, size := range leafletSizes {
		l := sampleLeaflet()
		wasPNG, _ := pictured(t, l, size)
		wasPDF, err := l.PDF(size)
		if err != nil {
			t.Fatal(err)
		}
		for what, change := range map[string]func(*Leaflet){
			"the elder":  func(l *Leaflet) { l.Elder = "马秀英" },
			"the place":  func(l *Leaflet) { l.Place = "望远村二组" },
			"the number": func(l *Leaflet) { l.No = "260311-7K2R" },
			"the day":    func(l *Leaflet) { l.Issued = "2026-03-12" },
			"who":        func(l *Leaflet) { l.Lines[4].Who = "儿子" },
			"a name":     func(l *Leaflet) { l.Lines[4].Name = "马䶮" },
			"a phone":    func(l *Leaflet) { l.Lines[4].Phone = "13900000005" },
			"the link":   func(l *Leaflet) { l.Link += "x" },
			"the county": func(l *Leaflet) { l.County = "灵武市民政局" },
		} {
			m := sampleLeaflet()
			change(&m)
			if size == SizeWallet { // a large picture takes its time, and is drawn alike
				if is, _ := pictured(t, m, size); bytes.Equal(is, wasPNG) {
					t.Errorf("%s: %s changed, and the picture did not", name, what)
				}
			}
			if is, err := m.PDF(size); err != nil || bytes.Equal(is, wasPDF) {
				t.Errorf("%s: %s changed, and the print did not: %v", name, what, err)
			}
		}
	}
}

var (
	streams  = regexp.MustCompile(`/Length (\d+)[^>]*>>\s*stream\r?\n`)
	bfRanges = regexp.MustCompile(`<([0-9A-F]{4})><[0-9A-F]{4}><([0-9A-F]{4,6})>`)
	shown    = regexp.MustCompile(`\[<([0-9A-F]*)>\] TJ`)
	pages    = regexp.MustCompile(`/Type /Page\b[^s]`)
	mediaBox = regexp.MustCompile(`/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]`)
	embedded = regexp.MustCompile(`/Length1 (\d+)`)
)

// printedWords reads a print back as a viewer does: the glyphs shown, and the characters its own map gives them.
func printedWords(t *testing.T, pdf []byte) (words, glyphs []string) {
	t.Helper()
	chars, content := map[string]rune{}, ""
	for _, m := range streams.FindAllSubmatchIndex(pdf, -1) {
		size, err := strconv.Atoi(string(pdf[m[2]:m[3]]))
		if err != nil || m[1]+size > len(pdf) {
			t.Fatalf("a stream of %s bytes: %v", pdf[m[2]:m[3]], err)
		}
		text := pdf[m[1] : m[1]+size]
		if z, err := zlib.NewReader(bytes.NewReader(text)); err == nil {
			if text, err = io.ReadAll(z); err != nil {
				t.Fatalf("inflate: %v", err)
			}
		}
		for _, r := range bfRanges.FindAllSubmatch(text, -1) {
			code, err := strconv.ParseUint(string(r[2]), 16, 32)
			if err != nil {
				t.Fatalf("map: %v", err)
			}
			chars[string(r[1])] = rune(code)
		}
		if bytes.Contains(text, []byte(" TJ")) {
			content += string(text)
		}
	}
	for _, m := range shown.FindAllStringSubmatch(content, -1) {
		if _, err := hex.DecodeString(m[1]); err != nil || len(m[1])%4 != 0 {
			t.Fatalf("glyphs %q: %v", m[1], err)
		}
		var b strings.Builder
		for i := 0; i < len(m[1]); i += 4 {
			r, ok := chars[m[1][i:i+4]]
			if !ok || m[1][i:i+4] == "0000" {
				t.Fatalf("glyph %s has no character or no shape", m[1][i:i+4])
			}
			b.WriteRune(r)
		}
		words, glyphs = append(words, b.String()), append(glyphs, m[1])
	}
	return words, glyphs
}

func TestLeafletPrint(t *testing.T) {
	for name, want := range map[string]struct {
		width, height float64 // in points
		pages         int
	}{"wallet": {242.65, 153.07, 2}, "A4": {595.28, 841.89, 1}} {
		l := sampleLeaflet()
		l.Elder = "李𬸦䶮"
		pdf, err := l.PDF(leafletSizes[name])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(pdf, []byte("%PDF-")) || !bytes.Contains(pdf[len(pdf)-16:], []byte("%%EOF")) {
			t.Errorf("%s: it begins %q and ends %q", name, pdf[:8], pdf[len(pdf)-8:])
		}
		if n := len(pages.FindAll(pdf, -1)); n != want.pages {
			t.Errorf("%s: %d pages, want %d", name, n, want.pages)
		}
		boxes := mediaBox.FindAllSubmatch(pdf, -1)
		if len(boxes) == 0 {
			t.Fatalf("%s: no page has a size", name)
		}
		for _, b := range boxes {
			w, _ := strconv.ParseFloat(string(b[1]), 64)
			h, _ := strconv.ParseFloat(string(b[2]), 64)
			if max(w-want.width, want.width-w) > 0.02 || max(h-want.height, want.height-h) > 0.02 {
				t.Errorf("%s: a page of %v×%v points, want %v×%v", name, w, h, want.width, want.height)
			}
		}
		var words []string
		for _, w := range said(t, l, leafletSizes[name]) {
			words = append(words, w.text)
		}
		if got, _ := printedWords(t, pdf); !slices.Equal(got, words) {
			t.Errorf("%s: printed %q, want %q", name, got, words)
		}
		if m := embedded.FindSubmatch(pdf); m == nil {
			t.Errorf("%s: the letters are not in the print", name)
		}
		if len(pdf) > 200_000 {
			t.Errorf("%s: %d bytes, as if the whole font were in it", name, len(pdf))
		}
	}
}

func TestLeafletsShareOnePrint(t *testing.T) {
	a, b := sampleLeaflet(), sampleLeaflet()
	b.Elder, b.No = "李䶮", "260311-9M3X"
	pdf, err := PrintLeaflets([]Leaflet{a, b}, SizeWallet)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(pages.FindAll(pdf, -1)); n != 4 {
		t.Errorf("two cards have %d pages, want 4", n)
	}
	if n := len(embedded.FindAll(pdf, -1)); n != 1 {
		t.Errorf("the letters are in it %d times", n)
	}
	words, _ := printedWords(t, pdf)
	if first, second := slices.Index(words, a.Elder), slices.Index(words, b.Elder); first < 0 || second < first {
		t.Errorf("the cards are not one after the other: %q", words)
	}
	if b, err := PrintLeaflets(nil, SizeWallet); err == nil || b != nil {
		t.Errorf("no cards are %d bytes, %v", len(b), err)
	}
}

func TestLeafletPrintsAnything(t *testing.T) {
	f, err := letters()
	if err != nil {
		t.Fatal(err)
	}
	var buf sfnt.Buffer
	for seed := range 25 {
		l := rapid.Custom(leaflets).Example(seed)
		pdf, err := l.PDF(SizeWallet)
		if err != nil {
			t.Fatalf("%d: %v", seed, err)
		}
		var want []string
		for _, w := range said(t, l, SizeWallet) {
			var b strings.Builder
			for _, r := range w.text {
				i, err := f.GlyphIndex(&buf, r)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "%04X", i)
			}
			want = append(want, b.String())
		}
		if _, got := printedWords(t, pdf); !slices.Equal(got, want) {
			t.Errorf("%d: printed %q, want %q", seed, got, want)
		}
	}
}

func TestLeafletsAreMadeAtOnce(t *testing.T) {
	l := sampleLeaflet()
	wantPNG, _ := pictured(t, l, SizeWallet)
	wantPDF, err := l.PDF(SizeWallet)
	if err != nil {
		t.Fatal(err)
	}
	var g sync.WaitGroup
	for i := range 6 {
		g.Go(func() {
			other := sampleLeaflet()
			other.Elder = string(rune(0x4E00 + i))
			if _, err := other.PDF(SizeA4); err != nil {
				t.Error(err)
			}
			if b, err := l.PNG(SizeWallet); err != nil || !bytes.Equal(b, wantPNG) {
				t.Errorf("another picture of the same card: %v", err)
			}
			if b, err := l.PDF(SizeWallet); err != nil || !bytes.Equal(b, wantPDF) {
				t.Errorf("another print of the same card: %v", err)
			}
		})
	}
	g.Wait()
}

func BenchmarkLeaflet(b *testing.B) {
	l := sampleLeaflet()
	l.Link = linkOf(330)
	for name, size := range leafletSizes {
		for kind, make := range map[string]func(LeafletSize) ([]byte, error){"PNG": l.PNG, "PDF": l.PDF} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				if _, err := make(size); err != nil { // the font is unpacked once in a process
					b.Fatal(err)
				}
				bytes := 0
				for b.Loop() {
					out, err := make(size)
					if err != nil {
						b.Fatal(err)
					}
					bytes = len(out)
				}
				b.ReportMetric(float64(bytes), "bytes/card")
			})
		}
	}
}
