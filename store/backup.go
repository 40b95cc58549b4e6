package store

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
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
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pressly/goose/v3"

	"xunfang/ledger"
)

// Manifest says what a backup holds. It is the archive's last member: whoever has read it has read the whole archive, and
// the sums in it are of what was really written.
type Manifest struct {
	Format  int       `json:"format"`
	Schema  int64     `json:"schema"` // the version of the tables
	Driver  string    `json:"driver"` // of the database it was taken from; it restores into either
	Made    time.Time `json:"made"`
	Tables  []Part    `json:"tables"`
	Photos  Part      `json:"photos"`
	Missing int64     `json:"missing"` // photos that the ledger names and the folder has not
}

// Part is one table or all photos: how many, and the SHA-256 over name, length and bytes of their members in the archive's
// order. One sum for each of a million photos would be a manifest of a hundred megabytes and tell no more.
type Part struct {
	Name   string `json:"name"`
	Count  int64  `json:"count"`
	SHA256 string `json:"sha256"`
}

// Restored says what a restore found and did.
type Restored struct {
	Manifest Manifest
	Held     int         // messages that waited when the backup was made and were not sent since, here
	Alarms   []OutboxRow // those of them that are alarms
}

// Errors of Restore.
var (
	ErrNotEmpty    = errors.New("a backup is restored only into an empty database and an empty folder for photos: name new ones in the configuration")
	ErrDamaged     = errors.New("the backup is damaged, or no backup of this program: take another one")
	ErrNewerBackup = errors.New("the backup was made by a newer version of this program: restore it with that version")
	ErrUnfinished  = errors.New("a restore into this database was not finished, so it holds only part of the ledger: " +
		"delete it and the folder for photos, and restore the backup again")
)

const (
	backupFormat = 1
	manifestName = "manifest.json"
	manifestMax  = 1 << 20
	chunkBytes   = 1 << 20  // a table is cut into members of this size: tar wants the size first, and nobody holds a table in memory
	memberMax    = 64 << 20 // more is a bomb: the longest row is a WeCom message of 1 MiB, the largest photo 60 megapixels, packed
	unpackedMin  = 64 << 20
	unpackedMax  = 200 // times the archive's size: what people write packs to a tenth, a bomb to a thousandth
)

// unfinished is the version a database is at while it is being restored: every version of the program, also one that knows
// nothing of restores, refuses a database newer than itself.
const unfinished = math.MaxInt32

// heldBack is why a restored message does not go by itself: it went out on the old machine, or its hour has passed.
const heldBack = "restored from a backup: send again with outbox retry"

// Backup writes everything the database holds as of one moment, and the photos it names, while others read and write. What
// is sealed stays sealed: without the key file, which is not in it, nobody can read the backup.
func (s *Store) Backup(ctx context.Context, w io.Writer, photos fs.FS) (Manifest, error) {
	m, err := s.backup(ctx, w, photos)
	if err != nil {
		return Manifest{}, fmt.Errorf("back up: %w", err)
	}
	return m, nil
}

func (s *Store) backup(ctx context.Context, w io.Writer, photos fs.FS) (m Manifest, err error) {
	// Both databases fix what a transaction sees at its first read.
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{Isolation: s.d.snapshot, ReadOnly: true})
	if err != nil {
		return m, fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() // nothing was written
	m = Manifest{Format: backupFormat, Driver: s.d.name, Made: second(s.now()), Photos: Part{Name: "photos"}}
	if err := tx.QueryRowContext(ctx, "SELECT MAX(version_id) FROM goose_db_version WHERE is_applied").Scan(&m.Schema); err != nil {
		return m, fmt.Errorf("read the database's version: %w", err)
	}
	// Photos do not pack, and a county's machine has better things to do.
	packed, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return m, err
	}
	a := archiver{tar: tar.NewWriter(packed), made: m.Made}
	tables, err := s.d.tables(ctx, tx)
	if err != nil {
		return m, err
	}
	for _, name := range tables {
		part, err := a.table(ctx, tx, s.d, name)
		if err != nil {
			return m, fmt.Errorf("table %s: %w", name, err)
		}
		m.Tables = append(m.Tables, part)
	}
	if m.Photos, m.Missing, err = a.photos(ctx, tx, photos); err != nil {
		return m, fmt.Errorf("photos: %w", err)
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, err
	}
	if err := a.put(manifestName, int64(len(text)), bytes.NewReader(text), sha256.New()); err != nil {
		return m, err
	}
	return m, errors.Join(a.tar.Close(), packed.Close())
}

