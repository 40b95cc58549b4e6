package bot

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"xunfang/bot/wecom"
	"xunfang/ledger"
	"xunfang/store"
)

// sender takes from the outbox what is due, one message per person at a time, and sends it until it has arrived or never
// will. Every state it is in is in the outbox, so a crash costs nothing but the lease.
type sender struct {
	bot   *Bot
	pokes chan struct{}
}

const (
	senders   = 16
	lease     = 20 * time.Second // longer than any call may take, shorter than WeCom remembers a repeat (wecom.Render)
	claimSize = 32
	sendEvery = time.Second // a look without a poke: alarms have rows with due times
	retryCap  = 10 * time.Minute

	retryAlarm = 30 * time.Second // no alarm waits longer for the next attempt
	codeLife   = 71 * time.Hour   // of a response_code: 72 hours (wecom/94888), less what passed before the turn
	maxPhoto   = 25 << 20         // bytes; WeCom takes 10 MB from an app, phones may send more
)

func newSender(b *Bot) *sender { return &sender{bot: b, pokes: make(chan struct{}, 1)} }

// poke says that something may be due.
func (s *sender) poke() {
	select {
	case s.pokes <- struct{}{}:
	default:
	}
}

func (s *sender) run(ctx context.Context) {
	work := context.WithoutCancel(ctx)
	slots := make(chan struct{}, senders)
	var g sync.WaitGroup
	defer g.Wait()
	tick := time.NewTicker(sendEvery)
	defer tick.Stop()
	for {
		free := cap(slots) - len(slots)
		var claims []store.Claim
		if free > 0 {
			var err error
			if claims, err = s.bot.Store.Claim(work, s.bot.Now(), min(free, claimSize), lease); err != nil {
				s.bot.Log.Error("outbox not read", "err", err)
			}
		}
		for _, c := range claims {
			slots <- struct{}{}
			g.Go(func() {
				defer func() { <-slots; s.poke() }() // the person's next message may go now
				s.bot.dispatch(work, c)
			})
		}
		if len(claims) > 0 && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-s.pokes:
		case <-tick.C:
		}
	}
}

// Deliver sends what is due now and returns when nothing is, beside a bot that runs or without one.
func (b *Bot) Deliver(ctx context.Context) error {
	for ctx.Err() == nil {
		claims, err := b.Store.Claim(ctx, b.Now(), claimSize, lease)
		if err != nil || len(claims) == 0 {
			return err
		}
		var g sync.WaitGroup
		for _, c := range claims {
			g.Go(func() { b.dispatch(context.WithoutCancel(ctx), c) })
		}
		g.Wait()
	}
	return ctx.Err()
}

// dispatch sends one message and writes down what became of it.
func (b *Bot) dispatch(ctx context.Context, c store.Claim) {
	defer func() {
		if p := recover(); p != nil { // a picture made to break a decoder must not break the process, and not again at each start
			b.Log.Error("panic while sending", "message", c.ID, "stack", string(debug.Stack()))
			if err := b.Store.Dead(ctx, c, "panic while sending"); err != nil {
				b.Log.Error("outcome not marked", "message", c.ID, "err", err)
			}
		}
	}()
	call, cancel := context.WithTimeout(ctx, lease*3/4)
	defer cancel()
	receipt, err := b.deliver(call, c)
	if errors.Is(err, errNoCode) { // nothing that could be changed is on the phone: it is said in words
		if err := b.instead(ctx, c); err != nil {
			b.Log.Error("outcome not marked", "message", c.ID, "err", err)
		}
		return
	}
	if errors.Is(err, errUntold) {
		if err := b.Store.Dead(ctx, c, err.Error()); err != nil {
			b.Log.Error("outcome not marked", "message", c.ID, "err", err)
		}
		return
	}
	if err == nil || errors.Is(err, wecom.ErrAlreadySent) || b.updated(c, err) {
		b.metrics.sent.WithLabelValues(string(c.Message.Call)).Inc()
		if c.Message.Call == ledger.CallVoice {
			if err := b.rang(ctx, c, receipt.MsgID); err != nil {
				b.Log.Error("nobody will ask how a call went", "message", c.ID, "err", err)
			}
		}
		if err := b.Store.Sent(ctx, c, store.Receipt(receipt)); err != nil {
			b.Log.Error("sent but not marked", "message", c.ID, "err", err)
		}
		return
	}
	b.metrics.unsent.WithLabelValues(string(c.Message.Call)).Inc()
	if err := b.settle(ctx, c, err); err != nil {
		b.Log.Error("outcome not marked", "message", c.ID, "err", err)
	}
}

