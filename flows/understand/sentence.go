package understand

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"xunfang/ledger"
)

// sentence is a message on the way to its reading.
type sentence struct {
	*tables
	typed  []rune // as it came
	text   []rune // folded, homophones of dictation put right; one character for one of typed
	clause []int  // the clause each character belongs to
	today  ledger.Day
	marks  []mark // in the order of their beginning
	people []person
	facts  Facts
	days   []dated
	low    int // diastolic
	high   int
}

// mark is a stretch of the text and what it means.
type mark struct {
	class    int
	from, to int
	but      string // why it does not count
	pattern  string
}

// split folds the text and finds where clauses end. A space ends one as a comma does: people who dictate have no commas.
func (r *Reader) split(text string, today ledger.Day) *sentence {
	typed := []rune(strings.ToValidUTF8(text, ""))
	if len(typed) > longestText {
		typed = typed[:longestText]
	}
	s := &sentence{tables: r.tables, typed: typed, text: make([]rune, len(typed)), clause: make([]int, len(typed)), today: today}
	n := 0
	for i, c := range typed {
		s.text[i] = fold(c)
		if ends(typed, i) {
			n++
		}
		s.clause[i] = n
	}
	return s
}

// ends says whether a clause ends at a character.
func ends(text []rune, i int) bool {
	switch c := text[i]; {
	case unicode.IsLetter(c), unicode.IsDigit(c), strings.ContainsRune("%℃°度-/:：+✅✓✔👍👌", c):
		return false
	case c == '.':
		return i+1 >= len(text) || !unicode.IsDigit(text[i+1])
	}
	return true
}

// mark finds the words of the tables and then the patterns over them. A longer word hides what lies within it: 没毛病 is no
// 毛病; a name hides all it touches.
func (s *sentence) mark() {
	s.putRight()
	var found []mark
	for i := range s.text {
		if s.named(i) != nil {
			continue
		}
		n, passed := s.root, false
		for j := i; j < len(s.text) && s.named(j) == nil; j++ {
			next := n.next[s.text[j]]
			if next == nil && j > i && !passed && strings.ContainsRune("了个的着", s.text[j]) {
				passed = true // 喝了农药 is 喝农药
				continue
			}
			if n = next; n == nil {
				break
			}
			for _, c := range n.tags {
				if s.quiet[c] {
					continue
				}
				found = append(found, mark{class: c, from: i, to: j + 1})
			}
		}
	}
	// the ends of the longest words that begin here; the literal parts of patterns hide nothing, and are themselves hidden
	// only by what comes before or takes the meaning away: 漏 is still there in 漏了, but not in 漏勺
	longest, away := make([]int, len(s.text)+1), make([]int, len(s.text)+1)
	for _, m := range found {
		switch name := s.names[m.class]; {
		case name == "nothing", name == "ok", name == "over":
			away[m.from] = max(away[m.from], m.to)
			fallthrough
		case name[0] != '\'':
			longest[m.from] = max(longest[m.from], m.to)
		}
	}
	reach, at := 0, 0 // how far words reach that began before
	for _, m := range found {
		for ; at < m.from; at++ {
			reach = max(reach, longest[at])
		}
		hides := longest
		if s.names[m.class][0] == '\'' {
			hides = away
		}
		if m.to > reach && m.to >= hides[m.from] {
			s.marks = append(s.marks, m)
		}
	}
	for _, p := range s.people {
		s.marks = append(s.marks, mark{class: s.classes[elderClass], from: p.from, to: p.to})
	}
	s.findDays()
	for _, d := range s.days {
		s.marks = append(s.marks, mark{class: s.classes[dateClass], from: d.from, to: d.to})
	}
	s.sort()
	for i := range s.marks {
		for _, p := range s.patterns[s.marks[i].class] {
			s.match(p, i)
		}
	}
	s.sort()
}

