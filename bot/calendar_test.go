package bot

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunfang/ledger"
	"xunfang/scheduler"
	"xunfang/store"
	"xunfang/store/storetest"
)

// TestCalendarTravels lets the real calendar run through two months of the county's time over a real database, without waiting:
// a leap February, the days of Asia/Shanghai and not of UTC, and an outage over a month's end.
func TestCalendarTravels(t *testing.T) {
	t.Parallel()
	where := storetest.DSN(t, storetest.SQLite)
	synctest.Test(t, func(t *testing.T) { // the clock of a bubble begins at midnight UTC of 1 January 2000: eight in the morning here
		shanghai, err := time.LoadLocation("Asia/Shanghai")
		if err != nil {
			t.Fatal(err)
		}
		where.Now = time.Now
		ctx := context.Background()
		s, err := store.Open(ctx, where)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		book := ledger.Book{
			Regions: []ledger.Region{{Code: "1", Name: "甲县", Level: ledger.LevelCounty}, {Code: "11", Name: "乙镇", Parent: "1", Level: ledger.LevelTownship},
				{Code: "111", Name: "丙村", Parent: "11", Level: ledger.LevelVillage}},
			Elders:      []ledger.Elder{{ID: "A1", Name: "甲", Region: "111", Since: "1999-12-30"}, {ID: "A2", Name: "乙", Region: "111", Since: "1999-12-30"}},
			Assignments: []ledger.Assignment{{ElderID: "A1", UserID: "ann"}, {ElderID: "A2", UserID: "bo"}},
		}
		for user, at := range map[string]ledger.Post{"ann": {Role: ledger.RoleVisitor, Region: "111"}, "bo": {Role: ledger.RoleVisitor, Region: "111"},
			"lea": {Role: ledger.RoleVillage, Region: "111"}, "tom": {Role: ledger.RoleTownship, Region: "11"}} {
			at.UserID = user
			book.Posts, book.People = append(book.Posts, at), append(book.People, ledger.Person{UserID: user, Name: user})
		}
		if _, err := s.SaveBook(ctx, ledger.Edit{Book: book, By: ledger.ByImport, Today: "1999-12-31"}); err != nil {
			t.Fatal(err)
		}
		pack, err := scheduler.Load("yongning")
		if err != nil {
			t.Fatal(err)
		}
		pack.Papers = nil
		b := New(Options{Store: s, Messenger: &mute{}, AgentID: testAgent, Packs: scheduler.Packs{pack}, Zone: shanghai, Calendar: func() bool { return true }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		visited := func(n int, elder string) {
			e := ledger.Entry{Key: fmt.Sprint("v", n), No: fmt.Sprint("v", n), Kind: ledger.KindVisit, ElderID: elder, UserID: "bo",
				Day: ledger.DayOf(time.Now(), shanghai), Method: ledger.MethodDoor, Outcome: ledger.OutcomeOK, EnteredAt: time.Now()}
			if err := s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: []ledger.Entry{e}}}); err != nil {
				t.Fatal(err)
			}
		}
		until := func(day ledger.Day, hour int) {
			time.Sleep(time.Until(day.In(shanghai).Add(time.Duration(hour) * time.Hour)))
			synctest.Wait()
		}
		up := func(day ledger.Day, hour int) { // the process runs until then
			running, stop := context.WithCancel(ctx)
			over := make(chan struct{})
			go func() { b.dates.run(running); close(over) }()
			for end := day.In(shanghai).Add(time.Duration(hour) * time.Hour); time.Now().Before(end); {
				time.Sleep(min(20*time.Minute, time.Until(end)))
				if err := b.Deliver(ctx); err != nil {
					t.Fatal(err)
				}
			}
			stop()
			<-over
		}
		up("2000-01-10", 12)
		visited(1, "A2")
		up("2000-01-24", 12) // the nudge of the 22nd
		until("2000-01-29", 12)
		up("2000-01-29", 18) // that of the 27th came too late for its day
		until("2000-02-02", 6)
		up("2000-02-03", 6) // down over the month's end: the leads hear what is open of the old month, nobody of anything of the new one
		visited(2, "A1")
		up("2000-03-01", 23)
		rows, err := s.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateSent, store.StateWaiting, store.StateDead, store.StateExpired, store.StateDropped}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range rows {
			at := r.At.In(shanghai)
			if h, m := at.Hour(), at.Minute(); h*60+m < 8*60+30 || h*60+m > 17*60+30 || h == 12 || h == 13 || m%30 == 0 {
				t.Errorf("%s at %s", r.Key, at)
			}
			if day := string(ledger.DayOf(r.At, shanghai)); !strings.HasSuffix(r.Key, day) {
				t.Errorf("%s was sent on %s", r.Key, day)
			}
			got = append(got, r.Key)
		}
		slices.Sort(got)
		want := []string{
			"remind/ann/2000-01-22", "remind/ann/2000-01-29", "remind/bo/2000-02-20", "remind/bo/2000-02-25",
			"remind/lea/2000-02-02", "remind/lea/2000-02-28", "remind/tom/2000-02-02", "remind/tom/2000-02-29",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
