package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"xunfang/bot/wecom"
	"xunfang/ledger"
	"xunfang/store"
)

// kfDesk is 微信客服 as far as a benchmark needs it, over HTTP: it hands out what relatives wrote and notes when each was answered.
type kfDesk struct {
	mu       sync.Mutex
	log      []json.RawMessage
	answered map[string]time.Time // by external_userid, or by welcome_code
	sent     int
}

func (d *kfDesk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	var q struct {
		Cursor, ToUser, Code string
	}
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &q)
	w.Header().Set("Content-Type", "application/json")
	d.mu.Lock()
	defer d.mu.Unlock()
	answer := map[string]any{"errcode": 0, "errmsg": "ok"}
	switch {
	case strings.HasSuffix(r.URL.Path, "gettoken"):
		answer["access_token"], answer["expires_in"] = "t", 7200
	case strings.HasSuffix(r.URL.Path, "kf/sync_msg"):
		from, _ := strconv.Atoi(q.Cursor)
		to := min(len(d.log), from+1000)
		answer["next_cursor"], answer["has_more"], answer["msg_list"] = strconv.Itoa(to), 0, d.log[from:to]
		if to < len(d.log) {
			answer["has_more"] = 1
		}
	case strings.HasSuffix(r.URL.Path, "kf/customer/batchget"):
		answer["customer_list"] = []map[string]string{{"external_userid": "x", "nickname": "家属"}}
	default:
		d.sent++
		for _, name := range []string{q.ToUser, q.Code} {
			if _, known := d.answered[name]; name != "" && !known {
				d.answered[name] = at
			}
		}
		answer["msgid"], answer["response_code"] = strconv.Itoa(d.sent), strconv.Itoa(d.sent)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// says puts something into the account's log.
func (d *kfDesk) says(item map[string]any) {
	raw, _ := json.Marshal(item)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, raw)
}

func kfSaid(n int, who, text string) map[string]any {
	return map[string]any{"msgid": fmt.Sprint("m", n), "open_kfid": testKf, "external_userid": who, "send_time": time.Now().Unix(), "origin": 3, "msgtype": "text",
		"text": map[string]string{"content": text}}
}

