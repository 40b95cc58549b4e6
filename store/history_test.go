package store_test

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// checks lowers how often rapid runs a property that writes to a disk; -rapid.checks still decides when given.
func checks(t *testing.T, n int) {
	f := flag.Lookup("rapid.checks")
	if was := f.Value.String(); was == f.DefValue {
		require.NoError(t, f.Value.Set(fmt.Sprint(n)))
		t.Cleanup(func() { require.NoError(t, f.Value.Set(was)) })
	}
}

// The model: a ledger as texts, table by table, row by row, field by field; nothing is not there. It is slow, and every
// revision is a whole copy.
type (
	fields map[string]string
	plain  map[string]map[string]fields
)

// keyFields are the fields of a row that make it the same row, in order.
var keyFields = map[string][]string{
	ledger.TableRegions: {"Code"}, ledger.TablePeople: {"UserID"}, ledger.TablePosts: {"UserID", "Role", "Region", "From"},
	ledger.TableElders: {"ID"}, ledger.TableAssignments: {"ElderID", "UserID", "From"}, ledger.TableTierings: {"ElderID", "From"},
	ledger.TableKin: {"ElderID", "Name"}, ledger.TablePairs: {"ElderID", "UserID", "From"}, ledger.TableStandings: {"ElderID", "From"},
	ledger.TableLeaves: {"UserID", "From"}, ledger.TableRounds: {"Region", "Name", "From"}, ledger.TableFollows: {"ElderID", "From"},
	ledger.TableBonds: {"ElderID", "User"}, ledger.TableLeaflets: {"ElderID", "Handle"},
}

func (f fields) key(table string) string {
	var parts []string
	for _, name := range keyFields[table] {
		parts = append(parts, f[name])
	}
	return strings.Join(parts, "\t")
}

func fieldsOf(row any) fields {
	f := fields{}
	for v, i := reflect.ValueOf(row), 0; i < v.NumField(); i++ {
		if !v.Field(i).IsZero() {
			f[v.Type().Field(i).Name] = fmt.Sprint(v.Field(i).Interface())
		}
	}
	return f
}

func listed[T any](rows []T) (out []fields) {
	for _, x := range rows {
		out = append(out, fieldsOf(x))
	}
	return out
}

// tablesOf are a book's rows as the book names them.
func tablesOf(b ledger.Book) map[string][]fields {
	return map[string][]fields{
		ledger.TableRegions: listed(b.Regions), ledger.TablePeople: listed(b.People), ledger.TablePosts: listed(b.Posts),
		ledger.TableElders: listed(b.Elders), ledger.TableAssignments: listed(b.Assignments), ledger.TableTierings: listed(b.Tierings),
		ledger.TableKin: listed(b.Kin), ledger.TablePairs: listed(b.Pairs), ledger.TableStandings: listed(b.Standings),
		ledger.TableLeaves: listed(b.Leaves), ledger.TableRounds: listed(b.Rounds), ledger.TableFollows: listed(b.Follows),
		ledger.TableBonds: listed(b.Bonds), ledger.TableLeaflets: listed(b.Leaflets),
	}
}

func plainOf(b ledger.Book) plain {
	p := plain{}
	for table, rows := range tablesOf(b) {
		p[table] = map[string]fields{}
		for _, f := range rows {
			p[table][f.key(table)] = f
		}
	}
	return p
}

func (p plain) copy() plain {
	out := plain{}
	for table, rows := range p {
		out[table] = map[string]fields{}
		for k, f := range rows {
			out[table][k] = maps.Clone(f)
		}
	}
	return out
}

// lay puts a book's row over what is there: nothing leaves, "-" clears.
func (p plain) lay(table string, row fields) {
	f := p[table][row.key(table)]
	if f == nil {
		f = fields{}
		p[table][row.key(table)] = f
	}
	for name, text := range row {
		if text == "-" {
			delete(f, name)
		} else {
			f[name] = text
		}
	}
}

