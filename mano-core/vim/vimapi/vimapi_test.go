package vimapi_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
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
	"github.com/manoward/manoward/mano-core/vim/vimapi"
)

// world is the API over an NFVI of two hosts. The caller's trust domain is in a
// header.
type world struct {
	*httptest.Server
	asked []string // operation and target domain of each authorisation
}

func start(t *testing.T) *world {
	t.Helper()
	work, stop := context.WithCancel(context.Background())
	m := vim.New(vim.Config{
		Tables: &memstate.Bus{}, VimID: "vim-1", Publish: func(context.Context, notify.Event) error { return nil },
		Domains: func() []string { return nil }, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err := m.Open(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); m.Wait() })
	w := &world{}
	api := &vimapi.API{Model: m, Authorize: w.authorize, Subscriptions: memnotify.Open(t, "alpha", "beta")}
	mux := httpapi.NewMux(httpapi.Options{})
	api.Routes(mux)
	w.Server = httptest.NewServer(mux)
	t.Cleanup(w.Close)
	w.want(t, 204, "hub", "POST", "/inventory", `{
		"nfviPops":[{"nfviPopId":"pop-1","vimId":"vim-1"}],"zones":[{"zoneId":"z1","zoneName":"one","nfviPopId":"pop-1"}],
		"hosts":[{"hostId":"h1","zoneId":"z1","totalCapacity":{"numVCpus":8,"memoryMiB":8192,"diskGiB":80}},
			{"hostId":"h2","zoneId":"z1","totalCapacity":{"numVCpus":8,"memoryMiB":8192,"diskGiB":80}}]}`)
	w.want(t, 201, "hub", "POST", "/flavours", `{"id":"small","size":{"numVCpus":1,"memoryMiB":512,"diskGiB":1},"isPublic":true}`)
	w.want(t, 201, "hub", "POST", "/flavours", `{"id":"large","size":{"numVCpus":4,"memoryMiB":512,"diskGiB":1}}`)
	return w
}

func (w *world) authorize(r *http.Request, operation, targetDomain, _ string) (hub.Identity, error) {
	id := hub.Identity{TrustDomain: r.Header.Get("Test-Domain"), Kind: hub.KindVNFM, Name: "v"}
	w.asked = append(w.asked, operation+" "+targetDomain)
	if id.TrustDomain == "hub" || targetDomain == "" || targetDomain == id.TrustDomain {
		return id, nil
	}
	return hub.Identity{}, hub.E(hub.NotFound, operation, "not found", nil)
}

func (w *world) call(t *testing.T, domain, method, path, body string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.URL+"/vim/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Version", vimapi.Version)
	req.Header.Set("Test-Domain", domain)
	switch {
	case method == "PATCH":
		req.Header.Set("Content-Type", httpapi.TypeMergePatch)
	case method == "PUT":
		req.Header.Set("Content-Type", "application/octet-stream")
	case body != "":
		req.Header.Set("Content-Type", httpapi.TypeJSON)
	}
	resp, err := w.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw), resp.Header
}

// want makes a call that is to be answered with a status, and returns the body.
func (w *world) want(t *testing.T, status int, domain, method, path, body string) string {
	t.Helper()
	got, answer, header := w.call(t, domain, method, path, body)
	if got != status {
		t.Fatalf("%s %s %s: %d %s; want %d", method, path, body, got, answer, status)
	}
	if (status == 201 || status == 202) && !strings.HasPrefix(header.Get("Location"), w.URL+"/vim/v1/") {
		t.Errorf("%s %s: Location %q", method, path, header.Get("Location"))
	}
	return answer
}

