package e2e_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/nskit"
	"github.com/manoward/manoward/smgr"
)

// vnf is a VNF instance as the plain NFVO shows it; compute is what it runs on.
func (n *plainNFVO) vnf(id, vnfd, compute, name string) sol005.VnfInstance {
	v := sol005.VnfInstance{
		ID: id, VnfInstanceName: name, VnfdID: vnfd, VnfProvider: "vendor", VnfProductName: "some", VnfSoftwareVersion: "1", VnfdVersion: "1",
		VnfPkgID: "pkg-" + vnfd, InstantiationState: "INSTANTIATED",
		InstantiatedVnfInfo: &sol005.InstantiatedVnfInfo{FlavourID: "one", VnfState: "STARTED", ExtCpInfo: []sol005.VnfExtCpInfo{{ID: "cp", CpdID: "front", CpConfigID: "c", AssociatedVnfcCpID: "vnfc-cp"}}},
	}
	if compute != "" {
		v.InstantiatedVnfInfo.VnfcResourceInfo = []sol005.VnfcResourceInfo{{ID: "vnfc", VduID: "app", ComputeResource: sol005.ResourceHandle{VimID: "vim", ResourceID: compute}}}
	}
	return v
}

// add gives the plain NFVO an NS with VNFs, and the packages of these.
func (n *plainNFVO) add(name string, vnfs ...sol005.VnfInstance) {
	n.mu.Lock()
	defer n.mu.Unlock()
	ns := &sol005.NsInstance{ID: "ns-" + name, NsInstanceName: name, NsInstanceDescription: "of a test", NsdID: "nsd", NsdInfoID: "nsd-info", NsState: "INSTANTIATED", VnfInstance: vnfs}
	ns.Links.Self = n.at("/nslcm/v2/ns_instances/" + ns.ID)
	n.nss[ns.ID] = ns
	for _, v := range vnfs {
		p := &sol005.VnfPkgInfo{ID: v.VnfPkgID, VnfdID: v.VnfdID, OnboardingState: "ONBOARDED", OperationalState: "ENABLED", UsageState: "IN_USE"}
		self := "/vnfpkgm/v2/vnf_packages/" + p.ID
		p.Links.Self, p.Links.Vnfd, p.Links.PackageContent = n.at(self), n.at(self+"/vnfd"), n.at(self+"/package_content")
		n.pkgs[p.ID] = p
	}
}

