package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"xunfang/bot/wecom"
	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/store"
)

// turns takes one person's messages in order and different persons' at once. What it knows is only who has something to
// say; what was said is read from the inbox, so that another process or a restart finds the same.
type turns struct {
	bot   *Bot
	mu    sync.Mutex
	state map[string]turnState
	queue []string
	ready chan struct{} // one token per queued user, as far as it holds
	looks chan struct{}
}

type turnState uint8

const (
	queued  turnState = iota + 1
	running           // and nothing new since
	again             // and something new has come
)

const (
	workers   = 64              // a worker mostly waits for a commit, which 64 share
	staleTurn = 5               // times a turn is tried on what the winner left
	lookEvery = 2 * time.Second // for what another process kept and did not live to handle
	turnTries = 3               // then a message no turn can digest is put out of the way
)

func newTurns(b *Bot) *turns {
	return &turns{bot: b, state: map[string]turnState{}, ready: make(chan struct{}, 1<<16), looks: make(chan struct{}, 1)}
}

// poke says that a person has something in the inbox.
func (t *turns) poke(user string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch t.state[user] {
	case 0:
		t.state[user] = queued
		t.queue = append(t.queue, user)
		select {
		case t.ready <- struct{}{}:
		default: // the workers are awake as it is
		}
	case running:
		t.state[user] = again
	}
}

// look asks for the inbox to be searched for people nobody poked.
func (t *turns) look() {
	select {
	case t.looks <- struct{}{}:
	default:
	}
}

func (t *turns) next() (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 {
		return "", false
	}
	user := t.queue[0]
	t.queue = t.queue[1:]
	t.state[user] = running
	return user, true
}

// over says whether the person has something new meanwhile.
func (t *turns) over(user string) (more bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state[user] == again {
		t.state[user] = running
		return true
	}
	delete(t.state, user)
	return false
}

func (t *turns) run(ctx context.Context) {
	var g sync.WaitGroup
	for range workers {
		g.Go(func() { t.work(ctx) })
	}
	t.search(ctx)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			g.Wait()
			return
		case <-t.looks:
			t.search(ctx)
		case <-tick.C:
			t.search(ctx)
		}
	}
}

func (t *turns) search(ctx context.Context) {
	users, err := t.bot.Store.Backlog(ctx, 1000)
	if err != nil && ctx.Err() == nil {
		t.bot.Log.Error("inbox not searched", "err", err)
	}
	for _, u := range users {
		t.poke(u)
	}
}

// work takes turns until the context ends; a turn begun is finished.
func (t *turns) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.ready:
		}
		for ctx.Err() == nil {
			user, ok := t.next()
			if !ok {
				break
			}
			for {
				t.person(ctx, user)
				if !t.over(user) || ctx.Err() != nil {
					break
				}
			}
		}
	}
}

// person handles all that waits of one person, oldest first. On trouble it stops: order matters more than speed, and the
// search comes back to it.
func (t *turns) person(ctx context.Context, user string) {
	work := context.WithoutCancel(ctx)
	for ctx.Err() == nil {
		pending, err := t.bot.Store.Pending(work, user, 16)
		if err != nil {
			t.bot.Log.Error("inbox not read", "err", err)
			return
		}
		if t.bot.gathers(work, user, pending) {
			select { // without a signal several were written, and now they come one by one
			case <-time.After(t.bot.Gather):
			case <-ctx.Done():
			}
			continue
		}
		full := len(pending) == 16
		for len(pending) > 0 {
			n, err := t.bot.handle(work, pending)
			if err != nil {
				t.bot.Log.Error("turn failed", "message", pending[0].ID, "err", err)
				t.bot.metrics.failed.Inc()
				return
			}
			pending = pending[n:]
		}
		if !full {
			return
		}
	}
}

