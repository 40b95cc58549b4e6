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
		if done, err := s.migrated(ctx, p); done || err != nil {
			return err
		}
		_, err = p.Up(ctx)
		if err == nil {
			return nil
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
	if exists, err := s.versioned(ctx); !exists || err != nil {
		return false, err
	}
	var have int64 // goose's own reading would write: it makes its table where there is none
	err := s.read.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&have)
	if err != nil {
		return false, fmt.Errorf("read the database's version: %w", err)
	}
	sources := p.ListSources()
	switch want := sources[len(sources)-1].Version; {
	case have > want:
		return false, fmt.Errorf("database at version %d, program at %d: %w", have, want, ErrNewer)
	default:
		return have == want, nil
	}
}

// versioned says whether goose has been here.
func (s *Store) versioned(ctx context.Context) (bool, error) {
	q := "SELECT COUNT(*) FROM sqlite_master WHERE name = 'goose_db_version'"
	if s.d.name == MySQL {
		q = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'goose_db_version'"
	}
	var n int
	if err := s.read.QueryRowContext(ctx, q).Scan(&n); err != nil {
		return false, fmt.Errorf("look for the database's version: %w", err)
	}
	return n > 0, nil
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
