package nfvo_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/manoward/manoward/internal/ifa006"
)

// fakeVIM is a small VIM in memory with the rules of internal/ifa006: a
// repetition of a create is harmless, what is deleted is gone.
type fakeVIM struct {
	server *httptest.Server
	asked  atomic.Int64 // looks at computes

	mu       sync.Mutex
	computes map[string]ifa006.Compute
	networks map[string]ifa006.Network
	ports    map[string]ifa006.Port
	storages map[string]ifa006.Storage
	images   map[string]ifa006.Image
	flavours map[string]ifa006.Flavour
	jobs     map[string]ifa006.Job
	stopped  map[string]ifa006.StopUseRequest // by host
	stuck    map[string]bool                  // computes that cannot be migrated
	reserved map[string][]string              // trust domains by host; set before it is used
	erased   []string
	uploads  int
	zones    []ifa006.Zone
	full     string // zone that has no room
}

func newFakeVIM(t testing.TB) *fakeVIM {
	v := &fakeVIM{
		computes: map[string]ifa006.Compute{}, networks: map[string]ifa006.Network{}, ports: map[string]ifa006.Port{}, storages: map[string]ifa006.Storage{},
		images: map[string]ifa006.Image{}, flavours: map[string]ifa006.Flavour{}, jobs: map[string]ifa006.Job{}, stopped: map[string]ifa006.StopUseRequest{}, stuck: map[string]bool{},
		zones: []ifa006.Zone{{ID: "z1", State: "AVAILABLE", NfviPopID: "p1"}, {ID: "z2", State: "AVAILABLE", NfviPopID: "p2"}, {ID: "z3", State: "UNAVAILABLE", NfviPopID: "p2"}},
	}
	mux := http.NewServeMux()
	collection(mux, v, "networks", v.networks, func(n ifa006.Network) string { return n.ID })
	collection(mux, v, "ports", v.ports, func(p ifa006.Port) string { return p.ID })
	collection(mux, v, "storages", v.storages, func(s ifa006.Storage) string { return s.ID })
	collection(mux, v, "flavours", v.flavours, func(f ifa006.Flavour) string { return f.ID })
	collection(mux, v, "images", v.images, func(i ifa006.Image) string { return i.ID })
	mux.HandleFunc("PUT /images/{id}/content", v.content)
	mux.HandleFunc("GET /computes", v.listComputes)
	mux.HandleFunc("GET /computes/{id}", func(w http.ResponseWriter, r *http.Request) {
		v.asked.Add(1)
		lookup(w, v, v.computes, r.PathValue("id"))
	})
	mux.HandleFunc("DELETE /computes/{id}", func(w http.ResponseWriter, r *http.Request) { remove(w, r, v, v.computes) })
	mux.HandleFunc("GET /resource_zones", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, v.zones) })
	mux.HandleFunc("GET /nfvi_pops", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, []ifa006.NfviPop{{ID: "p1", Location: ifa006.Location{Country: "DE"}}, {ID: "p2", Location: ifa006.Location{Country: "FR"}}})
	})
	mux.HandleFunc("GET /hosts", func(w http.ResponseWriter, r *http.Request) {
		host := ifa006.Host{ID: "h1", Total: ifa006.Capacity{VCPUs: 100, MemoryMiB: 1 << 20, DiskGiB: 1 << 10}, Equipment: ifa006.Equipment{TPM: true, HSM: true, HMEE: true}}
		if strings.Contains(r.URL.Query().Get("filter"), "(eq,zoneId,"+v.full+")") {
			host.Allocated = host.Total
		}
		answer(w, 200, []ifa006.Host{host})
	})
	mux.HandleFunc("GET /hosts/{id}", func(w http.ResponseWriter, r *http.Request) {
		reserved := v.reserved[r.PathValue("id")]
		if !slices.Contains([]string{"h1", "h2"}, r.PathValue("id")) && reserved == nil {
			problem(w, 404, "no such host")
			return
		}
		answer(w, 200, ifa006.Host{ID: r.PathValue("id"), TrustDomains: reserved})
	})
	mux.HandleFunc("POST /hosts/{id}/stop_use", v.stopUse)
	mux.HandleFunc("POST /hosts/{id}/release", func(w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.stopped, r.PathValue("id"))
		w.WriteHeader(204)
	})
	mux.HandleFunc("GET /jobs/{id}", func(w http.ResponseWriter, r *http.Request) { lookup(w, v, v.jobs, r.PathValue("id")) })
	v.server = httptest.NewServer(mux)
	t.Cleanup(v.server.Close)
	return v
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "detail": detail})
}

