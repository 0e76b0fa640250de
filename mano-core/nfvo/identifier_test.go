package nfvo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
)

const newNs = `{"nsdId":"shop","nsName":"n","nsDescription":"d"}`

// recordedOf is the NSs that records of a kind are about.
func (w *world) recordedOf(kind string) (ids []string) {
	for _, r := range w.log.kinds(kind) {
		ids = append(ids, strings.TrimPrefix(r.Subject, "ns/"))
	}
	return ids
}

// toldOf is the NSs that notifications of a kind are about.
func (w *world) toldOf(kind string) (ids []string) {
	for _, m := range w.out.of("north", kind) {
		ids = append(ids, fmt.Sprint(m["nsInstanceId"]))
	}
	return ids
}

func (w *world) seenNss() (ids []string) {
	for n, err := range w.svc.Instances(context.Background(), func(string) bool { return true }, "") {
		if err != nil {
			w.t.Error(err)
			break
		}
		ids = append(ids, n.ID)
	}
	return ids
}

// dies waits until the process is dead.
func (c *crashingWorld) dies() {
	c.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !c.dead.Load(); {
		if time.Now().After(deadline) {
			c.t.Fatal("refused, and not dead")
		}
	}
}

// Without a key that would find it again: an NS is recorded before anybody sees
// it, and what is recorded is there after a crash at any write.
func TestCreateNs_CutOff(t *testing.T) {
	for cut, through := int64(0), false; !through; cut++ {
		if cut > 20 {
			t.Fatal("the NS was never made")
		}
		c := newCrashingWorld(t)
		c.log.before = func(r hub.Record) error {
			if seen := c.seenNss(); r.Kind == "ns.created" && len(seen) > 0 {
				t.Errorf("write %d: seen before it is recorded: %v", cut, seen)
			}
			return nil
		}
		c.left.Store(cut)
		r := c.call(north, "POST", nsInstances, newNs)
		if through = r.status == http.StatusCreated; !through {
			c.dies()
		}
		c.revive()
		seen := c.seenNss()
		if recorded, told := c.recordedOf("ns.created"), c.toldOf("NsIdentifierCreationNotification"); !slices.Equal(recorded, seen) || !slices.Equal(told, seen) || len(seen) > 1 {
			t.Errorf("write %d: %d NSs, %d recorded, %d told", cut, len(seen), len(recorded), len(told))
		}
		if through && !slices.Equal(seen, []string{r.id()}) {
			t.Errorf("made %s, there are %v", r.id(), seen)
		}
	}
}

// An NS whose record cannot be written is not seen; it is there as soon as the log
// takes the record, also without a restart and without being asked for again.
func TestCreateNs_LogDown(t *testing.T) {
	w := newWorld(t)
	var down atomic.Bool
	w.log.before = func(hub.Record) error {
		if down.Load() {
			return hub.E(hub.Unavailable, "append record", "the log is full", errDisk)
		}
		return nil
	}
	down.Store(true)
	if r := w.call(north, "POST", nsInstances, newNs, "Idempotency-Key", "k"); r.status != http.StatusServiceUnavailable {
		t.Errorf("create: %d %s", r.status, r.body)
	}
	if seen := w.seenNss(); len(seen) != 0 {
		t.Errorf("seen without a record: %v", seen)
	}
	if id := hub.DeriveID("ns", hub.DeriveID("ns-operation", north, "k")); w.call(north, "GET", nsInstances+"/"+id, nil).status != http.StatusNotFound ||
		w.call(north, "POST", nsInstances+"/"+id+"/instantiate", `{"nsFlavourId":"df"}`).status != http.StatusNotFound ||
		w.call(north, "DELETE", nsInstances+"/"+id, nil).status != http.StatusNotFound ||
		w.call(operator, "GET", "/manoward/v1/ns_instances/"+id+"/replacement_bars", nil).status != http.StatusNotFound {
		t.Error("it can be reached by its identifier")
	}
	down.Store(false)
	for deadline := time.Now().Add(20 * time.Second); len(w.seenNss()) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("it never came to be")
		}
	}
	r := w.call(north, "POST", nsInstances, newNs, "Idempotency-Key", "k")
	if r.status != http.StatusCreated || len(w.seenNss()) != 1 || len(w.recordedOf("ns.created")) != 1 {
		t.Errorf("again: %d %s, seen %v", r.status, r.body, w.seenNss())
	}
}

