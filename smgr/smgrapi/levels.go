package smgrapi

import (
	"fmt"
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/decide"
)

func listLevels(m *Manager, _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	o := httpapi.ListOptions{Params: []string{paramDomain}}
	return httpapi.List(w, r, o, httpapi.SliceSource(m.Decide.Levels().All(), func(l decide.Rule) string {
		return l.Policy + "/" + l.Scope
	}))
}

// level returns the rule of the path, nil when there is none.
func (m *Manager) level(r *http.Request) *decide.Rule {
	for _, l := range m.Decide.Levels().All() {
		if l.Policy == r.PathValue("policy") && l.Scope == r.PathValue("scope") {
			return &l
		}
	}
	return nil
}

func showLevel(m *Manager, _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	l := m.level(r)
	if l == nil {
		return hub.E(hub.NotFound, "find level", fmt.Sprintf("no level is set for %q in %q; what is set for more counts, or else %s", clip(r.PathValue("policy")), clip(r.PathValue("scope")), decide.DefaultLevel), nil)
	}
	return writeTagged(w, r, l)
}

// putLevel sets how far a policy is acted upon in a scope: "*", ns/<id>,
// nsd/<id> or vnfd/<id>; the policy is "*" for all.
func putLevel(m *Manager, who hub.Identity, w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Level  smgr.Level `json:"level"`
		Reason string     `json:"reason"`
	}
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	if err := checkReason(in.Reason); err != nil {
		return err
	}
	m.changing.Lock()
	defer m.changing.Unlock()
	l, err := m.Decide.Levels().Set(r.Context(), decide.Rule{
		Policy: r.PathValue("policy"), Scope: r.PathValue("scope"), Level: in.Level, By: who.String(), Reason: in.Reason,
	}, matchLevel(r))
	if err != nil {
		return err
	}
	return writeChanged(w, l)
}

// matchLevel holds the preconditions of a request to the rule as it is stored.
func matchLevel(r *http.Request) func(there *decide.Rule) error {
	return func(there *decide.Rule) error {
		if there == nil {
			return checkMatch(r, nil)
		}
		return checkMatch(r, there)
	}
}

// deleteLevel takes a rule away; ?reason= says why.
func deleteLevel(m *Manager, who hub.Identity, w http.ResponseWriter, r *http.Request) error {
	reason := r.URL.Query().Get("reason")
	if err := checkReason(reason); err != nil {
		return err
	}
	m.changing.Lock()
	defer m.changing.Unlock()
	if err := m.Decide.Levels().Clear(r.Context(), r.PathValue("policy"), r.PathValue("scope"), who.String(), reason, matchLevel(r)); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}
