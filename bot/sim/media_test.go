package sim

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func TestRow63_MediaLimits(t *testing.T) {
	w := newWorld(t)
	jpg := drawings()[1].jpeg
	padded := func(head []byte, size int) []byte { return append(bytes.Clone(head), make([]byte, size-len(head))...) }
	mp4 := []byte("0000ftypmp42")
	for name, c := range map[string]struct {
		kind string
		data []byte
		code int
	}{
		"empty":            {"image", nil, 44001},
		"5 bytes":          {"file", []byte("12345"), 40006},
		"6 bytes":          {"file", []byte("123456"), 0},
		"image 10 MB":      {"image", padded(jpg, 10<<20), 0},
		"image over 10 MB": {"image", padded(jpg, 10<<20+1), 45001},
		"image of text":    {"image", []byte("not a picture"), 40004},
		"gif":              {"image", []byte("GIF89a......"), 40004},
		"broken jpeg":      {"image", []byte("\xff\xd8\xff\xe0 broken"), 40123},
		"voice":            {"voice", amrSilence(), 0},
		"voice of mp3":     {"voice", []byte("ID3....."), 40004},
		"voice over 2 MB":  {"voice", padded([]byte(amrHead), 2<<20+1), 45001},
		"voice 60 s":       {"voice", append([]byte(amrHead), bytes.Repeat([]byte{15 << 3}, 3000)...), 0},
		"voice over 60 s":  {"voice", append([]byte(amrHead), bytes.Repeat([]byte{15 << 3}, 3001)...), 45007},
		"video":            {"video", mp4, 0},
		"video over 10 MB": {"video", padded(mp4, 10<<20+1), 45001},
		"video of text":    {"video", []byte("not a video at all"), 40004},
		"file over 20 MB":  {"file", make([]byte, 20<<20+1), 45001},
		"unknown type":     {"poem", []byte("123456"), 40005},
	} {
		if r := w.upload(c.kind, "a", c.data); r.code() != c.code {
			t.Errorf("%s: errcode %d, want %d", name, r.code(), c.code)
		}
	}
	w.postFile("media/upload?type=file", "other", "a", []byte("123456")).wants(44001)
	w.postFile("media/upload?type=file", "media", "", []byte("123456")).wants(44001) // without a file name it is no file
	w.post("media/upload?type=file", "no form").wants(44001)
	w.postFile("media/uploadimg", "any", "a.jpg", padded(jpg, 2<<20+1)).wants(45001)
}

func TestRow64_CreatedAtIsAString(t *testing.T) {
	w := newWorld(t)
	r := w.upload("image", "a.jpg", drawings()[1].jpeg).wants(0)
	if r.text("created_at") != strconv.FormatInt(morning.Unix(), 10) || r.text("type") != "image" || r.text("errmsg") != "" {
		t.Error(r.body)
	}
}

func (w *world) download(id, byteRange string) (*http.Response, []byte) {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodGet, w.url("media/get?media_id="+id), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if byteRange != "" {
		req.Header.Set("Range", byteRange)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res, body
}

func TestRow65_Download(t *testing.T) {
	w := newWorld(t)
	data := []byte("0123456789abcdef")
	id := w.upload("file", "台账.txt", data).text("media_id")
	res, body := w.download(id, "")
	if !bytes.Equal(body, data) || res.StatusCode != 200 || res.ContentLength != 16 || res.Header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("%v %q", res.Header, body)
	}
	wantIn(t, res.Header.Get("Content-Disposition"), "attachment; filename")
	res, body = w.download(id, "bytes=4-7")
	if string(body) != "4567" || res.StatusCode != 206 || res.Header.Get("Content-Range") != "bytes 4-7/16" {
		t.Errorf("%d %v %q", res.StatusCode, res.Header, body)
	}
	for _, c := range []struct{ id, byteRange, code string }{
		{"none", "", "40007"}, {"", "", "41006"}, {id, "bytes=16-", "40146"}, {id, "words=1-2", "40146"}, {id, "bytes=5-2", "40146"},
	} {
		res, body := w.download(c.id, c.byteRange)
		if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") || res.Header.Get("Content-Disposition") != "" {
			t.Errorf("%+v: %d %v", c, res.StatusCode, res.Header)
		}
		wantIn(t, string(body), `"errcode":`+c.code)
	}
}

func TestAMembersPhotoCanBeFetched(t *testing.T) {
	w := newWorld(t)
	photo := drawings()[0].jpeg
	w.delivered(w.Photo("mayun", photo), 1)
	res, body := w.download(between(w.bot.heard()[0], "MediaId"), "")
	if !bytes.Equal(body, photo) || res.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("%d bytes, %v", len(body), res.Header)
	}
}

func TestUploadimgGivesAURLForGood(t *testing.T) {
	w := newWorld(t)
	link := w.postFile("media/uploadimg", "any", "a.jpg", drawings()[1].jpeg).wants(0).text("url")
	w.pass(100 * 24 * 3600e9)
	res, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Header.Get("Content-Type") != "image/jpeg" {
		t.Error(res.Status)
	}
}

func TestMediaForgetTheOldestWhenFull(t *testing.T) {
	var m mediaStore
	m.init()
	big := make([]byte, mediaCap/4)
	first := m.put(morning, "file", "1", big)
	for range 4 {
		m.put(morning, "file", "n", big)
	}
	if m.find(first) != nil || len(m.items) != 4 || m.size != mediaCap {
		t.Errorf("%d items, %d bytes", len(m.items), m.size)
	}
}

// What the app draws for a member: uploaded, sent, shown, and told by the inspector without its bytes.
func TestAPictureOfTheApp(t *testing.T) {
	w := newWorld(t)
	data := drawings()[2].jpeg
	up := w.upload("image", "巡访.jpg", data).wants(0)
	sent := w.send(`"msgtype":"image","image":{"media_id":"` + up.text("media_id") + `"}`).wants(0)
	m := w.shown("mayun", 1)[0]
	if m.Type != "image" || m.From != "app" || m.Title != "巡访.jpg" || m.MsgID != sent.text("msgid") {
		t.Errorf("%+v", m)
	}
	res, err := http.Get(w.api.URL + m.MediaURL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, data) {
		t.Errorf("the phone got %d bytes of %d: %v", len(got), len(data), err)
	}
	n, err := strconv.Atoi(m.Trace)
	if err != nil {
		t.Fatal(err)
	}
	trace := w.page("GET", "/sim/trace/"+strconv.Itoa(n-1), "", 200) // the upload came just before
	request, ok := trace["request"].(map[string]any)
	if !ok || trace["title"] != "media/upload · image" || request["filename"] != "巡访.jpg" || request["field"] != "media" ||
		request["bytes"] != float64(len(data)) || len(request) != 4 {
		t.Errorf("%v", trace)
	}

	w.send(`"msgtype":"image","image":{"media_id":"` + w.upload("file", "a.png", data).text("media_id") + `"}`).wants(40007)
	w.send(`"msgtype":"image","image":{"media_id":""}`).wants(41006)
	w.pass(mediaLife)
	w.token = w.get("gettoken?corpid=" + testCorp + "&corpsecret=" + testSecret).text("access_token")
	w.send(`"msgtype":"image","image":{"media_id":"` + up.text("media_id") + `"}`).wants(40007)
	w.shown("mayun", 1)
}
