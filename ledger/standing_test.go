package ledger

import (
	"testing"

	"pgregory.net/rapid"
)

// Whatever is registered and taken back in whatever order: of one elder at most one standing holds on a day, the newest word
// holds from its day on, and what held before that day is as it was.
func TestStand(t *testing.T) {
	first := Day("2026-01-01")
	today := first.Add(60)
	day := rapid.Map(rapid.IntRange(0, 60), func(n int) Day { return first.Add(n) })
	rapid.Check(t, func(t *rapid.T) {
		book := Book{Elders: []Elder{{ID: "A01"}}}
		holding := func(on Day) (out []Standing) {
			for _, s := range book.Standings {
				if s.Holds(on) {
					out = append(out, s)
				}
			}
			return out
		}
		for range rapid.IntRange(1, 6).Draw(t, "words") {
			next := Standing{ElderID: "A01", From: day.Draw(t, "from"), Kind: rapid.SampledFrom(append([]StandingKind{""}, StandingKinds...)).Draw(t, "kind")}
			if next.Kind == StandingPaused {
				next.Place, next.Review = "住院", next.From.Add(30)
			}
			was := map[Day][]Standing{}
			for d := first; d < next.From; d = d.Add(1) {
				was[d] = holding(d)
			}
			d, err := book.Compare(Edit{Book: Book{Standings: Stand(book.Standings, next)}, Today: today})
			if err != nil {
				t.Fatal(err)
			}
			book = d.Book()
			for on := first; on <= today; on = on.Add(1) {
				now := holding(on)
				switch {
				case len(now) > 1:
					t.Fatalf("%s: %d standings hold: %+v", on, len(now), now)
				case on < next.From && (len(now) != len(was[on]) || len(now) == 1 && (now[0].Kind != was[on][0].Kind || now[0].From != was[on][0].From)):
					t.Fatalf("%s: %+v, was %+v", on, now, was[on])
				case on >= next.From && next.Kind == "" && len(now) > 0:
					t.Fatalf("%s: %+v holds, though taken back from %s", on, now[0], next.From)
				case on >= next.From && next.Kind != "" && (len(now) != 1 || now[0] != next):
					t.Fatalf("%s: %+v, want %+v", on, now, next)
				}
			}
		}
	})
}
