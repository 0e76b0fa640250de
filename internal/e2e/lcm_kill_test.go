package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// lcmSeed makes the operations and the instants of the kills again.
var lcmSeed = flag.Uint64("lcm.seed", 0, "seed of TestSoak_LCMKill; 0: a new one")

// TestSoak_LCMKill kills the hub at random instants while operations of two trust
// domains run and three subscribers listen: 10 operations, 100 with
// MANOWARD_SOAK. Every operation comes to an end, every subscriber gets all that
// is of its trust domain and nothing else, in order, and the NFVI model holds
// what the instances say and no more.
func TestSoak_LCMKill(t *testing.T) {
	t.Parallel()
	seed := *lcmSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again with: -run TestSoak_LCMKill -args -lcm.seed=%d", seed)
	h := newLcmHub(t, seed)
	s := &lcmSoak{t: t, h: h, ledger: newLcmLedger(), rnd: rand.New(rand.NewPCG(seed, 0)), wanted: soak(10), killsWanted: int32(soak(10) / 3)}
	for n, domain := range []string{"north", "north", "south"} {
		s.workers = append(s.workers, &lcmWorker{
			t: t, name: fmt.Sprintf("w%d", n), domain: domain, kit: h.kits[domain], rnd: rand.New(rand.NewPCG(seed, uint64(n)+1)), ledger: s.ledger,
		})
	}
	began := time.Now()
	for s.round() {
		if t.Failed() {
			return
		}
	}
	if t.Failed() {
		return
	}
	s.settle()
	s.check()
	s.end()
	s.check()
	h.checkNfvi(0)
	if slowest := time.Duration(s.slowest.Load()); slowest > readyWithin {
		t.Errorf("the slowest restart took %s; want at most %s", slowest, readyWithin)
	}
	s.print(began)
}

// lcmSoak is one run of the test.
type lcmSoak struct {
	t           *testing.T
	h           *lcmHub
	ledger      *lcmLedger
	rnd         *rand.Rand
	workers     []*lcmWorker
	wanted      int
	kills       atomic.Int32
	killsWanted int32
	slowest     atomic.Int64 // restart, in nanoseconds
	noTPMs      bool
}

// enough says whether so much was done that the workers come to an end.
func (s *lcmSoak) enough() bool {
	return s.ledger.accepted() >= s.wanted && s.kills.Load() >= s.killsWanted
}

// round lets the workers work until the hub is killed under them, and starts it
// again. It is the last one when they come to an end before.
func (s *lcmSoak) round() bool {
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	if s.rnd.IntN(3) == 0 {
		s.turnTPMs()
	}
	done := s.work(ctx)
	after := 20*time.Millisecond + time.Duration(s.rnd.Int64N(int64(500*time.Millisecond)))
	select {
	case <-done:
		return false
	case <-time.After(after): // the instant of the kill
	}
	s.h.kill()
	cancel()
	<-done
	s.kills.Add(1)
	if s.rnd.IntN(3) == 0 { // and once more while it starts
		killStarting(s.t, s.h.hubProcess, time.Duration(s.rnd.Int64N(int64(time.Second))))
		s.kills.Add(1)
	}
	s.restart()
	if s.rnd.IntN(6) == 0 {
		s.check()
	}
	return true
}

// turnTPMs takes the hosts with a TPM out of use, or back: without them the
// instantiation of a guard fails.
func (s *lcmSoak) turnTPMs() {
	s.t.Helper()
	s.noTPMs = !s.noTPMs
	for _, host := range []string{"host-1", "host-5"} {
		task, in := "release", any(ifa006.ReleaseRequest{})
		if s.noTPMs {
			task, in = "stop_use", ifa006.StopUseRequest{ID: hub.NewID(), Computes: "LEAVE", Reason: "a test"}
		}
		if _, err := s.h.vim().Do(s.t.Context(), http.MethodPost, "/hosts/"+host+"/"+task, in, nil); err != nil {
			s.t.Fatalf("%s of %s: %v", task, host, err)
		}
	}
}

func (s *lcmSoak) restart() {
	began := time.Now()
	s.h.start()
	s.slowest.Store(max(s.slowest.Load(), int64(time.Since(began))))
}

