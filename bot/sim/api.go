package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// route is one call of WeCom's API.
type route struct {
	post    bool // GET otherwise
	open    bool // needs no access_token
	uncount bool // not counted in the base limits (path/90312)
	upload  bool // reads its body itself
	answer  func(*call) (any, error)
}

var routes map[string]route

func init() { // not an initialiser: the handlers reach the table through Sim
	routes = map[string]route{
		"gettoken":                                 {open: true, answer: (*call).getToken},
		"getcallbackip":                            {answer: (*call).callbackIPs},
		"get_api_domain_ip":                        {answer: (*call).callbackIPs},
		"message/send":                             {post: true, uncount: true, answer: (*call).send},
		"message/recall":                           {post: true, answer: (*call).recall},
		"message/update_template_card":             {post: true, answer: (*call).updateCard},
		callPath:                                   {post: true, answer: (*call).ringUp},
		"pstncc/getstates":                         {post: true, answer: (*call).callStates},
		robotPath:                                  {post: true, open: true, uncount: true, answer: (*call).robotSays},
		"kf/account/list":                          {post: true, answer: kfCall((*call).kfAccounts)},
		"kf/account/add":                           {post: true, answer: kfCall((*call).kfAddAccount)},
		"kf/add_contact_way":                       {post: true, answer: kfCall((*call).kfContactWay)},
		"kf/servicer/list":                         {answer: kfCall((*call).kfServicers)},
		"kf/sync_msg":                              {post: true, answer: kfCall((*call).kfSync)},
		"kf/send_msg":                              {post: true, answer: kfCall((*call).kfSend)},
		"kf/send_msg_on_event":                     {post: true, answer: kfCall((*call).kfSendOnEvent)},
		"kf/service_state/get":                     {post: true, answer: kfCall((*call).kfGetState)},
		"kf/service_state/trans":                   {post: true, answer: kfCall((*call).kfTrans)},
		"kf/customer/batchget":                     {post: true, answer: kfCall((*call).kfCustomers)},
		"externalcontact/add_contact_way":          {post: true, answer: contacts((*call).addContactWay)},
		"externalcontact/get_contact_way":          {post: true, answer: contacts((*call).getContactWay)},
		"externalcontact/update_contact_way":       {post: true, answer: contacts((*call).updateContactWay)},
		"externalcontact/list_contact_way":         {post: true, answer: contacts((*call).listContactWays)},
		"externalcontact/del_contact_way":          {post: true, answer: contacts((*call).deleteContactWay)},
		"externalcontact/send_welcome_msg":         {post: true, answer: contacts((*call).welcomeMessage)},
		"externalcontact/get":                      {answer: contacts((*call).getContact)},
		"externalcontact/list":                     {answer: contacts((*call).listExternal)},
		"externalcontact/get_follow_user_list":     {answer: contacts((*call).listFollowers)},
		"externalcontact/remark":                   {post: true, answer: contacts((*call).remarkContact)},
		"externalcontact/mark_tag":                 {post: true, answer: contacts((*call).markTag)},
		"externalcontact/add_msg_template":         {post: true, answer: contacts((*call).addMassTask)},
		"externalcontact/remind_groupmsg_send":     {post: true, answer: contacts((*call).remindMassTask)},
		"externalcontact/cancel_groupmsg_send":     {post: true, answer: contacts((*call).cancelMassTask)},
		"externalcontact/get_groupmsg_task":        {post: true, answer: contacts((*call).massTasks)},
		"externalcontact/get_groupmsg_send_result": {post: true, answer: contacts((*call).massResults)},
		"externalcontact/message/send":             {post: true, answer: contacts((*call).schoolMessage)},
		"dial/get_dial_record":                     {post: true, answer: (*call).dialRecords},
		"media/upload":                             {post: true, upload: true, answer: (*call).upload},
		"media/uploadimg":                          {post: true, upload: true, answer: (*call).uploadPicture},
		"media/get":                                {answer: (*call).download},
		"menu/create":                              {post: true, answer: (*call).createMenu},
		"menu/get":                                 {answer: (*call).getMenu},
		"menu/delete":                              {answer: (*call).deleteMenu},
		"agent/get":                                {answer: (*call).getAgent},
		"agent/set":                                {post: true, answer: (*call).setAgent},
		"user/get":                                 {answer: (*call).getUser},
		"user/simplelist":                          {answer: (*call).listUsers},
		"department/list":                          {answer: (*call).listDepartments},
		"department/simplelist":                    {answer: (*call).listDepartmentIDs},
	}
}

