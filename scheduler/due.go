package scheduler

import (
	"math/bits"
	"slices"
	"strconv"
	"time"

	"xunfang/ledger"
)

// GraceDays is how many days of a period must remain, the day itself included, for a change on that day to bring a duty in
// this period: an elder new on the ledger, back from a pause or just turned 70, or an ordinary one made key (requirements §3
// case 28). Of a period shorter than twice that, half of its days.
const GraceDays = 10

// Due is what is owed for an elder in the periods that today lies in. Nobody ticks it: it follows from the dossier, the packs
// and the entries, which may hold other elders' and later ones; those do not count.
//
// A met visit by a method the rule counts makes its civil day count, once (002 五·巡访次数 counts visits; two on one day
// are one, requirements §1.O); a help counts as a visit, too, where all its items were looked at. The tier held today decides,
// except that an elder made key with fewer than GraceDays left keeps the ordinary duty for this period. Who left the period's
// number of door visits to phone calls still owes the door. Help and talks are owed only for who has a helper, by whichever of
// them (000 二(五): 多帮一).
//
// A duty of an elder who is away and did not have it done is paused or, where they left the ledger, cancelled; both miss
// nothing. Each period keeps the version of a pack that held on its first day.
func Due(d *ledger.Dossier, entries []ledger.Entry, packs Packs, today ledger.Day) []ledger.Duty {
	if len(today) != 10 {
		return nil
	}
	duties := make([]ledger.Duty, 0, 2)
	walk(d, entries, packs, today, func(x ledger.Duty, _ *Pack, _ *Rule, _ span) { duties = append(duties, x) })
	return duties
}

// walk tells each duty of the periods that today lies in, with the rule it comes from.
func walk(d *ledger.Dossier, entries []ledger.Entry, packs Packs, today ledger.Day, tell func(ledger.Duty, *Pack, *Rule, span)) {
	var s span
	for i := range packs {
		p := &packs[i]
		for r := range p.rules(d.Regions) {
			of := s
			if r.Per == PerChange {
				var recent bool
				if of, recent = lastChange(d, r, today); !recent {
					continue
				}
			} else if s.per != r.Per {
				s = spanOf(r.Per, today)
				of = s
			}
			if !packs.governs(i, of) {
				continue
			}
			if x, owed := duty(d, entries, p, r, of, today); owed {
				tell(x, p, r, of)
			}
		}
	}
	for i := range d.Rounds {
		if x := &d.Rounds[i]; x.Holds(today) {
			if duty, owed := roundDuty(d, entries, x, today); owed {
				tell(duty, noPack, roundRule, roundSpan(x))
			}
		}
	}
	for i := range d.Follows {
		if x := &d.Follows[i]; x.From <= today && today <= x.To {
			if duty, owed := followDuty(d, entries, x, today); owed {
				tell(duty, noPack, followRule, followSpan(x))
			}
		}
	}
}

// walkEnded tells the duties of the periods that have just ended and may still be entered: after an outage over their end the leads
// have not heard of them. Of visits after an emergency the village hears only then.
func walkEnded(d *ledger.Dossier, entries []ledger.Entry, packs Packs, today ledger.Day, tell func(ledger.Duty, *Pack, *Rule, span)) {
	for i := range packs {
		p := &packs[i]
		for r := range p.rules(d.Regions) {
			if r.Per == PerChange {
				continue
			}
			s := spanOf(r.Per, today)
			if today.Sub(s.first) >= p.grace() {
				continue
			}
			if s = spanOf(r.Per, s.first.Add(-1)); !packs.governs(i, s) {
				continue
			}
			if x, owed := duty(d, entries, p, r, s, today); owed {
				tell(x, p, r, s)
			}
		}
	}
	for i := range d.Follows {
		if x := &d.Follows[i]; x.To >= x.From && x.To < today && today.Sub(x.To) <= followTold {
			if duty, owed := followDuty(d, entries, x, today); owed {
				tell(duty, noPack, followRule, followSpan(x))
			}
		}
	}
}

