package scheduler

import (
	"math/bits"
	"slices"
	"strconv"
	"time"

	"xunfang/ledger"
)

// GraceDays is how many days of a period must remain, the day itself included, for a change on that day to bring a duty in
// this period: an elder new on the ledger, or an ordinary one made key (requirements §3 case 28).
const GraceDays = 10

// Due is what is owed for an elder in the periods that today lies in, ready or done. tiers and entries may hold other
// elders' rows; entries after today do not count.
//
// A met visit by a method the rule counts makes its civil day count, once (002 五·巡访次数 counts visits; two on one day
// are one, requirements §1.O). The tier held today decides, except that an elder made key with fewer than GraceDays left
// keeps the ordinary duty for this period. Who left the period's number of door visits to phone calls still owes the door.
func Due(e ledger.Elder, tiers []ledger.Tiering, entries []ledger.Entry, p Pack, today ledger.Day) []ledger.Duty {
	if len(today) != 10 {
		return nil
	}
	duties := make([]ledger.Duty, 0, 1)
	var s span
	for i := range p.Visits {
		if i == 0 || p.Visits[i].Per != p.Visits[i-1].Per {
			s = spanOf(p.Visits[i].Per, today)
		}
		if d, owed := duty(e, tiers, entries, &p.Visits[i], s, today); owed {
			duties = append(duties, d)
		}
	}
	return duties
}

// DueIn is what was owed in the periods of the pack's rules that lie in a calendar period, seen from today: those that
// have closed are done or failed, the current one ready or done; future ones are not listed. The tier of a closed period is
// the one held on its last day.
func DueIn(e ledger.Elder, tiers []ledger.Tiering, entries []ledger.Entry, p Pack, period ledger.Period, today ledger.Day) []ledger.Duty {
	if len(today) != 10 {
		return nil
	}
	var duties []ledger.Duty
	last := min(period.Last(), today)
	for i := range p.Visits {
		for day := period.First(); day <= last; {
			s := spanOf(p.Visits[i].Per, day)
			if s.first >= period.First() && s.last <= period.Last() {
				if d, owed := duty(e, tiers, entries, &p.Visits[i], s, today); owed {
					duties = append(duties, d)
				}
			}
			day = s.last.Add(1)
		}
	}
	return duties
}

// span is a month or quarter with its bounds, computed without the time package: Due runs for every elder in every turn.
type span struct {
	period      ledger.Period
	first, last ledger.Day
	month       int // of first
}

// spanOf is the period of a day. Its three words are cut from one string: one allocation.
func spanOf(per Per, d ledger.Day) span {
	month := int(d.Month())
	first, last := month, month
	if per == PerQuarter {
		first = (month-1)/3*3 + 1
		last = first + 2
	}
	buf := make([]byte, 0, 26)
	buf = appendDay(buf, d[:4], first, 1)
	buf = appendDay(buf, d[:4], last, monthDays(d, last))
	buf = append(buf, d[:4]...)
	buf = append(buf, 'Q', '0'+byte((first+2)/3))
	words := string(buf)
	s := span{ledger.Period(words[:7]), ledger.Day(words[:10]), ledger.Day(words[10:20]), first}
	if per == PerQuarter {
		s.period = ledger.Period(words[20:])
	}
	return s
}

func appendDay(buf []byte, year ledger.Day, month, day int) []byte {
	buf = append(buf, year...)
	return append(buf, '-', '0'+byte(month/10), '0'+byte(month%10), '-', '0'+byte(day/10), '0'+byte(day%10))
}

func duty(e ledger.Elder, tiers []ledger.Tiering, entries []ledger.Entry, r *Rule, s span, today ledger.Day) (ledger.Duty, bool) {
	asOf := min(today, s.last)
	if e.Since > asOf || e.Since > s.first && remaining(e.Since, s) < GraceDays {
		return ledger.Duty{}, false
	}
	if r.Tier != TierAll && r.Tier != tierFor(e.ID, tiers, s, asOf) {
		return ledger.Duty{}, false
	}

	// One bit a day, 31 to a month: at most one visit a day counts, and no map is needed to see it.
	var met, door [2]uint64
	last := ledger.Day("")
	for i := range entries {
		x := &entries[i]
		if x.Day < s.first || x.Day > asOf || x.ElderID != e.ID || x.Kind != ledger.KindVisit || !x.Outcome.Met() ||
			len(x.Day) != 10 || !slices.Contains(r.Counts, x.Method) {
			continue
		}
		bit := (int(x.Day.Month())-s.month)*31 + int(x.Day[8]-'0')*10 + int(x.Day[9]-'0') - 1
		if uint(bit) >= 3*31 {
			continue // not a day
		}
		met[bit/64] |= 1 << (bit % 64)
		if x.Method == ledger.MethodDoor {
			door[bit/64] |= 1 << (bit % 64)
		}
		last = max(last, x.Day)
	}
	done := bits.OnesCount64(met[0]) + bits.OnesCount64(met[1])
	owedDoor := max(0, r.DoorMin-bits.OnesCount64(door[0])-bits.OnesCount64(door[1]))
	if owedDoor > 0 {
		done = min(done, r.Times-owedDoor)
	}

	state := ledger.DutyReady
	switch {
	case done >= r.Times:
		state = ledger.DutyDone
	case today > s.last:
		state = ledger.DutyFailed
	}
	return ledger.Duty{Name: r.Name, ElderID: e.ID, Period: s.period, Need: r.Times, Done: done, Door: owedDoor, Due: s.last,
		Last: last, State: state, Source: r.Source}, true
}

// tierFor is the tier that decides a period as seen on a day in it.
func tierFor(elderID string, tiers []ledger.Tiering, s span, asOf ledger.Day) ledger.Tier {
	held := tierOn(elderID, tiers, asOf)
	if held.Tier == ledger.TierKey && held.From > s.first && remaining(held.From, s) < GraceDays {
		return tierOn(elderID, tiers, held.From.Add(-1)).Tier
	}
	return held.Tier
}

// tierOn is the tiering that holds on a day, ordinary where none is written.
func tierOn(elderID string, tiers []ledger.Tiering, on ledger.Day) ledger.Tiering {
	for i := range tiers {
		if tiers[i].ElderID == elderID && tiers[i].Holds(on) {
			return tiers[i]
		}
	}
	return ledger.Tiering{ElderID: elderID, Tier: ledger.TierOrdinary}
}

// remaining is how many days of a period are left on a day in it, that day included.
func remaining(d ledger.Day, s span) int { return s.last.Sub(d) + 1 }

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
