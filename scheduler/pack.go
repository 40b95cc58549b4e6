// Package scheduler answers what is owed, by when and by which clause. A pack is the policy of one jurisdiction as data;
// Due counts it against the records. It does no I/O beyond reading a pack file, and only tick.go waits.
package scheduler

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunfang/ledger"
)

// Pack is one jurisdiction's policy. Every rule names its clause in Source; where the documents are silent the source says
// that the value is our default (requirements §1.O).
type Pack struct {
	Name     string     `yaml:"name"`
	Title    string     `yaml:"title"`
	Document string     `yaml:"document"`
	Area     string     `yaml:"area"`
	Since    ledger.Day `yaml:"since"` // first day on which this version holds, "" always; periods begun earlier keep the version before
	Levels   Levels     `yaml:"levels"`
	Covers   []Cover    `yaml:"covers"` // who is bound, the first that fits says why; none: whoever is on the ledger
	Key      []Cover    `yaml:"key"`    // who should be a key elder: proposed to the lead, who decides
	Duties   []Rule     `yaml:"duties"`
	Local    []Local    `yaml:"local"` // what regions ask beside it: never less
	Papers   []Paper    `yaml:"papers"`
	Spring   Spring     `yaml:"spring"`
	Seasons  Seasons    `yaml:"seasons"`
	Photo    Photo      `yaml:"photo"`
	Recheck  []string   `yaml:"recheck"` // facts checked at each visit (002 五·信息核对): phone, address, kin
	Confirm  []string   `yaml:"confirm"` // those that the keeper confirms before the ledger changes; the others change at once
	Close    Close      `yaml:"close"`
	Alarm    Alarm      `yaml:"alarm"`
	Matters  Matters    `yaml:"matters"`
	Depts    []Dept     `yaml:"departments"`
	Drill    Drill      `yaml:"drill"`
	Family   Family     `yaml:"family"`
}

// Family is what is owed to and by the elders' children (000 二(一), 002 五·加强联系; the times are ours).
type Family struct {
	Summary  int      `yaml:"summary"`  // day of the next month on which the month's words go out; 0: none
	Festival []string `yaml:"festival"` // on whose eve families are greeted: 春节, 端午, 中秋, 重阳
	Stale    Duration `yaml:"stale"`    // number and whereabouts not confirmed for so long are asked about
	Recheck  Duration `yaml:"recheck"`  // a bond is confirmed again
	Answer   Duration `yaml:"answer"`   // a call that nobody reports on goes to the next person
	Urgent   Duration `yaml:"urgent"`   // the same in an emergency
	Reply    Duration `yaml:"reply"`    // a family that was urged and not reached: the next relative, then the village (requirements F7)
	Silent   Duration `yaml:"silent"`   // before the end of a half-year in which nobody was reached, the village hears of it
	Leaflet  bool     `yaml:"leaflet"`  // every elder has a contact card, made anew when a number changes (002 五·加强联系)
	Source   string   `yaml:"source"`
}

// Alarm is the ladder of an emergency (002 六(二): 立即…报告, 逐级上报; neither document names a time).
type Alarm struct {
	AtOnce []Target `yaml:"at_once"` // told together, with the first word
	Grave  []string `yaml:"grave"`   // kinds of which the county hears at once, too
	Steps  []Step   `yaml:"steps"`
	Repeat int      `yaml:"repeat"` // how often it begins anew when nobody acts; after that with every Quiet, until somebody does
	Quiet  Duration `yaml:"quiet"`  // taken, and no word since: it is open again
	Join   Duration `yaml:"join"`   // within it two reports of one elder, or of one place and kind, are one case
	Follow Duration `yaml:"follow"` // whole days after the end within which the elder is visited; 0s: not
	Source string   `yaml:"source"`
}

// Step is one rung of a ladder.
type Step struct {
	After Duration `yaml:"after"` // since the ladder began
	Tell  []Target `yaml:"tell"`  // who gets a message
	Call  []Target `yaml:"call"`  // who is rung up
}

// Target is whom a step means: the holders of a role where the elder lives.
type Target string

const (
	TargetVillage  Target = "village"
	TargetTownship Target = "township"
	TargetCounty   Target = "county"
	TargetDeputy   Target = "deputy" // who lately stood in for one of the leads, and the keeper
	TargetDept     Target = "dept"   // the departments whose kind it is: as information, with a button to claim it
)

// Matters are the clocks of problems and needs on their way up (002 五·加强联系, 六(四)). All count working days.
type Matters struct {
	Village   Duration `yaml:"village"`   // then it goes up to the township by itself
	Township  Duration `yaml:"township"`  // then to the county
	County    Duration `yaml:"county"`    // then the county is asked again
	Unclaimed Duration `yaml:"unclaimed"` // with a department that does not claim it: the county chooses again
	Meeting   Duration `yaml:"meeting"`   // then it is on the list of the joint meeting
	Silent    Duration `yaml:"silent"`    // taken, and no word since: it is open again
	Source    string   `yaml:"source"`
}

