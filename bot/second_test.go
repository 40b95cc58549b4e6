package bot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/image/draw"

	"xunfang/bot/wecom"
	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/scheduler"
	"xunfang/seal"
	"xunfang/store"
	"xunfang/store/storetest"
)

// glance is a bot that looks a second time and does nothing else, on the sample county.
type glance struct {
	*Bot
	at time.Time
}

func newGlance(t testing.TB, s *store.Store) *glance {
	t.Helper()
	pack, err := scheduler.Load("yongning")
	if err != nil {
		t.Fatal(err)
	}
	album, err := NewAlbum(t.TempDir(), seal.New(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	g := &glance{at: wednesday}
	g.Bot = New(Options{Store: s, AgentID: testAgent, CallbackPath: "/", Packs: scheduler.Packs{pack}, Zone: beijing, Album: album,
		Now: func() time.Time { return g.at }})
	return g
}

// county fills a store with the sample county.
func county(t testing.TB, s *store.Store) {
	t.Helper()
	today := ledger.DayOf(wednesday, beijing)
	if _, err := s.SaveBook(t.Context(), ledger.Edit{Book: papers.Sample(today), By: ledger.ByImport, Today: today.Add(-200)}); err != nil {
		t.Fatal(err)
	}
	commit(t, s, ledger.Changes{Entries: papers.SampleEntries(today)})
}

func commit(t testing.TB, s *store.Store, c ledger.Changes) {
	t.Helper()
	if err := s.Commit(t.Context(), store.Turn{Changes: c}); err != nil {
		t.Fatal(err)
	}
}

// visited is a record of the n-th elder, entered on the spot.
func visited(user string, n int, at time.Time) ledger.Entry {
	day := ledger.DayOf(at, beijing)
	elder := fmt.Sprintf("A%02d", n)
	key := fmt.Sprintf("visit/%s/%s/%d", user, elder, at.Unix())
	no := strings.ReplaceAll(string(day[2:]), "-", "") + "-" + elder + fmt.Sprint("-", at.Unix())
	return ledger.Entry{Key: key, No: no, Kind: ledger.KindVisit,
		ElderID: elder, UserID: user, Day: day, Method: ledger.MethodDoor, Outcome: ledger.OutcomeOK, EnteredAt: at}
}

func visits(user string, n int, from time.Time, gap time.Duration) []ledger.Entry {
	var out []ledger.Entry
	for i := range n {
		out = append(out, visited(user, i+1, from.Add(time.Duration(i)*gap)))
	}
	return out
}

// asked are the reviews as "key: facts [answer] state", and the messages that wait as "to: what it says first".
func asked(t testing.TB, s *store.Store) (reviews, messages []string) {
	t.Helper()
	all, err := s.Reviews(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		reviews = append(reviews, fmt.Sprintf("%s %d: %s [%s] %s", r.Key, len(r.Numbers), r.Facts, r.Answer, r.State))
	}
	slices.Sort(reviews)
	rows, err := s.Outbox(t.Context(), store.OutboxFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		messages = append(messages, r.To+": "+r.Key)
	}
	slices.Sort(messages)
	return reviews, messages
}

func expect(t testing.TB, s *store.Store, when string, reviews, messages []string) {
	t.Helper()
	got, said := asked(t, s)
	if !slices.Equal(got, reviews) || !slices.Equal(said, messages) {
		t.Fatalf("%s:\nreviews %q\n   want %q\nmessages %q\n    want %q", when, got, reviews, said, messages)
	}
}

// Forty-three visits within an hour are one review and one question to the person, and nothing to anybody else; another look,
// by this process or another, adds nothing; what is undone or settled is left alone.
func TestSecondLook(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		county(t, s)
		g := newGlance(t, s)
		look := func(x *second) {
			t.Helper()
			if err := x.look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		nine := wednesday.Add(-time.Hour)
		burst := visits("wangfang", 43, nine, 80*time.Second)
		honest := visits("liuyang", 12, nine, 5*time.Minute)
		paper := visits("chenjing", 45, nine, time.Second)
		for i := range paper {
			paper[i].Day, paper[i].No, paper[i].Key = paper[i].Day.Add(-2), "p"+paper[i].No, "p"+paper[i].Key
		}
		undone := visits("zhouwei", 30, nine, 10*time.Second)
		for i := range undone {
			undone[i].Outcome = ledger.OutcomeUndone
		}
		for i, e := range slices.Concat(burst, honest, paper, undone) {
			e.No += fmt.Sprint("/", i)
			commit(t, s, ledger.Changes{Entries: []ledger.Entry{e}})
		}
		one := newSecond(g.Bot)
		look(one)
		expect(t, s, "a few minutes after the last", nil, nil)

		g.at = wednesday.Add(15 * time.Minute)
		review := "burst/wangfang/2026-03-11 43: 9:00–9:56 记了43次,中间值1分20秒一次 [] open"
		question := []string{"wangfang: ask/burst/wangfang/2026-03-11"}
		look(one)
		expect(t, s, "a quarter of an hour later", []string{review}, question)
		look(one)
		look(newSecond(g.Bot))
		expect(t, s, "looked at again, here and after a restart", []string{review}, question)

		commit(t, s, ledger.Changes{Reviewed: []ledger.Reviewed{{Key: "burst/wangfang/2026-03-11", Answer: "纸质补录"}},
			Entries: []ledger.Entry{visited("wangfang", 44, nine.Add(58*time.Minute))}})
		look(one)
		grown := "burst/wangfang/2026-03-11 44: 9:00–9:58 记了44次,中间值1分20秒一次 [纸质补录] "
		expect(t, s, "one more, entered before", []string{grown + "open"}, question)

		commit(t, s, ledger.Changes{Reviewed: []ledger.Reviewed{{Key: "burst/wangfang/2026-03-11", State: ledger.ReviewCleared, By: "lixia"}},
			Entries: []ledger.Entry{visited("wangfang", 45, nine.Add(59*time.Minute))}})
		look(one)
		look(newSecond(g.Bot))
		expect(t, s, "settled", []string{grown + "cleared"}, question)

		g.at = wednesday.Add(30 * time.Hour)
		look(one)
		look(newSecond(g.Bot))
		expect(t, s, "the next day", []string{grown + "cleared"}, question)
	})
}

// Several processes that look at once write one review and ask one question.
func TestSecondLookAtOnce(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			o := storetest.DSN(t, driver)
			s := storetest.OpenWith(t, o)
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			county(t, s)
			commit(t, s, ledger.Changes{Entries: visits("wangfang", 43, wednesday.Add(-time.Hour), time.Minute)})
			var g sync.WaitGroup
			errs := make(chan error, 8)
			for _, process := range []*store.Store{s, storetest.OpenWith(t, o)} {
				b := newGlance(t, process)
				b.at = wednesday.Add(time.Hour)
				for range 4 {
					g.Go(func() { errs <- newSecond(b.Bot).look(context.Background()) })
				}
			}
			g.Wait()
			close(errs)
			for err := range errs {
				if err != nil {
					t.Error(err)
				}
			}
			expect(t, s, "eight looks at once", []string{"burst/wangfang/2026-03-11 43: 9:00–9:42 记了43次,中间值1分钟一次 [] open"},
				[]string{"wangfang: ask/burst/wangfang/2026-03-11"})
		})
	}
}

