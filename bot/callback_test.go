package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"xunfang/bot/sim"
	"xunfang/bot/wecom"
	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/scheduler"
	"xunfang/store"
	"xunfang/store/storetest"
)

// rig is a bot and a simulator that talk over real HTTP, encrypted both ways, on a real database.
type rig struct {
	store *store.Store
	bot   *Bot
	sim   *sim.Sim
	album *Album
	url   string // of the bot
	other string // of the simulator
	now   atomic.Int64
	stop  func()
	where store.Options // of the database, for another process
	serve func(Options) // a bot made so takes the place of the one that runs, which must have stopped
}

const (
	testToken = "QDG6eKtesttoken"
	testKey   = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
	testCorp  = "ww0123456789abcdef"
	testAgent = 1000002
)

func (r *rig) Now() time.Time { return time.UnixMilli(r.now.Load()) }

// newRig starts everything on the sample county. Options may be changed before the bot is made.
func newRig(t testing.TB, driver, pack string, at time.Time, change ...func(*Options)) *rig {
	t.Helper()
	r := &rig{}
	r.now.Store(at.UnixMilli())
	where := storetest.DSN(t, driver)
	where.Now = r.Now
	r.where = where
	s := storetest.OpenWith(t, where)
	if err := s.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	r.store = s
	today := ledger.DayOf(at, beijing)
	book := papers.Sample(today)
	ctx := context.Background()
	if _, err := s.SaveBook(ctx, ledger.Edit{Book: book, By: ledger.ByImport, Today: today.Add(-200)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: papers.SampleEntries(today)}}); err != nil {
		t.Fatal(err)
	}
	p, err := scheduler.Load(pack)
	if err != nil {
		t.Fatal(err)
	}
	door, err := wecom.NewDoor(testCorp, testToken, testKey)
	if err != nil {
		t.Fatal(err)
	}
	if r.album, err = NewAlbum(t.TempDir(), s); err != nil {
		t.Fatal(err)
	}
	// The two sides know each other by address, so the listeners come first.
	botSide, simSide := httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	r.url, r.other = "http://"+botSide.Listener.Addr().String(), "http://"+simSide.Listener.Addr().String()
	members := []sim.Member{{UserID: "nobody", Name: "nobody", Phone: true}}
	for i, id := range children {
		members = append(members, sim.Member{UserID: id, Name: id, Phone: true, Kind: "wechat", Mobile: childPhones[i]})
	}
	for _, m := range book.People {
		members = append(members, sim.Member{UserID: m.UserID, Name: m.Name, Phone: true})
	}
	r.sim, err = sim.New(sim.Options{CorpID: testCorp, AgentID: testAgent, Secret: "secret", Token: testToken, EncodingAESKey: testKey,
		CallbackURL: r.url + "/wecom/callback", Members: members, Now: r.Now, Kf: []sim.KfAccount{{OpenKfID: testKf, Name: "家属服务", Granted: true}},
		SMS: sim.SMS{AccessKey: "key", Secret: "sms secret", Signs: []string{"永宁县民政局"}, Templates: map[string]string{testSMS: "您好,请马上与您登记的家人所在的村联系。"}},
		Official: sim.Official{AppID: testApp, Secret: "official secret", Token: testToken, EncodingAESKey: testKey, CallbackURL: r.url + "/official/callback",
			Templates: map[string]map[string]string{testNotice: {"thing1": "thing", "time2": "time", "thing3": "thing"}}, LongTerm: []string{testNotice}}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := wecom.NewClient(wecom.Config{APIBase: "http://" + simSide.Listener.Addr().String(), CorpID: testCorp, AgentID: testAgent,
		Secret: "secret", Tokens: s.Tokens("test"), Now: r.Now})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Store: s, Door: door, Messenger: client, AgentID: testAgent, CallbackPath: "/wecom/callback", Voice: true, Packs: scheduler.Packs{p}, Zone: beijing, Album: r.album, Now: r.Now,
		Family: Families{Kf: client, Accounts: []string{testKf}}}
	for _, f := range change {
		f(&o)
	}
	var handler atomic.Value
	botSide.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { handler.Load().(http.Handler).ServeHTTP(w, q) })
	simSide.Config.Handler = r.sim
	r.serve = func(o Options) {
		r.bot = New(o)
		handler.Store(r.bot.Handler())
		running, cancel := context.WithCancel(ctx)
		over := make(chan struct{})
		bot := r.bot
		go func() { bot.Run(running); close(over) }()
		r.stop = func() { cancel(); <-over }
	}
	r.serve(o)
	botSide.Start()
	simSide.Start()
	t.Cleanup(func() {
		r.sim.Close()
		r.stop()
		client.Close()
		botSide.Close()
		simSide.Close()
	})
	return r
}

