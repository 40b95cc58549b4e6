package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// KfAccount is one account of 微信客服 (kf), as the administrator has set it up.
type KfAccount struct {
	OpenKfID, Name string
	Granted        bool     // the app may manage it (path/94661, manage_privilege)
	Servicers      []string // userids of those who receive customers (接待人员)
}

// ContactCard is something a WeChat phone of the page can scan.
type ContactCard struct {
	Label string `json:"label"`
	URL   string `json:"url"`
}

// KfRules are the switches of 微信客服; numbers as in Rules.
type KfRules struct {
	BareSyncs     int  `json:"bare_syncs"`     // 1; sync_msg without a token, a minute: the number is not documented
	LateCode      int  `json:"late_code"`      // 95002; a send after the 48 h (95018 and 95031 read alike)
	EventCode     int  `json:"event_code"`     // 95007; send_msg_on_event with a code that is not valid: not documented
	Customers     int  `json:"customers"`      // 100; an unverified corp's, and then 95003
	CapFails      bool `json:"cap_fails"`      // beyond them: accepted, then fail_type 8
	ClickIsSilent bool `json:"click_silent"`   // a tap on a menu renews neither the 48 h nor the five
	HumanCounts   bool `json:"human_counts"`   // what a receptionist says is one of the five
	WelcomeCounts bool `json:"welcome_counts"` // what goes out by send_msg_on_event is one of the five
	WelcomeAgain  bool `json:"welcome_again"`  // who last wrote over 48 h ago is welcomed anew; off: who ever wrote is not
	EndAnytime    bool `json:"end_anytime"`    // the app may end a session in states 0, 1 and 2, too
}

func (r *KfRules) fill() {
	for _, d := range []struct {
		at   *int
		most int
	}{{&r.BareSyncs, 1}, {&r.LateCode, 95002}, {&r.EventCode, 95007}, {&r.Customers, 100}} {
		if *d.at == 0 {
			*d.at = d.most
		}
	}
}

// Codes of which the documents say only that it is an error.
const (
	kfBadCursor   = 40058
	kfSameMsgID   = 40058
	kfNoAccount   = 95000 // open_kfid is left out
	kfNotAllowed  = 48002 // an account that was not handed to the app
	kfBadCustomer = 40096
)

// What the pages give as numbers.
const (
	kfWindow      = 48 * time.Hour
	kfSends       = 5
	kfWelcome     = 20 * time.Second
	kfTokenLife   = 10 * time.Minute
	kfKeep        = 3 * 24 * time.Hour
	kfAccounts    = 5000
	kfUnverified  = 10 // accounts of an unverified corp
	kfSceneParam  = 128
	kfMaxCustomer = 100 // ids in one batchget
)

// States of a session: path/94669.
const (
	kfNew = iota
	kfRobot
	kfQueued
	kfHuman
	kfEnded
)

// kfState is 微信客服: its accounts, the people who came, and what may still be answered.
type kfState struct {
	mu     sync.Mutex // held around a whole call or act; phones' locks are taken inside it, never the other way round
	key    []byte
	desks  []*desk
	guests map[string]*guest // by external_userid
	tokens map[string]kfToken
	codes  map[string]*kfCode
	served int // customers so far
}

// desk is one account at work.
type desk struct {
	KfAccount
	paused   map[string]bool // servicers who receive nobody just now, by lower-case userid
	log      []kfEntry
	first    uint64 // the place of log[0]
	talks    map[*guest]*talk
	msgids   map[string]bool
	bareFrom time.Time // syncs without a token
	bare     int
}

// guest is a person in WeChat.
type guest struct {
	*phone
	id     string // external_userid
	number int    // in the order in which customers came; 0: never
	desk   *desk  // the last account entered
	inside bool
}

// talk is what one account and one person have with each other.
type talk struct {
	state    int
	servicer string    // the last one
	wrote    time.Time // zero: never
	sent     int       // since then
	welcomed time.Time
	entered  time.Time
	scene    string
	param    string
	refused  bool // the person takes no messages (拒收)
}

