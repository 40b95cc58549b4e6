package main

import (
	"bytes"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xunfang/bot/sim"
	"xunfang/ledger/papers"
)

// say runs a command as a person would and gives its exit status and what it printed.
func say(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var kept [2]bytes.Buffer
	var done [2]chan struct{}
	old := [2]*os.File{os.Stdout, os.Stderr}
	var writers [2]*os.File
	for i := range kept {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		writers[i], done[i] = w, make(chan struct{})
		go func() { _, _ = io.Copy(&kept[i], r); close(done[i]) }()
	}
	os.Stdout, os.Stderr = writers[0], writers[1]
	status = run(args)
	os.Stdout, os.Stderr = old[0], old[1]
	for i := range kept {
		writers[i].Close()
		<-done[i]
	}
	return status, kept[0].String(), kept[1].String()
}

const testSecret = "SECRETSECRETSECRET"

// writeConfig writes a configuration for a simulator's address; edit changes its text.
func writeConfig(t *testing.T, apiBase string, edit func(string) string) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("XUNFANG_WECOM_SECRET", testSecret)
	t.Setenv("XUNFANG_WECOM_TOKEN", "QDG6eKtesttoken")
	t.Setenv("XUNFANG_WECOM_AES_KEY", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C")
	text, err := os.ReadFile("config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := strings.NewReplacer("./data ", dir+" ", "https://qyapi.weixin.qq.com ", apiBase+" ", "listen: 127.0.0.1:8080", "listen: 127.0.0.1:0").Replace(string(text))
	if edit != nil {
		s = edit(s)
	}
	path := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestExitStatus: 0 done, 1 failed, 2 wrong usage; every error is a sentence that says what to do, and every command has
// help with an example.
func TestExitStatus(t *testing.T) {
	config := writeConfig(t, "http://127.0.0.1:1", nil)
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"--help", 0, ""},
		{"fly", 2, "`xunfang --help`"},
		{"serve", 2, "--config FILE"},
		{"serve --confg x", 2, "unknown flag"},
		{"serve --config nowhere.yaml", 1, "config.example.yaml"},
		{"migrate extra --config " + config, 2, "takes no arguments"},
		{"import --config " + config, 2, "name one workbook"},
		{"import a.xlsx b.xlsx --config " + config, 2, "name one workbook"},
		{"outbox", 2, "outbox list"},
		{"outbox retry x --config " + config, 2, "no message ID"},
		{"outbox list --config " + config, 1, "xunfang migrate"},
		{"export --config " + config, 2, "--out"},
		{"cards --out a.pdf --config " + config, 1, "xunfang migrate"},
		{"menu", 2, "menu push"},
		{"demo now", 2, "takes no arguments"},
	} {
		status, _, stderr := say(t, strings.Fields(c.args)...)
		if status != c.status || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: status %d, says %q; want %d and %q", c.args, status, stderr, c.status, c.says)
		}
		if strings.Contains(stderr, testSecret) {
			t.Errorf("%s prints the secret", c.args)
		}
	}
	for _, cmd := range []string{"demo", "serve", "migrate", "import", "export", "remind", "policy", "policy preview", "outbox", "outbox list", "outbox retry", "outbox drop", "menu", "menu push",
		"doctor", "backup", "restore", "key", "key rotate", "key forget", "purge", "photos", "history", "cards", "parse"} {
		if status, stdout, _ := say(t, append(strings.Fields(cmd), "--help")...); status != 0 || !strings.Contains(stdout, "Examples:") {
			t.Errorf("%s --help: status %d, no example", cmd, status)
		}
	}
}

