package ledger

import (
	"fmt"
	"time"
)

// Purpose is what somebody agreed to. One row per purpose is what makes a consent separate (PIPL art. 14, 23, 29).
type Purpose string

const (
	PurposeVisits Purpose = "建档走访"   // to be on the ledger and visited
	PurposePhoto  Purpose = "留照片"    // pictures of the visits are kept
	PurposeKin    Purpose = "告诉子女"   // the family hears how they are; of a relative: wants to hear it
	PurposeHealth Purpose = "告诉子女健康" // the family hears of their health, too

	PurposePhone  Purpose = "电话联系" // of a relative: their number is kept and called
	PurposeCity   Purpose = "记去向"  // of a relative: the city they live in is kept (PIPL art. 28: no finer)
	PurposeNotice Purpose = "微信通知" // of a relative: the 服务号 and the helper's WeChat tell them without being asked
	PurposeSMS    Purpose = "短信"
)

// KinPurposes are those of a relative, in the order in which they are asked.
var KinPurposes = []Purpose{PurposeKin, PurposeHealth, PurposePhone, PurposeCity, PurposeNotice, PurposeSMS}

// Purposes are those of an elder, in the order in which they are asked.
var Purposes = []Purpose{PurposeVisits, PurposePhoto, PurposeKin, PurposeHealth}

// Consent is one act: consent given or withdrawn, by one person for one purpose. They are only ever added to; the newest act
// holds (PIPL art. 15: withdrawing is as easy as giving).
type Consent struct {
	Key     string `gorm:"primaryKey;size:160"`
	ElderID string `gorm:"size:32;index"`
	Kin     string `gorm:"size:64"`             // the relative who gave it; "" the elder
	For     string `gorm:"size:64;column:whom"` // of the elder's: the one relative it is about; "" all
	Purpose Purpose
	Given   bool      // false: withdrawn
	Day     Day       `gorm:"size:10"`  // of the act
	Channel string    `gorm:"size:16"`  // 纸质 当面 电话 微信客服
	Witness string    `gorm:"size:64"`  // userid who took it down, or one of the By constants
	Text    string    `gorm:"size:80"`  // version of the words agreed to, "" the county's paper form
	Proof   string    `gorm:"size:160"` // what shows it: key of the message, photo or call record; "" the paper
	At      time.Time // when it was taken down
}

// Agreed says whether consent for a purpose stands; acts are the elder's, in any order.
func Agreed(acts []Consent, kin string, purpose Purpose) bool {
	return last(acts, func(c Consent) bool { return c.Kin == kin && c.For == "" && c.Purpose == purpose }).Given
}

// last is the newest of the acts that are meant, the zero Consent where there is none.
func last(acts []Consent, meant func(Consent) bool) Consent {
	var last Consent
	for _, c := range acts {
		if meant(c) && (last.Key == "" || c.At.After(last.At) || c.At.Equal(last.At) && c.Key > last.Key) {
			last = c
		}
	}
	return last
}

// Consents are the acts an edit means by the days it writes: the paper form's for the elder, a relative's to be told.
func (d *Differences) Consents(n int64, e Edit, at time.Time) []Consent {
	var out []Consent
	channel := e.Means
	switch {
	case channel != "":
	case e.By == ByImport:
		channel = "纸质"
	default:
		channel = "当面"
	}
	act := func(elder, kin string, purpose Purpose, was, now Day) {
		if was == now {
			return
		}
		c := Consent{Key: fmt.Sprintf("%012d/%06d", n, len(out)+1), ElderID: elder, Kin: kin, Purpose: purpose, Given: now != "", Day: now,
			Channel: channel, Witness: e.By, At: at}
		if !c.Given {
			c.Day = e.Today
		}
		out = append(out, c)
	}
	elders, _, _ := d.Elders.Changes()
	for _, x := range elders {
		act(x.ID, "", PurposeVisits, d.Elders.old[x.ID].Consent, x.Consent)
	}
	kin, gone, _ := d.Kin.Changes()
	for _, x := range kin {
		act(x.ElderID, x.Name, PurposeKin, d.Kin.old[x.RowKey()].Consent, x.Consent)
	}
	for _, x := range gone {
		act(x.ElderID, x.Name, PurposeKin, x.Consent, "")
	}
	return out
}

// Look is one look at an elder's details, one export or one picture shown (002 五·信息核对, 七(三): 泄露信息要追究). Only ever
// added to.
type Look struct {
	Key     string    `gorm:"primaryKey;size:160"`
	ElderID string    `gorm:"size:32;index"` // "" everybody of the region
	Region  string    `gorm:"size:32"`       // "" everywhere
	By      string    `gorm:"size:64"`       // userid, or one of the By constants
	What    LookKind  `gorm:"size:16"`
	At      time.Time // UTC, whole seconds
}

// LookKind is what was looked at.
type LookKind string

const (
	LookCard   LookKind = "资料" // the ledger entry in chat
	LookCheck  LookKind = "核对" // a proposal with what it would replace
	LookCall   LookKind = "电话"
	LookLog    LookKind = "谁看过"
	LookPhoto  LookKind = "照片"
	LookRecord LookKind = "记录"
	LookExport LookKind = "导出"
)
