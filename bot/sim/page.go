package sim

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

//go:embed phones
var pageFiles embed.FS

// servePage gives the page of phones.
func servePage(w http.ResponseWriter, r *http.Request) {
	name := "index.html"
	if r.URL.Path != "/" {
		var asset bool
		if name, asset = strings.CutPrefix(r.URL.Path, "/assets/"); !asset {
			http.NotFound(w, r)
			return
		}
	}
	data, err := fs.ReadFile(pageFiles, "phones/"+name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
}

// simRoutes are what the page and browser tests call.
var simRoutes = map[string]func(*Sim, http.ResponseWriter, *http.Request){
	"GET state":    func(s *Sim, w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.state()) },
	"GET messages": (*Sim).pageMessages,
	"GET events":   (*Sim).pageEvents,
	"GET drawings": (*Sim).pageDrawings,
	"GET drawing":  (*Sim).pageDrawing,
	"GET media":    (*Sim).pageMedia,
	"GET traces":   (*Sim).pageTraces,
	"GET trace":    (*Sim).pageTrace,
	"GET cards":    (*Sim).pageCards,
	"POST say":     (*Sim).pageSay,
	"POST upload":  (*Sim).pageUpload,
	"POST menu":    (*Sim).pageMenu,
	"POST tap":     (*Sim).pageTap,
	"POST wechat":  (*Sim).pageWeChat,
	"POST answer":  (*Sim).pageAnswer,
	"POST reject":  (*Sim).pageReject,
	"POST faults":  (*Sim).pageFaults,
	"POST clock":   (*Sim).pageClock,
	"POST reset":   (*Sim).pageReset,
	"POST revoke":  (*Sim).pageRevoke,
	"POST verify":  (*Sim).pageVerify,
}

func (s *Sim) serveSim(w http.ResponseWriter, r *http.Request) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/sim/"), "/")
	handle := simRoutes[r.Method+" "+name]
	if handle == nil {
		http.NotFound(w, r)
		return
	}
	r.SetPathValue("rest", rest)
	handle(s, w, r)
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	out, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "cannot encode the answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	w.Write(out)
}

func refuse(w http.ResponseWriter, code int, err error) {
	writeJSON(w, code, map[string]string{"error": err.Error()})
}

// readJSON parses a request of the page; it has answered when it returns false.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxJSON)).Decode(into); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return false
	}
	return true
}

type stateMember struct {
	UserID  string  `json:"userid"`
	Name    string  `json:"name"`
	Title   string  `json:"title"`
	Place   string  `json:"place"`
	Kind    string  `json:"kind"`
	Visible bool    `json:"visible"`
	Kf      *kfSeat `json:"kf,omitempty"` // of a WeChat phone
}

type pageState struct {
	Now      time.Time     `json:"now"`
	Members  []stateMember `json:"members"`
	Menu     []MenuButton  `json:"menu"`
	Ringing  []Call        `json:"ringing"` // voice calls that nobody has taken yet
	Faults   FaultSet      `json:"faults"`
	Rules    Rules         `json:"rules"`
	CanReset bool          `json:"can_reset"`
}

func (s *Sim) state() pageState {
	st := pageState{Now: s.now().Truncate(time.Second), Members: []stateMember{}, Menu: list(s.menu.get()), Ringing: s.ringing(),
		Faults: s.faults.Get(), Rules: s.rules, CanReset: s.opt.Reset != nil}
	st.Faults.DeliverTimes = max(1, st.Faults.DeliverTimes)
	for _, p := range s.shelf() {
		if m := p.member; m.Phone {
			st.Members = append(st.Members, stateMember{m.UserID, m.Name, m.Title, m.Place, m.Kind, p.visible.Load(), s.kfSeat(m.UserID)})
		}
	}
	return st
}

func (s *Sim) pageMessages(w http.ResponseWriter, r *http.Request) {
	p := s.phone(r.FormValue("userid"))
	if p == nil {
		refuse(w, http.StatusNotFound, errNoMember)
		return
	}
	writeJSON(w, http.StatusOK, map[string][]Message{"messages": p.show()})
}

// started answers an act of a member at once; how it ended follows by events.
func started(w http.ResponseWriter, e *errand, err error) {
	if err != nil {
		refuse(w, http.StatusConflict, err)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		OK    bool   `json:"ok"`
		ID    string `json:"id"`
		Trace string `json:"trace"`
	}{true, e.bubble, e.trace})
}

