package flows

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"xunfang/ledger"
)

func TestDayIn(t *testing.T) {
	for _, c := range []struct {
		said, today, day, rest string
	}{
		{"马秀兰昨天去世了", "2026-03-11", "2026-03-10", "马秀兰去世了"},
		{"今天", "2026-03-11", "2026-03-11", ""},
		{"大前天", "2026-03-01", "2026-02-26", ""},
		{"去世 马秀兰 3月5日", "2026-03-11", "2026-03-05", "去世 马秀兰"},
		{"3月5号", "2026-03-11", "2026-03-05", ""},
		{"3.5", "2026-03-11", "2026-03-05", ""},
		{"2026-03-05", "2026-03-11", "2026-03-05", ""},
		{"2026年3月5日", "2026-03-11", "2026-03-05", ""},
		{"9号", "2026-03-11", "2026-03-09", ""},
		{"30号", "2026-05-11", "2026-04-30", ""},
		{"31号", "2026-01-11", "2025-12-31", ""},
		{"12月28日", "2026-01-05", "2025-12-28", ""}, // the last one
		{"3月15日", "2026-03-11", "2026-03-15", ""},  // not last year's: still to come, and refused
		{"2月30日", "2026-03-11", "none", ""},
		{"30号", "2026-03-11", "none", ""}, // there was no 30 February
		{"A03", "2026-03-11", "none", "A03"},
		{"马秀兰", "2026-03-11", "none", "马秀兰"},
	} {
		day, rest, ok := dayIn(c.said, ledger.Day(c.today))
		if !ok {
			day = "none"
		}
		if string(day) != c.day || ok && rest != c.rest {
			t.Errorf("%q on %s: %s, rest %q; want %s, rest %q", c.said, c.today, day, rest, c.day, c.rest)
		}
	}
}

// leading is the view of who may do everything with three elders of village(), and sees the fourth without a right to anything.
func leading() View {
	v := village()
	v.Roles = []ledger.Role{ledger.RoleTownship}
	v.Revision = 7
	for i := range v.Elders {
		v.Elders[i].Region = "01"
		v.Elders[i].Access = ledger.Access{Sight: ledger.SightLedger, Assign: i > 0, Correct: i > 0}
	}
	v.Elders[1].Away = ledger.Standing{ElderID: "A02", From: "2026-03-02", Kind: ledger.StandingPaused, Review: "2026-04-01"}
	v.Sheet = func(id string) (Sheet, bool) {
		e := v.find(id)
		if e == nil {
			return Sheet{}, false
		}
		s := Sheet{Elder: ledger.Elder{ID: id, Phone: "13900000001", Since: "2025-01-01"}, Tier: e.Tier, Visitors: []Person{{"wangfang", "王芳"}},
			Kin: []ledger.Kin{{ElderID: id, Name: "马小龙", Relation: "儿子", Phone: "13900000002"}}, Sight: ledger.SightLedger}
		if e.Away.Kind != "" {
			s.Standings = []ledger.Standing{e.Away}
		}
		return s, true
	}
	v.Responsible = func(string, ledger.Day) []Person { return []Person{{"wangfang", "王芳"}} }
	v.Keepers = func(string) []Person { return []Person{{"xumei", "徐梅"}} }
	v.Assigners = func(string) []Person { return []Person{{"hejun", "何军"}} }
	v.Visitors = func(string) []Person {
		return []Person{{"wangfang", "王芳"}, {"liuyang", "刘洋"}, {"liuyang2", "刘洋"}}
	}
	v.Notified = func(...string) []Person { return []Person{{"hejun", "何军"}, {"lixia", "李霞"}} }
	v.Oversees = func(code string) bool { return code == "01" }
	v.Places = func(said string) []Place {
		all := []Place{{"01", "望远镇望远村", "望远镇望远村"}, {"02", "望远镇通桥村", "望远镇通桥村"}, {"03", "李俊镇通桥村", "李俊镇通桥村"}}
		return slices.DeleteFunc(all, func(p Place) bool { return p.Code != said && !strings.HasSuffix(p.Name, said) })
	}
	return v
}

