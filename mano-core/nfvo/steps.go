package nfvo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// run is an operation while one of its steps is carried out. A step may change
// the operation's steps, slots, warnings and changes; they are stored with the
// step's end.
type run struct {
	s      *Service
	id     string
	domain string
	op     *op
	i      int
	told   []event // what the operation had to tell before the step, and did
}

func (r *run) step() *step { return &r.op.Steps[r.i] }

// key names what a step makes elsewhere: the same in each repetition of the
// step, and another after the operation was told to retry.
func (r *run) key(parts ...string) string {
	return hub.DeriveID(append([]string{r.id, fmt.Sprint(r.i)}, parts...)...)
}

// vnfID is the VNF that the step is about; empty if it was never made.
func (r *run) vnfID() string {
	if st := r.step(); st.VnfID != "" || st.Slot == "" {
		return st.VnfID
	}
	return r.op.Slots[r.step().Slot]
}

// stepKind is what a kind of step does and how that is taken back; a nil undo
// has nothing to take back.
type stepKind struct {
	do, undo func(context.Context, *run) error
	// final says that once the step is done there is no way back: a rollback is
	// refused.
	final bool
}

// The kinds of steps. Their names are part of the stored format.
const (
	stepLinkCreate     = "link.create"
	stepLinkDelete     = "link.delete"
	stepVnfCreate      = "vnf.create"
	stepVnfTask        = "vnf.task"
	stepVnfAdd         = "vnf.add"
	stepVnfDrop        = "vnf.drop"
	stepVnfDelete      = "vnf.delete"
	stepVnfForget      = "vnf.forget"
	stepVnfMove        = "vnf.move"
	stepVnfPackage     = "vnf.package"
	stepPnfAdd         = "pnf.add"
	stepPnfRemove      = "pnf.remove"
	stepSnapshot       = "snapshot.create"
	stepSnapshotDelete = "snapshot.delete"
	stepBar            = "bar"
	stepDisable        = "package.disable"
	stepCoHosted       = "cohosted"
	stepChild          = "child"
	stepErase          = "erase"
	stepNsSet          = "ns.set"
)

func kindOf(name string) stepKind {
	switch name {
	case stepLinkCreate:
		return stepKind{do: createLink, undo: deleteLink}
	case stepLinkDelete:
		return stepKind{do: deleteLink, final: true}
	case stepVnfCreate:
		return stepKind{do: createVnf, undo: deleteVnf}
	case stepVnfTask:
		return stepKind{do: vnfTask, undo: undoVnfTask}
	case stepVnfAdd:
		return stepKind{do: addVnf, undo: unaddVnf}
	case stepVnfDrop:
		return stepKind{do: dropVnf, final: true}
	case stepVnfDelete:
		return stepKind{do: deleteVnf, final: true}
	case stepVnfForget:
		return stepKind{do: forgetVnf, final: true}
	case stepVnfMove:
		return stepKind{do: moveVnf, final: true}
	case stepVnfPackage:
		return stepKind{do: repackage, final: true}
	case stepPnfAdd:
		return stepKind{do: addPnf, undo: removePnf}
	case stepPnfRemove:
		return stepKind{do: removePnf, final: true}
	case stepSnapshot:
		return stepKind{do: createSnapshot}
	case stepSnapshotDelete:
		return stepKind{do: deleteSnapshot, final: true}
	case stepBar:
		return stepKind{do: setBar}
	case stepDisable:
		return stepKind{do: disablePackage}
	case stepCoHosted:
		return stepKind{do: findCoHosted}
	case stepChild:
		return stepKind{do: runChild, final: true}
	case stepErase:
		return stepKind{do: eraseRest, final: true}
	case stepNsSet:
		return stepKind{do: setNs, final: true}
	}
	unknown := func(context.Context, *run) error {
		return hub.E(hub.Internal, "run step", "this version of the hub does not know the step "+name, nil)
	}
	return stepKind{do: unknown}
}

// params is the JSON of a step's parameters, made of plain data.
func params(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("nfvo: parameters of a step cannot be encoded: %v", err)) // a defect of this package
	}
	return raw
}

func (r *run) params(v any) error {
	if err := json.Unmarshal(r.step().Body, v); err != nil {
		return fmt.Errorf("read parameters of step %s: %w", r.step().Kind, err)
	}
	return nil
}

// changeNs changes the NS that the operation holds.
func (r *run) changeNs(ctx context.Context, fn func(*ns)) error {
	_, err := r.s.nss.Update(ctx, r.op.NsID, func(n *ns) error { fn(n); return nil })
	if err != nil {
		return fmt.Errorf("change NS %s: %w", r.op.NsID, err)
	}
	return nil
}