// Findings count as texts; what is found about others, or withdrawn, does not.
func TestSecondLookReadsFindings(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		county(t, s)
		g := newGlance(t, s)
		g.at = wednesday.Add(2 * time.Hour)
		var c ledger.Changes
		for i, e := range visits("wangfang", 8, wednesday.Add(-time.Hour), 10*time.Minute) {
			e.Outcome = ledger.OutcomeProblem
			c.Entries = append(c.Entries, e)
			c.Findings = append(c.Findings, ledger.Finding{Key: e.Key + "/gas", EntryKey: e.Key, ElderID: e.ElderID, Item: "gas",
				Note: []string{"软管老化了,该换", "软管老化了，该换。"}[i%2], State: ledger.FindingReported, Owner: "hejun", At: e.EnteredAt})
		}
		commit(t, s, c)
		if err := newSecond(g.Bot).look(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(t, s, "eight elders with one text", []string{"copied/wangfang/2026-03-11 8: 8位老人写的是同一句话,7个字 [] open"},
			[]string{"wangfang: ask/copied/wangfang/2026-03-11"})
	})
}

// The whole road: the person is asked on the phone and taps; the township reads facts and answer and settles it; nobody else is
// told anything, and no one else may ask.
func TestReviewOnThePhone(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			r := newRig(t, driver, "yongning", wednesday)
			commit(t, r.store, ledger.Changes{Entries: visits("wangfang", 43, wednesday.Add(-time.Hour), 80*time.Second)})
			r.now.Add((15 * time.Minute).Milliseconds())
			if err := newSecond(r.bot).look(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.settle(t)
			last := func(user string) string {
				t.Helper()
				shown := r.sim.Messages(user)
				if len(shown) == 0 {
					t.Fatalf("%s sees nothing", user)
				}
				m := shown[len(shown)-1]
				if m.Card == nil {
					return m.Text
				}
				c := cardOf(t, m)
				c.Done = m.ReplaceText
				return strings.Join(cardLines(c), "\n")
			}
			tap := func(user, button string) {
				t.Helper()
				shown := r.sim.Messages(user)
				m := shown[len(shown)-1]
				i := slices.IndexFunc(cardOf(t, m).Buttons, func(b ledger.Button) bool { return b.Text == button })
				if i < 0 {
					t.Fatalf("%s has no button %s", user, button)
				}
				if d, err := r.sim.Tap(user, m.ID, cardOf(t, m).Buttons[i].Key, nil); err != nil || d.Status != 200 {
					t.Fatal(d, err)
				}
				r.settle(t)
			}
			say := func(user, text string) string {
				t.Helper()
				r.sim.Say(user, text)
				r.settle(t)
				return last(user)
			}
			want := func(who, got, want string) {
				t.Helper()
				if got != want {
					t.Fatalf("%s sees\n%s\nwant\n%s", who, got, want)
				}
			}
			want("wangfang", last("wangfang"),
				"今天9点多记了43次,是怎么记的?\n记录都在。说一声,好跟镇里说明。\n[纸质补录] [一次走访多户] [记错了]")
			for _, p := range papers.Sample("2026-03-11").People {
				if shown := r.sim.Messages(p.UserID); p.UserID != "wangfang" && len(shown) > 0 {
					t.Fatalf("%s is told %+v", p.UserID, shown)
				}
			}
			want("hejun", say("hejun", "复核"), "复核归乡镇和县里。")
			want("gaofeng", say("gaofeng", "复核"), "没有要复核的。")
			card := "王芳 3月11日 记得比较密\n本人说:%s\n9:00–9:56 记了43次,中间值1分20秒一次\n可以回访这几条:%s"
			drawn := "260311-A08-1773191360、260311-A35-1773193520、260311-A36-1773193600"
			want("lixia", say("lixia", "复核"), fmt.Sprintf(card, "还没说", drawn)+"\n[没问题] [当面问问]")
			tap("wangfang", "纸质补录")
			want("wangfang", last("wangfang"), "谢谢,记下了。\n(纸质补录)")
			want("wangfang", say("wangfang", "复核"), "复核归乡镇和县里。")
			want("lixia", say("lixia", "复核"), fmt.Sprintf(card, "纸质补录", drawn)+"\n[没问题] [当面问问]")
			tap("lixia", "没问题")
			want("lixia", say("lixia", "复核"), "没有要复核的。")
			got, _ := asked(t, r.store)
			want("the store", fmt.Sprint(got), "[burst/wangfang/2026-03-11 43: 9:00–9:56 记了43次,中间值1分20秒一次 [纸质补录] cleared]")
		})
	}
}

