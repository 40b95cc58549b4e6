package flows

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"xunfang/ledger"
)

// The people of a matter in these tests and what they are.
var matterPosts = map[string][]ledger.Role{"wangfang": {ledger.RoleVisitor}, "hejun": {ledger.RoleVillage}, "lixia": {ledger.RoleTownship}, "zhaomin": {ledger.RoleCounty},
	"shenjie": {ledger.RoleDept}, "liming": {ledger.RoleDept}, "tuya": {ledger.RoleVisitor}}

// matterSeen is the matter as one of them sees it, by the rules of MayCase.
func matterSeen(f ledger.CaseFile, user string) CaseView {
	leads := slices.ContainsFunc(matterPosts[user], func(r ledger.Role) bool {
		return r == ledger.RoleVillage || r == ledger.RoleTownship || r == ledger.RoleCounty
	})
	access := ledger.Access{}
	if user == "wangfang" && f.ElderID != "" {
		access.Sight = ledger.SightCare
	}
	c := CaseView{CaseFile: f, Whole: f.Case, User: user, Leads: leads, Village: "望远村", Names: func(u string) string { return u }, Reporter: ledger.Person{UserID: f.By, Name: f.By}}
	c.Sight = ledger.MayCase(f, user, access, leads, false)
	if c.Sight >= ledger.CasePart && f.ElderID != "" {
		c.Who = "马秀兰(望远村一组,81岁)"
	}
	return c
}

func matterInput(user string, now time.Time) Input {
	return Input{Key: "m" + now.Format("0102150405"), User: user, Now: now, Today: ledger.DayOf(now, zone), Zone: zone, Kind: Text,
		View: View{Known: true, Roles: matterPosts[user], Rules: Rules{Depts: []string{"公安", "消防", "卫健"}, Routes: map[string][]string{"heating": {"消防"}}}}}
}

var noon = time.Date(2026, 3, 11, 12, 0, 0, 0, zone)

// raisedMatter is one that a visitor has raised, with the village told.
func raisedMatter(elder string) ledger.CaseFile {
	s := begunMatter(ledger.Case{Key: "k", No: "事260311-A03", Kind: ledger.CaseProblem, What: "heating", ElderID: elder, Region: "r", About: "取暖:暖气不热", By: "wangfang"},
		matterInput("wangfang", noon))
	f := ledger.CaseFile{}.With(s)
	return toldOf(f, noon, "hejun", ledger.RoleVillage, "")
}

// toldOf is the matter with somebody told, as the ladder does it.
func toldOf(f ledger.CaseFile, now time.Time, user string, level ledger.Role, dept string) ledger.CaseFile {
	s := f.Step()
	s.Add(ledger.Event{Kind: ledger.EventTold, To: user, Level: level, Dept: dept, Wave: f.Wave, Message: fmt.Sprintf("told/%d/%s", f.Wave, user), At: now})
	s.Case.Rung++
	return f.With(s)
}

// answering tells whose turn it is after an act, as the ladder does it.
func answering(f ledger.CaseFile, now time.Time) ledger.CaseFile {
	if f.Rung > 0 || f.State != ledger.CaseOpen {
		return f
	}
	who := map[ledger.Role]string{ledger.RoleVillage: "hejun", ledger.RoleTownship: "lixia", ledger.RoleCounty: "zhaomin"}[f.Level]
	if f.Level == ledger.RoleDept {
		who = map[string]string{"卫健": "shenjie", "消防": "liming", "公安": "nobody"}[f.Dept]
	}
	return toldOf(f, now, who, f.Level, f.Dept)
}

func do(t *testing.T, f ledger.CaseFile, user, verb, words string) ledger.CaseFile {
	t.Helper()
	step, said := dealing(verb, matterSeen(f, user), matterInput(user, noon), words)
	if step == nil {
		t.Fatalf("%s may not %s: %s", user, verb, said)
	}
	return answering(f.With(*step), noon)
}

