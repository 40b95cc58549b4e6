package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunfang/bot/official"
	"xunfang/bot/sim"
	"xunfang/ledger"
	"xunfang/store"
)

// TestYearOfSummaries plays a year of a county: eight relatives who differ in what was agreed and how they can be reached. Who heard of
// which month by which way is compared with a list written down by hand; nobody else heard anything.
func TestYearOfSummaries(t *testing.T) {
	r, _ := newFamilies(t, store.SQLite, time.Date(2026, 1, 1, 9, 7, 0, 0, beijing))
	r.bot.Prompt = true
	ctx := context.Background()
	var (
		notice  = kin{"child1", "A03", "马晓梅", "mali"} // allowed the notices of the 服务号
		writes  = kin{"child2", "A01", "张建军", ""}     // writes on the first of even months
		silent  = kin{"child3", "A05", "李文娟", "mali"} // the elder does not want her to hear
		contact = kin{"child4", "A04", "马小龙", "mali"} // a contact of the helper, who sends each month but August
		unasked = kin{"child5", "A07", "王海涛", ""}     // never agreed
		quits   = kin{"child6", "A09", "王志刚", ""}     // withdraws everything in June
		mourns  = kin{"child7", "A02", "张晓燕", ""}     // her mother dies on 10 September
		refuses = kin{"child8", "A14", "乌日娜", ""}     // refuses the notices from April on
	)
	everybody := []kin{notice, writes, silent, contact, unasked, quits, mourns, refuses}
	for _, k := range everybody {
		r.bind(t, k)
		r.enter(t, k.child)
	}
	blocked := func(elder, kin, whom string) {
		c := ledger.Consent{Key: "no/" + elder + kin + whom, ElderID: elder, Kin: kin, For: whom, Purpose: ledger.PurposeKin, Day: "2026-01-01", Channel: "当面",
			Witness: "mali", At: r.Now().Add(time.Second)}
		if err := r.store.Commit(ctx, store.Turn{Changes: ledger.Changes{Consents: []ledger.Consent{c}}}); err != nil {
			t.Fatal(err)
		}
	}
	blocked("A05", "", silent.name)
	blocked("A07", unasked.name, "")
	for _, k := range []kin{notice, quits, mourns, refuses} {
		scene := r.store.Token(ledger.KfScene(r.user(k.child)))
		if _, err := r.bot.Family.Official.QR(ctx, scene, official.MaxQR); err != nil {
			t.Fatal(err)
		}
		if d := r.sim.Follow(k.child, scene); d.Err != "" {
			t.Fatal(d.Err)
		}
		if d := r.sim.Subscribe(k.child, testNotice, true, true); d.Err != "" {
			t.Fatal(d.Err)
		}
		r.now.Add(1000)
	}
	way, _, err := r.bot.Family.Mass.ContactWay(ctx, "mali", ledger.KfScene(r.user(contact.child)))
	if err != nil {
		t.Fatal(err)
	}
	if d := r.sim.AddContact(contact.child, way); d.Err != "" {
		t.Fatal(d.Err)
	}
	r.happen(t)
	for day := ledger.Day("2026-01-01"); day < "2027-01-01"; day = day.Add(1) {
		r.now.Store(day.In(beijing).Add(9*time.Hour + 7*time.Minute).UnixMilli())
		month, date := int(day.Month()), day.Time().Day()
		switch {
		case date == 1 && month%2 == 0:
			r.ask(t, writes.child, "我爸咋样")
		case day == "2026-04-20":
			r.sim.Refuse(refuses.child, testNotice)
		case day == "2026-06-15":
			r.ask(t, quits.child, "退订")
			r.tapMenu(t, quits.child, "全部解除并删除")
		case day == "2026-09-10":
			died := ledger.Book{Standings: []ledger.Standing{{ElderID: "A02", From: day, Kind: ledger.StandingDied}}}
			if _, err := r.store.SaveBook(ctx, ledger.Edit{Book: died, By: "hejun", Today: day}); err != nil {
				t.Fatal(err)
			}
		case date == 20: // somebody visits them all
			var c ledger.Changes
			for _, k := range everybody {
				no := strings.ReplaceAll(string(day[2:]), "-", "") + "-" + k.elder
				c.Entries = append(c.Entries, ledger.Entry{Key: "year/" + no, No: no, Kind: ledger.KindVisit, ElderID: k.elder, UserID: "wangfang", Day: day,
					Method: ledger.MethodDoor, Outcome: ledger.OutcomeOK, Note: "血压高,头晕", Version: 1, EnteredAt: r.Now()})
			}
			if err := r.store.Commit(ctx, store.Turn{Changes: c}); err != nil && !strings.Contains(err.Error(), "stale") {
				t.Fatal(err)
			}
		}
		if _, err := r.bot.TellFamilies(ctx, r.Now(), false); err != nil {
			t.Fatal(err)
		}
		r.happen(t)
		if date == 3 && month != 8 {
			for _, task := range r.sim.MassTasks("mali") {
				if !task.Sent && !task.Cancelled {
					if err := r.sim.ConfirmMass("mali", task.MsgID); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		for range 3 { // and what is asked later in the day, where anything is under way
			if date > 12 && !slices.Contains([]int{15, 20}, date) {
				break
			}
			r.now.Add((3 * time.Hour).Milliseconds())
			r.happen(t)
		}
	}
	got := map[string][]string{}
	words, err := r.store.WordsOf(ctx, store.WordFilter{Purposes: []ledger.WordPurpose{ledger.WordSummary}})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range words {
		var by []string
		for _, x := range w.Log {
			if x.Kind == ledger.TrySent {
				by = append(by, string(x.Channel))
			}
		}
		if strings.Contains(w.Text, "血压") || strings.Contains(w.Text, "头晕") {
			t.Errorf("health stands in the words of %s", w.Period)
		}
		got[w.Kin] = append(got[w.Kin], fmt.Sprintf("%s %s %s", w.Period[2:], strings.Join(by, ","), w.State))
	}
	want := map[string][]string{}
	for month := 1; month <= 11; month++ { // what December was is told in January
		period := fmt.Sprintf("26-%02d", month)
		add := func(k kin, by string) { want[k.name] = append(want[k.name], period+" "+by) }
		add(notice, "official sent")
		switch {
		case month%2 == 1: // told on the 2nd of an even month, in the window of what was asked on the 1st
			add(writes, "kf sent")
		default:
			add(writes, " failed") // nothing is open: told at the next talk
		}
		if month == 7 { // the helper did not send it in August: somebody else was asked to call, and nobody said that they did
			add(contact, "mass,call,call,call failed")
		} else {
			add(contact, "mass sent")
		}
		if month <= 5 {
			add(quits, "official sent")
		}
		if month <= 8 {
			add(mourns, "official sent")
		}
		if month <= 3 {
			add(refuses, "official sent")
		} else {
			add(refuses, " failed")
		}
	}
	for name, all := range got {
		slices.Sort(all)
		got[name] = all
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("who heard of which month by which way (-by hand +got):\n%s", diff)
	}
	for _, k := range []kin{silent, unasked} {
		for _, m := range r.sim.Messages(k.child) {
			if m.From != "me" && !strings.Contains(m.Text+titleOf(m), "家属窗口") {
				t.Errorf("%s, who may hear nothing, got %q", k.name, m.Text)
			}
		}
	}
	for _, k := range []struct {
		kin
		after string
	}{{quits, "2026-06-16"}, {mourns, "2026-09-11"}} {
		for _, m := range r.sim.Messages(k.child) {
			if m.From != "me" && ledger.DayOf(m.At, beijing) >= ledger.Day(k.after) {
				t.Errorf("%s got something on %s, after the end", k.name, ledger.DayOf(m.At, beijing))
			}
		}
	}
}

func titleOf(m sim.Message) string {
	if m.Menu == nil {
		return m.Title
	}
	return m.Menu.Head
}
