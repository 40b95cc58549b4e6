package scheduler

import (
	"context"
	"fmt"
	"time"

	"github.com/robfig/cron/v3"
)

// Ticker wakes work at times of the county's day. It only wakes: what is to be done is computed by whoever it wakes, from
// what is stored, so that a missed or doubled tick changes nothing.
type Ticker struct {
	// Now is the clock handed to what is woken.
	Now  func() time.Time
	cron *cron.Cron
	ctx  context.Context // set while Run runs
}

// NewTicker makes a ticker whose specs are read in a zone.
func NewTicker(zone *time.Location) *Ticker {
	return &Ticker{Now: time.Now, ctx: context.Background(), cron: cron.New(cron.WithLocation(zone),
		cron.WithChain(cron.SkipIfStillRunning(cron.DiscardLogger)))}
}

// Every wakes f at the times of a cron spec: "30 3 * * *" is half past three each night, "@every 1m" each minute. A tick
// that finds the last one of the same spec still at work is skipped. It is called before Run.
func (t *Ticker) Every(spec string, f func(context.Context, time.Time)) error {
	if _, err := t.cron.AddFunc(spec, func() { f(t.ctx, t.Now()) }); err != nil {
		return fmt.Errorf("tick %q: %w", spec, err)
	}
	return nil
}

// Run wakes until the context ends, and returns when what it woke has finished.
func (t *Ticker) Run(ctx context.Context) {
	t.ctx = ctx
	t.cron.Start()
	<-ctx.Done()
	<-t.cron.Stop().Done()
}
