package sim

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// sent is one accepted message/send.
type sent struct {
	msgid    string
	at       time.Time
	cardType string // "" if it is no card
	copies   []copyOf
}

// copyOf is what one receiver got.
type copyOf struct {
	phone *phone
	id    string
}

// code is a response_code: for one update within 72 hours.
type code struct {
	sent *sent
	at   time.Time
	used bool
}

// sentLog remembers what can still be recalled or updated.
type sentLog struct {
	mu    sync.Mutex
	byID  map[string]*sent
	order []*sent
	codes map[string]*code
	queue []string // codes by age
	tasks map[string]bool
}

const (
	codeLife   = 72 * time.Hour
	recallLife = 24 * time.Hour
	keepSent   = 100_000
)

func (l *sentLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.init()
	l.order, l.queue = nil, nil
}

func (l *sentLog) init() {
	l.byID, l.codes, l.tasks = map[string]*sent{}, map[string]*code{}, map[string]bool{}
}

func (l *sentLog) add(x *sent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.order) > 0 && (len(l.order) >= keepSent || x.at.Sub(l.order[0].at) > codeLife) {
		delete(l.byID, l.order[0].msgid)
		l.order[0] = nil
		l.order = l.order[1:]
	}
	l.byID[x.msgid] = x
	l.order = append(l.order, x)
}

func (l *sentLog) find(msgid string) *sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byID[msgid]
}

func (l *sentLog) addCode(name string, x *sent, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) > 0 && (len(l.queue) >= keepSent || now.Sub(l.codes[l.queue[0]].at) > 2*codeLife) {
		delete(l.codes, l.queue[0])
		l.queue = l.queue[1:]
	}
	l.codes[name] = &code{sent: x, at: now}
	l.queue = append(l.queue, name)
}

// lookUp finds a code that may still be used.
func (l *sentLog) lookUp(name string, now time.Time, rules Rules) (*sent, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.codes[name]
	switch {
	case c == nil || now.Sub(c.at) >= codeLife:
		return nil, fail(60140, "invalid response_code")
	case c.used && rules.ReusedCode42022:
		return nil, fail(42022, "response_code has been used")
	case c.used:
		return nil, fail(60140, "invalid response_code")
	}
	return c.sent, nil
}

// use consumes a code; the second of two at once gets false.
func (l *sentLog) use(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.codes[name]
	if c == nil || c.used {
		return false
	}
	c.used = true
	return true
}

// newTask takes a task_id for good: it is never reused in an app.
func (l *sentLog) newTask(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tasks[id] {
		return false
	}
	l.tasks[id] = true
	return true
}

// budget counts person-times of the calendar day: path/90312.
type budget struct {
	mu   sync.Mutex
	day  string
	used int
}

func (b *budget) take(now time.Time, n, limit int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if day := now.Format(time.DateOnly); day != b.day {
		b.day, b.used = day, 0
	}
	if over(b.used+n, limit) {
		return false
	}
	b.used += n
	return true
}

type mediaRef struct {
	MediaID     string `json:"media_id"`
	Title       string `json:"title"`
	Description string `json:"description"`
}

type content struct {
	Content string `json:"content"`
}

// sendRequest is the body of message/send: path/90236.
type sendRequest struct {
	ToUser   string          `json:"touser"`
	ToParty  string          `json:"toparty"`
	ToTag    string          `json:"totag"`
	MsgType  string          `json:"msgtype"`
	AgentID  json.RawMessage `json:"agentid"`
	Safe     int             `json:"safe"`
	Check    int             `json:"enable_duplicate_check"`
	Interval int             `json:"duplicate_check_interval"`

	Text     *content  `json:"text"`
	Markdown *content  `json:"markdown"`
	Image    *mediaRef `json:"image"`
	Voice    *mediaRef `json:"voice"`
	Video    *mediaRef `json:"video"`
	File     *mediaRef `json:"file"`
	TextCard *struct {
		Title       string `json:"title"`
		Description string `json:"description"`
		URL         string `json:"url"`
		ButtonText  string `json:"btntxt"`
	} `json:"textcard"`
	News *struct {
		Articles []struct {
			Article
			AppID    string `json:"appid"`
			PagePath string `json:"pagepath"`
		} `json:"articles"`
	} `json:"news"`
	MPNews *struct {
		Articles []struct {
			Title   string `json:"title"`
			Thumb   string `json:"thumb_media_id"`
			Author  string `json:"author"`
			URL     string `json:"content_source_url"`
			Content string `json:"content"`
			Digest  string `json:"digest"`
		} `json:"articles"`
	} `json:"mpnews"`
	MiniProgram *struct {
		AppID       string `json:"appid"`
		Page        string `json:"page"`
		Title       string `json:"title"`
		Description string `json:"description"`
		Items       []Item `json:"content_item"`
	} `json:"miniprogram_notice"`
	Card *Card `json:"template_card"`
}

