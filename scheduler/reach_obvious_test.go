package scheduler

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"xunfang/ledger"
)

// TestReachKeepsTheRules plays random words minute by minute: people answer or do not, channels fail, numbers die and come back,
// people go on leave, the elder dies, the clock jumps. What Reach does at each look is held against the rules as they are written,
// by somebody who knows only the rows, the log and the time. Each thing that the rules speak of must have come to pass.
func TestReachKeepsTheRules(t *testing.T) {
	cases := checks(t, 1500)
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		p := newErrand(t, seen)
		for range p.looks {
			p.look()
			p.happens()
			p.now = p.now.Add(p.pace)
		}
		p.reachesThem()
	})
	if t.Failed() {
		return
	}
	for _, what := range []string{"summary", "greeting", "confirm", "passed", "urge", "emergency", "kf", "official", "mass", "sms", "call",
		"heard", "sent", "failed", "dropped", "skipped", "number dead", "asked the next", "asked again", "asked the deputy", "asked the township",
		"asked the county", "held for the hours", "failed and then a person", "failed and then a channel", "no number for a while", "clock set back",
		"dead and still heard", "emergency of a dead elder", "sent by hand for one who left", "round again"} {
		t.Logf("%8d  %s", seen[what], what)
		if seen[what] == 0 {
			t.Errorf("never in %d cases: %s", cases, what)
		}
	}
}

// TestReachLookingMoreOftenChangesNothing: a word looked at every few minutes goes the same way as one that is looked at only
// when it said.
func TestReachLookingMoreOftenChangesNothing(t *testing.T) {
	checks(t, 150)
	rapid.Check(t, func(t *rapid.T) {
		p := newErrand(t, map[string]int{})
		p.book.Leaves, p.book.Standings = nil, nil
		for i := range p.book.Posts {
			p.book.Posts[i].To = ""
		}
		r, end := ledger.NewRoster(p.book), p.now.Add(15*24*time.Hour)
		if !p.calm() {
			end = p.now.Add(6 * time.Hour)
		}
		play := func(pace time.Duration) ledger.WordFile {
			f := p.file
			for now := p.now; now.Before(end); now = now.Add(time.Minute) {
				if (pace == 0 || now.Sub(p.now)%pace != 0) && (f.Due.IsZero() || f.Due.After(now)) {
					continue
				}
				if s, changed := Reach(f, p.ways, r, p.packs, now, shanghai); changed {
					f = after(f, s)
				}
			}
			return f
		}
		often, seldom := play(17*time.Minute), play(0)
		for i := range min(len(often.Log), len(seldom.Log)) { // one's own minute within the hours is kept only by who is not looked at before
			a, b := often.Log[i], seldom.Log[i]
			early := b.At.Sub(a.At)
			a.At = b.At
			if diff := cmp.Diff(b, a); diff != "" || early < 0 || early > 3*time.Hour || !p.calm() && early > 0 {
				t.Fatalf("try %d, %s earlier (-only when due +often)\n%s", i+1, early, diff)
			}
		}
		if n := len(often.Log) - len(seldom.Log); n < 0 || n > 1 {
			t.Fatalf("%d tries, and %d where it is looked at only when due", len(often.Log), len(seldom.Log))
		}
	})
}

// errand is one random word in a random village.
type errand struct {
	*rapid.T
	seen   map[string]int
	book   ledger.Book
	r      *ledger.Roster
	packs  Packs
	ways   Ways
	file   ledger.WordFile
	now    time.Time
	pace   time.Duration
	looks  int
	calmly int // how seldom something happens
	dice   *rand.Rand
	mute   bool // nobody ever picks up
	back   bool // the clock was set back once: times of tries say nothing any more
	fresh  bool // something has happened since the last look
}

const errandElder = "A1"

