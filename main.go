// Xunfang (巡访) is a chat bot on WeCom for the care of elders who live alone: visits, what is owed, and who hears of it.
// The root joins the rooms: it reads the configuration, opens the parts and runs a command. It decides nothing itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"xunfang/bot"
	"xunfang/bot/wecom"
	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/scheduler"
	"xunfang/store"
)

func main() { os.Exit(run(os.Args[1:])) }

// usage is a mistake in the command line: exit status 2, everything else that fails is 1 (contract, Commands).
type usage struct{ err error }

func (u usage) Error() string { return u.err.Error() }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	root := commands()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch wrong := (usage{}); {
	case err == nil:
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintln(os.Stderr, "xunfang:", err)
		return 2
	case errors.As(err, new(configError)): // a line for each fault of the file
		fmt.Fprintln(os.Stderr, "xunfang:", err)
		return 1
	}
	fmt.Fprintln(os.Stderr, "xunfang:", strings.ReplaceAll(err.Error(), "\n", "; ")) // one sentence, joined errors too
	return 1
}

func commands() *cobra.Command {
	root := &cobra.Command{
		Use: "xunfang", Short: "Xunfang (巡访): a WeCom bot for visits to elders who live alone",
		SilenceErrors: true, SilenceUsage: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage{fmt.Errorf("there is no command %q; `xunfang --help` lists them", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage{err} })
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(demoCommand(), serveCommand(), migrateCommand(), importCommand(), exportCommand(), remindCommand(), outboxCommand(), menuCommand(),
		keyCommand(), doctorCommand(), backupCommand(), restoreCommand(), purgeCommand(),
		photosCommand(), historyCommand(), cardsCommand(), parseCommand(), policyCommand())
	return root
}

// exactly wants n arguments, and says what they are.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return usage{fmt.Errorf("%s", what)}
		}
		return nil
	}
}

// withConfig adds --config to a command and reads it before the command runs.
func withConfig(cmd *cobra.Command, f func(context.Context, Config, []string) error) *cobra.Command {
	path := cmd.Flags().String("config", "", "configuration file (see config.example.yaml)")
	if cmd.Args == nil {
		cmd.Args = exactly(0, "this command takes no arguments; see --help")
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *path == "" {
			return usage{errors.New("name the configuration with --config FILE; config.example.yaml is one to start from")}
		}
		c, err := LoadConfig(*path)
		if err != nil {
			return err
		}
		return f(cmd.Context(), c, args)
	}
	return cmd
}

func serveCommand() *cobra.Command {
	return withConfig(&cobra.Command{
		Use: "serve --config FILE", Short: "run the bot against WeCom",
		Long:    "Applies pending migrations, then listens. SIGTERM: stop accepting, finish what is in hand, exit 0.",
		Example: "  xunfang serve --config /etc/xunfang/config.yaml",
	}, func(ctx context.Context, c Config, _ []string) error {
		begin := context.WithoutCancel(ctx) // a SIGTERM while starting is obeyed a moment later, and is no failure
		s, err := openStore(begin, c, time.Now)
		if err != nil {
			return err
		}
		defer s.Close()
		if err := s.Migrate(begin); err != nil {
			return fmt.Errorf("bring the database up to date: %w", err)
		}
		if c.packs, err = c.settlePacks(begin, s, ledger.DayOf(time.Now(), c.zone), true); err != nil {
			return err
		}
		b, err := newBot(c, s, time.Now)
		if err != nil {
			return err
		}
		l, err := net.Listen("tcp", c.Listen)
		if err != nil {
			return fmt.Errorf("listen on %s: %w; is another process using it?", c.Listen, errors.Unwrap(err))
		}
		c.logger().Info("listening", "address", l.Addr().String(), "callback", c.WeCom.Callback.Path, "database", c.Database.Driver)
		return serve(ctx, l, b, c)
	})
}

// openStore connects to the database and, if configured, Redis.
func openStore(ctx context.Context, c Config, now func() time.Time) (*store.Store, error) {
	if c.Database.Driver == store.SQLite {
		if err := os.MkdirAll(filepath.Dir(c.dsn()), 0o700); err != nil {
			return nil, fmt.Errorf("make the data folder: %w", err)
		}
	}
	o := store.Options{Driver: c.Database.Driver, DSN: c.dsn(), Keys: c.keys, Now: now, Log: c.logger()}
	if c.Redis.URL != "" {
		r, err := redis.ParseURL(c.Redis.URL)
		if err != nil { // the error may quote the password
			return nil, configError{"redis.url must be like redis://:password@127.0.0.1:6379/0"}
		}
		o.Redis = redis.NewClient(r)
	}
	s, err := store.Open(ctx, o)
	if lost := (*store.KeyError)(nil); errors.As(err, &lost) {
		return nil, c.explain(lost)
	}
	if err != nil {
		return nil, fmt.Errorf("open the database: %w; check database: in the configuration", err)
	}
	return s, nil
}

