package store_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/seal"
	"xunfang/store"
	"xunfang/store/storetest"
)

// held are the keys of every database here: what one sealed another can open.
var held = storetest.Keys()

// machine is a fresh empty database with those keys.
func machine(t testing.TB, driver string) store.Options {
	t.Helper()
	o := storetest.DSN(t, driver)
	o.Keys = held
	return o
}

// contents are a database's rows, read without the store, alike from both kinds: by table, sorted, goose's own aside.
func contents(t testing.TB, o store.Options) map[string][]string {
	t.Helper()
	db := raw(t, o)
	defer db.Close()
	list := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if o.Driver == store.MySQL {
		list = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
	}
	out := map[string][]string{}
	for _, table := range strings.Fields(strings.Join(texts(t, db, list), " ")) {
		if table == "goose_db_version" || strings.HasPrefix(table, "sqlite_") {
			continue
		}
		rows, err := db.Query("SELECT * FROM `" + table + "`")
		require.NoError(t, err)
		names, err := rows.Columns()
		require.NoError(t, err)
		require.NoError(t, rows.Close())
		slices.Sort(names)
		// A driver may read an empty BLOB as NULL.
		var picks []string
		for _, n := range names {
			picks = append(picks, "`"+n+"`", "`"+n+"` IS NULL")
		}
		out[table] = texts(t, db, "SELECT "+strings.Join(picks, ", ")+" FROM `"+table+"`")
		slices.Sort(out[table])
	}
	return out
}

func texts(t testing.TB, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.Query(query)
	require.NoError(t, err)
	defer rows.Close()
	names, err := rows.Columns()
	require.NoError(t, err)
	out := []string{}
	for rows.Next() {
		row, to := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			to[i] = &row[i]
		}
		require.NoError(t, rows.Scan(to...))
		var words []string
		for _, v := range row {
			switch v := v.(type) {
			case []byte:
				words = append(words, string(v))
			case time.Time:
				words = append(words, v.UTC().Format(time.DateTime))
			case nil:
				words = append(words, "")
			default:
				words = append(words, fmt.Sprint(v))
			}
		}
		out = append(out, strings.Join(words, "|"))
	}
	require.NoError(t, rows.Err())
	return out
}

// album is a folder of photos for hashes made of their names; the ending says nothing.
func album(names ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for i, n := range names {
		h := hashOf(n)
		files[h[:2]+"/"+h+[]string{".jpg", ".jpg.x1"}[i%2]] = &fstest.MapFile{Data: []byte("picture " + n)}
	}
	return files
}

func hashOf(name string) string {
	h := sha256.Sum256([]byte(name))
	return hex.EncodeToString(h[:])
}

