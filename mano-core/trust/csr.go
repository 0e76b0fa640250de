package trust

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/manoward/manoward/internal/hub"
)

// maxCSR bounds a certificate signing request, in bytes of PEM. An RSA-8192
// request with a few names stays below it.
const maxCSR = 16 << 10

const opReadCSR = "read certificate signing request"

// parseCSR reads a PEM PKCS#10 request and checks its signature and its key.
// Names in the request count for nothing; a URI name that is not want is
// refused, because it shows that requests were mixed up.
func parseCSR(text string, want hub.Identity) (*x509.CertificateRequest, error) {
	bad := func(why string, err error) (*x509.CertificateRequest, error) {
		return nil, hub.E(hub.Invalid, opReadCSR, fmt.Sprintf("certificate signing request for %s: %s", want, why), err)
	}
	if len(text) > maxCSR {
		return bad(fmt.Sprintf("longer than %d bytes", maxCSR), nil)
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return bad("no PEM block of type CERTIFICATE REQUEST", nil)
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return bad("not a PKCS#10 request", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return bad("its signature does not verify", err)
	}
	if err := checkKey(csr.PublicKey); err != nil {
		return bad(err.Error(), nil)
	}
	for _, u := range csr.URIs {
		if u.String() != want.String() {
			return bad("it asks for another identity", nil)
		}
	}
	return csr, nil
}

// checkKey refuses public keys below 128 bits of strength, and RSA below the
// 3072 bits that stand for it (NIST SP 800-57 part 1, table 2).
func checkKey(pub any) error {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		if k.Curve.Params().BitSize < 256 {
			return fmt.Errorf("key on curve %s is too weak; use P-256 or stronger", k.Curve.Params().Name)
		}
	case *rsa.PublicKey:
		if k.N.BitLen() < 3072 {
			return fmt.Errorf("RSA key of %d bits is too weak; use P-256, or RSA of 3072 bits or more", k.N.BitLen())
		}
	case ed25519.PublicKey:
	default:
		return fmt.Errorf("key type %T is not supported; use ECDSA P-256", pub)
	}
	return nil
}
