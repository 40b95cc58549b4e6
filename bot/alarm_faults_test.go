package bot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"xunfang/bot/sim"
	"xunfang/bot/wecom"
	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// alarmFaults are the things that may go wrong while somebody is in danger. In every row the alarm arrives, once with each person,
// and the ladder goes on where it was: the row makes the trouble, the test plays the rest of the story.
var alarmFaults = []struct {
	name string
	play func(*siege)
}{
	{name: "a good day", play: func(s *siege) { s.raise(); s.calm() }},
	{name: "WeCom answers 500", play: func(s *siege) {
		s.bad(func(f *sim.FaultSet) { f.HTTP500 = true })
		s.raise()
		s.attempts(ledger.CallSend, 2)
		s.good()
	}},
	{name: "WeCom never answers", play: func(s *siege) {
		s.bad(func(f *sim.FaultSet) { f.Hang = true })
		s.raise()
		s.attempts(ledger.CallSend, 2)
		s.weather.good() // slowly: a call that hangs takes real time
	}},
	{name: "called too often (45009)", play: func(s *siege) {
		s.bad(func(f *sim.FaultSet) { f.ErrCode, f.ErrCodeTimes = 45009, 4 })
		s.raise()
		s.good()
	}},
	{name: "system busy (-1)", play: func(s *siege) {
		s.bad(func(f *sim.FaultSet) { f.ErrCode, f.ErrCodeTimes = -1, 5 })
		s.raise()
		s.calm()
	}},
	{name: "token expired (42001)", play: func(s *siege) {
		s.bad(func(f *sim.FaultSet) { f.ErrCode, f.ErrCodeTimes = 42001, 3 })
		s.raise()
		s.calm()
	}},
	{name: "token revoked", play: func(s *siege) { s.sim.Revoke(); s.raise(); s.calm() }},
	{name: "the connection drops after WeCom took it", play: func(s *siege) {
		s.bad(func(f *sim.FaultSet) { f.AcceptThenDrop = true })
		s.raise()
		s.attempts(ledger.CallSend, 2)
		s.good()
	}},
	{name: "Redis gone", play: func(s *siege) { // and it stays away: what it would have woken is found by looking
		cut := s.redis()
		s.second()
		cut()
		s.raise()
		s.calm()
	}},
	{name: "the database restarts", play: func(s *siege) {
		s.disconnect()
		s.raise()
		s.disconnect()
		s.calm()
		s.disconnect()
	}},
	{name: "the clock is set back an hour", play: func(s *siege) {
		s.raise()
		s.calm()
		s.now.Add(-time.Hour.Milliseconds())
		s.climb()
	}},
	{name: "the clock is set forward while WeCom is away", play: func(s *siege) {
		s.bad(func(f *sim.FaultSet) { f.Down = true })
		s.raise()
		s.attempts(ledger.CallSend, 1)
		s.now.Add((2 * time.Minute).Milliseconds())
		s.good()
	}},
	{name: "delivered four times", play: func(s *siege) {
		s.bad(func(f *sim.FaultSet) { f.DeliverTimes = 4 })
		s.raise()
		s.calm()
		s.bad(func(f *sim.FaultSet) { f.DeliverTimes = 1 })
	}},
	{name: "restarted in between", play: func(s *siege) {
		s.bad(func(f *sim.FaultSet) { f.Down = true })
		s.raise()
		s.attempts(ledger.CallSend, 1)
		s.die()
		s.good()
	}},
	{name: "two processes", play: func(s *siege) {
		s.second()
		s.raise()
		s.calm()
	}},
}

// TestAlarmFaults plays every row on both databases through the real callback.
func TestAlarmFaults(t *testing.T) {
	t.Parallel()
	for _, f := range alarmFaults {
		for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
			t.Run(f.name+"/"+driver, func(t *testing.T) {
				t.Parallel()
				s := besiege(t, driver, nil)
				f.play(s)
				s.story()
			})
		}
	}
}

