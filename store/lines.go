package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"xunfang/ledger"
)

const (
	lineColumns = "usr, channel, account, address, found, nick, state, why, heard, at"
	lineWidth   = 10
)

// Why a line is written: what a turn says holds; what is pulled from 微信客服 may have been pulled before.
const (
	// lineSaid: "" leaves address and nick, but the address of a dead line is deleted with the nick. An earlier word than the last
	// takes nothing back.
	lineSaid = "account = {account}," +
		" nick = CASE WHEN {state} = 'dead' AND {address} = '' THEN '' WHEN {nick} = '' THEN kin_lines.nick ELSE {nick} END," +
		" found = CASE WHEN {address} = '' AND {state} <> 'dead' THEN kin_lines.found ELSE {found} END," +
		" address = CASE WHEN {address} = '' AND {state} <> 'dead' THEN kin_lines.address ELSE {address} END," +
		" state = {state}, why = {why}, at = {at}, heard = %[1]s(kin_lines.heard, {heard})"
	// linePulled: a dead line is opened again, with its address, by a word that is newer than the last, and by nothing else: a page
	// that is read again must not bring back what a relative has withdrawn. Of heard last: MySQL sets from left to right.
	linePulled = "account = CASE WHEN " + lineStays + " THEN kin_lines.account ELSE {account} END," +
		" nick = CASE WHEN " + lineStays + " OR {nick} = '' THEN kin_lines.nick ELSE {nick} END," +
		" found = CASE WHEN " + lineStays + " OR {address} = '' THEN kin_lines.found ELSE {found} END," +
		" address = CASE WHEN " + lineStays + " OR {address} = '' THEN kin_lines.address ELSE {address} END," +
		" why = CASE WHEN " + lineStays + " THEN kin_lines.why ELSE {why} END," +
		" at = CASE WHEN " + lineStays + " THEN kin_lines.at ELSE {at} END," +
		" state = CASE WHEN " + lineStays + " THEN kin_lines.state ELSE {state} END," +
		" heard = %[1]s(kin_lines.heard, {heard})"
	lineStays = "kin_lines.state = 'dead' AND {heard} <= kin_lines.heard"
)

// putLines writes lines over what is there.
func (s *Store) putLines(ctx context.Context, tx *sql.Tx, lines []ledger.Line, how string) error {
	var args []any
	for _, l := range lines {
		row := lineRow(l)
		args = append(args, l.User, string(l.Channel), l.Account, s.sealText("kin_lines.address", row, l.Address),
			s.ring.Load().Index(lookupLine, lineAddress(l)), s.sealText("kin_lines.nick", row, l.Nick), string(l.State), clip(l.Why), moment(l.Heard), moment(l.At))
	}
	greatest := map[string]string{SQLite: "MAX", MySQL: "GREATEST"}[s.d.name]
	_, err := s.d.insert(ctx, tx, "INSERT INTO kin_lines ("+lineColumns+")", lineWidth, args, s.d.upsert("usr, channel", fmt.Sprintf(how, greatest)))
	if err != nil {
		return fmt.Errorf("write lines: %w", err)
	}
	return nil
}

// lineRow is what a line's texts are sealed by.
func lineRow(l ledger.Line) string { return l.User + "\t" + string(l.Channel) }

// lineAddress is what a line is looked up by; "" without an address.
func lineAddress(l ledger.Line) string {
	if l.Address == "" {
		return ""
	}
	return strings.Join([]string{string(l.Channel), l.Account, l.Address}, "\x00")
}

// lookupLine is the kind of those words.
const lookupLine = "line"

func checkLines(lines []ledger.Line) error {
	for _, l := range lines {
		if l.User == "" || l.Channel == "" || l.State == "" {
			return errors.New("a line needs a user, a channel and a state")
		}
	}
	return nil
}

func (s *Store) scanLine(rows *sql.Rows) (l ledger.Line, err error) {
	var heard, at int64
	var found string
	if err = rows.Scan(&l.User, &l.Channel, &l.Account, &l.Address, &found, &l.Nick, &l.State, &l.Why, &heard, &at); err != nil {
		return l, err
	}
	l.Heard, l.At = fromMoment(heard), fromMoment(at)
	if l.Address, err = s.openText("kin_lines.address", lineRow(l), l.Address); err == nil {
		l.Nick, err = s.openText("kin_lines.nick", lineRow(l), l.Nick)
	}
	return l, err
}

// LinesOf are the lines to some threads, dead ones among them.
func (s *Store) LinesOf(ctx context.Context, users ...string) ([]ledger.Line, error) {
	var out []ledger.Line
	err := query(s.quick(ctx), s.read, "SELECT "+lineColumns+" FROM kin_lines WHERE usr IN (%s) ORDER BY usr, channel", users, nil, func(rows *sql.Rows) error {
		l, err := s.scanLine(rows)
		out = append(out, l)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read lines: %w", err)
	}
	return out, nil
}

// LineByAddress is the thread that an address belongs to, the one whose line changed last if there are several; "" nobody's. It is
// found without opening anything.
func (s *Store) LineByAddress(ctx context.Context, channel ledger.Channel, account, address string) (user string, err error) {
	word := lineAddress(ledger.Line{Channel: channel, Account: account, Address: address})
	if word == "" {
		return "", nil
	}
	if err := s.followKeys(ctx); err != nil {
		return "", err
	}
	words := list(s.ring.Load().Indexes(lookupLine, word))
	err = s.read.QueryRowContext(s.quick(ctx), "SELECT usr FROM kin_lines WHERE found IN ("+marks(len(words))+") AND channel = ? ORDER BY at DESC, usr LIMIT 1",
		append(words, string(channel))...).Scan(&user)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("look up a line: %w", err)
	}
	return user, nil
}

