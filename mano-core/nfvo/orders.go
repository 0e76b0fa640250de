package nfvo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
)

// Order says who orders an operation of an NS, and how an order that comes twice
// is told from a new one.
type Order struct {
	Actor          hub.Identity
	Source         Source // zero: what [SourceOf] says of Actor
	IdempotencyKey string // optional, of the actor's choice
	NsInstanceID   string

	id     string // of an operation that another one starts
	parent string
	auto   bool
}

// MaxKey is the longest idempotency key, in bytes.
const MaxKey = 255

// plan is the steps of an operation, made from the NS as it stands.
type planner func(ctx context.Context, e *state.Entry[ns]) ([]step, error)

// start records an operation, makes it hold its NS and lets it run. existing
// says that the order was there already. Its errors are hub.NotFound (no such
// NS), hub.Conflict (another operation holds the NS, or its state forbids it)
// and hub.Unprocessable (the key was used for another order), and those of plan.
func (s *Service) start(ctx context.Context, o Order, t sol005.NsLcmOpType, name string, request any, plan planner) (id string, existing bool, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return "", false, fmt.Errorf("encode the order: %w", err)
	}
	id, err = o.operationID()
	if err != nil {
		return "", false, err
	}
	hash := bodyHash(o.NsInstanceID, string(t), string(body))
	lock := s.startLock(o.NsInstanceID)
	lock.Lock()
	defer lock.Unlock()
	if existing, err = s.startedBefore(ctx, id, hash, o.NsInstanceID); existing || err != nil {
		return id, existing, err
	}
	if o.Source == (Source{}) {
		o.Source = SourceOf(o.Actor)
	}
	value := op{
		NsID: o.NsInstanceID, Type: t, Name: name, State: sol005.NsLcmOperationStateProcessing, Entered: s.now(), Started: s.now(),
		Params: body, BodyHash: hash, Source: o.Source, Auto: o.auto, Parent: o.parent,
	}
	if err := s.claim(ctx, id, value, plan); err != nil {
		return "", false, err
	}
	s.goRun(id)
	return id, false, nil
}

func (o *Order) operationID() (string, error) {
	switch {
	case o.id != "":
		return o.id, nil
	case len(o.IdempotencyKey) > MaxKey:
		return "", hub.E(hub.Invalid, "read Idempotency-Key", fmt.Sprintf("the header Idempotency-Key is longer than %d bytes; send a shorter one", MaxKey), nil)
	case o.IdempotencyKey != "":
		return hub.DeriveID("ns-operation", o.Actor.String(), o.IdempotencyKey), nil
	}
	return hub.NewID(), nil
}

func bodyHash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Ordered says whether an Idempotency-Key of a caller names an order that was
// taken. What such an order was about may be gone by now.
func (s *Service) Ordered(ctx context.Context, actor hub.Identity, key string) (bool, error) {
	o := Order{Actor: actor, IdempotencyKey: key}
	id, err := o.operationID()
	if err != nil || key == "" {
		return false, err
	}
	e, err := s.ops.Get(ctx, id)
	return err == nil && e.Value.Claimed, ignoreGone(err)
}

// startedBefore finds the operation of a repeated order. One that was cut off
// before it held its NS is dropped: nobody was told of it.
func (s *Service) startedBefore(ctx context.Context, id, hash, nsID string) (bool, error) {
	e, err := s.ops.Get(ctx, id)
	if err != nil {
		return false, ignoreGone(err)
	}
	if e.Value.BodyHash != hash {
		return false, errKeyReused()
	}
	if e.Value.Claimed {
		return true, nil
	}
	return false, s.discard(ctx, id, nsID)
}

func errKeyReused() error {
	return hub.E(hub.Unprocessable, "read Idempotency-Key", "this Idempotency-Key was used for another order; send the same body, or another key", nil)
}

// drop takes back an operation that was cut off before it held its NS for anyone to see,
// and records that: the record that it started may be there.
func (s *Service) drop(ctx context.Context, id, nsID string) error {
	n, err := s.nss.Get(ctx, nsID)
	if err := ignoreGone(err); err != nil {
		return fmt.Errorf("read NS %s: %w", nsID, err)
	}
	if err == nil && n.Value.Running == id { // else it was not recorded
		o, err := s.ops.Get(ctx, id)
		if err := ignoreGone(err); err != nil {
			return fmt.Errorf("read operation %s: %w", id, err)
		}
		if err == nil {
			if err := s.record(ctx, o.Domain, operationRecord(kindDropped, id, &o.Value)); err != nil {
				return err
			}
		}
	}
	return s.discard(ctx, id, nsID)
}

