package bot

import (
	"slices"
	"sync"

	"xunfang/ledger"
	"xunfang/ledger/names"
)

// indexes hold the names of a roster. Making an index of 50,000 elders takes seconds, and an edit changes one of them: so
// the elders that changed since it was made have a small index of their own on top, until there are too many.
type indexes struct {
	mu     sync.Mutex
	roster *ledger.Roster // the finder's
	finder finder
	base   *ledger.Roster // what finder.base was made of
	making bool
}

// onTopMost is how many changed elders are indexed on top before the whole is made anew, in the background.
const onTopMost = 300

// finder finds elders by what people call them.
type finder struct {
	base    *names.Index
	changed map[string]bool // elders base no longer tells rightly
	top     *names.Index    // and this one does; nil: none changed
}

// Find is names.Index.Find.
func (f finder) Find(said string, may func(string) bool, limit int) []names.Hit {
	if f.top == nil {
		return f.base.Find(said, may, limit)
	}
	below := f.base.Find(said, func(id string) bool { return !f.changed[id] && may(id) }, limit)
	return better(below, f.top.Find(said, may, limit), limit)
}

// Among is names.Index.Among.
func (f finder) Among(said string, ids []string, limit int) []names.Hit {
	if f.top == nil {
		return f.base.Among(said, ids, limit)
	}
	below := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return f.changed[id] })
	return better(f.base.Among(said, below, limit), f.top.Among(said, ids, limit), limit)
}

// better keeps who fits best of two answers.
func better(below, above []names.Hit, limit int) []names.Hit {
	switch {
	case len(above) == 0 || len(below) > 0 && below[0].How < above[0].How:
		return below
	case len(below) == 0 || above[0].How < below[0].How:
		return above
	}
	both := append(below, above...)
	if limit > 0 {
		both = both[:min(limit, len(both))]
	}
	return both
}

// of is the finder of a roster.
func (x *indexes) of(r *ledger.Roster) finder {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.roster == r {
		return x.finder
	}
	if x.base == nil {
		x.base, x.finder = r, finder{base: names.New(r)}
	}
	changed, same := differing(x.base, r)
	switch {
	case same && len(changed) == 0:
		x.finder = finder{base: x.finder.base}
	case same && len(changed) <= onTopMost:
		b := r.Book()
		in := make(map[string]bool, len(changed))
		part := ledger.Book{Regions: b.Regions}
		for _, id := range changed {
			in[id] = true
			if e, ok := r.Elder(id); ok {
				part.Elders = append(part.Elders, e)
			}
		}
		x.finder = finder{base: x.finder.base, changed: in, top: names.New(ledger.NewRoster(part))}
	}
	if (!same || len(changed) > onTopMost/2) && !x.making { // until it is made, new names are found a moment late
		x.making = true
		go x.make(r)
	}
	x.roster = r
	return x.finder
}

func (x *indexes) make(r *ledger.Roster) {
	index := names.New(r)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.base, x.finder, x.roster, x.making = r, finder{base: index}, nil, false
}

// differing are the elders that two rosters call differently; same is false where their regions differ.
func differing(a, b *ledger.Roster) (changed []string, same bool) {
	if a == b {
		return nil, true
	}
	called := func(e ledger.Elder) [6]string {
		return [6]string{e.Name, e.Aliases, e.Phone, e.IDNumber, e.Region, e.Gender}
	}
	for _, e := range b.Elders() {
		if was, ok := a.Elder(e.ID); !ok || called(was) != called(e) {
			changed = append(changed, e.ID)
		}
	}
	return changed, slices.Equal(a.Regions(), b.Regions())
}
