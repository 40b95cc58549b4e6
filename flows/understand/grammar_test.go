package understand

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"xunfang/ledger"
)

// TestGrammar is the scope of what turns words around: each line is a reading in short, "" where a field is not asked.
func TestGrammar(t *testing.T) {
	sight, r := district(t), shippedReader(t)
	for _, c := range []struct {
		text      string
		intent    Intent
		status    string
		problems  string
		emergency string
	}{
		// denial
		{"去看了张桂兰 头不疼 腿也不肿", Visit, "ok", "", ""},
		{"张桂兰 上门 没有头晕、胸闷", Visit, "ok", "", ""},
		{"张桂兰没有摔倒 好着呢", Visit, "ok", "", ""},
		{"张桂兰家没闻到煤气味 都好", Visit, "ok", "", ""},
		{"张桂兰 上门 头疼 但是不发烧", Visit, "problem", "illness", ""},
		{"张桂兰没起火 是烟囱倒烟", Visit, "problem", "heating", ""},
		// the past
		{"张桂兰前年摔断过腿 今天上门看了挺好", Visit, "ok", "", ""},
		{"张桂兰以前腿疼 现在好了 上门看的", Visit, "ok", "", ""},
		{"张桂兰上次说头晕 这次没事了 电话问的", Visit, "ok", "", ""},
		// somebody lies there now
		{"张桂兰昨晚摔倒了 到现在起不来", Emergency, "", "", "fall"},
		{"刚到张桂兰家 她摔倒了 叫不醒", Emergency, "problem", "", "fall"},
		{"张桂兰去年摔过现在又摔倒了起不来", Emergency, "", "", "fall"},
		// drill, warning, hearsay
		{"演练 张桂兰家着火了", Other, "", "", ""},
		{"测试 张桂兰摔倒了", Other, "", "", ""},
		{"今天给张桂兰上门讲了防止煤气中毒 都好", Visit, "ok", "", ""},
		{"张桂兰 上门 叮嘱别摔倒 一切正常", Visit, "ok", "", ""},
		{"听说外县有老人被骗了", Other, "", "", ""},
		{"【转发】近日多地发生煤气中毒", Other, "", "", ""},
		{"都说张桂兰走丢了 原来是在她妹妹家 人好好的", Visit, "ok", "", ""},
		{"听邻居说张桂兰摔倒了 起不来", Emergency, "", "", "fall"},
		{"张桂兰接到冒充医保局的电话 没信 挂了", Visit, "ok", "", ""},
		{"张桂兰接到冒充医保局的电话 三万块转走了", Emergency, "", "", "fraud"},
		{"上门给张桂兰宣传 冒充客服的别信 都好", Visit, "ok", "", ""},
		{"上门给张桂兰宣传的时候她摔倒了起不来", Emergency, "problem", "", "fall"},
		{"张桂兰晕倒过 现在好着", Visit, "ok", "", ""},
		{"张桂兰晕过去了", Emergency, "", "", "critical_illness"},
		{"张桂兰中风以后说话不清", Visit, "problem", "expression", ""},
		{"张桂兰 上门 手机摔了 人好着", Visit, "ok", "", ""},
		{"张桂兰擦玻璃摔了 起不来", Emergency, "", "", "fall"},
		{"张桂兰家土炕塌了个洞", Visit, "problem", "heating", ""},
		{"张桂兰家房子塌了", Emergency, "", "", "house"},
		{"已经把张桂兰摔伤的事告诉她闺女了", FamilyContact, "", "", ""},
		// what sweeps an alarm away, and what does not
		{"马路边有个老人晕倒了", Emergency, "", "", "critical_illness"},
		{"隔壁村有个老人上个月煤气中毒走了", Other, "", "", ""},
		{"快来人 隔壁村老汉在咱村口晕倒了", Emergency, "", "", "critical_illness"},
		{"不是演练 张桂兰家真着火了", Emergency, "", "", "fire"},
		{"演练的时候张桂兰真摔倒了 起不来", Emergency, "", "", "fall"},
		{"邻居告知张桂兰摔倒了", Emergency, "", "", "fall"},
		{"张桂兰不小心摔倒了", Emergency, "", "", "fall"},
		{"排查发现张桂兰家煤气泄漏", Emergency, "", "", "gas"},
		{"张桂兰把骗子的电话挂了 又打来 转了两千", Emergency, "", "", "fraud"},
		{"张桂兰 上门 火烧得旺", Visit, "ok", "", ""},
		{"张桂兰把狗气死了 人没事", Visit, "ok", "", ""},
		{"给张桂兰她侄儿打了两回电话都没人接", FamilyContact, "", "", ""},
		{"张桂兰躺在院里晒太阳呢", Visit, "ok", "", ""},
		{"跟谁都没说 手机没带 张桂兰到这会儿找不见人", Emergency, "", "", "missing"},
		{"张桂兰家去了 找不见人", Visit, "absent", "", ""},
		{"张桂兰老伴去世三年了", FamilyInfo, "", "", ""},
		{"我明天请假", Leave, "", "", ""},
		{"何玉珍 电话 都好 换了新号13900000777", Visit, "ok", "", ""},
		{"何玉珍换号了 13900000777", Correct, "", "", ""},
		{"轮到看谁了", QueryTodo, "", "", ""},
		{"走访咋写 教一下", Help, "", "", ""},
		{"张桂兰 上门 气罐离灶台够远", Visit, "ok", "", ""},
		{"张桂兰一个人伺候瘫儿子 上门看了", Visit, "problem", "stress", ""},
		// chronic and stable is no problem, worse is
		{"张桂兰高血压十来年了 按时吃药 稳着呢", Visit, "ok", "", ""},
		{"张桂兰气管炎又犯了", Visit, "problem", "illness", ""},
		// the family's going away is no leave of the elder
		{"张桂兰女儿去包头了", FamilyInfo, "", "", ""},
		{"张桂兰让女儿接到包头去了", Leave, "", "", ""},
		// plans
		{"明天去张桂兰家", Other, "", "", ""},
		{"下午准备去看张桂兰", Other, "", "", ""},
		{"昨天没去成张桂兰家", Other, "", "", ""},
		// told by the family, and of the family
		{"张桂兰儿子说她腿疼 我上门看了", Visit, "problem", "illness", ""},
		{"张桂兰女儿病了", FamilyInfo, "", "", ""},
		{"给张桂兰女儿打了电话 说她妈腿疼", FamilyContact, "", "", ""},
		// the worst counts
		{"张桂兰 马玉花 上门 张桂兰都好 马玉花腿肿", Visit, "problem", "illness", ""},
		{"给张桂兰打电话没人接 后来回电话了 都好", Visit, "ok", "", ""},
	} {
		got := r.Read(c.text, "2026-03-12", sight)
		status, emergency := "", ""
		if got.Status != nil {
			status = *got.Status
		}
		if got.Emergency != nil {
			emergency = *got.Emergency
		}
		if got.Intent != c.intent || status != c.status || strings.Join(got.Problems, "+") != c.problems || emergency != c.emergency {
			t.Errorf("%s: %s %q %v %q, want %s %q %q %q", c.text, got.Intent, status, got.Problems, emergency, c.intent, c.status,
				c.problems, c.emergency)
		}
	}
}

