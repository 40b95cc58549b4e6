package understand

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode"
)

// The vocabulary that ships. README.txt in the folder says how a line is written.
//
//go:embed words/*.txt
var shipped embed.FS

// tables is the vocabulary, read once: every literal word in one trie, and the patterns made of words and classes.
type tables struct {
	root     *node
	classes  map[string]int // a class's number
	names    []string
	patterns map[int][]pattern // by the class or word they begin with
	lunar    []lunarMonth
	quiet    map[int]bool      // classes that only help to find names
	heard    map[string][]rune // a homophone and the word it stands for, of one length
	halves   map[string]rune   // a character typed as its two halves: 月中 for 肿
	weights  *node             // what sure.go alone asks for: no word to anybody else
	certain  map[string]bool   // the patterns of emergencies that are sure by themselves
}

// node is a place in the trie; tags are the classes of the word that ends here.
type node struct {
	next map[rune]*node
	tags []int
}

// pattern is a chain of parts that give a class together.
type pattern struct {
	class  int
	parts  []part
	across int    // how far its parts may lie asunder with a space between
	text   string // as it stands in the table, for --explain
}

// part is one link: a class, and whether characters may lie before it.
type part struct {
	class int
	loose bool
}

// farthest is how many characters … may stand for.
const farthest = 9

// pseudo classes are filled by the grammar and may be named in patterns.
const (
	elderClass = "elder"
	dateClass  = "date"
	plainClass = "plain" // everyday words that say nothing of how somebody is; they hide no other word
)

// aroundNames are the classes that who.go alone asks for.
var aroundNames = []string{"surname", "long", "title", "honour", "behind", "notname", "with", "together", "gone", "accompanied", "office",
	"notcompany", "beside", "relation", "village", "that", "heard", plainClass}

func readTables(extra []string, drop map[string]bool) (*tables, error) {
	t := &tables{root: &node{}, classes: map[string]int{}, patterns: map[int][]pattern{}, quiet: map[int]bool{}, heard: map[string][]rune{},
		halves: map[string]rune{}, weights: &node{}, certain: map[string]bool{}}
	t.class(elderClass)
	t.class(dateClass)
	var faults []error
	used := map[string]string{}
	read := func(name, text string) {
		for i, line := range strings.Split(text, "\n") {
			line, _, _ = strings.Cut(line, "#")
			f := strings.Fields(strings.TrimPrefix(line, "\ufeff"))
			if len(f) == 0 {
				continue
			}
			at := fmt.Sprintf("%s:%d", name, i+1)
			if err := t.line(f, at, drop, used); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", at, err))
			}
		}
	}
	files, err := fs.Glob(shipped, "words/*.txt")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := shipped.ReadFile(f)
		if err != nil {
			return nil, err
		}
		if f != "words/README.txt" {
			read(f, string(text))
		}
	}
	for i, text := range extra {
		read(fmt.Sprintf("added words %d", i+1), text)
	}
	for p := range t.certain {
		if !t.alarming(p) {
			faults = append(faults, fmt.Errorf("sure %s: no emergency has this pattern", p))
		}
	}
	for class, at := range used {
		if !t.filled(class) {
			faults = append(faults, fmt.Errorf("%s: no line gives words for {%s}", at, class))
		}
	}
	return t, errors.Join(faults...)
}

// line reads a line of a table: what the words mean, then the words.
func (t *tables) line(f []string, at string, drop map[string]bool, used map[string]string) error {
	if len(f) == 1 {
		return fmt.Errorf("%q has no words", f[0])
	}
	switch f[0] {
	case "lunar":
		return t.readLunar(f[1:])
	case "heard":
		if len(f) != 3 || len([]rune(f[1])) != len([]rune(f[2])) {
			return errors.New("heard wants two words of one length: what is written, and what is meant")
		}
		if !drop[f[1]] {
			t.heard[f[1]] = []rune(f[2])
			t.root.add(f[1], t.class("heard"))
		}
		return nil
	}
	if f[0] == "halves" {
		if len(f) != 3 || len([]rune(f[1])) != 2 || len([]rune(f[2])) != 1 {
			return errors.New("halves wants two characters and the one they make up")
		}
		t.halves[f[1]] = []rune(f[2])[0]
		return nil
	}
	if !known(f[0]) && strings.Contains(f[0], ".") {
		return fmt.Errorf("%q is no meaning this program knows; README.txt lists them", f[0])
	}
	if slices.Contains(weighing, f[0]) || strings.HasPrefix(f[0], "grave.") {
		t.weigh(f, drop)
		return nil
	}
	class := t.class(f[0])
	t.quiet[class] = slices.Contains(aroundNames, f[0])
	for _, w := range f[1:] {
		if drop[w] {
			continue
		}
		if !strings.ContainsAny(w, "{…") {
			t.root.add(w, class)
			continue
		}
		p := pattern{class: class, text: w, across: 4}
		if strings.HasPrefix(f[0], "emergency.") {
			p.across = farthest // somebody in danger is not to be overlooked for a space
		}
		for rest := w; rest != ""; {
			var one part
			if after, ok := strings.CutPrefix(rest, "…"); ok {
				one.loose, rest = true, after
			}
			name, after, ok := strings.Cut(strings.TrimPrefix(rest, "{"), "}")
			if strings.HasPrefix(rest, "{") {
				if !ok || name == "" {
					return fmt.Errorf("%q opens a { that is not closed", w)
				}
				rest = after
				if _, there := used[name]; !there {
					used[name] = at
				}
				one.class = t.class(name)
			} else {
				end := strings.IndexAny(rest, "{…")
				if end < 0 {
					end = len(rest)
				}
				if end == 0 {
					return fmt.Errorf("%q ends in …", w)
				}
				one.class = t.class("'" + rest[:end])
				t.root.add(rest[:end], one.class)
				rest = rest[end:]
			}
			p.parts = append(p.parts, one)
		}
		t.patterns[p.parts[0].class] = append(t.patterns[p.parts[0].class], p)
	}
	return nil
}

func (t *tables) class(name string) int {
	c, ok := t.classes[name]
	if !ok {
		c = len(t.names)
		t.classes[name] = c
		t.names = append(t.names, name)
	}
	return c
}

func (n *node) add(word string, class int) {
	for _, r := range word {
		r = fold(r)
		if n.next == nil {
			n.next = map[rune]*node{}
		}
		if n.next[r] == nil {
			n.next[r] = &node{}
		}
		n = n.next[r]
	}
	if !slices.Contains(n.tags, class) {
		n.tags = append(n.tags, class)
	}
}

// filled says whether anything can be of a class.
func (t *tables) filled(name string) bool {
	class := t.classes[name]
	if name == elderClass || name == dateClass {
		return true
	}
	var has func(*node) bool
	has = func(n *node) bool {
		if slices.Contains(n.tags, class) {
			return true
		}
		for _, next := range n.next {
			if has(next) {
				return true
			}
		}
		return false
	}
	return has(t.root)
}

// fold makes a character comparable: half width, lower case. One character stays one, so that what is found can be cut from
// the text as it was typed.
func fold(r rune) rune {
	if r >= 0xFF01 && r <= 0xFF5E {
		r -= 0xFEE0
	}
	return unicode.ToLower(r)
}
