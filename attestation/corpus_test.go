package attestation_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/pkix"
	"github.com/manoward/manoward/attestation/tpm"
	kit "github.com/manoward/manoward/internal/testkit/attestkit"
)

const (
	// evidenceOID stands for the OID that the draft has not assigned yet.
	evidenceOID = "2.999.20"
	// sampleOID is what the oldest samples call the TPM's statement.
	sampleOID = "1.2.3.999"
)

// corpusTime is when the evidence was good; the TPM's samples name bare keys, which
// have no end.
var corpusTime = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func corpusRegistry(t *testing.T) *attestation.Registry {
	t.Helper()
	evidence, err := pkix.New(pkix.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := attestation.NewRegistry(map[string]attestation.Format{tpm.OID: tpm.Format{}, sampleOID: tpm.Format{}, evidenceOID: evidence})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// shared returns the folder of the corpus, which is kept beside the project.
func shared(t *testing.T) string {
	t.Helper()
	root := os.Getenv("MANOWARD_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	name := filepath.Join(root, "corpus", "attestation")
	if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
		t.Skipf("%s is not there: the corpora are kept beside the project; set MANOWARD_SHARED", name)
	}
	return name
}

// Each row of expected.tsv has the verdict that it has there: with the strict
// decoder, and with the one that reads older drafts.
func TestCorpus(t *testing.T) {
	root := shared(t)
	table, err := os.ReadFile(filepath.Join(root, "expected.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	rows, judged := strings.Split(strings.TrimSpace(string(table)), "\n")[1:], 0
	for _, line := range rows {
		row := strings.Split(line, "\t")
		name, verdict, note := row[0], row[1], row[2]
		file, _, _ := strings.Cut(name, "#")
		data, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if block, _ := pem.Decode(data); block != nil {
			data = block.Bytes
		}
		var strict, lax attestation.Verdict
		switch {
		case verdict == "-":
			if _, err := x509.ParseCertificate(data); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		case strings.HasPrefix(file, "evidence/"):
			strict, lax = judgeEvidence(t, filepath.Join(root, filepath.Dir(file)), data, note)
		default:
			strict, lax = judgeCSR(t, data)
			checkPossession(t, name, data, row[4])
		}
		judged++
		if strict.Accepted != (verdict == "accept") {
			t.Errorf("%s: strict: accepted %t, reasons %v, want %s", name, strict.Accepted, strict.Reasons, verdict)
		}
		if lax.Accepted != strings.HasPrefix(verdict, "accept") {
			t.Errorf("%s: with older shapes: accepted %t, reasons %v, want %s", name, lax.Accepted, lax.Reasons, verdict)
		}
		if verdict == "accept-if-old-shape" {
			kit.Expect(t, name, strict, attestation.BundleOldShape)
		}
		if invalid := lax.Failed(attestation.StatementSignature); row[3] != "-" && invalid != (row[3] == "invalid") {
			t.Errorf("%s: the signature of the statement is not %s: %v", name, row[3], lax.Reasons)
		}
	}
	if judged < 15 {
		t.Errorf("only %d of %d rows were judged", judged, len(rows))
	}
}

// judgeCSR registers the attestation key whose certificate the request carries.
func judgeCSR(t *testing.T, data []byte) (strict, lax attestation.Verdict) {
	t.Helper()
	req := attestation.Request{CSR: data, Time: corpusTime, Attester: attestation.Attester{Statement: tpm.OID, Key: []byte{0}}}
	if csr, err := x509.ParseCertificateRequest(data); err == nil {
		bundle, err := attestation.BundleOf(csr, true)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(bundle.Certs, func(c *x509.Certificate) bool { return !bytes.Equal(c.RawSubject, c.RawIssuer) })
		req.Attester.Statement, req.Attester.Key = bundle.Statements[0].OID, bundle.Certs[i].RawSubjectPublicKeyInfo
	}
	strict = corpusRegistry(t).Verify(req)
	req.Policy.OldShapes = true
	return strict, corpusRegistry(t).Verify(req)
}

// checkPossession compares the column pkcs10_signature.
func checkPossession(t *testing.T, name string, data []byte, want string) {
	t.Helper()
	got, known := "valid", map[attestation.Code]string{attestation.CSRSignature: "invalid", attestation.CSRMalformed: "absent"}
	if _, err := attestation.ParseCSR(data); err != nil {
		got = known[attestation.ReasonOf(err, "").Code]
	}
	if got != want && want != "-" {
		t.Errorf("%s: the signature of the request is %s, want %s", name, got, want)
	}
}

// judgeEvidence asks about the key whose digest the note of the row has, or about
// a key that nobody reports. There is no request: nobody has the private keys.
func judgeEvidence(t *testing.T, folder string, data []byte, note string) (strict, lax attestation.Verdict) {
	t.Helper()
	key := kit.SPKI(t, kit.P256(t))
	for i := range data {
		if end := i + 91; end <= len(data) && data[i] == 0x30 {
			if digest := sha256.Sum256(data[i:end]); strings.Contains(note, hex.EncodeToString(digest[:])) {
				key = data[i:end]
			}
		}
	}
	cert := func(name string) *x509.Certificate { return kit.Parse(t, kit.ReadPEM(t, filepath.Join(folder, name))) }
	req := attestation.Request{Time: corpusTime, Attester: attestation.Attester{Statement: evidenceOID, Key: cert("ak.crt").RawSubjectPublicKeyInfo}}
	statement := attestation.Statement{OID: evidenceOID, DER: data}
	strict = corpusRegistry(t).VerifyStatement(key, statement, nil, req)
	if strict.Accepted {
		req.Attester.Chain, req.Attester.Roots = []*x509.Certificate{cert("ak.crt"), cert("int.crt")}, []*x509.Certificate{cert("ca.crt")}
		if v := corpusRegistry(t).VerifyStatement(key, statement, nil, req); v.Assurance != attestation.Genuine {
			t.Errorf("with the chain of the sample: %+v", v)
		}
	}
	req.Policy.OldShapes = true
	return strict, corpusRegistry(t).VerifyStatement(key, statement, nil, req)
}

// The working group's request: its statement is good, and the certificate of its
// attester leads to the sample's root of version 1, as long as it was good.
func TestCorpusStatementOfBadRequest(t *testing.T) {
	root := filepath.Join(shared(t), "csr-tpm")
	csr, err := x509.ParseCertificateRequest(kit.ReadPEM(t, filepath.Join(root, "tcgAttestTpmCertify.pem")))
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := attestation.BundleOf(csr, true)
	if err != nil || bundle.Shape != attestation.ShapeHint {
		t.Fatalf("shape %q, %v", bundle.Shape, err)
	}
	ak, anchor := kit.Parse(t, kit.ReadPEM(t, filepath.Join(root, "chain", "ak.crt"))), kit.Parse(t, kit.ReadPEM(t, filepath.Join(root, "chain", "root.crt")))
	for name, tt := range map[string]struct {
		at    time.Time
		nonce string
		codes []attestation.Code
	}{
		"while it was good": {time.Date(2024, 11, 1, 0, 0, 0, 0, time.UTC), "\x00\xff\x55\xaa", nil},
		"after its end":     {corpusTime, "\x00\xff\x55\xaa", []attestation.Code{attestation.AttesterExpired}},
		"another nonce":     {time.Date(2024, 11, 1, 0, 0, 0, 0, time.UTC), "\x00", []attestation.Code{attestation.NonceMismatch}},
	} {
		req := attestation.Request{Time: tt.at, Nonce: []byte(tt.nonce), Attester: attestation.Attester{Statement: tpm.OID, Chain: []*x509.Certificate{ak}, Roots: []*x509.Certificate{anchor}}}
		kit.Expect(t, name, corpusRegistry(t).VerifyStatement(csr.RawSubjectPublicKeyInfo, bundle.Statements[0], bundle.Certs, req), tt.codes...)
	}
}
