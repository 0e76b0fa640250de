package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// wholeEvery is which part of the events lead to an order; wholeAgain is how long a
// sender waits that is asked to send again later.
const (
	wholeEvery = 32
	wholeAgain = 50 * time.Millisecond
)

// wholeMeasured is what a load on the whole hub came to.
type wholeMeasured struct {
	took      []time.Duration // from notification to order on the wire
	cpu, wall time.Duration
	rss       int64 // the most, in bytes
	later     int64 // notifications that were to be sent again later
}

// load sends so many events, this many in a second, by halves on operations of NSs
// and on hosts, and waits until all are decided and each order is on the wire.
func (h *wholeHub) load(events int, rate float64) wholeMeasured {
	h.t.Helper()
	orders := (events + wholeEvery - 1) / wholeEvery
	if orders >= len(h.nsIDs) {
		h.t.Fatalf("%d orders for %d NSs: one of an NS is told from another by it", orders, len(h.nsIDs))
	}
	decided, before, began := h.decided(), perfCPU(h.t, h.cmd.Process.Pid), time.Now()
	sent := make([]time.Time, events)
	watch := h.watchMemory()
	var all sync.WaitGroup
	tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer tick.Stop()
	for n := range events {
		<-tick.C
		all.Go(func() { sent[n] = h.send(n, orders) })
	}
	all.Wait()
	perfWait(h.t, "every event is decided and each order on the wire", func() bool { return h.ordered(h.nsIDs[:orders]) && h.decided() >= decided+events })
	m := wholeMeasured{cpu: perfCPU(h.t, h.cmd.Process.Pid) - before, wall: time.Since(began), rss: watch(), later: h.later.Swap(0)}
	h.mu.Lock()
	defer h.mu.Unlock()
	for n := range orders {
		at := h.arrived[h.nsIDs[n]]
		if len(at) != 1 {
			h.t.Fatalf("event %d led to %d orders", n*wholeEvery, len(at))
		}
		m.took = append(m.took, at[0].Sub(sent[n*wholeEvery]))
	}
	clear(h.arrived)
	return m
}

// send sends event n as the NFVO or the VIM does, and reports when. The first NSs are
// for those that lead to an order, one each.
func (h *wholeHub) send(n, orders int) time.Time {
	id, at := hub.DeriveID("whole", h.run, fmt.Sprint(n), fmt.Sprint(time.Now().UnixNano())), time.Now()
	if n%2 == 1 {
		body := h.telem.host(id, fmt.Sprintf("host-%d", n/2*7%h.hosts+1), at)
		h.post(h.telem, body)
		return at
	}
	ns, who := h.nsIDs[orders+n/2*7%(len(h.nsIDs)-orders)], "OSS"
	if n%wholeEvery == 0 {
		ns, who = h.nsIDs[n/wholeEvery], "EM"
	}
	body := fmt.Sprintf(`{"id":%q,"notificationType":"NsLcmOperationOccurrenceNotification","subscriptionId":%q,"timestamp":%q,"nsInstanceId":%q,"nsLcmOpOccId":%q,`+
		`"operation":"UPDATE","notificationStatus":"START","operationState":"PROCESSING","isAutomaticInvocation":false,"verbosity":"FULL",`+
		`"manoward.sourceOfRequest":{"kind":%q,"identity":"spiffe://north/oss/portal"},"_links":{}}`,
		id, h.nsLcm.subscription, at.UTC().Format(time.RFC3339Nano), ns, hub.DeriveID("whole", "operation", id), who)
	h.post(h.nsLcm, body)
	return at
}

// post sends a notification, as often as the hub asks for it to be sent again later,
// which costs the event its time.
func (h *wholeHub) post(n *smNotifier, body string) {
	for end := time.Now().Add(patience); ; {
		got, err := n.send(context.Background(), body)
		if err == nil && (got.status == http.StatusServiceUnavailable || got.status == http.StatusTooManyRequests) && time.Now().Before(end) {
			h.later.Add(1)
			<-time.After(wholeAgain)
			continue
		}
		if err != nil || got.status != http.StatusNoContent {
			h.t.Errorf("%s answered %d, %v: %.300s", n.url, got.status, err, got.body)
		}
		return
	}
}

