package bot

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"encoding/json"

	"github.com/google/go-cmp/cmp"

	"xunfang/flows"
	"xunfang/ledger"
	"xunfang/ledger/names"
	"xunfang/ledger/papers"
	"xunfang/scheduler"
)

// The golden conversations stand in flows/testdata. `@` sets clock, speaker and pack, `>` is what a person does, everything
// else is what came of it: `<` a message, `~` what the tapped card turned into, `!` a record. Each file is played twice:
// here by calling flows alone, and in callback_test.go through the real callback, encrypted, on both databases.
// Write only the `@` and `>` lines, run `go test ./bot -run TestGolden -update`, and read the diff.
var update = flag.Bool("update", false, "rewrite the golden conversations")

var beijing = time.FixedZone("Asia/Shanghai", 8*3600)

// outcome is one thing that came of a person's act.
type outcome struct {
	to     string // "" for a record
	update bool
	call   bool // rung up
	text   string
	card   *ledger.Card
	record string
}

// world is what a script is played in.
type world interface {
	begin(t *testing.T, pack string, at time.Time)
	clock(at time.Time)
	say(user, text string)
	menu(user, key string)
	tap(user, task, button string, picks map[string][]string)
	photo(user string)
	voice(user string)
	place(user string)
	calendar()              // look at the calendar now, whatever minute everybody has of their own
	ladder()                // look at the ladders
	scan(user, card string) // a relative opens the link of an elder's contact card, newest: A03, old: A03旧, a forged one: 假
	take() []outcome
}

// player plays scripts and keeps the cards a person could tap.
type player struct {
	w     world
	cards map[string][]ledger.Card // by userid, oldest first
	user  string
	at    time.Time
}

func scripts(t *testing.T) []string {
	files, err := filepath.Glob("../flows/testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden conversations found: %v", err)
	}
	return files
}

func play(t *testing.T, w world, file string) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &player{w: w, cards: map[string][]ledger.Card{}}
	var got strings.Builder
	for i, line := range strings.Split(strings.TrimSuffix(string(want), "\n"), "\n") {
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			got.WriteString(line + "\n")
		case strings.HasPrefix(line, "@ "):
			got.WriteString(line + "\n")
			p.set(t, strings.Fields(line)[1:])
		case strings.HasPrefix(line, "> "):
			got.WriteString(line + "\n")
			if err := p.act(strings.TrimPrefix(line, "> ")); err != nil {
				t.Log(got.String())
				t.Fatalf("%s:%d: %v", file, i+1, err)
			}
			got.WriteString(p.show(w.take()))
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// set takes `@ 2026-03-11 10:00 wangfang [yongning]`, `@ +31m` or `@ lixia`.
func (p *player) set(t *testing.T, words []string) {
	switch {
	case strings.HasPrefix(words[0], "+"):
		d, err := time.ParseDuration(words[0][1:])
		if err != nil {
			t.Fatal(err)
		}
		p.at = p.at.Add(d)
		p.w.clock(p.at)
	case len(words) == 1:
		p.user = words[0]
	default:
		at, err := time.ParseInLocation("2006-01-02 15:04", words[0]+" "+words[1], beijing)
		if err != nil {
			t.Fatal(err)
		}
		first := p.at.IsZero()
		p.at, p.user = at, words[2]
		if first {
			pack := "yongning"
			if len(words) > 3 {
				pack = words[3]
			}
			p.w.begin(t, pack, at)
		}
		p.w.clock(at)
	}
}

// act does what one `>` line says.
func (p *player) act(line string) error {
	switch {
	case strings.HasPrefix(line, "(菜单)"):
		name := strings.TrimPrefix(line, "(菜单)")
		for _, e := range flows.Menu {
			for _, m := range append(e.Sub, e) {
				if m.Name == name {
					p.w.menu(p.user, m.Key)
					return nil
				}
			}
		}
		return fmt.Errorf("no menu entry %s", name)
	case line == "(照片)":
		p.w.photo(p.user)
	case line == "(语音)":
		p.w.voice(p.user)
	case line == "(位置)":
		p.w.place(p.user)
	case line == "(日历)":
		p.w.calendar()
	case strings.HasPrefix(line, "(扫卡"):
		p.w.scan(p.user, strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(line, "(扫卡"), ")")))
	case line == "(梯子)":
		p.w.ladder()
	case strings.HasPrefix(line, "(旧卡)["):
		return p.tap(strings.TrimPrefix(line, "(旧卡)"), true)
	case strings.HasPrefix(line, "["), strings.HasPrefix(line, "▢"):
		return p.tap(line, false)
	default:
		p.w.say(p.user, strings.ReplaceAll(line, `\n`, "\n"))
	}
	return nil
}

