package stepca

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/stepcakit"
)

// issuer is what a benchmark asks for certificates.
type issuer interface {
	Issue(context.Context, hub.CertificateOrder) (hub.IssuedCertificate, error)
}

// BenchmarkIssue orders the same certificate from the built-in authority and from a
// real step-ca, with its badger database and without any, by turns, with 1, 4 and 16
// clients. All check the order, lint it, and compare what came with it; the built-in
// one keeps nothing, which is for who asks it to do.
func BenchmarkIssue(b *testing.B) {
	const rounds, each = 3, 96
	remote := func(o stepcakit.Options) *Remote {
		o.Template = Template
		s := stepcakit.Start(b, o)
		if !o.NoDB {
			return openRemote(b, s)
		}
		r, err := newRemote(remoteConfig(s))
		for _, check := range []func(context.Context) error{r.pin, r.checkProvisioner, r.readChain} { // a list it has not
			if err == nil {
				err = check(b.Context())
			}
		}
		if err != nil {
			b.Fatal(err)
		}
		return r
	}
	built, err := Open(newIssuer(b, 48*time.Hour))
	if err != nil {
		b.Fatal(err)
	}
	order := remoteOrder(b)
	peers := []issuer{built, remote(stepcakit.Options{}), remote(stepcakit.Options{NoDB: true})}
	for b.Loop() {
		for _, clients := range []struct {
			many int
			of   string
		}{{1, "1"}, {4, "4"}, {16, "16"}} {
			var took [3]time.Duration
			for range rounds {
				for n, p := range peers {
					took[n] += orderMany(b, p, order, clients.many, each)
				}
			}
			rate := func(n int) float64 { return rounds * each / took[n].Seconds() }
			b.ReportMetric(rate(0), "built-in/s-"+clients.of)
			b.ReportMetric(rate(1), "badger/s-"+clients.of)
			b.ReportMetric(rate(2), "no-db/s-"+clients.of)
			b.ReportMetric(rate(1)/rate(0), "badger/built-in-"+clients.of)
		}
	}
}

// orderMany has several clients order so many certificates, and returns how long
// it took.
func orderMany(b *testing.B, from issuer, o hub.CertificateOrder, clients, many int) time.Duration {
	b.Helper()
	var begun atomic.Int32
	var wg sync.WaitGroup
	start := time.Now()
	for range clients {
		wg.Go(func() {
			for int(begun.Add(1)) <= many {
				if _, err := from.Issue(b.Context(), o); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}
