package e2e_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/nskit"
	"github.com/manoward/manoward/internal/vault"
	"github.com/manoward/manoward/mano-core/vim"
	"github.com/manoward/manoward/mano-core/vnfm"
	"github.com/manoward/manoward/policies/library"
	"github.com/manoward/manoward/smgr"
)

// wholeVnfs is how many VNFs an NS of the whole hub has: four, and a guard. wholeCell
// NSs are on wholeHosts hosts, of which one in four has the TPM that a guard needs.
const wholeVnfs, wholeCell, wholeHosts = 5, 20, 16

// wholeHub is the built program as one process with all roles. Its Security Manager
// alpha judges, by the library and by one policy that orders something, what happens to
// NSs at its own NFVO, VNFM and VIM. Only what it orders of security VNFs passes
// through the test, which sees when that leaves the hub.
type wholeHub struct {
	*perfSM
	ns    *nsHub
	nsIDs []string
	hosts int
	// events are sent as the hub's NFVO and VIM would.
	nsLcm, telem *smNotifier
	later        atomic.Int64 // how often one was to be sent again later

	mu      sync.Mutex
	arrived map[string][]time.Time // orders, by NS
}

// wholeFilled is what a directory is known by in which a hub was filled before.
type wholeFilled struct{ NSs []string }

// newWholeHub starts a hub with so many NSs, and leaves it as it is a moment after a
// restart. MANOWARD_WHOLE names a directory in which a filled hub is kept and found
// again: filling takes minutes, and who compares programs does it once.
func newWholeHub(t testing.TB, count int) *wholeHub {
	t.Helper()
	process := newHub(t)
	if kept := os.Getenv("MANOWARD_WHOLE"); kept != "" {
		process.home, process.data = kept, filepath.Join(kept, "data")
	}
	h := &wholeHub{ns: &nsHub{hubProcess: process, kits: map[string]*nskit.Kit{}}, hosts: wholeHosts * max(1, count/wholeCell), arrived: map[string][]time.Time{}}
	file := filepath.Join(process.home, "manoward.yaml")
	process.args = []string{"--config", file}
	done := filepath.Join(process.home, "filled.json")
	raw, err := os.ReadFile(done)
	if errors.Is(err, os.ErrNotExist) {
		h.fill(file, count)
		if raw, err = json.Marshal(wholeFilled{h.nsIDs}); err != nil {
			t.Fatal(err)
		}
		writeFile(t, done, string(raw), 0o600)
	}
	var was wholeFilled
	if err := json.Unmarshal(raw, &was); err != nil || len(was.NSs) != count {
		t.Fatalf("%s: %d NSs, want %d: %v; remove the directory", done, len(was.NSs), count, err)
	}
	h.nsIDs = was.NSs
	h.join(file)
	return h
}

