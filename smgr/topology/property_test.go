package topology

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/smgr"
)

// snapshot is what a model holds, without how old it is, as JSON by element.
func snapshot(m *model) map[string]string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := map[string]string{}
	put := func(kind, id string, v ...any) {
		raw, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		out[kind+"/"+id] = string(raw)
	}
	for id, e := range m.nss.byID {
		put(kindNs, id, e.val, e.stale)
	}
	for id, e := range m.vnfs.byID {
		v := *e.val
		v.NsIDs, v.ComputeIDs = m.nsOfVnf.of(id), m.computesOf.of(id)
		put(kindVnf, id, v, v.cps, v.vnfcs, e.stale)
	}
	for id, e := range m.computes.byID {
		put(kindCompute, id, e.val, m.vnfOfCompute(id), e.stale)
	}
	for id, e := range m.hosts.byID {
		h := *e.val
		h.OtherTenants = nil // told only after two readings
		put(kindHost, id, h, m.computesOn.of(id), h.allocated, e.stale)
	}
	for id, e := range m.images.byID {
		put(kindImage, id, e.val, m.computesFrom.of(id), e.stale)
	}
	for id := range m.pkgs.byID {
		put(kindPkg, id, m.vnfsOfPkg.of(id))
	}
	put("index", "sizes", len(m.nsOfVnf), len(m.vnfsOfPkg), len(m.computesOf), len(m.vnfOf), len(m.computesOn), len(m.computesFrom), len(m.gone), len(m.reading))
	return out
}

// chaos changes a world at random and keeps what it would tell.
type chaos struct {
	w      *world
	r      *rand.Rand
	at     time.Time
	n      int
	events map[string][]smgr.Event // told in order for each key
}

func (c *chaos) tell(e smgr.Event) { c.events[e.Key] = append(c.events[e.Key], e) }

func (c *chaos) pick(m map[string]ifa006.Compute) (string, bool) {
	ids := slices.Sorted(maps.Keys(m))
	if len(ids) == 0 {
		return "", false
	}
	return ids[c.r.IntN(len(ids))], true
}

// step is one change of the world, whole, with its events.
func (c *chaos) step() {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.n++
	c.at = c.at.Add(time.Second)
	nsID, hostID := fmt.Sprintf("n%d", c.r.IntN(3)), fmt.Sprintf("h%d", c.r.IntN(3))
	computeID, there := c.pick(c.w.computes)
	vnfID := ""
	if there {
		vnfID = c.w.computes[computeID].Metadata["vnfInstanceId"]
	}
	told := func(changeType string, changed map[string]any, host string) {
		c.tell(change(hub.EventComputeChange, smgr.KeyHost(host), "COMPUTE", computeID, changeType, c.at, changed, map[string]any{"hostId": host}))
	}
	switch c.r.IntN(8) {
	case 0, 1: // a VNF more
		vnfID = fmt.Sprintf("v%d", c.n)
		c.w.addVnfLocked(nsID, vnfID, hostID)
		computeID = vnfID + "-c"
		told("CREATED", map[string]any{}, hostID)
		c.tell(nsChange(nsID, vnfID, "VNF_INSTANTIATE", "START", c.at, nil))
		c.tell(nsChange(nsID, vnfID, "VNF_INSTANTIATE", "COMPLETED", c.at, nil))
	case 2: // a VNF less
		for _, id := range slices.Sorted(maps.Keys(c.w.nss)) {
			n := maps.Clone(c.w.nss[id])
			list := n["vnfInstance"].([]any)
			if len(list) == 0 || c.r.IntN(2) == 0 {
				continue
			}
			vnfID = list[0].(map[string]any)["id"].(string)
			n["vnfInstance"] = slices.Clone(list[1:])
			ext := maps.Clone(n["manoward.vnfs"].(map[string]any))
			delete(ext, vnfID)
			n["manoward.vnfs"] = ext
			c.w.nss[id] = n
			computeID = vnfID + "-c"
			host := c.w.computes[computeID].HostID
			c.w.place(vnfID, "")
			told("DELETED", nil, host)
			c.tell(nsChange(id, vnfID, "VNF_TERMINATE", "START", c.at, nil))
			c.tell(nsChange(id, vnfID, "VNF_TERMINATE", "COMPLETED", c.at, nil))
			return
		}
	case 3: // migration
		if there {
			c.w.place(vnfID, hostID)
			told("MIGRATED", map[string]any{"hostId": hostID}, hostID)
		}
	case 4: // state of a compute
		if there {
			v := c.w.computes[computeID]
			v.RunningState = []string{ifa006.Started, ifa006.Halted}[c.r.IntN(2)]
			c.w.computes[computeID] = v
			told("OPERATED", map[string]any{"runningState": v.RunningState}, v.HostID)
		}
	case 5: // integrity and state of a host
		if h, there := c.w.hosts[hostID]; there {
			h.Integrity = []string{ifa006.IntegrityTrusted, ifa006.IntegrityUntrusted}[c.r.IntN(2)]
			h.State = []string{ifa006.Enabled, ifa006.Failed, ifa006.Quarantined}[c.r.IntN(3)]
			c.w.hosts[hostID] = h
			for id, v := range c.w.computes {
				if v.HostID == hostID {
					v.Isolated = h.State == ifa006.Quarantined
					c.w.computes[id] = v
				}
			}
			c.tell(change(hub.EventHostChange, smgr.KeyHost(hostID), "HOST", hostID, "INTEGRITY", c.at, map[string]any{"integrityState": h.Integrity}, nil))
			c.tell(change(hub.EventHostChange, smgr.KeyHost(hostID), "HOST", hostID, "STATE", c.at, map[string]any{"state": h.State}, nil))
		}
	case 6: // content of an image
		if i, there := c.w.images["i1"]; there {
			i.Checksum = &ifa006.Checksum{Algorithm: "SHA-256", Hash: fmt.Sprintf("%02x", c.n%256)}
			c.w.images["i1"] = i
			c.tell(change(hub.EventImageChange, smgr.KeyImage("i1"), "IMAGE", "i1", "CONTENT", c.at, map[string]any{"checksum": i.Checksum}, nil))
		}
	case 7: // an NS comes or goes
		n := c.w.nss[nsID]
		kind := "NsIdentifierCreationNotification"
		switch {
		case n == nil:
			c.w.nss[nsID] = object(sol005.NsInstance{ID: nsID, NsInstanceName: "new", NsState: "NOT_INSTANTIATED"})
			c.w.nss[nsID]["vnfInstance"], c.w.nss[nsID]["manoward.vnfs"] = []any{}, map[string]any{}
		case len(n["vnfInstance"].([]any)) == 0:
			delete(c.w.nss, nsID)
			kind = "NsIdentifierDeletionNotification"
		default:
			return
		}
		c.tell(event(hub.EventNsIdentifier, smgr.KeyNs(nsID), c.at, map[string]any{"id": fmt.Sprint(c.n), "notificationType": kind, "timestamp": c.at, "nsInstanceId": nsID}))
	}
}

