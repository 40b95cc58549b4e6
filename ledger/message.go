package ledger

import (
	"slices"
	"strings"
	"time"
)

// Priority orders the outbox: an alarm overtakes everything, a reply overtakes reminders. Lower goes first.
type Priority int

const (
	PriorityAlarm    Priority = 0
	PriorityReply    Priority = 1
	PriorityReminder Priority = 2
)

// Call is what an outbox row asks of WeCom.
type Call string

const (
	CallSend    Call = "send"    // message/send (wecom/90236)
	CallPicture Call = "picture" // media/upload (wecom/90253), then message/send: Body is the picture
	CallUpdate  Call = "update"  // message/update_template_card (wecom/94888)
	CallFetch   Call = "fetch"   // media/get of a photo (wecom/90254)
	CallVoice   Call = "voice"   // pstncc/call: the person is rung up (wecom/91627)
	CallHeard   Call = "heard"   // pstncc/getstates: whether they answered (wecom/91628)

	CallKf       Call = "kf"       // kf/send_msg to a thread (wecom/94677)
	CallWelcome  Call = "welcome"  // kf/send_msg_on_event within 20 s of entering (wecom/95122)
	CallOfficial Call = "official" // message/subscribe/bizsend of the 服务号
	CallMass     Call = "mass"     // externalcontact/add_msg_template: a task for the helper (wecom/92135)
	CallMassed   Call = "massed"   // get_groupmsg_send_result: whether the helper sent it (wecom/93338)
	CallUnmass   Call = "unmass"   // externalcontact/cancel_groupmsg_send: what the helper has not sent is not sent any more (wecom/97611)
	CallSMS      Call = "sms"
	CallTexted   Call = "texted" // whether the SMS arrived
	CallInvite   Call = "invite" // a QR by which a relative opens a further line to themselves
	CallShow     Call = "show"   // a photo that was sent to us is passed on: media/upload, then message/send
)

// Message is one thing to be said to one person, or one photo to be fetched. Key is derived from what caused it, so that
// saying it again is no second message.
type Message struct {
	Key       string
	To        string // userid, or a thread of 微信客服 (KfUser)
	Priority  Priority
	Text      string // a text message, or nothing when Card is set
	Picture   []byte // a PNG, with Text as what is said where it cannot be sent
	Card      *Card
	Code      string    // response_code: the card that was tapped is replaced by Card instead of a new message sent
	Of        string    // key of an earlier message of the same recipient and priority: its card is replaced by Card, once it has gone out
	Voice     bool      // the person is rung up; Text is what is said in writing where that cannot be done
	Word      string    // key of the Word that it brings to a relative: it is not sent once the word is dropped
	Invite    bool      // to a relative: the QR of the 服务号, or of their helper, by which they are told without asking
	Show      string    // key of a photo that is passed on, with Text as what is said beside it
	Photo     string    // key of the photo to fetch, with MediaID
	MediaID   string    //
	Fallback  string    // text to send if the card can no longer be updated; of a picture, its Text
	NotBefore time.Time // zero: at once
	Expires   time.Time // zero: never; after it the message is dropped unsent

	Nth int64 // counts the person's replies, so that WeCom can tell the same words said twice from one message sent twice

	Call Call   // set with Body, when the message is rendered into WeCom's words
	Body []byte // the request, byte for byte what will be sent and sent again
}

// Card is a template card in our words; bot/wecom turns it into one of WeCom's five. Texts are what a 360-point phone can
// show: title 36 characters, option 16, button 10, row name 5, row value 30 (wecom/90236).
type Card struct {
	Task    string // task_id: unique for ever, 0-9 a-z A-Z _ - @, at most 128 bytes; empty in an update
	Title   string
	Desc    string
	Sub     string    // a line under the rows; only with Buttons
	Rows    []CardRow // name and value; only with Buttons, at most 6
	Drop    *Choice   // one drop-down beside Buttons
	Checks  *Choice   // a list to tick, with Submit: a vote card
	Selects []Choice  // one to three drop-downs, with Submit: a multiple card
	Buttons []Button  // at most 6: a button card
	Submit  Button
	Link    string // only for cards without any button: where a tap leads
	Done    string // in an update: the grey words that replace the buttons
}