// edited is the ledger after an edit.
func (p plain) edited(e ledger.Edit) plain {
	p = p.copy()
	today := string(e.Today)
	b := tablesOf(e.Book)
	for _, table := range []string{ledger.TableRegions, ledger.TablePeople, ledger.TableElders, ledger.TableKin, ledger.TableStandings,
		ledger.TableLeaves, ledger.TableRounds, ledger.TableFollows, ledger.TableBonds, ledger.TableLeaflets} {
		for _, row := range b[table] {
			if table == ledger.TableElders && p[table][row["ID"]] == nil && row["Since"] == "" {
				row["Since"] = today
			}
			if was := p[table][row["ElderID"]+"\t"+row["Name"]]; table == ledger.TableKin && was != nil && row["Dead"] == "" && row["Phone"] != "" && row["Phone"] != was["Phone"] {
				row["Dead"] = "-" // another number is another try
			}
			p.lay(table, row)
		}
	}
	for _, r := range e.Book.Resets {
		if r.Field == ledger.ResetCarer {
			delete(p[ledger.TableKin][r.ElderID+"\t"+r.Kin], "Carer")
		} else {
			delete(p[ledger.TableElders][r.ElderID], map[ledger.ResetField]string{ledger.ResetLon: "Lon", ledger.ResetLat: "Lat", ledger.ResetLostChild: "LostChild"}[r.Field])
		}
	}
	for _, d := range []struct{ table, owner, what string }{
		{ledger.TableAssignments, "ElderID", "UserID"}, {ledger.TableTierings, "ElderID", "Tier"}, {ledger.TablePosts, "UserID", "Role Region Dept"},
		{ledger.TablePairs, "ElderID UserID", ""},
	} {
		p.dated(d.table, strings.Fields(d.owner), strings.Fields(d.what), b[d.table], today)
	}
	return p
}

// dated lays rows over a table whose rows hold for a time: with From a row is that row; without, an owner's rows are
// together what holds from today.
func (p plain) dated(table string, owner, what []string, rows []fields, today string) {
	same := func(names []string, x, y fields) bool { // x is there, y is wanted
		for _, n := range names {
			switch {
			case n == "Dept" && y[n] == "", n == "Dept" && y[n] == "-" && x[n] == "":
			case x[n] != y[n]:
				return false
			}
		}
		return true
	}
	var undated []fields
	for _, row := range rows {
		if row["From"] != "" {
			p.lay(table, row)
		} else {
			undated = append(undated, row)
		}
	}
	for len(undated) > 0 {
		first := undated[0]
		var wanted, others []fields
		for _, row := range undated {
			if same(owner, row, first) {
				wanted = append(wanted, row)
			} else {
				others = append(others, row)
			}
		}
		undated = others
		var held []string
		for k, x := range p[table] {
			if same(owner, x, first) && x["From"] <= today && (x["To"] == "" || x["To"] >= today) {
				held = append(held, k)
			}
		}
		slices.Sort(held)
		var fresh []fields
		for _, w := range wanted {
			if w["UserID"] == "-" || w["Role"] == "-" {
				continue
			}
			w = maps.Clone(w)
			if i := slices.IndexFunc(held, func(k string) bool { return same(what, p[table][k], w) }); i >= 0 {
				w["From"] = p[table][held[i]]["From"]
				p.lay(table, w)
				held = slices.Delete(held, i, i+1)
			} else if to := w["To"]; to == "" || to == "-" || to >= today {
				w["From"] = today
				fresh = append(fresh, w)
			}
		}
		for _, k := range held { // ended yesterday; what began only today never was
			if p[table][k]["From"] == today {
				delete(p[table], k)
			} else {
				p[table][k]["To"] = string(ledger.Day(today).Add(-1))
			}
		}
		for _, w := range fresh {
			p.lay(table, w)
		}
	}
}

// diff are the changes from one copy to the next, of one elder or of all, in a fixed order.
func diff(was, now plain, elder string) (out []ledger.Change) {
	for table := range keyFields {
		about := func(f fields) string { return cmp.Or(f["ElderID"], f["ID"]) }
		add := func(k string, f fields, field, was, now string) {
			if elder == "" || about(f) == elder {
				out = append(out, ledger.Change{Table: table, Row: k, ElderID: about(f), Field: field, Was: was, Now: now})
			}
		}
		for k, x := range was[table] {
			if now[table][k] == nil {
				add(k, x, "", fmt.Sprint(x), "")
			}
		}
		for k, y := range now[table] {
			x := was[table][k]
			if x == nil {
				add(k, y, "", "", "")
				continue
			}
			both := maps.Clone(x)
			maps.Copy(both, y)
			for field := range both {
				if x[field] != y[field] {
					add(k, y, field, x[field], y[field])
				}
			}
		}
	}
	return sortedChanges(out)
}

// comparable changes carry no numbers, and of a row that went all its fields.
func comparable(changes []ledger.Change) (out []ledger.Change, err error) {
	for _, c := range changes {
		c.N, c.Seq = 0, 0
		if c.Field == "" && c.Was != "" {
			var all map[string]any
			if err := json.Unmarshal([]byte(c.Was), &all); err != nil {
				return nil, err
			}
			f := fields{}
			for name, x := range all {
				if x != nil && !reflect.ValueOf(x).IsZero() {
					f[name] = fmt.Sprint(x)
				}
			}
			c.Was = fmt.Sprint(f)
		}
		out = append(out, c)
	}
	return sortedChanges(out), nil
}

