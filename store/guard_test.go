package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"xunfang/ledger"
	"xunfang/store"
)

// What a table of the past allows: columns that are sealed anew, columns that may be emptied. Nothing else may change.
var onlyAdded = map[string]struct{ sealed, blank []string }{
	"revisions": {sealed: []string{"why"}},
	"changes":   {sealed: []string{"was", "now"}, blank: []string{"row_"}},
	"consents":  {blank: []string{"kin", "whom"}},
	"looks":     {},

	"amendments":  {sealed: []string{"why", "was", "findings"}},
	"case_events": {sealed: []string{"text"}},
	"word_tries":  {sealed: []string{"text"}},
}

func TestThePastIsNotRewritten(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		s := opened(t, o)
		personal(t, s)
		old := time.Now().AddDate(-store.GuardYears, 0, -2)
		act := ledger.Consent{ElderID: "e1", Kin: "赵大", Purpose: ledger.PurposeKin, Given: true, Day: today, Channel: "当面", Witness: "li", Text: "2026-1", At: time.Now()}
		seen := ledger.Look{ElderID: "e1", Region: "123", By: "li", What: ledger.LookCard, At: time.Now()}
		now := ledger.Changes{Consents: []ledger.Consent{act, act}, Looks: []ledger.Look{seen, seen}}
		for i, key := range []string{"fresh", "old"} {
			now.Consents[i].Key, now.Looks[i].Key = key, key
		}
		now.Consents[1].At, now.Looks[1].At = old, old
		require.NoError(t, s.Commit(ctx, store.Turn{Changes: now}))
		require.NoError(t, s.Guarded(ctx))
		want := readable(t, s)
		db := raw(t, o)
		before := dump(t, db, o.Driver)

		refused := func(table, q string) {
			t.Helper()
			_, err := db.Exec(q)
			if assert.Error(t, err, q) {
				assert.Contains(t, err.Error(), table+" are only added to", q)
			}
		}
		for table, may := range onlyAdded {
			rows, err := db.Query("SELECT * FROM " + table)
			require.NoError(t, err)
			columns, err := rows.Columns()
			require.NoError(t, err)
			require.NoError(t, rows.Close())
			for _, c := range columns {
				value := map[string]string{"n": "n + 1000", "seq": "seq + 1000", "given": "1 - given", "version": "version + 1000", "at": "'2001-01-01 00:00:00'",
					"wave": "wave + 1000", "rung": "rung + 1000"}[c]
				if (table == "case_events" || table == "word_tries") && c == "at" {
					value = "at + 1000"
				}
				if value == "" {
					value = "'forged'"
				}
				if slices.Contains(may.sealed, c) {
					continue
				}
				refused(table, fmt.Sprintf("UPDATE %s SET `%s` = %s", table, c, value))
				if !slices.Contains(may.blank, c) {
					_, err = db.Exec(fmt.Sprintf("UPDATE %s SET `%s` = NULL", table, c))
					assert.Error(t, err, "%s.%s", table, c)
				}
			}
			refused(table, "DELETE FROM "+table)
		}
		for i, q := range []string{"REPLACE INTO word_tries (word_key, n, kind, text, at) VALUES ('w1', 1, 'forged', '', 0)",
			"REPLACE INTO case_events (case_key, n, kind, text, at) VALUES ('c1', 1, 'forged', '', 0)",
			"REPLACE INTO amendments (`key`, entry_key, version, elder_id, by_, why, was, findings, at) VALUES ('a1', 'x', 1, 'e1', 'nobody', '', '', '', '2001-01-01 00:00:00')",
			"REPLACE INTO revisions (n, at, by_, why) VALUES (2, '2001-01-01 00:00:00', 'nobody', '')",
			"REPLACE INTO changes (n, seq, tbl, row_, was, now) VALUES (2, 1, 'x', 'y', '', '')",
			"REPLACE INTO consents (`key`, elder_id, purpose, given, at) VALUES ('fresh', 'e1', 'x', 0, '2001-01-01 00:00:00')",
			"REPLACE INTO looks (`key`, by_, what, at) VALUES ('fresh', 'nobody', 'x', '2001-01-01 00:00:00')"} {
			if i < 5 || o.Driver == store.MySQL {
				refused(strings.Fields(q)[2], q)
			} else { // an act that is there already is written by nobody twice
				_, err := db.Exec(q)
				require.NoError(t, err)
			}
		}
		assert.Equal(t, before, dump(t, db, o.Driver))

		for _, table := range []string{"consents", "looks"} { // what is old enough may go
			refused(table, "DELETE FROM "+table+" WHERE `key` = 'fresh'")
			res, err := db.Exec("DELETE FROM " + table + " WHERE `key` = 'old'")
			require.NoError(t, err)
			n, err := res.RowsAffected()
			require.NoError(t, err)
			assert.EqualValues(t, 1, n)
		}
		_, err := s.Reseal(ctx)
		require.NoError(t, err)
		assert.Equal(t, want, readable(t, s))
		for table, may := range onlyAdded { // when somebody is removed, names go; nothing else can take their place
			for _, c := range may.blank {
				word := map[string]string{"row_": "", "kin": "-", "whom": "-"}[c]
				_, err := db.Exec(fmt.Sprintf("UPDATE %s SET `%s` = ?", table, c), word)
				require.NoError(t, err)
				_, err = db.Exec(fmt.Sprintf("UPDATE %s SET `%s` = 'forged'", table, c))
				require.Error(t, err)
			}
		}
	})
}

func TestUnguardedIsNoticed(t *testing.T) {
	eachOptions(t, func(t *testing.T, o store.Options) {
		s := opened(t, o)
		require.NoError(t, s.Guarded(ctx))
		_, err := raw(t, o).Exec("DROP TRIGGER guard_looks_delete")
		require.NoError(t, err)
		require.ErrorIs(t, s.Guarded(ctx), store.ErrUnguarded)
	})
}
