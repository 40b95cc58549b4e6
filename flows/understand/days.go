package understand

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"xunfang/ledger"
)

// dated is a day somebody said.
type dated struct {
	from, to int
	day      ledger.Day // "" where only a time to come is said
}

// lunarMonth is a month of the farmers' calendar: its number, 1 to 12, and its first day.
type lunarMonth struct {
	number int
	first  ledger.Day
}

func (t *tables) readLunar(f []string) error {
	if len(f) < 2 {
		return errors.New("lunar wants a year and its months, each as 12:2026-01-19")
	}
	for _, m := range f[1:] {
		n, day, _ := strings.Cut(strings.TrimPrefix(m, "闰"), ":")
		number, err := strconv.Atoi(n)
		d, wrong := ledger.ParseDay(day)
		if err := errors.Join(err, wrong); err != nil || number < 1 || number > 12 {
			return fmt.Errorf("%q is no month like 12:2026-01-19", m)
		}
		if !strings.HasPrefix(m, "闰") {
			t.lunar = append(t.lunar, lunarMonth{number, d})
		}
	}
	return nil
}

var numerals = map[rune]int{'〇': 0, '零': 0, '一': 1, '二': 2, '两': 2, '三': 3, '四': 4, '五': 5, '六': 6, '七': 7, '八': 8, '九': 9}

// number reads digits or Chinese numerals below a thousand from a place on: 21, 二十一, 廿八, 一百五 (150), 十六七 (the lower).
// The size is 0 where there is none.
func (s *sentence) number(i int) (value, size int) {
	j := i
	for ; j < len(s.text) && j < i+4 && s.text[j] >= '0' && s.text[j] <= '9'; j++ {
		value = value*10 + int(s.text[j]-'0')
	}
	if j > i {
		return value, j - i
	}
	one := func() (int, bool) {
		if j < len(s.text) {
			if d, ok := numerals[s.text[j]]; ok {
				j++
				return d, true
			}
		}
		return 0, false
	}
	unit := func(r rune) bool {
		if j < len(s.text) && s.text[j] == r {
			j++
			return true
		}
		return false
	}
	d, ok := one()
	if ok && unit('百') {
		value = d * 100
		was := j
		if d, ok = one(); !ok {
			return value, j - i
		}
		if s.text[was] == '零' {
			d, _ = one()
			return value + d, j - i
		}
		if !unit('十') {
			return value + 10*d, j - i
		}
		value += 10 * d
	} else if unit('十') {
		if value = 10; ok {
			value = 10 * d
		}
	} else if !ok && unit('廿') {
		value = 20
	} else {
		return d, j - i
	}
	if d, ok = one(); ok {
		value += d
		if was := j; j < len(s.text) { // 十六七, but not 一百三十二八十
			if _, ok := one(); ok && j < len(s.text) && strings.ContainsRune("十百", s.text[j]) {
				j = was
			}
		}
	}
	return value, j - i
}

// numberBefore reads the number that ends at a place.
func (s *sentence) numberBefore(end int) (value, from int, ok bool) {
	for from = max(0, end-5); from < end; from++ {
		if v, n := s.number(from); n > 0 && from+n == end {
			return v, from, true
		}
	}
	return 0, 0, false
}

// findDays finds the days said, in the order they stand.
func (s *sentence) findDays() {
	for i := 0; i < len(s.text); i++ {
		if s.named(i) != nil {
			continue
		}
		if d, n := s.dayAt(i); n > 0 {
			s.days = append(s.days, dated{i, i + n, d})
			i += n - 1
		}
	}
}

// dayAt reads a day from a place on: 昨天 and 夜来 are words of day.-1, 周一 and 上礼拜五 of weekday, 明天 of someday.
func (s *sentence) dayAt(i int) (ledger.Day, int) {
	size, class, month, after := 0, "", 0, i
	n := s.root
	for j := i; j < len(s.text); j++ {
		if n = n.next[s.text[j]]; n == nil {
			break
		}
		for _, c := range n.tags {
			switch name := s.names[c]; {
			case name == "weekday", name == "someday", name == "notday", name == "newyearseve", strings.HasPrefix(name, "day."),
				strings.HasPrefix(name, feastClass):
				size, class = j+1-i, name
			case strings.HasPrefix(name, lunarClass):
				month, _ = strconv.Atoi(name[len(lunarClass):])
				after = j + 1
			}
		}
	}
	switch class {
	case "notday":
		return "", 0
	case "weekday":
		return s.weekday(i, size)
	case "someday":
		return "", size
	case "newyearseve":
		return s.latest(func(k int) ledger.Day {
			if s.lunar[k].number == 1 {
				return s.lunar[k].first.Add(-1)
			}
			return ""
		}), size
	case "":
	default:
		if feast, ok := strings.CutPrefix(class, feastClass); ok {
			if d, n := s.calendarDay(i); n > size { // 二月二十号
				return d, n
			}
			return s.feast(feast), size
		}
		back, _ := strconv.Atoi(class[len("day."):])
		return s.today.Add(back), size
	}
	if d, n := s.lunarDay(i, month, after); n > 0 {
		return d, n
	}
	return s.calendarDay(i)
}