// handle takes the turn of the first message that waits, and of those behind it that are one with it; it says of how many. A panic is the programmer's mistake and this message's alone; a message that no
// try digests is kept, marked and answered with an apology, so that the next one gets its turn.
func (b *Bot) handle(ctx context.Context, pending []store.Inbound) (n int, err error) {
	start, in := time.Now(), pending[0]
	if in.Tries > 0 { // which of several could not be digested, each for itself will show
		pending = pending[:1]
	}
	n = 1 // where it fails, the first is the one marked
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %s\n%s", broken(p), debug.Stack())
		}
		if err == nil {
			b.metrics.turn.Observe(time.Since(start).Seconds())
			return
		}
		mark, reason := b.Store.Failed, "turn failed"
		if in.Tries+1 >= turnTries {
			mark, reason = b.Store.Bury, "no turn could digest it"
		}
		switch marked := mark(ctx, in.ID, reason); {
		case errors.Is(marked, store.ErrUnknown): // it waits no longer: another process was faster
			err = nil
		case marked != nil || in.Tries+1 < turnTries:
			err = errors.Join(err, marked)
		default:
			b.Log.Error("message put aside", "message", in.ID, "err", err)
			err = b.apologise(ctx, in)
		}
	}()
	for range staleTurn {
		done, err := b.turn(ctx, pending)
		if !errors.Is(err, store.ErrStale) {
			return max(1, done), err
		}
		b.recall.forget(in.User)
		b.metrics.stale.Inc()
	}
	return 1, store.ErrStale
}

// broken is what a panic may say in the log: the runtime's own words, of anything else only what it is, because it may hold
// what a person wrote.
func broken(p any) string {
	if e, ok := p.(runtime.Error); ok {
		return e.Error()
	}
	return fmt.Sprintf("%T", p)
}

// recall holds conversations as they were last committed here. It may be out of date when another process was faster; then
// the commit says ErrStale and the conversation is read again.
type recall struct {
	mu    sync.Mutex
	known map[string]store.Conversation
}

const recallMax = 10_000 // conversations of a few hundred bytes

func (r *recall) get(user string) (store.Conversation, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.known[user]
	return c, ok
}

func (r *recall) put(user string, c store.Conversation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= recallMax {
		r.known = map[string]store.Conversation{}
	}
	r.known[user] = c
}

func (r *recall) forget(user string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, user)
}

// turn reads conversation and view, lets flows decide, and commits all of it or nothing. It takes the first message that
// waits and those that are one with it, and says how many that were.
func (b *Bot) turn(ctx context.Context, pending []store.Inbound) (n int, err error) {
	in := pending[0]
	if in.User == kfPull {
		return b.called(ctx, pending)
	}
	n = 1
	if in.User == officialUser {
		return n, b.followed(ctx, in)
	}
	t := store.Turn{Inbound: []int64{in.ID}, User: in.User}
	input, ok, err := b.input(in)
	if err != nil {
		return 0, fmt.Errorf("read message %d: %w", in.ID, err)
	}
	if ledger.IsKf(in.User) {
		m, err := wecom.ParseKf(in.Raw)
		if err != nil {
			return 0, fmt.Errorf("read message %d: %w", in.ID, err)
		}
		if done, err := b.kfTurn(ctx, m, in); done || err != nil {
			return n, err
		}
	}
	if in.User == "sys" {
		if ev, err := wecom.Parse(in.Raw); err == nil && ev.Event == "change_external_contact" {
			return n, b.befriended(ctx, ev, in)
		}
	}
	if !ok { // kept, answered 200, and of no meaning to a conversation
		return n, b.Store.Commit(ctx, store.Turn{Inbound: t.Inbound})
	}
	conv, known := b.recall.get(in.User)
	if !known {
		if conv, err = b.Store.Conversation(ctx, in.User); err != nil {
			return 0, fmt.Errorf("read conversation: %w", err)
		}
	}
	var s flows.State
	if len(conv.State) > 0 {
		if err := json.Unmarshal(conv.State, &s); err != nil {
			b.Log.Error("conversation unreadable, begun anew", "message", in.ID, "err", err)
			s = flows.State{}
		}
	}
	for _, m := range b.joined(ctx, s, input, pending) {
		t.Inbound, input.Text = append(t.Inbound, m.id), input.Text+"\n"+m.text
		n++
	}
	if b.Passive { // the card has been greyed already, and one code is good for one update
		input.Code = ""
	}
	var o outlook
	if input.View, o, err = b.view(ctx, in.User, s, input); err != nil {
		return 0, fmt.Errorf("read view: %w", err)
	}
	s, t.Changes = flows.Advance(b.Forms, s, input)
	if err := b.severed(ctx, o.roster, &t.Changes); err != nil {
		return 0, err
	}
	if len(t.Changes.Cases) > 0 {
		o.voice(&t.Changes, input)
	}
	if len(t.Changes.Entries)+len(t.Changes.Amended)+len(t.Changes.Edits) > 0 {
		roster, err := b.Store.Roster(ctx)
		if err != nil {
			return 0, err
		}
		t.Changes.Drop = append(t.Changes.Drop, moot(roster, t.Changes, input.Today)...)
		if err := b.owed(ctx, roster, &t.Changes, b.Now()); err != nil {
			return 0, err
		}
	}
	if input.Greet != "" { // who entered is welcomed within 20 s or not at all
		for i, m := range t.Changes.Messages {
			if m.Code == input.Greet {
				t.Changes.Messages[i].Expires = in.At.Add(wecom.KfWelcomeLife)
			}
		}
	}
	for i := range t.Changes.Messages { // no turn says more than eight things to one person
		t.Changes.Messages[i].Nth = conv.Revision*8 + int64(i)
	}
	if t.Changes.Messages, err = b.render(t.Changes.Messages); err != nil {
		return 0, err
	}
	back, err := b.cancelled(ctx, t.Changes.Words)
	if err != nil {
		return 0, err
	}
	t.Changes.Messages = append(t.Changes.Messages, back...)
	t.Revision = conv.Revision
	if t.State, err = json.Marshal(s); err != nil {
		return 0, fmt.Errorf("write conversation: %w", err)
	}
	if err := b.Store.Commit(ctx, t); err != nil {
		return 0, err
	}
	if input.Kind == flows.Text && !ledger.IsKf(in.User) && flows.Joins(s, input.View.Said) {
		b.bursts.put(in.User, pending[n-1].At)
	}
	b.recall.put(in.User, store.Conversation{State: t.State, Revision: t.Revision + 1})
	return n, nil
}

