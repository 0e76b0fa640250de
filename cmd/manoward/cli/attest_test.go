package cli

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/internal/testkit/attestkit"
)

// device is a TPM with a certificate of its maker, and its files in a folder.
type device struct {
	folder  string
	ak, key crypto.Signer
}

func newDevice(t *testing.T) device {
	t.Helper()
	d := device{t.TempDir(), attestkit.P256(t), attestkit.P256(t)}
	makerKey := attestkit.P256(t)
	maker := attestkit.Issue(t, attestkit.Cert{Name: "maker", CA: true}, makerKey, nil, nil)
	cert := attestkit.Issue(t, attestkit.Cert{Name: "ak", Usage: tpm.Usage}, d.ak, maker, makerKey)
	statement := attestkit.Certify(t, d.ak, d.key, []byte("challenge"))
	d.pem(t, "ak.pem", "PUBLIC KEY", attestkit.SPKI(t, d.ak))
	d.pem(t, "ak-cert.pem", "CERTIFICATE", cert.Raw)
	d.pem(t, "maker.pem", "CERTIFICATE", maker.Raw)
	d.pem(t, "secret.pem", "PRIVATE KEY", nil)
	d.pem(t, "broken.pem", "CERTIFICATE", nil)
	d.pem(t, "good.csr", "CERTIFICATE REQUEST", d.csr(t, cert, attestkit.Statement(t, tpm.OID, statement)))
	d.pem(t, "old.csr", "CERTIFICATE REQUEST", d.csr(t, cert, attestkit.Statement(t, tpm.OID, statement, attestkit.UTF8("hint"))))
	d.pem(t, "foreign.csr", "CERTIFICATE REQUEST", d.csr(t, cert, attestkit.Statement(t, "2.999.1", attestkit.Int(1))))
	d.pem(t, "bare.csr", "CERTIFICATE REQUEST", attestkit.CSR(t, d.key))
	d.write(t, "statement.der", statement)
	d.write(t, "text", []byte("text"))
	d.write(t, "empty", nil)
	d.write(t, "cut.csr", []byte("-----BEGIN CERTIFICATE REQUEST-----\nMIIB"))
	return d
}

func (d device) csr(t *testing.T, cert *x509.Certificate, statement []byte) []byte {
	t.Helper()
	return attestkit.CSR(t, d.key, attestkit.Attribute(t, attestkit.Bundle([][]byte{statement}, cert)))
}

