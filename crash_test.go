package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"xunfang/bot/sim"
	"xunfang/bot/wecom"
	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/store"
	"xunfang/store/storetest"
)

// The crash tests build the program, put it between a simulated WeCom and a real database, and kill it under load: a few
// hundred visitors log visits, send photos, say words and raise alarms while processes die at random moments. A visitor goes
// on only when the answer is on the phone, and says again what was not delivered. At the end everything is counted from
// both sides, phones and database: nothing answered may be lost, nothing doubled.
//
// XUNFANG_LONG=1 kills five times as often; XUNFANG_SEED=n rolls the dice of an earlier run again.

// patience is how long anything may take on a busy machine before it counts as lost.
const patience = 3 * time.Minute

func TestCrash(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "xunfang")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	times := 1
	if os.Getenv("XUNFANG_LONG") != "" {
		times = 5
	}
	t.Run("kill", func(t *testing.T) {
		for _, x := range []struct {
			driver string
			kills  int
			redis  bool
		}{{storetest.SQLite, 140, false}, {storetest.MariaDB, 60, true}} {
			t.Run(x.driver, func(t *testing.T) {
				t.Parallel()
				redis := ""
				if x.redis {
					redis = redisURL(t)
				}
				s := besiege(t, bin, x.driver, 300)
				p := s.process(s.listen, redis)
				p.killOften(x.kills * times)
				s.end(p)
			})
		}
		t.Run("one of two", func(t *testing.T) {
			t.Parallel()
			killOneOfTwo(t, bin, 24*times)
		})
		for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
			t.Run("terminate "+driver, func(t *testing.T) {
				t.Parallel()
				terminate(t, bin, driver, 5*times)
			})
		}
	})
}

// killOneOfTwo has two processes on one MariaDB; WeCom's callbacks go to both in turn. One is killed while the other lives,
// and for a third of the time Redis is gone, too.
func killOneOfTwo(t *testing.T, bin string, kills int) {
	redis := newRedis(t)
	redis.start()
	s := besiege(t, bin, storetest.MariaDB, 120)
	both := []*process{s.process(port(t), redis.url()), s.process(port(t), redis.url())}
	s.share(both)
	for _, p := range both {
		p.start()
		p.await()
	}
	s.begin()
	round := func(n int) {
		for range n {
			p := both[s.dice.n(2)]
			s.pause(5, 150)
			p.kill()
			s.pause(0, 100)
			p.start()
			p.await()
		}
	}
	round(kills / 3)
	redis.stop()
	round(kills / 3)
	before := s.visits.Load()
	eventually(t, "visits without Redis", func() bool { return s.visits.Load() >= before+20 })
	redis.start()
	round(kills - 2*(kills/3))
	s.end(both...)
}

// terminate ends the program in the orderly way while there is work: it exits 0, has nothing in hand, and nothing is lost.
func terminate(t *testing.T, bin, driver string, rounds int) {
	s := besiege(t, bin, driver, 60)
	p := s.process(s.listen, "")
	p.start()
	p.await()
	s.begin()
	for range rounds {
		before := s.visits.Load()
		eventually(t, "visits between two ends", func() bool { return s.visits.Load() > before+10 })
		s.pause(5, 150)
		p.terminate()
		if n := s.count("SELECT COUNT(*) FROM outbox WHERE state = 0 AND unsure >= 2"); n != 0 {
			t.Errorf("%d messages were in hand when the program ended", n)
		}
		p.start()
		p.await()
	}
	s.end(p)
}

// siege is a county, a WeCom and a database around processes that die.
type siege struct {
	t      *testing.T
	bin    string
	dir    string
	listen string // where WeCom's callbacks go
	where  store.Options
	api    string // WeCom's address
	sim    *sim.Sim
	dice   *dice
	book   ledger.Book
	people []*visitor
	at     sync.WaitGroup // visitors out and about
	home   chan struct{}  // closed: everybody finishes what they are at

	kills, starts int
	visits        atomic.Int64 // confirmed, with the receipt on the phone
}

const (
	crashToken = "QDG6eKcrashtoken"
	crashKey   = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
	crashCorp  = "ww00000000000crash"
	crashAgent = 1000002
)

