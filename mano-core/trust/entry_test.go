package trust

import (
	"context"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// cutAt makes every write from the n-th on fail, as when the caller has left.
func (b *fakeBus) cutAt(n int) {
	writes := 0
	b.fail = func(string) (before, after error) {
		if writes++; writes >= n {
			return context.Canceled, nil
		}
		return nil, nil
	}
}

func TestCreateDomain_CompletesWhatWasLeftHalfDone(t *testing.T) {
	for n := 2; n <= 3; n++ {
		h := newTestHub(t)
		h.bus.cutAt(n)
		if _, err := h.CreateDomain(t.Context(), operator, "north"); err == nil {
			t.Fatalf("write %d of a creation failed and it did not", n)
		}
		h.bus.fail = nil
		_, err := h.CreateDomain(t.Context(), operator, "north")
		wantCode(t, err, hub.Conflict)
		if d, ok := h.Directory.Domain("north"); !ok || d.State != hub.StateActive {
			t.Errorf("cut off at write %d: the domain exists already and cannot be seen", n)
		}
		if got := h.records(t, "north").kinds(); len(got) != 1 {
			t.Errorf("cut off at write %d: records %v, want one of the creation", n, got)
		}
	}
}

func TestRegister_RepeatedAfterItWasLeftHalfDone(t *testing.T) {
	for n := 2; n <= 3; n++ {
		h := newTestHub(t)
		if _, err := h.CreateDomain(t.Context(), operator, "north"); err != nil {
			t.Fatal(err)
		}
		reg := hub.Registration{Name: "alpha", Mode: hub.Passive, Requests: newSMKeys(t).requests(t)}
		h.bus.cutAt(n)
		if _, err := h.Register(t.Context(), operator, "north", reg); err == nil {
			t.Fatalf("write %d of a registration failed and it did not", n)
		}
		h.bus.fail = nil
		sm, err := h.Register(t.Context(), operator, "north", reg)
		if err != nil || sm.State != hub.StateActive {
			t.Errorf("cut off at write %d and repeated: %v", n, err)
		}
	}
}

func TestSetMode_GoesOnWhenTheCallerLeaves(t *testing.T) {
	h := newTestHub(t)
	h.register(t, "north", "alpha", hub.Passive)
	ctx, leave := context.WithCancel(t.Context())
	h.bus.fail = func(write string) (before, after error) {
		if write == "update" {
			leave()
		}
		return nil, nil
	}
	h.SetMode(ctx, operator, "north", "alpha", hub.FullyActive) // nobody takes the answer
	h.bus.fail = nil
	err := h.Directory.until(t.Context(), func() bool { return h.Directory.sms["north/alpha"].Mode == hub.FullyActive })
	if err != nil {
		t.Errorf("a change whose caller left after it was begun has no effect: %v", err)
	}
}
