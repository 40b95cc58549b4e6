package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/ledger/names"
	"xunfang/ledger/papers"
	"xunfang/scheduler"
	"xunfang/store/storetest"
)

// A refusal names nobody and is the same for elders who exist and who do not (contract, "Who hears and who sees"). Here
// everybody who may not see some elders asks for them on every road that takes a name, and is told what they would be told
// if those elders had never lived.

// outsiders may not see the hidden elders: of another township, a department, a volunteer.
var outsiders = []string{"wangfang", "mali", "hejun", "lixia", "keeper", "panhao", "volunteer", "wanderer"}

// hidden lives in 李俊镇; invented nowhere, with a name and numbers of the same length that are like nobody's.
var (
	hidden   = []string{"A27", "A14", "A59"}
	invented = ledger.Elder{ID: "A99", Name: "豆皮筏", Aliases: "豆皮", Phone: "13900000999", IDNumber: papers.SampleIDNumber("1951-05-05", "女", 499)}
)

// road is one way to ask for an elder; every %s is the word for them.
type road struct {
	acts  []string // "> text", "[button key]" or "▢ elder": a forged choice on the open card
	alarm bool     // it is meant to reach others, whoever it is about
}

var refusals = func() []road {
	var out []road
	for _, text := range []string{"查%s", "查一下%s", "%s资料", "资料 %s", "谁看过%s", "谁看了%s", "%s 上门 都好", "%s 电话 有情况", "%s", "%s去世了", "去世 %s", "%s 住院了",
		"暂停 %s", "%s迁出了", "退出 %s", "恢复%s", "%s回来了", "指派 %s", "换巡访员 %s", "%s换巡访员", "搬家 %s", "%s搬到望远村一组", "%s迁到沙湾村", "改资料 %s",
		"%s改资料", "同意书 %s", "撤回同意 %s", "%s签了同意书"} {
		out = append(out, road{acts: []string{"> " + text}})
	}
	for _, word := range []string{"巡访", "去世", "暂停", "恢复", "指派", "搬家", "改资料", "同意书", "撤回同意"} {
		out = append(out, road{acts: []string{"> " + word, "> %s"}}, road{acts: []string{"> " + word, "▢ %s"}}, road{acts: []string{"> " + word, "> 查%s", "> 接着记"}})
	}
	for _, verb := range []string{"card", "call", "seen", "visit", "assign", "move", "correct", "consent", "standing"} {
		out = append(out, road{acts: []string{"[go:" + verb + ":%s]"}})
	}
	for _, key := range []string{"go:standing:%s:去世:2026-03-10:", "go:standing:%s:暂停:2026-03-10:住院", "go:take:%s", "go:leave:%s", "go:take:%s/phone"} {
		out = append(out, road{acts: []string{"[" + key + "]"}})
	}
	return append(out, road{acts: []string{"> 紧急 %s摔倒了"}, alarm: true}, road{acts: []string{"> 紧急", "> %s摔倒了"}, alarm: true})
}()

// counted counts what finding a name costs: how often it is asked who is in sight, of whom.
type counted struct {
	finder
	finds int
	asks  map[string]int
}

func (c *counted) Find(said string, may func(string) bool, limit int) []names.Hit {
	c.finds++
	return c.finder.Find(said, func(id string) bool { c.asks[id]++; return may(id) }, limit)
}

func (c *counted) Among(said string, ids []string, limit int) []names.Hit {
	c.finds++
	for _, id := range ids {
		c.asks[id]++
	}
	return c.finder.Among(said, ids, limit)
}

// refusing is the sample county, some elders left out, with a keeper of one township and a volunteer besides.
type refusing struct {
	roster  *ledger.Roster
	finder  finder
	pack    scheduler.Pack
	entries []ledger.Entry
}

