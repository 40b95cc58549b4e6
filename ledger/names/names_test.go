package names

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"xunfang/ledger"
)

// Everybody here is invented; phones and identity numbers are of the ranges kept for samples.
const people = `
E01 张桂兰 女 望远村 三组 张奶奶、桂兰婶
E02 张桂花 女 望远村 三组 张奶奶、桂花婶
E03 马秀兰 女 望远村 一组 马奶奶、秀兰奶奶
E04 马秀兰 女 通桥村 二组 马奶奶、秀兰婶
E05 李秀英 女 望远村 二组 李奶奶
E06 李秀莹 女 通桥村 三组 秀莹姨
E07 王建国 男 望远村 一组 王大爷、建国叔
E08 王健国 男 通桥村 一组 健国叔
E09 王德福 男 望远村 四组 王大爷
E10 王芳 女 红柳村 一组 芳姨
E11 欧阳淑珍 女 通桥村 二组 -
E12 司马文清 男 红柳村 三组 -
E13 巴特尔 男 沙湾嘎查 一组 -
E14 娜仁花 女 沙湾嘎查 一组 -
E15 哈斯其其格 女 沙湾嘎查 三组 -
E16 马哈三 男 通桥村 四组 -
E17 陈志明 男 望远村 二组 -
E18 陈志明 男 通桥村 三组 -
E19 马·依布拉欣 男 通桥村 第四村民小组 -
E20 阿拉坦乌拉 男 沙湾嘎查 三组 -
E21 单玉梅 女 望远村 五组 尕奶
E22 翟福贵 男 望远村 五组 -
E23 仇英 女 红柳村 二组 -
E24 郭守义 男 通桥村 四组 老郭头
E25 林桂英 女 沙湾嘎查 一组 -
E26 林贵英 女 沙湾嘎查 二组 -
E27 胡生财 男 红柳村 四组 -
E28 𠮷𪚥娃 男 红柳村 四组 -
E29 李俊 男 红柳村 四组 -
E30 王保家 男 红柳村 三组 -
E31 王保 男 红柳村 三组 -
E32 杨大业 男 红柳村 三组 -
E33 尹〇一 - 红柳村 三组 -
`

func region(code, name, parent string, l ledger.Level) ledger.Region {
	return ledger.Region{Code: code, Name: name, Parent: parent, Level: l}
}

func book(lines string) ledger.Book {
	b := ledger.Book{Regions: []ledger.Region{region("640121", "永宁县", "", ledger.LevelCounty),
		region("t1", "望远镇", "640121", ledger.LevelTownship), region("t2", "李俊镇", "640121", ledger.LevelTownship)}}
	seen := map[string]bool{}
	add := func(code, name, parent string, l ledger.Level) string {
		if !seen[code] {
			seen[code] = true
			b.Regions = append(b.Regions, region(code, name, parent, l))
		}
		return code
	}
	for line := range strings.Lines(lines) {
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		town := "t1"
		if strings.HasPrefix(w[3], "红") || strings.HasPrefix(w[3], "沙") {
			town = "t2"
		}
		village := add(w[3], w[3], town, ledger.LevelVillage)
		n := len(b.Elders) + 1
		b.Elders = append(b.Elders, ledger.Elder{
			ID: w[0], Name: w[1], Gender: strings.Trim(w[2], "-"), Aliases: strings.Trim(w[5], "-"),
			Region: add(w[3]+w[4], w[4], village, ledger.LevelGroup),
			Phone:  fmt.Sprintf("139 0000 %04d", n), IDNumber: fmt.Sprintf("0000001940010%04dX", n),
		})
	}
	return b
}

func everybody(string) bool { return true }

func ids(hits []Hit) string {
	var out []string
	for _, h := range hits {
		out = append(out, h.ID)
	}
	return strings.Join(out, " ")
}

