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
	"github.com/manoward/manoward/internal/testkit/csartest"
	"github.com/manoward/manoward/internal/testkit/nskit"
)

// scorAttempts is who tries what on the trust domain north, and who is told.
type scorAttempts struct {
	*testing.T
	h      *nsHub
	in     *scorInbox // of a passive SM of north
	ns     string
	web    []string
	people struct{ passive, south *scorSM }
	due    []scorTold
}

// Every unauthorized attempt to change a VNF, by whomever, is told to the
// Security Managers of the domain that it was aimed at, and to nobody else.
//
// Covers: Sc-Or.NsLcm.003, Security.003, Security.007
func TestScOr_Attempts(t *testing.T) {
	t.Parallel()
	h := newNsHub(t, 2, "north", "south")
	x := &scorAttempts{T: t, h: h}
	x.people.passive, x.people.south = h.scorSM("north", "watch", "passive"), h.scorSM("south", "intruder", "fully-active")
	x.in, _ = x.people.passive.subscribe(&sol005.LifecycleChangeNotificationsFilter{NotificationTypes: []string{"manoward.UnauthorizedAttemptNotification"}})
	southIn, _ := x.people.south.subscribe(nil)
	deaf, _ := x.people.passive.subscribe(&sol005.LifecycleChangeNotificationsFilter{NotificationTypes: []string{"NsIdentifierCreationNotification"}})
	x.ns = h.instantiate("north", "edge")
	h.mustComplete(x.ns, "scale", sol005.ScaleNsRequest{ScaleType: "SCALE_NS", ScaleNsData: &sol005.ScaleNsData{ScaleNsByStepsData: &sol005.ScaleNsByStepsData{ScalingDirection: "SCALE_OUT", AspectID: "users", NumberOfSteps: 1}}})
	x.web = h.vnfsOf(x.ns, h.kits["north"].WebVNFD())

	x.managers()
	x.oss()
	x.packages()
	x.grants()
	x.settle()

	// One aimed at south is told there, and only there.
	x.people.passive.must(http.StatusNotFound, hub.ScOrSecEnforce, "POST", "/nslcm/v2/ns_instances/"+h.createNs("south", "far")+"/update", scorRemove([]string{hub.NewID()}))
	southIn.await(t, "an attempt on south at south", func(n scorNote) bool { return n.Attempt != nil && strings.Contains(n.Attempt.Actor, "/watch/") })
	for _, n := range southIn.got() {
		if n.Attempt != nil && !strings.Contains(n.Attempt.Actor, "/watch/") {
			t.Errorf("south is told of what was aimed at north: %s", n.line())
		}
	}
	for _, n := range x.in.got() {
		if n.Attempt == nil || n.Attempt.RecordID == "" || n.Type != "manoward.UnauthorizedAttemptNotification" {
			t.Errorf("the filter lets through %s", n.line())
		} else if kind, id, _ := strings.Cut(n.Attempt.Target, "/"); kind == "" || id == "" {
			t.Errorf("nobody can tell what it was aimed at: %s", n.line())
		}
	}
	for _, n := range deaf.got() {
		if n.Attempt != nil {
			t.Errorf("a filter for other types lets through %s", n.line())
		}
	}
}

// told notes that north must be told of an attempt by somebody.
func (x *scorAttempts) told(what, actor, operation, reason string) {
	x.due = append(x.due, scorTold{what, actor, operation, reason})
}

// scorTold is an attempt: words that its notification has.
type scorTold struct{ what, actor, operation, reason string }

// settle waits for what is due; the records of it are in the log of north.
func (x *scorAttempts) settle() {
	x.Helper()
	for _, d := range x.due {
		n := x.in.await(x, d.what, func(n scorNote) bool {
			return n.Attempt != nil && strings.Contains(n.Attempt.Actor, d.actor) && n.Attempt.Operation == d.operation && strings.Contains(n.Attempt.Reason, d.reason)
		})
		if !slices.ContainsFunc(x.h.records("north"), func(r hub.Record) bool { return r.ID == n.Attempt.RecordID }) {
			x.Errorf("%s: the record %s is not in the log of north", d.what, n.Attempt.RecordID)
		}
	}
	x.due = nil
}

