package enforce

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/smgr"
)

// Plan takes an order in: it is stored, recorded and, if its level lets it be
// carried out, queued. The same order again, by its ID and decision, has no second
// effect, so who decides may repeat it after a crash. An ID that [Enforcer.Place]
// gave may be that of an order which another decision made: it takes this one in,
// and where it cannot any more the next one of the subject is made. The state that
// an order comes with is planned; shadow, recommended or waiting with a reason,
// such as a conflict, stay what they are. Errors are hub.Invalid for what is no
// order for the NFVO, and those of store, record log and queue.
func (s *Enforcer) Plan(ctx context.Context, o smgr.Order) error {
	stored, err := s.gateLevel(o)
	if err != nil {
		return err
	}
	for {
		e, fresh, err := s.create(ctx, &stored)
		if err != nil {
			return err
		}
		if fresh || e.Value.of(&stored) {
			return s.admit(ctx, e)
		}
		if stored.State != smgr.OrderShadow {
			if taken, err := s.take(ctx, &e, &stored); taken || err != nil {
				return err
			}
		}
		number := smgr.OrderNumber(stored.ID)
		if !e.Value.Numbered {
			if number, err = s.newest(ctx, &stored.Order); err != nil {
				return err
			}
		}
		stored.ID = s.numbered(&stored.Order, number+1)
	}
}

// of reports whether two orders are the same one of the same decision.
func (o *order) of(other *order) bool {
	return o.DecisionID == other.DecisionID && o.Finding == other.Finding && o.Action.Type == other.Action.Type && o.Scope.Subject == other.Scope.Subject
}

// create stores a new order, or returns what has its ID already.
func (s *Enforcer) create(ctx context.Context, o *order) (e state.Entry[order], fresh bool, err error) {
	o.Numbered = o.ID == s.numbered(&o.Order, smgr.OrderNumber(o.ID))
	o.Keyed = true
	e, err = s.orders.Create(ctx, s.TrustDomain, o.ID, o)
	fresh = err == nil
	if hub.CodeOf(err) == hub.Conflict {
		e, err = s.get(ctx, o.ID)
	}
	if err != nil {
		return e, false, fmt.Errorf("store order %s: %w", o.ID, err)
	}
	if fresh && s.Metrics.Order != nil {
		s.Metrics.Order(o.Action.Type, o.State)
	}
	return e, fresh, nil
}

// admit records an order that is stored, holds it if it contradicts one that is
// open, and queues it.
func (s *Enforcer) admit(ctx context.Context, e state.Entry[order]) error {
	for {
		if err := s.recordOrder(ctx, &e, !e.Value.working()); err != nil {
			return err
		}
		if e.Value.Seq > 1 { // it came this far before, and went on
			return s.push(ctx, &e.Value)
		}
		known := e.Value.Against // in its own decision
		_, err := s.gateConflict(ctx, &e, func(other *order) bool { return !slices.Contains(known, other.ID) })
		if err == nil {
			return s.push(ctx, &e.Value)
		}
		if !errors.Is(err, errStale) {
			return err
		}
		if e, err = s.get(ctx, e.ID); err != nil {
			return err
		}
	}
}

// gateLevel is what the level alone makes of an order.
func (s *Enforcer) gateLevel(o smgr.Order) (order, error) {
	const op = "plan order"
	if err := o.Action.Check(o.Target); err != nil {
		return order{}, hub.E(hub.Invalid, op, hub.SafeText(err), err)
	}
	if len(Needs(o.Action)) == 0 {
		return order{}, hub.E(hub.Invalid, op, fmt.Sprintf("%s is no action that the NFVO carries out", o.Action.Type), nil)
	}
	if o.ID == "" || o.Key == "" || len(o.Steps) > 0 {
		return order{}, hub.E(hub.Invalid, op, "a new order has an ID, a key and no steps", nil)
	}
	stored := order{Order: o, Seq: 1, Actor: s.identity()}
	stored.Created, stored.Updated = s.now(), s.now()
	stored.Scope.Subject = smgr.Subject(o.Action.Type, o.Target)
	switch {
	case o.State == smgr.OrderShadow, o.State == smgr.OrderPlanned && o.Level == smgr.LevelShadow:
		stored.State = smgr.OrderShadow
	case o.State == smgr.OrderRecommended:
		stored.Hold = holdAdvisory
	case o.State == smgr.OrderWaiting:
		stored.Hold = holdConflict
	case o.State != smgr.OrderPlanned:
		return order{}, hub.E(hub.Invalid, op, fmt.Sprintf("a new order is planned, shadow, recommended or waiting, not %q", o.State), nil)
	case o.Level == smgr.LevelEnforce, stored.approved():
	case o.Level == smgr.LevelApprove:
		stored.State, stored.Hold = smgr.OrderWaiting, holdPerson
		stored.Reason = reasonApprove
	case o.Level == smgr.LevelAdvise:
		stored.State, stored.Hold = smgr.OrderRecommended, holdAdvisory
		stored.Reason = "level advise: it is a recommendation; approve it to have it carried out"
	default:
		return order{}, hub.E(hub.Invalid, op, fmt.Sprintf("no order is made at level %q", o.Level), nil)
	}
	if stored.resting() {
		stored.Rests = stored.Created
	}
	return stored, nil
}

