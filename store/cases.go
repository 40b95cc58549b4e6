package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"xunfang/ledger"
)

const (
	caseColumns = "`key`, no, kind, what, elder_id, region, place, about, `by`, unverified, drill, state, level, dept, owner, wave, rung," +
		" due, since, at, moved, outcome, source, rev, events"
	eventColumns = "case_key, n, kind, `by`, `to`, level, dept, wave, rung, message, text, at"
	eventWidth   = 12
)

// overStates are the states in which nothing is to be done any more, openStates all others: an index finds what is named.
const (
	overStates = "'" + string(ledger.CaseEnded) + "', '" + string(ledger.CaseFalse) + "'"
	openStates = "'" + string(ledger.CaseOpen) + "', '" + string(ledger.CaseTaken) + "', '" + string(ledger.CaseMeeting) + "', '" + string(ledger.CaseSolved) + "'"
)

// alarmsRaised is the row of versions that counts alarms: who decides that nobody has raised an alarm before names the number they
// saw.
const alarmsRaised = "alarms"

// checkCases refuses what only a mistake in the program can produce.
func checkCases(steps []ledger.CaseStep) error {
	for i, x := range steps {
		first := x.Case.Events - len(x.Events) + 1
		switch {
		case x.Case.Key == "" || len(x.Case.Key) > caseKeyMax:
			return fmt.Errorf("case key %q is not of 1 to %d bytes", x.Case.Key, caseKeyMax)
		case slices.ContainsFunc(steps[:i], func(y ledger.CaseStep) bool { return y.Case.Key == x.Case.Key }):
			return fmt.Errorf("case %s takes two steps at once", x.Case.Key)
		case first < 1 || x.Seen == 0 && (first != 1 || len(x.Events) == 0): // a ladder may only move its clock
			return fmt.Errorf("case %s has %d events, %d of them new", x.Case.Key, x.Case.Events, len(x.Events))
		case x.Seen < 0 || x.Case.Rev != x.Seen+1:
			return fmt.Errorf("case %s goes from step %d to %d", x.Case.Key, x.Seen, x.Case.Rev)
		}
		for j, e := range x.Events {
			if e.CaseKey != x.Case.Key || e.N != first+j {
				return fmt.Errorf("case %s: event %d of case %s is not its %dth", x.Case.Key, e.N, e.CaseKey, first+j)
			}
		}
	}
	return nil
}

const caseKeyMax = 32

// raises says whether a step is a new alarm.
func raises(x ledger.CaseStep) bool { return x.Seen == 0 && x.Case.Kind == ledger.CaseAlarm }

