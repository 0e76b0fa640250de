package topology

import (
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/smgr"
)

// judgedHere is what a Security Manager judged, as its decisions have it.
type judgedHere []smgr.Event

func (j *judgedHere) of(_ context.Context, key string, since time.Time, known []smgr.Event) (list []smgr.Event, _ error) {
	for _, e := range slices.Backward(*j) {
		same := func(k smgr.Event) bool { return k.ID == e.ID && k.Time.Equal(e.Time) }
		if e.Key == key && !e.Time.Before(since) && !slices.ContainsFunc(known, same) {
			list = append(list, e)
		}
	}
	return list, nil
}

// aloneOn starts a process on a bus that no other process writes to.
func aloneOn(t testing.TB, w *world, bus *memstate.Bus, j *judgedHere) *setup {
	t.Helper()
	bus.Alone = true
	s := start1(t, w, bus, func(c *Config) { c.Judged = j.of })
	if err := s.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func sees(t testing.TB, s *setup, e smgr.Event) int {
	t.Helper()
	return len(s.input(t, e)["recent"].([]any))
}

// TestUnwritten holds that the window of an NS is not written with each event, is a
// minute later, and that a process which has it not in memory takes the rest from
// what was judged.
func TestUnwritten(t *testing.T) {
	w, bus, judged := small(), &memstate.Bus{}, &judgedHere{}
	s := aloneOn(t, w, bus, judged)
	heal := func(sec int) smgr.Event {
		return nsChange("n1", "v1", "VNF_HEAL", "START", noon.Add(time.Duration(sec)*time.Second), nil)
	}
	for i := range 3 {
		if n := sees(t, s, heal(i)); n != i {
			t.Errorf("event %d sees %d", i, n)
		}
		*judged = append(*judged, heal(i))
	}
	if n := s.windows.Len(); n != 0 {
		t.Errorf("%d windows are written", n)
	}
	if n := sees(t, aloneOn(t, w, bus, judged), heal(3)); n != 3 {
		t.Errorf("after a crash %d events are seen", n)
	}
	s.clock.add(30 * time.Second)
	for _, want := range []int{0, 1, 1} {
		if err := s.storeDue(t.Context()); err != nil || s.windows.Len() != want {
			t.Errorf("%d windows are written: %v", s.windows.Len(), err)
		}
		s.clock.add(30 * time.Second)
	}
	if len(s.written.unwritten) != 0 {
		t.Errorf("it is not known to be written: %v", s.written.unwritten)
	}
	*judged = nil
	if n := sees(t, aloneOn(t, w, bus, judged), heal(3)); n != 3 {
		t.Errorf("%d events are stored", n)
	}
}

// TestUnwrittenIsTheSame compares what inputs show of earlier events with what they
// show where each is written at once, over crashes, writes that are lost or late,
// events of other keys, and events that are told late.
func TestUnwrittenIsTheSame(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 7))
		full := false
		bus := &memstate.Bus{Fail: func(_, _, key string) error {
			if full {
				return hub.E(hub.Unavailable, "write", "disk full", nil)
			}
			return nil
		}}
		w, judged := small(), &judgedHere{}
		s, plain := aloneOn(t, w, bus, judged), built(t, small())
		now := noon
		for step := range 60 {
			for range r.IntN(4) {
				switch r.IntN(5) {
				case 0:
					s = aloneOn(t, w, bus, judged)
					s.clock.at = now
				case 1:
					full = r.IntN(2) == 0
					_ = s.storeDue(t.Context()) // it is tried again
					full = false
				case 2:
					for _, c := range []*setup{s, plain} {
						c.clock.add(40 * time.Second)
					}
					now = now.Add(40 * time.Second)
				}
			}
			at := now.Add(time.Duration(step) * time.Microsecond)
			e := nsChange("n1", "v1", "VNF_HEAL", "START", at, nil)
			switch r.IntN(6) {
			case 0:
				e = change(hub.EventComputeChange, "compute/v1-c", "COMPUTE", "v1-c", "OPERATED", at, map[string]any{}, nil)
			case 1:
				e = nsChange("n1", "v1", "VNF_SCALE", "START", at.Add(-time.Duration(r.IntN(90))*time.Minute), nil)
			case 2:
				e = nsChange("n2", "v3", "VNF_HEAL", "START", at, nil)
			case 3:
				e = review("n1", at)
			}
			if full = r.IntN(8) == 0; full {
				_ = s.Apply(t.Context(), e) // and again, as after a failure
			}
			full = false
			got, want := s.input(t, e)["recent"], plain.input(t, e)["recent"]
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, step %d: %v\nwant %v", seed, step, got, want)
			}
			*judged = append(*judged, e)
		}
	}
}

// TestUnwrittenUnites holds that what an earlier write left, whose answer was lost,
// is united with what is written next.
func TestUnwrittenUnites(t *testing.T) {
	w, bus, none := small(), &memstate.Bus{}, &judgedHere{}
	one, two := aloneOn(t, w, bus, none), aloneOn(t, w, bus, none)
	for i, s := range []*setup{one, two, one} {
		if err := s.Apply(t.Context(), nsChange("n1", "v1", "VNF_HEAL", "START", noon.Add(time.Duration(i)*time.Second), nil)); err != nil {
			t.Fatal(err)
		}
		s.clock.add(2 * time.Minute)
		if err := s.storeDue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := sees(t, one, nsChange("n1", "v1", "VNF_HEAL", "START", noon.Add(time.Minute), nil)); n != 3 {
		t.Errorf("%d events are left", n)
	}
}
