package sim

import (
	"errors"
	"strings"
	"time"
)

// What the person holding the phone reads.
var (
	errNoWeChat  = errors.New("这不是微信")
	errOutside   = errors.New("还没有进入客服,先扫一扫")
	errTampered  = errors.New("链接被改过,企业微信不通知应用")
	errUnmanaged = errors.New("这个客服账号没有交给应用")
	errNoMessage = errors.New("没有这条消息")
	errNoItem    = errors.New("菜单里没有这一项")
	errServicer  = errors.New("这位接待人员现在不能这样做")
)

// kfLimits are the sizes above which WeCom tells of a medium instead of giving it: path/94670.
var kfLimits = map[string]int{"image": 2 << 20, "voice": 2 << 20, "video": 10 << 20, "file": 20 << 20}

// kfTooLarge is what comes instead; the words are not documented.
const kfTooLarge = "[文件过大,无法查看]"

// guestOf is the person who holds a WeChat phone.
func (k *kfState) guestOf(s *Sim, userid string) (*guest, error) {
	p := s.phone(userid)
	switch {
	case p == nil:
		return nil, errNoMember
	case p.member.Kind != "wechat":
		return nil, errNoWeChat
	}
	return k.guests[s.KfCustomerID(userid)], nil
}

// kfAct does what a person does in WeChat, in one piece.
func (s *Sim) kfAct(userid string, act func(*guest) (*errand, error)) (*errand, error) {
	s.kf.mu.Lock()
	defer s.kf.mu.Unlock()
	g, err := s.kf.guestOf(s, userid)
	if err != nil {
		return nil, err
	}
	return act(g)
}

// Scan opens a link of 微信客服: the person is in the conversation, and the app is told. A link that was tampered with
// leads there as well, and the app hears nothing.
func (s *Sim) Scan(userid, link string) Delivery { return s.wait(s.kfScan(userid, link)) }

// KfEnter opens the last conversation again from the list of chats.
func (s *Sim) KfEnter(userid string) Delivery { return s.wait(s.kfEnter(userid)) }

func (s *Sim) kfScan(userid, link string) (*errand, error) {
	defer s.hub.publishState(s)
	return s.kfAct(userid, func(g *guest) (*errand, error) {
		in, err := s.kf.enters(link)
		if err != nil {
			return nil, err
		}
		return s.enter(g, in)
	})
}

func (s *Sim) kfEnter(userid string) (*errand, error) {
	defer s.hub.publishState(s)
	return s.kfAct(userid, func(g *guest) (*errand, error) {
		if g.desk == nil {
			return nil, errOutside
		}
		return s.enter(g, kfEntrance{desk: g.desk, genuine: true})
	})
}

func (s *Sim) enter(g *guest, in kfEntrance) (*errand, error) {
	now := s.now()
	g.desk, g.inside = in.desk, true
	if g.number == 0 {
		s.kf.served++
		g.number = s.kf.served
	}
	note := &Message{ID: s.newCopyID(), From: "me", Type: "notice", At: now.Truncate(time.Second), Text: "进入「" + in.desk.Name + "」"}
	defer g.put(note)
	switch {
	case !in.genuine:
		return nil, errTampered
	case !in.desk.Granted:
		return nil, errUnmanaged
	}
	t := in.desk.talk(g)
	t.entered, t.scene, t.param = now, in.scene, in.param
	fields := map[string]any{"scene": in.scene, "scene_param": in.param}
	if t.greets(now, s.rules.Kf) {
		fields["welcome_code"] = s.kf.newCode(&kfCode{desk: in.desk, guest: g, state: -1, menu: true}, now, kfWelcome)
	}
	e := s.kfRaise(in.desk, g, "enter_session", fields)
	note.Trace = e.trace
	return e, nil
}

// KfLeave closes the conversation. WeCom tells nobody.
func (s *Sim) KfLeave(userid string) error {
	return s.kfSwitch(userid, func(g *guest) error {
		g.inside = false
		return nil
	})
}

// KfBlock makes the person refuse what the account sends (拒收), or take it again. WeCom tells nobody: sends are accepted,
// and fail.
func (s *Sim) KfBlock(userid string, on bool) error {
	return s.kfSwitch(userid, func(g *guest) error {
		if g.desk == nil {
			return errOutside
		}
		g.desk.talk(g).refused = on
		return nil
	})
}

