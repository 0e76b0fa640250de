package nfvo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
)

// An NS comes and goes by an intent that is stored first: then it is recorded,
// then seen or told, then gone. So a record never stands without its NS, nor is an
// end told of an NS that stays. What was begun is finished by itself, by Resume if
// the process was killed; whether its client asks again does not matter.

// maxText bounds names and descriptions that a client chooses, in bytes.
const maxText = 1024

// CreateNs makes the identifier of a new NS (SOL 005 clause 6.4.2.3.1). The NS
// belongs to the trust domain of its NSD; domain is what the caller may see,
// "hub" for all. The same key with the same request answers the same NS. After an
// error that is no refusal, such as hub.Unavailable, the NS may come to be all the
// same.
func (s *Service) CreateNs(ctx context.Context, caller hub.Identity, in sol005.CreateNsRequest, key string) (*NsInstance, error) {
	if err := checkCreate(&in); err != nil {
		return nil, err
	}
	nsd, err := s.FindNSD(ctx, caller.TrustDomain, in.NsdID)
	if err != nil {
		return nil, err
	}
	o := Order{Actor: caller, IdempotencyKey: key}
	id, err := o.operationID()
	if err != nil {
		return nil, err
	}
	id = hub.DeriveID("ns", id)
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	n := ns{
		Name: in.NsName, Description: in.NsDescription, NsdID: in.NsdID, NsdInfoID: nsd.InfoID, BodyHash: bodyHash("create", string(body)),
		State: notInstantiated, Creating: &intent{By: caller.String(), At: s.now()},
	}
	n.Events = []event{newEvent(typeIDCreated, id, &n, n.Creating.At)}
	if err := s.storeNew(ctx, nsd, id, &n); err != nil {
		return nil, err
	}
	return s.Instance(ctx, id)
}

// storeNew stores a new NS and shows it, or finds the one that the same request
// made before.
func (s *Service) storeNew(ctx context.Context, nsd NSD, id string, n *ns) error {
	lock := s.startLock(id)
	lock.Lock()
	defer lock.Unlock()
	e, err := s.nss.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound {
		if nsd.Disabled {
			return errNsdDisabled("create NS")
		}
		e, err = s.nss.Create(ctx, nsd.Domain, id, n)
		switch hub.CodeOf(err) {
		case "":
			err = s.stillEnabled(ctx, &e)
		case hub.Conflict: // another process was first
			if e, err = s.nss.GetIn(ctx, nsd.Domain, id); err == nil {
				err = s.nss.Reflected(ctx, e) // what follows finds it by the index
			}
		}
	}
	if err == nil && e.Value.BodyHash != n.BodyHash {
		err = errKeyReused()
	}
	if err != nil {
		return err
	}
	return s.settleOrLater(ctx, id)
}

// stillEnabled looks at the NSD again after an NS of it was stored: one that is
// ENABLED then is not deleted any more while the NS is there. Otherwise the NS is
// dropped, of which nobody knows.
func (s *Service) stillEnabled(ctx context.Context, e *state.Entry[ns]) error {
	now, err := s.FindNSD(ctx, e.Domain, e.Value.NsdID)
	if err == nil && (now.Disabled || now.InfoID != e.Value.NsdInfoID) {
		err = errNsdDisabled("create NS")
	}
	if err != nil {
		return errors.Join(err, ignoreGone(s.nss.Delete(s.work, e.ID, nil)))
	}
	return nil
}

func errNsdDisabled(op string) error {
	return hub.E(hub.Conflict, op, "the NSD is DISABLED; enable it first", nil)
}

func checkCreate(in *sol005.CreateNsRequest) error {
	switch {
	case in.NsdID == "":
		return hub.E(hub.Invalid, "create NS", "the attribute nsdId is missing; name an on-boarded NSD", nil)
	case in.NsName == "":
		return hub.E(hub.Invalid, "create NS", "the attribute nsName is missing; give the NS a name", nil)
	case len(in.NsName) > maxText || len(in.NsDescription) > maxText || len(in.NsdID) > maxText:
		return hub.E(hub.Invalid, "create NS", fmt.Sprintf("nsdId, nsName and nsDescription hold at most %d bytes each; shorten them", maxText), nil)
	}
	return nil
}

