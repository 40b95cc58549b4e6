package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"xunfang/bot/official"
	"xunfang/bot/sim"
	"xunfang/bot/sms"
	"xunfang/bot/wecom"
	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/store"
	"xunfang/store/storetest"
)

// kin is a relative of these tests: who they are, of whom, and who helps there.
type kin struct{ child, elder, name, helper string }

var (
	xiaomei = kin{"child1", "A03", "马晓梅", "mali"}
	wenjuan = kin{"child3", "A05", "李文娟", "mali"}
)

// kfSpy sees what the bot asks of 微信客服.
type kfSpy struct {
	Kf
	mu      sync.Mutex
	sent    []string // msgids that WeCom took
	refused []error
	forget  bool // cursors are lost
}

func (k *kfSpy) KfPull(ctx context.Context, id, cursor, token string) (wecom.KfPulled, error) {
	k.mu.Lock()
	if k.forget {
		cursor = ""
	}
	k.mu.Unlock()
	return k.Kf.KfPull(ctx, id, cursor, token)
}

func (k *kfSpy) KfSend(ctx context.Context, m ledger.Message, id, external string) (wecom.Receipt, error) {
	r, err := k.Kf.KfSend(ctx, m, id, external)
	k.mu.Lock()
	defer k.mu.Unlock()
	if api := (*wecom.APIError)(nil); errors.As(err, &api) {
		k.refused = append(k.refused, err)
	} else if err == nil && m.Call == ledger.CallKf {
		k.sent = append(k.sent, m.Key)
	}
	return r, err
}

// newFamilies is a rig with every channel open.
func newFamilies(t testing.TB, driver string, at time.Time) (*rig, *kfSpy) {
	t.Helper()
	r := newRig(t, driver, "yongning", at)
	o := r.bot.Options
	spy := &kfSpy{Kf: o.Family.Kf}
	o.Family.Kf, o.Family.Mass = spy, spy.Kf.(*wecom.Client)
	text, err := sms.NewAliyun(sms.Config{Endpoint: r.other + "/sms/", AccessKey: "key", Secret: "sms secret", Sign: "永宁县民政局",
		Templates: map[string][]string{testSMS: {}}, Now: r.Now})
	if err != nil {
		t.Fatal(err)
	}
	account, err := official.New(official.Config{APIBase: r.other + "/official", AppID: testApp, Secret: "official secret", Now: r.Now})
	if err != nil {
		t.Fatal(err)
	}
	door, err := official.NewDoor(testApp, testToken, testKey)
	if err != nil {
		t.Fatal(err)
	}
	o.Family.SMS, o.Family.Official, o.Family.Door, o.Family.DoorPath, o.Family.AppID = text, account, door, "/official/callback", testApp
	o.Family.SMSes, o.Family.Notices = map[string]SMSTemplate{}, map[string]Notice{}
	for _, p := range []ledger.WordPurpose{ledger.WordEmergency, ledger.WordSummary, ledger.WordConfirm, ledger.WordUrge, ledger.WordGreeting} {
		o.Family.SMSes[string(p)] = SMSTemplate{Code: testSMS}
		o.Family.Notices[string(p)] = Notice{Template: testNotice, Fields: map[string]string{"thing1": "事项", "time2": "时间", "thing3": "说明"}}
	}
	r.stop()
	r.serve(o)
	t.Cleanup(account.Close)
	return r, spy
}

// user is a relative's thread.
func (r *rig) user(child string) string { return ledger.KfUser(testKf, r.sim.KfCustomerID(child)) }

// bind makes a relative one who is verified, with all consents on both sides.
func (r *rig) bind(t testing.TB, k kin, purposes ...ledger.Purpose) {
	t.Helper()
	ctx, today := context.Background(), ledger.DayOf(r.Now(), beijing)
	b := ledger.Book{Bonds: []ledger.Bond{{ElderID: k.elder, User: r.user(k.child), Kin: k.name, Claim: "女儿", State: ledger.BondVerified, By: "mali",
		Asked: today, Since: today, Until: today.Add(800)}}}
	if _, err := r.store.SaveBook(ctx, ledger.Edit{Book: b, By: "mali", Today: today}); err != nil {
		t.Fatal(err)
	}
	act := func(kin, whom string, p ledger.Purpose) ledger.Consent {
		return ledger.Consent{Key: fmt.Sprintf("test/%s/%s/%s/%s", k.elder, kin, whom, p), ElderID: k.elder, Kin: kin, For: whom, Purpose: p, Given: true,
			Day: today, Channel: "当面", Witness: "mali", At: r.Now()}
	}
	acts := []ledger.Consent{act("", k.name, ledger.PurposeKin), act(k.name, "", ledger.PurposeKin)}
	for _, p := range purposes {
		acts = append(acts, act(k.name, "", p))
	}
	if err := r.store.Commit(ctx, store.Turn{Changes: ledger.Changes{Consents: acts}}); err != nil {
		t.Fatal(err)
	}
}