// furnish fills a store with something of everything that its own calls can put there. Nothing waits but a photo that is
// to be fetched.
func furnish(t testing.TB, s *store.Store, c *clock) {
	t.Helper()
	b := papers.Sample("2026-03-02")
	b.Leaves = []ledger.Leave{{UserID: "wangfang", From: "2026-03-01", To: "2026-03-05", Deputy: "wuxia"}}
	b.Rounds = []ledger.Round{{Region: "640121", Name: "寒潮", From: "2026-03-01", To: "2026-03-05", Tier: ledger.TierKey, Door: "door"}}
	b.Follows = []ledger.Follow{{ElderID: "A01", From: "2026-03-02", To: "2026-03-09", No: "急260302-1"}}
	b.Bonds = []ledger.Bond{{ElderID: "A01", User: "kf:1", Kin: "赵大", State: ledger.BondVerified, Since: "2026-03-01", Why: "认识"}}
	b.Leaflets = []ledger.Leaflet{{ElderID: "A01", Handle: "h1", Issued: "2026-03-01", Given: "2026-03-02"}}
	_, err := s.SaveBook(ctx, ledger.Edit{Book: b, By: ledger.ByImport, Today: "2026-01-01"})
	require.NoError(t, err)
	require.NoError(t, s.KeepPack(ctx, "yongning", "2026-01-01", []byte("name: yongning\nduties: 'quoted' \"twice\"\n")))
	temp := -3
	e := visit(1, "A01", "2026-03-02")
	e.Note, e.RoomTemp = "灯泡坏了 😀 'quoted' \"twice\" \\ <&> \u2028\n\t完", &temp
	e.Whom, e.Looked = "赵大", true
	done := receive(t, s, "zhang", "m1")
	var messages []ledger.Message
	for i, what := range []string{"sent", "dead", "dropped", "expired"} {
		m := text(what, fmt.Sprintf("user%d", i), ledger.PriorityReply)
		m.Body = []byte{0, 1, 0xff, '\'', '\\', byte(i)}
		if what == "expired" {
			m.NotBefore, m.Expires = c.now().Add(time.Hour), c.now().Add(2*time.Hour)
		}
		messages = append(messages, m)
	}
	photo := func(key, name string) ledger.Photo {
		return ledger.Photo{Key: key, UserID: "zhang", EntryKey: e.Key, MediaID: "M" + key, State: ledger.PhotoStored,
			Hash: hashOf(name), Bytes: 9, At: start}
	}
	wanted := ledger.Photo{Key: "p0", UserID: "zhang", MediaID: "M0", State: ledger.PhotoWanted, At: start}
	require.NoError(t, s.Commit(ctx, store.Turn{User: "zhang", Inbound: []int64{done}, State: []byte(`{"form":"巡访","answers":{"elder":"A01"}}`),
		Changes: ledger.Changes{
			Entries: append(papers.SampleEntries("2026-03-02"), e),
			Findings: []ledger.Finding{{Key: e.Key + "/gas", EntryKey: e.Key, ElderID: "A01", Item: "gas", Note: "漏气",
				State: ledger.FindingReported, Owner: "li", At: start}},
			Facts: []ledger.Fact{{Key: e.Key + "/phone", EntryKey: e.Key, ElderID: "A01", Field: "phone", Result: "changed",
				Value: "139 0000 0999", By: "zhang", At: start}},
			Photos:   []ledger.Photo{photo("p1", "one"), photo("p2", "two"), photo("p3", "one"), wanted},
			Messages: messages,
			Notices:  []ledger.Notice{notice("月巡访/A01/2026-03/-9", "user0", "sent", today)},
			Owing:    []ledger.OwingSet{just(monthly("A01", "zhang", 0)), just(monthly("A02", "", 1))},
			Cases:    []ledger.CaseStep{raise("c1", 0)},
			Words:    []ledger.WordStep{tried(say("w1", "A01", "kf:1"), ledger.ChannelKf, ledger.TrySent, "w1/1")},
			Guesses:  []ledger.Guess{{Key: "g1", User: "kf:1", Handle: "h1", At: start}},
		}}))
	_, err = s.ReceiveKf(ctx, "wk1", "cursor-1", nil, []ledger.Line{kfLine("kf:1", start)})
	require.NoError(t, err)
	ok, err := s.ReserveKf(ctx, "kf:1", "w1/1", start)
	require.NoError(t, err)
	require.True(t, ok)
	amend := amended("a1", e, e.Note+",换了")
	amend.Changes.Messages = nil
	amend.Changes.Amended[0].Why = "写错了"
	amend.Changes.Reviews = []ledger.Review{{Key: "burst/zhang/1", Kind: ledger.ReviewBurst, UserID: "zhang", Day: today, Numbers: []string{e.No}, Facts: "x", At: start}}
	amend.Changes.Photos = []ledger.Photo{{Key: "v1", Kind: ledger.MediaVoice, UserID: "zhang", EntryKey: e.Key, MediaID: "Mv", State: ledger.PhotoLost, Look: "look", Compared: true, At: start}}
	require.NoError(t, s.Commit(ctx, amend))
	for _, cl := range claim(t, s, c, 10) {
		switch cl.Message.Key {
		case "sent":
			require.NoError(t, s.Sent(ctx, cl, store.Receipt{MsgID: "id", ResponseCode: "code"}))
		case "dead":
			require.NoError(t, s.Dead(ctx, cl, "81013 user not found"))
		case "dropped":
			require.NoError(t, s.Retry(ctx, cl, c.now().Add(time.Minute), "later"))
			require.NoError(t, s.Drop(ctx, cl.ID))
		}
	}
	c.add(3 * time.Hour)
	require.Empty(t, claim(t, s, c, 10)) // the expired one is marked
	post(t, s, ledger.Message{Key: "fetch", To: "zhang", Priority: ledger.PriorityReply, Call: ledger.CallFetch, Photo: "p0", MediaID: "M0"})
	require.NoError(t, s.Receive(ctx, store.Inbound{Key: "m2", User: "zhang", Raw: []byte("<xml>\x00\xff</xml>"), At: start}))
	buried := receive(t, s, "li", "m3")
	require.NoError(t, s.Bury(ctx, buried, "no turn digests it"))
}

// odd puts values where both databases take them: the largest numbers, nothing beside an empty thing, every byte.
func odd(t testing.TB, o store.Options) {
	t.Helper()
	db := raw(t, o)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, x := range []struct {
		query string
		args  []any
	}{
		{"INSERT INTO versions (name, n) VALUES (?, ?), (?, ?)", []any{"most", int64(math.MaxInt64), "least", int64(math.MinInt64)}},
		{"INSERT INTO lanes (lane, due_alarm, due_reply, due_reminder, recent) VALUES" +
			" ('s/empty', 1, 2, 3, ?), ('s/every', 1, 2, 3, ?), ('s/null', 1, 2, 3, NULL)", []any{[]byte{}, every}},
		{"UPDATE regions SET name = ? WHERE code = (SELECT code FROM (SELECT MIN(code) AS code FROM regions) AS x)", []any{"a'b\"c`d\\e\r\n\t😀\u2029é"}},
	} {
		_, err := db.Exec(x.query, x.args...)
		require.NoError(t, err, x.query)
	}
	require.NoError(t, db.Close())
}

func backup(t testing.TB, s *store.Store, photos fs.FS) ([]byte, store.Manifest) {
	t.Helper()
	var out bytes.Buffer
	m, err := s.Backup(ctx, &out, photos)
	require.NoError(t, err)
	return out.Bytes(), m
}

