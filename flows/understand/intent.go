package understand

import (
	"slices"
	"strings"
	"unicode"
)

// danger is the emergency that is going on, "" where there is none. What somebody looks out for, fears, practises or has
// heard of elsewhere is none; neither is what is over.
func (s *sentence) danger() string {
	live := s.live("emergency.")
	if len(live) == 0 {
		return ""
	}
	for _, k := range kinds {
		if !slices.Contains(live, k) {
			continue
		}
		// somebody fell the other day, and is not said to lie there
		if k == "fall" && !s.has("acute") && (s.earlier() || s.has("slight")) {
			continue
		}
		if (k == "critical_illness" || k == "gas") && s.earlier() && s.has("slight") {
			continue
		}
		if k == "mental" && s.has("mistaken") && slices.Contains(live, "critical_illness") {
			continue
		}
		return k
	}
	return ""
}

// earlier says whether a day before today was said.
func (s *sentence) earlier() bool {
	return slices.ContainsFunc(s.days, func(d dated) bool { return d.day != "" && d.day < s.today.Add(-1) })
}

// intent is the one kind of a message that is no emergency.
func (s *sentence) intent() Intent {
	elder := len(s.people) > 0
	state := len(s.live("problem.")) > 0 || s.has("unsettled") || s.has("silent") || s.has("dirty") || s.has("ok") || s.has("unwell") ||
		s.facts.BP != "" || s.facts.RoomTemp != nil
	door := s.visited()
	reported := s.facts.NewPhone != "" && len(s.live("method.")) > 0 && (s.has("ok") || len(s.live("problem.")) > 0) && !s.has("mistake")
	switch {
	case s.has("howto") && !elder && !state:
		return Help
	case s.has("cancel") && !s.has("becomes") && !door && !(s.has("fix") && elder):
		return Cancel
	case reported: // a visit, and a new number with it
		return Visit
	case s.has("fix") && !s.has("wish") && !(s.has("usage") && !elder), s.facts.NewPhone != "" && s.has("new"),
		s.facts.NewAddress != "" && (s.has("moved") || elder):
		return Correct
	case s.has("drill") && !state, (s.has("rumour") || s.has("elsewhere")) && !door && (!state || !elder):
		return Other
	case s.has("usage") && !elder && !state && !door:
		return Help
	case s.has("strongneed") && !door:
		return Need
	case s.has("ask.todo") && !(elder && state):
		return QueryTodo
	case s.has("ask.stats") && !(door && state) && !s.has("need"):
		return QueryStats
	case s.has("ask.elder") && elder && !((door || len(s.live("method.")) > 0) && state):
		return QueryElder
	case s.has("asks") && !state && !s.has("need") && !s.has("absent") && len(s.live("method.")) == 0:
		return QueryElder
	case s.has("undone") && !s.has("ok"),
		s.has("notdone") && !s.has("leave") && !s.has("absent") && !s.has("ok") && len(s.live("problem.")) == 0:
		return Other
	case s.has("aided"):
		return HelpRecord
	case s.has("help") && !(s.has("looked") && state) && !s.has("visitword") && s.facts.BP == "" && len(s.live("problem.")) == 0:
		return HelpRecord
	case door:
		return Visit
	case s.has("contact"):
		return FamilyContact
	case s.has("supposed") && !s.has("ok") && len(s.live("method.")) == 0:
		return Other
	case elder && s.calmed():
		return Visit
	case s.has("kinsays") && s.planned() && !state, s.has("kinsays") && s.has("leave") && !state:
		return FamilyInfo
	case s.has("absent") && (elder || len(s.live("method.")) > 0) && !s.has("leave"):
		return Visit
	case elder && s.has("ok") && len(s.live("method.")) > 0 && !s.planned(): // a call to where they stay
		return Visit
	case s.has("leave"):
		return Leave
	case s.has("need"):
		return Need
	case s.has("family") && len(s.live("problem.")) == 0 && !s.has("silent"):
		return FamilyInfo
	case s.has("greeting") && !elder && !state && len(s.live("method.")) == 0:
		return Greeting
	case s.planned() && !state:
		return Other
	case elder && (state || s.denied("emergency.") || s.denied("problem.")), len(s.live("method.")) > 0 && (state || s.has("absent")):
		return Visit
	case elder && len(s.live("method.")) > 0 && !s.planned():
		return Visit
	case elder && s.has("ditto"):
		return Visit
	case s.has("usage"):
		return Help
	case len(s.live("problem.")) > 0 && !s.planned() && !s.has("smalltalk"):
		return Visit
	case elder && s.has("kin") && len([]rune(string(s.text))) > 5:
		return FamilyInfo
	case elder && !s.planned() && s.told() >= 4: // something about the elder that the tables have no word for
		return Visit
	}
	return Other
}

