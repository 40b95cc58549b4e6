package scheduler

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/6tail/lunar-go/calendar"

	"xunfang/ledger"
)

// day is the civil day of a mark in a period; "" where the mark is none.
func (m Mark) day(s span) ledger.Day {
	if m == Mid {
		return s.first.Add((s.last.Sub(s.first)+1)/2 - 1)
	}
	n, err := strconv.Atoi(strings.TrimSuffix(string(m), "d"))
	if err != nil || m == "" {
		return ""
	}
	return max(s.first, s.last.Add(-n))
}

// due is the day on which a nudge is given: out of the Spring Festival's way for whom that holds.
func (p *Pack) due(m Mark, s span, key bool) ledger.Day { return p.moved(m, s, key, true) }

// up is the day on which a lead hears: leads are at work up to the eve.
func (p *Pack) up(m Mark, s span, key bool) ledger.Day { return p.moved(m, s, key, false) }

func (p *Pack) moved(m Mark, s span, key, early bool) ledger.Day {
	day := m.day(s)
	if day == "" || p.Spring == (Spring{}) {
		return day
	}
	f := festivalNear(day)
	eve, first := f.newYear.Add(-1), f.newYear
	before := ledger.Day("")
	if p.Spring.Before > 0 {
		before = f.twelfth.Add(p.Spring.Before - 1)
	}
	quiet := first.Add(p.Spring.Quiet - 1)
	switch {
	case early && before != "" && day >= before && day < eve:
		return max(s.first, before.Add(-1))
	case p.Spring.Quiet > 0 && day >= eve && day <= quiet && !key:
		if before != "" && before.Add(-1) >= s.first {
			return before.Add(-1)
		}
		return quiet.Add(1)
	}
	return day
}

// quiet says whether only key elders are spoken of on a day.
func (p *Pack) quiet(on ledger.Day) bool {
	if p.Spring.Quiet == 0 {
		return false
	}
	f := festivalNear(on)
	return on >= f.newYear.Add(-1) && on <= f.newYear.Add(p.Spring.Quiet-1)
}

// festival is a Spring Festival: the first day of the first lunar month, and of the twelfth before it.
type festival struct{ twelfth, newYear ledger.Day }

var (
	festivalsMu sync.Mutex
	festivals   = map[int]festival{} // by year: a conversion costs a millisecond
)

// festivalNear is the Spring Festival of a day's civil year; the twelfth month may begin in the year before.
func festivalNear(on ledger.Day) festival {
	year, _ := strconv.Atoi(string(on[:4]))
	if on.Month() == time.December {
		year++
	}
	festivalsMu.Lock()
	defer festivalsMu.Unlock()
	if f, ok := festivals[year]; ok {
		return f
	}
	solar := func(lunarYear, month int) ledger.Day {
		x := calendar.NewLunarFromYmd(lunarYear, month, 1).GetSolar()
		return ledger.NewDay(x.GetYear(), time.Month(x.GetMonth()), x.GetDay())
	}
	f := festival{solar(year-1, 12), solar(year, 1)}
	festivals[year] = f
	return f
}

// Hours in which the calendar speaks, minutes of the day (contract, Times).
var hours = []struct{ from, to int }{{8*60 + 37, 11*60 + 24}, {14*60 + 37, 17*60 + 24}}

// Slot is when somebody hears of something on a day, in the morning or the afternoon: each person their own minute, another
// each day, and never a full or half hour, when everybody else's programs speak (wecom/90236).
func Slot(user string, on ledger.Day, afternoon bool, zone *time.Location) time.Time {
	w := hours[0]
	if afternoon {
		w = hours[1]
	}
	h := fnv.New32a()
	h.Write([]byte(user + "/" + string(on)))
	minute := w.from + int(h.Sum32()%uint32(w.to-w.from))
	if minute%30 == 0 {
		minute++
	}
	return on.In(zone).Add(time.Duration(minute) * time.Minute)
}

// Until is how long what goes out at a moment is worth saying: the last of that day's hours.
func Until(at time.Time, zone *time.Location) time.Time {
	return ledger.DayOf(at, zone).In(zone).Add(time.Duration(hours[1].to) * time.Minute)
}

// Humane is the moment at which something that should be said since a slot may be said now: at the slot, at once within the hours,
// else in the next of them.
func Humane(user string, slot, now time.Time, zone *time.Location) time.Time {
	if !now.After(slot) {
		return slot
	}
	today := ledger.DayOf(now, zone)
	minute := int(now.Sub(today.In(zone)) / time.Minute)
	switch {
	case slices.ContainsFunc(hours, func(w struct{ from, to int }) bool { return minute >= w.from && minute < w.to }):
		return now
	case minute < hours[0].from:
		return Slot(user, today, false, zone)
	case minute < hours[1].from:
		return Slot(user, today, true, zone)
	}
	return Slot(user, today.Add(1), false, zone)
}