// feastClass begins the names of the classes for feasts, by the farmers' calendar (feast.lunar8-15 中秋) or the common one
// (feast.10-1 国庆).
const feastClass = "feast."

// feastDay reads what stands behind feastClass.
func feastDay(said string) (month, day int, lunar, ok bool) {
	said, lunar = strings.CutPrefix(said, "lunar")
	m, d, _ := strings.Cut(said, "-")
	month, wrong := strconv.Atoi(m)
	day, err := strconv.Atoi(d)
	return month, day, lunar, wrong == nil && err == nil && month >= 1 && month <= 12 && day >= 1 && day <= 31
}

// feast is the latest day of a feast.
func (s *sentence) feast(said string) ledger.Day {
	month, day, lunar, _ := feastDay(said)
	if lunar {
		return s.latest(func(k int) ledger.Day {
			if s.lunar[k].number == month {
				return s.lunar[k].first.Add(day - 1)
			}
			return ""
		})
	}
	d := ledger.NewDay(s.today.Time().Year(), time.Month(month), day)
	if d > s.today {
		d = ledger.NewDay(s.today.Time().Year()-1, time.Month(month), day)
	}
	return d
}

func (s *sentence) weekday(i, n int) (ledger.Day, int) {
	rest := string(s.text[i : i+n])
	at := strings.Index("一二三四五六日", string(s.text[i+n-1]))
	if s.text[i+n-1] == '天' {
		at = len("一二三四五六")
	}
	if s.text[i+n-1] >= '1' && s.text[i+n-1] <= '7' {
		at = int(s.text[i+n-1]-'1') * len("一")
	}
	if at < 0 {
		return "", n
	}
	monday := s.today.Add(-(int(s.today.Time().Weekday()) + 6) % 7)
	d := monday.Add(at / len("一"))
	switch {
	case strings.HasPrefix(rest, "下"):
		return "", n
	case strings.HasPrefix(rest, "上上"):
		d = d.Add(-14)
	case strings.HasPrefix(rest, "上"):
		d = d.Add(-7)
	case strings.HasPrefix(rest, "这"), strings.HasPrefix(rest, "本"):
		if d > s.today {
			d = ""
		}
	case d > s.today:
		d = d.Add(-7)
	}
	return d, n
}

// lunarClass begins the names of the classes for the farmers' months: lunarmonth12 腊月.
const lunarClass = "lunarmonth"

// lunarDay reads what follows a farmers' month, 腊月二十八, or 初三 alone: the latest one.
func (s *sentence) lunarDay(i, month, j int) (ledger.Day, int) {
	first := j < len(s.text) && s.text[j] == '初'
	if first {
		j++
	}
	if month == 0 && !first {
		return "", 0
	}
	n, size := s.number(j)
	if size == 0 || n < 1 || n > 30 {
		return "", 0
	}
	return s.latest(func(k int) ledger.Day {
		if month == 0 || s.lunar[k].number == month {
			return s.lunar[k].first.Add(n - 1)
		}
		return ""
	}), j + size - i
}

// latest is the last of the days that months give and that is not to come.
func (s *sentence) latest(day func(k int) ledger.Day) ledger.Day {
	var out ledger.Day
	for k := range s.lunar {
		if d := day(k); d != "" && d <= s.today {
			out = max(out, d)
		}
	}
	return out
}

