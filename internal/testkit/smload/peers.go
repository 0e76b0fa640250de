package smload

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// Peers is an NFVO and a VIM of a world of that many VNFs, as a Security Manager
// sees them: one NS for each VNF, and nothing that changes by itself. They take
// subscriptions and orders, and send nothing: who measures does. It is an
// [http.Handler] for the roots /nslcm/v2, /vnfpkgm/v2, /sc-vi/v1, /sc-or/v1 and
// /manoward/v1, safe for concurrent use.
type Peers struct {
	VNFs int
	// Ordered is called with each order that is taken; it may be nil.
	Ordered func(nsInstanceID string)

	mu   sync.Mutex // covers what is below
	subs map[string][]map[string]any
	asks int
}

const pageOf = 1000 // items of a list

// Subscription returns the identifier of a subscription of an API, such as
// "nslcm", empty when there is none.
func (p *Peers) Subscription(api string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.subs[api] {
		return s["id"].(string)
	}
	return ""
}

// Asks returns how many requests came in.
func (p *Peers) Asks() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asks
}

// ServeHTTP implements [http.Handler].
func (p *Peers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asks++
	p.mu.Unlock()
	part := append(strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/"), "", "", "", "")
	api, collection, id := part[0], part[2], part[3]
	if r.Method == http.MethodPost && collection != "subscriptions" {
		p.order(w, r, api, id)
		return
	}
	switch collection {
	case "subscriptions":
		p.subscriptions(w, r, api, id)
	case "session":
		answer(w, http.StatusOK, map[string]any{"mode": hub.SemiActive})
	case "ns_lcm_op_occs":
		one(w, id, map[string]any{"id": id, "operationState": "COMPLETED", "lcmOperationType": "UPDATE"})
	case "host_orders":
		one(w, id, map[string]any{"state": "COMPLETED"})
	case "ns_instances":
		list(w, r, kindNs, id, p.VNFs, same, ns)
	case "vnf_packages":
		list(w, r, kindPkg, id, min(p.VNFs, Packages), pkgOf, pkg)
	case "computes":
		list(w, r, kindCompute, id, p.VNFs*computesOf, same, compute)
	case "hosts":
		list(w, r, kindHost, id, (p.VNFs+vnfsOn-1)/vnfsOn, same, p.host)
	case "images":
		list(w, r, kindImage, id, min(p.VNFs, Packages), pkgOf, image)
	case "compute_flavours":
		answer(w, http.StatusOK, []ifa006.Flavour{{ID: "small", Size: ifa006.Capacity{VCPUs: 2, MemoryMiB: 1024}}})
	default:
		absent(w)
	}
}

// order takes an order, whose operation ends at once.
func (p *Peers) order(w http.ResponseWriter, r *http.Request, api, id string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if p.Ordered != nil {
		p.Ordered(id)
	}
	where := "ns_lcm_op_occs"
	if api == "sc-or" {
		where = "host_orders"
	}
	op := hub.DeriveID("smload", "order", r.URL.Path, r.Header.Get("Idempotency-Key"), string(body))
	w.Header().Set("Location", fmt.Sprintf("https://%s/%s/%s/%s", r.Host, strings.Join(strings.Split(r.URL.Path, "/")[1:3], "/"), where, op))
	w.WriteHeader(http.StatusAccepted)
}

func (p *Peers) subscriptions(w http.ResponseWriter, r *http.Request, api, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.subs == nil {
		p.subs = map[string][]map[string]any{}
	}
	switch {
	case r.Method == http.MethodPost:
		sub := map[string]any{}
		if json.NewDecoder(r.Body).Decode(&sub) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		sub["id"] = hub.DeriveID("smload", "subscription", api, strconv.Itoa(len(p.subs[api])))
		p.subs[api] = append(p.subs[api], sub)
		answer(w, http.StatusCreated, sub)
	case id == "":
		answer(w, http.StatusOK, append([]map[string]any{}, p.subs[api]...))
	default:
		for i, s := range p.subs[api] {
			if s["id"] != id {
				continue
			}
			if r.Method == http.MethodDelete {
				p.subs[api] = append(p.subs[api][:i:i], p.subs[api][i+1:]...)
				w.WriteHeader(http.StatusNoContent)
				return
			}
			answer(w, http.StatusOK, s)
			return
		}
		absent(w)
	}
}

func same(n int) int { return n }

// list answers with one thing, or with a page of a list of n; at says which thing
// stands where.
func list(w http.ResponseWriter, r *http.Request, kind int, id string, n int, at func(int) int, show func(int) any) {
	if id != "" {
		if number := numberOf(kind, id); number >= 0 {
			answer(w, http.StatusOK, show(number))
			return
		}
		absent(w)
		return
	}
	from, err := strconv.Atoi(r.URL.Query().Get("nextpage_opaque_marker"))
	if err != nil || from < 0 {
		from = 0
	}
	page := make([]any, 0, min(n, pageOf))
	for i := from; i < min(n, from+pageOf); i++ {
		page = append(page, show(at(i)))
	}
	if from+pageOf < n {
		q := r.URL.Query()
		q.Set("nextpage_opaque_marker", strconv.Itoa(from+pageOf))
		w.Header().Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, r.URL.Path, q.Encode()))
	}
	answer(w, http.StatusOK, page)
}

