package scheduler

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"xunfang/ledger"
)

var shanghai = func() *time.Location {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		panic(err)
	}
	return zone
}()

// village is an invented township of one village with two visitors, a helper, a village lead and a township lead.
func village(change func(*ledger.Book)) *ledger.Roster {
	b := ledger.Book{
		Regions: []ledger.Region{{Code: "1", Name: "甲县", Level: ledger.LevelCounty}, {Code: "11", Name: "乙镇", Parent: "1", Level: ledger.LevelTownship},
			{Code: "111", Name: "丙村", Parent: "11", Level: ledger.LevelVillage}},
		Elders: []ledger.Elder{{ID: "A1", Name: "甲", Region: "111", Since: "2020-01-01", Living: "独居"}, {ID: "A2", Name: "乙", Region: "111", Since: "2020-01-01"},
			{ID: "B1", Name: "丙", Region: "111", Since: "2020-01-01"}},
		Assignments: []ledger.Assignment{{ElderID: "A1", UserID: "ann"}, {ElderID: "A2", UserID: "ann"}, {ElderID: "B1", UserID: "bo"}},
	}
	for _, p := range []ledger.Post{{UserID: "ann", Role: ledger.RoleVisitor, Region: "111"}, {UserID: "bo", Role: ledger.RoleVisitor, Region: "111"},
		{UserID: "hal", Role: ledger.RoleHelper, Region: "111"}, {UserID: "lea", Role: ledger.RoleVillage, Region: "111"},
		{UserID: "tom", Role: ledger.RoleTownship, Region: "11"}} {
		b.Posts = append(b.Posts, p)
		b.People = append(b.People, ledger.Person{UserID: p.UserID, Name: p.UserID})
	}
	if change != nil {
		change(&b)
	}
	return ledger.NewRoster(b)
}

// world plays days: what is planned is said, and so known to the next plan.
type world struct {
	ledger.Snapshot
	packs Packs
	cold  bool // the calendar was not kept before the first day
}

func newWorld(t interface{ Fatal(...any) }, change func(*ledger.Book), packs ...string) *world {
	w := &world{Snapshot: ledger.Snapshot{Roster: village(change), Entries: map[string][]ledger.Entry{}, Zone: shanghai}}
	for _, name := range packs {
		p, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		w.packs = append(w.packs, p)
	}
	return w
}

func (w *world) visited(elder string, days ...ledger.Day) {
	for _, d := range days {
		w.Entries[elder] = append(w.Entries[elder], ledger.Entry{Kind: ledger.KindVisit, ElderID: elder, Day: d, Method: ledger.MethodDoor, Outcome: ledger.OutcomeOK})
	}
}

// plan is a letter a line: who, when, and each notice without what is the same in all.
func (w *world) plan(now time.Time) []string {
	var out []string
	for _, l := range Plan(&w.Snapshot, w.packs, now) {
		w.Notices = append(w.Notices, l.Notices...)
		for _, n := range l.Notices {
			out = append(out, ledger.DayOf(l.At, shanghai).Short()+" "+n.Key)
		}
	}
	return out
}

func at(day ledger.Day, clock string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", string(day)+" "+clock, shanghai)
	if err != nil {
		panic(err)
	}
	return t
}

