package bot

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"xunfang/bot/sim"
	"xunfang/ledger"
	"xunfang/scheduler"
	"xunfang/store"
	"xunfang/store/storetest"
)

// drilled has the county try its ladder at a time of a weekday.
func drilled(weekday int, at string) func(*Options) {
	return func(o *Options) {
		o.Packs = slices.Clone(o.Packs)
		o.Packs[0].Drill = scheduler.Drill{Weekday: weekday, At: at, Source: "试"}
	}
}

// held are the drills that were raised.
func (g *guard) held() []ledger.CaseFile {
	g.t.Helper()
	files, err := g.store.CasesOf(context.Background(), store.CaseFilter{Kinds: []ledger.CaseKind{ledger.CaseAlarm}})
	if err != nil {
		g.t.Fatal(err)
	}
	return files
}

// practise lets time go by with everything that goes on in it.
func (g *guard) practise(d time.Duration, bots ...*Bot) {
	g.t.Helper()
	for end := g.Now().Add(d); g.Now().Before(end); {
		g.now.Add((30 * time.Second).Milliseconds())
		for _, b := range append([]*Bot{g.bot}, bots...) {
			if err := b.watch.drills.look(context.Background(), g.Now()); err != nil {
				g.t.Fatal(err)
			}
		}
		if err := g.bot.Climb(context.Background()); err != nil {
			g.t.Fatal(err)
		}
		g.settle(g.t)
	}
}

// got are the words of what somebody has got from the app, cards by their titles.
func (g *guard) got(user string) (out []string) {
	for _, m := range g.sim.Messages(user) {
		if m.From == "app" {
			text := m.Text
			if m.Card != nil {
				text = m.Card.MainTitle.Title
			}
			out = append(out, text)
		}
	}
	return out
}

// The weekly try goes the way of a real emergency, once, says everywhere what it is, rings nobody up, and the county hears in one
// line how it went.
func TestDrill(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			g := newGuard(t, driver, drilled(3, "10:05"))
			other := New(g.bot.Options)
			g.practise(4*time.Minute, other)
			if held := g.held(); len(held) != 0 {
				t.Fatalf("before its time: %+v", held)
			}
			g.practise(time.Minute, other)
			held := g.held()
			var regions []string
			for _, f := range held {
				if regions = append(regions, f.Region); !f.Drill || f.ElderID != "" || f.By != "" || f.What != "fall" {
					t.Errorf("a drill is %+v", f.Case)
				}
			}
			slices.Sort(regions)
			if !slices.Equal(regions, []string{"640121101", "640121102"}) {
				t.Fatalf("drills are held in %v", regions)
			}
			g.practise(2*time.Minute, other)
			g.like("who leads a township heard", g.got("lixia"), "【演练】.*")
			g.like("who leads the other heard", g.got("gaofeng"), "【演练】.*")
			card := g.sim.Messages("lixia")[0]
			take := slices.IndexFunc(card.Card.Buttons, func(b sim.Button) bool { return strings.Contains(b.Key, ":take:") })
			if take < 0 {
				t.Fatalf("no button to take it: %+v", card.Card)
			}
			if _, err := g.sim.Tap("lixia", card.ID, card.Card.Buttons[take].Key, nil); err != nil {
				t.Fatal(err)
			}
			g.settle(t)
			g.practise(50*time.Minute, other)
			for _, f := range g.held() {
				if f.State != ledger.CaseEnded || f.Wave != 0 {
					t.Errorf("%s is %s in wave %d", f.No, f.State, f.Wave)
				}
			}
			const line = "【演练】3月11日紧急演练:2个乡镇,1个有人接,1个没有人接。\n李俊镇:高峰、徐梅、赵敏没有接\n望远镇:李霞2分钟后接了"
			letters := slices.DeleteFunc(g.got("zhaomin"), func(s string) bool { return !strings.Contains(s, "紧急演练") })
			if !slices.Equal(letters, []string{line}) {
				t.Errorf("the county heard %q, want once %q", letters, line)
			}
			roster, err := g.store.Roster(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range roster.Book().People {
				for _, text := range g.got(p.UserID) {
					if !strings.HasPrefix(text, "【演练】") && !strings.Contains(text, "演练") {
						t.Errorf("%s heard %q", p.UserID, text)
					}
				}
				if calls := g.sim.Calls(p.UserID); len(calls) > 0 {
					t.Errorf("%s was rung up", p.UserID)
				}
			}
			for _, user := range []string{"hejun", "zhaoyong", "wangfang", "panhao", "shenjie", maintainer} {
				g.like(user+", who has no part in it, heard", g.got(user))
			}
			if metrics := g.get("/metrics"); !strings.Contains(metrics, "xunfang_open_alarms 0\n") {
				t.Error("a drill counts as an emergency")
			}
			g.now.Store(g.Now().Add(7*24*time.Hour - time.Hour).UnixMilli())
			g.practise(10*time.Minute, other)
			if n := len(g.held()); n != 4 {
				t.Errorf("a week later there were %d drills, want 4", n)
			}
		})
	}
}

