// Package papers is the ledger on paper: the county's workbook in and out. It answers what a workbook says and what is
// wrong with it, cell by cell. It touches no database and asks no clock.
package papers

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"xunfang/ledger"
)

// Names of the sheets (contract, "The ledger workbook").
const (
	sheetRegions = "区划"
	sheetPeople  = "人员"
	sheetElders  = "老人"
	sheetKin     = "家属"
	sheetPairs   = "帮扶"
	sheetHelp    = "说明"

	sheetStandings = "状态"
)

const (
	yes    = "是"
	no     = "否"
	clears = "-" // in a cell: make it empty; an empty cell leaves what is there
	joiner = "、"
)

// sheet is one sheet of the workbook. The table sheets below is what Read, Write, Template and the instructions all use.
type sheet struct {
	name    string
	about   string // for the instructions
	columns []column
	key     func(*line) string                            // what two rows must not share
	lines   func(ledger.Book, ledger.Day) iter.Seq[*line] // rows of a book as of a day; each is good until the next
	add     func(*ledger.Book, *line)                     // a row into a book
	judge   func(*reading, *line)                         // what only the whole row or the other sheets can tell

	judgeAll func(*reading) // what only the whole sheet can tell; nil: nothing
}

// line is one row of any sheet, in ledger's nouns; a sheet uses its own part.
type line struct {
	row    int
	region ledger.Region
	person ledger.Person
	roles  string // joined with 、
	posted string // region codes: one for all roles, or one for each
	depts  string // departments: one for all roles 部门, or one for each
	elder  ledger.Elder
	tier   ledger.Tier
	users  string // userids of the visitors, joined with 、
	kin    ledger.Kin
	pair   ledger.Pair

	standing ledger.Standing

	resets []ledger.Reset
}

// column is one column: how its words are read and where they go.
type column struct {
	name    string
	form    form
	need    bool     // the sheet must have it, and a row that is new
	keep    bool     // - is refused
	choices []string // the only words
	offers  []string // words offered in the drop-down list; others are fine
	get     func(*line) string
	set     func(*line, string)
	note    string // for the instructions
}

// form reads the words of a cell into their one written form, or says what is wrong and what is expected.
type form func(string) (value, wrong, want string)

func text[S ~string](name string, f form, at func(*line) *S) column {
	return column{name: name, form: f, get: func(l *line) string { return string(*at(l)) },
		set: func(l *line, s string) { *at(l) = S(s) }}
}

func flag(name string, at func(*line) *bool, reset func(*line) ledger.Reset) column {
	return column{name: name, choices: []string{yes, no}, form: oneOf(yes, no),
		get: func(l *line) string {
			if *at(l) {
				return yes
			}
			return no // an empty cell would leave 是 where the export is imported
		},
		set: func(l *line, s string) {
			switch s {
			case yes:
				*at(l) = true
			case no, clears:
				l.resets = append(l.resets, reset(l))
			}
		}}
}

func degrees(name, like string, limit float64, at func(*line) *float64, field ledger.ResetField) column {
	return column{name: name, form: decimal(limit), note: "度,如 " + like,
		get: func(l *line) string {
			if *at(l) == 0 {
				return ""
			}
			return strconv.FormatFloat(*at(l), 'f', -1, 64)
		},
		set: func(l *line, s string) {
			if s == clears {
				l.resets = append(l.resets, ledger.Reset{ElderID: l.elder.ID, Field: field})
			} else if s != "" {
				*at(l), _ = strconv.ParseFloat(s, 64) // decimal has seen it
			}
		}}
}

func (c column) needed() column           { c.need = true; return c }
func (c column) kept() column             { c.keep = true; return c }
func (c column) key() column              { return c.needed().kept() }
func (c column) said(note string) column  { c.note = note; return c }
func (c column) offer(w ...string) column { c.offers = w; return c }
func (c column) only(words ...string) column {
	c.choices, c.form = words, oneOf(words...)
	return c
}

