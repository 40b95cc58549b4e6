package sim

import (
	"errors"
	"net/http"
)

// kfSeat is where a WeChat phone of the page stands.
type kfSeat struct {
	Account string `json:"account"` // the last one entered, or ""
	Inside  bool   `json:"inside"`
	Refused bool   `json:"refused"`
}

// kfSeat is nothing for a phone of WeCom.
func (s *Sim) kfSeat(userid string) *kfSeat {
	s.kf.mu.Lock()
	defer s.kf.mu.Unlock()
	g, err := s.kf.guestOf(s, userid)
	if err != nil {
		return nil
	}
	seat := &kfSeat{Inside: g.inside}
	if g.desk != nil {
		seat.Account, seat.Refused = g.desk.Name, g.desk.talk(g).refused
	}
	return seat
}

// pageCards are what a WeChat phone can scan.
func (s *Sim) pageCards(w http.ResponseWriter, _ *http.Request) {
	cards := []ContactCard{}
	if s.opt.Cards != nil {
		cards = append(cards, s.opt.Cards()...)
	}
	writeJSON(w, http.StatusOK, cards)
}

// pageWeChat is what a hand does on a WeChat phone beside talking.
func (s *Sim) pageWeChat(w http.ResponseWriter, r *http.Request) {
	var q struct {
		UserID, Act, URL, ID, Key string
		On                        bool
	}
	if !readJSON(w, r, &q) {
		return
	}
	var e *errand
	err := errors.New("没有这个动作")
	switch q.Act {
	case "scan":
		e, err = s.kfScan(q.UserID, q.URL)
	case "enter":
		e, err = s.kfEnter(q.UserID)
	case "click":
		e, err = s.kfClick(q.UserID, q.ID, q.Key)
	case "recall":
		e, err = s.kfRecall(q.UserID, q.ID)
	case "leave":
		e, err = &errand{}, s.KfLeave(q.UserID)
	case "block":
		e, err = &errand{}, s.KfBlock(q.UserID, q.On)
	}
	started(w, e, err)
}
