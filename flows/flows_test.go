package flows

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"xunfang/flows/understand"
	"xunfang/ledger"
	index "xunfang/ledger/names"
)

// The golden conversations of testdata are played by package bot, which also makes the views they need. Here stands what a
// conversation cannot show well: single readings, the two promises on effort, and nonsense.

var zone = time.FixedZone("Asia/Shanghai", 8*3600)

// village is a small view: two of one name, one nickname of two, one with a duty done.
func village() View {
	duty := func(done, need int) []ledger.Duty {
		return []ledger.Duty{{Name: "月巡访", Kind: ledger.KindVisit, Period: "2026-03", Need: need, Done: done, Due: "2026-03-31"}}
	}
	v := View{
		Known: true, Name: "王芳", Posts: "望远村 巡访员", Leads: []Person{{"hejun", "何军"}},
		Rules: Rules{Period: "本月", Heating: true, PhotoNeeded: true, PhotoGrace: 30 * time.Minute, Recheck: []string{"phone", "address", "kin"}},
		Elders: []Elder{
			{ID: "A01", Name: "张桂兰", Aliases: []string{"张奶奶"}, Female: true, Village: "望远村", Group: "三组", Age: 78, Tier: ledger.TierKey, Mine: true, Duties: duty(1, 2)},
			{ID: "A02", Name: "张桂花", Aliases: []string{"张奶奶"}, Female: true, Village: "望远村", Group: "三组", Age: 74, Tier: ledger.TierOrdinary, Mine: true, Duties: duty(1, 1)},
			{ID: "A03", Name: "马秀兰", Female: true, Village: "望远村", Group: "一组", Age: 81, Tier: ledger.TierKey, Mine: true, Duties: duty(0, 2)},
			{ID: "A04", Name: "马秀兰", Female: true, Village: "通桥村", Group: "二组", Age: 73, Tier: ledger.TierOrdinary, Mine: true, Duties: duty(0, 1)},
		},
	}
	v.Find = func(said string) (hits []Elder, sure bool) {
		for _, e := range v.Elders {
			if e.Name == said || strings.EqualFold(e.ID, said) || slices.Contains(e.Aliases, said) {
				hits = append(hits, e)
			}
		}
		return hits, true
	}
	v.Reopeners = func(string) []Person { return []Person{{"lixia", "李霞"}} }
	v.Staff = func(user string) string {
		for _, p := range colleagues {
			if p.UserID == user {
				return p.Name
			}
		}
		return "王芳"
	}
	v.People = func(said string) []Person {
		return slices.DeleteFunc(slices.Clone(colleagues), func(p Person) bool { return said != "" && said != p.Name && said != p.UserID })
	}
	v.Under = func(user string) bool { return false }
	v.Leaves = func(string) []ledger.Leave { return nil }
	v.Sheet = func(id string) (Sheet, bool) {
		return Sheet{Kin: []ledger.Kin{{ElderID: id, Name: "张建军", Relation: "儿子"}, {ElderID: id, Name: "张晓燕", Relation: "女儿", Carer: true}}}, true
	}
	v.Silence = func() string { return "" }
	v.Basis = func(string) []string { return []string{"月巡访:002 五·巡访次数"} }
	v.Month = func() ([]byte, string) { return nil, "" }
	v.After = func(e ledger.Entry) []ledger.Duty {
		for _, x := range v.Elders {
			if x.ID == e.ElderID {
				d := x.Duties[0]
				d.Done++
				d.Last = e.Day
				return []ledger.Duty{d}
			}
		}
		return nil
	}
	return v
}

// colleagues of the speaker, two of one name.
var colleagues = []Person{{"liuyang", "刘洋"}, {"wuxia", "吴霞"}, {"wuxia2", "吴霞"}}

func input(kind Kind, text string) Input {
	now := time.Date(2026, 3, 11, 10, 0, 0, 0, zone)
	return Input{Key: "m1", User: "wangfang", Now: now, Today: ledger.DayOf(now, zone), Zone: zone, Kind: kind, Text: text, View: said(village(), text)}
}

