package scheduler

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunfang/ledger"
)

// relatives is the invented village with a helper for A1 and a child away.
func relatives(change func(*ledger.Book)) *ledger.Roster {
	return village(func(b *ledger.Book) {
		b.Pairs = []ledger.Pair{{ElderID: "A1", UserID: "hal"}}
		b.Kin = []ledger.Kin{{ElderID: "A1", Name: "丁", Relation: "女儿", Phone: "13900000001", Where: "甲市", Seen: "2026-01-10"}}
		b.Posts = append(b.Posts, ledger.Post{UserID: "cat", Role: ledger.RoleCounty, Region: "1"})
		b.People = append(b.People, ledger.Person{UserID: "cat", Name: "cat"})
		if change != nil {
			change(b)
		}
	})
}

func onLeave(user, deputy string) func(*ledger.Book) {
	return func(b *ledger.Book) {
		b.Leaves = append(b.Leaves, ledger.Leave{UserID: user, From: "2026-01-01", To: "2026-12-31", Deputy: deputy})
	}
}

// after is a word as a step leaves it.
func after(f ledger.WordFile, s ledger.WordStep) ledger.WordFile {
	return ledger.WordFile{Word: s.Word, Log: slices.Concat(f.Log, s.Log)}
}

// said is what somebody, or a channel, said of a word; or how its ways changed.
type said struct {
	at   string // 03-02 09:05
	ch   ledger.Channel
	kind ledger.TryKind
	ways *Ways
}

// brought plays a word minute by minute, looked at when it is due and when something was said, and tells what was done.
func brought(t *testing.T, purpose ledger.WordPurpose, w Ways, r *ledger.Roster, from, to string, happens ...said) []string {
	t.Helper()
	begin := clockAt("2026-" + from)
	f := ledger.WordFile{Word: ledger.Word{Key: "k", ElderID: "A1", Kin: "丁", Purpose: purpose, State: ledger.WordOpen, Due: begin, At: begin, Rev: 1}}
	packs := Packs{pack(t, "yongning")}
	var lines []string
	for now := begin; !now.After(clockAt("2026-" + to)); now = now.Add(time.Minute) {
		poked := false
		for _, x := range happens {
			switch {
			case clockAt("2026-"+x.at) != now:
			case x.ways != nil:
				w, poked = *x.ways, true
			default:
				s := f.Step()
				s.Add(ledger.Try{Channel: x.ch, Kind: x.kind, By: "x", At: now})
				f, poked = after(f, s), true
			}
		}
		if !poked && (f.Due.IsZero() || f.Due.After(now)) {
			continue
		}
		step, changed := Reach(f, w, r, packs, now, china)
		if !changed {
			continue
		}
		f = after(f, step)
		if again, changed := Reach(f, w, r, packs, now, china); changed {
			t.Fatalf("%s: twice for one moment\n%s", now, cmp.Diff(f.Word, again.Word))
		}
		for _, x := range step.Log {
			line := fmt.Sprintf("%s %s", now.Format("01-02 15:04"), x.Channel)
			switch {
			case x.Kind != ledger.TrySent:
				line += " " + string(x.Kind)
			case x.To != "":
				line += " " + x.To
			}
			if x.Kind == ledger.TrySent && x.Message != fmt.Sprintf("k/%d", x.N) {
				t.Errorf("try %d has message %s", x.N, x.Message)
			}
			lines = append(lines, line)
		}
		if f.State.Over() {
			lines = append(lines, now.Format("01-02 15:04 ")+string(f.State))
		}
	}
	return lines
}

