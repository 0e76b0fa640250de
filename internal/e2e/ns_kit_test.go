package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/nskit"
)

// nsHub is a hub with hosts, trust domains and on-boarded packages, on which
// network services can be made.
type nsHub struct {
	*hubProcess
	kits map[string]*nskit.Kit // by trust domain
}

// newNsHub starts a hub, loads an inventory of four hosts to a zone, makes the
// trust domains and on-boards a kit in each, named after it.
func newNsHub(t testing.TB, zones int, domains ...string) *nsHub {
	t.Helper()
	return newNsHubOn(t, startHub(t), zones, domains...)
}

// newNsHubOn is newNsHub on a hub that was started with options of its own.
func newNsHubOn(t testing.TB, started *hubProcess, zones int, domains ...string) *nsHub {
	t.Helper()
	h := &nsHub{hubProcess: started, kits: map[string]*nskit.Kit{}}
	inventory := filepath.Join(h.home, "inventory.yaml")
	writeFile(t, inventory, nskit.Inventory(zones), 0o600)
	h.do("vim", "load", inventory)
	for _, d := range domains {
		h.do("trust-domain", "create", d)
		h.onboard(d, nskit.New(t, d))
	}
	return h
}

// onboard trusts a kit's signer in a domain and on-boards the kit there, as its
// user would.
func (h *nsHub) onboard(domain string, k *nskit.Kit) {
	h.t.Helper()
	h.kits[domain] = k
	write := func(name string, raw []byte) string {
		path := filepath.Join(h.home, k.Name+"-"+name)
		writeFile(h.t, path, string(raw), 0o600)
		return path
	}
	h.do("package", "policy", "--trust-domain", domain, "--anchor", write("anchor.pem", []byte(k.Anchor)))
	h.do("package", "onboard", write("web.csar", k.Web), "--trust-domain", domain)
	h.do("package", "onboard", write("guard.csar", k.Guard), "--trust-domain", domain)
	h.onboardPNFD(domain, k.PNF)
	h.do("nsd", "onboard", write("ns.csar", k.NSD), "--trust-domain", domain)
}

// onboardPNFD on-boards a PNFD over the REST interface.
func (h *nsHub) onboardPNFD(domain string, archive []byte) {
	h.t.Helper()
	api := h.osMa("/nsd/v2", "2.3.0")
	var info sol005.PnfdInfo
	in := sol005.CreatePnfdInfoRequest{UserDefinedData: sol005.KeyValuePairs{"manoward.trustDomain": domain}}
	if _, err := api.Do(h.t.Context(), http.MethodPost, "/pnf_descriptors", in, &info); err != nil {
		h.t.Fatal(err)
	}
	path := "/pnf_descriptors/" + info.ID
	if _, err := api.Upload(h.t.Context(), path+"/pnfd_content", "application/zip", strings.NewReader(string(archive)), int64(len(archive))); err != nil {
		h.t.Fatal(err)
	}
	eventually(h.t, "the PNFD is on-boarded", 20*time.Second, func() bool {
		if _, err := api.Do(h.t.Context(), http.MethodGet, path, nil, &info); err != nil {
			h.t.Fatal(err)
		}
		if info.PnfdOnboardingState == "ERROR" {
			h.t.Fatalf("PNFD: %+v", info.OnboardingFailureDetails)
		}
		return info.PnfdOnboardingState == "ONBOARDED" || info.PnfdOnboardingState == "ONBOARDING"
	})
}

// point is a client with the operator's certificate for an API on a listener.
func (h *nsHub) point(key hub.ReferencePoint, api, version string) *httpapi.Client {
	h.t.Helper()
	c := h.operatorContext()
	conf := adminTLS(h.t, c, true)
	conf.ServerName = string(key) + ".hub.manoward.internal"
	return &httpapi.Client{Base: h.ready.Endpoints[key.Key()] + api, Version: version, HTTP: httpClient(h.t, conf, true)}
}

func (h *nsHub) osMa(api, version string) *httpapi.Client { return h.point(hub.OsMa, api, version) }
func (h *nsHub) nslcm() *httpapi.Client                   { return h.osMa("/nslcm/v2", "2.3.0") }
func (h *nsHub) vim() *httpapi.Client                     { return h.point(hub.VIM, "/vim/v1", "1.0.0") }
func (h *nsHub) vnflcm() *httpapi.Client                  { return h.point(hub.VNFM, "/vnflcm/v2", "2.3.0") }

// createNs makes an NS of a domain's kit, which is not instantiated.
func (h *nsHub) createNs(domain, name string) string {
	h.t.Helper()
	var ns sol005.NsInstance
	in := sol005.CreateNsRequest{NsdID: h.kits[domain].NSDID(), NsName: name, NsDescription: "of a test"}
	if _, err := h.nslcm().Do(h.t.Context(), http.MethodPost, "/ns_instances", in, &ns); err != nil {
		h.t.Fatal(err)
	}
	return ns.ID
}

