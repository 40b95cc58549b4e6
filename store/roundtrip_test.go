package store_test

import (
	"bytes"
	"cmp"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/ledger/papers/papertest"
	"xunfang/store"
	"xunfang/store/storetest"
)

// paper is a workbook as somebody sees it who has it open: rows of words under headings, sheet by sheet.
type paper map[string][]map[string]string

// headings are the contract's.
var headings = map[string][]string{
	"区划": strings.Fields("代码 名称 上级代码 级别"),
	"人员": strings.Fields("账号 姓名 手机 角色 区划代码 部门"),
	"老人": strings.Fields("编号 姓名 别名 性别 身份证号 出生日期 手机 区划代码 住址 经度 纬度 民族 居住状况 自理能力 失独 健康状况 经济来源 照料情况 困难问题 级别 巡访员账号 同意书日期"),
	"家属": strings.Fields("老人编号 姓名 关系 手机 去向 受托照顾人 同意接收日期"),
	"帮扶": strings.Fields("老人编号 帮扶人账号 开始日期 结束日期"),
	"状态": strings.Fields("老人编号 状态 开始日期 结束日期 去向 复核日期"),
}

// paperOf reads a file the way a spreadsheet does.
func paperOf(t require.TestingT, file []byte) paper {
	f, err := excelize.OpenReader(bytes.NewReader(file))
	require.NoError(t, err)
	defer f.Close()
	p := paper{}
	for _, sheet := range f.GetSheetList() {
		rows, err := f.GetRows(sheet)
		require.NoError(t, err)
		require.ElementsMatch(t, headings[sheet], rows[0], sheet)
		for _, cells := range rows[1:] {
			row := map[string]string{}
			for i, v := range cells {
				row[rows[0][i]] = v
			}
			p[sheet] = append(p[sheet], row)
		}
	}
	return p
}

// file is the paper saved.
func (p paper) file(t require.TestingT) []byte {
	f := excelize.NewFile()
	defer f.Close()
	for sheet, columns := range headings {
		_, err := f.NewSheet(sheet)
		require.NoError(t, err)
		for i, heading := range columns {
			for n, row := range append([]map[string]string{{heading: heading}}, p[sheet]...) {
				if row[heading] == "" {
					continue
				}
				cell, err := excelize.CoordinatesToCellName(i+1, n+1)
				require.NoError(t, err)
				// As Excel does it; SetCellStr leaves it to the caller.
				require.NoError(t, f.SetCellStr(sheet, cell, strings.ReplaceAll(row[heading], "_x", "_x005F_x")))
			}
		}
	}
	require.NoError(t, f.DeleteSheet("Sheet1"))
	var out bytes.Buffer
	require.NoError(t, f.Write(&out))
	return out.Bytes()
}

func (p paper) clone() paper {
	out := paper{}
	for sheet, rows := range p {
		for _, row := range rows {
			out[sheet] = append(out[sheet], maps.Clone(row))
		}
	}
	return out
}

// plainLedger is what the contract says a ledger is after some workbooks, written down as it is said there, without a thought
// for speed. It shares nothing with the program but the nouns.
type plainLedger struct {
	regions   map[string]ledger.Region
	people    map[string]ledger.Person
	elders    map[string]ledger.Elder
	kin       map[[2]string]ledger.Kin
	posts     []ledger.Post
	tiers     []ledger.Tiering
	assigned  []ledger.Assignment
	pairs     []ledger.Pair
	standings []ledger.Standing
	acts      []string // of consent
}

func newPlainLedger() *plainLedger {
	return &plainLedger{regions: map[string]ledger.Region{}, people: map[string]ledger.Person{}, elders: map[string]ledger.Elder{},
		kin: map[[2]string]ledger.Kin{}}
}

// lay is a cell over a field: "an empty cell leaves the value, - clears it".
func lay[S ~string](field *S, cell string) {
	switch cell {
	case "":
	case "-":
		*field = ""
	default:
		*field = S(cell)
	}
}

func layFlag(field *bool, cell string) {
	switch cell {
	case "是":
		*field = true
	case "否", "-":
		*field = false
	}
}

