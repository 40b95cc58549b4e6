package flows

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"xunfang/ledger"
)

func askConfirm(a Answers, in Input) Prompt {
	e := a.elder(in.View)
	if e == nil {
		return Prompt{Text: "这位老人现在不在您名下,没有记。说「取消」重来,或问村负责人。"}
	}
	day := a.day(in)
	if fault := dayFault(e, day, in); fault != "" {
		return Prompt{Text: fault}
	}
	c := ledger.Card{Title: e.full(), Desc: dayWords(day, in.Today) + visitWords(a), Rows: visitRows(a)}
	var buttons []ledger.Button
	add := func(key, text string) {
		buttons = append(buttons, ledger.Button{Key: key, Text: text, Style: min(2, len(buttons)+1)})
	}
	owed := a.owesPhoto(in) && pictures(in.shots) == 0
	switch {
	case a.owesPhoto(in) && !owed:
		c.Rows = append(c.Rows, ledger.CardRow{Name: "照片", Value: strconv.Itoa(pictures(in.shots)) + "张"})
	case owed:
		c.Rows = append(c.Rows, ledger.CardRow{Name: "照片", Value: fmt.Sprintf("还差一张,现在发或%d分钟内补", int(in.View.Rules.PhotoGrace.Minutes()))})
	}
	if a["method"] == "" {
		add(string(ledger.MethodDoor), "对,上门")
		add(string(ledger.MethodPhone), "对,电话")
	} else {
		add("yes", "确认")
	}
	if owed {
		add("waive", "没法拍照")
	}
	if len(e.Others) > 0 && day == in.Today && a["mends"] == "" {
		add("together", "和"+clip(e.Others[0].Name, 3)+"一起")
		c.Sub = e.Others[0].Name + " " + e.Others[0].Entry.EnteredAt.In(in.Zone).Format("15:04") + "记过" + e.she() + "。一起去的只记一次。"
	}
	add("edit", "改")
	if a["said"] != "" && len(e.Others) == 0 {
		add("not", "不是"+e.she())
	}
	if w := a.warning(); w != "" && a["dealt"] != "" {
		add("danger", "现在就危险")
		c.Sub = strings.TrimPrefix(c.Sub+"\n"+w, "\n")
	}
	if len(buttons) < 6 {
		add("drop", "撤销")
	}
	c.Buttons = buttons
	field, shown := recheck(e, in.View.Rules)
	switch {
	case a["dealt"] != "" && a["outcome"] == string(ledger.OutcomeProblem): // nobody was asked what becomes of it
		c.Drop = &ledger.Choice{Key: "act", Title: "处理", Picked: []string{a["act"]}, Options: acts}
	case field != "" && ledger.Outcome(a["outcome"]).Met() && a["mends"] == "" && e.Until == "":
		c.Drop = &ledger.Choice{Key: "recheck", Title: shown, Picked: []string{"no"}, Options: []ledger.Option{
			{ID: "no", Text: "这次没问"}, {ID: "same", Text: "没变"}, {ID: "changed", Text: "变了"}}}
	}
	return Prompt{Card: &c}
}

func parseConfirm(raw string, in Input) (string, error) {
	switch said := fold(raw); said {
	case "yes", "确认", "对", "是", "好", "好的", "对的", "没错":
		if in.answers["said"] != "" && in.answers["method"] == "" {
			return "", Hint("上门看的,还是电话问的?请点一下。")
		}
		return "yes", nil
	case "door", "phone", "together":
		return said, nil
	case "waive", "没法拍照":
		return "waive", nil
	case "danger", "现在就危险":
		return "danger", nil
	case "edit", "改":
		return "", Redo{Keys: redone}
	case "not", "不是他", "不是她":
		return "", Redo{Keys: []string{"elder", "who", "which"}, Afresh: true}
	case "drop", "撤销":
		return "", Abandon{}
	}
	if e := in.answers.elder(in.View); e != nil {
		if fault := dayFault(e, in.answers.day(in), in); fault != "" {
			return "", Hint(fault)
		}
	}
	return "", Hint("对的话点「确认」;不对点「改」;不记了点「撤销」。")
}

// takeConfirm: one tap may say how contact was made along with the yes, or that it is dangerous now.
func takeConfirm(a Answers, answer string) {
	switch answer {
	case "door", "phone":
		a["method"] = answer
	case "danger":
		a["act"] = "danger"
	}
}

var acts = []ledger.Option{{ID: "reported", Text: "报村里"}, {ID: "fixed", Text: "修好了"}, {ID: "watched", Text: "先看着"}}

// owesPhoto says whether the visit needs a picture: a door visit that met the elder, where the pack wants one.
func (a Answers) owesPhoto(in Input) bool {
	return a["method"] == string(ledger.MethodDoor) && ledger.Outcome(a["outcome"]).Met() && in.View.Rules.PhotoNeeded && a["mends"] == ""
}

// warning is what to do at once where something is not well that may kill by itself, "" where nothing is.
func (a Answers) warning() string {
	for _, k := range strings.Split(a["items"], ",") {
		if w := grave[k]; w != "" && a["outcome"] == string(ledger.OutcomeProblem) {
			return w
		}
	}
	return ""
}

