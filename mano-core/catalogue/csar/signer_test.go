package csar

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/testkit/csartest"
)

// The certificate of a signer is judged by chain, time, key and use.
func TestVerify_Signer(t *testing.T) {
	b := newBench(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	year := func(y int) time.Time { return time.Date(y, 6, 1, 0, 0, 0, 0, time.UTC) }
	sub := csartest.NewCA(t, "unknown CA")
	pinnedSigner := sub.Signer(t, "pinned", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	b.policy.Anchors = append(b.policy.Anchors, pinnedSigner.Cert)
	for _, c := range []struct {
		name     string
		signer   *csartest.Signer
		at       time.Time
		expired  bool // allowed
		accepted bool
		rule     Rule // "" is none
	}{
		{"in time", b.signer, year(2026), false, true, ""},
		{"over", b.signer, year(2150), false, false, RuleValidity},
		{"over, allowed", b.signer, year(2150), true, true, RuleValidity},
		{"not yet", b.signer, year(1999), false, false, RuleValidity},
		{"not yet, allowed", b.signer, year(1999), true, true, RuleValidity},
		{"signed before its time", b.ca.Signer(t, "late", func(c *x509.Certificate) { c.NotBefore = year(2090) }), year(2091), false, false, RuleSigningTime},
		{"not for signatures", b.ca.Signer(t, "tls", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }), year(2026), false, false, RuleSignerKey},
		{"for servers", b.ca.Signer(t, "www", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), year(2026), false, false, RuleSignerKey},
		{"for something unknown", b.ca.Signer(t, "odd", func(c *x509.Certificate) {
			c.ExtKeyUsage, c.UnknownExtKeyUsage = nil, []asn1.ObjectIdentifier{oidData}
		}), year(2026), false, false, RuleSignerKey},
		{"for servers, pinned", pinnedSigner, year(2026), false, true, RuleSignerKey},
		{"for mail", b.ca.Signer(t, "mail", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }), year(2026), false, true, RuleSignerKey},
		{"issuer with a weak key", below(t, b.ca.SignerWithKey(t, "weak CA", weak, func(c *x509.Certificate) {
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
		})), year(2026), false, false, RuleSignerKey},
		{"weak key", b.ca.SignerWithKey(t, "weak", weak, nil), year(2026), false, false, RuleSignerKey},
		{"unknown issuer", sub.Signer(t, "x", nil), year(2026), false, false, RuleChain},
		{"issuer over", b.ca.Signer(t, "long", func(c *x509.Certificate) { c.NotAfter = year(2150) }), year(2120), false, false, RuleChain},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := csartest.Build(t, csartest.Spec{Option: csartest.Option1, Signer: c.signer, Files: files})
			policy := b.policy
			policy.At, policy.AllowExpired = c.at, c.expired
			res := verify(t, data, policy)
			if res.Accepted != c.accepted || (c.rule == "") != (len(res.Findings) == 0) || (c.rule != "" && !found(res, c.rule, "sample.mf")) {
				t.Errorf("accepted %v, want %v with rule %q: %v", res.Accepted, c.accepted, c.rule, res.Findings)
			}
		})
	}
	data := csartest.Build(t, csartest.Spec{Option: csartest.Option1, Signer: sub.Signer(t, "x", nil), Files: files})
	if res := verify(t, data, Policy{At: corpusTime}); res.Accepted || !strings.Contains(res.Findings[0].Text, "unknown CA") {
		t.Errorf("without anchors: %v, want the issuer named", res.Findings)
	}
}

// below makes a signer whose issuer is not a root.
func below(t *testing.T, issuer *csartest.Signer) *csartest.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "below"}, NotBefore: csartest.Start, NotAfter: csartest.End}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.Cert, key.Public(), issuer.Key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &csartest.Signer{Cert: cert, Key: key, Issuer: issuer.Cert}
}

// One certificate, in the manifest's CMS or named by TOSCA.meta, may serve for
// the signatures of artifacts too; or they have one of their own.
func TestVerify_ArtifactCertificates(t *testing.T) {
	b := newBench(t)
	bare := change("Files/a.sig.cms", string(b.signer.SignDER(t, files["Files/a.sh"], false)))
	both := func(f []csartest.File) []csartest.File { return add("Files/a.cert", b.signer.PEM())(bare(f)) }
	for where, spec := range map[Where]csartest.Spec{
		InCMS:       {Pack: bare},
		InToscaMeta: {Pack: bare, Place: csartest.InToscaMeta},
		Beside:      {Pack: both, Manifest: replace("Signature: ", "Certificate: Files/a.cert\nSignature: ")},
	} {
		spec.Option, spec.Signer, spec.Files, spec.SignFiles = csartest.Option1, b.signer, files, []string{"Files/a.sh"}
		res := verify(t, csartest.Build(t, spec), b.policy)
		if !res.Accepted || len(res.Signers) != 2 || res.Signers[1].Where != where {
			t.Errorf("%s: accepted %v, signers %+v: %v", where, res.Accepted, res.Signers, res.Findings)
		}
	}
}

func TestSigner_Ed25519(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := signerInfo{Signature: ed25519.Sign(key, []byte("attributes"))}
	s.Algorithm.Algorithm = oidEd25519
	sha512 := algorithms[3]
	if err := s.verify(key.Public(), sha512, nil, []byte("attributes")); err != nil {
		t.Errorf("right signature: %v", err)
	}
	if err := s.verify(key.Public(), sha512, nil, []byte("others")); err == nil {
		t.Error("wrong signature: no error")
	}
	if err := s.verify(key.Public(), sha512, nil, nil); err != errUnsupported {
		t.Errorf("without attributes: %v, want unsupported", err)
	}
	if err := s.verify("a key", sha512, nil, nil); err != errUnsupported {
		t.Errorf("unknown key: %v, want unsupported", err)
	}
}
