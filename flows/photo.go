package flows

import (
	"time"

	"xunfang/ledger"
)

// Shot is a photo in the tray.
type Shot struct {
	Key   string `json:"k"`
	At    int64  `json:"t"`           // unix seconds
	Draft string `json:"d,omitempty"` // the draft it came into, "" none
}

// Recent is a visit confirmed a moment ago that still wants its photo.
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

// photo takes a picture: into the open visit, to the visit that waits for it, else into the tray. It is never bound to one
// of several candidates without asking. The bytes are fetched at once: WeCom forgets them in three days (wecom/90254).
func (t *turn) photo() {
	in := t.in
	shot := ledger.Photo{Key: "photo/" + in.Key, UserID: in.User, MediaID: in.Media, State: ledger.PhotoWanted, At: in.Now}
	t.send(ledger.Message{Key: "fetch/" + in.Key, To: in.User, Priority: ledger.PriorityReply, Photo: shot.Key, MediaID: in.Media})
	quiet := len(t.s.Tray) > 0 && in.Now.Sub(time.Unix(t.s.Tray[len(t.s.Tray)-1].At, 0)) < burst
	switch {
	case t.s.Form == "visit" && t.s.Answers["method"] != string(ledger.MethodPhone):
		first := len(t.s.warm(in.Now)) == 0
		t.s.Tray = append(t.s.Tray, Shot{shot.Key, in.Now.Unix(), t.s.ID})
		switch {
		case !first:
		case t.s.Step == "ok":
			t.say("照片收到了。点上面的「确认」。")
		default:
			t.say("照片收到了,接着往下记。")
		}
	case len(t.s.Recent) == 1:
		r := t.s.Recent[0]
		shot.EntryKey = r.Entry
		t.s.Recent = nil
		t.say("✓ 照片归到" + t.whose(r) + " " + time.Unix(r.At, 0).In(in.Zone).Format("15:04") + " 的巡访了,这次记全了。")
	case len(t.s.Recent) > 1:
		t.s.Tray = append(t.s.Tray, Shot{shot.Key, in.Now.Unix(), ""})
		if quiet {
			break
		}
		c := ledger.Card{Title: "这张照片是哪一次的?", Desc: "点一个;都不是的话先放着。"}
		for _, r := range t.s.Recent {
			if len(c.Buttons) < 5 {
				c.Buttons = append(c.Buttons, ledger.Button{Key: "go:bind:" + r.Entry, Text: t.tag(r), Style: 1})
			}
		}
		c.Buttons = append(c.Buttons, ledger.Button{Key: "go:bind:", Text: "都不是", Style: 2})
		t.card(c)
	default:
		t.s.Tray = append(t.s.Tray, Shot{shot.Key, in.Now.Unix(), ""})
		if !quiet {
			t.card(ledger.Card{
				Title: "照片收到,先放着", Desc: "半小时内记巡访,会一起归到那位老人。",
				Buttons: []ledger.Button{{Key: "go:visit", Text: "记巡访", Style: 1}},
			})
		}
	}
	t.out.Photos = append(t.out.Photos, shot)
}

// bind gives the photos in the tray to a recent visit.
func (t *turn) bind(entry string) {
	for i, r := range t.s.Recent {
		if r.Entry != entry {
			continue
		}
		var rest []Shot
		for _, p := range t.s.Tray {
			if p.At < r.At { // taken before the visit was over: not what was asked about
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
	return clip(e.Name, 4) + time.Unix(r.At, 0).In(t.in.Zone).Format(" 15:04")
}

// warm are the photos of the open form: those that came into it, and fresh ones that came into none.
func (s *State) warm(now time.Time) []string {
	var keys []string
	for _, p := range s.Tray {
		if s.Form != "" && p.Draft == s.ID || p.Draft == "" && now.Sub(time.Unix(p.At, 0)) < trayWarm {
			keys = append(keys, p.Key)
		}
	}
	return keys
}
