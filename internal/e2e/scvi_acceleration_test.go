package e2e_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/nskit"
)

// A VDU that asks for acceleration is on a host that has all of it. While there is none
// the operation waits with the reason, also when the hub is killed; and an inventory
// cannot take away what is used.
//
// Covers: VIM
func TestScViChain_Acceleration(t *testing.T) {
	t.Parallel()
	h := newNsHub(t, 1, "north")
	signer := h.scviSigner("north")
	h.scviOnboard(signer, "north", "gpu-ns", "", scviVNF{name: "cruncher", count: 1, vcpus: 1, needs: []string{"acceleration.gpu", "acceleration.crypto"}})
	load := func(name string, hosts map[string]string) string {
		yaml := nskit.Inventory(1)
		for host, has := range hosts {
			yaml = strings.Replace(yaml, "{hostId: "+host+",", "{hostId: "+host+", accelerationCapability: ["+has+"],", 1)
		}
		path := filepath.Join(h.home, name+".yaml")
		writeFile(t, path, yaml, 0o600)
		return path
	}
	h.do("vim", "load", load("half", map[string]string{"host-2": "gpu"}))
	ns, op := h.refusedNs("gpu-ns", "4 without the acceleration that is needed (crypto, gpu)")
	h.kill()
	h.start()
	h.fails(2, "cannot name a resource", "vim", "load", load("odd", map[string]string{"host-3": `"g p u"`}))
	h.do("vim", "load", load("whole", map[string]string{"host-2": "gpu", "host-3": "gpu, crypto, fpga"}))
	h.do("ns", "ops", "retry", op)
	if is := h.awaitOp(op); is.OperationState != sol005.NsLcmOperationStateCompleted {
		t.Fatalf("retry with a host that has it: %s %+v", is.OperationState, is.Error)
	}
	used := func() {
		t.Helper()
		list := h.scviComputes(ns)
		if len(list) != 1 || list[0].HostID != "host-3" || !slices.Equal(list[0].Acceleration, []string{"crypto", "gpu"}) {
			t.Errorf("on the wrong host, or without what it needs: %+v", list)
		}
	}
	used()
	if out := h.do("host", "show", "host-3"); !strings.Contains(out, "crypto,fpga,gpu") {
		t.Errorf("the host is shown as:\n%s", out)
	}
	h.fails(5, "takes away (crypto)", "vim", "load", load("less", map[string]string{"host-3": "gpu"}))
	h.kill()
	h.start()
	used()
	if flavours := resources[ifa006.Flavour](h, "flavours", ""); !slices.ContainsFunc(flavours, func(f ifa006.Flavour) bool { return slices.Equal(f.Acceleration, []string{"crypto", "gpu"}) }) {
		t.Errorf("no flavour asks for acceleration: %+v", flavours)
	}
	h.do("ns", "terminate", ns)
	h.do("vim", "load", load("less", map[string]string{"host-3": "gpu"}))
	h.do("ns", "delete", ns)
	h.scviEmpty()
}