func (s *Sim) kfSwitch(userid string, act func(*guest) error) error {
	defer s.hub.publishState(s)
	_, err := s.kfAct(userid, func(g *guest) (*errand, error) { return nil, act(g) })
	return err
}

// What the person says in the conversation last entered.

// KfSay sends a text.
func (s *Sim) KfSay(userid, text string) Delivery { return s.wait(s.kfSay(userid, text)) }

// KfPhoto sends a picture.
func (s *Sim) KfPhoto(userid string, jpeg []byte) Delivery {
	return s.KfMedia(userid, "image", "photo.jpg", jpeg)
}

// KfVoice sends a voice message.
func (s *Sim) KfVoice(userid string, amr []byte) Delivery {
	return s.KfMedia(userid, "voice", "voice.amr", amr)
}

// KfMedia sends an image, voice, video or file.
func (s *Sim) KfMedia(userid, kind, name string, data []byte) Delivery {
	return s.wait(s.kfMedium(userid, kind, s.media.put(s.now(), kind, name, data)))
}

// KfLocation sends a place.
func (s *Sim) KfLocation(userid string, lat, lon float64, name string) Delivery {
	return s.wait(s.kfLocation(userid, lat, lon, name))
}

// KfOther sends anything else as it is: link, business_card, merged_msg, note, …
func (s *Sim) KfOther(userid, msgType string, body any) Delivery {
	return s.wait(s.kfSpeak(userid, msgType, body, &Message{}))
}

func (s *Sim) kfSay(userid, text string) (*errand, error) {
	return s.kfSpeak(userid, "text", map[string]string{"content": text}, &Message{Text: text})
}

func (s *Sim) kfLocation(userid string, lat, lon float64, name string) (*errand, error) {
	body := map[string]any{"latitude": lat, "longitude": lon, "name": name, "address": name}
	return s.kfSpeak(userid, "location", body, &Message{Lat: lat, Lon: lon, Label: name})
}

func (s *Sim) kfMedium(userid, kind, mediaID string) (*errand, error) {
	it := s.media.get(mediaID, kind, s.now())
	if it == nil {
		return nil, errors.New("没有这个文件,或已过三天")
	}
	m := &Message{Type: kind}
	it.show(m)
	if len(it.data) > kfLimits[kind] {
		return s.kfSpeak(userid, "text", map[string]string{"content": kfTooLarge}, m)
	}
	return s.kfSpeak(userid, kind, map[string]string{"media_id": mediaID}, m)
}

// KfClick taps a line of a menu, known by its msgid and its id: it becomes a text with a menu_id.
func (s *Sim) KfClick(userid, msgid, id string) Delivery { return s.wait(s.kfClick(userid, msgid, id)) }

func (s *Sim) kfClick(userid, msgid, id string) (*errand, error) {
	p := s.phone(userid)
	if p == nil {
		return nil, errNoMember
	}
	var label string
	found := p.read(msgid, func(m *Message) {
		if m.Menu == nil {
			return
		}
		for _, it := range m.Menu.Items {
			if it.Type == "click" && it.ID == id {
				label = it.Content
			}
		}
	})
	switch {
	case !found:
		return nil, errNoMessage
	case label == "":
		return nil, errNoItem
	}
	return s.kfSpeak(userid, "text", map[string]string{"content": label, "menu_id": id}, &Message{Text: label})
}

// kfSpeak says something to the account. A first message, or one after the end, begins a session.
func (s *Sim) kfSpeak(userid, msgType string, body any, m *Message) (*errand, error) {
	return s.kfAct(userid, func(g *guest) (*errand, error) {
		if !g.inside {
			return nil, errOutside
		}
		now := s.now()
		d := g.desk
		t := d.talk(g)
		if t.stateAt(now) == kfEnded {
			t.state = kfNew
		}
		if text, is := body.(map[string]string); !is || text["menu_id"] == "" || !s.rules.Kf.ClickIsSilent || t.wrote.IsZero() {
			t.wrote, t.sent = now, 0
		}
		if m.Type == "" {
			m.Type = msgType
		}
		m.From, m.At, m.Delivery = "me", now.Truncate(time.Second), "ok"
		if !d.Granted { // it goes to those who receive customers, and not to the app
			m.ID = s.newCopyID()
			g.put(m)
			return nil, errUnmanaged
		}
		e := s.kfWrite(d, g.phone, kfHead{OpenKfID: d.OpenKfID, Customer: g.id, Origin: kfFromCustomer, MsgType: msgType}, body)
		m.ID, m.MsgID, m.Trace = e.key, e.key, e.trace
		g.put(m)
		return e, nil
	})
}

