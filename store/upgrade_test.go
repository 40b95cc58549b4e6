package store_test

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sqldriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// past is what version 0.1, the program as it stood before anything was sealed, read from its own database through its own
// store. testdata holds that with both databases as it left them: a sample county whose people are invented, with a visit's
// findings and facts, photos in every state, a dialogue in the middle of a form, and messages in every state. They are made
// once and never again: what a new program writes proves nothing about what an old one left.
type past struct {
	Book struct {
		Regions     []ledger.Region
		People      []ledger.Person
		Posts       []ledger.Post
		Elders      []ledger.Elder
		Assignments []ledger.Assignment
		Tierings    []ledger.Tiering
		Kin         []ledger.Kin
		Pairs       []ledger.Pair
		Resets      []ledger.Reset
	}
	Entries       []ledger.Entry
	Findings      []ledger.Finding
	Facts         []ledger.Fact
	Photos        []ledger.Photo
	Conversations map[string]store.Conversation
	Pending       map[string][]store.Inbound
	Outbox        []store.OutboxRow
}

func fixture(t testing.TB, name string) io.Reader {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	return z
}

// left is a database as version 0.1 left it.
func left(t testing.TB, driver string) store.Options {
	t.Helper()
	o := storetest.DSN(t, driver)
	o.Now = func() time.Time { return start.Add(10 * time.Minute) }
	if driver == storetest.SQLite {
		f, err := os.Create(o.DSN)
		require.NoError(t, err)
		_, err = io.Copy(f, fixture(t, "v0.1.sqlite.gz"))
		require.NoError(t, err)
		require.NoError(t, f.Close())
		return o
	}
	dump, err := io.ReadAll(fixture(t, "v0.1.mariadb.sql.gz"))
	require.NoError(t, err)
	c, err := sqldriver.ParseDSN(o.DSN)
	require.NoError(t, err)
	c.MultiStatements = true
	db, err := sql.Open("mysql", c.FormatDSN())
	require.NoError(t, err)
	defer db.Close()
	_, err = db.Exec(string(dump))
	require.NoError(t, err)
	return o
}

// TestUpgradeFrom01: after an update every value reads as it did before, and updating again changes nothing.
func TestUpgradeFrom01(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			o := left(t, driver)
			var was past
			lines := json.NewDecoder(fixture(t, "v0.1.json.gz"))
			lines.DisallowUnknownFields() // a field that was renamed must not be forgotten here
			require.NoError(t, lines.Decode(&was))
			require.Len(t, was.Book.Elders, 60)
			require.Len(t, was.Outbox, 6)

			s := storetest.OpenWith(t, o)
			ok, err := s.Migrated(ctx)
			require.NoError(t, err)
			require.False(t, ok)
			require.NoError(t, s.Migrate(ctx))
			reads(t, s, was)
			assert.Equal(t, was.Outbox, outboxOf(t, s))
			before := contents(t, o)
			for table, rows := range before {
				for _, secret := range []string{was.Book.Elders[0].IDNumber, was.Book.Elders[0].Phone, "灯泡坏了", "13900000888", "老人摔倒"} {
					assert.False(t, strings.Contains(strings.Join(rows, "\n"), secret), "%s still says %s", table, secret)
				}
			}
			require.NoError(t, s.Migrate(ctx))
			require.NoError(t, s.Close())
			again := opened(t, o)
			reads(t, again, was)
			assert.Equal(t, was.Outbox, outboxOf(t, again))
			assert.Equal(t, before, contents(t, o), "nothing changes any more")

			// Work goes on where it was left: a redelivery is known, and the dialogue stands where it stood.
			require.ErrorIs(t, again.Receive(ctx, store.Inbound{Key: "m1", User: "wangfang", At: start}), store.ErrDuplicate)
			require.NoError(t, again.Commit(ctx, store.Turn{User: "wangfang", Revision: 2, Inbound: []int64{was.Pending["wangfang"][0].ID}, State: []byte("on")}))
			got, err := again.Claim(ctx, o.Now(), 1, time.Minute)
			require.NoError(t, err)
			require.Len(t, got, 1)
			assert.Equal(t, "alarm/1", got[0].Message.Key)
			assert.Equal(t, `{"touser":"lixia","msgtype":"text","text":{"content":"紧急:老人摔倒"}}`, string(got[0].Message.Body))
			assert.Equal(t, "记下了", got[0].Message.Fallback)
		})
	}
}

