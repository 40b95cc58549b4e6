package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"xunfang/ledger"
	"xunfang/seal"
	"xunfang/store"
	"xunfang/store/storetest"
)

// keyFile is a key file held in memory.
type keyFile struct {
	mu    sync.Mutex
	ring  *seal.Ring
	err   error
	reads []bool // what every reader was told: first or not
}

func (k *keyFile) keys(first bool) (*seal.Ring, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reads = append(k.reads, first)
	return k.ring, k.err
}

func (k *keyFile) put(ring *seal.Ring) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ring = ring
}

func (k *keyFile) read() []bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.reads)
}

// columnsSealed is the program's own list of what lies sealed.
func columnsSealed(t *testing.T) map[string][]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "sealed.go", nil, 0)
	require.NoError(t, err)
	out := map[string][]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "sealedColumns" {
			return true
		}
		for _, x := range spec.Values[0].(*ast.CompositeLit).Elts {
			table, err := strconv.Unquote(x.(*ast.KeyValueExpr).Key.(*ast.BasicLit).Value)
			require.NoError(t, err)
			for _, y := range x.(*ast.KeyValueExpr).Value.(*ast.CompositeLit).Elts {
				column, err := strconv.Unquote(y.(*ast.BasicLit).Value)
				require.NoError(t, err)
				out[table] = append(out[table], column)
			}
		}
		return false
	})
	require.NotEmpty(t, out)
	return out
}

// dump is all that lies in a database: column by column, "table.column".
func dump(t *testing.T, db *sql.DB, driver string) map[string][]string {
	t.Helper()
	q := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if driver == store.MySQL {
		q = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
	}
	out := map[string][]string{}
	for _, row := range selected(t, db, q) {
		table := row[0]
		rows, err := db.Query("SELECT * FROM " + table)
		require.NoError(t, err)
		columns, err := rows.Columns()
		require.NoError(t, err)
		require.NoError(t, rows.Close())
		for _, values := range selected(t, db, "SELECT * FROM "+table) {
			for i, c := range columns {
				out[table+"."+c] = append(out[table+"."+c], values[i])
			}
		}
	}
	return out
}

func selected(t *testing.T, db *sql.DB, q string) (out [][]string) {
	t.Helper()
	rows, err := db.Query(q)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values, dest := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		require.NoError(t, rows.Scan(dest...))
		row := make([]string, len(columns))
		for i, v := range values {
			row[i] = v.String
		}
		out = append(out, row)
	}
	require.NoError(t, rows.Err())
	return out
}

