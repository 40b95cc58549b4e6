package scheduler

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"xunfang/ledger"
)

func TestShippedPacksAreSoundAndCiteTheirSources(t *testing.T) {
	if diff := cmp.Diff([]string{"inner-mongolia", "yongning"}, Shipped()); diff != "" {
		t.Fatal(diff)
	}
	for _, name := range Shipped() {
		p := pack(t, name)
		if p.Name != name {
			t.Errorf("%s calls itself %s", name, p.Name)
		}
		for _, r := range p.Visits {
			if !strings.HasPrefix(r.Source, "00") {
				t.Errorf("%s: rule %s cites no clause: %s", name, r.Name, r.Source)
			}
		}
		// The hand-written reading agrees with the library's.
		text, err := Text(name)
		if err != nil {
			t.Fatal(err)
		}
		var same Pack
		if err := yaml.UnmarshalWithOptions(text, &same, yaml.Strict()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(same, p); diff != "" {
			t.Error(diff)
		}
	}
}

func TestLoadFile(t *testing.T) {
	text, err := Text("yongning")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "本县.yaml")
	write := func(s string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.Replace(string(text), "times: 2", "times: 3", 1))
	p, err := Load(file)
	if err != nil || p.Visits[1].Times != 3 {
		t.Fatalf("%+v, %v", p.Visits, err)
	}
	write(strings.Replace(string(text), "times: 2", "times: 两次", 1))
	var faults Faults
	if p, err := Load(file); !errors.As(err, &faults) || len(faults) != 1 || len(p.Visits) != 0 {
		t.Fatalf("a faulty pack was loaded: %v, %v", p, err)
	}
	if _, err := Load("没有"); !errors.Is(err, ErrNoPack) || !strings.Contains(err.Error(), "yongning") {
		t.Fatalf("an unknown pack: %v", err)
	}
}

func TestCheckTellsAllFaultsAtOnce(t *testing.T) {
	text, err := Text("yongning")
	if err != nil {
		t.Fatal(err)
	}
	s := string(text)
	for old, new := range map[string]string{
		"name: yongning":           "naem: yongning",
		"times: 2":                 "times: 两次",
		"per: month\n    times: 1": "per: week\n    times: 1",
		"counts: [door, phone, video]\n    door_min: 1": "counts: [door, fax]\n    door_min: -1",
		"heating: [11, 12, 1, 2, 3]":                    "heating: [11, 13, 11]",
		"grace: 30m":                                    "grace: 半小时",
		"phone: no":                                     "phone: 不要",
		"recheck: [phone, address, kin]":                "recheck: phone",
		"levels: {county: 县, ":                          "levels: {",
	} {
		if !strings.Contains(s, old) {
			t.Fatalf("no %q in the pack", old)
		}
		s = strings.Replace(s, old, new, 1)
	}
	_, faults := Check([]byte(s))
	var got []string
	for _, f := range faults {
		got = append(got, f.String())
	}
	want := []string{
		"第1行 name: 没有写",
		"第3行 naem: 没有这个键 (应为 name、title、document、area、levels、visits、seasons、photo、recheck、confirm、close)",
		"第8行 levels.county: 没有写",
		"第14行 visits[0].per: “week”不认识 (应为 month、quarter)",
		"第22行 visits[1].times: 应为整数",
		"第23行 visits[1].counts[1]: “fax”不认识 (应为 door、phone、video)",
		"第24行 visits[1].door_min: -1 不合理 (应为 0 到 times)",
		"第28行 seasons.heating[1]: 没有 13 月 (应为 1 到 12)",
		"第28行 seasons.heating[2]: 11 月写了两次",
		"第35行 photo.phone: “不要”不认识 (应为 required、optional、no)",
		"第36行 photo.grace: 时间“半小时”看不懂 (应为整数加单位,如 90s、5m、2h、3d)",
		"第40行 recheck: 应为一列,如 [a, b]",
		"第43行 confirm[0]: address 不在 recheck 里 (应为 recheck 里的一项)",
		"第43行 confirm[1]: kin 不在 recheck 里 (应为 recheck 里的一项)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCheckOddFiles(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "a list": "- a\n", "a word": "yongning", "two documents": "name: a\n---\nname: b\n",
		"broken": "name: [a\n", "same key twice": "name: a\nname: b\n", "alias": "name: &a x\ntitle: *a\n", "binary": "\x00\x01",
		"null": "visits:\nphoto:\nlevels: ~\n", "numbers": "1: 2\n", "deep": strings.Repeat("[", 5000),
	} {
		if _, faults := Check([]byte(text)); len(faults) == 0 {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTwoRulesForOneElder(t *testing.T) {
	text, err := Text("yongning")
	if err != nil {
		t.Fatal(err)
	}
	_, faults := Check([]byte(strings.Replace(string(text), "tier: 重点", "tier: 全部", 1)))
	if len(faults) != 1 || faults[0].Path != "visits[1].name" {
		t.Errorf("%v", faults)
	}
}

func TestDuration(t *testing.T) {
	for s, want := range map[string]time.Duration{"0s": 0, "90s": 90 * time.Second, "5m": 5 * time.Minute, "2h": 2 * time.Hour,
		"3d": 72 * time.Hour} {
		d, err := ParseDuration(s)
		if err != nil || time.Duration(d) != want || d.String() != s {
			t.Errorf("%s: %v (%s), %v", s, time.Duration(d), d, err)
		}
	}
	for _, s := range []string{"", "5", "m", "-5m", "+5m", "1.5h", "1h30m", "5 m", "5w", "5M", "99999999999d", "999999d"} {
		if d, err := ParseDuration(s); err == nil {
			t.Errorf("%q accepted as %s", s, d)
		}
	}
}

func TestOpenFrom(t *testing.T) {
	month, quarter := Pack{Visits: []Rule{{Per: PerQuarter}, {Per: PerMonth}}}, Pack{Visits: []Rule{{Per: PerQuarter}}}
	for _, c := range []struct {
		name        string
		pack        Pack
		grace       Duration
		today, want ledger.Day
	}{
		{"the last day of a month", month, closeGrace, "2026-02-28", "2026-02-01"},
		{"three days' grace, the first", month, closeGrace, "2026-03-01", "2026-02-01"},
		{"the last", month, closeGrace, "2026-03-03", "2026-02-01"},
		{"closed", month, closeGrace, "2026-03-04", "2026-03-01"},
		{"over the year", month, closeGrace, "2027-01-02", "2026-12-01"},
		{"after a leap day", month, closeGrace, "2028-03-03", "2028-02-01"},
		{"no grace", month, 0, "2026-03-01", "2026-03-01"},
		{"a quarter", quarter, closeGrace, "2026-04-03", "2026-01-01"},
		{"a quarter closed", quarter, closeGrace, "2026-04-04", "2026-04-01"},
		{"in the middle of a quarter", quarter, closeGrace, "2026-05-02", "2026-04-01"},
	} {
		c.pack.Close.Grace = c.grace
		if got := c.pack.OpenFrom(c.today); got != c.want {
			t.Errorf("%s: %s is open from %s, want %s", c.name, c.today, got, c.want)
		}
	}
}
