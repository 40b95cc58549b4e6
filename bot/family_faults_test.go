package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/silenceper/wechat/v2/util"

	"xunfang/bot/official"
	"xunfang/bot/sim"
	"xunfang/bot/wecom"
	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// kinFaults are the things that may go wrong between a relative and us. In every row the question is answered once and the word is
// brought once: the row makes the trouble and ends it, the test looks at the phone.
var kinFaults = []struct {
	name string
	play func(*abroad)
}{
	{"a good day", func(a *abroad) { a.asks(); a.brings() }},
	{"send_msg answers 500", func(a *abroad) {
		a.bad(func(f *sim.FaultSet) { f.API, f.HTTP500 = "kf/send_msg", true })
		a.asks()
		a.brings()
		a.sends(2)
	}},
	{"send_msg never answers", func(a *abroad) {
		a.bad(func(f *sim.FaultSet) { f.API, f.Hang = "kf/send_msg", true })
		a.asks()
		a.brings()
		a.sends(2)
	}},
	{"send_msg called too often (45009)", func(a *abroad) {
		a.bad(func(f *sim.FaultSet) { f.API, f.ErrCode, f.ErrCodeTimes = "kf/send_msg", 45009, 3 })
		a.asks()
		a.brings()
		a.calm()
	}},
	{"send_msg is busy (-1)", func(a *abroad) {
		a.bad(func(f *sim.FaultSet) { f.API, f.ErrCode, f.ErrCodeTimes = "kf/send_msg", -1, 5 })
		a.asks()
		a.brings()
		a.calm()
	}},
	{"the connection drops after WeCom took it", func(a *abroad) {
		a.bad(func(f *sim.FaultSet) { f.API, f.AcceptThenDrop = "kf/send_msg", true })
		a.asks()
		a.brings()
		a.sends(1)
		a.calm() // WeCom refuses the second of one msgid
	}},
	{"sync_msg answers 500 for a while", func(a *abroad) {
		a.bad(func(f *sim.FaultSet) { f.API, f.HTTP500 = "kf/sync_msg", true })
		a.asks()
		a.brings()
		a.pulls(1)
		a.good()
		a.look()
	}},
	{"sync_msg never answers", func(a *abroad) {
		a.bad(func(f *sim.FaultSet) { f.API, f.Hang = "kf/sync_msg", true })
		a.asks()
		a.pulls(1)
		a.good()
		a.look()
		a.brings()
	}},
	{"sync_msg called too often (45009)", func(a *abroad) {
		a.bad(func(f *sim.FaultSet) { f.API, f.ErrCode, f.ErrCodeTimes = "kf/sync_msg", 45009, 2 })
		a.asks()
		a.pulls(1)
		a.good()
		a.look()
		a.brings()
	}},
	{"the token of the callback is stale (95007)", func(a *abroad) {
		a.now.Add((61 * time.Second).Milliseconds()) // without a token one may look once a minute
		a.bad(func(f *sim.FaultSet) { f.API, f.ErrCode, f.ErrCodeTimes = "kf/sync_msg", 95007, 1 })
		a.asks()
		a.brings()
	}},
	{"the callback waits eleven minutes", func(a *abroad) {
		a.stop() // kept by who answers, and nobody lives who takes the turn
		a.asks()
		a.now.Add((11 * time.Minute).Milliseconds())
		a.restart(nil)
		a.brings()
	}},
	{"the callback is delivered four times", func(a *abroad) {
		a.bad(func(f *sim.FaultSet) { f.DeliverTimes = 4 })
		a.asks()
		a.brings()
	}},
	{"the callback is lost", func(a *abroad) {
		a.bad(func(f *sim.FaultSet) { f.LoseEvents = true })
		a.asks()
		a.good()
		if n := a.count("您母亲"); n != 0 {
			a.t.Fatalf("%d answers to a question of which nobody was told: the row tests nothing", n)
		}
		a.look()
		a.brings()
	}},
	{"pages are empty", func(a *abroad) {
		a.bad(func(f *sim.FaultSet) { f.Kf.EmptyPages = 3 })
		a.asks()
		a.brings()
	}},
	{"pages begin with what came before", func(a *abroad) {
		a.bad(func(f *sim.FaultSet) { f.Kf.Repeats = 5 })
		a.asks()
		a.brings()
		a.calm()
		a.look()
	}},
	{"pages have one message", func(a *abroad) {
		a.bad(func(f *sim.FaultSet) { f.LoseEvents, f.Kf.ShortPages = true, 1 })
		a.asks()
		a.now.Add(1000)
		a.sim.KfSay("child1", "谢谢")
		a.bad(func(f *sim.FaultSet) { f.LoseEvents = false })
		a.now.Add(1000)
		a.sim.KfSay("child1", "好的") // whose callback brings all three
		a.until("three answers", func() bool { return a.count("不客气")+a.count("好,您看到了就行") == 2 })
		a.brings()
	}},
	{"two processes", func(a *abroad) {
		other := a.second()
		a.asks()
		a.now.Add((61 * time.Second).Milliseconds())
		var g sync.WaitGroup
		for _, b := range []*Bot{a.bot, other, a.bot, other} {
			g.Go(func() { _ = b.pull(context.Background(), testKf, "") }) // WeCom may say that it is too often
		}
		g.Wait()
		a.brings()
		for range 3 {
			g.Go(func() { _ = a.bot.Reach(context.Background()) }) // the slower finds the word moved on
			g.Go(func() { _ = other.Reach(context.Background()) })
		}
		g.Wait()
	}},
	{"restarted in between", func(a *abroad) {
		a.bad(func(f *sim.FaultSet) { f.API, f.Down = "kf/send_msg", true })
		a.asks()
		a.brings()
		a.sends(1)
		a.restart(nil)
	}},
}