// Dept is a department, what it has to do and what is routed to it.
type Dept struct {
	Name   string   `yaml:"name"`   // 公安
	Alarms []string `yaml:"alarms"` // kinds of emergency of which it hears
	Items  []string `yaml:"items"`  // items of a visit whose problems are its business
	Needs  []string `yaml:"needs"`  // services
	Duty   string   `yaml:"duty"`   // what it is bound to do, in a line
	Source string   `yaml:"source"`
}

// Drill is the weekly try of the ladder in every township.
type Drill struct {
	Weekday int    `yaml:"weekday"` // 1 Monday to 7 Sunday; 0: none
	At      string `yaml:"at"`      // 10:00
	Source  string `yaml:"source"`
}

// Close says when a period is closed: afterwards its visits are entered and corrected only through who may reopen it.
type Close struct {
	Grace  Duration `yaml:"grace"` // whole days after the period's last
	Source string   `yaml:"source"`
}

const oneDay = Duration(24 * time.Hour)

// closeGrace holds where a pack says nothing (requirements §1.O).
const closeGrace = 3 * oneDay

// OpenFrom is the first day that is not closed yet: of the shortest period a visit counts in, weeks with their months.
func (p Pack) OpenFrom(today ledger.Day) ledger.Day {
	period := ledger.QuarterOf
	if slices.ContainsFunc(p.Duties, func(r Rule) bool {
		return r.Kind == ledger.KindVisit && (r.Per == PerMonth || r.Per == PerWeek)
	}) {
		period = ledger.MonthOf
	}
	first := period(today).First()
	if today.Sub(first) < p.grace() {
		return period(first.Add(-1)).First()
	}
	return first
}

// grace is for how many days after a period records are still entered.
func (p *Pack) grace() int { return int(time.Duration(p.Close.Grace) / (24 * time.Hour)) }

// Levels are the jurisdiction's own words for the four ranks of regions.
type Levels struct {
	County   string `yaml:"county"`
	Township string `yaml:"township"`
	Village  string `yaml:"village"`
	Group    string `yaml:"group"`
}

// Rule is one duty.
type Rule struct {
	Name     string           `yaml:"name"`
	Kind     ledger.EntryKind `yaml:"kind"`   // visit: of the visitors; help, talk: of the helpers paired with the elder
	Tier     ledger.Tier      `yaml:"tier"`   // TierAll: whoever is covered
	Groups   []string         `yaml:"groups"` // names of covers: only whom one of them fits
	Except   []string         `yaml:"except"` // names of covers: not whom one of them fits
	Per      Per              `yaml:"per"`
	Within   Duration         `yaml:"within"` // whole days after the change, with PerChange
	Times    int              `yaml:"times"`  // days on which the elder, or with a talk the family, must have been met
	Counts   []ledger.Method  `yaml:"counts"`
	DoorMin  int              `yaml:"door_min"` // how many of Times must be at the door
	Nudge    []Mark           `yaml:"nudge"`    // when who owes it is reminded
	Escalate Escalate         `yaml:"escalate"`
	Source   string           `yaml:"source"`
}

// Escalate says when a duty that is still open is told to the village lead and then to the township lead (finding 3: without
// this step nudging does not help).
type Escalate struct {
	Village  Mark `yaml:"village"`
	Township Mark `yaml:"township"`
}

// Mark is a day of a period: "9d" is nine days before its last, "0d" the last, "mid" the middle, on which only who has done
// less than half is reminded; "" never.
type Mark string

// Mid is the middle of a period: day 14 of a February (requirements §3 case 15).
const Mid Mark = "mid"

// Cover is a group of elders with the clause that names it.
type Cover struct {
	Name    string `yaml:"name"`
	When    When   `yaml:"when"`
	Confirm bool   `yaml:"confirm"` // binds only once a lead has confirmed it, by giving the elder a tier
	Source  string `yaml:"source"`
}

// When is what must all hold of an elder; an empty one holds of everybody.
type When struct {
	AgeMin    int      `yaml:"age_min"`    // completed years
	Living    []string `yaml:"living"`     // one of 居住状况
	SelfCare  []string `yaml:"self_care"`  // one of 自理能力
	LostChild bool     `yaml:"lost_child"` // 失独
	Health    []string `yaml:"health"`     // one of these words in 健康状况
	Hardship  []string `yaml:"hardship"`   // one of these words in 困难问题
	NoKin     bool     `yaml:"no_kin"`     // no family on the ledger
}

