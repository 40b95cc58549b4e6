package sim

import (
	"crypto/subtle"
	"slices"
	"sync"
	"time"
)

// robotState is the group robot (群机器人, path/99110): whoever has its key speaks to the group, without app or token.
type robotState struct {
	mu     sync.Mutex
	recent []time.Time // calls of the last minute
}

const (
	robotPath     = "webhook/send"
	robotMinute   = 20
	maxRobotMarks = 4096 // bytes of markdown
	groupID       = "@group"
)

// addGroup puts the group beside the phones. It is nobody the app could reach.
func (s *Sim) addGroup() {
	s.group = &phone{sim: s, member: Member{UserID: groupID, Name: "应急群", Title: "群机器人", Kind: "group", Phone: s.opt.RobotKey != ""}}
	s.people[groupID] = s.group
}

// Robot is what the group robot has said, the earliest first.
func (s *Sim) Robot() []string {
	var said []string
	for _, m := range s.group.show() {
		said = append(said, m.Text)
	}
	return said
}

func (r *robotState) take(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recent = slices.DeleteFunc(r.recent, func(at time.Time) bool { return now.Sub(at) >= time.Minute || now.Before(at) })
	if len(r.recent) >= robotMinute {
		return false
	}
	r.recent = append(r.recent, now)
	return true
}

// robotSays is webhook/send, of which text and markdown are played.
func (c *call) robotSays() (any, error) {
	key := c.query.Get("key")
	if c.opt.RobotKey == "" || subtle.ConstantTimeCompare([]byte(key), []byte(c.opt.RobotKey)) != 1 {
		return nil, fail(93000, "invalid webhook url")
	}
	if !c.robot.take(c.at) {
		return nil, fail(45009, "api freq out of limit")
	}
	var q struct {
		MsgType  string   `json:"msgtype"`
		Text     *content `json:"text"`
		Markdown *content `json:"markdown"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	said, limit := q.Text, maxText
	switch q.MsgType {
	case "text":
	case "markdown":
		said, limit = q.Markdown, maxRobotMarks
	default:
		return nil, fail(40008, "invalid message type")
	}
	switch {
	case said == nil || said.Content == "":
		return nil, fail(93017, "empty content")
	case len(said.Content) > limit: // which code is not documented
		return nil, fail(40058, q.MsgType+".content exceed max length")
	}
	c.title += " · " + q.MsgType
	c.about = []string{groupID}
	c.group.put(&Message{ID: c.newCopyID(), From: "app", Type: q.MsgType, At: c.at.Truncate(time.Second), Text: said.Content,
		Trace: c.trace})
	return ok, nil
}