// talk says lines one after the other as lixia, each to the state the last left, and gives what came of the last.
func talk(t interface{ Fatal(...any) }, v View, s State, n int, lines ...string) (State, ledger.Changes) {
	var c ledger.Changes
	for i, line := range lines {
		in := input(Text, line)
		in.User, in.View, in.Key = "lixia", v, fmt.Sprintf("m%d", n+i)
		in.Now = in.Now.Add(time.Duration(n+i) * time.Second)
		if task, ok := strings.CutPrefix(line, "tap:"); ok {
			in.Kind, in.Text, in.Button, in.Task, in.Code = Tap, "", task, s.Task, "code"
		}
		kept, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		s = State{}
		if err := json.Unmarshal(kept, &s); err != nil {
			t.Fatal(err)
		}
		s, c = Advance(Forms, s, in)
	}
	return s, c
}

// Whatever is typed, nothing of the ledger changes and nobody else hears a word before a confirmation, and never about an elder
// without the right.
func TestNothingBeforeConfirmationAnywhere(t *testing.T) {
	words := []string{"去世", "暂停", "迁出", "恢复", "退出", "指派", "搬家", "改资料", "同意书", "撤回同意", "马秀兰", "A03", "张桂兰", "王大锤", "今天", "3月5日",
		"2026-13-40", "1", "2", "刘洋", "通桥村", "跳过", "取消", "返回", "继续", "改", "撤销", "巡访", "13900000009", "电话", "重点", "本人", "建档走访", "30天", "",
		"tap:yes", "tap:edit", "tap:drop", "tap:A03", "tap:go:standing:A03:去世:2026-03-09", "tap:go:standing:A01:暂停:bad:", "tap:go:standing:::::",
		"tap:go:correct:A01", "tap:go:move:A09", "tap:submit", "确认"}
	var parts [][]string
	for _, w := range words {
		parts = append(parts, []string{w})
	}
	// Whole conversations that end in a confirmation, about anybody.
	for _, id := range []string{"A01", "A02", "A03", "A04"} {
		parts = append(parts, [][]string{{id + "昨天去世了", "确认"}, {"暂停 " + id, "今天", "住院", "30天", "确认"}, {"迁出 " + id, "昨天", "跳过", "tap:yes"},
			{id + "回来了", "确认"}, {"指派 " + id, "刘洋 liuyang", "确认"}, {id + "搬到通桥村", "tap:02", "跳过", "确认"},
			{"改资料 " + id, "电话", "13900000009", "跳过", "确认"}, {"改资料 " + id, "级别", "重点", "跳过", "确认"}, {"同意 " + id, "本人", "1 2", "纸质", "确认"},
			{"撤回同意 " + id, "本人", "建档走访", "当面", "确认"}, {"tap:go:assign:" + id, "刘洋 liuyang", "tap:yes"}}...)
	}
	edits, told := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		v := leading()
		var s State
		for i, line := range slices.Concat(rapid.SliceOfN(rapid.SampledFrom(parts), 1, 12).Draw(t, "lines")...) {
			was := s
			var c ledger.Changes
			s, c = talk(t, v, s, i, line)
			others := slices.DeleteFunc(slices.Clone(c.Messages), func(m ledger.Message) bool { return m.To == "lixia" })
			sure := line == "确认" || line == "tap:yes" || line == "1" // the first button by its number
			if (!sure || was.Step != "ok") && len(c.Edits)+len(c.Consents)+len(others) > 0 {
				t.Fatalf("%q at %s/%s changes %+v %+v and tells %+v", line, was.Form, was.Step, c.Edits, c.Consents, others)
			}
			for _, e := range c.Edits {
				edits++
				for _, id := range about(e.Book) {
					if id == "A01" || v.find(id) == nil {
						t.Fatalf("an edit about %s", id)
					}
				}
				if e.By != "lixia" || e.Why == "" || e.Source == "" || e.Seen != 7 || e.Today == "" {
					t.Fatalf("an edit without who, why, what from or what was seen: %+v", e)
				}
			}
			told += len(others)
		}
	})
	if edits == 0 || told == 0 {
		t.Errorf("%d edits and %d messages to others: nothing was tried", edits, told)
	}
}