const reasonApprove = "level approve: a second person has to approve it"

// push gives an order that goes on by itself to the queue.
func (s *Enforcer) push(ctx context.Context, o *order) error {
	if !o.working() {
		return nil
	}
	err := s.Queue.Push(ctx, Item{ID: o.ID + "/" + strconv.Itoa(o.Wakes), Key: o.Key, Data: []byte(o.ID)})
	return wrap("queue order "+o.ID, err)
}

// sweep finishes what a crash cut off: records and queues orders again. An item
// that still waits is not doubled.
func (s *Enforcer) sweep(ctx context.Context) error {
	for _, id := range s.orders.Find(termOpen) {
		e, err := s.get(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		if s.now().Sub(e.Value.Updated) < s.Sweep {
			continue // somebody is at it
		}
		if !e.Value.working() {
			if err := s.recordOrder(ctx, &e, true); err != nil {
				return err
			}
		}
		if err := s.push(ctx, &e.Value); err != nil {
			return err
		}
	}
	return nil
}

// finishControl repeats the records of the last pause and the last reset.
func (s *Enforcer) finishControl(ctx context.Context) error {
	p, err := s.paused(ctx)
	if err != nil {
		return err
	}
	if err := s.recordPause(ctx, p); err != nil {
		return err
	}
	w, err := s.windows.GetIn(ctx, s.TrustDomain, theOne)
	if hub.CodeOf(err) == hub.NotFound {
		return nil
	}
	if err != nil {
		return wrap("read the limit", err)
	}
	return s.recordReset(ctx, w.Value)
}

// Get returns an order, hub.NotFound if there is none.
func (s *Enforcer) Get(ctx context.Context, id string) (smgr.Order, error) {
	e, err := s.get(ctx, id)
	return e.Value.Order, err
}

// Query narrows a list of orders; its empty members allow everything.
type Query struct {
	State        smgr.OrderState
	NsInstanceID string
	Policy       string
	DecisionID   string
}

// List yields the orders from the newest to the oldest, after the one with a given
// mark, each with its mark. Marks grow by their bytes. An error ends it; hub.Invalid
// is for a mark that is none. It reads from the store what is taken from it, so that
// a page costs a page and a look in memory at the orders that are passed.
func (s *Enforcer) List(ctx context.Context, q Query, after string) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		stamp, id, ok := strings.Cut(after, "/")
		if !ok && after != "" {
			yield(Listed{}, hub.E(hub.Invalid, "list orders", "the list was begun before the hub was renewed; begin it anew", nil))
			return
		}
		for term, id := range s.orders.InOrder(termMade, termMade+stamp, id, q.terms()...) {
			e, err := s.get(ctx, id)
			if hub.CodeOf(err) == hub.NotFound || err == nil && !q.fits(&e.Value) {
				continue
			}
			if !yield(Listed{e.Value.Order, strings.TrimPrefix(term, termMade) + "/" + id}, err) || err != nil {
				return
			}
		}
	}
}

// Listed is an order in a list.
type Listed struct {
	smgr.Order
	Mark string // its place in the list
}

// terms are what an order must have.
func (q Query) terms() (list []string) {
	for _, x := range [][2]string{{"state=", string(q.State)}, {"ns=", q.NsInstanceID}, {"policy=", q.Policy}, {"decision=", q.DecisionID}} {
		if x[1] != "" {
			list = append(list, x[0]+x[1])
		}
	}
	return list
}

func (q Query) fits(o *order) bool {
	inNs := q.NsInstanceID == ""
	for _, ns := range o.nss() {
		inNs = inNs || ns == q.NsInstanceID
	}
	return inNs && (q.State == "" || q.State == o.State) && (q.Policy == "" || q.Policy == o.Policy) && (q.DecisionID == "" || q.DecisionID == o.DecisionID)
}
