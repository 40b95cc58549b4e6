package wecom

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/silenceper/wechat/v2/util"

	"xunfang/ledger"
)

// 微信客服 (kf). Self-built calls: the SDK's SyncMsg loses the error code and who answered, and its SendMsgOnEvent writes an empty
// msgid.

// Limits of 微信客服 in bytes (wecom/94677).
const (
	kfText    = 2048
	kfHead    = 1024
	kfItems   = 10
	kfItemID  = 64
	kfLabel   = 128
	kfPage    = 1000
	kfScene   = 32
	kfParam   = 128
	kfWelcome = 20 * time.Second // a welcome_code's life (wecom/95122)
)

// KfWelcomeLife is how long after entering a welcome can be sent; a second is left for the way.
const KfWelcomeLife = kfWelcome - time.Second

// Codes of 微信客服 (wecom/90313).
const (
	codeKfToken = 95007
)

// KfMessage is one item of kf/sync_msg (wecom/94670).
type KfMessage struct {
	ID       string // msgid
	OpenKfID string
	User     string // external_userid
	Servicer string
	At       time.Time // send_time: whole seconds of WeCom's clock
	Origin   int       // 3 customer, 4 system event, 5 receptionist
	Type     string
	Text     string
	MenuID   string // of a tapped menu item
	MediaID  string
	Label    string // of a location

	Event    string // of Type event
	Scene    string
	Param    string // scene_param, verbatim
	Welcome  string // welcome_code
	FailID   string // msgid that did not arrive
	FailType int
	RecallID string
	Change   int
}

// Kinds of a message that did not arrive (wecom/94670).
const (
	KfFailRefused = 10 // the customer refuses messages
)

// kfItem is a KfMessage as WeCom writes it; of events account and customer stand inside.
type kfItem struct {
	MsgID    string `json:"msgid"`
	OpenKfID string `json:"open_kfid"`
	External string `json:"external_userid"`
	SendTime int64  `json:"send_time"`
	Origin   int    `json:"origin"`
	Servicer string `json:"servicer_userid"`
	MsgType  string `json:"msgtype"`
	Text     struct {
		Content string `json:"content"`
		MenuID  string `json:"menu_id"`
	} `json:"text"`
	Image    mediaRef `json:"image"`
	Voice    mediaRef `json:"voice"`
	Video    mediaRef `json:"video"`
	File     mediaRef `json:"file"`
	Location struct {
		Name    string `json:"name"`
		Address string `json:"address"`
	} `json:"location"`
	Event struct {
		Type     string `json:"event_type"`
		OpenKfID string `json:"open_kfid"`
		External string `json:"external_userid"`
		Scene    string `json:"scene"`
		Param    string `json:"scene_param"`
		Welcome  string `json:"welcome_code"`
		FailID   string `json:"fail_msgid"`
		FailType int    `json:"fail_type"`
		RecallID string `json:"recall_msgid"`
		Change   int    `json:"change_type"`
	} `json:"event"`
}

type mediaRef struct {
	MediaID string `json:"media_id"`
}

// ParseKf reads one item as it was kept; ErrMalformed where it is none.
func ParseKf(raw []byte) (KfMessage, error) {
	var x kfItem
	if err := json.Unmarshal(raw, &x); err != nil || x.MsgID == "" || x.MsgType == "" {
		return KfMessage{}, ErrMalformed
	}
	m := KfMessage{ID: x.MsgID, OpenKfID: x.OpenKfID, User: x.External, Servicer: fold(x.Servicer), At: time.Unix(x.SendTime, 0), Origin: x.Origin,
		Type: x.MsgType, Text: x.Text.Content, MenuID: x.Text.MenuID, Label: strings.TrimSpace(x.Location.Name + " " + x.Location.Address)}
	for _, r := range []mediaRef{x.Image, x.Voice, x.Video, x.File} {
		if r.MediaID != "" {
			m.MediaID = r.MediaID
		}
	}
	if m.Type == "event" {
		e := x.Event
		m.OpenKfID, m.User, m.Event = e.OpenKfID, e.External, e.Type
		m.Scene, m.Param, m.Welcome = e.Scene, e.Param, e.Welcome
		m.FailID, m.FailType, m.RecallID, m.Change = e.FailID, e.FailType, e.RecallID, e.Change
	}
	return m, nil
}

// Key is the inbox key: msgid is unique for an account (implementers see the same item in later pulls).
func (m KfMessage) Key() string { return KfKey(m.OpenKfID, m.ID) }

// KfKey is the inbox key of a message by account and msgid.
func KfKey(openKfID, msgID string) string { return digest("f", openKfID, msgID) }

// KfPulled is one answer of kf/sync_msg. Items that are no messages are left out; they are counted.
type KfPulled struct {
	Next string
	More bool
	Raws [][]byte // each readable by ParseKf
	Bad  int
}

