package names

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/mozillazg/go-pinyin"
)

// syllables is what the characters of a roster sound like. It is filled while the index is made and only read afterwards.
type syllables struct {
	read  map[rune][]string
	known map[string]string // every syllable pinyin has, and what the dialect makes of it
}

func newSyllables() syllables { return syllables{map[rune][]string{}, knownSyllables()} }

// longestName bounds the work for one name; a real one of more characters is found by the name as it is written.
const longestName = 16

//go:embed surnames.txt
var surnamesText string

//go:embed dialect.txt
var dialectText string

var (
	surnames = readSurnames(surnamesText)
	dialect  = readDialect(dialectText)
)

// readSurnames reads the table: a surname and its readings, each of as many syllables as the surname has characters.
func readSurnames(text string) map[string][][]string {
	out := map[string][][]string{}
	for _, words := range lines(text) {
		for _, w := range words[1:] {
			out[words[0]] = append(out[words[0]], strings.Split(w, "'"))
		}
	}
	return out
}

// lines are the words of every line that has any, without comments.
func lines(text string) [][]string {
	var out [][]string
	for line := range strings.Lines(text) {
		if line, _, _ = strings.Cut(line, "#"); strings.TrimSpace(line) != "" {
			out = append(out, strings.Fields(line))
		}
	}
	return out
}

// accent is what dialect.txt says.
type accent struct {
	syllable map[string]string
	reading  map[rune]string // what a character is read as in the dialect, beside its readings
	initial  [][2]string
	final    [][2]string
}

func readDialect(text string) accent {
	a := accent{syllable: map[string]string{}, reading: map[rune]string{}}
	for _, w := range lines(text) {
		switch w[0] {
		case "syllable":
			a.syllable[w[1]] = w[2]
		case "reading":
			a.reading[[]rune(w[1])[0]] = w[2]
		case "initial":
			a.initial = append(a.initial, [2]string{w[1], w[2]})
		case "final":
			a.final = append(a.final, [2]string{w[1], w[2]})
		}
	}
	return a
}

// fold is a syllable as the dialect hears it.
func (a accent) fold(s string) string {
	if to, ok := a.syllable[s]; ok {
		s = to
	}
	for _, r := range a.initial {
		if rest, ok := strings.CutPrefix(s, r[0]); ok {
			s = r[1] + rest
			break
		}
	}
	for _, r := range a.final {
		if rest, ok := strings.CutSuffix(s, r[0]); ok {
			return rest + r[1]
		}
	}
	return s
}

func (s syllables) folded(reading []string) []string {
	out := make([]string, len(reading))
	for i, r := range reading {
		if out[i] = r; s.known[r] != "" {
			out[i] = s.known[r]
		}
	}
	return out
}

var knownSyllables = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, readings := range pinyin.PinyinDict {
		for r := range strings.SplitSeq(readings, ",") {
			if s := plain(r); s != "" && out[s] == "" {
				out[s] = dialect.fold(s)
			}
		}
	}
	for _, grunt := range []string{"m", "n", "ng", "hm", "hng", "g"} {
		delete(out, grunt)
	}
	return out
})

// Syllable is the usual reading of a character without its tone, "" where it has none.
func Syllable(r rune) string {
	first, _, _ := strings.Cut(pinyin.PinyinDict[int(r)], ",")
	return plain(first)
}

// Sound is what the dialect's ear makes of that reading: two characters of one sound are mistaken for each other.
func Sound(r rune) string { return knownSyllables()[Syllable(r)] }

