package bot

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are counts of what the bot does. No label ever holds a person, an elder or a text.
type metrics struct {
	registry *prometheus.Registry
	received prometheus.Counter
	repeated prometheus.Counter
	refused  prometheus.Counter
	unkept   prometheus.Counter
	failed   prometheus.Counter
	stale    prometheus.Counter
	letters  prometheus.Counter
	turn     prometheus.Histogram
	sent     *prometheus.CounterVec
	unsent   *prometheus.CounterVec
}

func newMetrics(b *Bot) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "xunfang_" + name, Help: help})
		m.registry.MustRegister(c)
		return c
	}
	byCall := func(name, help string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "xunfang_" + name, Help: help}, []string{"call"})
		m.registry.MustRegister(c)
		return c
	}
	m.received = counter("messages_received_total", "Messages kept in the inbox.")
	m.repeated = counter("messages_repeated_total", "Deliveries of a message that was kept before.")
	m.refused = counter("callbacks_refused_total", "Callbacks that did not verify or were malformed.")
	m.unkept = counter("messages_unkept_total", "Messages that could not be kept, so that WeCom must send them again.")
	m.failed = counter("turns_failed_total", "Turns that ended in an error.")
	m.stale = counter("turns_stale_total", "Turns taken again because somebody else was faster.")
	m.letters = counter("letters_total", "Reminders and lists that the calendar has sent.")
	m.sent = byCall("outbox_sent_total", "Messages WeCom accepted.")
	m.unsent = byCall("outbox_unsent_total", "Attempts WeCom did not accept.")
	m.turn = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "xunfang_turn_seconds", Help: "Time from taking a message up to its commit.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5}})
	m.registry.MustRegister(m.turn, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), gauges{b})
	return m
}

// gauges read the database when they are asked.
type gauges struct{ bot *Bot }

var (
	descWaiting  = prometheus.NewDesc("xunfang_outbox_waiting", "Messages waiting to be sent.", nil, nil)
	descDead     = prometheus.NewDesc("xunfang_outbox_dead", "Messages given up.", nil, nil)
	descAlarm    = prometheus.NewDesc("xunfang_oldest_alarm_seconds", "Age of the oldest alarm not yet delivered, 0 when none waits.", nil, nil)
	descOpen     = prometheus.NewDesc("xunfang_open_alarms", "Emergencies that nobody acts on, drills not counted.", nil, nil)
	descOpenAge  = prometheus.NewDesc("xunfang_oldest_open_alarm_seconds", "Age of the oldest emergency that nobody acts on, 0: there is none.", nil, nil)
	descLadder   = prometheus.NewDesc("xunfang_ladder_look_age_seconds", "Time since all ladders were last looked at; more than 15 is wrong.", nil, nil)
	descAccepted = prometheus.NewDesc("xunfang_wecom_accepted_age_seconds",
		"Time since WeCom last took a message from this process; absent until it took one. It grows while there is nothing to say.", nil, nil)
)

func (gauges) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descWaiting, descDead, descAlarm, descOpen, descOpenAge, descLadder, descAccepted} {
		c <- d
	}
}

func (g gauges) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	give := func(d *prometheus.Desc, v float64) { c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	give(descLadder, g.bot.watch.unclimbed().Seconds())
	if age, ok := g.bot.watch.silence(); ok {
		give(descAccepted, age.Seconds())
	}
	if s, err := g.bot.Store.OutboxStats(ctx); err == nil {
		give(descWaiting, float64(s.Waiting))
		give(descDead, float64(s.Dead))
		give(descAlarm, s.OldestAlarm.Seconds())
	}
	if open, oldest, err := g.bot.unattended(ctx); err == nil {
		give(descOpen, float64(open))
		give(descOpenAge, oldest.Seconds())
	}
}