func newErrand(t *rapid.T, seen map[string]int) *errand {
	p := &errand{T: t, seen: seen, fresh: true, dice: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 7))}
	p.now = at(chosen(p, edges...), "00:00").Add(time.Duration(p.upTo(48*60)) * time.Minute)
	p.book = village(nil).Book()
	p.book.Kin = []ledger.Kin{{ElderID: errandElder, Name: "丁", Phone: "13900000001"}}
	p.book.Posts, p.book.Assignments = nil, nil
	post := func(user string, role ledger.Role, region string) {
		p.book.People = append(p.book.People, ledger.Person{UserID: user, Name: user})
		x := ledger.Post{UserID: user, Role: role, Region: region}
		if p.upTo(7) == 0 {
			x.To = p.today().Add(p.between(-1, 6))
		}
		p.book.Posts = append(p.book.Posts, x)
		if p.upTo(4) == 0 {
			from := p.today().Add(p.between(-1, 5))
			p.book.Leaves = append(p.book.Leaves, ledger.Leave{UserID: user, From: from, To: from.Add(p.upTo(6)), Deputy: chosen(p, "", "d1", "d2", "lea1")})
		}
	}
	p.book.People = append(p.book.People, ledger.Person{UserID: "d1"}, ledger.Person{UserID: "d2"})
	most := chosen(p, 2, 2, 2, 2, 0) // in a fifth there is nobody in the village
	for i := range p.upTo(most) {
		user := fmt.Sprint("hal", i)
		post(user, ledger.RoleHelper, "111")
		p.book.Pairs = append(p.book.Pairs, ledger.Pair{ElderID: errandElder, UserID: user})
	}
	for i := range p.upTo(most) {
		user := fmt.Sprint("ann", i)
		post(user, ledger.RoleVisitor, "111")
		p.book.Assignments = append(p.book.Assignments, ledger.Assignment{ElderID: errandElder, UserID: user})
	}
	for i := range p.upTo(most) {
		post(fmt.Sprint("lea", i), ledger.RoleVillage, "111")
	}
	for i := range p.upTo(1) {
		post(fmt.Sprint("tom", i), ledger.RoleTownship, "11")
	}
	for i := range p.upTo(1) {
		post(fmt.Sprint("cat", i), ledger.RoleCounty, "1")
	}
	if p.upTo(5) == 0 {
		p.book.Standings = []ledger.Standing{{ElderID: errandElder, From: p.today().Add(p.upTo(3)), Kind: chosen(p, ledger.StandingKinds...)}}
	}
	p.r = ledger.NewRoster(p.book)
	p.packs = Packs{{Family: Family{Answer: chosen(p, oneDay, 2*oneDay), Urgent: Duration(p.between(3, 30)) * Duration(time.Minute),
		Reply: chosen(p, oneDay, 2*oneDay, Duration(6*time.Hour))}}}
	p.mute = p.upTo(5) == 0
	open := func() bool { return p.upTo(2) > 0 }
	p.ways = Ways{Kf: open(), Official: open(), Mass: open(), SMS: open(), Number: p.upTo(8) > 0}
	purpose := chosen(p, ledger.WordEmergency, ledger.WordEmergency, ledger.WordSummary, ledger.WordConfirm, ledger.WordUrge, ledger.WordGreeting, ledger.WordPassed)
	p.seen[string(purpose)]++
	p.pace, p.looks, p.calmly = time.Duration(p.between(15, 40))*time.Minute, 600, chosen(p, 10, 20, 60, 400)
	if purpose == ledger.WordEmergency {
		p.pace, p.looks, p.calmly = time.Minute, 300, chosen(p, 30, 120)
	}
	p.file = ledger.WordFile{Word: ledger.Word{Key: fmt.Sprint("k", p.upTo(9)), ElderID: errandElder, Kin: "丁", Purpose: purpose, State: ledger.WordOpen,
		Due: p.now, At: p.now, Rev: 1}}
	return p
}

func (p *errand) today() ledger.Day { return ledger.DayOf(p.now, shanghai) }

// upTo is a number from 0 to n. A word's life takes thousands of them: too many to draw each from rapid.
func (p *errand) upTo(n int) int { return p.dice.IntN(n + 1) }

func (p *errand) between(least, most int) int { return least + p.upTo(most-least) }

