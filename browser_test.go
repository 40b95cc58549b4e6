package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// The browser test starts the demo as `xunfang demo` does and plays it as a person would: it sees the page at the size of a
// desk and of a pocket, clicks only what can be seen and hit there, and believes only what stands on the phones. It knows
// nothing of the bot's insides.
//
// The picture in the README, docs/demo.png, is made here: XUNFANG_SHOTS=docs go test -run TestBrowser/wide/problem .
func TestBrowser(t *testing.T) {
	browser := openBrowser(t)
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"wide", 1440, 900}, {"narrow", 390, 844}} {
		for _, story := range []struct {
			name     string
			play     func(*desk)
			calendar string // what is due depends on the day of the test
		}{
			{"visit", playVisit, "off"}, {"sentence", playSentence, "off"}, {"problem", playProblem, "off"}, {"emergency", playEmergency, "off"},
			{"mishaps", playMishaps, "off"}, {"another day", playAnotherDay, "off"}, {"calendar", playCalendar, "on"},
		} {
			t.Run(size.name+"/"+story.name, func(t *testing.T) { story.play(openDesk(t, browser, size.width, size.height, story.calendar)) })
		}
	}
}

// A door visit in four acts: menu, submit, photo, confirm. The leads' figures follow, and a reload forgets nothing.
func playVisit(d *desk) {
	visitor, village, township := d.phone("wangfang"), d.phone("hejun"), d.phone("lixia")
	owed := visitor.owed()
	villageBefore, townshipBefore := village.figures(), township.figures()
	said, acts, open := len(visitor.messages()), len(visitor.acts()), visitor.buttons()

	d.tool("tour-again") // the tour shows the way: every step of the visit ends one step of the tour
	d.tour("王芳")
	visitor.menu("visit")
	d.tour("提交")
	visitor.choose("老人", `^[^村]*差1$`) // one of the village for whom this is the last visit due
	elder := visitor.chosen("老人")
	visitor.choose("方式", "上门")
	visitor.choose("情况", "都好")
	visitor.click("submit", "提交")
	d.tour("照片")
	card := visitor.await(said+2, elder+".*今天上门.*照片还差一张")
	visitor.photo("院子")
	visitor.await(said+3, "照片收到了")
	d.tour("确认")
	visitor.click("card-button", "^确认$")
	done := visitor.await(said+3, "✓ 记好了,编号.*"+elder, card)
	d.tour("背后")
	d.click(`[data-testid="tour-never"]`, "")
	visitor.settled()
	if got := len(visitor.messages()) - said; got != 3 {
		d.t.Errorf("the visit took %d messages of the bot, want 3: card, read-back, receipt of the photo", got)
	}
	if got := visitor.acts()[acts:]; len(got) != 4 {
		d.t.Errorf("the visit took the acts %q, want 4", got)
	}
	if got := visitor.buttons(); got != open {
		d.t.Errorf("%d buttons of the visit's cards can still be tapped after %q", got-open, done)
	}

	if got := visitor.owed(); got != owed-1 {
		d.t.Errorf("%d elders are owed after the visit, want %d", got, owed-1)
	}
	for _, lead := range []struct {
		*phone
		before figures
	}{{village, villageBefore}, {township, townshipBefore}} {
		if got, want := lead.figures(), (figures{seen: lead.before.seen + 1, missing: lead.before.missing - 1}); got != want {
			d.t.Errorf("figures on the phone of %s: %+v after the visit, want %+v", lead.userid, got, want)
		}
	}

	var before [3][]string
	for i, p := range []*phone{visitor, village, township} {
		before[i] = p.messages()
	}
	d.do(chromedp.Reload())
	d.ready()
	for i, p := range []*phone{visitor, village, township} {
		p.await(len(before[i]), "")
		if got := p.messages(); !slices.Equal(got, before[i]) {
			d.t.Errorf("after a reload the phone of %s shows\n%q\nwant\n%q", p.userid, got, before[i])
		}
	}
	if d.visible(`[data-testid="tour"]`) {
		d.t.Error("the tour is back, though it was sent away for good")
	}
}

