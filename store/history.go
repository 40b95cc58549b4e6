package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"xunfang/ledger"
)

// writeRevision writes differences as one revision: rows, history, consent and lookup words together.
func (s *Store) writeRevision(ctx context.Context, tx *sql.Tx, d *ledger.Differences, n int64, e ledger.Edit) error {
	at := second(s.now())
	_, err := tx.ExecContext(ctx, "INSERT INTO revisions (n, at, by_, why, source) VALUES (?, ?, ?, ?, ?)",
		n, at, e.By, s.sealText("revisions.why", strconv.FormatInt(n, 10), e.Why), e.Source)
	if err != nil {
		return fmt.Errorf("write the revision: %w", err)
	}
	for _, step := range []func() error{
		func() error { return writeRows(ctx, s, tx, &d.Regions) }, func() error { return writeRows(ctx, s, tx, &d.People) },
		func() error { return writeRows(ctx, s, tx, &d.Posts) }, func() error { return writeRows(ctx, s, tx, &d.Elders) },
		func() error { return writeRows(ctx, s, tx, &d.Assignments) }, func() error { return writeRows(ctx, s, tx, &d.Tierings) },
		func() error { return writeRows(ctx, s, tx, &d.Kin) }, func() error { return writeRows(ctx, s, tx, &d.Pairs) },
		func() error { return writeRows(ctx, s, tx, &d.Standings) }, func() error { return writeRows(ctx, s, tx, &d.Leaves) },
		func() error { return writeRows(ctx, s, tx, &d.Rounds) }, func() error { return writeRows(ctx, s, tx, &d.Follows) },
		func() error { return writeRows(ctx, s, tx, &d.Bonds) }, func() error { return writeRows(ctx, s, tx, &d.Leaflets) },
		func() error { return s.writeHistory(ctx, tx, d, n) },
		func() error { return s.writeLookups(ctx, tx, d) },
		func() error { return s.writeConsents(ctx, tx, d.Consents(n, e, at)) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE versions SET n = ? WHERE name = 'roster'", n); err != nil {
		return fmt.Errorf("raise the roster's version: %w", err)
	}
	return nil
}

func (s *Store) writeHistory(ctx context.Context, tx *sql.Tx, d *ledger.Differences, n int64) error {
	changes, err := d.History()
	if err != nil {
		return err
	}
	const columns = 8
	for part := range slices.Chunk(changes, writeAtOnce) {
		args := make([]any, 0, columns*len(part))
		for _, c := range part {
			row := fmt.Sprintf("%d\t%d", n, c.Seq)
			args = append(args, n, c.Seq, c.Table, c.Row, c.ElderID, c.Field, s.sealText("changes.was", row, c.Was), s.sealText("changes.now", row, c.Now))
		}
		if _, err := s.d.insert(ctx, tx, "INSERT INTO changes (n, seq, tbl, row_, elder_id, field, was, now)", columns, args, ""); err != nil {
			return fmt.Errorf("write the history: %w", err)
		}
	}
	return nil
}

// History is what became of an elder's entry, newest first, at most n steps.
func (s *Store) History(ctx context.Context, elderID string, n int) ([]ledger.Step, error) {
	var out []ledger.Step
	err := each(ctx, s.read, "SELECT "+changeColumns+", r.at, r.by_, r.why, r.source FROM changes c JOIN revisions r ON r.n = c.n"+
		" WHERE c.elder_id = ? AND c.n IN (SELECT n FROM (SELECT DISTINCT n FROM changes WHERE elder_id = ? ORDER BY n DESC LIMIT ?) newest)"+
		" ORDER BY c.n DESC, c.seq", []any{elderID, elderID, n}, func(rows *sql.Rows) error {
		var r ledger.Revision
		var why string
		c, err := s.scanChange(rows, &r.At, &r.By, &why, &r.Source)
		if err != nil {
			return err
		}
		if len(out) == 0 || out[len(out)-1].N != c.N {
			r.N = c.N
			if r.Why, err = s.openText("revisions.why", strconv.FormatInt(c.N, 10), why); err != nil {
				return err
			}
			out = append(out, ledger.Step{Revision: r})
		}
		step := &out[len(out)-1]
		step.Changes = append(step.Changes, c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read an elder's history: %w", err)
	}
	return out, nil
}

// AsOf is the ledger as it was known at a moment: what was entered later is taken back. Dated rows in it still answer for any
// day, so that "who did we think was responsible on that day" is Roster.Visitors of it. Before the first revision it is the
// oldest ledger there is.
func (s *Store) AsOf(ctx context.Context, at time.Time) (ledger.Book, error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{Isolation: s.d.snapshot, ReadOnly: true})
	if err != nil {
		return ledger.Book{}, fmt.Errorf("read the ledger of a moment: %w", err)
	}
	defer tx.Rollback() // nothing was written
	version, err := rosterVersion(ctx, tx, "")
	if err != nil {
		return ledger.Book{}, err
	}
	b, err := s.readBook(ctx, tx, nil)
	if err != nil {
		return ledger.Book{}, err
	}
	b.Version = version
	var after []ledger.Change
	err = each(ctx, tx, "SELECT "+changeColumns+" FROM changes c WHERE c.n > (SELECT COALESCE(MAX(n), 0) FROM revisions WHERE at <= ?)",
		[]any{second(at)}, func(rows *sql.Rows) error {
			c, err := s.scanChange(rows)
			after = append(after, c)
			return err
		})
	if err != nil {
		return ledger.Book{}, fmt.Errorf("read the ledger of a moment: %w", err)
	}
	return b.AsOf(after)
}

const changeColumns = "c.n, c.seq, c.tbl, c.row_, c.elder_id, c.field, c.was, c.now"

func (s *Store) scanChange(rows *sql.Rows, more ...any) (c ledger.Change, err error) {
	if err = rows.Scan(append([]any{&c.N, &c.Seq, &c.Table, &c.Row, &c.ElderID, &c.Field, &c.Was, &c.Now}, more...)...); err != nil {
		return c, err
	}
	row := fmt.Sprintf("%d\t%d", c.N, c.Seq)
	if c.Was, err = s.openText("changes.was", row, c.Was); err != nil {
		return c, err
	}
	c.Now, err = s.openText("changes.now", row, c.Now)
	return c, err
}

// Responsible are the userids who were responsible for an elder on a day, by what the ledger says now.
func (s *Store) Responsible(ctx context.Context, elderID string, on ledger.Day) ([]string, error) {
	var out []string
	err := each(ctx, s.read, "SELECT user_id FROM assignments WHERE elder_id = ? AND from_day <= ? AND (to_day = '' OR to_day >= ?) ORDER BY user_id",
		[]any{elderID, string(on), string(on)}, func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			out = append(out, id)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read who was responsible: %w", err)
	}
	return out, nil
}

const consentColumns = "`key`, elder_id, kin, whom, purpose, given, day, channel, witness, text, proof, at"

func (s *Store) writeConsents(ctx context.Context, tx *sql.Tx, acts []ledger.Consent) error {
	const columns = 12
	args := make([]any, 0, columns*len(acts))
	for _, c := range acts {
		args = append(args, c.Key, c.ElderID, c.Kin, c.For, string(c.Purpose), c.Given, string(c.Day), c.Channel, c.Witness, c.Text, c.Proof, second(c.At))
	}
	_, err := s.d.insert(ctx, tx, "INSERT INTO consents ("+consentColumns+")", columns, args, s.d.ignore("`key`"))
	if err != nil {
		return fmt.Errorf("write consents: %w", err)
	}
	return nil
}

// ConsentsOf are all acts of consent about some elders, by elder, oldest first.
func (s *Store) ConsentsOf(ctx context.Context, elders ...string) (map[string][]ledger.Consent, error) {
	out := map[string][]ledger.Consent{}
	err := query(ctx, s.read, "SELECT "+consentColumns+" FROM consents WHERE elder_id IN (%s) ORDER BY at, `key`", elders, nil, func(rows *sql.Rows) error {
		var c ledger.Consent
		err := rows.Scan(&c.Key, &c.ElderID, &c.Kin, &c.For, &c.Purpose, &c.Given, &c.Day, &c.Channel, &c.Witness, &c.Text, &c.Proof, &c.At)
		out[c.ElderID] = append(out[c.ElderID], c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read consents: %w", err)
	}
	return out, nil
}

func (s *Store) writeLooks(ctx context.Context, tx querier, looks []ledger.Look) error {
	args := make([]any, 0, 6*len(looks))
	for _, l := range looks {
		args = append(args, l.Key, l.ElderID, l.Region, l.By, string(l.What), second(l.At))
	}
	if _, err := s.d.insert(ctx, tx, "INSERT INTO looks (`key`, elder_id, region, by_, what, at)", 6, args, s.d.ignore("`key`")); err != nil {
		return fmt.Errorf("write who looked: %w", err)
	}
	return nil
}

// Looked writes down looks that happen outside a conversation: an export, pictures taken out by a command.
func (s *Store) Looked(ctx context.Context, looks ...ledger.Look) error {
	return s.writeLooks(ctx, s.write, looks)
}

// Looks are the newest looks at an elder, and the exports that held everybody of one of the regions, path, or of all.
func (s *Store) Looks(ctx context.Context, elderID string, path []string, n int) ([]ledger.Look, error) {
	if n <= 0 {
		n = math.MaxInt32
	}
	args := []any{elderID}
	regions := "''"
	for _, code := range path {
		regions += ", ?"
		args = append(args, code)
	}
	var out []ledger.Look
	err := each(ctx, s.read, "SELECT `key`, elder_id, region, by_, what, at FROM looks WHERE elder_id = ? OR elder_id = '' AND region IN ("+regions+")"+
		" ORDER BY at DESC, `key` DESC LIMIT ?", append(args, n), func(rows *sql.Rows) error {
		var l ledger.Look
		err := rows.Scan(&l.Key, &l.ElderID, &l.Region, &l.By, &l.What, &l.At)
		out = append(out, l)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read who looked: %w", err)
	}
	return out, nil
}

// Proposals are re-checked facts that wait for the keeper, of some elders or of all when none is named, oldest first.
func (s *Store) Proposals(ctx context.Context, elderIDs ...string) ([]ledger.Proposal, error) {
	var out []ledger.Proposal
	scan := func(rows *sql.Rows) error {
		var p ledger.Proposal
		f := &p.Fact
		err := rows.Scan(&f.Key, &f.EntryKey, &f.ElderID, &f.Field, &f.Result, &f.Value, &f.By, &f.At, &p.State, &p.By)
		if err != nil {
			return err
		}
		f.Propose = true
		f.Value, err = s.openText("facts.value", f.Key, f.Value)
		out = append(out, p)
		return err
	}
	text := "SELECT f.`key`, f.entry_key, f.elder_id, f.field, f.result, f.value, f.`by`, f.at, p.state, p.settled FROM proposals p JOIN facts f ON f.`key` = p.fact" +
		" WHERE p.state = '" + string(ledger.ProposalOpen) + "'"
	var err error
	if len(elderIDs) == 0 {
		err = each(ctx, s.read, text+" ORDER BY f.at, f.`key`", nil, scan)
	} else {
		err = query(ctx, s.read, text+" AND p.elder_id IN (%s) ORDER BY f.at, f.`key`", elderIDs, nil, scan)
	}
	if err != nil {
		return nil, fmt.Errorf("read proposals: %w", err)
	}
	return out, nil
}