// personal is an invented county in which every sealed column has a value that occurs nowhere else, and those values.
func personal(t *testing.T, s *store.Store) (secrets []string) {
	t.Helper()
	secret := func(s string) string { secrets = append(secrets, s); return s }
	e := ledger.Elder{ID: "e1", Name: "赵桂兰", IDNumber: secret("000000194803050019"), Phone: secret("13900000001"), Region: "123", Address: secret("三组十二号院"),
		Lon: 106.26543, Lat: 38.47291, Health: secret("糖尿病十年"), Income: secret("低保八百元"), Care: secret("一年住院两次"), Hardship: secret("房顶漏雨")}
	secrets = append(secrets, "106.26543", "38.47291")
	b := county()
	b.Elders[0], b.Elders[1].Phone = e, secret("13900000002")
	b.People[0].Phone = secret("13900000003")
	b.Kin[0].Phone, b.Kin[0].Where, b.Kin[0].Back = secret("13900000004"), secret("银川金凤区某工地"), secret("腊月二十三到家")
	b.Bonds = []ledger.Bond{{ElderID: "e1", User: "kf:1", Kin: b.Kin[0].Name, State: ledger.BondVerified, Since: today, Why: secret("在村口碰见过她")}}
	b.Leaflets = []ledger.Leaflet{{ElderID: "e1", Handle: "h1", Issued: today, Revoked: today, Why: secret("他把卡贴在店里")}}
	b.Standings = []ledger.Standing{{ElderID: "e2", From: today, Kind: ledger.StandingPaused, Place: secret("县医院骨科")}}
	_, err := s.SaveBook(ctx, ledger.Edit{Book: b, By: ledger.ByImport, Why: secret("民政局来信"), Today: today})
	require.NoError(t, err)

	id := receive(t, s, "li", "m0")
	require.NoError(t, s.Commit(ctx, store.Turn{User: "li", Inbound: []int64{id}, State: []byte(`{}`)}))
	require.NoError(t, s.Receive(ctx, store.Inbound{Key: "m1", User: "zhang", Raw: []byte("<xml>" + secret("她说胸口闷") + "</xml>"), At: start}))
	v := visit(1, "e1", today)
	v.Note, v.Waiver = secret("血压一百八"), secret("手机掉进水缸")
	v.Pressure, v.Company, v.Late, v.Whom = secret("150/90"), secret("刘测试"), secret("那天没有信号"), secret("赵大丫")
	turn := store.Turn{User: "zhang", State: []byte(`{"said":"` + secret("夜里睡不着") + `"}`), Changes: ledger.Changes{
		Entries:  []ledger.Entry{v},
		Findings: []ledger.Finding{{Key: "f1", EntryKey: v.Key, ElderID: "e1", Item: "illness", Note: secret("腿肿不能下地"), State: ledger.FindingReported, Owner: "li", At: start}},
		Facts:    []ledger.Fact{{Key: "x1", EntryKey: v.Key, ElderID: "e1", Field: "phone", Result: "changed", Value: secret("13900000005"), By: "zhang", At: start, Propose: true}},
		Edits: []ledger.Edit{{Book: ledger.Book{Elders: []ledger.Elder{{ID: "e1", Phone: secret("13900000006"), Health: secret("眼睛看不清")}},
			Assignments: []ledger.Assignment{{ElderID: "e1", UserID: "li"}}}, By: "li", Why: secret("本人来电"), Source: v.Key, Today: today}},
		Messages: []ledger.Message{{Key: "r1", To: "zhang", Priority: ledger.PriorityReply, Call: ledger.CallUpdate, Body: []byte(secret("记好了血压")), Fallback: secret("卡片过期")}},
		Looks:    []ledger.Look{{Key: "l1", ElderID: "e1", By: "li", What: ledger.LookCard, At: start}},
		Consents: []ledger.Consent{{Key: "c1", ElderID: "e1", Purpose: ledger.PurposeHealth, Given: true, Day: today, Channel: "当面", Witness: "zhang", At: start}},
	}}
	require.NoError(t, s.Commit(ctx, turn))
	v.Version = 1
	now := v
	now.Version, now.Note, now.Outcome = 2, secret("血压一百六"), ledger.OutcomeProblem
	require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{
		Amended: []ledger.Amendment{{Key: "a1", Was: v, Now: now, By: "zhang", Why: secret("看错一个数"), At: start, Findings: []ledger.Finding{
			{Key: "f1", EntryKey: v.Key, ElderID: "e1", Item: "illness", Note: secret("脚肿不能下地"), State: ledger.FindingReported, Owner: "li", At: start}}}},
		Photos: []ledger.Photo{{Key: "p1", UserID: "zhang", EntryKey: v.Key, MediaID: "M1", State: ledger.PhotoStored, Hash: "h", Look: secret("灰白黑灰"), At: start}},
		Reviews: []ledger.Review{{Key: "burst/zhang/1", Kind: ledger.ReviewBurst, UserID: "zhang", Day: today, Numbers: []string{secret("260302-E1"), "260302-E2"},
			Facts: secret("一小时记了四十次"), Answer: secret("纸质补录"), At: start}}}}))
	x := raise("c1", 0)
	x.Case.ElderID, x.Case.Place, x.Case.About, x.Case.Outcome = "e1", secret("井边"), secret("摔在冰上"), secret("送去县医院")
	x.Events[0].Text = secret("腿动不了")
	require.NoError(t, s.Commit(ctx, steps(x)))
	y := say("w1", "e1", "kf:1")
	y.Word.Text = secret("您妈妈上周感冒已经好了")
	y.Add(ledger.Try{Channel: ledger.ChannelCall, Kind: ledger.TryHeard, To: "li", By: "li", Text: secret("他说国庆回来"), At: start})
	require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Words: []ledger.WordStep{y}, Lines: []ledger.Line{
		{User: "kf:1", Channel: ledger.ChannelKf, Account: "wk1", Address: secret("wm-invented-1"), Nick: secret("漂泊的云"), State: ledger.LineOpen, Heard: start, At: start}}}}))
	return secrets
}