// fill instantiates up to wholeCell NSs over the interface, registers the Security
// Manager, and multiplies what is stored of the NSs.
func (h *wholeHub) fill(config string, count int) {
	t := h.ns.t
	t.Helper()
	began, cell := time.Now(), min(count, wholeCell)
	h.configure(config)
	h.ns.start()
	inventory := filepath.Join(h.ns.home, "inventory.yaml")
	writeFile(t, inventory, nskit.Inventory(wholeHosts/4), 0o600)
	h.ns.do("vim", "load", inventory)
	h.ns.do("trust-domain", "create", "north")
	kit := nskit.New(t, "north")
	h.ns.onboard("north", kit)
	full := filepath.Join(h.ns.home, "full.csar")
	writeFile(t, full, string(kit.Full), 0o600)
	h.ns.do("nsd", "onboard", full, "--trust-domain", "north")
	h.nsIDs = make([]string, cell)
	perfSend(0, cell, 4, func(n int) {
		if err := h.instantiate(kit.FullID(), n); err != nil {
			t.Errorf("NS %d: %v", n, err)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	h.ns.scorSM("north", "alpha", "semi-active")
	h.ns.smReady()
	h.ns.smLevel("whole-watch", smgr.LevelEnforce)
	h.ns.stop()
	stored := 0
	if copies := count / cell; copies > 1 {
		stored = h.multiply(copies)
	}
	t.Logf("%d NSs instantiated, %d more made of them with %d resources, in %s", cell, len(h.nsIDs)-cell, stored, time.Since(began).Round(time.Second))
}

// configure writes the configuration and the policies: the library, and one more.
func (h *wholeHub) configure(file string) {
	t := h.ns.t
	t.Helper()
	dir := filepath.Join(h.ns.home, "policies")
	if err := os.CopyFS(dir, library.FS()); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "whole.rego"), wholeRego, 0o600)
	writeFile(t, filepath.Join(dir, "whole.samples.yaml"), wholeSamples, 0o600)
	conf := strings.TrimSuffix(smConfig(t, filepath.Join(h.ns.home, "north-alpha")), "}\n")
	writeFile(t, file, conf+fmt.Sprintf(", policies: %q}\n", dir), 0o600)
}

func (h *wholeHub) instantiate(nsd string, n int) error {
	ctx, api := context.Background(), h.ns.nslcm()
	var ns sol005.NsInstance
	in := sol005.CreateNsRequest{NsdID: nsd, NsName: fmt.Sprintf("n%d", n), NsDescription: "of a measurement"}
	if _, err := api.Do(ctx, http.MethodPost, "/ns_instances", in, &ns); err != nil {
		return err
	}
	h.nsIDs[n] = ns.ID
	op, err := h.ns.task(ns.ID, "instantiate", map[string]string{})
	if err != nil {
		return err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(8 * patience); time.Now().Before(end); <-tick.C {
		var occ sol005.NsLcmOpOcc
		if _, err := api.Do(ctx, http.MethodGet, "/ns_lcm_op_occs/"+op, nil, &occ); err != nil {
			return err
		}
		switch occ.OperationState {
		case sol005.NsLcmOperationStateCompleted:
			return nil
		case sol005.NsLcmOperationStateProcessing:
		default:
			return fmt.Errorf("the operation is %s: %+v", occ.OperationState, occ.Error)
		}
	}
	return errors.New("the operation does not end")
}

// join starts the filled hub, lets the Security Manager send its orders through this
// process, and makes what passes for its producers.
func (h *wholeHub) join(config string) {
	t := h.ns.t
	t.Helper()
	dir := filepath.Join(h.ns.home, "north-alpha")
	sm := &scorSM{t: t, domain: "north", name: "alpha", at: map[hub.Interface]*endpoint{}, clients: map[hub.Interface]*http.Client{}}
	registered := filepath.Join(h.ns.home, "registered") // what is changed here in the other one
	if _, err := os.Stat(registered); errors.Is(err, os.ErrNotExist) {
		if err := os.CopyFS(registered, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(filepath.Join(registered, "endpoints.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range readEndpoints(t, registered, "north", "alpha") {
		e.Files = filepath.Join(dir, string(e.Interface))
		sm.at[e.Interface] = e
		sm.clients[e.Interface] = httpClient(t, e.tls(&e.Cert), true)
	}
	h.redirect(sm, dir, raw)
	addresses := perfAddresses(t, config)
	ca := newSMAuthority(t)
	ca.trusted(sm, hub.ScOrNsLcm)
	ca.trusted(sm, hub.ScViTelem)
	h.ns.start()
	h.perfSM = &perfSM{hubProcess: h.ns.hubProcess, run: hub.NewID(), admin: httpClient(t, adminTLS(t, h.ns.operatorContext(), true), true)}
	perfWait(t, "the Security Manager knows its world", func() bool {
		return h.metric("manoward_sm_topology_elements", `kind="vnf"`) == float64(len(h.nsIDs)*wholeVnfs) && h.metric("manoward_sm_topology_elements", `kind="refresh"`) == 0
	})
	h.nsLcm, h.telem = ca.notifier(sm, hub.ScOrNsLcm, addresses[0]), ca.notifier(sm, hub.ScViTelem, addresses[1])
	for _, n := range []*smNotifier{h.nsLcm, h.telem} {
		n.client = &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: n.conf.Clone(), MaxIdleConnsPerHost: 256}}
		t.Cleanup(n.client.CloseIdleConnections)
	}
}

// perfAddresses are scOr and scVi of a configuration of one Security Manager.
func perfAddresses(t testing.TB, config string) [2]string {
	t.Helper()
	raw, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	var found [2]string
	for i, key := range []string{`scOr: "`, `scVi: "`} {
		_, after, _ := strings.Cut(string(raw), key)
		found[i], _, _ = strings.Cut(after, `"`)
	}
	return found
}

// redirect puts this process between the Security Manager and the interface by which
// the NFVO takes orders on security VNFs: it notes when an order comes, and hands it on.
func (h *wholeHub) redirect(sm *scorSM, dir string, endpoints []byte) {
	t := h.ns.t
	t.Helper()
	e := sm.at[hub.ScOrSecurityVnfMgmt]
	target, err := url.Parse(e.URL)
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{TLSClientConfig: e.tls(&e.Cert), ForceAttemptHTTP2: true},
	}
	cert, roots := perfIdentity(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if part := strings.Split(r.URL.Path, "/"); r.Method == http.MethodPost && len(part) == 6 && part[5] == "update" { // .../ns_instances/{nsInstanceId}/update
			h.arrives(part[4])
		}
		pass.ServeHTTP(w, r)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert}
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	all := map[hub.Interface]map[string]string{}
	if err := json.Unmarshal(endpoints, &all); err != nil {
		t.Fatal(err)
	}
	all[hub.ScOrSecurityVnfMgmt] = map[string]string{"url": server.URL, "serverName": perfName}
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "endpoints.json"), string(raw), 0o600)
	writeFile(t, filepath.Join(dir, string(hub.ScOrSecurityVnfMgmt)+".ca.crt"), string(roots), 0o600)
}

// wholeKinds are the resources that an NS consists of, by the table of a function.
var wholeKinds = map[string][]string{
	"NFVO": {"ns/", "op/", "vnf/", "grant/"}, vnfm.Table: {"vnf/", "op/"},
	vim.Table: {"network/", "port/", "lease/", "storage/", "compute/", "group/", "host/"},
}

