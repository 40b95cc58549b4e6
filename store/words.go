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
	wordColumns = "`key`, elder_id, kin, `user`, purpose, period, text, state, channel, owner, due, at, moved, rev, tries"
	tryColumns  = "word_key, n, channel, kind, `to`, `by`, message, text, at"
	tryWidth    = 9
)

const wordKeyMax = 64

// checkWords refuses what only a mistake in the program can produce. Who makes a new word need not number it.
func checkWords(steps []ledger.WordStep) error {
	for i, x := range steps {
		first := x.Word.Tries - len(x.Log) + 1
		switch {
		case x.Word.Key == "" || len(x.Word.Key) > wordKeyMax:
			return fmt.Errorf("word key %q is not of 1 to %d bytes", x.Word.Key, wordKeyMax)
		case slices.ContainsFunc(steps[:i], func(y ledger.WordStep) bool { return y.Word.Key == x.Word.Key }):
			return fmt.Errorf("word %s takes two steps at once", x.Word.Key)
		case first < 1 || x.Seen == 0 && first != 1:
			return fmt.Errorf("word %s has %d tries, %d of them new", x.Word.Key, x.Word.Tries, len(x.Log))
		case x.Seen < 0 || x.Word.Rev != x.Seen+1 && (x.Seen > 0 || x.Word.Rev != 0):
			return fmt.Errorf("word %s goes from step %d to %d", x.Word.Key, x.Seen, x.Word.Rev)
		}
		for j, t := range x.Log {
			if t.WordKey != x.Word.Key || t.N != first+j {
				return fmt.Errorf("word %s: try %d of word %s is not its %dth", x.Word.Key, t.N, t.WordKey, first+j)
			}
		}
	}
	return nil
}

