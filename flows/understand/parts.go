package understand

import (
	"slices"
	"strings"
	"unicode"

	"xunfang/ledger"
)

// Part is one report of a message that holds several.
type Part struct {
	Text    string
	Reading Reading
}

// Parts reads a message as the reports it consists of. Lines, list numbers and semicolons part them, and within a line another
// elder of whom something of his own is said; elders who share what is said stay together, and what names nobody belongs to what
// stands before it. What is said of method and day before the first name holds for all, and 同上 takes both over from the part
// before. Nothing is dropped: the parts are stretches of the message, one after the other.
func (r *Reader) Parts(text string, today ledger.Day, sight Finder) []Part {
	all := r.parse(text, today, sight)
	whole := all.reading()
	m := &message{Reader: r, typed: []rune(strings.ToValidUTF8(text, "")), today: today, sight: sight}
	spans := m.spans()
	if len(spans) < 2 {
		return []Part{{text, whole}}
	}
	heading := m.heading(spans[0])
	var out []Part
	danger, doubted := false, all.prefaced() // 演练：1 … 2 …
	for _, p := range spans {
		one := Part{Text: m.text(p)}
		one.Reading = r.Read(one.Text, today, sight)
		if heading != "" && p.from > spans[0].from {
			one.Reading = m.under(heading, one)
		}
		one.Reading.Elders = slices.DeleteFunc(one.Reading.Elders, func(id string) bool { return slices.Contains(p.without, id) })
		one.Reading.Ambiguous = one.Reading.Ambiguous && len(one.Reading.Elders) > 1
		if len(out) > 0 && (one.Reading.Ditto || p.again) {
			one.Reading.follow(out[len(out)-1].Reading)
		}
		danger = danger || one.Reading.Emergency != nil
		one.Reading.Sure = one.Reading.Sure && !doubted
		out = append(out, one)
	}
	if whole.Emergency != nil && !danger { // it takes all the words together to see it
		whole.Sure = false
		return []Part{{text, whole}}
	}
	return out
}

// follow takes over how and when from the report before.
func (r *Reading) follow(before Reading) {
	if r.Method == nil {
		r.Method = before.Method
	}
	if !r.Dated {
		r.Date, r.Dated = before.Date, before.Dated
	}
}

// message is a text on the way to its parts.
type message struct {
	*Reader
	typed []rune
	today ledger.Day
	sight Finder
}

// span is a stretch of the message: one report.
type span struct {
	from, to int
	begin    int      // behind a list number
	ids      []string // whom it names
	named    bool     // it names somebody, if only a stranger
	said     bool     // something is said of them
	without  []string // whom a later part speaks of
	again    bool     // the part before named them, too
}

func (m *message) text(p span) string {
	return strings.TrimFunc(string(m.typed[p.begin:p.to]), func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(";；,，、。", r)
	})
}

// spans are the reports, each from where it begins to where the next one does.
func (m *message) spans() []span {
	var out []span
	for _, piece := range m.pieces() {
		for _, p := range m.byElder(piece) {
			k := len(out) - 1
			if k >= 0 && (!p.named && !m.ofItsOwn(p) || !out[k].named && !m.ofItsOwn(out[k])) {
				out[k].to, out[k].ids = p.to, append(out[k].ids, p.ids...)
				out[k].named, out[k].said = out[k].named || p.named, out[k].said || p.said
				continue
			}
			out = append(out, p)
		}
	}
	return out
}

// ofItsOwn says whether words that name nobody are more than a part of a report: a question, an alarm.
func (m *message) ofItsOwn(p span) bool {
	if p.named {
		return true
	}
	switch m.Read(m.text(p), m.today, m.sight).Intent {
	case Emergency, QueryElder, QueryTodo, QueryStats, Cancel:
		return p.from == 0 || m.typed[p.from-1] == '\n'
	}
	return false
}

// pieces are the lines, and what list numbers and semicolons part within them.
func (m *message) pieces() []span {
	var out []span
	from, begin, number := 0, 0, 0
	cut := func(at, behind int) {
		if at > from {
			out = append(out, span{from: from, begin: begin, to: at})
		}
		from, begin = at, behind
	}
	for i := 0; i < len(m.typed); i++ {
		fresh := i == 0 || m.typed[i-1] == '\n'
		if i > 0 && strings.ContainsRune("\n;；", m.typed[i-1]) {
			cut(i, i)
		}
		if i == 0 || !unicode.IsLetter(m.typed[i-1]) && !unicode.IsDigit(m.typed[i-1]) {
			if n, size := m.listNumber(i); size > 0 && (fresh || n == number+1) {
				number = n
				cut(i, i+size)
				i += size - 1
			}
		}
	}
	cut(len(m.typed), len(m.typed))
	return out
}

// listNumber reads 1. 2、 (3) ④ before a word.
func (m *message) listNumber(i int) (n, size int) {
	if r := m.typed[i]; r >= '①' && r <= '⑳' {
		return int(r-'①') + 1, 1
	}
	j := i
	open := fold(m.typed[j]) == '('
	if open {
		j++
	}
	for ; j < len(m.typed) && j < i+3 && m.typed[j] >= '0' && m.typed[j] <= '9'; j++ {
		n = 10*n + int(m.typed[j]-'0')
	}
	if n == 0 || j >= len(m.typed) || !strings.ContainsRune(".、)）．:：", m.typed[j]) || open != strings.ContainsRune(")）", m.typed[j]) && open {
		return 0, 0
	}
	for j++; j < len(m.typed) && m.typed[j] == ' '; j++ {
	}
	if j >= len(m.typed) || !unicode.IsLetter(m.typed[j]) {
		return 0, 0
	}
	return n, j - i
}

