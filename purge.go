package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"xunfang/ledger"
	"xunfang/store"
)

// classes are what a purge deletes, in its own words.
var classes = map[string]string{
	"messages":  "messages received and sent, long dealt with",
	"dialogues": "what half-finished dialogues remembered",
	"tray":      "photos that belong to no record",
	"photos":    "photos of records past their time",
	"elders":    "elders who left: their personal data (records stay as counts)",
	"looks":     "entries of the access log",
	"consents":  "consents of elders already removed",
	"notices":   "why reminders went out",
	"reviews":   "signs in records that somebody has looked at",
	"words":     "words to relatives, and how they were brought",
	"lines":     "ways to the WeChat of people who are no relatives any more",
	"counts":    "what was counted of messages and guesses of relatives",
}

func purgeCommand() *cobra.Command {
	var yes bool
	cmd := withStore(&cobra.Command{
		Use: "purge --config FILE [--yes]", Short: "delete what has been kept long enough; without --yes only say what",
		Long: `Says, class by class, what privacy.keep_days no longer wants kept, and deletes it with --yes. serve does the same every night.
What is deleted is gone, the history of it, too; only backups still hold it.`,
		Example: "  xunfang purge --config config.yaml\n  xunfang purge --config config.yaml --yes",
	}, func(ctx context.Context, c Config, s *store.Store, _ []string) error {
		swept, err := sweep(ctx, c, s, time.Now(), !yes)
		verb := "would delete"
		if yes {
			verb = "deleted"
		}
		for _, x := range swept {
			fmt.Printf("%s %d: %s\n", verb, x.Rows, classes[x.Class])
		}
		if err == nil && len(swept) == 0 {
			fmt.Println("nothing has been kept too long")
		}
		return err
	})
	cmd.Flags().BoolVar(&yes, "yes", false, "delete it")
	return cmd
}

func sweep(ctx context.Context, c Config, s *store.Store, now time.Time, dry bool) ([]store.Swept, error) {
	album, err := openAlbum(c, s)
	if err != nil {
		return nil, err
	}
	return s.Sweep(ctx, store.Keep(c.Privacy.Keep), ledger.DayOf(now, c.zone), dry, album.Remove)
}