// KfPull reads the messages of an account since a cursor; token is the callback's and lives ten minutes, "" none: then WeCom allows
// less often. A stale one is left out by itself.
func (c *Client) KfPull(ctx context.Context, openKfID, cursor, token string) (KfPulled, error) {
	var r struct {
		util.CommonError
		NextCursor string            `json:"next_cursor"`
		HasMore    int               `json:"has_more"`
		List       []json.RawMessage `json:"msg_list"`
	}
	body, err := encode(struct {
		Cursor string `json:"cursor,omitempty"`
		Token  string `json:"token,omitempty"`
		Limit  int    `json:"limit"`
		Voice  int    `json:"voice_format"`
		KfID   string `json:"open_kfid"`
	}{cursor, token, kfPage, 0, openKfID})
	if err != nil {
		return KfPulled{}, fmt.Errorf("wecom kf/sync_msg: %w", err)
	}
	err = c.post(ctx, "kf/sync_msg", nil, body, &r)
	if a := (*APIError)(nil); token != "" && errors.As(err, &a) && a.Code == codeKfToken {
		return c.KfPull(ctx, openKfID, cursor, "")
	}
	if err != nil {
		return KfPulled{}, err
	}
	out := KfPulled{Next: r.NextCursor, More: r.HasMore == 1}
	for _, raw := range r.List {
		if m, err := ParseKf(raw); err != nil || m.User == "" {
			out.Bad++
			continue
		}
		out.Raws = append(out.Raws, raw)
	}
	return out, nil
}

// KfLink is the address behind which an account's chat opens; scene says from what kind of place (wecom/94665). A signed parameter
// may be appended with KfLinkWith.
func (c *Client) KfLink(ctx context.Context, openKfID, scene string) (string, error) {
	if len(scene) > kfScene {
		return "", &LimitError{Field: "scene bytes", Need: "at most", Limit: kfScene, Actual: len(scene)}
	}
	body, err := encode(map[string]string{"open_kfid": openKfID, "scene": scene})
	if err != nil {
		return "", fmt.Errorf("wecom kf/add_contact_way: %w", err)
	}
	var r struct {
		util.CommonError
		URL string `json:"url"`
	}
	err = c.post(ctx, "kf/add_contact_way", nil, body, &r)
	return r.URL, err
}

// KfLinkWith appends what comes back as scene_param.
func KfLinkWith(link, param string) string {
	if param == "" || len(param) > kfParam {
		return link
	}
	return link + "&scene_param=" + param
}

// KfAccount is a 微信客服 account as WeCom lists it.
type KfAccount struct {
	OpenKfID string `json:"open_kfid"`
	Name     string `json:"name"`
	Granted  bool   `json:"manage_privilege"`
}

// KfAccounts are the accounts that the app sees (wecom/94661).
func (c *Client) KfAccounts(ctx context.Context) ([]KfAccount, error) {
	var r struct {
		util.CommonError
		List []KfAccount `json:"account_list"`
	}
	body, err := encode(map[string]int{"offset": 0, "limit": 100})
	if err != nil {
		return nil, fmt.Errorf("wecom kf/account/list: %w", err)
	}
	err = c.post(ctx, "kf/account/list", nil, body, &r)
	return r.List, err
}

// KfNick is what a customer calls themselves on WeChat (wecom/95159), "" where WeCom does not say.
func (c *Client) KfNick(ctx context.Context, external string) (string, error) {
	var r struct {
		util.CommonError
		List []struct {
			Nickname string `json:"nickname"`
		} `json:"customer_list"`
	}
	body, err := encode(map[string]any{"external_userid_list": []string{external}, "need_enter_session_context": 0})
	if err != nil {
		return "", fmt.Errorf("wecom kf/customer/batchget: %w", err)
	}
	if err := c.post(ctx, "kf/customer/batchget", nil, body, &r); err != nil || len(r.List) == 0 {
		return "", err
	}
	return r.List[0].Nickname, nil
}

// kfBody is kf/send_msg and kf/send_msg_on_event. Account and customer are filled in when it is sent: no outbox row names them.
type kfBody struct {
	ToUser   string    `json:"touser,omitempty"`
	OpenKfID string    `json:"open_kfid,omitempty"`
	Code     string    `json:"code,omitempty"`
	MsgID    string    `json:"msgid"`
	MsgType  string    `json:"msgtype"`
	Text     *content  `json:"text,omitempty"`
	Image    *imageRef `json:"image,omitempty"`
	Menu     *kfMenu   `json:"msgmenu,omitempty"`
}

type kfMenu struct {
	Head string       `json:"head_content,omitempty"`
	List []kfMenuItem `json:"list"`
	Tail string       `json:"tail_content,omitempty"`
}

type kfMenuItem struct {
	Type  string   `json:"type"`
	Click *kfClick `json:"click,omitempty"`
	View  *kfView  `json:"view,omitempty"`
}