// errNoCode says that the card to be changed never went out, or that its answer was lost with the code in it.
var errNoCode = errors.New("no response_code")

// deliver is one attempt.
func (b *Bot) deliver(ctx context.Context, c store.Claim) (wecom.Receipt, error) {
	m := c.Message
	switch {
	case m.Call == ledger.CallFetch:
		return wecom.Receipt{}, b.fetch(ctx, m)
	case m.Call == ledger.CallHeard:
		return wecom.Receipt{}, b.heard(ctx, m)
	case slices.Contains(outwards, m.Call):
		return b.tell(ctx, c)
	case m.Call == ledger.CallShow:
		var err error
		if m, err = b.shown(ctx, m); err != nil {
			return wecom.Receipt{}, err
		}
	case m.Of != "":
		code, err := b.Store.CodeOf(ctx, m.Of)
		if err != nil {
			return wecom.Receipt{}, err
		}
		if code == "" {
			return wecom.Receipt{}, errNoCode
		}
		if m, err = wecom.Coded(m, code); err != nil {
			return wecom.Receipt{}, err
		}
	}
	return b.Messenger.Send(ctx, m)
}

// lastTry is when a channel that does not answer is given up and the next one carries a word to a relative; zero is never. What
// goes to everybody at once waits longer, or an outage of minutes would have a county's helpers on the telephone.
func lastTry(c store.Claim) time.Time {
	from, m := c.At, c.Message
	if m.Word == "" || !slices.Contains(outwards, m.Call) {
		return time.Time{}
	}
	if m.NotBefore.After(from) {
		from = m.NotBefore
	}
	if strings.HasPrefix(m.Word, string(ledger.WordSummary)+"/") || strings.HasPrefix(m.Word, "greet/") {
		return from.Add(20 * time.Hour)
	}
	return from.Add(10 * time.Minute)
}

// outwards are the calls that reach a relative, not a member.
var outwards = []ledger.Call{ledger.CallKf, ledger.CallWelcome, ledger.CallOfficial, ledger.CallMass, ledger.CallMassed, ledger.CallUnmass, ledger.CallSMS, ledger.CallTexted,
	ledger.CallInvite}

// shown is a message with a photo that a relative sent, as a picture to whoever brings it to the elder.
func (b *Bot) shown(ctx context.Context, m ledger.Message) (ledger.Message, error) {
	p, err := b.Store.Photo(ctx, m.Show)
	switch {
	case err != nil:
		return m, err
	case p.State == ledger.PhotoWanted:
		return m, errNotFetched
	case p.State != ledger.PhotoStored:
		return m, &unsayable{"the picture is lost"}
	}
	data, err := b.Album.Photo(p.Hash)
	m.Call, m.Body = ledger.CallPicture, data
	return m, err
}

// errNotFetched says that a picture is still on its way to us.
var errNotFetched = errors.New("picture not fetched yet")

// instead says in words what could not be said as it was meant; what has no words is given up.
func (b *Bot) instead(ctx context.Context, c store.Claim) error {
	if c.Message.Fallback == "" {
		return b.Store.Dead(ctx, c, "nothing to change")
	}
	m, err := wecom.Render(ledger.Message{Key: c.Message.Key, To: c.Message.To, Priority: c.Message.Priority, Text: c.Message.Fallback}, b.AgentID)
	if err != nil {
		return err
	}
	return b.Store.Replace(ctx, c, m)
}

// updated says that an update is refused because an earlier attempt, whose answer was lost, used its response_code up: the
// card has changed already, and its fallback would say the same again. A code too old was used by nobody.
func (b *Bot) updated(c store.Claim, err error) bool {
	refused := (*wecom.APIError)(nil)
	return c.Resend && c.Message.Call == ledger.CallUpdate && b.Now().Sub(c.At) < codeLife &&
		errors.As(err, &refused) && (refused.Code == 60140 || refused.Code == 42022)
}