// input is a message as flows reads it, but for the view; false where it is nothing to a conversation.
func (b *Bot) input(in store.Inbound) (flows.Input, bool, error) {
	out := flows.Input{Key: in.Key, User: in.User, Now: in.At, Today: ledger.DayOf(in.At, b.Zone), Zone: b.Zone}
	if ledger.IsKf(in.User) {
		m, err := wecom.ParseKf(in.Raw)
		return out, err == nil && b.kfInput(m, &out), err
	}
	ev, err := wecom.Parse(in.Raw)
	if err != nil {
		return out, false, err
	}
	kind, ok := kindOf(ev)
	out.Kind, out.Text, out.Place, out.Task, out.Button, out.Code, out.Picks, out.Media = kind, ev.Content, ev.Label, ev.TaskID, ev.EventKey, ev.ResponseCode,
		ev.Picks, ev.MediaID
	if kind == flows.Click {
		out.Text = ev.EventKey
	}
	return out, ok, nil
}

// kindOf says what a message is to a conversation; false where it is nothing to it.
func kindOf(ev wecom.Event) (flows.Kind, bool) {
	switch ev.MsgType {
	case "text":
		return flows.Text, true
	case "image":
		return flows.Photo, true
	case "voice":
		return flows.Voice, true
	case "location":
		return flows.Location, true
	case "event":
		switch ev.Event {
		case "click":
			return flows.Click, true
		case "template_card_event", "template_card_menu_event":
			return flows.Tap, true
		}
	}
	return flows.Other, false
}

// render puts messages into WeCom's words now, so that a repeat is byte for byte the same and WeCom can know it for one.
func (b *Bot) render(messages []ledger.Message) ([]ledger.Message, error) {
	out := make([]ledger.Message, 0, len(messages))
	for _, m := range messages {
		m.Voice = m.Voice && b.Voice && !ledger.IsKf(m.To)
		switch {
		case m.Photo != "":
			m.Call = ledger.CallFetch
		case m.Invite:
			m.Call, m.Body = ledger.CallInvite, []byte("invite")
		case m.Show != "":
			m.Call, m.Body, m.Fallback = ledger.CallShow, []byte("show"), m.Text
		case ledger.IsKf(m.To) && (m.Call == "" || m.Call == ledger.CallKf):
			if m.Of != "" { // what stands on WeChat stays as it is
				m.Of, m.Card, m.Text = "", nil, m.Fallback
			}
			if m.Text == "" && m.Card == nil && m.Picture == nil {
				continue
			}
			var err error
			if m, err = wecom.RenderKf(m); err != nil {
				return nil, fmt.Errorf("render %s: %w", m.Key, err)
			}
		case m.Call == "":
			var err error
			if m, err = wecom.Render(m, b.AgentID); err != nil {
				return nil, fmt.Errorf("render %s: %w", m.Key, err)
			}
		}
		out = append(out, m)
	}
	return out, nil
}