var (
	wholeID   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	wholeHost = regexp.MustCompile(`host-\d+`)
)

// multiply makes, with the hub stopped, copies of all NSs with their VNFs, operations,
// resources and hosts, the first of which is what there is. The copies are of the
// stored types because they are what the hub stored; each resource of them has an
// identifier of its own, everywhere. It returns how many it stored.
func (h *wholeHub) multiply(copies int) int {
	t, ctx := h.ns.t, context.Background()
	t.Helper()
	keys, err := vault.Open(h.ns.file("unlock.key"))
	if err != nil {
		t.Fatal(err)
	}
	bus, err := natsbus.Open(ctx, natsbus.Config{Name: "manoward", Dir: h.ns.file("bus"), Vault: keys, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := bus.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	north, err := bus.Domain(ctx, "north")
	if err != nil {
		t.Fatal(err)
	}
	stored, ids := map[*natsbus.Table][]natsbus.KeyValue{}, map[string]bool{}
	for _, account := range []*natsbus.Account{bus.Hub(), north} {
		for name, kinds := range wholeKinds {
			table, err := account.Table(ctx, name)
			if err != nil {
				t.Fatal(err)
			}
			for _, kind := range kinds {
				list, err := table.List(ctx, kind)
				if err != nil {
					t.Fatal(err)
				}
				for _, kv := range list {
					ids[strings.TrimPrefix(kv.Key, kind)] = true
				}
				stored[table] = append(stored[table], list...)
			}
		}
	}
	write, made := (&scaleHub{nsHub: h.ns}).writers(ctx), 0
	cell := slices.Clone(h.nsIDs)
	for n := 1; n < copies; n++ {
		other := func(id string) string {
			if ids[id] {
				return hub.DeriveID(id, fmt.Sprint(n))
			}
			return id
		}
		rename := func(text string) string {
			return wholeHost.ReplaceAllStringFunc(wholeID.ReplaceAllStringFunc(text, other), func(host string) string {
				number, err := strconv.Atoi(strings.TrimPrefix(host, "host-"))
				if err != nil {
					t.Error(err)
				}
				return fmt.Sprintf("host-%d", number+n*wholeHosts)
			})
		}
		for table, list := range stored {
			for _, kv := range list {
				write(table, natsbus.KeyValue{Key: rename(kv.Key), Value: []byte(rename(string(kv.Value)))})
				made++
			}
		}
		for _, id := range cell {
			h.nsIDs = append(h.nsIDs, other(id))
		}
	}
	write(nil, natsbus.KeyValue{})
	return made
}

func (h *wholeHub) arrives(ns string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.arrived[ns] = append(h.arrived[ns], time.Now())
}

// ordered says whether something was ordered for each of these NSs. Others may have
// orders too, which an earlier run on the same directory did not see carried out.
func (h *wholeHub) ordered(nss []string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !slices.ContainsFunc(nss, func(ns string) bool { return len(h.arrived[ns]) == 0 })
}

// wholeRego orders something at each operation that another than the operator asked
// for. It takes nothing away, so no limit holds it.
const wholeRego = `# METADATA
# title: Watch what others change
# description: The guard of an NS that the EM changes watches more closely.
# scope: package
# custom:
#   id: whole-watch
#   owner: bench@example.net
#   severity: high
#   controls: ["NIST SP 800-53 SI-4"]
#   events: [ns-operation]
#   samples: whole.samples.yaml
package manoward.policies.whole_watch

# METADATA
# title: it is watched
findings contains f if {
	input.source.kind == "EM"
	input.phase == "START"
	some id, vnf in input.vnfs
	vnf.securityVnf
	f := {
		"code": "watch", "message": sprintf("VNF %s is to watch", [id]),
		"target": {"nsInstanceId": input.event.nsInstanceId, "vnfInstanceId": id},
		"actions": [{"type": "modify-security-vnf", "properties": {"watch": input.event.id}}],
	}
}
`

const wholeSamples = `- name: the EM
  kind: ns-operation
  input:
    {time: "2026-11-22T12:00:00Z", operation: UPDATE, phase: START, source: {kind: EM}, ns: {id: n1}, vnfs: {a: {id: a, securityVnf: true}, b: {id: b, securityVnf: false}},
     event: {id: e1, notificationType: NsLcmOperationOccurrenceNotification, timestamp: "2026-11-22T12:00:00Z", nsInstanceId: n1, nsLcmOpOccId: o1, operation: UPDATE, notificationStatus: START, operationState: PROCESSING}}
  findings: [{code: watch, severity: high, actions: [modify-security-vnf]}]
- name: the OSS
  kind: ns-operation
  input:
    {time: "2026-11-22T12:00:00Z", operation: UPDATE, phase: START, source: {kind: OSS}, ns: {id: n1}, vnfs: {a: {id: a, securityVnf: true}},
     event: {id: e1, notificationType: NsLcmOperationOccurrenceNotification, timestamp: "2026-11-22T12:00:00Z", nsInstanceId: n1, nsLcmOpOccId: o1, operation: UPDATE, notificationStatus: START, operationState: PROCESSING}}
  findings: []
`
