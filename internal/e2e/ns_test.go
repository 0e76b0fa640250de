package e2e_test

import (
	"testing"
)

// A network service lives its whole life through the real interfaces, and the
// infrastructure follows: nothing is a canned answer.
func TestNs_Life(t *testing.T) {
	t.Parallel()
	h := newNsHub(t, 2, "north")
	ns := h.instantiate("north", "edge")
	h.checkNfvi(1)
	got := h.showNs(ns)
	if len(got.VnfInstance) != 1 || len(got.VirtualLinkInfo) != 1 || len(got.SapInfo) != 1 || len(got.VnffgInfo) != 1 {
		t.Errorf("NS is %+v", got)
	}
	h.do("ns", "scale", ns, "--aspect", "users", "--steps", "1")
	h.checkNfvi(2)
	h.do("ns", "scale", ns, "--aspect", "users", "--direction", "in")
	h.checkNfvi(1)
	h.do("ns", "terminate", ns)
	h.checkNfvi(0)
	h.do("ns", "delete", ns)
}