func chosen[T any](p *errand, of ...T) T { return of[p.upTo(len(of)-1)] }

func (p *errand) saw(what string) { p.seen[what]++ }

// tries are those that fit, oldest first.
func (p *errand) tries(fits func(ledger.Try) bool) []ledger.Try {
	return slices.DeleteFunc(slices.Clone(p.file.Log), func(t ledger.Try) bool { return !fits(t) })
}

func (p *errand) latest(ch ledger.Channel) ledger.Try {
	all := p.tries(func(t ledger.Try) bool { return t.Channel == ch && t.Kind != ledger.TrySkipped })
	if len(all) == 0 {
		return ledger.Try{}
	}
	return all[len(all)-1]
}

// happens is what people and channels do after a look.
func (p *errand) happens() {
	note := func(x ledger.Try) {
		x.At = p.now
		s := p.file.Step()
		s.Add(x)
		p.file, p.fresh = after(p.file, s), true
	}
	if p.file.State.Over() {
		return
	}
	if p.upTo(p.calmly) == 0 {
		for _, ch := range ledger.Channels {
			last := p.latest(ch)
			switch {
			case last.Kind != ledger.TrySent || p.upTo(2) == 0:
			case ch == ledger.ChannelCall:
				kind := chosen(p, ledger.TryNoAnswer, ledger.TryNoAnswer, ledger.TryNoAnswer, ledger.TryWrong, ledger.TryOther, ledger.TryHeard)
				if p.mute {
					kind = ledger.TryNoAnswer
				}
				if kind == ledger.TryWrong {
					p.ways.Number, p.ways.SMS = false, false
				}
				note(ledger.Try{Channel: ch, Kind: kind, By: last.To})
			default:
				note(ledger.Try{Channel: ch, Kind: chosen(p, ledger.TryFailed, ledger.TryDead, ledger.TryFailed, ledger.TryDead, ledger.TryHeard)})
			}
		}
	}
	if p.upTo(3*p.calmly) == 0 {
		w := []*bool{&p.ways.Kf, &p.ways.Official, &p.ways.Mass, &p.ways.SMS, &p.ways.Number, &p.ways.Number}[p.upTo(5)]
		*w, p.fresh = !*w, true
	}
	if p.upTo(25*p.calmly) == 0 && !p.back {
		p.now, p.back, p.fresh = p.now.Add(-time.Duration(p.between(1, 60))*time.Hour), true, true
		p.saw("clock set back")
	}
}

// look looks at the word and holds what was done against the rules.
func (p *errand) look() {
	if !p.fresh && !p.file.Due.IsZero() && p.file.Due.After(p.now) && p.upTo(7) > 0 {
		return
	}
	p.fresh = false
	step, changed := Reach(p.file, p.ways, p.r, p.packs, p.now, shanghai)
	if p.file.State.Over() && changed {
		p.Fatalf("something after %s", p.file.State)
	}
	if !changed {
		if none := p.file.Step(); !reflect.DeepEqual(none, step) { // most looks change nothing: cmp would take half of the test
			p.Fatalf("a step that is none: %s", cmp.Diff(none, step))
		}
		if !p.file.State.Over() {
			p.stands()
		}
		return
	}
	before := p.file
	for _, t := range step.Log {
		p.tried(t, step.Log)
		p.file = after(p.file, ledger.WordStep{Word: p.file.Word, Log: []ledger.Try{t}})
	}
	p.file = after(before, step)
	if again, twice := Reach(p.file, p.ways, p.r, p.packs, p.now, shanghai); twice {
		p.Fatalf("twice for one moment:\n%s", cmp.Diff(p.file.Word, again.Word))
	}
	if p.file.State.Over() {
		p.ended(before)
	} else {
		p.stands()
	}
}

// order is what is taken for each purpose (wecom-external.md F), in words of its own.
var order = map[ledger.WordPurpose]string{"emergency": "call official sms kf", "summary": "official kf mass", "confirm": "official call sms mass",
	"urge": "call sms", "greeting": "kf mass", "passed": "kf mass call"}

