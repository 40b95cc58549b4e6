package sim

import (
	"errors"
	"slices"
	"strconv"
	"time"
)

// massTask is one 企业群发: it waits for each member's tap, which may never come.
type massTask struct {
	id        string
	at        time.Time
	parts     []Message
	legs      []*massLeg
	cancelled bool
	reminded  []time.Time
}

// massLeg is one member's share of a task.
type massLeg struct {
	member *phone
	done   time.Time // zero: the member has not sent it
	lines  []*massLine
}

type massLine struct {
	child  *phone
	status int
	sent   time.Time
}

// What became of one message: path/93338.
const (
	massWaits    = 0
	massSent     = 1
	massStranger = 2 // not a friend any more
	massFull     = 3 // the child got as many as a child may get
)

const (
	dispatchFor = 10 * time.Second // 41063 until then; how long is not documented
	maxReminds  = 3
	maxMassIDs  = 10_000
)

// MassTask is a mass message as the member who is to send it sees it.
type MassTask struct {
	MsgID     string
	At        time.Time
	Text      string
	Children  []string // userids
	Sent      bool
	Cancelled bool
}

// MassTasks are the mass messages a member was asked to send, the earliest first.
func (s *Sim) MassTasks(member string) []MassTask {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	var out []MassTask
	for _, t := range s.book.tasks {
		leg := t.leg(s.phone(member))
		if leg == nil {
			continue
		}
		m := MassTask{MsgID: t.id, At: t.at, Text: t.parts[0].Text, Sent: !leg.done.IsZero(), Cancelled: t.cancelled}
		for _, l := range leg.lines {
			m.Children = append(m.Children, l.child.member.UserID)
		}
		out = append(out, m)
	}
	return out
}

func (t *massTask) leg(member *phone) *massLeg {
	for _, l := range t.legs {
		if l.member == member {
			return l
		}
	}
	return nil
}

// ConfirmMass is the member's tap on 发送: only now anything reaches a child.
func (s *Sim) ConfirmMass(member, msgid string) error {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	p, now := s.phone(member), s.now()
	for _, t := range s.book.tasks {
		if t.id != msgid {
			continue
		}
		leg := t.leg(p)
		switch {
		case leg == nil:
			return errors.New("没有这条群发")
		case t.cancelled:
			return errors.New("这条群发已停止")
		case !leg.done.IsZero():
			return errors.New("这条群发已发送")
		}
		leg.done = now
		for _, l := range leg.lines {
			if l.status = s.massTo(p, l.child, now, t.parts); l.status == massSent {
				l.sent = now
			}
		}
		return nil
	}
	return errors.New("没有这条群发")
}

// PersonalMass is a mass message the member writes and sends alone: the app hears nothing, the child's cap counts it.
func (s *Sim) PersonalMass(member, child, text string) error {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	switch s.massTo(s.phone(member), s.phone(child), s.now(), []Message{{Type: "text", Text: text}}) {
	case massStranger:
		return errNoFriends
	case massFull:
		return errors.New("这位客户本月收到的群发已达上限")
	}
	return nil
}

// massTo sends one mass message to one child.
func (s *Sim) massTo(member, child *phone, now time.Time, parts []Message) int {
	x := s.book.find(member, child)
	if x == nil || !x.friends() {
		return massStranger
	}
	since, most := massPeriod(now, s.opt.External.MassCap)
	got := slices.DeleteFunc(s.book.mass[child], func(at time.Time) bool { return at.Before(since) })
	if len(got) >= most {
		return massFull
	}
	s.book.mass[child] = append(got, now)
	x.touched = now
	s.hand(member, child, parts)
	return massSent
}

