package sim

import (
	"encoding/xml"
	"errors"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// Message is one thing a phone shows. A value is a snapshot: later changes come as new values with the same ID.
type Message struct {
	ID     string    `json:"id"`              // of this phone's copy
	MsgID  string    `json:"msgid,omitempty"` // WeCom's: shared by all receivers of one message/send
	UserID string    `json:"userid"`
	From   string    `json:"from"` // "me" or "app"
	At     time.Time `json:"at"`
	Type   string    `json:"type"` // as msgtype, or location, link, notice

	Text        string    `json:"text,omitempty"`
	MediaURL    string    `json:"media_url,omitempty"`
	Label       string    `json:"label,omitempty"`
	Lat         float64   `json:"lat,omitempty"`
	Lon         float64   `json:"lon,omitempty"`
	Title       string    `json:"title,omitempty"`
	Description string    `json:"description,omitempty"`
	URL         string    `json:"url,omitempty"`
	ButtonText  string    `json:"btntxt,omitempty"`
	Articles    []Article `json:"articles,omitempty"`
	Items       []Item    `json:"content_item,omitempty"`

	Menu *KfMenu `json:"menu,omitempty"`
	By   string  `json:"by,omitempty"` // the receptionist of 微信客服 who wrote it

	Card        *Card               `json:"card,omitempty"`
	Disabled    bool                `json:"disabled,omitempty"` // greyed out by an update
	ReplaceText string              `json:"replace_text,omitempty"`
	Selected    map[string][]string `json:"selected,omitempty"` // as last submitted
	Tapped      string              `json:"tapped,omitempty"`

	Recalled bool   `json:"recalled,omitempty"`
	Cut      bool   `json:"cut,omitempty"`      // text was cut at 2048 bytes
	Delivery string `json:"delivery,omitempty"` // from me: sending, ok, failed
	Trace    string `json:"trace,omitempty"`

	sent *sent // the message/send it came with
}

// Article is one entry of news and mpnews.
type Article struct {
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
	URL         string `json:"url,omitempty"`
	PicURL      string `json:"picurl,omitempty"`
}

// Item is one line of a miniprogram_notice.
type Item struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// phone is one member's client. Its lock is never held while something is sent or received.
type phone struct {
	sim     *Sim
	member  Member
	visible atomic.Bool

	mu       sync.Mutex
	messages []*Message
	seen     map[[32]byte]receipt // enable_duplicate_check
	recent   []time.Time          // when the app's messages of the last hour came
	dropped  int
	calls    []*Call   // the latest last
	errands  []*errand // waiting for the one under way
	walking  bool
}

// reachable says whether the app and the member can talk: a person outside the corp has only WeChat.
func (p *phone) reachable() bool { return p.visible.Load() && p.member.Kind == "wecom" }

// receipt remembers a request body for enable_duplicate_check.
type receipt struct {
	at    time.Time
	msgid string
}

const keepMessages = 500

// put shows a message.
func (p *phone) put(m *Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.putLocked(m)
}

func (p *phone) putLocked(m *Message) {
	m.UserID = p.member.UserID
	if len(p.messages) == keepMessages {
		p.messages[0] = nil
		p.messages = p.messages[1:]
	}
	p.messages = append(p.messages, m)
	p.sim.hub.publish("message", m)
}

// change edits a message that is still shown.
func (p *phone) change(id string, edit func(*Message)) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.findLocked(id)
	if m == nil {
		return false
	}
	edit(m)
	p.sim.hub.publish("message", m)
	return true
}

// read looks at a message that is still shown.
func (p *phone) read(id string, look func(*Message)) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.findLocked(id)
	if m == nil {
		return false
	}
	look(m)
	return true
}

// findLocked knows a message by its own id or by WeCom's msgid.
func (p *phone) findLocked(id string) *Message {
	for i := len(p.messages) - 1; i >= 0; i-- {
		if m := p.messages[i]; m.ID == id || (m.MsgID != "" && m.MsgID == id) {
			return m
		}
	}
	return nil
}

func (p *phone) show() []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Message, len(p.messages))
	for i, m := range p.messages {
		out[i] = *m
	}
	return out
}

func (s *Sim) newCopyID() string { return "a" + strconv.FormatUint(s.copyID.Add(1), 10) }

// Messages are what the phone shows, oldest first; a dropped message is not among them.
func (s *Sim) Messages(userid string) []Message {
	p := s.phone(userid)
	if p == nil {
		return nil
	}
	return p.show()
}

