package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"xunfang/bot/wecom"
	"xunfang/ledger"
	"xunfang/store"
)

// Watching is who hears that something is wrong with the bot itself. All of it may be absent.
type Watching struct {
	Maintainer string  // userid: hears of an outage once it is over, for before that nothing gets through
	Robot      Speaker // the second way out
	Heart      Heart   // what stays away when nothing else can be said
}

// Speaker says a text to those on duty without the app. bot/wecom.Robot is one.
type Speaker interface {
	Say(ctx context.Context, text string) error
}

// watch looks whether what is said gets through. What it has said itself is in the outbox, so that a restart or a second process
// says nothing twice.
type watch struct {
	bot      *Bot
	born     time.Time    // by the machine's clock
	accepted atomic.Int64 // unix ms, by the bot's clock, of the last message that WeCom took from this process
	away     atomic.Bool  // WeCom takes nothing

	mu     sync.Mutex
	began  time.Time // since when it looks without a gap
	looked time.Time
	beaten time.Time
	ills   []string                  // what was wrong at the last look
	out    outage                    // what WeCom has not taken for long; zero: nothing
	late   map[int64]ledger.Priority // messages that waited during the outage
	unsaid string                    // of the outage, what the robot has not taken yet
	dumb   bool                      // the robot did not take the last text
	cries  map[string]bool           // cases that are to be said, and that the robot has not taken yet
	drills drills
}

// outage is a time in which WeCom takes no messages.
type outage struct {
	since time.Time // since when the first of them waits
	found time.Time
	key   string
}

const (
	watchEvery     = 5 * time.Second
	beatEvery      = time.Minute
	ladderPatience = 15 * time.Second // ladders are looked at every second
	alarmPatience  = time.Minute      // what WeCom has not taken by then is said another way
	wecomPatience  = 5 * time.Minute
	cryEvery       = 10 * time.Minute
	watchGrace     = 30 * time.Second // after a start, or a jump of the clock: what seems late is on its way
	mostWaiting    = 20_000           // rows looked at
	mostNames      = 20
)

// outageLane is the recipient of the marks of outages. It is nobody, as cases are.
const outageLane = "watch"

func newWatch(b *Bot) *watch {
	w := &watch{bot: b, born: time.Now(), late: map[int64]ledger.Priority{}, cries: map[string]bool{}}
	w.drills.bot = b
	b.Messenger = heeded{b.Messenger, w}
	return w
}

// heeded is a messenger that notes how WeCom is: when it took something, for which an answer that refuses is none, since a busy
// WeCom delivers nothing; and whether it answers at all. What fails on our side of it is not WeCom's.
type heeded struct {
	Messenger
	watch *watch
}

func (h heeded) Send(ctx context.Context, m ledger.Message) (wecom.Receipt, error) {
	r, err := h.Messenger.Send(ctx, m)
	if err == nil || errors.Is(err, wecom.ErrAlreadySent) {
		h.watch.accepted.Store(h.watch.bot.Now().UnixMilli())
	}
	h.watch.bot.wecomAnswered(err)
	return r, err
}

func (h heeded) Fetch(ctx context.Context, mediaID string, most int64) ([]byte, string, error) {
	data, contentType, err := h.Messenger.Fetch(ctx, mediaID, most)
	h.watch.bot.wecomAnswered(err)
	return data, contentType, err
}

func (h heeded) Heard(ctx context.Context, userid, callID string) (wecom.Heard, error) {
	x, err := h.Messenger.Heard(ctx, userid, callID)
	h.watch.bot.wecomAnswered(err)
	return x, err
}

// run looks until the context ends.
func (w *watch) run(ctx context.Context) {
	work := context.WithoutCancel(ctx)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.look(work, w.bot.Now())
		if err := w.drills.look(work, w.bot.Now()); err != nil {
			w.bot.Log.Error("drill not held", "err", err)
		}
	}
}

// recall learns, before anything is sent, of an outage during which the process ended, and what waits since then.
func (w *watch) recall(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	out, err := w.ongoing(ctx)
	if err == nil && !out.since.IsZero() {
		var rows []store.OutboxRow
		rows, err = w.waiting(ctx, w.bot.Now())
		w.out = out
		w.keepLate(rows, w.bot.Now())
	}
	if err != nil {
		w.bot.Log.Error("not known whether WeCom was away", "err", err)
	}
}