func TestFind(t *testing.T) {
	x := New(ledger.NewRoster(book(people)))
	for _, c := range []struct {
		said string
		want string // in the order of village and group
		how  How
	}{
		{"E07", "E07", Number},
		{"e07", "E07", Number},
		{"Ｅ０７", "E07", Number},
		{" e 07。", "E07", Number},
		{"139 0000 0007", "E07", Number},
		{"13900000007", "E07", Number},
		{"+86 139-0000-0007", "E07", Number},
		{"１３９０００００００７", "E07", Number},
		{"00000019400100007x", "E07", Number},
		{"13900009999", "", 0},
		{"7", "", 0},
		{"07", "", 0},
		{"E0", "", 0},

		{"张桂兰", "E01", Name},
		{" 张 桂兰。", "E01", Name},
		{"👵张桂兰👍", "E01", Name},
		{"张桂兰家的", "E01", Name},
		{"张桂兰老人家里", "E01", Name},
		{"张桂兰奶奶", "E01", Name},
		{"张桂兰大爷", "", 0}, // nobody of that name is a man
		{"马秀兰", "E03 E04", Name},
		{"陈志明", "E17 E18", Name},
		{"王建国", "E07", Name}, // 王健国 sounds alike, but is written otherwise
		{"马依布拉欣", "E19", Name},
		{"马•依布拉欣", "E19", Name},
		{"马·依布拉欣", "E19", Name},
		{"阿拉坦乌拉", "E20", Name},
		{"𠮷𪚥娃", "E28", Name},
		{"尹〇一", "E33", Name},
		{"李俊", "E29", Name}, // a township's name, too
		{"王保家", "E30", Name},
		{"王保", "E31", Name},
		{"王保老人", "E31", Name},

		{"桂兰婶", "E01", Alias},
		{"桂兰婶家", "E01", Alias},
		{"尕奶", "E21", Alias},
		{"尕奶家", "E21", Alias},
		{"老郭头大爷", "E24", Alias},
		{"芳姨", "E10", Alias},

		{"王大爷", "E07 E09 E30 E31 E08", 0}, // every old Wang, not only those it is written down for
		{"王叔", "E07 E09 E30 E31 E08", 0},
		{"老王", "E07 E09 E10 E30 E31 E08", Partial},
		{"姓王的", "E07 E09 E10 E30 E31 E08", Partial},
		{"老王头", "E07 E09 E30 E31 E08", Partial},
		{"老郭头", "E24", Alias},
		{"王姨", "E10", Partial},
		{"马家阿婆", "E03 E04", Partial},
		{"老马家", "E03 E04 E16 E19", Partial},
		{"老欧阳", "E11", Partial},
		{"欧阳奶奶", "E11", Partial},
		{"司马老师", "E12", Partial},
		{"司马大爷", "E12", Partial},
		{"巴大爷", "E13", Partial},
		{"马大爷", "E16 E19", Partial},
		{"陈老汉", "E17 E18", Partial},
		{"桂兰", "E01", Partial},
		{"秀兰奶奶", "E03", Alias},
		{"秀兰大娘", "E03 E04", Partial},
		{"桂花大娘", "E02", Partial},
		{"哈三爷", "E16", Partial},
		{"其其格奶奶", "E15", Partial},
		{"哈斯额吉", "E15", Partial},
		{"娜仁额吉", "E14", Partial},
		{"依布拉欣", "E19", Partial},
		{"淑珍", "E11", Partial},

		{"望远村的马秀兰", "E03", Name},
		{"望远马秀兰", "E03", Name},
		{"马秀兰 望远村", "E03", Name},
		{"马秀兰(通桥村二组)", "E04", Name},
		{"望远镇通桥村2组马秀兰", "E04", Name},
		{"望远村三组的马秀兰", "", 0},
		{"望远 老王", "E07 E09", Partial},
		{"望远村姓王的", "E07 E09", Partial},
		{"通桥村四组老马", "E16 E19", Partial},
		{"通桥4组马大爷", "E16 E19", Partial},
		{"3组张", "E01 E02", Partial},
		{"三组张奶奶", "E01 E02", 0},
		{"第三组老张", "E01 E02", Partial},
		{"一组马奶奶", "E03", 0},
		{"通桥秀兰", "E04", Partial},
		{"红柳村zgl", "", 0},
		{"三组zgl", "E01", Initials},

		{"zhangguilan", "E01", Pinyin},
		{"Zhang Gui Lan", "E01", Pinyin},
		{"zhāng guì lán", "E01", Pinyin},
		{"zhang1 gui4 lan2", "E01", Pinyin},
		{"guilan", "E01", Pinyin},
		{"maxiulan", "E03 E04", Pinyin},
		{"望远maxiulan", "E03", Pinyin},
		{"ouyangshuzhen", "E11", Pinyin},
		{"alatanwula", "E20", Pinyin},
		{"shanyumei", "E21", Pinyin},
		{"danyumei", "E21", Pinyin},
		{"zhaifugui", "E22", Pinyin},
		{"qiuying", "E23", Pinyin},
		{"张贵兰", "E01", Pinyin},
		{"张贵兰奶奶", "E01", Pinyin},
		{"贵兰婶", "E01", Pinyin},
		{"王见国", "E07 E08", Pinyin},
		{"哈斯琪琪格", "E15", Pinyin},
		{"章奶奶", "E01 E02", Pinyin},

		{"zgl", "E01", Initials},
		{"zhgl", "E01", Initials},
		{"ZGL", "E01", Initials},
		{"z g l", "E01", Initials},
		{"lgy", "E25 E26", Initials},
		{"oysz", "E11", Initials},
		{"sym", "E21", Initials},
		{"z", "", 0},
		{"zg9", "", 0},

		{"赵桂兰", "", 0},
		{"张桂南", "E01", Alike},       // n and l
		{"章贵郎", "E01", Alike},       // an and ang
		{"林贵音", "E25 E26", Alike},   // in and ing
		{"zanguilan", "E01", Alike}, // zh and z, ang and an
		{"福生财", "E27", Alike},       // h and f
		{"秦志明", "", 0},
		{"胡贵大爷", "E22", Alike},
		{"胡贵", "", 0}, // 今年 sounds like 金莲: two characters alone are any word
		{"程志民", "E17 E18", Alike},

		{"张桂莲", "E01", Near},
		{"zhangguilian", "E01", Near},
		{"哈斯其格", "E15", Near},
		{"阿拉坦格乌拉", "E20", Near},
		{"张桂芬", "E01 E02", Near},
		{"娜仁", "E14", Near},
		{"李桂兰", "", 0}, // another surname
		{"王强", "", 0},  // one character of two
		{"王拜", "E31", Near},
		{"仇丁", "", 0}, // ding and ying are one letter apart, and all there is
		{"王丽", "", 0},

		{"", "", 0},
		{"  ", "", 0},
		{"大爷", "", 0}, // sounds like the given name of 杨大业
		{"奶奶", "", 0},
		{"老人", "", 0},
		{"老师", "", 0},
		{"望远村", "", 0},
		{"望远", "", 0},
		{"三组", "", 0},
		{"望远村三组", "", 0},
		{"望远村大爷", "", 0},
		{"张", "", 0},
		{"兰", "", 0},
		{"好", "", 0},
		{"没有", "", 0},
		{"孙大爷", "", 0},
		{"王奶奶", "E10", Partial},
	} {
		t.Run(c.said, func(t *testing.T) {
			t.Parallel() // the index is everybody's at once
			hits := x.Find(c.said, everybody, 0)
			if got := ids(hits); got != c.want {
				t.Fatalf("Find(%q) = %v, want %s", c.said, hits, c.want)
			}
			for _, h := range hits {
				if c.how != 0 && h.How != c.how {
					t.Errorf("Find(%q) = %v, want class %d", c.said, hits, c.how)
				}
			}
			all := make([]string, 0, len(x.elders))
			for _, e := range x.elders {
				all = append(all, e.id)
			}
			if among := x.Among(c.said, all, 0); !slices.Equal(among, hits) {
				t.Errorf("Among(%q) = %v, Find %v", c.said, among, hits)
			}
		})
	}
}