// watchMemory looks at the resident memory of the hub ten times a second until the
// function that it returns is called, which returns the most that it saw.
func (h *wholeHub) watchMemory() func() int64 {
	stop, most := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		seen := int64(0)
		for {
			seen = max(seen, h.rss())
			select {
			case <-stop:
				most <- seen
				return
			case <-tick.C:
			}
		}
	}()
	return func() int64 { close(stop); return <-most }
}

// atRest waits until the hub does nothing and has given back what its start left, and
// returns what is resident then. The hub gives memory back when it has not collected for
// ten seconds (keepHeap in cmd/manoward/wire), so 15 must pass in which it neither works, as when it
// reviews its NSs or collects, nor gives back.
func (h *wholeHub) atRest() int64 {
	h.t.Helper()
	const busy = 100 * time.Millisecond // of processor time in a second; a collection takes as much
	least, since, cpu := h.rss(), time.Now(), perfCPU(h.t, h.cmd.Process.Pid)
	for end := time.Now().Add(4 * patience); time.Since(since) < 15*time.Second; {
		if time.Now().After(end) {
			h.t.Fatalf("the hub is not at rest after %s", 4*patience)
		}
		<-time.After(time.Second) // nothing tells that a collector is done
		used := perfCPU(h.t, h.cmd.Process.Pid)
		if rss := h.rss(); rss < least-1<<20 || used-cpu > busy {
			least, since = rss, time.Now()
		}
		cpu = used
	}
	return h.rss()
}

// BenchmarkWhole measures the built program as one process with all roles and 10,000
// VNFs, each with what NFVO, VNFM and VIM keep of it: its memory at rest and the most
// under a load of 200 events a second for 30 s, the processor time of an event, and
// how long it is from a notification, sent over HTTPS, to the order that it leads to,
// as it leaves the hub over HTTPS.
func BenchmarkWhole(b *testing.B) {
	const (
		vnfs, rate = 10_000, 200
		events     = 30 * rate
	)
	h := newWholeHub(b, vnfs/wholeVnfs)
	rest := h.atRest()
	h.load(events/6, rate) // and what is read for the first time
	for b.Loop() {
		m := h.load(events, rate)
		b.ReportMetric(float64(perfQuantile(m.took, 0.50).Microseconds())/1000, "ms-p50")
		b.ReportMetric(float64(perfQuantile(m.took, 0.99).Microseconds())/1000, "ms-p99")
		b.ReportMetric(float64(perfQuantile(m.took, 1).Microseconds())/1000, "ms-max")
		b.ReportMetric(float64(m.cpu.Microseconds())/events, "cpu-us/event")
		b.ReportMetric(float64(m.later), "sent-again")
		b.ReportMetric(events/m.wall.Seconds(), "events/s")
		b.ReportMetric(float64(rest)/(1<<20), "MB-at-rest")
		b.ReportMetric(float64(m.rss)/(1<<20), "MB-most")
		b.Logf("load of the machine %s; the hub was ready after %s", loadAverage(b), h.took.Round(time.Millisecond))
	}
}

// Each order that is due is on the wire once, soon, while the whole hub works.
func TestPerf_Whole(t *testing.T) {
	t.Parallel()
	h := newWholeHub(t, 4)
	m := h.load(2*wholeEvery, 20)
	t.Logf("p50 %s, p99 %s, %d MB at most", perfQuantile(m.took, 0.50), perfQuantile(m.took, 0.99), m.rss>>20)
	if p := perfQuantile(m.took, 1); p > 10*time.Second {
		t.Errorf("an order came %s after its event", p)
	}
	if m.rss > 256<<20 {
		t.Errorf("%d MB resident with %d VNFs, want at most 256", m.rss>>20, len(h.nsIDs)*wholeVnfs)
	}
}
