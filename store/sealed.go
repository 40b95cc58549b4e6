package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"xunfang/ledger"
	"xunfang/seal"
)

// sealedColumns are the texts that lie sealed, by table: identity numbers, phones, where somebody lives, and whatever may tell
// of their health. What somebody said lies in inbox, conversation and outbox, too.
var sealedColumns = map[string][]string{
	"elders":        {"id_number", "phone", "address", "lon", "lat", "health", "income", "care", "hardship"},
	"kins":          {"phone", "whereabouts", "back"},
	"people":        {"phone"},
	"standings":     {"place"},
	"entries":       {"note", "waiver", "pressure", "company", "late", "whom"},
	"findings":      {"note"},
	"facts":         {"value"},
	"photos":        {"look"},
	"amendments":    {"why", "was", "findings"},
	"reviews":       {"numbers", "facts", "answer"},
	"cases":         {"place", "about", "outcome"},
	"case_events":   {"text"},
	"bonds":         {"why"},
	"leaflets":      {"why"},
	"words":         {"text"},
	"word_tries":    {"text"},
	"kin_lines":     {"address", "nick"},
	"revisions":     {"why"},
	"changes":       {"was", "now"},
	"inbox":         {"raw"},
	"conversations": {"state"},
	"outbox":        {"body", "fallback"},
}

// sealedTable says how to walk a table of sealedColumns: by which columns in order, and which of them name the row.
type sealedTable struct {
	name    string
	primary []string
	row     []string // nil: the primary key
	binary  []string // columns of bytes; the others are texts
}

var sealedTables = []sealedTable{
	{name: "elders", primary: []string{"id"}}, {name: "kins", primary: []string{"elder_id", "name"}},
	{name: "people", primary: []string{"user_id"}}, {name: "standings", primary: []string{"elder_id", "from_day"}},
	{name: "entries", primary: []string{"`key`"}}, {name: "findings", primary: []string{"`key`"}},
	{name: "facts", primary: []string{"`key`"}}, {name: "revisions", primary: []string{"n"}},
	{name: "changes", primary: []string{"n", "seq"}}, {name: "photos", primary: []string{"`key`"}},
	{name: "amendments", primary: []string{"`key`"}}, {name: "reviews", primary: []string{"`key`"}},
	{name: "cases", primary: []string{"`key`"}}, {name: "case_events", primary: []string{"case_key", "n"}},
	{name: "bonds", primary: []string{"elder_id", "`user`"}}, {name: "leaflets", primary: []string{"elder_id", "handle"}},
	{name: "words", primary: []string{"`key`"}}, {name: "word_tries", primary: []string{"word_key", "n"}},
	{name: "kin_lines", primary: []string{"usr", "channel"}},
	{name: "inbox", primary: []string{"id"}, row: []string{"dedupe"}, binary: []string{"raw"}},
	{name: "conversations", primary: []string{"usr"}, binary: []string{"state"}},
	{name: "outbox", primary: []string{"id"}, row: []string{"dedupe"}, binary: []string{"body"}},
}

// KeyError says that the database is sealed under keys that are not at hand. The program must not start: it could write, but
// read nothing of what is there.
type KeyError struct {
	Want []string // ids of keys the database needs
	Err  error    // why they are not there, nil: the key file is another one
}

func (e *KeyError) Error() string {
	return "the database is sealed under key " + strings.Join(e.Want, ", ") + ", which the key file does not hold"
}

func (e *KeyError) Unwrap() error { return e.Err }

// proofOf is what is sealed to know a key by.
const proofOf = "xunfang"

