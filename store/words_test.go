package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

// say is a new word to a relative, due at once.
func say(key, elder, user string) ledger.WordStep {
	return ledger.WordStep{Word: ledger.Word{Key: key, ElderID: elder, Kin: "赵大", User: user, Purpose: ledger.WordSummary, Period: "2026-02", State: ledger.WordOpen,
		Due: start, At: start, Moved: start}}
}

// tried is a step with one more try.
func tried(x ledger.WordStep, channel ledger.Channel, kind ledger.TryKind, message string) ledger.WordStep {
	x.Word.Channel = channel
	x.Add(ledger.Try{Channel: channel, Kind: kind, Message: message, Text: "try " + message, At: start.Add(time.Duration(x.Word.Tries) * 1500 * time.Millisecond)})
	return x
}

func saying(x ...ledger.WordStep) store.Turn { return store.Turn{Changes: ledger.Changes{Words: x}} }

func wordOf(t require.TestingT, s *store.Store, key string) ledger.WordFile {
	files, err := s.WordFiles(ctx, key)
	require.NoError(t, err)
	require.Len(t, files, 1)
	return files[0]
}

// with is the file as a step leaves it.
func with(f ledger.WordFile, x ledger.WordStep) ledger.WordFile {
	x.Word.Rev = x.Seen + 1
	return ledger.WordFile{Word: x.Word, Log: slices.Concat(f.Log, x.Log)}
}

func TestWordReadsAsItWasWritten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		x := ledger.WordStep{Word: ledger.Word{Key: "summary/e1/赵大/2026-02", ElderID: "e1", Kin: "赵大", User: "kf:1", Purpose: ledger.WordSummary, Period: "2026-02",
			Text: "您妈妈都好 😀", State: ledger.WordOpen, Channel: ledger.ChannelCall, Owner: "li", Due: start.Add(time.Millisecond), At: start.Add(2 * time.Millisecond),
			Moved: start.Add(3 * time.Millisecond)}}
		x.Add(ledger.Try{Channel: ledger.ChannelKf, Kind: ledger.TrySent, Message: "m/1", At: start.Add(7 * time.Millisecond)})
		x.Add(ledger.Try{Channel: ledger.ChannelCall, Kind: ledger.TryNoAnswer, To: "li", By: "li", Text: "响了很久", At: start.Add(8 * time.Millisecond)})
		require.NoError(t, s.Commit(ctx, saying(x)))
		want := with(ledger.WordFile{}, x)
		assert.Equal(t, want, wordOf(t, s, x.Word.Key))

		y := want.Step() // every column of a word may change
		y.Word = ledger.Word{Key: x.Word.Key, Purpose: ledger.WordPassed, State: ledger.WordFailed, At: start, Rev: 2, Tries: 2}
		y.Add(ledger.Try{Kind: ledger.TryOther, At: start})
		require.NoError(t, s.Commit(ctx, saying(y)))
		want = with(want, y)
		assert.Equal(t, want, wordOf(t, s, x.Word.Key))

		for _, c := range []struct {
			message string
			found   bool
		}{{"m/1", true}, {"m/2", false}, {"", false}} {
			f, found, err := s.WordOfMessage(ctx, c.message)
			require.NoError(t, err)
			assert.Equal(t, c.found, found, c.message)
			if found {
				assert.Equal(t, want, f)
			}
		}
		files, err := s.WordFiles(ctx)
		require.NoError(t, err)
		assert.Empty(t, files)
		files, err = s.WordFiles(ctx, "nobody's")
		require.NoError(t, err)
		assert.Empty(t, files)
	})
}