// days plans each day at noon and tells what came of it.
func (w *world) days(from, to ledger.Day) []string {
	var out []string
	if !w.cold && len(w.Notices) == 0 {
		w.plan(at(from.Add(-1), "11:25"))
	}
	for d := from; d <= to; d = d.Add(1) {
		out = append(out, w.plan(at(d, "11:25"))...)
	}
	return out
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func only(prefix string, lines []string) []string {
	return slices.DeleteFunc(lines, func(l string) bool { _, key, _ := strings.Cut(l, " "); return !strings.HasPrefix(key, prefix) })
}

func TestNudgesThenTheVillageThenTheTownship(t *testing.T) {
	w := newWorld(t, nil, "yongning")
	w.visited("B1", "2026-03-02")
	same(t, only("月巡访", w.days("2026-03-01", "2026-03-31")),
		"3月22日 月巡访(普通)/ann/2026-03/9d", "3月27日 月巡访(普通)/ann/2026-03/4d",
		"3月30日 月巡访(普通)/lea/111/2026-03/village-1d", "3月31日 月巡访(普通)/tom/11/2026-03/township-0d")
}

func TestNothingForWhatIsDone(t *testing.T) {
	w := newWorld(t, nil, "yongning")
	for _, e := range []string{"A1", "A2", "B1"} {
		w.visited(e, "2026-03-05")
	}
	same(t, only("月巡访", w.days("2026-03-01", "2026-03-31")))
}

func TestDoneBetweenTheNudges(t *testing.T) {
	w := newWorld(t, nil, "yongning")
	first := only("月巡访", w.days("2026-03-01", "2026-03-23"))
	for _, e := range []string{"A1", "A2", "B1"} {
		w.visited(e, "2026-03-24")
	}
	same(t, append(first, only("月巡访", w.days("2026-03-24", "2026-03-31"))...), "3月22日 月巡访(普通)/ann/2026-03/9d", "3月22日 月巡访(普通)/bo/2026-03/9d")
}

func TestAfterAnOutageOnlyTheLatest(t *testing.T) {
	w := newWorld(t, nil, "yongning")
	w.cold = true
	w.visited("B1", "2026-03-02")
	same(t, only("月巡访", w.days("2026-03-28", "2026-03-29")), "3月28日 月巡访(普通)/ann/2026-03/4d")
	w = newWorld(t, nil, "yongning") // over the month's end the leads hear what is open of the old month, once; of the new one nothing yet
	w.cold = true
	w.visited("B1", "2026-03-02")
	same(t, only("月巡访", w.days("2026-04-01", "2026-04-05")), "4月1日 月巡访(普通)/lea/111/2026-03/village-1d", "4月1日 月巡访(普通)/tom/11/2026-03/township-0d")
	w = newWorld(t, nil, "yongning") // too late for anything to be entered
	w.cold = true
	same(t, only("月巡访", w.days("2026-04-04", "2026-04-08")))
}

func TestFebruary(t *testing.T) {
	w := newWorld(t, func(b *ledger.Book) { b.Tierings = []ledger.Tiering{{ElderID: "A1", Tier: ledger.TierKey}} }, "yongning")
	w.packs[0].Spring = Spring{}
	w.visited("A2", "2027-02-01")
	w.visited("B1", "2027-02-01")
	same(t, only("月巡访(重点)/ann", w.days("2027-02-01", "2027-02-28")), "2月14日 月巡访(重点)/ann/2027-02/mid", "2月19日 月巡访(重点)/ann/2027-02/9d",
		"2月24日 月巡访(重点)/ann/2027-02/4d")
	w.Notices = nil
	w.visited("A1", "2028-02-03")
	w.visited("A2", "2028-02-03")
	same(t, only("月巡访(重点)/ann", w.days("2028-02-01", "2028-02-29")), "2月20日 月巡访(重点)/ann/2028-02/9d", "2月25日 月巡访(重点)/ann/2028-02/4d")
}

func TestSpringFestival(t *testing.T) {
	// 2026: the eve is 16 February, the first day 17 February; 腊月二十五 is 12 February.
	if f := festivalNear("2026-02-20"); f != (festival{"2026-01-19", "2026-02-17"}) {
		t.Fatalf("the festival of 2026 is %v", f)
	}
	if f := festivalNear("2026-12-31"); f.newYear != "2027-02-06" {
		t.Fatalf("the festival after 2026 is %v", f)
	}
	w := newWorld(t, nil, "yongning")
	w.visited("B1", "2026-02-02")
	same(t, only("月巡访(普通)/ann", w.days("2026-02-01", "2026-02-28")), "2月11日 月巡访(普通)/ann/2026-02/9d", "2月24日 月巡访(普通)/ann/2026-02/4d")
	w = newWorld(t, func(b *ledger.Book) { b.Tierings = []ledger.Tiering{{ElderID: "A1", Tier: ledger.TierKey}} }, "yongning")
	w.visited("A2", "2026-02-01")
	w.visited("B1", "2026-02-01")
	same(t, only("月巡访(重点)/ann", w.days("2026-02-01", "2026-02-28")), "2月11日 月巡访(重点)/ann/2026-02/mid", "2月19日 月巡访(重点)/ann/2026-02/9d",
		"2月24日 月巡访(重点)/ann/2026-02/4d") // of a key elder they are reminded even on the third day
}

func TestLeave(t *testing.T) {
	away := func(deputy string) func(*ledger.Book) {
		return func(b *ledger.Book) {
			b.Leaves = []ledger.Leave{{UserID: "ann", From: "2026-03-20", To: "2026-03-28", Deputy: deputy}}
		}
	}
	w := newWorld(t, away("bo"), "yongning")
	w.visited("B1", "2026-03-02")
	same(t, only("月巡访", w.days("2026-03-01", "2026-03-29")), "3月22日 月巡访(普通)/bo/2026-03/9d", "3月27日 月巡访(普通)/bo/2026-03/4d",
		"3月29日 月巡访(普通)/ann/2026-03/4d") // back, and not told yet
	w = newWorld(t, away(""), "yongning")
	w.visited("B1", "2026-03-02")
	same(t, only("月巡访", w.days("2026-03-01", "2026-03-28")), "3月22日 月巡访(普通)/lea/111/2026-03/village-nobody")
}

// Without a step for the village in the rule, whoever cannot be nudged is still told of, once.
func TestNobodyToNudgeAndNoStepForTheVillage(t *testing.T) {
	w := newWorld(t, func(b *ledger.Book) { b.Leaves = []ledger.Leave{{UserID: "ann", From: "2026-03-20", To: "2026-03-31"}} }, "yongning")
	for i := range w.packs[0].Duties {
		w.packs[0].Duties[i].Escalate = Escalate{}
	}
	w.visited("B1", "2026-03-02")
	same(t, only("月巡访", w.days("2026-03-01", "2026-03-31")), "3月22日 月巡访(普通)/lea/111/2026-03/village-nobody")
}

// Who lives right under a township is its lead's to hear of.
func TestAnElderWithoutAVillage(t *testing.T) {
	w := newWorld(t, func(b *ledger.Book) {
		b.Elders = b.Elders[:1]
		b.Elders[0].Region = "11"
	}, "yongning")
	same(t, only("月巡访", w.days("2026-03-28", "2026-03-31")), "3月30日 月巡访(普通)/tom/11/2026-03/township-1d", "3月31日 月巡访(普通)/tom/11/2026-03/township-0d")
}

func TestAnEmptyStepIsSkipped(t *testing.T) {
	noLead := func(b *ledger.Book) {
		b.Posts = slices.DeleteFunc(b.Posts, func(p ledger.Post) bool { return p.Role == ledger.RoleVillage })
		b.Assignments = b.Assignments[1:] // and A1 has nobody
	}
	w := newWorld(t, noLead, "yongning")
	for _, e := range []string{"A2", "B1"} {
		w.visited(e, "2026-03-02")
	}
	same(t, only("月巡访", w.days("2026-03-01", "2026-03-30")), "3月22日 月巡访(普通)/tom/111/2026-03/township-nobody", "3月30日 月巡访(普通)/tom/111/2026-03/township-1d")
}

func TestAtMostFourAMonth(t *testing.T) {
	w := newWorld(t, func(b *ledger.Book) {
		b.Pairs = []ledger.Pair{{ElderID: "A1", UserID: "hal"}}
		b.Kin = []ledger.Kin{{ElderID: "A1", Name: "丁"}}
		b.Assignments = []ledger.Assignment{{ElderID: "A1", UserID: "hal"}, {ElderID: "A2", UserID: "hal"}, {ElderID: "B1", UserID: "hal"}}
		b.Posts = append(b.Posts, ledger.Post{UserID: "hal", Role: ledger.RoleVisitor, Region: "111"})
		b.Tierings = []ledger.Tiering{{ElderID: "A1", Tier: ledger.TierKey}}
	}, "yongning", "inner-mongolia")
	messages := map[string]bool{}
	for d := ledger.Day("2026-06-01"); d <= "2026-06-30"; d = d.Add(1) {
		for _, l := range Plan(&w.Snapshot, w.packs, at(d, "11:25")) {
			w.Notices = append(w.Notices, l.Notices...)
			if l.To == "hal" {
				messages[l.Key] = true
			}
		}
	}
	if len(messages) != MostNudges {
		t.Errorf("%d reminders in June: %v", len(messages), messages)
	}
}

func TestWhoDiedIsSpokenOfNoMore(t *testing.T) {
	w := newWorld(t, func(b *ledger.Book) {
		for _, e := range b.Elders {
			b.Standings = append(b.Standings, ledger.Standing{ElderID: e.ID, From: "2026-03-10", Kind: ledger.StandingDied})
		}
	}, "yongning")
	same(t, only("月巡访", w.days("2026-03-01", "2026-04-30")))
}

func TestAPauseIsLookedAtAgain(t *testing.T) {
	w := newWorld(t, func(b *ledger.Book) {
		b.Standings = []ledger.Standing{{ElderID: "A1", From: "2026-03-01", Kind: ledger.StandingPaused, Review: "2026-03-10"}}
	}, "yongning")
	same(t, only("review", w.days("2026-03-01", "2026-03-20")), "3月10日 review/A1/2026-03-10/village/lea", "3月13日 review/A1/2026-03-10/township/tom")
}

func TestTurningSeventyIsProposedOnce(t *testing.T) {
	w := newWorld(t, func(b *ledger.Book) { b.Elders[0].Birth = "1956-03-15" }, "yongning")
	got := only("propose", w.days("2026-03-01", "2026-05-31"))
	if len(got) != 1 || !strings.HasPrefix(got[0], "3月15日 propose/A1/") {
		t.Errorf("%v", got)
	}
}

func TestSundayTellsNextWeeksGaps(t *testing.T) {
	w := newWorld(t, func(b *ledger.Book) {
		b.Assignments = b.Assignments[1:]
		b.Leaves = []ledger.Leave{{UserID: "bo", From: "2026-03-11", To: "2026-03-12"}}
	}, "yongning")
	same(t, only("gaps", w.days("2026-03-02", "2026-03-15")), "3月8日 gaps/lea/111/2026W11", "3月15日 gaps/lea/111/2026W12")
	letters := Plan(&ledger.Snapshot{Roster: w.Roster, Zone: shanghai}, w.packs, at("2026-03-08", "09:00"))
	i := slices.IndexFunc(letters, func(l ledger.Letter) bool { return l.To == "lea" })
	if i < 0 || len(letters[i].Gaps) != 2 || letters[i].Gaps[0].Kind != ledger.GapLeave || letters[i].Gaps[0].UserID != "bo" || letters[i].Gaps[1].Elders != 1 {
		t.Errorf("%+v", letters)
	}
}

func TestAnExtraRoundIsSaidAtOnce(t *testing.T) {
	w := newWorld(t, func(b *ledger.Book) {
		b.Tierings = []ledger.Tiering{{ElderID: "A1", Tier: ledger.TierKey}}
		b.Rounds = []ledger.Round{{Region: "1", Name: "高温", From: "2026-07-06", To: "2026-07-07", Tier: ledger.TierKey}}
	}, "yongning")
	same(t, only("高温", w.days("2026-07-05", "2026-07-10")), "7月6日 高温/ann/2026-07-06/366d", "7月7日 高温/ann/2026-07-06/0d",
		"7月7日 高温/lea/111/2026-07-06/village-0d", "7月7日 高温/tom/11/2026-07-06/township-0d")
	w.Notices = nil
	w.visited("A1", "2026-07-06")
	same(t, only("高温", w.days("2026-07-05", "2026-07-10")))
}

// TestAVisitAfterAnEmergency: who visits the elder hears on the last day, the village the day after; a call does not settle it.
func TestAVisitAfterAnEmergency(t *testing.T) {
	ended := func(b *ledger.Book) {
		b.Follows = []ledger.Follow{{ElderID: "A1", From: "2026-03-09", To: "2026-03-11", No: "急260308-1"},
			{ElderID: "B1", From: "2026-03-09", To: "2026-03-08", No: "急260308-2"}} // the second was taken back
	}
	nudge, list := "3月11日 紧急后回访/ann/2026-03-09/0d", "3月12日 紧急后回访/lea/111/2026-03-09/village--1d"
	w := newWorld(t, ended, "yongning")
	w.Entries["A1"] = []ledger.Entry{{Kind: ledger.KindVisit, ElderID: "A1", Day: "2026-03-10", Method: ledger.MethodPhone, Outcome: ledger.OutcomeOK}}
	same(t, only("紧急后回访", w.days("2026-03-08", "2026-03-31")), nudge, list)

	w = newWorld(t, ended, "yongning")
	w.visited("A1", "2026-03-10")
	same(t, only("紧急后回访", w.days("2026-03-08", "2026-03-31")))

	w = newWorld(t, ended, "yongning") // seen late: the village has heard of it on the day before
	same(t, append(only("紧急后回访", w.days("2026-03-08", "2026-03-12")), only("紧急后回访", w.days("2026-03-13", "2026-03-31"))...), nudge, list)

	w = newWorld(t, ended, "yongning") // an outage over it
	w.days("2026-03-08", "2026-03-10")
	same(t, only("紧急后回访", w.days("2026-03-14", "2026-03-31")), strings.Replace(list, "12日", "14日", 1))

	w = newWorld(t, ended, "yongning") // a long one: it is history
	w.days("2026-03-08", "2026-03-10")
	same(t, only("紧急后回访", w.days("2026-03-19", "2026-03-31")))

	w = newWorld(t, func(b *ledger.Book) { // in hospital since: nobody is to go
		ended(b)
		b.Standings = []ledger.Standing{{ElderID: "A1", Kind: ledger.StandingPaused, From: "2026-03-09", To: "2026-04-09", Review: "2026-06-01"}}
	}, "yongning")
	same(t, only("紧急后回访", w.days("2026-03-08", "2026-03-31")))

	w = newWorld(t, func(b *ledger.Book) { // nobody to go: the village hears in place of whoever it would be
		ended(b)
		b.Assignments = b.Assignments[1:]
	}, "yongning")
	same(t, only("紧急后回访", w.days("2026-03-08", "2026-03-31")), strings.NewReplacer("12日", "11日", "-1d", "nobody").Replace(list), list)
}

func TestPapersUntilSomebodySaysTheyWereSent(t *testing.T) {
	w := newWorld(t, nil, "yongning")
	got := only("信息", w.days("2026-01-01", "2026-03-10"))
	if len(got) != 1 || !strings.Contains(got[0], "信息/tom/11/2026Q1/30d") {
		t.Fatalf("%v", got)
	}
	w.Notices = append(w.Notices, ledger.Notice{Key: PaperDone("信息", "11", "2026Q1")})
	same(t, only("信息", w.days("2026-03-11", "2026-03-31")))
}

// TestHours: nothing outside the humane hours, nothing on a full or half hour, each person their own minute, and the day is the
// county's, not UTC's.
func TestHours(t *testing.T) {
	minutes := map[string]bool{}
	for i := range 200 {
		user := fmt.Sprint("u", i)
		for _, afternoon := range []bool{false, true} {
			s := Slot(user, "2026-03-22", afternoon, shanghai).In(shanghai)
			minute := s.Hour()*60 + s.Minute()
			if minute%30 == 0 || (minute < 8*60+30 || minute > 11*60+30) != afternoon || afternoon && (minute < 14*60+30 || minute > 17*60+30) {
				t.Errorf("%s at %s", user, s)
			}
			minutes[s.Format("15:04")] = true
		}
	}
	if len(minutes) < 150 {
		t.Errorf("only %d different minutes", len(minutes))
	}
	w := newWorld(t, nil, "yongning")
	for _, tt := range []struct {
		now  time.Time
		want ledger.Day // of the letters, "" none
	}{
		{at("2026-03-21", "23:59"), ""}, // in UTC it is still the afternoon
		{at("2026-03-22", "00:01"), "2026-03-22"},
		{at("2026-03-22", "20:00"), "2026-03-23"},
		{time.Date(2026, 3, 21, 16, 30, 0, 0, time.UTC), "2026-03-22"},
	} {
		letters := slices.DeleteFunc(Plan(&w.Snapshot, w.packs, tt.now), func(l ledger.Letter) bool { return !l.Mine })
		if len(letters) == 0 && tt.want != "" {
			t.Errorf("%s: nothing", tt.now)
		}
		for _, l := range letters {
			if day := ledger.DayOf(l.At, shanghai); day != tt.want {
				t.Errorf("%s: %s for %s", tt.now, l.Key, day)
			}
			if h := l.At.In(shanghai).Hour(); h < 8 || h > 17 || h == 12 || h == 13 {
				t.Errorf("%s goes out at %s", l.Key, l.At.In(shanghai))
			}
		}
	}
}

// TestPlanIsAReconciliation plays random months: planned again the same moment gives nothing; no key is said twice; nobody gets
// two letters a day but about something of the day; nobody is told of what is done.
func TestPlanIsAReconciliation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, func(b *ledger.Book) {
			if rapid.Bool().Draw(t, "key") {
				b.Tierings = []ledger.Tiering{{ElderID: "A1", Tier: ledger.TierKey, From: "2026-01-05"}}
			}
			if rapid.Bool().Draw(t, "paired") {
				b.Pairs = []ledger.Pair{{ElderID: "A1", UserID: "hal"}, {ElderID: "B1", UserID: "hal"}}
				b.Kin = []ledger.Kin{{ElderID: "A1", Name: "丁"}}
			}
			if rapid.Bool().Draw(t, "away") {
				from := ledger.Day("2026-03-01").Add(rapid.IntRange(-20, 60).Draw(t, "from"))
				b.Leaves = []ledger.Leave{{UserID: "ann", From: from, To: from.Add(rapid.IntRange(0, 20).Draw(t, "long")),
					Deputy: rapid.SampledFrom([]string{"", "bo", "lea"}).Draw(t, "deputy")}}
			}
			if rapid.Bool().Draw(t, "round") {
				from := ledger.Day("2026-03-01").Add(rapid.IntRange(-10, 40).Draw(t, "round from"))
				b.Rounds = []ledger.Round{{Region: "11", Name: "寒潮", From: from, To: from.Add(rapid.IntRange(0, 3).Draw(t, "round long"))}}
			}
			if rapid.Bool().Draw(t, "emergency") {
				from := ledger.Day("2026-03-01").Add(rapid.IntRange(-10, 40).Draw(t, "follow from"))
				b.Follows = []ledger.Follow{{ElderID: rapid.SampledFrom([]string{"A1", "B1"}).Draw(t, "follow whom"), From: from,
					To: from.Add(rapid.IntRange(0, 3).Draw(t, "follow long"))}}
			}
		}, "yongning")
		now := at("2026-02-01", "08:00")
		said, perDay, keys := map[string]bool{}, map[string]int{}, map[string]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "ticks") {
			now = now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "minutes")) * time.Minute)
			today := ledger.DayOf(now, shanghai)
			if rapid.Bool().Draw(t, "visit") {
				w.visited(rapid.SampledFrom([]string{"A1", "A2", "B1"}).Draw(t, "whom"), today)
			}
			letters := Plan(&w.Snapshot, w.packs, now)
			for _, l := range letters {
				if keys[l.Key] {
					t.Fatalf("%s twice", l.Key)
				}
				keys[l.Key] = true
				perDay[l.To+string(ledger.DayOf(l.At, shanghai))]++
				if l.At.Before(now) || len(l.Notices) == 0 {
					t.Fatalf("%+v at %s", l, now)
				}
				for _, n := range l.Notices {
					if said[n.Key] || n.Message != l.Key || n.To != l.To || n.Cause == "" {
						t.Fatalf("%+v", n)
					}
					said[n.Key] = true
				}
				w.Notices = append(w.Notices, l.Notices...)
				if l.Mine && !owesSomething(w, l.To, today) {
					t.Fatalf("%s is reminded and owes nothing", l.To)
				}
				for _, x := range l.Lists {
					for _, part := range x.Open {
						for _, id := range part.Elders {
							if !isOpen(w, id, x.Duty, min(today, x.Due), today) {
								t.Fatalf("%s is listed for %s, which is done", id, x.Duty)
							}
						}
					}
				}
			}
			for who, n := range perDay {
				if n > 2 {
					t.Fatalf("%d letters: %s", n, who)
				}
			}
			if again := Plan(&w.Snapshot, w.packs, now); len(again) != 0 {
				t.Fatalf("again: %+v", again)
			}
		}
	})
}

