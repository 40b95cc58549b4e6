package sim

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"sync"
)

// drawing is a built-in photo. Its JPEG carries what a cheap phone's photo carries: an orientation, and a place.
type drawing struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	URL  string `json:"url"`
	jpeg []byte
}

const drawingW, drawingH = 480, 360

// drawings are made once, when first needed.
var drawings = sync.OnceValue(func() []drawing {
	sketches := []struct {
		id, name string
		sideways bool // stored turned by 90°, put right by EXIF orientation 6
		paint    func(sheet)
	}{
		{"yard", "院子", true, paintYard},
		{"stove", "炉子", false, paintStove},
		{"socket", "插座", false, paintSocket},
		{"room", "屋里", false, paintRoom},
		{"door", "院门", true, paintDoor},
		{"stairs", "楼梯", false, paintStairs},
	}
	var all []drawing
	for _, k := range sketches {
		s := sheet{image.NewRGBA(image.Rect(0, 0, drawingW, drawingH))}
		k.paint(s)
		var picture image.Image = s.RGBA
		orientation := uint16(1)
		if k.sideways {
			picture, orientation = turned(s.RGBA), 6
		}
		var b bytes.Buffer
		jpeg.Encode(&b, picture, &jpeg.Options{Quality: 82}) // a buffer takes everything
		all = append(all, drawing{k.id, k.name, "/sim/drawing/" + k.id, withEXIF(b.Bytes(), orientation)})
	}
	return all
})

func findDrawing(id string) *drawing {
	for _, d := range drawings() {
		if d.ID == id {
			return &d
		}
	}
	return nil
}

// sheet is paper to draw flat shapes on.
type sheet struct{ *image.RGBA }

func ink(rgb uint32) *image.Uniform {
	return image.NewUniform(color.RGBA{uint8(rgb >> 16), uint8(rgb >> 8), uint8(rgb), 255})
}

func (s sheet) box(x, y, w, h int, rgb uint32) {
	draw.Draw(s.RGBA, image.Rect(x, y, x+w, y+h), ink(rgb), image.Point{}, draw.Src)
}

// shape fills where inside says so.
func (s sheet) shape(x, y, w, h int, rgb uint32, inside func(x, y int) bool) {
	c := ink(rgb).C
	for j := y; j < y+h; j++ {
		for i := x; i < x+w; i++ {
			if inside(i, j) {
				s.Set(i, j, c)
			}
		}
	}
}

func (s sheet) disc(cx, cy, r int, rgb uint32) {
	s.shape(cx-r, cy-r, 2*r, 2*r, rgb, func(x, y int) bool { return (x-cx)*(x-cx)+(y-cy)*(y-cy) < r*r })
}

// roof is a triangle standing on y+h.
func (s sheet) roof(x, y, w, h int, rgb uint32) {
	s.shape(x, y, w, h, rgb, func(i, j int) bool {
		half := (j - y) * w / (2 * h)
		return i >= x+w/2-half && i <= x+w/2+half
	})
}

func paintYard(s sheet) {
	s.box(0, 0, 480, 210, 0xbfdcec)
	s.disc(400, 60, 34, 0xf6d77a)
	s.box(0, 210, 480, 150, 0xcbb892)
	s.roof(70, 70, 260, 70, 0x9a5b42)
	s.box(95, 140, 210, 100, 0xe9dcc3)
	s.box(180, 165, 46, 75, 0x7a4a34)
	s.box(115, 165, 44, 38, 0x8fb6c9)
	s.box(247, 165, 44, 38, 0x8fb6c9)
	s.box(372, 150, 14, 95, 0x6f5136)
	s.disc(379, 135, 46, 0x6f9a57)
	s.box(150, 285, 90, 10, 0x7d684a)
	s.box(160, 295, 8, 24, 0x7d684a)
	s.box(222, 295, 8, 24, 0x7d684a)
}

func paintStove(s sheet) {
	s.box(0, 0, 480, 280, 0xe6e1d6)
	s.box(0, 280, 480, 80, 0x9b8d7a)
	s.box(262, 0, 34, 150, 0x767b80)
	s.box(150, 150, 180, 140, 0x4b4f55)
	s.box(135, 138, 210, 18, 0x36393d)
	s.box(185, 200, 110, 62, 0x2a2c2f)
	s.disc(240, 240, 24, 0xe2733a)
	s.disc(240, 246, 14, 0xf6c453)
	s.disc(225, 112, 30, 0xaab4ba)
	s.box(196, 112, 58, 26, 0xaab4ba)
	s.box(254, 108, 22, 8, 0xaab4ba)
	s.box(160, 290, 14, 22, 0x36393d)
	s.box(306, 290, 14, 22, 0x36393d)
}

func paintSocket(s sheet) {
	s.box(0, 0, 480, 360, 0xe9e4da)
	s.box(0, 318, 480, 42, 0xb89a72)
	s.box(165, 90, 150, 150, 0xfbfaf7)
	s.box(172, 97, 136, 136, 0xefece5)
	s.box(205, 130, 12, 26, 0x494743)
	s.box(263, 130, 12, 26, 0x494743)
	s.box(212, 180, 10, 24, 0x494743)
	s.box(258, 180, 10, 24, 0x494743)
	s.disc(300, 110, 46, 0x8a7458)
	s.disc(296, 114, 30, 0x574635)
	s.box(236, 240, 10, 90, 0x3b3a38)
}