func newClient(c Config, s *store.Store, now func() time.Time) (*wecom.Client, error) {
	w, err := wecom.NewClient(wecom.Config{
		APIBase: c.WeCom.APIBase, CorpID: c.WeCom.CorpID, AgentID: c.WeCom.AgentID, Secret: c.WeCom.Secret,
		Tokens: s.Tokens(c.WeCom.CorpID + "/" + strconv.Itoa(c.WeCom.AgentID)), Now: now,
	})
	if err != nil {
		return nil, configError{"wecom: " + err.Error()}
	}
	return w, nil
}

func newBot(c Config, s *store.Store, now func() time.Time) (*bot.Bot, error) {
	door, err := c.Door()
	if err != nil {
		return nil, err
	}
	w, err := newClient(c, s, now)
	if err != nil {
		return nil, err
	}
	album, err := openAlbum(c, s)
	if err != nil {
		return nil, err
	}
	watching := bot.Watching{Maintainer: c.Watch.Maintainer, Heart: bot.Heart{URL: c.Watch.Heartbeat.URL, File: c.Watch.Heartbeat.File}}
	switch robot, err := c.robot(now); {
	case err != nil:
		return nil, configError{"watch.robot: " + err.Error()}
	case robot != nil:
		watching.Robot = robot
	}
	family, err := c.families(s, w, now)
	if err != nil {
		return nil, err
	}
	return bot.New(bot.Options{
		Family: family, Store: s, Door: door, Messenger: w, AgentID: c.WeCom.AgentID, CallbackPath: c.WeCom.Callback.Path, Packs: c.packs,
		Zone: c.zone, Album: album, Reader: c.reader, Gather: 700 * time.Millisecond, Passive: c.WeCom.CardUpdate == "passive",
		Calendar: func() bool { return c.Calendar == "on" }, Voice: c.WeCom.VoiceCall == "on", Watch: watching, Now: now, Log: c.logger(),
	}), nil
}

