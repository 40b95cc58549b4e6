package sim

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// kfEvent is the callback of path/94699: that there is something, and where; never what.
const kfEvent = "kf_msg_or_event"

// Who a message in the log is from.
const (
	kfFromCustomer = 3
	kfFromSystem   = 4
	kfFromServicer = 5
)

// kfEntry is one message of an account's log, as sync_msg gives it.
type kfEntry struct {
	at    time.Time
	msgid string
	body  json.RawMessage
	phone *phone // whose doing it was; nobody's for a servicer's own events
}

// kfHead opens every entry. Events carry their account and person inside only.
type kfHead struct {
	MsgID    string `json:"msgid"`
	OpenKfID string `json:"open_kfid,omitempty"`
	Customer string `json:"external_userid,omitempty"`
	SendTime int64  `json:"send_time"`
	Origin   int    `json:"origin"`
	Servicer string `json:"servicer_userid,omitempty"`
	MsgType  string `json:"msgtype"`
}

// kfWrite puts a message into the log and sends the callback that says no more than that there is one.
func (s *Sim) kfWrite(d *desk, p *phone, head kfHead, body any) *errand {
	now := s.now()
	head.MsgID, head.SendTime = randomCode()[:32], now.Unix()
	told, _ := json.Marshal(head)
	inner, err := json.Marshal(body)
	if err != nil {
		inner = []byte("{}")
	}
	told = slices.Concat(told[:len(told)-1], []byte(`,"`+head.MsgType+`":`), inner, []byte("}"))
	d.forget(now)
	d.log = append(d.log, kfEntry{now, head.MsgID, told, p})
	token := "ENC" + randomCode()
	s.kf.keepToken(token, d, now)
	plain := "<xml>" + element("ToUserName", s.opt.CorpID) + node("CreateTime", strconv.FormatInt(now.Unix(), 10)) +
		element("MsgType", "event") + element("Event", kfEvent) + element("Token", token) + element("OpenKfId", d.OpenKfID) + "</xml>"
	e := &errand{plain: plain, from: p.member.UserID, event: kfEvent, title: kfEvent + " · " + head.MsgType, key: head.MsgID}
	s.trace(p, e)
	p.walk(e)
	return e
}

// kfRaise writes an event, which is about a person and an account.
func (s *Sim) kfRaise(d *desk, g *guest, kind string, fields map[string]any) *errand {
	event := map[string]any{"event_type": kind, "open_kfid": d.OpenKfID}
	p := s.nobody()
	if g != nil {
		event["external_userid"], p = g.id, g.phone
	}
	for name, value := range fields {
		event[name] = value
	}
	e := s.kfWrite(d, p, kfHead{Origin: kfFromSystem, MsgType: "event"}, event)
	s.traces.edit(e.trace, func(t *Trace) { t.Title = kfEvent + " · " + kind })
	return e
}

func (k *kfState) keepToken(token string, d *desk, now time.Time) {
	if len(k.tokens)%256 == 255 {
		for old, t := range k.tokens {
			if now.Sub(t.at) >= kfTokenLife {
				delete(k.tokens, old)
			}
		}
	}
	k.tokens[token] = kfToken{d, now}
}

// forget drops what is older than three days.
func (d *desk) forget(now time.Time) {
	old := 0
	for old < len(d.log) && now.Sub(d.log[old].at) > kfKeep {
		old++
	}
	d.first += uint64(old)
	d.log = d.log[old:]
}

// cursor names a place in the log: always by the same word, and no word but its own.
func (k *kfState) cursor(d *desk, place uint64) string {
	raw := binary.BigEndian.AppendUint64(nil, place)
	return base64.RawURLEncoding.EncodeToString(append(raw, k.mac("cursor", d.OpenKfID, string(raw))...))
}

// place is where a cursor points to in what the log still has.
func (k *kfState) place(d *desk, cursor string) (uint64, bool) {
	if cursor == "" {
		return d.first, true
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) < 8 {
		return 0, false
	}
	place := binary.BigEndian.Uint64(raw)
	return min(max(place, d.first), d.first+uint64(len(d.log))), k.cursor(d, place) == cursor
}

// bareSync counts calls without a token.
func (d *desk) bareSync(now time.Time, most int) bool {
	if now.Before(d.bareFrom) || now.Sub(d.bareFrom) >= time.Minute {
		d.bareFrom, d.bare = now, 0
	}
	d.bare++
	return !over(d.bare, most)
}

// kfSync gives what has come: path/94670.
func (c *call) kfSync() (any, error) {
	var q struct {
		Cursor, Token string
		Limit         int
		Voice         int    `json:"voice_format"`
		OpenKfID      string `json:"open_kfid"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	d, err := c.desk(q.OpenKfID)
	if err != nil {
		return nil, err
	}
	if len(q.Cursor) > 64 || len(q.Token) > 128 || q.Limit < 0 || q.Limit > 1000 || q.Voice < 0 || q.Voice > 1 {
		return nil, fail(40058, "invalid cursor, token, limit or voice_format")
	}
	if q.Limit == 0 {
		q.Limit = 1000
	}
	token, known := c.kf.tokens[q.Token]
	switch {
	case q.Token == "" && !d.bareSync(c.at, c.rules.Kf.BareSyncs):
		return nil, fail(45009, "api freq out of limit")
	case q.Token != "" && (!known || token.desk != d || c.at.Sub(token.at) >= kfTokenLife):
		return nil, fail(95007, "invalid msg token")
	}
	d.forget(c.at)
	from, fits := c.kf.place(d, q.Cursor)
	if !fits {
		return nil, fail(kfBadCursor, "invalid cursor")
	}
	answer := struct {
		status
		Next string            `json:"next_cursor"`
		More int               `json:"has_more"`
		List []json.RawMessage `json:"msg_list"`
	}{status: ok, List: []json.RawMessage{}}
	page := c.faults.takeKfPage()
	if page.empty {
		answer.Next, answer.More = c.kf.cursor(d, from), 1
		return answer, nil
	}
	if page.most > 0 {
		q.Limit = min(q.Limit, page.most)
	}
	at := int(from - d.first)
	repeat := max(0, min(page.repeats, at, q.Limit-1)) // a page has always room for something new
	list := d.log[at-repeat : min(len(d.log), at+q.Limit-repeat)]
	for i, m := range list {
		answer.List = append(answer.List, m.body)
		if who := m.phone.member.UserID; who != "" && !slices.Contains(c.about, who) {
			c.about, c.phone = append(c.about, who), m.phone
		}
		if i == 0 {
			c.key = m.msgid
		}
	}
	end := at - repeat + len(list)
	answer.Next = c.kf.cursor(d, d.first+uint64(end))
	if end < len(d.log) {
		answer.More = 1
	}
	return answer, nil
}
