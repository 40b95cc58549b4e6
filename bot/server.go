// Package bot answers WeCom: a callback is verified and kept, a turn is taken for each message, and what a turn wants said
// is sent until it has arrived. It decides nothing about elders; flows and scheduler do.
package bot

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"xunfang/bot/wecom"
	"xunfang/flows"
	"xunfang/flows/understand"
	"xunfang/ledger"
	"xunfang/scheduler"
	"xunfang/store"
)

// Messenger is the way out to WeCom. bot/wecom.Client is one.
type Messenger interface {
	Send(context.Context, ledger.Message) (wecom.Receipt, error)
	Fetch(ctx context.Context, mediaID string, maxBytes int64) (data []byte, contentType string, err error)
	Heard(ctx context.Context, userid, callID string) (wecom.Heard, error)
}

// Options are what a Bot is made of.
type Options struct {
	Store        *store.Store
	Door         *wecom.Door
	Messenger    Messenger
	AgentID      int
	CallbackPath string
	Packs        scheduler.Packs
	Zone         *time.Location
	Album        *Album
	Forms        []flows.Form
	Reader       *understand.Reader // reads sentences; nil: with the words the program ships
	Passive      bool               // a tapped card is greyed by the passive reply (unconfirmed whether WeCom honours it, wecom/90241)
	Calendar     func() bool        // whether the calendar speaks now: who owes something is reminded, and leads hear of it; nil: never
	Prompt       bool               // the calendar speaks to everybody at once within its hours: for a demo
	Gather       time.Duration      // how long to wait for more where visits are told one right after the other; 0: not at all
	Voice        bool               // people are rung up (wecom/91627); otherwise they are told in writing
	Watch        Watching           // who hears that something is wrong with the bot itself
	Family       Families           // the ways to the elders' children
	Now          func() time.Time
	Log          *slog.Logger
}

// Bot is the server. Make it with New, mount Handler, keep Run running.
type Bot struct {
	Options
	turns  *turns
	sender *sender
	second *second
	dates  *calendar

	reckoning *reckoning
	metrics   *metrics
	recall    recall
	bursts    bursts
	indexes   indexes
	links     links
	missed    missed
	watch     *watch
	climbed   atomic.Int64 // unix ms at which all ladders were last looked at
	wecomUp   atomic.Int64 // unix ms of WeCom's last good answer, negative: of the first failure since
}

// New joins the parts. It starts nothing.
func New(o Options) *Bot {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Forms == nil {
		o.Forms = flows.Forms
	}
	if o.Reader == nil {
		o.Reader = shippedWords()
	}
	b := &Bot{Options: o}
	b.watch = newWatch(b)
	b.metrics = newMetrics(b)
	b.turns = newTurns(b)
	b.sender = newSender(b)
	b.second = newSecond(b)
	b.dates = &calendar{bot: b}
	b.reckoning = &reckoning{bot: b}
	return b
}

// shippedWords is made once: its tables are part of the program, and its tests read them.
var shippedWords = sync.OnceValue(func() *understand.Reader {
	r, err := understand.New()
	if err != nil {
		panic(err)
	}
	return r
})

// Handler serves the callback and what operators look at.
func (b *Bot) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(b.CallbackPath, b.callback)
	if b.Family.Door != nil {
		mux.HandleFunc(b.Family.DoorPath, b.officialCallback)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", b.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(b.metrics.registry, promhttp.HandlerOpts{}))
	return mux
}

// Run takes turns and sends until the context ends; then it finishes what is in hand and returns.
func (b *Bot) Run(ctx context.Context) {
	if r, err := b.Store.Roster(ctx); err == nil { // before the first message has to wait for it
		b.indexes.of(r)
	}
	b.watch.recall(ctx)
	var g sync.WaitGroup
	g.Go(func() { b.turns.run(ctx) })
	g.Go(func() { b.sender.run(ctx) })
	g.Go(func() { b.second.run(ctx) })
	g.Go(func() { b.listen(ctx) })
	g.Go(func() { b.climb(ctx) })
	g.Go(func() { b.reach(ctx) })
	if b.Family.Kf != nil {
		g.Go(func() { b.listenKf(ctx) })
	}
	g.Go(func() { b.watch.run(ctx) })
	if b.Calendar != nil {
		g.Go(func() { b.dates.run(ctx) })
	}
	g.Wait()
}

// listen passes on what the store is woken for: by this process at once, by others through Redis.
func (b *Bot) listen(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case what := <-b.Store.Woken():
			if what == "inbox" {
				b.turns.look()
			} else {
				b.sender.poke()
			}
		}
	}
}

