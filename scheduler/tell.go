package scheduler

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/6tail/lunar-go/calendar"

	"xunfang/ledger"
)

// Tell answers which words to relatives should exist by now that do not: the month in a few words, festivals, the weather, whether
// number and whereabouts still are right. Texts are made by flows when they are written. Nobody without consent is among them: of how
// an elder is only those hear whom ledger.MayHear lets.
func Tell(snap *ledger.Snapshot, ps Packs, now time.Time) []ledger.Word {
	t := teller{snap: snap, r: snap.Roster, now: now, today: ledger.DayOf(now, snap.Zone), have: map[string]bool{}, asked: map[kinKey]ledger.Day{}}
	t.pack = ps.Main(t.today)
	for _, w := range snap.Words {
		t.have[w.Key] = true
		if at := (kinKey{w.ElderID, w.Kin}); w.Purpose == ledger.WordConfirm {
			t.asked[at] = max(t.asked[at], ledger.DayOf(w.At, snap.Zone))
		}
	}
	quiet := t.pack.quiet(t.today) // the greeting itself is said on the eve
	for _, e := range t.r.Elders() {
		if s, away := t.r.Standing(e.ID, t.today); away && s.Kind.Ends() {
			continue
		}
		t.greetings(e)
		if !quiet {
			t.summaries(e)
			t.confirms(e)
		}
	}
	return t.out
}

// summaryLate is for how many days the month just past is still told: after an outage, not a month later.
const summaryLate = 10

type kinKey struct{ elder, kin string }

type teller struct {
	snap  *ledger.Snapshot
	r     *ledger.Roster
	pack  Pack
	now   time.Time
	today ledger.Day
	have  map[string]bool
	asked map[kinKey]ledger.Day // when a relative was last asked whether all is right
	out   []ledger.Word
}

// say adds a word that is not there yet.
func (t *teller) say(elder, kin, user string, purpose ledger.WordPurpose, period ledger.Period, tail string) {
	head := map[ledger.WordPurpose]string{ledger.WordGreeting: "greet"}[purpose]
	key := ledger.WordKey(cmp.Or(head, string(purpose)), elder, kin, tail)
	if t.have[key] {
		return
	}
	t.have[key] = true
	text := ""
	if purpose == ledger.WordGreeting { // which one, until flows gives it words
		text = tail
	}
	t.out = append(t.out, ledger.Word{Key: key, ElderID: elder, Kin: kin, User: user, Purpose: purpose, Period: period, State: ledger.WordOpen,
		Due: t.now, At: t.now, Moved: t.now, Rev: 1, Text: text})
}

// digest is the first hex digits of a text's SHA-256.
func digest(s string, n int) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:n]
}

// hearing are an elder's bonds that hold today and whose relative may hear how the elder is.
func (t *teller) hearing(e ledger.Elder) []ledger.Bond {
	var out []ledger.Bond
	s, _ := t.r.Standing(e.ID, t.today)
	for _, b := range t.r.Bonds(e.ID) {
		if ledger.MayHear(b, t.snap.Acts[e.ID], s.Kind, t.snap.Hidden[e.ID], t.today).Status && t.kin(e.ID, b.Kin) {
			out = append(out, b)
		}
	}
	return out
}

func (t *teller) kin(elder, name string) bool {
	return slices.ContainsFunc(t.r.Kin(elder), func(k ledger.Kin) bool { return k.Name == name })
}

// summaries are of the month just past. Who was verified after it hears nothing of it: they did not ask for that time.
func (t *teller) summaries(e ledger.Elder) {
	first := ledger.MonthOf(t.today).First()
	month := ledger.MonthOf(first.Add(-1))
	late := t.today.Sub(first.Add(t.pack.Family.Summary - 1))
	if t.pack.Family.Summary == 0 || late < 0 || late > summaryLate || e.Since > month.Last() {
		return
	}
	for _, b := range t.hearing(e) {
		if b.Since <= month.Last() {
			t.say(e.ID, b.Kin, b.User, ledger.WordSummary, month, string(month))
		}
	}
}

// greetings are said on a festival's eve, and where the weather made somebody declare a round: once for each.
func (t *teller) greetings(e ledger.Elder) {
	var tails []string
	for _, name := range t.pack.Family.Festival {
		if on, ok := festivalOn(name, t.today.Add(1)); ok && t.today == on.Add(-1) {
			tails = append(tails, name+string(on[:4]))
		}
	}
	if x, ok := t.weather(e); ok {
		tails = append(tails, x.Name+string(x.From))
	}
	if len(tails) == 0 {
		return
	}
	for _, b := range t.hearing(e) {
		for _, tail := range tails {
			t.say(e.ID, b.Kin, b.User, ledger.WordGreeting, "", tail)
		}
	}
}