func collection[T any](mux *http.ServeMux, v *fakeVIM, name string, m map[string]T, id func(T) string) {
	mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) {
		var in T
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || id(in) == "" {
			problem(w, 400, "bad body")
			return
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		if _, there := m[id(in)]; !there {
			m[id(in)] = in
		}
		answer(w, 201, m[id(in)])
	})
	mux.HandleFunc("GET /"+name+"/{id}", func(w http.ResponseWriter, r *http.Request) { lookup(w, v, m, r.PathValue("id")) })
	mux.HandleFunc("DELETE /"+name+"/{id}", func(w http.ResponseWriter, r *http.Request) { remove(w, r, v, m) })
}

func lookup[T any](w http.ResponseWriter, v *fakeVIM, m map[string]T, id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	value, ok := m[id]
	if !ok {
		problem(w, 404, "no such thing")
		return
	}
	answer(w, 200, value)
}

func remove[T any](w http.ResponseWriter, r *http.Request, v *fakeVIM, m map[string]T) {
	v.mu.Lock()
	defer v.mu.Unlock()
	id := r.PathValue("id")
	if _, ok := m[id]; !ok {
		problem(w, 404, "no such thing")
		return
	}
	if r.URL.Query().Get("erase") == "true" {
		v.erased = append(v.erased, id)
	}
	delete(m, id)
	w.WriteHeader(204)
}

func (v *fakeVIM) content(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	v.mu.Lock()
	defer v.mu.Unlock()
	image, ok := v.images[r.PathValue("id")]
	if !ok || err != nil {
		problem(w, 404, "no such image")
		return
	}
	sum := sha256.Sum256(raw)
	image.Checksum, image.Status = &ifa006.Checksum{Algorithm: "SHA-256", Hash: hex.EncodeToString(sum[:])}, "ACTIVE"
	v.images[image.ID] = image
	v.uploads++
	w.WriteHeader(204)
}

func (v *fakeVIM) listComputes(w http.ResponseWriter, r *http.Request) {
	v.asked.Add(1)
	host := strings.Trim(strings.TrimPrefix(r.URL.Query().Get("filter"), "(eq,hostId,"), "')")
	v.mu.Lock()
	defer v.mu.Unlock()
	list := []ifa006.Compute{}
	for _, c := range v.computes {
		if c.HostID == host || strings.Contains(r.URL.Query().Get("filter"), "operationalState,") && c.OperationalState == ifa006.Failed {
			list = append(list, c)
		}
	}
	answer(w, 200, list)
}

func (v *fakeVIM) stopUse(w http.ResponseWriter, r *http.Request) {
	var in ifa006.StopUseRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		problem(w, 400, "bad body")
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	host := r.PathValue("id")
	if _, again := v.jobs[in.ID]; !again {
		v.stopped[host] = in
		job := ifa006.Job{ID: in.ID, HostID: host, State: "COMPLETED", Migrated: []string{}, Remaining: []string{}}
		for id, c := range v.computes {
			if c.HostID != host || (in.TrustDomain != "" && c.TrustDomain != in.TrustDomain) {
				continue
			}
			if in.Computes == "MIGRATE" && !v.stuck[id] {
				c.HostID = map[string]string{"h1": "h2", "h2": "h1"}[host]
				v.computes[id] = c
				job.Migrated = append(job.Migrated, id)
			} else {
				job.Remaining = append(job.Remaining, id)
			}
		}
		v.jobs[in.ID] = job
	}
	w.WriteHeader(202)
}

// place makes a compute as a VNFM does, in the zone that was granted; hosts h1 and
// h2 are in zones z1 and z2.
func (v *fakeVIM) place(id, domain, zone, image string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, there := v.computes[id]; there {
		return
	}
	host := map[string]string{"z1": "h1", "z2": "h2"}[zone]
	v.computes[id] = ifa006.Compute{ID: id, TrustDomain: domain, HostID: host, ZoneID: zone, ImageID: image, OperationalState: "ENABLED", RunningState: "STARTED"}
}

func (v *fakeVIM) drop(id string, erase bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, there := v.computes[id]; there && erase {
		v.erased = append(v.erased, id)
	}
	delete(v.computes, id)
}

func (v *fakeVIM) counts() (computes, networks, ports int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.computes), len(v.networks), len(v.ports)
}
