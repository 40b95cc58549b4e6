package wecom

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/silenceper/wechat/v2/util"
)

// What follows is 客户联系: the WeChat contacts of one helper. WeCom sends nothing to them by itself; a mass message (群发) is a
// task that waits in the helper's WeCom until he taps 发送 (wecom/92135), and says nothing if he never does.

// ErrNobody says that a mass message has nobody to go to: the child is no contact of the helper, or not any more.
var ErrNobody = errors.New("wecom: the mass message reaches nobody")

// What became of a mass message (wecom/93338). There is no word on whether it was read.
const (
	MassUnsent   = 0 // the helper has not tapped
	MassSent     = 1
	MassNoFriend = 2
	MassCapped   = 3 // the child has had as many this month as WeCom allows
)

const (
	maxState   = 30   // characters of a contact way's state (wecom/92228)
	maxOutward = 4000 // bytes of a text to a contact (wecom/92135, wecom/92137)

	codeNobody      = 41048
	codeDispatching = 41063

	apiContactWay = "externalcontact/add_contact_way"
	apiMass       = "externalcontact/add_msg_template"
)

// massRef names a mass message; Limit and User are for the questions about it.
type massRef struct {
	MsgID string `json:"msgid"`
	User  string `json:"userid,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// ContactWay makes a QR code that adds a member as a contact without his saying yes (wecom/92228). state comes back with the
// child's add_external_contact, and has no room for more than a handle. The SDK's AddContactWay sends an empty conclusions,
// which is for temporary sessions alone.
func (c *Client) ContactWay(ctx context.Context, userid, state string) (configID, qrURL string, err error) {
	if err := checkReceiver(userid); err != nil {
		return "", "", err
	}
	if n := utf8.RuneCountInString(state); n > maxState {
		return "", "", &LimitError{Field: "state", Need: "at most", Limit: maxState, Actual: n}
	}
	var r struct {
		util.CommonError
		ConfigID string `json:"config_id"`
		QRCode   string `json:"qr_code"`
	}
	err = c.ask(ctx, apiContactWay, struct {
		Type       int      `json:"type"`  // 1: one member
		Scene      int      `json:"scene"` // 2: by QR code
		SkipVerify bool     `json:"skip_verify"`
		State      string   `json:"state,omitempty"`
		User       []string `json:"user"`
	}{1, 2, true, state, []string{userid}}, &r)
	return r.ConfigID, r.QRCode, err
}

// MassSend lays a message to one child before the helper it is from. sender is set, or WeCom would give the task to whoever
// spoke to the child last; allow_select is not, so that it can go to nobody else.
func (c *Client) MassSend(ctx context.Context, sender, externalID, text string) (msgID string, err error) {
	if err := checkReceiver(sender); err != nil {
		return "", err
	}
	if err := checkOutward(text); err != nil {
		return "", err
	}
	if externalID == "" { // without, WeCom would send to all of the helper's contacts
		return "", fmt.Errorf("%w: no contact is named", ErrNobody)
	}
	var r struct {
		util.CommonError
		MsgID string   `json:"msgid"`
		Fail  []string `json:"fail_list"`
	}
	err = c.ask(ctx, apiMass, struct {
		ChatType    string   `json:"chat_type"`
		External    []string `json:"external_userid"`
		Sender      string   `json:"sender"`
		AllowSelect bool     `json:"allow_select"`
		Text        content  `json:"text"`
	}{"single", []string{externalID}, sender, false, content{text}}, &r)
	if err == nil && named(externalID, r.Fail...) {
		err = &APIError{API: apiMass, Code: codeNobody}
	}
	if hasCode(err, codeNobody) {
		err = fmt.Errorf("%w: %w", ErrNobody, err)
	}
	if err != nil {
		return "", err
	}
	return r.MsgID, nil
}

// MassTask says whether the helper has tapped, and when (wecom/93338). A message WeCom has not handed out yet is not sent.
func (c *Client) MassTask(ctx context.Context, msgID string) (sent bool, at time.Time, err error) {
	var r struct {
		util.CommonError
		Tasks []struct {
			Status int   `json:"status"` // 0 not sent, 2 sent
			Time   int64 `json:"send_time"`
		} `json:"task_list"`
	}
	err = c.ask(ctx, "externalcontact/get_groupmsg_task", massRef{MsgID: msgID, Limit: 1}, &r)
	if hasCode(err, codeDispatching) {
		return false, time.Time{}, nil
	}
	if err != nil {
		return false, time.Time{}, err
	}
	for _, t := range r.Tasks { // one: MassSend names one sender
		if t.Status == 2 {
			return true, time.Unix(t.Time, 0).UTC(), nil
		}
	}
	return false, time.Time{}, nil
}

// MassResult is one of MassUnsent, MassSent, MassNoFriend, MassCapped (wecom/93338), or a number WeCom has added since.
func (c *Client) MassResult(ctx context.Context, msgID, sender string) (status int, err error) {
	var r struct {
		util.CommonError
		List []struct {
			Status int `json:"status"`
		} `json:"send_list"`
	}
	err = c.ask(ctx, "externalcontact/get_groupmsg_send_result", massRef{MsgID: msgID, User: sender, Limit: 1}, &r)
	if hasCode(err, codeDispatching) || err == nil && len(r.List) == 0 {
		return MassUnsent, nil
	}
	if err != nil {
		return MassUnsent, err
	}
	return r.List[0].Status, nil // one: MassSend names one child
}

// RemindMass has WeCom remind the helper, at most three times a day for one message (wecom/97610).
func (c *Client) RemindMass(ctx context.Context, msgID string) error {
	return c.ask(ctx, "externalcontact/remind_groupmsg_send", massRef{MsgID: msgID}, &util.CommonError{})
}

// CancelMass takes the task back where the helper has not tapped; what is sent stays sent (wecom/97611).
func (c *Client) CancelMass(ctx context.Context, msgID string) error {
	return c.ask(ctx, "externalcontact/cancel_groupmsg_send", massRef{MsgID: msgID}, &util.CommonError{})
}

// Welcome says the first words to a child who has just added a helper, once and within 20 seconds of the event that brought
// the code (wecom/92137).
func (c *Client) Welcome(ctx context.Context, code, text string) error {
	if err := checkOutward(text); err != nil {
		return err
	}
	return c.ask(ctx, "externalcontact/send_welcome_msg", struct {
		Code string  `json:"welcome_code"`
		Text content `json:"text"`
	}{code, content{text}}, &util.CommonError{})
}

func checkOutward(text string) error {
	var f faultList
	f.need("text.content", text != "")
	f.bytes("text.content", text, maxOutward)
	return hard(f)
}

// ask posts a body that is yet to be JSON.
func (c *Client) ask(ctx context.Context, api string, body, out any) error {
	b, err := encode(body)
	if err != nil {
		return fmt.Errorf("wecom %s: %w", api, err)
	}
	return c.post(ctx, api, nil, b, out)
}

func hasCode(err error, code int) bool {
	a := (*APIError)(nil)
	return errors.As(err, &a) && a.Code == code
}
