package nfvo

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/performance"
	"github.com/manoward/manoward/internal/sol/sol003"
)

// VnfNotification is a notification of a VNFM as far as the NFVO reads it. What
// it says is not believed: it makes the NFVO look.
type VnfNotification struct {
	NotificationType string `json:"notificationType"`
	VnfInstanceID    string `json:"vnfInstanceId"`
	VnfLcmOpOccID    string `json:"vnfLcmOpOccId"`
	// NotificationStatus is START or RESULT, of an operation.
	NotificationStatus string `json:"notificationStatus"`
	// RequestedBy is the identity of the party that asked the VNFM for the
	// operation, as our VNFM adds it.
	RequestedBy string `json:"manoward.requestedBy"`
	// Alarm and AlarmID are of its alarms.
	Alarm *struct {
		ID string `json:"id"`
	} `json:"alarm"`
	AlarmID string `json:"alarmId"`
}

// alarm is the ID of the alarm that a notification is about, empty if it is about
// none.
func (n *VnfNotification) alarm() string {
	if n.Alarm != nil {
		return n.Alarm.ID
	}
	return n.AlarmID
}

// typeVnfDeleted is the type of a notification that a VNF instance is no more (SOL
// 003 clause 5.5.2.19).
const typeVnfDeleted = "VnfIdentifierDeletionNotification"

// Notified takes a notification from a VNFM. It wakes up the operation that waits
// for it, and relays to the subscribers what others asked of the VNFM: an EM, or
// the VNFM itself (Sc-Or.NsLcm.005 and .007). A VNF that the NFVO does not have,
// or that is not of the VNFM's trust domain, is ignored: the VNFM need not know.
// The end of a VNF that another NFVO made releases its package; that of one of ours
// which was not ended is noted for AutoHeal. An alarm is looked at at the hub's own
// VNFM, whoever tells of it.
func (s *Service) Notified(ctx context.Context, caller hub.Identity, n VnfNotification) error {
	if id := n.alarm(); id != "" {
		return s.lookAtAlarm(ctx, id)
	}
	if n.NotificationType == performance.TypeAvailable { // reports are read when they are due
		return nil
	}
	e, err := s.vnfs.Get(ctx, n.VnfInstanceID)
	if hub.CodeOf(err) == hub.NotFound {
		return s.settleOutside(ctx, caller, n.VnfInstanceID)
	}
	if err == nil && n.NotificationType == typeVnfDeleted && mayServe(caller, e.Domain) {
		return s.noteGone(ctx, n.VnfInstanceID)
	}
	if err != nil || n.VnfLcmOpOccID == "" || !mayServe(caller, e.Domain) {
		return ignoreGone(err)
	}
	if s.follows(&e.Value, &n) {
		return nil
	}
	var occ sol003.VnfLcmOpOcc
	if _, err := s.c.VNFM.Do(ctx, "GET", "/vnf_lcm_op_occs/"+url.PathEscape(n.VnfLcmOpOccID), nil, &occ); err != nil {
		return ignoreGone(fmtRead(n.VnfLcmOpOccID, err))
	}
	if occ.VnfInstanceID != n.VnfInstanceID || s.isOurs(&e.Value, &occ) {
		return nil
	}
	_, err = s.tellVnfOp(ctx, n.VnfInstanceID, &occ, sourceOfVnfOp(caller, n.RequestedBy, &occ), "")
	return ignoreGone(err)
}

// follows says whether an operation of this NFVO waits for the operation of the VNFM
// that a notification is about. It is woken up when that may have ended, and reads it
// and tells of it itself; its beginning it knows.
func (s *Service) follows(v *vnf, n *VnfNotification) bool {
	name := followed(n.VnfLcmOpOccID)
	if n.NotificationStatus != statusStart {
		s.wake(name)
	}
	return v.Pending != nil && v.Pending.VnfOp == n.VnfLcmOpOccID || s.awaited(name)
}

// followed is under which name an operation of the VNFM is waited for.
func followed(vnfOp string) string { return "vnfop/" + vnfOp }

func fmtRead(id string, err error) error {
	return fmt.Errorf("read VNF operation %s: %w", id, err)
}

