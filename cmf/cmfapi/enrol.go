package cmfapi

import (
	"context"
	"iter"
	"net/http"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

func (a *API) listRegistrations(w http.ResponseWriter, r *http.Request) error {
	who, err := a.lister(r, "registration.query")
	if err != nil {
		return err
	}
	return httpapi.List(w, r, httpapi.ListOptions{}, source(func(after string) iter.Seq2[certmgmt.Registration, error] {
		return a.Enrol.Registrations(r.Context(), who, after)
	}, func(v certmgmt.Registration) string { return v.ID }))
}

func (a *API) register(w http.ResponseWriter, r *http.Request) error {
	var in certmgmt.RegisterRequest
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	who, domain, err := a.enter(r, "registration.create", in.TrustDomain, "")
	if err != nil {
		return err
	}
	made, err := a.Enrol.Register(r.Context(), who, domain, in)
	if err != nil {
		return err
	}
	return httpapi.Created(w, r, "/registrations/"+made.ID, made)
}

func (a *API) registrationDomain(ctx context.Context, who hub.Identity, id string) (string, error) {
	v, err := a.Enrol.Registration(ctx, who, id)
	return v.TrustDomain, err
}

func (a *API) showRegistration(w http.ResponseWriter, r *http.Request) error {
	who, err := a.owned(r, "registration.query", "registration", a.registrationDomain)
	if err != nil {
		return err
	}
	v, err := a.Enrol.Registration(r.Context(), who, r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeTagged(w, r, v)
}

func (a *API) endRegistration(w http.ResponseWriter, r *http.Request) error {
	who, err := a.owned(r, "registration.end", "registration", a.registrationDomain)
	if err != nil {
		return err
	}
	v, err := a.Enrol.Registration(r.Context(), who, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := unchanged(r, v); err != nil {
		return err
	}
	if err := a.Enrol.EndRegistration(r.Context(), who, v.ID); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

func (a *API) listAttesters(w http.ResponseWriter, r *http.Request) error {
	who, err := a.lister(r, "attester.query")
	if err != nil {
		return err
	}
	return httpapi.List(w, r, httpapi.ListOptions{}, source(func(after string) iter.Seq2[certmgmt.Attester, error] {
		return a.Enrol.Attesters(r.Context(), who, after)
	}, func(v certmgmt.Attester) string { return v.ID }))
}

func (a *API) addAttester(w http.ResponseWriter, r *http.Request) error {
	var in certmgmt.Attester
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	who, domain, err := a.enter(r, "attester.create", in.TrustDomain, "")
	if err != nil {
		return err
	}
	made, err := a.Enrol.AddAttester(r.Context(), who, domain, in)
	if err != nil {
		return err
	}
	return httpapi.Created(w, r, "/attesters/"+made.ID, made)
}

func (a *API) attesterDomain(ctx context.Context, who hub.Identity, id string) (string, error) {
	v, err := a.Enrol.Attester(ctx, who, id)
	return v.TrustDomain, err
}

func (a *API) showAttester(w http.ResponseWriter, r *http.Request) error {
	who, err := a.owned(r, "attester.query", "attester", a.attesterDomain)
	if err != nil {
		return err
	}
	v, err := a.Enrol.Attester(r.Context(), who, r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeTagged(w, r, v)
}

// withdraw ends an attester, and revokes what it attested.
func (a *API) withdraw(w http.ResponseWriter, r *http.Request) error {
	var in certmgmt.WithdrawRequest
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	who, err := a.owned(r, "attester.withdraw", "attester", a.attesterDomain)
	if err != nil {
		return err
	}
	v, err := a.Enrol.Attester(r.Context(), who, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := unchanged(r, v); err != nil {
		return err
	}
	v, err = a.Life.WithdrawAttester(r.Context(), who, v.ID, in.Comment)
	if err != nil {
		return err
	}
	return writeChanged(w, v)
}

func (a *API) challenge(w http.ResponseWriter, r *http.Request) error {
	var in certmgmt.ChallengeRequest
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	who, domain, err := a.enter(r, "challenge.create", in.TrustDomain, "")
	if err != nil {
		return err
	}
	made, err := a.Enrol.Challenge(r.Context(), who, domain, in)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store") // it is good once
	return httpapi.Write(w, http.StatusCreated, made)
}

func (a *API) activate(w http.ResponseWriter, r *http.Request) error {
	var in certmgmt.ActivationRequest
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	who, err := a.Authorize(r, "attester.activate", "", "challenge/"+r.PathValue("id"))
	if err != nil {
		return err
	}
	v, err := a.Enrol.Activate(r.Context(), who, r.PathValue("id"), in)
	if err != nil {
		return err
	}
	return writeChanged(w, v)
}
