package nfvoapi

import (
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/nfvo"
)

// newAllowance is the body of POST /allowances.
type newAllowance struct {
	TrustDomain string      `json:"trustDomain"`
	Scope       string      `json:"scope"`
	Limits      nfvo.Limits `json:"limits"`
}

// changedAllowance is the body of PUT /allowances/{id}.
type changedAllowance struct {
	Limits nfvo.Limits `json:"limits"`
}

func (a *API) onAllowance(r *http.Request, operation string) (hub.Identity, string, error) {
	id := r.PathValue("id")
	domain, there := a.NFVO.AllowanceDomain(id)
	caller, err := a.authorizeOn(r, operation, domain, there, "allowance/"+id, notFound("allowance", "/allowances"))
	return caller, id, err
}

func (a *API) listAllowances(w http.ResponseWriter, r *http.Request) error {
	caller, err := a.Authorize(r, "allowance.query", "", "")
	if err != nil {
		return err
	}
	return httpapi.List(w, r, httpapi.ListOptions{}, httpapi.SliceSource(a.NFVO.Allowances(visible(caller)), func(v nfvo.Allowance) string { return v.ID }))
}

func (a *API) showAllowance(w http.ResponseWriter, r *http.Request) error {
	_, id, err := a.onAllowance(r, "allowance.query")
	if err != nil {
		return err
	}
	v, err := a.NFVO.Allowance(r.Context(), id)
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, v)
}

func (a *API) createAllowance(w http.ResponseWriter, r *http.Request) error {
	var in newAllowance
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	caller, err := a.Authorize(r, "allowance.set", in.TrustDomain, "trust-domain/"+in.TrustDomain)
	if err != nil {
		return err
	}
	v, err := a.NFVO.CreateAllowance(r.Context(), caller, in.TrustDomain, in.Scope, in.Limits)
	if err != nil {
		return err
	}
	return httpapi.Created(w, r, "/allowances/"+v.ID, v)
}

func (a *API) changeAllowance(w http.ResponseWriter, r *http.Request) error {
	caller, id, err := a.onAllowance(r, "allowance.set")
	if err != nil {
		return err
	}
	var in changedAllowance
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	v, err := a.NFVO.ChangeAllowance(r.Context(), caller, id, in.Limits)
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, v)
}

func (a *API) deleteAllowance(w http.ResponseWriter, r *http.Request) error {
	caller, id, err := a.onAllowance(r, "allowance.delete")
	if err != nil {
		return err
	}
	if err := a.NFVO.DeleteAllowance(r.Context(), caller, id); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}