// managers: an SM of another trust domain, and one in the wrong mode, for each
// thing that can be ordered.
func (x *scorAttempts) managers() {
	update := "/nslcm/v2/ns_instances/" + x.ns + "/update"
	x.people.south.must(http.StatusNotFound, hub.ScOrSecEnforce, "POST", update, scorRemove(x.web))
	x.told("termination by an SM of another domain", "spiffe://south/sm/intruder/sc-or.sec-enforce", "ns.update:REMOVE_VNF", "another trust domain")
	x.people.south.must(http.StatusNotFound, hub.ScOrSecurityVnfMgmt, "POST", update, scorGuard(x.h.kits["north"]))
	x.told("instantiation by an SM of another domain", "intruder", "ns.update:INSTANTIATE_VNF", "another trust domain")
	x.people.passive.must(http.StatusForbidden, hub.ScOrSecEnforce, "POST", update, scorRemove(x.web))
	x.told("termination in the wrong mode", "/watch/", "ns.update:REMOVE_VNF", "mode")
	x.people.passive.must(http.StatusForbidden, hub.ScOrSecurityVnfMgmt, "POST", update, sol005.UpdateNsRequest{UpdateType: sol005.UpdateModifyVnfInformation, ModifyVnfInfoData: []sol005.ModifyVnfInfoData{{VnfInstanceID: x.web[0], VnfInstanceName: "mine"}}})
	x.told("modification in the wrong mode", "/watch/", "ns.update:MODIFY_VNF_INFORMATION", "mode")
	x.people.passive.must(http.StatusForbidden, hub.ScOrNsLcm, "POST", "/nslcm/v2/ns_instances/"+x.ns+"/terminate", map[string]string{})
	x.told("what Sc-Or does not offer", "/watch/", "ns.terminate", "")
	x.people.passive.must(http.StatusForbidden, hub.ScOrSecEnforce, "POST", "/sc-or/v1/hosts/host-1/stop_use", map[string]any{"vnfs": "TERMINATE"})
	x.told("stop of a host in the wrong mode", "/watch/", "host.stop-use", "mode")
	var pkgs []sol005.VnfPkgInfo
	x.people.passive.read(hub.ScOrNsLcm, "/vnfpkgm/v2/vnf_packages", &pkgs)
	x.people.south.must(http.StatusNotFound, hub.ScOrSecEnforce, "PATCH", "/vnfpkgm/v2/vnf_packages/"+pkgs[0].ID, map[string]string{"operationalState": "DISABLED"})
	x.told("a package disabled by an SM of another domain", "intruder", "vnf-package.update", "another trust domain")
	// An order on one's own NS that names another domain's VNF.
	own := x.h.instantiate("south", "own")
	a := x.people.south.must(http.StatusNotFound, hub.ScOrSecEnforce, "POST", "/nslcm/v2/ns_instances/"+own+"/update", scorRemove(x.web[:1]))
	x.told("another domain's VNF in an order on one's own NS", "intruder", "ns.update:REMOVE_VNF", "another trust domain")
	none := hub.NewID()
	b := x.people.south.must(http.StatusNotFound, hub.ScOrSecEnforce, "POST", "/nslcm/v2/ns_instances/"+own+"/update", scorRemove([]string{none}))
	if strings.ReplaceAll(scorProblem(a.body), x.web[0], "ID") != strings.ReplaceAll(scorProblem(b.body), none, "ID") {
		x.Errorf("a VNF of another domain is told from none:\n%s\n%s", a.body, b.body)
	}
}

