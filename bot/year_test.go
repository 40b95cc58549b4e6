package bot

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	diffs "github.com/google/go-cmp/cmp"

	"xunfang/bot/sim"
	"xunfang/bot/wecom"
	"xunfang/ledger"
	"xunfang/scheduler"
	"xunfang/store"
	"xunfang/store/storetest"
)

// TestYear plays an invented county of 500 elders day by day: people visit, forget, go on leave, elders die and move, the
// process and WeCom go down. The calendar is looked at several times a day by two processes on one database, and everything that
// arrives on a phone is held against what the test itself knows of who did what; nothing of package scheduler is asked.
//
// January to March by itself, on MariaDB January; XUNFANG_YEAR=2026 plays the whole year on both, and with -update writes the
// calendar that a person can read to testdata/year.txt. What is played is always the beginning of that.
func TestYear(t *testing.T) {
	t.Parallel()
	until := map[string]ledger.Day{storetest.SQLite: "2026-03-31", storetest.MariaDB: "2026-01-31"}
	switch v := os.Getenv("XUNFANG_YEAR"); v {
	case "":
	case "2026":
		until = map[string]ledger.Day{storetest.SQLite: "2026-12-31", storetest.MariaDB: "2026-12-31"}
	default:
		t.Fatalf("XUNFANG_YEAR is %q; the year that is written down here is 2026", v)
	}
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			y := newYear(t, driver)
			y.play(until[driver])
			y.verdict(until[driver])
			y.calendar(filepath.Join("testdata", "year.txt"), until[driver])
		})
	}
}

// --- the county ------------------------------------------------------------------------------------------------------

// stretch is something that held for a time: an assignment, a pair, a tier, a standing.
type stretch struct {
	who      string
	from, to ledger.Day
}

func (s stretch) holds(on ledger.Day) bool { return s.from <= on && (s.to == "" || on <= s.to) }

// soul is an elder as the test knows them.
type soul struct {
	id, name, village string
	birth             ledger.Day
	alone             bool
	lost              bool // 失独
	halfCare          bool // 半失能
	kin               bool
	key               []stretch
	pauses            []stretch
	gone              ledger.Day // first day on which they are on nobody's list any more
	dead              bool
	visitors, helpers []stretch
	deeds             []deed
}

// deed is one record as the test knows it.
type deed struct {
	kind   ledger.EntryKind
	day    ledger.Day
	method ledger.Method
	met    bool
	looked bool
}

// temper is how somebody does their work.
type temper int

const (
	early     temper = iota // done before anybody would remind them
	steady                  // done in time
	late                    // much at the end, some never
	forgetful               // more never
)

type worker struct {
	user, name, region string
	role               ledger.Role
	temper             temper
}

// shire is the world of the test: villages, who works there, and what is declared.
type shire struct {
	town    map[string]string // village → township
	names   map[string]string // region → name
	workers []worker
	souls   []*soul
	byName  map[string]*soul
	leaves  []ledger.Leave
	rounds  []ledger.Round
}

func (c *shire) worker(user string) worker {
	i := slices.IndexFunc(c.workers, func(w worker) bool { return w.user == user })
	return c.workers[i]
}

func (c *shire) named(name string) (worker, bool) {
	i := slices.IndexFunc(c.workers, func(w worker) bool { return w.name == name })
	if i < 0 {
		return worker{}, false
	}
	return c.workers[i], true
}

// code is that of a region by its name.
func (c *shire) code(name string) string {
	for code, n := range c.names {
		if n == name {
			return code
		}
	}
	return ""
}

// leave is somebody's on a day.
func (c *shire) leave(user string, on ledger.Day) (ledger.Leave, bool) {
	for _, l := range c.leaves {
		if l.UserID == user && l.From <= on && on <= l.To {
			return l, true
		}
	}
	return ledger.Leave{}, false
}

// acting is who does somebody's work on a day; "" nobody.
func (c *shire) acting(user string, on ledger.Day) string {
	l, away := c.leave(user, on)
	if !away {
		return user
	}
	if _, too := c.leave(l.Deputy, on); l.Deputy == "" || too {
		return ""
	}
	return l.Deputy
}

func holders(all []stretch, on ledger.Day) []string {
	var out []string
	for _, s := range all {
		if s.holds(on) {
			out = append(out, s.who)
		}
	}
	return out
}

func (e *soul) isKey(on ledger.Day) bool { return len(holders(e.key, on)) > 0 }

// debt is what is owed for an elder of one duty.
type debt struct {
	duty   string // as people call it
	label  string // as the notices call it
	period string
	kind   ledger.EntryKind
	first  ledger.Day
	last   ledger.Day
	need   int
	done   int
}

// window is the calendar period of some months that a day lies in.
func window(on ledger.Day, months int) (period string, first, last ledger.Day) {
	at := on.Time()
	m := (int(at.Month())-1)/months*months + 1
	first, last = ledger.NewDay(at.Year(), time.Month(m), 1), ledger.NewDay(at.Year(), time.Month(m+months), 0)
	switch months {
	case 1:
		return string(on[:7]), first, last
	case 3:
		return fmt.Sprintf("%sQ%d", on[:4], (m+2)/3), first, last
	}
	return fmt.Sprintf("%sH%d", on[:4], (m+5)/6), first, last
}

// debts are what is still owed for an elder on a day, counted slowly from the words of the policy (002 五) and of the rules that
// requirements §1.O and §3 settle.
func (c *shire) debts(e *soul, on ledger.Day) []debt {
	var out []debt
	if e.gone != "" && e.gone <= on || len(holders(e.pauses, on)) > 0 {
		return nil
	}
	tooLate := func(change, first, last ledger.Day) bool { return change > first && last.Sub(change)+1 < 10 }
	rests := func(first, last ledger.Day) bool { // back, with little of it left
		return slices.ContainsFunc(e.pauses, func(p stretch) bool {
			return p.to != "" && p.to < on && p.to >= first && tooLate(p.to.Add(1), first, last)
		})
	}
	days := func(first ledger.Day, methods []ledger.Method, counts func(deed) bool) map[ledger.Day]bool {
		met := map[ledger.Day]bool{}
		for _, d := range e.deeds {
			if d.met && counts(d) && d.day >= first && d.day <= on && slices.Contains(methods, d.method) {
				met[d.day] = true
			}
		}
		return met
	}
	visit := func(d deed) bool { return d.kind == ledger.KindVisit || d.kind == ledger.KindHelp && d.looked }
	door := []ledger.Method{ledger.MethodDoor}
	any := []ledger.Method{ledger.MethodDoor, ledger.MethodPhone, ledger.MethodVideo}
	add := func(d debt, done map[ledger.Day]bool) {
		if d.done = len(done); d.done < d.need {
			out = append(out, d)
		}
	}

	period, first, last := window(on, 1)
	if !rests(first, last) {
		isKey := slices.ContainsFunc(e.key, func(k stretch) bool { return k.holds(on) && !tooLate(k.from, first, last) })
		d := debt{duty: "月巡访", label: "月巡访(普通)", period: period, kind: ledger.KindVisit, first: first, last: last, need: 1}
		met := days(first, any, visit)
		if isKey {
			d.label, d.need = "月巡访(重点)", 2
			if len(days(first, door, visit)) == 0 { // one of the two has to be at the door
				for day := range met {
					met = map[ledger.Day]bool{day: true}
				}
			}
		}
		add(d, met)
	}
	paired := len(holders(e.helpers, on)) > 0
	period, first, last = window(on, 3)
	since := ledger.Day("9999-12-31")
	for _, h := range e.helpers {
		since = min(since, h.from)
	}
	if paired && !rests(first, last) && !tooLate(since, first, last) {
		add(debt{duty: "季度帮扶", label: "季度帮扶", period: period, kind: ledger.KindHelp, first: first, last: last, need: 1},
			days(first, door, func(d deed) bool { return d.kind == ledger.KindHelp }))
	}
	period, first, last = window(on, 6)
	if paired && e.kin && !rests(first, last) && !tooLate(since, first, last) {
		add(debt{duty: "半年沟通", label: "半年沟通", period: period, kind: ledger.KindTalk, first: first, last: last, need: 1},
			days(first, any, func(d deed) bool { return d.kind == ledger.KindTalk }))
	}
	for _, r := range c.rounds {
		if r.From <= on && on <= r.To && (r.Region == e.village || r.Region == c.town[e.village] || r.Region == "c") &&
			(r.Tier != ledger.TierKey || e.isKey(on)) {
			add(debt{duty: r.Name, label: r.Name, period: string(r.From), kind: ledger.KindVisit, first: r.From, last: r.To, need: 1},
				days(r.From, any, visit))
		}
	}
	return out
}

// owners are who answers for a kind of duty of an elder.
func (e *soul) owners(kind ledger.EntryKind, on ledger.Day) []string {
	if kind == ledger.KindVisit {
		return holders(e.visitors, on)
	}
	return holders(e.helpers, on)
}

