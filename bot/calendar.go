package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/scheduler"
	"xunfang/store"
)

// calendar sends the letters that scheduler.Plan says should have gone out. It remembers nothing: what was said is in the
// database, so a tick that is missed, doubled or run by two processes at once changes nothing.
type calendar struct {
	bot  *Bot
	last time.Time // tick that was looked at last
}

const (
	calendarEvery = 10 * time.Minute // people's minutes are spread over hours; nobody waits for one
	offHour       = 3 * time.Minute
	noticeBack    = 400 // days: some things are told once and not again
	letterBack    = 7   // days: a letter that WeCom has not taken for so long is replaced by the next
)

// run wakes the calendar until the context ends. A clock that is moved is noticed within seconds.
func (c *calendar) run(ctx context.Context) {
	wake := scheduler.NewTicker(c.bot.Zone)
	if err := wake.Every("@every 5s", func(ctx context.Context, _ time.Time) { c.tick(ctx) }); err != nil {
		panic(err) // the words stand above
	}
	wake.Run(ctx)
}

// tick looks at the calendar once in calendarEvery of the bot's clock, however often it is woken.
func (c *calendar) tick(ctx context.Context) {
	now := c.bot.Now()
	at := now.Add(-offHour).Truncate(calendarEvery) // at 3, 13, 23 minutes past: never on a full or half hour
	if at.Equal(c.last) || !c.bot.Calendar() {
		return
	}
	if err := c.bot.reckoning.current(ctx, now); err != nil && ctx.Err() == nil {
		c.bot.Log.Error("not reckoned who owes what", "err", err)
	}
	if _, err := c.bot.Remind(ctx, now, false); err != nil {
		if ctx.Err() == nil {
			c.bot.Log.Error("calendar not kept", "err", err)
		}
		return
	}
	if _, err := c.bot.TellFamilies(ctx, now, false); err != nil {
		if ctx.Err() == nil {
			c.bot.Log.Error("families not told", "err", err)
		}
		return
	}
	c.last = at
}

// Snapshot reads what the calendar decides from.
func (b *Bot) Snapshot(ctx context.Context, now time.Time) (*ledger.Snapshot, error) {
	roster, err := b.Store.Roster(ctx)
	if err != nil {
		return nil, err
	}
	today := ledger.DayOf(now, b.Zone)
	from := min(countedFrom(today), scheduler.UrgeFrom(b.Packs, today))
	entries, err := b.Store.Counted(ctx, from)
	if err != nil {
		return nil, err
	}
	notices, err := b.Store.Notices(ctx, today.Add(-noticeBack))
	if err != nil {
		return nil, err
	}
	snap := &ledger.Snapshot{Roster: roster, Entries: map[string][]ledger.Entry{}, Notices: notices, Zone: b.Zone}
	for i := 0; i < len(entries); { // they come elder by elder
		j := i
		for j < len(entries) && entries[j].ElderID == entries[i].ElderID {
			j++
		}
		snap.Entries[entries[i].ElderID] = entries[i:j:j]
		i = j
	}
	return snap, b.families(ctx, snap, now)
}

// Letters are the calendar's messages of a day that are not said yet, with all those that wait for a humane hour among them, and
// none to whoever is in the middle of a form.
func (b *Bot) Letters(ctx context.Context, now time.Time, all bool) ([]ledger.Letter, []ledger.Message, error) {
	snap, err := b.Snapshot(ctx, now)
	if err != nil {
		return nil, nil, err
	}
	letters := slices.DeleteFunc(scheduler.Plan(snap, b.Packs, now), func(l ledger.Letter) bool { return !all && !b.Prompt && l.At.After(now) })
	users := make([]string, len(letters))
	for i, l := range letters {
		users[i] = l.To
	}
	convs, err := b.Store.Conversations(ctx, users)
	if err != nil {
		return nil, nil, err
	}
	var out []ledger.Letter
	var messages []ledger.Message
	for _, l := range letters {
		if busy(convs[l.To], now) {
			continue
		}
		m, err := b.letter(ctx, l, now)
		if err != nil {
			return nil, nil, err
		}
		if m.Text == "" && m.Card == nil { // nothing that the person may see
			continue
		}
		out, messages = append(out, l), append(messages, m)
	}
	return out, messages, nil
}

// busy says whether somebody is in the middle of a form.
func busy(c store.Conversation, now time.Time) bool {
	var s flows.State
	return len(c.State) > 0 && json.Unmarshal(c.State, &s) == nil && s.Busy(now)
}