func TestMatterIsWhoseTurnItIs(t *testing.T) {
	f := raisedMatter("A03")
	for _, c := range []struct{ user, verb, words string }{
		{"wangfang", "take", ""}, {"wangfang", "solved", ""}, {"tuya", "take", ""}, {"shenjie", "take", ""}, {"hejun", "dept", "卫健"}, {"hejun", "end", "办不了"},
		{"lixia", "dept", "卫健"}, {"lixia", "end", "办不了"}, {"zhaomin", "up", ""}, {"zhaomin", "dept", "没有这个"}, {"zhaomin", "end", ""}, {"hejun", "yes", ""},
		{"hejun", "news", "在路上"}, {"hejun", "back", ""}, {"hejun", "nonsense", ""},
	} {
		if step, said := dealing(c.verb, matterSeen(f, c.user), matterInput(c.user, noon), c.words); step != nil || said == "" {
			t.Errorf("%s may %s: %q", c.user, c.verb, said)
		}
	}
	f = do(t, f, "hejun", "up", "村里没有人会修")
	if f.Level != ledger.RoleTownship || f.Owner != "" || !f.Due.Equal(noon) {
		t.Errorf("passed up it is with %s, due %s", f.Level, f.Due)
	}
	f = do(t, f, "lixia", "up", "")
	f = do(t, f, "zhaomin", "dept", "卫健")
	if step, _ := dealing("take", matterSeen(f, "liming"), matterInput("liming", noon), ""); step != nil {
		t.Error("another department claimed what was never given to it")
	}
	f = do(t, f, "shenjie", "back", "不归我们")
	f = do(t, f, "zhaomin", "dept", "消防")
	if step, said := dealing("take", matterSeen(f, "shenjie"), matterInput("shenjie", noon), ""); step != nil || !strings.Contains(said, "消防") {
		t.Errorf("what was given back was claimed all the same: %q", said)
	}
	f = do(t, f, "liming", "take", "")
	if step, said := dealing("take", matterSeen(f, "zhaomin"), matterInput("zhaomin", noon), ""); step != nil || !strings.Contains(said, "liming") {
		t.Errorf("it was taken twice: %q", said)
	}
	f = do(t, f, "liming", "solved", "换了暖气片")
	if f.State != ledger.CaseSolved || f.Level != ledger.RoleDept || f.Dept != "消防" {
		t.Errorf("it is %s with %s %s", f.State, f.Level, f.Dept)
	}
	f = do(t, f, "wangfang", "not", "")
	if f.State != ledger.CaseOpen || f.Level != ledger.RoleDept || f.Dept != "消防" || f.Owner != "" {
		t.Errorf("not solved, it is %s with %s %s of %s", f.State, f.Level, f.Dept, f.Owner)
	}
}

