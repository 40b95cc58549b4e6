package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	sqldriver "github.com/go-sql-driver/mysql"
)

// GuardYears is how long who looked and who agreed are kept at least; then a purge may delete them (wecom-external §G.3:
// three years after).
const GuardYears = 3

// guarded are the tables that are only ever added to, and what may nevertheless become of a row: being sealed under another
// key, losing a name when somebody is removed, and being deleted when it is old enough. The database itself refuses the rest,
// so that no slip of ours and no hand with a console rewrites the past unnoticed.
var guarded = []struct {
	table string
	key   []string
	fixed []string          // columns that never change
	blank map[string]string // columns that may only become one word
	old   bool              // whether rows older than GuardYears may go; they are written with ignore
	with  string            // condition under which a row may not go, instead: it goes with what it belongs to
	more  string            // of columns that a later version added: a trigger that is there stays as it is, these have one beside it
}{
	{table: "revisions", key: []string{"n"}, fixed: []string{"n", "at", "by_", "source"}},
	{table: "changes", key: []string{"n", "seq"}, fixed: []string{"n", "seq", "tbl", "elder_id", "field"}, blank: map[string]string{"row_": ""}},
	{table: "amendments", key: []string{"`key`"}, fixed: []string{"`key`", "entry_key", "version", "elder_id", "by_", "instead", "at"}},
	{table: "case_events", key: []string{"case_key", "n"}, fixed: []string{"case_key", "n", "kind", "`by`", "`to`", "level", "dept", "wave", "rung", "message", "at"}},
	{table: "consents", key: []string{"`key`"}, fixed: []string{"`key`", "elder_id", "purpose", "given", "day", "channel", "witness", "text", "at"}, blank: map[string]string{"kin": erasedKin}, old: true},
	{table: "consents", more: "for", fixed: []string{"proof"}, blank: map[string]string{"whom": erasedKin}},
	{table: "word_tries", key: []string{"word_key", "n"}, fixed: []string{"word_key", "n", "channel", "kind", "`to`", "`by`", "message", "at"},
		with: "EXISTS (SELECT 1 FROM words w WHERE w.`key` = OLD.word_key)"},
	{table: "looks", key: []string{"`key`"}, fixed: []string{"`key`", "elder_id", "region", "by_", "what", "at"}, old: true},
}

// ErrUnguarded says that the database would not take the triggers.
var ErrUnguarded = errors.New("the database lets no user without SUPER make triggers: set log_bin_trust_function_creators = 1 and start again, or who looked and what changed can be rewritten by hand")

const (
	mysqlNeedsSuper = 1419
	mysqlDenied     = 1142
	mysqlHasTrigger = 1359
)

// guards are the triggers, by name. SQLite's REPLACE deletes without asking them, so there the insert asks, too.
func (s *Store) guards() map[string]string {
	out := map[string]string{}
	for _, g := range guarded {
		refuse := g.table + " are only added to"
		add := func(event, when, otherwise string) {
			name := strings.TrimSuffix("guard_"+g.table+"_"+strings.ToLower(event)+"_"+g.more, "_")
			out[name] = fmt.Sprintf("CREATE TRIGGER IF NOT EXISTS %s BEFORE %s ON %s WHEN %s BEGIN SELECT %s; END", name, event, g.table, when, otherwise)
			if s.d.name == MySQL {
				out[name] = fmt.Sprintf("CREATE TRIGGER %s BEFORE %s ON %s FOR EACH ROW IF %s THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '%s'; END IF",
					name, event, g.table, when, refuse)
			}
		}
		differ, young := "NEW.%[1]s IS NOT OLD.%[1]s", fmt.Sprintf("OLD.at >= datetime('now', '-%d years')", GuardYears)
		if s.d.name == MySQL {
			differ, young = "NOT (NEW.%[1]s <=> OLD.%[1]s)", fmt.Sprintf("OLD.at >= UTC_TIMESTAMP() - INTERVAL %d YEAR", GuardYears)
		}
		var changed, taken []string
		for _, c := range g.fixed {
			changed = append(changed, fmt.Sprintf(differ, c))
		}
		for c, word := range g.blank {
			changed = append(changed, fmt.Sprintf(differ+" AND NEW.%[1]s <> '%[2]s'", c, word))
		}
		for _, c := range g.key {
			taken = append(taken, c+" = NEW."+c)
		}
		abort := "RAISE(ABORT, '" + refuse + "')"
		add("UPDATE", strings.Join(changed, " OR "), abort)
		if g.more != "" {
			continue
		}
		if g.with != "" {
			young = g.with
		} else if !g.old {
			young = "1 = 1"
		}
		add("DELETE", young, abort)
		if s.d.name == SQLite {
			if g.old {
				abort = "RAISE(IGNORE)" // what is there already stays
			}
			add("INSERT", "EXISTS (SELECT 1 FROM "+g.table+" WHERE "+strings.Join(taken, " AND ")+")", abort)
		}
	}
	return out
}

// guard makes the triggers that are not there yet.
func (s *Store) guard(ctx context.Context) error {
	there := map[string]bool{}
	if s.d.name == MySQL { // not every server knows IF NOT EXISTS
		err := each(ctx, s.read, "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()", nil, func(rows *sql.Rows) error {
			var name string
			err := rows.Scan(&name)
			there[name] = true
			return err
		})
		if err != nil {
			return fmt.Errorf("look for the guards: %w", err)
		}
	}
	for name, text := range s.guards() {
		if there[name] {
			continue
		}
		if err := s.trigger(ctx, name, text); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) trigger(ctx context.Context, name, text string) error {
	_, err := s.write.ExecContext(ctx, text)
	if e := (*sqldriver.MySQLError)(nil); errors.As(err, &e) {
		switch e.Number {
		case mysqlNeedsSuper, mysqlDenied:
			s.log.Warn("guard the history", "trigger", name, "err", ErrUnguarded)
			return nil
		case mysqlHasTrigger: // another process was faster
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("make %s: %w", name, err)
	}
	return nil
}

// Guarded says whether the database guards every table that is only added to; ErrUnguarded if not.
func (s *Store) Guarded(ctx context.Context) error {
	q := "SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'guard_%'"
	if s.d.name == MySQL {
		q = "SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = DATABASE() AND trigger_name LIKE 'guard_%'"
	}
	var n int
	if err := s.read.QueryRowContext(ctx, q).Scan(&n); err != nil {
		return fmt.Errorf("look for the guards: %w", err)
	}
	if n < len(s.guards()) {
		return ErrUnguarded
	}
	return nil
}
