package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// countyPolicy writes yongning, edited, as a county would.
func countyPolicy(t testing.TB, edits ...string) string {
	t.Helper()
	text, err := os.ReadFile("scheduler/packs/yongning.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := string(text)
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(s, edits[i]) {
			t.Fatalf("the pack has no %q", edits[i])
		}
		s = strings.Replace(s, edits[i], edits[i+1], 1)
	}
	path := filepath.Join(t.TempDir(), "county.yaml")
	if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPolicyCommands(t *testing.T) {
	shipped, err := os.ReadFile("scheduler/packs/yongning.yaml")
	if err != nil {
		t.Fatal(err)
	}
	same, often := countyPolicy(t), countyPolicy(t, "times: 2", "times: 3", "grace: 3d", "grace: 5d")
	faulty := countyPolicy(t, "times: 2", "times: 两次", "grace: 30m", "grace: 半小时", "heating: [11,", "heating: [13,")
	for _, c := range []struct {
		args           string
		status         int
		stdout, stderr string
	}{
		{"list", 0, "inner-mongolia\t内蒙古农村牧区留守老年人探访\t内蒙古自治区\t《关于加强农村牧区留守老年人关爱服务工作的实施意见》(内蒙古自治区民政厅等,2018年8月10日)\n" +
			"yongning\t永宁县留守老年人巡访\t宁夏回族自治区银川市永宁县\t《永宁县留守老年人巡访工作实施方案》(永宁县老龄工作委员会办公室,2019年1月9日)\n", ""},
		{"show yongning", 0, string(shipped), ""},
		{"show " + often, 1, "", "xunfang: no policy " + often + " ships; `xunfang policy list` shows those that do\n"},
		{"check inner-mongolia", 0, "ok   inner-mongolia: 内蒙古农村牧区留守老年人探访, 1 visiting rule; records stay open 3d after a period ends\n" +
			"     季度探访(全部): 每季度1次,上门、电话、视频算数\n", ""},
		{"check " + often, 0, "ok   " + often + ": 永宁县留守老年人巡访, 2 visiting rules; records stay open 5d after a period ends\n" +
			"     月巡访(普通): 每月1次,上门、电话、视频算数\n     月巡访(重点): 每月3次,上门、电话、视频算数,至少1次上门\n", ""},
		{"check " + faulty, 1, "", "第22行 visits[1].times: 应为整数\n第28行 seasons.heating[0]: 没有 13 月 (应为 1 到 12)\n" +
			"第36行 photo.grace: 时间“半小时”看不懂 (应为整数加单位,如 90s、5m、2h、3d)\n" +
			"xunfang: the policy " + faulty + " has 3 faults; mend the lines named above and check it again\n"},
		{"check nowhere.yaml", 1, "", "xunfang: there is no policy file nowhere.yaml, and none of that name ships; `xunfang policy list` shows those that do\n"},
		{"diff yongning " + same, 0, "yongning and " + same + " say the same\n", ""},
		{"diff yongning " + often, 0, "2 differences from yongning to " + often + ":\n巡访规则 月巡访(重点) · 次数: 每月2次 → 每月3次\n" +
			"结账 · 期满后还能补记、更正: 3天 → 5天\n", ""},
		{"diff yongning inner-mongolia", 0, toMongolia, ""},
		{"diff yongning " + faulty, 1, "", "第22行"},
		{"", 2, "", "policy list, show, check, diff or preview"},
		{"fly", 2, "", "policy list, show, check, diff or preview"},
		{"list all", 2, "", "takes no arguments"},
		{"show", 2, "", "policy list"},
		{"check", 2, "", "name one policy file"},
		{"diff yongning", 2, "", "name two policies"},
		{"preview --at 2026-04-01", 2, "", "--config FILE"},
		{"preview --config x.yaml", 2, "", "--at"},
		{"preview --config x.yaml --at tomorrow", 2, "", "--at"},
		{"preview --config x.yaml --at 2026-02-30", 2, "", "--at"},
	} {
		status, stdout, stderr := say(t, append([]string{"policy"}, strings.Fields(c.args)...)...)
		if status != c.status || stdout != c.stdout || !strings.Contains(stderr, c.stderr) || c.stderr == "" && stderr != "" {
			t.Errorf("policy %s: status %d, want %d\n%s\n%s%s", c.args, status, c.status, cmp.Diff(c.stdout, stdout), stderr, c.stderr)
		}
	}
	for _, cmd := range []string{"", " list", " show", " check", " diff", " preview"} {
		if status, stdout, _ := say(t, append(strings.Fields("policy"+cmd), "--help")...); status != 0 || !strings.Contains(stdout, "Examples:") {
			t.Errorf("policy%s --help: status %d, no example", cmd, status)
		}
	}
}

const toMongolia = `14 differences from yongning to inner-mongolia:
取消 巡访规则 月巡访(普通): 每月1次,上门、电话、视频算数;依据 002 五·巡访次数:对普通巡访对象做到每月巡访一次;五·巡访方式:电话问候、上门巡访;视频当电话算为本系统默认
取消 巡访规则 月巡访(重点): 每月2次,上门、电话、视频算数,至少1次上门;依据 002 五·巡访次数:对重点巡访对象做到每月不少于两次;至少一次上门为本系统默认
新增 巡访规则 季度探访(全部): 每季度1次,上门、电话、视频算数;依据 000 三(三):采取电话问候、上门走访等方式,每季度定期进行探访、摸底、排查
季节 · 问取暖和室温的月份: 11、12、1、2、3月 → 10、11、12、1、2、3、4月
季节 · 依据: 002 五·巡访内容:雨季住房安全,冬季室内温度和取暖安全;月份和温度为本系统默认(宁夏供暖期11月至次年3月) → 000 没有规定;月份和温度为本系统默认(内蒙古供暖期10月至次年4月)
照片 · 依据: 002 五·巡访记录:每次巡访要保留图片资料;电话巡访不要照片、半小时内补上为本系统默认 → 000 没有规定;上门留一张照片为本系统默认
结账 · 依据: 002 没有规定;月末后三天内还能补记为本系统默认 → 000 没有规定;季末后三天内还能补记为本系统默认
叫法 · 县: 县 → 旗县
叫法 · 乡镇: 乡镇 → 苏木乡镇
叫法 · 村: 村 → 嘎查村
规则包 · 标题: 永宁县留守老年人巡访 → 内蒙古农村牧区留守老年人探访
规则包 · 名称: yongning → inner-mongolia
规则包 · 文件: 《永宁县留守老年人巡访工作实施方案》(永宁县老龄工作委员会办公室,2019年1月9日) → 《关于加强农村牧区留守老年人关爱服务工作的实施意见》(内蒙古自治区民政厅等,2018年8月10日)
规则包 · 地区: 宁夏回族自治区银川市永宁县 → 内蒙古自治区
`

// previewed fills the database of a configuration.
func previewed(t testing.TB, config string, b ledger.Book, entries []ledger.Entry) *store.Store {
	t.Helper()
	c, err := LoadConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	s, err := openStore(ctx, c, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SaveBook(ctx, ledger.Edit{Book: b, By: ledger.ByImport, Today: "2025-01-01"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: entries}}); err != nil {
		t.Fatal(err)
	}
	return s
}

func met(elder string, day ledger.Day, m ledger.Method) ledger.Entry {
	no := fmt.Sprintf("%s-%s", strings.ReplaceAll(string(day), "-", "")[2:], elder)
	return ledger.Entry{Key: no, No: no, Kind: ledger.KindVisit, ElderID: elder, UserID: "someone", Day: day, Method: m,
		Outcome: ledger.OutcomeOK, EnteredAt: day.Time()}
}

// TestPolicyPreview: who would gain or lose which duty, on both databases; nobody is named, and the database is afterwards
// what it was, access log and all.
func TestPolicyPreview(t *testing.T) {
	book := ledger.Book{
		Regions: []ledger.Region{{Code: "1", Name: "县", Level: ledger.LevelCounty},
			{Code: "11", Name: "东镇", Parent: "1", Level: ledger.LevelTownship}, {Code: "111", Name: "东村", Parent: "11", Level: ledger.LevelVillage},
			{Code: "12", Name: "西乡", Parent: "1", Level: ledger.LevelTownship}, {Code: "121", Name: "西村", Parent: "12", Level: ledger.LevelVillage}},
		Elders: []ledger.Elder{
			{ID: "A01", Name: "样例甲", Region: "111"}, {ID: "A02", Name: "样例乙", Region: "111"}, {ID: "A03", Name: "样例丙", Region: "111"},
			{ID: "A04", Name: "样例丁", Region: "111"}, {ID: "B01", Name: "样例戊", Region: "121"},
			{ID: "B02", Name: "样例己", Region: "121", Since: "2026-03-25"}, {ID: "C01", Name: "样例庚", Region: "1"}},
		Tierings: []ledger.Tiering{{ElderID: "A02", Tier: ledger.TierKey, From: "2026-01-01"}, {ElderID: "B01", Tier: ledger.TierKey, From: "2026-03-01"}},
		Standings: []ledger.Standing{{ElderID: "A03", Kind: ledger.StandingDied, From: "2026-03-02"},
			{ElderID: "A04", Kind: ledger.StandingPaused, From: "2026-03-02", To: "2026-03-29"}},
	}
	entries := []ledger.Entry{met("A01", "2026-02-10", ledger.MethodDoor), met("A02", "2026-03-03", ledger.MethodDoor),
		met("A02", "2026-03-05", ledger.MethodPhone), met("B01", "2025-12-31", ledger.MethodDoor)}
	often := countyPolicy(t, "times: 2", "times: 3")
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			config := writeConfig(t, "http://127.0.0.1:1", func(s string) string {
				if driver == storetest.MariaDB {
					s = strings.NewReplacer("driver: sqlite", "driver: mysql", `dsn: ""`,
						fmt.Sprintf("dsn: %q", storetest.DSN(t, driver).DSN)).Replace(s)
				}
				return s
			})
			if status, out, errs := say(t, "policy", "preview", "--config", config, "--at", "2026-03-20"); status != 1 || out != "" ||
				!strings.Contains(errs, "xunfang migrate") {
				t.Fatalf("before the first migration: status %d, %q %q", status, out, errs)
			}
			s := previewed(t, config, book, entries)
			before := sums(t, s)
			for _, x := range []struct{ args, want string }{
				{"--at 2026-03-20", "no change: on 2026-03-20 nobody gains or loses a duty, of 5 elders\n"},
				{"--at 2026-03-20 --policy yongning", "no change: on 2026-03-20 nobody gains or loses a duty, of 5 elders\n"},
				{"--at 2026-03-20 --policy " + often, `A02	change	月巡访	每月2次,上门、电话、视频算数,至少1次上门;3月已完成	每月3次,上门、电话、视频算数,至少1次上门;3月已2次,还差1次
B01	change	月巡访	每月2次,上门、电话、视频算数,至少1次上门;3月已0次,还差2次	每月3次,上门、电话、视频算数,至少1次上门;3月已0次,还差3次

in no township: 0 of 1 elder: 0 gained, 0 lost, 0 changed
东镇: 1 of 2 elders: 0 gained, 0 lost, 1 changed
西乡: 1 of 2 elders: 0 gained, 0 lost, 1 changed
all: 2 of 5 elders: 0 gained, 0 lost, 2 changed
`},
				{"--at 2026-03-30 --policy inner-mongolia", `C01	lose	月巡访	每月1次,上门、电话、视频算数;3月已0次,还差1次	-
C01	gain	季度探访	-	每季度1次,上门、电话、视频算数;第1季度已0次,还差1次
A01	lose	月巡访	每月1次,上门、电话、视频算数;3月已0次,还差1次	-
A01	gain	季度探访	-	每季度1次,上门、电话、视频算数;第1季度已完成
A02	lose	月巡访	每月2次,上门、电话、视频算数,至少1次上门;3月已完成	-
A02	gain	季度探访	-	每季度1次,上门、电话、视频算数;第1季度已完成
A04	lose	月巡访	每月1次,上门、电话、视频算数;3月已0次,还差1次	-
A04	gain	季度探访	-	每季度1次,上门、电话、视频算数;第1季度已0次,还差1次
B01	lose	月巡访	每月2次,上门、电话、视频算数,至少1次上门;3月已0次,还差2次	-
B01	gain	季度探访	-	每季度1次,上门、电话、视频算数;第1季度已0次,还差1次

in no township: 1 of 1 elder: 1 gained, 1 lost, 0 changed
东镇: 3 of 3 elders: 3 gained, 3 lost, 0 changed
西乡: 1 of 2 elders: 1 gained, 1 lost, 0 changed
all: 5 of 6 elders: 5 gained, 5 lost, 0 changed
`},
			} {
				status, out, errs := say(t, append(strings.Fields("policy preview --config "+config), strings.Fields(x.args)...)...)
				if diff := cmp.Diff(x.want, out); status != 0 || errs != "" || diff != "" {
					t.Errorf("preview %s: status %d %s\n%s", x.args, status, errs, diff)
				}
				if strings.Contains(out, "样例") {
					t.Errorf("preview %s names somebody", x.args)
				}
			}
			if status, out, errs := say(t, "policy", "preview", "--config", config, "--at", "2026-03-20", "--policy", "utopia"); status != 1 || out != "" ||
				!strings.Contains(errs, "no policy file utopia") {
				t.Errorf("an unknown policy: status %d, %q %q", status, out, errs)
			}
			if diff := cmp.Diff(before, sums(t, s)); diff != "" {
				t.Errorf("something was written:\n%s", diff)
			}
		})
	}
}

