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
	Path string // visits[0].times
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
// syntax tree is walked here; the pack is worth using only when there are no faults.
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
	if len(p.Visits) == 0 {
		c.fault("visits", "至少要有一条巡访规则")
	}
	for i, r := range p.Visits {
		c.judgeRule(fmt.Sprintf("visits[%d]", i), r, p.Visits[:i])
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
	for i, f := range p.Recheck {
		oneOf(c, fmt.Sprintf("recheck[%d]", i), f, "phone", "address", "kin")
	}
	for i, f := range p.Confirm {
		if !slices.Contains(p.Recheck, f) {
			c.fault(fmt.Sprintf("confirm[%d]", i), "%s 不在 recheck 里 (应为 recheck 里的一项)", f)
		}
	}
}

func (c *checker) judgeRule(path string, r Rule, before []Rule) {
	c.need(path+".name", r.Name)
	c.need(path+".source", r.Source)
	oneOf(c, path+".tier", r.Tier, ledger.TierOrdinary, ledger.TierKey, TierAll)
	oneOf(c, path+".per", r.Per, PerMonth, PerQuarter)
	if r.Times < 1 || r.Times > 31 {
		c.fault(path+".times", "%d 次不合理 (应为 1 到 31)", r.Times)
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
	for _, b := range before {
		if b.Name == r.Name && (b.Tier == r.Tier || b.Tier == TierAll || r.Tier == TierAll) {
			c.fault(path+".name", "“%s”已有一条管同样的老人 (名称与 tier 不能重叠)", r.Name)
			break
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