// Only a day that has changed is looked at again; a restart looks at all.
func TestSecondLookAtWhatChanged(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite)
	county(t, s)
	g := newGlance(t, s)
	g.at = wednesday.Add(2 * time.Hour)
	burst := visits("wangfang", 20, wednesday.Add(-time.Hour), time.Second)
	commit(t, s, ledger.Changes{Entries: burst})
	x := newSecond(g.Bot)
	question := []string{"wangfang: ask/burst/wangfang/2026-03-11"}
	look := func(x *second, when, facts string) {
		t.Helper()
		if err := x.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(t, s, when, []string{"burst/wangfang/2026-03-11 " + facts + " [] open"}, question)
	}
	look(x, "at first", "20: 9:00 记了20次,中间值1秒一次")
	all, err := s.Reviews(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all[0].Facts = "marked"
	commit(t, s, ledger.Changes{Reviews: all})
	look(x, "unchanged", "20: marked")
	now := burst[3]
	now.Version, now.Note = 2, "上午看的"
	burst[3].Version = 1
	commit(t, s, ledger.Changes{Amended: []ledger.Amendment{{Key: "a1", Was: burst[3], Now: now, By: "wangfang", Why: "补一句", At: g.at}}})
	look(x, "amended", "20: 9:00 记了20次,中间值1秒一次")
	commit(t, s, ledger.Changes{Reviews: all})
	look(newSecond(g.Bot), "after a restart", "20: 9:00 记了20次,中间值1秒一次")
}

