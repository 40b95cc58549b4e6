package scheduler

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"xunfang/ledger"
)

// Difference is one thing in which two packs differ, in words a clerk understands.
type Difference struct {
	Part    string // 规则 月巡访(重点), 季节 …
	Field   string // what of it; "" the whole rule
	Was     string // "" and no Field: the rule is new
	Becomes string // "" and no Field: the rule is dropped
}

func (d Difference) String() string {
	switch {
	case d.Field != "":
		return fmt.Sprintf("%s · %s: %s → %s", d.Part, d.Field, d.Was, d.Becomes)
	case d.Was == "":
		return fmt.Sprintf("新增 %s: %s", d.Part, d.Becomes)
	}
	return fmt.Sprintf("取消 %s: %s", d.Part, d.Was)
}

// Diff is what changes when a pack takes another's place: first what is owed, then what is asked and when it is closed, what becomes
// of emergencies and problems, what families hear, then the pack's names for things. Lists in which the order means nothing (months, methods) differ only in what is in them.
func Diff(old, new Pack) []Difference {
	var d differences
	d.covers("巡访对象", old.Covers, new.Covers)
	d.covers("提为重点", old.Key, new.Key)
	d.rules("", old.Duties, new.Duties)
	d.locals(old.Local, new.Local)
	d.papers(old.Papers, new.Papers)
	d.part = "春节"
	differ(&d, "腊月几起先说完", old.Spring.Before, new.Spring.Before, strconv.Itoa)
	differ(&d, "安静到初几", old.Spring.Quiet, new.Spring.Quiet, strconv.Itoa)
	d.text("依据", old.Spring.Source, new.Spring.Source)
	d.part = "季节"
	d.months("问取暖和室温的月份", old.Seasons.Heating, new.Seasons.Heating)
	d.months("问房屋的月份", old.Seasons.Rainy, new.Seasons.Rainy)
	differ(&d, "室温低于多少算有情况", old.Seasons.RoomTempMin, new.Seasons.RoomTempMin, func(n int) string { return strconv.Itoa(n) + "度" })
	d.text("依据", old.Seasons.Source, new.Seasons.Source)
	d.part = "照片"
	differ(&d, "上门", old.Photo.Door, new.Photo.Door, PhotoNeed.words)
	differ(&d, "电话、视频", old.Photo.Phone, new.Photo.Phone, PhotoNeed.words)
	differ(&d, "多久内可以补", old.Photo.Grace, new.Photo.Grace, Duration.words)
	d.text("依据", old.Photo.Source, new.Photo.Source)
	d.part = "信息核对"
	d.facts("轮着核对的", old.Recheck, new.Recheck) // in this order, one a visit
	if !sameSet(old.Confirm, new.Confirm) {
		d.facts("档案员核对后才改的", old.Confirm, new.Confirm)
	}
	d.part = "结账"
	differ(&d, "期满后还能补记、更正", old.Close.Grace, new.Close.Grace, Duration.words)
	d.text("依据", old.Close.Source, new.Close.Source)
	d.cases(old, new)
	d.family(old.Family, new.Family)
	d.part = "叫法"
	d.text("县", old.Levels.County, new.Levels.County)
	d.text("乡镇", old.Levels.Township, new.Levels.Township)
	d.text("村", old.Levels.Village, new.Levels.Village)
	d.text("组", old.Levels.Group, new.Levels.Group)
	d.part = "规则包"
	d.text("标题", old.Title, new.Title)
	d.text("名称", old.Name, new.Name)
	d.text("文件", old.Document, new.Document)
	d.text("地区", old.Area, new.Area)
	differ(&d, "从哪天起", old.Since, new.Since, func(x ledger.Day) string { return orNone(string(x)) })
	return d.found
}

type differences struct {
	found []Difference
	part  string // that is being compared
}

func (d *differences) add(field, was, becomes string) {
	d.found = append(d.found, Difference{Part: d.part, Field: field, Was: was, Becomes: becomes})
}

func differ[T comparable](d *differences, field string, old, new T, words func(T) string) {
	if old != new {
		d.add(field, words(old), words(new))
	}
}

func (d *differences) text(field, old, new string) { differ(d, field, old, new, orNone) }

func (d *differences) months(field string, old, new []int) {
	if !sameSet(old, new) {
		d.add(field, monthWords(old), monthWords(new))
	}
}

func (d *differences) facts(field string, old, new []string) {
	if !slices.Equal(old, new) {
		d.add(field, listed(old, factWord), listed(new, factWord))
	}
}

// paired is how things of two packs belong together: a thing to its namesake, what is left to what is the same but in name.
type paired[T any] struct {
	part  func(T) string // what the thing is called among the differences
	words func(T) string // all of it, when it comes or goes
	same  []func(a, b T) bool
	each  func(old, new T)
}