// DueIn is what was owed in the periods of the packs' rules that lie in a calendar period, seen from today: those that
// have closed are done, failed, paused or cancelled, the current one as Due has it; future ones are not listed. The tier of a
// closed period is the one held on its last day. Extra rounds and visits after an emergency whose days ended in the period are among
// it.
func DueIn(d *ledger.Dossier, entries []ledger.Entry, packs Packs, period ledger.Period, today ledger.Day) []ledger.Duty {
	if len(today) != 10 {
		return nil
	}
	var duties []ledger.Duty
	first, last := period.First(), min(period.Last(), today)
	for i := range packs {
		for r := range packs[i].rules(d.Regions) {
			if r.Per == PerChange {
				for _, s := range changes(d, r, last) {
					if s.first >= first {
						duties = owe(duties, d, entries, packs, i, r, s, today)
					}
				}
				continue
			}
			for day := first; day <= last; {
				s := spanOf(r.Per, day)
				if s.first >= first && s.last <= period.Last() {
					duties = owe(duties, d, entries, packs, i, r, s, today)
				}
				day = s.last.Add(1)
			}
		}
	}
	for i := range d.Rounds {
		if x := &d.Rounds[i]; x.To >= first && x.To <= period.Last() && x.From <= today && x.To >= x.From {
			if duty, owed := roundDuty(d, entries, x, today); owed {
				duties = append(duties, duty)
			}
		}
	}
	for i := range d.Follows {
		if x := &d.Follows[i]; x.To >= first && x.To <= period.Last() && x.From <= today && x.To >= x.From {
			if duty, owed := followDuty(d, entries, x, today); owed {
				duties = append(duties, duty)
			}
		}
	}
	return duties
}

func owe(duties []ledger.Duty, d *ledger.Dossier, entries []ledger.Entry, packs Packs, version int, r *Rule, s span, today ledger.Day) []ledger.Duty {
	if !packs.governs(version, s) {
		return duties
	}
	if duty, owed := duty(d, entries, &packs[version], r, s, today); owed {
		duties = append(duties, duty)
	}
	return duties
}

// span is a period with its bounds, computed without the time package where it can be: Due runs for every elder in every turn.
type span struct {
	per         Per
	period      ledger.Period // "" after a change and of a round
	first, last ledger.Day
	month       int // of first
}

// spanOf is the period of a day. Its three words are cut from one string: one allocation.
func spanOf(per Per, d ledger.Day) span {
	if per == PerWeek {
		p := ledger.WeekOf(d)
		first := p.First()
		return span{per, p, first, first.Add(6), int(first.Month())}
	}
	month := int(d.Month())
	first, last := month, month
	switch per {
	case PerQuarter:
		first = (month-1)/3*3 + 1
		last = first + 2
	case PerHalf:
		first = (month-1)/6*6 + 1
		last = first + 5
	}
	buf := make([]byte, 0, 26)
	buf = appendDay(buf, d[:4], first, 1)
	buf = appendDay(buf, d[:4], last, monthDays(d, last))
	buf = append(buf, d[:4]...)
	if per == PerHalf {
		buf = append(buf, 'H', '1'+byte(first/6))
	} else {
		buf = append(buf, 'Q', '0'+byte((first+2)/3))
	}
	words := string(buf)
	s := span{per, ledger.Period(words[:7]), ledger.Day(words[:10]), ledger.Day(words[10:20]), first}
	if per != PerMonth {
		s.period = ledger.Period(words[20:])
	}
	return s
}

func appendDay(buf []byte, year ledger.Day, month, day int) []byte {
	buf = append(buf, year...)
	return append(buf, '-', '0'+byte(month/10), '0'+byte(month%10), '-', '0'+byte(day/10), '0'+byte(day%10))
}

// grace is how many days must be left for a change to bring a duty.
func (s span) grace() int {
	if s.per == PerWeek {
		return 4
	}
	return GraceDays
}

// late says whether a change on a day in the period comes too late to bring a duty.
func (s span) late(change ledger.Day) bool {
	return change > s.first && s.per != PerChange && s.last.Sub(change)+1 < s.grace()
}

func duty(d *ledger.Dossier, entries []ledger.Entry, p *Pack, r *Rule, s span, today ledger.Day) (ledger.Duty, bool) {
	asOf := min(today, s.last)
	begun, owed := begin(d, r.Kind, s, asOf)
	if !owed || begun > asOf || s.late(begun) {
		return ledger.Duty{}, false
	}
	if r.Tier != TierAll && r.Tier != tierFor(d.Tiers, s, asOf) {
		return ledger.Duty{}, false
	}
	if !p.binds(d, r, s, asOf) {
		return ledger.Duty{}, false
	}
	done, door, last := count(d.ID, entries, r.Kind, r.Counts, s, asOf)
	owedDoor := max(0, r.DoorMin-door)
	if owedDoor > 0 {
		done = min(done, r.Times-owedDoor)
	}
	out := ledger.Duty{Name: r.Name, Kind: r.Kind, ElderID: d.ID, Period: s.period, From: s.first, Need: r.Times, Done: done, Door: owedDoor,
		Due: s.last, Last: last, Source: r.Source}
	out.State = state(d, done >= r.Times, s, today)
	return out, out.State != ""
}