// Local is what a region asks beside the county's rules: more elders, or more of them (002 四: 可扩大范围, 六(二): 制定本乡镇巡访制度).
// A minimum cannot be lowered: rules are only added.
type Local struct {
	Region string  `yaml:"region"` // code
	Covers []Cover `yaml:"covers"`
	Duties []Rule  `yaml:"duties"`
	Source string  `yaml:"source"`
}

// Paper is something owed by an office and about no elder: an article, the quarter's figures.
type Paper struct {
	Name   string      `yaml:"name"`
	Kind   PaperKind   `yaml:"kind"`
	Of     ledger.Role `yaml:"of"` // township | county
	Per    Per         `yaml:"per"`
	Times  int         `yaml:"times"`
	Nudge  []Mark      `yaml:"nudge"`
	Source string      `yaml:"source"`
}

// PaperKind is what a Paper is.
type PaperKind string

const (
	PaperArticle    PaperKind = "article"    // 002 五·信息报送
	PaperStatistics PaperKind = "statistics" // 000 三(三): 按季度报送
)

// Spring is how reminders keep out of the Spring Festival (requirements §3 case 14): days of the twelfth lunar month and of the
// first. What would fall between is said before; from the eve to the last quiet day only key elders are spoken of.
type Spring struct {
	Before int    `yaml:"before"` // day of the twelfth month before which the month's reminders come: 25; 0: as usual
	Quiet  int    `yaml:"quiet"`  // last quiet day of the first month: 3; 0: none
	Source string `yaml:"source"`
}

// TierAll is the tier of a rule that binds every elder.
const TierAll ledger.Tier = "全部"

// Per is the kind of calendar period a rule counts in.
type Per string

const (
	PerWeek    Per = "week" // Monday to Sunday
	PerMonth   Per = "month"
	PerQuarter Per = "quarter"
	PerHalf    Per = "half"
	PerChange  Per = "change" // once within some days after the elder came back from a pause or was made key
)

// Seasons are the months in which the seasonal items are asked (002 五: 雨季、冬季), and the room temperature in °C below
// which it is a finding.
type Seasons struct {
	Heating     []int  `yaml:"heating"`
	Rainy       []int  `yaml:"rainy"`
	RoomTempMin int    `yaml:"room_temp_min"`
	Source      string `yaml:"source"`
}

// Photo is what picture a visit needs (002 五·巡访记录: 保留图片资料).
type Photo struct {
	Door   PhotoNeed `yaml:"door"`
	Phone  PhotoNeed `yaml:"phone"`
	Grace  Duration  `yaml:"grace"` // a photo sent within this time of the record still belongs to it
	Source string    `yaml:"source"`
}

// PhotoNeed says whether a kind of visit owes a photo.
type PhotoNeed string

const (
	PhotoRequired PhotoNeed = "required"
	PhotoOptional PhotoNeed = "optional"
	PhotoNo       PhotoNeed = "no"
)

// Heating says whether room temperature and stove are asked on a day.
func (p Pack) Heating(on ledger.Day) bool { return slices.Contains(p.Seasons.Heating, int(on.Month())) }

// Rainy says whether the house is asked about on a day.
func (p Pack) Rainy(on ledger.Day) bool { return slices.Contains(p.Seasons.Rainy, int(on.Month())) }

// PhotoFor is what a visit by a method owes.
func (p Pack) PhotoFor(m ledger.Method) PhotoNeed {
	if m == ledger.MethodPhone || m == ledger.MethodVideo {
		return p.Photo.Phone
	}
	return p.Photo.Door
}

// LevelName is the jurisdiction's word for a level: 嘎查村 for a village.
func (p Pack) LevelName(l ledger.Level) string {
	switch l {
	case ledger.LevelCounty:
		return p.Levels.County
	case ledger.LevelTownship:
		return p.Levels.Township
	case ledger.LevelVillage:
		return p.Levels.Village
	}
	return p.Levels.Group
}

// Duration is a time as packs write it: 90s, 5m, 2h, 3d. time.Duration has no days, and the YAML library reports a bad one
// without its line.
type Duration time.Duration

// ParseDuration reads a whole number and one unit.
func ParseDuration(s string) (Duration, error) {
	bad := fmt.Errorf("时间“%s”看不懂 (应为整数加单位,如 90s、5m、2h、3d)", s)
	if len(s) < 2 {
		return 0, bad
	}
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[s[len(s)-1]]
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 31)
	if err != nil || unit == 0 || s[0] == '+' {
		return 0, bad
	}
	if n > uint64(10*365*24*time.Hour/unit) {
		return 0, fmt.Errorf("时间“%s”太长 (应不超过十年)", s)
	}
	return Duration(time.Duration(n) * unit), nil
}