// everything reads all that is sealed; what lies in the outbox is left there.
func everything(s *store.Store) ([]any, error) {
	var out []any
	var errs []error
	add := func(x any, err error) { out, errs = append(out, x), append(errs, err) }
	ids := []string{"e1", "e2"}
	b, err := s.Book(ctx)
	add(b, err)
	entries, err := s.Entries(ctx, ids, "")
	add(entries, err)
	findings, err := s.Findings(ctx, ids)
	add(findings, err)
	facts, err := s.Facts(ctx, ids)
	add(facts, err)
	proposals, err := s.Proposals(ctx)
	add(proposals, err)
	history, err := s.History(ctx, "e1", 100)
	add(history, err)
	old, err := s.AsOf(ctx, time.Time{})
	add(old, err)
	record, err := s.Record(ctx, "visit/e1/1")
	add(record, err)
	reviews, err := s.Reviews(ctx)
	add(reviews, err)
	cases, err := s.CaseFiles(ctx, "c1")
	add(cases, err)
	words, err := s.WordFiles(ctx, "w1")
	add(words, err)
	lines, err := s.LinesOf(ctx, "kf:1")
	add(lines, err)
	in, err := s.Pending(ctx, "zhang", 10)
	add(in, err)
	for _, user := range []string{"li", "zhang"} {
		c, err := s.Conversation(ctx, user)
		add(c, err)
	}
	return out, errors.Join(errs...)
}

func readable(t *testing.T, s *store.Store) []any {
	t.Helper()
	out, err := everything(s)
	require.NoError(t, err)
	return out
}

func TestNothingPersonalLiesOpen(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		s := opened(t, o)
		secrets := personal(t, s)
		said := fmt.Sprintf("%s", readable(t, s))
		for _, x := range secrets {
			switch x {
			case "记好了血压", "卡片过期": // in the outbox
			default:
				assert.Contains(t, said, x, "the test wrote it")
			}
		}
		claims, err := s.Claim(ctx, time.Now(), 10, time.Minute)
		require.NoError(t, err)
		require.Len(t, claims, 1)
		assert.Equal(t, "记好了血压卡片过期", string(claims[0].Message.Body)+claims[0].Message.Fallback)

		db := raw(t, o)
		all := dump(t, db, o.Driver)
		for column, values := range all {
			for _, v := range values {
				for _, x := range secrets {
					assert.NotContains(t, v, x, column)
				}
			}
		}
		for table, columns := range columnsSealed(t) {
			for _, c := range columns {
				n := 0
				for _, v := range all[table+"."+c] {
					if v == "" {
						continue
					}
					_, text := seal.TextSealedUnder(v)
					_, bytes := seal.SealedUnder([]byte(v))
					assert.True(t, text || bytes, "%s.%s is not sealed", table, c)
					n++
				}
				assert.Positive(t, n, "the test has written nothing into %s.%s", table, c)
			}
		}
		if o.Driver == store.SQLite {
			lieInFile(t, o, db, secrets)
		}
	})
}

// lieInFile looks for words in the raw bytes of an SQLite database, before and after its log is written back.
func lieInFile(t *testing.T, o store.Options, db *sql.DB, secrets []string) {
	t.Helper()
	for range 2 {
		for _, suffix := range []string{"", "-wal"} {
			file, err := os.ReadFile(o.DSN + suffix)
			require.NoError(t, err)
			for _, x := range secrets {
				assert.False(t, bytes.Contains(file, []byte(x)), "%q lies in the file%s", x, suffix)
			}
		}
		_, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
		require.NoError(t, err)
	}
}

