package bot

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"xunfang/bot/sim"
	"xunfang/bot/wecom"
	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// guard is a rig with all that hears of its trouble: a maintainer, a group with a robot, a service that waits for signs of life.
type guard struct {
	*rig
	t     *testing.T
	group *sim.Sim // another WeCom, since the rig's is the one that fails
	file  string

	mu    sync.Mutex
	log   bytes.Buffer
	beats []string // paths
}

const (
	testRobot  = "ROBOTKEYthatMustNotShow"
	testHeart  = "HEARTBEATthatMustNotShow"
	maintainer = "nobody" // holds no post
)

func (g *guard) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.log.Write(p)
}

func (g *guard) heartbeats() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.beats)
}

func newGuard(t *testing.T, driver string, change ...func(*Options)) *guard {
	t.Helper()
	g := &guard{t: t, file: filepath.Join(t.TempDir(), "alive")}
	var err error
	if g.group, err = sim.New(sim.Options{CorpID: testCorp, AgentID: testAgent, Secret: "secret", RobotKey: testRobot, Now: func() time.Time { return g.Now() }}); err != nil {
		t.Fatal(err)
	}
	groupSide := httptest.NewServer(g.group)
	heart := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.beats = append(g.beats, r.URL.Path)
	}))
	t.Cleanup(func() { groupSide.Close(); g.group.Close(); heart.Close() })
	set := func(o *Options) {
		robot, err := wecom.NewRobot(groupSide.URL+"/cgi-bin/webhook/send?key="+testRobot, o.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(robot.Close)
		o.Watch = Watching{Maintainer: maintainer, Robot: robot, Heart: Heart{URL: heart.URL + "/" + testHeart, File: g.file}}
		o.Log = slog.New(slog.NewJSONHandler(g, nil))
	}
	g.rig = newRig(t, driver, "yongning", wednesday, append([]func(*Options){set}, change...)...)
	g.look()
	return g
}

func (g *guard) look(more ...*Bot) {
	for _, b := range append([]*Bot{g.bot}, more...) {
		b.watch.look(context.Background(), g.Now())
	}
}

// pass lets time go by as the loop would see it: what may be sent is tried at each step.
func (g *guard) pass(d time.Duration, more ...*Bot) {
	g.t.Helper()
	for end := g.Now().Add(d); g.Now().Before(end); {
		g.now.Add((10 * time.Second).Milliseconds())
		g.tried()
		g.look(more...)
	}
}

// tried waits until nothing is left that may be sent now.
func (g *guard) tried() {
	g.t.Helper()
	g.bot.sender.poke()
	wait(g.t, "the sender", func() bool {
		rows, err := g.store.Outbox(context.Background(), store.OutboxFilter{States: []store.OutboxState{store.StateWaiting}})
		if err != nil {
			g.t.Fatal(err)
		}
		type queue struct {
			to string
			p  ledger.Priority
		}
		behind := map[queue]bool{} // the first of a queue holds back the others
		return !slices.ContainsFunc(rows, func(r store.OutboxRow) bool {
			q := queue{r.To, r.Priority}
			held := behind[q]
			behind[q] = behind[q] || !dueAt(r).After(g.Now())
			return !held && !dueAt(r).After(g.Now()) && !r.RetryAt.After(g.Now())
		})
	})
}

// raise raises an emergency of an elder.
func (g *guard) raise(elder, region, what string) string {
	g.t.Helper()
	ctx := context.Background()
	roster, err := g.store.Roster(ctx)
	if err != nil {
		g.t.Fatal(err)
	}
	now, today := g.Now(), ledger.DayOf(g.Now(), beijing)
	_, count, err := g.store.Alarms(ctx)
	if err != nil {
		g.t.Fatal(err)
	}
	key := drillKey("raised "+elder, ledger.WeekOf(today))
	step := ledger.CaseStep{Alarms: count, Case: ledger.Case{Key: key, No: fmt.Sprint("急260311-", count+1), Kind: ledger.CaseAlarm, What: what, ElderID: elder,
		Region: region, About: "倒在灶台边", By: "wangfang", State: ledger.CaseOpen, Level: ledger.RoleVillage, Due: now, Since: now, At: now}}
	step.Add(ledger.Event{Kind: ledger.EventRaised, By: "wangfang", Text: step.Case.About, At: now})
	c := ledger.Changes{Cases: []ledger.CaseStep{step}}
	o := outlook{roster: roster, packs: g.bot.Packs, pack: g.bot.Packs.Main(today), names: g.bot.indexes.of(roster)}
	o.voice(&c, flows.Input{Key: "case/" + key + "/1", Now: now, Today: today, Zone: beijing, Kind: flows.Other})
	if c.Messages, err = g.bot.render(c.Messages); err != nil {
		g.t.Fatal(err)
	}
	commit(g.t, g.store, c)
	return key
}

