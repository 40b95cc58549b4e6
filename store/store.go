// Package store is what must survive: inbox, conversations, ledger, outbox, in SQLite or in MySQL/MariaDB. It makes one
// unit of work true, whole or not at all, and hands out what is to be sent. It decides nothing about elders, speaks to
// nobody. What is personal lies sealed under keys that it is given.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/glebarez/sqlite"
	sqldriver "github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
	"gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"xunfang/ledger"
	"xunfang/seal"
)

// Errors that callers branch on.
var (
	ErrDuplicate = errors.New("message was received before")
	ErrStale     = errors.New("the world moved on: read again and decide again")
	ErrUnknown   = errors.New("no such row")
	ErrClosed    = errors.New("store is closed")
)

// Drivers.
const (
	SQLite = "sqlite"
	MySQL  = "mysql"
)

// Options say where the store lives.
type Options struct {
	Driver     string // SQLite | MySQL
	DSN        string // a path for SQLite, user:password@tcp(host:port)/name for MySQL
	Redis      *redis.Client
	Keys       func(first bool) (*seal.Ring, error) // reads the key file; first: nothing is sealed yet, it may be made
	Now        func() time.Time
	Log        *slog.Logger
	Committers int           // MySQL only; 0: 4, with more the batches shrink
	FlushDelay time.Duration // for benchmarks: slept in every commit, as a county's disk would

	Around func(commit func() error) error // for tests of what a kill on either side of a commit leaves: called instead of each
}

// Store is one database, open.
type Store struct {
	o     Options
	now   func() time.Time
	log   *slog.Logger
	d     dialect
	write *sql.DB  // SQLite: one connection; SQLite has one writer, so queue here, not on SQLITE_BUSY
	read  *sql.DB  // the same as write with MySQL
	gorm  *gorm.DB // over write

	queue      chan *work
	mu         sync.RWMutex // guards closed against a send on the closed queue
	closed     bool
	committers sync.WaitGroup

	leases atomic.Int64 // claims so far

	wakes wakes
	local localTokens

	pending gather[pendingOf, []Inbound]
	entries gather[entriesOf, []ledger.Entry]

	ring     atomic.Pointer[seal.Ring]
	keysMu   sync.Mutex
	keysRead time.Time

	rosterMu      sync.Mutex
	roster        *ledger.Roster
	rosterVersion int64
	rosterSeen    time.Time // when the version was last looked at
}

// Open connects. It does not migrate: a store that is not Migrated answers reads and writes with errors.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{o: o, now: o.Now, log: o.Log, queue: make(chan *work, 4*batchMax)}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	n := 1
	var err error
	var over gorm.Dialector
	switch o.Driver {
	case SQLite:
		s.d = sqliteDialect
		if s.write, s.read, err = openSQLite(o.DSN); err != nil {
			return nil, err
		}
		over = &sqlite.Dialector{Conn: s.write}
	case MySQL:
		s.d = mysqlDialect
		if s.write, err = openMySQL(o.DSN); err != nil {
			return nil, err
		}
		s.read = s.write
		over = mysql.New(mysql.Config{Conn: s.write})
		if n = o.Committers; n <= 0 {
			n = 4
		}
	default:
		return nil, fmt.Errorf("database driver %q is neither %s nor %s", o.Driver, SQLite, MySQL)
	}
	if err := s.write.PingContext(ctx); err != nil {
		s.closePools()
		return nil, fmt.Errorf("reach the %s database: %w", o.Driver, err)
	}
	// gorm's own logger prints values, and ours are personal data.
	s.gorm, err = gorm.Open(over, &gorm.Config{Logger: logger.Discard, SkipDefaultTransaction: true})
	if err != nil {
		s.closePools()
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	if err := s.loadKeys(ctx); err != nil {
		return nil, errors.Join(err, s.closePools())
	}
	s.committers.Add(n)
	for range n {
		go s.commitLoop()
	}
	s.pending.start(n, s.readPending)
	s.entries.start(n, s.readEntries)
	s.wakes.start(s)
	return s, nil
}

