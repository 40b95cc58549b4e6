// Package sim is the other side: a WeCom (企业微信) that keeps WeCom's rules, and a page of phones to play with.
//
// It answers what the bot would hear from qyapi.weixin.qq.com and does to the bot's callback URL what WeCom would do.
// What it believes comes from WeCom's documentation only; it shares no code with the bot, so that a misreading on one
// side shows. Everything lives in memory: it stores nothing, and it is not meant to face the internet.
package sim

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// china is the zone WeCom counts its calendar days in and the phones show.
var china = time.FixedZone("CST", 8*3600)

// Sim is one corp with one self-built app, its members' phones, and WeCom between them.
type Sim struct {
	opt    Options
	rules  Rules
	seal   sealer
	people map[string]*phone // by lower-case userid: they compare without case (path/90196)
	roll   []*phone          // as configured
	group  *phone            // what the group robot says; on the page only where there is one

	offset atomic.Int64 // own clock: nanoseconds added to Options.Now
	msgID  atomic.Uint64
	copyID atomic.Uint64

	token    tokens
	sent     sentLog
	media    mediaStore
	menu     menuState
	budget   budget
	robot    robotState
	kf       kfState
	book     contactBook
	official officialState
	sms      smsState
	lines    lineState
	faults   Faults
	traces   traceRing
	hub      hub
	calls    map[string]*apiState
	flights  flights
	client   *http.Client

	ctx  context.Context
	stop context.CancelFunc
}

// Options say which corp this is and who holds the phones.
type Options struct {
	CorpID  string
	AgentID int
	Secret  string // of the one self-built app

	Token, EncodingAESKey, CallbackURL string // where and how members' messages go; no URL: an app without callback

	Kf         []KfAccount // of 微信客服; none: the app is not among those that may call it
	Unverified bool        // the corp is not verified (认证)
	Bound      bool        // a 服务号 of the same legal entity is bound to the corp: unionids are given

	External External // 客户联系
	Official Official // 服务号
	SMS      SMS
	Dial     Dial // 公费电话

	RobotKey string // of the group robot (path/99110); "": the group has none

	Members     []Member
	Departments []Department
	OtherAgents []int // agentids of the corp's other apps: ours may not use them (301002)

	Now   func() time.Time             // nil: time.Now
	Shift func(time.Duration)          // moves the clock that Now reads; nil: the simulator keeps its own offset
	Sleep func(time.Duration)          // retry spacing and latency faults; nil: a timer that Close interrupts
	Reset func() error                 // the host clears its side; nil hides the button
	Rows  func(userid, key string) any // inspector: the rows a message became; nil: none
	Cards func() []ContactCard         // what a WeChat phone of the page can scan; nil: only what is typed
	Rules Rules
}

// Member is one person of the corp.
type Member struct {
	UserID, Name, Title, Place, Mobile string
	Department                         []int
	Hidden                             bool   // outside the app's visible range
	Phone                              bool   // show a phone for it on the page
	Kind                               string // "wecom", or "wechat" for a person outside the corp; "group" is the robot's
}

// Delivery is how one callback ended.
type Delivery struct {
	Status   int    // of the last answer; 0: none came
	Attempts int    // deliveries made, repeats included
	Reply    string // decrypted passive reply, or ""
	Err      string // why it was not delivered, or why the passive reply was dropped
	TraceID  string
}