type kfToken struct {
	desk *desk
	at   time.Time
}

// kfCode answers one event, once: path/95122.
type kfCode struct {
	desk  *desk
	guest *guest
	state int // in which the session has to be still; -1 for a welcome
	menu  bool
	until time.Time
}

func (s *Sim) initKf() error {
	k := &s.kf
	sum := sha256.Sum256([]byte("kf|" + s.opt.CorpID)) // nothing that a restart changes: cards are printed, and bots keep cursors
	k.key = sum[:]
	var errs []error
	for _, a := range s.opt.Kf {
		if !strings.HasPrefix(a.OpenKfID, "wk") || k.find(a.OpenKfID) != nil {
			errs = append(errs, fmt.Errorf("open_kfid %q: want wk… and each but once", a.OpenKfID))
		}
		k.desks = append(k.desks, newDesk(a))
	}
	k.begin(s.roll)
	return errors.Join(errs...)
}

// newDesk begins its count at the wall clock: a cursor from before a restart then lies before everything.
func newDesk(a KfAccount) *desk {
	return &desk{KfAccount: a, paused: map[string]bool{}, talks: map[*guest]*talk{}, msgids: map[string]bool{},
		first: uint64(time.Now().UnixMicro())}
}

// begin forgets everything but the accounts.
func (k *kfState) begin(roll []*phone) {
	k.guests, k.tokens, k.codes, k.served = map[string]*guest{}, map[string]kfToken{}, map[string]*kfCode{}, 0
	for _, p := range roll {
		if p.member.Kind == "wechat" {
			id := p.sim.KfCustomerID(p.member.UserID)
			k.guests[id] = &guest{phone: p, id: id}
		}
	}
	for _, d := range k.desks {
		d.first += uint64(len(d.log))
		d.log, d.talks, d.msgids, d.paused = nil, map[*guest]*talk{}, map[string]bool{}, map[string]bool{}
	}
}

func (s *Sim) resetKf() {
	s.kf.mu.Lock()
	defer s.kf.mu.Unlock()
	s.kf.begin(s.roll)
}

// KfCustomerID is what WeCom calls a person in WeChat towards this corp's 微信客服 (external_userid). Whether 客户联系 knows
// the person by the same id is not confirmed, so that one is made another way.
func (s *Sim) KfCustomerID(userid string) string {
	return "wm" + opaque("kf|"+s.opt.CorpID, userid)[:30]
}

func (k *kfState) find(id string) *desk {
	for _, d := range k.desks {
		if d.OpenKfID == id {
			return d
		}
	}
	return nil
}

func (k *kfState) mac(parts ...string) []byte {
	h := hmac.New(sha256.New, k.key)
	h.Write([]byte(strings.Join(parts, "|")))
	return h.Sum(nil)[:12]
}

func (d *desk) talk(g *guest) *talk {
	t := d.talks[g]
	if t == nil {
		t = &talk{state: kfEnded}
		d.talks[g] = t
	}
	return t
}

// stateAt knows that 48 hours of silence end a session.
func (t *talk) stateAt(now time.Time) int {
	if t.state != kfEnded && now.Sub(t.wrote) > kfWindow {
		t.state = kfEnded
	}
	return t.state
}

// receives says whether a member receives customers at this desk, and does so just now.
func (d *desk) receives(userid string) (servicer, active bool) {
	if !slices.ContainsFunc(d.Servicers, func(u string) bool { return strings.EqualFold(u, userid) }) {
		return false, false
	}
	return true, !d.paused[strings.ToLower(userid)]
}

// kfCall does what every call of 微信客服 begins with.
func kfCall(answer func(*call) (any, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		fault := c.faults.Get().Kf
		switch {
		case len(c.opt.Kf) == 0 || fault.Unlisted: // the app is not among 可调用接口的应用
			return nil, fail(48002, "api forbidden")
		case fault.Off:
			return nil, fail(95017, "kf api is not open")
		}
		out, err := func() (any, error) {
			c.kf.mu.Lock()
			defer c.kf.mu.Unlock()
			return answer(c)
		}()
		if c.faults.Get().Kf != fault {
			c.hub.publishState(c.Sim)
		}
		return out, err
	}
}

