package flows

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"xunfang/bot/wecom"
	"xunfang/ledger"
)

// scene is an alarm with everybody in it and a ladder of one step: whom the reports of 王芳's village concern. The whole road, with
// the real ladder, stands in the golden conversations.
type scene struct {
	t      interface{ Fatalf(string, ...any) }
	files  []ledger.CaseFile
	states map[string]State
	now    time.Time
	n      int
}

func newScene(t interface{ Fatalf(string, ...any) }) *scene {
	return &scene{t: t, states: map[string]State{}, now: input(Text, "").Now}
}

var sceneNames = map[string]string{"wangfang": "王芳", "hejun": "何军", "lixia": "李霞", "wuxia": "吴霞", "panhao": "潘浩", "liuyang": "刘洋"}

// lead leads the village in which all four elders are taken to live.
func sceneLeads(user string) bool { return user == "hejun" || user == "lixia" }

// view is the scene as somebody sees it: who leads and 王芳 see the elders, others none.
func (s *scene) view(user, text string) View {
	v := said(village(), text)
	if sceneLeads(user) {
		v.Roles = []ledger.Role{ledger.RoleVillage}
	}
	sees := sceneLeads(user) || user == "wangfang"
	if !sees {
		v = said(View{Find: func(string) ([]Elder, bool) { return nil, true }, Rules: v.Rules}, text)
	}
	v.Name, v.Known = sceneNames[user], sceneNames[user] != ""
	v.Staff = func(u string) string { return sceneNames[u] }
	v.People = func(said string) []Person {
		all := []Person{{"liuyang", "刘洋"}, {"wuxia", "吴霞"}}
		return slices.DeleteFunc(all, func(p Person) bool { return said != "" && said != p.Name && said != p.UserID })
	}
	v.Oversees = func(string) bool { return sceneLeads(user) }
	v.Rules.Quiet, v.Rules.Join, v.Rules.Follow = 30*time.Minute, 2*time.Hour, 3
	v.Home = "V1"
	for i := range v.Elders {
		v.Elders[i].Region = "V1"
	}
	v.Near = func(a, b string) bool { return a == b }
	v.Alarms, v.AlarmCount, v.AlarmsToday = s.files, int64(len(s.files)), len(s.files)
	v.Case = func(key string) (CaseView, bool) {
		i := slices.IndexFunc(s.files, func(f ledger.CaseFile) bool { return f.Key == key })
		if i < 0 {
			return CaseView{}, false
		}
		c := s.as(s.files[i], user)
		return c, c.Sight > ledger.CaseNone
	}
	v.Spot = func(said string) (string, string) {
		for _, e := range village().Elders {
			if strings.Contains(said, e.Name) && e.Name != "马秀兰" {
				return e.ID, "V1"
			}
		}
		if strings.Contains(said, "望远村") {
			return "", "V1"
		}
		return "", ""
	}
	v.Tells = func(ledger.Case) []Person { return []Person{{"hejun", "何军"}, {"lixia", "李霞"}} }
	return v
}

// as is a case as somebody sees it.
func (s *scene) as(f ledger.CaseFile, user string) CaseView {
	c := CaseView{CaseFile: f, User: user, Leads: sceneLeads(user), Names: func(u string) string { return sceneNames[u] }, Village: "望远村"}
	access := ledger.Access{}
	if user == "wangfang" {
		access.Sight = ledger.SightCare
	}
	c.Sight = ledger.MayCase(f, user, access, sceneLeads(user), false)
	c.Reporter = ledger.Person{Name: sceneNames[f.By], Phone: "13900000009"}
	for _, e := range village().Elders {
		if e.ID == f.ElderID && c.Sight >= ledger.CasePart {
			c.Who, c.Where = e.full(), "望远村一组1号"
			if c.Sight == ledger.CaseAll {
				c.Phone, c.Kin, c.KinPhone = "13900000101", "女儿张晓燕 西安市", "13900000301"
			}
		}
	}
	if c.Sight < ledger.CasePart {
		c.About, c.Place = "", ""
	}
	return c
}