// besiege makes the county, with a number of visitors besides those of the sample, and imports it as an operator would.
func besiege(t *testing.T, bin, driver string, visitors int) *siege {
	s := &siege{t: t, bin: bin, dir: t.TempDir(), listen: port(t), where: storetest.DSN(t, driver), dice: newDice(t), home: make(chan struct{})}
	s.where.Keys = Config{DataDir: s.dir}.keys
	today := ledger.DayOf(time.Now(), time.FixedZone("Asia/Shanghai", 8*3600))
	s.book = papers.Sample(today)
	var villages []string
	for _, r := range s.book.Regions {
		if r.Level == ledger.LevelVillage {
			villages = append(villages, r.Code)
		}
	}
	for i := range visitors {
		user, elder, village := fmt.Sprintf("v%03d", i), fmt.Sprintf("C%03d", i), villages[i%len(villages)]
		s.book.People = append(s.book.People, ledger.Person{UserID: user, Name: fmt.Sprintf("巡访员%d", i)})
		s.book.Posts = append(s.book.Posts, ledger.Post{UserID: user, Role: ledger.RoleVisitor, Region: village})
		s.book.Elders = append(s.book.Elders, ledger.Elder{ID: elder, Name: fmt.Sprintf("虚构人%d", i), Gender: "女", Birth: "1945-05-01", Region: village})
		s.book.Tierings = append(s.book.Tierings, ledger.Tiering{ElderID: elder, Tier: ledger.TierOrdinary})
		s.book.Assignments = append(s.book.Assignments, ledger.Assignment{ElderID: elder, UserID: user})
	}
	members := make([]sim.Member, len(s.book.People))
	for i, m := range s.book.People {
		members[i] = sim.Member{UserID: m.UserID, Name: m.Name}
	}
	var err error
	s.sim, err = sim.New(sim.Options{CorpID: crashCorp, AgentID: crashAgent, Secret: "secret", Token: crashToken, EncodingAESKey: crashKey,
		CallbackURL: "http://" + s.listen + "/wecom/callback", Members: members,
		Rules: sim.Rules{Retries: 1, RetryEvery: 30 * time.Millisecond}}) // some messages outlast a restart, some do not
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.sim)
	s.api = server.URL
	t.Cleanup(func() {
		s.sim.Close()
		server.Close()
	})
	workbook := filepath.Join(s.dir, "ledger.xlsx")
	if err := writeFile(workbook, func(f *os.File) error { return papers.Write(f, s.book, today) }); err != nil {
		t.Fatal(err)
	}
	p := s.process(s.listen, "")
	for _, args := range [][]string{{"migrate"}, {"import", workbook}} {
		if out, err := exec.Command(bin, append(args, "--config", p.config)...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", args[0], err, out)
		}
	}
	for _, a := range s.book.Assignments {
		if !slices.ContainsFunc(s.people, func(v *visitor) bool { return v.user == a.UserID }) {
			s.people = append(s.people, &visitor{siege: s, user: a.UserID, elder: a.ElderID, alarms: len(s.people)%40 == 0})
		}
	}
	return s
}

// begin sends everybody out.
func (s *siege) begin() {
	for _, v := range s.people {
		s.at.Go(v.work)
	}
}

// end lets everybody finish, kills and restarts once more, waits until nothing is under way, ends the processes in the
// orderly way and counts.
func (s *siege) end(ps ...*process) {
	close(s.home)
	s.at.Wait()
	for _, p := range ps {
		p.kill()
		p.start()
		p.await()
	}
	defer func() {
		for _, p := range ps {
			if s.t.Failed() {
				s.t.Logf("the log of %s ends:\n%s", p.addr, p.tail())
			}
		}
	}()
	eventually(s.t, "nothing waits", func() bool {
		return s.count("SELECT (SELECT COUNT(*) FROM inbox WHERE state = 0) + (SELECT COUNT(*) FROM outbox WHERE state = 0)") == 0
	})
	for _, p := range ps {
		p.terminate()
	}
	if !s.t.Failed() {
		s.audit()
	}
}

func (s *siege) pause(from, to int) {
	time.Sleep(time.Duration(from+s.dice.n(to-from)) * time.Millisecond)
}

// database is a look from outside, without the store's code.
func (s *siege) database() *sql.DB {
	db, err := sql.Open(s.where.Driver, s.where.DSN)
	if err != nil {
		s.t.Fatal(err)
	}
	return db
}

