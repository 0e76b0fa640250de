package decide

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/testbus"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/policies/library"
	"github.com/manoward/manoward/smgr"
)

// busy is an input of an NS with four VNFs of one compute each.
func busy(e smgr.Event) []byte {
	vnfs, computes, hosts := map[string]any{}, map[string]any{}, map[string]any{}
	for n := range 4 {
		v, c, h := fmt.Sprintf("v%d", n), fmt.Sprintf("c%d", n), fmt.Sprintf("h%d", n)
		vnfs[v] = map[string]any{
			"id": v, "nsInstanceIds": []string{"n1"}, "vnfdId": "f1", "vnfProfileId": "p", "vnfPkgId": "k", "provider": "vendor", "computeIds": []string{c},
			"integrity": map[string]any{"verdict": "OK", "signer": "CN=vendor", "packageSecurityOption": "OPTION_1"},
		}
		computes[c] = map[string]any{"id": c, "vnfInstanceId": v, "hostId": h, "imageId": "i"}
		hosts[h] = map[string]any{"id": h, "integrity": "TRUSTED", "location": map[string]any{"country": "DE"}, "computeIds": []string{c}}
	}
	return input(e, map[string]any{"vnfs": vnfs, "computes": computes, "hosts": hosts})
}

// libraryOn is a process with the built-in policies on a bus: the real one, or one
// in memory.
func libraryOn(b *testing.B, real bool) (*world, *Decider) {
	w := newWorld(b)
	appendTo := func(context.Context, ...hub.Record) error { return nil }
	if real {
		bus := testbus.Open(b, b.TempDir(), domain)
		w.tables = bus.Tables()
		account, err := bus.Domain(b.Context(), domain)
		check(b, err)
		log, err := account.Log(b.Context(), "records")
		check(b, err)
		appendTo = log.Append
	}
	made := busy(review(0))
	from := []byte(review(0).Time.Format(time.RFC3339Nano))
	w.inputs = func(_ context.Context, e smgr.Event) ([]byte, error) {
		return bytes.Replace(made, from, []byte(e.Time.Format(time.RFC3339Nano)), 1), nil
	}
	d := w.process()
	r, problems, err := d.Policies().PushFiles(b.Context(), library.FS(), "library", "ann")
	if err != nil {
		b.Fatal(err, problems)
	}
	_, err = d.Policies().Activate(b.Context(), r.Revision, "ann", "")
	check(b, err)
	d.c.Records = func(ctx context.Context, list ...hub.Record) error {
		return w.do("record", func() error { return appendTo(ctx, list...) })
	}
	return w, d
}

// BenchmarkHandle prints what an event costs from input to recorded decision, with
// the 29 policies of the library: in memory, on the real bus one by one and with
// eight at once, beside the bare evaluation of the same input, and where the time
// goes.
func BenchmarkHandle(b *testing.B) {
	var n atomic.Int64
	b.Run("evaluation", func(b *testing.B) {
		_, d := libraryOn(b, false)
		s, err := d.Policies().Current(b.Context())
		check(b, err)
		in, err := d.c.Schemas.ParseInput(busy(review(1)))
		check(b, err)
		b.ReportAllocs()
		for b.Loop() {
			if r, err := s.Evaluate(b.Context(), in, policies.EvalOptions{}); err != nil || r.Undecided != nil {
				b.Fatal(r, err)
			}
		}
	})
	b.Run("input", func(b *testing.B) {
		_, d := libraryOn(b, false)
		raw := busy(review(1))
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := d.c.Schemas.ParseInput(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("memory", func(b *testing.B) {
		_, d := libraryOn(b, false)
		b.ReportAllocs()
		for b.Loop() {
			check(b, d.Handle(b.Context(), review(int(n.Add(1))), 1))
		}
	})
	b.Run("bus", func(b *testing.B) {
		w, d := libraryOn(b, true)
		took := map[string]time.Duration{}
		w.step = func(what string, do func() error) error {
			began := time.Now()
			err := do()
			w.mu.Lock()
			took[what[:min(9, len(what))]] += time.Since(began)
			w.mu.Unlock()
			return err
		}
		b.ReportAllocs()
		for b.Loop() {
			check(b, d.Handle(b.Context(), review(int(n.Add(1))), 1))
		}
		for what, unit := range map[string]string{"create in": "us-input", "create de": "us-decision", "record": "us-record"} {
			b.ReportMetric(float64(took[what].Microseconds())/float64(b.N), unit)
		}
	})
	b.Run("bus-8", func(b *testing.B) {
		_, d := libraryOn(b, true)
		b.SetParallelism((8 + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				check(b, d.Handle(b.Context(), review(int(n.Add(1))), 1))
			}
		})
	})
}
