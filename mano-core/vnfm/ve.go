package vnfm

import (
	"context"
	"maps"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol003"
)

// Lives says whether a VNF instance of a trust domain runs, or is being instantiated: only
// then is there somebody who can be a consumer over Ve-Vnfm-vnf.
func (s *Service) Lives(ctx context.Context, domain, id string) (bool, error) {
	v, err := s.VNF(ctx, id)
	if hub.CodeOf(err) == hub.NotFound || err == nil && v.Domain != domain {
		return false, nil
	}
	if err != nil || v.Value.Layout != nil || v.Value.Running == "" {
		return v.Value.Layout != nil, err
	}
	op, err := s.ops.Get(ctx, v.Value.Running)
	if hub.CodeOf(err) == hub.NotFound {
		return false, nil
	}
	return err == nil && op.Value.Kind == sol003.LcmOperationInstantiate && !op.Value.ended(), err
}

// gone says whether a consumer is a VNF that has ended: what it has the VNFM measure ends
// with it.
func (s *Service) gone(ctx context.Context, owner hub.Identity) (bool, error) {
	if owner.VNFInstance() == "" {
		return false, nil
	}
	lives, err := s.Lives(ctx, owner.TrustDomain, owner.VNFInstance())
	return !lives, err
}

// A VNF is not told how its VIM is reached, with which credentials: SOL 002 does not have
// the vimConnectionInfo of SOL 003.

// InstanceForVNF is a VNF instance as it is shown to the VNF.
func InstanceForVNF(v sol003.VnfInstance) sol003.VnfInstance {
	v.VimConnectionInfo = nil
	return v
}

// ForVNF is an operation occurrence as it is shown to its VNF.
func (o OpOcc) ForVNF() OpOcc {
	o.OperationParams = maps.Clone(o.OperationParams)
	delete(o.OperationParams, "vimConnectionInfo")
	o.ChangedInfo, o.ModificationsTriggeredByVnfPkgChange = withoutVIM(o.ChangedInfo, o.ModificationsTriggeredByVnfPkgChange)
	return o
}

func withoutVIM(info *sol003.VnfInfoModifications, pkg *sol003.ModificationsTriggeredByVnfPkgChange) (*sol003.VnfInfoModifications, *sol003.ModificationsTriggeredByVnfPkgChange) {
	if info != nil {
		changed := *info
		changed.VimConnectionInfo = nil
		info = &changed
	}
	if pkg != nil {
		changed := *pkg
		changed.VimConnectionInfo = nil
		pkg = &changed
	}
	return info, pkg
}

// isOfVNF says whether a subscription is a VNF's.
func isOfVNF(s *notify.Subscription) bool {
	owner, err := hub.ParseIdentity(s.Owner)
	return err == nil && owner.VNFInstance() != ""
}
