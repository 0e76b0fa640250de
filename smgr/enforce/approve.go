package enforce

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// Approve is a second person's yes to an order that waits or is recommended; it
// is then carried out, once, whatever its level and the limits. The second
// person is an operator who is not among the authors of the policies' coming to
// act ([Config].Authors). Errors: hub.Denied (not a second person, or nobody),
// hub.Conflict (the order is in another state, the mode or the NFVO does not
// allow it) and hub.NotFound. The same person's yes again, after a call that
// was cut off, finishes it.
func (s *Enforcer) Approve(ctx context.Context, id, who, reason string) error {
	return s.judge(ctx, "approve order", id, smgr.Approval{By: who, Approved: true, Reason: reason})
}

// Reject is a person's no to an order that waits or is recommended, which ends
// it. Errors are those of Approve; anybody may say no.
func (s *Enforcer) Reject(ctx context.Context, id, who, reason string) error {
	return s.judge(ctx, "reject order", id, smgr.Approval{By: who, Reason: reason})
}

func (s *Enforcer) judge(ctx context.Context, op, id string, a smgr.Approval) error {
	if err := person(op, a.By, a.Reason); err != nil {
		return err
	}
	for {
		e, err := s.get(ctx, id)
		if err != nil {
			return err
		}
		o := &e.Value
		if err := s.recordOrder(ctx, &e, !o.working()); err != nil {
			return err
		}
		if said := o.Approval; said != nil && said.By == a.By && said.Approved == a.Approved && (o.State == smgr.OrderPlanned || o.State == smgr.OrderRejected) {
			return s.push(ctx, o) // the same word again
		}
		if err := s.mayJudge(ctx, op, o, a); err != nil {
			return err
		}
		a.At = s.now()
		err = s.transition(ctx, &e, a.By, func(o *order) {
			o.Approval, o.Hold = &a, holdNone
			if a.Approved {
				o.State, o.Reason = smgr.OrderPlanned, "approved by "+a.By
				o.Wakes++
			} else {
				o.State, o.Reason = smgr.OrderRejected, "rejected by "+a.By
			}
		})
		switch {
		case errors.Is(err, errStale):
			continue
		case err != nil:
			return wrap(op, err)
		case !a.Approved:
			return s.release(ctx, &e.Value)
		}
		return s.push(ctx, &e.Value)
	}
}

// mayJudge says why a person cannot decide on an order as it stands.
func (s *Enforcer) mayJudge(ctx context.Context, op string, o *order, a smgr.Approval) error {
	if o.State != smgr.OrderWaiting && o.State != smgr.OrderRecommended {
		text := fmt.Sprintf("the order is %s; only one that is waiting or recommended can be approved or rejected", o.State)
		if o.Approval != nil {
			text = fmt.Sprintf("the order is %s and %s has decided on it already", o.State, o.Approval.By)
		}
		return hub.E(hub.Conflict, op, text, nil)
	}
	if !a.Approved {
		return nil
	}
	if id, err := hub.ParseIdentity(a.By); err != nil || id.Kind != hub.KindOperator {
		return hub.E(hub.Denied, op, a.By+" is no operator; a person has to approve it by name, such as spiffe://hub/operator/anna", err)
	}
	if o.Hold == holdPaused {
		return hub.E(hub.Conflict, op, "the order waits because the Security Manager is paused; it goes on by itself when that is resumed", nil)
	}
	authors, err := s.Authors(ctx, o.Order)
	if err != nil {
		return hub.E(hub.Unavailable, op, "it cannot be found out who brought the policy to act, so nobody can be the second person; try again", err)
	}
	if slices.Contains(authors, a.By) {
		return hub.E(hub.Denied, op, a.By+" brought this policy to act and cannot approve what it asks for; a second person has to", nil)
	}
	return s.allowedNow(ctx, op, o)
}

// allowedNow refuses what would only come back as a recommendation.
func (s *Enforcer) allowedNow(ctx context.Context, op string, o *order) error {
	mode, err := s.Mode(ctx)
	if err != nil {
		return hub.E(hub.Unavailable, op, "the mode of the Security Manager is not known; try again", err)
	}
	if why := forbids(mode, o.Action); why != "" {
		return hub.E(hub.Conflict, op, why, nil)
	}
	return nil
}
