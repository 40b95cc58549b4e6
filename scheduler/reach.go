package scheduler

import (
	"fmt"
	"slices"
	"time"

	"xunfang/ledger"
)

// Ways are the channels that are open to a relative at a moment: theirs, working, and agreed to.
type Ways struct {
	Kf       bool // the window is open and has room
	Official bool // they subscribed, and have not refused since
	Mass     bool // a helper has them as a contact, and no mass send went to them in this month
	SMS      bool // a provider is set up, and the number works
	Number   bool // there is a number on the ledger that works
}

// together are the channels of what cannot wait: all of them at once, beside the call. A mass send is none, for nobody need tap it.
// inTurn are those of the rest: the next one only where the one before is closed, failed, or was not answered (wecom-external.md F).
var (
	together = map[ledger.WordPurpose][]ledger.Channel{
		ledger.WordEmergency: {ledger.ChannelCall, ledger.ChannelOfficial, ledger.ChannelSMS, ledger.ChannelKf},
		ledger.WordUrge:      {ledger.ChannelCall, ledger.ChannelSMS},
	}
	inTurn = map[ledger.WordPurpose][]ledger.Channel{
		ledger.WordSummary:  {ledger.ChannelOfficial, ledger.ChannelKf, ledger.ChannelMass},
		ledger.WordConfirm:  {ledger.ChannelOfficial, ledger.ChannelCall, ledger.ChannelSMS, ledger.ChannelMass},
		ledger.WordGreeting: {ledger.ChannelKf, ledger.ChannelMass},
		ledger.WordPassed:   {ledger.ChannelKf, ledger.ChannelMass, ledger.ChannelCall},
	}
)

const (
	wordRest     = 7 * 24 * time.Hour // what went out and was not answered is over
	alarmRest    = 24 * time.Hour     // in an emergency without a number to call
	silentDays   = 3                  // on so many days nobody answered: the number is dead (requirements §3 case 26)
	numberAgain  = time.Hour          // how often it is looked whether there is a number by now
	callersAgain = 24 * time.Hour     // and whether who is to call is still there
)

// Reach answers what is to be done now to bring a word to a relative: which channel is tried next, who is asked to call, or that it
// is over (wecom-external.md F). It is a reconciliation, like Climb: everything follows from the tries; run twice for one moment it
// does nothing the second time. A try that was sent has the key of the message that carries it; bot words it.
//
// Each channel is tried once. An automatic one that failed is followed by the next or, where none is left, by a call: a person's task.
// Nobody is asked at night, or written to, but in an emergency; what was passed on goes out at once through 微信客服, as in any talk.
func Reach(f ledger.WordFile, w Ways, r *ledger.Roster, ps Packs, now time.Time, zone *time.Location) (ledger.WordStep, bool) {
	c := reacher{file: f, step: f.Step(), w: w, r: r, now: now, zone: zone, today: ledger.DayOf(now, zone)}
	c.pack = ps.Main(c.today).Family
	if f.State.Over() {
		return c.step, false
	}
	if f.Moved.After(now.Add(clockSlack)) { // the clock was set back
		c.step.Word.Moved, c.changed = now, true
	}
	switch {
	case slices.ContainsFunc(f.Log, func(t ledger.Try) bool { return t.Kind == ledger.TryHeard }):
		c.over(ledger.WordHeard)
	case c.idle():
		c.over(ledger.WordDropped)
	default:
		c.goOn()
		c.settle()
	}
	return c.step, c.changed
}

// settle looks once more at what was decided: a try moves what waits are counted from where the clock was set back (until), and the next
// look must find nothing to change.
func (c *reacher) settle() {
	if len(c.step.Log) == 0 || c.step.Word.State.Over() {
		return
	}
	f := ledger.WordFile{Word: c.step.Word, Log: slices.Concat(c.file.Log, c.step.Log)}
	again := reacher{file: f, step: f.Step(), w: c.w, r: c.r, now: c.now, zone: c.zone, today: c.today, pack: c.pack}
	if again.goOn(); len(again.step.Log) == 0 && !again.step.Word.State.Over() {
		c.step.Word.Due, c.step.Word.Owner = again.step.Word.Due, again.step.Word.Owner
	}
}