// KfRecall takes back what the person said, known by its msgid.
func (s *Sim) KfRecall(userid, msgid string) Delivery { return s.wait(s.kfRecall(userid, msgid)) }

func (s *Sim) kfRecall(userid, msgid string) (*errand, error) {
	return s.kfAct(userid, func(g *guest) (*errand, error) {
		if g.desk == nil || !g.takeBack(msgid, "me") {
			return nil, errNoMessage
		}
		return s.kfRaise(g.desk, g, "user_recall_msg", map[string]any{"recall_msgid": msgid}), nil
	})
}

// takeBack hides a message that was not hidden yet.
func (g *guest) takeBack(msgid, from string) (done bool) {
	g.change(msgid, func(m *Message) {
		if m.From == from && !m.Recalled {
			m.Recalled, done = true, true
		}
	})
	return done
}

// What those who receive customers (接待人员) do in WeCom, at the account the person last entered.

// kfServe finds the session, and who serves in it.
func (s *Sim) kfServe(servicer, userid string, act func(g *guest, t *talk, by *phone) (*errand, error)) Delivery {
	return s.wait(s.kfAct(userid, func(g *guest) (*errand, error) {
		by := s.phone(servicer)
		if g.desk == nil || by == nil {
			return nil, errServicer
		}
		if known, _ := g.desk.receives(servicer); !known {
			return nil, errServicer
		}
		t := g.desk.talk(g)
		t.stateAt(s.now())
		return act(g, t, by)
	}))
}

func (t *talk) servedBy(p *phone) bool {
	return t.state == kfHuman && strings.EqualFold(t.servicer, p.member.UserID)
}

// kfChange tells of a session's change: 1 taken from the queue, 2 handed on, 3 ended, 4 opened again. "" is left out.
func (s *Sim) kfChange(g *guest, change int, old, next, code string) *errand {
	fields := map[string]any{"change_type": change}
	for name, value := range map[string]string{"old_servicer_userid": old, "new_servicer_userid": next, "msg_code": code} {
		if value != "" {
			fields[name] = value
		}
	}
	return s.kfRaise(g.desk, g, "session_status_change", fields)
}

// KfPickUp takes a person out of the queue.
func (s *Sim) KfPickUp(servicer, userid string) Delivery {
	return s.kfServe(servicer, userid, func(g *guest, t *talk, by *phone) (*errand, error) {
		if t.state != kfQueued {
			return nil, errServicer
		}
		t.state, t.servicer = kfHuman, by.member.UserID
		code := s.kf.newCode(&kfCode{desk: g.desk, guest: g, state: kfHuman}, s.now(), kfWindow)
		return s.kfChange(g, 1, "", t.servicer, code), nil
	})
}

// KfTransfer hands a person to another receptionist.
func (s *Sim) KfTransfer(servicer, to, userid string) Delivery {
	return s.kfServe(servicer, userid, func(g *guest, t *talk, by *phone) (*errand, error) {
		next := s.phone(to)
		if known, active := g.desk.receives(to); !t.servedBy(by) || next == nil || next == by || !known || !active {
			return nil, errServicer
		}
		t.servicer = next.member.UserID
		return s.kfChange(g, 2, by.member.UserID, t.servicer, ""), nil
	})
}