// A visit by one sentence is two acts; a second one piles up with it; what was wrong is taken back at once, and the count follows.
func playSentence(d *desk) {
	visitor := d.phone("wangfang")
	owed := visitor.owed()
	said := len(visitor.messages())
	visitor.say("上门看了张桂兰 都好 屋里18度")
	visitor.await(said+1, "张桂兰.*今天上门.*室温18度")
	visitor.say("苏兰芳 电话 都好")
	card := visitor.await(said+2, "2次巡访,看看对不对.*张桂兰.*苏兰芳")
	visitor.click("card-button", "都记下")
	visitor.await(said+2, "✓ 记好了2次", card)
	visitor.say("撤销")
	visitor.await(said+3, "撤销哪一次")
	visitor.click("card-button", "都撤销")
	visitor.await(said+5, "✓ 撤销了.*苏兰芳")
	visitor.settled()
	if got := visitor.owed(); got != owed {
		d.t.Errorf("%d elders are owed after all was taken back, want %d", got, owed)
	}
}

// What is not well goes through the check list to the village lead, and to nobody above.
func playProblem(d *desk) {
	visitor, village, township := d.phone("wangfang"), d.phone("hejun"), d.phone("lixia")
	village.figures()
	township.figures()
	visitor.menu("visit")
	visitor.choose("情况", "有情况")
	elder, _, _ := strings.Cut(visitor.chosen("老人"), " ")
	visitor.click("submit", "提交")
	visitor.await(2, elder+"哪里不好")
	visitor.click("option", "取暖")
	visitor.click("option", "用电电路")
	visitor.click("submit", "选好了")
	visitor.await(3, "炉子或暖气怎么了")
	visitor.say("烟筒漏烟")
	visitor.await(4, "电路")
	visitor.say("插座烧黑了")
	visitor.await(5, "报给村里处理,还是当场修好了")
	visitor.click("card-button", "报村里")
	card := visitor.await(6, "取暖烟筒漏烟.*处理报村里")
	d.shoot("demo.png")
	visitor.photo("炉子")
	visitor.await(7, "照片收到了")
	visitor.click("card-button", "^确认$")
	visitor.await(7, "✓ 记好了", card)
	village.await(2, "(?s)问题:"+elder+".*取暖:烟筒漏烟.*王芳.*我来办")
	village.await(3, "(?s)问题:"+elder+".*插座烧黑了.*王芳.*我来办")
	visitor.settled()
	if got := township.messages()[1:]; len(got) > 0 {
		d.t.Errorf("the township lead was told of what the village has in hand: %q", got)
	}
}

// An emergency stands on the leads' phones until they open it, and nobody else's phone rings; who has not acted after five minutes is
// rung up; when one acts, everybody's card says who.
func playEmergency(d *desk) {
	visitor, other := d.phone("wangfang"), d.phone("liuyang")
	village, township := d.phone("hejun"), d.phone("lixia")
	visitor.menu("urgent")
	visitor.await(1, "120 病")
	visitor.await(2, "⚠ 已报告.*还没有人接")
	d.sees(`[data-phone="hejun"].alarmed, [data-dock="hejun"].tile-alarm`)
	d.sees(`[data-phone="lixia"].alarmed, [data-dock="lixia"].tile-alarm`)
	visitor.say("田有福 摔倒了,叫不醒")
	visitor.await(3, "已转过去")
	for _, lead := range []*phone{village, township} {
		lead.await(1, "(?s)⚠ 紧急.*王芳.*13900000009")
		lead.await(2, "(?s)王芳补充.*田有福")
		lead.hold()
		d.sees(fmt.Sprintf(`[data-phone=%q].alarmed .banner`, lead.userid))
		lead.click("alarm-open", "打开")
		d.sees(fmt.Sprintf(`[data-phone=%q]:not(.alarmed)`, lead.userid))
	}
	if got := other.messages(); len(got) > 0 || d.visible(`[data-phone="liuyang"].alarmed, [data-dock="liuyang"].tile-alarm`) {
		d.t.Errorf("a visitor who is in charge of nobody here was alarmed: %q", got)
	}
	d.post("sim/clock", map[string]any{"add": "5m10s"})
	village.hold()
	d.sees(`[data-phone="hejun"] [data-testid="call-reject"]`)
	village.click("call-reject", "")
	village.click("card-button", "^我来处理$")
	village.await(1, "您接了")
	township.await(1, "何军已接")
	visitor.await(2, "何军已接")
}