func sortedChanges(c []ledger.Change) []ledger.Change {
	slices.SortFunc(c, func(a, b ledger.Change) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return c
}

// responsible is who the copy says was responsible.
func (p plain) responsible(elder string, on ledger.Day) (out []string) {
	for _, f := range p[ledger.TableAssignments] {
		if f["ElderID"] == elder && f["From"] <= string(on) && (f["To"] == "" || f["To"] >= string(on)) {
			out = append(out, f["UserID"])
		}
	}
	slices.Sort(out)
	return out
}

// remembered is a revision of the model.
type remembered struct {
	ledger.Revision
	book plain
}

// Random edits, by workbook and in conversations: at every moment, what was known then, who was responsible then and what
// became of each elder is what a ledger says that keeps a copy of itself after every revision.
func TestHistoryIsAModelsHistory(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		checks(t, map[string]int{store.SQLite: 25, store.MySQL: 6}[o.Driver])
		c := newClock()
		o.Now = c.now
		s := opened(t, o)
		runs := 0
		rapid.Check(t, func(t *rapid.T) {
			runs++
			c.add(100 * time.Second)
			b, err := s.Book(ctx)
			require.NoError(t, err)
			past := []remembered{{ledger.Revision{N: b.Version, At: c.now().UTC().Add(-time.Second)}, plainOf(b)}}
			draw := drawing{T: t, run: fmt.Sprintf("r%d", runs)}
			for i := range rapid.IntRange(1, 8).Draw(t, "edits") {
				past = change(t, s, c, draw, past, fmt.Sprintf("%s/%d", draw.run, i))
			}
			look(t, s, past, draw.elders())
		})
	})
}

// change makes one step: a workbook, or a turn of one or two edits.
func change(t *rapid.T, s *store.Store, c *clock, draw drawing, past []remembered, source string) []remembered {
	c.add(time.Duration(rapid.IntRange(0, 2).Draw(t, "seconds")) * time.Second)
	now := past[len(past)-1]
	e := ledger.Edit{Book: draw.book(), By: draw.of("zhang", "li", ledger.ByImport), Why: draw.of("", "电话改了", "搬家"), Source: source, Today: draw.day()}
	remember := func(e ledger.Edit) {
		last := past[len(past)-1]
		if next := last.book.edited(e); !reflect.DeepEqual(next, last.book) {
			past = append(past, remembered{ledger.Revision{N: last.N + 1, At: c.now().UTC(), By: e.By, Why: e.Why, Source: e.Source}, next})
		}
	}
	if rapid.Bool().Draw(t, "workbook") {
		sum, err := s.SaveBook(ctx, e)
		require.NoError(t, err)
		remember(e)
		require.Equal(t, past[len(past)-1].N == now.N, sum.Empty(), "a revision for nothing, or none for something")
		if rapid.Bool().Draw(t, "again") {
			sum, err := s.SaveBook(ctx, e)
			require.NoError(t, err)
			require.True(t, sum.Empty(), "the same book again")
		}
	} else {
		edits := []ledger.Edit{e}
		if rapid.Bool().Draw(t, "two") {
			edits = append(edits, ledger.Edit{Book: draw.book(), By: "wang", Source: source + "/2", Today: e.Today})
		}
		stale := false
		for i := range edits {
			edits[i].Seen = rapid.Int64Range(max(0, now.N-3), now.N).Draw(t, "seen")
			for _, id := range draw.elders() {
				changed := int64(0)
				for j := 1; j < len(past); j++ {
					if len(diff(past[j-1].book, past[j].book, id)) > 0 {
						changed = past[j].N
					}
				}
				stale = stale || edits[i].Seen > 0 && changed > edits[i].Seen && mentions(edits[i].Book, id)
			}
		}
		err := s.Commit(ctx, store.Turn{Changes: ledger.Changes{Edits: edits}})
		if stale {
			require.ErrorIs(t, err, store.ErrStale)
		} else {
			require.NoError(t, err)
			for _, e := range edits {
				remember(e)
			}
		}
	}
	b, err := s.Book(ctx)
	require.NoError(t, err)
	require.Equal(t, past[len(past)-1].book, plainOf(b))
	require.Equal(t, past[len(past)-1].N, b.Version)
	return past
}

func mentions(b ledger.Book, elder string) bool {
	for _, rows := range tablesOf(b) {
		for _, f := range rows {
			if cmp.Or(f["ElderID"], f["ID"]) == elder {
				return true
			}
		}
	}
	return slices.ContainsFunc(b.Resets, func(r ledger.Reset) bool { return r.ElderID == elder })
}