// A drill that was missed, or falls on a day off, is not held; nor is one where the county wants none. What gets stuck of one is
// not said to a group.
func TestNoDrill(t *testing.T) {
	for _, c := range []struct {
		name    string
		weekday int
		at      string
		day     string
		want    int
	}{
		{"an hour too late", 3, "09:00", "2026-03-11", 0},
		{"half an hour late", 3, "09:30", "2026-03-11", 2},
		{"another day of the week", 4, "10:00", "2026-03-11", 0},
		{"none wanted", 0, "10:00", "2026-03-11", 0},
		{"a day off", 3, "10:00", "2025-10-01", 0},
		{"a Sunday", 7, "10:00", "2026-03-15", 0},
		{"a Saturday that is worked", 6, "10:00", "2025-10-11", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGuard(t, storetest.SQLite, drilled(c.weekday, c.at))
			g.sim.Faults().Change(func(f *sim.FaultSet) { f.Down = true })
			at, err := time.ParseInLocation("2006-01-02 15:04", c.day+" 10:00", beijing)
			if err != nil {
				t.Fatal(err)
			}
			g.now.Store(at.UnixMilli())
			for range 2 {
				if err := g.bot.watch.drills.look(context.Background(), g.Now()); err != nil {
					t.Fatal(err)
				}
			}
			g.pass(2 * time.Minute)
			if held := g.held(); len(held) != c.want {
				t.Errorf("%d drills were held, want %d", len(held), c.want)
			}
			g.like("the group heard", g.group.Robot())
		})
	}
}

// What the county reads names first where nobody acted, and fits into a message however many townships there are.
func TestDrillText(t *testing.T) {
	book := ledger.Book{Regions: []ledger.Region{{Code: "1", Name: "永宁县", Level: ledger.LevelCounty}}}
	for _, u := range []string{"a", "b", "c"} {
		book.People = append(book.People, ledger.Person{UserID: u, Name: map[string]string{"a": "甲一", "b": "乙二", "c": "丙三"}[u]})
	}
	begun := wednesday
	told := func(user string, after time.Duration, lost bool) ledger.Event {
		return ledger.Event{Kind: ledger.EventTold, To: user, At: begun.Add(after), Lost: lost}
	}
	acts := func(user string, after time.Duration) ledger.Event {
		return ledger.Event{Kind: ledger.EventTaken, By: user, At: begun.Add(after)}
	}
	file := func(region string, events ...ledger.Event) ledger.CaseFile {
		return ledger.CaseFile{Case: ledger.Case{Region: region, At: begun}, Timeline: append([]ledger.Event{{Kind: ledger.EventRaised, At: begun}}, events...)}
	}
	for _, town := range []string{"东", "西", "南", "北"} {
		book.Regions = append(book.Regions, ledger.Region{Code: town, Name: town + "镇", Parent: "1", Level: ledger.LevelTownship})
	}
	files := []ledger.CaseFile{
		file("东", told("a", 0, false), told("b", 0, false), acts("b", 20*time.Second)),
		file("西", told("a", 0, false), told("b", 10*time.Minute, false), acts("b", 12*time.Minute)),
		file("南", told("a", 0, true), told("b", 10*time.Minute, false), told("b", 20*time.Minute, false)),
		file("北"),
	}
	const want = "【演练】3月11日紧急演练:4个乡镇,2个有人接,2个没有人接。\n南镇:乙二没有接,甲一的企业微信收不到\n北镇:没有人接\n东镇:乙二1分钟内接了\n西镇:乙二12分钟后接了,甲一没有接"
	r := ledger.NewRoster(book)
	if got := drillText(r, files, beijing); got != want {
		t.Errorf("the county reads\n%s\nwant\n%s", got, want)
	}
	if got := drillText(r, files[:1], beijing); !strings.HasPrefix(got, "【演练】3月11日紧急演练:1个乡镇,都有人接。\n东镇") {
		t.Errorf("all acted: %s", got)
	}
	many := slices.Repeat(files, 50)
	if got := drillText(r, many, beijing); len(got) > 2048 || !strings.Contains(got, "\n还有") || !strings.HasPrefix(got, "【演练】3月11日紧急演练:200个乡镇,100个有人接") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}
