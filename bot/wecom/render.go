package wecom

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"xunfang/ledger"
)

// MaxText is how many bytes of a text WeCom shows (wecom/90236); it cuts the rest off without a word, so Render refuses it.
const MaxText = 2048

// FetchBody is the Body of a ledger.CallFetch: which picture is wanted, and the key of the photo it becomes.
type FetchBody struct {
	MediaID string `json:"media_id"`
	Photo   string `json:"photo"`
}

// sendBody is message/send (wecom/90236).
type sendBody struct {
	ToUser        string        `json:"touser"`
	MsgType       string        `json:"msgtype"`
	AgentID       int           `json:"agentid"` // an integer, where the SDK writes a string
	Text          *content      `json:"text,omitempty"`
	Image         *imageRef     `json:"image,omitempty"`
	Markdown      *content      `json:"markdown,omitempty"`
	TemplateCard  *TemplateCard `json:"template_card,omitempty"`
	CheckRepeats  int           `json:"enable_duplicate_check"`
	RepeatSeconds int           `json:"duplicate_check_interval"`
}

type content struct {
	Content string `json:"content"`
}

type imageRef struct {
	MediaID string `json:"media_id"`
}

// updateBody is message/update_template_card (wecom/94888).
type updateBody struct {
	UserIDs      []string      `json:"userids"`
	AgentID      int           `json:"agentid"`
	ResponseCode string        `json:"response_code"`
	Button       *replacement  `json:"button,omitempty"`
	TemplateCard *TemplateCard `json:"template_card,omitempty"`
}

// replacement greys a card's buttons and leaves the rest of it as it is.
type replacement struct {
	ReplaceName string `json:"replace_name"`
}

// Render fills Call and Body. The same message always renders to the same bytes: WeCom knows one sent again by them.
// What WeCom would refuse is a *LimitError here. An update Of a card whose response_code is not known yet has none in its Body:
// Coded puts it in. A HeardMessage has its Body already.
func Render(m ledger.Message, agentID int) (ledger.Message, error) {
	if m.Call == ledger.CallHeard {
		return m, nil
	}
	if m.MediaID != "" {
		return filled(m, ledger.CallFetch, FetchBody{MediaID: m.MediaID, Photo: m.Photo})
	}
	if err := checkReceiver(m.To); err != nil {
		return m, err
	}
	if m.Picture != nil {
		return pictured(m)
	}
	if m.Voice {
		return voiced(m)
	}
	if m.Card != nil && (m.Code != "" || m.Of != "") {
		if m.Card.Title == "" && m.Card.Done != "" {
			return filled(m, ledger.CallUpdate, updateBody{[]string{m.To}, agentID, m.Code, &replacement{m.Card.Done}, nil})
		}
		c, faults := templateCard(*m.Card, true)
		if err := hard(faults); err != nil {
			return m, err
		}
		return filled(m, ledger.CallUpdate, updateBody{[]string{m.To}, agentID, m.Code, nil, &c})
	}
	b := sendBody{ToUser: m.To, AgentID: agentID, CheckRepeats: 1, RepeatSeconds: repeatSeconds(m)}
	if m.Card != nil {
		c, faults := templateCard(*m.Card, false)
		if err := hard(faults); err != nil {
			return m, err
		}
		b.MsgType, b.TemplateCard = "template_card", &c
		return filled(m, ledger.CallSend, b)
	}
	if err := checkText("text.content", m.Text); err != nil {
		return m, err
	}
	b.MsgType, b.Text = "text", &content{m.Text}
	return filled(m, ledger.CallSend, b)
}

// pictured keeps the picture itself as the Body: its media_id would be dead after three days, and the outbox may wait longer.
// What is said instead must be sayable now, not when the picture is refused.
func pictured(m ledger.Message) (ledger.Message, error) {
	var f faultList
	f.count("picture bytes", len(m.Picture), 6, mediaLimits[MediaImage]) // 40006, 45001
	if !bytes.HasPrefix(m.Picture, []byte(pngHead)) {
		f.add(LimitError{Field: "picture", Need: "a PNG"}) // 40004
	}
	if err := hard(f); err != nil {
		return m, err
	}
	if err := checkText("text.content", m.Text); err != nil {
		return m, err
	}
	m.Call, m.Body, m.Fallback = ledger.CallPicture, m.Picture, m.Text
	return m, nil
}

