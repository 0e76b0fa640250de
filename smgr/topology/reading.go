package topology

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// maxParallel bounds the requests of one reading that are under way at once.
const maxParallel = 4

// read reads one element, and of an NS all that belongs to it and is not known
// or not sure any more.
func (t *Topology) read(ctx context.Context, r ref) error {
	switch r.kind {
	case kindNs:
		return t.readNs(ctx, r.id)
	case kindPkg:
		return t.readPkg(ctx, r.id)
	case kindCompute:
		return t.readCompute(ctx, r.id)
	case kindHost:
		return t.readHost(ctx, r.id)
	}
	return t.readImage(ctx, r.id)
}

// one reads one resource; found is false when there is none.
func one[T any](ctx context.Context, t *Topology, r ref) (val *T, number uint64, at time.Time, err error) {
	c, path := t.c.Ns, "/ns_instances/"
	switch r.kind {
	case kindPkg:
		c, path = t.c.Packages, "/vnf_packages/"
	case kindCompute:
		c, path = t.c.Vi, "/computes/"
	case kindHost:
		c, path = t.c.Vi, "/hosts/"
	case kindImage:
		c, path = t.c.Vi, "/images/"
	}
	number, at = t.m.begin(), t.c.Now().UTC()
	if c == nil {
		return nil, number, at, hub.E(hub.Unavailable, "read "+r.kind, "this Security Manager was given no "+r.kind+" interface; configure its endpoint", nil)
	}
	var out T
	if _, err = c.Do(ctx, "GET", path+url.PathEscape(r.id), nil, &out); err != nil {
		return nil, number, at, err
	}
	return &out, number, at, nil
}

// settle ends an element that was not found; other errors stay.
func settle[T any](t *Topology, tab *table[T], id string, number uint64, err error) error {
	if hub.CodeOf(err) != hub.NotFound {
		return err
	}
	t.m.mu.Lock()
	defer t.m.mu.Unlock()
	missing(t.m, tab, id, number)
	return nil
}

