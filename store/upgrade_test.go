package store_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sqldriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"xunfang/ledger"
	"xunfang/seal"
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

// left is a database as an older version left it.
func left(t testing.TB, version, driver string) store.Options {
	t.Helper()
	o := storetest.DSN(t, driver)
	o.Now = func() time.Time { return start.Add(10 * time.Minute) }
	if driver == storetest.SQLite {
		f, err := os.Create(o.DSN)
		require.NoError(t, err)
		_, err = io.Copy(f, fixture(t, version+".sqlite.gz"))
		require.NoError(t, err)
		require.NoError(t, f.Close())
		return o
	}
	dump, err := io.ReadAll(fixture(t, version+".mariadb.sql.gz"))
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
			o := left(t, "v0.1", driver)
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
	assert.Equal(t, firstVersions(was.Entries), entries)
	findings, err := s.Findings(ctx, ids)
	require.NoError(t, err)
	assert.Equal(t, was.Findings, findings)
	facts, err := s.Facts(ctx, ids)
	require.NoError(t, err)
	assert.Equal(t, was.Facts, facts)
	photos, err := s.PhotosOf(ctx, []string{"m1/visit", ""})
	require.NoError(t, err)
	assert.Equal(t, notCompared(was.Photos), photos)
	for user, want := range was.Conversations {
		c, err := s.Conversation(ctx, user)
		require.NoError(t, err)
		assert.Equal(t, want, c)
		in, err := s.Pending(ctx, user, 100)
		require.NoError(t, err)
		assert.Equal(t, was.Pending[user], in)
	}
}

// firstVersions are records of a program that knew of one version only.
func firstVersions(was []ledger.Entry) []ledger.Entry {
	out := slices.Clone(was)
	for i := range out {
		out[i].Version = 1
	}
	return out
}

// notCompared are photos of a program that did not know what they look like: only what is still to be fetched can be compared.
func notCompared(was []ledger.Photo) []ledger.Photo {
	out := slices.Clone(was)
	for i := range out {
		out[i].Compared = out[i].State != ledger.PhotoWanted
	}
	return out
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
				archive, m := backup(t, storetest.OpenWith(t, left(t, "v0.1", driver)), album("one"))
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

// sealedPast is what the version before records could be amended read from its own database, which lies sealed: with proposals,
// a history, who looked, who agreed. Its keys seal these invented people alone.
type sealedPast struct {
	Keys          string
	Book          ledger.Book
	Entries       []ledger.Entry
	Findings      []ledger.Finding
	Facts         []ledger.Fact
	Photos        []ledger.Photo
	Proposals     []ledger.Proposal
	History       []ledger.Step
	Looks         []ledger.Look
	Consents      []ledger.Consent
	Conversations map[string]store.Conversation
	Pending       map[string][]store.Inbound
	Outbox        []store.OutboxRow
}

// sealedLeft is that database.
func sealedLeft(t testing.TB, driver string) (o store.Options, was sealedPast) {
	t.Helper()
	lines := json.NewDecoder(fixture(t, "v0.2.json.gz"))
	lines.DisallowUnknownFields()
	require.NoError(t, lines.Decode(&was))
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(was.Keys), 0o600))
	o = left(t, "v0.2", driver)
	o.Keys = func(bool) (*seal.Ring, error) { return seal.Load(file) }
	return o, was
}

// readsSealed compares what the store says now with what that version said.
func readsSealed(t *testing.T, s *store.Store, was sealedPast) {
	t.Helper()
	is := sealedPast{Keys: was.Keys, Conversations: map[string]store.Conversation{}, Pending: map[string][]store.Inbound{}}
	var errs []error
	failed := func(err error) { errs = append(errs, err) }
	var err error
	is.Book, err = s.Book(ctx)
	failed(err)
	var ids []string
	for _, e := range is.Book.Elders {
		ids = append(ids, e.ID)
	}
	is.Entries, err = s.Entries(ctx, ids, "")
	failed(err)
	is.Findings, err = s.Findings(ctx, ids)
	failed(err)
	is.Facts, err = s.Facts(ctx, ids)
	failed(err)
	is.Photos, err = s.PhotosOf(ctx, []string{was.Findings[0].EntryKey, ""})
	failed(err)
	is.Proposals, err = s.Proposals(ctx)
	failed(err)
	is.History, err = s.History(ctx, "A02", 100)
	failed(err)
	is.Looks, err = s.Looks(ctx, "A01", nil, 0)
	failed(err)
	is.Consents = inOrderOfActs(actsOf(t, s, ids...))
	for user := range was.Conversations {
		is.Conversations[user], err = s.Conversation(ctx, user)
		failed(err)
		is.Pending[user], err = s.Pending(ctx, user, 100)
		failed(err)
	}
	is.Outbox = outboxOf(t, s)
	require.NoError(t, errors.Join(errs...))
	was.Entries, was.Photos = firstVersions(was.Entries), notCompared(was.Photos)
	text := func(x sealedPast) string { // JSON does not tell an empty list from none
		b, err := json.MarshalIndent(x, "", " ")
		require.NoError(t, err)
		return strings.ReplaceAll(string(b), "[]", "null")
	}
	assert.Equal(t, text(was), text(is))
}

