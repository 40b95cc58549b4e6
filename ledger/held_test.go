package ledger

import (
	"slices"
	"testing"
	"time"
)

func TestHeldAt(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 3, n, 10, 0, 0, 0, time.UTC) }
	f := CaseFile{Timeline: []Event{
		{Kind: EventRaised, Level: RoleVillage, At: day(1)},
		{Kind: EventTold, Level: RoleCounty, At: day(2)}, // being told moves nothing
		{Kind: EventPassed, Level: RoleTownship, At: day(4)},
		{Kind: EventTaken, Level: RoleVillage, At: day(6)}, // the village takes it after all
		{Kind: EventNews, Level: RoleVillage, At: day(7)},
		{Kind: EventSolved, Level: RoleVillage, At: day(9)},
		{Kind: EventNot, Level: RoleVillage, At: day(20)},
	}}
	h := func(days int) time.Duration { return time.Duration(days) * 24 * time.Hour }
	for _, c := range []struct {
		n    int
		at   time.Time
		want []Held
	}{
		{0, day(5), nil},
		{1, day(2), []Held{{RoleVillage, h(1)}}},
		{3, day(5), []Held{{RoleVillage, h(3)}, {RoleTownship, h(1)}}},
		{6, day(12), []Held{{RoleVillage, h(6)}, {RoleTownship, h(2)}}}, // the clock rests
		{7, day(21), []Held{{RoleVillage, h(7)}, {RoleTownship, h(2)}}},
	} {
		if got := (CaseFile{Timeline: f.Timeline[:c.n]}).HeldAt(c.at); !slices.Equal(got, c.want) {
			t.Errorf("after %d events, on %s: %v, want %v", c.n, c.at.Format("01-02"), got, c.want)
		}
	}
}