// What somebody writes, moves or swaps in the database is an error that says nothing personal; never another's value.
func TestTamperingIsNoticed(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		k := &keyFile{ring: seal.New(start)}
		o.Keys = k.keys
		s := opened(t, o)
		secrets := personal(t, s)
		db := raw(t, o)
		run := func(q string, args ...any) {
			_, err := db.Exec(q, args...)
			require.NoError(t, err)
		}
		phones := selected(t, db, "SELECT id, phone FROM elders ORDER BY id")
		run("UPDATE elders SET phone = ? WHERE id = 'e1'", phones[1][1])
		run("UPDATE elders SET phone = ? WHERE id = 'e2'", phones[0][1])
		b, err := s.Book(ctx)
		require.ErrorIs(t, err, seal.ErrForged)
		assert.Empty(t, b.Elders)
		_, err = opened(t, o).Roster(ctx)
		require.ErrorIs(t, err, seal.ErrForged)
		run("UPDATE elders SET phone = ? WHERE id = 'e1'", phones[0][1])
		run("UPDATE elders SET phone = ? WHERE id = 'e2'", phones[1][1])
		fine := readable(t, s)

		for table, columns := range columnsSealed(t) {
			if table == "outbox" { // read by Claim alone
				continue
			}
			for _, c := range columns {
				was := selected(t, db, "SELECT "+c+" FROM "+table+" WHERE "+c+" <> '' LIMIT 1")[0][0]
				for text, want := range map[string]error{
					"13900000099": seal.ErrPlain,
					k.ring.SealText(table+"."+c+":elsewhere", "13900000099"):        seal.ErrForged,
					seal.New(start).SealText(table+"."+c+":elsewhere", "139000099"): seal.ErrNoKey,
				} {
					lies := any(text)
					if table == "inbox" || table == "conversations" {
						raw := []byte(text)
						switch want {
						case seal.ErrForged:
							raw = k.ring.Seal("elsewhere", raw)
						case seal.ErrNoKey:
							raw = seal.New(start).Seal("elsewhere", raw)
						}
						lies, was = raw, string([]byte(was))
					}
					n, err := db.Exec("UPDATE "+table+" SET "+c+" = ? WHERE "+c+" = ?", lies, asStored(table, was))
					require.NoError(t, err)
					changed, err := n.RowsAffected()
					require.NoError(t, err)
					require.EqualValues(t, 1, changed)
					_, err = everything(s)
					if table == "inbox" && want != seal.ErrNoKey { // put aside, so that it holds back nobody
						require.NoError(t, err)
						run("UPDATE inbox SET state = 0, raw = ? WHERE state = 2", asStored(table, was))
						continue
					}
					require.ErrorIs(t, err, want, "%s.%s", table, c)
					for _, x := range append(secrets, "13900000099") {
						assert.NotContains(t, err.Error(), x)
					}
					run("UPDATE "+table+" SET "+c+" = ? WHERE "+c+" = ?", asStored(table, was), lies)
				}
			}
		}
		assert.Equal(t, fine, readable(t, s))
		// One damaged message is given up; what waits behind it goes.
		run("UPDATE outbox SET fallback = 'by hand'")
		next := ledger.Message{Key: "behind", To: "zhao", Call: ledger.CallSend, Body: []byte("{}"), Priority: ledger.PriorityReply}
		rows, err := s.Outbox(ctx, store.OutboxFilter{})
		require.NoError(t, err)
		require.NotEmpty(t, rows)
		next.To, next.Priority = rows[0].To, rows[0].Priority
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Messages: []ledger.Message{next}}}))
		var got []string
		for range len(rows) + 1 {
			claims, err := s.Claim(ctx, time.Now(), 10, time.Minute)
			require.NoError(t, err)
			for _, c := range claims {
				got = append(got, c.Message.Key)
			}
		}
		assert.Equal(t, []string{"behind"}, got)
	})
}

// asStored is a value as its column's type wants it.
func asStored(table, v string) any {
	if table == "inbox" || table == "conversations" {
		return []byte(v)
	}
	return v
}

func byNumber(t *testing.T, s *store.Store, kind, number string) []string {
	t.Helper()
	ids, err := s.ByNumber(ctx, kind, number)
	require.NoError(t, err)
	return ids
}

