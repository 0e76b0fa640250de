package smgrapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// resource is a policy of SOL 012 as it is stored: a name under which sets of
// policies are transferred to a Security Manager, each of them a version.
type resource struct {
	Designer string    `json:"designer"` // also the id of the key that signs its versions
	Name     string    `json:"name"`
	Versions []string  `json:"versions,omitempty"` // revisions, in the order in which they came
	Selected string    `json:"selected,omitempty"` // one of Versions
	Created  time.Time `json:"created"`
	Creator  string    `json:"creator"` // identity
	Changes  int       `json:"changes"` // so far
	Untold   []change  `json:"untold,omitempty"`
	Deleted  bool      `json:"deleted,omitempty"` // and only to be told
}

// maxVersions bounds the versions of one policy, maxResources the policies of a
// Security Manager.
const (
	maxVersions  = 1000
	maxResources = 1000
)

// terms let a version be found, so that it belongs to one policy only.
func (p *resource) terms() []string {
	var list []string
	for _, v := range p.Versions {
		list = append(list, termVersion+v)
	}
	if len(p.Untold) > 0 {
		list = append(list, termUntold)
	}
	return list
}

const termVersion = "version="

// record appends what somebody does to a policy, before it is done. What is done
// again has a record of its own.
func (m *Manager) record(ctx context.Context, kind, id string, who hub.Identity, content any) error {
	data, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("record %s: %w", kind, err)
	}
	now := m.Now().UTC()
	err = m.Records(ctx, hub.Record{
		ID: hub.DeriveID(kind, m.TrustDomain, m.Name, id, now.String(), string(data)), Kind: kind, Time: now,
		Actor: who.String(), Subject: "policy/" + id, Data: data,
	})
	if err != nil {
		return fmt.Errorf("record %s: %w", kind, err)
	}
	return nil
}

// The values of activationStatus and transferStatus.
const (
	activated   = "ACTIVATED"
	deactivated = "DEACTIVATED"
	transferred = "TRANSFERRED"
	created     = "CREATED"
)

// shownPolicy is a policy as SOL 012 clause 5.6.2.3 shapes it.
type shownPolicy struct {
	ID               string     `json:"id"`
	Designer         string     `json:"designer"`
	Name             string     `json:"name"`
	PfID             string     `json:"pfId"`
	Versions         []string   `json:"versions,omitempty"`
	SelectedVersion  string     `json:"selectedVersion,omitempty"`
	ActivationStatus string     `json:"activationStatus"`
	TransferStatus   string     `json:"transferStatus"`
	Links            shownLinks `json:"_links"`
}

type shownLinks struct {
	Self     link   `json:"self"`
	Selected *link  `json:"selected,omitempty"`
	Versions []link `json:"versions,omitempty"`
}

type link struct {
	Href string `json:"href"`
}

// selected returns the version that is selected, and whether it judges now. What
// is active is asked of decide alone, so that a rollback is seen here too.
func (m *Manager) selected(p *resource) (version string, active bool) {
	if a, ok := m.Decide.Policies().Active(); ok && slices.Contains(p.Versions, a.PolicyRevision) {
		return a.PolicyRevision, true
	}
	return p.Selected, false
}

// show shapes a policy.
func (m *Manager) show(r *http.Request, e state.Entry[resource]) shownPolicy {
	self := "/policies/" + url.PathEscape(e.ID)
	to := func(path string) link { return link{httpapi.ResourceURI(r, path)} }
	p := shownPolicy{
		ID: e.ID, Designer: e.Value.Designer, Name: e.Value.Name, PfID: m.pfID(), Versions: e.Value.Versions,
		ActivationStatus: deactivated, TransferStatus: created, Links: shownLinks{Self: to(self)},
	}
	var active bool
	if p.SelectedVersion, active = m.selected(&e.Value); active {
		p.ActivationStatus = activated
	}
	if len(p.Versions) > 0 {
		p.TransferStatus = transferred
		at := to(self + "/selected_versions")
		p.Links.Selected = &at
	}
	for _, v := range p.Versions {
		p.Links.Versions = append(p.Links.Versions, to(self+"/versions/"+url.PathEscape(v)))
	}
	return p
}

// pfID names the Security Manager as a policy function.
func (m *Manager) pfID() string { return m.TrustDomain + "/" + m.Name }

// current returns the policy of the path as it is now that changing is held.
func (m *Manager) current(r *http.Request) (state.Entry[resource], error) {
	e, err := m.resources.GetIn(r.Context(), m.TrustDomain, r.PathValue("policyId"))
	if err == nil && e.Value.Deleted {
		err = hub.E(hub.NotFound, "find policy", "the policy was deleted just now", nil)
	}
	return e, err
}
