package scheduler

import (
	"fmt"
	"strings"
	"testing"

	"xunfang/ledger"
)

// carded gives elders a contact card that bears what it should on a day.
func carded(b *ledger.Book, on ledger.Day, elders ...string) {
	r := ledger.NewRoster(*b)
	for _, id := range elders {
		b.Leaflets = append(b.Leaflets, ledger.Leaflet{ElderID: id, Handle: "h" + id, Issued: on, Bears: r.LeafletBears(id, on)})
	}
}

func TestLeafletsAreDue(t *testing.T) {
	number := func(user string) func(*ledger.Book) {
		return func(b *ledger.Book) {
			for i := range b.People {
				if b.People[i].UserID == user {
					b.People[i].Phone = "13900000099"
				}
			}
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*ledger.Book) // after the cards were made
		want   string             // in a month from March 2nd on
	}{
		{"every elder has one", nil, ""},
		{"one has none", func(b *ledger.Book) { b.Leaflets = b.Leaflets[:2] }, "3月2日 bo B1 还没有"},
		{"revoked", func(b *ledger.Book) { b.Leaflets[0].Revoked = "2026-03-01" }, "3月2日 ann A1 原来的作废了"},
		{"revoked from tomorrow on", func(b *ledger.Book) { b.Leaflets[0].Revoked = "2026-03-03" }, "3月3日 ann A1 原来的作废了"},
		{"revoked, and there is another", func(b *ledger.Book) {
			b.Leaflets = append(b.Leaflets, b.Leaflets[0])
			b.Leaflets[0].Revoked, b.Leaflets[3].Handle = "2026-03-01", "new"
		}, ""},
		{"a visitor's number", number("bo"), "3月2日 bo B1 电话变了"},
		{"the village's number", number("lea"), "3月2日 ann A1 电话变了, 3月2日 ann A2 电话变了, 3月2日 bo B1 电话变了"},
		{"the township's number", number("tom"), "3月2日 ann A1 电话变了, 3月2日 ann A2 电话变了, 3月2日 bo B1 电话变了"},
		{"the county's is not on it", number("cat"), ""},
		{"the daughter's number", func(b *ledger.Book) { b.Kin[0].Phone = "13900000098" }, "3月2日 ann A1 电话变了"},
		{"a carer goes before the daughter", func(b *ledger.Book) {
			b.Kin = append(b.Kin, ledger.Kin{ElderID: "A1", Name: "己", Carer: true})
		}, "3月2日 ann A1 电话变了"},
		{"a second daughter is on it, too", func(b *ledger.Book) { b.Kin = append(b.Kin, ledger.Kin{ElderID: "A1", Name: "己"}) }, "3月2日 ann A1 电话变了"},
		{"the elder's own number is not on it", func(b *ledger.Book) { b.Elders[0].Phone = "13900000097" }, ""},
		{"the visitor on leave: their deputy hears, the card stays", func(b *ledger.Book) {
			onLeave("bo", "ann")(b)
			b.Leaflets = b.Leaflets[:2]
		}, "3月2日 ann B1 还没有"},
		{"nobody visits: the village", func(b *ledger.Book) {
			b.Assignments = b.Assignments[:2]
			b.Leaflets = b.Leaflets[:2]
		}, "3月2日 lea B1 还没有"},
		{"died", func(b *ledger.Book) {
			b.Leaflets = b.Leaflets[:2]
			b.Standings = []ledger.Standing{{ElderID: "B1", From: "2026-02-20", Kind: ledger.StandingDied}}
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, nil, "yongning")
			w.Roster = relatives(func(b *ledger.Book) {
				carded(b, "2026-02-01", "A1", "A2", "B1")
				if tt.change != nil {
					tt.change(b)
				}
			})
			if got := strings.Join(w.cards("2026-03-02", "2026-03-31"), ", "); got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// cards plans each day and tells which contact cards were spoken of.
func (w *world) cards(from, to ledger.Day) (out []string) {
	for d := from; d <= to; d = d.Add(1) {
		for _, clock := range []string{"09:30", "10:40", "16:00"} {
			for _, l := range Plan(&w.Snapshot, w.packs, at(d, clock)) {
				w.Notices = append(w.Notices, l.Notices...)
				for _, c := range l.Cards {
					out = append(out, fmt.Sprintf("%s %s %s %s", ledger.DayOf(l.At, shanghai).Short(), l.To, c.ElderID, c.Why))
				}
			}
		}
	}
	return out
}

// TestLeafletsOfACountyThatBegins: nobody is told of cards before the first is handed out in the village; then each visitor hears of five a day, of each once, until all were spoken of.
func TestLeafletsOfACountyThatBegins(t *testing.T) {
	w := newWorld(t, nil, "yongning")
	w.Roster = relatives(func(b *ledger.Book) {
		for i := range 40 {
			id := fmt.Sprintf("E%02d", i)
			b.Elders = append(b.Elders, ledger.Elder{ID: id, Region: "111", Since: "2020-01-01"})
			b.Assignments = append(b.Assignments, ledger.Assignment{ElderID: id, UserID: "ann"})
		}
	})
	if got := w.cards("2026-03-02", "2026-03-10"); len(got) != 0 {
		t.Errorf("before the first card: %v", got)
	}
	first := w.Roster.Book()
	first.Leaflets = []ledger.Leaflet{{ElderID: "E00", Handle: "hE00", Issued: "2026-03-01", Bears: w.Roster.LeafletBears("E00", "2026-03-01")}}
	w.Roster = ledger.NewRoster(first)
	perDay, all := map[string]int{}, map[string]int{}
	for _, line := range w.cards("2026-03-02", "2026-03-31") {
		f := strings.Fields(line)
		perDay[f[0]+f[1]]++
		all[f[2]]++
		if perDay[f[0]+f[1]] > 5 {
			t.Errorf("%s hears of more than five on %s", f[1], f[0])
		}
	}
	if len(all) != 42 || perDay["3月2日ann"] != 5 || perDay["3月2日bo"] != 1 {
		t.Errorf("%d elders, %v", len(all), perDay)
	}
	for id, n := range all {
		if n != 1 {
			t.Errorf("%s %d times", id, n)
		}
	}
	quiet := newWorld(t, nil, "yongning")
	if got := quiet.cards("2026-02-16", "2026-02-19"); len(got) != 0 {
		t.Errorf("at the Spring Festival: %v", got)
	}
	for i := range quiet.packs {
		quiet.packs[i].Family.Leaflet = false
	}
	if got := quiet.cards("2026-03-02", "2026-03-10"); len(got) != 0 {
		t.Errorf("a pack that asks for none: %v", got)
	}
}

func TestBondsAreConfirmedAgain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*ledger.Book)
		want   string
	}{
		{"two weeks before it ends, once", nil, "3月17日 hal kf:1"},
		{"without a day it is a year", func(b *ledger.Book) { b.Bonds[0].Until, b.Bonds[0].Since = "", "2025-03-31" }, "3月17日 hal kf:1"},
		{"it has ended, and nobody was told", func(b *ledger.Book) { b.Bonds[0].Until = "2026-03-01" }, "3月2日 hal kf:1"},
		{"not before", func(b *ledger.Book) { b.Bonds[0].Until = "2026-06-01" }, ""},
		{"withdrawn", func(b *ledger.Book) { b.Bonds[0].State = ledger.BondEnded }, ""},
		{"no helper: the visitor", func(b *ledger.Book) { b.Pairs = nil }, "3月17日 ann kf:1"},
		{"both on leave: the village", func(b *ledger.Book) {
			onLeave("hal", "")(b)
			onLeave("ann", "")(b)
		}, "3月17日 lea kf:1"},
		{"the elder left", func(b *ledger.Book) {
			b.Standings = []ledger.Standing{{ElderID: "A1", From: "2026-02-20", Kind: ledger.StandingLeft}}
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, nil, "yongning")
			w.Roster = relatives(func(b *ledger.Book) {
				b.Bonds = []ledger.Bond{{ElderID: "A1", User: "kf:1", Kin: "丁", State: ledger.BondVerified, Since: "2025-04-01", Until: "2026-03-31"}}
				if tt.change != nil {
					tt.change(b)
				}
			})
			var got []string
			for d := ledger.Day("2026-03-02"); d <= "2026-03-31"; d = d.Add(1) {
				for range 2 {
					for _, l := range Plan(&w.Snapshot, w.packs, at(d, "11:23")) {
						w.Notices = append(w.Notices, l.Notices...)
						for _, b := range l.Bonds {
							got = append(got, fmt.Sprintf("%s %s %s", ledger.DayOf(l.At, shanghai).Short(), l.To, b.User))
						}
					}
				}
			}
			if strings.Join(got, ", ") != tt.want {
				t.Errorf("\n got %s\nwant %s", strings.Join(got, ", "), tt.want)
			}
		})
	}
}

