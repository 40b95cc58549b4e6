package flows

import (
	"slices"
	"time"

	"xunfang/ledger"
)

// Shot is a photo in the tray, or something spoken.
type Shot struct {
	Key   string `json:"k"`
	At    int64  `json:"t"`           // unix seconds
	Draft string `json:"d,omitempty"` // the draft it came into, "" none
	Voice bool   `json:"v,omitempty"`
}

func (s Shot) kind() ledger.MediaKind {
	if s.Voice {
		return ledger.MediaVoice
	}
	return ledger.MediaPhoto
}

// pictures are how many of the shots are photos.
func pictures(shots []Shot) int {
	n := 0
	for _, s := range shots {
		if !s.Voice {
			n++
		}
	}
	return n
}

// Recent is a visit confirmed a while ago.
type Recent struct {
	Entry string `json:"e"`
	Elder string `json:"i"`
	At    int64  `json:"t"` // unix seconds
}

const (
	trayLife = 48 * time.Hour   // then a photo nobody claimed is left to the purge (requirements §3 case 6)
	trayWarm = 30 * time.Minute // photos this fresh join the visit that is begun next
	burst    = 10 * time.Second // one answer for photos that come together
)

// keep puts what was sent into the tray, to be fetched at once: WeCom forgets it in three days (wecom/90254). quiet says
// whether more of it came just before, which has been answered.
func (t *turn) keep(kind ledger.MediaKind) (shot ledger.Photo, quiet bool) {
	in := t.in
	name := orElse(string(kind), "photo")
	shot = ledger.Photo{Key: name + "/" + in.Key, Kind: kind, UserID: in.User, MediaID: in.Media, State: ledger.PhotoWanted, At: in.Now}
	t.send(ledger.Message{Key: "fetch/" + in.Key, To: in.User, Priority: ledger.PriorityReply, Photo: shot.Key, MediaID: in.Media})
	quiet = len(t.s.Tray) > 0 && in.Now.Sub(time.Unix(t.s.Tray[len(t.s.Tray)-1].At, 0)) < burst
	return shot, quiet
}

// voice keeps what was spoken and asks for a line: nobody here understands it (requirements §3 case 9). It goes with the
// record that is being made or is made next.
func (t *turn) voice() {
	if t.sent(ledger.MediaVoice, "(语音)", "语音已转过去,叫他们打给您。能打字就再说一句:在哪、是谁、怎么了?") {
		return
	}
	shot, _ := t.keep(ledger.MediaVoice)
	t.s.Tray = append(t.s.Tray, Shot{Key: shot.Key, At: t.in.Now.Unix(), Draft: t.s.ID, Voice: true})
	t.out.Photos = append(t.out.Photos, shot)
	switch {
	case t.s.Form != "":
		t.say("语音存好了,会和这一条放在一起。我听不了,请打一句字。")
		t.ask()
	default:
		t.say("语音存好了。我听不了,请再打一句,比如「" + t.example() + " 上门 都好」。有人遇到危险,请说「紧急」。")
	}
}

// location: a visit needs no place, and none is kept: no trail (requirements, finding 6). In an emergency it is passed on.
func (t *turn) location() {
	if t.placed() {
		return
	}
	t.say("位置收到了,不会存。记巡访不用发位置。")
	if t.s.Form != "" {
		t.ask()
	}
}