type reacher struct {
	file    ledger.WordFile
	step    ledger.WordStep
	w       Ways
	r       *ledger.Roster
	pack    Family
	now     time.Time
	today   ledger.Day
	zone    *time.Location
	owner   string    // whose task it is
	next    time.Time // the earliest of what is waited for
	changed bool
}

// over ends the word.
func (c *reacher) over(state ledger.WordState) {
	x := &c.step.Word
	x.State, x.Owner, x.Due, x.Moved, c.changed = state, "", time.Time{}, c.now, true
}

// idle says that nobody is to hear of the elder any more: they died (requirements §3 case 1) or left, and nobody sent the word by
// hand. An emergency goes on: the family must hear of it.
func (c *reacher) idle() bool {
	x := c.file.Word
	if _, known := c.r.Elder(x.ElderID); !known {
		return true
	}
	s, ok := c.r.Standing(x.ElderID, c.today)
	if !ok || !s.Kind.Ends() || x.Purpose == ledger.WordEmergency {
		return false
	}
	return s.Kind == ledger.StandingDied || x.Purpose != ledger.WordPassed && x.Purpose != ledger.WordUrge
}

// goOn takes what is to be taken now, and says when it looks again.
func (c *reacher) goOn() {
	busy := false
	if channels, ok := together[c.file.Purpose]; ok {
		for _, ch := range channels {
			busy = c.take(ch) || busy
		}
	} else {
		busy = c.oneByOne()
	}
	x := &c.step.Word
	switch {
	case x.State.Over():
	case !busy:
		if x.Tries == 0 {
			c.skip()
		}
		c.over(ledger.WordFailed)
	case x.Owner != c.owner || !x.Due.Equal(c.next):
		x.Owner, x.Due, c.changed = c.owner, c.next, true
	}
}

// oneByOne goes on with the channel that is under way, else begins the next that is open.
func (c *reacher) oneByOne() bool {
	order := inTurn[c.file.Purpose]
	if c.broke() && !slices.Contains(order, ledger.ChannelCall) {
		order = append(slices.Clip(order), ledger.ChannelCall)
	}
	if last := c.file.Channel; last != "" && c.take(last) {
		return true
	}
	return slices.ContainsFunc(order, func(ch ledger.Channel) bool { return ch != c.file.Channel && c.take(ch) })
}

// broke says that something failed that no person had in hand.
func (c *reacher) broke() bool {
	return slices.ContainsFunc(c.file.Log, func(t ledger.Try) bool {
		return t.Channel != ledger.ChannelCall && (t.Kind == ledger.TryFailed || t.Kind == ledger.TryDead)
	})
}

// last is the latest try on a channel; one that was skipped is none.
func (c *reacher) last(ch ledger.Channel) ledger.Try {
	for i := len(c.file.Log) - 1; i >= 0; i-- {
		if t := c.file.Log[i]; t.Channel == ch && t.Kind != ledger.TrySkipped {
			return t
		}
	}
	return ledger.Try{}
}

// take does what is to be done on a channel now; false: it is closed, it failed, or nobody answered.
func (c *reacher) take(ch ledger.Channel) bool {
	if ch == ledger.ChannelCall {
		if !c.call() {
			c.owner = ""
			return false
		}
		return true
	}
	switch last := c.last(ch); last.Kind {
	case ledger.TrySent:
		until := c.until(last.At, c.rested)
		switch {
		case c.now.Before(until):
			c.look(until)
		case inTurn[c.file.Purpose] != nil && c.file.Purpose != ledger.WordConfirm: // nobody need answer
			c.over(ledger.WordSent)
		default:
			return false
		}
		return true
	case "":
		return c.open(ch) && (c.held(ch) || c.send(ch, ""))
	}
	return false
}

func (c *reacher) open(ch ledger.Channel) bool {
	switch ch {
	case ledger.ChannelOfficial:
		return c.w.Official
	case ledger.ChannelKf:
		return c.w.Kf
	case ledger.ChannelMass:
		return c.w.Mass
	case ledger.ChannelSMS:
		return c.w.SMS
	}
	return c.w.Number
}

// held says that a try has to wait for the day's hours.
func (c *reacher) held(ch ledger.Channel) bool {
	if c.file.Purpose == ledger.WordEmergency || c.file.Purpose == ledger.WordPassed && ch == ledger.ChannelKf {
		return false
	}
	at := c.hour()
	if at.After(c.now) {
		c.look(at)
	}
	return at.After(c.now)
}