// What was stored just before a crash of an NSD that is gone by the next start is
// dropped: nobody saw it and nothing says that it was made.
func TestCreateNs_NsdGone(t *testing.T) {
	c := newCrashingWorld(t)
	c.left.Store(1)
	c.call(north, "POST", nsInstances, newNs)
	c.dies()
	c.crash() // what the call left running records no more
	c.log.mu.Lock()
	c.log.list, c.log.by = nil, map[string]string{} // as if the crash had come before the record
	c.log.mu.Unlock()
	c.cat.mu.Lock()
	delete(c.cat.nsds, "shop")
	c.cat.mu.Unlock()
	c.revive()
	if c.svc.UsesNSD("info-shop") || len(c.seenNss())+len(c.recordedOf("ns.created")) != 0 {
		t.Errorf("left: %v, recorded %v", c.seenNss(), c.recordedOf("ns.created"))
	}
}

// The client never asks again: after a crash at any write of a deletion the NS is
// there and nobody was told of its end, or it is gone and everybody was.
func TestDeleteNs_CutOff(t *testing.T) {
	for cut, through := int64(0), false; !through; cut++ {
		if cut > 20 {
			t.Fatal("the NS was never deleted")
		}
		c := newCrashingWorld(t)
		id := c.create(north, "shop")
		c.run(north, id, "instantiate", sol005.InstantiateNsRequest{NsFlavourID: "df"})
		c.run(north, id, "terminate", sol005.TerminateNsRequest{})
		c.left.Store(cut)
		r := c.call(north, "DELETE", nsInstances+"/"+id, nil)
		if through = r.status == http.StatusNoContent; !through {
			c.dies()
		}
		c.revive()
		seen, recorded, told := c.seenNss(), c.recordedOf("ns.deleted"), c.toldOf("NsIdentifierDeletionNotification")
		if len(seen)+len(recorded) != 1 || !slices.Equal(recorded, told) || through && len(seen) > 0 {
			t.Errorf("write %d: there %v, recorded %v, told %v", cut, seen, recorded, told)
		}
	}
}

// A deletion that was taken cannot be turned back, and ends by itself.
func TestDeleteNs_LogDown(t *testing.T) {
	w := newWorld(t)
	id := w.create(north, "shop")
	hold := make(chan struct{})
	w.log.before = func(hub.Record) error {
		select {
		case <-hold:
			return nil
		default:
			return hub.E(hub.Unavailable, "append record", "the log is full", errors.New("full"))
		}
	}
	for range 2 {
		if r := w.call(north, "DELETE", nsInstances+"/"+id, nil); r.status != http.StatusServiceUnavailable {
			t.Errorf("delete: %d %s", r.status, r.body)
		}
	}
	if r := w.call(north, "POST", nsInstances+"/"+id+"/instantiate", `{"nsFlavourId":"df"}`); r.status != http.StatusConflict || !strings.Contains(string(r.body), "is being deleted") {
		t.Errorf("instantiate: %d %s", r.status, r.body)
	}
	if told := w.toldOf("NsIdentifierDeletionNotification"); len(told) != 0 {
		t.Errorf("told before it is recorded: %v", told)
	}
	close(hold)
	for deadline := time.Now().Add(20 * time.Second); len(w.seenNss()) > 0; {
		if time.Now().After(deadline) {
			t.Fatal("it is still there")
		}
	}
	if r := w.log.kinds("ns.deleted"); len(r) != 1 || r[0].Actor != north || len(w.toldOf("NsIdentifierDeletionNotification")) != 1 {
		t.Errorf("records %+v, told %v", r, w.toldOf("NsIdentifierDeletionNotification"))
	}
}