func layNumber(field *float64, cell string) {
	switch cell {
	case "":
	case "-":
		*field = 0
	default:
		fmt.Sscan(cell, field)
	}
}

func list(cell string) []string {
	if cell == "" || cell == "-" {
		return nil
	}
	return strings.Split(cell, "、")
}

// one is the word for all or each one's own.
func one(words []string, i int) string { return words[min(i, len(words)-1)] }

// ended is what becomes of what held until a new thing came today: it ended yesterday, and what began only today never was.
func ended[T any](rows []T, i int, from ledger.Day, to *ledger.Day, today ledger.Day) ([]T, bool) {
	if from >= today {
		return slices.Delete(rows, i, i+1), true
	}
	*to = today.Add(-1)
	return rows, false
}

// read is an import on a day. A row that is absent from the workbook stays.
func (m *plainLedger) read(p paper, today ledger.Day) {
	for _, row := range p["区划"] {
		x := m.regions[row["代码"]]
		x.Code = row["代码"]
		lay(&x.Name, row["名称"])
		lay(&x.Parent, row["上级代码"])
		lay(&x.Level, row["级别"])
		m.regions[x.Code] = x
	}
	for _, row := range p["人员"] {
		x := m.people[row["账号"]]
		x.UserID = row["账号"]
		lay(&x.Name, row["姓名"])
		lay(&x.Phone, row["手机"])
		m.people[x.UserID] = x
		m.readPosts(row, today)
	}
	for _, row := range p["老人"] {
		m.readElder(row, today)
	}
	for _, row := range p["家属"] {
		key := [2]string{row["老人编号"], row["姓名"]}
		x := m.kin[key]
		x.ElderID, x.Name = key[0], key[1]
		was := x.Consent
		lay(&x.Relation, row["关系"])
		lay(&x.Phone, row["手机"])
		lay(&x.Where, row["去向"])
		layFlag(&x.Carer, row["受托照顾人"])
		lay(&x.Consent, row["同意接收日期"])
		m.kin[key] = x
		m.act(x.ElderID, x.Name, ledger.PurposeKin, was, x.Consent, today)
	}
	m.readPairs(p["帮扶"], today)
	for _, row := range p["状态"] {
		i := slices.IndexFunc(m.standings, func(x ledger.Standing) bool {
			return x.ElderID == row["老人编号"] && string(x.From) == row["开始日期"]
		})
		if i < 0 {
			i = len(m.standings)
			m.standings = append(m.standings, ledger.Standing{ElderID: row["老人编号"], From: ledger.Day(row["开始日期"])})
		}
		x := &m.standings[i]
		lay(&x.Kind, row["状态"])
		lay(&x.To, row["结束日期"])
		lay(&x.Place, row["去向"])
		lay(&x.Review, row["复核日期"])
	}
}

// readPosts: roles joined with 、; one region for all or one each, one role in several regions, departments likewise.
func (m *plainLedger) readPosts(row map[string]string, today ledger.Day) {
	if row["角色"] == "" {
		return
	}
	roles, regions, depts := list(row["角色"]), list(row["区划代码"]), list(row["部门"])
	var wanted []ledger.Post
	for i := range max(len(roles), len(regions)) {
		if len(roles) == 0 {
			break
		}
		p := ledger.Post{UserID: row["账号"], Region: one(regions, i), From: today}
		for _, n := range ledger.RoleNames {
			if n.Name == one(roles, i) {
				p.Role = n.Role
			}
		}
		if p.Role == ledger.RoleDept {
			p.Dept = depts[0]
			if len(depts) > 1 {
				depts = depts[1:]
			}
		}
		wanted = append(wanted, p)
	}
	for i := 0; i < len(m.posts); i++ {
		x := &m.posts[i]
		if x.UserID != row["账号"] || x.To != "" {
			continue
		}
		if j := slices.IndexFunc(wanted, func(w ledger.Post) bool { return w.Role == x.Role && w.Region == x.Region && w.Dept == x.Dept }); j >= 0 {
			wanted = slices.Delete(wanted, j, j+1)
			continue
		}
		var gone bool
		if m.posts, gone = ended(m.posts, i, x.From, &x.To, today); gone {
			i--
		}
	}
	m.posts = append(m.posts, wanted...)
}

