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

// An event that comes by another notification than the one that was judged is told,
// by the process that judged as by another, is judged by none, and its telling is
// tried again; the same notification once more is not told.
func TestAltered(t *testing.T) {
	w := newWorld(t)
	a := w.active(one())
	b := w.process()
	e := review(1)
	e.Digest = "first"
	check(t, a.Handle(t.Context(), e, 1))
	until(t, func() bool { return b.decisions.Len() == 1 }) // it follows what others judge
	if digest, found, err := b.Told(t.Context(), e.ID); err != nil || !found || digest != "first" {
		t.Errorf("told %q, %v, %v", digest, found, err)
	}
	if digest, found, err := b.Told(t.Context(), "another"); err != nil || found || digest != "" {
		t.Errorf("of an event that was not judged: %q, %v, %v", digest, found, err)
	}
	check(t, b.Handle(t.Context(), e, 1))
	gap := e
	gap.Digest = ""
	check(t, b.Handle(t.Context(), gap, 1))
	if len(w.altered) != 0 {
		t.Fatalf("told of %+v", w.altered)
	}
	e.Digest = "second"
	w.step = func(what string, do func() error) error {
		if what == "altered" {
			return hub.E(hub.Unavailable, "append", "no answer", nil)
		}
		return do()
	}
	refused(t, b.Handle(t.Context(), e, 1), hub.Unavailable)
	w.step = nil
	for _, d := range []*Decider{a, b} {
		check(t, d.Handle(t.Context(), e, 2))
	}
	if len(w.altered) != 2 || w.altered[0].Digest != "second" {
		t.Errorf("told of %+v", w.altered)
	}
	n := 0
	for range a.decisions.IDs("") {
		n++
	}
	if n != 1 {
		t.Errorf("%d decisions", n)
	}
}

// TestJudged holds what events of a key were judged: the newest first, back to a time,
// without reviews, those that are known, and those of other keys.
func TestJudged(t *testing.T) {
	w := newWorld(t)
	w.inputs = func(_ context.Context, e smgr.Event) ([]byte, error) {
		if e.ID == "event-2" {
			return nil, hub.E(hub.Invalid, "make input", "it says nothing", nil)
		}
		return input(e, nil), nil
	}
	d := w.active(one())
	check(t, d.Handle(t.Context(), review(0), 1))
	for n := 1; n < 6; n++ {
		check(t, d.Handle(t.Context(), attempt(n), 1))
	}
	other := attempt(6)
	other.Key = smgr.KeyHost("h1")
	check(t, d.Handle(t.Context(), other, 1))
	got, err := d.Judged(t.Context(), smgr.KeyNs("n1"), attempt(2).Time, []smgr.Event{attempt(4)})
	check(t, err)
	var ids []string
	for _, e := range got {
		ids = append(ids, e.ID)
		want := attempt(int(e.ID[len(e.ID)-1] - '0'))
		if e.Kind != want.Kind || e.Key != want.Key || !e.Time.Equal(want.Time) || string(e.Body) != string(want.Body) {
			t.Errorf("%+v, want %+v", e, want)
		}
	}
	if !slices.Equal(ids, []string{"event-5", "event-3", "event-2"}) {
		t.Errorf("judged: %v", ids)
	}
}
