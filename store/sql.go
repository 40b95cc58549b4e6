package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	gosqlite "github.com/glebarez/go-sqlite"
	sqldriver "github.com/go-sql-driver/mysql"
)

// dialect is where the two databases differ in our statements.
type dialect struct {
	name       string
	forUpdate  string
	share      string // others may look, too, but not write
	skipLocked string
	least      string
	useIndex   string // format of an index hint
	byID       string // index hint: MySQL would rather lock every waiting row than those named
	snapshot   sql.IsolationLevel
	params     int // in one INSERT
}

var (
	sqliteDialect = dialect{name: SQLite, least: "MIN", useIndex: " INDEXED BY %s", params: 500} // the one writer needs no row locks
	mysqlDialect  = dialect{name: MySQL, forUpdate: " FOR UPDATE", share: " LOCK IN SHARE MODE", skipLocked: " FOR UPDATE SKIP LOCKED", least: "LEAST", useIndex: " FORCE INDEX (%s)",
		byID: " FORCE INDEX (PRIMARY)", snapshot: sql.LevelRepeatableRead, params: 8000}
)

// ignore ends an INSERT whose rows may be there already. Not INSERT IGNORE: that would also swallow every other fault.
func (d dialect) ignore(key string) string {
	if d.name == SQLite {
		return " ON CONFLICT DO NOTHING"
	}
	return fmt.Sprintf(" ON DUPLICATE KEY UPDATE %[1]s = %[1]s", key)
}

// upsert ends an INSERT whose rows change what is there; {col} in sets is the value that was to be inserted.
func (d dialect) upsert(key, sets string) string {
	if d.name == SQLite {
		return fmt.Sprintf(" ON CONFLICT (%s) DO UPDATE SET %s", key, excluded.Replace(sets))
	}
	return " ON DUPLICATE KEY UPDATE " + values.Replace(sets)
}

var (
	excluded = strings.NewReplacer("{", "excluded.", "}", "")
	values   = strings.NewReplacer("{", "VALUES(", "}", ")")
)

// packed reads columns, none of which is NULL, as one: what a driver spends on each of a row's columns is more than the row costs.
func (d dialect) packed(columns string) string {
	if d.name == SQLite {
		return strings.ReplaceAll(columns, ", ", " || '"+packing+"' || ")
	}
	return "CONCAT_WS('" + packing + "', " + columns + ")"
}

// packing stands between them; nobody can type it.
const packing = "\x1f"

// fields are the rest of such a row.
type fields string

func (f *fields) text() string {
	field, rest, _ := strings.Cut(string(*f), packing)
	*f = fields(rest)
	return field
}

func (f *fields) number() int {
	n, _ := strconv.Atoi(f.text()) // the database wrote it
	return n
}

// querier is a pool or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// marks is n question marks with commas.
func marks(n int) string {
	if n == 0 {
		return ""
	}
	return strings.Repeat("?,", n-1) + "?"
}

// insert writes rows of cols values each, args flat, in few statements: both drivers parse a statement anew each time, so
// one of sixty rows costs a fifth of sixty of one. But SQLite's parser takes long over thousands of parameters.
func (d dialect) insert(ctx context.Context, q querier, head string, cols int, args []any, tail string) (affected int64, err error) {
	row := "(" + marks(cols) + ")"
	for len(args) > 0 {
		n := min(max(1, d.params/cols), len(args)/cols)
		res, err := q.ExecContext(ctx, head+" VALUES "+strings.Repeat(row+",", n-1)+row+tail, args[:n*cols]...)
		if err != nil {
			return affected, err
		}
		k, err := res.RowsAffected()
		if err != nil {
			return affected, err
		}
		affected += k
		args = args[n*cols:]
	}
	return affected, nil
}

// listMax is how many values go into one IN list.
const listMax = 500

// query runs a statement whose text holds one IN (%s) for each chunk of the list, and hands every row to scan. args come
// after the list.
func query[T any](ctx context.Context, q querier, text string, list []T, args []any, scan func(*sql.Rows) error) error {
	for len(list) > 0 {
		n := min(listMax, len(list))
		all := make([]any, 0, n+len(args))
		for _, v := range list[:n] {
			all = append(all, v)
		}
		list = list[n:]
		if err := each(ctx, q, strings.Replace(text, "%s", marks(n), 1), append(all, args...), scan); err != nil {
			return err
		}
	}
	return nil
}

// exec is query for statements without rows.
func exec[T any](ctx context.Context, q querier, text string, list []T, before ...any) (affected int64, err error) {
	for len(list) > 0 {
		n := min(listMax, len(list))
		all := append(make([]any, 0, n+len(before)), before...)
		for _, v := range list[:n] {
			all = append(all, v)
		}
		list = list[n:]
		k, err := changed(q.ExecContext(ctx, strings.Replace(text, "%s", marks(n), 1), all...))
		if err != nil {
			return affected, err
		}
		affected += k
	}
	return affected, nil
}

func each(ctx context.Context, q querier, text string, args []any, scan func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// changed is how many rows a statement changed.
func changed(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// SQLite's extended result codes (sqlite.org/rescode.html) and MySQL's error numbers.
const (
	sqliteBusy             = 5
	sqliteLocked           = 6
	sqliteConstraintKey    = 1555
	sqliteConstraintUnique = 2067

	mysqlDuplicate   = 1062
	mysqlLockTimeout = 1205
	mysqlDeadlock    = 1213
)

// collided says that a row with the same key came first.
func collided(err error) bool {
	if e := (*gosqlite.Error)(nil); errors.As(err, &e) {
		return e.Code() == sqliteConstraintKey || e.Code() == sqliteConstraintUnique
	}
	e := (*sqldriver.MySQLError)(nil)
	return errors.As(err, &e) && e.Number == mysqlDuplicate
}

// passing says that the same work will succeed when tried again.
func passing(err error) bool {
	if e := (*gosqlite.Error)(nil); errors.As(err, &e) {
		return e.Code()&0xff == sqliteBusy || e.Code()&0xff == sqliteLocked
	}
	e := (*sqldriver.MySQLError)(nil)
	return errors.As(err, &e) && (e.Number == mysqlDeadlock || e.Number == mysqlLockTimeout)
}