// byElder parts a piece where another elder begins and each has words of his own.
func (m *message) byElder(p span) []span {
	s := m.parse(string(m.typed[p.begin:p.to]), m.today, m.sight)
	s.left = s.leftover()
	var intent Reading
	s.judge(&intent)
	whole := p
	var out []span
	now, end := p, 0 // the part being made, and where its last name ends
	now.ids = nil
	for _, who := range s.sorted() {
		if who.but != "" {
			continue
		}
		said := now.named && s.says(end, who.from)
		again := slices.ContainsFunc(who.ids, func(id string) bool { return slices.Contains(now.ids, id) })
		if at := s.start(who.from, end); said && (!again || len(now.ids) > len(who.ids)) {
			if again { // 三家都好,就是李秀英腿疼: not one of those who are well
				now.without = who.ids
			}
			now.to, now.said = p.begin+at, true
			out = append(out, now)
			now = span{from: now.to, begin: now.to, to: p.to, again: again}
		}
		now.named, end = true, who.to
		now.ids = append(now.ids, who.ids...)
		whole.ids, whole.named = append(whole.ids, who.ids...), true
	}
	if now.said = s.says(end, len(s.text)); len(out) > 0 && now.said && parted[intent.Intent] {
		return append(out, now)
	}
	whole.said = now.said || len(out) > 0
	return []span{whole}
}

// parted are the kinds of message that may hold several reports; a correction or a question names several and means one thing.
var parted = map[Intent]bool{Visit: true, Emergency: true, HelpRecord: true, Leave: true, Need: true, FamilyContact: true,
	FamilyInfo: true, Other: true}

// sorted are the people in the order they stand, and strangers between them.
func (s *sentence) sorted() []person {
	out := slices.Clone(s.people)
	taken := s.taken()
	for i := range s.text {
		if n := s.stranger(i, taken); n > 0 {
			out = append(out, person{from: i, to: i + n})
		}
	}
	slices.SortFunc(out, func(a, b person) int { return a.from - b.from })
	return out
}

// stranger is how long the name of somebody not on the roster is that begins a clause: what is said of him is not said of the
// elder before. Only a whole name counts, a surname and two characters no word covers, with a space or a word right behind.
func (s *sentence) stranger(i int, taken []bool) int {
	if !s.begins(i) || i+3 > len(s.text) || s.word(i, "surname") != 1 || !s.same(i, i+2) {
		return 0
	}
	for j := i; j < i+3; j++ {
		if !unicode.Is(unicode.Han, s.text[j]) || s.named(j) != nil ||
			j > i && (taken[j] || s.word(j, plainClass, "behind", "filler") > 0) {
			return 0
		}
	}
	if i+3 < len(s.text) && s.same(i, i+3) && !taken[i+3] && s.word(i+3, "behind") == 0 {
		return 0
	}
	return 3
}

// says says whether anything of their own is told between two places.
func (s *sentence) says(from, to int) bool {
	if s.facts.RoomTemp != nil && s.degree >= from && s.degree < to || s.facts.BP != "" && s.blood >= from && s.blood < to {
		return true
	}
	if slices.ContainsFunc(s.marks, func(m mark) bool {
		name := s.names[m.class]
		problem := strings.HasPrefix(name, "problem.") || strings.HasPrefix(name, "emergency.") || strings.HasPrefix(name, "ask.")
		return m.from >= from && m.to <= to && name != "family" && (problem || slices.Contains(turned, name) ||
			slices.Contains([]string{"dirty", "ditto", "contact", "aided"}, name))
	}) {
		return true
	}
	n := 0
	for i, left := range s.left {
		if left && i >= from && i < to {
			n++
		}
	}
	return n >= 2
}

// start is where the part of a name begins: at its clause, or at the words of going and calling before it.
func (s *sentence) start(at, after int) int {
	from := at
	for from > after && s.same(from-1, at) {
		from--
	}
	if !s.says(from, at) && from > after {
		return from
	}
	for moved := true; moved; {
		moved = false
		for _, m := range s.marks {
			name := s.names[m.class]
			leads := name == "toward" || name == dateClass || strings.HasPrefix(name, "method.")
			if leads && m.to == at && m.from >= after {
				at, moved = m.from, true
			}
		}
	}
	return at
}

// heading is what stands before the first name and holds for all: how and when, and nothing of how anybody is.
func (m *message) heading(p span) string {
	s := m.split(string(m.typed[p.begin:p.to]), m.today)
	s.who(m.sight)
	s.mark()
	if len(s.people) == 0 {
		return ""
	}
	s.left = s.leftover()
	people := s.sorted()
	first := people[0].from
	for _, who := range people {
		if who.but == "" {
			first = who.from
			break
		}
	}
	if s.says(0, first) {
		return ""
	}
	for _, k := range s.marks {
		if name := s.names[k.class]; k.to <= first && (strings.HasPrefix(name, "method.") || name == dateClass) {
			return string(s.typed[:first])
		}
	}
	return ""
}

// under reads a part beneath a heading: what the part says of how and when itself goes before.
func (m *message) under(heading string, p Part) Reading {
	alone := p.Reading
	if alone.Method == nil {
		got := m.Read(heading+" "+p.Text, m.today, m.sight)
		if alone.Dated {
			got.Date = alone.Date
		}
		return got
	}
	if head := m.Read(heading+"都好", m.today, m.sight); !alone.Dated && head.Dated {
		alone.Date, alone.Dated = head.Date, true
	}
	return alone
}
