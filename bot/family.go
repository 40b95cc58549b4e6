package bot

import (
	"context"
	"slices"
	"strings"
	"time"

	"xunfang/bot/official"
	"xunfang/bot/sms"
	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/store"
)

// Families are the ways to the elders' children. Every one may be absent; the phone call is always there.
type Families struct {
	Kf       Kf
	Accounts []string // open_kfid: the first is the one that contact cards open
	Mass     Mass     // the helper's mass send
	SMS      sms.Provider
	SMSes    map[string]SMSTemplate // by purpose
	Official Official               // 服务号
	Door     *official.Door         // of its callback
	DoorPath string
	AppID    string
	Notices  map[string]Notice // by purpose
}

// SMSTemplate is a reviewed template of the provider and its variables.
type SMSTemplate struct {
	Code string
	Vars []string
}

// Notice is a template of the service account and what goes into its fields: when, where and what, by the words of flows.Spoken.
type Notice struct {
	Template string
	Fields   map[string]string // field of the template → name of a row
}

// family is what a relative's turn reads besides, or that of a member about a relative.
type family struct {
	acts    map[string][]ledger.Consent // by elder
	hidden  map[string]bool             // elders about whom nobody of the family may learn where and when
	words   []ledger.WordFile
	guessed int
	cards   map[string]int // guesses by card
	nicks   map[string]string
	went    map[string]bool // messages that went out, of those that carry words
	lines   []ledger.Line
}

// hiddenFor is how long after something that somebody of the family may be behind nobody of them learns where and when.
const hiddenFor = 365 * 24 * time.Hour

// hidden are the elders of whom MayHear must say less: somebody raised abuse or fraud, and it was no false alarm.
func (b *Bot) hidden(ctx context.Context, elders []string, now time.Time) (map[string]bool, error) {
	out := map[string]bool{}
	if len(elders) == 0 {
		return out, nil
	}
	files, err := b.Store.CasesOf(ctx, store.CaseFilter{Elders: elders, Kinds: []ledger.CaseKind{ledger.CaseAlarm}, Since: now.Add(-hiddenFor)})
	for _, f := range files {
		if ledger.AlarmOf(f.What).Hidden && f.State != ledger.CaseFalse && !f.Drill {
			out[f.ElderID] = true
		}
	}
	return out, err
}

