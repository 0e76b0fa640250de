package catalogueapi

import (
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/catalogue"
)

// RoutePolicy adds the package policy of trust domains to the group of our own
// API, /manoward/v1: which signers a domain trusts, and whether it takes unsigned
// packages and signers whose time is over. A domain that says nothing refuses
// both.
func (a *API) RoutePolicy(g *httpapi.Group) {
	g.Handle("GET /trust_domains/{domain}/package_policy", a.getPolicy)
	g.Handle("PUT /trust_domains/{domain}/package_policy", a.putPolicy, httpapi.MaxBody(maxPolicy))
}

const maxPolicy = 4 << 20 // bytes: 256 certificates

func (a *API) policy(r *http.Request, operation string) (catalogue.Policy, hub.Identity, string, error) {
	domain := r.PathValue("domain")
	caller, err := a.Authorize(r, operation, domain, domain)
	if err != nil {
		return catalogue.Policy{}, hub.Identity{}, "", err
	}
	p, err := a.Catalogue.Policy(r.Context(), domain)
	if err != nil {
		return catalogue.Policy{}, hub.Identity{}, "", err
	}
	tag, err := httpapi.ETag(p)
	return p, caller, tag, err
}

func (a *API) getPolicy(w http.ResponseWriter, r *http.Request) error {
	p, _, tag, err := a.policy(r, "package-policy.read")
	if err != nil {
		return err
	}
	return httpapi.WriteTagged(w, r, tag, p)
}

func (a *API) putPolicy(w http.ResponseWriter, r *http.Request) error {
	_, caller, tag, err := a.policy(r, "package-policy.write")
	if err != nil {
		return err
	}
	if err := httpapi.CheckMatch(r, tag); err != nil {
		return err
	}
	var in catalogue.Policy
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	if err := a.Catalogue.SetPolicy(r.Context(), caller, r.PathValue("domain"), in); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}
