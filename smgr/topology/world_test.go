package topology

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr"
)

// world is an NFVO and a VIM with what they have, as their interfaces show it.
type world struct {
	mu       sync.Mutex
	nss      map[string]map[string]any
	pkgs     map[string]sol005.VnfPkgInfo
	computes map[string]ifa006.Compute
	hosts    map[string]ifa006.Host
	images   map[string]ifa006.Image
	flavours []ifa006.Flavour
	// fail answers a request instead when it returns a status.
	fail func(path string) int
	// shallow: lists of NSs have no VNFs, as SOL 005 has it by default.
	shallow bool
	asked   []string
	page    int

	// arrived and release hold answers back, when they are set.
	arrived chan *heldAnswer
}

type heldAnswer struct {
	path string
	let  chan struct{}
}

func newWorld() *world {
	return &world{nss: map[string]map[string]any{}, pkgs: map[string]sol005.VnfPkgInfo{}, computes: map[string]ifa006.Compute{}, hosts: map[string]ifa006.Host{}, images: map[string]ifa006.Image{},
		flavours: []ifa006.Flavour{{ID: "small", Size: ifa006.Capacity{VCPUs: 2, MemoryMiB: 1024}}}, page: 3}
}

func object(v any) map[string]any {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
}

func listOf[T any](w *world, rw http.ResponseWriter, r *http.Request, m map[string]T, show func(T) any) {
	ids := slices.Sorted(maps.Keys(m))
	if after := r.URL.Query().Get("nextpage_opaque_marker"); after != "" {
		ids = slices.DeleteFunc(ids, func(id string) bool { return id <= after })
	}
	if len(ids) > w.page {
		ids = ids[:w.page]
		q := r.URL.Query()
		q.Set("nextpage_opaque_marker", ids[len(ids)-1])
		rw.Header().Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, r.URL.Path, q.Encode()))
	}
	out := []any{}
	for _, id := range ids {
		out = append(out, show(m[id]))
	}
	answer(rw, out)
}

func answer(rw http.ResponseWriter, v any) {
	rw.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(rw).Encode(v); err != nil {
		panic(err)
	}
}

func oneOfMap[T any](rw http.ResponseWriter, m map[string]T, id string) {
	if v, there := m[id]; there {
		answer(rw, v)
		return
	}
	rw.Header().Set("Content-Type", "application/problem+json")
	rw.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(rw, `{"status":404,"detail":"not there"}`)
}

func same[T any](v T) any { return v }

func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, r.URL.Path)
	if w.fail != nil {
		if status := w.fail(r.URL.Path); status != 0 {
			rw.Header().Set("Content-Type", "application/problem+json")
			rw.WriteHeader(status)
			fmt.Fprintf(rw, `{"status":%d,"detail":"down"}`, status)
			return
		}
	}
	_, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	_, rest, _ = strings.Cut(rest, "/")
	collection, id, isOne := strings.Cut(rest, "/")
	switch collection {
	case "ns_instances":
		if isOne {
			oneOfMap(rw, w.nss, id)
			return
		}
		listOf(w, rw, r, w.nss, func(n map[string]any) any {
			if !w.shallow {
				return n
			}
			n = maps.Clone(n)
			delete(n, "vnfInstance")
			return n
		})
	case "vnf_packages":
		if isOne {
			oneOfMap(rw, w.pkgs, id)
			return
		}
		listOf(w, rw, r, w.pkgs, func(p sol005.VnfPkgInfo) any {
			if w.shallow {
				p.Checksum, p.UserDefinedData = nil, nil
			}
			return p
		})
	case "computes":
		if isOne {
			oneOfMap(rw, w.computes, id)
			return
		}
		listOf(w, rw, r, w.computes, same)
	case "hosts":
		if isOne {
			h := w.hosts
			oneOfMap(rw, h, id)
			return
		}
		listOf(w, rw, r, w.hosts, same)
	case "images":
		if isOne {
			oneOfMap(rw, w.images, id)
			return
		}
		listOf(w, rw, r, w.images, same)
	case "compute_flavours":
		answer(rw, w.flavours)
	default:
		rw.WriteHeader(http.StatusTeapot)
	}
}