// tap finds the newest card (or the oldest) that offers what the line names: `[按钮]`, `[按钮] ▢ 选项`, or `▢ 选项 · 选项` for
// a card with a submit button.
func (p *player) tap(line string, oldest bool) error {
	button, opts, _ := strings.Cut(line, "▢")
	button = strings.Trim(strings.TrimSpace(button), "[]")
	var names []string
	for _, o := range strings.Split(opts, "·") {
		if o = strings.TrimSpace(o); o != "" {
			names = append(names, o)
		}
	}
	cards := slices.Clone(p.cards[p.user])
	if !oldest {
		slices.Reverse(cards)
	}
	for _, c := range cards {
		if key, picks, ok := match(c, button, names); ok {
			p.w.tap(p.user, c.Task, key, picks)
			return nil
		}
	}
	return fmt.Errorf("no card offers %s", line)
}

func match(c ledger.Card, button string, names []string) (key string, picks map[string][]string, ok bool) {
	choices := slices.Clone(c.Selects)
	if c.Checks != nil {
		choices = append(choices, *c.Checks)
	}
	if c.Drop != nil {
		choices = append(choices, *c.Drop)
	}
	picks = map[string][]string{}
	used := 0
	for _, ch := range choices {
		picks[ch.Key] = slices.Clone(ch.Picked)
		var ids []string
		for _, n := range names {
			for _, o := range ch.Options {
				if strings.HasPrefix(o.Text, n) || strings.HasSuffix(o.Text, "·"+n) {
					ids = append(ids, o.ID)
					break
				}
			}
		}
		if len(ids) > 0 {
			used += len(ids)
			picks[ch.Key] = ids
		}
	}
	if used != len(names) {
		return "", nil, false
	}
	if button == "" && c.Submit.Key != "" {
		return c.Submit.Key, picks, true
	}
	for _, b := range c.Buttons {
		if b.Text == button {
			return b.Key, picks, true
		}
	}
	return "", nil, false
}

// show writes outcomes down, the speaker's first, and remembers the cards.
func (p *player) show(outs []outcome) string {
	sort.SliceStable(outs, func(i, j int) bool {
		return rank(outs[i], p.user) < rank(outs[j], p.user)
	})
	var b strings.Builder
	for _, o := range outs {
		if o.record != "" {
			b.WriteString("! " + thread.ReplaceAllString(o.record, "kf") + "\n")
			continue
		}
		mark := "< "
		if o.update {
			mark = "~ "
		}
		if o.to != p.user {
			mark += "(" + o.to + ") "
		}
		lines := strings.Split(o.text, "\n")
		switch {
		case o.call:
			lines = []string{"(电话)"}
		case o.card != nil:
			lines = cardLines(*o.card)
			if child(o.to) { // a menu of WeChat has a head and a tail, and no rows
				lines = strings.Split(strings.Join(lines, "\n"), "\n")
			}
			if !o.update || o.card.Done == "" && len(o.card.Buttons) > 0 {
				p.cards[o.to] = append(p.cards[o.to], *o.card)
			}
		}
		for i, l := range lines {
			if i == 0 {
				b.WriteString(mark + l + "\n")
			} else {
				b.WriteString("  " + l + "\n")
			}
		}
	}
	return b.String()
}

func rank(o outcome, user string) string {
	switch {
	case o.record != "":
		return "3" + o.record
	case o.to == user && o.update:
		return "0"
	case o.to == user:
		return "1"
	case o.call: // no telling when it rang between two messages
		return "2" + o.to + "~"
	}
	return "2" + o.to
}

func cardLines(c ledger.Card) []string {
	var out []string
	for _, s := range []string{c.Title, c.Desc} {
		if s != "" {
			out = append(out, s)
		}
	}
	for _, r := range c.Rows {
		out = append(out, r.Name+":"+r.Value)
	}
	if c.Sub != "" {
		out = append(out, strings.Split(c.Sub, "\n")...)
	}
	choice := func(ch ledger.Choice) {
		var names []string
		for _, o := range ch.Options {
			name := o.Text
			if slices.Contains(ch.Picked, o.ID) {
				name = "●" + name
			}
			names = append(names, name)
		}
		title := "▢ "
		if ch.Title != "" {
			title += ch.Title + ":"
		}
		out = append(out, title+strings.Join(names, " / "))
	}
	for _, s := range c.Selects {
		choice(s)
	}
	if c.Checks != nil {
		choice(*c.Checks)
	}
	if c.Drop != nil {
		choice(*c.Drop)
	}
	var buttons []string
	for _, b := range c.Buttons {
		buttons = append(buttons, "["+b.Text+"]")
	}
	if c.Submit.Text != "" {
		buttons = append(buttons, "["+c.Submit.Text+"]")
	}
	if c.Done != "" {
		buttons = []string{"(" + c.Done + ")"}
	}
	if len(buttons) > 0 {
		out = append(out, strings.Join(buttons, " "))
	}
	return out
}

