package topology

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// Rebuild reads everything, page by page: at start, and again on the timer of
// [Topology.Run]. What events or other readings changed meanwhile it leaves and
// has read again; what is not there any more it ends. An interface that cannot
// be read keeps its part of the model as it was, and is in the error.
func (t *Topology) Rebuild(ctx context.Context) error {
	t.rebuilding.Lock()
	defer t.rebuilding.Unlock()
	w := t.m.words()
	pkgs, pkgsErr := t.rebuildPkgs(ctx, w)
	if pkgsErr != nil {
		pkgs = nil
	}
	errs := []error{pkgsErr, t.rebuildNss(ctx, w)}
	if t.c.Vi != nil {
		errs = append(errs, t.readFlavours(ctx),
			rebuildKind(ctx, t, "/computes", &t.m.computes, func(a *ifa006.Compute) string { return a.ID }, func(a *ifa006.Compute, _ time.Time) *compute { return w.compute(computeOf(a)) }),
			rebuildKind(ctx, t, "/images", &t.m.images, func(a *ifa006.Image) string { return a.ID }, func(a *ifa006.Image, _ time.Time) *image { return w.image(imageOf(a)) }),
			t.rebuildHosts(ctx, w))
	}
	errs = append(errs, t.prune(ctx, pkgs))
	err := errors.Join(errs...)
	if err == nil {
		t.complete.Store(true)
	}
	return err
}

// rebuildNss reads all NSs. An NFVO that shows them without their VNFs in a list
// (SOL 005 leaves them out unless all fields are asked for) is asked for each.
func (t *Topology) rebuildNss(ctx context.Context, w *words) error {
	number, at := t.m.begin(), t.c.Now().UTC()
	defer t.m.end(number)
	seen := map[string]bool{}
	take := func(a *nsAnswer) error {
		if a.ID == "" {
			return nil
		}
		seen[a.ID] = true
		if a.Vnfs == nil && a.State != "NOT_INSTANTIATED" {
			return t.readNs(ctx, a.ID)
		}
		again, _ := t.m.takeNs(a, number, at, false, w)
		if again {
			t.refresh(ref{kindNs, a.ID})
		}
		return nil
	}
	if err := eachWhole(ctx, t.c.Ns, "/ns_instances", take); err != nil {
		return fmt.Errorf("read NSs: %w", err)
	}
	sweep(t.m, &t.m.nss, seen, number, func(was *ns) { t.m.depart(was, nil, number) })
	sweep(t.m, &t.m.vnfs, t.m.usedVnfs(), number, func(v *vnf) { t.m.remember(v, nil) })
	return nil
}

// usedVnfs are the VNFs that an NS has.
func (m *model) usedVnfs() map[string]bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := make(map[string]bool, len(m.nsOfVnf))
	for id := range m.nsOfVnf {
		out[id] = true
	}
	return out
}

func (t *Topology) rebuildPkgs(ctx context.Context, w *words) (map[string]bool, error) {
	number, at := t.m.begin(), t.c.Now().UTC()
	defer t.m.end(number)
	seen := map[string]bool{}
	err := eachWhole(ctx, t.c.Packages, "/vnf_packages", func(a *sol005.VnfPkgInfo) error {
		if a.ID == "" {
			return nil
		}
		seen[a.ID] = true
		if a.Checksum == nil && a.OnboardingState == "ONBOARDED" { // left out of lists, unless all fields are asked for
			return t.readPkg(ctx, a.ID)
		}
		return t.takePkg(ctx, a, number, at, w)
	})
	if err != nil {
		return nil, fmt.Errorf("read packages: %w", err)
	}
	sweep(t.m, &t.m.pkgs, seen, number, func(*pkg) {})
	return seen, nil
}

// rebuildKind reads all resources of one kind from Sc-Vi.
func rebuildKind[A, T any](ctx context.Context, t *Topology, path string, tab *table[T], id func(*A) string, of func(*A, time.Time) *T) error {
	number, at := t.m.begin(), t.c.Now().UTC()
	defer t.m.end(number)
	seen := map[string]bool{}
	err := each(ctx, t.c.Vi, path, nil, func(a *A) error {
		if id(a) == "" {
			return nil
		}
		seen[id(a)] = true
		if !take(t.m, tab, id(a), number, at, of(a, at), true) {
			t.refresh(ref{tab.kind, id(a)})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read %s: %w", path[1:], err)
	}
	sweep(t.m, tab, seen, number, func(*T) {})
	return nil
}

// rebuildHosts reads all hosts. Those that seem to have other tenants, and did not
// before, are read again by themselves, to be sure.
func (t *Topology) rebuildHosts(ctx context.Context, w *words) error {
	var doubtful []ref
	err := rebuildKind(ctx, t, "/hosts", &t.m.hosts, func(a *ifa006.Host) string { return a.ID }, func(a *ifa006.Host, at time.Time) *host {
		is := w.host(hostOf(a, t.c.TrustDomain))
		t.m.mu.RLock()
		defer t.m.mu.RUnlock()
		t.m.stand(is.ID, is)
		switch left, e := t.m.leftOn(is), t.m.hosts.byID[is.ID]; {
		case left == noneLeft, left == someLeft && e != nil && e.val.left == someLeft && sameUse(e.val, is):
			is.left, is.since = left, at
		case left == someLeft && len(is.ComputeIDs) > 0:
			doubtful = append(doubtful, ref{kindHost, is.ID})
		}
		return is
	})
	for _, r := range doubtful {
		t.m.doubt(r.id)
		t.refresh(r)
	}
	return err
}

func (t *Topology) readFlavours(ctx context.Context) error {
	sizes := map[string]ifa006.Capacity{}
	err := each(ctx, t.c.Vi, "/compute_flavours", nil, func(f *ifa006.Flavour) error {
		sizes[f.ID] = f.Size
		return nil
	})
	if err != nil {
		return fmt.Errorf("read compute flavours: %w", err)
	}
	t.m.mu.Lock()
	defer t.m.mu.Unlock()
	t.m.flavours = sizes
	return nil
}

// each reads a list and stops at the first error.
func each[A any](ctx context.Context, c *httpapi.Client, path string, query url.Values, fn func(*A) error) error {
	for a, err := range httpapi.All[A](ctx, c, path, query) {
		if err != nil {
			return err
		}
		if err := fn(&a); err != nil {
			return err
		}
	}
	return nil
}

// eachWhole reads a list of SOL 005 with all attributes of its items, or from a
// server that knows no attribute selectors with what it gives.
func eachWhole[A any](ctx context.Context, c *httpapi.Client, path string, fn func(*A) error) error {
	err := each(ctx, c, path, url.Values{"all_fields": {""}}, fn)
	if hub.CodeOf(err) == hub.Invalid {
		err = each(ctx, c, path, nil, fn)
	}
	return err
}

// rebuildLoop rebuilds at once, again soon while that fails, and then on the
// timer.
func (t *Topology) rebuildLoop(ctx context.Context) {
	pause := firstPause
	for {
		wait := t.c.Every
		if err := t.Rebuild(ctx); err != nil && ctx.Err() == nil {
			t.c.Log.Warn("cannot rebuild topology", "error", hub.SafeText(err), "again", pause.String())
			wait, pause = min(pause, t.c.Every), min(2*pause, lastPause)
		} else {
			pause = firstPause
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}
