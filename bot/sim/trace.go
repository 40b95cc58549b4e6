package sim

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Trace is everything the inspector shows about one call, in either direction. Tokens and secrets are masked.
type Trace struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Title  string    `json:"title"`
	UserID string    `json:"userid,omitempty"` // several are joined by |
	Kind   string    `json:"kind"`             // callback or api
	Status string    `json:"status"`
	MS     int64     `json:"ms"`
	Error  string    `json:"error,omitempty"`

	Attempts []Attempt `json:"attempts,omitempty"`
	Plain    string    `json:"plain,omitempty"`
	Envelope string    `json:"envelope,omitempty"`
	Query    string    `json:"query,omitempty"`
	Reply    string    `json:"reply,omitempty"`

	Method   string          `json:"method,omitempty"`
	Path     string          `json:"path,omitempty"`
	Request  json.RawMessage `json:"request,omitempty"`
	Response json.RawMessage `json:"response,omitempty"`
	Rows     any             `json:"rows,omitempty"`

	key   string
	phone *phone // of the first person concerned
}

// Attempt is one delivery of a callback.
type Attempt struct {
	At     time.Time `json:"at"`
	Status int       `json:"status"`
	MS     int64     `json:"ms"`
	Error  string    `json:"error,omitempty"`
}

type traceLine struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Title  string    `json:"title"`
	Status string    `json:"status"`
}

func (t *Trace) line() traceLine { return traceLine{t.ID, t.At, t.Title, t.Status} }

const keepTraces = 500

// traceRing keeps the newest traces.
type traceRing struct {
	mu   sync.Mutex
	ring [keepTraces]*Trace
	n    uint64 // the last id given out
}

// reserve gives out an id, so that messages can name their trace before it is complete.
func (r *traceRing) reserve() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	return strconv.FormatUint(r.n, 10)
}

// add keeps a trace under its reserved id.
func (r *traceRing) add(t *Trace) {
	n, err := strconv.ParseUint(t.ID, 10, 64)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n+keepTraces > r.n { // else newer ones have taken its place
		r.ring[n%keepTraces] = t
	}
}

func (r *traceRing) findLocked(id string) *Trace {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return nil
	}
	if t := r.ring[n%keepTraces]; t != nil && t.ID == id {
		return t
	}
	return nil
}

func (r *traceRing) edit(id string, edit func(*Trace)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.findLocked(id); t != nil {
		edit(t)
	}
}

func (r *traceRing) get(id string) (Trace, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.findLocked(id); t != nil {
		return *t, true
	}
	return Trace{}, false
}

// newest lists up to limit traces of one member, or of all.
func (r *traceRing) newest(userid string, limit int) []traceLine {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := []traceLine{}
	for i := uint64(0); i < keepTraces && len(lines) < limit; i++ {
		t := r.ring[(r.n+keepTraces-i)%keepTraces]
		if t == nil {
			continue
		}
		if userid == "" || slices.ContainsFunc(strings.Split(t.UserID, "|"), func(u string) bool { return strings.EqualFold(u, userid) }) {
			lines = append(lines, t.line())
		}
	}
	return lines
}

func (r *traceRing) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ring = [keepTraces]*Trace{}
}

// trace opens the trace of a callback.
func (s *Sim) trace(p *phone, e *errand) string {
	e.trace = s.traces.reserve()
	s.traces.add(&Trace{ID: e.trace, At: s.now(), Title: e.title, UserID: e.from, Kind: "callback", Status: "sending",
		Plain: e.plain, key: e.key, phone: p})
	return e.trace
}

// masked hides what opens doors.
func masked(q url.Values) string {
	if len(q) == 0 {
		return ""
	}
	out := url.Values{}
	for k, v := range q {
		if k == "access_token" || k == "corpsecret" || k == "key" {
			v = []string{"***"}
		}
		out[k] = v
	}
	return out.Encode()
}

// asJSON keeps what is JSON and quotes what is not.
func asJSON(b []byte) json.RawMessage {
	if len(b) == 0 {
		return nil
	}
	if json.Valid(b) {
		return b
	}
	quoted, _ := json.Marshal(string(b))
	return quoted
}
