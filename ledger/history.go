package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Revision is one step of the ledger: who changed it, when and why (000 三(三): 动态管理; 002 五·信息核对: 专人管理). They are
// numbered without a gap and never change.
type Revision struct {
	N      int64
	At     time.Time
	By     string // userid, or one of the By constants
	Why    string // what the person gave as the reason, or what led to it
	Source string // key of the record it came from, "" none
}

// Who changes the ledger without a userid.
const (
	ByImport   = "import"   // a workbook, read by whoever works on the server
	ByOperator = "operator" // a command on the server
	ByFamily   = "family"   // a relative, through 微信客服
)

// Change is one field of one row that became something else in a revision. A row that is new has a Change without a Field; one
// that is gone has one, too, and Was is the whole row.
type Change struct {
	N       int64
	Seq     int    // within the revision
	Table   string // one of the Table constants
	Row     string // the row's key
	ElderID string // whom it concerns, "" nobody
	Field   string
	Was     string
	Now     string
}

// Step is one revision as far as it concerns an elder.
type Step struct {
	Revision
	Changes []Change
}

// Edit is what somebody wants the ledger to say: rows laid over it as a workbook's are, with the reason. An edit that was
// decided on a ledger of revision Seen does not hold any more if an elder of it has changed since.
type Edit struct {
	Book   Book
	By     string
	Why    string
	Source string
	Means  string // how consent in it was given: 纸质 当面 电话; "" as By tells
	Today  Day
	Seen   int64 // 0: whatever the ledger says now
}

// Row is one row of a book.
type Row interface {
	comparable
	RowKey() string
	About() string // the elder it concerns, "" nobody
}

func rowKey(parts ...string) string { return strings.Join(parts, "\t") }

// The keys of rows: what makes two rows the same one.

func (x Region) RowKey() string     { return x.Code }
func (x Person) RowKey() string     { return x.UserID }
func (x Post) RowKey() string       { return rowKey(x.UserID, string(x.Role), x.Region, string(x.From)) }
func (x Elder) RowKey() string      { return x.ID }
func (x Assignment) RowKey() string { return rowKey(x.ElderID, x.UserID, string(x.From)) }
func (x Tiering) RowKey() string    { return rowKey(x.ElderID, string(x.From)) }
func (x Kin) RowKey() string        { return rowKey(x.ElderID, x.Name) }
func (x Pair) RowKey() string       { return rowKey(x.ElderID, x.UserID, string(x.From)) }
func (x Standing) RowKey() string   { return rowKey(x.ElderID, string(x.From)) }
func (x Leave) RowKey() string      { return rowKey(x.UserID, string(x.From)) }
func (x Round) RowKey() string      { return rowKey(x.Region, x.Name, string(x.From)) }
func (x Follow) RowKey() string     { return rowKey(x.ElderID, string(x.From)) }
func (x Bond) RowKey() string       { return rowKey(x.ElderID, x.User) }
func (x Leaflet) RowKey() string    { return rowKey(x.ElderID, x.Handle) }

// About is the elder a row concerns.

func (x Region) About() string     { return "" }
func (x Person) About() string     { return "" }
func (x Post) About() string       { return "" }
func (x Elder) About() string      { return x.ID }
func (x Assignment) About() string { return x.ElderID }
func (x Tiering) About() string    { return x.ElderID }
func (x Kin) About() string        { return x.ElderID }
func (x Pair) About() string       { return x.ElderID }
func (x Standing) About() string   { return x.ElderID }
func (x Leave) About() string      { return "" }
func (x Round) About() string      { return "" }
func (x Follow) About() string     { return x.ElderID }
func (x Bond) About() string       { return x.ElderID }
func (x Leaflet) About() string    { return x.ElderID }

// The tables of a book, as Changes name them.
const (
	TableRegions     = "regions"
	TablePeople      = "people"
	TablePosts       = "posts"
	TableElders      = "elders"
	TableAssignments = "assignments"
	TableTierings    = "tierings"
	TableKin         = "kins"
	TablePairs       = "pairs"
	TableStandings   = "standings"
	TableLeaves      = "leaves"
	TableRounds      = "rounds"
	TableFollows     = "follows"
	TableBonds       = "bonds"
	TableLeaflets    = "leaflets"
)