// inOrderOfActs are acts of several elders in the order in which they were taken down.
func inOrderOfActs(acts []ledger.Consent) []ledger.Consent {
	slices.SortFunc(acts, func(a, b ledger.Consent) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Key, b.Key)) })
	return acts
}

// TestUpgradeFrom02: after an update every value reads as it did, nothing was sealed anew, and what is new works.
func TestUpgradeFrom02(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			o, was := sealedLeft(t, driver)
			require.Len(t, was.Book.Elders, 60)
			require.NotEmpty(t, was.Proposals)
			old := contents(t, o)
			s := storetest.OpenWith(t, o)
			ok, err := s.Migrated(ctx)
			require.NoError(t, err)
			require.False(t, ok)
			var wg sync.WaitGroup
			for range 3 { // several processes are updated at once
				other := storetest.OpenWith(t, o)
				wg.Go(func() { assert.NoError(t, other.Migrate(ctx)) })
			}
			wg.Wait()
			require.NoError(t, s.Guarded(ctx))
			readsSealed(t, s, was)
			before := contents(t, o)
			for table, rows := range old {
				if table == "versions" {
					assert.Subset(t, before[table], rows, table)
				} else if !slices.Contains([]string{"entries", "photos", "outbox", "kins", "consents"}, table) { // they have new columns
					assert.Equal(t, rows, before[table], table)
				}
			}
			require.NoError(t, s.Migrate(ctx))
			assert.Equal(t, before, contents(t, o), "nothing changes any more")
			uncompared, err := s.Uncompared(ctx, 10)
			require.NoError(t, err)
			assert.Empty(t, uncompared)

			e := firstVersions(was.Entries)[0]
			now := e
			now.Outcome, now.Version = ledger.OutcomeUndone, 2
			require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Amended: []ledger.Amendment{{Key: "a1", Was: e, Now: now, By: "zhang", At: start}}}}))
			r, err := s.Record(ctx, e.Key)
			require.NoError(t, err)
			assert.Equal(t, now, r.Entry)
			_, err = s.Reseal(ctx)
			require.NoError(t, err)
		})
	}
}

// A migration that broke off in the middle, where the database keeps each step at once, is finished by the next start.
func TestUpgradeFrom02BrokenOff(t *testing.T) {
	o, was := sealedLeft(t, storetest.MariaDB)
	s := opened(t, o)
	db := raw(t, o)
	for _, q := range []string{"DROP TABLE reviews", "DROP TABLE amendments", "ALTER TABLE photos DROP COLUMN kind, DROP COLUMN look, DROP COLUMN compared, DROP KEY idx_photos_compared",
		"DROP TABLE packs", "DROP TABLE owed", "DROP TABLE case_events", "ALTER TABLE outbox DROP COLUMN of_", "DROP TABLE word_tries",
		"DROP TABLE kin_lines", "ALTER TABLE kins DROP COLUMN seen, DROP COLUMN back, DROP COLUMN dead", "DELETE FROM versions WHERE name = 'alarms'",
		"DELETE FROM goose_db_version WHERE version_id >= 4"} {
		_, err := db.Exec(q)
		require.NoError(t, err)
	}
	require.NoError(t, s.Migrate(ctx))
	require.NoError(t, s.Guarded(ctx))
	readsSealed(t, s, was)
}

// A backup of that version is restored on either database. Messages that waited are held back, as ever.
func TestRestoreOf02(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		for _, to := range []string{storetest.SQLite, storetest.MariaDB} {
			t.Run(driver+" to "+to, func(t *testing.T) {
				o, was := sealedLeft(t, driver)
				archive, m := backup(t, storetest.OpenWith(t, o), album("one", "two"))
				assert.EqualValues(t, 3, m.Schema)
				into := storetest.DSN(t, to)
				into.Keys = o.Keys
				s := storetest.OpenWith(t, into)
				_, err := s.Restore(ctx, bytes.NewReader(archive), filepath.Join(t.TempDir(), "photos"))
				require.NoError(t, err)
				ok, err := s.Migrated(ctx)
				require.NoError(t, err)
				assert.True(t, ok)
				require.NoError(t, s.Guarded(ctx))
				readsSealed(t, s, was)
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
