package vnfm

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/state"
)

// VNF returns a VNF instance, hub.NotFound if there is none.
func (s *Service) VNF(ctx context.Context, id string) (state.Entry[VNF], error) {
	return present(s.vnfs.Get(ctx, id))
}

// VNFIn is VNF for one whose trust domain is known, such as that of a request that is
// repeated: it finds what another request has just created, before the index has it.
func (s *Service) VNFIn(ctx context.Context, domain, id string) (state.Entry[VNF], error) {
	return present(s.vnfs.GetIn(ctx, domain, id))
}

func present(e state.Entry[VNF], err error) (state.Entry[VNF], error) {
	if hub.CodeOf(err) == hub.NotFound || err == nil && e.Value.Deleted {
		return e, notFound("VNF instance")
	}
	return e, err
}

// VNFs yields the VNF instances after an ID, in order, of the domains that visible
// allows. ids, if not nil, are the only ones looked at.
func (s *Service) VNFs(ctx context.Context, visible func(domain string) bool, ids []string, after string) iter.Seq2[state.Entry[VNF], error] {
	return func(yield func(state.Entry[VNF], error) bool) {
		for e, err := range among(ctx, s.vnfs, visible, ids, after) {
			if err == nil && e.Value.Deleted {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// among lists a kind, or those of ids that come after one.
func among[T any](ctx context.Context, k *state.Kind[T], visible func(string) bool, ids []string, after string) iter.Seq2[state.Entry[T], error] {
	if ids == nil {
		return k.List(ctx, visible, after)
	}
	return k.Among(ctx, visible, slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id <= after }))
}

// FindVNFs returns the IDs of the VNF instances by an attribute: "vnfd", "name" or
// "compute".
func (s *Service) FindVNFs(attribute, value string) []string {
	return s.vnfs.Find(attribute + "=" + value)
}

// Create makes a VNF instance resource in a trust domain (SOL 003 clause
// 5.4.2.3.1). It returns its ID; created is false for a repetition.
func (s *Service) Create(ctx context.Context, c Caller, domain string, in sol003.CreateVnfRequest) (id string, created bool, err error) {
	if in.VnfdID == "" {
		return "", false, invalid("vnfdId is missing; send the VNFD that the instance is to be of")
	}
	if err := checkBar(c, in.Metadata); err != nil {
		return "", false, err
	}
	hash, err := hashOf("vnf_instances", in)
	if err != nil {
		return "", false, err
	}
	id = c.derive("vnf")
	if was, err := s.VNF(ctx, id); err == nil {
		return id, false, repeated(was.Value.BodyHash, hash)
	} else if hub.CodeOf(err) != hub.NotFound {
		return "", false, err
	}
	vnfd, pkg, err := s.descriptor(ctx, domain, in.VnfdID)
	if hub.CodeOf(err) == hub.Conflict {
		return "", false, hub.E(hub.Unprocessable, "create VNF instance", hub.SafeText(err), err)
	}
	if err != nil {
		return "", false, err
	}
	vnf := VNF{Name: in.VnfInstanceName, Description: in.VnfInstanceDescription, Metadata: maps.Clone(in.Metadata), BodyHash: hash}
	vnf.describe(vnfd, pkg)
	vnf.Configurable, vnf.Extensions = maps.Clone(vnfd.Configurable), maps.Clone(vnfd.Extensions)
	if vnf.Metadata == nil {
		vnf.Metadata = sol003.KeyValuePairs{}
	}
	vnf.Metadata[MetaTrustDomain], vnf.Metadata[MetaCreatedBy] = domain, c.Identity.String()
	if err := s.noteIdentifier(id, &vnf, typeCreation); err != nil {
		return "", false, err
	}
	if _, err := s.vnfs.Create(ctx, domain, id, &vnf); err != nil {
		if hub.CodeOf(err) == hub.Conflict { // the same request at the same time
			was, err := s.VNFIn(ctx, domain, id)
			if err != nil {
				return "", false, err
			}
			return id, false, repeated(was.Value.BodyHash, hash)
		}
		if hub.CodeOf(err) == hub.NotFound {
			return "", false, invalid("metadata/%s: there is no trust domain %s; create it, or leave the attribute out", MetaTrustDomain, clip(domain))
		}
		return "", false, err
	}
	if err := s.finishVNF(ctx, id); err != nil {
		s.Log.Warn("the creation of a VNF instance will be notified later", "vnf", id, "err", err)
	}
	return id, true, nil
}

// descriptor returns a VNFD that is to be used now: hub.Conflict if it cannot be.
func (s *Service) descriptor(ctx context.Context, domain, vnfdID string) (*sol001.VNFD, string, error) {
	vnfd, pkg, err := s.VNFD(ctx, domain, vnfdID)
	if hub.CodeOf(err) == hub.NotFound {
		return nil, "", hub.E(hub.Conflict, "read VNFD", "VNFD "+clip(vnfdID)+" cannot be used in this trust domain: no package with it is on-boarded and enabled; on-board and enable it", err)
	}
	if err != nil {
		return nil, "", fmt.Errorf("read VNFD: %w", err)
	}
	return vnfd, pkg, nil
}

// describe takes over what a VNFD says of its VNFs.
func (v *VNF) describe(d *sol001.VNFD, pkg string) {
	v.VnfdID, v.PkgID, v.Provider, v.Product, v.SoftwareVersion, v.VnfdVersion = d.ID, pkg, d.Provider, d.ProductName, d.SoftwareVersion, d.Version
	v.AutoHealOffered = d.AutoHeal
}

// Delete removes a VNF instance that is not instantiated (clause 5.4.3.3.5).
func (s *Service) Delete(ctx context.Context, id string) error {
	vnf, err := s.VNF(ctx, id)
	if err != nil {
		return err
	}
	if vnf.Value.Running != "" {
		if err := s.checkEnded(ctx, vnf.Value.Running); err != nil {
			return err
		}
	}
	_, err = s.vnfs.Update(ctx, id, func(v *VNF) error {
		switch {
		case v.Deleted:
			return notFound("VNF instance")
		case v.Layout != nil:
			return hub.E(hub.Conflict, "delete VNF instance", "the VNF instance is INSTANTIATED; terminate it first", nil)
		case v.Running != vnf.Value.Running:
			return hub.E(hub.Conflict, "delete VNF instance", "another operation has begun; wait for its end", nil)
		}
		v.Deleted = true
		return s.noteIdentifier(id, v, typeDeletion)
	})
	if err != nil {
		return err
	}
	if err := s.finishVNF(ctx, id); err != nil {
		s.Log.Warn("the deletion of a VNF instance will be notified later", "vnf", id, "err", err)
	}
	return nil
}

// finishVNF publishes what a VNF has to tell and, when it is deleted, lets it go.
func (s *Service) finishVNF(ctx context.Context, id string) error {
	e, err := s.vnfs.Get(ctx, id)
	if err != nil {
		return err
	}
	if err := s.publish(ctx, e.Domain, e.Value.Pending); err != nil {
		return err
	}
	if e.Value.Deleted {
		return s.vnfs.Delete(ctx, id, nil)
	}
	_, err = s.vnfs.Update(ctx, id, func(v *VNF) error {
		v.Pending = without(v.Pending, e.Value.Pending)
		return nil
	})
	return err
}

// Modify starts a change of a VNF instance's information by a merge patch (clause
// 5.4.3.3.4). unless refuses it because of what the instance is now: If-Match.
func (s *Service) Modify(ctx context.Context, c Caller, id string, patch httpapi.Patch, unless func(state.Entry[VNF]) error) (string, error) {
	o := order{vnf: id, kind: sol003.LcmOperationModifyInfo, caller: c, request: patch, anyState: true}
	o.plan = func(_ context.Context, vnf state.Entry[VNF], _ int, op *Operation) error {
		if err := unless(vnf); err != nil {
			return err
		}
		if metadata, ok := patch["metadata"].(map[string]any); ok {
			if err := checkBar(c, metadata); err != nil {
				return err
			}
		}
		changed, err := httpapi.ApplyPatch(vnf.Value.information(), patch, modifiable())
		if err != nil {
			return err
		}
		for _, fixed := range []string{MetaTrustDomain, MetaCreatedBy} {
			if changed.Metadata[fixed] != vnf.Value.Metadata[fixed] {
				return invalid("metadata/%s is fixed once the instance exists; leave it out", fixed)
			}
		}
		op.Patch = patch
		return checkProperties(&vnf.Value, patch)
	}
	return s.begin(ctx, o)
}

// modifiable is what a merge patch of an instance may touch.
func modifiable() httpapi.PatchRules {
	return httpapi.PatchRules{Allowed: []string{
		"vnfInstanceName", "vnfInstanceDescription", "vnfConfigurableProperties", "metadata", "extensions", "vimConnectionInfo",
	}}
}

// information is the part of a VNF that a patch changes.
func (v *VNF) information() sol003.VnfInfoModificationRequest {
	return sol003.VnfInfoModificationRequest{
		VnfInstanceName: v.Name, VnfInstanceDescription: v.Description, VnfConfigurableProperties: v.Configurable,
		Metadata: v.Metadata, Extensions: v.Extensions, VimConnectionInfo: v.VimConnections,
	}
}

// CheckChange refuses an NFVO that is not the hub's own a change of what it has not
// made: the VNFs of an NS are changed over their own NFVO.
func (v *VNF) CheckChange(who hub.Identity) error {
	by, _ := v.Metadata[MetaCreatedBy].(string)
	return checkMaker(who, by, "VNF instance")
}

// CheckChange does the same for a snapshot, which may be evidence.
func (x *Snapshot) CheckChange(who hub.Identity) error {
	return checkMaker(who, x.CreatedBy, "VNF snapshot")
}

func checkMaker(who hub.Identity, by, what string) error {
	if !who.IsOutsideNFVO() || by == who.String() {
		return nil
	}
	return hub.E(hub.Denied, "change "+what, "another party made this "+what+"; it is changed through that party's NFVO, not here", nil)
}

// checkBar refuses a bar on automatic healing that is not the hub's own NFVO's or an
// operator's: who it protects against must not lift it.
func checkBar(c Caller, metadata map[string]any) error {
	if _, touched := metadata[MetaBarred]; !touched || c.Identity.Kind == hub.KindNFVO && !c.Identity.IsOutsideNFVO() || c.Identity.Kind == hub.KindOperator {
		return nil
	}
	return hub.E(hub.Denied, "change metadata", "metadata/"+MetaBarred+" is for the NFVO to set; leave it out", nil)
}

// checkProperties refuses automatic healing of a VNF whose VNFD does not offer it, and
// places where indicators are not read.
func checkProperties(v *VNF, patch map[string]any) error {
	properties, _ := patch["vnfConfigurableProperties"].(map[string]any)
	for _, name := range []string{"isAutohealEnabled", "is_autoheal_enabled"} {
		if isTrue(properties[name]) && !v.AutoHealOffered {
			return invalid("vnfConfigurableProperties/%s: the VNFD does not offer automatic healing; leave it out", name)
		}
	}
	return checkAddresses(patch)
}

// commit records what an operation has made of its VNF. done is false for what was
// undone: then nothing but the resources is changed.
func (s *Service) commit(ctx context.Context, opID string, op *Operation, layout *Layout, done bool) error {
	_, err := s.vnfs.Update(ctx, op.VNF, func(v *VNF) error {
		if v.Running != opID {
			return hub.E(hub.NotFound, "record VNF", "the operation does not hold its VNF instance", nil)
		}
		v.Layout = layout
		if !done {
			return nil
		}
		if op.Package != nil {
			p := op.Package
			v.VnfdID, v.PkgID, v.Provider, v.Product, v.SoftwareVersion, v.VnfdVersion = p.VnfdID, p.PkgID, p.Provider, p.Product, p.SoftwareVersion, p.VnfdVersion
			v.AutoHealOffered = p.AutoHealOffered
		}
		return op.patch(v)
	})
	return err
}

// patch changes the information of a VNF as the operation asks, and notes how.
func (op *Operation) patch(v *VNF) error {
	changed, err := httpapi.ApplyPatch(v.information(), op.Patch, httpapi.PatchRules{})
	if err != nil {
		return err
	}
	v.Name, v.Description, v.Configurable = changed.VnfInstanceName, changed.VnfInstanceDescription, changed.VnfConfigurableProperties
	v.Metadata, v.Extensions = changed.Metadata, changed.Extensions
	v.VimConnections = mergeConnections(changed.VimConnectionInfo, op.Connections)
	info, touched := sol003.VnfInfoModifications{}, false
	for name := range op.Patch {
		touched = true
		switch name {
		case "vnfInstanceName":
			info.VnfInstanceName = v.Name
		case "vnfInstanceDescription":
			info.VnfInstanceDescription = v.Description
		case "vnfConfigurableProperties":
			info.VnfConfigurableProperties = v.Configurable
		case "metadata":
			info.Metadata = v.Metadata
		case "extensions":
			info.Extensions = v.Extensions
		case "vimConnectionInfo":
			info.VimConnectionInfo = v.VimConnections
		}
	}
	if touched {
		op.ChangedInfo = &info
	}
	return nil
}

func mergeConnections(have, more map[string]sol003.VimConnectionInfo) map[string]sol003.VimConnectionInfo {
	if len(more) == 0 {
		return have
	}
	out := maps.Clone(have)
	if out == nil {
		out = map[string]sol003.VimConnectionInfo{}
	}
	maps.Copy(out, more)
	return out
}
