package e2e_test

import (
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/testkit/smload"
	"github.com/manoward/manoward/smgr"
)

// perfOrders sends one event for each NS, this many in a second, each of which
// makes the Security Manager order something, and returns how long it was from the
// notification to the order at the NFVO. alone says that the reviews of all NSs,
// which the first policies lead to, are to be over before.
func perfOrders(t testing.TB, events int, rate float64, alone bool) []time.Duration {
	t.Helper()
	var mu sync.Mutex
	arrived := map[string][]time.Time{}
	peers := &smload.Peers{VNFs: events, Ordered: func(ns string) {
		mu.Lock()
		defer mu.Unlock()
		arrived[ns] = append(arrived[ns], time.Now())
	}}
	s := perfStart(t, peers, smload.OrderPolicies())
	s.set("levels/"+smload.Orders+"/*", map[string]any{"level": smgr.LevelEnforce, "reason": "of a measurement"})
	if alone {
		s.reviewed()
	}
	sent := make([]time.Time, events)
	var all sync.WaitGroup
	tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer tick.Stop()
	for n := range events {
		<-tick.C
		all.Go(func() { sent[n] = s.notify(2 * n) })
	}
	all.Wait()
	perfWait(t, "every event led to an order", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(arrived) == events
	})
	mu.Lock()
	defer mu.Unlock()
	took := make([]time.Duration, events)
	for n := range events {
		at := arrived[smload.NsOf(2*n, events)]
		if len(at) != 1 {
			t.Fatalf("event %d led to %d orders", n, len(at))
		}
		took[n] = at[0].Sub(sent[n])
	}
	return took
}

// BenchmarkOrder prints how long it is from a notification, sent over HTTPS, to
// the order that it leads to, as it arrives at the NFVO, through the built program:
// 2,000 events at 25 a second.
func BenchmarkOrder(b *testing.B) {
	for b.Loop() {
		took := perfOrders(b, 2000, 25, true)
		b.ReportMetric(float64(perfQuantile(took, 0.50).Microseconds())/1000, "ms-p50")
		b.ReportMetric(float64(perfQuantile(took, 0.99).Microseconds())/1000, "ms-p99")
		b.ReportMetric(float64(perfQuantile(took, 1).Microseconds())/1000, "ms-max")
	}
}

// Every event leads to one order at the NFVO, soon.
func TestPerf_Order(t *testing.T) {
	t.Parallel()
	took := perfOrders(t, soak(40), 20, false)
	t.Logf("p50 %s, p99 %s", perfQuantile(took, 0.50), perfQuantile(took, 0.99))
	if p := perfQuantile(took, 0.50); p > 2*time.Second {
		t.Errorf("half of the orders came more than %s after their event", p)
	}
}