// readFamily reads what a relative's turn is decided from. It reads the same whether or not anybody is bound.
func (b *Bot) readFamily(ctx context.Context, o *outlook, user string, s flows.State, in flows.Input) (f family, err error) {
	var elders []string
	for _, bond := range o.roster.Threads(user) {
		elders = append(elders, bond.ElderID)
	}
	handle := flows.Handle(s)
	// A card that opens nothing is read for like one that does, so that it takes as long.
	if f.acts, err = b.Store.ConsentsOf(ctx, append([]string{o.elderOf(handle)}, elders...)...); err != nil {
		return f, err
	}
	if f.hidden, err = b.hidden(ctx, elders, in.Now); err != nil {
		return f, err
	}
	if f.words, err = b.Store.WordsOf(ctx, store.WordFilter{Users: []string{user}, States: []ledger.WordState{ledger.WordOpen, ledger.WordSent}}); err != nil {
		return f, err
	}
	var carried []string
	for _, w := range f.words {
		if m := carrying(w); m != "" {
			carried = append(carried, m)
		}
	}
	if f.went, err = b.Store.Went(ctx, carried...); err != nil {
		return f, err
	}
	if f.lines, err = b.Store.LinesOf(ctx, user); err != nil {
		return f, err
	}
	f.cards = map[string]int{}
	if f.guessed, f.cards[handle], err = b.Store.Guesses(ctx, user, handle, in.Now.Add(-ledger.GuessesWithin)); err != nil {
		return f, err
	}
	if len(elders) > 0 {
		if o.entries, err = b.Store.Entries(ctx, elders, lastMonth(in.Today)); err != nil {
			return f, err
		}
		o.findings, err = b.Store.Findings(ctx, elders)
	}
	return f, err
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// lastMonth is the first day of the month before.
func lastMonth(today ledger.Day) ledger.Day {
	return ledger.MonthOf(ledger.MonthOf(today).First().Add(-1)).First()
}

// kin makes a relative's view.
func (o outlook) kin(user string, in flows.Input) flows.Family {
	f, r := o.family, o.roster
	out := flows.Family{Guessed: f.guessed, GuessedCard: func(handle string) int { return f.cards[handle] },
		Match:     func(handle, end string) (flows.Candidate, bool) { return o.match(handle, end, in.Today) },
		CardKnows: func(handle string) []flows.Person { return o.knows(r.Leaflet(handle).ElderID, in.Today) },
		CardElder: func(handle string) string { return o.called(r.Leaflet(handle).ElderID, in.Today) },
		Open:      f.words,
	}
	for _, w := range f.words { // the newest that reached them
		if m := carrying(w); w.State == ledger.WordOpen && m != "" && f.went[m] && w.Moved.After(out.Word.Moved) {
			out.Word = w
		}
	}
	for _, l := range f.lines { // 微信客服 itself stays: it is how they are answered, and says nothing of any elder
		if l.Channel != ledger.ChannelKf {
			out.Lines = append(out.Lines, l)
		}
	}
	for _, bond := range r.Threads(user) {
		if bond.State == ledger.BondAsked || bond.Holds(in.Today) {
			out.Ties = append(out.Ties, o.tie(bond, in))
		}
	}
	return out
}

// carrying is the message that brings a word to a relative's WeChat, and that nobody has answered yet; "" none does.
func carrying(w ledger.WordFile) string {
	for i := len(w.Log) - 1; i >= 0; i-- {
		switch t := w.Log[i]; {
		case t.Kind == ledger.TryHeard:
			return ""
		case t.Kind == ledger.TrySent && t.Channel == ledger.ChannelMass: // nobody knows whether the helper has sent it
			return ""
		case t.Kind == ledger.TrySent && t.Channel != ledger.ChannelCall:
			return t.Message
		}
	}
	return ""
}

// match is the relative whose number at a card's elder ends so. A card that opens nothing, a number that is dead and a relative whom
// the elder does not want to hear are all alike.
func (o outlook) match(handle, end string, today ledger.Day) (flows.Candidate, bool) {
	r := o.roster
	l, elder := r.Leaflet(handle), o.elderOf(handle)
	opens := l.Opens(today) && len(end) == 4 && !left(r, elder, today)
	var out flows.Candidate
	for _, k := range r.Kin(elder) {
		found := k.Dead == "" && !ledger.Blocked(o.family.acts[elder], k.Name) && len(k.Phone) >= 7 && strings.HasSuffix(k.Phone, end) && out.Kin == ""
		if found && opens {
			out = flows.Candidate{ElderID: elder, Kin: k.Name, Relation: k.Relation, Phone: k.Phone, Knows: o.knows(elder, today)}
		}
	}
	for _, b := range r.Bonds(elder) {
		if b.Kin == out.Kin && b.Holds(today) {
			out.Bound = append(out.Bound, b.User)
		}
	}
	return out, out.Kin != ""
}

// elderOf is the elder of a card or, where it is nobody's, any with a family: what is looked at for the one is looked at for the other.
func (o outlook) elderOf(handle string) string {
	if l := o.roster.Leaflet(handle); l.ElderID != "" {
		return l.ElderID
	}
	for _, e := range o.roster.Elders() {
		if len(o.roster.Kin(e.ID)) > 0 {
			return e.ID
		}
	}
	return ""
}

// called is an elder with all that tells two of one name apart, for who works here; "" nobody.
func (o outlook) called(elderID string, today ledger.Day) string {
	e, ok := o.roster.Elder(elderID)
	if !ok {
		return ""
	}
	x := o.bare(e, "", today)
	return x.Full()
}

// knows are who can say whether somebody is an elder's family: the helpers, else the visitors, else the village's lead.
func (o outlook) knows(elderID string, today ledger.Day) []flows.Person {
	e, ok := o.roster.Elder(elderID)
	if !ok {
		return nil
	}
	users := o.roster.Helping(elderID, today)
	if len(users) == 0 {
		users = o.roster.Visiting(elderID, today)
	}
	var out []flows.Person
	for _, u := range users {
		if p, ok := o.roster.Person(u); ok {
			out = append(out, flows.Person{UserID: u, Name: p.Name})
		}
	}
	for _, role := range []ledger.Role{ledger.RoleVillage, ledger.RoleTownship} {
		for _, p := range o.roster.Holders(role, e.Region, today) {
			if len(out) == 0 {
				out = append(out, flows.Person{UserID: p.UserID, Name: p.Name})
			}
		}
	}
	return out
}

// tie is one elder to one relative, with what they may hear of them.
func (o outlook) tie(bond ledger.Bond, in flows.Input) flows.Tie {
	r, today := o.roster, in.Today
	e, _ := r.Elder(bond.ElderID)
	standing, _ := r.Standing(bond.ElderID, today)
	acts := o.family.acts[bond.ElderID]
	t := flows.Tie{Bond: bond, Acts: acts, Hearing: ledger.MayHear(bond, acts, standing.Kind, o.family.hidden[bond.ElderID], today),
		Elder: o.bare(e, "", today), Place: r.At(e.Region, ledger.LevelVillage).Name, Urgent: o.urgent(bond.ElderID, today)}
	t.Elder.Away = standing
	for _, k := range r.Kin(bond.ElderID) {
		t.Kins = append(t.Kins, k.Name)
		if k.Name == bond.Kin {
			t.Kin = k
		}
	}
	t.Call = flows.Called(t.Kin.Relation, e.Gender)
	if t.Hearing.Status {
		for _, x := range o.entries {
			if x.ElderID == bond.ElderID && x.Day >= lastMonth(today) && x.Day <= today && x.Outcome != ledger.OutcomeUndone {
				t.Entries = append(t.Entries, x)
			}
		}
		slices.SortStableFunc(t.Entries, func(a, b ledger.Entry) int {
			return strings.Compare(string(b.Day)+b.No, string(a.Day)+a.No)
		})
		for _, x := range o.findings {
			if x.ElderID == bond.ElderID && x.State != ledger.FindingWithdrawn {
				t.Findings = append(t.Findings, x)
			}
		}
	}
	contact := func(users []string) flows.Contact {
		for _, u := range users {
			if p, ok := r.Person(u); ok {
				return flows.Contact{UserID: u, Name: p.Name, Phone: p.Phone}
			}
		}
		return flows.Contact{}
	}
	t.Visitor, t.Helper = contact(r.Visiting(bond.ElderID, today)), contact(r.Helping(bond.ElderID, today))
	if lead := r.Holders(ledger.RoleVillage, e.Region, today); len(lead) > 0 {
		t.Village = flows.Contact{UserID: lead[0].UserID, Name: lead[0].Name, Phone: lead[0].Phone}
	}
	for _, x := range r.Bonds(bond.ElderID) {
		if x.User != bond.User && x.Holds(today) {
			t.Others = append(t.Others, x.User)
		}
	}
	return t
}

// urgent says that an emergency of an elder is under way, or over and not yet followed by the visit it asks for: on a later day, since
// one of the day itself may have been before it.
func (o outlook) urgent(elderID string, today ledger.Day) bool {
	if o.family.hidden[elderID] { // whoever may be the cause of it notices nothing
		return false
	}
	if slices.ContainsFunc(o.cases.files, func(f ledger.CaseFile) bool {
		return f.ElderID == elderID && f.Kind == ledger.CaseAlarm && !f.Drill && !f.State.Over()
	}) {
		return true
	}
	d, _ := o.roster.Dossier(elderID)
	return slices.ContainsFunc(d.Follows, func(x ledger.Follow) bool {
		return x.From <= today && today <= x.To && !slices.ContainsFunc(o.entries, func(e ledger.Entry) bool {
			return e.ElderID == elderID && (e.Kind == ledger.KindVisit || e.Kind == ledger.KindHelp) && e.Outcome.Met() && e.Day > x.From
		})
	})
}

// mayTell says whether a word may still be said: asked once when it is decided and again when it goes out, so that a consent that
// was withdrawn counts before the next message in the queue (requirements §3 case 11).
func (o outlook) mayTell(w ledger.Word, today ledger.Day) bool {
	acts := o.family.acts[w.ElderID]
	standing, _ := o.roster.Standing(w.ElderID, today)
	gone := standing.Kind != "" && standing.Kind.Ends()
	if ledger.Blocked(acts, w.Kin) {
		return false
	}
	switch w.Purpose {
	case ledger.WordEmergency: // PIPL art. 13(4), 18: told at once, explained afterwards
		return !o.family.hidden[w.ElderID]
	case ledger.WordUrge, ledger.WordConfirm: // the family's duty (000 二(一)): of the elder they say no more than that
		return !gone
	}
	for _, bond := range o.roster.Bonds(w.ElderID) {
		if bond.Kin == w.Kin && (w.User == "" || bond.User == w.User) && bond.Holds(today) {
			return !gone && ledger.MayHear(bond, acts, standing.Kind, o.family.hidden[w.ElderID], today).Status
		}
	}
	return false
}

// outlookOf is an outlook with what decides about words to the families of some elders.
func (b *Bot) outlookOf(ctx context.Context, now time.Time, elders ...string) (outlook, error) {
	roster, err := b.Store.Roster(ctx)
	if err != nil {
		return outlook{}, err
	}
	today := ledger.DayOf(now, b.Zone)
	o := outlook{roster: roster, packs: b.Packs, pack: b.Packs.Main(today), names: b.indexes.of(roster), zone: b.Zone}
	if o.family.acts, err = b.Store.ConsentsOf(ctx, elders...); err != nil {
		return o, err
	}
	o.family.hidden, err = b.hidden(ctx, elders, now)
	return o, err
}

// wordView is a word as somebody who is to call sees it.
func (o outlook) wordView(f ledger.WordFile, user string, today ledger.Day) flows.WordView {
	e, _ := o.roster.Elder(f.ElderID)
	v := flows.WordView{WordFile: f, Elder: o.bare(e, user, today), Names: o.staff}
	v.Mine = f.Owner == user || slices.ContainsFunc(areas(o.roster, user, today), func(p ledger.Post) bool {
		return slices.Contains(o.roster.Path(e.Region), p.Region)
	})
	for _, k := range o.roster.Kin(f.ElderID) {
		switch {
		case k.Name == f.Kin:
			v.Kin = k
		case k.Phone != "" && k.Dead == "":
			v.Others = append(v.Others, k)
		}
	}
	return v
}

// staff is the name of somebody who works here.
func (o outlook) staff(user string) string {
	p, _ := o.roster.Person(user)
	return p.Name
}

// readKinship reads what a member's turn wants of families.
func (b *Bot) readKinship(ctx context.Context, o outlook, user string, in flows.Input) (f family, err error) {
	w := o.wants
	if !w.Kinship && !w.Mine && len(w.Bonds)+len(w.Words) == 0 {
		return f, nil
	}
	ids := o.concerned(user, in)
	if f.acts, err = b.Store.ConsentsOf(ctx, ids...); err != nil {
		return f, err
	}
	if f.hidden, err = b.hidden(ctx, ids, in.Now); err != nil {
		return f, err
	}
	if len(w.Words) > 0 {
		if f.words, err = b.Store.WordFiles(ctx, w.Words...); err != nil {
			return f, err
		}
	}
	if w.Mine {
		mine, err := b.Store.WordsOf(ctx, store.WordFilter{Owner: user, States: []ledger.WordState{ledger.WordOpen}})
		if err != nil {
			return f, err
		}
		f.words = append(f.words, mine...)
	}
	f.nicks = map[string]string{}
	var threads []string
	for _, id := range ids {
		for _, bond := range o.roster.Bonds(id) {
			threads = append(threads, bond.User)
		}
	}
	lines, err := b.Store.LinesOf(ctx, threads...)
	for _, l := range lines {
		if l.Channel == ledger.ChannelKf {
			f.nicks[l.User] = l.Nick
		}
	}
	return f, err
}

// concerned are the elders whose families a member's message may be about: those it names, those of its cases and bonds, and where the
// speaker's own calls are asked for, their everyday.
func (o outlook) concerned(user string, in flows.Input) []string {
	w := o.wants
	ids := slices.Clone(w.Elders)
	for _, key := range w.Bonds {
		id, _, _ := strings.Cut(key, "/")
		ids = append(ids, id)
	}
	for _, e := range o.named {
		ids = append(ids, e.ID)
	}
	for _, f := range o.cases.files {
		ids = append(ids, f.ElderID)
	}
	if w.Mine {
		ids = append(ids, o.roster.Bound(user, in.Today)...)
	}
	if w.KinOf != "" {
		for _, h := range o.found(w.KinOf, user, in.Today, mostHits) {
			ids = append(ids, h.ID)
		}
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == "" })
	slices.Sort(ids)
	return slices.Compact(ids)
}

