package vim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// filled is a model of so many hosts with five computes each, half full.
func filled(b *testing.B, hosts int) *Model {
	b.Helper()
	ctx := b.Context()
	m, _ := open(b, &memstate.Bus{}, newSubscribers())
	in := smallInventory()
	in.Hosts = nil
	ok(b, m.Load(ctx, in))
	size := ifa006.Capacity{VCPUs: 1, MemoryMiB: 1024, DiskGiB: 10}
	for i := range hosts {
		h := &hostRecord{Version: 1, Claims: map[string]claim{}}
		h.ID, h.ZoneID, h.NfviPopID, h.State = fmt.Sprint("host-", i), fmt.Sprint("z", i%2+1), "pop-1", ifa006.Enabled
		h.Total = ifa006.Capacity{VCPUs: 64, MemoryMiB: 65536, DiskGiB: 1000}
		for j := range 5 {
			c := &computeRecord{made: made{Domain: "alpha"}, Compute: compute(fmt.Sprintf("c-%d-%d", i, j), "small"), Size: size}
			c.HostID, c.ZoneID, c.OperationalState, c.RunningState, c.Want = h.ID, h.ZoneID, ifa006.Enabled, ifa006.Started, c.Compute
			h.Claims[c.ID] = claim{Size: size, Domain: "alpha"}
			_, err := m.computes.Create(ctx, All, c.ID, c)
			ok(b, err)
		}
		h.Allocated = h.allocated()
		_, err := m.hosts.Create(ctx, All, h.ID, h)
		ok(b, err)
	}
	return m
}

// BenchmarkAllocate allocates in a small and in a large model by turns and
// reports the ratio of the two median times, which is to be at most 1.5.
func BenchmarkAllocate(b *testing.B) {
	models := []*Model{filled(b, 100), filled(b, 10_000)}
	times := [2][]time.Duration{}
	n := 0
	for b.Loop() {
		n++
		for i, m := range models {
			c := compute(fmt.Sprint("new-", n), "small")
			c.Constraints = apart(fmt.Sprint("group-", n))
			start := time.Now()
			_, err := m.Allocate(b.Context(), c)
			times[i] = append(times[i], time.Since(start))
			ok(b, err)
			ok(b, m.Terminate(b.Context(), All, c.ID, false))
		}
	}
	slices.Sort(times[0])
	slices.Sort(times[1])
	small, large := times[0][n/2], times[1][n/2]
	b.ReportMetric(float64(small.Microseconds()), "µs/100-hosts")
	b.ReportMetric(float64(large.Microseconds()), "µs/10000-hosts")
	b.ReportMetric(float64(large)/float64(small), "ratio")
}
