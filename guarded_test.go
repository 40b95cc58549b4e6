package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"xunfang/bot"
	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/store"
	"xunfang/store/storetest"
)

// These tests take the built program as an operator has it and let everything go wrong that a server knows: it is killed
// while it imports, the disk is full, the key file is lost, swapped or damaged, keys change under load. Afterwards nothing
// may be half-written, and the key may never have been printed.
//
// XUNFANG_LONG=1 kills five times as often; XUNFANG_SEED=n rolls the dice of an earlier run again.

func TestGuarded(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "xunfang")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	times := 1
	if os.Getenv("XUNFANG_LONG") != "" {
		times = 5
	}
	for name, f := range map[string]func(*testing.T){
		"kill during import sqlite":  func(t *testing.T) { killImport(t, newMachine(t, bin, storetest.SQLite), 15*times) },
		"kill during import mariadb": func(t *testing.T) { killImport(t, newMachine(t, bin, storetest.MariaDB), 5*times) },
		"full disk":                  func(t *testing.T) { fullDisk(t, newMachine(t, bin, storetest.SQLite)) },
		"faulty workbook":            func(t *testing.T) { faultyWorkbook(t, newMachine(t, bin, storetest.SQLite)) },
		"key file sqlite":            func(t *testing.T) { keyFiles(t, bin, storetest.SQLite) },
		"key file mariadb":           func(t *testing.T) { keyFiles(t, bin, storetest.MariaDB) },
		"rotate under load":          func(t *testing.T) { rotateUnderLoad(t, bin) },
		"rotate killed":              func(t *testing.T) { rotateKilled(t, newMachine(t, bin, storetest.SQLite), 4*times) },
		"purge":                      func(t *testing.T) { purges(t, newMachine(t, bin, storetest.SQLite)) },
		"upgrade":                    func(t *testing.T) { upgrade(t, newMachine(t, bin, storetest.SQLite)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t)
		})
	}
}

// machine is what an operator sits before: the program, a configuration, a folder of data, a database.
type machine struct {
	*testing.T
	bin    string
	dir    string // everything lies here: data, workbooks
	config string
	c      Config
	dice   *dice
}

func newMachine(t *testing.T, bin, driver string) *machine {
	t.Helper()
	d := &machine{T: t, bin: bin, dir: t.TempDir(), dice: newDice(t)}
	d.config = filepath.Join(d.dir, "config.yaml")
	database := "{driver: sqlite}"
	if driver == storetest.MariaDB {
		database = fmt.Sprintf("{driver: mysql, dsn: %q}", storetest.DSN(t, driver).DSN)
	}
	text := fmt.Sprintf(`listen: %s
data_dir: %q
wecom:
  api_base: http://127.0.0.1:1
  corp_id: %s
  agent_id: %d
  secret: secret
  callback: {path: /wecom/callback, token: %s, encoding_aes_key: %s}
database: %s
`, port(t), filepath.Join(d.dir, "data"), crashCorp, crashAgent, crashToken, crashKey, database)
	if err := os.WriteFile(d.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if d.c, err = LoadConfig(d.config); err != nil {
		t.Fatal(err)
	}
	return d
}

// runs a command to its end; what it says must not hold a key.
func (d *machine) runs(want int, args ...string) string {
	d.Helper()
	return d.ends(want, exec.Command(d.bin, append(args, "--config", d.config)...))
}

func (d *machine) ends(want int, cmd *exec.Cmd) string {
	d.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		d.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		d.Fatalf("%v: status %d, want %d:\n%s", cmd.Args[1:], got, want, out.String())
	}
	d.keepsSecret(out.String())
	return out.String()
}

// keepsSecret looks for the keys of the key file in what was said.
func (d *machine) keepsSecret(said string) {
	d.Helper()
	for _, secret := range secretsIn(d.c.keyFile()) {
		if strings.Contains(said, secret) {
			d.Error("a key is printed")
		}
	}
}

// secretsIn are the keys of a key file as they stand there.
func secretsIn(path string) []string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return regexp.MustCompile(`[A-Za-z0-9+/]{40,}=*`).FindAllString(string(raw), -1)
}