func (m *plainLedger) readElder(row map[string]string, today ledger.Day) {
	x, known := m.elders[row["编号"]]
	if !known {
		x.ID, x.Since = row["编号"], today
	}
	was := x.Consent
	lay(&x.Name, row["姓名"])
	lay(&x.Aliases, row["别名"])
	lay(&x.Gender, row["性别"])
	lay(&x.IDNumber, row["身份证号"])
	lay(&x.Birth, row["出生日期"])
	if no := row["身份证号"]; row["出生日期"] == "" && len(no) == 18 { // 有身份证号可以不填
		x.Birth = ledger.Day(no[6:10] + "-" + no[10:12] + "-" + no[12:14])
	}
	lay(&x.Phone, row["手机"])
	lay(&x.Region, row["区划代码"])
	lay(&x.Address, row["住址"])
	layNumber(&x.Lon, row["经度"])
	layNumber(&x.Lat, row["纬度"])
	lay(&x.Nation, row["民族"])
	lay(&x.Living, row["居住状况"])
	lay(&x.SelfCare, row["自理能力"])
	layFlag(&x.LostChild, row["失独"])
	lay(&x.Health, row["健康状况"])
	lay(&x.Income, row["经济来源"])
	lay(&x.Care, row["照料情况"])
	lay(&x.Hardship, row["困难问题"])
	lay(&x.Consent, row["同意书日期"])
	m.elders[x.ID] = x
	m.act(x.ID, "", ledger.PurposeVisits, was, x.Consent, today)

	if tier := ledger.Tier(row["级别"]); tier != "" {
		same := false
		for i := 0; i < len(m.tiers); i++ {
			t := &m.tiers[i]
			if t.ElderID != x.ID || t.To != "" {
				continue
			}
			if same = t.Tier == tier; !same {
				var gone bool
				if m.tiers, gone = ended(m.tiers, i, t.From, &t.To, today); gone {
					i--
				}
			}
		}
		if !same {
			m.tiers = append(m.tiers, ledger.Tiering{ElderID: x.ID, Tier: tier, From: today})
		}
	}
	if row["巡访员账号"] == "" {
		return
	}
	wanted := list(row["巡访员账号"])
	for i := 0; i < len(m.assigned); i++ {
		a := &m.assigned[i]
		if a.ElderID != x.ID || a.To != "" {
			continue
		}
		if j := slices.Index(wanted, a.UserID); j >= 0 {
			wanted = slices.Delete(wanted, j, j+1)
			continue
		}
		var gone bool
		if m.assigned, gone = ended(m.assigned, i, a.From, &a.To, today); gone {
			i--
		}
	}
	for _, u := range wanted {
		m.assigned = append(m.assigned, ledger.Assignment{ElderID: x.ID, UserID: u, From: today})
	}
}

// readPairs: a row with a first day is that row; without, it is the pair that holds today, or one from today on.
func (m *plainLedger) readPairs(rows []map[string]string, today ledger.Day) {
	for _, row := range rows {
		if row["开始日期"] == "" {
			continue
		}
		i := slices.IndexFunc(m.pairs, func(x ledger.Pair) bool {
			return x.ElderID == row["老人编号"] && x.UserID == row["帮扶人账号"] && string(x.From) == row["开始日期"]
		})
		if i < 0 {
			i = len(m.pairs)
			m.pairs = append(m.pairs, ledger.Pair{ElderID: row["老人编号"], UserID: row["帮扶人账号"], From: ledger.Day(row["开始日期"])})
		}
		lay(&m.pairs[i].To, row["结束日期"])
	}
	for _, row := range rows {
		if row["开始日期"] != "" {
			continue
		}
		var holds []int // of the same two, the oldest first
		for i, x := range m.pairs {
			if x.ElderID == row["老人编号"] && x.UserID == row["帮扶人账号"] && x.From <= today && (x.To == "" || x.To >= today) {
				holds = append(holds, i)
			}
		}
		slices.SortFunc(holds, func(a, b int) int { return cmp.Compare(m.pairs[a].From, m.pairs[b].From) })
		if len(holds) > 0 {
			lay(&m.pairs[holds[0]].To, row["结束日期"])
			for _, i := range holds[1:] { // two cannot hold at once
				m.pairs[i].To = today.Add(-1)
			}
			m.pairs = slices.DeleteFunc(m.pairs, func(x ledger.Pair) bool { return x.To != "" && x.To < x.From && x.From == today })
			continue
		}
		x := ledger.Pair{ElderID: row["老人编号"], UserID: row["帮扶人账号"], From: today}
		if lay(&x.To, row["结束日期"]); x.To == "" || x.To >= today {
			m.pairs = append(m.pairs, x)
		}
	}
}

