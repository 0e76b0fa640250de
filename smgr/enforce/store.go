package enforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/smgr"
)

// hold says what an order waits for, or why it is a recommendation.
type hold string

const (
	holdNone     hold = ""
	holdPerson   hold = "person"   // its level
	holdConflict hold = "conflict" // another order contradicts it
	holdMode     hold = "mode"     // of the Security Manager
	holdLimit    hold = "limit"    // of destructive orders
	holdMinimum  hold = "minimum"  // of instances of a VNF profile
	holdPaused   hold = "paused"   // goes on by itself
	holdAdvisory hold = "advisory" // its level
)

// order is an order as it is stored.
type order struct {
	smgr.Order
	Numbered bool `json:"numbered"` // its ID is that of [smgr.OrderID]
	// Keyed says that its requests name its decision too. Orders of before do not,
	// and go on under the keys that the NFVO may know.
	Keyed    bool   `json:"keyed,omitempty"`
	Seq      int    `json:"seq"`      // transitions so far; names the record of the last one
	Recorded int    `json:"recorded"` // the last one that is known to be recorded; at least Seq-1
	Actor    string `json:"actor"`    // of the last transition
	Hold     hold   `json:"hold,omitempty"`
	Wakes    int    `json:"wakes,omitempty"` // how often it was given back to the queue by a person
	// Made when its steps are planned, so that each repetition of a request has
	// the same body.
	Foreign bool `json:"foreign,omitempty"` // the NFVO is not one of ours
	Blocked int  `json:"blocked,omitempty"` // conflicts in a row that no other operation explains
	Alarmed bool `json:"alarmed,omitempty"` // the alarm on its present step was raised
	// Rests says since when nothing happens without a person.
	Rests time.Time `json:"rests,omitzero"`
}

// working reports whether the order goes on by itself.
func (o *order) working() bool {
	return o.State == smgr.OrderPlanned || o.State == smgr.OrderRunning || o.State == smgr.OrderWaiting && o.Hold == holdPaused
}

// resting reports whether nothing happens to the order without a person.
func (o *order) resting() bool { return !o.working() && !o.State.Final() }

// approved reports whether a person wants it carried out.
func (o *order) approved() bool { return o.Approval != nil && o.Approval.Approved }

// terms are what an order is found by.
func (o *order) terms() []string {
	t := []string{"state=" + string(o.State), "policy=" + o.Policy, "decision=" + o.DecisionID, termMade + stamp(o.Created)}
	for _, ns := range o.nss() {
		t = append(t, "ns="+ns)
	}
	if o.working() || o.Recorded < o.Seq {
		t = append(t, termOpen)
	}
	if o.Numbered {
		t = append(t, termSubject(&o.Order))
	}
	if o.State.Final() {
		return t
	}
	if o.resting() {
		t = append(t, termRests)
	}
	t = append(t, termAt(&o.Order))
	for _, touch := range o.Touches() {
		t = append(t, termTouch+touch)
	}
	return t
}

// stamp is a time as text, what is newer first.
func stamp(t time.Time) string {
	return fmt.Sprintf("%016x", uint64(math.MaxInt64-max(t.UnixNano(), 0)))
}

const (
	termMade  = "made="  // the stamp of when it was made: lists are in this order
	termOpen  = "open"   // what a process has to look at when it starts
	termRests = "rests"  // what waits for a person
	termTouch = "touch=" // of an order that is not final: see [smgr.Order.Touches]
)

// termSubject finds all orders of an action on a subject that have a number,
// termAt those that are not final.
func termSubject(o *smgr.Order) string {
	return "subject=" + string(o.Action.Type) + " " + o.Scope.Subject
}
func termAt(o *smgr.Order) string { return "at=" + string(o.Action.Type) + " " + o.Scope.Subject }

// nss lists the NSs that the order is about.
func (o *order) nss() []string {
	var list []string
	if o.Target.NsInstanceID != "" {
		list = append(list, o.Target.NsInstanceID)
	}
	for _, st := range o.Steps {
		if ns, ok := strings.CutPrefix(st.Name, stepRemove); ok && !slices.Contains(list, ns) {
			list = append(list, ns)
		}
	}
	return list
}

