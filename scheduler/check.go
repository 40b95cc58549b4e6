package scheduler

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"xunfang/ledger"
)

// Fault is one thing wrong in a pack file.
type Fault struct {
	Line int
	Path string // duties[0].times
	Text string // what is wrong and what is expected
}

func (f Fault) String() string {
	if f.Path == "" {
		return fmt.Sprintf("第%d行: %s", f.Line, f.Text)
	}
	return fmt.Sprintf("第%d行 %s: %s", f.Line, f.Path, f.Text)
}

// Faults are all faults of a file, in its order.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, x := range f {
		lines[i] = x.String()
	}
	return strings.Join(lines, "\n")
}

// Check reads a pack strictly and reports every fault at once. The library's strict decoder stops at the first one, so the
// syntax tree is walked here; the pack is worth using only when there are no faults. A file that does not speak of emergencies,
// problems, departments, drills or families at all has ours.
func Check(text []byte) (Pack, Faults) {
	p := Pack{Close: Close{Grace: closeGrace}}
	c := checker{lines: map[string]int{}}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return p, Faults{syntaxFault(err)}
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return p, Faults{{Line: 1, Text: "应正好有一份规则,文件是空的或有好几份"}}
	}
	c.fill(file.Docs[0].Body, reflect.ValueOf(&p).Elem(), "")
	c.judge(p)
	p.settle(c.written)
	slices.SortStableFunc(c.faults, func(a, b Fault) int { return a.Line - b.Line })
	return p, c.faults
}

type checker struct {
	faults Faults
	lines  map[string]int // where each value stands
	broken []string       // paths whose value could not be read, and need no second fault
}

func (c *checker) fault(path, format string, args ...any) {
	if slices.Contains(c.broken, path) {
		return
	}
	c.faults = append(c.faults, Fault{Line: c.line(path), Path: path, Text: fmt.Sprintf(format, args...)})
}