// desk is an account the app may act for.
func (c *call) desk(id string) (*desk, error) {
	d := c.kf.find(id)
	switch {
	case !strings.HasPrefix(id, "wk"):
		return nil, fail(kfNoAccount, "invalid open_kfid")
	case d == nil:
		return nil, fail(95004, "open_kfid does not exist")
	case !d.Granted:
		return nil, fail(kfNotAllowed, "no privilege to manage this kf account")
	}
	return d, nil
}

// guest is a person who has come to the corp.
func (c *call) guest(id string) (*guest, error) {
	g := c.kf.guests[id]
	if g == nil || g.number == 0 {
		return nil, fail(kfBadCustomer, "invalid external userid")
	}
	c.about, c.phone = append(c.about, g.member.UserID), g.phone
	return g, nil
}

// kfAccounts: path/94661.
func (c *call) kfAccounts() (any, error) {
	q := struct{ Offset, Limit int }{Limit: 100}
	if len(c.body) > 0 {
		if err := c.read(&q); err != nil {
			return nil, err
		}
	}
	if q.Offset < 0 || q.Limit < 1 || q.Limit > 100 {
		return nil, fail(40058, "invalid offset or limit")
	}
	type account struct {
		OpenKfID string `json:"open_kfid"`
		Name     string `json:"name"`
		Avatar   string `json:"avatar"`
		Manage   bool   `json:"manage_privilege"`
	}
	found := []account{}
	for _, d := range c.kf.desks[min(q.Offset, len(c.kf.desks)):] {
		if len(found) == q.Limit {
			break
		}
		found = append(found, account{d.OpenKfID, d.Name, "", d.Granted})
	}
	return struct {
		status
		Accounts []account `json:"account_list"`
	}{ok, found}, nil
}

