package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xunfang/flows/understand"
	"xunfang/ledger"
	"xunfang/ledger/names"
)

// parsed is a line of parse's output.
type parsed struct {
	Text string              `json:"text"`
	Got  understand.Reading  `json:"got"`
	Why  []understand.Reason `json:"why,omitempty"`
}

// district is a roster file: everybody on it is in sight.
type district struct {
	index  *names.Index
	elders map[string]understand.Elder
}

func (d district) Find(said string) []names.Hit {
	return d.index.Find(said, func(string) bool { return true }, 0)
}

func (d district) Elder(id string, _ ledger.Day) understand.Elder { return d.elders[id] }

func parseCommand() *cobra.Command {
	var roster, at string
	var words []string
	var explain bool
	cmd := &cobra.Command{
		Use: "parse --roster ROSTER.json [--at RFC3339] [--explain] [--words FILE]", Short: "say what the bot understands of a sentence",
		Long: `Reads one sentence a line from stdin, plain or as a JSON object with text and today, and prints what the bot understands of it, one
JSON object a line. --explain adds which words led to what. --words adds a county's own words; the format stands in
flows/understand/words/README.txt. Nothing is kept.`,
		Example: "  echo '张桂兰 上门 都好 屋里18度' | xunfang parse --roster roster.json --explain",
		Args: func(_ *cobra.Command, args []string) error {
			if roster == "" || len(args) > 0 {
				return usage{errors.New("name the elders with --roster ROSTER.json; the sentences come from stdin")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			today, err := parseDay(at)
			if err != nil {
				return err
			}
			sight, err := readDistrict(roster)
			if err != nil {
				return err
			}
			reader, err := readerOf(words)
			if err != nil {
				return err
			}
			return parse(cmd.InOrStdin(), cmd.OutOrStdout(), reader, today, sight, explain)
		},
	}
	cmd.Flags().StringVar(&roster, "roster", "", "the elders, as a JSON list")
	cmd.Flags().StringVar(&at, "at", "", "the moment the sentences are said, as 2026-03-12T09:00:00+08:00; now if absent")
	cmd.Flags().BoolVar(&explain, "explain", false, "say which words led to what")
	cmd.Flags().StringArrayVar(&words, "words", nil, "a file of further words; may be given again")
	return cmd
}

// parseDay is the civil day of --at where the sentences are said.
func parseDay(at string) (ledger.Day, error) {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		return "", fmt.Errorf("load the time zone: %w", err)
	}
	now := time.Now()
	if at != "" {
		if now, err = time.Parse(time.RFC3339, at); err != nil {
			return "", usage{fmt.Errorf("--at %q is no moment like 2026-03-12T09:00:00+08:00", at)}
		}
	}
	return ledger.DayOf(now, zone), nil
}

// readDistrict reads a roster in the shape of the labelled sentences': id, name, gender, age, village, group, alias.
func readDistrict(name string) (district, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return district{}, fmt.Errorf("read the roster of --roster: %w", err)
	}
	var rows []struct {
		ID, Name, Gender, Village, Group string
		Age                              *int
		Alias                            []string
	}
	if err := json.Unmarshal(text, &rows); err != nil {
		return district{}, fmt.Errorf("%s is no list of elders like [{\"id\": \"E01\", \"name\": …}]: %w", name, err)
	}
	d := district{elders: make(map[string]understand.Elder, len(rows))}
	var b ledger.Book
	seen := map[string]bool{}
	region := func(code, name, parent string, level ledger.Level) {
		if name != "" && !seen[code] {
			seen[code] = true
			b.Regions = append(b.Regions, ledger.Region{Code: code, Name: name, Parent: parent, Level: level})
		}
	}
	for i, r := range rows {
		if _, twice := d.elders[r.ID]; r.ID == "" || r.Name == "" || twice {
			return district{}, fmt.Errorf("%s: elder %d needs a name and an id of its own", name, i+1)
		}
		age := -1
		if r.Age != nil {
			age = *r.Age
		}
		region(r.Village, r.Village, "", ledger.LevelVillage)
		home := r.Village
		if r.Group != "" {
			home += "/" + r.Group
			region(home, r.Group, r.Village, ledger.LevelGroup)
		}
		b.Elders = append(b.Elders, ledger.Elder{ID: r.ID, Name: r.Name, Aliases: strings.Join(r.Alias, "、"),
			Gender: map[string]string{"male": "男", "female": "女"}[r.Gender], Region: home})
		d.elders[r.ID] = understand.Elder{Name: r.Name, Age: age}
	}
	d.index = names.New(ledger.NewRoster(b))
	return d, nil
}

// parse answers every line with a line, an empty one too, so that a caller can count on it.
func parse(in io.Reader, out io.Writer, reader *understand.Reader, today ledger.Day, sight understand.Finder, explain bool) error {
	lines, w := bufio.NewReader(in), bufio.NewWriter(out)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for n := 1; ; n++ {
		line, err := lines.ReadString('\n')
		if err == io.EOF && line == "" {
			return w.Flush()
		}
		if err != nil && err != io.EOF {
			return fmt.Errorf("read the sentences: %w", err)
		}
		said := struct {
			Text  *string
			Today string
		}{}
		text, day := strings.TrimRight(line, "\r\n"), today
		if strings.HasPrefix(strings.TrimSpace(text), "{") && json.Unmarshal([]byte(text), &said) == nil && said.Text != nil {
			text = *said.Text
			if said.Today != "" {
				if day, err = ledger.ParseDay(said.Today); err != nil {
					return errors.Join(w.Flush(), fmt.Errorf("line %d: today: %w", n, err))
				}
			}
		}
		got := parsed{Text: strings.ToValidUTF8(text, ""), Got: reader.Read(text, day, sight)}
		if explain {
			got.Why = got.Got.Why
		}
		if err := enc.Encode(got); err != nil {
			return fmt.Errorf("write the reading: %w", err)
		}
		if lines.Buffered() == 0 { // somebody types: answer now
			if err := w.Flush(); err != nil {
				return fmt.Errorf("write the reading: %w", err)
			}
		}
	}
}