// look compares every moment with the copies.
func look(t *rapid.T, s *store.Store, past []remembered, elders []string) {
	known := func(at time.Time) remembered { // the last copy made by then
		known := past[0]
		for _, r := range past[1:] {
			if !r.At.After(at) {
				known = r
			}
		}
		return known
	}
	days := []ledger.Day{"2025-12-31", "2026-01-01", "2026-03-01", "2026-03-02", "2026-03-03", "2026-12-31", "2027-01-01"}
	for _, r := range past {
		for _, at := range []time.Time{r.At.Add(-time.Second), r.At, r.At.Add(999 * time.Millisecond).In(time.FixedZone("", 8*3600))} {
			want := known(at)
			if at.Before(past[0].At) {
				continue // another run's
			}
			b, err := s.AsOf(ctx, at)
			require.NoError(t, err)
			require.Equal(t, want.book, plainOf(b), "as of %v", at)
			require.Equal(t, want.N, b.Version)
			require.True(t, slices.IsSortedFunc(b.Assignments, func(a, b ledger.Assignment) int { return strings.Compare(a.RowKey(), b.RowKey()) }))
			require.True(t, slices.IsSortedFunc(b.Elders, func(a, b ledger.Elder) int { return strings.Compare(a.ID, b.ID) }))
			roster := ledger.NewRoster(b)
			for _, id := range elders {
				for _, on := range days {
					require.ElementsMatch(t, want.book.responsible(id, on), roster.Visitors(id, on), "%s on %s as known at %v", id, on, at)
				}
			}
		}
	}
	now := past[len(past)-1]
	for _, id := range elders {
		for _, on := range days {
			who, err := s.Responsible(ctx, id, on)
			require.NoError(t, err)
			require.Equal(t, now.book.responsible(id, on), who)
		}
		var want []remembered
		var changes [][]ledger.Change
		for i := len(past) - 1; i > 0; i-- {
			if d := diff(past[i-1].book, past[i].book, id); len(d) > 0 {
				want, changes = append(want, past[i]), append(changes, d)
			}
		}
		for _, n := range []int{100, 1} {
			got, err := s.History(ctx, id, n)
			require.NoError(t, err)
			require.Len(t, got, min(n, len(want)))
			for i, step := range got {
				require.Equal(t, want[i].Revision, step.Revision)
				c, err := comparable(step.Changes)
				require.NoError(t, err)
				require.Equal(t, changes[i], c)
			}
		}
	}
}

// drawing draws books about a few elders of one run and people whom all runs share.
type drawing struct {
	*rapid.T
	run string
}

func (d drawing) elders() []string { return []string{d.run + "a", d.run + "b", d.run + "c"} }

func (d drawing) of(from ...string) string { return rapid.SampledFrom(from).Draw(d.T, "of") }

func (d drawing) day() ledger.Day {
	return ledger.Day(d.of("2026-01-01", "2026-03-01", "2026-03-02", "2026-03-03"))
}

func (d drawing) times() int { return max(0, rapid.IntRange(-3, 2).Draw(d.T, "n")) }