// child says that somebody of a script is a relative, on WeChat.
func child(user string) bool { return strings.HasPrefix(user, "child") }

// brought writes down what became of a word to a relative: the tries that are new, and how it ended.
func brought(was, now ledger.WordFile) []string {
	var out []string
	what := fmt.Sprintf("word %s %s %s", now.Purpose, now.ElderID, now.Kin)
	for _, t := range now.Log[len(was.Log):] {
		out = append(out, strings.Join(strings.Fields(fmt.Sprintf("%s %d %s %s %s %s", what, t.N, t.Channel, t.Kind, t.To, t.Text)), " "))
	}
	if now.State != was.State && now.State.Over() {
		out = append(out, what+" → "+string(now.State))
	}
	return out
}

// acted writes down an act of consent.
func acted(c ledger.Consent) string {
	verb := "gives"
	if !c.Given {
		verb = "withdraws"
	}
	return strings.Join(strings.Fields(fmt.Sprintf("consent %s %s %s %s %s %s %s", c.ElderID, c.Kin, verb, c.Purpose, c.For, c.Channel, c.Text)), " ")
}

// family says that an act of consent is one of a script's relatives, or about one.
func ofFamily(c ledger.Consent) bool { return c.For != "" || c.Witness == ledger.ByFamily }

// thread is a relative's WeChat in a record: another in each world.
var thread = regexp.MustCompile(`kf:[0-9a-f]{28}`)

// records writes changes down.
func records(c ledger.Changes) []string {
	var out []string
	for _, e := range c.Entries {
		s := fmt.Sprintf("%s %s %s %s %s %s by %s", e.Kind, e.No, e.ElderID, e.Day, e.Method, e.Outcome, e.UserID)
		if e.RoomTemp != nil {
			s += fmt.Sprintf(" %d°C", *e.RoomTemp)
		}
		if e.Note != "" {
			s += " 原话:" + e.Note
		}
		if e.Pressure != "" {
			s += " 血压" + e.Pressure
		}
		if e.Company != "" {
			s += " 同去:" + e.Company
		}
		if e.Late != "" {
			s += " 补录:" + e.Late
		}
		if e.Whom != "" {
			s += " 家属:" + e.Whom
		}
		if e.Looked {
			s += " 都看了"
		}
		if e.Waiver != "" {
			s += " 无照片:" + e.Waiver
		}
		out = append(out, s)
	}
	for _, a := range c.Amended {
		out = append(out, strings.TrimSpace(fmt.Sprintf("amend %s v%d %s %s %s by %s %s", a.Now.No, a.Now.Version, a.Now.Day, a.Now.Method, a.Now.Outcome, a.By, a.Why)))
		for _, f := range a.Findings {
			out = append(out, fmt.Sprintf("amend %s finds %s %s: %s", a.Now.No, f.Item, f.State, f.Note))
		}
	}
	for _, f := range c.Findings {
		out = append(out, fmt.Sprintf("finding %s %s %s owner %s: %s", f.ElderID, f.Item, f.State, f.Owner, f.Note))
	}
	for _, f := range c.Facts {
		out = append(out, strings.TrimSpace(fmt.Sprintf("fact %s %s %s %s", f.ElderID, f.Field, f.Result, f.Value)))
	}
	for _, s := range c.Cases {
		out = append(out, happened(s.Case, s.Events)...)
	}
	return out
}

// happened writes down the lines of a case's timeline.
func happened(x ledger.Case, events []ledger.Event) []string {
	var out []string
	for _, e := range events {
		who := e.By
		if e.To != "" {
			who += "→" + e.To
		}
		out = append(out, strings.Join(strings.Fields(fmt.Sprintf("%s %d %s %s %s%s %s", x.No, e.N, e.Kind, who, e.Level, e.Dept, e.Text)), " "))
	}
	return out
}

// edits writes down what became of elders' entries, imports aside.
func edits(steps []ledger.Step) []string {
	var out []string
	for _, s := range steps {
		for _, c := range s.Changes {
			if s.By != ledger.ByImport {
				out = append(out, strings.Join(strings.Fields(fmt.Sprintf("ledger %s %s.%s %s → %s by %s: %s", c.ElderID, c.Table, c.Field, c.Was, c.Now, s.By, s.Why)), " "))
			}
		}
	}
	return out
}

