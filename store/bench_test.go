package store_test

import (
	"database/sql"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// The figures of one run may be compared with each other, not with those of another machine or day: every benchmark
// stands beside a baseline, the same rows in plain SQL, one transaction each, on the same database.

// eachBench runs f on both databases, with this machine's flush and with that of a county's disk.
func eachBench(b *testing.B, f func(b *testing.B, o store.Options, s *store.Store)) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		for _, flush := range []time.Duration{0, 4 * time.Millisecond} {
			b.Run(fmt.Sprintf("%s/flush+%s", driver, flush), func(b *testing.B) {
				o := storetest.DSN(b, driver)
				o.FlushDelay = flush
				f(b, o, opened(b, o))
			})
		}
	}
}

// callers runs work by one and by sixty-four goroutines and reports how many a second.
func callers(b *testing.B, work func(b *testing.B, n int64)) {
	var seq atomic.Int64
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprintf("%dcallers", n), func(b *testing.B) {
			left := atomic.Int64{}
			left.Store(int64(b.N))
			done := make(chan struct{})
			b.ResetTimer()
			for range n {
				go func() {
					for left.Add(-1) >= 0 {
						work(b, seq.Add(1))
					}
					done <- struct{}{}
				}()
			}
			for range n {
				<-done
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
		})
	}
}

// bare is the same database in one connection of plain SQL; flush is what the store sleeps per commit, too.
func bare(b *testing.B, o store.Options) func(statements ...any) {
	dsn := o.DSN
	if o.Driver == store.SQLite {
		dsn += "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate"
	} else {
		dsn += "?interpolateParams=true"
	}
	db, err := sql.Open(o.Driver, dsn)
	require.NoError(b, err)
	b.Cleanup(func() { db.Close() })
	db.SetMaxIdleConns(8)
	if db.SetMaxOpenConns(8); o.Driver == store.SQLite {
		db.SetMaxOpenConns(1)
	}
	return func(statements ...any) {
		tx, err := db.Begin()
		if err != nil {
			b.Error(err)
			return
		}
		for _, x := range statements {
			x := x.([]any)
			if _, err := tx.Exec(x[0].(string), x[1:]...); err != nil {
				b.Error(err)
			}
		}
		time.Sleep(o.FlushDelay)
		if err := tx.Commit(); err != nil {
			b.Error(err)
		}
	}
}

var message = []byte(strings.Repeat("<xml>看望了张桂兰,都好</xml>", 12))

const insertInbox = "INSERT INTO inbox (dedupe, usr, raw, at) VALUES (?, ?, ?, ?)"

func BenchmarkReceive(b *testing.B) {
	eachBench(b, func(b *testing.B, o store.Options, s *store.Store) {
		b.Run("store", func(b *testing.B) {
			callers(b, func(b *testing.B, n int64) {
				if err := s.Receive(ctx, store.Inbound{Key: fmt.Sprint("s", n), User: fmt.Sprint("u", n%1000), Raw: message, At: start}); err != nil {
					b.Error(err)
				}
			})
		})
		plain := bare(b, o)
		b.Run("bare", func(b *testing.B) {
			callers(b, func(b *testing.B, n int64) {
				plain([]any{insertInbox, fmt.Sprint("b", n), fmt.Sprint("u", n%1000), message, n})
			})
		})
	})
}

// BenchmarkCommit is a turn's conversation, inbox mark, entry and reply; each follows a Receive outside its timing for
// the store, and inserts its inbox row itself for the baseline.
func BenchmarkCommit(b *testing.B) {
	body := []byte(strings.Repeat("x", 300))
	eachBench(b, func(b *testing.B, o store.Options, s *store.Store) {
		b.Run("store", func(b *testing.B) {
			callers(b, func(b *testing.B, n int64) {
				user := fmt.Sprint("u", n)
				e := ledger.Entry{Key: fmt.Sprint("e", n), No: fmt.Sprint("N", n), Kind: ledger.KindVisit, ElderID: user, UserID: user, Day: today, EnteredAt: start}
				err := s.Commit(ctx, store.Turn{User: user, State: body, Changes: ledger.Changes{Entries: []ledger.Entry{e},
					Messages: []ledger.Message{{Key: fmt.Sprint("r", n), To: user, Priority: ledger.PriorityReply, Call: ledger.CallSend, Body: body}}}})
				if err != nil {
					b.Error(err)
				}
			})
		})
		plain := bare(b, o)
		b.Run("bare", func(b *testing.B) {
			callers(b, func(b *testing.B, n int64) {
				user := fmt.Sprint("b", n)
				plain([]any{"INSERT INTO conversations (usr, revision, state, at) VALUES (?, 1, ?, ?)", user, body, n},
					[]any{"INSERT INTO entries (`key`, no, kind, elder_id, user_id, day, note, entered_at) VALUES (?, ?, 'visit', ?, ?, ?, '', '2026-03-02 01:30:00')", user, user, user, user, string(today)},
					[]any{"INSERT INTO outbox (dedupe, lane, rcpt, prio, call_, body, fallback, at, not_before, expires) VALUES (?, ?, ?, 1, 'send', ?, '', ?, 0, ?)", user, user, user, body, n, n},
					[]any{"UPDATE inbox SET state = 1 WHERE id = ?", n})
			})
		})
	})
}