// reads compares what the store says with what version 0.1 said.
func reads(t *testing.T, s *store.Store, was past) {
	t.Helper()
	book, err := s.Book(ctx)
	require.NoError(t, err)
	assert.Equal(t, was.Book.Regions, book.Regions)
	assert.Equal(t, was.Book.People, book.People)
	assert.Equal(t, was.Book.Posts, book.Posts)
	assert.Equal(t, was.Book.Elders, book.Elders)
	assert.Equal(t, was.Book.Assignments, book.Assignments)
	assert.Equal(t, was.Book.Tierings, book.Tierings)
	assert.Equal(t, was.Book.Kin, book.Kin)
	assert.Equal(t, was.Book.Pairs, book.Pairs)
	var ids []string
	for _, e := range was.Book.Elders {
		ids = append(ids, e.ID)
	}
	entries, err := s.Entries(ctx, ids, "2000-01-01")
	require.NoError(t, err)
	assert.Equal(t, was.Entries, entries)
	findings, err := s.Findings(ctx, ids)
	require.NoError(t, err)
	assert.Equal(t, was.Findings, findings)
	facts, err := s.Facts(ctx, ids)
	require.NoError(t, err)
	assert.Equal(t, was.Facts, facts)
	photos, err := s.PhotosOf(ctx, []string{"m1/visit", ""})
	require.NoError(t, err)
	assert.Equal(t, was.Photos, photos)
	for user, want := range was.Conversations {
		c, err := s.Conversation(ctx, user)
		require.NoError(t, err)
		assert.Equal(t, want, c)
		in, err := s.Pending(ctx, user, 100)
		require.NoError(t, err)
		assert.Equal(t, was.Pending[user], in)
	}
}

func outboxOf(t testing.TB, s *store.Store) []store.OutboxRow {
	t.Helper()
	rows, err := s.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateWaiting, store.StateSent, store.StateDead,
		store.StateExpired, store.StateDropped}})
	require.NoError(t, err)
	return rows
}

// TestRestoreOfOlder: a backup made before an update is restored as it was and then updated, on either database.
func TestRestoreOfOlder(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		for _, to := range []string{storetest.SQLite, storetest.MariaDB} {
			t.Run(driver+" to "+to, func(t *testing.T) {
				var was past
				require.NoError(t, json.NewDecoder(fixture(t, "v0.1.json.gz")).Decode(&was))
				archive, m := backup(t, storetest.OpenWith(t, left(t, driver)), album("one"))
				assert.EqualValues(t, 2, m.Schema)
				assert.EqualValues(t, 1, m.Photos.Count)

				o := storetest.DSN(t, to)
				o.Now = func() time.Time { return start.Add(time.Hour) }
				s, photos := storetest.OpenWith(t, o), filepath.Join(t.TempDir(), "photos")
				done, err := s.Restore(ctx, bytes.NewReader(archive), photos)
				require.NoError(t, err)
				assert.Equal(t, 3, done.Held)
				ok, err := s.Migrated(ctx)
				require.NoError(t, err)
				assert.True(t, ok)
				require.NoError(t, s.Guarded(ctx))
				reads(t, s, was)
				for i, row := range outboxOf(t, s) {
					want := was.Outbox[i]
					if want.State == store.StateWaiting {
						want.State, want.Reason, want.DoneAt = store.StateDead, row.Reason, start.Add(time.Hour)
						assert.Contains(t, row.Reason, "restored from a backup")
					}
					assert.Equal(t, want, row)
				}
			})
		}
	}
}

// The fixtures hold what the test is about: a fixture without it would prove nothing.
func TestUpgradeFixtureHoldsIt(t *testing.T) {
	dump, err := io.ReadAll(fixture(t, "v0.1.mariadb.sql.gz"))
	require.NoError(t, err)
	file, err := io.ReadAll(fixture(t, "v0.1.sqlite.gz"))
	require.NoError(t, err)
	for _, what := range []string{"139000", "灯泡坏了", "m1/visit/phone", "月巡访/A04/2026-03/-7", "no turn digests it", "MSG-m1/r"} {
		assert.True(t, strings.Contains(string(dump), what), what)
		assert.True(t, strings.Contains(string(file), what), what)
	}
}
