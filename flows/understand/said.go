package understand

import (
	"slices"
	"strings"
	"unicode"

	"xunfang/ledger"
	"xunfang/ledger/names"
)

// Unknown is a stretch of a report that no table knows, and what it may have been meant to say.
type Unknown struct {
	Words string `json:"words"` // as typed: 腿月中
	Maybe string `json:"maybe"` // what it would be if it was misspelt: 腿肿; "" where nothing comes near
	Item  string `json:"item"`  // the problem that would be, "" where it is none
}

// said are the speaker's own words for each problem: the clauses it stands in.
func (s *sentence) said(problems []string) map[string]string {
	out := map[string]string{}
	put := func(item string, from, to int) {
		words := s.ownWords(from, to)
		switch {
		case words == "" || !slices.Contains(problems, item) || strings.Contains(out[item], words):
		case out[item] == "" || strings.Contains(words, out[item]):
			out[item] = words
		default:
			out[item] += "，" + words
		}
	}
	for _, m := range s.marks {
		item, ok := strings.CutPrefix(s.names[m.class], "problem.")
		if ok && m.but == "" {
			put(item, m.from, m.to)
		}
	}
	if s.facts.RoomTemp != nil {
		put(ledger.ItemRoomTemp, s.degree, s.degree+1)
	}
	if s.highPressure() {
		put("illness", s.blood, s.blood+1)
	}
	for class, item := range map[string]string{"unsettled": "illness", "silent": "mood", "dirty": "home"} {
		if m, ok := s.first(class); ok && out[item] == "" {
			put(item, m.from, m.to)
		}
	}
	return out
}

// ownWords is the clause around a place as it was typed, without the name, the day and how contact was made before it.
func (s *sentence) ownWords(from, to int) string {
	a, b := from, to
	for a > 0 && s.same(a-1, from) && s.named(a-1) == nil && !ends(s.typed, a-1) {
		a--
	}
	for b < len(s.typed) && s.same(b, to-1) && s.named(b) == nil {
		b++
	}
	led := a > 0 && s.named(a-1) != nil
	for a < from {
		n := 0
		for _, m := range s.marks {
			name := s.names[m.class]
			leads := name == dateClass || name == "says" || strings.HasPrefix(name, "method.")
			if leads && m.from == a && m.to <= from {
				n = max(n, m.to-a)
			}
		}
		if n == 0 && led && strings.ContainsRune("的了呢家在", s.typed[a]) && s.typed[a+1] != '里' {
			n = 1
		}
		if n == 0 {
			break
		}
		a, led = a+n, true
	}
	return strings.TrimFunc(string(s.typed[a:b]), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) })
}

// unknown are the stretches that no table knows. It holds back: within a clause that says something known, only what a word of
// the tables sounds like counts; settled says that the report was understood so far.
func (s *sentence) unknown(settled bool) []Unknown {
	var out []Unknown
	s.left = s.leftover()
	tries := 0
	for from := 0; from < len(s.text); {
		to := from + 1
		for to < len(s.text) && s.same(from, to) {
			to++
		}
		silent := !s.tells(from, to)
		if u, ok := s.joined(from, to); ok {
			out = append(out, u)
		} else if u, ok := s.misspelt(from, to, silent && !settled, &tries); ok {
			out = append(out, u)
		} else if a, b := s.strange(from, to, settled); b > a && (silent || !settled) {
			out = append(out, Unknown{Words: string(s.typed[a:b])})
		}
		from = to
	}
	return out
}

// strange is the stretch of a clause that no word covers, from the first such character to the last; two must stand together,
// and there must be three where the report is understood otherwise.
func (s *sentence) strange(from, to int, settled bool) (first, last int) {
	together, n := false, 0
	for i := from; i < to; i++ {
		if !s.left[i] {
			continue
		}
		if last == 0 {
			first = i
		}
		together = together || last == i && last > 0
		last = i + 1
		n++
	}
	if !together || settled && n < 3 {
		return 0, 0
	}
	return first, last
}

