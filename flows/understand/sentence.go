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
	*Reader
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
	degree int // where the room temperature stands, and the blood pressure
	blood  int
	left   []bool // see leftover
	words  [][]spotted
	mended []Reason // what dictation heard, and what is read for it

	weighed []Reason // what makes an alarm sure, or leaves it open
}

// spotted is a word of the tables that begins at a character.
type spotted struct{ class, size int }

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
	s := &sentence{Reader: r, typed: typed, text: make([]rune, len(typed)), clause: make([]int, len(typed)), today: today}
	n := 0
	for i, c := range typed {
		s.text[i] = fold(c)
		if ends(typed, i) {
			n++
		}
		s.clause[i] = n
	}
	s.spot()
	return s
}

// spot finds the words of the tables, once for all who ask.
func (s *sentence) spot() {
	s.words = make([][]spotted, len(s.text))
	all := make([]spotted, 0, 4*len(s.text)) // in one piece: a slice each would cost more than the search
	for i := range s.text {
		n, from := s.root, len(all)
		for j := i; j < len(s.text); j++ {
			if n = n.next[s.text[j]]; n == nil {
				break
			}
			if isLetter(s.text[i]) && (i > 0 && isLetter(s.text[i-1]) || j+1 < len(s.text) && isLetter(s.text[j+1])) {
				continue // sm is 上门, but not in smwq
			}
			for _, c := range n.tags {
				all = append(all, spotted{c, j + 1 - i})
			}
		}
		s.words[i] = all[from:len(all):len(all)]
	}
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

// begins says whether a clause begins with a character.
func (s *sentence) begins(i int) bool { return i == 0 || !s.same(i-1, i) || ends(s.typed, i-1) }

// mark finds the words of the tables and then the patterns over them. A longer word hides what lies within it: 没毛病 is no
// 毛病; a name hides all it touches.
func (s *sentence) mark() {
	s.putRight()
	var found []mark
	for i := range s.text {
		if s.named(i) != nil || i > 0 && isLetter(s.text[i]) && isLetter(s.text[i-1]) { // no hi in a name in letters
			continue
		}
		put := func(class, to int) {
			if !s.quiet[class] && !slices.ContainsFunc(s.people, func(p person) bool { return p.from < to && p.to > i }) {
				found = append(found, mark{class: class, from: i, to: to})
			}
		}
		for _, w := range s.words[i] {
			put(w.class, i+w.size)
		}
		s.across(i, put)
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
	said := make([]uint64, len(s.names)/64+1) // the classes said: most patterns lack one, and need no search
	for _, m := range s.marks {
		said[m.class/64] |= 1 << (m.class % 64)
	}
	for i := range s.marks {
		for _, p := range s.patterns[s.marks[i].class] {
			if !slices.ContainsFunc(p.parts, func(one part) bool { return said[one.class/64]&(1<<(one.class%64)) == 0 }) {
				s.match(p, i)
			}
		}
	}
	s.sort()
}

// across finds the words from a place on that have one 了, 个, 的 or 着 put in: 喝了农药 is 喝农药.
func (s *sentence) across(i int, put func(class, to int)) {
	n := s.root
	for j := i; j < len(s.text); j++ {
		if j > i && n.next[s.text[j]] == nil && strings.ContainsRune("了个的着", s.text[j]) {
			for k, m := j+1, n; k < len(s.text); k++ {
				if m = m.next[s.text[k]]; m == nil {
					break
				}
				for _, c := range m.tags {
					put(c, k+1)
				}
			}
		}
		if n = n.next[s.text[j]]; n == nil {
			return
		}
	}
}

func (s *sentence) sort() {
	slices.SortStableFunc(s.marks, func(a, b mark) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
}

// putRight writes what dictation meant in place of what it heard, and one character for its two halves.
func (s *sentence) putRight() {
	changed := false
	put := func(i int, meant []rune) {
		s.mended = append(s.mended, Reason{Words: string(s.typed[i : i+len(meant)]), Means: "heard as " + string(meant)})
		copy(s.text[i:], meant)
		changed = true
	}
	for i := range s.text {
		if one := s.halved(i); one != 0 {
			s.text[i], s.text[i+1], changed = one, 0, true
		}
		if n := s.word(i, "heard"); n > 0 && s.named(i) == nil && s.named(i+n-1) == nil {
			put(i, s.heard[string(s.text[i:i+n])])
		}
	}
	if changed {
		s.spot()
	}
	changed = false
	s.misheard(put)
	if changed {
		s.spot()
	}
}

// match adds the marks of a pattern that begins with the i-th mark.
func (s *sentence) match(p pattern, i int) {
	from := s.marks[i].from
	var follow func(k, last, at int, but string) bool
	follow = func(k, last, at int, but string) bool {
		if k == len(p.parts) {
			s.marks = append(s.marks, mark{class: p.class, from: from, to: at, but: but, pattern: p.text})
			return true
		}
		for j := last + 1; j < len(s.marks); j++ {
			m := s.marks[j]
			if m.pattern != "" || m.from > at+farthest {
				break
			}
			if m.class != p.parts[k].class || m.from < at || m.from > at && !p.parts[k].loose || !s.near(at, m.from, p.across) {
				continue
			}
			denied := but
			if s.denies(i, j, at) {
				denied = "denied"
			}
			if follow(k+1, j, m.to, denied) {
				return true
			}
		}
		return false
	}
	follow(1, i, s.marks[i].to, "")
}

// near says whether two places are in one clause, or in two that only spaces part: 烟筒 漏烟.
func (s *sentence) near(a, b, across int) bool {
	a = max(0, a-1)
	for i := a; i < b; i++ {
		if s.clause[i] != s.clause[a] && s.text[i] != ' ' && s.clause[i] != s.clause[max(0, i-1)] {
			return false
		}
	}
	return s.clause[b] == s.clause[a] || b-a <= across
}

// denies says whether a negation stands between a place and the j-th mark, behind the i-th: 腿不疼.
func (s *sentence) denies(i, j, at int) bool {
	to := s.marks[j].from
	return slices.ContainsFunc(s.marks[i+1:j], func(m mark) bool { return m.from >= at && m.to <= to && s.names[m.class] == "not" })
}

// same says whether two places are in one clause.
func (s *sentence) same(a, b int) bool { return s.clause[a] == s.clause[b] }

// turned are the plain meanings that can be denied, past or the family's, beside those with a dot.
var turned = []string{"unwell", "family", "unsettled", "silent", "ok", "absent", "refused", "need", "strongneed", "help", "leave"}

// scope finds which marks do not count: denied, long past, the family's, a drill's.
func (s *sentence) scope() {
	not, past, kin, guard, over, filler := s.classes["not"], s.classes["past"], s.classes["kin"], s.classes["guard"],
		s.classes["over"], s.classes["filler"]
	inspect := s.classes["inspect"]
	nothing, ok, bidnot := s.classes["nothing"], s.classes["ok"], s.classes["bidnot"]
	for i := range s.marks {
		m := &s.marks[i]
		name := s.names[m.class]
		event := strings.HasPrefix(name, "emergency.")
		switch {
		case name == "help" && s.bidden(m.from):
			m.but = "bidden"
		case name == "problem.fire" && s.apart(m.to):
			m.but = "kept apart"
		case strings.HasPrefix(name, "problem.") && s.kinAfter(*m):
			m.but = "of the family"
		case name == "problem.illness" && s.word(m.to, "chronicity") > 0 && (s.has("ok") || s.has("stable")):
			m.but = "chronic"
		}
		if m.but != "" || !event && !strings.HasPrefix(name, "problem.") && !strings.HasPrefix(name, "method.") &&
			!slices.Contains(turned, name) {
			continue
		}
		state := event || strings.HasPrefix(name, "problem.") || name == "unwell" || name == "unsettled" || name == "silent"
		first := i
		for first > 0 && s.same(s.marks[first-1].from, m.from) {
			first--
		}
		for _, n := range s.marks[first:] {
			if !s.same(n.from, m.from) {
				break
			}
			before := n.to <= m.from
			switch n.class {
			case nothing, ok, over:
				if n.from < m.from && n.to > m.from && strings.ContainsRune("没不无未么", s.text[n.from]) && n.to < m.to {
					m.but = "denied" // 没漏 hides the 没 of 没漏烟
				}
				if n.class == over && state && n.from >= m.to && n.from-m.to <= farthest &&
					name != "problem.gas" && name != "problem.heating" {
					m.but = "over"
				}
			case not:
				if before && s.gap(n.to, m.from, filler) <= 1 {
					m.but = "denied"
				}
			case bidnot:
				if before && state && m.from-n.to <= 4 {
					m.but = "a warning"
				}
			case past:
				if (before && !s.sinceThen(n.to, m.from) || n.from >= m.from && n.to <= m.to) && (state || name == "family") {
					m.but = "past"
				}
			case guard:
				if before && event && s.word(n.to, "while") == 0 {
					m.but = "a warning"
				}
			case inspect:
				if before && event && !s.inside(n.to, m.from, "shows") {
					m.but = "a warning"
				}
			case kin:
				if before && s.gap(n.to, m.from, filler) <= 6 && s.ofKin(n, *m, name) {
					m.but = "of the family"
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
	s.strangersCall()
	s.notDone()
	sure := slices.ContainsFunc(s.people, func(p person) bool { return len(p.ids) > 0 && p.but == "" })
	for i := range s.marks {
		if kind, ok := strings.CutPrefix(s.names[s.marks[i].class], "emergency."); ok && s.marks[i].but == "" {
			s.marks[i].but = s.harmless(s.marks[i], kind, sure)
		}
	}
}

// strangersCall finds what is said of somebody else's call: 接到骗子电话 她挂了 is no call of the visitor's, and no failed one.
func (s *sentence) strangersCall() {
	c := s.classes["theirs"]
	at := slices.IndexFunc(s.marks, func(m mark) bool { return m.class == c && m.but == "" })
	if at < 0 {
		return
	}
	call := s.marks[at]
	for i := range s.marks {
		m := &s.marks[i]
		name := s.names[m.class]
		if m.to > call.from && m.but == "" && (name == "method.phone" && (s.same(call.from, m.from) || s.word(m.from, "hungup") > 0) ||
			name == "absent" && s.word(m.from, "hungup") > 0) {
			m.but = "of somebody else's call"
		}
	}
}

// apart says whether what stands before a place is far from each other: 气罐离灶台够远.
func (s *sentence) apart(i int) bool {
	for j := i; j < len(s.text) && j < i+4 && s.same(i-1, j); j++ {
		if s.text[j] == '远' {
			return s.text[j-1] != '不'
		}
	}
	return false
}

// kinAfter says whether what is not well is told of the relative right behind: 瘫儿子, 有病的老伴.
func (s *sentence) kinAfter(m mark) bool {
	i := m.to
	if i < len(s.text) && s.text[i] == '的' {
		i++
	} else if s.word(m.from, "afflicted") != m.to-m.from {
		return false
	}
	return s.word(i, "kin") > 0 && s.same(m.from, i)
}

// notDone finds what seems a deed or a blow and is none: 给张桂兰打了 before 两回电话 is a call, 儿媳给他请了 is the relative's
// doing, 想让村上给修路 is a wish.
func (s *sentence) notDone() {
	for i := range s.marks {
		m := &s.marks[i]
		name := s.names[m.class]
		help := name == "help" || name == "aided"
		if name == "method.door" && m.but == "" && s.before(m.from, "method.video") > 0 {
			m.but = "on the screen" // 视频里看宋玉珍
		}
		if m.but != "" || !help && name != "emergency.abuse" {
			continue
		}
		for _, n := range s.marks {
			if n.from < m.from || n.from >= m.to {
				continue
			}
			switch k := s.names[n.class]; {
			case (k == "method.phone" || k == "method.video") && n.from > m.from && n.to > m.to:
				m.but = "a call"
			case help && k == "kin" && strings.HasPrefix(m.pattern, "{elder}") && s.named(max(0, n.from-1)) != nil:
				m.but = "of the family"
			case help && (k == "want" || k == "need") && n.from > m.from && n.to < m.to:
				m.but = "wished"
			}
		}
	}
}

// harmless says why an emergency of a kind is none by what else the message says; sure is whether it names an elder.
func (s *sentence) harmless(m mark, kind string, sure bool) string {
	switch {
	case s.has("drill") && !s.has("really"):
		return "a drill"
	case s.has("rumour"), (s.has("hearsay") && !sure || s.has("elsewhere")) && !s.has("urgent"):
		return "told of others"
	case kind == "death" && s.text[m.from] == '死' && s.before(m.from, "asdead") > 0:
		return "a manner of speaking" // 把他气死了
	case s.unfounded(m, kind), s.has("explained") && s.has("ok") && !s.has("acute"):
		return "denied"
	case (kind == "fraud" || kind == "abuse" && s.swindle()) && (s.has("foiled") || s.has("hungup") && !s.has("loss")):
		return "it came to nothing"
	case kind == "missing" && s.last("found") > m.from:
		return "over"
	case slices.Contains([]string{"fraud", "gas", "fire", "fall"}, kind) && s.before(m.to, "done") == 0 && s.word(m.to, "done") == 0 &&
		slices.ContainsFunc(s.marks, func(n mark) bool { return s.names[n.class] == "teach" && n.to <= m.from && s.word(n.to, "while") == 0 }):
		return "a warning" // 讲了防诈骗 冒充客服的别信; but not 宣传的时候摔倒了
	case m.to < len(s.text) && s.text[m.to] == '过' && !(m.to+1 < len(s.text) && strings.ContainsRune("去来世敏", s.text[m.to+1])):
		return "past" // 晕倒过, 骗过; not 晕过去
	case s.word(m.to, "aftermath") > 0, kind == "critical_illness" && s.word(m.to, "chronicity") > 0:
		return "past"
	case s.word(m.to, "matter") > 0 && (s.has("contact") || s.has("ok")):
		return "told of"
	case kind == "fraud" && strings.HasSuffix(m.pattern, "了{money}") && !s.has("theirs"):
		return "nobody cheats"
	case kind == "critical_illness" && s.has("slaughter") && strings.ContainsAny(string(s.text[m.from:m.to]), "血流"):
		return "of no person"
	case kind == "fall" && strings.ContainsRune("躺趴卧", s.text[m.from]) && s.has("lounging"):
		return "of no harm" // 躺在院里晒太阳
	case kind == "house" && s.beside(m, "shed"):
		return "no dwelling"
	case (kind == "missing" || kind == "death") && s.beside(m, "beast"), kind == "fall" && s.beside(m, "object"):
		return "of no person"
	}
	return ""
}

// unfounded says whether an alarm proved false: it was said to be afterwards, or all is well. Where money is gone, what was
// false is the caller.
func (s *sentence) unfounded(m mark, kind string) bool {
	if kind == "fraud" && s.has("loss") || s.has("urgent") {
		return false
	}
	at := s.last("unfounded")
	return at >= 0 && (at+1 >= m.from || s.has("ok"))
}

// swindle says whether somebody tried to cheat: whom the elder drives out then is no victim.
func (s *sentence) swindle() bool {
	return slices.ContainsFunc(s.marks, func(m mark) bool { return s.names[m.class] == "emergency.fraud" || s.names[m.class] == "theirs" })
}

// beside says whether a word of a class stands right before a mark and is what the clause is about: 手机摔了, not 擦玻璃摔了.
func (s *sentence) beside(m mark, class string) bool {
	return slices.ContainsFunc(s.marks, func(n mark) bool {
		return s.names[n.class] == class && n.to == m.from &&
			(s.begins(n.from) || s.named(n.from-1) != nil || strings.ContainsRune("把的个只台块家里是让叫", s.text[n.from-1]))
	})
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
		"absent", "refused", "ok", "need", "emergency.missing":
		return false
	case "help": // 儿子给她买了, but not 给她儿子送
		return k.to == m.from
	case "leave": // 女儿去包头了, but not 让女儿接到包头了
		at := s.pronoun(k.from)
		if strings.Contains(m.pattern, "{kin}") || s.before(at, "by") > 0 || m.from > k.to+3 && !s.employed(k) {
			return false
		}
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

// pronoun is where the pronoun before a relative begins, or the relative: 跟她儿子.
func (s *sentence) pronoun(i int) int {
	if i > 0 && (s.text[i-1] == '她' || s.text[i-1] == '他') {
		return i - 1
	}
	return i
}

// employed says whether work or school takes the relative to where they went.
func (s *sentence) employed(k mark) bool {
	return slices.ContainsFunc(s.marks, func(n mark) bool {
		return s.names[n.class] == "job" && n.from >= k.to && s.same(k.from, n.from)
	})
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
	return slices.ContainsFunc(s.marks, func(m mark) bool {
		return strings.HasPrefix(s.names[m.class], prefix) && m.but != "" && m.but != "of the family"
	})
}

// reasons are the marks as people can check them.
func (s *sentence) reasons() []Reason {
	out := slices.Concat(s.mended, s.weighed)
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
