package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserFamily plays a daughter far away who has nothing but WeChat, on three sizes of screen: the card in her hand, what she is
// asked, who nods, what she hears, and how she stops it.
func TestBrowserFamily(t *testing.T) {
	browser := openBrowser(t)
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"wide", 1440, 900}, {"middle", 820, 1180}, {"narrow", 390, 844}} {
		t.Run(size.name, func(t *testing.T) {
			d := openDesk(t, browser, size.width, size.height, "off")
			d.prefix = size.name + "-family-"
			playDaughter(d)
		})
	}
	t.Run("forged card", func(t *testing.T) { playForger(openDesk(t, browser, 1440, 900, "off")) })
}

// elderWords must not be said to a WeChat before somebody who knows the family has nodded, nor after its owner has left.
var elderWords = []string{"马秀兰", "秀兰", "马奶奶", "望远", "母亲", "王芳", "马丽", "马晓梅", "139"}

func playDaughter(d *desk) {
	child, helper := d.phone("xiaomei"), d.phone("mali")
	d.post("sim/clock", map[string]any{"add": "8m"}) // what waits for the morning comes at 8:37 or after nine, never on the hour
	child.click("scan-first", "")
	child.shown("scan.png")
	child.click("scan-card", "马秀兰")
	child.await(1, "家属窗口.*老人的什么人")
	child.shown("welcome.png")
	child.pause()
	child.click("kf-click", "^女儿$")
	child.await(2, "后四位")
	child.pause()
	child.say("0999")
	child.await(3, "^.?对不上")
	child.pause()
	child.say("0302")
	child.await(4, "^.?对上了.*点个头")
	child.shown("matched.png")
	child.neutral(child.messages())

	helper.await(1, "要登记为马秀兰.*马晓梅.*老人同意说近况")
	if got := strings.Join(helper.messages(), ""); strings.Contains(got, "0999") || strings.Contains(got, "13900000302") {
		d.t.Errorf("the helper's card says more than it must: %q", got)
	}
	for _, other := range []string{"wangfang", "hejun", "lixia"} { // the helper knows the family: nobody else need hear of it
		if got := d.phone(other).messages(); len(got) > 0 {
			d.t.Errorf("%s was told of it, too: %q", other, got)
		}
	}
	helper.hold()
	d.shoot("asked.png")
	child.hold()
	before := child.messages()
	helper.click("card-button", "老人同意说近况")
	child.await(len(before)+1, "要在这里接收老人的走访情况吗")
	for _, yes := range []string{"同意接收走访情况", "同意记电话", "同意记所在城市", "同意微信通知"} {
		n := len(child.messages())
		child.pause()
		child.click("kf-click", "^"+yes+"$")
		child.await(n+1, "^.?记下了:"+yes)
	}
	n := len(child.messages())
	child.pause()
	child.click("kf-click", "^不同意$")
	child.await(n+1, "^.?记下了:不同意短信")
	child.shown("agreed.png")

	child.pause()
	child.say("我妈咋样")
	answer := child.await(n+2, `^.?您母亲\d+月`)
	for _, health := range []string{"膝盖", "血压", "走路慢"} {
		if strings.Contains(answer, health) {
			d.t.Errorf("health was told to who has not asked for it: %q", answer)
		}
	}
	child.shown("answer.png")
	child.pause()
	child.say("我在杭州")
	child.await(n+3, "杭州")
	child.pause()
	child.click("kf-click", "^对,记下$")
	child.await(n+4, "^.?记下了.*杭州")
	child.shown("city.png")

	child.pause()
	child.say("退订")
	child.await(n+5, "停到哪一步")
	child.pause()
	child.click("kf-click", "^全部解除并删除$")
	child.await(n+6, "^.?都解除了")
	child.pause()
	child.say("我妈咋样")
	child.await(n+7, "只能回答登记过的家属")
	child.neutral(child.messages()[n+5:])
	child.shown("left.png")
	child.settled()
	if got := len(child.messages()); got != n+7 {
		d.t.Errorf("%d messages, want %d: one to each word of hers", got, n+7)
	}
}

// pause is the moment that a person takes between two words. WeCom tells their time in seconds, and what is answered within the same
// second counts toward the same five messages.
func (p *phone) pause() {
	p.t.Helper()
	p.post("sim/clock", map[string]any{"add": "3s"})
}

// shown keeps a picture of the phone, after a look that all of it can be read without moving it sideways.
func (p *phone) shown(picture string) {
	p.t.Helper()
	p.hold()
	wide := value[[]string](p.desk, fmt.Sprintf(`(() => {
		const phone = document.querySelector('[data-phone=%q]'), edge = phone.getBoundingClientRect();
		const out = [...phone.querySelectorAll('*')].filter((n) => n.getClientRects().length)
			.filter((n) => n.getBoundingClientRect().right > edge.right + 1 || n.getBoundingClientRect().left < edge.left - 1);
		if (edge.right > innerWidth + 1 || edge.left < -1) out.push(phone);
		if (document.scrollingElement.scrollWidth > innerWidth) out.push(document.scrollingElement);
		return out.map((n) => n.tagName + '.' + n.className);
	})()`, p.userid))
	if len(wide) > 0 {
		p.t.Errorf("%s: wider than the screen: %q", picture, wide)
	}
	p.shoot(picture)
}

// neutral fails where one of the messages says something of an elder.
func (p *phone) neutral(messages []string) {
	p.t.Helper()
	for _, m := range messages {
		if i := slices.IndexFunc(elderWords, func(w string) bool { return strings.Contains(m, w) }); i >= 0 {
			p.t.Errorf("%q says %q", m, elderWords[i])
		}
	}
}

// playForger: whoever makes up a card hears what every stranger hears who holds a genuine one, word for word.
func playForger(d *desk) {
	d.post("sim/clock", map[string]any{"add": "8m"})
	guest, forger := d.phone("xiaomei"), d.phone("jianjun")
	body, err := d.get("sim/cards")
	var cards []struct{ Label, URL string }
	if err == nil {
		err = json.Unmarshal([]byte(body), &cards)
	}
	if err != nil || len(cards) == 0 {
		d.t.Fatalf("the cards of the demo: %v", err)
	}
	link, err := url.Parse(cards[0].URL)
	if err != nil {
		d.t.Fatal(err)
	}
	q := link.Query()
	genuine := q.Get("scene_param")
	parts := strings.Split(genuine, ".")
	if len(parts) != 3 {
		d.t.Fatalf("the card's token has %d parts", len(parts))
	}
	q.Set("scene_param", strings.Join([]string{parts[0], "aaaaaaaaaa", parts[2]}, "."))
	link.RawQuery = q.Encode()

	guest.click("scan-first", "")
	guest.click("scan-card", "马秀兰")
	forger.click("scan-first", "")
	forger.click("scan-url", "")
	d.do(chromedp.KeyEvent(link.String()))
	forger.click("scan-go", "")
	for i, step := range []func(*phone){
		func(*phone) {},
		func(p *phone) { p.click("kf-click", "^女儿$") },
		func(p *phone) { p.say("0999") },
		func(p *phone) { p.say("我妈咋样") },
		func(p *phone) { p.say("谁在照顾") },
	} {
		for _, p := range []*phone{guest, forger} {
			step(p)
			p.await(i+1, "")
		}
	}
	for _, p := range []*phone{guest, forger} {
		p.settled()
	}
	if a, b := guest.messages(), forger.messages(); !slices.Equal(a, b) {
		d.t.Errorf("a genuine card is answered\n%q\na forged one\n%q", a, b)
	}
	guest.neutral(guest.messages())
}
