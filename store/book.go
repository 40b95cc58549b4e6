package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"xunfang/ledger"
)

// rosterLook is how long a roster is taken for the newest without a look: every turn reads it, and imports are rare.
const rosterLook = 500 * time.Millisecond

// Roster is the ledger's people in memory, shared by all readers. It is read again when somebody, this process or another,
// has imported since: one look at one row finds out, at most twice a second.
func (s *Store) Roster(ctx context.Context) (*ledger.Roster, error) {
	s.rosterMu.Lock()
	if s.roster != nil && time.Since(s.rosterSeen) < rosterLook {
		defer s.rosterMu.Unlock()
		return s.roster, nil
	}
	s.rosterMu.Unlock()
	version, err := rosterVersion(s.quick(ctx), s.read, "")
	if err != nil {
		return nil, err
	}
	s.rosterMu.Lock()
	defer s.rosterMu.Unlock()
	s.rosterSeen = time.Now()
	if s.roster != nil && version == s.rosterVersion {
		return s.roster, nil
	}
	b, version, err := s.refreshed(ctx)
	if err != nil {
		return nil, err
	}
	s.roster, s.rosterVersion = ledger.NewRoster(b), version
	return s.roster, nil
}

// refreshMost is how many changes are read one by one: after an import everything is read again.
const refreshMost = 500

// refreshed is the newest book. Most edits concern one elder, and reading a county of 50,000 takes seconds, so only what
// changed since the roster at hand is read where that is possible.
func (s *Store) refreshed(ctx context.Context) (b ledger.Book, version int64, err error) {
	if s.roster == nil {
		return s.book(ctx)
	}
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{Isolation: s.d.snapshot, ReadOnly: true})
	if err != nil {
		return b, 0, fmt.Errorf("read the ledger: %w", err)
	}
	defer tx.Rollback() // nothing was written
	if version, err = rosterVersion(ctx, tx, ""); err != nil {
		return b, 0, err
	}
	elders, users, revisions, rows, regions := map[string]bool{}, map[string]bool{}, map[int64]bool{}, 0, false
	err = each(ctx, tx, "SELECT n, tbl, row_, elder_id FROM changes WHERE n > ? ORDER BY n LIMIT ?", []any{s.rosterVersion, refreshMost + 1}, func(r *sql.Rows) error {
		var n int64
		var table, row, elder string
		err := r.Scan(&n, &table, &row, &elder)
		revisions[n] = true
		rows++
		switch table {
		case ledger.TableRegions, ledger.TableRounds:
			regions = true
		case ledger.TablePeople, ledger.TablePosts, ledger.TableLeaves:
			user, _, _ := strings.Cut(row, "\t")
			users[user] = true
		default:
			elders[elder] = true
		}
		return err
	})
	if err != nil {
		return b, 0, fmt.Errorf("read what changed: %w", err)
	}
	if regions || rows > refreshMost || int64(len(revisions)) != version-s.rosterVersion {
		return s.book(ctx)
	}
	part, err := s.readBook(ctx, tx, &scope{elderIDs: slices.Collect(maps.Keys(elders)), userIDs: slices.Collect(maps.Keys(users))})
	if err != nil {
		return b, 0, err
	}
	b = s.roster.Book().With(part, elders, users)
	b.Version = version
	return b, version, nil
}

func rosterVersion(ctx context.Context, q querier, lock string) (version int64, err error) {
	if err := q.QueryRowContext(ctx, "SELECT n FROM versions WHERE name = 'roster'"+lock).Scan(&version); err != nil {
		return 0, fmt.Errorf("read the roster's version: %w", err)
	}
	return version, nil
}

// Book is the whole ledger of people, in the order of its keys.
func (s *Store) Book(ctx context.Context) (ledger.Book, error) {
	b, _, err := s.book(ctx)
	return b, err
}

