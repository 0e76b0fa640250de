package topology

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/policies/library"
)

// setCertificates has the NFVO show certificates of a VNF: certificateInfo as it is
// on the wire.
func (w *world) setCertificates(nsID, id string, info any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := maps.Clone(w.nss[nsID])
	vnfs := slices.Clone(n["vnfInstance"].([]any))
	for i := range vnfs {
		if v := vnfs[i].(map[string]any); v["id"] == id {
			v = maps.Clone(v)
			v["certificateInfo"] = info
			vnfs[i] = v
		}
	}
	n["vnfInstance"] = vnfs
	w.nss[nsID] = n
}

// content is one certificate as our VNFM shows it.
func content(vnfc, keyHash, assurance string, notAfter time.Time) sol.CertificateContent {
	return sol.CertificateContent{
		ID: "x-" + vnfc, CertificateType: "VNFCI_CERT", SerialNumber: "0a", Subject: "CN=" + vnfc, NotBefore: noon.Add(-time.Hour), NotAfter: notAfter,
		VnfcID: vnfc, Assurance: assurance, KeyHash: keyHash,
	}
}

func infoOf(contents ...sol.CertificateContent) map[string]any {
	return object(sol.CertificateInfo{ID: "i", CertificateContents: contents})
}

// Certificates come with the VNF, go with its components, and change when it is
// read again.
func TestCertificates(t *testing.T) {
	w := newWorld()
	w.addVnf("n1", "v1", "h1")
	w.addVnf("n1", "v2", "h1")
	w.setCertificates("n1", "v1", infoOf(content("v1-b", "BB", "none", noon.Add(time.Hour)), content("v1-vnfc", "aa", "genuine", noon.Add(48*time.Hour))))
	s := built(t, w)
	in := s.input(t, review("n1", noon))
	expect(t, in, map[string]string{
		"vnfs v1 certificates": `[{"assurance":"none","attested":false,"keyHash":"bb","notAfter":"2026-11-22T13:00:00Z","serialNumber":"0a","subject":"CN=v1-b","vnfcId":"v1-b"},` +
			`{"assurance":"genuine","attested":true,"keyHash":"aa","notAfter":"2026-11-24T12:00:00Z","serialNumber":"0a","subject":"CN=v1-vnfc","vnfcId":"v1-vnfc"}]`,
		"vnfs v2 certificates": `absent`,
	})

	gone := map[string]any{
		"manoward.vnf":    map[string]any{"vnfInstanceId": "v1", "vnfdId": "d1", "vnfProfileId": "amf"},
		"manoward.change": map[string]any{"vnfcsRemoved": []string{"v1-b"}},
	}
	in = s.input(t, nsChange("n1", "v1", "VNF_SCALE", "COMPLETED", noon.Add(time.Minute), gone))
	if got := at(in, "vnfs", "v1", "certificates"); strings.Contains(got, "v1-b") || !strings.Contains(got, "v1-vnfc") {
		t.Errorf("the certificates of a component that was removed: %s", got)
	}

	w.setCertificates("n1", "v1", infoOf(content("v1-vnfc", "cc", "genuine", noon.Add(90*24*time.Hour))))
	if err := s.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	in = s.input(t, review("n1", noon.Add(2*time.Minute)))
	if got := at(in, "vnfs", "v1", "certificates"); !strings.Contains(got, `"keyHash":"cc"`) || strings.Contains(got, `"keyHash":"aa"`) {
		t.Errorf("a certificate that was renewed: %s", got)
	}

	in = s.input(t, nsChange("n1", "v1", "VNF_TERMINATE", "COMPLETED", noon.Add(3*time.Minute), map[string]any{"manoward.vnf": map[string]any{"vnfInstanceId": "v1"}}))
	if got := at(in, "vnfs", "v1", "certificates"); got != "absent" {
		t.Errorf("the certificates of a VNF that ended: %s", got)
	}
}

// Another NFVO may show certificates without our additions, or as we do not expect
// them: what is not known is unknown, and the VNF is read all the same.
func TestCertificates_OfAnother(t *testing.T) {
	for name, tt := range map[string]struct{ info, want string }{
		"bound by the VNFC":  {`{"id": "i", "certificateContents": [{"id": "x1", "certificateType": "VNFCI_CERT", "notAfter": "2027-01-01T00:00:00+01:00"}]}`, `[{"notAfter":"2026-12-31T23:00:00Z","vnfcId":"v1-vnfc"}]`},
		"bound to nothing":   {`{"certificateContents": [{"id": "x9", "subject": "CN=x"}]}`, `[{"subject":"CN=x"}]`},
		"none":               {`{"id": "i", "certificateContents": []}`, `[]`},
		"no contents":        {`{"id": "i"}`, `[]`},
		"null":               {`null`, `absent`},
		"a list":             {`[{"id": "i"}]`, `absent`},
		"contents are text":  {`{"certificateContents": "many"}`, `absent`},
		"a content is text":  {`{"certificateContents": ["x", {"subject": "CN=x"}]}`, `[{},{"subject":"CN=x"}]`},
		"members are others": {`{"certificateContents": [{"id": 7, "serialNumber": 10, "subject": {"commonName": "x"}, "notAfter": "tomorrow", "manoward.assurance": 3, "manoward.keyHash": null}]}`, `[{}]`},
	} {
		w := newWorld()
		w.addVnf("n1", "v1", "h1")
		w.setCertificates("n1", "v1", json.RawMessage(tt.info))
		w.mu.Lock()
		v := w.nss["n1"]["vnfInstance"].([]any)[0].(map[string]any)
		v["instantiatedVnfInfo"].(map[string]any)["vnfcResourceInfo"] = []sol005.VnfcResourceInfo{{ID: "v1-vnfc", VduID: "vdu", CertificateContentID: "x1", ComputeResource: sol005.ResourceHandle{ResourceID: "v1-c"}}}
		w.mu.Unlock()
		in := built(t, w).input(t, review("n1", noon))
		if got := at(in, "vnfs", "v1", "certificates"); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
		if got := at(in, "vnfs", "v1", "computeIds"); got != `["v1-c"]` {
			t.Errorf("%s: the rest of the VNF is %s", name, got)
		}
	}
}