// Coded is a rendered update with the response_code that changes its card. The same code gives the same bytes.
func Coded(m ledger.Message, code string) (ledger.Message, error) {
	var u updateBody
	if m.Call != ledger.CallUpdate || code == "" {
		return m, fmt.Errorf("put a response_code of %d bytes into a message with call %q", len(code), m.Call)
	}
	if err := json.Unmarshal(m.Body, &u); err != nil {
		return m, fmt.Errorf("read the update that a response_code is for: %w", err)
	}
	m.Code, u.ResponseCode = code, code
	return filled(m, ledger.CallUpdate, u)
}

const pngHead = "\x89PNG\r\n\x1a\n"

// RenderMarkdown is Render for a message whose Text is WeCom's subset of markdown (wecom/90236).
func RenderMarkdown(m ledger.Message, agentID int) (ledger.Message, error) {
	if err := checkReceiver(m.To); err != nil {
		return m, err
	}
	if err := checkText("markdown.content", m.Text); err != nil {
		return m, err
	}
	return filled(m, ledger.CallSend, sendBody{ToUser: m.To, MsgType: "markdown", AgentID: agentID,
		Markdown: &content{m.Text}, CheckRepeats: 1, RepeatSeconds: repeatSeconds(m)})
}

// Check lists everything about a card that WeCom would refuse or a phone would cut off, sent anew or as the update of another.
func Check(c ledger.Card, update bool) []error {
	_, faults := templateCard(c, update)
	return faults
}

// repeatSeconds is for how long WeCom drops a message equal to this one. Every message is checked, so that one sent again
// after a crash, whose first answer was lost, rings no second time. Alarms are resent longest. A plain text reply may
// rightly be said twice ("没听懂" to two different messages), and within the interval the second would be swallowed without
// a word; so the interval is short and, being part of the request that WeCom compares, differs from one reply to the next
// (Nth counts them). Whether WeCom compares the interval, too, is not confirmed: the go-live list has it.
// A resend of one row has the row's key, and so the same bytes. Cards carry a task_id and are never alike.
func repeatSeconds(m ledger.Message) int {
	switch {
	case m.Priority == ledger.PriorityAlarm:
		return 14400 // WeCom's maximum
	case m.Priority == ledger.PriorityReply && m.Card == nil:
		return 60 + int(uint64(m.Nth)%240)
	}
	return 1800
}

// checkReceiver lets no list ("a|b") and no "@all" through: a message is for one person.
func checkReceiver(userid string) error {
	ok := len(userid) >= 1 && len(userid) <= 64 && alphanumeric(userid[:1])
	for i := 0; ok && i < len(userid); i++ {
		c := userid[i]
		ok = alphanumeric(string(c)) || c == '-' || c == '_' || c == '.' || c == '@'
	}
	if !ok {
		return &LimitError{Field: "touser", Need: "one userid of 1 to 64 letters, digits, - _ . @"}
	}
	return nil
}

func checkText(field, s string) error {
	var f faultList
	f.need(field, s != "") // 44004
	f.bytes(field, s, MaxText)
	return hard(f)
}

func filled(m ledger.Message, call ledger.Call, body any) (ledger.Message, error) {
	b, err := encode(body)
	if err != nil {
		return m, fmt.Errorf("render a message: %w", err)
	}
	m.Call, m.Body = call, b
	return m, nil
}

