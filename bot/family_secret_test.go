package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunfang/bot/sim"
	"xunfang/bot/wecom"
	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// The elder of whom nobody may learn that there is such a person. All of it is invented.
const (
	secretElder  = "N01"
	secretHandle = "aaaaaaaaaa"
	secretEnd    = "0399"
)

var secretBook = ledger.Book{
	Elders: []ledger.Elder{{ID: secretElder, Name: "贺兰英", Gender: "女", Birth: "1944-02-03", Phone: "13900000398", Region: "640121101201",
		Address: "望远村三组9号", Health: "心脏装过支架"}},
	Kin:         []ledger.Kin{{ElderID: secretElder, Name: "贺小燕", Relation: "女儿", Phone: "13900000399", Where: "西安市"}},
	Assignments: []ledger.Assignment{{ElderID: secretElder, UserID: "wangfang"}},
	Pairs:       []ledger.Pair{{ElderID: secretElder, UserID: "mali"}},
	Tierings:    []ledger.Tiering{{ElderID: secretElder, Tier: ledger.TierKey}},
	Leaflets: []ledger.Leaflet{{ElderID: secretElder, Handle: secretHandle, Issued: "2026-03-01"},
		{ElderID: secretElder, Handle: "bbbbbbbbbb", Issued: "2026-02-01", Revoked: "2026-03-01", Why: "换了新卡"}},
}

// comers are relatives who differ in the card they come by, and in nothing else.
var comers = []struct {
	child string
	card  func(*rig) string
}{
	{"child1", func(r *rig) string { return r.store.Token(secretHandle) }},                            // genuine, where there is an elder
	{"child2", func(r *rig) string { return r.store.Token("cccccccccc") }},                            // signed, and nobody's
	{"child3", func(*rig) string { return "v1." + secretHandle + "." + strings.Repeat("a", 26) }},     // forged
	{"child4", func(r *rig) string { return r.store.Token("bbbbbbbbbb") }},                            // revoked
	{"child5", func(*rig) string { return "" }},                                                       // none
	{"child6", func(r *rig) string { return strings.ToUpper(r.store.Token(secretHandle)) + " or 1" }}, // broken
}

// dark is a rig in which that elder is on the ledger or is not.
type dark struct {
	*rig
	log  *notebook
	seen map[string]int // messages looked at, by child
}