// do plays one message of somebody, the ladder and the spread, and gives what came of it.
func (s *scene) do(user string, kind Kind, text, button string, picks map[string][]string) (ledger.Changes, []ledger.Message) {
	s.n++
	s.now = s.now.Add(time.Second)
	in := input(kind, text)
	in.Key, in.User, in.Now, in.Button, in.Picks = fmt.Sprint("m", s.n), user, s.now, button, picks
	in.View = s.view(user, text)
	if kind == Tap {
		in.Code, in.Task = "code", "t"
	}
	kept, err := json.Marshal(s.states[user])
	if err != nil {
		s.t.Fatalf("%v", err)
	}
	var st State
	if err := json.Unmarshal(kept, &st); err != nil {
		s.t.Fatalf("%v", err)
	}
	st, c := Advance(Forms, st, in)
	s.states[user] = st
	var spread []ledger.Message
	for i, step := range c.Cases {
		var was ledger.CaseFile
		at := slices.IndexFunc(s.files, func(f ledger.CaseFile) bool { return f.Key == step.Case.Key })
		if at >= 0 {
			was = s.files[at]
		}
		rings := s.climb(&step)
		c.Cases[i] = step
		as := func(u string) CaseView { return s.as(was.With(step), u) }
		spread = append(spread, Spread(was, step, as, in)...)
		if slices.ContainsFunc(spread, func(m ledger.Message) bool { return m.To == user }) {
			s.t.Fatalf("%s hears of what they did themselves: %+v", user, spread)
		}
		for _, ring := range rings {
			spread = append(spread, Rung(ring, as(ring.To), in))
		}
		if at >= 0 {
			s.files[at] = was.With(step)
		} else {
			s.files = append(s.files, was.With(step))
		}
	}
	return c, spread
}

// climb tells the two leads of a wave that has told nobody yet.
func (s *scene) climb(step *ledger.CaseStep) (rings []ledger.Ring) {
	if step.Case.Kind != ledger.CaseAlarm || step.Case.State.Over() || step.Case.Rung > 0 {
		return nil
	}
	step.Case.Rung, step.Case.Due = 1, s.now.Add(5*time.Minute)
	for _, to := range []string{"hejun", "lixia"} {
		if to != step.Case.By {
			step.Add(ledger.Event{Kind: ledger.EventTold, To: to, Level: ledger.RoleVillage, Wave: step.Case.Wave, At: s.now,
				Message: fmt.Sprintf("case/%s/%d/0/%s", step.Case.Key, step.Case.Wave, to)})
			rings = append(rings, ledger.Ring{Event: step.Events[len(step.Events)-1], Why: ledger.EventRaised})
		}
	}
	if step.Case.By == "panhao" || step.Case.Wave > 0 {
		return rings
	}
	step.Add(ledger.Event{Kind: ledger.EventShown, To: "panhao", Dept: "公安", Wave: step.Case.Wave, At: s.now, Message: "case/" + step.Case.Key + "/dept"})
	return append(rings, ledger.Ring{Event: step.Events[len(step.Events)-1], Why: ledger.EventRaised})
}

func (s *scene) say(user, text string) (ledger.Changes, []ledger.Message) {
	return s.do(user, Text, text, "", nil)
}

func (s *scene) tap(user, verb string) (ledger.Changes, []ledger.Message) {
	verb, arg, _ := strings.Cut(verb, ":")
	return s.do(user, Tap, "", strings.TrimSuffix(caseButton(verb, s.files[0].Key)+":"+arg, ":"), nil)
}

func TestCry(t *testing.T) {
	for said, want := range map[string]string{
		"紧急": "|false|true", "urgent": "|false|true", "救命啊": "|false|true", "出事了 在二组": "在二组|false|true", "紧急:李秀英摔倒了": "李秀英摔倒了|false|true",
		"紧急情况": "|false|true", "演练": "|true|true", "演练 望远村": "望远村|true|true", "紧急 演练": "|true|true",
		"紧急联系人换了": "|false|false", "紧急电话是多少": "|false|false", "出事了吗": "|false|false", "救命恩人": "|false|false", "演练结束了": "|false|false", "不紧急": "|false|false",
	} {
		about, drill, ok := cry(said)
		if got := fmt.Sprintf("%s|%v|%v", about, drill, ok); got != want {
			t.Errorf("%q: %s, want %s", said, got, want)
		}
	}
}