// lot is what one person owes.
type lot struct {
	*soul
	debt
}

// owes is all that somebody owes on a day, for whom they stand in included.
func (c *shire) owes(user string, on ledger.Day) []lot {
	var out []lot
	for _, e := range c.souls {
		for _, d := range c.debts(e, on) {
			if slices.ContainsFunc(e.owners(d.kind, on), func(o string) bool { return c.acting(o, on) == user }) {
				out = append(out, lot{e, d})
			}
		}
	}
	return out
}

// openIn is how many elders of a region are still owed one of some duties, and the part that one person, "" anybody, answers for.
func (c *shire) openIn(region string, labels []string, user string, on ledger.Day) (n int) {
	for _, e := range c.souls {
		if e.village == region || c.town[e.village] == region {
			for _, d := range c.debts(e, on) {
				if slices.Contains(labels, d.label) && (user == "" || slices.Contains(e.owners(d.kind, on), user)) {
					n++
				}
			}
		}
	}
	return n
}

// The marks of the year as the documents' defaults have them (requirements §1.P), not as the program computes them: days before
// the last day, -1 the middle.
var yearMarks = map[string]struct {
	nudges            []int
	village, township int
}{
	"月巡访(普通)": {[]int{9, 4}, 1, 0}, "月巡访(重点)": {[]int{-1, 9, 4}, 1, 0},
	"季度帮扶": {[]int{30, 10}, 5, 1}, "半年沟通": {[]int{60, 20}, 10, 3},
}

// labelMonths is the length of a label's period.
func labelMonths(label string) int {
	return map[string]int{"月": 1, "季": 3, "半": 6}[string([]rune(label)[:1])]
}

// In 2026 the first day of the first lunar month is February 17, the 25th of the twelfth February 12.
const (
	springBefore ledger.Day = "2026-02-12"
	springEve    ledger.Day = "2026-02-16"
	springQuiet  ledger.Day = "2026-02-19"
)

// markDay is when a mark is acted upon; for a round's, 366 days before its last is its first.
func markDay(n int, first, last ledger.Day, anyKey bool) ledger.Day {
	day := max(first, last.Add(-n))
	if n == -1 {
		day = first.Add((last.Sub(first)+1)/2 - 1)
	}
	if last.Sub(first) > 20 && (day >= springBefore && day < springEve || !anyKey && day >= springEve && day <= springQuiet) {
		return springBefore.Add(-1)
	}
	return day
}

// nudgeDays are the days on which a label's reminders fall, by the notice's word for it.
func nudgeDays(label string, first, last ledger.Day, anyKey bool) map[string]ledger.Day {
	m, ok := yearMarks[label]
	if !ok {
		return map[string]ledger.Day{"366d": first, "0d": last}
	}
	out := map[string]ledger.Day{}
	for _, n := range m.nudges {
		word := strconv.Itoa(n) + "d"
		if n == -1 {
			word = "mid"
		}
		out[word] = markDay(n, first, last, anyKey)
	}
	return out
}

// --- the year --------------------------------------------------------------------------------------------------------

// year plays and judges.
type year struct {
	*testing.T
	*shire
	rig    *rig
	other  *Bot // a second process on the same database
	rng    *rand.Rand
	today  ledger.Day
	plans  map[ledger.Day][]plannedDeed
	events map[ledger.Day][]happening
	down   bool // the process
	silent bool // WeCom
	serial int

	forms    map[string]time.Time // who is in the middle of a form, since when
	asked    map[string]bool      // who may be answered now: somebody is talking
	seen     map[string]bool      // messages of phones
	letters  []seenLetter
	notices  map[string]ledger.Notice // every one that was ever there
	expected []expectation
	counts   map[string]int
	faults   map[string][]string
	prompt   map[string]bool // user/label/period that nobody had to remind
}

// plannedDeed is what somebody will do if nothing comes between.
type plannedDeed struct {
	*soul
	deed
	user string
}

// happening is something that befalls the county on a day.
type happening struct {
	at   string
	what func()
}

// seenLetter is a message of the calendar as it came to a phone.
type seenLetter struct {
	to, key string
	at      time.Time
	day     ledger.Day
	notices []ledger.Notice
}

// expectation is a reminder that has to be there by a day's end.
type expectation struct {
	key string // all but the mark
	to  string
	by  ledger.Day
	lot lot
}

const yearSeed = 20260101

func newYear(t *testing.T, driver string) *year {
	y := &year{T: t, shire: newShire(), rng: rand.New(rand.NewPCG(yearSeed, 1)), plans: map[ledger.Day][]plannedDeed{},
		forms: map[string]time.Time{}, asked: map[string]bool{}, seen: map[string]bool{}, notices: map[string]ledger.Notice{}, counts: map[string]int{},
		faults: map[string][]string{}, prompt: map[string]bool{}}
	y.events = y.story()
	y.start(driver)
	return y
}

// bothUser visits and helps.
const bothUser = "visit07"

// newShire is the invented county: no name in it is anybody's, and nobody has a number.
func newShire() *shire {
	c := &shire{town: map[string]string{}, names: map[string]string{"c": "清河县", "t1": "东滩镇", "t2": "西滩镇"}, byName: map[string]*soul{}}
	villages := []string{"柳湾村", "石桥村", "枣园村", "杏林村", "沙坡村", "泉眼村"}
	tempers := []temper{early, steady, forgetful, early, late, steady, late, early, steady, forgetful, steady, late, early, forgetful}
	given := []rune("安平康宁福禄寿喜财旺春夏秋冬东南西北江河湖海山林松柏")
	n := 0
	hire := func(role ledger.Role, user, region string, as temper) {
		c.workers = append(c.workers, worker{user, "马" + string(given[n]), region, role, as})
		n++
	}
	hire(ledger.RoleCounty, "county", "c", early)
	hire(ledger.RoleTownship, "town1", "t1", early)
	hire(ledger.RoleTownship, "town2", "t2", early)
	teams := []int{3, 2, 2, 3, 2, 2}
	visitors := map[string][]string{}
	at := 0
	for i, name := range villages {
		v := fmt.Sprintf("v%d", i+1)
		c.names[v], c.town[v] = name, fmt.Sprintf("t%d", i/3+1)
		if i < 5 { // the last village has no lead: an empty step
			hire(ledger.RoleVillage, "lead"+strconv.Itoa(i+1), v, early)
		}
		for range teams[i] {
			user := fmt.Sprintf("visit%02d", at+1)
			hire(ledger.RoleVisitor, user, v, tempers[at])
			visitors[v] = append(visitors[v], user)
			at++
		}
	}
	helpers := []string{"help1", "help2", "help3", bothUser}
	for i, user := range helpers[:3] {
		c.workers = append(c.workers, worker{user, "罗" + string(given[i]), fmt.Sprintf("t%d", i%2+1), ledger.RoleHelper, temper(i)})
	}
	c.workers = append(c.workers, worker{"keeper", "罗松", "c", ledger.RoleKeeper, early}, worker{"police", "罗柏", "c", ledger.RoleDept, early},
		worker{"helper", "罗林", "t1", ledger.RoleVolunteer, early})
	i := 0
	for _, surname := range "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何" {
		for _, first := range "秀桂玉淑凤" {
			for _, second := range "兰英珍芳云" {
				v := fmt.Sprintf("v%d", i%6+1)
				e := &soul{id: fmt.Sprintf("E%03d", i), name: string([]rune{surname, first, second}), village: v, alone: i%3 == 0, kin: i%7 != 0}
				e.birth = ledger.NewDay(1932+i*7%23, time.Month(i*5%12+1), i*3%28+1)
				if i%29 == 0 { // turns 70 this year
					e.birth, e.alone = ledger.NewDay(1956, time.Month(i/29%12+1), i%28+1), true
				}
				switch {
				case i%31 == 5 && i%62 != 5:
					e.lost, e.kin = true, false
				case i%31 == 5: // should be key, and nobody has said so yet
					e.lost, e.kin = true, false
				case i%17 == 3:
					e.alone, e.halfCare = true, true
				}
				if e.lost && i%62 != 5 || e.halfCare {
					e.key = []stretch{{"", "2025-06-01", ""}}
				}
				team := visitors[v]
				e.visitors = []stretch{{team[i/6%len(team)], "2025-06-01", ""}}
				if i%3 != 1 {
					e.helpers = []stretch{{helpers[(i/6%2)*2+(i%6)/3], "2025-06-01", ""}}
				}
				if i%18 < 2 { // two help one
					e.helpers = []stretch{{helpers[2], "2025-06-01", ""}, {helpers[3], "2025-06-01", ""}}
				}
				c.souls, c.byName[e.name] = append(c.souls, e), e
				i++
			}
		}
	}
	return c
}

