package cmfapi

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

func (a *API) listSignings(w http.ResponseWriter, r *http.Request) error {
	who, err := a.lister(r, "csr.query")
	if err != nil {
		return err
	}
	return httpapi.List(w, r, httpapi.ListOptions{}, source(func(after string) iter.Seq2[certmgmt.Signing, error] {
		return a.Enrol.Signings(r.Context(), who, after)
	}, func(v certmgmt.Signing) string { return v.ID }))
}

func (a *API) sign(w http.ResponseWriter, r *http.Request) error {
	var in certmgmt.SigningRequest
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	who, domain, err := a.enter(r, "csr.create", in.TrustDomain, "")
	if err != nil {
		return err
	}
	done, err := a.Enrol.Sign(r.Context(), who, domain, in)
	if err != nil {
		return err
	}
	return answerSigning(w, r, done)
}

// answerSigning answers a signing request with what came of it: a certificate, that
// it is under way, that it was refused and why, or that the authority failed.
func answerSigning(w http.ResponseWriter, r *http.Request, s certmgmt.Signing) error {
	const op = "sign certificate"
	path := "/certificate_signing_requests/" + s.ID
	switch s.State {
	case certmgmt.RequestIssued:
		return httpapi.Created(w, r, path, s)
	case certmgmt.RequestProcessing:
		return httpapi.Accepted(w, r, path)
	case certmgmt.RequestRefused:
		refused := httpapi.WithReasons(hub.E(hub.Denied, op, refusal(s), nil), httpapi.ResourceURI(r, path), reasons(s))
		return httpapi.WithStatus(refused, http.StatusUnprocessableEntity)
	}
	return hub.E(hub.Unavailable, op, "the certificate authority did not sign; send the same request again", nil)
}

// refusal says in one line why a request was refused.
func refusal(s certmgmt.Signing) string {
	var why []string
	for _, reason := range s.Reasons {
		text := reason.Detail
		if reason.Mend != "" {
			text += "; " + reason.Mend
		}
		why = append(why, fmt.Sprintf("%s (%s)", text, reason.Code))
	}
	if len(why) == 0 {
		return "no certificate is signed for this request"
	}
	return "no certificate is signed for this request: " + strings.Join(why, "; ")
}

func reasons(s certmgmt.Signing) []httpapi.Reason {
	var list []httpapi.Reason
	for _, r := range s.Reasons {
		list = append(list, httpapi.Reason(r))
	}
	return list
}

func (a *API) showSigning(w http.ResponseWriter, r *http.Request) error {
	who, err := a.owned(r, "csr.query", "certificate-signing-request", a.signingDomain)
	if err != nil {
		return err
	}
	v, err := a.Enrol.Signing(r.Context(), who, r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeTagged(w, r, v)
}

// signingDomain reads the trust domain of a request by its registration.
func (a *API) signingDomain(ctx context.Context, who hub.Identity, id string) (string, error) {
	v, err := a.Enrol.Signing(ctx, who, id)
	if err != nil {
		return "", err
	}
	return a.registrationDomain(ctx, a.Self, v.RegistrationID)
}

// renew asks for a certificate that takes the place of another one.
func (a *API) renew(w http.ResponseWriter, r *http.Request) error {
	var in certmgmt.SigningRequest
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	who, err := a.owned(r, "certificate.renew", "certificate", a.certificateDomain)
	if err != nil {
		return err
	}
	done, err := a.Life.Renew(r.Context(), who, r.PathValue("id"), in)
	if err != nil {
		return err
	}
	return answerSigning(w, r, done)
}
