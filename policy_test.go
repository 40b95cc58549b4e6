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
	"xunfang/scheduler"
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
	ladder := countyPolicy(t, "after: 5m", "after: 90s", "grave: [missing, abuse, mental]", "grave: [fire]", "weekday: 0", "weekday: 3")
	told := countyPolicy(t, "summary: 2", "summary: 0", "leaflet: true", "leaflet: false")
	town := countyPolicy(t, "local: []", `local:
  - region: "11"
    source: 东镇巡访制度
    duties: [{name: 冬季上门, kind: visit, tier: 重点, per: quarter, times: 1, counts: [door], source: 东镇巡访制度 第三条}]`)
	faulty := countyPolicy(t, "times: 2", "times: 两次", "grace: 30m", "grace: 半小时", "heating: [11,", "heating: [13,")
	for _, c := range []struct {
		args           string
		status         int
		stdout, stderr string
	}{
		{"list", 0, "inner-mongolia\t内蒙古农村牧区留守老年人探访\t内蒙古自治区\t《关于加强农村牧区留守老年人关爱服务工作的实施意见》(内蒙古自治区民政厅等,2018年8月10日)\n" +
			"inner-mongolia-2022\t内蒙古老年人分级探访\t内蒙古自治区\t内蒙古自治区2022年老年人探访关爱的意见(据北方新报2022年6月23日)\n" +
			"national-2022\t特殊困难老年人探访关爱\t全国\t《关于开展特殊困难老年人探访关爱服务的指导意见》(民政部等10部门,民发〔2022〕73号)\n" +
			"yongning\t永宁县留守老年人巡访\t宁夏回族自治区银川市永宁县\t《永宁县留守老年人巡访工作实施方案》(永宁县老龄工作委员会办公室,2019年1月9日)\n", ""},
		{"show yongning", 0, string(shipped), ""},
		{"show " + often, 1, "", "xunfang: no policy " + often + " ships; `xunfang policy list` shows those that do\n"},
		{"check inner-mongolia", 0, "ok   inner-mongolia: 内蒙古农村牧区留守老年人探访, 2 duties; records stay open 3d after a period ends\n" +
			"     季度探访(全部): 每季度1次,上门、电话、视频算数;还剩30天、还剩10天提醒;还剩5天报村;还剩1天报乡镇\n" +
			"     季度统计: 县民政每季度1次,统计数;还剩5天提醒\n" + mongolian, ""},
		{"check national-2022", 0, "ok   national-2022: 特殊困难老年人探访关爱, 1 duty; records stay open 3d after a period ends\n" +
			"     月探访(全部): 每月1次,上门、电话、视频算数;还剩9天、还剩4天提醒;还剩1天报村;最后一天报乡镇\n" + urgent, ""},
		{"check " + town, 0, "ok   " + town + ": 永宁县留守老年人巡访, 6 duties; records stay open 3d after a period ends\n" + monthly +
			"     11 冬季上门(重点): 每季度1次,上门算数\n     信息: 乡镇每季度1次,信息文章;还剩30天、还剩7天提醒\n" + urgent, ""},
		{"check " + often, 0, "ok   " + often + ": 永宁县留守老年人巡访, 5 duties; records stay open 5d after a period ends\n" +
			strings.Replace(monthly, "每月2次", "每月3次", 1) + "     信息: 乡镇每季度1次,信息文章;还剩30天、还剩7天提醒\n" + urgent, ""},
		{"check " + faulty, 1, "", "第65行 duties[1].times: 应为整数\n第119行 seasons.heating[0]: 没有 13 月 (应为 1 到 12)\n" +
			"第127行 photo.grace: 时间“半小时”看不懂 (应为整数加单位,如 90s、5m、2h、3d)\n" +
			"xunfang: the policy " + faulty + " has 3 faults; mend the lines named above and check it again\n"},
		{"check nowhere.yaml", 1, "", "xunfang: there is no policy file nowhere.yaml, and none of that name ships; `xunfang policy list` shows those that do\n"},
		{"diff yongning " + same, 0, "yongning and " + same + " say the same\n", ""},
		{"diff yongning " + often, 0, "2 differences from yongning to " + often + ":\n规则 月巡访(重点) · 次数: 每月2次 → 每月3次\n" +
			"结账 · 期满后还能补记、更正: 3天 → 5天\n", ""},
		{"diff yongning " + ladder, 0, "3 differences from yongning to " + ladder + ":\n紧急 · 县里也马上知道的: 走失、打骂/虐待/侵害、精神异常 → 火灾\n" +
			"紧急 · 第1步: 过5分钟,打电话给村、乡镇 → 过90秒,打电话给村、乡镇\n演练 · 星期几: (没有) → 周三\n", ""},
		{"diff yongning " + told, 0, "2 differences from yongning to " + told + ":\n家属 · 每月几日发上月情况: 2日 → 不发\n家属 · 联系卡: 每位老人一张 → 不做\n", ""},
		{"diff yongning inner-mongolia", 0, toMongolia, ""},
		{"diff yongning " + faulty, 1, "", "第65行"},
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

// monthly are the rules of yongning about elders.
const monthly = `     月巡访(普通): 每月1次,上门、电话、视频算数;还剩9天、还剩4天提醒;还剩1天报村;最后一天报乡镇
     月巡访(重点): 每月2次,上门、电话、视频算数,至少1次上门;期中、还剩9天、还剩4天提醒;还剩1天报村;最后一天报乡镇
     季度帮扶(全部): 帮扶人帮扶,每季度1次,上门算数;还剩30天、还剩10天提醒;还剩5天报村;还剩1天报乡镇
     半年沟通(全部): 帮扶人联系家属,每半年1次,上门、电话、视频算数;还剩60天、还剩20天提醒;还剩10天报村;还剩3天报乡镇
`

// families is what every pack says of the elders' children.
const families = `     家属: 每月2日发上月情况;春节、中秋、重阳前一天问候;电话、去向183天核对一次;微信绑定365天再确认;打电话2天没有结果换人(工作日),催办的2天,紧急的10分钟;半年期满前60天还没联系上报村;联系卡每位老人一张
`

// urgent is what yongning says of emergencies, problems, departments and families.
const urgent = `     紧急: 马上告诉村、乡镇、部门;县里也马上知道走失、打骂/虐待/侵害、精神异常;过5分钟,打电话给村、乡镇;过10分钟,告诉并打电话给代班人和档案员;过20分钟,告诉并打电话给县;没人管再走3遍,以后隔30分钟一遍;接了30分钟没有消息重新走;2小时内的算一件;结束后3天内上门回访
     问题和需求: 村3天,乡镇3天,县2天;部门2天不认领退回县里,5天上联席会议;认领后7天没有下文重新放出来(都是工作日)
     部门 公安: 查处欺老、虐老、诈骗,及时出警;行动不便的上门办事;马上知道走失、打骂/虐待/侵害、诈骗、精神异常;需求上门办证
     部门 消防: 指导安全用电用气;救火、开门救人;马上知道火灾、燃气/煤气中毒、房屋/灾害、敲门没人应;问题燃气、用电电路、防火;需求用电用气检查
     部门 卫健: 紧急医护救助,健康知识宣讲;马上知道危重病情、摔倒、燃气/煤气中毒、精神异常、敲门没人应、去世;问题说话表达、行动走路、生病、情绪、记性;需求看病用药、健康体检、心理疏导
     部门 民政: 牵头,对接养老服务;困难老人的经济、灾害救助;马上知道重大困境;问题压力发愁、取暖、个人卫生、家里卫生、周边卫生、屋里环境、屋外环境、房屋漏塌、室温低;需求低保、救助、送餐、上门照料、适老化改造
     部门 司法: 调处矛盾纠纷,法律援助;问题邻里;需求纠纷调解、法律援助
     部门 人社: 城乡医保、社保;需求医保社保
     部门 扶贫: 建档立卡户里的留守老人;需求贫困帮扶
     部门 残联: 残疾证、残疾补贴、轮椅等用具;需求残疾补贴
     部门 文化: 老人的文化活动;需求文化活动
     部门 财政: 巡访经费,按实际完成补助
     演练: 不演练
` + families

// mongolian is what inner-mongolia says of them: the same ladder, with the words of its own document.
const mongolian = `     紧急: 马上告诉村、乡镇、部门;县里也马上知道走失、打骂/虐待/侵害、精神异常;过5分钟,打电话给村、乡镇;过10分钟,告诉并打电话给代班人和档案员;过20分钟,告诉并打电话给县;没人管再走3遍,以后隔30分钟一遍;接了30分钟没有消息重新走;2小时内的算一件;结束后3天内上门回访
     问题和需求: 村3天,乡镇3天,县2天;部门2天不认领退回县里,5天上联席会议;认领后7天没有下文重新放出来(都是工作日)
     部门 公安: 打击侵害老人权益的犯罪;行动不便的上门办事;马上知道走失、打骂/虐待/侵害、诈骗、精神异常;需求上门办证
     部门 消防: 为老设施消防,老人消防安全宣传;救火、开门救人;马上知道火灾、燃气/煤气中毒、房屋/灾害、敲门没人应;问题燃气、用电电路、防火;需求用电用气检查
     部门 卫健: 65岁以上老人健康管理,医养结合;马上知道危重病情、摔倒、燃气/煤气中毒、精神异常、敲门没人应、去世;问题说话表达、行动走路、生病、情绪、记性;需求看病用药、健康体检、心理疏导
     部门 民政: 牵头协调,养老服务设施,低保应保尽保;马上知道重大困境;问题压力发愁、取暖、个人卫生、家里卫生、周边卫生、屋里环境、屋外环境、房屋漏塌、室温低;需求低保、救助、送餐、上门照料、适老化改造
     部门 司法: 法治宣传,法律援助;问题邻里;需求纠纷调解、法律援助
     部门 人社: 基本养老保险、基本医疗保险;需求医保社保
     部门 扶贫: 贫困留守老人脱贫;需求贫困帮扶
     部门 残联: 残疾证、残疾补贴、轮椅等用具;需求残疾补贴
     部门 文化: 文化服务,丰富老人精神文化生活;需求文化活动
     部门 财政: 经费,政府购买服务
     演练: 不演练
` + families

const toMongolia = `58 differences from yongning to inner-mongolia:
取消 巡访对象 70周岁以上独居老年人: 70周岁以上,居住 独居;依据 002 四(一):70周岁以上独居老年人
取消 巡访对象 与重度残疾子女共同居住的老年人: 居住 与重度残疾子女同住;依据 002 四(二):与重度残疾子女共同居住的老年人
取消 巡访对象 身体、精神状况较差的独居老年人: 居住 独居,健康状况里有 中风/冠心病/卧床/大病/失明/失智/很差/心脏病/抑郁/残疾/痴呆/瘫/癌/精神病/精神障碍/肿瘤/较差/重病;依据 002 四(三):无子女或子女不在我县身体状况和精神状况较差的独居老年人;按健康状况里的字样认为本系统默认
取消 巡访对象 失能老年人: 自理 失能;依据 002 四(四):失能、失独老年人
取消 巡访对象 失独老年人: 失独;依据 002 四(四):失能、失独老年人
取消 巡访对象 乡镇扩大的其他老人: 人人;依据 002 四末段:各乡(镇)、街道办也可根据各自实际,扩大巡访服务对象范围
新增 巡访对象 留守老年人: 居住 留守;依据 000 三(三):每季度定期对农村牧区留守、空巢老年人进行探访、摸底、排查
新增 巡访对象 空巢老年人: 居住 独居/空巢;依据 000 三(三):每季度定期对农村牧区留守、空巢老年人进行探访、摸底、排查;独居算空巢为本系统默认
新增 巡访对象 台账上的其他老人: 人人;依据 000 三(三):留守/空巢老年人信息数据台账;在台账上就探访为本系统默认
取消 提为重点 失能、半失能独居: 居住 独居,自理 半失能/失能;依据 002 三(三):重点做好家庭照顾资源缺失、迫切需要关爱帮扶照料的特殊困难老年人;按独居和自理能力认为本系统默认
取消 提为重点 失独: 失独;依据 002 三(三):重点做好家庭照顾资源缺失的特殊困难老年人;四(四):失能、失独老年人;列为重点为本系统默认
取消 提为重点 独居重病无亲属: 居住 独居,健康状况里有 中风/冠心病/卧床/大病/失明/失智/很差/心脏病/抑郁/残疾/痴呆/瘫/癌/精神病/精神障碍/肿瘤/较差/重病,台账上没有亲属;依据 002 三(三):重点做好家庭照顾资源缺失的特殊困难老年人;四(三):无子女、身体状况和精神状况较差的独居老年人;列为重点为本系统默认
新增 提为重点 失能独居: 居住 独居,自理 失能;依据 000 二(一):避免让生活不能自理的老年人单独居住生活;二(二):将存在安全风险的留守老年人作为重点帮扶对象
新增 提为重点 经济困难的高龄老人: 80周岁以上,困难问题里有 五保/低保/没钱/特困/生活困难/经济困难/缺钱/贫困;依据 000 三(三):重点排查经济困难家庭的高龄、失能、留守、空巢老年人;高龄按80周岁、困难按字样认为本系统默认
新增 提为重点 经济困难的失能老人: 自理 半失能/失能,困难问题里有 五保/低保/没钱/特困/生活困难/经济困难/缺钱/贫困;依据 000 三(三):重点排查经济困难家庭的高龄、失能、留守、空巢老年人;困难按字样认为本系统默认
新增 提为重点 经济困难的留守、空巢老人: 居住 独居/留守/空巢,困难问题里有 五保/低保/没钱/特困/生活困难/经济困难/缺钱/贫困;依据 000 三(三):重点排查经济困难家庭的高龄、失能、留守、空巢老年人;困难按字样认为本系统默认
取消 规则 月巡访(普通): 每月1次,上门、电话、视频算数;还剩9天、还剩4天提醒;还剩1天报村;最后一天报乡镇;依据 002 五·巡访次数:对普通巡访对象做到每月巡访一次;五·巡访方式:电话问候、上门巡访;视频当电话算为本系统默认
取消 规则 月巡访(重点): 每月2次,上门、电话、视频算数,至少1次上门;期中、还剩9天、还剩4天提醒;还剩1天报村;最后一天报乡镇;依据 002 五·巡访次数:对重点巡访对象做到每月不少于两次;至少一次上门为本系统默认
取消 规则 季度帮扶(全部): 帮扶人帮扶,每季度1次,上门算数;还剩30天、还剩10天提醒;还剩5天报村;还剩1天报乡镇;依据 002 五·帮扶服务:帮扶人员每季度至少要到留守老年人家中开展一次帮扶服务;几个人帮一位,谁去都算为本系统默认
取消 规则 半年沟通(全部): 帮扶人联系家属,每半年1次,上门、电话、视频算数;还剩60天、还剩20天提醒;还剩10天报村;还剩3天报乡镇;依据 002 五·帮扶服务:帮扶人员每半年至少要与留守老年人子女或委托监护人进行一次沟通;当面、电话、视频都算为本系统默认
新增 规则 季度探访(全部): 每季度1次,上门、电话、视频算数;还剩30天、还剩10天提醒;还剩5天报村;还剩1天报乡镇;依据 000 三(三):采取电话问候、上门走访等方式,每季度定期进行探访、摸底、排查
取消 上报 信息: 乡镇每季度1次,信息文章;还剩30天、还剩7天提醒;依据 002 五·信息报送:各乡镇、街道办、各责任单位每季度报送活动信息不少于一篇;提醒的日子为本系统默认
新增 上报 季度统计: 县民政每季度1次,统计数;还剩5天提醒;依据 000 三(三):将辖区留守、空巢老年人的数量规模、基本分布、主要特征等总体信息按季度报送自治区民政厅;提醒的日子为本系统默认
春节 · 依据: 002 没有规定;本系统默认 → 000 没有规定;本系统默认
季节 · 问取暖和室温的月份: 11、12、1、2、3月 → 10、11、12、1、2、3、4月
季节 · 依据: 002 五·巡访内容:雨季住房安全,冬季室内温度和取暖安全;月份和温度为本系统默认(宁夏供暖期11月至次年3月) → 000 没有规定;月份和温度为本系统默认(内蒙古供暖期10月至次年4月)
照片 · 依据: 002 五·巡访记录:每次巡访要保留图片资料;电话巡访不要照片、半小时内补上为本系统默认 → 000 没有规定;上门留一张照片为本系统默认
结账 · 依据: 002 没有规定;月末后三天内还能补记为本系统默认 → 000 没有规定;季末后三天内还能补记为本系统默认
紧急 · 依据: 002 六(二):发现的问题应及时逐级上报,紧急情况下应立即拨打紧急求助电话,并向公安、消防、医疗等部门报告;步骤、时间、哪些情况马上告诉县里为本系统默认 → 000 二(二):要及时向嘎查(村)委会、苏木(乡镇)人民政府或民政部门报告,进行紧急处置,并及时实施关爱救助;步骤、时间、哪些情况马上告诉旗县里为本系统默认
问题和需求 · 依据: 002 五·加强联系:发现问题及时向乡镇上报,乡镇及时上报县民政局;六(四):各部门要主动认领;几天为本系统默认 → 000 二(二):同时报告苏木(乡镇)人民政府;三(一):联席会议制度;几天为本系统默认
部门 公安 · 职责: 查处欺老、虐老、诈骗,及时出警;行动不便的上门办事 → 打击侵害老人权益的犯罪;行动不便的上门办事
部门 公安 · 依据: 002 六(四):公安部门对排查出的欺老、虐老、诈骗等行为要及时出警处理,对报警中行动不便的老年人要做好上门服务;走失、精神异常告诉公安为本系统默认 → 000 三(二):公安部门要依法严厉打击侵害留守老年人合法权益的违法犯罪行为;走失、精神异常告诉公安、上门办证为本系统默认
部门 消防 · 职责: 指导安全用电用气;救火、开门救人 → 为老设施消防,老人消防安全宣传;救火、开门救人
部门 消防 · 依据: 002 六(四):消防部门要做好用电用气巡访指导工作;六(二):紧急情况下向公安、消防、医疗等部门报告 → 000 三(二):落实消防设施器材建设、日常消防安全管理和老年人消防安全宣传教育工作;单列消防、哪些情况归它为本系统默认
部门 卫健 · 职责: 紧急医护救助,健康知识宣讲 → 65岁以上老人健康管理,医养结合
部门 卫健 · 依据: 002 六(四):卫计部门要做好紧急医护救助工作和健康知识宣讲工作;哪些情况归卫健为本系统默认 → 000 三(二):卫生计生部门为65岁以上农村牧区留守老年人提供健康管理服务,推进医养结合;哪些情况归卫健为本系统默认
部门 民政 · 职责: 牵头,对接养老服务;困难老人的经济、灾害救助 → 牵头协调,养老服务设施,低保应保尽保
部门 民政 · 依据: 002 六(一):县民政局作为牵头部门,做好困难老年人经济、灾害救助工作;五·加强联系:根据服务需求做好对接工作;哪些问题归民政为本系统默认 → 000 三(二):民政部门牵头做好工作协调,将符合条件的留守老年人全部纳入低保救助范围;二(二):面临重大困境向民政部门报告;哪些问题归民政为本系统默认
部门 司法 · 职责: 调处矛盾纠纷,法律援助 → 法治宣传,法律援助
部门 司法 · 依据: 002 六(四):司法部门要做好矛盾纠纷调处和法律援助救助工作 → 000 三(二):司法行政部门要做好法治宣传教育工作,依法为留守老年人提供法律援助服务;纠纷归司法为本系统默认
部门 人社 · 职责: 城乡医保、社保 → 基本养老保险、基本医疗保险
部门 人社 · 依据: 002 六(四):人社部门要做好城乡医保和社保社会保障工作 → 000 三(二):人力资源社会保障部门要建立健全覆盖城乡居民基本养老保险、基本医疗保险等社会保障公共服务体系
部门 扶贫 · 职责: 建档立卡户里的留守老人 → 贫困留守老人脱贫
部门 扶贫 · 依据: 002 六(四):扶贫办要做好建档立卡户中留守老年人扶贫工作 → 000 三(二):扶贫部门要落实脱贫攻坚政策,支持做好贫困留守老年人脱贫工作
部门 残联 · 依据: 本系统默认:002 没有写残联,残疾方面的需求归它 → 本系统默认:000 没有写残联,残疾方面的需求归它
部门 文化 · 职责: 老人的文化活动 → 文化服务,丰富老人精神文化生活
部门 文化 · 依据: 002 六(一):加强与公安、司法、财政、人社、文化和旅游、健康委、扶贫办、老龄等部门的联系协调;归它的需求为本系统默认 → 000 三(二):文化部门要依托基层综合性文化服务中心,为农村牧区留守老年人提供丰富多彩的文化服务
部门 财政 · 职责: 巡访经费,按实际完成补助 → 经费,政府购买服务
部门 财政 · 依据: 002 七(二):财政部门统筹养老服务专项资金或福彩公益金;六(四):财政部门、其他各责任单位根据职责确定巡访帮扶重点内容 → 000 三(二):财政部门要积极支持农村牧区留守老年人关爱服务工作,完善政府购买服务制度
演练 · 依据: 002 没有规定;本系统默认,不演练 → 000 没有规定;本系统默认,不演练
家属 · 依据: 002 五·加强联系:要为留守老年人建立联系卡,加强与其子女或者委托照顾人的联系;五·帮扶服务:每半年至少要与留守老年人子女或委托监护人进行一次沟通;日子、天数为本系统默认 → 000 二(一):子女因外出不能照料的,向嘎查(村)委会及时、如实报告去向、联系方式等信息;二(二):及时通知并督促其子女和其他家庭成员予以照顾;联系卡、日子、天数为本系统默认
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
A04	lose	月巡访	每月1次,上门、电话、视频算数;3月暂停	-
A04	gain	季度探访	-	每季度1次,上门、电话、视频算数;第1季度暂停
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

// withPolicy is a configuration beside another, of the same database.
func withPolicy(t *testing.T, config, policy string) string {
	t.Helper()
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "policy: yongning ") {
		t.Fatal("config.example.yaml names another policy")
	}
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "policy: yongning ", "policy: "+policy+" ", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPreviewOfSeveralPolicies: a file takes the place of the configured one of its name, and stands beside it where it begins on
// another day; what the others ask stays. A talk of January is known in June.
func TestPreviewOfSeveralPolicies(t *testing.T) {
	book := ledger.Book{
		Regions: []ledger.Region{{Code: "1", Name: "县", Level: ledger.LevelCounty}, {Code: "11", Name: "东镇", Parent: "1", Level: ledger.LevelTownship}},
		People:  []ledger.Person{{UserID: "h", Name: "样例帮扶"}},
		Posts:   []ledger.Post{{UserID: "h", Role: ledger.RoleHelper, Region: "11"}},
		Elders:  []ledger.Elder{{ID: "A01", Name: "样例甲", Region: "11", Living: "独居"}, {ID: "A02", Name: "样例乙", Region: "11"}},
		Kin:     []ledger.Kin{{ElderID: "A02", Name: "样例子", Relation: "儿子"}},
		Pairs:   []ledger.Pair{{ElderID: "A02", UserID: "h", From: "2025-01-01"}},
	}
	talk := met("A02", "2026-01-05", ledger.MethodPhone)
	talk.Kind, talk.Whom = ledger.KindTalk, "样例子"
	config := writeConfig(t, "http://127.0.0.1:1", nil)
	previewed(t, config, book, []ledger.Entry{talk})
	both := withPolicy(t, config, "[yongning, national-2022]")
	nation, err := os.ReadFile("scheduler/packs/national-2022.yaml")
	if err != nil {
		t.Fatal(err)
	}
	twice := filepath.Join(t.TempDir(), "national.yaml")
	if err := os.WriteFile(twice, []byte(strings.Replace(string(nation), "times: 1", "times: 2", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	talks := countyPolicy(t, "kind: talk\n    tier: 全部\n    per: half\n    times: 1", "kind: talk\n    tier: 全部\n    per: half\n    times: 2")
	later := countyPolicy(t, "area:", "since: 2026-07-01\narea:", "times: 1", "times: 2")
	for _, x := range []struct{ config, args, want string }{
		{both, "--at 2026-06-20", "no change: on 2026-06-20 nobody gains or loses a duty, of 2 elders\n"},
		{both, "--at 2026-06-20 --policy " + twice, `A01	change	月探访	每月1次,上门、电话、视频算数;6月已0次,还差1次	每月2次,上门、电话、视频算数;6月已0次,还差2次

东镇: 1 of 2 elders: 0 gained, 0 lost, 1 changed
all: 1 of 2 elders: 0 gained, 0 lost, 1 changed
`},
		{both, "--at 2026-06-20 --policy " + talks, `A02	change	半年沟通	帮扶人联系家属,每半年1次,上门、电话、视频算数;上半年已完成	帮扶人联系家属,每半年2次,上门、电话、视频算数;上半年已1次,还差1次

东镇: 1 of 2 elders: 0 gained, 0 lost, 1 changed
all: 1 of 2 elders: 0 gained, 0 lost, 1 changed
`},
		{both, "--at 2026-06-30 --policy " + later, "no change: on 2026-06-30 nobody gains or loses a duty, of 2 elders\n"},
		{both, "--at 2026-07-01 --policy " + later, `A01	change	月巡访	每月1次,上门、电话、视频算数;7月已0次,还差1次	每月2次,上门、电话、视频算数;7月已0次,还差2次
A02	change	月巡访	每月1次,上门、电话、视频算数;7月已0次,还差1次	每月2次,上门、电话、视频算数;7月已0次,还差2次

东镇: 2 of 2 elders: 0 gained, 0 lost, 2 changed
all: 2 of 2 elders: 0 gained, 0 lost, 2 changed
`},
		{withPolicy(t, config, "[national-2022]"), "--at 2026-06-20 --policy inner-mongolia", `A01	lose	月探访	每月1次,上门、电话、视频算数;6月已0次,还差1次	-
A01	gain	季度探访	-	每季度1次,上门、电话、视频算数;第2季度已0次,还差1次
A02	gain	季度探访	-	每季度1次,上门、电话、视频算数;第2季度已0次,还差1次

东镇: 2 of 2 elders: 2 gained, 1 lost, 0 changed
all: 2 of 2 elders: 2 gained, 1 lost, 0 changed
`},
	} {
		status, out, errs := say(t, append(strings.Fields("policy preview --config "+x.config), strings.Fields(x.args)...)...)
		if diff := cmp.Diff(x.want, out); status != 0 || errs != "" || diff != "" {
			t.Errorf("preview %s: status %d %s\n%s", x.args, status, errs, diff)
		}
	}
}

// TestPolicyConfig: one policy or several, versions in the order of their days; what cannot stand together is refused with the line.
func TestPolicyConfig(t *testing.T) {
	config := writeConfig(t, "http://127.0.0.1:1", nil)
	later, next := countyPolicy(t, "area:", "since: 2027-01-01\narea:"), countyPolicy(t, "area:", "since: 2028-01-01\narea:")
	faulty := countyPolicy(t, "times: 2", "times: 两次", "kind: talk", "kind: chat")
	for policy, want := range map[string]string{
		"inner-mongolia":   "inner-mongolia",
		"[inner-mongolia]": "inner-mongolia",
		"[yongning, national-2022, inner-mongolia-2022]":         "yongning national-2022 inner-mongolia-2022",
		"[" + next + ", national-2022, yongning, " + later + "]": "yongning yongning/2027-01-01 yongning/2028-01-01 national-2022",
	} {
		c, err := LoadConfig(withPolicy(t, config, policy))
		if err != nil {
			t.Errorf("%s: %v", policy, err)
			continue
		}
		var got []string
		for _, p := range c.packs {
			got = append(got, strings.TrimSuffix(p.Name+"/"+string(p.Since), "/"))
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", policy, diff)
		}
	}
	for policy, says := range map[string][]string{
		"[]":                             {"没有写规则包"},
		"[yongning, utopia]":             {"没有规则包“utopia”"},
		"[yongning, yongning]":           {"名称 yongning 已有一份,从同一天起"},
		"[" + later + ", " + later + "]": {"名称 yongning 已有一份,从同一天起"},
		"[" + faulty + ", utopia]":       {"有 2 处错误", "duties[1].times: 应为整数", "duties[3].kind: “chat”不认识", "没有规则包“utopia”"},
		"{name: yongning}":               {""},
	} {
		_, err := LoadConfig(withPolicy(t, config, policy))
		if err == nil || !strings.Contains(err.Error(), "config.yaml:8") || slices.ContainsFunc(says, func(s string) bool { return !strings.Contains(err.Error(), s) }) {
			t.Errorf("%s: %v", policy, err)
		}
	}
	_, out, _ := say(t, "doctor", "--config", withPolicy(t, config, "[yongning, national-2022, "+later+"]"))
	var lines []string
	for l := range strings.Lines(out) {
		if mark, rest, _ := strings.Cut(l, "policy"); rest != "" && strings.TrimSpace(mark) == "ok" {
			lines = append(lines, strings.TrimSpace(strings.TrimLeft(rest, ": \t")))
		}
	}
	if diff := cmp.Diff([]string{"yongning, 5 duties", "yongning from 2027-01-01, 5 duties", "national-2022, 1 duty"}, lines); diff != "" {
		t.Errorf("%s\n%s", diff, out)
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
					if err := preview(ctx, io.Discard, s, r, scheduler.Packs{was}, scheduler.Packs{becomes}, "2026-03-20"); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
