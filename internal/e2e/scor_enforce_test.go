package e2e_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// scorForce is a hub on which Security Managers order.
type scorForce struct {
	*testing.T
	*nsHub
	semi, fully *scorSM
}

func scorForces(t *testing.T) *scorForce {
	h := newNsHub(t, 1, "north", "south")
	return &scorForce{t, h, h.scorSM("north", "semi", "semi-active"), h.scorSM("north", "fully", "fully-active")}
}

func (x *scorForce) web() string { return x.kits["north"].WebVNFD() }

// grow scales an NS out; the answer is for who wants to be refused.
func (x *scorForce) grow(ns string) (string, error) {
	return x.task(ns, "scale", sol005.ScaleNsRequest{ScaleType: "SCALE_NS", ScaleNsData: &sol005.ScaleNsData{ScaleNsByStepsData: &sol005.ScaleNsByStepsData{ScalingDirection: "SCALE_OUT", AspectID: "users", NumberOfSteps: 1}}})
}

// scaled is an NS with one more web VNF.
func (x *scorForce) scaled(name string, steps int) (ns string, web []string) {
	x.Helper()
	ns = x.instantiate("north", name)
	for range steps {
		op, err := x.grow(ns)
		if err != nil {
			x.Fatal(err)
		}
		x.scorEnded(op, sol005.NsLcmOperationStateCompleted)
	}
	return ns, x.vnfsOf(ns, x.web())
}

// on lists the computes of a VNF.
func (x *scorForce) on(vnf string) []ifa006.Compute {
	x.Helper()
	return slices.DeleteFunc(resources[ifa006.Compute](x.nsHub, "computes", ""), func(c ifa006.Compute) bool { return c.Metadata["vnfInstanceId"] != vnf })
}

// gone wants that VNFs have ended for real.
func (x *scorForce) gone(ns string, vnfs ...string) {
	x.Helper()
	left := x.showNs(ns).VnfInstance
	for _, id := range vnfs {
		if slices.ContainsFunc(left, func(v sol005.VnfInstance) bool { return v.ID == id }) {
			x.Errorf("VNF %s is still in its NS", id)
		}
		if computes := x.on(id); len(computes) > 0 {
			x.Errorf("VNF %s still has computes: %+v", id, computes)
		}
	}
}

// What a semi-active Security Manager orders over Security Policy Enforcement is
// carried out.
//
// Covers: Sc-Or.003, Sc-Or.SecEnforce.001, Sc-Or.SecEnforce.002
func TestScOr_SemiActiveOrders(t *testing.T) {
	t.Parallel()
	x := scorForces(t)
	x.checkSnapshotFirst()
	x.checkBar()
	x.checkReplacement()
	x.checkSeveralAndKeys()
	x.checkShared()
}

func (x *scorForce) checkSnapshotFirst() {
	ns, web := x.scaled("snapshot", 0)
	x.scorComplete(x.semi, hub.ScOrSecEnforce, ns, scorRemove(web, "snapshotFirst", true))
	x.gone(ns, web...)
	var kept []sol005.VnfSnapshotInfo
	x.semi.read(hub.ScOrSecEnforce, "/nslcm/v2/vnf_snapshots", &kept)
	if len(kept) != 1 || kept[0].VnfSnapshot == nil || kept[0].VnfSnapshot.VnfInstanceID != web[0] {
		x.Errorf("snapshots are %+v", kept)
	}
	if list := resources[ifa006.Snapshot](x.nsHub, "snapshots", ""); len(list) != 1 || list[0].TrustDomain != "north" {
		x.Errorf("the VIM has the snapshots %+v", list)
	}
}