// hour is when somebody may be called or written to: now, or in the next of the day's hours.
func (c *reacher) hour() time.Time { return Humane(c.file.Key, time.Time{}, c.now, c.zone) }

// send gives the word to a channel or, to be called, to a person.
func (c *reacher) send(ch ledger.Channel, to string) bool {
	x := &c.step.Word
	c.step.Add(ledger.Try{Channel: ch, Kind: ledger.TrySent, To: to, Message: fmt.Sprintf("%s/%d", x.Key, x.Tries+1), At: c.now})
	x.Channel, c.changed = ch, true
	if ch != ledger.ChannelCall {
		c.look(c.rested(c.now))
		return true
	}
	c.owner = to
	c.look(c.answered(c.now))
	c.look(c.now.Add(callersAgain))
	return true
}

// skip notes why nothing was tried.
func (c *reacher) skip() {
	text := "没有能用的办法"
	if c.file.Purpose == ledger.WordSummary {
		text = "下次联系家属时再说"
	}
	c.step.Add(ledger.Try{Channel: ledger.ChannelCall, Kind: ledger.TrySkipped, Text: text, At: c.now})
}

// call sees to it that somebody calls; false: there is nobody left to ask, or no number.
func (c *reacher) call() bool {
	last, asked := c.last(ledger.ChannelCall), c.asked()
	alarm := c.file.Purpose == ledger.WordEmergency
	if alarm {
		c.poll(c.urgent()) // while there is no number, or nobody
	}
	switch {
	case last.Kind == "":
		return c.ask(c.callers())
	case last.Kind == ledger.TryDead:
		return false
	case c.silent() >= silentDays:
		c.step.Add(ledger.Try{Channel: ledger.ChannelCall, Kind: ledger.TryDead, To: asked.To, Text: fmt.Sprintf("%d天都没人接", silentDays), At: c.now})
		c.changed = true
		return false
	}
	people := c.callers()
	here := slices.Contains(people, asked.To)
	if here {
		c.owner = asked.To
	}
	switch {
	case last.Kind == ledger.TryWrong || last.Kind == ledger.TryOther:
		if !c.w.Number {
			return c.number(last)
		}
		if here { // who found the new number calls it
			people = []string{asked.To}
		}
		return c.held(ledger.ChannelCall) || c.give(people[:min(1, len(people))])
	case last.Kind == ledger.TryNoAnswer && !alarm && here:
		until := c.until(last.At, c.tomorrow)
		if c.now.Before(until) {
			c.look(until)
			return true
		}
		return c.held(ledger.ChannelCall) || c.give([]string{asked.To})
	}
	if until := c.until(last.At, c.answered); here && c.now.Before(until) {
		c.look(until)
		c.poll(callersAgain)
		return true
	}
	return c.ask(people)
}

// asked is who was asked to call last.
func (c *reacher) asked() ledger.Try {
	for i := len(c.file.Log) - 1; i >= 0; i-- {
		if t := c.file.Log[i]; t.Channel == ledger.ChannelCall && t.Kind == ledger.TrySent {
			return t
		}
	}
	return ledger.Try{}
}

// silent is on how many days nobody answered the number that there is now.
func (c *reacher) silent() int {
	var days []ledger.Day
	for _, t := range c.file.Log {
		switch {
		case t.Channel != ledger.ChannelCall:
		case t.Kind == ledger.TryOther || t.Kind == ledger.TryWrong:
			days = nil
		case t.Kind == ledger.TryNoAnswer:
			if day := ledger.DayOf(t.At, c.zone); !slices.Contains(days, day) {
				days = append(days, day)
			}
		}
	}
	return len(days)
}