func TestByNumber(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		s := opened(t, o)
		b := county()
		b.Elders[0].IDNumber, b.Elders[0].Phone, b.Elders[1].Phone = "00000019480305001x", "139-0000 0001", "0951-1234567"
		b.Kin[0].Phone = "13900000009"
		b.Kin = append(b.Kin, ledger.Kin{ElderID: "e2", Name: "钱二", Phone: "139 0000 0009"}, ledger.Kin{ElderID: "e2", Name: "钱三", Phone: "13900000009"})
		save(t, s, b, today)
		for _, c := range []struct {
			kind, number string
			want         []string
		}{
			{store.LookupID, "00000019480305001X", []string{"e1"}}, {store.LookupID, " 000000 19480305 001x", []string{"e1"}},
			{store.LookupPhone, "13900000001", []string{"e1"}}, {store.LookupPhone, "139 0000-0001", []string{"e1"}},
			{store.LookupPhone, "09511234567", []string{"e2"}}, {store.LookupPhone, "13900000009", []string{"e1", "e2"}},
			{store.LookupPhone, "00000019480305001X", nil}, {store.LookupID, "13900000001", nil}, {store.LookupPhone, "1390000000", nil},
			{store.LookupPhone, "", nil}, {store.LookupPhone, "不知道", nil}, {store.LookupID, "%", nil},
		} {
			assert.Equal(t, c.want, byNumber(t, s, c.kind, c.number), "%s %q", c.kind, c.number)
		}
		for _, row := range selected(t, raw(t, o), "SELECT word, kind FROM lookups") {
			for _, number := range []string{"00000019480305001", "13900000001", "09511234567", "13900000009"} {
				assert.NotContains(t, row[0], number)
			}
			assert.Len(t, row[0], 32)
		}

		// Numbers that changed are found no more; the others, and another's equal one, still are.
		save(t, s, ledger.Book{Elders: []ledger.Elder{{ID: "e1", Phone: "13900000002"}, {ID: "e2", Phone: "-"}}, Kin: []ledger.Kin{{ElderID: "e2", Name: "钱二", Phone: "-"}}}, today)
		assert.Empty(t, byNumber(t, s, store.LookupPhone, "13900000001"))
		assert.Empty(t, byNumber(t, s, store.LookupPhone, "09511234567"))
		assert.Equal(t, []string{"e1"}, byNumber(t, s, store.LookupPhone, "13900000002"))
		assert.Equal(t, []string{"e1"}, byNumber(t, s, store.LookupID, "00000019480305001x"))
		assert.Equal(t, []string{"e1", "e2"}, byNumber(t, s, store.LookupPhone, "13900000009"))
		require.NoError(t, s.Commit(ctx, edit("e1", "-", 0)))
		assert.Empty(t, byNumber(t, s, store.LookupPhone, "13900000002"))
		assert.Len(t, selected(t, raw(t, o), "SELECT word FROM lookups"), 3, "e1's number, two relatives' phones")
	})
}

func TestWithoutItsKeysADatabaseIsNotOpened(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		k := &keyFile{ring: seal.New(start)}
		o.Keys = k.keys
		personal(t, opened(t, o))
		assert.Equal(t, true, k.read()[0], "nothing was sealed yet: the key file may be made")
		opened(t, o)
		assert.Equal(t, false, k.read()[len(k.read())-1], "now it may not")
		db := raw(t, o)
		before := dump(t, db, o.Driver)
		gone := errors.New("no such file")
		for name, lost := range map[string]*keyFile{"another": {ring: seal.New(start)}, "missing": {err: seal.ErrMissing}, "unreadable": {err: gone},
			"newer": {ring: seal.New(start).Rotated(start)}} {
			o.Keys = lost.keys
			s, err := store.Open(ctx, o)
			assert.Nil(t, s, name)
			var want *store.KeyError
			require.ErrorAs(t, err, &want, name)
			assert.Equal(t, []string{k.ring.Current().String()}, want.Want, name)
			assert.Contains(t, err.Error(), k.ring.Current().String(), name)
			assert.Equal(t, lost.err, want.Err)
			if lost.err != nil {
				require.ErrorIs(t, err, lost.err)
			}
			assert.Equal(t, []bool{false}, lost.read(), name)
		}
		assert.Equal(t, before, dump(t, db, o.Driver), "nothing was written")
		o.Keys = nil
		_, err := store.Open(ctx, o)
		require.Error(t, err)
	})
}

