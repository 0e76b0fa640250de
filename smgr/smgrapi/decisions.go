package smgrapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/decide"
)

// listDecisions lists decisions from the newest event to the oldest. Its query
// parameters narrow it by index; the attribute filter then looks at what is left.
func listDecisions(m *Manager, _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	q, err := decisionQuery(r)
	if err != nil {
		return err
	}
	o := httpapi.ListOptions{Params: []string{paramDomain, "key", "vnfInstanceId", "policy", "eventId", "found", "undecided", "conflict", "before"}}
	return httpapi.List(w, r, o, func(after string) iter.Seq2[httpapi.Item, error] {
		q.After = after
		return func(yield func(httpapi.Item, error) bool) {
			for d, err := range m.Decide.Decisions(r.Context(), q) {
				if !yield(httpapi.Item{Key: d.ID, Value: d}, err) {
					return
				}
			}
		}
	})
}

func decisionQuery(r *http.Request) (decide.Query, error) {
	in := r.URL.Query()
	q := decide.Query{Key: in.Get("key"), Vnf: in.Get("vnfInstanceId"), Policy: in.Get("policy"), EventID: in.Get("eventId")}
	for name, to := range map[string]*bool{"found": &q.Found, "undecided": &q.Undecided, "conflict": &q.Conflict} {
		if !in.Has(name) {
			continue
		}
		var err error
		if *to, err = strconv.ParseBool(in.Get(name)); err != nil {
			return q, hub.E(hub.Invalid, "list decisions", fmt.Sprintf("%s is true or false", name), err)
		}
	}
	if in.Has("before") {
		var err error
		if q.Before, err = time.Parse(time.RFC3339, in.Get("before")); err != nil {
			return q, hub.E(hub.Invalid, "list decisions", "before is a time such as 2026-11-22T13:00:00Z", err)
		}
	}
	return q, nil
}

