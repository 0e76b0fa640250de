// Package document holds docs/openapi/sc-vi.yaml to the API that it describes. It
// is a folder of its own because it alone needs the OpenAPI library, through
// internal/testkit/openapidoc.
package document

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/internal/testkit/openapidoc"
	"github.com/manoward/manoward/mano-core/vim"
	"github.com/manoward/manoward/mano-core/vim/scvi"
)

const file = "../../../../docs/openapi/sc-vi.yaml"

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rendered keeps what a Security Manager of alpha would be told.
type rendered struct {
	bodies []any
	port   string // on which there was traffic
}

func (r *rendered) publish(_ context.Context, e notify.Event) error {
	if e.API != vim.ScVi || e.TrustDomain != "alpha" {
		return nil
	}
	if body, ok := e.Render(&notify.Subscription{ID: "sub", TrustDomain: "alpha"}, hub.NewID()); ok {
		r.bodies = append(r.bodies, body)
	}
	packets := json.RawMessage(`{"notificationTypes":["PacketHeaderNotification"]}`)
	if body, ok := e.Render(&notify.Subscription{ID: "packets", TrustDomain: "alpha", Filter: packets}, hub.NewID()); ok {
		r.bodies = append(r.bodies, body)
	}
	return nil
}

// serve starts the API over a model in which everything that the document knows
// is in use.
func serve(t *testing.T) (*httptest.Server, *rendered) {
	t.Helper()
	work, stop := context.WithCancel(context.Background())
	told := &rendered{}
	m := vim.New(vim.Config{
		Tables: &memstate.Bus{}, VimID: "vim-1", Publish: told.publish,
		Domains: func() []string { return []string{"alpha"} }, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	ok(t, m.Open(t.Context(), work))
	t.Cleanup(func() { stop(); m.Wait() })
	where := ifa006.Location{Country: "DE", Site: "north", Latitude: 48.1, Longitude: 11.5, Room: "1", Rack: "2", Unit: "3"}
	host := ifa006.Host{
		ID: "h1", ZoneID: "z1", Total: ifa006.Capacity{VCPUs: 8, MemoryMiB: 8192, DiskGiB: 100}, Firmware: "1.2", Location: where,
		Equipment: ifa006.Equipment{TPM: true, HSM: true, HMEE: true}, Acceleration: []string{"gpu"}, TrustDomains: []string{"alpha"},
	}
	other := host
	other.ID = "h2"
	ok(t, m.Load(t.Context(), ifa006.Inventory{
		NfviPops: []ifa006.NfviPop{{ID: "pop-1", VimID: "vim-1", Location: where, Endpoints: []string{"e1"}}},
		Zones:    []ifa006.Zone{{ID: "z1", Name: "one", NfviPopID: "pop-1", Properties: []string{"p"}, Metadata: map[string]string{"k": "v"}}},
		Hosts:    []ifa006.Host{host, other},
		Flavours: []ifa006.Flavour{{ID: "f", Name: "f", IsPublic: true, Size: ifa006.Capacity{VCPUs: 1, MemoryMiB: 64}, Equipment: ifa006.Equipment{TPM: true}, Acceleration: []string{"gpu"}}},
	}))
	_, err := m.AddImage(t.Context(), ifa006.Image{ID: "i", Name: "i", Provider: "p", Version: "1", TrustDomain: "alpha", DiskFormat: "RAW"})
	ok(t, err)
	ok(t, m.PutContent(t.Context(), vim.All, "i", strings.NewReader("bytes")))
	_, err = m.CreateNetwork(t.Context(), ifa006.Network{ID: "net", TrustDomain: "alpha", Subnets: []ifa006.Subnet{{CIDR: "192.0.2.0/24"}}})
	ok(t, err)
	_, err = m.Allocate(t.Context(), ifa006.Compute{
		ID: "c", Name: "c", TrustDomain: "alpha", FlavourID: "f", ImageID: "i", HostID: "h1", Metadata: map[string]string{"vnfInstanceId": "v"},
		Ports: []ifa006.Port{{NetworkID: "net", Name: "eth0"}}, Storages: []ifa006.Storage{{Name: "disk", SizeGiB: 1}},
		Constraints: []ifa006.Constraint{{Type: "ANTI_AFFINITY", Scope: "HOST", Group: "g"}},
	})
	ok(t, err)
	ok(t, m.Migrate(t.Context(), vim.All, "c", ifa006.MigrateRequest{HostID: "h2"}))
	for _, kind := range []string{"host-failed", "host-recovered"} {
		ok(t, m.Exercise(t.Context(), ifa006.Exercise{Kind: kind, Target: "h2"}))
	}
	c, err := m.Compute(t.Context(), "alpha", "c")
	ok(t, err)
	told.port = c.Ports[0].ID
	for _, packet := range []string{"udp 192.0.2.1:4444 203.0.113.9:53", "icmp 203.0.113.9 " + c.Ports[0].IPAddresses[0]} {
		ok(t, m.Exercise(t.Context(), ifa006.Exercise{Kind: "packet", Target: told.port, Value: packet}))
	}
	api := &scvi.API{Model: m, Authorize: func(*http.Request, string, string, string) (hub.Identity, error) {
		return hub.Identity{TrustDomain: "alpha", Kind: hub.KindSM, Name: "north", Interface: hub.ScViTelem}, nil
	}}
	mux := httpapi.NewMux(httpapi.Options{})
	api.Routes(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server, told
}

func get(t *testing.T, server *httptest.Server, method, path string) (int, []byte, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/sc-vi/v1"+path, nil)
	ok(t, err)
	req.Header.Set("Version", scvi.Version)
	resp, err := server.Client().Do(req)
	ok(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ok(t, err)
	return resp.StatusCode, body, resp.Header
}

// TestRoutes holds that each path of the document is served with the methods that
// it names and no other: those that 405 allows.
func TestRoutes(t *testing.T) {
	doc := openapidoc.Load(t, file)
	server, _ := serve(t)
	for path, methods := range doc.Paths() {
		want := slices.Clone(methods)
		if slices.Contains(want, http.MethodGet) {
			want = append(want, http.MethodHead)
		}
		slices.Sort(want)
		status, body, header := get(t, server, http.MethodPut, strings.ReplaceAll(path, "{id}", "x"))
		got := strings.Split(strings.ReplaceAll(header.Get("Allow"), " ", ""), ",")
		slices.Sort(got)
		if status != http.StatusMethodNotAllowed || strings.Join(got, ",") != strings.Join(want, ",") {
			t.Errorf("%s: %d %s, allowed %v; the document says %v", path, status, body, got, want)
		}
	}
	documented := slices.Sorted(maps.Keys(doc.Paths()))
	if served := slices.Sorted(slices.Values(scvi.Paths())); !slices.Equal(served, documented) {
		t.Errorf("served %v, documented %v", served, documented)
	}
}

// TestAnswers validates an answer of every query, and every notification, by its
// schema, which allows no attribute that it does not name.
func TestAnswers(t *testing.T) {
	doc := openapidoc.Load(t, file)
	server, told := serve(t)
	for path, id := range map[string]string{
		"/resource_zones": "", "/nfvi_pops": "", "/images": "", "/images/{id}": "i", "/computes": "", "/computes/{id}": "c", "/compute_flavours": "", "/hosts": "", "/hosts/{id}": "h2",
		"/packet_headers": "", "/packet_headers/{id}": told.port,
	} {
		status, body, header := get(t, server, http.MethodGet, strings.ReplaceAll(path, "{id}", id))
		if status != http.StatusOK || header.Get("Version") == "" || len(body) < 10 {
			t.Fatalf("%s: %d %s", path, status, body)
		}
		passes(t, path, doc.Answer(path, body), body)
	}
	_, body, _ := get(t, server, http.MethodGet, "/computes/none")
	passes(t, "problem", doc.Schema("ProblemDetails", body), body)
	kinds := map[string]int{}
	for _, n := range told.bodies {
		raw, err := json.Marshal(n)
		ok(t, err)
		name := "ResourceChange"
		switch n.(type) {
		case *ifa006.AlarmNotification:
			name = "AlarmNotification"
		case *ifa006.PacketNotification:
			name = "PacketNotification"
		}
		kinds[name]++
		passes(t, name, doc.Schema(name, raw), raw)
	}
	if kinds["ResourceChange"] < 4 || kinds["AlarmNotification"] < 4 || kinds["PacketNotification"] != 2 {
		t.Errorf("notifications: %v", kinds)
	}
	for name, bad := range map[string]string{"Host": `{"hostId":"h"}`, "Checksum": `{"algorithm":"SHA-256","hash":"00","more":1}`, "None": `{}`} {
		if doc.Schema(name, []byte(bad)) == nil {
			t.Errorf("%s passes as %s", bad, name)
		}
	}
}

func passes(t *testing.T, what string, err error, body []byte) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v in %s", what, err, body)
	}
}