// kfAddAccount: path/96404. One account has to be handed to the app before it may make others, which it then manages.
func (c *call) kfAddAccount() (any, error) {
	var q struct {
		Name    string
		MediaID string `json:"media_id"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	most, code := kfAccounts, 95005
	if c.opt.Unverified {
		most, code = kfUnverified, 95027
	}
	switch {
	case !slices.ContainsFunc(c.kf.desks, func(d *desk) bool { return d.Granted }):
		return nil, fail(kfNotAllowed, "no kf account is managed by this app")
	case q.Name == "" || utf8.RuneCountInString(q.Name) > 16:
		return nil, fail(95006, "invalid kf account name")
	case len(q.MediaID) > 128 || c.media.get(q.MediaID, "image", c.at) == nil:
		return nil, fail(40007, "invalid media_id")
	case len(c.kf.desks) >= most:
		return nil, fail(code, "too many kf accounts")
	}
	a := KfAccount{OpenKfID: "wk" + randomCode()[:30], Name: q.Name, Granted: true}
	c.kf.desks = append(c.kf.desks, newDesk(a))
	return struct {
		status
		OpenKfID string `json:"open_kfid"`
	}{ok, a.OpenKfID}, nil
}

// kfServicers says 0 for one who receives customers, 1 for one who does not just now.
func (c *call) kfServicers() (any, error) {
	d, err := c.desk(c.query.Get("open_kfid"))
	if err != nil {
		return nil, err
	}
	type servicer struct {
		UserID string `json:"userid"`
		Status int    `json:"status"`
	}
	found := []servicer{}
	for _, u := range d.Servicers {
		one := servicer{UserID: u}
		if _, active := d.receives(u); !active {
			one.Status = 1
		}
		found = append(found, one)
	}
	return struct {
		status
		Servicers []servicer `json:"servicer_list"`
	}{ok, found}, nil
}

// Links: path/94665.
const (
	kfHost   = "work.weixin.qq.com"
	kfFolder = "/kf/"
)

var kfScene = regexp.MustCompile(`^[0-9a-zA-Z_-]{0,32}$`)

// page is the account's name in a link.
func (k *kfState) page(d *desk) string {
	return "kfc" + hex.EncodeToString(k.mac("page", d.OpenKfID)[:8])
}

// encScene binds a scene to its account, for good.
func (k *kfState) encScene(d *desk, scene string) string {
	return "ENC" + base64.RawURLEncoding.EncodeToString(append(k.mac("scene", d.OpenKfID, scene), scene...))
}

func (c *call) kfContactWay() (any, error) {
	var q struct {
		OpenKfID string `json:"open_kfid"`
		Scene    string
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	d, err := c.desk(q.OpenKfID)
	if err != nil {
		return nil, err
	}
	if !kfScene.MatchString(q.Scene) {
		return nil, fail(40058, "invalid scene")
	}
	link := url.URL{Scheme: "https", Host: kfHost, Path: kfFolder + c.kf.page(d)}
	if q.Scene != "" {
		link.RawQuery = "enc_scene=" + c.kf.encScene(d, q.Scene)
	}
	return struct {
		status
		URL string `json:"url"`
	}{ok, link.String()}, nil
}

// kfEntrance is what a link leads to.
type kfEntrance struct {
	desk         *desk
	scene, param string
	genuine      bool // otherwise the conversation opens and the app never hears of it
}

var errNoLink = errors.New("这个码不是微信客服的")

// enters reads a link as WeChat does. That a scene_param too long fails like one moved to another link is not confirmed.
func (k *kfState) enters(link string) (kfEntrance, error) {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" || u.Host != kfHost || !strings.HasPrefix(u.Path, kfFolder) {
		return kfEntrance{}, errNoLink
	}
	in := kfEntrance{genuine: true}
	for _, d := range k.desks {
		if u.Path == kfFolder+k.page(d) {
			in.desk = d
		}
	}
	if in.desk == nil {
		return kfEntrance{}, errNoLink
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		in.genuine = false
		return in, nil
	}
	enc, param := query.Get("enc_scene"), query.Get("scene_param")
	if enc == "" { // without a scene, or with the encScene= of old links, WeCom knows no scene_param
		return in, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(enc, "ENC"))
	if err != nil || len(raw) <= 12 || k.encScene(in.desk, string(raw[12:])) != enc || len(param) > kfSceneParam {
		in.genuine = false
		return in, nil
	}
	in.scene, in.param = string(raw[12:]), param
	return in, nil
}

// kfGetState and kfTrans: path/94669.
func (c *call) kfGetState() (any, error) {
	_, t, err := c.kfSession()
	if err != nil {
		return nil, err
	}
	answer := struct {
		status
		State    int    `json:"service_state"`
		Servicer string `json:"servicer_userid,omitempty"`
	}{status: ok, State: t.stateAt(c.at)}
	if answer.State == kfHuman {
		answer.Servicer = t.servicer
	}
	return answer, nil
}

type kfSession struct {
	OpenKfID string `json:"open_kfid"`
	Customer string `json:"external_userid"`
	State    *int   `json:"service_state"`
	Servicer string `json:"servicer_userid"`

	desk  *desk
	guest *guest
}

func (c *call) kfSession() (*kfSession, *talk, error) {
	q := &kfSession{}
	err := c.read(q)
	if err != nil {
		return nil, nil, err
	}
	if q.desk, err = c.desk(q.OpenKfID); err != nil {
		return nil, nil, err
	}
	if q.guest, err = c.guest(q.Customer); err != nil {
		return nil, nil, err
	}
	return q, q.desk.talk(q.guest), nil
}

// kfMoves are the changes the app may make. From 0, 1 and 2 to 4 is not confirmed.
var kfMoves = map[int][]int{
	kfNew:    {kfRobot, kfQueued, kfHuman},
	kfRobot:  {kfQueued, kfHuman},
	kfQueued: {kfHuman},
	kfHuman:  {kfHuman, kfEnded}, // to another
}

func (c *call) kfTrans() (any, error) {
	q, t, err := c.kfSession()
	if err != nil {
		return nil, err
	}
	from := t.stateAt(c.at)
	if q.State == nil {
		return nil, fail(40058, "missing service_state")
	}
	to := *q.State
	allowed := slices.Contains(kfMoves[from], to) || to == kfEnded && from != kfEnded && c.rules.Kf.EndAnytime
	if !allowed || to == kfHuman && from == kfHuman && strings.EqualFold(q.Servicer, t.servicer) {
		return nil, fail(95016, "invalid service state transition")
	}
	if to == kfHuman {
		p := c.Sim.phone(q.Servicer)
		known, active := q.desk.receives(q.Servicer)
		switch {
		case !known || p == nil || !p.reachable():
			return nil, fail(95014, "userid is not a servicer")
		case !active:
			return nil, fail(95019, "servicer has stopped receiving")
		}
		t.servicer = p.member.UserID
	}
	t.state = to
	answer := struct {
		status
		Code string `json:"msg_code,omitempty"`
	}{status: ok}
	switch {
	case to == kfEnded:
		answer.Code = c.kf.newCode(&kfCode{desk: q.desk, guest: q.guest, state: to, menu: true}, c.at, kfWelcome)
	case to == kfQueued || to == kfHuman && from != kfHuman:
		answer.Code = c.kf.newCode(&kfCode{desk: q.desk, guest: q.guest, state: to}, c.at, kfWindow)
	}
	c.title += fmt.Sprintf(" · %d→%d", from, to)
	return answer, nil
}

func (k *kfState) newCode(code *kfCode, now time.Time, life time.Duration) string {
	for name, old := range k.codes {
		if now.After(old.until) {
			delete(k.codes, name)
		}
	}
	name := randomCode()
	code.until = now.Add(life)
	k.codes[name] = code
	return name
}

// kfCustomers: path/95159. There is no telephone number and no real name in it.
func (c *call) kfCustomers() (any, error) {
	var q struct {
		IDs     []string `json:"external_userid_list"`
		Context int      `json:"need_enter_session_context"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	if len(q.IDs) < 1 || len(q.IDs) > kfMaxCustomer {
		return nil, fail(40058, "external_userid_list: want 1 to 100")
	}
	type entry struct {
		Scene string `json:"scene"`
		Param string `json:"scene_param"`
	}
	type customer struct {
		ID       string `json:"external_userid"`
		Nickname string `json:"nickname"`
		Avatar   string `json:"avatar"`
		Gender   int    `json:"gender"`
		UnionID  string `json:"unionid,omitempty"`
		Entered  *entry `json:"enter_session_context,omitempty"`
	}
	found, unknown := []customer{}, []string{}
	for _, id := range q.IDs {
		g, err := c.guest(id)
		if err != nil {
			unknown = append(unknown, id)
			continue
		}
		one := customer{ID: id, Nickname: g.member.Name}
		if c.opt.Bound {
			one.UnionID = "o" + opaque("unionid", g.member.UserID)[:27] // the same for every corp of the legal entity
		}
		if t := c.kf.lastEntry(g); q.Context == 1 && t != nil && c.at.Sub(t.entered) <= kfWindow {
			one.Entered = &entry{t.scene, t.param}
		}
		found = append(found, one)
	}
	return struct {
		status
		Customers []customer `json:"customer_list"`
		Unknown   []string   `json:"invalid_external_userid"`
	}{ok, found, unknown}, nil
}

func (k *kfState) lastEntry(g *guest) (last *talk) {
	for _, d := range k.desks {
		if t := d.talks[g]; t != nil && !t.entered.IsZero() && (last == nil || t.entered.After(last.entered)) {
			last = t
		}
	}
	return last
}
