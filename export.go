package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/store"
)

func exportCommand() *cobra.Command {
	var out, by string
	cmd := withStore(&cobra.Command{
		Use: "export --config FILE --out LEDGER.xlsx [--by USERID]", Short: "write the ledger as a workbook that can be imported",
		Long: `Writes the whole ledger. --by names the keeper (档案员) or county officer it is made for: then it holds the elders they keep and
nobody else. Every export is written down where the keeper sees it (谁看过).`,
		Example: "  xunfang export --config config.yaml --out ledger.xlsx\n  xunfang export --config config.yaml --by xumei --out ledger.xlsx",
		Args: func(_ *cobra.Command, args []string) error {
			if out == "" || len(args) > 0 {
				return usage{errors.New("name the file with --out LEDGER.xlsx")}
			}
			return nil
		},
	}, func(ctx context.Context, c Config, s *store.Store, _ []string) error {
		debug.SetMemoryLimit(paperMemory)
		book, err := s.Book(ctx)
		if err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		today := ledger.DayOf(time.Now(), c.zone)
		looks := []ledger.Look{{By: ledger.ByOperator}}
		if by = strings.ToLower(by); by != "" {
			if book, looks = kept(book, by, today); len(book.Elders) == 0 {
				return fmt.Errorf("%s keeps no elders: name a 档案员 or 县民政 of the ledger with --by", by)
			}
		}
		for i := range looks {
			looks[i].Key, looks[i].What, looks[i].At = "export/"+rand.Text(), ledger.LookExport, time.Now()
		}
		if err := s.Looked(ctx, looks...); err != nil { // before the file is there: an export nobody wrote down must not exist
			return err
		}
		return writeFile(out, func(f *os.File) error { return papers.Write(f, book, today) })
	})
	cmd.Flags().StringVar(&out, "out", "", "the workbook to write")
	cmd.Flags().StringVar(&by, "by", "", "the keeper or county officer it is made for")
	return cmd
}

// kept is the part of a book whose access log somebody may read: what they are answerable for they may take out (002 五·信息核对:
// 专人管理). The looks name the regions of their posts.
func kept(b ledger.Book, user string, today ledger.Day) (ledger.Book, []ledger.Look) {
	r := ledger.NewRoster(b)
	in := func(id string) bool { return r.May(user, id, today).Log }
	var looks []ledger.Look
	for _, p := range r.Posts(user) {
		if p.Holds(today) && (p.Role == ledger.RoleKeeper || p.Role == ledger.RoleCounty) {
			looks = append(looks, ledger.Look{By: user, Region: p.Region})
		}
	}
	b.Elders = only(b.Elders, in)
	b.Assignments, b.Tierings, b.Kin = only(b.Assignments, in), only(b.Tierings, in), only(b.Kin, in)
	b.Pairs, b.Standings = only(b.Pairs, in), only(b.Standings, in)
	return b, looks
}

func only[T ledger.Row](rows []T, in func(elder string) bool) []T {
	var out []T
	for _, x := range rows {
		if in(x.About()) {
			out = append(out, x)
		}
	}
	return out
}

func photosCommand() *cobra.Command {
	var out string
	cmd := withStore(&cobra.Command{
		Use: "photos RECORD --config FILE --out DIR", Short: "take the photos of a record out of the sealed album",
		Long: `Writes the photos of one record, named by its number as the bot gave it (编号), as JPEG files. They lie sealed in the data folder;
this is the way to see them, and that it was used is written down where the keeper sees it (谁看过).`,
		Example: "  xunfang photos 260311-A01 --config config.yaml --out ./photos",
		Args: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usage{errors.New("name the folder with --out DIR")}
			}
			return exactly(1, "name the record by its number, such as 260311-A01")(cmd, args)
		},
	}, func(ctx context.Context, c Config, s *store.Store, args []string) error {
		entry, err := s.EntryNo(ctx, args[0])
		if errors.Is(err, store.ErrUnknown) {
			return fmt.Errorf("there is no record %s", args[0])
		}
		if err != nil {
			return err
		}
		photos, err := s.PhotosOf(ctx, []string{entry.Key})
		if err != nil {
			return err
		}
		album, err := openAlbum(c, s)
		if err != nil {
			return err
		}
		look := ledger.Look{Key: "photos/" + rand.Text(), ElderID: entry.ElderID, By: ledger.ByOperator, What: ledger.LookPhoto, At: time.Now()}
		if err := s.Looked(ctx, look); err != nil {
			return err
		}
		if err := os.MkdirAll(out, 0o700); err != nil {
			return fmt.Errorf("make the folder %s: %w", out, errors.Unwrap(err))
		}
		n := 0
		for _, p := range photos {
			if p.State != ledger.PhotoStored {
				continue
			}
			data, err := album.Photo(p.Hash)
			if err != nil {
				return err
			}
			n++
			path := filepath.Join(out, fmt.Sprintf("%s-%d.jpg", entry.No, n))
			if err := writeFile(path, func(f *os.File) error { _, err := f.Write(data); return err }); err != nil {
				return err
			}
			fmt.Println(path)
		}
		if n == 0 {
			return fmt.Errorf("record %s has no photo", entry.No)
		}
		return nil
	})
	cmd.Flags().StringVar(&out, "out", "", "the folder to write to")
	return cmd
}