func (d device) pem(t *testing.T, name, kind string, der []byte) {
	t.Helper()
	d.write(t, name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func (d device) write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.folder, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs attest with arguments in which @ stands for the folder.
func (d device) run(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	for i, a := range args {
		args[i] = strings.Replace(a, "@", d.folder+"/", 1)
	}
	code = Run(t.Context(), Parts{}, Env{Stdout: &stdout, Stderr: &stderr}, append([]string{"attest"}, args...))
	return code, stdout.String(), stderr.String()
}

// collapsed makes one space of several, as columns have them.
func collapsed(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestAttestInspect(t *testing.T) {
	d := newDevice(t)
	key := attestation.KeyDigest(attestkit.SPKI(t, d.key))
	for _, tt := range []struct {
		args, want string // want: parts of what is printed, divided by |
		code       int
	}{
		{"inspect @good.csr", "possession proven|encoding draft-28|2.23.133.20.1, tpm-certify, |fixedTPM true|key " + key + "|ak, issued by CN=maker|SHA-256 " + key, 0},
		{"inspect @old.csr -o json", `"shape": "hint"|"name": "fixedTPM"`, 0},
		{"inspect @foreign.csr", "2.999.1, of a format that is not known, 3 bytes|format-unknown", 0},
		{"inspect @statement.der --type 2.23.133.20.1", "tpm-certify|key", 0},
		{"inspect @text --type 2.23.133.20.1", "problem|statement-malformed", 0},
		{"inspect @bare.csr", "refused, attribute-none: |; put the device's statement into the request", 2},
		{"inspect @text", "text is neither PEM nor DER; name a certificate request", 2},
		{"inspect @empty", "empty is empty", 2},
		{"inspect @cut.csr", "is PEM that is damaged or cut off", 2},
		{"inspect @ak-cert.pem", `holds a "CERTIFICATE"; name a certificate request`, 2},
		{"inspect @secret.pem --type 2.23.133.20.1", `holds a "PRIVATE KEY"`, 2},
		{"inspect @statement.der", "refused, csr-malformed: this is no certificate request (PKCS#10)", 2},
		{"inspect @missing", "cannot be read", 2},
		{"inspect", "takes FILE", 2},
		{"inspect @good.csr --evidence-arc x", "not an OID", 2},
	} {
		code, out, errs := d.run(t, strings.Fields(tt.args)...)
		for part := range strings.SplitSeq(tt.want, "|") {
			if code != tt.code || !strings.Contains(collapsed(out+errs), part) {
				t.Errorf("%s: exit code %d, no %q in\n%s%s", tt.args, code, part, out, errs)
			}
		}
	}
}

func TestAttestVerify(t *testing.T) {
	d := newDevice(t)
	const at = " --type 2.23.133.20.1 --at 2026-11-01T12:00:00Z "
	for _, tt := range []struct {
		args, want string
		code       int
	}{
		{"@good.csr --attester @ak.pem" + at, "accepted|assurance protected|lacks attester-unverified", 0},
		{"@good.csr --attester @ak.pem --restricted --minimum genuine" + at, "genuine", 0},
		{"@good.csr --attester @ak-cert.pem --roots @maker.pem --minimum genuine" + at, "genuine", 0},
		{"@good.csr --roots @maker.pem" + at, "genuine", 0},
		{"@good.csr --attester @ak.pem --nonce 6368616c6c656e6765" + at, "accepted", 0},
		{"@old.csr --attester @ak.pem --old-shapes" + at, "accepted", 0},
		{"@good.csr --attester @ak.pem --nonce 00" + at, "refused, nonce-mismatch: |; make the statement with the challenge|verdict refused", 2},
		{"@good.csr --attester @ak.pem --minimum genuine" + at, "assurance-low|attester-unverified", 2},
		{"@old.csr --attester @ak.pem" + at, "bundle-old-shape", 2},
		{"@foreign.csr --attester @ak.pem" + at, "statement-none", 2},
		{"@good.csr --attester @maker.pem" + at, "statement-signature", 2},
		{"@good.csr --attester @ak-cert.pem --type 2.23.133.20.1 --at 2036-11-01T12:00:00Z", "attester-expired", 2},
		{"@good.csr --attester @ak.pem", "--type is missing", 2},
		{"@good.csr" + at, "--attester and --roots are missing", 2},
		{"@good.csr --attester @ak.pem --minimum none" + at, "use bound, protected or genuine", 2},
		{"@good.csr --attester @ak.pem --nonce xy" + at, "--nonce is not hexadecimal", 2},
		{"@good.csr --attester @ak.pem --type 2.23.133.20.1 --at noon", "--at noon is no time", 2},
		{"@good.csr --attester @secret.pem" + at, `holds "PRIVATE KEY"`, 2},
		{"@good.csr --attester @broken.pem" + at, "a certificate that cannot be read", 2},
		{"@good.csr --attester @text" + at, "holds no PEM", 2},
		{"@good.csr --attester @missing" + at, "cannot be read", 2},
		{"@good.csr --roots @ak.pem" + at, "holds no certificate", 2},
		{"@missing --attester @ak.pem" + at, "cannot be read", 2},
		{"@good.csr --attester @ak.pem --evidence-type x" + at, "not an OID", 2},
	} {
		code, out, errs := d.run(t, append([]string{"verify"}, strings.Fields(tt.args)...)...)
		for part := range strings.SplitSeq(tt.want, "|") {
			if code != tt.code || !strings.Contains(collapsed(out+errs), part) {
				t.Errorf("%s: exit code %d, no %q in\n%s%s", tt.args, code, part, out, errs)
			}
		}
	}
	var v struct {
		Accepted  bool
		Assurance string
		Format    string
	}
	code, out, _ := d.run(t, strings.Fields("verify @good.csr --attester @ak.pem -o json"+at)...)
	if err := json.Unmarshal([]byte(out), &v); err != nil || code != 0 || !v.Accepted || v.Assurance != "protected" || v.Format != "tpm-certify" {
		t.Errorf("as JSON: %d, %v, %s", code, err, out)
	}
}