// said is a view with the text read, the elders found by name and nickname only.
func said(v View, text string) View {
	v.Said = reader().Parts(text, "2026-03-11", called(v.Elders))
	v.Added = []understand.Part{{Text: text, Reading: reader().Read("张桂兰 "+text, "2026-03-11", called(v.Elders))}}
	return v
}

var reader = sync.OnceValue(func() *understand.Reader {
	r, err := understand.New()
	if err != nil {
		panic(err)
	}
	return r
})

type called []Elder

func (c called) Find(said string) []index.Hit {
	var out []index.Hit
	for _, e := range c {
		if e.Name == said || slices.Contains(e.Aliases, said) {
			out = append(out, index.Hit{ID: e.ID, How: index.Name})
		}
	}
	return out
}

func (c called) Elder(id string, _ ledger.Day) understand.Elder {
	for _, e := range c {
		if e.ID == id {
			return understand.Elder{Name: e.Name, Age: e.Age}
		}
	}
	return understand.Elder{Age: -1}
}

func TestOwedFirst(t *testing.T) {
	var got []string
	for _, e := range owedFirst(village().Elders) {
		got = append(got, e.ID)
	}
	if s := strings.Join(got, " "); s != "A03 A01 A04 A02" {
		t.Errorf("owed first: %s", s)
	}
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{" 待办。": "待办", "１２３": "123", "上门，都好！": "上门,都好", "「帮助」": "帮助", "马秀兰　 都好\n": "马秀兰 都好", "…": ""} {
		if got := fold(in); got != want {
			t.Errorf("fold(%q) = %q, want %q", in, got, want)
		}
	}
}

// An elder who is not the speaker's and one who does not exist get the same words.
func TestRefusalNamesNobody(t *testing.T) {
	hints := map[string]bool{}
	for _, name := range []string{"王健国", "王大锤"} {
		_, err := parseElder(name, input(Text, name))
		hints[strings.ReplaceAll(err.Error(), name, "*")] = true
	}
	if len(hints) != 1 {
		t.Errorf("two refusals: %v", hints)
	}
}

// Nothing is written before the confirmation, whatever is tapped on the way.
func TestNothingBeforeConfirmation(t *testing.T) {
	var s State
	for i, text := range []string{"张桂兰 上门 有情况", "7", "炉子漏烟", "报村里"} {
		in := input(Text, text)
		in.Key += string(rune('a' + i))
		var c ledger.Changes
		s, c = Advance(Forms, s, in)
		if len(c.Entries)+len(c.Findings)+len(c.Facts)+len(c.Photos) > 0 {
			t.Fatalf("after %q there are records: %+v", text, c)
		}
	}
	_, c := Advance(Forms, s, input(Text, "确认"))
	if len(c.Entries) != 1 || len(c.Findings) != 1 {
		t.Errorf("after the confirmation: %+v", c)
	}
}

