package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"xunfang/bot"
	"xunfang/bot/sim"
	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/scheduler"
	"xunfang/store"
)

func demoCommand() *cobra.Command {
	var listen, data, calendar string
	cmd := &cobra.Command{
		Use: "demo [--listen ADDRESS] [--data DIR]", Short: "the whole system on this machine, with a WeCom simulator and a page of phones",
		Long: `Starts bot, embedded database, a WeCom simulator that speaks the real protocol over HTTP, and a sample county whose people
are all invented. One person plays every phone in a browser. --data keeps the state; without it a temporary folder is used.`,
		Example: "  go run . demo\n  xunfang demo --listen 127.0.0.1:9000 --data ./demo",
		Args:    exactly(0, "demo takes no arguments; see --help"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if data == "" {
				dir, err := os.MkdirTemp("", "xunfang-demo-*")
				if err != nil {
					return fmt.Errorf("make a temporary folder: %w", err)
				}
				defer os.RemoveAll(dir)
				data = dir
			}
			if calendar != "on" && calendar != "off" {
				return usage{fmt.Errorf("--calendar is %q; say on or off", calendar)}
			}
			return demonstrate(cmd.Context(), listen, data, calendar)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "address of the page")
	cmd.Flags().StringVar(&data, "data", "", "folder that keeps the state")
	cmd.Flags().StringVar(&calendar, "calendar", "on", "on: moving the clock brings what is due to the phones; off: only answers")
	return cmd
}

// demo is a bot and a simulator that know each other only by address. Its clock can be moved from the page.
type demo struct {
	cfg    Config
	offset atomic.Int64 // nanoseconds added to the clock
	sim    *sim.Sim

	mu    sync.Mutex // held while the bot is stopped, emptied and started again
	store *store.Store
	bot   *bot.Bot
	stop  func() error
}

func (d *demo) now() time.Time { return time.Now().Add(time.Duration(d.offset.Load())) }

// demonstrate runs until the context ends.
func demonstrate(ctx context.Context, listen, data, calendar string) error {
	page, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w; choose another address with --listen", listen, errors.Unwrap(err))
	}
	callback, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the callback: %w", err)
	}
	callback.Close() // the bot takes this address, each time it is started anew
	cfg := defaults()
	cfg.Calendar = calendar
	cfg.Listen, cfg.DataDir, cfg.Log.Level = callback.Addr().String(), data, "warn"
	cfg.WeCom.APIBase, cfg.WeCom.CorpID, cfg.WeCom.AgentID, cfg.WeCom.Secret = "http://"+page.Addr().String(), "wwdemo0000000000", 1000002, rand.Text()
	robot := rand.Text()
	cfg.WeCom.VoiceCall, cfg.Watch.Maintainer = "on", "zhaomin"
	cfg.WeCom.Kf.OpenKfid = several{"wkdemo0000000001"}
	texts := sim.SMS{AccessKey: rand.Text(), Secret: rand.Text(), Signs: []string{"永宁县民政局"}, Templates: map[string]string{
		"SMS_100001": "您好,您登记的家人近期联系信息有更新,请致电0951-0000000。", "SMS_100002": "您好,请马上与您登记的家人所在的村联系,或致电0951-0000000。"}}
	cfg.Family.SMS.Provider, cfg.Family.SMS.Endpoint, cfg.Family.SMS.Sign = "aliyun", cfg.WeCom.APIBase+"/sms/", texts.Signs[0]
	cfg.Family.SMS.AccessKey, cfg.Family.SMS.Secret = texts.AccessKey, texts.Secret
	cfg.Family.SMS.Templates = map[string]smsTemplate{"confirm": {Code: "SMS_100001"}, "urge": {Code: "SMS_100001"}, "emergency": {Code: "SMS_100002"}}
	cfg.Watch.Robot = cfg.WeCom.APIBase + "/cgi-bin/webhook/send?key=" + robot
	cfg.WeCom.Callback.Token, cfg.WeCom.Callback.EncodingAESKey = rand.Text(), (rand.Text() + rand.Text())[:43]
	if cfg.zone, err = time.LoadLocation(cfg.Timezone); err != nil {
		return fmt.Errorf("time zone: %w", err)
	}
	if cfg.packs, err = scheduler.LoadAll(cfg.Policy...); err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	d := &demo{cfg: cfg}
	d.sim, err = sim.New(sim.Options{
		CorpID: cfg.WeCom.CorpID, AgentID: cfg.WeCom.AgentID, Secret: cfg.WeCom.Secret, Token: cfg.WeCom.Callback.Token,
		EncodingAESKey: cfg.WeCom.Callback.EncodingAESKey, RobotKey: robot, CallbackURL: "http://" + cfg.Listen + cfg.WeCom.Callback.Path,
		Members: members(papers.Sample(ledger.DayOf(time.Now(), cfg.zone))), Now: d.now,
		Kf:  []sim.KfAccount{{OpenKfID: cfg.WeCom.Kf.OpenKfid[0], Name: "永宁县家属服务", Granted: true, Servicers: []string{"mali"}}},
		SMS: texts, Cards: d.cards,
		Shift: func(by time.Duration) { d.offset.Add(int64(by)) }, Reset: d.reset, Rows: d.rows,
	})
	if err != nil {
		return fmt.Errorf("start the simulator: %w", err)
	}
	defer d.sim.Close()
	srv := &http.Server{Handler: d.sim, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(page) }()
	if err := d.start(); err != nil {
		return errors.Join(err, srv.Close())
	}
	fmt.Printf("巡访 is running. Open http://%s in a browser and play the phones. Ctrl-C ends it.\n", page.Addr())
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return errors.Join(ignore(err, http.ErrServerClosed), srv.Close(), d.stop())
}