// book is part of a workbook: few rows, most fields left as they are, some cleared.
func (d drawing) book() (b ledger.Book) {
	elder := func() string { return d.of(d.elders()...) }
	user := func() string { return d.of("zhang", "li", "wang") }
	from := func() ledger.Day { return ledger.Day(d.of("", "", "2026-01-01", "2026-03-02")) }
	to := func() ledger.Day { return ledger.Day(d.of("", "", "-", "2026-03-02", "2026-12-31")) }
	for range d.times() {
		b.Regions = append(b.Regions, ledger.Region{Code: d.of("1", "12"), Name: d.of("", "永宁县", "望远镇"), Level: ledger.LevelTownship})
	}
	for range d.times() {
		b.People = append(b.People, ledger.Person{UserID: user(), Name: d.of("", "张三"), Phone: d.of("", "-", "13900000101")})
	}
	for range d.times() {
		b.Posts = append(b.Posts, ledger.Post{UserID: user(), Role: ledger.Role(d.of("visitor", "keeper", "dept")), Region: d.of("1", "12"),
			Dept: d.of("", "", "-", "消防", "公安"), From: from(), To: to()})
	}
	if rapid.IntRange(0, 9).Draw(d.T, "dismissed") == 0 {
		b.Posts = append(b.Posts, ledger.Post{UserID: user(), Role: "-"})
	}
	for range max(1, d.times()) {
		b.Elders = append(b.Elders, ledger.Elder{ID: elder(), Name: d.of("", "赵桂兰", "-"), Phone: d.of("", "-", "13900000001", "0951 1234567"),
			Lon: rapid.SampledFrom([]float64{0, 0, 106.25, -0.5}).Draw(d.T, "lon"), LostChild: rapid.Bool().Draw(d.T, "lost"),
			Health: d.of("", "高血压\n“<&>”", "-"), Consent: ledger.Day(d.of("", "2026-01-01", "-")), Since: ledger.Day(d.of("", "", "2025-01-01"))})
	}
	for range d.times() {
		b.Assignments = append(b.Assignments, ledger.Assignment{ElderID: elder(), UserID: user(), From: from(), To: to()})
	}
	if rapid.IntRange(0, 9).Draw(d.T, "left alone") == 0 {
		b.Assignments = append(b.Assignments, ledger.Assignment{ElderID: elder(), UserID: "-"})
	}
	for range d.times() {
		b.Tierings = append(b.Tierings, ledger.Tiering{ElderID: elder(), Tier: ledger.Tier(d.of("普通", "重点")), From: from(), To: to()})
	}
	for range d.times() {
		b.Kin = append(b.Kin, ledger.Kin{ElderID: elder(), Name: d.of("甲", "乙"), Phone: d.of("", "-", "13900000201"), Where: d.of("", "银川"),
			Seen: ledger.Day(d.of("", "2026-03-01", "-")), Back: d.of("", "中秋", "-"), Dead: ledger.Day(d.of("", "2026-03-01", "-")),
			Carer: rapid.Bool().Draw(d.T, "carer"), Consent: ledger.Day(d.of("", "2026-02-01", "-"))})
	}
	b.Kin = once(b.Kin, "ElderID", "Name") // a number that is dead in one row and new in the next is neither
	for range d.times() {
		b.Pairs = append(b.Pairs, ledger.Pair{ElderID: elder(), UserID: user(), From: from(), To: to()})
	}
	b.Assignments, b.Tierings = once(b.Assignments, "ElderID", "UserID"), once(b.Tierings, "ElderID")
	b.Posts, b.Pairs = once(b.Posts, "UserID", "Role", "Region"), once(b.Pairs, "ElderID", "UserID")
	for range d.times() {
		b.Standings = append(b.Standings, ledger.Standing{ElderID: elder(), From: d.day(), To: to(), Kind: ledger.StandingKind(d.of("", "暂停")), Place: d.of("", "-", "银川")})
	}
	for range d.times() {
		b.Leaves = append(b.Leaves, ledger.Leave{UserID: user(), From: d.day(), To: ledger.Day(d.of("", "2026-03-02", "2026-12-31")), Deputy: d.of("", "-", "li", "wang")})
	}
	for range d.times() {
		b.Rounds = append(b.Rounds, ledger.Round{Region: d.of("1", "12"), Name: d.of("高温", "寒潮"), From: d.day(), To: to(), Tier: ledger.Tier(d.of("", "-", "重点")),
			Door: d.of("", "-", "door")})
	}
	for range d.times() {
		b.Follows = append(b.Follows, ledger.Follow{ElderID: elder(), From: d.day(), To: to(), No: d.of("", "-", "急260302-1")})
	}
	for range d.times() {
		b.Bonds = append(b.Bonds, ledger.Bond{ElderID: elder(), User: d.of("kf:1", "kf:2"), Kin: d.of("", "甲"), State: ledger.BondState(d.of("asked", "verified", "ended")),
			By: d.of("", "-", "li"), Since: ledger.Day(d.of("", "2026-03-01", "-")), Why: d.of("", "村里都认识", "-")})
	}
	for range d.times() {
		b.Leaflets = append(b.Leaflets, ledger.Leaflet{ElderID: elder(), Handle: d.of("h1", "h2"), Issued: "2026-03-01", By: d.of("", "li"), Given: ledger.Day(d.of("", "2026-03-02", "-")),
			Revoked: ledger.Day(d.of("", "2026-03-03")), Why: d.of("", "电话变了")})
	}
	for range d.times() {
		b.Resets = append(b.Resets, ledger.Reset{ElderID: elder(), Kin: "甲",
			Field: rapid.SampledFrom([]ledger.ResetField{ledger.ResetLon, ledger.ResetLat, ledger.ResetLostChild, ledger.ResetCarer}).Draw(d.T, "reset")})
	}
	return b
}

// once leaves out rows without From that contradict an earlier one.
func once[T any](rows []T, names ...string) []T {
	seen := map[string]bool{}
	return slices.DeleteFunc(rows, func(x T) bool {
		f, key := fieldsOf(x), ""
		for _, n := range names {
			key += f[n] + "\t"
		}
		was := seen[key]
		seen[key] = was || f["From"] == ""
		return was && f["From"] == ""
	})
}