// roundDuty is what an extra round asks of an elder.
func roundDuty(d *ledger.Dossier, entries []ledger.Entry, x *ledger.Round, today ledger.Day) (ledger.Duty, bool) {
	asOf := min(today, x.To)
	if d.Since > asOf || x.Tier == ledger.TierKey && tierOn(d.Tiers, asOf).Tier != ledger.TierKey {
		return ledger.Duty{}, false
	}
	s := roundSpan(x)
	counts := anyhow
	if x.Door == string(ledger.MethodDoor) {
		counts = anyhow[:1]
	}
	done, _, last := count(d.ID, entries, ledger.KindVisit, counts, s, asOf)
	out := ledger.Duty{Name: x.Name, Kind: ledger.KindVisit, ElderID: d.ID, From: x.From, Need: 1, Done: min(done, 1), Due: x.To, Last: last,
		Source: x.Name + ":" + "县里、乡里通知的加访"}
	out.State = state(d, done > 0, s, today)
	return out, out.State != ""
}

// roundRule is when an extra round is spoken of: as soon as it begins and on its last day, when the leads hear who is not reached.
var roundRule = &Rule{Kind: ledger.KindVisit, Tier: TierAll, Per: PerChange, Nudge: []Mark{"366d", "0d"}, Escalate: Escalate{Village: "0d", Township: "0d"}}

func roundSpan(x *ledger.Round) span { return span{PerChange, "", x.From, x.To, int(x.From.Month())} }

// FollowName is the duty to see an elder at the door after an emergency (000 二(二): 紧急处置,并及时实施关爱救助).
const FollowName = "紧急后回访"

// followDuty is the visit that an emergency's end asks for.
func followDuty(d *ledger.Dossier, entries []ledger.Entry, x *ledger.Follow, today ledger.Day) (ledger.Duty, bool) {
	s := followSpan(x)
	asOf := min(today, x.To)
	if d.Since > asOf {
		return ledger.Duty{}, false
	}
	done, _, last := count(d.ID, entries, ledger.KindVisit, anyhow[:1], s, asOf)
	done = min(done, 1)
	out := ledger.Duty{Name: FollowName, Kind: ledger.KindVisit, ElderID: d.ID, From: x.From, Need: 1, Done: done, Door: 1 - done, Due: x.To, Last: last,
		Source: x.No + "结束后上门看一次:000 二(二),紧急处置后及时关爱救助;几天以内为本系统默认"}
	out.State = state(d, done > 0, s, today)
	return out, out.State != ""
}

// followRule is when it is spoken of: on its last day to whose elder it is, the day after to the village.
var followRule = &Rule{Kind: ledger.KindVisit, Tier: TierAll, Per: PerChange, Nudge: []Mark{"0d"}, Escalate: Escalate{Village: "-1d"}}

// followTold is for how many days after its last one the village is told, if it could not be on the first of them.
const followTold = 7

func followSpan(x *ledger.Follow) span { return span{PerChange, "", x.From, x.To, int(x.From.Month())} }

var anyhow = []ledger.Method{ledger.MethodDoor, ledger.MethodPhone, ledger.MethodVideo}

// state is where a duty stands, "" where there is none because the elder had left before the period.
func state(d *ledger.Dossier, done bool, s span, today ledger.Day) ledger.DutyState {
	asOf := min(today, s.last)
	away := ledger.DutyState("")
	for i := range d.Standings {
		x := &d.Standings[i]
		switch {
		case x.Never() || x.From > asOf:
		case x.Holds(asOf) && x.Kind.Ends():
			if x.From <= s.first {
				return ""
			}
			away = ledger.DutyCancelled
		case x.Holds(asOf):
			away = ledger.DutyPaused
		case x.To >= s.first && s.late(x.To.Add(1)) && away == "": // back, with little of it left
			away = ledger.DutyPaused
		}
	}
	switch {
	case done:
		return ledger.DutyDone
	case away != "":
		return away
	case today > s.last:
		return ledger.DutyFailed
	}
	return ledger.DutyReady
}