// act is consent given or taken back, by a day that was written or cleared.
func (m *plainLedger) act(elder, kin string, purpose ledger.Purpose, was, now, today ledger.Day) {
	if was != now {
		day := now
		if now == "" {
			day = today
		}
		m.acts = append(m.acts, fmt.Sprintln(elder, kin, purpose, now != "", day))
	}
}

func (m *plainLedger) book() ledger.Book {
	b := ledger.Book{Posts: slices.Clone(m.posts), Tierings: slices.Clone(m.tiers), Assignments: slices.Clone(m.assigned), Pairs: slices.Clone(m.pairs),
		Standings: slices.Clone(m.standings), Regions: slices.Collect(maps.Values(m.regions)), People: slices.Collect(maps.Values(m.people)),
		Elders: slices.Collect(maps.Values(m.elders)), Kin: slices.Collect(maps.Values(m.kin))}
	return inOrder(b)
}

// inOrder sorts the rows, since the two databases order texts differently.
func inOrder(b ledger.Book) ledger.Book {
	for _, sort := range []func(){func() { bySaying(b.Regions) }, func() { bySaying(b.People) }, func() { bySaying(b.Posts) }, func() { bySaying(b.Elders) },
		func() { bySaying(b.Assignments) }, func() { bySaying(b.Tierings) }, func() { bySaying(b.Kin) }, func() { bySaying(b.Pairs) },
		func() { bySaying(b.Standings) }, func() { bySaying(b.Leaves) }, func() { bySaying(b.Rounds) },
		func() { bySaying(b.Follows) }, func() { bySaying(b.Bonds) }, func() { bySaying(b.Leaflets) }} {
		sort()
	}
	return b
}

func bySaying[T any](rows []T) {
	slices.SortFunc(rows, func(a, b T) int { return cmp.Compare(fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b)) })
}

// parish is what one run of the property has in a database that earlier runs used, whose history stays: everything whose key
// begins with its mark.
type parish struct {
	t    *rapid.T
	mark string
}

func mine[T any](p parish, rows []T, key func(T) string) []T {
	return slices.DeleteFunc(slices.Clone(rows), func(x T) bool { return !strings.HasPrefix(key(x), p.mark) })
}

func (p parish) of(b ledger.Book) ledger.Book {
	return inOrder(ledger.Book{Version: b.Version,
		Regions: mine(p, b.Regions, func(x ledger.Region) string { return x.Code }), People: mine(p, b.People, func(x ledger.Person) string { return x.UserID }),
		Posts: mine(p, b.Posts, func(x ledger.Post) string { return x.UserID }), Elders: mine(p, b.Elders, func(x ledger.Elder) string { return x.ID }),
		Assignments: mine(p, b.Assignments, func(x ledger.Assignment) string { return x.ElderID }),
		Tierings:    mine(p, b.Tierings, func(x ledger.Tiering) string { return x.ElderID }),
		Kin:         mine(p, b.Kin, func(x ledger.Kin) string { return x.ElderID }), Pairs: mine(p, b.Pairs, func(x ledger.Pair) string { return x.ElderID }),
		Standings: mine(p, b.Standings, func(x ledger.Standing) string { return x.ElderID })})
}