func (s *sentence) sort() {
	slices.SortStableFunc(s.marks, func(a, b mark) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
}

// putRight writes what dictation meant in place of what it heard.
func (s *sentence) putRight() {
	for i := range s.text {
		n := s.root
		for j := i; j < len(s.text) && s.named(j) == nil; j++ {
			if n = n.next[s.text[j]]; n == nil {
				break
			}
			if slices.Contains(n.tags, s.classes["heard"]) {
				copy(s.text[i:], s.heard[string(s.text[i:j+1])])
				break
			}
		}
	}
}

// match adds the marks of a pattern that begins with the i-th mark.
func (s *sentence) match(p pattern, i int) {
	from := s.marks[i].from
	var follow func(k, at int, but string) bool
	follow = func(k, at int, but string) bool {
		if k == len(p.parts) {
			s.marks = append(s.marks, mark{class: p.class, from: from, to: at, but: but, pattern: p.text})
			return true
		}
		for j := i + 1; j < len(s.marks); j++ {
			m := s.marks[j]
			if m.pattern != "" || m.from > at+farthest {
				break
			}
			if m.class != p.parts[k].class || m.from < at || m.from > at && !p.parts[k].loose || !s.near(at, m.from) {
				continue
			}
			denied := but
			if s.denies(at, m.from) {
				denied = "denied"
			}
			if follow(k+1, m.to, denied) {
				return true
			}
		}
		return false
	}
	follow(1, s.marks[i].to, "")
}

// near says whether two places are in one clause, or in two that a space parts: 烟筒 漏烟.
func (s *sentence) near(a, b int) bool {
	a = max(0, a-1)
	for i := a; i < b; i++ {
		if s.clause[i] != s.clause[a] && s.text[i] != ' ' && s.clause[i] != s.clause[max(0, i-1)] {
			return false
		}
	}
	return s.clause[b] == s.clause[a] || b-a <= 4
}

// denies says whether a negation stands between two places: 腿不疼.
func (s *sentence) denies(from, to int) bool {
	return slices.ContainsFunc(s.marks, func(m mark) bool {
		return m.from >= from && m.to <= to && s.names[m.class] == "not"
	})
}

// same says whether two places are in one clause.
func (s *sentence) same(a, b int) bool { return s.clause[a] == s.clause[b] }

// turned are the plain meanings that can be denied, past or the family's, beside those with a dot.
var turned = []string{"unwell", "family", "unsettled", "ok", "absent", "need", "help", "leave"}

// scope finds which marks do not count: denied, long past, the family's, a drill's.
func (s *sentence) scope() {
	not, past, kin, guard, over, filler := s.classes["not"], s.classes["past"], s.classes["kin"], s.classes["guard"],
		s.classes["over"], s.classes["filler"]
	for i := range s.marks {
		m := &s.marks[i]
		name := s.names[m.class]
		event := strings.HasPrefix(name, "emergency.")
		if m.but != "" || !event && !strings.HasPrefix(name, "problem.") && !strings.HasPrefix(name, "method.") &&
			!slices.Contains(turned, name) {
			continue
		}
		state := event || strings.HasPrefix(name, "problem.") || name == "unwell" || name == "unsettled"
		for j := range s.marks {
			n := s.marks[j]
			if n.from >= len(s.clause) || !s.same(n.from, m.from) {
				continue
			}
			before := n.to <= m.from
			switch n.class {
			case not:
				if before && s.gap(n.to, m.from, filler) <= 1 {
					m.but = "denied"
				}
			case past:
				if (before && !s.sinceThen(n.to, m.from) || n.from >= m.from && n.to <= m.to) && (state || name == "family") {
					m.but = "past"
				}
			case guard:
				if before && event {
					m.but = "a warning"
				}
			case kin:
				if before && s.gap(n.to, m.from, filler) <= 6 && s.ofKin(n, *m, name) {
					m.but = "of the family"
				}
			case over:
				if state && n.from >= m.to && n.from-m.to <= 6 && name != "problem.gas" && name != "problem.heating" {
					m.but = "over"
				}
			}
			if m.but != "" {
				break
			}
		}
	}
	// 没有头疼、胸闷: what is listed behind something denied is denied.
	for i := range s.marks {
		m := &s.marks[i]
		if m.but == "" && m.from > 0 && s.typed[m.from-1] == '、' && (strings.HasPrefix(s.names[m.class], "problem.") ||
			strings.HasPrefix(s.names[m.class], "emergency.")) {
			for _, n := range s.marks[:i] {
				if n.to == m.from-1 && n.but == "denied" {
					m.but = "denied"
				}
			}
		}
	}
	if s.has("drill") || s.has("rumour") {
		why := "a drill"
		if !s.has("drill") {
			why = "told of others"
		}
		for i := range s.marks {
			if strings.HasPrefix(s.names[s.marks[i].class], "emergency.") {
				s.marks[i].but = why
			}
		}
	}
	if s.has("unfounded") {
		for i := range s.marks {
			if strings.HasPrefix(s.names[s.marks[i].class], "emergency.") {
				s.marks[i].but = "denied"
			}
		}
	}
}

// sinceThen says whether the talk came back to the present between two places: 去年摔过 现在又摔倒了.
func (s *sentence) sinceThen(from, to int) bool {
	return slices.ContainsFunc(s.marks, func(m mark) bool {
		return m.from >= from && m.to <= to && (s.names[m.class] == "now" || s.names[m.class] == dateClass)
	})
}

// ofKin says whether what is said is said of the relative named before it, and not of the elder.
func (s *sentence) ofKin(k, m mark, name string) bool {
	switch name {
	case "emergency.abuse", "emergency.fraud", "problem.neighbors", "problem.stress", "problem.mood", "family",
		"absent", "ok", "need", "help", "leave", "emergency.missing":
		return false
	}
	for _, n := range s.marks { // 儿子说他腿疼: told by the relative
		if n.from >= k.to && n.to <= m.from && (s.names[n.class] == "says" || s.names[n.class] == elderClass) {
			return false
		}
	}
	for _, n := range s.marks { // 想儿子, 给儿子打
		if n.to == k.from && s.names[n.class] == "toward" {
			return false
		}
	}
	return m.from >= k.to
}

// gap is how many characters lie between two places, those aside that say nothing.
func (s *sentence) gap(from, to, filler int) int {
	n := to - from
	for _, m := range s.marks {
		if m.class == filler && m.from >= from && m.to <= to {
			n -= m.to - m.from
		}
	}
	return n
}

// has says whether the words of a class were said.
func (s *sentence) has(class string) bool {
	_, ok := s.first(class)
	return ok
}

// first is the first mark of a class that counts.
func (s *sentence) first(class string) (mark, bool) {
	c, ok := s.classes[class]
	if !ok {
		return mark{}, false
	}
	for _, m := range s.marks {
		if m.class == c && m.but == "" {
			return m, true
		}
	}
	return mark{}, false
}

// last is where the last mark of a class that counts begins, -1 where there is none.
func (s *sentence) last(class string) int {
	c, at := s.classes[class], -1
	for _, m := range s.marks {
		if m.class == c && m.but == "" {
			at = m.from
		}
	}
	return at
}

// live are the meanings behind a prefix that count.
func (s *sentence) live(prefix string) []string {
	var out []string
	for _, m := range s.marks {
		if rest, ok := strings.CutPrefix(s.names[m.class], prefix); ok && m.but == "" {
			out = append(out, rest)
		}
	}
	return out
}

// denied says whether something of the kind was said and does not count.
func (s *sentence) denied(prefix string) bool {
	return slices.ContainsFunc(s.marks, func(m mark) bool { return strings.HasPrefix(s.names[m.class], prefix) && m.but != "" })
}

// reasons are the marks as people can check them.
func (s *sentence) reasons() []Reason {
	var out []Reason
	for _, m := range s.marks {
		name := s.names[m.class]
		if strings.HasPrefix(name, "'") {
			continue
		}
		r := Reason{Words: string(s.typed[m.from:m.to]), Means: name, But: m.but}
		if m.pattern != "" {
			r.Means += " by " + m.pattern
		}
		for _, p := range s.people {
			if name == elderClass && p.from == m.from {
				r.Means = strings.TrimSpace("elder " + strings.Join(p.ids, " "))
				r.But = p.but
			}
		}
		out = append(out, r)
	}
	return out
}
