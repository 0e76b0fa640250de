package nfvo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
)

// StopUseRequest ends the use of a host (Sc-Or.SecEnforce.004;
// docs/extensions/stop-use.md).
type StopUseRequest struct {
	Vnfs       string `json:"vnfs"` // MIGRATE or TERMINATE
	Quarantine bool   `json:"quarantine,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

// HostOrder is what becomes of an order to end the use of a host. The host takes
// no new computes from the moment that the VIM knows of the order, whatever
// becomes of those on it.
type HostOrder struct {
	ID          string    `json:"id"`
	HostID      string    `json:"hostId"`
	TrustDomain string    `json:"trustDomain"` // whose VNFs it concerns; "hub": those of all
	State       string    `json:"state"`       // PROCESSING, COMPLETED, PARTIALLY_COMPLETED
	Vnfs        string    `json:"vnfs"`
	Quarantine  bool      `json:"quarantine"`
	Reason      string    `json:"reason,omitempty"`
	Source      Source    `json:"sourceOfRequest"`
	StartTime   time.Time `json:"startTime"`
	Migrated    []string  `json:"migratedVnfInstances"`
	Terminated  []string  `json:"terminatedVnfInstances"`
	Operations  []string  `json:"nsLcmOpOccIds"`
	Problems    []string  `json:"problems"`
}

// hostOrder is a stored order.
type hostOrder struct {
	HostOrder
	BodyHash string `json:"bodyHash"`
	// Plan is which VNFs are ended in which NS. It is stored before the first of
	// them ends, so that a repetition orders the same and not what is left.
	Plan    []childParams `json:"plan,omitempty"`
	Planned bool          `json:"planned,omitempty"`
	// Left is when the host of a quarantine had no VNF any more that could leave it. It
	// is stored before the first certificate ends, so that a repetition ends the same
	// and not what came since.
	Left time.Time `json:"left,omitzero"`
}

func hostOrderTerms(h *hostOrder) []string {
	if h.State == orderProcessing {
		return []string{openTerm}
	}
	return nil
}

const (
	orderProcessing = "PROCESSING"
	orderCompleted  = "COMPLETED"
	orderPartial    = "PARTIALLY_COMPLETED"

	vnfsMigrate   = "MIGRATE"
	vnfsTerminate = "TERMINATE"
)

// StopUse starts to end the use of a host. A caller of a trust domain ends it for
// its own VNFs, one of the hub for all. existing says that the same order was
// there already. After an error that is no refusal the order may be carried out all
// the same.
func (s *Service) StopUse(ctx context.Context, o Order, hostID string, in StopUseRequest) (order *HostOrder, existing bool, err error) {
	if in.Vnfs != vnfsMigrate && in.Vnfs != vnfsTerminate {
		return nil, false, hub.E(hub.Invalid, "stop use of host", "the attribute vnfs must be MIGRATE or TERMINATE", nil)
	}
	if len(in.Reason) > maxText {
		return nil, false, hub.E(hub.Invalid, "stop use of host", fmt.Sprintf("reason holds at most %d bytes; shorten it", maxText), nil)
	}
	if err := s.findHostFor(ctx, o.Actor, hostID); err != nil {
		return nil, false, err
	}
	id, err := o.operationID()
	if err != nil {
		return nil, false, err
	}
	if o.Source == (Source{}) {
		o.Source = SourceOf(o.Actor)
	}
	id = hub.DeriveID("host-order", id)
	value := hostOrder{BodyHash: bodyHash(hostID, string(params(in))), HostOrder: HostOrder{
		ID: id, HostID: hostID, TrustDomain: o.Actor.TrustDomain, State: orderProcessing, Vnfs: in.Vnfs, Quarantine: in.Quarantine, Reason: in.Reason,
		Source: o.Source, StartTime: s.now(), Migrated: []string{}, Terminated: []string{}, Operations: []string{}, Problems: []string{},
	}}
	e, err := s.orders.Create(ctx, o.Actor.TrustDomain, id, &value)
	if hub.CodeOf(err) == hub.Conflict { // the index may not have yet what the same request has just stored
		if e, err = s.orders.GetIn(ctx, o.Actor.TrustDomain, id); err == nil {
			err = s.orders.Reflected(ctx, e) // what runs the order finds it by the index
		}
		if err == nil && e.Value.BodyHash != value.BodyHash {
			err = errKeyReused()
		}
		existing = true
	}
	if err != nil {
		return nil, false, err
	}
	err = s.recordHostOrder(ctx, &e, "host.stop-use.ordered", e.Value.StartTime)
	s.goHostOrder(id) // it is recorded before anything else is done
	if err != nil {
		return nil, false, err
	}
	return &e.Value.HostOrder, existing, nil
}

// recordHostOrder records an order as it stands; again has no second effect.
func (s *Service) recordHostOrder(ctx context.Context, e *state.Entry[hostOrder], kind string, at time.Time) error {
	h := &e.Value.HostOrder
	return s.record(ctx, e.Domain, hub.Record{ID: hub.DeriveID(e.ID, kind), Kind: kind, Time: at, Actor: h.Source.Identity, Subject: "host/" + h.HostID, Data: params(h)})
}

// findHost says hub.NotFound for a host that the VIM does not have.
func (s *Service) findHost(ctx context.Context, id string) error {
	_, err := s.readHost(ctx, id)
	return err
}

func (s *Service) readHost(ctx context.Context, id string) (*ifa006.Host, error) {
	var h ifa006.Host
	_, err := s.c.VIM.Do(ctx, "GET", "/hosts/"+url.PathEscape(id), nil, &h)
	if hub.CodeOf(err) == hub.NotFound {
		return nil, noHost(id, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read host %s: %w", id, err)
	}
	return &h, nil
}

func noHost(id string, err error) error {
	return hub.E(hub.NotFound, "find host", fmt.Sprintf("the VIM has no host %q; list them with: manoward host list", clip(id)), err)
}

// findHostFor is findHost for a caller of a trust domain: a host that is reserved
// for other domains, and has nothing of this one, is not there for it.
func (s *Service) findHostFor(ctx context.Context, caller hub.Identity, id string) error {
	h, err := s.readHost(ctx, id)
	if err != nil || caller.TrustDomain == "hub" || len(h.TrustDomains) == 0 || slices.Contains(h.TrustDomains, caller.TrustDomain) {
		return err
	}
	own, err := s.vnfsOn(ctx, id, caller.TrustDomain)
	if err == nil && len(own) == 0 {
		err = noHost(id, nil)
	}
	return err
}

// Release lifts the stop of use of a host, and its quarantine.
func (s *Service) Release(ctx context.Context, caller hub.Identity, hostID string) error {
	if err := s.findHost(ctx, hostID); err != nil {
		return err
	}
	r := hub.Record{ID: hub.NewID(), Kind: "host.released", Actor: caller.String(), Subject: "host/" + hostID, Data: json.RawMessage(`{}`)}
	if err := s.record(ctx, caller.TrustDomain, r); err != nil {
		return err
	}
	if _, err := s.c.VIM.Do(ctx, "POST", "/hosts/"+url.PathEscape(hostID)+"/release", nil, nil); err != nil {
		return fmt.Errorf("release host %s: %w", hostID, err)
	}
	return nil
}

// HostOrderDomain returns the trust domain that an order was given in.
func (s *Service) HostOrderDomain(id string) (string, bool) { return s.orders.Domain(id) }

// HostOrder returns an order: hub.NotFound if there is none.
func (s *Service) HostOrder(ctx context.Context, id string) (*HostOrder, error) {
	e, err := s.orders.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound {
		return nil, hub.E(hub.NotFound, "find host order", "there is no such host order; its URI was in the answer to stop_use", nil)
	}
	return &e.Value.HostOrder, err
}

// goHostOrder lets an order run from its beginning: each of its parts finds what
// it did before.
func (s *Service) goHostOrder(id string) {
	s.behind("host/"+id, func(ctx context.Context) {
		defer s.forget("host/" + id)
		defer s.forget("op/" + id) // its operations wake it by this name
		for {
			err := s.runHostOrder(ctx, id)
			if err == nil || ctx.Err() != nil {
				return
			}
			s.c.Log.Warn("the end of a host's use cannot go on for now; it is tried again", "hostOrderId", id, "err", err)
			if s.pause(ctx, "host/"+id, s.c.Poll) != nil {
				return
			}
		}
	})
}

func (s *Service) runHostOrder(ctx context.Context, id string) error {
	e, err := s.orders.Get(ctx, id)
	if err != nil || e.Value.State != orderProcessing {
		return ignoreGone(err)
	}
	if err := s.recordHostOrder(ctx, &e, "host.stop-use.ordered", e.Value.StartTime); err != nil {
		return err
	}
	h := &e.Value
	h.Problems = []string{}
	job, err := s.stopAtVim(ctx, h)
	if code := hub.CodeOf(err); code == hub.Unavailable || code == hub.RateLimited || code == hub.Internal {
		return err
	}
	if err != nil {
		h.Problems = append(h.Problems, hub.SafeText(err))
		return s.endHostOrder(ctx, &e)
	}
	if h.Vnfs == vnfsTerminate {
		err = s.terminateOn(ctx, h)
	} else {
		err = s.migrated(ctx, h, job)
	}
	if err == nil {
		err = s.revokeOn(ctx, h)
	}
	if err != nil {
		return err
	}
	return s.endHostOrder(ctx, &e)
}

// revokeOn has the certificates revoked of all VNFs that were on a host that is
// quarantined: those that left it, and those that are there still. Of those that
// were ended, the CMF learns that too; whoever is first, the certificates end.
func (s *Service) revokeOn(ctx context.Context, h *hostOrder) error {
	if !h.Quarantine || s.c.Quarantined == nil {
		return nil
	}
	domain := h.TrustDomain
	if domain == "hub" {
		domain = ""
	}
	ids, err := s.vnfsOn(ctx, h.HostID, domain)
	if err != nil {
		return err
	}
	if h.Left.IsZero() {
		now := s.now()
		if _, err := s.orders.Update(ctx, h.ID, func(v *hostOrder) error { v.Left = now; return nil }); err != nil {
			return err
		}
		h.Left = now
	}
	for _, id := range slices.Concat(ids, h.Migrated) {
		of, there := s.vnfs.Domain(id)
		if !there {
			continue
		}
		err := s.c.Quarantined(ctx, of, id, h.Left)
		if code := hub.CodeOf(err); code == hub.Unavailable || code == hub.RateLimited || code == hub.Internal {
			return fmt.Errorf("revoke the certificates of VNF %s: %w", id, err)
		}
		if err != nil {
			h.Problems = append(h.Problems, fmt.Sprintf("the certificates of VNF %s are not revoked: %s", id, hub.SafeText(err)))
		}
	}
	return nil
}

// stopAtVim tells the VIM, and waits until it has done its part.
func (s *Service) stopAtVim(ctx context.Context, h *hostOrder) (*ifa006.Job, error) {
	in := ifa006.StopUseRequest{ID: hub.DeriveID(h.ID, "vim"), Computes: "LEAVE", Quarantine: h.Quarantine, Reason: h.Reason}
	if h.Vnfs == vnfsMigrate {
		in.Computes = "MIGRATE"
	}
	if h.TrustDomain != "hub" {
		in.TrustDomain = h.TrustDomain
	}
	if _, err := s.c.VIM.Do(ctx, "POST", "/hosts/"+url.PathEscape(h.HostID)+"/stop_use", in, nil); err != nil {
		return nil, fmt.Errorf("stop use of host %s: %w", h.HostID, err)
	}
	for {
		var job ifa006.Job
		if _, err := s.c.VIM.Do(ctx, "GET", "/jobs/"+in.ID, nil, &job); err != nil {
			return nil, fmt.Errorf("follow job %s: %w", in.ID, err)
		}
		if job.State != "PROCESSING" {
			return &job, nil
		}
		if err := s.pause(ctx, "host/"+h.ID, s.c.Poll); err != nil {
			return nil, err
		}
	}
}

// terminateOn ends the VNFs on the host, by one Update NS for each NS.
func (s *Service) terminateOn(ctx context.Context, h *hostOrder) error {
	if err := s.planHostOrder(ctx, h); err != nil {
		return err
	}
	for _, p := range h.Plan {
		opID := hub.DeriveID(h.ID, p.NsID)
		h.Operations = union(h.Operations, opID)
		problem, err := s.removeIn(ctx, p, opID, h.ID, h.Source)
		if err != nil {
			return err
		}
		if problem != "" {
			h.Problems = append(h.Problems, problem)
		}
	}
	for _, p := range h.Plan {
		for _, id := range p.VnfIDs {
			if _, there := s.vnfs.Domain(id); !there {
				h.Terminated = union(h.Terminated, id)
			}
		}
	}
	return nil
}

// planHostOrder finds, once, what is to be ended.
func (s *Service) planHostOrder(ctx context.Context, h *hostOrder) error {
	if h.Planned {
		return nil
	}
	domain := h.TrustDomain
	if domain == "hub" {
		domain = ""
	}
	ids, err := s.vnfsOn(ctx, h.HostID, domain)
	if err != nil {
		return err
	}
	steps, err := s.endEverywhere(ctx, ids, "")
	if err != nil {
		return err
	}
	for i := range steps {
		var p childParams
		if err := json.Unmarshal(steps[i].Body, &p); err != nil {
			return fmt.Errorf("read plan of host order: %w", err)
		}
		h.Plan = append(h.Plan, p)
	}
	h.Planned = true
	_, err = s.orders.Update(ctx, h.ID, func(v *hostOrder) error { v.Plan, v.Planned = h.Plan, true; return nil })
	return err
}

func union(list []string, id string) []string {
	set := map[string]bool{id: true}
	for _, other := range list {
		set[other] = true
	}
	return sortedKeys(set)
}

// migrated tells of the VNFs that the VIM moved. What could not be moved stays
// where it is, as a problem of the order.
func (s *Service) migrated(ctx context.Context, h *hostOrder, job *ifa006.Job) error {
	for _, computeID := range job.Migrated {
		for _, id := range s.vnfs.Find("compute=" + computeID) {
			if err := s.tellMigration(ctx, h, id); err != nil {
				return err
			}
			h.Migrated = union(h.Migrated, id)
		}
	}
	for _, computeID := range job.Remaining {
		h.Problems = append(h.Problems, "compute "+computeID+" could not be migrated and stays on the host")
	}
	h.Problems = append(h.Problems, job.Problems...)
	return nil
}

// tellMigration tells of a VNF's new place. SOL 005 has no name for a migration:
// it is told as VNF_MODIFY_INFO, with the order in place of the operation, and
// manoward.change has the places.
func (s *Service) tellMigration(ctx context.Context, h *hostOrder, id string) error {
	info, places, err := s.look(ctx, id)
	if err != nil {
		return ignoreGone(err)
	}
	e, err := s.vnfs.Get(ctx, id)
	if err != nil {
		return ignoreGone(err)
	}
	nss, err := s.nssOf(ctx, &e.Value)
	if err != nil {
		return err
	}
	occ := &sol003.VnfLcmOpOcc{ID: h.ID, VnfInstanceID: id, Operation: sol003.LcmOperationModifyInfo}
	_, err = s.vnfs.Update(ctx, id, func(v *vnf) error {
		if told(v, h.ID, string(sol005.ChangeCompleted)) {
			return nil
		}
		changed := compare(v, &info, places)
		v.Info, v.Places = info, places
		v.Ops = append(v.Ops, toldOp{ID: h.ID, Status: string(sol005.ChangeCompleted)})
		v.Events = append(v.Events, changeEvents(id, v, nss, occ, sol005.ChangeCompleted, h.Source, changed, s.now())...)
		return nil
	})
	if err != nil {
		return ignoreGone(err)
	}
	return s.flushVnf(ctx, id)
}

func (s *Service) endHostOrder(ctx context.Context, e *state.Entry[hostOrder]) error {
	e.Value.State = orderCompleted
	if len(e.Value.Problems) > 0 {
		e.Value.State = orderPartial
	}
	h := e.Value.HostOrder
	if err := s.recordHostOrder(ctx, e, "host.stop-use.ended", s.now()); err != nil {
		return err
	}
	_, err := s.orders.Update(ctx, e.ID, func(v *hostOrder) error { v.HostOrder = h; return nil })
	return err
}