// TestFamilyFaults plays every row on both databases through the real callback.
func TestFamilyFaults(t *testing.T) {
	t.Parallel()
	for _, f := range kinFaults {
		for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
			t.Run(f.name+"/"+driver, func(t *testing.T) {
				t.Parallel()
				a := farAway(t, driver, nil)
				a.bind(t, xiaomei)
				a.enter(t, "child1")
				a.ask(t, "child1", "你好") // which opens the window
				a.now.Add(2000)
				f.play(a)
				a.good()
				a.until("the question to be answered and the word to be brought", func() bool {
					return a.count("您母亲") > 0 && a.count("一切都好,勿念") > 0
				})
				a.calm()
				a.look() // and nothing is answered again
				a.calm()
				for _, head := range []string{"您母亲", "一切都好,勿念"} {
					if n := a.count(head); n != 1 {
						t.Errorf("%q came %d times: %q", head, n, a.heardOf("child1"))
					}
				}
				if n := a.count("没处理成"); n != 0 {
					t.Errorf("they were told %d times that something failed", n)
				}
				if got := tried(a.file(t, "passed/1")); len(got) == 0 || got[0] != "kf sent" || len(got) > 1 && !slices.Equal(got[1:], []string{"kf heard"}) {
					t.Errorf("the word was tried %q", got) // heard, where their question came after it
				}
				a.nobody()
			})
		}
	}
}