var levels = []ledger.Level{ledger.LevelCounty, ledger.LevelTownship, ledger.LevelVillage, ledger.LevelGroup}

// sheets in the order in which they are read: each leans on those before it. Within a sheet the key columns come first.
var sheets = []sheet{
	{
		name: sheetRegions, about: "县、乡镇、村、组,一行一个",
		columns: []column{
			text("代码", code(32), func(l *line) *string { return &l.region.Code }).key().said("不重复就行,长短不限"),
			text("名称", words(64), func(l *line) *string { return &l.region.Name }).key(),
			text("上级代码", code(32), func(l *line) *string { return &l.region.Parent }).said("最上面一级空着"),
			text("级别", nil, func(l *line) *ledger.Level { return &l.region.Level }).only(wordsOf(levels)...).key(),
		},
		key: func(l *line) string { return l.region.Code },
		lines: func(b ledger.Book, _ ledger.Day) iter.Seq[*line] {
			return eachLine(b.Regions, func(l *line, r ledger.Region) { l.region = r })
		},
		add:   func(b *ledger.Book, l *line) { b.Regions = append(b.Regions, l.region) },
		judge: func(*reading, *line) {},

		judgeAll: judgeTree,
	},
	{
		name: sheetPeople, about: "用企业微信的人,一人一行",
		columns: []column{
			text("账号", userid, func(l *line) *string { return &l.person.UserID }).key().said("企业微信的账号(userid)"),
			text("姓名", words(64), func(l *line) *string { return &l.person.Name }).key(),
			text("手机", phone, func(l *line) *string { return &l.person.Phone }),
			text("角色", listOf(oneOf(roleWords()...)), func(l *line) *string { return &l.roles }).needed().
				offer(roleWords()...).said("好几个用、连起来;不再担任就填 -"),
			text("区划代码", listOf(code(32)), func(l *line) *string { return &l.posted }).kept().
				said("管哪里;各角色地方不同就按角色的顺序写几个,用、连起来"),
			text("部门", listOf(words(32)), func(l *line) *string { return &l.depts }).kept().
				offer("公安", "消防", "卫健", "司法", "民政", "人社").said("只有角色是“部门”的填"),
		},
		key:   func(l *line) string { return l.person.UserID },
		lines: personLines,
		add:   addPerson,
		judge: judgePerson,
	},
	{
		name: sheetElders, about: "老人台账,一人一行",
		columns: []column{
			text("编号", code(32), func(l *line) *string { return &l.elder.ID }).key().said("不重复,短一点好记"),
			text("姓名", words(64), func(l *line) *string { return &l.elder.Name }).key(),
			text("别名", words(128), func(l *line) *string { return &l.elder.Aliases }).said("平时怎么叫,好几个用、连起来"),
			text("性别", nil, func(l *line) *string { return &l.elder.Gender }).only("男", "女"),
			text("身份证号", idNumber, func(l *line) *string { return &l.elder.IDNumber }).said("18位,单元格用文本格式"),
			text("出生日期", date, func(l *line) *ledger.Day { return &l.elder.Birth }).said("有身份证号可以不填"),
			text("手机", phone, func(l *line) *string { return &l.elder.Phone }),
			text("区划代码", code(32), func(l *line) *string { return &l.elder.Region }).key().said("住在哪个村或组"),
			text("住址", words(255), func(l *line) *string { return &l.elder.Address }),
			degrees("经度", "106.25", 180, func(l *line) *float64 { return &l.elder.Lon }, ledger.ResetLon),
			degrees("纬度", "38.28", 90, func(l *line) *float64 { return &l.elder.Lat }, ledger.ResetLat),
			text("民族", words(32), func(l *line) *string { return &l.elder.Nation }),
			text("居住状况", words(32), func(l *line) *string { return &l.elder.Living }).
				offer("独居", "空巢", "与重度残疾子女同住", "与家人同住"),
			text("自理能力", nil, func(l *line) *string { return &l.elder.SelfCare }).only("自理", "半失能", "失能"),
			flag("失独", func(l *line) *bool { return &l.elder.LostChild }, func(l *line) ledger.Reset {
				return ledger.Reset{ElderID: l.elder.ID, Field: ledger.ResetLostChild}
			}),
			text("健康状况", words(512), func(l *line) *string { return &l.elder.Health }),
			text("经济来源", words(255), func(l *line) *string { return &l.elder.Income }),
			text("照料情况", words(255), func(l *line) *string { return &l.elder.Care }),
			text("困难问题", words(512), func(l *line) *string { return &l.elder.Hardship }),
			text("级别", nil, func(l *line) *ledger.Tier { return &l.tier }).
				only(string(ledger.TierOrdinary), string(ledger.TierKey)).kept().said("改了从导入那天起算"),
			text("巡访员账号", listOf(userid), func(l *line) *string { return &l.users }).said("在“人员”里;换了从导入那天起算"),
			text("同意书日期", date, func(l *line) *ledger.Day { return &l.elder.Consent }),
		},
		key:   func(l *line) string { return l.elder.ID },
		lines: elderLines,
		add:   addElder,
		judge: judgeElder,

		judgeAll: judgeLikeness,
	},
	{
		name: sheetKin, about: "子女、亲属和受托照顾人,一人一行",
		columns: []column{
			text("老人编号", code(32), func(l *line) *string { return &l.kin.ElderID }).key(),
			text("姓名", words(64), func(l *line) *string { return &l.kin.Name }).key(),
			text("关系", words(32), func(l *line) *string { return &l.kin.Relation }).
				offer("儿子", "女儿", "配偶", "孙子", "孙女", "侄子", "侄女", "邻居"),
			text("手机", phone, func(l *line) *string { return &l.kin.Phone }),
			text("去向", words(128), func(l *line) *string { return &l.kin.Where }).said("现在在哪里、做什么"),
			flag("受托照顾人", func(l *line) *bool { return &l.kin.Carer }, func(l *line) ledger.Reset {
				return ledger.Reset{ElderID: l.kin.ElderID, Kin: l.kin.Name, Field: ledger.ResetCarer}
			}),
			text("同意接收日期", date, func(l *line) *ledger.Day { return &l.kin.Consent }),
		},
		key: func(l *line) string { return l.kin.ElderID + joiner + l.kin.Name },
		lines: func(b ledger.Book, _ ledger.Day) iter.Seq[*line] {
			return eachLine(b.Kin, func(l *line, k ledger.Kin) { l.kin = k })
		},
		add: func(b *ledger.Book, l *line) {
			b.Kin = append(b.Kin, l.kin)
			b.Resets = append(b.Resets, l.resets...)
		},
		judge: func(r *reading, l *line) {
			r.exists(r.elders, "老人编号", l.kin.ElderID, "“老人”里没有这个编号", "“老人”里的编号")
		},
	},
	{
		name: sheetPairs, about: "结对帮扶,一对一行;一帮多、多帮一就写几行",
		columns: []column{
			text("老人编号", code(32), func(l *line) *string { return &l.pair.ElderID }).key(),
			text("帮扶人账号", userid, func(l *line) *string { return &l.pair.UserID }).key().said("在“人员”里"),
			text("开始日期", date, func(l *line) *ledger.Day { return &l.pair.From }).kept().said("空着就从导入那天起"),
			text("结束日期", date, func(l *line) *ledger.Day { return &l.pair.To }),
		},
		key: func(l *line) string { return l.pair.ElderID + joiner + l.pair.UserID + joiner + string(l.pair.From) },
		lines: func(b ledger.Book, _ ledger.Day) iter.Seq[*line] {
			return eachLine(b.Pairs, func(l *line, p ledger.Pair) { l.pair = p })
		},
		add: func(b *ledger.Book, l *line) { b.Pairs = append(b.Pairs, l.pair) },
		judge: func(r *reading, l *line) {
			r.exists(r.elders, "老人编号", l.pair.ElderID, "“老人”里没有这个编号", "“老人”里的编号")
			r.user("帮扶人账号", l.pair.UserID)
			if l.pair.To != "" && l.pair.To != clears && l.pair.To < l.pair.From {
				r.fault("结束日期", "比开始日期早", "不早于 "+string(l.pair.From))
			}
		},
	},
	{
		name: sheetStandings, about: "暂时不用巡访或离开台账的老人,一段一行;平常在家的不用填",
		columns: []column{
			text("老人编号", code(32), func(l *line) *string { return &l.standing.ElderID }).key(),
			text("状态", nil, func(l *line) *ledger.StandingKind { return &l.standing.Kind }).only(wordsOf(ledger.StandingKinds)...).key().
				said("暂停如住院、去子女家、住养老院"),
			text("开始日期", date, func(l *line) *ledger.Day { return &l.standing.From }).key(),
			text("结束日期", date, func(l *line) *ledger.Day { return &l.standing.To }).said("最后一天;去世、迁出、退出除非弄错了才填"),
			text("去向", words(255), func(l *line) *string { return &l.standing.Place }).said("现在在哪里"),
			text("复核日期", date, func(l *line) *ledger.Day { return &l.standing.Review }).
				said(fmt.Sprintf("只有暂停填,必填:最迟哪天再看一次,离开始日期不超过%d天", ledger.PauseMost)),
		},
		key: func(l *line) string { return l.standing.ElderID + joiner + string(l.standing.From) },
		lines: func(b ledger.Book, _ ledger.Day) iter.Seq[*line] {
			held := slices.DeleteFunc(slices.Clone(b.Standings), ledger.Standing.Never) // taken back: history keeps it
			return eachLine(held, func(l *line, s ledger.Standing) { l.standing = s })
		},
		add:   func(b *ledger.Book, l *line) { b.Standings = append(b.Standings, l.standing) },
		judge: judgeStanding,

		judgeAll: judgeStandings,
	},
}