// Two machines start at once on a new database, each with a key file of its own: one of them must not go on.
func TestTwoKeyFilesOnOneNewDatabase(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		errs := make([]error, 2)
		rings := []*keyFile{{ring: seal.New(start)}, {ring: seal.New(start)}}
		var wg sync.WaitGroup
		for i, k := range rings {
			own := o
			own.Keys = k.keys
			s := storetest.OpenWith(t, own)
			wg.Go(func() { errs[i] = s.Migrate(ctx) })
		}
		wg.Wait()
		won := slices.Index(errs, nil)
		require.NotEqual(t, -1, won, errs)
		var lost *store.KeyError
		require.ErrorAs(t, errs[1-won], &lost)
		assert.Equal(t, []string{rings[won].ring.Current().String()}, lost.Want)
		o.Keys = rings[won].keys
		s := opened(t, o)
		personal(t, s)
		readable(t, s)
	})
}

// under says under which keys the values of the sealed columns lie.
func under(t *testing.T, o store.Options) map[string]int {
	t.Helper()
	out := map[string]int{}
	all := dump(t, raw(t, o), o.Driver)
	for table, columns := range columnsSealed(t) {
		for _, c := range columns {
			for _, v := range all[table+"."+c] {
				id, ok := seal.TextSealedUnder(v)
				if !ok {
					id, ok = seal.SealedUnder([]byte(v))
				}
				if v != "" {
					require.True(t, ok, "%s.%s", table, c)
					out[id.String()]++
				}
			}
		}
	}
	return out
}

func TestRotation(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		mine, theirs, idles := &keyFile{ring: seal.New(start)}, &keyFile{}, &keyFile{}
		theirs.ring, idles.ring = mine.ring, mine.ring
		old, both := mine.ring, mine.ring.Rotated(start)
		with := func(k *keyFile) store.Options { o := o; o.Keys = k.keys; return o }
		s := opened(t, with(mine))
		other, idle := opened(t, with(theirs)), opened(t, with(idles))
		personal(t, s)
		want := readable(t, s)
		found := func(s *store.Store) {
			t.Helper()
			assert.Equal(t, []string{"e1"}, byNumber(t, s, store.LookupPhone, "13900000006"))
			assert.Equal(t, []string{"e1"}, byNumber(t, s, store.LookupID, "000000194803050019"))
			assert.Equal(t, []string{"e1"}, byNumber(t, s, store.LookupPhone, "13900000004"))
			user, err := s.LineByAddress(ctx, ledger.ChannelKf, "wk1", "wm-invented-1")
			require.NoError(t, err)
			assert.Equal(t, "kf:1", user)
		}
		found(s)

		// The key is changed; a new row lies under it, the others not yet. Another process meets it.
		mine.put(both)
		theirs.put(both)
		idles.put(both)
		require.NoError(t, s.Rekey(ctx))
		require.NoError(t, s.Receive(ctx, store.Inbound{Key: "m2", User: "wang", Raw: []byte("<xml/>"), At: start}))
		reads := len(theirs.read())
		for range 3 {
			in, err := other.Pending(ctx, "wang", 10)
			require.NoError(t, err)
			assert.Equal(t, "<xml/>", string(in[0].Raw))
		}
		assert.Len(t, theirs.read(), reads+1, "the key file was read once")
		for _, s := range []*store.Store{s, other, idle} {
			found(s)
		}

		out, err := s.Reseal(ctx)
		require.NoError(t, err)
		assert.Positive(t, out.Rows)
		assert.Equal(t, []string{both.Current().String()}, keysOf(out.Under))
		assert.Equal(t, out.Under, under(t, o))
		again, err := s.Reseal(ctx)
		require.NoError(t, err)
		assert.Equal(t, store.Resealed{Under: out.Under}, again, "nothing is left to do")
		for _, s := range []*store.Store{s, other, idle} {
			found(s)
			assert.Equal(t, want, readable(t, s))
		}

		require.NoError(t, s.ForgetKeys(ctx))
		for _, s := range []*store.Store{s, other, opened(t, with(&keyFile{ring: both.Only()}))} {
			found(s)
			assert.Equal(t, want, readable(t, s))
		}
		var lost *store.KeyError
		_, err = store.Open(ctx, with(&keyFile{ring: old}))
		require.ErrorAs(t, err, &lost)
		assert.Equal(t, []string{both.Current().String()}, lost.Want)
	})
}

