package bot

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xunfang/ledger"
	"xunfang/scheduler"
)

// told is a visit as the model keeps it: what was said last of it.
type told struct {
	elder, day, method string
	undone             bool
}

// TestCountsFollowCorrections: whatever is logged, taken back and corrected in whatever order, what is owed is what a plain list
// of the visits as they were said last amounts to: one a day, of those that stand (requirements §3 cases 16 and 17).
func TestCountsFollowCorrections(t *testing.T) {
	who := map[string]string{"A01": "张桂兰", "A02": "张桂花", "A05": "李秀英", "A07": "王建国", "A40": "苏兰芳"}
	ids := []string{"A01", "A02", "A05", "A07", "A40"}
	days := map[string]string{"2026-03-11": "今天", "2026-03-10": "昨天", "2026-03-09": "前天"}
	rapid.Check(t, func(r *rapid.T) {
		w := &pure{}
		p := &player{w: w, cards: map[string][]ledger.Card{}}
		p.set(t, strings.Fields("2026-03-11 10:00 wangfang"))
		w.o.entries = nil
		var list []told
		act := func(lines ...string) {
			for _, l := range lines {
				if err := p.act(l); err != nil {
					r.Fatalf("%v after %v", err, list)
				}
				p.show(w.take())
			}
		}
		standing := func() []int {
			var out []int
			for i, x := range list {
				if !x.undone {
					out = append(out, i)
				}
			}
			return out
		}
		for range rapid.IntRange(1, 12).Draw(r, "acts") {
			at := standing()
			switch n := rapid.IntRange(0, 5).Draw(r, "what"); {
			case n < 2 || len(at) == 0:
				x := told{elder: rapid.SampledFrom(ids).Draw(r, "elder"), day: rapid.SampledFrom([]string{"2026-03-11", "2026-03-10"}).Draw(r, "day"),
					method: rapid.SampledFrom([]string{"上门", "电话"}).Draw(r, "method")}
				act(days[x.day]+map[string]string{"上门": "上门看了", "电话": "打电话问了"}[x.method]+who[x.elder]+" 都好", "[确认]")
				list = append(list, x)
			case n == 2: // the last one, at once
				act("撤销")
				list[len(list)-1].undone = true
			default:
				i := rapid.SampledFrom(at).Draw(r, "which")
				no := w.o.entries[i].No
				switch n {
				case 3:
					act("更正 "+no, "▢ 上门、电话弄反了")
					list[i].method = map[string]string{"上门": "电话", "电话": "上门"}[list[i].method]
				case 4:
					list[i].day = rapid.SampledFrom([]string{"2026-03-09", "2026-03-10", "2026-03-11"}).Draw(r, "to")
					act("更正 "+no, "▢ 改日期", days[list[i].day])
				case 5:
					to := rapid.SampledFrom(slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == list[i].elder })).Draw(r, "whom")
					act("更正 "+no, "▢ 换老人", who[to])
					list = append(list, told{to, list[i].day, list[i].method, false})
					list[i].undone = true
				}
			}
			if len(w.o.entries) != len(list) {
				r.Fatalf("%d records, want %d: %v", len(w.o.entries), len(list), list)
			}
			for _, id := range ids {
				met := map[string]bool{}
				for _, x := range list {
					if x.elder == id && !x.undone {
						met[x.day] = true
					}
				}
				file, _ := w.o.roster.Dossier(id)
				for _, d := range scheduler.Due(&file, w.o.entries, w.o.packs, "2026-03-11") {
					if d.Kind != ledger.KindVisit {
						continue
					}
					door := slices.ContainsFunc(list, func(x told) bool { return x.elder == id && !x.undone && x.method == "上门" })
					want := len(met)
					if d.Need == 2 && !door { // one of the two is to be at the door
						want = min(want, 1)
					}
					if d.Done != want {
						r.Fatalf("%s has %d, want %d after %v", id, d.Done, want, fmt.Sprint(list))
					}
				}
			}
		}
	})
}
