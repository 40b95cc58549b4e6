package flows

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunfang/ledger"
)

// Review is a sign that deserves a second look, as whoever leads the township sees it (requirements §3 case 18): the facts and
// what the person says, never a verdict, in the order of time and of nothing else.
type Review struct {
	Key     string
	Kind    ledger.ReviewKind
	Who     string // name
	Day     ledger.Day
	Facts   string
	Answer  string // "" nothing said yet
	Numbers []string
}

// answers are what a person may say with one tap, and the last of them is always that it was a slip. A button's number is its
// place here, so they may be reworded and not reordered.
var answers = map[ledger.ReviewKind][]string{
	ledger.ReviewBurst:  {"纸质补录", "一次走访多户", slip},
	ledger.ReviewCopied: {"情况确实一样", "用了同上", slip},
	ledger.ReviewReused: {"一处住着几位", "补拍过", slip},
	ledger.ReviewHaste:  {"看完一起记的", "几个人分头去的", slip},
}

// slip is not 误操作: those words accuse.
const slip = "记错了"

// AskWhy is the question to the person whose records they are. It goes to nobody else.
func AskWhy(r ledger.Review, today ledger.Day, zone *time.Location) ledger.Card {
	when, n := "今天", len(r.Numbers)
	if r.Day != today {
		when = r.Day.Short()
	}
	title := map[ledger.ReviewKind]string{
		ledger.ReviewBurst:  fmt.Sprintf("%s%d点多记了%d次,是怎么记的?", when, r.At.In(zone).Hour(), n),
		ledger.ReviewCopied: fmt.Sprintf("%s有%d次写的是一样的话,是哪种情况?", when, n),
		ledger.ReviewReused: fmt.Sprintf("%s有%d次巡访用了同样的照片,是哪种情况?", when, n),
		ledger.ReviewHaste:  when + "有几次上门隔得远、记得近,是怎么记的?",
	}[r.Kind]
	c := ledger.Card{Title: title, Desc: "记录都在。说一声,好跟镇里说明。", Task: task("ask/" + r.Key)}
	for i, a := range answers[r.Kind] {
		c.Buttons = append(c.Buttons, ledger.Button{Key: "go:why:" + strconv.Itoa(i) + ":" + r.Key, Text: a, Style: 1})
	}
	return c
}

// why takes down what the person says about their own records: "1:burst/wangfang/2026-03-11".
func (t *turn) why(arg string) {
	at, key, _ := strings.Cut(arg, ":")
	kind, rest, _ := strings.Cut(key, "/")
	user, _, _ := strings.Cut(rest, "/")
	said := answers[ledger.ReviewKind(kind)]
	i, err := strconv.Atoi(at)
	if err != nil || i < 0 || i >= len(said) || user != t.in.User {
		t.done("已过时")
		return
	}
	t.out.Reviewed = append(t.out.Reviewed, ledger.Reviewed{Key: key, Answer: said[i]})
	thanks := "谢谢,记下了。"
	if said[i] == slip {
		thanks = "记下了。说「更正」就能改过来。"
	}
	if t.in.Code == "" {
		t.say(thanks)
		return
	}
	t.send(ledger.Message{Code: t.in.Code, Card: &ledger.Card{Title: thanks, Done: said[i]}, Fallback: thanks})
}

// reviews shows whoever leads a township what is open in their area, a few cards at once, oldest first.
func (t *turn) reviews(all []Review) {
	roles := t.in.View.Roles
	if !slices.Contains(roles, ledger.RoleTownship) && !slices.Contains(roles, ledger.RoleCounty) {
		t.say("复核归乡镇和县里。")
		return
	}
	if len(all) == 0 {
		t.say("没有要复核的。")
		return
	}
	for _, r := range all[:t.atOnce(len(all), "要看", "看完再说「复核」")] {
		t.card(reviewCard(r))
	}
}

// reviewNames are a sign in words that blame nobody.
var reviewNames = map[ledger.ReviewKind]string{ledger.ReviewBurst: "记得比较密", ledger.ReviewCopied: "写得一样", ledger.ReviewReused: "照片一样",
	ledger.ReviewHaste: "隔得远、记得近"}

func reviewCard(r Review) ledger.Card {
	c := ledger.Card{Title: clip(r.Who, 10) + " " + r.Day.Short() + " " + reviewNames[r.Kind], Sub: r.Facts,
		Rows: []ledger.CardRow{{Name: "本人说", Value: clip(orElse(r.Answer, "还没说"), valueWidth)}},
		Buttons: []ledger.Button{{Key: "go:settle:" + string(ledger.ReviewCleared) + ":" + r.Key, Text: "没问题", Style: 1},
			{Key: "go:settle:" + string(ledger.ReviewKept) + ":" + r.Key, Text: "当面问问", Style: 2}}}
	switch {
	case r.Kind == ledger.ReviewBurst:
		c.Sub += "\n可以回访这几条:" + strings.Join(drawn(r.Key, r.Numbers), "、")
	case r.Kind != ledger.ReviewReused: // whose facts have them
		c.Sub += "\n记录:" + some(r.Numbers)
	}
	return c
}

// some are the first few of many numbers.
func some(numbers []string) string {
	const most = 5
	if len(numbers) <= most {
		return strings.Join(numbers, "、")
	}
	return strings.Join(numbers[:most], "、") + fmt.Sprintf("等%d条", len(numbers))
}

// drawn are the records to call back about: three, always the same ones for a review, and not for anybody to choose.
func drawn(key string, numbers []string) []string {
	lot := func(no string) string {
		sum := sha256.Sum256([]byte(key + "/" + no))
		return string(sum[:])
	}
	out := slices.SortedFunc(slices.Values(numbers), func(a, b string) int { return cmp.Compare(lot(a), lot(b)) })
	out = out[:min(3, len(out))]
	slices.Sort(out)
	return out
}

// settled ends one of the open reviews: "cleared:burst/wangfang/2026-03-11". It changes no record and tells nobody.
func (t *turn) settled(arg string, open []Review) {
	state, key, _ := strings.Cut(arg, ":")
	word := map[ledger.ReviewState]string{ledger.ReviewCleared: "没问题", ledger.ReviewKept: "当面问问"}[ledger.ReviewState(state)]
	if word == "" || !slices.ContainsFunc(open, func(r Review) bool { return r.Key == key }) {
		t.done("已看过")
		t.say("这一条已经看过了,或者不归您看。")
		return
	}
	t.out.Reviewed = append(t.out.Reviewed, ledger.Reviewed{Key: key, State: ledger.ReviewState(state), By: t.in.User})
	t.done(word)
}