// checkBar: what was ended without a replacement comes back by nobody, until an
// operator lifts the bar.
func (x *scorForce) checkBar() {
	ns, web := x.scaled("barred", 1)
	x.scorComplete(x.semi, hub.ScOrSecEnforce, ns, scorRemove(web[1:], "replace", false))
	x.gone(ns, web[1])
	if out := x.do("ns", "bars", ns); !strings.Contains(out, "spiffe://north/sm/semi") {
		x.Errorf("the bar is not shown:\n%s", out)
	}
	if _, err := x.grow(ns); hub.CodeOf(err) != hub.Conflict {
		x.Errorf("scale-out of a barred VNF: %v", err)
	}
	again := sol005.UpdateNsRequest{UpdateType: sol005.UpdateInstantiateVnf, InstantiateVnfData: []sol005.InstantiateVnfData{{VnfProfileID: "web", VnfdID: x.web()}}}
	x.semi.must(http.StatusConflict, hub.ScOrSecEnforce, "POST", "/nslcm/v2/ns_instances/"+ns+"/update", again)
	// The one that is left fails: neither its VNFM nor the NFVO heals it.
	x.do("vim", "event", "compute-failed", x.on(web[0])[0].ID)
	eventually(x, "the VNFM's attempt to heal is refused", 10*time.Second, func() bool {
		return slices.ContainsFunc(x.records("north"), func(r hub.Record) bool { return r.Kind == "grant.refused" })
	})
	if _, err := x.task(ns, "heal", sol005.HealNsRequest{HealNsData: &sol005.HealNsData{DegreeHealing: "HEAL_RESTORE"}}); hub.CodeOf(err) != hub.Conflict {
		x.Errorf("healing of a barred VNF: %v", err)
	}
	if list := x.on(web[0]); len(list) != 1 || !strings.EqualFold(list[0].OperationalState, ifa006.Failed) {
		x.Errorf("the failed VNF was healed: %+v", list)
	}
	x.semi.must(http.StatusForbidden, hub.ScOrSecEnforce, "POST", "/nslcm/v2/ns_instances/"+ns+"/heal", map[string]string{})
	x.do("ns", "bars", ns, "--lift", "web")
	x.mustComplete(ns, "heal", sol005.HealNsRequest{HealNsData: &sol005.HealNsData{DegreeHealing: "HEAL_RESTORE"}})
	if list := x.on(x.vnfsOf(ns, x.web())[0]); len(list) != 1 || strings.EqualFold(list[0].OperationalState, ifa006.Failed) {
		x.Errorf("after the bar was lifted the VNF is %+v", list)
	}
	x.scorComplete(x.semi, hub.ScOrSecEnforce, ns, again)
}

// checkReplacement: with a replacement, another one takes its place at once.
func (x *scorForce) checkReplacement() {
	ns, web := x.scaled("replaced", 0)
	x.scorComplete(x.semi, hub.ScOrSecEnforce, ns, scorRemove(web, "replace", true))
	x.gone(ns, web...)
	x.scorComplete(x.semi, hub.ScOrSecEnforce, ns, sol005.UpdateNsRequest{UpdateType: sol005.UpdateInstantiateVnf, InstantiateVnfData: []sol005.InstantiateVnfData{{VnfProfileID: "web", VnfdID: x.web()}}})
	if now := x.vnfsOf(ns, x.web()); len(now) != 1 || now[0] == web[0] || len(x.on(now[0])) != 1 {
		x.Errorf("the replacement is %v", now)
	}
}

// checkSeveralAndKeys: several VNFs by one order, and the same order again is the
// same order.
func (x *scorForce) checkSeveralAndKeys() {
	ns, web := x.scaled("several", 2)
	path := "/nslcm/v2/ns_instances/" + ns + "/update"
	order := scorRemove(web[:2])
	first := x.semi.must(http.StatusAccepted, hub.ScOrSecEnforce, "POST", path, order, "Idempotency-Key", "once")
	x.semi.must(http.StatusAccepted, hub.ScOrSecEnforce, "POST", path, order, "Idempotency-Key", "once")
	x.scorEnded(first.id(), sol005.NsLcmOperationStateCompleted)
	again := x.semi.must(http.StatusAccepted, hub.ScOrSecEnforce, "POST", path, order, "Idempotency-Key", "once")
	if again.location != first.location {
		x.Errorf("the same order again is at %s, not at %s", again.location, first.location)
	}
	x.gone(ns, web[:2]...)
	if left := x.vnfsOf(ns, x.web()); !slices.Equal(left, web[2:]) {
		x.Errorf("the NS has %v left, want %v", left, web[2:])
	}
	x.semi.must(http.StatusUnprocessableEntity, hub.ScOrSecEnforce, "POST", path, scorRemove(web[2:]), "Idempotency-Key", "once")
	var ops []sol005.NsLcmOpOcc
	x.semi.read(hub.ScOrSecEnforce, "/nslcm/v2/ns_lcm_op_occs?filter=(eq,nsInstanceId,"+ns+");(eq,lcmOperationType,UPDATE)", &ops)
	if len(ops) != 1 {
		x.Errorf("one order became %d operations", len(ops))
	}
}