// heard are the texts that the maintainer got.
func (g *guard) heard() (out []string) {
	for _, m := range g.sim.Messages(maintainer) {
		if m.From == "app" {
			out = append(out, m.Text)
		}
	}
	return out
}

// like compares texts with patterns, one each and no more.
func (g *guard) like(what string, got []string, want ...string) {
	g.t.Helper()
	ok := len(got) == len(want)
	for i := range got {
		ok = ok && regexp.MustCompile("^"+want[i]+"$").MatchString(got[i])
	}
	if !ok {
		g.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// discreet fails on anything about an elder, a phone or an address that only its holder may know.
func (g *guard) discreet(where, text string) {
	g.t.Helper()
	roster, err := g.store.Roster(context.Background())
	if err != nil {
		g.t.Fatal(err)
	}
	secret := []string{testRobot, testHeart, "灶台"}
	for _, e := range roster.Elders() {
		secret = append(secret, e.Name, cmp.Or(e.Address, e.Name), cmp.Or(e.Phone, e.Name))
	}
	for _, p := range roster.Book().People {
		secret = append(secret, cmp.Or(p.Phone, testRobot))
	}
	for _, s := range secret {
		if strings.Contains(text, s) {
			g.t.Errorf("%s holds %q: %s", where, s, text)
		}
	}
}

func (g *guard) get(path string) string {
	g.t.Helper()
	resp, err := http.Get(g.url + path)
	if err != nil {
		g.t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		g.t.Fatal(err)
	}
	return string(body)
}

// The whole story of an outage: those on duty hear at once which alarm does not get through and then that nothing does, the
// maintainer what it was once it is over; each once, with a second process looking on and one that begins in the middle.
func TestOutage(t *testing.T) {
	for name, c := range map[string]struct {
		driver string
		fault  sim.FaultSet
	}{
		"out of reach, sqlite":  {storetest.SQLite, sim.FaultSet{Down: true}},
		"out of reach, mariadb": {storetest.MariaDB, sim.FaultSet{Down: true}},
		"busy, sqlite":          {storetest.SQLite, sim.FaultSet{ErrCode: -1, ErrCodeTimes: -1}}, // it answers, and takes nothing
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuard(t, c.driver)
			other := New(g.bot.Options)
			other.Watch.Heart = Heart{}
			g.sim.Faults().Set(c.fault)
			g.sim.Say("liuyang", "帮助")
			key := g.raise("A05", "640121101201", "fall")
			from := g.Now().In(beijing).Format("15:04")
			g.pass(50*time.Second, other)
			g.like("before a minute has passed the group heard", g.group.Robot())
			g.pass(20*time.Second, other)
			cry := fmt.Sprintf("【巡访】有1条紧急情况企业微信发不出去\\(望远镇,%s起\\)。请值班的人马上打电话:望远村何军、望远镇李霞。", from)
			g.like("after a minute the group heard", g.group.Robot(), cry)
			if body := g.get("/readyz"); !strings.Contains(body, `"alarms"`) || strings.Contains(body, `"ladder"`) || !strings.Contains(body, `"open_alarms":1,`) {
				t.Errorf("readyz: %s", body)
			}
			g.pass(4*time.Minute, other)
			out := fmt.Sprintf("【巡访】企业微信%s起没收消息,都存着,通了自动补发。这段时间有急事请打电话。", from)
			g.like("after five minutes the group heard", g.group.Robot(), cry, out)
			if body := g.get("/readyz"); !strings.Contains(body, `"wecom"`) {
				t.Errorf("readyz: %s", body)
			}

			third := New(g.bot.Options) // a restart
			third.Watch.Heart = Heart{}
			third.watch.recall(context.Background())
			g.pass(5*time.Minute, other, third)
			g.like("before ten more the group heard", g.group.Robot(), cry, out)
			g.pass(time.Minute, other, third)
			again := strings.Replace(cry, "李霞。", "李霞.*。", 1)
			g.like("ten minutes later the group heard", g.group.Robot(), cry, out, again)
			g.like("while nothing gets through the maintainer heard", g.heard())

			g.sim.Faults().Set(sim.FaultSet{})
			g.now.Add((11 * time.Minute).Milliseconds())
			wait(t, "WeCom to take what waits", func() bool { return g.bot.watch.accepted.Load() == g.Now().UnixMilli() })
			third.watch.accepted.Store(g.Now().UnixMilli()) // it was the one that got through
			third.watch.look(context.Background(), g.Now())
			g.pass(time.Minute, other, third)
			g.tried()
			over := fmt.Sprintf("企业微信从%s到%s没收消息,[2-9]条紧急、1条普通晚到,都没有丢。", from, g.Now().Add(-time.Minute).In(beijing).Format("15:04"))
			g.like("when it was over the group heard", g.group.Robot(), cry, out, again, "【巡访】"+over)
			g.like("when it was over the maintainer heard", g.heard(), over)
			g.pass(12*time.Minute, other, third)
			g.tried()
			g.like("later the group heard", g.group.Robot(), cry, out, again, "【巡访】"+over)
			g.like("later the maintainer heard", g.heard(), over)

			metrics := g.get("/metrics")
			for _, want := range []string{"xunfang_open_alarms 1\n", "xunfang_oldest_open_alarm_seconds 2", "xunfang_ladder_look_age_seconds 0", "xunfang_wecom_accepted_age_seconds ",
				"xunfang_oldest_alarm_seconds 0\n"} {
				if !strings.Contains(metrics, want) {
					t.Errorf("metrics lack %q", want)
				}
			}
			if body := g.get("/readyz"); !strings.Contains(body, `"degraded":[]`) {
				t.Errorf("readyz: %s", body)
			}
			for _, said := range slices.Concat(g.group.Robot(), g.heard()) {
				g.discreet("what was said", said)
			}
			g.discreet("the log", g.log.String())
			g.discreet("the metrics", metrics)
			if strings.Contains(metrics, key) {
				t.Error("a case is named in the metrics")
			}
		})
	}
}