// Whatever is done: a matter that is not over has a level and is looked at now, done twice is done once, and who raised it hears of
// every step that is not their own.
func TestMatterNeverNobodys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := raisedMatter(rapid.SampledFrom([]string{"A03", ""}).Draw(t, "elder"))
		now := noon
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now = now.Add(time.Hour)
			user := rapid.SampledFrom([]string{"wangfang", "hejun", "lixia", "zhaomin", "shenjie", "liming", "tuya"}).Draw(t, "who")
			verb := rapid.SampledFrom([]string{"take", "up", "solved", "dept", "back", "end", "news", "yes", "not", "measure"}).Draw(t, "verb")
			words := rapid.SampledFrom([]string{"", "说一句"}).Draw(t, "words")
			if verb == "dept" {
				words = rapid.SampledFrom([]string{"卫健", "消防"}).Draw(t, "dept")
			}
			c, in := matterSeen(f, user), matterInput(user, now)
			if c.Sight == ledger.CaseNone { // then the view does not hold it
				continue
			}
			step, said := dealing(verb, c, in, words)
			if said == "" {
				t.Fatalf("%s says nothing", verb)
			}
			if step == nil {
				continue
			}
			x := step.Case
			if !x.State.Over() && (x.Level == "" || !x.Due.Equal(now) || (x.Level == ledger.RoleDept) != (x.Dept != "")) || x.State.Over() && !x.Due.IsZero() {
				t.Fatalf("after %s by %s: %+v", verb, user, x)
			}
			if (x.State == ledger.CaseTaken || x.State == ledger.CaseSolved) != (x.Owner != "") && !x.State.Over() {
				t.Fatalf("%s, and its owner is %q", x.State, x.Owner)
			}
			if x.About != f.About || step.Seen != f.Rev {
				t.Fatalf("%s lost something: %+v", verb, x)
			}
			heard := map[string]int{}
			for _, m := range matterSpread(f, *step, func(u string) CaseView { return matterSeen(f.With(*step), u) }, in) {
				if m.Text == "" && m.Card == nil || m.Priority != ledger.PriorityReminder || len(m.Text) > textLimit {
					t.Fatalf("a message that is none: %+v", m)
				}
				if m.Of == "" {
					heard[m.To]++
				}
			}
			if heard[user] > 0 || heard["tuya"] > 0 {
				t.Fatalf("%s by %s is told to %v", verb, user, heard)
			}
			if decided, _ := turning(*step); decided.Kind != "" && user != "wangfang" && heard["wangfang"] != 1 {
				t.Fatalf("%s by %s, and who raised it heard %d times", decided.Kind, user, heard["wangfang"])
			}
			f = f.With(*step)
			if again, _ := dealing(verb, matterSeen(f, user), in, words); again != nil && verb != "news" && verb != "measure" {
				t.Fatalf("%s by %s is done twice: %+v", verb, user, again.Events)
			}
			f = answering(f, now)
		}
	})
}

// No matter ends without a word to who raised it, whatever ends it.
func TestMatterEndsWithAWord(t *testing.T) {
	f := raisedMatter("A03")
	solved := do(t, f, "hejun", "solved", "")
	for outcome, was := range map[string]ledger.CaseFile{"没问到": solved, "老人已去世": f, "记录撤销了,不用办了": f, "不能办:没有钱": f, "解决了": solved} {
		s := was.Step()
		s.Case.State, s.Case.Due, s.Case.Outcome = ledger.CaseEnded, time.Time{}, outcome
		s.Add(ledger.Event{Kind: ledger.EventEnded, Level: s.Case.Level, Text: outcome, At: noon})
		got := map[string]string{}
		for _, m := range matterSpread(was, s, func(u string) CaseView { return matterSeen(was.With(s), u) }, matterInput("", noon)) {
			if m.Of == "" {
				got[m.To] = m.Text
			}
		}
		if !strings.Contains(got["wangfang"], "事260311-A03") || !strings.Contains(got["wangfang"], "暖气不热") || got["hejun"] == "" || len(got) != 2 {
			t.Errorf("%s is told as %q", outcome, got)
		}
	}
}

// Who knows only their own words reads those, and no elder's name.
func TestMatterOwnWords(t *testing.T) {
	f := raisedMatter("A03")
	c := matterSeen(f, "wangfang")
	c.Sight, c.Who, c.Village, c.About = ledger.CaseOwn, "", "", ""
	if got := c.became(ledger.Event{Kind: ledger.EventTaken, By: "hejun", Level: ledger.RoleVillage}, ledger.RoleVillage); got != "您报的「取暖:暖气不热」:hejun接了,会去办。(事260311-A03)" {
		t.Errorf("told as %q", got)
	}
	if s := c.step(); s.Case.About != f.About {
		t.Errorf("the step forgets what it is about: %q", s.Case.About)
	}
}

