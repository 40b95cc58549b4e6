package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"xunfang/seal"
	"xunfang/store"
)

// photoDir is where the photos lie.
func (c Config) photoDir() string { return filepath.Join(c.DataDir, "photos") }

func backupCommand() *cobra.Command {
	var out string
	cmd := withStore(&cobra.Command{
		Use: "backup --config FILE --out XUNFANG-BACKUP.tar.gz", Short: "write the whole database and its photos into one file",
		Long: `Writes everything as of one moment while the bot goes on working, whole or not at all. What is personal stays sealed in it.
The key file is not in it: keep a copy of the key file somewhere else, for without it nobody can read the backup, and
with both in one place everybody can.`,
		Example: "  xunfang backup --config config.yaml --out /mnt/backup/xunfang-2026-03-02.tar.gz",
		Args: func(_ *cobra.Command, args []string) error {
			if out == "" || len(args) > 0 {
				return usage{errors.New("name the file with --out XUNFANG-BACKUP.tar.gz")}
			}
			return nil
		},
	}, func(ctx context.Context, c Config, s *store.Store, _ []string) error {
		var m store.Manifest
		err := writeFile(out, func(f *os.File) (err error) {
			m, err = s.Backup(ctx, f, os.DirFS(c.photoDir()))
			return err
		})
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s\n", out, holds(m, c.zone))
		fmt.Printf("the key file %s is not in it: keep a copy somewhere else, without it nobody can read the backup\n", c.keyFile())
		if m.Missing > 0 {
			fmt.Fprintf(os.Stderr, "%d photos that the ledger names are not in %s; the backup is whole without them\n", m.Missing, c.photoDir())
		}
		return nil
	})
	cmd.Flags().StringVar(&out, "out", "", "the file to write")
	return cmd
}

// holds says how much a backup holds.
func holds(m store.Manifest, zone *time.Location) string {
	var rows int64
	for _, t := range m.Tables {
		rows += t.Count
	}
	return fmt.Sprintf("%d rows of %d tables and %d photos as of %s", rows, len(m.Tables), m.Photos.Count, m.Made.In(zone).Format(time.DateTime))
}

func restoreCommand() *cobra.Command {
	return withConfig(&cobra.Command{
		Use: "restore --config FILE XUNFANG-BACKUP.tar.gz", Short: "fill an empty machine from a backup",
		Long: `Fills an empty database and an empty data folder, all of it or nothing, on either kind of database. Put the key file of the
machine that was backed up where privacy.key_file says before. Stop the old machine first: two must not serve one county.
Messages that waited when the backup was made are held back, since most of them went out afterwards: "outbox list" shows
them and "outbox retry" sends one. Messages that the bot had taken in and not yet answered are answered when it starts, and
a reminder that fell due after the backup was made goes out, perhaps for the second time.`,
		Example: "  xunfang restore --config config.yaml /mnt/backup/xunfang-2026-03-02.tar.gz",
		Args:    exactly(1, "name one backup"),
	}, func(ctx context.Context, c Config, args []string) error {
		f, err := os.Open(args[0])
		if err != nil {
			return fmt.Errorf("open the backup %s: %w", args[0], errors.Unwrap(err))
		}
		defer f.Close()
		// A key file made now would open nothing of what is in the backup, and stand in the way of the one that does.
		if _, err := c.keys(false); errors.Is(err, seal.ErrMissing) {
			return fmt.Errorf("there is no key file %s: put the one of the machine that was backed up there first", c.keyFile())
		}
		s, err := openStore(ctx, c, time.Now)
		if err != nil {
			return err
		}
		defer s.Close()
		return restore(ctx, c, s, f)
	})
}

func restore(ctx context.Context, c Config, s *store.Store, f *os.File) error {
	done, err := s.Restore(ctx, f, c.photoDir())
	var lost *store.KeyError
	switch {
	case errors.As(err, &lost):
		return fmt.Errorf("the backup is sealed under other keys than those in %s: put the key file of the machine that was backed up"+
			" there; nothing was restored", c.keyFile())
	case errors.Is(err, store.ErrNotEmpty):
		return fmt.Errorf("%w (now: the %s database and %s)", store.ErrNotEmpty, c.Database.Driver, c.photoDir())
	case err != nil:
		return err
	}
	fmt.Printf("restored: %s\n", holds(done.Manifest, c.zone))
	if done.Held > 0 {
		fmt.Printf("%d messages that waited are held back; `xunfang outbox list` shows them, `xunfang outbox retry ID` sends one\n", done.Held)
	}
	for _, a := range done.Alarms {
		fmt.Printf("an alarm is among them: ID %d, to %s, of %s\n", a.ID, a.To, a.At.In(c.zone).Format(time.DateTime))
	}
	if done.Manifest.Missing > 0 {
		fmt.Fprintf(os.Stderr, "%d photos that the ledger names were missing when the backup was made\n", done.Manifest.Missing)
	}
	return nil
}
