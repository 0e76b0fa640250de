package enrol_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/big"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/enrol"
	"github.com/manoward/manoward/cmf/judge"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/testbus"
)

// BenchmarkAmong issues certificates on the synced bus among 100,000 that there are and
// among 1,000, by turns, as the built-in policies judge. All that are there were issued
// to the same consumer, for keys of the same attester, on the same day.
func BenchmarkAmong(b *testing.B) {
	const rounds, each = 8, 48
	sizes := []int{1000, 100_000}
	var all []process
	for _, many := range sizes {
		bus := testbus.Open(b, b.TempDir(), "north", "south")
		w := newWorld(b, bus.Tables())
		w.on(bus)
		w.judgeOf = func(store *cmf.Store) enrol.Judge {
			j, err := judge.New(b.Context(), judge.Config{Store: store, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			return j
		}
		p := w.process()
		fill(b, p, many)
		all = append(all, p)
	}
	for b.Loop() {
		took := [2]time.Duration{}
		least := [2]time.Duration{time.Hour, time.Hour}
		for range rounds {
			for n, p := range all {
				t := issueMany(b, p, each)
				took[n], least[n] = took[n]+t, min(least[n], t)
			}
		}
		b.ReportMetric(least[1].Seconds()/least[0].Seconds(), "100000/1000")
		for n, many := range sizes {
			b.ReportMetric(float64(took[n].Microseconds())/(rounds*each), fmt.Sprintf("us-of-%d", many))
		}
	}
}

// issueMany issues certificates for VNFC instances of their own, by one client, and
// returns how long the issuing took.
func issueMany(b *testing.B, p process, many int) (took time.Duration) {
	b.Helper()
	for range many {
		v := p.register(alpha, "north")
		r := v.csr(b, nil)
		began := time.Now()
		a, err := p.Sign(b.Context(), alpha, "north", r)
		took += time.Since(began)
		if err != nil || a.Certificate == "" {
			b.Fatalf("%s for %v: %v", a.State, a.Reasons, err)
		}
	}
	return took
}

// fill stores so many requests and certificates as issuing leaves them: copies of one,
// each of another VNFC instance's, with a key and a serial number of its own.
func fill(b *testing.B, p process, many int) {
	b.Helper()
	v := p.register(alpha, "north")
	a, err := p.Sign(b.Context(), alpha, "north", v.csr(b, nil))
	if err != nil {
		b.Fatal(err)
	}
	request, err := p.store.Requests.Get(b.Context(), a.ID)
	if err != nil {
		b.Fatal(err)
	}
	certificate, err := p.store.Certificates.Get(b.Context(), a.ID)
	if err != nil {
		b.Fatal(err)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for int(next.Add(1)) < many && !b.Failed() {
				r, c, id := request.Value, certificate.Value, hub.NewID()
				sum := sha256.Sum256([]byte(id))
				r.ID, r.CertificateID, r.SubjectID, r.CSR = id, id, id, append(r.CSR[:len(r.CSR):len(r.CSR)], id...)
				c.ID, c.SubjectID, c.KeyHash, c.Serial = id, id, hex.EncodeToString(sum[:]), new(big.Int).SetBytes(sum[:19])
				if err := p.store.Requests.Promise(b.Context(), "north", id, &r); err != nil {
					b.Error(err)
				}
				if err := p.store.Certificates.Promise(b.Context(), "north", id, &c); err != nil {
					b.Error(err)
				}
				if err := p.store.Space.KeepAll(b.Context(), "north", p.store.Certificates.Row(id), p.store.Requests.Row(id)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
