package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Bond ties a relative's WeChat to an elder (wecom-external.md G.1): asked for with the contact card and the end of the number
// that the elder gave, verified by somebody who knows the two. Until it is verified nothing of the elder is said.
type Bond struct {
	ElderID string    `gorm:"primaryKey;size:32"`
	User    string    `gorm:"primaryKey;size:64"` // the thread: KfUser
	Kin     string    `gorm:"size:64"`            // the relative of the ledger whose number matched
	Claim   string    `gorm:"size:32"`            // what they say they are to the elder: 女儿
	Handle  string    `gorm:"size:32"`            // of the contact card they came by
	State   BondState `gorm:"size:16"`
	By      string    `gorm:"size:64"` // userid who settled it last
	Asked   Day       `gorm:"size:10"`
	Since   Day       `gorm:"size:10"` // verified from
	Until   Day       `gorm:"size:10"` // looked at again by this day, each year (PIPL art. 19)
	Health  Day       `gorm:"size:10"` // since when health may be told: their identity was confirmed a second time
	Wants   Day       `gorm:"size:10"` // on which they asked for that, and nobody has answered yet
	Why     string    `gorm:"type:text"`
}

// BondState is where a bond stands.
type BondState string

const (
	BondAsked    BondState = "asked"    // somebody who knows the two is to say whether it is so
	BondVerified BondState = "verified" // (G.1: VERIFIED)
	BondRefused  BondState = "refused"
	BondEnded    BondState = "ended" // withdrawn by either, the elder left, or nobody confirmed it again
)

// Holds says that the bond is verified on a day.
func (b Bond) Holds(on Day) bool {
	return b.State == BondVerified && b.Since <= on && (b.Until == "" || on <= b.Until)
}

// KfUser is the thread of one WeChat with one 微信客服 account: what stands for it wherever something is kept. It cannot be turned back.
func KfUser(openKfID, externalUserID string) string {
	sum := sha256.Sum256([]byte(openKfID + "\x00" + externalUserID))
	return kfPrefix + hex.EncodeToString(sum[:kfBytes])
}

const kfPrefix = "kf:"

// KfThread is the thread that a scene or state of a QR names, KfScene the other way round: at most 30 letters have room there
// (wecom/92228).
func KfThread(scene string) string {
	if len(scene) != 2*kfBytes {
		return ""
	}
	return kfPrefix + scene
}

// KfScene is what stands for a thread in a QR.
func KfScene(user string) string { return strings.TrimPrefix(user, kfPrefix) }

const kfBytes = 14

// IsKf says that a user is a thread of 微信客服, not a member.
func IsKf(user string) bool { return strings.HasPrefix(user, kfPrefix) }

// Leaflet is one contact card (联系卡) of an elder (002 五·加强联系): whoever holds it can ask for a bond, until it is replaced.
type Leaflet struct {
	ElderID string `gorm:"primaryKey;size:32"`
	Handle  string `gorm:"primaryKey;size:32"` // what its QR carries: derived with a secret, says nothing of anybody
	Issued  Day    `gorm:"size:10"`
	By      string `gorm:"size:64"`   // userid who made it
	Bears   string `gorm:"size:32"`   // digest of the names and numbers on it: where they changed it is made anew
	Given   Day    `gorm:"size:10"`   // on which it was handed over, "" not yet
	Revoked Day    `gorm:"size:10"`   // from which it opens nothing
	Why     string `gorm:"type:text"` // why it was revoked
}

// Opens says that the card still opens something.
func (l Leaflet) Opens(on Day) bool { return l.Handle != "" && (l.Revoked == "" || on < l.Revoked) }

// Channel is a way to a relative (wecom-external.md F).
type Channel string

const (
	ChannelOfficial Channel = "official" // 服务号 长期订阅通知: any time, fixed words
	ChannelKf       Channel = "kf"       // 微信客服: within 48 hours of their own word, five messages
	ChannelMass     Channel = "mass"     // the helper's mass send, which the helper taps
	ChannelSMS      Channel = "sms"
	ChannelCall     Channel = "call" // somebody calls: always works, and is the only one that says that they heard it
)

// Channels are all of them.
var Channels = []Channel{ChannelOfficial, ChannelKf, ChannelMass, ChannelSMS, ChannelCall}

