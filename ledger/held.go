package ledger

import "time"

// Held is how long a case lay with a level, in all.
type Held struct {
	Level Role
	For   time.Duration
}

// HeldAt is how long a matter has lain with each level, in the order in which it first came there. From the moment at which it is
// said to be solved the clock rests, until the elder says that it is not.
func (f CaseFile) HeldAt(now time.Time) []Held {
	var out []Held
	var level Role
	var since time.Time
	lie := func(until time.Time) {
		if level == "" {
			return
		}
		for i := range out {
			if out[i].Level == level {
				out[i].For += until.Sub(since)
				return
			}
		}
		out = append(out, Held{level, until.Sub(since)})
	}
	for _, e := range f.Timeline {
		switch e.Kind {
		case EventRaised, EventPassed, EventQuiet, EventTaken, EventMeeting, EventNot:
			lie(e.At)
			level, since = e.Level, e.At
		case EventSolved, EventEnded, EventFalse:
			lie(e.At)
			level = ""
		}
	}
	lie(now)
	return out
}
