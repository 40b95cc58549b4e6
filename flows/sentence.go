package flows

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"xunfang/flows/understand"
	"xunfang/ledger"
)

// sentence obeys what somebody typed freely; false where nothing in it is understood. Nothing is written from a sentence
// alone: a visit is shown back for one tap, and danger is offered the alarm (requirements §2.1: echo and one confirm).
func (t *turn) sentence() bool {
	parts := t.in.View.Said
	if i := slices.IndexFunc(parts, perilous); i >= 0 {
		t.peril(parts[i])
		return true
	}
	visits, rest := t.visits(parts)
	switch {
	case len(visits) > 1:
		t.start("pile", pileOf(visits, rest))
	case len(visits) == 1:
		t.start("visit", visits[0])
	case len(parts) > 0:
		return t.other(parts[0])
	default:
		return false
	}
	return true
}

func perilous(p understand.Part) bool { return p.Reading.Intent == understand.Emergency }

// visits are the visits a message tells of, each as the answers of a visit form; rest is what it says besides.
func (t *turn) visits(parts []understand.Part) (visits []Answers, rest []string) {
	for _, p := range parts {
		if p.Reading.Intent != understand.Visit {
			if len(strings.TrimSpace(p.Text)) > 0 {
				rest = append(rest, strings.TrimSpace(p.Text))
			}
			continue
		}
		a := heard(p, t.in)
		ids := t.inView(p.Reading.Elders)
		switch {
		case len(ids) == 0: // whoever it was, of the name nothing is kept
			delete(a, "rest")
			delete(a, "note")
			a["unnamed"] = "yes"
			visits = append(visits, a)
		case p.Reading.Ambiguous:
			a["elder"] = "?" + strings.Join(ids, ",")
			visits = append(visits, a)
		default:
			for _, id := range ids {
				one := a.with("elder", id)
				same := func(v Answers) bool { return v["elder"] == id && v["day"] == one["day"] }
				if i := slices.IndexFunc(visits, same); i >= 0 { // said twice, or in two lines: one visit
					visits[i].add(p, a["said"], t.in)
					continue
				}
				visits = append(visits, one)
			}
		}
	}
	return visits, rest
}

func (t *turn) inView(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return t.in.View.find(id) == nil })
}

// with is a copy with one answer more.
func (a Answers) with(key, value string) Answers {
	out := Answers{}
	for k, v := range a {
		out[k] = v
	}
	out[key] = value
	return out
}

// heard turns what was understood of a visit into answers, all but the elder.
func heard(p understand.Part, in Input) Answers {
	r := p.Reading
	a := Answers{"said": clip(strings.TrimSpace(p.Text), 300)}
	if r.Method != nil {
		a["method"] = *r.Method
	}
	switch {
	case r.Refused:
		a["outcome"] = string(ledger.OutcomeRefused)
		if _, words, ok := strings.Cut(a["said"], "说"); ok && len(words) > 0 { // in the elder's words; else they are asked for
			a["words"] = strings.Trim(words, " :,。「」“”")
		}
	case r.Status != nil:
		a["outcome"] = *r.Status
	}
	if len(r.Problems) > 0 && !r.Refused {
		a["outcome"] = string(ledger.OutcomeProblem)
		a["items"] = strings.Join(r.Problems, ",")
		for _, item := range r.Problems {
			a["note."+item] = clip(r.Said[item], 60)
		}
		a["act"] = dealt(a["said"], r.Problems)
	}
	if r.Facts.RoomTemp != nil {
		a["temp"] = strconv.Itoa(*r.Facts.RoomTemp)
		if slices.Contains(r.Problems, ledger.ItemRoomTemp) {
			a["note."+ledger.ItemRoomTemp] = a["temp"]
		}
	}
	for key, value := range map[string]string{"pressure": r.Facts.BP, "company": r.Facts.Companion, "phone": r.Facts.NewPhone, "address": r.Facts.NewAddress} {
		if value != "" {
			a[key] = value
		}
	}
	if r.Dated {
		a.setDay(r.Date, in.Today)
	}
	var rest []string
	for _, u := range r.Unknown {
		if u.Item == "" && !r.Ditto {
			rest = append(rest, u.Words)
		}
	}
	if a["rest"] = strings.Join(rest, "、"); a["rest"] == "" {
		delete(a, "rest")
	}
	if len(rest)+len(r.Problems) > 0 {
		a["note"] = a["said"]
	}
	if i := slices.IndexFunc(r.Unknown, func(u understand.Unknown) bool { return u.Item != "" && !slices.Contains(r.Problems, u.Item) }); i >= 0 {
		u := r.Unknown[i]
		a["guess"] = strings.Join([]string{u.Words, u.Maybe, u.Item}, "|")
	}
	return a
}