// isOpen says whether a duty of the period that a day lies in is open, as seen today.
func isOpen(w *world, elder, duty string, in, today ledger.Day) bool {
	d, _ := w.Roster.Dossier(elder)
	duties := Due(&d, w.Entries[elder], w.packs, today)
	if in < today {
		duties = DueIn(&d, w.Entries[elder], w.packs, ledger.Period(in[:4]), today)
	}
	return slices.ContainsFunc(duties, func(x ledger.Duty) bool {
		return (duty == "" || x.Name == duty) && x.Missing() > 0 && x.From <= in && in <= x.Due
	})
}

func owesSomething(w *world, user string, today ledger.Day) bool {
	for _, e := range w.Roster.Elders() {
		who := slices.Concat(w.Roster.Visiting(e.ID, today), w.Roster.Helping(e.ID, today))
		for _, l := range w.Roster.Book().Leaves {
			if l.Deputy == user && l.Holds(today) && slices.Contains(who, l.UserID) {
				who = append(who, user)
			}
		}
		if slices.Contains(who, user) && isOpen(w, e.ID, "", today, today) {
			return true
		}
	}
	return false
}

func TestSilenceIsExplained(t *testing.T) {
	w := newWorld(t, nil, "yongning")
	say := func(user string, now time.Time) string {
		return strings.Join(Silence(&w.Snapshot, w.packs, user, now), "\n")
	}
	for _, want := range []struct{ user, day, says string }{
		{"ann", "2026-03-10", "还没到提醒的日子"}, {"ann", "2026-03-10", "下一次提醒在3月22日"}, {"hal", "2026-03-10", "没有欠的"},
		{"nobody", "2026-03-10", "没有欠的"}, {"ann", "2026-03-22", "会提醒"},
	} {
		if got := say(want.user, at(ledger.Day(want.day), "08:00")); !strings.Contains(got, want.says) {
			t.Errorf("%s on %s: %s", want.user, want.day, got)
		}
	}
	w.plan(at("2026-03-22", "09:00"))
	if got := say("ann", at("2026-03-25", "08:00")); !strings.Contains(got, "3月22日提醒过") {
		t.Errorf("after the nudge: %s", got)
	}
}

