package sim

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Official is a 服务号 of WeChat, another product than WeCom: its API is under /official/cgi-bin/, its ids are its own.
type Official struct {
	AppID, Secret                      string // no AppID: there is none
	Token, EncodingAESKey, CallbackURL string // 安全模式; no URL: it hears nothing

	Templates map[string]map[string]string // type by field name, by template_id: thing1 is a thing
	LongTerm  []string                     // template_ids that the account's category lets be subscribed to for good
}

// officialState is who follows and what they subscribed to.
type officialState struct {
	mu     sync.Mutex
	seal   sealer
	token  tokens
	fans   map[*phone]*fan
	codes  []*officialCode
	sent   int64
	people map[string]*phone // by openid, once asked for
}

// fan is one person towards the account, following or not.
type fan struct {
	follows bool
	subs    map[string]*subscription
	open    map[string]*chance // of message/custom/send, by what opened it
}

// subscription is the consent to one template.
type subscription struct {
	once int // messages left
	long bool
}

// chance is how much may be written until when.
type chance struct {
	until time.Time
	left  int
}

// officialCode is one QR code.
type officialCode struct {
	ticket, scene string
	until         time.Time // zero: for good
}

// chanceOf are the chances of message/custom/send: Customer_Service_Messages.html, the table of 2023-06-12.
var chanceOf = map[string]struct {
	within time.Duration
	most   int
}{
	"message": {48 * time.Hour, 5},
	"menu":    {time.Minute, 3},
	"follow":  {time.Minute, 3},
	"scan":    {time.Minute, 3},
}

const (
	officialPath  = "/official/cgi-bin/"
	maxExpire     = 2_592_000 // seconds of a QR code
	usualExpire   = 60
	maxScene      = 64
	maxCustomText = 2048
	longExpire    = 40058 // code of an expire_seconds too large: not documented
	openIDLength  = 27    // after the o
)

// fieldRules say what a field may hold. Their lengths are the usual figures; for a given account they are not confirmed.
var fieldRules = map[string]*regexp.Regexp{
	"thing":            regexp.MustCompile(`^[^\r\n]{1,20}$`),
	"number":           regexp.MustCompile(`^\d{1,32}(\.\d{1,30})?$`),
	"letter":           regexp.MustCompile(`^[A-Za-z]{1,32}$`),
	"symbol":           regexp.MustCompile(`^[\p{P}\p{S}]{1,5}$`),
	"character_string": regexp.MustCompile(`^[!-~]{1,32}$`),
	"time":             regexp.MustCompile(`^` + someTime + `(~` + someTime + `)?$`),
	"date":             regexp.MustCompile(`^` + someDate + `( ` + clockTime + `)?(~` + someDate + `( ` + clockTime + `)?)?$`),
	"amount":           regexp.MustCompile(`^[¥￥$€]?\d{1,10}(\.\d{1,2})?元?$`),
	"phone_number":     regexp.MustCompile(`^[0-9+\-() ]{1,17}$`),
	"car_number":       regexp.MustCompile(`^[\p{Han}A-Z0-9]{1,8}$`),
	"name":             regexp.MustCompile(`^(\p{Han}{1,10}|[A-Za-z .·\-]{1,20})$`),
	"phrase":           regexp.MustCompile(`^\p{Han}{1,5}$`),
}

const (
	clockTime = `([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?`
	someDate  = `\d{4}(年\d{1,2}月\d{1,2}日|-\d{1,2}-\d{1,2}|/\d{1,2}/\d{1,2})`
	someTime  = `(` + someDate + ` )?` + clockTime
)

var officialRoutes map[string]route

func init() {
	officialRoutes = map[string]route{
		"stable_token":              {post: true, open: true, answer: (*call).stableToken},
		"qrcode/create":             {post: true, answer: (*call).createCode},
		"message/subscribe/bizsend": {post: true, answer: (*call).subscribeSend},
		"message/template/send":     {post: true, answer: (*call).templateSend},
		"message/custom/send":       {post: true, answer: (*call).customSend},
	}
}