// TestDays: weeks start on Monday, a number or a weekday is the latest one, what is to come is no day of a visit.
func TestDays(t *testing.T) {
	sight, r := district(t), shippedReader(t)
	const thursday = "2026-03-12"
	for _, c := range []struct {
		said        string
		today, want ledger.Day
	}{
		{"今天", thursday, "2026-03-12"},
		{"昨儿个", thursday, "2026-03-11"},
		{"夜来", thursday, "2026-03-11"},
		{"大前天", thursday, "2026-03-09"},
		{"周一", thursday, "2026-03-09"},
		{"周四", thursday, "2026-03-12"},
		{"星期五", thursday, "2026-03-06"},
		{"礼拜天", thursday, "2026-03-08"},
		{"上周一", thursday, "2026-03-02"},
		{"上上周五", thursday, "2026-02-27"},
		{"上个礼拜日", thursday, "2026-03-08"},
		{"周一", "2026-03-09", "2026-03-09"}, // a Monday
		{"周日", "2026-03-08", "2026-03-08"}, // a Sunday
		{"上周日", "2026-03-08", "2026-03-01"},
		{"3号", thursday, "2026-03-03"},
		{"三号", thursday, "2026-03-03"},
		{"12号", thursday, "2026-03-12"},
		{"13号", thursday, "2026-02-13"},
		{"二十八号", thursday, "2026-02-28"},
		{"31号", thursday, "2026-01-31"},
		{"30号", thursday, "2026-01-30"},
		{"2月3号", thursday, "2026-02-03"},
		{"十二月三十日", thursday, "2025-12-30"},
		{"2026年3月5日", thursday, "2026-03-05"},
		{"2026-03-01", thursday, "2026-03-01"},
		{"三天前", thursday, "2026-03-09"},
		{"腊月二十八", thursday, "2026-02-15"},
		{"正月初六", thursday, "2026-02-22"},
		{"初三", thursday, "2026-02-19"},
		{"大年三十", thursday, "2026-02-16"},
		{"上个月", thursday, thursday},
		{"元宵节", thursday, "2026-03-03"},
		{"中秋", thursday, "2025-10-06"},
		{"国庆节", thursday, "2025-10-01"},
		{"二月二十号", thursday, "2026-02-20"},
		{"", thursday, thursday},
	} {
		text := c.said + "上门看了张桂兰 都好"
		if got := r.Read(text, c.today, sight); got.Date != c.want {
			t.Errorf("%s on %s: %s, want %s", text, c.today, got.Date, c.want)
		}
	}
	for _, text := range []string{"张桂兰说儿子昨天走的 上门看了 都好", "今天上门看了张桂兰 昨天的药吃了 都好", "上门看张桂兰 软管3号换的 都好"} {
		if got := r.Read(text, thursday, sight); got.Date != thursday && text != "上门看张桂兰 软管3号换的 都好" {
			t.Errorf("%s: %s, want the day it is said", text, got.Date)
		}
	}
}

