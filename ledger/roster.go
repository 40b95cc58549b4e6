package ledger

import (
	"slices"
	"strings"
)

// Roster is a book indexed for reading: immutable, shared by everybody who reads until a newer one replaces it.
type Roster struct {
	book     Book
	regions  map[string]Region
	people   map[string]Person
	posts    map[string][]Post // by userid
	elders   map[string]int    // into book.Elders
	byUser   map[string][]Assignment
	byElder  map[string][]Assignment
	pairs    map[string][]Pair // by userid
	tiers    map[string][]Tiering
	kin      map[string][]Kin
	standing map[string][]Standing
	byRegion map[string][]int // elders living directly in a region
	children map[string][]string
	paths    map[string][]string // a region's code and all above it
	offices  map[string][]Post   // posts by region
	pairsOf  map[string][]Pair   // by elder
	leaves   map[string][]Leave  // by userid
	deputies map[string][]Leave  // by the deputy
	rounds   map[string][]Round  // by region
	follows  map[string][]Follow // by elder
	bonds    map[string][]Bond   // by elder
	threads  map[string][]Bond   // by the relative's thread
	leaflets map[string][]Leaflet
	handles  map[string]Leaflet
}

// NewRoster indexes a book. The book must not change afterwards.
func NewRoster(b Book) *Roster {
	r := &Roster{
		book: b, regions: make(map[string]Region, len(b.Regions)), people: make(map[string]Person, len(b.People)),
		posts: map[string][]Post{}, elders: make(map[string]int, len(b.Elders)), byUser: map[string][]Assignment{},
		byElder: make(map[string][]Assignment, len(b.Elders)), pairs: map[string][]Pair{},
		tiers: make(map[string][]Tiering, len(b.Elders)), kin: map[string][]Kin{}, standing: map[string][]Standing{}, byRegion: map[string][]int{},
		children: map[string][]string{}, paths: make(map[string][]string, len(b.Regions)), offices: map[string][]Post{},
		pairsOf: map[string][]Pair{}, leaves: map[string][]Leave{}, deputies: map[string][]Leave{}, rounds: map[string][]Round{}, follows: map[string][]Follow{},
		bonds: map[string][]Bond{}, threads: map[string][]Bond{}, leaflets: map[string][]Leaflet{}, handles: map[string]Leaflet{},
	}
	for _, x := range b.Regions {
		r.regions[x.Code] = x
		r.children[x.Parent] = append(r.children[x.Parent], x.Code)
	}
	for _, x := range b.People {
		r.people[x.UserID] = x
	}
	for _, x := range b.Regions {
		r.paths[x.Code] = r.path(x.Code)
	}
	for _, x := range b.Posts {
		r.posts[x.UserID] = append(r.posts[x.UserID], x)
		r.offices[x.Region] = append(r.offices[x.Region], x)
	}
	for i, x := range b.Elders {
		r.elders[x.ID] = i
		r.byRegion[x.Region] = append(r.byRegion[x.Region], i)
	}
	for _, x := range b.Assignments {
		r.byUser[x.UserID] = append(r.byUser[x.UserID], x)
		r.byElder[x.ElderID] = append(r.byElder[x.ElderID], x)
	}
	for _, x := range b.Pairs {
		r.pairs[x.UserID] = append(r.pairs[x.UserID], x)
		r.pairsOf[x.ElderID] = append(r.pairsOf[x.ElderID], x)
	}
	for _, x := range b.Tierings {
		r.tiers[x.ElderID] = append(r.tiers[x.ElderID], x)
	}
	for _, x := range b.Kin {
		r.kin[x.ElderID] = append(r.kin[x.ElderID], x)
	}
	for _, x := range b.Standings {
		r.standing[x.ElderID] = append(r.standing[x.ElderID], x)
	}
	for _, x := range b.Leaves {
		r.leaves[x.UserID] = append(r.leaves[x.UserID], x)
		if x.Deputy != "" && x.Deputy != x.UserID {
			r.deputies[x.Deputy] = append(r.deputies[x.Deputy], x)
		}
	}
	for _, x := range b.Follows {
		r.follows[x.ElderID] = append(r.follows[x.ElderID], x)
	}
	for _, x := range b.Bonds {
		r.bonds[x.ElderID] = append(r.bonds[x.ElderID], x)
		r.threads[x.User] = append(r.threads[x.User], x)
	}
	for _, x := range b.Leaflets {
		r.leaflets[x.ElderID] = append(r.leaflets[x.ElderID], x)
		r.handles[x.Handle] = x
	}
	for _, x := range b.Rounds {
		r.rounds[x.Region] = append(r.rounds[x.Region], x)
	}
	return r
}