// linkParams is a virtual link to make.
type linkParams struct {
	Profile string   `json:"profile"`
	CIDRs   []string `json:"cidrs,omitempty"`
	Saps    []string `json:"saps,omitempty"` // that have a port on it
}

func linkID(nsID, profile string) string { return hub.DeriveID("ns-virtual-link", nsID, profile) }

func createLink(ctx context.Context, r *run) error {
	var p linkParams
	if err := r.params(&p); err != nil {
		return err
	}
	id := linkID(r.op.NsID, p.Profile)
	net := ifa006.Network{ID: id, Name: p.Profile, TrustDomain: r.domain, Type: "vxlan", Metadata: map[string]string{"nsInstanceId": r.op.NsID}}
	for i, cidr := range p.CIDRs {
		net.Subnets = append(net.Subnets, ifa006.Subnet{ID: hub.DeriveID(id, fmt.Sprint(i)), CIDR: cidr, IPVersion: ipVersion(cidr)})
	}
	if _, err := r.s.c.VIM.Do(ctx, "POST", "/networks", net, nil); err != nil {
		return fmt.Errorf("create network of virtual link %s: %w", p.Profile, err)
	}
	r.op.affectLink(id, p.Profile, "ADD")
	err := r.changeNs(ctx, func(n *ns) {
		if slices.ContainsFunc(n.Links, func(l sol005.NsVirtualLinkInfo) bool { return l.ID == id }) {
			return
		}
		n.Links = append(n.Links, sol005.NsVirtualLinkInfo{
			ID: id, NsVirtualLinkDescID: p.Profile, NsVirtualLinkProfileID: p.Profile,
			ResourceHandle: []sol005.ResourceHandle{{VimID: r.s.c.VimID, ResourceID: id, VimLevelResourceType: "network"}},
			LinkPort:       r.sapPorts(p.Saps),
		})
	})
	if err != nil {
		return err
	}
	// The NS has the link by now, so that an operation which ends here leaves nothing that
	// its termination does not know of.
	return r.createSapPorts(ctx, id, p.Saps)
}

func deleteLink(ctx context.Context, r *run) error {
	var p linkParams
	if err := r.params(&p); err != nil {
		return err
	}
	id := linkID(r.op.NsID, p.Profile)
	if err := r.deleteSapPorts(ctx, id, p.Saps); err != nil {
		return err
	}
	if err := r.s.vimDelete(ctx, "/networks/", id, ""); err != nil {
		return fmt.Errorf("delete network of virtual link %s: %w", p.Profile, err)
	}
	r.op.affectLink(id, p.Profile, "DELETE")
	return r.changeNs(ctx, func(n *ns) {
		n.Links = slices.DeleteFunc(n.Links, func(l sol005.NsVirtualLinkInfo) bool { return l.ID == id })
	})
}

func ipVersion(cidr string) int {
	if slices.Contains([]byte(cidr), ':') {
		return 6
	}
	return 4
}

// vimDelete removes a resource at the VIM; one that is gone is no error.
func (s *Service) vimDelete(ctx context.Context, collection, id, query string) error {
	_, err := s.c.VIM.Do(ctx, "DELETE", collection+url.PathEscape(id)+query, nil, nil)
	return ignoreGone(err)
}

// pnfParams is a PNF to add.
type pnfParams struct {
	Info  sol005.PnfInfo    `json:"info"`
	Links map[string]string `json:"links"` // network by connection point
}

func addPnf(ctx context.Context, r *run) error {
	var p pnfParams
	if err := r.params(&p); err != nil {
		return err
	}
	for _, cp := range sortedKeys(p.Links) {
		id := pnfPortID(r.op.NsID, p.Info.PnfID, cp)
		port := ifa006.Port{ID: id, Name: cp, TrustDomain: r.domain, NetworkID: p.Links[cp], AttachedTo: p.Info.PnfName, Metadata: map[string]string{"pnfId": p.Info.PnfID, "nsInstanceId": r.op.NsID}}
		if _, err := r.s.c.VIM.Do(ctx, "POST", "/ports", port, nil); err != nil {
			return fmt.Errorf("attach connection point %s of PNF %s: %w", cp, p.Info.PnfID, err)
		}
	}
	r.op.affectPnf(&p.Info, "ADD")
	return r.changeNs(ctx, func(n *ns) {
		if slices.ContainsFunc(n.Pnfs, func(i sol005.PnfInfo) bool { return i.PnfID == p.Info.PnfID }) {
			return
		}
		n.Pnfs = append(n.Pnfs, p.Info)
		for _, cp := range sortedKeys(p.Links) {
			n.attach(p.Links[cp], sol005.NsLinkPortInfo{
				ID:             pnfPortID(r.op.NsID, p.Info.PnfID, cp),
				ResourceHandle: sol005.ResourceHandle{VimID: r.s.c.VimID, ResourceID: pnfPortID(r.op.NsID, p.Info.PnfID, cp)},
				NsCpHandle:     &sol005.NsCpHandle{PnfInfoID: p.Info.PnfID, PnfExtCpInstanceID: cp},
			})
		}
	})
}