func (s *siege) count(query string) (n int) {
	db := s.database()
	defer db.Close()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// process is one `xunfang serve`.
type process struct {
	*siege
	config string
	addr   string
	log    string
	cmd    *exec.Cmd
	ready  chan struct{}
	gone   chan struct{} // its output ended
}

func (s *siege) process(addr, redis string) *process {
	name := strings.ReplaceAll(addr, ":", "-")
	p := &process{siege: s, addr: addr, config: filepath.Join(s.dir, name+".yaml"), log: filepath.Join(s.dir, name+".log")}
	text := fmt.Sprintf(`listen: %s
data_dir: %q
wecom:
  api_base: %s
  corp_id: %s
  agent_id: %d
  secret: secret
  callback: {path: /wecom/callback, token: %s, encoding_aes_key: %s}
database: {driver: %s, dsn: %q}
redis: {url: %q}
calendar: off
`, addr, s.dir, s.api, crashCorp, crashAgent, crashToken, crashKey, s.where.Driver, s.where.DSN, redis)
	if err := os.WriteFile(p.config, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.bin, "serve", "--config", p.config)
	p.ready, p.gone = make(chan struct{}), make(chan struct{})
	out, err := p.cmd.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.starts++
	go func(ready, gone chan struct{}) {
		defer close(gone)
		defer log.Close()
		for lines := bufio.NewScanner(out); lines.Scan(); {
			fmt.Fprintln(log, lines.Text())
			if strings.Contains(lines.Text(), "msg=listening") {
				close(ready)
			}
		}
	}(p.ready, p.gone)
	cmd, gone := p.cmd, p.gone
	p.t.Cleanup(func() { // whatever the test broke off over
		cmd.Process.Kill()
		<-gone
	})
}

// await waits until it listens.
func (p *process) await() {
	p.t.Helper()
	select {
	case <-p.ready:
	case <-p.gone:
		p.t.Fatalf("the program ended by itself:\n%s", p.tail())
	case <-time.After(patience):
		p.t.Fatal("the program does not come up")
	}
}

// kill is kill -9.
func (p *process) kill() {
	p.t.Helper()
	p.cmd.Process.Kill()
	<-p.gone
	p.cmd.Wait()
	if p.cmd.ProcessState.Exited() {
		p.t.Errorf("the program ended by itself before it was killed:\n%s", p.tail())
	}
	p.kills++
}

func (p *process) terminate() {
	p.t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(patience):
		p.t.Fatal("the program does not heed SIGTERM")
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("SIGTERM: %v\n%s", err, p.tail())
	}
}

// killOften kills it at random moments, some before it is up, and leaves it running.
func (p *process) killOften(kills int) {
	p.start()
	p.await()
	p.begin()
	for range kills {
		if p.dice.n(8) == 0 {
			p.pause(0, 60)
		} else {
			p.await()
			p.pause(5, 150)
		}
		p.kill()
		p.start()
	}
	p.await()
}

func (p *process) tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-2000):])
}

// share stands where the callbacks go and hands them to the processes in turn; one that does not answer is WeCom's to try
// again.
func (s *siege) share(ps []*process) {
	var n atomic.Int64
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: ps[int(n.Add(1))%len(ps)].addr})
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		s.t.Fatal(err)
	}
	server := &http.Server{Handler: proxy}
	go server.Serve(l)
	s.t.Cleanup(func() { server.Close() })
}

// visitor is one person with a phone.
type visitor struct {
	*siege
	user, elder string
	alarms      bool // raises one
	words       int
	visited     int // visits confirmed
	broken      bool
}

func (v *visitor) work() {
	if v.alarms {
		v.alarm()
	}
	for !v.broken {
		select { // slow enough not to be told more than the thirty messages a minute that WeCom lets through
		case <-v.home:
			return
		case <-time.After(time.Duration(v.dice.n(6000)) * time.Millisecond):
		}
		switch n := v.dice.n(10); {
		case n < 5:
			v.visit("电话")
		case n < 7 || v.alarms: // whose words go to those in charge
			v.visit("上门")
		default:
			v.talk()
		}
	}
}

// insist does something until it was delivered, as a person does who reads 这条没送到.
func (v *visitor) insist(what string, act func() sim.Delivery) {
	for deadline := time.Now().Add(patience); !v.broken && act().Status != http.StatusOK; v.pause(20, 200) {
		if time.Now().After(deadline) {
			v.lost("%s was never answered", what)
		}
	}
}