// empty is a machine with nothing on it.
func empty(t testing.TB, driver string) (o store.Options, s *store.Store, photos string) {
	t.Helper()
	o = machine(t, driver)
	o.Now = func() time.Time { return start.AddDate(0, 1, 0) }
	return o, storetest.OpenWith(t, o), filepath.Join(t.TempDir(), "photos")
}

// nothing says that a refusal left nothing behind.
func nothing(t testing.TB, o store.Options, photos string) {
	t.Helper()
	assert.Empty(t, contents(t, o))
	left, err := filepath.Glob(photos + "*")
	assert.NoError(t, err)
	assert.Empty(t, left)
}

// TestBackupRestores takes all from either database to either, values, ids and photos, and the restored ledger goes on.
func TestBackupRestores(t *testing.T) {
	for _, from := range []string{storetest.SQLite, storetest.MariaDB} {
		for _, to := range []string{storetest.SQLite, storetest.MariaDB} {
			t.Run(from+" to "+to, func(t *testing.T) {
				c := newClock()
				source := machine(t, from)
				source.Now = c.now
				s := opened(t, source)
				furnish(t, s, c)
				odd(t, source)
				photos := album("one", "two", "of nobody")
				photos["ab/.new-123"] = &fstest.MapFile{Data: []byte("half")}
				want := contents(t, source)
				archive, m := backup(t, s, photos)
				assert.Equal(t, want, contents(t, source), "a backup changes nothing")
				assert.EqualValues(t, 2, m.Photos.Count)
				assert.Zero(t, m.Missing)

				o, r, dir := empty(t, to)
				got, err := r.Restore(ctx, bytes.NewReader(archive), dir)
				require.NoError(t, err)
				assert.Equal(t, store.Restored{Manifest: m}, got)
				have := contents(t, o)
				for table := range want {
					assert.Equal(t, want[table], have[table], table)
				}
				assert.Len(t, have, len(want))
				for _, p := range m.Tables {
					assert.Len(t, want[p.Name], int(p.Count), p.Name)
				}
				delete(photos, "ab/.new-123")
				delete(photos, hashOf("of nobody")[:2]+"/"+hashOf("of nobody")+".jpg")
				assert.Equal(t, filesOf(t, photos), filesOf(t, os.DirFS(dir)))

				// A redelivery is known, ids go on, the roster is there, and what was to be fetched is.
				require.ErrorIs(t, r.Receive(ctx, store.Inbound{Key: "m1", User: "zhang", At: start}), store.ErrDuplicate)
				in, err := r.Pending(ctx, "zhang", 10)
				require.NoError(t, err)
				require.Len(t, in, 1)
				assert.Greater(t, receive(t, r, "wang", "m9"), in[0].ID+1)
				book, err := r.Roster(ctx)
				require.NoError(t, err)
				_, ok := book.Elder("A01")
				assert.True(t, ok)
				claims, err := r.Claim(ctx, o.Now(), 10, time.Minute)
				require.NoError(t, err)
				require.Len(t, claims, 1)
				assert.Equal(t, "fetch", claims[0].Message.Key)

				_, err = r.Restore(ctx, bytes.NewReader(archive), filepath.Join(t.TempDir(), "photos"))
				require.ErrorIs(t, err, store.ErrNotEmpty)
			})
		}
	}
}

func filesOf(t testing.TB, dir fs.FS) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, fs.WalkDir(dir, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(dir, path)
		out[path] = string(text)
		return err
	}))
	return out
}

// SQLite still has a column of numbers with a point: each is the same afterwards, to the last digit and in kind.
func TestBackupKeepsNumbers(t *testing.T) {
	o := machine(t, storetest.SQLite)
	s := opened(t, o)
	db := raw(t, o)
	for i, f := range []float64{0.1 + 0.2, math.MaxFloat64, -1e-300, 106, 0, math.SmallestNonzeroFloat64, 1 << 60} {
		_, err := db.Exec("INSERT INTO elders (id, lon, lat) VALUES (?, ?, ?)", fmt.Sprint(i), f, "a text in its place")
		require.NoError(t, err)
	}
	want := texts(t, db, "SELECT id, quote(lon), typeof(lon), quote(lat) FROM elders ORDER BY id")
	archive, _ := backup(t, s, fstest.MapFS{})
	to, r, photos := empty(t, storetest.SQLite)
	_, err := r.Restore(ctx, bytes.NewReader(archive), photos)
	require.NoError(t, err)
	assert.Equal(t, want, texts(t, raw(t, to), "SELECT id, quote(lon), typeof(lon), quote(lat) FROM elders ORDER BY id"))
}