func (p parish) in(s *store.Store) ledger.Book {
	b, err := s.Book(ctx)
	require.NoError(p.t, err)
	return p.of(b)
}

// marked is a paper whose every key begins with the mark.
func (p parish) marked(x paper) paper {
	for _, rows := range x {
		for _, row := range rows {
			for _, heading := range strings.Fields("代码 上级代码 区划代码 账号 编号 巡访员账号 老人编号 帮扶人账号") {
				var words []string
				for _, w := range list(row[heading]) {
					words = append(words, p.mark+w)
				}
				if words != nil {
					row[heading] = strings.Join(words, "、")
				}
			}
		}
	}
	return x
}

// imports reads a file as the command does.
func (p parish) imports(s *store.Store, file []byte, today ledger.Day) (ledger.Summary, []papers.Fault) {
	b, faults, err := papers.Read(bytes.NewReader(file), papers.KnownIn(p.in(s)))
	require.NoError(p.t, err)
	if len(faults) > 0 {
		return ledger.Summary{}, faults
	}
	sum, err := s.SaveBook(ctx, ledger.Edit{Book: b, By: ledger.ByImport, Why: "test", Today: today})
	require.NoError(p.t, err)
	return sum, nil
}

func (p parish) export(s *store.Store, today ledger.Day) []byte {
	var out bytes.Buffer
	require.NoError(p.t, papers.Write(&out, p.in(s), today))
	return out.Bytes()
}

