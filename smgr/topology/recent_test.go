package topology

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/smgr"
)

func attempt(target string, at time.Time, n int) smgr.Event {
	return event(hub.EventUnauthorizedAttempt, smgr.KeyDomain, at, map[string]any{"id": fmt.Sprint(n), "notificationType": "manoward.UnauthorizedAttemptNotification", "timestamp": at, "attempt": map[string]any{
		"recordId": "r", "time": at, "actor": "nobody", "operation": "ns.update:REMOVE_VNF", "target": target, "reason": "no", "count": 2}})
}

// TestRecent holds what an input shows of earlier events: those of its NS and the
// attempts of the trust domain, of the last hour, newest last, without itself.
func TestRecent(t *testing.T) {
	s := built(t, small())
	at := func(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }
	for _, e := range []smgr.Event{
		nsChange("n1", "v1", "VNF_HEAL", "START", at(-70), nil), // too old
		nsChange("n1", "v1", "VNF_HEAL", "START", at(-50), nil),
		attempt("ns/n2", at(-40), 1),
		nsChange("n2", "v3", "VNF_HEAL", "START", at(-30), nil), // of another NS
		nsChange("n1", "v2", "VNF_SCALE", "START", at(-20), nil),
		change(hub.EventComputeChange, "host/h1", "COMPUTE", "v1-c", "OPERATED", at(-10), map[string]any{}, nil),
		review("n1", at(-5)), // nothing happened
		nsChange("n1", "v2", "VNF_SCALE", "COMPLETED", at(5), nil), // later than what is judged
	} {
		s.input(t, e)
	}
	in := s.input(t, nsChange("n1", "v1", "VNF_HEAL", "START", at(0), nil))
	portal := `"source":{"identity":"spiffe://north/oss/portal","kind":"OSS"}`
	expect(t, in, map[string]string{"recent": `[` +
		`{"kind":"ns-change","nsInstanceId":"n1","operation":"VNF_HEAL","phase":"START",` + portal + `,"time":"2026-11-22T11:10:00Z","vnfInstanceId":"v1"},` +
		`{"count":2,"kind":"unauthorized-attempt","nsInstanceId":"n2","operation":"ns.update:REMOVE_VNF","source":{"identity":"nobody"},"target":"ns/n2","time":"2026-11-22T11:20:00Z"},` +
		`{"kind":"ns-change","nsInstanceId":"n1","operation":"VNF_SCALE","phase":"START",` + portal + `,"time":"2026-11-22T11:40:00Z","vnfInstanceId":"v2"},` +
		`{"kind":"compute-change","nsInstanceId":"n1","operation":"OPERATED","time":"2026-11-22T11:50:00Z"}]`})
}

