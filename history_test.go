package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xunfang/ledger"
)

// TestHistoryAndExports: a clerk proves who was responsible on a day and what was known then; what is taken out is written
// down for the keeper, and a keeper takes out only what they keep.
func TestHistoryAndExports(t *testing.T) {
	config := writeConfig(t, "http://127.0.0.1:1", nil)
	c, err := LoadConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	clock := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	s, err := openStore(ctx, c, func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	save := func(by, why string, b ledger.Book) {
		if _, err := s.SaveBook(ctx, ledger.Edit{Book: b, By: by, Why: why, Today: ledger.DayOf(clock, c.zone)}); err != nil {
			t.Fatal(err)
		}
	}
	save(ledger.ByImport, "", ledger.Book{
		Regions:     []ledger.Region{{Code: "1", Name: "县", Level: ledger.LevelCounty}, {Code: "11", Name: "镇", Parent: "1", Level: ledger.LevelTownship}, {Code: "12", Name: "乡", Parent: "1", Level: ledger.LevelTownship}},
		People:      []ledger.Person{{UserID: "first", Name: "头一位"}, {UserID: "next", Name: "下一位"}, {UserID: "keeper", Name: "档案员"}, {UserID: "lead", Name: "负责人"}},
		Posts:       []ledger.Post{{UserID: "first", Role: ledger.RoleVisitor, Region: "11"}, {UserID: "keeper", Role: ledger.RoleKeeper, Region: "11"}, {UserID: "lead", Role: ledger.RoleTownship, Region: "11"}},
		Elders:      []ledger.Elder{{ID: "E1", Name: "样例甲", Region: "11", Phone: "13900000001"}, {ID: "E2", Name: "样例乙", Region: "12"}},
		Assignments: []ledger.Assignment{{ElderID: "E1", UserID: "first"}}})
	clock = clock.AddDate(0, 0, 9)
	save("keeper", "换号", ledger.Book{Elders: []ledger.Elder{{ID: "E1", Phone: "13900000002"}}, Assignments: []ledger.Assignment{{ElderID: "E1", UserID: "next", From: "2026-03-03"}, {ElderID: "E1", UserID: "first", From: "2026-03-01", To: "2026-03-02"}}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		args []string
		want string
	}{
		{[]string{"--on", "2026-03-02"}, "头一位 (first) responsible"},
		{[]string{"--on", "2026-03-05"}, "下一位 (next) responsible"},
		{[]string{"--on", "2026-03-05", "--known", "2026-03-08T00:00:00+08:00"}, "头一位 (first) responsible"}, // the correction came later
		{[]string{"--on", "2026-02-01"}, "nobody responsible"},
		{nil, `"13900000001" → "13900000002"`},
	} {
		status, out, errs := say(t, append([]string{"history", "E1", "--config", config}, x.args...)...)
		if status != 0 || !strings.Contains(out, x.want) {
			t.Errorf("history %v: %d %q %q, want %q", x.args, status, out, errs, x.want)
		}
	}
	for args, want := range map[string]int{"E9": 1, "E1 --on gestern": 2, "E1 --known gestern": 2, "E1 E2": 2} {
		if status, out, _ := say(t, append([]string{"history", "--config", config}, strings.Fields(args)...)...); status != want || out != "" {
			t.Errorf("history %s: status %d, %q", args, status, out)
		}
	}

	dir := t.TempDir()
	if status, _, errs := say(t, "export", "--config", config, "--by", "KEEPER", "--out", filepath.Join(dir, "kept.xlsx")); status != 0 {
		t.Fatal(errs)
	}
	for _, who := range []string{"lead", "first", "nobody"} { // a lead sees, but the keeper keeps
		out := filepath.Join(dir, who+".xlsx")
		if status, _, _ := say(t, "export", "--config", config, "--by", who, "--out", out); status != 1 {
			t.Errorf("%s took the ledger out: status %d", who, status)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s has a file", who)
		}
	}
	if s, err = openStore(ctx, c, time.Now); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Book(ctx)
	if err != nil {
		t.Fatal(err)
	}
	part, _ := kept(b, "keeper", ledger.DayOf(time.Now(), c.zone))
	if len(part.Elders) != 1 || part.Elders[0].ID != "E1" || len(part.Assignments) != 2 {
		t.Errorf("the keeper takes out %d elders, %d assignments", len(part.Elders), len(part.Assignments))
	}
	looks, err := s.Looks(ctx, "E1", []string{"11", "1"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, l := range looks {
		said = append(said, l.By+" "+string(l.What))
	}
	if got := strings.Join(said, ","); strings.Count(got, "operator 谁看过") != 5 || strings.Count(got, "keeper 导出") != 1 {
		t.Errorf("written down: %s", got)
	}
	if others, err := s.Looks(ctx, "E2", []string{"12", "1"}, 0); err != nil || len(others) != 0 {
		t.Errorf("an export of another township is among the looks: %v %v", others, err)
	}
}