// letter puts a letter into words, from what its reader may see.
func (b *Bot) letter(ctx context.Context, l ledger.Letter, now time.Time) (ledger.Message, error) {
	in := flows.Input{Key: l.Key, User: l.To, Now: now, Today: ledger.DayOf(now, b.Zone), Zone: b.Zone, Kind: flows.Other} // no figures: they are of today's clock
	var err error
	if in.View, _, err = b.view(ctx, l.To, flows.State{}, in); err != nil {
		return ledger.Message{}, fmt.Errorf("read view: %w", err)
	}
	roster, err := b.Store.Roster(ctx)
	if err != nil {
		return ledger.Message{}, err
	}
	return flows.Letter(l, in, outlook{roster: roster}.region), nil
}

// region is what a region is called.
func (o outlook) region(code string) string {
	x, _ := o.roster.Region(code)
	return x.Name
}

// Remind sends what the calendar says should have gone out by now, or, with all, what goes out later that day as well, each at
// its hour. It says how many letters that were.
func (b *Bot) Remind(ctx context.Context, now time.Time, all bool) (int, error) {
	if !all && !b.speaks(now) {
		return 0, nil
	}
	if err := b.Store.Untold(ctx, ledger.DayOf(now, b.Zone).Add(-2*letterBack), now); err != nil {
		return 0, err
	}
	letters, messages, err := b.Letters(ctx, now, all)
	if err != nil {
		return 0, err
	}
	sent := 0
	for i, l := range letters {
		m := messages[i]
		if !all { // what WeCom does not take today is said anew, as it stands then
			m.Expires = scheduler.Until(l.At, b.Zone)
		}
		if b.Prompt || !l.At.After(now) {
			m.NotBefore = time.Time{}
		}
		rendered, err := b.render([]ledger.Message{m})
		if err != nil {
			return sent, err
		}
		changes := ledger.Changes{Messages: rendered, Notices: l.Notices}
		for n := range letterBack { // of several that WeCom did not take, only the latest goes
			changes.Drop = append(changes.Drop, letterKeys(l.To, ledger.DayOf(now, b.Zone).Add(-1-n))...)
		}
		switch err := b.Store.Commit(ctx, store.Turn{Changes: changes}); {
		case errors.Is(err, store.ErrStale): // another process was faster
		case err != nil:
			return sent, fmt.Errorf("write a letter: %w", err)
		default:
			sent++
			b.metrics.letters.Inc()
		}
	}
	return sent, nil
}

// letterKeys are those of a person's letters of a day: the second is about something of the day (scheduler.Plan).
func letterKeys(user string, day ledger.Day) []string {
	key := "remind/" + user + "/" + string(day)
	return []string{key, key + "/2"}
}

// speaks says whether the calendar says anything at a moment: outside of its hours, and on the full and half hour, when everybody
// else's programs speak, there is nothing to look for.
func (b *Bot) speaks(now time.Time) bool {
	return !scheduler.Humane("", now, now, b.Zone).After(now) && (b.Prompt || now.Minute()%30 != 0)
}

// moot are the letters that need not be said any more once something was done for elders: the next look at the calendar says what
// is still owed. Only those that still wait can be taken back.
func moot(r *ledger.Roster, changes ledger.Changes, today ledger.Day) []string {
	var elders []string
	for _, e := range changes.Edits {
		for _, x := range e.Book.Standings {
			elders = append(elders, x.ElderID)
		}
		for _, x := range e.Book.Tierings {
			elders = append(elders, x.ElderID)
		}
		for _, x := range e.Book.Assignments {
			elders = append(elders, x.ElderID)
		}
	}
	for _, e := range changes.Entries {
		elders = append(elders, e.ElderID)
	}
	for _, a := range changes.Amended {
		elders = append(elders, a.Was.ElderID, a.Now.ElderID)
	}
	var out []string
	for _, id := range elders {
		for _, user := range slices.Concat(r.Visiting(id, today), r.Helping(id, today)) {
			out = append(out, letterKeys(user, today)...)
			if l, away := r.Leave(user, today); away && l.Deputy != "" {
				out = append(out, letterKeys(l.Deputy, today)...)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// silence explains why somebody was not reminded.
func (b *Bot) silence(ctx context.Context, user string, now time.Time) (string, error) {
	snap, err := b.Snapshot(ctx, now)
	if err != nil {
		return "", err
	}
	return strings.Join(scheduler.Silence(snap, b.Packs, user, now), "\n"), nil
}
