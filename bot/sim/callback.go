package sim

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// errand is one callback on its way to the bot.
type errand struct {
	plain  string
	from   string // userid
	event  string // "" for a message
	title  string
	key    string // what the host may know it by: MsgId, or member|second|event|key
	bubble string // the member's own message, or the card tapped
	tells  bool   // the member sees that it failed
	code   string // ResponseCode of a tap
	forged Forgery
	oa     bool // to the 服务号's callback, not the app's

	trace  string
	result Delivery
	done   chan struct{}
}

// Forgery spoils an envelope in ways a bot has to refuse, or has to bear.
type Forgery struct {
	BadSignature bool
	BadReceiver  bool // receiveid of another corp, rightly signed
	BadPadding   bool
	LongLength   bool // msg_len beyond the plain text
	BadBase64    bool
	Truncated    bool // cipher text without its last block
	NoAgentID    bool // as for contact-sync callbacks: to be borne
	ExtraQuery   bool // one more query parameter: to be borne
	EncryptFirst bool // other element order: to be borne
	NotXML       bool // an envelope that is none
}

// nobody queues what no member sent.
func (s *Sim) nobody() *phone { return &phone{sim: s} }

// Forge sends any decrypted XML in an envelope spoilt as asked.
func (s *Sim) Forge(plainXML string, f Forgery) Delivery {
	from, event := sender(plainXML)
	p := s.phone(from)
	if p == nil {
		p = s.nobody()
	}
	e := &errand{plain: plainXML, from: from, event: event, title: "raw", forged: f}
	s.trace(p, e)
	p.walk(e)
	return s.wait(e, nil)
}