// begin is the day from which a kind of duty is owed for an elder; false where it is not.
func begin(d *ledger.Dossier, kind ledger.EntryKind, s span, asOf ledger.Day) (ledger.Day, bool) {
	if kind == ledger.KindVisit {
		return d.Since, true
	}
	if kind == ledger.KindTalk && len(d.Kin) == 0 { // nobody to talk to
		return "", false
	}
	paired, from := false, ledger.Day("9999-12-31")
	for i := range d.Pairs {
		x := &d.Pairs[i]
		if x.From > asOf || x.To != "" && x.To < s.first {
			continue
		}
		paired = paired || x.Holds(asOf)
		from = min(from, x.From) // one helper after another is no new beginning
	}
	return max(d.Since, from), paired
}

// count counts the civil days of a period on which a kind of duty was met, those at the door, and says which was the last.
func count(elderID string, entries []ledger.Entry, kind ledger.EntryKind, methods []ledger.Method, s span, asOf ledger.Day) (met, door int, last ledger.Day) {
	// One bit a day, 31 to a month, of a year: one visit a day counts, and no map is needed to see it.
	var days, doors [6]uint64
	for i := range entries {
		x := &entries[i]
		if x.Day < s.first || x.Day > asOf || x.ElderID != elderID || !x.Outcome.Met() || len(x.Day) != 10 ||
			x.Kind != kind && !(kind == ledger.KindVisit && x.Kind == ledger.KindHelp && x.Looked) || !slices.Contains(methods, x.Method) {
			continue
		}
		month := (int(x.Day.Month()) - s.month + 12) % 12
		day := int(x.Day[8])*10 + int(x.Day[9]) - '0'*11 - 1
		if uint(day) > 30 {
			continue // not a day
		}
		bit := month*31 + day
		days[bit/64] |= 1 << (bit % 64)
		if x.Method == ledger.MethodDoor {
			doors[bit/64] |= 1 << (bit % 64)
		}
		last = max(last, x.Day)
	}
	for i := range days {
		met += bits.OnesCount64(days[i])
		door += bits.OnesCount64(doors[i])
	}
	return met, door, last
}

// noPack is what an extra round, or a visit after an emergency, comes from.
var noPack = &Pack{}

// lastChange is the time that a change up to today leaves for a duty; false where there is none or it is over.
func lastChange(d *ledger.Dossier, r *Rule, today ledger.Day) (span, bool) {
	all := changes(d, r, today)
	if len(all) == 0 || all[len(all)-1].last < today {
		return span{}, false
	}
	return all[len(all)-1], true
}

// changes are the times after an elder came back from a pause or was made key, oldest first, one a day.
func changes(d *ledger.Dossier, r *Rule, until ledger.Day) []span {
	var days []ledger.Day
	for i := range d.Standings {
		if x := &d.Standings[i]; x.Kind == ledger.StandingPaused && x.To != "" && !x.Never() {
			days = append(days, x.To.Add(1))
		}
	}
	for i := range d.Tiers {
		if x := &d.Tiers[i]; x.Tier == ledger.TierKey && x.From > d.Since && (x.To == "" || x.From <= x.To) {
			days = append(days, x.From)
		}
	}
	slices.Sort(days)
	var out []span
	for _, day := range slices.Compact(days) {
		if day <= until && len(day) == 10 {
			out = append(out, span{PerChange, "", day, day.Add(int(time.Duration(r.Within) / (24 * time.Hour))), int(day.Month())})
		}
	}
	return out
}

// tierFor is the tier that decides a period as seen on a day in it.
func tierFor(tiers []ledger.Tiering, s span, asOf ledger.Day) ledger.Tier {
	held := tierOn(tiers, asOf)
	if held.Tier == ledger.TierKey && s.late(held.From) {
		return tierOn(tiers, held.From.Add(-1)).Tier
	}
	return held.Tier
}

// tierOn is the tiering that holds on a day, ordinary where none is written.
func tierOn(tiers []ledger.Tiering, on ledger.Day) ledger.Tiering {
	for i := range tiers {
		if tiers[i].Holds(on) {
			return tiers[i]
		}
	}
	return ledger.Tiering{Tier: ledger.TierOrdinary}
}

func monthDays(d ledger.Day, month int) int {
	switch time.Month(month) {
	case time.April, time.June, time.September, time.November:
		return 30
	case time.February:
		year, _ := strconv.Atoi(string(d[:4]))
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}
