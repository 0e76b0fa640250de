package catalogueapi_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/csartest"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/mano-core/catalogue"
	"github.com/manoward/manoward/mano-core/catalogue/catalogueapi"
)

const maxPackage = 4 << 20

var (
	alice    = hub.Identity{TrustDomain: "north", Kind: hub.KindOSS, Name: "alice"}
	bob      = hub.Identity{TrustDomain: "south", Kind: hub.KindOSS, Name: "bob"}
	operator = hub.Identity{TrustDomain: "hub", Kind: hub.KindOperator, Name: "op"}
)

// rig is a catalogue behind TLS, with what it stands on.
type rig struct {
	t     *testing.T
	bus   *memstate.Bus
	dir   string
	fetch *http.Client

	*outside
	service *catalogue.Service
	server  *httptest.Server
	stop    func()
}

// existing has the trust domains of the tests and no other.
type existing struct{ *memstate.Bus }

func (e existing) Open(ctx context.Context, domain, table string) (state.Table, error) {
	if domain != "hub" && domain != "north" && domain != "south" {
		return nil, hub.E(hub.NotFound, "open table", "there is no such trust domain", nil)
	}
	return e.Bus.Open(ctx, domain, table)
}

// outside is what survives a restart: what was recorded and told.
type outside struct {
	mu            sync.Mutex
	records       []hub.Record
	domains       []string // of the records
	told          []map[string]any
	subscriptions map[string]notify.Subscription
}

func (o *outside) Append(_ context.Context, domain string, r hub.Record) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, old := range o.records {
		if old.ID == r.ID {
			return nil
		}
	}
	o.records, o.domains = append(o.records, r), append(o.domains, domain)
	return nil
}

// Publish renders for every subscription, as the outbox does.
func (o *outside) Publish(_ context.Context, e notify.Event) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.subscriptions {
		if s.API != e.API || (s.TrustDomain != e.TrustDomain && s.TrustDomain != "hub") {
			continue
		}
		body, ok := e.Render(&s, hub.DeriveID(e.ID, s.ID))
		if !ok {
			continue
		}
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		var m map[string]any
		if err := json.Unmarshal(raw, &m); err != nil {
			return err
		}
		for _, old := range o.told {
			if old["id"] == m["id"] {
				return nil
			}
		}
		o.told = append(o.told, m)
	}
	return nil
}

func (o *outside) Request(_ *http.Request, asked notify.Input) (notify.Subscription, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	filter, err := json.Marshal(asked.Filter)
	if err != nil {
		return notify.Subscription{}, false, err
	}
	if asked.Filter == nil {
		filter = nil
	}
	id := hub.DeriveID(asked.API, asked.Owner.String(), asked.CallbackURI, string(filter))
	if s, there := o.subscriptions[id]; there {
		return s, false, nil
	}
	if asked.CallbackURI == "" {
		return notify.Subscription{}, false, hub.E(hub.Unprocessable, "subscribe", "no callbackUri", nil)
	}
	s := notify.Subscription{
		ID: id, API: asked.API, TrustDomain: asked.TrustDomain, Owner: asked.Owner.String(), CallbackURI: asked.CallbackURI,
		Filter: filter, Self: asked.Collection + "/" + id,
	}
	o.subscriptions[id] = s
	return s, true, nil
}

func (o *outside) Subscription(_ context.Context, api, id string) (notify.Subscription, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s, there := o.subscriptions[id]
	if !there || s.API != api {
		return notify.Subscription{}, hub.E(hub.NotFound, "find", "none", nil)
	}
	return s, nil
}

func (o *outside) List(api string, visible func(*notify.Subscription) bool, show func(*notify.Subscription) any) httpapi.Source {
	o.mu.Lock()
	defer o.mu.Unlock()
	var items []httpapi.Item
	for _, s := range o.subscriptions {
		if s.API == api && visible(&s) {
			items = append(items, httpapi.Item{Key: s.ID, Value: show(&s)})
		}
	}
	all := httpapi.SliceSource(items, func(i httpapi.Item) string { return i.Key })
	return func(after string) iter.Seq2[httpapi.Item, error] {
		return func(yield func(httpapi.Item, error) bool) {
			for i, err := range all(after) {
				if !yield(i.Value.(httpapi.Item), err) {
					return
				}
			}
		}
	}
}

func (o *outside) Unsubscribe(_ context.Context, _, id string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.subscriptions, id)
	return nil
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, bus: &memstate.Bus{Domains: []string{"hub", "north", "south"}}, dir: t.TempDir(), outside: &outside{subscriptions: map[string]notify.Subscription{}}}
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