// pair tells the differences of each pair and what came, went or changed places.
func pair[T any](d *differences, kind string, old, new []T, p paired[T]) {
	partner := make([]int, len(old)) // of each old thing the new one, -1 none
	taken := make([]bool, len(new))
	for i := range partner {
		partner[i] = -1
	}
	for _, same := range p.same {
		for i := range old {
			for j := range new {
				if partner[i] < 0 && !taken[j] && same(old[i], new[j]) {
					partner[i], taken[j] = j, true
				}
			}
		}
	}
	title := func(x T) string { return strings.TrimSpace(kind + " " + p.part(x)) }
	for i, x := range old {
		d.part = title(x)
		if partner[i] < 0 {
			d.add("", p.words(x), "")
			continue
		}
		p.each(x, new[partner[i]])
	}
	for j, x := range new {
		if !taken[j] {
			d.part = title(x)
			d.add("", "", p.words(x))
		}
	}
	kept := slices.DeleteFunc(partner, func(j int) bool { return j < 0 })
	if !slices.IsSorted(kept) { // people see them in the pack's order
		name := func(j int) string { return p.part(new[j]) }
		d.part = kind
		d.add("先后", listed(kept, name), listed(slices.Sorted(slices.Values(kept)), name))
	}
}

func (d *differences) covers(kind string, old, new []Cover) {
	pair(d, kind, old, new, paired[Cover]{
		part:  func(c Cover) string { return c.Name },
		words: func(c Cover) string { return c.words() + ";依据 " + orNone(c.Source) },
		same: []func(a, b Cover) bool{
			func(a, b Cover) bool { return a.Name == b.Name },
			func(a, b Cover) bool { return a.words() == b.words() && a.Source == b.Source },
		},
		each: func(old, new Cover) {
			d.text("名称", old.Name, new.Name)
			if a, b := old.words(), new.words(); a != b {
				d.add("哪些老人", a, b)
			}
			d.text("依据", old.Source, new.Source)
		},
	})
}

// rules tells how rules differ, those of a region after its name.
func (d *differences) rules(where string, old, new []Rule) {
	pair(d, strings.TrimSpace(where+" 规则"), old, new, paired[Rule]{
		part:  Rule.title,
		words: func(r Rule) string { return r.whole() + ";依据 " + orNone(r.Source) },
		same: []func(a, b Rule) bool{
			func(a, b Rule) bool { return a.Name == b.Name && a.Tier == b.Tier },
			func(a, b Rule) bool { return a.Name == b.Name },
			func(a, b Rule) bool { return a.Tier == b.Tier && a.demands(b) && a.Source == b.Source },
		},
		each: d.rule,
	})
}

func (d *differences) rule(old, new Rule) {
	d.text("名称", old.Name, new.Name)
	differ(d, "谁做什么", old.Kind, new.Kind, kindWord)
	differ(d, "管哪些老人", old.Tier, new.Tier, func(t ledger.Tier) string { return orNone(string(t)) })
	d.set("只管哪几类", old.Groups, new.Groups)
	d.set("不管哪几类", old.Except, new.Except)
	if old.Times != new.Times || old.Per != new.Per {
		d.add("次数", old.often(), new.often())
	}
	differ(d, "变化后多久内", old.Within, new.Within, Duration.words)
	if !sameSet(old.Counts, new.Counts) {
		d.add("算数的方式", listed(old.Counts, methodWord), listed(new.Counts, methodWord))
	}
	differ(d, "其中至少上门", old.DoorMin, new.DoorMin, func(n int) string { return strconv.Itoa(n) + "次" })
	d.nudges(old.Nudge, new.Nudge)
	differ(d, "报给村", old.Escalate.Village, new.Escalate.Village, Mark.words)
	differ(d, "报给乡镇", old.Escalate.Township, new.Escalate.Township, Mark.words)
	d.text("依据", old.Source, new.Source)
}

func (d *differences) nudges(old, new []Mark) {
	if !slices.Equal(old, new) {
		d.add("提醒本人", listed(old, Mark.words), listed(new, Mark.words))
	}
}

// set tells a list of words in which the order means nothing.
func (d *differences) set(field string, old, new []string) {
	if !sameSet(old, new) {
		d.add(field, listed(old, orNone), listed(new, orNone))
	}
}

func (d *differences) locals(old, new []Local) {
	words := func(l Local) string {
		return listed(l.Covers, func(c Cover) string { return c.Name }) + ";" + listed(l.Duties, Rule.Words) + ";依据 " + orNone(l.Source)
	}
	pair(d, "地方", old, new, paired[Local]{
		part: func(l Local) string { return l.Region }, words: words,
		same: []func(a, b Local) bool{
			func(a, b Local) bool { return a.Region == b.Region },
			func(a, b Local) bool { return words(a) == words(b) },
		},
		each: func(old, new Local) {
			where := "地方 " + new.Region
			d.text("区划代码", old.Region, new.Region)
			d.text("依据", old.Source, new.Source)
			d.covers(where+" 巡访对象", old.Covers, new.Covers)
			d.rules(where, old.Duties, new.Duties)
		},
	})
}