// BenchmarkTurn is what a message costs from receipt to its commit, one at a time: Receive, Conversation, Pending, Commit.
func BenchmarkTurn(b *testing.B) {
	eachBench(b, func(b *testing.B, o store.Options, s *store.Store) {
		callers(b, func(b *testing.B, n int64) {
			user := fmt.Sprint("u", n)
			if err := s.Receive(ctx, store.Inbound{Key: user, User: user, Raw: message, At: start}); err != nil {
				b.Error(err)
			}
			c, err := s.Conversation(ctx, user)
			if err != nil {
				b.Error(err)
			}
			in, err := s.Pending(ctx, user, 10)
			if err != nil || len(in) != 1 {
				b.Error(err, len(in))
				return
			}
			err = s.Commit(ctx, store.Turn{User: user, Revision: c.Revision, Inbound: []int64{in[0].ID}, State: message, Changes: ledger.Changes{
				Messages: []ledger.Message{{Key: user, To: user, Priority: ledger.PriorityReply, Call: ledger.CallSend, Body: message}}}})
			if err != nil {
				b.Error(err)
			}
		})
	})
}

// BenchmarkClaim claims twenty of 50,000 for 2,000 recipients and settles them; the baseline reads and marks twenty rows
// by their primary key.
func BenchmarkClaim(b *testing.B) {
	eachBench(b, func(b *testing.B, o store.Options, s *store.Store) {
		const pending, recipients = 50_000, 2000
		var ms []ledger.Message
		for i := range pending {
			ms = append(ms, text(fmt.Sprint(i), fmt.Sprint("u", i%recipients), ledger.Priority(1+i%2)))
			if len(ms) == 5000 {
				post(b, s, ms...)
				ms = ms[:0]
			}
		}
		now := time.Now()
		b.Run("store", func(b *testing.B) {
			var settle time.Duration
			for b.Loop() {
				now = now.Add(time.Minute)
				claims, err := s.Claim(ctx, now, 20, time.Second)
				if err != nil || len(claims) != 20 {
					b.Fatal(len(claims), err)
				}
				b.StopTimer()
				from := time.Now()
				done := make(chan error)
				for _, c := range claims { // put back, so that 50,000 stay pending
					go func() { done <- s.Retry(ctx, c, now, "bench") }()
				}
				for range claims {
					if err := <-done; err != nil {
						b.Error(err)
					}
				}
				settle += time.Since(from)
				b.StartTimer()
			}
			b.ReportMetric(float64(settle.Microseconds())/float64(b.N), "settle-µs")
		})
		plain := bare(b, o)
		b.Run("bare", func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				var statements []any
				for i := range 20 {
					statements = append(statements, []any{"UPDATE outbox SET attempts = attempts + 1 WHERE id = ?", (20*n+i)%pending + 1})
				}
				plain(statements...)
			}
		})
	})
}

func BenchmarkSaveBook(b *testing.B) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		b.Run(driver, func(b *testing.B) {
			book := large(50_000)
			for b.Loop() {
				b.StopTimer()
				s := storetest.Open(b, driver)
				b.StartTimer()
				if _, err := s.SaveBook(ctx, ledger.Edit{Book: book, By: ledger.ByImport, Today: today}); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				from := time.Now()
				sum, err := s.SaveBook(ctx, ledger.Edit{Book: book, By: ledger.ByImport, Today: today})
				if err != nil || !sum.Empty() {
					b.Fatal(sum, err)
				}
				b.ReportMetric(time.Since(from).Seconds(), "again-s")
				from = time.Now()
				if _, err := s.Roster(ctx); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(time.Since(from).Seconds(), "roster-s")
				b.StartTimer()
			}
		})
	}
}

func BenchmarkEntries(b *testing.B) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		b.Run(driver, func(b *testing.B) {
			s := storetest.Open(b, driver)
			var es []ledger.Entry
			var ids []string
			for i := range 20_000 {
				es = append(es, visit(i/2000, fmt.Sprintf("e%d", i%2000), today.Add(-i/2000*10)))
			}
			require.NoError(b, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: es}}))
			for i := range 40 {
				ids = append(ids, fmt.Sprintf("e%d", i*40))
			}
			for b.Loop() {
				if got, err := s.Entries(ctx, ids, today.Add(-45)); err != nil || len(got) != 200 {
					b.Fatal(len(got), err)
				}
			}
		})
	}
}
