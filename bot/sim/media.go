package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	_ "image/jpeg" // media are JPG or PNG
	_ "image/png"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// item is one uploaded or received medium.
type item struct {
	id      string
	kind    string // image, voice, video, file
	name    string
	mime    string
	data    []byte
	at      time.Time
	forGood bool // uploadimg
}

const (
	mediaLife  = 3 * 24 * time.Hour
	mediaCap   = 256 << 20 // in memory, all together
	maxPicture = 2 << 20   // uploadimg
	minMedia   = 6         // "more than 5 bytes"
)

// mediaLimits by type: path/90253.
var mediaLimits = map[string]int{"image": 10 << 20, "voice": 2 << 20, "video": 10 << 20, "file": 20 << 20}

// mediaStore forgets the oldest when it is full.
type mediaStore struct {
	mu    sync.Mutex
	items map[string]*item
	order []*item
	size  int
}

func (m *mediaStore) init() { m.items = map[string]*item{} }

func (m *mediaStore) put(now time.Time, kind, name string, data []byte) string {
	return m.add(&item{id: randomCode(), kind: kind, name: name, mime: mimeOf(kind, name, data), data: data, at: now})
}

func (m *mediaStore) add(it *item) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.items[it.id] = it
	m.order = append(m.order, it)
	m.size += len(it.data)
	for m.size > mediaCap && len(m.order) > 1 {
		old := m.order[0]
		m.order[0] = nil
		m.order = m.order[1:]
		m.size -= len(old.data)
		delete(m.items, old.id)
	}
	return it.id
}

// get finds a medium of a type, while it lives.
func (m *mediaStore) get(id, kind string, now time.Time) *item {
	it := m.find(id)
	if it == nil || it.kind != kind || !it.alive(now) {
		return nil
	}
	return it
}

func (m *mediaStore) find(id string) *item {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.items[id]
}

func (it *item) alive(now time.Time) bool { return it.forGood || now.Sub(it.at) < mediaLife }

func mediaURL(id string) string { return "/sim/media/" + id }

// show puts a medium into the message that carries it.
func (it *item) show(m *Message) {
	m.MediaURL = mediaURL(it.id)
	switch it.kind {
	case "file", "image":
		m.Title = it.name
	case "voice":
		length, _ := amrLength(it.data)
		m.Label = strconv.Itoa(int(length.Round(time.Second)/time.Second)) + "″"
	}
}

func mimeOf(kind, name string, data []byte) string {
	switch kind {
	case "voice":
		return "audio/amr"
	case "video":
		return "video/mp4"
	case "image":
		return http.DetectContentType(data)
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		if t := mime.TypeByExtension(name[i:]); t != "" {
			return t
		}
	}
	return "application/octet-stream"
}

// upload takes a temporary medium: path/90253.
func (c *call) upload() (any, error) {
	kind := c.query.Get("type")
	limit, known := mediaLimits[kind]
	if !known {
		return nil, fail(40005, "invalid media type")
	}
	c.title += " · " + kind
	name, data, err := c.part("media", limit)
	if err != nil {
		return nil, err
	}
	if err := checkMedia(kind, data); err != nil {
		return nil, err
	}
	id := c.media.put(c.at, kind, name, data)
	return struct {
		ErrCode int    `json:"errcode"`
		ErrMsg  string `json:"errmsg"` // empty on success, unlike elsewhere
		Type    string `json:"type"`
		MediaID string `json:"media_id"`
		Created string `json:"created_at"` // a string
	}{0, "", kind, id, strconv.FormatInt(c.at.Unix(), 10)}, nil
}

// uploadPicture takes a picture for good: path/90256.
func (c *call) uploadPicture() (any, error) {
	name, data, err := c.part("", maxPicture)
	if err != nil {
		return nil, err
	}
	if err := checkMedia("image", data); err != nil {
		return nil, err
	}
	id := c.media.add(&item{id: randomCode(), kind: "image", name: name, mime: http.DetectContentType(data), data: data, at: c.at, forGood: true})
	return struct {
		ErrCode int    `json:"errcode"`
		ErrMsg  string `json:"errmsg"`
		URL     string `json:"url"`
	}{0, "", "http://" + c.r.Host + mediaURL(id)}, nil
}