// Person finds a member.
func (r *Roster) Person(userid string) (Person, bool) {
	p, ok := r.people[userid]
	return p, ok
}

// Posts are all posts of a person, past ones too.
func (r *Roster) Posts(userid string) []Post { return r.posts[userid] }

// Acts are the posts somebody acts in on a day: their own, past ones too, and those of whoever they stand in for. Without a post of
// their own nobody stands in for anybody.
func (r *Roster) Acts(userid string, on Day) []Post {
	users := r.acting(userid, on)
	if len(users) == 1 || len(r.posts[userid]) == 0 {
		return r.posts[userid]
	}
	var out []Post
	for _, user := range users {
		out = append(out, r.posts[user]...)
	}
	return out
}

// Elder finds an elder by number. The caller asks May before showing anything.
func (r *Roster) Elder(id string) (Elder, bool) {
	i, ok := r.elders[id]
	if !ok {
		return Elder{}, false
	}
	return r.book.Elders[i], true
}

// Elders are all elders, in the book's order.
func (r *Roster) Elders() []Elder { return r.book.Elders }

// Region finds a region.
func (r *Roster) Region(code string) (Region, bool) {
	x, ok := r.regions[code]
	return x, ok
}

// Path is a region's code and all above it, nearest first; nil for a region nobody knows.
func (r *Roster) Path(code string) []string { return r.paths[code] }

// path climbs. A loop in the data ends it.
func (r *Roster) path(code string) []string {
	var path []string
	for code != "" && !slices.Contains(path, code) {
		x, ok := r.regions[code]
		if !ok {
			break
		}
		path = append(path, code)
		code = x.Parent
	}
	return path
}

// At is the region of a level that a code lies in, or the zero Region.
func (r *Roster) At(code string, level Level) Region {
	for _, c := range r.Path(code) {
		if x := r.regions[c]; x.Level == level {
			return x
		}
	}
	return Region{}
}

// Children are the codes directly below a region, in the book's order.
func (r *Roster) Children(code string) []string { return r.children[code] }

// Kin are an elder's family.
func (r *Roster) Kin(elderID string) []Kin { return r.kin[elderID] }

// Tier is an elder's tier on a day; ordinary where none is written.
func (r *Roster) Tier(elderID string, on Day) Tier {
	for _, t := range r.tiers[elderID] {
		if t.Holds(on) {
			return t.Tier
		}
	}
	return TierOrdinary
}

// Tiers are the tiers an elder has had, each with its dates.
func (r *Roster) Tiers(elderID string) []Tiering { return r.tiers[elderID] }

// Standing is an elder's departure from the usual on a day; false where there is none.
func (r *Roster) Standing(elderID string, on Day) (Standing, bool) {
	for _, s := range r.standing[elderID] {
		if s.Holds(on) {
			return s, true
		}
	}
	return Standing{}, false
}

// Standings are an elder's departures from the usual, past ones too.
func (r *Roster) Standings(elderID string) []Standing { return r.standing[elderID] }

// Version is the revision the roster stands at.
func (r *Roster) Version() int64 { return r.book.Version }

// Book is what the roster was made of; it must not be changed.
func (r *Roster) Book() Book { return r.book }

// Regions are all regions.
func (r *Roster) Regions() []Region { return r.book.Regions }

