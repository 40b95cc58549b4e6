package ledger

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
)

// What makes a sign (requirements §3 case 18, row M3). Each is set so high that a hard day's honest work stays below it, since
// a sign costs somebody a question.
const (
	burstElders = 20              // within burstTime; an honest morning's work, sent at once, is half of it
	burstTime   = time.Hour       //
	copiedMost  = 8               // elders with one text
	copiedText  = 6               // characters that make a text: 没人在家 and 都好 are said of everybody
	hastePairs  = 3               // one short cut or one wrong coordinate is no sign
	hasteSpeed  = 80.0            // km/h in a straight line, from door to door
	hasteSit    = 3 * time.Minute // records closer than this were written in one sitting; so a way counts from 4 km
)

// Signs looks at what one person entered on one civil day and gives the signs that deserve a second look: at most one of each
// kind, facts and never a verdict. Place knows where an elder lives, if anybody wrote it down; where somebody was, nobody asks.
//
// A record of an earlier day, or with a reason for being late, says when it was written and nothing of when the visit was:
// whoever types up paper, or comes back into the network, did what was asked (case 32), however fast. So it counts neither
// for a burst nor for haste; one text for all is worth asking about even then. Records for today are sent at once after a
// morning without signal, too (case 7), but more elders than a morning holds are asked about: forty in an hour are a burst.
// What was undone counts for nothing.
func Signs(records []Record, place func(elderID string) (lon, lat float64, ok bool), zone *time.Location) []Review {
	s := signs{zone: zone, place: place}
	for _, r := range records {
		if r.Outcome != OutcomeUndone {
			s.all = append(s.all, r)
		}
	}
	slices.SortFunc(s.all, func(a, b Record) int {
		return cmp.Or(a.EnteredAt.Compare(b.EnteredAt), strings.Compare(a.No, b.No))
	})
	for _, r := range s.all {
		if r.Day == DayOf(r.EnteredAt, zone) && r.Late == "" {
			s.prompt = append(s.prompt, r)
		}
	}
	return slices.Concat(s.burst(), s.copied(), s.haste())
}

// signs is one person's day in the order of entering.
type signs struct {
	all    []Record
	prompt []Record // entered for the day itself
	zone   *time.Location
	place  func(string) (lon, lat float64, ok bool)
}

func (s signs) review(kind ReviewKind, of []Record, facts string) []Review {
	last := of[len(of)-1].EnteredAt
	r := Review{Kind: kind, UserID: of[0].UserID, Day: DayOf(last, s.zone), Facts: facts, State: ReviewOpen, At: last}
	for _, x := range of {
		r.Numbers = append(r.Numbers, x.No)
	}
	r.Key = ReviewKey(kind, r.UserID, r.Day)
	return []Review{r}
}

// ReviewKey is the key of the one flag of a kind for a person and a day.
func ReviewKey(kind ReviewKind, userID string, day Day) string {
	return string(kind) + "/" + userID + "/" + string(day)
}

// burst is the hour with the most elders; the earliest of those that are alike.
func (s signs) burst() []Review {
	var best []Record
	most, from := burstElders-1, 0
	seen := map[string]int{}
	for to, r := range s.prompt {
		seen[r.ElderID]++
		for ; r.EnteredAt.Sub(s.prompt[from].EnteredAt) > burstTime; from++ {
			if id := s.prompt[from].ElderID; seen[id] == 1 {
				delete(seen, id)
			} else {
				seen[id]--
			}
		}
		if len(seen) > most {
			most, best = len(seen), s.prompt[from:to+1]
		}
	}
	if best == nil {
		return nil
	}
	gaps := make([]time.Duration, 0, len(best))
	for i := 1; i < len(best); i++ {
		gaps = append(gaps, best[i].EnteredAt.Sub(best[i-1].EnteredAt))
	}
	slices.Sort(gaps)
	n := len(gaps)
	pace := "多数是同时记下的"
	if median := ((gaps[(n-1)/2] + gaps[n/2]) / 2).Round(time.Second); median > 0 {
		pace = "中间值" + inChinese(median) + "一次"
	}
	at := span(s.clock(best[0].EnteredAt), s.clock(best[n].EnteredAt))
	return s.review(ReviewBurst, best, fmt.Sprintf("%s 记了%d次,%s", at, len(best), pace))
}

