package devicekit

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"io"
	"slices"
	"testing"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/internal/testkit/attestkit"
)

// Provision does what the maker of a TPM does before it is sold: it certifies the
// endorsement key of the algorithm ([attester.P256] or [attester.RSA2048]), and puts
// the certificate into the TPM, once for each. It returns what the TPM then shows.
func (d *TPM) Provision(t testing.TB, a attester.Algorithm, maker *x509.Certificate, makerKey crypto.Signer) attester.Endorsement {
	t.Helper()
	ek, err := d.Device.Endorsement(a)
	if err != nil {
		t.Fatal(err)
	}
	area, err := tpm.ReadPublic(ek.Public)
	if err != nil {
		t.Fatal(err)
	}
	public, err := attestation.ParseKey(area.SPKI)
	if err != nil {
		t.Fatal(err)
	}
	cert := attestkit.Issue(t, attestkit.Cert{Name: "endorsement key", Usage: tpm.EndorsementUsage}, publicOnly{public}, maker, makerKey)
	d.Store(t, a, slices.Concat(cert.Raw, make([]byte, 16))) // makers pad
	if ek, err = d.Device.Endorsement(a); err != nil {
		t.Fatal(err)
	}
	return ek
}

// publicOnly is a key that somebody else has.
type publicOnly struct{ key crypto.PublicKey }

func (p publicOnly) Public() crypto.PublicKey { return p.key }

func (publicOnly) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, io.ErrUnexpectedEOF
}

// Store puts content where the certificate of the endorsement key of the algorithm
// belongs.
func (d *TPM) Store(t testing.TB, a attester.Algorithm, content []byte) {
	t.Helper()
	if err := d.Device.StoreEndorsement(a, content); err != nil {
		t.Fatal(err)
	}
}

// Sold starts a TPM as its maker sells it, with certificates of its endorsement keys.
// It returns where it is, as [attester.OpenTPM] takes it, and the maker's CA
// certificate in PEM.
func Sold(t testing.TB) (where string, makers []byte) {
	t.Helper()
	key := attestkit.P256(t)
	ca := attestkit.Issue(t, attestkit.Cert{Name: "maker of TPMs", CA: true}, key, nil, nil)
	d := StartTPM(t, attester.P256)
	for _, a := range []attester.Algorithm{attester.P256, attester.RSA2048} {
		d.Provision(t, a, ca, key)
	}
	if err := d.Device.Close(); err != nil { // others are to use it
		t.Fatal(err)
	}
	return d.Where, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw})
}