// FieldErased marks the change by which an elder's personal data were deleted, out of the history too: nothing takes it back.
const FieldErased = "(erased)"

// Came is the change that a row is new.
func Came[T Row](table string, now T) Change {
	return Change{Table: table, Row: now.RowKey(), ElderID: now.About()}
}

// Went is the change that a row is gone.
func Went[T Row](table string, was T) (Change, error) {
	all, err := json.Marshal(was)
	return Change{Table: table, Row: was.RowKey(), ElderID: was.About(), Was: string(all)}, err
}

// Became are the changes from one state of a row to the next, field by field.
func Became[T Row](table string, was, now T) []Change {
	var out []Change
	a, b := reflect.ValueOf(was), reflect.ValueOf(now)
	for i := range a.NumField() {
		if x, y := fieldText(a.Field(i)), fieldText(b.Field(i)); x != y {
			out = append(out, Change{Table: table, Row: now.RowKey(), ElderID: now.About(), Field: a.Type().Field(i).Name, Was: x, Now: y})
		}
	}
	return out
}

// fieldText and setField know the kinds of fields a book's rows have; empty, zero and false are "".
func fieldText(v reflect.Value) string {
	switch {
	case v.IsZero():
		return ""
	case v.Kind() == reflect.Bool:
		return "true"
	case v.Kind() == reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	}
	return v.String()
}

func setField(v reflect.Value, text string) error {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(text == "true")
	case reflect.Float64:
		x, err := strconv.ParseFloat(orZero(text), 64)
		if err != nil {
			return errors.Unwrap(err) // without the text: it may be personal
		}
		v.SetFloat(x)
	default:
		v.SetString(text)
	}
	return nil
}

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

// AsOf is the book as it was before some changes: what was known then. The changes are all that came after the moment, in
// any order; the book keeps the order of its keys.
func (b Book) AsOf(after []Change) (Book, error) {
	after = slices.Clone(after)
	slices.SortFunc(after, func(x, y Change) int { // the newest is undone first
		if x.N != y.N {
			return int(y.N - x.N)
		}
		return y.Seq - x.Seq
	})
	by := map[string][]Change{}
	for _, c := range after {
		by[c.Table] = append(by[c.Table], c)
		b.Version = min(b.Version, c.N-1)
	}
	for _, undo := range []error{
		undoIn(&b.Regions, by[TableRegions]), undoIn(&b.People, by[TablePeople]), undoIn(&b.Posts, by[TablePosts]),
		undoIn(&b.Elders, by[TableElders]), undoIn(&b.Assignments, by[TableAssignments]), undoIn(&b.Tierings, by[TableTierings]),
		undoIn(&b.Kin, by[TableKin]), undoIn(&b.Pairs, by[TablePairs]), undoIn(&b.Standings, by[TableStandings]),
		undoIn(&b.Leaves, by[TableLeaves]), undoIn(&b.Rounds, by[TableRounds]), undoIn(&b.Follows, by[TableFollows]),
		undoIn(&b.Bonds, by[TableBonds]), undoIn(&b.Leaflets, by[TableLeaflets]),
	} {
		if undo != nil {
			return Book{}, undo
		}
	}
	return b, nil
}

func undoIn[T Row](rows *[]T, changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	now := make(map[string]T, len(*rows))
	for _, x := range *rows {
		now[x.RowKey()] = x
	}
	for _, c := range changes {
		x, is := now[c.Row]
		switch {
		case c.Field == "" && c.Was == "": // it came
			delete(now, c.Row)
		case c.Field == "": // it went
			var was T
			if err := json.Unmarshal([]byte(c.Was), &was); err != nil {
				return fmt.Errorf("take back revision %d: %s: %w", c.N, c.Table, err)
			}
			now[c.Row] = was
		case is:
			f := reflect.ValueOf(&x).Elem().FieldByName(c.Field)
			if !f.IsValid() { // a field that a later version of the program no longer has
				continue
			}
			if err := setField(f, c.Was); err != nil {
				return fmt.Errorf("take back revision %d: %s.%s: %w", c.N, c.Table, c.Field, err)
			}
			now[c.Row] = x
		}
	}
	out := make([]T, 0, len(now))
	for _, x := range now {
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b T) int { return strings.Compare(a.RowKey(), b.RowKey()) })
	*rows = out
	return nil
}
