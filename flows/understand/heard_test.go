package understand

import (
	"strings"
	"testing"
)

// TestMisheard: words typed or dictated as others of the same sound are read as meant, and say so; everyday words are not.
func TestMisheard(t *testing.T) {
	sight, r := district(t), shippedReader(t)
	for _, c := range []struct{ text, heard, method, status, problems string }{
		{"田有福 走坊 人精神", "走坊→走访", "door", "ok", ""},
		{"张桂兰 试频 气色好", "试频→视频", "video", "ok", ""},
		{"张桂兰家入互了 都好", "入互→入户", "door", "ok", ""},
		{"张桂兰 上闷 都好", "上闷→上门", "door", "ok", ""}, // 闷 is a word, but alone in its clause 上闷 is none
		{"张桂兰 上门 房顶露雨", "露雨→漏雨", "door", "problem", "house"},
		{"张桂兰 上门 退疼", "退疼→腿疼", "door", "problem", "illness"},
		{"张桂兰 上门 流了一地水", "", "door", "", ""}, // not 扭了,
		{"张桂兰 上门 都好 整宿看戏", "", "door", "ok", ""},
		{"张桂兰 上门 都好 火星子味道的西瓜", "", "door", "ok", ""},
		{"张桂兰 上门 都好 葡萄藤都埋完了", "", "door", "ok", ""},
		{"李秀琴 上门 挺好", "", "door", "ok", ""}, // a name nobody in sight bears
	} {
		got := r.Read(c.text, "2026-03-12", sight)
		heard := ""
		for _, w := range got.Why {
			if meant, ok := strings.CutPrefix(w.Means, "heard as "); ok {
				heard = w.Words + "→" + meant
			}
		}
		want := func(s string) string {
			if s == "" {
				return "null"
			}
			return s
		}
		if heard != c.heard || text(got.Method) != want(c.method) || text(got.Status) != want(c.status) ||
			strings.Join(got.Problems, " ") != c.problems {
			t.Errorf("%s: heard %q, method %s, status %s, problems %v", c.text, heard, text(got.Method), text(got.Status), got.Problems)
		}
	}
}
