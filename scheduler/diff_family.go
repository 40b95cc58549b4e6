package scheduler

import (
	"fmt"
	"strconv"
	"strings"
)

// family tells how packs differ in what the elders' children hear.
func (d *differences) family(old, new Family) {
	d.part = "家属"
	differ(d, "每月几日发上月情况", old.Summary, new.Summary, func(n int) string {
		if n == 0 {
			return "不发"
		}
		return strconv.Itoa(n) + "日"
	})
	listsOf(d, "哪些节日前一天问候", old.Festival, new.Festival, orNone)
	differ(d, "电话、去向多久核对一次", old.Stale, new.Stale, Duration.words)
	differ(d, "微信绑定多久再确认", old.Recheck, new.Recheck, Duration.words)
	differ(d, "打电话没有结果,多久换人", old.Answer, new.Answer, Duration.words)
	differ(d, "紧急的多久换人", old.Urgent, new.Urgent, Duration.words)
	differ(d, "催了没联系上,多久换人", old.Reply, new.Reply, Duration.words)
	differ(d, "半年期满前多久报村", old.Silent, new.Silent, Duration.words)
	differ(d, LeafletName, old.Leaflet, new.Leaflet, leafletWord)
	d.text("依据", old.Source, new.Source)
}

// Words is what families hear and when somebody asks after them, in a line without its source.
func (f Family) Words() string {
	parts := []string{"不发每月情况"}
	if f.Summary > 0 {
		parts[0] = fmt.Sprintf("每月%d日发上月情况", f.Summary)
	}
	if len(f.Festival) > 0 {
		parts = append(parts, listed(f.Festival, orNone)+"前一天问候")
	}
	parts = append(parts, fmt.Sprintf("电话、去向%s核对一次", f.Stale.words()), fmt.Sprintf("微信绑定%s再确认", f.Recheck.words()),
		fmt.Sprintf("打电话%s没有结果换人(工作日),催办的%s,紧急的%s", f.Answer.words(), f.Reply.words(), f.Urgent.words()))
	if f.Silent > 0 {
		parts = append(parts, fmt.Sprintf("半年期满前%s还没联系上报村", f.Silent.words()))
	}
	return "家属: " + strings.Join(append(parts, LeafletName+leafletWord(f.Leaflet)), ";")
}

func leafletWord(yes bool) string {
	if yes {
		return "每位老人一张"
	}
	return "不做"
}
