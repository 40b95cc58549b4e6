package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"xunfang/bot/sim"
	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// notebook keeps what is written into it.
type notebook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (n *notebook) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.Write(p)
}

func (n *notebook) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.String()
}

// logger writes everything down to debug, as text and as JSON.
func (n *notebook) logger() *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelDebug}
	return slog.New(slog.NewMultiHandler(slog.NewTextHandler(n, o), slog.NewJSONHandler(n, o)))
}

// private is what must not be seen where it does not belong: of everybody the ledger knows, and of what people typed.
type private struct {
	phones, numbers map[string]bool
	owners          map[string][]string // names, of elders and of their family: the elders they belong to
	homes           map[string][]string // addresses: the elders
	texts           []string            // whole sentences of the ledger and of people
}

func privateOf(b ledger.Book) private {
	p := private{phones: map[string]bool{}, numbers: map[string]bool{}, owners: map[string][]string{}, homes: map[string][]string{}}
	members := map[string]bool{}
	for _, x := range b.People {
		p.phones[x.Phone], members[x.Name] = true, true
	}
	name := func(name, elder string) {
		if !members[name] { // a colleague's name says nothing of an elder
			p.owners[name] = append(p.owners[name], elder)
		}
	}
	for _, e := range b.Elders {
		p.phones[e.Phone], p.numbers[e.IDNumber] = true, true
		name(e.Name, e.ID)
		p.homes[e.Address] = append(p.homes[e.Address], e.ID)
		for _, s := range []string{e.Health, e.Hardship} {
			if utf8.RuneCountInString(s) >= 4 {
				p.texts = append(p.texts, s)
			}
		}
	}
	for _, k := range b.Kin {
		p.phones[k.Phone] = true
		name(k.Name, k.ElderID)
	}
	delete(p.phones, "")
	delete(p.homes, "")
	return p
}

var (
	elderID = regexp.MustCompile(`\bA\d\d\b`)
	digits  = regexp.MustCompile(`\d+[Xx]?`)
	mediaID = regexp.MustCompile(`media_id=[\w-]+`) // WeCom's, and random
	tokens  = regexp.MustCompile(`\w+`)
	phone   = regexp.MustCompile(`^(86)?1[3-9]\d{9}$`)
	number  = regexp.MustCompile(`^\d{17}[\dXx]$`)
)

// machine says what of a person stands in a text that only operators and machines should read. They get no Chinese at all, so
// no name, address or sentence, and no number of anybody's.
func (p private) machine(text string) []string {
	var found []string
	if i := strings.IndexFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }); i >= 0 {
		found = append(found, "Chinese: "+clipped(text, i))
	}
	for _, at := range digits.FindAllStringIndex(text, -1) {
		switch n := strings.ToUpper(text[at[0]:at[1]]); {
		case p.phones[n], p.phones[strings.TrimPrefix(n, "86")]:
			found = append(found, "a phone number: "+clipped(text, at[0]))
		case p.numbers[n], number.MatchString(n) && strings.HasPrefix(n, "000000"):
			found = append(found, "an identity number: "+clipped(text, at[0]))
		}
	}
	if at := elderID.FindStringIndex(text); at != nil {
		found = append(found, "an elder's number: "+clipped(text, at[0]))
	}
	return found
}

func clipped(text string, at int) string {
	return strings.ToValidUTF8(text[max(0, at-60):min(len(text), at+60)], "")
}

// mentions are the elders a message speaks of, by name or family's name or address. Several of one name are one mention.
func (p private) mentions(text string) map[string][]string {
	out := map[string][]string{}
	for name, elders := range p.owners {
		if strings.Contains(text, name) {
			out[name] = elders
		}
	}
	for home, elders := range p.homes {
		for rest := text; ; {
			i := strings.Index(rest, home)
			if i < 0 {
				break
			}
			if rest = rest[i+len(home):]; home[len(home)-1] > '9' || rest == "" || rest[0] < '0' || rest[0] > '9' {
				out[home] = elders
				break
			}
		}
	}
	return out
}

// watched plays a script as wire does and looks at everything that came of it.
type watched struct {
	*wire
	script string
	log    notebook
	typed  map[string][]string // by person, with how it was quoted back
	seen   map[string]string   // messages by phone and id, as last looked at
	phones []string            // whole numbers in messages: script, to, line
	blind  []string            // elders in messages to somebody without sight: script, to, name
}