// TestWordOutlivesItsChannel: where 微信客服 carries nothing for long, what was to be brought is somebody's task (every failure of a machine
// becomes one within minutes): it is not taken for said, and it does not come a second time when the channel is back.
func TestWordOutlivesItsChannel(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		within time.Duration
		bad    func(*abroad)
		good   func(*abroad)
	}{
		{"the account was taken from the app", 15 * time.Minute, func(a *abroad) { a.sim.KfManage(testKf, false) }, func(a *abroad) { a.sim.KfManage(testKf, true) }},
		{"WeCom is away for a day", 26 * time.Hour, func(a *abroad) { a.bad(func(f *sim.FaultSet) { f.API, f.Down = "kf/send_msg", true }) }, (*abroad).good},
	} {
		for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
			t.Run(row.name+"/"+driver, func(t *testing.T) {
				t.Parallel()
				a := farAway(t, driver, nil)
				a.bind(t, xiaomei)
				a.enter(t, "child1")
				a.ask(t, "child1", "你好")
				a.now.Add(2000)
				row.bad(a)
				a.brings()
				asked := func() bool { return slices.Contains(tried(a.file(t, "passed/1")), "call sent mali") }
				for begin := a.Now(); !asked() && a.Now().Sub(begin) < row.within; {
					a.now.Add((row.within / 100).Milliseconds())
					if err := a.bot.Reach(context.Background()); err != nil {
						t.Fatal(err)
					}
					a.bot.sender.poke()
					// A clock that jumps while a request is under way would end the lease that keeps a second one away.
					a.until("what is due to be tried", func() bool { return dueRows(a.waiting(), a.Now()) == 0 })
				}
				if f := a.file(t, "passed/1"); !asked() || f.State != ledger.WordOpen {
					t.Errorf("after %s the word is %s: %q", row.within, f.State, tried(f))
				}
				row.good(a)
				for range 10 {
					a.now.Add(time.Minute.Milliseconds())
					a.calm()
				}
				if n := a.count("一切都好,勿念"); n != 0 {
					t.Errorf("what somebody calls about came %d times by 微信客服, too", n)
				}
			})
		}
	}
}

// nobody wants no message to who is nobody: what 微信客服 and the service account tell has no author who could be answered.
func (a *abroad) nobody() {
	a.t.Helper()
	rows, err := a.store.Outbox(context.Background(), store.OutboxFilter{Limit: 1000, States: []store.OutboxState{store.StateWaiting, store.StateSent,
		store.StateDead, store.StateExpired, store.StateDropped}})
	if err != nil {
		a.t.Fatal(err)
	}
	for _, x := range rows {
		if slices.Contains([]string{kfPull, officialUser, "sys"}, x.To) {
			a.t.Errorf("a message was written to %q, who is nobody: %s %s", x.To, x.State, x.Reason)
		}
	}
}

// TestFamilyKilled kills the process on either side of every commit of a relative's story, from the first scan to their withdrawal, and
// starts another on what it left. Each run must end as the undisturbed one does. XUNFANG_KILLS=all takes every commit on both databases;
// otherwise each twelfth on SQLite and each 27th on MariaDB.
func TestFamilyKilled(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			calm := farAway(t, driver, &reaper{at: -1})
			want := calm.story()
			n := int(calm.reaper.seen.Load())
			if n < 30 || len(want.Heard) < 7 {
				t.Fatalf("a story of %d commits and %d messages", n, len(want.Heard))
			}
			eachKill(t, n, map[string]int{storetest.SQLite: 12, storetest.MariaDB: 27}[driver], func(t *testing.T, r *reaper) {
				if diff := cmp.Diff(want, farAway(t, driver, r).story()); diff != "" {
					t.Errorf("after a kill it ends otherwise (-undisturbed +killed):\n%s", diff)
				}
			})
		})
	}
}

// ending is what a story leaves.
type ending struct {
	Heard    []string // on the relative's phone, but for the greeting, which is worth nothing after 20 seconds
	Bond     ledger.BondState
	Consents []string
	Words    []string
	Lines    []string
	Asked    int // cards with which the helper was asked to call
}

