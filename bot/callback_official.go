package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"xunfang/bot/official"
	"xunfang/bot/wecom"
	"xunfang/ledger"
	"xunfang/store"
)

// officialUser is the inbox user of what the service account tells: it is nobody's conversation.
const officialUser = "official"

// officialCallback keeps an event of the service account and then answers, like WeCom's.
func (b *Bot) officialCallback(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		echo, err := b.Family.Door.Verify(r.URL.Query())
		if err != nil {
			b.refuseOfficial(w, err)
			return
		}
		_, _ = w.Write(echo)
	case http.MethodPost:
		body, err := readBody(r)
		if err != nil || len(body) > wecom.MaxBody {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		ev, err := b.Family.Door.Open(r.URL.Query(), body)
		if err != nil {
			b.refuseOfficial(w, err)
			return
		}
		err = b.Store.Receive(r.Context(), store.Inbound{Key: ev.Key(), User: officialUser, Raw: ev.Raw, At: b.Now()})
		if err != nil && !errors.Is(err, store.ErrDuplicate) {
			b.Log.Error("message not kept", "err", err)
			b.metrics.unkept.Inc()
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		b.turns.poke(officialUser)
		_, _ = w.Write([]byte("success"))
	default:
		w.Header().Set("Allow", "GET, POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (b *Bot) refuseOfficial(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, official.ErrSignature) {
		status = http.StatusUnauthorized
	}
	b.metrics.refused.Inc()
	w.WriteHeader(status)
}

// followed takes the turn of an event of the service account: a QR that a relative was given ties the account to their thread, and
// what they allow or refuse opens and shuts the line (developers.weixin.qq.com, subscription_messages/push).
func (b *Bot) followed(ctx context.Context, in store.Inbound) error {
	ev, err := official.Parse(in.Raw)
	if err != nil {
		return fmt.Errorf("read message %d: %w", in.ID, err)
	}
	t := store.Turn{Inbound: []int64{in.ID}}
	user, err := b.Store.LineByAddress(ctx, ledger.ChannelOfficial, b.Family.AppID, ev.From)
	if err != nil {
		return err
	}
	line := ledger.Line{User: user, Channel: ledger.ChannelOfficial, Account: b.Family.AppID, Address: ev.From, At: b.Now()}
	switch ev.Kind {
	case official.Subscribe, official.Scan:
		user := ledger.KfThread(b.Store.HandleOf(ev.Scene))
		known, err := b.verified(ctx, user)
		if err != nil {
			return err
		}
		if known { // an old code opens nothing any more
			line.User, line.State, line.Why = user, ledger.LineDead, "还没点允许通知"
		}
	case official.Unsubscribe: // a long-term subscription is delivered to who does not follow, too (D.1): only a refusal shuts the line
	case official.Popup, official.Change:
		for _, x := range ev.Lists {
			if x.Accept {
				line.State, line.Why = ledger.LineOpen, ""
			} else {
				line.State, line.Why = ledger.LineDead, "拒收了通知"
			}
		}
	}
	if line.User != "" && line.State != "" {
		t.Changes.Lines = []ledger.Line{line}
		if line.State == ledger.LineOpen {
			t.Changes.Consents = b.allowed(ctx, line.User, ledger.PurposeNotice, in.Key)
		}
	}
	return b.Store.Commit(ctx, t)
}

// befriended takes the turn of an event of 客户联系: a relative added a helper by the code they were given, or deleted them.
func (b *Bot) befriended(ctx context.Context, ev wecom.Event, in store.Inbound) error {
	t := store.Turn{Inbound: []int64{in.ID}}
	line := ledger.Line{Channel: ledger.ChannelMass, Account: ev.UserID, Address: ev.ExternalUserID, At: b.Now()}
	switch ev.ChangeType {
	case "add_external_contact", "add_half_external_contact":
		line.User, line.State = ledger.KfThread(ev.State), ledger.LineOpen
	case "del_follow_user", "del_external_contact": // the API goes on answering after the former: it must not be believed (wecom/92130)
		user, err := b.Store.LineByAddress(ctx, ledger.ChannelMass, ev.UserID, ev.ExternalUserID)
		if err != nil {
			return err
		}
		line.User, line.State, line.Why = user, ledger.LineDead, "已不是微信联系人"
	}
	known, err := b.verified(ctx, line.User)
	if err != nil {
		return err
	}
	if line.User != "" && (line.State == ledger.LineDead || known) {
		t.Changes.Lines = []ledger.Line{line}
		if line.State == ledger.LineOpen {
			t.Changes.Consents = b.allowed(ctx, line.User, ledger.PurposeNotice, in.Key)
		}
	}
	return b.Store.Commit(ctx, t)
}

// verified says that a thread is bound to an elder now.
func (b *Bot) verified(ctx context.Context, user string) (bool, error) {
	roster, err := b.Store.Roster(ctx)
	if err != nil {
		return false, err
	}
	today := ledger.DayOf(b.Now(), b.Zone)
	return slices.ContainsFunc(roster.Threads(user), func(x ledger.Bond) bool { return x.Holds(today) }), nil
}

// noticeText is the version of the words agreed to: WeChat's own, beside 允许.
const noticeText = "微信订阅通知"

// allowed are the acts by which a relative agrees to something with all elders they are bound to.
func (b *Bot) allowed(ctx context.Context, user string, p ledger.Purpose, proof string) []ledger.Consent {
	roster, err := b.Store.Roster(ctx)
	if err != nil {
		return nil
	}
	today := ledger.DayOf(b.Now(), b.Zone)
	var out []ledger.Consent
	for _, bond := range roster.Threads(user) {
		if bond.Holds(today) {
			out = append(out, ledger.Consent{Key: proof + "/" + bond.ElderID, ElderID: bond.ElderID, Kin: bond.Kin, Purpose: p, Given: true, Day: today,
				Channel: "微信", Witness: ledger.ByFamily, Text: noticeText, Proof: proof, At: b.Now()})
		}
	}
	return out
}
