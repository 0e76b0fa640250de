package trust

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

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
	h.SetMode(ctx, operator, "north", "alpha", hub.FullyActive, nil) // nobody takes the answer
	h.bus.fail = nil
	seen, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := h.Directory.until(seen, func() bool { return h.Directory.sms["north/alpha"].Mode == hub.FullyActive })
	if err != nil {
		t.Errorf("a change whose caller left after it was begun has no effect: %v", err)
	}
}

func TestRenew_AllInterfacesAtOnce(t *testing.T) {
	h := newTestHub(t)
	sm, _ := h.register(t, "north", "alpha", hub.Passive)
	var renewing sync.WaitGroup
	for _, i := range hub.Interfaces() {
		csr := makeCSR(t, newKey(t))
		renewing.Go(func() {
			if _, err := h.Renew(t.Context(), sm.Identity(i), csr); err != nil {
				t.Errorf("renew %s while the others are renewed: %v", i, err)
			}
		})
	}
	renewing.Wait()
}

func TestClients_ManyAtOnceAreAllKnown(t *testing.T) {
	h := newTestHub(t)
	names := []string{"a", "b", "c", "d", "e", "f"}
	var creating sync.WaitGroup
	for _, name := range names {
		creating.Go(func() {
			if _, err := h.CreateClient(t.Context(), operator, hub.OAuthClient{Name: name}); err != nil {
				t.Errorf("create %s while others are created: %v", name, err)
			}
		})
	}
	creating.Wait()
	if got := len(h.Clients()); got != len(names) {
		t.Errorf("%d clients are known, want %d", got, len(names))
	}
}

// TestClients_WhoAlwaysLoses holds that a change takes place however many others
// come first, as long as its caller waits.
func TestClients_WhoAlwaysLoses(t *testing.T) {
	h := newTestHub(t)
	ctx, leave := context.WithCancel(t.Context())
	n, nested := 0, false
	h.bus.fail = func(write string) (before, after error) {
		if nested || n == 100 || write != "update" {
			return nil, nil
		}
		n++
		nested = true
		defer func() { nested = false }()
		if n == 50 && ctx.Err() == nil {
			leave()
		}
		_, err := h.CreateClient(t.Context(), operator, hub.OAuthClient{Name: fmt.Sprint("faster", n)})
		return err, nil
	}
	_, err := h.CreateClient(ctx, operator, hub.OAuthClient{Name: "slow"})
	wantCode(t, err, hub.Unavailable)
	if !errors.Is(err, context.Canceled) || n != 50 {
		t.Errorf("the caller left after %d tries: %v", n, err)
	}
	if _, err := h.CreateClient(t.Context(), operator, hub.OAuthClient{Name: "slow"}); err != nil {
		t.Fatal(err)
	}
	if got := len(h.Clients()); n != 100 || got != n+1 {
		t.Errorf("%d clients are known after %d tries", got, n)
	}
}

func TestClients_OlderStateNeverReplacesNewer(t *testing.T) {
	h := newTestHub(t)
	if _, err := h.CreateClient(t.Context(), operator, hub.OAuthClient{Name: "old"}); err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	before, revision := h.operators, h.operatorsAt-1
	h.mu.Unlock()
	if err := h.DeleteClient(t.Context(), operator, "old"); err != nil {
		t.Fatal(err)
	}
	h.learnHub(before, revision) // a change that was stored first and comes here last
	if _, err := h.Client(t.Context(), "old"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("a client that was deleted is known again: %v", err)
	}
}

func TestSetMode_Unless(t *testing.T) {
	h := newTestHub(t)
	h.register(t, "north", "alpha", hub.Passive)
	asked := 0
	_, err := h.SetMode(t.Context(), operator, "north", "alpha", hub.FullyActive, func(sm *hub.SecurityManager) error {
		asked++
		return hub.E(hub.Precondition, "check", "it is "+string(sm.Mode), nil)
	})
	wantCode(t, err, hub.Precondition)
	if sm, _ := h.Directory.SecurityManager("north", "alpha"); sm.Mode != hub.Passive || asked != 1 {
		t.Errorf("a change that was refused: mode %s, asked %d times", sm.Mode, asked)
	}
}