// DeleteNs deletes the identifier of an NS that is not instantiated: hub.Conflict
// for one that is, or that an operation holds. After an error that is no refusal
// the NS may go all the same; until it is gone nothing can be done with it.
func (s *Service) DeleteNs(ctx context.Context, caller hub.Identity, id string) error {
	e, err := s.seen(ctx, id)
	if err != nil {
		return err
	}
	if e.Value.Running != "" {
		if err := s.release(ctx, e.Value.Running); err != nil {
			return err
		}
	}
	lock := s.startLock(id)
	lock.Lock()
	defer lock.Unlock()
	_, err = s.nss.Update(ctx, id, func(n *ns) error {
		if n.Deleting != nil {
			return nil
		}
		n.Deleting = &intent{By: caller.String(), At: s.now()}
		n.Events = append(n.Events, newEvent(typeIDDeleted, id, n, n.Deleting.At))
		return n.mayGo()
	})
	if err != nil {
		return noNs(err)
	}
	return s.settleOrLater(ctx, id)
}

// mayGo refuses the deletion of an NS of which there is more than its identifier.
func (n *ns) mayGo() error {
	switch {
	case n.Running != "":
		return errRunning(n.Running)
	case n.State != notInstantiated:
		return hub.E(hub.Conflict, "delete NS", "the NS is instantiated; terminate it first", nil)
	case n.leftOver():
		return hub.E(hub.Conflict, "delete NS", "an instantiation that failed has left parts of the NS; terminate it first, which takes them away", nil)
	}
	return nil
}

// settleOrLater does what was decided of an NS, now or, if it cannot be done for
// now, behind the answer until it is done. The caller holds the NS's lock.
func (s *Service) settleOrLater(ctx context.Context, id string) error {
	err := s.finish(ctx, id)
	if err != nil {
		s.behind("ns/"+id, func(ctx context.Context) {
			defer s.forget("ns/" + id)
			for err := s.settleNs(ctx, id); err != nil; err = s.settleNs(ctx, id) {
				s.c.Log.Warn("what was begun with an NS cannot be finished for now; it is tried again", "nsInstanceId", id, "err", err)
				if s.pause(ctx, "ns/"+id, s.c.Poll) != nil {
					return
				}
			}
		})
	}
	return err
}

// settleNs is finish for who does not hold the NS's lock.
func (s *Service) settleNs(ctx context.Context, id string) error {
	lock := s.startLock(id)
	lock.Lock()
	defer lock.Unlock()
	return s.finish(ctx, id)
}

// finish does what was decided of an NS and tells what there is to tell. Again it
// does what is left of it.
func (s *Service) finish(ctx context.Context, id string) error {
	e, err := s.nss.Get(ctx, id)
	if err != nil {
		return ignoreGone(err)
	}
	switch n := &e.Value; {
	case n.Creating != nil:
		return s.reveal(ctx, &e)
	case n.Deleting != nil:
		return s.vanish(ctx, &e)
	case len(n.Events) == 0:
		return nil
	}
	if err := s.publish(ctx, e.Domain, e.Value.Events); err != nil {
		return err
	}
	_, err = s.nss.Update(ctx, id, func(n *ns) error {
		n.Events = dropTaken(n.Events, e.Value.Events)
		return nil
	})
	return ignoreGone(err)
}

// reveal records a new NS and lets it be seen. One whose NSD is gone was cut off
// before it was recorded, for from then on it keeps its NSD: it is dropped.
func (s *Service) reveal(ctx context.Context, e *state.Entry[ns]) error {
	nsd, err := s.FindNSD(ctx, e.Domain, e.Value.NsdID)
	if hub.CodeOf(err) == hub.NotFound || err == nil && nsd.InfoID != e.Value.NsdInfoID {
		return ignoreGone(s.nss.Delete(ctx, e.ID, nil))
	}
	if err != nil {
		return err
	}
	if err := s.record(ctx, e.Domain, nsRecord("ns.created", e, e.Value.Creating)); err != nil {
		return err
	}
	if _, err := s.nss.Update(ctx, e.ID, func(n *ns) error { n.Creating = nil; return nil }); err != nil {
		return err
	}
	return s.finish(ctx, e.ID)
}

// vanish records the end of an NS, tells what its operations and it have to tell,
// and deletes it.
func (s *Service) vanish(ctx context.Context, e *state.Entry[ns]) error {
	if err := s.record(ctx, e.Domain, nsRecord("ns.deleted", e, e.Value.Deleting)); err != nil {
		return err
	}
	if err := s.flushOpsOf(ctx, e.ID); err != nil {
		return err
	}
	if err := s.publish(ctx, e.Domain, e.Value.Events); err != nil {
		return err
	}
	return ignoreGone(s.nss.Delete(ctx, e.ID, nil))
}

func nsRecord(kind string, e *state.Entry[ns], why *intent) hub.Record {
	data := params(map[string]string{"nsInstanceId": e.ID, "nsdId": e.Value.NsdID, "nsInstanceName": e.Value.Name})
	return hub.Record{ID: hub.DeriveID(e.ID, kind), Kind: kind, Time: why.At, Actor: why.By, Subject: "ns/" + e.ID, Data: data}
}