// Dropped counts what the member never saw because the app sent too much (path/90312).
func (s *Sim) Dropped(userid string) int {
	p := s.phone(userid)
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dropped
}

// What a member does. Each waits for the callback's outcome.

// Say sends a text message.
func (s *Sim) Say(userid, text string) Delivery { return s.wait(s.say(userid, text)) }

// Photo sends an image message.
func (s *Sim) Photo(userid string, jpeg []byte) Delivery {
	return s.wait(s.sendMedia(userid, "image", s.media.put(s.now(), "image", "photo.jpg", jpeg)))
}

// Voice sends a voice message.
func (s *Sim) Voice(userid string, amr []byte) Delivery {
	return s.wait(s.sendMedia(userid, "voice", s.media.put(s.now(), "voice", "voice.amr", amr)))
}

// Video sends a video message.
func (s *Sim) Video(userid string, mp4 []byte) Delivery {
	return s.wait(s.sendMedia(userid, "video", s.media.put(s.now(), "video", "video.mp4", mp4)))
}

// Location sends a location message.
func (s *Sim) Location(userid string, lat, lon float64, label string) Delivery {
	return s.wait(s.sendLocation(userid, lat, lon, label))
}

// Link sends a link message.
func (s *Sim) Link(userid, title, description, url string) Delivery {
	return s.wait(s.sendLink(userid, title, description, url))
}

// Menu taps a menu entry, known by its key, URL or pagepath.
func (s *Sim) Menu(userid, key string) Delivery { return s.wait(s.tapMenu(userid, key)) }

// Event raises any other event without extra elements: enter_agent, subscribe, …
func (s *Sim) Event(userid, name, key string) Delivery { return s.wait(s.event(userid, name, key)) }

// Raw sends any decrypted XML to the app, in the order of the member it names.
func (s *Sim) Raw(plainXML string) Delivery { return s.Forge(plainXML, Forgery{}) }

// Tap presses a card's button. The error says what the phone would not let one do.
func (s *Sim) Tap(userid, msgid, key string, selected map[string][]string) (Delivery, error) {
	e, err := s.tap(userid, msgid, key, selected)
	if err != nil {
		return Delivery{Err: err.Error()}, err
	}
	return s.wait(e, nil), nil
}

// SetVisible moves a member into or out of the app's visible range, which the app hears of by (un)subscribe. It never
// hears of the change itself: change_contact goes to the contact-sync helper (path/90970).
func (s *Sim) SetVisible(userid string, in bool) Delivery {
	p := s.phone(userid)
	if p == nil {
		return Delivery{Err: errNoMember.Error()}
	}
	if p.visible.Swap(in) == in {
		return Delivery{}
	}
	name := "unsubscribe"
	if in {
		name = "subscribe"
	}
	return s.wait(p.raise(name, "", element("EventKey", "")), nil)
}

// What the person holding the phone reads.
var (
	errNoMember = errors.New("没有这个人")
	errHidden   = errors.New("这个人不在应用的可见范围里")
)

// wait is the outcome of an errand that may not have started.
func (s *Sim) wait(e *errand, err error) Delivery {
	if err != nil {
		return Delivery{Err: err.Error()}
	}
	<-e.done
	return e.result
}

// owner is the phone a member holds with the app on it.
func (s *Sim) owner(userid string) (*phone, error) {
	p := s.phone(userid)
	switch {
	case p == nil:
		return nil, errNoMember
	case !p.reachable():
		return nil, errHidden
	}
	return p, nil
}

func (s *Sim) say(userid, text string) (*errand, error) {
	p, err := s.owner(userid)
	if err != nil {
		return nil, err
	}
	return p.speak("text", element("Content", text), "", &Message{Text: text}), nil
}

func (s *Sim) sendMedia(userid, kind, mediaID string) (*errand, error) {
	p, err := s.owner(userid)
	if err != nil {
		return nil, err
	}
	it := s.media.get(mediaID, kind, s.now())
	if it == nil {
		return nil, errors.New("没有这个文件,或已过三天")
	}
	inner := element("MediaId", mediaID)
	switch kind {
	case "image":
		// How long PicUrl lives is not confirmed, so it leads nowhere: a bot has to use MediaId.
		inner = element("PicUrl", "https://picture.invalid/"+mediaID) + inner
	case "voice":
		inner += element("Format", "amr")
	case "video":
		thumb := s.media.put(s.now(), "image", "thumb.jpg", drawings()[0].jpeg)
		inner += element("ThumbMediaId", thumb)
	}
	m := &Message{}
	it.show(m)
	return p.speak(kind, inner, "", m), nil
}