// walk queues an errand: a member's messages are delivered in order, the next when the one before was answered or
// given up.
func (p *phone) walk(e *errand) {
	e.done = make(chan struct{})
	if !p.sim.flights.start() {
		e.result = Delivery{Err: "the simulator is closed", TraceID: e.trace}
		close(e.done)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.errands = append(p.errands, e)
	if !p.walking {
		p.walking = true
		go p.walkAll()
	}
}

func (p *phone) walkAll() {
	for {
		p.mu.Lock()
		if len(p.errands) == 0 {
			p.walking, p.errands = false, nil
			p.mu.Unlock()
			return
		}
		e := p.errands[0]
		p.errands = p.errands[1:]
		p.mu.Unlock()
		p.sim.deliver(p, e)
		close(e.done)
		p.sim.flights.done()
	}
}

// deliver brings one callback to the bot, with retries, and does what the passive reply says.
func (s *Sim) deliver(p *phone, e *errand) {
	begin := time.Now()
	d := &e.result
	d.TraceID = e.trace
	fault := s.faults.Get()
	switch {
	case s.opt.CallbackURL == "" && !e.oa || s.opt.Official.CallbackURL == "" && e.oa:
		d.Err = "the app has no callback URL"
	case fault.AppDisabled && !e.oa:
		d.Err = "the app is disabled"
	case fault.LoseEvents && e.event != "":
		d.Err = "lost on the way (fault)"
	default:
		for range max(1, fault.DeliverTimes) {
			s.deliverOnce(p, e)
		}
	}
	ok := d.Status == http.StatusOK
	outcome := "ok"
	if !ok {
		outcome = "failed"
	}
	s.traces.edit(e.trace, func(t *Trace) {
		t.MS = time.Since(begin).Milliseconds()
		t.Status = outcome
		if ok && d.Err != "" {
			t.Status = "ok, reply dropped"
		}
		t.Error = d.Err
		t.Reply = d.Reply
	})
	s.hub.publishTrace(&s.traces, e.trace)
	if e.bubble != "" && e.event == "" {
		p.change(e.bubble, func(m *Message) { m.Delivery = outcome })
	}
	if !ok && e.tells {
		p.put(&Message{ID: s.newCopyID(), From: "app", Type: "notice", At: s.now().Truncate(time.Second),
			Text: "这条没送到:服务器没有应答", Trace: e.trace})
	}
}

func (s *Sim) deliverOnce(p *phone, e *errand) {
	env := s.pack(e)
	for try := 0; try == 0 || !over(try, max(0, s.rules.Retries)); try++ {
		if try > 0 {
			s.sleep(s.ctx, s.rules.RetryEvery)
			if !s.rules.RetrySameEnvelope {
				env = s.pack(e)
			}
		}
		if s.ctx.Err() != nil {
			e.result.Err = "the simulator is closed"
			return
		}
		begin := time.Now()
		status, body, err := s.post(env)
		e.result.Attempts++
		e.result.Status, e.result.Err = status, ""
		tried := Attempt{At: s.now(), Status: status, MS: time.Since(begin).Milliseconds()}
		if err != nil {
			e.result.Err = err.Error()
			tried.Error = err.Error()
		}
		s.traces.edit(e.trace, func(t *Trace) {
			t.Envelope, t.Query = env.body, env.query
			t.Attempts = append(slices.Clone(t.Attempts), tried)
		})
		switch {
		case err == nil && status == http.StatusOK:
			s.hear(p, e, body)
			return
		case err == nil:
			e.result.Err = fmt.Sprintf("status %d", status)
			if s.rules.RetryOnlyOnTimeout {
				return
			}
		}
	}
}

// envelope is what travels: path/90930.
type envelope struct{ url, query, body string }

// pack encrypts an errand anew.
func (s *Sim) pack(e *errand) envelope {
	if e.oa {
		return s.officialEnvelope(e.plain)
	}
	return s.envelope(e.plain, e.forged)
}

func (s *Sim) envelope(plain string, f Forgery) envelope {
	encrypted := s.seal.encrypt(plain)
	switch {
	case f.BadReceiver:
		encrypted = base64.StdEncoding.EncodeToString(s.seal.blocks(padded(frame(plain, "wxanothercorp", len(plain)))))
	case f.LongLength:
		encrypted = base64.StdEncoding.EncodeToString(s.seal.blocks(padded(frame(plain, s.seal.receiver, 1<<31-1))))
	case f.BadPadding:
		b := padded(frame(plain, s.seal.receiver, len(plain)))
		b[len(b)-1] = 0xff
		encrypted = base64.StdEncoding.EncodeToString(s.seal.blocks(b))
	case f.BadBase64:
		encrypted = "!" + encrypted[1:]
	case f.Truncated:
		raw, _ := base64.StdEncoding.DecodeString(encrypted)
		encrypted = base64.StdEncoding.EncodeToString(raw[:len(raw)-16])
	}
	timestamp, nonce := strconv.FormatInt(s.now().Unix(), 10), newNonce()
	signature := s.seal.sign(timestamp, nonce, encrypted)
	if f.BadSignature {
		flip := byte('0')
		if signature[0] == '0' {
			flip = '1'
		}
		signature = string(flip) + signature[1:]
	}
	query := "msg_signature=" + signature + "&timestamp=" + timestamp + "&nonce=" + nonce
	if f.ExtraQuery {
		query += "&trace=1"
	}
	agent := ""
	if !f.NoAgentID {
		agent = element("AgentID", strconv.Itoa(s.opt.AgentID))
	}
	body := agent + element("Encrypt", encrypted)
	if f.EncryptFirst || s.rules.EncryptFirst {
		body = element("Encrypt", encrypted) + agent
	}
	body = "<xml>" + element("ToUserName", s.opt.CorpID) + body + "</xml>"
	if f.NotXML {
		body = body[:len(body)/2]
	}
	return envelope{s.opt.CallbackURL, query, body}
}

func newNonce() string {
	var b [8]byte
	rand.Read(b[:])
	return strconv.FormatUint(binary.BigEndian.Uint64(b[:])%9_000_000_000+1_000_000_000, 10)
}

// target adds WeCom's parameters to those the URL has already.
func (e envelope) target() string {
	joint := "?"
	if strings.Contains(e.url, "?") {
		joint = "&"
	}
	return e.url + joint + e.query
}

const maxReply = 1 << 20

// post delivers once. The error hides the URL: it carries the signature.
func (s *Sim) post(env envelope) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.rules.AnswerWithin)
	defer cancel()
	return s.fetch(ctx, http.MethodPost, env)
}