// settle decides what becomes of a message that did not go out (wecom-app.md §5.2).
func (b *Bot) settle(ctx context.Context, c store.Claim, cause error) error {
	v := wecom.Classify(cause)
	if never := (*unsayable)(nil); errors.As(cause, &never) {
		v = wecom.Verdict{Action: wecom.Drop, Reason: never.why}
	}
	now, last := b.Now(), lastTry(c)
	if v.Action != wecom.Drop && !last.IsZero() && !now.Before(last) {
		v = wecom.Verdict{Action: wecom.Drop, Reason: "the channel has been away for too long"} // the next is taken, and at last a person
	}
	b.Log.Warn("not sent", "message", c.ID, "call", string(c.Message.Call), "attempt", c.Attempts, "reason", v.Reason, "err", cause)
	if v.Action != wecom.Drop {
		most := retryCap
		if c.Message.Priority == ledger.PriorityAlarm && v.After <= retryAlarm { // somebody waits for help; what WeCom asks for is kept to
			most = retryAlarm
		}
		at := now.Add(min(backoff(v.After, c.Attempts), most))
		if !last.IsZero() && at.After(last) {
			at = last
		}
		if refused := (*wecom.APIError)(nil); errors.As(cause, &refused) {
			return b.Store.Retry(ctx, c, at, v.Reason)
		}
		return b.Store.Unsure(ctx, c, at, v.Reason)
	}
	if c.Message.Call == ledger.CallFetch {
		if err := b.Store.PhotoLost(ctx, c.Message.Photo); err != nil {
			return err
		}
	}
	if c.Message.Call != ledger.CallSend && c.Message.Fallback != "" { // the card can no longer be changed, the picture not be sent, nobody rung up
		return b.instead(ctx, c)
	}
	if err := b.wordLost(ctx, c.Message, v.Reason); err != nil {
		return err
	}
	if c.Message.Call == ledger.CallKf && c.Message.Word == "" { // an answer, or news for a relative: somebody tells them instead
		if err := b.unanswered(ctx, c.Message); err != nil {
			return err
		}
	}
	return b.Store.Dead(ctx, c, v.Reason)
}

// backoff doubles from the base the error's kind asks for.
func backoff(base time.Duration, attempts int) time.Duration {
	d := max(base, 500*time.Millisecond)
	for range min(attempts-1, 16) {
		if d *= 2; d > retryCap {
			return retryCap
		}
	}
	return d
}

// fetch brings a photo, or what was spoken, home at once: WeCom forgets it in three days (wecom/90254).
func (b *Bot) fetch(ctx context.Context, m ledger.Message) error {
	p, err := b.Store.Photo(ctx, m.Photo)
	if err != nil {
		return err
	}
	most := int64(maxPhoto)
	if p.Kind == ledger.MediaVoice {
		most = maxVoice
	}
	data, contentType, err := b.Messenger.Fetch(ctx, m.MediaID, most)
	if err != nil {
		return err
	}
	var hash, look string
	var size int
	if p.Kind == ledger.MediaVoice {
		hash, size, err = b.Album.KeepVoice(data, contentType)
	} else {
		hash, size, look, err = b.Album.Keep(data)
	}
	if errors.Is(err, ErrNoPicture) || errors.Is(err, ErrNoVoice) {
		return b.Store.PhotoLost(ctx, m.Photo)
	}
	if err != nil {
		return err
	}
	return b.Store.PhotoStored(ctx, m.Photo, hash, size, look)
}

// wecomAnswered keeps how WeCom is: an answer, even a refusal, means it is there.
func (b *Bot) wecomAnswered(err error) {
	now := time.Now().UnixMilli()
	api := (*wecom.APIError)(nil)
	if err == nil || errors.As(err, &api) || errors.Is(err, wecom.ErrAlreadySent) {
		b.wecomUp.Store(now)
	} else if b.wecomUp.Load() >= 0 {
		b.wecomUp.Store(-now)
	}
}
