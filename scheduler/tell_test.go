package scheduler

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/6tail/lunar-go/calendar"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"xunfang/ledger"
)

// bonded is the invented village whose A1 has a daughter who is bound, was told so by both, and has a number.
func bonded(t *testing.T, change func(*ledger.Book, *ledger.Snapshot)) (*ledger.Snapshot, Packs) {
	t.Helper()
	snap := &ledger.Snapshot{Entries: map[string][]ledger.Entry{}, Acts: map[string][]ledger.Consent{}, Urged: map[string]bool{}, Hidden: map[string]bool{},
		Zone: shanghai}
	snap.Acts["A1"] = []ledger.Consent{{Key: "1", ElderID: "A1", Purpose: ledger.PurposeKin, Given: true},
		{Key: "2", ElderID: "A1", Kin: "丁", Purpose: ledger.PurposeKin, Given: true}}
	snap.Roster = relatives(func(b *ledger.Book) {
		b.Bonds = []ledger.Bond{{ElderID: "A1", User: "kf:1", Kin: "丁", State: ledger.BondVerified, Since: "2026-01-20", Until: "2027-01-20"}}
		if change != nil {
			change(b, snap)
		}
	})
	return snap, Packs{pack(t, "yongning")}
}

// wordsMade plays the calendar at 09:30 of each day and tells which words it made: each once.
func wordsMade(snap *ledger.Snapshot, packs Packs, from, to ledger.Day) []string {
	var out []string
	for day := from; day <= to; day = day.Add(1) {
		now := at(day, "09:30")
		for range 2 {
			for _, w := range Tell(snap, packs, now) {
				snap.Words = append(snap.Words, w)
				out = append(out, day.Short()+" "+about(w))
			}
		}
	}
	return out
}

