// Package sms answers how a text message leaves for a child's phone, and what became of it: one interface, and Aliyun's
// request format. It decides nothing, keeps nothing, logs nothing, and does not say that a message was read: nobody can.
package sms

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Provider is a company that sends text messages. Send answers with the receipt that Report asks after; day is the day
// of sending, receipts alone are found by no provider.
type Provider interface {
	Send(ctx context.Context, m SMS) (receipt string, err error)
	Report(ctx context.Context, receipt, number string, day time.Time) (Report, error)
}

// SMS is one message to one number: carriers let only reviewed templates through, so there is no free text.
type SMS struct {
	Number   string            // eleven digits
	Template string            // the provider's code of a reviewed template
	Vars     map[string]string // one value for each variable of the template
	ID       string            // our own, given back in the provider's reports
}

// Report is what the carrier said afterwards, which is about the phone and not about the person.
type Report struct {
	State ReportState
	Why   string // the carrier's code where it failed
	Dead  bool   // nothing will arrive at this number before a person has looked into it
}

// ReportState is how far a message has come.
type ReportState int

const (
	Waiting ReportState = iota // no word from the carrier, or none yet
	Delivered
	Failed
)

func (s ReportState) String() string {
	switch s {
	case Delivered:
		return "delivered"
	case Failed:
		return "failed"
	}
	return "waiting"
}

// ErrRefused says that a message breaks a rule of all providers and was not sent.
var ErrRefused = errors.New("sms: refused before sending")

const maxVariable = 35 // characters (help.aliyun.com 463270)

var (
	mobile = regexp.MustCompile(`^1[3-9]\d{9}$`)
	// within finds a mobile number in a run of digits. No landline with its 0 can be taken for one: no area code begins with
	// 013 to 019.
	within = regexp.MustCompile(`1[3-9]\d{9}`)
	link   = regexp.MustCompile(`(?i)://|www\.|[a-z0-9]\.[a-z]{2}|\d{1,3}(\.\d{1,3}){3}`)
	// joined is what people write between the digits of a number.
	joined = strings.NewReplacer(" ", "", "\u3000", "", "-", "", "－", "", "０", "0", "１", "1", "２", "2", "３", "3", "４", "4",
		"５", "5", "６", "6", "７", "7", "８", "8", "９", "9")
)

// check refuses what carriers refuse anyway, and what would take a helper's number or a child's link out of our hands
// (help.aliyun.com 463270; the others' rules are the same or stricter). Its errors quote names of variables, never values.
func check(m SMS, variables []string) error {
	for _, name := range variables {
		if _, ok := m.Vars[name]; !ok {
			return fmt.Errorf("%w: variable %s is missing", ErrRefused, name)
		}
	}
	for name, value := range m.Vars {
		if !slices.Contains(variables, name) {
			return fmt.Errorf("%w: the template has fewer variables", ErrRefused)
		}
		if why := unfit(value); why != "" {
			return fmt.Errorf("%w: variable %s %s", ErrRefused, name, why)
		}
	}
	return nil
}

func unfit(value string) string {
	switch {
	case value == "":
		return "is empty"
	case !utf8.ValidString(value):
		return "is not text"
	case utf8.RuneCountInString(value) > maxVariable:
		return fmt.Sprintf("is longer than %d characters", maxVariable)
	case link.MatchString(value):
		return "has an address in it"
	case within.MatchString(joined.Replace(value)):
		return "has a mobile number in it"
	}
	return ""
}