// calmed says whether an alarm about the elder came to nothing: 都说走丢了 原来在她妹妹家.
func (s *sentence) calmed() bool {
	return slices.ContainsFunc(s.marks, func(m mark) bool {
		return strings.HasPrefix(s.names[m.class], "emergency.") && (m.but == "denied" || m.but == "over")
	})
}

// told is how many characters are no name.
func (s *sentence) told() int {
	n := 0
	for i, r := range s.text {
		if s.named(i) == nil && unicode.Is(unicode.Han, r) {
			n++
		}
	}
	return n
}

// planned says whether it is still to be done.
func (s *sentence) planned() bool {
	return s.has("plan") || slices.ContainsFunc(s.days, func(d dated) bool { return d.day == "" })
}

// visited says whether somebody went there: words of a door visit, done and not planned.
func (s *sentence) visited() bool {
	return len(s.live("method.door")) > 0 && !(s.planned() && !s.has("ok") && !s.has("absent") && len(s.live("problem.")) == 0)
}

// method is how contact was made with the elder; the door counts more than a call on the way there.
func (s *sentence) method() *string {
	live := s.live("method.")
	for _, m := range []string{"door", "video", "phone"} {
		if slices.Contains(live, m) {
			return ptr(m)
		}
	}
	return nil
}

// familyMethod is how the family was reached: their phone counts here.
func (s *sentence) familyMethod() *string {
	for _, m := range []string{"method.video", "method.phone", "method.door"} {
		if slices.ContainsFunc(s.marks, func(k mark) bool { return s.names[k.class] == m && !s.bidden(k.from) }) {
			return ptr(m[len("method."):])
		}
	}
	return nil
}

// bidden says whether what stands at a place is what the visitor bade somebody do: 让她多打电话.
func (s *sentence) bidden(i int) bool {
	return slices.ContainsFunc(s.marks, func(m mark) bool {
		return s.names[m.class] == "bid" && m.to <= i && i-m.to <= 6 && s.same(m.from, i)
	})
}

// corrected is the method a correction names: 不是上门是电话.
func (s *sentence) corrected() *string {
	for _, m := range []string{"door", "phone", "video"} {
		if s.has("to" + m) {
			return ptr(m)
		}
	}
	return nil
}

// status is how a visit went: a problem weighs more than nobody at home, and that more than well, unless they turned up
// after all.
func (s *sentence) status(problems []string) *string {
	absent, ok := s.last("absent"), s.last("ok")
	switch {
	case len(problems) > 0, s.has("unwell") && absent < 0:
		return ptr("problem")
	case absent >= 0 && !(ok > absent || s.last("after") > absent):
		return ptr("absent")
	case ok >= 0, s.has("busy"), s.has("over"), s.has("foiled"), s.has("hungup"),
		s.denied("problem."), s.denied("emergency."), s.facts.BP != "", s.facts.RoomTemp != nil, absent >= 0:
		return ptr("ok")
	}
	return nil
}