// RoundTrip is the world without a network: the answer is that of the moment in
// which the request arrived, however long it is held back.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	w.mu.Lock()
	arrived := w.arrived
	w.mu.Unlock()
	if arrived != nil {
		held := &heldAnswer{r.URL.Path, make(chan struct{})}
		select {
		case arrived <- held:
			<-held.let
		case <-r.Context().Done():
		}
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp := rec.Result()
	resp.Request = r
	return resp, nil
}

func (w *world) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.asked)
}

func (w *world) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = nil
}

// addVnf puts a VNF with one compute on a host into an NS.
func (w *world) addVnf(nsID, id, hostID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addVnfLocked(nsID, id, hostID)
}

func (w *world) addVnfLocked(nsID, id, hostID string) {
	n := w.nss[nsID]
	if n == nil {
		n = object(sol005.NsInstance{ID: nsID, NsInstanceName: "core", NsdID: "nsd-1", NsState: "INSTANTIATED", FlavourID: "f",
			PnfInfo: []sol005.PnfInfo{{PnfID: "p1", PnfName: "router", PnfdID: "pnfd", PnfProfileID: "router"}},
			VirtualLinkInfo: []sol005.NsVirtualLinkInfo{{ID: nsID + "-l", NsVirtualLinkDescID: "vl", NsVirtualLinkProfileID: "vl", ResourceHandle: []sol005.ResourceHandle{{ResourceID: "net-" + nsID}},
				LinkPort: []sol005.NsLinkPortInfo{{ID: "pp", NsCpHandle: &sol005.NsCpHandle{PnfInfoID: "p1"}}}}}})
		n["manoward.replacementBars"] = map[string]any{"old": map[string]any{"by": "spiffe://north/sm/alpha/sc-or.sec-enforce", "since": "2026-11-22T10:00:00Z"}}
		n["manoward.vnfs"] = map[string]any{}
		n["vnfInstance"] = []any{}
		w.nss[nsID] = n
	}
	n = maps.Clone(n)
	n["vnfInstance"] = append(slices.Clone(n["vnfInstance"].([]any)), w.vnfOf(nsID, id))
	ext := maps.Clone(n["manoward.vnfs"].(map[string]any))
	ext[id] = map[string]any{"vnfProfileId": "amf", "securityVnf": false, "minInstances": 1, "integrity": map[string]any{"verdict": "PASSED", "checksum": "aa", "signer": "CN=Acme"}}
	n["manoward.vnfs"] = ext
	w.nss[nsID] = n
	w.pkgs["k1"] = sol005.VnfPkgInfo{ID: "k1", VnfdID: "d1", VnfProvider: "Acme", VnfProductName: "AMF", VnfSoftwareVersion: "1", Checksum: &sol005.Checksum{Algorithm: "SHA-256", Hash: "aa"}, OnboardingState: "ONBOARDED",
		OperationalState: "ENABLED", UsageState: "IN_USE", UserDefinedData: sol005.KeyValuePairs{"manoward.integrity": "OK"}}
	if _, there := w.images["i1"]; !there { // one that is there stays as it is: of its change nobody would be told
		w.images["i1"] = ifa006.Image{ID: "i1", Name: "amf-os", Checksum: &ifa006.Checksum{Algorithm: "SHA-256", Hash: "bb"}, Status: "ACTIVE", Metadata: map[string]string{"vnfPkgId": "k1"}}
	}
	w.place(id, hostID)
}

func (w *world) vnfOf(nsID, id string) map[string]any {
	return object(sol005.VnfInstance{
		ID: id, VnfdID: "d1", VnfProvider: "Acme", VnfProductName: "AMF", VnfSoftwareVersion: "1", VnfPkgID: "k1", InstantiationState: "INSTANTIATED",
		VnfConfigurableProperties: sol005.KeyValuePairs{"logLevel": "info", "replicas": 3},
		InstantiatedVnfInfo: &sol005.InstantiatedVnfInfo{
			FlavourID: "f", VnfState: "STARTED", ExtCpInfo: []sol005.VnfExtCpInfo{{ID: id + "-x", CpdID: "mgmt", ExtLinkPortID: id + "-p"}},
			ExtVirtualLinkInfo: []sol005.ExtVirtualLinkInfo{{ID: "e", ResourceHandle: sol005.ResourceHandle{ResourceID: "net-" + nsID}, ExtLinkPorts: []sol005.ExtLinkPortInfo{{ID: id + "-p"}}}},
			VnfcResourceInfo:   []sol005.VnfcResourceInfo{{ID: id + "-vnfc", VduID: "vdu", ComputeResource: sol005.ResourceHandle{ResourceID: id + "-c"}}},
		},
	})
}