func (s *Sim) fetch(ctx context.Context, method string, env envelope) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, env.target(), strings.NewReader(env.body))
	if err != nil {
		return 0, nil, err
	}
	if env.body != "" {
		req.Header.Set("Content-Type", "text/xml")
	}
	res, err := s.client.Do(req)
	if err == nil {
		defer res.Body.Close()
		body, err = io.ReadAll(io.LimitReader(res.Body, maxReply))
	}
	var wrapped *url.Error
	switch {
	case ctx.Err() == context.DeadlineExceeded:
		return 0, nil, errors.New("no answer in time")
	case errors.As(err, &wrapped):
		return 0, nil, wrapped.Err
	case err != nil:
		return 0, nil, err
	}
	return res.StatusCode, body, nil
}

// Verify does what WeCom does when the administrator presses save (path/90930): the bot has to return the decrypted
// echostr within a second, bare.
func (s *Sim) Verify() error {
	if s.opt.CallbackURL == "" {
		return errors.New("the app has no callback URL")
	}
	want := newNonce() + newNonce()
	encrypted := s.seal.encrypt(want)
	for !strings.Contains(encrypted, "+") { // so that decoding twice shows
		encrypted = s.seal.encrypt(want)
	}
	timestamp, nonce := strconv.FormatInt(s.now().Unix(), 10), newNonce()
	query := "msg_signature=" + s.seal.sign(timestamp, nonce, encrypted) + "&timestamp=" + timestamp +
		"&nonce=" + nonce + "&echostr=" + url.QueryEscape(encrypted)
	ctx, cancel := context.WithTimeout(s.ctx, time.Second)
	defer cancel()
	status, body, err := s.fetch(ctx, http.MethodGet, envelope{url: s.opt.CallbackURL, query: query})
	switch {
	case err != nil:
		return fmt.Errorf("callback URL not verified: %w", err)
	case status != http.StatusOK:
		return fmt.Errorf("callback URL not verified: status %d", status)
	case string(body) != want:
		return fmt.Errorf("callback URL not verified: the answer (%d bytes) is not the bare echostr (%d bytes)", len(body), len(want))
	}
	return nil
}

// hear does what an answer says. A wrong passive reply is dropped and reported, the message counts as delivered.
func (s *Sim) hear(p *phone, e *errand, body []byte) {
	if e.oa {
		if reply := string(body); reply != "" && reply != "success" { // passive replies of a 服务号 are not played
			e.result.Err = "neither empty nor success"
		}
		return
	}
	if len(body) == 0 || (s.rules.SuccessAccepted && string(body) == "success") {
		return
	}
	plain, err := s.openReply(body)
	if err == nil {
		e.result.Reply = plain
		err = s.obey(p, e, plain)
	}
	if err != nil {
		e.result.Err = "passive reply dropped: " + err.Error()
	}
}

// openReply checks and decrypts the package of path/90930: all four elements are required.
func (s *Sim) openReply(body []byte) (string, error) {
	var pack struct {
		Encrypt, MsgSignature, TimeStamp, Nonce *string
	}
	if err := xml.Unmarshal(body, &pack); err != nil {
		return "", fmt.Errorf("not XML: %w", err)
	}
	if pack.Encrypt == nil {
		return "", errors.New("no Encrypt")
	}
	if !s.rules.LenientReply {
		switch {
		case pack.MsgSignature == nil:
			return "", errors.New("no MsgSignature")
		case pack.TimeStamp == nil:
			return "", errors.New("no TimeStamp")
		case pack.Nonce == nil:
			return "", errors.New("no Nonce")
		case s.seal.sign(*pack.TimeStamp, *pack.Nonce, *pack.Encrypt) != *pack.MsgSignature:
			return "", errors.New("MsgSignature is wrong")
		}
	}
	return s.seal.decrypt(*pack.Encrypt)
}

