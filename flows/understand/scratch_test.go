//go:build scratch

package understand

import (
	"os"
	"testing"
	"encoding/json"
	"fmt"
	"strings"
)

func TestScratch(t *testing.T) {
	sight, r := district(t), shippedReader(t)
	for _, f := range strings.Fields(os.Getenv("SCR")) {
		s := measure(t, r, sentences(t, f), sight)
		fmt.Printf("%s: %s\n", f, s)
		for _, w := range s.wrong {
			fmt.Println("  ", w)
		}
	}
	if f := os.Getenv("LINES"); f != "" {
		b, _ := os.ReadFile(f)
		for _, l := range strings.Split(strings.TrimSpace(string(b)), "\n") {
			want, text, ok := strings.Cut(l, "|")
			if !ok { text, want = l, "" }
			x := r.Read(text, "2026-03-12", sight)
			short := string(x.Intent)
			if x.Emergency != nil { short += "!" + *x.Emergency }
			if x.Method != nil { short += " " + *x.Method }
			if x.Status != nil { short += " " + *x.Status }
			if len(x.Problems) > 0 { short += " " + strings.Join(x.Problems, ",") }
			want = strings.TrimSpace(want)
			if want == short { continue }
			w := ""
			if os.Getenv("WHY") != "" { for _, y := range x.Why { if strings.HasPrefix(y.Means,"filler") {continue}; w += fmt.Sprintf(" [%s→%s %s]", y.Words, y.Means, y.But) } }
			j, _ := json.Marshal(x.Facts)
			fmt.Printf("%s\n      got %s %s %v  want %s\n      %s\n", text, short, j, x.Elders, want, w)
		}
	}
}

func TestFirings(t *testing.T) {
	sight, r := district(t), shippedReader(t)
	for _, l := range append(everySentence(t), sentences(t, "/../../../../../../../tmp/design/blind-tune2.jsonl")...) {
		for _, y := range r.Read(l.Text, l.Today, sight).Why { if strings.HasPrefix(y.Means,"heard as") { fmt.Println(y.Words, y.Means, "   ", l.Text) } }
	}
}
