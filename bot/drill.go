package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/scheduler"
	"xunfang/store"
)

// drills hold the weekly try of the ladder: an invented emergency in every township, on the road that a real one takes. What was
// raised is in the database under keys that name township and week, so that no second process and no restart raises another.
type drills struct {
	bot  *Bot
	done ledger.Period // week in which nothing more is to be done
}

const (
	drillLate = time.Hour       // a drill that was missed for so long is not made up for
	drillFair = 5 * time.Minute // who was told less before somebody else acted was not asked to
	drillBest = 1900            // bytes of the county's letter, less than a text may have
)

// look holds the drill of the week when its time has come, and tells the county once all is over.
func (d *drills) look(ctx context.Context, now time.Time) error {
	b := d.bot
	today := ledger.DayOf(now, b.Zone)
	rule, week := b.Packs.Main(today).Drill, ledger.WeekOf(today)
	at, err := time.Parse("15:04", rule.At)
	if rule.Weekday == 0 || d.done == week || err != nil { // a pack with another time was refused when it was read
		return nil
	}
	monday := today.Add(-((int(today.Time().Weekday()) + 6) % 7))
	day := monday.Add(rule.Weekday - 1)
	begins := day.In(b.Zone).Add(time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute)
	if now.Before(begins) {
		return nil
	}
	roster, err := b.Store.Roster(ctx)
	if err != nil {
		return err
	}
	o := outlook{roster: roster, packs: b.Packs, pack: b.Packs.Main(today), names: b.indexes.of(roster)}
	var towns []ledger.Region
	var keys []string
	for _, r := range roster.Regions() {
		if r.Level == ledger.LevelTownship && len(roster.Posted(ledger.RoleTownship, r.Code, today)) > 0 {
			towns, keys = append(towns, r), append(keys, drillKey(r.Code, week))
		}
	}
	files, err := b.Store.CaseFiles(ctx, keys...)
	if err != nil {
		return err
	}
	if now.Sub(begins) < drillLate && workDay(day, b.Zone) {
		raised := 0
		for i, town := range towns {
			if !slices.ContainsFunc(files, func(f ledger.CaseFile) bool { return f.Key == keys[i] }) {
				if err := d.raise(ctx, o, keys[i], town.Code, i+1, now); err != nil {
					return err
				}
				raised++
			}
		}
		if raised > 0 || len(towns) == 0 { // a lead may be named within the hour
			return nil
		}
	}
	if slices.ContainsFunc(files, func(f ledger.CaseFile) bool { return !f.State.Over() }) { // the ladder ends them
		return nil
	}
	if len(files) > 0 {
		if err := d.report(ctx, roster, files, week, now); err != nil {
			return err
		}
	}
	d.done = week
	return nil
}

// drillKey is of the shape of every case's key.
func drillKey(town string, week ledger.Period) string {
	sum := sha256.Sum256([]byte("drill/" + town + "/" + string(week)))
	return "c" + hex.EncodeToString(sum[:12])
}

// workDay says whether offices are open on a day.
func workDay(day ledger.Day, zone *time.Location) bool {
	eve := day.Add(-1).In(zone).Add(12 * time.Hour)
	return ledger.DayOf(scheduler.WorkDays(eve, 1, zone), zone) == day
}

// raise begins the drill of one township.
func (d *drills) raise(ctx context.Context, o outlook, key, town string, nth int, now time.Time) error {
	b := d.bot
	today := ledger.DayOf(now, b.Zone)
	for range staleTurn {
		_, count, err := b.Store.Alarms(ctx)
		if err != nil {
			return err
		}
		if have, err := b.Store.CaseFiles(ctx, key); err != nil || len(have) > 0 { // another process was faster
			return err
		}
		step := ledger.CaseStep{Alarms: count, Case: ledger.Case{
			Key: key, No: fmt.Sprintf("演%s-%d", strings.ReplaceAll(string(today[2:]), "-", ""), nth), Kind: ledger.CaseAlarm, What: "fall", Drill: true,
			Region: town, About: "每周演练,不是真的", State: ledger.CaseOpen, Level: ledger.RoleTownship, Due: now, Since: now, At: now,
		}}
		step.Add(ledger.Event{Kind: ledger.EventRaised, Text: step.Case.About, At: now})
		c := ledger.Changes{Cases: []ledger.CaseStep{step}}
		o.voice(&c, d.input(step, now))
		if err := d.commit(ctx, c); !errors.Is(err, store.ErrStale) {
			return err
		}
	}
	return store.ErrStale
}

