package wire

import (
	"github.com/manoward/manoward/cmf/enrol"
	"github.com/manoward/manoward/internal/config"
)

// newVerifier makes the client of a trust domain's outside verifier; nil when there
// is none.
func newVerifier(at string, d config.CertificateDomain) (enrol.Verifier, error) {
	if d.VerifierURL == "" {
		return nil, nil
	}
	roots, err := readCertificates(at+".verifierCa", d.VerifierCA)
	if err != nil {
		return nil, err
	}
	return enrol.NewVerifier(enrol.OutsideVerifier{URL: d.VerifierURL, Roots: roots})
}
