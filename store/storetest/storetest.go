// Package storetest opens real stores for tests: SQLite in a temporary folder, MariaDB and Redis on servers that the
// environment names. It fakes nothing and skips nothing.
package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sqldriver "github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"

	"xunfang/seal"
	"xunfang/store"
)

// Where the servers are: a DSN such as user:pass@tcp(127.0.0.1:3306)/ or root@unix(mysqld.sock)/ whose user may create
// databases, and a redis:// URL.
const (
	EnvMySQL = "XUNFANG_TEST_MYSQL"
	EnvRedis = "XUNFANG_TEST_REDIS"
)

// Drivers are the names of Each's subtests and the values Open and DSN take.
const (
	SQLite  = "sqlite"
	MariaDB = "mariadb"
)

// Each runs f twice, on a fresh migrated database of each kind.
func Each(t *testing.T, f func(t *testing.T, s *store.Store)) {
	t.Helper()
	for _, driver := range []string{SQLite, MariaDB} {
		t.Run(driver, func(t *testing.T) { f(t, Open(t, driver)) })
	}
}

// Open is a store on a fresh migrated database, closed when the test ends.
func Open(t testing.TB, driver string) *store.Store {
	t.Helper()
	s := OpenWith(t, DSN(t, driver))
	if err := s.Migrate(context.Background()); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return s
}

// OpenWith opens a store as told, closed when the test ends: a second process on the database of a first, for instance.
func OpenWith(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// DSN makes a fresh empty database and says how to open it; more options may be added. It is removed when the test ends.
func DSN(t testing.TB, driver string) store.Options {
	t.Helper()
	switch driver {
	case SQLite:
		return store.Options{Driver: store.SQLite, DSN: filepath.Join(t.TempDir(), "xunfang.db"), Keys: Keys()}
	case MariaDB:
		return store.Options{Driver: store.MySQL, DSN: database(t), Keys: Keys()}
	}
	t.Fatalf("storetest knows no database %q", driver)
	return store.Options{}
}

// Keys are fresh keys held in memory, the same at every call.
func Keys() func(bool) (*seal.Ring, error) {
	ring := seal.New(time.Now())
	return func(bool) (*seal.Ring, error) { return ring, nil }
}

func database(t testing.TB) string {
	t.Helper()
	dsn := os.Getenv(EnvMySQL)
	if dsn == "" {
		t.Fatalf("%s is not set: run ./check, which starts a private MariaDB", EnvMySQL)
	}
	c, err := sqldriver.ParseDSN(dsn)
	if err != nil {
		t.Fatalf("%s is no MySQL DSN", EnvMySQL)
	}
	name := "xunfang_test_" + strings.ToLower(rand.Text()[:16])
	run := func(statement string) error {
		db, err := sql.Open("mysql", dsn)
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.Exec(statement)
		return err
	}
	if err := run("CREATE DATABASE " + name); err != nil {
		t.Fatalf("create a database: %v", err)
	}
	t.Cleanup(func() {
		if err := run("DROP DATABASE " + name); err != nil {
			t.Errorf("drop the database: %v", err)
		}
	})
	c.DBName = name
	return c.FormatDSN()
}

// Redis is a client of a database of its own among the server's sixteen, emptied now and when the test ends.
func Redis(t testing.TB) *redis.Client {
	t.Helper()
	url := os.Getenv(EnvRedis)
	if url == "" {
		t.Fatalf("%s is not set: run ./check, which starts a private Redis", EnvRedis)
	}
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatalf("%s is no Redis URL", EnvRedis)
	}
	return redisDB(t, o)
}

// redisDB reserves one of the databases 1 to 15 by a key in database 0, so that packages tested side by side do not empty
// each other's.
func redisDB(t testing.TB, o *redis.Options) *redis.Client {
	t.Helper()
	ctx := context.Background()
	desk := redis.NewClient(o)
	t.Cleanup(func() { desk.Close() })
	deadline := time.Now().Add(time.Minute)
	for n := 1; ; n = n%15 + 1 {
		key := fmt.Sprintf("xunfang:test:db:%d", n)
		ok, err := desk.SetNX(ctx, key, "taken", 10*time.Minute).Result()
		if err != nil {
			t.Fatalf("reach Redis: %v", err)
		}
		if !ok {
			if n == 15 {
				if time.Now().After(deadline) {
					t.Fatal("all fifteen Redis databases have been taken for a minute")
				}
				time.Sleep(50 * time.Millisecond)
			}
			continue
		}
		own := *o
		own.DB = n
		c := redis.NewClient(&own)
		empty := func() {
			if err := c.FlushDB(ctx).Err(); err != nil {
				t.Errorf("empty a Redis database: %v", err)
			}
		}
		empty()
		t.Cleanup(func() {
			empty()
			c.Close()
			desk.Del(ctx, key)
		})
		return c
	}
}

// Bare is a plain connection pool on a fresh database, as durable as the store's own: for baselines.
func Bare(t testing.TB, driver string) *sql.DB {
	t.Helper()
	o := DSN(t, driver)
	name, dsn := "mysql", o.DSN
	if driver == SQLite {
		name, dsn = "sqlite", o.DSN+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate"
	}
	db, err := sql.Open(name, dsn)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if driver == SQLite {
		db.SetMaxOpenConns(1)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}