func (v *visitor) lost(format string, args ...any) {
	v.broken = true
	v.t.Errorf(v.user+": "+format, args...)
}

// see waits for a message from the app among those after the first few.
func (v *visitor) see(what string, after int, is func(sim.Message) bool) (found sim.Message) {
	look := 20 * time.Millisecond
	for deadline := time.Now().Add(patience); !v.broken; time.Sleep(look) {
		look = min(2*look, 300*time.Millisecond) // hundreds of people who look often leave no processor to those who work
		for _, m := range v.sim.Messages(v.user)[after:] {
			if m.From == "app" && is(m) {
				return m
			}
		}
		if time.Now().After(deadline) {
			v.lost("never saw %s", what)
		}
	}
	return found
}

func (v *visitor) shown() int { return len(v.sim.Messages(v.user)) }

func (v *visitor) says(text string) {
	v.insist(text, func() sim.Delivery { return v.sim.Say(v.user, text) })
}

// visit logs a visit: a line, a photo where it was at the door, a tap. A line said twice may have brought a second card, and
// only the newest is good.
func (v *visitor) visit(method string) {
	before := v.shown()
	v.says(v.elder + " " + method + " 都好")
	open := func(m sim.Message) bool { return confirmation(m) && !m.Disabled }
	v.see("the card to confirm", before, open)
	if method == "上门" {
		photo := picture(v.user, v.words)
		v.insist("photo", func() sim.Delivery { return v.sim.Photo(v.user, photo) })
		v.see("the answer to a photo", before, func(m sim.Message) bool { return strings.HasPrefix(m.Text, "照片收到了") })
	}
	for !v.broken {
		v.see("the card to confirm", before, open)
		var card sim.Message
		for _, m := range v.sim.Messages(v.user)[before:] {
			if open(m) {
				card = m
			}
		}
		v.insist("tap", func() sim.Delivery {
			d, err := v.sim.Tap(v.user, card.ID, "yes", nil)
			if err != nil { // greyed meanwhile: an earlier tap got through although nobody answered it
				d.Status = http.StatusOK
			}
			return d
		})
		if m := v.see("the tapped card grey", before, func(m sim.Message) bool { return m.ID == card.ID && m.Disabled }); receipt(m) != "" {
			v.visited++
			v.visits.Add(1)
			return
		}
	}
}

// talk says up to three things nobody understands, without waiting, and then waits for the answers.
func (v *visitor) talk() {
	before := v.shown()
	first := v.words
	for range 1 + v.dice.n(3) {
		v.says(v.word(v.words))
		v.words++
	}
	for n := first; n < v.words; n++ {
		v.see("the answer to "+v.word(n), before, func(m sim.Message) bool { return quotes(m, v.word(n)) })
	}
}

func (v *visitor) word(n int) string { return fmt.Sprintf("口令%s-%d", v.user, n) }

func quotes(m sim.Message, word string) bool { return strings.Contains(m.Text, "「"+word+"」") }

func (v *visitor) emergency() string { return "摔倒" + v.user }

func (v *visitor) alarm() {
	before := v.shown()
	n := 0
	v.insist("alarm", func() sim.Delivery { // in words of its own each time: WeCom drops an alarm that says the same
		n++
		return v.sim.Say(v.user, fmt.Sprintf("紧急 %s第%d遍", v.emergency(), n))
	})
	v.see("the live card of an alarm", before, func(m sim.Message) bool { return strings.HasPrefix(titleOf(m), "⚠ 已报告") })
	v.says("好的")
	v.see("the end of the talk about an alarm", before, func(m sim.Message) bool { return strings.HasPrefix(m.Text, "好。他们会打给您") })
}

// confirmation says whether a message is the card that asks for 确认, tapped or not.
func confirmation(m sim.Message) bool {
	return m.Card != nil && slices.ContainsFunc(m.Card.Buttons, func(b sim.Button) bool { return b.Key == "yes" })
}

// receipt is the number of the record that a card has turned into or a text tells of, "" none.
func receipt(m sim.Message) string {
	title := m.Text
	if m.Card != nil && m.Card.MainTitle != nil {
		title = m.Card.MainTitle.Title
	}
	_, no, _ := strings.Cut(title, "✓ 记好了,编号 ")
	no, _, _ = strings.Cut(no, "。")
	return no
}