// Two reports of one event are one case (requirements §3 case 4), and two events are two.
func TestSame(t *testing.T) {
	for _, c := range []struct {
		name  string
		first string
		after time.Duration
		who   string
		then  string
		cases int
	}{
		{"the same elder", "紧急 张桂兰摔倒了", time.Minute, "hejun", "紧急 张桂兰摔倒了", 1},
		{"the same elder, another kind", "紧急 张桂兰摔倒了", time.Minute, "hejun", "紧急 张桂兰家着火了", 1},
		{"the same elder, long after", "紧急 张桂兰摔倒了", 3 * time.Hour, "hejun", "紧急 张桂兰摔倒了", 2},
		{"another elder of the same place", "紧急 张桂兰摔倒了", time.Minute, "hejun", "紧急 张桂花摔倒了", 2},
		{"the same place and kind", "紧急 望远村有人摔倒了", time.Minute, "hejun", "紧急 望远村有人摔倒了", 1},
		{"the same place, another kind", "紧急 望远村有人摔倒了", time.Minute, "hejun", "紧急 望远村着火了", 2},
		{"where they work is no place", "紧急 有人摔倒了", time.Minute, "hejun", "紧急 有人摔倒了", 2},
		{"one's own without a place", "紧急", time.Minute, "wangfang", "紧急 着火了", 1},
		{"one's own, nothing new", "紧急 张桂兰摔倒了", time.Minute, "wangfang", "紧急", 1},
		{"one's own, nothing new, later", "紧急 张桂兰摔倒了", 31 * time.Minute, "wangfang", "紧急", 2},
		{"who does not see the elder", "紧急 张桂兰摔倒了", time.Minute, "wuxia", "紧急 张桂兰摔倒了", 1},
		{"a drill is none of it", "紧急 望远村有人摔倒了", time.Minute, "hejun", "演练 望远村有人摔倒了", 2},
		{"several of one name, of whom none is meant", "紧急 张桂兰摔倒了", time.Minute, "hejun", "紧急 马秀兰摔倒了", 2},
	} {
		s := newScene(t)
		s.say("wangfang", c.first)
		s.now = s.now.Add(c.after)
		_, told := s.say(c.who, c.then)
		if len(s.files) != c.cases {
			t.Errorf("%s: %d cases, want %d", c.name, len(s.files), c.cases)
		}
		for _, m := range told {
			if c.cases == 1 && m.Card != nil && m.Of == "" && !strings.Contains(c.name, "another kind") {
				t.Errorf("%s: %s is rung again", c.name, m.To)
			}
		}
	}
}

// A graver kind begins the ladder anew, whoever has the case; a lesser one changes nothing of that.
func TestGraver(t *testing.T) {
	s := newScene(t)
	s.say("wangfang", "紧急 张桂兰摔倒了")
	s.tap("hejun", "take")
	c, _ := s.say("wangfang", "张桂兰家着火了")
	if x := s.files[0]; len(s.files) != 1 || x.What != "fire" || x.State != ledger.CaseOpen || x.Owner != "" || x.Wave != 1 {
		t.Fatalf("%+v", x.Case)
	}
	if !slices.ContainsFunc(c.Cases[0].Events, func(e ledger.Event) bool { return e.Kind == ledger.EventTold && e.To == "hejun" && e.Wave == 1 }) {
		t.Errorf("nobody is rung again: %+v", c.Cases[0].Events)
	}
	s.tap("hejun", "take")
	s.say("wangfang", "张桂兰摔倒了")
	if x := s.files[0]; x.What != "fire" || x.Owner != "hejun" {
		t.Errorf("a lesser kind took it away: %+v", x.Case)
	}
}

// everyVerb is every button of an emergency, with what some need besides.
func everyVerb() []string {
	out := []string{"to:liuyang", "to:wuxia", "to:nobody", "news:arrived", "news:", "false:wrong", "end:hospital", "end:other", "over:safe", "over:other", "who:A01", "who:A99", "kind:fire", "nonsense", "take:x"}
	for verb := range alarmDeeds {
		out = append(out, verb)
	}
	slices.Sort(out)
	return out
}