func TestAsOfBeforeEverything(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		save(t, s, county(), today)
		b, err := s.AsOf(ctx, time.Time{})
		require.NoError(t, err)
		for table, rows := range tablesOf(b) {
			assert.Empty(t, rows, table)
		}
		assert.EqualValues(t, 1, b.Version)
		steps, err := s.History(ctx, "nobody", 10)
		require.NoError(t, err)
		assert.Empty(t, steps)
	})
}

// edit is a turn that changes one elder.
func edit(elder, phone string, seen int64) store.Turn {
	return store.Turn{Changes: ledger.Changes{Edits: []ledger.Edit{{Book: ledger.Book{Elders: []ledger.Elder{{ID: elder, Phone: phone}}}, By: "wang", Today: today, Seen: seen}}}}
}

// together commits turns on two processes at once and says how many won; all others must be stale.
func together(t *testing.T, stores []*store.Store, turns ...store.Turn) int {
	t.Helper()
	var won atomic.Int32
	var wg sync.WaitGroup
	begun := make(chan struct{})
	wg.Go(func() { // while these messages are flushed the turns gather in one batch
		for i := range 3 {
			assert.NoError(t, stores[0].Receive(ctx, store.Inbound{Key: rand.Text(), User: "u", At: start}))
			if i == 0 {
				close(begun)
			}
		}
	})
	<-begun
	for i, turn := range turns {
		wg.Go(func() {
			if err := stores[i%len(stores)].Commit(ctx, turn); err == nil {
				won.Add(1)
			} else {
				assert.ErrorIs(t, err, store.ErrStale)
			}
		})
	}
	wg.Wait()
	return int(won.Load())
}

func TestEditsDecidedOnTheSameLedger(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		o.FlushDelay, o.Committers = 5*time.Millisecond, 1
		stores := []*store.Store{opened(t, o), opened(t, o)}
		save(t, stores[0], county(), today)
		before := version(t, stores[0])
		for round := range 3 {
			seen := version(t, stores[0])
			var same, apart []store.Turn
			for i := range 6 {
				same = append(same, edit("e1", fmt.Sprintf("139000%d%d", round, i), seen))
				apart = append(apart, edit(fmt.Sprintf("n%d", i), fmt.Sprintf("139000%d%d", round, i), seen))
			}
			assert.Equal(t, 1, together(t, stores, same...), "one elder")
			assert.Equal(t, 6, together(t, stores, apart...), "an elder each")
			assert.EqualValues(t, before+int64(7*(round+1)), version(t, stores[1]))
		}
		steps, err := stores[1].History(ctx, "e1", 100)
		require.NoError(t, err)
		assert.Len(t, steps, 4, "who lost left no trace")
		r, err := stores[0].Roster(ctx)
		require.NoError(t, err)
		assert.Equal(t, before+21, r.Version(), "who commits an edit sees it at once")
	})
}

func version(t *testing.T, s *store.Store) int64 {
	t.Helper()
	b, err := s.Book(ctx)
	require.NoError(t, err)
	return b.Version
}

func TestProposalIsSettledOnce(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		o.FlushDelay, o.Committers = 5*time.Millisecond, 1
		stores := []*store.Store{opened(t, o), opened(t, o)}
		s := stores[0]
		save(t, s, county(), today)
		fact := func(key, elder string, propose bool) ledger.Fact {
			return ledger.Fact{Key: key, EntryKey: "v", ElderID: elder, Field: "phone", Result: "changed", Value: "139" + key, By: "zhang", At: start, Propose: propose}
		}
		facts := []ledger.Fact{fact("f1", "e1", true), fact("f2", "e2", true), fact("f3", "e1", false)}
		for range 2 { // a turn run twice
			require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Facts: facts}}))
		}
		open, err := s.Proposals(ctx)
		require.NoError(t, err)
		assert.Equal(t, []ledger.Proposal{{Fact: facts[0], State: ledger.ProposalOpen}, {Fact: facts[1], State: ledger.ProposalOpen}}, open)

		var turns []store.Turn
		for i := range 6 {
			turn := edit("e1", fmt.Sprintf("1390000%d", i), 0)
			turn.Changes.Edits[0].Source = "f1"
			turn.Changes.Settled = []ledger.Settlement{{Fact: "f1", State: ledger.ProposalTaken, By: fmt.Sprintf("k%d", i)}}
			turns = append(turns, turn)
		}
		assert.Equal(t, 1, together(t, stores, turns...))
		require.ErrorIs(t, s.Commit(ctx, turns[0]), store.ErrStale, "much later")
		steps, err := s.History(ctx, "e1", 10)
		require.NoError(t, err)
		assert.Len(t, steps, 2)
		assert.Equal(t, "f1", steps[0].Source)

		open, err = s.Proposals(ctx, "e1")
		require.NoError(t, err)
		assert.Empty(t, open)
		open, err = s.Proposals(ctx, "e1", "e2")
		require.NoError(t, err)
		assert.Equal(t, []ledger.Proposal{{Fact: facts[1], State: ledger.ProposalOpen}}, open)
		for _, key := range []string{"f3", "nothing"} {
			require.ErrorIs(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Settled: []ledger.Settlement{{Fact: key, State: ledger.ProposalLeft, By: "k"}}}}), store.ErrStale)
		}
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Facts: facts}}), "the same facts again")
		open, err = s.Proposals(ctx, "e1")
		require.NoError(t, err)
		assert.Empty(t, open, "what is settled stays settled")
	})
}

