package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xunfang/bot"
	"xunfang/ledger"
	"xunfang/store"
)

func remindCommand() *cobra.Command {
	var at string
	var dry bool
	var moment time.Time
	cmd := withStore(&cobra.Command{
		Use: "remind --config FILE --at RFC3339 [--dry-run]", Short: "run the calendar as of a moment, once",
		Long: `Works out who should have heard by that moment of what they owe, which leads hear of what is still open, and what else the
calendar asks, and sends what was not sent yet; what belongs to a later hour of the day waits for it. The same moment a second time
sends nothing. serve does this by itself; the command may run beside it. --dry-run prints one line a message, userid, kind and
text with tabs between, and sends nothing: it names people and elders, so mind who reads it. Words to families stand after the
letters, with the thread of 微信客服 as userid, or - where somebody has to call.`,
		Example: `  xunfang remind --config config.yaml --at 2026-03-22T09:00:00+08:00 --dry-run
  xunfang remind --config config.yaml --at 2026-03-22T09:00:00+08:00`,
		Args: func(_ *cobra.Command, args []string) error {
			var err error
			if moment, err = time.Parse(time.RFC3339, at); err != nil || len(args) > 0 {
				return usage{errors.New("name the moment with --at, such as 2026-03-22T09:00:00+08:00")}
			}
			return nil
		},
	}, func(ctx context.Context, c Config, s *store.Store, _ []string) error {
		var err error
		if c.packs, err = c.settlePacks(ctx, s, ledger.DayOf(time.Now(), c.zone), !dry); err != nil {
			return err
		}
		b, err := newBot(c, s, time.Now)
		if err != nil {
			return err
		}
		if dry {
			letters, messages, err := b.Letters(ctx, moment, true)
			if err != nil {
				return err
			}
			words, _, err := b.FamilyWords(ctx, moment)
			if err != nil {
				return err
			}
			w := bufio.NewWriter(os.Stdout)
			return errors.Join(listLetters(w, letters, messages), listWords(w, words), w.Flush())
		}
		return remind(ctx, b, moment)
	})
	cmd.Flags().StringVar(&at, "at", "", "the moment, with its offset from UTC")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "print what would be sent, and send nothing")
	return cmd
}

// remindFor is how long the command waits for WeCom to take what is due; what it has not taken then is in the outbox, where
// serve finds it.
const remindFor = time.Minute

func remind(ctx context.Context, b *bot.Bot, moment time.Time) error {
	n, err := b.Remind(ctx, moment, true)
	if err != nil {
		return err
	}
	words, err := b.TellFamilies(ctx, moment, true)
	if err != nil {
		return err
	}
	if err := b.Reach(ctx); err != nil { // what is due at a later hour serve brings
		return err
	}
	send, cancel := context.WithTimeout(ctx, remindFor)
	defer cancel()
	if err := deliver(send, b); err != nil {
		return fmt.Errorf("%s written, but not all sent: %w; serve sends the rest, and `xunfang outbox list` shows them", counted(n, "letter"), err)
	}
	fmt.Println(counted(n, "letter"))
	if words > 0 {
		fmt.Println(counted(words, "word") + " to families")
	}
	return nil
}

// errUnsent says that WeCom did not take a letter and is asked again later.
var errUnsent = errors.New("WeCom does not answer or refuses")

// deliver sends until nothing of the calendar waits whose hour has come. What another process has in hand is waited for: a live
// one sends it, a dead one's lease ends.
func deliver(ctx context.Context, b *bot.Bot) error {
	for {
		if err := b.Deliver(ctx); err != nil {
			return err
		}
		rows, err := b.Store.Outbox(ctx, store.OutboxFilter{States: []store.OutboxState{store.StateWaiting}, Limit: 100_000})
		if err != nil {
			return err
		}
		now := b.Now()
		rows = slices.DeleteFunc(rows, func(r store.OutboxRow) bool { return !strings.HasPrefix(r.Key, "remind/") || r.NotBefore.After(now) })
		if len(rows) == 0 {
			return nil
		}
		if slices.ContainsFunc(rows, func(r store.OutboxRow) bool { return r.RetryAt.After(now) }) {
			return errUnsent
		}
		select {
		case <-ctx.Done():
			return errUnsent
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func listLetters(w io.Writer, letters []ledger.Letter, messages []ledger.Message) error {
	for i, l := range letters {
		var kinds []string
		for _, n := range l.Notices {
			if !slices.Contains(kinds, string(n.Kind)) {
				kinds = append(kinds, string(n.Kind))
			}
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", l.To, strings.Join(kinds, ","), oneLine.Replace(messages[i].Words())); err != nil {
			return fmt.Errorf("print the letters: %w", err)
		}
	}
	return nil
}

// listWords are the words to families: of who has no WeChat here the first column is "-".
func listWords(w io.Writer, words []ledger.Word) error {
	for _, x := range words {
		user := x.User
		if user == "" {
			user = "-"
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", user, x.Purpose, oneLine.Replace(x.Text)); err != nil {
			return fmt.Errorf("print the words to families: %w", err)
		}
	}
	return nil
}

// oneLine keeps a text on its line (contract, Times).
var oneLine = strings.NewReplacer("\\", "\\\\", "\n", "\\n", "\t", "\\t")