// instantiate makes an NS of a domain's kit and instantiates it.
func (h *nsHub) instantiate(domain, name string) string {
	h.t.Helper()
	id := h.createNs(domain, name)
	h.mustComplete(id, "instantiate", map[string]string{})
	return id
}

// task starts a task of an NS and returns the operation.
func (h *nsHub) task(ns, task string, in any) (opID string, err error) {
	a, err := h.nslcm().Do(h.t.Context(), http.MethodPost, "/ns_instances/"+ns+"/"+task, in, nil)
	if err != nil {
		return "", err
	}
	return a.Location[strings.LastIndex(a.Location, "/")+1:], nil
}

// awaitOp waits until an operation goes on no further by itself.
func (h *nsHub) awaitOp(id string) sol005.NsLcmOpOcc {
	h.t.Helper()
	api := h.nslcm()
	var op sol005.NsLcmOpOcc
	eventually(h.t, "operation "+id+" ends", 20*time.Second, func() bool {
		op = sol005.NsLcmOpOcc{}
		if _, err := api.Do(h.t.Context(), http.MethodGet, "/ns_lcm_op_occs/"+id, nil, &op); err != nil {
			h.t.Fatal(err)
		}
		return op.OperationState != sol005.NsLcmOperationStateProcessing && op.OperationState != sol005.NsLcmOperationStateRollingBack
	})
	return op
}

// mustComplete runs a task that must complete.
func (h *nsHub) mustComplete(ns, task string, in any) sol005.NsLcmOpOcc {
	h.t.Helper()
	id, err := h.task(ns, task, in)
	if err != nil {
		h.t.Fatalf("%s: %v", task, err)
	}
	op := h.awaitOp(id)
	if op.OperationState != sol005.NsLcmOperationStateCompleted {
		raw, _ := json.Marshal(op)
		h.t.Fatalf("%s: %s", task, raw)
	}
	return op
}

func (h *nsHub) showNs(id string) sol005.NsInstance {
	h.t.Helper()
	var ns sol005.NsInstance
	if _, err := h.nslcm().Do(h.t.Context(), http.MethodGet, "/ns_instances/"+id, nil, &ns); err != nil {
		h.t.Fatal(err)
	}
	return ns
}

// resources lists a collection of the VIM.
func resources[T any](h *nsHub, collection string, filter string) []T {
	h.t.Helper()
	query := url.Values{}
	if filter != "" {
		query.Set("filter", filter)
	}
	list := []T{}
	for item, err := range httpapi.All[T](context.WithoutCancel(h.t.Context()), h.vim(), "/"+collection, query) {
		if err != nil {
			h.t.Fatal(err)
		}
		list = append(list, item)
	}
	return list
}

// checkNfvi compares the NFVI model with what the VNF instances say: each VNFC
// has its compute and nothing else has one, each host's allocation is the sum of
// what is on it, and networks and ports are those of what is there.
func (h *nsHub) checkNfvi(wantVnfcs int) {
	h.t.Helper()
	computes := resources[ifa006.Compute](h, "computes", "")
	if len(computes) != wantVnfcs {
		h.t.Errorf("the VIM has %d computes, want %d", len(computes), wantVnfcs)
	}
	h.checkHosts(computes)
	ports := map[string]bool{}
	for _, c := range computes {
		for _, p := range c.Ports {
			ports[p.ID] = true
		}
	}
	for _, p := range resources[ifa006.Port](h, "ports", "") {
		if !ports[p.ID] && p.Metadata["pnfId"] == "" && p.Metadata["sapInstanceId"] == "" {
			h.t.Errorf("port %s (%s) is left on network %s, attached to %q", p.ID, p.Name, p.NetworkID, p.AttachedTo)
		}
	}
}

// checkHosts wants each host's allocation to be the sum of what is on it.
func (h *nsHub) checkHosts(computes []ifa006.Compute) {
	h.t.Helper()
	flavours := map[string]ifa006.Flavour{}
	for _, f := range resources[ifa006.Flavour](h, "flavours", "") {
		flavours[f.ID] = f
	}
	used := map[string]ifa006.Capacity{}
	for _, c := range computes {
		size := flavours[c.FlavourID].Size
		u := used[c.HostID]
		used[c.HostID] = ifa006.Capacity{VCPUs: u.VCPUs + size.VCPUs, MemoryMiB: u.MemoryMiB + size.MemoryMiB, DiskGiB: u.DiskGiB + size.DiskGiB}
	}
	for _, host := range resources[ifa006.Host](h, "hosts", "") {
		if host.Allocated != used[host.ID] {
			h.t.Errorf("host %s has %+v allocated, its computes have %+v", host.ID, host.Allocated, used[host.ID])
		}
		if host.NfviSource != ifa006.NfviSourceModel {
			h.t.Errorf("host %s does not say that it is of a model", host.ID)
		}
	}
}
