package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"maps"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"xunfang/bot/sim"
	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/store"
)

// printer is a county that prints contact cards: its ledger, a WeCom with one 微信客服 account, and what the command has said so far.
type printer struct {
	t      *testing.T
	config string
	store  *store.Store
	zone   *time.Location
	book   ledger.Book
	said   strings.Builder
}

func newPrinter(t *testing.T, kf string) *printer {
	t.Helper()
	s, err := sim.New(sim.Options{CorpID: "ww0000000000000000", AgentID: 1000002, Secret: testSecret, Now: time.Now,
		Kf: []sim.KfAccount{{OpenKfID: "wkcards", Name: "家属服务", Granted: true}}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(func() { srv.Close(); s.Close() })
	p := &printer{t: t, config: writeConfig(t, srv.URL, func(text string) string {
		return strings.Replace(text, `open_kfid: ""`, `open_kfid: "`+kf+`"`, 1)
	})}
	c, err := LoadConfig(p.config)
	if err != nil {
		t.Fatal(err)
	}
	p.zone, p.book = c.zone, papers.Sample(ledger.DayOf(time.Now(), c.zone))
	p.store = previewed(t, p.config, p.book, nil)
	return p
}

func (p *printer) today() ledger.Day { return ledger.DayOf(time.Now(), p.zone) }

// cards runs the command, and gives what it printed and the file it wrote.
func (p *printer) cards(want int, out string, args ...string) (said string, file []byte) {
	p.t.Helper()
	path := filepath.Join(p.t.TempDir(), out)
	args = append([]string{"cards", "--config", p.config}, args...)
	if out != "" {
		args = append(args, "--out", path)
	}
	status, stdout, stderr := say(p.t, args...)
	p.said.WriteString(stdout + stderr)
	if status != want {
		p.t.Fatalf("%v: status %d, want %d: %s%s", args[3:], status, want, stdout, stderr)
	}
	file, err := os.ReadFile(path)
	if (err == nil) != (want == 0) {
		p.t.Fatalf("%v: status %d, and the file: %v", args[3:], status, err)
	}
	return stdout + stderr, file
}

// out are the cards of an elder that open something, and those that do not any more.
func (p *printer) out(elder string) (open, shut []ledger.Leaflet) {
	p.t.Helper()
	r, err := p.store.Roster(context.Background())
	if err != nil {
		p.t.Fatal(err)
	}
	for _, l := range r.Leaflets(elder) {
		if l.Opens(p.today()) {
			open = append(open, l)
		} else {
			shut = append(shut, l)
		}
	}
	return open, shut
}

func (p *printer) save(b ledger.Book) {
	p.t.Helper()
	if _, err := p.store.SaveBook(context.Background(), ledger.Edit{Book: b, By: "hejun", Why: "换号", Today: p.today()}); err != nil {
		p.t.Fatal(err)
	}
}

// handle is the card that the QR on a picture opens, "" for a picture without one.
func (p *printer) handle(picture []byte) string {
	p.t.Helper()
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		p.t.Fatal(err)
	}
	// A phone is held over the code, at the lower left of an A4 card, nearer and further away until it can be read.
	var link *url.URL
	for far := 1; link == nil && far <= 4; far++ {
		w, h := img.Bounds().Dx()/far, img.Bounds().Dy()/far
		code := image.NewGray(image.Rect(w*5/100, h*62/100, w*38/100, h*87/100))
		for y := code.Rect.Min.Y; y < code.Rect.Max.Y; y++ {
			for x := code.Rect.Min.X; x < code.Rect.Max.X; x++ {
				code.Set(x, y, img.At(x*far, y*far))
			}
		}
		bits, err := gozxing.NewBinaryBitmapFromImage(code)
		if err != nil {
			p.t.Fatal(err)
		}
		text, err := qrcode.NewQRCodeReader().Decode(bits, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
		if err != nil {
			continue
		}
		if link, err = url.Parse(text.GetText()); err != nil {
			p.t.Fatal("the QR holds no address")
		}
	}
	if link == nil {
		return ""
	}
	if link.Host != "work.weixin.qq.com" {
		p.t.Fatal("the QR holds no link of 微信客服")
	}
	handle := p.store.HandleOf(link.Query().Get("scene_param"))
	if handle == "" {
		p.t.Fatal("the link on the card is not signed by us")
	}
	return handle
}

var pdfPages = regexp.MustCompile(`/Type /Page\b`)

// TestCards: an office prints the cards of one elder or of a village. Printing twice makes one card, a number that changes makes a new
// one and shuts the old; that they were taken out is written down, and nobody's number is said on the way.
func TestCards(t *testing.T) {
	p := newPrinter(t, "wkcards")
	said, picture := p.cards(0, "one.png", "--elder", "A03")
	if !strings.HasPrefix(said, "1 cards in ") || strings.Contains(said, "QR") {
		t.Errorf("one card: %q", said)
	}
	open, shut := p.out("A03")
	if len(open) != 1 || len(shut) != 0 || p.handle(picture) != open[0].Handle || open[0].By != ledger.ByOperator || open[0].Given != "" {
		t.Fatalf("printed once: %+v, %+v", open, shut)
	}

	if _, again := p.cards(0, "again.png", "--elder", "A03"); p.handle(again) != open[0].Handle {
		t.Error("printed again the card opens something else")
	}
	_, wallet := p.cards(0, "wallet.pdf", "--elder", "A03", "--size", "wallet")
	if n := len(pdfPages.FindAll(wallet, -1)); n != 2 {
		t.Errorf("a wallet card has %d pages, want its front and its back", n)
	}
	if again, _ := p.out("A03"); len(again) != 1 || again[0] != open[0] {
		t.Errorf("printing again changed the card: %+v", again)
	}

	p.save(ledger.Book{People: []ledger.Person{{UserID: "wangfang", Phone: "13900000777"}}})
	_, picture = p.cards(0, "new.png", "--elder", "A03")
	now, shut := p.out("A03")
	if len(now) != 1 || len(shut) != 1 || shut[0].Handle != open[0].Handle || now[0].Handle == open[0].Handle || shut[0].Why == "" {
		t.Fatalf("after a number has changed: %+v, %+v", now, shut)
	}
	if p.handle(picture) != now[0].Handle {
		t.Error("the new picture does not open the new card")
	}

	// A village, of which one has died meanwhile: nothing is printed of them.
	r, err := p.store.Roster(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a03, _ := r.Elder("A03")
	village := r.At(a03.Region, ledger.LevelVillage).Code
	lives := map[string]bool{}
	for _, e := range r.Elders() {
		if slices.Contains(r.Path(e.Region), village) {
			lives[e.ID] = true
		}
	}
	delete(lives, "A03")
	gone := slices.Sorted(maps.Keys(lives))[0]
	lives["A03"] = true
	delete(lives, gone)
	p.save(ledger.Book{Standings: []ledger.Standing{{ElderID: gone, Kind: ledger.StandingDied, From: p.today()}}})
	said, pdf := p.cards(0, "village.pdf", "--region", village)
	if n := len(pdfPages.FindAll(pdf, -1)); n != len(lives) || !strings.HasPrefix(said, fmt.Sprintf("%d cards in ", n)) {
		t.Errorf("the village has %d pages for %d elders: %q", n, len(lives), said)
	}
	for _, e := range r.Elders() {
		if open, _ := p.out(e.ID); (len(open) == 1) != lives[e.ID] {
			t.Errorf("%s of %s has %d cards after the village's were printed", e.ID, e.Region, len(open))
		}
	}
	if still, _ := p.out("A03"); len(still) != 1 || still[0] != now[0] {
		t.Errorf("the village's print changed a card that was right: %+v", still)
	}
	for _, args := range [][]string{{"--elder", gone}, {"--elder", "Z99"}, {"--region", "999"}} {
		if said, _ := p.cards(1, "nobody.pdf", args...); !strings.Contains(said, "nobody to print a card for") {
			t.Errorf("%v: %q", args, said)
		}
	}

	looks, err := p.store.Looks(t.Context(), "A03", r.Path(a03.Region), 0)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, l := range looks {
		if l.By == ledger.ByOperator && l.What == ledger.LookExport {
			count[l.ElderID+l.Region]++
		}
	}
	if count["A03"] != 4 || count[village] != 1 || len(count) != 2 {
		t.Errorf("written down: %v", count)
	}
	p.discreet()
}

// discreet looks for anybody's number, and for the secret, in what the command has printed.
func (p *printer) discreet() {
	p.t.Helper()
	secret := []string{testSecret, "13900000777"}
	for _, x := range p.book.People {
		secret = append(secret, x.Phone)
	}
	for _, x := range p.book.Elders {
		secret = append(secret, x.Phone, x.IDNumber, x.Address, x.Name)
	}
	for _, x := range p.book.Kin {
		secret = append(secret, x.Phone, x.Name)
	}
	for _, x := range secret {
		if x != "" && strings.Contains(p.said.String(), x) {
			p.t.Errorf("the command prints somebody's name, number or secret")
		}
	}
}

// TestCardsWithout: without 微信客服, and with an account that WeCom does not know, the card has no QR and the command says so.
func TestCardsWithout(t *testing.T) {
	for name, kf := range map[string]string{"none": "", "unknown": "wkelsewhere"} {
		t.Run(name, func(t *testing.T) {
			p := newPrinter(t, kf)
			said, picture := p.cards(0, "one.png", "--elder", "A03")
			if !strings.Contains(said, "they carry no QR") || !strings.Contains(said, "wecom.kf") || p.handle(picture) != "" {
				t.Errorf("%q", said)
			}
			p.discreet()
		})
	}
}

// TestCardsUsage: what makes no sense is refused before anything is made or written down.
func TestCardsUsage(t *testing.T) {
	p := newPrinter(t, "wkcards")
	for _, c := range []struct {
		out, args, says string
	}{
		{"", "--elder A03", "--out"},
		{"one.jpg", "--elder A03", "ending in .pdf"},
		{"one.png", "", "of one elder"},
		{"one.png", "--region 640121", "of one elder"},
		{"one.pdf", "--elder A03 --region 640121", "--elder or a region"},
		{"one.pdf", "--elder A03 --size A5", "a4 or wallet"},
		{"one.pdf", "A03", "takes no arguments"},
		{"one.pdf", "--who A03", "unknown flag"},
	} {
		if said, _ := p.cards(2, c.out, strings.Fields(c.args)...); !strings.Contains(said, c.says) {
			t.Errorf("cards %s --out %q: %q, want %q", c.args, c.out, said, c.says)
		}
	}
	if status, _, stderr := say(t, "cards", "--elder", "A03", "--out", "one.pdf"); status != 2 || !strings.Contains(stderr, "--config FILE") {
		t.Errorf("no configuration: %d %s", status, stderr)
	}
	looks, err := p.store.Looks(t.Context(), "A03", []string{"640121"}, 0)
	if open, shut := p.out("A03"); err != nil || len(looks)+len(open)+len(shut) > 0 {
		t.Errorf("what was refused has left something: %v %v %v %v", looks, open, shut, err)
	}
	nowhere := filepath.Join(t.TempDir(), "nowhere", "one.pdf")
	if status, _, stderr := say(t, "cards", "--config", p.config, "--elder", "A03", "--out", nowhere); status != 1 || !strings.Contains(stderr, "write") {
		t.Errorf("no folder: %d %s", status, stderr)
	}
}