// picture is a small JPEG of its own.
func picture(user string, n int) []byte {
	img := image.NewGray(image.Rect(0, 0, 64, 8))
	for i, c := range fmt.Sprintf("%s%04d", user, n) {
		for bit := range 8 {
			if c>>bit&1 == 1 {
				img.SetGray(i*8%64+bit, i%8, color.Gray{255})
			}
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err) // memory does not fail
	}
	return b.Bytes()
}

// audit counts. What a phone sent and saw is WeCom's word, what is in the database is ours; they must agree.
func (s *siege) audit() {
	s.t.Helper()
	kept := s.inbox()
	rows := s.outbox()
	entries := s.entries()
	said := map[string]bool{} // inbox keys of what phones sent
	var messages, unanswered, doubtful int
	for _, p := range s.book.People {
		seen := s.sim.Messages(p.UserID)
		if len(seen) >= 500 {
			s.t.Fatalf("%s: the phone has forgotten messages; fewer kills, please", p.UserID)
		}
		if n := s.sim.Dropped(p.UserID); n > 0 {
			s.t.Errorf("%s: WeCom dropped %d messages", p.UserID, n)
		}
		var last sim.Message
		again := 0 // times the last one was said before
		for _, m := range seen {
			if m.From != "me" {
				continue
			}
			messages++
			if again++; m.Type != last.Type || m.Text != last.Text {
				again = 0
			}
			last = m
			key := wecom.Event{From: p.UserID, MsgType: m.Type, MsgID: m.ID}.Key()
			said[key] = true
			answered := m.Delivery == "ok"
			if !answered {
				unanswered++
			}
			if !kept[key] {
				if answered {
					s.t.Errorf("%s: %q was answered 200 and is lost", p.UserID, m.Text)
				}
				continue
			}
			replies := 0
			for _, r := range rows[key] {
				if r.Call == ledger.CallSend && r.To == p.UserID {
					replies++
				}
			}
			least, most := 1, 1
			switch {
			case again >= 1 && m.Type == "image": // a photo sent twice is answered once
				least = 0
			case again >= 1 && strings.HasSuffix(m.Text, " 都好"): // what waits together is one message in several, and gets one answer
				least, most = 0, 2
			case again >= 2: // a line said three times gets a hint and the question again
				most = 2
			}
			if replies < least || replies > most {
				s.t.Errorf("%s: %q got %d replies, want %d to %d", p.UserID, m.Text, replies, least, most)
			}
		}
	}
	taps := 0
	for key := range kept {
		if strings.HasPrefix(key, "e") {
			taps++
		} else if !said[key] {
			s.t.Error("the inbox holds a message that nobody sent")
		}
	}
	for key, of := range rows {
		if !kept[key] && key != "case" { // a case's messages are keyed by the case; auditAlarm looks at them
			s.t.Errorf("the outbox answers a message that is not in the inbox: %+v", of)
		}
		for _, r := range of {
			if r.State != store.StateSent {
				s.t.Errorf("a message is %s: %+v", r.State, r)
			}
			if r.Attempts > 1 {
				doubtful++
			}
		}
	}
	s.auditPhones(rows)
	s.auditVisits(entries)
	if s.visits.Load() < int64(s.kills/4) {
		s.t.Errorf("only %d visits: that was no load", s.visits.Load())
	}
	s.t.Logf("%s: %d kills, %d starts; %d messages sent, %d of them never answered; %d taps kept; %d visits; %d outbox rows tried more than once",
		s.where.Driver, s.kills, s.starts, messages, unanswered, taps, s.visits.Load(), doubtful)
}

