package scheduler

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"xunfang/ledger"
)

// Where a ladder's times end: beyond them a pack is a slip of the pen.
const (
	mostAfter   = Duration(24 * time.Hour)
	mostRepeats = 10
	mostFollow  = 30 * oneDay
	mostMatter  = 60 * oneDay // working days
	mostNeeds   = 16          // what one card can offer
)

// judgeCases judges what becomes of emergencies and matters, and what families hear, as far as the file speaks of it.
func (c *checker) judgeCases(p Pack) {
	if c.written("alarm") {
		c.judgeAlarm(p.Alarm)
	}
	if c.written("matters") {
		c.judgeMatters(p.Matters)
	}
	c.judgeDepts(p.Depts)
	if c.written("drill") {
		c.judgeDrill(p.Drill)
	}
	if c.written("family") {
		c.judgeFamily(p.Family)
	}
}

func (c *checker) judgeAlarm(a Alarm) {
	c.need("alarm.source", a.Source)
	c.judgeTargets("alarm.at_once", a.AtOnce, TargetVillage, TargetTownship, TargetCounty, TargetDeputy, TargetDept)
	if !slices.ContainsFunc(a.AtOnce, func(t Target) bool { return t != TargetDept && t != TargetDeputy }) {
		c.fault("alarm.at_once", "没有写第一时间告诉谁 (至少要有 village、township、county 中的一个)")
	}
	c.judgeAlarmKinds("alarm.grave", a.Grave)
	county, before := slices.Contains(a.AtOnce, TargetCounty), Duration(0)
	for i, s := range a.Steps {
		path := fmt.Sprintf("alarm.steps[%d]", i)
		switch {
		case s.After <= 0 || s.After > mostAfter:
			c.fault(path+".after", "%s 不合理 (应为 1s 到 %s)", s.After, mostAfter)
		case s.After <= before:
			c.fault(path+".after", "%s 排早了 (要一步比一步晚)", s.After)
		}
		before = max(before, s.After)
		c.judgeTargets(path+".tell", s.Tell, TargetVillage, TargetTownship, TargetCounty, TargetDeputy, TargetDept)
		c.judgeTargets(path+".call", s.Call, TargetVillage, TargetTownship, TargetCounty, TargetDeputy)
		if len(s.Tell)+len(s.Call) == 0 {
			c.fault(path, "没有写找谁 (应有 tell 或 call)")
		}
		county = county || slices.Contains(s.Tell, TargetCounty)
	}
	if !county {
		c.fault("alarm.steps", "哪一步都没有告诉县里 (at_once 或某一步的 tell 要有 county)")
	}
	if a.Repeat < 0 || a.Repeat > mostRepeats {
		c.fault("alarm.repeat", "%d 遍不合理 (应为 0 到 %d)", a.Repeat, mostRepeats)
	}
	if a.Quiet < Duration(time.Minute) || a.Quiet > mostAfter {
		c.fault("alarm.quiet", "%s 不合理 (应为 1m 到 %s)", a.Quiet, mostAfter)
	}
	if a.Join < 0 || a.Join > mostAfter {
		c.fault("alarm.join", "%s 不合理 (应为 0s 到 %s,0s 是不合并)", a.Join, mostAfter)
	}
	c.judgeDays("alarm.follow", a.Follow, 0, mostFollow)
}

func (c *checker) judgeMatters(m Matters) {
	c.need("matters.source", m.Source)
	for _, x := range []struct {
		key string
		d   Duration
	}{{"village", m.Village}, {"township", m.Township}, {"county", m.County}, {"unclaimed", m.Unclaimed}, {"meeting", m.Meeting}, {"silent", m.Silent}} {
		c.judgeDays("matters."+x.key, x.d, oneDay, mostMatter)
	}
	if m.Meeting < m.Unclaimed {
		c.fault("matters.meeting", "%s 排早了 (不能早于 unclaimed)", m.Meeting)
	}
}

func (c *checker) judgeDepts(depts []Dept) {
	var names, needs []string
	for i, d := range depts {
		path := fmt.Sprintf("departments[%d]", i)
		c.need(path+".name", d.Name)
		c.need(path+".duty", d.Duty)
		c.need(path+".source", d.Source)
		if slices.Contains(names, d.Name) && d.Name != "" {
			c.fault(path+".name", "“%s”已有一个部门叫这个", d.Name)
		}
		names = append(names, d.Name)
		c.judgeAlarmKinds(path+".alarms", d.Alarms)
		c.judgeWords(path+".items", d.Items, itemKeys())
		c.judgeWords(path+".needs", d.Needs, nil)
		for _, need := range d.Needs {
			if !slices.Contains(needs, need) {
				needs = append(needs, need)
			}
		}
	}
	if len(needs) > mostNeeds {
		c.fault("departments", "需求写了 %d 种,卡片上放不下 (应不超过 %d 种)", len(needs), mostNeeds)
	}
}

func (c *checker) judgeDrill(d Drill) {
	c.need("drill.source", d.Source)
	if d.Weekday < 0 || d.Weekday > 7 {
		c.fault("drill.weekday", "没有星期%d (应为 0 到 7,0 是不演练)", d.Weekday)
	}
	if _, err := time.Parse("15:04", d.At); (err != nil || len(d.At) != 5) && (d.At != "" || d.Weekday != 0) {
		c.fault("drill.at", "“%s”不是钟点 (应为 \"10:00\" 这样的)", d.At)
	}
}

func (c *checker) judgeTargets(path string, targets []Target, accepted ...Target) {
	for i, t := range targets {
		at := fmt.Sprintf("%s[%d]", path, i)
		oneOf(c, at, t, accepted...)
		if slices.Contains(targets[:i], t) {
			c.fault(at, "%s 写了两次", t)
		}
	}
}

func (c *checker) judgeAlarmKinds(path string, kinds []string) {
	var known []string
	for _, k := range ledger.AlarmKinds {
		known = append(known, k.Key)
	}
	c.judgeWords(path, kinds, known)
}

// judgeWords judges a list of words that are known ones, or any where none are.
func (c *checker) judgeWords(path string, words, known []string) {
	for i, w := range words {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case known != nil:
			oneOf(c, at, w, known...)
		case strings.TrimSpace(w) == "":
			c.fault(at, "没有写")
		}
		if w != "" && slices.Contains(words[:i], w) {
			c.fault(at, "%s 写了两次", w)
		}
	}
}

func (c *checker) judgeDays(path string, d, least, most Duration) {
	if d < least || d > most || d%oneDay != 0 {
		c.fault(path, "%s 不合理 (应为 %dd 到 %s 的整天)", d, least/oneDay, most)
	}
}

func itemKeys() []string {
	var keys []string
	for _, it := range ledger.Items {
		keys = append(keys, it.Key)
	}
	return keys
}
