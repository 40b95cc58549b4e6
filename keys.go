package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xunfang/bot"
	"xunfang/seal"
	"xunfang/store"
)

// keyFile is where the keys lie.
func (c Config) keyFile() string {
	if c.Privacy.KeyFile != "" {
		return c.Privacy.KeyFile
	}
	return filepath.Join(c.DataDir, "xunfang.key")
}

// keys reads the key file. It is made only for a database in which nothing is sealed yet: a file that is made later could
// open nothing of what is there.
func (c Config) keys(first bool) (*seal.Ring, error) {
	path := c.keyFile()
	ring, err := seal.Load(path)
	if !errors.Is(err, seal.ErrMissing) || !first {
		return ring, err
	}
	if err := seal.New(time.Now()).Create(path); err != nil && !errors.Is(err, os.ErrExist) { // another process was quicker
		return nil, err
	}
	c.logger().Warn("a key file was made: copy it to a safe place, apart from the backups; without it nobody can read the ledger", "file", path)
	return seal.Load(path)
}

// explain says what to do when the database is sealed under keys that are not at hand.
func (c Config) explain(lost *store.KeyError) error {
	what := "holds other keys"
	switch {
	case errors.Is(lost.Err, seal.ErrMissing):
		what = "is not there"
	case lost.Err != nil:
		what = "cannot be used (" + lost.Err.Error() + ")"
	}
	return fmt.Errorf("the database is sealed under key %s, and the key file %s %s; put back the copy of the key file that was made when the"+
		" database was set up (privacy.key_file says where it belongs). Nothing was changed. Without that key nobody can read what is sealed",
		strings.Join(lost.Want, ", "), c.keyFile(), what)
}

// openAlbum opens the photos. An older version left them as they were: they are sealed now.
func openAlbum(c Config, s *store.Store) (*bot.Album, error) {
	album, err := bot.NewAlbum(filepath.Join(c.DataDir, "photos"), s)
	if err != nil {
		return nil, err
	}
	if plain, err := album.Plain(); err != nil || !plain {
		return album, err
	}
	n, err := album.Reseal()
	c.logger().Info("photos of an older version were sealed", "photos", n)
	return album, err
}

func keyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "key rotate|forget", Short: "the keys that seal personal data",
		Example: "  xunfang key rotate --config config.yaml",
		Args: func(*cobra.Command, []string) error {
			return usage{errors.New("say key rotate or key forget")}
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(withStore(&cobra.Command{
		Use: "rotate --config FILE", Short: "make a new key and seal everything under it",
		Long: `Adds a key to the key file and seals the database and the photos anew under it, while the bot goes on working. The old keys stay
in the file: backups made until now need them. It may break off and be run again: then it goes on with the newest key.
Where several machines share one database, the file must reach all of them before the first row is sealed: put it on shared
storage, or stop the other machines first.`,
		Example: "  xunfang key rotate --config config.yaml",
	}, rotateKey))
	cmd.AddCommand(withStore(&cobra.Command{
		Use: "forget --config FILE", Short: "drop old keys from the key file once nothing needs them",
		Long: `Looks that nothing in the database or among the photos is sealed under an old key, then drops the old keys from the key file.
Backups made before the last rotation can no longer be read without them.`,
		Example: "  xunfang key forget --config config.yaml",
	}, forgetKeys))
	return cmd
}

func rotateKey(ctx context.Context, c Config, s *store.Store, _ []string) error {
	ring, err := seal.Load(c.keyFile())
	if err != nil {
		return err
	}
	known, err := s.Sealed(ctx)
	if err != nil {
		return err
	}
	if known[ring.Current().String()] { // not so after a rotation that broke off before it began to seal
		if err := ring.Rotated(time.Now()).Replace(c.keyFile()); err != nil {
			return err
		}
	}
	if err := s.Rekey(ctx); err != nil {
		return err
	}
	done, err := s.Reseal(ctx)
	if err != nil {
		return err
	}
	album, err := openAlbum(c, s)
	if err != nil {
		return err
	}
	n, err := album.Reseal()
	if err != nil {
		return err
	}
	fmt.Printf("sealed anew: %d rows, %d photos. Copy %s to its safe place again.\n", done.Rows, n, c.keyFile())
	return nil
}

func forgetKeys(ctx context.Context, c Config, s *store.Store, _ []string) error {
	made, err := s.KeyMade(ctx)
	if err != nil {
		return err
	}
	if wait := store.KeysTakenUp - time.Since(made); wait > 0 {
		fmt.Fprintln(os.Stderr, "waiting until every running xunfang has taken up the new key")
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	album, err := openAlbum(c, s)
	if err != nil {
		return err
	}
	if _, err := album.Reseal(); err != nil {
		return err
	}
	if err := s.ForgetKeys(ctx); err != nil {
		return err
	}
	ring, err := seal.Load(c.keyFile())
	if err != nil {
		return err
	}
	if err := ring.Only().Replace(c.keyFile()); err != nil {
		return err
	}
	fmt.Printf("only the newest key is left in %s. Keep the copy that opens older backups.\n", c.keyFile())
	return nil
}
