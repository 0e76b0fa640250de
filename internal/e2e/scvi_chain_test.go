package e2e_test

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/nskit"
)

// scviComputes lists the computes of an NS.
func (h *nsHub) scviComputes(ns string) []ifa006.Compute {
	h.t.Helper()
	vnfs := map[string]bool{}
	for _, v := range h.showNs(ns).VnfInstance {
		vnfs[v.ID] = true
	}
	return slices.DeleteFunc(resources[ifa006.Compute](h, "computes", ""), func(c ifa006.Compute) bool { return !vnfs[c.Metadata["vnfInstanceId"]] })
}

// hostsOf returns the hosts and the zones of computes, each once, sorted.
func hostsOf(list []ifa006.Compute) (hosts, zones []string) {
	for _, c := range list {
		hosts, zones = append(hosts, c.HostID), append(zones, c.ZoneID)
	}
	slices.Sort(hosts)
	slices.Sort(zones)
	return slices.Compact(hosts), slices.Compact(zones)
}

// refusedNs makes an NS whose instantiation must stop for a reason, and returns the
// NS and the operation.
func (h *nsHub) refusedNs(kit string, says ...string) (ns, op string) {
	h.t.Helper()
	ns = h.createNs(kit, "refused")
	op, err := h.task(ns, "instantiate", map[string]string{})
	if err != nil {
		h.t.Fatal(err)
	}
	is := h.awaitOp(op)
	if is.OperationState != sol005.NsLcmOperationStateFailedTemp || is.Error == nil {
		h.t.Fatalf("%s is %s: %+v", kit, is.OperationState, is.Error)
	}
	for _, word := range says {
		if !strings.Contains(is.Error.Detail, word) {
			h.t.Errorf("%s: %q does not say %q", kit, is.Error.Detail, word)
		}
	}
	return ns, op
}

// Where VNFs are is decided through the whole chain, NFVO, VNFM and VIM, and what
// the descriptors and the state of the infrastructure say is kept: affinity and
// anti-affinity, also when a VNF is to move.
//
// Covers: Rel.6, VIM
func TestScViChain_Placement(t *testing.T) {
	t.Parallel()
	h := newNsHub(t, 2, "north", "south")
	signer := h.scviSigner("north")
	const apart = "    - apart: {type: tosca.policies.nfv.NsAntiAffinityRule, properties: {scope: SCOPE}, targets: [a, b]}\n"
	const near = "    - near: {type: tosca.policies.nfv.NsAffinityRule, properties: {scope: SCOPE}, targets: [a, b]}\n"
	in := func(rule, scope string) string { return strings.ReplaceAll(rule, "SCOPE", scope) }
	pair, one := scviVNF{name: "pair", count: 2, vcpus: 1}, scviVNF{name: "single", count: 1, vcpus: 1}
	h.scviOnboard(signer, "north", "hosts-ns", in(apart, "nfvi_node")+in(near, "zone"), pair, pair)
	h.scviOnboard(signer, "north", "zones-ns", in(apart, "zone"), one, one)
	h.scviOnboard(signer, "north", "near-ns", in(near, "nfvi_node"), one, one)
	h.scviOnboard(signer, "north", "safe-ns", "", scviVNF{name: "vault", count: 1, vcpus: 1, needs: []string{"tpm", "hmee"}})
	h.scviOnboard(signer, "north", "hsm-ns", "", scviVNF{name: "signer", count: 1, vcpus: 1, needs: []string{"hsm"}})
	h.scviOnboard(signer, "north", "huge-ns", "", scviVNF{name: "huge", count: 1, vcpus: 20})

	var all []string
	for range 2 {
		ns := h.instantiate("hosts-ns", "apart")
		if hosts, zones := hostsOf(h.scviComputes(ns)); len(hosts) != 4 || len(zones) != 1 {
			t.Errorf("anti-affinity of the VNFD and of the NSD: on %v in %v", hosts, zones)
		}
		zoned, nearby := h.instantiate("zones-ns", "zones"), h.instantiate("near-ns", "near")
		if _, zones := hostsOf(h.scviComputes(zoned)); len(zones) != 2 {
			t.Errorf("anti-affinity of zones: in %v", zones)
		}
		if hosts, _ := hostsOf(h.scviComputes(nearby)); len(hosts) != 1 {
			t.Errorf("affinity: on %v", hosts)
		}
		safe := h.instantiate("safe-ns", "safe")
		for _, c := range h.scviComputes(safe) {
			if (c.HostID != "host-1" && c.HostID != "host-5") || !slices.Equal(c.SecureStorage, []string{"tpm/" + c.ID, "hmee/" + c.ID}) {
				t.Errorf("a VNF that needs a TPM and HMEE is on %s with %v", c.HostID, c.SecureStorage)
			}
		}
		all = append(all, ns, zoned, nearby, safe)
	}
	h.checkNfvi(2 * (4 + 2 + 2 + 1))
	h.scviNoRoomApart(all[0])

	none, _ := h.refusedNs("hsm-ns", "HSM")
	h.scviRollBack(none)
	all = append(all, h.scviShortage())
	for _, ns := range all {
		h.do("ns", "terminate", ns)
		h.do("ns", "delete", ns)
	}
	h.scviEmpty()
}