func newRefusing(t testing.TB, without ...string) *refusing {
	t.Helper()
	today := ledger.DayOf(wednesday, beijing)
	sample := papers.Sample(today)
	left := func(id string) bool { return slices.Contains(without, id) }
	sample.Elders = slices.DeleteFunc(sample.Elders, func(e ledger.Elder) bool { return left(e.ID) })
	sample.Kin = slices.DeleteFunc(sample.Kin, func(k ledger.Kin) bool { return left(k.ElderID) })
	sample.Assignments = slices.DeleteFunc(sample.Assignments, func(a ledger.Assignment) bool { return left(a.ElderID) })
	sample.Pairs = slices.DeleteFunc(sample.Pairs, func(p ledger.Pair) bool { return left(p.ElderID) })
	sample.Tierings = slices.DeleteFunc(sample.Tierings, func(x ledger.Tiering) bool { return left(x.ElderID) })
	sample.People = append(sample.People, ledger.Person{UserID: "keeper", Name: "档案员"}, ledger.Person{UserID: "volunteer", Name: "志愿者"})
	sample.Posts = append(sample.Posts, ledger.Post{UserID: "keeper", Role: ledger.RoleKeeper, Region: "640121101"},
		ledger.Post{UserID: "volunteer", Role: ledger.RoleVolunteer, Region: "640121"})
	d, err := ledger.Book{}.Compare(ledger.Edit{Book: sample, By: ledger.ByImport, Today: today.Add(-200)})
	if err != nil {
		t.Fatal(err)
	}
	pack, err := scheduler.Load("yongning")
	if err != nil {
		t.Fatal(err)
	}
	r := &refusing{roster: ledger.NewRoster(d.Book()), pack: pack}
	r.entries = slices.DeleteFunc(papers.SampleEntries(today), func(e ledger.Entry) bool { return left(e.ElderID) })
	r.finder = finder{base: names.New(r.roster)}
	return r
}

// answer is all that comes of a road: what everybody hears, and what is left behind.
type answer struct {
	heard, state string
	written      int // looks, records, edits
	others       int // messages to anybody else
	finds        int
	asks         map[string]int
}

// walk takes a road and gives what came of it, in a world of its own.
func (r *refusing) walk(t *testing.T, user string, way road, word string) answer {
	find := &counted{finder: r.finder, asks: map[string]int{}}
	w := &pure{t: t, now: wednesday, states: map[string][]byte{}, bound: map[string]string{}, o: outlook{roster: r.roster, pack: r.pack, names: find}}
	w.o.entries = slices.Clip(r.entries)
	var a answer
	task := ""
	for _, act := range way.acts {
		act = strings.ReplaceAll(act, "%s", word)
		switch {
		case strings.HasPrefix(act, "> "):
			w.say(user, act[2:])
		case strings.HasPrefix(act, "["):
			w.tap(user, "forged", strings.Trim(act, "[]"), nil)
		default:
			pick := []string{strings.TrimPrefix(act, "▢ ")}
			w.tap(user, task, "submit", map[string][]string{"elder": pick, "which": pick, "who": pick})
		}
		for _, o := range w.take() {
			if way.alarm && o.to != user { // it goes to the right village all the same; what is looked at is what the speaker learns
				continue
			}
			a.heard += fmt.Sprintf("%s %v %v %s %s %s\n", o.to, o.update, o.call, o.text, asJSON(t, o.card), o.record)
			if o.record != "" {
				a.written++
			} else if o.to != user {
				a.others++
			}
			if o.card != nil && o.to == user && !o.update {
				task = o.card.Task
			}
		}
	}
	a.state = string(w.states[user])
	a.written += len(w.looks) + len(w.steps) + len(w.o.open) + len(w.o.findings) + len(w.o.entries) - len(r.entries)
	a.finds, a.asks = find.finds, find.asks
	return a
}

// words are what somebody may be asked for by.
func wordsFor(e ledger.Elder) []string {
	return []string{e.ID, e.Name, strings.Split(e.Aliases, "、")[0], e.Phone, e.IDNumber}
}

// TestRefusalTellsNothing: on every road an elder out of sight is answered byte for byte as if the elder were not on the ledger
// at all, and leaves the same state; nothing is written and nobody else hears of it. The search asks the same questions
// about everybody else, and a bounded number about the elder.
func TestRefusalTellsNothing(t *testing.T) {
	t.Parallel()
	with := newRefusing(t)
	today := ledger.DayOf(wednesday, beijing)
	for i, id := range hidden {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			without := newRefusing(t, id)
			e, _ := with.roster.Elder(id)
			words := wordsFor(e)
			if i > 0 {
				words = words[:2] // one elder by every word is enough
			}
			for _, user := range outsiders {
				if with.roster.May(user, id, today) != (ledger.Access{}) {
					t.Fatalf("%s is no outsider to %s", user, id)
				}
				for _, word := range words {
					for _, way := range refusals {
						there, not := with.walk(t, user, way, word), without.walk(t, user, way, word)
						about := fmt.Sprintf("%s asks for %s by %q", user, id, way.acts)
						if there.heard != not.heard {
							t.Errorf("%s and is told\n%s, though without the elder\n%s", about, there.heard, not.heard)
						}
						if there.state != not.state {
							t.Errorf("%s: what is left behind differs:\n%s\n%s", about, there.state, not.state)
						}
						if there.written != not.written || there.others != not.others {
							t.Errorf("%s: %d written and %d told, without the elder %d and %d", about, there.written, there.others, not.written, not.others)
						}
						if there.finds != not.finds {
							t.Errorf("%s: %d searches, without the elder %d", about, there.finds, not.finds)
						}
						if there.asks[id] > 40*there.finds {
							t.Errorf("%s: sight of the elder is asked %d times in %d searches", about, there.asks[id], there.finds)
						}
						delete(there.asks, id)
						if fmt.Sprint(there.asks) != fmt.Sprint(not.asks) {
							t.Errorf("%s: the search asks otherwise for others than it does without the elder", about)
						}
					}
				}
			}
		})
	}
}