// TestAlarmReceivers: whom WeCom cannot reach does not hold up the ladder, and nobody else hears anything twice.
func TestAlarmReceivers(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run("one of two/"+driver, func(t *testing.T) {
			t.Parallel()
			s := besiege(t, driver, nil)
			s.sim.SetVisible("hejun", false)
			s.raise()
			s.calm()
			s.phone("lixia", alarmTitle)
			s.phone("hejun")
			s.later(6*time.Minute, "lixia called", func() bool { return len(s.sim.Calls("lixia")) == 1 })
			s.phone("zhaomin")
		})
		t.Run("both/"+driver, func(t *testing.T) { // the next steps are not waited for
			t.Parallel()
			s := besiege(t, driver, nil)
			s.sim.SetVisible("hejun", false)
			s.sim.SetVisible("lixia", false)
			s.raise()
			s.pass("somebody who can be reached to be told", func() bool { s.climb(); return len(s.cards("xumei")) > 0 })
			if took := s.Now().Sub(wednesday); took > 2*time.Minute {
				t.Errorf("the deputy heard after %s", took)
			}
			s.later(11*time.Minute, "the county to be told", func() bool { return len(s.cards("zhaomin")) > 0 })
			s.phone("zhaomin", alarmTitle)
		})
	}
}

// TestAlarmKilled kills the process on either side of every commit of an emergency's story, from the callback to the last card,
// and starts another on what it left. Each run must end as the undisturbed one does. XUNFANG_KILLS=all takes every commit on both
// databases; otherwise each fourth on SQLite and each tenth on MariaDB.
func TestAlarmKilled(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			calm := besiege(t, driver, &reaper{at: -1})
			calm.raise()
			calm.calm()
			calm.story()
			n := int(calm.reaper.seen.Load())
			eachKill(t, n, map[string]int{storetest.SQLite: 4, storetest.MariaDB: 10}[driver], func(t *testing.T, r *reaper) {
				s := besiege(t, driver, r)
				s.raise()
				s.calm()
				s.story()
			})
		})
	}
}

// eachKill plays a story of n commits with a kill before and after each step-th of them, or each where XUNFANG_KILLS=all.
func eachKill(t *testing.T, n, step int, play func(*testing.T, *reaper)) {
	if os.Getenv("XUNFANG_KILLS") == "all" {
		step = 1
	}
	for at := 1; at <= n; at += step {
		for _, side := range []string{"before", "after"} {
			t.Run(fmt.Sprintf("%s commit %d", side, at), func(t *testing.T) {
				t.Parallel()
				play(t, &reaper{at: int64(at), before: side == "before"})
			})
		}
	}
}

// TestBrokenLadder: a case that breaks the ladder's code is that case's trouble, not the process's, and says nothing of anybody.
func TestBrokenLadder(t *testing.T) {
	s := besiege(t, storetest.SQLite, nil)
	s.raise()
	s.calm()
	err := s.bot.climbOne(context.Background(), outlook{}, s.file(), s.Now().Add(time.Hour)) // an outlook without a ledger
	if err == nil || !strings.HasPrefix(err.Error(), "panic: ") || strings.Contains(err.Error(), "李秀英") {
		t.Errorf("a ladder that breaks gives %v", err)
	}
	s.story() // the others go on
}

const alarmTitle = "⚠ 紧急"

// reaper kills a process at its n-th commit: what stands before it is rolled back, what stands after it never happens.
type reaper struct {
	at     int64
	before bool
	seen   atomic.Int64
	dead   atomic.Bool
	struck chan struct{}
	once   sync.Once
}

var errKilled = errors.New("killed")

func (r *reaper) around(commit func() error) error {
	if r.dead.Load() {
		return errKilled
	}
	if r.seen.Add(1) != r.at {
		return commit()
	}
	if !r.before {
		if err := commit(); err != nil {
			return err
		}
	}
	r.dead.Store(true)
	r.once.Do(func() { close(r.struck) })
	return errKilled
}

// siege is a rig in trouble: processes die and others take their place.
type siege struct {
	*weather
	driver string
	reaper *reaper
	said   bool
	road   Messenger // to WeCom, of any process
}

// besiege starts a rig; with a reaper the first process may be killed by it.
func besiege(t *testing.T, driver string, r *reaper) *siege {
	t.Helper()
	s := &siege{driver: driver, reaper: r}
	change := func(o *Options) {
		s.road = hasty{o.Messenger}
		o.Messenger = s.road
	}
	s.weather = &weather{t: t, rig: newRig(t, driver, "yongning", wednesday, change)}
	if r != nil {
		r.struck = make(chan struct{})
		s.restart(r)
	}
	return s
}