// passive is a decrypted passive reply, path/90241.
type passive struct {
	ToUserName, FromUserName, MsgType, Content string

	Image, Voice struct {
		MediaID string `xml:"MediaId"`
	}
	Video struct {
		MediaID            string `xml:"MediaId"`
		Title, Description string
	}
	Articles struct {
		Items []struct {
			Title, Description string
			PicURL             string `xml:"PicUrl"`
			URL                string `xml:"Url"`
		} `xml:"item"`
	}
	Button       struct{ ReplaceName string }
	TemplateCard *Card
}

// answerable are the events that take a passive reply: the list at the foot of path/90241, and the tap, of which the
// visible text says so.
var answerable = []string{"subscribe", "enter_agent", "LOCATION", "click", "view", "view_miniprogram", "scancode_waitmsg",
	"template_card_menu_event", "template_card_event"}

func (s *Sim) obey(p *phone, e *errand, plain string) error {
	var r passive
	dec := xml.NewDecoder(bytes.NewReader([]byte(plain)))
	if err := dec.Decode(&r); err != nil {
		return fmt.Errorf("not XML: %w", err)
	}
	switch {
	case !strings.EqualFold(r.ToUserName, e.from) || p.member.UserID == "":
		return errors.New("ToUserName is not the sender")
	case r.FromUserName != s.opt.CorpID:
		return errors.New("FromUserName is not the CorpID")
	case e.event != "" && !slices.Contains(answerable, e.event):
		return fmt.Errorf("event %s takes no passive reply", e.event)
	}
	now := s.now()
	m := &Message{ID: s.newCopyID(), From: "app", Type: r.MsgType, At: now.Truncate(time.Second), Trace: e.trace}
	mediaID := ""
	switch r.MsgType {
	case "text":
		if r.Content == "" {
			return errors.New("no Content")
		}
		m.Text, m.Cut = cut(r.Content, maxText)
	case "image":
		mediaID = r.Image.MediaID
	case "voice":
		mediaID = r.Voice.MediaID
	case "video":
		mediaID = r.Video.MediaID
		m.Title, _ = cut(r.Video.Title, 128)
		m.Description, _ = cut(r.Video.Description, 512)
	case "news":
		if n := len(r.Articles.Items); n < 1 || n > 8 {
			return fmt.Errorf("%d articles: want 1 to 8", n)
		}
		for _, it := range r.Articles.Items {
			a := Article{URL: it.URL, PicURL: it.PicURL}
			a.Title, _ = cut(it.Title, 128)
			a.Description, _ = cut(it.Description, 512)
			m.Articles = append(m.Articles, a)
		}
	case "update_button", "update_template_card":
		return s.updatePassively(p, e, r)
	default:
		return fmt.Errorf("no passive reply of type %q", r.MsgType)
	}
	if r.MsgType == "image" || r.MsgType == "voice" || r.MsgType == "video" {
		it := s.media.get(mediaID, r.MsgType, now)
		if it == nil {
			return errors.New("MediaId is unknown, of another type or too old")
		}
		it.show(m)
	}
	p.put(m)
	return nil
}

// updatePassively changes the card of the tapping member only.
func (s *Sim) updatePassively(p *phone, e *errand, r passive) error {
	if e.code == "" {
		return errors.New("only a card tap can be answered with a card update")
	}
	if s.rules.PassiveCardIgnored {
		return errors.New("passive card updates are ignored (rule)")
	}
	var u update
	if r.MsgType == "update_button" {
		u.replaceName = r.Button.ReplaceName
	} else {
		u.card = r.TemplateCard
	}
	var err error
	shown := p.change(e.bubble, func(m *Message) {
		if err = u.check(m.sent.cardType, s.inspection(maxPassiveActions)); err == nil {
			u.apply(m)
		}
	})
	switch {
	case !shown:
		return errors.New("the card is gone")
	case err != nil:
		return err
	case s.rules.PassiveUsesCode:
		s.sent.use(e.code)
	}
	return nil
}

// cut shortens to a number of bytes without splitting a character.
func cut(text string, limit int) (string, bool) {
	if len(text) <= limit {
		return text, false
	}
	for limit > 0 && text[limit]&0xC0 == 0x80 {
		limit--
	}
	return text[:limit], true
}