// apologise tells the person that this one message came to nothing.
func (b *Bot) apologise(ctx context.Context, in store.Inbound) error {
	m := ledger.Message{Key: in.Key + "/sorry", To: in.User, Priority: ledger.PriorityReply, Nth: in.ID,
		Text: "刚才那一条没处理成,是我们这边的问题,已经记下来查。请再说一次。"}
	messages, err := b.render([]ledger.Message{m})
	if err != nil {
		return err
	}
	return b.Store.Commit(ctx, store.Turn{Changes: ledger.Changes{Messages: messages}})
}

// view reads what the speaker may see. Figures are read only for the words that show them.
func (b *Bot) view(ctx context.Context, user string, s flows.State, in flows.Input) (v flows.View, o outlook, err error) {
	roster, err := b.Store.Roster(ctx)
	if err != nil {
		return v, o, err
	}
	o = outlook{invites: b.Family.Official != nil || b.Family.Mass != nil, roster: roster, packs: b.Packs, pack: b.Packs.Main(in.Today), names: b.indexes.of(roster)}
	in.View.Said, in.View.Added = b.read(o, user, flows.About(s), in)
	o.wants = flows.Asks(s, in)
	if o.logs, err = b.logged(ctx, o, user, in); err != nil {
		return v, o, err
	}
	o.about(user, in)
	ids := make([]string, 0, len(o.elders))
	for _, e := range slices.Concat(o.elders, o.named) {
		ids = append(ids, e.ID)
	}
	for _, r := range o.logs { // how it stands with them is told when a record is mended
		if !slices.Contains(ids, r.ElderID) && roster.May(user, r.ElderID, in.Today).Sight > ledger.SightNone {
			ids = append(ids, r.ElderID)
		}
	}
	if led := areas(roster, user, in.Today); o.wants.Figures && len(led) > 0 {
		if err := b.reckoning.current(ctx, in.Now); err != nil {
			return v, o, err
		}
		if o.owes, err = b.Store.OwesOf(ctx, beneath(roster, led)); err != nil {
			return v, o, err
		}
	}
	if len(ids) > 0 {
		if o.entries, err = b.Store.Entries(ctx, ids, sinceFor(roster, user, in.Today)); err != nil {
			return v, o, err
		}
		found := ids
		if !o.wants.Figures { // what a colleague found just now stays with the record, whoever joins it
			found = nil
			for _, e := range o.entries {
				if joint(e, user, in) {
					found = append(found, e.ElderID)
				}
			}
		}
		if len(found) > 0 {
			if o.findings, err = b.Store.Findings(ctx, found); err != nil {
				return v, o, err
			}
		}
		if o.wants.Figures {
			if o.noPhoto, err = b.Store.Unpictured(ctx, user, o.periodStart(in.Today)); err != nil {
				return v, o, err
			}
		}
	}
	if o.wants.Silence {
		if o.silence, err = b.silence(ctx, user, in.Now); err != nil {
			return v, o, err
		}
	}
	if o.wants.Reviews {
		if o.signs, err = b.Store.Reviews(ctx, ledger.ReviewOpen); err != nil {
			return v, o, err
		}
	}
	if o.wants.Proposals {
		if o.open, err = b.Store.Proposals(ctx); err != nil {
			return v, o, err
		}
	}
	if e, ok := o.asked(user, in.Today); ok {
		if o.looks, err = b.Store.Looks(ctx, e.ID, roster.Path(e.Region), logged); err != nil {
			return v, o, err
		}
		if o.steps, err = b.Store.History(ctx, e.ID, logged); err != nil {
			return v, o, err
		}
	}
	if o.cases, err = b.readCases(ctx, o, user, in); err != nil {
		return v, o, err
	}
	if ledger.IsKf(user) {
		o.family, err = b.readFamily(ctx, &o, user, s, in)
	} else {
		o.family, err = b.readKinship(ctx, o, user, in)
	}
	if err != nil {
		return v, o, err
	}
	v = o.look(user, in)
	v.Leaflet = func(elderID string) (flows.Leaflet, bool) { return b.leaflet(ctx, roster, user, elderID, in.Today) }
	return v, o, nil
}

// logged is how many looks and changes of an elder are read.
const logged = 50
