// Package papertest draws random ledgers for tests of the workbook and of whatever keeps what a workbook says. It answers what
// a valid book may look like at its strangest. Everybody in it is invented.
package papertest

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"xunfang/ledger"
	"xunfang/ledger/papers"
)

// clears is the cell that makes a field empty.
const clears = "-"

// RandomBook draws a book that a workbook can say without a fault: posts, assignments and tiers without dates as import knows
// them, pairs and standings with theirs, several roots, no two elders alike. With clearing some texts and days are "-".
func RandomBook(t *rapid.T, clearing bool) ledger.Book {
	d := drawer{t, clearing}
	var b ledger.Book
	d.regions(&b)
	d.people(&b)
	for i := range rapid.IntRange(0, 6).Draw(t, "elders") {
		d.elder(&b, i)
	}
	return b
}

// Day is a day between two, both included.
func Day(t *rapid.T, label string, from, to ledger.Day) ledger.Day {
	return from.Add(rapid.IntRange(0, to.Sub(from)).Draw(t, label))
}

type drawer struct {
	*rapid.T
	clearing bool
}

// regions are two counties and their trees, of uneven depth.
func (d drawer) regions(b *ledger.Book) {
	levels := []ledger.Level{ledger.LevelCounty, ledger.LevelTownship, ledger.LevelVillage, ledger.LevelGroup}
	for i, code := range []string{"640121", "YN-2", "嘎查3", "640121101201x01", "6", "60", "6.0"} {
		r := ledger.Region{Code: code, Name: d.name("region"), Level: levels[i%4]}
		if i%4 > 0 && rapid.Bool().Draw(d.T, "child") {
			r.Parent = b.Regions[i-1].Code
		}
		b.Regions = append(b.Regions, r)
	}
}

// visitors are the accounts below that always hold the role.
var visitors = []string{"wangfang", "007"}

func (d drawer) people(b *ledger.Book) {
	for i, u := range []string{visitors[0], visitors[1], "liu.yang", "wu_xia@x"} {
		b.People = append(b.People, ledger.Person{UserID: u, Name: d.name("person"), Phone: d.phone("person's phone", i)})
		first := 0
		if i >= len(visitors) {
			first = rapid.IntRange(0, len(ledger.RoleNames)-1).Draw(d.T, "role")
		}
		for j := range rapid.IntRange(1, 3).Draw(d.T, "posts") {
			p := ledger.Post{UserID: u, Role: ledger.RoleNames[(first+j)%len(ledger.RoleNames)].Role,
				Region: rapid.SampledFrom(b.Regions).Draw(d.T, "post's region").Code}
			if p.Role == ledger.RoleDept {
				p.Dept = rapid.SampledFrom([]string{"公安", "消防", "林草"}).Draw(d.T, "dept")
			}
			b.Posts = append(b.Posts, p)
		}
	}
}