// book is the county as its workbook would bring it.
func (c *shire) book() ledger.Book {
	var b ledger.Book
	for _, code := range slices.Sorted(maps.Keys(c.names)) {
		r := ledger.Region{Code: code, Name: c.names[code], Parent: "c", Level: ledger.LevelTownship}
		if code == "c" {
			r.Parent, r.Level = "", ledger.LevelCounty
		} else if c.town[code] != "" {
			r.Parent, r.Level = c.town[code], ledger.LevelVillage
		}
		b.Regions = append(b.Regions, r)
	}
	for _, w := range c.workers {
		b.People = append(b.People, ledger.Person{UserID: w.user, Name: w.name})
		b.Posts = append(b.Posts, ledger.Post{UserID: w.user, Role: w.role, Region: w.region, From: "2025-06-01"})
	}
	b.Posts = append(b.Posts, ledger.Post{UserID: bothUser, Role: ledger.RoleHelper, Region: "c", From: "2025-06-01"})
	for _, e := range c.souls {
		x := ledger.Elder{ID: e.id, Name: e.name, Gender: "女", Birth: e.birth, Region: e.village, Living: "空巢", SelfCare: "自理", LostChild: e.lost,
			Since: "2025-12-30", Phone: "13900000000"}
		if e.alone {
			x.Living = "独居"
		}
		if e.halfCare {
			x.SelfCare = "半失能"
		}
		b.Elders = append(b.Elders, x)
		for _, s := range e.visitors {
			b.Assignments = append(b.Assignments, ledger.Assignment{ElderID: e.id, UserID: s.who, From: s.from})
		}
		for _, s := range e.helpers {
			b.Pairs = append(b.Pairs, ledger.Pair{ElderID: e.id, UserID: s.who, From: s.from})
		}
		for _, s := range e.key {
			b.Tierings = append(b.Tierings, ledger.Tiering{ElderID: e.id, Tier: ledger.TierKey, From: s.from})
		}
		if e.kin {
			b.Kin = append(b.Kin, ledger.Kin{ElderID: e.id, Name: e.name[:3] + "小宝", Relation: "儿子", Phone: "13900000001"})
		}
	}
	return b
}

// strangers have phones in the same corp and nothing to do with the calendar: the children of the first dozen elders.
func (c *shire) strangers() []string {
	var out []string
	for _, e := range c.souls[:12] {
		out = append(out, "child-"+e.id)
	}
	return out
}

// start brings everything up: a real database, the bot and the simulator over HTTP, and a second process on the same database.
func (y *year) start(driver string) {
	t, ctx := y.T, context.Background()
	r := &rig{}
	y.rig = r
	r.now.Store(ledger.Day("2026-01-01").In(beijing).UnixMilli())
	where := storetest.DSN(t, driver)
	where.Now = r.Now
	r.store = storetest.OpenWith(t, where)
	if err := r.store.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	second := storetest.OpenWith(t, where)
	if _, err := r.store.SaveBook(ctx, ledger.Edit{Book: y.book(), By: ledger.ByImport, Today: "2025-06-01"}); err != nil {
		t.Fatal(err)
	}
	pack, err := scheduler.Load("yongning")
	if err != nil {
		t.Fatal(err)
	}
	door, err := wecom.NewDoor(testCorp, testToken, testKey)
	if err != nil {
		t.Fatal(err)
	}
	if r.album, err = NewAlbum(t.TempDir(), r.store); err != nil {
		t.Fatal(err)
	}
	front := func(w http.ResponseWriter, q *http.Request) { r.bot.Handler().ServeHTTP(w, q) }
	botSide, simSide := httptest.NewServer(http.HandlerFunc(front)), httptest.NewUnstartedServer(nil)
	var members []sim.Member
	for _, w := range y.workers {
		members = append(members, sim.Member{UserID: w.user, Name: w.name, Phone: true})
	}
	for _, user := range y.strangers() {
		members = append(members, sim.Member{UserID: user, Name: user, Phone: true})
	}
	if r.sim, err = sim.New(sim.Options{CorpID: testCorp, AgentID: testAgent, Secret: "secret", Token: testToken, EncodingAESKey: testKey,
		CallbackURL: botSide.URL + "/wecom/callback", Members: members, Now: r.Now}); err != nil {
		t.Fatal(err)
	}
	simSide.Config.Handler = r.sim
	simSide.Start()
	client, err := wecom.NewClient(wecom.Config{APIBase: simSide.URL, CorpID: testCorp, AgentID: testAgent, Secret: "secret",
		Tokens: r.store.Tokens("test"), Now: r.Now})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Store: r.store, Door: door, Messenger: client, AgentID: testAgent, CallbackPath: "/wecom/callback", Packs: scheduler.Packs{pack},
		Zone: beijing, Album: r.album, Now: r.Now}
	r.bot = New(o)
	o.Store = second
	y.other = New(o)
	y.run()
	t.Cleanup(func() {
		r.sim.Close()
		r.stop()
		client.Close()
		botSide.Close()
		simSide.Close()
	})
}

// run starts the process, for the first time or again.
func (y *year) run() {
	running, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	b := New(y.rig.botOptions())
	y.rig.bot = b
	go func() { b.Run(running); close(over) }()
	y.rig.stop = func() { cancel(); <-over }
}

func (r *rig) botOptions() Options { return r.bot.Options }

// clock moves the clock to a time of today; it never goes back.
func (y *year) clock(at string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", string(y.today)+" "+at, beijing)
	if err != nil {
		y.Fatal(err)
	}
	if t.Before(y.rig.Now()) {
		y.Fatalf("the clock would go back to %s", at)
	}
	y.rig.now.Store(t.UnixMilli())
	return t
}

// settle waits until all that can be sent now is sent, and looks at the phones.
func (y *year) settle() {
	ctx := context.Background()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		users, err := y.rig.store.Backlog(ctx, 1)
		if err != nil {
			y.Fatal(err)
		}
		waiting, err := y.rig.store.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateWaiting}})
		if err != nil {
			y.Fatal(err)
		}
		due := dueRows(waiting, y.rig.Now())
		if len(users) == 0 && due == 0 {
			break
		}
		if time.Now().After(deadline) {
			y.Fatalf("not settled at %s: %d users with unhandled messages, %d messages unsent", y.rig.Now().In(beijing), len(users), due)
		}
		y.rig.bot.sender.poke()
	}
	y.gather()
}

// dueRows is how many of the waiting messages can be tried now; one that is being tried is counted.
func dueRows(waiting []store.OutboxRow, now time.Time) int {
	held, due := map[string]bool{}, 0
	for _, row := range waiting { // who waits to be tried again holds back what is behind
		lane := row.To + strconv.Itoa(int(row.Priority))
		if row.RetryAt.After(now) || row.NotBefore.After(now) {
			held[lane] = true
		} else if !held[lane] {
			due++
		}
	}
	return due
}

// edit changes the ledger as an operator does; both processes know of it before anything else happens.
func (y *year) edit(b ledger.Book) {
	if _, err := y.rig.store.SaveBook(context.Background(), ledger.Edit{Book: b, By: ledger.ByOperator, Today: y.today}); err != nil {
		y.Fatal(err)
	}
	y.agree()
}

func (y *year) agree() {
	ctx := context.Background()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		book, err := y.rig.store.Book(ctx)
		if err != nil {
			y.Fatal(err)
		}
		one, err := y.rig.store.Roster(ctx)
		if err != nil {
			y.Fatal(err)
		}
		two, err := y.other.Store.Roster(ctx)
		if err != nil {
			y.Fatal(err)
		}
		if one.Version() == book.Version && two.Version() == book.Version {
			return
		}
		if time.Now().After(deadline) {
			y.Fatal("the processes do not agree on the ledger")
		}
	}
}

// commit writes records as conversations do, and what they make moot is taken back.
func (y *year) commit(deeds []plannedDeed) {
	if len(deeds) == 0 {
		return
	}
	ctx := context.Background()
	var c ledger.Changes
	for _, d := range deeds {
		y.serial++
		outcome := ledger.OutcomeOK
		if !d.met {
			outcome = ledger.OutcomeAbsent
		}
		c.Entries = append(c.Entries, ledger.Entry{Key: fmt.Sprintf("year/%d", y.serial), No: fmt.Sprintf("%s-Y%d", d.day[2:], y.serial),
			Kind: d.kind, ElderID: d.id, UserID: d.user, Day: d.day, Method: d.method, Outcome: outcome, Looked: d.looked, Version: 1, EnteredAt: y.rig.Now()})
		d.deeds = append(d.deeds, d.deed)
		y.counts["record: "+string(d.kind)]++
		if !d.met {
			y.counts["record: attempt"]++
		}
	}
	roster, err := y.rig.store.Roster(ctx)
	if err != nil {
		y.Fatal(err)
	}
	c.Drop = moot(roster, c, y.today)
	if err := y.rig.store.Commit(ctx, store.Turn{Changes: c}); err != nil {
		y.Fatal(err)
	}
}

