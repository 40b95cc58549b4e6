package bot

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	_ "image/png" // members send JPEG and PNG (wecom/90253)
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bep/imagemeta"
	"github.com/vitali-fedulov/images4"
	"golang.org/x/image/draw"
)

// Album keeps photos, and what was spoken, as sealed files named by their content, so that one picture is stored once however
// often it is sent. No HTTP path leads to it.
type Album struct {
	dir  string
	keys Keys
}

// Keys seal and open bytes for a place.
type Keys interface {
	Seal(place string, plain []byte) []byte
	Open(place string, sealed []byte) ([]byte, error)
}

// ErrNoPicture says that bytes are not a picture we can read; ErrNoVoice, that they are nothing spoken.
var (
	ErrNoPicture = errors.New("not a readable picture")
	ErrNoVoice   = errors.New("not a recording")
)

const (
	maxVoice    = 2 << 20    // bytes: a minute of AMR is a twentieth of it (wecom/90253)
	photoSide   = 1600       // pixels of the longer side kept: enough to see a socket, no more than is needed
	photoPixels = 60_000_000 // a picture that unpacks to more is a bomb
)

// NewAlbum opens an album in a folder and makes the folder.
func NewAlbum(dir string, keys Keys) (*Album, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for photos: %w", err)
	}
	return &Album{dir: dir, keys: keys}, nil
}

// Keep strips a picture of everything but the picture — place, time, device, whatever a phone writes into it — and stores
// it. It is upright afterwards, since the note that said how to turn it is gone. Hash is the SHA-256 of the stored bytes, look
// is for alike.
func (a *Album) Keep(data []byte) (hash string, size int, look string, err error) {
	cfg, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || cfg.Width <= 0 || cfg.Height <= 0 || cfg.Width*cfg.Height > photoPixels {
		return "", 0, "", ErrNoPicture
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return "", 0, "", ErrNoPicture
	}
	img = upright(shrink(img), orientation(data, format))
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 85}); err != nil {
		return "", 0, "", fmt.Errorf("encode photo: %w", err)
	}
	hash, size, err = a.keep(out.Bytes())
	return hash, size, lookOf(img), err
}

// KeepVoice stores something spoken as it came: AMR, or the speex of WeCom's better recordings, which come in Ogg or bare
// (wecom/90254, 90255).
func (a *Album) KeepVoice(data []byte, contentType string) (hash string, size int, err error) {
	amr := bytes.HasPrefix(data, []byte("#!AMR"))
	speex := bytes.HasPrefix(data, []byte("OggS")) && bytes.Contains(data[:min(len(data), 64)], []byte("Speex   ")) ||
		strings.HasPrefix(contentType, "voice/speex")
	if !amr && !speex || len(data) == 0 || len(data) > maxVoice {
		return "", 0, ErrNoVoice
	}
	return a.keep(data)
}

// lookOf is what a picture looks like in a few hundred characters: width and height, and eleven by eleven spots of light and
// colour. It is kept sealed, since it is a picture, if a rough one.
func lookOf(img image.Image) string {
	icon := images4.Icon(img)
	out := binary.BigEndian.AppendUint16(nil, uint16(icon.ImgSize.X))
	out = binary.BigEndian.AppendUint16(out, uint16(icon.ImgSize.Y))
	for _, p := range icon.Pixels {
		out = append(out, byte(p/255)) // the library's are premultiplied by 255
	}
	return base64.RawStdEncoding.EncodeToString(out)
}

const lookSize = 4 + 3*images4.IconSize*images4.IconSize

// iconOf reads a look; false where there is none.
func iconOf(look string) (icon images4.IconT, ok bool) {
	raw, err := base64.RawStdEncoding.DecodeString(look)
	if err != nil || len(raw) != lookSize {
		return icon, false
	}
	icon.ImgSize = image.Pt(int(binary.BigEndian.Uint16(raw)), int(binary.BigEndian.Uint16(raw[2:])))
	icon.Pixels = make([]uint16, 0, len(raw)-4)
	for _, p := range raw[4:] {
		icon.Pixels = append(icon.Pixels, uint16(p)*255)
	}
	return icon, icon.ImgSize.X > 0 && icon.ImgSize.Y > 0
}

// alike says whether two looks are of one picture, as far as can be told: sent smaller, brighter, paler or a little cropped.
// Two pictures of one stove may be alike, too, so this is never more than a reason to ask.
func alike(a, b images4.IconT) bool { return images4.CustomSimilar(a, b, sameness) }

// sameness loosens the library's measure for colour, which a bright or heavily packed copy of a grey room loses first; light and shade
// decide. TestAlike has the pictures.
var sameness = images4.CustomCoefficients{Y: 1, Cb: 4, Cr: 4, Prop: 1}

// Path is where a photo lies.
func (a *Album) Path(hash string) string { return filepath.Join(a.dir, hash[:2], hash+".sealed") }

// Photo is a picture, a JPEG. ErrNoPicture: it is not here. The caller has asked ledger.May.
func (a *Album) Photo(hash string) ([]byte, error) {
	if !isHash(hash) {
		return nil, ErrNoPicture
	}
	sealed, err := os.ReadFile(a.Path(hash))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNoPicture
	}
	if err != nil {
		return nil, fmt.Errorf("read photo: %w", err)
	}
	return a.keys.Open(placeOf(hash), sealed)
}

// Remove deletes a photo; one that is gone already is no error.
func (a *Album) Remove(hash string) error {
	if !isHash(hash) {
		return nil
	}
	if err := os.Remove(a.Path(hash)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("delete photo: %w", err)
	}
	return nil
}

// Reseal brings every photo under the newest key, those of older versions of the program, which lay there as they were, too.
// It may break off and be run again.
func (a *Album) Reseal() (n int, err error) {
	err = filepath.WalkDir(a.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		hash, ext := strings.TrimSuffix(d.Name(), filepath.Ext(path)), filepath.Ext(path)
		if !isHash(hash) || ext != ".jpg" && ext != ".sealed" {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read photo: %w", err)
		}
		if ext == ".sealed" {
			if data, err = a.keys.Open(placeOf(hash), data); err != nil {
				return err
			}
		}
		if err := a.write(hash, data); err != nil {
			return err
		}
		n++
		if ext == ".jpg" {
			return os.Remove(path)
		}
		return nil
	})
	if err != nil {
		return n, fmt.Errorf("seal the photos anew: %w", err)
	}
	return n, nil
}

// Plain says whether photos of an older version lie here unsealed.
func (a *Album) Plain() (bool, error) {
	old, err := filepath.Glob(filepath.Join(a.dir, "??", "*.jpg"))
	return len(old) > 0, err
}

func placeOf(hash string) string { return "photos:" + hash }

func isHash(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == sha256.Size
}

// keep writes bytes that are not there yet.
func (a *Album) keep(data []byte) (hash string, size int, err error) {
	sum := sha256.Sum256(data)
	hash = hex.EncodeToString(sum[:])
	if _, err := os.Stat(a.Path(hash)); err == nil {
		return hash, len(data), nil
	}
	return hash, len(data), a.write(hash, data)
}

// write puts the file there, sealed, whole or not at all.
func (a *Album) write(hash string, data []byte) error {
	path := a.Path(hash)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("store photo: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("store photo: %w", err)
	}
	_, err = f.Write(a.keys.Seal(placeOf(hash), data))
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