func (p *errand) way(ch ledger.Channel) bool {
	return map[ledger.Channel]bool{"kf": p.ways.Kf, "official": p.ways.Official, "mass": p.ways.Mass, "sms": p.ways.SMS, "call": p.ways.Number}[ch]
}

func (p *errand) gone() ledger.StandingKind {
	for _, s := range p.book.Standings {
		if s.Kind != ledger.StandingPaused && s.From <= p.today() {
			return s.Kind
		}
	}
	return ""
}

// there is who acts for somebody on a day: themself, the deputy who is there, or nobody.
func (p *errand) there(user string) string {
	leave := func(user string) (string, bool) {
		for _, l := range p.book.Leaves {
			if l.UserID == user && l.From <= p.today() && p.today() <= l.To {
				return l.Deputy, true
			}
		}
		return "", false
	}
	deputy, gone := leave(user)
	if !gone {
		return user
	}
	known := slices.ContainsFunc(p.book.People, func(x ledger.Person) bool { return x.UserID == deputy })
	if _, too := leave(deputy); too || !known {
		return ""
	}
	return deputy
}

// callers are who may be asked today, by what they are.
func (p *errand) callers() (out []string) {
	for _, roles := range [][]ledger.Role{{"helper", "visitor", "village"}, {"township"}, {"county"}} {
		if len(out) > 0 && (roles[0] != "township" || p.file.Purpose != ledger.WordEmergency) {
			continue
		}
		for _, role := range roles {
			for _, x := range p.book.Posts {
				if x.Role == role && (x.To == "" || x.To >= p.today()) {
					if who := p.there(x.UserID); who != "" && !slices.Contains(out, who) {
						out = append(out, who)
					}
				}
			}
		}
	}
	return out
}

func (p *errand) calm() bool { return p.file.Purpose != ledger.WordEmergency }

// hours says whether one may call or write now: 8:37–11:24 and 14:37–17:24.
func (p *errand) hours() bool {
	hm := p.now.In(shanghai).Format("15:04")
	return hm >= "08:37" && hm < "11:24" || hm >= "14:37" && hm < "17:24"
}

// wait is how long who was asked at a moment may be silent.
func (p *errand) wait(from time.Time) time.Time {
	f := p.packs[0].Family
	switch p.file.Purpose {
	case ledger.WordEmergency:
		return from.Add(time.Duration(f.Urgent))
	case ledger.WordUrge:
		return from.Add(time.Duration(f.Reply))
	}
	return WorkDays(from, int(f.Answer/oneDay), shanghai)
}

const week = 7 * 24 * time.Hour

// tried holds one try against the rules; those before it are in the file.
func (p *errand) tried(t ledger.Try, all []ledger.Try) {
	now, purpose, ch := p.now, p.file.Purpose, t.Channel
	if t.At != now || t.By != "" || t.N != len(p.file.Log)+1 {
		p.Fatalf("a try of another time or number: %+v", t)
	}
	p.saw(string(ch))
	before := p.latest(ch)
	if slices.ContainsFunc(p.file.Log, func(x ledger.Try) bool { return x.Channel == ch && x.Kind == ledger.TryDead }) {
		p.Fatalf("%s is dead for this word", ch)
	}
	if p.gone() == ledger.StandingDied && p.calm() {
		p.Fatal("something for an elder who died")
	}
	switch t.Kind {
	case ledger.TryDead:
		days := map[ledger.Day]bool{}
		for _, x := range p.file.Log {
			if x.Kind == ledger.TryWrong || x.Kind == ledger.TryOther {
				clear(days)
			} else if x.Kind == ledger.TryNoAnswer {
				days[ledger.DayOf(x.At, shanghai)] = true
			}
		}
		if ch != ledger.ChannelCall || len(days) < 3 {
			p.Fatalf("%s dead after %d days", ch, len(days))
		}
		p.saw("number dead")
		return
	case ledger.TrySkipped:
		if len(p.file.Log) > 0 || len(all) > 1 {
			p.Fatal("skipped beside a try")
		}
		p.saw("skipped")
		return
	case ledger.TrySent:
	default:
		p.Fatalf("it cannot know of %s", t.Kind)
	}
	if t.Message != fmt.Sprintf("%s/%d", p.file.Key, t.N) {
		p.Fatalf("message %s", t.Message)
	}
	if !p.way(ch) {
		p.Fatalf("%s is not open", ch)
	}
	if p.calm() && !(purpose == ledger.WordPassed && ch == ledger.ChannelKf) && !p.hours() {
		p.Fatalf("%s at %s", ch, now.In(shanghai).Format("15:04"))
	}
	if ch == ledger.ChannelCall {
		p.asked(t)
		return
	}
	if before.Kind != "" {
		p.Fatalf("%s twice", ch)
	}
	p.inOrder(ch)
}

