package bot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	_ "image/png" // members send JPEG and PNG (wecom/90253)
	"os"
	"path/filepath"

	"github.com/bep/imagemeta"
	"golang.org/x/image/draw"
)

// Album keeps photos as files named by their content, so that one picture is stored once however often it is sent. No
// HTTP path leads to it.
type Album struct{ dir string }

// ErrNoPicture says that bytes are not a picture we can read.
var ErrNoPicture = errors.New("not a readable picture")

const (
	photoSide   = 1600       // pixels of the longer side kept: enough to see a socket, no more than is needed
	photoPixels = 60_000_000 // a picture that unpacks to more is a bomb
)

// NewAlbum opens an album in a folder and makes the folder.
func NewAlbum(dir string) (*Album, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for photos: %w", err)
	}
	return &Album{dir: dir}, nil
}

// Keep strips a picture of everything but the picture — place, time, device, whatever a phone writes into it — and stores
// it. It is upright afterwards, since the note that said how to turn it is gone. Hash is the SHA-256 of the stored bytes.
func (a *Album) Keep(data []byte) (hash string, size int, err error) {
	cfg, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || cfg.Width <= 0 || cfg.Height <= 0 || cfg.Width*cfg.Height > photoPixels {
		return "", 0, ErrNoPicture
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return "", 0, ErrNoPicture
	}
	img = upright(shrink(img), orientation(data, format))
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 85}); err != nil {
		return "", 0, fmt.Errorf("encode photo: %w", err)
	}
	sum := sha256.Sum256(out.Bytes())
	hash = hex.EncodeToString(sum[:])
	return hash, out.Len(), a.write(hash, out.Bytes())
}

// Path is where a photo lies.
func (a *Album) Path(hash string) string { return filepath.Join(a.dir, hash[:2], hash+".jpg") }

// write puts the file there whole or not at all.
func (a *Album) write(hash string, data []byte) error {
	path := a.Path(hash)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("store photo: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("store photo: %w", err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("store photo: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

func shrink(img image.Image) image.Image {
	b := img.Bounds()
	long := max(b.Dx(), b.Dy())
	if long <= photoSide {
		return img
	}
	dst := image.NewRGBA(image.Rect(0, 0, max(1, b.Dx()*photoSide/long), max(1, b.Dy()*photoSide/long)))
	draw.ApproxBiLinear.Scale(dst, dst.Bounds(), img, b, draw.Src, nil)
	return dst
}

// orientation is the EXIF note on how to turn the picture, 1 (as it is) where there is none.
func orientation(data []byte, format string) int {
	if format != "jpeg" {
		return 1
	}
	turn := 1
	_, err := imagemeta.Decode(imagemeta.Options{
		R: bytes.NewReader(data), ImageFormat: imagemeta.JPEG, Sources: imagemeta.EXIF,
		ShouldHandleTag: func(t imagemeta.TagInfo) bool { return t.Tag == "Orientation" },
		HandleTag: func(t imagemeta.TagInfo) error {
			if v, ok := t.Value.(uint16); ok && v >= 1 && v <= 8 {
				turn = int(v)
			}
			return nil
		},
	})
	if err != nil { // a broken note is no reason to lose the picture
		return 1
	}
	return turn
}

// upright turns and mirrors by the eight EXIF orientations.
func upright(img image.Image, turn int) image.Image {
	if turn == 1 {
		return img
	}
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if turn >= 5 {
		w, h = h, w
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range b.Dy() {
		for x := range b.Dx() {
			tx, ty := x, y
			switch turn {
			case 2:
				tx = w - 1 - x
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				ty = h - 1 - y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = w-1-y, x
			case 7:
				tx, ty = w-1-y, h-1-x
			case 8:
				tx, ty = y, h-1-x
			}
			dst.Set(tx, ty, img.At(b.Min.X+x, b.Min.Y+y))
		}
	}
	return dst
}