func (s *Sim) sendLocation(userid string, lat, lon float64, label string) (*errand, error) {
	p, err := s.owner(userid)
	if err != nil {
		return nil, err
	}
	if math.Abs(lat) > 90 || math.Abs(lon) > 180 || math.IsNaN(lat) || math.IsNaN(lon) {
		return nil, errors.New("没有这个地方")
	}
	inner := node("Location_X", decimal(lat)) + node("Location_Y", decimal(lon)) + node("Scale", "15") + element("Label", label)
	return p.speak("location", inner, element("AppType", "wxwork"), &Message{Lat: lat, Lon: lon, Label: label}), nil
}

func (s *Sim) sendLink(userid, title, description, url string) (*errand, error) {
	p, err := s.owner(userid)
	if err != nil {
		return nil, err
	}
	inner := element("Title", title) + element("Description", description) + element("Url", url) + element("PicUrl", "")
	return p.speak("link", inner, "", &Message{Title: title, Description: description, URL: url}), nil
}

func (s *Sim) event(userid, name, key string) (*errand, error) {
	p, err := s.owner(userid)
	if err != nil {
		return nil, err
	}
	switch {
	case name == "enter_agent" && !s.menu.reportsEnter():
		return nil, errors.New("enter_agent is not reported: isreportenter is 0 (path/90228)")
	case name == "LOCATION" && !s.menu.reportsLocation():
		return nil, errors.New("LOCATION is not reported: report_location_flag is 0 (path/90228)")
	case name == "LOCATION":
		return p.raise(name, key, node("Latitude", "38.487")+node("Longitude", "106.231")+node("Precision", "65")), nil
	}
	return p.raise(name, key, element("EventKey", key)), nil
}

// speak shows a message on the phone and sends it off. Messages carry a MsgId.
func (p *phone) speak(msgType, inner, tail string, m *Message) *errand {
	s := p.sim
	id := strconv.FormatUint(s.msgID.Add(1), 10)
	now := s.now()
	m.ID, m.From, m.Type, m.At, m.Delivery = id, "me", msgType, now.Truncate(time.Second), "sending"
	plain := s.plain(p.member.UserID, now, msgType, inner+node("MsgId", id), tail)
	e := &errand{plain: plain, bubble: id, title: msgType, key: id, from: p.member.UserID, tells: true}
	m.Trace = s.trace(p, e)
	p.put(m)
	p.walk(e)
	return e
}

// raise sends an event off.
func (p *phone) raise(name, key, inner string) *errand {
	e := p.newEvent(name, key, inner, "")
	p.walk(e)
	return e
}

// newEvent writes an event. Events carry no MsgId.
func (p *phone) newEvent(name, key, inner, tail string) *errand {
	s := p.sim
	now := s.now()
	plain := s.plain(p.member.UserID, now, "event", element("Event", name)+inner, tail)
	e := &errand{plain: plain, event: name, title: name, from: p.member.UserID}
	if key != "" {
		e.title += " " + key
	}
	e.key = strings.Join([]string{p.member.UserID, strconv.FormatInt(now.Unix(), 10), name, key}, "|")
	s.trace(p, e)
	return e
}

// plain is the decrypted XML of path/90239 and path/90240.
func (s *Sim) plain(from string, now time.Time, msgType, inner, tail string) string {
	return "<xml>" + element("ToUserName", s.opt.CorpID) + element("FromUserName", from) +
		node("CreateTime", strconv.FormatInt(now.Unix(), 10)) + element("MsgType", msgType) + inner +
		node("AgentID", strconv.Itoa(s.opt.AgentID)) + tail + "</xml>"
}

// element is a CDATA element; what XML cannot say is left out.
func element(name, value string) string {
	value = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || (r < ' ' && r != '\t' && r != '\n' && r != '\r') || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, value)
	return "<" + name + "><![CDATA[" + strings.ReplaceAll(value, "]]>", "]]]]><![CDATA[>") + "]]></" + name + ">"
}

// node is a plain text element, for numbers.
func node(name, value string) string { return "<" + name + ">" + value + "</" + name + ">" }

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// sender reads who a decrypted XML is from, for its place in the queue.
func sender(plain string) (from, event string) {
	var head struct {
		FromUserName, Event string
	}
	if xml.Unmarshal([]byte(plain), &head) != nil {
		return "", ""
	}
	return head.FromUserName, head.Event
}
