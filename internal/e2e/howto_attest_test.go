package e2e_test

import (
	"os/exec"
	"strings"
	"testing"
)

// The page makes keys with a software TPM and a software token, and requests that are
// accepted. It needs no hub.
func TestHowto_Attest(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"swtpm", "softhsm2-util", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is not installed, and the page uses it; run: make deps", tool)
		}
	}
	out := newHub(t).runPages(t.TempDir(), "attest-a-key.md")
	says(t, out, "verify OK", "tpm-certify", "9f86d081884c7d65", "endorsement key", "SoftHSM project")
	if n := strings.Count(out, "accepted"); n != 2 {
		t.Errorf("%d requests are accepted, want that of the TPM and that of the token:\n%s", n, out)
	}
	if n := strings.Count(out, "made, SHA-256"); n != 3 {
		t.Errorf("%d keys were made, want two in the TPM and one in the token:\n%s", n, out)
	}
}
