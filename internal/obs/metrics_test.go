package obs

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func has(t *testing.T, body string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !slices.Contains(strings.Split(body, "\n"), line) {
			t.Errorf("no line %q in\n%s", line, body)
		}
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestMetrics(t *testing.T) {
	m := NewMetrics(quiet())
	added := m.Counter("manoward_scor_orders_total", "Orders taken.", "domain")
	m.Counter("manoward_scor_orders_total", "Orders taken.", "domain")(2, "north") // the same metric
	added(1, "north")
	m.Gauge("manoward_trust_domains", "Trust domains.")(3)
	m.Histogram("manoward_trust_handshake_seconds", "Handshakes.", []float64{0.1, 1}, "domain")(0.5, "north")
	domains := []string{"north", "south"}
	m.GaugeFunc("manoward_trust_expiry_seconds", "Time to expiry.", []string{"domain"}, func(emit func(float64, ...string)) {
		for i, d := range domains {
			emit(float64(i), d)
		}
	})
	body := scrape(t, m)
	has(t, body,
		"# HELP manoward_scor_orders_total Orders taken.",
		"# TYPE manoward_scor_orders_total counter",
		`manoward_scor_orders_total{domain="north"} 3`,
		"manoward_trust_domains 3",
		`manoward_trust_handshake_seconds_bucket{domain="north",le="0.1"} 0`,
		`manoward_trust_handshake_seconds_bucket{domain="north",le="1"} 1`,
		`manoward_trust_expiry_seconds{domain="south"} 1`,
		"manoward_obs_dropped_samples_total 0",
	)
	for _, family := range []string{"go_goroutines ", "process_open_fds "} {
		if !strings.Contains(body, "\n"+family) {
			t.Errorf("no %s in the metrics", family)
		}
	}
	domains = domains[:1]
	if strings.Contains(scrape(t, m), "south") {
		t.Error("a gauge function still shows what is gone")
	}
}

func TestMetrics_Names(t *testing.T) {
	m := NewMetrics(quiet())
	m.Gauge("manoward_z_things", "Last.", "a", "b")
	m.Counter("manoward_a_things_total", "First.")
	got := m.Names()
	var names []string
	for _, metric := range got {
		names = append(names, metric.Name)
	}
	if want := []string{"manoward_a_things_total", "manoward_obs_dropped_samples_total", "manoward_z_things"}; !slices.Equal(names, want) {
		t.Errorf("Names = %v, want %v", names, want)
	}
	if last := got[2]; last.Kind != "gauge" || last.Help != "Last." || !slices.Equal(last.Labels, []string{"a", "b"}) {
		t.Errorf("got %+v", last)
	}
}

// TestMetrics_WrongSamples gives samples that are defects of the hub, which must
// not end it.
func TestMetrics_WrongSamples(t *testing.T) {
	m := NewMetrics(quiet())
	count := m.Counter("manoward_a_things_total", "Things.", "domain")
	count(1)
	count(-1, "north")
	m.Gauge("manoward_b_things", "Things.", "domain")(1, "a", "b")
	m.Histogram("manoward_c_seconds", "Things.", nil)(1, "a")
	wrong := []string{"a"}
	m.GaugeFunc("manoward_d_things", "Things.", nil, func(emit func(float64, ...string)) { emit(1, wrong...) })
	scrape(t, m) // drops the sample of the function, perhaps after it has counted
	wrong = nil
	has(t, scrape(t, m), "manoward_obs_dropped_samples_total 5", "manoward_d_things 1")
}

// TestMetrics_FailingCollector has one metric that cannot be collected.
func TestMetrics_FailingCollector(t *testing.T) {
	var log bytes.Buffer
	m := NewMetrics(slog.New(slog.NewJSONHandler(&log, nil)))
	m.Gauge("manoward_a_things", "Things.")(7)
	m.GaugeFunc("manoward_b_things", "Things.", nil, func(emit func(float64, ...string)) {
		emit(1)
		emit(2) // the same sample again
	})
	has(t, scrape(t, m), "manoward_a_things 7")
	if !strings.Contains(log.String(), "metrics not collected") {
		t.Errorf("the log says %q", log.String())
	}
}

func TestMetrics_Defects(t *testing.T) {
	m := NewMetrics(quiet())
	m.Counter("manoward_a_things_total", "Things.", "domain")
	for name, register := range map[string]func(){
		"other prefix":          func() { m.Gauge("nfvo_a_things", "Things.") },
		"no role":               func() { m.Gauge("manoward_things", "Things.") },
		"upper case":            func() { m.Gauge("manoward_a_Things", "Things.") },
		"counter without total": func() { m.Counter("manoward_a_things", "Things.") },
		"gauge with total":      func() { m.Gauge("manoward_b_things_total", "Things.") },
		"no help":               func() { m.Gauge("manoward_b_things", "") },
		"other labels":          func() { m.Counter("manoward_a_things_total", "Things.", "vnf") },
		"other help":            func() { m.Counter("manoward_a_things_total", "Thing.", "domain") },
		"function twice": func() {
			for range 2 {
				m.GaugeFunc("manoward_c_things", "Things.", nil, func(func(float64, ...string)) {})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("the defect was not noticed")
				}
			}()
			register()
		})
	}
}

func TestMetrics_AtOnce(t *testing.T) {
	m := NewMetrics(quiet())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			m.Counter("manoward_a_things_total", "Things.", "domain")(1, "north")
			m.Names()
		})
	}
	wg.Wait()
	has(t, scrape(t, m), `manoward_a_things_total{domain="north"} 8`)
}
