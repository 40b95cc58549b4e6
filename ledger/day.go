// Package ledger is the 台账: the nouns of elder care — elders, people and their posts, visits, findings — and the civil
// days and calendar periods they hang on. It answers what a thing is and who may see it. It does no I/O, asks no clock
// and knows no zone but the one it is given.
package ledger

import (
	"fmt"
	"time"
)

// Day is a civil date "2006-01-02" as a form shows it; "" means unknown. Days compare and sort as strings.
type Day string

const dayLayout = "2006-01-02"

// DayOf is the civil day of an instant in a zone: the only step that needs one.
func DayOf(t time.Time, zone *time.Location) Day { return Day(t.In(zone).Format(dayLayout)) }

// ParseDay reads "2006-01-02" strictly.
func ParseDay(s string) (Day, error) {
	if _, err := time.Parse(dayLayout, s); err != nil {
		return "", fmt.Errorf("day %q is not YYYY-MM-DD", s)
	}
	return Day(s), nil
}

// NewDay is the day of year, month and day of the month; days beyond the month's end roll over as in time.Date.
func NewDay(year int, month time.Month, day int) Day {
	return Day(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Format(dayLayout))
}

// Time is midnight UTC of the day, for arithmetic; the zero time for an unknown or malformed day.
func (d Day) Time() time.Time {
	t, err := time.Parse(dayLayout, string(d))
	if err != nil {
		return time.Time{}
	}
	return t
}

// In is the instant at which the day begins in a zone.
func (d Day) In(zone *time.Location) time.Time {
	t := d.Time()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone)
}

// Add is the day n days later (earlier when n is negative).
func (d Day) Add(n int) Day { return Day(d.Time().AddDate(0, 0, n).Format(dayLayout)) }

// Sub is the number of days from other to d.
func (d Day) Sub(other Day) int { return int(d.Time().Sub(other.Time()) / (24 * time.Hour)) }

// Month is the calendar month, 0 when the day is unknown.
func (d Day) Month() time.Month {
	if len(d) != len(dayLayout) {
		return 0
	}
	return time.Month(int(d[5]-'0')*10 + int(d[6]-'0'))
}

// Short is the day as people say it: "3月11日".
func (d Day) Short() string {
	t := d.Time()
	return fmt.Sprintf("%d月%d日", int(t.Month()), t.Day())
}

// Age is the completed years of somebody born on d, as of another day; -1 when the birth date is unknown.
func (d Day) Age(on Day) int {
	if d == "" {
		return -1
	}
	b, t := d.Time(), on.Time()
	age := t.Year() - b.Year()
	if t.Month() < b.Month() || t.Month() == b.Month() && t.Day() < b.Day() {
		age--
	}
	return age
}