// inOrder: of what is no emergency nor urging, each channel waits for those before it, and nothing is under way twice.
func (p *errand) inOrder(ch ledger.Channel) {
	all := channels(p.file.Purpose)
	failed := p.tries(func(t ledger.Try) bool {
		return t.Channel != "call" && (t.Kind == ledger.TryFailed || t.Kind == ledger.TryDead)
	})
	if !slices.Contains(all, ch) && (ch != "call" || len(failed) == 0) {
		p.Fatalf("%s is no way for a %s", ch, p.file.Purpose)
	}
	if len(failed) > 0 && ch != "call" {
		p.saw("failed and then a channel")
	}
	if p.file.Purpose == "emergency" || p.file.Purpose == "urge" || p.back {
		return
	}
	for _, other := range all {
		if other == ch {
			break
		}
		last := p.latest(other)
		lost := last.Kind == ledger.TryFailed || last.Kind == ledger.TryDead
		silent := p.file.Purpose == "confirm" && last.Kind == ledger.TrySent && !p.now.Before(last.At.Add(week))
		if other == "call" {
			silent = last.Kind != "" // judged where somebody is asked
			lost = lost || len(p.free()) == 0
		}
		if p.way(other) && !lost && !silent {
			p.Fatalf("%s while %s is open", ch, other)
		}
	}
	for _, other := range ledger.Channels {
		if last := p.latest(other); other != ch && other != "call" && last.Kind == ledger.TrySent && p.now.Before(last.At.Add(week)) {
			p.Fatalf("%s while %s is under way", ch, other)
		}
	}
}

// free are who may be asked and were not.
func (p *errand) free() []string {
	return slices.DeleteFunc(p.callers(), func(user string) bool {
		return len(p.tries(func(t ledger.Try) bool { return t.Channel == "call" && t.Kind == ledger.TrySent && t.To == user })) > 0
	})
}

// asked holds it against the rules that somebody is asked to call.
func (p *errand) asked(t ledger.Try) {
	if !slices.Contains(p.callers(), t.To) {
		p.Fatalf("%s is not there, or has no part in it: %v", t.To, p.callers())
	}
	for prefix, what := range map[string]string{"tom": "asked the township", "cat": "asked the county", "d": "asked the deputy"} {
		if strings.HasPrefix(t.To, prefix) {
			p.saw(what)
		}
	}
	before := p.tries(func(x ledger.Try) bool { return x.Channel == "call" && x.Kind == ledger.TrySent })
	if len(before) == 0 {
		p.inOrder("call")
		if len(p.file.Log) > 0 {
			p.saw("failed and then a person")
		}
		if t.To != p.callers()[0] {
			p.Fatalf("%s before %s", t.To, p.callers()[0])
		}
		return
	}
	last, result := before[len(before)-1], p.latest("call")
	waited := p.back || !p.now.Before(p.wait(result.At))
	absent := !slices.Contains(p.callers(), last.To)
	if t.To == last.To {
		p.saw("asked again")
		next := result.Kind == ledger.TryNoAnswer && ledger.DayOf(result.At, shanghai) < p.today()
		if renewed := result.Kind == ledger.TryOther || result.Kind == ledger.TryWrong; !(p.back || renewed || p.calm() && next || !p.calm() && waited) {
			p.Fatalf("%s again after %s", t.To, result.Kind)
		}
		if !p.calm() && waited && result.Kind == ledger.TrySent && len(p.callers()) > 1 && !p.back {
			p.Fatalf("%s again, where others are there: %v", t.To, p.callers())
		}
		return
	}
	p.saw("asked the next")
	if !waited && !absent {
		p.Fatalf("%s besides %s, who has time until %s", t.To, last.To, p.wait(result.At))
	}
	renewed := absent && (result.Kind == ledger.TryOther || result.Kind == ledger.TryWrong)
	if p.calm() && slices.ContainsFunc(before, func(x ledger.Try) bool { return x.To == t.To }) && !renewed {
		p.Fatalf("%s a second time", t.To)
	}
	if !p.calm() && slices.ContainsFunc(before, func(x ledger.Try) bool { return x.To == t.To }) && !renewed {
		p.saw("round again")
		if free := p.free(); len(free) > 0 {
			p.Fatalf("%s a second time before %v", t.To, free)
		}
	}
}