// book reads everything as of one moment.
func (s *Store) book(ctx context.Context) (b ledger.Book, version int64, err error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{Isolation: s.d.snapshot, ReadOnly: true})
	if err != nil {
		return b, 0, fmt.Errorf("read the ledger: %w", err)
	}
	defer tx.Rollback() // nothing was written
	if version, err = rosterVersion(ctx, tx, ""); err != nil {
		return b, 0, err
	}
	if b, err = s.readBook(ctx, tx, nil); err != nil {
		return b, 0, err
	}
	b.Version = version
	return b, version, nil
}

// readBook reads the rows of a book, or of a part of it.
func (s *Store) readBook(ctx context.Context, q querier, only *scope) (b ledger.Book, err error) {
	for _, read := range []func() error{
		func() (err error) { b.Regions, err = readRows[ledger.Region](ctx, s, q, only.regions("code")); return },
		func() (err error) { b.People, err = readRows[ledger.Person](ctx, s, q, only.users()); return },
		func() (err error) { b.Posts, err = readRows[ledger.Post](ctx, s, q, only.users()); return },
		func() (err error) { b.Elders, err = readRows[ledger.Elder](ctx, s, q, only.elders("id")); return },
		func() (err error) {
			b.Assignments, err = readRows[ledger.Assignment](ctx, s, q, only.elders("elder_id"))
			return
		},
		func() (err error) {
			b.Tierings, err = readRows[ledger.Tiering](ctx, s, q, only.elders("elder_id"))
			return
		},
		func() (err error) { b.Kin, err = readRows[ledger.Kin](ctx, s, q, only.elders("elder_id")); return },
		func() (err error) { b.Pairs, err = readRows[ledger.Pair](ctx, s, q, only.elders("elder_id")); return },
		func() (err error) {
			b.Standings, err = readRows[ledger.Standing](ctx, s, q, only.elders("elder_id"))
			return
		},
		func() (err error) { b.Leaves, err = readRows[ledger.Leave](ctx, s, q, only.users()); return },
		func() (err error) { b.Rounds, err = readRows[ledger.Round](ctx, s, q, only.regions("region")); return },
		func() (err error) {
			b.Follows, err = readRows[ledger.Follow](ctx, s, q, only.elders("elder_id"))
			return
		},
		func() (err error) { b.Bonds, err = readRows[ledger.Bond](ctx, s, q, only.elders("elder_id")); return },
		func() (err error) {
			b.Leaflets, err = readRows[ledger.Leaflet](ctx, s, q, only.elders("elder_id"))
			return
		},
	} {
		if err := read(); err != nil {
			return b, fmt.Errorf("read the ledger: %w", err)
		}
	}
	return b, nil
}

// SaveBook writes what an edit's book says that the ledger does not say yet, in one transaction and one revision; the same
// book again changes nothing. Rows absent from it stay. In a row "" and zero leave the value, "-" clears a text or a day. A
// dated row without From holds from today: whoever or whatever held until now and differs is ended yesterday.
func (s *Store) SaveBook(ctx context.Context, e ledger.Edit) (ledger.Summary, error) {
	// The differences are worked out before the transaction: on SQLite callbacks wait for it.
	for {
		old, version, err := s.book(ctx)
		if err != nil {
			return ledger.Summary{}, err
		}
		d, err := old.Compare(e)
		if err != nil || d.Empty() {
			return d.Summary(), err
		}
		saved := false
		err = s.tx(ctx, func(tx *sql.Tx) error {
			saved = false
			now, err := rosterVersion(ctx, tx, s.d.forUpdate)
			if err != nil || now != version {
				return err // somebody else's edit came first: compare with what it left
			}
			if err := s.writeRevision(context.WithoutCancel(ctx), tx, d, version+1, e); err != nil {
				return fmt.Errorf("write the ledger: %w", err)
			}
			saved = true
			return nil
		})
		if err != nil {
			return ledger.Summary{}, err
		}
		if saved {
			s.rosterMoved()
			return d.Summary(), nil
		}
	}
}

// rosterMoved has the next reader look: whoever changed the ledger sees it at once.
func (s *Store) rosterMoved() {
	s.rosterMu.Lock()
	s.rosterSeen = time.Time{}
	s.rosterMu.Unlock()
}