// setDay says when the visit was; what is long ago will be asked about.
func (a Answers) setDay(day, today ledger.Day) bool {
	delete(a, "day")
	delete(a, "daysago")
	if day != today {
		a["day"] = string(day)
	}
	if ago := today.Sub(day); ago > lateDays {
		a["daysago"] = strconv.Itoa(ago)
	}
	return true
}

// fixedWords say that what was not well has been seen to.
var fixedWords = []string{"修好了", "弄好了", "换好了", "换上了", "换了新", "处理好了", "当场处理", "当场解决", "已经修", "给修了", "通好了", "收拾好了"}

// dealt is what becomes of problems told in a sentence: what may kill goes to the village, the rest is kept an eye on, unless the
// words say otherwise. It is shown and can be changed at the confirmation.
func dealt(said string, items []string) string {
	contains := func(word string) bool { return strings.Contains(said, word) }
	switch {
	case slices.ContainsFunc(fixedWords, contains):
		return string(ledger.FindingFixed)
	case slices.ContainsFunc(items, func(k string) bool { return grave[k] != "" }), contains("上报"), contains("报村"), contains("报给村"), contains("报到村"):
		return string(ledger.FindingReported)
	}
	return string(ledger.FindingWatched)
}

// add takes over what a further text says about a visit that waits for its confirmation; false where it says nothing of it.
func (a Answers) add(p understand.Part, text string, in Input) bool {
	r := p.Reading
	more := heard(p, in)
	told := false
	if r.Intent == understand.Correct && len(r.Elders) == 1 && r.Elders[0] != a["elder"] { // 不是她是张桂花
		a["elder"], told = r.Elders[0], true
		delete(a, "who")
		delete(a, "which")
	}
	if !strings.Contains(a["said"], text) {
		a["said"] = clip(strings.TrimPrefix(a["said"]+"。"+text, "。"), 300)
	}
	for _, key := range []string{"method", "temp", "pressure", "company", "phone", "address", "guess", "rest"} {
		if v := more[key]; v != "" {
			a[key], told = v, true
		}
	}
	if more["note"] != "" {
		a["note"] = a["said"]
	}
	if r.Dated {
		told = a.setDay(r.Date, in.Today)
	}
	switch {
	case more["items"] != "":
		items := strings.Split(more["items"], ",")
		if was := a["items"]; was != "" && a["outcome"] == string(ledger.OutcomeProblem) {
			items = append(strings.Split(was, ","), items...)
		}
		for key, v := range more {
			if strings.HasPrefix(key, "note.") {
				a[key] = v
			}
		}
		a["items"], _ = parseItems(strings.Join(unique(items), ","), in)
		a["outcome"], a["act"], told = string(ledger.OutcomeProblem), orElse(a["act"], more["act"]), true
	case more["outcome"] != "" && a["outcome"] != string(ledger.OutcomeProblem):
		a["outcome"], told = more["outcome"], true
		if w := more["words"]; w != "" {
			a["words"] = w
		}
	}
	return told
}

func unique(words []string) []string {
	words = slices.Clone(words)
	slices.Sort(words)
	return slices.Compact(words)
}

// peril offers the alarm: no question stands before it. The words are kept for whoever is told, and a form under way waits.
func (t *turn) peril(p understand.Part) {
	t.s.Danger = Danger{Text: clip(strings.TrimSpace(p.Text), 200), Elders: t.inView(p.Reading.Elders)}
	c := ledger.Card{Title: "⚠ 听着像有人遇到危险", Desc: "先打电话,再点「马上报告」,村里乡里立刻知道。",
		Sub:     "「" + clip(t.endangered(), 60) + "」\n" + strings.TrimPrefix(numbers, "⚠ 先打电话\n"),
		Buttons: []ledger.Button{{Key: "go:alarm", Text: "马上报告", Style: 1}, {Key: "go:calm", Text: "没有危险", Style: 2}}}
	t.card(c)
}

// endangered are the words of what was said of danger, with the elder told in full where only one can be meant.
func (t *turn) endangered() string {
	d := t.s.Danger
	if len(d.Elders) == 1 {
		if e := t.in.View.find(d.Elders[0]); e != nil {
			return e.full() + " " + d.Text
		}
	}
	return d.Text
}

// Danger is what was said that sounded like danger, until it is answered.
type Danger struct {
	Text   string   `json:"t,omitempty"`
	Elders []string `json:"e,omitempty"`
}

// alarmed raises the alarm that was offered.
func (t *turn) alarmed() {
	about := t.endangered()
	t.s.Danger = Danger{}
	t.done("已报告")
	t.urgent(about)
}