func (s *Sim) pageSay(w http.ResponseWriter, r *http.Request) {
	var q struct {
		UserID, Type, Text, Label, Drawing string
		Title, Description, URL            string
		MediaID                            string `json:"media_id"`
		Lat, Lon                           float64
	}
	if !readJSON(w, r, &q) {
		return
	}
	say, sendMedia, sendLocation := s.say, s.sendMedia, s.sendLocation
	if p := s.phone(q.UserID); p != nil && p.member.Kind == "wechat" {
		say, sendMedia, sendLocation = s.kfSay, s.kfMedium, s.kfLocation
	}
	var e *errand
	err := errors.New("没有可发的内容")
	switch q.Type {
	case "", "text":
		if strings.TrimSpace(q.Text) != "" {
			e, err = say(q.UserID, q.Text)
		}
	case "image", "voice", "video":
		if d := findDrawing(q.Drawing); d != nil && q.Type == "image" {
			q.MediaID = s.media.put(s.now(), "image", d.ID+".jpg", d.jpeg)
		}
		if q.Type == "voice" && q.MediaID == "" {
			q.MediaID = s.media.put(s.now(), "voice", "voice.amr", amrSilence())
		}
		e, err = sendMedia(q.UserID, q.Type, q.MediaID)
	case "location":
		e, err = sendLocation(q.UserID, q.Lat, q.Lon, q.Label)
	case "link":
		e, err = s.sendLink(q.UserID, q.Title, q.Description, q.URL)
	case "enter_agent":
		e, err = s.event(q.UserID, "enter_agent", "")
		if s.menu.reportsLocation() { // once per entry into the conversation
			e, err = s.event(q.UserID, "LOCATION", "")
		}
	}
	started(w, e, err)
}

func (s *Sim) pageMenu(w http.ResponseWriter, r *http.Request) {
	var q struct{ UserID, Key string }
	if readJSON(w, r, &q) {
		e, err := s.tapMenu(q.UserID, q.Key)
		started(w, e, err)
	}
}

func (s *Sim) pageTap(w http.ResponseWriter, r *http.Request) {
	var q struct {
		UserID, ID, Key string
		Selected        map[string][]string
	}
	if readJSON(w, r, &q) {
		e, err := s.tap(q.UserID, q.ID, q.Key, q.Selected)
		started(w, e, err)
	}
}

func (s *Sim) pageAnswer(w http.ResponseWriter, r *http.Request) { pagePickUp(w, r, s.Answer) }
func (s *Sim) pageReject(w http.ResponseWriter, r *http.Request) { pagePickUp(w, r, s.Reject) }

func pagePickUp(w http.ResponseWriter, r *http.Request, act func(userid string) error) {
	var q struct{ UserID string }
	if !readJSON(w, r, &q) {
		return
	}
	if err := act(q.UserID); err != nil {
		refuse(w, http.StatusConflict, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]bool{"ok": true})
}

func (s *Sim) pageUpload(w http.ResponseWriter, r *http.Request) {
	kind := r.FormValue("type")
	limit, known := mediaLimits[kind]
	if !known || kind == "file" { // members' files reach no app
		refuse(w, http.StatusBadRequest, errors.New("type: want image, voice or video"))
		return
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(limit)))
	if err == nil {
		err = checkMedia(kind, data)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	names := map[string]string{"image": "photo.jpg", "voice": "voice.amr", "video": "video.mp4"}
	writeJSON(w, http.StatusOK, map[string]string{"media_id": s.media.put(s.now(), kind, names[kind], data)})
}

func (s *Sim) pageDrawings(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, drawings())
}

func (s *Sim) pageDrawing(w http.ResponseWriter, r *http.Request) {
	d := findDrawing(r.PathValue("rest"))
	if d == nil {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, d.ID+".jpg", time.Time{}, bytes.NewReader(d.jpeg))
}

func (s *Sim) pageMedia(w http.ResponseWriter, r *http.Request) {
	it := s.media.find(r.PathValue("rest"))
	if it == nil { // a phone shows what it has, WeCom's three days are for the API
		http.NotFound(w, r)
		return
	}
	it.serve(w, r)
}

func (s *Sim) pageTraces(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, s.traces.newest(r.FormValue("userid"), 200))
}

func (s *Sim) pageTrace(w http.ResponseWriter, r *http.Request) {
	t, found := s.traces.get(r.PathValue("rest"))
	if !found {
		refuse(w, http.StatusNotFound, errors.New("这条记录已不在了"))
		return
	}
	t.Request, t.Response = asJSON(t.Request), asJSON(t.Response)
	if s.opt.Rows != nil && t.phone != nil && t.key != "" {
		t.Rows = s.opt.Rows(t.phone.member.UserID, t.key)
	}
	writeJSON(w, http.StatusOK, t)
}