// loadKeys has the caller's key file read and compares it with what the database needs. Before the first migration it needs
// nothing.
func (s *Store) loadKeys(ctx context.Context) error {
	if s.o.Keys == nil {
		return errors.New("a store needs keys to seal with")
	}
	proofs := map[string]string{}
	if has, err := s.hasTable(ctx, "sealkeys"); err != nil {
		return err
	} else if has {
		err := each(ctx, s.read, "SELECT id, proof FROM sealkeys ORDER BY id", nil, func(rows *sql.Rows) error {
			var id, proof string
			err := rows.Scan(&id, &proof)
			proofs[id] = proof
			return err
		})
		if err != nil {
			return fmt.Errorf("read which keys the database needs: %w", err)
		}
	}
	ring, err := s.o.Keys(len(proofs) == 0)
	lost := &KeyError{Err: err}
	for id, proof := range proofs {
		if err == nil {
			if plain, failed := ring.OpenText("sealkeys.proof:"+id, proof); failed == nil && plain == proofOf {
				continue
			}
		}
		lost.Want = append(lost.Want, id)
	}
	if len(lost.Want) > 0 {
		slices.Sort(lost.Want)
		return lost
	}
	if err != nil {
		return fmt.Errorf("keys to seal with: %w", err)
	}
	s.ring.Store(ring)
	return nil
}

// registerKey writes down that rows may be sealed under the newest key, before any is. Who comes second, with another key
// file, finds that this one does not hold what the database needs.
func (s *Store) registerKey(ctx context.Context, first bool) error {
	ring := s.ring.Load()
	id := ring.Current().String()
	err := s.tx(ctx, func(tx *sql.Tx) error {
		if first { // one row to lock, so that two processes cannot both be first
			var n int64
			if err := tx.QueryRowContext(ctx, "SELECT n FROM versions WHERE name = 'sealed'"+s.d.forUpdate).Scan(&n); err != nil {
				return err
			}
			var keys int
			if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM sealkeys").Scan(&keys); err != nil || keys > 0 {
				return err
			}
		}
		_, err := s.d.insert(ctx, tx, "INSERT INTO sealkeys (id, made, proof)", 3,
			[]any{id, second(s.now()), ring.SealText("sealkeys.proof:"+id, proofOf)}, s.d.ignore("id"))
		return err
	})
	if err != nil {
		return fmt.Errorf("write down the key: %w", err)
	}
	return nil
}

// Sealed are the ids of the keys that anything may be sealed under.
func (s *Store) Sealed(ctx context.Context) (map[string]bool, error) {
	out := map[string]bool{}
	err := each(ctx, s.read, "SELECT id FROM sealkeys", nil, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		out[id] = true
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read which keys the database needs: %w", err)
	}
	return out, nil
}

// KeysTakenUp is how long after a rotation every running process is sure to seal under the new key: they look every two seconds.
const KeysTakenUp = 10 * time.Second

// KeyMade is when the newest key began to seal; the zero time before it has.
func (s *Store) KeyMade(ctx context.Context) (time.Time, error) {
	var made time.Time
	err := s.read.QueryRowContext(ctx, "SELECT made FROM sealkeys WHERE id = ?", s.ring.Load().Current().String()).Scan(&made)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return made, err
}

// followKeys takes up a key that another process has begun to seal under.
func (s *Store) followKeys(ctx context.Context) error {
	sealed, err := s.Sealed(ctx)
	if err != nil {
		return err
	}
	for _, id := range s.ring.Load().IDs() {
		delete(sealed, id.String())
	}
	if len(sealed) > 0 {
		s.rereadKeys()
	}
	return nil
}

// Rekey reads the key file again: what is sealed from now on is sealed under its newest key.
func (s *Store) Rekey(ctx context.Context) error { return s.loadKeys(ctx) }

// The key file is read again when a row is sealed under a key nobody here knows: it may have been rotated by a command. Not
// more often than this, or a damaged row would have it read all the time.
const keysAgain = time.Second

func (s *Store) rereadKeys() bool {
	s.keysMu.Lock()
	defer s.keysMu.Unlock()
	if time.Since(s.keysRead) < keysAgain {
		return true // somebody just did: try with what they found
	}
	s.keysRead = time.Now()
	if err := s.loadKeys(context.Background()); err != nil {
		s.log.Error("read the key file again", "err", err)
		return false
	}
	return true
}

// Seal and Open are the store's keys for what lies outside the database: photos.

func (s *Store) Seal(place string, plain []byte) []byte { return s.ring.Load().Seal(place, plain) }

