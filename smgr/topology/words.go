package topology

import (
	"maps"
	"slices"

	"github.com/manoward/manoward/internal/ifa006"
)

// words has each text of one rebuild once. An ID stands in the answer about the
// element itself and in those about all that refer to it, names and states stand in
// thousands of them, and each answer is decoded into texts of its own: shared, they
// take a third of the memory. It begins with those that the elements share already
// (see [model.words]), and is dropped with the rebuild, so that nothing outlives its
// elements. A nil words shares nothing.
type words struct {
	texts     map[string]string
	locations map[ifa006.Location]*ifa006.Location
}

func newWords() *words {
	return &words{map[string]string{}, map[ifa006.Location]*ifa006.Location{}}
}

// words has the texts that elements have been found by, of all that share theirs: what a
// rebuild finds as it was stays, and what is new shares with it.
func (m *model) words() *words {
	w := newWords()
	know(m, &m.nss, w, func(n *ns) []string { return append([]string{n.ID, n.NsdID, n.Flavor}, n.VnfIDs...) })
	know(m, &m.pkgs, w, func(p *pkg) []string { return []string{p.ID, p.VnfdID, p.Provider, p.Product, p.Version} })
	know(m, &m.vnfs, w, func(v *vnf) []string {
		return []string{v.ID, v.ProfileID, v.VnfdID, v.PkgID, v.Provider, v.Product, v.Version}
	})
	know(m, &m.computes, w, func(c *compute) []string {
		w.knowLocation(c.Location)
		return []string{c.ID, c.VnfID, c.HostID, c.ZoneID, c.ImageID, c.FlavourID}
	})
	know(m, &m.hosts, w, func(h *host) []string {
		w.knowLocation(h.Location)
		return append([]string{h.ID, h.ZoneID, h.NfviPopID, h.Firmware}, h.TrustDomains...)
	})
	know(m, &m.images, w, func(i *image) []string { return []string{i.ID, i.Name, i.PkgID} })
	return w
}

// know adds the texts of the elements of a table that share them, a part at a time so
// that nobody waits long.
func know[T any](m *model, t *table[T], w *words, of func(*T) []string) {
	m.mu.RLock()
	ids := slices.Collect(maps.Keys(t.byID))
	m.mu.RUnlock()
	for part := range slices.Chunk(ids, 256) {
		m.mu.RLock()
		for _, id := range part {
			if e := t.byID[id]; e != nil && !e.own {
				for _, text := range of(e.val) {
					if _, known := w.texts[text]; !known {
						w.texts[text] = text
					}
				}
			}
		}
		m.mu.RUnlock()
	}
}

func (w *words) knowLocation(l *ifa006.Location) {
	if l != nil && w.locations[*l] == nil {
		w.locations[*l] = l
	}
}

// share makes each text the one that was seen first.
func (w *words) share(texts ...*string) {
	for _, t := range texts {
		if first, ok := w.texts[*t]; ok {
			*t = first
		} else {
			w.texts[*t] = *t
		}
	}
}

func (w *words) list(texts []string) {
	for i := range texts {
		w.share(&texts[i])
	}
}

func (w *words) values(texts few[string]) {
	for i := range texts {
		w.share(&texts[i].key, &texts[i].val)
	}
}

func (w *words) sums(sums ...*checksum) {
	for _, s := range sums {
		if s != nil {
			w.share(&s.Algorithm, &s.Hash)
		}
	}
}

func (w *words) location(l *ifa006.Location) *ifa006.Location {
	if l == nil {
		return nil
	}
	first := w.locations[*l]
	if first == nil {
		w.share(&l.Country, &l.Site, &l.Room, &l.Rack, &l.Unit)
		w.locations[*l], first = l, l
	}
	return first
}

// The functions below share the texts of an element that nobody else has yet, and
// return it.

func (w *words) ns(n *ns) *ns {
	if w == nil {
		return n
	}
	w.share(&n.ID, &n.NsdID, &n.State, &n.Flavor)
	w.list(n.VnfIDs)
	w.values(n.profiles)
	for i := range n.Links {
		l := &n.Links[i]
		w.share(&l.key, &l.val.ProfileID, &l.val.NetworkID)
	}
	for i := range n.ports {
		w.share(&n.ports[i].key)
		w.list(n.ports[i].val.pnfs)
		for j := range n.ports[i].val.cps {
			w.share(&n.ports[i].val.cps[j][0], &n.ports[i].val.cps[j][1])
		}
	}
	return n
}

func (w *words) vnf(v *vnf) *vnf {
	if w == nil {
		return v
	}
	w.share(&v.ID, &v.ProfileID, &v.VnfdID, &v.PkgID, &v.Provider, &v.Product, &v.Version, &v.Instantiation, &v.Operational)
	if i := v.Integrity; i != nil {
		shared := *i // it may be that of the element before
		w.share(&shared.Verdict, &shared.Checksum, &shared.Option, &shared.Signer)
		v.Integrity = &shared
	}
	for i := range v.cps {
		w.share(&v.cps[i].id, &v.cps[i].cpdID, &v.cps[i].network)
	}
	if v.Security != nil {
		v.Security = known(*v.Security)
	}
	w.values(v.vnfcs)
	w.values(v.Config)
	return v
}

func (w *words) pkg(p *pkg) *pkg {
	if w == nil {
		return p
	}
	w.share(&p.ID, &p.VnfdID, &p.Provider, &p.Product, &p.Version, &p.Operational, &p.Usage, &p.Integrity, &p.Option, &p.Signer)
	w.sums(p.Checksum)
	return p
}

func (w *words) compute(c *compute) *compute {
	w.share(&c.ID, &c.VnfID, &c.HostID, &c.ZoneID, &c.ImageID, &c.FlavourID, &c.Operational, &c.Running)
	c.Location = w.location(c.Location)
	return c
}

func (w *words) host(h *host) *host {
	w.share(&h.ID, &h.ZoneID, &h.NfviPopID, &h.State, &h.Integrity, &h.Firmware)
	w.list(h.TrustDomains)
	w.list(h.ComputeIDs)
	h.Location = w.location(h.Location)
	return h
}

func (w *words) image(i *image) *image {
	w.share(&i.ID, &i.Name, &i.PkgID, &i.Status)
	w.sums(i.Checksum, i.Stated)
	return i
}