// copied is the text written about the most elders; the earliest of those that are alike. It is not quoted: it may name
// somebody.
func (s signs) copied() []Review {
	var order []string
	by := map[string][]Record{}
	for _, r := range s.all {
		texts := []string{r.Note}
		for _, f := range r.Findings {
			if f.State != FindingWithdrawn {
				texts = append(texts, f.Note)
			}
		}
		for _, text := range texts {
			text = letters(text)
			was := by[text]
			switch {
			case len([]rune(text)) < copiedText, len(was) > 0 && was[len(was)-1].Key == r.Key:
				continue
			case len(was) == 0:
				order = append(order, text)
			}
			by[text] = append(was, r)
		}
	}
	most, best := copiedMost-1, ""
	for _, text := range order {
		elders := map[string]bool{}
		for _, r := range by[text] {
			elders[r.ElderID] = true
		}
		if len(elders) > most {
			most, best = len(elders), text
		}
	}
	if best == "" {
		return nil
	}
	return s.review(ReviewCopied, by[best], fmt.Sprintf("%d位老人写的是同一句话,%d个字", most, len([]rune(best))))
}

// letters is what is left of a text without blanks and punctuation, which the same hand varies.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' { // full width
			r -= 0xFEE0
		}
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
}

// haste are door visits one after the other that are too far apart for the time between their records. Records entered in one
// sitting say nothing about the way: whoever notes the day's visits in the evening enters them minutes apart, and did right.
func (s signs) haste() []Review {
	var of []Record
	pairs, near, far, quick, slow := 0, math.Inf(1), 0.0, time.Duration(math.MaxInt64), time.Duration(0)
	var was *Record
	for i := range s.prompt {
		r := &s.prompt[i]
		if r.Method != MethodDoor {
			continue
		}
		before := was
		was = r
		if before == nil {
			continue
		}
		took := r.EnteredAt.Sub(before.EnteredAt)
		way, ok := s.between(before.ElderID, r.ElderID)
		if !ok || took < hasteSit || way <= hasteSpeed*took.Hours() {
			continue
		}
		pairs++
		near, far, quick, slow = min(near, way), max(far, way), min(quick, took), max(slow, took)
		if len(of) == 0 || of[len(of)-1].Key != before.Key {
			of = append(of, *before)
		}
		of = append(of, *r)
	}
	if pairs < hastePairs {
		return nil
	}
	return s.review(ReviewHaste, of, fmt.Sprintf("%d处前后两次上门:相距%s公里,间隔%s分钟", pairs,
		span(int(math.Round(near)), int(math.Round(far))), span(int(quick.Minutes()), int(slow.Minutes()))))
}

// between is the straight way between two elders' homes in km.
func (s signs) between(a, b string) (km float64, ok bool) {
	lon1, lat1, ok1 := s.place(a)
	lon2, lat2, ok2 := s.place(b)
	const earth, rad = 6371, math.Pi / 180
	h := math.Pow(math.Sin((lat2-lat1)*rad/2), 2) + math.Cos(lat1*rad)*math.Cos(lat2*rad)*math.Pow(math.Sin((lon2-lon1)*rad/2), 2)
	return 2 * earth * math.Asin(math.Sqrt(min(1, h))), ok1 && ok2
}

func (s signs) clock(at time.Time) string {
	at = at.In(s.zone)
	return fmt.Sprintf("%d:%02d", at.Hour(), at.Minute())
}

func span[T comparable](from, to T) string {
	if from == to {
		return fmt.Sprint(from)
	}
	return fmt.Sprint(from, "–", to)
}

func inChinese(d time.Duration) string {
	m, sec := int(d/time.Minute), int(d%time.Minute/time.Second)
	switch {
	case m == 0:
		return fmt.Sprintf("%d秒", sec)
	case sec == 0:
		return fmt.Sprintf("%d分钟", m)
	}
	return fmt.Sprintf("%d分%d秒", m, sec)
}
