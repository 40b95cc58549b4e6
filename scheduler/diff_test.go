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

func TestDiffWords(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(p *Pack)
		want []string
	}{
		{"nothing", func(*Pack) {}, nil},
		{"key elders three times", func(p *Pack) { p.Visits[1].Times = 3 }, []string{"巡访规则 月巡访(重点) · 次数: 每月2次 → 每月3次"}},
		{"by the quarter", func(p *Pack) { p.Visits[0].Per = PerQuarter }, []string{"巡访规则 月巡访(普通) · 次数: 每月1次 → 每季度1次"}},
		{"only at the door", func(p *Pack) { p.Visits[0].Counts = []ledger.Method{ledger.MethodDoor} },
			[]string{"巡访规则 月巡访(普通) · 算数的方式: 上门、电话、视频 → 上门"}},
		{"methods in another order", func(p *Pack) { slices.Reverse(p.Visits[0].Counts) }, nil},
		{"never at the door", func(p *Pack) { p.Visits[1].DoorMin = 0 }, []string{"巡访规则 月巡访(重点) · 其中至少上门: 1次 → 0次"}},
		{"all alike", func(p *Pack) { p.Visits[0].Tier, p.Visits = TierAll, p.Visits[:1] }, []string{
			"巡访规则 月巡访(普通) · 管哪些老人: 普通 → 全部",
			"取消 巡访规则 月巡访(重点): 每月2次,上门、电话、视频算数,至少1次上门;依据 丙"}},
		{"another name", func(p *Pack) { p.Visits[1].Name = "重点巡访" }, []string{"巡访规则 月巡访(重点) · 名称: 月巡访 → 重点巡访"}},
		{"one rule more", func(p *Pack) {
			p.Visits = append([]Rule{{Name: "季度探访", Tier: TierAll, Per: PerQuarter, Times: 1,
				Counts: []ledger.Method{ledger.MethodPhone}, Source: "丁"}}, p.Visits...)
		},
			[]string{"新增 巡访规则 季度探访(全部): 每季度1次,电话算数;依据 丁"}},
		{"the rules turned round", func(p *Pack) { slices.Reverse(p.Visits) },
			[]string{"巡访规则 · 先后: 月巡访(普通)、月巡访(重点) → 月巡访(重点)、月巡访(普通)"}},
		{"colder homes", func(p *Pack) { p.Seasons.RoomTempMin, p.Seasons.Rainy = 14, nil },
			[]string{"季节 · 问房屋的月份: 6、7、8、9月 → (没有)", "季节 · 室温低于多少算有情况: 16度 → 14度"}},
		{"months in another order", func(p *Pack) { slices.Reverse(p.Seasons.Heating) }, nil},
		{"photos", func(p *Pack) { p.Photo.Door, p.Photo.Grace = PhotoOptional, 2*60*60e9 },
			[]string{"照片 · 上门: 要照片 → 可以有照片", "照片 · 多久内可以补: 30分钟 → 2小时"}},
		{"what is re-checked", func(p *Pack) { p.Recheck, p.Confirm = []string{"address", "phone"}, nil },
			[]string{"信息核对 · 轮着核对的: 电话、住址、子女电话 → 住址、电话", "信息核对 · 档案员核对后才改的: 住址、子女电话 → (没有)"}},
		{"when it closes", func(p *Pack) { p.Close.Grace = 0 }, []string{"结账 · 期满后还能补记、更正: 3天 → (没有)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			was, becomes := pack(t, "yongning"), pack(t, "yongning")
			was.Visits[1].Source, becomes.Visits[1].Source = "丙", "丙"
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

// anyPack draws what a file could say and more: the words and numbers need not make sense.
var anyPack = rapid.Custom(func(t *rapid.T) Pack {
	p := rapid.Make[Pack]().Draw(t, "pack")
	for i := range p.Visits {
		p.Visits[i].Name = rapid.SampledFrom([]string{"月巡访", "季度探访", "探访"}).Draw(t, "name")
		p.Visits[i].Tier = rapid.SampledFrom([]ledger.Tier{ledger.TierOrdinary, ledger.TierKey, TierAll}).Draw(t, "tier")
	}
	return p
})

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
func clone(p Pack) Pack {
	p.Visits = slices.Clone(p.Visits)
	for i := range p.Visits {
		p.Visits[i].Counts = slices.Clone(p.Visits[i].Counts)
	}
	p.Seasons.Heating, p.Seasons.Rainy = slices.Clone(p.Seasons.Heating), slices.Clone(p.Seasons.Rainy)
	p.Recheck, p.Confirm = slices.Clone(p.Recheck), slices.Clone(p.Confirm)
	return p
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
			whose := strings.HasPrefix(path, ".Visits") && (strings.HasSuffix(path, ".Name") || strings.HasSuffix(path, ".Tier"))
			if len(d) == 0 || len(d) > 1 && !whose { // a rule that takes another's name or tier may be taken for that other
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
		rest := slices.IndexFunc(first, func(d Difference) bool { return !strings.HasPrefix(d.Part, "巡访规则") })
		if rest >= 0 && slices.ContainsFunc(first[rest:], func(d Difference) bool { return strings.HasPrefix(d.Part, "巡访规则") }) {
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
		{"a rule for key elders is nothing to an ordinary one", nil, nil, edited(func(p *Pack) { p.Visits[1].Times = 3 }), nil},
		{"a key elder is visited more often", alwaysKey, met("2026-03-03", "2026-03-04"),
			edited(func(p *Pack) { p.Visits[1].Times = 3 }), []Shift{{ShiftChange, "月巡访", "每月2次,上门、电话、视频算数,至少1次上门;3月已完成",
				"每月3次,上门、电话、视频算数,至少1次上门;3月已2次,还差1次"}}},
		{"a call counts no more", nil, phoned("2026-03-03"), edited(func(p *Pack) { p.Visits[0].Counts = p.Visits[0].Counts[:1] }), []Shift{
			{ShiftChange, "月巡访", "每月1次,上门、电话、视频算数;3月已完成", "每月1次,上门算数;3月已0次,还差1次"}}},
		{"key elders are not distinguished any more", alwaysKey, nil,
			edited(func(p *Pack) { p.Visits[0].Tier, p.Visits = TierAll, p.Visits[:1] }), []Shift{
				{ShiftChange, "月巡访", "每月2次,上门、电话、视频算数,至少1次上门;3月已0次,还差2次", "每月1次,上门、电话、视频算数;3月已0次,还差1次"}}},
		{"a new clause and a new season change no duty", alwaysKey, nil, edited(func(p *Pack) {
			p.Visits[1].Source, p.Seasons.RoomTempMin, p.Photo.Door = "新文件", 20, PhotoNo
		}), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Shifts(ledger.Elder{ID: "A01"}, tt.tiers, tt.entries, yongning, tt.becomes, "2026-03-20")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	late := ledger.Elder{ID: "A01", Since: "2026-03-25"} // owes nothing this month either way
	if got := Shifts(late, nil, nil, yongning, pack(t, "inner-mongolia"), "2026-03-26"); len(got) != 0 {
		t.Errorf("an elder new on the ledger: %v", got)
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
				p.Visits = append(p.Visits, Rule{Name: name, Tier: tier, Per: rapid.SampledFrom([]Per{PerMonth, PerQuarter}).Draw(t, "per"),
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
		if got := Shifts(e, tiers, entries, was, clone(was), on); len(got) != 0 {
			t.Fatalf("the same pack shifts %v", got)
		}
		duties := map[string]ledger.Duty{}
		for _, d := range Due(e, tiers, entries, was, on) {
			duties[d.Name] = d
		}
		want := map[string]ledger.Duty{}
		for _, d := range Due(e, tiers, entries, becomes, on) {
			want[d.Name] = d
		}
		for _, x := range Shifts(e, tiers, entries, was, becomes, on) {
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
