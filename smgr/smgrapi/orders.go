package smgrapi

import (
	"fmt"
	"iter"
	"net/http"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/decide"
	"github.com/manoward/manoward/smgr/enforce"
)

// status is how a Security Manager stands.
type status struct {
	TrustDomain string             `json:"trustDomain"`
	Name        string             `json:"name"`
	Enforcement enforce.Status     `json:"enforcement"`
	Active      *decide.Activation `json:"active,omitempty"` // policies and parameters; absent: none, so every event is undecided
	Problem     string             `json:"problem,omitempty"`
	NFVO        *Peer              `json:"nfvo,omitempty"` // absent: it has not said yet what it can do
}

func showStatus(m *Manager, _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	s, err := m.status(r)
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, s)
}

func (m *Manager) status(r *http.Request) (status, error) {
	s := status{TrustDomain: m.TrustDomain, Name: m.Name}
	var err error
	if s.Enforcement, err = m.Enforce.Status(r.Context()); err != nil {
		return s, err
	}
	if a, ok := m.Decide.Policies().Active(); ok {
		s.Active = &a
	}
	if err := m.Check(r.Context()); err != nil {
		s.Problem = hub.SafeText(err)
	}
	s.NFVO = m.Peer()
	return s, nil
}

// listOrders lists orders from the newest to the oldest.
func listOrders(m *Manager, _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	in := r.URL.Query()
	q := enforce.Query{
		State: smgr.OrderState(in.Get("state")), NsInstanceID: in.Get("nsInstanceId"),
		Policy: in.Get("policy"), DecisionID: in.Get("decisionId"),
	}
	if q.State != "" && !slices.Contains(orderStates(), q.State) {
		return hub.E(hub.Invalid, "list orders", fmt.Sprintf("%.40q is no state of an order; it is one of %v", q.State, orderStates()), nil)
	}
	o := httpapi.ListOptions{Params: []string{paramDomain, "state", "nsInstanceId", "policy", "decisionId"}}
	return httpapi.List(w, r, o, func(after string) iter.Seq2[httpapi.Item, error] {
		return func(yield func(httpapi.Item, error) bool) {
			for o, err := range m.Enforce.List(r.Context(), q, after) {
				if !yield(httpapi.Item{Key: o.Mark, Value: o.Order}, err) {
					return
				}
			}
		}
	})
}

func orderStates() []smgr.OrderState {
	return []smgr.OrderState{
		smgr.OrderPlanned, smgr.OrderShadow, smgr.OrderRecommended, smgr.OrderWaiting, smgr.OrderRunning,
		smgr.OrderCompleted, smgr.OrderFailed, smgr.OrderRejected, smgr.OrderSuperseded, smgr.OrderExpired,
	}
}

func showOrder(m *Manager, _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	o, err := m.Enforce.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeTagged(w, r, o)
}

// approve is a second person's yes. Sent again by the same person it has no
// second effect.
func approve(m *Manager, who hub.Identity, w http.ResponseWriter, r *http.Request) error {
	return m.judge(w, r, func(id, reason string) error { return m.Enforce.Approve(r.Context(), id, who.String(), reason) })
}

func reject(m *Manager, who hub.Identity, w http.ResponseWriter, r *http.Request) error {
	return m.judge(w, r, func(id, reason string) error { return m.Enforce.Reject(r.Context(), id, who.String(), reason) })
}

// judge takes a person's word on an order and answers with the order. If-Match
// holds it to the order that the person has read.
func (m *Manager) judge(w http.ResponseWriter, r *http.Request, say func(id, reason string) error) error {
	reason, err := reasonOf(r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	o, err := m.Enforce.Get(r.Context(), id)
	if err != nil {
		return err
	}
	if err := checkMatch(r, o); err != nil {
		return err
	}
	if err := say(id, reason); err != nil {
		return err
	}
	if o, err = m.Enforce.Get(r.Context(), id); err != nil {
		return err
	}
	return writeChanged(w, o)
}

// pause is the kill switch. What is paused already stays so, as with resume.
func pause(m *Manager, who hub.Identity, w http.ResponseWriter, r *http.Request) error {
	return m.control(w, r, func(reason string) error { return m.Enforce.Pause(r.Context(), who.String(), reason) })
}

func resume(m *Manager, who hub.Identity, w http.ResponseWriter, r *http.Request) error {
	return m.control(w, r, func(reason string) error { return m.Enforce.Resume(r.Context(), who.String(), reason) })
}

func resetLimit(m *Manager, who hub.Identity, w http.ResponseWriter, r *http.Request) error {
	return m.control(w, r, func(reason string) error { return m.Enforce.ResetLimit(r.Context(), who.String(), reason) })
}

// control does what a person orders for a reason and answers with how the
// Security Manager stands then.
func (m *Manager) control(w http.ResponseWriter, r *http.Request, do func(reason string) error) error {
	reason, err := reasonOf(r)
	if err != nil {
		return err
	}
	if err := do(reason); err != nil {
		return err
	}
	return showStatus(m, hub.Identity{}, w, r)
}
