package papers

import (
	"hash/maphash"

	"xunfang/ledger"
)

// Known is what the database already has: rows of the workbook may lean on it, must not say again under another number what
// it says, and may leave cells empty where it has something. It holds on to nothing of the book but codes.
type Known struct {
	regions   map[string]ledger.Region
	users     map[string]office
	elders    map[string]likeness
	standings map[string][]ledger.Standing // by elder
}

// office is what an account's posts make of it.
type office uint8

const (
	officeNone    office = iota // nobody's any more, or not yet
	officeOther                 // no visitor
	officeVisitor               // 巡访员
)

// likeness is what two rows about one elder share. The parts are hashes, 0 unknown.
type likeness struct {
	number, name, birth uint64
	born                uint64 // the birth date written in the identity number
	region              string
}

// KnownIn is what a book has.
func KnownIn(b ledger.Book) Known {
	k := Known{regions: make(map[string]ledger.Region, len(b.Regions)), users: make(map[string]office, len(b.People)),
		elders: make(map[string]likeness, len(b.Elders)), standings: map[string][]ledger.Standing{}}
	for _, r := range b.Regions {
		k.regions[r.Code] = r
	}
	for _, p := range b.People {
		k.users[p.UserID] = officeNone
	}
	for _, p := range b.Posts {
		if p.To != "" {
			continue
		}
		if p.Role == ledger.RoleVisitor {
			k.users[p.UserID] = officeVisitor
		} else {
			k.users[p.UserID] = max(k.users[p.UserID], officeOther)
		}
	}
	for _, e := range b.Elders {
		code := e.Region
		if r, ok := k.regions[code]; ok {
			code = r.Code // the one string instead of each elder's own
		}
		k.elders[e.ID] = likeness{}.with(e, code)
	}
	for _, s := range b.Standings {
		if s.Never() {
			continue
		}
		k.standings[s.ElderID] = append(k.standings[s.ElderID], s)
	}
	return k
}

// with lays an elder's row over what was known of them: empty cells leave it, - clears.
func (l likeness) with(e ledger.Elder, region string) likeness {
	l.number, l.name, l.birth = hashed(l.number, e.IDNumber), hashed(l.name, e.Name), hashed(l.birth, string(e.Birth))
	switch {
	case e.IDNumber == clears:
		l.born = 0
	case len(e.IDNumber) == 18:
		l.born = hashed(0, string(idBirth(e.IDNumber)))
	}
	if region != "" {
		l.region = region
	}
	return l
}

var hashSeed = maphash.MakeSeed()

func hashed(old uint64, s string) uint64 {
	switch s {
	case "":
		return old
	case clears:
		return 0
	}
	return max(1, maphash.String(hashSeed, s))
}