// Who holds no post any more is asked nothing; the review is there all the same.
func TestSecondLookAtAFormerVisitor(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite)
	g := newGlance(t, s)
	roster := ledger.NewRoster(ledger.Book{Posts: []ledger.Post{{UserID: "former", Role: ledger.RoleVisitor, From: "2025-01-01", To: "2026-03-10"}}})
	r := ledger.Review{Key: "burst/former/2026-03-10", Kind: ledger.ReviewBurst, UserID: "former", Day: "2026-03-10", Facts: "f", At: wednesday}
	if err := newSecond(g.Bot).write(t.Context(), roster, []ledger.Review{r}); err != nil {
		t.Fatal(err)
	}
	expect(t, s, "the day after", []string{"burst/former/2026-03-10 0: f [] open"}, nil)
}

// pictured is a record with a photo that has been fetched; it gives the photo's key.
func (g *glance) pictured(t testing.TB, e ledger.Entry, jpeg []byte) {
	t.Helper()
	hash, size, look, err := g.Album.Keep(jpeg)
	if err != nil {
		t.Fatal(err)
	}
	p := ledger.Photo{Key: "photo/" + e.Key, UserID: e.UserID, EntryKey: e.Key, MediaID: "m", State: ledger.PhotoWanted, At: e.EnteredAt}
	commit(t, g.Store, ledger.Changes{Entries: []ledger.Entry{e}, Photos: []ledger.Photo{p}})
	if err := g.Store.PhotoStored(t.Context(), p.Key, hash, size, look); err != nil {
		t.Fatal(err)
	}
}