// scviNoRoomApart stops a host of an NS that uses all hosts of its zone: the rules of
// VNFD and NSD leave no other, so what is on it stays and the order says so.
func (h *nsHub) scviNoRoomApart(ns string) {
	h.t.Helper()
	before := h.scviComputes(ns)
	out, errs, _ := h.cli("host", "stop-use", before[0].HostID, "--vnfs", "migrate")
	hosts, _ := hostsOf(h.scviComputes(ns))
	if len(hosts) != 4 {
		h.t.Errorf("a migration broke the rules: on %v\n%s%s", hosts, out, errs)
	}
	h.do("host", "release", before[0].HostID)
}

// scviRollBack takes a refused instantiation back.
func (h *nsHub) scviRollBack(ns string) {
	h.t.Helper()
	list := []sol005.NsLcmOpOcc{}
	if _, err := h.nslcm().Do(h.t.Context(), http.MethodGet, "/ns_lcm_op_occs?filter=(eq,nsInstanceId,"+ns+")", nil, &list); err != nil || len(list) != 1 {
		h.t.Fatalf("operations of %s: %v %d", ns, err, len(list))
	}
	if _, err := h.nslcm().Do(h.t.Context(), http.MethodPost, "/ns_lcm_op_occs/"+list[0].ID+"/rollback", nil, nil); err != nil {
		h.t.Fatal(err)
	}
	if op := h.awaitOp(list[0].ID); op.OperationState != sol005.NsLcmOperationStateRolledBack {
		h.t.Errorf("rolled back: %s %+v", op.OperationState, op.Error)
	}
	h.do("ns", "delete", ns)
}

// scviShortage asks for more than any host has: the operation waits with the reason,
// the shortage is told, and with a bigger inventory a retry completes it.
func (h *nsHub) scviShortage() string {
	h.t.Helper()
	s := h.scviSM("north", "planner")
	nslcm := s.all[slices.IndexFunc(s.all, func(e *endpoint) bool { return e.Interface == hub.ScOrNsLcm })]
	life := &scviSM{t: h.t, at: nslcm, all: s.all, client: httpClient(h.t, nslcm.tls(&nslcm.Cert), true), doc: s.doc}
	inbox := life.inbox(nslcm)
	header := http.Header{"Version": {"2.3.0"}, "Content-Type": {"application/json"}}
	resp, body := call(h.t, life.client, http.MethodPost, nslcm.URL+"/nslcm/v2/subscriptions", header, `{"callbackUri":"`+inbox.url+`"}`)
	if resp.StatusCode != http.StatusCreated {
		h.t.Fatalf("subscribe to the life cycle: %d %s", resp.StatusCode, body)
	}
	ns, op := h.refusedNs("huge-ns", "short of capacity", "20 vCPUs")
	inbox.await(h.t, "the shortage", 0, func(n *scviNote) bool {
		return n.NotificationType == "NsLcmCapacityShortageNotification" && strings.Contains(n.raw, ns)
	})
	bigger := filepath.Join(h.home, "bigger.yaml")
	writeFile(h.t, bigger, strings.ReplaceAll(nskit.Inventory(2), "numVCpus: 16", "numVCpus: 64"), 0o600)
	h.do("vim", "load", bigger)
	h.do("ns", "ops", "retry", op)
	if is := h.awaitOp(op); is.OperationState != sol005.NsLcmOperationStateCompleted {
		h.t.Fatalf("retry with room: %s %+v", is.OperationState, is.Error)
	}
	h.checkNfvi(2*(4+2+2+1) + 1)
	return ns
}