// call is one request to the API.
type call struct {
	*Sim
	w     http.ResponseWriter
	r     *http.Request
	path  string
	query url.Values
	body  []byte
	at    time.Time
	ip    string

	trace string   // its id
	about []string // userids
	phone *phone
	key   string
	title string
}

// failure is an errcode.
type failure struct {
	code int
	text string
}

func (f *failure) Error() string { return fmt.Sprintf("errcode %d: %s", f.code, f.text) }

func fail(code int, text string) error { return &failure{code, text} }

// status opens every answer.
type status struct {
	ErrCode int    `json:"errcode"`
	ErrMsg  string `json:"errmsg"`
}

var ok = status{0, "ok"}

// written says that the handler has answered itself; the number of bytes is for the trace.
type written struct {
	Bytes int    `json:"bytes"`
	Type  string `json:"content_type"`
}

const (
	maxJSON   = 1 << 20  // mpnews bodies have up to 666 KB
	maxTraced = 64 << 10 // of which the inspector keeps the beginning
)

func (s *Sim) serveAPI(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	path := strings.TrimPrefix(r.URL.Path, "/cgi-bin/")
	rt, known := routes[path]
	if !known {
		http.NotFound(w, r)
		return
	}
	fault := s.faults.Get()
	if fault.dead(w, channel(path)) {
		return
	}
	struck := fault.on(path)
	if struck {
		s.sleep(r.Context(), time.Duration(fault.SlowMS)*time.Millisecond)
	}
	switch {
	case struck && fault.Down || path == robotPath && fault.RobotDown:
		hangUp(w)
		return
	case struck && fault.HTTP500:
		serverError(w)
		return
	case struck && fault.Hang:
		io.Copy(io.Discard, r.Body) // net/http sees the client leave only after the body was read
		select {
		case <-r.Context().Done():
		case <-s.ctx.Done():
		}
		hangUp(w)
		return
	}
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		ip = r.RemoteAddr
	}
	c := &call{Sim: s, w: w, r: r, path: path, query: r.URL.Query(), at: s.now(), ip: ip, title: path, trace: s.traces.reserve()}
	answer, err := c.serve(rt, fault)
	if fault.onSending(path) && fault.AcceptThenDrop && err == nil {
		c.record(begin, "accepted, connection dropped", nil)
		hangUp(w)
		return
	}
	outcome := "ok"
	if err != nil {
		var f *failure
		if !errors.As(err, &f) {
			f = &failure{-1, "system busy"}
		}
		// The form of path/90930's example; bots look at errcode only.
		msg := f.text + ", hint: [" + strconv.FormatInt(c.at.Unix(), 10) + "_" + strconv.Itoa(len(c.body)) + "], from ip: " + ip +
			", more info at https://open.work.weixin.qq.com/devtool/query?e=" + strconv.Itoa(f.code)
		answer, outcome = status{f.code, msg}, "errcode "+strconv.Itoa(f.code)
		w.Header().Set("Error-Code", strconv.Itoa(f.code))
		w.Header().Set("Error-Msg", f.text)
	}
	out, _ := json.Marshal(answer)
	if _, done := answer.(written); !done {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		w.Write(out)
	}
	c.record(begin, outcome, out)
}