// WeCom away, messages four times, nonsense: every one has exactly one answer.
func playMishaps(d *desk) {
	visitor, stranger := d.phone("wangfang"), d.phone("linlu")
	d.fault("fault-down")
	visitor.say("名册")
	visitor.settled()
	if got := visitor.messages(); len(got) > 0 {
		d.t.Errorf("an answer came while WeCom was away: %q", got)
	}
	d.fault("fault-down")
	visitor.await(1, "您名下.*位老人")

	d.fault("fault-four")
	visitor.say("统计")
	visitor.await(2, "王芳|您名下")
	visitor.settled() // all four deliveries are over
	visitor.say("呜哩哇啦")
	visitor.await(3, "没看懂「呜哩哇啦」")
	visitor.settled()
	d.fault("fault-four")
	visitor.menu("help")
	visitor.await(4, "巡访")
	visitor.settled()
	if got := visitor.messages(); len(got) != 4 {
		d.t.Errorf("four questions had %d answers: %q", len(got), got)
	}

	stranger.say("张桂兰家住哪")
	stranger.await(1, "登记")
	if got := strings.Join(stranger.messages(), ""); strings.Contains(got, "张桂兰") || strings.Contains(got, "三组") {
		d.t.Errorf("a stranger was told of an elder: %q", got)
	}
}

// The clock moves to the last days of a month: what is owed comes to the visitor, can be acted on from the card, and comes once.
func playCalendar(d *desk) {
	visitor := d.phone("wangfang")
	now := d.now()
	left := 4
	if now.AddDate(0, 0, left+1).Day() == 1 { // today may have brought the same already
		left = 3
	}
	at := time.Date(now.Year(), now.Month()+2, 0, 9, 5, 0, 0, now.Location()).AddDate(0, 0, -left) // of the next month
	says := fmt.Sprintf(`位没看够,剩%d天`, left)
	d.post("sim/clock", map[string]any{"to": at})
	visitor.await(1, says)
	said := len(visitor.messages())
	visitor.click("card-button", "^看张桂兰$")
	visitor.await(said+1, "张桂兰:上门还是电话")
	d.post("sim/clock", map[string]any{"add": "20m"})
	visitor.click("card-button", "^电话$")
	visitor.click("card-button", "^都好$")
	visitor.await(said+3, "今天电话,都好")
	visitor.click("card-button", "^确认$")
	visitor.await(said+3, "✓ 记好了")
	d.post("sim/clock", map[string]any{"add": "20m"})
	visitor.settled()
	due := 0
	for _, m := range visitor.messages()[said-1:] {
		if strings.Contains(m, says) {
			due++
		}
	}
	if due != 1 {
		d.t.Errorf("what is owed came %d times on one day", due)
	}
}

// The clock moves to another day and the bot goes with it; 从头开始 brings back the first minute.
func playAnotherDay(d *desk) {
	visitor := d.phone("wangfang")
	atFirst, owed := d.now(), visitor.owed()
	d.tool("clock-next-day")
	d.tool("clock-nine")
	now := d.now()
	if !now.After(atFirst.Add(24 * time.Hour)) {
		d.t.Errorf("the clock went from %s to %s only", atFirst, now)
	}
	visitor.say("苏兰芳 电话 都好")
	visitor.await(2, "苏兰芳.*今天电话,都好")
	visitor.click("card-button", "^确认$")
	visitor.await(2, "✓ 记好了,编号 "+now.Format("060102")+"-")
	visitor.settled()

	d.tool("reset")
	d.click(`[data-testid="reset-yes"]`, "")
	d.sees(`[data-phone="wangfang"] .talk-empty`)
	if got := d.now(); got.After(atFirst.Add(10 * time.Minute)) {
		d.t.Errorf("the clock shows %s after 从头开始, it began at %s", got, atFirst)
	}
	d.tool("clock-nine") // as at first: on the last of a month nine o'clock may be in the next
	d.tool("clock-hour") // but another second: the bot names cards by it, and WeCom refuses a name it knows
	if got := visitor.owed(); got != owed {
		d.t.Errorf("%d elders are owed after 从头开始, want %d as at first", got, owed)
	}
}

// soon is how long anything may take on a busy machine.
const soon = 30 * time.Second

