package scheduler

import (
	"fmt"
	"strconv"
	"strings"

	"xunfang/ledger"
)

// cases tells how packs differ in what becomes of emergencies, problems and needs.
func (d *differences) cases(old, new Pack) {
	d.alarm(old.Alarm, new.Alarm)
	d.part = "问题和需求"
	days := func(field string, old, new Duration) { differ(d, field, old, new, Duration.words) }
	days("村里放几天", old.Matters.Village, new.Matters.Village)
	days("乡镇放几天", old.Matters.Township, new.Matters.Township)
	days("县里放几天", old.Matters.County, new.Matters.County)
	days("部门不认领,几天退回县里", old.Matters.Unclaimed, new.Matters.Unclaimed)
	days("没人认领,几天上联席会议", old.Matters.Meeting, new.Matters.Meeting)
	days("认领后没有下文,几天重新放出来", old.Matters.Silent, new.Matters.Silent)
	d.text("依据", old.Matters.Source, new.Matters.Source)
	pair(d, "部门", old.Depts, new.Depts, paired[Dept]{
		part: func(x Dept) string { return x.Name }, words: Dept.words,
		same: []func(a, b Dept) bool{
			func(a, b Dept) bool { return a.Name == b.Name },
			func(a, b Dept) bool { return a.words() == b.words() },
		},
		each: func(old, new Dept) {
			d.text("名称", old.Name, new.Name)
			listsOf(d, "马上知道的情况", old.Alarms, new.Alarms, alarmWord)
			listsOf(d, "归它的问题", old.Items, new.Items, itemWord)
			listsOf(d, "归它的需求", old.Needs, new.Needs, orNone)
			d.text("职责", old.Duty, new.Duty)
			d.text("依据", old.Source, new.Source)
		},
	})
	d.part = "演练"
	differ(d, "星期几", old.Drill.Weekday, new.Drill.Weekday, weekdayWord)
	d.text("几点", old.Drill.At, new.Drill.At)
	d.text("依据", old.Drill.Source, new.Drill.Source)
}

func (d *differences) alarm(old, new Alarm) {
	d.part = "紧急"
	listsOf(d, "马上告诉", old.AtOnce, new.AtOnce, Target.words)
	listsOf(d, "县里也马上知道的", old.Grave, new.Grave, alarmWord)
	for i := range max(len(old.Steps), len(new.Steps)) {
		var a, b Step
		if i < len(old.Steps) {
			a = old.Steps[i]
		}
		if i < len(new.Steps) {
			b = new.Steps[i]
		}
		if a.After != b.After || !sameSet(a.Tell, b.Tell) || !sameSet(a.Call, b.Call) {
			d.add(fmt.Sprintf("第%d步", i+1), a.words(), b.words())
		}
	}
	differ(d, "没人管再走几遍", old.Repeat, new.Repeat, strconv.Itoa)
	differ(d, "接了没有消息,多久重新走", old.Quiet, new.Quiet, Duration.words)
	differ(d, "多久以内的算一件", old.Join, new.Join, Duration.words)
	differ(d, "结束后多久内回访", old.Follow, new.Follow, Duration.words)
	d.text("依据", old.Source, new.Source)
}

// listsOf tells lists in which the order means nothing.
func listsOf[T ~string](d *differences, field string, old, new []T, word func(T) string) {
	if !sameSet(old, new) {
		d.add(field, listed(old, word), listed(new, word))
	}
}

// Words is the ladder in a line, without its source.
func (a Alarm) Words() string {
	s := "紧急: 马上告诉" + listed(a.AtOnce, Target.words)
	if len(a.Grave) > 0 {
		s += ";县里也马上知道" + listed(a.Grave, alarmWord)
	}
	for _, x := range a.Steps {
		s += ";" + x.words()
	}
	s += fmt.Sprintf(";没人管再走%d遍,以后隔%s一遍;接了%s没有消息重新走", a.Repeat, a.Quiet.words(), a.Quiet.words())
	if a.Join > 0 {
		s += ";" + a.Join.words() + "内的算一件"
	}
	if a.Follow > 0 {
		s += ";结束后" + a.Follow.words() + "内上门回访"
	}
	return s
}

func (x Step) words() string {
	if x.After == 0 {
		return orNone("")
	}
	s := "过" + x.After.words()
	if len(x.Tell) > 0 && sameSet(x.Tell, x.Call) {
		return s + ",告诉并打电话给" + listed(x.Tell, Target.words)
	}
	if len(x.Tell) > 0 {
		s += ",告诉" + listed(x.Tell, Target.words)
	}
	if len(x.Call) > 0 {
		s += ",打电话给" + listed(x.Call, Target.words)
	}
	return s
}

// Words is how long a matter stays where, in a line without its source.
func (m Matters) Words() string {
	return fmt.Sprintf("问题和需求: 村%s,乡镇%s,县%s;部门%s不认领退回县里,%s上联席会议;认领后%s没有下文重新放出来(都是工作日)", m.Village.words(),
		m.Township.words(), m.County.words(), m.Unclaimed.words(), m.Meeting.words(), m.Silent.words())
}

// Words is a department with what is its business, in a line without its source.
func (x Dept) Words() string {
	s := "部门 " + x.Name + ": " + orNone(x.Duty)
	if len(x.Alarms) > 0 {
		s += ";马上知道" + listed(x.Alarms, alarmWord)
	}
	if len(x.Items) > 0 {
		s += ";问题" + listed(x.Items, itemWord)
	}
	if len(x.Needs) > 0 {
		s += ";需求" + listed(x.Needs, orNone)
	}
	return s
}

func (x Dept) words() string {
	return fmt.Sprintf("%s;马上知道%s;问题%s;需求%s;依据 %s", orNone(x.Duty), listed(x.Alarms, alarmWord), listed(x.Items, itemWord),
		listed(x.Needs, orNone), orNone(x.Source))
}

// Words is when the drill is, in a line without its source.
func (x Drill) Words() string {
	if x.Weekday == 0 {
		return "演练: 不演练"
	}
	return "演练: 每" + weekdayWord(x.Weekday) + x.At
}

func (t Target) words() string {
	if w, ok := map[Target]string{TargetVillage: "村", TargetTownship: "乡镇", TargetCounty: "县", TargetDeputy: "代班人和档案员", TargetDept: "部门"}[t]; ok {
		return w
	}
	return orNone(string(t))
}

func alarmWord(key string) string {
	if k := ledger.AlarmOf(key); k.Key != "" {
		return strings.ReplaceAll(k.Name, "、", "/")
	}
	return orNone(key)
}

func itemWord(key string) string {
	if it, ok := ledger.ItemByKey(key); ok {
		return it.Name
	}
	return orNone(key)
}

func weekdayWord(n int) string {
	if n < 1 || n > 7 {
		return orNone("")
	}
	return "周" + string([]rune("一二三四五六日")[n-1])
}