func newDark(t *testing.T, known bool) *dark {
	t.Helper()
	r, _ := newFamilies(t, storetest.SQLite, at(9))
	d := &dark{rig: r, log: &notebook{}, seen: map[string]int{}}
	o := r.bot.Options
	o.Log = d.log.logger()
	r.stop()
	r.serve(o)
	if known {
		if _, err := r.store.SaveBook(context.Background(), ledger.Edit{Book: secretBook, By: "lixia", Today: "2026-03-02"}); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// news is what came to a phone since it was looked at last, byte for byte but for the names of single messages.
func (d *dark) news(t *testing.T, child string) []string {
	t.Helper()
	all := d.sim.Messages(child)
	fresh := all[d.seen[child]:]
	d.seen[child] = len(all)
	var out []string
	for _, m := range fresh {
		if m.From == "me" {
			continue
		}
		m.ID, m.MsgID, m.UserID, m.At, m.Trace = "", "", "", time.Time{}, ""
		if m.Menu != nil {
			menu := *m.Menu
			menu.Items = slices.Clone(menu.Items)
			for i, x := range menu.Items { // an open question has a name of its own
				if task, key := wecom.KfTap(x.ID); task != "" {
					menu.Items[i].ID = "task/" + key
				}
				menu.Items[i].ID = caseKeys.ReplaceAllString(menu.Items[i].ID, "case")
			}
			m.Menu = &menu
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out
}

// caseKeys are made of the message that raised the case.
var caseKeys = regexp.MustCompile(`c[0-9a-f]{24}`)

// rows are what lay in the outbox for somebody, but for keys and moments.
func (d *dark) rows(t *testing.T, child string) []string {
	t.Helper()
	all, err := d.store.Outbox(context.Background(), store.OutboxFilter{To: d.user(child), Limit: 10_000, States: []store.OutboxState{
		store.StateWaiting, store.StateSent, store.StateDead, store.StateExpired, store.StateDropped}})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, x := range all {
		out = append(out, fmt.Sprintf("%s %s %v %d %q of=%v waits=%v ends=%v", x.Call, x.State, x.Priority, x.Attempts, x.Reason, x.Of != "",
			!x.NotBefore.IsZero(), !x.Expires.IsZero()))
	}
	return out
}

// darkStep is one thing that somebody does in the chat.
type darkStep struct {
	name string
	do   func(r *rig, child, card string) sim.Delivery
}

func darkSays(text string) darkStep {
	return darkStep{text, func(r *rig, child, _ string) sim.Delivery { return r.sim.KfSay(child, text) }}
}

// darkTaps taps what no menu offered, as whoever forges a client can.
func darkTaps(key string) darkStep {
	return darkStep{"taps " + key, func(r *rig, child, _ string) sim.Delivery {
		return r.sim.KfOther(child, "text", map[string]string{"content": "同意", "menu_id": key})
	}}
}

// darkOffered taps the n-th item of the newest menu.
func darkOffered(n int) darkStep {
	return darkStep{fmt.Sprintf("taps item %d", n), func(r *rig, child, _ string) sim.Delivery {
		for _, m := range slices.Backward(r.sim.Messages(child)) {
			if m.Menu != nil && len(m.Menu.Items) > 0 {
				return r.sim.KfClick(child, m.ID, m.Menu.Items[n%len(m.Menu.Items)].ID)
			}
		}
		return r.sim.KfSay(child, "没有菜单")
	}}
}

// darkSteps are all that somebody may try who is not verified.
func darkSteps(t *testing.T) []darkStep {
	out := []darkStep{
		{"scans", func(r *rig, child, card string) sim.Delivery {
			return r.sim.Scan(child, wecom.KfLinkWith(r.bot.link(context.Background(), sceneCard, ""), card))
		}},
		{"opens the chat", func(r *rig, child, _ string) sim.Delivery { return r.sim.KfEnter(child) }},
		{"sends a photo", func(r *rig, child, _ string) sim.Delivery { return r.sim.KfPhoto(child, testPhoto(t, 64, 48)) }},
		{"speaks", func(r *rig, child, _ string) sim.Delivery {
			return r.sim.KfVoice(child, []byte(strings.Repeat("#!AMR\n", 20)))
		}},
		{"sends a place", func(r *rig, child, _ string) sim.Delivery {
			return r.sim.KfLocation(child, 38.3, 106.2, "望远村三组9号")
		}},
		{"sends a card of somebody", func(r *rig, child, _ string) sim.Delivery {
			return r.sim.KfOther(child, "business_card", map[string]string{"userid": "mali"})
		}},
		{"takes back", func(r *rig, child, _ string) sim.Delivery {
			for _, m := range slices.Backward(r.sim.Messages(child)) {
				if m.From == "me" && m.MsgID != "" && !m.Recalled {
					return r.sim.KfRecall(child, m.MsgID)
				}
			}
			return r.sim.KfSay(child, "没有可撤回的")
		}},
	}
	for i := range 5 {
		out = append(out, darkOffered(i))
	}
	for _, text := range []string{"女儿", "我是她女儿", "儿子", "受托照顾人", "0000", "0302", "1399", "13900000000", "零零一二", "贺兰英", "贺兰英咋样", "贺兰英好吗 心脏",
		"我妈贺兰英最近怎么样", "我是贺小燕", "贺小燕 13900000000", "张桂兰咋样", "马秀兰的女儿马晓梅", "欧阳不存在咋样", "望远村三组9号的老人", "N01", "A03", "我妈咋样", "我妈血压多少",
		"谁在照顾", "谁在照顾贺兰英", "给老人打电话", "捎话", "请人照顾", "换号", "换城市", "我在西安", "国庆回家", "我的信息", "退订", "取消", "返回", "帮助", "你好", "谢谢", "asdf",
		"' OR 1=1 --", "1", "2", "123456", secretHandle, "🙂", strings.Repeat("很长", 400)} {
		out = append(out, darkSays(text))
	}
	for _, key := range []string{"go:kin:claim:女儿", "go:kin:bind", "go:kin:leave", "go:kin:stop", "go:kin:keep", "go:kin:mine", "go:kin:agree:status:" + secretElder,
		"go:kin:agree:health:" + secretElder, "kin:agree:status:" + secretElder, "go:kin:ask:0011aabb", "go:kin:health", "go:kin:care:00", "go:kin:call", "go:kin:same", "kin:heard",
		"go:bond:yes:" + secretElder + "/kf:0011", "go:bond:again:" + secretElder, "go:word:done:summary/N01/x/2026-02", "go:case:take:aaaa", "go:case:see:aaaa", "go:take:x/kin",
		"go:leaflet:" + secretElder, "go:leaflet:given:" + secretHandle, "go:relay:brought:x", "go:calm", "zzzz/end", "zzzz/claim", "", "go:", "::::"} {
		out = append(out, darkTaps(key))
	}
	return out
}

// darkAlarms are cries for help, by name and without: whoever raised the first changes what the second is told, so that these are
// compared between counties only.
var darkAlarms = []darkStep{darkSays("贺兰英摔倒了叫不醒"), darkSays("我妈摔倒了"), darkSays("紧急"), darkSays("紧急 贺兰英家着火"), darkSays("贺兰英两天联系不上了"), darkSays("13900000000"),
	darkSays("是误报"), darkTaps("go:alarm"), darkSays("望远村"), darkSays("张桂兰摔倒了叫不醒")}

// TestSecretBeforeVerified: whoever is not verified hears the same about an elder on the ledger and about one who is not, byte for byte and
// in the same order, whatever card they came by (requirements §3 case 10). Only the end of the number is left out: it is what is asked for.
func TestSecretBeforeVerified(t *testing.T) {
	t.Parallel()
	steps := darkSteps(t)
	for _, walk := range []struct {
		seed   uint64
		length int
		alarms bool
	}{{1, 40, false}, {2, 40, false}, {3, 16, true}, {4, 16, true}, {5, 16, true}} {
		t.Run(fmt.Sprintf("walk %d", walk.seed), func(t *testing.T) {
			t.Parallel()
			all := steps
			if walk.alarms {
				all = slices.Concat(steps, darkAlarms, darkAlarms)
			}
			known, unknown := newDark(t, true), newDark(t, false)
			luck := rand.New(rand.NewPCG(walk.seed, 7))
			for i := range walk.length {
				step, later := all[luck.IntN(len(all))], time.Duration(1+luck.IntN(90))*time.Second
				switch {
				case i == 0:
					step = all[0]
				case i%9 == 4: // or nobody would ever be asked for the end of a number
					step = darkTaps("go:kin:claim:女儿")
				case i%9 == 5:
					step = darkSays(fmt.Sprintf("%04d", 1000+luck.IntN(9000)))
				case walk.alarms: // later the ladder's own news ("又通知了一遍") follow whom it could ask, and a named place has people
					later /= 3
				case luck.IntN(25) == 0:
					later = time.Duration(1+luck.IntN(30)) * time.Hour
				}
				var first []string
				for _, w := range []*dark{known, unknown} {
					for _, c := range comers {
						step.do(w.rig, c.child, c.card(w.rig))
						if walk.alarms { // who is first with an alarm raises it
							w.calm(t)
						}
					}
					w.happen(t)
				}
				for n, c := range comers {
					a, b := known.news(t, c.child), unknown.news(t, c.child)
					if diff := cmp.Diff(b, a); diff != "" {
						t.Fatalf("step %d, %q, of %s: where the elder is on the ledger (+) they hear otherwise:\n%s", i, step.name, c.child, diff)
					}
					if n == 0 {
						first = a
					} else if diff := cmp.Diff(first, a); diff != "" && !walk.alarms {
						t.Fatalf("step %d, %q: %s (+) hears otherwise than who holds a genuine card:\n%s", i, step.name, c.child, diff)
					}
				}
				for _, w := range []*dark{known, unknown} {
					w.now.Add(later.Milliseconds())
					for range 3 { // what time brings comes before what they do next, in both counties
						if err := w.bot.Climb(context.Background()); err != nil {
							t.Fatal(err)
						}
						w.happen(t)
					}
				}
			}
			heard := 0
			for _, c := range comers {
				heard += known.seen[c.child]
				if diff := cmp.Diff(unknown.rows(t, c.child), known.rows(t, c.child)); diff != "" {
					t.Errorf("the outbox of %s differs where the elder is on the ledger (+):\n%s", c.child, diff)
				}
				if diff := cmp.Diff(known.rows(t, "child1"), known.rows(t, c.child)); diff != "" && !walk.alarms {
					t.Errorf("the outbox of %s (+) differs from that of who holds a genuine card:\n%s", c.child, diff)
				}
			}
			if heard < walk.length {
				t.Errorf("only %d messages were compared", heard)
			}
			for _, w := range []*dark{known, unknown} {
				w.silent(t)
			}
			if walk.alarms {
				return
			}
			known.now.Store(ledger.DayOf(known.Now(), beijing).Add(3).In(beijing).Add(10 * time.Hour).UnixMilli()) // and the test can fail: the right end of the number asks who knows the family
			known.sim.Scan("child1", wecom.KfLinkWith(known.bot.link(context.Background(), sceneCard, ""), comers[0].card(known.rig)))
			known.ask(t, "child1", "取消")
			known.ask(t, "child1", "女儿")
			known.ask(t, "child1", secretEnd)
			known.happen(t)
			if got := known.heardOf("child1"); !strings.HasPrefix(got[len(got)-1], "对上了") {
				t.Errorf("the right end of the number gives %q", got[len(got)-1])
			}
			if !slices.ContainsFunc(known.sim.Messages("mali"), func(m sim.Message) bool {
				return m.Card != nil && strings.Contains(m.Card.MainTitle.Title, "要登记为贺兰英")
			}) {
				t.Error("who knows the family is not asked")
			}
			if got := strings.Join(known.heardOf("child1"), "\n"); strings.Contains(got, "贺") || strings.Contains(got, "望远") {
				t.Errorf("before the approval they heard %q", got)
			}
			known.silent(t)
		})
	}
}

// Chinese that the program itself writes into its log; all else there is somebody's.
var programsOwn = strings.NewReplacer("微信客服", "", "家属在微信里拒收了", "", "没送到", "", "拒收或已取消关注", "", "拒收了通知", "", "已不是微信联系人", "")

// silent looks at everything that operators read for what says something of an elder, a relative or a helper.
func (d *dark) silent(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	roster, err := d.store.Roster(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p := privateOf(roster.Book())
	for _, e := range secretBook.Elders { // of whom nothing stands anywhere where they are not on the ledger either
		p.phones[e.Phone] = true
	}
	marks := []string{secretHandle, "bbbbbbbbbb", d.store.Token(secretHandle)}
	for _, c := range children {
		marks = append(marks, c, d.sim.KfCustomerID(c), d.sim.ExternalID(c), d.sim.OpenID(c))
	}
	check := func(where, text string) {
		t.Helper()
		for _, f := range p.machine(programsOwn.Replace(text)) {
			t.Errorf("%s holds %s", where, f)
		}
		if at := strings.Index(text, secretElder); at >= 0 {
			t.Errorf("%s names the elder: %s", where, clipped(text, at))
		}
		for _, m := range marks {
			if at := strings.Index(text, m); at >= 0 {
				t.Errorf("%s holds an address or a handle: %s", where, clipped(text, at))
			}
		}
	}
	check("the log", d.log.String())
	for _, path := range []string{"/metrics", "/readyz"} {
		resp, err := http.Get(d.url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil || len(body) == 0 {
			t.Fatalf("%s: %q %v", path, body, err)
		}
		check(path, string(body))
	}
	rows, err := d.store.Outbox(ctx, store.OutboxFilter{Limit: 10_000, States: []store.OutboxState{store.StateWaiting, store.StateSent, store.StateDead,
		store.StateExpired, store.StateDropped}})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range rows {
		check("an outbox reason", x.Reason)
		if ledger.IsKf(x.To) || x.Call != ledger.CallSend {
			check("an outbox address", x.To)
		}
	}
}

// TestSecretOfTheLog: the whole story, with every channel failing in turn, leaves nothing of anybody in what operators read.
func TestSecretOfTheLog(t *testing.T) {
	d := newDark(t, true)
	ctx := context.Background()
	k := kin{"child1", secretElder, "贺小燕", "mali"}
	d.sim.Scan("child1", wecom.KfLinkWith(d.bot.link(ctx, sceneCard, ""), d.store.Token(secretHandle)))
	d.happen(t)
	for _, text := range []string{"女儿", "9999", secretEnd} {
		d.ask(t, "child1", text)
		d.now.Add(1000)
	}
	d.press(t, "mali", "是她,老人同意说近况")
	for _, text := range []string{"同意接收走访情况", "同意记电话", "同意记所在城市", "同意微信通知", "同意短信"} {
		d.tapMenu(t, "child1", text)
		d.now.Add(2000)
	}
	d.now.Add(60_000)
	d.ask(t, "child1", "我妈咋样")
	if got := d.heardOf("child1"); !strings.HasPrefix(got[len(got)-1], "您母亲") {
		t.Fatalf("who is verified hears %q", got[len(got)-1])
	}
	d.open(t, k, ledger.ChannelOfficial, testApp, d.sim.OpenID("child1"))
	d.open(t, k, ledger.ChannelMass, "mali", d.sim.ExternalID("child1"))
	for i, f := range []sim.FaultSet{{Dead: "kf|official|externalcontact|sms"}, {Broken: "kf|official|externalcontact|sms"}, {API: "kf/send_msg", ErrCode: 95001, ErrCodeTimes: 1},
		{API: "kf/sync_msg", HTTP500: true}, {API: "externalcontact/add_msg_template", ErrCode: 40096, ErrCodeTimes: 1}, {Kf: sim.KfFaults{FailTimes: 1, FailType: 10}}} {
		d.now.Add(time.Hour.Milliseconds())
		d.sim.KfSay("child1", "我妈咋样")
		d.happen(t)
		d.sim.Faults().Set(f)
		for n, p := range []ledger.WordPurpose{ledger.WordPassed, ledger.WordSummary, ledger.WordConfirm, ledger.WordEmergency} {
			d.word(t, k, fmt.Sprintf("%s/%d/%d/贺小燕", p, i, n), p, "贺兰英家里都好")
		}
		if err := d.bot.Reach(ctx); err != nil {
			t.Errorf("words are not looked at: %v", err)
		}
		d.sim.KfSay("child1", "谁在照顾")
		wait(t, "the messages to be tried", func() bool {
			rows, err := d.store.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateWaiting}})
			first := map[string]bool{}
			for _, x := range rows { // what waits behind another waits with it
				if !first[x.To] && x.Attempts == 0 && !x.NotBefore.After(d.Now()) && slices.Contains(outwards, x.Call) {
					return false
				}
				first[x.To] = true
			}
			return err == nil
		})
		d.sim.Faults().Set(sim.FaultSet{})
		d.pass(t, 4*time.Minute, 30*time.Second)
	}
	d.now.Add(time.Hour.Milliseconds())
	d.ask(t, "child1", "退订")
	d.tapMenu(t, "child1", "全部解除并删除")
	if !strings.Contains(d.log.String(), "not sent") {
		t.Error("nothing of the failures is in the log: it was not looked at")
	}
	d.silent(t)
}

var dayOrPlace = regexp.MustCompile(`\d+月\d+日|今天|昨天|前天|最近一次|望远|住院|一组|王芳|马丽|何军|张磊|139\d{8}`)

// TestHiddenOnTheWire: somebody of the family may be behind something: of the elder nobody of them learns where and when, with whom, or on
// what number (002 六(四)); and who the elder does not want told hears one sentence (requirements §3 case 11).
func TestHiddenOnTheWire(t *testing.T) {
	d := newDark(t, false)
	d.bind(t, xiaomei)
	d.enter(t, "child1")
	today := ledger.DayOf(d.Now(), beijing)
	seen := ledger.Entry{Key: "seen", No: "260311-1", Kind: ledger.KindVisit, ElderID: "A03", UserID: "wangfang", Day: today, Method: ledger.MethodDoor,
		Outcome: ledger.OutcomeOK, Note: "膝盖疼", Version: 1, EnteredAt: d.Now()}
	commit(t, d.store, ledger.Changes{Entries: []ledger.Entry{seen}})
	questions := []string{"我妈咋样", "谁在照顾", "给老人打电话", "我妈身体咋样", "马秀兰在哪", "今天谁去看的", "捎话", "取消", "请人照顾", "取消", "帮助", "asdf", "qwer"}
	ask := func(text string) string {
		d.now.Add(60_000)
		before := len(d.heardOf("child1"))
		d.ask(t, "child1", text)
		got := d.heardOf("child1")
		if len(got) != before+1 {
			t.Errorf("%q is answered %d times", text, len(got)-before)
		}
		return strings.Join(got[before:], "\n")
	}
	if got := ask("我妈咋样"); !dayOrPlace.MatchString(got) {
		t.Fatalf("before, they hear no day: %q", got)
	}
	now := d.Now()
	step := ledger.CaseStep{Case: ledger.Case{Key: "abuse1", No: "急260311-1", Kind: ledger.CaseAlarm, What: "abuse", ElderID: "A03", Region: "640121101201", About: "被女儿打",
		By: "wangfang", State: ledger.CaseOpen, Level: ledger.RoleVillage, Due: now.Add(time.Hour), Since: now, At: now}}
	step.Add(ledger.Event{Kind: ledger.EventRaised, By: "wangfang", Text: step.Case.About, At: now})
	commit(t, d.store, ledger.Changes{Cases: []ledger.CaseStep{step}})
	for _, q := range questions {
		if got := ask(q); dayOrPlace.MatchString(got) {
			t.Errorf("%q is answered %q", q, got)
		}
	}
	d.word(t, xiaomei, "case/abuse1/马晓梅", ledger.WordEmergency, "家里有急事\n被打")
	d.pass(t, 2*time.Minute, 30*time.Second)
	if f := d.file(t, "case/abuse1/马晓梅"); f.State != ledger.WordDropped || len(f.Log) > 0 {
		t.Errorf("the family is told of it: %s %v", f.State, tried(f))
	}
	commit(t, d.store, ledger.Changes{Consents: []ledger.Consent{{Key: "no", ElderID: "A03", For: xiaomei.name, Purpose: ledger.PurposeKin, Day: today, Channel: "当面",
		Witness: "mali", At: d.Now()}}})
	for _, q := range []string{"我妈咋样", "谁在照顾", "给老人打电话", "我妈身体咋样", "捎话", "请人照顾", "asdf"} {
		if got := ask(q); got != "这件事请问村委会。" {
			t.Errorf("who may not hear asks %q and hears %q", q, got)
		}
	}
	d.silent(t)
}

// TestConsentBeforeTheQueue: a consent that is withdrawn while something waits to be sent counts before the next message of the queue
// (requirements §3 case 11), whichever channel it waits for; who else is bound hears on.
func TestConsentBeforeTheQueue(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		r, spy := newFamilies(t, driver, at(9))
		ctx := context.Background()
		r.bind(t, xiaomei, ledger.PurposeNotice, ledger.PurposeSMS)
		r.bind(t, wenjuan, ledger.PurposeNotice)
		for _, k := range []kin{xiaomei, wenjuan} {
			r.enter(t, k.child)
			r.ask(t, k.child, "我妈咋样")
		}
		r.now.Add(60_000)
		r.sim.Faults().Set(sim.FaultSet{API: "kf/send_msg", HTTP500: true})
		for _, k := range []kin{xiaomei, wenjuan} {
			r.word(t, k, "summary/"+k.elder+"/"+k.name+"/2026-02", ledger.WordSummary, "您母亲2月看过2次。")
			r.word(t, k, "passed/"+k.elder, ledger.WordPassed, "问您好")
		}
		if err := r.bot.Reach(ctx); err != nil {
			t.Fatal(err)
		}
		queued := func(k kin) []store.OutboxRow {
			rows, err := r.store.Outbox(ctx, store.OutboxFilter{To: r.user(k.child), States: []store.OutboxState{store.StateWaiting}})
			if err != nil {
				t.Fatal(err)
			}
			return rows
		}
		wait(t, "the summary to be tried in vain", func() bool {
			rows := queued(xiaomei)
			return len(rows) == 2 && slices.ContainsFunc(rows, func(x store.OutboxRow) bool { return x.Attempts > 0 })
		})
		commit(t, r.store, ledger.Changes{Consents: []ledger.Consent{{Key: "no", ElderID: "A03", For: xiaomei.name, Purpose: ledger.PurposeKin,
			Day: ledger.DayOf(r.Now(), beijing), Channel: "当面", Witness: "mali", At: r.Now()}}})
		heard, sent := len(r.heardOf("child1")), len(spy.sent)
		other := len(r.heardOf("child3"))
		r.sim.Faults().Set(sim.FaultSet{})
		r.pass(t, 10*time.Minute, 30*time.Second)
		if got := r.heardOf("child1"); len(got) != heard {
			t.Errorf("after the elder's word they still heard %q", got[heard:])
		}
		if got := r.heardOf("child3"); len(got) != other+2 {
			t.Errorf("who may hear got %d messages, want 2", len(got)-other)
		}
		if len(spy.sent) != sent+2 {
			t.Errorf("WeCom took %d messages, want 2", len(spy.sent)-sent)
		}
		if rows := queued(xiaomei); len(rows) > 0 {
			t.Errorf("it waits on: %+v", rows)
		}
		r.pass(t, 9*24*time.Hour, 12*time.Hour)
		for _, key := range []string{"summary/A03/马晓梅/2026-02", "passed/A03"} {
			if f := r.file(t, key); f.State != ledger.WordDropped {
				t.Errorf("%s is %s: %v", key, f.State, tried(f))
			}
		}
		if n := len(r.sim.MassTasks("mali")); n > 0 {
			t.Errorf("the helper is asked to send %d messages", n)
		}
	})
}

// BenchmarkSecret is one turn of a relative who guesses the end of a number with a genuine card, a forged one and none, side by side: what
// the turn takes must not tell them apart.
//
//	go test ./bot -run - -bench Secret -benchtime 300x
func BenchmarkSecret(b *testing.B) {
	for _, driver := range benchDrivers {
		for _, c := range []struct{ name, handle string }{{"genuine", secretHandle}, {"revoked", "bbbbbbbbbb"}, {"unknown", "cccccccccc"}, {"forged", ""}} {
			b.Run(driver+"/"+c.name, func(b *testing.B) {
				st := newStand(b, driver, 8, 0)
				ctx := context.Background()
				book := secretBook
				book.Elders = slices.Clone(book.Elders)
				book.Elders[0].Region = "v0"
				book.Assignments = []ledger.Assignment{{ElderID: secretElder, UserID: member(0)}}
				book.Pairs = nil
				if _, err := st.store.SaveBook(ctx, ledger.Edit{Book: book, By: ledger.ByImport, Today: "2026-03-02"}); err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				n, begin := 0, time.Now()
				for b.Loop() {
					b.StopTimer()
					n++
					now := begin.Add(time.Duration(n) * 5 * time.Hour) // a card is good for five tries in a day
					user := ledger.KfUser(testKf, fmt.Sprint(n))       // each for the first time: nobody is locked out
					s := flows.State{Draft: flows.Draft{Form: "kin-bind", Answers: flows.Answers{"claim": "女儿"}, Order: []string{"claim"}, At: now.Unix()}, Task: "t",
						Kin: flows.KinState{Handle: c.handle, Wrote: now.Unix()}}
					state, err := json.Marshal(s)
					if err != nil {
						b.Fatal(err)
					}
					raw := fmt.Sprintf(`{"msgid":"m%d","open_kfid":%q,"external_userid":"%d","send_time":%d,"origin":3,"msgtype":"text","text":{"content":"1234"}}`,
						n, testKf, n, now.Unix())
					if err := st.store.Commit(ctx, store.Turn{User: user, State: state}); err != nil {
						b.Fatal(err)
					}
					if _, err := st.store.ReceiveKf(ctx, testKf, "", []store.Inbound{{Key: fmt.Sprint("k", n), User: user, Raw: []byte(raw), At: now}},
						[]ledger.Line{{User: user, Channel: ledger.ChannelKf, Account: testKf, Address: fmt.Sprint(n), State: ledger.LineOpen, At: now, Heard: now}}); err != nil {
						b.Fatal(err)
					}
					in, err := st.store.Pending(ctx, user, 1)
					if err != nil || len(in) != 1 {
						b.Fatal(len(in), err)
					}
					b.StartTimer()
					if _, err := st.bot.handle(ctx, in); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