// edited is the paper after somebody has worked on it.
func (p parish) edited(x paper, serial *int) paper {
	x = x.clone()
	t := p.t
	word := func(words ...string) string { return rapid.SampledFrom(words).Draw(t, "word") }
	day := func(from, to ledger.Day) string { return string(papertest.Day(t, "day", from, to)) }
	pick := func(sheet, heading string) string { return rapid.SampledFrom(x[sheet]).Draw(t, sheet)[heading] }
	*serial++
	what := rapid.SampledFrom([]string{"field", "field", "field", "remove", "elder", "kin", "pair", "standing", "visitor", "visitor", "post", "region"}).Draw(t, "edit")
	if len(x["人员"]) == 0 || len(x["区划"]) == 0 || len(x["老人"]) == 0 && !slices.Contains([]string{"elder", "post", "region"}, what) {
		what = "elder"
	}
	visitors := word("", "-", p.mark+"wangfang", p.mark+"007", p.mark+"wangfang、"+p.mark+"007", p.mark+"007、"+p.mark+"wangfang")
	switch what {
	case "field":
		row := rapid.SampledFrom(x["老人"]).Draw(t, "row")
		switch heading := rapid.SampledFrom(headings["老人"][1:]).Draw(t, "heading"); heading {
		case "姓名":
			row[heading] = fmt.Sprintf("改名%d", *serial)
		case "性别":
			row[heading] = word("", "-", "男", "女")
		case "身份证号":
			row["身份证号"], row["出生日期"] = word("", "-", papers.SampleIDNumber(ledger.Day(day("1920-01-01", "1960-01-01")), "女", 10+*serial)), ""
		case "出生日期":
			row["身份证号"], row["出生日期"] = "-", word("", "-", day("1920-01-01", "1960-01-01"))
		case "手机":
			row[heading] = word("", "-", "13900000001", "0951-0000001")
		case "区划代码":
			row[heading] = pick("区划", "代码")
		case "经度", "纬度":
			row[heading] = word("", "-", "38.25", "-12.5", "0.0001")
		case "自理能力":
			row[heading] = word("", "-", "自理", "失能")
		case "失独":
			row[heading] = word("", "-", "是", "否")
		case "级别":
			row[heading] = word("", "普通", "重点")
		case "巡访员账号":
			row[heading] = visitors
		case "同意书日期":
			row[heading] = word("", "-", day("2024-01-01", "2026-01-01"))
		default:
			row[heading] = word("", "-", "一句话", "_x0041_", "007", "两\n行")
		}
	case "remove":
		sheet := rapid.SampledFrom([]string{"区划", "人员", "老人", "家属", "帮扶", "状态"}).Draw(t, "sheet")
		if n := len(x[sheet]); n > 0 {
			i := rapid.IntRange(0, n-1).Draw(t, "row")
			x[sheet] = slices.Delete(x[sheet], i, i+1)
		}
	case "elder":
		region := p.mark + "640121"
		x["老人"] = append(x["老人"], map[string]string{"编号": fmt.Sprint(p.mark, "N", *serial), "姓名": fmt.Sprintf("新来%d", *serial), "区划代码": region,
			"手机": word("", "13900000002"), "级别": word("", "普通", "重点"), "巡访员账号": visitors, "失独": word("", "否", "是"), "健康状况": word("", "-", "高血压")})
	case "kin":
		row := map[string]string{"老人编号": pick("老人", "编号"), "姓名": word("亲0", "亲1", "亲2"), "关系": word("", "-", "儿子"), "手机": word("", "-", "13900000003"),
			"受托照顾人": word("", "是", "否", "-"), "同意接收日期": word("", "-", day("2024-01-01", "2026-01-01"))}
		x["家属"] = append(slices.DeleteFunc(x["家属"], func(r map[string]string) bool {
			return r["老人编号"] == row["老人编号"] && r["姓名"] == row["姓名"]
		}), row)
	case "pair":
		from := word("", day("2026-01-01", "2026-12-31"))
		row := map[string]string{"老人编号": pick("老人", "编号"), "帮扶人账号": pick("人员", "账号"), "开始日期": from, "结束日期": word("", "-", day(max("2026-03-01", ledger.Day(from)), "2027-06-30"))}
		x["帮扶"] = append(slices.DeleteFunc(x["帮扶"], func(r map[string]string) bool {
			return r["老人编号"] == row["老人编号"] && r["帮扶人账号"] == row["帮扶人账号"] && (r["开始日期"] == "" || from == "" || r["开始日期"] == from)
		}), row)
	case "standing":
		if n := len(x["状态"]); n > 0 && rapid.Bool().Draw(t, "an old one") {
			row := x["状态"][rapid.IntRange(0, n-1).Draw(t, "standing")]
			row["结束日期"], row["去向"] = word("", "-", row["开始日期"], string(ledger.Day(row["开始日期"]).Add(10))), word("", "-", "银川")
			break
		}
		from := ledger.Day(day("2031-01-01", "2034-01-01"))
		row := map[string]string{"老人编号": pick("老人", "编号"), "状态": word("暂停", "去世", "迁出", "退出"), "开始日期": string(from),
			"结束日期": word("", string(from.Add(5))), "去向": word("", "-", "县医院")}
		if row["状态"] == "暂停" {
			row["复核日期"] = string(from.Add(30))
		}
		x["状态"] = append(x["状态"], row)
	case "visitor":
		row := rapid.SampledFrom(x["老人"]).Draw(t, "row")
		row["巡访员账号"], row["级别"] = visitors, word("", "普通", "重点")
	case "post":
		row := rapid.SampledFrom(x["人员"]).Draw(t, "row")
		region := pick("区划", "代码")
		post := rapid.SampledFrom([][3]string{{"", "", ""}, {"巡访员", region, ""}, {"巡访员、村负责人", region, ""}, {"部门、巡访员", region, "公安"},
			{"巡访员、部门", region, "消防"}, {"巡访员、档案员", p.mark + "640121、" + region, ""}, {"帮扶人、部门", region, "卫健"}, {"-", "", ""}}).Draw(t, "post")
		row["角色"], row["区划代码"], row["部门"] = post[0], post[1], post[2]
		row["手机"] = word("", "-", "13900000004")
	case "region":
		row := rapid.SampledFrom(x["区划"]).Draw(t, "row")
		row["名称"], row["上级代码"] = word("", "改了名"), word("", "-", row["上级代码"])
	}
	return x
}

