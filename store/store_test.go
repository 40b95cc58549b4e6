package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/glebarez/go-sqlite"
	_ "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/schema"

	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

var ctx = context.Background()

// start is when all tests begin. People in these tests are invented.
var start = time.Date(2026, 3, 2, 1, 30, 0, 0, time.UTC)

// eachOptions is storetest.Each for tests that open the database more than once.
func eachOptions(t *testing.T, f func(t *testing.T, o store.Options)) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) { f(t, storetest.DSN(t, driver)) })
	}
}

func opened(t testing.TB, o store.Options) *store.Store {
	s := storetest.OpenWith(t, o)
	require.NoError(t, s.Migrate(ctx))
	return s
}

// raw is the database without the store.
func raw(t testing.TB, o store.Options) *sql.DB {
	db, err := sql.Open(o.Driver, o.DSN)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

func TestOpenRefusesWhatItCannotUse(t *testing.T) {
	for name, o := range map[string]store.Options{
		"driver":   {Driver: "oracle", DSN: "x"},
		"memory":   {Driver: store.SQLite, DSN: ":memory:"},
		"empty":    {Driver: store.SQLite},
		"question": {Driver: store.SQLite, DSN: "a?b"},
		"folder":   {Driver: store.SQLite, DSN: filepath.Join(t.TempDir(), "none", "x.db")},
		"dsn":      {Driver: store.MySQL, DSN: "root:geheim@nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(ctx, o)
			require.Error(t, err)
			assert.Nil(t, s)
			assert.NotContains(t, err.Error(), "geheim")
		})
	}
	t.Run("unreachable", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, l.Close())
		_, err = store.Open(ctx, store.Options{Driver: store.MySQL, DSN: fmt.Sprintf("root:geheim@tcp(%s)/x", l.Addr())})
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "geheim")
	})
}

func TestMigrate(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		s := storetest.OpenWith(t, o)
		ok, err := s.Migrated(ctx)
		require.NoError(t, err)
		assert.False(t, ok, "an empty database is not migrated")
		require.Error(t, s.Receive(ctx, store.Inbound{Key: "k", User: "u"}))

		var wg sync.WaitGroup
		for range 4 {
			other := storetest.OpenWith(t, o)
			wg.Go(func() { assert.NoError(t, other.Migrate(ctx)) })
		}
		wg.Wait()
		require.NoError(t, s.Migrate(ctx), "a second time")
		ok, err = s.Migrated(ctx)
		require.NoError(t, err)
		assert.True(t, ok)
		require.NoError(t, s.Receive(ctx, store.Inbound{Key: "k", User: "u"}))

		_, err = raw(t, o).Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
		require.NoError(t, err)
		_, err = s.Migrated(ctx)
		require.ErrorIs(t, err, store.ErrNewer)
		require.ErrorIs(t, s.Migrate(ctx), store.ErrNewer)
	})
}

// A migration that broke off after its first tables is finished by the next start.
func TestMigrateAgainAfterBreakingOff(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		s := opened(t, o)
		db := raw(t, o)
		broken := []string{"DROP TABLE lanes", "DROP TABLE versions", "DELETE FROM goose_db_version WHERE version_id >= 2"}
		if o.Driver == store.SQLite { // there a step is a transaction: nothing of the later ones is there
			broken = append(broken, "DROP TABLE amendments", "DROP TABLE reviews", "DROP INDEX idx_entries_user_entered", "DROP INDEX idx_entries_entered_at",
				"DROP INDEX idx_photos_compared", "DROP INDEX idx_entries_counted", "DROP INDEX outbox_word", "DROP TRIGGER guard_consents_update_for")
			for _, c := range []string{"entries.pressure", "entries.company", "entries.late", "entries.version", "entries.whom", "entries.looked", "photos.kind", "photos.look", "photos.compared",
				"outbox.of_", "outbox.word", "outbox.show_", "kins.seen", "kins.back", "kins.dead", "consents.whom", "consents.proof"} {
				broken = append(broken, "ALTER TABLE "+strings.Replace(c, ".", " DROP COLUMN ", 1))
			}
		}
		for _, q := range broken {
			_, err := db.Exec(q)
			require.NoError(t, err)
		}
		ok, err := s.Migrated(ctx)
		require.NoError(t, err)
		assert.False(t, ok)
		require.NoError(t, s.Migrate(ctx))
		_, err = s.Roster(ctx)
		require.NoError(t, err)
	})
}