// work starts the workers; done is closed when all have ended.
func (s *lcmSoak) work(ctx context.Context) (done chan struct{}) {
	var all sync.WaitGroup
	api := s.h.nslcm()
	api.Retries = -1
	for _, w := range s.workers {
		all.Go(func() { w.work(ctx, api, s.enough) })
	}
	done = make(chan struct{})
	go func() { all.Wait(); close(done) }()
	return done
}

// check wants all at rest and in order, as far as operations got.
func (s *lcmSoak) check() {
	s.t.Helper()
	ops, vnfOps := s.h.lcmOps()
	known, waiting := map[string]bool{}, false
	for _, o := range ops {
		known[o.ID] = true
		waiting = waiting || o.OperationState == sol005.NsLcmOperationStateFailedTemp
	}
	for id, ns := range s.ledger.ops {
		if !known[id] {
			s.t.Errorf("operation %s of NS %s was accepted and is not there", id, ns)
		}
	}
	if !waiting { // what waits for somebody is half done
		s.h.checkModel(vnfOps)
	}
	if s.ledgerSettled() {
		s.h.awaitTold(s.ledger, ops, vnfOps)
	}
}

// ledgerSettled says whether the ledger knows all that the hub was asked for.
func (s *lcmSoak) ledgerSettled() bool {
	for _, w := range s.workers {
		if w.order != nil {
			return false
		}
	}
	return true
}

// settle fails the operations that wait for somebody.
func (s *lcmSoak) settle() {
	t, h := s.t, s.h
	t.Helper()
	api := h.nslcm()
	ops, _ := h.lcmOps()
	for _, o := range ops {
		if o.OperationState == sol005.NsLcmOperationStateFailedTemp {
			s.ledger.steered[o.ID] = true
			if _, err := api.Do(t.Context(), http.MethodPost, "/ns_lcm_op_occs/"+o.ID+"/fail", nil, nil); err != nil {
				t.Errorf("fail %s: %v", o.ID, err)
			}
		}
	}
}

// end terminates every NS and deletes it, with the snapshots.
func (s *lcmSoak) end() {
	t, h := s.t, s.h
	t.Helper()
	api := h.nslcm()
	for _, snap := range listAll[sol005.VnfSnapshotInfo](h.nsHub, api, "/vnf_snapshots") {
		if _, err := api.Do(t.Context(), http.MethodDelete, "/vnf_snapshots/"+snap.ID, nil, nil); err != nil {
			t.Errorf("delete snapshot: %v", err)
		}
	}
	for _, ns := range listAll[sol005.NsInstance](h.nsHub, api, "/ns_instances") {
		s.endNs(ns.ID)
	}
}

func (s *lcmSoak) endNs(id string) {
	t, h := s.t, s.h
	t.Helper()
	eventually(t, "NS "+id+" is free", 10*time.Second, func() bool {
		ns := h.showNs(id)
		if ns.NsState != "INSTANTIATED" && len(ns.VnfInstance)+len(ns.VirtualLinkInfo)+len(ns.PnfInfo) == 0 {
			return true
		}
		op, err := h.task(id, "terminate", sol005.TerminateNsRequest{})
		if hub.CodeOf(err) == hub.Conflict {
			return false
		}
		if err != nil {
			t.Fatalf("terminate NS %s: %v", id, err)
		}
		if o := h.awaitOp(op); o.OperationState != sol005.NsLcmOperationStateCompleted {
			t.Fatalf("terminate NS %s: %+v", id, o)
		}
		return true
	})
	if _, err := h.nslcm().Do(t.Context(), http.MethodDelete, "/ns_instances/"+id, nil, nil); err != nil {
		t.Errorf("delete NS %s: %v", id, err)
		return
	}
	s.ledger.gone[id] = true
}

func (s *lcmSoak) print(began time.Time) {
	var counts []string
	for _, r := range s.h.receivers {
		counts = append(counts, r.count())
	}
	s.t.Logf("%d operations accepted in %s: %v; refused %v; %d orders repeated", s.ledger.accepted(), time.Since(began).Round(time.Millisecond), s.ledger.kinds, s.ledger.refused, s.ledger.repeats)
	s.t.Logf("%d kills, slowest restart %s; notifications: %v", s.kills.Load(), time.Duration(s.slowest.Load()).Round(time.Millisecond), counts)
}
