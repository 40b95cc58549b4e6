package bot

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"xunfang/bot/wecom"
	"xunfang/ledger"
	"xunfang/scheduler"
	"xunfang/store"
	"xunfang/store/storetest"
)

// The benchmarks of the whole road. Absolute figures drift with the machine and above all with its disk: each stands beside
// its baseline in the same run, and once with a flush of 4 ms as a county's disk has it (SlowFlush).

const (
	benchMembers = 64
	benchElders  = 12 // a visitor's
)

// mute is WeCom as fast as it can be: what is measured is ours.
type mute struct{ sent atomic.Int64 }

func (m *mute) Send(context.Context, ledger.Message) (wecom.Receipt, error) {
	m.sent.Add(1)
	return wecom.Receipt{MsgID: "m"}, nil
}

func (m *mute) Heard(context.Context, string, string) (wecom.Heard, error) { return wecom.Heard{}, nil }

func (m *mute) Fetch(context.Context, string, int64) ([]byte, string, error) {
	return nil, "", errors.New("no photos here")
}

// stand is a bot on a county of its own: members with twelve elders each.
type stand struct {
	bot   *Bot
	store *store.Store
	door  *wecom.Door
	sent  *mute
	n     atomic.Int64
}

func newStand(b testing.TB, driver string, members int, flush time.Duration) *stand {
	b.Helper()
	o := storetest.DSN(b, driver)
	o.FlushDelay = flush
	s := storetest.OpenWith(b, o)
	ctx := context.Background()
	if err := s.Migrate(ctx); err != nil {
		b.Fatal(err)
	}
	book := ledger.Book{Regions: []ledger.Region{{Code: "c", Name: "县", Level: ledger.LevelCounty}}}
	for i := range members {
		v, u := "v"+strconv.Itoa(i), member(i)
		book.Regions = append(book.Regions, ledger.Region{Code: v, Name: "村" + strconv.Itoa(i), Parent: "c", Level: ledger.LevelVillage})
		book.People = append(book.People, ledger.Person{UserID: u, Name: "巡访员" + strconv.Itoa(i)})
		book.Posts = append(book.Posts, ledger.Post{UserID: u, Role: ledger.RoleVisitor, Region: v})
		for j := range benchElders {
			id := fmt.Sprintf("E%d-%d", i, j)
			book.Elders = append(book.Elders, ledger.Elder{ID: id, Name: "老人" + strconv.Itoa(j), Birth: "1946-01-02", Region: v})
			book.Assignments = append(book.Assignments, ledger.Assignment{ElderID: id, UserID: u})
			book.Tierings = append(book.Tierings, ledger.Tiering{ElderID: id, Tier: ledger.TierKey})
		}
	}
	today := ledger.DayOf(time.Now(), beijing)
	if _, err := s.SaveBook(ctx, ledger.Edit{Book: book, By: ledger.ByImport, Today: today.Add(-200)}); err != nil {
		b.Fatal(err)
	}
	door, err := wecom.NewDoor(testCorp, testToken, testKey)
	if err != nil {
		b.Fatal(err)
	}
	pack, err := scheduler.Load("yongning")
	if err != nil {
		b.Fatal(err)
	}
	st := &stand{store: s, door: door, sent: &mute{}}
	st.bot = New(Options{Store: s, Door: door, Messenger: st.sent, AgentID: testAgent, CallbackPath: "/wecom/callback", Packs: scheduler.Packs{pack}, Zone: beijing})
	return st
}

func member(i int) string { return "u" + strconv.Itoa(i) }

// plain is a text message as WeCom writes it.
func (st *stand) plain(user, text string) string {
	n := st.n.Add(1)
	return fmt.Sprintf("<xml><ToUserName><![CDATA[%s]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName><CreateTime>%d</CreateTime>"+
		"<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[%s]]></Content><MsgId>%d</MsgId><AgentID>%d</AgentID></xml>",
		testCorp, user, 1700000000+n, text, 7000000000+n, testAgent)
}

// delivery is a callback ready to be posted.
type delivery struct{ query, body string }

func (st *stand) deliver(b testing.TB, user, text string) delivery {
	return st.seal(b, st.plain(user, text), "<AgentID><![CDATA[1000002]]></AgentID>")
}

