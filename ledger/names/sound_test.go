package names

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"xunfang/ledger"
)

// What go-pinyin gets wrong, and what must not be lost when the table is extended.
func TestSurnames(t *testing.T) {
	for _, c := range []struct{ surname, usual, also string }{
		{"单", "shan", "dan"}, {"翟", "zhai", "di"}, {"仇", "qiu", "chou"}, {"区", "ou", "qu"}, {"查", "zha", "cha"},
		{"朴", "piao", "pu"}, {"盖", "gai", "ge"}, {"覃", "qin", "tan"}, {"解", "xie", "jie"}, {"曾", "zeng", "ceng"},
		{"任", "ren", ""}, {"华", "hua", ""}, {"宁", "ning", ""}, {"尹", "yin", ""}, {"乐", "yue", "le"}, {"卜", "bu", "bo"},
		{"缪", "miao", "mou"}, {"薄", "bo", "bao"}, {"乜", "nie", "mie"}, {"秘", "bi", "mi"}, {"种", "chong", "zhong"},
		{"繁", "po", "fan"}, {"折", "she", "zhe"}, {"员", "yun", "yuan"}, {"黑", "he", "hei"}, {"洗", "xian", "xi"},
		{"牟", "mou", "mu"}, {"阚", "kan", ""}, {"长", "chang", "zhang"}, {"六", "lu", "liu"}, {"燕", "yan", ""}, {"吕", "lv", ""},
		{"尉迟", "yu'chi", "wei'chi"}, {"万俟", "mo'qi", "wan'si"}, {"令狐", "ling'hu", ""}, {"欧阳", "ou'yang", ""},
		{"司马", "si'ma", ""}, {"上官", "shang'guan", ""}, {"诸葛", "zhu'ge", ""}, {"单于", "chan'yu", "shan'yu"},
		{"长孙", "zhang'sun", "chang'sun"}, {"澹台", "tan'tai", ""}, {"乐正", "yue'zheng", ""},
	} {
		listed := surnames[c.surname]
		if len(listed) == 0 || strings.Join(listed[0], "'") != c.usual {
			t.Errorf("%s is read %v, not %s", c.surname, listed, c.usual)
		}
		if c.also != "" && !slices.ContainsFunc(listed, func(r []string) bool { return strings.Join(r, "'") == c.also }) {
			t.Errorf("%s is read %v, without %s", c.surname, listed, c.also)
		}
		x := New(ledger.NewRoster(ledger.Book{Elders: []ledger.Elder{{ID: "one", Name: c.surname + "桂兰"}}}))
		for _, said := range []string{c.usual, c.also} {
			if said == "" {
				continue
			}
			if hits := x.Find(said+" gui lan", everybody, 0); len(hits) != 1 || hits[0].How != Pinyin {
				t.Errorf("%s guilan finds %s桂兰 as %v", said, c.surname, hits)
			}
			var first strings.Builder
			for part := range strings.SplitSeq(said, "'") {
				first.WriteByte(part[0])
			}
			if hits := x.Find(first.String()+"gl", everybody, 0); len(hits) != 1 || hits[0].How != Initials {
				t.Errorf("%sgl finds %s桂兰 as %v", first.String(), c.surname, hits)
			}
		}
		if hits := x.Find("ba gui lan", everybody, 0); hits != nil {
			t.Errorf("ba gui lan finds %s桂兰 as %v", c.surname, hits)
		}
	}
}

// Whoever extends a table without reading Go hears of a slip here.
func TestTables(t *testing.T) {
	s := newSyllables()
	for surname, listed := range surnames {
		if len(listed) == 0 {
			t.Errorf("surnames.txt: %s has no reading", surname)
		}
		for _, reading := range listed {
			if len(reading) != utf8.RuneCountInString(surname) {
				t.Errorf("surnames.txt: %v is not a syllable for each character of %s", reading, surname)
			}
			for _, r := range reading {
				if s.known[r] == "" {
					t.Errorf("surnames.txt: %s of %s is no syllable", r, surname)
				}
			}
		}
	}
	seen := map[string]bool{}
	for _, w := range lines(surnamesText) {
		if seen[w[0]] {
			t.Errorf("surnames.txt: %s is there twice", w[0])
		}
		seen[w[0]] = true
	}
	for _, w := range lines(titlesText) {
		if !slices.Contains([]string{"男", "女", "人", "老男", "老女", "尾"}, w[0]) || len(w) < 2 {
			t.Errorf("titles.txt: a line opens with %s", w[0])
		}
	}
	for title, whom := range titles {
		if normal(title) != title || len(whom) != len(slices.Compact(slices.Sorted(slices.Values(whom)))) {
			t.Errorf("titles.txt: %s of %v can never be said, or is there twice", title, whom)
		}
	}
	for _, w := range lines(dialectText) {
		if len(w) != 3 || !slices.Contains([]string{"syllable", "reading", "initial", "final"}, w[0]) {
			t.Errorf("dialect.txt: %v is no rule", w)
		}
	}
}

func TestDialect(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"nan", "lan", true}, {"nv", "lv", true}, {"lv", "lu", true}, {"yin", "ying", true}, {"gen", "geng", true},
		{"fan", "fang", true}, {"zhang", "zan", true}, {"chen", "cheng", true}, {"shi", "si", true}, {"hu", "fu", true},
		{"huang", "fang", true}, {"guang", "guan", true}, {"liang", "nian", true}, {"hun", "hong", true},
		{"yun", "yong", true}, {"qiong", "qun", true}, {"wang", "yang", false}, {"zhang", "chang", false}, {"lian", "lan", false}, {"wang", "huang", false}, {"ma", "na", false},
		{"gui", "gu", false}, {"he", "fe", false}, {"rong", "long", false}, {"li", "ni", true}, {"shui", "fei", false},
	} {
		if got := dialect.fold(c.a) == dialect.fold(c.b); got != c.same {
			t.Errorf("%s and %s sound alike: %v", c.a, c.b, got)
		}
	}
}

func TestOrdinal(t *testing.T) {
	for _, c := range []struct {
		text    string
		n, size int
	}{
		{"三组", 3, 2}, {"3组", 3, 2}, {"第三村民小组", 3, 6}, {"十组", 10, 2}, {"十二组张", 12, 3}, {"二十一队", 21, 4}, {"12社", 12, 3},
		{"第5生产队", 5, 5},
		{"三", 0, 0}, {"组", 0, 0}, {"第组", 0, 0}, {"张三组", 0, 0}, {"三 组", 0, 0}, {"", 0, 0},
	} {
		if n, size := ordinal([]rune(c.text)); n != c.n && size > 0 || size != c.size {
			t.Errorf("ordinal(%q) = %d, %d, want %d, %d", c.text, n, size, c.n, c.size)
		}
	}
}

func TestSounds(t *testing.T) {
	for _, c := range []struct {
		a, b rune
		same bool
	}{{'露', '漏', true}, {'做', '住', true}, {'坊', '访', true}, {'做', '坐', true}, {'走', '住', false}, {'坊', '病', false}} {
		if got := slices.ContainsFunc(Sounds(c.a), func(s string) bool { return slices.Contains(Sounds(c.b), s) }); got != c.same {
			t.Errorf("%c and %c can sound alike: %t, want %t", c.a, c.b, got, c.same)
		}
	}
}