// serve runs until the context ends: first no more requests, then no more turns, then nothing in hand.
func serve(ctx context.Context, l net.Listener, b *bot.Bot, c Config) error {
	if err := b.Store.Resume(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	srv := &http.Server{Handler: b.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	over := make(chan struct{})
	go func() { b.Run(work); close(over) }()
	keep := scheduler.NewTicker(c.zone)
	if err := keep.Every("17 3 * * *", func(ctx context.Context, now time.Time) { tidy(ctx, b.Store, now, c) }); err != nil {
		return fmt.Errorf("plan housekeeping: %w", err)
	}
	go keep.Run(work)
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	done, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err = errors.Join(ignore(err, http.ErrServerClosed), srv.Shutdown(done))
	stop()
	<-over
	return err
}

func ignore(err, kind error) error {
	if errors.Is(err, kind) {
		return nil
	}
	return err
}

// tidy deletes every night what has been kept long enough.
func tidy(ctx context.Context, s *store.Store, now time.Time, c Config) {
	swept, err := sweep(ctx, c, s, now, false)
	if err != nil {
		c.logger().Error("housekeeping", "err", err)
	}
	for _, x := range swept {
		c.logger().Info("housekeeping", "class", x.Class, "deleted", x.Rows)
	}
}

func migrateCommand() *cobra.Command {
	return withConfig(&cobra.Command{
		Use: "migrate --config FILE", Short: "bring the database up to date and do nothing else",
		Example: "  xunfang migrate --config config.yaml",
	}, func(ctx context.Context, c Config, _ []string) error {
		s, err := openStore(ctx, c, time.Now)
		if err != nil {
			return err
		}
		defer s.Close()
		if err := s.Migrate(ctx); err != nil {
			return fmt.Errorf("bring the database up to date: %w", err)
		}
		fmt.Println("the database is up to date")
		return nil
	})
}

// readyStore opens a database that has been migrated before.
func readyStore(ctx context.Context, c Config) (*store.Store, error) {
	s, err := openStore(ctx, c, time.Now)
	if err != nil {
		return nil, err
	}
	if ok, err := s.Migrated(ctx); err != nil || !ok {
		return nil, errors.Join(err, s.Close(), errors.New("the database is not up to date; run `xunfang migrate --config FILE` first"))
	}
	return s, nil
}

// withStore is withConfig for a command on a database that has been migrated before.
func withStore(cmd *cobra.Command, f func(context.Context, Config, *store.Store, []string) error) *cobra.Command {
	return withConfig(cmd, func(ctx context.Context, c Config, args []string) error {
		s, err := readyStore(ctx, c)
		if err != nil {
			return err
		}
		defer s.Close()
		return f(ctx, c, s, args)
	})
}

func importCommand() *cobra.Command {
	var check bool
	var template string
	cmd := withStore(&cobra.Command{
		Use: "import --config FILE LEDGER.xlsx", Short: "read the ledger from a workbook, all of it or none",
		Long: `Checks the whole workbook first and names every bad cell, then writes all of it or none. The same file again changes
nothing. --check only checks. --template OUT.xlsx writes an empty workbook with headings, drop-down lists and instructions.`,
		Example: "  xunfang import --template ledger.xlsx\n  xunfang import --config config.yaml ledger.xlsx",
		Args: func(_ *cobra.Command, args []string) error {
			if (template == "") != (len(args) == 1) {
				return usage{errors.New("name one workbook, or --template OUT.xlsx for an empty one")}
			}
			return nil
		},
	}, func(ctx context.Context, c Config, s *store.Store, args []string) error {
		return importBook(ctx, s, args[0], ledger.DayOf(time.Now(), c.zone), check)
	})
	cmd.Flags().BoolVar(&check, "check", false, "only check the workbook")
	cmd.Flags().StringVar(&template, "template", "", "write an empty workbook to this file")
	read := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if template != "" {
			return writeFile(template, func(f *os.File) error { return papers.Template(f) })
		}
		return read(cmd, args)
	}
	return cmd
}

// paperMemory is what import and export keep their heap below where they can: a county's server is small, and the bot runs
// beside them.
const paperMemory = 200 << 20

func importBook(ctx context.Context, s *store.Store, path string, today ledger.Day, check bool) error {
	debug.SetMemoryLimit(paperMemory)
	have, err := s.Book(ctx)
	if err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	known := papers.KnownIn(have)
	have = ledger.Book{} // not needed while the workbook is read
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the workbook %s: %w", path, errors.Unwrap(err))
	}
	defer f.Close()
	book, faults, err := papers.Read(f, known, func(sheet string, rows int) { fmt.Fprintf(os.Stderr, "%s: %d rows read\n", sheet, rows) })
	if err != nil {
		return fmt.Errorf("read the workbook: %w", err)
	}
	if len(faults) > 0 {
		for _, x := range faults {
			fmt.Fprintln(os.Stderr, x)
		}
		return fmt.Errorf("the workbook has %d faults; nothing was written", len(faults))
	}
	if check {
		fmt.Printf("no faults: %d elders, %d people\n", len(book.Elders), len(book.People))
		return nil
	}
	fmt.Fprintln(os.Stderr, "no faults; writing")
	sum, err := s.SaveBook(ctx, ledger.Edit{Book: book, By: ledger.ByImport, Why: "import of " + filepath.Base(path), Today: today})
	if err != nil {
		return fmt.Errorf("the import failed: %w; nothing is half-written: look whether there is room on the disk and the database can be reached, then import again", err)
	}
	fmt.Println(written(sum))
	return vacancies(ctx, s, today)
}

// vacancies says where nobody is responsible after an import (002 五: 指派专人; 七(一): 有人管事、有人干事).
func vacancies(ctx context.Context, s *store.Store, today ledger.Day) error {
	r, err := s.Roster(ctx)
	if err != nil {
		return err
	}
	var elders, villages int
	for _, e := range r.Elders() {
		if away, ok := r.Standing(e.ID, today); len(r.Visiting(e.ID, today)) == 0 && !(ok && away.Kind.Ends()) {
			elders++
		}
	}
	for _, reg := range r.Regions() {
		if reg.Level == ledger.LevelVillage && len(r.Posted(ledger.RoleVillage, reg.Code, today)) == 0 {
			villages++
		}
	}
	if elders+villages > 0 {
		fmt.Printf("nobody is responsible for %d elders, and %d villages have no lead: their leads see who with 空缺\n", elders, villages)
	}
	return nil
}