// children are relatives of the scripts, on WeChat.
var (
	children    = []string{"child1", "child2", "child3", "child4", "child5", "child6", "child7", "child8"}
	childPhones = []string{"13900000302", "13900000300", "13900000305", "13900000304", "13900000306", "13900000307", "13900000301", "13900000310"}
)

const (
	testSMS    = "SMS_100001"
	testApp    = "wxtest0000000001"
	testNotice = "notice0000000000000000000000000000000000001"
)

// settle waits until nothing is unhandled and nothing due is unsent.
func (r *rig) settle(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	deadline := time.Now().Add(15 * time.Second)
	for {
		users, err := r.store.Backlog(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		waiting, err := r.store.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateWaiting}})
		if err != nil {
			t.Fatal(err)
		}
		waiting = slices.DeleteFunc(waiting, func(m store.OutboxRow) bool { return m.NotBefore.After(r.Now()) })
		if len(users) == 0 && len(waiting) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not settled: %d users with unhandled messages, %d messages unsent: %+v", len(users), len(waiting), waiting)
		}
		time.Sleep(time.Millisecond)
	}
}

// unheard is a way out to phones that ring and ring.
type unheard struct{ Messenger }

func (unheard) Heard(context.Context, string, string) (wecom.Heard, error) {
	return wecom.Heard{Reason: 1}, nil
}

// wire plays a script through the rig.
type wire struct {
	t      *testing.T
	driver string
	store  *store.Store
	rig    *rig
	shown  map[string]sim.Message // by user and message, as last seen
	ids    map[string]string      // message by task
	count  map[string]int         // records seen
	calls  map[string]int         // calls seen, by user

	version int64    // of the roster that
	edits   []string // were read at
}

func (w *wire) begin(t *testing.T, pack string, at time.Time) {
	w.t, w.rig = t, newRig(t, w.driver, pack, at, func(o *Options) { o.Messenger = unheard{o.Messenger} })
	w.store = w.rig.store
	w.shown, w.ids, w.count = map[string]sim.Message{}, map[string]string{}, map[string]int{}
	w.records()
}

func (w *wire) clock(at time.Time) {
	w.rig.now.Store(at.UnixMilli())
	w.ladder()
}