func (s *Sim) pageFaults(w http.ResponseWriter, r *http.Request) {
	to := s.faults.Get()
	if !readJSON(w, r, &to) { // only the fields named change
		return
	}
	s.faults.Set(to)
	s.hub.publishState(s)
	writeJSON(w, http.StatusOK, s.faults.Get())
}

func (s *Sim) pageClock(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Add string
		To  time.Time
	}
	if !readJSON(w, r, &q) {
		return
	}
	by := q.To.Sub(s.now())
	if q.Add != "" {
		var err error
		if by, err = time.ParseDuration(q.Add); err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
	} else if q.To.IsZero() {
		refuse(w, http.StatusBadRequest, errors.New("want add or to"))
		return
	}
	s.shift(by)
	s.hub.publishState(s)
	writeJSON(w, http.StatusOK, s.state())
}

func (s *Sim) pageReset(w http.ResponseWriter, _ *http.Request) {
	if s.opt.Reset == nil {
		refuse(w, http.StatusConflict, errors.New("这里不能从头开始"))
		return
	}
	if err := s.opt.Reset(); err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	for _, p := range s.shelf() {
		p.clear()
	}
	s.resetKf()
	s.clearOutside()
	s.sent.clear() // with the bot's side new, its task_ids begin anew, too
	s.traces.clear()
	s.faults.Set(FaultSet{})
	s.offset.Store(0)
	s.hub.publishState(s) // at which pages read everything anew
	writeJSON(w, http.StatusOK, s.state())
}

// shelf is everything that can lie on the page: the members' phones, and the group.
func (s *Sim) shelf() []*phone { return append(slices.Clone(s.roll), s.group) }

// clear empties the phone; what is on its way still arrives at the bot.
func (p *phone) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages, p.recent, p.dropped, p.calls = nil, nil, 0, nil
	clear(p.seen)
}

func (s *Sim) pageRevoke(w http.ResponseWriter, _ *http.Request) {
	s.Revoke()
	writeJSON(w, http.StatusOK, map[string]bool{"ok": true})
}

func (s *Sim) pageVerify(w http.ResponseWriter, _ *http.Request) {
	answer := struct {
		OK    bool   `json:"ok"`
		Error string `json:"error,omitempty"`
	}{OK: true}
	if err := s.Verify(); err != nil {
		answer.OK, answer.Error = false, err.Error()
	}
	writeJSON(w, http.StatusOK, answer)
}

// hub tells open pages what changed. A page too slow to listen is cut off: it comes back and reads everything anew.
type hub struct {
	open  atomic.Int32
	mu    sync.Mutex
	pages map[chan []byte]bool
	ended bool
}

const pageBacklog = 256

func (h *hub) init() { h.pages = map[chan []byte]bool{} }

func (h *hub) join() (chan []byte, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return nil, false
	}
	c := make(chan []byte, pageBacklog)
	h.pages[c] = true
	h.open.Add(1)
	return c, true
}

func (h *hub) leave(c chan []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropLocked(c)
}

func (h *hub) dropLocked(c chan []byte) {
	if h.pages[c] {
		delete(h.pages, c)
		close(c)
		h.open.Add(-1)
	}
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	for c := range h.pages {
		h.dropLocked(c)
	}
}

// publish never waits, and costs nothing while no page is open.
func (h *hub) publish(event string, data any) {
	if h.open.Load() == 0 {
		return
	}
	body, err := json.Marshal(data)
	if err != nil {
		return
	}
	line := []byte("event: " + event + "\ndata: " + string(body) + "\n\n")
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.pages {
		select {
		case c <- line:
		default:
			h.dropLocked(c)
		}
	}
}

func (h *hub) publishState(s *Sim) {
	if h.open.Load() > 0 {
		h.publish("state", s.state())
	}
}

func (h *hub) publishTrace(traces *traceRing, id string) {
	if h.open.Load() == 0 {
		return
	}
	if t, found := traces.get(id); found {
		h.publish("trace", t.line())
	}
}

const heartbeat = 15 * time.Second

// pageEvents streams what changes: server-sent events.
func (s *Sim) pageEvents(w http.ResponseWriter, r *http.Request) {
	lines, open := s.hub.join()
	if !open {
		refuse(w, http.StatusServiceUnavailable, errors.New("closing"))
		return
	}
	defer s.hub.leave(lines)
	out := http.NewResponseController(w)
	out.SetWriteDeadline(time.Time{}) // the host's time-out is not for streams
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	hello, _ := json.Marshal(s.state())
	w.Write([]byte("retry: 1000\nevent: state\ndata: " + string(hello) + "\n\n"))
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for out.Flush() == nil {
		line := []byte(": still here\n\n")
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
		case l, open := <-lines:
			if !open {
				return
			}
			line = l
		}
		if _, err := w.Write(line); err != nil {
			return
		}
	}
}