// TestTheVillageHearsOfSilentFamilies: two months before the half-year ends, with whom nobody spoke apart from whom nobody reached.
func TestTheVillageHearsOfSilentFamilies(t *testing.T) {
	play := func(change func(*ledger.Book), talks ...ledger.Entry) (out []string) {
		w := newWorld(t, nil, "yongning")
		w.Roster = relatives(func(b *ledger.Book) {
			b.Pairs = append(b.Pairs, ledger.Pair{ElderID: "A2", UserID: "hal"})
			b.Kin = append(b.Kin, ledger.Kin{ElderID: "A2", Name: "戊", Phone: "13900000002"})
			if change != nil {
				change(b)
			}
		})
		w.packs[0].Duties = append(w.packs[0].Duties, Rule{Name: "半年帮扶", Kind: ledger.KindHelp, Tier: TierAll, Per: PerHalf, Times: 1, Counts: anyhow})
		for _, x := range talks {
			w.Entries[x.ElderID] = append(w.Entries[x.ElderID], x)
		}
		for d := ledger.Day("2026-04-20"); d <= "2026-06-30"; d = d.Add(1) {
			for _, l := range Plan(&w.Snapshot, w.packs, at(d, "11:23")) {
				w.Notices = append(w.Notices, l.Notices...)
				for _, n := range l.Notices {
					if n.Kind != ledger.NoticeFamily {
						continue
					}
					if !strings.HasPrefix(n.Key, "半年沟通") {
						out = append(out, n.Key)
					}
					for _, x := range l.Lists {
						if x.Kind == ledger.KindTalk {
							out = append(out, fmt.Sprintf("%s %s %s %d/%d tried %d", ledger.DayOf(l.At, shanghai).Short(), l.To, x.Period, len(x.Open[0].Elders), x.Need, x.Open[0].Tried))
						}
					}
				}
			}
		}
		return out
	}
	talk := func(elder string, outcome ledger.Outcome) ledger.Entry {
		return ledger.Entry{Kind: ledger.KindTalk, ElderID: elder, Day: "2026-03-10", Method: ledger.MethodPhone, Outcome: outcome}
	}
	for _, tt := range []struct {
		name  string
		got   []string
		wants string
	}{
		{"nobody tried", play(nil), "5月1日 lea 2026H1 2/2 tried 0"},
		{"tried one of two", play(nil, talk("A1", ledger.OutcomeAbsent)), "5月1日 lea 2026H1 2/2 tried 1"},
		{"reached one of two", play(nil, talk("A1", ledger.OutcomeOK)), "5月1日 lea 2026H1 1/2 tried 0"},
		{"reached both", play(nil, talk("A1", ledger.OutcomeOK), talk("A2", ledger.OutcomeProblem)), ""},
		{"no village lead: the township", play(onLeave("lea", "")), "5月1日 tom 2026H1 2/2 tried 0"},
		{"nobody to owe it: one list, not the same twice", play(onLeave("hal", "")), "5月1日 lea 2026H1 2/2 tried 0"},
	} {
		if got := strings.Join(tt.got, ", "); got != tt.wants {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.wants)
		}
	}
}
