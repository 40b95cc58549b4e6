package store

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gorm.io/gorm/schema"

	"xunfang/ledger"
)

// shape is how a row type of the ledger lies in its table: gorm's names, and which columns are sealed. Reading and writing
// are plain SQL: while an import lasts nobody else writes to SQLite, and gorm takes five times as long.
type shape struct {
	table   string
	columns []string // in the order of the struct's fields
	names   []string // the same as statements say them
	primary []string // of them
	sealed  []bool   // by field
}

var (
	shapes  sync.Map // reflect.Type → *shape
	schemas sync.Map // gorm's cache
)

func shapeOf[T ledger.Row]() *shape {
	t := reflect.TypeFor[T]()
	if sh, ok := shapes.Load(t); ok {
		return sh.(*shape)
	}
	sch, err := schema.Parse(new(T), &schemas, schema.NamingStrategy{})
	if err != nil { // only for a type gorm cannot map: every test that saves a row would show it
		panic(err)
	}
	sh := &shape{table: sch.Table}
	for i := range t.NumField() {
		f := sch.FieldsByName[t.Field(i).Name]
		sh.columns, sh.names = append(sh.columns, f.DBName), append(sh.names, quoted(f.DBName))
		sh.sealed = append(sh.sealed, slices.Contains(sealedColumns[sh.table], f.DBName))
		if f.PrimaryKey {
			sh.primary = append(sh.primary, quoted(f.DBName))
		}
	}
	shapes.Store(t, sh)
	return sh
}

// scope is a part of the ledger: what concerns some elders, people and regions. A nil scope is all of it.
type scope struct{ elderIDs, userIDs, codes []string }

// part is the condition that a row is in a scope.
type part struct {
	all    bool
	column string
	in     []string
}

func (c *scope) elders(column string) part {
	if c == nil {
		return part{all: true}
	}
	return part{column: column, in: c.elderIDs}
}

func (c *scope) users() part {
	if c == nil {
		return part{all: true}
	}
	return part{column: "user_id", in: c.userIDs}
}

func (c *scope) regions(column string) part {
	if c == nil {
		return part{all: true}
	}
	return part{column: column, in: c.codes}
}

// scopeOf is what an edit's book may change.
func scopeOf(b ledger.Book) *scope {
	c := &scope{}
	elder, user := map[string]bool{}, map[string]bool{}
	for _, x := range b.Regions {
		c.codes = append(c.codes, x.Code)
	}
	for _, x := range b.People {
		user[x.UserID] = true
	}
	for _, x := range b.Posts {
		user[x.UserID] = true
	}
	for _, x := range b.Leaves {
		user[x.UserID] = true
	}
	for _, x := range b.Rounds {
		c.codes = append(c.codes, x.Region)
	}
	for _, id := range eldersOf(b) {
		elder[id] = true
	}
	for id := range elder {
		c.elderIDs = append(c.elderIDs, id)
	}
	for id := range user {
		c.userIDs = append(c.userIDs, id)
	}
	return c
}

// eldersOf are the elders a book says something about.
func eldersOf(b ledger.Book) []string {
	ids := slices.Concat(about(b.Elders), about(b.Assignments), about(b.Tierings), about(b.Kin), about(b.Pairs), about(b.Standings), about(b.Follows),
		about(b.Bonds), about(b.Leaflets))
	for _, x := range b.Resets {
		ids = append(ids, x.ElderID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func about[T ledger.Row](rows []T) []string {
	ids := make([]string, len(rows))
	for i, x := range rows {
		ids[i] = x.About()
	}
	return ids
}

// readRows reads rows in the order of their keys and opens what is sealed.
func readRows[T ledger.Row](ctx context.Context, s *Store, q querier, which part) ([]T, error) {
	sh := shapeOf[T]()
	var out []T
	opened := make([]string, len(sh.columns)) // sealed values on their way
	dest := make([]any, len(sh.columns))
	scan := func(rows *sql.Rows) error {
		var x T
		v := reflect.ValueOf(&x).Elem()
		for i := range dest {
			if sh.sealed[i] {
				dest[i] = &opened[i]
			} else {
				dest[i] = v.Field(i).Addr().Interface()
			}
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		key := x.RowKey()
		for i, text := range opened {
			if !sh.sealed[i] || text == "" {
				continue
			}
			plain, err := s.openText(sh.table+"."+sh.columns[i], key, text)
			if err != nil {
				return err
			}
			if f := v.Field(i); f.Kind() == reflect.Float64 {
				n, err := strconv.ParseFloat(plain, 64)
				if err != nil {
					return fmt.Errorf("%s.%s: %w", sh.table, sh.columns[i], err)
				}
				f.SetFloat(n)
			} else {
				f.SetString(plain)
			}
		}
		out = append(out, x)
		return nil
	}
	text, order := "SELECT "+strings.Join(sh.names, ", ")+" FROM "+sh.table, " ORDER BY "+strings.Join(sh.primary, ", ")
	if which.all {
		return out, each(ctx, q, text+order, nil, scan)
	}
	return out, query(ctx, q, text+" WHERE "+which.column+" IN (%s)"+order, which.in, nil, scan)
}

// writeRows writes what changed of a table and seals what is to be sealed.
func writeRows[T ledger.Row](ctx context.Context, s *Store, tx *sql.Tx, t *ledger.Table[T]) error {
	sh := shapeOf[T]()
	write, remove, _ := t.Changes()
	if len(write)+len(remove) == 0 {
		return nil
	}
	for _, x := range remove {
		var args []any
		v := reflect.ValueOf(x)
		for i, c := range sh.names {
			if slices.Contains(sh.primary, c) {
				args = append(args, v.Field(i).String())
			}
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+sh.table+" WHERE "+strings.Join(sh.primary, " = ? AND ")+" = ?", args...); err != nil {
			return fmt.Errorf("write %s: %w", sh.table, err)
		}
	}
	sets := make([]string, len(sh.names))
	for i, c := range sh.names {
		sets[i] = c + " = {" + c + "}"
	}
	for part := range slices.Chunk(write, writeAtOnce) {
		args := make([]any, 0, len(part)*len(sh.columns))
		for i := range part {
			v := reflect.ValueOf(&part[i]).Elem()
			for j, c := range sh.columns {
				switch f := v.Field(j); {
				case sh.sealed[j]:
					args = append(args, s.sealText(sh.table+"."+c, part[i].RowKey(), fieldText(f)))
				case f.Kind() == reflect.Bool:
					args = append(args, f.Bool())
				default:
					args = append(args, f.String())
				}
			}
		}
		_, err := s.d.insert(ctx, tx, "INSERT INTO "+sh.table+" ("+strings.Join(sh.names, ", ")+")", len(sh.columns), args,
			s.d.upsert(strings.Join(sh.primary, ", "), strings.Join(sets, ", ")))
		if err != nil {
			return fmt.Errorf("write %s: %w", sh.table, err)
		}
	}
	return nil
}

// writeAtOnce is how many rows are made ready at a time: sealed and laid out, an import's take several times their own room.
const writeAtOnce = 2000

// fieldText is a field as a text; zero is nothing.
func fieldText(v reflect.Value) string {
	if v.Kind() == reflect.Float64 {
		if v.Float() == 0 {
			return ""
		}
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	}
	return v.String()
}
