package understand

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"xunfang/ledger/names"
)

// misheard finds what was typed or dictated as another word of the same sound, 走坊 for 走访: two to four characters in one
// clause and outside names that make up no word, one of them in none at all or nothing else in the clause (上闷), and that sound
// like just one meaning of the tables. Of two characters one must be right: there are too many words of one sound for more.
func (s *sentence) misheard(put func(int, []rune)) {
	strange, whole := s.coverage()
	for i := 0; i < len(s.text); i++ {
		for size := min(4, len(s.text)-i); size >= 2 && !whole[i]; size-- {
			at := s.text[i : i+size]
			alone := s.begins(i) && (i+size == len(s.text) || ends(s.typed, i+size))
			if slices.Contains(whole[i:i+size], true) || !alone && !slices.Contains(strange[i:i+size], true) || !s.same(i, i+size-1) {
				continue
			}
			if w := s.soundsLike(at); w != nil {
				put(i, w)
				i += size - 1
				break
			}
		}
	}
}

// thin are the classes whose single characters are parts of many words, and cover nothing by themselves.
var thin = []string{"deed", "good", "want", "reach", "talk", "how", "botdo", "duty", "go", "asking", "attr"}

// coverage says of each character whether no word covers it, and whether a word of two and more or a name does.
func (s *sentence) coverage() (strange, whole []bool) {
	strange, whole = make([]bool, len(s.text)), make([]bool, len(s.text))
	for i, r := range s.text {
		strange[i] = unicode.Is(unicode.Han, r)
	}
	for i := range s.text {
		longest := 0
		for _, w := range s.words[i] {
			if w.size <= longest {
				continue
			}
			name := s.names[w.class]
			if name[0] != '\'' && !slices.Contains(noWord[:2], name) && (w.size > 1 || !slices.Contains(thin, name)) {
				longest = w.size
			}
		}
		for j := i; j < i+longest; j++ {
			strange[j], whole[j] = false, whole[j] || longest > 1
		}
		if i >= 2 && (strange[i-2] || strange[i-1]) && s.word(i, "village") > 0 {
			strange[i-2], strange[i-1] = false, false
		}
		if s.named(i) != nil {
			strange[i], whole[i] = false, true
		}
	}
	return strange, whole
}

// particles and numbers are in no word that is put right: 流了 is not 扭了.
const particles = "了的得着地不没一二三四五六七八九十两几"

// soundsLike is the word of the tables that characters sound like, nil where there is none or several that mean different things.
func (s *sentence) soundsLike(said []rune) []rune {
	if s.meaning(said) || strings.ContainsAny(string(said), particles) {
		return nil
	}
	var found []rune
	for _, key := range readings(said) {
		for _, w := range s.heardAs()[key] {
			word := []rune(w)
			short := len(word) == 2
			if short && word[0] != said[0] && word[1] != said[1] || slices.Equal(word, found) ||
				short && (len(s.meanings(word)) == 0 || strings.ContainsAny(w, particles)) {
				continue
			}
			if found != nil && !slices.Equal(s.meanings(word), s.meanings(found)) {
				return nil
			}
			found = word
		}
	}
	return found
}

// meaning says whether characters are a word of the tables, if only a part of a pattern.
func (t *tables) meaning(word []rune) bool {
	n := t.root
	for _, r := range word {
		if n = n.next[r]; n == nil {
			return false
		}
	}
	return len(n.tags) > 0
}

// meanings are the classes of a word.
func (t *tables) meanings(word []rune) []int {
	n := t.root
	for _, r := range word {
		if n = n.next[r]; n == nil {
			return nil
		}
	}
	return slices.DeleteFunc(slices.Sorted(slices.Values(n.tags)), func(c int) bool {
		return !t.spoken(c) || len(word) == 2 && strings.HasPrefix(t.names[c], "emergency.") // too much hangs on two characters
	})
}

// spoken says whether words of a class may be put right by ear.
func (t *tables) spoken(class int) bool {
	name := t.names[class]
	return strings.HasPrefix(name, "problem.") || strings.HasPrefix(name, "emergency.") || strings.HasPrefix(name, "method.") ||
		slices.Contains(turned, name) || slices.Contains([]string{"offline", "visitword", "contact", "talk", "reach", "over"}, name)
}

// readings are the sounds characters may have together to the dialect's ear; none where one has no sound.
func readings(text []rune) []string {
	out := []string{""}
	for _, r := range text {
		var longer []string
		for _, one := range names.Sounds(r) {
			for _, before := range out {
				longer = append(longer, before+one+" ")
			}
		}
		out = longer
	}
	return out
}

// sounds are the words that can be put right by ear, and those that patterns for what is not well are made of, by their usual
// sound.
func (t *tables) sounds() map[string][]string {
	wanted := map[int]bool{}
	for c := range t.names {
		wanted[c] = t.spoken(c)
	}
	for _, list := range t.patterns {
		for _, p := range list {
			for _, one := range p.parts {
				tells := strings.HasPrefix(t.names[p.class], "problem.") || strings.HasPrefix(t.names[p.class], "emergency.")
				wanted[one.class] = wanted[one.class] || tells
			}
		}
	}
	out := map[string][]string{}
	var walk func(*node, []rune)
	walk = func(n *node, word []rune) {
		if slices.ContainsFunc(n.tags, func(c int) bool { return wanted[c] }) && len(word) <= 4 {
			if key := sounds(word); key != "" {
				out[key] = append(out[key], string(word))
			}
		}
		for _, r := range slices.Sorted(maps.Keys(n.next)) {
			walk(n.next[r], append(slices.Clone(word), r))
		}
	}
	walk(t.root, nil)
	return out
}
