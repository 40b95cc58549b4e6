package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// How large the county of BenchmarkOwing is. The full measure is a million elders of 25,000 visitors and 24 monthly visits each;
// the default is three, the quarter that counts, since 24 million rows take most of an hour to build. What lies before the
// quarter is passed over in the index either way.
const (
	envElders = "XUNFANG_BENCH_ELDERS" // 1,000,000
	envVisits = "XUNFANG_BENCH_VISITS" // 3, for each elder
)

func sized(b *testing.B, name string, size int) int {
	if v := os.Getenv(name); v != "" {
		n, err := strconv.Atoi(v)
		require.NoError(b, err)
		return n
	}
	return size
}

// The quarter that is owed, and its days as SQL makes them: month 0 is its last.
const (
	quarterFrom = ledger.Day("2026-01-01")
	quarterDue  = ledger.Day("2026-03-31")
)

func monthOf(month int) string {
	return time.Date(2026, 3-time.Month(month), 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
}

// million builds the county with the statements of its database: the elders, and each month's visits. Every thirtieth elder was not
// visited in the last month. Indexes that play no part are left out of the building and of the county.
func million(b *testing.B, db *sql.DB, driver string, elders, visits int) {
	run := func(q string) {
		_, err := db.Exec(q)
		require.NoError(b, err)
	}
	padded, day := "printf('e%07d', i)", "printf('%s-%%02d', 1 + i %% 28)"
	from := fmt.Sprintf("(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n)", elders-1)
	user := "printf('u%05d', i / 40)"
	if driver == storetest.MariaDB {
		padded, user, day = "CONCAT('e', LPAD(i, 7, '0'))", "CONCAT('u', LPAD(i DIV 40, 5, '0'))", "CONCAT('%s-', LPAD(1 + i %% 28, 2, '0'))"
		from = fmt.Sprintf("(SELECT seq AS i FROM seq_0_to_%d) n", elders-1)
		run("ALTER TABLE entries DROP KEY idx_entries_no, DROP KEY idx_entries_counted, DROP KEY idx_entries_user_day, DROP KEY idx_entries_user_entered, DROP KEY idx_entries_entered_at")
	} else {
		for _, index := range []string{"no", "counted", "user_day", "user_entered", "entered_at"} {
			run("DROP INDEX idx_entries_" + index)
		}
	}
	run("INSERT INTO elders (id, name, region, id_number, phone, address, lon, lat, health, income, care, hardship)" +
		" SELECT " + padded + ", '赵测试', 'v', '', '', '', '', '', '', '', '', '' FROM " + from)
	for m := visits - 1; m >= 0; m-- {
		where := ""
		if m == 0 {
			where = " WHERE i % 30 <> 0"
		}
		run("INSERT INTO entries (`key`, no, kind, elder_id, user_id, day, method, outcome, note, waiver, pressure, company, late, whom, entered_at) SELECT " +
			fmt.Sprintf("%[1]s, %[1]s", concat(driver, fmt.Sprintf("'%02d'", visits-m), padded)) + ", 'visit', " + padded + ", " + user + ", " + fmt.Sprintf(day, monthOf(m)) +
			", 'door', 'ok', '', '', '', '', '', '', '2026-03-02 01:30:00' FROM " + from + where)
	}
	counted := "elder_id, day, kind, user_id, method, outcome, looked"
	if driver == storetest.MariaDB {
		run("ALTER TABLE entries ADD KEY idx_entries_counted (" + counted + ")")
		run("ANALYZE TABLE entries, elders")
	} else {
		run("CREATE INDEX idx_entries_counted ON entries (" + counted + ", `key`)")
		run("ANALYZE")
	}
}

func concat(driver, a, b string) string {
	if driver == storetest.MariaDB {
		return "CONCAT(" + a + ", " + b + ")"
	}
	return a + " || " + b
}

// BenchmarkOwing is who owes what today in a county of a million elders, and making all of it anew from the records; each beside
// its floor, taken in turns with it: an index's scan for what is due on that day, and reading the records that count.
func BenchmarkOwing(b *testing.B) {
	elders, visits := sized(b, envElders, 1_000_000), sized(b, envVisits, 3)
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		b.Run(driver, func(b *testing.B) {
			o := storetest.DSN(b, driver)
			s := opened(b, o)
			db := raw(b, o)
			from := time.Now()
			million(b, db, driver, elders, visits)
			built := time.Since(from)
			peak := uint64(0)
			calls := 0
			rule := func(id string, entries []ledger.Entry) []ledger.Owing {
				if calls++; calls%50_000 == 0 {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					peak = max(peak, m.HeapInuse)
				}
				x := ledger.Owing{ElderID: id, Duty: "月巡访", Kind: ledger.KindVisit, Period: "2026Q1", From: quarterFrom, Due: quarterDue, Need: 3, Region: "v", State: ledger.DutyDone}
				last := ledger.Day("")
				for _, e := range entries {
					if e.Outcome.Met() && e.Day != last {
						x.Done, x.UserID, last = x.Done+1, e.UserID, e.Day
					}
				}
				if x.Done < x.Need {
					x.State = ledger.DutyReady
				}
				return []ledger.Owing{x}
			}
			from = time.Now()
			require.NoError(b, s.Reckon(ctx, quarterFrom, rule))
			first := time.Since(from)
			_, err := db.Exec("CREATE INDEX idx_owed_bare ON owed (due, state)")
			require.NoError(b, err)
			b.Run("who owes what today", func(b *testing.B) {
				owing := 0
				missing := 0
				beside(b, func() {
					rows, err := s.Owes(ctx)
					require.NoError(b, err)
					owing, missing = len(rows), 0
					for _, x := range rows {
						missing += x.Missing
					}
				}, func() {
					n := rowsOf(b, db, 1, "SELECT elder_id FROM owed WHERE due = ? AND state = 'ready'", string(quarterDue))
					require.Equal(b, missing, n)
				})
				b.ReportMetric(float64(owing), "people")
				b.ReportMetric(float64(missing), "elders")
			})
			b.Run("reckoned anew", func(b *testing.B) {
				peak = 0
				records := 0
				beside(b, func() { require.NoError(b, s.Reckon(ctx, quarterFrom, rule)) }, func() {
					records = rowsOf(b, db, 8, "SELECT `key`, kind, elder_id, user_id, day, method, outcome, looked FROM entries WHERE day >= ? AND outcome <> 'undone'"+
						" ORDER BY elder_id, day", string(quarterFrom))
				})
				b.ReportMetric(float64(records), "records")
				b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
				b.ReportMetric(built.Seconds(), "built-s")
				b.ReportMetric(first.Seconds(), "first-s")
			})
		})
	}
}

