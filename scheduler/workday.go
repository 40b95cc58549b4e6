package scheduler

import (
	"strings"
	"time"

	"github.com/6tail/lunar-go/HolidayUtil"

	"xunfang/ledger"
)

// WorkDays is the moment n working days after another, at the same time of day. What comes on a day off counts from the next
// working day on: asked on a Saturday, the first working day is over on Monday at that hour.
func WorkDays(from time.Time, n int, zone *time.Location) time.Time {
	t := from.In(zone)
	for n > 0 {
		t = t.AddDate(0, 0, 1)
		if workDay(ledger.DayOf(t, zone)) {
			n--
		}
	}
	return t.In(from.Location())
}

// workDay says whether offices are open on a day: by the State Council's calendar with its days off and the weekends worked for
// them; of a year that the library does not know yet, Monday to Friday.
func workDay(d ledger.Day) bool {
	if h := HolidayUtil.GetHoliday(strings.ReplaceAll(string(d), "-", "")); h != nil {
		return h.IsWork()
	}
	w := d.Time().Weekday()
	return w != time.Saturday && w != time.Sunday
}