// seal makes a callback of what WeCom has to say; rest stands beside it in the open.
func (st *stand) seal(b testing.TB, plain, rest string) delivery {
	sealed, err := st.door.Seal([]byte(plain), "1700000000", "nonce")
	if err != nil {
		b.Fatal(err)
	}
	var e struct{ Encrypt, MsgSignature string }
	if err := xml.Unmarshal(sealed, &e); err != nil {
		b.Fatal(err)
	}
	q := url.Values{"msg_signature": {e.MsgSignature}, "timestamp": {"1700000000"}, "nonce": {"nonce"}}
	return delivery{"?" + q.Encode(), "<xml><ToUserName><![CDATA[" + testCorp + "]]></ToUserName><Encrypt><![CDATA[" + e.Encrypt +
		"]]></Encrypt>" + rest + "</xml>"}
}

// talk is what a member says, over and over: a visit is begun, shown for confirmation, and given up. Each is a whole turn.
func talk(i int) string {
	if i%2 == 0 {
		return "老人3 电话 都好"
	}
	return "取消"
}

func (st *stand) deliveries(b testing.TB, n int) [][]delivery {
	out := make([][]delivery, benchMembers)
	for i := range n {
		m := i % benchMembers
		out[m] = append(out[m], st.deliver(b, member(m), talk(len(out[m]))))
	}
	return out
}

// post sends everybody's deliveries, one connection a member, each after the one before was answered.
func post(b testing.TB, address string, all [][]delivery, took func(time.Duration)) {
	tr := &http.Transport{MaxIdleConnsPerHost: benchMembers, MaxConnsPerHost: benchMembers}
	defer tr.CloseIdleConnections()
	client := &http.Client{Transport: tr}
	var g sync.WaitGroup
	for _, mine := range all {
		g.Go(func() {
			for _, d := range mine {
				start := time.Now()
				resp, err := client.Post(address+d.query, "text/xml", strings.NewReader(d.body))
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != 200 {
					b.Errorf("answered %d", resp.StatusCode)
					return
				}
				if took != nil {
					took(time.Since(start))
				}
			}
		})
	}
	g.Wait()
}

// serve listens and takes turns until the benchmark ends, and gives the callback's address.
func (st *stand) serve(b *testing.B) string {
	srv := httptest.NewServer(st.bot.Handler())
	ctx, cancel := context.WithCancel(context.Background())
	var g sync.WaitGroup
	g.Go(func() { st.bot.turns.run(ctx) })
	b.Cleanup(func() {
		srv.Close()
		cancel()
		g.Wait()
	})
	return srv.URL + "/wecom/callback"
}

// drained waits until every message has been handled.
func (st *stand) drained(b testing.TB) {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		users, err := st.store.Backlog(context.Background(), 1)
		if err != nil {
			b.Fatal(err)
		}
		if len(users) == 0 {
			return
		}
		if time.Now().After(deadline) {
			b.Fatal("not drained within a minute")
		}
	}
}

var benchDrivers = []string{storetest.SQLite, storetest.MariaDB}