// encode is json.Marshal without any \uxxxx: WeCom documents 40033 for them (wecom/90313), and json escapes <, >, &, control
// characters, U+2028 and broken UTF-8 that way. The first three are kept as they are; the separators become line ends; the
// rest, which nobody can see, is left out.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	in := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	out := make([]byte, 0, len(in))
	for i := 0; i < len(in); i++ {
		if in[i] != '\\' {
			out = append(out, in[i])
			continue
		}
		if in[i+1] != 'u' {
			out = append(out, in[i], in[i+1])
			i++
			continue
		}
		if code := string(in[i+2 : i+6]); code == "2028" || code == "2029" {
			out = append(out, `\n`...)
		}
		i += 5
	}
	return out, nil
}

// templateCard says a card in WeCom's words, with everything that is wrong with it.
func templateCard(c ledger.Card, update bool) (TemplateCard, []error) {
	var f faultList
	t := TemplateCard{SubTitleText: c.Sub}
	if !update {
		t.TaskID = c.Task
	}
	if c.Title != "" || c.Desc != "" {
		t.MainTitle = &Title{c.Title, c.Desc}
	}
	for _, r := range c.Rows {
		t.HorizontalContentList = append(t.HorizontalContentList, Row{KeyName: r.Name, Value: r.Value})
	}
	if c.Link != "" {
		t.CardAction = &CardAction{Type: 1, URL: c.Link}
	}
	if c.Drop != nil {
		s := selection(*c.Drop, &f, "button_selection")
		t.ButtonSelection = &s
	}
	for _, b := range c.Buttons {
		t.ButtonList = append(t.ButtonList, CardButton{Text: b.Text, Style: b.Style, Key: b.Key})
	}
	done := update && c.Done != ""
	if c.Checks != nil {
		t.CheckBox = checkBox(*c.Checks, &f)
		t.CheckBox.Disable = done
	}
	for _, q := range c.Selects {
		s := selection(q, &f, "select_list")
		s.Disable = done
		t.SelectList = append(t.SelectList, s)
	}
	if c.Submit != (ledger.Button{}) {
		t.SubmitButton = &SubmitButton{c.Submit.Text, c.Submit.Key}
	}
	if done {
		t.ReplaceText = c.Done
	}
	switch {
	case len(c.Selects) > 0:
		t.CardType = MultipleInteraction
	case c.Checks != nil:
		t.CardType = VoteInteraction
	case len(c.Buttons) > 0:
		t.CardType = ButtonInteraction
	case done:
		// The card's questions are gone, and WeCom wants at least one button to grey out.
		t.CardType, t.SubmitButton = ButtonInteraction, nil
		t.ButtonList = []CardButton{{Text: "完成", Style: 1, Key: "done"}} // Done is shown instead
	default:
		t.CardType, t.TaskID = TextNotice, "" // it cannot be tapped, so nothing needs to be told apart
	}
	return t, append(f, t.faults(update)...)
}

func selection(c ledger.Choice, f *faultList, field string) Selection {
	s := Selection{QuestionKey: c.Key, Title: c.Title}
	for _, o := range c.Options {
		s.OptionList = append(s.OptionList, Option{o.ID, o.Text})
	}
	if c.Multi {
		f.add(LimitError{Field: field, Need: "a drop-down takes one choice"})
	}
	f.most(field+".selected_id", len(c.Picked), 1)
	if len(c.Picked) > 0 {
		s.SelectedID = c.Picked[0]
	}
	pickedFaults(c, f, field)
	return s
}

func checkBox(c ledger.Choice, f *faultList) *CheckBox {
	b := CheckBox{QuestionKey: c.Key}
	if c.Multi {
		b.Mode = 1
	}
	for _, o := range c.Options {
		b.OptionList = append(b.OptionList, CheckOption{o.ID, o.Text, slices.Contains(c.Picked, o.ID)})
	}
	pickedFaults(c, f, "checkbox")
	return &b
}

// pickedFaults refuses a pick that is no option: WeCom would show the first option as chosen, and the first is somebody.
func pickedFaults(c ledger.Choice, f *faultList, field string) {
	for _, id := range c.Picked {
		if !slices.ContainsFunc(c.Options, func(o ledger.Option) bool { return o.ID == id }) {
			f.add(LimitError{Field: field, Need: "what is picked must be an option"})
			return
		}
	}
}
