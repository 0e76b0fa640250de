package e2e_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// TestSoak_StartWithManySMs starts a hub that keeps 1,000 Security Managers in
// ten trust domains (100 without MANOWARD_SOAK) and measures how soon it is
// ready and what it holds of the memory.
func TestSoak_StartWithManySMs(t *testing.T) {
	const domains, clients = 10, 10
	sms := soak(100)
	h := startHub(t)
	empty := h.rss()
	for d := range domains {
		h.do("trust-domain", "create", fmt.Sprintf("d%d", d))
	}
	api := h.operator()
	var work sync.WaitGroup
	began := time.Now()
	for c := range clients {
		work.Go(func() {
			for n := c; n < sms; n += clients {
				domain, reg := fmt.Sprintf("d%d", n%domains), hub.Registration{Name: fmt.Sprintf("sm%d", n), Mode: hub.Passive, Requests: map[hub.Interface]string{}}
				for _, i := range hub.Interfaces() {
					reg.Requests[i] = signingRequest(t, hub.Identity{TrustDomain: domain, Kind: hub.KindSM, Name: reg.Name, Interface: i})
				}
				if _, err := api.Do(t.Context(), "POST", "/trust_domains/"+domain+"/security_managers", reg, nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
	took := time.Since(began)
	h.kill()
	began = time.Now()
	h.start()
	ready := time.Since(began)
	rss := h.rss()
	t.Logf("%d Security Managers registered at %.0f/s; ready %s after a kill, %d MB resident (%d MB empty)", sms, float64(sms)/took.Seconds(), ready.Round(time.Millisecond), rss>>20, empty>>20)
	if ready > readyWithin {
		t.Errorf("ready after %s; want at most %s", ready, readyWithin)
	}
	if empty > emptyRSS || rss > 200<<20 {
		t.Errorf("%d MB resident, %d MB when empty; want at most 200 and 120", rss>>20, empty>>20)
	}
	if list := h.do("sm", "list"); strings.Count(list, "PASSIVE") != sms {
		t.Errorf("sm list has %d lines; want %d", strings.Count(list, "PASSIVE"), sms)
	}
}
