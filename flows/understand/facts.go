package understand

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// values finds room temperature, blood pressure, a new phone and a new address.
func (s *sentence) values() {
	s.temperature()
	s.pressure()
	s.phone()
	s.address()
}

// temperature reads 18度, 室温19, 零下, 二十一度; not 体温36度, not 是18度不是8度's second.
func (s *sentence) temperature() {
	for i := 0; i < len(s.text); i++ {
		n, size := s.number(i)
		if size == 0 {
			continue
		}
		end := i + size
		if end+1 < len(s.text) && s.text[end] == '.' && s.text[end+1] >= '0' && s.text[end+1] <= '9' {
			end += 2 // 18.5度 is 18
		}
		degree := s.word(end, "degree") > 0
		led := i
		for led > 0 && led > i-3 && strings.ContainsRune(":： 是有才就只也大概约不到", s.text[led-1]) {
			led--
		}
		room := s.before(led, "room") > 0
		bare := end >= len(s.text) || !strings.ContainsRune("年月日号岁点分个次块元斤/-人户天圈趟会下间家股片层张把盏条地", s.text[end])
		if (degree || room && bare) && s.before(i, "isnot") == 0 && !s.ofBody(i) && n <= 45 {
			if s.before(i, "below") > 0 {
				n = -n
			}
			s.facts.RoomTemp, s.degree = &n, i
			return
		}
		i = end - 1
	}
}

// ofBody says whether a number is the body's temperature or another measure: 体温, 发烧, 倾斜.
func (s *sentence) ofBody(i int) bool {
	for j := max(0, i-6); j < i; j++ {
		if s.same(j, i) && s.word(j, "otherdegrees") > 0 {
			return true
		}
	}
	return false
}

// pressure reads 130/85, 高压150低压90, 血压一百五 九十.
func (s *sentence) pressure() {
	for i := 0; i < len(s.text); i++ {
		high, size := s.number(i)
		if size == 0 {
			continue
		}
		end := i + size
		if high < 60 || high > 280 {
			i = end - 1
			continue
		}
		j, slash := end, false
		for j < len(s.text) && j < end+5 {
			if _, n := s.number(j); n > 0 {
				break
			}
			slash = slash || s.text[j] == '/' || s.text[j] == '、'
			j++
		}
		if j < len(s.text) {
			low, n := s.number(j)
			said := s.near8(i, "pressure")
			apart := j > end || unicode.Is(unicode.Han, s.text[j]) // 一百三十二八十
			if n > 0 && low >= 30 && low <= 160 && low < high && (slash && j == end+1 || said && j-end <= 4 && apart) {
				s.high, s.low, s.blood = high, low, i
				s.facts.BP = fmt.Sprintf("%d/%d", high, low)
				return
			}
		}
		i = end - 1
	}
}

// near8 says whether a word of a class lies within eight characters before a place.
func (s *sentence) near8(i int, class string) bool {
	return slices.ContainsFunc(s.marks, func(m mark) bool { return s.names[m.class] == class && m.to <= i && i-m.to <= 8 })
}

// highPressure is what a nurse of the village would not let pass: the guidelines' second grade.
func (s *sentence) highPressure() bool { return s.high >= 160 || s.low >= 100 }

// phone reads a mobile number, digits only or in groups; the first that is not called the wrong one.
func (s *sentence) phone() {
	for i := 0; i < len(s.text); i++ {
		if s.text[i] != '1' || i > 0 && s.text[i-1] >= '0' && s.text[i-1] <= '9' {
			continue
		}
		j, n := i, 0
		for ; j < len(s.text) && n < 11; j++ {
			if s.text[j] >= '0' && s.text[j] <= '9' {
				n++
			} else if s.text[j] != '-' && s.text[j] != ' ' {
				break
			}
		}
		if n == 11 && (j == len(s.text) || s.text[j] < '0' || s.text[j] > '9') && s.before(i, "isnot") == 0 {
			s.facts.NewPhone = string(s.typed[i:j])
			return
		}
	}
}

// address reads what an address was changed to: it has a number and ends as addresses do.
func (s *sentence) address() {
	moved := false
	for i := range s.text {
		n := s.word(i, "newaddress")
		moved = moved || s.word(i, "moved") > 0
		if n == 0 && moved {
			n = s.word(i, "becomes")
		}
		if n == 0 {
			continue
		}
		from := i + n
		for from < len(s.text) && strings.ContainsRune(":： ,，了是到在为成", s.text[from]) {
			from++
		}
		to, place := from, false
		for ; to < len(s.text) && !strings.ContainsRune(",，。;；!！ \n)）", s.text[to]) && s.word(to, "isnot", "notplace") == 0; to++ {
			place = place || strings.ContainsRune("号组队楼栋村室社", s.text[to])
		}
		for to > from && strings.ContainsRune("了的吧呢", s.text[to-1]) {
			to--
		}
		if place && to-from >= 3 {
			s.facts.NewAddress = string(s.typed[from:to])
			return
		}
	}
}
