package authority_test

import (
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
)

// Of several processes that share a token one makes the keys of an authority. One that
// dies over it is succeeded after its time, by another that finds what it made.
func TestCreate_OneMakesTheKeys(t *testing.T) {
	w := newWorld(t)
	shared, err := trust.OpenFileKeys(filepath.Join(w.dir, "token"), "north", w.vault)
	if err != nil {
		t.Fatal(err)
	}
	w.tokens = map[string]authority.Keys{"north": shared} // stands for a token
	died := errors.New("the process ended")
	made := 0
	w.fail = func(step string) error {
		if step == "key" {
			if made++; made == 2 {
				return died
			}
		}
		return nil
	}
	first, second := w.start(), w.start()
	if _, err := first.Issue(t.Context(), "north", w.order()); !errors.Is(err, died) {
		t.Fatal(err)
	}
	before := w.clock()
	second.issue("north")
	if waited := w.clock().Sub(before); waited < authority.MakeLease || made != 4 {
		t.Errorf("another process went on after %s, and %d keys were asked for", waited, made)
	}
	if got := second.states("north"); got != "root 1 ACTIVE, issuer 2 ACTIVE" {
		t.Error(got)
	}
}

// A rotation that was ordered for a version of the authority is done once.
func TestRotate_Version(t *testing.T) {
	w := newWorld(t)
	p, other := w.start(), w.start()
	if seen, err := p.Version(t.Context(), "north"); err != nil || seen != authority.AnyVersion {
		t.Errorf("an authority that is not there has version %d, %v", seen, err)
	}
	p.issue("north")
	seen, err := p.Version(t.Context(), "north")
	if err != nil {
		t.Fatal(err)
	}
	var done, late atomic.Int32
	var wg sync.WaitGroup
	for _, at := range []*process{p, other, p, other} {
		wg.Go(func() {
			switch err := at.Rotate(t.Context(), "north", intermediate, seen, operator); hub.CodeOf(err) {
			case "":
				done.Add(1)
			case hub.Precondition:
				late.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// Who finds it under way helps to finish it, and is told so.
	if done.Load() < 1 || done.Load()+late.Load() != 4 {
		t.Errorf("%d were done and %d came late", done.Load(), late.Load())
	}
	if _, err := p.Version(t.Context(), "north"); err != nil { // reads what the other process did, before the bus tells it
		t.Error(err)
	}
	if got := p.states("north"); got != "root 1 ACTIVE, issuer 2 RETIRING, issuer 3 ACTIVE" {
		t.Error(got)
	}
}