// look looks at the calendar: one process or the other, or both at once, and now and then twice at the same moment.
func (y *year) look(at string) {
	now := y.clock(at)
	pick, again := y.rng.IntN(10), y.rng.IntN(4) == 0
	if y.down {
		return
	}
	var bots []*Bot
	switch {
	case pick < 5:
		bots = []*Bot{y.rig.bot}
	case pick < 8:
		bots = []*Bot{y.other}
	default:
		bots = []*Bot{y.rig.bot, y.other}
		y.counts["look: two processes at once"]++
	}
	var g sync.WaitGroup
	for _, b := range bots {
		g.Go(func() {
			if _, err := b.Remind(context.Background(), now, false); err != nil {
				y.Errorf("look at %s: %v", now, err)
			}
		})
	}
	g.Wait()
	if again {
		y.counts["look: twice at the same moment"]++
		if n, err := y.rig.bot.Remind(context.Background(), now, false); err != nil || n != 0 && !y.silent {
			y.fault("a second look at the same moment said something", "%s: %d letters, %v", now.In(beijing), n, err)
		}
	}
	y.counts["look"]++
	y.settle()
}

// minute is a random one between two, never told by the clock of the machine.
func (y *year) minute(from, to int) string {
	m := from + y.rng.IntN(to-from)
	return fmt.Sprintf("%02d:%02d:%02d", m/60, m%60, y.rng.IntN(60))
}

// play goes through the days.
func (y *year) play(until ledger.Day) {
	for y.today = "2026-01-01"; y.today <= until; y.today = y.today.Add(1) {
		if y.today[8:] == "01" {
			y.planMonth()
		}
		y.leaveBegins()
		steps := slices.Clone(y.events[y.today])
		add := func(at string, what func()) { steps = append(steps, happening{at, what}) }
		morning, noon := y.minute(9*60+40, 10*60+10), y.minute(16*60, 16*60+40)
		talk := y.talksToday()
		if talk == "" {
			at := y.minute(8*60+40, 9*60+35)
			if y.today.Time().Day()%10 == 2 { // as a tick of five minutes would
				at = "09:00:00"
			}
			add(at, func() { y.look(at) })
		}
		before, after := y.minute(10*60+20, 11*60), y.minute(14*60+50, 15*60+50)
		evening := y.minute(17*60, 17*60+22)
		add(morning, func() { y.clock(morning); y.work(0) })
		add(before, func() { y.look(before) })
		add(after, func() { y.look(after) })
		add(noon, func() { y.clock(noon); y.work(1) })
		add(evening, func() { y.look(evening); y.expect() })
		if y.rng.IntN(5) == 0 {
			add("08:12:00", func() { y.look("08:12:00") })
			add("12:41:00", func() { y.look("12:41:00") })
			add("20:41:00", func() { y.look("20:41:00") })
		}
		if talk != "" {
			y.conversation(talk, add)
		}
		slices.SortStableFunc(steps, func(a, b happening) int { return strings.Compare(a.at, b.at) })
		for _, s := range steps {
			s.what()
		}
	}
}

// work does the half of what is planned for today.
func (y *year) work(half int) {
	all := y.plans[y.today]
	var doing []plannedDeed
	for i, p := range all {
		if i%2 != half || p.gone != "" && p.gone <= y.today || len(holders(p.pauses, y.today)) > 0 {
			continue
		}
		owners := p.owners(p.kind, y.today)
		if len(owners) == 0 {
			continue
		}
		user := owners[0]
		if slices.Contains(owners, p.user) {
			user = p.user
		}
		if p.user = y.acting(user, y.today); p.user == "" { // when they are back
			if l, _ := y.leave(user, y.today); l.To[:7] == y.today[:7] {
				y.plans[l.To.Add(1)] = append(y.plans[l.To.Add(1)], plannedDeed{p.soul, p.deed, user})
			}
			continue
		}
		p.day = y.today
		doing = append(doing, p)
	}
	if y.down { // it is written down, and entered when the system is back
		y.plans[""] = append(y.plans[""], doing...)
		return
	}
	y.commit(doing)
	y.settle()
}

// planMonth draws who will do what in a month, and with the first of a quarter or half-year the helps and talks of it.
func (y *year) planMonth() {
	_, first, last := window(y.today, 1)
	n := last.Sub(first)
	spring := first == "2026-02-01"
	plan := func(e *soul, day ledger.Day, user string, kind ledger.EntryKind, method ledger.Method, looked bool) {
		if y.rng.IntN(12) == 0 && day > first { // nobody at home the first time
			y.plans[day.Add(-1)] = append(y.plans[day.Add(-1)], plannedDeed{e, deed{kind, "", method, false, false}, user})
		}
		y.plans[day] = append(y.plans[day], plannedDeed{e, deed{kind, "", method, true, looked}, user})
		if y.rng.IntN(40) == 0 { // twice on one day is once
			y.plans[day] = append(y.plans[day], plannedDeed{e, deed{kind, "", ledger.MethodPhone, true, false}, user})
		}
	}
	way := func() ledger.Method {
		return []ledger.Method{ledger.MethodDoor, ledger.MethodDoor, ledger.MethodPhone, ledger.MethodPhone, ledger.MethodVideo}[y.rng.IntN(5)]
	}
	for _, e := range y.souls {
		if e.gone != "" || len(e.visitors) == 0 {
			continue
		}
		user := e.visitors[len(e.visitors)-1].who
		as := y.worker(user).temper
		key := len(e.key) > 0
		from, to, never := 2, 16, 0
		switch as {
		case early:
			if spring {
				to = 7
			}
		case steady:
			from, to = 2, n-2
		case late:
			from, to, never = 8, n, 10
		case forgetful:
			from, to, never = 15, n, 25
		}
		day := func(from, to int) ledger.Day { return first.Add(from - 1 + y.rng.IntN(to-from+1)) }
		switch {
		case y.rng.IntN(100) < never:
		case key && as == early:
			plan(e, day(2, 4), user, ledger.KindVisit, ledger.MethodDoor, false)
			plan(e, day(5, to), user, ledger.KindVisit, way(), false)
		case key:
			plan(e, day(from, from+4), user, ledger.KindVisit, way(), false)
			plan(e, day(from+5, to), user, ledger.KindVisit, way(), false)
			if as == steady {
				plan(e, first.Add(n-2), user, ledger.KindVisit, ledger.MethodDoor, false)
			}
		default:
			plan(e, day(from, to), user, ledger.KindVisit, way(), false)
		}
	}
	for _, each := range []struct {
		kind   ledger.EntryKind
		months int
	}{{ledger.KindHelp, 3}, {ledger.KindTalk, 6}} {
		kind, months := each.kind, each.months
		_, begin, end := window(y.today, months)
		if begin != first {
			continue
		}
		rng := rand.New(rand.NewPCG(yearSeed, uint64(months)*100+uint64(first.Month())))
		for _, e := range y.souls {
			for i, h := range e.helpers {
				if e.gone != "" || kind == ledger.KindTalk && !e.kin || i > 0 && rng.IntN(2) == 0 {
					continue
				}
				as := y.worker(h.who).temper
				span := end.Sub(begin)
				from, to := 3, span/2-8
				switch as {
				case steady:
					from, to = 3, span-3
				case late:
					from, to = span/2, span
				case forgetful:
					if rng.IntN(4) == 0 {
						continue
					}
					from, to = span-35, span
				}
				day := begin.Add(from + rng.IntN(to-from+1))
				method := ledger.MethodDoor
				if kind == ledger.KindTalk || rng.IntN(15) == 0 { // a help on the phone does not fill the quarter
					method = ledger.MethodPhone
				}
				met := kind == ledger.KindHelp || rng.IntN(6) > 0
				y.plans[day] = append(y.plans[day], plannedDeed{e, deed{kind, "", method, met, kind == ledger.KindHelp && rng.IntN(4) == 0}, h.who})
			}
		}
	}
}

// takesOver: what somebody had done in time is no more all they owe.
func (y *year) takesOver(user string) {
	maps.DeleteFunc(y.prompt, func(key string, _ bool) bool { return strings.Contains(key, "/"+user+"/") })
}

func (y *year) leaveBegins() {
	for _, l := range y.leaves {
		if l.From == y.today {
			if l.Deputy == "" {
				y.counts["leave without deputy"]++
			} else {
				y.counts["leave with deputy"]++
				y.takesOver(l.Deputy)
			}
		}
	}
}