// One photo for two records, packed harder or cropped in between, is one review and one question; different photos, another
// person's photo, a photo twice at one record and the photo of two elders under one roof are none.
func TestReusedPhoto(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		county(t, s)
		book := papers.Sample("2026-03-11")
		for i := range book.Elders { // a couple
			if id := book.Elders[i].ID; id == "A06" || id == "A07" {
				book.Elders[i].Region, book.Elders[i].Address = book.Elders[5].Region, "一组9号"
			}
		}
		if _, err := s.SaveBook(t.Context(), ledger.Edit{Book: book, By: ledger.ByImport, Today: "2026-03-11"}); err != nil {
			t.Fatal(err)
		}
		g := newGlance(t, s)
		again := copies(scene(1))
		g.pictured(t, visited("wangfang", 1, wednesday.AddDate(0, -1, 0)), packed(scene(1), 85))
		g.pictured(t, visited("wangfang", 2, wednesday), packed(again["packed"], 40))
		g.pictured(t, visited("wangfang", 3, wednesday.Add(time.Minute)), packed(scene(2), 85))
		g.pictured(t, visited("liuyang", 4, wednesday), packed(scene(2), 85))
		g.pictured(t, visited("liuyang", 5, wednesday.Add(time.Minute)), packed(scene(3), 85))
		g.pictured(t, visited("wuxia", 6, wednesday), packed(scene(4), 85))
		g.pictured(t, visited("wuxia", 7, wednesday.Add(time.Minute)), packed(scene(4), 85))
		undone := visited("chenjing", 8, wednesday)
		undone.Outcome = ledger.OutcomeUndone
		g.pictured(t, undone, packed(scene(5), 85))
		g.pictured(t, visited("chenjing", 9, wednesday.Add(time.Minute)), packed(scene(5), 85))

		x := newSecond(g.Bot)
		if err := x.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(t, s, "while they are at work", nil, nil)
		g.at = wednesday.Add(time.Hour)
		one, two := visited("wangfang", 1, wednesday.AddDate(0, -1, 0)).No, visited("wangfang", 2, wednesday).No
		review := []string{"reused/wangfang/2026-03-11 2: 2次巡访里有几乎一样的照片:" + one + "、" + two + " [] open"}
		question := []string{"wangfang: ask/reused/wangfang/2026-03-11"}
		for range 2 {
			if err := x.look(t.Context()); err != nil {
				t.Fatal(err)
			}
			expect(t, s, "an hour later", review, question)
		}
		if left, err := s.Uncompared(t.Context(), 100); err != nil || len(left) > 0 {
			t.Errorf("still to be compared: %d %v", len(left), err)
		}

		// The same day once more, to the byte: the review says so and stays one.
		g.pictured(t, visited("wangfang", 10, wednesday.Add(2*time.Minute)), packed(scene(1), 85))
		if err := errors.Join(x.look(t.Context()), newSecond(g.Bot).look(t.Context())); err != nil {
			t.Fatal(err)
		}
		three := visited("wangfang", 10, wednesday.Add(2*time.Minute)).No
		review[0] = "reused/wangfang/2026-03-11 3: 3次巡访里有几乎一样的照片:" + one + "、" + two + "、" + three + " [] open"
		expect(t, s, "and once more", review, question)

		// Next day, two records with one photo nobody has seen before.
		g.at = wednesday.AddDate(0, 0, 1).Add(time.Hour)
		for n := range 2 {
			g.pictured(t, visited("wuxia", 20+n, wednesday.AddDate(0, 0, 1)), packed(scene(6), 85))
		}
		if err := x.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, _ := asked(t, s); len(got) != 2 || !strings.HasPrefix(got[1], "reused/wuxia/2026-03-12 2: 一张照片用在2次巡访:260312-A20-") {
			t.Errorf("reviews %q", got)
		}
	})
}