// photo takes a picture: into the open visit, to the visit that waits for it, else into the tray. It is never bound to one
// of several candidates without asking, nor to a visit that is over for long.
func (t *turn) photo() {
	in := t.in
	if t.sent(ledger.MediaPhoto, "(照片)", "照片已转过去。") {
		return
	}
	shot, quiet := t.keep(ledger.MediaPhoto)
	var fresh []Recent
	for _, r := range t.s.Recent {
		if in.Now.Sub(time.Unix(r.At, 0)) < in.View.Rules.PhotoGrace {
			fresh = append(fresh, r)
		}
	}
	switch {
	case (t.s.Form == visitForm.Name || t.s.Form == helpForm.Name || t.s.Form == needForm.Name) && t.s.Answers["method"] != string(ledger.MethodPhone):
		first := pictures(t.s.warm(in.Now)) == 0
		t.s.Tray = append(t.s.Tray, Shot{Key: shot.Key, At: in.Now.Unix(), Draft: t.s.ID})
		switch {
		case !first:
		case t.s.Step == "ok":
			t.say("照片收到了。点上面的「确认」。")
		default:
			t.say("照片收到了,接着往下记。")
		}
	case len(fresh) == 1 && len(t.s.Recent) == 1:
		r := fresh[0]
		shot.EntryKey = r.Entry
		t.s.Recent = nil
		t.say("✓ 照片归到" + t.whose(r) + " " + time.Unix(r.At, 0).In(in.Zone).Format("15:04") + " 的巡访了,这次记全了。")
	case len(t.s.Recent) > 0:
		t.s.Tray = append(t.s.Tray, Shot{Key: shot.Key, At: in.Now.Unix()})
		if quiet {
			break
		}
		t.whichVisit()
	default:
		t.s.Tray = append(t.s.Tray, Shot{Key: shot.Key, At: in.Now.Unix()})
		if !quiet {
			c := ledger.Card{Title: "照片收到,先放着", Desc: "半小时内记巡访,会一起归到那位老人。",
				Buttons: []ledger.Button{{Key: "go:visit", Text: "记巡访", Style: 1}}}
			if slices.Contains(in.View.Roles, ledger.RoleHelper) {
				c.Desc = "半小时内记帮扶或巡访,会一起归到那位老人。"
				c.Buttons = append([]ledger.Button{{Key: "go:aid", Text: "记帮扶", Style: 1}}, c.Buttons...)
			}
			t.card(c)
		}
	}
	t.out.Photos = append(t.out.Photos, shot)
}

// whichVisit asks which of the visits that want one a photo shows.
func (t *turn) whichVisit() {
	c := ledger.Card{Title: "这张照片是哪一次的?", Desc: "点一个;都不是的话先放着。"}
	for _, r := range newest(t.s.Recent, 5) {
		c.Buttons = append(c.Buttons, ledger.Button{Key: "go:bind:" + r.Entry, Text: t.tag(r), Style: 1})
	}
	c.Buttons = append(c.Buttons, ledger.Button{Key: "go:bind:", Text: "都不是", Style: 2})
	t.card(c)
}

// newest are the last n visits, oldest first.
func newest(list []Recent, n int) []Recent { return list[max(0, len(list)-n):] }

// bind gives the photos in the tray to a recent visit.
func (t *turn) bind(entry string) {
	for i, r := range t.s.Recent {
		if r.Entry != entry {
			continue
		}
		var rest []Shot
		for _, p := range t.s.Tray {
			if p.Voice || p.Draft != "" || t.in.Now.Sub(time.Unix(p.At, 0)) >= trayWarm { // not what was asked about
				rest = append(rest, p)
				continue
			}
			t.out.Photos = append(t.out.Photos, ledger.Photo{Key: p.Key, UserID: t.in.User, EntryKey: entry})
		}
		t.s.Tray = rest
		t.s.Recent = append(t.s.Recent[:i:i], t.s.Recent[i+1:]...)
		t.say("✓ 照片归到" + t.whose(r) + "的巡访了。")
		return
	}
	t.say("照片先放着。半小时内记巡访,会一起归到那位老人。")
}

// whose is the elder of a recent visit as one calls them.
func (t *turn) whose(r Recent) string {
	if e := t.in.View.find(r.Elder); e != nil {
		return t.in.View.call(e)
	}
	return "刚才"
}

// tag is a recent visit on a button: the name and the time, or where the elder lives if two of one name are asked about.
func (t *turn) tag(r Recent) string {
	e := t.in.View.find(r.Elder)
	if e == nil {
		return "刚才那次"
	}
	for _, o := range t.s.Recent {
		if x := t.in.View.find(o.Elder); x != nil && x.ID != e.ID && x.Name == e.Name {
			return clip(e.Name, 4) + clip(orElse(e.Group, e.Village), 6)
		}
	}
	at := time.Unix(r.At, 0).In(t.in.Zone)
	if ledger.DayOf(at, t.in.Zone) != t.in.Today {
		return clip(e.Name, 4) + at.Format(" 2日")
	}
	return clip(e.Name, 4) + at.Format(" 15:04")
}

// warm are the photos and voice of the open form: those that came into it, and fresh ones that came into none.
func (s *State) warm(now time.Time) []Shot {
	var out []Shot
	for _, p := range s.Tray {
		if s.Form != "" && p.Draft == s.ID || p.Draft == "" && now.Sub(time.Unix(p.At, 0)) < trayWarm {
			out = append(out, p)
		}
	}
	return out
}
