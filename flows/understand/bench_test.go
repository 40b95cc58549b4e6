package understand

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"xunfang/ledger"
	"xunfang/ledger/names"
)

// thousands is a district of 5,000 invented elders whose names collide as real ones do, the forty of the sentences among them.
func thousands(b *testing.B) village {
	b.Helper()
	small := district(b)
	v := village{byID: map[string]Elder{}}
	var book ledger.Book
	r := rand.New(rand.NewPCG(3, 4))
	family := []rune("王李张刘陈杨马黄赵周吴徐孙朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈")
	first, last := []rune("桂秀玉淑凤金兰春素美德建国志文永生福长守"), []rune("兰英花珍芳梅莲琴香霞云华平军财贵福顺义礼")
	for n := range 40 {
		for g := range 5 {
			village := fmt.Sprintf("v%02d", n)
			if g == 0 {
				book.Regions = append(book.Regions, ledger.Region{Code: village, Name: string(family[n]) + "家村", Level: ledger.LevelVillage})
			}
			book.Regions = append(book.Regions, ledger.Region{Code: fmt.Sprintf("%sg%d", village, g), Parent: village,
				Name: string([]rune("一二三四五")[g]) + "组", Level: ledger.LevelGroup})
		}
	}
	add := func(id, name string, i int) {
		book.Elders = append(book.Elders, ledger.Elder{ID: id, Name: name, Gender: []string{"男", "女"}[i%2],
			Region: fmt.Sprintf("v%02dg%d", i%40, i/40%5)})
		v.byID[id] = Elder{Name: name, Age: 70 + i%20}
	}
	for id, e := range small.byID {
		add(id, e.Name, len(book.Elders))
	}
	for i := len(book.Elders); i < 5000; i++ {
		add(fmt.Sprintf("X%04d", i), string(family[r.IntN(len(family))])+string(first[r.IntN(len(first))])+string(last[r.IntN(len(last))]), i)
	}
	v.index = names.New(ledger.NewRoster(book))
	return v
}

// BenchmarkRead is the issue's: under 100 µs a sentence with 40 elders in sight, under 1 ms with 5,000. One op is one of the
// labelled sentences, in turn.
func BenchmarkRead(b *testing.B) {
	lines := everySentence(b)
	long := strings.Repeat("今天下午三点到红柳村四组徐金莲家里走访，煤气阀门我看了关着的，", 30)
	r := shippedReader(b)
	for _, c := range []struct {
		name  string
		sight Finder
	}{{"40", district(b)}, {"5000", thousands(b)}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				l := lines[i%len(lines)]
				r.Read(l.Text, l.Today, c.sight)
				i++
			}
		})
		b.Run(c.name+" thousand characters", func(b *testing.B) {
			for b.Loop() {
				r.Read(long, "2026-03-12", c.sight)
			}
		})
	}
}
