package flows

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"xunfang/ledger"
)

var reviewKinds = []ledger.ReviewKind{ledger.ReviewBurst, ledger.ReviewCopied, ledger.ReviewReused, ledger.ReviewHaste}

func signOf(kind ledger.ReviewKind, numbers ...string) ledger.Review {
	return ledger.Review{Key: ledger.ReviewKey(kind, "wangfang", "2026-03-11"), Kind: kind, UserID: "wangfang", Day: "2026-03-11", Numbers: numbers,
		Facts: "9:02–9:58 记了43次,中间值20秒一次", State: ledger.ReviewOpen, At: time.Date(2026, 3, 11, 9, 58, 0, 0, zone)}
}

// tapped is the turn of a tap on a card that stands by itself.
func tapped() *turn {
	in := input(Tap, "")
	in.Code = "code"
	return &turn{forms: Forms, in: in}
}

// The question accuses nobody, fits a phone, and each of its buttons is taken down as it reads, with one message back: the card.
func TestAskWhy(t *testing.T) {
	for _, kind := range reviewKinds {
		c := AskWhy(signOf(kind, make([]string, 143)...), "2026-03-12", zone)
		if utf8.RuneCountInString(c.Title) > 36 || !strings.HasPrefix(c.Title, "3月11日") || len(c.Buttons) != 3 || c.Task == "" {
			t.Errorf("%s asks %+v", kind, c)
		}
		for _, b := range c.Buttons {
			if utf8.RuneCountInString(b.Text) > buttonWidth || strings.Contains(b.Text, "误") {
				t.Errorf("%s has the button %s", kind, b.Text)
			}
			x := tapped()
			x.why(strings.TrimPrefix(b.Key, "go:why:"))
			want := []ledger.Reviewed{{Key: string(kind) + "/wangfang/2026-03-11", Answer: b.Text}}
			if !reflect.DeepEqual(x.out.Reviewed, want) || len(x.out.Messages) != 1 {
				t.Fatalf("%s is taken down as %+v with %+v", b.Key, x.out.Reviewed, x.out.Messages)
			}
			m := x.out.Messages[0]
			if m.Code != "code" || m.Card.Done != b.Text || utf8.RuneCountInString(m.Card.Title) > 20 || m.To != "wangfang" ||
				strings.Contains(m.Card.Title, "更正") != (b.Text == slip) {
				t.Errorf("%s is answered by %+v", b.Text, m.Card)
			}
		}
	}
	c := AskWhy(signOf(ledger.ReviewBurst, make([]string, 43)...), "2026-03-11", zone)
	if c.Title != "今天9点多记了43次,是怎么记的?" {
		t.Error(c.Title)
	}
}

// Nobody speaks for another, and nothing but an offered answer is taken down.
func TestWhyOnlyByOneself(t *testing.T) {
	for _, arg := range []string{"0:burst/liuyang/2026-03-11", "3:burst/wangfang/2026-03-11", "-1:burst/wangfang/2026-03-11",
		"x:burst/wangfang/2026-03-11",
		"0:odd/wangfang/2026-03-11", "0:burst", "", "0", ":"} {
		x := tapped()
		x.why(arg)
		if len(x.out.Reviewed) > 0 || len(x.out.Messages) != 1 {
			t.Errorf("%q: %+v %+v", arg, x.out.Reviewed, x.out.Messages)
		}
	}
}

// Without a card to change the thanks are a text.
func TestWhyWithoutCode(t *testing.T) {
	x := tapped()
	x.in.Code = ""
	x.why("2:burst/wangfang/2026-03-11")
	if len(x.out.Messages) != 1 || x.out.Messages[0].Text != "记下了。说「更正」就能改过来。" || len(x.out.Reviewed) != 1 {
		t.Errorf("%+v %+v", x.out.Messages, x.out.Reviewed)
	}
}

func openReviews(n int) []Review {
	var out []Review
	for i := range n {
		var numbers []string
		for j := range 43 {
			numbers = append(numbers, fmt.Sprintf("260311-A%02d", j))
		}
		kind := reviewKinds[i%len(reviewKinds)]
		out = append(out, Review{Key: fmt.Sprintf("%s/user%d/2026-03-11", kind, i), Kind: kind, Who: "王芳", Day: "2026-03-11",
			Facts: "9:02–9:58 记了43次,中间值20秒一次", Numbers: numbers})
	}
	return out
}