// massPeriod is the current period of the cap, and what it allows: path/92135.
func massPeriod(now time.Time, limit string) (since time.Time, most int) {
	y, m, d := now.Date()
	switch limit {
	case "day":
		return time.Date(y, m, d, 0, 0, 0, 0, china), 1
	case "week":
		return time.Date(y, m, d-(int(now.Weekday())+6)%7, 0, 0, 0, 0, china), 7
	}
	return time.Date(y, m, 1, 0, 0, 0, 0, china), time.Date(y, m+1, 0, 0, 0, 0, 0, china).Day()
}

// addMassTask is add_msg_template: path/92135. It sends nothing.
func (c *call) addMassTask() (any, error) {
	var q struct {
		ChatType string   `json:"chat_type"`
		External []string `json:"external_userid"`
		Sender   string   `json:"sender"`
		Filter   struct {
			Groups []struct {
				Tags []string `json:"tag_list"`
			} `json:"group_list"`
		} `json:"tag_filter"`
		parcel
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	switch {
	case q.ChatType != "" && q.ChatType != "single" && q.ChatType != "group":
		return nil, fail(40058, "invalid chat_type")
	case q.ChatType == "group": // the corp has no customer groups
		return nil, fail(41048, "no customer to send")
	case q.Sender == "" && len(q.External) == 0:
		return nil, fail(40058, "external_userid and sender are both empty")
	case len(q.External) > maxMassIDs:
		return nil, fail(40058, "too many external_userid")
	}
	parts, err := c.unwrap(q.parcel)
	if err != nil {
		return nil, err
	}
	sender := c.Sim.phone(q.Sender)
	tagged := func(x *bond) bool {
		for _, g := range q.Filter.Groups {
			if !slices.ContainsFunc(g.Tags, func(t string) bool { return slices.Contains(x.tags, t) }) {
				return false
			}
		}
		return true
	}
	t := &massTask{id: "msg" + randomCode(), at: c.at, parts: parts}
	failed := []string{}
	if len(q.External) == 0 {
		for _, x := range c.book.bonds {
			if x.member == sender && x.known() && c.reaches(sender) && tagged(x) {
				t.add(x)
			}
		}
	}
	for _, id := range q.External {
		x := c.sendable(sender, q.Sender != "", c.stranger(id))
		switch {
		case x == nil:
			failed = append(failed, id)
		case tagged(x):
			t.add(x)
		}
	}
	if len(t.legs) == 0 {
		return nil, fail(41048, "no customer to send")
	}
	c.book.tasks = append(c.book.tasks, t)
	c.title += " · " + strconv.Itoa(len(t.legs))
	for _, leg := range t.legs {
		c.about = append(c.about, leg.member.member.UserID)
		c.ask(leg.member, t)
	}
	return struct {
		status
		Failed []string `json:"fail_list"`
		MsgID  string   `json:"msgid"`
	}{ok, failed, t.id}, nil
}

// sendable is the bond through which a child is written to: the sender's, or that of the member who last had to do with it.
func (c *call) sendable(sender *phone, named bool, child *phone) *bond {
	var best *bond
	for _, x := range c.book.bonds {
		if x.child != child || !x.known() || !c.reaches(x.member) || named && x.member != sender {
			continue
		}
		if best == nil || x.touched.After(best.touched) {
			best = x
		}
	}
	return best
}

func (t *massTask) add(x *bond) {
	leg := t.leg(x.member)
	if leg == nil {
		leg = &massLeg{member: x.member}
		t.legs = append(t.legs, leg)
	}
	if !slices.ContainsFunc(leg.lines, func(l *massLine) bool { return l.child == x.child }) {
		leg.lines = append(leg.lines, &massLine{child: x.child})
	}
}

// ask tells a member that a mass message waits for the tap.
func (c *call) ask(member *phone, t *massTask) {
	member.put(&Message{ID: c.newCopyID(), MsgID: t.id, From: "群发助手", Type: "notice", At: c.at.Truncate(time.Second),
		Text: "有一条企业消息待你发送", Trace: c.trace})
}

// massQuery is what the calls about a task ask.
type massQuery struct {
	MsgID  string `json:"msgid"`
	UserID string `json:"userid"`
	Limit  int    `json:"limit"`
	Cursor string `json:"cursor"`
}

// namedTask finds the task a body asks for.
func (c *call) namedTask() (*massTask, massQuery, error) {
	var q massQuery
	if err := c.read(&q); err != nil {
		return nil, q, err
	}
	if q.MsgID == "" {
		return nil, q, fail(41046, "missing msgid")
	}
	for _, t := range c.book.tasks {
		if t.id == q.MsgID {
			return t, q, nil
		}
	}
	return nil, q, fail(41047, "invalid msgid")
}

// sentTask finds a task whose results can be asked for.
func (c *call) sentTask() (*massTask, massQuery, error) {
	t, q, err := c.namedTask()
	if err == nil && c.at.Sub(t.at) < dispatchFor {
		err = fail(41063, "groupmsg is being dispatched, try again later")
	}
	return t, q, err
}

// remindMassTask: path/97610.
func (c *call) remindMassTask() (any, error) {
	t, _, err := c.namedTask()
	if err != nil {
		return nil, err
	}
	t.reminded = slices.DeleteFunc(t.reminded, func(at time.Time) bool { return c.at.Sub(at) >= 24*time.Hour })
	switch {
	case t.cancelled:
		return nil, fail(41093, "groupmsg has been cancelled")
	case len(t.reminded) >= maxReminds:
		return nil, fail(41094, "remind out of limit")
	}
	t.reminded = append(t.reminded, c.at)
	for _, leg := range t.legs {
		if leg.done.IsZero() {
			c.ask(leg.member, t)
		}
	}
	return ok, nil
}

// cancelMassTask stops what is not sent yet and recalls nothing: path/97611.
func (c *call) cancelMassTask() (any, error) {
	t, _, err := c.namedTask()
	switch {
	case err != nil:
		return nil, err
	case t.cancelled:
		return nil, fail(41093, "groupmsg has been cancelled")
	}
	t.cancelled = true
	return ok, nil
}

// massTasks is get_groupmsg_task: path/93338.
func (c *call) massTasks() (any, error) {
	t, q, err := c.sentTask()
	if err != nil {
		return nil, err
	}
	type line struct {
		UserID string `json:"userid"`
		Status int    `json:"status"` // 0 not sent, 2 sent
		Sent   int64  `json:"send_time,omitempty"`
	}
	lines := []line{}
	for _, leg := range t.legs {
		l := line{UserID: leg.member.member.UserID}
		if !leg.done.IsZero() {
			l.Status, l.Sent = 2, leg.done.Unix()
		}
		lines = append(lines, l)
	}
	lines, next, err := page(lines, q.Cursor, q.Limit, 500, 1000)
	if err != nil {
		return nil, err
	}
	return struct {
		status
		Next  string `json:"next_cursor,omitempty"`
		Tasks []line `json:"task_list"`
	}{ok, next, lines}, nil
}

// massResults is get_groupmsg_send_result: path/93338.
func (c *call) massResults() (any, error) {
	t, q, err := c.sentTask()
	if err != nil {
		return nil, err
	}
	leg := t.leg(c.Sim.phone(q.UserID))
	switch {
	case q.UserID == "":
		return nil, fail(41009, "missing userid")
	case leg == nil:
		return nil, fail(60111, "userid not found")
	}
	type line struct {
		External string `json:"external_userid"`
		UserID   string `json:"userid"`
		Status   int    `json:"status"`
		Sent     int64  `json:"send_time,omitempty"`
	}
	lines := []line{}
	for _, l := range leg.lines {
		out := line{External: c.ExternalID(l.child.member.UserID), UserID: leg.member.member.UserID, Status: l.status}
		if l.status == massSent {
			out.Sent = l.sent.Unix()
		}
		lines = append(lines, out)
	}
	lines, next, err := page(lines, q.Cursor, q.Limit, 500, 1000)
	if err != nil {
		return nil, err
	}
	return struct {
		status
		Next  string `json:"next_cursor,omitempty"`
		Lines []line `json:"send_list"`
	}{ok, next, lines}, nil
}

// parcel is what a welcome or a mass message carries.
type parcel struct {
	Text        *content     `json:"text"`
	Attachments []attachment `json:"attachments"`
}

// attachment has one object, named like its msgtype. SDKs send the others, too, empty: they do not count.
type attachment struct {
	MsgType string `json:"msgtype"`
	Image   struct {
		MediaID string `json:"media_id"`
		PicURL  string `json:"pic_url"`
	} `json:"image"`
	Link struct {
		Title  string `json:"title"`
		PicURL string `json:"picurl"`
		Desc   string `json:"desc"`
		URL    string `json:"url"`
	} `json:"link"`
	MiniProgram struct {
		Title   string `json:"title"`
		Picture string `json:"pic_media_id"`
		AppID   string `json:"appid"`
		Page    string `json:"page"`
	} `json:"miniprogram"`
	Video fileOf `json:"video"`
	File  fileOf `json:"file"`
}

type fileOf struct {
	MediaID string `json:"media_id"`
}

const (
	maxParcelText  = 4000 // bytes
	maxAttachments = 9
	maxLinkTitle   = 128
	maxLinkDesc    = 512
	maxLinkURL     = 2048
	maxMiniTitle   = 64
)

// unwrap checks a parcel and makes what a phone will show of it.
func (c *call) unwrap(p parcel) ([]Message, error) {
	var parts []Message
	if p.Text != nil && p.Text.Content != "" {
		if len(p.Text.Content) > maxParcelText {
			return nil, fail(40058, "text.content exceed max length 4000")
		}
		parts = append(parts, Message{Type: "text", Text: p.Text.Content})
	}
	if len(p.Attachments) > maxAttachments {
		return nil, fail(41064, "too many attachments")
	}
	for _, a := range p.Attachments {
		m, err := c.attach(a)
		if err != nil {
			return nil, err
		}
		parts = append(parts, m)
	}
	if len(parts) == 0 {
		return nil, fail(40058, "text and attachments are both empty")
	}
	for i := range parts {
		parts[i].Trace = c.trace
	}
	return parts, nil
}

func (c *call) attach(a attachment) (Message, error) {
	m := Message{Type: a.MsgType}
	mediaID := ""
	switch a.MsgType {
	case "image":
		if mediaID = a.Image.MediaID; mediaID == "" {
			if !isURL(a.Image.PicURL) {
				return m, fail(40058, "image without media_id and pic_url")
			}
			m.MediaURL = a.Image.PicURL
			return m, nil
		}
	case "video":
		mediaID = a.Video.MediaID
	case "file":
		mediaID = a.File.MediaID
	case "link":
		l := a.Link
		if l.Title == "" || len(l.Title) > maxLinkTitle || !isURL(l.URL) || len(l.URL) > maxLinkURL ||
			len(l.Desc) > maxLinkDesc || len(l.PicURL) > maxLinkURL {
			return m, fail(40058, "invalid link")
		}
		m.Title, m.Description, m.URL = l.Title, l.Desc, l.URL
		return m, nil
	case "miniprogram":
		l := a.MiniProgram
		if l.Title == "" || len(l.Title) > maxMiniTitle || l.AppID == "" || l.Page == "" {
			return m, fail(40058, "invalid miniprogram")
		}
		if c.media.get(l.Picture, "image", c.at) == nil {
			return m, fail(40007, "invalid media_id")
		}
		m.Title, m.URL = l.Title, l.Page
		return m, nil
	default:
		return m, fail(41065, "invalid attachment type")
	}
	if mediaID == "" {
		return m, fail(40058, a.MsgType+" without media_id")
	}
	it := c.media.get(mediaID, a.MsgType, c.at)
	if it == nil {
		return m, fail(40007, "invalid media_id")
	}
	it.show(&m)
	return m, nil
}
