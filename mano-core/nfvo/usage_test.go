package nfvo_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/mano-core/nfvo"
)

// used names the packages of the trust domain north that are in use.
func (w *world) used() string {
	var used []string
	for _, vnfd := range []string{"db", "fw", "web", "web-2"} {
		if pkg := "pkg-north-" + vnfd; w.svc.UsesPackage(pkg, "north", vnfd) {
			used = append(used, pkg)
		}
	}
	return strings.Join(used, " ")
}

// uses waits until exactly these packages are in use: who reads an operation may
// see that it is closed before the index does.
func (w *world) uses(want string) bool {
	for deadline := time.Now().Add(5 * time.Second); w.used() != want; time.Sleep(time.Millisecond) { // between two looks at what can be seen
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// packagesOf names the packages that an NS's VNFs are of.
func packagesOf(n *nfvo.NsInstance) string {
	var used []string
	for _, v := range n.VnfInstance {
		used = append(used, v.VnfPkgID)
	}
	slices.Sort(used)
	return strings.Join(slices.Compact(used), " ")
}

// What is in use follows from what there is: from before a VNF is made until the
// last one is gone.
func TestUsage(t *testing.T) {
	w := newWorld(t)
	if w.svc.UsesNSD("info-shop") || w.svc.UsesPNFD("pnfd-info") || w.used() != "" {
		t.Error("something is used before there is anything")
	}
	var whileMade string
	w.cat.asked = func() { whileMade = w.used() }
	n := w.instantiated(north, "shop")
	w.cat.asked = nil
	if !strings.Contains(whileMade, "pkg-north-") {
		t.Errorf("in use while the package was looked at: %q", whileMade)
	}
	if !w.svc.UsesNSD("info-shop") || w.svc.UsesNSD("info-south-shop") {
		t.Error("the NSD of the NS alone is in use")
	}
	if !w.uses("pkg-north-db pkg-north-web") || w.svc.UsesPackage("pkg-south-web", "south", "web") {
		t.Errorf("in use: %s", w.used())
	}
	in := updateOf("ADD_PNF")
	in.AddPnfData = []sol005.AddPnfData{{PnfID: "p1", PnfName: "router", PnfdID: "gateway", PnfProfileID: "gw"}}
	w.run(north, n.ID, "update", in)
	if !w.svc.UsesPNFD("pnfd-info") {
		t.Error("the PNFD of an added PNF is not in use")
	}
	w.run(north, n.ID, "terminate", sol005.TerminateNsRequest{})
	if !w.uses("") || w.svc.UsesPNFD("pnfd-info") || !w.svc.UsesNSD("info-shop") {
		t.Errorf("in use after the termination: %s", w.used())
	}
	if r := w.call(north, "DELETE", nsInstances+"/"+n.ID, ""); r.status != http.StatusNoContent || w.svc.UsesNSD("info-shop") {
		t.Errorf("after the deletion: %d", r.status)
	}
}

// No NS is made from an NSD that is disabled, nor from one that is disabled just
// while it is made; and none is instantiated.
func TestDisabledNSD(t *testing.T) {
	w := newWorld(t)
	disable := func(disabled bool) {
		w.cat.mu.Lock()
		defer w.cat.mu.Unlock()
		nsd := w.cat.nsds["shop"]
		nsd.Disabled = disabled
		w.cat.nsds["shop"] = nsd
	}
	const body = `{"nsdId":"shop","nsName":"n","nsDescription":"d"}`
	refused := func(path, body string) {
		t.Helper()
		if r := w.call(north, "POST", nsInstances+path, body); r.status != http.StatusConflict || !strings.Contains(string(r.body), "DISABLED") {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	disable(true)
	refused("", body)
	disable(false)
	looks := 0
	w.cat.looked = func() {
		if looks++; looks == 2 { // after it was stored
			disable(true)
		}
	}
	caller := hub.Identity{TrustDomain: "north", Kind: hub.KindOSS, Name: "bss"}
	request := sol005.CreateNsRequest{NsdID: "shop", NsName: "n", NsDescription: "d"}
	if _, err := w.svc.CreateNs(t.Context(), caller, request, ""); hub.CodeOf(err) != hub.Conflict || w.svc.UsesNSD("info-shop") {
		t.Errorf("disabled while it is made: %v", err)
	}
	w.cat.looked = nil
	disable(false)
	n, err := w.svc.CreateNs(t.Context(), caller, request, "key")
	if err != nil {
		t.Fatal(err)
	}
	disable(true)
	refused("/"+n.ID+"/instantiate", `{"nsFlavourId":"df"}`)
	if again, err := w.svc.CreateNs(t.Context(), caller, request, "key"); err != nil || again.ID != n.ID {
		t.Errorf("the same request again: %v", err)
	}
}