// TestBackupIsSealed: whoever finds a backup reads nobody's phone or words in it, and it goes only where its key is.
func TestBackupIsSealed(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			c := newClock()
			source := machine(t, driver)
			source.Now = c.now
			s := opened(t, source)
			furnish(t, s, c)
			archive, _ := backup(t, s, album("one", "two"))
			secrets := []string{"灯泡坏了", "139 0000 0999", "漏气"}
			for _, e := range papers.Sample("2026-03-02").Elders {
				secrets = append(secrets, e.IDNumber, e.Phone, e.Address)
			}
			for _, f := range unpacked(t, archive) {
				for _, secret := range secrets {
					if strings.Contains(string(f.body), secret) {
						t.Errorf("%s holds %q", f.name, secret)
					}
				}
			}

			o := storetest.DSN(t, driver) // with keys of its own
			photos := filepath.Join(t.TempDir(), "photos")
			_, err := storetest.OpenWith(t, o).Restore(ctx, bytes.NewReader(archive), photos)
			var lost *store.KeyError
			require.ErrorAs(t, err, &lost)
			ring, err := held(false)
			require.NoError(t, err)
			assert.Equal(t, []string{ring.Current().String()}, lost.Want)
			nothing(t, o, photos)

			to, r, photos := empty(t, driver)
			_, err = r.Restore(ctx, bytes.NewReader(archive), photos)
			require.NoError(t, err)
			require.NoError(t, r.Guarded(ctx), "the history is guarded there, too")
			entries, err := r.Entries(ctx, []string{"A01"}, "2026-03-02")
			require.NoError(t, err)
			require.NotEmpty(t, entries)
			assert.Contains(t, entries[len(entries)-1].Note, "灯泡坏了")
			found, err := r.ByNumber(ctx, store.LookupPhone, papers.Sample("2026-03-02").Elders[0].Phone)
			require.NoError(t, err)
			assert.Equal(t, []string{"A01"}, found)
			to.Keys = storetest.Keys()
			_, err = store.Open(ctx, to)
			require.ErrorAs(t, err, &lost)
		})
	}
}

// A photo that the ledger names and nobody has is said, and keeps nobody from a backup of the rest.
func TestBackupMissesPhotos(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		furnish(t, s, newClock())
		_, m := backup(t, s, album("two"))
		assert.EqualValues(t, 1, m.Photos.Count)
		assert.EqualValues(t, 1, m.Missing)
	})
}

// TestRestoredMessagesAreHeld: what waited goes to nobody by itself; a person who looks may send it.
func TestRestoredMessagesAreHeld(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			c := newClock()
			source := machine(t, driver)
			source.Now = c.now
			s := opened(t, source)
			late := text("late", "d", ledger.PriorityReminder)
			late.Expires = start.AddDate(0, 0, 1)
			heard := text("heard", "a", ledger.PriorityReply)
			heard.Call, heard.NotBefore = ledger.CallHeard, start.AddDate(1, 0, 0)
			post(t, s, heard, text("alarm", "a", ledger.PriorityAlarm), text("reply", "b", ledger.PriorityReply),
				text("in hand", "c", ledger.PriorityReminder), late)
			claims := claim(t, s, c, 1)
			require.Len(t, claims, 1)
			archive, _ := backup(t, s, fstest.MapFS{})

			o, r, dir := empty(t, driver)
			got, err := r.Restore(ctx, bytes.NewReader(archive), dir)
			require.NoError(t, err)
			assert.Equal(t, 3, got.Held)
			require.Len(t, got.Alarms, 1)
			assert.Equal(t, "alarm", got.Alarms[0].Key)
			none, err := r.Claim(ctx, o.Now(), 10, time.Minute)
			require.NoError(t, err)
			assert.Empty(t, none)
			rows, err := r.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateWaiting, store.StateExpired}})
			require.NoError(t, err)
			require.Len(t, rows, 2)
			assert.Equal(t, "heard", rows[0].Key, "how a call went is asked: nobody hears of that")
			assert.Equal(t, "late", rows[1].Key)

			require.NoError(t, r.RetryNow(ctx, got.Alarms[0].ID))
			again, err := r.Claim(ctx, o.Now(), 10, time.Minute)
			require.NoError(t, err)
			require.Len(t, again, 1)
			assert.Equal(t, "alarm", again[0].Message.Key)
			assert.True(t, again[0].Resend, "it may have arrived before")
		})
	}
}

