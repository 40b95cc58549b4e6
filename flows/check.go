package flows

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"xunfang/ledger"
)

// proposals shows the speaker what visitors heard and the ledger does not say yet, one card each (002 五·信息核对: 及时更正,
// 专人管理).
func (t *turn) proposals() {
	all := t.in.View.Proposals
	if len(all) == 0 {
		t.say("没有等您核对的。")
		return
	}
	for _, p := range all[:t.atOnce(len(all), "等您核对", "办完再说「核对」")] {
		if c, ok := proposalCard(p, t.in.View); ok {
			t.looked(p.ElderID, ledger.LookCheck)
			t.card(c)
		}
	}
}

// atOnce is how many of several cards are shown now; next says what brings the others.
func (t *turn) atOnce(n int, wait, next string) int {
	const most = 3
	if n > most {
		t.say(fmt.Sprintf("有%d条%s,先看%d条。%s。", n, wait, most, next))
	}
	return min(most, n)
}

// proposalCard asks the keeper whether the ledger shall say what the visitor heard.
func proposalCard(p Proposal, v View) (ledger.Card, bool) {
	hits, _ := v.Find(p.ElderID)
	if len(hits) != 1 {
		return ledger.Card{}, false
	}
	c := ledger.Card{Title: "核对:" + hits[0].full(), Desc: p.By + " " + p.Day.Short() + "巡访时听说",
		Buttons: []ledger.Button{{Key: "go:take:" + p.Key, Text: "改过来", Style: 1}, {Key: "go:leave:" + p.Key, Text: "不改", Style: 2}}}
	name, was, now := factNames[p.Field], p.Was, p.Now
	if p.Kin != "" {
		name = clip(p.Kin, 3) + "电话"
	}
	if p.Field != "address" {
		was = Mask(was)
	}
	c.Rows = []ledger.CardRow{{Name: clip(name, 5), Value: clip(orElse(was, "没有登记"), valueWidth)}, {Name: "改为", Value: clip(now, valueWidth)}}
	if p.Field == "kin" && p.Kin == "" {
		c.Desc += "。台账里没有子女,改过来就新添一位。"
	}
	return c, true
}

// decide takes a proposal over into the ledger, or leaves the ledger as it is.
func (t *turn) decide(key string, take bool) {
	v := t.in.View
	i := slices.IndexFunc(v.Proposals, func(p Proposal) bool { return p.Key == key })
	if i < 0 {
		t.done("已办过")
		t.say("这一条已经办过了,或者不归您核对。")
		return
	}
	p := v.Proposals[i]
	state, word := ledger.ProposalLeft, "没有改"
	if take {
		state, word = ledger.ProposalTaken, "已改"
		t.out.Edits = append(t.out.Edits, ledger.Edit{
			Book: factBook(p.ElderID, p.Field, p.Kin, p.Now, t.in.Today), By: t.in.User, Why: p.By + p.Day.Short() + "巡访听说,核对后更正", Source: p.Key,
			Today: t.in.Today, Seen: v.Revision,
		})
	}
	t.out.Settled = append(t.out.Settled, ledger.Settlement{Fact: p.Key, State: state, By: t.in.User})
	t.done(word)
}

// factBook is a fact as rows of the ledger.
func factBook(elderID, field, kin, value string, today ledger.Day) ledger.Book {
	switch field {
	case "phone":
		return ledger.Book{Elders: []ledger.Elder{{ID: elderID, Phone: phoneIn(value)}}}
	case "address":
		return ledger.Book{Elders: []ledger.Elder{{ID: elderID, Address: value}}}
	}
	return ledger.Book{Kin: []ledger.Kin{{ElderID: elderID, Name: orElse(kin, kinIn(value)), Phone: phoneIn(value), Dead: "-", Seen: today}}}
}

// phoneIn is the phone number in a line: eleven digits for a mobile, or a landline with its area code.
func phoneIn(line string) string {
	digits := ""
	for _, r := range fold(line) + " " {
		switch {
		case r >= '0' && r <= '9':
			digits += string(r)
		case r == '-' || r == ' ' && digits != "" && len(digits) < 11:
		default:
			if validPhone(digits) {
				return digits
			}
			digits = ""
		}
	}
	if validPhone(digits) {
		return digits
	}
	return ""
}

func validPhone(digits string) bool {
	return len(digits) == 11 && digits[0] == '1' || len(digits) >= 10 && len(digits) <= 12 && digits[0] == '0'
}

// kinIn is the name in a line about a relative: what is left without the number and the words around it.
func kinIn(line string) string {
	name := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || strings.ContainsRune(" -,.。,、:;", r) {
			return -1
		}
		return r
	}, fold(line))
	for _, w := range []string{"电话", "号码", "手机", "现在", "改成", "换成", "新", "是", "的", "了", "儿子", "女儿", "闺女", "孙子", "孙女", "媳妇", "姑娘"} {
		name = strings.ReplaceAll(name, w, "")
	}
	if n := utf8.RuneCountInString(name); n < 2 || n > 8 {
		return "子女"
	}
	return name
}
