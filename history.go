package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xunfang/ledger"
	"xunfang/store"
)

func historyCommand() *cobra.Command {
	var on, known string
	cmd := withStore(&cobra.Command{
		Use: "history ELDER|RECORD --config FILE [--on DAY] [--known TIME]", Short: "what became of an elder's entry or of a record, and who was responsible on a day",
		Long: `Of a record, by its number, prints every version: what it says now and what it said before each correction, by whom and why. Of an
elder prints every change of an elder's entry, newest first: when, who, what it was, what it became, and why. With --on it prints who was
responsible on that day and which tier held; --known asks what the ledger said at that moment, before later corrections. That
it was asked is written down where the keeper sees it (谁看过).`,
		Example: "  xunfang history A01 --config config.yaml\n  xunfang history A01 --config config.yaml --on 2026-03-03 --known 2026-03-10T00:00:00+08:00\n  xunfang history 260311-A01 --config config.yaml",
		Args:    exactly(1, "name the elder by number (编号), such as A01, or a record, such as 260311-A01"),
	}, func(ctx context.Context, c Config, s *store.Store, args []string) error {
		day, err := ledger.ParseDay(on)
		if on != "" && err != nil {
			return usage{errors.New("--on takes a day such as 2026-03-03")}
		}
		at := time.Now()
		if known != "" {
			if at, err = time.Parse(time.RFC3339, known); err != nil {
				return usage{errors.New("--known takes a time such as 2026-03-10T00:00:00+08:00")}
			}
			if day == "" {
				day = ledger.DayOf(at, c.zone)
			}
		}
		if e, err := s.EntryNo(ctx, args[0]); err == nil {
			return versions(ctx, s, e, c.zone)
		} else if !errors.Is(err, store.ErrUnknown) {
			return err
		}
		if err := s.Looked(ctx, ledger.Look{Key: "history/" + rand.Text(), ElderID: args[0], By: ledger.ByOperator, What: ledger.LookLog, At: time.Now()}); err != nil {
			return err
		}
		if day != "" {
			return responsible(ctx, s, args[0], day, at)
		}
		steps, err := s.History(ctx, args[0], 1000)
		if err != nil {
			return err
		}
		if len(steps) == 0 {
			return fmt.Errorf("nothing is known of an elder %s", args[0])
		}
		for _, st := range steps {
			fmt.Println(strings.TrimSpace(fmt.Sprintf("%s  %s  %s", st.At.In(c.zone).Format("2006-01-02 15:04"), st.By, st.Why)))
			for _, x := range st.Changes {
				fmt.Printf("    %s\n", changeWords(x))
			}
		}
		return nil
	})
	cmd.Flags().StringVar(&on, "on", "", "who was responsible on this day")
	cmd.Flags().StringVar(&known, "known", "", "by what the ledger said at this moment")
	return cmd
}

// versions prints a record as it is and as it was before each correction.
func versions(ctx context.Context, s *store.Store, e ledger.Entry, zone *time.Location) error {
	if err := s.Looked(ctx, ledger.Look{Key: "history/" + rand.Text(), ElderID: e.ElderID, By: ledger.ByOperator, What: ledger.LookRecord, At: time.Now()}); err != nil {
		return err
	}
	r, err := s.Record(ctx, e.Key)
	if err != nil {
		return err
	}
	show := func(head string, e ledger.Entry, found []ledger.Finding) {
		fmt.Printf("%s\n    %s %s %s %s by %s %s\n", head, e.ElderID, e.Day, e.Method, e.Outcome, e.UserID, e.Note)
		for _, f := range found {
			fmt.Printf("    %s %s: %s\n", f.Item, f.State, f.Note)
		}
	}
	show(fmt.Sprintf("version %d, now", r.Version), r.Entry, r.Findings)
	for i := len(r.Versions) - 1; i >= 0; i-- {
		v := r.Versions[i]
		show(fmt.Sprintf("version %d, until %s  %s  %s", v.Was.Version, v.At.In(zone).Format("2006-01-02 15:04"), v.By, v.Why), v.Was, v.Findings)
	}
	return nil
}

func responsible(ctx context.Context, s *store.Store, elder string, on ledger.Day, known time.Time) error {
	b, err := s.AsOf(ctx, known)
	if err != nil {
		return err
	}
	r := ledger.NewRoster(b)
	if _, ok := r.Elder(elder); !ok {
		return fmt.Errorf("no elder %s was on the ledger then", elder)
	}
	who := r.Visitors(elder, on)
	for i, id := range who {
		if p, ok := r.Person(id); ok {
			who[i] = p.Name + " (" + id + ")"
		}
	}
	if len(who) == 0 {
		who = []string{"nobody"}
	}
	fmt.Printf("%s: %s responsible, tier %s\n", on, strings.Join(who, ", "), r.Tier(elder, on))
	return nil
}

// changeWords is a change in one line.
func changeWords(c ledger.Change) string {
	row := strings.ReplaceAll(c.Row, "\t", " ")
	switch {
	case c.Field == ledger.FieldErased:
		return "personal data deleted"
	case c.Field == "" && c.Was == "":
		return "new " + c.Table + " " + row
	case c.Field == "":
		return "gone " + c.Table + " " + row
	}
	return fmt.Sprintf("%s.%s %s: %q → %q", c.Table, c.Field, row, c.Was, c.Now)
}