func (w *watched) begin(t *testing.T, pack string, at time.Time) {
	w.t, w.rig = t, newRig(t, w.driver, pack, at, func(o *Options) { o.Log, o.Messenger = w.log.logger(), unheard{o.Messenger} })
	w.store = w.rig.store
	w.shown, w.ids, w.count = map[string]sim.Message{}, map[string]string{}, map[string]int{}
	w.typed, w.seen = map[string][]string{}, map[string]string{}
	w.records()
}

// caseNo is a case's number, which says nothing of anybody.
var caseNo = regexp.MustCompile(`^[急事需演]\d{6}-\S+$`)

func (w *watched) say(user, text string) {
	w.typed[user] = append(w.typed[user], text)
	w.wire.say(user, text)
}

func (w *watched) take() []outcome {
	outs := w.wire.take()
	roster, err := w.store.Roster(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	p := privateOf(roster.Book())
	today := ledger.DayOf(w.rig.Now(), beijing)
	for _, user := range append(roster.Book().People, ledger.Person{UserID: "nobody"}) {
		for _, m := range w.rig.sim.Messages(user.UserID) {
			text := m.Text
			if m.Card != nil {
				text = strings.Join(cardLines(cardOf(w.t, m)), "\n") + "\n" + keys(m)
			}
			if m.From != "app" || w.seen[user.UserID+m.ID] == text {
				continue
			}
			w.seen[user.UserID+m.ID] = text
			w.look(p, roster, user.UserID, text, today)
		}
	}
	return outs
}

// keys are what the buttons and options of a card carry unseen; task ids are digests.
func keys(m sim.Message) string {
	b, err := json.Marshal(m.Card)
	if err != nil {
		return err.Error()
	}
	return strings.Join(regexp.MustCompile(`"(?:key|id|url)":"[^"]*"`).FindAllString(string(b), -1), "\n")
}

// look holds one message against the ledger.
func (w *watched) look(p private, roster *ledger.Roster, to, text string, today ledger.Day) {
	for line := range strings.Lines(text) {
		for _, token := range tokens.FindAllString(line, -1) {
			switch {
			case number.MatchString(token):
				w.t.Errorf("%s: a whole identity number goes to %s", w.script, to)
			case phone.MatchString(token) && toCall(roster, to, text, line, token, today):
			case phone.MatchString(token):
				w.phones = append(w.phones, w.script+" "+to+": "+strings.TrimSpace(line))
			}
		}
	}
	for _, said := range w.typed[to] { // one's own words, quoted back
		text = strings.ReplaceAll(text, "没看懂「"+clipRunes(said, 20)+"」", "")
		for name := range p.owners {
			if strings.Contains(said, name) {
				text = strings.ReplaceAll(text, "您名下没有「"+name+"」", "")
			}
		}
	}
	for name, elders := range p.mentions(text) {
		sees := func(id string) bool { return roster.May(to, id, today).Sight > ledger.SightNone || w.part(to, id) }
		if !slices.ContainsFunc(elders, sees) {
			for line := range strings.Lines(text) {
				if strings.Contains(line, name) {
					w.blind = append(w.blind, w.script+" "+to+": "+strings.TrimSpace(line))
				}
			}
		}
	}
}

var alarmNo = regexp.MustCompile(`急\d{6}-\d+`)

// part says whether somebody was told of a case about an elder in words that name them: a department, a deputy, who it was passed to.
func (w *watched) part(user, elder string) bool {
	files, err := w.store.CasesOf(context.Background(), store.CaseFilter{Elders: []string{elder}})
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(f ledger.CaseFile) bool {
		return ledger.MayCase(f, user, ledger.Access{}, false, false) >= ledger.CasePart
	})
}

// toCall says whether a whole number is there because calling is the point: a colleague's who reported something, and in an
// emergency the elder's and the family's, to whoever may see the elder.
func toCall(r *ledger.Roster, to, text, line, number string, today ledger.Day) bool {
	head, _, _ := strings.Cut(strings.TrimSpace(line), ":")
	switch {
	case head == "电话", strings.Contains(line, "先打给"):
		return slices.ContainsFunc(r.Book().People, func(p ledger.Person) bool { return p.Phone == number })
	case (head == "老人" || head == "家属") && (alarmNo.MatchString(text) || strings.HasPrefix(text, "请告诉家属")):
		return slices.ContainsFunc(r.Elders(), func(e ledger.Elder) bool {
			owns := e.Phone == number || slices.ContainsFunc(r.Kin(e.ID), func(k ledger.Kin) bool { return k.Phone == number })
			return owns && r.May(to, e.ID, today).Sight > ledger.SightNone
		})
	}
	return false
}

