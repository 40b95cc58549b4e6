package scheduler

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"xunfang/ledger"
)

// aTownship covers more elders and sees key elders at the door.
var aTownship = Local{Region: "11", Source: "东镇巡访制度",
	Covers: []Cover{{Name: "80周岁以上空巢老人", When: When{AgeMin: 80, Living: []string{"空巢"}}, Source: "东镇巡访制度 第二条"}},
	Duties: []Rule{{Name: "冬季上门", Kind: ledger.KindVisit, Tier: ledger.TierKey, Per: PerQuarter, Times: 1,
		Counts: []ledger.Method{ledger.MethodDoor}, Source: "东镇巡访制度 第三条"}}}

func TestDiffWords(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(p *Pack)
		want []string
	}{
		{"nothing", func(*Pack) {}, nil},
		{"key elders three times", func(p *Pack) { p.Duties[1].Times = 3 }, []string{"规则 月巡访(重点) · 次数: 每月2次 → 每月3次"}},
		{"by the quarter", func(p *Pack) { p.Duties[0].Per = PerQuarter }, []string{"规则 月巡访(普通) · 次数: 每月1次 → 每季度1次"}},
		{"only at the door", func(p *Pack) { p.Duties[0].Counts = []ledger.Method{ledger.MethodDoor} },
			[]string{"规则 月巡访(普通) · 算数的方式: 上门、电话、视频 → 上门"}},
		{"methods in another order", func(p *Pack) { slices.Reverse(p.Duties[0].Counts) }, nil},
		{"never at the door", func(p *Pack) { p.Duties[1].DoorMin = 0 }, []string{"规则 月巡访(重点) · 其中至少上门: 1次 → 0次"}},
		{"all alike", func(p *Pack) { p.Duties[0].Tier, p.Duties = TierAll, slices.Delete(p.Duties, 1, 2) }, []string{
			"规则 月巡访(普通) · 管哪些老人: 普通 → 全部",
			"取消 规则 月巡访(重点): 每月2次,上门、电话、视频算数,至少1次上门;期中、还剩9天、还剩4天提醒;还剩1天报村;最后一天报乡镇;依据 丙"}},
		{"another name", func(p *Pack) { p.Duties[1].Name = "重点巡访" }, []string{"规则 月巡访(重点) · 名称: 月巡访 → 重点巡访"}},
		{"one rule more", func(p *Pack) {
			p.Duties = append([]Rule{{Name: "季度探访", Tier: TierAll, Per: PerQuarter, Times: 1,
				Counts: []ledger.Method{ledger.MethodPhone}, Source: "丁"}}, p.Duties...)
		},
			[]string{"新增 规则 季度探访(全部): 每季度1次,电话算数;依据 丁"}},
		{"the rules turned round", func(p *Pack) { slices.Reverse(p.Duties) },
			[]string{"规则 · 先后: 月巡访(普通)、月巡访(重点)、季度帮扶(全部)、半年沟通(全部) → 半年沟通(全部)、季度帮扶(全部)、月巡访(重点)、月巡访(普通)"}},
		{"colder homes", func(p *Pack) { p.Seasons.RoomTempMin, p.Seasons.Rainy = 14, nil },
			[]string{"季节 · 问房屋的月份: 6、7、8、9月 → (没有)", "季节 · 室温低于多少算有情况: 16度 → 14度"}},
		{"months in another order", func(p *Pack) { slices.Reverse(p.Seasons.Heating) }, nil},
		{"photos", func(p *Pack) { p.Photo.Door, p.Photo.Grace = PhotoOptional, 2*60*60e9 },
			[]string{"照片 · 上门: 要照片 → 可以有照片", "照片 · 多久内可以补: 30分钟 → 2小时"}},
		{"what is re-checked", func(p *Pack) { p.Recheck, p.Confirm = []string{"address", "phone"}, nil },
			[]string{"信息核对 · 轮着核对的: 电话、住址、子女电话 → 住址、电话", "信息核对 · 档案员核对后才改的: 住址、子女电话 → (没有)"}},
		{"who is bound", func(p *Pack) { p.Covers[0].When.AgeMin, p.Covers[3].Confirm = 65, true }, []string{
			"巡访对象 70周岁以上独居老年人 · 哪些老人: 70周岁以上,居住 独居 → 65周岁以上,居住 独居",
			"巡访对象 失能老年人 · 哪些老人: 自理 失能 → 自理 失能,要乡镇确认"}},
		{"a group less", func(p *Pack) { p.Covers = slices.Delete(p.Covers, 1, 2) }, []string{
			"取消 巡访对象 与重度残疾子女共同居住的老年人: 居住 与重度残疾子女同住;依据 002 四(二):与重度残疾子女共同居住的老年人"}},
		{"another reason first", func(p *Pack) { p.Covers[3], p.Covers[4] = p.Covers[4], p.Covers[3] }, []string{
			"巡访对象 · 先后: 70周岁以上独居老年人、与重度残疾子女共同居住的老年人、身体、精神状况较差的独居老年人、失能老年人、失独老年人、乡镇扩大的其他老人 → " +
				"70周岁以上独居老年人、与重度残疾子女共同居住的老年人、身体、精神状况较差的独居老年人、失独老年人、失能老年人、乡镇扩大的其他老人"}},
		{"who should be key", func(p *Pack) { p.Key[1].Name = "失独老人" }, []string{"提为重点 失独 · 名称: 失独 → 失独老人"}},
		{"for some groups only", func(p *Pack) {
			p.Duties[2].Groups, p.Duties[2].Except = []string{"失能老年人"}, []string{"失独"}
		},
			[]string{"规则 季度帮扶(全部) · 只管哪几类: (没有) → 失能老年人", "规则 季度帮扶(全部) · 不管哪几类: (没有) → 失独"}},
		{"after a change", func(p *Pack) { p.Duties[2].Per, p.Duties[2].Within = PerChange, 24*60*60e9 },
			[]string{"规则 季度帮扶(全部) · 次数: 每季度1次 → 情况变了1天内1次", "规则 季度帮扶(全部) · 变化后多久内: (没有) → 1天"}},
		{"whose duty", func(p *Pack) { p.Duties[2].Kind = ledger.KindVisit }, []string{"规则 季度帮扶(全部) · 谁做什么: 帮扶人帮扶 → 巡访员巡访"}},
		{"when one hears of it", func(p *Pack) { p.Duties[1].Nudge, p.Duties[1].Escalate = []Mark{"9d"}, Escalate{Village: "0d"} }, []string{
			"规则 月巡访(重点) · 提醒本人: 期中、还剩9天、还剩4天 → 还剩9天",
			"规则 月巡访(重点) · 报给村: 还剩1天 → 最后一天", "规则 月巡访(重点) · 报给乡镇: 最后一天 → (没有)"}},
		{"a township asks more", func(p *Pack) { p.Local = []Local{aTownship} }, []string{
			"新增 地方 11: 80周岁以上空巢老人;冬季上门(重点): 每季度1次,上门算数;依据 东镇巡访制度"}},
		{"what an office owes", func(p *Pack) { p.Papers[0].Times, p.Papers[0].Nudge = 2, nil },
			[]string{"上报 信息 · 次数: 每季度1次 → 每季度2次", "上报 信息 · 提醒本人: 还剩30天、还剩7天 → (没有)"}},
		{"no article", func(p *Pack) { p.Papers[0].Source, p.Papers = "戊", nil }, []string{"取消 上报 信息: 乡镇每季度1次,信息文章;还剩30天、还剩7天提醒;依据 " +
			"002 五·信息报送:各乡镇、街道办、各责任单位每季度报送活动信息不少于一篇;提醒的日子为本系统默认"}},
		{"a rule for some groups", func(p *Pack) {
			r := p.Duties[2]
			r.Name, r.Groups, r.Except, r.Escalate, r.Source = "失能帮扶", []string{"失能老年人"}, []string{"失独"}, Escalate{}, "己"
			p.Duties = append(p.Duties, r)
		}, []string{"新增 规则 失能帮扶(全部): 帮扶人帮扶,每季度1次,上门算数;只管失能老年人;不管失独;还剩30天、还剩10天提醒;依据 己"}},
		{"no festival", func(p *Pack) { p.Spring.Before, p.Spring.Quiet = 0, 0 }, []string{"春节 · 腊月几起先说完: 25 → 0", "春节 · 安静到初几: 3 → 0"}},
		{"from a day on", func(p *Pack) { p.Since = "2027-01-01" }, []string{"规则包 · 从哪天起: (没有) → 2027-01-01"}},
		{"another ladder", func(p *Pack) {
			a := &p.Alarm
			a.AtOnce, a.Grave, a.Repeat, a.Follow = append(a.AtOnce, TargetCounty), append(a.Grave, "fire"), 1, 0
			a.Steps = []Step{{After: a.Steps[0].After / 2, Call: []Target{TargetTownship, TargetVillage}}, a.Steps[1]}
		}, []string{"紧急 · 马上告诉: 村、乡镇、部门 → 村、乡镇、部门、县", "紧急 · 县里也马上知道的: 走失、打骂/虐待/侵害、精神异常 → 走失、打骂/虐待/侵害、精神异常、火灾",
			"紧急 · 第1步: 过5分钟,打电话给村、乡镇 → 过150秒,打电话给乡镇、村",
			"紧急 · 第3步: 过20分钟,告诉并打电话给县 → (没有)", "紧急 · 没人管再走几遍: 3 → 1", "紧急 · 结束后多久内回访: 3天 → (没有)"}},
		{"who is called, in another order", func(p *Pack) { slices.Reverse(p.Alarm.Steps[0].Call) }, nil},
		{"slower departments, and a drill", func(p *Pack) { p.Matters.Unclaimed, p.Drill.Weekday, p.Drill.At = 3*oneDay, 7, "09:30" },
			[]string{"问题和需求 · 部门不认领,几天退回县里: 2天 → 3天", "演练 · 星期几: (没有) → 周日", "演练 · 几点: 10:00 → 09:30"}},
		{"who answers for what", func(p *Pack) {
			p.Depts = slices.Clone(p.Depts)
			p.Depts[0].Alarms, p.Depts[0].Needs = []string{"fraud", "fire"}, nil
			p.Depts[1].Items, p.Depts = p.Depts[1].Items[:2], p.Depts[:9]
		}, []string{"部门 公安 · 马上知道的情况: 走失、打骂/虐待/侵害、诈骗、精神异常 → 诈骗、火灾", "部门 公安 · 归它的需求: 上门办证 → (没有)",
			"部门 消防 · 归它的问题: 燃气、用电电路、防火 → 燃气、用电电路",
			"取消 部门 财政: 巡访经费,按实际完成补助;马上知道(没有);问题(没有);需求(没有);依据 002 七(二):财政部门统筹养老服务专项资金或福彩公益金;" +
				"六(四):财政部门、其他各责任单位根据职责确定巡访帮扶重点内容"}},
		{"what families hear", func(p *Pack) {
			f := &p.Family
			f.Summary, f.Festival, f.Urgent, f.Silent, f.Leaflet = 0, []string{"中秋", "春节", "端午"}, Duration(5*60*1e9), 0, false
		}, []string{"家属 · 每月几日发上月情况: 2日 → 不发", "家属 · 哪些节日前一天问候: 春节、中秋、重阳 → 中秋、春节、端午", "家属 · 紧急的多久换人: 10分钟 → 5分钟",
			"家属 · 半年期满前多久报村: 60天 → (没有)", "家属 · 联系卡: 每位老人一张 → 不做"}},
		{"festivals in another order", func(p *Pack) { p.Family.Festival = []string{"重阳", "春节", "中秋"} }, nil},
		{"when it closes", func(p *Pack) { p.Close.Grace = 0 }, []string{"结账 · 期满后还能补记、更正: 3天 → (没有)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			was, becomes := pack(t, "yongning"), pack(t, "yongning")
			was.Duties[1].Source, becomes.Duties[1].Source = "丙", "丙"
			tt.edit(&becomes)
			var got []string
			for _, d := range Diff(was, becomes) {
				got = append(got, d.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// anyPack draws what a file could say and more: the words and numbers need not make sense. Two of each kind of thing are enough.
var anyPack = rapid.Custom(func(t *rapid.T) Pack {
	rules := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Rule {
		r := rapid.Make[Rule]().Draw(t, "rule")
		r.Name = rapid.SampledFrom([]string{"月巡访", "季度探访", "探访"}).Draw(t, "name")
		r.Tier = rapid.SampledFrom([]ledger.Tier{ledger.TierOrdinary, ledger.TierKey, TierAll}).Draw(t, "tier")
		return r
	}), 0, 2)
	covers := rapid.SliceOfN(rapid.Make[Cover](), 0, 2)
	p := Pack{Name: rapid.String().Draw(t, "pack"), Levels: rapid.Make[Levels]().Draw(t, "levels"), Seasons: rapid.Make[Seasons]().Draw(t, "seasons"),
		Photo: rapid.Make[Photo]().Draw(t, "photo"), Spring: rapid.Make[Spring]().Draw(t, "spring"), Recheck: rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "recheck"),
		Papers: rapid.SliceOfN(rapid.Make[Paper](), 0, 2).Draw(t, "papers"), Alarm: rapid.Make[Alarm]().Draw(t, "alarm"),
		Matters: rapid.Make[Matters]().Draw(t, "matters"), Drill: rapid.Make[Drill]().Draw(t, "drill"),
		Family: rapid.Make[Family]().Draw(t, "family"),
		Depts:  rapid.SliceOfN(rapid.Make[Dept](), 0, 2).Draw(t, "departments"),
		Covers: covers.Draw(t, "covers"), Key: covers.Draw(t, "key"), Duties: rules.Draw(t, "duties")}
	for range rapid.IntRange(0, 2).Draw(t, "local") {
		p.Local = append(p.Local, Local{Region: rapid.StringN(0, 2, -1).Draw(t, "region"), Covers: covers.Draw(t, "covers"), Duties: rules.Draw(t, "duties")})
	}
	return p
})

// TestFamilyWords: the line that `policy check` prints says each time and number of it.
func TestFamilyWords(t *testing.T) {
	p := pack(t, "yongning")
	want := "家属: 每月2日发上月情况;春节、中秋、重阳前一天问候;电话、去向183天核对一次;微信绑定365天再确认;打电话2天没有结果换人(工作日),催办的2天,紧急的10分钟;" +
		"半年期满前60天还没联系上报村;联系卡每位老人一张"
	if got := p.Family.Words(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	none := Family{Stale: oneDay, Recheck: oneDay, Answer: oneDay, Reply: oneDay, Urgent: oneDay}
	if got := none.Words(); got != "家属: 不发每月情况;电话、去向1天核对一次;微信绑定1天再确认;打电话1天没有结果换人(工作日),催办的1天,紧急的1天;联系卡不做" {
		t.Error(got)
	}
}

// fields are the values of a pack that a file can set one by one, by their path, lists of words and numbers whole.
func fields(v reflect.Value, path string, out map[string]reflect.Value) map[string]reflect.Value {
	switch {
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fields(v.Field(i), path+"."+v.Type().Field(i).Name, out)
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		for i := range v.Len() {
			fields(v.Index(i), fmt.Sprintf("%s[%d]", path, i), out)
		}
	default:
		out[path] = v
	}
	return out
}

func change(t *rapid.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "改")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Slice:
		if v.Len() > 0 && rapid.Bool().Draw(t, "drop") {
			v.Set(v.Slice(1, v.Len()))
			return
		}
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
	default:
		t.Fatalf("no change is known for a %s", v.Kind())
	}
}

// clone shares nothing with p.
func clone(p Pack) Pack { return copied(reflect.ValueOf(p)).Interface().(Pack) }

func copied(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			out.Field(i).Set(copied(v.Field(i)))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		}
		for i := range v.Len() {
			out.Index(i).Set(copied(v.Index(i)))
		}
	default:
		out.Set(v)
	}
	return out
}