// checkShared: a VNF of two NSs ends when the last one drops it.
func (x *scorForce) checkShared() {
	first, web := x.scaled("first", 0)
	second, own := x.scaled("second", 0)
	x.scorComplete(x.semi, hub.ScOrSecEnforce, second, sol005.UpdateNsRequest{UpdateType: sol005.UpdateAddVnf, AddVnfIstance: []sol005.VnfInstanceData{{VnfInstanceID: web[0], VnfProfileID: "web"}}})
	if now := x.vnfsOf(second, x.web()); len(now) != 2 || !slices.Contains(now, web[0]) {
		x.Fatalf("the second NS has %v", now)
	}
	x.scorComplete(x.semi, hub.ScOrSecEnforce, first, scorRemove(web))
	if len(x.vnfsOf(first, x.web())) != 0 || len(x.on(web[0])) != 1 {
		x.Errorf("the shared VNF: first NS %v, computes %v", x.vnfsOf(first, x.web()), x.on(web[0]))
	}
	x.scorComplete(x.semi, hub.ScOrSecEnforce, second, scorRemove(web))
	x.gone(second, web...)
	if len(x.on(own[0])) != 1 {
		x.Error("the other VNF of the second NS is gone too")
	}
}

// What only a fully-active Security Manager may order is carried out for it.
//
// Covers: Sc-Or.SecEnforce.003, Sc-Or.SecEnforce.004
func TestScOr_FullyActiveOrders(t *testing.T) {
	t.Parallel()
	x := scorForces(t)
	x.checkErase()
	x.checkCoHosted()
	x.checkStopUse()
	x.checkDisable()
}

// checkErase: what the VNFs used is erased at the VIM, several at once.
func (x *scorForce) checkErase() {
	vi := x.fully.inbox(hub.ScViTelem, x.fully.at[hub.ScViTelem])
	x.fully.must(http.StatusCreated, hub.ScViTelem, "POST", "/sc-vi/v1/subscriptions", map[string]any{"callbackUri": vi.url, "filter": map[string]any{"changeTypes": []string{"ERASED"}}})
	ns, web := x.scaled("erased", 0)
	x.scorComplete(x.semi, hub.ScOrSecurityVnfMgmt, ns, scorGuard(x.kits["north"]))
	guard := x.vnfsOf(ns, x.kits["north"].GuardVNFD())
	both := append(slices.Clone(web), guard...)
	x.semi.must(http.StatusForbidden, hub.ScOrSecEnforce, "POST", "/nslcm/v2/ns_instances/"+ns+"/update", scorRemove(both, "erase", true))
	if c := x.on(guard[0]); len(c) != 1 || len(c[0].SecureStorage) == 0 {
		x.Errorf("the guard holds no TPM slot: %+v", c)
	}
	x.scorComplete(x.fully, hub.ScOrSecEnforce, ns, scorRemove(both, "erase", true))
	x.gone(ns, both...)
	for _, s := range resources[ifa006.Storage](x.nsHub, "storages", "") {
		if s.ErasedAt == nil {
			x.Errorf("a storage is left and not erased: %+v", s)
		}
	}
	eventually(x, "both computes are told as erased", 10*time.Second, func() bool { return len(vi.got()) >= 2 })
}

// alone leaves one host in use and returns it.
func (x *scorForce) alone() (host string, release func()) {
	x.Helper()
	hosts := []string{"host-2", "host-3", "host-4"}
	for _, id := range hosts {
		x.do("host", "stop-use", id, "--vnfs", "migrate")
	}
	for _, id := range hosts {
		eventually(x, id+" takes nothing", 10*time.Second, func() bool {
			return slices.ContainsFunc(resources[ifa006.Host](x.nsHub, "hosts", ""), func(h ifa006.Host) bool { return h.ID == id && h.State != ifa006.Enabled })
		})
	}
	return "host-1", func() {
		for _, id := range hosts {
			x.do("host", "release", id)
		}
	}
}