// BenchmarkTurn is one whole turn with its durable commit, one caller: message read, conversation and view read, decided,
// rendered, committed.
func BenchmarkTurn(b *testing.B) {
	for _, driver := range benchDrivers {
		for _, flush := range []time.Duration{0, 4 * time.Millisecond} {
			b.Run(driver+flushName(flush), func(b *testing.B) {
				st := newStand(b, driver, 1, flush)
				ctx := context.Background()
				for i := range b.N {
					ev := st.plain(member(0), talk(i))
					if err := st.store.Receive(ctx, store.Inbound{Key: strconv.Itoa(i), User: member(0), Raw: []byte(ev), At: time.Now()}); err != nil {
						b.Fatal(err)
					}
				}
				var all []store.Inbound
				for len(all) < b.N {
					got, err := st.store.Pending(ctx, member(0), b.N)
					if err != nil {
						b.Fatal(err)
					}
					all = append(all, got...)
				}
				b.ReportAllocs()
				b.ResetTimer()
				for _, in := range all {
					if _, err := st.bot.handle(ctx, []store.Inbound{in}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func flushName(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return "/SlowFlush"
}

// BenchmarkTurnsHTTP is whole turns through HTTP, 64 members at once, and the time includes the last turn's commit.
func BenchmarkTurnsHTTP(b *testing.B) {
	for _, driver := range benchDrivers {
		for _, flush := range []time.Duration{0, 4 * time.Millisecond} {
			b.Run(driver+flushName(flush), func(b *testing.B) {
				st := newStand(b, driver, benchMembers, flush)
				address := st.serve(b)
				all := st.deliveries(b, b.N)
				b.ResetTimer()
				post(b, address, all, nil)
				st.drained(b)
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "turns/s")
			})
		}
	}
}

// BenchmarkInboxHTTP is the 200 after a durable commit, 64 connections, next to the least that could do it: a server that
// decodes and inserts in grouped commits and knows nothing else. The ratio of the two is the figure.
func BenchmarkInboxHTTP(b *testing.B) {
	for _, driver := range benchDrivers {
		for _, flush := range []time.Duration{0, 4 * time.Millisecond} {
			for _, bare := range []bool{true, false} {
				name := driver + flushName(flush) + "/ours"
				if bare {
					name = driver + flushName(flush) + "/bare"
				}
				b.Run(name, func(b *testing.B) {
					st := newStand(b, driver, benchMembers, flush)
					var h http.Handler = st.bot.Handler()
					if bare {
						h = newBare(b, driver, st.door, flush)
					}
					srv := httptest.NewServer(h)
					defer srv.Close()
					all := st.deliveries(b, b.N)
					b.ResetTimer()
					post(b, srv.URL+"/wecom/callback", all, nil)
					b.StopTimer()
					b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
				})
			}
		}
	}
}

// BenchmarkSteady is a steady 1,000 messages a second, and reports how long WeCom waits for its 200.
func BenchmarkSteady(b *testing.B) {
	for _, driver := range benchDrivers {
		for _, flush := range []time.Duration{0, 4 * time.Millisecond} {
			b.Run(driver+flushName(flush), func(b *testing.B) {
				st := newStand(b, driver, benchMembers, flush)
				address := st.serve(b)
				n := max(b.N, 3000) // three seconds at least: a percentile of less says nothing
				all := st.deliveries(b, n)
				var mu sync.Mutex
				var times []time.Duration
				client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
				b.ResetTimer()
				var senders sync.WaitGroup
				start := time.Now()
				for i := range n {
					if wait := time.Until(start.Add(time.Duration(i) * time.Millisecond)); wait > 0 {
						time.Sleep(wait)
					}
					d := all[i%benchMembers][i/benchMembers]
					senders.Go(func() {
						at := time.Now()
						resp, err := client.Post(address+d.query, "text/xml", strings.NewReader(d.body))
						if err != nil {
							b.Error(err)
							return
						}
						_, _ = io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
						mu.Lock()
						times = append(times, time.Since(at))
						mu.Unlock()
					})
				}
				senders.Wait()
				b.StopTimer()
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
			})
		}
	}
}

// bare is the baseline of BenchmarkInboxHTTP.
type bare struct {
	door *wecom.Door
	in   chan bareItem
}

type bareItem struct {
	key, user string
	raw       []byte
	done      chan error
}

func newBare(b *testing.B, driver string, door *wecom.Door, flush time.Duration) http.Handler {
	db := storetest.Bare(b, driver)
	if _, err := db.Exec("CREATE TABLE bare (id INTEGER PRIMARY KEY " + map[string]string{storetest.SQLite: "AUTOINCREMENT", storetest.MariaDB: "AUTO_INCREMENT"}[driver] +
		", k VARCHAR(64) UNIQUE, u VARCHAR(64), raw BLOB)"); err != nil {
		b.Fatal(err)
	}
	h := &bare{door: door, in: make(chan bareItem, 1024)}
	committers := 1
	if driver == storetest.MariaDB {
		committers = 6
	}
	ctx, cancel := context.WithCancel(context.Background())
	var g sync.WaitGroup
	for range committers {
		g.Go(func() {
			for {
				var batch []bareItem
				select {
				case x := <-h.in:
					batch = append(batch, x)
				case <-ctx.Done():
					return
				}
				for more := true; more && len(batch) < 256; {
					select {
					case x := <-h.in:
						batch = append(batch, x)
					default:
						more = false
					}
				}
				args := make([]any, 0, 3*len(batch))
				for _, x := range batch {
					args = append(args, x.key, x.user, x.raw)
				}
				_, err := db.Exec("INSERT INTO bare (k, u, raw) VALUES "+strings.TrimSuffix(strings.Repeat("(?,?,?),", len(batch)), ","), args...)
				time.Sleep(flush)
				for _, x := range batch {
					x.done <- err
				}
			}
		})
	}
	b.Cleanup(func() { cancel(); g.Wait() })
	return h
}

func (h *bare) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(400)
		return
	}
	ev, err := h.door.Open(r.URL.RawQuery, body)
	if err != nil {
		w.WriteHeader(400)
		return
	}
	done := make(chan error, 1)
	h.in <- bareItem{ev.Key(), ev.From, ev.Raw, done}
	if <-done != nil {
		w.WriteHeader(500)
	}
}
