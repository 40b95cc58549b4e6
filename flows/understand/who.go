package understand

import (
	"slices"
	"strings"
	"unicode"

	"github.com/agnivade/levenshtein"

	"xunfang/ledger/names"
)

// person is somebody the text names: an elder, several who may be meant, or nobody the speaker sees (no ids).
type person struct {
	from, to int
	ids      []string
	but      string // why they are not whom the message is about
}

// named is the person whose name covers a character.
func (s *sentence) named(i int) *person {
	for k := range s.people {
		if p := &s.people[k]; i >= p.from && i < p.to {
			return p
		}
	}
	return nil
}

// word is how long the longest word of a class is that begins at a character, 0 where there is none.
func (s *sentence) word(i int, classes ...string) int {
	if i < 0 || i >= len(s.words) {
		return 0
	}
	longest := 0
	for _, w := range s.words[i] {
		if slices.Contains(classes, s.names[w.class]) {
			longest = w.size // the longer come later
		}
	}
	return longest
}

// before is how long a word of a class is that ends before a character.
func (s *sentence) before(i int, classes ...string) int {
	for n := 6; n > 0; n-- {
		if i >= n && s.word(i-n, classes...) == n {
			return n
		}
	}
	return 0
}

// who finds the names. It goes from left to right and asks the finder only where a name can begin: at a surname, before a
// title, in letters; at last, where nobody was found, at the beginning of the text. Words of the tables are no names.
func (s *sentence) who(sight Finder) {
	taken := s.taken()
	s.withCompany(sight)
	for i := 0; i < len(s.text); i++ {
		if p := s.named(i); p != nil {
			i = p.to - 1
			continue
		}
		if p, ok := s.nameAt(i, taken, sight); ok {
			s.people = append(s.people, p)
			i = p.to - 1
		}
	}
	if len(s.people) == 0 {
		s.guess(taken, sight)
	}
	for k := range s.people {
		p := &s.people[k]
		if len(p.ids) > 1 {
			s.narrow(p, sight)
		}
		if n := s.before(p.from, "beside", "relation"); n > 0 && p.but == "" {
			p.but = "somebody beside the elder"
		}
	}
}

// noWord are the classes whose words may begin a name, or lie in one.
var noWord = []string{"surname", "long", plainClass}

// taken are the characters that words of two and more make up, read from left to right.
func (s *sentence) taken() []bool {
	taken := make([]bool, len(s.text))
	for i := 0; i < len(s.text); {
		longest := 0
		for _, w := range s.words[i] {
			if !slices.Contains(noWord, s.names[w.class]) {
				longest = w.size
			}
		}
		if longest < 2 {
			i++
			continue
		}
		for j := i; j < i+longest; j++ {
			taken[j] = true
		}
		i += longest
	}
	return taken
}