// What is no outage is none: a message that waits for its hour, a member WeCom does not know, a clock that jumps, a minute's silence.
func TestNoOutage(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			g := newGuard(t, driver)
			later := g.Now().Add(time.Hour)
			for i, m := range []ledger.Message{
				{To: "hejun", Text: "过一会儿再说", NotBefore: later},
				{To: "stranger", Text: "没有这个人", Priority: ledger.PriorityAlarm},
				{To: "hejun", Text: "马上说", Priority: ledger.PriorityAlarm},
			} {
				m.Key = fmt.Sprint("no outage ", i)
				messages, err := g.bot.render([]ledger.Message{m})
				if err != nil {
					t.Fatal(err)
				}
				commit(t, g.store, ledger.Changes{Messages: messages})
			}
			g.pass(7 * time.Minute)
			g.now.Store(later.Add(time.Hour).UnixMilli()) // what was to wait is an hour late at once
			g.look()
			g.tried()
			g.pass(7 * time.Minute)
			g.sim.Faults().Change(func(f *sim.FaultSet) { f.Down = true })
			g.sim.Say("liuyang", "帮助")
			wait(t, "the answer", func() bool {
				users, err := g.store.Backlog(context.Background(), 1)
				return err == nil && len(users) == 0
			})
			g.pass(2 * time.Minute) // the pauses between attempts double: after three, the next one would come too late
			g.sim.Faults().Change(func(f *sim.FaultSet) { f.Down = false })
			g.pass(10 * time.Minute)
			g.tried()
			g.pass(6 * time.Minute)
			g.like("the group heard", g.group.Robot())
			g.like("the maintainer heard", g.heard())
			if rows, err := g.store.Outbox(context.Background(), store.OutboxFilter{To: outageLane, States: []store.OutboxState{store.StateExpired}}); err != nil || len(rows) > 0 {
				t.Errorf("%d outages are noted: %v", len(rows), err)
			}
			for _, path := range g.heartbeats() {
				if path != "/"+testHeart {
					t.Errorf("the heartbeat says %s", path)
				}
			}
		})
	}
}

