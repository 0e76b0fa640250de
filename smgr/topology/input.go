package topology

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// Version is the schema of the inputs that are made.
const Version = "manoward.policy-input/1"

// input is the input of a policy. Members are in the order in which they are
// written; objects are sorted by key.
type input struct {
	Schema    string             `json:"schema"`
	Kind      hub.EventKind      `json:"kind"`
	Time      string             `json:"time"`
	Event     json.RawMessage    `json:"event"`
	SM        manager            `json:"sm"`
	Subject   subject            `json:"subject"`
	Operation string             `json:"operation,omitempty"`
	Phase     string             `json:"phase,omitempty"`
	Outcome   string             `json:"outcome,omitempty"`
	Source    *source            `json:"source,omitempty"`
	Ns        *ns                `json:"ns,omitempty"`
	Vnfs      map[string]vnf     `json:"vnfs"`
	Pkgs      map[string]pkg     `json:"packages"`
	Computes  map[string]compute `json:"computes"`
	Hosts     map[string]host    `json:"hosts"`
	Images    map[string]*image  `json:"images"`
	Recent    []earlier          `json:"recent"`
	AsOf      map[string]string  `json:"asOf"`
}

type manager struct {
	Name        string   `json:"name"`
	TrustDomain string   `json:"trustDomain"`
	Mode        hub.Mode `json:"mode"`
}

// leastElement is what an element takes in an input at least, in bytes: enough
// to refuse an input that is far too large before it is made.
const leastElement = 64

// Input makes the input of an event that [Topology.Apply] took in, as JSON that
// its schema in policies/schemas describes. The same model and event make the
// same bytes at the same time.
//
// It does not wait as long as the data are at hand. When what the event is about
// was never read, or the event itself shows that it is another than it was, it
// asks once and waits at most Config.Timeout; whatever comes of it, it goes on
// with what there is. asOf has a part's name when all of the part that the event
// needs is there: the time at which the oldest of it was learnt.
//
// Errors are hub.Invalid for an event that does not say what it is about,
// hub.Unprocessable for one whose input would be larger than Config.MaxInput
// (nothing is left out in silence: it is to be judged undecided), and
// hub.Unavailable when the store of earlier events does not answer.
func (t *Topology) Input(ctx context.Context, e smgr.Event) ([]byte, error) {
	h, err := readEvent(&e)
	if err != nil {
		return nil, err
	}
	if missing := t.m.notAtHand(h, e.Kind); len(missing) > 0 {
		t.ask(ctx, missing)
	}
	in, elements := t.m.collect(h, t.c.Now().UTC())
	tooLarge := func(what string) error {
		return hub.E(hub.Unprocessable, "make input",
			fmt.Sprintf("what this event is about takes %s, more than an input may have (%d bytes): judge it by hand, or raise the bound", what, t.c.MaxInput), nil)
	}
	if elements > t.c.MaxInput/leastElement {
		return nil, tooLarge(fmt.Sprintf("%d elements", elements))
	}
	in.Schema, in.Kind, in.Time, in.Event = Version, e.Kind, stamp(e.Time), e.Body
	in.SM = manager{t.c.Name, t.c.TrustDomain, t.c.Mode()}
	in.Operation, in.Phase, in.Outcome, in.Source = h.operation, h.phase, h.outcome, h.source
	until := e.Time.UTC()
	if now := t.c.Now().UTC(); e.Kind == hub.EventReview && now.After(until) {
		until = now // a review judges what there is when its turn comes
	}
	if in.Recent, err = t.before(ctx, e.ID, in.Subject.NsID, until); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return nil, hub.E(hub.Invalid, "make input", "the event cannot be written as JSON", err)
	}
	if len(raw) > t.c.MaxInput {
		return nil, tooLarge(fmt.Sprintf("%d bytes", len(raw)))
	}
	return raw, nil
}

