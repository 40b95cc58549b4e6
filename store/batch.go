package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// work is one caller's unit: exactly one of the four is set. A committer takes all units that wait and makes them true in
// one transaction, one flush of the disk for all of them, then tells each caller how its own went.
type work struct {
	receive *Inbound
	turn    *Turn
	settle  *settlement
	claim   *claiming

	size  int
	err   error // ErrDuplicate, ErrStale or what went wrong
	state atomic.Int32
	done  chan struct{}
}

const (
	workWaits int32 = iota
	workTaken
	workDropped
)

// How much goes into one transaction. Bytes keep it under MySQL's usual max_allowed_packet of 16 MiB.
const (
	batchMax   = 256
	batchBytes = 4 << 20
)

// submit waits until the unit is durable or refused. Once a committer has taken it the caller waits for the outcome even
// when ctx ends: an outcome nobody knows is worse than a late one, and the caller's bytes are still being read.
func (s *Store) submit(ctx context.Context, w *work) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.done = make(chan struct{})
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return ErrClosed
	}
	select {
	case s.queue <- w:
		s.mu.RUnlock()
	case <-ctx.Done():
		s.mu.RUnlock()
		return ctx.Err()
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		if w.state.CompareAndSwap(workWaits, workDropped) {
			return ctx.Err()
		}
		<-w.done
	}
	return w.err
}

// commitLoop commits until the store is closed. It never waits for company: a lone caller pays for itself only, and while
// one transaction flushes the next one's units gather.
func (s *Store) commitLoop() {
	defer s.committers.Done()
	batch := make([]*work, 0, batchMax)
	for first := range s.queue {
		batch = batch[:0]
		size := 0
		take := func(w *work) {
			if w.state.CompareAndSwap(workWaits, workTaken) {
				batch = append(batch, w)
				size += w.size
			}
		}
		take(first)
	gather:
		for len(batch) < batchMax && size < batchBytes {
			select {
			case w, ok := <-s.queue:
				if !ok {
					break gather
				}
				take(w)
			default:
				break gather
			}
		}
		if len(batch) > 0 {
			s.commit(batch)
		}
	}
}

// commit answers every unit of the batch. What one unit does wrong must not harm its neighbours: if the batch fails as a
// whole, each unit is tried by itself.
func (s *Store) commit(batch []*work) {
	err := s.attempt(batch)
	if err != nil && len(batch) > 1 {
		for _, w := range batch {
			s.commit([]*work{w})
		}
		return
	}
	for _, w := range batch {
		if err != nil {
			w.err = err
		}
		close(w.done)
	}
}

// attempt tries a batch again where that helps: after losing a race for a key (the checks then see the winner), a
// deadlock, or a lock held too long.
func (s *Store) attempt(batch []*work) error {
	careful := false
	for try := 0; ; try++ {
		err := s.try(batch, careful)
		if err == nil || try == 6 || !errors.Is(err, errCollision) && !collided(err) && !passing(err) {
			return err
		}
		careful = true
		if try > 1 {
			time.Sleep(time.Duration(rand.IntN(5<<try)) * time.Millisecond)
		}
	}
}

var errCollision = errors.New("a key was taken between check and insert")

// try runs one transaction. The order of the steps is the order of locks, the same in every committer: lanes come before
// outbox rows, as they do when a sender claims.
func (s *Store) try(batch []*work, careful bool) (err error) {
	ctx := context.Background()
	b := bunch{s: s, careful: careful, now: s.now()}
	for _, w := range batch {
		w.err = nil
		switch {
		case w.receive != nil:
			b.receives = append(b.receives, w)
		case w.turn != nil:
			b.turns = append(b.turns, w)
		case w.settle != nil:
			b.settles = append(b.settles, w)
		default:
			b.claims = append(b.claims, w)
		}
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, undo(tx))
		}
	}()
	for _, step := range []func(context.Context, *sql.Tx) error{b.doReceives, b.doTurns, b.doSettles, b.doClaims} {
		if err = step(ctx, tx); err != nil {
			return err
		}
	}
	if err = s.durable(tx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if b.received > 0 {
		s.wakes.local(WakeInbox)
	}
	if b.due {
		s.Wake(WakeOutbox)
	}
	if b.edited {
		s.rosterMoved()
	}
	return nil
}

// bunch is a batch sorted by kind.
type bunch struct {
	s                                *Store
	careful                          bool // look for duplicates first
	now                              time.Time
	receives, turns, settles, claims []*work
	received                         int
	due                              bool // something to send at once
	edited                           bool // the ledger of people changed
}

// durable commits a transaction, as slowly as a slower disk would, where a benchmark asks for it.
func (s *Store) durable(tx *sql.Tx) error {
	if s.o.FlushDelay > 0 {
		time.Sleep(s.o.FlushDelay)
	}
	if s.o.Around != nil {
		return s.o.Around(tx.Commit)
	}
	return tx.Commit()
}

// undo rolls back; a transaction that is over already is none to complain about.
func undo(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}

// tx runs f in a transaction of its own, again if another process was in the way.
func (s *Store) tx(ctx context.Context, f func(*sql.Tx) error) error {
	for try := 0; ; try++ {
		err := s.txOnce(ctx, f)
		if err == nil || try == 6 || ctx.Err() != nil || !passing(err) && !collided(err) {
			return err
		}
		time.Sleep(time.Duration(rand.IntN(5<<try)) * time.Millisecond)
	}
}

func (s *Store) txOnce(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := f(tx); err != nil {
		return errors.Join(err, undo(tx))
	}
	if err := s.durable(tx); err != nil {
		return errors.Join(fmt.Errorf("commit: %w", err), undo(tx))
	}
	return nil
}
