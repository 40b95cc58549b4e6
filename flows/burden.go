package flows

import (
	"fmt"
	"time"

	"xunfang/ledger"
)

// Burden is what the bot asks of a person in a month: how often they had to say or tap something, and for how long. It is
// shown to them in 统计 and to nobody else; it measures the bot, not the person.
type Burden struct {
	Month   ledger.Period `json:"m,omitempty"`
	Acts    int           `json:"n,omitempty"`
	Seconds int           `json:"s,omitempty"`
}

// mostThought is the longest pause that still counts as being busy with a question.
const mostThought = 2 * time.Minute

// count adds one act. The time since the act before counts where a question stood open.
func (b *Burden) count(before State, in Input) {
	month := ledger.MonthOf(in.Today)
	if b.Month != month {
		*b = Burden{Month: month}
	}
	b.Acts++
	if pause := in.Now.Sub(time.Unix(before.At, 0)); before.Form != "" && pause < mostThought {
		b.Seconds += int(pause.Seconds())
	}
}

// words tell it, the time roughly.
func (b Burden) words() string {
	const roughly = 5
	text := fmt.Sprintf("本月您发了、点了%d下,用了", b.Acts)
	if minutes := (b.Seconds/60 + roughly - 1) / roughly * roughly; minutes > roughly {
		return text + fmt.Sprintf("约%d分钟", minutes)
	}
	return text + fmt.Sprintf("不到%d分钟", roughly)
}