// showFamilies fills in what a member's view says of families.
func (o outlook) showFamilies(v *flows.View, user string, in flows.Input) {
	r, f := o.roster, o.family
	seen := func(id string) bool { return r.May(user, id, in.Today).Sight > ledger.SightNone }
	bond := func(b ledger.Bond) flows.BondView {
		e, _ := r.Elder(b.ElderID)
		out := flows.BondView{Bond: b, Elder: o.bare(e, user, in.Today), Nick: f.nicks[b.User], Acts: f.acts[b.ElderID]}
		for _, k := range r.Kin(b.ElderID) {
			if k.Name == b.Kin {
				out.Kin = k
			}
		}
		return out
	}
	v.Bond = func(key string) (flows.BondView, bool) {
		id, thread, _ := strings.Cut(key, "/")
		for _, b := range r.Bonds(id) {
			if b.User == thread && seen(id) {
				return bond(b), true
			}
		}
		return flows.BondView{}, false
	}
	v.Kinship = func(id string) flows.Kinship {
		if !seen(id) && !slices.ContainsFunc(o.cases.files, func(c ledger.CaseFile) bool { return c.ElderID == id }) {
			return flows.Kinship{Hidden: true}
		}
		return flows.Kinship{Bonds: r.Bonds(id), Acts: f.acts[id], Hidden: f.hidden[id]}
	}
	v.Word = func(key string) (flows.WordView, bool) {
		for _, x := range f.words {
			if x.Key != key {
				continue
			}
			w := o.wordView(x, user, in.Today)
			called := slices.ContainsFunc(x.Log, func(t ledger.Try) bool { return t.To == user && t.Channel == ledger.ChannelCall })
			return w, called || w.Mine && seen(x.ElderID)
		}
		return flows.WordView{}, false
	}
	if !o.wants.Mine {
		return
	}
	for _, x := range f.words {
		if x.Owner == user && !x.State.Over() {
			v.Words = append(v.Words, o.wordView(x, user, in.Today))
		}
	}
	for _, id := range r.Bound(user, in.Today) {
		for _, b := range r.Bonds(id) {
			if b.State == ledger.BondAsked || b.Wants != "" && b.Holds(in.Today) {
				v.Bonds = append(v.Bonds, bond(b))
			}
		}
	}
}

