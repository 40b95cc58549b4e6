package sim

import (
	"bytes"
	"encoding/binary"
	"image/jpeg"
	"net/http"
	"testing"
)

func TestDrawingsCarryEXIF(t *testing.T) {
	turns := 0
	for _, d := range drawings() {
		img, err := jpeg.Decode(bytes.NewReader(d.jpeg))
		if err != nil {
			t.Fatalf("%s: %v", d.ID, err)
		}
		exif := d.jpeg[12:]
		if string(d.jpeg[6:10]) != "Exif" || string(exif[:4]) != "MM\x00*" {
			t.Fatalf("%s: no EXIF", d.ID)
		}
		orientation := binary.BigEndian.Uint16(exif[18:])
		wide := img.Bounds().Dx() > img.Bounds().Dy()
		if (orientation == 1) != wide || (orientation == 6) == wide {
			t.Errorf("%s: orientation %d, wide %v", d.ID, orientation, wide)
		}
		if orientation == 6 {
			turns++
		}
		gps := exif[binary.BigEndian.Uint32(exif[30:]):]
		if binary.BigEndian.Uint16(exif[22:]) != 0x8825 || binary.BigEndian.Uint16(gps) != 4 || gps[10] != 'N' {
			t.Errorf("%s: no place", d.ID)
		}
		place := exif[binary.BigEndian.Uint32(gps[22:]):]
		if binary.BigEndian.Uint32(place) != 30 {
			t.Errorf("%s: latitude %d", d.ID, binary.BigEndian.Uint32(place))
		}
		if http.DetectContentType(d.jpeg) != "image/jpeg" || checkMedia("image", d.jpeg) != nil {
			t.Errorf("%s: not a picture to WeCom", d.ID)
		}
	}
	if len(drawings()) != 6 || turns != 2 || findDrawing("none") != nil {
		t.Error(len(drawings()), turns)
	}
}