// Visitors are the userids responsible for an elder on a day.
func (r *Roster) Visitors(elderID string, on Day) []string {
	var who []string
	for _, a := range r.byElder[elderID] {
		if a.Holds(on) {
			who = append(who, a.UserID)
		}
	}
	return who
}

// Assigned are the elders a visitor is responsible for on a day, those of whoever they stand in for among them.
func (r *Roster) Assigned(userid string, on Day) []Elder {
	var out []Elder
	for _, user := range r.acting(userid, on) {
		for _, a := range r.byUser[user] {
			if a.Holds(on) {
				if e, ok := r.Elder(a.ElderID); ok {
					out = append(out, e)
				}
			}
		}
	}
	return out
}

// acting are somebody and all whose deputy they are on a day.
func (r *Roster) acting(userid string, on Day) []string {
	users := []string{userid}
	for _, l := range r.deputies[userid] {
		if l.Holds(on) && !slices.Contains(users, l.UserID) {
			users = append(users, l.UserID)
		}
	}
	return users
}

// Handed are the elders who were a person's until a few days ago, whose visits of that time they may still enter.
func (r *Roster) Handed(userid string, on Day) []Elder {
	var out []Elder
	for _, a := range r.byUser[userid] {
		if a.To == "" || a.To >= on || on.Sub(a.To) > LateDays || slices.ContainsFunc(out, func(e Elder) bool { return e.ID == a.ElderID }) {
			continue
		}
		if e, ok := r.Elder(a.ElderID); ok && r.May(userid, a.ElderID, on).Late {
			out = append(out, e)
		}
	}
	return out
}

// Until is the last day on which an elder was a person's; false where there was none before a day.
func (r *Roster) Until(userid, elderID string, on Day) (Day, bool) {
	last := Day("")
	for _, a := range r.byUser[userid] {
		if a.ElderID == elderID && a.To != "" && a.To < on {
			last = max(last, a.To)
		}
	}
	return last, last != ""
}

// Within are the elders living in a region or below it.
func (r *Roster) Within(code string) []Elder {
	var out []Elder
	seen := map[string]bool{} // a loop in the data must not swallow anybody, nor count them twice
	var walk func(string)
	walk = func(c string) {
		if seen[c] {
			return
		}
		seen[c] = true
		for _, i := range r.byRegion[c] {
			out = append(out, r.book.Elders[i])
		}
		for _, child := range r.children[c] {
			walk(child)
		}
	}
	walk(code)
	return out
}

// May looks up what the function May needs to know and asks it. An elder who does not exist is like one out of sight.
func (r *Roster) May(userid, elderID string, on Day) Access {
	posts := r.Acts(userid, on)
	e, ok := r.Elder(elderID)
	if !ok || len(posts) == 0 {
		return Access{}
	}
	rel := Relation{Path: r.Path(e.Region)}
	acting := r.acting(userid, on)
	for _, a := range r.byElder[elderID] {
		if slices.Contains(acting, a.UserID) {
			rel.Assigned = append(rel.Assigned, a)
		}
	}
	for _, p := range r.pairsOf[elderID] {
		if slices.Contains(acting, p.UserID) {
			rel.Paired = append(rel.Paired, p)
		}
	}
	return May(posts, rel, on)
}

// Bound are the numbers of the elders a person sees by being their visitor or helper on a day, each once.
func (r *Roster) Bound(userid string, on Day) []string {
	out := make([]string, 0, len(r.byUser[userid])+len(r.pairs[userid]))
	add := func(id string, holds bool) {
		if holds && !slices.Contains(out, id) && r.May(userid, id, on).Sight > SightNone {
			out = append(out, id)
		}
	}
	for _, user := range r.acting(userid, on) {
		for _, a := range r.byUser[user] {
			add(a.ElderID, a.Holds(on))
		}
		for _, p := range r.pairs[user] {
			add(p.ElderID, p.Holds(on))
		}
	}
	return out
}

