package flows

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"xunfang/ledger"
)

// affair is a change of the ledger that a word begins: alone, before the elder's name or behind it.
type affair struct {
	form string
	with Answers // what the word says by itself
	open []string
	tail []string
}

var affairs = []affair{
	{"standing", Answers{"kind": string(ledger.StandingDied)}, []string{"去世", "过世"}, []string{"去世了", "去世", "过世了", "过世", "病故了", "病故"}},
	{"standing", Answers{"kind": string(ledger.StandingPaused), "place": "住院"}, nil, []string{"住院了", "住院"}},
	{"standing", Answers{"kind": string(ledger.StandingPaused), "place": "随子女"}, nil,
		[]string{"去儿子家了", "去女儿家了", "去子女家了", "被儿子接走了", "被女儿接走了"}},
	{"standing", Answers{"kind": string(ledger.StandingPaused), "place": "养老院"}, nil, []string{"去养老院了", "住养老院了", "住进养老院了"}},
	{"standing", Answers{"kind": string(ledger.StandingPaused)}, []string{"暂停"}, []string{"暂停巡访", "暂停"}},
	{"standing", Answers{"kind": string(ledger.StandingMoved)}, []string{"迁出"}, []string{"迁出了", "迁出"}},
	{"standing", Answers{"kind": string(ledger.StandingLeft)}, []string{"退出"}, []string{"退出了", "退出"}},
	{"standing", Answers{"kind": standingBack}, []string{"恢复"}, []string{"回来了", "出院了", "恢复巡访", "恢复"}},
	{"assign", nil, []string{"指派", "换巡访员", "安排巡访员"}, []string{"换巡访员", "安排巡访员"}},
	{"move", nil, []string{"搬家", "换村", "迁到", "搬到"}, []string{"搬家了", "搬家", "换村"}},
	{"correct", nil, []string{"改资料", "更正资料"}, []string{"改资料", "更正资料"}},
	{"consent", Answers{"act": "withdrawn"}, []string{"撤回同意"}, []string{"撤回同意"}},
	{"consent", nil, []string{"同意书"}, []string{"签了同意书", "同意书"}},
	{"consent", Answers{"act": "given"}, []string{"同意"}, nil},
}

// offices say whose an affair is: by post, and for each elder by right. Others are referred to those whose it is, or, where
// there is nothing to refer with, what they say is passed on.
var offices = map[string]struct {
	roles []ledger.Role
	may   func(ledger.Access) bool
	refer string
}{
	"standing": {roles: []ledger.Role{ledger.RoleVillage, ledger.RoleTownship, ledger.RoleCounty}},
	"assign": {[]ledger.Role{ledger.RoleVillage, ledger.RoleTownship, ledger.RoleCounty},
		func(a ledger.Access) bool { return a.Assign }, "换巡访员由村里或乡镇定。"},
	"move": {[]ledger.Role{ledger.RoleVillage, ledger.RoleTownship, ledger.RoleCounty, ledger.RoleKeeper},
		func(a ledger.Access) bool { return a.Assign || a.Correct }, "搬家由村里或乡镇登记。"},
	"correct": {roles: []ledger.Role{ledger.RoleTownship, ledger.RoleCounty, ledger.RoleKeeper},
		may: func(a ledger.Access) bool { return a.Correct }},
	"consent": {[]ledger.Role{ledger.RoleTownship, ledger.RoleCounty, ledger.RoleKeeper},
		func(a ledger.Access) bool { return a.Correct }, "同意书由档案员或乡镇登记。"},
}

// denied: 没有住院 is no stay in hospital.
var denied = regexp.MustCompile(`[没不未]有?$`)

// nameWidth is how long what stands beside an affair's word may be to be a name; a whole sentence is something else.
const nameWidth = 8

// ownWords are the questions that the words of an affair may answer: 为什么改?搬家。
var ownWords = []string{"kind", "place", "address", "act", "value", "why", "words"}

// affair begins a change of the ledger that somebody typed. In the middle of a form words that name nobody in sight are an
// answer: 老伴去世了.
func (t *turn) affair(said string) bool {
	open := t.s.Form != ""
	with := Answers{}
	if day, rest, ok := dayIn(said, t.in.Today); ok {
		with["day"], said = string(day), rest
	}
	for _, a := range affairs {
		for _, word := range a.open {
			name, ok := strings.CutPrefix(said, word)
			if !ok || name == "" && open && slices.Contains(ownWords, t.s.Step) || name == "" && word == "退出" { // 退出 alone is 取消
				continue
			}
			if spaced := strings.Trim(name, " :"); spaced == "" || t.names(spaced, spaced != name) {
				t.begin(a, spaced, with)
				return true
			}
		}
		for _, word := range a.tail {
			name, ok := strings.CutSuffix(said, word)
			name = strings.TrimSpace(name)
			if ok && name != "" && !denied.MatchString(name) && t.names(name, !strings.ContainsAny(name, " ,、;:")) {
				t.begin(a, name, with)
				return true
			}
		}
	}
	name, place, ok := strings.Cut(strings.ReplaceAll(said, "搬到", "迁到"), "迁到")
	name, place = strings.TrimSpace(name), strings.TrimRight(strings.TrimSpace(place), "了")
	if ok && name != "" && place != "" && t.names(name, true) {
		t.begin(affair{form: "move"}, name, Answers{"to": place})
		return true
	}
	return false
}