// start opens the store, reads the sample county in as `import` would, and serves.
func (d *demo) start() error {
	ctx, cancel := context.WithCancel(context.Background())
	fail := func(err error) error { cancel(); return err }
	s, err := openStore(ctx, d.cfg, d.now)
	if err != nil {
		return fail(err)
	}
	if err := errors.Join(s.Migrate(ctx), d.furnish(ctx, s)); err != nil {
		return fail(errors.Join(err, s.Close()))
	}
	if d.cfg.packs, err = d.cfg.settlePacks(ctx, s, ledger.DayOf(d.now(), d.cfg.zone), true); err != nil {
		return fail(errors.Join(err, s.Close()))
	}
	b, err := newBot(d.cfg, s, d.now)
	if err != nil {
		return fail(errors.Join(err, s.Close()))
	}
	// Whoever moves the clock wants to see what is due, not to wait for everybody's minute; until then the phones are as empty as a
	// first morning.
	b.Prompt, b.Calendar = true, func() bool { return d.cfg.Calendar == "on" && d.offset.Load() != 0 }
	l, err := net.Listen("tcp", d.cfg.Listen)
	if err != nil {
		return fail(errors.Join(fmt.Errorf("listen for the callback: %w", err), s.Close()))
	}
	w, err := newClient(d.cfg, s, d.now)
	if err == nil {
		err = w.PushMenu(ctx, menuButtons())
	}
	if err != nil {
		return fail(errors.Join(fmt.Errorf("publish the menu: %w", err), l.Close(), s.Close()))
	}
	over := make(chan error, 1)
	go func() { over <- serve(ctx, l, b, d.cfg) }()
	d.store, d.bot = s, b
	d.stop = func() error {
		cancel()
		return errors.Join(<-over, s.Close())
	}
	return nil
}

// furnish fills an empty ledger. The county begins a quarter ago, so that there is something to look back on.
func (d *demo) furnish(ctx context.Context, s *store.Store) error {
	have, err := s.Book(ctx)
	if err != nil || len(have.Elders) > 0 {
		return err
	}
	today := ledger.DayOf(d.now(), d.cfg.zone)
	var file bytes.Buffer
	if err := papers.SampleWorkbook(&file, today); err != nil {
		return fmt.Errorf("write the sample workbook: %w", err)
	}
	book, faults, err := papers.Read(&file, papers.KnownIn(have))
	if err != nil || len(faults) > 0 {
		return fmt.Errorf("read the sample workbook: %w %v", err, faults)
	}
	began := ledger.QuarterOf(ledger.QuarterOf(today).First().Add(-1)).First()
	if _, err := s.SaveBook(ctx, ledger.Edit{Book: book, By: ledger.ByImport, Today: began}); err != nil {
		return fmt.Errorf("write the sample ledger: %w", err)
	}
	if err := d.handOut(ctx, s, today, "A03"); err != nil {
		return err
	}
	return s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: papers.SampleEntries(today)}})
}

