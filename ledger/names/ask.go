package names

import (
	_ "embed"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"xunfang/ledger"
)

// ask is one way to understand the words: who is meant, and where that elder lives. 「望远马家阿婆」 is 马家阿婆 of 望远, or
// somebody called all that.
type ask struct {
	place    []int32 // labels the elder's home must bear
	text     string  // the name, or what is said of it
	alias    string  // the name as a nickname, title and all; "" where another ask tries it
	surname  string  // where no more than it is said: 老王, 王大爷, 二组姓王的
	gender   string  // the title's: 男, 女, or ""
	titled   bool
	bare     bool   // a village or a title alone: only somebody who is really called that
	letters  string // text in pinyin, "" where it is not letters
	initials []string
	numbers  []string
	said     bool       // sounds are known
	sounds   [][]string // see spoken
	met      bool       // somebody of region, which is there or not
	region   int32
	there    bool
}

//go:embed titles.txt
var titlesText string

// titles are the words of titles.txt and whom they fit: 男, 女, 人, 老男, 老女, or 尾 for what only follows a name.
var titles, longestTitle = readTitles(titlesText)

func readTitles(text string) (map[string][]string, int) {
	out, longest := map[string][]string{}, 0
	for _, w := range lines(text) {
		for _, word := range w[1:] {
			out[word] = append(out[word], w[0])
			longest = max(longest, len(word))
		}
	}
	return out, longest
}

// endings are the ways to part words into a name and one of titles, the longest title first; the name is never empty.
func endings(text string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := max(1, len(text)-longestTitle); i < len(text); i++ {
			if utf8.RuneStart(text[i]) && titles[text[i:]] != nil && !yield(text[:i], text[i:]) {
				return
			}
		}
	}
}

// longestSaid is more than anybody types for one elder: county, township, village, group, name and title.
const longestSaid = 64

// parse lists the ways to understand what was said, the plainest first. Those in one list count as one: 哈三爷 may be 三爷 of
// the 哈 family or 爷 called 哈三, and only who is meant can know.
func (x *Index) parse(said string) [][]ask {
	if len(said) > 8*longestSaid {
		return nil
	}
	text := normal(said)
	if text == "" || utf8.RuneCountInString(text) > longestSaid {
		return nil
	}
	asks := x.person(text, nil)
	whole := false
	x.places([]rune(text), func(place []int32, rest string) {
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, "的"), "那个")
		if trimmed := trim(rest); rest == "" || nobody(trimmed) {
			whole = true
			return
		}
		asks = append(asks, x.person(rest, place)...)
	})
	if whole {
		for _, list := range asks {
			for i := range list {
				list[i].bare = list[i].bare || list[i].place == nil
			}
		}
	}
	asks[0][0].numbers = append(numbers(said), text)
	return asks
}

// person lists the ways to understand the words for a person: as they stand, and without the words around a name; each with
// and without a title.
func (x *Index) person(text string, place []int32) [][]ask {
	var out [][]ask
	for _, t := range slices.Compact([]string{text, trim(text)}) {
		plain := ask{place: place, text: t, alias: t, bare: nobody(t)}
		var titled []ask
		for _, c := range append([]call{{}}, untitled(t)...) {
			a := ask{place: place, text: c.base, surname: surnameIn(t, c.base, place != nil), gender: c.gender,
				titled: c.base != "", bare: plain.bare}
			if a.surname != "" {
				a.alias, plain.alias = t, "" // tried together with the surname
			}
			if a.titled || a.surname != "" {
				titled = append(titled, a)
			}
		}
		out = append(out, []ask{plain})
		if titled != nil {
			out = append(out, titled)
		}
	}
	for _, list := range out {
		for i := range list {
			list[i].letters, list[i].initials = letters(list[i].text)
		}
	}
	return out
}

// nobody says whether words name no person: a title alone, the words around a name, digits.
func nobody(text string) bool { return titles[text] != nil || strings.Trim(text, "0123456789") == "" }

