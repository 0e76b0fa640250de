package nfvo

import (
	"context"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
)

// VnfDetails is what a notification says of the VNF that changed, as
// manoward.vnf (Sc-Or.NsLcm.006).
type VnfDetails struct {
	VnfInstanceID string         `json:"vnfInstanceId"`
	VnfdID        string         `json:"vnfdId"`
	VnfPkgID      string         `json:"vnfPkgId"`
	VnfProfileID  string         `json:"vnfProfileId,omitempty"`
	Integrity     Integrity      `json:"integrity"`
	Connectivity  []Connectivity `json:"connectivity"`
}

// Connectivity is an external connection point, the virtual link that it is on,
// and the PNFs that are on it too.
type Connectivity struct {
	ExtCpID       string   `json:"extCpId"`
	CpdID         string   `json:"cpdId"`
	VirtualLinkID string   `json:"virtualLinkInfoId,omitempty"`
	PnfIDs        []string `json:"pnfIds"`
}

// keptOps is how many of its last operations a VNF remembers as told. The VNFM
// runs one at a time, so repetitions are about the last ones.
const keptOps = 16

// tellVnfOp tells every NS of a VNF that an operation of the VNFM began or
// ended, once, and keeps what the VNF is now. by is the operation of the NFVO that
// ordered it, empty if none did.
func (s *Service) tellVnfOp(ctx context.Context, id string, occ *sol003.VnfLcmOpOcc, source Source, by string) (*vnf, error) {
	e, err := s.vnfs.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	status, final := changeStatus(occ.OperationState)
	if told(&e.Value, occ.ID, string(status)) {
		return &e.Value, s.flushVnf(ctx, id)
	}
	if final && !told(&e.Value, occ.ID, string(sol005.ChangeStart)) { // nobody saw it begin
		begun := *occ
		begun.OperationState, begun.Error = sol003.LcmOperationStateProcessing, nil
		if _, err := s.tellBegun(ctx, e, &begun, source, by); err != nil {
			return nil, err
		}
	}
	if !final {
		return s.tellBegun(ctx, e, occ, source, by)
	}
	info, places, uses := e.Value.Info, e.Value.Places, counted{}
	counts := occ.Operation != sol003.LcmOperationModifyInfo // which is granted nothing, and renews certificates
	if now, at, err := s.look(ctx, id); err == nil {
		info, places = now, at
	} else if hub.CodeOf(err) != hub.NotFound {
		return nil, err
	}
	if counts {
		if uses, err = s.count(ctx, e.Domain, &info); err != nil {
			return nil, err
		}
	}
	nss, err := s.nssOf(ctx, &e.Value)
	if err != nil {
		return nil, err
	}
	next, err := s.vnfs.Update(ctx, id, func(v *vnf) error {
		if told(v, occ.ID, string(status)) {
			return nil
		}
		changed := compare(v, &info, places)
		was := *v
		v.Info, v.Places = info, places
		v.remember(occ.ID, string(status))
		if counts {
			v.Use = uses.settled(v.Use, func(o *grantedOp) bool { return o.VnfOp == occ.ID })
		}
		about := v
		if info.InstantiatedVnfInfo == nil { // it says what was connected before it ended
			about = &was
		}
		v.Events = append(v.Events, changeEvents(id, about, nss, occ, status, source, changed, s.now())...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &next.Value, s.flushVnf(ctx, id)
}

// tellBegun tells that an operation of the VNFM began, and then stores that it did: a
// beginning changes nothing that who hears of it could miss, and after a crash it is
// told again under the same identifier, as of the same time.
func (s *Service) tellBegun(ctx context.Context, e state.Entry[vnf], occ *sol003.VnfLcmOpOcc, source Source, by string) (*vnf, error) {
	nss, err := s.nssOf(ctx, &e.Value)
	if err != nil {
		return nil, err
	}
	waited := e.Value.Events
	e.Value.ordered(occ.ID, by)
	at := began(&e.Value, occ, s.now())
	if err := s.publish(ctx, e.Domain, append(slices.Clone(waited), changeEvents(e.ID, &e.Value, nss, occ, sol005.ChangeStart, source, nil, at)...)); err != nil {
		return nil, err
	}
	next, err := s.vnfs.Update(ctx, e.ID, func(v *vnf) error {
		v.ordered(occ.ID, by)
		v.Events = dropTaken(v.Events, waited)
		if !told(v, occ.ID, string(sol005.ChangeStart)) {
			v.remember(occ.ID, string(sol005.ChangeStart))
		}
		return nil
	})
	return &next.Value, err
}

// ownStart is the longest time for which an operation that the NFVO did not order is told
// under the time at which the VNFM says that it began.
const ownStart = time.Minute

// began is the time under which the beginning of an operation is told, now or again. It
// is the VNFM's word, because no store has it before it is told; but an operation that
// the NFVO ordered did not begin before that, nor did any in the future: who has another
// clock, or wants his changes to look as if they came at another time, has no say.
func began(v *vnf, occ *sol003.VnfLcmOpOcc, now time.Time) time.Time {
	at := occ.StartTime.UTC()
	if at.After(now) {
		return now
	}
	if p := v.Pending; p != nil && p.VnfOp == occ.ID && !p.At.IsZero() {
		if at.Before(p.At) {
			return p.At
		}
	} else if now.Sub(at) > ownStart {
		return now
	}
	return at
}

// ordered notes which operation of the VNFM an operation of the NFVO led to, if it is
// the one that the VNF waits for.
func (v *vnf) ordered(vnfOp, by string) {
	if p := v.Pending; p != nil && by != "" && p.OpOccID == by && p.VnfOp == "" {
		known := *p
		known.VnfOp = vnfOp
		v.Pending = &known
	}
}

// remember notes what was told of an operation.
func (v *vnf) remember(opID, status string) {
	v.Ops = append(v.Ops, toldOp{ID: opID, Status: status})
	v.Ops = v.Ops[max(0, len(v.Ops)-keptOps):]
}

func told(v *vnf, opID, status string) bool {
	return slices.Contains(v.Ops, toldOp{ID: opID, Status: status})
}

// changeStatus is what NsChangeNotification says of a state of the VNFM's
// operation. FAILED_TEMP is no end: it is told as still begun.
func changeStatus(state sol003.LcmOperationStateType) (status sol005.LcmOpOccStatusForChangeNotificationType, final bool) {
	switch state {
	case sol003.LcmOperationStateCompleted:
		return sol005.ChangeCompleted, true
	case sol003.LcmOperationStateFailed:
		return sol005.ChangeFailed, true
	case sol003.LcmOperationStateRolledBack:
		return sol005.ChangeRolledBack, true
	}
	return sol005.ChangeStart, false
}

// changeName is the name of the VNFM's operation in NsChangeNotification.
func changeName(o sol003.LcmOperationType) sol005.LcmOpNameForChangeNotificationType {
	return sol005.LcmOpNameForChangeNotificationType("VNF_" + string(o))
}

func (s *Service) nssOf(ctx context.Context, v *vnf) ([]state.Entry[ns], error) {
	var nss []state.Entry[ns]
	for _, id := range v.NSs {
		e, err := s.nss.Get(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		nss = append(nss, e)
	}
	return nss, nil
}

// changeEvents is one NsChangeNotification for each NS that uses the VNF.
func changeEvents(id string, v *vnf, nss []state.Entry[ns], occ *sol003.VnfLcmOpOcc, status sol005.LcmOpOccStatusForChangeNotificationType, source Source, changed *Changed, at time.Time) []event {
	var events []event
	for i := range nss {
		e := newEvent(typeChange, nss[i].ID, &nss[i].Value, at, id, occ.ID, string(status))
		e.Source, e.Changed, e.Vnf = &source, changed, details(id, v, nss)
		e.Change = &sol005.NsChangeNotification{
			NsInstanceID: nss[i].ID, NsComponentType: sol005.NsComponentVnf, NsComponentID: id, LcmOpOccIDImpactingNsComponent: occ.ID,
			LcmOpNameImpactingNsComponent: changeName(occ.Operation), LcmOpOccStatusImpactingNsComponent: status,
		}
		if v.Pending != nil && v.Pending.VnfOp == occ.ID {
			e.OpOccID = v.Pending.OpOccID
		}
		if !slices.Contains(e.VnfdIDs, v.Info.VnfdID) {
			e.VnfdIDs = append(e.VnfdIDs, v.Info.VnfdID) // of a VNF that is just being added
		}
		if occ.Error != nil {
			e.Change.Error = &sol005.ProblemDetails{Title: occ.Error.Title, Status: occ.Error.Status, Detail: occ.Error.Detail}
		}
		events = append(events, e)
	}
	return events
}

func details(id string, v *vnf, nss []state.Entry[ns]) *VnfDetails {
	d := &VnfDetails{VnfInstanceID: id, VnfdID: v.Info.VnfdID, VnfPkgID: v.PkgID, VnfProfileID: v.ProfileID, Integrity: v.Integrity, Connectivity: []Connectivity{}}
	if v.Info.InstantiatedVnfInfo == nil {
		return d
	}
	link := linkOfPort(&v.Info)
	for _, cp := range v.Info.InstantiatedVnfInfo.ExtCpInfo {
		c := Connectivity{ExtCpID: cp.ID, CpdID: cp.CpdID, VirtualLinkID: link(&cp), PnfIDs: []string{}}
		for i := range nss {
			for _, l := range nss[i].Value.Links {
				if l.ID == c.VirtualLinkID {
					c.PnfIDs = append(c.PnfIDs, pnfsOn(&l)...)
				}
			}
		}
		slices.Sort(c.PnfIDs)
		c.PnfIDs = slices.Compact(c.PnfIDs)
		d.Connectivity = append(d.Connectivity, c)
	}
	return d
}

func pnfsOn(l *sol005.NsVirtualLinkInfo) []string {
	var ids []string
	for _, port := range l.LinkPort {
		if port.NsCpHandle != nil && port.NsCpHandle.PnfInfoID != "" {
			ids = append(ids, port.NsCpHandle.PnfInfoID)
		}
	}
	return ids
}

// linkOfPort tells which network at the VIM, which is the virtual link's ID, an
// external connection point is on: by its port, or else by its descriptor.
func linkOfPort(info *sol003.VnfInstance) func(*sol003.VnfExtCpInfo) string {
	byPort, byCpd := map[string]string{}, map[string]string{}
	for _, l := range info.InstantiatedVnfInfo.ExtVirtualLinkInfo {
		for _, p := range l.ExtLinkPorts {
			byPort[p.ID] = l.ResourceHandle.ResourceID
		}
		for _, cp := range l.CurrentVnfExtCpData {
			byCpd[cp.CpdID] = l.ResourceHandle.ResourceID
		}
	}
	return func(cp *sol003.VnfExtCpInfo) string {
		if id, ok := byPort[cp.ExtLinkPortID]; ok && cp.ExtLinkPortID != "" {
			return id
		}
		return byCpd[cp.CpdID]
	}
}
