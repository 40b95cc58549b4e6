package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"xunfang/ledger"
)

// ErasedName stands in place of the name of an elder whose personal data were deleted.
const ErasedName = "已移除"

// erasedKin stands in place of a relative's name in an act of consent: with no name it would be the elder's own.
const erasedKin = "-"

// Erase deletes what is personal of an elder — name, numbers, where they lived, family, notes, photos, and the same in the
// history — and keeps what counts need: that somebody of that year of birth and gender was visited in that region on those
// days, or had an emergency, and when who acted (PIPL art. 47: delete on own initiative when the purpose ends or consent is withdrawn). Of consents the act stays,
// without a name. It cannot be taken back. ErrUnknown: there is no such elder.
func (s *Store) Erase(ctx context.Context, elderID, by, why string, remove func(hash string) error) error {
	bound, err := keysAbout(ctx, s.read, elderID, "entries", "cases")
	if err == nil && len(bound) > 0 {
		_, err = s.sweepPhotos(ctx, "entry_key IN ("+marks(len(bound))+")", list(bound), false, remove)
	}
	if err != nil {
		return fmt.Errorf("erase an elder's photos: %w", err)
	}
	err = s.tx(ctx, func(tx *sql.Tx) error {
		n, err := rosterVersion(ctx, tx, s.d.forUpdate)
		if err != nil {
			return err
		}
		var birth string
		err = tx.QueryRowContext(ctx, "SELECT birth FROM elders WHERE id = ?", elderID).Scan(&birth)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrUnknown
		}
		if err != nil {
			return err
		}
		if len(birth) > 4 {
			birth = birth[:4] + "-01-01" // the year: ages are counted
		}
		n++
		at := second(s.now())
		for _, q := range []struct {
			text string
			args []any
		}{
			{"INSERT INTO revisions (n, at, by_, why, source) VALUES (?, ?, ?, ?, '')", []any{n, at, by, s.sealText("revisions.why", strconv.FormatInt(n, 10), why)}},
			{"INSERT INTO changes (n, seq, tbl, row_, elder_id, field, was, now) VALUES (?, 1, ?, ?, ?, ?, '', '')",
				[]any{n, ledger.TableElders, elderID, elderID, ledger.FieldErased}},
			{"UPDATE versions SET n = ? WHERE name = 'roster'", []any{n}},
			{"UPDATE changes SET was = '', now = '' WHERE elder_id = ? AND tbl IN (?, ?, ?, ?, ?)",
				[]any{elderID, ledger.TableElders, ledger.TableKin, ledger.TableStandings, ledger.TableBonds, ledger.TableLeaflets}},
			{"UPDATE changes SET row_ = '' WHERE elder_id = ? AND tbl IN (?, ?, ?)", []any{elderID, ledger.TableKin, ledger.TableBonds, ledger.TableLeaflets}},
			{"UPDATE elders SET name = ?, aliases = '', id_number = '', birth = ?, phone = '', address = '', lon = '', lat = '', nation = '', lost_child = 0," +
				" health = '', income = '', care = '', hardship = '', consent = '' WHERE id = ?", []any{ErasedName, birth, elderID}},
			{"DELETE FROM kins WHERE elder_id = ?", []any{elderID}},
			{"DELETE FROM lookups WHERE elder_id = ?", []any{elderID}},
			{"DELETE FROM proposals WHERE elder_id = ?", []any{elderID}},
			{"UPDATE standings SET place = '' WHERE elder_id = ?", []any{elderID}},
			{"UPDATE entries SET note = '', pressure = '', company = '', late = '', whom = '' WHERE elder_id = ?", []any{elderID}},
			{"UPDATE amendments SET why = '', was = '', findings = '' WHERE elder_id = ? OR entry_key IN (SELECT `key` FROM entries WHERE elder_id = ?)",
				[]any{elderID, elderID}},
			{"UPDATE findings SET note = '' WHERE elder_id = ?", []any{elderID}},
			{"UPDATE facts SET value = '' WHERE elder_id = ?", []any{elderID}},
			{"DELETE FROM follows WHERE elder_id = ?", []any{elderID}},
			// The case moves on: a step under way must not write over what is no longer there.
			{"UPDATE cases SET place = '', about = '', outcome = '', rev = rev + 1 WHERE elder_id = ?", []any{elderID}},
			{"UPDATE consents SET kin = ? WHERE elder_id = ? AND kin <> ''", []any{erasedKin, elderID}},
			{"UPDATE consents SET whom = ? WHERE elder_id = ? AND whom <> ''", []any{erasedKin, elderID}},
			{"DELETE FROM leaflets WHERE elder_id = ?", []any{elderID}},
		} {
			if _, err := tx.ExecContext(ctx, q.text, q.args...); err != nil {
				return err
			}
		}
		cases, err := keysAbout(ctx, tx, elderID, "cases")
		if err == nil {
			_, err = exec(ctx, tx, "UPDATE case_events SET text = '' WHERE case_key IN (%s)", cases)
		}
		if err != nil {
			return err
		}
		if err := s.eraseFamily(ctx, tx, elderID); err != nil {
			return err
		}
		var waived []string // that a reason was given still counts; what it was is gone
		err = each(ctx, tx, "SELECT `key` FROM entries WHERE elder_id = ? AND waiver <> ''", []any{elderID}, func(rows *sql.Rows) error {
			var key string
			err := rows.Scan(&key)
			waived = append(waived, key)
			return err
		})
		for _, key := range waived {
			if err == nil {
				_, err = tx.ExecContext(ctx, "UPDATE entries SET waiver = ? WHERE `key` = ?", s.sealText("entries.waiver", key, ErasedName), key)
			}
		}
		if err != nil {
			return err
		}
		owing, err := s.lockOwing(ctx, tx, []string{elderID})
		if err != nil || len(owing.was[elderID]) == 0 {
			return err
		}
		owing.sets[elderID] = nil
		return owing.put(ctx, s, tx)
	})
	if err != nil {
		return fmt.Errorf("erase an elder: %w", err)
	}
	s.rosterMoved()
	return nil
}