// openBrowser starts Chromium with a profile of its own, which chromedp makes and deletes.
func openBrowser(t *testing.T) context.Context {
	t.Helper()
	path := os.Getenv("XUNFANG_TEST_CHROMIUM")
	if path == "" {
		path = "/usr/bin/chromium"
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("no Chromium: %v; run ./check, which installs one, or name one in XUNFANG_TEST_CHROMIUM", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("force-prefers-reduced-motion", true)) // what moves cannot be hit
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return ctx
}

// desk is the page in a tab of its own, with a new demo behind it.
type desk struct {
	t      *testing.T
	tab    context.Context
	url    string
	prefix string // of the names of pictures
}

func openDesk(t *testing.T, browser context.Context, width, height int64, calendar string) *desk {
	t.Helper()
	address := port(t)
	d := &desk{t: t, url: "http://" + address + "/"}
	if width < 1000 {
		d.prefix = "narrow-"
	}
	ctx, stop := context.WithCancel(context.Background()) // t.Context() would end the demo before the page is closed
	ended := make(chan error, 1)
	go func() { ended <- demonstrate(ctx, address, t.TempDir(), calendar) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the demo ended: %v", err)
		}
	})

	var mu sync.Mutex
	var away []string
	tab, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(func(ev any) {
		if r, is := ev.(*network.EventRequestWillBeSent); is && !strings.HasPrefix(r.Request.URL, d.url) && !strings.HasPrefix(r.Request.URL, "data:") {
			mu.Lock()
			defer mu.Unlock()
			away = append(away, r.Request.URL)
		}
	}))
	d.tab = tab
	if err := chromedp.Do(tab); err != nil { // the tab lives as long as the context of its first step
		t.Fatalf("open a tab: %v", err)
	}
	d.do(chromedp.EmulateViewport(width, height))
	var complaints []string
	listening := make(chan struct{})
	messages := chromedp.Console(tab)
	go func() {
		defer close(listening)
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleWarning || m.IsException() {
				complaints = append(complaints, m.String())
			}
		}
	}()
	t.Cleanup(func() {
		if t.Failed() {
			d.shoot("failed.png")
		}
		cancel()
		<-listening
		if len(complaints) > 0 {
			t.Errorf("the page complained: %q", complaints)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(away) > 0 {
			t.Errorf("the page asked elsewhere: %q", away)
		}
	})
	for deadline := time.Now().Add(soon); ; time.Sleep(20 * time.Millisecond) { // the menu is the last thing the demo makes
		if body, err := d.get("sim/state"); err == nil && strings.Contains(body, `"key":"visit"`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the demo does not start")
		}
	}
	d.do(chromedp.Navigate(d.url))
	d.ready()
	d.click(`[data-testid="tour-never"]`, "")
	d.tool("clock-nine") // whatever the hour of the test, the day begins at nine
	return d
}

func (d *desk) get(path string) (string, error) {
	resp, err := http.Get(d.url + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var out json.RawMessage
	err = json.NewDecoder(resp.Body).Decode(&out)
	return string(out), err
}

// post says something to the simulator that the page says with several clicks.
func (d *desk) post(path string, what any) {
	d.t.Helper()
	body, err := json.Marshal(what)
	if err != nil {
		d.t.Fatal(err)
	}
	resp, err := http.Post(d.url+path, "application/json", bytes.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		d.t.Fatalf("%s: %s", path, resp.Status)
	}
}

func (d *desk) do(steps ...chromedp.Action[chromedp.Void]) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.tab, soon)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		d.t.Fatalf("browser: %v", err)
	}
}

// value is what an expression of JavaScript gives now.
func value[T any](d *desk, expression string) T {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.tab, soon)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		d.t.Fatalf("browser: %s: %v", expression, err)
	}
	return v
}

