package scheduler

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunfang/ledger"
)

// leads is an invented county: a village with a lead, its township with a lead and a keeper, the county's officer, and a contact of
// the police, of the fire brigade and of the health office; another township beside it.
func leads() ledger.Book {
	b := ledger.Book{
		Regions: []ledger.Region{{Code: "1", Name: "甲县", Level: ledger.LevelCounty}, {Code: "11", Name: "乙镇", Parent: "1", Level: ledger.LevelTownship},
			{Code: "111", Name: "丙村", Parent: "11", Level: ledger.LevelVillage}, {Code: "1111", Name: "一组", Parent: "111", Level: ledger.LevelGroup},
			{Code: "12", Name: "丁镇", Parent: "1", Level: ledger.LevelTownship}},
		Elders: []ledger.Elder{{ID: "A1", Name: "样例老人", Region: "1111"}},
		Kin:    []ledger.Kin{{ElderID: "A1", Name: "样例子", Phone: "13900000009"}},
	}
	for _, p := range []ledger.Post{{UserID: "vic", Role: ledger.RoleVillage, Region: "111"}, {UserID: "tom", Role: ledger.RoleTownship, Region: "11"},
		{UserID: "kay", Role: ledger.RoleKeeper, Region: "11"}, {UserID: "cora", Role: ledger.RoleCounty, Region: "1"},
		{UserID: "pol", Role: ledger.RoleDept, Region: "1", Dept: "公安"}, {UserID: "fred", Role: ledger.RoleDept, Region: "1", Dept: "消防"},
		{UserID: "hal", Role: ledger.RoleDept, Region: "1", Dept: "卫健"}, {UserID: "tess", Role: ledger.RoleTownship, Region: "12"},
		{UserID: "vera", Role: ledger.RoleVisitor, Region: "111"}, {UserID: "dan", Role: ledger.RoleVisitor, Region: "11"}} {
		b.Posts = append(b.Posts, p)
		b.People = append(b.People, ledger.Person{UserID: p.UserID, Name: "样例" + p.UserID})
	}
	return b
}

// without takes somebody's posts away.
func without(b *ledger.Book, users ...string) {
	b.Posts = slices.DeleteFunc(b.Posts, func(p ledger.Post) bool { return slices.Contains(users, p.UserID) })
}

func away(b *ledger.Book, user, deputy string, from, to ledger.Day) {
	b.Leaves = append(b.Leaves, ledger.Leave{UserID: user, From: from, To: to, Deputy: deputy})
}

// alarm plays an emergency that was raised at three in the morning.
type alarm struct {
	t     interface{ Fatalf(string, ...any) }
	book  ledger.Book
	packs Packs
	file  ledger.CaseFile
	now   time.Time
	lines []string
}

var threeAM = at("2026-03-11", "03:00")

func newAlarm(t testing.TB) *alarm {
	return &alarm{t: t, book: leads(), packs: Packs{pack(t, "yongning")}, now: threeAM,
		file: ledger.CaseFile{Case: ledger.Case{Key: "c1", Kind: ledger.CaseAlarm, What: "fall", ElderID: "A1", Region: "1111", By: "vera",
			State: ledger.CaseOpen, At: threeAM, Since: threeAM}}}
}

// act is what a person's turn does to the case, before the ladder is asked in the same turn.
func (a *alarm) act(e ledger.Event, change func(*ledger.Case)) {
	step := a.file.Step()
	if change != nil {
		change(&step.Case)
	}
	e.At, e.Wave = a.now, step.Case.Wave
	step.Add(e)
	a.file = a.file.With(step)
	a.look()
}

func (a *alarm) raise() {
	a.act(ledger.Event{Kind: ledger.EventRaised, By: a.file.By}, func(x *ledger.Case) { x.Due = a.now })
}