func keysOf(under map[string]int) (out []string) {
	for id := range under {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// A rotation that broke off right after the key file was written: whoever opened the database since may have sealed under
// the new key, and forgetting the old one must not forget that the database needs any.
func TestForgettingAfterARotationThatBrokeOff(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		k := &keyFile{ring: seal.New(start)}
		o.Keys = k.keys
		personal(t, opened(t, o))
		k.put(k.ring.Rotated(start))
		s := opened(t, o)
		want := readable(t, s)
		require.NoError(t, s.ForgetKeys(ctx))
		assert.Equal(t, []string{k.ring.Current().String()}, keysOf(under(t, o)))
		var lost *store.KeyError
		o.Keys = (&keyFile{ring: seal.New(start)}).keys
		_, err := store.Open(ctx, o)
		require.ErrorAs(t, err, &lost)
		assert.Equal(t, []string{k.ring.Current().String()}, lost.Want)
		o.Keys = (&keyFile{ring: k.ring.Only()}).keys
		assert.Equal(t, want, readable(t, opened(t, o)))
	})
}

// many is a ledger of several batches.
func many(n int) (b ledger.Book) {
	for i := range n {
		id := fmt.Sprintf("m%04d", i)
		b.Elders = append(b.Elders, ledger.Elder{ID: id, Phone: fmt.Sprintf("1390000%04d", i), Health: "好"})
		b.Kin = append(b.Kin, ledger.Kin{ElderID: id, Name: "甲", Phone: fmt.Sprintf("1390001%04d", i)})
	}
	return b
}

// Reseal is stopped again and again, always a little later; whenever it is, everything can be read.
func TestResealBreaksOff(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		k := &keyFile{ring: seal.New(start)}
		o.Keys = k.keys
		s := opened(t, o)
		personal(t, s)
		save(t, s, many(450), today)
		want := readable(t, s)
		k.put(k.ring.Rotated(start))
		require.NoError(t, s.Rekey(ctx))
		broke := 0
		for d := time.Duration(0); ; d = 2*d + 3*time.Millisecond {
			brief, cancel := context.WithTimeout(ctx, d)
			_, err := s.Reseal(brief)
			late := brief.Err()
			cancel()
			assert.Equal(t, want, readable(t, s))
			assert.Equal(t, []string{"m0449"}, byNumber(t, s, store.LookupPhone, "13900010449"))
			if err == nil {
				break
			}
			require.Error(t, late, "it was the moment that stopped it, not %v", err)
			broke++
		}
		assert.Positive(t, broke)
		assert.Equal(t, []string{k.ring.Current().String()}, keysOf(under(t, o)))
	})
}

// Two processes go on working while a third one reseals, one of them with the old key at first: nothing is lost.
func TestResealDuringWork(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		mine, theirs := &keyFile{ring: seal.New(start)}, &keyFile{}
		theirs.ring = mine.ring
		o.Keys = mine.keys
		s := opened(t, o)
		personal(t, s)
		save(t, s, many(450), today)
		workers := []*store.Store{s}
		o.Keys = theirs.keys
		workers = append(workers, opened(t, o))
		mine.put(mine.ring.Rotated(start))
		theirs.put(mine.ring)
		require.NoError(t, s.Rekey(ctx))

		const turns = 40
		var wg sync.WaitGroup
		for g, w := range workers {
			wg.Go(func() {
				user := fmt.Sprintf("worker%d", g)
				for i := range turns {
					v := visit(i, user, today)
					v.Note = fmt.Sprintf("note %d", i)
					turn := edit(fmt.Sprintf("m%04d", 449-2*i-g), fmt.Sprintf("1380%d%06d", g, i), 0)
					turn.User, turn.Revision, turn.State, turn.Changes.Entries = user, int64(i), []byte(v.Note), []ledger.Entry{v}
					if !assert.NoError(t, w.Commit(ctx, turn)) {
						return
					}
				}
			})
		}
		_, err := s.Reseal(ctx)
		wg.Wait()
		require.NoError(t, err)
		out, err := s.Reseal(ctx) // what the one with the old key wrote behind the first one's back
		require.NoError(t, err)
		assert.Equal(t, []string{mine.ring.Current().String()}, keysOf(out.Under))
		require.NoError(t, s.ForgetKeys(ctx))
		o.Keys = (&keyFile{ring: mine.ring.Only()}).keys
		after := opened(t, o)
		for g := range workers {
			entries, err := after.Entries(ctx, []string{fmt.Sprintf("worker%d", g)}, "")
			require.NoError(t, err)
			assert.Len(t, entries, turns)
			for _, e := range entries {
				assert.Equal(t, "note "+strings.TrimPrefix(e.Key, "visit/"+e.ElderID+"/"), e.Note)
			}
			c, err := after.Conversation(ctx, fmt.Sprintf("worker%d", g))
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprintf("note %d", turns-1), string(c.State))
			assert.Len(t, byNumber(t, after, store.LookupPhone, fmt.Sprintf("1380%d%06d", g, turns-1)), 1)
		}
		readable(t, after)
	})
}

