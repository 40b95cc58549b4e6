package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/scheduler"
	"xunfang/store"
)

// families gathers what decides about words to families: of elders who have anybody to be told.
func (b *Bot) families(ctx context.Context, snap *ledger.Snapshot, now time.Time) error {
	var err error
	today := ledger.DayOf(now, b.Zone)
	if snap.Words, err = b.Store.WordsSince(ctx, today.Add(-noticeBack).In(b.Zone)); err != nil {
		return err
	}
	if snap.Urged, err = b.Store.UrgedSources(ctx, today.Add(-noticeBack).In(b.Zone)); err != nil {
		return err
	}
	var elders []string
	for _, e := range snap.Roster.Elders() {
		if len(snap.Roster.Kin(e.ID)) > 0 {
			elders = append(elders, e.ID)
		}
	}
	if snap.Acts, err = b.Store.ConsentsOf(ctx, elders...); err != nil {
		return err
	}
	snap.Hidden, err = b.hidden(ctx, elders, now)
	return err
}

// FamilyWords are what families are to be told by a moment and are not told yet, each with its text, and which of them the village has to
// take up.
func (b *Bot) FamilyWords(ctx context.Context, now time.Time) ([]ledger.Word, []ledger.Case, error) {
	snap, err := b.Snapshot(ctx, now)
	if err != nil {
		return nil, nil, err
	}
	var out []ledger.Word
	for _, w := range scheduler.Tell(snap, b.Packs, now) {
		if w, err = b.worded(ctx, w, now); err != nil {
			return nil, nil, err
		}
		if w.Text != "" || w.Purpose == ledger.WordConfirm {
			out = append(out, w)
		}
	}
	return out, scheduler.Urge(snap, b.Packs, now), nil
}

// TellFamilies writes down what families are to be told by now, and which of them the village has to take up. It says how many words that
// were. Outside of the calendar's hours it does nothing, unless all is wanted.
func (b *Bot) TellFamilies(ctx context.Context, now time.Time, all bool) (int, error) {
	if !all && !b.speaks(now) {
		return 0, nil
	}
	words, cases, err := b.FamilyWords(ctx, now)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, w := range words { // another process may be faster
		switch err := b.Store.Commit(ctx, store.Turn{Changes: ledger.Changes{Words: []ledger.WordStep{{Word: w}}}}); {
		case err == nil:
			n++
		case !errors.Is(err, store.ErrStale):
			return n, fmt.Errorf("write a word to a family: %w", err)
		}
	}
	for _, c := range cases {
		today := ledger.DayOf(now, b.Zone)
		c.No = "督" + strings.ReplaceAll(string(today[2:]), "-", "") + "-" + c.ElderID
		step := ledger.CaseStep{Case: c}
		step.Add(ledger.Event{Kind: ledger.EventRaised, Level: c.Level, Text: c.About, At: now})
		if err := b.Store.Commit(ctx, store.Turn{Changes: ledger.Changes{Cases: []ledger.CaseStep{step}}}); err != nil && !errors.Is(err, store.ErrStale) {
			return n, fmt.Errorf("take a family up: %w", err)
		}
	}
	return n, nil
}

// worded gives a word its text, from what the relative may hear.
func (b *Bot) worded(ctx context.Context, w ledger.Word, now time.Time) (ledger.Word, error) {
	if w.Purpose != ledger.WordSummary && w.Purpose != ledger.WordGreeting {
		return w, nil
	}
	o, err := b.outlookOf(ctx, now, w.ElderID)
	if err != nil {
		return w, err
	}
	in := flows.Input{Key: "tell/" + numberless(w.Key), Now: now, Today: ledger.DayOf(now, b.Zone), Zone: b.Zone, Kind: flows.Other}
	if o.entries, err = b.Store.Entries(ctx, []string{w.ElderID}, lastMonth(in.Today)); err != nil {
		return w, err
	}
	if o.findings, err = b.Store.Findings(ctx, []string{w.ElderID}); err != nil {
		return w, err
	}
	if o.cases.files, _, err = b.Store.Alarms(ctx); err != nil {
		return w, err
	}
	for _, bond := range o.roster.Bonds(w.ElderID) {
		if bond.Kin == w.Kin && bond.User == w.User {
			w.Text = flows.Telling(w, o.tie(bond, in), in)
			return w, nil
		}
	}
	w.Text = ""
	return w, nil
}
