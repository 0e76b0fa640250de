package cmfapi

import (
	"context"
	"iter"
	"net/http"

	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/cmf/direct"
	"github.com/manoward/manoward/cmf/enrol"
	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// API serves the CMF. Its fields must not change once it serves; it is then safe
// for concurrent use.
type API struct {
	Enrol       *enrol.Service
	Life        *lifecycle.Service
	Authorities *authority.Authorities
	// Authorize asks the decision table. target is for the record; an empty
	// targetDomain is the caller's own. It answers hub.NotFound for what is another
	// domain's.
	Authorize func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error)
	// VNFM follows the hub's own VNFM.
	VNFM *direct.Follower
	// Self is the CMF, which sees everything.
	Self hub.Identity
}

// maxBody bounds a request, in bytes: a CSR with an attestation and its
// certificates, or the attesters of a registration.
const maxBody = 512 << 10

// Routes adds the resources of certmgmt/v1.
func (a *API) Routes(mux *httpapi.Mux) {
	g := mux.API(httpapi.API{Name: certmgmt.Name, Major: certmgmt.Major, Versions: []httpapi.APIVersion{{Version: certmgmt.Version}}})
	body := httpapi.MaxBody(maxBody)
	g.Handle("GET /registrations", a.listRegistrations)
	g.Handle("POST /registrations", a.register, body)
	g.Handle("GET /registrations/{id}", a.showRegistration)
	g.Handle("DELETE /registrations/{id}", a.endRegistration, httpapi.Produces())
	g.Handle("GET /attesters", a.listAttesters)
	g.Handle("POST /attesters", a.addAttester, body)
	g.Handle("GET /attesters/{id}", a.showAttester)
	g.Handle("POST /attesters/{id}/withdraw", a.withdraw)
	g.Handle("POST /challenges", a.challenge, body)
	g.Handle("POST /challenges/{id}/activate", a.activate)
	g.Handle("GET /certificate_signing_requests", a.listSignings)
	g.Handle("POST /certificate_signing_requests", a.sign, body)
	g.Handle("GET /certificate_signing_requests/{id}", a.showSigning)
	g.Handle("GET /certificates", a.listCertificates)
	g.Handle("GET /certificates/{id}", a.showCertificate)
	g.Handle("POST /certificates/{id}/renew", a.renew, body)
	g.Handle("POST /certificates/{id}/revoke", a.revoke)
	g.Handle("GET /authorities/{domain}", a.showAuthority)
	g.Handle("POST /authorities/{domain}/rotate", a.rotate)
	g.Handle("POST /authorities/{domain}/issuers/{issuer}/revoke", a.revokeIssuer)
	g.Handle("GET /authorities/{domain}/crl/{issuer}", a.crl, httpapi.Produces(typeCRL))
	g.Handle("POST /authorities/{domain}/ocsp", a.ocsp, httpapi.Produces(typeOCSPResponse), httpapi.MaxBody(maxOCSP))
}

// enter says who asks for something new, and in which trust domain: its own, or for
// who is of the hub itself the one that it names.
func (a *API) enter(r *http.Request, operation, named, target string) (who hub.Identity, domain string, err error) {
	domain = named
	if domain == "" {
		domain = httpapi.Caller(r.Context()).TrustDomain
	}
	if who, err = a.Authorize(r, operation, domain, target); err != nil {
		if hub.CodeOf(err) == hub.NotFound {
			err = hub.E(hub.NotFound, operation, "there is no trust domain "+quote(domain)+"; list them with: manoward trust-domain list", err)
		}
		return who, domain, err
	}
	if domain == a.Self.TrustDomain {
		err = hub.E(hub.Invalid, operation, `name the trust domain in "trustDomain" (--trust-domain): you are of the hub itself, which has no certificates of its own here`, nil)
	}
	return who, domain, err
}

// quote writes a text of a caller's into an answer.
func quote(s string) string {
	const most = 63
	if len(s) > most {
		s = s[:most] + "…"
	}
	return `"` + s + `"`
}

// owned says who asks about a thing, which it may see. domainOf reads the trust
// domain of the thing as somebody sees it. What is another domain's is recorded as
// an attempt, and answered as what is not there.
func (a *API) owned(r *http.Request, operation, what string, domainOf func(ctx context.Context, who hub.Identity, id string) (string, error)) (hub.Identity, error) {
	id := r.PathValue("id")
	_, seen := domainOf(r.Context(), httpapi.Caller(r.Context()), id)
	missing := seen
	if missing == nil {
		missing = hub.E(hub.NotFound, operation, "not found", nil)
	} else if hub.CodeOf(seen) != hub.NotFound {
		return hub.Identity{}, seen
	}
	domain, found := domainOf(r.Context(), a.Self, id)
	who, err := httpapi.AuthorizeOwned(func(domain string) (hub.Identity, error) {
		return a.Authorize(r, operation, domain, what+"/"+id)
	}, domain, found, missing)
	if err == nil {
		err = seen // another consumer's of the same trust domain
	}
	return who, err
}

// lister says who asks for a list of what it may see.
func (a *API) lister(r *http.Request, operation string) (hub.Identity, error) {
	return a.Authorize(r, operation, "", "")
}

// source makes the source of a list of what is yielded in the order of its
// identifiers.
func source[T any](list func(after string) iter.Seq2[T, error], key func(T) string) httpapi.Source {
	return func(after string) iter.Seq2[httpapi.Item, error] {
		return func(yield func(httpapi.Item, error) bool) {
			for v, err := range list(after) {
				if err != nil {
					yield(httpapi.Item{}, err)
					return
				}
				if !yield(httpapi.Item{Key: key(v), Value: v}, nil) {
					return
				}
			}
		}
	}
}

// writeTagged answers with a resource and its entity tag.
func writeTagged(w http.ResponseWriter, r *http.Request, v any) error {
	tag, err := httpapi.ETag(v)
	if err != nil {
		return err
	}
	return httpapi.WriteTagged(w, r, tag, v)
}

// unchanged compares the preconditions of a change with a resource as it is now.
func unchanged(r *http.Request, v any) error {
	tag, err := httpapi.ETag(v)
	if err != nil {
		return err
	}
	return httpapi.CheckMatch(r, tag)
}

// writeChanged answers with what a resource is after a change, and its tag.
func writeChanged(w http.ResponseWriter, v any) error {
	tag, err := httpapi.ETag(v)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", tag)
	return httpapi.Write(w, http.StatusOK, v)
}
