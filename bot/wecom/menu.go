package wecom

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/silenceper/wechat/v2/util"
)

// MenuButton is an entry of the app's menu (wecom/90231): either an action or a list of further entries.
type MenuButton struct {
	Type     string       `json:"type,omitempty"` // click, view, …; none with entries under it
	Name     string       `json:"name"`
	Key      string       `json:"key,omitempty"`
	URL      string       `json:"url,omitempty"`
	PagePath string       `json:"pagepath,omitempty"`
	AppID    string       `json:"appid,omitempty"`
	Sub      []MenuButton `json:"sub_button,omitempty"`
}

// ValidateMenu says whether WeCom takes the menu: 3 × 5 entries, names of 16 and 40 bytes.
func ValidateMenu(menu []MenuButton) error {
	var f faultList
	f.count("button", len(menu), 1, 3) // 40017
	for _, b := range menu {
		b.faults(&f, "button", 16)
		if b.Sub == nil {
			continue
		}
		f.count("sub_button", len(b.Sub), 1, 5) // 40023
		if b.Type != "" || b.Key != "" || b.URL != "" {
			f.add(LimitError{Field: "button", Need: "either an action or entries under it"})
		}
		for _, s := range b.Sub {
			s.faults(&f, "sub_button", 40)
			if s.Sub != nil {
				f.add(LimitError{Field: "sub_button", Need: "no third level"})
			}
		}
	}
	return hard(f)
}

// Validate checks one top entry with everything under it.
func (b MenuButton) Validate() error { return ValidateMenu([]MenuButton{b}) }

func (b MenuButton) faults(f *faultList, field string, name int) {
	f.key(field+".name", b.Name, name) // 41102, 40018
	f.bytes(field+".key", b.Key, 128)
	f.bytes(field+".url", b.URL, 1024)
	if b.Sub != nil {
		return
	}
	switch b.Type {
	case "click", "scancode_push", "scancode_waitmsg", "pic_sysphoto", "pic_photo_or_album", "pic_weixin", "location_select":
		f.need(field+".key", b.Key != "")
	case "view":
		f.need(field+".url", hasScheme(b.URL))
	case "view_miniprogram":
		f.need(field+".pagepath", b.PagePath != "")
		f.need(field+".appid", b.AppID != "")
	default:
		f.add(LimitError{Field: field + ".type", Need: "one of the nine types"})
	}
}

// PushMenu publishes the menu.
func (c *Client) PushMenu(ctx context.Context, menu []MenuButton) error {
	if err := ValidateMenu(menu); err != nil {
		return err
	}
	body, err := encode(map[string][]MenuButton{"button": menu})
	if err != nil {
		return fmt.Errorf("wecom menu/create: %w", err)
	}
	return c.post(ctx, "menu/create", c.agentQuery(), body, &util.CommonError{})
}

// GetMenu reads the menu that is published (wecom/90232).
func (c *Client) GetMenu(ctx context.Context) ([]MenuButton, error) {
	var answer struct {
		Button []MenuButton `json:"button"`
	}
	err := c.get(ctx, "menu/get", c.agentQuery(), &answer)
	return answer.Button, err
}

// DeleteMenu takes the menu away (wecom/90233).
func (c *Client) DeleteMenu(ctx context.Context) error {
	return c.get(ctx, "menu/delete", c.agentQuery(), &util.CommonError{})
}

func (c *Client) agentQuery() url.Values { return url.Values{"agentid": {strconv.Itoa(c.cfg.AgentID)}} }