// ask reads what is missing, once and in a bounded time. What failed a while ago
// is left to the background.
func (t *Topology) ask(ctx context.Context, missing []ref) {
	ctx, cancel := context.WithTimeout(ctx, t.c.Timeout)
	defer cancel()
	for _, r := range missing {
		if ctx.Err() != nil {
			t.refresh(r)
			continue
		}
		if t.refreshes.failing(r) || t.c.Vi == nil && r.kind != kindNs && r.kind != kindPkg {
			continue
		}
		if err := t.refreshes.now(ctx, r); err == nil && r.kind == kindCompute {
			if err := t.parallel(ctx, t.m.unknownBelow([]ref{r})); err != nil {
				t.refresh(r)
			}
		}
	}
}

// notAtHand lists what the event is about and is not known, or known to be
// another now.
func (m *model) notAtHand(h *happening, kind hub.EventKind) []ref {
	s := m.complete(h)
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []ref
	if n := m.nss.byID[s.NsID]; s.NsID != "" && h.operation != "DELETE" {
		v := m.vnfs.byID[s.VnfID]
		if n == nil || n.unread() || s.VnfID != "" && (v != nil && v.unread() || v == nil && m.left.byID[s.VnfID] == nil) {
			out = append(out, ref{kindNs, s.NsID})
		}
	}
	if c := m.computes.byID[s.ComputeID]; s.ComputeID != "" && h.operation != "DELETED" && (c == nil || c.unread()) {
		out = append(out, ref{kindCompute, s.ComputeID})
	}
	if x := m.hosts.byID[s.HostID]; s.HostID != "" && (x == nil || x.read == 0 || x.stale && kind == hub.EventHostChange) {
		out = append(out, ref{kindHost, s.HostID})
	}
	if id := h.Changed.FormerHostID; id != "" && id != s.HostID { // whether it is in use says why the compute left
		if x := m.hosts.byID[id]; x == nil || x.unread() {
			out = append(out, ref{kindHost, id})
		}
	}
	if i := m.images.byID[s.ImageID]; s.ImageID != "" && h.operation != "DELETED" && (i == nil || i.unread()) {
		out = append(out, ref{kindImage, s.ImageID})
	}
	// An NS is read with its packages.
	if p := m.pkgs.byID[s.PkgID]; s.PkgID != "" && (p == nil || p.unread()) && !slices.ContainsFunc(out, func(r ref) bool { return r.kind == kindNs }) {
		out = append(out, ref{kindPkg, s.PkgID})
	}
	return out
}

// complete returns the subject of an event with what the model adds: the VNF of
// a compute, the NS of a VNF that has one, the package of a VNF.
func (m *model) complete(h *happening) subject {
	m.mu.RLock()
	defer m.mu.RUnlock()
	s := h.subject
	if h.Alarm != nil {
		id := h.Alarm.ObjectID
		if m.hosts.byID[id] != nil || h.Alarm.HostID == id {
			s.HostID = id
		} else {
			s.ComputeID, s.HostID = id, h.Alarm.HostID
		}
	}
	if c := m.computes.byID[s.ComputeID]; c != nil && s.HostID == "" {
		s.HostID = c.val.HostID
	}
	if s.ComputeID != "" && s.VnfID == "" {
		s.VnfID = m.vnfOfCompute(s.ComputeID)
	}
	if v := m.vnf(s.VnfID); v != nil {
		if nss := m.nsOfVnf.of(s.VnfID); s.NsID == "" && len(nss) == 1 {
			s.NsID = nss[0]
		}
		if s.ProfileID == "" {
			s.ProfileID = v.ProfileID
		}
		if s.PkgID == "" {
			s.PkgID = v.PkgID
		}
	}
	return s
}

// vnf returns a VNF, or what one was that ended.
func (m *model) vnf(id string) *vnf {
	if e := m.vnfs.byID[id]; e != nil {
		return e.val
	}
	return m.left.byID[id]
}

// collector gathers the parts of an input, with the age of each.
type collector struct {
	m    *model
	now  time.Time
	in   *input
	asOf map[string]time.Time
	lack map[string]bool // parts of which something is not known
}

