package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runParse runs the command on sentences and gives what it printed.
func runParse(t *testing.T, in string, args ...string) (string, error) {
	t.Helper()
	cmd := parseCommand()
	var out bytes.Buffer
	cmd.SetIn(strings.NewReader(in))
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err := cmd.Execute()
	return out.String(), err
}

const parseRoster = "flows/understand/testdata/roster.json"

func TestParseShape(t *testing.T) {
	const in = "昨天 张桂兰 上门 都好 屋里18度\n\n{\"text\": \"马秀兰 <电话> 没人接\", \"today\": \"2025-12-09\"}\n{不是JSON"
	out, err := runParse(t, in, "--roster", parseRoster, "--at", "2026-03-11T23:30:00Z") // the 12th in China
	if err != nil {
		t.Fatal(err)
	}
	want := `{"text":"昨天 张桂兰 上门 都好 屋里18度","got":{"intent":"visit","elders":["E01"],"ambiguous":false,"method":"door","status":"ok","problems":[],"facts":{"room_temp":18},"date":"2026-03-11","emergency":null}}
{"text":"","got":{"intent":"other","elders":[],"ambiguous":false,"method":null,"status":null,"problems":[],"facts":{},"date":"2026-03-12","emergency":null}}
{"text":"马秀兰 <电话> 没人接","got":{"intent":"visit","elders":["E03","E04"],"ambiguous":true,"method":"phone","status":"absent","problems":[],"facts":{},"date":"2025-12-09","emergency":null}}
{"text":"{不是JSON","got":{"intent":"other","elders":[],"ambiguous":false,"method":null,"status":null,"problems":[],"facts":{},"date":"2026-03-12","emergency":null}}
`
	if sorted := strings.Replace(out, `"E04","E03"`, `"E03","E04"`, 1); sorted != want {
		t.Errorf("printed\n%s\nwant\n%s", out, want)
	}
}

// A county's file adds words without a build, and --explain shows that they did it.
func TestParseWords(t *testing.T) {
	words := filepath.Join(t.TempDir(), "county.txt")
	if err := os.WriteFile(words, []byte("problem.illness 身上不美气\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const in = "张桂兰 上门 身上不美气"
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "null"},
		{[]string{"--words", words}, `"problem"`},
	} {
		out, err := runParse(t, in, append(c.args, "--roster", parseRoster, "--explain")...)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Got struct{ Status json.RawMessage }
			Why []struct{ Words, Means string }
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		if string(got.Got.Status) != c.want {
			t.Errorf("%v: status %s, want %s", c.args, got.Got.Status, c.want)
		}
		led := false
		for _, w := range got.Why {
			led = led || w.Words == "身上不美气" && w.Means == "problem.illness"
		}
		if led != (c.args != nil) {
			t.Errorf("%v: explains %v", c.args, got.Why)
		}
	}
}

func TestParseFaults(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "--roster"},
		{[]string{"--roster", filepath.Join(dir, "none.json")}, "none.json"},
		{[]string{"--roster", file("bad.json", "{")}, "no list of elders"},
		{[]string{"--roster", file("twice.json", `[{"id":"1","name":"甲"},{"id":"1","name":"乙"}]`)}, "elder 2"},
		{[]string{"--roster", parseRoster, "--at", "today"}, "--at"},
		{[]string{"--roster", parseRoster, "--words", file("w.txt", "problem.ilness 头晕\n")}, "problem.ilness"},
	} {
		out, err := runParse(t, "张桂兰 都好\n", c.args...)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: says %v, want %q", c.args, err, c.says)
		}
		if strings.Contains(out, "got") {
			t.Errorf("%v: reads on after the fault: %s", c.args, out)
		}
	}
}
