package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunfang/bot/sim"
	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/store"
	"xunfang/store/storetest"
)

// The tests of remind run the built program as an operator would, on both databases, with the simulator in WeCom's place and the
// sample county's records up to 11 March 2026. What counts is what stands on the phones.

const (
	sunday  = "2026-03-22T09:00:00+08:00" // the nudge nine days before the month ends, and the gaps of the next week
	evening = "2026-03-22T20:00:00+08:00"
	monday  = "2026-03-23T09:00:00+08:00"
	later   = "2026-03-28T09:00:00+08:00" // the next nudge
)

// almanac is a county in which letters are due.
type almanac struct {
	*siege
	config string
	store  *store.Store
	wecom  *gate
}

// letters are texts by who gets them.
type letters map[string][]string

// gate is the way to WeCom. The messages up to one are answered; of three more WeCom has but the answer never comes; the rest never
// arrive, and nobody says so.
type gate struct {
	http.Handler
	calls, sends, answered atomic.Int64
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.calls.Add(1)
	n, answered := int64(0), g.answered.Load()
	if strings.HasSuffix(r.URL.Path, "/message/send") {
		n = g.sends.Add(1)
	}
	switch {
	case n <= answered:
		g.Handler.ServeHTTP(w, r)
		return
	case n <= answered+3:
		g.Handler.ServeHTTP(httptest.NewRecorder(), r)
	default:
		_, _ = io.Copy(io.Discard, r.Body) // only then the end of the connection is noticed
	}
	<-r.Context().Done()
}

// newAlmanac makes the county. Some names are as nobody has them: the list must stay one that a program can read.
func newAlmanac(t *testing.T, bin, driver string) *almanac {
	t.Helper()
	a := &almanac{siege: &siege{t: t, bin: bin, dir: t.TempDir(), listen: port(t), where: storetest.DSN(t, driver)}}
	a.book = papers.Sample("2026-03-11")
	for i := 0; i < len(a.book.Elders); i += 5 {
		a.book.Elders[i].Name = `\n` + "\t" + a.book.Elders[i].Name
	}
	var err error
	if a.sim, err = sim.New(sim.Options{CorpID: crashCorp, AgentID: crashAgent, Secret: "secret", Token: crashToken, EncodingAESKey: crashKey,
		CallbackURL: "http://" + a.listen + "/wecom/callback", Members: members(a.book)}); err != nil {
		t.Fatal(err)
	}
	a.wecom = &gate{Handler: a.sim}
	a.wecom.answered.Store(1 << 60)
	server := httptest.NewServer(a.wecom)
	a.api = server.URL
	t.Cleanup(func() { a.sim.Close(); server.Close() })
	a.config = a.process(a.listen, "").config
	a.store = previewed(t, a.config, a.book, papers.SampleEntries("2026-03-11"))
	return a
}