// Name is the channel as people say it.
func (c Channel) Name() string {
	return map[Channel]string{ChannelOfficial: "服务号通知", ChannelKf: "微信客服", ChannelMass: "帮扶人转发", ChannelSMS: "短信", ChannelCall: "电话"}[c]
}

// Line is one channel to one relative's WeChat. The address is deleted as soon as the relative withdraws.
type Line struct {
	User    string    // the thread it belongs to: KfUser
	Channel Channel   // kf, official or mass
	Account string    // whose: open_kfid, appid, userid of the helper
	Address string    // external_userid or openid; sealed at rest, "" deleted
	Nick    string    // what they call themselves on WeChat; sealed at rest
	State   LineState //
	Why     string    // why it is dead, in words without names
	Heard   time.Time // kf: when they wrote last, which opens the window (wecom/94677: 48 hours, 5 messages)
	At      time.Time // of the last change
}

// LineState is whether a line can be used.
type LineState string

const (
	LineOpen LineState = "open"
	LineDead LineState = "dead" // refused, deleted, or WeCom says that nobody is there; a word from them opens it again
)

// Window of a kf line (wecom/94677): KfLife after their last word, KfMost messages for each word. KfLife is a little less than WeCom's
// 48 hours, because its clock and ours differ.
const (
	KfLife = 48*time.Hour - 5*time.Minute
	KfMost = 5
)

// Word is something that has to reach a relative: tried on one channel after the other, until a person has said that they heard
// it, or it is over. An answer of WeCom is no hearing.
type Word struct {
	Key     string      `gorm:"primaryKey;size:64"` // names what it is about, so that it is said once
	ElderID string      `gorm:"size:32;index"`
	Kin     string      `gorm:"size:64"` // the relative on the ledger
	User    string      `gorm:"size:64"` // their thread, "" they have none
	Purpose WordPurpose `gorm:"size:16"`
	Period  Period      `gorm:"size:10"`   // of a summary
	Text    string      `gorm:"type:text"` // in the child's words: kf and mass send say it, and who calls reads it; sealed at rest
	State   WordState   `gorm:"size:16"`
	Channel Channel     `gorm:"size:16"` // tried last
	Owner   string      `gorm:"size:64"` // userid whose task the call is, "" nobody's yet
	Due     time.Time   `gorm:"index"`   // when it is looked at again; zero: never
	At      time.Time
	Moved   time.Time
	Rev     int64
	Tries   int // how many there have been
}

// WordPurpose is what a word is for; it decides the channels and the consent (wecom-external.md F).
type WordPurpose string

const (
	WordEmergency WordPurpose = "emergency" // the elder is in danger: everything at once (PIPL art. 13(4), 18)
	WordSummary   WordPurpose = "summary"   // the month in a few words
	WordConfirm   WordPurpose = "confirm"   // is the number still right, where are they now
	WordUrge      WordPurpose = "urge"      // the elder is at risk: please come, call (000 二(二), requirements F7)
	WordGreeting  WordPurpose = "greeting"  // a festival, the weather
	WordPassed    WordPurpose = "passed"    // what was passed on by the visitor, or a correction of what was told
)

// WordState is where a word stands.
type WordState string

const (
	WordOpen    WordState = "open"
	WordHeard   WordState = "heard"   // a person did something that shows it: answered, tapped, spoke on the phone
	WordSent    WordState = "sent"    // went out on a channel on which nobody need answer, and nothing came back
	WordFailed  WordState = "failed"  // no channel reached them
	WordDropped WordState = "dropped" // consent was withdrawn, the elder died, or it is no longer true
)

// Over says that nothing more is done for it.
func (s WordState) Over() bool { return s != WordOpen }

// Try is one attempt to bring a word to somebody. Only ever added to; what became of it is a Try of its own.
type Try struct {
	WordKey string  `gorm:"primaryKey;size:64"`
	N       int     `gorm:"primaryKey"` // 1, 2, …
	Channel Channel `gorm:"size:16"`
	Kind    TryKind `gorm:"size:16"`
	To      string  `gorm:"size:64"`        // of a call: userid whose task it is
	By      string  `gorm:"size:64"`        // userid who said how it went, "" the system
	Message string  `gorm:"size:191;index"` // key of the message that carries it
	Text    string  `gorm:"type:text"`      // why it failed, or what was said on the phone; sealed at rest
	At      time.Time
}