// TestReach: 2026-03-02 is a Monday.
func TestReach(t *testing.T) {
	all := Ways{Kf: true, Official: true, Mass: true, SMS: true, Number: true}
	call := Ways{Number: true}
	died := func(kind ledger.StandingKind) func(*ledger.Book) {
		return func(b *ledger.Book) {
			b.Standings = []ledger.Standing{{ElderID: "A1", From: "2026-03-03", Kind: kind}}
		}
	}
	for _, tt := range []struct {
		name     string
		purpose  ledger.WordPurpose
		ways     Ways
		change   func(*ledger.Book)
		from, to string
		happens  []said
		want     string
	}{
		{"the month by the first channel, and nothing comes back", ledger.WordSummary, all, nil, "03-02 09:00", "03-31 09:00", nil,
			"03-02 09:00 official, 03-09 09:00 sent"},
		{"a tap shows that it was read", ledger.WordSummary, all, nil, "03-02 09:00", "03-31 09:00", []said{{at: "03-02 20:00", ch: "official", kind: "heard"}},
			"03-02 09:00 official, 03-02 20:00 heard"},
		{"the month in an open window", ledger.WordSummary, Ways{Kf: true, Mass: true, Number: true}, nil, "03-02 09:00", "03-09 09:00", nil,
			"03-02 09:00 kf, 03-09 09:00 sent"},
		{"no channel: told at the next talk, and nobody's task", ledger.WordSummary, Ways{SMS: true, Number: true}, nil, "03-02 09:00", "03-31 09:00", nil,
			"03-02 09:00 call skipped, 03-02 09:00 failed"},
		{"what failed is the next channel's, at last a person's", ledger.WordSummary, all, nil, "03-02 09:00", "03-31 09:00",
			[]said{{at: "03-02 09:05", ch: "official", kind: "failed"}, {at: "03-02 09:06", ch: "kf", kind: "dead"}, {at: "03-02 09:30", ch: "mass", kind: "dead"}},
			"03-02 09:00 official, 03-02 09:05 kf, 03-02 09:06 mass, 03-02 09:30 call hal, 03-04 09:30 call ann, 03-06 09:30 call lea, 03-10 09:30 failed"},
		{"a window that opens later is not a second telling", ledger.WordSummary, Ways{Official: true, Number: true}, nil, "03-02 09:00", "03-09 09:00",
			[]said{{at: "03-04 09:00", ways: &all}}, "03-02 09:00 official, 03-09 09:00 sent"},
		{"a failure at night is told in the morning", ledger.WordSummary, Ways{Official: true, Number: true}, nil, "03-02 17:00", "03-03 12:00",
			[]said{{at: "03-02 23:00", ch: "official", kind: "failed"}}, "03-02 17:00 official, 03-03 09:38 call hal"},
		{"a failure with no number to call", ledger.WordSummary, Ways{Official: true}, nil, "03-02 09:00", "03-31 12:00",
			[]said{{at: "03-02 10:00", ch: "official", kind: "dead"}}, "03-02 09:00 official, 03-02 10:00 failed"},

		{"a greeting is one message", ledger.WordGreeting, Ways{Mass: true, Official: true, SMS: true, Number: true}, nil, "03-02 09:00", "03-31 09:00", nil,
			"03-02 09:00 mass, 03-09 09:00 sent"},
		{"or none", ledger.WordGreeting, Ways{Official: true, SMS: true, Number: true}, nil, "03-02 09:00", "03-31 09:00", nil,
			"03-02 09:00 call skipped, 03-02 09:00 failed"},
		{"not at night", ledger.WordGreeting, all, nil, "03-02 02:00", "03-02 12:00", nil, "03-02 10:14 kf"},

		{"what was passed on goes out at once", ledger.WordPassed, all, nil, "03-02 22:00", "03-02 23:00", nil, "03-02 22:00 kf"},
		{"or waits for the helper's day", ledger.WordPassed, Ways{Mass: true, Number: true}, nil, "03-02 22:00", "03-03 12:00", nil, "03-03 09:38 mass"},
		{"or is told on the phone", ledger.WordPassed, Ways{Official: true, SMS: true, Number: true}, nil, "03-02 09:00", "03-02 12:00", nil, "03-02 09:00 call hal"},

		{"a confirmation by the notice, then a call", ledger.WordConfirm, all, nil, "03-02 09:00", "03-31 18:00", nil,
			"03-02 09:00 official, 03-09 09:00 call hal, 03-11 09:00 call ann, 03-13 09:00 call lea, 03-17 09:00 sms, 03-24 09:00 mass, 03-31 09:00 failed"},
		{"nobody answers on three days: the number is dead", ledger.WordConfirm, call, nil, "03-02 09:00", "03-31 12:00",
			[]said{{at: "03-02 10:00", ch: "call", kind: "noanswer"}, {at: "03-02 10:05", ch: "call", kind: "noanswer"}, {at: "03-03 10:00", ch: "call", kind: "noanswer"},
				{at: "03-04 10:00", ch: "call", kind: "noanswer"}},
			"03-02 09:00 call hal, 03-03 09:38 call hal, 03-04 09:02 call hal, 03-04 10:00 call dead, 03-04 10:00 failed"},
		{"nobody answered, and then did", ledger.WordConfirm, call, nil, "03-02 09:00", "03-31 12:00",
			[]said{{at: "03-02 10:00", ch: "call", kind: "noanswer"}, {at: "03-03 15:00", ch: "call", kind: "heard"}},
			"03-02 09:00 call hal, 03-03 09:38 call hal, 03-03 15:00 heard"},
		{"a wrong number, and another a day later", ledger.WordConfirm, call, nil, "03-02 09:00", "03-05 12:00",
			[]said{{at: "03-02 10:00", ch: "call", kind: "wrong"}, {at: "03-02 10:00", ways: &Ways{}}, {at: "03-03 10:00", ways: &call}},
			"03-02 09:00 call hal, 03-03 10:00 call hal, 03-05 10:00 call ann"},
		{"a wrong number, and no other", ledger.WordConfirm, call, nil, "03-02 09:00", "03-31 12:00",
			[]said{{at: "03-02 10:00", ch: "call", kind: "wrong"}, {at: "03-02 10:00", ways: &Ways{}}}, "03-02 09:00 call hal, 03-04 10:00 failed"},
		{"another number is called at once", ledger.WordConfirm, call, nil, "03-02 09:00", "03-02 12:00",
			[]said{{at: "03-02 10:00", ch: "call", kind: "other"}}, "03-02 09:00 call hal, 03-02 10:00 call hal"},

		{"urged by phone, a message beside it", ledger.WordUrge, all, nil, "03-06 09:00", "03-31 12:00", nil,
			"03-06 09:00 call hal, 03-06 09:00 sms, 03-08 09:00 call ann, 03-10 09:00 call lea, 03-12 09:00 failed"},
		{"urged without a number", ledger.WordUrge, Ways{Kf: true}, nil, "03-06 09:00", "03-31 12:00", nil,
			"03-06 09:00 call skipped, 03-06 09:00 failed"},

		{"an emergency at night: everything at once, and round until somebody reached them", ledger.WordEmergency, all, nil, "03-02 03:00", "03-02 12:00",
			[]said{{at: "03-02 03:02", ch: "official", kind: "dead"}, {at: "03-02 03:03", ch: "sms", kind: "failed"}, {at: "03-02 03:04", ch: "kf", kind: "dead"},
				{at: "03-02 03:45", ch: "call", kind: "heard"}},
			"03-02 03:00 call hal, 03-02 03:00 official, 03-02 03:00 sms, 03-02 03:00 kf, 03-02 03:10 call ann, 03-02 03:20 call lea, 03-02 03:30 call tom, " +
				"03-02 03:40 call hal, 03-02 03:45 heard"},
		{"nobody answers: the next after ten minutes", ledger.WordEmergency, call, nil, "03-02 03:00", "03-02 03:20",
			[]said{{at: "03-02 03:05", ch: "call", kind: "noanswer"}}, "03-02 03:00 call hal, 03-02 03:15 call ann"},
		{"a window that opens in an emergency is used", ledger.WordEmergency, call, nil, "03-02 03:00", "03-02 03:08",
			[]said{{at: "03-02 03:05", ways: &Ways{Kf: true, Number: true}}}, "03-02 03:00 call hal, 03-02 03:05 kf"},
		{"no number, until somebody finds one", ledger.WordEmergency, Ways{SMS: true, Official: true}, nil, "03-02 03:00", "03-02 04:10",
			[]said{{at: "03-02 04:00", ways: &all}}, "03-02 03:00 official, 03-02 03:00 sms, 03-02 04:00 call hal, 03-02 04:00 kf, 03-02 04:10 call ann"},
		{"nothing at all", ledger.WordEmergency, Ways{Mass: true}, nil, "03-02 03:00", "03-02 04:10", nil, "03-02 03:00 call skipped, 03-02 03:00 failed"},

		{"the helper is on leave", ledger.WordPassed, call, onLeave("hal", "bo"), "03-02 09:00", "03-02 12:00", nil, "03-02 09:00 call bo"},
		{"and nobody stands in", ledger.WordPassed, call, onLeave("hal", ""), "03-02 09:00", "03-02 12:00", nil, "03-02 09:00 call ann"},
		{"the helper's leave begins", ledger.WordPassed, call, func(b *ledger.Book) {
			b.Leaves = []ledger.Leave{{UserID: "hal", From: "2026-03-03", To: "2026-03-09"}}
		}, "03-02 09:00", "03-04 08:00", nil, "03-02 09:00 call hal, 03-03 09:00 call ann"},
		{"nobody of the village: the township at once", ledger.WordPassed, call, func(b *ledger.Book) {
			onLeave("hal", "")(b)
			onLeave("ann", "")(b)
			onLeave("lea", "")(b)
		}, "03-02 09:00", "03-02 12:00", nil, "03-02 09:00 call tom"},
		{"nobody at all but the county", ledger.WordPassed, call, func(b *ledger.Book) {
			b.Posts = b.Posts[len(b.Posts)-1:]
		}, "03-02 09:00", "03-02 12:00", nil, "03-02 09:00 call cat"},
		{"nobody", ledger.WordEmergency, call, func(b *ledger.Book) { b.Posts = nil }, "03-02 09:00", "03-02 12:00", nil,
			"03-02 09:00 call skipped, 03-02 09:00 failed"},

		{"the elder dies", ledger.WordPassed, all, died(ledger.StandingDied), "03-02 09:00", "03-31 12:00", []said{{at: "03-03 10:00", ways: &all}},
			"03-02 09:00 kf, 03-03 10:00 dropped"},
		{"the elder moves away", ledger.WordSummary, all, died(ledger.StandingMoved), "03-02 09:00", "03-31 12:00", []said{{at: "03-03 10:00", ways: &all}},
			"03-02 09:00 official, 03-03 10:00 dropped"},
		{"what was sent by hand is not lost by that", ledger.WordPassed, all, died(ledger.StandingMoved), "03-03 09:00", "03-03 12:00", nil, "03-03 09:00 kf"},
		{"an emergency goes on", ledger.WordEmergency, call, died(ledger.StandingDied), "03-03 09:00", "03-03 09:05", nil, "03-03 09:00 call hal"},
		{"a pause changes nothing", ledger.WordSummary, all, died(ledger.StandingPaused), "03-03 09:00", "03-03 12:00", nil, "03-03 09:00 official"},
		{"an elder nobody knows", ledger.WordEmergency, all, func(b *ledger.Book) { b.Elders = nil }, "03-03 09:00", "03-03 12:00", nil, "03-03 09:00 dropped"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(brought(t, tt.purpose, tt.ways, relatives(tt.change), tt.from, tt.to, tt.happens...), ", ")
			if got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestReachClockSetBack: nothing goes out twice, and nobody waits longer than they would from now on.
func TestReachClockSetBack(t *testing.T) {
	r, packs, w := relatives(nil), Packs{pack(t, "yongning")}, Ways{Official: true, SMS: true, Number: true}
	now := clockAt("2026-03-02 12:00")
	f := ledger.WordFile{Word: ledger.Word{Key: "k", ElderID: "A1", Kin: "丁", Purpose: ledger.WordEmergency, State: ledger.WordOpen, Due: now, Rev: 1}}
	look := func() []ledger.Try {
		s, _ := Reach(f, w, r, packs, now, china)
		f = after(f, s)
		return s.Log
	}
	if n := len(look()); n != 3 {
		t.Fatalf("%d tries at first", n)
	}
	now = clockAt("2026-02-01 12:00")
	if got := look(); len(got) != 0 || !f.Due.Equal(now.Add(10*time.Minute)) {
		t.Fatalf("set back: %v, due %s", got, f.Due)
	}
	now = now.Add(9 * time.Minute)
	if got := look(); len(got) != 0 || !f.Due.Equal(clockAt("2026-02-01 12:10")) {
		t.Fatalf("later: %v, due %s", got, f.Due)
	}
	now = now.Add(time.Minute)
	if got := look(); len(got) != 1 || got[0].To != "ann" {
		t.Fatalf("ten minutes later: %v", got)
	}
}