// What the NFVO shows reaches the library's policies on certificates.
func TestCertificates_Judged(t *testing.T) {
	all, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := policies.Load(t.Context(), library.FS(), policies.Options{Schemas: all})
	if set == nil {
		t.Fatal(problems)
	}
	parameters := map[string]json.RawMessage{
		"certificate-attested": json.RawMessage(`{"requiredProfiles": ["amf"]}`),
		"certificate-key":      json.RawMessage(`{"pins": {"v1-vnfc": ["AA"]}}`),
	}
	snapshot, err := set.Snapshot(parameters)
	if err != nil {
		t.Fatal(err)
	}
	good := content("v1-vnfc", "aa", "genuine", noon.Add(90*24*time.Hour))
	for name, tt := range map[string]struct {
		change func(*sol.CertificateContent)
		more   []sol.CertificateContent
		want   string
	}{
		"all is well":      {func(*sol.CertificateContent) {}, nil, ""},
		"ends soon":        {func(c *sol.CertificateContent) { c.NotAfter = noon.Add(13 * 24 * time.Hour) }, nil, "certificate-expiry/ends-soon"},
		"ended":            {func(c *sol.CertificateContent) { c.NotAfter = noon.Add(-time.Second) }, nil, "certificate-expiry/expired"},
		"another key":      {func(c *sol.CertificateContent) { c.KeyHash = "bb" }, nil, "certificate-key/key-not-pinned"},
		"no key":           {func(c *sol.CertificateContent) { c.KeyHash = "" }, nil, "certificate-key/key-not-pinned"},
		"key of two VNFs":  {func(*sol.CertificateContent) {}, []sol.CertificateContent{content("v2-vnfc", "aa", "genuine", good.NotAfter)}, "certificate-key/key-shared certificate-key/key-shared"},
		"not attested":     {func(c *sol.CertificateContent) { c.Assurance = "none" }, nil, "certificate-attested/unattested"},
		"attestation lost": {func(c *sol.CertificateContent) { c.Assurance = "" }, nil, "certificate-attested/unattested"},
	} {
		w := newWorld()
		w.addVnf("n1", "v1", "h1")
		w.addVnf("n1", "v2", "h2")
		is := good
		tt.change(&is)
		w.setCertificates("n1", "v1", infoOf(is))
		if tt.more == nil {
			tt.more = []sol.CertificateContent{content("v2-vnfc", "dd", "bound", good.NotAfter)}
		}
		w.setCertificates("n1", "v2", infoOf(tt.more...))
		if got := found(t, built(t, w), snapshot); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}

	bare := newWorld()
	bare.addVnf("n1", "v1", "h1")
	if got := found(t, built(t, bare), snapshot); got != "certificate-attested/no-certificate" {
		t.Errorf("no certificate: %q", got)
	}
}

// found is what the policies on certificates find in a review, in words.
func found(t *testing.T, s *setup, snapshot *policies.Snapshot) string {
	t.Helper()
	raw, err := s.Input(t.Context(), review("n1", noon))
	if err != nil {
		t.Fatal(err)
	}
	in, err := parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	r, err := snapshot.Evaluate(t.Context(), in, policies.EvalOptions{Deadline: 10 * time.Second})
	if err != nil || len(r.Undecided) > 0 {
		t.Fatalf("%v %+v", err, r)
	}
	var words []string
	for _, f := range r.Findings {
		if strings.HasPrefix(f.Policy, "certificate-") {
			words = append(words, fmt.Sprintf("%s/%s", f.Policy, f.Code))
		}
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// FuzzCertificates holds that nothing an NFVO writes for certificateInfo makes an
// input that no policy can judge.
func FuzzCertificates(f *testing.F) {
	f.Add([]byte(`{"certificateContents": [{"id": "x1", "notAfter": "2027-01-01T00:00:00Z", "manoward.assurance": "none"}]}`))
	f.Add([]byte(`{"certificateContents": [{"notAfter": "0000-01-01T00:00:00+23:59"}]}`))
	f.Add([]byte(`{"certificateContents": [{"notAfter": "9999-12-31T23:59:59-23:59"}, null, 7, "\u0000"]}`))
	f.Fuzz(func(t *testing.T, info []byte) {
		raw, err := json.Marshal(vnf{ID: "v1", Certificates: certificatesIn(info, nil)})
		if err != nil {
			t.Fatalf("%q cannot be written: %v", info, err)
		}
		doc := `{"schema":"manoward.policy-input/1","kind":"review","time":"2026-11-22T12:00:00Z","event":{"reason":"periodic"},"sm":{"name":"a","trustDomain":"n","mode":"PASSIVE"},` +
			`"subject":{},"packages":{},"computes":{},"hosts":{},"images":{},"recent":[],"asOf":{},"vnfs":{"v1":` + string(raw) + `}}`
		if _, err := parse([]byte(doc)); err != nil {
			t.Errorf("%q: %v", info, err)
		}
	})
}
