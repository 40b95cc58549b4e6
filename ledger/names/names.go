// Package names answers whom somebody means by the words typed for an elder: number, name, nickname, surname and title,
// village and surname, pinyin, initials, a name that sounds or looks like it. It says only who fits and how well; who may be
// seen is the caller's to say, and so is asking which of several is meant. It does no I/O and keeps no phone or identity
// number, only their hashes.
package names

import (
	"cmp"
	"hash/maphash"
	"math/bits"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"

	"xunfang/ledger"
)

// How is in what way an elder fits the words, the surest first. From Alike on, the caller should ask before acting.
type How int

const (
	Number   How = iota + 1 // the elder's number, a phone, an identity number
	Name                    // the name as it is written
	Alias                   // a nickname on record
	Partial                 // the given name, surname and title, given name and title, village and surname
	Pinyin                  // typed in letters, or in other characters read the same
	Initials                // zgl
	Alike                   // the same to a dialect's ear
	Near                    // one syllable or one character off
)

// Hit is an elder somebody may mean.
type Hit struct {
	ID  string
	How How
}

// Index is a roster's names, made once and read by everybody at once.
type Index struct {
	elders  []elder // by village, group, number: the order of an answer
	byID    map[string]uint32
	hashes  []uint64           // of everything an elder may be called, sorted: 50,000 elders have a million texts
	who     []uint32           // the elder a hash belongs to, in order where several share it
	starts  []uint32           // where the hashes of each beginning start, a dozen of them: a lookup stays in one place of memory
	shift   int                // what of a hash is not its beginning
	labels  map[string][]int32 // what villages and groups are called, the nearest level first
	longest int                // runes of the longest label
	homes   []home
	regions [][]int32 // the labels of a region and of all above it; those of a region nobody knows are the first
	syllables
}

// elder is a hit's number, and the usual reading of the name.
type elder struct {
	id     string
	sounds []string
}

// home is where an elder lives, and whether as a man or a woman. 老王 of one village walks past thousands elsewhere: kept apart
// from the rest it is little memory to walk.
type home struct {
	region int32 // into Index.regions
	female bool
	male   bool
}

// key says that a text fits an elder.
type key struct {
	hash uint64
	who  uint32
}

// kind keeps texts apart that mean different things: 王 the surname is not 王 the given name.
type kind byte

const (
	byNumber kind = iota
	byName
	byAlias
	bySurname
	byGiven
	byHead // the first two characters of three: 娜仁 of 娜仁花
	byReading
	byGivenReading
	bySurnameReading
	byInitials
	bySound
	byGivenSound
	byGap     // one syllable left open
	byBlot    // one character left open
	byMissing // one character left out
)

var seed = maphash.MakeSeed()

func hash(k kind, text string) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	h.WriteByte(byte(k))
	h.WriteString(text)
	return h.Sum64()
}

// New indexes a roster. It takes a second for 50,000 elders: once a revision, not once a message.
func New(r *ledger.Roster) *Index {
	x := &Index{labels: map[string][]int32{}, syllables: newSyllables()}
	regions := x.place(r)
	all := inOrder(r)
	x.elders, x.homes = make([]elder, len(all)), make([]home, len(all))
	x.byID = make(map[string]uint32, len(all))
	keys := make([]key, 0, 24*len(all))
	for _, e := range all {
		x.learn(e.Name)
	}
	for i, e := range all {
		x.byID[e.ID] = uint32(i)
		x.elders[i].id = e.ID
		x.homes[i] = home{regions[e.Region], e.Gender == "女", e.Gender == "男"}
		x.called(&x.elders[i], e, func(k kind, text string) {
			if text != "" {
				keys = append(keys, key{hash(k, text), uint32(i)})
			}
		})
	}
	slices.SortFunc(keys, func(a, b key) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.who, b.who)) })
	keys = slices.Compact(keys)
	x.hashes, x.who = make([]uint64, len(keys)), make([]uint32, len(keys))
	x.shift = 64 - max(1, bits.Len(uint(len(keys)))-4)
	x.starts = make([]uint32, 1<<(64-x.shift)+1)
	for i, k := range keys {
		x.hashes[i], x.who[i] = k.hash, k.who
		x.starts[k.hash>>x.shift+1]++
	}
	for i := range len(x.starts) - 1 {
		x.starts[i+1] += x.starts[i]
	}
	return x
}