func paintRoom(s sheet) {
	s.box(0, 0, 480, 250, 0xede2cf)
	s.box(0, 250, 480, 110, 0xa98b66)
	s.box(40, 50, 120, 90, 0xffffff)
	s.box(48, 58, 48, 74, 0xaed2e4)
	s.box(104, 58, 48, 74, 0xaed2e4)
	s.box(230, 190, 220, 80, 0xb04a3f)
	s.box(230, 170, 220, 26, 0xd98b6a)
	s.box(236, 150, 60, 30, 0xf6efe2)
	s.box(50, 220, 110, 14, 0x6e5038)
	s.box(58, 234, 10, 60, 0x6e5038)
	s.box(142, 234, 10, 60, 0x6e5038)
	s.box(84, 196, 20, 24, 0xd9ecf2)
	s.disc(350, 80, 30, 0xffffff)
	s.box(348, 60, 4, 22, 0x333333)
	s.box(350, 78, 16, 4, 0x333333)
}

func paintDoor(s sheet) {
	s.box(0, 0, 480, 300, 0xc9a27e)
	for y := 0; y < 300; y += 24 {
		s.box(0, y, 480, 2, 0xb38b67)
	}
	s.box(0, 300, 480, 60, 0x9c9284)
	s.box(135, 50, 210, 250, 0x5a2f22)
	s.box(147, 62, 90, 238, 0x8b3a2b)
	s.box(243, 62, 90, 238, 0x8b3a2b)
	s.box(165, 100, 54, 54, 0xd9b45a)
	s.box(261, 100, 54, 54, 0xd9b45a)
	s.disc(226, 190, 8, 0xd9b45a)
	s.disc(254, 190, 8, 0xd9b45a)
	s.box(120, 20, 240, 30, 0x6f3b2b)
}

func paintStairs(s sheet) {
	s.box(0, 0, 480, 360, 0xe3e1dc)
	for i := range 8 {
		s.box(60+i*45, 310-i*34, 420-i*45, 34, 0xb7b1a6-uint32(i)*0x030303)
		s.box(60+i*45, 310-i*34, 420-i*45, 5, 0xd5d0c6)
	}
	s.box(70, 150, 6, 165, 0x58606a)
	s.shape(70, 0, 380, 200, 0x58606a, func(x, y int) bool { d := y + (x-70)*34/45 - 152; return d >= 0 && d < 8 })
	s.disc(250, 300, 26, 0x7f8f5a)
	s.box(238, 318, 24, 30, 0x9a6b45)
}

// turned is a picture as a phone held upright stores it: a viewer that heeds orientation 6 turns it back clockwise.
func turned(from *image.RGBA) *image.RGBA {
	w, h := from.Rect.Dx(), from.Rect.Dy()
	to := image.NewRGBA(image.Rect(0, 0, h, w))
	for y := range h {
		for x := range w {
			to.SetRGBA(y, w-1-x, from.RGBAAt(x, y))
		}
	}
	return to
}

// withEXIF puts an APP1 segment behind the start of a JPEG. The place is invented: a point in the sea.
func withEXIF(picture []byte, orientation uint16) []byte {
	const (
		ifd0    = 8
		gps     = ifd0 + 2 + 2*12 + 4
		numbers = gps + 2 + 4*12 + 4
	)
	be := binary.BigEndian
	t := append([]byte("MM\x00*"), be.AppendUint32(nil, ifd0)...)
	entry := func(tag, kind uint16, count uint32, value []byte) {
		t = be.AppendUint16(t, tag)
		t = be.AppendUint16(t, kind)
		t = be.AppendUint32(t, count)
		t = append(t, value...)
	}
	const ascii, short, long, rational = 2, 3, 4, 5
	t = be.AppendUint16(t, 2)
	entry(0x0112, short, 1, []byte{0, byte(orientation), 0, 0})
	entry(0x8825, long, 1, be.AppendUint32(nil, gps))
	t = be.AppendUint32(t, 0)
	t = be.AppendUint16(t, 4)
	entry(1, ascii, 2, []byte("N\x00\x00\x00"))
	entry(2, rational, 3, be.AppendUint32(nil, numbers))
	entry(3, ascii, 2, []byte("E\x00\x00\x00"))
	entry(4, rational, 3, be.AppendUint32(nil, numbers+24))
	t = be.AppendUint32(t, 0)
	for _, n := range []uint32{30, 0, 0, 130, 0, 0} { // 30° N 130° E
		t = be.AppendUint32(t, n)
		t = be.AppendUint32(t, 1)
	}
	segment := append([]byte("Exif\x00\x00"), t...)
	out := append([]byte{0xff, 0xd8, 0xff, 0xe1}, be.AppendUint16(nil, uint16(len(segment)+2))...)
	return append(append(out, segment...), picture[2:]...)
}
