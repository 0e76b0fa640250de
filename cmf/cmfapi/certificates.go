package cmfapi

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// paramEndsBefore finds what ends before a time, RFC 3339.
const paramEndsBefore = "ends_before"

// paramIssuerRevoked finds what was issued by those who were revoked, and
// paramNotRenewed leaves out what another certificate took the place of: "true".
const (
	paramIssuerRevoked = "issuer_revoked"
	paramNotRenewed    = "not_renewed"
)

func (a *API) listCertificates(w http.ResponseWriter, r *http.Request) error {
	who, err := a.lister(r, "certificate.query")
	if err != nil {
		return err
	}
	query, err := queryOf(r)
	if err != nil {
		return err
	}
	options := httpapi.ListOptions{Params: []string{paramEndsBefore, paramIssuerRevoked, paramNotRenewed}}
	return httpapi.List(w, r, options, source(func(after string) iter.Seq2[certmgmt.Certificate, error] {
		return a.Life.Certificates(r.Context(), who, query, after)
	}, func(v certmgmt.Certificate) string { return v.ID }))
}

// queryOf takes from the filter what the inventory can find by, so that a list costs
// what it yields. The filter is applied to what is found in any case.
func queryOf(r *http.Request) (q lifecycle.Query, err error) {
	known := []string{"filter", paramEndsBefore, paramIssuerRevoked, paramNotRenewed, "nextpage_opaque_marker", "all_fields", "fields", "exclude_fields", "exclude_default"}
	raw, err := httpapi.ParseQuery(r.URL.RawQuery, known...)
	if err != nil {
		return q, err
	}
	if text := raw.Get(paramEndsBefore); text != "" {
		if q.EndsBefore, err = time.Parse(time.RFC3339, text); err != nil {
			return q, hub.E(hub.Invalid, "read query", paramEndsBefore+" is no time; write one like 2027-01-31T00:00:00Z", nil)
		}
	}
	for name, to := range map[string]*bool{paramIssuerRevoked: &q.IssuerRevoked, paramNotRenewed: &q.NotRenewed} {
		if !raw.Has(name) {
			continue
		}
		if *to, err = strconv.ParseBool(raw.Get(name)); err != nil {
			return q, hub.E(hub.Invalid, "read query", name+" is true or false", nil)
		}
	}
	if !raw.Has("filter") {
		return q, nil
	}
	f, err := httpapi.ParseFilter(raw.Get("filter"))
	if err != nil {
		return q, err
	}
	var certType string
	for path, at := range map[string]*string{
		"serialNumber": &q.Serial, "issuer": &q.Issuer, "subjectId": &q.Subject, "certType": &certType, "trustDomain": &q.TrustDomain,
		"attesterId": &q.Attester, "vnfInstanceId": &q.VnfInstance, "keyHash": &q.KeyHash, "assurance": &q.Assurance, "state": &q.State,
	} {
		if one, ok := f.Values(path); ok && len(one) == 1 {
			*at = one[0]
		}
	}
	q.CertType = certmgmt.CertType(certType)
	return q, nil
}

func (a *API) certificateDomain(ctx context.Context, who hub.Identity, id string) (string, error) {
	v, err := a.Life.Certificate(ctx, who, id)
	return v.TrustDomain, err
}

func (a *API) showCertificate(w http.ResponseWriter, r *http.Request) error {
	who, err := a.owned(r, "certificate.query", "certificate", a.certificateDomain)
	if err != nil {
		return err
	}
	v, err := a.Life.Certificate(r.Context(), who, r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeTagged(w, r, v)
}

func (a *API) revoke(w http.ResponseWriter, r *http.Request) error {
	var in certmgmt.RevokeRequest
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	who, err := a.owned(r, "certificate.revoke", "certificate", a.certificateDomain)
	if err != nil {
		return err
	}
	v, err := a.Life.Certificate(r.Context(), who, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := unchanged(r, v); err != nil {
		return err
	}
	v, err = a.Life.Revoke(r.Context(), who, v.ID, in)
	if err != nil {
		return err
	}
	return writeChanged(w, v)
}
