package scheduler

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xunfang/ledger"
)

const county, nation = "《永宁县留守老年人巡访工作实施方案》", "《关于开展特殊困难老年人探访关爱服务的指导意见》"

func TestBasisOfAnElder(t *testing.T) {
	packs := Packs{pack(t, "yongning"), pack(t, "national-2022")}
	packs[0].Local = []Local{aTownship}
	visits := "月巡访(普通):每月1次,上门、电话、视频算数。" + county +
		"五·巡访次数:对普通巡访对象做到每月巡访一次;五·巡访方式:电话问候、上门巡访;视频当电话算为本系统默认"
	helps := []string{
		"季度帮扶:帮扶人帮扶,每季度1次,上门算数。" + county + "五·帮扶服务:帮扶人员每季度至少要到留守老年人家中开展一次帮扶服务;几个人帮一位,谁去都算为本系统默认",
		"半年沟通:帮扶人联系家属,每半年1次,上门、电话、视频算数。" + county +
			"五·帮扶服务:帮扶人员每半年至少要与留守老年人子女或委托监护人进行一次沟通;当面、电话、视频都算为本系统默认"}
	monthly := "月探访:每月1次,上门、电话、视频算数。" + nation + "民发〔2022〕73号:到2025年底月探访率达到100%,上门、电话、视频都可以(据人民日报)"
	six := "巡访对象:" + nation + "民发〔2022〕73号:独居、空巢、留守、失能、重残、计划生育特殊家庭六类老年人(据人民日报)"
	for _, tt := range []struct {
		name string
		d    ledger.Dossier
		want []string
	}{
		{"70 and alone", ledger.Dossier{Elder: ledger.Elder{Living: "独居", Birth: "1956-03-20"}},
			[]string{"巡访对象:" + county + "四(一):70周岁以上独居老年人", six, visits, monthly}},
		{"69 and alone", ledger.Dossier{Elder: ledger.Elder{Living: "独居", Birth: "1956-03-21"}},
			[]string{"巡访对象:" + county + "四末段:各乡(镇)、街道办也可根据各自实际,扩大巡访服务对象范围", six, visits, monthly}},
		{"with the family, a helper and a child", ledger.Dossier{Elder: ledger.Elder{ID: "A01", Living: "与家人同住"},
			Pairs: []ledger.Pair{{ElderID: "A01", UserID: "h"}}, Kin: []ledger.Kin{{ElderID: "A01", Name: "子"}}},
			append([]string{"巡访对象:" + county + "四末段:各乡(镇)、街道办也可根据各自实际,扩大巡访服务对象范围", "不是" + nation + "的巡访对象", visits}, helps...)},
		{"of a township that asks more, in a heat wave", ledger.Dossier{Elder: ledger.Elder{ID: "A01", SelfCare: "失能"}, Tiers: alwaysKey,
			Regions: []string{"111", "11", "1"}, Rounds: []ledger.Round{{Region: "1", Name: "高温", From: "2026-03-19", To: "2026-03-21"}}}, []string{
			"巡访对象:" + county + "四(四):失能、失独老年人", six,
			"月巡访(重点):每月2次,上门、电话、视频算数,至少1次上门。" + county + "五·巡访次数:对重点巡访对象做到每月不少于两次;至少一次上门为本系统默认",
			"冬季上门(重点):每季度1次,上门算数。东镇巡访制度 第三条", monthly, "高温:县里、乡里通知的加访"}},
		{"who has died", ledger.Dossier{Elder: ledger.Elder{ID: "A01", Living: "独居", Birth: "1940-01-01"},
			Standings: []ledger.Standing{{ElderID: "A01", Kind: ledger.StandingDied, From: "2026-02-01"}}},
			[]string{"巡访对象:" + county + "四(一):70周岁以上独居老年人", six}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Basis(packs, &tt.d, "2026-03-20")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestBasisTellsNoLostChild: an elder who lost an only child and one who cannot care for themselves read alike.
func TestBasisTellsNoLostChild(t *testing.T) {
	for _, name := range Shipped() {
		packs := Packs{pack(t, name)}
		lost := Basis(packs, &ledger.Dossier{Elder: ledger.Elder{LostChild: true}}, "2026-03-20")
		weak := Basis(packs, &ledger.Dossier{Elder: ledger.Elder{SelfCare: "失能"}}, "2026-03-20")
		if name == "national-2022" { // says by which field it knows
			lost[0], _, _ = strings.Cut(lost[0], ";")
		}
		if diff := cmp.Diff(weak, lost); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestBasisOfAll: every rule and paper of every pack is told, of the version that holds, with a title and without our short codes.
func TestBasisOfAll(t *testing.T) {
	packs, err := LoadAll(Shipped()...)
	if err != nil {
		t.Fatal(err)
	}
	later := clone(packs[0])
	later.Since, later.Duties = "2027-01-01", later.Duties[:1]
	packs = append(packs, later)
	for today, without := range map[ledger.Day]int{"2026-12-31": len(packs) - 1, "2027-01-01": 0} {
		lines := Basis(packs, nil, today)
		var names []string
		for i, p := range packs {
			if i != without {
				names = append(append(names, p.names()...), LeafletName)
			}
		}
		if len(lines) != len(names) {
			t.Fatalf("%s: %d lines, %d rules, papers and contact cards", today, len(lines), len(names))
		}
		for i, l := range lines {
			if !strings.HasPrefix(l, names[i]) || strings.Contains(l, "000 ") || strings.Contains(l, "002 ") || !strings.Contains(l, "意见") && !strings.Contains(l, "方案》") {
				t.Errorf("%s: %s: %s", today, names[i], l)
			}
		}
	}
	if got := Basis(packs, nil, "2026-12"); got != nil {
		t.Errorf("no day: %v", got)
	}
}

func TestClause(t *testing.T) {
	packs := Packs{pack(t, "yongning"), pack(t, "yongning"), pack(t, "inner-mongolia-2022")}
	packs[1] = clone(packs[1])
	packs[1].Since, packs[1].Local, packs[1].Duties[2].Source = "2027-01-01", []Local{aTownship}, "002 修订"
	for name, want := range map[string][2]string{
		"月巡访":    {county, packs[0].Duties[0].Source + ";" + packs[0].Duties[1].Source},
		"季度帮扶":   {county, "002 修订"}, // of the newest version
		"信息":     {county, packs[0].Papers[0].Source},
		"联系卡":    {"内蒙古自治区2022年老年人探访关爱的意见", packs[2].Family.Source},
		"冬季上门":   {"东镇巡访制度", "东镇巡访制度 第三条"},
		"高风险周探访": {"内蒙古自治区2022年老年人探访关爱的意见", packs[2].Duties[1].Source},
	} {
		document, source, ok := packs.Clause(name)
		if !ok || document != want[0] || source != want[1] {
			t.Errorf("%s: %s %s, %v", name, document, source, ok)
		}
	}
	if document, source, ok := packs.Clause("日巡访"); ok || document+source != "" {
		t.Errorf("nobody asks for it: %s %s", document, source)
	}
}

func TestLoadAll(t *testing.T) {
	version := func(edits ...string) string { return edited(t, "yongning", edits...) }
	names := func(ps Packs) (out []string) {
		for _, p := range ps {
			out = append(out, p.Name+string(p.Since))
		}
		return out
	}
	late, early := version("area:", "since: 2027-01-01\narea:"), version("area:", "since: 2026-07-01\narea:")
	packs, err := LoadAll(late, "national-2022", "yongning", early)
	if diff := cmp.Diff([]string{"yongning", "yongning2026-07-01", "yongning2027-01-01", "national-2022"}, names(packs)); err != nil || diff != "" {
		t.Fatalf("%v\n%s", err, diff)
	}
	for _, c := range []struct {
		files []string
		says  []string
	}{
		{nil, []string{"没有写规则包"}},
		{[]string{"yongning", "yongning"}, []string{"名称 yongning 已有一份,从同一天起"}},
		{[]string{late, version("area:", "since: 2027-01-01\narea:")}, []string{"名称 yongning 已有一份,从同一天起"}},
		{[]string{"yongning", version("name: yongning", "name: county")}, []string{"“月巡访”在 yongning 里也有"}},
		{[]string{"national-2022", version("name: 信息", "name: 月探访", "name: yongning", "name: county")}, []string{"“月探访”在 national-2022 里也有"}},
		{[]string{"nowhere", version("times: 2", "times: 两次"), "inner-mongolia", "inner-mongolia"},
			[]string{"nowhere", "应为整数", "名称 inner-mongolia 已有一份"}}, // all at once
	} {
		packs, err := LoadAll(c.files...)
		if err == nil || packs != nil || slices.ContainsFunc(c.says, func(s string) bool { return !strings.Contains(err.Error(), s) }) {
			t.Errorf("%v: %v, %v", c.says, names(packs), err)
		}
	}
}

func TestWith(t *testing.T) {
	p := func(name string, since ledger.Day, area string) Pack {
		return Pack{Name: name, Since: since, Area: area}
	}
	was := Packs{p("a", "", "1"), p("a", "2027-01-01", "2"), p("b", "", "3")}
	for _, c := range []struct {
		name string
		with Pack
		want Packs
	}{
		{"a version between", p("a", "2026-07-01", "new"), Packs{was[0], p("a", "2026-07-01", "new"), was[1], was[2]}},
		{"a version of that day", p("a", "2027-01-01", "new"), Packs{was[0], p("a", "2027-01-01", "new"), was[2]}},
		{"all versions", p("a", "", "new"), Packs{p("a", "", "new"), was[2]}},
		{"beside the county's own", p("b", "", "new"), Packs{was[0], was[1], p("b", "", "new")}},
		{"another policy altogether", p("c", "", "new"), Packs{p("c", "", "new")}},
	} {
		before := slices.Clone(was)
		if diff := cmp.Diff(c.want, was.With(c.with)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if diff := cmp.Diff(before, was); diff != "" {
			t.Errorf("%s changed what was: %s", c.name, diff)
		}
	}
}