// enter opens the chat of 微信客服, as whoever wrote there has.
func (r *rig) enter(t testing.TB, child string) {
	t.Helper()
	if d := r.sim.Scan(child, wecom.KfLinkWith(r.bot.link(context.Background(), sceneCard, ""), "x")); d.Err != "" {
		t.Fatal(d.Err)
	}
	r.happen(t)
}

// ask says something on 微信客服.
func (r *rig) ask(t testing.TB, child, text string) {
	t.Helper()
	if d := r.sim.KfSay(child, text); d.Err != "" {
		t.Fatal(d.Err)
	}
	r.happen(t)
}

// open opens a line of a relative.
func (r *rig) open(t testing.TB, k kin, ch ledger.Channel, account, address string) {
	t.Helper()
	line := ledger.Line{User: r.user(k.child), Channel: ch, Account: account, Address: address, State: ledger.LineOpen, At: r.Now()}
	if err := r.store.Commit(context.Background(), store.Turn{Changes: ledger.Changes{Lines: []ledger.Line{line}}}); err != nil {
		t.Fatal(err)
	}
}

// word writes down something that must reach a relative.
func (r *rig) word(t testing.TB, k kin, key string, p ledger.WordPurpose, text string) {
	t.Helper()
	w := ledger.Word{Key: key, ElderID: k.elder, Kin: k.name, User: r.user(k.child), Purpose: p, Text: text, State: ledger.WordOpen, Due: r.Now(), At: r.Now(),
		Moved: r.Now(), Rev: 1}
	if err := r.store.Commit(context.Background(), store.Turn{Changes: ledger.Changes{Words: []ledger.WordStep{{Word: w}}}}); err != nil {
		t.Fatal(err)
	}
}

// pass lets time pass a step at a time, and all that is due happen.
func (r *rig) pass(t testing.TB, whole, step time.Duration) {
	t.Helper()
	for ; whole > 0; whole -= step {
		r.now.Add(step.Milliseconds())
		r.happen(t)
	}
}

// happen brings about what is due now.
func (r *rig) happen(t testing.TB) {
	t.Helper()
	for range 3 {
		r.calm(t)
		if err := r.bot.Reach(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	r.calm(t)
}

// calm waits until everything that can happen now has: what a dead channel makes wait goes on waiting.
func (r *rig) calm(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(time.Millisecond) {
		if err := r.sim.WaitQuiet(ctx); err != nil {
			t.Fatal(err)
		}
		users, err := r.store.Backlog(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		waiting, err := r.store.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateWaiting}})
		if err != nil {
			t.Fatal(err)
		}
		waiting = slices.DeleteFunc(waiting, func(m store.OutboxRow) bool {
			return m.NotBefore.After(r.Now()) || m.Attempts > 0 && m.RetryAt.After(r.Now())
		})
		if len(users) == 0 && len(waiting) == 0 {
			return
		}
		r.bot.sender.poke() // the clock was moved under it
		if time.Now().After(deadline) {
			t.Fatalf("%d users and %d messages wait: %+v", len(users), len(waiting), waiting)
		}
	}
}

func (r *rig) file(t testing.TB, key string) ledger.WordFile {
	t.Helper()
	files, err := r.store.WordFiles(context.Background(), key)
	if err != nil || len(files) != 1 {
		t.Fatalf("word %s: %v, %d files", key, err, len(files))
	}
	return files[0]
}

// tried are a word's tries as channel and kind.
func tried(f ledger.WordFile) []string {
	var out []string
	for _, t := range f.Log {
		s := string(t.Channel) + " " + string(t.Kind)
		if t.To != "" {
			s += " " + t.To
		}
		out = append(out, s)
	}
	return out
}

// heardOf are the texts that came to a relative's phone.
func (r *rig) heardOf(child string) []string {
	var out []string
	for _, m := range r.sim.Messages(child) {
		switch {
		case m.From == "me":
		case m.Menu != nil:
			out = append(out, m.Menu.Head+"\n"+m.Menu.Tail)
		default:
			out = append(out, strings.TrimSpace(m.Text+m.Title))
		}
	}
	return out
}