// complains says whether a command that failed said one plain sentence, last, and names what it must.
func (d *machine) complains(said string, names ...string) {
	d.Helper()
	lines := strings.Split(strings.TrimSpace(said), "\n")
	last := lines[len(lines)-1]
	if !strings.HasPrefix(last, "xunfang: ") || strings.Contains(said, "panic") || strings.Contains(said, "goroutine") {
		d.Errorf("no plain sentence: %s", said)
	}
	for _, n := range names {
		if !strings.Contains(last, n) {
			d.Errorf("%q does not say %q", last, n)
		}
	}
}

func (d *machine) workbook(name string, b ledger.Book, today ledger.Day) string {
	d.Helper()
	path := filepath.Join(d.dir, name)
	if err := writeFile(path, func(f *os.File) error { return papers.Write(f, b, today) }); err != nil {
		d.Fatal(err)
	}
	return path
}

func (d *machine) today() ledger.Day { return ledger.DayOf(time.Now(), d.c.zone) }

func (d *machine) database() *sql.DB {
	db, err := sql.Open(d.c.Database.Driver, d.c.dsn())
	if err != nil {
		d.Fatal(err)
	}
	return db
}

// store opens the database as the program does.
func (d *machine) store() *store.Store {
	d.Helper()
	s, err := readyStore(context.Background(), d.c)
	if err != nil {
		d.Fatal(err)
	}
	return s
}

// ledgerState is the whole ledger and what hangs on it.
type ledgerState struct {
	Book                                            string
	Revision, Revisions, Changes, Lookups, Consents int64
}

func (d *machine) state() ledgerState {
	d.Helper()
	s := d.store()
	defer s.Close()
	b, err := s.Book(context.Background())
	if err != nil {
		d.Fatal(err)
	}
	x := ledgerState{Revision: b.Version}
	b.Version = 0
	x.Book = fmt.Sprintf("%+v", b)
	db := d.database()
	defer db.Close()
	for table, n := range map[string]*int64{"revisions": &x.Revisions, "changes": &x.Changes, "lookups": &x.Lookups, "consents": &x.Consents} {
		if err := db.QueryRow("SELECT COUNT(*) FROM " + table).Scan(n); err != nil {
			d.Fatal(err)
		}
	}
	return x
}

// differ says in what two states differ, without saying what they hold.
func differ(a, b ledgerState) string {
	if a.Book == b.Book {
		a.Book, b.Book = "same", "same"
	} else {
		a.Book, b.Book = fmt.Sprint(len(a.Book), " bytes"), fmt.Sprint(len(b.Book), " other bytes")
	}
	return fmt.Sprintf("%+v and %+v", a, b)
}

// village is a book of n invented elders whose every value says which of two ledgers it is of.
func village(n int, which string, today ledger.Day) ledger.Book {
	b := papers.Sample(today)
	region, visitor := b.Elders[0].Region, b.Assignments[0].UserID
	for i := range n {
		id := fmt.Sprintf("K%05d", i)
		b.Elders = append(b.Elders, ledger.Elder{ID: id, Name: fmt.Sprint("虚构", which, i), Region: region, Address: which + "院", Health: which,
			Phone: fmt.Sprintf("139%s%07d", which, i), Consent: today.Add(-int(which[0] - '0'))})
		b.Tierings = append(b.Tierings, ledger.Tiering{ElderID: id, Tier: ledger.TierKey})
		b.Assignments = append(b.Assignments, ledger.Assignment{ElderID: id, UserID: visitor})
		b.Kin = append(b.Kin, ledger.Kin{ElderID: id, Name: fmt.Sprint("亲", i), Phone: fmt.Sprintf("138%s%07d", which, i)})
	}
	return b
}