func TestReviews(t *testing.T) {
	lead := func(roles ...ledger.Role) *turn {
		x := tapped()
		x.in.View.Roles = roles
		return x
	}
	for _, role := range []ledger.Role{ledger.RoleVisitor, ledger.RoleVillage, ledger.RoleHelper,
		ledger.RoleKeeper, ledger.RoleDept, ledger.RoleVolunteer} {
		x := lead(role)
		x.reviews(openReviews(2))
		if len(x.out.Messages) != 1 || x.out.Messages[0].Text != "复核归乡镇和县里。" {
			t.Errorf("%s sees %+v", role, x.out.Messages)
		}
	}
	x := lead(ledger.RoleTownship)
	x.reviews(nil)
	if len(x.out.Messages) != 1 || x.out.Messages[0].Text != "没有要复核的。" {
		t.Errorf("nothing is open: %+v", x.out.Messages)
	}
	x = lead(ledger.RoleTownship, ledger.RoleVisitor)
	x.reviews(openReviews(5))
	if len(x.out.Messages) != 4 || x.out.Messages[0].Text != "有5条要看,先看3条。看完再说「复核」。" {
		t.Fatalf("five are open: %+v", x.out.Messages)
	}
	for i, m := range x.out.Messages[1:] {
		r := openReviews(5)[i]
		if m.To != x.in.User || m.Card == nil || !strings.Contains(m.Card.Sub, r.Facts) || !strings.HasPrefix(m.Card.Title, "王芳 3月11日 ") ||
			len(m.Card.Buttons) != 2 || m.Card.Rows[0].Value != "还没说" {
			t.Fatalf("%+v", m.Card)
		}
		if called := strings.Count(m.Card.Sub, "260311-"); r.Kind == ledger.ReviewBurst && called != 3 {
			t.Errorf("to call back about: %s", m.Card.Sub)
		}
		for j, state := range []ledger.ReviewState{ledger.ReviewCleared, ledger.ReviewKept} {
			y := tapped()
			y.settled(strings.TrimPrefix(m.Card.Buttons[j].Key, "go:settle:"), openReviews(5))
			want := []ledger.Reviewed{{Key: r.Key, State: state, By: "wangfang"}}
			if !reflect.DeepEqual(y.out.Reviewed, want) || len(y.out.Messages) != 1 || y.out.Messages[0].Code == "" {
				t.Errorf("%+v %+v", y.out.Reviewed, y.out.Messages)
			}
		}
	}
	for _, arg := range []string{"cleared:burst/somebody/2026-03-11", "open:" + openReviews(1)[0].Key, "", "kept"} {
		y := tapped()
		if y.settled(arg, openReviews(1)); len(y.out.Reviewed) > 0 || len(y.out.Messages) != 2 {
			t.Errorf("%q: %+v %+v", arg, y.out.Reviewed, y.out.Messages)
		}
	}
}

// The draw takes three of the review's own records, the same ones each time and in whatever order they come, and another
// review's draw is another one.
func TestDrawn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfNDistinct(rapid.StringMatching(`26031[0-9]-A[0-9]{3}`), 1, 60, rapid.ID[string]).Draw(t, "numbers")
		got := drawn("burst/wangfang/2026-03-11", numbers)
		if again := drawn("burst/wangfang/2026-03-11", rapid.Permutation(numbers).Draw(t, "again")); !slices.Equal(got, again) {
			t.Fatalf("%v, then %v", got, again)
		}
		if len(got) != min(3, len(numbers)) || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Fatalf("%v of %v", got, numbers)
		}
		for _, no := range got {
			if !slices.Contains(numbers, no) {
				t.Fatalf("%s is none of %v", no, numbers)
			}
		}
	})
	draws := map[string]bool{}
	for day := range 28 {
		draws[strings.Join(drawn(fmt.Sprintf("burst/wangfang/2026-02-%02d", day+1), openReviews(1)[0].Numbers), " ")] = true
	}
	if len(draws) < 20 {
		t.Errorf("28 reviews of the same records draw %d times differently", len(draws))
	}
}