const (
	maxText     = 2048
	maxUsers    = 1000
	maxParties  = 100
	maxURL      = 2048
	maxNewsHTML = 666 << 10
)

var escapedSign = []byte(`\u00`)

func (c *call) send() (any, error) {
	var q sendRequest
	if err := c.read(&q); err != nil {
		return nil, err
	}
	if c.rules.EscapesRefused && bytes.Contains(c.body, escapedSign) {
		return nil, fail(40033, "invalid charset, must not contain \\uxxxx")
	}
	if len(q.AgentID) > 0 || q.MsgType != "miniprogram_notice" {
		if err := c.agent(string(q.AgentID)); err != nil {
			return nil, err
		}
	}
	c.title += " · " + q.MsgType
	to, err := c.receivers(q.ToUser, q.ToParty, q.ToTag)
	if err != nil {
		return nil, err
	}
	m, err := c.compose(&q)
	if err != nil {
		return nil, err
	}
	if len(to.phones) == 0 {
		return nil, fail(81013, "user & party & tag all invalid")
	}
	interval := time.Duration(0)
	var digest [32]byte
	if q.Check == 1 {
		if interval, err = duplicateInterval(q.Interval); err != nil {
			return nil, err
		}
		digest = sha256.Sum256(c.body)
		// What WeCom answers to a duplicate is not documented; errcode 0 with the first msgid.
		if first := duplicateForAll(to.phones, digest, c.at, interval); first != "" {
			c.key = first
			return to.answer(first, ""), nil
		}
	}
	if !c.budget.take(c.at, len(to.phones), c.rules.DayBudget) {
		return nil, fail(45009, "api freq out of limit")
	}
	x := &sent{msgid: randomCode(), at: c.at}
	responseCode := ""
	if q.Card != nil {
		x.cardType = q.Card.CardType
		if q.Card.TaskID != "" && !c.sent.newTask(q.Card.TaskID) && !c.rules.RepeatedTaskAllowed {
			return nil, fail(42014, "task_id was used before")
		}
		if q.Card.canCallBack() {
			responseCode = randomCode()
		}
	}
	m.MsgID, m.From, m.At, m.sent = x.msgid, "app", c.at.Truncate(time.Second), x
	m.Type, m.Trace = q.MsgType, c.trace
	x.copies = make([]copyOf, len(to.phones))
	for i, p := range to.phones {
		x.copies[i] = copyOf{p, c.newCopyID()}
	}
	c.sent.add(x) // before anybody can see and tap it
	if responseCode != "" {
		c.sent.addCode(responseCode, x, c.at)
	}
	for _, cp := range x.copies {
		own := *m
		own.ID = cp.id
		cp.phone.receive(&own, digest, c.at, interval)
		c.about = append(c.about, cp.phone.member.UserID)
	}
	c.key, c.phone = x.msgid, to.phones[0]
	return to.answer(x.msgid, responseCode), nil
}

func duplicateInterval(seconds int) (time.Duration, error) {
	switch {
	case seconds == 0:
		seconds = 1800
	case seconds < 0 || seconds > 4*3600:
		return 0, fail(40058, "invalid duplicate_check_interval")
	}
	return time.Duration(seconds) * time.Second, nil
}

// duplicateForAll is the msgid everybody has got this very body under, or "".
func duplicateForAll(phones []*phone, digest [32]byte, now time.Time, interval time.Duration) (msgid string) {
	for _, p := range phones {
		p.mu.Lock()
		r, had := p.seen[digest]
		p.mu.Unlock()
		if !had || now.Sub(r.at) >= interval || now.Before(r.at) {
			return ""
		}
		msgid = r.msgid
	}
	return msgid
}

// receive shows an app message, unless it is a duplicate or one too many: 30 a minute and 1000 an hour to one member,
// the excess is dropped without an error (path/90312).
func (p *phone) receive(m *Message, digest [32]byte, now time.Time, interval time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if interval > 0 {
		if r, had := p.seen[digest]; had && !now.Before(r.at) && now.Sub(r.at) < interval {
			return
		}
		if len(p.seen)%256 == 255 {
			for k, r := range p.seen {
				if now.Sub(r.at) > 4*time.Hour {
					delete(p.seen, k)
				}
			}
		}
		p.seen[digest] = receipt{now, m.MsgID}
	}
	if !p.roomLocked(now) {
		p.dropped++
		return
	}
	p.putLocked(m)
}

