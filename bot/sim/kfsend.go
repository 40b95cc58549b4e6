package sim

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
)

// kfMessage is the body of kf/send_msg (path/94677) and of kf/send_msg_on_event (path/95122).
type kfMessage struct {
	ToUser   string `json:"touser"`
	OpenKfID string `json:"open_kfid"`
	Code     string `json:"code"`
	MsgID    string `json:"msgid"`
	MsgType  string `json:"msgtype"`

	Text  *content  `json:"text"`
	Image *mediaRef `json:"image"`
	Voice *mediaRef `json:"voice"`
	Video *mediaRef `json:"video"`
	File  *mediaRef `json:"file"`
	Link  *struct {
		Title       string `json:"title"`
		Description string `json:"desc"`
		URL         string `json:"url"`
		Thumb       string `json:"thumb_media_id"`
	} `json:"link"`
	MiniProgram *struct {
		AppID string `json:"appid"`
		Title string `json:"title"`
		Thumb string `json:"thumb_media_id"`
		Page  string `json:"pagepath"`
	} `json:"miniprogram"`
	Menu *struct {
		Head string        `json:"head_content"`
		List []kfMenuEntry `json:"list"`
		Tail string        `json:"tail_content"`
	} `json:"msgmenu"`
	Location *struct {
		Name      string  `json:"name"`
		Address   string  `json:"address"`
		Latitude  float64 `json:"latitude"`
		Longitude float64 `json:"longitude"`
	} `json:"location"`
	Acquisition *struct {
		URL string `json:"link_url"`
	} `json:"ca_link"`
}

type kfMenuEntry struct {
	Type        string  `json:"type"`
	Click       kfWords `json:"click"`
	View        kfWords `json:"view"`
	MiniProgram kfWords `json:"miniprogram"`
	Text        kfWords `json:"text"`
}

type kfWords struct {
	ID      string `json:"id"`
	URL     string `json:"url"`
	AppID   string `json:"appid"`
	Page    string `json:"pagepath"`
	Content string `json:"content"`
}

// KfMenu is a msgmenu as the phone shows it.
type KfMenu struct {
	Head  string   `json:"head,omitempty"`
	Items []KfItem `json:"items,omitempty"`
	Tail  string   `json:"tail,omitempty"`
}

// KfItem is one line of a KfMenu: click, view, miniprogram or text.
type KfItem struct {
	Type    string `json:"type"`
	ID      string `json:"id,omitempty"`
	URL     string `json:"url,omitempty"`
	Content string `json:"content"`
}

const maxKfItems = 10

var kfMsgID = regexp.MustCompile(`^[0-9a-zA-Z_-]{0,32}$`)

// kfCompose checks a message by its type and makes it what the phone shows. All lengths are bytes.
func (c *call) kfCompose(q *kfMessage) (*Message, error) {
	m := &Message{Type: q.MsgType}
	lacks := fail(40058, "missing "+q.MsgType)
	media := map[string]*mediaRef{"image": q.Image, "voice": q.Voice, "video": q.Video, "file": q.File}
	switch q.MsgType {
	case "text":
		switch {
		case q.Text == nil || q.Text.Content == "":
			return nil, fail(44004, "empty content")
		case len(q.Text.Content) > maxText:
			return nil, fail(45002, "content size out of limit")
		}
		m.Text = q.Text.Content
	case "image", "voice", "video", "file":
		ref := media[q.MsgType]
		if ref == nil {
			return nil, lacks
		}
		return m, c.kfMedia(m, q.MsgType, ref.MediaID)
	case "link":
		if q.Link == nil {
			return nil, lacks
		}
		if q.Link.Title == "" || !isURL(q.Link.URL) || len(q.Link.URL) > maxURL {
			return nil, fail(40058, "invalid link.title or link.url")
		}
		m.Title, _ = cut(q.Link.Title, 128)
		m.Description, _ = cut(q.Link.Description, 512)
		m.URL = q.Link.URL
		return m, c.kfMedia(m, "image", q.Link.Thumb)
	case "miniprogram":
		if q.MiniProgram == nil {
			return nil, lacks
		}
		if q.MiniProgram.AppID == "" || q.MiniProgram.Page == "" {
			return nil, fail(40058, "missing miniprogram.appid or miniprogram.pagepath")
		}
		err := c.kfMedia(m, "image", q.MiniProgram.Thumb)
		m.Title, _ = cut(q.MiniProgram.Title, 64)
		return m, err
	case "msgmenu":
		return m, q.menu(m)
	case "location":
		l := q.Location
		if l == nil {
			return nil, lacks
		}
		if math.Abs(l.Latitude) > 90 || math.Abs(l.Longitude) > 180 {
			return nil, fail(40058, "invalid location.latitude or location.longitude")
		}
		m.Lat, m.Lon, m.Label, m.Description = l.Latitude, l.Longitude, l.Name, l.Address
	case "ca_link":
		if q.Acquisition == nil || !isURL(q.Acquisition.URL) {
			return nil, fail(40058, "invalid ca_link.link_url")
		}
		m.Type, m.Title, m.URL = "link", "获客链接", q.Acquisition.URL
	default:
		return nil, fail(40008, "invalid message type")
	}
	return m, nil
}

