package bot

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"xunfang/ledger"
	"xunfang/scheduler"
)

// reckoning keeps who owes what beside the records, so that a lead's figures need not count a county anew: the turn that records
// something writes what is owed after it, and when a day begins or the ledger has changed all of it is made anew.
type reckoning struct {
	bot     *Bot
	mu      sync.Mutex
	day     ledger.Day // of which it is
	version int64      // of the ledger
}

// current makes it anew if it is of another day or another ledger.
func (k *reckoning) current(ctx context.Context, now time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	roster, err := k.bot.Store.Roster(ctx)
	if err != nil {
		return err
	}
	today := ledger.DayOf(now, k.bot.Zone)
	if k.day == today && k.version == roster.Version() {
		return nil
	}
	err = k.bot.Store.Reckon(ctx, countedFrom(today), func(id string, entries []ledger.Entry) []ledger.Owing {
		return owing(roster, k.bot.Packs, id, entries, today)
	})
	if err != nil {
		return fmt.Errorf("reckon who owes what: %w", err)
	}
	k.day, k.version = today, roster.Version()
	return nil
}

// countedFrom is the first day of what any duty of today may count.
func countedFrom(today ledger.Day) ledger.Day {
	return min(ledger.HalfOf(today).First(), since(today))
}

// owing is what is owed for an elder today, and who owes it first.
func owing(r *ledger.Roster, packs scheduler.Packs, id string, entries []ledger.Entry, today ledger.Day) []ledger.Owing {
	d, ok := r.Dossier(id)
	if !ok {
		return nil
	}
	duties := scheduler.Due(&d, entries, packs, today)
	out := make([]ledger.Owing, 0, len(duties))
	village := cmp.Or(r.At(d.Region, ledger.LevelVillage).Code, d.Region)
	for _, x := range duties {
		if slices.ContainsFunc(out, func(o ledger.Owing) bool { return o.Duty == x.Name }) { // two rounds of one name, of township and county
			continue
		}
		who := r.Helping
		if x.Kind == ledger.KindVisit {
			who = r.Visiting
		}
		user := ""
		if users := who(id, today); len(users) > 0 {
			user = users[0]
		}
		out = append(out, ledger.Owing{ElderID: id, Duty: x.Name, Kind: x.Kind, Period: x.Period, From: x.From, Due: x.Due, Need: x.Need, Done: x.Done,
			Door: x.Door, State: x.State, UserID: user, Region: village})
	}
	return out
}

// owed adds to what a turn changes what is owed after it.
func (b *Bot) owed(ctx context.Context, r *ledger.Roster, c *ledger.Changes, now time.Time) error {
	var ids []string
	for _, e := range c.Entries {
		ids = append(ids, e.ElderID)
	}
	for _, a := range c.Amended {
		ids = append(ids, a.Was.ElderID, a.Now.ElderID)
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) == 0 {
		return nil
	}
	today := ledger.DayOf(now, b.Zone)
	revisions, err := b.Store.Reckoned(ctx, ids) // before the records: of two who record at once the later counts both
	if err != nil {
		return err
	}
	entries, err := b.Store.CountedOf(ctx, ids, countedFrom(today))
	if err != nil {
		return err
	}
	for _, a := range c.Amended {
		entries = slices.DeleteFunc(entries, func(e ledger.Entry) bool { return e.Key == a.Now.Key })
		if a.Now.Outcome != ledger.OutcomeUndone {
			entries = append(entries, a.Now)
		}
	}
	entries = append(entries, c.Entries...)
	for _, id := range ids {
		c.Owing = append(c.Owing, ledger.OwingSet{ElderID: id, Rows: owing(r, b.Packs, id, entries, today), Seen: revisions[id]})
	}
	return nil
}