// Who has no part in a case, and who names one that does not exist, get the same words and change nothing; who has part changes
// only what is theirs.
func TestActsOfWhoMayNot(t *testing.T) {
	for _, verb := range everyVerb() {
		answers := map[string]bool{}
		for _, user := range []string{"wuxia", "stranger"} {
			for _, key := range []string{"", "c000000000000000000000000"} {
				s := newScene(t)
				s.say("wangfang", "紧急 张桂兰摔倒了")
				if key != "" {
					s.files[0].Key = key
				}
				name, arg, _ := strings.Cut(verb, ":")
				button := caseButton(name, s.files[0].Key) + ":" + arg
				if key != "" {
					button = caseButton(name, "c111111111111111111111111") + ":" + arg
				}
				c, spread := s.do(user, Tap, "", button, nil)
				if len(c.Cases)+len(c.Edits)+len(spread) > 0 || slices.ContainsFunc(c.Messages, func(m ledger.Message) bool { return m.To != user }) {
					t.Errorf("%s by %s: %+v", verb, user, c)
				}
				var words []string
				for _, m := range c.Messages {
					words = append(words, m.Words())
				}
				answers[strings.Join(words, "|")] = true
			}
		}
		if len(answers) != 1 {
			t.Errorf("%s is answered in several ways: %v", verb, answers)
		}
	}
	for user, verbs := range map[string][]string{
		"wangfang": {"take", "pass", "to:wuxia", "news:arrived", "false:wrong", "end", "over:safe", "claim", "family"},
		"panhao":   {"take", "pass", "to:wuxia", "news:arrived", "false:wrong", "end", "over:safe", "doubt", "doubted", "family"},
	} {
		for _, verb := range verbs {
			s := newScene(t)
			s.say("wangfang", "紧急 张桂兰摔倒了")
			if c, spread := s.tap(user, verb); len(c.Cases)+len(c.Edits)+len(spread) > 0 {
				t.Errorf("%s may %s: %+v", user, verb, c.Cases)
			}
		}
	}
}

// What is tapped twice happens once, and the second tap says so on its card.
func TestActsTwice(t *testing.T) {
	for _, c := range []struct{ user, before, verb string }{
		{"hejun", "", "take"}, {"hejun", "take", "news:arrived"}, {"hejun", "take", "to:liuyang"}, {"wangfang", "", "dialed"}, {"wangfang", "", "with"},
		{"wangfang", "", "doubted"}, {"panhao", "", "claim"}, {"hejun", "", "false:wrong"}, {"hejun", "take", "over:safe"}, {"lixia", "over:safe", "family"},
	} {
		s := newScene(t)
		s.say("wangfang", "紧急 张桂兰摔倒了")
		if c.before != "" {
			s.tap("hejun", c.before)
		}
		first, _ := s.tap(c.user, c.verb)
		second, spread := s.tap(c.user, c.verb)
		if len(first.Cases) != 1 || len(second.Cases)+len(second.Edits)+len(spread) > 0 {
			t.Errorf("%s by %s: %d steps, then %d and %d messages to others", c.verb, c.user, len(first.Cases), len(second.Cases), len(spread))
		}
		if !slices.ContainsFunc(second.Messages, func(m ledger.Message) bool { return m.Code != "" && m.Card != nil && m.Fallback != "" }) {
			t.Errorf("%s by %s: the second tap is not answered on its card: %+v", c.verb, c.user, second.Messages)
		}
	}
}

// Taken by one, it is not taken away by another.
func TestSecondTaker(t *testing.T) {
	s := newScene(t)
	s.say("wangfang", "紧急 张桂兰摔倒了")
	s.tap("hejun", "take")
	c, _ := s.tap("lixia", "take")
	if len(c.Cases) > 0 || s.files[0].Owner != "hejun" || !strings.Contains(c.Messages[0].Fallback, "何军") {
		t.Errorf("%+v %+v", s.files[0].Case, c.Messages)
	}
	if c, _ = s.tap("lixia", "with"); len(c.Cases) != 1 || s.files[0].Owner != "hejun" {
		t.Errorf("who goes along, too: %+v", c.Cases)
	}
}

// A department that claims leaves the ladder as it is.
func TestClaimStopsNothing(t *testing.T) {
	s := newScene(t)
	s.say("wangfang", "紧急 张桂兰摔倒了")
	due := s.files[0].Due
	s.tap("panhao", "claim")
	if x := s.files[0]; x.State != ledger.CaseOpen || x.Owner != "" || !x.Due.Equal(due) {
		t.Errorf("%+v", x.Case)
	}
	if x, _ := s.files[0].Last(ledger.EventTaken); x.Dept != "公安" {
		t.Errorf("%+v", x)
	}
}

