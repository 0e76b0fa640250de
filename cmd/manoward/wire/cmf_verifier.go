package wire

import (
	"fmt"

	"github.com/manoward/manoward/cmf/enrol"
	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/hub"
)

func newVerifier(at string, d config.CertificateDomain) (enrol.Verifier, error) {
	if d.VerifierURL == "" {
		return nil, nil
	}
	return nil, hub.E(hub.Invalid, "read "+at, fmt.Sprintf("%s.verifierUrl: this version asks no outside verifier; leave it out", at), nil)
}