func (o *officialState) init(opt Official) error {
	o.token.init()
	o.empty()
	var errs []error
	if opt.CallbackURL != "" {
		if u, err := url.Parse(opt.CallbackURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			errs = append(errs, errors.New("callback URL: want http or https with a host"))
		}
		var err error
		if o.seal, err = newSealer(opt.Token, opt.EncodingAESKey, opt.AppID); err != nil {
			errs = append(errs, err)
		}
	}
	for id, fields := range opt.Templates {
		for name, kind := range fields {
			if fieldRules[kind] == nil {
				errs = append(errs, fmt.Errorf("template %s: field %s has the unknown type %q", id, name, kind))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("服务号: %w", err)
	}
	return nil
}

func (o *officialState) empty() { o.fans, o.codes = map[*phone]*fan{}, nil }

func (o *officialState) clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.empty()
}

// OpenID is what the 服务号 calls a person.
func (s *Sim) OpenID(userid string) string {
	return "o" + opaque(s.opt.Official.AppID, userid)[:openIDLength]
}

// userName is what the account calls itself in what it is sent.
func (o Official) userName() string {
	sum := sha256.Sum256([]byte(o.AppID))
	return "gh_" + hex.EncodeToString(sum[:])[:12]
}

// fan is a person towards the account. The state is locked.
func (o *officialState) fan(p *phone) *fan {
	f := o.fans[p]
	if f == nil {
		f = &fan{subs: map[string]*subscription{}, open: map[string]*chance{}}
		o.fans[p] = f
	}
	return f
}

func (f *fan) sub(template string) *subscription {
	x := f.subs[template]
	if x == nil {
		x = &subscription{}
		f.subs[template] = x
	}
	return x
}

// grant opens a chance to write anew.
func (f *fan) grant(why string, now time.Time) {
	f.open[why] = &chance{now.Add(chanceOf[why].within), chanceOf[why].most}
}

// spend takes one message from the chance that ends first.
func (f *fan) spend(now time.Time) error {
	var open, best *chance
	for _, x := range f.open {
		if now.After(x.until) {
			continue
		}
		open = x
		if x.left > 0 && (best == nil || x.until.Before(best.until)) {
			best = x
		}
	}
	switch {
	case open == nil:
		return fail(45015, "response out of time limit or subscription is canceled")
	case best == nil:
		return fail(45047, "out of response count limit")
	}
	best.left--
	return nil
}

// What a person does with the account.

var errNoOfficial = errors.New("没有服务号")

// asFan does what a person does, in one piece, and waits for the account to hear it.
func (s *Sim) asFan(child string, act func(p *phone, f *fan) (*errand, error)) Delivery {
	if s.opt.Official.AppID == "" {
		return Delivery{Err: errNoOfficial.Error()}
	}
	p, err := s.outsider(child)
	if err != nil {
		return Delivery{Err: err.Error()}
	}
	s.official.mu.Lock()
	e, err := act(p, s.official.fan(p))
	s.official.mu.Unlock()
	return s.wait(e, err)
}

// Follow lets a person follow the account, by the QR code of a scene (or its ticket) or, without one, found by name. Who
// follows already has scanned it, no more.
func (s *Sim) Follow(child, scene string) Delivery {
	return s.asFan(child, func(p *phone, f *fan) (*errand, error) {
		now, key, ticket := s.now(), "", ""
		if scene != "" {
			code := s.official.code(scene)
			if code == nil || !code.until.IsZero() && now.After(code.until) {
				return nil, errNoCode
			}
			key, ticket = code.scene, element("Ticket", code.ticket)
		}
		switch {
		case !f.follows:
			f.follows = true
			f.grant("follow", now)
			if key != "" {
				key = "qrscene_" + key
			}
			return s.officialEvent(p, "subscribe", element("EventKey", key)+ticket), nil
		case scene == "":
			return nil, errors.New("已经关注了")
		}
		f.grant("scan", now)
		return s.officialEvent(p, "SCAN", element("EventKey", key)+ticket), nil
	})
}

// code finds the newest QR code of a scene, or that of a ticket.
func (o *officialState) code(key string) *officialCode {
	for _, c := range slices.Backward(o.codes) {
		if c.scene == key || c.ticket == key {
			return c
		}
	}
	return nil
}

// Unfollow lets a person go. Subscriptions outlive it: they are delivered in 服务通知.
func (s *Sim) Unfollow(child string) Delivery {
	return s.asFan(child, func(p *phone, f *fan) (*errand, error) {
		if !f.follows {
			return nil, errors.New("没有关注")
		}
		f.follows = false
		clear(f.open)
		return s.officialEvent(p, "unsubscribe", element("EventKey", "")), nil
	})
}

// Subscribe answers the box of wx-open-subscribe: 允许 or 取消, once or for good.
func (s *Sim) Subscribe(child, template string, accept, longTerm bool) Delivery {
	return s.asFan(child, func(p *phone, f *fan) (*errand, error) {
		switch {
		case s.opt.Official.Templates[template] == nil:
			return nil, errors.New("没有这个模板")
		case longTerm && !slices.Contains(s.opt.Official.LongTerm, template):
			return nil, errors.New("这个模板不能长期订阅")
		}
		said, x := "reject", f.sub(template)
		switch {
		case accept && longTerm:
			said, x.long = "accept", true
		case accept:
			said = "accept"
			x.once++
		case longTerm:
			x.long = false
		}
		return s.officialEvent(p, "subscribe_msg_popup_event", node("SubscribeMsgPopupEvent", node("List",
			element("TemplateId", template)+element("SubscribeStatusString", said)+node("PopupScene", "1")))), nil
	})
}

// Refuse switches a template off where notices are managed: no message of it comes any more.
func (s *Sim) Refuse(child, template string) Delivery {
	return s.asFan(child, func(p *phone, f *fan) (*errand, error) {
		*f.sub(template) = subscription{}
		return s.officialEvent(p, "subscribe_msg_change_event", node("SubscribeMsgChangeEvent", node("List",
			element("TemplateId", template)+element("SubscribeStatusString", "reject")))), nil
	})
}

// Write sends a text to the account, and opens 48 hours and five messages.
func (s *Sim) Write(child, text string) Delivery {
	return s.asFan(child, func(p *phone, f *fan) (*errand, error) {
		if !f.follows {
			return nil, errors.New("没有关注")
		}
		f.grant("message", s.now())
		id := strconv.FormatUint(s.msgID.Add(1), 10)
		p.put(&Message{ID: id, From: "me", Type: "text", Text: text, At: s.now().Truncate(time.Second)})
		return s.officialErrand(p, "", element("MsgType", "text")+element("Content", text)+node("MsgId", id)), nil
	})
}

// Press presses a button of the account's menu: three messages within a minute, and not 48 hours.
func (s *Sim) Press(child, key string) Delivery {
	return s.asFan(child, func(p *phone, f *fan) (*errand, error) {
		if !f.follows {
			return nil, errors.New("没有关注")
		}
		f.grant("menu", s.now())
		return s.officialEvent(p, "CLICK", element("EventKey", key)), nil
	})
}

func (s *Sim) officialEvent(p *phone, name, inner string) *errand {
	return s.officialErrand(p, name, element("MsgType", "event")+element("Event", name)+inner)
}

// officialErrand sends a message or event to the account's callback.
func (s *Sim) officialErrand(p *phone, event, inner string) *errand {
	now := s.now()
	plain := "<xml>" + element("ToUserName", s.opt.Official.userName()) + element("FromUserName", s.OpenID(p.member.UserID)) +
		node("CreateTime", strconv.FormatInt(now.Unix(), 10)) + inner + "</xml>"
	e := &errand{plain: plain, event: event, title: "服务号 · " + event, from: p.member.UserID, oa: true}
	s.trace(p, e)
	p.walk(e)
	return e
}

// officialEnvelope is what travels in 安全模式: the signature of the cipher text beside that of the request.
func (s *Sim) officialEnvelope(plain string) envelope {
	seal := s.official.seal
	encrypted := seal.encrypt(plain)
	timestamp, nonce := strconv.FormatInt(s.now().Unix(), 10), newNonce()
	query := "signature=" + seal.sign(timestamp, nonce, "") + "&timestamp=" + timestamp + "&nonce=" + nonce +
		"&encrypt_type=aes&msg_signature=" + seal.sign(timestamp, nonce, encrypted)
	return envelope{s.opt.Official.CallbackURL, query,
		"<xml>" + element("ToUserName", s.opt.Official.userName()) + element("Encrypt", encrypted) + "</xml>"}
}

// VerifyOfficial does what WeChat does when the administrator saves the callback URL: the echo travels in the clear.
func (s *Sim) VerifyOfficial() error {
	if s.opt.Official.CallbackURL == "" {
		return errors.New("the 服务号 has no callback URL")
	}
	want, timestamp, nonce := newNonce(), strconv.FormatInt(s.now().Unix(), 10), newNonce()
	query := "signature=" + s.official.seal.sign(timestamp, nonce, "") + "&timestamp=" + timestamp + "&nonce=" + nonce +
		"&echostr=" + want
	ctx, cancel := context.WithTimeout(s.ctx, s.rules.AnswerWithin)
	defer cancel()
	code, body, err := s.fetch(ctx, http.MethodGet, envelope{url: s.opt.Official.CallbackURL, query: query})
	switch {
	case err != nil:
		return fmt.Errorf("服务号 callback URL not verified: %w", err)
	case code != http.StatusOK || string(body) != want:
		return fmt.Errorf("服务号 callback URL not verified: status %d, %d bytes that are not the echostr", code, len(body))
	}
	return nil
}

// What the account's server asks.

func (s *Sim) serveOfficial(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	path := strings.TrimPrefix(r.URL.Path, officialPath)
	rt, known := officialRoutes[path]
	if !known || s.opt.Official.AppID == "" {
		http.NotFound(w, r)
		return
	}
	if s.faults.Get().dead(w, "official") {
		return
	}
	c := &call{Sim: s, w: w, r: r, path: path, query: r.URL.Query(), at: s.now(), title: "服务号 · " + path, trace: s.traces.reserve()}
	answer, err := c.serveFan(rt)
	outcome := "ok"
	if err != nil {
		var f *failure
		if !errors.As(err, &f) {
			f = &failure{-1, "system error"}
		}
		answer, outcome = status{f.code, f.text + " rid: " + c.trace}, "errcode "+strconv.Itoa(f.code)
	}
	out, _ := json.Marshal(answer)
	w.Header().Set("Content-Type", "application/json; encoding=utf-8")
	w.Write(out)
	if path == "stable_token" { // secrets in and out
		c.body, out = nil, nil
	}
	c.record(begin, outcome, out)
}

func (c *call) serveFan(rt route) (any, error) {
	if rt.post != (c.r.Method == http.MethodPost) {
		return nil, fail(43002, "require POST method")
	}
	var err error
	if c.body, err = io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxJSON)); err != nil {
		return nil, fail(45002, "content size out of limit")
	}
	if !rt.open {
		var f *failure
		if err := c.official.token.check(c.query.Get("access_token"), c.at, c.rules); errors.As(err, &f) && f.code == 40014 {
			return nil, fail(40001, "invalid credential, access_token is invalid or not latest")
		} else if err != nil {
			return nil, err
		}
	}
	c.official.mu.Lock()
	defer c.official.mu.Unlock()
	return rt.answer(c)
}