// TestBackupDuringLoad: while people talk, a backup holds every turn whole or not at all.
func TestBackupDuringLoad(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			s := opened(t, machine(t, driver))
			const users, least = 4, 60
			var turns, stop sync.WaitGroup
			done := make(chan struct{})
			turns.Add(users * least / 3)
			for u := range users {
				stop.Go(func() {
					user := fmt.Sprintf("user%d", u)
					for i := 0; ; i++ {
						select {
						case <-done:
							if i >= least {
								return
							}
						default:
						}
						e := visit(i, user, "2026-03-02")
						id := receive(t, s, user, fmt.Sprintf("%s/%d", user, i))
						err := s.Commit(ctx, store.Turn{User: user, Revision: int64(i), Inbound: []int64{id}, State: []byte(fmt.Sprint(i + 1)),
							Changes: ledger.Changes{Entries: []ledger.Entry{e}, Messages: []ledger.Message{text(e.Key, user, ledger.PriorityReply)}}})
						if !assert.NoError(t, err) {
							return
						}
						if i < least/3 {
							turns.Done()
						}
					}
				})
			}
			turns.Wait()
			var archives [][]byte
			for range 3 {
				a, _ := backup(t, s, fstest.MapFS{})
				archives = append(archives, a)
			}
			close(done)
			stop.Wait()
			last := 0
			for _, a := range archives {
				o, r, dir := empty(t, storetest.SQLite)
				_, err := r.Restore(ctx, bytes.NewReader(a), dir)
				require.NoError(t, err)
				db := raw(t, o)
				entries := texts(t, db, "SELECT elder_id, COUNT(*) FROM entries GROUP BY elder_id ORDER BY elder_id")
				assert.Equal(t, entries, texts(t, db, "SELECT usr, COUNT(*) FROM inbox WHERE state = 1 GROUP BY usr ORDER BY usr"))
				assert.Equal(t, entries, texts(t, db, "SELECT rcpt, COUNT(*) FROM outbox GROUP BY rcpt ORDER BY rcpt"))
				assert.Equal(t, entries, texts(t, db, "SELECT usr, revision FROM conversations ORDER BY usr"))
				keys := texts(t, db, "SELECT dedupe FROM outbox ORDER BY 1")
				assert.Equal(t, texts(t, db, "SELECT `key` FROM entries ORDER BY 1"), keys)
				assert.Greater(t, len(keys), last, "the next backup knows more")
				last = len(keys) - 1 // nothing may have been said in between
				require.NoError(t, db.Close())
			}
		})
	}
}

// file is one member of an archive.
type file struct {
	name string
	kind byte
	body []byte
	link string
}

func unpacked(t testing.TB, archive []byte) (out []file) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(archive))
	require.NoError(t, err)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		require.NoError(t, err)
		body, err := io.ReadAll(r)
		require.NoError(t, err)
		out = append(out, file{name: h.Name, kind: h.Typeflag, body: body})
	}
}

// packed makes an archive whose manifest fits the members, after edit has had its way with it.
func packed(t testing.TB, files []file, edit func(*store.Manifest)) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	sums := map[string]hash.Hash{}
	for _, f := range files {
		if f.name == "manifest.json" && f.kind == tar.TypeReg {
			var m store.Manifest
			require.NoError(t, json.Unmarshal(f.body, &m))
			for i, p := range m.Tables {
				if h := sums["tables/"+p.Name]; h != nil {
					m.Tables[i].SHA256 = hex.EncodeToString(h.Sum(nil))
				}
			}
			if h := sums["photos"]; h != nil {
				m.Photos.SHA256 = hex.EncodeToString(h.Sum(nil))
			}
			edit(&m)
			var err error
			f.body, err = json.Marshal(m)
			require.NoError(t, err)
		}
		require.NoError(t, w.WriteHeader(&tar.Header{Name: f.name, Typeflag: f.kind, Size: int64(len(f.body)), Linkname: f.link, Mode: 0o600}))
		_, err := w.Write(f.body)
		require.NoError(t, err)
		part, _, _ := strings.Cut(f.name, "/")
		if part == "tables" {
			part = strings.Join(strings.SplitN(f.name, "/", 3)[:2], "/")
		}
		if sums[part] == nil {
			sums[part] = sha256.New()
		}
		fmt.Fprintf(sums[part], "%s %d\n", f.name, len(f.body))
		sums[part].Write(f.body)
	}
	require.NoError(t, errors.Join(w.Close(), z.Close()))
	return out.Bytes()
}

// small is a backup of a few rows and one photo.
func small(t testing.TB) (archive []byte, rows map[string][]string) {
	t.Helper()
	o := machine(t, storetest.SQLite)
	s := opened(t, o)
	require.NoError(t, s.Commit(ctx, store.Turn{User: "zhang", State: []byte("x"), Changes: ledger.Changes{
		Entries: []ledger.Entry{visit(1, "e1", "2026-03-02")},
		Photos:  []ledger.Photo{{Key: "p1", UserID: "zhang", State: ledger.PhotoStored, Hash: hashOf("one"), Bytes: 9, At: start}},
	}}))
	archive, _ = backup(t, s, album("one"))
	return archive, contents(t, o)
}