func (a *alarm) take(user string) {
	a.act(ledger.Event{Kind: ledger.EventTaken, By: user}, func(x *ledger.Case) {
		x.State, x.Owner, x.Due = ledger.CaseTaken, user, a.now.Add(30*time.Minute)
	})
}

func (a *alarm) news(user string) {
	a.act(ledger.Event{Kind: ledger.EventNews, By: user}, func(x *ledger.Case) { x.Due = a.now.Add(30 * time.Minute) })
}

func (a *alarm) known(change func(*ledger.Case)) {
	a.act(ledger.Event{Kind: ledger.EventKnown, By: "vera"}, change)
}

func (a *alarm) graver(kind string) {
	a.act(ledger.Event{Kind: ledger.EventGraver, By: "vera"}, func(x *ledger.Case) {
		x.What, x.State, x.Owner, x.Wave, x.Rung, x.Due = kind, ledger.CaseOpen, "", x.Wave+1, 0, a.now
	})
}

// lose is a message that WeCom will never deliver.
func (a *alarm) lose(users ...string) {
	for i, e := range a.file.Timeline {
		a.file.Timeline[i].Lost = e.Lost || e.Message != "" && slices.Contains(users, e.To)
	}
}

// look asks the ladder and notes what it did.
func (a *alarm) look() {
	step, rings, changed := Climb(a.file, ledger.NewRoster(a.book), a.packs, a.now, shanghai)
	if !changed {
		if len(step.Events)+len(rings) > 0 || step.Case != a.file.Case {
			a.t.Fatalf("nothing to do, but %+v", step)
		}
		return
	}
	was := a.file
	a.file = a.file.With(step)
	if said := whole(rings, step.Events); len(said) > 0 || step.Case.Wave != was.Wave {
		a.lines = append(a.lines, strings.TrimPrefix(a.now.Sub(threeAM).String(), "0s ")+" "+strings.Join(said, "; "))
	}
	if again, rings, changed := Climb(a.file, ledger.NewRoster(a.book), a.packs, a.now, shanghai); changed || len(rings) > 0 {
		a.t.Fatalf("a second look at the same moment: %+v", again)
	}
}

// whole says what the ladder did: whom it told, rang up and informed, and what else came to pass.
func whole(rings []ledger.Ring, events []ledger.Event) []string {
	var said []string
	users := map[string][]string{}
	for _, e := range events {
		what := string(e.Kind)
		if i := slices.IndexFunc(rings, func(r ledger.Ring) bool { return r.N == e.N }); i >= 0 {
			if rings[i].Why != ledger.EventRaised {
				what = string(rings[i].Why) + ": " + what
			}
			if users[what] == nil {
				said = append(said, what)
			}
			users[what] = append(users[what], e.To)
			continue
		}
		said = append(said, strings.TrimSpace(what+" "+e.To+e.Text))
	}
	for i, what := range said {
		if users[what] != nil {
			said[i] += " " + strings.Join(users[what], " ")
		}
	}
	return said
}

// until looks every second until some time after the alarm was raised.
func (a *alarm) until(after string) {
	d, err := time.ParseDuration(after)
	if err != nil {
		a.t.Fatalf("%v", err)
	}
	for end := threeAM.Add(d); a.now.Before(end); {
		a.now = a.now.Add(time.Second)
		a.look()
	}
}

