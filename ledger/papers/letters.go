package papers

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the font
	"fmt"
	"image"
	"image/color"
	"sort"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// fontFile is Noto Sans SC with every Chinese character it has; font/README.md says how it was made.
//
//go:embed font/NotoSansSC.ttf.gz
var fontFile []byte

// fontData is the font unpacked (10 MB), when the first picture or print is made: one copy for all that read it.
var fontData = sync.OnceValues(func() ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(fontFile))
	if err != nil {
		return nil, fmt.Errorf("unpack the font: %w", err)
	}
	var data bytes.Buffer
	data.Grow(10 << 20)
	if _, err := data.ReadFrom(z); err != nil {
		return nil, fmt.Errorf("unpack the font: %w", err)
	}
	return data.Bytes(), nil
})

// letters is the font to measure and draw with.
var letters = sync.OnceValues(func() (*sfnt.Font, error) {
	data, err := fontData()
	if err != nil {
		return nil, err
	}
	f, err := opentype.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("read the font: %w", err)
	}
	return f, nil
})

// clean leaves what can be drawn: a character the font has not becomes 〓, the printers' sign for one that is missing, and
// what has no shape of its own goes.
func clean(f *sfnt.Font, buf *sfnt.Buffer, words string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.C, unicode.M):
			return -1
		}
		if i, err := f.GlyphIndex(buf, r); err != nil || i == 0 {
			return '〓'
		}
		return r
	}, words))
}

// closing marks begin no line; Chinese texts use both widths of them.
const closing = "·、。」,;:)\uff0c\uff1b\uff1a\uff09"

// wrap breaks clean words, between any two characters but not before a mark that ends something; the last line is shortened.
func wrap(wide func(string) int, width int, words string, lines int) (out []string) {
	rest := []rune(words)
	for len(out) < lines-1 && wide(string(rest)) > width {
		n := max(1, sort.Search(len(rest), func(n int) bool { return wide(string(rest[:n+1])) > width }))
		for n > 1 && strings.ContainsRune(closing, rest[n]) {
			n--
		}
		out, rest = append(out, string(rest[:n])), rest[n:]
	}
	return append(out, fit(wide, width, string(rest)))
}

// fit shortens clean words to a width.
func fit(wide func(string) int, width int, words string) string {
	if wide(words) <= width {
		return words
	}
	rest := []rune(words)
	keep := sort.Search(len(rest), func(n int) bool { return wide(string(rest[:n+1])+"…") > width })
	return string(rest[:keep]) + "…"
}

// coarse draws letters in 16 steps from their colour to the ground's, so that a palette holds them all.
type coarse struct{ font.Face }

func (f coarse) Glyph(dot fixed.Point26_6, r rune) (image.Rectangle, image.Image, image.Point, fixed.Int26_6, bool) {
	at, mask, from, advance, ok := f.Face.Glyph(dot, r)
	if smooth, is := mask.(*image.Alpha); ok && is {
		steps := image.NewAlpha(smooth.Rect)
		for i, a := range smooth.Pix[:len(steps.Pix)] {
			steps.Pix[i] = uint8((int(a) + 8) / 17 * 17)
		}
		mask = steps
	}
	return at, mask, from, advance, ok
}

// fewColours is the same picture with a palette: a quarter of the bytes.
func fewColours(img *image.RGBA) *image.Paletted {
	few, index := image.NewPaletted(img.Rect, nil), map[color.RGBA]uint8{}
	var was color.RGBA
	var at uint8
	for i := range few.Pix {
		c := color.RGBA{img.Pix[4*i], img.Pix[4*i+1], img.Pix[4*i+2], 0xFF}
		if c != was {
			var known bool
			if at, known = index[c]; !known {
				if len(few.Palette) < 256 {
					few.Palette = append(few.Palette, c)
				}
				at = uint8(few.Palette.Index(c)) // where letters touch, the nearest
				index[c] = at
			}
			was = c
		}
		few.Pix[i] = at
	}
	return few
}
