package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"xunfang/bot/sim"
	"xunfang/bot/wecom"
	"xunfang/ledger"
	"xunfang/ledger/papers"
)

// A picture the app sends can be opened, enlarged and put away: by hand on a wide page, by keys alone on a narrow one.
func TestBrowserPicture(t *testing.T) {
	browser := openBrowser(t)
	t.Run("wide", func(t *testing.T) {
		d := openPicture(t, browser, 1440, 900)
		d.click(`[data-testid="photo-open"]`, "")
		d.sees(`[data-testid="picture-view"]`)
		d.shoot("picture.png")
		d.click(`[data-testid="picture-view"]`, "")
		d.wantLarge(true)
		d.click(`[data-testid="picture-zoom"]`, "缩小")
		d.wantLarge(false)
		d.click(`[data-testid="sheet-close"]`, "")
		d.wantClosed()
	})
	t.Run("narrow", func(t *testing.T) {
		d := openPicture(t, browser, 390, 844)
		value[bool](d.desk, `(document.querySelector('[data-testid=photo-open]').focus(), true)`)
		d.do(chromedp.KeyEvent(kb.Enter))
		d.sees(`[data-testid="picture-view"]`)
		until[bool](d.desk, "the picture in the hand of who has only keys", `document.activeElement.dataset.testid === 'picture-view' || null`)
		d.shoot("picture.png")
		d.do(chromedp.KeyEvent(kb.End))
		until[bool](d.desk, "its end", `document.activeElement.scrollTop > 100 || null`)
		d.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
		d.wantLarge(true)
		d.shoot("picture-large.png")
		d.do(chromedp.KeyEvent(kb.Escape))
		d.wantClosed()
		until[bool](d.desk, "the way back to the picture", `document.activeElement.dataset.testid === 'photo-open' || null`)
	})
}

// album is a page with one phone, on which a picture has come.
type album struct{ *desk }

func openPicture(t *testing.T, browser context.Context, width, height int64) album {
	t.Helper()
	s, err := sim.New(sim.Options{CorpID: "ww1", AgentID: 1, Secret: "s",
		Members: []sim.Member{{UserID: "wangfang", Name: "王芳", Phone: true}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	client, err := wecom.NewClient(wecom.Config{APIBase: server.URL, CorpID: "ww1", AgentID: 1, Secret: "s"})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	month := papers.MonthChart{Month: "2026-08", Whose: "王芳", Today: "2026-08-20", Enough: 7}
	for i, name := range []string{"马秀兰", "李㛃", "阿拉坦图雅", "欧阳修文", "张桂兰", "田有福", "王建国", "李秀英"} {
		month.Seen = append(month.Seen, papers.MonthVisit{Day: ledger.NewDay(2026, time.August, 3+i/2*4), Name: name})
		month.Missing = append(month.Missing, papers.MonthGap{Name: name, More: 1, Reason: fmt.Sprint("上次去是7月", i+1, "日")})
	}
	if err := papers.Month(&b, month); err != nil {
		t.Fatal(err)
	}
	m, err := wecom.Render(ledger.Message{Key: "k", To: "wangfang", Picture: b.Bytes(), Text: "8月还差8位"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	tab, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(func() { cancel(); s.Close(); client.Close(); server.Close() })
	d := album{&desk{t: t, tab: tab, url: server.URL + "/"}}
	if width < 1000 {
		d.prefix = "narrow-"
	}
	if err := chromedp.Do(tab); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	d.do(chromedp.EmulateViewport(width, height), chromedp.Navigate(d.url))
	d.sees(`[data-phone="wangfang"] [data-testid="photo-open"]`)
	if d.visible(`[data-testid="tour-never"]`) {
		d.click(`[data-testid="tour-never"]`, "")
	}
	until[bool](d.desk, "the picture to be loaded, under its name", `(() => {
		const img = document.querySelector('[data-testid=photo-open] img');
		return img.complete && img.naturalWidth === 720 && img.alt === '图片 巡访' && img.parentNode.ariaLabel === '放大看图片 巡访' || null;
	})()`)
	return d
}

// wantLarge waits until the picture is shown as large as it was made, or as wide as the screen; never cut at its sides unseen.
func (d album) wantLarge(large bool) {
	d.t.Helper()
	until[bool](d.desk, fmt.Sprintf("the picture large: %t", large), fmt.Sprintf(`(() => {
		const view = document.querySelector('[data-testid=picture-view]');
		const wide = view.firstChild.getBoundingClientRect().width / view.clientWidth;
		return view.classList.contains('large') === %t && Math.abs(wide - %d) < 0.05 && view.scrollHeight > view.clientHeight || null;
	})()`, large, map[bool]int{false: 1, true: 2}[large]))
}

func (d album) wantClosed() {
	d.t.Helper()
	until[bool](d.desk, "the picture to be put away", `document.querySelector('[data-testid=picture-view]') === null || null`)
}