// handOut makes an elder's contact card, so that there is one to be scanned at first start.
func (d *demo) handOut(ctx context.Context, s *store.Store, today ledger.Day, elder string) error {
	r, err := s.Roster(ctx)
	if err != nil {
		return err
	}
	card := ledger.Leaflet{ElderID: elder, Handle: s.Handle("leaflet/" + elder + "/1"), Issued: today, Given: today, By: "wangfang", Bears: r.LeafletBears(elder, today)}
	_, err = s.SaveBook(ctx, ledger.Edit{Book: ledger.Book{Leaflets: []ledger.Leaflet{card}}, By: ledger.ByOperator, Why: "示例联系卡", Today: today})
	return err
}

// cards are the contact cards that a WeChat phone of the page can scan: those that have been made, and one that nobody made.
func (d *demo) cards() []sim.ContactCard {
	d.mu.Lock()
	defer d.mu.Unlock()
	ctx, today := context.Background(), ledger.DayOf(d.now(), d.cfg.zone)
	r, err := d.store.Roster(ctx)
	if err != nil {
		return nil
	}
	var out []sim.ContactCard
	for _, l := range r.Book().Leaflets {
		paper, state := d.bot.Paper(ctx, r, l, today), ""
		if !l.Opens(today) {
			state = "(已作废)"
		}
		out = append(out, sim.ContactCard{Label: paper.Elder + " " + paper.Place + " 联系卡 " + paper.No + state, URL: paper.Link})
	}
	return out
}

// reset is 「从头开始」: the bot's side as new, the clock right again.
func (d *demo) reset() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.stop(); err != nil {
		return err
	}
	files, err := filepath.Glob(d.cfg.dsn() + "*")
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(filepath.Join(d.cfg.DataDir, "photos")); err != nil {
		return err
	}
	d.offset.Store(0)
	return d.start()
}

// rows are what the inspector shows beside a message: what lies in the outbox for the person, newest last.
func (d *demo) rows(userid, _ string) any {
	d.mu.Lock()
	defer d.mu.Unlock()
	rows, err := d.store.Outbox(context.Background(), store.OutboxFilter{To: strings.ToLower(userid),
		States: []store.OutboxState{store.StateWaiting, store.StateSent, store.StateDead, store.StateExpired}})
	if err != nil {
		return "发件箱现在读不了"
	}
	return rows[max(0, len(rows)-5):]
}

// members are the phones of the page: the demo's main roles first, everybody else in the dock or out of sight.
func members(b ledger.Book) []sim.Member {
	shown := []string{"wangfang", "hejun", "lixia", "xumei", "liuyang", "mali", "zhaomin"}
	r := ledger.NewRoster(b)
	member := func(p ledger.Person, phone bool) sim.Member {
		m := sim.Member{UserID: p.UserID, Name: p.Name, Department: []int{1}, Phone: phone, Kind: "wecom"}
		if posts := r.Posts(p.UserID); len(posts) > 0 {
			m.Title = posts[0].Role.Name()
			reg, _ := r.Region(posts[0].Region)
			m.Place = reg.Name
		}
		return m
	}
	var out []sim.Member
	taken := map[string]bool{}
	for _, id := range shown {
		if p, ok := r.Person(id); ok {
			out = append(out, member(p, true))
			taken[id] = true
		}
	}
	for _, p := range b.People {
		if !taken[p.UserID] {
			out = append(out, member(p, false))
		}
	}
	for _, c := range []struct{ id, name, elder string }{{"xiaomei", "马晓梅", "A03"}, {"jianjun", "张建军", "A01"}} { // who live far away: on WeChat, and nobody's members
		for _, k := range r.Kin(c.elder) {
			if k.Name == c.name {
				e, _ := r.Elder(c.elder)
				out = append(out, sim.Member{UserID: c.id, Name: c.name, Title: e.Name + "的" + k.Relation, Place: k.Where, Mobile: k.Phone, Phone: true, Kind: "wechat"})
			}
		}
	}
	return append(out, sim.Member{UserID: "linlu", Name: "林路", Title: "没有登记的成员", Place: "路过", Department: []int{1}, Phone: true, Kind: "wecom"})
}