func eachLine[T any](rows []T, put func(*line, T)) iter.Seq[*line] {
	return func(yield func(*line) bool) {
		for _, row := range rows {
			l := line{}
			put(&l, row)
			if !yield(&l) {
				return
			}
		}
	}
}

// personLines joins each person's posts of the day into one row.
func personLines(b ledger.Book, today ledger.Day) iter.Seq[*line] {
	posts := map[string][]ledger.Post{}
	for _, p := range b.Posts {
		if p.Holds(today) {
			posts[p.UserID] = append(posts[p.UserID], p)
		}
	}
	return eachLine(b.People, func(l *line, p ledger.Person) {
		l.person = p
		var roles, regions, depts []string
		for _, post := range posts[p.UserID] {
			roles = append(roles, post.Role.Name())
			regions = append(regions, post.Region)
			if post.Role == ledger.RoleDept {
				depts = append(depts, post.Dept)
			}
		}
		l.roles, l.posted, l.depts = strings.Join(roles, joiner), joinDistinct(regions), joinDistinct(depts)
		if roles == nil { // somebody without a post: another ledger must not ask for one
			l.roles = clears
		}
	})
}

func addPerson(b *ledger.Book, l *line) {
	b.People = append(b.People, l.person)
	b.Posts = append(b.Posts, postsOf(l)...)
}

