package sim

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// contactBook is 客户联系: which children outside the corp its members have in WeChat, and by whose consent.
type contactBook struct {
	mu    sync.Mutex
	ways  []*contactWay
	bonds []*bond
	codes map[string]*welcome
	tasks []*massTask
	mass  map[*phone][]time.Time // when a child got mass messages, of whichever member

	people map[string]*phone // by external_userid, once asked for
}

// External is what the administrator has set for 客户联系; the zero value lets the app do everything.
type External struct {
	Unlisted bool // the app is not among 可调用接口的应用: 48002, and no events
	Deaf     bool // 外部联系人变更回调 is not ticked: no events
	Medical  bool // the corp's industry: only there temporary chats exist

	Inactive    []string // userids who have never logged in (41054)
	Unverified  []string // without 实名认证 (40098)
	Unpermitted []string // without 客户联系 (84074)
	Greeted     []string // with a native welcome from the console: no WelcomeCode

	HalfAdd bool              // a member does not add back by itself: add_half_external_contact comes first
	MassCap string            // "": as many mass messages a month as it has days; "week": 7 a week; "day": 1 a day
	Tags    map[string]string // name by tag_id
}

// contactWay is one 「联系我」: path/96348.
type contactWay struct {
	ConfigID   string   `json:"config_id"`
	Type       int      `json:"type"`
	Scene      int      `json:"scene"`
	Style      int      `json:"style,omitempty"`
	Remark     string   `json:"remark"`
	SkipVerify bool     `json:"skip_verify"`
	State      string   `json:"state"`
	QRCode     string   `json:"qr_code,omitempty"`
	User       []string `json:"user"`
	Party      []int    `json:"party"`
	IsTemp     bool     `json:"is_temp"`

	at   time.Time
	turn int // of a way with several members: whose turn it is
}

// bond is one child and one member.
type bond struct {
	member, child *phone
	at            time.Time
	state         string
	asked         bool // the child waits for the member's yes
	half          bool // the child has the member, the member has not added back
	left          bool // the child has deleted the member; WeCom goes on answering (84061's help)
	talked        bool
	welcomed      bool      // a WelcomeCode was used
	touched       time.Time // when they last had to do with each other

	remark, description, company string
	mobiles, tags                []string
}

// known says whether the API answers for a bond: a half-added or deleted one is 84061.
func (b *bond) known() bool   { return !b.asked && !b.half }
func (b *bond) friends() bool { return b.known() && !b.left }

// welcome is one WelcomeCode.
type welcome struct {
	bond  *bond
	until time.Time
}

const (
	welcomeLife    = 20 * time.Second
	maxWays        = 500_000
	maxWayUsers    = 100
	maxWayState    = 30
	maxWayRemark   = 30
	maxRemark      = 20
	maxDescription = 150
	wayListAll     = 90 * 24 * time.Hour // list_contact_way without times
	addedByQR      = 1
	tempRefused    = 40058 // code of a temporary chat where there are none: not documented
)

func (b *contactBook) init() {
	b.ways, b.bonds, b.tasks = nil, nil, nil
	b.codes, b.mass = map[string]*welcome{}, map[*phone][]time.Time{}
}

// initOutside checks what the channels to people outside the corp need, and empties them.
func (s *Sim) initOutside() error {
	s.book.init()
	s.sms.init()
	s.lines.init()
	return s.official.init(s.opt.Official)
}

// clearOutside forgets all that happened between the corp and people outside it.
func (s *Sim) clearOutside() {
	s.book.mu.Lock()
	s.book.init()
	s.book.mu.Unlock()
	s.official.clear()
	s.sms.clear()
	s.lines.clear()
}