// look looks at everything once.
func (w *watch) look(ctx context.Context, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if gap := now.Sub(w.looked); gap < 0 || gap > watchGrace {
		w.began = now
	}
	w.looked = now
	ills, err := w.examine(ctx, now)
	if err != nil {
		w.bot.Log.Error("not watched", "err", err)
	}
	changed := !slices.Equal(ills, w.ills)
	switch {
	case changed && len(ills) > 0:
		w.bot.Log.Error("not well", "what", strings.Join(ills, ","))
	case changed:
		w.bot.Log.Info("well again")
	}
	w.ills = ills
	if since := now.Sub(w.beaten); changed || since < 0 || since >= beatEvery {
		w.beaten = now
		if err := w.bot.Watch.Heart.beat(ctx, now, len(ills) == 0); err != nil {
			w.bot.Log.Warn("no heartbeat", "err", err)
		}
	}
}

// examine says what is wrong, in the words of /readyz, after telling whoever can do something about it.
func (w *watch) examine(ctx context.Context, now time.Time) (ills []string, err error) {
	if w.unclimbed() > ladderPatience {
		ills = append(ills, "ladder")
	}
	stats, err := w.bot.Store.OutboxStats(ctx)
	if err != nil {
		return append(ills, "database"), err
	}
	var rows []store.OutboxRow
	if stats.Oldest >= alarmPatience || !w.out.since.IsZero() {
		if rows, err = w.waiting(ctx, now); err != nil {
			return append(ills, "database"), err
		}
	}
	settled := now.Sub(w.began) >= watchGrace
	if settled && slices.ContainsFunc(rows, func(r store.OutboxRow) bool { return stuckAlarm(r, now) }) {
		ills = append(ills, "alarms")
	}
	err = errors.Join(w.cry(ctx, now, rows, settled), w.heed(ctx, now, rows, settled))
	w.away.Store(!w.out.since.IsZero())
	if w.away.Load() {
		ills = append(ills, "wecom")
	}
	return ills, err
}

// unclimbed is for how long nobody has looked at the ladders.
func (w *watch) unclimbed() time.Duration {
	at := w.born
	if ms := w.bot.climbed.Load(); ms > 0 {
		at = time.UnixMilli(ms)
	}
	return time.Since(at)
}

// silence is for how long WeCom has taken nothing from this process; false: it has not taken anything yet.
func (w *watch) silence() (time.Duration, bool) {
	at := w.accepted.Load()
	return max(0, w.bot.Now().Sub(time.UnixMilli(at))), at > 0
}

// unattended counts the emergencies on which nobody acts, drills aside, and says how old the oldest is.
func (b *Bot) unattended(ctx context.Context) (n int, oldest time.Duration, err error) {
	files, _, err := b.Store.Alarms(ctx)
	for _, f := range files {
		if f.State == ledger.CaseOpen && !f.Drill {
			n, oldest = n+1, max(oldest, b.Now().Sub(f.At))
		}
	}
	return n, oldest, err
}

// waiting are the messages to people that should have gone out.
func (w *watch) waiting(ctx context.Context, now time.Time) ([]store.OutboxRow, error) {
	rows, err := w.bot.Store.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateWaiting}, Limit: mostWaiting})
	return slices.DeleteFunc(rows, func(r store.OutboxRow) bool {
		return r.Call == ledger.CallFetch || r.Call == ledger.CallHeard || dueAt(r).After(now)
	}), err
}

// dueAt is since when a message should be on its way.
func dueAt(r store.OutboxRow) time.Time {
	if r.NotBefore.After(r.At) {
		return r.NotBefore
	}
	return r.At
}

func stuckAlarm(r store.OutboxRow, now time.Time) bool {
	return r.Priority == ledger.PriorityAlarm && now.Sub(dueAt(r)) >= alarmPatience
}

// stuck says whether an alarm waits for too long.
func (w *watch) stuck(ctx context.Context) (bool, error) {
	now := w.bot.Now()
	rows, err := w.waiting(ctx, now)
	return slices.ContainsFunc(rows, func(r store.OutboxRow) bool { return stuckAlarm(r, now) }), err
}