// TestDiffTellsEveryField: a pack does not differ from itself, and each single field that changes is told, once. A field that
// a pack learns later is found here by itself.
func TestDiffTellsEveryField(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPack.Draw(t, "pack")
		if d := Diff(p, clone(p)); len(d) != 0 {
			t.Fatalf("differs from itself: %v", d)
		}
		same := clone(p)
		slices.Reverse(same.Seasons.Heating)
		slices.Reverse(same.Confirm)
		if d := Diff(p, same); len(d) != 0 {
			t.Fatalf("the order of a list that has none is told: %v", d)
		}
		for _, path := range slices.Sorted(maps.Keys(fields(reflect.ValueOf(&p).Elem(), "", map[string]reflect.Value{}))) {
			other := clone(p)
			change(t, fields(reflect.ValueOf(&other).Elem(), "", map[string]reflect.Value{})[path])
			d := Diff(p, other)
			whose := strings.Contains(path, "]") && slices.ContainsFunc([]string{".Name", ".Tier", ".Region"},
				func(field string) bool { return strings.HasSuffix(path, field) })
			if len(d) == 0 || len(d) > 1 && !whose { // what takes another's name, tier or region may be taken for that other
				t.Fatalf("%s changed: told %v", path, d)
			}
		}
	})
}