func about(b ledger.Book) (ids []string) {
	for _, x := range b.Elders {
		ids = append(ids, x.ID)
	}
	for _, x := range b.Assignments {
		ids = append(ids, x.ElderID)
	}
	for _, x := range b.Tierings {
		ids = append(ids, x.ElderID)
	}
	for _, x := range b.Kin {
		ids = append(ids, x.ElderID)
	}
	for _, x := range b.Standings {
		ids = append(ids, x.ElderID)
	}
	return ids
}

// A pause without a day of review cannot come about.
func TestPauseIsReviewed(t *testing.T) {
	for _, review := range []string{"0", "91", "-5", "明年", "2026-03-11", "2027-01-01", "跳过"} {
		s, c := talk(t, leading(), State{}, 0, "A03昨天住院了", review)
		if s.Step != "review" || len(c.Edits) > 0 {
			t.Errorf("review %q: at %q with %d edits", review, s.Step, len(c.Edits))
		}
	}
	_, c := talk(t, leading(), State{}, 0, "A03昨天住院了", "30", "确认")
	if len(c.Edits) != 1 || len(c.Edits[0].Book.Standings) != 1 {
		t.Fatalf("%+v", c)
	}
	want := ledger.Standing{ElderID: "A03", From: "2026-03-10", To: "-", Kind: ledger.StandingPaused, Place: "住院", Review: "2026-04-10"}
	if got := c.Edits[0].Book.Standings[0]; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Two visitors of one name are never picked between silently.
func TestAssigneesOfOneName(t *testing.T) {
	s, c := talk(t, leading(), State{}, 0, "指派 A03", "刘洋")
	if s.Step != "to" || !strings.Contains(c.Messages[0].Text, "有几位") {
		t.Errorf("at %q: %+v", s.Step, c.Messages)
	}
	if s, _ = talk(t, leading(), s, 5, "刘洋 liuyang2"); s.Step != "ok" || s.Answers["to"] != "liuyang2" {
		t.Errorf("at %q with %q", s.Step, s.Answers["to"])
	}
}

// A village of the same name in two townships is asked for.
func TestPlaceOfTwo(t *testing.T) {
	s, _ := talk(t, leading(), State{}, 0, "搬家 A03", "通桥村")
	if s.Step != "place" {
		t.Fatalf("at %q", s.Step)
	}
	_, c := talk(t, leading(), s, 5, "tap:03", "跳过", "确认")
	if len(c.Edits) != 1 || c.Edits[0].Book.Elders[0].Region != "03" || c.Edits[0].Book.Elders[0].Address != "-" {
		t.Errorf("%+v", c.Edits)
	}
}

// An elder in sight without the right to the affair, and one who does not exist, get the same words, before a form and in it.
func TestAffairRefusalNamesNobody(t *testing.T) {
	for _, word := range []string{"指派", "搬家", "改资料", "同意书"} {
		for _, said := range [][]string{{word + " *"}, {word, "*"}} {
			answers := map[string]bool{}
			for _, name := range []string{"张桂兰", "王大锤"} {
				lines := slices.Clone(said)
				lines[len(lines)-1] = strings.ReplaceAll(lines[len(lines)-1], "*", name)
				s, c := talk(t, leading(), State{}, 0, lines...)
				got, err := json.Marshal([]any{s.Form, s.Step, s.Answers, c})
				if err != nil {
					t.Fatal(err)
				}
				answers[strings.ReplaceAll(string(got), name, "*")] = true
			}
			if len(answers) != 1 {
				t.Errorf("%q is answered in two ways: %v", said, answers)
			}
		}
	}
}