// The group hears of a case that nobody acts on, and of no other; a robot that does not answer is asked again.
func TestCry(t *testing.T) {
	g := newGuard(t, storetest.SQLite)
	g.group.Faults().Change(func(f *sim.FaultSet) { f.RobotDown = true })
	g.sim.Faults().Change(func(f *sim.FaultSet) { f.Down = true })
	taken := g.raise("A05", "640121101201", "fall")
	g.raise("A04", "640121101202", "fall")
	g.raise("A01", "640121101201", "fall")
	g.raise("", "", "fall")
	for range staleTurn { // the ladder may be faster
		files, err := g.store.CaseFiles(context.Background(), taken)
		if err != nil || len(files) != 1 {
			t.Fatalf("%d cases: %v", len(files), err)
		}
		step := files[0].Step()
		step.Case.State, step.Case.Owner, step.Case.Due = ledger.CaseTaken, "hejun", g.Now().Add(time.Hour)
		step.Add(ledger.Event{Kind: ledger.EventTaken, By: "hejun", At: g.Now()})
		if err = g.store.Commit(context.Background(), store.Turn{Changes: ledger.Changes{Cases: []ledger.CaseStep{step}}}); err == nil {
			break
		} else if !errors.Is(err, store.ErrStale) {
			t.Fatal(err)
		}
	}
	g.pass(3 * time.Minute)
	g.like("a silent group heard", g.group.Robot())
	g.group.Faults().Change(func(f *sim.FaultSet) { f.RobotDown = false })
	g.pass(10 * time.Second)
	got := g.group.Robot()
	slices.Sort(got)
	g.like("the group heard", got,
		"【巡访】有1条紧急情况企业微信发不出去\\(\\d\\d:\\d\\d起\\)。请值班的人马上打电话:永宁县赵敏。",
		"【巡访】有2条紧急情况企业微信发不出去\\(望远镇,\\d\\d:\\d\\d起\\)。请值班的人马上打电话:.*通桥村马辉.*。")
	for _, said := range got {
		g.discreet("the group", said)
	}
	g.discreet("the log", g.log.String())
	if n := strings.Count(g.log.String(), "the robot says nothing"); n != 1 {
		t.Errorf("that the robot does not answer is in the log %d times", n)
	}
}

// A sign of life comes every minute while all is well; trouble is said at once, and the file stays as it was.
func TestHeartbeat(t *testing.T) {
	g := newGuard(t, storetest.SQLite)
	well, ill := "/"+testHeart, "/"+testHeart+"/fail"
	g.like("at first", g.heartbeats(), well)
	g.pass(3 * time.Minute)
	g.like("after three minutes", g.heartbeats(), well, well, well, well)
	alive, err := os.ReadFile(g.file)
	if want := g.Now().UTC().Format(time.RFC3339) + "\n"; err != nil || string(alive) != want {
		t.Errorf("the file says %q, want %q: %v", alive, want, err)
	}
	g.sim.Faults().Change(func(f *sim.FaultSet) { f.HTTP500 = true })
	g.raise("A05", "640121101201", "fall")
	g.pass(50 * time.Second)
	g.like("before it is late", g.heartbeats()[4:])
	g.pass(10 * time.Second)
	g.like("an alarm waits for a minute", g.heartbeats()[4:], ill)
	g.pass(2 * time.Minute)
	g.like("each minute", g.heartbeats()[4:], ill, ill, ill)
	if after, err := os.ReadFile(g.file); err != nil || !bytes.Equal(after, alive) {
		t.Errorf("the file says %q, want %q as before: %v", after, alive, err)
	}
	g.sim.Faults().Change(func(f *sim.FaultSet) { f.HTTP500 = false })
	g.now.Add((11 * time.Minute).Milliseconds())
	g.tried()
	g.look()
	g.like("at the end of it", g.heartbeats()[7:], well)

	still := New(g.bot.Options) // nobody runs its ladder
	still.watch.born = time.Now().Add(-time.Minute)
	still.watch.look(context.Background(), g.Now())
	g.like("nobody looks at the ladders", g.heartbeats()[8:], ill)
	g.discreet("the log", g.log.String())

	gone := storetest.Open(t, storetest.SQLite)
	blind := New(Options{Store: gone, Packs: g.bot.Packs, Zone: beijing, Now: g.Now, Watch: g.bot.Watch, Log: g.bot.Log})
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	blind.watch.look(context.Background(), g.Now())
	g.like("the database is gone", g.heartbeats()[9:], ill)
}

// What a heartbeat's address answers is heeded, and the address itself is in no error.
func TestHeartRefused(t *testing.T) {
	refusing := httptest.NewServer(http.NotFoundHandler())
	err := Heart{URL: refusing.URL + "/" + testHeart}.beat(t.Context(), wednesday, true)
	if err == nil || !strings.Contains(err.Error(), "404") || strings.Contains(err.Error(), testHeart) {
		t.Errorf("a refusal: %v", err)
	}
	refusing.Close()
	err = Heart{URL: refusing.URL + "/" + testHeart}.beat(t.Context(), wednesday, true)
	if err == nil || strings.Contains(err.Error(), testHeart) {
		t.Errorf("nobody there: %v", err)
	}
	if err := (Heart{}).beat(t.Context(), wednesday, true); err != nil {
		t.Errorf("no heartbeat: %v", err)
	}
}