// place puts the compute of a VNF on a host, or off all hosts.
func (w *world) place(vnfID, hostID string) {
	id := vnfID + "-c"
	if was, there := w.computes[id]; there {
		w.changeUse(was.HostID, id, -1)
		delete(w.computes, id)
	}
	if hostID == "" {
		return
	}
	w.changeUse(hostID, id, 1)
	h := w.hosts[hostID]
	w.computes[id] = ifa006.Compute{ID: id, Name: id, FlavourID: "small", ImageID: "i1", HostID: hostID, ZoneID: h.ZoneID, Metadata: map[string]string{"vnfInstanceId": vnfID},
		OperationalState: ifa006.Enabled, RunningState: ifa006.Started, Location: &h.Location}
}

func (w *world) changeUse(hostID, computeID string, by int) {
	h, there := w.hosts[hostID]
	if !there {
		h = ifa006.Host{ID: hostID, ZoneID: "z-" + hostID, NfviPopID: "pop", State: ifa006.Enabled, Integrity: ifa006.IntegrityTrusted, Firmware: "1.0", Equipment: ifa006.Equipment{TPM: true},
			Location: ifa006.Location{Country: "DE", Site: "site-" + hostID}}
	}
	h.ComputeIDs = slices.DeleteFunc(slices.Clone(h.ComputeIDs), func(id string) bool { return id == computeID })
	if by > 0 {
		h.ComputeIDs = append(h.ComputeIDs, computeID)
	}
	h.Allocated.VCPUs += 2 * by
	h.Allocated.MemoryMiB += 1024 * by
	w.hosts[hostID] = h
}

