package scheduler

import (
	"fmt"
	"slices"
	"time"

	"xunfang/ledger"
)

// urgeWithin is for how many days after a half-year its silent families are still taken up.
const urgeWithin = 30

// Urge answers which families the village has to take up: nobody of them was reached in the half-year that has just closed, though
// somebody tried, or there was no number left to try (requirements F6, §3 case 26); or a family was urged, and nobody was reached
// (F7). Where nobody tried it is the helper who did not do their duty, and no family is blamed. Each is one case for an elder.
//
// It needs the entries from UrgeFrom's day on.
func Urge(snap *ledger.Snapshot, ps Packs, now time.Time) []ledger.Case {
	u := urger{snap: snap, r: snap.Roster, now: now, today: ledger.DayOf(now, snap.Zone), done: map[string]bool{}}
	for _, e := range u.r.Elders() {
		if s, away := u.r.Standing(e.ID, u.today); away && s.Kind.Ends() {
			continue
		}
		u.half(e, ps)
	}
	u.words()
	return u.out
}

// UrgeFrom is the first day whose entries count for Urge on a day: while the half-year before is still taken up, the first of that one.
func UrgeFrom(ps Packs, today ledger.Day) ledger.Day {
	first := ledger.HalfOf(today).First()
	for _, p := range ps {
		if today.Sub(first) < p.grace()+urgeWithin {
			return ledger.HalfOf(first.Add(-1)).First()
		}
	}
	return first
}

type urger struct {
	snap  *ledger.Snapshot
	r     *ledger.Roster
	now   time.Time
	today ledger.Day
	done  map[string]bool
	out   []ledger.Case
}

func (u *urger) raise(e ledger.Elder, source, about string) {
	if u.snap.Urged[source] || u.done[source] {
		return
	}
	u.done[source] = true
	u.out = append(u.out, ledger.Case{Key: "c" + digest(source, 24), Kind: ledger.CaseUrge, What: urgeWhat, ElderID: e.ID, Region: e.Region,
		About: about, State: ledger.CaseOpen, Level: ledger.RoleVillage, Due: u.now, Since: u.now, At: u.now, Source: source})
}

// urgeWhat is what such a case is about (000 二(一): 依法履行赡养义务).
const urgeWhat = "赡养"

// half asks of the half-year before today's, once its records are closed, whether a talk that was owed reached nobody.
func (u *urger) half(e ledger.Elder, ps Packs) {
	now := spanOf(PerHalf, u.today)
	since := u.today.Sub(now.first)
	was := spanOf(PerHalf, now.first.Add(-1))
	d, _ := u.r.Dossier(e.ID)
	entries := u.snap.Entries[e.ID]
	for i := range ps {
		p := &ps[i]
		if since < p.grace() || since >= p.grace()+urgeWithin || !ps.governs(i, was) {
			continue
		}
		for r := range p.rules(d.Regions) {
			if r.Kind != ledger.KindTalk || r.Per != PerHalf {
				continue
			}
			x, owed := duty(&d, entries, p, r, was, u.today)
			if !owed || x.State != ledger.DutyFailed || x.Done > 0 || u.spoke(e.ID, was) {
				continue
			}
			if n := attempts(entries, e.ID, was); n > 0 || u.dead(e.ID) {
				about := fmt.Sprintf("%s联系家属%d次,都没联系上", was.period.Name(), n)
				if n == 0 {
					about = was.period.Name() + "家属的电话都打不通"
				}
				u.raise(e, "督促/"+e.ID+"/"+string(was.period), about)
			}
		}
	}
}

// attempts are the talks of a period that met nobody.
func attempts(entries []ledger.Entry, elder string, s span) int {
	n := 0
	for _, x := range entries {
		if x.ElderID == elder && x.Kind == ledger.KindTalk && s.first <= x.Day && x.Day <= s.last && x.Outcome != ledger.OutcomeUndone && !x.Outcome.Met() {
			n++
		}
	}
	return n
}

// spoke says that somebody of the family answered a word in a period: they are not silent, whoever did not call them.
func (u *urger) spoke(elder string, s span) bool {
	return slices.ContainsFunc(u.snap.Words, func(w ledger.Word) bool {
		on := ledger.DayOf(w.Moved, u.snap.Zone)
		return w.ElderID == elder && w.State == ledger.WordHeard && s.first <= on && on <= s.last
	})
}

// dead says that there is family, and no number that reaches any of them.
func (u *urger) dead(elder string) bool {
	kin := u.r.Kin(elder)
	return len(kin) > 0 && !slices.ContainsFunc(kin, func(k ledger.Kin) bool { return k.Phone != "" && (k.Dead == "" || k.Dead > u.today) })
}

// words takes up what a family was urged to and nobody could be told (000 二(二): 及时通知并督促其子女; requirements F7): when no relative
// is left to try, and none has heard of it meanwhile.
func (u *urger) words() {
	for _, w := range u.snap.Words {
		e, ok := u.r.Elder(w.ElderID)
		if !ok || w.Purpose != ledger.WordUrge || w.State != ledger.WordFailed {
			continue
		}
		if s, away := u.r.Standing(e.ID, u.today); away && s.Kind.Ends() {
			continue
		}
		if slices.ContainsFunc(u.snap.Words, func(o ledger.Word) bool {
			return o.ElderID == w.ElderID && o.Purpose == ledger.WordUrge &&
				(o.State == ledger.WordOpen || o.State == ledger.WordHeard && !o.Moved.Before(w.At))
		}) {
			continue
		}
		u.raise(e, "督促/"+e.ID+"/"+string(ledger.DayOf(w.At, u.snap.Zone)), "催过子女,没联系上")
	}
}