// KfAnswer is what a receptionist writes to the person. After the end it opens the session again. Whether it may be
// written more than 48 h after the person's last word is not confirmed; here it may.
func (s *Sim) KfAnswer(servicer, userid, text string) Delivery {
	return s.kfServe(servicer, userid, func(g *guest, t *talk, by *phone) (*errand, error) {
		switch {
		case t.state == kfEnded:
			old := t.servicer
			t.state, t.servicer = kfHuman, by.member.UserID
			s.kfChange(g, 4, old, t.servicer, "")
		case !t.servedBy(by):
			return nil, errServicer
		}
		if s.rules.Kf.HumanCounts {
			t.sent++
		}
		e := s.kfWrite(g.desk, g.phone, kfHead{OpenKfID: g.desk.OpenKfID, Customer: g.id, Origin: kfFromServicer,
			Servicer: by.member.UserID, MsgType: "text"}, content{text})
		if !t.refused {
			g.put(&Message{ID: e.key, MsgID: e.key, From: "app", By: by.member.Name, Type: "text", Text: text,
				At: s.now().Truncate(time.Second), Trace: e.trace})
		}
		return e, nil
	})
}

// KfTakeBack is a receptionist's recall of what was written, known by its msgid.
func (s *Sim) KfTakeBack(servicer, userid, msgid string) Delivery {
	return s.kfServe(servicer, userid, func(g *guest, _ *talk, by *phone) (*errand, error) {
		if !g.takeBack(msgid, "app") {
			return nil, errNoMessage
		}
		fields := map[string]any{"recall_msgid": msgid, "servicer_userid": by.member.UserID}
		return s.kfRaise(g.desk, g, "servicer_recall_msg", fields), nil
	})
}

// KfEnd ends the session a receptionist has.
func (s *Sim) KfEnd(servicer, userid string) Delivery {
	return s.kfServe(servicer, userid, func(g *guest, t *talk, by *phone) (*errand, error) {
		if !t.servedBy(by) {
			return nil, errServicer
		}
		t.state = kfEnded
		code := s.kf.newCode(&kfCode{desk: g.desk, guest: g, state: kfEnded, menu: true}, s.now(), kfWelcome)
		return s.kfChange(g, 3, by.member.UserID, "", code), nil
	})
}

// KfReject makes a receptionist refuse the person's messages, or take them again.
func (s *Sim) KfReject(servicer, userid string, on bool) Delivery {
	return s.kfServe(servicer, userid, func(g *guest, _ *talk, by *phone) (*errand, error) {
		state := 0
		if on {
			state = 1
		}
		fields := map[string]any{"servicer_userid": by.member.UserID, "reject_switch": state}
		return s.kfRaise(g.desk, g, "reject_customer_msg_switch_change", fields), nil
	})
}

// KfReceive says whether a receptionist receives customers just now.
func (s *Sim) KfReceive(openKfID, servicer string, on bool) Delivery {
	return s.wait(func() (*errand, error) {
		s.kf.mu.Lock()
		defer s.kf.mu.Unlock()
		d, p := s.kf.find(openKfID), s.phone(servicer)
		if d == nil || p == nil {
			return nil, errServicer
		}
		if known, _ := d.receives(servicer); !known {
			return nil, errServicer
		}
		d.paused[strings.ToLower(servicer)] = !on
		fields := map[string]any{"servicer_userid": p.member.UserID, "status": 1}
		if !on {
			fields["status"], fields["stop_type"] = 2, 0
		}
		return s.kfRaise(d, nil, "servicer_status_change", fields), nil
	}())
}

// KfManage hands an account to the app, or takes it away: the event kf_account_auth_change.
func (s *Sim) KfManage(openKfID string, on bool) Delivery {
	return s.wait(func() (*errand, error) {
		s.kf.mu.Lock()
		defer s.kf.mu.Unlock()
		d := s.kf.find(openKfID)
		if d == nil {
			return nil, errUnmanaged
		}
		d.Granted = on
		name := "AuthDelOpenKfId"
		if on {
			name = "AuthAddOpenKfId"
		}
		p := s.nobody()
		const event = "kf_account_auth_change"
		e := &errand{event: event, title: event, plain: "<xml>" + element("ToUserName", s.opt.CorpID) +
			element("FromUserName", "sys") + node("CreateTime", decimal(float64(s.now().Unix()))) + element("MsgType", "event") +
			element("Event", event) + element(name, openKfID) + "</xml>"}
		s.trace(p, e)
		p.walk(e)
		return e, nil
	}())
}
