package store

import (
	"context"
	"sync"
)

// gather answers the same kind of read for many callers with one statement. SQLite compiles a statement anew each time and
// MariaDB wants a round trip for it, which costs more than the rows; like the committers it never waits for company.
type gather[Q, R any] struct {
	queue chan *asked[Q, R]
	read  func(context.Context, []Q) ([]R, error) // one answer a question, in their order
	done  sync.WaitGroup
}

type asked[Q, R any] struct {
	question Q
	answer   R
	err      error
	done     chan struct{}
}

// gatherMax is how many callers share a statement.
const gatherMax = 32

func (g *gather[Q, R]) start(readers int, read func(context.Context, []Q) ([]R, error)) {
	g.queue, g.read = make(chan *asked[Q, R], 4*gatherMax), read
	for range readers {
		g.done.Go(g.loop)
	}
}

func (g *gather[Q, R]) loop() {
	for first := range g.queue {
		batch := []*asked[Q, R]{first}
	more:
		for len(batch) < gatherMax {
			select {
			case a, ok := <-g.queue:
				if !ok {
					break more
				}
				batch = append(batch, a)
			default:
				break more
			}
		}
		questions := make([]Q, len(batch))
		for i, a := range batch {
			questions[i] = a.question
		}
		answers, err := g.read(context.Background(), questions)
		for i, a := range batch {
			if a.err = err; err == nil {
				a.answer = answers[i]
			}
			close(a.done)
		}
	}
}

// ask waits for the answer; it may come while nobody waits for it any more.
func (g *gather[Q, R]) ask(ctx context.Context, s *Store, q Q) (none R, err error) {
	a := &asked[Q, R]{question: q, done: make(chan struct{})}
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return none, ErrClosed
	}
	select {
	case g.queue <- a:
		s.mu.RUnlock()
	case <-ctx.Done():
		s.mu.RUnlock()
		return none, ctx.Err()
	}
	select {
	case <-a.done:
		return a.answer, a.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

func (g *gather[Q, R]) stop() {
	close(g.queue)
	g.done.Wait()
}