// postsOf is personLines backwards: one region holds for all roles, one role holds in all regions, otherwise each role has
// its own; departments likewise. Empty cells leave the posts that are there, - in 角色 ends them all.
func postsOf(l *line) []ledger.Post {
	if l.roles == clears {
		return []ledger.Post{{UserID: l.person.UserID, Role: clears}}
	}
	roles, regions, depts := split(l.roles), split(l.posted), split(l.depts)
	if len(roles) == 0 || len(regions) == 0 {
		return nil
	}
	var posts []ledger.Post
	for i := range max(len(roles), len(regions)) {
		role, _ := roleNamed(roles[min(i, len(roles)-1)])
		post := ledger.Post{UserID: l.person.UserID, Role: role, Region: regions[min(i, len(regions)-1)]}
		if role == ledger.RoleDept && len(depts) > 0 {
			post.Dept = depts[0]
			if len(depts) > 1 {
				depts = depts[1:]
			}
		}
		posts = append(posts, post)
	}
	return posts
}

func judgePerson(r *reading, l *line) {
	roles, regions, depts := split(l.roles), split(l.posted), split(l.depts)
	for _, code := range regions {
		r.region("区划代码", code)
	}
	if l.roles == clears {
		return
	}
	switch {
	case len(roles) > 0 && len(regions) == 0:
		r.fault("区划代码", "有角色却没有区划代码", "“区划”里的代码")
		return // the rest follows from it
	case len(roles) == 0 && len(regions) > 0:
		r.fault("角色", "有区划代码却没有角色", strings.Join(roleWords(), "、"))
	case len(roles) > 1 && len(regions) > 1 && len(roles) != len(regions):
		r.fault("区划代码", "区划代码的个数和角色的个数对不上", "一个,或每个角色一个")
	}
	posts := postsOf(l)
	inDepts := 0
	for i, p := range posts {
		if p.Role == ledger.RoleDept {
			inDepts++
		}
		if slices.ContainsFunc(posts[:i], func(q ledger.Post) bool { return q.Role == p.Role && q.Region == p.Region }) {
			r.fault("角色", "同一个角色写了两次", "每个角色一次")
		}
	}
	switch {
	case inDepts > 0 && len(depts) == 0:
		r.fault("部门", "角色是部门,却没有写哪个部门", "如公安、消防、卫健")
	case inDepts == 0 && len(depts) > 0 && len(roles) > 0:
		r.fault("部门", "角色不是部门,却写了部门", "空着,或把角色改成部门")
	case len(depts) > 1 && len(depts) != inDepts && len(roles) > 0:
		r.fault("部门", "部门的个数和角色的个数对不上", "一个,或每个角色一个")
	}
}