// story is what befalls the county, and when.
func (y *year) story() map[ledger.Day][]happening {
	s := map[ledger.Day][]happening{}
	on := func(day ledger.Day, at string, what func()) {
		s[day] = append(s[day], happening{at, func() { y.clock(at); what() }})
	}
	away := func(user string, from, to ledger.Day, deputy string) {
		on(from.Add(-1), "08:05:00", func() {
			l := ledger.Leave{UserID: user, From: from, To: to, Deputy: deputy}
			y.leaves = append(y.leaves, l)
			y.edit(ledger.Book{Leaves: []ledger.Leave{l}})
		})
	}
	round := func(day ledger.Day, name, region string, from, to ledger.Day) {
		on(day, "11:40:00", func() {
			r := ledger.Round{Region: region, Name: name, From: from, To: to, Tier: ledger.TierKey}
			y.rounds = append(y.rounds, r)
			y.edit(ledger.Book{Rounds: []ledger.Round{r}})
			y.counts["round: "+name]++
			for i, e := range y.souls { // two of three are reached
				if e.isKey(from) && i%3 > 0 && (region == "c" || y.town[e.village] == region) {
					day := from.Add(i % (to.Sub(from) + 1))
					y.plans[day] = append(y.plans[day], plannedDeed{e, deed{ledger.KindVisit, "", ledger.MethodPhone, true, false}, ""})
				}
			}
		})
	}
	pause := func(day ledger.Day, who int, review, back ledger.Day) {
		e := y.souls[who]
		on(day, "08:15:00", func() {
			e.pauses = append(e.pauses, stretch{"", day, ""})
			y.edit(ledger.Book{Standings: []ledger.Standing{{ElderID: e.id, From: day, Kind: ledger.StandingPaused, Review: review, Place: "住院"}}})
			y.counts["pause"]++
		})
		on(back, "08:15:00", func() {
			e.pauses[len(e.pauses)-1].to = back.Add(-1)
			y.edit(ledger.Book{Standings: []ledger.Standing{{ElderID: e.id, From: day, To: back.Add(-1)}}})
			y.counts["back from a pause"]++
		})
	}
	// whoOwed finds somebody with a visit open, whose death silences something.
	whoOwed := func(as temper) *soul {
		for _, e := range y.souls {
			who := y.worker(holders(e.visitors, y.today)[0])
			if e.gone == "" && who.temper == as && who.region != "v6" && len(y.debts(e, y.today)) > 1 {
				return e
			}
		}
		y.Fatalf("nobody with an open duty on %s", y.today)
		return nil
	}
	death := func(e *soul) {
		e.gone, e.dead = y.today, true
		y.counts["death with an open duty"]++
	}
	dies := func(day ledger.Day, at string, as temper) {
		on(day, at, func() {
			e := whoOwed(as)
			y.edit(ledger.Book{Standings: []ledger.Standing{{ElderID: e.id, From: day, Kind: ledger.StandingDied}}})
			death(e)
		})
	}
	tier := func(day ledger.Day, who int) {
		e := y.souls[who]
		on(day, "08:20:00", func() {
			e.key = append(e.key, stretch{"", day, ""})
			y.edit(ledger.Book{Tierings: []ledger.Tiering{{ElderID: e.id, Tier: ledger.TierKey, From: day}}})
			y.counts["tier change"]++
		})
	}
	handOver := func(day ledger.Day, from, to string) {
		on(day, "08:25:00", func() {
			var b ledger.Book
			for _, e := range y.souls {
				last := len(e.visitors) - 1
				if e.visitors[last].who == from && len(b.Assignments) < 8 && e.gone == "" {
					e.visitors[last].to = day.Add(-1)
					e.visitors = append(e.visitors, stretch{to, day, ""})
					b.Assignments = append(b.Assignments, ledger.Assignment{ElderID: e.id, UserID: to})
				}
			}
			y.edit(b)
			y.takesOver(to)
			y.counts["hand-over of an elder"] += len(b.Assignments)
		})
	}

	// One death is told by the village lead, through the simulator.
	on("2026-01-08", "12:05:00", func() {
		e := whoOwed(forgetful)
		lead := y.leadOf(e.village)
		y.say(lead, e.name+"今天去世了")
		y.tap(lead, "确认")
		death(e)
		y.agree()
	})
	pause("2026-01-12", 40, "2026-02-09", "2026-02-14")
	round("2026-01-19", "寒潮", "t1", "2026-01-20", "2026-01-22")
	on("2026-01-19", "12:30:00", func() { y.goDown() })
	on("2026-01-22", "10:15:00", func() { y.comeUp() })
	away("visit02", "2026-01-24", "2026-01-29", "visit01")
	away("visit03", "2026-02-16", "2026-02-18", "visit01") // what is not hers comes to her on quiet days
	handOver("2026-02-05", "visit05", "visit04")
	away("visit09", "2026-02-20", "2026-03-01", "")
	pause("2026-02-25", 77, "2026-03-16", "2026-03-24")
	tier("2026-03-05", 100)
	tier("2026-03-25", 202)
	dies("2026-03-10", "10:15:00", forgetful)
	on("2026-03-16", "08:30:00", func() {
		e := y.souls[311]
		e.gone = y.today
		y.edit(ledger.Book{Standings: []ledger.Standing{{ElderID: e.id, From: y.today, Kind: ledger.StandingMoved, Place: "外县"}}})
		y.counts["move"]++
	})
	on("2026-03-26", "12:30:00", func() { y.silence(true) })
	on("2026-03-27", "16:40:00", func() { // whom a letter that waits for WeCom names among the first
		waiting, err := y.rig.store.Outbox(context.Background(), store.OutboxFilter{States: []store.OutboxState{store.StateWaiting}})
		if err != nil {
			y.Fatal(err)
		}
		for _, row := range waiting {
			for _, l := range y.owes(row.To, y.today) {
				if strings.HasPrefix(row.Key, "remind/visit") && l.isKey(y.today) && l.need-l.done == 2 {
					y.edit(ledger.Book{Standings: []ledger.Standing{{ElderID: l.id, From: y.today, Kind: ledger.StandingDied}}})
					death(l.soul)
					y.counts["death while a letter waits"]++
					return
				}
			}
		}
	})
	on("2026-03-28", "03:10:00", func() { y.silence(false) })
	away("lead2", "2026-03-28", "2026-04-03", "")
	away("visit06", "2026-04-20", "2026-04-26", "visit07")
	handOver("2026-05-14", "visit11", "visit12")
	away("help3", "2026-06-08", "2026-06-12", "help1")
	round("2026-07-13", "高温", "c", "2026-07-14", "2026-07-16")
	away("lead4", "2026-08-28", "2026-09-01", "lead5")
	on("2026-09-21", "12:30:00", func() { y.silence(true) })
	on("2026-09-23", "09:50:30", func() { y.silence(false) }) // within the hours, and before anybody looks
	away("visit14", "2026-09-19", "2026-10-02", "")
	pause("2026-10-10", 123, "2026-11-08", "2026-11-25")
	dies("2026-10-24", "10:15:00", late)
	round("2026-12-07", "寒潮", "c", "2026-12-08", "2026-12-09")
	return s
}

func (y *year) leadOf(village string) string {
	for _, w := range y.workers {
		if w.role == ledger.RoleVillage && w.region == village {
			return w.user
		}
	}
	return ""
}

// goDown ends the process; comeUp begins another on what it left, and what was done meanwhile is entered.
func (y *year) goDown() {
	y.rig.stop()
	y.down = true
	y.counts["outage of the process"]++
}

func (y *year) comeUp() {
	y.down = false
	y.run()
	y.commit(y.plans[""])
	y.counts["records entered after the outage"] += len(y.plans[""])
	delete(y.plans, "")
	y.settle()
}

// silence has WeCom take nothing, or take everything again.
func (y *year) silence(on bool) {
	y.silent = on
	y.rig.sim.Faults().Set(sim.FaultSet{Down: on})
	if on {
		y.counts["outage of WeCom"]++
	}
	y.settle()
}

// --- conversations ---------------------------------------------------------------------------------------------------

// talksToday is who talks to the bot while the calendar looks: on the days of reminders, and now and then.
func (y *year) talksToday() string {
	if _, ok := y.events[y.today]; ok || y.down || y.silent {
		return ""
	}
	_, first, last := window(y.today, 1)
	day := false
	for _, d := range nudgeDays("月巡访(重点)", first, last, false) {
		day = day || d == y.today
	}
	if !day && y.today.Time().Day()%9 != 4 {
		return ""
	}
	var able []string
	for _, w := range y.workers {
		if _, off := y.leave(w.user, y.today); w.role == ledger.RoleVisitor && !off && len(y.owes(w.user, y.today)) > 3 {
			able = append(able, w.user)
		}
	}
	if len(able) == 0 {
		return ""
	}
	return able[y.rng.IntN(len(able))]
}