// pure plays a script by calling flows alone. The state goes through JSON between messages, so that a state that cannot be
// written down cannot pass.
type pure struct {
	t      *testing.T
	o      outlook
	now    time.Time
	states map[string][]byte
	bound  map[string]string
	n      int
	outs   []outcome
	looks  []ledger.Look      // newest first
	steps  []ledger.Step      // newest first
	amends []ledger.Amendment // oldest first
	told   []ledger.Notice
	files  []ledger.CaseFile
	alarms int64
	cards  map[string]string // task by the key of the message that brought the card
	used   map[string]bool   // messages whose card was changed: one code is good for one update
	kin    kinWorld
}

// kinWorld is what a script keeps of relatives.
type kinWorld struct {
	words   []ledger.WordFile
	acts    map[string][]ledger.Consent
	guesses []ledger.Guess
	heard   map[string]time.Time
	sends   map[string][]time.Time
	alias   map[string]string // of a thread
}

const testKf = "wktest0000000001"

// id is the user of somebody in a script.
func (w *pure) id(user string) string {
	if !child(user) {
		return user
	}
	id := ledger.KfUser(testKf, user)
	w.kin.alias[id] = user
	return id
}

// handles are made without a key here, as long as the store's.
func (w *pure) Handle(of string) string { return ledger.KfScene(ledger.KfUser("handle", of))[:10] }

func (w *pure) paper(l ledger.Leaflet) (png []byte, words string) { return []byte("png"), "联系卡" }

func (w *pure) scan(user, card string) {
	in := flows.Input{Kind: flows.Enter, Greet: fmt.Sprintf("greet%d", w.n)}
	if w.kin.heard[w.id(user)].After(w.now.Add(-48 * time.Hour)) {
		in.Greet = ""
	}
	all := w.o.roster.Leaflets(strings.TrimSuffix(card, "旧"))
	if len(all) > 0 && strings.HasSuffix(card, "旧") {
		in.Text = all[0].Handle
	} else if len(all) > 0 {
		slices.SortStableFunc(all, func(a, b ledger.Leaflet) int { return strings.Compare(string(b.Revoked), string(a.Revoked)) })
		for _, l := range all {
			if l.Revoked == "" {
				in.Text = l.Handle
			}
		}
	}
	w.advance(user, in)
}

// family is what the store would say of families.
func (w *pure) family(user string, s flows.State, now time.Time) family {
	f := family{acts: w.kin.acts, hidden: map[string]bool{}, cards: map[string]int{}, nicks: map[string]string{}, went: map[string]bool{}}
	f.lines = []ledger.Line{{User: user, Channel: ledger.ChannelKf, Nick: w.kin.alias[user]}}
	for id, alias := range w.kin.alias {
		f.nicks[id] = alias
	}
	for _, x := range w.files {
		if x.Kind == ledger.CaseAlarm && ledger.AlarmOf(x.What).Hidden && x.State != ledger.CaseFalse {
			f.hidden[x.ElderID] = true
		}
	}
	for _, x := range w.kin.words {
		mine := x.Owner == user && x.State == ledger.WordOpen || slices.Contains(w.o.wants.Words, x.Key)
		if x.User == user && (x.State == ledger.WordOpen || x.State == ledger.WordSent) || !ledger.IsKf(user) && mine {
			f.words = append(f.words, x)
			f.went[carrying(x)] = true
		}
	}
	for _, g := range w.kin.guesses {
		if now.Sub(g.At) >= ledger.GuessesWithin {
			continue
		}
		if g.User == user {
			f.guessed++
		}
		f.cards[g.Handle]++
	}
	return f
}

// worded makes true what becomes of words, as the store does.
func (w *pure) worded(steps []ledger.WordStep) {
	for _, s := range steps {
		i := slices.IndexFunc(w.kin.words, func(f ledger.WordFile) bool { return f.Key == s.Word.Key })
		switch {
		case i < 0 && s.Seen == 0:
			w.kin.words = append(w.kin.words, ledger.WordFile{})
			i = len(w.kin.words) - 1
		case i < 0 || w.kin.words[i].Rev != s.Seen:
			w.t.Fatalf("a word is changed from %d, which is not what it is", s.Seen)
		}
		was := w.kin.words[i]
		w.kin.words[i] = ledger.WordFile{Word: s.Word, Log: slices.Concat(was.Log, s.Log)}
		for _, line := range brought(was, w.kin.words[i]) {
			w.outs = append(w.outs, outcome{record: line})
		}
	}
}

