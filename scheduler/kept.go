package scheduler

import (
	"fmt"
	"slices"

	"xunfang/ledger"
)

// Kept is a pack's text as the program saw it from a day on. Name is KeptName's.
type Kept struct {
	Name string
	Seen ledger.Day
	Text []byte // empty: from that day on it was configured no more
}

// KeptName names the file of a pack among the kept ones: of several versions each its own.
func (p Pack) KeptName() string {
	if p.Since == "" {
		return p.Name
	}
	return p.Name + "@" + string(p.Since)
}

// Fresh are the texts to keep, seen today: those of configured packs that read otherwise than before, and an empty one for each
// pack that is configured no more. texts are those of ps, in the same order.
func (ps Packs) Fresh(kept []Kept, texts [][]byte, today ledger.Day) []Kept {
	last := map[string][]byte{}
	for _, k := range kept { // in the order of days
		last[k.Name] = k.Text
	}
	var out []Kept
	configured := map[string]bool{}
	for i, p := range ps {
		name := p.KeptName()
		configured[name] = true
		if was, known := last[name]; !known || string(was) != string(texts[i]) {
			out = append(out, Kept{name, today, texts[i]})
		}
	}
	for _, k := range kept {
		if !configured[k.Name] && len(last[k.Name]) > 0 {
			configured[k.Name] = true
			out = append(out, Kept{k.Name, today, nil})
		}
	}
	return out
}

// Settled are the packs with all versions that were ever in force: a file that reads otherwise than before is a new version from
// the day on which that was seen, whatever it says itself, and the periods begun earlier keep the version they began under. So a
// change never rewrites the past, not even a careless one. kept is in the order of names and days.
func (ps Packs) Settled(kept []Kept) (Packs, error) {
	var all Packs
	seen := map[string]bool{}
	for _, k := range kept {
		p := Pack{Since: k.Seen}
		if len(k.Text) > 0 {
			var faults Faults
			if p, faults = Check(k.Text); len(faults) > 0 {
				return nil, fmt.Errorf("the pack %s as it was from %s cannot be read any more: %w", k.Name, k.Seen, faults)
			}
			if seen[k.Name] { // not the first text of that file
				p.Since = max(p.Since, k.Seen)
			}
		} else {
			p.Name = all[len(all)-1].Name
		}
		seen[k.Name] = true
		// What was seen later and holds from the same day takes the other's place.
		all = slices.DeleteFunc(all, func(x Pack) bool { return x.Name == p.Name && x.Since == p.Since })
		all = append(all, p)
	}
	var out Packs
	for _, p := range ps { // the county's own first
		if !slices.ContainsFunc(out, func(x Pack) bool { return x.Name == p.Name }) {
			out = append(out, slices.DeleteFunc(slices.Clone(all), func(x Pack) bool { return x.Name != p.Name })...)
		}
	}
	for _, p := range all {
		if !slices.ContainsFunc(ps, func(x Pack) bool { return x.Name == p.Name }) {
			out = append(out, p)
		}
	}
	return out.sorted(), nil
}
