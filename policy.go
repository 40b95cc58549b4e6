package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xunfang/ledger"
	"xunfang/scheduler"
	"xunfang/store"
)

func policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "policy list|show|check|diff|preview", Short: "what the visiting policy asks, and what a change of it would mean",
		Long: `A policy is a YAML file. A county copies one that ships, edits and checks it, sees what it would
change and for whom, and names the file under policy: in the configuration.`,
		Example: `  xunfang policy show yongning > county.yaml
  xunfang policy check county.yaml
  xunfang policy diff yongning county.yaml
  xunfang policy preview --config config.yaml --at 2026-04-01 --policy county.yaml`,
		Args: func(*cobra.Command, []string) error {
			return usage{errors.New("say policy list, show, check, diff or preview; see --help")}
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "list", Short: "the policies that ship: name, title, area, document", Example: "  xunfang policy list",
		Args: exactly(0, "policy list takes no arguments"),
		RunE: func(*cobra.Command, []string) error { return listPolicies() },
	}, &cobra.Command{
		Use: "show NAME", Short: "one that ships, as YAML", Example: "  xunfang policy show yongning > county.yaml",
		Args: exactly(1, "name one policy; `xunfang policy list` shows them"),
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains(scheduler.Shipped(), args[0]) {
				return fmt.Errorf("no policy %s ships; `xunfang policy list` shows those that do", args[0])
			}
			text, err := scheduler.Text(args[0])
			if err != nil {
				return err
			}
			_, err = os.Stdout.Write(text)
			return err
		},
	}, &cobra.Command{
		Use: "check FILE", Short: "every fault of a policy file at once",
		Long: `Reads a policy file and names every fault in it with its line; of a sound one it prints what it asks, in words. What a file does not
say of emergencies, problems, departments, drills and families (alarm:, matters:, departments:, drill:, family:) is as in yongning.`,
		Example: "  xunfang policy check county.yaml",
		Args:    exactly(1, "name one policy file"),
		RunE:    func(_ *cobra.Command, args []string) error { return checkPolicy(args[0]) },
	}, &cobra.Command{
		Use: "diff OLD NEW", Short: "what a change of policy means, in words",
		Long: `Says in which rules, dates and words the new policy differs from the old one. Each is the name of one that ships or a file.
Comments, and the order of months and methods, mean nothing and are not compared.`,
		Example: "  xunfang policy diff yongning county.yaml",
		Args:    exactly(2, "name two policies, the old one and the new one: names that ship or files"),
		RunE:    func(_ *cobra.Command, args []string) error { return diffPolicies(args[0], args[1]) },
	}, previewCommand())
	return cmd
}

func listPolicies() error {
	for _, name := range scheduler.Shipped() {
		p, err := scheduler.Load(name)
		if err != nil {
			return err
		}
		fmt.Println(strings.Join([]string{name, p.Title, p.Area, p.Document}, "\t"))
	}
	return nil
}