// What is compared: a record's own photos are not, nor those of two elders under one roof on one day, nor those of later days,
// which have a review of their own.
func TestReused(t *testing.T) {
	icon, ok := iconOf(lookOf(scene(1)))
	if !ok {
		t.Fatal("no look")
	}
	of := func(n int, at time.Time, home, hash string) picture {
		return picture{of: visited("wangfang", n, at), home: home, hash: hash, icon: icon}
	}
	yesterday, tomorrow := wednesday.AddDate(0, 0, -1), wednesday.AddDate(0, 0, 1)
	twice := []picture{of(1, wednesday, "", "a"), of(1, wednesday, "", "a")}
	for _, c := range []struct {
		name string
		all  []picture
		want string
	}{
		{"two photos of one record", twice, ""},
		{"two elders", []picture{of(1, wednesday, "", "a"), of(2, wednesday, "", "a")}, "一张照片用在2次巡访:260311-A01-1773194400、260311-A02-1773194400"},
		{"two homes", []picture{of(1, wednesday, "x", "a"), of(2, wednesday, "y", "b")},
			"2次巡访里有几乎一样的照片:260311-A01-1773194400、260311-A02-1773194400"},
		{"one roof", []picture{of(1, wednesday, "x", "a"), of(2, wednesday, "x", "a")}, ""},
		{"one roof, another day", []picture{of(1, yesterday, "x", "a"), of(2, wednesday, "x", "a")},
			"一张照片用在2次巡访:260310-A01-1773108000、260311-A02-1773194400"},
		{"a later day", []picture{of(1, wednesday, "", "a"), of(2, tomorrow, "", "a")}, ""},
		{"an earlier day", []picture{of(1, yesterday, "", "a"), of(2, tomorrow, "", "a")}, ""},
		{"none", nil, ""},
	} {
		got := reused(c.all, "2026-03-11", beijing)
		slices.Reverse(c.all)
		if again := reused(c.all, "2026-03-11", beijing); fmt.Sprint(again) != fmt.Sprint(got) {
			t.Errorf("%s: in another order %v", c.name, again)
		}
		if c.want == "" && got == nil {
			continue
		}
		if len(got) != 1 || got[0].Facts != c.want || got[0].Key != "reused/wangfang/2026-03-11" || len(got[0].Numbers) != 2 {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// The township sees what is about its people, the county everything, and nobody what is about themselves.
func TestWhoReviews(t *testing.T) {
	book := papers.Sample("2026-03-11")
	book.Posts = append(book.Posts, ledger.Post{UserID: "lixia", Role: ledger.RoleVisitor, Region: "640121101201", From: "2025-01-01"},
		ledger.Post{UserID: "moved", Role: ledger.RoleVisitor, Region: "640121101201", From: "2025-01-01", To: "2026-03-09"},
		ledger.Post{UserID: "moved", Role: ledger.RoleVisitor, Region: "640121102201", From: "2026-03-10"})
	o := outlook{roster: ledger.NewRoster(book)}
	for _, user := range []string{"wangfang", "zhouwei", "lixia", "zhaomin", "stranger", "moved"} {
		o.signs = append(o.signs, ledger.Review{Key: ledger.ReviewKey(ledger.ReviewBurst, user, "2026-03-10"), Kind: ledger.ReviewBurst,
			UserID: user, Day: "2026-03-10", Numbers: []string{"260310-A01"}, Facts: "f", Answer: "纸质补录", State: ledger.ReviewOpen})
	}
	for user, want := range map[string]string{
		"lixia": "王芳", "gaofeng": "周伟 moved", "zhaomin": "王芳 周伟 李霞 stranger moved",
		"hejun": "", "wangfang": "", "xumei": "", "mali": "", "liming": "", "nobody": "",
	} {
		var got []string
		for _, r := range o.reviews(user, "2026-03-11") {
			got = append(got, r.Who)
			if r.Facts != "f" || r.Answer != "纸质补录" || r.Day != "2026-03-10" || len(r.Numbers) != 1 || !strings.HasPrefix(r.Key, "burst/") {
				t.Errorf("%+v", r)
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s sees %q, want %q", user, s, want)
		}
	}
}

// Every question fits what WeCom takes and a phone shows.
func TestQuestionsFit(t *testing.T) {
	for _, kind := range []ledger.ReviewKind{ledger.ReviewBurst, ledger.ReviewCopied, ledger.ReviewReused, ledger.ReviewHaste} {
		user := strings.Repeat("u", 64)
		r := ledger.Review{Key: ledger.ReviewKey(kind, user, "2026-11-30"), Kind: kind, UserID: user, Day: "2026-11-30",
			Numbers: make([]string, 120), At: time.Date(2026, 11, 30, 23, 58, 0, 0, beijing)}
		card := flows.AskWhy(r, "2026-12-01", beijing)
		if faults := wecom.Check(card, card.Done != ""); len(faults) > 0 {
			t.Errorf("%s: %v", kind, faults)
		}
	}
}

// scene is a room that nobody has: wall and floor, a light, and things of any colour in it.
func scene(seed uint64) *image.RGBA {
	r := rand.New(rand.NewPCG(seed, 7))
	const w, h = 400, 300
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	grey := func(from, to int) [3]float64 {
		g := float64(from + r.IntN(to-from))
		return [3]float64{g + float64(r.IntN(30)), g + float64(r.IntN(20)), g - float64(r.IntN(25))}
	}
	type thing struct {
		x, y, w, h int
		colour     [3]float64
		round      bool
	}
	wall, floor, ground := grey(100, 190), grey(50, 130), h/2+r.IntN(h/4)
	lightX, lightY := float64(r.IntN(w)), float64(r.IntN(h/2))
	var things []thing
	for range 4 + r.IntN(8) {
		things = append(things, thing{r.IntN(w), r.IntN(h), 15 + r.IntN(w/3), 15 + r.IntN(h/3), grey(20, 230), r.IntN(2) == 0})
	}
	for y := range h {
		for x := range w {
			c := wall
			if y > ground {
				c = floor
			}
			for _, t := range things {
				dx, dy := float64(x-t.x)/float64(t.w), float64(y-t.y)/float64(t.h)
				if t.round && dx*dx+dy*dy < .25 || !t.round && math.Abs(dx) < .5 && math.Abs(dy) < .5 {
					c = t.colour
				}
			}
			light := 1.15 - .5*math.Hypot(float64(x)-lightX, float64(y)-lightY)/w + (r.Float64()-.5)*.08
			part := func(i int) uint8 { return uint8(min(255, max(0, c[i]*light))) }
			img.SetRGBA(x, y, color.RGBA{part(0), part(1), part(2), 255})
		}
	}
	return img
}

// copies are what becomes of a photo on its way through phones.
func copies(img *image.RGBA) map[string]image.Image {
	b := img.Bounds()
	half := image.NewRGBA(image.Rect(0, 0, b.Dx()/2, b.Dy()/2))
	draw.ApproxBiLinear.Scale(half, half.Bounds(), img, b, draw.Src, nil)
	brighter := image.NewRGBA(b)
	for i, p := range img.Pix {
		if i%4 != 3 {
			p = uint8(min(255, float64(p)*1.1+10))
		}
		brighter.Pix[i] = p
	}
	worse, _, _ := image.Decode(bytes.NewReader(packed(img, 40)))
	return map[string]image.Image{"packed": worse, "half": half, "brighter": brighter,
		"cropped": img.SubImage(b.Inset(b.Dy() * 3 / 200))}
}

func packed(img image.Image, quality int) []byte {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality}); err != nil {
		panic(err) // a buffer takes everything
	}
	return out.Bytes()
}

// A photo packed harder, halved, brightened or cropped a little is known again; twenty other rooms are not taken for it. A look
// goes through the store's text unharmed, and what is no look is like nothing.
func TestAlike(t *testing.T) {
	const rooms = 20
	looks := make([]string, rooms)
	like := func(a, b string) bool {
		x, ok1 := iconOf(a)
		y, ok2 := iconOf(b)
		return ok1 && ok2 && alike(x, y)
	}
	for i := range rooms {
		img := scene(uint64(i))
		looks[i] = lookOf(img)
		for name, c := range copies(img) {
			if look := lookOf(c); !like(looks[i], look) || !like(look, looks[i]) {
				t.Errorf("room %d, %s, is not known again", i, name)
			}
		}
		for j := range i {
			if like(looks[i], looks[j]) {
				t.Errorf("room %d is taken for room %d", i, j)
			}
		}
	}
	if len(looks[0]) > 500 {
		t.Errorf("a look is %d characters", len(looks[0]))
	}
	for _, no := range []string{"", "A", looks[0][1:], looks[0] + "AAAA", strings.Repeat("A", len(looks[0])), "\x00"} {
		if like(no, looks[0]) || like(no, no) {
			t.Errorf("%d characters are taken for a look", len(no))
		}
	}
}

// What was spoken is kept as it came and sealed; what is nothing spoken, or too long, is refused.
func TestKeepVoice(t *testing.T) {
	a, err := NewAlbum(t.TempDir(), seal.New(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	amr := append([]byte("#!AMR\n"), bytes.Repeat([]byte{0x78}, 100)...)
	ogg := append([]byte("OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x50Speex   1.2"), amr...)
	for name, c := range map[string]struct {
		data []byte
		kind string
		ok   bool
	}{
		"amr": {amr, "audio/amr", true}, "amr, wide": {append([]byte("#!AMR-WB\n"), amr...), "", true}, "speex in ogg": {ogg, "", true},
		"bare speex": {[]byte{6, 1, 2, 3}, "voice/speex", true},
		"text":       {[]byte("hello, this is no voice"), "audio/amr", false}, "nothing": {nil, "voice/speex", false},
		"other ogg": {[]byte("OggS\x00\x02vorbis"), "", false}, "a picture": {packed(scene(0), 85), "", false},
		"two megabytes": {append(bytes.Clone(amr), make([]byte, maxVoice-len(amr))...), "", true},
		"more":          {append(bytes.Clone(amr), make([]byte, maxVoice-len(amr)+1)...), "", false},
	} {
		hash, size, err := a.KeepVoice(c.data, c.kind)
		if !c.ok {
			if !errors.Is(err, ErrNoVoice) || hash != "" {
				t.Errorf("%s is kept: %v", name, err)
			}
			continue
		}
		kept, opened := a.Photo(hash)
		if err != nil || opened != nil || size != len(c.data) || !bytes.Equal(kept, c.data) {
			t.Errorf("%s: %d bytes of %d, %v %v", name, size, len(c.data), err, opened)
		}
	}
}

// fetched is a way out that has one file.
type fetched struct {
	Messenger
	data []byte
	kind string
	most int64
}

func (f *fetched) Fetch(_ context.Context, _ string, most int64) ([]byte, string, error) {
	f.most = most
	return f.data, f.kind, nil
}

// What is fetched is kept as what it was sent as: a voice as it came, a photo with its look; a voice that is a picture is lost.
func TestFetchByKind(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		g := newGlance(t, s)
		picture, spoken := packed(scene(1), 85), append([]byte("#!AMR\n"), bytes.Repeat([]byte{0x78}, 100)...)
		for i, c := range []struct {
			kind ledger.MediaKind
			data []byte
			most int64
			want ledger.PhotoState
			look bool
		}{
			{ledger.MediaPhoto, picture, maxPhoto, ledger.PhotoStored, true}, {ledger.MediaVoice, spoken, maxVoice, ledger.PhotoStored, false},
			{ledger.MediaPhoto, spoken, maxPhoto, ledger.PhotoLost, false}, {ledger.MediaVoice, picture, maxVoice, ledger.PhotoLost, false},
		} {
			out := &fetched{data: c.data}
			g.Messenger = out
			p := ledger.Photo{Key: fmt.Sprint("photo/", i), Kind: c.kind, UserID: "wangfang", MediaID: "m", State: ledger.PhotoWanted, At: wednesday}
			commit(t, s, ledger.Changes{Photos: []ledger.Photo{p}})
			if err := g.fetch(t.Context(), ledger.Message{Photo: p.Key, MediaID: "m"}); err != nil {
				t.Fatal(err)
			}
			got, err := s.Photo(t.Context(), p.Key)
			if err != nil || got.State != c.want || (got.Look != "") != c.look || out.most != c.most ||
				(got.Hash != "") != (c.want == ledger.PhotoStored) {
				t.Errorf("%d: %s, look of %d characters, at most %d bytes: %v", i, got.State, len(got.Look), out.most, err)
			}
		}
	})
}

// BenchmarkSecondLook is a county's day of 50,000 records by 2,000 people, which is many times what one has: the first look,
// and the next, when one of them has entered something.
func BenchmarkSecondLook(b *testing.B) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		s := storetest.Open(b, driver)
		county(b, s)
		g := newGlance(b, s)
		g.at = wednesday.Add(8 * time.Hour)
		const people, each = 2000, 25
		for i := range people {
			var c ledger.Changes
			for j := range each {
				e := visited(fmt.Sprint("user", i), j, wednesday.Add(-2*time.Hour+time.Duration(j)*13*time.Minute))
				e.ElderID = fmt.Sprintf("E%d-%d", i, j)
				e.Note = "老人精神好,屋里干净"[:3*(3+j%7)]
				e.Key, e.No = fmt.Sprint(e.Key, i), fmt.Sprint(e.No, "/", i)
				c.Entries = append(c.Entries, e)
			}
			commit(b, s, c)
		}
		b.Run(driver+"/first", func(b *testing.B) {
			for b.Loop() {
				if err := newSecond(g.Bot).look(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(driver+"/next", func(b *testing.B) {
			x := newSecond(g.Bot)
			for b.Loop() {
				delete(x.looked, personDay{"user7", "2026-03-11"})
				if err := x.look(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
