package scheduler

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTickerWakesInTheCountysZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone := time.FixedZone("CST", 8*60*60)
		ticker := NewTicker(zone)
		var woken []string
		if err := ticker.Every("30 3 * * *", func(_ context.Context, now time.Time) {
			woken = append(woken, now.In(zone).Format(time.DateTime))
		}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 72*time.Hour)
		defer cancel()
		ticker.Run(ctx) // the bubble's clock starts at 2000-01-01 08:00 in Shanghai
		want := []string{"2000-01-02 03:30:00", "2000-01-03 03:30:00", "2000-01-04 03:30:00"}
		if diff := cmp.Diff(want, woken); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTickerSkipsWhileAtWorkAndWaitsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ticker := NewTicker(time.UTC)
		began, ended := 0, 0
		if err := ticker.Every("@every 1m", func(ctx context.Context, _ time.Time) {
			began++
			time.Sleep(150 * time.Second)
			ended++
		}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		start := time.Now()
		ticker.Run(ctx)
		// At 1 minute until 3½, at 4 until 6½; the end at 5 waits for it.
		if began != 2 || ended != 2 || time.Since(start) != 390*time.Second {
			t.Errorf("began %d, ended %d, after %s", began, ended, time.Since(start))
		}
	})
}

func TestTickerHandsOnItsClockAndTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ticker := NewTicker(time.UTC)
		then := time.Date(2026, 3, 31, 23, 59, 59, 0, time.UTC)
		ticker.Now = func() time.Time { return then }
		ctx, cancel := context.WithCancel(t.Context())
		var got time.Time
		if err := ticker.Every("@every 1s", func(woken context.Context, now time.Time) {
			got = now
			cancel()
			<-woken.Done() // what is woken hears of the end
		}); err != nil {
			t.Fatal(err)
		}
		ticker.Run(ctx)
		if got != then {
			t.Errorf("woken at %s", got)
		}
	})
}

func TestTickerRefusesABadSpec(t *testing.T) {
	woken := func(context.Context, time.Time) {}
	for _, spec := range []string{"", "every day", "61 * * * *", "* * * * * *"} {
		if err := NewTicker(time.UTC).Every(spec, woken); err == nil {
			t.Errorf("%q accepted", spec)
		}
	}
}