// readFan parses the JSON body.
func (c *call) readFan(into any) error {
	if json.Unmarshal(c.body, into) != nil {
		return fail(47001, "data format error")
	}
	return nil
}

// stableToken: api_getstableaccesstoken. In normal mode it stays the same while it lives.
func (c *call) stableToken() (any, error) {
	var q struct {
		GrantType string `json:"grant_type"`
		AppID     string `json:"appid"`
		Secret    string `json:"secret"`
		Force     bool   `json:"force_refresh"`
	}
	if err := c.readFan(&q); err != nil {
		return nil, err
	}
	o := c.opt.Official
	switch {
	case q.GrantType != "client_credential":
		return nil, fail(40002, "invalid grant_type")
	case q.AppID == "":
		return nil, fail(41002, "appid missing")
	case q.AppID != o.AppID:
		return nil, fail(40013, "invalid appid")
	case q.Secret == "":
		return nil, fail(41004, "appsecret missing")
	case subtle.ConstantTimeCompare([]byte(q.Secret), []byte(o.Secret)) != 1:
		return nil, fail(40125, "invalid appsecret")
	}
	if q.Force {
		c.official.token.revoke()
	}
	token, left := c.official.token.issue(c.at, false)
	return struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}{token, int(left / time.Second)}, nil
}