func (c *call) kfMedia(m *Message, kind, id string) error {
	if id == "" {
		return fail(41006, "missing media_id")
	}
	it := c.media.get(id, kind, c.at)
	if it == nil {
		return fail(40007, "invalid media_id")
	}
	title := m.Title
	it.show(m)
	if title != "" { // a link's picture does not name it
		m.Title = title
	}
	return nil
}

func (q *kfMessage) menu(m *Message) error {
	if q.Menu == nil || q.Menu.Head == "" && q.Menu.Tail == "" && len(q.Menu.List) == 0 {
		return fail(40058, "missing msgmenu")
	}
	switch {
	case len(q.Menu.Head) > 1024 || len(q.Menu.Tail) > 1024:
		return fail(45002, "msgmenu.head_content or msgmenu.tail_content size out of limit")
	case len(q.Menu.List) > maxKfItems:
		return fail(95008, "too many menu items")
	}
	m.Menu = &KfMenu{Head: q.Menu.Head, Tail: q.Menu.Tail}
	for _, it := range q.Menu.List {
		var words kfWords
		fits := false
		switch within := func(text string, most int) bool { return len(text) >= 1 && len(text) <= most }; it.Type {
		case "click":
			words = it.Click
			fits = within(words.ID, 64) && within(words.Content, 128)
		case "view":
			words = it.View
			fits = within(words.URL, maxURL) && isURL(words.URL) && within(words.Content, 1024)
		case "miniprogram":
			words = it.MiniProgram
			fits = within(words.AppID, 32) && within(words.Page, 1024) && within(words.Content, 1024)
		case "text":
			words = it.Text
			fits = within(words.Content, 256)
		default:
			return fail(95009, "invalid menu item type")
		}
		if !fits {
			return fail(40058, "invalid msgmenu.list."+it.Type)
		}
		m.Menu.Items = append(m.Menu.Items, KfItem{it.Type, words.ID, words.URL, words.Content})
	}
	return nil
}

// kfSend answers ok when WeCom has taken the message; whether it arrives is another matter.
func (c *call) kfSend() (any, error) {
	var q kfMessage
	if err := c.read(&q); err != nil {
		return nil, err
	}
	c.title += " · " + q.MsgType
	d, err := c.desk(q.OpenKfID)
	if err != nil {
		return nil, err
	}
	g, err := c.guest(q.ToUser)
	if err != nil {
		return nil, err
	}
	m, err := c.kfCompose(&q)
	if err != nil {
		return nil, err
	}
	t := d.talk(g)
	if err := c.kfMaySend(g, t); err != nil {
		return nil, err
	}
	if err := d.take(&q); err != nil {
		return nil, err
	}
	t.sent++
	if t.state == kfNew {
		t.state = kfRobot
	}
	return c.kfAccept(d, g, m, q.MsgID), nil
}

// kfMaySend says whether the app may send just now.
func (c *call) kfMaySend(g *guest, t *talk) error {
	late := !t.wrote.IsZero() && c.at.Sub(t.wrote) > kfWindow
	switch state := t.stateAt(c.at); {
	case c.overCap(g) && !c.rules.Kf.CapFails:
		return fail(95003, "customers of an unverified corp exceed the limit")
	case late:
		return fail(c.rules.Kf.LateCode, "more than 48 hours since the customer's message")
	case state != kfNew && state != kfRobot:
		return fail(95018, "send msg not allowed in this session state")
	case t.sent >= kfSends:
		return fail(95001, "more than 5 messages since the customer's message")
	}
	return nil
}

