package scheduler

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"xunfang/ledger"
)

func TestShippedPacksAreSound(t *testing.T) {
	if diff := cmp.Diff([]string{"inner-mongolia", "inner-mongolia-2022", "national-2022", "yongning"}, Shipped()); diff != "" {
		t.Fatal(diff)
	}
	for _, name := range Shipped() {
		p := pack(t, name)
		if p.Name != name {
			t.Errorf("%s calls itself %s", name, p.Name)
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

// TestEveryClauseStands: whatever a shipped pack asks names the document it stands in, or says that it is our default; who may
// read only the press says so.
func TestEveryClauseStands(t *testing.T) {
	for _, name := range Shipped() {
		for path, v := range fields(reflect.ValueOf(pack(t, name)), "", map[string]reflect.Value{}) {
			if !strings.HasSuffix(path, ".Source") {
				continue
			}
			source := v.String()
			document := map[string]string{"yongning": "002 ", "inner-mongolia": "000 ", "national-2022": "民发〔2022〕73号:",
				"inner-mongolia-2022": "内蒙古2022:"}[name]
			if !strings.HasPrefix(source, document) && !strings.HasPrefix(source, "本系统默认") {
				t.Errorf("%s%s cites nothing: %s", name, path, source)
			}
			if strings.HasSuffix(name, "-2022") && strings.HasPrefix(source, document) && !strings.Contains(source, "(据") {
				t.Errorf("%s%s does not say that it was read in the press: %s", name, path, source)
			}
		}
	}
}

// TestLocalExample: what the comment in yongning shows a township is sound.
func TestLocalExample(t *testing.T) {
	text, err := Text("yongning")
	if err != nil {
		t.Fatal(err)
	}
	s := strings.Replace(string(text), "local: []\n", "", 1)
	s = regexp.MustCompile(`(?m)^# (local:|  +[-a-z].*)$`).ReplaceAllString(s, "$1")
	p, faults := Check([]byte(s))
	if len(faults) > 0 || len(p.Local) != 1 || len(p.Local[0].Covers) != 1 || len(p.Local[0].Duties) != 1 {
		t.Errorf("%+v\n%v", p.Local, faults)
	}
	// A region's rule may speak of the region's own groups; the county's may not.
	own := strings.Replace(s, "tier: 重点, per: quarter", "tier: 重点, groups: [80周岁以上空巢老人], per: quarter", 1)
	if p, faults := Check([]byte(own)); len(faults) > 0 || len(p.Local[0].Duties[0].Groups) != 1 {
		t.Errorf("%+v\n%v", p.Local, faults)
	}
	county := strings.Replace(s, "tier: 重点\n", "tier: 重点\n    groups: [80周岁以上空巢老人]\n", 1)
	if _, faults := Check([]byte(county)); len(faults) != 1 || faults[0].Path != "duties[1].groups[0]" {
		t.Errorf("%v", faults)
	}
}

// edited is a file of a shipped pack with some words replaced, as a county would.
func edited(t testing.TB, name string, edits ...string) string {
	t.Helper()
	text, err := Text(name)
	if err != nil {
		t.Fatal(err)
	}
	s := string(text)
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(s, edits[i]) {
			t.Fatalf("%s has no %q", name, edits[i])
		}
		s = strings.Replace(s, edits[i], edits[i+1], 1)
	}
	file := filepath.Join(t.TempDir(), "本县.yaml")
	if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestLoadFile(t *testing.T) {
	p, err := Load(edited(t, "yongning", "times: 2", "times: 3"))
	if err != nil || p.Duties[1].Times != 3 {
		t.Fatalf("%+v, %v", p.Duties, err)
	}
	var faults Faults
	if p, err := Load(edited(t, "yongning", "times: 2", "times: 两次")); !errors.As(err, &faults) || len(faults) != 1 || len(p.Duties) != 0 {
		t.Fatalf("a faulty pack was loaded: %v, %v", p, err)
	}
	if _, err := Load("没有"); !errors.Is(err, ErrNoPack) || !strings.Contains(err.Error(), "yongning") {
		t.Fatalf("an unknown pack: %v", err)
	}
}

func TestCheckTellsAllFaultsAtOnce(t *testing.T) {
	text := `naem: 本县
title: 本县
document: 本县的文件
area: 本县
since: 明年
levels: {township: 乡镇, village: 村, group: 组}
covers:
  - {name: 独居, when: {living: [独居, ""], age_min: 200}, source: 一}
  - {name: 独居, when: {self_care: [能走], lost_child: 是}}
key:
  - {name: 失能, source: 二}
duties:
  - {name: 月巡访, tier: 普通, per: month, times: 两次, counts: [door, fax], door_min: -1, source: 三}
  - {name: 季度帮扶, kind: help, tier: 普通, per: quarter, times: 1, counts: [door], source: 三}
  - {name: 季度帮扶, kind: visit, tier: 重点, per: quarter, times: 1, counts: [door], source: 三}
  - {name: 月巡访, kind: help, tier: 重点, per: fortnight, times: 32, counts: [], source: 三}
  - {name: 周巡访, kind: visit, tier: 全部, groups: [高龄], except: 独居, per: week, within: 2d, times: 8, counts: [phone], door_min: 1, source: 三}
  - {name: 周巡访, kind: visit, tier: 重点, per: week, times: 1, counts: [door], nudge: [7d, mid, 5d, 早点], source: 三}
  - {name: 变化, kind: visit, tier: 全部, per: change, within: 36h, times: 1, counts: [door], nudge: [mid], source: 三}
  - {name: 变化2, kind: visit, tier: 全部, per: change, times: 1, counts: [door], source: 三}
  - {name: 月帮扶, kind: help, tier: 全部, per: month, times: 1, counts: [door], nudge: [15d, mid, 4d],
     escalate: {village: 5d, township: mid}, source: 三}
  - {name: 报, kind: talk, tier: 全部, per: half, times: 1, counts: [door], nudge: [9d], escalate: {village: 9d, township: 10d}, source: 三}
local:
  - covers: [{name: 失能, source: 四}]
    duties: [{name: 周巡访, kind: visit, tier: 普通, per: month, times: 1, counts: [door]}]
  - {region: "11", source: 四}
papers:
  - {name: 报, kind: letter, of: village, per: week, times: 0, nudge: [90d]}
spring: {before: 31, quiet: 16}
seasons: {heating: [11, 13, 11], rainy: [], room_temp_min: 40, source: 五}
photo: {door: required, phone: 不要, grace: 半小时, source: 五}
recheck: phone
confirm: [address]
close: {grace: 90m}
alarm:
  at_once: [dept, mayor, dept]
  grave: [火灾, fire, fire]
  steps:
    - {after: 10m, call: [dept]}
    - {after: 5m, tell: [], call: []}
    - {after: 25h, tell: [village, village]}
    - {tell: [township]}
  repeat: -1
  quiet: 30s
  join: 2d
  follow: 36h
matters: {village: 0d, township: 36h, county: 61d, unclaimed: 5d, meeting: 2d}
departments:
  - {name: 公安, alarms: [火, abuse, abuse], items: [fire, 家具], needs: [a, a, " "], duty: 出警, source: 六}
  - {name: 公安, needs: [b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]}
  - 民政
drill: {weekday: 8, at: 9:00}
family: {summary: 29, festival: [春节, 清明, 春节], stale: 184d, recheck: 36h, answer: 2h, urgent: 30s, reply: 15d, silent: 12h, leaflet: 有}
`
	_, faults := Check([]byte(text))
	var got []string
	for _, f := range faults {
		got = append(got, f.String())
	}
	want := []string{
		"第1行 naem: 没有这个键 (应为 name、title、document、area、since、levels、covers、key、duties、local、papers、spring、seasons、photo、recheck、confirm、close、" +
			"alarm、matters、departments、drill、family)",
		"第1行 name: 没有写",
		"第5行 since: “明年”不是日期 (应为 2026-01-01 这样的一天)",
		"第6行 levels.county: 没有写",
		"第8行 covers[0].when.age_min: 200 岁不合理 (应为 0 到 120)",
		"第8行 covers[0].when.living[1]: 没有写",
		"第9行 covers[1].when.lost_child: 应为 true 或 false",
		"第9行 covers[1].source: 没有写",
		"第9行 covers[1].name: “独居”已有一类老人叫这个",
		"第9行 covers[1].when.self_care[0]: “能走”不认识 (应为 自理、半失能、失能)",
		"第11行 key[0].when: 没有写,等于人人都是重点",
		"第13行 duties[0].times: 应为整数",
		"第13行 duties[0].kind: 没有写 (应为 visit、help、talk)",
		"第13行 duties[0].door_min: -1 不合理 (应为 0 到 times)",
		"第13行 duties[0].counts[1]: “fax”不认识 (应为 door、phone、video)",
		"第15行 duties[2].kind: “季度帮扶”已有一条是 help (同名的要同类)",
		"第16行 duties[3].per: “fortnight”不认识 (应为 week、month、quarter、half、change)",
		"第16行 duties[3].times: 32 次不合理 (应为 1 到 28)",
		"第16行 duties[3].counts: 没有写什么方式算数 (应为 door、phone、video 中的一个或几个)",
		"第17行 duties[4].except: 应为一列,如 [a, b]",
		"第17行 duties[4].groups[0]: 没有一类老人叫“高龄” (应为 covers、key 里的 name)",
		"第17行 duties[4].within: 只有 per: change 才写",
		"第17行 duties[4].times: 8 次不合理 (应为 1 到 7)",
		"第17行 duties[4].door_min: 要求上门,counts 里却没有 door",
		"第18行 duties[5].nudge[0]: “7d”不是期内的一天 (应为 mid、0d 到 6d,从期末往回数)",
		"第18行 duties[5].nudge[2]: 5d 排早了 (提醒、报村、报乡镇要一步比一步晚)",
		"第18行 duties[5].nudge[3]: “早点”不是期内的一天 (应为 mid、0d 到 6d,从期末往回数)",
		"第18行 duties[5].name: “周巡访”已有一条管同样的老人 (名称与 tier 不能重叠)",
		"第19行 duties[6].within: 36h 不合理 (应为 1d 到 30d 的整天)",
		"第19行 duties[6].nudge[0]: per: change 没有 mid",
		"第20行 duties[7].within: 0s 不合理 (应为 1d 到 30d 的整天)",
		"第21行 duties[8].nudge[1]: mid 排早了 (提醒、报村、报乡镇要一步比一步晚)",
		"第22行 duties[8].escalate.village: 5d 排早了 (提醒、报村、报乡镇要一步比一步晚)",
		"第22行 duties[8].escalate.township: “mid”不是期内的一天 (应为 0d 到 27d,从期末往回数)",
		"第23行 duties[9].escalate.township: 10d 排早了 (提醒、报村、报乡镇要一步比一步晚)",
		"第25行 local[0].region: 没有写",
		"第25行 local[0].source: 没有写",
		"第25行 local[0].covers[0].name: “失能”已有一类老人叫这个",
		"第26行 local[0].duties[0].source: 没有写",
		"第26行 local[0].duties[0].name: “周巡访”已有一条管同样的老人 (名称与 tier 不能重叠)",
		"第27行 local[1]: 没有写多管谁、多做什么 (应有 covers 或 duties)",
		"第29行 papers[0].source: 没有写",
		"第29行 papers[0].kind: “letter”不认识 (应为 article、statistics)",
		"第29行 papers[0].of: “village”不认识 (应为 township、county)",
		"第29行 papers[0].per: “week”不认识 (应为 month、quarter、half)",
		"第29行 papers[0].times: 0 篇不合理 (应为 1 到 31)",
		"第29行 papers[0].nudge[0]: “90d”不是期内的一天 (应为 mid、0d 到 6d,从期末往回数)",
		"第29行 papers[0].name: “报”已有一条叫这个",
		"第30行 spring.before: 没有腊月31 (应为 0 到 30,0 是照常)",
		"第30行 spring.quiet: 16 不合理 (应为 0 到 15,0 是照常)",
		"第30行 spring.source: 没有写",
		"第31行 seasons.heating[1]: 没有 13 月 (应为 1 到 12)",
		"第31行 seasons.heating[2]: 11 月写了两次",
		"第31行 seasons.room_temp_min: 40 度不合理 (应为 0 到 30)",
		"第32行 photo.grace: 时间“半小时”看不懂 (应为整数加单位,如 90s、5m、2h、3d)",
		"第32行 photo.phone: “不要”不认识 (应为 required、optional、no)",
		"第33行 recheck: 应为一列,如 [a, b]",
		"第34行 confirm[0]: address 不在 recheck 里 (应为 recheck 里的一项)",
		"第35行 close.grace: 90m 不合理 (应为 0d 到 60d 的整天)",
		"第37行 alarm.source: 没有写",
		"第37行 alarm.at_once[1]: “mayor”不认识 (应为 village、township、county、deputy、dept)",
		"第37行 alarm.at_once[2]: dept 写了两次",
		"第38行 alarm.grave[0]: “火灾”不认识 (应为 critical_illness、fall、fire、gas、missing、unreached、abuse、fraud、mental、house、hardship、death)",
		"第38行 alarm.grave[2]: fire 写了两次",
		"第40行 alarm.steps[0].call[0]: “dept”不认识 (应为 village、township、county、deputy)",
		"第40行 alarm.steps: 哪一步都没有告诉县里 (at_once 或某一步的 tell 要有 county)",
		"第41行 alarm.steps[1].after: 5m 排早了 (要一步比一步晚)",
		"第41行 alarm.steps[1]: 没有写找谁 (应有 tell 或 call)",
		"第42行 alarm.steps[2].after: 25h 不合理 (应为 1s 到 1d)",
		"第42行 alarm.steps[2].tell[1]: village 写了两次",
		"第43行 alarm.steps[3].after: 0s 不合理 (应为 1s 到 1d)",
		"第44行 alarm.repeat: -1 遍不合理 (应为 0 到 10)",
		"第45行 alarm.quiet: 30s 不合理 (应为 1m 到 1d)",
		"第46行 alarm.join: 2d 不合理 (应为 0s 到 1d,0s 是不合并)",
		"第47行 alarm.follow: 36h 不合理 (应为 0d 到 30d 的整天)",
		"第48行 matters.source: 没有写",
		"第48行 matters.village: 0s 不合理 (应为 1d 到 60d 的整天)",
		"第48行 matters.township: 36h 不合理 (应为 1d 到 60d 的整天)",
		"第48行 matters.county: 61d 不合理 (应为 1d 到 60d 的整天)",
		"第48行 matters.silent: 0s 不合理 (应为 1d 到 60d 的整天)",
		"第48行 matters.meeting: 2d 排早了 (不能早于 unclaimed)",
		"第50行 departments[0].alarms[0]: “火”不认识 (应为 critical_illness、fall、fire、gas、missing、unreached、abuse、fraud、mental、house、hardship、death)",
		"第50行 departments[0].alarms[2]: abuse 写了两次",
		"第50行 departments[0].items[1]: “家具”不认识 (应为 expression、mobility、illness、mood、thinking、stress、gas、heating、electricity、personal、home、surroundings、indoor、outdoor、neighbors、fire、house、room_temp)",
		"第50行 departments[0].needs[1]: a 写了两次",
		"第50行 departments[0].needs[2]: 没有写",
		"第50行 departments: 需求写了 17 种,卡片上放不下 (应不超过 16 种)",
		"第51行 departments[1].duty: 没有写",
		"第51行 departments[1].source: 没有写",
		"第51行 departments[1].name: “公安”已有一个部门叫这个",
		"第52行 departments[2]: 应为“键: 值”",
		"第52行 departments[2].name: 没有写",
		"第52行 departments[2].duty: 没有写",
		"第52行 departments[2].source: 没有写",
		"第53行 drill.source: 没有写",
		"第53行 drill.weekday: 没有星期8 (应为 0 到 7,0 是不演练)",
		`第53行 drill.at: “9:00”不是钟点 (应为 "10:00" 这样的)`,
		"第54行 family.leaflet: 应为 true 或 false",
		"第54行 family.source: 没有写",
		"第54行 family.summary: 没有29日 (应为 0 到 20,0 是不发)",
		"第54行 family.festival[1]: “清明”不认识 (应为 春节、元宵、端午、中秋、重阳)",
		"第54行 family.festival[2]: 春节 写了两次",
		"第54行 family.stale: 184d 不合理 (应为 30d 到 183d 的整天)",
		"第54行 family.recheck: 36h 不合理 (应为 30d 到 366d 的整天)",
		"第54行 family.answer: 2h 不合理 (应为 1d 到 14d 的整天)",
		"第54行 family.urgent: 30s 不合理 (应为 1m 到 2h)",
		"第54行 family.reply: 15d 不合理 (应为 1h 到 14d)",
		"第54行 family.silent: 12h 不合理 (应为 0d 到 150d 的整天)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCheckOddLadders(t *testing.T) {
	for _, c := range []struct{ was, becomes, want string }{
		{"at_once: [village, township, dept]", "at_once: []", "alarm.at_once: 没有写第一时间告诉谁 (至少要有 village、township、county 中的一个)"},
		{"at_once: [village, township, dept]", "at_once: [dept, deputy]", "alarm.at_once: 没有写第一时间告诉谁 (至少要有 village、township、county 中的一个)"},
		{"tell: [county], call: [county]", "call: [county]", "alarm.steps: 哪一步都没有告诉县里 (at_once 或某一步的 tell 要有 county)"},
		{"at_once: [village, township, dept]", "at_once: [county]", ""},
		{"weekday: 0\n  at: \"10:00\"", "weekday: 3", "drill.at: “”不是钟点 (应为 \"10:00\" 这样的)"},
		{"weekday: 0\n  at: \"10:00\"", "weekday: 3\n  at: 10:30", ""},
		{"weekday: 0\n  at: \"10:00\"", "weekday: 3\n  at: \"24:00\"", "drill.at: “24:00”不是钟点 (应为 \"10:00\" 这样的)"},
		{"summary: 2", "summary: 0", ""},
		{"festival: [春节, 中秋, 重阳]", "festival: []", ""},
		{"silent: 60d", "silent: 0s", ""},
		{"silent: 60d", "silent: 151d", "family.silent: 151d 不合理 (应为 0d 到 150d 的整天)"},
		{"urgent: 10m", "urgent: 3h", "family.urgent: 3h 不合理 (应为 1m 到 2h)"},
		{"reply: 2d", "reply: 6h", ""},
		{"leaflet: true", "leaflet: false", ""},
		{"leaflet: true", "leaflets: true", "family.leaflets: 没有这个键 (应为 summary、festival、stale、recheck、answer、urgent、reply、silent、leaflet、source)"},
		{"follow: 3d", "follow: 0s", ""},
		{"join: 2h", "join: 0s", ""},
	} {
		_, err := Load(edited(t, "yongning", c.was, c.becomes))
		var faults Faults
		if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &faults) || len(faults) != 1 || !strings.HasSuffix(faults[0].String(), c.want)) {
			t.Errorf("%s → %s: %v, want %s", c.was, c.becomes, err, c.want)
		}
	}
}

// TestOursWhereAFileIsSilent: a file from before packs spoke of emergencies still loads, with the ladder that yongning has; what it
// does say holds alone, and an empty list of departments is none.
func TestOursWhereAFileIsSilent(t *testing.T) {
	text, err := Text("yongning")
	if err != nil {
		t.Fatal(err)
	}
	parts := regexp.MustCompile(`(?ms)^(alarm|matters|departments|drill|family):\n(?:[ -].*?\n)+`)
	old := parts.ReplaceAllString(string(text), "")
	if len(parts.FindAllString(string(text), -1)) != 5 || strings.Contains(old, "at_once:") || strings.Contains(old, "duty:") || strings.Contains(old, "festival:") {
		t.Fatalf("the old file is not one:\n%s", old)
	}
	p, faults := Check([]byte(old))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for path, v := range fields(reflect.ValueOf(&p).Elem(), "", map[string]reflect.Value{}) {
		if ours := regexp.MustCompile(`^\.(Alarm|Matters|Drill|Depts|Family)\b.*\.Source$`); ours.MatchString(path) {
			if v.String() != oursSource {
				t.Errorf("%s does not say that it is ours: %s", path, v)
			}
			v.SetString(fields(reflect.ValueOf(pack(t, "yongning")), "", map[string]reflect.Value{})[path].String())
		}
	}
	if diff := cmp.Diff(pack(t, "yongning"), p); diff != "" {
		t.Error(diff)
	}
	own, faults := Check([]byte(old + "departments: []\nalarm: {at_once: [county], quiet: 5m, source: 本县的文件}\n"))
	if len(faults) > 0 || len(own.Depts) != 0 {
		t.Errorf("%v %v", own.Depts, faults)
	}
	if diff := cmp.Diff(Alarm{AtOnce: []Target{TargetCounty}, Quiet: Duration(5 * time.Minute), Source: "本县的文件"}, own.Alarm); diff != "" {
		t.Error(diff)
	}
}

func TestCheckOddFiles(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "a list": "- a\n", "a word": "yongning", "two documents": "name: a\n---\nname: b\n",
		"broken": "name: [a\n", "same key twice": "name: a\nname: b\n", "alias": "name: &a x\ntitle: *a\n", "binary": "\x00\x01",
		"null": "duties:\nphoto:\nlevels: ~\n", "numbers": "1: 2\n", "deep": strings.Repeat("[", 5000),
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
	if len(faults) != 1 || faults[0].Path != "duties[1].name" {
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
	month, quarter := Pack{Duties: []Rule{{Per: PerQuarter}, {Kind: ledger.KindVisit, Per: PerMonth}}}, Pack{Duties: []Rule{{Per: PerQuarter}}}
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
