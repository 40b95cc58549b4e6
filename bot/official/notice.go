package official

import (
	"context"
	"encoding/json"
	"strings"
	"unicode"
)

// Notice is a subscription notice (订阅通知): fixed fields of a template of the account's category, and a page behind it.
// What is personal belongs on that page, after login.
type Notice struct {
	OpenID   string
	Template string
	URL      string            // "" none
	Data     map[string]string // by the template's keys: thing1, time2, …
}

type value struct {
	Value string `json:"value"`
}

// Send sends a notice to one who has allowed it: message/subscribe/bizsend. No error means that WeChat took it; what became
// of it is told by the event subscribe_msg_sent_event. msgID is the one that event names, "" where WeChat gives none (its page
// does not promise one).
func (a *Account) Send(ctx context.Context, n Notice) (msgID string, err error) {
	data := make(map[string]value, len(n.Data))
	for key, text := range n.Data {
		data[key] = value{fit(key, text)}
	}
	var answer struct {
		MsgID json.Number `json:"msgid"` // more digits than a float64 keeps
	}
	err = a.call(ctx, apiSend, struct {
		OpenID   string           `json:"touser"`
		Template string           `json:"template_id"`
		Page     string           `json:"page,omitempty"`
		Data     map[string]value `json:"data"`
	}{n.OpenID, n.Template, n.URL, data}, &answer)
	return answer.MsgID.String(), err
}

// limits are how many characters a field may have by the type its key begins with (developers.weixin.qq.com: 订阅消息参数值内容限制说明).
// Only types that still say the same when cut are here: half a telephone number is another number, and 47003 is better.
var limits = map[string]struct {
	max  int
	mark string // what the last characters give way to; the two others are of 汉字 alone
}{
	"thing":  {20, "…"},
	"name":   {10, ""},
	"phrase": {5, ""},
}

// fit makes a value one WeChat takes: a notice that says less is better than one that is refused (47003).
func fit(key, text string) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text))
	kind := strings.TrimRight(strings.TrimSuffix(key, ".DATA"), "0123456789")
	l, ok := limits[kind]
	r := []rune(text)
	if kind == "name" && !strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		l.max = 20 // in letters alone
	}
	if !ok || len(r) <= l.max {
		return text
	}
	return string(r[:l.max-len([]rune(l.mark))]) + l.mark
}