func BenchmarkPlan(b *testing.B) {
	book := village(nil).Book()
	book.Elders, book.Assignments = nil, nil
	snap := ledger.Snapshot{Entries: map[string][]ledger.Entry{}, Zone: shanghai}
	for i := range 20_000 {
		id := fmt.Sprintf("E%05d", i)
		book.Elders = append(book.Elders, ledger.Elder{ID: id, Region: "111", Since: "2020-01-01"})
		book.Assignments = append(book.Assignments, ledger.Assignment{ElderID: id, UserID: fmt.Sprint("u", i/40)})
		for d := ledger.Day("2026-01-03"); d < "2026-03-20"; d = d.Add(20) {
			snap.Entries[id] = append(snap.Entries[id], ledger.Entry{Kind: ledger.KindVisit, ElderID: id, Day: d, Method: ledger.MethodDoor, Outcome: ledger.OutcomeOK})
		}
	}
	for i := range 500 {
		book.Posts = append(book.Posts, ledger.Post{UserID: fmt.Sprint("u", i), Role: ledger.RoleVisitor, Region: "111"})
	}
	snap.Roster = ledger.NewRoster(book)
	packs := Packs{pack(b, "yongning")}
	b.Run("duties of 20,000 elders", func(b *testing.B) {
		for b.Loop() {
			for _, e := range snap.Roster.Elders() {
				d, _ := snap.Roster.Dossier(e.ID)
				Due(&d, snap.Entries[e.ID], packs, "2026-03-22")
			}
		}
	})
	b.Run("plan of 20,000 elders", func(b *testing.B) {
		for b.Loop() {
			Plan(&snap, packs, at("2026-03-22", "09:00"))
		}
	})
}
