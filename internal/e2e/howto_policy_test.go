package e2e_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/ifa006"
)

// The page takes an author of policies from an empty folder to a policy that acts
// on a network service of a hub, with the CLI and openssl alone.
func TestHowto_Policy(t *testing.T) {
	t.Parallel()
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "manoward.yaml")
	started := newHub(t, "--config", file)
	config := strings.TrimSuffix(smConfig(t, filepath.Join(started.home, "north-alpha")), "}\n")
	writeFile(t, file, config+fmt.Sprintf(", policyKey: %q, policyKeyId: noc-2026}\n", filepath.Join(dir, "signer.pem")), 0o600)
	h := newNsHubOn(t, started.start(), 1, "north")
	ns := h.instantiate("north", "edge")
	h.scorSM("north", "alpha", "semi-active") // and works once the page has made its key
	out := h.runPages(dir, "write-a-policy.md")
	says(t, out,
		"wrote policies/night_change.rego",
		"6 of 6 tests passed, 3 samples passed, 100% of the lines are covered",
		`wrong/night_change.rego:47:`, `did you mean "operation"?`, "exit code 2",
		"VNF_SCALE on v1 at night, by spiffe://north/oss/portal", `input.time: "2026-01-15T03:00:00Z"`,
		"policies that judged: 1, findings: 0, undecided: 0",
		"engine alone", "signed with  noc-2026", "1: night-change",
		// at the Security Manager, in shadow, and enforced
		"signed with       noc-2026", "VNF_OPERATE on ", "by spiffe://hub/operator/admin",
		"0 night-change/changed-at-night  medium    shadow", "(Nobody should have touched it, so it is ended)",
		"terminate   true   yes", "state     completed", "takes a snapshot of VNF ", "\nblind-spot ")
	_, rolledBack, _ := strings.Cut(out, "next week's set")
	if strings.Contains(rolledBack, "\nnight-change ") {
		t.Errorf("the policy judges after the rollback:\n%s", rolledBack)
	}
	// What the page says is so is read back from the NFVO and the VIM.
	if n := len(h.showNs(ns).VnfInstance); n != 1 {
		t.Errorf("the NS has %d VNFs, want 1 of 2", n)
	}
	if n := len(resources[ifa006.Compute](h, "computes", "")); n != 1 {
		t.Errorf("the VIM has %d computes, want 1", n)
	}
}