// TestLife drives every resource from its creation to its end.
func TestLife(t *testing.T) {
	w := start(t)
	w.want(t, 201, "alpha", "POST", "/images", `{"id":"i1","name":"i"}`) // the domain is the caller's
	w.want(t, 204, "alpha", "PUT", "/images/i1/content", "bytes")
	w.want(t, 422, "hub", "POST", "/images", `{"id":"i1","name":"other","trustDomain":"alpha"}`)
	w.want(t, 201, "alpha", "POST", "/networks", `{"id":"n1","subnet":[{"cidr":"192.0.2.0/24"}]}`)
	w.want(t, 201, "alpha", "POST", "/ports", `{"id":"p1","networkId":"n1"}`)
	w.want(t, 200, "alpha", "PATCH", "/ports/p1", `{"name":"eth0"}`)
	w.want(t, 400, "alpha", "PATCH", "/ports/p1", `{"networkId":"n2"}`)
	w.want(t, 201, "alpha", "POST", "/storages", `{"id":"s1","sizeOfStorageGiB":1}`)
	body := `{"id":"c1","computeName":"c","flavourId":"small","vcImageId":"i1","hostId":"h1","virtualNetworkInterface":[{"id":"p1"}],"virtualDisks":[{"id":"s1"}],"metadata":{"vnfInstanceId":"v1"}}`
	first := w.want(t, 201, "alpha", "POST", "/computes", body)
	if again := w.want(t, 201, "alpha", "POST", "/computes", body); again != first {
		t.Errorf("repeated: %s and %s", first, again)
	}
	w.want(t, 422, "alpha", "POST", "/computes", `{"id":"c1","flavourId":"large"}`)
	w.want(t, 201, "alpha", "POST", "/snapshots", `{"id":"snap","computeId":"c1"}`)
	w.want(t, 200, "alpha", "POST", "/computes/c1/operate", `{"computeOperation":"STOP"}`)
	w.want(t, 200, "alpha", "POST", "/computes/c1/scale", `{"flavourId":"large"}`)
	w.want(t, 200, "alpha", "POST", "/computes/c1/migrate", `{"hostId":"h2"}`)
	w.want(t, 204, "alpha", "POST", "/snapshots/snap/restore", "")
	var c ifa006.Compute
	if err := json.Unmarshal([]byte(w.want(t, 200, "alpha", "GET", "/computes/c1", "")), &c); err != nil {
		t.Fatal(err)
	}
	if c.HostID != "h2" || c.FlavourID != "small" || c.RunningState != ifa006.Started || len(c.Ports) != 1 || len(c.Storages) != 1 || c.NfviSource == "" {
		t.Errorf("compute %+v", c)
	}
	for _, path := range []string{"/images", "/networks", "/ports", "/storages", "/computes", "/snapshots"} {
		for domain, count := range map[string]int{"alpha": 1, "hub": 1, "beta": 0} {
			var items []map[string]any
			if err := json.Unmarshal([]byte(w.want(t, 200, domain, "GET", path, "")), &items); err != nil || len(items) != count {
				t.Errorf("%s sees %d of %s: %v", domain, len(items), path, err)
			}
		}
	}
	for _, path := range []string{"/images/i1", "/networks/n1", "/ports/p1", "/storages/s1", "/computes/c1", "/snapshots/snap"} {
		w.want(t, 200, "hub", "GET", path, "")
		w.want(t, 404, "beta", "GET", path, "")
		w.want(t, 404, "beta", "DELETE", path, "")
	}
	w.want(t, 400, "alpha", "DELETE", "/computes/c1?erase=perhaps", "")
	w.want(t, 400, "alpha", "DELETE", "/storages/s1?burn=true", "")
	w.want(t, 409, "alpha", "DELETE", "/storages/s1", "")
	w.want(t, 409, "alpha", "DELETE", "/networks/n1", "")
	for _, path := range []string{"/computes/c1?erase=true", "/ports/p1", "/networks/n1", "/storages/s1?erase=true", "/snapshots/snap", "/images/i1"} {
		w.want(t, 204, "alpha", "DELETE", path, "")
		w.want(t, 404, "alpha", "DELETE", path, "")
	}
	w.want(t, 204, "hub", "DELETE", "/flavours/large", "")
	w.want(t, 404, "hub", "GET", "/flavours/large", "")
	w.want(t, 200, "alpha", "GET", "/flavours/small", "")
}

func TestInfrastructure(t *testing.T) {
	w := start(t)
	for _, path := range []string{"/nfvi_pops", "/resource_zones", "/hosts", "/hosts/h1", "/flavours"} {
		if body := w.want(t, 200, "hub", "GET", path, ""); !strings.Contains(body, `"nfviSource":"manoward-model"`) {
			t.Errorf("%s: %s", path, body)
		}
	}
	w.want(t, 202, "hub", "POST", "/hosts/h1/stop_use", `{"id":"j1","vnfs":"LEAVE","quarantine":true,"reason":"drill"}`)
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(w.want(t, 200, "hub", "GET", "/jobs/j1", ""), "COMPLETED"); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the job does not end")
		}
	}
	if body := w.want(t, 200, "hub", "GET", "/hosts/h1", ""); !strings.Contains(body, `"state":"QUARANTINED"`) {
		t.Errorf("host %s", body)
	}
	w.want(t, 404, "alpha", "GET", "/jobs/j1", "")
	w.want(t, 404, "alpha", "POST", "/hosts/h1/release", "") // the whole host is the hub's
	w.want(t, 204, "alpha", "POST", "/hosts/h1/release", `{"trustDomain":"alpha"}`)
	w.want(t, 204, "hub", "POST", "/hosts/h1/release", "")
	w.want(t, 204, "hub", "POST", "/events", `{"kind":"host-failed","target":"h1"}`)
	if !slices.Contains(w.asked, "event.report hub") || slices.Contains(w.asked, "event.inject hub") || !slices.Contains(w.asked, "inventory.load hub") || !slices.Contains(w.asked, "host.stop-use hub") || !slices.Contains(w.asked, "host.release alpha") {
		t.Errorf("asked: %q", w.asked)
	}
	w.want(t, 404, "hub", "POST", "/events", `{"kind":"image-altered","target":"none"}`)
	w.want(t, 400, "hub", "POST", "/events", `{"kind":"flood","target":"h1"}`)
	if n := len(slices.DeleteFunc(slices.Clone(w.asked), func(a string) bool { return a != "event.inject hub" })); n != 2 {
		t.Errorf("asked %d times for what no NFVI reports, want 2: %q", n, w.asked)
	}
}