func showDecision(m *Manager, _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	d, err := m.Decide.Decision(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeTagged(w, r, d)
}

// showInput answers with the input byte for byte as it was judged.
func showInput(m *Manager, _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	d, err := m.Decide.Decision(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	raw, err := m.Decide.Input(r.Context(), &d)
	if err != nil {
		return err
	}
	return send(w, httpapi.TypeJSON, raw)
}

// explanation is why a policy said what it said, for programs and for people.
type explanation struct {
	policies.Explanation
	Text string `json:"text"`
}

// explain evaluates a decision again with the policies and parameters that judged
// it, and says why: of one policy, or of each that found something or failed.
func explain(m *Manager, _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	const op = "explain decision"
	done, err := m.work(op)
	if err != nil {
		return err
	}
	defer done()
	c, err := m.Decide.Reopen(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	ids, err := subjects(c, r.URL.Query().Get("policy"))
	if err != nil {
		return err
	}
	list := []explanation{}
	for _, id := range ids {
		e, err := c.Snapshot.Explain(r.Context(), c.Input, id)
		if err != nil {
			return err
		}
		list = append(list, explanation{*e, e.String()})
	}
	return httpapi.Write(w, http.StatusOK, list)
}

// maxExplained bounds how many policies are explained in one answer.
const maxExplained = 20

// subjects lists the policies that are to be explained, sorted.
func subjects(c *decide.Case, policy string) ([]string, error) {
	if policy != "" {
		return []string{policy}, judged(c, policy)
	}
	var ids []string
	for _, f := range c.Decision.Findings {
		ids = append(ids, f.Policy)
	}
	for _, u := range c.Decision.Undecided {
		if judged(c, u.Policy) == nil {
			ids = append(ids, u.Policy)
		}
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) > maxExplained {
		return nil, hub.E(hub.Unprocessable, "explain decision", fmt.Sprintf("%d policies found something; say which with ?policy=", len(ids)), nil)
	}
	return ids, nil
}

// judged refuses a policy that had no say in a decision.
func judged(c *decide.Case, policy string) error {
	p, ok := c.Snapshot.Set().Policy(policy)
	if !ok || !p.On(c.Input.Kind) {
		return hub.E(hub.NotFound, "find policy", fmt.Sprintf("the policies that judged this event have none %q for events of the kind %s", clip(policy), c.Input.Kind), nil)
	}
	return nil
}

// trace answers with each step of one policy's evaluation, as text.
func trace(m *Manager, _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	const op = "trace decision"
	policy := r.URL.Query().Get("policy")
	if policy == "" {
		return hub.E(hub.Invalid, op, "say which policy with ?policy=", nil)
	}
	done, err := m.work(op)
	if err != nil {
		return err
	}
	defer done()
	c, err := m.Decide.Reopen(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := judged(c, policy); err != nil {
		return err
	}
	var steps bytes.Buffer // whole before its first byte is sent, so that a failure is told
	if err := c.Snapshot.Trace(r.Context(), c.Input, policy, &steps); err != nil {
		return err
	}
	return send(w, "text/plain; charset=utf-8", steps.Bytes())
}

func send(w http.ResponseWriter, mediaType string, content []byte) error {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write(content); err != nil {
		return hub.E(hub.Unavailable, "send answer", "the connection broke while the answer was sent", err)
	}
	return nil
}

// dryRun asks what the policies would say. One of DecisionID, Event and Input is
// given.
type dryRun struct {
	DecisionID string          `json:"decisionId,omitempty"` // the recorded input
	Event      *smgr.Event     `json:"event,omitempty"`      // joined with what is known now
	Input      json.RawMessage `json:"input,omitempty"`      // as policies see it
	// Revision is the set that judges: empty the active one, "recorded" the one that
	// made the decision, with the parameters that it had.
	Revision string `json:"revision,omitempty"`
	// Parameters are by policy, in the place of those that are set.
	Parameters map[string]json.RawMessage `json:"parameters,omitempty"`
	Policy     string                     `json:"policy,omitempty"` // this one alone
}

const revisionRecorded = "recorded"

// evaluated is the answer to a dry run. Nothing of it is recorded or carried out.
type evaluated struct {
	*policies.Result
	Same *bool `json:"same,omitempty"` // of a decision by what judged it: whether it says the same again
}

func evaluate(m *Manager, _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	const op = "evaluate policies"
	var in dryRun
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	given := 0
	for _, is := range []bool{in.DecisionID != "", in.Event != nil, len(in.Input) > 0} {
		if is {
			given++
		}
	}
	if given != 1 {
		return hub.E(hub.Invalid, op, "give one of decisionId, event and input", nil)
	}
	done, err := m.work(op)
	if err != nil {
		return err
	}
	defer done()
	if in.Revision == revisionRecorded {
		return m.again(w, r, in)
	}
	input, err := m.inputOf(r, in)
	if err != nil {
		return err
	}
	snapshot, err := m.snapshot(r, in)
	if err != nil {
		return err
	}
	result, err := snapshot.Evaluate(r.Context(), input, policies.EvalOptions{Deadline: max(m.Deadline, m.Decide.Deadline(len(input.JSON()))), Policy: in.Policy})
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, evaluated{Result: result})
}

// again evaluates a decision by what judged it.
func (m *Manager) again(w http.ResponseWriter, r *http.Request, in dryRun) error {
	if in.DecisionID == "" || in.Parameters != nil || in.Policy != "" {
		return hub.E(hub.Invalid, "evaluate policies", "revision \"recorded\" goes with decisionId alone", nil)
	}
	c, err := m.Decide.Reopen(r.Context(), in.DecisionID)
	if err != nil {
		return err
	}
	result, same, err := m.Decide.Again(r.Context(), c)
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, evaluated{result, &same})
}

func (m *Manager) inputOf(r *http.Request, in dryRun) (*policies.Input, error) {
	raw := []byte(in.Input)
	switch {
	case in.Event != nil:
		if in.Event.Time.IsZero() {
			in.Event.Time = m.Now().UTC()
		}
		made, err := m.Input(r.Context(), *in.Event)
		if err != nil {
			return nil, err
		}
		raw = made
	case in.DecisionID != "":
		d, err := m.Decide.Decision(r.Context(), in.DecisionID)
		if err != nil {
			return nil, err
		}
		if raw, err = m.Decide.Input(r.Context(), &d); err != nil {
			return nil, err
		}
	}
	return m.Schemas.ParseInput(raw)
}

// snapshot returns what judges a dry run.
func (m *Manager) snapshot(r *http.Request, in dryRun) (*policies.Snapshot, error) {
	p := m.Decide.Policies()
	if in.Revision == "" && len(in.Parameters) == 0 {
		s, err := p.Current(r.Context())
		return s, noneActive(err)
	}
	now, active := p.Active()
	if in.Revision == "" {
		in.Revision = now.PolicyRevision
	}
	if in.Revision == "" {
		return nil, hub.E(hub.Conflict, "evaluate policies", "no policies are active; push a set and activate it, or name a revision", nil)
	}
	set, err := p.Load(r.Context(), in.Revision)
	if err != nil {
		return nil, err
	}
	values := map[string]json.RawMessage{}
	if active {
		if values, err = p.Parameters(r.Context(), now); err != nil {
			return nil, err
		}
	}
	for id := range values {
		if _, ok := set.Policy(id); !ok {
			delete(values, id)
		}
	}
	for id, v := range in.Parameters {
		values[id] = v
	}
	return set.Snapshot(values)
}