// kindDropped is the kind of the record that an operation never began: it is of one
// whose start may be recorded, and of which nothing was done and nobody was told.
const kindDropped = "ns.operation.dropped"

// discard takes back an operation that does not hold its NS for anyone to see.
func (s *Service) discard(ctx context.Context, id, nsID string) error {
	_, err := s.nss.Update(ctx, nsID, func(n *ns) error {
		if n.Running == id {
			n.Running = ""
		}
		return nil
	})
	if err := ignoreGone(err); err != nil {
		return fmt.Errorf("release NS %s: %w", nsID, err)
	}
	return ignoreGone(s.ops.Delete(ctx, id, nil))
}

// claim stores the operation, then makes it the one that holds the NS as it was
// when the plan was made, then records it, then shows it.
func (s *Service) claim(ctx context.Context, id string, value op, plan planner) error {
	var e state.Entry[ns]
	for {
		var err error
		if e, err = s.seen(ctx, value.NsID); err != nil {
			return err
		}
		if e.Value.Deleting != nil {
			return hub.E(hub.Conflict, "start NS operation", "the NS is being deleted; create another one", nil)
		}
		if running := e.Value.Running; running != "" && running != id {
			if err := s.release(ctx, running); err != nil {
				return err
			}
			continue
		}
		if value.Steps, err = plan(ctx, &e); err != nil {
			return err
		}
		if err := s.putOp(ctx, e.Domain, id, &value); err != nil {
			return err
		}
		e.Value.Running = id
		_, err = s.nss.Replace(ctx, e)
		if hub.CodeOf(err) == hub.Precondition && ctx.Err() == nil {
			continue // changed meanwhile: look and plan again
		}
		if err != nil {
			return s.takeBack(id, value.NsID, err)
		}
		break
	}
	// What the last operation has to tell goes out before what this one has.
	if err := s.flushOpsOf(ctx, value.NsID); err != nil {
		return s.takeBack(id, value.NsID, err)
	}
	if err := s.record(ctx, e.Domain, startedRecord(id, &value)); err != nil {
		return s.takeBack(id, value.NsID, err)
	}
	_, err := s.ops.Update(ctx, id, func(o *op) error {
		o.Claimed = true
		o.Events = append(o.Events, opEvent(id, o, &e.Value, statusStart, s.now()))
		return nil
	})
	if err != nil {
		return s.takeBack(id, value.NsID, err)
	}
	return nil
}

// release frees an NS from an operation that has ended and is not closed yet, so
// that who saw it end can order the next thing at once; from any other it is
// refused.
func (s *Service) release(ctx context.Context, running string) error {
	e, err := s.ops.Get(ctx, running)
	if err := ignoreGone(err); err != nil {
		return err
	}
	if err != nil || !ended(e.Value.State) || e.Value.Closed {
		return errRunning(running)
	}
	return s.closeOp(ctx, &e)
}

// putOp stores the operation that is being planned, or planned again.
func (s *Service) putOp(ctx context.Context, domain, id string, value *op) error {
	if _, there := s.ops.Domain(id); there {
		_, err := s.ops.Update(ctx, id, func(o *op) error { *o = *value; return nil })
		return err
	}
	_, err := s.ops.Create(ctx, domain, id, value)
	return err
}

// takeBack discards an operation that could not be begun. What it cannot take
// back Resume does.
func (s *Service) takeBack(id, nsID string, cause error) error {
	if err := s.drop(s.work, id, nsID); err != nil {
		s.c.Log.Warn("an operation that was not begun is still stored; it is dropped at the next start", "nsLcmOpOccId", id, "err", err)
	}
	return cause
}

func noNs(err error) error {
	if hub.CodeOf(err) == hub.NotFound {
		return hub.E(hub.NotFound, "find NS instance", "there is no such NS instance; list them with GET /ns_instances", nil)
	}
	return err
}

func errRunning(id string) error {
	return hub.E(hub.Conflict, "start NS operation", "operation "+id+" holds this NS; wait until it has ended, or end it with its retry, rollback, continue, cancel or fail", nil)
}

func startedRecord(id string, o *op) hub.Record {
	return operationRecord("ns.operation.started", id, o)
}

func operationRecord(kind, id string, o *op) hub.Record {
	data, _ := json.Marshal(map[string]any{ // strings and JSON that was checked: cannot fail
		"nsLcmOpOccId": id, "nsInstanceId": o.NsID, "operation": o.Type, "name": o.Name, "state": o.State,
		"source": o.Source, "isAutomaticInvocation": o.Auto, "parent": o.Parent, "params": o.Params, "error": o.Error,
	})
	return hub.Record{ID: hub.DeriveID(id, kind), Kind: kind, Actor: o.Source.Identity, Subject: "ns/" + o.NsID, Data: data}
}
