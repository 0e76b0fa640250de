package smgrapi

import (
	"cmp"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/policies"
)

// PolicyVersion is the version of the nfvpolicy API (ETSI GS NFV-SOL 012 V4.5.1).
const PolicyVersion = "1.0.0"

// typeBundle is the media type of the content of policies: a signed bundle.
const typeBundle = "application/gzip"

// PolicyRoutes adds the resources of SOL 012 to the group nfvpolicy/v1.
//
//	policy            a name for sets of policies of one Security Manager
//	pfId              which one: "<trust domain>/<name>"
//	designer          also the id of the key that signs its versions
//	version           the revision of a set, which is the digest of its content
//	policy content    the signed bundle, of type application/gzip
//	activationStatus  whether one of its versions judges now
//
// One set judges at a time, so to activate one policy deactivates another. What
// has no meaning here is refused with 422: to leave a Security Manager without
// policies, because every event would be undecided, and associations, because
// levels say where a policy acts.
func (a *API) PolicyRoutes(g *httpapi.Group) {
	handle := func(pattern, operation string, h policyHandler, options ...httpapi.RouteOption) {
		g.Handle(pattern, func(w http.ResponseWriter, r *http.Request) error {
			m, e, who, err := a.policy(r, operation)
			if err != nil {
				return err
			}
			return h(m, e, who, w, r)
		}, options...)
	}
	g.Handle("POST /policies", a.createPolicy)
	g.Handle("GET /policies", a.listResources)
	handle("GET /policies/{policyId}", "sm.policy.read", showPolicy)
	handle("PATCH /policies/{policyId}", "sm.policy.activate", modifyPolicy)
	handle("DELETE /policies/{policyId}", "sm.policy.delete", deletePolicy)
	handle("GET /policies/{policyId}/selected_versions", "sm.policy.read", readSelected, httpapi.Produces(typeBundle))
	handle("GET /policies/{policyId}/versions/{version}", "sm.policy.read", readVersion, httpapi.Produces(typeBundle))
	handle("PUT /policies/{policyId}/versions/{version}", "sm.policy.push", transfer, httpapi.MaxBody(policies.MaxBundle), httpapi.Produces())
	handle("DELETE /policies/{policyId}/versions/{version}", "sm.policy.delete", deleteVersion)
	a.subscriptionRoutes(g)
}

// policyHandler answers a request about one policy; who sent it may do so.
type policyHandler func(m *Manager, e state.Entry[resource], who hub.Identity, w http.ResponseWriter, r *http.Request) error

// policy returns the policy of the path with its Security Manager, if the caller
// may do the operation to it.
func (a *API) policy(r *http.Request, operation string) (*Manager, state.Entry[resource], hub.Identity, error) {
	id := r.PathValue("policyId")
	missing := hub.E(hub.NotFound, operation, "there is no such policy; list them with GET /policies", nil)
	var m *Manager
	var e state.Entry[resource]
	var found error = missing
	for _, m = range a.Managers {
		e, found = m.resources.GetIn(r.Context(), m.TrustDomain, id)
		if hub.CodeOf(found) == hub.Invalid { // no identifier at all
			found = missing
		}
		if found == nil && e.Value.Deleted {
			found = missing
		}
		if hub.CodeOf(found) != hub.NotFound {
			break
		}
	}
	owner := ""
	if m != nil {
		owner = m.TrustDomain
	}
	who, err := httpapi.AuthorizeOwned(func(domain string) (hub.Identity, error) {
		return a.Authorize(r, operation, domain, "policy/"+id)
	}, owner, found, missing)
	return m, e, who, err
}

// createRequest is a CreatePolicyRequest (clause 5.6.2.2).
type createRequest struct {
	Designer     string   `json:"designer"`
	Name         string   `json:"name"`
	PfID         string   `json:"pfId"`
	Associations []string `json:"associations"`
}

func (a *API) createPolicy(w http.ResponseWriter, r *http.Request) error {
	const op = "sm.policy.push"
	var in createRequest
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return err
	}
	domain, name, named := strings.Cut(in.PfID, "/")
	if !named {
		domain, name = "", in.PfID
	}
	if in.PfID == "" {
		if _, err := a.Authorize(r, op, "", "policy"); err != nil {
			return err
		}
		return hub.E(hub.Unprocessable, op, "pfId says which Security Manager is to judge by the policy: \"<trust domain>/<name>\"", nil)
	}
	m, who, err := a.named(r, op, domain, name)
	if err != nil {
		if hub.CodeOf(err) == hub.NotFound { // what is not there is in the body and not in the path
			err = hub.E(hub.Unprocessable, op, hub.SafeText(err), err)
		}
		return err
	}
	if err := checkNames(in); err != nil {
		return err
	}
	if m.resources.Len() >= maxResources {
		return hub.E(hub.Unprocessable, op, fmt.Sprintf("the Security Manager has %d policies; delete some, or transfer versions to one that is there", maxResources), nil)
	}
	id, p := hub.NewID(), resource{Designer: in.Designer, Name: in.Name, Created: m.Now().UTC(), Creator: who.String()}
	if err := m.record(r.Context(), "sm.policy.created", id, who, p); err != nil {
		return err
	}
	m.note(r, id, &p, change{Type: changeCreate})
	e, err := m.resources.Create(r.Context(), m.TrustDomain, id, &p)
	if err != nil {
		return fmt.Errorf("create policy: %w", err)
	}
	if err := m.tell(r.Context(), e); err != nil {
		return err
	}
	return httpapi.Created(w, r, "/policies/"+id, m.show(r, e))
}