// press taps a button of the newest card of a member that has it.
func (r *rig) press(t testing.TB, user, text string) {
	t.Helper()
	all := r.sim.Messages(user)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Card == nil || all[i].Disabled {
			continue
		}
		for _, b := range cardOf(t.(*testing.T), all[i]).Buttons {
			if b.Text == text {
				if _, err := r.sim.Tap(user, all[i].ID, b.Key, nil); err != nil {
					t.Fatal(err)
				}
				r.happen(t)
				return
			}
		}
	}
	t.Fatalf("no card of %s offers %s", user, text)
}

// onBoth runs a test on both databases.
func onBoth(t *testing.T, run func(t *testing.T, driver string)) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) { run(t, driver) })
	}
}

func at(hour int) time.Time { return time.Date(2026, 3, 11, hour, 0, 0, 0, beijing) }

// TestKfWindow: however much is to be said, WeCom is never asked for a sixth message on one of theirs, nor for one after 48 hours.
func TestKfWindow(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		r, spy := newFamilies(t, driver, at(9))
		r.bind(t, xiaomei)
		r.enter(t, "child1")
		n := 0
		say := func(count int) {
			for range count {
				n++
				r.word(t, xiaomei, fmt.Sprintf("passed/%d", n), ledger.WordPassed, fmt.Sprintf("第%d句话", n))
			}
			r.happen(t)
		}
		r.ask(t, "child1", "我妈咋样")
		say(7)
		if got := len(spy.sent); got > ledger.KfMost {
			t.Fatalf("%d messages on one of theirs", got)
		}
		r.now.Add(60_000) // what went out in the second of their word may count against it: it is counted so
		r.ask(t, "child1", "还有呢")
		first := len(spy.sent)
		say(3)
		r.pass(t, 49*time.Hour, time.Hour)
		before := len(spy.sent)
		say(3)
		if before == first {
			t.Errorf("nothing was said in a window that had room: %v %v", tried(r.file(t, "passed/9")), r.heardOf("child1"))
		}
		if len(spy.sent) != before {
			t.Errorf("%d messages went out after 48 hours", len(spy.sent)-before)
		}
		if len(spy.refused) > 0 {
			t.Errorf("WeCom had to refuse: %v", spy.refused)
		}
		for i := 1; i <= n; i++ { // and nothing of it is lost: what 微信客服 has no room for is somebody's task
			if f := r.file(t, fmt.Sprintf("passed/%d", i)); !slices.ContainsFunc(f.Log, func(x ledger.Try) bool { return x.Kind == ledger.TrySent }) {
				t.Errorf("word %d was given to nobody: %v", i, tried(f))
			}
		}
	})
}

// TestKfLostCursor: a restart that has lost the cursor reads three days again and answers nothing twice.
func TestKfLostCursor(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		r, spy := newFamilies(t, driver, at(9))
		r.bind(t, xiaomei)
		r.enter(t, "child1")
		for _, text := range []string{"我妈咋样", "我在西安", "谢谢"} {
			r.ask(t, "child1", text)
			r.now.Add(1000)
		}
		want := r.heardOf("child1")
		if len(want) < 3 {
			t.Fatalf("only %d answers", len(want))
		}
		r.stop()
		spy.mu.Lock()
		spy.forget = true
		spy.mu.Unlock()
		r.serve(r.bot.Options)
		r.ask(t, "child1", "谁在照顾")
		got := r.heardOf("child1")
		if len(got) != len(want)+1 || !slices.Equal(got[:len(want)], want) {
			t.Errorf("after the restart %d answers came to one question, want 1", len(got)-len(want))
		}
	})
}