// openPolicy reads a policy by name or file. Faults go to stderr, a line each.
func openPolicy(name string) (scheduler.Pack, error) {
	p, err := scheduler.Load(name)
	if errors.Is(err, scheduler.ErrNoPack) {
		return p, fmt.Errorf("there is no policy file %s, and none of that name ships; `xunfang policy list` shows those that do", name)
	}
	if faults := (scheduler.Faults)(nil); errors.As(err, &faults) {
		for _, f := range faults {
			fmt.Fprintln(os.Stderr, f)
		}
		return p, fmt.Errorf("the policy %s has %s; mend the lines named above and check it again", name, counted(len(faults), "fault"))
	}
	return p, err
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func checkPolicy(name string) error {
	p, err := openPolicy(name)
	if err != nil {
		return err
	}
	fmt.Printf("ok   %s: %s, %s; records stay open %s after a period ends\n", name, p.Title, countedDuties(p), p.Close.Grace)
	for _, r := range p.Duties {
		fmt.Println("    ", r.Words())
	}
	for _, l := range p.Local {
		for _, r := range l.Duties {
			fmt.Printf("     %s %s\n", l.Region, r.Words())
		}
	}
	for _, x := range p.Papers {
		fmt.Println("    ", x.Words())
	}
	fmt.Println("    ", p.Alarm.Words())
	fmt.Println("    ", p.Matters.Words())
	for _, x := range p.Depts {
		fmt.Println("    ", x.Words())
	}
	fmt.Println("    ", p.Drill.Words())
	fmt.Println("    ", p.Family.Words())
	return nil
}

// countedDuties is how many things a pack asks for: of visitors, of helpers, of regions beside them and of offices.
func countedDuties(p scheduler.Pack) string {
	n := len(p.Duties) + len(p.Papers)
	for _, l := range p.Local {
		n += len(l.Duties)
	}
	if n == 1 {
		return "1 duty"
	}
	return fmt.Sprintf("%d duties", n)
}

func diffPolicies(old, new string) error {
	was, err := openPolicy(old)
	if err != nil {
		return err
	}
	becomes, err := openPolicy(new)
	if err != nil {
		return err
	}
	found := scheduler.Diff(was, becomes)
	if len(found) == 0 {
		fmt.Printf("%s and %s say the same\n", old, new)
		return nil
	}
	fmt.Printf("%s from %s to %s:\n", counted(len(found), "difference"), old, new)
	for _, d := range found {
		fmt.Println(d)
	}
	return nil
}

func previewCommand() *cobra.Command {
	var at, policy string
	var on ledger.Day
	cmd := withStore(&cobra.Command{
		Use: "preview --config FILE --at DATE [--policy NAME|FILE]", Short: "who would gain or lose which duty; writes nothing",
		Long: `Asks what would be owed on a day if another policy took the place of the configured one of its name, or of all where none has
its name, by the ledger and the records as they are now. A file with since: stands beside the versions that began on other days. A
line for each elder and duty that differs: number, gain, lose or change, the duty, what it was and what it becomes, with tabs
between; then the totals of each township. Nothing is written and nobody is named.`,
		Example: "  xunfang policy preview --config config.yaml --at 2026-04-01 --policy county.yaml",
		Args: func(_ *cobra.Command, args []string) error {
			var err error
			if on, err = ledger.ParseDay(at); err != nil || len(args) > 0 {
				return usage{errors.New("name the day with --at, such as 2026-04-01, and the new policy with --policy NAME or FILE")}
			}
			return nil
		},
	}, func(ctx context.Context, c Config, s *store.Store, _ []string) error {
		var err error
		if c.packs, err = c.settlePacks(ctx, s, ledger.DayOf(time.Now(), c.zone), false); err != nil {
			return err
		}
		becomes := c.packs
		if policy != "" {
			p, err := openPolicy(policy)
			if err != nil {
				return err
			}
			becomes = becomes.With(p)
		}
		r, err := s.Roster(ctx)
		if err != nil {
			return err
		}
		w := bufio.NewWriter(os.Stdout)
		return errors.Join(preview(ctx, w, s, r, c.packs, becomes, on), w.Flush())
	})
	cmd.Flags().StringVar(&at, "at", "", "the day")
	cmd.Flags().StringVar(&policy, "policy", "", "the new policy; without it the configured ones, and nothing changes")
	return cmd
}

// tally counts the duties of an area that a new policy would change.
type tally struct {
	elders  int // on the ledger and not away on the day
	touched int // of them with a duty that changes
	shifts  map[scheduler.ShiftKind]int
}

func (t tally) String() string {
	return fmt.Sprintf("%d of %s: %d gained, %d lost, %d changed", t.touched, counted(t.elders, "elder"),
		t.shifts[scheduler.ShiftGain], t.shifts[scheduler.ShiftLose], t.shifts[scheduler.ShiftChange])
}

// preview goes township by township, in the order of their codes, so that no more than one's records are held at a time.
func preview(ctx context.Context, w io.Writer, s *store.Store, r *ledger.Roster, was, becomes scheduler.Packs, on ledger.Day) error {
	elders := map[string][]ledger.Elder{}
	for _, e := range r.Elders() {
		if _, away := r.Standing(e.ID, on); !away { // nothing is owed for who rests or has left (requirements §3 cases 1 and 2)
			town := r.At(e.Region, ledger.LevelTownship).Code
			elders[town] = append(elders[town], e)
		}
	}
	all := tally{shifts: map[scheduler.ShiftKind]int{}}
	var totals []string
	for _, code := range slices.Sorted(maps.Keys(elders)) {
		t, err := previewTown(ctx, w, s, r, elders[code], was, becomes, on)
		if err != nil {
			return err
		}
		all.elders += t.elders
		all.touched += t.touched
		for k, n := range t.shifts {
			all.shifts[k] += n
		}
		town, _ := r.Region(code)
		totals = append(totals, fmt.Sprintf("%s: %s", cmp.Or(town.Name, "in no township"), t))
	}
	if all.touched == 0 {
		fmt.Fprintf(w, "no change: on %s nobody gains or loses a duty, of %s\n", on, counted(all.elders, "elder"))
		return nil
	}
	fmt.Fprintf(w, "\n%s\nall: %s\n", strings.Join(totals, "\n"), all)
	return nil
}

func previewTown(ctx context.Context, w io.Writer, s *store.Store, r *ledger.Roster, elders []ledger.Elder, was, becomes scheduler.Packs,
	on ledger.Day) (tally, error) {
	t := tally{elders: len(elders), shifts: map[scheduler.ShiftKind]int{}}
	ids := make([]string, len(elders))
	for i, e := range elders {
		ids[i] = e.ID
	}
	// The longest period a rule counts in; a week or what follows a change may have begun before it.
	entries, err := s.Entries(ctx, ids, min(ledger.HalfOf(on).First(), on.Add(-31)))
	if err != nil {
		return t, err
	}
	of := map[string][]ledger.Entry{}
	for _, x := range entries {
		of[x.ElderID] = append(of[x.ElderID], x)
	}
	for _, e := range elders {
		d, _ := r.Dossier(e.ID)
		shifts := scheduler.Shifts(&d, of[e.ID], was, becomes, on)
		if len(shifts) > 0 {
			t.touched++
		}
		for _, x := range shifts {
			t.shifts[x.Kind]++
			if _, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", e.ID, x.Kind, x.Duty, cmp.Or(x.Was, "-"), cmp.Or(x.Becomes, "-")); err != nil {
				return t, fmt.Errorf("print the preview: %w", err)
			}
		}
	}
	return t, nil
}