// A step that was decided on what is no more is stale, and nothing of its turn is there; what only a mistake in the program can
// produce is refused, and is not ErrStale: it would be tried for ever.
func TestStaleAndMistakenWords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stale := func(x ...ledger.WordStep) {
			t.Helper()
			turn := saying(x...)
			turn.Changes.Messages = []ledger.Message{text("never", "li", ledger.PriorityReply)}
			turn.Changes.Guesses = []ledger.Guess{{Key: "never", User: "kf:1", At: start}}
			turn.Changes.Lines = []ledger.Line{kfLine("kf:1", start)}
			require.ErrorIs(t, s.Commit(ctx, turn), store.ErrStale)
		}
		require.NoError(t, s.Commit(ctx, saying(say("w1", "e1", "kf:1"))))
		stale(say("w1", "e1", "kf:1")) // said again
		first := wordOf(t, s, "w1")
		stale(say("w2", "e1", "kf:1"), say("w1", "e1", "kf:1"))
		require.NoError(t, s.Commit(ctx, saying(tried(first.Step(), ledger.ChannelKf, ledger.TrySent, "a"))))
		stale(tried(first.Step(), ledger.ChannelSMS, ledger.TrySent, "b"))
		stale(tried(ledger.WordFile{Word: ledger.Word{Key: "w9", Rev: 1}}.Step(), ledger.ChannelSMS, ledger.TrySent, "b"))
		clock := wordOf(t, s, "w1").Step() // only looked at again later
		clock.Word.Due = start.Add(time.Hour)
		require.NoError(t, s.Commit(ctx, saying(clock)))
		f := wordOf(t, s, "w1")
		require.Len(t, f.Log, 1)
		assert.Equal(t, "a", f.Log[0].Message)
		assert.Empty(t, outboxKeys(t, s))
		n, _, err := s.Guesses(ctx, "kf:1", "", time.Time{})
		require.NoError(t, err)
		assert.Zero(t, n)
		lines, err := s.LinesOf(ctx, "kf:1")
		require.NoError(t, err)
		assert.Empty(t, lines)

		for name, wrong := range map[string]func(x *ledger.WordStep){
			"no key":          func(x *ledger.WordStep) { x.Word.Key = "" },
			"a long key":      func(x *ledger.WordStep) { x.Word.Key = strings.Repeat("w", 65) },
			"rev stays":       func(x *ledger.WordStep) { x.Word.Rev = x.Seen },
			"rev jumps":       func(x *ledger.WordStep) { x.Word.Rev++ },
			"another's try":   func(x *ledger.WordStep) { x.Log[0].WordKey = "w2" },
			"number taken":    func(x *ledger.WordStep) { x.Log[0].N = 1 },
			"number left out": func(x *ledger.WordStep) { x.Log[0].N++; x.Word.Tries++ }, // of what the database has
		} {
			x := tried(f.Step(), ledger.ChannelKf, ledger.TrySent, "c")
			wrong(&x)
			err := s.Commit(ctx, saying(x))
			require.Error(t, err, name)
			require.NotErrorIs(t, err, store.ErrStale, name)
		}
		late := tried(say("w3", "e1", ""), ledger.ChannelKf, ledger.TrySent, "c") // a new one whose first try is not the first
		late.Word.Tries, late.Log[0].N = 2, 2
		require.Error(t, s.Commit(ctx, saying(late)))
		require.ErrorContains(t, s.Commit(ctx, saying(f.Step(), f.Step())), "two steps at once")
		require.Error(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Lines: []ledger.Line{{User: "kf:1", State: ledger.LineOpen}}}}))
		require.Error(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Guesses: []ledger.Guess{{User: "kf:1"}}}}))
		assert.Equal(t, f, wordOf(t, s, "w1"))
	})
}

// Two processes that see the same word act once, and two that make the same word make one.
func TestOneProcessSpeaks(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		o.FlushDelay, o.Committers = 5*time.Millisecond, 1
		stores := []*store.Store{opened(t, o), opened(t, o)}
		var same, next []store.Turn
		for range 6 {
			same = append(same, saying(say("w1", "e1", "kf:1")))
		}
		assert.Equal(t, 1, together(t, stores, same...))
		f := wordOf(t, stores[0], "w1")
		for i := range 6 {
			turn := saying(tried(f.Step(), ledger.ChannelKf, ledger.TrySent, fmt.Sprint("m", i)))
			m := text(fmt.Sprint("m", i), "kf:1", ledger.PriorityReply)
			m.Word = "w1"
			turn.Changes.Messages = []ledger.Message{m}
			next = append(next, turn)
		}
		assert.Equal(t, 1, together(t, stores, next...))
		f = wordOf(t, stores[1], "w1")
		require.Len(t, f.Log, 1)
		assert.Equal(t, []string{f.Log[0].Message}, outboxKeys(t, stores[0], store.StateWaiting))
	})
}