// numbered is who an elder's number names: letters and digits in one, or digits alone where the text begins.
func (s *sentence) numbered(i int, sight Finder) (person, bool) {
	part := func(k int) bool {
		return k >= 0 && k < len(s.text) && (isLetter(s.text[k]) || isDigit(s.text[k]) || s.text[k] == '-')
	}
	j, letters, digits := i, 0, 0
	for ; part(j) && !part(i-1); j++ {
		if isLetter(s.text[j]) {
			letters++
		} else if isDigit(s.text[j]) {
			digits++
		}
	}
	if digits == 0 || letters == 0 && (i > 0 || digits < 3) {
		return person{}, false
	}
	hits := sight.Find(string(s.text[i:j]))
	if len(hits) == 0 || hits[0].How != names.Number {
		return person{}, false
	}
	return s.person(i, j, meant(hits)), true
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' }

// nameAt finds a name that begins at a character.
func (s *sentence) nameAt(i int, taken []bool, sight Finder) (person, bool) {
	if p, ok := s.numbered(i, sight); ok {
		return p, true
	}
	if isLetter(s.text[i]) && (i == 0 || !isLetter(s.text[i-1])) {
		j := i
		for j < len(s.text) && isLetter(s.text[j]) {
			j++
		}
		if j-i >= 2 && !taken[i] {
			if ids := meant(sight.Find(string(s.text[i:j]))); ids != nil {
				return s.person(i, j, ids), true
			}
		}
		return person{}, false
	}
	if !unicode.Is(unicode.Han, s.text[i]) || taken[i] && s.word(i, "title", "surname", "long") == 0 {
		return person{}, false
	}
	if s.word(i, "surname", "long") > 0 {
		if p, ok := s.full(i, taken, sight); ok {
			return p, true
		}
	}
	return s.titled(i, taken, sight)
}

// full finds a whole name, or one that sounds like it, where a surname or the beginning of a Mongolian name stands.
func (s *sentence) full(i int, taken []bool, sight Finder) (person, bool) {
	var sizes []int
	switch {
	case s.word(i, "long") > 0:
		sizes = []int{5, 4, 3, 2}
	case s.word(i, "surname") == 2:
		sizes = []int{4, 3}
	case s.word(i, "surname") == 1:
		sizes = []int{3, 2}
		if i+2 < len(s.text) && (taken[i+2] || s.word(i+2, "behind") > 0) {
			sizes = []int{2, 3}
		}
	default:
		return person{}, false
	}
	for _, n := range sizes {
		if i+n > len(s.text) || !s.same(i, i+n-1) || s.word(i, "long") > 0 && s.text[i+n-1] == '家' {
			continue
		}
		free := s.free(i, n, taken)
		if !free && (n < 3 || taken[i]) {
			continue
		}
		said := string(s.typed[i : i+n])
		hits := sight.Find(said)
		if !free && (len(hits) == 0 || hits[0].How != names.Name) { // 田有福, though 有福 is a word
			continue
		}
		if len(hits) == 0 || hits[0].How == names.Partial || hits[0].How == names.Near && !s.sounds(said, hits, sight) {
			continue
		}
		if n == 2 && hits[0].How > names.Alias && hits[0].How != names.Pinyin {
			continue
		}
		return s.person(i, i+n, meant(hits)), true
	}
	return person{}, false
}

// free says whether n characters from i on can be a name: in one clause, none of them part of another word. The first may
// seem to belong to a word that began before it.
func (s *sentence) free(i, n int, taken []bool) bool {
	if i+n > len(s.text) || !s.same(i, i+n-1) {
		return false
	}
	for j := i; j < i+n; j++ {
		if !unicode.Is(unicode.Han, s.text[j]) || taken[j] && s.word(i, "long") < n && !(j == i && n > 2 && s.word(i, "surname") > 0) {
			return false
		}
	}
	return true
}

// titled finds 王大爷, 桂兰婶, 欧阳奶奶, 老郭头, 老杨.
func (s *sentence) titled(i int, taken []bool, sight Finder) (person, bool) {
	old := 0
	if s.text[i] == '老' && i+1 < len(s.text) && s.word(i+1, "surname") == 1 {
		old = 1
	}
	best := person{}
	if old == 0 && s.word(i, "notname") > 0 { // 五个钟头
		return best, false
	}
	for _, n := range []int{5, 3, 2, 1} {
		n += old
		if i+n > len(s.text) || !s.same(i, i+n-1) {
			continue
		}
		t := 0
		if i+n < len(s.text) && s.same(i, i+n) {
			t = s.word(i+n, "title")
		}
		bare := n - old
		surname := s.word(i+old, "surname") == bare
		if t == 0 && (old == 0 || bare != 1 || s.word(i, "notname") > 0) || bare == 1 && !surname {
			continue
		}
		if bare > 1 && slices.Contains(taken[i:i+n], true) && !surname {
			continue
		}
		hits := sight.Find(string(s.typed[i : i+n+t]))
		if len(hits) > 0 && (hits[0].How <= names.Partial || bare >= 2 && hits[0].How <= names.Alike) {
			return s.person(i, i+n+t, meant(hits)), true
		}
		if surname && t > 0 { // somebody, but nobody the speaker sees
			best = s.person(i, i+n+t, nil)
		}
	}
	return best, best.to > 0
}

// guess tries the beginnings of clauses, and what follows a word of going or calling, where nobody was found.
func (s *sentence) guess(taken []bool, sight Finder) {
	tries := 0
	for i := range s.text {
		start := s.begins(i) || s.before(i, "toward", "method.door", "method.phone") > 0
		if !start || taken[i] || tries == 4 {
			continue
		}
		for _, n := range []int{3, 2, 4} {
			if !s.free(i, n, taken) || i+n < len(s.text) && !taken[i+n] && s.same(i, i+n) && s.word(i+n, "behind", "title") == 0 {
				continue
			}
			tries++
			said := string(s.typed[i : i+n])
			hits := sight.Find(said)
			if len(hits) == 0 || hits[0].How == names.Near && !s.sounds(said, hits, sight) || n == 2 && hits[0].How > names.Pinyin {
				continue
			}
			s.people = append(s.people, s.person(i, i+n, meant(hits)))
			return
		}
	}
}

func meant(hits []names.Hit) []string {
	var ids []string
	for _, h := range hits {
		ids = append(ids, h.ID)
	}
	return ids
}

// person takes what follows a name and means nothing more with it: 张桂兰老人.
func (s *sentence) person(from, to int, ids []string) person {
	for to < len(s.text) && s.same(from, to) {
		n := s.word(to, "title", "honour")
		if n == 0 {
			break
		}
		to += n
	}
	return person{from: from, to: to, ids: ids}
}

// sounds says whether a near miss is one of hearing: a syllable a letter off. A character that merely differs is another
// name (李秀琴 is not 李秀英), and somebody who is not on the roster must not become somebody who is.
func (s *sentence) sounds(said string, hits []names.Hit, sight Finder) bool {
	a := []rune(said)
	for _, h := range hits {
		b := []rune(sight.Elder(h.ID, s.today).Name)
		if len(a) != len(b) {
			return false
		}
		for i := range a {
			if a[i] != b[i] && levenshtein.ComputeDistance(names.Syllable(a[i]), names.Syllable(b[i])) > 1 {
				return false
			}
		}
	}
	return true
}

// narrow tells several of one name apart by the place or the age that was said.
func (s *sentence) narrow(p *person, sight Finder) {
	name := string(s.typed[p.from:p.to])
	for _, place := range s.places(p) {
		var ids []string
		for _, h := range sight.Find(place + name) {
			if slices.Contains(p.ids, h.ID) {
				ids = append(ids, h.ID)
			}
		}
		if len(ids) > 0 && len(ids) < len(p.ids) {
			p.ids = ids
		}
	}
	for i := range s.text {
		if s.text[i] != '岁' && s.text[i] != '歲' {
			continue
		}
		n, _, ok := s.numberBefore(i)
		var ids []string
		for _, id := range p.ids {
			if sight.Elder(id, s.today).Age == n {
				ids = append(ids, id)
			}
		}
		if ok && len(ids) > 0 {
			p.ids = ids
		}
	}
}

// places are the words for a village or a group near a name: 望远村, 二组, 望远村二组; or just what stands before it.
func (s *sentence) places(p *person) []string {
	var out []string
	from, to := max(0, p.from-10), min(len(s.text), p.to+10)
	for i := from; i < to; i++ {
		if i >= p.from && i < p.to || s.named(i) != nil {
			continue
		}
		switch r := s.text[i]; {
		case strings.ContainsRune("村镇乡", r) || s.word(i, "village") > 0:
			for n := 2; n <= 3; n++ {
				if i-n >= from && s.same(i-n, i) {
					out = append(out, string(s.text[i-n:i+max(1, s.word(i, "village"))]))
				}
			}
		case strings.ContainsRune("组队社", r) && i > from:
			if _, at, ok := s.numberBefore(i); ok {
				out = append(out, string(s.text[at:i+1]))
			}
		}
	}
	for i := 2; i < len(s.text); i++ {
		if s.word(i, "that") > 0 && s.same(i-2, i) {
			out = append(out, string(s.text[i-2:i]))
		}
	}
	end := p.from
	if end > 0 && s.text[end-1] == '的' {
		end--
	}
	if end >= 2 && s.same(end-2, end-1) {
		out = append(out, string(s.text[end-2:end]))
	}
	after := p.to
	for after < len(s.text) && strings.ContainsRune(" ,，(（", s.text[after]) {
		after++
	}
	if after+2 < len(s.text) && len(out) == 0 && s.text[after+2] == '的' {
		out = append(out, string(s.text[after:after+2]))
	}
	return out
}

// withCompany finds who came along: 和村医小李一起去的. Somebody in an office, or anybody who 一起 went and is no elder.
func (s *sentence) withCompany(sight Finder) {
	for i := range s.text {
		n := s.word(i, "with")
		if n == 0 {
			continue
		}
		from := i + n
		office := false
		for j := from; j < len(s.text) && j <= from+8 && s.same(from, j); j++ {
			together, go1 := s.word(j, "together") > 0, s.word(j, "gone") > 0
			if j > from && (together || go1 && office) {
				said := string(s.typed[from:j])
				if !office {
					if hits := sight.Find(said); len(hits) > 0 && hits[0].How <= names.Near || s.inside(from, j, "kin", "notcompany") {
						break
					}
				}
				s.facts.Companion = said
				s.people = append(s.people, person{from: from, to: j, but: "came along"})
				return
			}
			office = office || s.word(j, "office") > 0
			if s.word(j, "kin", "notcompany") > 0 {
				break
			}
		}
	}
	for i := range s.text { // 村主任陪同
		n := s.word(i, "accompanied")
		if n == 0 {
			continue
		}
		for from := max(0, i-8); from < i; from++ {
			if s.same(from, i) && s.word(from, "office") > 0 {
				for from > 0 && s.same(from-1, i) && s.before(from, "with", "gone", "date") == 0 && i-from < 6 {
					from--
				}
				s.facts.Companion = string(s.typed[from:i])
				s.people = append(s.people, person{from: from, to: i, but: "came along"})
				return
			}
		}
	}
}

// inside says whether a word of a class lies between two places.
func (s *sentence) inside(from, to int, classes ...string) bool {
	for i := from; i < to; i++ {
		if s.word(i, classes...) > 0 {
			return true
		}
	}
	return false
}

// elders are the people the message is about, each once, and whether it is open which of several.
func (s *sentence) elders(intent Intent) ([]string, bool) {
	var sure, open []string
	for k := range s.people {
		p := &s.people[k]
		if intent == Correct && p.but == "" && s.replaced(p) {
			p.but = "the one put right"
		}
		switch {
		case p.but != "":
		case len(p.ids) == 1:
			sure = append(sure, p.ids[0])
		}
	}
	for _, p := range s.people {
		if len(p.ids) > 1 && p.but == "" && !slices.ContainsFunc(p.ids, func(id string) bool { return slices.Contains(sure, id) }) {
			open = append(open, p.ids...)
		}
	}
	out := []string{}
	for _, id := range append(sure, open...) {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out, len(open) > 0
}

// replaced says whether a correction names somebody as the wrong one: 不是刘玉兰, 把刘玉兰改成.
func (s *sentence) replaced(p *person) bool {
	if s.before(p.from, "isnot") > 0 {
		return true
	}
	if len(s.people) < 2 {
		return false
	}
	n := s.word(p.to, "becomes")
	return n > 0 || s.before(p.from, "wrongly") > 0
}