func pnfPortID(nsID, pnfID, cp string) string { return hub.DeriveID("pnf-port", nsID, pnfID, cp) }

// attach notes a port of a virtual link.
func (n *ns) attach(network string, port sol005.NsLinkPortInfo) {
	for i := range n.Links {
		if n.Links[i].ID == network {
			n.Links[i].LinkPort = append(n.Links[i].LinkPort, port)
		}
	}
}

func removePnf(ctx context.Context, r *run) error {
	var p pnfParams
	if err := r.params(&p); err != nil {
		return err
	}
	for _, cp := range sortedKeys(p.Links) {
		if err := r.s.vimDelete(ctx, "/ports/", pnfPortID(r.op.NsID, p.Info.PnfID, cp), ""); err != nil {
			return fmt.Errorf("detach connection point %s of PNF %s: %w", cp, p.Info.PnfID, err)
		}
	}
	r.op.affectPnf(&p.Info, "REMOVE")
	return r.changeNs(ctx, func(n *ns) {
		n.Pnfs = slices.DeleteFunc(n.Pnfs, func(i sol005.PnfInfo) bool { return i.PnfID == p.Info.PnfID })
		for i := range n.Links {
			n.Links[i].LinkPort = slices.DeleteFunc(n.Links[i].LinkPort, func(port sol005.NsLinkPortInfo) bool {
				return port.NsCpHandle != nil && port.NsCpHandle.PnfInfoID == p.Info.PnfID
			})
		}
	})
}

// nsChange is what an operation sets of its NS at its end.
type nsChange struct {
	State     string                              `json:"state,omitempty"`
	FlavourID string                              `json:"flavourId,omitempty"`
	AutoHeal  bool                                `json:"autoHeal,omitempty"`
	Scale     map[string]int                      `json:"scale,omitempty"`
	Saps      []sol005.SapInfo                    `json:"saps,omitempty"`
	Vnffgs    []vnffg                             `json:"vnffgs,omitempty"`
	Rules     []sol005.AffinityOrAntiAffinityRule `json:"rules,omitempty"`
	Locations []sol005.VnfLocationConstraint      `json:"locations,omitempty"`
}

func setNs(ctx context.Context, r *run) error {
	var p nsChange
	if err := r.params(&p); err != nil {
		return err
	}
	err := r.changeNs(ctx, func(n *ns) {
		if p.Scale != nil {
			n.Scale = p.Scale
		}
		switch p.State {
		case instantiated:
			n.State, n.FlavourID, n.AutoHeal = p.State, p.FlavourID, p.AutoHeal
			n.Saps, n.Vnffgs, n.Rules, n.Locations = p.Saps, p.Vnffgs, p.Rules, p.Locations
		case notInstantiated:
			n.State, n.FlavourID, n.AutoHeal = p.State, "", false
			n.Saps, n.Vnffgs, n.Rules, n.Locations, n.Scale = nil, nil, nil, nil, nil
		}
	})
	if err != nil {
		return err
	}
	change := map[string]string{instantiated: "ADD", notInstantiated: "REMOVE"}[p.State]
	for i := range p.Saps {
		r.op.affectSap(&p.Saps[i], change)
	}
	for i := range p.Vnffgs {
		r.op.affectVnffg(&p.Vnffgs[i].Info, change)
	}
	return nil
}

// onVnfm calls the VNFM. key, if not empty, makes a repetition of the call
// find what the first one made.
func (s *Service) onVnfm(ctx context.Context, method, path string, in, out any, key string) (*httpapi.Answer, error) {
	if key == "" {
		return s.c.VNFM.Do(ctx, method, path, in, out)
	}
	return s.c.VNFM.Do(ctx, method, path, in, out, withKey(key))
}