// TestKfRefused: a relative who refuses messages in WeChat is called by the helper within minutes, and 微信客服 is not tried again.
func TestKfRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		r, spy := newFamilies(t, driver, at(9))
		r.bind(t, xiaomei)
		r.enter(t, "child1")
		r.ask(t, "child1", "我妈咋样")
		if err := r.sim.KfBlock("child1", true); err != nil {
			t.Fatal(err)
		}
		r.word(t, xiaomei, "summary/A03/马晓梅/2026-02", ledger.WordSummary, "您母亲2月看过2次。")
		r.pass(t, 5*time.Minute, 30*time.Second)
		f := r.file(t, "summary/A03/马晓梅/2026-02")
		if want := []string{"kf sent", "kf dead", "call sent mali"}; !slices.Equal(tried(f), want) {
			t.Errorf("tries %q, want %q", tried(f), want)
		}
		sent := len(spy.sent)
		r.word(t, xiaomei, "passed/2", ledger.WordPassed, "问您好")
		r.happen(t)
		if len(spy.sent) != sent {
			t.Error("微信客服 is tried again though they refuse it")
		}
		r.press(t, "mali", "已接通")
		if f := r.file(t, f.Key); f.State != ledger.WordHeard && r.file(t, "passed/2").State != ledger.WordHeard {
			t.Errorf("after the call the words are %s and %s", f.State, r.file(t, "passed/2").State)
		}
	})
}

// TestEmergencyReaches: with 微信客服, 服务号 and SMS all dead a person still reaches the family.
func TestEmergencyReaches(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		r, _ := newFamilies(t, driver, at(9))
		r.bind(t, wenjuan, ledger.PurposeNotice, ledger.PurposeSMS)
		r.enter(t, "child3")
		r.ask(t, "child3", "我妈咋样")
		r.open(t, wenjuan, ledger.ChannelOfficial, testApp, r.sim.OpenID("child3"))
		r.sim.Faults().Set(sim.FaultSet{Dead: "kf|official|sms"})
		r.sim.Say("wangfang", "李秀英摔倒了叫不醒")
		r.happen(t)
		r.press(t, "hejun", "我来处理")
		r.press(t, "hejun", "告诉家属")
		files, err := r.store.WordsOf(context.Background(), store.WordFilter{Elders: []string{"A05"}, Purposes: []ledger.WordPurpose{ledger.WordEmergency}})
		if err != nil || len(files) == 0 {
			t.Fatalf("no word to the family: %v", err)
		}
		i := slices.IndexFunc(files, func(f ledger.WordFile) bool { return f.Kin == wenjuan.name })
		if i < 0 {
			t.Fatalf("no word to %s", wenjuan.name)
		}
		key := files[i].Key
		if f := r.file(t, key); !slices.ContainsFunc(tried(f), func(s string) bool { return strings.HasPrefix(s, "call sent") }) {
			t.Fatalf("nobody is asked to call at once: %q", tried(f))
		}
		r.pass(t, 45*time.Minute, time.Minute) // nobody reports on it: it climbs
		f := r.file(t, key)
		var asked []string
		for _, x := range f.Log {
			if x.Channel == ledger.ChannelCall && x.Kind == ledger.TrySent {
				asked = append(asked, x.To)
			}
		}
		slices.Sort(asked)
		if people := slices.Compact(asked); len(people) < 3 {
			t.Errorf("after 45 minutes only %v were asked to call", people)
		}
		if f.State != ledger.WordOpen {
			t.Fatalf("the word is %s though nobody reached them", f.State)
		}
		r.press(t, f.Owner, "已接通")
		if f := r.file(t, key); f.State != ledger.WordHeard {
			t.Errorf("after 已接通 the word is %s", f.State)
		}
		if got := r.heardOf("child3"); slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "摔") || strings.Contains(s, "叫不醒") }) {
			t.Errorf("health went out: %q", got)
		}
	})
}

// TestWithdrawal: 全部解除 stops every channel at once, what waited included, and deletes the addresses.
func TestWithdrawal(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		r, _ := newFamilies(t, driver, at(9))
		r.bind(t, xiaomei, ledger.PurposeNotice, ledger.PurposeSMS)
		r.enter(t, "child1")
		r.ask(t, "child1", "我妈咋样")
		r.open(t, xiaomei, ledger.ChannelOfficial, testApp, r.sim.OpenID("child1"))
		r.open(t, xiaomei, ledger.ChannelMass, "mali", r.sim.ExternalID("child1"))
		r.word(t, xiaomei, "summary/A03/马晓梅/2026-02", ledger.WordSummary, "您母亲2月看过2次。")
		r.sim.Faults().Set(sim.FaultSet{Dead: "kf|official|externalcontact|sms"}) // so that it waits
		r.happen(t)
		r.sim.Faults().Set(sim.FaultSet{})
		r.ask(t, "child1", "退订")
		r.tapMenu(t, "child1", "全部解除并删除")
		said := len(r.heardOf("child1"))
		r.word(t, xiaomei, "greet/A03/马晓梅/清明2026", ledger.WordGreeting, "清明快到了")
		r.pass(t, 3*24*time.Hour, 6*time.Hour)
		if got := r.heardOf("child1"); len(got) != said {
			t.Errorf("after the withdrawal they still heard %q", got[said:])
		}
		if tasks := r.sim.MassTasks("mali"); len(tasks) > 0 && !tasks[len(tasks)-1].Cancelled && tasks[len(tasks)-1].At.After(at(9).Add(time.Hour)) {
			t.Errorf("a mass send was prepared after the withdrawal: %+v", tasks)
		}
		lines, err := r.store.LinesOf(context.Background(), r.user("child1"))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			if l.Channel != ledger.ChannelKf && (l.Address != "" || l.State == ledger.LineOpen) {
				t.Errorf("the line of %s is %s, its address kept: %v", l.Channel, l.State, l.Address != "")
			}
		}
		for _, key := range []string{"summary/A03/马晓梅/2026-02", "greet/A03/马晓梅/清明2026"} {
			if f := r.file(t, key); f.State != ledger.WordDropped {
				t.Errorf("%s is %s", key, f.State)
			}
		}
	})
}

