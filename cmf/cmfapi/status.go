package cmfapi

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// Media types of what is signed (RFC 2585 clause 4, RFC 6960 appendix C).
const (
	typeCRL          = "application/pkix-crl"
	typeCertificate  = "application/pkix-cert"
	typeOCSPRequest  = "application/ocsp-request"
	typeOCSPResponse = "application/ocsp-response"
)

// maxOCSP bounds an OCSP request, in bytes. One about a single certificate, with a
// nonce and signed, is below it.
const maxOCSP = 8 << 10

// crl answers with the revocation list of an issuer.
func (a *API) crl(w http.ResponseWriter, r *http.Request) error {
	_, domain, err := a.authorityOf(r, "ca.read")
	if err != nil {
		return err
	}
	return writeCRL(w, r, a.Life, domain, r.PathValue("issuer"), time.Now())
}

// ocsp answers an OCSP request of a party.
func (a *API) ocsp(w http.ResponseWriter, r *http.Request) error {
	_, domain, err := a.authorityOf(r, "ca.read")
	if err != nil {
		return err
	}
	return answerOCSP(w, r, a.Life, domain, time.Now())
}

// Status serves what anybody may have who verifies a certificate: revocation lists,
// OCSP answers and the certificates of issuers, below a path for each trust domain.
// All of it is signed, and it is served in plain HTTP, because who fetches it does
// not yet know whom to trust (RFC 5280 clause 8).
type Status struct {
	Life        *lifecycle.Service
	Authorities *authority.Authorities
	Now         func() time.Time
}

// The paths of what is public, below a root.
func crlPath(domain, issuer string) string    { return "/crl/" + domain + "/" + issuer + ".crl" }
func ocspPath(domain string) string           { return "/ocsp/" + domain }
func issuerPath(domain, issuer string) string { return "/ca/" + domain + "/" + issuer + ".crt" }

// Published returns where an issuer's revocation list, OCSP answers and certificate
// are, below a root like http://pki.example.net.
func Published(root, domain, issuer string) (crl, ocsp, certificate []string) {
	root = strings.TrimRight(root, "/")
	return []string{root + crlPath(domain, issuer)}, []string{root + ocspPath(domain)}, []string{root + issuerPath(domain, issuer)}
}

// Routes adds the resources, which need no authentication.
func (s *Status) Routes(mux *httpapi.Mux) {
	mux.Public("GET /crl/{domain}/{file}", s.crl, httpapi.Produces(typeCRL))
	mux.Public("GET /ca/{domain}/{file}", s.certificate, httpapi.Produces(typeCertificate))
	mux.Public("POST /ocsp/{domain}", s.ocsp, httpapi.Produces(typeOCSPResponse), httpapi.MaxBody(maxOCSP))
	mux.Public("GET /ocsp/{domain}/{request...}", s.ocsp, httpapi.Produces(typeOCSPResponse))
}

func (s *Status) crl(w http.ResponseWriter, r *http.Request) error {
	issuer, ok := strings.CutSuffix(r.PathValue("file"), ".crl")
	if !ok {
		return notPublished(r)
	}
	return writeCRL(w, r, s.Life, r.PathValue("domain"), issuer, s.Now())
}

// certificate answers with the certificate of an issuer, for who has a chain without it.
func (s *Status) certificate(w http.ResponseWriter, r *http.Request) error {
	issuer, ok := strings.CutSuffix(r.PathValue("file"), ".crt")
	if !ok {
		return notPublished(r)
	}
	list, err := s.Authorities.Issuers(r.Context(), r.PathValue("domain"))
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return err
	}
	for _, i := range list {
		if i.ID == issuer {
			w.Header().Set("Cache-Control", "public, max-age=86400")
			return writeDER(w, typeCertificate, i.Certificate)
		}
	}
	return notPublished(r)
}

func (s *Status) ocsp(w http.ResponseWriter, r *http.Request) error {
	return answerOCSP(w, r, s.Life, r.PathValue("domain"), s.Now())
}

// notPublished is the answer to what is not there, with or without the trust domain.
func notPublished(r *http.Request) error {
	return hub.E(hub.NotFound, "find "+quote(r.URL.Path), "there is nothing here; use the address that is in the certificate", nil)
}

func writeCRL(w http.ResponseWriter, r *http.Request, life *lifecycle.Service, domain, issuer string, now time.Time) error {
	list, err := life.CRL(r.Context(), domain, issuer)
	if hub.CodeOf(err) == hub.NotFound {
		return notPublished(r)
	}
	if err != nil {
		return err
	}
	keep(w, list, now)
	return writeDER(w, typeCRL, list.DER)
}

// answerOCSP answers a request in the body of a POST, or in base64 at the end of the
// path of a GET (RFC 6960 appendix A.1). What is wrong with it is said in the answer.
func answerOCSP(w http.ResponseWriter, r *http.Request, life *lifecycle.Service, domain string, now time.Time) error {
	request, err := readOCSP(r)
	if err != nil {
		return err
	}
	answer, err := life.OCSP(r.Context(), domain, request)
	if err != nil {
		return err
	}
	if r.Method == http.MethodGet { // which a cache may keep
		keep(w, answer, now)
	} else {
		w.Header().Set("Cache-Control", "no-store")
	}
	return writeDER(w, typeOCSPResponse, answer.DER)
}

func readOCSP(r *http.Request) ([]byte, error) {
	const op = "read OCSP request"
	if r.Method == http.MethodGet {
		raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(unescaped(r.PathValue("request")), " ", "+"))
		if err != nil || len(raw) > maxOCSP {
			return nil, hub.E(hub.Invalid, op, "the path does not end in an OCSP request in base64 (RFC 6960 appendix A.1)", err)
		}
		return raw, nil
	}
	if media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(media) != typeOCSPRequest {
		err := hub.E(hub.Invalid, op, fmt.Sprintf("the body is %s; send %s", quote(media), typeOCSPRequest), nil)
		return nil, httpapi.WithStatus(err, http.StatusUnsupportedMediaType)
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, hub.E(hub.Invalid, op, fmt.Sprintf("the request broke off, or has more than %d bytes", maxOCSP), err)
	}
	return raw, nil
}

// unescaped undoes a second escaping, which some clients do.
func unescaped(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// keep lets caches keep an answer as long as it is valid, and no longer (RFC 5019
// clause 6.2, RFC 9111).
func keep(w http.ResponseWriter, s lifecycle.Signed, now time.Time) {
	left := s.NextUpdate.Sub(now)
	if s.NextUpdate.IsZero() || left <= 0 {
		w.Header().Set("Cache-Control", "no-store")
		return
	}
	// A revocation is to be seen before the list ends: caches ask again early.
	const most = 5 * time.Minute
	w.Header().Set("Cache-Control", fmt.Sprintf("public, no-transform, max-age=%d", int(min(left, most).Seconds())))
	w.Header().Set("Last-Modified", s.ThisUpdate.UTC().Format(http.TimeFormat))
	w.Header().Set("Expires", s.NextUpdate.UTC().Format(http.TimeFormat))
}

func writeDER(w http.ResponseWriter, media string, der []byte) error {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Length", fmt.Sprint(len(der)))
	if _, err := w.Write(der); err != nil {
		return hub.E(hub.Unavailable, "send answer", "the connection broke while the answer was sent", err)
	}
	return nil
}
