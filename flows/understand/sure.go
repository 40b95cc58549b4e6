package understand

import (
	"slices"
	"strings"
)

// An alarm wakes people. It goes out at once only where the sentence leaves nothing open; in all other cases one tap stands
// between, which costs less than a village that no longer believes its alarms. The words stand in words/sure.txt.

// weighing are the classes that say how sure an alarm is, grave.KIND beside them. Their words mean nothing to anybody else: they
// hide no others, name nobody, and put nothing right.
var weighing = []string{"sure", "grave", "unsure", "aside", "still", "helpless"}

// frames are the classes of the grammar that no sure alarm has a word of.
var frames = []string{"drill", "rumour", "hearsay", "elsewhere", "past", "guard", "bidnot", "likely", "unfounded", "explained", "teach",
	"foiled", "supposed", "beast"}

// sure says whether an emergency is stated, and nothing in the message speaks against it.
func (s *sentence) sure(kind string) bool {
	words, from := s.stated()
	if len(words) == 0 {
		return false
	}
	doubt := s.framed(len(s.text))
	if doubt == "" {
		doubt = s.softened(kind, from)
	}
	if doubt == "" {
		doubt = s.asked(from)
	}
	for _, w := range words {
		why := Reason{Words: string(s.typed[w.from:w.to]), Means: "sure"}
		if doubt != "" {
			why.But = "open for " + doubt
		}
		s.weighed = append(s.weighed, why)
	}
	return doubt == ""
}

// stated are the words that make an alarm sure, and where the alarm begins. They are words of an emergency that counts, so that
// what is denied, past or of a beast is none; or others beside it that leave no doubt: 摔倒 and, anywhere, 起不来.
func (s *sentence) stated() (words []mark, from int) {
	heavy := s.weighty(s.text)
	from = len(s.text)
	var alarms []mark
	for _, m := range s.marks {
		if m.but != "" || !strings.HasPrefix(s.names[m.class], "emergency.") {
			continue
		}
		if slices.ContainsFunc(heavy, func(w mark) bool { return w.from == m.from && s.names[w.class] == "grave" }) {
			continue // 快来人 says nothing yet
		}
		alarms, from = append(alarms, m), min(from, m.from)
		if s.certain[m.pattern] {
			words = append(words, m)
		}
	}
	for _, w := range heavy {
		class := s.names[w.class]
		if slices.ContainsFunc(alarms, func(m mark) bool {
			apart := w.from >= m.to || w.to <= m.from
			switch kind := strings.TrimPrefix(s.names[m.class], "emergency."); {
			case class == "grave": // a death and want are grievous, but not of the next minutes
				return apart && kind != "death" && kind != "hardship"
			case class == "sure":
				return !apart
			default:
				return apart && class == "grave."+kind
			}
		}) {
			words = append(words, w)
		}
	}
	return words, from
}

// prefaced says whether no part of a message is sure, whatever it says itself: the message is a drill or a tale, or what stands
// before the first name leaves all of it open.
func (s *sentence) prefaced() bool {
	if slices.ContainsFunc([]string{"drill", "rumour", "hearsay", "unfounded"}, s.has) {
		return true
	}
	before := len(s.text)
	for _, p := range s.people {
		before = min(before, p.from)
	}
	return s.framed(before) != ""
}

// framed is the word up to a place that makes what is said a drill, a tale or a thought, "" where none does.
func (s *sentence) framed(to int) string {
	heavy := s.weighty(s.text[:to])
	for _, m := range s.marks {
		name := s.names[m.class]
		switch {
		case m.but != "" || m.from >= to || !slices.Contains(frames, name):
		case name == "beast" && s.text[m.from] == '马': // a surname more often
		case name == "guard" && slices.ContainsFunc(heavy, func(w mark) bool { // 怎么办 looks out for something, too
			return w.from == m.from && w.to == m.to && s.names[w.class] == "helpless"
		}):
		default:
			return string(s.text[m.from:m.to])
		}
	}
	if doubt := s.guessed(s.text[:to], heavy); doubt != "" || len(s.mended) == 0 {
		return doubt
	}
	typed := make([]rune, to) // what was put right may hide a doubt: 县有个, read as 想有个
	for i, r := range s.typed[:to] {
		typed[i] = fold(r)
	}
	return s.guessed(typed, s.weighty(typed))
}