// TestConfigFaults: unknown keys and bad values are refused with file, line and what is accepted; never with a secret.
func TestConfigFaults(t *testing.T) {
	for name, c := range map[string]struct{ old, new, says string }{
		"an unknown key":      {"timezone:", "timezones:", `config.yaml:6:`},
		"a wrong kind":        {"agent_id: 1000002", "agent_id: many", `config.yaml:15:`},
		"no such zone":        {"Asia/Shanghai", "Asia/Nowhere", "config.yaml:6: timezone: "},
		"no such policy":      {"policy: yongning", "policy: utopia", "config.yaml:8: policy: "},
		"no such words":       {"words: []", "words: [./nowhere.txt]", "config.yaml:9: words: cannot read the words in ./nowhere.txt"},
		"no such driver":      {"driver: sqlite", "driver: oracle", "sqlite, mysql"},
		"mysql without dsn":   {"driver: sqlite", "driver: mysql", "user:password@tcp"},
		"no such level":       {"level: info", "level: loud", "debug, info, warn, error"},
		"no such card update": {"card_update: api", "card_update: maybe", "api, passive"},
		"a variable not set":  {"${XUNFANG_WECOM_TOKEN}", "${XUNFANG_NOT_SET_ANYWHERE}", "XUNFANG_NOT_SET_ANYWHERE is not set"},
		"a short key":         {"${XUNFANG_WECOM_AES_KEY}", "short", "43"},
		"a bad redis address": {`url: ""   `, `url: "nonsense:` + testSecret + `"`, "redis://"},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeConfig(t, "http://127.0.0.1:1", func(s string) string {
				if !strings.Contains(s, c.old) {
					t.Fatalf("config.example.yaml has no %q", c.old)
				}
				return strings.Replace(s, c.old, c.new, 1)
			})
			status, _, stderr := say(t, "serve", "--config", path)
			if status != 1 || !strings.Contains(stderr, c.says) {
				t.Errorf("status %d: %s", status, stderr)
			}
			if strings.Contains(stderr, testSecret) {
				t.Errorf("a secret is printed: %s", stderr)
			}
		})
	}
}

// TestLedgerCommands takes a ledger in, twice, and out again, and refuses a faulty one whole.
func TestLedgerCommands(t *testing.T) {
	config := writeConfig(t, "http://127.0.0.1:1", nil)
	dir := filepath.Dir(config)
	book, faulty, out := filepath.Join(dir, "book.xlsx"), filepath.Join(dir, "faulty.xlsx"), filepath.Join(dir, "out.xlsx")
	must := func(want int, args ...string) string {
		t.Helper()
		status, stdout, stderr := say(t, args...)
		if status != want {
			t.Fatalf("%v: status %d: %s", args, status, stderr)
		}
		return stdout + stderr
	}
	write := func(path string, edit func()) {
		t.Helper()
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		b := papers.Sample("2026-03-11")
		if edit != nil {
			b.Elders[4].Region = "999"
			b.Elders[6].Birth = "1876-13-45"
		}
		if err := papers.Write(f, b, "2026-03-11"); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	write(book, nil)
	write(faulty, func() {})
	must(0, "migrate", "--config", config)
	if said := must(1, "import", "--config", config, faulty); strings.Count(said, "老人!") < 2 || !strings.Contains(said, "nothing was written") {
		t.Errorf("a faulty workbook: %s", said)
	}
	if said := must(0, "import", "--check", "--config", config, book); !strings.Contains(said, "60 elders") {
		t.Errorf("--check: %s", said)
	}
	first := must(0, "import", "--config", config, book)
	second := must(0, "import", "--config", config, book)
	if first == second {
		t.Errorf("the second import says what the first did: %s", second)
	}
	must(0, "export", "--config", config, "--out", out)
	if third := must(0, "import", "--config", config, out); third != second {
		t.Errorf("an export that is imported changes something: %s", third)
	}
	must(0, "import", "--template", filepath.Join(dir, "template.xlsx"))
	if said := must(0, "outbox", "list", "--config", config); strings.Count(said, "\n") != 1 {
		t.Errorf("the outbox of a new county: %s", said)
	}
	if said := must(1, "outbox", "drop", "7", "--config", config); !strings.Contains(said, "no waiting or dead message 7") {
		t.Errorf("an unknown message: %s", said)
	}
}

// TestMenuPush publishes the menu to a WeCom that keeps WeCom's limits.
func TestMenuPush(t *testing.T) {
	s, err := sim.New(sim.Options{CorpID: "ww0000000000000000", AgentID: 1000002, Secret: testSecret, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	srv := httptest.NewServer(s)
	defer srv.Close()
	config := writeConfig(t, srv.URL, nil)
	if status, _, stderr := say(t, "migrate", "--config", config); status != 0 {
		t.Fatal(stderr)
	}
	if status, _, stderr := say(t, "menu", "push", "--config", config); status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	wrong := writeConfig(t, srv.URL, func(s string) string { return strings.Replace(s, "${XUNFANG_WECOM_SECRET}", "WRONGSECRET", 1) })
	if status, _, stderr := say(t, "migrate", "--config", wrong); status != 0 {
		t.Fatal(stderr)
	}
	if status, _, stderr := say(t, "menu", "push", "--config", wrong); status != 1 || !strings.Contains(stderr, "40001") || strings.Contains(stderr, "WRONGSECRET") {
		t.Errorf("a wrong secret: status %d: %s", status, stderr)
	}
}