// calendarDay reads 3号, 12月3日, 2026年1月3号, 2026-01-03, 12.3号, 三天前.
func (s *sentence) calendarDay(i int) (ledger.Day, int) {
	if i > 0 && (s.text[i-1] >= '0' && s.text[i-1] <= '9' || strings.ContainsRune("组队村社巷路街栋楼", s.text[i-1])) {
		return "", 0 // 一组15号 is an address
	}
	a, n := s.number(i)
	if n == 0 {
		return "", 0
	}
	j := i + n
	if j+1 < len(s.text) && strings.ContainsRune("天日", s.text[j]) && strings.ContainsRune("前", s.text[j+1]) && a < 60 {
		return s.today.Add(-a), j + 2 - i
	}
	year := 0
	if a > 1900 && a < 2100 && j < len(s.text) && strings.ContainsRune("年-/.", s.text[j]) {
		year = a
		if a, n = s.number(j + 1); n == 0 {
			return "", 0
		}
		j += 1 + n
	}
	month := 0
	if j < len(s.text) && (s.text[j] == '月' || strings.ContainsRune("-.", s.text[j]) && year > 0 ||
		s.text[j] == '.') && a >= 1 && a <= 12 {
		dot := s.text[j] == '.' && year == 0
		b, m := s.number(j + 1)
		if m == 0 {
			return "", 0
		}
		month, a, j = a, b, j+1+m
		if dot && !(j < len(s.text) && strings.ContainsRune("号日", s.text[j])) {
			return "", 0
		}
	}
	if j < len(s.text) && strings.ContainsRune("号日", s.text[j]) {
		j++
		if j < len(s.text) && strings.ContainsRune("楼线院床房", s.text[j]) {
			return "", 0
		}
	} else if month == 0 {
		return "", 0
	}
	if a < 1 || a > 31 {
		return "", 0
	}
	t := s.today.Time()
	y, m := t.Year(), int(t.Month())
	if month > 0 {
		m = month
	}
	if year > 0 {
		y = year
	}
	for range 12 { // the latest that is not to come; the 31st of a month that has none is the one before
		d := ledger.NewDay(y, time.Month(m), a)
		real := d.Time().Day() == a
		if real && (d <= s.today || year > 0) {
			return d, j - i
		}
		if month > 0 {
			y--
		} else if m--; m == 0 {
			m, y = 12, y-1
		}
	}
	return "", j - i
}

// day is the day of the visit or the event, and whether it was said: the first that was said of it, today where none was.
func (s *sentence) day(intent Intent) (ledger.Day, bool) {
	out, dated := s.today, false
	if intent == Emergency && s.has("until") { // gone since yesterday is an emergency of today
		return out, false
	}
	for i := len(s.days) - 1; i >= 0; i-- {
		d := s.days[i]
		if d.day == s.today && intent == Visit && !s.aside(d, intent) {
			return s.today, true // 昨天摔了一跤,今天上门看的
		}
		if d.day == "" || d.to < len(s.text) && s.same(d.from, d.to) && s.numeral(d.from) && s.word(d.to, "notyet") > 0 {
			continue
		}
		if s.aside(d, intent) || intent == Visit && s.ofTrouble(d) {
			continue
		}
		out, dated = d.day, true
	}
	return out, dated
}

// numeral says whether a day was said by its number: 3号回来 may be to come, 昨天回来 is not.
func (s *sentence) numeral(i int) bool {
	_, n := s.number(i)
	return n > 0 || strings.ContainsRune("初正腊冬", s.text[i])
}

// ofTrouble says whether a day is that of a trouble told on a visit that was told of before: 电话问了 前天绊了一跤.
func (s *sentence) ofTrouble(d dated) bool {
	visited, trouble := false, false
	for _, m := range s.marks {
		name := s.names[m.class]
		there := s.same(m.from, d.to-1)
		switch {
		case strings.HasPrefix(name, "method."):
			visited = visited || m.to <= d.from && !there
			if there {
				return false
			}
		case there && name == elderClass:
			return false
		case there && m.from >= d.to:
			trouble = trouble || strings.HasPrefix(name, "emergency.") || strings.HasPrefix(name, "problem.")
		}
	}
	return visited && trouble
}

// aside says whether a day is that of something told on the way: 儿子昨天回来, 说昨晚摔的.
func (s *sentence) aside(d dated, intent Intent) bool {
	for _, m := range s.marks {
		if m.to > d.from || !s.same(m.from, d.from) {
			continue
		}
		switch s.names[m.class] {
		case "says", "since":
			return true
		case "kin":
			if intent == Visit || intent == HelpRecord || intent == Emergency {
				if s.before(m.from, "toward") == 0 {
					return true
				}
			}
		}
	}
	return false
}