// The second edit of a turn is a mistake of the program: nothing of the turn is there, not even the first edit.
func TestTurnWithAnEditIsWholeOrNotAtAll(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		s := opened(t, o)
		db := raw(t, o)
		save(t, s, county(), today)
		id := receive(t, s, "zhang", "m1")
		counts := func() (out []int) {
			for _, table := range []string{"revisions", "changes", "lookups", "consents", "looks", "proposals", "elders", "entries", "facts", "conversations", "outbox", "lanes"} {
				var n int
				require.NoError(t, db.QueryRow("SELECT COUNT(*) FROM "+table).Scan(&n))
				out = append(out, n)
			}
			return out
		}
		before, was := counts(), version(t, s)
		turn := edit("new", "13900000009", 0)
		turn.User, turn.Inbound, turn.State = "zhang", []int64{id}, []byte("{}")
		c := &turn.Changes
		c.Edits[0].Book.Elders[0].Consent = today
		c.Edits = append(c.Edits, ledger.Edit{Book: ledger.Book{Elders: []ledger.Elder{{ID: "e1", Name: "x"}}}, By: "wang", Today: "heute"})
		c.Entries = []ledger.Entry{visit(1, "e1", today)}
		c.Facts = []ledger.Fact{{Key: "f", ElderID: "e1", Value: "1", At: start, Propose: true}}
		c.Consents = []ledger.Consent{{Key: "c", ElderID: "e1", Purpose: ledger.PurposePhoto, Given: true, At: start}}
		c.Looks = []ledger.Look{{Key: "l", ElderID: "e1", By: "wang", What: ledger.LookCard, At: start}}
		c.Messages = []ledger.Message{text("r", "zhang", ledger.PriorityReply)}
		err := s.Commit(ctx, turn)
		require.Error(t, err)
		require.NotErrorIs(t, err, store.ErrStale)
		assert.Equal(t, before, counts())
		assert.Equal(t, was, version(t, s))
		in, err := s.Pending(ctx, "zhang", 10)
		require.NoError(t, err)
		assert.Len(t, in, 1)

		c.Edits[1].Today = today
		require.NoError(t, s.Commit(ctx, turn))
		for i, n := range counts() {
			assert.Greater(t, n, before[i])
		}
		assert.Equal(t, was+2, version(t, s))
	})
}

