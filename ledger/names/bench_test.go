package names

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"xunfang/ledger"
)

// county is 50,000 invented elders whose names collide as real ones do: the commonest surname has every sixteenth, given names
// are of two characters out of few.
func county() ledger.Book {
	r := rand.New(rand.NewPCG(1, 2))
	b := ledger.Book{Regions: []ledger.Region{{Code: "c", Name: "永宁县", Level: ledger.LevelCounty}}}
	stems := strings.Fields("望远 李俊 杨和 胜利 望洪 闽宁 增岗 通桥 红柳 沙湾 北塔 永清 东升 新华 政权 雷台 旺全 惠丰 纳家 王太")
	var groups []string
	for t := range 15 {
		town := fmt.Sprintf("t%02d", t)
		b.Regions = append(b.Regions, region(town, stems[t]+"镇", "c", ledger.LevelTownship))
		for v := range 12 {
			village := fmt.Sprintf("%sv%02d", town, v)
			name := stems[(t+v)%20] + strings.Fields("村 东村 西村")[v%3]
			b.Regions = append(b.Regions, region(village, name, town, ledger.LevelVillage))
			for g, n := range []string{"一组", "二组", "三组", "四组", "五组", "六组"} {
				group := fmt.Sprintf("%sg%d", village, g)
				b.Regions = append(b.Regions, region(group, n, village, ledger.LevelGroup))
				groups = append(groups, group)
			}
		}
	}
	family := []rune("王李张刘陈杨马黄赵周吴徐孙朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任沈姚卢姜崔钟谭" +
		"陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤纳单翟仇")
	first := []rune("桂秀玉淑凤金兰春素美德建国志文永生福长守进有万学光明英振海")
	last := []rune("兰英花珍芳梅莲琴香霞云华平军财贵福顺义礼明清林山才成国海元祥")
	for i := range 50_000 {
		at := int(float64(len(family)) * r.Float64() * r.Float64())
		name := string(family[at]) + string(first[r.IntN(len(first))]) + string(last[r.IntN(len(last))])
		switch i % 50 {
		case 0:
			name = "哈斯" + name[3:] + "乌拉"
		case 1:
			name = "欧阳" + name[3:]
		case 2, 3, 4:
			name = string(family[at]) + string(last[r.IntN(len(last))])
		}
		b.Elders = append(b.Elders, ledger.Elder{
			ID: fmt.Sprintf("E%06d", i), Name: name, Aliases: name[3:] + []string{"叔", "婶"}[i%2],
			Gender: []string{"男", "女"}[i%2], Region: groups[r.IntN(len(groups))],
			Phone: fmt.Sprintf("1390000%04d", i%10_000), IDNumber: fmt.Sprintf("000000194001%06d", i),
		})
	}
	b.Elders[25_000].Name = "张桂兰"
	return b
}

// classes are words that find somebody in each class, and words that find nobody after trying every class.
var classes = []struct{ name, said string }{
	{"number", "E025000"},
	{"phone", "13900000777"},
	{"name", "张桂兰"},
	{"alias", "桂兰婶"},
	{"given", "桂兰"},
	{"surname", "老王"},
	{"title", "王大爷"},
	{"village", "望远村三组老王"},
	{"pinyin", "zhangguilan"},
	{"homophone", "章贵岚"},
	{"initials", "zgl"},
	{"alike", "zanguilang"},
	{"near", "张桂男果"},
	{"syllable", "王秀列"},
	{"nobody", "皇甫惊鸿"},
	{"nobody in letters", "huangfujinghongqq"},
	{"sentence", "今天去了望远村老人家里都挺好的"},
}

// BenchmarkFind is the find-by-name over 50,000: all of them in sight (county), every tenth (a township), with the
// hits a card shows; and Among the 40 of a visitor.
func BenchmarkFind(b *testing.B) {
	book := county()
	x := New(ledger.NewRoster(book))
	tenth := map[string]bool{}
	var mine []string
	for i, e := range book.Elders {
		if i%10 == 0 {
			tenth[e.ID] = true
		}
		if i%1250 == 0 {
			mine = append(mine, e.ID)
		}
	}
	for _, c := range classes {
		b.Run(c.name+"/county", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Find(c.said, everybody, 20)
			}
		})
		b.Run(c.name+"/county, unlimited", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Find(c.said, everybody, 0)
			}
		})
		b.Run(c.name+"/township", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Find(c.said, func(id string) bool { return tenth[id] }, 20)
			}
		})
		b.Run(c.name+"/visitor", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Among(c.said, mine, 20)
			}
		})
	}
}

// BenchmarkNew is what the index of 50,000 costs: time, and what stays in memory.
func BenchmarkNew(b *testing.B) {
	r := ledger.NewRoster(county())
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		x := New(r)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
		b.ReportMetric(float64(len(x.hashes)), "keys")
	}
}