// relookLines makes the words anew by which addresses are found.
func (s *Store) relookLines(ctx context.Context, tx *sql.Tx) error {
	var lines []ledger.Line
	err := each(ctx, tx, "SELECT "+lineColumns+" FROM kin_lines WHERE address <> ''"+s.d.forUpdate, nil, func(rows *sql.Rows) error {
		l, err := s.scanLine(rows)
		lines = append(lines, l)
		return err
	})
	for _, l := range lines {
		if err == nil {
			_, err = tx.ExecContext(ctx, "UPDATE kin_lines SET found = ? WHERE usr = ? AND channel = ?",
				s.ring.Load().Index(lookupLine, lineAddress(l)), l.User, string(l.Channel))
		}
	}
	return err
}

// ReceiveKf keeps a page of what 微信客服 holds for us: messages that were kept before are passed over, when each relative wrote last
// moves forward, and the next page begins where this one ended. All of it is durable or none. fresh is how many were new.
func (s *Store) ReceiveKf(ctx context.Context, openKfID, cursor string, in []Inbound, lines []ledger.Line) (fresh int, err error) {
	for _, x := range in {
		if x.Key == "" || len(x.Key) > keyMax || x.User == "" {
			return 0, fmt.Errorf("receive: a message needs a user and a key of 1 to %d bytes", keyMax)
		}
	}
	if err := checkLines(lines); err != nil {
		return 0, fmt.Errorf("receive: %w", err)
	}
	args := make([]any, 0, 4*len(in))
	for _, x := range in {
		args = append(args, x.Key, x.User, s.sealBytes("inbox.raw", x.Key, x.Raw), moment(x.At))
	}
	err = s.tx(ctx, func(tx *sql.Tx) error {
		n, err := s.d.insert(ctx, tx, "INSERT INTO inbox (dedupe, usr, raw, at)", 4, args, s.d.ignore("dedupe"))
		if err != nil {
			return err
		}
		fresh = int(n)
		if err := s.putLines(ctx, tx, lines, linePulled); err != nil || cursor == "" {
			return err
		}
		_, err = s.d.insert(ctx, tx, "INSERT INTO kf_cursors (open_kfid, next_cursor, at)", 3, []any{openKfID, cursor, moment(s.now())},
			s.d.upsert("open_kfid", "next_cursor = {next_cursor}, at = {at}"))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("receive from 微信客服: %w", err)
	}
	if fresh > 0 {
		s.wakes.local(WakeInbox)
	}
	return fresh, nil
}

// KfCursor is where the next page of an account begins; "" at the first there is.
func (s *Store) KfCursor(ctx context.Context, openKfID string) (cursor string, err error) {
	err = s.read.QueryRowContext(s.quick(ctx), "SELECT next_cursor FROM kf_cursors WHERE open_kfid = ?", openKfID).Scan(&cursor)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read the cursor of 微信客服: %w", err)
	}
	return cursor, nil
}

// ReserveKf takes one of the messages that may follow a relative's word (wecom/94677); false: there is none left, or the line is not
// open any more. The same message again keeps its place, unless it was taken after an earlier word: then it needs one of the
// present word's. Whoever sends without it risks the account.
func (s *Store) ReserveKf(ctx context.Context, user, messageKey string, now time.Time) (ok bool, err error) {
	if messageKey == "" || len(messageKey) > keyMax {
		return false, fmt.Errorf("reserve: message key %q is not of 1 to %d bytes", messageKey, keyMax)
	}
	err = s.tx(ctx, func(tx *sql.Tx) error {
		ok = false // a transaction may be run again
		from, open, err := s.kfWindow(ctx, tx, user, now, s.d.forUpdate)
		if err != nil || !open {
			return err
		}
		var mine, taken int
		err = tx.QueryRowContext(ctx, "SELECT COALESCE(SUM(message = ?), 0), COUNT(*) FROM kf_sends WHERE usr = ? AND at >= ?",
			messageKey, user, from).Scan(&mine, &taken)
		if ok = mine > 0; err != nil || ok || taken >= ledger.KfMost {
			return err
		}
		// WeCom's clock may be ahead: what is taken after a word counts toward it, whatever ours says.
		_, err = s.d.insert(ctx, tx, "INSERT INTO kf_sends (message, usr, at)", 3, []any{messageKey, user, max(moment(now), from)},
			s.d.upsert("message", "usr = {usr}, at = {at}"))
		ok = err == nil
		return err
	})
	if err != nil {
		return false, fmt.Errorf("reserve a message of 微信客服: %w", err)
	}
	return ok, nil
}