// CardRow is a name and its value.
type CardRow struct{ Name, Value string }

// Choice is a question with options; ids come back as they were given.
type Choice struct {
	Key     string
	Title   string
	Options []Option
	Picked  []string // ids chosen beforehand
	Multi   bool
}

// Option is one choice.
type Option struct{ ID, Text string }

// Button is something to tap. Style 1 is the plain main one.
type Button struct {
	Key   string
	Text  string
	Style int
}

// Changes is what one unit of work wants to be true: the store makes it true whole or not at all.
type Changes struct {
	Entries  []Entry
	Amended  []Amendment
	Findings []Finding
	Facts    []Fact
	Photos   []Photo // new, or bound to an entry: the key decides
	Settled  []Settlement
	Edits    []Edit
	Consents []Consent
	Looks    []Look
	Reviews  []Review
	Reviewed []Reviewed
	Messages []Message
	Notices  []Notice
	Owing    []OwingSet
	Cases    []CaseStep
	Words    []WordStep
	Lines    []Line // written over what is there
	Guesses  []Guess
	Drop     []string // keys of messages that need not be said any more, if they still wait
}

// Notice is why a message of the calendar goes out: one for each thing it tells of. Its key names duty, period and nudge, so that
// nothing is told twice; where one exists already, the message that it belongs to is not sent.
type Notice struct {
	Key     string     `gorm:"primaryKey;size:191"` // 月巡访/wang/2026-02/-9
	To      string     `gorm:"size:64;index:idx_notices_to,priority:1;column:to_"`
	Kind    NoticeKind `gorm:"size:16"`
	Day     Day        `gorm:"size:10;index:idx_notices_to,priority:2;index"` // on which it goes out
	Message string     `gorm:"size:191;index"`                                // key of the message
	Cause   string     `gorm:"type:text"`                                     // in words without names: which rule, which step of it
	At      time.Time
}

// NoticeKind is what a message of the calendar is for.
type NoticeKind string

const (
	NoticeNudge    NoticeKind = "nudge"    // to who owes it
	NoticeVillage  NoticeKind = "village"  // to the village lead: nudging did not help
	NoticeTownship NoticeKind = "township" // to the township lead: the village lead did not help
	NoticeProposal NoticeKind = "propose"  // somebody may be covered, or key, from now on
	NoticeReview   NoticeKind = "review"   // a pause is to be looked at again
	NoticeGaps     NoticeKind = "gaps"     // next week nobody is there
	NoticeCounty   NoticeKind = "county"   // figures that are due upward
	NoticeLeaflet  NoticeKind = "leaflet"  // a contact card is to be handed over
	NoticeBond     NoticeKind = "bond"     // a relative's WeChat is to be confirmed again
	NoticeFamily   NoticeKind = "family"   // the village hears that a family has not been reached
)

// Words are what a message says, for who reads it outside of WeCom: a card's lines and its buttons in brackets.
func (m Message) Words() string {
	if m.Card == nil {
		return m.Text
	}
	c := m.Card
	lines := []string{c.Title}
	for _, r := range c.Rows {
		lines = append(lines, r.Name+" "+r.Value)
	}
	lines = append(lines, c.Desc, c.Sub)
	for _, x := range c.Selects {
		for _, o := range x.Options {
			lines = append(lines, "▢ "+o.Text)
		}
	}
	var buttons []string
	for _, b := range append(c.Buttons, c.Submit) {
		if b.Text != "" {
			buttons = append(buttons, "["+b.Text+"]")
		}
	}
	lines = slices.DeleteFunc(append(lines, strings.Join(buttons, " ")), func(s string) bool { return s == "" })
	return strings.Join(lines, "\n")
}