// killImport kills the program while it takes one of two ledgers in, again and again: whichever stands there afterwards is
// whole, with its history, its acts of consent and what numbers find.
func killImport(t *testing.T, d *machine, kills int) {
	const elders = 1500
	books := [2]string{d.workbook("0.xlsx", village(elders, "0", d.today()), d.today()), d.workbook("1.xlsx", village(elders, "1", d.today()), d.today())}
	d.runs(0, "migrate")
	d.runs(0, "import", books[0])
	before := d.state()
	next := 1 // what the next import would write
	old, done, broken := 0, 0, 0
	took := [2]time.Duration{2 * time.Second, time.Second} // an import, and its writing; measured whenever one is not killed
	for broken < kills && old+done < 4*kills {
		cmd := exec.Command(d.bin, "import", books[next], "--config", d.config)
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := func(within time.Duration) {
			t := time.AfterFunc(time.Duration(d.dice.n(int(within))), func() { cmd.Process.Kill() })
			defer t.Stop()
			for lines := bufio.NewScanner(stderr); lines.Scan(); { // until it ends
			}
		}
		from, writing := time.Now(), time.Time{}
		if d.dice.n(3) == 0 {
			kill(took[0])
		} else { // most while it writes
			for lines := bufio.NewReader(stderr); ; {
				if line, err := lines.ReadString('\n'); err != nil || line == "no faults; writing\n" {
					break
				}
			}
			writing = time.Now()
			kill(took[1])
		}
		if err := cmd.Wait(); err == nil {
			if took[0] = time.Since(from); !writing.IsZero() {
				took[1] = time.Since(writing)
			}
		} else if cmd.ProcessState.Exited() {
			t.Fatalf("the import ended by itself: %v", err)
		} else {
			broken++
		}
		after := d.state()
		if after == before {
			old++
			continue
		}
		done++
		// Wholly the new one: everything follows from the number of elders and their relatives.
		if after.Revision != before.Revision+1 || after.Revisions != before.Revisions+1 {
			t.Fatalf("no single step: %s", differ(before, after))
		}
		if want := before.Consents + elders; after.Consents != want || after.Lookups != before.Lookups {
			t.Fatalf("not whole: %s; want %d consents", differ(before, after), want)
		}
		if other := []string{"1", "0"}[next]; strings.Contains(after.Book, other+"院") || strings.Count(after.Book, fmt.Sprint(next)+"院") != elders {
			t.Fatalf("a mixture of two ledgers: %s", differ(before, after))
		}
		before, next = after, 1-next
	}
	if broken < kills {
		t.Errorf("only %d of %d imports were killed", broken, old+done)
	}
	t.Logf("%d killed, %d of the old ledger, %d of the new one", broken, old, done)
	if said := d.runs(0, "import", books[next]); !strings.Contains(said, fmt.Sprintf("elders 0 new, %d changed", elders)) {
		t.Errorf("after all that: %s", said)
	}
	if said := d.runs(0, "import", books[next]); !strings.Contains(said, "nothing new") {
		t.Errorf("and again: %s", said)
	}
	s := d.store()
	defer s.Close()
	for which, want := range map[int]int{next: 1, 1 - next: 0} {
		ids, err := s.ByNumber(context.Background(), store.LookupPhone, fmt.Sprintf("139%d%07d", which, 7))
		if err != nil || len(ids) != want {
			t.Errorf("the phone of ledger %d finds %d elders: %v", which, len(ids), err)
		}
	}
}

// limited runs a command that may write no file longer than so many KiB: to the program that is a disk without room.
func (d *machine) limited(kib int, args ...string) *exec.Cmd {
	// The signal that the kernel sends with it is ignored, as on a full disk there is none.
	script := fmt.Sprintf(`trap '' XFSZ; ulimit -f %d; exec "$0" "$@"`, kib*2) // dash counts in 512 bytes
	return exec.Command("/bin/sh", append([]string{"-c", script, d.bin}, append(args, "--config", d.config)...)...)
}

