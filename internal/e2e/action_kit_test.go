package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/csartest"
	"github.com/manoward/manoward/internal/testkit/nskit"
	"github.com/manoward/manoward/smgr"
)

// actionHub is a hub that runs three Security Managers of trust domain north,
// one in each mode, named after it, with the policies of a test. Beside the kit
// of north there is the kit "spare" in it, whose packages may be disabled.
type actionHub struct {
	*testing.T
	*nsHub
	sms   map[string]*scorSM // by mode
	api   *httpapi.Client    // of operators
	osma  *httpapi.Client    // nslcm
	rooms []string           // in which hosts stand, one in each zone
}

// actionModes are the modes by which the Security Managers are named, the
// weakest first.
var actionModes = []string{"passive", "semi-active", "fully-active"}

// actionZones is how many zones there are.
const actionZones = 3

// newActionHub starts the hub with hosts in rooms; the policies come as a signed
// bundle that the configuration names.
func newActionHub(t *testing.T, rooms []string, list ...actionPolicy) *actionHub {
	t.Helper()
	signer, dir := newActionSigner(t, "team"), t.TempDir()
	config, bundle := filepath.Join(dir, "manoward.yaml"), filepath.Join(dir, "policies.tar.gz")
	writeFile(t, bundle, string(signer.bundle(t, actionFiles(list...))), 0o600)
	started := newHub(t, "--config", config)
	var text strings.Builder
	text.WriteString("securityManagers:\n")
	for _, mode := range actionModes {
		fmt.Fprintf(&text, "  - {name: %s, trustDomain: north, credentials: %q, scOr: %q, scVi: %q, policies: %q, policyKey: %q, policyKeyId: team, orderLimit: 1000}\n",
			mode, filepath.Join(started.home, "north-"+mode), smPort(t), smPort(t), bundle, signer.public)
	}
	writeFile(t, config, text.String(), 0o600)
	a := &actionHub{T: t, nsHub: &nsHub{hubProcess: started.start(), kits: map[string]*nskit.Kit{}}, sms: map[string]*scorSM{}, rooms: rooms}
	a.load(roomy)
	ca := csartest.NewCA(t, "packages")
	a.do("trust-domain", "create", "north")
	spare := nskit.NewSigned(t, "spare", ca)
	a.onboard("north", spare)
	a.onboard("north", nskit.NewSigned(t, "north", ca))
	a.kits["spare"] = spare
	a.do("trust-domain", "create", "south")
	a.onboard("south", nskit.New(t, "south"))
	for _, mode := range actionModes {
		a.sms[mode] = a.scorSM("north", mode, mode)
	}
	c := a.operatorContext()
	a.api = &httpapi.Client{Base: c.Server + "/manoward/v1/security_managers", Version: "1.0.0", HTTP: httpClient(t, adminTLS(t, c, true), true)}
	a.osma = a.nslcm()
	a.smReady()
	return a
}

// roomy is the vCPUs of a host that takes what comes.
func roomy(string) int { return 32 }

// actionInventory is hosts with TPMs, in each zone one in each room.
func actionInventory(nZones int, rooms []string, vcpus func(host string) int) string {
	var zones, hosts strings.Builder
	for z := range nZones {
		fmt.Fprintf(&zones, "  - {zoneId: zone-%[1]d, zoneName: Zone %[1]d, zoneState: AVAILABLE, nfviPopId: pop-1}\n", z)
		for _, room := range rooms {
			fmt.Fprintf(&hosts, "  - {hostId: %s, zoneId: zone-%d, nfviPopId: pop-1, state: ENABLED, integrityState: TRUSTED, firmwareVersion: \"1.0\", equipment: {tpm: true}, totalCapacity: {numVCpus: %d, memoryMiB: 131072, diskGiB: 1000}, physicalLocation: {country: DE, site: Bonn, room: %s}}\n", actionHost(room, z), z, vcpus(actionHost(room, z)), room)
		}
	}
	return "nfviPops:\n  - {nfviPopId: pop-1, vimId: vim, geographicalLocationInfo: {country: DE, site: Bonn}}\nzones:\n" + zones.String() + "hosts:\n" + hosts.String()
}

// load gives the VIM the hosts, with so many vCPUs each.
func (a *actionHub) load(vcpus func(host string) int) {
	a.Helper()
	stock := filepath.Join(a.home, "inventory.yaml")
	writeFile(a, stock, actionInventory(actionZones, a.rooms, vcpus), 0o600)
	a.do("vim", "load", stock)
}

