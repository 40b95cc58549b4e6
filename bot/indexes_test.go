package bot

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"xunfang/ledger"
	"xunfang/ledger/names"
	"xunfang/ledger/papers"
)

// TestFinderOnTop: an index with changed elders on top finds whom a fresh index of the same roster finds.
func TestFinderOnTop(t *testing.T) {
	sample := papers.Sample("2026-03-11")
	rapid.Check(t, func(t *rapid.T) {
		var x indexes
		x.of(ledger.NewRoster(sample))
		b := sample
		for range rapid.IntRange(1, 3).Draw(t, "edits") {
			b.Elders = slices.Clone(b.Elders)
			for range rapid.IntRange(0, 5).Draw(t, "elders") {
				e := &b.Elders[rapid.IntRange(0, len(b.Elders)-1).Draw(t, "elder")]
				other := b.Elders[rapid.IntRange(0, len(b.Elders)-1).Draw(t, "other")]
				e.Name, e.Phone = other.Name, fmt.Sprintf("139%08d", rapid.IntRange(0, 9).Draw(t, "phone"))
			}
			if rapid.Bool().Draw(t, "new") {
				b.Elders = append(b.Elders, ledger.Elder{ID: fmt.Sprintf("N%d", len(b.Elders)), Name: "张桂兰", Region: b.Elders[0].Region})
			}
			got := x.of(ledger.NewRoster(b))
			fresh := names.New(ledger.NewRoster(b))
			for _, said := range []string{"张桂兰", "mxl", "马秀兰", "老王", b.Elders[0].Name, "13900000003", "N60", "没有这人"} {
				may := func(id string) bool { return id[len(id)-1]%2 == 0 || said == "老王" }
				if a, b := ids(got.Find(said, may, 0)), ids(fresh.Find(said, may, 0)); !slices.Equal(a, b) {
					t.Fatalf("%s: found %v, a fresh index finds %v", said, a, b)
				}
			}
		}
	})
}

func ids(hits []names.Hit) []string {
	var out []string
	for _, h := range hits {
		out = append(out, fmt.Sprint(h.ID, h.How))
	}
	slices.Sort(out)
	return out
}