// stands holds an open word against the rules after a look.
func (p *errand) stands() {
	f := p.file
	if !f.Due.After(p.now) || f.Due.After(p.now.Add(16*24*time.Hour)) {
		p.Fatalf("open, and due %s at %s", f.Due, p.now)
	}
	if gone := p.gone(); gone != "" {
		switch {
		case f.Purpose == "emergency":
			p.saw("emergency of a dead elder")
		case gone == ledger.StandingDied || f.Purpose != "passed" && f.Purpose != "urge":
			p.Fatalf("open, and the elder %s", gone)
		default:
			p.saw("sent by hand for one who left")
		}
	}
	if len(p.tries(func(t ledger.Try) bool { return t.Kind == ledger.TryHeard })) > 0 {
		p.Fatal("open, and heard")
	}
	out := false
	for _, ch := range ledger.Channels {
		out = out || ch != "call" && p.latest(ch).Kind == ledger.TrySent
	}
	last := p.latest("call")
	switch {
	case p.calm() && !p.hours():
		p.saw("held for the hours")
	case !out && f.Owner == "" && last.Kind != ledger.TryWrong && last.Kind != ledger.TryOther:
		p.Fatalf("open, nothing is under way, and it is nobody's task: %v", f.Log)
	}
	if f.Owner != "" && !slices.Contains(p.callers(), f.Owner) {
		p.Fatalf("the task of %s, who is not there", f.Owner)
	}
	if last.Kind == ledger.TryWrong && !p.ways.Number {
		p.saw("no number for a while")
	}
	if p.calm() {
		if last.Kind == ledger.TrySent && (!out || f.Purpose == "urge") && p.hours() && !p.back && p.ways.Number && !p.now.Before(p.wait(last.At)) && len(p.free()) > 0 {
			p.Fatal("who was asked has had time enough, and nobody else is asked")
		}
		if last.Kind == ledger.TryNoAnswer && (!out || f.Purpose == "urge") && p.hours() && p.now.In(shanghai).Hour() > 12 && !p.back && p.ways.Number &&
			ledger.DayOf(last.At, shanghai) < p.today() {
			p.Fatal("nobody answered yesterday, and nobody calls again")
		}
		return
	}
	for _, ch := range []ledger.Channel{"official", "sms", "kf"} { // at once
		if p.way(ch) && p.latest(ch).Kind == "" {
			p.Fatalf("%s is open in an emergency, and not used", ch)
		}
	}
	if p.ways.Number && len(p.callers()) > 0 && last.Kind != ledger.TryDead {
		if f.Owner == "" {
			p.Fatal("an emergency, and nobody calls")
		}
		if !p.back && !p.now.Before(p.wait(last.At)) {
			p.Fatal("an emergency, and nobody else is asked")
		}
		if f.Due.After(p.wait(p.now)) {
			p.Fatalf("an emergency that is looked at in %s", f.Due.Sub(p.now))
		}
	}
}