// newKfStand is a county of so many members with twelve elders each, of whom everybody has a daughter who is bound.
func newKfStand(b testing.TB, driver string, members int) (*stand, *kfDesk) {
	b.Helper()
	ctx := context.Background()
	st := newStand(b, driver, members, 0)
	today := ledger.DayOf(time.Now(), beijing)
	book := ledger.Book{}
	var acts []ledger.Consent
	for i := range members {
		for j := range benchElders {
			id, name := fmt.Sprintf("E%d-%d", i, j), fmt.Sprintf("女儿%d", i*benchElders+j)
			book.Kin = append(book.Kin, ledger.Kin{ElderID: id, Name: name, Relation: "女儿", Phone: fmt.Sprintf("139%08d", i*benchElders+j), Seen: today})
			book.Bonds = append(book.Bonds, ledger.Bond{ElderID: id, User: benchThread(i*benchElders + j), Kin: name, Claim: "女儿", State: ledger.BondVerified, By: member(i),
				Asked: today.Add(-100), Since: today.Add(-100), Until: today.Add(300)})
			for n, c := range []ledger.Consent{{For: name}, {Kin: name}, {Kin: name, Purpose: ledger.PurposeNotice}} {
				c.Key, c.ElderID, c.Given, c.Day, c.At = fmt.Sprintf("%s/%d", id, n), id, true, today, time.Now()
				if c.Purpose == "" {
					c.Purpose = ledger.PurposeKin
				}
				acts = append(acts, c)
			}
		}
	}
	if _, err := st.store.SaveBook(ctx, ledger.Edit{Book: book, By: ledger.ByImport, Today: today.Add(-100)}); err != nil {
		b.Fatal(err)
	}
	for len(acts) > 0 {
		n := min(len(acts), 500)
		commit(b, st.store, ledger.Changes{Consents: acts[:n]})
		acts = acts[n:]
	}
	desk := &kfDesk{answered: map[string]time.Time{}}
	srv := httptest.NewServer(desk)
	b.Cleanup(srv.Close)
	client, err := wecom.NewClient(wecom.Config{APIBase: srv.URL, CorpID: testCorp, AgentID: testAgent, Secret: "secret"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.Close)
	st.bot.Messenger = client
	st.bot.Family = Families{Kf: client, Accounts: []string{testKf}}
	return st, desk
}

func benchThread(n int) string   { return ledger.KfUser(testKf, benchCustomer(n)) }
func benchCustomer(n int) string { return fmt.Sprint("wm", n) }

// ring is the callback that says that something waits.
func (st *stand) ring(b testing.TB, token string) delivery {
	b.Helper()
	plain := fmt.Sprintf("<xml><ToUserName>%s</ToUserName><CreateTime>%d</CreateTime><MsgType>event</MsgType><Event>kf_msg_or_event</Event><Token>%s</Token><OpenKfId>%s</OpenKfId></xml>",
		testCorp, time.Now().Unix(), token, testKf)
	return st.seal(b, plain, "")
}

// kfRun lets n relatives do something, one every 50 ms, and says how long each waited for the answer.
func kfRun(b *testing.B, st *stand, desk *kfDesk, url string, n int, item func(i int) (waits string, said map[string]any)) []time.Duration {
	began := map[string]time.Time{}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var g sync.WaitGroup
	for i := range n {
		<-tick.C
		waits, said := item(i)
		d := st.ring(b, fmt.Sprintf("token %s %d", waits, i))
		began[waits] = time.Now()
		desk.says(said)
		g.Go(func() { hand(b, url, d) })
	}
	g.Wait()
	return waited(b, began, &desk.mu, desk.answered)
}

// BenchmarkFamily measures from the callback's arrival to the answer's request at WeCom, over real HTTP on both sides: 我妈咋样 of those who
// are bound, and the welcome of those who enter (whose code lives for 20 seconds), alone and while 200 ordinary messages a second flow.
//
//	go test ./bot -run - -bench 'Family$' -benchtime 1x
func BenchmarkFamily(b *testing.B) {
	for _, driver := range benchDrivers {
		b.Run(driver, func(b *testing.B) {
			const asked = 60
			st, desk := newKfStand(b, driver, alarmVillages+talkers)
			srv := httptest.NewServer(st.bot.Handler())
			defer srv.Close()
			ctx, cancel := context.WithCancel(context.Background())
			over := make(chan struct{})
			go func() { st.bot.Run(ctx); close(over) }()
			defer func() { cancel(); <-over }()
			n := 0
			asks := func(i int) (string, map[string]any) {
				n++
				return benchCustomer(n), kfSaid(n, benchCustomer(n), "我妈咋样")
			}
			enters := func(i int) (string, map[string]any) {
				n++
				code := fmt.Sprint("code", n)
				return code, map[string]any{"msgid": fmt.Sprint("m", n), "send_time": time.Now().Unix(), "origin": 4, "msgtype": "event", "event": map[string]any{
					"event_type": "enter_session", "open_kfid": testKf, "external_userid": fmt.Sprint("new", n), "scene": sceneCard, "welcome_code": code}}
			}
			for b.Loop() {
				report := func(what string, took []time.Duration) {
					for _, p := range []int{50, 99, 100} {
						b.ReportMetric(percentile(took, p), fmt.Sprintf("%s-p%d-ms", what, p))
					}
				}
				report("ask-alone", kfRun(b, st, desk, srv.URL, asked, asks))
				report("welcome-alone", kfRun(b, st, desk, srv.URL, asked, enters))
				stop, flow := make(chan struct{}), make(chan int)
				go func() { flow <- ordinary(b, st, srv.URL, stop) }()
				begin := time.Now()
				report("ask-loaded", kfRun(b, st, desk, srv.URL, asked, asks))
				report("welcome-loaded", kfRun(b, st, desk, srv.URL, asked, enters))
				close(stop)
				b.ReportMetric(float64(<-flow)/time.Since(begin).Seconds(), "ordinary/s")
			}
		})
	}
}

// BenchmarkReceiveKf keeps a page of a thousand messages of a thousand relatives.
func BenchmarkReceiveKf(b *testing.B) {
	for _, driver := range benchDrivers {
		b.Run(driver, func(b *testing.B) {
			st := newStand(b, driver, 1, 0)
			n := 0
			for b.Loop() {
				b.StopTimer()
				var raws [][]byte
				for range 1000 {
					n++
					raw, err := json.Marshal(kfSaid(n, benchCustomer(n%1000), "我妈咋样"))
					if err != nil {
						b.Fatal(err)
					}
					raws = append(raws, raw)
				}
				in, lines := st.bot.kfPage(raws)
				b.StartTimer()
				fresh, err := st.store.ReceiveKf(context.Background(), testKf, strconv.Itoa(n), in, lines)
				if err != nil || fresh != 1000 {
					b.Fatal(fresh, err)
				}
			}
		})
	}
}

// BenchmarkReach looks at 5,000 open words of which none is due, or a hundred; and writes down what 5,000 families are to be told.
//
//	go test ./bot -run - -bench 'Reach|TellFamilies' -benchtime 20x
func BenchmarkReach(b *testing.B) {
	for _, driver := range benchDrivers {
		for _, due := range []int{0, 100} {
			b.Run(fmt.Sprintf("%s/%d due", driver, due), func(b *testing.B) {
				st, _ := newKfStand(b, driver, 417)
				ctx := context.Background()
				now := time.Date(2026, 3, 11, 10, 0, 0, 0, beijing)
				st.bot.Now = func() time.Time { return now }
				var steps []ledger.WordStep
				for i := range 5000 {
					steps = append(steps, ledger.WordStep{Word: ledger.Word{Key: fmt.Sprint("passed/", i), ElderID: fmt.Sprintf("E%d-%d", i/benchElders, i%benchElders),
						Kin: fmt.Sprint("女儿", i), User: benchThread(i), Purpose: ledger.WordPassed, Text: "问您好", State: ledger.WordOpen, Due: now.Add(time.Hour), At: now, Moved: now, Rev: 1}})
				}
				for i := 0; i < len(steps); i += 500 {
					commit(b, st.store, ledger.Changes{Words: steps[i : i+500]})
				}
				round := 0
				for b.Loop() {
					b.StopTimer()
					var c ledger.Changes
					for i := range due {
						w := steps[0].Word
						w.Key, w.ElderID, w.Kin, w.User = fmt.Sprintf("due/%d/%d", round, i), fmt.Sprintf("E%d-%d", i/benchElders, i%benchElders), fmt.Sprint("女儿", i), benchThread(i)
						w.Due = now
						c.Words = append(c.Words, ledger.WordStep{Word: w})
					}
					if round++; due > 0 {
						commit(b, st.store, c)
					}
					b.StartTimer()
					if err := st.bot.Reach(ctx); err != nil {
						b.Fatal(err)
					}
				}
				if files, err := st.store.WordsDue(ctx, now, 1000); err != nil || len(files) > 0 {
					b.Fatalf("%d words are due still: %v", len(files), err)
				}
			})
		}
	}
}

// BenchmarkTellFamilies looks at 5,000 bonds: once when everybody's summary is to be written down, and then when there is nothing new.
func BenchmarkTellFamilies(b *testing.B) {
	for _, driver := range benchDrivers {
		for _, again := range []bool{false, true} {
			name := driver + "/all"
			if again {
				name = driver + "/none"
			}
			b.Run(name, func(b *testing.B) {
				var st *stand
				ctx := context.Background()
				today := ledger.DayOf(time.Now(), beijing)
				now := ledger.MonthOf(today).First().Add(40).In(beijing) // in a month to come, for no summary was written yet
				now = ledger.MonthOf(ledger.DayOf(now, beijing)).First().Add(1).In(beijing).Add(10 * time.Hour)
				ready := func() {
					st, _ = newKfStand(b, driver, 417)
					st.bot.Now = func() time.Time { return now }
					for i := range 5000 { // a line each, by which it can be told
						if i%500 == 0 {
							var c ledger.Changes
							for j := i; j < i+500; j++ {
								c.Lines = append(c.Lines, ledger.Line{User: benchThread(j), Channel: ledger.ChannelKf, Account: testKf, Address: benchCustomer(j), State: ledger.LineOpen,
									Heard: now.Add(-time.Hour), At: now})
							}
							commit(b, st.store, c)
						}
					}
				}
				ready()
				told := 0
				for first := true; b.Loop(); first = false {
					b.StopTimer()
					switch {
					case !again && !first:
						ready()
					case again && first:
						if _, err := st.bot.TellFamilies(ctx, now, true); err != nil {
							b.Fatal(err)
						}
					}
					b.StartTimer()
					n, err := st.bot.TellFamilies(ctx, now, true)
					if err != nil {
						b.Fatal(err)
					}
					told = n
				}
				b.ReportMetric(float64(told), "told")
				if files, err := st.store.WordsOf(ctx, store.WordFilter{Limit: 10}); err != nil || len(files) == 0 {
					b.Fatalf("nobody was told anything: %v", err)
				}
			})
		}
	}
}