// collect joins what the event is about. Only pointers are copied under the
// lock; what they lead to does not change.
func (m *model) collect(h *happening, now time.Time) (in *input, elements int) {
	s := m.complete(h)
	m.mu.RLock()
	defer m.mu.RUnlock()
	c := &collector{m: m, now: now, asOf: map[string]time.Time{}, lack: map[string]bool{}, in: &input{
		Subject: s, Vnfs: map[string]vnf{}, Pkgs: map[string]pkg{}, Computes: map[string]compute{}, Hosts: map[string]host{}, Images: map[string]*image{},
	}}
	c.addSubject(s, h.subject.HostID != "" && s.ComputeID == "" || h.Alarm != nil && s.ComputeID == "")
	if former := h.Changed.FormerHostID; m.hosts.byID[former] != nil {
		c.addHost(former)
	}
	in = c.in
	in.AsOf = map[string]string{}
	for part, at := range c.asOf {
		if !c.lack[part] {
			in.AsOf[part] = stamp(at)
		}
	}
	return in, len(in.Vnfs) + len(in.Pkgs) + len(in.Computes) + len(in.Hosts) + len(in.Images)
}

// addSubject adds what an event is about and all that belongs to it. wholeHost
// says that it is about a host, and so about every VNF on it.
func (c *collector) addSubject(s subject, wholeHost bool) {
	m := c.m
	if s.NsID != "" {
		c.addNs(s.NsID)
	}
	if s.VnfID != "" {
		c.addVnf(s.VnfID)
	}
	if s.ComputeID != "" {
		c.addCompute(s.ComputeID)
	}
	if s.HostID != "" {
		c.addHost(s.HostID)
		if wholeHost {
			c.addComputes(m.computesOn.of(s.HostID), c.asOf["hosts"])
		}
	}
	if s.ImageID != "" {
		c.addImage(s.ImageID)
		c.addComputes(m.computesFrom.of(s.ImageID), c.asOf["images"])
	}
	if s.PkgID != "" {
		c.addPkg(s.PkgID)
	}
	if c.in.Ns == nil && s.NsID == "" {
		c.addOnlyNs()
	}
}

// addOnlyNs adds the NS that all VNFs of the input are of, if there is one.
func (c *collector) addOnlyNs() {
	var all []string
	for _, v := range c.in.Vnfs {
		all = append(all, v.NsIDs...)
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) == 1 {
		if e := c.m.nss.byID[all[0]]; e != nil {
			c.in.Ns = e.val
			c.age("ns", e.learnt)
		}
	}
}

func (c *collector) addComputes(ids []string, at time.Time) {
	if len(ids) == 0 && !at.IsZero() { // known to be none
		c.age("computes", at)
		c.age("vnfs", at)
	}
	for _, id := range ids {
		c.addCompute(id)
		if v := c.m.vnfOfCompute(id); v != "" {
			c.addVnf(v)
		}
	}
}

// age keeps the oldest time of a part.
func (c *collector) age(part string, at time.Time) {
	if was, there := c.asOf[part]; !there || at.Before(was) {
		c.asOf[part] = at
	}
}

func (c *collector) addNs(id string) {
	e := c.m.nss.byID[id]
	if e == nil {
		c.lack["ns"], c.lack["vnfs"] = true, true
		return
	}
	c.in.Ns = e.val
	c.age("ns", e.learnt)
	if e.val.VnfIDs == nil {
		c.lack["vnfs"] = true
	} else if len(e.val.VnfIDs) == 0 {
		for _, part := range []string{"vnfs", "packages", "computes", "hosts", "images"} {
			c.age(part, e.learnt)
		}
	}
	for _, v := range e.val.VnfIDs {
		c.addVnf(v)
	}
}