func (d drawer) elder(b *ledger.Book, i int) {
	e := ledger.Elder{ID: fmt.Sprintf("A%d", i), Name: d.name("elder") + "甲乙丙丁戊己"[i*3:i*3+3], Aliases: d.words("aliases", 20),
		Birth: d.day("birth"), Gender: d.oneOf("gender", "男", "女"), Phone: d.phone("phone", 100+i),
		Region: rapid.SampledFrom(b.Regions).Draw(d.T, "region").Code, Address: d.words("address", 60),
		Lon: float64(rapid.IntRange(-1_800_000, 1_800_000).Draw(d.T, "lon")) / 1e4,
		Lat: float64(rapid.IntRange(-900_000, 900_000).Draw(d.T, "lat")) / 1e4, Nation: d.words("nation", 6),
		Living: d.words("living", 9), SelfCare: d.oneOf("self-care", "自理", "半失能", "失能"),
		LostChild: rapid.Bool().Draw(d.T, "lost child"), Health: d.words("health", 90), Income: d.words("income", 90),
		Care: d.words("care", 90), Hardship: d.words("hardship", 90), Consent: d.day("consent")}
	if e.Birth > "1850" && rapid.Bool().Draw(d.T, "number") {
		e.IDNumber = papers.SampleIDNumber(e.Birth, e.Gender, i)
	}
	b.Elders = append(b.Elders, e)
	if tier := d.oneOf("tier", string(ledger.TierOrdinary), string(ledger.TierKey)); tier != "" && tier != clears {
		b.Tierings = append(b.Tierings, ledger.Tiering{ElderID: e.ID, Tier: ledger.Tier(tier)})
	}
	for _, u := range visitors[:rapid.IntRange(0, len(visitors)).Draw(d.T, "visitors")] {
		b.Assignments = append(b.Assignments, ledger.Assignment{ElderID: e.ID, UserID: u})
	}
	for k := range rapid.IntRange(0, 2).Draw(d.T, "kin") {
		b.Kin = append(b.Kin, ledger.Kin{ElderID: e.ID, Name: fmt.Sprintf("亲%d", k), Relation: d.words("relation", 9),
			Phone: d.phone("kin's phone", 200+2*i+k), Where: d.words("where", 30), Carer: rapid.Bool().Draw(d.T, "carer"),
			Consent: d.day("kin's consent")})
	}
	for _, span := range d.spans("pair", 2) {
		b.Pairs = append(b.Pairs, ledger.Pair{ElderID: e.ID, UserID: rapid.SampledFrom(b.People).Draw(d.T, "helper").UserID,
			From: span[0], To: span[1]})
	}
	for _, span := range d.spans("standing", 3) {
		s := ledger.Standing{ElderID: e.ID, From: span[0], To: span[1], Kind: rapid.SampledFrom(ledger.StandingKinds).Draw(d.T, "kind"),
			Place: d.words("place", 30)}
		if !s.Kind.Ends() {
			s.Review = Day(d.T, "review", s.From, s.From.Add(ledger.PauseMost))
		}
		b.Standings = append(b.Standings, s)
	}
}

// spans are up to so many stretches of days, one after the other; the last may have no end.
func (d drawer) spans(label string, most int) [][2]ledger.Day {
	days := rapid.SliceOfNDistinct(rapid.IntRange(0, 4_000), 0, 2*most, rapid.ID).Draw(d.T, label)
	slices.Sort(days)
	var out [][2]ledger.Day
	for i := 0; i < len(days); i += 2 {
		span := [2]ledger.Day{ledger.Day("2020-01-01").Add(days[i])}
		if i+1 < len(days) {
			span[1] = ledger.Day("2020-01-01").Add(days[i+1])
		}
		out = append(out, span)
	}
	return out
}

// words are what people type, and what looks like something else to a program.
func (d drawer) words(label string, limit int) string {
	s := strings.TrimSpace(rapid.OneOf(rapid.SampledFrom([]string{"", "", "李秀英", "㛃翀玥𠮷", "巴雅尔·其其格", "=1+1", "'00", "_x0041_", "_x000D_",
		`<&>"'`, "a,b;c", "两\n行", "007", "1e5", "TRUE", "#N/A", "2026-03-02", "+86", "@x", "——", "是", "-1"}),
		rapid.StringOfN(rapid.RuneFrom([]rune("一二三 abc<>&_x0009-、。0𠮷")), 0, limit, -1)).Draw(d.T, label))
	if r := []rune(s); len(r) > limit {
		s = strings.TrimSpace(string(r[:limit]))
	}
	return d.cleared(label, s)
}

func (d drawer) oneOf(label string, words ...string) string {
	return d.cleared(label, rapid.SampledFrom(append([]string{""}, words...)).Draw(d.T, label))
}

func (d drawer) day(label string) ledger.Day {
	if !rapid.Bool().Draw(d.T, label+"?") {
		return ledger.Day(d.cleared(label, ""))
	}
	return Day(d.T, label, "1850-01-01", "2123-12-31")
}

func (d drawer) phone(label string, n int) string {
	return d.cleared(label, rapid.SampledFrom([]string{"", fmt.Sprintf("1390000%04d", n), fmt.Sprintf("0951-%07d", n),
		fmt.Sprintf("010-%08d", n)}).Draw(d.T, label))
}

func (d drawer) name(label string) string {
	return rapid.SampledFrom([]string{"马秀兰", "王建国", "欧阳淑珍", "哈斯其其格", "㛃", "A·B"}).Draw(d.T, label)
}

// cleared makes an empty word "-" now and then, and one that only looks so something else.
func (d drawer) cleared(label, s string) string {
	switch {
	case s == "" && d.clearing && rapid.IntRange(0, 3).Draw(d.T, label+" cleared") == 0:
		return clears
	case s == clears:
		return ""
	}
	return s
}