// createCode is qrcode/create with the string scenes.
func (c *call) createCode() (any, error) {
	var q struct {
		Expire int64  `json:"expire_seconds"`
		Action string `json:"action_name"`
		Info   struct {
			Scene struct {
				Str string `json:"scene_str"`
			} `json:"scene"`
		} `json:"action_info"`
	}
	if err := c.readFan(&q); err != nil {
		return nil, err
	}
	scene := q.Info.Scene.Str
	switch {
	case q.Action != "QR_STR_SCENE" && q.Action != "QR_LIMIT_STR_SCENE":
		return nil, fail(40052, "invalid action name")
	case scene == "" || utf8.RuneCountInString(scene) > maxScene:
		return nil, fail(40053, "invalid action info")
	case q.Expire < 0 || q.Expire > maxExpire:
		return nil, fail(longExpire, "invalid expire_seconds")
	}
	code := &officialCode{ticket: "gQ" + randomCode(), scene: scene}
	if q.Action == "QR_LIMIT_STR_SCENE" {
		q.Expire = 0
	} else {
		if q.Expire == 0 {
			q.Expire = usualExpire
		}
		code.until = c.at.Add(time.Duration(q.Expire) * time.Second)
	}
	c.official.codes = append(c.official.codes, code)
	return struct {
		Ticket string `json:"ticket"`
		Expire int64  `json:"expire_seconds,omitempty"`
		URL    string `json:"url"`
	}{code.ticket, q.Expire, "http://weixin.qq.com/q/" + code.ticket}, nil
}