// TestRecentOutlastsTheProcess holds that another process knows the earlier
// events, and reads an NS again of which the first one took events in.
func TestRecentOutlastsTheProcess(t *testing.T) {
	w, bus := small(), &memstate.Bus{}
	one, two := start1(t, w, bus, nil), start1(t, w, bus, nil)
	for _, s := range []*setup{one, two} {
		if err := s.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	one.clock.add(time.Minute)
	two.clock.add(time.Minute)
	for i := range 3 {
		one.input(t, nsChange("n1", "v1", "VNF_HEAL", "START", noon.Add(time.Duration(i)*time.Second), nil))
	}
	w.mu.Lock()
	w.place("v1", "h2") // the first process is told, and dies
	w.mu.Unlock()
	w.forget()
	in := two.input(t, nsChange("n1", "v1", "VNF_HEAL", "START", noon.Add(5*time.Second), nil))
	if n := len(in["recent"].([]any)); n != 3 {
		t.Errorf("%d earlier events", n)
	}
	expect(t, in, map[string]string{"computes v1-c hostId": `"h2"`, "asOf ns": `"2026-11-22T12:01:00Z"`})
	w.forget()
	two.input(t, nsChange("n1", "v1", "VNF_HEAL", "START", noon.Add(6*time.Second), nil))
	if asked := w.requests(); len(asked) > 0 {
		t.Errorf("it asked again: %v", asked)
	}
}

// TestRecentIsBounded holds that a storm keeps the newest, and that what is over
// is deleted.
func TestRecentIsBounded(t *testing.T) {
	s := built(t, small())
	for i := range MaxRecent + 50 {
		if err := s.Apply(t.Context(), attempt("ns/n1", noon.Add(time.Duration(i)*time.Second), i)); err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(t.Context(), nsChange("n1", "v1", "VNF_SCALE", "START", noon.Add(time.Duration(i)*time.Second), nil)); err != nil {
			t.Fatal(err)
		}
	}
	last := noon.Add(time.Duration(MaxRecent+50) * time.Second)
	recent := s.input(t, nsChange("n1", "v1", "VNF_SCALE", "COMPLETED", last, nil))["recent"].([]any)
	if got := at(recent[MaxRecent-1].(map[string]any), "time"); len(recent) != MaxRecent || got != `"2026-11-22T12:05:05Z"` {
		t.Errorf("%d events, the last of %s", len(recent), got)
	}
	s.clock.add(90 * time.Minute)
	for want := range 2 {
		if err := s.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := s.windows.Len(); n != 2-2*want {
			t.Errorf("%d windows", n)
		}
		s.clock.add(40 * time.Minute)
	}
}

// TestReviewSeesWhatBeganMeanwhile holds that a review, which judges what there is
// when its turn comes, is told of the operations that began after it was asked for:
// what it sees may be a step of one.
func TestReviewSeesWhatBeganMeanwhile(t *testing.T) {
	s := built(t, small())
	if err := s.Apply(t.Context(), nsChange("n1", "v1", "VNF_TERMINATE", "START", noon.Add(time.Minute), nil)); err != nil {
		t.Fatal(err)
	}
	recent := func(e smgr.Event) int { return len(s.input(t, e)["recent"].([]any)) }
	if n := recent(review("n1", noon)); n != 0 {
		t.Errorf("a review at its time sees %d events of later", n)
	}
	s.clock.add(2 * time.Minute)
	if n := recent(review("n1", noon)); n != 1 {
		t.Errorf("a review that waited sees %d events", n)
	}
	if n := recent(nsChange("n1", "v1", "VNF_HEAL", "START", noon, nil)); n != 0 {
		t.Errorf("an event that waited sees %d events of later", n)
	}
}

// TestStoreDown holds that an event is not taken in unless it is kept, and that a
// repetition keeps it once.
func TestStoreDown(t *testing.T) {
	down := true
	s := start1(t, small(), &memstate.Bus{Fail: func(_, _, _ string) error {
		if down {
			return hub.E(hub.Unavailable, "write", "disk full", nil)
		}
		return nil
	}}, func(c *Config) { c.Packages.HTTP = nil })
	e := nsChange("n1", "v1", "VNF_HEAL", "START", noon, nil)
	if err := s.Apply(t.Context(), e); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("apply: %v", err)
	}
	down = false
	for range 3 {
		if err := s.Apply(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.before(t.Context(), "another", "n1", noon)
	if err != nil || len(got) != 1 {
		t.Errorf("%d events: %v", len(got), err)
	}
}

// TestWindowOfManyWriters holds that processes that write at once lose nothing.
func TestWindowOfManyWriters(t *testing.T) {
	w, bus := small(), &memstate.Bus{}
	const writers, each = 4, 20
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		s := start1(t, w, bus, nil)
		wg.Go(func() {
			for j := range each {
				e := attempt("ns/n1", noon.Add(time.Duration(j)*time.Second), i*each+j)
				errs[i] = errors.Join(errs[i], s.Apply(t.Context(), e))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	got, err := start1(t, w, bus, nil).before(t.Context(), "", "", noon.Add(time.Minute))
	if err != nil || len(got) != writers*each {
		t.Errorf("%d events: %v", len(got), err)
	}
}

// TestWindowOfOneWhoAlwaysLoses holds that an event is taken in however many others
// come first, as long as its caller waits.
func TestWindowOfOneWhoAlwaysLoses(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	const faster = 100
	var others *setup
	n, nested := 0, false
	bus := &memstate.Bus{Fail: func(_, _, _ string) error {
		if nested || n == faster || others == nil {
			return nil
		}
		n++
		nested = true
		defer func() { nested = false }()
		if n == faster/2 && ctx.Err() == nil {
			leave()
		}
		return others.Apply(t.Context(), attempt("ns/n1", noon, n))
	}}
	w := small()
	one, two := start1(t, w, bus, nil), start1(t, w, bus, nil)
	others = two
	e := attempt("ns/n1", noon, 0)
	if err := one.Apply(ctx, e); hub.CodeOf(err) != hub.Unavailable || !errors.Is(err, context.Canceled) || n != faster/2 {
		t.Errorf("the caller left after %d tries: %v", n, err)
	}
	if err := one.Apply(t.Context(), e); err != nil || n != faster {
		t.Errorf("after %d tries: %v", n, err)
	}
	got, err := one.before(t.Context(), "", "", noon)
	if err != nil || len(got) != faster+1 {
		t.Errorf("%d events: %v", len(got), err)
	}
}

// TestWindowOfTakeovers holds that a process which takes over again knows what the
// other one took in meanwhile, of an NS and of the trust domain, and writes nothing
// of it over.
func TestWindowOfTakeovers(t *testing.T) {
	w, bus := small(), &memstate.Bus{}
	one, two := start1(t, w, bus, nil), start1(t, w, bus, nil)
	for _, s := range []*setup{one, two} {
		if err := s.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	take := func(s *setup, want int) {
		t.Helper()
		n += 2
		at := noon.Add(time.Duration(n) * time.Second)
		if err := s.Apply(t.Context(), attempt("ns/n1", at, n)); err != nil {
			t.Fatal(err)
		}
		e := nsChange("n1", "v1", "VNF_HEAL", "START", at.Add(time.Second), nil)
		for range 2 { // as after a failure
			if got := len(s.input(t, e)["recent"].([]any)); got != want {
				t.Errorf("event %d sees %d earlier ones, want %d", n, got, want)
			}
		}
	}
	for i, s := range []*setup{one, one, two, one, two, two} {
		take(s, 2*i+1)
	}
}

// TestWrittenIsBounded holds that a process remembers some windows and not all.
func TestWrittenIsBounded(t *testing.T) {
	var r written
	long := window{Entries: make([]windowEntry, MaxRecent)}
	const all = 2 * writtenMost / MaxRecent
	for i := range all {
		for range 2 {
			r.keep(state.Entry[window]{ID: fmt.Sprint(i), Value: long})
		}
	}
	if _, ok := r.get(fmt.Sprint(all - 1)); !ok || len(r.byID) != all/2 || r.events != writtenMost {
		t.Errorf("%d windows with %d events are remembered, the last one: %v", len(r.byID), r.events, ok)
	}
	for i := range all {
		r.forget(fmt.Sprint(i))
	}
	if r.events != 0 {
		t.Errorf("%d events are left", r.events)
	}
}