// What waits to bring a word is not sent once the word is dropped; what somebody is sending is theirs to end, and nobody else's
// messages are touched.
func TestDroppedWordTakesItsMessages(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		bring := func(key, to, word string) ledger.Message {
			m := text(key, to, ledger.PriorityReply)
			m.Word, m.Show = word, ""
			return m
		}
		show := bring("show", "wang", "")
		show.Call, show.Show, show.Body = ledger.CallShow, "photo/m1", nil
		later := bring("later", "li", "w1")
		later.NotBefore = c.now().Add(time.Hour)
		turn := saying(say("w1", "e1", "kf:1"), say("w2", "e1", "kf:2"))
		turn.Changes.Messages = []ledger.Message{bring("hand", "kf:1", "w1"), bring("wait", "kf:1", "w1"), bring("behind", "kf:1", ""), bring("other", "kf:2", "w2"), later, show}
		require.NoError(t, s.Commit(ctx, turn))
		got := claim(t, s, c, 10)
		require.Equal(t, "hand other show", keys(got))
		assert.Equal(t, "w1", got[0].Message.Word, "dispatch asks whether it still is to be sent")
		assert.Equal(t, "w2", got[1].Message.Word)
		assert.Equal(t, "photo/m1", got[2].Message.Show)
		assert.Empty(t, got[2].Message.Word)

		x := wordOf(t, s, "w1").Step()
		x.Word.State, x.Word.Due = ledger.WordDropped, time.Time{}
		require.NoError(t, s.Commit(ctx, saying(x)))
		assert.Equal(t, []string{"later", "wait"}, slices.Sorted(slices.Values(outboxKeys(t, s, store.StateDropped))))
		require.NoError(t, s.Sent(ctx, got[0], store.Receipt{}))
		require.NoError(t, s.Sent(ctx, got[1], store.Receipt{}))
		require.NoError(t, s.Replace(ctx, got[2], text("show", "wang", ledger.PriorityReply)), "the photo is gone: words instead")
		c.add(2 * time.Hour)
		got = claim(t, s, c, 10)
		require.Equal(t, "behind show", keys(got), "nothing waits behind what was dropped")
		assert.Empty(t, got[1].Message.Show)
		assert.Equal(t, ledger.WordOpen, wordOf(t, s, "w2").State)
	})
}

// A channel that fails holds back nothing of what is said to the same relative by another, nor does asking how it went.
func TestChannelsHaveTheirOwnLanes(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		var ms []ledger.Message
		for _, call := range []ledger.Call{ledger.CallKf, ledger.CallSMS, ledger.CallTexted} {
			m := text(string(call), "kf:1", ledger.PriorityReply)
			m.Call = call
			ms = append(ms, m)
		}
		post(t, s, ms...)
		assert.ElementsMatch(t, []string{"kf", "sms", "texted"}, strings.Fields(keys(claim(t, s, c, 10))))
	})
}

// plainWords is what words are, written down without a thought for speed.
type plainWords struct {
	files map[string]ledger.WordFile
	drew  int
}

func (m *plainWords) admits(xs []ledger.WordStep) bool {
	return !slices.ContainsFunc(xs, func(x ledger.WordStep) bool { return m.files[x.Word.Key].Rev != x.Seen })
}

// which are the files that are so, oldest first.
func (m *plainWords) which(so func(ledger.WordFile) bool) (out []ledger.WordFile) {
	for _, f := range m.files {
		if so(f) {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b ledger.WordFile) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	return out
}

// drawn is a step of a word, or of a new one, as somebody may decide it.
func (m *plainWords) drawn(t *rapid.T, round int) ledger.WordStep {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	when := func(label string) time.Time {
		return start.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, label)) * time.Millisecond)
	}
	var x ledger.WordStep
	keys := []string{""}
	for k := range m.files {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	if key := pick("word", keys...); key == "" {
		m.drew++
		x = say(fmt.Sprintf("w%d-%d", round, m.drew), pick("elder", "e1", "e2"), pick("user", "", "kf:1", "kf:2"))
		x.Word.At, x.Word.Purpose = when("at"), ledger.WordPurpose(pick("purpose", "summary", "urge"))
	} else {
		x = m.files[key].Step()
	}
	w := &x.Word
	w.State, w.Owner, w.Due = ledger.WordState(pick("state", "open", "open", "heard", "sent", "failed", "dropped")), pick("owner", "", "li", "wang"), time.Time{}
	if rapid.Bool().Draw(t, "waits") {
		w.Due = when("due")
	}
	w.Moved = when("moved")
	for range rapid.IntRange(0, 2).Draw(t, "tries") {
		x.Add(ledger.Try{Channel: ledger.ChannelKf, Kind: ledger.TrySent, Message: fmt.Sprintf("%s/%d", w.Key, w.Tries+1), Text: pick("text", "", "没接"), At: when("when")})
	}
	return x
}

