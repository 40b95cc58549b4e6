package scheduler

import "time"

// Where the times of families end: beyond them a pack is a slip of the pen. Whereabouts go stale after half a year and a bond after a
// year (requirements F3; PIPL art. 19); a county may only ask earlier.
const (
	lastSummary = 20 // day of the month
	leastStale  = 30 * oneDay
	mostStale   = 183 * oneDay
	mostRecheck = 366 * oneDay
	mostAnswer  = 14 * oneDay // working days
	mostUrgent  = Duration(2 * time.Hour)
	mostSilent  = 150 * oneDay
)

func (c *checker) judgeFamily(f Family) {
	c.need("family.source", f.Source)
	if f.Summary < 0 || f.Summary > lastSummary {
		c.fault("family.summary", "没有%d日 (应为 0 到 %d,0 是不发)", f.Summary, lastSummary)
	}
	c.judgeWords("family.festival", f.Festival, festivalNames)
	c.judgeDays("family.stale", f.Stale, leastStale, mostStale)
	c.judgeDays("family.recheck", f.Recheck, leastStale, mostRecheck)
	c.judgeDays("family.answer", f.Answer, oneDay, mostAnswer)
	if f.Urgent < Duration(time.Minute) || f.Urgent > mostUrgent {
		c.fault("family.urgent", "%s 不合理 (应为 1m 到 %s)", f.Urgent, mostUrgent)
	}
	if f.Reply < Duration(time.Hour) || f.Reply > mostAnswer {
		c.fault("family.reply", "%s 不合理 (应为 1h 到 %s)", f.Reply, mostAnswer)
	}
	c.judgeDays("family.silent", f.Silent, 0, mostSilent)
}