// Consent is an act, and every act stays.
func TestConsentsAreActs(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Now = c.now
		s := opened(t, o)
		var want []ledger.Consent
		act := func(kin string, p ledger.Purpose, given bool, day ledger.Day, channel, witness string) {
			want = append(want, ledger.Consent{ElderID: "e1", Kin: kin, Purpose: p, Given: given, Day: day, Channel: channel, Witness: witness, At: c.now().UTC()})
		}
		agreed := func(kin string, p ledger.Purpose) bool {
			acts := actsOf(t, s, "e1")
			keys := map[string]bool{}
			for i := range acts {
				keys[acts[i].Key] = true
				acts[i].Key = ""
			}
			assert.Equal(t, want, acts)
			assert.Len(t, keys, len(acts))
			for i := range acts {
				acts[i].Key = fmt.Sprint(i)
			}
			return ledger.Agreed(acts, kin, p)
		}
		assert.False(t, agreed("", ledger.PurposeVisits), "silence is no consent")

		b := county()
		b.Elders[0].Consent, b.Kin[0].Consent = "2026-02-01", "2026-02-02"
		save(t, s, b, today)
		act("", ledger.PurposeVisits, true, "2026-02-01", "纸质", ledger.ByImport)
		act("赵大", ledger.PurposeKin, true, "2026-02-02", "纸质", ledger.ByImport)
		assert.True(t, agreed("", ledger.PurposeVisits))
		assert.True(t, agreed("赵大", ledger.PurposeKin))
		assert.False(t, agreed("", ledger.PurposeKin), "a relative's consent is not the elder's")
		assert.False(t, agreed("", ledger.PurposePhoto), "one purpose is not another")
		save(t, s, b, today)
		assert.True(t, agreed("", ledger.PurposeVisits), "the same book is no act")

		c.add(60 * time.Second)
		turn := edit("e1", "", 0)
		turn.Changes.Edits[0].Book.Elders[0].Consent, turn.Changes.Edits[0].Today = "-", today.Add(3)
		require.NoError(t, s.Commit(ctx, turn))
		act("", ledger.PurposeVisits, false, today.Add(3), "当面", "wang")
		assert.False(t, agreed("", ledger.PurposeVisits))
		assert.True(t, agreed("赵大", ledger.PurposeKin))

		c.add(60 * time.Second)
		for i, given := range []bool{true, false, true} { // taken down in conversation; a turn run twice is one act
			x := ledger.Consent{Key: fmt.Sprintf("m%d/photo", i), ElderID: "e1", Purpose: ledger.PurposePhoto, Given: given, Day: today, Channel: "当面",
				Witness: "zhang", Text: "2026-1", At: c.now().Add(time.Duration(i) * time.Minute).UTC()}
			for range 2 {
				require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Consents: []ledger.Consent{x}}}))
			}
			x.Key = ""
			want = append(want, x)
			assert.Equal(t, given, agreed("", ledger.PurposePhoto))
		}
		assert.Empty(t, actsOf(t, s, "e2"), "another elder's")

		c.add(time.Hour)
		one := ledger.Consent{Key: "m9/kin", ElderID: "e1", For: "赵大", Purpose: ledger.PurposeKin, Day: today, Channel: "微信客服", Witness: "zhang", Text: "2026-2",
			Proof: "kf/m9", At: c.now().UTC()}
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Consents: []ledger.Consent{one}}}))
		acts := actsOf(t, s, "e2", "e1")
		assert.Equal(t, one, acts[len(acts)-1], "whom it is about, and what shows it")
		assert.True(t, ledger.Blocked(acts, "赵大"))
		assert.False(t, ledger.Blocked(acts, "赵二"))
		by, err := s.ConsentsOf(ctx, "e1", "e2")
		require.NoError(t, err)
		assert.Equal(t, map[string][]ledger.Consent{"e1": acts}, by)
	})
}

// actsOf are all acts about some elders, one elder's after the other's.
func actsOf(t require.TestingT, s *store.Store, elders ...string) (out []ledger.Consent) {
	by, err := s.ConsentsOf(ctx, elders...)
	require.NoError(t, err)
	for _, id := range elders {
		out = append(out, by[id]...)
	}
	return out
}

func TestLooks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		look := func(key, elder, region string, what ledger.LookKind, minutes int) ledger.Look {
			return ledger.Look{Key: key, ElderID: elder, Region: region, By: "wang", What: what, At: start.Add(time.Duration(minutes) * time.Minute)}
		}
		card, other := look("1", "e1", "123", ledger.LookCard, 0), look("2", "e2", "123", ledger.LookCard, 1)
		village, town, elsewhere := look("3", "", "123", ledger.LookExport, 2), look("4", "", "12", ledger.LookExport, 3), look("5", "", "124", ledger.LookExport, 4)
		all, again := look("6", "", "", ledger.LookExport, 5), look("7", "e1", "", ledger.LookPhoto, 5)
		require.NoError(t, s.Commit(ctx, store.Turn{User: "wang", State: []byte("{}"), Changes: ledger.Changes{Looks: []ledger.Look{card, other}}}))
		for range 2 {
			require.NoError(t, s.Looked(ctx, again, village, elsewhere, all, town))
		}
		for _, c := range []struct {
			elder string
			path  []string
			n     int
			want  []ledger.Look
		}{
			{"e1", []string{"123", "12", "1"}, 0, []ledger.Look{again, all, town, village, card}},
			{"e1", []string{"123", "12", "1"}, 2, []ledger.Look{again, all}},
			{"e2", []string{"124", "12", "1"}, 0, []ledger.Look{all, elsewhere, town, other}},
			{"e3", nil, 0, []ledger.Look{all}},
		} {
			got, err := s.Looks(ctx, c.elder, c.path, c.n)
			require.NoError(t, err)
			assert.Equal(t, c.want, got, c.elder)
		}
		require.Error(t, s.Commit(ctx, store.Turn{User: "wang", Revision: 0, State: []byte("{}"), Changes: ledger.Changes{Looks: []ledger.Look{look("8", "e1", "", ledger.LookCard, 9)}}}))
		got, err := s.Looks(ctx, "e1", nil, 1)
		require.NoError(t, err)
		assert.Equal(t, []ledger.Look{again}, got, "a stale turn has shown nothing")
	})
}