// TestConverges is the property that makes the model one to be trusted: whatever
// the order in which changes, events, readings and rebuilds meet, however late an
// answer comes, the model ends as a rebuild in peace finds the world.
func TestConverges(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { converges(t, seed) })
		})
	}
}

func converges(t *testing.T, seed uint64) {
	w := newWorld()
	w.arrived = make(chan *heldAnswer)
	s := start1(t, w, &memstate.Bus{}, nil)
	c := &chaos{w: w, r: rand.New(rand.NewPCG(seed, 1)), at: noon, events: map[string][]smgr.Event{}}
	work, stop := context.WithCancel(t.Context())
	arrived, done := w.arrived, make(chan struct{})
	go func() { s.refreshes.run(work); close(done) }()
	var held []*heldAnswer
	gather := func() {
		for {
			synctest.Wait()
			select {
			case h := <-arrived:
				held = append(held, h)
			default:
				return
			}
		}
	}
	release := func() {
		if len(held) > 0 {
			i := c.r.IntN(len(held))
			close(held[i].let)
			held = slices.Delete(held, i, i+1)
		}
	}
	deliver := func() {
		keys := slices.Sorted(maps.Keys(c.events))
		if len(keys) == 0 {
			return
		}
		key := keys[c.r.IntN(len(keys))]
		e := c.events[key][0]
		if c.r.IntN(5) > 0 { // else it is repeated later
			if c.events[key] = c.events[key][1:]; len(c.events[key]) == 0 {
				delete(c.events, key)
			}
		}
		if err := s.Apply(work, e); err != nil {
			t.Error(err)
		}
	}
	var running sync.WaitGroup
	var rebuilding atomic.Bool
	for range 400 {
		switch c.r.IntN(8) {
		case 0, 1:
			c.step()
		case 2, 3:
			deliver()
		case 4:
			// One at a time: synctest does not see who waits for a mutex as at rest.
			if c.r.IntN(20) == 0 && rebuilding.CompareAndSwap(false, true) {
				running.Go(func() {
					defer rebuilding.Store(false)
					if err := s.Rebuild(work); err != nil {
						t.Error(err)
					}
				})
			}
		default:
			gather()
			release()
		}
	}
	for len(c.events) > 0 {
		deliver()
	}
	w.mu.Lock()
	w.arrived = nil // from now on the world answers at once
	w.mu.Unlock()
	for gather(); len(held) > 0; gather() {
		release()
	}
	time.Sleep(time.Hour) // of the bubble
	running.Wait()
	if n := s.refreshes.waiting(); n > 0 {
		t.Fatalf("%d elements still wait to be read", n)
	}
	stop()
	<-done

	fresh := start1(t, w, &memstate.Bus{}, nil)
	if err := fresh.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A rebuild sees elements that nothing led to, such as a host without computes;
	// all that the model has must be as it is, and all that a VNF needs be there.
	want, got := snapshot(fresh.m), snapshot(s.m)
	for id, v := range got {
		if want[id] != v {
			t.Errorf("%s\n\tis   %s\n\twant %s", id, v, want[id])
		}
	}
	for id, v := range want {
		if _, there := got[id]; !there {
			t.Errorf("%s is missing: %s", id, v)
		}
	}
}