func (m *plainWords) holds(t *rapid.T, s *store.Store) {
	now := start.Add(2500 * time.Millisecond)
	due, err := s.WordsDue(ctx, now, 1000)
	require.NoError(t, err)
	require.ElementsMatch(t, m.which(func(f ledger.WordFile) bool {
		return f.State == ledger.WordOpen && !f.Due.IsZero() && !f.Due.After(now)
	}), due)
	require.True(t, slices.IsSortedFunc(due, func(a, b ledger.WordFile) int { return a.Due.Compare(b.Due) }))
	few, err := s.WordsDue(ctx, now, 2)
	require.NoError(t, err)
	require.Equal(t, due[:min(2, len(due))], few)
	for _, x := range []struct {
		f  store.WordFilter
		so func(ledger.WordFile) bool
	}{
		{store.WordFilter{}, func(ledger.WordFile) bool { return true }},
		{store.WordFilter{Purposes: []ledger.WordPurpose{ledger.WordUrge}, Since: now}, func(f ledger.WordFile) bool { return f.Purpose == ledger.WordUrge && !f.Moved.Before(now) }},
		{store.WordFilter{Elders: []string{"e1"}}, func(f ledger.WordFile) bool { return f.ElderID == "e1" }},
		{store.WordFilter{Elders: []string{"e1"}, Users: []string{"kf:1", "kf:2"}, States: []ledger.WordState{ledger.WordOpen}},
			func(f ledger.WordFile) bool { return (f.ElderID == "e1" || f.User != "") && f.State == ledger.WordOpen }},
		{store.WordFilter{Owner: "li", Users: []string{"kf:1"}, States: []ledger.WordState{ledger.WordHeard, ledger.WordSent}, Since: now}, func(f ledger.WordFile) bool {
			return (f.Owner == "li" || f.User == "kf:1") && (f.State == ledger.WordHeard || f.State == ledger.WordSent) && !f.Moved.Before(now)
		}},
	} {
		got, err := s.WordsOf(ctx, x.f)
		require.NoError(t, err)
		want := m.which(x.so)
		slices.Reverse(want)
		require.Equal(t, want, got, "%+v", x.f)
		x.f.Limit = 2
		got, err = s.WordsOf(ctx, x.f)
		require.NoError(t, err)
		require.Equal(t, want[:min(2, len(want))], got, "%+v", x.f)
	}
	since, err := s.WordsSince(ctx, now)
	require.NoError(t, err)
	var bare []ledger.Word
	for _, f := range m.which(func(f ledger.WordFile) bool { return !f.At.Before(now) }) {
		f.Text = ""
		bare = append(bare, f.Word)
	}
	require.Equal(t, bare, since)
}

// found says that a message of a word leads to it, as it is now.
func (m *plainWords) found(t *rapid.T, s *store.Store, x ledger.Try) {
	got, found, err := s.WordOfMessage(ctx, x.Message)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, m.files[x.WordKey], got)
}