// TestWho: several, candidates where it is open, place and age settle it, and nobody who is not on the roster.
func TestWho(t *testing.T) {
	sight, r := district(t), shippedReader(t)
	for _, c := range []struct {
		text, elders string
		ambiguous    bool
	}{
		{"张桂兰、马玉花、丁桂香 上门 都好", "E01 E27 E31", false},
		{"王建国 上门 都好", "E07", false},
		{"王见国 上门 都好", "E07 E08", true},
		{"王大爷 上门 都好", "E07 E08 E09 E10", true},
		{"王大爷王德福 上门 都好", "E09", false},
		{"望远村王大爷 上门 都好", "E07 E09", true},
		{"马秀兰 上门 都好", "E03 E04", true},
		{"望远村马秀兰 上门 都好", "E03", false},
		{"望远的马秀兰 上门 都好", "E03", false},
		{"马秀兰 二组的 上门 都好", "E04", false},
		{"81岁的马秀兰 上门 都好", "E03", false},
		{"桂兰婶 上门 都好", "E01", false},
		{"张贵兰 上门 都好", "E01", false},
		{"zgl 上门 都好", "E01", false},
		{"欧阳大妈 上门 都好", "E12", false},
		{"哈斯琪琪格 上门 都好", "E29", false},
		{"老郭头 上门 都好", "E26", false},
		{"李秀琴 上门 都好", "", false},
		{"孙大圣 上门 都好", "", false},
		{"李大爷 上门 都好", "", false},
		{"去看了张桂兰 跟邻居马玉花吵架了", "E01", false},
		{"更正 是刘玉梅不是刘玉兰", "E19", false},
		{"更正 不是刘玉兰是刘玉梅", "E19", false},
		{"和村医王姐去看了张桂兰 都好", "E01", false},
	} {
		got := r.Read(c.text, "2026-03-12", sight)
		if !sameSet(got.Elders, strings.Fields(c.elders)) || got.Ambiguous != c.ambiguous {
			t.Errorf("%s: %v ambiguous %t, want %s %t", c.text, got.Elders, got.Ambiguous, c.elders, c.ambiguous)
		}
	}
}