// fanNotice is the body of both kinds of template.
type fanNotice struct {
	ToUser   string `json:"touser"`
	Template string `json:"template_id"`
	Page     string `json:"page"` // bizsend
	URL      string `json:"url"`  // template/send
	Data     map[string]struct {
		Value string `json:"value"`
	} `json:"data"`
}

// notice reads and checks what both kinds of template have in common.
func (c *call) notice() (fanNotice, *phone, error) {
	var q fanNotice
	if err := c.readFan(&q); err != nil {
		return q, nil, err
	}
	p := c.openPerson(q.ToUser)
	fields := c.opt.Official.Templates[q.Template]
	switch {
	case p == nil:
		return q, nil, fail(40003, "invalid openid")
	case fields == nil:
		return q, nil, fail(40037, "invalid template_id")
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := q.Data[name].Value
		if value == "" {
			return q, nil, fail(47003, "argument invalid! data."+name+".value is empty")
		}
		if !fieldRules[fields[name]].MatchString(value) {
			return q, nil, fail(47003, "argument invalid! data."+name+".value invalid")
		}
	}
	for name := range q.Data { // what WeChat does with fields the template lacks is not confirmed
		if fields[name] == "" {
			return q, nil, fail(47003, "argument invalid! data."+name+" is not in the template")
		}
	}
	c.about, c.phone = []string{p.member.UserID}, p
	return q, p, nil
}