// Sounds are what the dialect's ear makes of each of a character's readings, the usual one first.
func Sounds(r rune) []string {
	var out []string
	for reading := range strings.SplitSeq(pinyin.PinyinDict[int(r)]+","+dialect.reading[r], ",") {
		if s := knownSyllables()[plain(reading)]; s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// plain is a reading without its tone; "" where it is not one.
func plain(s string) string {
	var b strings.Builder
	for _, r := range s {
		if to, ok := toneless[r]; ok {
			r = to
		}
		if r < 'a' || r > 'z' {
			return ""
		}
		b.WriteRune(r)
	}
	return b.String()
}

var toneless = func() map[rune]rune {
	out := map[rune]rune{}
	for base, marked := range map[rune]string{'a': "āáǎà", 'e': "ēéěèê", 'i': "īíǐì", 'o': "ōóǒò", 'u': "ūúǔù", 'v': "üǖǘǚǜ",
		'n': "ńňǹ", 'm': "ḿ"} {
		for _, r := range marked {
			out[r] = base
		}
	}
	return out
}()

// learn keeps the readings of a name's characters.
func (s syllables) learn(name string) {
	for _, r := range name {
		if _, ok := s.read[r]; !ok {
			s.read[r] = s.of(r)
		}
	}
}

// of are the readings of a character, the usual first and one other; a character nobody can read stands for itself.
func (s syllables) of(r rune) []string {
	if out, ok := s.read[r]; ok {
		return out
	}
	var out []string
	for reading := range strings.SplitSeq(pinyin.PinyinDict[int(r)], ",") {
		if p := plain(reading); p != "" && !slices.Contains(out, p) && len(out) < 2 {
			out = append(out, p)
		}
	}
	if out == nil {
		out = []string{string(r)}
	}
	return out
}

// readings are the ways to read a name whose first n characters are the surname; the usual one is first. Of the given name
// one character at a time is read in its other way, or a long name would have hundreds.
func (s syllables) readings(name []rune, n int) [][]string {
	first := [][]string{{}}
	if listed, ok := surnames[string(name[:n])]; ok && n > 0 {
		first = listed
	} else {
		for _, r := range name[:n] {
			first = [][]string{append(first[0], s.of(r)[0])}
		}
	}
	var out [][]string
	for _, f := range first {
		base := slices.Clone(f)
		for _, r := range name[n:] {
			base = append(base, s.of(r)[0])
		}
		out = append(out, base)
		for i, r := range name[n:] {
			if both := s.of(r); len(both) == 2 {
				other := slices.Clone(base)
				other[n+i] = both[1]
				out = append(out, other)
			}
		}
	}
	return out
}

// surnameLen is how many characters of a name are the surname.
func surnameLen(name []rune) int {
	for n := min(4, len(name)-1); n >= 2; n-- {
		if _, ok := surnames[string(name[:n])]; ok {
			return n
		}
	}
	return min(1, len(name))
}

// counted joins a reading and says of how many syllables it is: 先 (xian/1) is not 西安 (xian/2).
func counted(reading []string) string {
	return strings.Join(reading, "") + "/" + strconv.Itoa(len(reading))
}

func initials(reading []string) string {
	var b strings.Builder
	for _, s := range reading {
		if s[0] >= 0x80 {
			return ""
		}
		b.WriteByte(s[0])
	}
	return b.String()
}

// gap is a reading with one syllable left open.
func gap(reading []string, i int) string {
	open := slices.Clone(reading)
	open[i] = "*"
	return strings.Join(open, "'")
}

func blot(name []rune, i int) string { return string(name[:i]) + "*" + string(name[i+1:]) }

func without(name []rune, i int) string { return string(name[:i]) + string(name[i+1:]) }

// heard are the keys of what an ask reads like, exactly.
func (x *Index) heard(a *ask) []string {
	var out []string
	if a.letters != "" {
		for n := (len(a.letters) + 5) / 6; n <= min(len(a.letters), longestName); n++ {
			out = append(out, a.letters+"/"+strconv.Itoa(n))
		}
		return out
	}
	for _, r := range x.spoken(a) {
		out = append(out, counted(r))
	}
	return out
}

// spoken are the ways to say an ask aloud, syllable by syllable; none where it is less than two syllables, since one alone
// sounds like somebody everywhere.
func (x *Index) spoken(a *ask) [][]string {
	if a.said {
		return a.sounds
	}
	a.said = true
	if a.letters != "" {
		x.split(a.letters, nil, &a.sounds)
	} else if name := []rune(a.text); len(name) >= 2 && len(name) <= longestName {
		a.sounds = x.readings(name, surnameLen(name))
	}
	return a.sounds
}

// split finds the ways to part letters into two syllables and more. Sixteen are enough: names have few, and nonsense has
// thousands.
func (s syllables) split(letters string, before []string, out *[][]string) {
	if letters == "" {
		if len(before) >= 2 {
			*out = append(*out, slices.Clone(before))
		}
		return
	}
	for n := min(6, len(letters)); n > 0 && len(*out) < 16 && len(before) < longestName; n-- {
		if s.known[letters[:n]] != "" {
			s.split(letters[n:], append(before, letters[:n]), out)
		}
	}
}