// checkCoHosted: the other VNFs of the domain on the host end too, in whatever
// NS; another domain's stays.
func (x *scorForce) checkCoHosted() {
	_, release := x.alone()
	one, webOne := x.scaled("one", 0)
	two, webTwo := x.scaled("two", 0)
	foreign := x.instantiate("south", "foreign")
	release()
	op := x.scorComplete(x.fully, hub.ScOrSecEnforce, one, scorRemove(webOne, "coHosted", true))
	x.gone(one, webOne...)
	x.gone(two, webTwo...)
	if left := x.vnfsOf(foreign, x.kits["south"].WebVNFD()); len(left) != 1 || len(x.on(left[0])) != 1 {
		x.Errorf("another domain's VNF is gone: %v", left)
	}
	var ops []struct {
		PartOf string                          `json:"manoward.partOf"`
		Ns     string                          `json:"nsInstanceId"`
		State  sol005.NsLcmOperationStateType  `json:"operationState"`
		Source struct{ Kind, Identity string } `json:"manoward.sourceOfRequest"`
	}
	x.fully.read(hub.ScOrSecEnforce, "/nslcm/v2/ns_lcm_op_occs?filter=(eq,nsInstanceId,"+two+");(eq,lcmOperationType,UPDATE)", &ops)
	if len(ops) != 1 || ops[0].PartOf != op.ID || ops[0].State != "COMPLETED" || ops[0].Source.Kind != "SM" {
		x.Errorf("the other NS was updated by %+v, want a part of %s", ops, op.ID)
	}
	x.mustComplete(foreign, "terminate", map[string]string{})
}

// scorHostOrder is an order to end the use of a host.
type scorHostOrder struct {
	ID, State, TrustDomain string
	Migrated               []string `json:"migratedVnfInstances"`
	Terminated             []string `json:"terminatedVnfInstances"`
	Operations             []string `json:"nsLcmOpOccIds"`
	Problems               []string
}

// stopped orders to end the use of a host and waits for the end of it.
func (x *scorForce) stopped(s *scorSM, host string, body map[string]any) scorHostOrder {
	x.Helper()
	a := s.must(http.StatusAccepted, hub.ScOrSecEnforce, "POST", "/sc-or/v1/hosts/"+host+"/stop_use", body, "Idempotency-Key", host+"-key")
	again := s.must(http.StatusAccepted, hub.ScOrSecEnforce, "POST", "/sc-or/v1/hosts/"+host+"/stop_use", body, "Idempotency-Key", host+"-key")
	if a.location != again.location || !strings.HasPrefix(a.location, s.at[hub.ScOrSecEnforce].URL+"/sc-or/v1/host_orders/") {
		x.Errorf("the same order is at %s and %s", a.location, again.location)
	}
	s.must(http.StatusUnprocessableEntity, hub.ScOrSecEnforce, "POST", "/sc-or/v1/hosts/"+host+"/stop_use", map[string]any{"vnfs": body["vnfs"], "reason": "another"}, "Idempotency-Key", host+"-key")
	var order scorHostOrder
	eventually(x, "the use of "+host+" ends", 20*time.Second, func() bool {
		s.read(hub.ScOrSecEnforce, "/sc-or/v1/host_orders/"+a.id(), &order)
		return order.State != "PROCESSING"
	})
	if order.State != "COMPLETED" || order.TrustDomain != "north" || len(order.Problems) > 0 {
		x.Errorf("the order is %+v", order)
	}
	return order
}

func (x *scorForce) host(id string) ifa006.Host {
	x.Helper()
	list := resources[ifa006.Host](x.nsHub, "hosts", "")
	return list[slices.IndexFunc(list, func(h ifa006.Host) bool { return h.ID == id })]
}

// checkStopUse: migrate by a semi-active SM; terminate and quarantine by a
// fully-active one. Another domain's VNFs stay where they are.
func (x *scorForce) checkStopUse() {
	host, release := x.alone()
	one, webOne := x.scaled("moved", 0)
	foreign := x.instantiate("south", "stays")
	release()
	order := x.stopped(x.semi, host, map[string]any{"vnfs": "MIGRATE", "reason": "test"})
	to := x.on(webOne[0])
	if !slices.Equal(order.Migrated, webOne) || len(to) != 1 || to[0].HostID == host {
		x.Errorf("migrated %v, the VNF is on %+v", order.Migrated, to)
	}
	left := x.vnfsOf(foreign, x.kits["south"].WebVNFD())
	if c := x.on(left[0]); len(c) != 1 || c[0].HostID != host {
		x.Errorf("another domain's VNF was moved: %+v", c)
	}
	if !slices.Contains(x.host(host).StoppedFor, "north") {
		x.Errorf("the host is %+v", x.host(host))
	}
	next := to[0].HostID
	x.semi.must(http.StatusForbidden, hub.ScOrSecEnforce, "POST", "/sc-or/v1/hosts/"+next+"/stop_use", map[string]any{"vnfs": "TERMINATE", "quarantine": true})
	order = x.stopped(x.fully, next, map[string]any{"vnfs": "TERMINATE", "quarantine": true, "reason": "test"})
	if !slices.Equal(order.Terminated, webOne) || len(order.Operations) != 1 {
		x.Errorf("the order is %+v, want the end of %v", order, webOne)
	}
	x.gone(one, webOne...)
	if h := x.host(next); !slices.Contains(h.QuarantinedFor, "north") || slices.Contains(h.QuarantinedFor, "south") {
		x.Errorf("the host is %+v", h)
	}
	x.do("host", "release", host)
	x.do("host", "release", next)
	stranger := x.scorSM("south", "stranger", "fully-active")
	stranger.must(http.StatusNotFound, hub.ScOrSecEnforce, "GET", "/sc-or/v1/host_orders/"+order.ID, nil)
}

