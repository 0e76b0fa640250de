package stepca

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// RevocationList returns step-ca's revocation list in DER, once it holds all that
// the wanted list does: what is missing is revoked there first. Its number and its
// times are step-ca's. It is [hub.NotFound] for an issuer that was never seen, and
// [hub.Conflict] for an earlier one, as which step-ca signs no list any more.
func (r *Remote) RevocationList(ctx context.Context, l hub.RevocationList) ([]byte, error) {
	const op = "read revocation list"
	if err := r.isCurrent(op, l.Issuer); err != nil {
		return nil, err
	}
	list, err := r.readList(ctx)
	if errors.Is(err, errOtherIssuer) { // it was rotated, or signs its next list later
		if err := r.readChain(ctx); err != nil {
			return nil, err
		}
		if err := r.isCurrent(op, l.Issuer); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	missing := missingIn(list, l.Revoked)
	if len(missing) == 0 {
		return list.Raw, nil
	}
	for _, c := range missing {
		if err := r.revoke(ctx, c); err != nil {
			return nil, err
		}
	}
	if list, err = r.readList(ctx); err != nil {
		return nil, err
	}
	if left := missingIn(list, l.Revoked); len(left) > 0 {
		return nil, hub.E(hub.Unavailable, op, fmt.Sprintf("step-ca at %s was told of %d revoked certificates that are not on its list yet; set crl.generateOnRevoke to true in its ca.json, or wait for crl.renewPeriod", r.base.Host, len(left)), nil)
	}
	return list.Raw, nil
}

// OCSP is refused: step-ca signs no OCSP answers. It is [hub.NotFound] for an
// issuer that was never seen, as with every authority.
func (r *Remote) OCSP(_ context.Context, s hub.CertificateStatus) ([]byte, error) {
	const op = "sign OCSP answer"
	if err := r.isCurrent(op, s.Issuer); hub.CodeOf(err) == hub.NotFound {
		return nil, err
	}
	return nil, hub.E(hub.Unprocessable, op, "step-ca signs no OCSP answers; ask for its revocation list", nil)
}

// isCurrent reports whether an issuer is the one that step-ca signs as.
func (r *Remote) isCurrent(op, issuer string) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	switch {
	case r.issuers[issuer] == nil:
		return hub.E(hub.NotFound, op, fmt.Sprintf("there is no issuer %q in this trust domain", clip(issuer)), nil)
	case keyID(r.current[0]) != issuer:
		return hub.E(hub.Conflict, op, fmt.Sprintf("step-ca at %s signs as another issuer since its intermediate was rotated, and makes no lists for %s any more; renew what that one issued", r.base.Host, issuer), nil)
	}
	return nil
}

// missingIn returns the wanted entries that a list has not.
func missingIn(list *x509.RevocationList, want []hub.RevokedCertificate) (missing []hub.RevokedCertificate) {
	on := make(map[string]bool, len(list.RevokedCertificateEntries))
	for _, e := range list.RevokedCertificateEntries {
		on[e.SerialNumber.String()] = true
	}
	for _, w := range want {
		if !on[w.Serial.String()] {
			missing = append(missing, w)
		}
	}
	return missing
}

// errOtherIssuer says that a list is not of the issuer that was seen last.
var errOtherIssuer = errors.New("another issuer signed the list")

// checkList proves that there is a revocation list.
func (r *Remote) checkList(ctx context.Context) error {
	_, err := r.readList(ctx)
	return err
}

// readList reads step-ca's revocation list, whose signature proves it.
func (r *Remote) readList(ctx context.Context) (*x509.RevocationList, error) {
	const op = "read revocation list"
	a, err := r.repeat(ctx, harmless, func() (answer, error) { return r.once(ctx, r.http, http.MethodGet, "/1.0/crl", nil, maxList) })
	switch {
	case err != nil:
		return nil, err
	case a.status == http.StatusNotFound || a.status == http.StatusNotImplemented:
		return nil, misconfigured("it keeps no revocation lists; give it a database, and set crl.enabled and crl.generateOnRevoke to true in its ca.json", nil)
	case a.status != http.StatusOK:
		return nil, r.refused(op, a)
	}
	list, err := x509.ParseRevocationList(a.body)
	if err != nil {
		return nil, hub.E(hub.Unavailable, op, fmt.Sprintf("step-ca at %s answers something else than a revocation list; check that remoteUrl is its address and no proxy is before it", r.base.Host), err)
	}
	current, _ := r.issuing()
	if err := list.CheckSignatureFrom(current[0]); err != nil {
		return nil, hub.E(hub.Unavailable, op, fmt.Sprintf("the revocation list of step-ca at %s is not signed by its issuer %s; it signs a new one when it is started or crl.renewPeriod is over", r.base.Host, current[0].Subject), errors.Join(errOtherIssuer, err))
	}
	return list, nil
}

// revoke tells step-ca that a certificate is revoked. It may be repeated.
func (r *Remote) revoke(ctx context.Context, c hub.RevokedCertificate) error {
	const op = "revoke certificate"
	if c.Serial == nil || c.Serial.Cmp(new(big.Int)) <= 0 {
		return hub.E(hub.Invalid, op, "the serial number is not positive", nil)
	}
	serial := c.Serial.String()
	a, err := r.repeat(ctx, harmless, func() (answer, error) {
		token, err := r.token("/1.0/revoke", tokenClaims{Subject: serial})
		if err != nil {
			return answer{}, err
		}
		body, err := json.Marshal(map[string]any{"serial": serial, "ott": token, "reasonCode": c.Reason, "reason": "revoked by manoward", "passive": true})
		if err != nil {
			return answer{}, fmt.Errorf("%s: %w", op, err)
		}
		return r.once(ctx, r.http, http.MethodPost, "/1.0/revoke", body, maxAnswer)
	})
	if err != nil {
		return err
	}
	if a.status == http.StatusOK || a.status == http.StatusBadRequest && strings.Contains(a.message(), "already revoked") {
		return nil
	}
	return r.refused(op, a)
}
