package e2e_test

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/testkit/csartest"
	"github.com/manoward/manoward/internal/testkit/nskit"
	"github.com/manoward/manoward/internal/testkit/openapidoc"
)

const scviDocument = "../../docs/openapi/sc-vi.yaml"

// scviSM is a Security Manager that uses its telemetry endpoint.
type scviSM struct {
	t      testing.TB
	at     *endpoint // sc-vi.telem
	all    []*endpoint
	client *http.Client
	doc    *openapidoc.Document
}

// scviSM registers a passive Security Manager: the mode with the fewest rights has
// all of Sc-Vi.
func (h *nsHub) scviSM(domain, name string) *scviSM {
	h.t.Helper()
	dir := filepath.Join(h.home, domain+"-"+name)
	h.do("sm", "register", name, "--trust-domain", domain, "--mode", "passive", "--out", dir)
	s := &scviSM{t: h.t, all: readEndpoints(h.t, dir, domain, name), doc: openapidoc.Load(h.t, scviDocument)}
	s.at = s.all[slices.IndexFunc(s.all, func(e *endpoint) bool { return e.Interface == hub.ScViTelem })]
	s.client = httpClient(h.t, s.at.tls(&s.at.Cert), true)
	return s
}

// ask sends a request to the telemetry endpoint.
func (s *scviSM) ask(method, path string, in any) (status int, body string, header http.Header) {
	s.t.Helper()
	fields, text := http.Header{"Version": {"1.0.0"}}, ""
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			s.t.Fatal(err)
		}
		text = string(raw)
		fields.Set("Content-Type", "application/json")
	}
	resp, body := call(s.t, s.client, method, s.at.URL+"/sc-vi/v1"+path, fields, text)
	return resp.StatusCode, body, resp.Header
}

// scviGet reads a resource or a list, which must pass the document's schema.
func scviGet[T any](s *scviSM, path string) (out T) {
	s.t.Helper()
	status, body, _ := s.ask(http.MethodGet, path, nil)
	if status != http.StatusOK {
		s.t.Fatalf("GET %s: %d %s", path, status, body)
	}
	template, _, _ := strings.Cut(path, "?")
	if parts := strings.Split(template, "/"); len(parts) > 2 {
		template = "/" + parts[1] + "/{id}"
	}
	if err := s.doc.Answer(template, []byte(body)); err != nil {
		s.t.Errorf("GET %s is not what the document says: %v\n%s", path, err, body)
	}
	if body != "[]" && strings.Contains(template, "subscriptions") == strings.Contains(body, `"nfviSource":"`+ifa006.NfviSourceModel+`"`) {
		s.t.Errorf("GET %s: nfviSource: %s", path, body)
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		s.t.Fatalf("GET %s: %v %s", path, err, body)
	}
	return out
}

// scviNote is a notification as it came.
type scviNote struct {
	ifa006.ResourceChange
	Alarm  *ifa006.Alarm        `json:"alarm"`
	PortID string               `json:"portId"`
	Packet *ifa006.PacketHeader `json:"packetHeader"`
	raw    string
}

// about is the resource that a notification is about.
func (n *scviNote) about() string {
	if n.Alarm != nil {
		return n.Alarm.ManagedObjectID
	}
	if n.Packet != nil {
		return n.PortID
	}
	return n.ResourceID
}

// scviInbox is where a Security Manager takes notifications.
type scviInbox struct {
	url string

	mu     sync.Mutex
	notes  []scviNote
	seen   map[string]bool
	faults []string
}

// inbox opens a receiver that shows a credential of the SM and lets the telemetry
// endpoint in, and nobody else.
func (s *scviSM) inbox(shown *endpoint) *scviInbox {
	in := &scviInbox{seen: map[string]bool{}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { in.take(w, r, s) }))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{shown.Cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: s.at.Roots, MinVersion: tls.VersionTLS12}
	server.EnableHTTP2 = true
	server.StartTLS()
	s.t.Cleanup(server.Close)
	in.url = server.URL + "/telemetry"
	return in
}

func (in *scviInbox) take(w http.ResponseWriter, r *http.Request, s *scviSM) {
	in.mu.Lock()
	defer in.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
	if err := r.TLS.PeerCertificates[0].VerifyHostname(s.at.ServerName); err != nil {
		in.faults = append(in.faults, "the notifier is not the endpoint: "+err.Error())
	}
	if r.Method == http.MethodGet {
		return
	}
	n := scviNote{}
	raw, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(raw, &n)
	}
	schema := "ResourceChange"
	if n.Alarm != nil {
		schema = "AlarmNotification"
	}
	if n.Packet != nil {
		schema = "PacketNotification"
	}
	if err == nil {
		err = s.doc.Schema(schema, raw)
	}
	if err != nil {
		in.faults = append(in.faults, err.Error()+": "+string(raw))
	}
	if n.raw = string(raw); !in.seen[n.ID] { // at least once is promised
		in.seen[n.ID] = true
		in.notes = append(in.notes, n)
	}
}

func (in *scviInbox) got() []scviNote {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.notes)
}

// await waits for a notification that is after the first n ones, and returns it.
func (in *scviInbox) await(t testing.TB, what string, n int, is func(*scviNote) bool) *scviNote {
	t.Helper()
	var found *scviNote
	eventually(t, "told: "+what, patience, func() bool {
		for _, note := range in.got()[n:] {
			if is(&note) {
				found = &note
				return true
			}
		}
		return false
	})
	return found
}

