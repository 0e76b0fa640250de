package vnfm

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
)

// vimAttempts is how often a call is made to a VIM that does not answer.
const vimAttempts = 3

// run brings the VIM from one layout to another. All its calls can be repeated.
type run struct {
	s      *Service
	id     string // of the operation
	domain string
	op     *Operation
}

// all does every step of the operation that is left to do; doing one again has no
// second effect.
func (r *run) all(ctx context.Context) error {
	from, to := r.op.Before, r.op.After
	if r.op.State == rollingBack {
		from, to = to, from
	}
	switch r.op.Kind {
	case sol003.LcmOperationModifyInfo:
		return nil
	case sol003.LcmOperationCreateSnapshot:
		if r.op.State == rollingBack {
			return r.dropSnapshot(ctx)
		}
		return r.takeSnapshot(ctx)
	}
	if err := r.converge(ctx, from, to); err != nil {
		return err
	}
	if r.op.Kind == sol003.LcmOperationRevertToSnapshot && r.op.State == processing {
		return r.restore(ctx)
	}
	return nil
}

// converge removes before it adds, so that a replacement finds the room and the
// addresses of what it replaces.
func (r *run) converge(ctx context.Context, from, to *Layout) error {
	for _, l := range to.links() {
		if !l.Managed && !from.hasLink(l.ID) {
			if err := r.step(ctx, "create network "+l.Desc, func(ctx context.Context) error { return r.createNetwork(ctx, &l) }); err != nil {
				return err
			}
		}
	}
	for _, c := range from.vnfcs() {
		if to.vnfc(c.ID) == nil {
			if err := r.step(ctx, "remove VNFC "+c.ID, func(ctx context.Context) error { return r.removeVNFC(ctx, &c) }); err != nil {
				return err
			}
		}
	}
	for i := range to.vnfcs() {
		c := &to.VNFCs[i]
		if err := r.step(ctx, "bring up VNFC "+c.ID, func(ctx context.Context) error { return r.bringUp(ctx, c, from, to) }); err != nil {
			return err
		}
	}
	for _, l := range from.links() {
		if !l.Managed && !to.hasLink(l.ID) {
			if err := r.step(ctx, "remove network "+l.Desc, func(ctx context.Context) error { return r.remove(ctx, "/networks/"+l.NetworkID) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// step does one step unless the operation was cancelled, and says in its error
// which one it was.
func (r *run) step(ctx context.Context, what string, fn func(context.Context) error) error {
	now, err := r.s.ops.Get(ctx, r.id)
	if err != nil {
		return fmt.Errorf("read operation: %w", err)
	}
	if now.Value.CancelPending {
		return errCancelled
	}
	if err := fn(ctx); err != nil {
		return hub.E(hub.CodeOf(err), what, what+": "+hub.SafeText(err), err)
	}
	return nil
}

// bringUp creates a VNFC that is new, or gives one that was there the ports and
// the state that it is to have.
func (r *run) bringUp(ctx context.Context, c *VNFC, from, to *Layout) error {
	was := from.vnfc(c.ID)
	state := sol003.VnfOperationalStateStarted // of a compute that was just allocated
	if was == nil {
		if err := r.createVNFC(ctx, c); err != nil {
			return err
		}
		if err := r.certify(ctx, c); err != nil {
			return err
		}
	} else {
		state = from.State
		if err := r.movePorts(ctx, was, c); err != nil {
			return err
		}
	}
	if state == to.State {
		return nil
	}
	return r.operate(ctx, c.ComputeID, to.State)
}

// operate starts or stops a compute. A VIM that refuses because the compute is in
// that state already has done what was asked for.
func (r *run) operate(ctx context.Context, compute string, state sol003.VnfOperationalStateType) error {
	order, reached := "STOP", ifa006.Halted
	if state == sol003.VnfOperationalStateStarted {
		order, reached = "START", ifa006.Started
	}
	err := r.do(ctx, http.MethodPost, "/computes/"+compute+"/operate", ifa006.OperateRequest{Operation: order}, nil)
	if hub.CodeOf(err) != hub.Conflict {
		return err
	}
	var is ifa006.Compute
	if look := r.do(ctx, http.MethodGet, "/computes/"+compute, nil, &is); look == nil && strings.EqualFold(is.RunningState, reached) {
		return nil
	}
	return err
}

func (r *run) movePorts(ctx context.Context, was, is *VNFC) error {
	for _, p := range was.Ports {
		if p.NetworkID != "" && is.port(p.PortID) == nil {
			if err := r.remove(ctx, "/ports/"+p.PortID); err != nil {
				return err
			}
		}
	}
	for i := range is.Ports {
		if p := &is.Ports[i]; p.NetworkID != "" && was.port(p.PortID) == nil {
			if err := r.createPort(ctx, p, is.ComputeID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) createNetwork(ctx context.Context, l *Link) error {
	n := ifa006.Network{ID: l.NetworkID, Name: l.Desc, TrustDomain: r.domain, Type: l.Type, Metadata: r.metadata("")}
	for i, cidr := range l.CIDRs {
		version := 4
		if strings.Contains(cidr, ":") {
			version = 6
		}
		n.Subnets = append(n.Subnets, ifa006.Subnet{ID: hub.DeriveID("subnet", l.NetworkID, strconv.Itoa(i)), CIDR: cidr, IPVersion: version})
	}
	return r.do(ctx, http.MethodPost, "/networks", n, nil)
}

// createVNFC allocates storages, ports and then the compute that has them.
func (r *run) createVNFC(ctx context.Context, c *VNFC) error {
	compute := ifa006.Compute{
		ID: c.ComputeID, Name: c.VDU + "-" + strconv.Itoa(c.Index), TrustDomain: r.domain, FlavourID: c.FlavourID, ImageID: c.ImageID,
		ZoneID: c.Zone, ExcludeHosts: c.ExcludeHosts, Constraints: c.Constraints, Metadata: r.metadata(c.ID),
	}
	for _, st := range c.Storages {
		storage := ifa006.Storage{ID: st.ResourceID, Name: st.Desc, TrustDomain: r.domain, Type: st.Type, SizeGiB: st.SizeGiB, ImageID: st.ImageID, Metadata: r.metadata(c.ID)}
		if err := r.do(ctx, http.MethodPost, "/storages", storage, nil); err != nil {
			return err
		}
		compute.Storages = append(compute.Storages, storage)
	}
	for i := range c.Ports {
		p := &c.Ports[i]
		if p.NetworkID == "" {
			continue
		}
		if err := r.createPort(ctx, p, ""); err != nil {
			return err
		}
		compute.Ports = append(compute.Ports, r.port(p, ""))
	}
	var made ifa006.Compute
	if err := r.do(ctx, http.MethodPost, "/computes", compute, &made); err != nil {
		return err
	}
	c.SeenZone = made.ZoneID
	for _, seen := range made.Ports {
		if p := c.port(seen.ID); p != nil {
			p.see(&seen)
		}
	}
	return nil
}

func (r *run) port(p *Port, compute string) ifa006.Port {
	return ifa006.Port{
		ID: p.PortID, Name: p.Cpd, TrustDomain: r.domain, NetworkID: p.NetworkID, AttachedTo: compute, MAC: p.MAC,
		IPAddresses: p.IPAddresses, Metadata: r.metadata(""),
	}
}

func (r *run) createPort(ctx context.Context, p *Port, compute string) error {
	var made ifa006.Port
	if err := r.do(ctx, http.MethodPost, "/ports", r.port(p, compute), &made); err != nil {
		return err
	}
	p.see(&made)
	return nil
}

// see notes the addresses that the VIM gave.
func (p *Port) see(made *ifa006.Port) {
	if made.MAC != "" {
		p.SeenMAC = made.MAC
	}
	if len(made.IPAddresses) > 0 {
		p.SeenIPs = made.IPAddresses
	}
}

func (r *run) metadata(vnfc string) map[string]string {
	m := map[string]string{"vnfInstanceId": r.op.VNF}
	if vnfc != "" {
		m["vnfcInstanceId"] = vnfc
	}
	return m
}

// removeVNFC gives back everything of a VNFC.
func (r *run) removeVNFC(ctx context.Context, c *VNFC) error {
	erase := ""
	if r.op.Erase {
		erase = "?erase=true"
	}
	if r.op.Graceful {
		err := r.operate(ctx, c.ComputeID, sol003.VnfOperationalStateStopped)
		// A compute that is gone or broken cannot be stopped, and need not.
		if code := hub.CodeOf(err); err != nil && code != hub.NotFound && code != hub.Conflict {
			return err
		}
	}
	if err := r.remove(ctx, "/computes/"+c.ComputeID+erase); err != nil {
		return err
	}
	for _, p := range c.Ports {
		if p.NetworkID == "" {
			continue
		}
		if err := r.remove(ctx, "/ports/"+p.PortID); err != nil {
			return err
		}
	}
	for _, st := range c.Storages {
		if err := r.remove(ctx, "/storages/"+st.ResourceID+erase); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a resource at the VIM; one that is gone is deleted.
func (r *run) remove(ctx context.Context, path string) error {
	err := r.do(ctx, http.MethodDelete, path, nil, nil)
	if hub.CodeOf(err) == hub.NotFound {
		return nil
	}
	return err
}

// do calls the VIM, and again when it does not answer.
func (r *run) do(ctx context.Context, method, path string, in, out any) error {
	for attempt, pause := 1, time.Second; ; attempt, pause = attempt+1, 2*pause {
		_, err := r.s.VIM.Do(ctx, method, path, in, out)
		if hub.CodeOf(err) != hub.Unavailable || attempt == vimAttempts || ctx.Err() != nil {
			return err
		}
		if err := r.s.Wait(ctx, pause); err != nil {
			return err
		}
	}
}

// survey finds out which of two layouts' resources the VIM has. A VNFC counts as
// there when anything of it is, and when the VIM does not say: so that nothing is
// forgotten that a later operation would have to remove.
func (s *Service) survey(ctx context.Context, before, after *Layout) *Layout {
	actual := after.clone()
	if actual == nil {
		actual = before.clone()
	}
	if actual == nil {
		return nil
	}
	vnfcs, links := union(actual, before, after)
	actual.VNFCs, actual.Links = nil, nil
	for _, c := range vnfcs {
		there := s.exists(ctx, "/computes/"+c.ComputeID)
		c.Ports = slices.DeleteFunc(slices.Clone(c.Ports), func(p Port) bool {
			is := p.NetworkID != "" && s.exists(ctx, "/ports/"+p.PortID)
			there = there || is
			return p.NetworkID != "" && !is
		})
		for _, st := range c.Storages {
			there = there || s.exists(ctx, "/storages/"+st.ResourceID)
		}
		if there {
			actual.VNFCs = append(actual.VNFCs, c)
		}
	}
	for _, l := range links {
		if l.Managed || s.exists(ctx, "/networks/"+l.NetworkID) {
			actual.Links = append(actual.Links, l)
		}
	}
	owned := slices.ContainsFunc(actual.Links, func(l Link) bool { return !l.Managed })
	if len(actual.VNFCs) == 0 && !owned && (before == nil || after == nil) {
		return nil
	}
	if before != nil {
		actual.State = before.State
		if len(actual.VNFCs) != len(after.vnfcs()) {
			actual.Scale = before.Scale
		}
	}
	return actual
}

// union returns everything of two layouts once. What both have is taken from
// actual, with the ports of both.
func union(actual, before, after *Layout) ([]VNFC, []Link) {
	vnfcs, links := slices.Clone(actual.VNFCs), slices.Clone(actual.Links)
	for _, l := range []*Layout{before, after} {
		for _, c := range l.clone().vnfcs() {
			at := slices.IndexFunc(vnfcs, func(x VNFC) bool { return x.ID == c.ID })
			if at < 0 {
				vnfcs = append(vnfcs, c)
				continue
			}
			for _, p := range c.Ports {
				if vnfcs[at].port(p.PortID) == nil {
					vnfcs[at].Ports = append(slices.Clone(vnfcs[at].Ports), p)
				}
			}
		}
		for _, x := range l.links() {
			if !slices.ContainsFunc(links, func(y Link) bool { return y.ID == x.ID }) {
				links = append(links, x)
			}
		}
	}
	return vnfcs, links
}

// exists asks the VIM for a resource; no answer counts as yes.
func (s *Service) exists(ctx context.Context, path string) bool {
	_, err := s.VIM.Do(ctx, http.MethodGet, path, nil, nil)
	return hub.CodeOf(err) != hub.NotFound
}

// idempotencyKey names a request that may be repeated.
func idempotencyKey(key string) httpapi.CallOption {
	return func(h http.Header) { h.Set("Idempotency-Key", key) }
}
