package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"xunfang/bot/wecom"
	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/scheduler"
	"xunfang/store"
)

// Kf is the way in and out of 微信客服. bot/wecom.Client is one; its secret may be another than the app's.
type Kf interface {
	KfPull(ctx context.Context, openKfID, cursor, token string) (wecom.KfPulled, error)
	KfSend(ctx context.Context, m ledger.Message, openKfID, external string) (wecom.Receipt, error)
	KfNick(ctx context.Context, external string) (string, error)
	KfLink(ctx context.Context, openKfID, scene string) (string, error)
}

// Where a link to 微信客服 stands (wecom/94665: scene).
const (
	sceneCard   = "card"
	sceneNotice = "notice"
)

// links are the addresses behind which the first account's chat opens, by scene.
type links struct {
	mu    sync.Mutex
	known map[string]string
}

// link is such an address with a signed handle behind it; "" where there is no account, or WeCom does not say.
func (b *Bot) link(ctx context.Context, scene, handle string) string {
	if b.Family.Kf == nil || len(b.Family.Accounts) == 0 {
		return ""
	}
	b.links.mu.Lock()
	defer b.links.mu.Unlock()
	if b.links.known == nil {
		b.links.known = map[string]string{}
	}
	if b.links.known[scene] == "" {
		call, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		link, err := b.Family.Kf.KfLink(call, b.Family.Accounts[0], scene)
		if err != nil {
			b.Log.Warn("no link to 微信客服", "err", err)
			return ""
		}
		b.links.known[scene] = link
	}
	if handle == "" {
		return b.links.known[scene]
	}
	return wecom.KfLinkWith(b.links.known[scene], b.Store.Token(handle))
}

// kfPull is the inbox user of callbacks that say that something is to be pulled: one after the other, so that no two pulls of a process
// share a cursor.
const kfPull = "kf-pull"

const (
	kfIdle  = 5 * time.Minute // without a callback an account is looked at all the same: a callback may have been lost
	kfSoon  = 5 * time.Second
	kfAgain = 65 * time.Second // after a look without a token that failed: WeCom may allow one a minute
	kfToken = 10 * time.Minute // for which the token of a callback holds (wecom/94670)
	kfPages = 200              // of one pull; the rest comes with the next
)

// inboxUser says whose turn an event of WeCom's is.
func inboxUser(ev wecom.Event) string {
	switch {
	case ev.Event == "kf_msg_or_event":
		return kfPull
	case ev.From == "": // kept all the same, like every event that is nobody's
		return "sys"
	}
	return ev.From
}

// pull brings everything that waits at an account into the inbox. Each page and the cursor behind it are one transaction: a kill
// between two pages reads the second again, and what was kept already is known by its msgid, even where the cursor is lost.
func (b *Bot) pull(ctx context.Context, openKfID, token string) error {
	cursor, err := b.Store.KfCursor(ctx, openKfID)
	if err != nil {
		return err
	}
	var seen []ledger.Line
	for range kfPages {
		page, err := b.Family.Kf.KfPull(ctx, openKfID, cursor, token)
		if err != nil {
			return fmt.Errorf("pull 微信客服: %w", err)
		}
		if page.Bad > 0 {
			b.Log.Warn("items of 微信客服 not readable", "count", page.Bad)
		}
		in, lines := b.kfPage(page.Raws)
		fresh, err := b.Store.ReceiveKf(ctx, openKfID, page.Next, in, lines)
		if err != nil {
			return err
		}
		b.metrics.received.Add(float64(fresh))
		if fresh > 0 {
			seen = append(seen, lines...)
		}
		if cursor = page.Next; !page.More {
			break
		}
	}
	return b.named(ctx, seen)
}

