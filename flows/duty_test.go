package flows

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xunfang/ledger"
)

// A Wednesday; the next Monday is the 16th.
func TestDaysAhead(t *testing.T) {
	for _, c := range []struct{ said, first, last, rest string }{
		{"7.1-7.5", "2026-07-01", "2026-07-05", ""},
		{"3月2日到3月6日", "2027-03-02", "2027-03-06", ""},  // this year's is over
		{"3月9日到3月12日", "2026-03-09", "2026-03-12", ""}, // told afterwards
		{"3月20到22日", "2026-03-20", "2026-03-22", ""},
		{"3.28-2", "2026-03-28", "2026-04-02", ""},
		{"20日至22日", "2026-03-20", "2026-03-22", ""},
		{"2号到3号", "2026-04-02", "2026-04-03", ""},
		{"明天到后天", "2026-03-12", "2026-03-13", ""},
		{"明天起3天", "2026-03-12", "2026-03-14", "起"},
		{"请三天 后天开始", "2026-03-13", "2026-03-15", "请  开始"},
		{"下周一到下周三", "2026-03-16", "2026-03-18", ""},
		{"下周五到周日", "2026-03-20", "2026-03-22", ""},
		{"周五", "2026-03-13", "", ""},
		{"12月30日到1月2日", "2026-12-30", "2027-01-02", ""},
		{"2026-12-30到2027-01-02", "2026-12-30", "2027-01-02", ""},
		{"2月30日", "", "", "2月30日"},
		{"刘洋", "", "", "刘洋"},
		{"3月20日到3月15日", "2026-03-20", "", "3月15日"}, // no leave ends before it begins
	} {
		first, last, rest := daysAhead(c.said, "2026-03-11")
		if string(first) != c.first || string(last) != c.last || strings.Join(strings.Fields(rest), " ") != strings.Join(strings.Fields(c.rest), " ") {
			t.Errorf("%q: %s to %s, rest %q; want %s to %s, rest %q", c.said, first, last, rest, c.first, c.last, c.rest)
		}
	}
}

// However it is said, a leave that is understood begins and ends in this order, and not long ago or for ever.
func TestLeaveHasAnOrder(t *testing.T) {
	words := []string{"请假", "3月", "16", "20日", "到", "-", "明天", "下周", "一", "3天", "代班", "刘洋", "吴霞", "没有", "让", " ", ".", "起", "12月31日", "2026"}
	rapid.Check(t, func(r *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 1, 9).Draw(r, "words"), "")
		in := input(Text, text)
		a := leaveIn(text, in)
		first, last := ledger.Day(a["from"]), ledger.Day(a["to"])
		switch {
		case first == "" && last == "":
		case first < in.Today.Add(-leaveLate), last != "" && (last < first || last.Sub(first) >= leaveMost):
			r.Fatalf("%q is a leave from %s to %s", text, first, last)
		}
		if d := a["deputy"]; d != "" && d != nobody && d != "liuyang" {
			r.Fatalf("%q has %q stand in", text, d)
		}
	})
}

func TestLeaveIn(t *testing.T) {
	for _, c := range []struct{ said, whose, from, to, deputy, unknown string }{
		{"请假 7.1-7.5 代班 刘洋", "", "2026-07-01", "2026-07-05", "liuyang", ""},
		{"我明天请假让刘洋代班", "", "2026-03-12", "2026-03-12", "liuyang", ""},
		{"请假 3月17日 刘洋代班", "", "2026-03-17", "2026-03-17", "liuyang", ""},
		{"明天起请假 没人代班", "", "2026-03-12", "", nobody, ""},
		{"请假 明天 代班 李四", "", "2026-03-12", "2026-03-12", "", "李四"},
		{"请假 明天 代班 吴霞", "", "2026-03-12", "2026-03-12", "", "吴霞"}, // two of one name: asked
		{"刘洋后天请假", "liuyang", "2026-03-13", "2026-03-13", "", ""},
		{"我明天请假 去县里开会", "", "2026-03-12", "2026-03-12", "", ""},
	} {
		a := leaveIn(c.said, input(Text, c.said))
		got := []string{a["whose"], a["from"], a["to"], a["deputy"], a["unknown"]}
		if want := []string{c.whose, c.from, c.to, c.deputy, c.unknown}; !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", c.said, got, want)
		}
	}
}

// Who leads nobody may not say that somebody else is away, whatever the sentence; nothing is written.
func TestLeaveIsOnesOwn(t *testing.T) {
	for _, text := range []string{"请假 刘洋 明天", "刘洋明天请假", "销假 刘洋"} {
		s, c := Advance(Forms, State{}, input(Text, text))
		if s.Form != "" || len(c.Edits) > 0 || len(c.Messages) != 1 {
			t.Errorf("%q opens %q: %+v", text, s.Form, c)
		}
	}
}

