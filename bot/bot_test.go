package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xunfang/bot/sim"
	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/seal"
	"xunfang/store"
	"xunfang/store/storetest"
)

var wednesday = time.Date(2026, 3, 11, 10, 0, 0, 0, beijing)

// TestEffort holds the promise on a visitor's effort: a visit told in a sentence takes two acts and one message of the bot, an
// ordinary visit by card three acts and two messages, a door visit with its photo four acts.
func TestEffort(t *testing.T) {
	for _, c := range []struct {
		name           string
		acts           []string
		most, messages int
	}{
		{"all well by phone", []string{"(菜单)巡访", "▢ 马秀兰 望远 · 电话 · 都好", "[确认]"}, 3, 2},
		{"in a sentence", []string{"张桂花 电话 都好 血压130/80", "[确认]"}, 2, 1},
		{"at the door with a photo", []string{"(菜单)巡访", "▢ 马秀兰 望远 · 上门 · 都好", "(照片)", "[确认]"}, 4, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &pure{}
			p := &player{w: w, cards: map[string][]ledger.Card{}}
			p.set(t, strings.Fields("2026-03-11 10:00 wangfang"))
			messages, visits := 0, 0
			for _, act := range c.acts {
				if err := p.act(act); err != nil {
					t.Fatal(err)
				}
				outs := w.take()
				p.show(outs)
				for _, o := range outs {
					if o.record == "" && !o.update {
						messages++
					}
					if strings.HasPrefix(o.record, "visit ") {
						visits++
					}
				}
			}
			if len(c.acts) > c.most || messages > c.messages || visits != 1 {
				t.Errorf("%d acts, %d messages, %d visits; want at most %d acts, %d messages and one visit", len(c.acts), messages, visits, c.most, c.messages)
			}
		})
	}
}

// TestPassive greys tapped cards by the encrypted passive reply, where a county has switched that on.
func TestPassive(t *testing.T) {
	r := newRig(t, storetest.SQLite, "yongning", wednesday, func(o *Options) { o.Passive = true })
	r.sim.Say("wangfang", "张桂兰 电话 都好")
	r.settle(t)
	shown := r.sim.Messages("wangfang")
	card := shown[len(shown)-1]
	d, err := r.sim.Tap("wangfang", card.ID, "yes", map[string][]string{"recheck": {"no"}})
	if err != nil || d.Err != "" || !strings.Contains(d.Reply, "<![CDATA[收到]]>") {
		t.Fatalf("tap: %v, passive reply %q %s", err, d.Reply, d.Err)
	}
	r.settle(t)
	shown = r.sim.Messages("wangfang")
	if c := shown[len(shown)-2]; !c.Disabled || c.ReplaceText != "收到" {
		t.Errorf("the card is not grey: %q", c.ReplaceText)
	}
	if m := shown[len(shown)-1]; m.Type != "text" || !strings.HasPrefix(m.Text, "✓ 记好了,编号 260311-A01") {
		t.Errorf("the receipt is %s %q", m.Type, m.Text)
	}
}