// settlePacks are the configured packs with every version that was ever in force. What reads otherwise than before is kept with
// today's day, where keep says so: only who serves or reminds decides what holds from today.
func (c Config) settlePacks(ctx context.Context, s *store.Store, today ledger.Day, keep bool) (scheduler.Packs, error) {
	rows, err := s.Packs(ctx)
	if err != nil {
		return nil, err
	}
	kept := make([]scheduler.Kept, len(rows))
	for i, k := range rows {
		kept[i] = scheduler.Kept(k)
	}
	var packs scheduler.Packs
	var texts [][]byte
	for _, name := range c.Policy {
		text, err := scheduler.Text(name)
		if err != nil {
			return nil, err
		}
		p, faults := scheduler.Check(text)
		if len(faults) > 0 {
			return nil, faults
		}
		packs, texts = append(packs, p), append(texts, text)
	}
	for _, k := range packs.Fresh(kept, texts, today) {
		kept = append(kept, k)
		if !keep {
			continue
		}
		if err := s.KeepPack(ctx, k.Name, k.Seen, k.Text); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(kept, func(a, b scheduler.Kept) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Seen, b.Seen)) })
	settled, err := packs.Settled(kept)
	if err != nil {
		return nil, fmt.Errorf("%w; restore a backup made before the program was replaced, or ask its developers", err)
	}
	return settled, nil
}