// raise is the word that begins it.
func (s *siege) raise() {
	s.t.Helper()
	s.deliver(func() sim.Delivery { return s.sim.Say("wangfang", "紧急 李秀英摔倒了 叫不醒") })
}

// deliver hands a callback over as WeCom does: to whoever is alive, again where nobody took it.
func (s *siege) deliver(send func() sim.Delivery) {
	s.t.Helper()
	d := send()
	s.revive()
	if d.Status != 200 {
		if d = send(); d.Status != 200 {
			s.t.Fatalf("the callback answered %d: %s", d.Status, d.Err)
		}
	}
}

// revive starts another process where one was killed.
func (s *siege) revive() {
	if s.reaper == nil {
		return
	}
	select {
	case <-s.reaper.struck:
		if !s.said {
			s.said = true
			s.restart(nil)
		}
	default:
	}
}

// die kills the process that runs and starts another.
func (s *siege) die() { s.restart(nil) }

// restart puts another process in the place of the one that runs.
func (s *siege) restart(r *reaper) {
	s.t.Helper()
	s.stop()
	where := s.where
	if r != nil {
		where.Around = r.around
	}
	where.Now = s.Now
	next := storetest.OpenWith(s.t, where)
	if err := next.Resume(context.Background()); err != nil {
		s.t.Fatal(err)
	}
	o := s.bot.Options
	o.Store = next
	o.Messenger = s.road
	if r != nil {
		o.Messenger = mortal{s.road, r}
	}
	s.serve(o)
	s.store = next
}

// redis gives the process a Redis, the next ones too, and what takes it away.
func (s *siege) redis() (cut func()) {
	s.t.Helper()
	o := *storetest.Redis(s.t).Options()
	var mu sync.Mutex
	var gone bool
	var conns []net.Conn
	dial := o.Dialer
	o.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if gone {
			return nil, errors.New("Redis is gone")
		}
		c, err := dial(ctx, network, address)
		if err == nil {
			conns = append(conns, c)
		}
		return c, err
	}
	s.where.Redis = redis.NewClient(&o)
	s.t.Cleanup(func() { s.where.Redis.Close() })
	s.restart(nil)
	return func() {
		mu.Lock()
		defer mu.Unlock()
		gone = true
		for _, c := range conns {
			c.Close()
		}
	}
}

// disconnect ends every connection to the database, as its restart does. SQLite is in the process: there it is the process that
// restarts.
func (s *siege) disconnect() {
	s.t.Helper()
	if s.driver == storetest.SQLite {
		s.die()
		return
	}
	db, err := sql.Open("mysql", s.where.DSN)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()")
	if err != nil {
		s.t.Fatal(err)
	}
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			s.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(ids) == 0 {
		s.t.Fatalf("%d connections to end: %v", len(ids), err)
	}
	for _, id := range ids { // one may have ended by itself
		_, _ = db.Exec(fmt.Sprintf("KILL CONNECTION %d", id))
	}
}

// second runs another process beside the first.
func (s *siege) second() {
	where := s.where
	where.Now = s.Now
	o := s.bot.Options
	o.Store, o.Messenger = storetest.OpenWith(s.t, where), s.road
	other := New(o)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { other.Run(ctx); close(over) }()
	s.t.Cleanup(func() { cancel(); <-over })
}

// calm lets time pass until everything is handled and sent, by whoever lives then.
func (s *siege) calm() {
	s.t.Helper()
	s.pass("everything to be handled and sent", func() bool { s.revive(); return s.idle() })
}

// pass is wait while the clock runs, a second at a time: a minute must not take long.
func (s *siege) pass(what string, is func() bool) {
	s.t.Helper()
	s.wait(what, func() bool {
		if is() {
			return true
		}
		s.now.Add(time.Second.Milliseconds())
		s.bot.sender.poke() // its own ticks are of real seconds
		return false
	})
}

func (s *siege) good() {
	s.t.Helper()
	s.sim.Faults().Set(sim.FaultSet{})
	s.calm()
}

func (s *siege) climb() {
	s.t.Helper()
	if err := s.bot.Climb(context.Background()); err != nil && !errors.Is(err, errKilled) {
		s.t.Fatal(err)
	}
}