// errStale says that somebody else changed the order meanwhile. It is no code of
// hub's, which an NFVO's answer could have too.
var errStale = errors.New("the order was changed meanwhile")

// transition changes an order in the store, then records it. errStale says that
// it was changed by somebody else, and not here. Whoever comes
// back to an order after a crash records its last transition first.
func (s *Enforcer) transition(ctx context.Context, e *state.Entry[order], actor string, change func(*order)) error {
	before := e.Value.State
	rested := e.Value.resting()
	change(&e.Value)
	if e.Value.resting() && (!rested || e.Value.State != before) {
		e.Value.Rests = s.now()
	}
	e.Value.Recorded = e.Value.Seq
	e.Value.Seq++
	e.Value.Actor, e.Value.Updated = actor, s.now()
	if err := s.store(ctx, e); err != nil {
		return err
	}
	if e.Value.State != before && s.Metrics.Order != nil {
		s.Metrics.Order(e.Value.Action.Type, e.Value.State)
	}
	return s.recordOrder(ctx, e, !e.Value.working())
}

func (s *Enforcer) store(ctx context.Context, e *state.Entry[order]) error {
	next, err := s.orders.Replace(ctx, *e)
	if hub.CodeOf(err) == hub.Precondition {
		return errStale
	}
	if err != nil {
		return fmt.Errorf("store order %s: %w", e.ID, err)
	}
	*e = next
	return nil
}

// recordOrder records an order's last transition. note also stores that this was
// done: of an order that rests, so that it is not looked for, and of one that is
// tried again, because the log knows a repetition only for a while.
func (s *Enforcer) recordOrder(ctx context.Context, e *state.Entry[order], note bool) error {
	o := &e.Value
	if o.Recorded >= o.Seq {
		return nil
	}
	data, err := json.Marshal(o.Order)
	if err != nil {
		return fmt.Errorf("encode order %s: %w", o.ID, err)
	}
	err = s.append(ctx, hub.Record{
		ID:   hub.DeriveID("sm.order", s.TrustDomain, s.Name, o.ID, strconv.Itoa(o.Seq)),
		Kind: "sm.order", Time: o.Updated, Actor: o.Actor, Subject: "order/" + o.ID, Data: data,
	})
	if err != nil || !note {
		return err
	}
	o.Recorded = o.Seq
	err = s.store(ctx, e)
	if errors.Is(err, errStale) || hub.CodeOf(err) == hub.NotFound {
		return nil // whoever changed it knew that this one is recorded
	}
	return err
}

func (s *Enforcer) append(ctx context.Context, r hub.Record) error {
	if err := s.Records(ctx, r); err != nil {
		return fmt.Errorf("record %s: %w", r.Kind, err)
	}
	return nil
}

// get reads an order as it is stored now.
func (s *Enforcer) get(ctx context.Context, id string) (state.Entry[order], error) {
	e, err := s.orders.GetIn(ctx, s.TrustDomain, id)
	if hub.CodeOf(err) == hub.NotFound {
		err = hub.E(hub.NotFound, "find order", fmt.Sprintf("there is no order %.80q; list them with \"manoward order list\"", id), err)
	}
	return e, err
}

// errSame ends a change that changes nothing.
var errSame = errors.New("nothing to change")

// one changes the only value of a kind, or one that may not be there yet. fn may
// be called again; errSame leaves the value as it is.
func one[T any](ctx context.Context, k *state.Kind[T], domain, id string, fn func(*T) error) (T, error) {
	for {
		e, err := k.GetIn(ctx, domain, id)
		missing := hub.CodeOf(err) == hub.NotFound
		if err != nil && !missing {
			return e.Value, err
		}
		if err := fn(&e.Value); errors.Is(err, errSame) {
			return e.Value, nil
		} else if err != nil {
			return e.Value, err
		}
		if missing {
			e, err = k.Create(ctx, domain, id, &e.Value)
		} else {
			e, err = k.Replace(ctx, e)
		}
		if code := hub.CodeOf(err); code != hub.Conflict && code != hub.Precondition {
			return e.Value, err
		}
	}
}