// bad is weather that families are told of.
var bad = regexp.MustCompile(`高温|热浪|酷暑|寒潮|低温|严寒|降温|冰冻|大雪|暴雪|雪灾|大风|台风|沙尘|暴雨|洪|汛|冰雹|雷电|雾霾`)

// weather is the round declared first of those that hold for an elder today.
func (t *teller) weather(e ledger.Elder) (first ledger.Round, ok bool) {
	if len(t.r.Rounds()) == 0 {
		return first, false
	}
	d, _ := t.r.Dossier(e.ID)
	for _, x := range d.Rounds {
		if !bad.MatchString(x.Name) || !x.Holds(t.today) || x.Tier == ledger.TierKey && t.r.Tier(e.ID, t.today) != ledger.TierKey {
			continue
		}
		if !ok || cmp.Or(cmp.Compare(x.From, first.From), cmp.Compare(x.Name, first.Name)) < 0 {
			first, ok = x, true
		}
	}
	return first, ok
}

// confirmDays: each relative has one of so many days of the month on which they are asked, so that a county is not asked on one.
const confirmDays = 28

// confirms ask whether number and whereabouts still are right (000 二(一): 及时、如实报告去向、联系方式; requirements F3). The helper of
// the elder may ask as they have to talk with the family anyway (002 五·帮扶服务); without a helper only who agreed to be called is.
func (t *teller) confirms(e ledger.Elder) {
	stale := int(time.Duration(t.pack.Family.Stale) / (24 * time.Hour))
	if stale == 0 || t.snap.Hidden[e.ID] {
		return
	}
	day := int(t.today.Time().Day())
	for _, k := range t.r.Kin(e.ID) {
		at := kinKey{e.ID, k.Name}
		h := fnv.New32a()
		h.Write([]byte(at.elder + "/" + at.kin))
		if day != 1+int(h.Sum32()%confirmDays) {
			continue
		}
		known := cmp.Or(k.Seen, k.Consent, e.Since)
		if known != "" && t.today.Sub(known) < stale || t.asked[at] != "" && t.today.Sub(t.asked[at]) < stale || k.Phone == "" && k.Where == "" {
			continue
		}
		user, callable := "", k.Phone != "" && k.Dead == ""
		for _, b := range t.r.Bonds(e.ID) {
			if b.Kin == k.Name && b.Holds(t.today) && user == "" {
				user = b.User
			}
		}
		acts := t.snap.Acts[e.ID]
		agreed := ledger.Agreed(acts, k.Name, ledger.PurposePhone)
		refused := !agreed && slices.ContainsFunc(acts, func(c ledger.Consent) bool {
			return c.Kin == k.Name && c.For == "" && c.Purpose == ledger.PurposePhone
		})
		if refused || !agreed && len(t.r.Helping(e.ID, t.today)) == 0 || !callable && user == "" {
			continue
		}
		t.say(e.ID, k.Name, user, ledger.WordConfirm, "", string(t.today))
	}
}

// festivalDays are the festivals on whose eve families are greeted, as days of lunar months.
var festivalDays = map[string][2]int{"春节": {1, 1}, "元宵": {1, 15}, "端午": {5, 5}, "中秋": {8, 15}, "重阳": {9, 9}}

// festivalNames are they in the order of the year.
var festivalNames = []string{"春节", "元宵", "端午", "中秋", "重阳"}

var (
	lunarMu   sync.Mutex
	lunarDays = map[string]ledger.Day{} // by name and year: a conversion costs a millisecond
)

// festivalOn is a festival's day in a day's civil year, which is also its lunar one for all of them.
func festivalOn(name string, in ledger.Day) (ledger.Day, bool) {
	md, ok := festivalDays[name]
	year, err := strconv.Atoi(string(in[:4]))
	if !ok || err != nil {
		return "", false
	}
	lunarMu.Lock()
	defer lunarMu.Unlock()
	at := fmt.Sprintf("%s%d", name, year)
	if _, ok := lunarDays[at]; !ok {
		x := calendar.NewLunarFromYmd(year, md[0], md[1]).GetSolar()
		lunarDays[at] = ledger.NewDay(x.GetYear(), time.Month(x.GetMonth()), x.GetDay())
	}
	return lunarDays[at], true
}
