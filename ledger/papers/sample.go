package papers

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"xunfang/ledger"
)

// The sample county of the demo. Every person in it is invented: the names are put together from common ones, the identity
// numbers begin with 000000, which is no place, and the phone numbers are 139 0000 0xxx.

const sampleRegions = `
640121|永宁县||县
640121101|望远镇|640121|乡镇
640121102|李俊镇|640121|乡镇
640121101201|望远村|640121101|村
640121101202|通桥村|640121101|村
640121101203|东渠村|640121101|村
640121102201|红柳村|640121102|村
640121102202|沙湾村|640121102|村`

// userid, name, role, region, department
const samplePeople = `
zhaomin|赵敏|县民政|640121|
xumei|徐梅|档案员|640121|
lixia|李霞|乡镇负责人|640121101|
gaofeng|高峰|乡镇负责人|640121102|
hejun|何军|村负责人|640121101201|
mahui|马辉|村负责人|640121101202|
dingqiang|丁强|村负责人|640121101203|
zhaoyong|赵勇|村负责人|640121102201|
wulan|乌兰|村负责人|640121102202|
wangfang|王芳|巡访员|640121101201|
liuyang|刘洋|巡访员|640121101201|
wuxia|吴霞|巡访员|640121101202|
mazhiqiang|马志强|巡访员|640121101202|
chenjing|陈静|巡访员|640121101203|
zhouwei|周伟|巡访员|640121102201|
sunli|孙丽|巡访员|640121102201|
tuya|图雅|巡访员|640121102202|
mali|马丽|帮扶人|640121101|
zhanglei|张磊|帮扶人|640121101|
yangfan|杨帆|帮扶人|640121102|
guoyan|郭艳|帮扶人|640121102|
panhao|潘浩|部门|640121|公安
liming|黎明|部门|640121|消防
shenjie|沈洁|部门|640121|卫健`