func (b *Bot) callback(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		echo, err := b.Door.Verify(r.URL.Query())
		if err != nil {
			b.refuse(w, err)
			return
		}
		_, _ = w.Write(echo)
	case http.MethodPost:
		b.receive(w, r)
	default:
		w.Header().Set("Allow", "GET, POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// refuse answers what did not come from WeCom: plainly, and with nothing to learn from.
func (b *Bot) refuse(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, wecom.ErrSignature) {
		status = http.StatusUnauthorized
	}
	b.metrics.refused.Inc()
	w.WriteHeader(status)
}

// receive keeps a message and then answers: WeCom hears 200 only for what a crash can no longer lose.
func (b *Bot) receive(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength > wecom.MaxBody {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	body, err := readBody(r)
	if err != nil {
		status := http.StatusBadRequest
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		w.WriteHeader(status)
		return
	}
	ev, err := b.Door.Open(r.URL.RawQuery, body)
	if err != nil {
		b.refuse(w, err)
		return
	}
	in := store.Inbound{Key: ev.Key(), User: inboxUser(ev), Raw: ev.Raw, At: b.Now()}
	switch err := b.Store.Receive(r.Context(), in); {
	case errors.Is(err, store.ErrDuplicate):
		b.metrics.repeated.Inc()
	case err != nil: // not kept: WeCom must send it again
		b.Log.Error("message not kept", "err", err)
		b.metrics.unkept.Inc()
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	default:
		b.metrics.received.Inc()
		b.turns.poke(in.User)
	}
	if b.Passive && ev.Event == "template_card_event" {
		b.passive(w, r, ev)
	}
}

// passive greys the tapped card in the answer itself.
func (b *Bot) passive(w http.ResponseWriter, r *http.Request, ev wecom.Event) {
	reply, err := b.Door.Seal(wecom.PassiveUpdateButton(ev, "收到", b.Now()), strconv.FormatInt(b.Now().Unix(), 10), r.URL.Query().Get("nonce"))
	if err != nil {
		b.Log.Error("passive reply not sealed", "err", err)
		return
	}
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	_, _ = w.Write(reply)
}

func readBody(r *http.Request) ([]byte, error) {
	body := http.MaxBytesReader(nil, r.Body, wecom.MaxBody)
	if n := r.ContentLength; n > 0 {
		buf := make([]byte, n)
		_, err := io.ReadFull(body, buf)
		return buf, err
	}
	return io.ReadAll(body)
}

// readiness is the JSON of /readyz.
type readiness struct {
	Ready    bool     `json:"ready"`
	Degraded []string `json:"degraded"`
	Waiting  int      `json:"outbox_waiting"`
	Dead     int      `json:"outbox_dead"`
	Alarm    float64  `json:"oldest_alarm_seconds"`                 // age of the oldest alarm not yet delivered, 0 none
	Open     int      `json:"open_alarms"`                          // emergencies on which nobody acts
	Oldest   float64  `json:"oldest_open_alarm_seconds"`            // age of the oldest of them, 0 none
	Ladder   float64  `json:"ladder_look_age_seconds"`              // since the ladders were looked at last
	Accepted float64  `json:"wecom_accepted_age_seconds,omitempty"` // since WeCom took something last
}

// ready says whether a callback can be kept now. Redis or WeCom being away is degraded, not unready.
func (b *Bot) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	out := readiness{Degraded: []string{}}
	migrated, err := b.Store.Migrated(ctx)
	out.Ready = err == nil && migrated
	if out.Ready {
		stats, err := b.Store.OutboxStats(ctx)
		out.Ready = err == nil
		out.Waiting, out.Dead, out.Alarm = stats.Waiting, stats.Dead, stats.OldestAlarm.Seconds()
	}
	if open, oldest, err := b.unattended(ctx); err == nil { // an error is the ladder's: a callback can be kept all the same
		out.Open, out.Oldest = open, oldest.Seconds()
	}
	if !out.Ready {
		out.Degraded = append(out.Degraded, "database")
	}
	out.Ladder = b.watch.unclimbed().Seconds()
	if age, ok := b.watch.silence(); ok {
		out.Accepted = age.Seconds()
	}
	if !b.Store.RedisUp(ctx) {
		out.Degraded = append(out.Degraded, "redis")
	}
	if b.wecomUp.Load() < 0 || b.watch.away.Load() {
		out.Degraded = append(out.Degraded, "wecom")
	}
	if out.Alarm > alarmPatience.Seconds() { // or only a question after a call waits
		if stuck, err := b.watch.stuck(ctx); err != nil || stuck {
			out.Degraded = append(out.Degraded, "alarms")
		}
	}
	if out.Ladder > ladderPatience.Seconds() {
		out.Degraded = append(out.Degraded, "ladder")
	}
	w.Header().Set("Content-Type", "application/json")
	if !out.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(out)
}