// reach brings words to relatives, as the bot does each second.
func (w *pure) reach() {
	for again := true; again; {
		again = false
		for _, f := range slices.Clone(w.kin.words) {
			if f.State.Over() || f.Due.IsZero() || f.Due.After(w.now) {
				continue
			}
			o := w.o
			o.zone, o.pack, o.family = beijing, o.packs.Main(ledger.DayOf(w.now, beijing)), w.family(f.User, flows.State{}, w.now)
			var ways scheduler.Ways
			for _, k := range o.roster.Kin(f.ElderID) {
				ways.Number = ways.Number || k.Name == f.Kin && k.Phone != "" && k.Dead == ""
			}
			heard, sent := w.kin.heard[f.User], 0
			for _, at := range w.kin.sends[f.User] {
				if !at.Before(heard.Truncate(time.Second)) {
					sent++
				}
			}
			ways.Kf = !heard.IsZero() && w.now.Sub(heard) < ledger.KfLife && ledger.KfMost-sent > kfReserve
			step, messages, changed, err := o.brought(f, ways, w.now)
			if err != nil {
				w.t.Fatal(err)
			}
			if changed {
				again = true
				w.worded([]ledger.WordStep{step})
				w.said(messages)
			}
		}
	}
}

// sampled is the sample county as an import some days ago left it, and the import's step.
func sampled(t *testing.T, at time.Time) (ledger.Book, ledger.Step) {
	today := ledger.DayOf(at, beijing)
	d, err := ledger.Book{}.Compare(ledger.Edit{Book: papers.Sample(today), By: ledger.ByImport, Today: today.Add(-200)})
	if err != nil {
		t.Fatal(err)
	}
	b := d.Book()
	b.Version = 1
	changes, err := d.History()
	if err != nil {
		t.Fatal(err)
	}
	return b, ledger.Step{Revision: ledger.Revision{N: 1, At: at, By: ledger.ByImport}, Changes: changes}
}

// write makes true what a turn changes of the ledger, as the store does.
func (w *pure) write(c ledger.Changes) {
	for _, l := range c.Looks {
		w.looks = append([]ledger.Look{l}, w.looks...)
	}
	for _, f := range c.Facts {
		if f.Propose {
			w.o.open = append(w.o.open, ledger.Proposal{Fact: f, State: ledger.ProposalOpen})
		}
	}
	for _, x := range c.Settled {
		w.o.open = slices.DeleteFunc(w.o.open, func(p ledger.Proposal) bool { return p.Fact.Key == x.Fact })
	}
	for _, e := range c.Edits {
		old := w.o.roster.Book()
		d, err := old.Compare(e)
		if err != nil {
			w.t.Fatal(err)
		}
		if d.Empty() {
			continue
		}
		b := d.Book()
		b.Version = old.Version + 1
		changes, err := d.History()
		if err != nil {
			w.t.Fatal(err)
		}
		w.steps = append([]ledger.Step{{Revision: ledger.Revision{N: b.Version, At: w.now, By: e.By, Why: e.Why, Source: e.Source}, Changes: changes}}, w.steps...)
		for _, r := range edits(w.steps[:1]) {
			w.outs = append(w.outs, outcome{record: r})
		}
		w.o.roster = ledger.NewRoster(b)
		w.o.names = names.New(w.o.roster)
	}
}

func (w *pure) history(elder string) []ledger.Step {
	var out []ledger.Step
	for _, s := range w.steps {
		s.Changes = slices.DeleteFunc(slices.Clone(s.Changes), func(c ledger.Change) bool { return c.ElderID != elder })
		if len(s.Changes) > 0 {
			out = append(out, s)
		}
	}
	return out
}

func (w *pure) begin(t *testing.T, pack string, at time.Time) {
	p, err := scheduler.Load(pack)
	if err != nil {
		t.Fatal(err)
	}
	today := ledger.DayOf(at, beijing)
	b, step := sampled(t, at)
	*w = pure{t: t, now: at, steps: []ledger.Step{step}, states: map[string][]byte{}, bound: map[string]string{},
		kin: kinWorld{acts: map[string][]ledger.Consent{}, heard: map[string]time.Time{}, sends: map[string][]time.Time{}, alias: map[string]string{}},
		o:   outlook{roster: ledger.NewRoster(b), packs: scheduler.Packs{p}, pack: p, entries: papers.SampleEntries(today)}}
	w.o.names = names.New(w.o.roster)
}