// until waits for an expression to give something else than null, and gives it.
func until[T any](d *desk, what, expression string) T {
	d.t.Helper()
	for deadline := time.Now().Add(soon); ; time.Sleep(25 * time.Millisecond) {
		if v := value[*T](d, expression); v != nil {
			return *v
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// found is the last element that a person could see and use now, by selector and text.
const found = `((selector, text) => [...document.querySelectorAll(selector)].filter((n) => n.getClientRects().length && !n.disabled &&
	!n.closest('[inert]') && new RegExp(text).test(n.textContent)).at(-1) ?? null)(%q, %q)`

func (d *desk) visible(selector string) bool {
	d.t.Helper()
	return value[bool](d, fmt.Sprintf(found, selector, "")+" !== null")
}

func (d *desk) sees(selector string) {
	d.t.Helper()
	until[bool](d, selector, fmt.Sprintf(found, selector, "")+" ? true : null")
}

// click is a real click in the middle of an element, once that holds still and nothing lies over it.
func (d *desk) click(selector, text string) {
	d.t.Helper()
	place := fmt.Sprintf(`new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))).then(() => {
		const n = %s;
		if (!n) return null;
		n.scrollIntoView({ block: 'nearest', inline: 'nearest' });
		const box = n.getBoundingClientRect();
		const at = [box.left + box.width / 2, box.top + box.height / 2];
		return n.contains(document.elementFromPoint(...at)) ? at : null;
	})`, fmt.Sprintf(found, selector, text))
	what := "something to click: " + selector + " " + text
	for before, tries := ([]float64)(nil), 0; ; tries++ {
		at := until[[]float64](d, what, place)
		if slices.Equal(at, before) {
			d.do(chromedp.MouseClickXY(at[0], at[1]))
			return
		}
		if tries > 100 {
			d.t.Fatalf("%s never holds still", what)
		}
		before = at
	}
}

func (d *desk) ready() {
	d.t.Helper()
	d.sees(`[data-phone="wangfang"] [data-testid="menu-button-visit"], [data-dock="wangfang"]`)
}

func (d *desk) tour(title string) {
	d.t.Helper()
	until[bool](d, "the tour's step "+title, fmt.Sprintf(`document.querySelector('[data-testid=tour] h2')?.textContent.includes(%q) ? true : null`, title))
}

// open and shut are the drawer that holds the clock where the page is narrow.
func (d *desk) open() {
	d.t.Helper()
	if d.visible(`[data-testid="tools-toggle"][aria-expanded="false"]`) {
		d.click(`[data-testid="tools-toggle"]`, "")
	}
}

func (d *desk) shut() {
	d.t.Helper()
	if d.visible(`[data-testid="tools-toggle"][aria-expanded="true"]`) {
		d.click(`[data-testid="tools-toggle"]`, "")
	}
}

// tool clicks a button beside the clock; if it is one that moves the clock, it waits until that has moved.
func (d *desk) tool(testid string) {
	d.t.Helper()
	before := d.now()
	d.open()
	d.click(fmt.Sprintf(`[data-testid=%q]`, testid), "")
	if strings.HasPrefix(testid, "clock-") {
		until[bool](d, "the clock to move", fmt.Sprintf(`document.getElementById('clock').dateTime !== %q || null`, before.Format("2006-01-02T15:04:05Z07:00")))
		d.shut()
	}
}

func (d *desk) now() time.Time {
	d.t.Helper()
	at, err := time.Parse(time.RFC3339, until[string](d, "the clock", `document.getElementById('clock').dateTime || null`))
	if err != nil {
		d.t.Fatal(err)
	}
	return at
}

// fault turns a switch of the fault panel.
func (d *desk) fault(testid string) {
	d.t.Helper()
	d.click(`[data-testid="faults-open"]`, "")
	is := fmt.Sprintf(`document.querySelector('[data-testid=%s]').ariaChecked`, testid)
	before := value[string](d, is)
	d.click(fmt.Sprintf(`[data-testid=%q]`, testid), "")
	until[bool](d, "the switch "+testid, fmt.Sprintf(`%s !== %q || null`, is, before))
	d.click(`[data-testid="faults-open"]`, "")
}

// shoot keeps a picture of the page in the folder XUNFANG_SHOTS, or else only while the test runs.
func (d *desk) shoot(name string) {
	d.t.Helper()
	dir := os.Getenv("XUNFANG_SHOTS")
	if dir == "" {
		dir = d.t.TempDir()
	}
	ctx, cancel := context.WithTimeout(d.tab, soon)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, d.prefix+name), png, 0o644)
	}
	if err != nil {
		d.t.Errorf("picture %s: %v", name, err)
	}
}

// phone is one person's phone on the page.
type phone struct {
	*desk
	userid string
}

func (d *desk) phone(userid string) *phone { return &phone{d, userid} }

// hold brings the phone onto the table, as a person must before touching it.
func (p *phone) hold() {
	p.t.Helper()
	if on := fmt.Sprintf(`[data-phone=%q]`, p.userid); !p.visible(on) {
		p.desk.click(fmt.Sprintf(`[data-dock=%q]`, p.userid), "")
		p.sees(on)
	}
}