// story is a relative's: they scan the card, are bound, ask, are brought a word that 微信客服 loses, are called, and withdraw.
func (a *abroad) story() ending {
	t := a.t
	t.Helper()
	ctx := context.Background()
	a.sim.Scan("child1", wecom.KfLinkWith(a.bot.link(ctx, sceneCard, ""), a.hand.Token(secretHandle)))
	a.says("女儿", "请发您留在老人家里的手机号的后四位")
	a.says("0302", "对上了")
	a.press("mali", "是她,老人同意说近况", func() bool { return a.count("登记好了,您是马秀兰的家属") > 0 })
	a.picks("同意接收走访情况", "记下了:同意接收走访情况")
	a.says("我妈咋样", "您母亲")
	a.write(xiaomei, "summary/A03/马晓梅/2026-02", ledger.WordSummary, "您母亲2月看过2次。", a.Now().Add(10*24*time.Hour))
	a.calm()
	a.bad(func(f *sim.FaultSet) { f.Kf.FailTimes, f.Kf.FailType = 1, wecom.KfFailRefused })
	a.write(xiaomei, "passed/1", ledger.WordPassed, "一切都好,勿念", a.Now())
	a.until("somebody to be asked to call", func() bool { return a.file(t, "passed/1").Owner == "mali" })
	a.calm()
	a.press("mali", "已接通", func() bool { return a.file(t, "passed/1").State == ledger.WordHeard })
	a.says("退订", "停到哪一步")
	a.picks("全部解除并删除", "都解除了")
	a.calm()
	a.look()
	a.calm()
	a.nobody()
	roster, err := a.hand.Roster(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var end ending
	for _, m := range a.heardOf("child1") {
		if !strings.Contains(m, "家属窗口") {
			end.Heard = append(end.Heard, m)
		}
	}
	for _, b := range roster.Threads(a.user("child1")) {
		end.Bond = b.State
	}
	acts, err := a.hand.ConsentsOf(ctx, "A03")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range acts["A03"] {
		end.Consents = append(end.Consents, fmt.Sprintf("%q about %q %s %v by %s", c.Kin, c.For, c.Purpose, c.Given, c.Witness))
	}
	slices.Sort(end.Consents)
	words, err := a.hand.WordsOf(ctx, store.WordFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range words {
		end.Words = append(end.Words, fmt.Sprintf("%s %s %q", w.Key, w.State, tried(w)))
	}
	slices.Sort(end.Words)
	lines, err := a.hand.LinesOf(ctx, a.user("child1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		end.Lines = append(end.Lines, fmt.Sprintf("%s %s", l.Channel, l.State))
	}
	for _, m := range a.sim.Messages("mali") {
		if m.Card != nil && strings.HasPrefix(m.Card.MainTitle.Title, "请打电话") {
			end.Asked++
		}
	}
	return end
}

// abroad is a rig in trouble with a relative far away: processes die and others take their place.
type abroad struct {
	*weather
	driver string
	hand   *store.Store // the test's own: nobody kills it
	road   Options      // the ways out, of any process
	failed *atomic.Int64
	reaper *reaper
	said   bool
}

// farAway starts a rig with every channel open and a contact card out; with a reaper the first process may be killed by it.
func farAway(t *testing.T, driver string, r *reaper) *abroad {
	t.Helper()
	rig, _ := newFamilies(t, driver, at(9))
	a := &abroad{weather: &weather{t: t, rig: rig}, driver: driver, hand: rig.store, road: rig.bot.Options, failed: &atomic.Int64{}, reaper: r}
	card := ledger.Book{Leaflets: []ledger.Leaflet{{ElderID: "A03", Handle: secretHandle, Issued: "2026-03-01", By: "mali"}}}
	if _, err := a.hand.SaveBook(context.Background(), ledger.Edit{Book: card, By: "mali", Today: "2026-03-01"}); err != nil {
		t.Fatal(err)
	}
	a.road.Messenger, a.road.Family.Kf = hasty{a.road.Messenger}, hastyKf{a.road.Family.Kf, a.failed}
	if r != nil {
		r.struck = make(chan struct{})
	}
	a.restart(r)
	return a
}

// restart puts another process in the place of the one that runs.
func (a *abroad) restart(r *reaper) {
	a.t.Helper()
	a.stop()
	where := a.where
	where.Now = a.Now
	if r != nil {
		where.Around = r.around
	}
	next := storetest.OpenWith(a.t, where)
	if err := next.Resume(context.Background()); err != nil {
		a.t.Fatal(err)
	}
	o := a.road
	o.Store = next
	if r != nil {
		o.Messenger, o.Family.Kf = mortal{o.Messenger, r}, mortalKf{o.Family.Kf, r}
	}
	a.store = next
	a.serve(o)
}

// second runs another process beside the first.
func (a *abroad) second() *Bot {
	where := a.where
	where.Now = a.Now
	o := a.road
	o.Store = storetest.OpenWith(a.t, where)
	other := New(o)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { other.Run(ctx); close(over) }()
	a.t.Cleanup(func() { cancel(); <-over })
	return other
}

// revive starts another process where one was killed, a minute later: WeCom lets nobody look more often without a callback.
func (a *abroad) revive() {
	if a.reaper == nil || a.said || !a.reaper.dead.Load() {
		return
	}
	a.said = true
	a.now.Add((61 * time.Second).Milliseconds())
	a.restart(nil)
}

// until waits while the clock runs, a second at a time, and does what the process does each second.
func (a *abroad) until(what string, is func() bool) {
	a.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		a.revive()
		if is() {
			return
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("waited in vain for %s; waiting: %+v; on the phone: %q", what, a.waiting(), a.heardOf("child1"))
		}
		a.now.Add(time.Second.Milliseconds())
		if err := a.bot.Reach(context.Background()); err != nil && !errors.Is(err, errKilled) {
			a.t.Fatal(err)
		}
		a.bot.turns.look()
		a.bot.sender.poke()
	}
}

func (a *abroad) calm() {
	a.t.Helper()
	a.until("everything to be handled and sent", a.idle)
}

func (a *abroad) good() {
	a.t.Helper()
	a.sim.Faults().Set(sim.FaultSet{})
	a.calm()
}

// look is the look of every five minutes, at what no callback told of.
func (a *abroad) look() {
	a.t.Helper()
	a.now.Add(kfIdle.Milliseconds())
	if err := a.bot.pull(context.Background(), testKf, ""); err != nil && !errors.Is(err, errKilled) {
		a.t.Fatal(err)
	}
}

// sends waits until some message has been tried so often.
func (a *abroad) sends(n int) {
	a.t.Helper()
	a.until(fmt.Sprintf("%d attempts", n), func() bool {
		return slices.ContainsFunc(a.waiting(), func(x store.OutboxRow) bool { return x.Call == ledger.CallKf && x.Attempts >= n })
	})
}

// pulls waits until so many looks have failed.
func (a *abroad) pulls(n int64) {
	a.t.Helper()
	from := a.failed.Load()
	a.until(fmt.Sprintf("%d looks in vain", n), func() bool {
		users, err := a.store.Backlog(context.Background(), 1) // put aside before that: then it is for the look of every five minutes
		return a.failed.Load() >= from+n || err == nil && len(users) == 0 && a.failed.Load() > from
	})
}

// asks asks how the elder is.
func (a *abroad) asks() {
	a.t.Helper()
	a.now.Add(1000)
	if d := a.sim.KfSay("child1", "我妈咋样"); d.Status != 200 && d.Err != "lost on the way (fault)" {
		a.t.Fatalf("answered %d: %s", d.Status, d.Err)
	}
}

// brings has something brought to the relative.
func (a *abroad) brings() {
	a.t.Helper()
	a.write(xiaomei, "passed/1", ledger.WordPassed, "一切都好,勿念", a.Now())
}

func (a *abroad) write(k kin, key string, p ledger.WordPurpose, text string, due time.Time) {
	a.t.Helper()
	w := ledger.Word{Key: key, ElderID: k.elder, Kin: k.name, User: a.user(k.child), Purpose: p, Text: text, State: ledger.WordOpen, Due: due, At: a.Now(), Moved: a.Now(), Rev: 1}
	commit(a.t, a.hand, ledger.Changes{Words: []ledger.WordStep{{Word: w}}})
}

// says says something on 微信客服 and waits for the answer. What a dead process did not hear is not said again: it lies with WeCom.
func (a *abroad) says(text, want string) {
	a.t.Helper()
	a.now.Add(1000)
	a.sim.KfSay("child1", text)
	a.until(want, func() bool { return a.count(want) > 0 })
	a.calm()
}

// picks taps an item of the newest menu that has it.
func (a *abroad) picks(text, want string) {
	a.t.Helper()
	a.now.Add(1000)
	for _, m := range slices.Backward(a.sim.Messages("child1")) {
		if m.Menu == nil {
			continue
		}
		i := slices.IndexFunc(m.Menu.Items, func(x sim.KfItem) bool { return x.Content == text })
		if i < 0 {
			continue
		}
		a.sim.KfClick("child1", m.ID, m.Menu.Items[i].ID)
		a.until(want, func() bool { return a.count(want) > 0 })
		a.calm()
		return
	}
	a.t.Fatalf("no menu offers %s", text)
}

// press taps a button of the newest card that has it, again where nobody took it.
func (a *abroad) press(user, text string, done func() bool) {
	a.t.Helper()
	for _, m := range slices.Backward(a.sim.Messages(user)) {
		if m.Card == nil || m.Disabled {
			continue
		}
		buttons := cardOf(a.t, m).Buttons
		i := slices.IndexFunc(buttons, func(b ledger.Button) bool { return b.Text == text })
		if i < 0 {
			continue
		}
		for range 2 {
			d, err := a.sim.Tap(user, m.ID, buttons[i].Key, nil)
			if err != nil {
				a.t.Fatal(err)
			}
			a.revive()
			if d.Status == 200 {
				break
			}
		}
		a.until("what "+text+" does", done)
		a.calm()
		return
	}
	a.t.Fatalf("no card of %s offers %s", user, text)
}

// count is how many messages on the relative's phone say something.
func (a *abroad) count(what string) (n int) {
	for _, m := range a.heardOf("child1") {
		if strings.Contains(m, what) {
			n++
		}
	}
	return n
}

// hastyKf gives a call less time than the client does, and counts the looks that fail.
type hastyKf struct {
	Kf
	failed *atomic.Int64
}

func (h hastyKf) KfPull(ctx context.Context, id, cursor, token string) (wecom.KfPulled, error) {
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	p, err := h.Kf.KfPull(ctx, id, cursor, token)
	if err != nil {
		h.failed.Add(1)
	}
	return p, err
}

func (h hastyKf) KfSend(ctx context.Context, m ledger.Message, id, external string) (wecom.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	return h.Kf.KfSend(ctx, m, id, external)
}

// mortalKf is 微信客服 for a process that may be dead.
type mortalKf struct {
	Kf
	r *reaper
}

func (m mortalKf) KfPull(ctx context.Context, id, cursor, token string) (p wecom.KfPulled, err error) {
	if m.r.dead.Load() {
		return p, errKilled
	}
	return m.Kf.KfPull(ctx, id, cursor, token)
}

func (m mortalKf) KfSend(ctx context.Context, x ledger.Message, id, external string) (r wecom.Receipt, err error) {
	if m.r.dead.Load() {
		return r, errKilled
	}
	return m.Kf.KfSend(ctx, x, id, external)
}

// TestOfficialCallback: what the service account's callback hears opens and shuts a line, in both spellings that WeChat's pages have; what
// nobody signed leaves nothing.
func TestOfficialCallback(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		r, _ := newFamilies(t, driver, at(9))
		ctx := context.Background()
		r.bind(t, xiaomei)
		r.enter(t, "child1")
		n := 0
		event := func(name, inside, status string) string {
			n++
			return fmt.Sprintf("<xml><ToUserName>gh_1</ToUserName><FromUserName>%s</FromUserName><CreateTime>%d</CreateTime><MsgType>event</MsgType><Event>%s</Event>"+
				"<%s><List><TemplateId>%s</TemplateId><SubscribeStatusString>%s</SubscribeStatusString><PopupScene>1</PopupScene></List></%s></xml>",
				r.sim.OpenID("child1"), r.Now().Unix()+int64(n), name, inside, testNotice, status, inside)
		}
		post := func(plain, token string) int {
			t.Helper()
			sealed, err := util.EncryptMsg([]byte("0123456789abcdef"), []byte(plain), testApp, testKey)
			if err != nil {
				t.Fatal(err)
			}
			at, nonce := fmt.Sprint(r.Now().Unix()), "9320562132"
			q := url.Values{"timestamp": {at}, "nonce": {nonce}, "encrypt_type": {"aes"}, "msg_signature": {util.Signature(token, at, nonce, string(sealed))}}
			resp, err := http.Post(r.url+"/official/callback?"+q.Encode(), "text/xml", strings.NewReader("<xml><ToUserName>gh_1</ToUserName><Encrypt>"+string(sealed)+"</Encrypt></xml>"))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			return resp.StatusCode
		}
		line := func() (ledger.LineState, bool) {
			t.Helper()
			r.calm(t)
			lines, err := r.store.LinesOf(ctx, r.user("child1"))
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range lines {
				if l.Channel == ledger.ChannelOfficial {
					return l.State, l.Address == r.sim.OpenID("child1")
				}
			}
			return "", false
		}
		scene := r.store.Token(ledger.KfScene(r.user("child1")))
		if _, err := r.bot.Family.Official.QR(ctx, scene, official.MaxQR); err != nil {
			t.Fatal(err)
		}
		if d := r.sim.Follow("child1", scene); d.Status != 200 {
			t.Fatal(d.Err)
		}
		if state, known := line(); state != ledger.LineDead || !known {
			t.Errorf("who follows and allowed nothing has a line that is %q", state)
		}
		popup := event("subscribe_msg_popup_event", "SubscribeMsgPopupEvent", "accept")
		r.stop() // so that what is kept stays in sight
		if status := post(popup, "another"); status != http.StatusUnauthorized {
			t.Errorf("what another token signed is answered %d", status)
		}
		if users, err := r.store.Backlog(ctx, 10); err != nil || len(users) > 0 {
			t.Errorf("what nobody signed was kept: %v %v", users, err)
		}
		for range 2 { // WeChat repeats what it takes for lost
			if status := post(popup, testToken); status != http.StatusOK {
				t.Errorf("a genuine event is answered %d", status)
			}
		}
		if users, err := r.store.Backlog(ctx, 10); err != nil || len(users) != 1 {
			t.Errorf("a genuine event waits with %v %v", users, err)
		}
		r.serve(r.bot.Options)
		if state, _ := line(); state != ledger.LineOpen {
			t.Errorf("after 允许 the line is %q", state)
		}
		acts, err := r.store.ConsentsOf(ctx, "A03")
		if err != nil || !ledger.Agreed(acts["A03"], xiaomei.name, ledger.PurposeNotice) {
			t.Errorf("允许 is no consent: %v", err)
		}
		for _, inside := range []string{"SubscribeMsgChangeEvent", "SubscribeMsgPopupEvent"} {
			if status := post(event("subscribe_msg_change_event", inside, "reject"), testToken); status != http.StatusOK {
				t.Errorf("%s is answered %d", inside, status)
			}
			if state, _ := line(); state != ledger.LineDead {
				t.Errorf("after a refusal as %s the line is %q", inside, state)
			}
			post(event("subscribe_msg_popup_event", "SubscribeMsgPopupEvent", "accept"), testToken)
			if state, _ := line(); state != ledger.LineOpen {
				t.Errorf("allowed again, the line is %q", state)
			}
		}
		post(strings.ReplaceAll(event("subscribe_msg_popup_event", "SubscribeMsgPopupEvent", "accept"), r.sim.OpenID("child1"), "o-of-nobody"), testToken)
		line()
		if user, err := r.store.LineByAddress(ctx, ledger.ChannelOfficial, testApp, "o-of-nobody"); err != nil || user != "" {
			t.Errorf("who never scanned a code of ours has the line of %q: %v", user, err)
		}
	})
}