// removeVnf takes a VNF out of an NS.
func (w *world) removeVnf(nsID, id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := maps.Clone(w.nss[nsID])
	n["vnfInstance"] = slices.DeleteFunc(slices.Clone(n["vnfInstance"].([]any)), func(v any) bool { return v.(map[string]any)["id"] == id })
	w.nss[nsID] = n
	w.place(id, "")
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// setup is a topology over a world.
type setup struct {
	*Topology
	world *world
	clock *clock
	bus   *memstate.Bus
}

func start1(t testing.TB, w *world, bus *memstate.Bus, change func(*Config)) *setup {
	t.Helper()
	clock := &clock{at: noon}
	client := func(api string) *httpapi.Client {
		return &httpapi.Client{Base: "http://world/" + api, HTTP: &http.Client{Transport: w}, Retries: -1}
	}
	space := state.New(bus, "SM-alpha", slog.New(slog.DiscardHandler))
	c := Config{
		Name: "alpha", TrustDomain: "north", Mode: func() hub.Mode { return hub.Passive }, Ns: client("nslcm/v2"), Packages: client("vnfpkgm/v2"), Vi: client("sc-vi/v1"),
		Space: space, Now: clock.now, Log: slog.New(slog.DiscardHandler), Timeout: 5 * time.Second,
	}
	if change != nil {
		change(&c)
	}
	top := New(c)
	if err := space.Open(t.Context(), t.Context(), "north"); err != nil {
		t.Fatal(err)
	}
	return &setup{top, w, clock, bus}
}

// built is a topology that has read the world.
func built(t testing.TB, w *world) *setup {
	t.Helper()
	s := start1(t, w, &memstate.Bus{}, nil)
	if err := s.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.forget()
	return s
}

// event makes an event of an NS from its body's members.
func event(kind hub.EventKind, key string, at time.Time, body map[string]any) smgr.Event {
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return smgr.Event{ID: hub.DeriveID(string(raw), key, at.String()), Kind: kind, Key: key, Origin: smgr.OriginNotification, Time: at, Received: at, Body: raw}
}

func nsChange(nsID, vnfID, operation, status string, at time.Time, more map[string]any) smgr.Event {
	body := map[string]any{
		"id": "x", "notificationType": "NsChangeNotification", "subscriptionId": "s", "timestamp": at, "nsInstanceId": nsID, "nsComponentType": "VNF", "nsComponentId": vnfID,
		"lcmOpOccIdImpactingNsComponent": "o", "lcmOpNameImpactingNsComponent": operation, "lcmOpOccStatusImpactingNsComponent": status,
		"manoward.sourceOfRequest": map[string]any{"kind": "OSS", "identity": "spiffe://north/oss/portal"},
		"manoward.vnf": map[string]any{"vnfInstanceId": vnfID, "vnfdId": "d1", "vnfPkgId": "k1", "vnfProfileId": "amf", "integrity": map[string]any{"verdict": "PASSED", "checksum": "aa"},
			"connectivity": []any{}},
	}
	with(body, more)
	return event(hub.EventNsChange, smgr.KeyNs(nsID), at, body)
}

// with adds members to a body; nil takes one away.
func with(body, more map[string]any) {
	maps.Copy(body, more)
	maps.DeleteFunc(body, func(_ string, v any) bool { return v == nil })
}

func review(nsID string, at time.Time) smgr.Event {
	return event(hub.EventReview, smgr.KeyNs(nsID), at, map[string]any{"reason": "periodic"})
}

func change(kind hub.EventKind, key, resource, id, change string, at time.Time, changed map[string]any, more map[string]any) smgr.Event {
	body := map[string]any{"id": "x", "notificationType": ifa006.NotificationType, "subscriptionId": "s", "timeStamp": at, "vimId": "vim", "resourceType": resource,
		"virtualisedResourceId": id, "changeType": change, "nfviSource": "test"}
	if changed != nil {
		body["changedResourceData"] = changed
	}
	with(body, more)
	return event(kind, key, at, body)
}

var schemas = sync.OnceValues(policies.OwnSchemas)

// input applies an event and returns its input, which fits the schema.
func (s *setup) input(t testing.TB, e smgr.Event) map[string]any {
	t.Helper()
	if err := s.Apply(t.Context(), e); err != nil {
		t.Fatalf("apply: %v", err)
	}
	raw, err := s.Input(t.Context(), e)
	if err != nil {
		t.Fatalf("input: %v", err)
	}
	return valid(t, raw)
}

// parse checks an input by its schema, as the engine does.
func parse(raw []byte) (*policies.Input, error) {
	all, err := schemas()
	if err != nil {
		return nil, err
	}
	return all.ParseInput(raw)
}

func valid(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	if _, err := parse(raw); err != nil {
		t.Fatalf("the input does not fit its schema: %v\n%.300s", err, raw)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// at is the value at a path of an input, as JSON; "absent" when there is none.
func at(in map[string]any, path ...string) string {
	var v any = in
	for _, p := range path {
		switch x := v.(type) {
		case map[string]any:
			var there bool
			if v, there = x[p]; !there {
				return "absent"
			}
		default:
			return "absent"
		}
	}
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func expect(t testing.TB, in map[string]any, want map[string]string) {
	t.Helper()
	for _, path := range slices.SortedFunc(maps.Keys(want), cmp.Compare) {
		parts := strings.Split(path, " ")
		if got := at(in, parts...); got != want[path] {
			t.Errorf("%s is %s; want %s", path, got, want[path])
		}
	}
}

// drain reads, as the background does, what waits, until nothing does.
func (s *setup) drain(t testing.TB) {
	t.Helper()
	for range 1000 {
		s.refreshes.mu.Lock()
		ready := s.refreshes.ready
		s.refreshes.ready = nil
		for _, r := range ready {
			delete(s.refreshes.jobs, r)
		}
		s.refreshes.mu.Unlock()
		if len(ready) == 0 {
			return
		}
		for _, r := range ready {
			if err := s.read(t.Context(), r); err != nil {
				t.Fatalf("read %v: %v", r, err)
			}
		}
	}
	t.Fatal("readings lead to readings without an end")
}
