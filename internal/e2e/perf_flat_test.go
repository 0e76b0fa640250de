package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/testkit/devicekit"
)

// BenchmarkAttestedAmong has a hub that issued 100,000 certificates and one that issued
// 1,000, each over its own interface, issue more of them for attested keys over mutual
// TLS, by turns, with 4 clients. What grows with the inventory shows in the ratios: of
// the least time of a round, and of the processor time of all rounds.
func BenchmarkAttestedAmong(b *testing.B) {
	const rounds, each, clients = 10, 256, 4
	sizes := []int{1000, 100_000}
	device := devicekit.NewSoft(b)
	var peers []*certPeer
	var issue []func(many int) (took, cpu time.Duration)
	for _, many := range sizes {
		p, vnfm := attestedPeer(b)
		more := func(many int) (took, cpu time.Duration) {
			p.bodies, _ = attestedRequests(b, vnfm, device, many)
			p.used = 0
			return p.issue(b, clients, many)
		}
		for n := 0; n < many && !b.Failed(); n += 1000 {
			more(1000)
		}
		peers, issue = append(peers, p), append(issue, more)
	}
	if b.Failed() {
		return
	}
	// What comes with filling - followers that are behind, garbage - is not what is measured.
	for _, p := range peers {
		settle(b, p.pid)
	}
	for b.Loop() {
		least := [2]time.Duration{time.Hour, time.Hour}
		var all [2]time.Duration
		for range rounds {
			for n := range peers {
				took, cpu := issue[n](each)
				least[n], all[n] = min(least[n], took), all[n]+cpu
			}
		}
		b.ReportMetric(least[1].Seconds()/least[0].Seconds(), "100000/1000")
		b.ReportMetric(all[1].Seconds()/all[0].Seconds(), "cpu-100000/1000")
		for n, many := range sizes {
			b.ReportMetric(float64(least[n].Microseconds())/each, fmt.Sprintf("us-of-%d", many))
			b.ReportMetric(float64(all[n].Microseconds())/(rounds*each), fmt.Sprintf("cpu-us-of-%d", many))
		}
	}
}

// settle waits until a process used less than a twentieth of a processor for five seconds.
func settle(b *testing.B, pid int) {
	b.Helper()
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	last := perfCPU(b, pid)
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); {
		<-tick.C
		now := perfCPU(b, pid)
		if now-last < 250*time.Millisecond {
			return
		}
		last = now
	}
	b.Fatalf("process %d does not come to rest", pid)
}
