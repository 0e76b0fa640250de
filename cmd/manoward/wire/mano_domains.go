package wire

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
)

// storageDomains lists whose accounts hold resources: the hub itself and the
// trust domains.
func (h *hubProcess) storageDomains() []string {
	names := []string{trust.HubDomain}
	for _, t := range h.directory.Domains() {
		if t.State != hub.StateDeleted {
			names = append(names, t.Name)
		}
	}
	return names
}

// followDomains attends to each trust domain from when it is made until it is
// deleted, and returns when ctx ends. The name of a deleted one is never used
// again.
func (h *hubProcess) followDomains(ctx context.Context) {
	attended := map[string]context.CancelFunc{}
	for {
		changed := h.directory.Changed()
		now := h.domainNames()
		for _, d := range now {
			if attended[d] != nil {
				continue
			}
			there, end := context.WithCancel(ctx)
			attended[d] = end
			h.run("attend to trust domain "+d, ctx, func(ctx context.Context) error {
				h.attend(there, d)
				<-there.Done()        // functions that serve nothing of a trust domain keep it all the same
				if ctx.Err() == nil { // it was deleted, and the process goes on
					h.forget(d)
				}
				return nil
			})
		}
		for d, end := range attended {
			if !slices.Contains(now, d) {
				end()
				delete(attended, d)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// attend opens the storage of a trust domain in each function and lets them work
// for it, until ctx ends or none has anything left to do. What fails is tried
// again, each function by itself.
func (h *hubProcess) attend(ctx context.Context, domain string) {
	var functions sync.WaitGroup
	for _, f := range h.mano {
		functions.Go(func() {
			h.openDomain(ctx, f, domain)
			if f.serve != nil {
				h.try(ctx, "serve trust domain "+domain+" as the "+f.name, func(ctx context.Context) error { return f.serve(ctx, domain) })
			}
		})
	}
	functions.Wait()
}

// openDomain opens the storage of a trust domain in one function. For as long as
// it fails, readiness says why.
func (h *hubProcess) openDomain(ctx context.Context, f *function, domain string) {
	ready := func() {}
	h.try(ctx, "open the resources of trust domain "+domain+" for the "+f.name, func(ctx context.Context) error {
		err := f.add(ctx, domain)
		ready()
		ready = func() {}
		if err != nil {
			ready = h.health.Register("resources/"+f.name+"/"+domain, func(context.Context) error { return err })
		}
		return err
	})
	ready()
}

// forget closes what the functions have of a trust domain that was deleted.
func (h *hubProcess) forget(domain string) {
	for _, f := range h.mano {
		if err := f.remove(domain); err != nil {
			h.log.Error("what is left of a deleted trust domain cannot be removed; remove its folder from the data directory", "trustDomain", domain, "function", f.name, "err", err)
		}
	}
}

// keepTrying is try in the background.
func (h *hubProcess) keepTrying(what string, work context.Context, fn func(context.Context) error) {
	h.run(what, work, func(ctx context.Context) error { h.try(ctx, what, fn); return nil })
}

// The pauses of try.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 10 * time.Second
)

// try calls fn until it succeeds or ctx ends: another function may not be up yet,
// or the bus be away. What worked for longer than the longest pause before it
// failed is tried again as at first.
func (h *hubProcess) try(ctx context.Context, what string, fn func(context.Context) error) {
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, longestPause) {
		began := time.Now()
		err := fn(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		if time.Since(began) > longestPause {
			pause = firstPause
		}
		h.log.Warn("trying again", "what", what, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}
