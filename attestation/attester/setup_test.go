package attester_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/formats"
	"github.com/manoward/manoward/internal/hub"
)

// judge checks that a request is accepted, or refused for exactly this reason.
func judge(t *testing.T, name string, csr []byte, by attestation.Attester, nonce string, want attestation.Code) {
	t.Helper()
	registry, err := formats.New(formats.Config{})
	if err != nil {
		t.Fatal(err)
	}
	v := registry.Verify(attestation.Request{CSR: csr, Attester: by, Nonce: []byte(nonce), Time: time.Now()})
	switch {
	case want == "" && (!v.Accepted || v.Assurance != attestation.Protected):
		t.Errorf("%s: refused or too weak: %+v", name, v)
	case want != "" && (v.Accepted || len(v.Reasons) == 0 || v.Reasons[0].Code != want):
		t.Errorf("%s: %v, want %s", name, v.Reasons, want)
	}
}

// opensslVerifies checks that openssl reads a request and finds it signed by its key.
func opensslVerifies(t *testing.T, csr []byte, texts ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "csr.der")
	if err := os.WriteFile(file, csr, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("openssl", "req", "-inform", "DER", "-in", file, "-verify", "-noout", "-text").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "verify OK") {
		t.Errorf("openssl does not verify the request: %v\n%s", err, out)
	}
	for _, text := range texts {
		if !strings.Contains(string(out), text) {
			t.Errorf("openssl does not see %q in the request:\n%s", text, out)
		}
	}
}

// wants checks the code and the text of an error.
func wants(t *testing.T, name string, err error, code hub.Code, text string) {
	t.Helper()
	if hub.CodeOf(err) != code || !strings.Contains(hub.SafeText(err), text) {
		t.Errorf("%s: %v (%s), want one of code %s that says %q", name, err, hub.CodeOf(err), code, text)
	}
}
