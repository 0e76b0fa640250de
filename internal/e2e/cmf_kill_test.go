package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/certmgmt"
)

// cmfKillSeed makes what is asked and the instants of the kills again.
var cmfKillSeed = flag.Uint64("cmfkill.seed", 0, "seed of TestSoak_CmfKill; 0: a new one")

// TestSoak_CmfKill kills the hub at random instants while the VNFMs of two trust
// domains register, end registrations, request certificates for attested keys, renew
// and revoke them: 20 certificates and 4 kills at least, 200 and 40 with
// MANOWARD_SOAK. Nothing that was acknowledged is lost; certificates, records,
// revocation lists and OCSP answers say the same, and openssl agrees.
func TestSoak_CmfKill(t *testing.T) {
	t.Parallel()
	seed := *cmfKillSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again with: -run TestSoak_CmfKill -args -cmfkill.seed=%d", seed)
	s := newCmfKill(t, seed)
	began := time.Now()
	for s.kills < soak(4) || s.issued() < soak(20) {
		s.round()
		if s.rnd.IntN(6) == 0 {
			s.check()
		}
		if t.Failed() {
			return
		}
	}
	s.settle()
	s.check()
	s.judge(soak(8))
	t.Logf("%d kills in %s; %v", s.kills, time.Since(began).Round(time.Millisecond), s.counts())
}

// cmfKill is one run of the test.
type cmfKill struct {
	*hubProcess
	t       *testing.T
	rnd     *rand.Rand
	clients []*cmfClient
	kills   int
}

// newCmfKill starts the hub, with two VNFMs in one trust domain and one in another.
func newCmfKill(t *testing.T, seed uint64) *cmfKill {
	t.Helper()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	h.do("trust-domain", "create", "south")
	return newCmfKillOn(t, h, seed)
}

// newCmfKillOn is newCmfKill on a hub that has the two trust domains.
func newCmfKillOn(t *testing.T, h *hubProcess, seed uint64) *cmfKill {
	t.Helper()
	s := &cmfKill{hubProcess: h, t: t, rnd: rand.New(rand.NewPCG(seed, 0))}
	for n, domain := range []string{"north", "north", "south"} {
		name := fmt.Sprintf("vnfm-%d", n)
		s.clients = append(s.clients, &cmfClient{
			t: t, domain: domain, identity: "spiffe://" + domain + "/vnfm/" + name, cmVnfm: s.newCmVnfm(domain, name), rnd: rand.New(rand.NewPCG(seed, uint64(n)+1)),
		})
	}
	return s
}

// round lets the VNFMs work until the hub is killed under them, starts it again, and
// looks at what is known of what was not acknowledged.
func (s *cmfKill) round() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	var all sync.WaitGroup
	for _, c := range s.clients {
		all.Go(func() { c.work(ctx) })
	}
	<-time.After(5*time.Millisecond + time.Duration(s.rnd.Int64N(int64(300*time.Millisecond)))) // the instant of the kill
	s.kill()
	cancel()
	all.Wait()
	s.kills++
	if s.rnd.IntN(4) == 0 { // and once more while it starts
		killStarting(s.t, s.hubProcess, time.Duration(s.rnd.Int64N(int64(time.Second))))
		s.kills++
	}
	s.start()
	s.connect()
	for _, c := range s.clients {
		c.wholeOrNot()
	}
}

// connect has the VNFMs find the hub after a start.
func (s *cmfKill) connect() {
	s.t.Helper()
	for _, c := range s.clients {
		c.url = s.ready.Endpoints["cmVnfm"]
		c.Client = c.at(s.hubProcess, c.serverName, c.roots)
	}
}

// settle asks once more for everything that was not acknowledged, except for what a
// VNFM gave up, and waits until the hub has ended that.
func (s *cmfKill) settle() {
	s.t.Helper()
	for _, c := range s.clients {
		c.registered(s.t.Context())
		for _, a := range c.asks {
			if a.answer == nil && !a.gaveUp {
				c.ask(s.t.Context(), a)
			}
			if a.answer != nil && a.revoke != "" && !a.revoked {
				c.revoke(s.t.Context(), a)
			}
		}
	}
	eventually(s.t, "what was given up is ended", 4*patience, func() bool {
		for _, c := range s.clients {
			for _, r := range cmfList[certmgmt.Signing](c, "/certificate_signing_requests") {
				if r.State == certmgmt.RequestProcessing {
					return false
				}
			}
		}
		return true
	})
}

func (s *cmfKill) issued() (n int) {
	for _, c := range s.clients {
		n += c.count("issued")
	}
	return n
}

// counts says how much was done.
func (s *cmfKill) counts() map[string]int {
	sum := map[string]int{}
	for _, c := range s.clients {
		for what, n := range c.did {
			sum[what] += n
		}
	}
	return sum
}