// notify tells the subscribers that an operation on an NS has completed.
func (n *plainNFVO) notify(ns, operation string) {
	n.t.Helper()
	n.mu.Lock()
	subs := []sol005.LccnSubscription{}
	for _, s := range n.subs {
		subs = append(subs, s)
	}
	n.mu.Unlock()
	for _, s := range subs {
		note := sol005.NsLcmOperationOccurrenceNotification{
			ID: hub.NewID(), NsInstanceID: ns, NsLcmOpOccID: hub.NewID(), Operation: sol005.NsLcmOpType(operation), NotificationType: "NsLcmOperationOccurrenceNotification",
			SubscriptionID: s.ID, Timestamp: time.Now().UTC(), NotificationStatus: "RESULT", OperationState: sol005.NsLcmOperationStateCompleted,
		}
		note.Links.NsInstance = sol005.NotificationLink{Href: n.at("/nslcm/v2/ns_instances/" + ns).Href}
		note.Links.NslcmOpOcc = &sol005.NotificationLink{Href: n.at("/nslcm/v2/ns_lcm_op_occs/" + note.NsLcmOpOccID).Href}
		note.Links.Subscription = &sol005.NotificationLink{Href: s.Links.Self.Href}
		raw, err := json.Marshal(note)
		if err != nil {
			n.t.Fatal(err)
		}
		resp, err := n.client.Post(s.CallbackURI, "application/json", bytes.NewReader(raw))
		if err != nil {
			n.t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusNoContent {
			n.t.Fatalf("the notification on %s is answered %s", ns, resp.Status)
		}
	}
}

// foreignCases are what the plain NFVO is asked for; which VNFs, the NSs of the
// test say.
var foreignCases = []struct {
	id, vnfd, action string
	want             []string // of the NS "ns-<id>.x"
	state            smgr.OrderState
	reason           string // of the order
}{
	{"plain", "-web", `{"type": "terminate-vnf"}`, []string{"REMOVE_VNF vnf-plain"}, smgr.OrderCompleted, ""},
	{"snapshot", "-web", `{"type": "terminate-vnf", "snapshot": true}`, []string{"CREATE_VNF_SNAPSHOT vnf-snapshot", "REMOVE_VNF vnf-snapshot"}, smgr.OrderCompleted, ""},
	{"disable", "-spare", `{"type": "terminate-vnf", "disablePackage": true}`, []string{"PACKAGE DISABLED", "REMOVE_VNF vnf-disable"}, smgr.OrderCompleted, ""},
	{"no-replace", "-web", `{"type": "terminate-vnf", "replace": false}`, []string{"REMOVE_VNF vnf-no-replace"}, smgr.OrderCompleted, "knows no bar"},
	{"shared", "-web", `{"type": "terminate-vnf"}`, []string{"REMOVE_VNF vnf-shared"}, smgr.OrderCompleted, ""},
	{"co-hosted", "-web", `{"type": "terminate-vnf", "coHosted": true}`, []string{"REMOVE_VNF vnf-co-hosted"}, smgr.OrderCompleted, ""},
	{"erase", "-web", `{"type": "terminate-vnf", "erase": true}`, nil, smgr.OrderFailed, "SOL 005 has no word for it"},
	{"insert", "-web", `{"type": "insert-security-vnf"}`, []string{"INSTANTIATE_VNF guard"}, smgr.OrderCompleted, ""},
	{"modify", "-guard", `{"type": "modify-security-vnf", "properties": {"inspection": "strict"}}`, []string{"MODIFY_VNF_INFORMATION vnf-modify"}, smgr.OrderCompleted, ""},
	{"remove", "-guard", `{"type": "remove-security-vnf"}`, []string{"REMOVE_VNF vnf-remove"}, smgr.OrderCompleted, ""},
}

// A Security Manager whose configuration points at an NFVO of another make has it
// do what plain SOL 005 can say, in the safe sequence; what it cannot say is told
// at the start, and an order that needs it fails before anything is sent.
//
// Covers: Sc-Or.SecEnforce.001, Sc-Or.SecEnforce.002, Sc-Or.SecurityVnfMgmt.001
func TestAction_ForeignNFVO(t *testing.T) {
	t.Parallel()
	var list []actionPolicy
	for _, c := range foreignCases {
		p := actionOn(c.id, "HEAL", c.vnfd, "["+c.action+"]")
		if c.id == "insert" {
			p.target = `{"nsInstanceId": input.ns.id, "vnfProfileId": "guard"}`
		}
		list = append(list, p)
	}
	stop := actionHostCase{"stop-migrate", "migrate", false, "SF"}
	f := newForeignHub(t, append(list, stop.policy()))
	f.reported()
	for _, c := range foreignCases {
		f.nfvo.notify("ns-"+c.id+".x", "HEAL")
	}
	for _, c := range foreignCases {
		o := f.order(c.id, hub.Target{NsInstanceID: "ns-" + c.id + ".x"})
		if o.State != c.state || !strings.Contains(o.Reason, c.reason) {
			t.Errorf("%s: the order is %s (%s), want %s; steps %+v", c.id, o.State, o.Reason, c.state, o.Steps)
		}
		if got := f.changesOf("ns-" + c.id + ".x"); !slices.Equal(got, c.want) {
			t.Errorf("%s: the NFVO was asked for %q, want %q", c.id, got, c.want)
		}
	}
	if got := f.changesOf("ns-sharing"); !slices.Equal(got, []string{"REMOVE_VNF vnf-shared"}) {
		t.Errorf("the NS that shares the VNF was asked for %q", got)
	}
	eventually(t, "the VNF on the same host is removed", patience, func() bool {
		return slices.Equal(f.changesOf("ns-neighbour"), []string{"REMOVE_VNF vnf-neighbour"})
	})
	// SOL 005 has nothing for hosts; the VIM, which is ours, tells of one.
	if _, err := f.vim().Do(t.Context(), http.MethodPost, "/events", ifa006.Exercise{Kind: "host-integrity", Target: actionHost(stop.id, 0), Value: "UNTRUSTED"}, nil); err != nil {
		t.Fatal(err)
	}
	if o := f.order(stop.id, hub.Target{HostID: actionHost(stop.id, 0)}); o.State != smgr.OrderFailed || !strings.Contains(o.Reason, "end it at the VIM") {
		t.Errorf("the order to end the use of a host is %s (%s)", o.State, o.Reason)
	}
	f.nfvo.mu.Lock()
	defer f.nfvo.mu.Unlock()
	for _, e := range f.nfvo.extras {
		if e != "GET /manoward/v1/session" {
			t.Errorf("the NFVO was asked for what is no SOL 005: %s", e)
		}
	}
	for _, i := range []hub.Interface{hub.ScOrNsLcm, hub.ScOrStatusInfo, hub.ScOrSecEnforce, hub.ScOrSecurityVnfMgmt} {
		if id := "spiffe://north/sm/alpha/" + string(i); !f.nfvo.clients[id] {
			t.Errorf("%s never asked; those who did are %v", id, f.nfvo.clients)
		}
	}
}

// foreignHub is a hub with a Security Manager alpha at a plain NFVO. The VIM is
// the hub's own.
type foreignHub struct {
	*nsHub
	nfvo *plainNFVO
	api  *httpapi.Client // of operators
}

func newForeignHub(t *testing.T, list []actionPolicy) *foreignHub {
	t.Helper()
	signer, dir := newActionSigner(t, "team"), t.TempDir()
	config, bundle, credentials := filepath.Join(dir, "manoward.yaml"), filepath.Join(dir, "policies.tar.gz"), filepath.Join(dir, "alpha")
	writeFile(t, bundle, string(signer.bundle(t, actionFiles(list...))), 0o600)
	writeFile(t, config, fmt.Sprintf("securityManagers:\n  - {name: alpha, trustDomain: north, credentials: %q, scOr: %q, scVi: %q, policies: %q, policyKey: %q, policyKeyId: team, orderLimit: 100}\n",
		credentials, smPort(t), smPort(t), bundle, signer.public), 0o600)
	f := &foreignHub{nsHub: &nsHub{hubProcess: startHub(t, "--config", config), kits: map[string]*nskit.Kit{}}}
	stock := filepath.Join(f.home, "inventory.yaml")
	writeFile(t, stock, actionInventory(1, []string{"stop-migrate"}, roomy), 0o600)
	f.do("vim", "load", stock)
	f.do("trust-domain", "create", "north")
	f.onboard("north", nskit.New(t, "north"))
	// Two computes on one host, which the NFVO says are of its VNFs.
	f.instantiate("north", "one")
	f.instantiate("north", "two")
	computes := resources[ifa006.Compute](f.nsHub, "computes", "")

	registered := filepath.Join(f.home, "registered")
	f.do("sm", "register", "alpha", "--trust-domain", "north", "--mode", "fully-active", "--out", registered)
	roots := x509.NewCertPool()
	for _, e := range readEndpoints(t, registered, "north", "alpha") {
		raw, err := os.ReadFile(e.Files + ".ca.crt")
		if err != nil || !roots.AppendCertsFromPEM(raw) {
			t.Fatalf("the CA of %s: %v", e.Interface, err)
		}
	}
	f.nfvo = newPlainNFVO(t, roots)
	for _, c := range foreignCases {
		compute := ""
		if c.id == "co-hosted" {
			compute = computes[0].ID
		}
		f.nfvo.add(c.id+".x", f.nfvo.vnf("vnf-"+c.id, "vendor"+c.vnfd, compute, ""))
	}
	f.nfvo.add("sharing", f.nfvo.vnf("vnf-shared", "vendor-web", "", ""))
	f.nfvo.add("neighbour", f.nfvo.vnf("vnf-neighbour", "vendor-other", computes[1].ID, ""))
	f.pointAt(registered, credentials)
	c := f.operatorContext()
	f.api = &httpapi.Client{Base: c.Server + "/manoward/v1/security_managers/alpha", Version: "1.0.0", HTTP: httpClient(t, adminTLS(t, c, true), true)}
	f.smReady()
	if _, err := f.api.Do(t.Context(), http.MethodPut, "/levels/*/*", map[string]any{"level": smgr.LevelEnforce, "reason": "of a test"}, nil); err != nil {
		t.Fatal(err)
	}
	return f
}

// pointAt copies a directory of credentials, with all of Sc-Or at the plain NFVO,
// as its operator would.
func (f *foreignHub) pointAt(from, to string) {
	f.t.Helper()
	next := to + ".new"
	if err := os.CopyFS(next, os.DirFS(from)); err != nil {
		f.t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(next, "endpoints.json"))
	if err != nil {
		f.t.Fatal(err)
	}
	endpoints := map[hub.Interface]map[string]any{}
	if err := json.Unmarshal(raw, &endpoints); err != nil {
		f.t.Fatal(err)
	}
	for _, i := range hub.Interfaces() {
		if i == hub.ScViTelem {
			continue
		}
		endpoints[i]["url"], endpoints[i]["serverName"] = f.nfvo.server.URL, plainName
		writeFile(f.t, filepath.Join(next, string(i)+".ca.crt"), f.nfvo.root(), 0o600)
	}
	writeFile(f.t, filepath.Join(next, "endpoints.json"), jsonOf(f.t, endpoints), 0o600)
	if err := os.Rename(next, to); err != nil {
		f.t.Fatal(err)
	}
}

// reported wants what the NFVO cannot do in the log, the status and beside
// readiness.
func (f *foreignHub) reported() {
	f.t.Helper()
	cannot := []string{"erase", "stop-host", "replace false", "Idempotency-Key", "unauthorized attempts"}
	var status struct {
		NFVO *struct {
			Extensions bool
			Cannot     []string
		}
	}
	eventually(f.t, "the status says what the NFVO cannot do", patience, func() bool {
		if _, err := f.api.Do(f.t.Context(), http.MethodGet, "/status", nil, &status); err != nil {
			f.t.Fatal(err)
		}
		return status.NFVO != nil && len(status.NFVO.Cannot) == len(cannot)
	})
	c := f.operatorContext()
	_, ready := call(f.t, httpClient(f.t, adminTLS(f.t, c, true), false), "GET", c.Server+"/readyz?format=text", nil, "")
	log := f.log.String()
	for i, what := range cannot {
		if status.NFVO.Extensions || !strings.Contains(status.NFVO.Cannot[i], what) {
			f.t.Errorf("the status says %+v", status.NFVO)
		}
		if !strings.HasPrefix(ready, "ready\n") || !strings.Contains(ready, "note: security-manager/north/alpha: "+status.NFVO.Cannot[i]) {
			f.t.Errorf("/readyz does not say %q:\n%s", status.NFVO.Cannot[i], ready)
		}
		if !strings.Contains(log, what) {
			f.t.Errorf("the log does not say %q", what)
		}
	}
}

// order waits for the only order of a policy on a target to come to its end.
func (f *foreignHub) order(policy string, on hub.Target) (found smgr.Order) {
	f.t.Helper()
	eventually(f.t, "the order of "+policy+" ends", patience, func() bool {
		var list []smgr.Order
		if _, err := f.api.Do(f.t.Context(), http.MethodGet, "/orders?policy="+policy, nil, &list); err != nil {
			f.t.Fatal(err)
		}
		list = slices.DeleteFunc(list, func(o smgr.Order) bool {
			return o.Target.NsInstanceID != on.NsInstanceID || o.Target.HostID != on.HostID
		})
		if len(list) > 1 {
			f.t.Fatalf("%s has the orders %+v", policy, list)
		}
		if len(list) == 1 {
			found = list[0]
		}
		return found.State.Final()
	})
	return found
}

// changesOf are what the plain NFVO was asked to change in an NS, in order.
func (f *foreignHub) changesOf(ns string) []string {
	f.nfvo.mu.Lock()
	defer f.nfvo.mu.Unlock()
	return slices.Clone(f.nfvo.changes[ns])
}