func (d *differences) papers(old, new []Paper) {
	pair(d, "上报", old, new, paired[Paper]{
		part:  func(p Paper) string { return p.Name },
		words: func(p Paper) string { return p.words() + ";依据 " + orNone(p.Source) },
		same: []func(a, b Paper) bool{
			func(a, b Paper) bool { return a.Name == b.Name },
			func(a, b Paper) bool { return a.Kind == b.Kind && a.often() == b.often() && a.Source == b.Source },
		},
		each: func(old, new Paper) {
			d.text("名称", old.Name, new.Name)
			differ(d, "报什么", old.Kind, new.Kind, PaperKind.words)
			differ(d, "谁报", old.Of, new.Of, roleWord)
			if old.Times != new.Times || old.Per != new.Per {
				d.add("次数", old.often(), new.often())
			}
			d.nudges(old.Nudge, new.Nudge)
			d.text("依据", old.Source, new.Source)
		},
	})
}

// Shift is what becomes of one duty of one elder when a pack takes another's place.
type Shift struct {
	Kind    ShiftKind
	Duty    string
	Was     string // in words; "" for a duty gained
	Becomes string // "" for one lost
}

// ShiftKind is how a duty changes.
type ShiftKind string

const (
	ShiftGain   ShiftKind = "gain"
	ShiftLose   ShiftKind = "lose"
	ShiftChange ShiftKind = "change"
)

// Shifts are the duties that an elder would gain or lose on a day, or whose demand would change, if the new packs counted
// instead of the old. A clause that is only cited otherwise changes no duty.
func Shifts(d *ledger.Dossier, entries []ledger.Entry, old, new Packs, on ledger.Day) []Shift {
	was, becomes := owed(d, entries, old, on), owed(d, entries, new, on)
	var out []Shift
	for _, a := range was {
		i := slices.IndexFunc(becomes, func(b owing) bool { return b.Name == a.Name })
		if i < 0 {
			out = append(out, Shift{ShiftLose, a.Name, a.words(), ""})
			continue
		}
		b := becomes[i]
		becomes = slices.Delete(becomes, i, i+1)
		if !a.rule.demands(*b.rule) {
			out = append(out, Shift{ShiftChange, a.Name, a.words(), b.words()})
		}
	}
	for _, b := range becomes {
		out = append(out, Shift{ShiftGain, b.Name, "", b.words()})
	}
	return out
}

// owing is a duty with the rule it comes from.
type owing struct {
	ledger.Duty
	rule *Rule
}

// owed is what a day's periods hold, without extra rounds, which no pack asks for.
func owed(d *ledger.Dossier, entries []ledger.Entry, packs Packs, on ledger.Day) []owing {
	var out []owing
	walk(d, entries, packs, on, func(x ledger.Duty, p *Pack, r *Rule, _ span) {
		if p != noPack {
			out = append(out, owing{x, r})
		}
	})
	return out
}

func (o owing) words() string {
	state := fmt.Sprintf("已%d次,还差%d次", o.Done, o.Missing())
	switch o.State {
	case ledger.DutyDone:
		state = "已完成"
	case ledger.DutyPaused, ledger.DutyCancelled:
		state = "暂停"
	}
	period := o.From.Short() + "起"
	if o.Period != "" {
		period = o.Period.Name()
	}
	return fmt.Sprintf("%s;%s%s", o.rule.words(), period, state)
}

// demands says whether two rules ask the same of whom they bind.
func (r Rule) demands(as Rule) bool {
	return r.Kind == as.Kind && r.Per == as.Per && r.Within == as.Within && r.Times == as.Times && r.DoorMin == as.DoorMin &&
		sameSet(r.Counts, as.Counts)
}

// Words is a rule in a line, without its source.
func (r Rule) Words() string { return r.title() + ": " + r.whole() }

// whole is the rule with whom it is for and when one hears of it.
func (r Rule) whole() string {
	s := r.words()
	if len(r.Groups) > 0 {
		s += ";只管" + listed(r.Groups, orNone)
	}
	if len(r.Except) > 0 {
		s += ";不管" + listed(r.Except, orNone)
	}
	if len(r.Nudge) > 0 {
		s += ";" + listed(r.Nudge, Mark.words) + "提醒"
	}
	if e := r.Escalate; e.Village != "" {
		s += ";" + e.Village.words() + "报村"
	}
	if e := r.Escalate; e.Township != "" {
		s += ";" + e.Township.words() + "报乡镇"
	}
	return s
}