// guessed is the word of a text that leaves its alarm open, and is no part of a longer one that does not.
func (s *sentence) guessed(text []rune, heavy []mark) string {
	reach := 0
	for k, w := range heavy {
		longest := k+1 == len(heavy) || heavy[k+1].from > w.from
		if longest && w.to > reach && s.names[w.class] == "unsure" {
			return string(text[w.from:w.to])
		}
		reach = max(reach, w.to)
	}
	return ""
}

// softened is the word of the message that takes the haste away: something is denied, of an earlier day, or over.
func (s *sentence) softened(kind string, from int) string {
	heavy := s.weighty(s.text)
	for _, m := range s.marks {
		name := s.names[m.class]
		calms := name == "not" || name == "over" || name == "found" || name == "slight" || name == "ok" && m.from > from
		within := func(w mark) bool { return w.from <= m.from && w.to >= m.to }
		if !calms || m.but != "" || slices.ContainsFunc(heavy, within) { // 昏过去了
			continue
		}
		if !slices.ContainsFunc(s.marks, func(e mark) bool { // 喘不上气
			return e.but == "" && within(e) && strings.HasPrefix(s.names[e.class], "emergency.")
		}) {
			return string(s.text[m.from:m.to])
		}
	}
	for _, d := range s.days {
		since := kind == "missing" && d.day >= s.today.Add(-3) // since when nobody saw them
		still := func(w mark) bool { return w.from >= d.to && s.names[w.class] == "still" }
		if d.day < s.today && !since && !slices.ContainsFunc(heavy, still) { // 昨晚摔的, without 到现在
			return string(s.text[d.from:d.to])
		}
	}
	return ""
}

// asked is the question mark or particle behind an alarm that makes it a question. Who asks what to do does not doubt it, if it
// befell somebody: 张桂兰晕倒了怎么办？ but not 晕倒了怎么办.
func (s *sentence) asked(from int) string {
	help := slices.DeleteFunc(s.weighty(s.text), func(w mark) bool { return s.names[w.class] != "helpless" })
	if len(help) > 0 && len(s.people) == 0 {
		return string(s.text[help[0].from:help[0].to])
	}
	for i := from; i < len(s.text); i++ {
		last := i+1 == len(s.text) || ends(s.typed, i+1)
		forHelp := slices.ContainsFunc(help, func(w mark) bool { return w.to == i })
		if s.text[i] == '?' && !forHelp || last && strings.ContainsRune("吗么吧没不", s.text[i]) {
			return string(s.text[i])
		}
	}
	return ""
}

// weighty are the words of a text that say how sure an alarm is, in the order of their beginning, the shorter first; a name
// hides those within.
func (s *sentence) weighty(text []rune) []mark {
	var out []mark
	for i := range text {
		behind := i
		if p := s.named(i); p != nil {
			behind = p.to
		}
		n := s.weights
		for j := i; j < len(text); j++ {
			if n = n.next[text[j]]; n == nil {
				break
			}
			for _, c := range n.tags {
				if j >= behind {
					out = append(out, mark{class: c, from: i, to: j + 1})
				}
			}
		}
	}
	return out
}

// weigh reads words that say how sure an alarm is, and which patterns of emergencies are.
func (t *tables) weigh(f []string, drop map[string]bool) {
	class := t.class(f[0])
	for _, w := range f[1:] {
		switch {
		case drop[w]:
		case strings.ContainsAny(w, "{…"):
			t.certain[w] = true
		default:
			t.weights.add(w, class)
		}
	}
}

// alarming says whether an emergency has a pattern.
func (t *tables) alarming(text string) bool {
	for _, list := range t.patterns {
		if slices.ContainsFunc(list, func(p pattern) bool {
			return p.text == text && strings.HasPrefix(t.names[p.class], "emergency.")
		}) {
			return true
		}
	}
	return false
}
