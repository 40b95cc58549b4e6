package understand

import (
	"maps"
	"slices"
	"testing"
)

// folds is how many parts the sentences are cut in.
const folds = 5

// TestCrossValidation shows what is tuned to single lines: each part of the sentences is read with a vocabulary without the
// entries that speak up in that part alone. Names, days and grammar stay: they are the language, and each is said once. It is
// harder than new sentences are, since it takes plain words away with the odd ones.
func TestCrossValidation(t *testing.T) {
	sight := district(t)
	full := shippedReader(t)
	lines := everySentence(t)
	said := make([]map[string]bool, len(lines)) // the entries that speak up in each
	for i, l := range lines {
		said[i] = entries(full, l, sight)
	}
	whole, dropped := &score{}, 0
	for fold := range folds {
		elsewhere, drop := map[string]bool{}, map[string]bool{}
		for i := range lines {
			if i%folds != fold {
				maps.Copy(elsewhere, said[i])
			}
		}
		for i := fold; i < len(lines); i += folds {
			for w := range said[i] {
				if !elsewhere[w] {
					drop[w] = true
				}
			}
		}
		dropped += len(drop)
		r, err := without(drop)
		if err != nil {
			t.Fatal(err)
		}
		for i := fold; i < len(lines); i += folds {
			whole.add(lines[i], r.Read(lines[i].Text, lines[i].Today, sight))
		}
	}
	t.Logf("cross-validated, %d entries dropped in %d folds: %s", dropped, folds, whole)
	for _, f := range []struct {
		name      string
		got, want float64
	}{
		{"intent", percent(whole.intent, whole.n), 84}, {"elders", percent(whole.elders, whole.n), 98},
		{"state", percent(whole.state, whole.stated), 85}, {"problems F1", whole.f1(), 0.85},
		{"emergencies recalled", percent(whole.caught, whole.alarms), 75},
		{"no false alarms", 100 - percent(whole.falsely, whole.calm), 97},
	} {
		if f.got < f.want {
			t.Errorf("cross-validated: %s %.3f, want at least %.3f: the tables lean on single lines", f.name, f.got, f.want)
		}
	}
}

// entries are the words and patterns that a sentence's reading rests on, as they stand in the tables.
func entries(r *Reader, l labelled, sight Finder) map[string]bool {
	s := r.split(l.Text, l.Today)
	s.who(sight)
	s.mark()
	out := map[string]bool{}
	for _, m := range s.marks {
		switch name := s.names[m.class]; {
		case name == elderClass, name == dateClass, name == "not", name == "filler", name == "says", name == "toward", name == "kin",
			slices.Contains([]string{"now", "past", "weekday", "someday", "degree", "room", "pressure"}, name):
		case m.pattern != "":
			out[m.pattern] = true
		case name[0] != '\'':
			out[string(s.text[m.from:m.to])] = true
		}
	}
	return out
}