// mark notes in the outbox that something is said now, in a row that nobody is ever sent: it has expired before it is there. False:
// it was said before, perhaps by another process. With it a letter may go out.
func (w *watch) mark(ctx context.Context, lane, key string, now time.Time, letters ...ledger.Message) (bool, error) {
	m := ledger.Message{Key: key, To: lane, Priority: ledger.PriorityReminder, Text: key, Expires: now}
	messages, err := w.bot.render(append(letters, m))
	if err != nil {
		return false, err
	}
	n := ledger.Notice{Key: key, To: lane, Kind: "watch", Message: key, At: now} // without a day: the calendar has no part in it
	err = w.bot.Store.Commit(ctx, store.Turn{Changes: ledger.Changes{Messages: messages, Notices: []ledger.Notice{n}}})
	if errors.Is(err, store.ErrStale) {
		return false, nil
	}
	return err == nil, err
}

// marks are what was said before, oldest first.
func (w *watch) marks(ctx context.Context, lane string) ([]store.OutboxRow, error) {
	return w.bot.Store.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateExpired}, To: lane, Limit: mostWaiting})
}

// told says whether anybody hears of outages.
func (w *watch) told() bool { return w.bot.Watch.Maintainer != "" || w.bot.Watch.Robot != nil }

const (
	outageKey  = "watch/wecom/"
	outageTime = "2006-01-02T15:04"
	overTail   = "/over"
)

// ongoing is the outage that has not ended yet.
func (w *watch) ongoing(ctx context.Context) (outage, error) {
	if !w.told() {
		return w.out, nil
	}
	rows, err := w.marks(ctx, outageLane)
	if err != nil || len(rows) == 0 {
		return outage{}, err
	}
	last := rows[len(rows)-1]
	since, err := time.Parse(outageTime, strings.TrimPrefix(last.Key, outageKey))
	if err != nil { // it is over
		return outage{}, nil
	}
	return outage{since: since, found: last.At, key: last.Key}, nil
}

