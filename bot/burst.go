package bot

import (
	"context"
	"sync"
	"time"

	"xunfang/bot/wecom"
	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/store"
)

// gathers says whether to wait a moment for more: another visit was told just now, this is one more, and nobody has waited for
// it yet. Nothing else ever waits.
func (b *Bot) gathers(ctx context.Context, user string, pending []store.Inbound) bool {
	if b.Gather == 0 || len(pending) == 0 {
		return false
	}
	last := b.bursts.take(user)
	if last.IsZero() || pending[0].At.Sub(last) > burstGap {
		return false
	}
	roster, err := b.Store.Roster(ctx)
	if err != nil {
		return false
	}
	ev, err := wecom.Parse(pending[0].Raw)
	if kind, _ := kindOf(ev); err != nil || kind != flows.Text {
		return false
	}
	in := flows.Input{Kind: flows.Text, Text: ev.Content, Today: ledger.DayOf(pending[0].At, b.Zone)}
	parts, _ := b.read(outlook{roster: roster, names: b.indexes.of(roster)}, user, "", in)
	return flows.Joins(flows.State{}, parts)
}

// burstGap is how close behind a visit told in a sentence the next one is taken for a burst.
const burstGap = 3 * time.Second

// bursts know who told of a visit in a sentence when last.
type bursts struct {
	mu   sync.Mutex
	last map[string]time.Time
}

func (x *bursts) put(user string, at time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.last == nil || len(x.last) >= recallMax {
		x.last = map[string]time.Time{}
	}
	x.last[user] = at
}

// take forgets it, so that nobody waits twice for one message.
func (x *bursts) take(user string) time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	at := x.last[user]
	delete(x.last, user)
	return at
}

// behind is a message that is one with the one before it.
type behind struct {
	id   int64
	text string
}

// joinedMost is how many bytes of text one turn reads: less than a reader looks at.
const joinedMost = 2000

// joined are the messages right behind the first that are one with it: visits told one by one without a signal arrive
// together, and get one answer (requirements §3 case 7).
func (b *Bot) joined(ctx context.Context, s flows.State, first flows.Input, pending []store.Inbound) []behind {
	if first.Kind != flows.Text || len(pending) == 1 || ledger.IsKf(first.User) {
		return nil
	}
	roster, err := b.Store.Roster(ctx)
	if err != nil { // the turn will say so
		return nil
	}
	o := outlook{roster: roster, names: b.indexes.of(roster)}
	var out []behind
	length := 0
	for i, p := range pending {
		in := first
		if i > 0 {
			ev, err := wecom.Parse(p.Raw)
			if kind, _ := kindOf(ev); err != nil || kind != flows.Text {
				break
			}
			in.Text = ev.Content
		}
		parts, _ := b.read(o, first.User, "", in)
		if length += len(in.Text); length > joinedMost || !flows.Joins(s, parts) {
			break
		}
		if i > 0 {
			out = append(out, behind{p.ID, in.Text})
		}
	}
	return out
}