func (p *phone) roomLocked(now time.Time) bool {
	perMinute, perHour := p.sim.rules.MemberMinute, p.sim.rules.MemberHour
	if perMinute < 0 && perHour < 0 {
		return true
	}
	if n := len(p.recent); n > 0 && now.Before(p.recent[n-1]) {
		p.recent = nil // the clock was put back
	}
	old := 0
	for old < len(p.recent) && now.Sub(p.recent[old]) >= time.Hour {
		old++
	}
	p.recent = p.recent[old:]
	minute := 0
	for i := len(p.recent) - 1; i >= 0 && now.Sub(p.recent[i]) < time.Minute && minute <= max(0, perMinute); i-- {
		minute++
	}
	if over(minute+1, perMinute) || over(len(p.recent)+1, perHour) {
		return false
	}
	p.recent = append(p.recent, now)
	return true
}

// audience is who a message goes to, and who was named in vain.
type audience struct {
	phones               []*phone
	users, parties, tags []string
}

type sendAnswer struct {
	status
	InvalidUser    string `json:"invaliduser,omitempty"`
	InvalidParty   string `json:"invalidparty,omitempty"`
	InvalidTag     string `json:"invalidtag,omitempty"`
	UnlicensedUser string `json:"unlicenseduser,omitempty"`
	MsgID          string `json:"msgid"`
	ResponseCode   string `json:"response_code,omitempty"`
}

func (a *audience) answer(msgid, responseCode string) sendAnswer {
	return sendAnswer{status: ok, InvalidUser: strings.Join(a.users, "|"), InvalidParty: strings.Join(a.parties, "|"),
		InvalidTag: strings.Join(a.tags, "|"), MsgID: msgid, ResponseCode: responseCode}
}

func (c *call) receivers(users, parties, tags string) (*audience, error) {
	a := &audience{}
	if users == "@all" { // toparty and totag are ignored
		for _, p := range c.roll {
			if c.reaches(p) {
				a.phones = append(a.phones, p)
			}
		}
		return a, nil
	}
	u, p, t := split(users), split(parties), split(tags)
	switch {
	case len(u)+len(p)+len(t) == 0:
		return nil, fail(82001, "touser & toparty & totag are all empty")
	case len(u) > maxUsers:
		return nil, fail(40032, "invalid user list length")
	case len(p) > maxParties:
		return nil, fail(82002, "invalid party list length")
	case len(t) > maxParties:
		return nil, fail(82003, "invalid tag list length")
	}
	for _, name := range u {
		if ph := c.Sim.phone(name); c.reaches(ph) {
			a.add(ph)
		} else {
			a.users = append(a.users, strings.ToLower(name))
		}
	}
	for _, name := range p {
		id, err := strconv.Atoi(name)
		if err != nil || !c.hasDepartment(id) {
			a.parties = append(a.parties, name)
			continue
		}
		for _, ph := range c.staff(id) {
			if c.reaches(ph) {
				a.add(ph)
			}
		}
	}
	a.tags = t // the simulated corp has none
	return a, nil
}

func (a *audience) add(p *phone) {
	if !slices.Contains(a.phones, p) {
		a.phones = append(a.phones, p)
	}
}

func split(list string) []string {
	return slices.DeleteFunc(strings.Split(list, "|"), func(s string) bool { return s == "" })
}

// compose checks a message and makes what a phone will show.
func (c *call) compose(q *sendRequest) (*Message, error) {
	m := &Message{}
	switch q.MsgType {
	case "text":
		if q.Text == nil || q.Text.Content == "" {
			return nil, fail(44004, "empty content")
		}
		if len(q.Text.Content) > maxText && c.rules.LongTextRefused {
			return nil, fail(45002, "content size out of limit")
		}
		m.Text, m.Cut = cut(q.Text.Content, maxText)
	case "markdown":
		if q.Markdown == nil || q.Markdown.Content == "" {
			return nil, fail(44004, "empty content")
		}
		if len(q.Markdown.Content) > maxText && !c.rules.LongMarkdownCut {
			return nil, fail(45002, "content size out of limit")
		}
		m.Text, m.Cut = cut(q.Markdown.Content, maxText)
	case "image":
		return m, c.composeMedia(m, q.Image, "image")
	case "voice":
		return m, c.composeMedia(m, q.Voice, "voice")
	case "video":
		return m, c.composeMedia(m, q.Video, "video")
	case "file":
		return m, c.composeMedia(m, q.File, "file")
	case "textcard":
		return m, q.composeTextCard(m)
	case "news":
		return m, q.composeNews(m)
	case "mpnews":
		return m, c.composeMPNews(m, q)
	case "miniprogram_notice":
		return m, q.composeMiniProgram(m)
	case "template_card":
		if q.Card == nil {
			return nil, fail(41016, "missing title") // seen when the fields are not nested under template_card
		}
		m.Card = q.Card
		return m, q.Card.check(c.inspection(maxActions))
	default:
		return nil, fail(40008, "invalid message type")
	}
	return m, nil
}

