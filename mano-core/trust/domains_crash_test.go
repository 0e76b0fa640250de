package trust

import (
	"errors"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// crashAt makes every write from the n-th on fail, as in a process that is cut
// off; the n-th itself is done and its answer lost, if late.
func (b *fakeBus) crashAt(n int, late bool) {
	writes := 0
	gone := errors.New("cut off")
	b.fail = func(string) (before, after error) {
		if writes++; writes == n && late {
			return nil, gone
		}
		if writes >= n {
			return gone, nil
		}
		return nil, nil
	}
}

func TestFinishDeletions(t *testing.T) {
	for _, inUse := range []bool{false, true} {
		for n := 1; n <= 6; n++ {
			for _, late := range []bool{false, true} {
				h := newTestHub(t)
				h.register(t, "north", "alpha", hub.Passive)
				if !inUse {
					if _, err := h.Revoke(t.Context(), operator, "north", "alpha", hub.Revocation{}); err != nil {
						t.Fatal(err)
					}
				}
				h.bus.crashAt(n, late)
				if err := h.DeleteDomain(t.Context(), operator, "north"); err == nil {
					t.Errorf("write %d of a deletion failed and it did not", n)
				}
				h.bus.fail = nil
				again := startTestHub(t, h.bus, h.keys, h.clock)
				if err := again.FinishDeletions(t.Context()); err != nil {
					t.Fatal(err)
				}
				domain, _ := again.Directory.Domain("north")
				begun := n > 1 || late
				want := hub.StateActive
				if begun && !inUse {
					want = hub.StateDeleted
				}
				if domain.State != want {
					t.Errorf("in use %v, cut off at write %d (late %v): %s, want %s", inUse, n, late, domain.State, want)
				}
				if want == hub.StateActive {
					if err := again.Check(t.Context(), "north"); err != nil {
						t.Errorf("the domain that was kept cannot be used: %v", err)
					}
				}
			}
		}
	}
}

func TestFinishDeletions_WithoutTheToken(t *testing.T) {
	h := newTestHub(t)
	if _, err := h.CreateDomain(t.Context(), operator, "north"); err != nil {
		t.Fatal(err)
	}
	h.bus.crashAt(4, false) // after it is DELETING
	if err := h.DeleteDomain(t.Context(), operator, "north"); err == nil {
		t.Fatal("it was cut off and did not fail")
	}
	h.bus.fail = nil
	h.keys.gone["north"] = true
	again := startTestHub(t, h.bus, h.keys, h.clock)
	if err := again.FinishDeletions(t.Context()); err != nil {
		t.Errorf("a hub does not start because of a token that is gone: %v", err)
	}
	if domain, _ := again.Directory.Domain("north"); domain.State != hub.StateDeleting {
		t.Errorf("state %s: the keys were not destroyed", domain.State)
	}
}

// A deletion that begins while a registration is under way: either the domain is
// kept with the SM in it, or the SM is refused and the domain is gone.
func TestRegister_WhileDeleting(t *testing.T) {
	for at := 1; at <= 8; at++ {
		h := newTestHub(t)
		if _, err := h.CreateDomain(t.Context(), operator, "north"); err != nil {
			t.Fatal(err)
		}
		var deleted error
		n, begun := 0, false
		h.bus.fail = func(string) (before, after error) {
			if n++; n == at && !begun {
				begun = true
				deleted = h.DeleteDomain(t.Context(), operator, "north")
			}
			return nil, nil
		}
		_, registered := h.Register(t.Context(), operator, "north", hub.Registration{Name: "alpha", Mode: hub.Passive, Requests: newSMKeys(t).requests(t)})
		if !begun {
			break
		}
		domain, _ := h.Directory.Domain("north")
		_, there := h.Directory.SecurityManager("north", "alpha")
		kept := domain.State == hub.StateActive
		if kept != (deleted != nil) || there != (registered == nil) || there != kept {
			t.Errorf("deletion at write %d: domain %s (%v), SM there: %v (%v)", at, domain.State, deleted, there, registered)
		}
	}
}

// A registration that takes itself back while the deletion completes it is no
// reason to stop: the domain would be left half deleted.
func TestDeleteDomain_RegistrationTakesItselfBack(t *testing.T) {
	h := newTestHub(t)
	if _, err := h.CreateDomain(t.Context(), operator, "north"); err != nil {
		t.Fatal(err)
	}
	d, err := h.open(t.Context(), "north")
	if err != nil {
		t.Fatal(err)
	}
	raw := `{"next":{"name":"alpha"},"record":{"id":"1"}}`
	revision, err := d.sms.table.Create(t.Context(), "alpha", []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	appends := 0
	h.bus.fail = func(write string) (before, after error) {
		if write == "append" {
			if appends++; appends == 2 { // the deletion's own record came first
				after = d.sms.table.Delete(t.Context(), "alpha", revision)
			}
		}
		return nil, after
	}
	if err := h.DeleteDomain(t.Context(), operator, "north"); err != nil {
		t.Errorf("deletion beside a registration that took itself back: %v", err)
	}
	if domain, _ := h.Directory.Domain("north"); domain.State != hub.StateDeleted {
		t.Errorf("the domain is %s", domain.State)
	}
}

// A deletion that begins while a revoked SM is reinstated: either the domain is
// kept with the SM in force, or the rotation is refused and the domain is gone.
func TestRotate_WhileDeleting(t *testing.T) {
	for at := 1; at <= 8; at++ {
		h := newTestHub(t)
		h.register(t, "north", "alpha", hub.Passive)
		if _, err := h.Revoke(t.Context(), operator, "north", "alpha", hub.Revocation{}); err != nil {
			t.Fatal(err)
		}
		var deleted error
		n, begun := 0, false
		h.bus.fail = func(string) (before, after error) {
			if n++; n == at && !begun {
				begun = true
				deleted = h.DeleteDomain(t.Context(), operator, "north")
			}
			return nil, nil
		}
		_, rotated := h.Rotate(t.Context(), operator, "north", "alpha", hub.Rotation{Requests: newSMKeys(t).requests(t)})
		if !begun {
			break
		}
		domain, _ := h.Directory.Domain("north")
		sm, _ := h.Directory.SecurityManager("north", "alpha")
		kept, inForce := domain.State == hub.StateActive, sm.State == hub.StateActive
		if kept != (deleted != nil) || inForce != (rotated == nil) || inForce != kept {
			t.Errorf("deletion at write %d: domain %s (%v), SM %s (%v)", at, domain.State, deleted, sm.State, rotated)
		}
	}
}
