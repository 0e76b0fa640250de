package stepca

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/catest"
)

// Each kind of CA key signs answers that another implementation reads and
// verifies, with the hash that was asked for and with the nonce.
func TestSignOCSP(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	nonce := bytes.Repeat([]byte{7}, 32)
	for name, key := range catest.Keys(t) {
		issuer := Issuer{Chain: []*x509.Certificate{newCA(t, name, nil, nil, key, time.Hour)}, Key: key}
		for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256} {
			for want, revoked := range map[int]*hub.RevokedCertificate{ocsp.Good: nil, ocsp.Revoked: {Revoked: now, Reason: 4}} {
				s := hub.CertificateStatus{Serial: big.NewInt(42), Known: true, Revoked: revoked, ThisUpdate: now, NextUpdate: now.Add(time.Hour), Hash: hash, Nonce: nonce}
				der, err := signOCSP(s, issuer)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				verified := issuer.Chain[0]
				if name == "Ed25519" {
					verified = nil // x/crypto cannot verify it; its key does below
				}
				got, err := ocsp.ParseResponse(der, verified)
				if err != nil {
					t.Fatalf("%s, %s: %v", name, hash, err)
				}
				if name == "Ed25519" && !ed25519.Verify(key.Public().(ed25519.PublicKey), got.TBSResponseData, got.Signature) {
					t.Error("the signature of the Ed25519 key is wrong")
				}
				if got.Status != want || got.SerialNumber.Int64() != 42 || got.IssuerHash != hash || !got.NextUpdate.Equal(now.Add(time.Hour)) || !bytes.Contains(der, nonce) {
					t.Errorf("%s, %s: %+v", name, hash, got)
				}
				if revoked != nil && (got.RevocationReason != 4 || !got.RevokedAt.Equal(now)) {
					t.Errorf("%s: revoked %s, %d", name, got.RevokedAt, got.RevocationReason)
				}
			}
		}
	}
	issuer := newIssuer(t, time.Hour)
	if _, err := signOCSP(hub.CertificateStatus{Serial: big.NewInt(1), Hash: crypto.MD5}, issuer); err == nil {
		t.Error("an issuer is named by MD5")
	}
}