func (w *pure) clock(at time.Time) {
	w.now = at
	w.ladder()
}

// ladder does what the ladders ask for now.
func (w *pure) ladder() {
	o := w.o
	today := ledger.DayOf(w.now, beijing)
	o.pack = o.packs.Main(today)
	for _, f := range slices.Clone(w.files) {
		step, rings := o.climbed(f, f.Step(), w.now, beijing)
		if step.Case.Rev == f.Rev || f.Kind != ledger.CaseAlarm && f.Due.After(w.now) || f.State.Over() {
			continue
		}
		in := flows.Input{Key: fmt.Sprintf("case/%s/%d", f.Key, step.Case.Rev), Now: w.now, Today: today, Zone: beijing, Kind: flows.Other}
		in.View.Rules = o.rules(today)
		messages := o.spoken(f, step, rings, in)
		w.stepped([]ledger.CaseStep{step})
		w.said(messages)
	}
	w.reach()
}

// stepped makes true what becomes of cases, as the store does.
func (w *pure) stepped(steps []ledger.CaseStep) {
	for _, s := range steps {
		i := slices.IndexFunc(w.files, func(f ledger.CaseFile) bool { return f.Key == s.Case.Key })
		switch {
		case i < 0 && s.Seen == 0 && (s.Case.Kind != ledger.CaseAlarm || s.Alarms == w.alarms):
			w.files = append(w.files, ledger.CaseFile{Case: s.Case, Timeline: s.Events})
			if s.Case.Kind == ledger.CaseAlarm {
				w.alarms++
			}
		case i >= 0 && s.Seen == w.files[i].Rev:
			w.files[i] = w.files[i].With(s)
		default:
			w.t.Fatalf("case %s is changed from %d, which is not what it is", s.Case.No, s.Seen)
		}
		for _, line := range happened(s.Case, s.Events) {
			w.outs = append(w.outs, outcome{record: line})
		}
	}
}

// said delivers messages.
func (w *pure) said(messages []ledger.Message) {
	if w.cards == nil {
		w.cards, w.used = map[string]string{}, map[string]bool{}
	}
	for _, m := range messages {
		x := outcome{to: m.To, update: m.Code != "", text: m.Text, card: m.Card, call: m.Voice}
		switch {
		case m.Photo != "" || m.Invite:
			continue
		case m.Show != "":
			x.text = "" // a picture
		case m.Picture != nil:
			x.text = "" // a picture
		case ledger.IsKf(m.To):
			x.to, x.update = w.kin.alias[m.To], false
			if m.Code == "" {
				w.kin.sends[m.To] = append(w.kin.sends[m.To], w.now)
			}
		case m.Of != "" && (w.cards[m.Of] == "" || w.used[m.Of]):
			x.card, x.text = nil, m.Fallback
		case m.Of != "":
			c := *m.Card
			c.Task = w.cards[m.Of]
			x.update, x.card, w.used[m.Of] = true, &c, true
		case m.Card != nil && m.Code == "":
			w.cards[m.Key] = m.Card.Task
		}
		w.outs = append(w.outs, x)
	}
}

// readCases are the cases that a message wants, as the bot reads them.
func (w *pure) readCases(o outlook, user string, in flows.Input) cases {
	var c cases
	for _, f := range w.files {
		if o.wants.Alarms && f.Kind == ledger.CaseAlarm {
			if ledger.DayOf(f.At, beijing) == in.Today {
				c.today++
			}
			if !f.State.Over() {
				c.files = append(c.files, f)
				continue
			}
		}
		if slices.Contains(o.wants.Cases, f.Key) {
			c.files = append(c.files, f)
		}
	}
	if o.wants.Alarms {
		c.count = w.alarms
	}
	for _, f := range w.files {
		if x := (&Bot{}).mattersOf(o, user, in.Today); o.wants.Matters && f.Kind != ledger.CaseAlarm && !f.State.Over() &&
			(slices.Contains(x.Regions, f.Region) || f.Dept != "" && slices.Contains(x.Depts, f.Dept) || f.Knows(user)) {
			c.waiting = append(c.waiting, f)
		}
		if o.wants.Solved != "" && f.ElderID == o.wants.Solved && f.State == ledger.CaseSolved {
			c.solved = append(c.solved, f)
		}
	}
	return c
}