// tables are the names of all tables, goose's own aside.
func (d dialect) tables(ctx context.Context, q querier) ([]string, error) {
	text := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`
	if d.name == MySQL {
		text = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
	}
	var out []string
	err := each(ctx, q, text, nil, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		if name != goose.DefaultTablename {
			out = append(out, name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	slices.Sort(out)
	return out, nil
}

// columns are a table's, in its order.
func columns(ctx context.Context, q querier, table string) ([]string, error) {
	rows, err := q.QueryContext(ctx, "SELECT * FROM "+quoted(table)+" WHERE 1 = 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return rows.Columns()
}

// quoted is a name as both databases take it.
func quoted(name string) string { return "`" + name + "`" }

// archiver writes members.
type archiver struct {
	tar  *tar.Writer
	made time.Time
}

func (a archiver) put(name string, size int64, r io.Reader, sum hash.Hash) error {
	if size > memberMax { // no restore would take it
		return fmt.Errorf("%s is too large: %d bytes", name, size)
	}
	h := tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: a.made}
	if err := a.tar.WriteHeader(&h); err != nil {
		return err
	}
	label(sum, name, size)
	if _, err := io.CopyN(io.MultiWriter(a.tar, sum), r, size); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// label puts a member's name and length into a sum, so that its bytes cannot be taken for another's.
func label(sum hash.Hash, name string, size int64) { fmt.Fprintf(sum, "%s %d\n", name, size) }

func digits(sum hash.Hash) string { return hex.EncodeToString(sum.Sum(nil)) }

// table writes a table as members of JSON lines: the names of the columns, then a row a line.
func (a archiver) table(ctx context.Context, tx *sql.Tx, d dialect, name string) (Part, error) {
	p, sum := Part{Name: name}, sha256.New()
	var chunk bytes.Buffer
	line := json.NewEncoder(&chunk)
	line.SetEscapeHTML(false)
	chunks := 0
	flush := func() error {
		chunks++
		err := a.put(fmt.Sprintf("tables/%s/%08d.jsonl", name, chunks), int64(chunk.Len()), &chunk, sum)
		chunk.Reset()
		return err
	}
	rows, err := tx.QueryContext(ctx, "SELECT * FROM "+quoted(name))
	if err != nil {
		return p, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return p, err
	}
	names := make([]string, len(types))
	for i, c := range types {
		names[i] = c.Name()
	}
	row, to := make([]any, len(names)), make([]any, len(names))
	for i := range row {
		to[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return p, err
		}
		for i := range names {
			if row[i], err = plain(row[i], types[i].DatabaseTypeName(), d); err != nil {
				return p, fmt.Errorf("column %s: %w", names[i], err)
			}
		}
		if chunk.Len() == 0 {
			if err := line.Encode(names); err != nil {
				return p, err
			}
		}
		if err := line.Encode(row); err != nil {
			return p, err
		}
		p.Count++
		if chunk.Len() >= chunkBytes {
			if err := flush(); err != nil {
				return p, err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return p, err
	}
	if chunk.Len() > 0 {
		if err := flush(); err != nil {
			return p, err
		}
	}
	p.SHA256 = digits(sum)
	return p, nil
}

// typed is a value that JSON has no letters for: bytes, an instant, a text that is no UTF-8.
type typed struct {
	Bytes *[]byte    `json:"b,omitempty"`
	Time  *time.Time `json:"t,omitempty"`
	Text  *[]byte    `json:"s,omitempty"`
}

// plain is a value as the archive holds it: what it is, not how one database stores it.
func plain(v any, kind string, d dialect) (any, error) {
	switch v := v.(type) {
	case nil, int64, uint64:
		return v, nil
	case float32:
		return float(float64(v))
	case float64:
		return float(v)
	case time.Time:
		return typed{Time: &v}, nil
	case string:
		if !utf8.ValidString(v) {
			b := []byte(v)
			return typed{Text: &b}, nil
		}
		return v, nil
	case []byte:
		// MySQL's driver gives texts as bytes, too, and SQLite's an empty BLOB as a nil that is no NULL.
		if d.name == MySQL && !strings.Contains(kind, "BLOB") && !strings.Contains(kind, "BINARY") && kind != "BIT" {
			return plain(string(v), kind, d)
		}
		v = append([]byte{}, v...)
		return typed{Bytes: &v}, nil
	default:
		return nil, fmt.Errorf("a backup knows no %T", v)
	}
}

// float keeps a number's every digit, and that it is no integer.
func float(v float64) (any, error) {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil, errors.New("a number without end cannot be backed up")
	}
	s := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return json.RawMessage(s), nil
}

// value is what plain was made from.
func value(text json.RawMessage) (any, error) {
	switch {
	case len(text) == 0:
		return nil, errors.New("no value")
	case string(text) == "null":
		return nil, nil
	case text[0] == '"':
		var s string
		err := json.Unmarshal(text, &s)
		return s, err
	case text[0] == '{':
		var v typed
		if err := json.Unmarshal(text, &v); err != nil {
			return nil, err
		}
		switch {
		case v.Bytes != nil:
			return *v.Bytes, nil
		case v.Time != nil:
			return *v.Time, nil
		case v.Text != nil:
			return string(*v.Text), nil
		}
		return nil, errors.New("a value of no known kind")
	case bytes.ContainsAny(text, ".eE"):
		return strconv.ParseFloat(string(text), 64)
	case text[0] == '-':
		return strconv.ParseInt(string(text), 10, 64)
	default: // false, [ and the like are no numbers, so they fail here
		n, err := strconv.ParseUint(string(text), 10, 64)
		if n <= math.MaxInt64 {
			return int64(n), err
		}
		return n, err
	}
}

// photoHash is what may name a photo's file.
var photoHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// photos copies the files that the snapshot's rows name: they were written before the row said so, and never change. One
// sixteenth of the names is in memory at a time, and no cursor is open while files are copied: MySQL would hang up on it.
func (a archiver) photos(ctx context.Context, tx *sql.Tx, dir fs.FS) (p Part, missing int64, err error) {
	p.Name = "photos"
	sum := sha256.New()
	var all int64
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(DISTINCT hash) FROM photos WHERE state = ?", string(ledger.PhotoStored)).Scan(&all); err != nil {
		return p, 0, err
	}
	for _, digit := range "0123456789abcdef" {
		var hashes []string
		err := each(ctx, tx, "SELECT DISTINCT hash FROM photos WHERE state = ? AND hash LIKE ? ORDER BY hash",
			[]any{string(ledger.PhotoStored), string(digit) + "%"}, func(rows *sql.Rows) error {
				var h string
				err := rows.Scan(&h)
				if !photoHash.MatchString(h) {
					return fmt.Errorf("%q names no file", h)
				}
				hashes = append(hashes, h)
				return err
			})
		if err != nil {
			return p, 0, err
		}
		all -= int64(len(hashes))
		for len(hashes) > 0 {
			folder := hashes[0][:2]
			n := len(hashes)
			if i := slices.IndexFunc(hashes, func(h string) bool { return h[:2] != folder }); i > 0 {
				n = i
			}
			lost, err := a.folder(ctx, dir, folder, hashes[:n], &p, sum)
			if err != nil {
				return p, 0, err
			}
			missing += lost
			hashes = hashes[n:]
		}
	}
	if all != 0 {
		return p, 0, errors.New("the ledger names photos by something that is no SHA-256")
	}
	p.SHA256 = digits(sum)
	return p, missing, nil
}

// folder copies one folder's files of the given names, whatever their ending.
func (a archiver) folder(ctx context.Context, dir fs.FS, folder string, hashes []string, p *Part, sum hash.Hash) (missing int64, err error) {
	files, err := fs.ReadDir(dir, folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	names := map[string][]string{}
	for _, f := range files {
		stem, _, _ := strings.Cut(f.Name(), ".")
		names[stem] = append(names[stem], folder+"/"+f.Name())
	}
	for _, h := range hashes {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		before := p.Count
		for _, name := range names[h] {
			err := a.photo(dir, name, sum)
			if err == nil {
				p.Count++
			} else if !errors.Is(err, fs.ErrNotExist) { // it may have been purged since the snapshot
				return 0, err
			}
		}
		if p.Count == before {
			missing++
		}
	}
	return missing, nil
}

func (a archiver) photo(dir fs.FS, name string, sum hash.Hash) error {
	f, err := dir.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return a.put("photos/"+name, info.Size(), f, sum)
}

// Restore fills an empty database and an empty folder from a backup, all of it or nothing that could be taken for the whole:
// rows are one transaction, and until it is committed the database says that it is unfinished. Messages that waited are
// held back for a person to decide about; photos that waited to be fetched are fetched.
func (s *Store) Restore(ctx context.Context, archive io.ReadSeeker, photos string) (Restored, error) {
	r, err := s.restore(ctx, archive, photos)
	if err != nil {
		return Restored{}, fmt.Errorf("restore: %w", err)
	}
	return r, nil
}

func (s *Store) restore(ctx context.Context, archive io.ReadSeeker, photos string) (out Restored, err error) {
	if err := s.vacant(ctx, photos); err != nil {
		return out, err
	}
	// Everything is read and its sums are compared before anything is written.
	proofs := map[string]string{}
	m, err := readArchive(ctx, archive, func(x member, r io.Reader) error {
		if x.table == "sealkeys" {
			return readProofs(r, proofs)
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	if err := s.fits(proofs); err != nil {
		return out, err
	}
	p, err := s.goose()
	if err != nil {
		return out, err
	}
	sources := p.ListSources()
	switch {
	case m.Format > backupFormat || m.Schema > sources[len(sources)-1].Version:
		return out, fmt.Errorf("format %d, schema %d: %w", m.Format, m.Schema, ErrNewerBackup)
	case !slices.ContainsFunc(sources, func(x *goose.Source) bool { return x.Version == m.Schema }):
		return out, fmt.Errorf("schema %d: %w", m.Schema, ErrDamaged)
	}
	if _, err := p.UpTo(ctx, m.Schema); err != nil {
		return out, fmt.Errorf("make the tables: %w", err)
	}
	if m.Schema == sources[len(sources)-1].Version { // else the migrations to come see to it
		if err := s.guard(ctx); err != nil {
			return out, err
		}
	}
	if _, err := s.write.ExecContext(ctx, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, ?)", unfinished, true); err != nil {
		return out, fmt.Errorf("mark the database: %w", err)
	}
	if err := s.fill(ctx, archive, m, photos); err != nil {
		return out, fmt.Errorf("%w; %w", err, ErrUnfinished)
	}
	if err := s.Migrate(ctx); err != nil {
		return out, err
	}
	out.Manifest = m
	rows, err := s.Outbox(ctx, OutboxFilter{States: []OutboxState{StateDead}, Limit: math.MaxInt32})
	for _, x := range rows {
		if x.Reason != heldBack {
			continue
		}
		out.Held++
		if x.Priority == ledger.PriorityAlarm {
			out.Alarms = append(out.Alarms, x)
		}
	}
	return out, err
}

// vacant refuses what holds anything, be it only empty tables.
func (s *Store) vacant(ctx context.Context, photos string) error {
	exists, err := s.hasTable(ctx, goose.DefaultTablename)
	if err != nil {
		return err
	}
	if exists {
		var marked int
		if err := s.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM goose_db_version WHERE version_id = ?", unfinished).Scan(&marked); err != nil {
			return fmt.Errorf("read the database's version: %w", err)
		}
		if marked > 0 {
			return ErrUnfinished
		}
	}
	tables, err := s.d.tables(ctx, s.read)
	if err != nil {
		return err
	}
	files, err := os.ReadDir(photos)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at the folder for photos: %w", err)
	}
	if exists || len(tables) > 0 || len(files) > 0 {
		return ErrNotEmpty
	}
	return nil
}

// fill is one transaction. Photos go to a folder beside theirs, which takes its name at the end.
func (s *Store) fill(ctx context.Context, archive io.ReadSeeker, m Manifest, photos string) (err error) {
	photos = filepath.Clean(photos)
	beside := photos + ".restoring"
	if err := errors.Join(os.RemoveAll(beside), os.MkdirAll(beside, 0o700)); err != nil {
		return fmt.Errorf("make the folder for photos: %w", err)
	}
	dir, err := os.OpenRoot(beside) // no name leads out of it
	if err != nil {
		return fmt.Errorf("open the folder for photos: %w", err)
	}
	err = s.txOnce(ctx, func(tx *sql.Tx) error {
		l := loader{ctx: s.quick(ctx), tx: tx, d: s.d, counts: map[string]int64{}}
		if err := l.begin(m); err != nil {
			return err
		}
		again, err := readArchive(ctx, archive, func(x member, r io.Reader) error {
			if x.table == "" {
				return keepPhoto(dir, x.photo, r)
			}
			return l.load(x.table, r)
		})
		if err != nil {
			return err
		}
		for _, t := range again.Tables {
			if l.counts[t.Name] != t.Count {
				return fmt.Errorf("table %s has %d rows, its manifest says %d: %w", t.Name, l.counts[t.Name], t.Count, ErrDamaged)
			}
		}
		if err := l.hold(moment(s.now())); err != nil {
			return err
		}
		if err := moveIn(beside, photos); err != nil {
			return err
		}
		_, err = tx.ExecContext(l.ctx, "DELETE FROM goose_db_version WHERE version_id = ?", unfinished)
		return err
	})
	return errors.Join(err, dir.Close(), os.RemoveAll(beside))
}

// keepPhoto writes a file that nobody has written before.
func keepPhoto(dir *os.Root, name string, r io.Reader) error {
	if err := dir.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return fmt.Errorf("store photo: %w", err)
	}
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("store photo: %w", err)
	}
	_, err = io.Copy(f, r)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("store photo: %w", err)
	}
	return nil
}

// moveIn gives the folder its name. An empty folder of that name may be in the way.
func moveIn(beside, photos string) error {
	err := os.Remove(photos)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err := errors.Join(err, os.Rename(beside, photos)); err != nil {
		return fmt.Errorf("name the folder for photos: %w", err)
	}
	return nil
}

// loader writes rows into tables as they are at the backup's version.
type loader struct {
	ctx    context.Context
	tx     *sql.Tx
	d      dialect
	counts map[string]int64
	table  string   // that was written to last
	have   []string // its columns
}

// begin compares the tables and takes out what the migrations put in.
func (l *loader) begin(m Manifest) error {
	have, err := l.d.tables(l.ctx, l.tx)
	if err != nil {
		return err
	}
	var named []string
	for _, t := range m.Tables {
		named = append(named, t.Name)
	}
	if slices.Sort(named); !slices.Equal(have, named) {
		return fmt.Errorf("the tables are not those of schema %d: %w", m.Schema, ErrDamaged)
	}
	for _, t := range have {
		if _, err := l.tx.ExecContext(l.ctx, "DELETE FROM "+quoted(t)); err != nil {
			return fmt.Errorf("empty table %s: %w", t, err)
		}
	}
	return nil
}

// load writes one member of a table.
func (l *loader) load(table string, r io.Reader) error {
	if l.table != table {
		have, err := columns(l.ctx, l.tx, table)
		if err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
		l.table, l.have = table, slices.Sorted(slices.Values(have))
	}
	names, args, err := decode(r)
	if err != nil {
		return fmt.Errorf("table %s: %w", table, damaged(err))
	}
	if !slices.Equal(slices.Sorted(slices.Values(names)), l.have) {
		return fmt.Errorf("table %s has other columns: %w", table, ErrDamaged)
	}
	l.counts[table] += int64(len(args) / len(names))
	for i, n := range names {
		names[i] = quoted(n)
	}
	head := "INSERT INTO " + quoted(table) + " (" + strings.Join(names, ", ") + ")"
	if _, err := l.d.insert(l.ctx, l.tx, head, len(names), args, ""); err != nil {
		return fmt.Errorf("write table %s: %w", table, err)
	}
	return nil
}

// decode reads a member of a table: the names of its columns, and the rows' values one after the other.
func decode(r io.Reader) (names []string, args []any, err error) {
	lines := json.NewDecoder(r)
	if err := lines.Decode(&names); err != nil {
		return nil, nil, err
	}
	for {
		var row []json.RawMessage
		err := lines.Decode(&row)
		if err == io.EOF {
			return names, args, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if len(row) != len(names) {
			return nil, nil, fmt.Errorf("a row of %d values for %d columns", len(row), len(names))
		}
		for i, text := range row {
			v, err := value(text)
			if err != nil {
				return nil, nil, fmt.Errorf("column %.64q: %w", names[i], err)
			}
			args = append(args, v)
		}
	}
}

// readProofs collects what the keys are known by that the backup is sealed under.
func readProofs(r io.Reader, proofs map[string]string) error {
	names, args, err := decode(r)
	id, proof := slices.Index(names, "id"), slices.Index(names, "proof")
	if err != nil || id < 0 || proof < 0 {
		return damaged(cmp.Or(err, errors.New("it names no keys")))
	}
	for row := range slices.Chunk(args, len(names)) {
		key, _ := row[id].(string)
		proofs[key], _ = row[proof].(string)
	}
	return nil
}

// fits says whether the keys at hand open what was sealed elsewhere: KeyError if not.
func (s *Store) fits(proofs map[string]string) error {
	lost := &KeyError{}
	for id, proof := range proofs {
		if plain, err := s.ring.Load().OpenText("sealkeys.proof:"+id, proof); err != nil || plain != proofOf {
			lost.Want = append(lost.Want, id)
		}
	}
	if len(lost.Want) > 0 {
		slices.Sort(lost.Want)
		return lost
	}
	return nil
}

// hold keeps messages that waited from going: most went out after the backup was made, and the others' hour has passed.
// What is only fetched or asked nobody hears of, and WeCom forgets it in days. Nobody holds a lane any more.
func (l *loader) hold(now int64) error {
	_, err := l.tx.ExecContext(l.ctx, "UPDATE outbox SET state = CASE WHEN expires <= ? THEN 3 ELSE 2 END, done_at = ?, unsure = 1, reason = ?"+
		" WHERE state = 0 AND call_ NOT IN (?, ?)", now, now, heldBack, string(ledger.CallFetch), string(ledger.CallHeard))
	if err == nil {
		_, err = l.tx.ExecContext(l.ctx, "UPDATE lanes SET free_at = 0 WHERE free_at <> 0")
	}
	if err != nil {
		return fmt.Errorf("hold messages back: %w", err)
	}
	return nil
}

// member is one file of an archive: a piece of a table, or a photo.
type member struct {
	table string
	photo string // xx/name
}

var (
	tableMember = regexp.MustCompile(`^tables/([0-9a-z_]{1,64})/[0-9]{8}\.jsonl$`)
	photoMember = regexp.MustCompile(`^photos/([0-9a-f]{2}/[0-9a-f]{64}(?:\.[0-9a-z]{1,16}){0,2})$`)
)

// readArchive hands every member to visit and compares everything with the manifest at the end. An archive may come from
// anywhere: names, kinds and sizes are those that Backup writes, or it is refused.
func readArchive(ctx context.Context, archive io.ReadSeeker, visit func(member, io.Reader) error) (m Manifest, err error) {
	size, err := archive.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = archive.Seek(0, io.SeekStart)
	}
	if err != nil {
		return m, fmt.Errorf("read the backup: %w", err)
	}
	raw := bufio.NewReaderSize(archive, 1<<16)
	packed, err := gzip.NewReader(raw)
	if err != nil {
		return m, damaged(err)
	}
	packed.Multistream(false)
	unpacked := &bounded{packed, unpackedMin + unpackedMax*size}
	files := tar.NewReader(unpacked)
	sums, photos, done := map[string]hash.Hash{}, int64(0), false
	for {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		h, err := files.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return m, damaged(err)
		}
		x, part, ok := memberOf(h.Name)
		if h.Typeflag != tar.TypeReg || h.Size < 0 || h.Size > memberMax || done || !ok {
			return m, damaged(fmt.Errorf("the member %.100q does not belong there", h.Name))
		}
		if part == manifestName {
			if m, err = readManifest(h.Size, files); err != nil {
				return m, err
			}
			done = true
			continue
		}
		if sums[part] == nil {
			if len(sums) == tablesMax {
				return m, damaged(errors.New("too many tables"))
			}
			sums[part] = sha256.New()
		}
		if x.photo != "" {
			photos++
		}
		label(sums[part], h.Name, h.Size)
		body := io.TeeReader(whole{files}, sums[part])
		if err := visit(x, body); err != nil {
			return m, err
		}
		if _, err := io.Copy(io.Discard, body); err != nil {
			return m, err
		}
	}
	// The tar ends before the gzip does, and only the gzip's end proves its bytes.
	if _, err := io.Copy(io.Discard, unpacked); err != nil {
		return m, damaged(err)
	}
	if _, err := raw.ReadByte(); err != io.EOF || !done {
		return m, damaged(errors.New("it ends in the wrong place"))
	}
	return m, m.compare(sums, photos)
}

// damaged is ErrDamaged with what was wrong.
func damaged(err error) error {
	if errors.Is(err, ErrDamaged) {
		return err
	}
	return fmt.Errorf("%w (%w)", ErrDamaged, err)
}

// bounded reads no more than a bomb's beginning.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, damaged(errors.New("it unpacks to far too much"))
	}
	return n, err
}

// whole tells what is wrong with the archive from what is wrong with whoever reads it.
type whole struct{ r io.Reader }

func (w whole) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF {
		err = damaged(err)
	}
	return n, err
}

// tablesMax bounds what an archive can make us remember.
const tablesMax = 1000

// memberOf reads a member's name, and says what it is part of.
func memberOf(name string) (x member, part string, ok bool) {
	if name == manifestName {
		return member{}, manifestName, true
	}
	if f := tableMember.FindStringSubmatch(name); f != nil {
		return member{table: f[1]}, "tables/" + f[1], true
	}
	if f := photoMember.FindStringSubmatch(name); f != nil && f[1][:2] == f[1][3:5] {
		return member{photo: f[1]}, "photos", true
	}
	return member{}, "", false
}

func readManifest(size int64, r io.Reader) (m Manifest, err error) {
	if size > manifestMax {
		return m, damaged(errors.New("its manifest is too long"))
	}
	text, err := io.ReadAll(r)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	switch {
	case err != nil:
		return m, damaged(err)
	case m.Format > backupFormat: // what it means by the rest only its program knows
		return m, fmt.Errorf("format %d: %w", m.Format, ErrNewerBackup)
	case m.Format < 1:
		return m, damaged(errors.New("its manifest names no format"))
	}
	return m, nil
}

// compare says whether an archive is what its manifest says.
func (m Manifest) compare(sums map[string]hash.Hash, photos int64) error {
	parts := map[string]string{"photos": m.Photos.SHA256}
	for _, t := range m.Tables {
		parts["tables/"+t.Name] = t.SHA256
	}
	for part := range sums {
		if _, ok := parts[part]; !ok {
			return damaged(fmt.Errorf("%s is not in its manifest", part))
		}
	}
	for part, want := range parts {
		got := sums[part]
		if got == nil { // an empty table has no members
			got = sha256.New()
		}
		if digits(got) != want {
			return damaged(fmt.Errorf("the checksum of %s does not match", part))
		}
	}
	if photos != m.Photos.Count {
		return damaged(errors.New("photos are missing"))
	}
	return nil
}