// number, name, gender, age, village and group, aliases, tier, visitor, nation, living, self-care, health, hardship.
// Same names and sound-alikes are on purpose: telling them apart is half of the work.
const sampleElders = `
A01|张桂兰|女|78|望远村三组|张奶奶、桂兰婶|重点|wangfang|汉族|独居|自理|高血压,每天吃药|
A02|张桂花|女|74|望远村三组|张奶奶、桂花婶|普通|wangfang|汉族|空巢|自理||
A03|马秀兰|女|81|望远村一组|马奶奶、秀兰奶奶|重点|wangfang|回族|独居|自理|膝盖疼,走路慢|冬天买煤困难
A04|马秀兰|女|73|通桥村二组|马奶奶、秀兰婶|普通|wangfang|回族|空巢|自理||
A05|李秀英|女|80|望远村二组|李奶奶、秀英婶|重点|wangfang|汉族|独居|半失能|摔伤过,拄拐|
A06|李秀莹|女|71|通桥村三组|李奶奶、秀莹姨|普通|wuxia|汉族|独居|自理||
A07|王建国|男|76|望远村一组|王大爷、建国叔|普通|wangfang|汉族|独居|自理|有点耳背|
A08|王健国|男|72|通桥村一组|王大爷、健国叔|普通|wuxia|汉族|独居|自理||
A09|王德福|男|84|望远村四组|王大爷、德福爷|重点|liuyang|汉族|独居|自理|高血压|
A10|王德顺|男|79|红柳村二组|王大爷、德顺叔|普通|zhouwei|汉族|独居|自理||
A11|王芳|女|70|红柳村一组|王姨、芳姨|普通|zhouwei|汉族|独居|自理||
A12|欧阳淑珍|女|77|通桥村二组|欧阳奶奶|重点|wuxia|汉族|与重度残疾子女同住|自理|照顾残疾儿子|劳力不够
A13|司马文清|男|82|红柳村三组|司马大爷、司马老师|普通|sunli|汉族|独居|自理||
A14|巴特尔|男|75|沙湾村一组|巴大爷、巴特尔大爷|重点|tuya|蒙古族|独居|半失能|中风后左手不便|
A15|娜仁花|女|73|沙湾村一组|娜仁奶奶、娜仁额吉|普通|tuya|蒙古族|独居|自理||
A16|马哈三|男|79|通桥村四组|马大爷、哈三爷|普通|wuxia|回族|独居|自理||
A17|陈志明|男|77|望远村二组|陈大爷、志明叔|普通|wangfang|汉族|独居|自理|慢性支气管炎|
A18|陈志明|男|83|通桥村三组|陈大爷、志明爷|重点|mazhiqiang|汉族|独居|自理|眼睛看不清|
A19|刘玉梅|女|79|望远村四组|刘奶奶、玉梅婶|重点|liuyang|汉族|独居|自理|糖尿病|
A20|刘玉兰|女|75|红柳村二组|刘奶奶、玉兰婶|普通|zhouwei|汉族|独居|自理||
A21|赵永贵|男|80|红柳村四组|赵大爷、永贵叔|重点|sunli|汉族|独居|自理||房子漏雨
A22|杨生财|男|73|沙湾村二组|杨大爷、老杨|普通|tuya|汉族|独居|自理||
A23|周凤英|女|85|望远村三组|周奶奶、凤英奶奶|重点|liuyang|汉族|独居|自理|记性差|
A24|吴长林|男|78|沙湾村三组|吴大爷、长林叔|普通|tuya|汉族|独居|自理||
A25|孙秀芳|女|72|红柳村三组|孙奶奶、秀芳婶|普通|sunli|汉族|空巢|自理||
A26|郭守义|男|86|通桥村四组|郭大爷、老郭头|重点|mazhiqiang|汉族|独居|半失能|走路要人扶|
A27|丁桂香|女|74|沙湾村二组|丁奶奶、桂香婶|普通|tuya|回族|独居|自理||
A28|何进才|男|71|红柳村一组|何大爷、进才叔|普通|zhouwei|汉族|独居|自理||
A29|哈斯其其格|女|80|沙湾村三组|其其格奶奶、哈斯额吉|重点|tuya|蒙古族|独居|自理|关节炎|
A30|白音仓|男|77|沙湾村三组|白大爷、音仓叔|普通|tuya|蒙古族|独居|自理||
A31|马玉花|女|76|通桥村一组|马奶奶、玉花婶|普通|wuxia|回族|空巢|自理||
A32|田有福|男|82|望远村一组|田大爷、有福爷|重点|wangfang|汉族|独居|自理||电线老旧
A33|徐金莲|女|79|红柳村四组|徐奶奶、金莲婶|普通|sunli|汉族|独居|自理||
A34|高万山|男|74|望远村四组|高大爷、万山叔|普通|liuyang|汉族|独居|自理||
A35|罗秀珍|女|83|通桥村四组|罗奶奶、秀珍婶|重点|mazhiqiang|汉族|独居|自理|冠心病|
A36|宋玉珍|女|70|红柳村二组|宋姨、玉珍姨|普通|zhouwei|汉族|独居|自理||
A37|纳学礼|男|78|通桥村二组|纳大爷、学礼叔|普通|mazhiqiang|回族|独居|自理||
A38|林桂英|女|81|沙湾村一组|林奶奶、桂英奶奶|重点|tuya|汉族|独居|自理|耳背|
A39|林贵英|女|70|沙湾村二组|林奶奶、贵英婶|普通|tuya|汉族|独居|自理||
A40|苏兰芳|女|76|望远村二组|苏奶奶、兰芳姨|普通|wangfang|汉族|空巢|自理||
A41|何玉珍|女|88|望远村一组|何奶奶|重点|wangfang|汉族|独居|半失能|听力差,腿脚不便|
A42|康福贵|男|75|望远村四组|康大爷|普通|liuyang|汉族|独居|自理||
A43|金月英|女|79|望远村三组|金奶奶|普通|liuyang|回族|独居|自理||
A44|马尔萨|女|82|通桥村一组|马奶奶、尔萨奶奶|普通|wuxia|回族|独居|自理|白内障|
A45|冯国梁|男|70|通桥村三组|冯大爷|普通|mazhiqiang|汉族|独居|自理||
A46|海生云|男|74|通桥村二组|海大爷|普通|mazhiqiang|回族|空巢|自理||
A47|贾桂枝|女|77|东渠村一组|贾奶奶|普通|chenjing|汉族|独居|自理||
A48|贾贵芝|女|72|东渠村二组|贾奶奶|普通|chenjing|汉族|独居|自理||
A49|武成林|男|93|东渠村一组|武老爷子|重点|chenjing|汉族|独居|半失能|年纪大,行动慢|
A50|段玉莲|女|84|东渠村三组|段奶奶|重点|chenjing|汉族|独居|自理|高血压|
A51|哈文彬|男|71|东渠村四组|哈大爷|普通|chenjing|回族|独居|自理||
A52|严秀琴|女|66|东渠村二组|严姨|重点|chenjing|汉族|与家人同住|失能|卧床|护理费用高
A53|范振海|男|78|东渠村三组|范大爷|普通|chenjing|汉族|独居|自理||
A54|顾春梅|女|70|东渠村四组|顾姨|普通|chenjing|汉族|独居|自理||
A55|秦守田|男|76|红柳村一组|秦大爷|普通|zhouwei|汉族|独居|自理||
A56|黄翠萍|女|68|红柳村三组|黄姨|重点|sunli|汉族|独居|自理|失独后情绪低|
A57|石有才|男|81|红柳村四组|石大爷|普通|sunli|汉族|独居|自理||
A58|乌云其木格|女|87|沙湾村一组|乌云奶奶|重点|tuya|蒙古族|独居|半失能|高血压,拄拐|
A59|额尔敦巴雅尔|男|76|沙湾村二组|额尔敦大爷|普通|tuya|蒙古族|独居|自理||
A60|曹福林|男|72|沙湾村三组|曹大爷|普通|tuya|汉族|独居|自理||`