// openPerson finds a person by openid. The state is locked.
func (s *Sim) openPerson(openid string) *phone {
	if s.official.people == nil {
		s.official.people = s.outsiders(s.OpenID)
	}
	return s.official.people[openid]
}

// showNotice puts a template message on the phone: in the account's chat, or in 服务通知 for who does not follow.
func (c *call) showNotice(p *phone, q fanNotice, link string) int64 {
	c.official.sent++
	id := c.at.Unix()*1_000_000 + c.official.sent
	m := &Message{ID: c.newCopyID(), MsgID: strconv.FormatInt(id, 10), From: "official", Type: "miniprogram_notice",
		At: c.at.Truncate(time.Second), Title: "服务通知", URL: link, Trace: c.trace}
	if c.official.fan(p).follows {
		m.Title = "服务号"
	}
	for _, name := range slices.Sorted(maps.Keys(q.Data)) {
		m.Items = append(m.Items, Item{name, q.Data[name].Value})
	}
	p.put(m)
	return id
}

// subscribeSend is bizsend: one message for each time it was allowed, or any number for good.
func (c *call) subscribeSend() (any, error) {
	q, p, err := c.notice()
	if err != nil {
		return nil, err
	}
	x := c.official.fan(p).sub(q.Template)
	switch {
	case x.long:
	case x.once > 0:
		x.once--
	default:
		return nil, fail(43101, "user refuse to accept the msg")
	}
	id := c.showNotice(p, q, q.Page)
	c.officialEvent(p, "subscribe_msg_sent_event", node("SubscribeMsgSentEvent", node("List", element("TemplateId", q.Template)+
		node("MsgID", strconv.FormatInt(id, 10))+node("ErrorCode", "0")+element("ErrorStatus", "success"))))
	return ok, nil
}

// templateSend is the message of a template to who follows.
func (c *call) templateSend() (any, error) {
	q, p, err := c.notice()
	switch {
	case err != nil:
		return nil, err
	case !c.official.fan(p).follows:
		return nil, fail(43004, "require subscribe")
	}
	id := c.showNotice(p, q, q.URL)
	c.officialEvent(p, "TEMPLATESENDJOBFINISH", node("MsgID", strconv.FormatInt(id, 10))+element("Status", "success"))
	return struct {
		status
		MsgID int64 `json:"msgid"`
	}{ok, id}, nil
}

// customSend is a 客服消息, of which text is played.
func (c *call) customSend() (any, error) {
	var q struct {
		ToUser  string   `json:"touser"`
		MsgType string   `json:"msgtype"`
		Text    *content `json:"text"`
	}
	if err := c.readFan(&q); err != nil {
		return nil, err
	}
	p := c.openPerson(q.ToUser)
	switch {
	case p == nil:
		return nil, fail(40003, "invalid openid")
	case q.MsgType != "text":
		return nil, fail(40008, "invalid message type")
	case q.Text == nil || q.Text.Content == "":
		return nil, fail(44004, "empty content")
	case len(q.Text.Content) > maxCustomText:
		return nil, fail(45002, "content size out of limit")
	}
	c.about, c.phone = []string{p.member.UserID}, p
	if err := c.official.fan(p).spend(c.at); err != nil {
		return nil, err
	}
	p.put(&Message{ID: c.newCopyID(), From: "official", Type: "text", At: c.at.Truncate(time.Second), Text: q.Text.Content,
		Trace: c.trace})
	return ok, nil
}