// calm takes back the offer: what was said becomes the record it may have been meant for.
func (t *turn) calm() {
	d := t.s.Danger
	t.s.Danger = Danger{}
	t.done("没有危险")
	if t.s.Form != "" {
		t.ask()
		return
	}
	with := Answers{"said": d.Text, "outcome": string(ledger.OutcomeProblem)}
	switch {
	case len(d.Elders) == 0:
		return
	case len(d.Elders) == 1:
		with["elder"] = d.Elders[0]
	default:
		with["elder"] = "?" + strings.Join(d.Elders, ",")
	}
	t.start("visit", with)
}

// other obeys a sentence that is neither a visit nor danger.
func (t *turn) other(p understand.Part) bool {
	r := p.Reading
	switch r.Intent {
	case understand.QueryTodo:
		return t.word("待办")
	case understand.QueryStats:
		return t.word("统计")
	case understand.Help:
		return t.word("帮助")
	case understand.Cancel:
		t.undo("")
	case understand.Greeting:
		t.say(orElse(t.in.View.Name, "您") + ",您好。记巡访点「巡访」,或直接说一句,比如「" + t.example() + " 上门 都好」。")
	case understand.QueryElder:
		hits, _ := t.in.View.Find(strings.Join(r.Elders, ","))
		if len(r.Elders) == 1 {
			t.look("card", r.Elders[0])
			return true
		}
		for _, id := range r.Elders {
			more, _ := t.in.View.Find(id)
			hits = append(hits, more...)
		}
		if len(hits) == 0 {
			return false
		}
		t.which("card", hits)
	case understand.Correct:
		t.correct(r)
	case understand.HelpRecord, understand.FamilyContact, understand.Need, understand.FamilyInfo, understand.Leave:
		t.start("pass", Answers{"kind": string(r.Intent), "text": clip(strings.TrimSpace(t.in.Text), 300), "elder": strings.Join(t.inView(r.Elders), ",")})
	default:
		return false
	}
	return true
}

// example is the name of one of the speaker's elders, to show how a sentence goes.
func (t *turn) example() string {
	for _, e := range owedFirst(mine(t.in.View)) {
		return e.Name
	}
	return "马秀兰"
}

// passForm hands on what is understood but kept nowhere yet: the words go to who is in charge, after one tap.
var passForm = Form{
	Name:  "pass",
	Title: func(a Answers, _ Input) string { return "要转告的话" },
	Done:  passDone,
	Steps: []Step{{Key: "ok", Ask: askPass, Parse: oneOf("转给负责人就点「转告」,不用就点「不用」。", map[string]string{
		"yes": "yes", "转告": "yes", "是": "yes", "好": "yes", "确认": "yes", "no": "no", "不用": "no", "不": "no"})}},
}

var passed = map[string]string{
	string(understand.HelpRecord): "帮扶的事", string(understand.FamilyContact): "联系家属的事", string(understand.Need): "要办的事",
	string(understand.FamilyInfo): "家属的消息", string(understand.Leave): "请假的事",
}

func (a Answers) charge(in Input) []Person {
	if e := in.View.find(a["elder"]); e != nil && e.Lead.UserID != "" && e.Lead.UserID != in.User {
		return []Person{e.Lead}
	}
	return in.View.Leads
}

func askPass(a Answers, in Input) Prompt {
	c := ledger.Card{Title: "听着像" + passed[a["kind"]], Sub: "「" + clip(a["text"], 80) + "」",
		Buttons: []ledger.Button{{Key: "yes", Text: "转告", Style: 1}, {Key: "no", Text: "不用", Style: 2}}}
	who := a.charge(in)
	c.Desc = "这里还不能记成一条。转告" + orElse(clip(names(who), 20), "负责人") + "吗?"
	return Prompt{Card: &c}
}

func passDone(a Answers, in Input) Result {
	if a["ok"] == "no" {
		return Result{Text: "好,没有转。", Card: ledger.Card{Done: "没有转"}}
	}
	about := ""
	if e := in.View.find(a["elder"]); e != nil {
		about = e.full() + "\n"
	}
	text := fmt.Sprintf("%s%s请您知道(%s):\n「%s」", about, in.View.Name, passed[a["kind"]], a["text"])
	to := a.charge(in)
	if len(to) == 0 {
		return Result{Text: "还没有登记负责人,请直接打电话说。", Card: ledger.Card{Done: "没有转"}}
	}
	return Result{Changes: ledger.Changes{Messages: inform(in, to, text)}, Text: "✓ 转告" + names(to) + "了。", Card: ledger.Card{Done: "已转告"}}
}