// level sets how far a policy is acted upon by the Security Manager of a mode.
func (a *actionHub) level(mode, policy, scope string, level smgr.Level) {
	a.Helper()
	in := map[string]any{"level": level, "reason": "of a test"}
	if _, err := a.api.Do(a.Context(), http.MethodPut, "/"+mode+"/levels/"+policy+"/"+scope, in, nil); err != nil {
		a.Fatal(err)
	}
}

// soon waits for a condition. It asks less often than eventually, because the
// cost of asking is that of the hub, too.
func (a *actionHub) soon(what string, ok func() bool) {
	a.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(2 * patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			a.Fatalf("waited %s in vain: %s", 2*patience, what)
		}
	}
}

// completed waits until operations on NSs are complete.
func (a *actionHub) completed(ids ...string) {
	a.Helper()
	for _, id := range ids {
		var op sol005.NsLcmOpOcc
		a.soon("operation "+id+" ends", func() bool {
			op = sol005.NsLcmOpOcc{}
			if _, err := a.osma.Do(a.Context(), http.MethodGet, "/ns_lcm_op_occs/"+id, nil, &op); err != nil {
				a.Fatal(err)
			}
			return op.OperationState != sol005.NsLcmOperationStateProcessing && op.OperationState != sol005.NsLcmOperationStateRollingBack
		})
		if op.OperationState != sol005.NsLcmOperationStateCompleted {
			a.Fatalf("the operation is %s: %s", op.OperationState, jsonOf(a, op))
		}
	}
}

// orders lists the orders of a policy on a target by the Security Manager of a
// mode.
func (a *actionHub) orders(mode, policy string, on hub.Target) []smgr.Order {
	a.Helper()
	var list []smgr.Order
	query := url.Values{"policy": {policy}}
	if on.NsInstanceID != "" {
		query.Set("nsInstanceId", on.NsInstanceID)
	}
	for o, err := range httpapi.All[smgr.Order](a.Context(), a.api, "/"+mode+"/orders", query) {
		if err != nil {
			a.Fatal(err)
		}
		list = append(list, o)
	}
	return list
}

// settled waits for the only order of a policy on a target that a Security
// Manager has at a level, until it goes on no further by itself.
func (a *actionHub) settled(mode, policy string, level smgr.Level, on hub.Target) smgr.Order {
	a.Helper()
	var found []smgr.Order
	a.soon(fmt.Sprintf("an order of %s on %s at level %s by the %s Security Manager comes to rest", policy, on, level, mode), func() bool {
		found = slices.DeleteFunc(a.orders(mode, policy, on), func(o smgr.Order) bool {
			return o.Level != level || on.NsInstanceID != "" && o.Target.NsInstanceID != on.NsInstanceID || on.HostID != o.Target.HostID
		})
		return len(found) > 0 && found[0].State != smgr.OrderPlanned && found[0].State != smgr.OrderRunning
	})
	if len(found) != 1 {
		a.Fatalf("policy %s, mode %s: %d orders on %s: %+v", policy, mode, len(found), on, found)
	}
	return found[0]
}