// Steps, some of them decided on what is no more, in turns of one to three: whoever the model admits wins, nobody else, and what is
// read is what the model says.
func TestWordsAreAModels(t *testing.T) {
	checks(t, 12) // each is some fifty transactions
	eachOptions(t, func(t *testing.T, o store.Options) {
		s := opened(t, o)
		db := raw(t, o)
		round := 0
		rapid.Check(t, func(rt *rapid.T) {
			round++
			for _, q := range []string{"DELETE FROM words", "DELETE FROM word_tries"} { // tries go once their words are gone
				_, err := db.Exec(q)
				require.NoError(rt, err)
			}
			m := &plainWords{files: map[string]ledger.WordFile{}}
			var old []ledger.WordStep // decided earlier, written or not
			rt.Repeat(map[string]func(*rapid.T){
				"turn": func(rt *rapid.T) {
					var xs []ledger.WordStep
					for range rapid.IntRange(1, 3).Draw(rt, "steps") {
						x := m.drawn(rt, round)
						if len(old) > 0 && rapid.IntRange(0, 3).Draw(rt, "again") == 0 {
							x = rapid.SampledFrom(old).Draw(rt, "old")
						}
						if !slices.ContainsFunc(xs, func(y ledger.WordStep) bool { return y.Word.Key == x.Word.Key }) {
							xs = append(xs, x)
						}
					}
					old = append(old, xs...)
					err := s.Commit(ctx, saying(xs...))
					if !m.admits(xs) {
						require.ErrorIs(rt, err, store.ErrStale)
						return
					}
					require.NoError(rt, err)
					for _, x := range xs {
						m.files[x.Word.Key] = with(m.files[x.Word.Key], x)
						for _, try := range x.Log {
							m.found(rt, s, try)
						}
					}
				},
				"": func(rt *rapid.T) { m.holds(rt, s) },
			})
			for _, f := range m.files { // what came later hides none: once a case, since each is a question to the database
				for _, try := range f.Log {
					m.found(rt, s, try)
				}
			}
		})
	})
}

func TestUrgedSources(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		urge := func(key, source string, at time.Time) ledger.CaseStep {
			x := matter(key, start)
			x.Case.Kind, x.Case.Source, x.Case.At = ledger.CaseUrge, source, at
			return x
		}
		problem := matter("c3", start)
		problem.Case.Source = "f1"
		require.NoError(t, s.Commit(ctx, steps(urge("c1", "e1/2026上", start), urge("c2", "e2/2025下", start.Add(-time.Second)), problem)))
		got, err := s.UrgedSources(ctx, start)
		require.NoError(t, err)
		assert.Equal(t, map[string]bool{"e1/2026上": true}, got)
	})
}

// Of an elder whose data are deleted no word to the family stays, nothing waits to bring one, and no line to who is bound to
// nobody else.
func TestErasedFamily(t *testing.T) {
	eachOutbox(t, func(t *testing.T, s *store.Store, c *clock) {
		save(t, s, county(), today)
		bond := func(elder, user string, state ledger.BondState) ledger.Bond {
			return ledger.Bond{ElderID: elder, User: user, Kin: "赵大", State: state, Since: today, Why: "认识"}
		}
		save(t, s, ledger.Book{Bonds: []ledger.Bond{bond("e1", "kf:1", ledger.BondVerified), bond("e1", "kf:2", ledger.BondVerified), bond("e2", "kf:2", ledger.BondVerified),
			bond("e1", "kf:3", ledger.BondVerified), bond("e2", "kf:3", ledger.BondEnded), bond("e2", "kf:4", ledger.BondAsked)},
			Leaflets: []ledger.Leaflet{{ElderID: "e1", Handle: "h1", Issued: today, Why: "x"}, {ElderID: "e2", Handle: "h2", Issued: today}}}, today)
		turn := saying(tried(say("w1", "e1", "kf:1"), ledger.ChannelKf, ledger.TrySent, "m1"), tried(say("w2", "e2", "kf:2"), ledger.ChannelKf, ledger.TrySent, "m2"))
		for i, to := range []string{"kf:1", "kf:2"} {
			m := text(fmt.Sprint("m", i+1), to, ledger.PriorityReply)
			m.Word = fmt.Sprint("w", i+1)
			turn.Changes.Messages = append(turn.Changes.Messages, m)
		}
		behind := text("behind", "kf:1", ledger.PriorityReply)
		turn.Changes.Messages = append(turn.Changes.Messages, behind)
		turn.Changes.Consents = []ledger.Consent{{Key: "a1", ElderID: "e1", For: "赵大", Purpose: ledger.PurposeKin, Proof: "m1", At: start}}
		for i := range 4 {
			turn.Changes.Lines = append(turn.Changes.Lines, kfLine(fmt.Sprint("kf:", i+1), start))
		}
		require.NoError(t, s.Commit(ctx, turn))

		require.NoError(t, s.Erase(ctx, "e1", "xumei", "撤回同意", func(string) error { return nil }))
		files, err := s.WordsOf(ctx, store.WordFilter{})
		require.NoError(t, err)
		require.Len(t, files, 1)
		assert.Equal(t, "w2", files[0].Key)
		assert.Len(t, files[0].Log, 1)
		_, found, err := s.WordOfMessage(ctx, "m1")
		require.NoError(t, err)
		assert.False(t, found)
		assert.Equal(t, "behind m2", sorted(keys(claim(t, s, c, 10))))
		b, err := s.Book(ctx)
		require.NoError(t, err)
		for _, x := range b.Bonds {
			assert.Equal(t, "e2", x.ElderID)
		}
		assert.Len(t, b.Bonds, 3)
		require.Len(t, b.Leaflets, 1)
		assert.Equal(t, "e2", b.Leaflets[0].ElderID)
		lines, err := s.LinesOf(ctx, "kf:1", "kf:2", "kf:3", "kf:4")
		require.NoError(t, err)
		var left []string
		for _, l := range lines {
			left = append(left, l.User)
		}
		assert.Equal(t, []string{"kf:2", "kf:4"}, left)
		for _, a := range actsOf(t, s, "e1") {
			assert.NotContains(t, a.Kin+a.For, "赵")
		}
		history, err := s.History(ctx, "e1", 100)
		require.NoError(t, err)
		for _, step := range history {
			for _, x := range step.Changes {
				assert.NotContains(t, x.Row+x.Was+x.Now, "kf:")
				assert.NotContains(t, x.Row+x.Was+x.Now, "h1")
			}
		}
		_, err = s.AsOf(ctx, c.now())
		require.NoError(t, err)
	})
}