// inspection is the ground this app's cards are checked on.
func (s *Sim) inspection(actions int) inspection {
	return inspection{callback: s.opt.CallbackURL != "", actions: actions,
		media: func(id string) bool { return s.media.get(id, "file", s.now()) != nil }}
}

func (c *call) composeMedia(m *Message, ref *mediaRef, kind string) error {
	if ref == nil || ref.MediaID == "" {
		return fail(41006, "missing media_id")
	}
	it := c.media.get(ref.MediaID, kind, c.at)
	if it == nil {
		return fail(40007, "invalid media_id")
	}
	it.show(m)
	if kind == "video" {
		m.Title, _ = cut(ref.Title, 128)
		m.Description, _ = cut(ref.Description, 512)
	}
	return nil
}

func (q *sendRequest) composeTextCard(m *Message) error {
	t := q.TextCard
	switch {
	case t == nil || t.Title == "":
		return fail(41016, "missing title")
	case t.Description == "":
		return fail(41033, "missing description")
	}
	if err := checkURL(t.URL); err != nil {
		return err
	}
	m.Title, m.Description, m.URL = cutRunes(t.Title, 128), cutRunes(t.Description, 512), t.URL
	if m.ButtonText = cutRunes(t.ButtonText, 4); m.ButtonText == "" {
		m.ButtonText = "详情"
	}
	return nil
}

func (q *sendRequest) composeNews(m *Message) error {
	if q.News == nil {
		return fail(40063, "missing news")
	}
	if q.Safe != 0 {
		return fail(40074, "news cannot be safe")
	}
	if err := articleCount(len(q.News.Articles)); err != nil {
		return err
	}
	for _, a := range q.News.Articles {
		if a.Title == "" {
			return fail(41016, "missing title")
		}
		if a.AppID == "" || a.PagePath == "" {
			if err := checkURL(a.URL); err != nil {
				return err
			}
		}
		if a.PicURL != "" {
			if err := checkURL(a.PicURL); err != nil {
				return err
			}
		}
		shown := a.Article
		shown.Title, _ = cut(a.Title, 128)
		shown.Description, _ = cut(a.Description, 512)
		m.Articles = append(m.Articles, shown)
	}
	return nil
}

func (c *call) composeMPNews(m *Message, q *sendRequest) error {
	if q.MPNews == nil {
		return fail(40063, "missing mpnews")
	}
	if err := articleCount(len(q.MPNews.Articles)); err != nil {
		return err
	}
	for _, a := range q.MPNews.Articles {
		switch {
		case a.Title == "":
			return fail(41016, "missing title")
		case a.Thumb == "":
			return fail(41006, "missing media_id")
		case c.media.get(a.Thumb, "image", c.at) == nil:
			return fail(40007, "invalid media_id")
		case a.Content == "":
			return fail(44004, "empty content")
		case len(a.Content) > maxNewsHTML:
			return fail(45002, "content size out of limit")
		case len(a.Author) > 64:
			return fail(45032, "author size out of limit")
		}
		shown := Article{URL: a.URL, PicURL: mediaURL(a.Thumb)}
		shown.Title, _ = cut(a.Title, 128)
		shown.Description, _ = cut(a.Digest, 512)
		m.Articles = append(m.Articles, shown)
	}
	return nil
}

func articleCount(n int) error {
	switch {
	case n > 8:
		return fail(45008, "article count out of limit")
	case n == 0:
		return fail(40063, "missing articles")
	}
	return nil
}