// click needs the phone in the hand.
func (p *phone) click(testid, text string) {
	p.t.Helper()
	p.hold()
	p.desk.click(fmt.Sprintf(`[data-phone=%q] [data-testid=%q]`, p.userid, testid), text)
}

func (p *phone) menu(key string) {
	p.t.Helper()
	if key != "visit" && key != "urgent" {
		p.click("menu-button-我的", "")
	}
	p.click("menu-button-"+key, "")
}

func (p *phone) say(text string) {
	p.t.Helper()
	p.click("send-box", "")
	p.do(chromedp.KeyEvent(text))
	p.click("send-button", "")
}

func (p *phone) photo(drawing string) {
	p.t.Helper()
	p.click("photo-button", "")
	p.click("drawing", drawing)
}

// choose opens a row of the newest card and takes a choice from the sheet.
func (p *phone) choose(row, option string) {
	p.t.Helper()
	p.click("select-row", "^"+row)
	p.click("option", option)
}

func (p *phone) chosen(row string) string {
	p.t.Helper()
	selector := fmt.Sprintf(`[data-phone=%q] [data-testid="select-row"]`, p.userid)
	text := until[string](p.desk, "row "+row, fmt.Sprintf(found, selector, "^"+row)+"?.querySelector('.select-value').textContent ?? null")
	name, _, _ := strings.Cut(text, " ")
	return name
}

// messages are the bot's words on the phone, oldest first.
func (p *phone) messages() []string {
	p.t.Helper()
	return value[[]string](p.desk, fmt.Sprintf(`[...document.querySelectorAll('[data-phone=%q] [data-from=app]:not([data-type=notice])')].map((n) => n.querySelector('.line, .notice').textContent)`, p.userid))
}

// buttons counts what can still be tapped or chosen on the phone's cards.
func (p *phone) buttons() int {
	p.t.Helper()
	return value[int](p.desk, fmt.Sprintf(`document.querySelectorAll('[data-phone=%q] [data-testid=card] button:enabled').length`, p.userid))
}

// await waits until there are n messages and one of the newest says what it should; with a message that was a card before, until
// that card has become it. It gives the message.
func (p *phone) await(n int, says string, was ...string) string {
	p.t.Helper()
	want := regexp.MustCompile("(?s)" + says)
	for deadline := time.Now().Add(soon); ; time.Sleep(25 * time.Millisecond) {
		got := p.messages()
		if len(got) >= n {
			if len(was) > 0 && slices.Contains(got, was[0]) {
				// the card still stands as it was
			} else if i := slices.IndexFunc(got, func(m string) bool { return want.MatchString(m) }); i >= 0 {
				return got[i]
			}
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the phone of %s should show %d messages, one of them like %q; it shows %q", p.userid, n, says, got)
		}
	}
}

// settled waits until everything the person did has reached the bot or failed for good.
func (p *phone) settled() {
	p.t.Helper()
	until[bool](p.desk, "deliveries to end", fmt.Sprintf(`document.querySelector('[data-phone=%q] .spin') === null || null`, p.userid))
}

// acts are the things the person did that went to the bot, as WeCom saw them, oldest first.
func (p *phone) acts() []string {
	p.t.Helper()
	body, err := p.get("sim/traces?userid=" + p.userid)
	var lines []struct{ Title string }
	if err == nil {
		err = json.Unmarshal([]byte(body), &lines)
	}
	if err != nil {
		p.t.Fatalf("read the traces: %v", err)
	}
	var out []string
	for _, l := range slices.Backward(lines) {
		if !strings.Contains(l.Title, "/") { // not a call of the bot's, which are paths
			out = append(out, l.Title)
		}
	}
	return out
}

// owed asks 待办 and gives how many elders are not yet visited enough.
func (p *phone) owed() int {
	p.t.Helper()
	n := len(p.messages()) + 1
	p.menu("todo")
	p.await(n, "")
	return number(p.t, `还有(\d+)位没看够`, p.messages()[n-1])
}

// figures are the first line of 统计.
type figures struct{ seen, missing int }

func (p *phone) figures() figures {
	p.t.Helper()
	n := len(p.messages()) + 1
	p.menu("stats")
	p.await(n, "")
	text := p.messages()[n-1]
	return figures{number(p.t, `已看(\d+)`, text), number(p.t, `还差(\d+)`, text)}
}

func number(t *testing.T, pattern, text string) int {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no %s in %q", pattern, text)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