// TestWorkbooksKeepTheLedger takes random workbooks and random work on them through import and export, and holds the ledger
// against one kept by hand.
func TestWorkbooksKeepTheLedger(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			s, empty := emptied(t, driver)
			bare, emptyBare := emptied(t, driver)
			runs, taken, refused := 0, 0, 0
			rapid.Check(t, func(rt *rapid.T) {
				runs++
				empty()
				emptyBare()
				p := parish{rt, fmt.Sprintf("r%d-", runs)}
				m := newPlainLedger()
				on := papertest.Day(rt, "first day", "2026-03-01", "2026-09-01")
				var raw []byte // the newest export
				var sheet bytes.Buffer
				require.NoError(rt, papers.Write(&sheet, papertest.RandomBook(rt, true), on))
				now := p.marked(paperOf(rt, sheet.Bytes()))
				serial := 0
				numbers := map[string]bool{}
				before := p.in(s)
				for step := range rapid.IntRange(1, 3).Draw(rt, "steps") {
					next := now
					if step > 0 {
						on = on.Add(rapid.IntRange(0, 40).Draw(rt, "days"))
						if rapid.Bool().Draw(rt, "from an export") {
							next = paperOf(rt, raw)
						}
						for range rapid.IntRange(0, 4).Draw(rt, "edits") {
							next = p.edited(next, &serial)
						}
					}
					file := next.file(rt)
					sum, faults := p.imports(s, file, on)
					after := p.in(s)
					if len(faults) > 0 {
						require.NotZero(rt, step, "a good workbook has faults: %v", faults)
						require.Equal(rt, before, after, "a workbook with faults left something")
						refused++
						continue
					}
					taken++
					now = next
					m.read(now, on)
					if diff := gocmp.Diff(m.book(), after, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(ledger.Book{}, "Version")); diff != "" {
						rt.Fatalf("step %d on %s: the ledger kept by hand differs (-hand +store):\n%s", step, on, diff)
					}
					if changed := !gocmp.Equal(before, after, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(ledger.Book{}, "Version")); changed == sum.Empty() ||
						changed != (after.Version == before.Version+1) || !changed && after.Version != before.Version {
						rt.Fatalf("changed %v, said %+v, revision %d to %d", changed, sum, before.Version, after.Version)
					}
					// The same file again, and an export of what there is: nothing new.
					raw = p.export(s, on)
					for what, same := range map[string][]byte{"the same file": file, "an export": raw} {
						sum, faults := p.imports(s, same, on)
						require.Empty(rt, faults, what)
						require.True(rt, sum.Empty(), "%s changed %+v", what, sum)
					}
					require.Equal(rt, after, p.in(s))
					before = after
					for _, e := range after.Elders {
						numbers[e.Phone] = true
					}
					for _, k := range after.Kin {
						numbers[k.Phone] = true
					}
				}
				p.consistent(s, m, numbers)

				// What an export says as of the day, an empty database says after it.
				_, faults := p.imports(bare, raw, on)
				require.Empty(rt, faults, "an export does not import into an empty database")
				if diff := gocmp.Diff(asOf(p.in(s), on), asOf(p.in(bare), on), cmpopts.EquateEmpty()); diff != "" {
					rt.Fatalf("a ledger and its export differ:\n%s", diff)
				}
			})
			assert.Greater(t, taken, 4*refused, "most workbooks should be good ones")
			t.Logf("%d workbooks imported, %d refused", taken, refused)
		})
	}
}

// emptied is a store and how to take its people out again: a new database for every run would take too long.
func emptied(t *testing.T, driver string) (*store.Store, func()) {
	o := storetest.DSN(t, driver)
	s := opened(t, o)
	db, err := sql.Open(o.Driver, o.DSN)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return s, func() {
		for _, table := range []string{"regions", "people", "posts", "elders", "assignments", "tierings", "kins", "pairs", "standings", "leaves", "rounds", "follows", "lookups"} {
			_, err := db.Exec("DELETE FROM " + table)
			require.NoError(t, err)
		}
	}
}