// scorRefused sends a request of an OAuth client that must be refused.
func (h *nsHub) scorRefused(c hub.OAuthClient, at hub.ReferencePoint, method, path, body string, status int) string {
	h.t.Helper()
	p := h.points()[at]
	api, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	header := http.Header{"Version": {scorVersions[api]}, "Authorization": {"Bearer " + h.token(p, c)}, "Content-Type": {"application/json"}, "Accept": {"application/json"}}
	resp, text := call(h.t, h.at(p, false), method, p.URL+path, header, body)
	if resp.StatusCode != status {
		h.t.Errorf("%s %s by %s: %d, want %d: %s", method, path, c.Name, resp.StatusCode, status, text)
	}
	return text
}

// oss: clients that are bound to another trust domain, or may only read.
func (x *scorAttempts) oss() {
	h := x.h
	shop := h.createClient("shop", "--party", "oss", "--trust-domain", "south")
	h.scorRefused(shop, hub.OsMa, "POST", "/nslcm/v2/ns_instances/"+x.ns+"/terminate", "{}", 404)
	x.told("termination by another domain's OSS", "spiffe://south/oss/shop", "ns.terminate", "another trust domain")
	update := "/nslcm/v2/ns_instances/" + x.ns + "/update"
	h.scorRefused(shop, hub.OsMa, "POST", update, `{"updateType":"REMOVE_VNF","removeVnfInstanceId":["`+x.web[0]+`"]}`, 404)
	x.told("an update by another domain's OSS", "/oss/shop", "ns.update:REMOVE_VNF", "another trust domain")
	h.scorRefused(shop, hub.OsMa, "POST", update, `{"updateType":`, 404)
	x.told("an update that cannot be read", "/oss/shop", "ns.update", "another trust domain")
	h.scorRefused(shop, hub.OsMa, "POST", "/nslcm/v2/ns_instances", `{"nsdId":"`+h.kits["north"].NSDID()+`","nsName":"x","nsDescription":"x"}`, 404)
	x.told("creation by another domain's OSS", "/oss/shop", "ns.create", "another trust domain")
	h.scorRefused(shop, hub.OsMa, "POST", "/vnfpkgm/v2/vnf_packages", `{"userDefinedData":{"manoward.trustDomain":"north"}}`, 404)
	x.told("on-boarding by another domain's OSS", "/oss/shop", "package.create", "another trust domain")
	element := h.createClient("element", "--party", "em", "--trust-domain", "south")
	h.scorRefused(element, hub.VNFM, "POST", "/vnflcm/v2/vnf_instances/"+x.web[0]+"/heal", "{}", 404)
	x.told("healing by another domain's EM", "spiffe://south/em/element", "vnf.heal", "another trust domain")
	own := h.createClient("own-element", "--party", "em", "--trust-domain", "north")
	h.scorRefused(own, hub.VNFM, "POST", "/vnflcm/v2/vnf_instances/"+x.web[0]+"/terminate", `{"terminationType":"FORCEFUL"}`, 403)
	x.told("termination by an EM", "spiffe://north/em/own-element", "vnf.terminate", "")
}

// packages: what is refused at on-boarding.
func (x *scorAttempts) packages() {
	h := x.h
	board := func(name string, raw []byte) {
		path := filepath.Join(h.home, name)
		writeFile(x, path, string(raw), 0o600)
		if _, _, code := h.cli("package", "onboard", path, "--trust-domain", "north"); code == 0 {
			x.Errorf("%s is on-boarded", name)
		}
	}
	board("stranger.csar", nskit.New(x, "stranger").Web)
	x.told("a package of a signer that the domain does not trust", "", "package.upload", "")
	ca := csartest.NewCA(x, "changed packages")
	raw := csartest.Build(x, csartest.Spec{
		Option: csartest.Option1, Signer: ca.Signer(x, "vendor", nil), Files: map[string][]byte{"Files/disk.img": []byte("as it was\n")},
		Pack: func(files []csartest.File) []csartest.File {
			for i := range files {
				if files[i].Name == "Files/disk.img" {
					files[i].Data = []byte("as it is!\n")
				}
			}
			return files
		},
	})
	board("changed.csar", raw)
	x.told("a package with an altered artifact", "", "package.upload", "Files/disk.img")
}