func TestKinSaid(t *testing.T) {
	kin := []ledger.Kin{{Name: "张建军", Relation: "儿子"}, {Name: "张晓燕", Relation: "女儿"}, {Name: "张小梅", Relation: "女儿"}, {Name: "张老师"}}
	for said, want := range map[string]string{"给她儿子打了电话": "张建军", "张晓燕说周末回来": "张晓燕", "给她闺女打了电话": "", "邻居说的": "", "张老师": "张老师", "": ""} {
		if got := kinSaid(said, kin); got != want {
			t.Errorf("%q is %q, want %q", said, got, want)
		}
	}
}

// 待办 puts extra rounds first, then what ends soonest, then key elders; help and talks are owed only by who is paired, visits
// only by who is assigned.
func TestOwed(t *testing.T) {
	visit := ledger.Duty{Name: "月巡访", Kind: ledger.KindVisit, Period: "2026-03", Need: 1, Due: "2026-03-31"}
	help := ledger.Duty{Name: "季度帮扶", Kind: ledger.KindHelp, Period: "2026Q1", Need: 1, Due: "2026-03-31"}
	talk := ledger.Duty{Name: "半年沟通", Kind: ledger.KindTalk, Period: "2026H1", Need: 1, Due: "2026-06-30"}
	round := ledger.Duty{Name: "高温", Kind: ledger.KindVisit, From: "2026-03-11", Need: 1, Due: "2026-03-11"}
	week := ledger.Duty{Name: "周探访", Kind: ledger.KindVisit, Period: "2026W11", Need: 1, Door: 1, Due: "2026-03-15"}
	paused := visit
	paused.State = ledger.DutyPaused
	v := View{Elders: []Elder{
		{ID: "1", Name: "一", Mine: true, Duties: []ledger.Duty{visit, help}},
		{ID: "2", Name: "二", Mine: true, Tier: ledger.TierKey, Duties: []ledger.Duty{visit}},
		{ID: "3", Name: "三", Mine: true, Duties: []ledger.Duty{visit, round}},
		{ID: "4", Name: "四", Mine: true, Duties: []ledger.Duty{visit, week}},
		{ID: "5", Name: "五", Paired: true, Duties: []ledger.Duty{visit, help, talk}},
		{ID: "6", Name: "六", Mine: true, Duties: []ledger.Duty{paused}},
	}}
	var got []string
	for _, o := range v.owed() {
		got = append(got, o.Elder.Name+" "+o.reason("2026-03-11", false))
	}
	want := []string{"三 高温加访 今天 另差1次", "四 差1次上门 剩4天 另差1次", "二 差1次 剩20天", "一 差1次 剩20天", "五 季度帮扶 剩20天", "五 联系家属 剩111天"}
	if !slices.Equal(got, want) {
		t.Errorf("owed: %q\nwant  %q", got, want)
	}
}

// Nobody looks at a stove over the phone: such a help is no visit, whatever was chosen before.
func TestLookedOnlyAtTheDoor(t *testing.T) {
	e := &village().Elders[0]
	for _, c := range []struct {
		method, looked string
		want           bool
		outcome        ledger.Outcome
	}{{"door", "ok", true, "ok"}, {"door", "problem", true, "problem"}, {"door", "no", false, "ok"}, {"phone", "ok", false, "ok"}, {"phone", "problem", false, "ok"}} {
		x := helpOf(Answers{"method": c.method, "deeds": "聊天", "looked": c.looked, "trouble": "门锁坏了"}, input(Text, ""), e)
		if x.Looked != c.want || x.Outcome != c.outcome {
			t.Errorf("%s %s: looked %v, %s", c.method, c.looked, x.Looked, x.Outcome)
		}
	}
	if x := helpOf(Answers{"method": "door", "deeds": notMet, "looked": "ok"}, input(Text, ""), e); x.Looked || x.Outcome.Met() {
		t.Errorf("nobody was met, and it counts: %+v", x)
	}
}

// The village hears of a dead number with the third try, and not again with the fourth.
func TestTriedThrice(t *testing.T) {
	for tried, told := range []int{0, 0, 1, 0} {
		e := village().Elders[0]
		e.Lead, e.Tried = Person{"hejun", "何军"}, map[string]int{"张晓燕": tried, "张建军": 9}
		res := newTalk(Answers{"method": "phone", "outcome": "absent", "whom": "张晓燕"}, input(Text, ""), &e, "k")
		if len(res.Changes.Messages) != told {
			t.Errorf("after %d tries %d are told: %+v", tried, len(res.Changes.Messages), res.Changes.Messages)
		}
	}
}
