package decide

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// attempt is an event that says something of what there is.
func attempt(n int) smgr.Event {
	e := review(n)
	e.Kind, e.Origin, e.Body = hub.EventUnauthorizedAttempt, smgr.OriginNotification, json.RawMessage(fmt.Sprintf(`{"n":%d}`, n))
	return e
}

// What one process judges, the topologies of the others learn from, in the order
// in which it was judged: an event of which no input can be made too, and nothing
// twice. A process does not learn from what it judged itself, nor from a review.
func TestElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.bubble = true
		w.inputs = func(_ context.Context, e smgr.Event) ([]byte, error) {
			if e.ID == "event-2" {
				return nil, hub.E(hub.Invalid, "make input", "it says nothing", nil)
			}
			return input(e, nil), nil
		}
		var fails atomic.Int32
		fails.Store(2)
		w.read = func(what string, do func() error) error {
			if strings.Contains(what, blobInput+"/") && fails.Add(-1) >= 0 {
				return hub.E(hub.Unavailable, "read", "no", nil)
			}
			return do()
		}
		one, two := w.active(one()), w.process()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{}, 2)
		for _, d := range []*Decider{one, two} {
			go func() { d.Run(ctx); ended <- struct{}{} }()
		}
		synctest.Wait()
		for n := range 4 {
			check(t, one.Handle(t.Context(), attempt(n), 1))
		}
		check(t, one.Handle(t.Context(), review(4), 1))
		time.Sleep(10 * time.Second) // of the bubble
		check(t, two.Handle(t.Context(), attempt(5), 1))
		check(t, two.Handle(t.Context(), attempt(0), 1)) // again
		synctest.Wait()
		w.mu.Lock()
		var got []string
		for _, e := range w.followed {
			want := attempt(int(e.Time.Sub(noon) / time.Second))
			if e.ID != want.ID || e.Kind != want.Kind || e.Key != want.Key || string(e.Body) != string(want.Body) {
				t.Errorf("learnt from %+v, want %+v", e, want)
			}
			got = append(got, e.ID)
		}
		w.mu.Unlock()
		if want := []string{"event-0", "event-1", "event-2", "event-3", "event-5"}; !slices.Equal(got, want) {
			t.Errorf("learnt from %q, want %q", got, want)
		}
		stop()
		<-ended
		<-ended
	})
}