// kfWindow says whether a thread may be written to, and from when on messages count.
func (s *Store) kfWindow(ctx context.Context, q querier, user string, now time.Time, lock string) (from int64, open bool, err error) {
	var heard int64
	err = q.QueryRowContext(ctx, "SELECT heard FROM kin_lines WHERE usr = ? AND channel = ? AND state = ?"+lock,
		user, string(ledger.ChannelKf), string(ledger.LineOpen)).Scan(&heard)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	const tick = 1000 // WeCom tells no finer
	return heard - heard%tick, heard > 0 && now.Sub(fromMoment(heard)) < ledger.KfLife, nil
}

// ReleaseKf gives back what a message took that WeCom refused for good: it counts toward nothing.
func (s *Store) ReleaseKf(ctx context.Context, messageKey string) error {
	if _, err := s.write.ExecContext(ctx, "DELETE FROM kf_sends WHERE message = ?", messageKey); err != nil {
		return fmt.Errorf("give back a message of 微信客服: %w", err)
	}
	return nil
}

// KfRoom is how many messages may still follow a relative's last word.
func (s *Store) KfRoom(ctx context.Context, user string, now time.Time) (left int, err error) {
	from, open, err := s.kfWindow(s.quick(ctx), s.read, user, now, "")
	if err == nil && open {
		left, err = s.count(s.quick(ctx), "SELECT COUNT(*) FROM kf_sends WHERE usr = ? AND at >= ?", user, from)
		left = max(0, ledger.KfMost-left)
	}
	if err != nil {
		return 0, fmt.Errorf("read the room of 微信客服: %w", err)
	}
	return left, nil
}

// ForgetKf takes back what a relative recalled: what they wrote, and the photo or voice that came with it. The message stays handled;
// one that no turn has handled yet never will be. A photo is shown to nobody from now on; its bytes go with the next Sweep.
// ErrUnknown: there is no such message.
func (s *Store) ForgetKf(ctx context.Context, inboxKey string) error {
	err := s.tx(ctx, func(tx *sql.Tx) error {
		var user string
		err := tx.QueryRowContext(ctx, "SELECT usr FROM inbox WHERE dedupe = ?"+s.d.forUpdate, inboxKey).Scan(&user)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrUnknown
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE inbox SET raw = NULL, done_at = CASE state WHEN 0 THEN ? ELSE done_at END,"+
			" state = CASE state WHEN 0 THEN 1 ELSE state END WHERE dedupe = ?", moment(s.now()), inboxKey)
		if err != nil {
			return err
		}
		p := plan{s: s, now: s.now()}
		var photos []string
		err = each(ctx, tx, "SELECT `key` FROM photos WHERE user_id = ?", []any{user}, func(rows *sql.Rows) error {
			var key string
			err := rows.Scan(&key)
			if strings.HasSuffix(key, "/"+inboxKey) { // photo/… and voice/…
				photos = append(photos, key)
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, key := range photos {
			fetch := laneOf(ledger.Message{To: user, Call: ledger.CallFetch})
			err := each(ctx, tx, "SELECT dedupe FROM outbox WHERE state = 0 AND lane = ? AND photo = ?", []any{fetch, key}, func(rows *sql.Rows) error {
				var key string
				err := rows.Scan(&key)
				p.drop = append(p.drop, key)
				return err
			})
			if err != nil {
				return err
			}
		}
		_, err = exec(ctx, tx, "UPDATE photos SET state = ?, entry_key = '', media_id = '', look = '' WHERE `key` IN (%s)", photos, string(ledger.PhotoExpired))
		if err != nil {
			return err
		}
		return p.post(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("forget what was recalled: %w", err)
	}
	return nil
}

// guess writes attempts to name the end of a number; one that is there already stays.
func (p *plan) guess(ctx context.Context, tx *sql.Tx) error {
	_, err := p.s.d.insert(ctx, tx, "INSERT INTO guesses (`key`, usr, handle, at)", 4, p.guesses, p.s.d.ignore("`key`"))
	if err != nil {
		return fmt.Errorf("write guesses: %w", err)
	}
	return nil
}

// line writes the lines of turns, in their order.
func (p *plan) line(ctx context.Context, tx *sql.Tx) error {
	return p.s.putLines(ctx, tx, p.lines, lineSaid)
}

// Guesses counts the attempts since a moment: of a thread, and with a card.
func (s *Store) Guesses(ctx context.Context, user, handle string, since time.Time) (ofUser, ofCard int, err error) {
	err = s.read.QueryRowContext(s.quick(ctx), "SELECT (SELECT COUNT(*) FROM guesses WHERE usr = ? AND at >= ?), (SELECT COUNT(*) FROM guesses WHERE handle = ? AND at >= ?)",
		user, moment(since), handle, moment(since)).Scan(&ofUser, &ofCard)
	if err != nil {
		return 0, 0, fmt.Errorf("count guesses: %w", err)
	}
	return ofUser, ofCard, nil
}
