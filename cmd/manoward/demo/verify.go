package demo

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// hasOpenSSL reports whether openssl can be a second judge of certificates.
func (d *devices) hasOpenSSL() bool {
	_, err := exec.LookPath("openssl")
	return err == nil
}

// verifyChain verifies a certificate, in PEM with those above it, against a root, and
// that it is for a VNFC.
func verifyChain(chain, root []byte, vnfc string, at time.Time) error {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	if !roots.AppendCertsFromPEM(root) {
		return errors.New("verify the certificate: the root certificate cannot be read")
	}
	block, rest := pem.Decode(chain)
	if block == nil {
		return errors.New("verify the certificate: its file holds no PEM")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return fmt.Errorf("verify the certificate: %w", err)
	}
	between.AppendCertsFromPEM(rest)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at}); err != nil {
		return fmt.Errorf("verify the certificate: %w", err)
	}
	if len(leaf.URIs) != 1 || leaf.URIs[0].String() != "urn:uuid:"+vnfc {
		return fmt.Errorf("the certificate is for %v, and must be for VNFC %s", leaf.URIs, vnfc)
	}
	return nil
}