// readCases reads what turns that change cases are checked against, and locks it: they are few.
func (b *bunch) readCases(ctx context.Context, tx *sql.Tx, w *world) error {
	var keys []string
	raised := false
	for _, u := range b.turns {
		for _, x := range u.turn.Changes.Cases {
			keys, raised = append(keys, x.Case.Key), raised || raises(x)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	w.cases = map[string]int64{}
	slices.Sort(keys)
	err := query(ctx, tx, "SELECT `key`, rev FROM cases WHERE `key` IN (%s)"+b.s.d.forUpdate, slices.Compact(keys), nil, func(rows *sql.Rows) error {
		var key string
		var rev int64
		err := rows.Scan(&key, &rev)
		w.cases[key] = rev
		return err
	})
	if err == nil && raised {
		w.alarms, err = alarmCount(ctx, tx, b.s.d.forUpdate)
	}
	if err != nil {
		return fmt.Errorf("read where cases stand: %w", err)
	}
	return nil
}

// stands says that no case of a turn moved on since it was seen, that none of the new ones is there already, and that no alarm was
// raised since it was looked whether this one had been.
func (w *world) stands(steps []ledger.CaseStep) bool {
	return !slices.ContainsFunc(steps, func(x ledger.CaseStep) bool {
		return w.cases[x.Case.Key] != x.Seen || raises(x) && x.Alarms != w.alarms
	})
}

// step moves the world on by an admitted turn's steps.
func (w *world) step(steps []ledger.CaseStep) {
	for _, x := range steps {
		w.cases[x.Case.Key] = x.Case.Rev
		if raises(x) {
			w.alarms++
		}
	}
}

// step writes the turns' steps in their order.
func (p *plan) step(ctx context.Context, tx *sql.Tx) error {
	if len(p.cases) == 0 {
		return nil
	}
	s := p.s
	var events []any
	rows := make([]standing, len(p.cases))
	raised := 0
	for i, x := range p.cases {
		rows[i] = standing{s.caseValues(x.Case), x.Seen, x.Case.Events - len(x.Events)}
		if raises(x) {
			raised++
		}
		for _, e := range x.Events {
			events = append(events, s.eventValues(e)...)
		}
	}
	if err := s.stand(ctx, tx, "cases", caseColumns, "events", rows); err != nil {
		return err
	}
	if _, err := s.d.insert(ctx, tx, "INSERT INTO case_events ("+eventColumns+")", eventWidth, events, ""); err != nil {
		return fmt.Errorf("write what happened in cases: %w", err)
	}
	if raised > 0 {
		if _, err := tx.ExecContext(ctx, "UPDATE versions SET n = n + ? WHERE name = ?", raised, alarmsRaised); err != nil {
			return fmt.Errorf("count alarms: %w", err)
		}
	}
	return nil
}

// standing is how a case or a word is to stand: its columns, its key first; the revision it was seen at, 0 for a new one; and
// how many entries its log had then.
type standing struct {
	values []any
	seen   int64
	log    int
}

// stand writes rows that have a revision and count the entries of their log. errCollision says that one no longer stands where
// it was seen.
func (s *Store) stand(ctx context.Context, tx *sql.Tx, table, columns, log string, rows []standing) error {
	var fresh []any
	for _, x := range rows {
		if x.seen == 0 {
			fresh = append(fresh, x.values...)
		}
	}
	names := strings.Split(columns, ", ")
	// Two processes may both have found no row to lock: a plain INSERT lets one of them win.
	if _, err := s.d.insert(ctx, tx, "INSERT INTO "+table+" ("+columns+")", len(names), fresh, ""); err != nil {
		return fmt.Errorf("write %s: %w", table, err)
	}
	update := "UPDATE " + table + " SET " + strings.Join(names[1:], " = ?, ") + " = ? WHERE `key` = ? AND rev = ? AND " + log + " = ?"
	for _, x := range rows {
		if x.seen == 0 {
			continue
		}
		n, err := changed(tx.ExecContext(ctx, update, append(x.values[1:len(x.values):len(x.values)], x.values[0], x.seen, x.log)...))
		if err != nil {
			return fmt.Errorf("write %s: %w", table, err)
		}
		if n != 1 {
			return errCollision
		}
	}
	return nil
}

func (s *Store) caseValues(c ledger.Case) []any {
	return []any{c.Key, c.No, string(c.Kind), c.What, c.ElderID, c.Region, s.sealText("cases.place", c.Key, c.Place), s.sealText("cases.about", c.Key, c.About),
		c.By, c.Unverified, c.Drill, string(c.State), string(c.Level), c.Dept, c.Owner, c.Wave, c.Rung, moment(c.Due), moment(c.Since), moment(c.At),
		moment(c.Moved), s.sealText("cases.outcome", c.Key, c.Outcome), c.Source, c.Rev, c.Events}
}

func (s *Store) scanCase(rows *sql.Rows) (c ledger.Case, err error) {
	var due, since, at, moved int64
	err = rows.Scan(&c.Key, &c.No, &c.Kind, &c.What, &c.ElderID, &c.Region, &c.Place, &c.About, &c.By, &c.Unverified, &c.Drill, &c.State, &c.Level, &c.Dept,
		&c.Owner, &c.Wave, &c.Rung, &due, &since, &at, &moved, &c.Outcome, &c.Source, &c.Rev, &c.Events)
	if err != nil {
		return c, err
	}
	c.Due, c.Since, c.At, c.Moved = fromMoment(due), fromMoment(since), fromMoment(at), fromMoment(moved)
	for _, x := range []struct {
		column string
		text   *string
	}{{"cases.place", &c.Place}, {"cases.about", &c.About}, {"cases.outcome", &c.Outcome}} {
		if *x.text, err = s.openText(x.column, c.Key, *x.text); err != nil {
			return c, err
		}
	}
	return c, nil
}

// eventRow is what an event's text is sealed by.
func eventRow(e ledger.Event) string { return fmt.Sprintf("%s\t%d", e.CaseKey, e.N) }

func (s *Store) eventValues(e ledger.Event) []any {
	return []any{e.CaseKey, e.N, string(e.Kind), e.By, e.To, string(e.Level), e.Dept, e.Wave, e.Rung, e.Message,
		s.sealText("case_events.text", eventRow(e), e.Text), moment(e.At)}
}

// Alarms are the alarms that are not over, oldest first, and how many were raised ever. Whoever finds among them that nobody has
// raised theirs yet says so with that number: it is not younger than the alarms.
func (s *Store) Alarms(ctx context.Context) (files []ledger.CaseFile, count int64, err error) {
	if count, err = alarmCount(s.quick(ctx), s.read, ""); err != nil {
		return nil, 0, err
	}
	files, err = s.caseFiles(ctx, "FROM cases"+fmt.Sprintf(s.d.useIndex, "idx_cases_kind")+" WHERE kind = ? AND state IN ("+openStates+")"+oldestFirst,
		string(ledger.CaseAlarm))
	return files, count, err
}

func alarmCount(ctx context.Context, q querier, lock string) (n int64, err error) {
	if err := q.QueryRowContext(ctx, "SELECT n FROM versions WHERE name = ?"+lock, alarmsRaised).Scan(&n); err != nil {
		return 0, fmt.Errorf("read how many alarms there were: %w", err)
	}
	return n, nil
}

// AlarmsBetween counts the alarms, drills among them, raised from one moment until before another. Where the next one's number
// depends on it, Alarms is asked first: then an alarm that is raised meanwhile makes the turn stale.
func (s *Store) AlarmsBetween(ctx context.Context, from, to time.Time) (int, error) {
	n, err := s.count(s.quick(ctx), "SELECT COUNT(*) FROM cases WHERE kind = ? AND at >= ? AND at < ?", string(ledger.CaseAlarm), moment(from), moment(to))
	if err != nil {
		return 0, fmt.Errorf("count alarms: %w", err)
	}
	return n, nil
}

// CasesDue are the matters, at most limit, that are to be looked at again, who waits longest first.
func (s *Store) CasesDue(ctx context.Context, now time.Time, limit int) ([]ledger.CaseFile, error) {
	return s.caseFiles(ctx, "FROM cases"+fmt.Sprintf(s.d.useIndex, "idx_cases_due")+" WHERE due > 0 AND due <= ? AND kind <> ? AND state IN ("+openStates+")"+
		" ORDER BY due, no LIMIT ?", moment(now), string(ledger.CaseAlarm), limit)
}

// CaseFiles are the cases of some keys, oldest first; what there is none of is left out.
func (s *Store) CaseFiles(ctx context.Context, keys ...string) ([]ledger.CaseFile, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	return s.caseFiles(ctx, "FROM cases WHERE `key` IN ("+marks(len(keys))+")"+oldestFirst, list(keys)...)
}

// CaseFilter says which cases are asked for. Elders, Regions, Depts, Owner and User say whose: any of those named, and everybody's
// where none is. The rest narrows; zero values do not. Whoever shows a case asks MayCase first.
type CaseFilter struct {
	Elders  []string
	Regions []string // codes, without what lies below them
	Depts   []string
	Owner   string
	User    string // who has part: raised it, was told of it, acts

	Kinds  []ledger.CaseKind
	States []ledger.CaseState
	Open   bool      // not over
	Since  time.Time // something happened in it since
	Limit  int       // 0: all
}

// CasesOf are the cases a filter asks for, oldest first.
func (s *Store) CasesOf(ctx context.Context, f CaseFilter) ([]ledger.CaseFile, error) {
	narrow, narrowed := f.narrow()
	var whose []string
	var args []any
	mine := func(where string, more ...any) {
		whose = append(whose, "SELECT `key` FROM cases WHERE "+where+narrow)
		args = append(append(args, more...), narrowed...)
	}
	for _, x := range []struct {
		column string
		in     []string
	}{{"elder_id", f.Elders}, {"region", f.Regions}, {"dept", f.Depts}} {
		if len(x.in) > 0 {
			mine(x.column+" IN ("+marks(len(x.in))+")", list(x.in)...)
		}
	}
	if f.Owner != "" {
		mine("owner = ?", f.Owner)
	}
	if f.User != "" {
		mine("owner = ?", f.User)
		whose = append(whose, "SELECT case_key FROM case_events WHERE `by` = ?", "SELECT case_key FROM case_events WHERE `to` = ?")
		args = append(args, f.User, f.User)
	}
	text := "FROM cases WHERE 1 = 1"
	if len(whose) > 0 { // a join: MySQL would look at every case for each IN
		text = "FROM (" + strings.Join(whose, " UNION ") + ") mine JOIN cases USING (`key`) WHERE 1 = 1"
	}
	text, args = text+narrow+oldestFirst, append(args, narrowed...)
	if f.Limit > 0 {
		text, args = text+" LIMIT ?", append(args, f.Limit)
	}
	return s.caseFiles(ctx, text, args...)
}

// narrow is what all cases of a filter have in common.
func (f CaseFilter) narrow() (text string, args []any) {
	if len(f.Kinds) > 0 {
		text, args = text+" AND kind IN ("+marks(len(f.Kinds))+")", append(args, list(f.Kinds)...)
	}
	if len(f.States) > 0 {
		text, args = text+" AND state IN ("+marks(len(f.States))+")", append(args, list(f.States)...)
	}
	if f.Open {
		text += " AND state IN (" + openStates + ")"
	}
	if !f.Since.IsZero() {
		text, args = text+" AND moved >= ?", append(args, moment(f.Since))
	}
	return text, args
}

// list are words as arguments.
func list[T ~string](words []T) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return out
}

// caseFiles reads cases and then their timelines. What happened since a case was read is left out: a file is as of one step.
func (s *Store) caseFiles(ctx context.Context, from string, args ...any) ([]ledger.CaseFile, error) {
	var out []ledger.CaseFile
	var keys []string
	at := map[string]int{}
	err := each(s.quick(ctx), s.read, "SELECT "+caseColumns+" "+from, args, func(rows *sql.Rows) error {
		c, err := s.scanCase(rows)
		at[c.Key] = len(out)
		out, keys = append(out, ledger.CaseFile{Case: c}), append(keys, c.Key)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read cases: %w", err)
	}
	text := "SELECT e." + strings.ReplaceAll(eventColumns, ", ", ", e.") + ", o.id IS NOT NULL FROM case_events e LEFT JOIN outbox o" +
		fmt.Sprintf(s.d.useIndex, "outbox_dedupe") + fmt.Sprintf(" ON o.dedupe = e.message AND o.state IN (%d, %d)", outboxDead, outboxExpired) +
		" WHERE e.case_key IN (%s) ORDER BY e.case_key, e.n"
	err = query(s.quick(ctx), s.read, text, keys, nil, func(rows *sql.Rows) error {
		var e ledger.Event
		var when int64
		err := rows.Scan(&e.CaseKey, &e.N, &e.Kind, &e.By, &e.To, &e.Level, &e.Dept, &e.Wave, &e.Rung, &e.Message, &e.Text, &when, &e.Lost)
		if err != nil {
			return err
		}
		f := &out[at[e.CaseKey]]
		if e.N > f.Events {
			return nil
		}
		e.At = fromMoment(when)
		e.Text, err = s.openText("case_events.text", eventRow(e), e.Text)
		f.Timeline = append(f.Timeline, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what happened in cases: %w", err)
	}
	return out, nil
}

// UrgedSources are what the 督促 cases raised since a moment go back to.
func (s *Store) UrgedSources(ctx context.Context, since time.Time) (map[string]bool, error) {
	out := map[string]bool{}
	err := each(s.quick(ctx), s.read, "SELECT source FROM cases WHERE kind = ? AND at >= ?", []any{string(ledger.CaseUrge), moment(since)}, func(rows *sql.Rows) error {
		var source string
		err := rows.Scan(&source)
		out[source] = true
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what families were urged about: %w", err)
	}
	return out, nil
}

// Calls counts how often people were rung up in cases since a moment; who was not is not among them.
func (s *Store) Calls(ctx context.Context, users []string, since time.Time) (map[string]int, error) {
	out := map[string]int{}
	err := query(s.quick(ctx), s.read, "SELECT e.`to`, COUNT(DISTINCT o.id) FROM case_events e JOIN outbox o"+fmt.Sprintf(s.d.useIndex, "outbox_dedupe")+
		" ON o.dedupe = e.message WHERE e.`to` IN (%s) AND e.kind = ? AND o.call_ = ? AND o.state = ? AND o.done_at >= ? GROUP BY e.`to`", users,
		[]any{string(ledger.EventCalled), string(ledger.CallVoice), outboxSent, moment(since)}, func(rows *sql.Rows) error {
			var user string
			var n int
			err := rows.Scan(&user, &n)
			out[user] = n
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("count calls: %w", err)
	}
	return out, nil
}