func TestLadderOfYongning(t *testing.T) {
	yesterday, tomorrow := ledger.Day("2026-03-10"), ledger.Day("2026-03-12")
	for _, c := range []struct {
		name string
		play func(a *alarm)
		want []string
	}{
		{"nobody acts", func(a *alarm) { a.raise(); a.until("61m") }, []string{
			"0s told vic tom; shown hal",
			"5m0s called vic tom",
			"10m0s told kay; called kay",
			"20m0s told cora; called cora",
			"30m0s again; again: told vic tom",
			"35m0s again: called vic tom",
			"40m0s again: told kay; again: called kay",
			"50m0s again: told cora; again: called cora",
			"1h0m0s again; again: told vic tom",
		}},
		{"after three rounds more it rests half an hour each time", func(a *alarm) {
			a.raise()
			a.until("3h")
			a.lines = slices.DeleteFunc(a.lines, func(l string) bool { return !strings.Contains(l, "again;") && !strings.Contains(l, "told cora") })
		}, []string{"20m0s told cora; called cora", "30m0s again; again: told vic tom", "50m0s again: told cora; again: called cora",
			"1h0m0s again; again: told vic tom", "1h20m0s again: told cora; again: called cora", "1h30m0s again; again: told vic tom", "1h50m0s again: told cora; again: called cora",
			"2h20m0s again; again: told vic tom", "2h40m0s again: told cora; again: called cora"}},
		{"one of the gravest: the county hears at once", func(a *alarm) { a.file.What = "missing"; a.raise(); a.until("21m") }, []string{
			"0s told vic tom cora; shown pol", "5m0s called vic tom", "10m0s told kay; called kay", "20m0s called cora"}},
		{"a fire is for the fire brigade, too", func(a *alarm) { a.file.What = "fire"; a.raise(); a.until("4m") }, []string{"0s told vic tom; shown fred"}},
		{"gas: two departments", func(a *alarm) { a.file.What = "gas"; a.raise(); a.until("4m") }, []string{"0s told vic tom; shown fred hal"}},
		{"somebody acts in time: nobody else is disturbed", func(a *alarm) {
			a.raise()
			a.until("4m59s")
			a.take("vic")
			a.until("34m58s")
		}, []string{"0s told vic tom; shown hal"}},
		{"taken, and half an hour of silence: all are told again", func(a *alarm) {
			a.raise()
			a.until("2m")
			a.take("vic")
			a.until("38m")
		}, []string{"0s told vic tom; shown hal", "32m0s quiet vic; quiet: told vic tom", "37m0s quiet: called vic tom"}},
		{"news keep it quiet", func(a *alarm) {
			a.raise()
			a.until("2m")
			a.take("vic")
			a.until("30m")
			a.news("vic")
			a.until("59m59s")
			a.news("tom")
			a.until("89m58s")
		}, []string{"0s told vic tom; shown hal"}},
		{"it is worse than was said", func(a *alarm) {
			a.raise()
			a.until("2m")
			a.take("vic")
			a.until("10m")
			a.graver("abuse")
			a.until("16m")
		}, []string{"0s told vic tom; shown hal", "10m0s graver: told vic tom cora; shown pol", "15m0s graver: called vic tom"}},
		{"the lead is away and has a deputy", func(a *alarm) {
			away(&a.book, "vic", "dan", yesterday, tomorrow)
			a.raise()
			a.until("11m")
		}, []string{"0s told dan tom; shown hal", "5m0s called dan tom", "10m0s told kay; called dan kay"}},
		{"the lead is away without a deputy", func(a *alarm) {
			away(&a.book, "vic", "", yesterday, tomorrow)
			a.raise()
			a.until("6m")
		}, []string{"0s told tom; shown hal", "5m0s called tom"}},
		{"the deputy is away, too", func(a *alarm) {
			away(&a.book, "vic", "dan", yesterday, tomorrow)
			away(&a.book, "dan", "kay", tomorrow.Add(-1), tomorrow)
			a.raise()
			a.until("1m")
		}, []string{"0s told tom; shown hal"}},
		{"leave that was taken back, or has not begun", func(a *alarm) {
			away(&a.book, "vic", "dan", yesterday.Add(1), yesterday)
			away(&a.book, "tom", "dan", tomorrow, tomorrow)
			a.raise()
			a.until("11m")
		}, []string{"0s told vic tom; shown hal", "5m0s called vic tom", "10m0s told kay; called kay"}},
		{"who stood in for the lead of late is a deputy", func(a *alarm) {
			away(&a.book, "vic", "dan", "2025-09-01", "2025-09-12") // 180 days ago
			away(&a.book, "tom", "tess", "2025-09-01", "2025-09-11")
			a.raise()
			a.until("11m")
		}, []string{"0s told vic tom; shown hal", "5m0s called vic tom", "10m0s told dan kay; called dan kay"}},
		{"a village without a lead", func(a *alarm) { without(&a.book, "vic"); a.raise(); a.until("6m") },
			[]string{"0s told tom; shown hal", "5m0s called tom"}},
		{"neither village nor township: the steps are skipped at once", func(a *alarm) { without(&a.book, "vic", "tom"); a.raise(); a.until("11m") },
			[]string{"0s shown hal; nobody; nobody; told kay; called kay", "10m0s told cora; called cora"}},
		{"nobody but the county", func(a *alarm) { without(&a.book, "vic", "tom", "kay", "hal"); a.raise(); a.until("11m") },
			[]string{"0s nobody; nobody; nobody; told cora; called cora", "10m0s again; nobody; nobody; nobody; again: told cora; again: called cora"}},
		{"nobody at all: looked at again and again, so that whoever comes hears", func(a *alarm) {
			a.book.Posts = nil
			a.raise()
			a.until("9m")
			a.book.Posts = leads().Posts[:1]
			a.until("12m")
		}, []string{"0s nobody; nobody; nobody; nobody", "9m1s known: told vic", "10m0s again; again: told vic"}},
		{"WeCom cannot reach anybody of the first step", func(a *alarm) {
			a.raise()
			a.until("1m")
			a.lose("vic", "tom")
			a.until("7m")
		}, []string{"0s told vic tom; shown hal", "1m1s called vic tom", "6m1s told kay; called kay"}},
		{"one of them it can", func(a *alarm) {
			a.raise()
			a.until("1m")
			a.lose("vic", "hal")
			a.until("5m")
		}, []string{"0s told vic tom; shown hal", "5m0s called vic tom"}},
		{"of the second step neither", func(a *alarm) {
			a.raise()
			a.until("6m")
			a.lose("vic", "tom")
			a.until("7m")
		}, []string{"0s told vic tom; shown hal", "5m0s called vic tom", "6m1s told kay; called kay"}},
		{"the reporter is the lead", func(a *alarm) { a.file.By = "vic"; a.raise(); a.until("6m") }, []string{"0s told tom; shown hal", "5m0s called tom"}},
		{"the reporter is the only one there", func(a *alarm) { a.file.By = "cora"; without(&a.book, "vic", "tom", "kay"); a.raise(); a.until("5m") },
			[]string{"0s shown hal; nobody; nobody; nobody; nobody"}},
		{"nobody knows where", func(a *alarm) { a.file.Region, a.file.ElderID = "", ""; a.raise(); a.until("11m") },
			[]string{"0s told cora; shown hal", "5m0s nobody; nobody; called cora"}},
		{"where it is comes to be known", func(a *alarm) {
			a.file.Region, a.file.ElderID = "", ""
			a.raise()
			a.until("3m")
			a.known(func(x *ledger.Case) { x.Region = "1111" })
			a.until("6m")
		}, []string{"0s told cora; shown hal", "3m0s known: told vic tom", "5m0s called vic tom"}},
		{"after all steps were taken it comes to be known", func(a *alarm) {
			a.file.Region, a.file.ElderID = "", ""
			a.raise()
			a.until("7m")
			a.known(func(x *ledger.Case) { x.Region = "1111" })
			a.until("16m")
		}, []string{"0s told cora; shown hal", "5m0s nobody; nobody; called cora", "7m0s known: told vic tom kay", "15m0s again; again: told vic tom"}},
		{"what it is comes to be known", func(a *alarm) {
			a.file.What = ""
			a.raise()
			a.until("1m")
			a.known(func(x *ledger.Case) { x.What = "missing" })
			a.until("4m")
		}, []string{"0s told vic tom", "1m0s known: told cora; shown pol"}},
		{"a stranger: the county, too", func(a *alarm) { a.file.By, a.file.Unverified = "stranger", true; a.raise(); a.until("4m") },
			[]string{"0s told vic tom cora; shown hal"}},
		{"violence, and the lead is family by name", func(a *alarm) {
			a.file.What, a.book.People[0].Name = "abuse", "样例子"
			a.raise()
			a.until("6m")
		}, []string{"0s told tom cora; shown pol", "5m0s called tom"}},
		{"fraud, and the police contact is family by phone", func(a *alarm) {
			a.file.What, a.book.People[4].Phone = "fraud", "13900000009"
			a.raise()
			a.until("1m")
		}, []string{"0s told vic tom"}},
		{"violence, and who stands in is family", func(a *alarm) {
			a.file.What, a.book.People[9].Name = "abuse", "样例子"
			away(&a.book, "vic", "dan", yesterday, tomorrow)
			a.raise()
			a.until("11m")
		}, []string{"0s told tom cora; shown pol", "5m0s called tom", "10m0s told kay; called kay"}},
		{"a fall, and the lead is family: they are told", func(a *alarm) { a.book.People[0].Name = "样例子"; a.raise(); a.until("1m") },
			[]string{"0s told vic tom; shown hal"}},
		{"the clock is set back an hour: nobody waits an hour longer", func(a *alarm) {
			a.raise()
			a.until("5m")
			a.now = a.now.Add(-time.Hour)
			a.until("-49m")
		}, []string{"0s told vic tom; shown hal", "5m0s called vic tom", "-49m59s told kay; called kay"}},
		{"two clocks that differ by seconds change nothing", func(a *alarm) {
			a.raise()
			a.until("5m")
			a.now = a.now.Add(-40 * time.Second)
			a.until("10m")
		}, []string{"0s told vic tom; shown hal", "5m0s called vic tom", "10m0s told kay; called kay"}},
		{"an outage of two hours: it goes on where it was, step by step", func(a *alarm) {
			a.raise()
			a.until("3m")
			a.now = threeAM.Add(2 * time.Hour)
			a.until("2h16m")
		}, []string{"0s told vic tom; shown hal", "2h0m1s called vic tom", "2h5m1s told kay; called kay", "2h15m1s told cora; called cora"}},
		{"back from leave at midnight", func(a *alarm) {
			away(&a.book, "vic", "", yesterday, "2026-03-11")
			a.now = threeAM.Add(20*time.Hour + 57*time.Minute)
			a.raise()
			a.until("21h3m")
		}, []string{"20h57m0s told tom; shown hal", "21h0m0s known: told vic", "21h2m0s called vic tom"}},
		{"away from midnight on without a deputy: nobody waits for them", func(a *alarm) {
			without(&a.book, "tom")
			away(&a.book, "vic", "", "2026-03-12", "2026-03-13")
			a.now = threeAM.Add(20*time.Hour + 59*time.Minute)
			a.raise()
			a.until("21h1m")
		}, []string{"20h59m0s told vic; shown hal", "21h0m0s nobody; told kay; called kay"}},
		{"the health office's contact is the township lead: told once, to act", func(a *alarm) {
			a.book.Posts[6].UserID = "tom"
			a.raise()
			a.until("4m")
		}, []string{"0s told vic tom"}},
		{"the county's officer is the police contact: told as who may act when it is grave", func(a *alarm) {
			a.book.Posts[4].UserID, a.file.What = "cora", "fraud"
			a.raise()
			a.until("1m")
			a.known(func(x *ledger.Case) { x.What = "abuse" })
			a.until("4m")
		}, []string{"0s told vic tom; shown cora", "1m0s known: told cora"}},
		{"the department's contact is away: their deputy", func(a *alarm) { away(&a.book, "hal", "dan", yesterday, tomorrow); a.raise(); a.until("1m") },
			[]string{"0s told vic tom; shown dan"}},
		{"a drill: nobody is rung up, no department hears, and it ends by itself", func(a *alarm) { a.file.Drill = true; a.raise(); a.until("3h") },
			[]string{"0s told vic tom", "10m0s told kay", "20m0s told cora", "30m0s ended 没有人应"}},
		{"a drill that was taken does not come again", func(a *alarm) {
			a.file.Drill = true
			a.raise()
			a.until("1m")
			a.take("tom")
			a.until("3h")
		}, []string{"0s told vic tom", "31m0s ended 有人接了"}},
		{"what has ended is left alone", func(a *alarm) {
			a.raise()
			a.act(ledger.Event{Kind: ledger.EventEnded, By: "tom"}, func(x *ledger.Case) { x.State, x.Due = ledger.CaseEnded, time.Time{} })
			a.until("3h")
		}, []string{"0s told vic tom; shown hal"}},
		{"a problem is not the ladder's", func(a *alarm) { a.file.Kind = ledger.CaseProblem; a.raise(); a.until("1h") }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAlarm(t)
			c.play(a)
			if diff := cmp.Diff(c.want, a.lines); diff != "" {
				t.Error(diff)
			}
			if over := a.file.State.Over(); over != a.file.Due.IsZero() {
				t.Errorf("%s, and looked at again at %s", a.file.State, a.file.Due)
			}
		})
	}
}

