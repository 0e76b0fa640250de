package main

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/manoward/manoward/internal/testkit/devicekit"
)

// publishedCommand does what whoever verifies a certificate does: published CERT CRL
// ISSUER NAME fetches the revocation list and the issuer that the certificate names
// into two files, as PEM, and gives the variable NAME the address of OCSP answers.
func publishedCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: published CERT CRL ISSUER NAME")
	}
	block, _ := pem.Decode([]byte(ts.ReadFile(args[0])))
	if block == nil {
		ts.Fatalf("%s holds no PEM", args[0])
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	ts.Check(err)
	if len(cert.CRLDistributionPoints) != 1 || len(cert.OCSPServer) != 1 || len(cert.IssuingCertificateURL) != 1 {
		ts.Fatalf("the certificate names %v, %v and %v", cert.CRLDistributionPoints, cert.OCSPServer, cert.IssuingCertificateURL)
	}
	fetch(ts, cert.CRLDistributionPoints[0], "application/pkix-crl", "X509 CRL", args[1])
	fetch(ts, cert.IssuingCertificateURL[0], "application/pkix-cert", "CERTIFICATE", args[2])
	ts.Setenv(args[3], cert.OCSPServer[0])
}

// fetch writes what is at an address as PEM.
func fetch(ts *testscript.TestScript, url, media, kind, file string) {
	resp, err := http.Get(url)
	ts.Check(err)
	defer resp.Body.Close()
	der, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != media {
		ts.Fatalf("%s answers %s: %s", url, resp.Status, der)
	}
	ts.Check(os.WriteFile(ts.MkAbs(file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// makerCommand starts a software TPM as its maker sells it, with a certificate of its
// endorsement key: maker NAME FILE gives the variable the value of --tpm, and writes
// the maker's CA certificate.
func makerCommand(t testing.TB, ts *testscript.TestScript, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: maker NAME FILE")
	}
	where, makers := devicekit.Sold(t)
	ts.Setenv(args[0], where)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), makers, 0o600))
}