// readWords reads what turns that change words are checked against, and locks it: they are few.
func (b *bunch) readWords(ctx context.Context, tx *sql.Tx, w *world) error {
	var keys []string
	for _, u := range b.turns {
		for _, x := range u.turn.Changes.Words {
			keys = append(keys, x.Word.Key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	w.words = map[string]int64{}
	slices.Sort(keys)
	err := query(ctx, tx, "SELECT `key`, rev FROM words WHERE `key` IN (%s)"+b.s.d.forUpdate, slices.Compact(keys), nil, func(rows *sql.Rows) error {
		var key string
		var rev int64
		err := rows.Scan(&key, &rev)
		w.words[key] = rev
		return err
	})
	if err != nil {
		return fmt.Errorf("read where words stand: %w", err)
	}
	return nil
}

// spoken says that a word of a turn moved on since it was seen, or that a new one is there already.
func (w *world) spoken(steps []ledger.WordStep) bool {
	return slices.ContainsFunc(steps, func(x ledger.WordStep) bool { return w.words[x.Word.Key] != x.Seen })
}

// speak moves the world on by an admitted turn's words.
func (w *world) speak(steps []ledger.WordStep) {
	for _, x := range steps {
		w.words[x.Word.Key] = x.Seen + 1
	}
}

// speak writes the turns' words in their order. What waits to bring one that is dropped is dropped with it, by post.
func (p *plan) speak(ctx context.Context, tx *sql.Tx) error {
	if len(p.words) == 0 {
		return nil
	}
	s := p.s
	var tries []any
	rows := make([]standing, len(p.words))
	for i, x := range p.words {
		x.Word.Rev = x.Seen + 1
		rows[i] = standing{s.wordValues(x.Word), x.Seen, x.Word.Tries - len(x.Log)}
		for _, t := range x.Log {
			tries = append(tries, t.WordKey, t.N, string(t.Channel), string(t.Kind), t.To, t.By, t.Message, s.sealText("word_tries.text", tryRow(t), t.Text), moment(t.At))
		}
		if x.Word.State == ledger.WordDropped {
			p.unsaid = append(p.unsaid, x.Word.Key)
		}
	}
	if err := s.stand(ctx, tx, "words", wordColumns, "tries", rows); err != nil {
		return err
	}
	if _, err := s.d.insert(ctx, tx, "INSERT INTO word_tries ("+tryColumns+")", tryWidth, tries, ""); err != nil {
		return fmt.Errorf("write how words were tried: %w", err)
	}
	return nil
}

func (s *Store) wordValues(w ledger.Word) []any {
	return []any{w.Key, w.ElderID, w.Kin, w.User, string(w.Purpose), string(w.Period), s.sealText("words.text", w.Key, w.Text), string(w.State), string(w.Channel),
		w.Owner, moment(w.Due), moment(w.At), moment(w.Moved), w.Rev, w.Tries}
}

func (s *Store) scanWord(rows *sql.Rows) (w ledger.Word, err error) {
	var due, at, moved int64
	err = rows.Scan(&w.Key, &w.ElderID, &w.Kin, &w.User, &w.Purpose, &w.Period, &w.Text, &w.State, &w.Channel, &w.Owner, &due, &at, &moved, &w.Rev, &w.Tries)
	if err != nil {
		return w, err
	}
	w.Due, w.At, w.Moved = fromMoment(due), fromMoment(at), fromMoment(moved)
	w.Text, err = s.openText("words.text", w.Key, w.Text)
	return w, err
}

// tryRow is what a try's text is sealed by.
func tryRow(t ledger.Try) string { return fmt.Sprintf("%s\t%d", t.WordKey, t.N) }

// WordsDue are the words, at most limit, that are to be looked at again, who waits longest first.
func (s *Store) WordsDue(ctx context.Context, now time.Time, limit int) ([]ledger.WordFile, error) {
	return s.wordFiles(ctx, "FROM words"+fmt.Sprintf(s.d.useIndex, "idx_words_due")+" WHERE due > 0 AND due <= ? AND state = ? ORDER BY due, `key` LIMIT ?",
		moment(now), string(ledger.WordOpen), limit)
}

// WordFiles are the words of some keys, oldest first; what there is none of is left out.
func (s *Store) WordFiles(ctx context.Context, keys ...string) ([]ledger.WordFile, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	return s.wordFiles(ctx, "FROM words WHERE `key` IN ("+marks(len(keys))+")"+oldestFirst, list(keys)...)
}

// WordOfMessage is the word that a message carries, or carried; false where it carries none.
func (s *Store) WordOfMessage(ctx context.Context, messageKey string) (ledger.WordFile, bool, error) {
	if messageKey == "" { // a try without a message has this one
		return ledger.WordFile{}, false, nil
	}
	files, err := s.wordFiles(ctx, "FROM words WHERE `key` = (SELECT MIN(word_key) FROM word_tries WHERE message = ?)", messageKey)
	if err != nil || len(files) == 0 {
		return ledger.WordFile{}, false, err
	}
	return files[0], true, nil
}

// WordFilter says which words are asked for. Elders, Users and Owner say whose: any of those named, and everybody's where none is.
// The rest narrows; zero values do not. Whoever shows a word asks May first.
type WordFilter struct {
	Elders []string
	Users  []string // threads
	Owner  string

	States   []ledger.WordState
	Purposes []ledger.WordPurpose
	Since    time.Time // something happened with it since
	Limit    int       // 0: all
}

// WordsOf are the words a filter asks for, the newest first.
func (s *Store) WordsOf(ctx context.Context, f WordFilter) ([]ledger.WordFile, error) {
	narrow, narrowed := f.narrow()
	var whose []string
	var args []any
	mine := func(where string, more ...any) {
		whose = append(whose, "SELECT `key` FROM words WHERE "+where+narrow)
		args = append(append(args, more...), narrowed...)
	}
	if len(f.Elders) > 0 {
		mine("elder_id IN ("+marks(len(f.Elders))+")", list(f.Elders)...)
	}
	if len(f.Users) > 0 {
		mine("`user` IN ("+marks(len(f.Users))+")", list(f.Users)...)
	}
	if f.Owner != "" {
		mine("owner = ?", f.Owner)
	}
	text := "FROM words WHERE 1 = 1" + narrow
	if len(whose) > 0 { // a join: MySQL would look at every word for each IN
		text = "FROM (" + strings.Join(whose, " UNION ") + ") mine JOIN words USING (`key`)"
	} else {
		args = narrowed
	}
	text += " ORDER BY at DESC, `key` DESC"
	if f.Limit > 0 {
		text, args = text+" LIMIT ?", append(args, f.Limit)
	}
	return s.wordFiles(ctx, text, args...)
}

// narrow is what all words of a filter have in common.
func (f WordFilter) narrow() (text string, args []any) {
	if len(f.States) > 0 {
		text, args = text+" AND state IN ("+marks(len(f.States))+")", append(args, list(f.States)...)
	}
	if len(f.Purposes) > 0 {
		text, args = text+" AND purpose IN ("+marks(len(f.Purposes))+")", append(args, list(f.Purposes)...)
	}
	if !f.Since.IsZero() {
		text, args = text+" AND moved >= ?", append(args, moment(f.Since))
	}
	return text, args
}

// wordFiles reads words and then how they were tried. What happened since a word was read is left out: a file is as of one step.
func (s *Store) wordFiles(ctx context.Context, from string, args ...any) ([]ledger.WordFile, error) {
	var out []ledger.WordFile
	var keys []string
	at := map[string]int{}
	err := each(s.quick(ctx), s.read, "SELECT "+wordColumns+" "+from, args, func(rows *sql.Rows) error {
		w, err := s.scanWord(rows)
		at[w.Key] = len(out)
		out, keys = append(out, ledger.WordFile{Word: w}), append(keys, w.Key)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read words: %w", err)
	}
	err = query(s.quick(ctx), s.read, "SELECT "+tryColumns+" FROM word_tries WHERE word_key IN (%s) ORDER BY word_key, n", keys, nil, func(rows *sql.Rows) error {
		var t ledger.Try
		var when int64
		err := rows.Scan(&t.WordKey, &t.N, &t.Channel, &t.Kind, &t.To, &t.By, &t.Message, &t.Text, &when)
		if err != nil {
			return err
		}
		f := &out[at[t.WordKey]]
		if t.N > f.Tries {
			return nil
		}
		t.At = fromMoment(when)
		t.Text, err = s.openText("word_tries.text", tryRow(t), t.Text)
		f.Log = append(f.Log, t)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read how words were tried: %w", err)
	}
	return out, nil
}

// WordsSince are the words made since a moment, oldest first, without what they say: for who decides which are still to be made.
func (s *Store) WordsSince(ctx context.Context, since time.Time) ([]ledger.Word, error) {
	var out []ledger.Word
	columns := strings.Replace(wordColumns, " text,", " '',", 1)
	err := each(ctx, s.read, "SELECT "+columns+" FROM words WHERE at >= ?"+oldestFirst, []any{moment(since)}, func(rows *sql.Rows) error {
		w, err := s.scanWord(rows)
		out = append(out, w)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read words: %w", err)
	}
	return out, nil
}