// names says whether a text beside an affair's word is meant for an elder's name.
func (t *turn) names(text string, apart bool) bool {
	hits, sure := t.in.View.Find(text)
	if t.s.Form != "" {
		return len(hits) > 0 && sure
	}
	return len(hits) > 0 || apart && utf8.RuneCountInString(text) <= nameWidth
}

// begin opens an affair's form, about an elder if one is named: a name that is nobody's in sight, or nobody's for this
// affair, gets the same words.
func (t *turn) begin(a affair, name string, more Answers) {
	v, office := t.in.View, offices[a.form]
	with := Answers{}
	maps.Copy(with, a.with)
	if !slices.ContainsFunc(office.roles, func(r ledger.Role) bool { return slices.Contains(v.Roles, r) }) {
		if office.refer != "" {
			t.say(office.refer + "请跟" + orElse(names(v.Leads), "乡镇民政办") + "说一声。")
			return
		}
		with["tell"] = "yes"
	}
	if name != "" {
		id := among(name, v, a.form, with["tell"] != "")
		if id == "" {
			t.say(notYours(name))
			return
		}
		with["elder"] = id
	}
	in := t.in
	in.answers = with
	for _, key := range []string{"day", "to"} { // what was said beside the name counts if it would do as an answer
		st := t.form(a.form).step(key)
		if st == nil || more[key] == "" {
			continue
		}
		if value, err := st.Parse(more[key], in); err == nil {
			with[key] = value
		}
	}
	if text := needless(a.form, with, t.in); text != "" {
		t.say(text)
		return
	}
	parked := len(t.s.Parked)
	t.start(a.form, with)
	if len(t.s.Parked) > parked || t.idled {
		t.offer()
	}
}

// needless says why there is nothing to do about the elder, "" where there is.
func needless(form string, a Answers, in Input) string {
	switch e, ok := a.subject(in.View); {
	case !ok:
		return ""
	case form == "standing":
		return standsAlready(a, e, in)
	case (form == "assign" || form == "move") && e.gone():
		return e.full() + "已登记" + dated(e.Away.From, in.Today) + string(e.Away.Kind) + ",不用办了。登错了就说「恢复" + e.Name + "」。"
	}
	return ""
}

// unchanged is what a form's card turns into when there is nothing to do.
func unchanged(text string) Result {
	return Result{Text: text, Card: ledger.Card{Title: "没有改", Sub: text, Done: "没有改"}}
}

func (f *Form) step(key string) *Step {
	for i := range f.Steps {
		if f.Steps[i].Key == key {
			return &f.Steps[i]
		}
	}
	return nil
}

// among is the elder a text means, within what the speaker may see and do: a number, several as "?a,b", "" nobody.
func among(said string, v View, form string, tell bool) string {
	hits, sure := v.Find(fold(said))
	if may := offices[form].may; may != nil && !tell {
		hits = slices.DeleteFunc(slices.Clone(hits), func(e Elder) bool { return !may(e.Access) })
	}
	if len(hits) == 0 {
		return ""
	}
	if len(hits) == 1 && sure {
		return hits[0].ID
	}
	ids := make([]string, len(hits))
	for i := range hits {
		ids[i] = hits[i].ID
	}
	return "?" + strings.Join(ids, ",")
}

// whom are the steps that ask for the elder an affair is about.
func whom(form string) []Step {
	parse := func(raw string, in Input) (string, error) {
		if id := among(raw, in.View, form, in.answers["tell"] != ""); id != "" {
			return id, nil
		}
		return "", Hint(notYours(raw))
	}
	return []Step{
		{Key: "elder", Parse: parse, Ask: func(Answers, Input) Prompt { return Prompt{Text: "是哪位老人?请打名字或编号。"} }},
		{Key: "which", When: unclear, Ask: askWhom, Parse: func(raw string, in Input) (string, error) {
			id, err := parse(raw, in)
			if err == nil && strings.HasPrefix(id, "?") {
				return "", Hint("是哪一位?请点卡片上的按钮。")
			}
			return id, err
		}},
	}
}