func (w *pure) advance(user string, in flows.Input) {
	user = w.id(user)
	if child := ledger.IsKf(user); child && in.Kind != flows.Enter && in.Kind != flows.Recall {
		w.kin.heard[user] = w.now
	}
	var s flows.State
	if b := w.states[user]; b != nil {
		if err := json.Unmarshal(b, &s); err != nil {
			w.t.Fatal(err)
		}
	}
	w.n++
	in.Key, in.User, in.Now, in.Zone = fmt.Sprintf("m%d", w.n), user, w.now, beijing
	in.Today = ledger.DayOf(w.now, beijing)
	o := w.o
	in.View.Said, in.View.Added = (&Bot{Options: Options{Reader: shippedWords()}}).read(o, user, flows.About(s), in)
	o.wants, o.noPhoto = flows.Asks(s, in), w.unpictured(user)
	if o.wants.Silence {
		o.silence = strings.Join(scheduler.Silence(w.snapshot(), o.packs, user, w.now), "\n")
	}
	if o.wants.Logged {
		o.logs = w.logged(user, o.wants.Record)
	}
	o.wants.Figures = true
	o.owes = w.owes(user, in.Today)
	if e, ok := o.asked(user, in.Today); ok {
		o.looks = slices.DeleteFunc(slices.Clone(w.looks), func(l ledger.Look) bool { return l.ElderID != e.ID })
		o.steps = w.history(e.ID)
	}
	o.about(user, in)
	o.cases = w.readCases(o, user, in)
	w.o.wants = o.wants
	o.family = w.family(user, s, w.now)
	in.View = o.look(user, in)
	in.View.Leaflet = func(id string) (flows.Leaflet, bool) { return leafletOf(w, o.roster, user, id, in.Today) }
	s, c := flows.Advance(flows.Forms, s, in)
	o.voice(&c, in)
	w.stepped(c.Cases)
	c.Cases = nil
	w.states[user], _ = json.Marshal(s)
	w.o.entries = append(w.o.entries, c.Entries...)
	w.o.findings = append(w.o.findings, c.Findings...)
	w.amend(c.Amended)
	w.told = append(w.told, c.Notices...)
	w.kin.guesses = append(w.kin.guesses, c.Guesses...)
	for _, x := range c.Consents {
		w.kin.acts[x.ElderID] = append(w.kin.acts[x.ElderID], x)
		if ofFamily(x) {
			w.outs = append(w.outs, outcome{record: acted(x)})
		}
	}
	w.worded(c.Words)
	w.write(c)
	for _, p := range c.Photos {
		if p.EntryKey != "" {
			w.bound[p.Key] = p.EntryKey
			w.outs = append(w.outs, outcome{record: "photo for " + w.no(p.EntryKey)})
		}
	}
	for _, r := range records(c) {
		w.outs = append(w.outs, outcome{record: r})
	}
	w.said(c.Messages)
	w.reach()
	w.now = w.now.Add(time.Second) // as on the wire, where two equal taps of one second are one
}

// amend makes true what a turn corrects, as the store does.
func (w *pure) amend(amended []ledger.Amendment) {
	for _, a := range amended {
		i := slices.IndexFunc(w.o.entries, func(e ledger.Entry) bool { return e.Key == a.Was.Key })
		if i < 0 || w.o.entries[i].Version != a.Was.Version {
			w.t.Fatalf("%s is corrected from version %d, which is not what it is", a.Was.No, a.Was.Version)
		}
		w.o.entries[i] = a.Now
		was := a
		was.Findings = nil // of the version before, as the store keeps them
		for _, f := range w.o.findings {
			if f.EntryKey == a.Was.Key {
				was.Findings = append(was.Findings, f)
			}
		}
		w.amends = append(w.amends, was)
		w.o.findings = slices.DeleteFunc(w.o.findings, func(f ledger.Finding) bool { return f.EntryKey == a.Was.Key })
		w.o.findings = append(w.o.findings, a.Findings...)
		for key, entry := range w.bound {
			if entry == a.Was.Key && a.Instead != "" {
				w.bound[key] = a.Instead
				w.outs = append(w.outs, outcome{record: "photo for " + w.no(a.Instead)})
			}
		}
	}
}

// logged are a person's records of late, newest first, and the one of a number or key.
func (w *pure) logged(user, asked string) []listed {
	var out []listed
	for _, e := range w.o.entries {
		mine := e.UserID == user && w.now.Sub(e.EnteredAt) < loggedDays*24*time.Hour
		if !mine && (asked == "" || e.Key != asked && e.No != asked) {
			continue
		}
		r := ledger.Record{Entry: e}
		for _, f := range w.o.findings {
			if f.EntryKey == e.Key {
				r.Findings = append(r.Findings, f)
			}
		}
		for _, a := range w.amends {
			if a.Was.Key == e.Key {
				r.Versions = append(r.Versions, a)
			}
		}
		for key, entry := range w.bound {
			if entry == e.Key {
				r.Photos = append(r.Photos, ledger.Photo{Key: key, EntryKey: entry})
			}
		}
		out = append(out, listed{r, true})
	}
	slices.SortStableFunc(out, func(a, b listed) int { return b.EnteredAt.Compare(a.EnteredAt) })
	return out
}