// elderLines puts an elder's tier and visitors of the day into their row.
func elderLines(b ledger.Book, today ledger.Day) iter.Seq[*line] {
	tiers := make(map[string]ledger.Tier, len(b.Elders))
	for _, t := range b.Tierings {
		if t.Holds(today) {
			tiers[t.ElderID] = t.Tier
		}
	}
	users := make(map[string]string, len(b.Elders))
	visits, other := map[string]bool{}, map[string]bool{}
	for _, p := range b.Posts {
		if p.Holds(today) {
			visits[p.UserID] = visits[p.UserID] || p.Role == ledger.RoleVisitor
			other[p.UserID] = other[p.UserID] || p.Role != ledger.RoleVisitor
		}
	}
	for _, a := range b.Assignments {
		// Who has another post now answers for nobody any more, and another ledger would refuse to take it so.
		if a.Holds(today) && (visits[a.UserID] || !other[a.UserID]) {
			users[a.ElderID] = strings.TrimPrefix(users[a.ElderID]+joiner+a.UserID, joiner)
		}
	}
	return eachLine(b.Elders, func(l *line, e ledger.Elder) {
		l.elder, l.tier, l.users = e, tiers[e.ID], users[e.ID]
	})
}

func addElder(b *ledger.Book, l *line) {
	e := withBirth(l.elder)
	b.Elders = append(b.Elders, e)
	if l.tier != "" {
		b.Tierings = append(b.Tierings, ledger.Tiering{ElderID: e.ID, Tier: l.tier})
	}
	for _, u := range split(l.users) {
		b.Assignments = append(b.Assignments, ledger.Assignment{ElderID: e.ID, UserID: u})
	}
	b.Resets = append(b.Resets, l.resets...)
}