func (s *Store) Open(place string, sealed []byte) ([]byte, error) {
	plain, err := s.ring.Load().Open(place, sealed)
	if errors.Is(err, seal.ErrNoKey) && s.rereadKeys() {
		plain, err = s.ring.Load().Open(place, sealed)
	}
	return plain, err
}

func (s *Store) sealText(column, row, plain string) string {
	if plain == "" {
		return ""
	}
	return s.ring.Load().SealText(column+":"+row, plain)
}

func (s *Store) openText(column, row, sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	plain, err := s.ring.Load().OpenText(column+":"+row, sealed)
	if errors.Is(err, seal.ErrNoKey) && s.rereadKeys() {
		plain, err = s.ring.Load().OpenText(column+":"+row, sealed)
	}
	return plain, err
}

func (s *Store) sealBytes(column, row string, plain []byte) []byte {
	if len(plain) == 0 {
		return plain
	}
	return s.Seal(column+":"+row, plain)
}

func (s *Store) openBytes(column, row string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 {
		return sealed, nil
	}
	return s.Open(column+":"+row, sealed)
}

// Resealed is what a walk over the sealed tables found and did.
type Resealed struct {
	Rows  int            // rewritten under the newest key
	Under map[string]int // values by the key they lie under now
}

// resealRows is how many rows are rewritten in one transaction: callbacks wait behind it.
const resealRows = 200

// Reseal rewrites everything that is not sealed under the newest key. It may break off at any moment and be run again, and
// the bot may go on working meanwhile. Plain values are sealed only while the database is being brought up to date; later
// they are a sign that somebody has written into it, and an error.
func (s *Store) Reseal(ctx context.Context) (Resealed, error) {
	if err := s.registerKey(ctx, false); err != nil {
		return Resealed{}, err
	}
	out, err := s.reseal(ctx, false)
	if err != nil {
		return out, err
	}
	return out, s.relookup(ctx)
}

func (s *Store) reseal(ctx context.Context, plainToo bool) (Resealed, error) {
	out := Resealed{Under: map[string]int{}}
	for _, t := range sealedTables {
		if err := s.resealTable(ctx, t, plainToo, &out); err != nil {
			return out, fmt.Errorf("seal %s anew: %w", t.name, err)
		}
	}
	if plainToo {
		return out, s.scrub(ctx)
	}
	return out, nil
}

// scrub drops what lay open from the database's file: SQLite leaves in free space and in its log what was overwritten.
func (s *Store) scrub(ctx context.Context) error {
	if s.d.name != SQLite {
		return nil
	}
	for _, q := range []string{"VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if _, err := s.write.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("clear what lay open: %w", err)
		}
	}
	return nil
}

