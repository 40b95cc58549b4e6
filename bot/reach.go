package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"xunfang/bot/official"
	"xunfang/bot/sms"
	"xunfang/bot/wecom"
	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/scheduler"
	"xunfang/store"
)

// Mass is the helper's mass send. bot/wecom.Client is one.
type Mass interface {
	MassSend(ctx context.Context, sender, externalID, text string) (msgID string, err error)
	MassResult(ctx context.Context, msgID, sender string) (status int, err error)
	RemindMass(ctx context.Context, msgID string) error
	CancelMass(ctx context.Context, msgID string) error
	ContactWay(ctx context.Context, userid, state string) (configID, qrURL string, err error)
}

// Official sends notices of the service account. bot/official.Account is one.
type Official interface {
	Send(ctx context.Context, n official.Notice) (msgID string, err error)
	QR(ctx context.Context, scene string, expires time.Duration) (address string, err error)
}

const (
	reachEvery = time.Second
	mostWords  = 200 // looked at at once
)

// reach brings words to relatives until the context ends. Like the ladders it remembers nothing.
func (b *Bot) reach(ctx context.Context) {
	tick := time.NewTicker(reachEvery)
	defer tick.Stop()
	said := ""
	for {
		if err := b.Reach(context.WithoutCancel(ctx)); err == nil {
			said = ""
		} else if err.Error() != said { // what fails every second is said once
			said = err.Error()
			b.Log.Error("words to families not looked at", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Reach does what the words to relatives ask for now.
func (b *Bot) Reach(ctx context.Context) error {
	now := b.Now()
	files, err := b.Store.WordsDue(ctx, now, mostWords)
	if err != nil || len(files) == 0 {
		return err
	}
	elders := make([]string, len(files))
	for i, f := range files {
		elders[i] = f.ElderID
	}
	o, err := b.outlookOf(ctx, now, elders...)
	if err != nil {
		return err
	}
	var failed []error
	for _, f := range files { // one that fails must not hold up the others
		if err := b.reachOne(ctx, o, f, now); err != nil && !errors.Is(err, store.ErrStale) {
			failed = append(failed, fmt.Errorf("word %s: %w", numberless(f.Key), err))
		}
	}
	return errors.Join(failed...)
}

// numberless is a word's key without whom it is about, for a log.
func numberless(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:6])
}

// reachOne looks at one word.
func (b *Bot) reachOne(ctx context.Context, o outlook, f ledger.WordFile, now time.Time) (err error) {
	defer func() {
		if p := recover(); p != nil { // a word that breaks its code must not end the process
			err = fmt.Errorf("panic: %s\n%s", broken(p), debug.Stack())
		}
	}()
	if over, err := b.passedOff(ctx, f.Word); err != nil {
		return err
	} else if over {
		step := f.Step()
		step.Word.State, step.Word.Due, step.Word.Moved, step.Word.Owner = ledger.WordDropped, time.Time{}, now, ""
		return b.Store.Commit(ctx, store.Turn{Changes: ledger.Changes{Words: []ledger.WordStep{step}}}) // never by mass send
	}
	ways, err := b.ways(ctx, f.Word, o.roster, o.family.acts[f.ElderID], now)
	if err != nil {
		return err
	}
	step, messages, changed, err := o.brought(f, ways, now)
	if err != nil || !changed {
		return err
	}
	c := ledger.Changes{Words: []ledger.WordStep{step}}
	for _, m := range messages { // who calls has the number whole before them (002 七(三): 泄露信息要追究)
		if m.Card != nil && !ledger.IsKf(m.To) && m.Call == "" {
			c.Looks = append(c.Looks, ledger.Look{Key: m.Key, ElderID: f.ElderID, By: m.To, What: ledger.LookCall, At: now})
		}
	}
	if c.Messages, err = b.render(messages); err != nil {
		return err
	}
	back, err := b.cancelled(ctx, c.Words)
	if err != nil {
		return err
	}
	c.Messages = append(c.Messages, back...)
	return b.Store.Commit(ctx, store.Turn{Changes: c})
}

// passedOff says that the emergency that a word tells of is over: nobody need ring the family out of bed any more.
func (b *Bot) passedOff(ctx context.Context, w ledger.Word) (bool, error) {
	if w.Purpose != ledger.WordEmergency || !strings.HasPrefix(w.Key, "case/") {
		return false, nil
	}
	files, err := b.Store.CaseFiles(ctx, caseOf(w.Key))
	return len(files) > 0 && files[0].State.Over(), err
}

// brought is what becomes of a word now, and what is said for it.
func (o outlook) brought(f ledger.WordFile, ways scheduler.Ways, now time.Time) (ledger.WordStep, []ledger.Message, bool, error) {
	today := ledger.DayOf(now, o.zone)
	if !o.mayTell(f.Word, today) {
		step := f.Step()
		step.Word.State, step.Word.Due, step.Word.Moved = ledger.WordDropped, time.Time{}, now
		return step, nil, true, nil
	}
	step, changed := scheduler.Reach(f, ways, o.roster, o.packs, now, o.zone)
	if !changed {
		return step, nil, false, nil
	}
	in := flows.Input{Key: fmt.Sprintf("word/%s/%d", numberless(f.Key), step.Word.Rev), Now: now, Today: today, Zone: o.zone, Kind: flows.Other}
	in.View.Rules = o.rules(today)
	as := f
	as.Word, as.Log = step.Word, slices.Concat(as.Log, step.Log)
	var out []ledger.Message
	for _, t := range step.Log {
		if t.Kind != ledger.TrySent {
			continue
		}
		m, ok := flows.Spoken(as, t, o.wordView(as, t.To, today), in)
		if !ok {
			continue
		}
		m.Key, m.Word, m.Priority = t.Message, f.Key, ledger.PriorityReminder
		if f.Purpose == ledger.WordEmergency {
			m.Priority = ledger.PriorityAlarm
		}
		m.To = t.To
		if t.Channel != ledger.ChannelCall {
			m.To, m.Call = addressee(f.Word, t.Channel), calls[t.Channel]
		}
		if t.Channel != ledger.ChannelCall && t.Channel != ledger.ChannelKf { // rendered when it is sent: no number and no address lies in the outbox
			var err error
			if m.Body, err = json.Marshal(outward{Text: m.Text, Rows: rowsOf(m.Card), Purpose: f.Purpose}); err != nil {
				return step, nil, false, fmt.Errorf("write what is to be said: %w", err)
			}
		}
		out = append(out, m)
	}
	return step, out, true, nil
}

var calls = map[ledger.Channel]ledger.Call{ledger.ChannelKf: ledger.CallKf, ledger.ChannelOfficial: ledger.CallOfficial, ledger.ChannelMass: ledger.CallMass,
	ledger.ChannelSMS: ledger.CallSMS}

// addressee is the lane of the outbox that a message to a relative waits in: each channel has its own, so that none holds up another.
func addressee(w ledger.Word, ch ledger.Channel) string {
	if ch == ledger.ChannelKf {
		return w.User
	}
	sum := sha256.Sum256([]byte(w.ElderID + "\x00" + w.Kin))
	return string(ch) + ":" + hex.EncodeToString(sum[:12])
}

// outward is what goes to a relative by another way than 微信客服.
type outward struct {
	Text    string             `json:"text,omitempty"`
	Rows    []ledger.CardRow   `json:"rows,omitempty"`
	Purpose ledger.WordPurpose `json:"purpose"`
	ID      string             `json:"id,omitempty"` // what the channel calls it, once it is asked what became of it
	Day     time.Time          `json:"day,omitzero"`
	Asked   int                `json:"asked,omitempty"`
}

func rowsOf(c *ledger.Card) []ledger.CardRow {
	if c == nil {
		return nil
	}
	return c.Rows
}

// unsayable says that a channel will never carry a message: the next one is taken.
type unsayable struct{ why string }

func (e *unsayable) Error() string { return e.why }

// tell is one attempt to say something to a relative.
func (b *Bot) tell(ctx context.Context, c store.Claim) (wecom.Receipt, error) {
	m := c.Message
	var f ledger.WordFile
	if m.Word != "" {
		var err error
		if f, err = b.stillTold(ctx, m.Word); err != nil {
			return wecom.Receipt{}, err
		}
	}
	switch m.Call {
	case ledger.CallInvite:
		m, err := b.invite(ctx, m)
		if err != nil {
			return wecom.Receipt{}, err
		}
		c.Message = m
		return b.tellKf(ctx, c)
	case ledger.CallKf, ledger.CallWelcome:
		return b.tellKf(ctx, c)
	}
	var x outward
	if err := json.Unmarshal(m.Body, &x); err != nil {
		return wecom.Receipt{}, fmt.Errorf("read what is to be said: %w", err)
	}
	switch m.Call {
	case ledger.CallOfficial:
		return b.tellOfficial(ctx, f, x)
	case ledger.CallMass:
		return b.tellMass(ctx, m, f, x)
	case ledger.CallSMS:
		return b.tellSMS(ctx, m, f, x)
	case ledger.CallMassed:
		return wecom.Receipt{}, b.massed(ctx, m, f, x)
	case ledger.CallUnmass:
		return wecom.Receipt{}, b.unmass(ctx, x)
	}
	return wecom.Receipt{}, b.texted(ctx, m, f, x)
}

// errUntold says that a message must not go out any more: consent was withdrawn, or the word is over.
var errUntold = errors.New("no longer to be said")

// stillTold is a word that is open and may be said now; errUntold where it may not.
func (b *Bot) stillTold(ctx context.Context, key string) (ledger.WordFile, error) {
	files, err := b.Store.WordFiles(ctx, key)
	if err != nil {
		return ledger.WordFile{}, err
	}
	if len(files) == 0 || files[0].State == ledger.WordDropped {
		return ledger.WordFile{}, errUntold
	}
	o, err := b.outlookOf(ctx, b.Now(), files[0].ElderID)
	if err == nil && !o.mayTell(files[0].Word, ledger.DayOf(b.Now(), b.Zone)) {
		err = errUntold
	}
	return files[0], err
}

// line is the way to a thread on a channel.
func (b *Bot) line(ctx context.Context, user string, ch ledger.Channel) (ledger.Line, error) {
	lines, err := b.Store.LinesOf(ctx, user)
	if err != nil {
		return ledger.Line{}, err
	}
	for _, l := range lines {
		if l.Channel == ch && l.Address != "" && l.State == ledger.LineOpen {
			return l, nil
		}
	}
	return ledger.Line{}, &unsayable{"no line of channel " + string(ch)}
}

// tellKf sends within the window, which is counted here: WeCom is never asked for a sixth message (wecom/94677).
func (b *Bot) tellKf(ctx context.Context, c store.Claim) (wecom.Receipt, error) {
	m := c.Message
	l, err := b.line(ctx, m.To, ledger.ChannelKf)
	if err != nil {
		return wecom.Receipt{}, err
	}
	if b.Family.Kf == nil {
		return wecom.Receipt{}, &unsayable{"微信客服 is not set up"}
	}
	if m.Call == ledger.CallKf {
		switch ok, err := b.Store.ReserveKf(ctx, m.To, m.Key, b.Now()); {
		case err != nil:
			return wecom.Receipt{}, err
		case !ok:
			return wecom.Receipt{}, &unsayable{"the window of 微信客服 is shut"}
		}
	}
	receipt, err := b.Family.Kf.KfSend(ctx, m, l.Account, l.Address)
	api := (*wecom.APIError)(nil)
	if errors.As(err, &api) {
		v := wecom.Classify(err)
		if c.Resend && (v.Reason == "unknown code" || v.Reason == "request refused") { // an earlier attempt arrived and its answer was lost: WeCom refuses the msgid (code unconfirmed)
			return receipt, wecom.ErrAlreadySent
		}
		if releaseErr := b.Store.ReleaseKf(ctx, m.Key); releaseErr != nil {
			b.Log.Error("place of a refused message not given back", "err", releaseErr)
		}
		if v.Action == wecom.Drop || m.Call == ledger.CallWelcome && v.Reason == "unknown code" { // a welcome_code is good once, whatever WeCom calls it
			return receipt, &unsayable{v.Reason}
		}
	}
	return receipt, err
}

func (b *Bot) tellOfficial(ctx context.Context, f ledger.WordFile, x outward) (wecom.Receipt, error) {
	l, err := b.line(ctx, f.User, ledger.ChannelOfficial)
	if err != nil {
		return wecom.Receipt{}, err
	}
	notice, ok := b.Family.Notices[string(x.Purpose)]
	if b.Family.Official == nil || !ok {
		return wecom.Receipt{}, &unsayable{"no template for it"}
	}
	data := map[string]string{}
	for field, name := range notice.Fields {
		for _, r := range x.Rows {
			if r.Name == name {
				data[field] = r.Value
			}
		}
	}
	id, err := b.Family.Official.Send(ctx, official.Notice{OpenID: l.Address, Template: notice.Template, URL: b.link(ctx, sceneNotice, ""), Data: data})
	refused := (*official.Error)(nil)
	if errors.As(err, &refused) && !refused.Retry() {
		if refused.Gone() {
			l.State, l.Why, l.At = ledger.LineDead, "拒收或已取消关注", b.Now()
			if err := b.Store.Commit(ctx, store.Turn{Changes: ledger.Changes{Lines: []ledger.Line{l}}}); err != nil {
				return wecom.Receipt{}, err
			}
		}
		return wecom.Receipt{}, &unsayable{err.Error()}
	}
	return wecom.Receipt{MsgID: id}, err
}

const (
	massedAfter = 2 * time.Hour
	massedMost  = 36 // three days: then somebody calls
	textedAfter = 2 * time.Minute
	textedMost  = 5
)

func (b *Bot) tellMass(ctx context.Context, m ledger.Message, f ledger.WordFile, x outward) (wecom.Receipt, error) {
	l, err := b.line(ctx, f.User, ledger.ChannelMass)
	if err != nil {
		return wecom.Receipt{}, err
	}
	if b.Family.Mass == nil {
		return wecom.Receipt{}, &unsayable{"mass send is not set up"}
	}
	id, err := b.Family.Mass.MassSend(ctx, l.Account, l.Address, x.Text)
	if errors.Is(err, wecom.ErrNobody) {
		return wecom.Receipt{}, &unsayable{"no contact of the helper any more"}
	}
	if err != nil {
		return wecom.Receipt{}, err
	}
	b.askLater(ctx, m, ledger.CallMassed, outward{Purpose: x.Purpose, ID: id}, massedAfter)
	return wecom.Receipt{MsgID: id, ResponseCode: id}, nil // by which it is taken back (cancelled)
}

// cancelled are messages that take mass sends back that dropped words have asked of helpers: what is not sent yet is not sent any more.
func (b *Bot) cancelled(ctx context.Context, steps []ledger.WordStep) ([]ledger.Message, error) {
	var keys []string
	for _, s := range steps {
		if s.Word.State == ledger.WordDropped {
			keys = append(keys, s.Word.Key)
		}
	}
	if len(keys) == 0 || b.Family.Mass == nil {
		return nil, nil
	}
	files, err := b.Store.WordFiles(ctx, keys...)
	if err != nil {
		return nil, err
	}
	var out []ledger.Message
	for _, f := range files {
		for _, t := range f.Log {
			if t.Channel != ledger.ChannelMass || t.Kind != ledger.TrySent {
				continue
			}
			body, err := json.Marshal(outward{Purpose: f.Purpose, ID: t.Message})
			if err != nil {
				return nil, err
			}
			out = append(out, ledger.Message{Key: t.Message + "/back", To: addressee(f.Word, ledger.ChannelMass), Priority: ledger.PriorityReply, Call: ledger.CallUnmass, Body: body})
		}
	}
	return out, nil
}

// unmass takes a mass send back.
func (b *Bot) unmass(ctx context.Context, x outward) error {
	id, err := b.Store.CodeOf(ctx, x.ID)
	if err != nil || id == "" { // it never went out
		return err
	}
	return b.Family.Mass.CancelMass(ctx, id)
}

// askLater is ask where something has gone out already: that nobody will ask what became of it must not send it again.
func (b *Bot) askLater(ctx context.Context, m ledger.Message, call ledger.Call, x outward, after time.Duration) {
	if err := b.ask(ctx, m, call, x, after); err != nil {
		b.Log.Error("nobody will ask what became of a message", "err", err)
	}
}

// ask has it asked later what became of a message.
func (b *Bot) ask(ctx context.Context, m ledger.Message, call ledger.Call, x outward, after time.Duration) error {
	body, err := json.Marshal(x)
	if err != nil {
		return err
	}
	key, _, _ := strings.Cut(m.Key, askTail)
	next := ledger.Message{Key: fmt.Sprintf("%s%s%d", key, askTail, x.Asked+1), To: m.To, Priority: ledger.PriorityReminder, Word: m.Word, Call: call, Body: body,
		NotBefore: b.Now().Add(after)}
	return b.Store.Commit(ctx, store.Turn{Changes: ledger.Changes{Messages: []ledger.Message{next}}})
}

const askTail = "/ask"

// massed asks whether the helper has tapped, and reminds them once a day: 1 is sent, which is not yet heard (wecom/93338).
func (b *Bot) massed(ctx context.Context, m ledger.Message, f ledger.WordFile, x outward) error {
	l, err := b.line(ctx, f.User, ledger.ChannelMass)
	if err != nil {
		return err
	}
	status, err := b.Family.Mass.MassResult(ctx, x.ID, l.Account)
	if err != nil {
		return err
	}
	switch {
	case status == wecom.MassSent:
		return nil
	case status != wecom.MassUnsent:
		return &unsayable{"the helper's mass send did not arrive"}
	case x.Asked >= massedMost:
		if err := b.Family.Mass.CancelMass(ctx, x.ID); err != nil { // or it goes out when it is no longer true
			b.Log.Warn("mass send not taken back", "err", err)
		}
		return &unsayable{"the helper did not send it"}
	}
	x.Asked++
	if x.Asked%12 == 0 {
		if err := b.Family.Mass.RemindMass(ctx, x.ID); err != nil {
			b.Log.Warn("helper not reminded of a mass send", "err", err)
		}
	}
	return b.ask(ctx, m, ledger.CallMassed, x, massedAfter)
}

// invite is the code by which a relative opens a further line: the service account's, else their helper's WeChat.
func (b *Bot) invite(ctx context.Context, m ledger.Message) (ledger.Message, error) {
	scene := ledger.KfScene(m.To)
	m.Call = ledger.CallKf
	if b.Family.Official != nil {
		address, err := b.Family.Official.QR(ctx, b.Store.Token(scene), official.MaxQR)
		if err != nil {
			return m, err
		}
		m.Body, err = papers.QR(address)
		m.Call = ledger.CallKf
		return m, err
	}
	roster, err := b.Store.Roster(ctx)
	if err != nil {
		return m, err
	}
	today := ledger.DayOf(b.Now(), b.Zone)
	for _, bond := range roster.Threads(m.To) {
		for _, helper := range roster.Helping(bond.ElderID, today) {
			if b.Family.Mass == nil || !bond.Holds(today) {
				continue
			}
			_, address, err := b.Family.Mass.ContactWay(ctx, helper, scene)
			if err != nil {
				return m, err
			}
			return wecom.RenderKf(ledger.Message{Key: m.Key, To: m.To, Nth: m.Nth, Text: "点开下面的链接,长按里面的码,加上帮扶人的微信,以后每月的近况由帮扶人转给您:\n" + address})
		}
	}
	return m, &unsayable{"no further line is set up"}
}

// number is a relative's, as the ledger has it now.
func (b *Bot) number(ctx context.Context, w ledger.Word) (string, error) {
	roster, err := b.Store.Roster(ctx)
	if err != nil {
		return "", err
	}
	for _, k := range roster.Kin(w.ElderID) {
		if k.Name == w.Kin && k.Phone != "" && k.Dead == "" {
			return k.Phone, nil
		}
	}
	return "", &unsayable{"no number that works"}
}

func (b *Bot) tellSMS(ctx context.Context, m ledger.Message, f ledger.WordFile, x outward) (wecom.Receipt, error) {
	number, err := b.number(ctx, f.Word)
	if err != nil {
		return wecom.Receipt{}, err
	}
	template, ok := b.Family.SMSes[string(x.Purpose)]
	if b.Family.SMS == nil || !ok {
		return wecom.Receipt{}, &unsayable{"no template for it"}
	}
	vars := map[string]string{}
	for _, r := range x.Rows {
		if slices.Contains(template.Vars, r.Name) {
			vars[r.Name] = r.Value
		}
	}
	receipt, err := b.Family.SMS.Send(ctx, sms.SMS{Number: number, Template: template.Code, Vars: vars, ID: numberless(m.Key)})
	refused := (*sms.Error)(nil)
	switch {
	case errors.Is(err, sms.ErrRefused), errors.As(err, &refused) && !refused.Retry():
		return wecom.Receipt{}, &unsayable{err.Error()}
	case err != nil:
		return wecom.Receipt{}, err
	}
	b.askLater(ctx, m, ledger.CallTexted, outward{Purpose: x.Purpose, ID: receipt, Day: b.Now()}, textedAfter)
	return wecom.Receipt{MsgID: receipt}, nil
}

// texted asks whether a text message arrived. That it did says nothing of whether it was read: the calls go on.
func (b *Bot) texted(ctx context.Context, m ledger.Message, f ledger.WordFile, x outward) error {
	number, err := b.number(ctx, f.Word)
	if err != nil {
		return err
	}
	report, err := b.Family.SMS.Report(ctx, x.ID, number, x.Day)
	switch {
	case err != nil:
		return err
	case report.State == sms.Delivered, report.State == sms.Waiting && x.Asked >= textedMost:
		return nil
	case report.State == sms.Failed:
		return &unsayable{"the text message did not arrive"}
	}
	x.Asked++
	return b.ask(ctx, m, ledger.CallTexted, x, textedAfter<<x.Asked)
}

// wordLost notes that a channel did not carry a word, so that the next one is taken at once: every failure of a machine becomes
// somebody's task within minutes.
func (b *Bot) wordLost(ctx context.Context, m ledger.Message, why string) error {
	if m.Word == "" {
		return nil
	}
	message, _, _ := strings.Cut(m.Key, askTail)
	for range staleTurn {
		files, err := b.Store.WordFiles(ctx, m.Word)
		if err != nil || len(files) == 0 {
			return err
		}
		f := files[0]
		channel := ledger.Channel("")
		for _, t := range f.Log {
			if t.Message == message && t.Kind == ledger.TrySent {
				channel = t.Channel
			}
			if t.Message == message && (t.Kind == ledger.TryDead || t.Kind == ledger.TryFailed) {
				return nil
			}
		}
		if channel == "" || f.State.Over() && f.State != ledger.WordSent {
			return nil
		}
		kind := ledger.TryDead
		if channel == ledger.ChannelCall { // whose task it was cannot be reached: another is asked
			kind = ledger.TryFailed
		}
		step := f.Step()
		step.Word.State, step.Word.Due = ledger.WordOpen, b.Now()
		step.Add(ledger.Try{Channel: channel, Kind: kind, Message: message, Text: why, At: b.Now()})
		if err = b.Store.Commit(ctx, store.Turn{Changes: ledger.Changes{Words: []ledger.WordStep{step}}}); !errors.Is(err, store.ErrStale) {
			return err
		}
	}
	return store.ErrStale
}