// An end makes a visit owed and lets a person tell the family; of what somebody of the family may be behind nothing is prepared
// for them.
func TestEndAndFamily(t *testing.T) {
	for kind, want := range map[string]bool{"摔倒了": true, "被儿子打了": false} {
		s := newScene(t)
		s.say("wangfang", "紧急 张桂兰"+kind)
		s.tap("hejun", "take")
		c, _ := s.tap("hejun", "over:safe")
		if x := s.files[0]; x.State != ledger.CaseEnded || !x.Due.IsZero() || x.Outcome != "平安" {
			t.Errorf("%s: %+v", kind, x.Case)
		}
		if len(c.Edits) != 1 || !slices.Equal(c.Edits[0].Book.Follows, []ledger.Follow{{ElderID: "A01", From: "2026-03-11", To: "2026-03-14", No: s.files[0].No}}) {
			t.Errorf("%s: %+v", kind, c.Edits)
		}
		offered := slices.ContainsFunc(c.Messages, func(m ledger.Message) bool { return strings.Contains(m.Words(), "已告诉家属") })
		if offered != want {
			t.Errorf("%s: the family is offered: %v", kind, offered)
		}
		if c, _ = s.tap("hejun", "family"); (len(c.Cases) == 1) != want {
			t.Errorf("%s: the family is told: %+v", kind, c.Cases)
		}
	}
	s := newScene(t)
	s.say("hejun", "演练 张桂兰摔倒了")
	if c, _ := s.tap("lixia", "over:safe"); len(c.Edits) > 0 || !strings.HasPrefix(c.Messages[0].Fallback, "【演练】") {
		t.Errorf("a drill owes a visit: %+v", c)
	}
}

// Who may not see an elder is answered alike whether the elder exists, exists and is in danger already, or was never heard of.
func TestUnseenElderIsNotTold(t *testing.T) {
	answers := map[string]bool{}
	for _, name := range []string{"张桂兰", "张桂花", "王大锤"} {
		s := newScene(t)
		s.say("wangfang", "紧急 张桂兰摔倒了")
		s.tap("hejun", "take")
		c, _ := s.say("wuxia", "紧急 "+name+"摔倒了")
		var words []string
		for _, m := range c.Messages {
			if m.To == "wuxia" {
				words = append(words, strings.ReplaceAll(m.Words(), name, "*"))
			}
		}
		state, err := json.Marshal(s.states["wuxia"])
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, fmt.Sprint(len(state)))
		answers[strings.Join(words, "\n")] = true
	}
	if len(answers) != 1 {
		t.Errorf("%d answers: %v", len(answers), answers)
	}
}

// An alarm ends every doubt about what comes first: the first message is the number to call, whatever was under way.
func TestNumbersFirst(t *testing.T) {
	for _, before := range [][]string{nil, {"巡访"}, {"张桂兰 上门 有情况"}, {"张桂兰 上门 都好"}, {"帮扶"}, {"紧急 张桂花走失了"}} {
		for _, cry := range []string{"紧急", "救命", "紧急 张桂兰摔倒了"} {
			s := newScene(t)
			for _, line := range before {
				s.say("wangfang", line)
			}
			s.now = s.now.Add(11 * time.Minute)
			c, _ := s.say("wangfang", cry)
			if len(c.Cases) == 0 || c.Messages[0].Priority != ledger.PriorityAlarm || !strings.HasPrefix(c.Messages[0].Text, "⚠ 先打") {
				t.Errorf("%v, %s: %+v", before, cry, c.Messages)
			}
		}
	}
}