// severed ends what hangs on bonds that a turn ends: the ways to their WeChat but 微信客服, and what is on its way to them.
func (b *Bot) severed(ctx context.Context, r *ledger.Roster, c *ledger.Changes) error {
	for _, e := range c.Edits {
		for _, x := range e.Book.Bonds {
			if x.State != ledger.BondEnded {
				continue
			}
			others := slices.ContainsFunc(r.Threads(x.User), func(o ledger.Bond) bool {
				return o.ElderID != x.ElderID && (o.State == ledger.BondVerified || o.State == ledger.BondAsked)
			})
			lines, err := b.Store.LinesOf(ctx, x.User)
			if err != nil {
				return err
			}
			for _, l := range lines {
				if l.Channel != ledger.ChannelKf && !others {
					c.Lines = append(c.Lines, ledger.Line{User: l.User, Channel: l.Channel, Account: l.Account, State: ledger.LineDead, Why: "登记解除了", At: b.Now()})
				}
			}
			open, err := b.Store.WordsOf(ctx, store.WordFilter{Users: []string{x.User}, Elders: []string{x.ElderID}, States: []ledger.WordState{ledger.WordOpen}})
			if err != nil {
				return err
			}
			for _, f := range open {
				if slices.ContainsFunc(c.Words, func(s ledger.WordStep) bool { return s.Word.Key == f.Key }) {
					continue
				}
				step := f.Step()
				step.Word.State, step.Word.Due, step.Word.Moved = ledger.WordDropped, time.Time{}, b.Now()
				c.Words = append(c.Words, step)
			}
		}
	}
	return nil
}