// visitWords say how it went in one line. What was looked at is named, above all 电路 and 防火 (002 五: 日常特别注意).
func visitWords(a Answers) string {
	m, how := ledger.Method(a["method"]), ""
	if m != "" {
		how = m.Name() + ","
	}
	switch ledger.Outcome(a["outcome"]) {
	case ledger.OutcomeOK:
		if m == ledger.MethodDoor {
			return "上门,都好;燃气、取暖、电路防火都看过,没有隐患。"
		}
		return how + "都好。"
	case ledger.OutcomeProblem:
		text := how + "有情况,别的都好。"
		if items := strings.Split(a["items"], ","); m == ledger.MethodDoor && !slices.Contains(items, "electricity") && !slices.Contains(items, "fire") {
			text += "电路、防火看过,没有隐患。"
		}
		return text
	case ledger.OutcomeAbsent:
		return how + "没见到人。这次不算看过,还要再去。"
	}
	return how + "老人不愿见。不算看过,也不算您没去。"
}

// itemRows is how many problems a card tells one by one: WeCom shows six rows (wecom/90236).
const itemRows = 3

func visitRows(a Answers) []ledger.CardRow {
	var rows []ledger.CardRow
	if w := a["words"]; w != "" {
		rows = append(rows, ledger.CardRow{Name: "原话", Value: clip(w, valueWidth)})
	}
	if a["outcome"] == string(ledger.OutcomeProblem) {
		keys := strings.Split(a["items"], ",")
		for i, k := range keys {
			if i == itemRows-1 && len(keys) > itemRows {
				rows = append(rows, ledger.CardRow{Name: "另外", Value: fmt.Sprintf("还有%d件", len(keys)-i)})
				break
			}
			it, _ := ledger.ItemByKey(k)
			rows = append(rows, ledger.CardRow{Name: it.Name, Value: clip(orElse(a.note(k), "不好"), valueWidth)})
		}
		if a["dealt"] == "" || a["act"] == "danger" { // else it is to be chosen below
			rows = append(rows, ledger.CardRow{Name: "处理", Value: actNames[a["act"]]})
		}
	}
	if more := a.besides(); more != "" {
		rows = append(rows, ledger.CardRow{Name: "还有", Value: clip(more, valueWidth)})
	}
	return rows
}

var actNames = map[string]string{"reported": "报村里", "fixed": "当场修好了", "watched": "先看着", "danger": "已报紧急"}

// besides is what a sentence said on the way.
func (a Answers) besides() string {
	var words []string
	for _, f := range []struct{ key, name, unit string }{{"pressure", "血压", ""}, {"temp", "室温", "度"}, {"company", "同去:", ""}, {"phone", "新电话", ""}, {"address", "新住址", ""}} {
		if v := a[f.key]; v != "" && !(f.key == "temp" && a["note."+ledger.ItemRoomTemp] != "") && !strings.Contains(a["note.illness"], v) {
			words = append(words, f.name+v+f.unit)
		}
	}
	if a["rest"] != "" {
		words = append(words, "「"+a["rest"]+"」")
	}
	return strings.Join(words, " ")
}

// recheck is the fact whose turn it is and how it is shown: numbers only by their tail.
func recheck(e *Elder, r Rules) (field, shown string) {
	if len(r.Recheck) == 0 {
		return "", ""
	}
	field = r.Recheck[e.Entries%len(r.Recheck)]
	if e.Tried[e.Kin] >= TriesMost && slices.Contains(r.Recheck, "kin") { // their number seems dead (requirements §3 case 26)
		field = "kin"
	}
	switch field {
	case "phone":
		shown = "核对电话" + tail(e.Phone)
	case "address":
		shown = "核对住址"
	case "kin":
		if e.Kin == "" {
			return field, "核对子女电话"
		}
		shown = "核对" + clip(e.Kin, 4) + "电话" + tail(e.KinPhone)
	}
	return field, shown
}

func tail(phone string) string {
	if len(phone) < 4 {
		return "未登记"
	}
	return phone[len(phone)-4:]
}

// redone is what 改 asks again, each with the answer it had: all but the photos.
var redone = func() []string {
	keys := []string{"elder", "who", "which", "method", "outcome", "danger", "words", "items", "act", "recheck", "said", "dealt"}
	for _, it := range ledger.Items {
		keys = append(keys, "note."+it.Key)
	}
	return keys
}()

var waivers = []ledger.Option{{ID: "老人不愿拍", Text: "老人不愿拍"}, {ID: "手机拍不了", Text: "手机拍不了"}, {ID: "当时不合适", Text: "当时不合适"}}

func askWaiver(_ Answers, _ Input) Prompt {
	return Prompt{Card: &ledger.Card{Title: "为什么没法拍照?", Desc: "点一个,或打一句话。", Buttons: buttons(waivers)}}
}

func parseWaiver(raw string, _ Input) (string, error) {
	if raw = fold(raw); raw == "" {
		return "", Hint("为什么没法拍照?点一个,或打一句话。")
	}
	return clip(raw, 20), nil
}