// conversation records a visit by a sentence while the calendar looks: nothing may come before it is confirmed. Every fourth is
// left lying.
func (y *year) conversation(user string, add func(string, func())) {
	var e *soul
	add("11:02:00", func() {
		y.clock("11:02:00")
		for _, l := range y.owes(user, y.today) {
			if l.kind == ledger.KindVisit && l.duty == "月巡访" {
				e = l.soul
			}
		}
		if e == nil {
			return
		}
		y.say(user, e.name+" 电话 都好")
		y.forms[user] = y.rig.Now()
	})
	add("11:12:00", func() {
		y.look("11:12:00")
		y.counts["look in the middle of a form"]++
	})
	add("11:15:00", func() {
		y.clock("11:15:00")
		if e == nil {
			return
		}
		if y.rng.IntN(4) == 0 {
			y.counts["conversation left lying"]++
			return
		}
		y.tap(user, "确认")
		delete(y.forms, user)
		entries, err := y.rig.store.Entries(context.Background(), []string{e.id}, y.today)
		if err != nil {
			y.Fatal(err)
		}
		if !slices.ContainsFunc(entries, func(x ledger.Entry) bool {
			return x.UserID == user && x.Kind == ledger.KindVisit && x.Method == ledger.MethodPhone && x.Outcome == ledger.OutcomeOK &&
				!strings.HasPrefix(x.Key, "year/")
		}) {
			y.Fatalf("%s: the visit was confirmed and is not on the ledger", y.today)
		}
		e.deeds = append(e.deeds, deed{ledger.KindVisit, y.today, ledger.MethodPhone, true, false})
		y.counts["conversation"]++
	})
	add("11:22:00", func() { y.look("11:22:00") })
}

// say and tap are what a person does; whatever answers come are answers.
func (y *year) say(user, text string) {
	if d := y.rig.sim.Say(user, text); d.Status != 200 {
		y.Fatalf("the callback answered %d: %s", d.Status, d.Err)
	}
	y.answered()
}

func (y *year) tap(user, button string) {
	shown := y.rig.sim.Messages(user)
	for i := len(shown) - 1; i >= 0; i-- {
		if m := shown[i]; m.From == "app" && m.Card != nil && !m.Disabled {
			if key, picks, ok := match(cardOf(y.T, m), button, nil); ok {
				if d, err := y.rig.sim.Tap(user, m.ID, key, picks); err != nil || d.Status != 200 {
					y.Fatalf("tap %s: %d %v", button, d.Status, err)
				}
				y.answered()
				return
			}
		}
	}
	y.Fatalf("%s has no card with %s: %+v", user, button, shown[max(0, len(shown)-2):])
}

func (y *year) answered() {
	y.asked["now"] = true
	y.settle()
	delete(y.asked, "now")
}

// --- what came -------------------------------------------------------------------------------------------------------

func (y *year) fault(kind, format string, args ...any) {
	y.faults[kind] = append(y.faults[kind], fmt.Sprintf(format, args...))
}

// gather reads what is new on the phones and judges it.
func (y *year) gather() {
	ctx := context.Background()
	for _, w := range y.workers {
		var fresh []sim.Message
		for _, m := range y.rig.sim.Messages(w.user) {
			if !y.seen[w.user+m.ID] && m.From == "app" {
				fresh = append(fresh, m)
			}
			y.seen[w.user+m.ID] = true
		}
		if len(fresh) == 0 {
			continue
		}
		rows, err := y.rig.store.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateSent}, To: w.user, Limit: 10_000})
		if err != nil {
			y.Fatal(err)
		}
		told, err := y.rig.store.NoticesOf(ctx, w.user, y.today.Add(-15))
		if err != nil {
			y.Fatal(err)
		}
		for _, m := range fresh {
			i := slices.IndexFunc(rows, func(r store.OutboxRow) bool { return r.MsgID == m.MsgID })
			if i < 0 {
				y.fault("on a phone and not in the outbox", "%s to %s", y.today, w.user)
				continue
			}
			words := m.Text
			if m.Card != nil {
				c := cardOf(y.T, m)
				words = ledger.Message{Card: &c}.Words()
			}
			y.silenceOfTheDead(w, words)
			if !strings.HasPrefix(rows[i].Key, "remind/") {
				if !y.asked["now"] {
					y.fault("neither a letter nor an answer", "%s to %s: %s", y.today, w.user, words)
				}
				y.counts["answer"]++
				continue
			}
			l := seenLetter{to: w.user, key: rows[i].Key, at: m.At.In(beijing), day: y.today}
			for _, n := range told {
				if n.Message == l.key {
					l.notices = append(l.notices, n)
					y.notices[n.Key] = n
				}
			}
			y.letters = append(y.letters, l)
			y.judge(w, l, words)
		}
	}
}

// silenceOfTheDead: nothing about an elder after the day of death, to nobody.
func (y *year) silenceOfTheDead(w worker, words string) {
	for _, e := range y.souls {
		if e.dead && strings.Contains(words, e.name) && !(y.asked["now"] && y.today == e.gone) {
			y.fault("of an elder who died", "%s to %s, died %s: %s", y.rig.Now().In(beijing), w.user, e.gone, words)
		}
	}
}

// judge holds one letter against what the test knows.
func (y *year) judge(w worker, l seenLetter, words string) {
	where := fmt.Sprintf("%s to %s (%s)", l.at.Format("01-02 15:04"), w.user, l.key)
	minute := l.at.Hour()*60 + l.at.Minute()
	if !(minute >= 8*60+30 && minute <= 11*60+30 || minute >= 14*60+30 && minute <= 17*60+30) {
		y.fault("outside of the hours", "%s", where)
	}
	if l.at.Minute()%30 == 0 {
		y.fault("on a full or half hour", "%s", where)
	}
	if len(l.notices) == 0 {
		y.fault("without a notice", "%s", where)
	}
	if since, open := y.forms[w.user]; open && l.at.Sub(since) < 30*time.Minute {
		y.fault("in the middle of a form", "%s", where)
	} else if open {
		y.counts["letter after a form lay idle"]++
		delete(y.forms, w.user)
	}
	if _, off := y.leave(w.user, l.day); off {
		y.fault("to somebody on leave", "%s", where)
	}
	if w.role == ledger.RoleKeeper || w.role == ledger.RoleDept || w.role == ledger.RoleVolunteer {
		y.fault("to somebody who owes and leads nothing", "%s", where)
	}
	for _, n := range l.notices {
		if n.Cause == "" || n.To != w.user {
			y.fault("a notice without a cause", "%s: %+v", where, n)
		}
		y.counts["notice: "+string(n.Kind)]++
		y.noticeRight(where, w, l, n)
	}
	y.words(where, w, l, words)
}

// noticeRight holds a notice against the marks of the year.
func (y *year) noticeRight(where string, w worker, l seenLetter, n ledger.Notice) {
	part := strings.Split(n.Key, "/")
	switch n.Kind {
	case ledger.NoticeNudge:
		label, period, mark := part[0], part[2], part[3]
		var mine []lot
		for _, x := range y.owes(w.user, l.day) {
			if x.label == label && x.period == period {
				mine = append(mine, x)
			}
		}
		if len(mine) == 0 {
			y.fault("a reminder of what is done", "%s: %s", where, n.Key)
			return
		}
		anyKey := slices.ContainsFunc(mine, func(x lot) bool { return x.isKey(l.day) })
		if l.day >= springEve && l.day <= springQuiet {
			if !anyKey {
				y.fault("of ordinary elders on quiet days", "%s: %s", where, n.Key)
			}
			y.counts["reminder of key elders on quiet days"]++
		}
		days := nudgeDays(label, mine[0].first, mine[0].last, anyKey)
		if days[mark] > l.day.Add(2) {
			y.fault("a reminder before its day", "%s: %s", where, n.Key)
		}
		for other, day := range days {
			if day > days[mark] && day <= l.day && other != "mid" {
				y.fault("not the latest reminder", "%s: %s, %s is later", where, n.Key, other)
			}
		}
		if y.prompt[label+"/"+w.user+"/"+period] {
			y.fault("a reminder to who was done before the first", "%s: %s", where, n.Key)
		}
		y.counts["reminder: "+label]++
	case ledger.NoticeVillage, ledger.NoticeTownship:
		if w.role != ledger.RoleVillage && w.role != ledger.RoleTownship {
			y.fault("a list to who leads nothing", "%s: %s", where, n.Key)
		}
		if !strings.HasSuffix(part[4], "nobody") {
			if m, ok := yearMarks[part[0]]; ok {
				in := l.day
				if p, err := ledger.ParsePeriod(part[3]); err == nil {
					in = min(in, p.Last())
				}
				_, first, last := window(in, labelMonths(part[0]))
				by := m.village
				if y.town[part[2]] == "" { // not of a village without a lead
					by = m.township
				}
				if markDay(by, first, last, true) > l.day {
					y.fault("a list before its day", "%s: %s", where, n.Key)
				}
			}
		} else {
			y.counts["list because nobody is there"]++
		}
		y.counts["list: "+part[0]+" "+string(n.Kind)]++
	}
}