func TestTell(t *testing.T) {
	act := func(snap *ledger.Snapshot, x ledger.Consent) {
		x.Key, x.ElderID, x.At = fmt.Sprint(9, len(snap.Acts["A1"])), "A1", at("2026-02-01", "10:00")
		snap.Acts["A1"] = append(snap.Acts["A1"], x)
	}
	for _, tt := range []struct {
		name     string
		change   func(*ledger.Book, *ledger.Snapshot)
		from, to ledger.Day
		want     string
	}{
		{"the month from the second on", nil, "2026-03-01", "2026-03-31", "3月2日 summary/A1/丁/2026-02"},
		{"ten days late", nil, "2026-03-12", "2026-03-31", "3月12日 summary/A1/丁/2026-02"},
		{"too late", nil, "2026-03-13", "2026-03-31", ""},
		{"verified on the month's last day", func(b *ledger.Book, _ *ledger.Snapshot) { b.Bonds[0].Since = "2026-02-28" }, "2026-03-01", "2026-03-31",
			"3月2日 summary/A1/丁/2026-02"},
		{"verified after the month", func(b *ledger.Book, _ *ledger.Snapshot) { b.Bonds[0].Since = "2026-03-01" }, "2026-03-01", "2026-03-31", ""},
		{"only asked for", func(b *ledger.Book, _ *ledger.Snapshot) { b.Bonds[0].State = ledger.BondAsked }, "2026-03-01", "2026-03-31", ""},
		{"no longer confirmed", func(b *ledger.Book, _ *ledger.Snapshot) { b.Bonds[0].Until = "2026-03-01" }, "2026-03-01", "2026-03-31", ""},
		{"the elder never agreed", func(_ *ledger.Book, s *ledger.Snapshot) { s.Acts["A1"] = s.Acts["A1"][1:] }, "2026-03-01", "2026-03-31", ""},
		{"the daughter never asked", func(_ *ledger.Book, s *ledger.Snapshot) { s.Acts["A1"] = s.Acts["A1"][:1] }, "2026-03-01", "2026-03-31", ""},
		{"the elder blocks her", func(_ *ledger.Book, s *ledger.Snapshot) {
			act(s, ledger.Consent{For: "丁", Purpose: ledger.PurposeKin})
		},
			"2026-03-01", "2026-03-31", ""},
		{"and lets only her hear", func(_ *ledger.Book, s *ledger.Snapshot) {
			s.Acts["A1"] = s.Acts["A1"][1:]
			act(s, ledger.Consent{For: "丁", Purpose: ledger.PurposeKin, Given: true})
		}, "2026-03-01", "2026-03-31", "3月2日 summary/A1/丁/2026-02"},
		{"died", func(b *ledger.Book, _ *ledger.Snapshot) {
			b.Standings = []ledger.Standing{{ElderID: "A1", From: "2026-02-20", Kind: ledger.StandingDied}}
		}, "2026-03-01", "2026-10-31", ""},
		{"moved away", func(b *ledger.Book, _ *ledger.Snapshot) {
			b.Standings = []ledger.Standing{{ElderID: "A1", From: "2026-02-20", Kind: ledger.StandingMoved}}
		}, "2026-03-01", "2026-10-31", ""},
		{"in hospital", func(b *ledger.Book, _ *ledger.Snapshot) {
			b.Standings = []ledger.Standing{{ElderID: "A1", From: "2026-02-20", Kind: ledger.StandingPaused}}
		}, "2026-03-01", "2026-03-31", "3月2日 summary/A1/丁/2026-02"},
		{"not yet on the ledger", func(b *ledger.Book, _ *ledger.Snapshot) { b.Elders[0].Since = "2026-03-01" }, "2026-03-01", "2026-03-31", ""},
		{"two threads of one daughter", func(b *ledger.Book, _ *ledger.Snapshot) {
			b.Bonds = append(b.Bonds, ledger.Bond{ElderID: "A1", User: "kf:2", Kin: "丁", State: ledger.BondVerified, Since: "2026-01-01", Until: "2027-01-01"})
		}, "2026-03-01", "2026-03-31", "3月2日 summary/A1/丁/2026-02"},
		{"a relative who is not on the ledger any more", func(b *ledger.Book, _ *ledger.Snapshot) { b.Kin[0].Name = "戊" }, "2026-03-01", "2026-03-31", ""},

		{"the eve of the Spring Festival, and the month after the quiet days", nil, "2027-02-01", "2027-02-28",
			"2月2日 summary/A1/丁/2027-01, 2月5日 greet/A1/丁/春节2027"},
		{"a month whose day is quiet", nil, "2022-01-30", "2022-02-06", "1月31日 greet/A1/丁/春节2022, 2月4日 summary/A1/丁/2022-01"},
		{"the eves of the year", nil, "2026-06-13", "2026-12-01", "7月2日 summary/A1/丁/2026-06, 8月2日 summary/A1/丁/2026-07, " +
			"9月2日 summary/A1/丁/2026-08, 9月24日 greet/A1/丁/中秋2026, 10月2日 summary/A1/丁/2026-09, 10月17日 greet/A1/丁/重阳2026, " +
			"11月2日 summary/A1/丁/2026-10"},
		{"the weather, once", func(b *ledger.Book, _ *ledger.Snapshot) {
			b.Rounds = []ledger.Round{{Region: "11", Name: "寒潮", From: "2026-03-20", To: "2026-03-24"}, {Region: "111", Name: "首次摸底", From: "2026-03-14", To: "2026-03-30"},
				{Region: "1", Name: "大风寒潮", From: "2026-03-21", To: "2026-03-22"}}
		}, "2026-03-13", "2026-03-31", "3月20日 greet/A1/丁/寒潮2026-03-20"},
		{"for key elders", func(b *ledger.Book, _ *ledger.Snapshot) {
			b.Rounds = []ledger.Round{{Region: "11", Name: "高温", From: "2026-03-20", To: "2026-03-24", Tier: ledger.TierKey}}
		}, "2026-03-13", "2026-03-31", ""},
		{"of somewhere else", func(b *ledger.Book, _ *ledger.Snapshot) {
			b.Rounds = []ledger.Round{{Region: "12", Name: "高温", From: "2026-03-20", To: "2026-03-24"}}
		}, "2026-03-13", "2026-03-31", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			snap, packs := bonded(t, func(b *ledger.Book, s *ledger.Snapshot) {
				b.Kin[0].Seen = "2027-02-01" // nothing to confirm
				if tt.from < "2026-01-01" {
					b.Bonds[0].Since = "2021-06-01"
				}
				if tt.from > "2027-01-01" {
					b.Bonds[0].Until = "2027-12-31"
				}
				if tt.change != nil {
					tt.change(b, s)
				}
			})
			if got := strings.Join(wordsMade(snap, packs, tt.from, tt.to), ", "); got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestTellConfirms: number and whereabouts are asked about half a year after they were known, once, on the relative's own day.
func TestTellConfirms(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*ledger.Book, *ledger.Snapshot)
		want   []string // months
	}{
		{"half a year after they were known", nil, []string{"2026-07", "2027-01"}},
		{"not at all known since the ledger began", func(b *ledger.Book, _ *ledger.Snapshot) { b.Kin[0].Seen, b.Kin[0].Consent = "", "" }, []string{"2026-03", "2026-09"}},
		{"known since consent", func(b *ledger.Book, _ *ledger.Snapshot) { b.Kin[0].Seen, b.Kin[0].Consent = "", "2026-04-01" }, []string{"2026-10"}},
		{"nothing to confirm", func(b *ledger.Book, _ *ledger.Snapshot) { b.Kin[0].Phone, b.Kin[0].Where = "", "" }, nil},
		{"whereabouts, by WeChat", func(b *ledger.Book, _ *ledger.Snapshot) { b.Kin[0].Phone = "" }, []string{"2026-07", "2027-01"}},
		{"whereabouts, and no way to ask", func(b *ledger.Book, _ *ledger.Snapshot) { b.Kin[0].Phone, b.Bonds = "", nil }, nil},
		{"a dead number and no way to ask", func(b *ledger.Book, _ *ledger.Snapshot) { b.Kin[0].Dead, b.Bonds = "2026-02-01", nil }, nil},
		{"nobody's talk, and not agreed to", func(b *ledger.Book, _ *ledger.Snapshot) { b.Pairs = nil }, nil},
		{"nobody's talk, but agreed to", func(b *ledger.Book, s *ledger.Snapshot) {
			b.Pairs = nil
			s.Acts["A1"] = append(s.Acts["A1"], ledger.Consent{Key: "3", ElderID: "A1", Kin: "丁", Purpose: ledger.PurposePhone, Given: true})
		}, []string{"2026-07", "2027-01"}},
		{"does not want to be called", func(_ *ledger.Book, s *ledger.Snapshot) {
			s.Acts["A1"] = append(s.Acts["A1"], ledger.Consent{Key: "3", ElderID: "A1", Kin: "丁", Purpose: ledger.PurposePhone})
		}, nil},
		{"the family may be behind something", func(_ *ledger.Book, s *ledger.Snapshot) { s.Hidden["A1"] = true }, nil},
		{"the elder died", func(b *ledger.Book, _ *ledger.Snapshot) {
			b.Standings = []ledger.Standing{{ElderID: "A1", From: "2026-02-20", Kind: ledger.StandingDied}}
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			snap, packs := bonded(t, tt.change)
			var got []string
			days := map[string]bool{}
			for _, line := range wordsMade(snap, packs, "2026-03-01", "2027-02-28") {
				if day, key, _ := strings.Cut(line, " "); strings.HasPrefix(key, "confirm/A1/丁/") {
					got = append(got, key[len("confirm/A1/丁/"):][:7])
					days[day[strings.Index(day, "月"):]] = true
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || len(days) > 1 {
				t.Errorf("%s%v", diff, days)
			}
		})
	}
}

// TestTellSpreadsConfirms: a county whose 5,000 families were never asked does not ask them on one day, and asks each in the month.
func TestTellSpreadsConfirms(t *testing.T) {
	snap, packs := bonded(t, func(b *ledger.Book, _ *ledger.Snapshot) {
		b.Elders, b.Kin, b.Pairs, b.Bonds = nil, nil, nil, nil
		for i := range 5000 {
			id := fmt.Sprintf("E%04d", i)
			b.Elders = append(b.Elders, ledger.Elder{ID: id, Region: "111", Since: "2020-01-01"})
			b.Kin = append(b.Kin, ledger.Kin{ElderID: id, Name: "丁", Phone: "13900000001"})
			b.Pairs = append(b.Pairs, ledger.Pair{ElderID: id, UserID: "hal"})
		}
	})
	all := 0
	for day := ledger.Day("2026-03-01"); day <= "2026-03-31"; day = day.Add(1) {
		words := Tell(snap, packs, at(day, "09:30"))
		if len(words) > 300 {
			t.Errorf("%s: %d on one day", day, len(words))
		}
		all += len(words)
		snap.Words = append(snap.Words, words...)
	}
	if all != 5000 {
		t.Errorf("%d of 5000 in the month", all)
	}
}

// about is what a word's key hides: "summary/A1/丁/2026-02".
func about(w ledger.Word) string {
	head, _, _ := strings.Cut(w.Key, "/")
	tail := w.Text
	switch w.Purpose {
	case ledger.WordSummary:
		tail = string(w.Period)
	case ledger.WordConfirm:
		tail = string(ledger.DayOf(w.At, china))
	}
	return strings.Join([]string{head, w.ElderID, w.Kin, tail}, "/")
}

// TestTellIsTheObviousOne: in random counties, the summaries and greetings of a random moment are those that a plain count finds: of
// nobody without both consents, none twice, and none when it is run again.
func TestTellIsTheObviousOne(t *testing.T) {
	checks(t, 500)
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		today := pick(t, ledger.Day("2026-02-16"), "2026-03-01", "2026-03-05", "2026-03-12", "2026-03-13", "2026-09-24", "2027-01-02", "2022-02-02", "2025-01-28", "2025-01-31")
		near := func() ledger.Day { return today.Add(between(t, -70, 5)) }
		b := village(nil).Book()
		snap := &ledger.Snapshot{Acts: map[string][]ledger.Consent{}, Hidden: map[string]bool{}, Zone: shanghai}
		for i, id := range []string{"A1", "A2", "B1"} {
			b.Elders[i].Since = pick(t, "", near())
			for j, name := range []string{"丁", "戊"} {
				if upTo(t, 5) > 0 {
					b.Kin = append(b.Kin, ledger.Kin{ElderID: id, Name: name, Seen: today})
				}
				for range upTo(t, 2) {
					b.Bonds = append(b.Bonds, ledger.Bond{ElderID: id, User: fmt.Sprint("kf:", i, j, len(b.Bonds)), Kin: name, Since: near(), Until: pick(t, "", near(), today, today.Add(30)),
						State: pick(t, ledger.BondVerified, ledger.BondVerified, ledger.BondVerified, ledger.BondAsked, ledger.BondEnded)})
				}
			}
			for range upTo(t, 8) {
				snap.Acts[id] = append(snap.Acts[id], ledger.Consent{Key: fmt.Sprint(len(snap.Acts[id])), ElderID: id, Kin: pick(t, "", "", "丁", "戊"), For: pick(t, "", "", "", "丁"),
					Purpose: pick(t, ledger.PurposeKin, ledger.PurposeKin, ledger.PurposeKin, ledger.PurposeHealth), Given: upTo(t, 3) > 0, At: near().In(shanghai)})
			}
			if upTo(t, 6) == 0 {
				b.Standings = append(b.Standings, ledger.Standing{ElderID: id, From: near(), Kind: pick(t, ledger.StandingKinds...)})
			}
			snap.Hidden[id] = upTo(t, 5) == 0
		}
		if upTo(t, 3) == 0 {
			from := near()
			b.Rounds = append(b.Rounds, ledger.Round{Region: pick(t, "1", "11", "111"), Name: pick(t, "高温", "寒潮", "首次摸底"), From: from, To: from.Add(upTo(t, 40))})
		}
		snap.Roster = ledger.NewRoster(b)
		packs := Packs{{Family: Family{Summary: pick(t, 0, 1, 2, 5), Festival: []string{"春节", "中秋"}}, Spring: Spring{Quiet: pick(t, 0, 3)}}}
		want := plainTell(snap, b, packs[0], today)
		var got []string
		for range 2 {
			for _, w := range Tell(snap, packs, at(today, "10:00")) {
				if !slices.ContainsFunc(b.Bonds, func(x ledger.Bond) bool { return x.User == w.User && x.ElderID == w.ElderID && x.Kin == w.Kin }) {
					t.Fatalf("%s goes to %s", w.Key, w.User)
				}
				if w.State != ledger.WordOpen || w.Due.IsZero() || (w.Text != "") != (w.Purpose == ledger.WordGreeting) {
					t.Fatalf("%+v", w)
				}
				snap.Words = append(snap.Words, w)
				got = append(got, about(w))
				seen[string(w.Purpose)]++
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%s\n got %v\nwant %v", today, got, want)
		}
	})
	if !t.Failed() && (seen["summary"] == 0 || seen["greeting"] == 0) {
		t.Errorf("not all came to pass: %v", seen)
	}
}

// plainTell counts from the rows alone.
func plainTell(snap *ledger.Snapshot, b ledger.Book, p Pack, today ledger.Day) []string {
	newest := func(elder string, fits func(ledger.Consent) bool) (c ledger.Consent, ok bool) {
		for _, x := range snap.Acts[elder] {
			if fits(x) && x.Purpose == ledger.PurposeKin && (!ok || x.At.After(c.At) || x.At.Equal(c.At) && x.Key > c.Key) {
				c, ok = x, true
			}
		}
		return c, ok
	}
	lunar := calendar.NewSolarFromYmd(today.Time().Year(), int(today.Month()), today.Time().Day()).GetLunar()
	tomorrow := calendar.NewSolarFromYmd(today.Add(1).Time().Year(), int(today.Add(1).Month()), today.Add(1).Time().Day()).GetLunar()
	quiet := p.Spring.Quiet > 0 && (tomorrow.GetMonth() == 1 && tomorrow.GetDay() == 1 || lunar.GetMonth() == 1 && lunar.GetDay() <= p.Spring.Quiet)
	out := map[string]bool{}
	for _, x := range b.Bonds {
		if x.State != ledger.BondVerified || x.Since > today || x.Until != "" && x.Until < today {
			continue
		}
		if !slices.ContainsFunc(b.Kin, func(k ledger.Kin) bool { return k.ElderID == x.ElderID && k.Name == x.Kin }) {
			continue
		}
		if slices.ContainsFunc(b.Standings, func(s ledger.Standing) bool {
			return s.ElderID == x.ElderID && s.From <= today && s.Kind != ledger.StandingPaused
		}) {
			continue
		}
		elder, ok := newest(x.ElderID, func(c ledger.Consent) bool { return c.Kin == "" && c.For == x.Kin })
		if !ok {
			elder, _ = newest(x.ElderID, func(c ledger.Consent) bool { return c.Kin == "" && c.For == "" })
		}
		child, _ := newest(x.ElderID, func(c ledger.Consent) bool { return c.Kin == x.Kin && c.For == "" })
		if !elder.Given || !child.Given {
			continue
		}
		month := today.Time().AddDate(0, 0, -today.Time().Day())
		since := b.Elders[map[string]int{"A1": 0, "A2": 1, "B1": 2}[x.ElderID]].Since
		last := ledger.Day(month.Format(time.DateOnly))
		if day := today.Time().Day(); p.Family.Summary > 0 && day >= p.Family.Summary && day <= p.Family.Summary+10 && x.Since <= last && since <= last && !quiet {
			out[fmt.Sprintf("summary/%s/%s/%s", x.ElderID, x.Kin, month.Format("2006-01"))] = true
		}
		for name, on := range map[string][2]int{"春节": {1, 1}, "中秋": {8, 15}} {
			if tomorrow.GetMonth() == on[0] && tomorrow.GetDay() == on[1] {
				out[fmt.Sprintf("greet/%s/%s/%s%d", x.ElderID, x.Kin, name, today.Add(1).Time().Year())] = true
			}
		}
		for _, r := range b.Rounds {
			if r.Name != "首次摸底" && r.From <= today && today <= r.To {
				out[fmt.Sprintf("greet/%s/%s/%s%s", x.ElderID, x.Kin, r.Name, r.From)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(out))
}
