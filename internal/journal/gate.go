package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// ErrUnsealed is in the error of [Gate.Wait]: the record is durable, and nothing
// may come of it yet.
var ErrUnsealed = errors.New("the record is not sealed")

// Gate holds effects back until the records of them are in a signed checkpoint.
// Who has stored a record waits; who learns of seals says how far they reach. One
// Gate is for one log. It is safe for concurrent use.
type Gate struct {
	// Patience is how long a record is waited for, so that a journal that stands
	// still holds nobody for ever.
	Patience time.Duration
	// Waited is told how long each record was waited for, and whether it was sealed;
	// nil: nobody.
	Waited func(took time.Duration, sealed bool)

	mu      sync.Mutex
	sealed  uint64        // records in the newest checkpoint, from the log's first on
	broken  error         // why no more are sealed; nil: they are
	missed  bool          // a wait was in vain, and nothing was sealed since
	changed chan struct{} // closed, and made anew, when sealed or broken changes; nil: nobody waits
}

// Reached says that the newest checkpoint has so many records. One that is behind
// what was said before says nothing new.
func (g *Gate) Reached(records uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if records > g.sealed {
		g.sealed, g.broken, g.missed = records, nil, false
		g.wake()
	}
}

// Break says that nothing more is sealed, and why: who waits need not wait longer.
// Reached takes it back.
func (g *Gate) Break(why error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.broken = why
	g.wake()
}

func (g *Gate) wake() {
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

// look returns whether so many records are sealed, else what to wait for, or why
// they will not be.
func (g *Gate) look(records uint64) (done bool, changed <-chan struct{}, broken error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.sealed >= records || g.broken != nil {
		return g.sealed >= records, nil, g.broken
	}
	if g.changed == nil {
		g.changed = make(chan struct{})
	}
	return false, g.changed, nil
}

// Wait returns nil as soon as the log's records up to that number, from 1, are in
// a signed checkpoint. Otherwise it is hub.Unavailable with [ErrUnsealed] in it,
// and nothing may be done of what the record says: it is recorded, and whoever
// wanted it does the same again.
func (g *Gate) Wait(ctx context.Context, records uint64) error {
	began := time.Now()
	err := g.wait(ctx, records)
	if g.Waited != nil {
		g.Waited(time.Since(began), err == nil)
	}
	return err
}

func (g *Gate) wait(ctx context.Context, records uint64) error {
	timer := time.NewTimer(g.Patience)
	defer timer.Stop()
	for {
		done, changed, broken := g.look(records)
		switch {
		case done:
			return nil
		case broken != nil:
			return g.refuse("no more records are sealed: "+hub.SafeText(broken), broken)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return g.refuse("who asked left before its record was sealed", ctx.Err())
		case <-timer.C:
			g.mu.Lock()
			g.missed = true
			g.mu.Unlock()
			return g.refuse(fmt.Sprintf("its record was not sealed within %v; see that a process with the role trust runs, and what /readyz says of the journal", g.Patience), nil)
		}
	}
}

func (g *Gate) refuse(why string, cause error) error {
	return hub.E(hub.Unavailable, "seal before the effect", "nothing was done, because "+why+"; it is recorded, and may be tried again", errors.Join(ErrUnsealed, cause))
}

// Check reports whether effects are held back in vain. It is cheap.
func (g *Gate) Check(context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.broken != nil:
		return g.broken
	case g.missed:
		return hub.E(hub.Unavailable, "seal before the effect", fmt.Sprintf("records wait longer than %v for their seal, so nothing that they announce is done; see that a process with the role trust runs and reaches the bus", g.Patience), ErrUnsealed)
	}
	return nil
}

// Follow has the gate learn of the seals that other processes store, until ctx
// ends (nil) or the log of the seals fails.
func (g *Gate) Follow(ctx context.Context, seals FollowedSeals) error {
	number, raw, err := seals.Last(ctx)
	if err != nil {
		return err
	}
	note := func(raw []byte) error {
		s, err := decodeSeal(raw)
		if err == nil {
			g.Reached(s.size())
		}
		return err
	}
	if number > 0 {
		if err := note(raw); err != nil {
			return err
		}
	}
	return seals.Follow(ctx, number, note)
}