func TestEveryLedgerFieldHasItsColumn(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		opened(t, o)
		db := raw(t, o)
		for _, x := range []any{ledger.Region{}, ledger.Person{}, ledger.Post{}, ledger.Elder{}, ledger.Assignment{}, ledger.Tiering{},
			ledger.Kin{}, ledger.Pair{}, ledger.Standing{}, ledger.Leave{}, ledger.Round{}, ledger.Follow{}, ledger.Bond{}, ledger.Leaflet{}, ledger.Word{}, ledger.Try{},
			ledger.Consent{}, ledger.Notice{}, ledger.Case{}, ledger.Event{}, ledger.Entry{}, ledger.Finding{}, ledger.Fact{}, ledger.Photo{}} {
			sch, err := schema.Parse(x, &sync.Map{}, schema.NamingStrategy{})
			require.NoError(t, err)
			if named := map[string]string{"events": "case_events", "tries": "word_tries"}[sch.Table]; named != "" {
				sch.Table = named
			}
			rows, err := db.Query("SELECT * FROM " + sch.Table + " WHERE 1 = 0")
			require.NoError(t, err)
			columns, err := rows.Columns()
			require.NoError(t, err)
			require.NoError(t, rows.Close())
			assert.ElementsMatch(t, sch.DBNames, columns, sch.Table)
			if o.Driver != store.MySQL {
				continue
			}
			for _, f := range sch.Fields {
				if f.DataType != schema.String || f.Size == 0 {
					continue
				}
				var size int
				err := db.QueryRow("SELECT character_maximum_length FROM information_schema.columns WHERE table_schema = DATABASE()"+
					" AND table_name = ? AND column_name = ?", sch.Table, f.DBName).Scan(&size)
				require.NoError(t, err)
				assert.Equal(t, f.Size, size, "%s.%s", sch.Table, f.DBName)
			}
		}
	})
}

func TestPingAndClose(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		s, err := store.Open(ctx, o)
		require.NoError(t, err)
		require.NoError(t, s.Migrate(ctx))
		require.NoError(t, s.Ping(ctx))
		require.NoError(t, s.Close())
		require.NoError(t, s.Close())
		require.Error(t, s.Ping(ctx))
		require.ErrorIs(t, s.Receive(ctx, store.Inbound{Key: "k", User: "u"}), store.ErrClosed)
	})
}

// What is accepted before Close is durable after it, what comes later is refused, nothing hangs.
func TestCloseInTheMiddle(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		opened(t, o)
		o.FlushDelay = 2 * time.Millisecond
		s, err := store.Open(ctx, o)
		require.NoError(t, err)
		var mu sync.Mutex
		var kept []string
		var wg sync.WaitGroup
		for g := range 16 {
			wg.Go(func() {
				for i := 0; ; i++ {
					key := fmt.Sprintf("%d-%d", g, i)
					if err := s.Receive(ctx, store.Inbound{Key: key, User: "u"}); err != nil {
						assert.ErrorIs(t, err, store.ErrClosed)
						return
					}
					mu.Lock()
					kept = append(kept, key)
					mu.Unlock()
				}
			})
		}
		require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(kept) > 64 }, 10*time.Second, time.Millisecond)
		require.NoError(t, s.Close())
		wg.Wait()
		in, err := storetest.OpenWith(t, o).Pending(ctx, "u", 1<<20)
		require.NoError(t, err)
		var found []string
		for _, x := range in {
			found = append(found, x.Key)
		}
		assert.ElementsMatch(t, kept, found)
	})
}

func text(key, to string, p ledger.Priority) ledger.Message {
	return ledger.Message{Key: key, To: to, Priority: p, Call: ledger.CallSend, Body: []byte("body of " + key)}
}

func post(t testing.TB, s *store.Store, ms ...ledger.Message) {
	t.Helper()
	require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Messages: ms}}))
}

func keys(claims []store.Claim) string {
	var out []string
	for _, c := range claims {
		out = append(out, c.Message.Key)
	}
	return strings.Join(out, " ")
}