// record leaves the trace of an API call.
func (c *call) record(begin time.Time, outcome string, response []byte) {
	t := &Trace{At: c.at, Title: c.title, UserID: strings.Join(c.about, "|"), Kind: "api", Status: outcome,
		MS: time.Since(begin).Milliseconds(), Method: c.r.Method, Path: c.r.URL.Path, key: c.key, phone: c.phone}
	if c.path == "gettoken" && outcome == "ok" { // the answer is a secret
		response = nil
	}
	t.Query = masked(c.query)
	t.Request, t.Response = c.body, response
	if len(c.body) > maxTraced {
		t.Request = slices.Clone(c.body[:maxTraced]) // no longer JSON: shown as text
	}
	t.ID = c.trace
	c.traces.add(t)
	c.hub.publishTrace(&c.traces, c.trace)
}

// serve checks what every API checks, in the order of path/90664, then the API's own rules.
func (c *call) serve(rt route, fault FaultSet) (any, error) {
	state := c.calls[c.path]
	n := state.running.Add(1)
	defer state.running.Add(-1)
	if c.rules.MaxParallel > 0 && int(n) > c.rules.MaxParallel {
		return nil, fail(45033, "api concurrent out of limit")
	}
	if rt.post != (c.r.Method == http.MethodPost) {
		return nil, fail(40058, "wrong http method")
	}
	if !rt.upload {
		body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxJSON))
		if err != nil {
			return nil, fail(40206, "request body too large")
		}
		c.body = body
	}
	if len(c.rules.TrustedIPs) > 0 && c.path != robotPath && !slices.Contains(c.rules.TrustedIPs, c.ip) {
		return nil, fail(60020, "not allow to access from your ip")
	}
	if !rt.open {
		if err := c.token.check(c.query.Get("access_token"), c.at, c.rules); err != nil {
			return nil, err
		}
		if fault.AppDisabled {
			return nil, fail(50003, "app disabled")
		}
	}
	if !rt.uncount && !state.take(c.at, c.rules.CallsPerMinute) {
		return nil, fail(45009, "api freq out of limit")
	}
	if code := c.faults.takeErrCode(c.path); code != 0 {
		c.hub.publishState(c.Sim)
		return nil, fail(code, "injected fault")
	}
	return rt.answer(c)
}

// read parses the JSON body.
func (c *call) read(into any) error {
	if err := json.Unmarshal(c.body, into); err != nil {
		return fail(40058, "invalid Request Parameter, Warning: wrong json format. ")
	}
	return nil
}

// reaches says whether the app can reach a member just now.
func (c *call) reaches(p *phone) bool {
	return p != nil && p.reachable() && !c.faults.Get().unreachable(p.member.UserID)
}

// agent checks an agentid of the query or body.
func (c *call) agent(raw string) error {
	quoted := strings.HasPrefix(raw, `"`)
	id, err := strconv.Atoi(strings.Trim(raw, `"`))
	switch {
	case raw == "" || raw == "null" || raw == `""`:
		return fail(41011, "missing agentid")
	case err != nil || (quoted && c.rules.StrictAgentID) || !c.hasAgent(id):
		return fail(40056, "invalid agentid")
	case id != c.opt.AgentID:
		return fail(301002, "not allow operate another agent with this accesstoken")
	}
	return nil
}

// hangUp closes the connection without an answer.
func hangUp(w http.ResponseWriter) {
	if h, can := w.(http.Hijacker); can {
		if conn, _, err := h.Hijack(); err == nil {
			conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler) // HTTP/2: net/http resets the stream and logs nothing
}

// apiState counts one API: path/90312.
type apiState struct {
	running atomic.Int64

	mu      sync.Mutex
	minute  time.Time // when the window began
	n       int
	blocked time.Time // until
}

func (a *apiState) take(now time.Time, limit int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Before(a.blocked) && a.blocked.Sub(now) <= time.Minute {
		return false
	}
	if now.Before(a.minute) || now.Sub(a.minute) >= time.Minute {
		a.minute, a.n = now, 0
	}
	if a.n++; over(a.n, limit) {
		a.blocked = now.Add(time.Minute)
		return false
	}
	return true
}