// eraseFamily deletes the bonds of an elder, the words to their family with whatever waits to bring them, and the lines to
// relatives who are bound to nobody else.
func (s *Store) eraseFamily(ctx context.Context, tx *sql.Tx, elderID string) error {
	words, err := keysAbout(ctx, tx, elderID, "words")
	if err != nil {
		return err
	}
	if err := forgetWords(ctx, tx, words); err != nil {
		return err
	}
	var threads []string
	err = each(ctx, tx, "SELECT `user` FROM bonds WHERE elder_id = ?", []any{elderID}, func(rows *sql.Rows) error {
		var user string
		err := rows.Scan(&user)
		threads = append(threads, user)
		return err
	})
	if err == nil {
		_, err = tx.ExecContext(ctx, "DELETE FROM bonds WHERE elder_id = ?", elderID)
	}
	if err == nil {
		_, err = exec(ctx, tx, "DELETE FROM kin_lines WHERE usr IN (%s) AND "+unbound, threads)
	}
	if err != nil {
		return err
	}
	p := plan{s: s, now: s.now(), unsaid: words}
	return p.post(ctx, tx)
}

// unbound: a line's relative is bound to nobody any more, nor has asked to be.
const unbound = "NOT EXISTS (SELECT 1 FROM bonds b WHERE b.`user` = kin_lines.usr AND b.state IN ('" + string(ledger.BondAsked) + "', '" +
	string(ledger.BondVerified) + "'))"

// forgetWords deletes words and then their tries, which go with their word only.
func forgetWords(ctx context.Context, tx *sql.Tx, keys []string) error {
	for _, q := range []string{"DELETE FROM words WHERE `key` IN (%s)", "DELETE FROM word_tries WHERE word_key IN (%s)"} {
		if _, err := exec(ctx, tx, q, keys); err != nil {
			return err
		}
	}
	return nil
}

// keysAbout are the keys of an elder's rows.
func keysAbout(ctx context.Context, q querier, elderID string, tables ...string) (keys []string, err error) {
	for _, table := range tables {
		err = each(ctx, q, "SELECT `key` FROM "+table+" WHERE elder_id = ?", []any{elderID}, func(rows *sql.Rows) error {
			var key string
			err := rows.Scan(&key)
			keys = append(keys, key)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return keys, nil
}