func (d *drills) input(step ledger.CaseStep, now time.Time) flows.Input {
	zone := d.bot.Zone
	return flows.Input{Key: fmt.Sprintf("case/%s/%d", step.Case.Key, step.Case.Rev), Now: now, Today: ledger.DayOf(now, zone), Zone: zone,
		Kind: flows.Other}
}

func (d *drills) commit(ctx context.Context, c ledger.Changes) error {
	var err error
	if c.Messages, err = d.bot.render(c.Messages); err != nil {
		return err
	}
	return d.bot.Store.Commit(ctx, store.Turn{Changes: c})
}

// report tells the county how the drill of a week went. Its keys name the week, so that it is told once.
func (d *drills) report(ctx context.Context, r *ledger.Roster, files []ledger.CaseFile, week ledger.Period, now time.Time) error {
	text := drillText(r, files, d.bot.Zone)
	var messages []ledger.Message
	for _, p := range r.All(ledger.RoleCounty, ledger.DayOf(now, d.bot.Zone)) {
		key := "drill/" + string(week) + "/" + p.UserID
		if !slices.ContainsFunc(messages, func(m ledger.Message) bool { return m.Key == key }) {
			messages = append(messages, ledger.Message{Key: key, To: p.UserID, Priority: ledger.PriorityReminder, Text: text})
		}
	}
	return d.commit(ctx, ledger.Changes{Messages: messages})
}

// drillText says who acted after how long and who did not, first where nobody did.
func drillText(r *ledger.Roster, files []ledger.CaseFile, zone *time.Location) string {
	var silent, others []string
	for _, f := range files {
		line, answered := drillLine(r, f)
		if answered {
			others = append(others, line)
		} else {
			silent = append(silent, line)
		}
	}
	text := fmt.Sprintf("【演练】%s紧急演练:%d个乡镇", files[0].At.In(zone).Format("1月2日"), len(files))
	if len(silent) == 0 {
		text += ",都有人接。"
	} else {
		text += fmt.Sprintf(",%d个有人接,%d个没有人接。", len(others), len(silent))
	}
	lines := slices.Concat(silent, others)
	for i, line := range lines {
		if len(text)+len(line) > drillBest {
			return text + fmt.Sprintf("\n还有%d个乡镇", len(lines)-i)
		}
		text += "\n" + line
	}
	return text
}

func drillLine(r *ledger.Roster, f ledger.CaseFile) (line string, answered bool) {
	name := func(user string) string {
		p, _ := r.Person(user)
		return p.Name
	}
	var first ledger.Event
	for _, e := range f.Timeline {
		if e.By != "" && first.By == "" {
			first = e
		}
	}
	var quiet, lost []string
	for _, e := range f.Timeline {
		who := name(e.To)
		switch {
		case e.Kind != ledger.EventTold || e.To == first.By || slices.Contains(quiet, who) || slices.Contains(lost, who):
		case e.Lost:
			lost = append(lost, who)
		case first.By == "" || first.At.Sub(e.At) >= drillFair:
			quiet = append(quiet, who)
		}
	}
	line = r.At(f.Region, ledger.LevelTownship).Name + ":"
	switch {
	case first.By == "" && len(quiet) == 0:
		line += "没有人接"
	case first.By == "":
		line += strings.Join(quiet, "、") + "没有接"
	default:
		line += fmt.Sprintf("%s%s接了", name(first.By), after(first.At.Sub(f.At)))
		if len(quiet) > 0 {
			line += "," + strings.Join(quiet, "、") + "没有接"
		}
	}
	if len(lost) > 0 {
		line += "," + strings.Join(lost, "、") + "的企业微信收不到"
	}
	return line, first.By != ""
}

// after is how long something took, as people say it.
func after(d time.Duration) string {
	if d < time.Minute {
		return "1分钟内"
	}
	return fmt.Sprintf("%d分钟后", int(d/time.Minute))
}
