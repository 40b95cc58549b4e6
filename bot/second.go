package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vitali-fedulov/images4"

	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/store"
)

// second looks a second time at what people entered: it writes down the signs that deserve it and asks each person about their
// own, once and nobody else (requirements §3 case 18). Whether anything is to be said about it is the township's to decide.
//
// What it has looked at is found anew from the ledger, and reviews and questions have keys: so it may be broken off, begin
// again, and run in two processes at once.
type second struct {
	bot    *Bot
	looked map[personDay]string // what a day held when it was looked at here: only what has changed is worth another look
}

type personDay struct {
	user string
	day  ledger.Day
}

const (
	secondEvery = 5 * time.Minute
	secondBack  = 26 * time.Hour       // and the whole of that day: so long may a message wait for its turn
	secondQuiet = 10 * time.Minute     // nobody is asked in the middle of their work
	secondMost  = 500_000              // records read at once: more than a county enters in those days
	photoMemory = 400 * 24 * time.Hour // this winter's photos meet the last one's
	photoBatch  = 200
)

func newSecond(b *Bot) *second { return &second{bot: b, looked: map[personDay]string{}} }

func (s *second) run(ctx context.Context) {
	tick := time.NewTicker(secondEvery)
	defer tick.Stop()
	for {
		if err := s.look(ctx); err != nil && ctx.Err() == nil {
			s.bot.Log.Error("no second look", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *second) look(ctx context.Context) error {
	roster, err := s.bot.Store.Roster(ctx)
	if err != nil {
		return err
	}
	if err := s.records(ctx, roster); err != nil {
		return err
	}
	return s.photos(ctx, roster)
}

// records looks at the days on which something has changed.
func (s *second) records(ctx context.Context, roster *ledger.Roster) error {
	b, now := s.bot, s.bot.Now()
	from := ledger.DayOf(now.Add(-secondBack), b.Zone)
	entries, err := b.Store.Entered(ctx, from.In(b.Zone), secondMost)
	if err != nil {
		return err
	}
	days := map[personDay][]ledger.Record{}
	for _, e := range entries {
		k := personDay{e.UserID, ledger.DayOf(e.EnteredAt, b.Zone)}
		days[k] = append(days[k], ledger.Record{Entry: e})
	}
	marks := map[personDay]string{}
	var problems []string
	for k, records := range days {
		mark := markOf(records)
		if mark == s.looked[k] || now.Sub(records[len(records)-1].EnteredAt) < secondQuiet {
			delete(days, k)
			continue
		}
		marks[k] = mark
		for _, r := range records {
			if r.Outcome == ledger.OutcomeProblem {
				problems = append(problems, r.ElderID)
			}
		}
	}
	slices.Sort(problems)
	findings, err := b.Store.Findings(ctx, slices.Compact(problems))
	if err != nil {
		return err
	}
	found := map[string][]ledger.Finding{}
	for _, f := range findings {
		found[f.EntryKey] = append(found[f.EntryKey], f)
	}
	place := func(id string) (lon, lat float64, ok bool) {
		e, _ := roster.Elder(id)
		return e.Lon, e.Lat, e.Lon != 0 && e.Lat != 0
	}
	var signs []ledger.Review
	for _, records := range days {
		for i := range records {
			records[i].Findings = found[records[i].Key]
		}
		signs = append(signs, ledger.Signs(records, place, b.Zone)...)
	}
	if err := s.write(ctx, roster, signs); err != nil {
		return err
	}
	maps.Copy(s.looked, marks)
	maps.DeleteFunc(s.looked, func(k personDay, _ string) bool { return k.day < from })
	return nil
}

// markOf tells one state of a day's records from another: each change of a record is a version.
func markOf(records []ledger.Record) string {
	versions := 0
	for _, r := range records {
		versions += r.Version
	}
	return fmt.Sprint(len(records), "/", versions)
}

// write makes reviews true, each with the question to the person.
func (s *second) write(ctx context.Context, roster *ledger.Roster, reviews []ledger.Review) error {
	b := s.bot
	today := ledger.DayOf(b.Now(), b.Zone)
	slices.SortFunc(reviews, func(x, y ledger.Review) int { return strings.Compare(x.Key, y.Key) })
	for _, r := range reviews {
		c := ledger.Changes{Reviews: []ledger.Review{r}}
		if slices.ContainsFunc(roster.Posts(r.UserID), func(p ledger.Post) bool { return p.Holds(today) }) { // nobody else is known here
			card := flows.AskWhy(r, today, b.Zone)
			c.Messages = []ledger.Message{{Key: "ask/" + r.Key, To: r.UserID, Priority: ledger.PriorityReminder, Card: &card}}
		}
		var err error
		if c.Messages, err = b.render(c.Messages); err != nil {
			return err
		}
		if err := b.Store.Commit(ctx, store.Turn{Changes: c}); err != nil {
			return fmt.Errorf("write a review: %w", err)
		}
	}
	return nil
}

// picture is a photo with the record it belongs to.
type picture struct {
	of   ledger.Entry
	home string // of the elder, "" not known
	hash string
	icon images4.IconT
}

// photos compares new photos with what the same person sent before. A day's review is made of all the day's photos, so that it
// is the same whenever it is made.
func (s *second) photos(ctx context.Context, roster *ledger.Roster) error {
	b := s.bot
	for {
		fresh, err := b.Store.Uncompared(ctx, photoBatch)
		fresh = slices.DeleteFunc(fresh, func(p ledger.Photo) bool { return b.Now().Sub(p.At) < secondQuiet })
		if err != nil || len(fresh) == 0 {
			return err
		}
		by := map[string][]ledger.Photo{}
		keys := make([]string, len(fresh))
		for i, p := range fresh {
			by[p.UserID] = append(by[p.UserID], p)
			keys[i] = p.Key
		}
		var signs []ledger.Review
		for user, photos := range by {
			pictures, err := s.pictures(ctx, roster, user)
			if err != nil {
				return err
			}
			days := map[ledger.Day]bool{}
			for _, p := range photos {
				if x, ok := pictures[p.Key]; ok {
					days[ledger.DayOf(x.of.EnteredAt, b.Zone)] = true
				}
			}
			all := slices.Collect(maps.Values(pictures))
			for day := range days {
				signs = append(signs, reused(all, day, b.Zone)...)
			}
		}
		if err := s.write(ctx, roster, signs); err != nil {
			return err
		}
		if err := b.Store.Compared(ctx, keys...); err != nil {
			return err
		}
	}
}

// pictures are a person's by photo.
func (s *second) pictures(ctx context.Context, roster *ledger.Roster, user string) (map[string]picture, error) {
	since := s.bot.Now().Add(-photoMemory)
	photos, err := s.bot.Store.Pictured(ctx, user, since)
	if err != nil {
		return nil, err
	}
	entries, err := s.bot.Store.Logged(ctx, user, since)
	if err != nil {
		return nil, err
	}
	of := make(map[string]ledger.Entry, len(entries))
	for _, e := range entries {
		of[e.Key] = e
	}
	out := make(map[string]picture, len(photos))
	for _, p := range photos {
		e, mine := of[p.EntryKey]
		icon, ok := iconOf(p.Look)
		if !mine || !ok {
			continue
		}
		x := picture{of: e, hash: p.Hash, icon: icon}
		if elder, ok := roster.Elder(e.ElderID); ok && elder.Address != "" {
			x.home = elder.Region + "/" + elder.Address
		}
		out[p.Key] = x
	}
	return out, nil
}

// reused says which records of a day have a photo that belongs to another record, too. Two elders under one roof may share the
// day's photo.
func reused(all []picture, day ledger.Day, zone *time.Location) []ledger.Review {
	records := map[string]ledger.Entry{}
	hashes := map[string]bool{}
	same := true // to the byte
	for _, p := range all {
		if ledger.DayOf(p.of.EnteredAt, zone) != day {
			continue
		}
		for _, q := range all {
			later := ledger.DayOf(q.of.EnteredAt, zone) > day // that day has a review of its own
			together := p.of.Day == q.of.Day && p.home == q.home && p.home != ""
			if p.of.Key == q.of.Key || later || together || !alike(p.icon, q.icon) {
				continue
			}
			records[p.of.Key], records[q.of.Key] = p.of, q.of
			hashes[p.hash] = true
			same = same && p.hash == q.hash
		}
	}
	if len(records) == 0 {
		return nil
	}
	list := slices.SortedFunc(maps.Values(records), func(a, b ledger.Entry) int {
		if c := a.EnteredAt.Compare(b.EnteredAt); c != 0 {
			return c
		}
		return strings.Compare(a.No, b.No)
	})
	last := list[len(list)-1]
	r := ledger.Review{Kind: ledger.ReviewReused, UserID: last.UserID, Day: day, State: ledger.ReviewOpen, At: last.EnteredAt}
	r.Key = ledger.ReviewKey(r.Kind, r.UserID, day)
	for _, e := range list {
		r.Numbers = append(r.Numbers, e.No)
	}
	switch n := len(list); {
	case !same:
		r.Facts = fmt.Sprintf("%d次巡访里有几乎一样的照片:", n)
	case len(hashes) == 1:
		r.Facts = fmt.Sprintf("一张照片用在%d次巡访:", n)
	default:
		r.Facts = fmt.Sprintf("%d张照片用在%d次巡访:", len(hashes), n)
	}
	const most = 5
	r.Facts += strings.Join(r.Numbers[:min(most, len(r.Numbers))], "、")
	if len(r.Numbers) > most {
		r.Facts += "等"
	}
	return []ledger.Review{r}
}

// reviews are those of the open ones that somebody may look at: a township lead sees what is about people posted in the township,
// the county sees all. Nobody looks at what is about themselves; for a lead who visits, the county does.
func (o outlook) reviews(user string, today ledger.Day) []flows.Review {
	var out []flows.Review
	for _, r := range o.signs {
		if r.UserID == user || !o.overlooks(user, today, r) {
			continue
		}
		x := flows.Review{Key: r.Key, Kind: r.Kind, Who: r.UserID, Day: r.Day, Facts: r.Facts, Answer: r.Answer, Numbers: r.Numbers}
		if p, ok := o.roster.Person(r.UserID); ok {
			x.Who = p.Name
		}
		out = append(out, x)
	}
	return out
}

func (o outlook) overlooks(user string, today ledger.Day, r ledger.Review) bool {
	return slices.ContainsFunc(o.roster.Posts(user), func(p ledger.Post) bool {
		if !p.Holds(today) || p.Role != ledger.RoleTownship && p.Role != ledger.RoleCounty {
			return false
		}
		return p.Role == ledger.RoleCounty || slices.ContainsFunc(o.roster.Posts(r.UserID), func(q ledger.Post) bool {
			return q.Holds(r.Day) && slices.Contains(o.roster.Path(q.Region), p.Region)
		})
	})
}