// trim takes away what follows a name and means nothing: 张桂兰老人家里的.
func trim(text string) string {
	for name, word := range endings(text) {
		if slices.Contains(titles[word], "尾") {
			return trim(name)
		}
	}
	return text
}

// call is the words before a title, and whom the title fits.
type call struct{ base, gender string }

// untitled finds every title the words end in.
func untitled(text string) []call {
	var out []call
	for name, word := range endings(text) {
		for _, whom := range titles[word] {
			switch whom {
			case "男", "女":
				out = append(out, call{name, whom})
			case "人":
				out = append(out, call{name, ""})
			case "老男", "老女":
				if surname, ok := strings.CutPrefix(name, "老"); ok && isSurname(surname) {
					out = append(out, call{surname, strings.TrimPrefix(whom, "老")})
				}
			}
		}
	}
	return out
}

// surnameIn is the surname where no more of a name is said: before a title, behind 老 or 姓, or behind a village.
func surnameIn(text, base string, placed bool) string {
	s := text
	if base != "" {
		s = base
	}
	was := s
	for _, before := range []string{"老", "姓"} {
		s = strings.TrimPrefix(s, before)
	}
	marked := s != was || placed || base != ""
	s = strings.TrimSuffix(s, "家")
	if marked && isSurname(s) {
		return s
	}
	return ""
}

// isSurname says whether a word can be a surname alone: one character, or a double surname.
func isSurname(s string) bool {
	if _, listed := surnames[s]; listed {
		return true
	}
	r, n := utf8.DecodeRuneInString(s)
	return n > 0 && n == len(s) && unicode.Is(unicode.Han, r)
}

// letters is a name in pinyin, without the tones typed as digits, and what it may be as initials: zhgl is zgl, too.
func letters(text string) (string, []string) {
	var b strings.Builder
	digits, last := false, rune(0)
	for _, r := range text {
		switch {
		case r >= 'a' && r <= 'z':
			b.WriteRune(r)
		case r >= '0' && r <= '5' && last >= 'a' && last <= 'z':
			digits = true
		default:
			return "", nil
		}
		last = r
	}
	s := strings.ReplaceAll(b.String(), "lyu", "lv")
	if digits || len(s) < 2 || len(s) > longestName {
		return s, nil
	}
	return s, slices.Compact([]string{s, plainInitials.Replace(s)})
}

var plainInitials = strings.NewReplacer("zh", "z", "ch", "c", "sh", "s")

// normal is how names are compared: half width, lower case, only what can be part of a name. Spaces, punctuation, the dot
// in 马·依布拉欣 and the small pictures people add fall away; rare characters of all planes and of the private area stay.
func normal(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= 0xFF01 && r <= 0xFF5E {
			r -= 0xFEE0 // the full-width form
		}
		r = unicode.ToLower(r)
		if to, ok := toneless[r]; ok {
			r = to
		}
		if unicode.In(r, unicode.L, unicode.N, unicode.Co) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// numbers are the phone and identity numbers in a field or in what was said.
func numbers(s string) []string {
	var out []string
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune("、,，;；/()（）:：|", r) }) {
		n := normal(part)
		if len(n) == 13 {
			n = strings.TrimPrefix(n, "86")
		}
		digits := strings.Trim(n, "0123456789") == "" || len(n) == 18 && strings.Trim(n[:17], "0123456789") == "" && n[17] == 'x'
		if digits && (len(n) == 11 || len(n) == 12 || len(n) == 18) {
			out = append(out, n)
		}
	}
	return out
}

// levels are the ranks a place is looked for in, the nearest first: 望远马秀兰 is of 望远村, and only if nobody there fits, of
// 望远镇.
var levels = []ledger.Level{ledger.LevelGroup, ledger.LevelVillage, ledger.LevelTownship, ledger.LevelCounty}

