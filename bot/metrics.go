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
	m.registry.MustRegister(m.turn, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), outboxGauges{b})
	return m
}

// outboxGauges read the outbox when they are asked.
type outboxGauges struct{ bot *Bot }

var (
	descWaiting = prometheus.NewDesc("xunfang_outbox_waiting", "Messages waiting to be sent.", nil, nil)
	descDead    = prometheus.NewDesc("xunfang_outbox_dead", "Messages given up.", nil, nil)
	descAlarm   = prometheus.NewDesc("xunfang_oldest_alarm_seconds", "Age of the oldest alarm not yet delivered, 0 when none waits.", nil, nil)
)

func (outboxGauges) Describe(c chan<- *prometheus.Desc) {
	c <- descWaiting
	c <- descDead
	c <- descAlarm
}

func (g outboxGauges) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	s, err := g.bot.Store.OutboxStats(ctx)
	if err != nil {
		return
	}
	c <- prometheus.MustNewConstMetric(descWaiting, prometheus.GaugeValue, float64(s.Waiting))
	c <- prometheus.MustNewConstMetric(descDead, prometheus.GaugeValue, float64(s.Dead))
	c <- prometheus.MustNewConstMetric(descAlarm, prometheus.GaugeValue, s.OldestAlarm.Seconds())
}