// tapMenu taps an item of the newest menu that has it.
func (r *rig) tapMenu(t testing.TB, child, text string) {
	t.Helper()
	all := r.sim.Messages(child)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Menu == nil {
			continue
		}
		for _, x := range all[i].Menu.Items {
			if x.Content == text {
				r.sim.KfClick(child, all[i].ID, x.ID)
				r.happen(t)
				return
			}
		}
	}
	t.Fatalf("no menu of %s offers %s", child, text)
}

// TestWelcome: while 200 others write, each of 40 who enter is welcomed, within the 20 seconds of the code by WeCom's own clock.
func TestWelcome(t *testing.T) {
	r := newRig(t, store.SQLite, "yongning", time.Now())
	stop := make(chan struct{})
	var g, clock sync.WaitGroup
	clock.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				r.now.Store(time.Now().UnixMilli())
			}
		}
	})
	for _, p := range papers.Sample("2026-03-11").People {
		g.Go(func() {
			for range 8 {
				r.sim.Say(p.UserID, "帮助")
			}
		})
	}
	link := wecom.KfLinkWith(r.bot.link(context.Background(), sceneCard, ""), "x")
	for _, c := range children {
		g.Go(func() { r.sim.Scan(c, link) })
	}
	g.Wait()
	for deadline := time.Now().Add(19 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		welcomed := 0
		for _, c := range children {
			welcomed += len(r.heardOf(c))
		}
		if welcomed >= len(children) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d were welcomed", welcomed, len(children))
		}
	}
	for _, c := range children { // a second time within 48 hours there is no welcome
		r.sim.Scan(c, link)
	}
	r.calm(t)
	close(stop)
	clock.Wait()
	for _, c := range children { // and once: one welcome in 48 hours
		if got := r.heardOf(c); len(got) != 1 {
			t.Errorf("%s was welcomed %d times", c, len(got))
		}
	}
}

// TestInvited: who agrees to be told by WeChat is shown a code; scanning it and allowing the notices opens the line, refusing shuts it.
func TestInvited(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		r, _ := newFamilies(t, driver, at(9))
		r.bind(t, xiaomei)
		r.enter(t, "child1")
		user := r.user("child1")
		r.ask(t, "child1", "每月通知我")
		r.tapMenu(t, "child1", "同意微信通知")
		pictures := slices.DeleteFunc(r.sim.Messages("child1"), func(m sim.Message) bool { return m.Type != "image" || m.From == "me" })
		if len(pictures) != 1 {
			t.Fatalf("%d codes came", len(pictures))
		}
		open := func() bool {
			lines, err := r.store.LinesOf(context.Background(), user)
			if err != nil {
				t.Fatal(err)
			}
			return slices.ContainsFunc(lines, func(l ledger.Line) bool {
				return l.Channel == ledger.ChannelOfficial && l.State == ledger.LineOpen && l.Address == r.sim.OpenID("child1")
			})
		}
		for _, x := range []struct {
			what string
			do   func() sim.Delivery
			open bool
		}{
			{"the code is scanned", func() sim.Delivery { return r.sim.Follow("child1", r.store.Token(ledger.KfScene(user))) }, false},
			{"notices are allowed", func() sim.Delivery { return r.sim.Subscribe("child1", testNotice, true, true) }, true},
			{"notices are refused", func() sim.Delivery { return r.sim.Refuse("child1", testNotice) }, false},
		} {
			if d := x.do(); d.Err != "" {
				t.Fatalf("%s: %s", x.what, d.Err)
			}
			r.happen(t)
			r.now.Add(1000)
			if open() != x.open {
				t.Errorf("after %s the line is open: %v", x.what, !x.open)
			}
		}
	})
}