var (
	owedTitle = regexp.MustCompile(`^本月还有(\d+)位没看够,`)
	mixTitle  = regexp.MustCompile(`^还欠:(?:巡访(\d+)位)?、?(?:帮扶(\d+)位)?、?(?:联系家属(\d+)位)?$`)
	listLine  = regexp.MustCompile(`^(\S+村|\S+镇|\S+县)(?:\d+月|第\d季度|上半年|下半年|(寒潮|高温)加访)还差(\d+)位没(看够|帮扶|联系家属),`)
	partLine  = regexp.MustCompile(`^(\S+?):差(\d+)位`)
	offerLine = regexp.MustCompile(`^(\S+) (\S+):可列为(巡访对象|重点)`)
	lookLine  = regexp.MustCompile(`^(\S+?)暂停巡访到\S+,该看看了`)
	loadLine  = regexp.MustCompile(`^(\S+?):还有(\d+)位要看,只剩(\d+)天`)
	awayLine  = regexp.MustCompile(`^(\S+?):\S+到\S+请假,没有代班`)
	plainLine = regexp.MustCompile(`^(\[.*\].*|…还有\d+[行条].*|有老人符合条件,请您定|下周可能有人没人看,请先安排|还有您自己欠的,点「我的待办」看。|\S+第\d季度的信息,.*)$`)
)

// words reads a letter as its reader does: whoever is named must still be owed, and every number must be right.
func (y *year) words(where string, w worker, l seenLetter, words string) {
	lines := strings.Split(words, "\n")
	byKind := map[ledger.EntryKind]map[string]bool{ledger.KindVisit: {}, ledger.KindHelp: {}, ledger.KindTalk: {}}
	for _, x := range y.owes(w.user, l.day) {
		if l.day >= springEve && l.day <= springQuiet && !x.isKey(l.day) { // of them nothing is said these days
			continue
		}
		byKind[x.kind][x.name] = true
	}
	wrong := func(what string, got any, want int) {
		y.fault("a number that is not so: "+what, "%s: %v instead of %d:\n%s", where, got, want, words)
	}
	title := lines[0]
	var region string   // of the list that the lines below are of,
	var labels []string // and its duties: ordinary and key elders' may come together
	var asOf ledger.Day // as of which it counts
	own := false
	if m := owedTitle.FindStringSubmatch(title); m != nil {
		own = true
		if m[1] != strconv.Itoa(len(byKind[ledger.KindVisit])) || len(byKind[ledger.KindHelp])+len(byKind[ledger.KindTalk]) > 0 {
			wrong("visits owed", m[1], len(byKind[ledger.KindVisit]))
		}
	} else if m := mixTitle.FindStringSubmatch(title); m != nil {
		own = true
		for i, kind := range []ledger.EntryKind{ledger.KindVisit, ledger.KindHelp, ledger.KindTalk} {
			if cmp.Or(m[i+1], "0") != strconv.Itoa(len(byKind[kind])) {
				wrong(string(kind)+"s owed", m[i+1], len(byKind[kind]))
			}
		}
	}
	if own {
		y.counts["letter: what somebody owes"]++
		lines = lines[1:]
	} else {
		y.counts["letter: to a lead"]++
	}
	for _, line := range lines {
		switch {
		case own && plainLine.MatchString(line):
		case own:
			name, _, _ := strings.Cut(line, " ")
			e := y.byName[name]
			kind := ledger.KindVisit
			if strings.Contains(line, "帮扶") {
				kind = ledger.KindHelp
			} else if strings.Contains(line, "联系家属") {
				kind = ledger.KindTalk
			}
			if e == nil || !byKind[kind][name] {
				y.fault("names who is not owed", "%s: %s", where, line)
			}
			if e != nil && l.day >= springEve && l.day <= springQuiet && !e.isKey(l.day) {
				y.fault("names an ordinary elder on quiet days", "%s: %s", where, line)
			}
			y.counts["name in a letter"]++
		case listLine.MatchString(line):
			m := listLine.FindStringSubmatch(line)
			region, labels, asOf = y.code(m[1]), nil, l.day
			duty := m[2]
			if duty == "" {
				duty = map[string]string{"看够": "月巡访", "帮扶": "季度帮扶", "联系家属": "半年沟通"}[m[4]]
			}
			for _, n := range l.notices {
				if part := strings.Split(n.Key, "/"); strings.HasPrefix(part[0], duty) && len(part) == 5 && part[2] == region {
					labels = append(labels, part[0])
					if p, err := ledger.ParsePeriod(part[3]); err == nil { // one that has just ended, after an outage
						asOf = min(asOf, p.Last())
					}
				}
			}
			if want := y.openIn(region, labels, "", asOf); m[3] != strconv.Itoa(want) {
				wrong("a lead's list of "+duty, m[3], want)
			}
			all := []string{"月巡访(普通)", "月巡访(重点)"}
			if duty == "月巡访" && asOf == l.day && y.openIn(region, all, "", l.day) > y.openIn(region, labels, "", l.day) {
				y.counts["list of ordinary or of key elders only, called 月巡访"]++
			}
		case partLine.MatchString(line) && region != "":
			m := partLine.FindStringSubmatch(line)
			at, user := region, ""
			if x, ok := y.named(m[1]); ok {
				user = x.user
			} else {
				at = y.code(m[1])
			}
			if want := y.openIn(at, labels, user, asOf); m[2] != strconv.Itoa(want) {
				wrong("a part of a lead's list of "+labels[0], m[2], want)
			}
		case offerLine.MatchString(line):
			m := offerLine.FindStringSubmatch(line)
			e := y.byName[m[1]]
			turned := false
			if e != nil && e.alone {
				at := e.birth.Time()
				birthday := ledger.NewDay(at.Year()+70, at.Month(), at.Day())
				turned = birthday <= l.day && l.day.Sub(birthday) < 30
			}
			switch {
			case e == nil || e.gone != "" && e.gone <= l.day:
				y.fault("proposes who is not there", "%s: %s", where, line)
			case m[3] == "重点" && (e.isKey(l.day) || !e.lost && !(e.alone && e.halfCare)):
				y.fault("proposes as key who is, or need not be", "%s: %s", where, line)
			case m[3] == "巡访对象" && !turned:
				y.fault("proposes who has not turned 70", "%s: %s", where, line)
			}
			y.counts["proposal: "+m[3]]++
		case lookLine.MatchString(line):
			e := y.byName[lookLine.FindStringSubmatch(line)[1]]
			if e == nil || len(holders(e.pauses, l.day)) == 0 {
				y.fault("a pause to be looked at that is none", "%s: %s", where, line)
			}
		case loadLine.MatchString(line):
			m := loadLine.FindStringSubmatch(line)
			x, _ := y.named(m[1])
			want := 0
			for _, e := range y.souls {
				for _, d := range y.debts(e, l.day) {
					if d.kind == ledger.KindVisit && e.village == x.region && slices.Contains(e.owners(d.kind, l.day), x.user) {
						want++
					}
				}
			}
			if m[2] != strconv.Itoa(want) {
				wrong("visits that are too many", m[2], want)
			}
		case awayLine.MatchString(line), plainLine.MatchString(line):
		default:
			y.fault("words that nobody expected", "%s: %q in\n%s", where, line, words)
		}
	}
}

// expect is looked at in the evening: whom the day should have reminded, and whether those of yesterday were.
func (y *year) expect() {
	var left []expectation
	for _, x := range y.expected {
		if y.down || y.silent {
			left = append(left, x)
			continue
		}
		found := false
		for key := range y.notices {
			found = found || strings.HasPrefix(key, x.key)
		}
		still := slices.ContainsFunc(y.owes(x.to, y.today), func(o lot) bool { return o.label == x.lot.label && o.period == x.lot.period })
		month := 0
		for _, l := range y.letters {
			nudges := func(n ledger.Notice) bool { return n.Kind == ledger.NoticeNudge }
			if l.to == x.to && l.day[:7] == y.today[:7] && slices.ContainsFunc(l.notices, nudges) {
				month++
			}
		}
		if !found && still && month < 4 && x.by.Add(1) >= y.today {
			y.fault("never reminded", "%s by %s: %s", x.to, x.by, x.key)
		}
		y.counts["reminder expected"]++
	}
	y.expected = left
	if y.today >= springEve && y.today <= springQuiet {
		return
	}
	for _, w := range y.workers {
		if w.role != ledger.RoleVisitor && w.role != ledger.RoleHelper {
			continue
		}
		if _, off := y.leave(w.user, y.today); off {
			continue
		}
		byLabel := map[string][]lot{}
		for label, m := range yearMarks {
			period, first, last := window(y.today, labelMonths(label))
			firstMark := min(markDay(m.nudges[0], first, last, false), markDay(m.nudges[0], first, last, true))
			if y.today == firstMark.Add(-3) && y.working(w) {
				y.prompt[label+"/"+w.user+"/"+period] = true
			}
		}
		for _, x := range y.owes(w.user, y.today) {
			byLabel[x.label+"/"+w.user+"/"+x.period] = append(byLabel[x.label+"/"+w.user+"/"+x.period], x)
		}
		for key, lots := range byLabel {
			delete(y.prompt, key) // not done, or somebody else's became theirs
			anyKey := slices.ContainsFunc(lots, func(x lot) bool { return x.isKey(y.today) })
			for mark, day := range nudgeDays(lots[0].label, lots[0].first, lots[0].last, anyKey) {
				if day == y.today && (mark != "mid" || slices.ContainsFunc(lots, func(x lot) bool { return x.done*2 < x.need })) {
					y.expected = append(y.expected, expectation{key: key + "/" + mark, to: w.user, by: y.today, lot: lots[0]})
				}
			}
		}
	}
	slices.SortFunc(y.expected, func(a, b expectation) int { return strings.Compare(a.key, b.key) })
	y.listsSaid()
}

