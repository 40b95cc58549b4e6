package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/seal"
	"xunfang/store"
	"xunfang/store/storetest"
)

// county is the configuration of a machine with the sample ledger on it; its people are invented. A photo lies there and an
// alarm waits.
func county(t *testing.T) (config string, c Config) {
	t.Helper()
	config = writeConfig(t, "http://127.0.0.1:1", nil)
	book := filepath.Join(t.TempDir(), "book.xlsx")
	if err := writeFile(book, func(f *os.File) error { return papers.SampleWorkbook(f, "2026-03-11") }); err != nil {
		t.Fatal(err)
	}
	does(t, 0, "migrate", "--config", config)
	does(t, 0, "import", "--config", config, book)
	c, err := LoadConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	s, err := readyStore(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Repeat("ab", 32)
	err = s.Commit(context.Background(), store.Turn{Changes: ledger.Changes{
		Photos: []ledger.Photo{{Key: "p1", UserID: "wangfang", State: ledger.PhotoStored, Hash: hash, At: time.Now()},
			{Key: "p2", UserID: "wangfang", State: ledger.PhotoStored, Hash: strings.Repeat("cd", 32), At: time.Now()}},
		Messages: []ledger.Message{{Key: "alarm/1", To: "lixia", Priority: ledger.PriorityAlarm, Call: ledger.CallSend, Body: []byte("{}")}},
	}})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(c.photoDir(), "ab")
	if err := errors.Join(os.MkdirAll(folder, 0o700), os.WriteFile(filepath.Join(folder, hash+".sealed"), []byte("a photo"), 0o600)); err != nil {
		t.Fatal(err)
	}
	return config, c
}

// does runs a command that ends with a status, and gives what it said.
func does(t *testing.T, status int, args ...string) string {
	t.Helper()
	got, stdout, stderr := say(t, args...)
	if got != status {
		t.Fatalf("%v: status %d, want %d: %s", args, got, status, stderr)
	}
	return stdout + stderr
}

// TestBackupCommand takes a county to an empty machine, on the embedded database and on MariaDB, and nowhere else.
func TestBackupCommand(t *testing.T) {
	config, c := county(t)
	dir := t.TempDir()
	out := filepath.Join(dir, "backup.tar.gz")
	said := does(t, 0, "backup", "--config", config, "--out", out)
	for _, want := range []string{c.keyFile() + " is not in it", "and 1 photos", "1 photos that the ledger names are not in"} {
		if !strings.Contains(said, want) {
			t.Errorf("backup says %q, nothing of %q", said, want)
		}
	}
	info, err := os.Stat(out)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup's mode: %v %v", info.Mode(), err)
	}
	key, err := os.ReadFile(c.keyFile())
	if err != nil {
		t.Fatal(err)
	}

	maria := storetest.DSN(t, storetest.MariaDB).DSN
	for name, edit := range map[string]func(string) string{
		"sqlite": nil,
		"mariadb": func(s string) string {
			return strings.NewReplacer("driver: sqlite", "driver: mysql", `dsn: ""  `, "dsn: '"+maria+"' ").Replace(s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			empty := writeConfig(t, "http://127.0.0.1:1", edit)
			to, err := LoadConfig(empty)
			if err != nil {
				t.Fatal(err)
			}
			// Without the key, with another one, and with the right one.
			if said := does(t, 1, "restore", "--config", empty, out); !strings.Contains(said, "there is no key file "+to.keyFile()) {
				t.Errorf("without a key file: %s", said)
			}
			if _, err := os.Stat(to.keyFile()); err == nil {
				t.Fatal("a key file was made that opens nothing")
			}
			if err := seal.New(time.Now()).Create(to.keyFile()); err != nil {
				t.Fatal(err)
			}
			if said := does(t, 1, "restore", "--config", empty, out); !strings.Contains(said, "sealed under other keys") {
				t.Errorf("with another key: %s", said)
			}
			if err := os.WriteFile(to.keyFile(), key, 0o600); err != nil {
				t.Fatal(err)
			}
			said := does(t, 0, "restore", "--config", empty, out)
			for _, want := range []string{"restored: ", "1 messages that waited are held back", "an alarm is among them: ID 1, to lixia"} {
				if !strings.Contains(said, want) {
					t.Errorf("restore says %q, nothing of %q", said, want)
				}
			}
			if said := does(t, 0, "outbox", "list", "--config", empty); !strings.Contains(said, "dead") || !strings.Contains(said, "restored from a backup") {
				t.Errorf("the alarm is not listed: %s", said)
			}
			photo, err := os.ReadFile(filepath.Join(to.photoDir(), "ab", strings.Repeat("ab", 32)+".sealed"))
			if err != nil || string(photo) != "a photo" {
				t.Errorf("the photo: %q %v", photo, err)
			}
			// What one exports is nothing new to the other.
			book := filepath.Join(dir, name+".xlsx")
			does(t, 0, "export", "--config", config, "--out", book)
			if said := does(t, 0, "import", "--config", empty, book); !strings.Contains(said, "nothing new") {
				t.Errorf("the restored ledger differs: %s", said)
			}
			if said := does(t, 1, "restore", "--config", empty, out); !strings.Contains(said, "only into an empty database") {
				t.Errorf("a second restore: %s", said)
			}
		})
	}
}