// New checks the options and starts nothing yet: goroutines live only while a message is on its way.
func New(opt Options) (*Sim, error) {
	s := &Sim{opt: opt, rules: opt.Rules.filled(len(opt.Members)), people: map[string]*phone{}}
	var errs []error
	if opt.CorpID == "" || opt.AgentID == 0 || opt.Secret == "" {
		errs = append(errs, errors.New("corp id, agent id and secret are needed"))
	}
	if opt.CallbackURL != "" {
		if u, err := url.Parse(opt.CallbackURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			errs = append(errs, errors.New("callback URL: want http or https with a host (path/90930)"))
		}
		var err error
		if s.seal, err = newSealer(opt.Token, opt.EncodingAESKey, opt.CorpID); err != nil {
			errs = append(errs, err)
		}
	}
	for _, m := range opt.Members {
		key := strings.ToLower(m.UserID)
		if m.UserID == "" || len(m.UserID) > 64 {
			errs = append(errs, errors.New("a userid has 1 to 64 bytes (path/90196)"))
		} else if s.people[key] != nil {
			errs = append(errs, fmt.Errorf("userid %q twice: they compare without case", m.UserID))
		}
		if m.Kind == "" {
			m.Kind = "wecom"
		}
		p := &phone{sim: s, member: m, seen: map[[32]byte]receipt{}}
		p.visible.Store(!m.Hidden)
		s.people[key] = p
		s.roll = append(s.roll, p)
	}
	if err := s.initKf(); err != nil {
		errs = append(errs, err)
	}
	if err := s.initOutside(); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	s.addGroup()
	var seed [8]byte
	rand.Read(seed[:])
	s.msgID.Store(binary.BigEndian.Uint64(seed[:])>>2 | 1<<60) // 64-bit ids as seen in path/90239, new ones after a restart
	s.token.init()
	s.sent.init()
	s.media.init()
	s.hub.init()
	s.calls = map[string]*apiState{}
	for path := range routes {
		s.calls[path] = &apiState{}
	}
	s.client = &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Close gives up what is on its way and waits for it.
func (s *Sim) Close() {
	s.flights.close()
	s.stop()
	s.hub.close()
	s.flights.wait()
	s.client.CloseIdleConnections()
}

// WaitQuiet waits until no callback is on its way any more.
func (s *Sim) WaitQuiet(ctx context.Context) error { return s.flights.quiet(ctx) }

// Faults are the switches of what goes wrong.
func (s *Sim) Faults() *Faults { return &s.faults }

// ServeHTTP is WeCom's API under /cgi-bin/, the 服务号's under /official/cgi-bin/, the gateway for short messages at /sms/,
// the page at /, and what the page calls under /sim/.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/cgi-bin/"):
		s.serveAPI(w, r)
	case strings.HasPrefix(r.URL.Path, "/sim/"):
		s.serveSim(w, r)
	case strings.HasPrefix(r.URL.Path, officialPath):
		s.serveOfficial(w, r)
	case strings.HasPrefix(r.URL.Path, smsPath):
		s.serveSMS(w, r)
	default:
		servePage(w, r)
	}
}

// now is WeCom's clock.
func (s *Sim) now() time.Time {
	now := time.Now
	if s.opt.Now != nil {
		now = s.opt.Now
	}
	return now().Add(time.Duration(s.offset.Load())).In(china)
}

func (s *Sim) shift(d time.Duration) {
	if s.opt.Shift != nil {
		s.opt.Shift(d)
	} else {
		s.offset.Add(int64(d))
	}
}

func (s *Sim) sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	if s.opt.Sleep != nil {
		s.opt.Sleep(d)
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
}

func (s *Sim) phone(userid string) *phone { return s.people[strings.ToLower(userid)] }

// hasAgent says whether the corp has such an app, ours or another.
func (s *Sim) hasAgent(id int) bool {
	return id == s.opt.AgentID || slices.Contains(s.opt.OtherAgents, id)
}

// randomCode looks like WeCom's response codes and media ids: 43 characters, URL-safe.
func randomCode() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// flights counts callbacks on their way, so that Close and WaitQuiet can wait for them.
type flights struct {
	mu     sync.Mutex
	n      int
	closed bool
	idle   chan struct{} // closed when n falls to 0; made by the first
}

func (f *flights) start() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	if f.n == 0 {
		f.idle = make(chan struct{})
	}
	f.n++
	return true
}

func (f *flights) done() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n--; f.n == 0 {
		close(f.idle)
	}
}

func (f *flights) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}

func (f *flights) wait() { f.quiet(context.Background()) }

func (f *flights) quiet(ctx context.Context) error {
	for {
		f.mu.Lock()
		n, idle := f.n, f.idle
		f.mu.Unlock()
		if n == 0 {
			return nil
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
