package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"xunfang/store/storetest"
)

// eight are visits as they are written one by one without a signal.
var eight = []string{"张桂兰 上门 都好", "李秀英 电话 都好", "王建国 上门 都好", "何玉珍 电话 血压150/95", "苏兰芳 上门 想孩子了", "陈志明 上门 都好",
	"田有福 昨天上门 都好", "张桂花 电话 都好"}

// TestBurst: what waits together gets one answer, and one tap makes every line a record (requirements §3 case 7).
func TestBurst(t *testing.T) {
	for _, driver := range []string{storetest.SQLite, storetest.MariaDB} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, driver, "yongning", wednesday)
			r.stop() // the bot is down; its callback keeps what comes
			for _, text := range eight {
				if d := r.sim.Say("wangfang", text); d.Status != 200 {
					t.Fatalf("%s: %d %s", text, d.Status, d.Err)
				}
				r.now.Add(200)
			}
			ctx, cancel := context.WithCancel(context.Background())
			over := make(chan struct{})
			go func() { r.bot.Run(ctx); close(over) }()
			r.stop = func() { cancel(); <-over }
			r.settle(t)
			answers := replies(r, "wangfang")
			if len(answers) != 1 || !strings.Contains(answers[0].text(), "8次巡访") {
				t.Fatalf("%d answers to eight lines: %v", len(answers), answers)
			}
			if _, err := r.sim.Tap("wangfang", answers[0].id, "yes", nil); err != nil {
				t.Fatal(err)
			}
			r.settle(t)
			entries, err := r.store.Logged(ctx, "wangfang", r.Now().Add(-time.Minute))
			if err != nil || len(entries) != len(eight) {
				t.Fatalf("%d records, %v", len(entries), err)
			}
			for _, e := range entries {
				if e.ElderID == "A32" && e.Day != "2026-03-10" {
					t.Errorf("yesterday's visit counts for %s", e.Day)
				}
			}
		})
	}
}

// TestTrickle: what comes one by one is gathered, and nothing of it is lost; another word never waits.
func TestTrickle(t *testing.T) {
	r := newRig(t, storetest.SQLite, "yongning", wednesday, func(o *Options) { o.Gather = 300 * time.Millisecond })
	for _, text := range eight {
		r.sim.Say("wangfang", text)
	}
	r.settle(t)
	answers := replies(r, "wangfang")
	if n := len(answers); n == 0 || n >= len(eight) || !strings.Contains(answers[n-1].text(), "8次巡访") {
		t.Fatalf("%d answers, the last: %v", n, answers)
	}
	r.sim.Say("wangfang", "名册")
	r.settle(t)
	if got := replies(r, "wangfang"); !strings.Contains(fmt.Sprint(got[len(answers):]), "您名下") {
		t.Errorf("no roster: %v", got[len(answers):])
	}
}

type reply struct {
	id   string
	body string
}

func (r reply) text() string { return r.body }

// replies are what a phone shows, oldest first, without what its owner wrote.
func replies(r *rig, user string) []reply {
	var out []reply
	for _, m := range r.sim.Messages(user) {
		if m.From == "me" {
			continue
		}
		body := m.Text
		if m.Card != nil {
			text, _ := json.Marshal(m.Card)
			body = string(text)
		}
		out = append(out, reply{m.ID, body})
	}
	return out
}