func (w *wire) ladder() {
	if err := w.rig.bot.Climb(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	w.reach()
}

// reach brings words to relatives at once, and what that brings about.
func (w *wire) reach() {
	w.rig.settle(w.t)
	if err := w.rig.bot.Reach(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	w.rig.settle(w.t)
}

func (w *wire) scan(user, card string) {
	ctx := context.Background()
	link := w.rig.bot.link(ctx, sceneCard, "")
	r, err := w.store.Roster(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	param := "v1.aaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaa"
	if all := r.Leaflets(strings.TrimSuffix(card, "旧")); len(all) > 0 {
		handle := all[0].Handle
		for _, l := range all {
			if l.Revoked == "" && !strings.HasSuffix(card, "旧") {
				handle = l.Handle
			}
		}
		param = w.store.Token(handle)
	}
	w.sent(w.rig.sim.Scan(user, wecom.KfLinkWith(link, param)))
}

func (w *wire) sent(d sim.Delivery) {
	if d.Status != 200 || d.Attempts != 1 {
		w.t.Errorf("the callback answered %d after %d attempts: %s", d.Status, d.Attempts, d.Err)
	}
	w.reach()
	w.rig.now.Add(1000) // two equal taps of one second are one event to WeCom's own rule
}

func (w *wire) say(user, text string) {
	if child(user) {
		w.sent(w.rig.sim.KfSay(user, text))
		return
	}
	w.sent(w.rig.sim.Say(user, text))
}

func (w *wire) menu(user, key string) { w.sent(w.rig.sim.Event(user, "click", key)) }
func (w *wire) voice(user string) {
	if child(user) {
		w.sent(w.rig.sim.KfVoice(user, bytes.Repeat([]byte("#!AMR\n"), 20)))
		return
	}
	w.sent(w.rig.sim.Voice(user, bytes.Repeat([]byte("#!AMR\n"), 20)))
}
func (w *wire) place(user string) {
	if child(user) {
		w.sent(w.rig.sim.KfLocation(user, 38.3, 106.2, "望远镇望远村"))
		return
	}
	w.sent(w.rig.sim.Location(user, 38.3, 106.2, "望远镇望远村"))
}
func (w *wire) photo(user string) {
	if child(user) {
		w.sent(w.rig.sim.KfPhoto(user, testPhoto(w.t, 64, 48)))
		return
	}
	w.sent(w.rig.sim.Photo(user, testPhoto(w.t, 64, 48)))
}

func (w *wire) calendar() {
	w.rig.bot.Prompt = true
	if _, err := w.rig.bot.Remind(context.Background(), w.rig.Now(), false); err != nil {
		w.t.Fatal(err)
	}
	w.rig.settle(w.t)
}

// tap taps as far as the phone lets one: a card that is greyed out cannot be tapped a second time.
func (w *wire) tap(user, task, button string, picks map[string][]string) {
	if child(user) {
		if !strings.HasPrefix(button, "go:") {
			button = task + "/" + button
		}
		w.sent(w.rig.sim.KfClick(user, w.ids[user+button], button))
		return
	}
	d, err := w.rig.sim.Tap(user, w.ids[task], button, picks)
	if err == nil {
		w.sent(d)
	}
}

func (w *wire) take() []outcome {
	var outs []outcome
	if w.calls == nil {
		w.calls = map[string]int{}
	}
	book := papers.Sample("2026-03-11")
	users := append([]string{"nobody"}, children...)
	for _, p := range book.People {
		users = append(users, p.UserID)
	}
	for _, u := range users {
		for _, m := range w.rig.sim.Messages(u) {
			old, seen := w.shown[u+m.ID]
			w.shown[u+m.ID] = m
			switch {
			case m.From != "app" || m.Type == "notice":
			case !seen && m.Menu != nil:
				c := w.menuCard(u, m)
				outs = append(outs, outcome{to: u, card: &c})
			case !seen && m.Card != nil:
				c := cardOf(w.t, m)
				w.ids[c.Task] = m.ID
				outs = append(outs, outcome{to: u, card: &c})
			case !seen:
				outs = append(outs, outcome{to: u, text: m.Text})
			case !m.Disabled && m.Card != nil && asJSON(w.t, m.Card) != asJSON(w.t, old.Card):
				c := cardOf(w.t, m)
				for task, id := range w.ids {
					if id == m.ID {
						c.Task = task
					}
				}
				outs = append(outs, outcome{to: u, update: true, card: &c})
			case m.Disabled && !old.Disabled:
				c := ledger.Card{Done: m.ReplaceText}
				if asJSON(w.t, m.Card) != asJSON(w.t, old.Card) {
					c = cardOf(w.t, m)
					c.Buttons, c.Done = nil, m.ReplaceText
				}
				outs = append(outs, outcome{to: u, update: true, card: &c})
			}
		}
		for range len(w.rig.sim.Calls(u)) - w.calls[u] {
			w.calls[u]++
			outs = append(outs, outcome{to: u, call: true})
		}
	}
	return append(outs, w.records()...)
}

// menuCard is a menu of 微信客服 as a card.
func (w *wire) menuCard(user string, m sim.Message) ledger.Card {
	c := ledger.Card{Title: m.Menu.Head, Sub: m.Menu.Tail}
	for _, x := range m.Menu.Items {
		task, key := wecom.KfTap(x.ID)
		if task != "" {
			c.Task = task
		}
		c.Buttons = append(c.Buttons, ledger.Button{Key: key, Text: x.Content})
		w.ids[user+x.ID] = m.ID
	}
	return c
}

func asJSON(t *testing.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// cardOf reads a card as the phone has it, so that what is compared has been through WeCom's JSON.
func cardOf(t *testing.T, m sim.Message) ledger.Card {
	var c struct {
		TaskID    string `json:"task_id"`
		MainTitle struct{ Title, Desc string }
		Sub       string                            `json:"sub_title_text"`
		Main      struct{ Title, Desc string }      `json:"main_title"`
		Rows      []struct{ KeyName, Value string } `json:"horizontal_content_list"`
		Buttons   []struct{ Text, Key string }      `json:"button_list"`
		Drop      *choiceJSON                       `json:"button_selection"`
		Checks    *choiceJSON                       `json:"checkbox"`
		Selects   []choiceJSON                      `json:"select_list"`
		Submit    *struct{ Text, Key string }       `json:"submit_button"`
	}
	if err := json.Unmarshal([]byte(asJSON(t, m.Card)), &c); err != nil {
		t.Fatal(err)
	}
	out := ledger.Card{Task: c.TaskID, Title: c.Main.Title, Desc: c.Main.Desc, Sub: c.Sub}
	for _, r := range c.Rows {
		out.Rows = append(out.Rows, ledger.CardRow{Name: r.KeyName, Value: r.Value})
	}
	for _, b := range c.Buttons {
		out.Buttons = append(out.Buttons, ledger.Button{Key: b.Key, Text: b.Text})
	}
	if c.Drop != nil {
		x := c.Drop.choice()
		out.Drop = &x
	}
	if c.Checks != nil {
		x := c.Checks.choice()
		out.Checks = &x
	}
	for _, s := range c.Selects {
		out.Selects = append(out.Selects, s.choice())
	}
	if c.Submit != nil {
		out.Submit = ledger.Button{Key: c.Submit.Key, Text: c.Submit.Text}
	}
	return out
}

type choiceJSON struct {
	Key      string `json:"question_key"`
	Title    string `json:"title"`
	Selected string `json:"selected_id"`
	Options  []struct {
		ID      string `json:"id"`
		Text    string `json:"text"`
		Checked bool   `json:"is_checked"`
	} `json:"option_list"`
}

func (c choiceJSON) choice() ledger.Choice {
	out := ledger.Choice{Key: c.Key, Title: c.Title}
	for _, o := range c.Options {
		out.Options = append(out.Options, ledger.Option{ID: o.ID, Text: o.Text})
		if o.Checked || o.ID == c.Selected {
			out.Picked = append(out.Picked, o.ID)
		}
	}
	return out
}

// records are what is on the ledger now and was not before, read from the database.
func (w *wire) records() []outcome {
	ctx := context.Background()
	var ids []string
	for _, e := range papers.Sample("2026-03-11").Elders {
		ids = append(ids, e.ID)
	}
	entries, err := w.store.Entries(ctx, ids, "2000-01-01")
	if err != nil {
		w.t.Fatal(err)
	}
	found, err := w.store.Findings(ctx, ids)
	if err != nil {
		w.t.Fatal(err)
	}
	facts, err := w.store.Facts(ctx, ids)
	if err != nil {
		w.t.Fatal(err)
	}
	lines := records(w.asEntered(ledger.Changes{Entries: entries, Findings: found, Facts: facts}))
	no := map[string]string{}
	for _, e := range entries {
		no[e.Key] = e.No
	}
	files, err := w.store.CasesOf(ctx, store.CaseFilter{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range files {
		lines = append(lines, happened(f.Case, f.Timeline)...)
		no[f.Key] = f.No
	}
	words, err := w.store.WordsOf(ctx, store.WordFilter{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range words {
		lines = append(lines, brought(ledger.WordFile{}, f)...)
	}
	acts, err := w.store.ConsentsOf(ctx, ids...)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, of := range acts {
		for _, c := range of {
			if ofFamily(c) {
				lines = append(lines, acted(c))
			}
		}
	}
	photos, err := w.store.PhotosOf(ctx, slices.Collect(maps.Keys(no)))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, p := range photos {
		if p.State != ledger.PhotoStored {
			w.t.Errorf("a bound photo is %s, not stored", p.State)
		}
		lines = append(lines, "photo for "+no[p.EntryKey])
	}
	if r, err := w.store.Roster(ctx); err != nil {
		w.t.Fatal(err)
	} else if r.Version() != w.version {
		w.version, w.edits = r.Version(), nil
		for _, id := range append(slices.Clone(ids), "") {
			steps, err := w.store.History(ctx, id, 1000)
			if err != nil {
				w.t.Fatal(err)
			}
			w.edits = append(w.edits, edits(steps)...)
		}
	}
	lines = append(lines, w.edits...)
	var outs []outcome
	now := map[string]int{}
	for _, l := range lines {
		if now[l]++; now[l] > w.count[l] {
			outs = append(outs, outcome{record: l})
		}
	}
	w.count = now
	return outs
}

// asEntered are the records in their first versions, and every change of them after.
func (w *wire) asEntered(c ledger.Changes) ledger.Changes {
	for i, e := range c.Entries {
		if e.Version < 2 {
			continue
		}
		r, err := w.store.Record(context.Background(), e.Key)
		if err != nil {
			w.t.Fatal(err)
		}
		c.Findings = slices.DeleteFunc(c.Findings, func(f ledger.Finding) bool { return f.EntryKey == e.Key })
		for n, v := range r.Versions {
			if n == 0 {
				c.Entries[i] = v.Was
				c.Findings = append(c.Findings, v.Findings...)
			}
			v.Findings = r.Findings
			if n+1 < len(r.Versions) {
				v.Findings = r.Versions[n+1].Findings
			}
			if v.Now.Outcome == ledger.OutcomeUndone {
				v.Findings = nil
			}
			c.Amended = append(c.Amended, v)
		}
	}
	return c
}

// testPhoto is a picture of its own: content decides where a photo is stored.
func testPhoto(t testing.TB, w, h int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for x := range w {
		img.Set(x, h/2, color.RGBA{uint8(x), 100, 200, 255})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestGoldenThroughCallback plays every golden conversation through the real callback, encrypted, on MariaDB, and compares with
// the same files; TestPrivacyOfGolden does on SQLite. Nothing may be left in the outbox, and nothing given up.
func TestGoldenThroughCallback(t *testing.T) {
	t.Parallel()
	for _, file := range scripts(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			w := &wire{driver: storetest.MariaDB}
			play(t, w, file)
			w.nothingLeft()
		})
	}
}

// nothingLeft: all that was to be said has been said.
func (w *wire) nothingLeft() {
	left, err := w.store.Outbox(context.Background(), store.OutboxFilter{})
	left = slices.DeleteFunc(left, func(m store.OutboxRow) bool { return m.Call == ledger.CallHeard })
	if err != nil || len(left) > 0 {
		w.t.Errorf("left in the outbox: %+v %v", left, err)
	}
}

// TestGoldenCardsFit holds every card of the golden conversations against what a phone shows.
func TestGoldenCardsFit(t *testing.T) {
	for _, file := range scripts(t) {
		w := &pure{}
		p := &fitting{pure: w}
		play(t, p, file)
		for _, fault := range slices.Compact(p.faults) {
			t.Errorf("%s: %s", filepath.Base(file), fault)
		}
	}
}

type fitting struct {
	*pure
	faults []string
}

func (f *fitting) take() []outcome {
	outs := f.pure.take()
	for _, o := range outs {
		if o.card != nil && child(o.to) { // WeChat shows all of a menu, or takes none of it
			if _, err := wecom.RenderKf(ledger.Message{Key: "k", To: "kf:", Card: o.card}); err != nil {
				f.faults = append(f.faults, o.card.Title+": "+err.Error())
			}
			continue
		}
		if o.card != nil && o.card.Title != "" {
			for _, err := range wecom.Check(*o.card, o.update) {
				f.faults = append(f.faults, o.card.Title+": "+err.Error())
			}
		}
	}
	return outs
}
