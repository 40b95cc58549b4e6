package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xunfang/bot"
	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/store"
)

func cardsCommand() *cobra.Command {
	var region, elder, size, out string
	sizes := map[string]papers.LeafletSize{"a4": papers.SizeA4, "wallet": papers.SizeWallet}
	picture := func() bool { return strings.HasSuffix(out, ".png") }
	cmd := withStore(&cobra.Command{
		Use: "cards --config FILE --out FILE.pdf [--region CODE | --elder NUMBER] [--size a4|wallet]", Short: "contact cards (联系卡) to print",
		Long: `Prints the contact cards of a region, of one elder or of everybody as one PDF; of one elder also as a picture, where --out ends in .png.
Who has no card yet, or one whose names or numbers are out of date, gets a new one: the old one then opens nothing. The cards of
elders who have left are not printed. That cards were printed is written down where the keeper sees it (谁看过).`,
		Example: "  xunfang cards --config config.yaml --region 640121101201 --out village.pdf\n  xunfang cards --config config.yaml --elder A03 --size wallet --out A03.png",
		Args: func(cmd *cobra.Command, args []string) error {
			if err := exactly(0, "cards takes no arguments; see --help")(cmd, args); err != nil {
				return err
			}
			switch {
			case sizes[size] == 0:
				return usage{fmt.Errorf("--size is %q; say a4 or wallet", size)}
			case !picture() && !strings.HasSuffix(out, ".pdf"):
				return usage{errors.New("name the file to write with --out, ending in .pdf, or .png for one elder")}
			case region != "" && elder != "", picture() && elder == "":
				return usage{errors.New("name one elder with --elder or a region with --region; a picture is of one elder")}
			}
			return nil
		},
	}, func(ctx context.Context, c Config, s *store.Store, _ []string) error {
		b, err := newBot(c, s, time.Now)
		if err != nil {
			return err
		}
		today := ledger.DayOf(time.Now(), c.zone)
		all, err := b.Leaflets(ctx, ledger.ByOperator, today, func(r *ledger.Roster, e ledger.Elder) bool {
			return elder == "" && region == "" || e.ID == elder || region != "" && bot.Lives(r, e, region)
		})
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return errors.New("nobody to print a card for; look at --region and --elder")
		}
		if err := s.Looked(ctx, ledger.Look{Key: "cards/" + rand.Text(), ElderID: elder, Region: region, By: ledger.ByOperator, What: ledger.LookExport, At: time.Now()}); err != nil {
			return err
		}
		var data []byte
		if picture() {
			data, err = all[0].PNG(sizes[size])
		} else {
			data, err = papers.PrintLeaflets(all, sizes[size])
		}
		if err != nil {
			return err
		}
		if err := writeFile(out, func(f *os.File) error {
			_, err := f.Write(data)
			return err
		}); err != nil {
			return err
		}
		fmt.Printf("%d cards in %s\n", len(all), out)
		if all[0].Link == "" {
			fmt.Println("they carry no QR: name a 微信客服 account under wecom.kf, or see why WeCom gives no link with `xunfang doctor`")
		}
		return nil
	})
	cmd.Flags().StringVar(&region, "region", "", "code of a village, township or group")
	cmd.Flags().StringVar(&elder, "elder", "", "number of one elder")
	cmd.Flags().StringVar(&size, "size", "a4", "a4 or wallet")
	cmd.Flags().StringVar(&out, "out", "", "file to write")
	return cmd
}
