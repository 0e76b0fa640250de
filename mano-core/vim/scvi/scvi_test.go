package scvi_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/testkit/memnotify"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/mano-core/vim"
	"github.com/manoward/manoward/mano-core/vim/scvi"
)

// world is the API over a model in which alpha and beta share host h1, and h2 is
// beta's alone.
type world struct {
	*httptest.Server
	model *vim.Model
	asked []string // operations that were authorised
}

func start(t *testing.T) *world {
	t.Helper()
	work, stop := context.WithCancel(context.Background())
	m := vim.New(vim.Config{
		Tables: &memstate.Bus{}, VimID: "vim-1", Publish: func(context.Context, notify.Event) error { return nil },
		Domains: func() []string { return []string{"alpha", "beta"} }, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	ok(t, m.Open(t.Context(), work))
	t.Cleanup(func() { stop(); m.Wait() })
	size := ifa006.Capacity{VCPUs: 8, MemoryMiB: 8192, DiskGiB: 100}
	ok(t, m.Load(t.Context(), ifa006.Inventory{
		NfviPops: []ifa006.NfviPop{{ID: "pop-1", VimID: "vim-1"}, {ID: "pop-2", VimID: "vim-1"}},
		Zones:    []ifa006.Zone{{ID: "z1", NfviPopID: "pop-1"}, {ID: "z2", NfviPopID: "pop-2"}},
		Hosts: []ifa006.Host{
			{ID: "h1", ZoneID: "z1", Total: size, Location: ifa006.Location{Rack: "r1"}, Firmware: "1.2", TrustDomains: []string{"alpha", "beta"}},
			{ID: "h2", ZoneID: "z2", Total: size, TrustDomains: []string{"beta"}},
		},
		Flavours: []ifa006.Flavour{{ID: "public", IsPublic: true, Size: ifa006.Capacity{VCPUs: 1, MemoryMiB: 1}}, {ID: "private", Size: ifa006.Capacity{VCPUs: 1, MemoryMiB: 1}}},
	}))
	for _, d := range []string{"alpha", "beta"} {
		_, err := m.AddImage(t.Context(), ifa006.Image{ID: "image-" + d, Name: "i", TrustDomain: d})
		ok(t, err)
		ok(t, m.PutContent(t.Context(), vim.All, "image-"+d, strings.NewReader(d)))
		flavour := map[string]string{"alpha": "public", "beta": "private"}[d]
		_, err = m.CreateNetwork(t.Context(), ifa006.Network{ID: "net-" + d, TrustDomain: d, Subnets: []ifa006.Subnet{{CIDR: "192.0.2.0/24"}}})
		ok(t, err)
		_, err = m.Allocate(t.Context(), ifa006.Compute{
			ID: "compute-" + d, Name: "c", TrustDomain: d, FlavourID: flavour, ImageID: "image-" + d, HostID: "h1",
			Ports: []ifa006.Port{{NetworkID: "net-" + d}}, Storages: []ifa006.Storage{{SizeGiB: 1}},
		})
		ok(t, err)
	}
	for _, d := range []string{"alpha", "beta"} {
		ok(t, m.Exercise(t.Context(), ifa006.Exercise{Kind: "packet", Target: portOf(t, m, d), Value: "tcp 192.0.2.1:2048 198.51.100.1:443"}))
	}
	_, err := m.AddImage(t.Context(), ifa006.Image{ID: "shared", Name: "for all", TrustDomain: vim.All})
	ok(t, err)
	w := &world{model: m}
	api := &scvi.API{Model: m, Subscriptions: memnotify.Open(t, "alpha", "beta"), Authorize: w.authorize}
	mux := httpapi.NewMux(httpapi.Options{})
	api.Routes(mux)
	w.Server = httptest.NewServer(mux)
	t.Cleanup(w.Close)
	return w
}

// portOf is the port of a domain's only compute.
func portOf(t *testing.T, m *vim.Model, domain string) string {
	t.Helper()
	c, err := m.Compute(t.Context(), domain, "compute-"+domain)
	ok(t, err)
	return c.Ports[0].ID
}

// authorize does what the trust role's gate does: the caller is in a header.
func (w *world) authorize(r *http.Request, operation, targetDomain, target string) (hub.Identity, error) {
	id := hub.Identity{TrustDomain: r.Header.Get("Test-Domain"), Kind: hub.KindSM, Name: "north", Interface: hub.ScViTelem}
	w.asked = append(w.asked, operation)
	if targetDomain != "" && targetDomain != id.TrustDomain || targetDomain == "" && target != "" { // of another domain, or not there
		return hub.Identity{}, hub.E(hub.NotFound, operation, "not found", nil)
	}
	return id, nil
}

func (w *world) call(t *testing.T, domain, method, path, body string) (status int, answer string, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.URL+"/sc-vi/v1"+path, strings.NewReader(body))
	ok(t, err)
	req.Header.Set("Version", scvi.Version)
	req.Header.Set("Test-Domain", domain)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	ok(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	ok(t, err)
	return resp.StatusCode, string(raw), resp.Header
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestQueries holds, for each query, what alpha sees and that nothing of beta is
// in it.
func TestQueries(t *testing.T) {
	w := start(t)
	for _, tt := range []struct {
		path string
		must []string
		not  []string
	}{
		{"/resource_zones", []string{`"zoneId":"z1"`}, []string{"z2"}},
		{"/nfvi_pops", []string{"pop-1"}, []string{"pop-2"}},
		{"/images", []string{"image-alpha", `"checksum"`}, nil},
		{"/images/shared", []string{"shared"}, nil},
		{"/images/image-alpha", []string{"image-alpha", `"statedChecksum"`}, nil},
		{"/computes", []string{"compute-alpha", `"hostId":"h1"`, `"zoneId":"z1"`, `"rack":"r1"`}, nil},
		{"/computes/compute-alpha", []string{"compute-alpha", `"physicalLocation"`}, nil},
		{"/compute_flavours", []string{"public"}, []string{"private"}},
		{"/hosts", []string{`"hostId":"h1"`, `"integrityState"`, `"firmwareVersion":"1.2"`, `"computeIds":["compute-alpha"]`}, []string{"h2"}},
		{"/hosts/h1", []string{`"trustDomains":["alpha"]`}, nil},
		{"/packet_headers", []string{portOf(t, w.model, "alpha"), `"observed":1`, `"hostId":"h1"`, `"destinationPort":443`}, []string{portOf(t, w.model, "beta")}},
		{"/packet_headers/" + portOf(t, w.model, "alpha"), []string{`"protocol":"TCP"`}, nil},
	} {
		status, body, _ := w.call(t, "alpha", "GET", tt.path, "")
		if status != http.StatusOK {
			t.Errorf("%s: %d %s", tt.path, status, body)
		}
		for _, word := range append(tt.must, ifa006.NfviSourceModel) {
			if !strings.Contains(body, word) {
				t.Errorf("%s does not say %s: %s", tt.path, word, body)
			}
		}
		for _, word := range append(tt.not, "beta") {
			if strings.Contains(body, word) {
				t.Errorf("%s shows %s: %s", tt.path, word, body)
			}
		}
	}
	for _, op := range w.asked {
		if op != "telemetry.query" && op != "telemetry.query-location" {
			t.Errorf("operation %s", op)
		}
	}
}

// TestOthersAreNotThere holds that what is another domain's answers as what does
// not exist.
func TestOthersAreNotThere(t *testing.T) {
	w := start(t)
	for _, path := range []string{"/computes/compute-beta", "/computes/none", "/images/image-beta", "/images/none", "/hosts/h2", "/hosts/none", "/quotas", "/packet_headers/none", "/packet_headers/" + portOf(t, w.model, "beta")} {
		if status, body, _ := w.call(t, "alpha", "GET", path, ""); status != http.StatusNotFound || strings.Contains(body, `"trustDomain"`) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _, _ := w.call(t, vim.All, "GET", "/computes", ""); status != http.StatusForbidden {
		t.Errorf("a caller of no trust domain: %d", status)
	}
}

func TestSubscriptions(t *testing.T) {
	w := start(t)
	good := `{"callbackUri":"https://sm.example/n","filter":{"resourceTypes":["COMPUTE"],"notificationTypes":["AlarmNotification"]}}`
	status, body, header := w.call(t, "alpha", "POST", "/subscriptions", good)
	if status != http.StatusCreated || !strings.Contains(body, `"self":"http`) {
		t.Fatalf("%d %s", status, body)
	}
	location := header.Get("Location")
	if status, _, again := w.call(t, "alpha", "POST", "/subscriptions", good); status != http.StatusSeeOther || again.Get("Location") != location {
		t.Errorf("the same again: %d %s", status, again.Get("Location"))
	}
	for body, want := range map[string]int{
		`{`:                                   http.StatusBadRequest,
		`{"callbackUri":"http://sm.example"}`: http.StatusUnprocessableEntity,
		`{"callbackUri":"https://sm.example/n","filter":{"resourceTypes":["PORT"]}}`:      http.StatusUnprocessableEntity,
		`{"callbackUri":"https://sm.example/n","filter":{"notificationTypes":["Quota"]}}`: http.StatusUnprocessableEntity,
		`{"callbackUri":"https://sm.example/n","filter":{"changeTypes":["ENCHANTED"]}}`:   http.StatusUnprocessableEntity,
		`{"callbackUri":"https://sm.example/n","filter":{"resourceTypes":"COMPUTE"}}`:     http.StatusBadRequest,
	} {
		if status, answer, _ := w.call(t, "alpha", "POST", "/subscriptions", body); status != want {
			t.Errorf("%s: %d %s; want %d", body, status, answer, want)
		}
	}
	path := location[strings.Index(location, "/subscriptions/"):]
	if status, body, _ := w.call(t, "alpha", "GET", path, ""); status != http.StatusOK || !strings.Contains(body, "AlarmNotification") {
		t.Errorf("show: %d %s", status, body)
	}
	if _, body, _ := w.call(t, "beta", "GET", "/subscriptions", ""); body != "[]" {
		t.Errorf("beta sees %s", body)
	}
	for _, method := range []string{"GET", "DELETE"} {
		if status, _, _ := w.call(t, "beta", method, path, ""); status != http.StatusNotFound {
			t.Errorf("%s by beta: %d", method, status)
		}
	}
	if status, _, _ := w.call(t, "alpha", "DELETE", path, ""); status != http.StatusNoContent {
		t.Errorf("terminate: %d", status)
	}
	if status, _, _ := w.call(t, "alpha", "DELETE", path, ""); status != http.StatusNotFound {
		t.Errorf("terminate again: %d", status)
	}
}
