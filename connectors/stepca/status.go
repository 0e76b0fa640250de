package stepca

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"

	"github.com/manoward/manoward/internal/hub"
)

// RevocationList signs a CRL in DER (RFC 5280 clause 5) as the issuer that it
// names. It is [hub.NotFound] for an issuer that this authority never was.
func (e *Embedded) RevocationList(_ context.Context, l hub.RevocationList) ([]byte, error) {
	const op = "sign revocation list"
	i, err := e.issuer(op, l.Issuer)
	if err != nil {
		return nil, err
	}
	t := &x509.RevocationList{Number: l.Number, ThisUpdate: l.ThisUpdate, NextUpdate: l.NextUpdate}
	for _, r := range l.Revoked {
		t.RevokedCertificateEntries = append(t.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: r.Serial, RevocationTime: r.Revoked, ReasonCode: r.Reason})
	}
	der, err := x509.CreateRevocationList(rand.Reader, t, i.Chain[0], i.Key)
	if err != nil {
		return nil, hub.E(hub.Unavailable, op, "the certificate authority of the trust domain did not sign its revocation list; see /readyz for its key", err)
	}
	return der, nil
}

// OCSP signs an OCSP answer in DER (RFC 6960) as the issuer that it names. It is
// [hub.NotFound] for an issuer that this authority never was.
func (e *Embedded) OCSP(_ context.Context, s hub.CertificateStatus) ([]byte, error) {
	const op = "sign OCSP answer"
	i, err := e.issuer(op, s.Issuer)
	if err != nil {
		return nil, err
	}
	der, err := signOCSP(s, i)
	if err != nil {
		return nil, hub.E(hub.Unavailable, op, "the certificate authority of the trust domain did not sign; see /readyz for its key", err)
	}
	return der, nil
}

func (e *Embedded) issuer(op, id string) (Issuer, error) {
	i, ok := e.issuers[id]
	if !ok {
		return Issuer{}, hub.E(hub.NotFound, op, fmt.Sprintf("there is no issuer %q in this trust domain", clip(id)), nil)
	}
	return i, nil
}

// clip keeps hostile identifiers out of texts at full length.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