// leftover are the Chinese characters no word covers, of the tables or of everyday.
func (s *sentence) leftover() []bool {
	left := make([]bool, len(s.text))
	for i, r := range s.text {
		left[i] = unicode.Is(unicode.Han, r)
	}
	cover := func(from, to int) {
		for i := from; i < to; i++ {
			left[i] = false
		}
	}
	for _, m := range s.marks {
		cover(m.from, m.to)
	}
	for i := range s.text {
		if n := s.word(i, plainClass); n > 0 {
			cover(i, i+n)
		}
		if n := s.word(i, "village"); n > 0 && s.same(max(0, i-2), i) {
			cover(max(0, i-2), i+n)
		}
		if _, n := s.number(i); n > 0 {
			cover(i, min(len(left), i+n+1)) // with its unit
		}
	}
	return left
}

// tells says whether the words between two places say how somebody is, or what was done.
func (s *sentence) tells(from, to int) bool {
	return slices.ContainsFunc(s.marks, func(m mark) bool {
		name := s.names[m.class]
		return m.from < to && m.to > from && (strings.Contains(name, ".") && !strings.HasPrefix(name, "method.") ||
			slices.Contains(turned, name) || slices.Contains([]string{"dirty", "contact", "aided"}, name))
	})
}

// mostGuesses bounds the work for one text.
const mostGuesses = 60

// misspelt is what a clause would mean if some of it was written as another word that sounds the same. The clause is read again
// with that word: only what makes sense counts. Where nothing in the clause is understood (freely), words that are known may be
// misspelt ones, too.
func (s *sentence) misspelt(from, to int, freely bool, tries *int) (Unknown, bool) {
	least := 2
	if freely {
		least = 1
	}
	for size := 4; size >= least; size-- {
	next:
		for i := from; i+size <= to; i++ {
			for j := i; j < i+size; j++ {
				if !s.left[j] && !(freely && size > 2 && s.plainly(j)) {
					continue next
				}
			}
			for _, w := range s.heardAs()[sounds(s.text[i:i+size])] {
				if w == string(s.text[i:i+size]) || *tries == mostGuesses {
					continue
				}
				*tries++
				if u, ok := s.wouldBe(from, to, i, i+size, []rune(w)); ok && (freely || len([]rune(u.Maybe)) > size) {
					return u, true
				}
			}
		}
	}
	return Unknown{}, false
}

// plainly says whether a character is one of no name, day or way of contact.
func (s *sentence) plainly(i int) bool {
	return unicode.Is(unicode.Han, s.text[i]) && s.named(i) == nil && !slices.ContainsFunc(s.marks, func(m mark) bool {
		return m.from <= i && i < m.to && (s.names[m.class] == dateClass || strings.HasPrefix(s.names[m.class], "method."))
	})
}

// halved is the character that two from a place on are the halves of, 0 where they are none.
func (s *sentence) halved(i int) rune {
	if i+1 >= len(s.text) || s.named(i) != nil {
		return 0
	}
	return s.halves[string(s.typed[i:i+2])]
}

// joined is what two halves were put right to: it counts as said, and is told so that it can be asked about.
func (s *sentence) joined(from, to int) (Unknown, bool) {
	for i := from; i < to; i++ {
		if one := s.halved(i); one != 0 {
			if u, ok := s.wouldBe(from, to, i, i+2, []rune{one}); ok {
				return u, true
			}
		}
	}
	return Unknown{}, false
}

// wouldBe reads a clause with one stretch written otherwise; it is a guess if a word of two characters or more covers that.
func (s *sentence) wouldBe(from, to, i, j int, word []rune) (Unknown, bool) {
	text := slices.Concat(s.typed[from:i], word, s.typed[j:to])
	other := s.split(string(text), s.today)
	other.mark()
	other.scope()
	begin, end := i-from, i-from+len(word)
	for _, m := range other.marks {
		name := other.names[m.class]
		item, problem := strings.CutPrefix(name, "problem.")
		if !problem && !strings.HasPrefix(name, "emergency.") || m.but != "" || m.from > begin || m.to < end || m.to-m.from < 2 ||
			m.to-m.from > len(word)+2 {
			continue
		}
		if !problem {
			if item = ""; len(word) < 3 {
				continue
			}
		}
		u := Unknown{Maybe: string(text[m.from:m.to]), Item: item}
		u.Words = string(s.typed[from+m.from : from+m.to-len(word)+j-i])
		return u, true
	}
	return Unknown{}, false
}

// sounds is what characters sound like to the dialect's ear, "" where one has no sound.
func sounds(text []rune) string {
	var b strings.Builder
	for _, r := range text {
		one := names.Sound(r)
		if one == "" {
			return ""
		}
		b.WriteString(one)
		b.WriteByte(' ')
	}
	return b.String()
}