// askWhom lets the speaker choose among elders a word may mean; nobody is picked silently (requirements §3 case 8).
func askWhom(a Answers, in Input) Prompt {
	var hits []Elder
	villages := false
	for _, id := range strings.Split(strings.TrimPrefix(a["elder"], "?"), ",") {
		if e, ok := (Answers{"elder": id}).subject(in.View); ok {
			hits = append(hits, e)
			villages = villages || e.Village != hits[0].Village
		}
	}
	if len(hits) == 0 { // all moved out of sight since
		return Prompt{Text: "请再打一次老人的名字或编号。"}
	}
	c := ledger.Card{Title: "是哪一位?"}
	for i := range hits {
		if len(c.Buttons) == 6 {
			c.Desc = "还有别的,请带上村名再说一次。"
			break
		}
		text := hits[i].brief(villages)
		if utf8.RuneCountInString(text) > buttonWidth {
			text = hits[i].place(villages)
		}
		c.Buttons = append(c.Buttons, ledger.Button{Key: hits[i].ID, Text: clip(text, buttonWidth), Style: 1})
	}
	return Prompt{Card: &c}
}

// subject is the elder an affair is about; false where none is named yet, or none in sight any more.
func (a Answers) subject(v View) (Elder, bool) {
	id := orElse(a["which"], a["elder"])
	hits, _ := v.Find(id)
	if i := slices.IndexFunc(hits, func(e Elder) bool { return e.ID == id }); i >= 0 {
		return hits[i], true
	}
	return Elder{}, false
}

// title is the elder an affair's card is about, with all that tells two of one name apart.
func title(a Answers, in Input) string {
	if e, ok := a.subject(in.View); ok {
		return e.full()
	}
	return "这位老人"
}

func affairTitle(what string) func(Answers, Input) string {
	return func(a Answers, in Input) string {
		if e, ok := a.subject(in.View); ok {
			return what + " " + e.Name
		}
		return what
	}
}

var confirmButtons = []ledger.Button{
	{Key: "yes", Text: "确认", Style: 1}, {Key: "edit", Text: "改", Style: 2}, {Key: "drop", Text: "撤销", Style: 2},
}

// chosen sends a card's choices off.
var chosen = ledger.Button{Key: "submit", Text: "选好了"}

// confirm reads the answer to an affair's last card; 改 asks the named questions again.
func confirm(again ...string) func(string, Input) (string, error) {
	return func(raw string, in Input) (string, error) {
		v, err := parseConfirm(raw, in)
		if _, redo := err.(Redo); redo {
			return "", Redo{Keys: again}
		}
		if v == "waive" {
			return "", Hint("对的话点「确认」;不对点「改」;不办了点「撤销」。")
		}
		return v, err
	}
}

// edit is a change of the ledger as this turn decides it.
func edit(in Input, why string, b ledger.Book) ledger.Edit {
	return ledger.Edit{Book: b, By: in.User, Why: why, Source: in.Key, Today: in.Today, Seen: in.View.Revision}
}

// inform tells others in a text, each once and never the speaker.
func inform(in Input, people []Person, text string) []ledger.Message {
	var out []ledger.Message
	told := map[string]bool{in.User: true}
	for _, p := range people {
		if !told[p.UserID] {
			told[p.UserID] = true
			key := in.Key + "/tell/" + p.UserID
			out = append(out, ledger.Message{Key: key, To: p.UserID, Priority: ledger.PriorityReminder, Text: text})
		}
	}
	return out
}

// hand gives others a card that asks them to act; what keeps it apart from the turn's other messages.
func hand(in Input, to []Person, what string, c ledger.Card) []ledger.Message {
	var out []ledger.Message
	for _, p := range to {
		card, key := c, in.Key+"/"+what+"/"+p.UserID
		card.Task = task(key)
		out = append(out, ledger.Message{Key: key, To: p.UserID, Priority: ledger.PriorityReminder, Card: &card})
	}
	return out
}

// receipt is what an affair's card turns into.
func receipt(head, grey string, e Elder, text string) Result {
	return Result{Text: head + "。" + e.full() + ":" + text, Card: ledger.Card{Title: head, Desc: e.full(), Sub: text, Done: grey}}
}

// add says one thing more, on the card and in words.
func (r *Result) add(text string) { r.Text, r.Card.Sub = r.Text+text, r.Card.Sub+text }

// outOfReach answers a confirmation that comes too late: the right ended while the form was open.
func outOfReach() Result {
	return unchanged("这位老人现在不归您办,什么都没有改。请问乡镇。")
}