// sums are the checksums of all tables.
func sums(t *testing.T, s *store.Store) []store.Part {
	t.Helper()
	m, err := s.Backup(context.Background(), io.Discard, os.DirFS(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	return m.Tables
}

// BenchmarkPolicyPreview previews another policy over a county of 50,000 elders with three visits each in the quarter, one line
// and more for each; beside it what reading that ledger costs alone.
func BenchmarkPolicyPreview(b *testing.B) {
	book := ledger.Book{Regions: []ledger.Region{{Code: "1", Name: "县", Level: ledger.LevelCounty}}}
	var entries []ledger.Entry
	for town := range 10 {
		code := fmt.Sprintf("1%02d", town)
		book.Regions = append(book.Regions, ledger.Region{Code: code, Name: "镇" + code, Parent: "1", Level: ledger.LevelTownship})
		for i := range 5000 {
			id := fmt.Sprintf("T%d-%04d", town, i)
			book.Elders = append(book.Elders, ledger.Elder{ID: id, Name: "样例" + id, Region: code, Address: "样例路1号"})
			for month := time.January; month <= time.March; month++ {
				entries = append(entries, met(id, ledger.NewDay(2026, month, 3+i%20), ledger.MethodDoor))
			}
		}
	}
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		b.Run(driver, func(b *testing.B) {
			s := storetest.Open(b, driver)
			ctx := context.Background()
			if _, err := s.SaveBook(ctx, ledger.Edit{Book: book, By: ledger.ByImport, Today: "2025-01-01"}); err != nil {
				b.Fatal(err)
			}
			for chunk := range slices.Chunk(entries, 5000) {
				if err := s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: chunk}}); err != nil {
					b.Fatal(err)
				}
			}
			was, err := openPolicy("yongning")
			if err != nil {
				b.Fatal(err)
			}
			becomes, err := openPolicy("inner-mongolia")
			if err != nil {
				b.Fatal(err)
			}
			b.Run("ledger", func(b *testing.B) {
				for b.Loop() {
					if _, err := s.Book(ctx); err != nil {
						b.Fatal(err)
					}
				}
			})
			r, err := s.Roster(ctx)
			if err != nil {
				b.Fatal(err)
			}
			b.Run("preview", func(b *testing.B) {
				for b.Loop() {
					if err := preview(ctx, io.Discard, s, r, was, becomes, "2026-03-20"); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