// working says whether somebody has work of their own.
func (y *year) working(w worker) bool {
	return slices.ContainsFunc(y.souls, func(e *soul) bool {
		return slices.Contains(holders(slices.Concat(e.visitors, e.helpers), y.today), w.user)
	})
}

// listsSaid: on the day of a lead's mark the lead has the list of what is open.
func (y *year) listsSaid() {
	if y.down || y.silent {
		return
	}
	for label, m := range yearMarks {
		months := labelMonths(label)
		period, first, last := window(y.today, months)
		for region := range y.names {
			kind, by, role := ledger.NoticeVillage, m.village, ledger.RoleVillage
			switch {
			case region == "c":
				continue
			case y.town[region] == "":
				kind, by, role = ledger.NoticeTownship, m.township, ledger.RoleTownship
			}
			if markDay(by, first, last, true) != y.today || y.openIn(region, []string{label}, "", y.today) == 0 {
				continue
			}
			lead := ""
			for _, w := range y.workers {
				if w.role == role && w.region == region {
					lead = y.acting(w.user, y.today)
				}
			}
			if lead == "" { // an empty step is skipped at once
				kind, lead = ledger.NoticeTownship, strings.Replace(y.town[region], "t", "town", 1)
				y.counts["empty step skipped"]++
			}
			found := false
			for key, n := range y.notices {
				found = found || n.Kind == kind && n.To == lead && strings.HasPrefix(key, label+"/"+lead+"/"+region+"/"+period+"/")
			}
			y.counts["list expected"]++
			if !found {
				y.fault("a lead was not told", "%s: %s of %s to %s", y.today, label, region, lead)
			}
		}
	}
}

// --- the verdict -----------------------------------------------------------------------------------------------------

// verdict is what can be said only when all is over.
func (y *year) verdict(until ledger.Day) {
	ctx := context.Background()
	notices, err := y.rig.store.Notices(ctx, "2026-01-01")
	if err != nil {
		y.Fatal(err)
	}
	arrived := map[string]int{}
	for _, l := range y.letters {
		arrived[l.key]++
	}
	for key, n := range arrived {
		if n > 1 {
			y.fault("doubled", "%s came %d times", key, n)
		}
	}
	keys := map[string]bool{}
	for _, n := range notices {
		if arrived[n.Message] == 0 {
			y.fault("a notice of what never came", "%s in %s", n.Key, n.Message)
		}
		if keys[n.Key] {
			y.fault("doubled", "%s", n.Key)
		}
		keys[n.Key] = true
	}
	days, months, told := map[string][]seenLetter{}, map[string]int{}, map[string]int{}
	for _, l := range y.letters {
		days[l.to+"/"+string(l.day)] = append(days[l.to+"/"+string(l.day)], l)
		nudge := false
		for _, n := range l.notices {
			part := strings.Split(n.Key, "/")
			if n.Kind == ledger.NoticeNudge {
				nudge = nudge || yearMarks[part[0]].nudges != nil
				told[strings.Join(part[:4], "/")]++
			}
			if n.Kind == ledger.NoticeVillage || n.Kind == ledger.NoticeTownship {
				step := string(n.Kind)
				if strings.HasSuffix(part[4], "nobody") { // instead of reminding who is not there
					step = "nobody"
				}
				told[strings.Join([]string{part[0], n.To, part[2], part[3], step}, "/")]++
			}
		}
		if nudge {
			months[l.to+"/"+string(l.day[:7])]++
		}
	}
	for at, all := range days {
		brief := slices.ContainsFunc(all, func(l seenLetter) bool {
			return slices.ContainsFunc(l.notices, func(n ledger.Notice) bool {
				return strings.HasPrefix(n.Key, "寒潮/") || strings.HasPrefix(n.Key, "高温/")
			})
		})
		switch {
		case len(all) == 2 && brief:
			y.counts["two letters on a day, one of a round"]++
		case len(all) > 1:
			y.fault("more than a letter a day", "%s: %d", at, len(all))
		}
	}
	for at, n := range months {
		y.counts["most reminders to one person in a month"] = max(y.counts["most reminders to one person in a month"], n)
		if n > 4 {
			y.fault("more than four reminders a month", "%s: %d", at, n)
		}
	}
	for key, n := range told {
		if n > 1 {
			y.fault("told again", "%s: %d times", key, n)
		}
	}
	for _, user := range y.strangers() {
		for _, m := range y.rig.sim.Messages(user) {
			y.fault("to somebody who is not staff", "%s: %+v", user, m)
		}
	}
	left, err := y.rig.store.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateWaiting, store.StateDead}})
	if err != nil || len(left) > 0 {
		y.fault("left in the outbox", "%d messages, %v", len(left), err)
	}

	y.counts["period done before the first reminder"] = len(y.prompt)
	for _, what := range slices.Sorted(maps.Keys(y.counts)) {
		y.Logf("%6d  %s", y.counts[what], what)
	}
	for _, what := range y.mustHappen(until) {
		if y.counts[what] == 0 {
			y.Errorf("never in this year: %s", what)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(y.faults)) {
		all := y.faults[kind]
		y.Errorf("%s: %d times, such as\n%s", kind, len(all), strings.Join(all[:min(3, len(all))], "\n"))
	}
}

// mustHappen is what a year that proves anything has in it.
func (y *year) mustHappen(until ledger.Day) []string {
	out := []string{"death with an open duty", "pause", "outage of the process", "records entered after the outage", "leave with deputy",
		"round: 寒潮", "reminder: 寒潮", "list: 寒潮 village", "list: 寒潮 township", "conversation", "look in the middle of a form",
		"look: twice at the same moment", "look: two processes at once", "record: attempt", "reminder: 月巡访(普通)", "reminder: 月巡访(重点)",
		"list: 月巡访(普通) village", "list: 月巡访(普通) township", "list: 月巡访(重点) village", "list: 月巡访(重点) township", "empty step skipped",
		"proposal: 巡访对象", "proposal: 重点", "reminder expected", "list expected",
		"period done before the first reminder", "letter: to a lead", "letter: what somebody owes"}
	if until >= "2026-03-31" {
		out = append(out, "outage of WeCom", "death while a letter waits", "back from a pause", "notice: review", "tier change", "move",
			"notice: gaps", "hand-over of an elder",
			"leave without deputy", "list because nobody is there", "reminder: 季度帮扶", "list: 季度帮扶 village", "list: 季度帮扶 township", "notice: county",
			"reminder of key elders on quiet days", "record: talk", "conversation left lying")
	}
	if until >= "2026-12-31" {
		out = append(out, "round: 高温", "reminder: 高温", "reminder: 半年沟通", "list: 半年沟通 village", "list: 半年沟通 township")
	}
	return out
}

// calendar writes the year down month by month: who, when, and why, and no elder's name.
func (y *year) calendar(file string, until ledger.Day) {
	var b strings.Builder
	b.WriteString("# The simulated year of TestYear: every message of the calendar and its causes. Written by\n" +
		"# XUNFANG_YEAR=2026 go test ./bot -run TestYear/sqlite -update\n")
	letters := slices.Clone(y.letters)
	slices.SortStableFunc(letters, func(a, b seenLetter) int { return cmp.Or(a.at.Compare(b.at), strings.Compare(a.to, b.to)) })
	month, day := "", ledger.Day("")
	for _, l := range letters {
		if m := string(l.day[:7]); m != month {
			month = m
			fmt.Fprintf(&b, "\n%s\n", month)
		}
		if l.day != day {
			day = l.day
			fmt.Fprintf(&b, "%s %s\n", day[5:], day.Time().Weekday().String()[:3])
		}
		w := y.worker(l.to)
		fmt.Fprintf(&b, "  %s %s %s\n", l.at.Format("15:04"), w.role.Name(), w.user)
		for _, n := range l.notices {
			fmt.Fprintf(&b, "    %s: %s\n", n.Kind, n.Cause)
		}
	}
	got := b.String()
	y.Logf("%d letters, %d bytes of calendar", len(letters), len(got))
	if *update {
		if until == "2026-12-31" && !y.Failed() {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				y.Fatal(err)
			}
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		y.Error(err)
		return
	}
	next := "\n" + string(ledger.NewDay(2026, until.Month()+1, 1)[:7]) + "\n" // where what was not played begins
	played, _, _ := strings.Cut(string(want), next)
	if diff := diffs.Diff(strings.TrimSpace(played), strings.TrimSpace(got)); diff != "" {
		y.Errorf("%s (-written +played):\n%s", file, diff)
	}
}