// What a speaker may not see neither shows nor hides anything.
func TestFindWithinSight(t *testing.T) {
	x := New(ledger.NewRoster(book(people)))
	without := func(hidden ...string) func(string) bool {
		return func(id string) bool { return !slices.Contains(hidden, id) }
	}
	for _, c := range []struct {
		said string
		may  func(string) bool
		want string
	}{
		{"马秀兰", without("E03"), "E04"},
		{"王建国", without("E07"), "E08"}, // the one who sounds alike
		{"桂兰婶", without("E01"), ""},
		{"林桂英", without("E25", "E26"), ""},
		{"E07", without("E07"), ""},
		{"13900000007", without("E07"), ""},
		{"张桂花", without("E02"), "E01"}, // one character off
	} {
		if got := ids(x.Find(c.said, c.may, 0)); got != c.want {
			t.Errorf("Find(%q) = %q, want %q", c.said, got, c.want)
		}
	}
	if got := ids(x.Find("老王", everybody, 2)); got != "E07 E09" {
		t.Errorf("the first two of 老王 = %q", got)
	}
	// Whoever is out of sight takes none of the places of a short list.
	if got := ids(x.Find("老王", without("E07", "E09"), 2)); got != "E10 E30" {
		t.Errorf("the first two of 老王 in sight = %q", got)
	}
	if got := ids(x.Among("老王", []string{"E09", "E02", "E07", "E10"}, 0)); got != "E07 E09 E10" {
		t.Errorf("老王 among four = %q", got)
	}
	if got := x.Among("张桂兰", []string{"E02", "nobody", "E02"}, 0); len(got) != 1 || got[0] != (Hit{"E02", Near}) {
		t.Errorf("Among(E02) = %v", got)
	}
	if got := x.Among("张桂兰", nil, 0); got != nil {
		t.Errorf("Among nobody = %v", got)
	}
}