// later moves the clock to so long after the alarm's last step, and waits for what has to come of it.
func (s *siege) later(d time.Duration, what string, is func() bool) {
	s.t.Helper()
	s.now.Add(d.Milliseconds())
	s.pass(what, func() bool { s.revive(); s.climb(); return is() })
	s.calm()
}

func (s *siege) cards(user string) []sim.Message {
	return slices.DeleteFunc(s.shown(user), func(m sim.Message) bool { return m.Card == nil })
}

// phone wants exactly these cards on somebody's phone, known by how they begin.
func (s *siege) phone(user string, want ...string) {
	s.t.Helper()
	var got []string
	for _, m := range s.cards(user) {
		got = append(got, m.Card.MainTitle.Title)
	}
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		s.t.Errorf("%s has the cards %q, want %q", user, got, want)
	}
}

// story plays on from the alarm to its end and looks at every phone: each person was told once, the ladder went on, and when one
// acts everybody's card says so.
func (s *siege) story() {
	s.t.Helper()
	s.phone("hejun", alarmTitle)
	s.phone("lixia", alarmTitle)
	s.phone("zhaomin")
	s.reads("wangfang", "⚠ 先打", 1)
	s.later(6*time.Minute, "the leads to be rung up", func() bool { return len(s.sim.Calls("hejun")) > 0 && len(s.sim.Calls("lixia")) > 0 })
	s.later(11*time.Minute, "somebody further to be told", func() bool { return s.rung() >= 3 })
	s.later(11*time.Minute, "the county to be told", func() bool { return len(s.cards("zhaomin")) > 0 })
	s.phone("zhaomin", alarmTitle)
	s.phone("hejun", alarmTitle)
	s.phone("lixia", alarmTitle)
	card := s.cards("hejun")[0]
	s.deliver(func() sim.Delivery {
		d, err := s.sim.Tap("hejun", card.ID, "go:case:take:"+s.file().Key, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		return d
	})
	s.calm()
	f := s.file()
	if f.State != ledger.CaseTaken || f.Owner != "hejun" {
		s.t.Errorf("the case is %s with %q", f.State, f.Owner)
	}
	for i, e := range f.Timeline {
		if e.N != i+1 {
			s.t.Errorf("the timeline has a gap at %d", i+1)
		}
	}
	told := map[string]int{}
	for _, e := range f.Timeline {
		if e.Kind == ledger.EventTold {
			told[e.To]++
		}
	}
	for user, n := range told {
		if n != 1 {
			s.t.Errorf("%s is told %d times in the timeline", user, n)
		}
	}
	for _, user := range []string{"lixia", "zhaomin"} {
		said := words(s.cards(user)[0]) // or, where the answer with the card's code was lost, in words
		for _, m := range s.shown(user) {
			said += m.Text
		}
		if n := strings.Count(said, "何军"); n == 0 {
			s.t.Errorf("nothing tells %s who acts: %q", user, said)
		}
	}
	n := len(s.cards("lixia"))
	s.later(10*time.Minute, "nothing", func() bool { return true })
	if len(s.cards("lixia")) != n || s.file().State != ledger.CaseTaken {
		s.t.Error("the ladder goes on although somebody acts")
	}
}

func (s *siege) rung() int { return s.file().Rung }

// file is the one case there is.
func (s *siege) file() ledger.CaseFile {
	s.t.Helper()
	files, err := s.store.CasesOf(context.Background(), store.CaseFilter{})
	if err != nil || len(files) != 1 {
		s.t.Fatalf("%d cases: %v", len(files), err)
	}
	return files[0]
}

// reads wants so many messages that begin with something.
func (s *siege) reads(user, head string, want int) {
	s.t.Helper()
	n := 0
	for _, m := range s.shown(user) {
		if strings.HasPrefix(m.Text, head) {
			n++
		}
	}
	if n != want {
		s.t.Errorf("%s reads %q %d times, want %d", user, head, n, want)
	}
}

// words is all that a card says.
func words(m sim.Message) string {
	return fmt.Sprint(m.Card.MainTitle, m.Card.SubTitle, m.Card.Horizontal, m.ReplaceText)
}

// mortal is the way out of a process that may be dead.
type mortal struct {
	Messenger
	r *reaper
}

func (m mortal) Send(ctx context.Context, x ledger.Message) (r wecom.Receipt, err error) {
	if m.r.dead.Load() {
		return r, errKilled
	}
	return m.Messenger.Send(ctx, x)
}