// TestBackupUsage: 2 for a mistake in the command line, 1 for what failed, each with a sentence.
func TestBackupUsage(t *testing.T) {
	config := writeConfig(t, "http://127.0.0.1:1", nil)
	dir := filepath.Dir(config)
	c, err := LoadConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(dir, "garbage.tar.gz")
	if err := errors.Join(seal.New(time.Now()).Create(c.keyFile()), os.WriteFile(garbage, []byte("no archive"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		args   string
		status int
		says   string
	}{
		{"backup --out " + dir + "/x.tar.gz", 2, "--config FILE"},
		{"backup --config " + config, 2, "--out XUNFANG-BACKUP.tar.gz"},
		{"backup --config " + config + " --out x y", 2, "--out XUNFANG-BACKUP.tar.gz"},
		{"backup --config " + config + " --out " + dir + "/x.tar.gz", 1, "xunfang migrate"},
		{"restore --config " + config, 2, "name one backup"},
		{"restore --config " + config + " a b", 2, "name one backup"},
		{"restore --config " + config + " " + dir + "/nowhere.tar.gz", 1, "nowhere.tar.gz: no such file"},
		{"restore --config " + config + " " + garbage, 1, "is damaged"},
		{"backup --help", 0, ""},
		{"restore --help", 0, ""},
	} {
		status, stdout, stderr := say(t, strings.Fields(x.args)...)
		if status != x.status || !strings.Contains(stderr, x.says) {
			t.Errorf("%s: status %d, says %q; want %d and %q", x.args, status, stderr, x.status, x.says)
		}
		if status == 0 && !strings.Contains(stdout, "Examples:") {
			t.Errorf("%s: no example", x.args)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*x.tar.gz*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// narrow is a disk with so many bytes left.
type narrow struct {
	io.Writer
	left int
}

func (r *narrow) Write(p []byte) (int, error) {
	if r.left -= len(p); r.left < 0 {
		return 0, syscall.ENOSPC
	}
	return r.Writer.Write(p)
}

// TestBackupOnFullDisk: the backup of yesterday stays, and nothing lies beside it.
func TestBackupOnFullDisk(t *testing.T) {
	config, c := county(t)
	dir := t.TempDir()
	out := filepath.Join(dir, "backup.tar.gz")
	does(t, 0, "backup", "--config", config, "--out", out)
	before, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	s, err := readyStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, left := range []int{0, 1, len(before) / 2, len(before) - 100} {
		err := writeFile(out, func(f *os.File) error {
			_, err := s.Backup(t.Context(), &narrow{f, left}, os.DirFS(c.photoDir()))
			return err
		})
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("with room for %d bytes: %v", left, err)
		}
		if after, err := os.ReadFile(out); err != nil || string(after) != string(before) {
			t.Errorf("with room for %d bytes the old backup is gone: %v", left, err)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
			t.Errorf("with room for %d bytes something was left: %v %v", left, files, err)
		}
	}
	if said := does(t, 1, "backup", "--config", config, "--out", filepath.Join(dir, "none", "x.tar.gz")); !strings.Contains(said, "none") {
		t.Errorf("a folder that is not there: %s", said)
	}
}
