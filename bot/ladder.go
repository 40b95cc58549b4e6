package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"xunfang/bot/wecom"
	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/store"
)

// Alarms are not reminders: their ladder is looked at every second. Everything it knows is in the database, so a kill at any point,
// an outage or a second process changes nothing but the minute (requirements §3 cases 13 and 30).
const (
	climbEvery = time.Second
	mostDue    = 100 // matters looked at at once
)

// climb looks at the ladders until the context ends.
func (b *Bot) climb(ctx context.Context) {
	tick := time.NewTicker(climbEvery)
	defer tick.Stop()
	said := "" // what fails every second is said once
	for {
		if err := b.Climb(context.WithoutCancel(ctx)); err == nil {
			b.climbed.Store(time.Now().UnixMilli())
			said = ""
		} else if err.Error() != said {
			said = err.Error()
			b.Log.Error("ladders not looked at", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Climb does what the ladders of all alarms that are not over, and of the matters that are due, ask for now.
func (b *Bot) Climb(ctx context.Context) error {
	now := b.Now()
	files, _, err := b.Store.Alarms(ctx)
	if err != nil {
		return err
	}
	due, err := b.Store.CasesDue(ctx, now, mostDue)
	if err != nil || len(files)+len(due) == 0 {
		return err
	}
	roster, err := b.Store.Roster(ctx)
	if err != nil {
		return err
	}
	today := ledger.DayOf(now, b.Zone)
	o := outlook{roster: roster, packs: b.Packs, pack: b.Packs.Main(today), names: b.indexes.of(roster)}
	var failed []error
	for _, f := range slices.Concat(files, due) { // one that fails must not hold up the others
		if err := b.climbOne(ctx, o, f, now); err != nil && !errors.Is(err, store.ErrStale) {
			failed = append(failed, fmt.Errorf("case %s: %w", f.Key, err))
		}
	}
	return errors.Join(failed...)
}

// climbOne looks at one ladder. A panic is the programmer's mistake and this case's alone: it must not end the process, which would
// find the same case again at every start and ring for nobody.
func (b *Bot) climbOne(ctx context.Context, o outlook, f ledger.CaseFile, now time.Time) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %s\n%s", broken(p), debug.Stack())
		}
	}()
	step, rings := o.climbed(f, f.Step(), now, b.Zone)
	if step.Case.Rev == f.Rev {
		return nil
	}
	in := flows.Input{Key: fmt.Sprintf("case/%s/%d", f.Key, step.Case.Rev), Now: now, Today: ledger.DayOf(now, b.Zone), Zone: b.Zone, Kind: flows.Other}
	in.View.Rules = o.rules(in.Today)
	c := ledger.Changes{Cases: []ledger.CaseStep{step}, Messages: o.spoken(f, step, rings, in)}
	if err := b.unrung(ctx, &c, now); err != nil {
		return err
	}
	c.Drop = superseded(f, step)
	if c.Messages, err = b.render(c.Messages); err != nil {
		return err
	}
	return b.Store.Commit(ctx, store.Turn{Changes: c})
}

// superseded are the messages that need not be said any more where WeCom took none for a while: of several rounds only the last
// goes to a person.
func superseded(f ledger.CaseFile, step ledger.CaseStep) []string {
	var out []string
	for _, e := range step.Events {
		if e.Kind != ledger.EventTold && e.Kind != ledger.EventCalled {
			continue
		}
		for _, old := range f.Timeline {
			if old.To == e.To && old.Message != "" && old.Kind == e.Kind {
				out = append(out, old.Message)
			}
		}
	}
	return out
}

// WeCom rings one person up at most 3 times in 8 minutes and 8 times in 24 hours (wecom/91628, reason 13); what is beyond is said
// in writing, so that no call is spent on nobody.
const (
	callsShort, callsLong = 3, 8
	shortly, daily        = 8 * time.Minute, 24 * time.Hour
)

// unrung turns calls that WeCom would not make into writing.
func (b *Bot) unrung(ctx context.Context, c *ledger.Changes, now time.Time) error {
	var users []string
	for _, m := range c.Messages {
		if m.Voice {
			users = append(users, m.To)
		}
	}
	if len(users) == 0 {
		return nil
	}
	few, err := b.Store.Calls(ctx, users, now.Add(-shortly))
	if err != nil {
		return err
	}
	many, err := b.Store.Calls(ctx, users, now.Add(-daily))
	if err != nil {
		return err
	}
	for i, m := range c.Messages {
		if m.Voice && (few[m.To] >= callsShort || many[m.To] >= callsLong) {
			c.Messages[i].Voice = false
		}
	}
	return nil
}

// rang notes that somebody was rung up, so that a minute later WeCom is asked whether they answered.
func (b *Bot) rang(ctx context.Context, c store.Claim, callID string) error {
	if callID == "" {
		return nil
	}
	m, err := wecom.HeardMessage(c.Message.Key+heardTail, c.Message.To, callID, b.Now().Add(heardAfter))
	if err != nil {
		return err
	}
	return b.Store.Commit(ctx, store.Turn{Changes: ledger.Changes{Messages: []ledger.Message{m}}})
}

// heardAfter is when WeCom is asked how a call went: it rings for less than a minute.
const heardAfter = 75 * time.Second

// heard asks how a call went and writes it into the case: who was rung up and did not answer is seen by whoever acts next.
func (b *Bot) heard(ctx context.Context, m ledger.Message) error {
	var asked wecom.HeardBody
	if err := json.Unmarshal(m.Body, &asked); err != nil {
		return fmt.Errorf("read what call is meant: %w", err)
	}
	h, err := b.Messenger.Heard(ctx, asked.Callee, asked.CallID)
	if err != nil || h.Ringing() {
		return err
	}
	rung := strings.TrimSuffix(m.Key, heardTail)
	for range staleTurn {
		files, err := b.Store.CaseFiles(ctx, caseOf(rung))
		if err != nil || len(files) == 0 {
			return err
		}
		step := files[0].Step()
		for _, e := range files[0].Timeline {
			if e.Kind == ledger.EventHeard && e.Message == rung {
				return nil
			}
			if e.Kind == ledger.EventCalled && e.Message == rung {
				step.Add(ledger.Event{Kind: ledger.EventHeard, To: asked.Callee, Level: e.Level, Wave: e.Wave, Rung: e.Rung, Message: rung, Text: h.Words(), At: b.Now()})
			}
		}
		if len(step.Events) == 0 {
			return nil
		}
		if err = b.Store.Commit(ctx, store.Turn{Changes: ledger.Changes{Cases: []ledger.CaseStep{step}}}); !errors.Is(err, store.ErrStale) {
			return err
		}
	}
	return store.ErrStale
}

const heardTail = "/heard"

// caseOf is the key of the case that a message's key names: case/KEY/…
func caseOf(message string) string {
	_, rest, _ := strings.Cut(message, "/")
	key, _, _ := strings.Cut(rest, "/")
	return key
}