// TestFacts: numbers are Chinese or digits; a body's temperature is no room's, a number given up is no fact.
func TestFacts(t *testing.T) {
	sight, r := district(t), shippedReader(t)
	for _, c := range []struct{ text, want string }{
		{"张桂兰 上门 室温18", `{"room_temp":18}`},
		{"张桂兰 上门 屋里二十一度", `{"room_temp":21}`},
		{"张桂兰 上门 屋里十六七度", `{"room_temp":16}`},
		{"张桂兰 上门 室温18.5℃", `{"room_temp":18}`},
		{"张桂兰 上门 体温36度5", `{}`},
		{"张桂兰 上门 外面零下15度", `{}`},
		{"张桂兰 上门 血压130/85", `{"bp":"130/85"}`},
		{"张桂兰 上门 高压150 低压90", `{"bp":"150/90"}`},
		{"张桂兰 上门 血压一百五 九十", `{"bp":"150/90"}`},
		{"张桂兰换号了 139 0000 0123", `{"new_phone":"139 0000 0123"}`},
		{"给张桂兰打13900000123 没人接", `{}`},
		{"张桂兰地址改成通桥村三组12号", `{"new_address":"通桥村三组12号"}`},
		{"跟妇联小王一起去看了张桂兰 都好", `{"companion":"妇联小王"}`},
		{"跟老人聊了一会 张桂兰都好", `{}`},
	} {
		if got := jsonOf(r.Read(c.text, "2026-03-12", sight).Facts); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
}

// TestTables: a bad line is named with its place, and a county's words are as good as ours.
func TestTables(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"problem.ilness 头晕", "added words 1:1: \"problem.ilness\""},
		{"\nneed", "added words 1:2: \"need\" has no words"},
		{"need {wish…肉", "not closed"},
		{"need {wishes}…肉", "no line gives words for {wishes}"},
		{"heard 插坐 插座子", "one length"},
		{"lunar 2037 13:2037-02-15", "no month"},
		{"need 要…", "ends in …"},
	} {
		if _, err := New(c.text); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v, want %q", c.text, err, c.says)
		}
	}
	r, err := New("beast 羊 牛\nproblem.stress {beast}…病 # 羊病了愁人")
	if err != nil {
		t.Fatal(err)
	}
	got := r.Read("张桂兰家羊都病了", "2026-03-12", district(t))
	if !slices.Equal(got.Problems, []string{"stress"}) && !slices.Contains(got.Problems, "stress") {
		t.Errorf("a county's pattern is not heard: %v", got.Problems)
	}
	if !slices.ContainsFunc(got.Why, func(w Reason) bool { return w.Means == "problem.stress by {beast}…病" }) {
		t.Errorf("it is not explained: %v", got.Why)
	}
}

// FuzzRead: no text breaks it, and the same text reads the same.
func FuzzRead(f *testing.F) {
	for _, l := range everySentence(f) {
		f.Add(l.Text, string(l.Today))
	}
	f.Add("\xff二百五十\u200d🀄1.1.1年-3月31号初三十一百五", "2024-02-29")
	sight, r := district(f), shippedReader(f)
	f.Fuzz(func(t *testing.T, text, today string) {
		day, err := ledger.ParseDay(today)
		if err != nil {
			day = "2026-03-12"
		}
		got := r.Read(text, day, sight)
		if again := r.Read(text, day, sight); jsonOf(got) != jsonOf(again) || jsonOf(got.Why) != jsonOf(again.Why) {
			t.Errorf("reads %s, then %s", jsonOf(got), jsonOf(again))
		}
		for _, w := range got.Why {
			if !utf8.ValidString(w.Words) || !strings.Contains(strings.ToValidUTF8(text, ""), w.Words) {
				t.Errorf("%q was not said", w.Words)
			}
		}
		if _, err := ledger.ParseDay(string(got.Date)); err != nil || got.Date > day && !strings.ContainsAny(text, "年-/.") {
			t.Errorf("day %q read on %s", got.Date, day)
		}
		if (got.Intent == Emergency) != (got.Emergency != nil) || got.Ambiguous && len(got.Elders) < 2 {
			t.Errorf("contradicts itself: %s", jsonOf(got))
		}
	})
}