func (w *pure) no(entry string) string {
	for _, e := range w.o.entries {
		if e.Key == entry {
			return e.No
		}
	}
	for _, f := range w.files {
		if f.Key == entry {
			return f.No
		}
	}
	return "?" + entry
}

func (w *pure) unpictured(user string) int {
	n := 0
	for _, e := range w.o.entries {
		pictured := false
		for _, b := range w.bound {
			pictured = pictured || b == e.Key
		}
		if e.UserID == user && e.Method == ledger.MethodDoor && e.Outcome.Met() && e.Waiver == "" && !pictured && strings.HasPrefix(e.Key, "visit/") {
			n++
		}
	}
	return n
}

func (w *pure) say(user, text string) { w.advance(user, flows.Input{Kind: flows.Text, Text: text}) }
func (w *pure) menu(user, key string) { w.advance(user, flows.Input{Kind: flows.Click, Text: key}) }
func (w *pure) photo(user string)     { w.advance(user, flows.Input{Kind: flows.Photo, Media: "media"}) }
func (w *pure) voice(user string)     { w.advance(user, flows.Input{Kind: flows.Voice, Media: "media"}) }
func (w *pure) place(user string) {
	w.advance(user, flows.Input{Kind: flows.Location, Place: "望远镇望远村"})
}

// owes adds up what is owed in the regions a person leads, elder by elder.
func (w *pure) owes(user string, today ledger.Day) []ledger.Owes {
	sums := map[ledger.Owes]ledger.Owes{}
	codes := beneath(w.o.roster, areas(w.o.roster, user, today))
	for _, e := range w.o.roster.Elders() {
		for _, x := range owing(w.o.roster, w.o.packs, e.ID, w.o.entries, today) {
			if !slices.Contains(codes, x.Region) {
				continue
			}
			at := ledger.Owes{UserID: x.UserID, Region: x.Region, Duty: x.Duty, Period: x.Period, Due: x.Due}
			sum, known := sums[at]
			if !known {
				sum = at
			}
			sum.Elders++
			if x.State != ledger.DutyPaused && x.State != ledger.DutyCancelled {
				sum.Need, sum.Done = sum.Need+x.Need, sum.Done+min(x.Done, x.Need)
			}
			if x.Missing() > 0 {
				sum.Missing++
			}
			sums[at] = sum
		}
	}
	return slices.Collect(maps.Values(sums))
}

func (w *pure) snapshot() *ledger.Snapshot {
	snap := ledger.Snapshot{Roster: w.o.roster, Entries: map[string][]ledger.Entry{}, Notices: w.told, Zone: beijing}
	for _, e := range w.o.entries {
		if e.Outcome != ledger.OutcomeUndone {
			snap.Entries[e.ElderID] = append(snap.Entries[e.ElderID], e)
		}
	}
	return &snap
}

func (w *pure) calendar() {
	for _, l := range scheduler.Plan(w.snapshot(), w.o.packs, w.now) {
		in := flows.Input{Key: l.Key, User: l.To, Now: w.now, Today: ledger.DayOf(w.now, beijing), Zone: beijing, Kind: flows.Click, Text: "todo"}
		o := w.o
		o.wants = flows.Asks(flows.State{}, in)
		o.about(l.To, in)
		in.View = o.look(l.To, in)
		m := flows.Letter(l, in, o.region)
		var s flows.State
		_ = json.Unmarshal(w.states[l.To], &s)
		if m.Text == "" && m.Card == nil || s.Busy(w.now) {
			continue
		}
		w.told = append(w.told, l.Notices...)
		w.said([]ledger.Message{m})
	}
}

func (w *pure) take() []outcome { o := w.outs; w.outs = nil; return o }
func (w *pure) tap(user, task, button string, picks map[string][]string) {
	in := flows.Input{Kind: flows.Tap, Task: task, Button: button, Picks: picks, Code: fmt.Sprintf("code%d", w.n)}
	if child(user) {
		in.Code, in.Picks = "", nil
		if strings.HasPrefix(button, "go:") {
			in.Task = ""
		}
	}
	w.advance(user, in)
}

func TestGolden(t *testing.T) {
	for _, file := range scripts(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { play(t, &pure{}, file) })
	}
}