// scviEmpty wants nothing to be left of what was terminated.
func (h *nsHub) scviEmpty() {
	h.t.Helper()
	h.checkNfvi(0)
	for _, host := range resources[ifa006.Host](h, "hosts", "") {
		if host.Allocated != (ifa006.Capacity{}) || len(host.ComputeIDs) > 0 {
			h.t.Errorf("host %s still has %+v allocated, %v on it", host.ID, host.Allocated, host.ComputeIDs)
		}
	}
	if n := resources[ifa006.Network](h, "networks", ""); len(n) > 0 {
		h.t.Errorf("networks are left: %+v", n)
	}
	if p := resources[ifa006.Port](h, "ports", ""); len(p) > 0 {
		h.t.Errorf("ports are left: %+v", p)
	}
	if s := resources[ifa006.Storage](h, "storages", ""); len(s) > 0 {
		h.t.Errorf("storages are left: %+v", s)
	}
}

// A failed host takes nothing and what was on it is made anew elsewhere; a host that
// is stopped for one domain serves the other; an altered image makes nothing.
func TestScViChain_Trouble(t *testing.T) {
	t.Parallel()
	h := newNsHub(t, 1, "north", "south")
	ns := h.instantiate("north", "edge")
	c := h.scviComputes(ns)[0]
	addresses := resources[ifa006.Port](h, "ports", "(eq,attachedResourceId,"+c.ID+")")
	if len(addresses) != 2 || len(addresses[0].IPAddresses) != 1 || len(c.Storages) != 1 {
		t.Errorf("compute %+v has ports %+v", c, addresses)
	}
	h.do("vim", "event", "host-failed", c.HostID)
	eventually(t, "the VNF is healed elsewhere", patience, func() bool {
		list := h.scviComputes(ns)
		return len(list) == 1 && list[0].ID != c.ID && list[0].HostID != c.HostID && list[0].RunningState == ifa006.Started
	})
	eventually(t, "nothing is left of the failed compute", patience, func() bool {
		return len(resources[ifa006.Port](h, "ports", "")) == 3 && // and that of the SAP
			len(resources[ifa006.Storage](h, "storages", "")) == 1
	})
	h.checkNfvi(1)
	list := []string{ns}
	for range 4 {
		more := h.instantiate("north", "more")
		if hosts, _ := hostsOf(h.scviComputes(more)); hosts[0] == c.HostID {
			t.Errorf("the failed host %s takes a VNF", c.HostID)
		}
		list = append(list, more)
	}
	h.do("vim", "event", "host-recovered", c.HostID)
	h.checkNfvi(5)

	for _, host := range resources[ifa006.Host](h, "hosts", "") {
		h.scviStop(host.ID, "north", host.ID == "host-2")
	}
	stopped, op := h.refusedNs("north", "stopped for this trust domain")
	south := h.instantiate("south", "edge")
	if n := len(h.scviComputes(south)); n != 1 {
		t.Errorf("south has %d computes", n)
	}
	for _, host := range resources[ifa006.Host](h, "hosts", "") {
		h.do("host", "release", host.ID)
	}
	h.do("ns", "ops", "retry", op)
	if is := h.awaitOp(op); is.OperationState != sol005.NsLcmOperationStateCompleted {
		t.Errorf("retry after the release: %s %+v", is.OperationState, is.Error)
	}
	list = append(list, stopped, south)

	image := resources[ifa006.Image](h, "images", "(eq,trustDomain,north)")[0]
	h.do("vim", "event", "image-altered", image.ID, "evil")
	refused, _ := h.refusedNs("north", image.Name, image.ID, "altered")
	h.scviRollBack(refused)
	list = append(list, h.instantiate("south", "not altered"))
	h.checkNfvi(8)
	for _, ns := range list {
		h.do("ns", "terminate", ns)
	}
	h.scviEmpty()
}

// scviStop ends the use of a host for one domain and waits for the end of the job.
func (h *nsHub) scviStop(host, domain string, quarantine bool) {
	h.t.Helper()
	in := ifa006.StopUseRequest{ID: hub.NewID(), Computes: "LEAVE", TrustDomain: domain, Quarantine: quarantine, Reason: "of a test"}
	if _, err := h.vim().Do(h.t.Context(), http.MethodPost, "/hosts/"+host+"/stop_use", in, nil); err != nil {
		h.t.Fatal(err)
	}
	eventually(h.t, "the stop is done", patience, func() bool {
		var job ifa006.Job
		if _, err := h.vim().Do(h.t.Context(), http.MethodGet, "/jobs/"+in.ID, nil, &job); err != nil {
			h.t.Fatal(err)
		}
		return job.State == "COMPLETED"
	})
}
