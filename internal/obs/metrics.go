package obs

import (
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metric describes one metric of the hub.
type Metric struct {
	Name   string   // manoward_<role>_<noun>_<unit>, and _total for a counter
	Kind   string   // "counter", "gauge" or "histogram"
	Help   string   // what it counts, in one sentence
	Labels []string // in the order in which values are given
}

// Metrics is a registry of its own: the hub's metrics and those of the Go
// runtime and the process, and none that a library adds to the global one.
//
// Registering is for start-up and for parts that come later. The same metric may
// be registered again, with the same kind, help and labels, and is then the same
// metric; anything else that breaks the rules of a metric's name or shape is a
// defect of the program and panics there. All methods and all functions that
// they return are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	log      *slog.Logger
	dropped  prometheus.Counter

	mu         sync.Mutex // guards what is below, while registering
	known      map[string]Metric
	collectors map[string]prometheus.Collector
}

// NewMetrics returns a registry that holds only the metrics of the Go runtime,
// of the process and of itself. Failures to collect are logged to log.
func NewMetrics(log *slog.Logger) *Metrics {
	m := &Metrics{
		registry:   prometheus.NewRegistry(),
		log:        log,
		known:      make(map[string]Metric),
		collectors: make(map[string]prometheus.Collector),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	const name, help = "manoward_obs_dropped_samples_total", "Samples dropped because they came with the wrong number of label values: a defect of the hub."
	m.dropped = prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.register(Metric{Name: name, Kind: "counter", Help: help}, m.dropped)
	return m
}

// Counter registers a counter and returns the function that adds to it: delta,
// which must not be negative, and one value for each label.
func (m *Metrics) Counter(name, help string, labels ...string) func(delta float64, values ...string) {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	vec = m.register(Metric{Name: name, Kind: "counter", Help: help, Labels: labels}, vec).(*prometheus.CounterVec)
	return func(delta float64, values ...string) {
		c, err := vec.GetMetricWithLabelValues(values...)
		if err != nil || delta < 0 {
			m.dropped.Inc()
			return
		}
		c.Add(delta)
	}
}

// Gauge registers a gauge and returns the function that sets it, with one value
// for each label. A gauge of things that go away is better a
// [Metrics.GaugeFunc], which shows only what there is.
func (m *Metrics) Gauge(name, help string, labels ...string) func(value float64, values ...string) {
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	vec = m.register(Metric{Name: name, Kind: "gauge", Help: help, Labels: labels}, vec).(*prometheus.GaugeVec)
	return func(value float64, values ...string) {
		g, err := vec.GetMetricWithLabelValues(values...)
		if err != nil {
			m.dropped.Inc()
			return
		}
		g.Set(value)
	}
}

// GaugeFunc registers a gauge that is asked for at each scrape: collect calls
// emit once for each combination of label values that exists now. It must be
// quick, must not call emit after it has returned, and may be called by several
// scrapes at once.
func (m *Metrics) GaugeFunc(name, help string, labels []string, collect func(emit func(value float64, values ...string))) {
	g := &gaugeFunc{
		desc:    prometheus.NewDesc(name, help, labels, nil),
		dropped: m.dropped,
		collect: collect,
	}
	if m.register(Metric{Name: name, Kind: "gauge", Help: help, Labels: labels}, g) != g {
		panic("obs: metric " + name + " is registered twice, and one has a function")
	}
}

// Histogram registers a histogram with the given upper bounds, or Prometheus's
// own from 5 ms to 10 s when there are none, and returns the function that
// observes a value, with one value for each label.
func (m *Metrics) Histogram(name, help string, bounds []float64, labels ...string) func(value float64, values ...string) {
	vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: bounds}, labels)
	vec = m.register(Metric{Name: name, Kind: "histogram", Help: help, Labels: labels}, vec).(*prometheus.HistogramVec)
	return func(value float64, values ...string) {
		h, err := vec.GetMetricWithLabelValues(values...)
		if err != nil {
			m.dropped.Inc()
			return
		}
		h.Observe(value)
	}
}

// Names lists the hub's own metrics by name, without those of the Go runtime
// and the process.
func (m *Metrics) Names() []Metric {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]Metric, 0, len(m.known))
	for _, metric := range m.known {
		list = append(list, metric)
	}
	slices.SortFunc(list, func(a, b Metric) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Handler serves the metrics in the formats of Prometheus. A metric that fails
// to be collected is logged and left out; the others are served.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            errorLog{m.log},
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 4,
		Timeout:             10 * time.Second,
	})
}

var metricName = regexp.MustCompile(`^manoward(_[a-z0-9]+){2,}$`)

// register adds the metric, or returns the collector of the same metric that is
// there already.
func (m *Metrics) register(metric Metric, c prometheus.Collector) prometheus.Collector {
	counter, total := metric.Kind == "counter", strings.HasSuffix(metric.Name, "_total")
	if !metricName.MatchString(metric.Name) || counter != total || metric.Help == "" {
		panic(fmt.Sprintf("obs: metric %q needs help and a name like manoward_<role>_<noun>_<unit>, with _total if and only if it is a counter", metric.Name))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.known[metric.Name]; ok {
		if old.Kind != metric.Kind || old.Help != metric.Help || !slices.Equal(old.Labels, metric.Labels) {
			panic(fmt.Sprintf("obs: metric %s is registered as %+v and again as %+v", metric.Name, old, metric))
		}
		return m.collectors[metric.Name]
	}
	m.registry.MustRegister(c)
	m.known[metric.Name], m.collectors[metric.Name] = metric, c
	return c
}

// gaugeFunc is a collector whose samples exist only while it is asked.
type gaugeFunc struct {
	desc    *prometheus.Desc
	dropped prometheus.Counter
	collect func(emit func(value float64, values ...string))
}

// Describe implements [prometheus.Collector].
func (g *gaugeFunc) Describe(ch chan<- *prometheus.Desc) { ch <- g.desc }

// Collect implements [prometheus.Collector].
func (g *gaugeFunc) Collect(ch chan<- prometheus.Metric) {
	g.collect(func(value float64, values ...string) {
		sample, err := prometheus.NewConstMetric(g.desc, prometheus.GaugeValue, value, values...)
		if err != nil {
			g.dropped.Inc()
			return
		}
		ch <- sample
	})
}

// errorLog passes failures to collect on to the hub's log.
type errorLog struct{ log *slog.Logger }

// Println implements [promhttp.Logger].
func (l errorLog) Println(v ...any) {
	l.log.Error("metrics not collected", "error", strings.TrimSpace(fmt.Sprintln(v...)))
}