// named asks what people new to us call themselves: who knows an elder's family sees it beside what they claim. Nobody waits for it.
func (b *Bot) named(ctx context.Context, lines []ledger.Line) error {
	for _, l := range lines {
		known, err := b.Store.LinesOf(ctx, l.User)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(known, func(x ledger.Line) bool { return x.Channel == ledger.ChannelKf && x.Nick != "" }) {
			continue
		}
		nick, err := b.Family.Kf.KfNick(ctx, l.Address)
		if err != nil || nick == "" { // another time
			continue
		}
		l.Nick, l.Heard = nick, time.Time{}
		if err := b.Store.Commit(ctx, store.Turn{Changes: ledger.Changes{Lines: []ledger.Line{l}}}); err != nil {
			return err
		}
	}
	return nil
}

// kfPage are the inbox rows of a page, and when each customer wrote last.
func (b *Bot) kfPage(raws [][]byte) (in []store.Inbound, lines []ledger.Line) {
	at := map[string]int{}
	for _, raw := range raws {
		m, err := wecom.ParseKf(raw)
		if err != nil {
			continue
		}
		user := ledger.KfUser(m.OpenKfID, m.User)
		in = append(in, store.Inbound{Key: m.Key(), User: user, Raw: raw, At: b.Now()})
		i, known := at[user]
		if !known {
			i = len(lines)
			at[user] = i
			lines = append(lines, ledger.Line{User: user, Channel: ledger.ChannelKf, Account: m.OpenKfID, Address: m.User, State: ledger.LineOpen, At: b.Now()})
		}
		if m.Origin == 3 && m.Type != "event" && m.At.After(lines[i].Heard) { // only their own word opens the window
			lines[i].Heard = m.At
		}
	}
	return in, lines
}

// missed are looks at accounts that failed: each with the token of the callback that asked for it.
type missed struct {
	mu     sync.Mutex
	tokens map[string]missedToken // by account
}

type missedToken struct {
	token string
	at    time.Time // when the callback came
	tried time.Time
}

func (m *missed) put(account, token string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tokens == nil {
		m.tokens = map[string]missedToken{}
	}
	x, known := m.tokens[account]
	if !known || token != "" && token != x.token { // a look without a token does not outdo one with
		x = missedToken{token: token, at: now}
	}
	x.tried = now
	m.tokens[account] = x
}

// due are the accounts to be looked at again: soon where the callback's token still holds, else as often as WeCom may allow.
func (m *missed) due(now time.Time) map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]string{}
	for account, x := range m.tokens {
		if now.Sub(x.at) >= kfToken {
			x.token = ""
		}
		if x.token != "" || now.Sub(x.tried) >= kfAgain || now.Before(x.tried) {
			x.tried, out[account] = now, x.token
			m.tokens[account] = x
		}
	}
	return out
}

func (m *missed) done(account string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.tokens, account)
}

