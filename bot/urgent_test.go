package bot

import (
	"testing"

	"xunfang/ledger"
)

// TestUrgent: what a visit found is no news while an emergency goes on or awaits its visit; of one that hides from the family, a relative
// notices nothing.
func TestUrgent(t *testing.T) {
	alarm := ledger.Case{Kind: ledger.CaseAlarm, ElderID: "A03", What: "fall", State: ledger.CaseOpen}
	visit := ledger.Entry{Kind: ledger.KindVisit, ElderID: "A03", Day: "2026-03-12", Outcome: ledger.OutcomeOK}
	with := func(change func(*ledger.Case)) []ledger.CaseFile {
		c := alarm
		change(&c)
		return []ledger.CaseFile{{Case: c}}
	}
	for name, c := range map[string]struct {
		cases   []ledger.CaseFile
		follows []ledger.Follow
		entries []ledger.Entry
		hidden  bool
		want    bool
	}{
		"nothing":                    {},
		"under way":                  {cases: with(func(*ledger.Case) {}), want: true},
		"taken":                      {cases: with(func(c *ledger.Case) { c.State = ledger.CaseTaken }), want: true},
		"over":                       {cases: with(func(c *ledger.Case) { c.State = ledger.CaseEnded })},
		"a drill":                    {cases: with(func(c *ledger.Case) { c.Drill = true })},
		"of somebody else":           {cases: with(func(c *ledger.Case) { c.ElderID = "A04" })},
		"a matter of another kind":   {cases: with(func(c *ledger.Case) { c.Kind = ledger.CaseNeed })},
		"hidden from the family":     {cases: with(func(*ledger.Case) {}), hidden: true},
		"over, nobody was there yet": {follows: []ledger.Follow{{ElderID: "A03", From: "2026-03-10", To: "2026-03-13"}}, want: true},
		"over, hidden":               {follows: []ledger.Follow{{ElderID: "A03", From: "2026-03-10", To: "2026-03-13"}}, hidden: true},
		"over, visited since":        {follows: []ledger.Follow{{ElderID: "A03", From: "2026-03-10", To: "2026-03-13"}}, entries: []ledger.Entry{visit}},
		"over, visited on its day":   {follows: []ledger.Follow{{ElderID: "A03", From: "2026-03-12", To: "2026-03-15"}}, entries: []ledger.Entry{visit}, want: true},
		"over for long":              {follows: []ledger.Follow{{ElderID: "A03", From: "2026-03-01", To: "2026-03-04"}}},
	} {
		o := outlook{cases: cases{files: c.cases}, entries: c.entries, family: family{hidden: map[string]bool{"A03": c.hidden}},
			roster: ledger.NewRoster(ledger.Book{Elders: []ledger.Elder{{ID: "A03"}}, Follows: c.follows})}
		if got := o.urgent("A03", "2026-03-12"); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
