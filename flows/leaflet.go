package flows

import (
	"strings"

	"xunfang/ledger"
)

// The words that ask for an elder's contact card, and that take a lost one back.
const leafletWord, lostWord = "联系卡", "作废联系卡"

// leafletSaid obeys 联系卡 马秀兰 and 作废联系卡 马秀兰; false where it is something else.
func (t *turn) leafletSaid(said string) bool {
	for _, w := range []struct{ word, verb string }{{lostWord, "leaflet:lost"}, {leafletWord, "leaflet"}} {
		rest, ok := strings.CutPrefix(said, w.word)
		name := strings.Trim(rest, " :")
		if !ok || len([]rune(name)) > nameWidth {
			continue
		}
		if name == "" {
			t.aside(func() {
				t.say("要哪位老人的联系卡?请说「" + w.word + " 马秀兰」,换成老人的名字。")
			})
			return true
		}
		hits, sure := t.in.View.Find(name)
		t.aside(func() {
			switch {
			case len(hits) == 0:
				t.say(notYours(name))
			case len(hits) > 1 || !sure:
				t.which(w.verb, hits)
			case w.verb == "leaflet":
				t.leaflet(hits[0])
			default:
				t.loseLeaflet(hits[0])
			}
		})
		return true
	}
	return false
}

// onLeaflet obeys a button: ELDER, lost:ELDER, given:ELDER:HANDLE or revoke:ELDER:HANDLE.
func (t *turn) onLeaflet(arg string) {
	verb, rest, act := strings.Cut(arg, ":")
	if !act {
		verb, rest = "", arg
	}
	id, handle, _ := strings.Cut(rest, ":")
	e, ok := Answers{"elder": id}.subject(t.in.View)
	if !ok {
		t.notMine()
		return
	}
	switch verb {
	case "":
		t.done("好")
		t.leaflet(e)
	case "lost":
		t.done("好")
		t.loseLeaflet(e)
	case "given", "revoke":
		t.markLeaflet(verb, e, handle)
	default:
		t.notMine()
	}
}

// leafletOf is an elder's contact card.
func (v View) leafletOf(id string) (Leaflet, bool) {
	if v.Leaflet == nil {
		return Leaflet{}, false
	}
	return v.Leaflet(id)
}

// leaflet shows the card as it is now. Where what it bears has changed, it is issued anew, and the one that is out there opens nothing
// from today on (002 五·加强联系; requirements F1).
func (t *turn) leaflet(e Elder) {
	l, ok := t.in.View.leafletOf(e.ID)
	switch {
	case !ok:
		t.say(notYours(e.Name))
		return
	case e.gone(): // requirements §3 case 1
		t.say(e.full() + "已登记" + string(e.Away.Kind) + ",不再发联系卡。")
		return
	}
	head := e.full() + "的联系卡"
	card := l.Out
	if l.Out.Handle == "" || l.Changed {
		card = l.Now
		row := l.Now
		row.ElderID, row.Issued, row.By = e.ID, t.in.Today, t.in.User
		rows := []ledger.Leaflet{row}
		why := "发联系卡"
		if l.Out.Handle != "" {
			rows = append(rows, ledger.Leaflet{ElderID: e.ID, Handle: l.Out.Handle, Revoked: t.in.Today, Why: "上面的人或号码变了"})
			why, head = "换联系卡", head+"换了新的,旧的作废了,请收回"
		}
		t.out.Edits = append(t.out.Edits, edit(t.in, why, ledger.Book{Leaflets: rows}))
	}
	t.looked(e.ID, ledger.LookCard)
	png, words := l.Picture()
	t.send(ledger.Message{Picture: png, Text: words})
	c := ledger.Card{Title: clip(head, titleWidth), Desc: "打印出来交给老人,贴在电话旁边。", Buttons: []ledger.Button{
		{Key: "go:leaflet:given:" + e.ID + ":" + card.Handle, Text: "已交给老人", Style: 1}, {Key: "go:leaflet:lost:" + e.ID, Text: "卡丢了", Style: 2}}}
	if card.Given != "" {
		c.Desc, c.Buttons = dated(card.Given, t.in.Today)+"已经交给老人。", c.Buttons[1:]
	}
	t.card(c)
}

// loseLeaflet asks before a lost card is taken back.
func (t *turn) loseLeaflet(e Elder) {
	l, ok := t.in.View.leafletOf(e.ID)
	if !ok {
		t.say(notYours(e.Name))
		return
	}
	if l.Out.Handle == "" {
		t.say(e.full() + "现在没有能用的联系卡。要发就说「联系卡 " + e.Name + "」。")
		return
	}
	t.card(ledger.Card{Title: clip("作废"+e.full()+"的联系卡?", titleWidth), Desc: "作废后,上面的二维码马上不能用。", Buttons: []ledger.Button{
		{Key: "go:leaflet:revoke:" + e.ID + ":" + l.Out.Handle, Text: "作废", Style: 1}, {Key: "go:no", Text: "不作废", Style: 2}}})
}

// markLeaflet notes that the card was handed over, or takes it back. The button is about one card: of one that has been replaced since
// nothing changes.
func (t *turn) markLeaflet(verb string, e Elder, handle string) {
	l, ok := t.in.View.leafletOf(e.ID)
	switch {
	case !ok:
		t.notMine()
		return
	case l.Out.Handle != handle || handle == "":
		t.receive(ledger.Card{Title: "这张卡已经作废了", Desc: clip(e.full(), 44), Done: "没有改"}, "这张卡已经作废了,什么都没有改。要看新的就说「联系卡 "+e.Name+"」。")
		return
	case verb == "given" && l.Out.Given != "":
		t.receive(ledger.Card{Title: "已经记过了", Desc: clip(e.full(), 44), Done: "已交给老人"}, dated(l.Out.Given, t.in.Today)+"已经记过交给老人了。")
		return
	}
	row := ledger.Leaflet{ElderID: e.ID, Handle: handle, Given: t.in.Today}
	why, said := "联系卡已交给老人", "✓ 记下了,联系卡交给老人了"
	if verb == "revoke" {
		row = ledger.Leaflet{ElderID: e.ID, Handle: handle, Revoked: t.in.Today, Why: "卡丢了"}
		why, said = "联系卡丢了,作废", "✓ 作废了,说「联系卡 "+e.Name+"」出新的"
	}
	t.out.Edits = append(t.out.Edits, edit(t.in, why, ledger.Book{Leaflets: []ledger.Leaflet{row}}))
	t.says(said, e.full(), "办好了")
}