// written says what an import did, sheet by sheet.
func written(s ledger.Summary) string {
	if s.Empty() {
		return "nothing new: the ledger stands as it was"
	}
	var parts []string
	for _, t := range []struct {
		name  string
		count ledger.Count
	}{
		{"regions", s.Regions}, {"people", s.People}, {"posts", s.Posts}, {"elders", s.Elders}, {"assignments", s.Assignments},
		{"tiers", s.Tierings}, {"family", s.Kin}, {"pairs", s.Pairs}, {"standings", s.Standings},
	} {
		if t.count != (ledger.Count{}) {
			parts = append(parts, fmt.Sprintf("%s %d new, %d changed", t.name, t.count.New, t.count.Changed))
		}
	}
	return "written: " + strings.Join(parts, "; ")
}

// writeFile writes a new file that only its owner may read, whole or not at all.
func writeFile(path string, f func(*os.File) error) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".xunfang-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = errors.Join(f(tmp), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, ignore(os.Remove(tmp.Name()), os.ErrNotExist)))
	}
	return nil
}

func outboxCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "outbox list|retry ID|drop ID", Short: "messages that wait or could not be delivered",
		Example: "  xunfang outbox list --config config.yaml\n  xunfang outbox retry 17 --config config.yaml",
		Args: func(_ *cobra.Command, args []string) error {
			return usage{errors.New("say outbox list, outbox retry ID or outbox drop ID")}
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(withStore(&cobra.Command{
		Use: "list --config FILE", Short: "list them with state, reason and age", Example: "  xunfang outbox list --config config.yaml",
	}, func(ctx context.Context, c Config, s *store.Store, _ []string) error {
		rows, err := s.Outbox(ctx, store.OutboxFilter{})
		if err != nil {
			return err
		}
		fmt.Println("id\tto\tkind\tstate\tattempts\tage\treason")
		for _, r := range rows {
			fmt.Printf("%d\t%s\t%s\t%s\t%d\t%s\t%s\n", r.ID, r.To, r.Call, r.State, r.Attempts, time.Since(r.At).Truncate(time.Second), r.Reason)
		}
		return nil
	}))
	for _, verb := range []struct {
		name, short string
		do          func(*store.Store, context.Context, int64) error
	}{
		{"retry", "send one again now", (*store.Store).RetryNow},
		{"drop", "give one up for good", (*store.Store).Drop},
	} {
		var id int64
		cmd.AddCommand(withStore(&cobra.Command{
			Use: verb.name + " ID --config FILE", Short: verb.short, Example: "  xunfang outbox " + verb.name + " 17 --config config.yaml",
			Args: func(cmd *cobra.Command, args []string) error {
				if err := exactly(1, "name the message by its ID; `xunfang outbox list` shows them")(cmd, args); err != nil {
					return err
				}
				var err error
				if id, err = strconv.ParseInt(args[0], 10, 64); err != nil {
					return usage{fmt.Errorf("%q is no message ID; `xunfang outbox list` shows them", args[0])}
				}
				return nil
			},
		}, func(ctx context.Context, c Config, s *store.Store, _ []string) error {
			if err := verb.do(s, ctx, id); err != nil {
				if errors.Is(err, store.ErrUnknown) {
					return fmt.Errorf("there is no waiting or dead message %d; `xunfang outbox list` shows them", id)
				}
				return err
			}
			return nil
		}))
	}
	return cmd
}

func menuCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "menu push", Short: "the application menu in WeCom", Example: "  xunfang menu push --config config.yaml",
		Args: func(_ *cobra.Command, args []string) error { return usage{errors.New("say menu push")} },
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(withStore(&cobra.Command{
		Use: "push --config FILE", Short: "publish the menu", Example: "  xunfang menu push --config config.yaml",
	}, func(ctx context.Context, c Config, s *store.Store, _ []string) error {
		w, err := newClient(c, s, time.Now)
		if err != nil {
			return err
		}
		if err := w.PushMenu(ctx, menuButtons()); err != nil {
			return fmt.Errorf("publish the menu: %w", err)
		}
		fmt.Println("the menu is published; phones show it within a day, at once after leaving and entering the app")
		return nil
	}))
	return cmd
}

// menuButtons is the menu of flows in WeCom's words.
func menuButtons() []wecom.MenuButton {
	var out []wecom.MenuButton
	for _, m := range flows.Menu {
		b := wecom.MenuButton{Name: m.Name}
		if len(m.Sub) == 0 {
			b.Type, b.Key = "click", m.Key
		}
		for _, e := range m.Sub {
			b.Sub = append(b.Sub, wecom.MenuButton{Type: "click", Name: e.Name, Key: e.Key})
		}
		out = append(out, b)
	}
	return out
}