// Whatever anybody says or taps, a case stays whole, nobody gets two messages for one step, every card fits a phone, and no word
// of the elder reaches who may not see them.
func TestAlarmHoldsTogether(t *testing.T) {
	users := []string{"wangfang", "hejun", "lixia", "wuxia", "panhao", "stranger", "liuyang"}
	words := []string{"紧急", "紧急 张桂兰摔倒了", "紧急 马秀兰不见了", "演练", "张桂花家着火了", "在望远村", "摔倒了 叫不醒", "取消", "搞错了", "误报", "老人没事", "是误报", "刘洋", "吴霞",
		"巡访", "张桂兰 上门 都好", "急260311-1", "急260311-1 我来", "急260311-1 转给刘洋", "急260311-1 结束 没事了", "急260311-1 在路上", "急260311-9 我来", "跳过", "确认", "不是她是张桂花", "", "\x00"}
	verbs := everyVerb()
	seen := map[ledger.EventKind]int{}
	rapid.Check(t, func(r *rapid.T) {
		s := newScene(r)
		s.say("wangfang", rapid.SampledFrom(words[:3]).Draw(r, "first"))
		for range rapid.IntRange(4, 30).Draw(r, "n") {
			user := rapid.SampledFrom(users).Draw(r, "user")
			s.now = s.now.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 1, 20, 40}).Draw(r, "minutes")) * time.Minute)
			var c ledger.Changes
			var spread []ledger.Message
			switch rapid.IntRange(0, 5).Draw(r, "what") {
			case 0, 1:
				c, spread = s.say(user, rapid.SampledFrom(words).Draw(r, "text"))
			case 2:
				c, spread = s.do(user, rapid.SampledFrom([]Kind{Photo, Voice, Location, Other}).Draw(r, "kind"), "", "", nil)
			default:
				f := rapid.SampledFrom(s.files).Draw(r, "case")
				verb, arg, _ := strings.Cut(rapid.SampledFrom(verbs).Draw(r, "verb"), ":")
				c, spread = s.do(user, Tap, "", caseButton(verb, f.Key)+":"+arg, map[string][]string{"what": {rapid.SampledFrom([]string{"-", "fall", "abuse", "x"}).Draw(r, "pick")}})
			}
			s.whole(r, seen)
			heard := map[string]bool{}
			for _, m := range spread {
				if heard[m.To] && len(c.Cases) == 1 {
					r.Fatalf("%s gets two messages for one step: %s", m.To, m.Words())
				}
				heard[m.To] = true
			}
			for _, m := range append(c.Messages, spread...) {
				s.fits(r, m)
			}
		}
	})
	for _, kind := range []ledger.EventKind{ledger.EventTaken, ledger.EventNews, ledger.EventMore} { // the others have tests of their own
		if seen[kind] == 0 {
			t.Errorf("nothing was %s: not tried", kind)
		}
	}
}

// whole holds the cases against what they promise.
func (s *scene) whole(t *rapid.T, seen map[ledger.EventKind]int) {
	for _, f := range s.files {
		switch {
		case f.State.Over() != f.Due.IsZero():
			t.Fatalf("%s is %s and due at %v", f.No, f.State, f.Due)
		case f.State == ledger.CaseTaken && f.Owner == "" || f.State == ledger.CaseOpen && f.Owner != "":
			t.Fatalf("%s is %s with %q", f.No, f.State, f.Owner)
		case f.Events != len(f.Timeline):
			t.Fatalf("%s has %d events, says %d", f.No, len(f.Timeline), f.Events)
		}
		for i, e := range f.Timeline {
			seen[e.Kind]++
			if e.N != i+1 || e.CaseKey != f.Key || e.At.IsZero() || e.At.After(s.now) {
				t.Fatalf("%s: event %d is %+v", f.No, i, e)
			}
		}
		over := slices.IndexFunc(f.Timeline, func(e ledger.Event) bool { return e.Kind == ledger.EventEnded || e.Kind == ledger.EventFalse })
		if over >= 0 && slices.ContainsFunc(f.Timeline[over+1:], func(e ledger.Event) bool { return e.Kind != ledger.EventFamily }) {
			t.Fatalf("%s goes on after its end: %+v", f.No, f.Timeline[over+1:])
		}
	}
}

// fits holds a message against what WeCom takes and what its reader may see.
func (s *scene) fits(t *rapid.T, m ledger.Message) {
	if m.Photo != "" {
		return
	}
	if m.Key == "" || m.To == "" || m.Card == nil && m.Text == "" || len(m.Text) > textLimit || m.Of != "" && (m.Card == nil || m.Fallback == "") {
		t.Fatalf("no message: %+v", m)
	}
	if m.Card != nil {
		card := *m.Card
		if card.Task == "" && (m.Code == "" && m.Of == "") {
			t.Fatalf("a card without a task: %+v", card)
		}
		card.Task = "t" // an update has none of its own
		if errs := wecom.Check(card, card.Done != ""); len(errs) > 0 && (card.Title != "" || card.Done == "") {
			t.Fatalf("%v: %+v", errs, card)
		}
	}
	words := m.Words() + m.Fallback
	part := slices.ContainsFunc(s.files, func(f ledger.CaseFile) bool { return s.as(f, m.To).Sight >= ledger.CasePart })
	if !part && (strings.Contains(words, "78岁") || strings.Contains(words, "一组1号")) {
		t.Fatalf("%s is told of the elder: %s", m.To, words)
	}
	if strings.Contains(words, "13900000301") && !sceneLeads(m.To) && m.To != "wangfang" {
		t.Fatalf("%s is told of the family: %s", m.To, words)
	}
}