// checkDisable: a package is disabled with the end of its VNF, or by itself, and
// nothing is made of it any more.
func (x *scorForce) checkDisable() {
	ns, web := x.scaled("disabled", 1)
	path := "/nslcm/v2/ns_instances/" + ns + "/update"
	x.semi.must(http.StatusForbidden, hub.ScOrSecEnforce, "POST", path, scorRemove(web[1:], "disablePackage", true))
	x.scorComplete(x.fully, hub.ScOrSecEnforce, ns, scorRemove(web[1:], "disablePackage", true))
	var pkgs []sol005.VnfPkgInfo
	x.fully.read(hub.ScOrSecEnforce, "/vnfpkgm/v2/vnf_packages?filter=(eq,vnfdId,"+x.web()+")", &pkgs)
	if len(pkgs) != 1 || pkgs[0].OperationalState != "DISABLED" {
		x.Fatalf("the package is %+v", pkgs)
	}
	again := sol005.UpdateNsRequest{UpdateType: sol005.UpdateInstantiateVnf, InstantiateVnfData: []sol005.InstantiateVnfData{{VnfProfileID: "web", VnfdID: x.web()}}}
	if a := x.fully.ask(hub.ScOrSecEnforce, "POST", path, again); a.status/100 != 4 {
		x.Errorf("a VNF of a disabled package: %d %s", a.status, a.body)
	}
	pkg := "/vnfpkgm/v2/vnf_packages/" + pkgs[0].ID
	x.semi.must(http.StatusForbidden, hub.ScOrSecEnforce, "PATCH", pkg, map[string]string{"operationalState": "ENABLED"})
	var changed map[string]any
	if a := x.fully.must(http.StatusOK, hub.ScOrSecEnforce, "PATCH", pkg, map[string]string{"operationalState": "ENABLED"}); json.Unmarshal([]byte(a.body), &changed) != nil || changed["operationalState"] != "ENABLED" {
		x.Errorf("the modification is answered %s", a.body)
	}
	x.scorComplete(x.fully, hub.ScOrSecEnforce, ns, again)
	x.checkUserData(pkg)
}

// checkUserData: what a Security Manager says of a package is a merge patch, as
// an OSS's (RFC 7396). It leaves the keys of others.
func (x *scorForce) checkUserData(pkg string) {
	patch := func(data map[string]any) map[string]any { return map[string]any{"userDefinedData": data} }
	x.fully.must(http.StatusOK, hub.ScOrSecEnforce, "PATCH", pkg, patch(map[string]any{"oss.owner": "shop", "oss.site": "b"}))
	a := x.fully.must(http.StatusOK, hub.ScOrSecEnforce, "PATCH", pkg, patch(map[string]any{"sm.reviewed": true, "oss.site": nil}))
	var changed, read sol005.VnfPkgInfo
	if err := json.Unmarshal([]byte(a.body), &changed); err != nil {
		x.Fatal(err)
	}
	x.fully.read(hub.ScOrSecEnforce, pkg, &read)
	for what, data := range map[string]sol005.KeyValuePairs{"answer": changed.UserDefinedData, "package": read.UserDefinedData} {
		if _, site := data["oss.site"]; data["oss.owner"] != "shop" || data["sm.reviewed"] != true || site {
			x.Errorf("the %s has the user data %v", what, data)
		}
	}
	x.fully.must(http.StatusUnprocessableEntity, hub.ScOrSecEnforce, "PATCH", pkg, patch(map[string]any{"manoward.trustDomain": "south"}))
	x.fully.must(http.StatusBadRequest, hub.ScOrSecEnforce, "PATCH", pkg, map[string]any{"vnfProvider": "me"})
}
