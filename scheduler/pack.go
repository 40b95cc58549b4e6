// Package scheduler answers what is owed, by when and by which clause. A pack is the policy of one jurisdiction as data;
// Due counts it against the records. It does no I/O beyond reading a pack file, and only tick.go waits.
package scheduler

import (
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
	Name     string   `yaml:"name"`
	Title    string   `yaml:"title"`
	Document string   `yaml:"document"`
	Area     string   `yaml:"area"`
	Levels   Levels   `yaml:"levels"`
	Visits   []Rule   `yaml:"visits"`
	Seasons  Seasons  `yaml:"seasons"`
	Photo    Photo    `yaml:"photo"`
	Recheck  []string `yaml:"recheck"` // facts checked at each visit (002 五·信息核对): phone, address, kin
	Confirm  []string `yaml:"confirm"` // those that the keeper confirms before the ledger changes; the others change at once
	Close    Close    `yaml:"close"`
}

// Close says when a period is closed: afterwards its visits are entered and corrected only through who may reopen it.
type Close struct {
	Grace  Duration `yaml:"grace"` // whole days after the period's last
	Source string   `yaml:"source"`
}

// closeGrace holds where a pack says nothing (requirements §1.O).
const closeGrace = Duration(3 * 24 * time.Hour)

// OpenFrom is the first day that is not closed yet: of the shortest period a rule counts in.
func (p Pack) OpenFrom(today ledger.Day) ledger.Day {
	period := ledger.QuarterOf
	if slices.ContainsFunc(p.Visits, func(r Rule) bool { return r.Per == PerMonth }) {
		period = ledger.MonthOf
	}
	first := period(today).First()
	if days := int(time.Duration(p.Close.Grace) / (24 * time.Hour)); today.Sub(first) < days {
		return period(first.Add(-1)).First()
	}
	return first
}

// Levels are the jurisdiction's own words for the four ranks of regions.
type Levels struct {
	County   string `yaml:"county"`
	Township string `yaml:"township"`
	Village  string `yaml:"village"`
	Group    string `yaml:"group"`
}

// Rule is one visiting duty.
type Rule struct {
	Name    string          `yaml:"name"`
	Tier    ledger.Tier     `yaml:"tier"` // TierAll: whoever is on the ledger
	Per     Per             `yaml:"per"`
	Times   int             `yaml:"times"` // days on which the elder must have been met
	Counts  []ledger.Method `yaml:"counts"`
	DoorMin int             `yaml:"door_min"` // how many of Times must be at the door
	Source  string          `yaml:"source"`
}

// TierAll is the tier of a rule that binds every elder.
const TierAll ledger.Tier = "全部"

// Per is the kind of calendar period a rule counts in.
type Per string

const (
	PerMonth   Per = "month"
	PerQuarter Per = "quarter"
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