// place learns what regions are called: by their name and without the word for their level, or a group by its number.
// It returns the regions' codes as indices.
func (x *Index) place(r *ledger.Roster) map[string]int32 {
	own := map[string][]int32{}
	next := int32(0)
	for _, level := range levels {
		here := map[string]int32{}
		for _, g := range r.Regions() {
			if g.Level != level {
				continue
			}
			name := normal(g.Name)
			texts := []string{name, stem(name)}
			if n, size := ordinal([]rune(name)); size > 0 && size == utf8.RuneCountInString(name) {
				texts = []string{numbered(n)}
			}
			for _, text := range texts {
				if text == "" {
					continue
				}
				l, ok := here[text]
				if !ok {
					l, next = next, next+1
					here[text] = l
					x.labels[text] = append(x.labels[text], l)
					x.longest = max(x.longest, utf8.RuneCountInString(text))
				}
				own[g.Code] = append(own[g.Code], l)
			}
		}
	}
	codes := map[string]int32{}
	x.regions = [][]int32{nil}
	for _, g := range r.Regions() {
		var labels []int32
		for _, code := range r.Path(g.Code) {
			labels = append(labels, own[code]...)
		}
		codes[g.Code] = int32(len(x.regions))
		x.regions = append(x.regions, labels)
	}
	return codes
}

// stem is a region's name without the word for its level, "" where too little would remain.
func stem(name string) string {
	for _, level := range []string{"村民委员会", "居民委员会", "行政村", "自然村", "村委会", "居委会", "社区", "嘎查", "苏木", "街道", "村", "镇", "乡",
		"县", "旗", "市", "区"} {
		if rest, ok := strings.CutSuffix(name, level); ok && utf8.RuneCountInString(rest) >= 2 {
			return rest
		}
	}
	return ""
}

// numbered is the name of every group of a number, however it is written.
func numbered(n int) string { return "#" + strconv.Itoa(n) }

// ordinal reads the number of a group at the beginning, and says how many characters it takes: 三组, 第三村民小组, 3队.
func ordinal(s []rune) (n, size int) {
	i := 0
	if len(s) > 0 && s[0] == '第' {
		i++
	}
	from := i
	ten := false
	for ; i < len(s) && i < from+4; i++ {
		d := strings.IndexRune("0123456789", s[i])
		if d < 0 {
			d = numeral(s[i])
		}
		if d == 10 {
			n, ten = max(n, 1)*10, true
		} else if d >= 0 {
			if ten {
				n, ten = n+d, false
			} else {
				n = n*10 + d
			}
		} else {
			break
		}
	}
	if i == from {
		return 0, 0
	}
	rest := string(s[i:min(len(s), i+4)])
	for _, unit := range []string{"村民小组", "生产队", "小组", "组", "队", "社"} {
		if strings.HasPrefix(rest, unit) {
			return n, i + utf8.RuneCountInString(unit)
		}
	}
	return 0, 0
}

func numeral(r rune) int {
	return slices.Index([]rune("〇一二三四五六七八九十"), r)
}

// places finds every way to take villages and groups off the front of the words, and then off their end (order is free in
// what people type).
func (x *Index) places(s []rune, out func(place []int32, rest string)) { x.front(s, nil, out) }

func (x *Index) front(s []rune, place []int32, out func([]int32, string)) {
	x.back(s, place, out)
	if len(place) == len(levels) {
		return
	}
	for n := min(len(s), x.longest); n > 0; n-- {
		if n < len(s) && strings.ContainsRune("村镇乡县组", s[n]) {
			continue // 望远|村马秀兰
		}
		for _, l := range x.labels[string(s[:n])] {
			x.front(s[n:], append(slices.Clip(place), l), out)
		}
	}
	if n, size := ordinal(s); size > 0 {
		for _, l := range x.labels[numbered(n)] {
			x.front(s[size:], append(slices.Clip(place), l), out)
		}
	}
}

func (x *Index) back(s []rune, place []int32, out func([]int32, string)) {
	if place != nil {
		out(place, string(s))
	}
	if len(place) == len(levels) {
		return
	}
	for i := 1; i < len(s); i++ {
		text := string(s[i:])
		if n, size := ordinal(s[i:]); size == len(s)-i {
			text = numbered(n)
		} else if size = len(s) - i; size > x.longest {
			continue
		}
		for _, l := range x.labels[text] {
			x.back(s[:i], append(slices.Clip(place), l), out)
		}
	}
}