// TestBadInput holds that each wrong request is refused with its status.
func TestBadInput(t *testing.T) {
	w := start(t)
	for _, tt := range []struct {
		status             int
		method, path, body string
	}{
		{400, "POST", "/computes", `{"id":`},
		{400, "POST", "/computes", `{"id":7}`},
		{400, "POST", "/computes", `{"id":"c/1","trustDomain":"alpha"}`},
		{400, "POST", "/computes", `{"id":"c1"}`}, // the hub's own functions name the domain
		{422, "POST", "/computes", `{"id":"c1","trustDomain":"alpha","flavourId":"none"}`},
		{409, "POST", "/computes", `{"id":"c1","trustDomain":"alpha","flavourId":"small","zoneId":"z9"}`},
		{404, "POST", "/computes/none/operate", `{"computeOperation":"STOP"}`},
		{404, "POST", "/computes/none/migrate", `{}`},
		{404, "POST", "/computes/none/scale", `{}`},
		{400, "POST", "/hosts/h1/stop_use", `{"id":"j","vnfs":"BURN"}`},
		{404, "POST", "/hosts/h9/stop_use", `{"id":"j","vnfs":"LEAVE"}`},
		{404, "POST", "/hosts/h9/release", ``},
		{400, "POST", "/hosts/h1/release", `[]`},
		{404, "GET", "/hosts/h9", ``},
		{404, "GET", "/jobs/none", ``},
		{400, "POST", "/inventory", `{"hosts":[{"hostId":"h1","racks":1}]}`},
		{422, "POST", "/inventory", `{"hosts":[{"hostId":"h3","zoneId":"z9","totalCapacity":{"numVCpus":1,"memoryMiB":1,"diskGiB":1}}]}`},
		{400, "POST", "/events", `{"kind":"rain","target":"h1"}`},
		{404, "POST", "/events", `{"kind":"host-failed","target":"h9"}`},
		{400, "POST", "/flavours", `{"id":"f"}`},
		{404, "DELETE", "/flavours/none", ``},
		{404, "PUT", "/images/none/content", `x`},
		{400, "POST", "/images", `{"id":"i","trustDomain":"alpha","statedChecksum":{"algorithm":"MD5","hash":"0"}}`},
		{422, "POST", "/ports", `{"id":"p","trustDomain":"alpha","networkId":"none"}`},
		{404, "PATCH", "/ports/none", `{"name":"x"}`},
		{422, "POST", "/storages", `{"id":"s","trustDomain":"alpha","sizeOfStorageGiB":1,"ownerId":"c"}`},
		{422, "POST", "/snapshots", `{"id":"s","trustDomain":"alpha","computeId":"none"}`},
		{404, "POST", "/snapshots/none/restore", ``},
		{400, "GET", "/computes?filter=(eq", ``},
		{400, "GET", "/computes?colour=red", ``},
		{405, "PUT", "/computes", `x`},
	} {
		status, body, _ := w.call(t, "hub", tt.method, tt.path, tt.body)
		if status != tt.status || !strings.Contains(body, `"detail"`) {
			t.Errorf("%s %s %s: %d %s; want %d", tt.method, tt.path, tt.body, status, body, tt.status)
		}
	}
}

// TestFilter holds that lists answer filters, whether the index helps or not.
func TestFilter(t *testing.T) {
	w := start(t)
	for _, id := range []string{"c1", "c2", "c3"} {
		host := "h1"
		if id == "c3" {
			host = "h2"
		}
		w.want(t, 201, "alpha", "POST", "/computes", `{"id":"`+id+`","computeName":"n","flavourId":"small","hostId":"`+host+`","metadata":{"vnfInstanceId":"v-`+id+`"}}`)
	}
	for filter, want := range map[string]int{
		"(eq,hostId,h1)": 2, "(eq,hostId,h2)": 1, "(eq,hostId,h9)": 0, "(eq,metadata/vnfInstanceId,v-c2)": 1, "(in,operationalState,FAILED)": 0,
		"(eq,zoneId,z1);(eq,hostId,h2)": 1, "(eq,trustDomain,beta)": 0, "(neq,hostId,h1)": 1,
	} {
		var got []ifa006.Compute
		if err := json.Unmarshal([]byte(w.want(t, 200, "hub", "GET", "/computes?filter="+filter, "")), &got); err != nil || len(got) != want {
			t.Errorf("%s: %d computes, want %d: %v", filter, len(got), want, err)
		}
	}
}