// TestRestoreRefusesHostile: an archive may have been put together by anybody.
func TestRestoreRefusesHostile(t *testing.T) {
	whole, _ := small(t)
	good := unpacked(t, whole)
	last := len(good) - 1
	require.Equal(t, "manifest.json", good[last].name)
	photo := "photos/" + hashOf("one")[:2] + "/" + hashOf("one")
	with := func(f file) func() []byte {
		return func() []byte { return packed(t, slices.Insert(slices.Clone(good), last, f), func(*store.Manifest) {}) }
	}
	edited := func(edit func(*store.Manifest)) func() []byte {
		return func() []byte { return packed(t, good, edit) }
	}
	changed := func(table, old, new string) func() []byte {
		return func() []byte {
			files := slices.Clone(good)
			i := slices.IndexFunc(files, func(f file) bool { return strings.HasPrefix(f.name, "tables/"+table+"/") })
			require.Contains(t, string(files[i].body), old)
			files[i].body = bytes.Replace(files[i].body, []byte(old), []byte(new), 1)
			return packed(t, files, func(*store.Manifest) {})
		}
	}
	zeros := make([]byte, 1<<20)
	for name, x := range map[string]struct {
		archive func() []byte
		err     error
		loads   bool // found only when rows are written: the database stays marked
	}{
		"the same again":       {archive: edited(func(*store.Manifest) {})},
		"a path out":           {archive: with(file{name: "photos/../../evil.jpg", kind: tar.TypeReg}), err: store.ErrDamaged},
		"a path out of tables": {archive: with(file{name: "tables/../evil/00000001.jsonl", kind: tar.TypeReg}), err: store.ErrDamaged},
		"an absolute path":     {archive: with(file{name: "/etc/evil", kind: tar.TypeReg}), err: store.ErrDamaged},
		"a hidden name":        {archive: with(file{name: photo + ".jpg/../x", kind: tar.TypeReg}), err: store.ErrDamaged},
		"a link":               {archive: with(file{name: photo + ".lnk", kind: tar.TypeSymlink, link: "/etc/passwd"}), err: store.ErrDamaged},
		"a hard link":          {archive: with(file{name: photo + ".lnk", kind: tar.TypeLink, link: "/etc/passwd"}), err: store.ErrDamaged},
		"a folder":             {archive: with(file{name: "photos/", kind: tar.TypeDir}), err: store.ErrDamaged},
		"a photo too many":     {archive: with(file{name: photo + ".b", kind: tar.TypeReg}), err: store.ErrDamaged},
		"a table too many":     {archive: with(file{name: "tables/evil/00000001.jsonl", kind: tar.TypeReg, body: []byte("[]")}), err: store.ErrDamaged},
		"goose's own table":    {archive: with(file{name: "tables/goose_db_version/00000001.jsonl", kind: tar.TypeReg}), err: store.ErrDamaged},
		"a second manifest":    {archive: with(good[last]), err: store.ErrDamaged},
		"something behind it":  {archive: func() []byte { return append(slices.Clone(whole), 'x') }, err: store.ErrDamaged},
		"another gzip behind":  {archive: func() []byte { return append(slices.Clone(whole), whole...) }, err: store.ErrDamaged},
		"no manifest":          {archive: func() []byte { return packed(t, good[:last], nil) }, err: store.ErrDamaged},
		"cut short":            {archive: func() []byte { return whole[:len(whole)/2] }, err: store.ErrDamaged},
		"nothing":              {archive: func() []byte { return nil }, err: store.ErrDamaged},
		"another file":         {archive: func() []byte { return []byte("PK\x03\x04 a workbook") }, err: store.ErrDamaged},
		"a long member":        {archive: with(file{name: "tables/facts/00000001.jsonl", kind: tar.TypeReg, body: make([]byte, 65<<20)}), err: store.ErrDamaged},
		"a bomb":               {archive: func() []byte { return bomb(t, zeros) }, err: store.ErrDamaged},
		"a newer format":       {archive: edited(func(m *store.Manifest) { m.Format = 99 }), err: store.ErrNewerBackup},
		"a newer schema":       {archive: edited(func(m *store.Manifest) { m.Schema = 99999 }), err: store.ErrNewerBackup},
		"no format":            {archive: edited(func(m *store.Manifest) { m.Format = 0 }), err: store.ErrDamaged},
		"no schema":            {archive: edited(func(m *store.Manifest) { m.Schema = 0 }), err: store.ErrDamaged},
		"a wrong sum":          {archive: edited(func(m *store.Manifest) { m.Tables[0].SHA256 = m.Photos.SHA256 }), err: store.ErrDamaged},
		"a row too few":        {archive: edited(func(m *store.Manifest) { count(m, "entries", 2) }), err: store.ErrDamaged, loads: true},
		"a table fewer":        {archive: edited(func(m *store.Manifest) { m.Tables = drop(m.Tables, "facts") }), err: store.ErrDamaged, loads: true},
		"a table nobody knows": {archive: edited(func(m *store.Manifest) {
			m.Tables = append(m.Tables, store.Part{Name: "evil", SHA256: hex.EncodeToString(sha256.New().Sum(nil))})
		}), err: store.ErrDamaged, loads: true},
		"a column nobody knows":  {archive: changed("entries", `"note"`, `"evil"`), err: store.ErrDamaged, loads: true},
		"a column with a quote":  {archive: changed("entries", `"note"`, "\"no`te\""), err: store.ErrDamaged, loads: true},
		"a column less":          {archive: changed("entries", `"note",`, ``), err: store.ErrDamaged, loads: true},
		"a value of no kind":     {archive: changed("entries", `"zhang"`, `{"q":1}`), err: store.ErrDamaged, loads: true},
		"a value that is a list": {archive: changed("entries", `"zhang"`, `["zhang"]`), err: store.ErrDamaged, loads: true},
		"no JSON":                {archive: changed("entries", `"zhang"`, `zhang`), err: store.ErrDamaged, loads: true},
	} {
		t.Run(name, func(t *testing.T) {
			archive := x.archive()
			for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
				o, s, photos := empty(t, driver)
				_, err := s.Restore(ctx, bytes.NewReader(archive), photos)
				if x.err == nil {
					require.NoError(t, err)
					continue
				}
				require.ErrorIs(t, err, x.err)
				assert.NotContains(t, err.Error(), "\n", "one sentence")
				if !x.loads {
					assert.NotErrorIs(t, err, store.ErrUnfinished)
					nothing(t, o, photos)
					continue
				}
				unfinished(t, o, s, photos)
				left, err := filepath.Glob(photos + "*")
				require.NoError(t, err)
				assert.Empty(t, left)
			}
		})
	}
}

