package bot

import (
	"context"
	"errors"
	"slices"

	"xunfang/flows"
	"xunfang/flows/understand"
	"xunfang/ledger"
	"xunfang/ledger/names"
	"xunfang/store"
)

// sight finds the elders a sentence may be about: those the speaker may see, and those who were theirs a few days ago, whose
// visits they may still enter.
type sight struct {
	o     outlook
	user  string
	today ledger.Day
	late  []string
}

// mostMeant is how many elders a name in a sentence may mean; all of them are candidates.
const mostMeant = 40

func (s sight) Find(said string) []names.Hit {
	hits := s.o.found(said, s.user, s.today, mostMeant)
	if len(s.late) > 0 {
		hits = better(hits, s.o.names.Among(said, s.late, mostMeant), mostMeant)
	}
	return hits
}

func (s sight) Elder(id string, on ledger.Day) understand.Elder {
	e, _ := s.o.roster.Elder(id)
	return understand.Elder{Name: e.Name, Age: e.Birth.Age(on)}
}

// read says what a typed text means to the speaker, and what it means as a further word about an elder, if one is given.
// Nobody who is not known is told who exists.
func (b *Bot) read(o outlook, user, about string, in flows.Input) (said, added []understand.Part) {
	if in.Kind != flows.Text || flows.Command(in.Text) {
		return nil, nil
	}
	if ledger.IsKf(user) {
		return b.Reader.Parts(flows.OfElder(in.Text), in.Today, nobody{}), nil
	}
	s := sight{o: o, user: user, today: in.Today}
	if !known(o.roster, user, in.Today) {
		return b.Reader.Parts(in.Text, in.Today, nobody{}), nil
	}
	for _, e := range o.roster.Handed(user, in.Today) {
		s.late = append(s.late, e.ID)
	}
	if e, ok := o.roster.Elder(about); ok && o.roster.May(user, about, in.Today).Sight > ledger.SightNone {
		added = []understand.Part{{Text: in.Text, Reading: b.Reader.Read(e.Name+" "+in.Text, in.Today, s)}}
	}
	return b.Reader.Parts(in.Text, in.Today, s), added
}

// nobody is the sight of a stranger.
type nobody struct{}

func (nobody) Find(string) []names.Hit                   { return nil }
func (nobody) Elder(string, ledger.Day) understand.Elder { return understand.Elder{Age: -1} }

func known(r *ledger.Roster, user string, today ledger.Day) bool {
	return slices.ContainsFunc(r.Posts(user), func(p ledger.Post) bool { return p.Holds(today) })
}

// about fills in the elders of the everyday, and those a sentence or the conversation names besides, as far as the speaker
// may see them or enter what was theirs.
func (o *outlook) about(user string, in flows.Input) {
	o.wants.Alarms = o.wants.Alarms || ledger.IsKf(user) // how an elder is, last week's visit does not say while somebody runs to them
	o.elders, o.named = reach(o.roster, user, in.Today), nil
	ids := slices.Clone(o.wants.Elders)
	for _, p := range in.View.Said {
		ids = append(ids, p.Reading.Elders...)
	}
	for _, r := range o.logs {
		if r.Key == o.wants.Record || r.No == o.wants.Record {
			ids = append(ids, r.ElderID)
		}
	}
	for _, id := range ids {
		same := func(e ledger.Elder) bool { return e.ID == id }
		if slices.ContainsFunc(o.elders, same) || slices.ContainsFunc(o.named, same) {
			continue
		}
		if a := o.roster.May(user, id, in.Today); a.Sight > ledger.SightNone || a.Late {
			if e, ok := o.roster.Elder(id); ok && !left(o.roster, id, in.Today) {
				o.named = append(o.named, e)
			}
		}
	}
}

// loggedDays is how far back one's own records are offered to be mended; older ones are asked for by number.
const loggedDays = 31

// listed is a record the speaker may ask for, whole where what hangs on it was read with it.
type listed struct {
	ledger.Record
	whole bool
}

// logged reads the records the speaker may mend: their own of late, newest first, and the one asked for by number or key.
func (b *Bot) logged(ctx context.Context, o outlook, user string, in flows.Input) ([]listed, error) {
	if !o.wants.Logged {
		return nil, nil
	}
	entries, err := b.Store.Logged(ctx, user, in.Now.AddDate(0, 0, -loggedDays))
	if err != nil {
		return nil, err
	}
	slices.Reverse(entries)
	asked := func(e ledger.Entry) bool { return e.Key == o.wants.Record || e.No == o.wants.Record }
	var out []listed
	read := 0
	for _, e := range entries {
		l := listed{Record: ledger.Record{Entry: e}}
		if read < recordsRead && e.Outcome != ledger.OutcomeUndone || asked(e) {
			read++
			if l, err = b.whole(ctx, e.Key); err != nil {
				return nil, err
			}
		}
		out = append(out, l)
	}
	if o.wants.Record == "" || slices.ContainsFunc(entries, asked) {
		return out, nil
	}
	key := o.wants.Record
	if e, err := b.Store.EntryNo(ctx, key); err == nil {
		key = e.Key
	} else if !errors.Is(err, store.ErrUnknown) {
		return nil, err
	}
	l, err := b.whole(ctx, key)
	if errors.Is(err, store.ErrUnknown) { // neither a number nor a key
		return out, nil
	}
	return append(out, l), err
}

func (b *Bot) whole(ctx context.Context, key string) (listed, error) {
	r, err := b.Store.Record(ctx, key)
	return listed{r, true}, err
}

// recordsRead is how many of the newest records that stand are read with all that hangs on them: those a card offers, and all
// of one message, which can be undone together.
const recordsRead = flows.MostPiled

// readable are records the speaker may read, and whether they may mend them: their own while the elder is or was just theirs,
// anybody's where they may reopen.
func (o outlook) readable(user string, today ledger.Day) []flows.Logged {
	var out []flows.Logged
	for _, r := range o.logs {
		e, ok := o.roster.Elder(r.ElderID)
		a := o.roster.May(user, r.ElderID, today)
		own := r.UserID == user && a.Late
		if ok && (a.Sight > ledger.SightNone || own) {
			by, _ := o.roster.Person(r.UserID)
			out = append(out, flows.Logged{Record: r.Record, Elder: o.bare(e, user, today), By: by.Name, Mine: a.Reopen || r.UserID == user, Whole: r.whole})
		}
	}
	return out
}