// elder, name, relation, whereabouts, entrusted carer
const sampleKin = `
A01|张建军|儿子|银川市,开出租|
A02|张晓燕|女儿|西安市|
A03|马晓梅|女儿|银川市,超市上班|
A03|马生林|侄子|望远村一组|是
A04|马小龙|儿子|广州市务工|
A05|李文娟|女儿|银川市|是
A07|王海涛|儿子|北京市务工|
A09|王志刚|儿子|乌鲁木齐市|
A12|欧阳军|弟弟|通桥村二组|是
A13|司马瑞|儿子|兰州市,教书|
A14|乌日娜|女儿|呼和浩特市|是
A16|马成林|儿子|吴忠市|
A17|陈晓东|儿子|上海市务工|
A18|陈晓霞|女儿|永宁县城|是
A19|刘建华|儿子|银川市|
A21|赵小刚|儿子|内蒙古包头市务工|
A23|周立新|儿子|永宁县城|是
A26|郭建平|儿子|深圳市务工|
A26|郭玉香|侄女|通桥村四组|是
A29|苏德|儿子|鄂尔多斯市|
A32|田晓丽|女儿|石嘴山市|
A35|罗建国|儿子|银川市|是
A38|林小峰|孙子|银川市上学|
A41|何建民|儿子|望远镇|是
A44|马文秀|女儿|银川市|
A49|武志国|儿子|东渠村一组|是
A50|段小兵|儿子|天津市务工|
A52|严浩|儿子|东渠村二组|是
A58|朝鲁|孙子|沙湾村一组|是
A59|萨仁|女儿|包头市|`

// elder, helper
const samplePairs = `
A03|mali
A03|zhanglei
A04|mali
A05|mali
A09|zhanglei
A12|zhanglei
A14|yangfan
A21|guoyan
A29|yangfan
A56|guoyan
A58|yangfan`

// Sample is the demo's county as it would stand in a workbook: posts, assignments and tiers without dates, so that they
// begin on the day they are imported. The elders' ages are right on the day given.
func Sample(today ledger.Day) ledger.Book {
	var b ledger.Book
	for _, f := range rowsOf(sampleRegions) {
		b.Regions = append(b.Regions, ledger.Region{Code: f[0], Name: f[1], Parent: f[2], Level: ledger.Level(f[3])})
	}
	codes := map[string]string{}
	for _, v := range b.Regions {
		if v.Level != ledger.LevelVillage {
			continue
		}
		for i, name := range []string{"一组", "二组", "三组", "四组"} {
			g := ledger.Region{Code: fmt.Sprintf("%s%02d", v.Code, i+1), Name: name, Parent: v.Code, Level: ledger.LevelGroup}
			b.Regions = append(b.Regions, g)
			codes[v.Name+name] = g.Code
		}
	}
	for i, f := range rowsOf(samplePeople) {
		b.People = append(b.People, ledger.Person{UserID: f[0], Name: f[1], Phone: samplePhone(i)})
		role, _ := roleNamed(f[2])
		b.Posts = append(b.Posts, ledger.Post{UserID: f[0], Role: role, Region: f[3], Dept: f[4]})
	}
	for i, f := range rowsOf(sampleElders) {
		age, _ := strconv.Atoi(f[3])
		birth := sampleBirth(today, age, i)
		village, group, _ := strings.Cut(f[4], "村")
		e := ledger.Elder{ID: f[0], Name: f[1], Gender: f[2], Birth: birth, Aliases: f[5], Nation: f[8], Living: f[9],
			SelfCare: f[10], Health: f[11], Hardship: f[12], Phone: samplePhone(100 + i), Region: codes[f[4]],
			Address: fmt.Sprintf("%s村%s%d号", village, group, i*7%40+1), IDNumber: SampleIDNumber(birth, f[2], i),
			Lon: 106.2 + float64(i%9)/200, Lat: 38.3 + float64(i%7)/200, LostChild: f[0] == "A56",
			Income: []string{"养老金", "养老金、低保", "养老金、土地流转"}[i%3], Care: "邻里照看",
			Consent: ledger.Day(today[:4] + "-01-01").Add(-i)}
		if f[9] == "与家人同住" || f[9] == "与重度残疾子女同住" {
			e.Care = "家人照看"
		}
		b.Elders = append(b.Elders, e)
		b.Tierings = append(b.Tierings, ledger.Tiering{ElderID: f[0], Tier: ledger.Tier(f[6])})
		b.Assignments = append(b.Assignments, ledger.Assignment{ElderID: f[0], UserID: f[7]})
	}
	for i, f := range rowsOf(sampleKin) {
		b.Kin = append(b.Kin, ledger.Kin{ElderID: f[0], Name: f[1], Relation: f[2], Where: f[3], Carer: f[4] == yes,
			Phone: samplePhone(300 + i)})
	}
	for _, f := range rowsOf(samplePairs) {
		b.Pairs = append(b.Pairs, ledger.Pair{ElderID: f[0], UserID: f[1], From: ledger.Day(today[:4] + "-01-01")})
	}
	return b
}

