package journal

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// waiting waits at a gate in the background; the channel has what came of it.
func waiting(ctx context.Context, g *Gate, records uint64) <-chan error {
	done := make(chan error, 1)
	go func() { done <- g.Wait(ctx, records) }()
	return done
}

// Where effects wait for seals a record is sealed at once, and not after the time
// in which others gather; those that wait together are sealed together.
func TestGate_SealedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		g := &Gate{Patience: time.Second}
		s := w.sealer()
		s.Gate = g
		stop := run(t, s)
		for n := range uint64(5) {
			began := time.Now()
			w.records.add("one")
			if err := g.Wait(t.Context(), n+1); err != nil || time.Since(began) > 0 {
				t.Fatalf("record %d: %v after %s; want nil at once", n+1, err, time.Since(began))
			}
			if got := w.seals.size(t); got != n+1 {
				t.Fatalf("%d records are sealed when the effect of record %d begins", got, n+1)
			}
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if r := verify(t, w.key.Public(), w.export(t, Request{})); len(r.Findings) > 0 || r.Size != 5 {
			t.Errorf("report %+v; want a tree of 5 and no finding", r)
		}
	})
}

// Nothing passes while no sealer runs. What waited in vain is told, and named by
// the check; after sealing goes on the same passes, and the check is quiet.
func TestGate_FailsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.records.add("one")
		told := 0
		g := &Gate{Patience: 10 * time.Second, Waited: func(took time.Duration, sealed bool) {
			if !sealed && took >= 10*time.Second {
				told++
			}
		}}
		err := g.Wait(t.Context(), 1)
		if hub.CodeOf(err) != hub.Unavailable || !errors.Is(err, ErrUnsealed) || !strings.Contains(hub.SafeText(err), "tried again") || told != 1 {
			t.Errorf("without a sealer: %v, told %d times; want unavailable with the mend, and told once", err, told)
		}
		if err := g.Check(t.Context()); hub.CodeOf(err) != hub.Unavailable {
			t.Errorf("Check = %v; want that effects are held", err)
		}
		left, leave := context.WithCancel(t.Context())
		gone, stays := waiting(left, g, 1), waiting(t.Context(), g, 1)
		synctest.Wait()
		leave()
		if err := <-gone; !errors.Is(err, ErrUnsealed) || !errors.Is(err, context.Canceled) {
			t.Errorf("who left: %v", err)
		}
		s := w.sealer()
		s.Gate = g
		stop := run(t, s)
		if err := <-stays; err != nil {
			t.Errorf("sealed while waiting: %v", err)
		}
		if err := g.Check(t.Context()); err != nil {
			t.Errorf("Check after a seal = %v", err)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// Where sealing has stopped for good nobody waits in vain for long, and the error
// says why.
func TestGate_Broken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &Gate{Patience: time.Hour}
		done := waiting(t.Context(), g, 1)
		synctest.Wait()
		g.Break(damaged(errors.New("record 7/0 is gone")))
		for _, err := range []error{<-done, g.Wait(t.Context(), 1), g.Check(t.Context())} {
			if hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "record 7/0 is gone") {
				t.Errorf("%v; want the reason", err)
			}
		}
		g.Reached(1)
		g.Reached(0) // told late
		if err := errors.Join(g.Wait(t.Context(), 1), g.Check(t.Context())); err != nil {
			t.Errorf("after sealing went on: %v", err)
		}
	})
}

// A process that does not seal itself learns of the seals of another, those that
// were there before included.
func TestGate_Follow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.records.add("one", "two")
		w.sealAll(t, 1)
		g := &Gate{Patience: 10 * time.Second}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- g.Follow(ctx, w.seals) }()
		if err := g.Wait(t.Context(), 2); err != nil {
			t.Error(err)
		}
		done := waiting(t.Context(), g, 3)
		synctest.Wait()
		w.records.add("three")
		w.sealAll(t, 1)
		if err := <-done; err != nil {
			t.Error(err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		w.seals.raw[2] = []byte("{")
		if err := g.Follow(t.Context(), w.seals); err == nil {
			t.Error("a damaged seal was taken for one")
		}
	})
}