// ended holds the end of a word against the rules.
func (p *errand) ended(before ledger.WordFile) {
	f := p.file
	p.saw(string(f.State))
	if f.Owner != "" || !f.Due.IsZero() {
		p.Fatalf("over, and somebody's task: %s, %s", f.Owner, f.Due)
	}
	heard := slices.ContainsFunc(before.Log, func(t ledger.Try) bool { return t.Kind == ledger.TryHeard })
	if heard != (f.State == ledger.WordHeard) {
		p.Fatalf("%s, heard is %t", f.State, heard)
	}
	if heard && slices.ContainsFunc(f.Log, func(t ledger.Try) bool { return t.Kind == ledger.TryDead || t.Kind == ledger.TryFailed }) {
		p.saw("dead and still heard")
	}
	switch f.State {
	case ledger.WordDropped:
		if gone := p.gone(); gone == "" || f.Purpose == "emergency" || gone != ledger.StandingDied && (f.Purpose == "passed" || f.Purpose == "urge") {
			p.Fatalf("dropped, and the elder is %q", gone)
		}
	case ledger.WordSent:
		silent := false
		for _, ch := range []ledger.Channel{"official", "kf", "mass"} {
			last := p.latest(ch)
			silent = silent || last.Kind == ledger.TrySent && (p.back || !p.now.Before(last.At.Add(week)))
		}
		if p.calm() && f.Purpose != "urge" && f.Purpose != "confirm" && silent {
			return
		}
		p.Fatalf("sent: %v", f.Log)
	case ledger.WordFailed:
		p.failed()
	}
}

// failed: nothing was left to do.
func (p *errand) failed() {
	broke := len(p.tries(func(t ledger.Try) bool {
		return t.Channel != "call" && (t.Kind == ledger.TryFailed || t.Kind == ledger.TryDead)
	})) > 0
	for _, ch := range channels(p.file.Purpose) {
		if ch != "call" && p.way(ch) && p.latest(ch).Kind == "" {
			p.Fatalf("given up, and %s was not tried", ch)
		}
	}
	last, dead := p.latest("call"), slices.ContainsFunc(p.file.Log, func(t ledger.Try) bool { return t.Channel == "call" && t.Kind == ledger.TryDead })
	calls := broke || slices.Contains(channels(p.file.Purpose), "call")
	if calls && p.ways.Number && !dead && (len(p.free()) > 0 || !p.calm() && len(p.callers()) > 0) {
		p.Fatalf("given up, and %v could call", p.callers())
	}
	if last.Kind == ledger.TrySent && p.calm() && slices.Contains(p.callers(), last.To) && !p.back && p.now.Before(p.wait(last.At)) {
		p.Fatalf("given up while %s has time to call", last.To)
	}
}

// reachesThem: an emergency in which only the phone is left reaches the family as soon as anybody picks it up.
func (p *errand) reachesThem() {
	if p.file.Purpose != ledger.WordEmergency || p.file.State.Over() {
		return
	}
	p.ways = Ways{Number: true}
	dead := slices.ContainsFunc(p.file.Log, func(t ledger.Try) bool { return t.Channel == "call" && t.Kind == ledger.TryDead })
	for range 2000 {
		if len(p.callers()) == 0 || dead || p.file.State.Over() {
			return
		}
		p.fresh = true
		p.look()
		if p.latest("call").Kind == ledger.TrySent && p.upTo(7) == 0 {
			s := p.file.Step()
			s.Add(ledger.Try{Channel: "call", Kind: ledger.TryHeard, By: p.file.Owner, At: p.now})
			p.file = after(p.file, s)
			p.fresh = true
			p.look()
			if p.file.State != ledger.WordHeard {
				p.Fatalf("reached, and it is %s", p.file.State)
			}
			return
		}
		p.now = p.now.Add(time.Minute)
	}
	p.Fatal("nobody was asked to call")
}

// channels are those of a purpose.
func channels(purpose ledger.WordPurpose) (out []ledger.Channel) {
	for _, ch := range strings.Fields(order[purpose]) {
		out = append(out, ledger.Channel(ch))
	}
	return out
}
