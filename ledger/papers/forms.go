package papers

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"xunfang/ledger"
)

// words is free text of limited length.
func words(limit int) form {
	return func(s string) (string, string, string) {
		if n := utf8.RuneCountInString(s); n > limit {
			return "", fmt.Sprintf("太长,有%d个字", n), fmt.Sprintf("不超过%d个字", limit)
		}
		if strings.ContainsFunc(s, func(r rune) bool {
			return unicode.IsControl(r) && r != '\n' && r != '\t' || r == utf8.RuneError
		}) {
			return "", "有控制字符或乱码", "普通文字"
		}
		return s, "", ""
	}
}

// code is an opaque key: no blanks inside, so that people see all of it.
func code(limit int) form {
	return func(s string) (string, string, string) {
		s = plainNumber(halfWidth(s))
		if len(s) > limit {
			return "", "太长", fmt.Sprintf("不超过%d个字母或数字", limit)
		}
		if strings.Contains(s, joiner) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
			return "", "中间有空格或顿号", "连着写的字母和数字"
		}
		return s, "", ""
	}
}

// WeCom: 1 to 64 letters, digits and _-@. , the first a letter or digit.
var useridShape = regexp.MustCompile(`^[0-9a-z][0-9a-z_.@-]{0,63}$`)

// userid folds to lower case, since WeCom compares userids without case (wecom/90196).
func userid(s string) (string, string, string) {
	s = strings.ToLower(halfWidth(s))
	if !useridShape.MatchString(s) {
		return "", "不像企业微信账号", "字母、数字和 _-@. ,不超过64位"
	}
	return s, "", ""
}

var (
	phoneMarks    = strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "")
	mobileShape   = regexp.MustCompile(`^1[3-9]\d{9}$`)
	landlineShape = regexp.MustCompile(`^(010|02\d|0[3-9]\d{2})(\d{7,8})$`)
)

// phone keeps a mobile number bare and writes a landline as 0951-8012345.
func phone(s string) (string, string, string) {
	bare := phoneMarks.Replace(plainNumber(halfWidth(s)))
	rest, abroad := strings.CutPrefix(bare, "+86")
	if !abroad {
		rest, abroad = strings.CutPrefix(bare, "0086")
	}
	if abroad && !mobileShape.MatchString(rest) { // from abroad the area code has no 0
		rest = "0" + strings.TrimPrefix(rest, "0")
	}
	if m := mobileShape.FindString(strings.TrimPrefix(rest, "86")); m != "" {
		return m, "", ""
	}
	if m := landlineShape.FindStringSubmatch(rest); m != nil {
		return m[1] + "-" + m[2], "", ""
	}
	return "", "不像电话号码", "手机11位,或带区号的座机如 0951-8012345"
}

// idNumber is a citizen identity number, X in upper case.
func idNumber(s string) (string, string, string) {
	s = strings.ToUpper(strings.ReplaceAll(halfWidth(s), " ", ""))
	if strings.Contains(s, "E+") {
		return "", "身份证号被存成了数字,末几位已经丢了", "文本格式的18位"
	}
	wrong, want := idFault(s)
	return s, wrong, want
}

var (
	dayShape    = regexp.MustCompile(`^(\d{4})(?:[-/.](\d{1,2})[-/.](\d{1,2})|年(\d{1,2})月(\d{1,2})日?|(\d{2})(\d{2}))(?:[ T]\d{1,2}:.*)?$`)
	monthShape  = regexp.MustCompile(`^\d{4}(?:[-/.]\d{1,2}|年\d{1,2}月)$`)
	serialShape = regexp.MustCompile(`^\d{1,6}(\.\d+)?$`)
)

const dateWant = "如 2026-03-02"

