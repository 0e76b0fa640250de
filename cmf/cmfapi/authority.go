package cmfapi

import (
	"context"
	"encoding/pem"
	"net/http"

	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// authorityOf says who asks about the certificate authority of the trust domain in
// the path.
func (a *API) authorityOf(r *http.Request, operation string) (who hub.Identity, domain string, err error) {
	domain = r.PathValue("domain")
	who, err = a.Authorize(r, operation, domain, "authority/"+domain)
	if hub.CodeOf(err) == hub.NotFound {
		err = hub.E(hub.NotFound, operation, "there is no trust domain "+quote(domain)+"; list them with: manoward trust-domain list", err)
	}
	return who, domain, err
}

// showAuthority tells the CA certificates of a trust domain, also those that were
// replaced and still sign revocation lists.
func (a *API) showAuthority(w http.ResponseWriter, r *http.Request) error {
	_, domain, err := a.authorityOf(r, "ca.read")
	if err != nil {
		return err
	}
	v, err := a.authority(r.Context(), domain)
	if err != nil {
		return err
	}
	return writeTagged(w, r, v)
}

func (a *API) authority(ctx context.Context, domain string) (certmgmt.Authority, error) {
	made := certmgmt.Authority{TrustDomain: domain, Issuers: []certmgmt.Issuer{}}
	list, err := a.Authorities.Issuers(ctx, domain)
	if err != nil {
		return made, err
	}
	for _, i := range list {
		shown := certmgmt.Issuer{
			ID: i.ID, Root: i.Root, Parent: i.Parent, State: i.State, Since: i.Since, Subject: i.Subject, SerialNumber: i.Serial,
			NotBefore: i.NotBefore, NotAfter: i.NotAfter, KeyPlace: i.KeyPlace, KeyLabel: i.KeyLabel, Alarm: i.Alarm,
			Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Certificate})),
		}
		if !i.UsedFrom.IsZero() {
			shown.UsedFrom = &i.UsedFrom
		}
		if r := i.Revoked; r != nil {
			shown.Revoked, shown.RevocationReason = &r.At, lifecycle.ReasonName(r.Reason)
		}
		made.Issuers = append(made.Issuers, shown)
	}
	return made, nil
}

// revokeIssuer revokes an intermediate, which is replaced in the same act if it is the
// one that signs; again, it changes nothing.
func (a *API) revokeIssuer(w http.ResponseWriter, r *http.Request) error {
	var in certmgmt.RevokeRequest
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	who, domain, err := a.authorityOf(r, "ca.revoke")
	if err != nil {
		return err
	}
	order, err := a.Life.IssuerRevocation(who, in)
	if err != nil {
		return err
	}
	if err := a.Authorities.RevokeIntermediate(r.Context(), domain, r.PathValue("issuer"), order); err != nil {
		return err
	}
	if err := a.Life.IssuersRevoked(r.Context(), domain); err != nil {
		return err
	}
	v, err := a.authority(r.Context(), domain)
	if err != nil {
		return err
	}
	return writeChanged(w, v)
}

// rotate renews a part of the authority; see package authority for what stays valid.
// With If-Match it is done once, however often it is sent.
func (a *API) rotate(w http.ResponseWriter, r *http.Request) error {
	var in certmgmt.RotateRequest
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	who, domain, err := a.authorityOf(r, "ca.rotate")
	if err != nil {
		return err
	}
	seen, err := a.Authorities.Version(r.Context(), domain)
	if err != nil {
		return err
	}
	if r.Header.Get("If-Match") == "" {
		seen = authority.AnyVersion
	}
	v, err := a.authority(r.Context(), domain)
	if err != nil {
		return err
	}
	if err := unchanged(r, v); err != nil {
		return err
	}
	if err := a.Authorities.Rotate(r.Context(), domain, in.Part, seen, who); err != nil {
		return err
	}
	if v, err = a.authority(r.Context(), domain); err != nil {
		return err
	}
	return writeChanged(w, v)
}