type kfClick struct {
	ID      string `json:"id"`
	Content string `json:"content"`
}

type kfView struct {
	URL     string `json:"url"`
	Content string `json:"content"`
}

// KfMsgID is the msgid under which a message goes out: by it WeCom knows a repeat, and names what did not arrive.
func KfMsgID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}

// RenderKf is Render for a relative's thread: a card becomes a menu whose items come back as taps. Of a card only what WeChat can show
// is allowed.
func RenderKf(m ledger.Message) (ledger.Message, error) {
	call := ledger.CallKf
	b := kfBody{MsgID: KfMsgID(m.Key), Code: m.Code}
	if m.Code != "" {
		call = ledger.CallWelcome
	}
	switch c := m.Card; {
	case m.Picture != nil:
		m.Call, m.Body, m.Fallback = ledger.CallKf, m.Picture, m.Text
		return m, nil
	case c == nil:
		if err := checkText("text.content", m.Text); err != nil {
			return m, err
		}
		b.MsgType, b.Text = "text", &content{m.Text}
	case c.Checks != nil || len(c.Selects) > 0 || c.Submit.Key != "":
		return m, &LimitError{Field: "msgmenu", Need: "a card with buttons only"}
	default:
		lines := []string{c.Title, c.Desc}
		for _, r := range c.Rows {
			lines = append(lines, r.Name+":"+r.Value)
		}
		lines = append(lines, c.Done)
		menu := &kfMenu{Head: cutBytes(joined(lines), kfHead), Tail: cutBytes(c.Sub, kfHead), List: []kfMenuItem{}}
		for _, x := range c.Buttons {
			id := x.Key
			if !strings.HasPrefix(id, "go:") && c.Task != "" {
				id = c.Task + "/" + id
			}
			if len(id) > kfItemID {
				return m, &LimitError{Field: "msgmenu.click.id bytes", Need: "at most", Limit: kfItemID, Actual: len(id)}
			}
			menu.List = append(menu.List, kfMenuItem{Type: "click", Click: &kfClick{ID: id, Content: cutBytes(x.Text, kfLabel)}})
		}
		if c.Link != "" {
			menu.List = append(menu.List, kfMenuItem{Type: "view", View: &kfView{URL: c.Link, Content: "点这里看"}})
		}
		if len(menu.List) > kfItems {
			return m, &LimitError{Field: "msgmenu.list items", Need: "at most", Limit: kfItems, Actual: len(menu.List)}
		}
		if len(menu.List) == 0 { // a menu without an item is none
			b.MsgType, b.Text = "text", &content{cutBytes(joined([]string{menu.Head, menu.Tail}), kfText)}
		} else {
			b.MsgType, b.Menu = "msgmenu", menu
		}
	}
	return filled(m, call, b)
}

// KfTap reads a menu_id: the card that the item stood on, and its button.
func KfTap(menuID string) (task, button string) {
	if strings.HasPrefix(menuID, "go:") {
		return "", menuID
	}
	if task, button, ok := strings.Cut(menuID, "/"); ok {
		return task, button
	}
	return "", menuID
}

func joined(lines []string) string {
	var out []string
	for _, l := range lines {
		if l != "" {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// cutBytes shortens a text to a number of bytes without cutting a character.
func cutBytes(s string, most int) string {
	if len(s) <= most {
		return s
	}
	s = s[:most-len("…")]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}

// KfSend sends a rendered message of a thread to its customer: kf/send_msg (wecom/94677) or, with a code, kf/send_msg_on_event
// (wecom/95122). That WeCom took it does not mean that it arrives: msg_send_fail may follow.
func (c *Client) KfSend(ctx context.Context, m ledger.Message, openKfID, external string) (Receipt, error) {
	api, body := "kf/send_msg", kfBody{}
	if bytes.HasPrefix(m.Body, []byte(pngHead)) {
		media, err := c.UploadMedia(ctx, MediaImage, "photo.png", bytes.NewReader(m.Body))
		if err != nil {
			return Receipt{}, err
		}
		body = kfBody{MsgID: KfMsgID(m.Key), MsgType: "image", Image: &imageRef{media}}
	} else if err := json.Unmarshal(m.Body, &body); err != nil {
		return Receipt{}, fmt.Errorf("read the message to be sent: %w", err)
	}
	if m.Call == ledger.CallWelcome {
		api = "kf/send_msg_on_event"
	} else {
		body.ToUser, body.OpenKfID = external, openKfID
	}
	raw, err := encode(body)
	if err != nil {
		return Receipt{}, fmt.Errorf("wecom %s: %w", api, err)
	}
	var r struct {
		util.CommonError
		MsgID string `json:"msgid"`
	}
	if err := c.post(ctx, api, nil, raw, &r); err != nil {
		return Receipt{}, err
	}
	return Receipt{MsgID: r.MsgID}, nil
}
