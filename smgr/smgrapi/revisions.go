package smgrapi

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr/decide"
)

// listPolicies lists the policies of the active set.
func listPolicies(m *Manager, _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	s, err := m.Decide.Policies().Current(r.Context())
	if err != nil {
		return noneActive(err)
	}
	return httpapi.List(w, r, httpapi.ListOptions{Params: []string{paramDomain}},
		httpapi.SliceSource(s.Set().Policies(), func(p policies.Policy) string { return p.ID }))
}

// noneActive answers a question about the active policies when there are none:
// that is a state of the Security Manager, and no refusal.
func noneActive(err error) error {
	if hub.CodeOf(err) == hub.Undecided {
		return hub.E(hub.Conflict, "read active policies", hub.SafeText(err), err)
	}
	return err
}

// parameters are the values of one policy.
type parameters struct {
	Policy string               `json:"policy"`
	Set    json.RawMessage      `json:"set,omitempty"` // what differs from the defaults; absent: nothing
	Values json.RawMessage      `json:"values"`        // that the policy sees
	Known  []policies.Parameter `json:"parameters,omitempty"`
}

// parameters are those of the policy of the path in what is active.
func (m *Manager) parameters(r *http.Request) (parameters, error) {
	// What cannot be loaded has none that count.
	if _, err := m.Decide.Policies().Current(r.Context()); err != nil {
		return parameters{}, noneActive(err)
	}
	a, _ := m.Decide.Policies().Active()
	return m.parametersIn(r, a)
}

// parametersIn are those of the policy of the path in an activation.
func (m *Manager) parametersIn(r *http.Request, a decide.Activation) (parameters, error) {
	p := m.Decide.Policies()
	out := parameters{Policy: r.PathValue("policy")}
	s, err := p.Of(r.Context(), a)
	if err != nil {
		return out, err
	}
	about, ok := s.Set().Policy(out.Policy)
	if !ok {
		return out, hub.E(hub.NotFound, "find policy", fmt.Sprintf("there is no policy %q in the active set; \"manoward policy list\" shows them", clip(out.Policy)), nil)
	}
	set, err := p.Parameters(r.Context(), a)
	if err != nil {
		return out, err
	}
	out.Set, out.Values, out.Known = set[out.Policy], s.Parameters(out.Policy), about.Parameters
	return out, nil
}

func showParameters(m *Manager, _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	p, err := m.parameters(r)
	if err != nil {
		return err
	}
	return writeTagged(w, r, p)
}

func putParameters(m *Manager, who hub.Identity, w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Set    json.RawMessage `json:"set"`
		Reason string          `json:"reason"`
	}
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	if len(in.Set) == 0 {
		return hub.E(hub.Invalid, "set parameters of policies", "\"set\" is an object with the parameters that differ from the defaults", nil)
	}
	return m.setParameters(w, r, who, in.Set, in.Reason)
}

// deleteParameters goes back to the defaults; ?reason= says why.
func deleteParameters(m *Manager, who hub.Identity, w http.ResponseWriter, r *http.Request) error {
	return m.setParameters(w, r, who, nil, r.URL.Query().Get("reason"))
}

func (m *Manager) setParameters(w http.ResponseWriter, r *http.Request, who hub.Identity, set json.RawMessage, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	m.changing.Lock()
	defer m.changing.Unlock()
	if _, err := m.parameters(r); err != nil { // nothing is active, or no such policy is
		return err
	}
	a, err := m.Decide.Policies().SetParameters(r.Context(), r.PathValue("policy"), set, who.String(), reason, func(now decide.Activation) error {
		there, err := m.parametersIn(r, now)
		if err != nil {
			return err
		}
		return checkMatch(r, there)
	})
	if err != nil {
		return err
	}
	next, err := m.parametersIn(r, a)
	if err != nil {
		return err
	}
	return writeChanged(w, next)
}

// listRevisions lists the sets that were pushed, the newest first.
func listRevisions(m *Manager, _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	all, err := m.Decide.Policies().Revisions(r.Context())
	if err != nil {
		return err
	}
	return httpapi.List(w, r, httpapi.ListOptions{Params: []string{paramDomain}}, httpapi.SliceSource(all, func(v decide.Revision) string {
		return fmt.Sprintf("%016x/%s", math.MaxInt64-v.Pushed.UnixNano(), v.Revision)
	}))
}

func showRevision(m *Manager, _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	v, err := m.Decide.Policies().Revision(r.Context(), r.PathValue("revision"))
	if err != nil {
		return err
	}
	return writeTagged(w, r, v)
}

// activate makes a set the one that judges. When it is, with the parameters that
// are set, nothing is done.
func activate(m *Manager, who hub.Identity, w http.ResponseWriter, r *http.Request) error {
	reason, err := reasonOf(r)
	if err != nil {
		return err
	}
	m.changing.Lock()
	defer m.changing.Unlock()
	a, err := m.activate(r, r.PathValue("revision"), who, reason)
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, a)
}

// activate is called with changing held.
func (m *Manager) activate(r *http.Request, revision string, who hub.Identity, reason string) (decide.Activation, error) {
	p := m.Decide.Policies()
	if a, ok := p.Active(); ok && a.PolicyRevision == revision {
		return a, nil
	}
	return p.Activate(r.Context(), revision, who.String(), reason)
}

// listActivations lists the history of what was active, the newest first.
func listActivations(m *Manager, _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	// Number is from 1 and grows, so what is left of it sorts the newest first.
	key := func(n int) string { return fmt.Sprintf("%016x", math.MaxInt64-int64(n)) }
	return httpapi.List(w, r, httpapi.ListOptions{Params: []string{paramDomain}}, func(after string) iter.Seq2[httpapi.Item, error] {
		return func(yield func(httpapi.Item, error) bool) {
			for a, err := range m.Decide.Policies().History(r.Context()) {
				if k := key(a.Number); (err != nil || k > after) && !yield(httpapi.Item{Key: k, Value: a}, err) {
					return
				}
			}
		}
	})
}

// rollback goes back to the policies that were active before. "from" is the ID of
// the activation that it is to undo, so that a request that is sent again does not
// roll back twice.
func rollback(m *Manager, who hub.Identity, w http.ResponseWriter, r *http.Request) error {
	const op = "roll policies back"
	var in struct {
		From   string `json:"from"`
		Reason string `json:"reason"`
	}
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	if err := checkReason(in.Reason); err != nil {
		return err
	}
	m.changing.Lock()
	defer m.changing.Unlock()
	if in.From == "" {
		return hub.E(hub.Invalid, op, "say in \"from\" which activation is to be undone: the ID of the newest in the list of activations", nil)
	}
	var again decide.Activation // of this request, when it was sent before
	a, err := m.Decide.Policies().Rollback(r.Context(), who.String(), in.Reason, func(now decide.Activation) error {
		if now.ID == in.From {
			return nil
		}
		if now.Change == decide.ChangeRollback && now.Parent == in.From {
			again = now
		}
		return hub.E(hub.Precondition, op, "another activation came after the one in \"from\"; look at the list and try again", nil)
	})
	if again.ID != "" {
		return httpapi.Write(w, http.StatusOK, again)
	}
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, a)
}