// auditPhones holds what phones show against what the outbox says was sent: one for one.
func (s *siege) auditPhones(rows map[string][]store.OutboxRow) {
	sent := map[string]int{} // by recipient and WeCom's id
	for _, of := range rows {
		for _, r := range of {
			if r.Call == ledger.CallSend {
				sent[r.To+" "+r.MsgID]++
			}
		}
	}
	tasks := map[string]bool{}
	for _, p := range s.book.People {
		for _, m := range s.sim.Messages(p.UserID) {
			if m.From != "app" || m.Type == "notice" {
				continue
			}
			if key := p.UserID + " " + m.MsgID; sent[key] != 1 {
				s.t.Errorf("%s: %d rows of the outbox for one message on the phone: %s %q", p.UserID, sent[key], m.Type, cmp.Or(m.Text, titleOf(m)))
			} else {
				sent[key] = 0
			}
			if m.Card != nil {
				if tasks[m.Card.TaskID] {
					s.t.Errorf("%s: a card came twice", p.UserID)
				}
				tasks[m.Card.TaskID] = true
			}
		}
	}
	for key, n := range sent {
		if n != 0 {
			s.t.Errorf("sent, says the outbox, but not on the phone: %s", key)
		}
	}
	for _, v := range s.people {
		seen := s.sim.Messages(v.user)
		last := -1
		for n := range v.words {
			least, most := v.told(v.user, v.word(n))
			at := -1
			got := 0
			for i, m := range seen {
				if m.From == "app" && quotes(m, v.word(n)) {
					got++
					if at < 0 {
						at = i
					}
				}
			}
			if got < least || got > most {
				s.t.Errorf("%s: %d answers to %s, want %d to %d", v.user, got, v.word(n), least, most)
			}
			if at < last {
				s.t.Errorf("%s: %s was answered before what was said earlier", v.user, v.word(n))
			}
			last = at
		}
		if v.alarms {
			v.auditAlarm()
		}
	}
}

func titleOf(m sim.Message) string {
	if m.Card != nil && m.Card.MainTitle != nil {
		return m.Card.MainTitle.Title
	}
	return ""
}

// told is how often a text was delivered for certain, and how often at most.
func (v *visitor) told(user, text string) (least, most int) {
	for _, m := range v.sim.Messages(user) {
		if m.From == "me" && m.Text == text {
			most++
			if m.Delivery == "ok" {
				least++
			}
		}
	}
	return least, most
}

// auditAlarm: it is one case however often it was said; village and township were told of it; whoever was told has it on the phone
// once, and nobody else has it.
func (v *visitor) auditAlarm() {
	st := v.store()
	files, err := st.CasesOf(context.Background(), store.CaseFilter{User: v.user, Kinds: []ledger.CaseKind{ledger.CaseAlarm}})
	if err = errors.Join(err, st.Close()); err != nil {
		v.t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(f ledger.CaseFile) bool { return f.By != v.user })
	if len(files) != 1 {
		v.t.Errorf("%d cases came of the alarm of %s, want one", len(files), v.user)
		return
	}
	told, levels := map[string]int{}, map[ledger.Role]bool{}
	for i, e := range files[0].Timeline {
		if e.N != i+1 {
			v.t.Errorf("the timeline of %s's alarm has a gap at %d", v.user, i+1)
		}
		if e.Kind == ledger.EventTold || e.Kind == ledger.EventShown {
			told[e.To]++
			levels[e.Level] = true
		}
	}
	if !levels[ledger.RoleVillage] || !levels[ledger.RoleTownship] {
		v.t.Errorf("the alarm of %s was told to %v, want village and township", v.user, told)
	}
	for _, p := range v.book.People {
		if p.UserID == v.user { // their own card
			continue
		}
		cards := 0
		for _, m := range v.sim.Messages(p.UserID) {
			if m.From == "app" && m.Card != nil && strings.Contains(fmt.Sprint(m.Card.Horizontal, m.Card.SubTitle), v.emergency()+"第") {
				cards++
			}
		}
		if cards != told[p.UserID] {
			v.t.Errorf("%s has %d cards of the alarm of %s, the timeline says %d", p.UserID, cards, v.user, told[p.UserID])
		}
	}
}