// recordsOf lists the records of one kind of trust domain north.
func (a *actionHub) recordsOf(kind string) []hub.Record {
	a.Helper()
	var list []hub.Record
	for r, err := range httpapi.All[hub.Record](a.Context(), a.operator(), "/trust_domains/north/records", url.Values{"filter": {"(eq,kind,'" + kind + "')"}}) {
		if err != nil {
			a.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// begin makes an NS of a kit with a name, instantiates it, and returns it with
// the operation that goes on.
func (a *actionHub) begin(kit, name string) (ns, op string) {
	a.Helper()
	ns = a.createNs(kit, name)
	return ns, a.begun(ns, "instantiate", map[string]string{})
}

// begun starts a task of an NS that must be taken.
func (a *actionHub) begun(ns, task string, in any) (op string) {
	a.Helper()
	op, err := a.task(ns, task, in)
	if err != nil {
		a.Fatalf("%s: %v", task, err)
	}
	return op
}

// actionUpdate is an Update NS as the NFVO keeps it.
type actionUpdate struct {
	sol005.NsLcmOpOcc
	PartOf string                          `json:"manoward.partOf"`
	Source struct{ Kind, Identity string } `json:"manoward.sourceOfRequest"`
}

// actionNs is an NS instance as the NFVO shows it.
type actionNs struct {
	sol005.NsInstance
	Bars map[string]json.RawMessage `json:"manoward.replacementBars"` // VNF profiles that may not come back
}

// actionWorld is what NFVO, VNFM and VIM show at one time.
type actionWorld struct {
	nss       map[string]actionNs
	computes  map[string][]ifa006.Compute // by VNF instance
	updates   map[string][]actionUpdate   // asked for by Security Managers, by NS instance; the oldest first
	snapshots []sol005.VnfSnapshotInfo
	vnfOps    []sol003.VnfLcmOpOcc // the oldest first
	storages  []ifa006.Storage
	hosts     map[string]ifa006.Host
}

// look reads of the world what there is.
func (a *actionHub) look() *actionWorld {
	a.Helper()
	w := &actionWorld{nss: map[string]actionNs{}, computes: map[string][]ifa006.Compute{}, updates: map[string][]actionUpdate{}, hosts: map[string]ifa006.Host{}}
	for _, ns := range listAll[actionNs](a.nsHub, a.nslcm(), "/ns_instances") {
		w.nss[ns.ID] = ns
	}
	for _, c := range resources[ifa006.Compute](a.nsHub, "computes", "") {
		w.computes[c.Metadata["vnfInstanceId"]] = append(w.computes[c.Metadata["vnfInstanceId"]], c)
	}
	for _, h := range resources[ifa006.Host](a.nsHub, "hosts", "") {
		w.hosts[h.ID] = h
	}
	return w
}

// lookBack reads the world with what was done to it.
func (a *actionHub) lookBack() *actionWorld {
	a.Helper()
	w := a.look()
	ops := listAll[actionUpdate](a.nsHub, a.nslcm(), "/ns_lcm_op_occs")
	slices.SortFunc(ops, func(x, y actionUpdate) int { return x.StartTime.Compare(y.StartTime) })
	for _, u := range ops {
		if u.LcmOperationType == "UPDATE" && u.Source.Kind == "SM" {
			w.updates[u.NsInstanceID] = append(w.updates[u.NsInstanceID], u)
		}
	}
	w.snapshots = listAll[sol005.VnfSnapshotInfo](a.nsHub, a.nslcm(), "/vnf_snapshots")
	w.vnfOps = listAll[sol003.VnfLcmOpOcc](a.nsHub, a.vnflcm(), "/vnf_lcm_op_occs")
	slices.SortFunc(w.vnfOps, func(x, y sol003.VnfLcmOpOcc) int { return x.StartTime.Compare(y.StartTime) })
	w.storages = resources[ifa006.Storage](a.nsHub, "storages", "")
	return w
}

// onlyBy wants that what Security Managers changed in an NS was changed by those
// of the modes.
func (a *actionHub) onlyBy(w *actionWorld, ns string, modes ...string) {
	a.Helper()
	by := map[string]bool{}
	for _, mode := range modes {
		for _, i := range []hub.Interface{hub.ScOrSecEnforce, hub.ScOrSecurityVnfMgmt} {
			by[a.sms[mode].at[i].identity()] = true
		}
	}
	for _, u := range w.updates[ns] {
		if !by[u.Source.Identity] {
			a.Errorf("NS %s was updated by %s, and may be by %v only", w.nss[ns].NsInstanceName, u.Source.Identity, modes)
		}
	}
}

// members returns the VNF instances of an NS whose VNFD's name ends in a text.
func (w *actionWorld) members(ns, vnfd string) []sol005.VnfInstance {
	return slices.DeleteFunc(slices.Clone(w.nss[ns].VnfInstance), func(v sol005.VnfInstance) bool { return !strings.HasSuffix(v.VnfdID, vnfd) })
}

// nsOf is an NS that has a VNF; empty when none has.
func (w *actionWorld) nsOf(vnf string) string {
	for id, ns := range w.nss {
		if slices.ContainsFunc(ns.VnfInstance, func(v sol005.VnfInstance) bool { return v.ID == vnf }) {
			return id
		}
	}
	return ""
}

// lives reports whether a VNF is in an NS with a compute at the VIM, or in
// neither; anything between is an error.
func (a *actionHub) lives(w *actionWorld, ns, vnf string) bool {
	a.Helper()
	member := slices.ContainsFunc(w.nss[ns].VnfInstance, func(v sol005.VnfInstance) bool { return v.ID == vnf })
	if member != (len(w.computes[vnf]) > 0) {
		a.Errorf("VNF %s: in its NS %t, computes %+v", vnf, member, w.computes[vnf])
	}
	return member
}

// onHost lists the VNFs of a trust domain with a compute on a host, sorted.
func (w *actionWorld) onHost(domain, host string) []string {
	var list []string
	for vnf, computes := range w.computes {
		if slices.ContainsFunc(computes, func(c ifa006.Compute) bool { return c.TrustDomain == domain && c.HostID == host }) {
			list = append(list, vnf)
		}
	}
	slices.Sort(list)
	return list
}