// A Mongolian name has no surname to leave out: its beginning is a name, too.
func TestMongolianNames(t *testing.T) {
	for nation, how := range map[string]How{"蒙古族": Partial, "汉族": Near} {
		x := New(ledger.NewRoster(ledger.Book{Elders: []ledger.Elder{{ID: "one", Name: "乌兰花", Nation: nation}}}))
		if got := x.Find("乌兰", everybody, 0); len(got) != 1 || got[0].How != how {
			t.Errorf("乌兰 finds 乌兰花 of %s as %v", nation, got)
		}
	}
}

// anybody draws an invented elder of characters that make homonyms, compound surnames and village names likely.
func anybody(t *rapid.T, i int) ledger.Elder {
	surname := rapid.SampledFrom([]string{"张", "章", "王", "马", "单", "欧阳", "欧", "翟", "胡", "傅", "望"}).Draw(t, "surname")
	given := rapid.StringOfN(rapid.SampledFrom([]rune("兰桂贵莲花家老远长乐其格大爷·𠮷一组")), 1, 4, -1).Draw(t, "given")
	return ledger.Elder{ID: fmt.Sprintf("e%02d", i), Name: surname + given,
		Gender:  rapid.SampledFrom([]string{"男", "女", ""}).Draw(t, "gender"),
		Aliases: rapid.SampledFrom([]string{"", "桂兰婶", "王大爷", "老马", "尕娃、兰姨", "张奶奶"}).Draw(t, "alias"),
		Nation:  rapid.SampledFrom([]string{"", "汉族", "蒙古族"}).Draw(t, "nation"),
		Phone:   fmt.Sprintf("1390000%04d", rapid.IntRange(0, 5).Draw(t, "phone")),
		Region:  rapid.SampledFrom([]string{"v1g1", "v1g2", "v2g1", "v2", "lost"}).Draw(t, "region")}
}

var villages = []ledger.Region{
	region("c", "张家县", "", ledger.LevelCounty),
	region("v1", "望远村", "c", ledger.LevelVillage), region("v2", "马家嘎查", "c", ledger.LevelVillage),
	region("v1g1", "一组", "v1", ledger.LevelGroup), region("v1g2", "第二村民小组", "v1", ledger.LevelGroup),
	region("v2g1", "1队", "v2", ledger.LevelGroup),
}

func some(t *rapid.T) []ledger.Elder {
	out := make([]ledger.Elder, rapid.IntRange(0, 12).Draw(t, "elders"))
	for i := range out {
		out[i] = anybody(t, i)
	}
	return out
}

var piece = rapid.OneOf(rapid.SampledFrom([]string{
	"望远村", "望远", "马家", "一组", "2组", "第1组", "的", "家", "老", "姓", "大爷", "奶奶", "婶", "爷", "老人", "张", "章", "王", "欧阳", "桂兰",
	"贵兰", "桂莲", "zhang", "gui", "lan", "zgl", "e01", "13900000001", "远", "长", "大",
}), rapid.StringN(0, 3, -1))

func words(t *rapid.T, elders []ledger.Elder) string {
	var b strings.Builder
	for range rapid.IntRange(1, 4).Draw(t, "pieces") {
		if len(elders) > 0 && rapid.Bool().Draw(t, "of somebody") {
			e := rapid.SampledFrom(elders).Draw(t, "elder")
			name := []rune(e.Name)
			i := rapid.IntRange(0, len(name)-1).Draw(t, "from")
			b.WriteString(string(name[i:]))
		} else {
			b.WriteString(piece.Draw(t, "piece"))
		}
	}
	return b.String()
}

// The answer within somebody's sight is the answer of a roster that has nobody else: what is out of sight neither shows nor
// shows by its absence (issue: always within what the speaker may see).
func TestSightIsAllThatCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		elders := some(t)
		var seen []ledger.Elder
		var list []string
		sight := map[string]bool{}
		for _, e := range elders {
			if rapid.Bool().Draw(t, "seen") {
				seen, list, sight[e.ID] = append(seen, e), append(list, e.ID), true
			}
		}
		said := words(t, elders)
		limit := rapid.IntRange(0, 3).Draw(t, "limit")
		all := New(ledger.NewRoster(ledger.Book{Regions: villages, Elders: elders}))
		only := New(ledger.NewRoster(ledger.Book{Regions: villages, Elders: seen}))
		want := only.Find(said, everybody, limit)
		if got := all.Find(said, func(id string) bool { return sight[id] }, limit); !slices.Equal(got, want) {
			t.Fatalf("Find(%q) = %v, of a roster of those in sight %v", said, got, want)
		}
		if got := all.Among(said, list, limit); !slices.Equal(got, want) {
			t.Fatalf("Among(%q) = %v, Find %v", said, got, want)
		}
		if full := only.Find(said, everybody, 0); limit > 0 && !slices.Equal(want, full[:min(limit, len(full))]) {
			t.Fatalf("Find(%q) = %v, of which the first %d are not %v", said, full, limit, want)
		}
	})
}