func (s *Store) resealTable(ctx context.Context, t sealedTable, plainToo bool, out *Resealed) error {
	columns, named := sealedColumns[t.name], t.row
	if named == nil {
		named = t.primary
	}
	read := append(append([]string(nil), t.primary...), named...)
	text := "SELECT " + strings.Join(append(read, columns...), ", ") + " FROM " + t.name
	after, order := "", " ORDER BY "+strings.Join(t.primary, ", ")+" LIMIT ?"
	switch len(t.primary) {
	case 1:
		after = " WHERE " + t.primary[0] + " > ?"
	case 2:
		after = fmt.Sprintf(" WHERE %[1]s > ? OR %[1]s = ? AND %[2]s > ?", t.primary[0], t.primary[1])
	}
	var last []any
	for {
		var rows []sealedRow
		where, args := "", []any(nil)
		if len(last) == 1 {
			where, args = after, last
		} else if len(last) == 2 {
			where, args = after, []any{last[0], last[0], last[1]}
		}
		err := each(ctx, s.read, text+where+order, append(args, resealRows), func(r *sql.Rows) error {
			x := sealedRow{primary: make([]any, len(t.primary)), named: make([]string, len(named)), values: make([][]byte, len(columns))}
			dest := make([]any, 0, len(read)+len(columns))
			for i := range x.primary {
				dest = append(dest, &x.primary[i])
			}
			for i := range x.named {
				dest = append(dest, &x.named[i])
			}
			for i := range x.values {
				dest = append(dest, &x.values[i])
			}
			err := r.Scan(dest...)
			for i, p := range x.primary { // MySQL hands out bytes that it uses again
				if b, ok := p.([]byte); ok {
					x.primary[i] = string(b)
				}
			}
			rows = append(rows, x)
			return err
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		last = rows[len(rows)-1].primary
		var done Resealed
		err = s.tx(ctx, func(tx *sql.Tx) error {
			done = Resealed{Under: map[string]int{}} // a transaction may be run again
			for _, x := range rows {
				if err := s.resealRow(ctx, tx, t, columns, x, plainToo, &done); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		out.Rows += done.Rows
		for id, n := range done.Under {
			out.Under[id] += n
		}
	}
}

type sealedRow struct {
	primary []any
	named   []string
	values  [][]byte
}

// resealRow rewrites one row if it still says what it said when it was read.
func (s *Store) resealRow(ctx context.Context, tx *sql.Tx, t sealedTable, columns []string, x sealedRow, plainToo bool, out *Resealed) error {
	ring := s.ring.Load()
	current := ring.Current()
	var sets, same []string
	var args, was []any
	for i, c := range columns {
		v := x.values[i]
		if len(v) == 0 {
			continue
		}
		place := t.name + "." + c + ":" + strings.Join(x.named, "\t")
		text := !slices.Contains(t.binary, c)
		id, sealed := seal.SealedUnder(v)
		if text {
			id, sealed = seal.TextSealedUnder(string(v))
		}
		if sealed && id == current {
			out.Under[id.String()]++
			continue
		}
		var plain []byte
		switch {
		case sealed && text:
			p, err := s.openText(t.name+"."+c, strings.Join(x.named, "\t"), string(v))
			if err != nil {
				return err
			}
			plain = []byte(p)
		case sealed:
			p, err := s.Open(place, v)
			if err != nil {
				return err
			}
			plain = p
		case plainToo:
			if plain = v; (c == "lon" || c == "lat") && bytes.Equal(v, []byte("0")) { // an unknown coordinate, once a number
				plain = nil
			}
		default:
			return fmt.Errorf("%s.%s: %w", t.name, c, seal.ErrPlain)
		}
		sets, same = append(sets, c+" = ?"), append(same, c+" = ?")
		if text {
			args, was = append(args, ring.SealText(place, string(plain))), append(was, string(v))
		} else {
			args, was = append(args, ring.Seal(place, plain)), append(was, v)
		}
		out.Under[current.String()]++
	}
	if len(sets) == 0 {
		return nil
	}
	if plainToo { // coordinates are numbers in the column and texts here: nobody else writes while the database is brought up to date
		same, was = nil, nil
	}
	for i, p := range t.primary {
		same, was = append(same, p+" = ?"), append(was, x.primary[i])
	}
	n, err := changed(tx.ExecContext(ctx, "UPDATE "+t.name+" SET "+strings.Join(sets, ", ")+" WHERE "+strings.Join(same, " AND "), append(args, was...)...))
	out.Rows += int(n)
	return err
}

// ForgetKeys says that older keys than the newest are no longer needed, after looking that nothing is sealed under them. The
// key file may drop them then; backups made before can no longer be read without them.
func (s *Store) ForgetKeys(ctx context.Context) error {
	if err := s.registerKey(ctx, false); err != nil { // a rotation may have broken off: then the newest is not written down yet
		return err
	}
	out, err := s.reseal(ctx, false)
	if err != nil {
		return err
	}
	if err := s.relookup(ctx); err != nil {
		return err
	}
	current := s.ring.Load().Current().String()
	if out.Rows > 0 {
		if out, err = s.reseal(ctx, false); err != nil || out.Rows > 0 {
			return errors.Join(err, errors.New("somebody still seals under an old key: restart every running xunfang first"))
		}
	}
	_, err = s.write.ExecContext(ctx, "DELETE FROM sealkeys WHERE id <> ?", current)
	if err != nil {
		return fmt.Errorf("forget old keys: %w", err)
	}
	return nil
}

// What a sealed number can be found by.
const (
	LookupID    = "id"    // an elder's identity number
	LookupPhone = "phone" // an elder's phone or a relative's
)

// numberForm is how a number is written where it is looked up: without the spaces and dashes people put in.
func numberForm(s string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == 'x' || r == 'X' {
			return r
		}
		return -1
	}, s))
}

// lookupWords are the rows of the table lookups for some elders and relatives.
func (s *Store) lookupWords(elders []ledger.Elder, kin []ledger.Kin) []any {
	ring := s.ring.Load()
	var args []any
	add := func(kind, value, elder, name string) {
		if word := ring.Index(kind, numberForm(value)); word != "" {
			args = append(args, word, kind, elder, name)
		}
	}
	for _, e := range elders {
		add(LookupID, e.IDNumber, e.ID, "")
		add(LookupPhone, e.Phone, e.ID, "")
	}
	for _, k := range kin {
		add(LookupPhone, k.Phone, k.ElderID, k.Name)
	}
	return args
}

// writeLookups brings the words of what an edit touched up to date.
func (s *Store) writeLookups(ctx context.Context, tx *sql.Tx, d *ledger.Differences) error {
	elders, _, _ := d.Elders.Changes()
	kin, gone, _ := d.Kin.Changes()
	var known []string
	for _, e := range elders {
		if old, was := d.Elders.Was(e.ID); was && (old.IDNumber != e.IDNumber || old.Phone != e.Phone) {
			known = append(known, e.ID)
		}
	}
	if _, err := exec(ctx, tx, "DELETE FROM lookups WHERE kin = '' AND elder_id IN (%s)", known); err != nil {
		return err
	}
	for _, k := range append(gone, kin...) {
		if _, was := d.Kin.Was(k.RowKey()); was {
			if _, err := tx.ExecContext(ctx, "DELETE FROM lookups WHERE elder_id = ? AND kin = ?", k.ElderID, k.Name); err != nil {
				return err
			}
		}
	}
	return s.insertLookups(ctx, tx, elders, kin)
}

func (s *Store) insertLookups(ctx context.Context, tx *sql.Tx, elders []ledger.Elder, kin []ledger.Kin) error {
	_, err := s.d.insert(ctx, tx, "INSERT INTO lookups (word, kind, elder_id, kin)", 4, s.lookupWords(elders, kin), s.d.ignore("word"))
	return err
}

// relookup makes all words anew, after the key has changed: until then they are found under the old one.
func (s *Store) relookup(ctx context.Context) error {
	err := s.tx(ctx, func(tx *sql.Tx) error {
		if _, err := rosterVersion(ctx, tx, s.d.forUpdate); err != nil { // nobody edits meanwhile
			return err
		}
		elders, err := readRows[ledger.Elder](ctx, s, tx, part{all: true})
		if err != nil {
			return err
		}
		kin, err := readRows[ledger.Kin](ctx, s, tx, part{all: true})
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM lookups"); err != nil {
			return err
		}
		if err := s.insertLookups(ctx, tx, elders, kin); err != nil {
			return err
		}
		return s.relookLines(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("make the lookup words anew: %w", err)
	}
	return nil
}

// ByNumber are the elders a number belongs to, their own or a relative's: found without opening anything. The caller asks May
// before saying so.
func (s *Store) ByNumber(ctx context.Context, kind, number string) ([]string, error) {
	if numberForm(number) == "" {
		return nil, nil
	}
	sealed, err := s.Sealed(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range s.ring.Load().IDs() {
		delete(sealed, id.String())
	}
	if len(sealed) > 0 { // somebody changed the key: words may lie under one that was not read here yet
		s.rereadKeys()
	}
	words := s.ring.Load().Indexes(kind, numberForm(number))
	var out []string
	err = query(ctx, s.read, "SELECT DISTINCT elder_id FROM lookups WHERE word IN (%s) AND kind = ? ORDER BY elder_id", words, []any{kind},
		func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			out = append(out, id)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("look up a number: %w", err)
	}
	return out, nil
}
