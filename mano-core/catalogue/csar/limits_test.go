package csar

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/testkit/csartest"
)

// hugeKey is a certificate whose RSA key would take Go minutes to use.
func hugeKey(t *testing.T, bits uint) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: csartest.Start, NotAfter: csartest.End}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestLimits_Keys(t *testing.T) {
	fits, huge := hugeKey(t, maxRSA), hugeKey(t, maxRSA+1)
	if _, err := parseCertificates(fits); err != nil {
		t.Errorf("key of %d bits: %v", maxRSA, err)
	}
	if _, err := parseCertificates(huge); err == nil || !strings.Contains(err.Error(), "16385 bits") {
		t.Errorf("key of %d bits in DER: %v", maxRSA+1, err)
	}
	if _, err := parseCertificates(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: huge})); err == nil {
		t.Errorf("key of %d bits in PEM: no error", maxRSA+1)
	}
	if certs := readCertificates(slices.Concat(huge, fits, []byte{0x30, 0x00}, fits)); len(certs) != 2 {
		t.Errorf("%d certificates of a set with two that fit", len(certs))
	}
	if certs := readCertificates(append(slices.Clone(fits), 0x30)); len(certs) != 1 {
		t.Errorf("%d certificates of a set that is cut off", len(certs))
	}
	if certs := readCertificates(slices.Concat(slices.Repeat([][]byte{fits}, maxCerts+1)...)); len(certs) != maxCerts {
		t.Errorf("%d certificates are read, want %d", len(certs), maxCerts)
	}
}

func TestLimits_Signers(t *testing.T) {
	b := newBench(t)
	for n, fits := range map[int]bool{maxSigners: true, maxSigners + 1: false} {
		der := remade(t, b.signer.SignDER(t, []byte("x"), true), func(sd *signedData) {
			sd.Encapsulated.Content = asn1.RawValue{} // it is detached
			sd.Signers = slices.Repeat(sd.Signers, n)
		})
		if _, err := parseCMS(der); (err == nil) != fits {
			t.Errorf("%d signers: %v", n, err)
		}
	}
}

// A manifest that is something else, or lists without end, makes few findings.
func TestLimits_Findings(t *testing.T) {
	limits := Limits{Files: 10}
	for name, text := range map[string]string{
		"no manifest":  strings.Repeat("what is this\n", 10_000),
		"endless list": strings.Repeat("Source: x\n", 10_000),
		"one twice":    "Source: x\n" + strings.Repeat("Hash: 1\n", 10_000),
	} {
		data := csartest.Build(t, csartest.Spec{Manifest: func(string) string { return text }, Store: true})
		a, err := Open(strings.NewReader(string(data)), int64(len(data)), limits)
		if err != nil {
			t.Fatal(err)
		}
		res, err := a.Verify(t.Context(), Policy{At: corpusTime, AllowUnsigned: true})
		if err != nil || res.Accepted || len(res.Findings) > 2*maxProblems {
			t.Errorf("%s: %v, accepted %v, %d findings", name, err, res.Accepted, len(res.Findings))
		}
	}
}

// A certificate file that many entries name is read, and found bad, once.
func TestLimits_CertificateOften(t *testing.T) {
	b := newBench(t)
	often := appendText(strings.Repeat("\nSource: Files/a.sh\nCertificate: Files/a.cert\n", 1000))
	data := csartest.Build(t, csartest.Spec{Option: csartest.Option1, Signer: b.signer, Manifest: often, Files: map[string][]byte{
		"Files/a.sh": []byte("a"), "Files/a.cert": make([]byte, 3<<20),
	}, Store: true})
	bad := 0
	for _, f := range verify(t, data, b.policy).Findings {
		if f.Rule == RuleCertPlace && f.Artifact == "Files/a.cert" {
			bad++
		}
	}
	if bad != 1 {
		t.Errorf("%d findings about one certificate file, want 1", bad)
	}
}

// A signature that two artifacts name is judged once.
func TestLimits_SignatureTwice(t *testing.T) {
	b := newBench(t)
	twice := replace("Source: Files/a.yaml", "Source: Files/a.yaml\nSignature: Files/a.sig.cms")
	data := csartest.Build(t, csartest.Spec{
		Option: csartest.Option1, Signer: b.signer, Manifest: twice, SignFiles: []string{"Files/a.sh"},
		Files: map[string][]byte{"Files/a.sh": []byte("a"), "Files/a.yaml": []byte("a")},
	})
	if res := verify(t, data, b.policy); res.Accepted || !found(res, RuleSignature, "Files/a.yaml") {
		t.Errorf("accepted %v: %v", res.Accepted, res.Findings)
	}
}

// For so many signers a way to an anchor is sought in vain, and for no more.
func TestLimits_Unchained(t *testing.T) {
	b, stranger := newBench(t), csartest.NewCA(t, "other CA").Signer(t, "stranger", nil)
	spec := csartest.Spec{Option: csartest.Option1, Signer: stranger, Files: map[string][]byte{}}
	for i := range maxUnchained + 8 {
		name := fmt.Sprintf("Files/%d.sh", i)
		spec.Files[name], spec.SignFiles = []byte(name), append(spec.SignFiles, name)
	}
	data := csartest.Build(t, spec)
	sought, left := 0, 0
	for _, f := range verify(t, data, b.policy).Findings {
		switch {
		case f.Rule == RuleChain && strings.Contains(f.Text, "no trust anchor leads"):
			sought++
		case f.Rule == RuleChain && strings.Contains(f.Text, "was not looked at"):
			left++
		}
	}
	if sought != maxUnchained || left != 9 { // that of the manifest is one more
		t.Errorf("%d chains were sought and %d left", sought, left)
	}
	if res := verify(t, data, Policy{Anchors: []*x509.Certificate{stranger.Cert}, At: corpusTime}); !res.Accepted {
		t.Errorf("many signatures of one that is trusted: %v", res.Findings)
	}
}