// beside runs work and its floor in turns and reports the medians and their ratio.
func beside(b *testing.B, work, floor func()) {
	var took, bare []time.Duration
	work() // both find the database warm
	floor()
	for b.Loop() {
		from := time.Now()
		work()
		took = append(took, time.Since(from))
		from = time.Now()
		floor()
		bare = append(bare, time.Since(from))
	}
	slices.Sort(took)
	slices.Sort(bare)
	w, f := took[len(took)/2], bare[len(bare)/2]
	b.ReportMetric(float64(w.Microseconds())/1000, "ms")
	b.ReportMetric(float64(f.Microseconds())/1000, "bare-ms")
	b.ReportMetric(w.Seconds()/f.Seconds(), "ratio")
}

// rowsOf reads all rows of a query as texts.
func rowsOf(b *testing.B, db *sql.DB, columns int, q string, args ...any) (n int) {
	rows, err := db.Query(q, args...)
	require.NoError(b, err)
	defer rows.Close()
	texts, dest := make([]string, columns), make([]any, columns)
	for i := range dest {
		dest[i] = &texts[i]
	}
	for rows.Next() {
		require.NoError(b, rows.Scan(dest...))
		n++
	}
	require.NoError(b, rows.Err())
	return n
}

// BenchmarkCommitOwing is a turn that records a visit, without and with what is owed for the elder.
func BenchmarkCommitOwing(b *testing.B) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		for _, keeps := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/owing=%v", driver, keeps), func(b *testing.B) {
				s := storetest.Open(b, driver)
				callers(b, func(b *testing.B, n int64) {
					id, user := fmt.Sprint("e", n%20_000), fmt.Sprint("u", n%500)
					turn := store.Turn{Changes: ledger.Changes{Entries: []ledger.Entry{visit(int(n), id, today)},
						Messages: []ledger.Message{text(fmt.Sprint("r", n), user, ledger.PriorityReply)}}}
					if keeps {
						turn.Changes.Owing = []ledger.OwingSet{just(monthly(id, user, int(n/20_000)%2))}
					}
					if err := s.Commit(ctx, turn); err != nil {
						b.Error(err)
					}
				})
			})
		}
	}
}