// Visible are the elders a person sees on a day, each once, in the book's order of their relation: assigned, paired, then
// the areas they are in charge of.
func (r *Roster) Visible(userid string, on Day) []Elder {
	var out []Elder
	seen := map[string]bool{}
	add := func(id string) {
		if !seen[id] && r.May(userid, id, on).Sight > SightNone {
			seen[id] = true
			e, _ := r.Elder(id)
			out = append(out, e)
		}
	}
	for _, user := range r.acting(userid, on) {
		for _, a := range r.byUser[user] {
			add(a.ElderID)
		}
		for _, p := range r.pairs[user] {
			add(p.ElderID)
		}
	}
	for _, p := range r.Acts(userid, on) {
		if p.Holds(on) && p.Role != RoleVisitor && p.Role != RoleHelper {
			for _, e := range r.Within(p.Region) {
				add(e.ID)
			}
		}
	}
	return out
}

// Holders are the people who hold a role in a region or, where nobody does, in the nearest region above that has one.
func (r *Roster) Holders(role Role, region string, on Day) []Person {
	for _, code := range r.Path(region) {
		var out []Person
		for _, p := range r.offices[code] {
			if p.Role == role && p.Holds(on) {
				if who, ok := r.people[p.UserID]; ok {
					out = append(out, who)
				}
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// Posted are the people who hold a role in exactly this region.
func (r *Roster) Posted(role Role, region string, on Day) []Person {
	var out []Person
	for _, p := range r.offices[region] {
		if who, ok := r.people[p.UserID]; ok && p.Role == role && p.Holds(on) {
			out = append(out, who)
		}
	}
	return out
}

// Visiting are the visitors who answer for an elder on a day: assigned, and still visitors. Somebody who left the post keeps
// the assignment until another takes over, but answers for nobody.
func (r *Roster) Visiting(elderID string, on Day) []string {
	return slices.DeleteFunc(r.Visitors(elderID, on), func(user string) bool {
		return !r.holds(user, RoleVisitor, on)
	})
}

// holds says whether somebody has a role anywhere on a day.
func (r *Roster) holds(user string, role Role, on Day) bool {
	return slices.ContainsFunc(r.posts[user], func(p Post) bool { return p.Role == role && p.Holds(on) })
}

// All are the people who hold a role anywhere.
func (r *Roster) All(role Role, on Day) []Person {
	var out []Person
	for _, p := range r.book.Posts {
		if who, ok := r.people[p.UserID]; ok && p.Role == role && p.Holds(on) {
			out = append(out, who)
		}
	}
	return out
}

// Place is where an elder lives in the words that tell two of one name apart: "望远村三组".
func (r *Roster) Place(e Elder) string {
	var b strings.Builder
	b.WriteString(r.At(e.Region, LevelVillage).Name)
	b.WriteString(r.At(e.Region, LevelGroup).Name)
	return b.String()
}

// Contacts are the people of a department for a region, or of the nearest region above that has any; of a region nobody knows
// all of the department.
func (r *Roster) Contacts(dept, region string, on Day) []Person {
	find := func(posts []Post) (out []Person) {
		for _, p := range posts {
			if who, ok := r.people[p.UserID]; ok && p.Role == RoleDept && p.Dept == dept && p.Holds(on) {
				out = append(out, who)
			}
		}
		return out
	}
	for _, code := range r.Path(region) {
		if out := find(r.offices[code]); len(out) > 0 {
			return out
		}
	}
	if len(r.Path(region)) > 0 {
		return nil
	}
	return find(r.book.Posts)
}

// Bonds are an elder's, ended ones too.
func (r *Roster) Bonds(elderID string) []Bond { return r.bonds[elderID] }

// Threads are the bonds of one relative's WeChat, ended ones too.
func (r *Roster) Threads(user string) []Bond { return r.threads[user] }

// Leaflets are an elder's contact cards, revoked ones too.
func (r *Roster) Leaflets(elderID string) []Leaflet { return r.leaflets[elderID] }

// Leaflet is the contact card of a handle; the zero Leaflet where there is none.
func (r *Roster) Leaflet(handle string) Leaflet { return r.handles[handle] }