// date reads the forms people type, and Excel's own day numbers.
func date(s string) (string, string, string) {
	s = halfWidth(s)
	m := dayShape.FindStringSubmatch(s)
	if monthShape.MatchString(s) {
		return "", "只有年月,没有日", dateWant // an invented day would decide when somebody turns 70
	}
	if m == nil && serialShape.MatchString(s) {
		return serialDate(s)
	}
	if m == nil {
		return "", "不像日期", dateWant
	}
	year, _ := strconv.Atoi(m[1])
	month, _ := strconv.Atoi(m[2] + m[4] + m[6])
	day, _ := strconv.Atoi(m[3] + m[5] + m[7])
	d, err := ledger.ParseDay(fmt.Sprintf("%04d-%02d-%02d", year, month, day))
	if err != nil {
		return "", "没有这一天", dateWant
	}
	if year < 1850 || year > 2199 {
		return "", "年份不对", dateWant
	}
	return string(d), "", ""
}

// serialDate reads a date cell, which in the file is a count of days from 1900.
func serialDate(s string) (string, string, string) {
	n, _ := strconv.ParseFloat(s, 64)
	if n == float64(int(n)) && n >= 1850 && n <= 2199 {
		return "", "只有年份", dateWant // as a day number it would be a day of 1905
	}
	t, err := excelize.ExcelDateToTime(n, false)
	if err != nil || n < 1 || t.Year() > 2199 {
		return "", "不像日期", dateWant
	}
	return t.Format(time.DateOnly), "", ""
}

func oneOf(accepted ...string) form {
	return func(s string) (string, string, string) {
		if i := slices.Index(accepted, s); i >= 0 {
			return accepted[i], "", "" // the one string, not the cell's
		}
		return "", "不在可选的词里", strings.Join(accepted, "、")
	}
}

// listOf is several words joined with 、; commas and semicolons of both widths are taken for it.
func listOf(f form) form {
	return func(s string) (string, string, string) {
		var out []string
		for _, part := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("、,;\uff0c\uff1b\n", r) }) {
			value, wrong, want := f(strings.TrimSpace(part))
			if wrong != "" {
				return "", wrong, want
			}
			out = append(out, value)
		}
		if len(out) == 0 {
			return "", "只有标点", "用、连起来的词"
		}
		return strings.Join(out, joiner), "", ""
	}
}

func decimal(limit float64) form {
	want := fmt.Sprintf("%g 到 %g 之间的数", -limit, limit)
	return func(s string) (string, string, string) {
		n, err := strconv.ParseFloat(halfWidth(s), 64)
		if err != nil || !(n >= -limit && n <= limit) {
			return "", "不是合适的数", want
		}
		return strconv.FormatFloat(n, 'f', -1, 64), "", ""
	}
}

// halfWidth turns the full-width letters and digits of Chinese typing into plain ones.
func halfWidth(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r >= '\uff01' && r <= '\uff5e':
			return r - 0xFEE0
		case r == '\u3000' || r == '\u00a0':
			return ' '
		case r >= '\u2010' && r <= '\u2015' || r == '\u2212':
			return '-'
		}
		return r
	}, s))
}

var scientific = regexp.MustCompile(`^\d(\.\d{1,14})?[eE]\+?1[0-4]$`)

// plainNumber writes out the digits of a number cell that a program saved as 1.39E+10.
func plainNumber(s string) string {
	if !scientific.MatchString(s) {
		return s
	}
	n, _ := strconv.ParseFloat(s, 64)
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// visible leaves out what is pasted along unseen from phones and web pages, and would make two of one name.
func visible(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\u00ad', r == '\u200b', r == '\ufeff', r >= '\u200e' && r <= '\u200f', r >= '\u202a' && r <= '\u202e',
			r >= '\u2066' && r <= '\u2069':
			return -1
		}
		return r
	}, s))
}

// short cuts a name quoted in a fault.
func short(s string) string {
	if r := []rune(s); len(r) > 12 {
		return string(r[:12]) + "…"
	}
	return s
}

// quoted is a word in a fault, masked where it could be an identity number or a phone.
func quoted(s string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, halfWidth(s))
	if len(digits) > 10 {
		return "“" + digits[:2] + "…" + digits[len(digits)-2:] + "”"
	}
	return "“" + short(s) + "”"
}