// start opens the catalogue over what is there.
func (r *rig) start() {
	r.t.Helper()
	work, cancel := context.WithCancel(context.Background())
	r.service = catalogue.New(catalogue.Config{
		Tables: existing{r.bus}, Dir: r.dir, Publisher: r.outside, Records: r.outside, Fetch: r.fetch, MaxPackage: maxPackage, Retry: time.Millisecond,
	})
	if err := r.service.Open(context.Background(), work, "hub", "north", "south"); err != nil {
		cancel()
		r.t.Fatal(err)
	}
	api := &catalogueapi.API{Catalogue: r.service, Subscriptions: r.outside, Authorize: authorize, MaxPackage: maxPackage}
	options := httpapi.Options{Authenticate: authenticate}
	osMa, orVnfm := httpapi.NewMux(options), httpapi.NewMux(options)
	api.Routes(osMa)
	api.RoutesOrVnfm(orVnfm)
	own := osMa.API(httpapi.API{Name: "manoward", Major: "v1", Versions: []httpapi.APIVersion{{Version: "1.0.0"}}, VersionOptional: true})
	api.RoutePolicy(own)
	api.RouteVerify(own)
	r.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("X-Point") == "or-vnfm" {
			orVnfm.ServeHTTP(w, req)
			return
		}
		osMa.ServeHTTP(w, req)
	}))
	r.stop = func() { r.server.Close(); cancel(); r.service.Wait() }
}

func (r *rig) restart() { r.stop(); r.start() }

func authenticate(r *http.Request) (hub.Identity, error) {
	return hub.ParseIdentity(r.Header.Get("X-Caller"))
}

// authorize allows everything in the caller's own trust domain, and the hub's
// people everything; a reader reads. As in the decision table, what is another
// domain's is not there first of all.
func authorize(r *http.Request, operation, domain, _ string) (hub.Identity, error) {
	caller := httpapi.Caller(r.Context())
	switch {
	case domain != "" && caller.TrustDomain != "hub" && caller.TrustDomain != domain:
		return caller, hub.E(hub.NotFound, operation, "of another domain", nil)
	case caller.Name == "reader" && !strings.HasSuffix(operation, ".query"):
		return caller, hub.E(hub.Denied, operation, "a reader reads", nil)
	}
	return caller, nil
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.body, &m); err != nil {
		t.Fatalf("answer %d is no object: %s", a.status, a.body)
	}
	return m
}

// call sends one request. header holds names and values in turn.
func (r *rig) call(who hub.Identity, method, path string, body any, header ...string) answer {
	r.t.Helper()
	var reader io.Reader
	contentType := "application/json"
	switch b := body.(type) {
	case nil:
	case []byte:
		reader, contentType = bytes.NewReader(b), "application/zip"
	case io.Reader:
		reader, contentType = b, "application/zip"
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			r.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	if method == http.MethodPatch {
		contentType = "application/merge-patch+json"
	}
	req, err := http.NewRequest(method, r.server.URL+path, reader)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("X-Caller", who.String())
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	version := "2.4.0"
	if strings.HasPrefix(path, "/nsd/") {
		version = "2.3.0"
	}
	if !strings.HasPrefix(path, "/manoward/") {
		req.Header.Set("Version", version)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := *r.server.Client() // a copy: tests call at the same time
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, out}
}

// want is call for a status that must come.
func (r *rig) want(status int, who hub.Identity, method, path string, body any, header ...string) answer {
	r.t.Helper()
	a := r.call(who, method, path, body, header...)
	if a.status != status {
		r.t.Fatalf("%s %s answers %d, want %d: %s", method, path, a.status, status, a.body)
	}
	if status >= 400 {
		if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
			r.t.Errorf("%s %s: content type of %d is %q", method, path, status, ct)
		}
		if p := a.json(r.t); p["detail"] == "" || p["status"] != float64(status) {
			r.t.Errorf("%s %s: problem is %s", method, path, a.body)
		}
	}
	return a
}

// waitState waits until a package is in a state.
func (r *rig) waitState(kind catalogue.Kind, id string, want catalogue.State) catalogue.Package {
	r.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		p, err := r.service.Get(context.Background(), kind, id)
		if err == nil && p.State == want && len(p.Pending) == 0 {
			return p
		}
		if err == nil && want == catalogue.Onboarded && p.State == catalogue.Failed {
			r.t.Fatalf("on-boarding failed: %s", p.Failure.Detail)
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("package is %s and not %s (%v)", p.State, want, err)
		}
		<-time.After(time.Millisecond)
	}
}

// eventually waits for what goes on after an answer.
func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			r.t.Fatalf("never: %s", what)
		}
		<-time.After(time.Millisecond)
	}
}

// create makes an empty resource and returns its ID.
func (r *rig) create(who hub.Identity, path string, userData map[string]any) string {
	r.t.Helper()
	a := r.want(http.StatusCreated, who, "POST", path, map[string]any{"userDefinedData": userData})
	id, _ := a.json(r.t)["id"].(string)
	if loc := a.header.Get("Location"); loc != r.server.URL+path+"/"+id {
		r.t.Errorf("Location is %q", loc)
	}
	return id
}

