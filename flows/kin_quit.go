package flows

import (
	"slices"
	"strings"
	"time"

	"xunfang/ledger"
)

// quit asks once how far a withdrawal goes; it is as easy as consent was (PIPL art. 15, 16, 47).
func (t *turn) quit() {
	t.menu(ledger.Card{Title: "停到哪一步?点一下就停。", Desc: "停了不影响老人得到的照看,紧急时村里还是会打电话。",
		Buttons: []ledger.Button{item("go:kin:stop", "停发近况"), item("go:kin:leave", "全部解除并删除"), item("go:kin:keep", "不停了")}})
}

// stopped are the purposes that end where only the news shall stop.
var stopped = []ledger.Purpose{ledger.PurposeKin, ledger.PurposeHealth, ledger.PurposeNotice, ledger.PurposeSMS}

// withdraw ends it in one commit: consents, what is on its way, and with all the bond, the way to their WeChat and what they told of
// themselves. In the name of a relative who is not verified nothing is withdrawn but the request.
func (t *turn) withdraw(all bool) {
	in, f := t.in, t.in.View.Family
	var b ledger.Book
	for _, x := range f.Ties {
		if x.State == ledger.BondVerified {
			t.unconsent(x, all)
			if k := gaveUp(x, all); k != (ledger.Kin{}) {
				b.Kin = append(b.Kin, k)
			}
		}
		if all {
			b.Bonds = append(b.Bonds, ledger.Bond{ElderID: x.ElderID, User: x.User, State: ledger.BondEnded, By: ledger.ByFamily,
				Health: "-", Wants: "-", Why: "本人解除"})
		}
	}
	if len(b.Bonds)+len(b.Kin) > 0 {
		t.out.Edits = append(t.out.Edits, kinEdit(in, map[bool]string{true: "本人全部解除", false: "本人停收"}[all], b))
	}
	t.dropped()
	if !all {
		t.clear()
		t.say("停了,不再发近况。您的登记还在,要再收,打字问一句近况就行。")
		return
	}
	for _, l := range f.Lines {
		t.out.Lines = append(t.out.Lines, ledger.Line{User: l.User, Channel: l.Channel, Account: l.Account, State: ledger.LineDead,
			Why: "本人解除", Heard: l.Heard, At: in.Now})
	}
	t.clear()
	t.s.Kin = KinState{Wrote: in.Now.Unix()}
	t.s.Danger, t.s.Tray = Danger{}, nil
	t.say("都解除了:不再发消息,您说过的城市、回家日子和微信联系方式已删除,何时同意、何时撤回的记录按规定留着。\n老人的照看照旧,留在老人家里的号码紧急时还会打。要再登记,请扫老人家里的联系卡。")
}

// unconsent writes down what is no longer agreed to.
func (t *turn) unconsent(x Tie, all bool) {
	for _, p := range ledger.KinPurposes {
		if all || slices.Contains(stopped, p) {
			t.out.Consents = append(t.out.Consents, kinAct(t.in, x, p, false))
		}
	}
}

// gaveUp are the fields of a relative that end with their consent; name and number stay with the elder's entry, where the elder gave them
// (000 二(一)).
func gaveUp(x Tie, all bool) ledger.Kin {
	k := ledger.Kin{ElderID: x.ElderID, Name: x.Bond.Kin}
	if x.Kin.Consent != "" {
		k.Consent = "-"
	}
	if all && x.Kin.Where != "" {
		k.Where = "-"
	}
	if all && x.Kin.Back != "" {
		k.Back = "-"
	}
	if k.Consent == "" && k.Where == "" && k.Back == "" {
		return ledger.Kin{}
	}
	return k
}

// dropped ends every word that is on its way to them, the answered one too, and takes back what still waits to be sent.
func (t *turn) dropped() {
	for _, w := range t.in.View.Family.Open {
		if i := slices.IndexFunc(t.out.Words, func(s ledger.WordStep) bool { return s.Word.Key == w.Key }); i >= 0 {
			continue // they have just answered it: it is over
		}
		if w.State == ledger.WordOpen {
			step := w.Step()
			step.Word.State, step.Word.Due = ledger.WordDropped, time.Time{}
			step.Word.Moved = t.in.Now
			t.out.Words = append(t.out.Words, step)
		}
		for _, try := range w.Log {
			if try.Message != "" && try.Channel != ledger.ChannelCall {
				t.out.Drop = append(t.out.Drop, try.Message)
			}
		}
	}
}

// mine lists what is kept about them (PIPL art. 45). Before a bond is verified that is no more than what they said themselves: the
// relative whose number matched may be another.
func (t *turn) mine() {
	ties := t.in.View.Family.Ties
	if len(ties) == 0 {
		t.say("这里没有您的登记,只有您发来的话,到期会自动删除。要马上删,说「退订」。")
		return
	}
	var lines []string
	for _, x := range ties {
		if !x.Holds(t.in.Today) {
			lines = append(lines, "登记:您说是"+orElse(x.Claim, "家属")+",还在等村里点头")
			continue
		}
		var agreed []string
		for _, p := range ledger.KinPurposes {
			if x.agreed(p) {
				agreed = append(agreed, purposeName(p))
			}
		}
		lines = append(lines, filled("登记:"+strings.TrimSpace(x.Kin.Relation+" "+hideName(x.Kin.Name))+","+x.Since.Short()+"起",
			label("电话 ", Mask(x.Kin.Phone)), label("城市 ", x.Kin.Where), label("回家 ", x.Kin.Back), "同意的:"+orElse(strings.Join(agreed, "、"), "还没有"))...)
	}
	lines = append(lines, "还有您发来的话,到期会自动删除。不对的打字告诉我,要删说「退订」。")
	t.say(strings.Join(lines, "\n"))
}

func label(name, value string) string {
	if value == "" {
		return ""
	}
	return name + value
}

// hideName hides a name but for its first character.
func hideName(name string) string {
	r := []rune(name)
	if len(r) < 2 {
		return name
	}
	return string(r[:1]) + strings.Repeat("*", len(r)-1)
}