// TestChannelsThatFail: what a channel took and did not bring is somebody's task, and a channel that is gone is not used.
func TestChannelsThatFail(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		t.Run("the number is empty (空号)", func(t *testing.T) {
			r, _ := newFamilies(t, driver, at(9))
			r.bind(t, xiaomei, ledger.PurposeSMS)
			r.sim.SetSMS("13900000302", sim.SMSEmpty)
			r.word(t, xiaomei, "urge/1", ledger.WordUrge, "请给老人打个电话。\n两个月没见着人。")
			r.pass(t, 20*time.Minute, time.Minute)
			f := r.file(t, "urge/1")
			want := []string{"call sent mali", "sms sent", "sms dead"}
			if got := tried(f); f.State != ledger.WordOpen || !slices.Equal(got, want) || f.Owner != "mali" {
				t.Fatalf("the word is %s with %q: %q, want %q", f.State, f.Owner, got, want)
			}
			for _, m := range r.sim.Messages("child1") {
				if m.From != "me" {
					t.Errorf("a text message came to an empty number: %q", m.Text)
				}
			}
			r.press(t, "mali", "已接通")
			if f = r.file(t, "urge/1"); f.State != ledger.WordHeard {
				t.Errorf("after the call the word is %s", f.State)
			}
		})
		t.Run("the helper never taps", func(t *testing.T) {
			r, _ := newFamilies(t, driver, at(9))
			r.befriends(t)
			r.word(t, xiaomei, "summary/A03/马晓梅/2026-02", ledger.WordSummary, "您母亲2月看过2次。")
			r.happen(t)
			tasks := r.sim.MassTasks("mali")
			if len(tasks) != 1 || tasks[0].Sent || tasks[0].Cancelled {
				t.Fatalf("the helper is asked to send %+v", tasks)
			}
			wait := func(whole time.Duration) {
				for ; whole > 0; whole -= 2 * time.Hour {
					r.now.Add((2 * time.Hour).Milliseconds())
					r.bot.sender.poke() // its own ticks are of real seconds
					r.happen(t)
				}
			}
			wait(70 * time.Hour)
			if f := r.file(t, "summary/A03/马晓梅/2026-02"); !slices.Equal(tried(f), []string{"mass sent"}) {
				t.Errorf("before three days it was tried %q", tried(f))
			}
			wait(8 * time.Hour)
			f := r.file(t, "summary/A03/马晓梅/2026-02")
			if got := tried(f); len(got) < 3 || !slices.Equal(got[:2], []string{"mass sent", "mass dead"}) || !strings.HasPrefix(got[2], "call sent") {
				t.Errorf("after three days it was tried %q", got)
			}
			if tasks = r.sim.MassTasks("mali"); len(tasks) != 1 || !tasks[0].Cancelled {
				t.Errorf("what somebody calls about can still be sent: %+v", tasks)
			}
			for _, m := range r.heardOf("child1") {
				if strings.Contains(m, "2月看过") {
					t.Errorf("it was sent without a tap: %q", m)
				}
			}
		})
		t.Run("the helper was deleted", func(t *testing.T) {
			r, _ := newFamilies(t, driver, at(9))
			r.befriends(t)
			if d := r.sim.DropContact("child1", "mali"); d.Status != 200 {
				t.Fatal(d.Err)
			}
			r.happen(t)
			r.word(t, xiaomei, "passed/1", ledger.WordPassed, "问您好")
			r.happen(t)
			if tasks := r.sim.MassTasks("mali"); len(tasks) > 0 {
				t.Errorf("who deleted the helper is written to: %+v", tasks)
			}
			if got := tried(r.file(t, "passed/1")); !slices.Equal(got, []string{"call sent mali"}) {
				t.Errorf("it was tried %q", got)
			}
		})
	})
}

// befriends makes xiaomei one who is verified and has the helper's WeChat, but has not written for days.
func (r *rig) befriends(t testing.TB) {
	t.Helper()
	r.bind(t, xiaomei, ledger.PurposeNotice)
	way, _, err := r.bot.Family.Mass.ContactWay(context.Background(), "mali", ledger.KfScene(r.user("child1")))
	if err != nil {
		t.Fatal(err)
	}
	if d := r.sim.AddContact("child1", way); d.Err != "" {
		t.Fatal(d.Err)
	}
	r.happen(t)
	lines, err := r.store.LinesOf(context.Background(), r.user("child1"))
	if err != nil || !slices.ContainsFunc(lines, func(l ledger.Line) bool { return l.Channel == ledger.ChannelMass && l.State == ledger.LineOpen }) {
		t.Fatalf("the helper's line is not open: %v", err)
	}
}
