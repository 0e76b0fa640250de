package enrol_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/formats"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/testkit/testbus"
)

// BenchmarkSign issues certificates for attested keys, in memory and on the synced
// bus, by one client and by sixteen. "verify-share" is the part of the time of one
// client that the verification of CSR and statement takes; a third is allowed.
func BenchmarkSign(b *testing.B) {
	for _, place := range []string{"memory", "bus"} {
		for _, clients := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/%d", place, clients), func(b *testing.B) {
				w := memory(b)
				if place == "bus" {
					bus := testbus.Open(b, b.TempDir(), "north", "south")
					w = newWorld(b, bus.Tables())
					w.on(bus)
				}
				p := w.process()
				v := p.register(alpha, "north")
				requests := make([]certmgmt.SigningRequest, b.N)
				for i := range requests {
					requests[i] = v.csr(b, nil)
				}
				var next atomic.Int64
				b.SetParallelism(max(1, clients/2))
				b.ResetTimer()
				sign := func() {
					a, err := p.Sign(b.Context(), alpha, "north", requests[next.Add(1)-1])
					if err != nil || a.State != certmgmt.RequestIssued {
						b.Errorf("%s for %v: %v", a.State, a.Reasons, err)
					}
				}
				if clients == 1 {
					for range b.N {
						sign()
					}
				} else {
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							sign()
						}
					})
				}
				b.StopTimer()
				if clients == 1 {
					b.ReportMetric(verifying(b, v, requests).Seconds()/b.Elapsed().Seconds(), "verify-share")
				}
			})
		}
	}
}

// verifying is how long it takes to verify the requests, and nothing else.
func verifying(b *testing.B, v vnfc, requests []certmgmt.SigningRequest) time.Duration {
	b.Helper()
	registry, err := formats.New(formats.Config{})
	if err != nil {
		b.Fatal(err)
	}
	by := v.device.Attester()
	began := time.Now()
	for _, r := range requests {
		verdict := registry.Verify(attestation.Request{CSR: der(b, r.CSR), Attester: by, Time: time.Now()})
		if !verdict.Accepted {
			b.Fatalf("not accepted: %v", verdict.Reasons)
		}
	}
	return time.Since(began)
}