// unfinished says that a database is known for half restored by everyone who opens it, and holds nothing of the backup.
func unfinished(t testing.TB, o store.Options, s *store.Store, photos string) {
	t.Helper()
	_, err := s.Migrated(ctx)
	assert.ErrorIs(t, err, store.ErrUnfinished)
	assert.ErrorIs(t, s.Migrate(ctx), store.ErrUnfinished)
	_, err = s.Restore(ctx, bytes.NewReader(nil), photos)
	assert.ErrorIs(t, err, store.ErrUnfinished)
	for table, rows := range contents(t, o) {
		if table != "versions" { // it says what the migrations say, not what the backup does
			assert.Empty(t, rows, table)
		}
	}
}

func count(m *store.Manifest, table string, n int64) {
	for i := range m.Tables {
		if m.Tables[i].Name == table {
			m.Tables[i].Count = n
		}
	}
}

func drop(parts []store.Part, table string) []store.Part {
	return slices.DeleteFunc(slices.Clone(parts), func(p store.Part) bool { return p.Name == table })
}

// bomb is a sixth of a megabyte that unpacks to 160.
func bomb(t testing.TB, zeros []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for i := range 160 {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: fmt.Sprintf("tables/facts/%08d.jsonl", i), Typeflag: tar.TypeReg, Size: int64(len(zeros))}))
		_, err := w.Write(zeros)
		require.NoError(t, err)
	}
	require.NoError(t, errors.Join(w.Close(), z.Close()))
	return out.Bytes()
}

// TestRestoreOfDamaged flips a byte anywhere: a few say nothing in gzip, and then all is restored; else nothing is.
func TestRestoreOfDamaged(t *testing.T) {
	archive, rows := small(t)
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			o, s, photos := empty(t, driver)
			refused := 0
			rapid.Check(t, func(rt *rapid.T) {
				broken := slices.Clone(archive)
				broken[rapid.IntRange(0, len(broken)-1).Draw(rt, "at")] ^= rapid.ByteRange(1, 255).Draw(rt, "bits")
				_, err := s.Restore(ctx, bytes.NewReader(broken), photos)
				if err == nil {
					assert.Equal(rt, rows, contents(t, o))
					o, s, photos = empty(t, driver)
					return
				}
				refused++
				assert.ErrorIs(rt, err, store.ErrDamaged)
				nothing(t, o, photos)
			})
			assert.Positive(t, refused)
		})
	}
}

// breaking reads an archive well the first time, and comes to grief in the middle of the second.
type breaking struct {
	*bytes.Reader
	seeks, left int
	grief       func() error
}

func (b *breaking) Seek(offset int64, whence int) (int64, error) {
	b.seeks++
	return b.Reader.Seek(offset, whence)
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.seeks > 2 { // end and start, and again
		if b.left -= len(p); b.left < 0 {
			if err := b.grief(); err != nil {
				return 0, err
			}
		}
	}
	return b.Reader.Read(p)
}

// busy is a backup of some size, whose photos come last.
func busy(t testing.TB) []byte {
	t.Helper()
	c := newClock()
	o := machine(t, storetest.SQLite)
	o.Now = c.now
	s := opened(t, o)
	furnish(t, s, c)
	photos := album("one", "two")
	for name := range photos {
		photos[name].Data = bytes.Repeat([]byte(hashOf(name)), 4000)
	}
	archive, _ := backup(t, s, photos)
	return archive
}

// envKill tells a copy of this test to restore and to kill itself on the way.
const envKill = "XUNFANG_TEST_RESTORE_KILL"