// ask asks the next of some people: who was not asked yet or, in an emergency, whose turn was longest ago, until somebody reached
// the family.
func (c *reacher) ask(people []string) bool {
	c.owner = "" // who was asked before has had their time
	turn := func(user string) int {
		for i := len(c.file.Log) - 1; i >= 0; i-- {
			if t := c.file.Log[i]; t.Channel == ledger.ChannelCall && t.Kind == ledger.TrySent && t.To == user {
				return t.N
			}
		}
		return 0
	}
	if c.file.Purpose != ledger.WordEmergency {
		people = slices.DeleteFunc(people, func(user string) bool { return turn(user) > 0 })
	}
	slices.SortStableFunc(people, func(a, b string) int { return turn(a) - turn(b) })
	if len(people) == 0 {
		return false
	}
	return c.open(ledger.ChannelCall) && c.held(ledger.ChannelCall) || c.give(people)
}

// give asks the first of some people to call.
func (c *reacher) give(people []string) bool {
	return len(people) > 0 && c.w.Number && c.send(ledger.ChannelCall, people[0])
}

// number waits until there is another one.
func (c *reacher) number(last ledger.Try) bool {
	until := c.until(last.At, c.found)
	if !c.now.Before(until) {
		return false
	}
	c.look(until)
	c.poll(numberAgain)
	return true
}

// callers are who may be asked to call, in their order: helpers, visitors, the village and, in an emergency, the township. Who is away
// is stood in for, and a step that has nobody is not waited for (requirements §3 case 12).
func (c *reacher) callers() []string {
	e, _ := c.r.Elder(c.file.ElderID)
	members := func(users []string) (out []ledger.Person) {
		for _, u := range users {
			if p, ok := c.r.Person(u); ok {
				out = append(out, p)
			}
		}
		return out
	}
	people := slices.Concat(members(c.r.Helping(e.ID, c.today)), members(c.r.Visiting(e.ID, c.today)),
		c.r.Holders(ledger.RoleVillage, e.Region, c.today))
	above := []ledger.Role{ledger.RoleTownship, ledger.RoleCounty}
	if c.file.Purpose == ledger.WordEmergency {
		people = append(people, c.r.Holders(above[0], e.Region, c.today)...)
	}
	here := present(c.r, people, c.today)
	for _, role := range above {
		if len(here) == 0 {
			here = present(c.r, c.r.Holders(role, e.Region, c.today), c.today)
		}
	}
	var out []string
	for _, p := range here {
		out = append(out, p.UserID)
	}
	return out
}

// look says when the word is looked at again: at the earliest of what is waited for.
func (c *reacher) look(at time.Time) {
	if c.next.IsZero() || at.Before(c.next) {
		c.next = at
	}
}

// poll looks again within a while, at the moment that was set already where there is one.
func (c *reacher) poll(within time.Duration) {
	at := c.now.Add(within)
	if due := c.file.Due; due.After(c.now) && due.Before(at) {
		at = due
	}
	c.look(at)
}

// until is the end of a wait that began at a moment. Where the clock was set back since, nobody waits longer than they would from
// when that was seen.
func (c *reacher) until(at time.Time, end func(time.Time) time.Time) time.Time {
	if at.After(c.now.Add(clockSlack)) {
		at = c.step.Word.Moved
	}
	return end(at)
}

// rested is when nothing comes back any more of what went out at a moment.
func (c *reacher) rested(at time.Time) time.Time {
	switch c.file.Purpose {
	case ledger.WordEmergency:
		return at.Add(alarmRest)
	case ledger.WordUrge:
		return at.Add(time.Duration(c.pack.Reply))
	}
	return at.Add(wordRest)
}

// answered is until when who was asked to call at a moment may be silent: of ordinary words in working days.
func (c *reacher) answered(at time.Time) time.Time {
	switch c.file.Purpose {
	case ledger.WordEmergency:
		return at.Add(c.urgent())
	case ledger.WordUrge:
		return at.Add(time.Duration(c.pack.Reply))
	}
	return WorkDays(at, max(1, int(c.pack.Answer/oneDay)), c.zone)
}

func (c *reacher) urgent() time.Duration { return max(time.Duration(c.pack.Urgent), time.Minute) }

// found is until when another number is waited for.
func (c *reacher) found(at time.Time) time.Time {
	if c.file.Purpose == ledger.WordEmergency {
		return at.Add(alarmRest)
	}
	return c.answered(at)
}

// tomorrow is when nobody having answered at a moment is called again.
func (c *reacher) tomorrow(at time.Time) time.Time {
	return Slot(c.file.Key, ledger.DayOf(at, c.zone).Add(1), false, c.zone)
}
