package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// MenuButton is one entry of the app's menu: path/90231.
type MenuButton struct {
	Type     string       `json:"type,omitempty"`
	Name     string       `json:"name"`
	Key      string       `json:"key,omitempty"`
	URL      string       `json:"url,omitempty"`
	AppID    string       `json:"appid,omitempty"`
	PagePath string       `json:"pagepath,omitempty"`
	Sub      []MenuButton `json:"sub_button,omitempty"`
}

// menuState is what the app has set: its menu, and which events it wants.
type menuState struct {
	mu       sync.Mutex
	buttons  []MenuButton
	enter    bool // isreportenter
	location bool // report_location_flag
}

func (m *menuState) get() []MenuButton {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.buttons // replaced, never edited
}

func (m *menuState) reportsEnter() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.enter
}

func (m *menuState) reportsLocation() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.location
}

var keyTypes = []string{"click", "scancode_push", "scancode_waitmsg", "pic_sysphoto", "pic_photo_or_album", "pic_weixin", "location_select"}

// menuCodes differ between the two levels.
type menuCodes struct{ count, kind, name, key, url, scheme, nameLimit, countLimit int }

var (
	topCodes = menuCodes{count: 40016, kind: 40017, name: 40018, key: 40019, url: 40020, scheme: 40055, nameLimit: 16, countLimit: 3}
	subCodes = menuCodes{count: 40023, kind: 40024, name: 40025, key: 40026, url: 40027, scheme: 40054, nameLimit: 40, countLimit: 5}
)

func checkMenu(buttons []MenuButton, codes menuCodes) error {
	if n := len(buttons); n < 1 || n > codes.countLimit {
		return fail(codes.count, "invalid button size")
	}
	for _, b := range buttons {
		switch {
		case b.Name == "":
			return fail(41102, "missing button name")
		case len(b.Name) > codes.nameLimit:
			return fail(codes.name, "invalid button name size")
		case len(b.Sub) > 0 && codes == subCodes:
			return fail(40022, "invalid sub button level")
		case len(b.Sub) > 0:
			if err := checkMenu(b.Sub, subCodes); err != nil {
				return err
			}
		case b.Type == "view" && (b.URL == "" || len(b.URL) > 1024):
			return fail(codes.url, "invalid button url size")
		case b.Type == "view" && !strings.HasPrefix(b.URL, "http://") && !strings.HasPrefix(b.URL, "https://"):
			return fail(codes.scheme, "invalid button url domain")
		case b.Type == "view":
		case b.Type == "view_miniprogram" && (b.PagePath == "" || len(b.PagePath) > 1024 || b.AppID == ""):
			return fail(codes.url, "invalid button pagepath")
		case b.Type == "view_miniprogram":
		case !slices.Contains(keyTypes, b.Type):
			return fail(codes.kind, "invalid button type")
		case b.Key == "" || len(b.Key) > 128:
			return fail(codes.key, "invalid button key size")
		}
	}
	return nil
}

func (c *call) createMenu() (any, error) {
	if err := c.agent(c.query.Get("agentid")); err != nil {
		return nil, err
	}
	var q struct {
		Buttons []MenuButton `json:"button"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	if err := checkMenu(q.Buttons, topCodes); err != nil {
		return nil, err
	}
	c.setMenu(q.Buttons)
	return ok, nil
}

func (s *Sim) setMenu(buttons []MenuButton) {
	s.menu.mu.Lock()
	s.menu.buttons = buttons
	s.menu.mu.Unlock()
	s.hub.publishState(s)
}

func (c *call) getMenu() (any, error) {
	if err := c.agent(c.query.Get("agentid")); err != nil {
		return nil, err
	}
	buttons := c.menu.get()
	if buttons == nil {
		return nil, fail(46003, "menu no exist")
	}
	return struct {
		status
		Buttons []MenuButton `json:"button"`
	}{ok, buttons}, nil
}

func (c *call) deleteMenu() (any, error) {
	if err := c.agent(c.query.Get("agentid")); err != nil {
		return nil, err
	}
	c.setMenu(nil)
	return ok, nil
}

// getAgent is the way to read the visible range: path/90227.
func (c *call) getAgent() (any, error) {
	if err := c.agent(c.query.Get("agentid")); err != nil {
		return nil, err
	}
	type user struct {
		UserID string `json:"userid"`
	}
	a := struct {
		status
		AgentID int    `json:"agentid"`
		Name    string `json:"name"`
		Users   struct {
			User []user `json:"user"`
		} `json:"allow_userinfos"`
		Parties struct {
			ID []int `json:"partyid"`
		} `json:"allow_partys"`
		Tags struct {
			ID []int `json:"tagid"`
		} `json:"allow_tags"`
		Close    int    `json:"close"`
		Domain   string `json:"redirect_domain"`
		Location int    `json:"report_location_flag"`
		Enter    int    `json:"isreportenter"`
		Home     string `json:"home_url"`
	}{status: ok, AgentID: c.opt.AgentID, Name: "巡访", Location: bit(c.menu.reportsLocation()), Enter: bit(c.menu.reportsEnter())}
	a.Users.User, a.Parties.ID, a.Tags.ID = []user{}, []int{}, []int{}
	for _, p := range c.roll {
		if p.reachable() {
			a.Users.User = append(a.Users.User, user{p.member.UserID})
		}
	}
	return a, nil
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// setAgent: path/90228; only the two switches matter here.
func (c *call) setAgent() (any, error) {
	var q struct {
		AgentID  json.RawMessage `json:"agentid"`
		Enter    *int            `json:"isreportenter"`
		Location *int            `json:"report_location_flag"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	if err := c.agent(string(q.AgentID)); err != nil {
		return nil, err
	}
	for _, flag := range []*int{q.Enter, q.Location} {
		if flag != nil && *flag != 0 && *flag != 1 {
			return nil, fail(40058, "invalid flag")
		}
	}
	c.menu.mu.Lock()
	defer c.menu.mu.Unlock()
	if q.Enter != nil {
		c.menu.enter = *q.Enter == 1
	}
	if q.Location != nil {
		c.menu.location = *q.Location == 1
	}
	return ok, nil
}

var errNoEntry = errors.New("菜单里没有这一项")

// tapMenu raises what a menu entry reports: path/90240. An entry that opens a sub-menu reports nothing.
func (s *Sim) tapMenu(userid, key string) (*errand, error) {
	p, err := s.owner(userid)
	if err != nil {
		return nil, err
	}
	var b *MenuButton
	for _, top := range s.menu.get() {
		for _, x := range append([]MenuButton{top}, top.Sub...) {
			if len(x.Sub) == 0 && key != "" && (x.Key == key || x.URL == key || x.PagePath == key) {
				b = &x
			}
		}
	}
	if b == nil {
		return nil, errNoEntry
	}
	switch b.Type {
	case "click", "view", "view_miniprogram":
		e := p.newEvent(b.Type, key, element("EventKey", key), "")
		e.tells = true
		p.walk(e)
		return e, nil
	}
	return nil, fmt.Errorf("这里的手机不会 %s 这一种菜单", b.Type)
}