// auditVisits: every confirmed visit is one record, every record one receipt.
func (s *siege) auditVisits(entries []ledger.Entry) {
	st := s.store()
	defer st.Close()
	numbers := map[string]map[string]int{} // by user
	for _, e := range entries {
		if numbers[e.UserID] == nil {
			numbers[e.UserID] = map[string]int{}
		}
		numbers[e.UserID][e.No]++
		if e.Method != ledger.MethodDoor {
			continue
		}
		photos, err := st.PhotosOf(context.Background(), []string{e.Key})
		if err != nil {
			s.t.Fatal(err)
		}
		if len(photos) == 0 {
			s.t.Errorf("%s: the photo of %s is lost", e.UserID, e.No)
		}
		for _, p := range photos {
			path := filepath.Join(s.dir, "photos", p.Hash[:min(2, len(p.Hash))], p.Hash+".sealed")
			if _, err := os.Stat(path); err != nil || p.State != ledger.PhotoStored {
				s.t.Errorf("%s: a photo of %s is %s: %v", e.UserID, e.No, p.State, err)
			}
		}
	}
	for _, v := range s.people {
		if n := len(numbers[v.user]); n != v.visited {
			s.t.Errorf("%s confirmed %d visits, %d are on record", v.user, v.visited, n)
		}
		for _, m := range s.sim.Messages(v.user) {
			if no := receipt(m); no != "" {
				numbers[v.user][no]-- // a second receipt makes it negative
			}
		}
		for no, n := range numbers[v.user] {
			if n != 0 {
				s.t.Errorf("%s: record %s has %d receipts", v.user, no, 1-n)
			}
		}
		delete(numbers, v.user)
	}
	if len(numbers) > 0 {
		s.t.Errorf("records of people who made none: %v", numbers)
	}
}

func (s *siege) store() *store.Store {
	st, err := store.Open(context.Background(), s.where)
	if err != nil {
		s.t.Fatal(err)
	}
	return st
}

// inbox are the keys of what was kept; all of it must be handled.
func (s *siege) inbox() map[string]bool {
	db := s.database()
	defer db.Close()
	rows, err := db.Query("SELECT dedupe, state, reason FROM inbox")
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	kept := map[string]bool{}
	for rows.Next() {
		var key, reason string
		var state int
		if err := rows.Scan(&key, &state, &reason); err != nil {
			s.t.Fatal(err)
		}
		kept[key] = true
		if state != 1 {
			s.t.Errorf("a message in the inbox is in state %d: %s", state, reason)
		}
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return kept
}

// outbox is everything ever to be sent, by the key of the message that caused it.
func (s *siege) outbox() map[string][]store.OutboxRow {
	st := s.store()
	defer st.Close()
	all, err := st.Outbox(context.Background(), store.OutboxFilter{Limit: 1 << 30, States: []store.OutboxState{
		store.StateWaiting, store.StateSent, store.StateDead, store.StateExpired, store.StateDropped}})
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string][]store.OutboxRow{}
	for _, r := range all {
		key, _, _ := strings.Cut(strings.TrimPrefix(r.Key, "fetch/"), "/")
		out[key] = append(out[key], r)
	}
	return out
}

func (s *siege) entries() []ledger.Entry {
	st := s.store()
	defer st.Close()
	var ids []string
	for _, e := range s.book.Elders {
		ids = append(ids, e.ID)
	}
	entries, err := st.Entries(context.Background(), ids, "2000-01-01")
	if err != nil {
		s.t.Fatal(err)
	}
	return entries
}

// dice are shared by everybody.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func newDice(t *testing.T) *dice {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("XUNFANG_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("XUNFANG_SEED=%d", seed)
	return &dice{r: rand.New(rand.NewPCG(seed, 0))}
}

func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

// port is an address to listen on again and again. It lies below the range from which systems give out ports for outgoing
// connections, or while the program is down somebody's connection might sit on it.
func port(t *testing.T) string {
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(15000+rand.IntN(15000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no free port")
	return ""
}

func redisURL(t *testing.T) string {
	o := storetest.Redis(t).Options()
	return fmt.Sprintf("redis://%s/%d", o.Addr, o.DB)
}

// redisServer is a Redis of our own, to be stopped.
type redisServer struct {
	t    *testing.T
	addr string
	dir  string
	cmd  *exec.Cmd
}

func newRedis(t *testing.T) *redisServer { return &redisServer{t: t, addr: port(t), dir: t.TempDir()} }

func (r *redisServer) url() string { return "redis://" + r.addr + "/0" }

func (r *redisServer) start() {
	r.t.Helper()
	_, port, _ := net.SplitHostPort(r.addr)
	r.cmd = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", r.dir)
	if err := r.cmd.Start(); err != nil {
		r.t.Fatalf("start a Redis: %v", err)
	}
	cmd := r.cmd
	r.t.Cleanup(func() { cmd.Process.Kill() })
	eventually(r.t, "a Redis of our own", func() bool {
		c, err := net.Dial("tcp", r.addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func (r *redisServer) stop() {
	r.cmd.Process.Kill()
	if err := r.cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		r.t.Error(err)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
