package decide

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"
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
