package decide

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/smgr"
)

// TestRun holds that a process that gets no event keeps up: it reviews on the
// timer and after its own changes, prunes, and loads what others activate.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.bubble = true
		w.nss = []string{"n1", "n2"}
		d := w.active(one())
		other := w.process()
		other.c.Retention.Age = 30 * time.Minute
		e := review(1)
		e.Time = time.Now()
		check(t, d.Handle(t.Context(), e, 1))
		delete(w.orders, w.planned[0]) // nobody waits for it
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { other.Run(ctx); close(ended) }()
		synctest.Wait()
		if n := w.events(); n != 2 || other.policies.loaded.Load() == nil {
			t.Errorf("pushed %d, loaded %v", n, other.policies.loaded.Load())
		}
		r, _, err := d.Policies().PushFiles(t.Context(), another(), "library", "ann")
		check(t, err)
		_, err = d.Policies().Activate(t.Context(), r.Revision, "ann", "")
		check(t, err)
		time.Sleep(2 * tick)
		if n, now := w.events(), other.policies.loaded.Load().snapshot.PolicyRevision(); n != 4 || now != r.Revision {
			t.Errorf("pushed %d, loaded %v", n, now)
		}
		// A change that it made itself it follows up without waiting for the timer.
		_, err = other.Policies().SetParameters(t.Context(), "evil-provider", json.RawMessage(`{"names": ["good"]}`), "cid", "")
		check(t, err)
		time.Sleep(2 * soon)
		if n := w.events(); n != 6 {
			t.Errorf("pushed %d after a change of parameters", n)
		}
		time.Sleep(time.Hour)
		if n := w.events(); n != 8 {
			t.Errorf("pushed %d", n)
		}
		if all := list(t, d, Query{}); len(all) != 0 {
			t.Errorf("%+v is over its age", all)
		}
		check(t, other.Check(t.Context()))
		stop()
		<-ended
	})
}

// TestRun_Parts holds that a review of many NSs goes in parts, so that events that come
// meanwhile do not wait for all of it, and that a change of policies does not wait for it
// either.
func TestRun_Parts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.bubble = true
		const parts = 5
		for i := range parts * reviewPart {
			w.nss = append(w.nss, fmt.Sprintf("n%04d", i))
		}
		d := w.active(one())
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { d.Run(ctx); close(ended) }()
		time.Sleep(soon) // the first part came at once, and then the news that there are policies
		synctest.Wait()
		for part := 2; part <= 3; part++ {
			if n := w.events(); n != part*reviewPart {
				t.Errorf("pushed %d in %d parts", n, part)
			}
			time.Sleep(reviewPause)
			synctest.Wait()
		}
		_, err := d.Policies().SetParameters(t.Context(), "evil-provider", json.RawMessage(`{"names": ["good"]}`), "cid", "")
		check(t, err)
		time.Sleep(soon)
		synctest.Wait()
		w.mu.Lock()
		last := w.pushed[len(w.pushed)-1]
		w.mu.Unlock()
		if n := w.events(); n != 5*reviewPart || last.Key != smgr.KeyNs(w.nss[reviewPart-1]) || !strings.Contains(string(last.Body), ReviewParameters) {
			t.Errorf("pushed %d, the last of NS %s: %s", n, last.Key, last.Body)
		}
		time.Sleep(time.Minute)
		if n := w.events(); n != (4+parts)*reviewPart {
			t.Errorf("pushed %d in all", n)
		}
		stop()
		<-ended
	})
}