// String writes the duration in its largest whole unit.
func (d Duration) String() string {
	t := time.Duration(d)
	switch {
	case t == 0:
		return "0s"
	case t%(24*time.Hour) == 0:
		return strconv.Itoa(int(t/(24*time.Hour))) + "d"
	case t%time.Hour == 0:
		return strconv.Itoa(int(t/time.Hour)) + "h"
	case t%time.Minute == 0:
		return strconv.Itoa(int(t/time.Minute)) + "m"
	}
	return strconv.Itoa(int(t/time.Second)) + "s"
}

// UnmarshalText makes a Duration a scalar of a pack.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := ParseDuration(string(text))
	*d = parsed
	return err
}

//go:embed packs/*.yaml
var packs embed.FS

// ErrNoPack says that neither a shipped pack nor a file has this name.
var ErrNoPack = errors.New("no such pack")

// Shipped are the names of the packs in the program.
func Shipped() []string {
	files, _ := packs.ReadDir("packs") // embedded: there or the program does not build
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), ".yaml"))
	}
	slices.Sort(names)
	return names
}

// Text is the YAML of a pack: a shipped name, or a path to a file.
func Text(name string) ([]byte, error) {
	if slices.Contains(Shipped(), name) {
		return packs.ReadFile("packs/" + name + ".yaml")
	}
	text, err := os.ReadFile(filepath.Clean(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("没有规则包“%s” (自带的有 %s,也可以写文件路径): %w", name, strings.Join(Shipped(), "、"), ErrNoPack)
	}
	if err != nil {
		return nil, fmt.Errorf("read pack %s: %w", name, err)
	}
	return text, nil
}

// Load reads a pack by its shipped name or its path. A pack with faults is refused with all of them: the error is, or
// wraps, Faults.
func Load(name string) (Pack, error) {
	text, err := Text(name)
	if err != nil {
		return Pack{}, err
	}
	p, faults := Check(text)
	if len(faults) > 0 {
		return Pack{}, fmt.Errorf("规则包 %s 有 %d 处错误:\n%w", name, len(faults), faults)
	}
	return p, nil
}

// LoadAll reads the packs that bind a county, and the versions of each, all faults at once. The packs stay in the order in which
// they are named first, the versions of one in the order of their days.
func LoadAll(names ...string) (Packs, error) {
	var all Packs
	var errs []error
	for _, name := range names {
		p, err := Load(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, x := range all {
			switch {
			case x.Name == p.Name && x.Since == p.Since:
				errs = append(errs, fmt.Errorf("规则包 %s: 名称 %s 已有一份,从同一天起 (两版的 since 要不同)", name, p.Name))
			case x.Name != p.Name:
				if duty := x.shares(p); duty != "" {
					errs = append(errs, fmt.Errorf("规则包 %s: “%s”在 %s 里也有 (同时用的规则包,规则不能重名)", name, duty, x.Name))
				}
			}
		}
		all = append(all, p)
	}
	if len(names) == 0 {
		errs = append(errs, errors.New("没有写规则包"))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return all.sorted(), nil
}

// sorted puts the versions of a pack beside the first one named, by their days.
func (ps Packs) sorted() Packs {
	rank := map[string]int{}
	for _, p := range ps {
		if _, named := rank[p.Name]; !named {
			rank[p.Name] = len(rank)
		}
	}
	out := slices.Clone(ps)
	slices.SortStableFunc(out, func(a, b Pack) int {
		return cmp.Or(rank[a.Name]-rank[b.Name], cmp.Compare(a.Since, b.Since))
	})
	return out
}

// With is what the packs would be with another: a version of one of them that holds from a day on stands beside the others of its
// name, one without a day takes the place of all of that name, and a pack of another name that of all.
func (ps Packs) With(p Pack) Packs {
	if !slices.ContainsFunc(ps, func(x Pack) bool { return x.Name == p.Name }) {
		return Packs{p}
	}
	out := slices.DeleteFunc(slices.Clone(ps), func(x Pack) bool { return x.Name == p.Name && (p.Since == "" || x.Since == p.Since) })
	first := slices.IndexFunc(ps, func(x Pack) bool { return x.Name == p.Name })
	return slices.Insert(out, min(first, len(out)), p).sorted()
}

// shares is the name of a rule that two packs have, "" where there is none: a duty is known by its name.
func (p Pack) shares(other Pack) string {
	names := other.names()
	for _, name := range p.names() {
		if slices.Contains(names, name) {
			return name
		}
	}
	return ""
}

// names are those of the rules and papers.
func (p Pack) names() []string {
	var names []string
	for _, r := range p.Duties {
		names = append(names, r.Name)
	}
	for _, l := range p.Local {
		for _, r := range l.Duties {
			names = append(names, r.Name)
		}
	}
	for _, x := range p.Papers {
		names = append(names, x.Name)
	}
	return names
}