func one(w http.ResponseWriter, id string, v any) {
	if id == "" {
		answer(w, http.StatusOK, []any{})
		return
	}
	answer(w, http.StatusOK, v)
}

func absent(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, `{"status":404,"detail":"not there"}`) // the client sees a broken answer
}

func answer(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the client sees a broken answer
}

func ns(n int) any {
	vnf := VnfID(n)
	pkg := pkgOf(n)
	vnfcs := make([]sol005.VnfcResourceInfo, computesOf)
	for c := range vnfcs {
		vnfcs[c] = sol005.VnfcResourceInfo{ID: fmt.Sprintf("%s-%d", vnf, c), VduID: "vdu", ComputeResource: sol005.ResourceHandle{ResourceID: ComputeID(n, c)}}
	}
	return map[string]any{
		"id": NsID(n), "nsInstanceName": fmt.Sprintf("ns-%d", n), "nsdId": "nsd", "nsState": "INSTANTIATED", "flavourId": "f",
		"vnfInstance": []sol005.VnfInstance{{
			ID: vnf, VnfdID: "vnfd", VnfProvider: "vendor", VnfProductName: product(pkg), VnfSoftwareVersion: "1.0", VnfPkgID: PkgID(pkg), InstantiationState: "INSTANTIATED",
			InstantiatedVnfInfo: &sol005.InstantiatedVnfInfo{FlavourID: "f", VnfState: "STARTED", VnfcResourceInfo: vnfcs},
		}},
		"manoward.vnfs": map[string]any{vnf: map[string]any{
			"vnfProfileId": "p", "securityVnf": true, "minInstances": 0,
			"integrity": map[string]any{"verdict": "PASSED", "checksum": checksum(pkg), "signer": signer(pkg)},
		}},
	}
}

func pkg(p int) any {
	return sol005.VnfPkgInfo{
		ID: PkgID(p), VnfdID: "vnfd", VnfProvider: "vendor", VnfProductName: product(p), VnfSoftwareVersion: "1.0",
		Checksum: &sol005.Checksum{Algorithm: "SHA-256", Hash: checksum(p)}, OnboardingState: "ONBOARDED", OperationalState: "ENABLED", UsageState: "IN_USE",
	}
}

func compute(n int) any {
	vnf := n / computesOf
	return ifa006.Compute{
		ID: ComputeID(vnf, n%computesOf), Name: "c", FlavourID: "small", ImageID: ImageID(pkgOf(vnf)), HostID: HostID(hostOf(vnf)), ZoneID: "zone",
		Metadata: map[string]string{"vnfInstanceId": VnfID(vnf)}, OperationalState: ifa006.Enabled, RunningState: ifa006.Started,
		Location: &ifa006.Location{Country: "DE"},
	}
}

func (p *Peers) host(h int) any {
	out := ifa006.Host{
		ID: HostID(h), ZoneID: "zone", NfviPopID: "pop", State: ifa006.Enabled, Integrity: ifa006.IntegrityTrusted, Firmware: firmware(h),
		Equipment: ifa006.Equipment{TPM: true}, Location: ifa006.Location{Country: "DE"},
	}
	for vnf := h * vnfsOn; vnf < min(p.VNFs, (h+1)*vnfsOn); vnf++ {
		for c := range computesOf {
			out.ComputeIDs = append(out.ComputeIDs, ComputeID(vnf, c))
			out.Allocated.VCPUs += 2
			out.Allocated.MemoryMiB += 1024
		}
	}
	return out
}

func image(p int) any {
	sum := &ifa006.Checksum{Algorithm: "SHA-256", Hash: checksum(p + 1)}
	return ifa006.Image{ID: ImageID(p), Name: "image", Checksum: sum, StatedChecksum: sum, Status: "ACTIVE", Metadata: map[string]string{"vnfPkgId": PkgID(p)}}
}