// TestRefusalOfTheInvented: an elder out of sight and one nobody ever heard of get the same answer but for the word itself,
// nothing is written of either and nobody else hears of it.
func TestRefusalOfTheInvented(t *testing.T) {
	r := newRefusing(t)
	e, _ := r.roster.Elder(hidden[0])
	real, made := []string{e.ID, e.Name, e.Phone, e.IDNumber}, []string{invented.ID, invented.Name, invented.Phone, invented.IDNumber}
	for _, user := range outsiders {
		for i := range real {
			for _, way := range refusals {
				got, want := r.walk(t, user, way, real[i]), r.walk(t, user, way, made[i])
				about := fmt.Sprintf("%s by %q, word %d", user, way.acts, i)
				if a, b := blanked(got.heard, real[i]), blanked(want.heard, made[i]); a != b {
					t.Errorf("%s is told\n%s of the elder, and of the invented one\n%s", about, a, b)
				}
				if a, b := blanked(got.state, real[i]), blanked(want.state, made[i]); a != b {
					t.Errorf("%s leaves\n%s of the elder, and of the invented one\n%s", about, a, b)
				}
				if got.written+want.written > 0 {
					t.Errorf("%s writes something: %d and %d", about, got.written, want.written)
				}
				if others := got.others + want.others; others > 0 && !way.alarm {
					t.Errorf("%s tells %d others: %s", about, others, got.heard)
				}
			}
		}
	}
}

// blanked takes the word out of an answer, and its beginning where the answer clips it.
func blanked(text, word string) string {
	text = strings.ReplaceAll(text, word, "…")
	for r := []rune(word); len(r) > 3; r = r[:len(r)-1] {
		text = strings.ReplaceAll(text, string(r)+"…", "…")
	}
	return text
}

// TestRefusalThroughCallback: a forged button of an elder out of sight is answered over the wire as that of nobody, and no look
// and no record comes of it.
func TestRefusalThroughCallback(t *testing.T) {
	r := newRig(t, storetest.SQLite, "yongning", wednesday)
	ctx := context.Background()
	before, err := r.store.Entries(ctx, hidden, "2000-01-01")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	tap := func(user, key string) string {
		n++
		from := len(r.sim.Messages(user))
		d := r.sim.Raw(fmt.Sprintf("<xml><ToUserName><![CDATA[%s]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName><CreateTime>%d</CreateTime><MsgType><![CDATA[event]]></MsgType>"+
			"<Event><![CDATA[template_card_event]]></Event><EventKey><![CDATA[%s]]></EventKey><TaskId><![CDATA[forged%d]]></TaskId><CardType><![CDATA[button_interaction]]></CardType><AgentID>%d</AgentID></xml>",
			testCorp, user, r.Now().Unix(), key, n, testAgent))
		if d.Status != 200 {
			t.Fatalf("%s: %d %s", key, d.Status, d.Err)
		}
		r.settle(t)
		r.now.Add(time.Minute.Milliseconds())
		var told []string
		for _, m := range r.sim.Messages(user)[from:] {
			told = append(told, m.Text)
		}
		if len(told) == 0 {
			t.Errorf("%s: %s is answered by nothing", user, key)
		}
		return strings.Join(told, "\n")
	}
	for _, user := range []string{"wangfang", "hejun", "lixia"} {
		for _, verb := range []string{"card", "call", "seen", "assign", "move", "correct", "consent", "standing"} {
			real, made := tap(user, "go:"+verb+":A27"), tap(user, "go:"+verb+":A99")
			if blanked(real, "A27") != blanked(made, "A99") {
				t.Errorf("%s go:%s: %q of the elder, %q of nobody", user, verb, real, made)
			}
			if strings.Contains(real, "丁桂香") {
				t.Errorf("%s go:%s names the elder", user, verb)
			}
		}
	}
	for _, id := range hidden {
		if looks, err := r.store.Looks(ctx, id, nil, 100); err != nil || len(looks) > 0 {
			t.Errorf("a look at %s is on record: %+v %v", id, looks, err)
		}
	}
	after, err := r.store.Entries(ctx, hidden, "2000-01-01")
	if err != nil || len(after) != len(before) {
		t.Errorf("%d records of the hidden, before %d: %v", len(after), len(before), err)
	}
}