// TestMassIsTakenBack: a mass send that waits for the helper's tap is taken back when the relative withdraws.
func TestMassIsTakenBack(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		r, _ := newFamilies(t, driver, at(9))
		r.bind(t, xiaomei, ledger.PurposeNotice)
		r.enter(t, "child1")
		way, _, err := r.bot.Family.Mass.ContactWay(context.Background(), "mali", ledger.KfScene(r.user("child1")))
		if err != nil {
			t.Fatal(err)
		}
		if d := r.sim.AddContact("child1", way); d.Err != "" {
			t.Fatal(d.Err)
		}
		r.happen(t)
		r.word(t, xiaomei, "summary/1", ledger.WordSummary, "您母亲2月看过2次。")
		r.happen(t)
		if tasks := r.sim.MassTasks("mali"); len(tasks) != 1 || tasks[0].Cancelled {
			t.Fatalf("the helper's tasks: %+v", tasks)
		}
		r.now.Add(60_000)
		r.ask(t, "child1", "退订")
		r.tapMenu(t, "child1", "全部解除并删除")
		if tasks := r.sim.MassTasks("mali"); len(tasks) != 1 || !tasks[0].Cancelled {
			t.Errorf("after the withdrawal: %+v", tasks)
		}
	})
}

// TestChannelAway: a channel that does not answer is given up within minutes, and a person is asked to call.
func TestChannelAway(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		r, _ := newFamilies(t, driver, at(9))
		r.bind(t, xiaomei, ledger.PurposeNotice)
		r.open(t, xiaomei, ledger.ChannelOfficial, testApp, r.sim.OpenID("child1"))
		r.sim.Faults().Set(sim.FaultSet{Broken: "official"})
		r.word(t, xiaomei, "summary/1", ledger.WordSummary, "您母亲2月看过2次。")
		r.word(t, xiaomei, "case/1", ledger.WordEmergency, "您母亲家里有要紧事。")
		r.pass(t, 15*time.Minute, 30*time.Second)
		got, want := tried(r.file(t, "case/1")), []string{"call sent mali", "official sent", "sms sent", "call sent zhanglei", "official dead"}
		slices.Sort(got[min(3, len(got)):]) // both in the tenth minute
		if !slices.Equal(got, want) {
			t.Errorf("tries %q, want %q", got, want)
		}
		if got := tried(r.file(t, "summary/1")); !slices.Equal(got, []string{"official sent"}) { // a county's month does not become telephone calls in minutes
			t.Errorf("the summary was tried %q", got)
		}
		r.pass(t, 27*time.Hour, 20*time.Minute) // not in the night, and not all at one moment of the morning
		if got, want := tried(r.file(t, "summary/1")), []string{"official sent", "official dead", "call sent mali"}; !slices.Equal(got, want) {
			t.Errorf("tries %q, want %q: %+v", got, want, r.file(t, "summary/1"))
		}
	})
}

// TestLastTry: patience is counted from when a message may go out, and only what carries a word to a relative runs out of it.
func TestLastTry(t *testing.T) {
	for _, c := range []struct {
		call  ledger.Call
		word  string
		after time.Duration
		want  time.Duration // 0: it is never given up
	}{
		{ledger.CallKf, "case/x", 0, 10 * time.Minute},
		{ledger.CallTexted, "case/x", 16 * time.Minute, 26 * time.Minute},
		{ledger.CallOfficial, "summary/x", 0, 20 * time.Hour},
		{ledger.CallMassed, "summary/x", 30 * time.Hour, 50 * time.Hour},
		{ledger.CallKf, "greet/x", 0, 20 * time.Hour},
		{ledger.CallKf, "", 0, 0},
		{ledger.CallSend, "case/x", 0, 0},
	} {
		m := ledger.Message{Call: c.call, Word: c.word}
		if c.after > 0 {
			m.NotBefore = at(9).Add(c.after)
		}
		want := time.Time{}
		if c.want > 0 {
			want = at(9).Add(c.want)
		}
		if got := lastTry(store.Claim{Message: m, At: at(9)}); !got.Equal(want) {
			t.Errorf("%+v: given up at %s, want %s", c, got, want)
		}
	}
}