// Everybody is found by their own name, number, nicknames and pinyin, from any village, and everybody of the same name too.
func TestEverybodyIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		elders := append(some(t), anybody(t, 99))
		x := New(ledger.NewRoster(ledger.Book{Regions: villages, Elders: elders}))
		e := rapid.SampledFrom(elders).Draw(t, "elder")
		finds := func(said string, worst How) {
			hits := x.Find(said, everybody, 0)
			i := slices.IndexFunc(hits, func(h Hit) bool { return h.ID == e.ID })
			if i < 0 || hits[i].How > worst {
				t.Fatalf("Find(%q) = %v, without %+v", said, hits, e)
			}
		}
		finds(strings.ToUpper(e.ID), Number)
		finds(e.Phone, Number)
		finds(e.Name, Name)
		for _, h := range x.Find(e.Name, everybody, 0) {
			i := slices.IndexFunc(elders, func(o ledger.Elder) bool { return o.ID == h.ID })
			if normal(elders[i].Name) != normal(e.Name) {
				t.Fatalf("Find(%q) hides nobody: %v", e.Name, h)
			}
		}
		for _, a := range strings.Split(e.Aliases, "、") {
			if a != "" && !slices.ContainsFunc(elders, func(p ledger.Elder) bool { return normal(p.Name) == a }) {
				finds(a, Alias)
			}
		}
		name := []rune(normal(e.Name))
		reading := x.readings(name, surnameLen(name))[0]
		if !slices.ContainsFunc(reading, func(s string) bool { return s[0] >= 0x80 }) {
			finds(strings.Join(reading, ""), Pinyin)
			finds(strings.Join(reading, " "), Pinyin)
			if len(reading) > 1 {
				finds(initials(reading), Initials)
			}
			// To a speaker with nobody else, so that nobody is hidden by one whose name really is read that way.
			folded := x.folded(reading)
			said := strings.Join(folded, "")
			odd := slices.ContainsFunc(folded, func(s string) bool { return x.known[s] == "" })
			if len(reading) > 1 && len(said) < 12 && !odd && x.Among(said, []string{e.ID}, 0) == nil {
				t.Fatalf("Among(%q) does not find %+v", said, e)
			}
		}
	})
}

// A county's data may be odd: nothing in it, and nothing said, brings the index down.
func FuzzFind(f *testing.F) {
	for _, s := range []string{
		"", "·", "张桂兰", "\xff\xfe", "老老老", "家家", "姓", "第十十十组", "一组一组一组一组一组", "aoaoaoaoaoaoaoaoaoaoaoao", "𠮷", "老头", "大爷大爷",
		"zhang guilan", "1390000000", "①组", "á", strings.Repeat("望远村", 30), strings.Repeat("a", 64),
	} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, name, said string) {
		b := book(people)
		b.Regions = append(b.Regions, region("odd", name, "640121", ledger.LevelVillage))
		b.Elders = append(b.Elders, ledger.Elder{ID: "odd", Name: name, Aliases: name, Phone: name, Region: "odd"})
		x := New(ledger.NewRoster(b))
		for _, w := range []string{said, name, name + said} {
			hits := x.Find(w, everybody, 0)
			if len(hits) > 0 && normal(w) == "" {
				t.Errorf("Find(%q) = %v", w, hits)
			}
			if again := x.Find(w, everybody, 0); !slices.Equal(again, hits) {
				t.Errorf("Find(%q) = %v, then %v", w, hits, again)
			}
		}
		if n := utf8.RuneCountInString(normal(name)); n > 0 && n <= longestSaid && len(name) <= 8*longestSaid {
			hits := x.Find(name, everybody, 0)
			if !slices.ContainsFunc(hits, func(h Hit) bool { return h.ID == "odd" || h.How == Number }) {
				t.Errorf("Find(%q) = %v", name, hits)
			}
		}
	})
}
