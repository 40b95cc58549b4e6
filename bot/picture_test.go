package bot

import (
	"bytes"
	"context"
	"testing"

	"xunfang/bot/sim"
	"xunfang/ledger"
	"xunfang/ledger/papers"
	"xunfang/store"
	"xunfang/store/storetest"
)

// draw puts a picture of a month into the outbox, as a turn does.
func (w *weather) draw(key string) {
	w.t.Helper()
	var b bytes.Buffer
	if err := papers.Month(&b, papers.MonthChart{Month: "2026-03", Whose: "王芳", Today: "2026-03-11", Enough: 3}); err != nil {
		w.t.Fatal(err)
	}
	messages, err := w.bot.render([]ledger.Message{{Key: key, To: "wangfang", Priority: ledger.PriorityReply, Picture: b.Bytes(),
		Text: "3月看够了3位"}})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.Commit(context.Background(), store.Turn{Changes: ledger.Changes{Messages: messages}}); err != nil {
		w.t.Fatal(err)
	}
}

// shows is what stands on wangfang's phone: of a picture its type, of a text its words.
func (w *weather) shows(want ...string) {
	w.t.Helper()
	var got []string
	for _, m := range w.sim.Messages("wangfang") {
		if m.Type == "image" {
			got = append(got, m.Type)
		} else {
			got = append(got, m.Text)
		}
	}
	if len(got) != len(want) {
		w.t.Fatalf("the phone shows %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			w.t.Errorf("the phone shows %q, want %q", got, want)
		}
	}
}

func TestAPictureGoesThroughTheOutbox(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			w := &weather{t: t, rig: newRig(t, driver, "yongning", wednesday)}
			w.draw("month/1")
			w.calm()
			w.shows("image")
			w.draw("month/1") // the same once more is no second message
			w.draw("month/2")
			w.calm()
			w.shows("image", "image")

			w.bad(func(f *sim.FaultSet) { f.Down = true })
			w.draw("month/3")
			w.attempts(ledger.CallPicture, 2)
			w.shows("image", "image")
			w.bad(func(f *sim.FaultSet) { f.Down, f.AcceptThenDrop = false, true }) // it arrives, and the answer is lost
			w.attempts(ledger.CallPicture, 4)
			w.good()
			w.shows("image", "image", "image")

			// Refused for good, it is said in words.
			w.bad(func(f *sim.FaultSet) { f.ErrCode, f.ErrCodeTimes = 40007, 2 })
			w.draw("month/4")
			w.calm()
			w.shows("image", "image", "image", "3月看够了3位")
		})
	}
}