// inOrder are the elders by village, group and number.
func inOrder(r *ledger.Roster) []*ledger.Elder {
	type spot struct {
		village, group string
		number         int
	}
	spots := map[string]spot{}
	for _, g := range r.Regions() {
		s := spot{village: r.At(g.Code, ledger.LevelVillage).Name, group: r.At(g.Code, ledger.LevelGroup).Name}
		s.number, _ = ordinal([]rune(normal(s.group)))
		spots[g.Code] = s
	}
	elders := r.Elders()
	all := make([]*ledger.Elder, len(elders))
	for i := range elders {
		all[i] = &elders[i]
	}
	slices.SortFunc(all, func(a, b *ledger.Elder) int {
		if a.Region != b.Region {
			s, t := spots[a.Region], spots[b.Region]
			c := cmp.Or(strings.Compare(s.village, t.village), cmp.Compare(s.number, t.number), strings.Compare(s.group, t.group))
			if c != 0 {
				return c
			}
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all
}

// called lists everything an elder may be called, and notes how the name is read.
func (x *Index) called(to *elder, e *ledger.Elder, put func(kind, string)) {
	put(byNumber, normal(e.ID))
	for _, field := range []string{e.Phone, e.IDNumber} {
		for _, n := range numbers(field) {
			put(byNumber, n)
		}
	}
	for _, a := range strings.FieldsFunc(e.Aliases, func(r rune) bool { return strings.ContainsRune("、,，;；/", r) }) {
		put(byAlias, normal(a))
	}
	name := []rune(normal(e.Name))
	if len(name) == 0 || len(name) > longestName {
		put(byName, string(name))
		return
	}
	n := surnameLen(name)
	surname, given := name[:n], name[n:]
	put(byName, string(name))
	put(bySurname, string(surname))
	parts := shorts(name, n, strings.Contains(e.Nation, "蒙"))
	for _, s := range parts {
		put(byGiven, string(s))
	}
	if len(name) == 3 {
		put(byHead, string(name[:2]))
	}

	for i, reading := range x.readings(name, n) {
		if i == 0 {
			to.sounds = reading
		}
		put(byReading, counted(reading))
		put(bySurnameReading, counted(reading[:n]))
		put(byInitials, initials(reading))
		put(bySound, counted(x.folded(reading)))
	}
	for _, s := range parts {
		if len(s) < 2 {
			continue // a syllable alone would fit everybody
		}
		for _, reading := range x.readings(s, 0) {
			put(byGivenReading, counted(reading))
			put(byGivenSound, counted(x.folded(reading)))
		}
	}
	for i := range given {
		put(byGap, gap(x.folded(to.sounds), n+i))
		if len(name) >= 3 {
			put(byBlot, blot(name, n+i))
			put(byMissing, without(name, n+i))
		}
	}
}

// shorts are what remains when part of a name is left out: the given name, and of a long name, whose surname nobody can
// tell, every beginning and end of two characters or more (其其格 of 哈斯其其格).
func shorts(name []rune, surname int, mongolian bool) [][]rune {
	var out [][]rune
	if len(name) > surname {
		out = append(out, name[surname:])
	}
	if surname == 1 && (len(name) > 3 || mongolian && len(name) == 3) {
		for i := 2; i < len(name); i++ {
			out = append(out, name[:i])
			if i < len(name)-1 {
				out = append(out, name[i:])
			}
		}
	}
	return out
}

// Find lists whom somebody may mean, at most limit of them (0: all), in the order of village, group and number. Only those
// who fit best are listed, and all of them: a name as it is written hides the names that sound like it, and two elders of
// one name are both there. may says who is in the speaker's sight: whoever it refuses is as good as not on the roster. It
// is asked up to thousands of times, so it should only look something up, such as in a set.
func (x *Index) Find(said string, may func(elderID string) bool, limit int) []Hit {
	return x.find(said, func(posts []uint32, take func(uint32) bool) {
		for _, who := range posts {
			if !take(who) {
				return
			}
		}
	}, may, limit)
}

// Among is Find for a speaker who sees only these elders; it costs what their number costs, not the roster's.
func (x *Index) Among(said string, ids []string, limit int) []Hit {
	in := make([]uint32, 0, len(ids))
	for _, id := range ids {
		if who, ok := x.byID[id]; ok {
			in = append(in, who)
		}
	}
	slices.Sort(in)
	in = slices.Compact(in)
	return x.find(said, func(posts []uint32, take func(uint32) bool) {
		few, many := in, posts
		if len(posts) < len(in) {
			few, many = posts, in
		}
		for _, who := range few {
			i, ok := slices.BinarySearch(many, who)
			if ok && !take(who) {
				return
			}
			many = many[i:]
		}
	}, everyone, limit)
}

func everyone(string) bool { return true }

// found is a hit on the way.
type found struct {
	who uint32
	how How
}

func (x *Index) find(said string, walk func([]uint32, func(uint32) bool), may func(string) bool, limit int) []Hit {
	most := limit
	if limit <= 0 {
		most = len(x.elders)
	}
	asks := x.parse(said)
	for _, step := range steps {
		for _, together := range asks {
			var hits []found
			for i := range together {
				a := &together[i]
				if a.bare && step.first > Alias {
					continue
				}
				step.look(x, a, func(l look) {
					n, posts := 0, x.posts(l.kind, l.text)
					walk(posts, func(who uint32) bool {
						e := &x.elders[who]
						if a.fits(x, x.homes[who], l.anyGender) && (l.check == nil || l.check(e)) && may(e.id) {
							if hits == nil {
								hits = make([]found, 0, min(len(posts), most))
							}
							hits = append(hits, found{who, l.how})
							n++
						}
						return n < most
					})
				})
			}
			if len(hits) > 0 {
				return x.answer(hits, most)
			}
		}
	}
	return nil
}

// answer sorts hits and names each elder once, by the surest way.
func (x *Index) answer(hits []found, most int) []Hit {
	order := func(a, b found) int { return cmp.Or(cmp.Compare(a.who, b.who), cmp.Compare(a.how, b.how)) }
	if !slices.IsSortedFunc(hits, order) { // one lookup's are
		slices.SortFunc(hits, order)
	}
	hits = slices.CompactFunc(hits, func(a, b found) bool { return a.who == b.who })
	hits = hits[:min(len(hits), most)]
	out := make([]Hit, len(hits))
	for i, h := range hits {
		out[i] = Hit{x.elders[h.who].id, h.how}
	}
	return out
}

// posts are the elders a text of a kind fits.
func (x *Index) posts(k kind, text string) []uint32 {
	h := hash(k, text)
	begin := int(x.starts[h>>x.shift])
	hashes := x.hashes[begin:x.starts[h>>x.shift+1]]
	from, ok := slices.BinarySearch(hashes, h)
	if !ok {
		return nil
	}
	n := sort.Search(len(hashes)-from, func(i int) bool { return hashes[from+i] > h })
	return x.who[begin+from : begin+from+n]
}

// look is one lookup of a step.
type look struct {
	kind      kind
	text      string
	how       How
	anyGender bool // a title on record fits whatever the ledger says
	check     func(*elder) bool
}

// steps are the classes of hits, the surest first: the first that finds anybody in sight is the answer.
var steps = []struct {
	first How
	look  func(*Index, *ask, func(look))
}{
	{Number, func(_ *Index, a *ask, do func(look)) {
		for _, n := range a.numbers {
			do(look{kind: byNumber, text: n, how: Number})
		}
	}},
	{Name, func(_ *Index, a *ask, do func(look)) {
		if !a.titled && a.surname == "" {
			do(look{kind: byName, text: a.text, how: Name})
		}
	}},
	{Alias, func(x *Index, a *ask, do func(look)) {
		if a.alias != "" {
			do(look{kind: byAlias, text: a.alias, how: Alias, anyGender: true})
		}
		if a.titled { // only here: 桂兰婶 on record is surer than 婶 behind somebody called 桂兰
			do(look{kind: byName, text: a.text, how: Name})
			do(look{kind: byAlias, text: a.text, how: Alias})
		}
		// 王大爷 is every old Wang: that it is written down for one of them must not hide the others (case 8).
		if a.surname != "" {
			partial(x, a, do)
		}
	}},
	{Partial, partial},
	{Pinyin, func(x *Index, a *ask, do func(look)) {
		for _, t := range x.heard(a) {
			do(look{kind: byReading, text: t, how: Pinyin})
		}
	}},
	{Pinyin, func(x *Index, a *ask, do func(look)) {
		for _, t := range x.heard(a) {
			do(look{kind: byGivenReading, text: t, how: Pinyin})
		}
		if a.surname != "" {
			for _, r := range x.readings([]rune(a.surname), utf8.RuneCountInString(a.surname)) {
				do(look{kind: bySurnameReading, text: counted(r), how: Pinyin})
			}
		}
	}},
	{Initials, func(_ *Index, a *ask, do func(look)) {
		for _, t := range a.initials {
			do(look{kind: byInitials, text: t, how: Initials})
		}
	}},
	{Alike, func(x *Index, a *ask, do func(look)) {
		for _, r := range x.spoken(a) {
			do(look{kind: bySound, text: counted(x.folded(r)), how: Alike})
		}
	}},
	{Alike, func(x *Index, a *ask, do func(look)) {
		for _, r := range x.spoken(a) {
			if !a.titled && a.letters == "" && len(r) == 2 {
				break // 今年 sounds like 金莲, 晚上 like 万山
			}
			do(look{kind: byGivenSound, text: counted(x.folded(r)), how: Alike})
		}
	}},
	{Near, func(x *Index, a *ask, do func(look)) {
		for _, r := range x.spoken(a) {
			sound := x.folded(r)
			for i := 1; i < len(r); i++ {
				do(look{kind: byGap, text: gap(sound, i), how: Near, check: func(e *elder) bool { return close(r, e.sounds, i) }})
			}
		}
	}},
	{Near, func(_ *Index, a *ask, do func(look)) {
		name := []rune(a.text)
		if a.letters != "" || a.surname != "" {
			return
		}
		for i := surnameLen(name); i < len(name) && len(name) >= 3; i++ {
			do(look{kind: byBlot, text: blot(name, i), how: Near})
			do(look{kind: byName, text: without(name, i), how: Near})
		}
		if len(name) >= 2 {
			do(look{kind: byMissing, text: a.text, how: Near})
		}
	}},
}

func partial(_ *Index, a *ask, do func(look)) {
	if a.surname != "" {
		do(look{kind: bySurname, text: a.surname, how: Partial})
	}
	if n := utf8.RuneCountInString(a.text); n >= 2 || a.titled {
		do(look{kind: byGiven, text: a.text, how: Partial})
		if a.titled && n == 2 {
			do(look{kind: byHead, text: a.text, how: Partial})
		}
	}
}

// close says whether the open syllable is one letter off, and not the only thing a short name has: 李丽 is not 李义.
func close(said, sounds []string, i int) bool {
	if i >= len(sounds) || levenshtein.ComputeDistance(said[i], sounds[i]) != 1 {
		return false
	}
	return len(said) > 2 || said[i][0] == sounds[i][0]
}

// fits says whether an elder lives where the words say, and is the man or woman they say.
func (a *ask) fits(x *Index, h home, anyGender bool) bool {
	if !anyGender && (a.gender == "男" && h.female || a.gender == "女" && h.male) {
		return false
	}
	if len(a.place) > 0 && (!a.met || a.region != h.region) { // they come by village: the last one's is often this one's
		a.met, a.region, a.there = true, h.region, true
		for _, l := range a.place {
			a.there = a.there && slices.Contains(x.regions[h.region], l)
		}
	}
	return len(a.place) == 0 || a.there
}