func (t *Topology) readNs(ctx context.Context, id string) error {
	a, number, at, err := one[nsAnswer](ctx, t, ref{kindNs, id})
	defer t.m.end(number)
	if hub.CodeOf(err) == hub.NotFound {
		t.m.mu.Lock()
		defer t.m.mu.Unlock()
		if was := missing(t.m, &t.m.nss, id, number); was != nil {
			t.m.depart(was, nil, number)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if a.ID != id {
		return hub.E(hub.Unavailable, "read NS", "the NFVO answered with another NS than was asked for", nil)
	}
	again, wanted := t.m.takeNs(a, number, at, true, nil)
	if again {
		t.refresh(ref{kindNs, id})
	}
	return t.readAll(ctx, wanted)
}

// readAll reads elements, and the hosts and images that these lead to.
func (t *Topology) readAll(ctx context.Context, wanted []ref) error {
	err := t.parallel(ctx, wanted)
	return errors.Join(err, t.parallel(ctx, t.m.unknownBelow(wanted)))
}

func (t *Topology) parallel(ctx context.Context, wanted []ref) error {
	var (
		mu   sync.Mutex
		errs []error
		wg   sync.WaitGroup
		slot = make(chan struct{}, maxParallel)
	)
	for _, r := range wanted {
		if t.c.Vi == nil && r.kind != kindPkg {
			continue // without Sc-Vi its part of the model is unknown
		}
		slot <- struct{}{}
		wg.Go(func() {
			defer func() { <-slot }()
			if err := t.read(ctx, r); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// takeNs takes in an NS with its VNFs. again says that an event came between;
// wanted are the computes and packages of its VNFs that are not known, or, if
// deep, of VNFs to which something happened.
func (m *model) takeNs(a *nsAnswer, number uint64, at time.Time, deep bool, w *words) (again bool, wanted []ref) {
	m.mu.Lock()
	defer m.mu.Unlock()
	is := w.ns(nsOf(a))
	var was *ns
	if e := m.nss.byID[a.ID]; e != nil {
		was = e.val
	}
	if !learn(m, &m.nss, a.ID, number, at, is, w != nil) {
		return true, nil
	}
	for i := range a.Vnfs {
		v := &a.Vnfs[i]
		if v.ID == "" {
			continue
		}
		var before *vnf
		e, stale := m.vnfs.byID[v.ID], false
		if e != nil {
			before, stale = e.val, deep && e.unread()
		}
		next := w.vnf(vnfIn(a, v, before))
		if !learn(m, &m.vnfs, v.ID, number, at, next, w != nil) {
			again = true
		}
		for _, vnfc := range next.vnfcs {
			if c := m.computes.byID[vnfc.val]; c == nil || stale || c.unread() {
				wanted = append(wanted, ref{kindCompute, vnfc.val})
			}
		}
		if p := m.pkgs.byID[next.PkgID]; next.PkgID != "" && (p == nil || stale) {
			wanted = append(wanted, ref{kindPkg, next.PkgID})
		}
	}
	if was != nil {
		m.depart(was, is, number)
	}
	return again, wanted
}

// depart ends the VNFs that an NS had and has no more, and that no other NS has.
// is is nil when the NS ended.
func (m *model) depart(was, is *ns, number uint64) {
	for _, id := range was.VnfIDs {
		if m.nsOfVnf[id] != nil {
			continue
		}
		e := m.vnfs.byID[id]
		if e == nil || is != nil && (e.changed > number || e.read > number) {
			continue
		}
		m.remember(e.val, []string{was.ID})
		for _, c := range m.computesOf.of(id) {
			drop(m, &m.computes, c)
		}
		drop(m, &m.vnfs, id)
	}
}

// remember keeps what a VNF was.
func (m *model) remember(v *vnf, nsIDs []string) {
	kept := *v
	kept.NsIDs, kept.ComputeIDs, kept.Instantiation, kept.Operational, kept.vnfcs = nsIDs, []string{}, "NOT_INSTANTIATED", "", nil
	m.left.add(&kept)
}

// unknownBelow lists the hosts and images of computes that are not known, or not
// sure any more.
func (m *model) unknownBelow(computes []ref) []ref {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []ref
	seen := map[ref]bool{}
	want := func(r ref, there bool) {
		if r.id != "" && !there && !seen[r] {
			seen[r] = true
			out = append(out, r)
		}
	}
	for _, r := range computes {
		if e := m.computes.byID[r.id]; e != nil && r.kind == kindCompute {
			h, i := m.hosts.byID[e.val.HostID], m.images.byID[e.val.ImageID]
			want(ref{kindHost, e.val.HostID}, h != nil && !h.unread())
			want(ref{kindImage, e.val.ImageID}, i != nil && !i.unread())
		}
	}
	return out
}

func (t *Topology) readPkg(ctx context.Context, id string) error {
	a, number, at, err := one[sol005.VnfPkgInfo](ctx, t, ref{kindPkg, id})
	defer t.m.end(number)
	if err != nil {
		return settle(t, &t.m.pkgs, id, number, err)
	}
	return t.takePkg(ctx, a, number, at, nil)
}

// takePkg takes in a package, and keeps the checksum that it has when this
// Security Manager first sees it.
func (t *Topology) takePkg(ctx context.Context, a *sol005.VnfPkgInfo, number uint64, at time.Time, w *words) error {
	is := w.pkg(pkgOf(a))
	if err := t.keepFirst(ctx, is); err != nil {
		return err
	}
	t.m.mu.Lock()
	defer t.m.mu.Unlock()
	learn(t.m, &t.m.pkgs, is.ID, number, at, is, w != nil)
	return nil
}

func (t *Topology) readCompute(ctx context.Context, id string) error {
	a, number, at, err := one[ifa006.Compute](ctx, t, ref{kindCompute, id})
	defer t.m.end(number)
	if err != nil {
		return settle(t, &t.m.computes, id, number, err)
	}
	if !take(t.m, &t.m.computes, id, number, at, computeOf(a), false) {
		t.refresh(ref{kindCompute, id})
	}
	return nil
}

// take is learn under the model's lock.
func take[T any](m *model, t *table[T], id string, number uint64, at time.Time, val *T, shared bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return learn(m, t, id, number, at, val, shared)
}

func (t *Topology) readImage(ctx context.Context, id string) error {
	a, number, at, err := one[ifa006.Image](ctx, t, ref{kindImage, id})
	defer t.m.end(number)
	if err != nil {
		return settle(t, &t.m.images, id, number, err)
	}
	if !take(t.m, &t.m.images, id, number, at, imageOf(a), false) {
		t.refresh(ref{kindImage, id})
	}
	return nil
}