// grants: what the NFVO does not grant.
func (x *scorAttempts) grants() {
	h := x.h
	manager := h.createClient("manager", "--party", "vnfm", "--trust-domain", "south")
	h.scorRefused(manager, hub.OrVnfm, "POST", "/grant/v1/grants", scorGrant(h, x.web[0], h.kits["north"].WebVNFD(), "INSTANTIATE"), 404)
	x.told("a grant asked by another domain's VNFM", "spiffe://south/vnfm/manager", "grant.request", "")
	own := h.createClient("own-manager", "--party", "vnfm", "--trust-domain", "north")
	h.scorRefused(own, hub.OrVnfm, "POST", "/grant/v1/grants", scorGrant(h, x.web[0], h.kits["north"].WebVNFD(), "INSTANTIATE"), 403)
	x.told("a grant that nobody ordered", "spiffe://north/vnfm/own-manager", "grant.request:INSTANTIATE", "did not order")

	// The replacement of the second VNF is barred: what heals the first by itself
	// is an attempt to bring it back.
	h.mustComplete(x.ns, "update", scorRemove(x.web[1:2], "replace", false))
	h.do("vim", "event", "compute-failed", h.scorCompute(x.web[0]))
	x.told("healing by itself of what is barred", "spiffe://hub/vnfm", "grant.request:HEAL", "bar")
	x.settle()
	h.do("ns", "bars", x.ns, "--lift", "web")

	var pkgs []sol005.VnfPkgInfo
	x.people.passive.read(hub.ScOrNsLcm, "/vnfpkgm/v2/vnf_packages?filter=(eq,vnfdId,"+h.kits["north"].WebVNFD()+")", &pkgs)
	h.do("package", "disable", pkgs[0].ID)
	if _, err := h.task(x.ns, "scale", sol005.ScaleNsRequest{ScaleType: "SCALE_NS", ScaleNsData: &sol005.ScaleNsData{ScaleNsByStepsData: &sol005.ScaleNsByStepsData{ScalingDirection: "SCALE_OUT", AspectID: "users", NumberOfSteps: 1}}}); err == nil {
		x.Error("an NS grows by instances of a disabled package")
	}
	if _, err := h.vnflcm().Do(x.Context(), "POST", "/vnf_instances/"+x.web[0]+"/scale", map[string]any{"type": "SCALE_OUT", "aspectId": "out", "numberOfSteps": 1}, nil); err != nil {
		x.Fatal(err)
	}
	x.told("growth of a VNF of a disabled package", "spiffe://hub/vnfm", "grant.request:SCALE", "package")
}

// scorGrant is a request for a grant that no operation of the hub is behind.
func scorGrant(h *nsHub, vnf, vnfd, operation string) string {
	links := `"_links":{"vnfLcmOpOcc":{"href":"https://x/1"},"vnfInstance":{"href":"https://x/2"}}`
	return `{"vnfInstanceId":"` + vnf + `","vnfLcmOpOccId":"` + hub.NewID() + `","vnfdId":"` + vnfd + `","flavourId":"simple","operation":"` + operation + `","isAutomaticInvocation":false,` + links + `}`
}

// scorCompute is a compute of a VNF.
func (h *nsHub) scorCompute(vnf string) string {
	h.t.Helper()
	for _, c := range resources[ifa006.Compute](h, "computes", "") {
		if c.Metadata["vnfInstanceId"] == vnf {
			return c.ID
		}
	}
	h.t.Fatalf("VNF %s has no compute", vnf)
	return ""
}