// TryKind is what happened.
type TryKind string

const (
	TrySent     TryKind = "sent"     // given to the channel, or to whoever calls
	TryFailed   TryKind = "failed"   // the channel said that it did not arrive
	TryDead     TryKind = "dead"     // and never will: the next is taken
	TryHeard    TryKind = "heard"    // they did something that shows it
	TryNoAnswer TryKind = "noanswer" // 无人接
	TryWrong    TryKind = "wrong"    // 号码错
	TryOther    TryKind = "other"    // 换号: another number
	TrySkipped  TryKind = "skipped"  // nobody to give it to, or the channel is not open to them
)

// WordKey names what a word is about, so that it is said once: its head is for who reads it, the rest is hidden. Keys stand in the
// outbox and may stand in a log.
func WordKey(head string, about ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(about, "\x00")))
	return head + "/" + hex.EncodeToString(sum[:12])
}

// WordFile is a word with its tries, oldest first.
type WordFile struct {
	Word
	Log []Try
}

// WordStep is a change of a word: new with Seen 0, else decided on Rev Seen.
type WordStep struct {
	Word Word
	Seen int64
	Log  []Try // new ones
}

// Step begins a change of the word.
func (f WordFile) Step() WordStep {
	s := WordStep{Word: f.Word, Seen: f.Rev}
	s.Word.Rev++
	return s
}

// Add notes a try.
func (s *WordStep) Add(t Try) {
	s.Word.Tries++
	s.Word.Moved = t.At
	t.WordKey, t.N = s.Word.Key, s.Word.Tries
	s.Log = append(s.Log, t)
}

// Guess is one attempt to name the end of a number, right or wrong: three a day for a thread, five for a card (G.1).
type Guess struct {
	Key    string // of the message
	User   string
	Handle string
	At     time.Time
}

const (
	GuessesMost     = 3 // of one thread in GuessesWithin
	GuessesMostCard = 5
	GuessesWithin   = 24 * time.Hour
)

// Hearing is what a relative may be told of an elder now.
type Hearing struct {
	Status bool // how they are, in a few words
	Health bool
	Where  bool // on which day, by whom and where they were seen
	Care   bool // who to speak with: visitor and helper
}

// MayHear decides what a relative is told of an elder: the one place where that is decided (PIPL art. 13–16, 23, 29;
// requirements §3 cases 1, 10, 11). Acts are the elder's consents, standing the elder's on that day, hidden whether somebody of
// the family may be behind something (002 六(四)): then nobody of the family learns where and when.
//
// The elder's word about one relative goes before their word about the family; without either nothing is told. The relative
// must want to hear, too.
func MayHear(b Bond, acts []Consent, standing StandingKind, hidden bool, on Day) Hearing {
	if !b.Holds(on) || standing == StandingDied || standing == StandingLeft || !Agreed(acts, b.Kin, PurposeKin) ||
		!agreedFor(acts, b.Kin, PurposeKin) {
		return Hearing{}
	}
	return Hearing{Status: true, Where: !hidden, Care: !hidden,
		Health: !hidden && b.Health != "" && b.Health <= on && agreedFor(acts, b.Kin, PurposeHealth)}
}

// agreedFor says whether the elder lets one relative hear: their last word about just them, else about the family.
func agreedFor(acts []Consent, kin string, purpose Purpose) bool {
	if slices.ContainsFunc(acts, func(c Consent) bool { return c.Kin == "" && c.For == kin && c.Purpose == purpose }) {
		return last(acts, func(c Consent) bool { return c.Kin == "" && c.For == kin && c.Purpose == purpose }).Given
	}
	return Agreed(acts, "", purpose)
}

// Blocked says that the elder does not want a relative to hear of them, whatever else stands.
func Blocked(acts []Consent, kin string) bool {
	c := last(acts, func(c Consent) bool { return c.Kin == "" && c.For == kin && c.Purpose == PurposeKin })
	return c.Key != "" && !c.Given
}