// opaque is a stable id of a person towards one account: nothing can be read from it.
func opaque(account, userid string) string {
	sum := sha256.Sum256([]byte(account + "\x00" + strings.ToLower(userid)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ExternalID is what WeCom calls a person in WeChat towards this corp's 客户联系 (external_userid). Whether 微信客服 knows the
// person by the same id is not confirmed: KfCustomerID is another.
func (s *Sim) ExternalID(userid string) string { return "wm" + opaque(s.opt.CorpID, userid)[:30] }

// outsider finds a person outside the corp.
func (s *Sim) outsider(userid string) (*phone, error) {
	p := s.phone(userid)
	switch {
	case p == nil:
		return nil, errNoMember
	case p.member.Kind != "wechat":
		return nil, errors.New("这个人在企业里")
	}
	return p, nil
}

// outsiders are all people outside the corp by an id.
func (s *Sim) outsiders(id func(userid string) string) map[string]*phone {
	found := map[string]*phone{}
	for _, p := range s.roll {
		if p.member.Kind == "wechat" {
			found[id(p.member.UserID)] = p
		}
	}
	return found
}

// stranger finds a person outside the corp by external_userid. The book is locked.
func (s *Sim) stranger(externalUserID string) *phone {
	if s.book.people == nil {
		s.book.people = s.outsiders(s.ExternalID)
	}
	return s.book.people[externalUserID]
}

func (b *contactBook) find(member, child *phone) *bond {
	for _, x := range b.bonds {
		if x.member == member && x.child == child {
			return x
		}
	}
	return nil
}

// way finds a contact way by its id or picture.
func (b *contactBook) way(key string) *contactWay {
	for _, w := range b.ways {
		if key != "" && (w.ConfigID == key || w.QRCode == key) {
			return w
		}
	}
	return nil
}

// What children and members do.

// AddContact lets a child scan a member's 「联系我」 code, known by config_id or qr_code.
func (s *Sim) AddContact(child, way string) Delivery {
	p, err := s.outsider(child)
	if err != nil {
		return Delivery{Err: err.Error()}
	}
	s.book.mu.Lock()
	e, err := s.addContact(p, way)
	s.book.mu.Unlock()
	return s.heard(e, err)
}

var (
	errNoCode    = errors.New("这个二维码已失效")
	errFriends   = errors.New("已经是好友")
	errNoFriends = errors.New("他们不是好友")
	errNoEvent   = errors.New("no event is sent for this") // no failure: WeCom says nothing
)

func (s *Sim) addContact(p *phone, key string) (*errand, error) {
	b := &s.book
	w := b.way(key)
	if w == nil {
		return nil, errNoCode
	}
	users := s.wayUsers(w)
	if len(users) == 0 {
		return nil, errNoCode
	}
	member := users[w.turn%len(users)]
	w.turn++
	x := b.find(member, p)
	switch {
	case x == nil:
		x = &bond{member: member, child: p}
		b.bonds = append(b.bonds, x)
	case x.friends():
		return nil, errFriends
	}
	now := s.now()
	x.at, x.touched, x.state, x.left, x.talked, x.welcomed = now, now, w.State, false, false, false
	x.asked, x.half = !w.SkipVerify, w.SkipVerify && s.opt.External.HalfAdd
	if x.remark == "" {
		x.remark = w.Remark
	}
	switch {
	case x.asked:
		return nil, errNoEvent // until the member says yes
	case x.half:
		return s.contactEvent(x, "add_half_external_contact", s.greeting(x, now))
	}
	return s.contactEvent(x, "add_external_contact", s.greeting(x, now))
}

// Befriend lets a member say yes to a child who asked, or add a child back.
func (s *Sim) Befriend(member, child string) Delivery {
	return s.bonded(member, child, func(x *bond) (*errand, error) {
		if x.known() {
			return nil, errFriends
		}
		x.asked, x.half, x.touched = false, false, s.now()
		return s.contactEvent(x, "add_external_contact", s.greeting(x, s.now()))
	})
}

// Talk lets the two begin to chat, as people do: the app hears nothing of it.
func (s *Sim) Talk(child, member string) Delivery {
	return s.bonded(member, child, func(x *bond) (*errand, error) {
		x.talked, x.touched = true, s.now()
		return nil, errNoEvent
	})
}

// DropContact lets a child delete the member: the customer is lost, though the API goes on answering.
func (s *Sim) DropContact(child, member string) Delivery {
	return s.bonded(member, child, func(x *bond) (*errand, error) {
		if x.left {
			return nil, errNoFriends
		}
		x.left = true
		return s.contactEvent(x, "del_follow_user", "")
	})
}

// DeleteContact lets a member delete the child.
func (s *Sim) DeleteContact(member, child string) Delivery {
	return s.bonded(member, child, func(x *bond) (*errand, error) {
		s.book.bonds = slices.DeleteFunc(s.book.bonds, func(y *bond) bool { return y == x })
		return s.contactEvent(x, "del_external_contact", "")
	})
}

// EditContact lets a member change what he noted about a child. Mobiles alone raise no event.
func (s *Sim) EditContact(member, child, remark string, mobiles ...string) Delivery {
	return s.bonded(member, child, func(x *bond) (*errand, error) {
		changed := x.remark != remark
		x.remark, x.mobiles = remark, mobiles
		if !changed {
			return nil, errNoEvent
		}
		return s.contactEvent(x, "edit_external_contact", "")
	})
}

// bonded does something to a bond that exists.
func (s *Sim) bonded(member, child string, act func(*bond) (*errand, error)) Delivery {
	s.book.mu.Lock()
	x := s.book.find(s.phone(member), s.phone(child))
	if x == nil {
		s.book.mu.Unlock()
		return Delivery{Err: errNoFriends.Error()}
	}
	e, err := act(x)
	s.book.mu.Unlock()
	return s.heard(e, err)
}

// heard waits for an event, where there is one.
func (s *Sim) heard(e *errand, err error) Delivery {
	if err == errNoEvent {
		return Delivery{}
	}
	return s.wait(e, err)
}

// greeting makes a WelcomeCode, if there is to be one: path/96361.
func (s *Sim) greeting(x *bond, now time.Time) string {
	maps.DeleteFunc(s.book.codes, func(_ string, w *welcome) bool { return now.After(w.until) })
	if containsFold(s.opt.External.Greeted, x.member.member.UserID) || x.talked || x.welcomed {
		return ""
	}
	name := randomCode()
	s.book.codes[name] = &welcome{bond: x, until: now.Add(welcomeLife)}
	return element("WelcomeCode", name)
}

func containsFold(list []string, userid string) bool {
	return slices.ContainsFunc(list, func(u string) bool { return strings.EqualFold(u, userid) })
}

// contactEvent sends change_external_contact, where the app may hear it.
func (s *Sim) contactEvent(x *bond, change, extra string) (*errand, error) {
	if s.opt.External.Unlisted || s.opt.External.Deaf {
		return nil, errNoEvent
	}
	now, member := s.now(), x.member.member.UserID
	if strings.HasPrefix(change, "add_") && x.state != "" {
		extra = element("State", x.state) + extra
	}
	plain := "<xml>" + element("ToUserName", s.opt.CorpID) + element("FromUserName", "sys") +
		node("CreateTime", strconv.FormatInt(now.Unix(), 10)) + element("MsgType", "event") +
		element("Event", "change_external_contact") + element("ChangeType", change) + element("UserID", member) +
		element("ExternalUserID", s.ExternalID(x.child.member.UserID)) + extra + "</xml>"
	e := &errand{plain: plain, event: "change_external_contact", title: change, from: "sys",
		key: strings.Join([]string{"sys", strconv.FormatInt(now.Unix(), 10), change}, "|")}
	s.trace(x.child, e)
	s.traces.edit(e.trace, func(t *Trace) { t.UserID = member + "|" + x.child.member.UserID })
	x.child.walk(e)
	return e, nil
}

// What the app asks.

// contacts lets a call in that the administrator allows.
func contacts(answer func(*call) (any, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		if c.opt.External.Unlisted {
			return nil, fail(48002, "api forbidden")
		}
		c.book.mu.Lock()
		defer c.book.mu.Unlock()
		return answer(c)
	}
}

// wayUsers are the members a way leads to.
func (s *Sim) wayUsers(w *contactWay) []*phone {
	var users []*phone
	for _, id := range w.User {
		if p := s.phone(id); p != nil && p.reachable() {
			users = append(users, p)
		}
	}
	for _, id := range w.Party {
		for _, p := range s.staff(id) {
			if p.reachable() && !slices.Contains(users, p) {
				users = append(users, p)
			}
		}
	}
	return users
}

func (c *call) checkWay(w *contactWay) error {
	switch {
	case w.Type == 0:
		return fail(41037, "missing contact way type")
	case w.Scene == 0:
		return fail(41038, "missing contact way scene")
	case w.Type != 1 && w.Type != 2:
		return fail(41039, "invalid contact way type")
	case w.Scene != 1 && w.Scene != 2:
		return fail(41040, "invalid contact way scene")
	case utf8.RuneCountInString(w.State) > maxWayState:
		return fail(40058, "state exceed max length 30")
	case utf8.RuneCountInString(w.Remark) > maxWayRemark:
		return fail(40058, "remark exceed max length 30")
	case w.Type == 1 && (len(w.User) != 1 || len(w.Party) > 0):
		return fail(40058, "type 1 takes exactly one user")
	case len(w.User)+len(w.Party) == 0:
		return fail(40058, "no user")
	case w.IsTemp && !c.opt.External.Medical:
		return fail(tempRefused, "is_temp is for the medical industry")
	}
	for _, id := range w.Party {
		if !c.hasDepartment(id) {
			return fail(60003, "department not found")
		}
	}
	for _, id := range w.User {
		if err := c.checkFollower(id); err != nil {
			return err
		}
	}
	if len(c.wayUsers(w)) > maxWayUsers {
		return fail(41041, "contact way user exceed limit")
	}
	return nil
}

// checkFollower says whether a member may have contacts.
func (c *call) checkFollower(userid string) error {
	p, x := c.Sim.phone(userid), c.opt.External
	switch {
	case p == nil || p.member.Kind != "wecom":
		return fail(60111, "userid not found")
	case !p.visible.Load():
		return fail(60011, "no privilege to access/modify contact/party/agent")
	case containsFold(x.Inactive, userid):
		return fail(41054, "user has not been activated")
	case containsFold(x.Unverified, userid):
		return fail(40098, "user has no real name")
	case containsFold(x.Unpermitted, userid):
		return fail(84074, "user has no external contact permission")
	}
	return nil
}

func (c *call) addContactWay() (any, error) {
	w := &contactWay{SkipVerify: true, at: c.at}
	if err := c.read(w); err != nil {
		return nil, err
	}
	if err := c.checkWay(w); err != nil {
		return nil, err
	}
	if len(c.book.ways) >= maxWays {
		return nil, fail(41045, "contact way exceed limit")
	}
	w.ConfigID, w.QRCode = randomCode()[:32], ""
	if w.Scene == 2 {
		w.QRCode = "https://wework.qpic.cn/wwpic/" + randomCode()
	}
	c.about = w.User
	c.book.ways = append(c.book.ways, w)
	return struct {
		status
		ConfigID string `json:"config_id"`
		QRCode   string `json:"qr_code,omitempty"`
	}{ok, w.ConfigID, w.QRCode}, nil
}

// namedWay finds the way a body asks for.
func (c *call) namedWay() (*contactWay, error) {
	var q struct {
		ConfigID string `json:"config_id"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	if q.ConfigID == "" {
		return nil, fail(41043, "missing config_id")
	}
	for _, w := range c.book.ways {
		if w.ConfigID == q.ConfigID {
			return w, nil
		}
	}
	return nil, fail(41044, "invalid config_id")
}

func (c *call) getContactWay() (any, error) {
	w, err := c.namedWay()
	if err != nil {
		return nil, err
	}
	return struct {
		status
		Way *contactWay `json:"contact_way"`
	}{ok, w}, nil
}

// updateContactWay changes what is given; type, scene and code stay.
func (c *call) updateContactWay() (any, error) {
	w, err := c.namedWay()
	if err != nil {
		return nil, err
	}
	to := *w
	to.User, to.Party = slices.Clone(w.User), slices.Clone(w.Party) // else JSON writes into those of w
	if err := c.read(&to); err != nil {
		return nil, err
	}
	to.Type, to.Scene, to.QRCode, to.IsTemp = w.Type, w.Scene, w.QRCode, w.IsTemp
	if err := c.checkWay(&to); err != nil {
		return nil, err
	}
	*w = to
	return ok, nil
}

func (c *call) deleteContactWay() (any, error) {
	w, err := c.namedWay()
	if err != nil {
		return nil, err
	}
	c.book.ways = slices.DeleteFunc(c.book.ways, func(x *contactWay) bool { return x == w })
	return ok, nil
}

// listContactWays: temporary ones are not listed.
func (c *call) listContactWays() (any, error) {
	var q struct {
		Start  int64  `json:"start_time"`
		End    int64  `json:"end_time"`
		Cursor string `json:"cursor"`
		Limit  int    `json:"limit"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	from, to := c.at.Add(-wayListAll), c.at
	if q.Start != 0 {
		from = time.Unix(q.Start, 0)
	}
	if q.End != 0 {
		to = time.Unix(q.End, 0)
	}
	type line struct {
		ConfigID string `json:"config_id"`
	}
	lines := []line{}
	for _, w := range c.book.ways {
		if !w.IsTemp && !w.at.Truncate(time.Second).Before(from) && !w.at.After(to) {
			lines = append(lines, line{w.ConfigID})
		}
	}
	lines, next, err := page(lines, q.Cursor, q.Limit, 100, 1000)
	if err != nil {
		return nil, err
	}
	return struct {
		status
		Ways []line `json:"contact_way"`
		Next string `json:"next_cursor,omitempty"`
	}{ok, lines, next}, nil
}

// page cuts a list as WeCom's cursors do.
func page[T any](all []T, cursor string, limit, usual, most int) (part []T, next string, err error) {
	from := 0
	if cursor != "" {
		if from, err = strconv.Atoi(cursor); err != nil || from < 0 || from > len(all) {
			return nil, "", fail(40058, "invalid cursor")
		}
	}
	if limit == 0 {
		limit = usual
	}
	if limit < 0 || limit > most {
		return nil, "", fail(40058, "invalid limit")
	}
	to := min(from+limit, len(all))
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return list(all[from:to]), next, nil
}

// welcomeMessage is send_welcome_msg: path/92137.
func (c *call) welcomeMessage() (any, error) {
	var q struct {
		Code string `json:"welcome_code"`
		parcel
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	if q.Code == "" {
		return nil, fail(41049, "missing welcome_code")
	}
	parts, err := c.unwrap(q.parcel)
	if err != nil {
		return nil, err
	}
	w := c.book.codes[q.Code]
	switch {
	case w == nil || c.at.After(w.until):
		return nil, fail(41050, "invalid welcome_code")
	case w.bond.welcomed || w.bond.talked:
		return nil, fail(41051, "customer has already started chatting")
	}
	w.bond.welcomed, w.bond.touched = true, c.at
	c.about = []string{w.bond.child.member.UserID, w.bond.member.member.UserID}
	c.hand(w.bond.member, w.bond.child, parts)
	return ok, nil
}

// hand shows on a child's phone what came from a member.
func (s *Sim) hand(member, child *phone, parts []Message) {
	for _, m := range parts {
		m.ID, m.From, m.At = s.newCopyID(), member.member.UserID, s.now().Truncate(time.Second)
		child.put(&m)
	}
}

// relation finds the bond a call speaks of.
func (c *call) relation(userid, externalUserID string) (*bond, error) {
	p, child := c.Sim.phone(userid), c.stranger(externalUserID)
	switch {
	case userid == "":
		return nil, fail(41009, "missing userid")
	case externalUserID == "":
		return nil, fail(41035, "missing external userid")
	case p == nil || p.member.Kind != "wecom":
		return nil, fail(60111, "userid not found")
	case child == nil || !p.visible.Load():
		return nil, fail(40096, "invalid external userid")
	}
	x := c.book.find(p, child)
	if x == nil || !x.known() {
		return nil, fail(84061, "not exist contact relation")
	}
	c.about = []string{child.member.UserID, p.member.UserID}
	return x, nil
}

// getContact: path/92114. The name is what the person calls itself in WeChat.
func (c *call) getContact() (any, error) {
	id := c.query.Get("external_userid")
	child := c.stranger(id)
	switch {
	case id == "":
		return nil, fail(41035, "missing external userid")
	case child == nil:
		return nil, fail(40096, "invalid external userid")
	}
	type tag struct {
		Group string `json:"group_name"`
		Name  string `json:"tag_name"`
		Type  int    `json:"type"`
		ID    string `json:"tag_id"`
	}
	type follow struct {
		UserID      string   `json:"userid"`
		Remark      string   `json:"remark"`
		Description string   `json:"description"`
		Created     int64    `json:"createtime"`
		Tags        []tag    `json:"tags"`
		Company     string   `json:"remark_corp_name,omitempty"`
		Mobiles     []string `json:"remark_mobiles"`
		By          string   `json:"oper_userid"`
		AddWay      int      `json:"add_way"`
		State       string   `json:"state,omitempty"`
	}
	known, follows := false, []follow{}
	for _, x := range c.book.bonds {
		if x.child != child || !x.known() {
			continue
		}
		known = true
		if !x.member.visible.Load() {
			continue
		}
		tags := []tag{}
		for _, t := range x.tags {
			tags = append(tags, tag{"", c.opt.External.Tags[t], 1, t})
		}
		follows = append(follows, follow{x.member.member.UserID, x.remark, x.description, x.at.Unix(), tags, x.company,
			list(x.mobiles), id, addedByQR, x.state})
	}
	switch {
	case !known:
		return nil, fail(84061, "not exist contact relation")
	case len(follows) == 0: // known only to members the app does not see
		return nil, fail(40096, "invalid external userid")
	}
	c.about = []string{child.member.UserID}
	type person struct {
		ID     string `json:"external_userid"`
		Name   string `json:"name"`
		Type   int    `json:"type"`
		Avatar string `json:"avatar"`
		Gender int    `json:"gender"`
	}
	return struct {
		status
		Contact person   `json:"external_contact"`
		Follow  []follow `json:"follow_user"`
	}{ok, person{ID: id, Name: child.member.Name, Type: 1}, follows}, nil
}

// listExternal: path/92113.
func (c *call) listExternal() (any, error) {
	userid := c.query.Get("userid")
	p := c.Sim.phone(userid)
	switch {
	case userid == "":
		return nil, fail(41009, "missing userid")
	case p == nil || p.member.Kind != "wecom":
		return nil, fail(60111, "userid not found")
	case !p.visible.Load():
		return nil, fail(60011, "no privilege to access/modify contact/party/agent")
	}
	ids := []string{}
	for _, x := range c.book.bonds {
		if x.member == p && x.known() {
			ids = append(ids, c.ExternalID(x.child.member.UserID))
		}
	}
	if len(ids) == 0 {
		return nil, fail(84061, "not exist contact relation")
	}
	return struct {
		status
		IDs []string `json:"external_userid"`
	}{ok, ids}, nil
}

// listFollowers are the members with 客户联系: path/92571.
func (c *call) listFollowers() (any, error) {
	users := []string{}
	for _, p := range c.roll {
		if c.checkFollower(p.member.UserID) == nil {
			users = append(users, p.member.UserID)
		}
	}
	return struct {
		status
		Users []string `json:"follow_user"`
	}{ok, users}, nil
}

// remarkContact changes a member's notes without any event: path/92115. An empty field counts as not given.
func (c *call) remarkContact() (any, error) {
	var q struct {
		UserID      string   `json:"userid"`
		External    string   `json:"external_userid"`
		Remark      string   `json:"remark"`
		Description string   `json:"description"`
		Company     string   `json:"remark_company"`
		Mobiles     []string `json:"remark_mobiles"`
		Picture     string   `json:"remark_pic_mediaid"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	x, err := c.relation(q.UserID, q.External)
	switch {
	case err != nil:
		return nil, err
	case q.Remark == "" && q.Description == "" && q.Company == "" && len(q.Mobiles) == 0 && q.Picture == "":
		return nil, fail(40058, "nothing to change")
	case utf8.RuneCountInString(q.Remark) > maxRemark || utf8.RuneCountInString(q.Company) > maxRemark:
		return nil, fail(40058, "remark exceed max length 20")
	case utf8.RuneCountInString(q.Description) > maxDescription:
		return nil, fail(40058, "description exceed max length 150")
	case q.Picture != "" && c.media.get(q.Picture, "image", c.at) == nil:
		return nil, fail(40007, "invalid media_id")
	}
	for _, set := range []struct {
		field *string
		to    string
	}{{&x.remark, q.Remark}, {&x.description, q.Description}, {&x.company, q.Company}} {
		if set.to != "" {
			*set.field = set.to
		}
	}
	if len(q.Mobiles) > 0 { // replaces all; [""] clears
		x.mobiles = slices.DeleteFunc(q.Mobiles, func(m string) bool { return m == "" })
	}
	return ok, nil
}

// markTag: path/92118.
func (c *call) markTag() (any, error) {
	var q struct {
		UserID   string   `json:"userid"`
		External string   `json:"external_userid"`
		Add      []string `json:"add_tag"`
		Remove   []string `json:"remove_tag"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	x, err := c.relation(q.UserID, q.External)
	if err != nil {
		return nil, err
	}
	if len(q.Add)+len(q.Remove) == 0 {
		return nil, fail(40058, "no tag")
	}
	for _, id := range slices.Concat(q.Add, q.Remove) {
		if _, known := c.opt.External.Tags[id]; !known {
			return nil, fail(40068, "invalid tagid")
		}
	}
	x.tags = slices.DeleteFunc(x.tags, func(id string) bool { return slices.Contains(q.Remove, id) || slices.Contains(q.Add, id) })
	x.tags = append(x.tags, q.Add...)
	return ok, nil
}

// schoolMessage is 学校通知: for the parents of a school, which no county is.
func (c *call) schoolMessage() (any, error) { return nil, fail(48002, "api forbidden") }
