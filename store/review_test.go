package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"xunfang/ledger"
	"xunfang/store"
	"xunfang/store/storetest"
)

func TestReviews(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		commit := func(c ledger.Changes) error { return s.Commit(ctx, store.Turn{Changes: c}) }
		review := func(key, facts string, minutes int) ledger.Review {
			return ledger.Review{Key: key, Kind: ledger.ReviewBurst, UserID: "zhang", Day: today, Numbers: []string{facts + "-1", facts + "-2"}, Facts: facts,
				State: ledger.ReviewOpen, At: start.Add(time.Duration(minutes) * time.Minute)}
		}
		reads := func(want []ledger.Review, states ...ledger.ReviewState) {
			t.Helper()
			got, err := s.Reviews(ctx, states...)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
		reads(nil)
		a, b := review("a", "四十次", 2), review("b", "同样的话", 1)
		plain := a
		plain.State = "" // open is what a new one is
		require.NoError(t, commit(ledger.Changes{Reviews: []ledger.Review{plain, b}}))
		reads([]ledger.Review{b, a})

		// What is known grows; what was said stays.
		require.NoError(t, commit(ledger.Changes{Reviewed: []ledger.Reviewed{{Key: "a", Answer: "纸质补录", By: "zhang"}}}))
		a = review("a", "四十三次", 5)
		require.NoError(t, commit(ledger.Changes{Reviews: []ledger.Review{a}}))
		a.Answer = "纸质补录"
		reads([]ledger.Review{b, a}, ledger.ReviewOpen)

		// Somebody looked: nothing changes it any more but a later answer.
		require.NoError(t, commit(ledger.Changes{Reviewed: []ledger.Reviewed{{Key: "a", State: ledger.ReviewKept, By: "town"}, {Key: "b", State: ledger.ReviewCleared, Answer: "一次走访多户", By: "town"}}}))
		a.State, a.By, b.State, b.By, b.Answer = ledger.ReviewKept, "town", ledger.ReviewCleared, "town", "一次走访多户"
		require.NoError(t, commit(ledger.Changes{Reviews: []ledger.Review{review("a", "五十次", 9), review("b", "x", 9)}}))
		reads([]ledger.Review{b, a})
		for _, key := range []string{"a", "b", "nothing"} {
			for _, state := range []ledger.ReviewState{ledger.ReviewCleared, ledger.ReviewOpen} {
				err := commit(ledger.Changes{Reviewed: []ledger.Reviewed{{Key: key, Answer: "no", State: state, By: "other"}}, Messages: []ledger.Message{text("r", "zhang", 1)}})
				require.ErrorIs(t, err, store.ErrStale)
			}
		}
		reads([]ledger.Review{b, a})
		rows, err := s.Outbox(ctx, store.OutboxFilter{})
		require.NoError(t, err)
		assert.Empty(t, rows)
		require.NoError(t, commit(ledger.Changes{Reviewed: []ledger.Reviewed{{Key: "a", Answer: "误操作"}, {Key: "nothing", Answer: "误操作"}, {Key: "b"}}}))
		a.Answer = "误操作"
		reads([]ledger.Review{a}, ledger.ReviewKept)
		reads([]ledger.Review{b, a}, ledger.ReviewKept, ledger.ReviewCleared)
		reads(nil, ledger.ReviewOpen)
	})
}

func TestReviewIsSettledOnce(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		o.FlushDelay, o.Committers = 5*time.Millisecond, 1
		stores := []*store.Store{opened(t, o), opened(t, o)}
		for round := range 5 {
			key := fmt.Sprint("burst/", round)
			one := store.Turn{Changes: ledger.Changes{Reviews: []ledger.Review{{Key: key, Kind: ledger.ReviewBurst, UserID: "zhang", Facts: "x", At: start}}}}
			assert.Equal(t, 4, together(t, stores, one, one, one, one), "found by everybody at once, it is one")
			var turns []store.Turn
			for g := range 6 {
				turns = append(turns, store.Turn{Changes: ledger.Changes{Reviewed: []ledger.Reviewed{{Key: key, State: ledger.ReviewCleared, By: fmt.Sprint(g)}}}})
			}
			assert.Equal(t, 1, together(t, stores, turns...))
		}
		got, err := stores[0].Reviews(ctx, ledger.ReviewCleared)
		require.NoError(t, err)
		assert.Len(t, got, 5)
	})
}

func TestPicturesAreComparedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		photo := func(key string, n int) ledger.Photo {
			return ledger.Photo{Key: key, UserID: "zhang", EntryKey: visit(1, "e1", today).Key, MediaID: "M" + key, State: ledger.PhotoWanted, At: start.Add(time.Duration(n) * time.Minute)}
		}
		undone := visit(2, "e1", today)
		undone.Outcome = ledger.OutcomeUndone
		voice, tray, void, other := photo("voice", 0), photo("tray", 0), photo("void", 0), photo("other", 3)
		voice.Kind, tray.EntryKey, void.EntryKey, other.UserID = ledger.MediaVoice, "", undone.Key, "li"
		all := []ledger.Photo{photo("b", 2), photo("a", 1), photo("wanted", 0), photo("lost", 0), photo("blind", 4), voice, tray, void, other}
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: []ledger.Entry{visit(1, "e1", today), undone}, Photos: all}}))
		for _, p := range all {
			switch p.Key {
			case "lost":
				require.NoError(t, s.PhotoLost(ctx, p.Key))
			case "blind":
				require.NoError(t, s.PhotoStored(ctx, p.Key, "h", 1, ""))
			case "wanted":
			default:
				require.NoError(t, s.PhotoStored(ctx, p.Key, "h"+p.Key, 1, "look of "+p.Key))
			}
		}
		names := func(photos []ledger.Photo, err error) string {
			t.Helper()
			require.NoError(t, err)
			var out []string
			for _, p := range photos {
				assert.Equal(t, ledger.PhotoStored, p.State)
				if p.Key != "blind" {
					assert.Equal(t, "look of "+p.Key, p.Look)
				}
				out = append(out, p.Key)
			}
			return strings.Join(out, " ")
		}
		assert.Equal(t, "a b other blind", names(s.Uncompared(ctx, 10)))
		assert.Equal(t, "a b", names(s.Uncompared(ctx, 2)))
		require.NoError(t, s.Compared(ctx, "a", "blind"))
		require.NoError(t, s.Compared(ctx))
		assert.Equal(t, "b other", names(s.Uncompared(ctx, 10)))
		assert.Equal(t, "a b", names(s.Pictured(ctx, "zhang", start)), "compared or not")
		assert.Equal(t, "b", names(s.Pictured(ctx, "zhang", start.Add(2*time.Minute))))

		// What lay in the tray is compared when it is bound, what belonged to a record undone when it belongs to another one.
		bound := tray
		bound.EntryKey = visit(1, "e1", today).Key
		now := undone
		now.Version = 2
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Photos: []ledger.Photo{bound},
			Amended: []ledger.Amendment{{Key: "a1", Was: undone, Now: now, Instead: visit(1, "e1", today).Key, By: "zhang", At: start}}}}))
		assert.Equal(t, "tray void b other", names(s.Uncompared(ctx, 10)))
	})
}

// What is spoken pictures nothing.
func TestVoiceIsNoPhoto(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		undone, shown, spoken := visit(1, "e1", today), visit(2, "e1", today), visit(3, "e1", today)
		undone.Outcome = ledger.OutcomeUndone
		voice := ledger.Photo{Key: "v", Kind: ledger.MediaVoice, UserID: "zhang", EntryKey: spoken.Key, MediaID: "M", State: ledger.PhotoWanted, At: start}
		p := picture("p", shown.Key)
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: ledger.Changes{Entries: []ledger.Entry{undone, shown, spoken}, Photos: []ledger.Photo{voice, p}}}))
		n, err := s.Unpictured(ctx, "zhang", today)
		require.NoError(t, err)
		assert.Equal(t, 1, n, "the one with a voice message alone; nothing is missing from one undone")
		require.NoError(t, s.PhotoStored(ctx, "v", "h", 5, ""))
		voice.State, voice.Hash, voice.Bytes = ledger.PhotoStored, "h", 5
		got, err := s.PhotosOf(ctx, []string{shown.Key, spoken.Key})
		require.NoError(t, err)
		assert.Equal(t, []ledger.Photo{p, voice}, got)
	})
}