// line is where a path stands or, when it is missing, where its parent does.
func (c *checker) line(path string) int {
	for path != "" {
		if n, ok := c.lines[path]; ok {
			return n
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 1
}

// written says whether the file has a key.
func (c *checker) written(path string) bool {
	_, ok := c.lines[path]
	return ok
}

func (c *checker) unreadable(path, format string, args ...any) {
	c.fault(path, format, args...)
	c.broken = append(c.broken, path)
}

// fill puts a node of the file into a field of the pack.
func (c *checker) fill(n ast.Node, v reflect.Value, path string) {
	c.lines[path] = n.GetToken().Position.Line
	if text, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		s, isScalar := scalar(n)
		if !isScalar {
			c.unreadable(path, "应为一个值")
		} else if err := text.UnmarshalText([]byte(s)); err != nil {
			c.unreadable(path, "%v", err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		c.fillStruct(n, v, path)
	case reflect.Slice:
		list, ok := n.(*ast.SequenceNode)
		if !ok {
			c.unreadable(path, "应为一列,如 [a, b]")
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(list.Values), len(list.Values)))
		for i, item := range list.Values {
			c.fill(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Int:
		s, _ := scalar(n)
		i, err := strconv.Atoi(s)
		if err != nil {
			c.unreadable(path, "应为整数")
			return
		}
		v.SetInt(int64(i))
	case reflect.Bool:
		s, _ := scalar(n)
		if s != "true" && s != "false" {
			c.unreadable(path, "应为 true 或 false")
			return
		}
		v.SetBool(s == "true")
	case reflect.String:
		s, ok := scalar(n)
		if !ok {
			c.unreadable(path, "应为一个词或一句话")
			return
		}
		v.SetString(s)
	}
}

func (c *checker) fillStruct(n ast.Node, v reflect.Value, path string) {
	var pairs []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{m}
	default:
		c.unreadable(path, "应为“键: 值”")
		return
	}
	fields := map[string]int{}
	var known []string
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		fields[name] = i
		known = append(known, name)
	}
	for _, pair := range pairs {
		key := pair.Key.GetToken().Value
		child := strings.TrimPrefix(path+"."+key, ".")
		i, ok := fields[key]
		if !ok {
			c.faults = append(c.faults, Fault{Line: pair.Key.GetToken().Position.Line, Path: child,
				Text: "没有这个键 (应为 " + strings.Join(known, "、") + ")"})
			continue
		}
		c.fill(pair.Value, v.Field(i), child)
	}
}

// scalar is the text of a plain or quoted value.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// judge asks whether what was read makes sense.
func (c *checker) judge(p Pack) {
	for _, need := range []struct{ path, value string }{
		{"name", p.Name}, {"title", p.Title}, {"document", p.Document}, {"area", p.Area},
		{"levels.county", p.Levels.County}, {"levels.township", p.Levels.Township},
		{"levels.village", p.Levels.Village}, {"levels.group", p.Levels.Group},
		{"seasons.source", p.Seasons.Source}, {"photo.source", p.Photo.Source},
	} {
		c.need(need.path, need.value)
	}
	if _, err := ledger.ParseDay(string(p.Since)); err != nil && p.Since != "" {
		c.fault("since", "“%s”不是日期 (应为 2026-01-01 这样的一天)", p.Since)
	}
	groups := c.judgeCovers("covers", p.Covers, nil)
	groups = c.judgeCovers("key", p.Key, groups)
	for i, k := range p.Key {
		if reflect.ValueOf(k.When).IsZero() {
			c.fault(fmt.Sprintf("key[%d].when", i), "没有写,等于人人都是重点")
		}
	}
	if len(p.Duties) == 0 {
		c.fault("duties", "至少要有一条规则")
	}
	rules := c.judgeRules("duties", p.Duties, groups, nil)
	for i, l := range p.Local {
		path := fmt.Sprintf("local[%d]", i)
		c.need(path+".region", l.Region)
		c.need(path+".source", l.Source)
		if len(l.Covers)+len(l.Duties) == 0 {
			c.fault(path, "没有写多管谁、多做什么 (应有 covers 或 duties)")
		}
		rules = c.judgeRules(path+".duties", l.Duties, c.judgeCovers(path+".covers", l.Covers, groups), rules)
	}
	c.judgePapers(p.Papers, rules)
	if p.Spring.Before < 0 || p.Spring.Before > 30 {
		c.fault("spring.before", "没有腊月%d (应为 0 到 30,0 是照常)", p.Spring.Before)
	}
	if p.Spring.Quiet < 0 || p.Spring.Quiet > 15 {
		c.fault("spring.quiet", "%d 不合理 (应为 0 到 15,0 是照常)", p.Spring.Quiet)
	}
	if p.Spring.Before != 0 || p.Spring.Quiet != 0 {
		c.need("spring.source", p.Spring.Source)
	}
	c.judgeMonths("seasons.heating", p.Seasons.Heating)
	c.judgeMonths("seasons.rainy", p.Seasons.Rainy)
	if p.Seasons.RoomTempMin < 0 || p.Seasons.RoomTempMin > 30 {
		c.fault("seasons.room_temp_min", "%d 度不合理 (应为 0 到 30)", p.Seasons.RoomTempMin)
	}
	oneOf(c, "photo.door", p.Photo.Door, PhotoRequired, PhotoOptional, PhotoNo)
	oneOf(c, "photo.phone", p.Photo.Phone, PhotoRequired, PhotoOptional, PhotoNo)
	if p.Close.Grace < 0 || time.Duration(p.Close.Grace)%(24*time.Hour) != 0 || time.Duration(p.Close.Grace) > 60*24*time.Hour {
		c.fault("close.grace", "%s 不合理 (应为 0d 到 60d 的整天)", p.Close.Grace)
	}
	c.judgeCases(p)
	for i, f := range p.Recheck {
		oneOf(c, fmt.Sprintf("recheck[%d]", i), f, "phone", "address", "kin")
	}
	for i, f := range p.Confirm {
		if !slices.Contains(p.Recheck, f) {
			c.fault(fmt.Sprintf("confirm[%d]", i), "%s 不在 recheck 里 (应为 recheck 里的一项)", f)
		}
	}
}

// judgeCovers judges groups of elders and adds their names to those a rule may speak of.
func (c *checker) judgeCovers(path string, covers []Cover, names []string) []string {
	names = slices.Clone(names)
	for i, x := range covers {
		at := fmt.Sprintf("%s[%d]", path, i)
		c.need(at+".name", x.Name)
		c.need(at+".source", x.Source)
		if slices.Contains(names, x.Name) && x.Name != "" {
			c.fault(at+".name", "“%s”已有一类老人叫这个", x.Name)
		}
		names = append(names, x.Name)
		w := x.When
		if w.AgeMin < 0 || w.AgeMin > 120 {
			c.fault(at+".when.age_min", "%d 岁不合理 (应为 0 到 120)", w.AgeMin)
		}
		for _, list := range []struct {
			key   string
			words []string
		}{{"living", w.Living}, {"health", w.Health}, {"hardship", w.Hardship}} {
			for j, word := range list.words {
				c.need(fmt.Sprintf("%s.when.%s[%d]", at, list.key, j), word)
			}
		}
		for j, word := range w.SelfCare {
			oneOf(c, fmt.Sprintf("%s.when.self_care[%d]", at, j), word, "自理", "半失能", "失能")
		}
	}
	return names
}

// judgeRules judges rules, which may speak of some groups of elders, beside rules that came before them; it returns all.
func (c *checker) judgeRules(path string, rules []Rule, groups []string, before []Rule) []Rule {
	before = slices.Clone(before)
	for i, r := range rules {
		c.judgeRule(fmt.Sprintf("%s[%d]", path, i), r, groups, before)
		before = append(before, r)
	}
	return before
}

func (c *checker) judgeRule(path string, r Rule, groups []string, before []Rule) {
	c.need(path+".name", r.Name)
	c.need(path+".source", r.Source)
	oneOf(c, path+".kind", r.Kind, ledger.KindVisit, ledger.KindHelp, ledger.KindTalk)
	oneOf(c, path+".tier", r.Tier, ledger.TierOrdinary, ledger.TierKey, TierAll)
	c.judgeGroups(path+".groups", r.Groups, groups)
	c.judgeGroups(path+".except", r.Except, groups)
	oneOf(c, path+".per", r.Per, PerWeek, PerMonth, PerQuarter, PerHalf, PerChange)
	within := int(time.Duration(r.Within) / (24 * time.Hour))
	switch {
	case r.Per != PerChange && r.Within != 0:
		c.fault(path+".within", "只有 per: change 才写")
	case r.Per == PerChange && (within < 1 || within > 30 || r.Within != Duration(within)*Duration(24*time.Hour)):
		c.fault(path+".within", "%s 不合理 (应为 1d 到 30d 的整天)", r.Within)
	}
	length := r.Per.lengths(within)
	if most := min(31, length[0]); r.Times < 1 || r.Times > most {
		c.fault(path+".times", "%d 次不合理 (应为 1 到 %d)", r.Times, most)
	}
	if r.DoorMin < 0 || r.DoorMin > r.Times && !slices.Contains(c.broken, path+".times") {
		c.fault(path+".door_min", "%d 不合理 (应为 0 到 times)", r.DoorMin)
	}
	if len(r.Counts) == 0 {
		c.fault(path+".counts", "没有写什么方式算数 (应为 door、phone、video 中的一个或几个)")
	}
	for i, m := range r.Counts {
		oneOf(c, fmt.Sprintf("%s.counts[%d]", path, i), m, ledger.MethodDoor, ledger.MethodPhone, ledger.MethodVideo)
	}
	if r.DoorMin > 0 && len(r.Counts) > 0 && !slices.Contains(r.Counts, ledger.MethodDoor) {
		c.fault(path+".door_min", "要求上门,counts 里却没有 door")
	}
	steps := c.judgeNudges(path+".nudge", r.Nudge, r.Per, length)
	steps = c.judgeStep(path+".escalate.village", r.Escalate.Village, steps, length, true)
	c.judgeStep(path+".escalate.township", r.Escalate.Township, steps, length, true)
	for _, b := range before {
		if b.Name == r.Name && (b.Tier == r.Tier || b.Tier == TierAll || r.Tier == TierAll) {
			c.fault(path+".name", "“%s”已有一条管同样的老人 (名称与 tier 不能重叠)", r.Name)
			break
		}
		if b.Name == r.Name && b.Kind != r.Kind && b.Kind != "" && r.Kind != "" {
			c.fault(path+".kind", "“%s”已有一条是 %s (同名的要同类)", r.Name, b.Kind)
			break
		}
	}
}

func (c *checker) judgeGroups(path string, names, groups []string) {
	for i, name := range names {
		if !slices.Contains(groups, name) {
			c.fault(fmt.Sprintf("%s[%d]", path, i), "没有一类老人叫“%s” (应为 covers、key 里的 name)", name)
		}
	}
}

// lengths are the fewest and the most days of a period.
func (p Per) lengths(within int) [2]int {
	switch p {
	case PerWeek:
		return [2]int{7, 7}
	case PerQuarter:
		return [2]int{90, 92}
	case PerHalf:
		return [2]int{181, 184}
	case PerChange:
		return [2]int{within + 1, within + 1}
	}
	return [2]int{28, 31}
}

// judgeNudges says how many days are left at the last of them, in the shortest and in the longest period.
func (c *checker) judgeNudges(path string, marks []Mark, per Per, length [2]int) [2]int {
	left := length
	for i, m := range marks {
		at := fmt.Sprintf("%s[%d]", path, i)
		if m == Mid && per == PerChange {
			c.fault(at, "per: change 没有 mid")
			continue
		}
		left = c.judgeStep(at, m, left, length, false)
	}
	return left
}

// judgeStep says how many days are left at a mark; the one before it must have left more. A superior may be told on the day of
// the step before, or never, but not in the middle.
func (c *checker) judgeStep(path string, m Mark, before, length [2]int, superior bool) [2]int {
	if superior && m == "" {
		return before
	}
	left := [2]int{length[0] - length[0]/2, length[1] - length[1]/2}
	if superior || m != Mid {
		n, err := strconv.ParseUint(strings.TrimSuffix(string(m), "d"), 10, 16)
		if err != nil || !strings.HasSuffix(string(m), "d") || int(n) >= length[0] {
			accepted := fmt.Sprintf("0d 到 %dd", length[0]-1)
			if !superior {
				accepted = "mid、" + accepted
			}
			c.fault(path, "“%s”不是期内的一天 (应为 %s,从期末往回数)", m, accepted)
			return before
		}
		left = [2]int{int(n), int(n)}
	}
	for i := range left {
		if left[i] > before[i] || left[i] == before[i] && !superior {
			c.fault(path, "%s 排早了 (提醒、报村、报乡镇要一步比一步晚)", m)
			break
		}
	}
	return left
}

func (c *checker) judgePapers(papers []Paper, rules []Rule) {
	for i, x := range papers {
		path := fmt.Sprintf("papers[%d]", i)
		c.need(path+".name", x.Name)
		c.need(path+".source", x.Source)
		oneOf(c, path+".kind", x.Kind, PaperArticle, PaperStatistics)
		oneOf(c, path+".of", x.Of, ledger.RoleTownship, ledger.RoleCounty)
		oneOf(c, path+".per", x.Per, PerMonth, PerQuarter, PerHalf)
		if x.Times < 1 || x.Times > 31 {
			c.fault(path+".times", "%d 篇不合理 (应为 1 到 31)", x.Times)
		}
		c.judgeNudges(path+".nudge", x.Nudge, x.Per, x.Per.lengths(0))
		if slices.ContainsFunc(papers[:i], func(o Paper) bool { return o.Name == x.Name }) ||
			slices.ContainsFunc(rules, func(r Rule) bool { return r.Name == x.Name }) {
			c.fault(path+".name", "“%s”已有一条叫这个", x.Name)
		}
	}
}

func (c *checker) judgeMonths(path string, months []int) {
	for i, m := range months {
		at := fmt.Sprintf("%s[%d]", path, i)
		if m < 1 || m > 12 {
			c.fault(at, "没有 %d 月 (应为 1 到 12)", m)
		} else if slices.Contains(months[:i], m) {
			c.fault(at, "%d 月写了两次", m)
		}
	}
}

func (c *checker) need(path, value string) {
	if strings.TrimSpace(value) == "" {
		c.fault(path, "没有写")
	}
}

func oneOf[T ~string](c *checker, path string, got T, accepted ...T) {
	if slices.Contains(accepted, got) {
		return
	}
	words := make([]string, len(accepted))
	for i, a := range accepted {
		words[i] = string(a)
	}
	if got == "" {
		c.fault(path, "没有写 (应为 %s)", strings.Join(words, "、"))
		return
	}
	c.fault(path, "“%s”不认识 (应为 %s)", string(got), strings.Join(words, "、"))
}

var syntaxAt = regexp.MustCompile(`^\[(\d+):\d+\] ([^\n]*)`)

// syntaxFault is the parser's one complaint: beyond broken YAML nothing can be read.
func syntaxFault(err error) Fault {
	type positioned interface{ GetToken() *token.Token }
	f := Fault{Line: 1, Text: "不是合格的 YAML: " + err.Error()}
	if m := syntaxAt.FindStringSubmatch(err.Error()); m != nil {
		f.Line, _ = strconv.Atoi(m[1])
		f.Text = "不是合格的 YAML: " + m[2]
	}
	if p, ok := err.(positioned); ok && p.GetToken() != nil {
		f.Line = p.GetToken().Position.Line
	}
	return f
}