// listenKf looks at the accounts at the start, when messages may have come while nobody listened, from time to time, and soon after a
// look that failed: WeCom keeps what was missed for three days.
func (b *Bot) listenKf(ctx context.Context) {
	work := context.WithoutCancel(ctx)
	tick := time.NewTicker(kfSoon)
	defer tick.Stop()
	for n := 0; ; n++ {
		look := b.missed.due(time.Now())
		if n%int(kfIdle/kfSoon) == 0 {
			for _, id := range b.Family.Accounts {
				look[id] = orElse(look[id], "")
			}
		}
		for id, token := range look {
			b.lookAt(work, id, token)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// lookAt pulls what waits at an account; what fails is tried again by listenKf.
func (b *Bot) lookAt(ctx context.Context, account, token string) {
	if err := b.pull(ctx, account, token); err != nil {
		b.missed.put(account, token, time.Now())
		b.Log.Warn("微信客服 not looked at", "err", err)
		return
	}
	b.missed.done(account)
}

// called takes the turn of a callback that says that something waits.
func (b *Bot) called(ctx context.Context, pending []store.Inbound) (n int, err error) {
	tokens := map[string]string{} // by account: of several callbacks one pull with the newest token is enough
	var ids []int64
	for _, in := range pending {
		ev, err := wecom.Parse(in.Raw)
		if err != nil {
			return 0, fmt.Errorf("read message %d: %w", in.ID, err)
		}
		ids = append(ids, in.ID)
		if slices.Contains(b.Family.Accounts, ev.OpenKfID) { // another app's account is none of ours
			tokens[ev.OpenKfID] = ev.Token
		}
	}
	if b.Family.Kf != nil {
		for id, token := range tokens {
			b.lookAt(ctx, id, token)
		}
	}
	return len(ids), b.Store.Commit(ctx, store.Turn{Inbound: ids})
}

// kfInput reads a relative's message; false where it is nothing to a conversation.
func (b *Bot) kfInput(m wecom.KfMessage, in *flows.Input) bool {
	switch {
	case m.Type == "event" && m.Event == "enter_session":
		in.Kind, in.Text, in.Greet = flows.Enter, b.Store.HandleOf(m.Param), m.Welcome
	case m.Type == "event" && m.Event == "user_recall_msg":
		in.Kind, in.Text = flows.Recall, wecom.KfKey(m.OpenKfID, m.RecallID)
	case m.Type == "event" || m.Origin != 3:
		return false
	case m.MenuID != "":
		in.Kind, in.Text = flows.Tap, m.Text
		in.Task, in.Button = wecom.KfTap(m.MenuID)
	case m.Type == "text":
		in.Kind, in.Text = flows.Text, m.Text
	case m.Type == "image":
		in.Kind, in.Media = flows.Photo, m.MediaID
	case m.Type == "voice":
		in.Kind, in.Media = flows.Voice, m.MediaID
	case m.Type == "location":
		in.Kind, in.Place = flows.Location, m.Label
	default:
		in.Kind = flows.Other
	}
	return true
}

// unarrived follows msg_send_fail: WeCom took a message and could not bring it. What it was to say goes on by another channel, and
// where nothing else carries it, to a person.
func (b *Bot) unarrived(ctx context.Context, m wecom.KfMessage, inbound int64) error {
	user := ledger.KfUser(m.OpenKfID, m.User)
	why := fmt.Sprintf("微信客服没送到(%d)", m.FailType)
	turn := store.Turn{Inbound: []int64{inbound}}
	if m.FailType == wecom.KfFailRefused {
		why = "家属在微信里拒收了"
		turn.Changes.Lines = []ledger.Line{{User: user, Channel: ledger.ChannelKf, Account: m.OpenKfID, Address: m.User, State: ledger.LineDead, Why: why, At: b.Now()}}
	}
	files, err := b.Store.WordsOf(ctx, store.WordFilter{Users: []string{user}, Limit: 20})
	if err != nil {
		return err
	}
	carried := false
	for _, f := range files {
		i := slices.IndexFunc(f.Log, func(t ledger.Try) bool {
			return t.Kind == ledger.TrySent && t.Channel == ledger.ChannelKf && wecom.KfMsgID(t.Message) == m.FailID
		})
		if i < 0 {
			continue
		}
		carried = true
		if !f.State.Over() || f.State == ledger.WordSent {
			step := f.Step()
			step.Word.State, step.Word.Due = ledger.WordOpen, b.Now()
			step.Add(ledger.Try{Channel: ledger.ChannelKf, Kind: ledger.TryDead, Message: f.Log[i].Message, Text: why, At: b.Now()})
			turn.Changes.Words = append(turn.Changes.Words, step)
		}
	}
	if !carried { // an answer to what they asked: somebody calls them instead
		if turn.Changes.Words, err = b.byPhone(ctx, user, m.FailID); err != nil {
			return err
		}
	}
	return b.Store.Commit(ctx, turn)
}

// byPhone is a word for a relative whom something on 微信客服 did not reach: none where nobody has verified them.
func (b *Bot) byPhone(ctx context.Context, user, what string) ([]ledger.WordStep, error) {
	roster, err := b.Store.Roster(ctx)
	if err != nil {
		return nil, err
	}
	for _, bond := range roster.Threads(user) {
		if bond.Holds(ledger.DayOf(b.Now(), b.Zone)) {
			return []ledger.WordStep{flows.Unanswered(bond, what, b.Now())}, nil
		}
	}
	return nil, nil
}

// unanswered has a relative called whom a message without a word of its own cannot reach.
func (b *Bot) unanswered(ctx context.Context, m ledger.Message) error {
	words, err := b.byPhone(ctx, m.To, wecom.KfMsgID(m.Key))
	if err != nil || len(words) == 0 {
		return err
	}
	if err = b.Store.Commit(ctx, store.Turn{Changes: ledger.Changes{Words: words}}); errors.Is(err, store.ErrStale) { // somebody is asked already
		return nil
	}
	return err
}

// kfTurn takes what is no conversation: an account's own events. True where it was one of them.
func (b *Bot) kfTurn(ctx context.Context, m wecom.KfMessage, in store.Inbound) (bool, error) {
	switch {
	case m.Type == "event" && m.Event == "msg_send_fail":
		return true, b.unarrived(ctx, m, in.ID)
	case m.Type == "event" && m.Event == "user_recall_msg":
		if err := b.Store.ForgetKf(ctx, wecom.KfKey(m.OpenKfID, m.RecallID)); err != nil && !errors.Is(err, store.ErrUnknown) {
			return true, err
		}
	}
	return false, nil
}

// ways are the channels that are open to the relative of a word now.
func (b *Bot) ways(ctx context.Context, w ledger.Word, roster *ledger.Roster, acts []ledger.Consent, now time.Time) (scheduler.Ways, error) {
	var out scheduler.Ways
	agreed := func(p ledger.Purpose) bool { return w.Purpose == ledger.WordEmergency || ledger.Agreed(acts, w.Kin, p) }
	for _, k := range roster.Kin(w.ElderID) {
		if k.Name == w.Kin {
			out.Number = k.Phone != "" && k.Dead == ""
		}
	}
	out.SMS = b.Family.SMS != nil && out.Number && agreed(ledger.PurposeSMS)
	if w.User == "" {
		return out, nil
	}
	lines, err := b.Store.LinesOf(ctx, w.User)
	if err != nil {
		return out, err
	}
	for _, l := range lines {
		if l.State != ledger.LineOpen || l.Address == "" {
			continue
		}
		switch l.Channel {
		case ledger.ChannelKf:
			left, err := b.Store.KfRoom(ctx, w.User, now)
			if err != nil {
				return out, err
			}
			out.Kf = b.Family.Kf != nil && left > kfReserve
		case ledger.ChannelOfficial:
			out.Official = b.Family.Official != nil && agreed(ledger.PurposeNotice)
		case ledger.ChannelMass:
			if out.Mass = b.Family.Mass != nil && agreed(ledger.PurposeNotice); out.Mass {
				if out.Mass, err = b.unmassed(ctx, w, now); err != nil {
					return out, err
				}
			}
		}
	}
	return out, nil
}

// unmassed says that the helper has not been asked to send this relative anything else this month (wecom-external.md F: at most once).
func (b *Bot) unmassed(ctx context.Context, w ledger.Word, now time.Time) (bool, error) {
	month := ledger.MonthOf(ledger.DayOf(now, b.Zone)).First().In(b.Zone)
	files, err := b.Store.WordsOf(ctx, store.WordFilter{Users: []string{w.User}, Since: month})
	for _, f := range files {
		if f.Key != w.Key && slices.ContainsFunc(f.Log, func(t ledger.Try) bool {
			return t.Channel == ledger.ChannelMass && t.Kind == ledger.TrySent && !t.At.Before(month)
		}) {
			return false, nil
		}
	}
	return true, err
}

// kfReserve is how many of the five messages are kept for what the relative asks next.
const kfReserve = 1