// heed finds out whether WeCom takes messages. That it does not is said once by the robot; when it does again, robot and maintainer
// hear how long it was and what came late.
func (w *watch) heed(ctx context.Context, now time.Time, rows []store.OutboxRow, settled bool) error {
	accepted := time.UnixMilli(w.accepted.Load())
	var first time.Time // the earliest that waits since WeCom took something
	for _, r := range rows {
		if at := dueAt(r); !at.Before(accepted) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	nothing := settled && !first.IsZero() && now.Sub(first) >= wecomPatience
	if was := !w.out.since.IsZero(); was || nothing {
		out, err := w.ongoing(ctx)
		if err != nil {
			return err
		}
		if was && out.since.IsZero() { // another process said so
			w.over()
		}
		w.out = out
	}
	switch {
	case w.out.since.IsZero() && nothing:
		if err := w.begin(ctx, now, first); err != nil {
			return err
		}
		w.keepLate(rows, now)
	case w.out.since.IsZero():
	case accepted.After(w.out.found):
		if err := w.end(ctx, now, accepted); err != nil {
			return err
		}
	default:
		w.keepLate(rows, now)
	}
	if w.unsaid != "" && w.say(ctx, w.unsaid) {
		w.unsaid = ""
	}
	return nil
}

// say has the robot say something; without one there is nothing to say it to.
func (w *watch) say(ctx context.Context, text string) bool {
	if w.bot.Watch.Robot == nil {
		return true
	}
	err := w.bot.Watch.Robot.Say(ctx, text)
	if err != nil && !w.dumb {
		w.bot.Log.Error("the robot says nothing", "err", err)
	}
	w.dumb = err != nil
	return err == nil
}

func (w *watch) keepLate(rows []store.OutboxRow, now time.Time) {
	for _, r := range rows {
		if now.Sub(dueAt(r)) >= alarmPatience {
			w.late[r.ID] = r.Priority
		}
	}
}

func (w *watch) over() {
	w.out, w.unsaid = outage{}, ""
	clear(w.late)
}

// begin says that WeCom takes nothing.
func (w *watch) begin(ctx context.Context, now, first time.Time) error {
	out := outage{since: first.Truncate(time.Minute), found: now, key: outageKey + first.UTC().Format(outageTime)}
	mine, err := true, error(nil)
	if w.told() {
		mine, err = w.mark(ctx, outageLane, out.key, now)
	}
	if err != nil {
		return err
	}
	w.out = out
	if mine {
		w.bot.Log.Error("WeCom takes no messages", "since", first.UTC())
		w.unsaid = fmt.Sprintf("【巡访】企业微信%s起没收消息,都存着,通了自动补发。这段时间有急事请打电话。", w.clock(out.since, now))
	}
	return nil
}

// end says that WeCom takes messages again.
func (w *watch) end(ctx context.Context, now, accepted time.Time) error {
	text, err := w.account(ctx, now, accepted)
	if err != nil {
		return err
	}
	mine := true
	if w.told() {
		var letters []ledger.Message
		key := w.out.key + overTail
		if w.bot.Watch.Maintainer != "" {
			letters = append(letters, ledger.Message{Key: key + "/" + w.bot.Watch.Maintainer, To: w.bot.Watch.Maintainer,
				Priority: ledger.PriorityAlarm, Text: text})
		}
		if mine, err = w.mark(ctx, outageLane, key, now, letters...); err != nil {
			return err
		}
	}
	if mine {
		w.bot.Log.Info("WeCom takes messages again", "since", w.out.since.UTC(), "until", accepted.UTC(), "late", len(w.late))
	}
	w.over()
	if mine {
		w.unsaid = "【巡访】" + text
	}
	return nil
}

// account says what an outage did.
func (w *watch) account(ctx context.Context, now, until time.Time) (string, error) {
	gone, err := w.bot.Store.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateDead, store.StateExpired, store.StateDropped},
		Limit: mostWaiting})
	if err != nil {
		return "", err
	}
	lost, stale := 0, 0
	for _, r := range gone {
		_, late := w.late[r.ID]
		switch {
		case !late:
		case r.State == store.StateDropped: // a later one says it
			delete(w.late, r.ID)
		case r.State == store.StateDead:
			lost++
		default:
			stale++
		}
	}
	alarms := 0
	for _, p := range w.late {
		if p == ledger.PriorityAlarm {
			alarms++
		}
	}
	text := fmt.Sprintf("企业微信从%s到%s没收消息", w.clock(w.out.since, now), w.clock(until, now))
	switch others := len(w.late) - alarms; {
	case len(w.late) == 0: // it came back while this process was away
		return text + "。", nil
	case alarms == 0:
		text += fmt.Sprintf(",%d条普通晚到", others)
	case others == 0:
		text += fmt.Sprintf(",%d条紧急晚到", alarms)
	default:
		text += fmt.Sprintf(",%d条紧急、%d条普通晚到", alarms, others)
	}
	if lost+stale == 0 {
		return text + ",都没有丢。", nil
	}
	if stale > 0 {
		text += fmt.Sprintf(",其中%d条过了时候没再发", stale)
	}
	if lost > 0 {
		text += fmt.Sprintf(",%d条送不到,请看 xunfang outbox list", lost)
	}
	return text + "。", nil
}

// call is what the robot says of the alarms of one township.
type call struct {
	keys  []string
	since time.Time
	names []string
}

// cry has the robot say which alarms do not get through, and to whom: once, and again while it lasts. It names places and those on
// duty, and nobody else: a group is no place for what is known of an elder.
func (w *watch) cry(ctx context.Context, now time.Time, rows []store.OutboxRow, settled bool) error {
	held := map[string]time.Time{} // since when, by the message's key
	var keys []string
	for _, r := range rows {
		if stuckAlarm(r, now) && strings.HasPrefix(r.Key, "case/") {
			held[r.Key] = dueAt(r)
			keys = append(keys, caseOf(r.Key))
		}
	}
	if w.bot.Watch.Robot == nil || !settled || len(keys) == 0 {
		clear(w.cries)
		return nil
	}
	slices.Sort(keys)
	files, err := w.bot.Store.CaseFiles(ctx, slices.Compact(keys)...)
	if err != nil {
		return err
	}
	roster, err := w.bot.Store.Roster(ctx)
	if err != nil {
		return err
	}
	today := ledger.DayOf(now, w.bot.Zone)
	open := map[string]bool{}
	calls := map[string]*call{}
	var places []string
	for _, f := range files {
		var unheard []ledger.Event
		var since time.Time
		for _, e := range f.Timeline {
			if at, ok := held[e.Message]; ok && (e.Kind == ledger.EventTold || e.Kind == ledger.EventCalled) {
				if unheard = append(unheard, e); since.IsZero() || at.Before(since) {
					since = at
				}
			}
		}
		if f.State != ledger.CaseOpen || f.Drill || len(unheard) == 0 { // somebody acts, or nothing has happened
			continue
		}
		open[f.Key] = true
		if again, err := w.again(ctx, f.Key, now); err != nil || !again {
			if err != nil {
				return err
			}
			continue
		}
		w.cries[f.Key] = true
		place := roster.At(f.Region, ledger.LevelTownship).Name
		c := calls[place]
		if c == nil {
			c = &call{since: since}
			calls[place], places = c, append(places, place)
		}
		c.keys = append(c.keys, f.Key)
		if since.Before(c.since) {
			c.since = since
		}
		for _, e := range unheard {
			if name := onDuty(roster, e, today); name != "" && !slices.Contains(c.names, name) {
				c.names = append(c.names, name)
			}
		}
	}
	for key := range w.cries {
		if !open[key] {
			delete(w.cries, key)
		}
	}
	for _, place := range places {
		c := calls[place]
		if !w.say(ctx, c.text(place, w.clock(c.since, now))) {
			break // it will be asked again at the next look
		}
		for _, key := range c.keys {
			delete(w.cries, key)
		}
	}
	return nil
}