// TestRestoreKilled: a process that dies in the middle leaves a database that everyone knows for half restored.
func TestRestoreKilled(t *testing.T) {
	if order := os.Getenv(envKill); order != "" {
		var o store.Options
		parts := strings.Split(order, "\n")
		o.Driver, o.DSN = parts[0], parts[1]
		o.Keys = func(bool) (*seal.Ring, error) { return seal.Load(parts[4]) }
		s, err := store.Open(ctx, o)
		require.NoError(t, err)
		archive, err := os.ReadFile(parts[3])
		require.NoError(t, err)
		_, err = s.Restore(ctx, &breaking{Reader: bytes.NewReader(archive), left: len(archive) * 3 / 4, grief: func() error {
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}}, parts[2])
		t.Fatalf("it lived on: %v", err)
	}
	archive := filepath.Join(t.TempDir(), "backup.tar.gz")
	require.NoError(t, os.WriteFile(archive, busy(t), 0o600))
	keys := filepath.Join(t.TempDir(), "keys")
	ring, err := held(false)
	require.NoError(t, err)
	require.NoError(t, ring.Create(keys))
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			o, s, photos := empty(t, driver)
			cmd := exec.Command(os.Args[0], "-test.run=^TestRestoreKilled$")
			cmd.Env = append(os.Environ(), envKill+"="+strings.Join([]string{o.Driver, o.DSN, photos, archive, keys}, "\n"))
			said, err := cmd.CombinedOutput()
			var status *exec.ExitError
			require.ErrorAs(t, err, &status, string(said))
			require.Equal(t, syscall.SIGKILL, status.Sys().(syscall.WaitStatus).Signal(), string(said))
			unfinished(t, o, s, photos)
			assert.NoDirExists(t, photos)

			// What it left in the way of photos does not disturb the next restore, into another database.
			next := machine(t, driver)
			_, err = storetest.OpenWith(t, next).Restore(ctx, &breaking{Reader: bytes.NewReader(mustRead(t, archive)), left: math.MaxInt}, photos)
			require.NoError(t, err)
			assert.Len(t, filesOf(t, os.DirFS(photos)), 2)
		})
	}
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return text
}

// A disk that fails while a backup is read is no damaged backup, and a person who breaks off has broken off.
func TestRestoreBreaksOff(t *testing.T) {
	archive := busy(t)
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			o, s, photos := empty(t, driver)
			enough, cancel := context.WithCancel(ctx)
			_, err := s.Restore(enough, &breaking{Reader: bytes.NewReader(archive), left: len(archive) / 2, grief: func() error {
				cancel()
				return nil
			}}, photos)
			require.ErrorIs(t, err, store.ErrUnfinished)
			unfinished(t, o, s, photos)
			assert.NoDirExists(t, photos)
			assert.NoDirExists(t, photos+".restoring")
		})
	}
}

// TestRestoreWantsEmpty: neither rows nor bare tables nor photos are written over.
func TestRestoreWantsEmpty(t *testing.T) {
	archive, _ := small(t)
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			o, s, photos := empty(t, driver)
			require.NoError(t, os.MkdirAll(filepath.Join(photos, "ab"), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(photos, "ab", "x.jpg"), []byte("precious"), 0o600))
			_, err := s.Restore(ctx, bytes.NewReader(archive), photos)
			require.ErrorIs(t, err, store.ErrNotEmpty)
			assert.Empty(t, contents(t, o))
			assert.Equal(t, map[string]string{"ab/x.jpg": "precious"}, filesOf(t, os.DirFS(photos)))
			require.NoError(t, s.Migrate(ctx))
			_, err = s.Restore(ctx, bytes.NewReader(archive), filepath.Join(t.TempDir(), "photos"))
			require.ErrorIs(t, err, store.ErrNotEmpty)
		})
	}
	t.Run("an empty folder is empty", func(t *testing.T) {
		_, s, photos := empty(t, storetest.SQLite)
		require.NoError(t, os.MkdirAll(photos, 0o700))
		_, err := s.Restore(ctx, bytes.NewReader(archive), photos)
		require.NoError(t, err)
		assert.Len(t, filesOf(t, os.DirFS(photos)), 1)
	})
}

// full is a disk with room for so many bytes.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, syscall.ENOSPC
	}
	return len(p), nil
}

// TestBackupOntoFullDisk: wherever the disk ends, it is said.
func TestBackupOntoFullDisk(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		furnish(t, s, newClock())
		whole, _ := backup(t, s, album("one", "two"))
		rapid.Check(t, func(rt *rapid.T) {
			_, err := s.Backup(ctx, &full{rapid.IntRange(0, len(whole)/2).Draw(rt, "room")}, album("one", "two"))
			assert.ErrorIs(rt, err, syscall.ENOSPC)
		})
		// Nothing was left open: the store still writes, and closes in time.
		receive(t, s, "zhang", "after")
	})
}

// BenchmarkBackup is a county's ledger of some years, for the time and the memory it takes.
func BenchmarkBackup(b *testing.B) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		b.Run(driver, func(b *testing.B) {
			o := storetest.DSN(b, driver)
			s := opened(b, o)
			const n = 100_000
			for i := 0; i < n; i += 1000 {
				var entries []ledger.Entry
				for j := range 1000 {
					e := visit(i+j, fmt.Sprintf("e%d", (i+j)%5000), "2026-03-02")
					e.Note = "都好,屋里暖和,煤气阀门关好了"
					entries = append(entries, e)
				}
				require.NoError(b, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: entries}}))
			}
			var size int64
			b.ReportAllocs()
			for b.Loop() {
				var out bytes.Buffer
				_, err := s.Backup(ctx, &out, fstest.MapFS{})
				require.NoError(b, err)
				size = int64(out.Len())
			}
			b.ReportMetric(float64(size)/n, "bytes/row")
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