func (r *rig) trust(domain string, ca *csartest.CA) {
	r.t.Helper()
	anchor := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Cert.Raw}))
	r.want(http.StatusNoContent, operator, "PUT", "/manoward/v1/trust_domains/"+domain+"/package_policy", map[string]any{"anchors": []string{anchor}})
}

// onboard makes, uploads and waits.
func (r *rig) onboard(who hub.Identity, kind catalogue.Kind, pkg []byte) string {
	r.t.Helper()
	path, content := pathOf(kind)
	id := r.create(who, path, nil)
	r.want(http.StatusAccepted, who, "PUT", path+"/"+id+"/"+content, pkg)
	r.waitState(kind, id, catalogue.Onboarded)
	return id
}

func pathOf(kind catalogue.Kind) (path, content string) {
	switch kind {
	case catalogue.NSD:
		return "/nsd/v2/ns_descriptors", "nsd_content"
	case catalogue.PNF:
		return "/nsd/v2/pnf_descriptors", "pnfd_content"
	}
	return "/vnfpkgm/v2/vnf_packages", "package_content"
}

const image = "not a real disk, but the bytes of one\n"

func vnfd(id string) string {
	sum := sha256.Sum256([]byte(image))
	return strings.NewReplacer("ID", id, "HASH", hex.EncodeToString(sum[:])).Replace(`tosca_definitions_version: tosca_simple_yaml_1_3
topology_template:
  substitution_mappings: {node_type: tosca.nodes.nfv.VNF}
  node_templates:
    vnf:
      type: tosca.nodes.nfv.VNF
      properties: {descriptor_id: ID, descriptor_version: "1", provider: Acme, product_name: Web, software_version: "2", vnfm_info: [manoward], flavour_id: simple}
    web:
      type: tosca.nodes.nfv.Vdu.Compute
      properties:
        name: web
        vdu_profile: {min_number_of_instances: 1, max_number_of_instances: 1}
        sw_image_data: {name: disk, version: "1", checksum: {algorithm: sha-256, hash: HASH}, container_format: bare, disk_format: qcow2, min_disk: 1 GiB, size: 38 B}
      artifacts: {sw_image: {type: tosca.artifacts.nfv.SwImage, file: Files/disk.img}}
      capabilities: {virtual_compute: {properties: {virtual_memory: {virtual_mem_size: 1 GiB}, virtual_cpu: {num_virtual_cpu: 1}}}}
`)
}

func vnfPackage(t testing.TB, id string, signer *csartest.Signer, change func(*csartest.Spec)) []byte {
	s := csartest.Spec{Option: csartest.Option1, Signer: signer, Definition: []byte(vnfd(id)), Store: true, Files: map[string][]byte{
		"Files/disk.img": []byte(image), "Scripts/install.sh": []byte("echo hello\n"),
	}}
	if change != nil {
		change(&s)
	}
	return csartest.Build(t, s)
}

const nsd = `tosca_definitions_version: tosca_simple_yaml_1_3
topology_template:
  node_templates:
    ns: {type: tosca.nodes.nfv.NS, properties: {descriptor_id: ns1, designer: Acme, version: "1", name: Edge, invariant_id: i1, flavour_id: simple}}
    web: {type: tosca.nodes.nfv.VNF, properties: {descriptor_id: d1, flavour_id: simple}}
    box: {type: tosca.nodes.nfv.PNF, properties: {descriptor_id: p1}}
`

const pnfd = `tosca_definitions_version: tosca_simple_yaml_1_3
topology_template:
  node_templates:
    box: {type: tosca.nodes.nfv.PNF, properties: {descriptor_id: p1, function_description: a box, provider: Acme, version: "1", descriptor_invariant_id: pi, name: Box}}
`

const (
	nsMetadata  = "ns_product_name: Edge\nnsd_designer: Acme\nnsd_invariant_id: i1\nnsd_release_date_time: 2026-01-01T00:00:00Z\nnsd_file_structure_version: 1.0\n"
	pnfMetadata = "pnfd_name: Box\npnfd_provider: Acme\npnfd_archive_version: 1.0\npnfd_release_date_time: 2026-01-01T00:00:00Z\n"
)

func descriptorPackage(t testing.TB, signer *csartest.Signer, metadata, definition string) []byte {
	return csartest.Build(t, csartest.Spec{Option: csartest.Option1, Signer: signer, Metadata: metadata, Definition: []byte(definition)})
}

func (r *rig) stored(domain string) []string {
	r.t.Helper()
	entries, err := os.ReadDir(filepath.Join(r.dir, domain))
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func (o *outside) recorded(kind string) []hub.Record {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []hub.Record
	for _, r := range o.records {
		if r.Kind == kind {
			out = append(out, r)
		}
	}
	return out
}

func (o *outside) toldTypes() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []string
	for _, m := range o.told {
		name, _ := m["notificationType"].(string)
		if change, ok := m["changeType"].(string); ok {
			name += " " + change
		}
		out = append(out, name)
	}
	return out
}