// files are all files on the machine, with their sizes.
func (d *machine) files() []string {
	d.Helper()
	var out []string
	err := filepath.WalkDir(d.dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.HasSuffix(path, "-shm") && !strings.HasSuffix(path, "-wal") {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		d.Fatal(err)
	}
	return out
}

// fullDisk: a plain sentence, status 1, the old ledger whole, nothing left lying about, and with room again all is well.
func fullDisk(t *testing.T, d *machine) {
	// A key file of which no byte can be written is none: nothing may be sealed under a key that is gone at the next start.
	d.complains(d.ends(1, d.limited(0, "migrate")))
	if _, err := os.Stat(d.c.keyFile()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key file lies there after a start on a full disk: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(d.dir, "data", ".xunfang*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	d.runs(0, "migrate")

	small, large := d.workbook("small.xlsx", village(20, "0", d.today()), d.today()), d.workbook("large.xlsx", village(3000, "1", d.today()), d.today())
	d.runs(0, "import", small)
	before, files := d.state(), d.files()
	for _, kib := range []int{64, 512, 1024} {
		d.complains(d.ends(1, d.limited(kib, "import", large)), "the import failed", "nothing is half-written", "room on the disk")
		if after := d.state(); after != before {
			t.Fatalf("%d KiB: a failed import left something: %s", kib, differ(before, after))
		}
		if now := d.files(); !slices.Equal(now, files) {
			t.Errorf("%d KiB: files before %v, after %v", kib, files, now)
		}
	}
	d.runs(0, "import", large)
	out := filepath.Join(d.dir, "out.xlsx")
	short := []int{40, 128} // SQLite needs 32 to open what is there
	for _, kib := range short {
		d.complains(d.ends(1, d.limited(kib, "export", "--out", out)), "write "+out)
		if now := d.files(); !slices.Equal(now, files) {
			t.Errorf("%d KiB: files before %v, after %v", kib, files, now)
		}
	}
	d.runs(0, "export", "--out", out)
	yesterday, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	files = d.files()
	for _, kib := range short {
		d.complains(d.ends(1, d.limited(kib, "export", "--out", out)), "write "+out)
		if now, err := os.ReadFile(out); err != nil || !bytes.Equal(now, yesterday) || !slices.Equal(d.files(), files) {
			t.Errorf("the export of yesterday is gone: %v", err)
		}
	}
	if said := d.runs(0, "import", out); !strings.Contains(said, "nothing new") {
		t.Errorf("the export: %s", said)
	}
}

// faultyWorkbook: every fault is named, nothing is written; a good one says how far it is, what is new, and where nobody is
// responsible.
func faultyWorkbook(t *testing.T, d *machine) {
	b := village(2500, "0", d.today())
	good := d.workbook("good.xlsx", b, d.today())
	b.Elders[70].Region, b.Elders[80].Phone = "999", "12"
	bad := d.workbook("bad.xlsx", b, d.today())
	d.runs(0, "migrate")
	before := d.state()
	said := d.runs(1, "import", bad)
	if strings.Count(said, "老人!") != 2 || !strings.Contains(said, "the workbook has 2 faults; nothing was written") {
		t.Errorf("two faults: %s", said)
	}
	if after := d.state(); after != before {
		t.Errorf("a faulty workbook left something: %s", differ(before, after))
	}
	if said := d.runs(0, "import", "--check", good); !strings.Contains(said, "no faults") || d.state() != before {
		t.Errorf("--check: %s", said)
	}
	cmd := exec.Command(d.bin, "import", good, "--config", d.config)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	for _, want := range []string{"老人: 1000 rows read\n老人: 2000 rows read\n", "家属: 1000 rows read", "no faults; writing"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("progress says %q, nothing of %q", stderr.String(), want)
		}
	}
	if !strings.Contains(stdout.String(), "elders 2560 new, 0 changed") {
		t.Errorf("import says %q", stdout.String())
	}
	if said := d.runs(0, "import", good); !strings.Contains(said, "nothing new: the ledger stands as it was") {
		t.Errorf("the same again: %s", said)
	}

	// Somebody gives up their elders, a village loses its lead.
	gap := papers.Sample(d.today())
	var alone, lead string
	for _, p := range gap.Posts {
		if p.Role == ledger.RoleVillage {
			lead = p.UserID
		}
	}
	alone = gap.Elders[0].ID
	s := d.store()
	vacant := func() (n [2]int) {
		r, err := s.Roster(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range r.Elders() {
			if len(r.Visiting(e.ID, d.today())) == 0 {
				n[0]++
			}
		}
		for _, g := range r.Regions() {
			if g.Level == ledger.LevelVillage && len(r.Posted(ledger.RoleVillage, g.Code, d.today())) == 0 {
				n[1]++
			}
		}
		return n
	}
	first := vacant()
	s.Close()
	who, _ := personOf(gap, lead)
	said = d.runs(0, "import", d.workbook("gap.xlsx", ledger.Book{People: []ledger.Person{who}, Posts: []ledger.Post{{UserID: lead, Role: ledger.RoleVolunteer, Region: gap.Regions[0].Code}},
		Elders: gap.Elders[:1], Assignments: []ledger.Assignment{{ElderID: alone, UserID: "-"}}}, d.today()))
	if want := fmt.Sprintf("nobody is responsible for %d elders, and %d villages have no lead", first[0]+1, first[1]+1); !strings.Contains(said, want) {
		t.Errorf("vacancies: %q, want %q", said, want)
	}
}

func personOf(b ledger.Book, user string) (ledger.Person, bool) {
	i := slices.IndexFunc(b.People, func(p ledger.Person) bool { return p.UserID == user })
	return b.People[i], i >= 0
}

// keyFiles: made once, said once, and a lost, strange or damaged one is an explained refusal that changes nothing.
func keyFiles(t *testing.T, bin, driver string) {
	d, other := newMachine(t, bin, driver), newMachine(t, bin, storetest.SQLite)
	const made = "a key file was made"
	if said := d.runs(0, "migrate"); strings.Count(said, made) != 1 || !strings.Contains(said, d.c.keyFile()) {
		t.Errorf("the first start says of its key file: %s", said)
	}
	if info, err := os.Stat(d.c.keyFile()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v %v", info.Mode(), err)
	}
	book := d.workbook("book.xlsx", village(30, "0", d.today()), d.today())
	if said := d.runs(0, "migrate") + d.runs(0, "import", book); strings.Contains(said, made) {
		t.Errorf("a second start says it again: %s", said)
	}
	other.runs(0, "migrate")
	right, err := os.ReadFile(d.c.keyFile())
	if err != nil {
		t.Fatal(err)
	}
	strange, err := os.ReadFile(other.c.keyFile())
	if err != nil {
		t.Fatal(err)
	}
	before := d.state()
	secret := secretsIn(d.c.keyFile())[0]
	flipped := map[byte]string{'A': "B"}[secret[5]]
	if flipped == "" {
		flipped = "A"
	}
	for name, x := range map[string]struct {
		content []byte // nil: no file
		says    string
	}{
		"lost":      {nil, "is not there"},
		"strange":   {strange, "holds other keys"},
		"empty":     {[]byte{}, "cannot be used"},
		"cut off":   {right[:len(right)-12], "cannot be used"},
		"one digit": {bytes.Replace(right, []byte(secret), []byte(secret[:5]+flipped+secret[6:]), 1), "cannot be used"},
		"garbage":   {[]byte("\x00\xff not a key file"), "cannot be used"},
	} {
		if err := os.Remove(d.c.keyFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if x.content != nil {
			if err := os.WriteFile(d.c.keyFile(), x.content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out := filepath.Join(d.dir, "out.xlsx")
		for _, args := range [][]string{{"serve"}, {"import", book}, {"export", "--out", out}, {"migrate"}, {"purge", "--yes"}, {"key", "rotate"}, {"key", "forget"}} {
			said := d.runs(1, args...)
			d.complains(said, d.c.keyFile(), x.says, "put back the copy", "Nothing was changed")
			if strings.Contains(said, secret) || strings.Contains(said, secret[:12]) {
				t.Errorf("%s, %v: the key is printed", name, args)
			}
		}
		now, err := os.ReadFile(d.c.keyFile())
		if x.content == nil && !errors.Is(err, os.ErrNotExist) || x.content != nil && !bytes.Equal(now, x.content) {
			t.Errorf("%s: the key file was touched", name)
		}
		if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: an export was written", name)
		}
		if err := os.WriteFile(d.c.keyFile(), right, 0o600); err != nil {
			t.Fatal(err)
		}
		if after := d.state(); after != before {
			t.Errorf("%s: %s", name, differ(before, after))
		}
	}
	if said := d.runs(0, "import", book); !strings.Contains(said, "nothing new") {
		t.Errorf("with the right key again: %s", said)
	}
}

// under are the keys that the database says something may be sealed under.
func under(t *testing.T, s *store.Store) map[string]bool {
	t.Helper()
	ids, err := s.Sealed(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// rotateUnderLoad changes the key while visitors log visits and send photos; nothing is lost, and afterwards the old key
// opens nothing any more.
func rotateUnderLoad(t *testing.T, bin string) {
	s := besiege(t, bin, storetest.SQLite, 40)
	p := s.process(s.listen, "")
	c, err := LoadConfig(p.config)
	if err != nil {
		t.Fatal(err)
	}
	d := &machine{T: t, bin: bin, dir: s.dir, config: p.config, c: c}
	old, err := os.ReadFile(c.keyFile())
	if err != nil {
		t.Fatal(err)
	}
	// The audit opens the database with the key file, too.
	s.where.Keys = c.keys
	p.start()
	p.await()
	s.begin()
	more := func(n int64) {
		before := s.visits.Load()
		eventually(t, "visits", func() bool { return s.visits.Load() >= before+n })
	}
	more(15)
	for range 2 {
		if said := d.runs(0, "key", "rotate"); !strings.Contains(said, "sealed anew: ") || !strings.Contains(said, c.keyFile()) {
			t.Errorf("rotate says %q", said)
		}
		more(15)
	}
	// Nobody seals under an old key any more: the running program has read the file again, or forget refuses.
	said := d.runs(0, "key", "forget")
	if !strings.Contains(said, "only the newest key is left") {
		t.Errorf("forget says %q", said)
	}
	more(15)
	s.end(p)

	if n := len(secretsIn(c.keyFile())); n != 1 {
		t.Errorf("%d keys are left in the key file", n)
	}
	newest, err := os.ReadFile(c.keyFile())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range append(secretsIn(c.keyFile()), regexp.MustCompile(`[A-Za-z0-9+/]{40,}=*`).FindAllString(string(old), -1)...) {
		log, err := os.ReadFile(p.log)
		if err != nil || bytes.Contains(log, []byte(secret)) {
			t.Errorf("the log holds a key: %v", err)
		}
	}
	// Every photo opens under the new key alone.
	st := d.store()
	album, err := bot.NewAlbum(c.photoDir(), st)
	if err != nil {
		t.Fatal(err)
	}
	photos := 0
	for _, path := range d.files() {
		if hash, ok := strings.CutSuffix(filepath.Base(path), ".sealed"); ok {
			photos++
			if _, err := album.Photo(hash); err != nil {
				t.Errorf("a photo does not open: %v", err)
			}
		}
	}
	if photos == 0 {
		t.Error("no photos were sent: that was no load")
	}
	if ids := under(t, st); len(ids) != 1 {
		t.Errorf("the database still names %d keys", len(ids))
	}
	st.Close()
	// The copy of before opens nothing.
	if err := os.WriteFile(c.keyFile(), old, 0o600); err != nil {
		t.Fatal(err)
	}
	d.complains(d.runs(1, "export", "--out", filepath.Join(s.dir, "out.xlsx")), "holds other keys")
	if err := os.WriteFile(c.keyFile(), newest, 0o600); err != nil {
		t.Fatal(err)
	}
	d.runs(0, "export", "--out", filepath.Join(s.dir, "out.xlsx"))
}

// rotateKilled kills a rotation wherever it stands; run again, it ends where it would have.
func rotateKilled(t *testing.T, d *machine, kills int) {
	d.runs(0, "migrate")
	d.runs(0, "import", d.workbook("book.xlsx", village(1500, "0", d.today()), d.today()))
	hashes := d.photos(20)
	before := d.state()
	from := time.Now()
	d.runs(0, "key", "rotate")
	took := time.Since(from)
	for range kills {
		cmd := exec.Command(d.bin, "key", "rotate", "--config", d.config)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(d.dice.n(int(took))), func() { cmd.Process.Kill() })
		cmd.Wait()
		timer.Stop()
		if after := d.state(); after != before {
			t.Fatalf("a rotation that was killed changed the ledger: %s", differ(before, after))
		}
		d.readable(hashes)
	}
	d.runs(0, "key", "rotate")
	d.runs(0, "key", "forget")
	if n := len(secretsIn(d.c.keyFile())); n != 1 {
		t.Errorf("%d keys are left", n)
	}
	if left, _ := filepath.Glob(filepath.Join(d.dir, "data", ".xunfang*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if after := d.state(); after != before {
		t.Errorf("rotating changed the ledger: %s", differ(before, after))
	}
	d.readable(hashes)
}

// photos puts pictures into the album, each of a record's.
func (d *machine) photos(n int) (hashes []string) {
	d.Helper()
	s := d.store()
	defer s.Close()
	album, err := openAlbum(d.c, s)
	if err != nil {
		d.Fatal(err)
	}
	var rows []ledger.Photo
	for i := range n {
		hash, size, _, err := album.Keep(picture("wangfang", i))
		if err != nil {
			d.Fatal(err)
		}
		hashes = append(hashes, hash)
		rows = append(rows, ledger.Photo{Key: fmt.Sprint("p", i), UserID: "wangfang", State: ledger.PhotoStored, Hash: hash, Bytes: size, At: time.Now().AddDate(0, 0, -20)})
	}
	if err := s.Commit(context.Background(), store.Turn{Changes: ledger.Changes{Photos: rows}}); err != nil {
		d.Fatal(err)
	}
	return hashes
}

func (d *machine) readable(hashes []string) {
	d.Helper()
	s := d.store()
	defer s.Close()
	album, err := bot.NewAlbum(d.c.photoDir(), s)
	if err != nil {
		d.Fatal(err)
	}
	for _, h := range hashes {
		if _, err := album.Photo(h); err != nil {
			d.Errorf("a photo does not open: %v", err)
		}
	}
}

// purges says before it deletes.
func purges(t *testing.T, d *machine) {
	d.complains(d.runs(1, "purge"), "xunfang migrate")
	d.runs(0, "migrate")
	if said := d.runs(0, "purge"); !strings.Contains(said, "nothing has been kept too long") {
		t.Errorf("a new county: %s", said)
	}
	b := papers.Sample(d.today())
	b.Standings = []ledger.Standing{{ElderID: b.Elders[0].ID, Kind: ledger.StandingDied, From: d.today().Add(-200)},
		{ElderID: b.Elders[1].ID, Kind: ledger.StandingMoved, From: d.today().Add(-10)}}
	d.runs(0, "import", d.workbook("book.xlsx", b, d.today()))
	hashes := d.photos(3) // of no record, twenty days old
	before, files := d.state(), d.files()
	for range 2 {
		said := d.runs(0, "purge")
		for _, want := range []string{"would delete 3: photos that belong to no record", "would delete 1: elders who left"} {
			if !strings.Contains(said, want) {
				t.Errorf("purge says %q, nothing of %q", said, want)
			}
		}
		if d.state() != before || !slices.Equal(d.files(), files) {
			t.Error("saying deletes")
		}
	}
	said := d.runs(0, "purge", "--yes")
	for _, want := range []string{"deleted 3: photos that belong to no record", "deleted 1: elders who left"} {
		if !strings.Contains(said, want) {
			t.Errorf("purge --yes says %q, nothing of %q", said, want)
		}
	}
	after := d.state()
	for _, gone := range []string{b.Elders[0].Name, b.Elders[0].IDNumber, b.Elders[0].Address} {
		if gone != "" && strings.Contains(after.Book, gone) {
			t.Error("the elder who died 200 days ago is still named")
		}
	}
	if !strings.Contains(after.Book, b.Elders[1].Name) || !strings.Contains(after.Book, store.ErasedName) {
		t.Error("the wrong elder was removed")
	}
	if left, _ := filepath.Glob(filepath.Join(d.c.photoDir(), "??", hashes[0]+"*")); len(left) > 0 {
		t.Errorf("a photo is left: %v", left)
	}
	if said := d.runs(0, "purge", "--yes"); !strings.Contains(said, "nothing has been kept too long") {
		t.Errorf("a second purge: %s", said)
	}
	d.runs(2, "purge", "now")
}

// upgrade starts on what version 0.1 left: database and photos unsealed.
func upgrade(t *testing.T, d *machine) {
	f, err := os.Open("store/testdata/v0.1.sqlite.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(filepath.Join(d.c.photoDir(), "ab"), 0o700), os.WriteFile(d.c.dsn(), raw, 0o600)); err != nil {
		t.Fatal(err)
	}
	var hashes []string
	pictures := map[string][]byte{}
	for i := range 3 {
		data := picture("wangfang", i)
		hash := fmt.Sprintf("ab%062x", i)
		hashes = append(hashes, hash)
		pictures[hash] = data
		if err := os.WriteFile(filepath.Join(d.c.photoDir(), "ab", hash+".jpg"), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	personal := []string{"13900000888", "灯泡坏了", "老人摔倒"}
	for _, word := range personal {
		if !bytes.Contains(raw, []byte(word)) {
			t.Fatalf("the fixture has no %s", word)
		}
	}
	d.complains(d.runs(1, "export", "--out", filepath.Join(d.dir, "out.xlsx")), "xunfang migrate")
	p := d.serving()
	p.await()
	p.terminate()
	for _, path := range d.files() {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range personal {
			if bytes.Contains(data, []byte(word)) {
				t.Errorf("%s still says %s", filepath.Base(path), word)
			}
		}
		for _, data2 := range pictures {
			if bytes.Contains(data, data2[:64]) {
				t.Errorf("%s is a picture that everybody can see", filepath.Base(path))
			}
		}
		if strings.HasSuffix(path, ".jpg") {
			t.Errorf("%s is left", filepath.Base(path))
		}
	}
	s := d.store()
	album, err := bot.NewAlbum(d.c.photoDir(), s)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hashes {
		if data, err := album.Photo(h); err != nil || !bytes.Equal(data, pictures[h]) {
			t.Errorf("a photo of before: %v", err)
		}
	}
	s.Close()
	before, sealed := d.state(), d.contents()
	if !strings.Contains(before.Book, "139000") {
		t.Error("the ledger is not readable")
	}
	if said := d.runs(0, "migrate"); said != "the database is up to date\n" {
		t.Errorf("a second start says %q", said)
	}
	p.start()
	p.await()
	p.terminate()
	if after := d.state(); after != before {
		t.Errorf("a second start changed the ledger: %s", differ(before, after))
	}
	for name, data := range d.contents() {
		if data != sealed[name] {
			t.Errorf("a second start changed %s", name)
		}
	}
}

// contents are the photos as they lie there, and the sealed columns of the ledger.
func (d *machine) contents() map[string]string {
	d.Helper()
	out := map[string]string{}
	for _, path := range d.files() {
		if strings.HasSuffix(path, ".sealed") {
			data, err := os.ReadFile(path)
			if err != nil {
				d.Fatal(err)
			}
			out[filepath.Base(path)] = string(data)
		}
	}
	db := d.database()
	defer db.Close()
	rows, err := db.Query("SELECT id, phone FROM elders UNION ALL SELECT id, address FROM elders UNION ALL SELECT `key`, note FROM entries")
	if err != nil {
		d.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, v string
		if err := rows.Scan(&id, &v); err != nil {
			d.Fatal(err)
		}
		out["rows"] += id + " " + v + "\n"
	}
	if err := rows.Err(); err != nil {
		d.Fatal(err)
	}
	return out
}

// serving is `serve` on the machine's database.
func (d *machine) serving() *process {
	s := &siege{t: d.T, bin: d.bin, dir: d.dir, dice: d.dice}
	p := &process{siege: s, addr: d.c.Listen, config: d.config, log: filepath.Join(d.dir, "serve.log")}
	p.start()
	return p
}

// BenchmarkImport50k is an import of 50,000 elders with relatives and assignments by the built program into an empty database,
// and the most memory it ever held: a county's server has a minute and 300 MB for it.
func BenchmarkImport50k(b *testing.B) {
	bin := filepath.Join(b.TempDir(), "xunfang")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	today := ledger.Day("2026-03-02")
	workbook := filepath.Join(b.TempDir(), "ledger.xlsx")
	if err := writeFile(workbook, func(f *os.File) error { return papers.Write(f, village(50_000, "0", today), today) }); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		config := filepath.Join(dir, "config.yaml")
		if err := os.WriteFile(config, []byte(fmt.Sprintf("data_dir: %q\n", dir)), 0o600); err != nil {
			b.Fatal(err)
		}
		if out, err := exec.Command(bin, "migrate", "--config", config).CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		b.StartTimer()
		cmd := exec.Command(bin, "import", workbook, "--config", config)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss // KiB
		b.ReportMetric(float64(peak)/1024, "MB-peak")
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/import")
}