// A database of a version that sealed nothing: after Migrate everything lies sealed and reads as it did.
func TestMigrateSealsWhatLayOpen(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		s := opened(t, o)
		secrets := personal(t, s)
		want := readable(t, s)
		db := raw(t, o)
		run := func(q string, args ...any) {
			_, err := db.Exec(q, args...)
			require.NoError(t, err)
		}
		run("UPDATE versions SET n = 0 WHERE name = 'sealed'")
		b, err := s.Book(ctx)
		require.NoError(t, err)
		for _, e := range b.Elders {
			run("UPDATE elders SET id_number = ?, phone = ?, address = ?, lon = ?, lat = ?, health = ?, income = ?, care = ?, hardship = ? WHERE id = ?",
				e.IDNumber, e.Phone, e.Address, e.Lon, e.Lat, e.Health, e.Income, e.Care, e.Hardship, e.ID)
		}
		for _, k := range b.Kin {
			run("UPDATE kins SET phone = ?, whereabouts = ? WHERE elder_id = ? AND name = ?", k.Phone, k.Where, k.ElderID, k.Name)
		}
		for _, p := range b.People {
			run("UPDATE people SET phone = ? WHERE user_id = ?", p.Phone, p.UserID)
		}
		entries, err := s.Entries(ctx, []string{"e1"}, "")
		require.NoError(t, err)
		run("UPDATE entries SET note = ? WHERE `key` = ?", entries[0].Note, entries[0].Key)
		run("UPDATE findings SET note = '脚肿不能下地'")
		run("UPDATE facts SET value = '13900000005'")
		run("UPDATE inbox SET raw = ? WHERE dedupe = 'm1'", []byte("<xml>她说胸口闷</xml>"))
		run("UPDATE conversations SET state = ? WHERE usr = 'zhang'", []byte(`{"said":"夜里睡不着"}`))
		run("UPDATE outbox SET body = ?, fallback = '卡片过期'", []byte("记好了血压"))
		run("DELETE FROM lookups")

		next := storetest.OpenWith(t, o)
		ok, err := next.Migrated(ctx)
		require.NoError(t, err)
		assert.False(t, ok)
		_, err = next.Book(ctx)
		require.ErrorIs(t, err, seal.ErrPlain)
		require.NoError(t, next.Migrate(ctx))
		assert.Equal(t, want, readable(t, next))
		assert.Len(t, keysOf(under(t, o)), 1)
		assert.Equal(t, []string{"e1"}, byNumber(t, next, store.LookupPhone, "13900000004"))
		claims, err := next.Claim(ctx, time.Now(), 10, time.Minute)
		require.NoError(t, err)
		require.Len(t, claims, 1)
		assert.Equal(t, "记好了血压卡片过期", string(claims[0].Message.Body)+claims[0].Message.Fallback)
		for column, values := range dump(t, db, o.Driver) {
			for _, x := range secrets {
				assert.NotContains(t, strings.Join(values, "\n"), x, column)
			}
		}
		if o.Driver == store.SQLite {
			lieInFile(t, o, db, secrets)
		}
		_, err = next.Reseal(ctx)
		require.NoError(t, err)
		run("UPDATE people SET phone = '13900000003' WHERE user_id = 'zhang'")
		_, err = next.Reseal(ctx)
		require.ErrorIs(t, err, seal.ErrPlain, "later it is a sign that somebody wrote into the database")
	})
}
