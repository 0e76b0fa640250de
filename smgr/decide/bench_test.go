package decide

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
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

// cpu is the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkHandle prints what an event costs from input to recorded decision with
// the policies of the library, beside the evaluation of the same input alone, in
// processor time by turns, since other work on the machine changes that least.
func BenchmarkHandle(b *testing.B) {
	var n int
	next := func() smgr.Event { n++; return review(n) }
	_, memory := libraryOn(b, false)
	_, bus := libraryOn(b, true)
	s, err := memory.Policies().Current(b.Context())
	check(b, err)
	raw := busy(review(0))
	in, err := memory.c.Schemas.ParseInput(raw)
	check(b, err)
	turns := []struct {
		unit string
		do   func()
	}{
		{"evaluation", func() {
			if r, err := s.Evaluate(b.Context(), in, policies.EvalOptions{}); err != nil || r.Undecided != nil {
				b.Fatal(r, err)
			}
		}},
		{"parse", func() {
			if _, err := memory.c.Schemas.ParseInput(raw); err != nil {
				b.Fatal(err)
			}
		}},
		{"pack", func() {
			if _, err := memory.blobs.pack(raw); err != nil {
				b.Fatal(err)
			}
		}},
		{"memory", func() { check(b, memory.Handle(b.Context(), next(), 1)) }},
		{"bus", func() { check(b, bus.Handle(b.Context(), next(), 1)) }},
	}
	least := make([]time.Duration, len(turns))
	const batch = 50
	for b.Loop() {
		for i, turn := range turns {
			began := cpu(b)
			for range batch {
				turn.do()
			}
			if took := (cpu(b) - began) / batch; least[i] == 0 || took < least[i] {
				least[i] = took
			}
		}
	}
	for i, turn := range turns {
		b.ReportMetric(float64(least[i].Microseconds()), "cpu-us/"+turn.unit)
	}
	b.ReportMetric(float64(least[3])/float64(least[0]), "memory/evaluation")
	b.ReportMetric(float64(least[3])/float64(least[0]+least[1]), "memory/evaluation+parse")
}

// BenchmarkDurable prints how long an event takes until its decision is recorded
// on the real bus, and in which durable step: one event after the other, and eight
// at once.
func BenchmarkDurable(b *testing.B) {
	for _, workers := range []int{1, 8} {
		b.Run(strconv.Itoa(workers), func(b *testing.B) {
			w, d := libraryOn(b, true)
			took := map[string]time.Duration{}
			w.step = func(what string, do func() error) error {
				began := time.Now()
				err := do()
				w.mu.Lock()
				defer w.mu.Unlock()
				took[what[:min(9, len(what))]] += time.Since(began)
				return err
			}
			var n atomic.Int64
			var g sync.WaitGroup
			b.ResetTimer()
			for range workers {
				g.Go(func() {
					for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
						if err := d.Handle(b.Context(), review(int(i)), 1); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			g.Wait()
			for what, unit := range map[string]string{"create in": "us-in-input", "create de": "us-in-decision", "record": "us-in-record"} {
				b.ReportMetric(float64(took[what].Microseconds())/float64(b.N), unit)
			}
		})
	}
}
