package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"xunfang/ledger"
)

const reviewColumns = "`key`, kind, user_id, day, numbers, facts, answer, state, by_, at"

// reviewAgain ends the INSERT of a review that may be there: while nobody has looked at it, it says what is known now.
const reviewAgain = "numbers = CASE WHEN reviews.state = 'open' THEN {numbers} ELSE reviews.numbers END," +
	" facts = CASE WHEN reviews.state = 'open' THEN {facts} ELSE reviews.facts END," +
	" at = CASE WHEN reviews.state = 'open' THEN {at} ELSE reviews.at END"

// readReviewed reads which of the reviews that turns settle are still open, and locks them.
func (b *bunch) readReviewed(ctx context.Context, tx *sql.Tx, w *world) error {
	var keys []string
	for _, u := range b.turns {
		for _, x := range u.turn.Changes.Reviewed {
			if x.State != "" {
				keys = append(keys, x.Key)
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	w.reviews = map[string]bool{}
	slices.Sort(keys)
	err := query(ctx, tx, "SELECT `key`, state FROM reviews WHERE `key` IN (%s)"+b.s.d.forUpdate, slices.Compact(keys), nil, func(rows *sql.Rows) error {
		var key string
		var state ledger.ReviewState
		err := rows.Scan(&key, &state)
		w.reviews[key] = state == ledger.ReviewOpen
		return err
	})
	if err != nil {
		return fmt.Errorf("read reviews: %w", err)
	}
	return nil
}

// review writes what was said about reviews.
func (p *plan) review(ctx context.Context, tx *sql.Tx) error {
	for _, x := range p.reviewed {
		var sets []string
		var args []any
		if x.Answer != "" {
			sets, args = append(sets, "answer = ?"), append(args, p.s.sealText("reviews.answer", x.Key, x.Answer))
		}
		if x.State != "" {
			sets, args = append(sets, "state = ?", "by_ = ?"), append(args, string(x.State), x.By)
		}
		if len(sets) == 0 {
			continue
		}
		if _, err := tx.ExecContext(ctx, "UPDATE reviews SET "+strings.Join(sets, ", ")+" WHERE `key` = ?", append(args, x.Key)...); err != nil {
			return fmt.Errorf("write what was said about a review: %w", err)
		}
	}
	return nil
}

func (s *Store) reviewValues(r ledger.Review) []any {
	numbers, _ := json.Marshal(r.Numbers) // texts: it cannot fail
	if r.State == "" {
		r.State = ledger.ReviewOpen
	}
	return []any{r.Key, string(r.Kind), r.UserID, string(r.Day), s.sealText("reviews.numbers", r.Key, string(numbers)), s.sealText("reviews.facts", r.Key, r.Facts),
		s.sealText("reviews.answer", r.Key, r.Answer), string(r.State), r.By, second(r.At)}
}

// Reviews are signs that deserve a second look, oldest first; without states, in every state.
func (s *Store) Reviews(ctx context.Context, states ...ledger.ReviewState) ([]ledger.Review, error) {
	text, args := "SELECT "+reviewColumns+" FROM reviews", []any(nil)
	if len(states) > 0 {
		text += " WHERE state IN (" + marks(len(states)) + ")"
		for _, x := range states {
			args = append(args, string(x))
		}
	}
	var out []ledger.Review
	err := each(ctx, s.read, text+" ORDER BY at, `key`", args, func(rows *sql.Rows) error {
		var r ledger.Review
		var numbers string
		err := rows.Scan(&r.Key, &r.Kind, &r.UserID, &r.Day, &numbers, &r.Facts, &r.Answer, &r.State, &r.By, &r.At)
		if err == nil {
			err = s.openJSON("reviews.numbers", r.Key, numbers, &r.Numbers)
		}
		if err == nil {
			r.Facts, err = s.openText("reviews.facts", r.Key, r.Facts)
		}
		if err == nil {
			r.Answer, err = s.openText("reviews.answer", r.Key, r.Answer)
		}
		out = append(out, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read reviews: %w", err)
	}
	return out, nil
}