// TestDiffInOrder: any two packs are told apart the same way each time, and only what is equal is told to be.
func TestDiffInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyPack.Draw(t, "a"), anyPack.Draw(t, "b")
		first := Diff(a, b)
		if diff := cmp.Diff(first, Diff(clone(a), clone(b))); diff != "" {
			t.Fatal(diff)
		}
		if len(first) == 0 && len(Diff(b, a)) != 0 {
			t.Fatalf("only one way: %v", Diff(b, a))
		}
		duty := func(d Difference) bool {
			return slices.Contains([]string{"巡访对象", "提为重点", "规则", "地方", "上报"}, strings.Fields(d.Part)[0])
		}
		rest := slices.IndexFunc(first, func(d Difference) bool { return !duty(d) })
		if rest >= 0 && slices.ContainsFunc(first[rest:], duty) {
			t.Fatalf("a rule after the rest: %v", first)
		}
	})
}

func TestShifts(t *testing.T) {
	yongning := pack(t, "yongning")
	edited := func(edit func(p *Pack)) Pack {
		p := clone(yongning)
		edit(&p)
		return p
	}
	for _, tt := range []struct {
		name    string
		tiers   []ledger.Tiering
		entries []ledger.Entry
		becomes Pack
		want    []Shift
	}{
		{"nothing changes", nil, nil, yongning, nil},
		{"from month to quarter", nil, met("2026-02-03"), pack(t, "inner-mongolia"), []Shift{
			{ShiftLose, "月巡访", "每月1次,上门、电话、视频算数;3月已0次,还差1次", ""},
			{ShiftGain, "季度探访", "", "每季度1次,上门、电话、视频算数;第1季度已完成"}}},
		{"a rule for key elders is nothing to an ordinary one", nil, nil, edited(func(p *Pack) { p.Duties[1].Times = 3 }), nil},
		{"a key elder is visited more often", alwaysKey, met("2026-03-03", "2026-03-04"),
			edited(func(p *Pack) { p.Duties[1].Times = 3 }), []Shift{{ShiftChange, "月巡访", "每月2次,上门、电话、视频算数,至少1次上门;3月已完成",
				"每月3次,上门、电话、视频算数,至少1次上门;3月已2次,还差1次"}}},
		{"a call counts no more", nil, phoned("2026-03-03"), edited(func(p *Pack) { p.Duties[0].Counts = p.Duties[0].Counts[:1] }), []Shift{
			{ShiftChange, "月巡访", "每月1次,上门、电话、视频算数;3月已完成", "每月1次,上门算数;3月已0次,还差1次"}}},
		{"key elders are not distinguished any more", alwaysKey, nil,
			edited(func(p *Pack) { p.Duties[0].Tier, p.Duties = TierAll, slices.Delete(p.Duties, 1, 2) }), []Shift{
				{ShiftChange, "月巡访", "每月2次,上门、电话、视频算数,至少1次上门;3月已0次,还差2次", "每月1次,上门、电话、视频算数;3月已0次,还差1次"}}},
		{"a new clause and a new season change no duty", alwaysKey, nil, edited(func(p *Pack) {
			p.Duties[1].Source, p.Seasons.RoomTempMin, p.Photo.Door = "新文件", 20, PhotoNo
		}), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Shifts(alone(ledger.Elder{ID: "A01"}, tt.tiers), tt.entries, Packs{yongning}, Packs{tt.becomes}, "2026-03-20")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	late := ledger.Elder{ID: "A01", Since: "2026-03-25"} // owes nothing this month either way
	if got := Shifts(alone(late, nil), nil, Packs{yongning}, Packs{pack(t, "inner-mongolia")}, "2026-03-26"); len(got) != 0 {
		t.Errorf("an elder new on the ledger: %v", got)
	}
}

// TestDemands: what a person must do is compared, not when they are reminded of it or why.
func TestDemands(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(r *Rule)
		same bool
	}{
		"who does it": {func(r *Rule) { r.Kind = ledger.KindHelp }, false}, "how often": {func(r *Rule) { r.Times = 1 }, false},
		"in what": {func(r *Rule) { r.Per = PerWeek }, false}, "how soon": {func(r *Rule) { r.Within = 1 }, false},
		"the door": {func(r *Rule) { r.DoorMin = 2 }, false}, "what counts": {func(r *Rule) { r.Counts = r.Counts[:1] }, false},
		"what counts, turned round": {func(r *Rule) { slices.Reverse(r.Counts) }, true},
		"reminders":                 {func(r *Rule) { r.Nudge, r.Escalate, r.Source, r.Name = nil, Escalate{}, "", "" }, true},
	} {
		r := clone(pack(t, "yongning")).Duties[1]
		c.edit(&r)
		if pack(t, "yongning").Duties[1].demands(r) != c.same {
			t.Errorf("%s: the same is %v", name, !c.same)
		}
	}
}

// TestShiftsAgreeWithDue: what is owed by the old pack, without what is lost and with what is gained, is what is owed by the new.
func TestShiftsAgreeWithDue(t *testing.T) {
	packs := rapid.Custom(func(t *rapid.T) Pack {
		var p Pack
		whom := rapid.SampledFrom([][]ledger.Tier{{}, {TierAll}, {ledger.TierKey}, {ledger.TierOrdinary, ledger.TierKey}})
		for _, name := range []string{"月巡访", "季度探访"} {
			for _, tier := range whom.Draw(t, name) {
				times := rapid.IntRange(1, 2).Draw(t, "times")
				p.Duties = append(p.Duties, Rule{Name: name, Kind: ledger.KindVisit, Tier: tier, Per: rapid.SampledFrom([]Per{PerMonth, PerQuarter}).Draw(t, "per"),
					Times: times, DoorMin: rapid.IntRange(0, times).Draw(t, "door"),
					Counts: rapid.SampledFrom([][]ledger.Method{{ledger.MethodDoor}, {ledger.MethodPhone, ledger.MethodDoor}}).Draw(t, "counts")})
			}
		}
		return p
	})
	rapid.Check(t, func(t *rapid.T) {
		was, becomes := packs.Draw(t, "was"), packs.Draw(t, "becomes")
		on := ledger.Day("2028-02-29").Add(rapid.IntRange(-40, 40).Draw(t, "on"))
		e := ledger.Elder{ID: "A01", Since: on.Add(-rapid.IntRange(-5, 100).Draw(t, "since"))}
		tiers := rapid.SampledFrom([][]ledger.Tiering{nil, alwaysKey}).Draw(t, "tiers")
		var entries []ledger.Entry
		for range rapid.IntRange(0, 4).Draw(t, "visits") {
			m := rapid.SampledFrom([]ledger.Method{ledger.MethodDoor, ledger.MethodPhone}).Draw(t, "method")
			entries = append(entries, visit(on.Add(-rapid.IntRange(0, 60).Draw(t, "day")), m, ledger.OutcomeOK))
		}
		if got := Shifts(alone(e, tiers), entries, Packs{was}, Packs{clone(was)}, on); len(got) != 0 {
			t.Fatalf("the same pack shifts %v", got)
		}
		duties := map[string]ledger.Duty{}
		for _, d := range Due(alone(e, tiers), entries, Packs{was}, on) {
			duties[d.Name] = d
		}
		want := map[string]ledger.Duty{}
		for _, d := range Due(alone(e, tiers), entries, Packs{becomes}, on) {
			want[d.Name] = d
		}
		for _, x := range Shifts(alone(e, tiers), entries, Packs{was}, Packs{becomes}, on) {
			_, had := duties[x.Duty]
			if had != (x.Was != "") || had == (x.Kind == ShiftGain) || (x.Kind == ShiftLose) != (x.Becomes == "") {
				t.Fatalf("%+v, and the old duties are %v", x, duties)
			}
			if x.Kind == ShiftLose {
				delete(duties, x.Duty)
			} else {
				duties[x.Duty] = want[x.Duty]
			}
		}
		if diff := cmp.Diff(want, duties); diff != "" {
			t.Fatal(diff)
		}
	})
}
