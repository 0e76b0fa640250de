package topology

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/smgr"
)

// inventory is a model of VNFs, ten to an NS and to a host.
func inventory(b testing.TB, vnfs int) *setup {
	s := start1(b, newWorld(), &memstate.Bus{}, nil)
	s.m.flavours["small"] = ifa006.Capacity{VCPUs: 2, MemoryMiB: 1024}
	for i := 0; i < vnfs; i += 10 {
		w := newWorld()
		nsID, hostID := fmt.Sprintf("n%d", i/10), fmt.Sprintf("h%d", i/10)
		for j := range 10 {
			w.addVnfLocked(nsID, fmt.Sprintf("v%d", i+j), hostID)
		}
		s.c.Ns.HTTP.Transport, s.c.Packages.HTTP.Transport, s.c.Vi.HTTP.Transport = w, w, w
		if err := s.read(b.Context(), ref{kindNs, nsID}); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// subjects are events of one NS and of one host.
func subjects() []smgr.Event {
	return []smgr.Event{
		nsChange("n7", "v71", "VNF_OPERATE", "START", noon, nil),
		change(hub.EventHostChange, "host/h7", "HOST", "h7", "INTEGRITY", noon, map[string]any{"integrityState": "UNTRUSTED"}, nil),
	}
}

// ready takes an event in and reads what it has read, so that its input waits for
// nothing.
func ready(b testing.TB, s *setup, e smgr.Event) {
	if err := s.Apply(b.Context(), e); err != nil {
		b.Fatal(err)
	}
	s.refreshes.jobs, s.refreshes.ready = map[ref]*job{}, nil
}

// TestCostIsFlat holds that the input of an event takes as much memory among
// 20,000 VNFs as among 1,000.
func TestCostIsFlat(t *testing.T) {
	var few, many []float64
	for _, at := range []struct {
		vnfs int
		to   *[]float64
	}{{1000, &few}, {20_000, &many}} {
		s := inventory(t, at.vnfs)
		for _, e := range subjects() {
			ready(t, s, e)
			*at.to = append(*at.to, testing.AllocsPerRun(50, func() {
				if _, err := s.Input(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}))
		}
	}
	for i := range few {
		if many[i] > 1.1*few[i] {
			t.Errorf("%s: %v allocations among many, %v among few", subjects()[i].Kind, many[i], few[i])
		}
	}
}

// BenchmarkInput makes the input of an event among 1,000 and among 100,000 VNFs,
// in turn; x is the ratio of the fastest of each, which is to stay below 1.5.
func BenchmarkInput(b *testing.B) {
	few, many := inventory(b, 1000), inventory(b, 100_000)
	for _, e := range subjects() {
		b.Run(string(e.Kind), func(b *testing.B) {
			ready(b, few, e)
			ready(b, many, e)
			best := map[*setup]time.Duration{few: time.Hour, many: time.Hour}
			b.ReportAllocs()
			for b.Loop() {
				for _, s := range []*setup{few, many} {
					began := time.Now()
					if _, err := s.Input(b.Context(), e); err != nil {
						b.Fatal(err)
					}
					best[s] = min(best[s], time.Since(began))
				}
			}
			b.ReportMetric(float64(best[few].Microseconds()), "us-of-1000")
			b.ReportMetric(float64(best[many].Microseconds()), "us-of-100000")
			b.ReportMetric(float64(best[many])/float64(best[few]), "x")
		})
	}
}

// BenchmarkApply takes an event in, its place among the earlier ones included.
func BenchmarkApply(b *testing.B) {
	s := inventory(b, 1000)
	for n := 0; b.Loop(); n++ {
		e := nsChange("n7", "v71", "VNF_OPERATE", "START", noon.Add(1), map[string]any{"id": fmt.Sprint(n % 4)})
		if err := s.Apply(b.Context(), e); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemory tells what a VNF takes in the model, with its compute and its
// share of NS and host.
func BenchmarkMemory(b *testing.B) {
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	const vnfs = 10_000
	for b.Loop() {
		before := heap()
		s := inventory(b, vnfs)
		s.world = nil
		b.ReportMetric((heap()-before)/vnfs, "B/VNF")
		if s.Sizes()["vnf"] != vnfs {
			b.Fatal("not all there")
		}
	}
}