// FuzzAdvance: no text, in no state, breaks a turn, names an elder out of view, or writes without a confirmation; every
// text fits a message and every conversation can be written down.
func FuzzAdvance(f *testing.F) {
	for _, s := range []string{"巡访", "张桂兰 上门 都好", "马秀兰\n1\n2", "确认", "返回\n取消\n继续", "紧急 有人晕倒", "13度", "\x00\xff", "７ ８", "帮助", "有情况\n1 2 3\n一\n二\n三\n修好了\n确认",
		"张桂花去世了\n昨天\n确认", "换巡访员 马秀兰\n1\n刘洋\n确认", "搬家\n马秀兰\n通桥村\n2\n确认", "改资料 张桂花\n电话\n13900000009\n跳过\n确认", "同意书\n张桂花\n1\n1 2\n纸质\n确认",
		"查马秀兰\n谁看过张桂兰\n核对\n空缺", "张桂兰都好 张桂花腿疼\n都记下\n撤销\n更正", "昨天上门看了张桂兰 血压150/90\n还有点咳嗽\n确认\n更正\n补一句\n点错了\n喝了药",
		"帮张桂花扫了院子\n还聊了会\n昨天\n确认\n更正\n改情况\n1 3", "帮扶\n张桂兰\n没见到人\n确认", "联系家属\n张桂花\n女儿\n电话\n号码不对\n确认\n13900000009",
		"给张桂兰女儿打了电话 没人接\n张桂花 都好\n都记下\n撤销", "请假 3.16-20 代班 刘洋\n确认\n销假", "请假\n明天\n3天\n没有\n改\n后天\n2天\n吴霞", "加访\n高温\n全部\n上门\n明天\n确认\n收回加访",
		"依据 张桂兰\n为什么没提醒\n本月\n待办", "马秀兰摔倒了 叫不醒\n没有危险", "张桂花 同上\n是电话不是上门\n改", "张桂兰换号了 13900000009\n改", "统计\n我明天请假\n转告"} {
		f.Add(s, byte(0))
	}
	f.Fuzz(func(t *testing.T, text string, steps byte) {
		var s State
		var logged []Logged
		opening := []string{"巡访", "张桂兰 上门 有情况", "马秀兰", "", "张桂花 电话 都好", "紧急"}
		lines := append([]string{opening[int(steps)%len(opening)]}, strings.Split(text, "\n")...)
		for i, line := range lines[:min(len(lines), 12)] {
			in := input(Text, line)
			in.View = said(leading(), line)
			in.View.Logged = logged
			in.Key += string(rune('a' + i))
			in.Now = in.Now.Add(time.Duration(i) * time.Minute)
			if i%3 == 2 {
				in.Kind, in.Task, in.Button, in.Code = Tap, s.Task, line, "code"
			}
			before, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			var c ledger.Changes
			if err := json.Unmarshal(before, &s); err != nil {
				t.Fatal(err)
			}
			s, c = Advance(Forms, s, in)
			if i == 0 && len(c.Entries)+len(c.Amended)+len(c.Edits) > 0 {
				t.Fatal("a record from a sentence alone")
			}
			for _, e := range c.Entries {
				if in.View.find(e.ElderID) == nil {
					t.Fatalf("an entry about somebody out of view: %q", e.ElderID)
				}
				logged = append([]Logged{{Record: ledger.Record{Entry: e}, Elder: *in.View.find(e.ElderID), Mine: true, Whole: true}}, logged...)
			}
			for _, m := range c.Messages {
				if len(m.Text) > textLimit || m.Text != "" && !utf8.ValidString(m.Text) && utf8.ValidString(text) {
					t.Fatalf("a text that is no message: %d bytes", len(m.Text))
				}
			}
			if len(s.Parked) > maxParked {
				t.Fatalf("%d drafts parked", len(s.Parked))
			}
		}
	})
}

// BenchmarkAdvance is a turn without a database: the card of a visit is submitted, state read and written as JSON.
func BenchmarkAdvance(b *testing.B) {
	s, c := Advance(Forms, State{}, input(Text, "巡访"))
	if len(c.Messages) != 1 {
		b.Fatal(c)
	}
	stored, err := json.Marshal(s)
	if err != nil {
		b.Fatal(err)
	}
	in := input(Tap, "")
	in.Key, in.Task, in.Button, in.Code = "m2", s.Task, "submit", "code"
	in.Picks = map[string][]string{"elder": {"A01"}, "method": {"phone"}, "outcome": {"ok"}}
	b.ReportAllocs()
	for b.Loop() {
		var s State
		if err := json.Unmarshal(stored, &s); err != nil {
			b.Fatal(err)
		}
		s, c = Advance(Forms, s, in)
		if _, err := json.Marshal(s); err != nil || len(c.Messages) != 2 {
			b.Fatal(err, c)
		}
	}
}
