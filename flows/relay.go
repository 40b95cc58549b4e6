package flows

import (
	"slices"
	"strings"

	"xunfang/ledger"
)

// carrier is who carries a relative's message to the elder: whoever visits, else who helps, else the village.
func (t Tie) carrier() Contact {
	for _, c := range []Contact{t.Visitor, t.Helper, t.Village} {
		if c.UserID != "" {
			return c
		}
	}
	return Contact{}
}

// relayed hands a relative's message or picture to who visits the elder (000 三(四): 亲情交流). A picture is the key of what they sent.
func relayed(in Input, tie Tie, text, photo string) []ledger.Message {
	to := tie.carrier()
	if to.UserID == "" {
		return nil
	}
	tail := in.Key + ":" + bondKey(tie.Bond)
	c := ledger.Card{Title: clip(tie.Kin.Name+"让您捎句话给"+tie.Elder.Name, titleWidth), Desc: clip(tie.Elder.who()+"的"+named(tie.Kin), 44),
		Sub: clip("「"+strings.TrimSpace(text)+"」", listWidth), Buttons: []ledger.Button{{Key: "go:relay:done:" + tail, Text: "带到了", Style: 1},
			{Key: "go:relay:reply:" + tail, Text: "回一句", Style: 2}}}
	if text == "" {
		c.Sub = "发来一张照片,请给老人看看。"
	}
	out := handed(in, []Person{{to.UserID, to.Name}}, "relay", c)
	if photo != "" {
		out = append(out, ledger.Message{Key: in.Key + "/relay/photo", To: to.UserID, Priority: ledger.PriorityReminder,
			NotBefore: humane(in), Show: photo, Text: tie.Kin.Name + "给" + tie.Elder.Name + "的照片"})
	}
	return out
}

// onRelay obeys a button under a relative's message: VERB:MESSAGE:ELDER/THREAD.
func (t *turn) onRelay(arg string) {
	verb, rest, _ := strings.Cut(arg, ":")
	message, key, _ := strings.Cut(rest, ":")
	x, ok := t.bond(key)
	switch {
	case !ok || message == "":
		t.notMine()
	case !x.Holds(t.in.Today) || x.Elder.gone():
		t.receive(ledger.Card{Title: "不用带了", Desc: "这位家属的登记已经停了。", Done: "不用带了"}, "这位家属的登记已经停了,不用带了。")
	case verb == "done":
		t.receive(ledger.Card{Title: clip("✓ 带到了,告诉"+x.Kin.Name+"了", titleWidth), Desc: clip(x.Elder.who(), 44),
			Buttons: []ledger.Button{{Key: "go:relay:reply:" + rest, Text: "回一句", Style: 1}}}, "✓ 带到了,告诉"+x.Kin.Name+"了。")
		m := toThread(t.in, x.Bond, "relay", ledger.Card{Title: "您捎的话带到了。"}) // neither day nor name: they may be hidden (ledger.Hearing)
		m.Key = "relay/" + message + "/done"                                 // told once, however often it is tapped
		t.send(m)
	case verb == "reply":
		t.done("回一句")
		t.begun(relayForm.Name, Answers{"bond": key, "kin": x.Kin.Name, "name": x.Elder.Name, "message": message})
	default:
		t.notMine()
	}
}

// relayForm takes what the elder answers, shows it back, and sends it off. Nothing of health goes this way: that needs its own consent.
var relayForm = Form{
	Name:  "relay",
	Title: func(a Answers, in Input) string { return "回" + a["kin"] + "的话" },
	Done:  relayDone,
	Steps: []Step{
		{Key: "line", Parse: parseRelay, Ask: func(a Answers, _ Input) Prompt {
			return Prompt{Text: a["name"] + "想对" + a["kin"] + "说什么?打一句。身体情况不从这里说。"}
		}},
		{Key: "ok", Parse: confirm("line"), Ask: func(a Answers, _ Input) Prompt {
			return Prompt{Card: &ledger.Card{Title: clip("回给"+a["kin"], titleWidth), Desc: "确认后发到微信。",
				Sub: clip("「"+a["line"]+"」", listWidth), Buttons: confirmButtons}}
		}},
	},
}

// healthWords are what speaks of somebody's health: sensitive, and with its own consent (PIPL art. 28, 29).
var healthWords = []string{"病", "药", "血压", "血糖", "住院", "医院", "摔", "疼", "痛", "手术", "瘫", "中风", "咳", "发烧", "体检", "诊", "晕", "心脏", "糖尿"}

func speaksOfHealth(line string) bool {
	return slices.ContainsFunc(healthWords, func(w string) bool { return strings.Contains(line, w) })
}

func parseRelay(raw string, in Input) (string, error) {
	v, err := parseLine(raw, in)
	switch {
	case err != nil:
		return "", err
	case v == "":
		return "", Hint("要回什么?打一句;不回了就说「取消」。")
	case speaksOfHealth(v):
		return "", Hint("身体情况不从这里说,可以请" + in.answers["kin"] + "打电话。去掉再发一遍,或说「取消」。")
	}
	return v, nil
}

func relayDone(a Answers, in Input) Result {
	if in.View.Bond == nil {
		return outOfReach()
	}
	x, ok := in.View.Bond(a["bond"])
	if !ok || !x.Holds(in.Today) || x.Elder.gone() {
		return outOfReach()
	}
	word := newWord(in, ledger.WordKey("passed", in.Key), x.ElderID, x.Bond.Kin, x.User, ledger.WordPassed, x.Elder.Name+"回您:「"+a["line"]+"」")
	said := "✓ 发给" + x.Kin.Name + "了"
	return Result{Changes: ledger.Changes{Words: []ledger.WordStep{word}}, Text: said + "。",
		Card: ledger.Card{Title: clip(said, titleWidth), Sub: clip("「"+a["line"]+"」", listWidth), Done: "发出去了"}}
}
