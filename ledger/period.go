package ledger

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Period is a calendar period: "2026-03" a month, "2026Q1" a quarter, "2026H1" a half-year, "2026" a year; "2026W09" a week from
// Monday to Sunday as ISO 8601 numbers them, in which duties are counted and no report is made.
type Period string

var periodShape = regexp.MustCompile(`^(\d{4})(?:-(0[1-9]|1[0-2])|Q([1-4])|H([12]))?$`)

// ParsePeriod reads one of the four shapes.
func ParsePeriod(s string) (Period, error) {
	if !periodShape.MatchString(s) {
		return "", fmt.Errorf("period %q is none of 2026-03, 2026Q1, 2026H1, 2026", s)
	}
	return Period(s), nil
}

// MonthOf is the calendar month a day lies in (002 五·巡访次数 counts by it).
func MonthOf(d Day) Period { return Period(d[:7]) }

// QuarterOf is the calendar quarter a day lies in (000 三(三) counts by it).
func QuarterOf(d Day) Period {
	return Period(string(d[:4]) + "Q" + strconv.Itoa((int(d.Month())-1)/3+1))
}

// WeekOf is the week a day lies in, Monday to Sunday.
func WeekOf(d Day) Period {
	y, w := d.Time().ISOWeek()
	return Period(fmt.Sprintf("%04dW%02d", y, w))
}

// HalfOf is the half-year a day lies in (002 五·帮扶服务: 每半年).
func HalfOf(d Day) Period {
	if d.Month() <= time.June {
		return Period(d[:4] + "H1")
	}
	return Period(d[:4] + "H2")
}

// week is the Monday of a week; false for any other period.
func (p Period) week() (Day, bool) {
	if len(p) != len("2026W09") || p[4] != 'W' {
		return "", false
	}
	y, err := strconv.Atoi(string(p[:4]))
	w, err2 := strconv.Atoi(string(p[5:]))
	if err != nil || err2 != nil {
		return "", false
	}
	fourth := NewDay(y, time.January, 4) // always in the first week
	monday := fourth.Add(-(int(fourth.Time().Weekday()+6) % 7))
	return monday.Add(7 * (w - 1)), true
}

// bounds are the first month of the period and its length in months.
func (p Period) bounds() (year int, first time.Month, months int) {
	m := periodShape.FindStringSubmatch(string(p))
	if m == nil {
		return 0, 1, 0
	}
	year, _ = strconv.Atoi(m[1])
	switch {
	case m[2] != "":
		n, _ := strconv.Atoi(m[2])
		return year, time.Month(n), 1
	case m[3] != "":
		n, _ := strconv.Atoi(m[3])
		return year, time.Month(3*n - 2), 3
	case m[4] != "":
		n, _ := strconv.Atoi(m[4])
		return year, time.Month(6*n - 5), 6
	}
	return year, 1, 12
}

// First is the period's first day.
func (p Period) First() Day {
	if monday, ok := p.week(); ok {
		return monday
	}
	y, m, _ := p.bounds()
	return NewDay(y, m, 1)
}

// Last is the period's last day, leap years included.
func (p Period) Last() Day {
	if monday, ok := p.week(); ok {
		return monday.Add(6)
	}
	y, m, n := p.bounds()
	return NewDay(y, m+time.Month(n), 0)
}

// Contains says whether a day lies in the period.
func (p Period) Contains(d Day) bool { return p.First() <= d && d <= p.Last() }

// Name is the period as people say it: "3月", "第1季度", "上半年", "2026年".
func (p Period) Name() string {
	if monday, ok := p.week(); ok {
		return monday.Short() + "起的一周"
	}
	y, m, n := p.bounds()
	switch n {
	case 1:
		return fmt.Sprintf("%d月", int(m))
	case 3:
		return fmt.Sprintf("第%d季度", (int(m)+2)/3)
	case 6:
		if m == 1 {
			return "上半年"
		}
		return "下半年"
	}
	return fmt.Sprintf("%d年", y)
}