func clipRunes(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// aside looks at what is no message: log, metrics, readiness, outbox and addresses asked for, in both directions.
func (w *watched) aside(t *testing.T) {
	roster, err := w.store.Roster(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	p := privateOf(roster.Book())
	check := func(where, text string) {
		for _, f := range p.machine(text) {
			t.Errorf("%s: %s holds %s", w.script, where, f)
		}
	}
	check("the log", w.log.String())
	for _, path := range []string{"/metrics", "/readyz", "/healthz"} {
		resp, err := http.Get(w.rig.url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil || len(body) == 0 {
			t.Fatalf("%s: %q %v", path, body, err)
		}
		check(path, string(body))
	}
	rows, err := w.store.Outbox(context.Background(), store.OutboxFilter{States: []store.OutboxState{store.StateWaiting, store.StateSent,
		store.StateDead, store.StateExpired, store.StateDropped}, Limit: 10_000})
	if err != nil || len(rows) == 0 {
		t.Fatalf("%d rows in the outbox: %v", len(rows), err)
	}
	asked := 0
	for _, r := range rows {
		if r.State == store.StateSent && r.Call != ledger.CallHeard {
			asked++
		}
		r.MsgID, r.ResponseCode = "", "" // WeCom's, and random
		check("an outbox row", fmt.Sprintf("%+v", r))
	}
	calls := w.traces(t)
	if len(calls) < asked {
		t.Errorf("%s: %d calls are on record for %d messages", w.script, len(calls), asked)
	}
	for _, c := range calls {
		query, err := url.QueryUnescape(c.Query)
		if err != nil {
			t.Fatal(err)
		}
		check("an address", c.Method+" "+c.Path+"?"+mediaID.ReplaceAllString(query, ""))
		check("an answer of ours", fmt.Sprintf("%s %+v", c.Reply, c.Attempts))
	}
}

// traces are the calls between bot and WeCom as the simulator recorded them.
func (w *watched) traces(t *testing.T) []sim.Trace {
	get := func(path string, into any) {
		rec := httptest.NewRecorder()
		w.rig.sim.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
		if err := json.Unmarshal(rec.Body.Bytes(), into); rec.Code != 200 || err != nil {
			t.Fatalf("%s: %d %v", path, rec.Code, err)
		}
	}
	var lines []struct{ ID string }
	get("/sim/traces", &lines)
	out := make([]sim.Trace, len(lines))
	for i, l := range lines {
		get("/sim/trace/"+l.ID, &out[i])
	}
	return out
}

// raw looks into the files behind the bot for what must be sealed there.
func (w *watched) raw(t *testing.T, dir string) {
	roster, err := w.store.Roster(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	p := privateOf(roster.Book())
	for _, said := range w.typed {
		for _, s := range said {
			if utf8.RuneCountInString(s) >= 6 && !caseNo.MatchString(s) {
				p.texts = append(p.texts, s)
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "xunfang.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no database found: %v", err)
	}
	size := 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		size += len(b)
		has := func(what, s string) {
			if bytes.Contains(b, []byte(s)) {
				t.Errorf("%s: %s holds %s in plain", w.script, filepath.Base(f), what)
			}
		}
		for n := range p.phones {
			has("a phone number", n)
		}
		for n := range p.numbers {
			has("an identity number", n)
		}
		for home := range p.homes {
			has("an address", home)
		}
		for _, s := range p.texts {
			has("a sentence of the ledger or of a person", s)
		}
	}
	if size < 100_000 {
		t.Errorf("%s: only %d bytes were looked at", w.script, size)
	}
}

// wholePhones are all whole phone numbers in all messages of all golden conversations, each with its reason. A new one is a
// leak until it stands here.
var wholePhones = map[string][]string{
	"要打电话: calling is the point": {
		"look wangfang: 本人 13900000100", "look wangfang: 儿子 张建军 13900000300", "check wangfang: 本人 13900000888", "check wangfang: 女儿 李文娟 13900000305"},
	"要打电话: who knows the family confirms that it is them": {"family-bond mali: 女儿 马晓梅 13900000302", "family-bond mali: 老人 马秀兰 13900000102"},
	"a call is somebody's task: calling is the point": {
		"family-call mali: 电话:13900000305", "family-call zhanglei: 电话:13900000307", "family-tell mali: 电话:13900000305", "family-urge mali: 电话:13900000305",
		"family-tell mali: 「有急事,请马上给望远村何军打电话:13900000004。」"},
	"who reported an emergency is called back": {
		"kin-alarm hejun: 电话:13900000302", "kin-alarm lixia: 电话:13900000302", "kin-alarm shenjie: 电话:13900000302",
		"kin-alarm hejun: 10:00 马晓梅补充:「她一个人在家」。先打给马晓梅 13900000302。还没有人接,接手请回「急260311-1 我来」。",
		"kin-alarm lixia: 10:00 马晓梅补充:「她一个人在家」。先打给马晓梅 13900000302。还没有人接,接手请回「急260311-1 我来」。",
		"kin-alarm zhaomin: 10:00 没有登记的人补充:「13900000777」。还没有人接,接手请回「急260311-2 我来」。"},
	"what was heard, to the keeper who settles it": {
		"family-call xumei: 改为:王志刚 13900000888", "kin-give xumei: 改为:马晓梅 13900000777",
		"check xumei: 改为:他儿子13900000777", "talk xumei: 改为:马生林 13900000999", "correct xumei: 电话停机了,她女儿说换成 13900000996"},
	"what somebody has just typed, read back for confirmation": {
		"family-call zhanglei: 13900000888",
		"correct hejun: 要改:电话停机了,她女儿说换成 13900000996", "correct xumei: 改为:13900000997", "correct xumei: 改为:13900000999", "correct xumei: 改为:马晓东 13900000998",
		"sentence wangfang: 还有:新电话13900000777", "pile wangfang: 1 何玉珍 电话 都好 新电话13900000778 (再问)", "pile wangfang: 还有:新电话13900000778"},
}

// withoutSight are the messages that speak of an elder to somebody who may not see them when all is done, each with its reason.
var withoutSight = map[string][]string{
	"whose elder it was until yesterday may enter what was done till then, and is told until when": {
		"assign wangfang: 张桂兰只归您到3月10日,那以后的由接手的人记。哪天去的?直接打,比如「昨天」;不记了说「取消」。",
		"assign wangfang: 还没记完:张桂兰 电话 都好",
		"entered-late wangfang: 王建国(望远村一组,76岁)",
		"entered-late wangfang: 王建国(望远村一组,76岁) 3月19日(补录) 上门 都好",
		"entered-late wangfang: 王建国只归您到3月19日,那以后的由接手的人记。哪天去的?直接打,比如「昨天」;不记了说「取消」。"},
	"an emergency of one of two of the name: what was said is passed on": {"alarm-sentence shenjie: 说的:马秀兰摔倒了", "kin-hidden panhao: 说的:马秀兰被家里人打了"},
	"hand-over: the former visitor learns who took over": {
		"assign wangfang: 从今天起,张桂兰(望远村三组,78岁)由刘洋接手。之前看过、还没记的,请告诉村里补上。",
		"entered-late wangfang: 从今天起,王建国(望远村一组,76岁)由刘洋接手。之前看过、还没记的,请告诉村里补上。",
		"assign wangfang: 从今天起,王建国(望远村一组,76岁)由刘洋接手。之前看过、还没记的,请告诉村里补上。",
		"assign wangfang: 从今天起,田有福(通桥村一组,82岁)由吴霞接手。之前看过、还没记的,请告诉村里补上。",
		"assign wangfang: 从今天起,苏兰芳(望远村二组,76岁)由刘洋接手。之前看过、还没记的,请告诉村里补上。",
		"move wangfang: 从今天起,张桂花(通桥村二组,74岁)由马志强接手。之前看过、还没记的,请告诉村里补上。"},
	"hand-over: the village lead whose elder moved away learns where to": {
		"assign hejun: 田有福从望远村一组搬到通桥村一组,李霞登记。现在还由王芳看望。",
		"move dingqiang: 顾春梅从望远镇东渠村四组搬到李俊镇红柳村一组,李霞登记。现在还由陈静看望。"},
	"the receipt of who registered the move themself": {
		"move hejun: 张桂花(望远村三组,74岁)", "move lixia: 顾春梅(东渠村四组,70岁)"},
}

// of are the lines allowed of some scripts.
func of(allowed map[string][]string, ran []string) []string {
	var out []string
	for _, lines := range allowed {
		for _, l := range lines {
			if script, _, _ := strings.Cut(l, " "); slices.Contains(ran, script) {
				out = append(out, l)
			}
		}
	}
	slices.Sort(out)
	return out
}

// TestPrivacyOfGolden plays on SQLite what TestGoldenThroughCallback plays on MariaDB, and walks every message, log line,
// metric, address and outbox row of all golden conversations for what should not be there (002 五·信息核对, 六(三), 七(三)), and
// the database file behind them for what should be sealed.
func TestPrivacyOfGolden(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var ran, phones, blind []string
	t.Run("scripts", func(t *testing.T) {
		for _, file := range scripts(t) {
			name := strings.TrimSuffix(filepath.Base(file), ".txt")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				dir := filepath.Dir(t.TempDir()) // beside the database's
				w := &watched{wire: &wire{driver: storetest.SQLite}, script: name}
				play(t, w, file)
				w.nothingLeft()
				w.aside(t)
				w.raw(t, dir)
				mu.Lock()
				defer mu.Unlock()
				ran, phones, blind = append(ran, name), append(phones, w.phones...), append(blind, w.blind...)
			})
		}
	})
	for _, c := range []struct {
		what string
		want map[string][]string
		got  []string
	}{{"whole phone numbers", wholePhones, phones}, {"elders out of the reader's sight", withoutSight, blind}} {
		slices.Sort(c.got)
		if diff := cmp.Diff(of(c.want, ran), slices.Compact(c.got)); diff != "" {
			t.Errorf("%s in messages (-allowed +found):\n%s", c.what, diff)
		}
	}
}

// TestPrivacyOfTrouble: when things go wrong the log says so, and still nothing about anybody.
func TestPrivacyOfTrouble(t *testing.T) {
	const said = "张桂兰 13900000100 住望远村三组1号 00000019480101002X"
	forms := slices.Clone(flows.Forms)
	forms = append(forms, flows.Form{Name: "breaking", Open: []string{"坏"}, Steps: []flows.Step{{Key: "x",
		Ask:   func(flows.Answers, flows.Input) flows.Prompt { return flows.Prompt{Text: "说一句"} },
		Parse: func(raw string, _ flows.Input) (string, error) { panic(errors.New("cannot read " + raw)) },
	}}})
	w := &watched{wire: &wire{driver: storetest.SQLite, t: t}, script: "trouble"}
	w.rig = newRig(t, storetest.SQLite, "yongning", wednesday, func(o *Options) { o.Log, o.Forms = w.log.logger(), forms })
	w.store = w.rig.store
	r := w.rig
	says := func(want string) {
		wait(t, "the log to say "+want, func() bool { return strings.Contains(w.log.String(), want) })
	}
	r.sim.Say("wangfang", "坏")
	r.settle(t)
	r.sim.Say("wangfang", said) // the panic carries what was said
	r.settle(t)
	says("message put aside")
	for _, change := range []func(*sim.FaultSet){
		func(f *sim.FaultSet) { f.ErrCode, f.ErrCodeTimes = 81013, 1 }, // refused for good
		func(f *sim.FaultSet) { f.ErrCode, f.ErrCodeTimes = -1, 1 },
		func(f *sim.FaultSet) { f.HTTP500 = true },
		func(f *sim.FaultSet) { f.Down = true },
	} {
		before := strings.Count(w.log.String(), "not sent")
		r.sim.Faults().Change(change)
		r.sim.Say("lixia", "查张桂兰")
		wait(t, "a message not to be sent", func() bool { return strings.Count(w.log.String(), "not sent") > before })
		r.sim.Faults().Change(func(f *sim.FaultSet) { *f = sim.FaultSet{} })
		r.now.Add(time.Hour.Milliseconds())
		r.settle(t)
	}
	resp, err := http.Post(r.url+"/wecom/callback?msg_signature="+url.QueryEscape(said), "text/xml", strings.NewReader(said))
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusBadRequest {
		t.Errorf("what nobody signed is answered %d", resp.StatusCode)
	}
	w.aside(t)
}

// roads are the functions of this package that take an elder, or all of some region, out of the roster by themselves, and why
// each shows nobody more than May allows. Whoever opens a new road to the ledger has to say so here.
var roads = map[string]string{
	"caseView":   "asks MayCase before it fills in anything of the elder",
	"spot":       "says only where an alarm goes; flows never say it to the speaker (TestUnseenElderIsNotTold)",
	"colleagues": "reads posts, and no elder",
	"due":        "counts, for whom its callers show",
	"duties":     "asks May of the elder whose clauses are asked for",
	"owing":      "counts, for sums that name no elder",
	"covered":    "says only how many there are, to who leads the region",
	"reach":      "asks May of each before anything else sees them",
	"look":       "After is given records of elders in view only, and says when they are due",
	"further":    "Assigners says who leads a region, of nobody else",
	"sheet":      "leaves out what the sight it is given does not show; further gives it what May says",
	"bare":       "of an elder May has let through",
	"keepers":    "says who keeps a region's ledger",
	"visitors":   "says who could visit in a region",
	"proposals":  "only to who settles them",
	"gaps":       "only within the regions the speaker leads: names a lead sees by post",
	"asked":      "asks May for the log's sake",
	"own":        "counts",
	"figures":    "counts",
	"read":       "the name of the elder under way, if May still shows them",
	"Elder":      "name and age of whom Find let through, to read a sentence by",
	"about":      "asks May, for sight or for entering what was theirs",
	"readable":   "asks May who may read a record, and who mend it",
	"records":    "counts, for signs that name no elder",
	"pictures":   "compares photographs by the records' numbers",

	"relative":     "names a relative whom somebody here has verified, to who sees the case",
	"match":        "says to flows whose number it is; before a bond is verified flows say none of it (TestSecretBeforeVerified)",
	"elderOf":      "gives a number to look up what is never said",
	"called":       "names the elder of a card to who knows the family, never to the relative",
	"knows":        "says who is asked about a family, of the elder only where they live",
	"tie":          "of a bond of the relative's own; records only as MayHear lets them be said",
	"urgent":       "says only whether an emergency goes on, and not even that where it hides from the family",
	"wordView":     "to whose task the call is; others ask May (showFamilies)",
	"showFamilies": "asks May of each elder before a bond, a word or a family is shown",
	"ways":         "asks only whether there is a number that works",
	"number":       "gives the number to the channel, and to nobody's eyes",
	"leafletOf":    "asks May of who wants the card; without a user it is the operator's command",
	"Paper":        "prints whom to call; its callers have asked May, or are the operator's command",
	"Leaflets":     "the operator's command, which is written down as an export",
	"families":     "gathers what decides about words; what they say is MayHear's",
}

// TestRoadsToTheLedger: nobody takes an elder out of the roster but the roads above; and what only the whole ledger shows is
// named nowhere in this package, so it leaves the ledger through Seen alone.
func TestRoadsToTheLedger(t *testing.T) {
	takes := []string{"Elder", "Elders", "Within", "Assigned", "Visible", "Kin", "Book", "Dossier"}
	guarded := []string{"IDNumber", "LostChild", "Income", "Hardship", "Health", "Care"}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || file == "indexes.go" { // the index of names compares rosters and keeps hashes
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				switch x := n.(type) {
				case *ast.SelectorExpr:
					if slices.Contains(guarded, x.Sel.Name) {
						t.Errorf("%s: %s reads %s by itself", file, fn.Name.Name, x.Sel.Name)
					}
				case *ast.CallExpr:
					if s, ok := x.Fun.(*ast.SelectorExpr); ok && slices.Contains(takes, s.Sel.Name) {
						used[fn.Name.Name] = true
						if roads[fn.Name.Name] == "" {
							t.Errorf("%s: %s takes an elder out of the roster by %s: say among the roads what keeps it within May", file, fn.Name.Name, s.Sel.Name)
						}
					}
				}
				return true
			})
		}
	}
	for name := range roads {
		if !used[name] {
			t.Errorf("%s is no road any more", name)
		}
	}
}