// In the night nobody is woken for what can wait; the department whose business it is stands first.
func TestMatterRung(t *testing.T) {
	f := toldOf(raisedMatter("A03"), noon, "zhaomin", ledger.RoleCounty, "")
	for hour, want := range map[int]time.Time{3: noon.Add(-4 * time.Hour), 7: {}, 12: {}, 20: {}, 21: noon.Add(20 * time.Hour), 23: noon.Add(20 * time.Hour)} {
		in := matterInput("", noon.Add(time.Duration(hour-12)*time.Hour))
		m := matterRung(ledger.Ring{Event: f.Timeline[len(f.Timeline)-1], Why: ledger.EventPassed}, matterSeen(f, "zhaomin"), in)
		if !m.NotBefore.Equal(want) || m.Priority != ledger.PriorityReminder {
			t.Errorf("at %d o'clock it waits until %s", hour, m.NotBefore)
		}
		if m.Card.Drop == nil || m.Card.Drop.Options[0].ID != "消防" || m.Card.Drop.Picked[0] != "消防" || len(m.Card.Drop.Options) != 3 {
			t.Errorf("offered %+v", m.Card.Drop)
		}
	}
}

// A visit asks once a day about what is called solved, and not about what it has told itself is not.
func TestAsksSolved(t *testing.T) {
	f := do(t, raisedMatter("A03"), "hejun", "solved", "")
	in := matterInput("wangfang", noon.AddDate(0, 0, 9))
	in.View.Solved = []CaseView{matterSeen(f, "wangfang")}
	e, entry := &Elder{ID: "A03", Name: "马秀兰"}, ledger.Entry{Outcome: ledger.OutcomeOK}
	asks, steps := asksSolved(e, entry, nil, in)
	if len(asks) != 1 || len(steps) != 1 || asks[0].Card.Title != "3月11日说的「取暖:暖气不热」解决了吗?" {
		t.Fatalf("asked %+v", asks)
	}
	after := f.With(steps[0])
	for _, c := range []struct {
		why   string
		elder *Elder
		entry ledger.Entry
		known []ledger.CaseStep
		f     ledger.CaseFile
	}{
		{"nobody was met", e, ledger.Entry{Outcome: ledger.OutcomeAbsent}, nil, f},
		{"another elder", &Elder{ID: "A04"}, entry, nil, f},
		{"the visit has told", e, entry, []ledger.CaseStep{f.Step()}, f},
		{"asked today", e, entry, nil, after},
		{"not solved", e, entry, nil, raisedMatter("A03")},
	} {
		in.View.Solved = []CaseView{matterSeen(c.f, "wangfang")}
		if asks, steps := asksSolved(c.elder, c.entry, c.known, in); len(asks)+len(steps) > 0 {
			t.Errorf("%s: asked all the same", c.why)
		}
	}
	if c := matterSeen(f, "wangfang"); c.Sight < ledger.CasePart {
		t.Error("who visits the elder does not see what is called solved")
	}
}

// What was said of several items at once is one matter; one of them alone is none that was known.
func TestPassings(t *testing.T) {
	found := []ledger.Finding{{Key: "v/mobility", Item: "mobility", Note: "腿肿", State: ledger.FindingReported}, {Key: "v/illness", Item: "illness", Note: "腿肿", State: ledger.FindingReported},
		{Key: "v/gas", Item: "gas", State: ledger.FindingReported}, {Key: "v/fire", Item: "fire", State: ledger.FindingReported}, {Key: "v/home", Item: "home", State: ledger.FindingWatched}}
	got := fmt.Sprint(passings(found))
	if got != "[{v/mobility mobility 行动走路、生病:腿肿} {v/gas gas 燃气:不好} {v/fire fire 防火:不好}]" {
		t.Errorf("got %s", got)
	}
	if no := []string{matterNo("事260311-A01", 0), matterNo("事260311-A01", 1)}; no[0] != "事260311-A01" || no[1] != "事260311-A01.2" {
		t.Errorf("numbers %q", no)
	}
}