// again says whether it is time to say that a case does not get through, and notes that this process does.
func (w *watch) again(ctx context.Context, key string, now time.Time) (bool, error) {
	if w.cries[key] {
		return true, nil
	}
	said, err := w.marks(ctx, key)
	if err != nil || len(said) > 0 && now.Sub(said[len(said)-1].At) < cryEvery {
		return false, err
	}
	return w.mark(ctx, key, fmt.Sprintf("watch/%s/%d", key, len(said)), now)
}

func (c *call) text(place, since string) string {
	if place != "" {
		place += ","
	}
	names := strings.Join(c.names[:min(len(c.names), mostNames)], "、")
	if len(c.names) > mostNames {
		names += fmt.Sprintf("等%d人", len(c.names))
	}
	return fmt.Sprintf("【巡访】有%d条紧急情况企业微信发不出去(%s%s起)。请值班的人马上打电话:%s。", len(c.keys), place, since, names)
}

// onDuty is who should have heard, with where they are in charge: 望远村何军. "" for somebody who is not known any more.
func onDuty(r *ledger.Roster, e ledger.Event, today ledger.Day) string {
	p, ok := r.Person(e.To)
	if !ok {
		return ""
	}
	place := ""
	for _, post := range r.Posts(e.To) {
		if region, _ := r.Region(post.Region); post.Holds(today) && (place == "" || post.Role == e.Level) {
			place = region.Name
		}
	}
	return place + p.Name
}

// clock is a time as it is said today.
func (w *watch) clock(t, now time.Time) string {
	if ledger.DayOf(t, w.bot.Zone) != ledger.DayOf(now, w.bot.Zone) {
		return t.In(w.bot.Zone).Format("1月2日15:04")
	}
	return t.In(w.bot.Zone).Format("15:04")
}

// Heart gives a sign of life that an operator can wire to anything, since nobody can report their own death (requirements §3 case
// 30). The zero Heart gives none.
type Heart struct {
	URL  string // fetched while all is well, URL/fail when not (as healthchecks.io understands it). A secret
	File string // written while all is well: what looks at its age sees whether
}

const beatTime = 5 * time.Second

// beat gives one sign. Its error does not quote the address.
func (h Heart) beat(ctx context.Context, now time.Time, well bool) error {
	var errs []error
	if h.File != "" && well {
		errs = append(errs, os.WriteFile(h.File, []byte(now.UTC().Format(time.RFC3339)+"\n"), 0o644))
	}
	if h.URL != "" {
		errs = append(errs, h.fetch(ctx, well))
	}
	return errors.Join(errs...)
}

func (h Heart) fetch(ctx context.Context, well bool) error {
	u, err := url.Parse(h.URL)
	if err != nil {
		return errors.New("the heartbeat's address is none")
	}
	if !well {
		u = u.JoinPath("fail")
	}
	ctx, cancel := context.WithTimeout(ctx, beatTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return errors.New("the heartbeat's address is none")
	}
	resp, err := http.DefaultClient.Do(req)
	if quoting := (*url.Error)(nil); errors.As(err, &quoting) {
		err = quoting.Err
	}
	if err != nil {
		return fmt.Errorf("fetch the heartbeat's address: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the heartbeat's address answers %d", resp.StatusCode)
	}
	return nil
}
