package scheduler

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xunfang/ledger"
)

// TestAChangeNeverRewritesThePast: a county edits its file on 10 March without saying from when. March is judged as it began.
func TestAChangeNeverRewritesThePast(t *testing.T) {
	text, err := Text("yongning")
	if err != nil {
		t.Fatal(err)
	}
	edited := []byte(strings.Replace(string(text), "times: 2", "times: 3", 1))
	read := func(text []byte) Packs {
		p, faults := Check(text)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		return Packs{p}
	}
	kept := read(text).Fresh(nil, [][]byte{text}, "2026-01-05")
	if len(kept) != 1 {
		t.Fatalf("%d kept", len(kept))
	}
	if again := read(text).Fresh(kept, [][]byte{text}, "2026-02-01"); len(again) != 0 {
		t.Fatalf("the same text again is kept as new: %v", again)
	}
	kept = append(kept, read(edited).Fresh(kept, [][]byte{edited}, "2026-03-10")...)
	packs, err := read(edited).Settled(kept)
	if err != nil {
		t.Fatal(err)
	}
	d := &ledger.Dossier{Elder: ledger.Elder{ID: "A01", Since: "2020-01-01"}, Tiers: alwaysKey}
	need := func(packs Packs, on ledger.Day) int {
		for _, x := range Due(d, nil, packs, on) {
			if x.Name == "月巡访" {
				return x.Need
			}
		}
		return 0
	}
	var got []int
	for _, day := range []ledger.Day{"2026-02-10", "2026-03-31", "2026-04-01"} {
		got = append(got, need(packs, day))
	}
	if diff := cmp.Diff([]int{2, 2, 3}, got); diff != "" {
		t.Error(diff)
	}

	// Another pack takes its place: what was owed in March stays owed, from April on nothing of the old one.
	mongolia, err := Text("inner-mongolia")
	if err != nil {
		t.Fatal(err)
	}
	kept = append(kept, read(mongolia).Fresh(kept, [][]byte{mongolia}, "2026-03-20")...)
	// As the store gives them back: by name, then by day.
	byName := []Kept{kept[2], kept[0], kept[1], kept[3]}
	packs, err = read(mongolia).Settled(byName)
	if err != nil {
		t.Fatal(err)
	}
	if need(packs, "2026-03-31") != 2 || need(packs, "2026-04-30") != 0 {
		t.Errorf("after another pack came: March %d, April %d", need(packs, "2026-03-31"), need(packs, "2026-04-30"))
	}
	if main := packs.Main("2026-04-30"); main.Name != "inner-mongolia" {
		t.Errorf("the county's own pack is %s", main.Name)
	}
}
