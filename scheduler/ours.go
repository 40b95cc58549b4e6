package scheduler

import "time"

// What holds where a county's file says nothing of emergencies, problems, departments, families and drills: files that were written before
// packs spoke of these still load, and an alarm still has a ladder (contract, Who hears and who sees; requirements §1.O).

const oursSource = "文件里没有写,本系统默认"

func ourAlarm() Alarm {
	step := func(minutes time.Duration) Duration { return Duration(minutes * time.Minute) }
	return Alarm{
		AtOnce: []Target{TargetVillage, TargetTownship, TargetDept},
		Grave:  []string{"missing", "abuse", "mental"},
		Steps: []Step{
			{After: step(5), Call: []Target{TargetVillage, TargetTownship}},
			{After: step(10), Tell: []Target{TargetDeputy}, Call: []Target{TargetDeputy}},
			{After: step(20), Tell: []Target{TargetCounty}, Call: []Target{TargetCounty}},
		},
		Repeat: 3, Quiet: step(30), Join: step(120), Follow: 3 * oneDay, Source: oursSource,
	}
}

func ourMatters() Matters {
	return Matters{Village: 3 * oneDay, Township: 3 * oneDay, County: 2 * oneDay, Unclaimed: 2 * oneDay, Meeting: 5 * oneDay,
		Silent: 7 * oneDay, Source: oursSource}
}

func ourDepts() []Dept {
	return []Dept{
		{Name: "公安", Alarms: []string{"missing", "abuse", "fraud", "mental"}, Needs: []string{"上门办证"},
			Duty: "查处欺老、虐老、诈骗,及时出警;行动不便的上门办事", Source: oursSource},
		{Name: "消防", Alarms: []string{"fire", "gas", "house", "unreached"}, Items: []string{"gas", "electricity", "fire"},
			Needs: []string{"用电用气检查"}, Duty: "指导安全用电用气;救火、开门救人", Source: oursSource},
		{Name: "卫健", Alarms: []string{"critical_illness", "fall", "gas", "mental", "unreached", "death"},
			Items: []string{"expression", "mobility", "illness", "mood", "thinking"}, Needs: []string{"看病用药", "健康体检", "心理疏导"},
			Duty: "紧急医护救助,健康知识宣讲", Source: oursSource},
		{Name: "民政", Alarms: []string{"hardship"},
			Items: []string{"stress", "heating", "personal", "home", "surroundings", "indoor", "outdoor", "house", "room_temp"},
			Needs: []string{"低保", "救助", "送餐", "上门照料", "适老化改造"}, Duty: "牵头,对接养老服务;困难老人的经济、灾害救助", Source: oursSource},
		{Name: "司法", Items: []string{"neighbors"}, Needs: []string{"纠纷调解", "法律援助"}, Duty: "调处矛盾纠纷,法律援助", Source: oursSource},
		{Name: "人社", Needs: []string{"医保社保"}, Duty: "城乡医保、社保", Source: oursSource},
		{Name: "扶贫", Needs: []string{"贫困帮扶"}, Duty: "建档立卡户里的留守老人", Source: oursSource},
		{Name: "残联", Needs: []string{"残疾补贴"}, Duty: "残疾证、残疾补贴、轮椅等用具", Source: oursSource},
		{Name: "文化", Needs: []string{"文化活动"}, Duty: "老人的文化活动", Source: oursSource},
		{Name: "财政", Duty: "巡访经费,按实际完成补助", Source: oursSource},
	}
}

func ourFamily() Family {
	return Family{Summary: 2, Festival: []string{"春节", "中秋", "重阳"}, Stale: 183 * oneDay, Recheck: 365 * oneDay, Answer: 2 * oneDay,
		Urgent: Duration(10 * time.Minute), Reply: 2 * oneDay, Silent: 60 * oneDay, Leaflet: true, Source: oursSource}
}

// ourDrill: none.
func ourDrill() Drill { return Drill{At: "10:00", Source: oursSource} }

// settle puts ours where the file has no such key.
func (p *Pack) settle(written func(key string) bool) {
	if !written("alarm") {
		p.Alarm = ourAlarm()
	}
	if !written("matters") {
		p.Matters = ourMatters()
	}
	if !written("departments") {
		p.Depts = ourDepts()
	}
	if !written("family") {
		p.Family = ourFamily()
	}
	if !written("drill") {
		p.Drill = ourDrill()
	}
}