func (q *sendRequest) composeMiniProgram(m *Message) error {
	n := q.MiniProgram
	switch {
	case n == nil || n.AppID == "":
		return fail(40063, "missing appid")
	case n.Title == "":
		return fail(41016, "missing title")
	case q.ToUser == "@all" || len(n.Items) > 10 || len(n.Page) > 1024:
		return fail(40058, "invalid miniprogram_notice")
	}
	for _, it := range n.Items {
		if utf8.RuneCountInString(it.Key) > 10 || utf8.RuneCountInString(it.Value) > 30 {
			return fail(40058, "invalid content_item")
		}
	}
	m.Title, m.Description, m.Items = n.Title, n.Description, n.Items
	return nil
}

func checkURL(u string) error {
	switch {
	case u == "":
		return fail(41010, "missing url")
	case len(u) > maxURL:
		return fail(40058, "url too long")
	case !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://"):
		return fail(45034, "url without scheme")
	}
	return nil
}

func cutRunes(text string, limit int) string {
	for i := range text {
		if limit == 0 {
			return text[:i]
		}
		limit--
	}
	return text
}

// recall takes a message back from every phone: path/94867.
func (c *call) recall() (any, error) {
	var q struct {
		MsgID string `json:"msgid"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	x := c.sent.find(q.MsgID)
	switch {
	case q.MsgID == "":
		return nil, fail(40063, "missing msgid")
	case x == nil:
		return nil, fail(40058, "invalid msgid")
	case c.at.Sub(x.at) >= recallLife:
		return nil, fail(42052, "msgid expired")
	}
	c.key = x.msgid
	for _, cp := range x.copies {
		c.about = append(c.about, cp.phone.member.UserID)
		cp.phone.change(cp.id, func(m *Message) { m.Recalled = true })
	}
	return ok, nil
}

// updateCard changes a card that was sent: path/94888.
func (c *call) updateCard() (any, error) {
	var q struct {
		UserIDs  []string        `json:"userids"`
		PartyIDs []int           `json:"partyids"`
		TagIDs   []int           `json:"tagids"`
		AtAll    int             `json:"atall"`
		AgentID  json.RawMessage `json:"agentid"`
		Code     string          `json:"response_code"`
		Button   *struct {
			ReplaceName string `json:"replace_name"`
		} `json:"button"`
		Card *Card `json:"template_card"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	if err := c.agent(string(q.AgentID)); err != nil {
		if f := err.(*failure); f.code == 301002 {
			return nil, fail(42015, "the card is another app's")
		}
		return nil, err
	}
	switch {
	case q.Code == "":
		return nil, fail(40063, "missing response_code")
	case len(q.UserIDs) > maxUsers:
		return nil, fail(40032, "invalid user list length")
	case len(q.PartyIDs) > maxParties:
		return nil, fail(82002, "invalid party list length")
	case len(q.TagIDs) > maxParties:
		return nil, fail(82003, "invalid tag list length")
	case q.AtAll != 1 && len(q.UserIDs)+len(q.PartyIDs)+len(q.TagIDs) == 0:
		return nil, fail(82101, "update target empty")
	}
	x, err := c.sent.lookUp(q.Code, c.at, c.rules)
	if err != nil {
		return nil, err
	}
	u := update{card: q.Card}
	if q.Button != nil {
		u.replaceName = q.Button.ReplaceName
	}
	if err := u.check(x.cardType, c.inspection(maxActions)); err != nil {
		return nil, err
	}
	targets, invalid := c.targets(x, q.UserIDs, q.PartyIDs, q.AtAll == 1)
	if len(targets) == 0 {
		return nil, fail(82102, "no target has received the card")
	}
	if !c.sent.use(q.Code) {
		return nil, fail(60140, "invalid response_code")
	}
	c.key, c.phone = x.msgid, targets[0].phone
	for _, cp := range targets {
		c.about = append(c.about, cp.phone.member.UserID)
		cp.phone.change(cp.id, u.apply)
	}
	return struct {
		status
		InvalidUser []string `json:"invaliduser,omitempty"`
	}{ok, invalid}, nil
}

// targets are the copies an update means, and the userids that never got one.
func (c *call) targets(x *sent, users []string, parties []int, all bool) (to []copyOf, invalid []string) {
	if all {
		return x.copies, nil
	}
	for _, name := range users {
		p := c.Sim.phone(name)
		i := slices.IndexFunc(x.copies, func(cp copyOf) bool { return cp.phone == p })
		if i < 0 || !c.reaches(p) {
			invalid = append(invalid, strings.ToLower(name))
			continue
		}
		to = append(to, x.copies[i])
	}
	for _, id := range parties {
		staff := c.staff(id)
		for _, cp := range x.copies {
			if slices.Contains(staff, cp.phone) && !slices.Contains(to, cp) {
				to = append(to, cp)
			}
		}
	}
	return to, invalid
}
