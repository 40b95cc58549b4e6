package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// ErrNewer says that a newer program has migrated the database.
var ErrNewer = errors.New("the database was migrated by a newer version of this program: run that version, or restore the backup made before the update")

// Migrate brings the schema up to date. Several processes may do so at once, and one that broke off may be repeated.
func (s *Store) Migrate(ctx context.Context) error {
	p, err := s.goose()
	if err != nil {
		return err
	}
	// SQLite has no lock that outlives goose's transactions, so two processes that start together may collide in one
	// step; every step can be repeated, hence the loser looks again.
	for try := 0; ; try++ {
		if done, err := s.migrated(ctx, p); err != nil {
			return err
		} else if done {
			if err := s.loadKeys(ctx); err != nil { // another process may have made the database meanwhile, with another key file
				return err
			}
			return s.guard(ctx) // the database may let us now
		}
		if _, err = p.Up(ctx); err == nil {
			err = s.sealUp(ctx)
			if lost := (*KeyError)(nil); err == nil || errors.As(err, &lost) {
				return err
			}
		}
		if try == 5 || ctx.Err() != nil {
			return fmt.Errorf("migrate the database: %w", err)
		}
		time.Sleep(time.Duration(try+1) * 50 * time.Millisecond)
	}
}

// Migrated says whether the schema is the one this program needs; ErrNewer if it is a later one.
func (s *Store) Migrated(ctx context.Context) (bool, error) {
	p, err := s.goose()
	if err != nil {
		return false, err
	}
	return s.migrated(ctx, p)
}

func (s *Store) migrated(ctx context.Context, p *goose.Provider) (bool, error) {
	if exists, err := s.hasTable(ctx, "goose_db_version"); !exists || err != nil {
		return false, err
	}
	var have int64 // goose's own reading would write: it makes its table where there is none
	err := s.read.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&have)
	if err != nil {
		return false, fmt.Errorf("read the database's version: %w", err)
	}
	sources := p.ListSources()
	switch want := sources[len(sources)-1].Version; {
	case have == unfinished:
		return false, ErrUnfinished
	case have > want:
		return false, fmt.Errorf("database at version %d, program at %d: %w", have, want, ErrNewer)
	case have < want:
		return false, nil
	}
	return s.isSealed(ctx)
}

// isSealed says whether all that an older version left readable is sealed.
func (s *Store) isSealed(ctx context.Context) (bool, error) {
	var sealed int64
	if err := s.read.QueryRowContext(ctx, "SELECT n FROM versions WHERE name = 'sealed'").Scan(&sealed); err != nil {
		return false, fmt.Errorf("read whether the database is sealed: %w", err)
	}
	return sealed > 0, nil
}

// hasTable says whether a table is there.
func (s *Store) hasTable(ctx context.Context, name string) (bool, error) {
	q := "SELECT COUNT(*) FROM sqlite_master WHERE name = ?"
	if s.d.name == MySQL {
		q = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"
	}
	var n int
	if err := s.read.QueryRowContext(ctx, q, name).Scan(&n); err != nil {
		return false, fmt.Errorf("look for table %s: %w", name, err)
	}
	return n > 0, nil
}

// sealUp is what the SQL of a migration cannot do: it seals what an older version left readable, and guards the tables that
// are only ever added to. It may break off and be run again.
func (s *Store) sealUp(ctx context.Context) error {
	if err := s.registerKey(ctx, true); err != nil {
		return err
	}
	if err := s.loadKeys(ctx); err != nil { // another process may have come first, with another key file
		return err
	}
	if sealed, err := s.isSealed(ctx); err != nil {
		return err
	} else if sealed { // by an earlier update; anything plain was written by somebody else since
		return s.guard(ctx)
	}
	done, err := s.reseal(ctx, true)
	if err != nil {
		return err
	}
	if done.Rows > 0 && s.d.name == SQLite { // what was readable until now must not stay behind in free pages and in the log
		for _, q := range []string{"VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"} {
			if _, err := s.write.ExecContext(ctx, q); err != nil {
				return fmt.Errorf("clean the file of what was readable: %w", err)
			}
		}
	}
	if err := s.relookup(ctx); err != nil {
		return err
	}
	if err := s.guard(ctx); err != nil {
		return err
	}
	if _, err := s.write.ExecContext(ctx, "UPDATE versions SET n = 1 WHERE name = 'sealed'"); err != nil {
		return fmt.Errorf("note that the database is sealed: %w", err)
	}
	return nil
}

func (s *Store) goose() (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations/"+s.d.name)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	kind, opts := goose.DialectSQLite3, []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if s.d.name == MySQL {
		kind, opts = goose.DialectMySQL, append(opts, goose.WithSessionLocker(namedLock{}))
	}
	p, err := goose.NewProvider(kind, s.write, dir, opts...)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return p, nil
}

// namedLock lets one process at a time migrate a MySQL database. Locks belong to the server, so the name holds the
// database's; the server drops it when the connection dies.
type namedLock struct{}

const lockName = "CONCAT('xunfang/', MD5(DATABASE()))"

func (namedLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK("+lockName+", 50)").Scan(&got); err != nil {
		return fmt.Errorf("take the migration lock: %w", err)
	}
	if got.Int64 != 1 {
		return errors.New("another process has been migrating for 50 seconds")
	}
	return nil
}

func (namedLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "DO RELEASE_LOCK("+lockName+")"); err != nil {
		return fmt.Errorf("release the migration lock: %w", err)
	}
	return nil
}
