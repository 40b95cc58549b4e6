package official

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/silenceper/wechat/v2/util"
)

// Door is where WeChat's callbacks come in, in safe mode (安全模式) only: a plaintext body is refused, since its signature
// covers nothing of it. It may be used by any number of goroutines.
type Door struct{ appID, token, key string }

var (
	// ErrSignature says that the caller is not WeChat: 401.
	ErrSignature = errors.New("official callback: signature does not match")
	// ErrMalformed says that parameters, body or ciphertext are not what WeChat sends, or are for another account: 400. One
	// sentence for all cases, since a caller who learns which check failed can read plaintext byte by byte.
	ErrMalformed = errors.New("official callback: malformed")
)

// MaxBody is the largest callback body that is read. WeChat's own are a few KB.
const MaxBody = 128 << 10

// NewDoor takes the values of 设置与开发 → 服务器配置. Faults are those of the configuration, all at once.
func NewDoor(appID, token, encodingAESKey string) (*Door, error) {
	var faults []error
	if appID == "" {
		faults = append(faults, errors.New("official: app_id is empty"))
	}
	// An empty token would leave a signature that anybody can compute.
	if len(token) < 3 || len(token) > 32 || !alphanumeric(token) {
		faults = append(faults, errors.New("official: callback token must be 3 to 32 letters and digits"))
	}
	if len(encodingAESKey) != 43 || !alphanumeric(encodingAESKey) {
		faults = append(faults, errors.New("official: encoding_aes_key must be 43 letters and digits"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &Door{appID, token, encodingAESKey}, nil
}

func alphanumeric(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	})
}

// Verify answers WeChat's GET when the administrator presses save: the bytes to send back, bare. The signature does not
// cover echostr, so only what cannot be a page is echoed.
func (d *Door) Verify(query url.Values) (echo []byte, err error) {
	e := query.Get("echostr")
	if e == "" || len(e) > 128 || !alphanumeric(e) {
		return nil, ErrMalformed
	}
	if err := d.signed(query, "signature"); err != nil {
		return nil, err
	}
	return []byte(e), nil
}

// signed checks a signature of the query over token, timestamp, nonce and what else it covers. The scheme hashes them sorted
// and joined without a mark between them, so that digits moved from the timestamp to the nonce would verify as well, were it
// not for the timestamp's ten digits.
func (d *Door) signed(query url.Values, name string, covers ...string) error {
	timestamp, nonce := query.Get("timestamp"), query.Get("nonce")
	if len(timestamp) != 10 || strings.Trim(timestamp, "0123456789") != "" || nonce == "" {
		return ErrMalformed
	}
	want := util.Signature(append([]string{d.token, timestamp, nonce}, covers...)...)
	if subtle.ConstantTimeCompare([]byte(want), []byte(query.Get(name))) != 1 {
		return ErrSignature
	}
	return nil
}

// Open verifies, decrypts and reads a POSTed callback.
func (d *Door) Open(query url.Values, body []byte) (Event, error) {
	var envelope struct {
		XMLName xml.Name `xml:"xml"`
		Encrypt string
	}
	if len(body) > MaxBody || xml.Unmarshal(body, &envelope) != nil || envelope.Encrypt == "" ||
		strings.ContainsAny(envelope.Encrypt, "\r\n") {
		return Event{}, ErrMalformed
	}
	if err := d.signed(query, "msg_signature", envelope.Encrypt); err != nil {
		return Event{}, err
	}
	_, plain, err := util.DecryptMsg(d.appID, envelope.Encrypt, d.key)
	if err != nil {
		return Event{}, ErrMalformed
	}
	return Parse(plain)
}

// Event is what WeChat told the account.
type Event struct {
	Account string // gh_…
	From    string // openid
	Time    int64
	Kind    string // the event's name as WeChat writes it (subscribe, SCAN, subscribe_msg_popup_event, …), or a message's type
	Scene   string // of our QR code; "" when none was scanned
	Text    string // of a text message
	MsgID   string // of a message, or of the template message whose end is told
	Status  string // of that template message: "success", "failed:user block", …
	Lists   []Choice

	Raw []byte // the plaintext

	key string // EventKey as it came
}

// Choice is one template of a subscription event: what the person allowed or refused, or how the sending ended.
type Choice struct {
	Template string
	Accept   bool   // of subscribe_msg_popup_event and …_change_event: allowed
	Popup    string // of subscribe_msg_popup_event, where: "1" a page, "2" an article
	MsgID    string // of subscribe_msg_sent_event
	Code     int    // likewise: 0 delivered, -1 where WeChat gave no number
	Why      string // likewise
}

// The events somebody branches on.
const (
	Subscribe   = "subscribe"
	Unsubscribe = "unsubscribe"
	Scan        = "SCAN"
	Popup       = "subscribe_msg_popup_event"
	Change      = "subscribe_msg_change_event"
	Sent        = "subscribe_msg_sent_event"
)

// scenePrefix is before the scene when the scan led to a subscription.
const scenePrefix = "qrscene_"

type listed struct {
	TemplateID string `xml:"TemplateId"`
	Status     string `xml:"SubscribeStatusString"`
	Popup      string `xml:"PopupScene"`
	MsgID      string `xml:"MsgID"`
	Code       string `xml:"ErrorCode"`
	Why        string `xml:"ErrorStatus"`
}

// Parse reads a plaintext that was opened, perhaps kept before; ErrMalformed where it is none. Events nobody here knows are
// kept by name, with Raw.
func Parse(raw []byte) (Event, error) {
	var x struct {
		XMLName      xml.Name `xml:"xml"`
		ToUserName   string
		FromUserName string
		CreateTime   string
		MsgType      string
		Event        string
		EventKey     string
		Content      string
		MessageID    string   `xml:"MsgId"`
		TemplateJob  string   `xml:"MsgID"` // TEMPLATESENDJOBFINISH writes it so
		Status       string   `xml:"Status"`
		Popups       []listed `xml:"SubscribeMsgPopupEvent>List"`
		Changes      []listed `xml:"SubscribeMsgChangeEvent>List"`
		Sents        []listed `xml:"SubscribeMsgSentEvent>List"`
	}
	if xml.Unmarshal(raw, &x) != nil || x.FromUserName == "" || x.MsgType == "" {
		return Event{}, ErrMalformed
	}
	e := Event{Account: x.ToUserName, From: x.FromUserName, Kind: x.MsgType, Text: x.Content, MsgID: strings.TrimSpace(x.MessageID),
		Status: x.Status, Raw: raw, key: x.EventKey}
	e.Time, _ = strconv.ParseInt(strings.TrimSpace(x.CreateTime), 10, 64)
	if x.MsgType == "event" {
		e.Kind, e.MsgID = x.Event, strings.TrimSpace(x.TemplateJob)
	}
	switch e.Kind {
	case Subscribe:
		// A subscription without a scan may still have a key, which is none of ours.
		e.Scene, _ = strings.CutPrefix(x.EventKey, scenePrefix)
		if e.Scene == x.EventKey {
			e.Scene = ""
		}
	case Scan:
		e.Scene = x.EventKey
	}
	for _, l := range append(x.Popups, x.Changes...) {
		e.Lists = append(e.Lists, Choice{Template: l.TemplateID, Accept: l.Status == "accept", Popup: l.Popup})
	}
	for _, l := range x.Sents {
		code, err := strconv.Atoi(strings.TrimSpace(l.Code))
		if err != nil {
			code = -1
		}
		e.Lists = append(e.Lists, Choice{Template: l.TemplateID, MsgID: strings.TrimSpace(l.MsgID), Code: code, Why: l.Why})
	}
	return e, nil
}

// Key is the inbox key: the same for every delivery of one event, different for different ones. WeChat's advice for events,
// sender and second, loses two choices of one second. An openid is a person's, so it is hashed.
func (e Event) Key() string {
	parts := []string{e.From, e.Kind, e.MsgID}
	if e.MsgID == "" {
		parts = append(parts, strconv.FormatInt(e.Time, 10), e.key)
		for _, c := range e.Lists {
			parts = append(parts, c.Template, strconv.FormatBool(c.Accept), c.MsgID)
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00"))) // a byte XML cannot carry
	return "o" + hex.EncodeToString(sum[:20])
}