// withBirth takes the birth date from the identity number where the cell is empty.
func withBirth(e ledger.Elder) ledger.Elder {
	if e.Birth == "" && len(e.IDNumber) == 18 {
		e.Birth = idBirth(e.IDNumber)
	}
	return e
}

func judgeElder(r *reading, l *line) {
	r.region("区划代码", l.elder.Region)
	users := split(l.users)
	for i, u := range users {
		if u == clears {
			continue
		}
		if o, ok := r.user("巡访员账号", u); ok && o == officeOther {
			r.fault("巡访员账号", "这个账号在“人员”里不是巡访员", "角色里有巡访员的账号")
		}
		if slices.Contains(users[:i], u) {
			r.fault("巡访员账号", "同一个账号写了两次", "每个账号一次")
		}
	}
	if id := l.elder.IDNumber; len(id) == 18 && len(l.elder.Birth) == 10 && l.elder.Birth != idBirth(id) {
		r.fault("出生日期", "和身份证号里的出生日期不一样", "两处一致,或这里空着")
	}
	if born := r.known.elders[l.elder.ID].born; l.elder.IDNumber == "" && len(l.elder.Birth) == 10 && born != 0 && hashed(0, string(l.elder.Birth)) != born {
		r.fault("出生日期", "和已登记的身份证号里的出生日期不一样", "两处一致,或这里空着")
	}
	r.persons = append(r.persons, personRow{l.elder.ID, l.row, r.known.elders[l.elder.ID].with(withBirth(l.elder), l.elder.Region)})
}

// judgeStanding looks at the row laid over what the database has of it (requirements §3 cases 1 and 2).
func judgeStanding(r *reading, l *line) {
	r.exists(r.elders, "老人编号", l.standing.ElderID, "“老人”里没有这个编号", "“老人”里的编号")
	s := l.standing
	for _, old := range r.known.standings[s.ElderID] {
		if old.From == s.From && !old.Never() {
			s.Kind, s.To, s.Review = cmp.Or(s.Kind, old.Kind), cmp.Or(s.To, old.To), cmp.Or(s.Review, old.Review)
		}
	}
	if s.To == clears {
		s.To = ""
	}
	if s.To != "" && s.To < s.From {
		r.fault("结束日期", "比开始日期早", "不早于 "+string(s.From))
		s.To = s.From // told once
	}
	most := s.From.Add(ledger.PauseMost)
	switch review := s.Review; {
	case s.Kind == ledger.StandingPaused && (review == "" || review == clears):
		r.fault("复核日期", "暂停却没有复核日期", "不晚于 "+string(most))
	case s.Kind == ledger.StandingPaused && (review < s.From || review > most):
		r.fault("复核日期", "离开始日期太远或更早", string(s.From)+" 到 "+string(most))
	case s.Kind != "" && s.Kind.Ends() && l.standing.Review != "" && l.standing.Review != clears:
		r.fault("复核日期", "不是暂停,却有复核日期", "空着")
	}
	r.standings[s.ElderID] = append(r.standings[s.ElderID], standingRow{s, l.row})
}

func wordsOf[S ~string](list []S) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

func roleWords() []string {
	var out []string
	for _, r := range ledger.RoleNames {
		out = append(out, r.Name)
	}
	return out
}

func roleNamed(name string) (ledger.Role, bool) {
	for _, r := range ledger.RoleNames {
		if r.Name == name {
			return r.Role, true
		}
	}
	return ledger.Role(name), false
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, joiner)
}

// joinDistinct joins words with 、, or gives the one word when all are the same.
func joinDistinct(words []string) string {
	if len(slices.Compact(slices.Clone(words))) == 1 {
		return words[0]
	}
	return strings.Join(words, joiner)
}