func (r Rule) title() string { return fmt.Sprintf("%s(%s)", r.Name, r.Tier) }

func (r Rule) often() string {
	if r.Per == PerChange {
		return fmt.Sprintf("情况变了%s内%d次", r.Within.words(), r.Times)
	}
	return fmt.Sprintf("%s%d次", r.Per.words(), r.Times)
}

func (r Rule) words() string {
	s := r.often() + "," + listed(r.Counts, methodWord) + "算数"
	if r.Kind == ledger.KindHelp || r.Kind == ledger.KindTalk {
		s = kindWord(r.Kind) + "," + s
	}
	if r.DoorMin > 0 {
		s += fmt.Sprintf(",至少%d次上门", r.DoorMin)
	}
	return s
}

// Words is what an office owes, in a line without its source.
func (p Paper) Words() string { return p.Name + ": " + p.words() }

func (p Paper) words() string {
	s := fmt.Sprintf("%s%s,%s", roleWord(p.Of), p.often(), p.Kind.words())
	if len(p.Nudge) > 0 {
		s += ";" + listed(p.Nudge, Mark.words) + "提醒"
	}
	return s
}

func (p Paper) often() string { return fmt.Sprintf("%s%d次", p.Per.words(), p.Times) }

// words are a group's conditions.
func (c Cover) words() string {
	var all []string
	say := func(has bool, word string) {
		if has {
			all = append(all, word)
		}
	}
	w := c.When
	say(w.AgeMin != 0, strconv.Itoa(w.AgeMin)+"周岁以上")
	say(len(w.Living) > 0, "居住 "+anyOf(w.Living))
	say(len(w.SelfCare) > 0, "自理 "+anyOf(w.SelfCare))
	say(w.LostChild, "失独")
	say(len(w.Health) > 0, "健康状况里有 "+anyOf(w.Health))
	say(len(w.Hardship) > 0, "困难问题里有 "+anyOf(w.Hardship))
	say(w.NoKin, "台账上没有亲属")
	say(c.Confirm, "要乡镇确认")
	if len(all) == 0 {
		return "人人"
	}
	return strings.Join(all, ",")
}

// anyOf is a list of words in which the order means nothing.
func anyOf(words []string) string { return strings.Join(slices.Sorted(slices.Values(words)), "/") }

func (p Per) words() string {
	if w, ok := map[Per]string{PerWeek: "每周", PerMonth: "每月", PerQuarter: "每季度", PerHalf: "每半年", PerChange: "情况变了"}[p]; ok {
		return w
	}
	return orNone(string(p))
}

func (m Mark) words() string {
	n, days := strings.CutSuffix(string(m), "d")
	switch {
	case m == "":
		return orNone("")
	case m == Mid:
		return "期中"
	case m == "0d":
		return "最后一天"
	case days:
		return "还剩" + n + "天"
	}
	return string(m)
}

func (k PaperKind) words() string {
	if w, ok := map[PaperKind]string{PaperArticle: "信息文章", PaperStatistics: "统计数"}[k]; ok {
		return w
	}
	return orNone(string(k))
}

func kindWord(k ledger.EntryKind) string {
	if w, ok := map[ledger.EntryKind]string{ledger.KindVisit: "巡访员巡访", ledger.KindHelp: "帮扶人帮扶", ledger.KindTalk: "帮扶人联系家属"}[k]; ok {
		return w
	}
	return orNone(string(k))
}

func roleWord(r ledger.Role) string {
	if w, ok := map[ledger.Role]string{ledger.RoleTownship: "乡镇", ledger.RoleCounty: "县民政"}[r]; ok {
		return w
	}
	return orNone(string(r))
}

func (n PhotoNeed) words() string {
	if w, ok := map[PhotoNeed]string{PhotoRequired: "要照片", PhotoOptional: "可以有照片", PhotoNo: "不要照片"}[n]; ok {
		return w
	}
	return orNone(string(n))
}

var units = strings.NewReplacer("s", "秒", "m", "分钟", "h", "小时", "d", "天")

func (d Duration) words() string {
	if d == 0 {
		return orNone("")
	}
	return units.Replace(d.String())
}

func methodWord(m ledger.Method) string { return m.Name() }

func factWord(f string) string {
	if w, ok := map[string]string{"phone": "电话", "address": "住址", "kin": "子女电话"}[f]; ok {
		return w
	}
	return f
}

func monthWords(months []int) string {
	if len(months) == 0 {
		return orNone("")
	}
	return listed(months, strconv.Itoa) + "月"
}

func listed[T any](list []T, word func(T) string) string {
	words := make([]string, len(list))
	for i, x := range list {
		words[i] = word(x)
	}
	return orNone(strings.Join(words, "、"))
}

func orNone(s string) string {
	if s == "" {
		return "(没有)"
	}
	return s
}

func sameSet[T int | ~string](a, b []T) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
