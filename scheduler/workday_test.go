package scheduler

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"xunfang/ledger"
)

var china = time.FixedZone("CST", 8*3600)

func TestWorkDays(t *testing.T) {
	at := func(s string) time.Time {
		x, err := time.ParseInLocation("2006-01-02 15:04", s, china)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for _, c := range []struct {
		why  string
		from string
		n    int
		want string
	}{
		{"none: now", "2024-03-13 09:00", 0, "2024-03-13 09:00"},
		{"tomorrow, at the same hour", "2024-03-13 09:00", 1, "2024-03-14 09:00"},
		{"over a weekend", "2024-03-15 16:30", 1, "2024-03-18 16:30"},
		{"asked on a Saturday", "2024-03-16 10:00", 1, "2024-03-18 10:00"},
		{"three, from Thursday to Tuesday", "2024-03-14 08:00", 3, "2024-03-19 08:00"},
		{"the National Day week is off and the Saturday after it is worked", "2024-09-30 15:00", 4, "2024-10-11 15:00"},
		{"and that Saturday counts", "2024-09-30 15:00", 5, "2024-10-12 15:00"},
		{"the Sunday before the Spring Festival is worked", "2025-01-25 11:00", 1, "2025-01-26 11:00"},
		{"the Spring Festival", "2025-01-27 11:00", 1, "2025-02-05 11:00"},
		{"a year that nobody has a calendar of: Monday to Friday", "2099-10-01 12:00", 2, "2099-10-05 12:00"},
	} {
		if got := WorkDays(at(c.from), c.n, china); !got.Equal(at(c.want)) {
			t.Errorf("%s: %d working days after %s are over on %s, want %s", c.why, c.n, c.from, got.In(china).Format("2006-01-02 15:04"), c.want)
		}
	}
	// The day is the county's, whatever zone the moment is written in: Friday 23:00 in UTC is Saturday morning there.
	utc := time.Date(2024, 3, 15, 23, 0, 0, 0, time.UTC)
	if got, want := WorkDays(utc, 1, china), time.Date(2024, 3, 17, 23, 0, 0, 0, time.UTC); !got.Equal(want) || got.Location() != time.UTC {
		t.Errorf("from %s one working day is over on %s, want %s", utc, got, want)
	}
}

func TestWorkDaysAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := time.Date(2015, 1, 1, 0, 0, 0, 0, china).Add(time.Duration(rapid.Int64Range(0, 20*365*24*3600).Draw(t, "from")) * time.Second)
		a, b := rapid.IntRange(0, 12).Draw(t, "a"), rapid.IntRange(0, 12).Draw(t, "b")
		got := WorkDays(from, a+b, china)
		if step := WorkDays(WorkDays(from, a, china), b, china); !got.Equal(step) {
			t.Fatalf("%d and %d working days after %s are %s, in one step %s", a, b, from, step, got)
		}
		days := 0
		for d := ledger.DayOf(from, china).Add(1); d <= ledger.DayOf(got, china); d = d.Add(1) {
			if workDay(d) {
				days++
			}
		}
		if days != a+b {
			t.Fatalf("between %s and %s lie %d working days, want %d", from, got, days, a+b)
		}
	})
}