func sorted(words string) string {
	return strings.Join(slices.Sorted(slices.Values(strings.Fields(words))), " ")
}

// What concerns relatives goes in its time, and nothing before.
func TestSweptFamily(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			o := storetest.DSN(t, driver)
			now := start
			o.Now = func() time.Time { return now }
			s := opened(t, o)
			b := county()
			b.Bonds = []ledger.Bond{{ElderID: "e1", User: "kf:bound", State: ledger.BondVerified, Since: today}, {ElderID: "e1", User: "kf:ended", State: ledger.BondEnded}}
			save(t, s, b, today)
			turn := saying(tried(say("w1", "e1", "kf:bound"), ledger.ChannelKf, ledger.TrySent, "m1"))
			turn.Changes.Guesses = []ledger.Guess{{Key: "g1", User: "kf:ended", Handle: "h", At: start}}
			turn.Changes.Lines = []ledger.Line{kfLine("kf:bound", start), kfLine("kf:ended", start), kfLine("kf:talks", start.AddDate(0, 0, 80))}
			require.NoError(t, s.Commit(ctx, turn))
			ok, err := s.ReserveKf(ctx, "kf:bound", "m1", start)
			require.NoError(t, err)
			require.True(t, ok)
			sweep := func(days int, dry bool) []store.Swept {
				t.Helper()
				now = start.AddDate(0, 0, days)
				out, err := s.Sweep(ctx, store.Keep{Messages: 30, Tray: 7, Photos: 730, Departed: 180, Looks: 1100}, ledger.DayOf(now, time.UTC), dry, func(string) error { return nil })
				require.NoError(t, err)
				return out
			}
			assert.Empty(t, sweep(7, false))
			now = now.Add(time.Millisecond)
			for _, dry := range []bool{true, false} {
				assert.Equal(t, []store.Swept{{Class: "counts", Rows: 2}}, sweep(8, dry))
			}
			assert.Empty(t, sweep(90, false))
			for _, dry := range []bool{true, false} {
				assert.Equal(t, []store.Swept{{Class: "lines", Rows: 1}}, sweep(91, dry), "nobody has heard from an ended one")
			}
			assert.Equal(t, []store.Swept{{Class: "lines", Rows: 1}}, sweep(171, false))
			assert.Empty(t, sweep(400, false))
			for _, dry := range []bool{true, false} {
				assert.Equal(t, []store.Swept{{Class: "words", Rows: 1}}, sweep(401, dry))
			}
			_, found, err := s.WordOfMessage(ctx, "m1")
			require.NoError(t, err)
			assert.False(t, found)
			lines, err := s.LinesOf(ctx, "kf:bound", "kf:ended", "kf:talks")
			require.NoError(t, err)
			require.Len(t, lines, 1)
			assert.Equal(t, "kf:bound", lines[0].User)
		})
	}
}