// TestCapacities: each hears in which capacity, and each message has a key of its own.
func TestCapacities(t *testing.T) {
	a := newAlarm(t)
	a.file.What = "missing"
	a.raise()
	a.until("11m")
	want := map[string]string{"case/c1/0/0/vic": "village", "case/c1/0/0/tom": "township", "case/c1/0/0/cora": "county", "case/c1/0/0/pol/dept": "dept公安",
		"case/c1/0/1/vic/call": "village", "case/c1/0/1/tom/call": "township", "case/c1/0/2/kay": "keeper", "case/c1/0/2/kay/call": "keeper"}
	for _, e := range a.file.Timeline {
		if e.Message == "" {
			continue
		}
		if got := string(e.Level) + e.Dept; want[e.Message] != got {
			t.Errorf("%s is told as %q, want %q", e.Message, got, want[e.Message])
		}
		delete(want, e.Message)
	}
	if len(want) > 0 {
		t.Errorf("not said, or twice: %v", want)
	}
}

func TestFirstTold(t *testing.T) {
	names := func(x ledger.Case, b ledger.Book) string {
		var out []string
		for _, p := range FirstTold(x, ledger.NewRoster(b), Packs{pack(t, "yongning")}, threeAM, shanghai) {
			out = append(out, p.UserID)
		}
		return strings.Join(out, " ")
	}
	lonely := leads()
	without(&lonely, "vic", "tom")
	raised := newAlarm(t).file.Case
	late := raised
	late.State, late.Rung, late.Wave, late.Due = ledger.CaseTaken, 3, 2, threeAM.Add(time.Hour)
	for _, c := range []struct {
		why  string
		x    ledger.Case
		b    ledger.Book
		want string
	}{
		{"the village and the township", raised, leads(), "vic tom"}, {"wherever the ladder stands", late, leads(), "vic tom"},
		{"whoever is next where they are nobody", raised, lonely, "kay"}, {"nobody", raised, ledger.Book{}, ""},
	} {
		if got := names(c.x, c.b); got != c.want {
			t.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
	}
}

// BenchmarkClimb looks at an alarm that has gone its rounds for a day: what the ladder's loop does each second.
func BenchmarkClimb(b *testing.B) {
	a := newAlarm(b)
	a.raise()
	for a.now.Sub(threeAM) < 24*time.Hour {
		a.now = a.file.Due
		a.look()
	}
	r := ledger.NewRoster(a.book)
	for b.Loop() {
		Climb(a.file, r, a.packs, a.now, shanghai)
	}
	b.ReportMetric(float64(len(a.file.Timeline)), "events")
}