// SampleWorkbook writes the sample county as a workbook.
func SampleWorkbook(w io.Writer, today ledger.Day) error { return Write(w, Sample(today), today) }

// SampleEntries are visits of the four months before and of this month until yesterday, so that the demo's figures are
// alive: months that closed are nearly complete, this one is half done, with attempts and a refusal among them. They leave
// the main demo visitor enough to do.
func SampleEntries(today ledger.Day) []ledger.Entry {
	month := ledger.MonthOf(today).First()
	var entries []ledger.Entry
	for ago := 4; ago >= 0; ago-- {
		first := month
		for range ago {
			first = ledger.MonthOf(first.Add(-1)).First()
		}
		for i, f := range rowsOf(sampleElders) {
			visits := 1
			if ledger.Tier(f[6]) == ledger.TierKey {
				visits = 2
			}
			if ago == 0 && (i%3 == 0 || f[7] == "wangfang" && i%2 == 0) {
				visits-- // still owed this month
			}
			if ago > 0 && (i+ago)%19 == 0 {
				visits-- // missed for good
			}
			for v := range visits {
				day := first.Add((i*5+ago*3)%12 + 1 + v*14)
				if ago == 0 && day >= today {
					continue
				}
				entries = append(entries, sampleEntry(f, i+ago+v, day))
			}
		}
	}
	return entries
}

func sampleEntry(f []string, n int, day ledger.Day) ledger.Entry {
	e := ledger.Entry{Key: "sample/" + f[0] + "/" + string(day), No: string(day[2:4]+day[5:7]+day[8:]) + "-" + f[0],
		Kind: ledger.KindVisit, ElderID: f[0], UserID: f[7], Day: day, Method: ledger.MethodDoor, Outcome: ledger.OutcomeOK,
		EnteredAt: day.Time().Add(2*time.Hour + time.Duration(n*13%180)*time.Minute)} // a Shanghai morning
	switch {
	case n%29 == 28:
		e.Outcome, e.Note = ledger.OutcomeRefused, "说今天有客人,改天再来"
	case n%17 == 16:
		e.Outcome, e.Note = ledger.OutcomeAbsent, "敲门没人,邻居说赶集去了"
	case n%11 == 10:
		e.Outcome, e.Note = ledger.OutcomeProblem, "腿疼得比上月厉害,劝去卫生院看看"
	case n%4 == 3:
		e.Method = ledger.MethodPhone
	}
	if e.Method == ledger.MethodDoor && e.Outcome.Met() {
		e.Waiver = "示例记录,没有照片"
		if m := day.Month(); m >= time.November || m <= time.March {
			temp := 16 + n%7
			e.RoomTemp = &temp
		}
	}
	return e
}

// rowsOf splits one of the tables above.
func rowsOf(table string) [][]string {
	var rows [][]string
	for line := range strings.Lines(strings.TrimSpace(table)) {
		rows = append(rows, strings.Split(strings.TrimSpace(line), "|"))
	}
	return rows
}

func samplePhone(n int) string { return fmt.Sprintf("139%08d", n) }

// sampleBirth is a birthday that makes somebody this old on the day.
func sampleBirth(today ledger.Day, age, n int) ledger.Day {
	year := today.Time().Year() - age
	month, day := time.Month(n*5%12+1), n*11%28+1
	birth := ledger.NewDay(year, month, day)
	if birth.Age(today) < age {
		birth = ledger.NewDay(year-1, month, day)
	}
	return birth
}

// SampleIDNumber is the n-th identity number of nobody born on a day, with n below 500: it begins with 000000, which is no
// place, and its check digit is right.
func SampleIDNumber(birth ledger.Day, gender string, n int) string {
	seq := n * 2 // even for women (GB 11643)
	if gender == "男" {
		seq++
	}
	body := "000000" + strings.ReplaceAll(string(birth), "-", "") + fmt.Sprintf("%03d", seq)
	return body + string(idCheck(body))
}