// BenchmarkRefusal is a visitor's whole turn but for the database and the network, in a county of 50,000 elders: asking for one
// out of sight, for one who does not exist, and for a name that 100 elders out of sight bear.
func BenchmarkRefusal(b *testing.B) {
	const villages, elders, common = 250, 50_000, "赵春来"
	book := ledger.Book{Regions: []ledger.Region{{Code: "c", Name: "县", Level: ledger.LevelCounty}}}
	for v := range villages {
		book.Regions = append(book.Regions, ledger.Region{Code: fmt.Sprint("v", v), Name: fmt.Sprintf("第%d村", v), Parent: "c", Level: ledger.LevelVillage})
	}
	var real, made []string
	surnames, given := []rune("赵钱孙李周吴郑王冯陈马丁何张刘杨高林徐宋"), []rune("桂兰秀英玉珍淑芳凤梅志明建国德福永贵海生文清学礼守义长林有才福贵金月春莲素云国强万山成立荣华")
	for i := 0; len(book.Elders) < elders; i++ {
		name := string([]rune{surnames[i%len(surnames)], given[i/len(surnames)%len(given)], given[i/len(surnames)/len(given)%len(given)]})
		if i%7 == 3 && i < 40_000 && i/len(surnames)/len(given) < len(given) { // like the others, and borne by nobody
			made = append(made, name)
			continue
		}
		if slices.Contains(made, name) {
			continue
		}
		id := fmt.Sprint("E", len(book.Elders))
		if len(book.Elders)%500 == 0 {
			name = common
		}
		book.Elders = append(book.Elders, ledger.Elder{ID: id, Name: name, Birth: "1946-01-02", Region: fmt.Sprint("v", len(book.Elders)%(villages-1)+1)})
		if len(real) < 1000 && name != common {
			real = append(real, name)
		}
	}
	book.People = []ledger.Person{{UserID: "u", Name: "巡访员"}}
	book.Posts = []ledger.Post{{UserID: "u", Role: ledger.RoleVisitor, Region: "v0", From: "2026-01-01"}}
	for i := range benchElders {
		id := fmt.Sprint("M", i)
		book.Elders = append(book.Elders, ledger.Elder{ID: id, Name: "老" + string(surnames[i]), Birth: "1946-01-02", Region: "v0"})
		book.Assignments = append(book.Assignments, ledger.Assignment{ElderID: id, UserID: "u", From: "2026-01-01"})
	}
	pack, err := scheduler.Load("yongning")
	if err != nil {
		b.Fatal(err)
	}
	roster := ledger.NewRoster(book)
	o := outlook{roster: roster, pack: pack, names: names.New(roster)}
	for _, c := range []struct {
		name  string
		words []string
	}{{"existing", real}, {"invented", made[:1000]}, {"common", []string{common}}} {
		b.Run(c.name, func(b *testing.B) {
			i := 0
			for b.Loop() {
				o := o
				in := flows.Input{Key: "m", User: "u", Now: wednesday, Today: ledger.DayOf(wednesday, beijing), Zone: beijing, Text: "查" + c.words[i%len(c.words)]}
				in.View.Said, _ = (&Bot{Options: Options{Reader: shippedWords()}}).read(o, in.User, "", in)
				o.wants = flows.Asks(flows.State{}, in)
				o.about(in.User, in)
				in.View = o.look(in.User, in)
				_, out := flows.Advance(flows.Forms, flows.State{}, in)
				if len(out.Messages) != 1 || !strings.HasPrefix(out.Messages[0].Text, "您名下没有") {
					b.Fatalf("%s is not refused", in.Text)
				}
				i++
			}
		})
	}
}
