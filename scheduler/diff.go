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
	Part    string // 巡访规则 月巡访(重点), 季节 …
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

// Diff is what changes when a pack takes another's place: first what is owed, then what is asked and when it is closed, then
// the pack's names for things. Lists in which the order means nothing (months, methods) differ only in what is in them.
func Diff(old, new Pack) []Difference {
	var d differences
	d.rules(old.Visits, new.Visits)
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

// rules pairs the old rules with the new: by name and tier; what is left by name, its tier has changed; what is left then by
// all but the name.
func (d *differences) rules(old, new []Rule) {
	pair := make([]int, len(old)) // of each old rule the new one, -1 none
	taken := make([]bool, len(new))
	for i := range pair {
		pair[i] = -1
	}
	for _, same := range []func(a, b Rule) bool{
		func(a, b Rule) bool { return a.Name == b.Name && a.Tier == b.Tier },
		func(a, b Rule) bool { return a.Name == b.Name },
		func(a, b Rule) bool { return a.Tier == b.Tier && a.demands(b) && a.Source == b.Source },
	} {
		for i := range old {
			for j := range new {
				if pair[i] < 0 && !taken[j] && same(old[i], new[j]) {
					pair[i], taken[j] = j, true
				}
			}
		}
	}
	for i, r := range old {
		d.part = "巡访规则 " + r.title()
		if pair[i] < 0 {
			d.add("", r.words()+";依据 "+orNone(r.Source), "")
			continue
		}
		d.rule(r, new[pair[i]])
	}
	for j, r := range new {
		if !taken[j] {
			d.part = "巡访规则 " + r.title()
			d.add("", "", r.words()+";依据 "+orNone(r.Source))
		}
	}
	kept := slices.DeleteFunc(pair, func(j int) bool { return j < 0 })
	if !slices.IsSorted(kept) { // people see them in the pack's order
		title := func(j int) string { return new[j].title() }
		d.part = "巡访规则"
		d.add("先后", listed(kept, title), listed(slices.Sorted(slices.Values(kept)), title))
	}
}

func (d *differences) rule(old, new Rule) {
	d.text("名称", old.Name, new.Name)
	differ(d, "管哪些老人", old.Tier, new.Tier, func(t ledger.Tier) string { return orNone(string(t)) })
	if old.Times != new.Times || old.Per != new.Per {
		d.add("次数", old.often(), new.often())
	}
	if !sameSet(old.Counts, new.Counts) {
		d.add("算数的方式", listed(old.Counts, methodWord), listed(new.Counts, methodWord))
	}
	differ(d, "其中至少上门", old.DoorMin, new.DoorMin, func(n int) string { return strconv.Itoa(n) + "次" })
	d.text("依据", old.Source, new.Source)
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

// Shifts are the duties that an elder would gain or lose on a day, or whose demand would change, if the new pack counted
// instead of the old. A clause that is only cited otherwise changes no duty.
func Shifts(e ledger.Elder, tiers []ledger.Tiering, entries []ledger.Entry, old, new Pack, on ledger.Day) []Shift {
	was, becomes := owed(e, tiers, entries, old, on), owed(e, tiers, entries, new, on)
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

// owed asks rule by rule: a duty does not name its rule, and rules of one name may bind different elders.
func owed(e ledger.Elder, tiers []ledger.Tiering, entries []ledger.Entry, p Pack, on ledger.Day) []owing {
	var out []owing
	one := p
	for i := range p.Visits {
		one.Visits = p.Visits[i : i+1]
		for _, d := range Due(e, tiers, entries, one, on) {
			out = append(out, owing{d, &p.Visits[i]})
		}
	}
	return out
}

func (o owing) words() string {
	state := "已完成"
	if o.State != ledger.DutyDone {
		state = fmt.Sprintf("已%d次,还差%d次", o.Done, o.Missing())
	}
	return fmt.Sprintf("%s;%s%s", o.rule.words(), o.Period.Name(), state)
}

// demands says whether two rules ask the same of whom they bind.
func (r Rule) demands(as Rule) bool {
	return r.Per == as.Per && r.Times == as.Times && r.DoorMin == as.DoorMin && sameSet(r.Counts, as.Counts)
}

// Words is a rule in a line, without its source.
func (r Rule) Words() string { return r.title() + ": " + r.words() }

func (r Rule) title() string { return fmt.Sprintf("%s(%s)", r.Name, r.Tier) }

func (r Rule) often() string {
	per, ok := map[Per]string{PerMonth: "每月", PerQuarter: "每季度"}[r.Per]
	if !ok {
		per = string(r.Per)
	}
	return fmt.Sprintf("%s%d次", per, r.Times)
}

func (r Rule) words() string {
	s := r.often() + "," + listed(r.Counts, methodWord) + "算数"
	if r.DoorMin > 0 {
		s += fmt.Sprintf(",至少%d次上门", r.DoorMin)
	}
	return s
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