// isOurs says whether the NFVO ordered an operation and so tells of it itself. An
// order whose operation is not known yet is told apart by its task.
func (s *Service) isOurs(v *vnf, occ *sol003.VnfLcmOpOcc) bool {
	p := v.Pending
	if p == nil {
		return false
	}
	if p.VnfOp != "" {
		return p.VnfOp == occ.ID
	}
	task := taskOf(sol003.GrantedLcmOperationType(occ.Operation))
	if occ.Operation == sol003.LcmOperationModifyInfo {
		task = "modify"
	}
	return task == p.Task
}

// sourceOfVnfOp says who asked for an operation that the NFVO did not order.
func sourceOfVnfOp(vnfm hub.Identity, requestedBy string, occ *sol003.VnfLcmOpOcc) Source {
	if occ.IsAutomaticInvocation {
		kind := SourceVNFM
		switch occ.Operation {
		case sol003.LcmOperationHeal:
			kind = SourceAutoHeal
		case sol003.LcmOperationScale, sol003.LcmOperationScaleToLevel:
			kind = SourceAutoScale
		case sol003.LcmOperationModifyInfo:
			if strings.HasSuffix(requestedBy, "/vnfm/auto-renew") { // as our VNFM calls itself then
				kind = SourceAutoRenew
			}
		}
		return Source{Kind: kind, Identity: vnfm.String()}
	}
	// The kind is read from the identity's first segment: hub.ParseIdentity knows
	// only the parties that this hub gives credentials to.
	if u, err := url.Parse(requestedBy); err == nil && u.Scheme == "spiffe" {
		kind, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
		return Source{Kind: SourceOf(hub.Identity{Kind: hub.Kind(kind)}).Kind, Identity: requestedBy}
	}
	return Source{Kind: SourceVNFM, Identity: vnfm.String()}
}

// IsSecurityVnf says whether a VNF was declared a security VNF by its VNFD.
func (s *Service) IsSecurityVnf(ctx context.Context, vnfID string) (bool, error) {
	e, err := s.vnfs.Get(ctx, vnfID)
	if err != nil {
		return false, err
	}
	return e.Value.Security, nil
}

// IsSecurityMember says whether a VNF of an NS is there as a security VNF that the
// NSD foresees; hub.NotFound if the NS has no such VNF.
func (s *Service) IsSecurityMember(ctx context.Context, nsID, vnfID string) (bool, error) {
	e, err := s.seen(ctx, nsID)
	if err != nil {
		return false, err
	}
	m, err := memberOf(&e.Value, vnfID)
	if err != nil {
		return false, err
	}
	return s.IsSecurityProfile(ctx, nsID, m.ProfileID, "")
}

// IsSecurityVnfd says whether a VNFD is one of a security VNF: the NSD of an NS
// foresees it as such, or it says so itself. A VNFD that cannot be used is the
// error of the catalogue.
func (s *Service) IsSecurityVnfd(ctx context.Context, nsID, vnfdID string) (bool, error) {
	if foreseen, err := s.IsSecurityProfile(ctx, nsID, "", vnfdID); foreseen || err != nil {
		return foreseen, err
	}
	domain, _ := s.nss.Domain(nsID)
	pkg, err := s.c.Packages.Use(ctx, domain, vnfdID)
	if err != nil {
		return false, err
	}
	return pkg.VNFD.Security, nil
}

// IsSecurityProfile says whether the NSD of an NS foresees a VNF profile, or the
// VNFD of one, as a security VNF (Sc-Or.SecurityVnfMgmt.001). Either may be empty.
func (s *Service) IsSecurityProfile(ctx context.Context, nsID, profileID, vnfdID string) (bool, error) {
	e, err := s.seen(ctx, nsID)
	if err != nil {
		return false, err
	}
	nsd, err := s.FindNSD(ctx, e.Domain, e.Value.NsdID)
	if err != nil {
		return false, err
	}
	f := nsd.Flavours[or(e.Value.FlavourID, nsd.Default)]
	if f == nil {
		return false, nil
	}
	if p := f.VNFs[profileID]; p != nil {
		return p.Security && (vnfdID == "" || vnfdID == p.VnfdID), nil
	}
	for _, id := range sortedKeys(f.VNFs) {
		if p := f.VNFs[id]; profileID == "" && p.VnfdID == vnfdID {
			return p.Security, nil
		}
	}
	return false, nil
}