// consistent holds what hangs on the rows against the model: acts of consent, and what numbers find.
func (p parish) consistent(s *store.Store, m *plainLedger, numbers map[string]bool) {
	acts := actsOf(p.t, s, slices.Collect(maps.Keys(m.elders))...)
	var said []string
	for _, a := range acts {
		said = append(said, fmt.Sprintln(a.ElderID, a.Kin, a.Purpose, a.Given, a.Day))
	}
	require.ElementsMatch(p.t, m.acts, said)
	delete(numbers, "")
	for number := range numbers {
		want := map[string]bool{}
		for _, e := range m.elders {
			want[e.ID] = want[e.ID] || e.Phone == number
		}
		for _, k := range m.kin {
			want[k.ElderID] = want[k.ElderID] || k.Phone == number
		}
		got, err := s.ByNumber(ctx, store.LookupPhone, number)
		require.NoError(p.t, err)
		maps.DeleteFunc(want, func(_ string, has bool) bool { return !has })
		require.ElementsMatch(p.t, slices.Collect(maps.Keys(want)), mine(p, got, func(id string) string { return id }))
	}
}

// asOf is what a workbook says of a ledger: what holds on the day, without since when.
func asOf(b ledger.Book, on ledger.Day) ledger.Book {
	b.Version = 0
	b.Posts = slices.DeleteFunc(b.Posts, func(x ledger.Post) bool { return !x.Holds(on) })
	b.Assignments = slices.DeleteFunc(b.Assignments, func(x ledger.Assignment) bool { return !x.Holds(on) })
	b.Tierings = slices.DeleteFunc(b.Tierings, func(x ledger.Tiering) bool { return !x.Holds(on) })
	for i := range b.Posts {
		b.Posts[i].From = ""
	}
	for i := range b.Assignments {
		b.Assignments[i].From = ""
	}
	for i := range b.Tierings {
		b.Tierings[i].From = ""
	}
	for i := range b.Elders {
		b.Elders[i].Since = ""
	}
	return inOrder(b)
}

// BenchmarkSealedElder writes one elder's row with a changed phone, as a correction in chat does — revision, history and lookup
// words with it — and reads what was sealed, the newest step of the elder's history: the roster keeps the rows themselves in
// memory. The baseline is the row's phone in plain SQL, nothing sealed, no history.
func BenchmarkSealedElder(b *testing.B) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		b.Run(driver, func(b *testing.B) {
			o := storetest.DSN(b, driver)
			s := opened(b, o)
			book := large(1000)
			elder := &book.Elders[500]
			elder.IDNumber, elder.Phone, elder.Health = papers.SampleIDNumber("1941-05-06", "女", 1), "13900000500", "高血压"
			_, err := s.SaveBook(ctx, ledger.Edit{Book: book, By: ledger.ByImport, Today: today})
			require.NoError(b, err)
			phone := func(n int) string { return fmt.Sprintf("1390%07d", n) }
			n := 0
			b.Run("store/write", func(b *testing.B) {
				for b.Loop() {
					n++
					err := s.Commit(ctx, store.Turn{Changes: ledger.Changes{Edits: []ledger.Edit{{By: "u1", Why: "电话换了", Today: today,
						Book: ledger.Book{Elders: []ledger.Elder{{ID: elder.ID, Phone: phone(n)}}}}}}})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("store/read", func(b *testing.B) {
				for b.Loop() {
					if steps, err := s.History(ctx, elder.ID, 1); err != nil || len(steps) != 1 {
						b.Fatal(err, len(steps))
					}
				}
			})
			plain := bare(b, o)
			b.Run("bare/write", func(b *testing.B) {
				for b.Loop() {
					n++
					plain([]any{"UPDATE elders SET phone = ? WHERE id = ?", phone(n), elder.ID})
				}
			})
			db, err := sql.Open(o.Driver, o.DSN)
			require.NoError(b, err)
			defer db.Close()
			b.Run("bare/read", func(b *testing.B) {
				for b.Loop() {
					var out string
					if err := db.QueryRow("SELECT phone FROM elders WHERE id = ?", elder.ID).Scan(&out); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
