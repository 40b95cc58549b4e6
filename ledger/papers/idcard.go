package papers

import (
	"strings"

	"xunfang/ledger"
)

// idCheck is the 18th character of a citizen identity number (GB 11643-1999, ISO 7064 MOD 11-2) for its first 17 digits.
func idCheck(body string) byte {
	sum := 0
	for i := range 17 {
		sum += int(body[i]-'0') * (1 << (17 - i) % 11)
	}
	return "10X98765432"[sum%11]
}

// idFault says what is wrong with an identity number and what is expected, "" when nothing is. The number itself is never
// repeated: faults are printed and logged.
func idFault(id string) (wrong, want string) {
	if len(id) == 15 && isDigits(id) {
		return "是15位的旧身份证号", "18位新号"
	}
	if len(id) != 18 {
		return "身份证号位数不对", "18位"
	}
	if !isDigits(id[:17]) || !isDigits(id[17:]) && id[17] != 'X' {
		return "身份证号里有不该有的字", "17位数字加1位数字或X"
	}
	if _, err := ledger.ParseDay(string(idBirth(id))); err != nil {
		return "身份证号里的出生日期不存在", "第7到14位是年月日"
	}
	if c := idCheck(id[:17]); c != id[17] {
		return "身份证号最后一位不对", "18位,校验位 " + string(c)
	}
	return "", ""
}

// idBirth is the birth date written in an identity number.
func idBirth(id string) ledger.Day { return ledger.Day(id[6:10] + "-" + id[10:12] + "-" + id[12:14]) }

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