// TestReadiness: Redis or WeCom away is degraded, a database away is not ready, and neither says more than that.
func TestReadiness(t *testing.T) {
	r := newRig(t, storetest.SQLite, "yongning", wednesday)
	get := func(path string) (int, string) {
		resp, err := http.Get(r.url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	if code, body := get("/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("healthz: %d %q", code, body)
	}
	ready := func() (int, readiness) {
		code, body := get("/readyz")
		var s readiness
		if err := json.Unmarshal([]byte(body), &s); err != nil {
			t.Fatal(err)
		}
		return code, s
	}
	if code, s := ready(); code != 200 || !s.Ready || len(s.Degraded) != 0 {
		t.Errorf("readyz: %d %+v", code, s)
	}
	r.sim.Faults().Change(func(f *sim.FaultSet) { f.Down = true })
	r.sim.Say("wangfang", "帮助")
	wait(t, "WeCom to be found away", func() bool {
		_, s := ready()
		return len(s.Degraded) == 1 && s.Degraded[0] == "wecom" && s.Waiting == 1
	})
	if code, _ := ready(); code != 200 {
		t.Errorf("without WeCom readyz is %d, but callbacks can be kept", code)
	}
	r.sim.Faults().Change(func(f *sim.FaultSet) { f.Down = false })
	r.now.Add(time.Hour.Milliseconds())
	r.settle(t)
	if _, s := ready(); len(s.Degraded) != 0 {
		t.Errorf("WeCom is back, and still degraded: %v", s.Degraded)
	}
	code, metrics := get("/metrics")
	for _, want := range []string{"xunfang_messages_received_total 1", "xunfang_outbox_waiting 0", "xunfang_outbox_sent_total{call=\"send\"} 1", "xunfang_oldest_alarm_seconds 0"} {
		if code != 200 || !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %q", want)
		}
	}
	for _, private := range []string{"wangfang", "王芳", "张桂兰", "A01"} {
		if strings.Contains(metrics, private) {
			t.Errorf("metrics hold %q", private)
		}
	}
}

// wait polls for something that other goroutines bring about.
func wait(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !f(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestAlbum: a photo is stored once by content, upright, without what the phone wrote into it, and bombs are refused.
func TestAlbum(t *testing.T) {
	dir := t.TempDir()
	ring := seal.New(time.Now())
	a, err := NewAlbum(dir, ring)
	if err != nil {
		t.Fatal(err)
	}
	plain := testPhoto(t, 40, 20)
	// An EXIF segment with orientation 6 (turn right) and a place, as phones write it.
	tiff := []byte("II*\x00\x08\x00\x00\x00\x02\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x0e\x01\x02\x00\x0b\x00\x00\x00\x26\x00\x00\x00\x00\x00\x00\x00SECRETHOME\x00")
	segment := append([]byte{0xFF, 0xE1, 0, byte(8 + len(tiff))}, append([]byte("Exif\x00\x00"), tiff...)...)
	tagged := append(append(bytes.Clone(plain[:2]), segment...), plain[2:]...)
	hash, size, _, err := a.Keep(tagged)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := a.Photo(hash)
	if err != nil || len(kept) != size {
		t.Fatalf("stored %d bytes, said %d: %v", len(kept), size, err)
	}
	if raw, err := os.ReadFile(a.Path(hash)); err != nil || bytes.Contains(raw, kept[:16]) {
		t.Fatalf("the file is not sealed: %v", err)
	}
	if bytes.Contains(kept, []byte("SECRET")) || bytes.Contains(kept, []byte("Exif")) {
		t.Error("what the phone wrote is still in the picture")
	}
	if cfg, err := jpeg.DecodeConfig(bytes.NewReader(kept)); err != nil || cfg.Width != 20 || cfg.Height != 40 {
		t.Errorf("the picture is %dx%d, not upright: %v", cfg.Width, cfg.Height, err)
	}
	if again, _, _, err := a.Keep(tagged); err != nil || again != hash {
		t.Errorf("the same picture again is another: %v", err)
	}
	big, _, _, err := a.Keep(testPhoto(t, 4000, 1000))
	if err != nil {
		t.Fatal(err)
	}
	if kept, err = a.Photo(big); err != nil {
		t.Fatal(err)
	}
	if cfg, err := jpeg.DecodeConfig(bytes.NewReader(kept)); err != nil || cfg.Width != photoSide || cfg.Height != 400 {
		t.Errorf("a large picture is kept at %dx%d: %v", cfg.Width, cfg.Height, err)
	}
	bomb := bytes.Clone(plain)
	at := bytes.Index(bomb, []byte{0xFF, 0xC0})
	copy(bomb[at+5:], []byte{0xFF, 0xFF, 0xFF, 0xFF}) // 65535 × 65535
	for name, bad := range map[string][]byte{"a bomb": bomb, "text": []byte("hello"), "nothing": nil, "half a picture": plain[:len(plain)/2]} {
		if _, _, _, err := a.Keep(bad); err != ErrNoPicture {
			t.Errorf("%s: %v", name, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(files) != 2 {
		t.Errorf("the album holds %d files, want 2: %v", len(files), err)
	}

	// One that an older version left as it was is sealed; a new key takes over from the old one; a picture put in another's place
	// does not open.
	old := filepath.Join(dir, hash[:2], hash+".jpg")
	if err := errors.Join(os.Rename(a.Path(hash), a.Path(hash)+".aside"), os.WriteFile(old, kept, 0o600)); err != nil {
		t.Fatal(err)
	}
	both := ring.Rotated(time.Now())
	a.keys = both
	if n, err := a.Reseal(); n != 2 || err != nil {
		t.Fatalf("sealed %d anew: %v", n, err)
	}
	if plain, err := a.Plain(); plain || err != nil {
		t.Errorf("a picture lies there unsealed: %v", err)
	}
	a.keys = both.Only()
	if again, err := a.Photo(hash); err != nil || !bytes.Equal(again, kept) {
		t.Errorf("the picture does not open under the new key: %v", err)
	}
	if err := os.Rename(a.Path(big), a.Path(hash)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Photo(hash); !errors.Is(err, seal.ErrForged) {
		t.Errorf("another picture in its place opens: %v", err)
	}
	if _, err := a.Photo("../../etc/passwd"); !errors.Is(err, ErrNoPicture) {
		t.Errorf("a path opens: %v", err)
	}
}

// TestUpright turns a marked corner through the eight orientations of EXIF.
func TestUpright(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 3, 2))
	img.Pix[3] = 255 // the top left corner
	for turn, want := range map[int]image.Point{1: {0, 0}, 2: {2, 0}, 3: {2, 1}, 4: {0, 1}, 5: {0, 0}, 6: {1, 0}, 7: {1, 2}, 8: {0, 2}} {
		got := upright(img, turn)
		if _, _, _, a := got.At(want.X, want.Y).RGBA(); a == 0 {
			t.Errorf("orientation %d: the corner is not at %v", turn, want)
		}
		if size := got.Bounds().Size(); (turn >= 5) != (size == image.Point{2, 3}) {
			t.Errorf("orientation %d: size %v", turn, size)
		}
	}
}

// TestForeignEvents: what is nothing to a conversation is kept, answered 200 and leaves no word.
func TestForeignEvents(t *testing.T) {
	r := newRig(t, storetest.SQLite, "yongning", wednesday)
	for _, xml := range []string{
		"<xml><ToUserName>c</ToUserName><FromUserName>wangfang</FromUserName><CreateTime>1</CreateTime><MsgType>event</MsgType><Event>enter_agent</Event><EventKey></EventKey><AgentID>1000002</AgentID></xml>",
		"<xml><ToUserName>c</ToUserName><FromUserName>wangfang</FromUserName><CreateTime>2</CreateTime><MsgType>hologram</MsgType><MsgId>77</MsgId></xml>",
		"<xml><ToUserName>c</ToUserName><CreateTime>3</CreateTime><MsgType>event</MsgType><Event>brand_new</Event></xml>",
		"<xml><ToUserName>c</ToUserName><FromUserName>sys</FromUserName><CreateTime>4</CreateTime><MsgType>event</MsgType><Event>change_contact</Event><ChangeType>delete_user</ChangeType><UserID>x</UserID></xml>",
	} {
		if d := r.sim.Raw(xml); d.Status != 200 || d.Attempts != 1 {
			t.Errorf("answered %d after %d attempts: %s", d.Status, d.Attempts, xml)
		}
	}
	r.settle(t)
	for _, user := range []string{"wangfang", "nobody"} {
		for _, m := range r.sim.Messages(user) {
			if m.From == "app" {
				t.Errorf("%s was told %q", user, m.Text)
			}
		}
	}
	if left, err := r.store.Outbox(context.Background(), store.OutboxFilter{States: []store.OutboxState{store.StateSent}}); err != nil || len(left) > 0 {
		t.Errorf("something was sent: %v %v", left, err)
	}
}

// TestMenuWords: every key of the menu is a word that flows obeys.
func TestMenuWords(t *testing.T) {
	w := &pure{}
	w.begin(t, "yongning", wednesday)
	for _, top := range flows.Menu {
		for _, e := range append(top.Sub, top) {
			if e.Key == "" {
				continue
			}
			w.menu("wangfang", e.Key)
			if outs := w.take(); len(outs) == 0 {
				t.Errorf("menu %s is answered by nothing", e.Name)
			}
		}
	}
}

// breaking is a way out that breaks on a photo.
type breaking struct{ Messenger }

func (breaking) Fetch(context.Context, string, int64) ([]byte, string, error) {
	panic("a picture made for it")
}

// TestBrokenPicture: what breaks a decoder is given up and listed; the process and everybody else's messages go on.
func TestBrokenPicture(t *testing.T) {
	r := newRig(t, storetest.SQLite, "yongning", wednesday, func(o *Options) { o.Messenger = breaking{o.Messenger} })
	r.sim.Photo("wangfang", testPhoto(t, 8, 8))
	r.sim.Say("wangfang", "帮助")
	r.settle(t)
	dead, err := r.store.Outbox(context.Background(), store.OutboxFilter{States: []store.OutboxState{store.StateDead}})
	if err != nil || len(dead) != 1 || dead[0].Call != ledger.CallFetch {
		t.Errorf("given up: %+v %v", dead, err)
	}
	shown := r.sim.Messages("wangfang")
	if last := shown[len(shown)-1]; !strings.HasPrefix(last.Text, "能做这些") {
		t.Errorf("the last message is %q", last.Text)
	}
}
