package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// Whatever happens to a VNF, by whomever, is told to the Security Managers of
// its trust domain with its details, and to them alone.
//
// Covers: Sc-Or.001, Sc-Or.NsLcm.001, Sc-Or.NsLcm.002, Sc-Or.NsLcm.004, Sc-Or.NsLcm.005, Sc-Or.NsLcm.006, Sc-Or.NsLcm.007, Security.002, Security.007
func TestScOr_NsLcm(t *testing.T) {
	t.Parallel()
	h := newNsHub(t, 2, "north", "south")
	h.scorPackage("north", "web2", h.kits["north"].Web2)
	h.scorNSD("north", "wide", h.kits["north"].Wide)
	p, f := h.scorSM("north", "p", "passive"), h.scorSM("north", "f", "fully-active")
	s := h.scorSM("south", "s", "semi-active")
	pIn, pSub := p.subscribe(nil)
	fIn, _ := f.subscribe(nil)
	sIn, _ := s.subscribe(nil)
	t.Run("subscriptions", func(t *testing.T) { scorSubscriptions(t, p, f, s, pIn, pSub) })

	ns := h.scorMake(h.kits["north"].WideID(), "edge")
	other := h.instantiate("south", "far")
	web := h.vnfsOf(ns, h.kits["north"].WebVNFD())[0]
	x := &scorLife{T: t, h: h, in: pIn, ns: ns, web: web, f: f, from: 0}
	x.check("instantiation", "OPERATOR", "INSTANTIATE", "VNF_INSTANTIATE", web, "INSTANTIATE")
	x.checkDetails()
	x.run()

	h.mustComplete(ns, "terminate", map[string]string{})
	x.check("termination", "OPERATOR", "TERMINATE", "VNF_TERMINATE", "", "TERMINATE")
	end := func(n scorNote) bool { return n.Operation == "TERMINATE" && n.Status == "RESULT" }
	h.mustComplete(other, "terminate", map[string]string{})
	fIn.await(t, "the end at f", end)
	sIn.await(t, "the end at s", end)

	// Both of north have the same in the same order; south has its own alone.
	lines := func(in *scorInbox) (list []string) {
		for _, n := range in.got() {
			list = append(list, n.line()+" "+n.OpOcc+n.ComponentOpOccID)
		}
		return list
	}
	if a, b := lines(pIn), lines(fIn); !slices.Equal(a, b) {
		t.Errorf("p and f were told differently:\n%s\n\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
	for in, own := range map[*scorInbox]string{pIn: ns, fIn: ns, sIn: other} {
		for _, n := range in.got() {
			if n.Ns != own {
				t.Errorf("told of another domain's NS: %s", n.line())
			}
		}
		for _, x := range in.strangers {
			t.Errorf("a notification came from somebody else or is broken: %s", x)
		}
	}
	scorOrdered(t, pIn.got())
}

// scorSubscriptions: subscribe, query, end; a duplicate leads to what is there;
// each sees its own alone.
func scorSubscriptions(t *testing.T, p, f, s *scorSM, in *scorInbox, id string) {
	const path = "/nslcm/v2/subscriptions"
	again := p.must(http.StatusSeeOther, hub.ScOrNsLcm, "POST", path, sol005.LccnSubscriptionRequest{CallbackURI: in.url})
	if again.id() != id {
		t.Errorf("the same subscription again leads to %s, not to %s", again.location, id)
	}
	var list []sol005.LccnSubscription
	p.read(hub.ScOrNsLcm, path, &list)
	if len(list) != 1 || list[0].ID != id || list[0].CallbackURI != in.url || list[0].Verbosity != "FULL" {
		t.Errorf("p sees %+v", list)
	}
	var one sol005.LccnSubscription
	p.read(hub.ScOrNsLcm, path+"/"+id, &one)
	if one.ID != id || one.Links.Self.Href != p.at[hub.ScOrNsLcm].URL+path+"/"+id {
		t.Errorf("the subscription is %+v", one)
	}
	for _, stranger := range []*scorSM{f, s} {
		stranger.must(http.StatusNotFound, hub.ScOrNsLcm, "GET", path+"/"+id, nil)
		stranger.must(http.StatusNotFound, hub.ScOrNsLcm, "DELETE", path+"/"+id, nil)
	}
	second := sol005.LccnSubscriptionRequest{CallbackURI: in.url, Filter: &sol005.LifecycleChangeNotificationsFilter{NotificationTypes: []string{"NsIdentifierCreationNotification"}}}
	ended := p.must(http.StatusCreated, hub.ScOrNsLcm, "POST", path, second).id()
	p.must(http.StatusNoContent, hub.ScOrNsLcm, "DELETE", path+"/"+ended, nil)
	p.must(http.StatusNotFound, hub.ScOrNsLcm, "GET", path+"/"+ended, nil)

	// Where somebody else serves, nothing goes: not even the test of the endpoint.
	for name, shown := range map[string]*endpoint{
		"another SM's": f.at[hub.ScOrNsLcm], "another domain's SM's": s.at[hub.ScOrNsLcm], "another interface's": p.at[hub.ScOrSecEnforce],
	} {
		foreign := p.inbox(hub.ScOrNsLcm, shown)
		a := p.ask(hub.ScOrNsLcm, "POST", path, sol005.LccnSubscriptionRequest{CallbackURI: foreign.url})
		if a.status/100 != 4 || len(foreign.got()) > 0 {
			t.Errorf("a subscription to where %s credential serves: %d %s", name, a.status, a.body)
		}
	}
}

// scorLife is the life of one NS as a subscriber sees it.
type scorLife struct {
	*testing.T
	h    *nsHub
	in   *scorInbox
	f    *scorSM
	ns   string
	web  string
	from int // notifications that were looked at
}

// check wants what an operation is told by: its own START and RESULT with the
// VNF in affectedVnf, and START and COMPLETED of the VNF-level operation, with
// its source. It returns the notification of the VNF's end.
func (x *scorLife) check(what, source, operation, vnfOp, vnf, change string) scorNote {
	x.Helper()
	match := func(n scorNote, status string) bool {
		return n.Type == "NsChangeNotification" && n.ComponentOp == vnfOp && n.ComponentStatus == status && n.Source.Kind == source && (vnf == "" || n.Component == vnf)
	}
	after := func(ok func(scorNote) bool) func(scorNote) bool {
		return func(n scorNote) bool {
			return ok(n) && slices.ContainsFunc(x.in.got()[x.from:], func(m scorNote) bool { return m.ID == n.ID })
		}
	}
	begun := x.in.await(x, what+": the VNF's operation begins", after(func(n scorNote) bool { return match(n, "START") }))
	done := x.in.await(x, what+": the VNF's operation ends", after(func(n scorNote) bool { return match(n, "COMPLETED") }))
	if begun.ComponentOpOccID != done.ComponentOpOccID || begun.ComponentOpOccID == "" || begun.Ns != x.ns {
		x.Errorf("%s: begins as %+v, ends as %+v", what, begun, done)
	}
	for _, n := range []scorNote{begun, done} {
		if v := n.Vnf; v == nil || v.VnfInstanceID != n.Component || v.VnfdID == "" || v.VnfPkgID == "" || v.Integrity.Verdict != "PASSED" || v.Integrity.Checksum == "" || n.Source.Identity == "" {
			x.Errorf("%s: the VNF or the source is missing: %+v %+v", what, v, n.Source)
		}
	}
	if operation != "" {
		x.in.await(x, what+": the NS operation begins", after(func(n scorNote) bool {
			return n.Operation == operation && n.Status == "START" && n.Source.Kind == source
		}))
		result := x.in.await(x, what+": the NS operation ends", after(func(n scorNote) bool {
			return n.Operation == operation && n.Status == "RESULT" && n.State == "COMPLETED" && n.Source.Kind == source
		}))
		if !slices.ContainsFunc(result.AffectedVnf, func(a sol005.AffectedVnf) bool {
			return a.VnfInstanceID == done.Component && a.ChangeType == change && a.ChangeResult == "COMPLETED"
		}) {
			x.Errorf("%s: affectedVnf is %+v, want %s of %s", what, result.AffectedVnf, change, done.Component)
		}
	}
	x.from = len(x.in.got())
	return done
}

// changed wants parts of manoward.change.
func (x *scorLife) changed(n scorNote, parts ...string) {
	x.Helper()
	for _, part := range parts {
		if len(n.Change[part]) == 0 {
			x.Errorf("%s %s does not say what changed of %s: %s", n.ComponentOp, n.ComponentStatus, part, n.Change)
		}
	}
}

// checkDetails: the package of the first notification is the one on-boarded, by
// its checksum.
func (x *scorLife) checkDetails() {
	done := x.in.await(x, "the VNF was made", func(n scorNote) bool { return n.ComponentOp == "VNF_INSTANTIATE" && n.ComponentStatus == "COMPLETED" })
	x.changed(done, "vnfcsAdded", "location", "image", "vnfState")
	var pkg sol005.VnfPkgInfo
	x.f.read(hub.ScOrNsLcm, "/vnfpkgm/v2/vnf_packages/"+done.Vnf.VnfPkgID, &pkg)
	if pkg.VnfdID != done.Vnf.VnfdID || pkg.Checksum == nil || pkg.Checksum.Hash != done.Vnf.Integrity.Checksum || string(pkg.PackageSecurityOption) != done.Vnf.Integrity.PackageSecurityOption ||
		len(pkg.SoftwareImages) != 1 || pkg.SoftwareImages[0].Checksum.Hash == "" || pkg.SigningCertificate == "" && done.Vnf.Integrity.Signer == "" {
		x.Errorf("the package is %+v and the notification says %+v", pkg, done.Vnf)
	}
	if len(done.Vnf.Connectivity) != 1 || done.Vnf.Connectivity[0].CpdID != "front" || done.Vnf.Connectivity[0].VirtualLinkInfoID == "" {
		x.Errorf("connectivity is %+v", done.Vnf.Connectivity)
	}
}

func (x *scorLife) update(in sol005.UpdateNsRequest) {
	x.Helper()
	x.h.mustComplete(x.ns, "update", in)
}

// run takes the NS through everything that can happen to a VNF.
func (x *scorLife) run() {
	h, k := x.h, x.h.kits["north"]
	x.update(sol005.UpdateNsRequest{UpdateType: sol005.UpdateAddPnf, AddPnfData: []sol005.AddPnfData{{PnfID: "box-1", PnfName: "box", PnfdID: k.PNFD(), PnfProfileID: "box"}}})
	pnf := x.in.await(x, "the PNF is added", func(n scorNote) bool { return n.Operation == "UPDATE" && n.Status == "RESULT" })
	if len(pnf.AffectedPnf) != 1 || pnf.AffectedPnf[0].PnfID != "box-1" {
		x.Errorf("affectedPnf is %+v", pnf.AffectedPnf)
	}
	x.from = len(x.in.got())

	h.do("ns", "scale", x.ns, "--aspect", "users", "--steps", "1")
	second := x.check("scale-out of the NS", "OPERATOR", "SCALE", "VNF_INSTANTIATE", "", "INSTANTIATE")
	if len(second.Vnf.Connectivity) != 1 || !slices.Contains(second.Vnf.Connectivity[0].PnfIDs, "box-1") {
		x.Errorf("the connectivity to the PNF is missing: %+v", second.Vnf.Connectivity)
	}
	h.do("ns", "scale", x.ns, "--aspect", "users", "--direction", "in")
	x.changed(x.check("scale-in of the NS", "OPERATOR", "SCALE", "VNF_TERMINATE", "", "TERMINATE"), "vnfcsRemoved")

	scale := func(kind string) sol005.ScaleNsRequest {
		return sol005.ScaleNsRequest{ScaleType: "SCALE_VNF", ScaleVnfData: []sol005.ScaleVnfData{{VnfInstanceID: x.webNow(), ScaleVnfType: kind, ScaleByStepData: &sol005.ScaleByStepData{AspectID: "out", NumberOfSteps: 1}}}}
	}
	x.web = x.webNow()
	h.mustComplete(x.ns, "scale", scale("SCALE_OUT"))
	x.changed(x.check("scale-out of the VNF", "OPERATOR", "SCALE", "VNF_SCALE", x.web, "SCALE"), "vnfcsAdded", "loadBalancing", "location")
	h.mustComplete(x.ns, "scale", scale("SCALE_IN"))
	x.changed(x.check("scale-in of the VNF", "OPERATOR", "SCALE", "VNF_SCALE", x.web, "SCALE"), "vnfcsRemoved", "loadBalancing")

	oss := h.createClient("shop", "--party", "oss", "--trust-domain", "north")
	h.scorTask(oss, hub.OsMa, "/nslcm/v2/ns_instances/"+x.ns+"/update", sol005.UpdateNsRequest{UpdateType: sol005.UpdateOperateVnf, OperateVnfData: []sol005.OperateVnfData{{VnfInstanceID: x.web, ChangeStateTo: "STOPPED", StopType: "FORCEFUL"}}})
	x.changed(x.check("stop by an OSS", "OSS", "UPDATE", "VNF_OPERATE", x.web, "OPERATE"), "vnfState")

	em := h.createClient("element", "--party", "em", "--trust-domain", "north")
	h.scorTask(em, hub.VNFM, "/vnflcm/v2/vnf_instances/"+x.web+"/operate", map[string]string{"changeStateTo": "STARTED"})
	started := x.check("start by an EM", "EM", "", "VNF_OPERATE", x.web, "")
	x.changed(started, "vnfState")
	if !strings.Contains(started.Source.Identity, "element") {
		x.Errorf("the EM is called %q", started.Source.Identity)
	}

	x.update(sol005.UpdateNsRequest{UpdateType: sol005.UpdateModifyVnfInformation, ModifyVnfInfoData: []sol005.ModifyVnfInfoData{{VnfInstanceID: x.web, VnfInstanceName: "renamed", VnfConfigurableProperties: sol005.KeyValuePairs{"colour": "blue"}}}})
	x.changed(x.check("modification", "OPERATOR", "UPDATE", "VNF_MODIFY_INFO", x.web, "MODIFY_INFORMATION"), "configuration", "identification")

	h.mustComplete(x.ns, "heal", sol005.HealNsRequest{HealVnfData: []sol005.HealVnfData{{VnfInstanceID: x.web, Cause: "test"}}})
	x.check("healing", "OPERATOR", "HEAL", "VNF_HEAL", x.web, "HEAL")

	x.reconnect()

	x.update(sol005.UpdateNsRequest{UpdateType: sol005.UpdateChangeVnfpkg, ChangeVnfPackageData: []sol005.ChangeVnfPackageData{{VnfInstanceID: x.web, VnfdID: k.Web2VNFD()}}})
	x.changed(x.check("change of the package", "OPERATOR", "UPDATE", "VNF_CHANGE_VNFPKG", x.web, "CHANGE_VNFPKG"), "version")

	h.do("vim", "event", "compute-failed", x.compute().ID)
	healed := x.check("healing by itself", "AUTO_HEAL", "", "VNF_HEAL", x.web, "")
	if strings.Contains(healed.Source.Identity, "operator") {
		x.Errorf("an automatic healing comes from %q", healed.Source.Identity)
	}
	x.migrate()
}

// webNow is the web VNF that the NS has now.
func (x *scorLife) webNow() string {
	x.Helper()
	return x.h.vnfsOf(x.ns, x.h.kits["north"].WebVNFD())[0]
}

// compute is the compute of the web VNF.
func (x *scorLife) compute() ifa006.Compute {
	x.Helper()
	for _, c := range resources[ifa006.Compute](x.h, "computes", "") {
		if c.Metadata["vnfInstanceId"] == x.web {
			return c
		}
	}
	x.Fatal("the web VNF has no compute")
	return ifa006.Compute{}
}

// reconnect moves the external connection point to the other virtual link.
func (x *scorLife) reconnect() {
	var spare string
	for _, l := range x.h.showNs(x.ns).VirtualLinkInfo {
		if l.NsVirtualLinkDescID == "spare" {
			spare = l.ID
		}
	}
	x.update(sol005.UpdateNsRequest{UpdateType: sol005.UpdateChangeExternalVnfConnectivity, ChangeExtVnfConnectivityData: []sol005.ChangeExtVnfConnectivityData{{
		VnfInstanceID: x.web, ExtVirtualLinks: []sol005.ExtVirtualLinkData{{ResourceID: spare, ExtCps: []sol005.VnfExtCpData{{CpdID: "front"}}}},
	}}})
	n := x.check("change of external connectivity", "OPERATOR", "UPDATE", "VNF_CHANGE_EXT_CONN", x.web, "CHANGE_EXTERNAL_VNF_CONNECTIVITY")
	x.changed(n, "peering")
	if len(n.Vnf.Connectivity) != 1 || n.Vnf.Connectivity[0].VirtualLinkInfoID != spare {
		x.Errorf("the VNF is connected to %+v, not to %s", n.Vnf.Connectivity, spare)
	}
}

// migrate lets an SM end the use of the host of the web VNF.
func (x *scorLife) migrate() {
	from := x.compute().HostID
	x.f.must(http.StatusAccepted, hub.ScOrSecEnforce, "POST", "/sc-or/v1/hosts/"+from+"/stop_use", map[string]any{"vnfs": "MIGRATE", "reason": "test"})
	moved := x.in.await(x, "the migration", func(n scorNote) bool {
		return n.Type == "NsChangeNotification" && n.Component == x.web && n.Source.Kind == "SM" && n.ComponentStatus == "COMPLETED"
	})
	x.changed(moved, "location")
	if to := x.compute().HostID; to == from || !strings.Contains(string(moved.Change["location"]), from) || !strings.Contains(string(moved.Change["location"]), to) || !strings.Contains(moved.Source.Identity, "/f/") {
		x.Errorf("from %s to %s is told as %s by %+v", from, to, moved.Change["location"], moved.Source)
	}
	x.from = len(x.in.got())
}

// scorTask lets an OAuth client start a task, which must be taken, and waits for
// the end of the operation.
func (h *nsHub) scorTask(c hub.OAuthClient, at hub.ReferencePoint, path string, in any) {
	h.t.Helper()
	p := h.points()[at]
	api := &httpapi.Client{Base: p.URL, Version: "2.3.0", HTTP: h.at(p, false)}
	bearer := func(header http.Header) { header.Set("Authorization", "Bearer "+h.token(p, c)) }
	a, err := api.Do(h.t.Context(), http.MethodPost, path, in, nil, bearer)
	if err != nil {
		h.t.Fatal(err)
	}
	where := strings.TrimPrefix(a.Location, p.URL)
	var op struct{ OperationState string }
	eventually(h.t, "the operation of "+path+" ends", 20*time.Second, func() bool {
		if _, err := api.Do(h.t.Context(), http.MethodGet, where, nil, &op, bearer); err != nil {
			h.t.Fatal(err)
		}
		return op.OperationState == "COMPLETED"
	})
}

// scorOrdered: an operation's RESULT comes after its START, the end of what
// happens to a VNF after its beginning, and nothing of an operation after its
// end.
func scorOrdered(t *testing.T, notes []scorNote) {
	seen := map[string]string{}
	for _, n := range notes {
		key, state := "op "+n.OpOcc, n.Status
		switch n.Type {
		case "NsChangeNotification":
			if n.ComponentOp == "VNF_MODIFY_INFO" && n.Source.Kind == "SM" {
				continue // a migration is told when it is done: docs/extensions/stop-use.md
			}
			key, state = "vnf op "+n.ComponentOpOccID+n.Component, n.ComponentStatus
		case "NsLcmOperationOccurrenceNotification":
		default:
			continue
		}
		if was := seen[key]; (was == "" && state != "START") || (was != "" && was != "START") {
			t.Errorf("%s comes after %q", n.line(), was)
		}
		seen[key] = state
	}
}

// What fails is healed without being asked where the descriptor says so, and only
// there, and is told as such.
//
// Covers: Sc-Or.NsLcm.006, Sc-Or.NsLcm.007, Rel.6
func TestScOr_AutoHeal(t *testing.T) {
	t.Parallel() // it waits for the NFVO to look around
	h := newNsHub(t, 1, "north")
	k := h.kits["north"]
	h.scorNSD("north", "heals", k.Heals)
	p := h.scorSM("north", "p", "passive")
	in, _ := p.subscribe(nil)
	withGuard := func(nsd, name string) (ns, guard string) { // the VNFM heals no guard
		ns = h.scorMake(nsd, name)
		h.mustComplete(ns, "update", scorGuard(k))
		return ns, h.vnfsOf(ns, k.GuardVNFD())[0]
	}
	leftNs, left := withGuard(k.NSDID(), "is left")
	leftCompute := h.scorCompute(left)
	h.do("vim", "event", "compute-failed", leftCompute)
	ns, guard := withGuard(k.HealsID(), "heals")
	failed := h.scorCompute(guard)
	h.do("vim", "event", "compute-failed", failed)
	x := &scorLife{T: t, h: h, in: in, ns: ns, from: len(in.got())}
	x.check("healing by the NFVO", "AUTO_HEAL", "HEAL", "VNF_HEAL", guard, "HEAL")
	in.await(t, "an automatic operation", func(n scorNote) bool { return n.Operation == "HEAL" && n.Status == "RESULT" && n.Automatic })
	if now := h.scorCompute(guard); now == failed {
		t.Errorf("the healed VNF is on the compute that failed, %s", now)
	}
	// The other one failed first, and nobody touched it.
	if now := h.scorCompute(left); now != leftCompute {
		t.Errorf("the compute of an NS without automatic healing was replaced: %s by %s", leftCompute, now)
	}
	for _, n := range in.got() {
		if n.Ns == leftNs && n.Operation == "HEAL" {
			t.Errorf("an NS without automatic healing was healed: %s", n.line())
		}
	}
}