func (c *call) overCap(g *guest) bool {
	return c.opt.Unverified && over(g.number, c.rules.Kf.Customers)
}

// take reserves a msgid, which is given once in an account.
func (d *desk) take(q *kfMessage) error {
	switch {
	case !kfMsgID.MatchString(q.MsgID):
		return fail(40058, "invalid msgid")
	case q.MsgID == "":
		q.MsgID = randomCode()[:32]
	case d.msgids[q.MsgID]:
		return fail(kfSameMsgID, "msgid duplicated")
	}
	d.msgids[q.MsgID] = true
	return nil
}

type kfSent struct {
	status
	MsgID string `json:"msgid"`
}

// What became of a message that was accepted: fail_type of path/94670.
const (
	kfFailUnverified = 8
	kfFailRefused    = 10
)

const kfFailAfter = time.Second // it may be half a minute, too

// kfAccept shows the message on the phone, or says later that it did not arrive.
func (c *call) kfAccept(d *desk, g *guest, m *Message, msgid string) kfSent {
	c.key = msgid
	failType, fails := c.faults.takeKfFail()
	switch {
	case d.talk(g).refused:
		failType, fails = kfFailRefused, true
	case c.overCap(g):
		failType, fails = kfFailUnverified, true
	}
	if !fails {
		m.ID, m.MsgID, m.From, m.At, m.Trace = c.newCopyID(), msgid, "app", c.at.Truncate(time.Second), c.trace
		g.put(m)
		return kfSent{ok, msgid}
	}
	s := c.Sim
	if s.flights.start() {
		go func() {
			defer s.flights.done()
			s.sleep(s.ctx, kfFailAfter)
			s.kf.mu.Lock()
			defer s.kf.mu.Unlock()
			s.kfRaise(d, g, "msg_send_fail", map[string]any{"fail_msgid": msgid, "fail_type": failType})
		}()
	}
	return kfSent{ok, msgid}
}

// kfSendOnEvent answers an event by its code: path/95122.
func (c *call) kfSendOnEvent() (any, error) {
	var q kfMessage
	if err := c.read(&q); err != nil {
		return nil, err
	}
	c.title += " · " + q.MsgType
	code := c.kf.codes[q.Code]
	if code == nil || !c.at.Before(code.until) || !code.desk.Granted {
		return nil, fail(c.rules.Kf.EventCode, "invalid code")
	}
	d, g := code.desk, code.guest
	c.about, c.phone = append(c.about, g.member.UserID), g.phone
	t := d.talk(g)
	welcome := code.state < 0
	if welcome && t.wasWelcomed(c.at) || !welcome && t.stateAt(c.at) != code.state {
		return nil, fail(c.rules.Kf.EventCode, "invalid code")
	}
	if !slices.Contains([]string{"text", "msgmenu"}, q.MsgType) || q.MsgType == "msgmenu" && !code.menu {
		return nil, fail(40008, "invalid message type")
	}
	m, err := c.kfCompose(&q)
	if err != nil {
		return nil, err
	}
	if err := d.take(&q); err != nil {
		return nil, err
	}
	delete(c.kf.codes, q.Code)
	if welcome {
		t.welcomed = c.at
	}
	if c.rules.Kf.WelcomeCounts {
		t.sent++
	}
	return c.kfAccept(d, g, m, q.MsgID), nil
}

// greets says whether entering gives a welcome_code: no welcome in the last 48 hours, and the customer has not written.
func (t *talk) greets(now time.Time, rules KfRules) bool {
	wrote := !t.wrote.IsZero() && (!rules.WelcomeAgain || now.Sub(t.wrote) <= kfWindow)
	return !wrote && !t.wasWelcomed(now)
}

func (t *talk) wasWelcomed(now time.Time) bool {
	return !t.welcomed.IsZero() && now.Sub(t.welcomed) <= kfWindow
}

func isURL(u string) bool { return strings.HasPrefix(u, "http://") || strings.HasPrefix(u, "https://") }