// Close finishes what is queued and disconnects. The Redis client stays open: it is the caller's.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.queue)
	s.mu.Unlock()
	s.committers.Wait()
	s.pending.stop()
	s.entries.stop()
	s.wakes.stop()
	return s.closePools()
}

func (s *Store) closePools() error {
	if s.read != nil && s.read != s.write {
		return errors.Join(s.read.Close(), s.write.Close())
	}
	return s.write.Close()
}

// Ping says whether the database can be reached.
func (s *Store) Ping(ctx context.Context) error { return s.read.PingContext(ctx) }

// openSQLite opens the writer, one connection whose transactions take the write lock at once, and the readers. Without
// _txlock=immediate a transaction that reads before it writes fails under load, whatever the time-out.
func openSQLite(path string) (write, read *sql.DB, err error) {
	if path == "" || path == ":memory:" || strings.Contains(path, "?") {
		return nil, nil, fmt.Errorf("SQLite needs the path of a file without a question mark, not %q", path)
	}
	pragmas := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "cache_size(-16384)"}}
	// Not _time_format: go-sqlite stops reading parameters there and forgets _txlock; its default is the format we want.
	w := url.Values{"_pragma": pragmas["_pragma"], "_txlock": {"immediate"}}
	if write, err = sql.Open(sqlite.DriverName, path+"?"+w.Encode()); err != nil {
		return nil, nil, fmt.Errorf("open SQLite: %w", err)
	}
	write.SetMaxOpenConns(1)
	pragmas.Add("_pragma", "query_only(1)")
	if read, err = sql.Open(sqlite.DriverName, path+"?"+pragmas.Encode()); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open SQLite: %w", err), write.Close())
	}
	n := max(4, runtime.NumCPU())
	read.SetMaxOpenConns(n)
	read.SetMaxIdleConns(n)
	return write, read, nil
}

// openMySQL forces what the store's statements rely on, whatever the DSN says.
func openMySQL(dsn string) (*sql.DB, error) {
	c, err := sqldriver.ParseDSN(dsn)
	if err != nil {
		return nil, errors.New("the MySQL DSN is not of the form user:password@tcp(host:port)/name") // err may repeat the password
	}
	c.InterpolateParams = true // one round trip a statement
	c.ParseTime = true
	c.Loc = time.UTC
	c.ClientFoundRows = false // an unchanged row must not count as affected
	c.Collation = "utf8mb4_bin"
	if err := c.Apply(sqldriver.Charset("utf8mb4", "utf8mb4_bin")); err != nil {
		return nil, fmt.Errorf("open MySQL: %w", err)
	}
	c.Logger = log.New(io.Discard, "", 0) // it says "busy buffer" and the like; what matters comes back as an error
	for _, t := range []struct {
		at *time.Duration
		to time.Duration
	}{{&c.Timeout, 5 * time.Second}, {&c.ReadTimeout, 60 * time.Second}, {&c.WriteTimeout, 30 * time.Second}} {
		if *t.at == 0 {
			*t.at = t.to
		}
	}
	connector, err := sqldriver.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("open MySQL: %w", err)
	}
	db := sql.OpenDB(session{connector})
	db.SetMaxOpenConns(40)
	db.SetMaxIdleConns(40)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, nil
}

// session sets what a DSN cannot say in one way for both MySQL and MariaDB. READ COMMITTED: a committer must see what
// another one left, and gap locks would make neighbours wait. Strict: a text that is too long is an error, not cut off.
type session struct{ driver.Connector }

func (c session) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, q := range []string{
		"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
		"SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_ZERO_IN_DATE', innodb_lock_wait_timeout = 10",
	} {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, q, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("set up a MySQL session: %w", err), conn.Close())
		}
	}
	return conn, nil
}

// moment is an instant of the hot tables; the zero time is 0.
func moment(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMoment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// second is an instant of the ledger tables: UTC and whole seconds, so that SQLite's texts compare as times do.
func second(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// quick is the context of a read that takes microseconds: go-sqlite starts a goroutine for every statement whose context
// can end, which costs more than the read.
func (s *Store) quick(ctx context.Context) context.Context {
	if s.d.name == SQLite {
		return context.WithoutCancel(ctx)
	}
	return ctx
}