func checkNames(in createRequest) error {
	const op, most = "create policy", 256
	for attribute, v := range map[string]string{"designer": in.Designer, "name": in.Name} {
		if v == "" || len(v) > most {
			return hub.E(hub.Invalid, op, fmt.Sprintf("%s is needed, and has at most %d bytes", attribute, most), nil)
		}
	}
	return checkAssociations(len(in.Associations) > 0)
}

// checkAssociations refuses what would have to narrow a policy.
func checkAssociations(given bool) error {
	if given {
		return hub.E(hub.Unprocessable, "associate policy", "a Security Manager's policies judge all NSs of its trust domain and have no associations; say with levels where each policy acts", nil)
	}
	return nil
}

func (a *API) listResources(w http.ResponseWriter, r *http.Request) error {
	who, err := a.Authorize(r, "sm.policy.read", "", "policies")
	if err != nil {
		return err
	}
	var all []shownPolicy
	for _, m := range a.Managers {
		if m.TrustDomain != who.TrustDomain && !a.SeesAll(who) {
			continue
		}
		for e, err := range m.resources.List(r.Context(), func(d string) bool { return d == m.TrustDomain }, "") {
			if err != nil {
				return fmt.Errorf("list policies: %w", err)
			}
			if !e.Value.Deleted {
				all = append(all, m.show(r, e))
			}
		}
	}
	o := httpapi.ListOptions{Required: []string{"_links"}}
	return httpapi.List(w, r, o, httpapi.SliceSource(all, func(p shownPolicy) string { return p.ID }))
}

func showPolicy(m *Manager, e state.Entry[resource], _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	return writeTagged(w, r, m.show(r, e))
}

// modifications are PolicyModifications (clause 5.6.2.4).
type modifications struct {
	ActivationStatus      string   `json:"activationStatus,omitempty"`
	SelectedVersion       string   `json:"selectedVersion,omitempty"`
	AddAssociations       []string `json:"addAssociations,omitempty"`
	RemoveAssociations    []string `json:"removeAssociations,omitempty"`
	RemoveAllAssociations bool     `json:"removeAllAssociations,omitempty"`
}

// readModifications takes both media types: the official file says
// application/json, and SOL 013 application/merge-patch+json for each PATCH.
func readModifications(r *http.Request) (modifications, error) {
	var in modifications
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != httpapi.TypeMergePatch {
		return in, httpapi.DecodeLenient(r, &in)
	}
	patch, err := httpapi.DecodePatch(r)
	if err != nil {
		return in, err
	}
	return httpapi.ApplyPatch(in, patch, httpapi.PatchRules{})
}

func modifyPolicy(m *Manager, _ state.Entry[resource], who hub.Identity, w http.ResponseWriter, r *http.Request) error {
	in, err := readModifications(r)
	if err != nil {
		return err
	}
	if err := checkAssociations(len(in.AddAssociations)+len(in.RemoveAssociations) > 0 || in.RemoveAllAssociations); err != nil {
		return err
	}
	m.changing.Lock()
	defer m.changing.Unlock()
	e, err := m.current(r)
	if err != nil {
		return err
	}
	if err := checkMatch(r, m.show(r, e)); err != nil {
		return err
	}
	was, _ := m.selected(&e.Value)
	version, act, err := m.modified(&e.Value, in)
	if err != nil {
		return err
	}
	// Active first: what is selected follows from it if the hub ends in between.
	if act {
		if _, err := m.activate(r, version, who, "policy "+e.Value.Name+" of SOL 012"); err != nil {
			return err
		}
	}
	c := change{Type: changeModify, Version: version, Modifications: &in}
	if was != version {
		c.Previous = was
	}
	if e.Value.Selected != version {
		if err := m.record(r.Context(), "sm.policy.selected", e.ID, who, map[string]string{"version": version}); err != nil {
			return err
		}
	}
	e.Value.Selected = version
	m.note(r, e.ID, &e.Value, c)
	if e, err = m.resources.Replace(r.Context(), e); err != nil {
		return fmt.Errorf("modify policy: %w", err)
	}
	if err := m.tell(r.Context(), e); err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, in)
}

// modified says which version a policy is to have selected, and whether that has
// to be made active.
func (m *Manager) modified(p *resource, in modifications) (version string, act bool, err error) {
	const op = "modify policy"
	now, active := m.selected(p)
	version = cmp.Or(in.SelectedVersion, now)
	switch {
	case in.ActivationStatus == "" && in.SelectedVersion == "":
		err = hub.E(hub.Invalid, op, "there is nothing to change: give activationStatus or selectedVersion", nil)
	case len(p.Versions) == 0:
		err = hub.E(hub.Conflict, op, "the policy has no content yet; transfer a version first", nil)
	case !slices.Contains(p.Versions, version):
		err = hub.E(hub.Unprocessable, op, fmt.Sprintf("the policy has no version %q; transfer it first", clip(version)), nil)
	case in.ActivationStatus == deactivated && active:
		err = hub.E(hub.Unprocessable, op, "without policies every event is undecided, so they cannot only be deactivated: activate another policy, which takes its place, or set levels to off", nil)
	case in.ActivationStatus == deactivated:
		err = hub.E(hub.Conflict, op, "the policy is DEACTIVATED already", nil)
	case in.ActivationStatus == activated && active && version == now:
		err = hub.E(hub.Conflict, op, "the policy is ACTIVATED already", nil)
	case in.ActivationStatus != activated && in.ActivationStatus != "":
		err = hub.E(hub.Invalid, op, "activationStatus is ACTIVATED or DEACTIVATED", nil)
	}
	return version, in.ActivationStatus == activated || active && version != now, err
}
