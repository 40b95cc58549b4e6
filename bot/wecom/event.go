package wecom

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// Event is what WeCom told the app: a member's message (wecom/90239) or an event (wecom/90240). Types and events nobody
// here knows are kept by name, with Raw; a number that is none is 0.
type Event struct {
	ToUser     string // the corp
	From       string // userid, folded to lower case; "sys" for events of the system
	CreateTime int64
	MsgType    string // text image voice video location link event
	MsgID      string // messages only
	AgentID    int

	Content      string
	PicURL       string // image and link
	MediaID      string // image, voice, video: WeCom keeps it three days
	ThumbMediaID string
	Format       string // voice: amr, speex
	Lat, Lon     float64
	Scale        int
	Label        string
	Poi          string // location_select
	Precision    float64
	Title        string
	Description  string
	URL          string
	AppType      string

	Event        string // its name, when MsgType is event
	EventKey     string
	TaskID       string // the card's
	CardType     string
	ResponseCode string              // good for one update of the card, for 72 hours
	Picks        map[string][]string // question key to option ids
	ScanType     string
	ScanResult   string
	PicCount     int
	PicMD5s      []string
	EffectTime   string // inactive_alert
	Mode         string // switch_workbench_mode

	JobID, JobType string // batch_job_result
	JobCode        int
	JobMsg         string

	ChangeType  string // change_contact
	UserID      string // folded
	NewUserID   string // folded
	Name        string
	Departments string // comma list
	Position    string
	Mobile      string
	Status      string
	ID          string // of a department
	ParentID    string
	TagID       string
	AddUsers    string // comma lists
	DelUsers    string
	AddParties  string
	DelParties  string
	Attrs       []Attr

	ExternalUserID string // change_external_contact: a child, in the words of wecom/92130
	State          string // of the contact way that was scanned
	WelcomeCode    string // good for one Welcome, for 20 seconds
	Source         string // DELETE_BY_TRANSFER
	FailReason     string // transfer_fail

	Token    string // kf_msg_or_event: good for sync_msg for ten minutes
	OpenKfID string

	Raw []byte // the plaintext
}

// Attr is one of the corp's own fields of a member.
type Attr struct{ Name, Value, URL string }

// Key is the inbox key: the same for every delivery of one event, different for different ones. WeCom's own advice, sender
// and second, loses a second tap in the same second (wecom/90238, and the trackers of the SDKs). ResponseCode stays out:
// two taps of one button in one second are one. It is hashed since event keys run to 1024 bytes.
func (e Event) Key() string {
	switch {
	case e.MsgID != "":
		return digest("m", e.From, e.MsgID)
	case e.MsgType == "event":
		parts := []string{e.From, strconv.FormatInt(e.CreateTime, 10), e.Event, e.EventKey, e.TaskID,
			strconv.Itoa(e.AgentID), e.ChangeType, e.UserID, e.ID, e.TagID, e.JobID}
		if e.ExternalUserID != "" || e.OpenKfID != "" { // only then, so that keys of other events stay what they were
			parts = append(parts, e.ExternalUserID, e.OpenKfID, e.Token)
		}
		return digest("e", parts...)
	}
	return digest("r", string(e.Raw)) // a message without an id is only like itself
}

// digest joins parts with a byte XML cannot carry, so that no part can pass for two.
func digest(prefix string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return prefix + hex.EncodeToString(sum[:20])
}

// fold is how a userid is written inside: WeCom compares them without case (wecom/90196).
func fold(userid string) string { return strings.ToLower(userid) }

// parseEvent reads a plaintext. The walker is asked first, encoding/xml when the walker finds anything unusual.
func parseEvent(w *walker, s string) (Event, bool) {
	if plain(s) {
		if e, ok := readEvent(w.over(s)); ok {
			return e, true
		}
	}
	return readEvent(newLibrary(s))
}

// Parse reads a plaintext that was opened and kept before; ErrMalformed where it is none.
func Parse(raw []byte) (Event, error) {
	e, ok := parseEvent(new(walker), string(raw))
	if !ok {
		return Event{}, ErrMalformed
	}
	e.Raw = raw
	return e, nil
}

func readEvent(src tokens) (Event, bool) {
	b := eventBuilder{}
	ok := leaves(src, b.leaf)
	return b.e, ok
}

// eventBuilder collects what belongs together while elements close.
type eventBuilder struct {
	e        Event
	question string
	options  []string
	attr     Attr
}

