package flows

import (
	"fmt"
	"strings"
	"time"

	"xunfang/ledger"
)

// emergencyForm: the numbers to call come before any question and the people in charge are told with the first word
// (002 六(二): 立即拨打紧急求助电话; neither policy lets a form stand first). What follows is passed on as it comes.
var emergencyForm = Form{
	Name:  "emergency",
	Open:  []string{"urgent", "紧急", "救命", "出事了"},
	Done:  emergencyDone,
	Steps: []Step{{Key: "what", Ask: askEmergency, Parse: parseLine}},
}

const numbers = `⚠ 先打电话
120 病、伤、煤气中毒
110 有人侵害、走失
119 着火、门打不开`

// alarm tells everybody in charge, once. A second call within ten minutes adds to the first instead of ringing again.
func (t *turn) alarm(about string) {
	in := t.in
	if in.Now.Sub(time.Unix(t.s.Alarmed, 0)) < 10*time.Minute && about == "" {
		t.say(numbers + "\n" + told(in.View) + "在哪、是谁、怎么了?说一句就转过去。")
		return
	}
	t.s.Alarmed = in.Now.Unix()
	t.say(numbers + "\n" + told(in.View))
	for _, m := range alarmLead(in, about) {
		t.send(m)
	}
}

func told(v View) string {
	if len(v.Leads) == 0 {
		return "还没有登记负责人,请马上直接打电话给村里和乡里。"
	}
	names := make([]string, len(v.Leads))
	for i, p := range v.Leads {
		names[i] = p.Name
	}
	return "已同时告诉" + strings.Join(names, "、") + "。"
}

// alarmLead is the word to those in charge; the reporter's number is whole, because calling is the point.
func alarmLead(in Input, about string) []ledger.Message {
	who := strings.TrimSpace(in.View.Posts+" "+in.View.Name) + " "
	if !in.View.Known {
		who = "没有登记的人(未核实,账号 " + in.User + ")"
	}
	text := fmt.Sprintf("⚠ 紧急:%s\n%s %s报告", orElse(about, "有人遇到危险"), in.Now.In(in.Zone).Format("15:04"), who)
	if in.View.Phone != "" {
		text += "\n请马上打给" + in.View.Name + ":\n" + in.View.Phone
	}
	var out []ledger.Message
	for _, p := range in.View.Leads {
		if p.UserID != in.User {
			out = append(out, ledger.Message{Key: in.Key + "/alarm/" + p.UserID, To: p.UserID, Priority: ledger.PriorityAlarm, Text: text})
		}
	}
	return out
}

func askEmergency(_ Answers, _ Input) Prompt {
	return Prompt{Text: "在哪、是谁、怎么了?说一句,马上转过去。不说也行,已经告诉他们了。"}
}

func emergencyDone(a Answers, in Input) Result {
	if a["what"] == "" {
		return Result{Text: "好。他们会打给您,请保持电话畅通。", Card: ledger.Card{Done: "好"}}
	}
	return Result{
		Changes: ledger.Changes{Messages: alarmLead(in, strings.TrimSpace(a["about"]+" "+a["what"]))},
		Text:    "已转过去。他们会打给您,请保持电话畅通。", Card: ledger.Card{Done: "已转过去"},
	}
}