// part reads one file of a multipart form; no field name: any.
func (c *call) part(field string, limit int) (name string, data []byte, err error) {
	form, err := c.r.MultipartReader()
	if err != nil {
		return "", nil, fail(44001, "empty media data")
	}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return "", nil, fail(44001, "empty media data")
		}
		if err != nil {
			return "", nil, fail(40058, "invalid multipart body")
		}
		if part.FileName() == "" || (field != "" && part.FormName() != field) {
			continue
		}
		data, err = readPart(part, limit)
		// The inspector shows what came, not its bytes.
		c.body, _ = json.Marshal(filePart{part.FormName(), part.FileName(), part.Header.Get("Content-Type"), len(data)})
		return part.FileName(), data, err
	}
}

// filePart is what the trace of an upload keeps of it.
type filePart struct {
	Field string `json:"field"`
	Name  string `json:"filename"`
	Type  string `json:"content_type"`
	Bytes int    `json:"bytes"`
}

func readPart(part *multipart.Part, limit int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(part, int64(limit)+1))
	switch {
	case err != nil:
		return nil, fail(40058, "invalid multipart body")
	case len(data) == 0:
		return nil, fail(44001, "empty media data")
	case len(data) < minMedia:
		return nil, fail(40006, "invalid media size")
	case len(data) > limit:
		return nil, fail(45001, "media size out of limit")
	}
	return data, nil
}

// checkMedia looks at the bytes, not at the name.
func checkMedia(kind string, data []byte) error {
	switch kind {
	case "image":
		if t := http.DetectContentType(data); t != "image/jpeg" && t != "image/png" {
			return fail(40004, "invalid media file type")
		}
		if _, _, err := image.DecodeConfig(bytes.NewReader(data)); err != nil {
			return fail(40123, "invalid image")
		}
	case "voice":
		length, amr := amrLength(data)
		if !amr {
			return fail(40004, "invalid media file type")
		}
		if length > time.Minute {
			return fail(45007, "playtime out of limit")
		}
	case "video":
		if len(data) < 12 || string(data[4:8]) != "ftyp" {
			return fail(40004, "invalid media file type")
		}
	}
	return nil
}

// amrFrame is the size of a narrow-band frame by its type, header byte included (RFC 4867).
var amrFrame = [16]int{13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1}

const amrHead = "#!AMR\n"

// amrLength counts frames of 20 ms.
func amrLength(data []byte) (time.Duration, bool) {
	if !bytes.HasPrefix(data, []byte(amrHead)) {
		return 0, false
	}
	frames := 0
	for i := len(amrHead); i < len(data); frames++ {
		i += amrFrame[data[i]>>3&15]
	}
	return time.Duration(frames) * 20 * time.Millisecond, true
}

// amrSilence is what the page's hold-to-talk sends: two seconds of nothing.
func amrSilence() []byte { return append([]byte(amrHead), bytes.Repeat([]byte{15 << 3}, 100)...) }

// download gives a medium: path/90254. A failure is JSON with status 200; Range gives 206.
func (c *call) download() (any, error) {
	id := c.query.Get("media_id")
	it := c.media.find(id)
	switch {
	case id == "":
		return nil, fail(41006, "missing media_id")
	case it == nil || !it.alive(c.at):
		return nil, fail(40007, "invalid media_id")
	case !goodRange(c.r.Header.Get("Range"), len(it.data)):
		return nil, fail(40146, "invalid range")
	}
	it.serve(c.w, c.r)
	return written{len(it.data), it.mime}, nil
}

func (it *item) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", it.mime)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": it.name}))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(it.data))
}

// goodRange wants one range "bytes=a-b" that begins within the file; no range is good.
func goodRange(header string, size int) bool {
	if header == "" {
		return true
	}
	spec, found := strings.CutPrefix(header, "bytes=")
	from, to, dash := strings.Cut(spec, "-")
	a, err := strconv.Atoi(from)
	if !found || !dash || err != nil || a >= size {
		return false
	}
	if to == "" {
		return true
	}
	b, err := strconv.Atoi(to)
	return err == nil && b >= a
}