// subscribe subscribes an inbox and returns the subscription's path.
func (s *scviSM) subscribe(in *scviInbox, filter *ifa006.Filter) string {
	s.t.Helper()
	status, body, header := s.ask(http.MethodPost, "/subscriptions", ifa006.SubscriptionRequest{CallbackURI: in.url, Filter: filter})
	if status != http.StatusCreated {
		s.t.Fatalf("subscribe: %d %s", status, body)
	}
	if err := s.doc.Schema("Subscription", []byte(body)); err != nil {
		s.t.Errorf("subscription: %v in %s", err, body)
	}
	location := header.Get("Location")
	return location[strings.Index(location, "/subscriptions/"):]
}

// scviVNF is a VNF of a test: count VNFCs, which are apart on hosts when there are
// several.
type scviVNF struct {
	name  string
	count int
	vcpus int
	needs []string // tpm, hsm, hmee, acceleration.<name>
}

const scviVNFD = `tosca_definitions_version: tosca_simple_yaml_1_3
topology_template:
  substitution_mappings: {node_type: tosca.nodes.nfv.VNF, requirements: {public: [front, external_virtual_link]}}
  node_templates:
    vnf:
      type: tosca.nodes.nfv.VNF
      properties: {descriptor_id: NAME, descriptor_version: "1", provider: Acme, product_name: NAME, software_version: "1.0", vnfm_info: [manoward], flavour_id: one}
    app:
      type: tosca.nodes.nfv.Vdu.Compute
      properties: {name: app, vdu_profile: {min_number_of_instances: COUNT, max_number_of_instances: COUNT}}
      capabilities: {virtual_compute: {properties: {requested_additional_capabilities: {NEEDS}, virtual_memory: {virtual_mem_size: 1 GiB}, virtual_cpu: {num_virtual_cpu: VCPUS}}}}
    front: {type: tosca.nodes.nfv.VduCp, properties: {layer_protocols: [ipv4], order: 0}, requirements: [{virtual_binding: app}]}
  policies:
    - spread: {type: tosca.policies.nfv.AntiAffinityRule, properties: {scope: nfvi_node}, targets: [app]}
`

const scviNSD = `tosca_definitions_version: tosca_simple_yaml_1_3
topology_template:
  substitution_mappings: {node_type: tosca.nodes.nfv.NS}
  node_templates:
    ns: {type: tosca.nodes.nfv.NS, properties: {descriptor_id: NAME, designer: Acme, version: "1", name: NAME, invariant_id: NAME-i, flavour_id: simple}}
    net:
      type: tosca.nodes.nfv.NsVirtualLink
      properties:
        connectivity_type: {layer_protocols: [ipv4]}
        vl_profile: {max_bitrate_requirements: {root: 1000}, min_bitrate_requirements: {root: 0}, virtual_link_protocol_data: [{associated_layer_protocol: ipv4, l3_protocol_data: {ip_version: ipv4, cidr: 10.0.0.0/24}}]}
`

// scviOnboard on-boards, for a domain, an NSD of the name, which ends in "-ns",
// with a VNF profile for each VNF ("a", "b", ...) and the policies, which are lines
// of YAML. The NSD is a kit of that name.
func (h *nsHub) scviOnboard(signer *csartest.Signer, domain, name, policies string, vnfs ...scviVNF) {
	h.t.Helper()
	write := func(file string, raw []byte) string {
		path := filepath.Join(h.home, name+"-"+file)
		writeFile(h.t, path, string(raw), 0o600)
		return path
	}
	nsd := strings.ReplaceAll(scviNSD, "NAME", name)
	for i, v := range vnfs {
		profile := string(rune('a' + i))
		nsd += "    " + profile + ": {type: tosca.nodes.nfv.VNF, properties: {descriptor_id: " + v.name + ", flavour_id: one, vnf_profile: {min_number_of_instances: 1, max_number_of_instances: 1}}, requirements: [{public: net}]}\n"
		if h.kits["vnf "+v.name] != nil {
			continue // is there
		}
		h.kits["vnf "+v.name] = &nskit.Kit{}
		needs := make([]string, len(v.needs))
		for n, need := range v.needs {
			needs[n] = need + ": {requested_additional_capability_name: " + need + ", support_mandatory: true, target_performance_parameters: {x: y}}"
		}
		vnfd := strings.NewReplacer("NAME", v.name, "COUNT", jsonOf(h.t, v.count), "VCPUS", jsonOf(h.t, v.vcpus), "NEEDS", strings.Join(needs, ", ")).Replace(scviVNFD)
		raw := csartest.Build(h.t, csartest.Spec{Option: csartest.Option1, Signer: signer, Definition: []byte(vnfd)})
		h.do("package", "onboard", write(v.name+".csar", raw), "--trust-domain", domain)
	}
	if policies != "" {
		nsd += "  policies:\n" + policies
	}
	raw := csartest.Build(h.t, csartest.Spec{Option: csartest.Option1, Signer: signer, Metadata: csartest.NSMetadata, Definition: []byte(nsd)})
	h.do("nsd", "onboard", write("ns.csar", raw), "--trust-domain", domain)
	h.kits[name] = &nskit.Kit{Name: strings.TrimSuffix(name, "-ns")}
}

// scviSigner lets a domain take packages of one more signer.
func (h *nsHub) scviSigner(domain string) *csartest.Signer {
	h.t.Helper()
	ca := csartest.NewCA(h.t, "packages of "+domain)
	own, other := filepath.Join(h.home, "own.pem"), filepath.Join(h.home, "other.pem")
	writeFile(h.t, own, h.kits[domain].Anchor, 0o600)
	writeFile(h.t, other, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Cert.Raw})), 0o600)
	h.do("package", "policy", "--trust-domain", domain, "--anchor", own, "--anchor", other)
	return ca.Signer(h.t, "vendor", nil)
}

func jsonOf(t testing.TB, v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