func (a *almanac) remind(at string, more ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	cmd := exec.Command(a.bin, append([]string{"remind", "--config", a.config, "--at", at}, more...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// unsent fails unless a run says in one sentence that it wrote letters, that some of them wait, and who sends them.
func (a *almanac) unsent(written, status int, out, errs string) {
	a.t.Helper()
	said := errs[strings.LastIndex(strings.TrimSpace(errs), "\n")+1:] // what it logs stands above
	if status != 1 || out != "" || !strings.Contains(said, counted(written, "letter")+" written") ||
		!strings.Contains(said, "serve sends the rest") {
		a.t.Errorf("%d letters wait, of which %d are new: status %d, %q, %q", a.waiting(), written, status, out, said)
	}
}

// sends is a run that must go well and write so many letters.
func (a *almanac) sends(at string, want int) {
	a.t.Helper()
	if status, out, errs := a.remind(at); status != 0 || out != counted(want, "letter")+"\n" || errs != "" {
		a.t.Errorf("remind %s: status %d, %q, %q; want %d letters", at, status, out, errs, want)
	}
}

// foretold is what a dry run lists.
func (a *almanac) foretold(at string) letters {
	a.t.Helper()
	status, out, errs := a.remind(at, "--dry-run")
	if status != 0 || errs != "" {
		a.t.Fatalf("dry run of %s: status %d, %s", at, status, errs)
	}
	said, before := letters{}, ""
	for line := range strings.Lines(out) {
		x := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(x) != 3 || x[1] == "" || x[2] == "" || x[0] <= before { // one letter a person, in order
			a.t.Fatalf("dry run of %s after %q: %q", at, before, line)
		}
		before = x[0]
		said[x[0]] = []string{strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t").Replace(x[2])}
	}
	return said
}

// heard is what stands on the phones, worded as the dry run does.
func (a *almanac) heard() letters {
	out := letters{}
	for _, p := range a.book.People {
		for _, m := range a.sim.Messages(p.UserID) {
			if m.Card != nil {
				var buttons []string
				for _, b := range m.Card.Buttons {
					buttons = append(buttons, "["+b.Text+"]")
				}
				m.Text = strings.ReplaceAll(titleOf(m)+"\n"+m.Card.SubTitle+"\n"+strings.Join(buttons, " "), "\n\n", "\n")
			}
			if m.From == "app" {
				out[p.UserID] = append(out[p.UserID], m.Text)
			}
		}
	}
	return out
}

// exactly fails unless the phones show what was foretold, everybody once.
func (a *almanac) exactly(when string, want letters) {
	a.t.Helper()
	if diff := cmp.Diff(want, a.heard()); diff != "" || len(want) == 0 {
		a.t.Errorf("%s the phones show something else than the %d letters foretold:\n%s", when, len(want), diff)
	}
}

// silent fails unless a moment has nothing left to say, foretold or sent.
func (a *almanac) silent(at string) {
	a.t.Helper()
	if said := a.foretold(at); len(said) > 0 {
		a.t.Errorf("a dry run of %s afterwards: %v", at, said)
	}
	a.sends(at, 0)
}

// served has the bot, its calendar off, send what waits, with f beside it. Afterwards nothing is left to say.
func (a *almanac) served(f func()) {
	a.t.Helper()
	p := a.process(a.listen, "")
	p.start()
	p.await()
	f()
	eventually(a.t, "nothing waits", func() bool { return a.waiting() == 0 })
	a.silent(sunday)
	p.terminate()
}

func (a *almanac) waiting() int { return a.count("SELECT COUNT(*) FROM outbox WHERE state = 0") }

func TestRemind(t *testing.T) {
	bin := buildProgram(t)
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		for name, test := range map[string]func(*almanac){"once": remindOnce, "three at once": remindThrice, "beside serve": remindBeside,
			"evening": remindEvening, "killed writing": remindKilledWriting, "killed sending": remindKilledSending,
			"WeCom down": remindDown, "policy edited": remindEdited} {
			t.Run(driver+"/"+name, func(t *testing.T) { t.Parallel(); test(newAlmanac(t, bin, driver)) })
		}
	}
}

// remindOnce: the dry run says what will be sent, writes nothing and asks nothing of WeCom; the run sends exactly that, once.
func remindOnce(a *almanac) {
	before := sums(a.t, a.store)
	want := a.foretold(sunday)
	if diff := cmp.Diff(want, a.foretold("2026-03-22T08:00:00+08:00")); diff != "" {
		a.t.Errorf("before anybody's hour others are listed:\n%s", diff)
	}
	_, first, _ := a.remind(sunday, "--dry-run")
	if _, second, _ := a.remind(sunday, "--dry-run"); first != second || !strings.Contains(first, `\\n\t`) {
		a.t.Errorf("two dry runs, in which somebody's name has a backslash and a tab:\n%s\n%s", first, second)
	}
	if diff := cmp.Diff(before, sums(a.t, a.store)); diff != "" {
		a.t.Errorf("a dry run wrote something:\n%s", diff)
	}
	if n := a.wecom.calls.Load(); n != 0 {
		a.t.Errorf("a dry run asked %d things of WeCom", n)
	}
	a.sends(sunday, len(want))
	a.exactly("after the run", want)
	a.silent(sunday)
	a.exactly("after a second run", want)
}

// remindThrice: three processes for one moment tell nobody twice.
func remindThrice(a *almanac) {
	want := a.foretold(sunday)
	var g sync.WaitGroup
	for range 3 {
		g.Go(func() {
			if status, out, errs := a.remind(sunday); status != 0 || !strings.Contains(out, "letter") || errs != "" {
				a.t.Errorf("one of three: status %d, %q, %q", status, out, errs)
			}
		})
	}
	g.Wait()
	a.exactly("after three at once", want)
	a.silent(sunday)
}

// remindBeside: a bot that runs may send what the command wrote; nobody hears it twice. To a lead it tells the figures of its own
// day, whatever moment was asked about beside it.
func remindBeside(a *almanac) {
	want := a.foretold(sunday)
	lead := a.book.Posts[slices.IndexFunc(a.book.Posts, func(x ledger.Post) bool { return x.Role == ledger.RoleTownship })].UserID
	var said []string
	a.served(func() {
		for i := range 2 {
			if d := a.sim.Say(lead, "统计"); d.Status != http.StatusOK {
				a.t.Fatalf("the bot answers %+v", d)
			}
			eventually(a.t, "the figures", func() bool { said = a.heard()[lead]; return len(said) > i })
			a.foretold(sunday)
		}
		if !strings.HasPrefix(said[1], said[0]) { // a line about the lead's own use comes after it
			a.t.Errorf("after a dry run for another day the figures of today are others:\n%s", cmp.Diff(said[0], said[1]))
		}
		a.sends(sunday, len(want))
	})
	want[lead] = append(said, want[lead]...)
	a.exactly("beside a bot", want)
}

// remindEvening: what is run at night is said once, not again in the morning; where the clock has not come to its hour, it waits.
func remindEvening(a *almanac) {
	want := a.foretold(evening)
	a.sends(evening, len(want))
	a.silent(monday)
	a.exactly("on the morning after", want)
	night := ahead(20)
	waiting := len(a.foretold(night))
	a.sends(night, waiting)
	a.silent(night)
	if n := a.waiting(); n != waiting || n == 0 {
		a.t.Errorf("%d letters wait for their hour, want %d", n, waiting)
	}
	a.exactly("before the hour has come", want)
}

// ahead is an hour of the 28th of the month after the next.
func ahead(hour int) string {
	now := time.Now()
	return time.Date(now.Year(), now.Month()+2, 28, hour, 0, 0, 0, time.FixedZone("Asia/Shanghai", 8*3600)).Format(time.RFC3339)
}

func remindKilledWriting(a *almanac) { a.killed(0, func() bool { return a.waiting() > 0 }) }

func remindKilledSending(a *almanac) {
	a.killed(3, func() bool { return a.wecom.sends.Load() > 6 && len(a.heard()) == 6 })
}

// killed dies at a moment when WeCom has answered so many letters, has three more and does not say so, and the others are on their
// way. In the end everybody has heard it once.
func (a *almanac) killed(answered int64, now func() bool) {
	want := a.foretold(sunday)
	a.wecom.answered.Store(answered)
	cmd := exec.Command(a.bin, "remind", "--config", a.config, "--at", sunday)
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	for end := time.Now().Add(patience); !now() && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	_ = cmd.Process.Kill()
	if _ = cmd.Wait(); cmd.ProcessState.Exited() {
		a.t.Fatal("it ended by itself before it was killed")
	}
	a.wecom.answered.Store(1 << 60)
	a.again(want)
}

// again runs the same moment once more and lets the bot send the rest: everybody has heard it once.
func (a *almanac) again(want letters) {
	written := len(a.foretold(sunday))
	if status, out, errs := a.remind(sunday); a.waiting() > 0 {
		a.unsent(written, status, out, errs)
	}
	a.served(func() {})
	a.exactly("in the end", want)
}

// remindDown: what WeCom does not take is written, said to be, and sent when WeCom is back.
func remindDown(a *almanac) {
	want := a.foretold(sunday)
	a.sim.Faults().Set(sim.FaultSet{Down: true})
	status, out, errs := a.remind(sunday)
	a.unsent(len(want), status, out, errs)
	for _, p := range a.book.People {
		if strings.Contains(errs, p.UserID) || strings.Contains(errs, p.Name) {
			a.t.Fatalf("stderr names somebody:\n%s", errs)
		}
	}
	a.sim.Faults().Set(sim.FaultSet{})
	a.again(want)
}

// remindEdited: a month that has begun is kept under the rule it began under, a later one under the new rule.
func remindEdited(a *almanac) {
	was, edited := a.config, filepath.Join(a.dir, "edited.yaml")
	text, err := os.ReadFile(was)
	text = fmt.Appendf(text, "policy: %q\n", countyPolicy(a.t, "times: 2", "times: 4"))
	if err := errors.Join(err, os.WriteFile(edited, text, 0o600)); err != nil {
		a.t.Fatal(err)
	}
	by := func(config, at string) letters { a.config = config; return a.foretold(at) }
	if cmp.Equal(by(was, later), by(edited, later)) {
		a.t.Fatal("the edited policy asks the same where no other was before it")
	}
	heard := by(was, sunday)
	a.sends(sunday, len(heard))
	want, next := by(was, later), by(was, ahead(9))
	if diff := cmp.Diff(want, by(edited, later)); diff != "" || len(want) == 0 {
		a.t.Errorf("the month that had begun is under the new rule:\n%s", diff)
	}
	if cmp.Equal(next, by(edited, ahead(9))) {
		a.t.Error("a month to come is under the old rule")
	}
	a.sends(later, len(want))
	for user, texts := range want {
		heard[user] = append(heard[user], texts...)
	}
	a.exactly("after the edit", heard)
}

// TestRemindUsage: a moment that is none is wrong usage, a database never migrated a failure; each is said in one sentence.
func TestRemindUsage(t *testing.T) {
	config := writeConfig(t, "http://127.0.0.1:1", nil)
	for _, args := range []string{"", "--at tomorrow", "--at 2026-03-22", "--at 2026-02-30T09:00:00+08:00", "now --at " + sunday} {
		status, out, errs := say(t, append([]string{"remind", "--config", config}, strings.Fields(args)...)...)
		if status != 2 || out != "" || !strings.Contains(errs, "--at, such as "+sunday) || strings.Count(errs, "\n") != 1 {
			t.Errorf("remind %s: status %d, %q, %q", args, status, out, errs)
		}
	}
	say(t, "remind", "--config", config, "--at", sunday) // makes the key file, and says so
	if status, out, errs := say(t, "remind", "--config", config, "--at", sunday); status != 1 || out != "" ||
		!strings.Contains(errs, "xunfang migrate") || strings.Count(errs, "\n") != 1 {
		t.Errorf("before the first migration: status %d, %q, %q", status, out, errs)
	}
}