func (b *eventBuilder) leaf(depth int, group, name, text string) {
	if depth > 2 {
		b.inner(group, name, text)
		return
	}
	e := &b.e
	switch name {
	case "ToUserName":
		e.ToUser = text
	case "FromUserName":
		e.From = fold(text)
	case "CreateTime":
		e.CreateTime, _ = strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	case "MsgType":
		e.MsgType = text
	case "MsgId":
		e.MsgID = strings.TrimSpace(text)
	case "AgentID":
		e.AgentID = number(text)
	case "Content":
		e.Content = text
	case "PicUrl":
		e.PicURL = text
	case "MediaId":
		e.MediaID = text
	case "ThumbMediaId":
		e.ThumbMediaID = text
	case "Format":
		e.Format = text
	case "Location_X", "Latitude":
		e.Lat = decimal(text)
	case "Location_Y", "Longitude":
		e.Lon = decimal(text)
	case "Precision":
		e.Precision = decimal(text)
	case "Scale":
		e.Scale = number(text)
	case "Label":
		e.Label = text
	case "AppType":
		e.AppType = text
	case "Title":
		e.Title = text
	case "Description":
		e.Description = text
	case "Url":
		e.URL = text
	case "Event":
		e.Event = text
	case "EventKey":
		e.EventKey = text
	case "TaskId":
		e.TaskID = text
	case "CardType":
		e.CardType = text
	case "ResponseCode":
		e.ResponseCode = text
	case "EffectTime":
		e.EffectTime = text
	case "Mode":
		e.Mode = text
	case "ChangeType":
		e.ChangeType = text
	case "UserID":
		e.UserID = fold(text)
	case "NewUserID":
		e.NewUserID = fold(text)
	case "Name":
		e.Name = text
	case "Department":
		e.Departments = text
	case "Position":
		e.Position = text
	case "Mobile":
		e.Mobile = text
	case "Status":
		e.Status = text
	case "Id":
		e.ID = text
	case "ParentId":
		e.ParentID = text
	case "TagId":
		e.TagID = text
	case "AddUserItems":
		e.AddUsers = text
	case "DelUserItems":
		e.DelUsers = text
	case "AddPartyItems":
		e.AddParties = text
	case "DelPartyItems":
		e.DelParties = text
	case "ExternalUserID":
		e.ExternalUserID = text
	case "State":
		e.State = text
	case "WelcomeCode":
		e.WelcomeCode = text
	case "Source":
		e.Source = text
	case "FailReason":
		e.FailReason = text
	case "Token":
		e.Token = text
	case "OpenKfId":
		e.OpenKfID = text
	}
}

// inner takes what stands inside a group of elements.
func (b *eventBuilder) inner(group, name, text string) {
	e := &b.e
	switch group + "/" + name {
	case "SelectedItems/QuestionKey":
		b.question = text
	case "SelectedItems/OptionId":
		b.options = append(b.options, text)
	case "SelectedItems/SelectedItem":
		if e.Picks == nil {
			e.Picks = map[string][]string{}
		}
		e.Picks[b.question] = append(e.Picks[b.question], b.options...)
		b.question, b.options = "", nil
	case "ScanCodeInfo/ScanType":
		e.ScanType = text
	case "ScanCodeInfo/ScanResult":
		e.ScanResult = text
	case "SendPicsInfo/Count":
		e.PicCount = number(text)
	case "SendPicsInfo/PicMd5Sum":
		e.PicMD5s = append(e.PicMD5s, text)
	case "SendLocationInfo/Location_X":
		e.Lat = decimal(text)
	case "SendLocationInfo/Location_Y":
		e.Lon = decimal(text)
	case "SendLocationInfo/Scale":
		e.Scale = number(text)
	case "SendLocationInfo/Label":
		e.Label = text
	case "SendLocationInfo/Poiname":
		e.Poi = text
	case "BatchJob/JobId":
		e.JobID = text
	case "BatchJob/JobType":
		e.JobType = text
	case "BatchJob/ErrCode":
		e.JobCode = number(text)
	case "BatchJob/ErrMsg":
		e.JobMsg = text
	case "ExtAttr/Name":
		b.attr.Name = text
	case "ExtAttr/Value", "ExtAttr/Title":
		b.attr.Value = text
	case "ExtAttr/Url":
		b.attr.URL = text
	case "ExtAttr/Item":
		e.Attrs = append(e.Attrs, b.attr)
		b.attr = Attr{}
	}
}

func number(s string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(s))
	return n
}

func decimal(s string) float64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || f-f != 0 { // "NaN" and "Inf" parse, and are no place
		return 0
	}
	return f
}
