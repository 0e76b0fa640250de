package e2e_test

import "testing"

// The commands of the page about policies need no hub, but the program and
// openssl.
func TestHowto_Policy(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	says(t, h.runPages(t.TempDir(), "write-a-policy.md"),
		"wrote policies/night_change.rego",
		"5 of 5 tests passed, 2 samples passed, 100% of the lines are covered",
		`wrong/night_change.rego:42:`, `did you mean "operation"?`, "exit code 2",
		"VNF_SCALE on v1 at night, by spiffe://north/oss/portal", `input.time: "2026-01-15T03:00:00Z"`,
		"policies that judged: 1, findings: 0, undecided: 0",
		"engine alone", "signed with  noc-2026", "1: night-change")
}