func (c *collector) addVnf(id string) {
	if _, there := c.in.Vnfs[id]; there {
		return
	}
	e := c.m.vnfs.byID[id]
	if e == nil {
		if was := c.m.left.byID[id]; was != nil { // it ended, and this is what it was
			c.in.Vnfs[id] = *was
			if was.PkgID != "" {
				c.addPkg(was.PkgID)
			}
			return
		}
		c.lack["vnfs"] = true
		return
	}
	v := *e.val
	v.NsIDs, v.ComputeIDs = c.m.nsOfVnf.of(id), c.m.computesOf.of(id)
	if v.Connectivity == nil && v.cps != nil {
		v.Connectivity = c.m.connect(&v)
	}
	c.in.Vnfs[id] = v
	c.age("vnfs", e.learnt)
	if e.read == 0 {
		for _, part := range []string{"vnfs", "computes", "hosts", "images"} {
			c.lack[part] = true
		}
	}
	if v.PkgID != "" {
		c.addPkg(v.PkgID)
	}
	if len(v.ComputeIDs) == 0 {
		for _, part := range []string{"computes", "hosts", "images"} {
			c.age(part, e.learnt)
		}
	}
	for _, id := range v.ComputeIDs {
		c.addCompute(id)
	}
}

// connect says which virtual link each connection point of a VNF is on, and which
// PNFs are on it too.
func (m *model) connect(v *vnf) []connection {
	out := make([]connection, len(v.cps))
	for i, is := range v.cps {
		cp := &out[i]
		*cp = connection{ExtCpID: is.id, CpdID: is.cpdID, LinkID: is.network, PnfIDs: []string{}}
		for _, id := range v.NsIDs {
			n := m.nss.byID[id].val
			for _, l := range n.Links {
				ports := n.ports.get(l.key)
				if slices.Contains(ports.cps, [2]string{v.ID, is.id}) || is.network != "" && (l.key == is.network || l.val.NetworkID == is.network) {
					cp.LinkID = l.key
					cp.PnfIDs = append(cp.PnfIDs, ports.pnfs...)
				}
			}
		}
		slices.Sort(cp.PnfIDs)
		cp.PnfIDs = slices.Compact(cp.PnfIDs)
	}
	return out
}

func (c *collector) addPkg(id string) {
	if _, there := c.in.Pkgs[id]; there {
		return
	}
	e := c.m.pkgs.byID[id]
	if e == nil {
		c.lack["packages"] = true
		return
	}
	p := *e.val
	if f := c.m.first(id); f != nil {
		p.Onboarded = f
	}
	c.in.Pkgs[id] = p
	c.age("packages", e.learnt)
}

func (c *collector) addCompute(id string) {
	if _, there := c.in.Computes[id]; there {
		return
	}
	e := c.m.computes.byID[id]
	if e == nil {
		c.lack["computes"], c.lack["hosts"], c.lack["images"] = true, true, true
		return
	}
	v := *e.val
	v.VnfID = c.m.vnfOfCompute(id)
	c.in.Computes[id] = v
	c.age("computes", e.learnt)
	if v.HostID != "" {
		c.addHost(v.HostID)
	} else {
		c.lack["hosts"] = true
	}
	if v.ImageID != "" {
		c.addImage(v.ImageID)
	} else if e.read != 0 {
		c.age("images", e.learnt) // it was made of none
	} else {
		c.lack["images"] = true
	}
}

func (c *collector) addHost(id string) {
	if _, there := c.in.Hosts[id]; there {
		return
	}
	e := c.m.hosts.byID[id]
	if e == nil {
		c.lack["hosts"] = true
		return
	}
	h := *e.val
	var since time.Time
	h.OtherTenants, since = c.m.otherTenants(e, c.now)
	h.ComputeIDs = c.m.computesOn.of(id)
	c.in.Hosts[id] = h
	c.age("hosts", e.learnt)
	c.age("hosts", since)
}

func (c *collector) addImage(id string) {
	if _, there := c.in.Images[id]; there {
		return
	}
	e := c.m.images.byID[id]
	if e == nil {
		c.lack["images"] = true
		return
	}
	c.in.Images[id] = e.val
	c.age("images", e.learnt)
}
