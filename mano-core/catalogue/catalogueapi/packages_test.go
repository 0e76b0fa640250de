package catalogueapi_test

import (
	"archive/zip"
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/testkit/atonce"
	"github.com/manoward/manoward/internal/testkit/csartest"
	"github.com/manoward/manoward/mano-core/catalogue"
)

const packages = "/vnfpkgm/v2/vnf_packages"

func signer(t *testing.T) (*csartest.CA, *csartest.Signer) {
	ca := csartest.NewCA(t, "packages")
	return ca, ca.Signer(t, "vendor", nil)
}

func TestVnfPackage_Life(t *testing.T) {
	r := newRig(t)
	ca, s := signer(t)
	r.trust("north", ca)
	sub := r.want(201, alice, "POST", "/vnfpkgm/v2/subscriptions", map[string]any{"callbackUri": "https://oss.example/x", "filter": map[string]any{"vnfdId": []string{"d1"}}}).json(t)

	id := r.create(alice, packages, map[string]any{"team": "web"})
	info := r.want(200, alice, "GET", packages+"/"+id, nil).json(t)
	if info["onboardingState"] != "CREATED" || info["operationalState"] != "DISABLED" || info["usageState"] != "NOT_IN_USE" || info["vnfdId"] != nil {
		t.Errorf("new package is %v", info)
	}
	for _, path := range []string{"/package_content", "/vnfd", "/manifest", "/artifacts", "/artifacts/x"} {
		r.want(409, alice, "GET", packages+"/"+id+path, nil)
	}
	r.want(409, alice, "PATCH", packages+"/"+id, map[string]any{"operationalState": "ENABLED"})

	pkg := vnfPackage(t, "d1", s, nil)
	r.want(202, alice, "PUT", packages+"/"+id+"/package_content", pkg)
	r.waitState(catalogue.VNF, id, catalogue.Onboarded)
	r.want(409, alice, "PUT", packages+"/"+id+"/package_content", pkg)

	info = r.want(200, alice, "GET", packages+"/"+id, nil).json(t)
	for attribute, want := range map[string]string{
		"onboardingState": "ONBOARDED", "operationalState": "ENABLED", "vnfdId": "d1", "vnfProvider": "Acme", "vnfProductName": "Web",
		"vnfSoftwareVersion": "2", "vnfdVersion": "1", "packageSecurityOption": "OPTION_1",
	} {
		if info[attribute] != want {
			t.Errorf("%s is %v, want %s", attribute, info[attribute], want)
		}
	}
	if c, _ := info["signingCertificate"].(string); !strings.HasPrefix(c, "-----BEGIN CERTIFICATE-----") {
		t.Errorf("signingCertificate is %q", c)
	}
	images, _ := info["softwareImages"].([]any)
	if len(images) != 1 || images[0].(map[string]any)["imagePath"] != "Files/disk.img" || images[0].(map[string]any)["id"] != "web" {
		t.Errorf("images are %v", images)
	}
	var paths []string
	for _, a := range info["additionalArtifacts"].([]any) {
		paths = append(paths, a.(map[string]any)["artifactPath"].(string))
		if sum := a.(map[string]any)["checksum"].(map[string]any); sum["hash"] == "" || sum["algorithm"] != "SHA-256" {
			t.Errorf("checksum is %v", sum)
		}
	}
	if !slices.Contains(paths, "Scripts/install.sh") || slices.Contains(paths, "Files/disk.img") {
		t.Errorf("additional artifacts are %v", paths)
	}
	data := info["userDefinedData"].(map[string]any)
	if data["team"] != "web" || data["manoward.trustDomain"] != "north" || data["manoward.integrity"] != "OK" {
		t.Errorf("user data is %v", data)
	}

	list := r.want(200, alice, "GET", packages+"?filter=(eq,vnfdId,d1)", nil)
	if !bytes.Contains(list.body, []byte(id)) || bytes.Contains(list.body, []byte("softwareImages")) {
		t.Errorf("list is %s", list.body)
	}

	r.want(409, alice, "DELETE", packages+"/"+id, nil)
	r.want(409, alice, "PATCH", packages+"/"+id, map[string]any{"operationalState": "ENABLED"})
	m := r.want(200, alice, "PATCH", packages+"/"+id, map[string]any{"operationalState": "DISABLED", "userDefinedData": map[string]any{"team": nil, "cost": 3}}).json(t)
	if m["operationalState"] != "DISABLED" || m["userDefinedData"].(map[string]any)["cost"] != 3.0 || m["userDefinedData"].(map[string]any)["team"] != nil {
		t.Errorf("modifications are %v", m)
	}
	for _, bad := range []map[string]any{{}, {"operationalState": "MAYBE"}, {"userDefinedData": 7}, {"vnfdId": "x"}} {
		r.want(400, alice, "PATCH", packages+"/"+id, bad)
	}
	r.want(422, alice, "PATCH", packages+"/"+id, map[string]any{"userDefinedData": map[string]any{"manoward.trustDomain": "south"}})
	r.want(412, alice, "PATCH", packages+"/"+id, map[string]any{"operationalState": "ENABLED"}, "If-Match", `"old"`)

	r.want(204, alice, "DELETE", packages+"/"+id, nil)
	r.want(404, alice, "GET", packages+"/"+id, nil)
	r.want(404, alice, "DELETE", packages+"/"+id, nil)
	r.stop()
	r.start()
	r.eventually("no file is left", func() bool { return len(r.stored("north")) == 0 })
	want := []string{"VnfPackageOnboardingNotification", "VnfPackageChangeNotification OP_STATE_CHANGE", "VnfPackageChangeNotification PKG_DELETE"}
	if got := r.toldTypes(); !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	links := r.told[0]["_links"].(map[string]any)
	if links["subscription"].(map[string]any)["href"] != sub["_links"].(map[string]any)["self"].(map[string]any)["href"] {
		t.Errorf("links are %v", links)
	}
	for _, kind := range []string{catalogue.RecordOnboarded, catalogue.RecordState, catalogue.RecordDeleted} {
		if n := len(r.recorded(kind)); n != 1 {
			t.Errorf("%d records of %s", n, kind)
		}
	}
}

func TestVnfPackage_Content(t *testing.T) {
	r := newRig(t)
	ca, s := signer(t)
	r.trust("north", ca)
	pkg := vnfPackage(t, "d1", s, func(s *csartest.Spec) { s.SignFiles = []string{"Scripts/install.sh"} })
	id := r.onboard(alice, catalogue.VNF, pkg)
	at := packages + "/" + id

	whole := r.want(200, alice, "GET", at+"/package_content", nil)
	if !bytes.Equal(whole.body, pkg) || whole.header.Get("Content-Type") != "application/zip" {
		t.Error("package_content is not what was uploaded")
	}
	part := r.want(206, alice, "GET", at+"/package_content", nil, "Range", "bytes=10-19")
	if !bytes.Equal(part.body, pkg[10:20]) {
		t.Errorf("range is %q", part.body)
	}
	bad := r.want(416, alice, "GET", at+"/package_content", nil, "Range", "bytes=99999999-")
	if !strings.HasPrefix(bad.header.Get("Content-Range"), "bytes */") {
		t.Errorf("Content-Range is %q", bad.header.Get("Content-Range"))
	}
	if a := r.call(alice, "GET", at+"/package_content", nil, "If-None-Match", whole.header.Get("ETag")); a.status != 304 {
		t.Errorf("If-None-Match answers %d", a.status)
	}
	r.want(406, alice, "GET", at+"/package_content", nil, "Accept", "text/html")

	if text := r.want(200, alice, "GET", at+"/vnfd", nil, "Accept", "text/plain"); string(text.body) != vnfd("d1") {
		t.Errorf("vnfd is %s", text.body)
	}
	if names := zipNames(t, r.want(200, alice, "GET", at+"/vnfd", nil, "Accept", "application/zip").body); !slices.Equal(names, []string{"Definitions/sample.yaml", "TOSCA-Metadata/TOSCA.meta"}) {
		t.Errorf("vnfd has %v", names)
	}
	if text := r.want(200, alice, "GET", at+"/manifest", nil); !bytes.Contains(text.body, []byte("BEGIN CMS")) {
		t.Errorf("manifest is %s", text.body)
	}
	zipNames(t, r.want(200, alice, "GET", at+"/manifest?include_signatures", nil).body)

	if a := r.want(200, alice, "GET", at+"/artifacts/Scripts/install.sh", nil); string(a.body) != "echo hello\n" {
		t.Errorf("artifact is %q", a.body)
	}
	if a := r.want(206, alice, "GET", at+"/artifacts/Scripts/install.sh", nil, "Range", "bytes=5-9"); string(a.body) != "hello" {
		t.Errorf("range of artifact is %q", a.body)
	}
	r.want(416, alice, "GET", at+"/artifacts/Scripts/install.sh", nil, "Range", "bytes=500-")
	r.want(404, alice, "GET", at+"/artifacts/Scripts/none.sh", nil)
	if names := zipNames(t, r.want(200, alice, "GET", at+"/artifacts/Scripts/install.sh?include_signatures", nil).body); len(names) != 2 {
		t.Errorf("artifact and signature are %v", names)
	}
	all := zipNames(t, r.want(200, alice, "GET", at+"/artifacts", nil).body)
	if !slices.Contains(all, "Scripts/install.sh") || slices.Contains(all, "Files/disk.img") {
		t.Errorf("artifacts are %v", all)
	}
	if none := zipNames(t, r.want(200, alice, "GET", at+"/artifacts?exclude_all_mano_artifacts", nil).body); len(none) != 0 {
		t.Errorf("without MANO artifacts there are %v", none)
	}
	r.want(206, alice, "GET", at+"/artifacts", nil, "Range", "bytes=0-3")
	r.want(400, alice, "GET", at+"/artifacts?include_external_artifacts", nil)
	r.want(400, alice, "GET", at+"/artifacts?nonsense=1", nil)
}

func zipNames(t *testing.T, data []byte) []string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("no ZIP: %v", err)
	}
	var out []string
	for _, f := range z.File {
		out = append(out, f.Name)
	}
	return out
}

func TestVnfPackage_Refused(t *testing.T) {
	ca, s := signer(t)
	good := vnfPackage(t, "d1", s, nil)
	for _, c := range []struct {
		name, want string
		pkg        []byte
		trust      bool
	}{
		{"no anchor", "anchor", good, false},
		{"unsigned", "sign", vnfPackage(t, "d1", nil, func(s *csartest.Spec) { s.Option = csartest.Unsigned }), true},
		{"wrong hash", "Scripts/install.sh", vnfPackage(t, "d1", s, func(s *csartest.Spec) {
			s.Pack = func(files []csartest.File) []csartest.File {
				for i := range files {
					if files[i].Name == "Scripts/install.sh" {
						files[i].Data = []byte("rm -rf /\n")
					}
				}
				return files
			}
		}), true},
		{"other image", "Files/disk.img", vnfPackage(t, "d1", s, func(s *csartest.Spec) { s.Files["Files/disk.img"] = []byte("other") }), true},
		{"no image", "Files/disk.img", vnfPackage(t, "d1", s, func(s *csartest.Spec) { delete(s.Files, "Files/disk.img") }), true},
		{"image outside", "outside of the package", vnfPackage(t, "d1", s, func(s *csartest.Spec) {
			s.Definition = []byte(strings.Replace(vnfd("d1"), "Files/disk.img", "'https://example.com/disk.img'", 1))
		}), true},
		{"no VNFD", "tosca.nodes.nfv.VNF", vnfPackage(t, "d1", s, func(s *csartest.Spec) { s.Definition = nil }), true},
		{"other kind", "kind PNF", descriptorPackage(t, s, pnfMetadata, vnfd("d1")), true},
		{"no ZIP", "", []byte("hello"), true},
		{"empty", "", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			if c.trust {
				r.trust("north", ca)
			}
			id := r.create(alice, packages, nil)
			r.want(202, alice, "PUT", packages+"/"+id+"/package_content", append([]byte{}, c.pkg...))
			r.waitState(catalogue.VNF, id, catalogue.Failed)
			info := r.want(200, alice, "GET", packages+"/"+id, nil).json(t)
			detail, _ := info["onboardingFailureDetails"].(map[string]any)
			if text, _ := detail["detail"].(string); text == "" || !strings.Contains(text, c.want) {
				t.Errorf("failure is %v, want %q", detail, c.want)
			}
			r.eventually("no file is left", func() bool { return len(r.stored("north")) == 0 })
			if rec := r.recorded(catalogue.RecordRefused); len(rec) != 1 || r.domains[len(r.domains)-1] != "north" || rec[0].Actor != alice.String() {
				t.Errorf("records are %v", rec)
			}
			if got := r.toldTypes(); len(got) != 0 {
				t.Errorf("told %v", got)
			}
			r.trust("north", ca)
			r.want(202, alice, "PUT", packages+"/"+id+"/package_content", good) // a second try
			r.waitState(catalogue.VNF, id, catalogue.Onboarded)
			r.want(200, alice, "PATCH", packages+"/"+id, map[string]any{"operationalState": "DISABLED"})
		})
	}
}

func TestVnfPackage_UnsignedAllowed(t *testing.T) {
	r := newRig(t)
	r.want(204, operator, "PUT", "/manoward/v1/trust_domains/north/package_policy", map[string]any{"anchors": []string{}, "allowUnsigned": true})
	id := r.onboard(alice, catalogue.VNF, vnfPackage(t, "d1", nil, func(s *csartest.Spec) { s.Option = csartest.Unsigned }))
	info := r.want(200, alice, "GET", packages+"/"+id, nil).json(t)
	if info["packageSecurityOption"] != nil || info["signingCertificate"] != nil {
		t.Errorf("an unsigned package shows %v", info)
	}
}

func TestVnfPackage_Option2(t *testing.T) {
	r := newRig(t)
	ca, s := signer(t)
	r.trust("north", ca)
	id := r.onboard(alice, catalogue.VNF, vnfPackage(t, "d1", s, func(s *csartest.Spec) { s.Option, s.Place = csartest.Option2, csartest.Beside }))
	info := r.want(200, alice, "GET", packages+"/"+id, nil).json(t)
	if info["packageSecurityOption"] != "OPTION_2" || info["signingCertificate"] == nil {
		t.Errorf("package is %v", info)
	}
	if a := r.want(200, alice, "GET", packages+"/"+id+"/artifacts/Scripts/install.sh", nil); string(a.body) != "echo hello\n" {
		t.Errorf("artifact is %q", a.body)
	}
}

func TestVnfPackage_UploadFaults(t *testing.T) {
	r := newRig(t)
	id := r.create(alice, packages, nil)
	r.want(415, alice, "PUT", packages+"/"+id+"/package_content", []byte("x"), "Content-Type", "text/plain")
	r.want(413, alice, "PUT", packages+"/"+id+"/package_content", make([]byte, maxPackage+1))
	if len(r.recorded(catalogue.RecordRefused)) != 1 || len(r.stored("north")) != 0 {
		t.Error("a package that is too large is not recorded, or left something")
	}
	r.waitState(catalogue.VNF, id, catalogue.Created)
	r.want(404, alice, "PUT", packages+"/none/package_content", []byte("x"))
	r.want(404, bob, "PUT", packages+"/"+id+"/package_content", []byte("x"))
	r.want(403, hub.Identity{TrustDomain: "north", Kind: hub.KindClient, Name: "reader"}, "PUT", packages+"/"+id+"/package_content", []byte("x"))
	r.want(405, alice, "PUT", packages+"/"+id, []byte("x"))
	r.want(400, alice, "GET", packages+"/"+id, nil, "Version", "nonsense")
	r.want(406, alice, "GET", packages+"/"+id, nil, "Version", "9.0.0")
}

func TestVnfPackage_SameDescriptorTwice(t *testing.T) {
	r := newRig(t)
	ca, s := signer(t)
	r.trust("north", ca)
	r.trust("south", ca)
	pkg := vnfPackage(t, "d1", s, nil)
	r.onboard(alice, catalogue.VNF, pkg)
	second := r.create(alice, packages, nil)
	r.want(202, alice, "PUT", packages+"/"+second+"/package_content", pkg)
	if p := r.waitState(catalogue.VNF, second, catalogue.Failed); p.Failure.Status != 409 {
		t.Errorf("failure is %+v", p.Failure)
	}
	if left := r.stored("north"); len(left) != 1 {
		t.Errorf("the file of the first package is gone, or more are left: %v", left) // both have the same content
	}
	r.onboard(bob, catalogue.VNF, pkg) // another trust domain has its own
}

func TestVnfPackage_Domains(t *testing.T) {
	r := newRig(t)
	id := r.create(alice, packages, nil)
	none := r.want(404, bob, "GET", packages+"/none", nil)
	other := r.want(404, bob, "GET", packages+"/"+id, nil)
	if a, b := none.json(t)["detail"], other.json(t)["detail"]; a != b {
		t.Errorf("what is another's answers %q, what is not there %q", b, a)
	}
	for _, method := range []string{"PATCH", "DELETE"} {
		r.want(404, bob, method, packages+"/"+id, map[string]any{"operationalState": "DISABLED"})
	}
	if list := r.want(200, bob, "GET", packages, nil); string(bytes.TrimSpace(list.body)) != "[]" {
		t.Errorf("another domain's list is %s", list.body)
	}
	r.want(404, bob, "POST", packages, map[string]any{"userDefinedData": map[string]any{"manoward.trustDomain": "north"}})
	r.want(422, operator, "POST", packages, map[string]any{})
	for _, domain := range []any{"hub", "west", "", 7} {
		r.want(422, operator, "POST", packages, map[string]any{"userDefinedData": map[string]any{"manoward.trustDomain": domain}})
	}
	mine := r.create(operator, packages, map[string]any{"manoward.trustDomain": "south"})
	r.want(200, bob, "GET", packages+"/"+mine, nil)
	if list := r.want(200, operator, "GET", packages, nil); !bytes.Contains(list.body, []byte(id)) || !bytes.Contains(list.body, []byte(mine)) {
		t.Errorf("the operator's list is %s", list.body)
	}
}

func TestVnfPackage_Idempotency(t *testing.T) {
	r := newRig(t)
	body := map[string]any{"userDefinedData": map[string]any{"a": 1}}
	first := r.want(201, alice, "POST", packages, body, "Idempotency-Key", "k")
	again := r.want(201, alice, "POST", packages, body, "Idempotency-Key", "k")
	if first.header.Get("Location") != again.header.Get("Location") {
		t.Error("the same key makes two packages")
	}
	r.want(422, alice, "POST", packages, map[string]any{}, "Idempotency-Key", "k")
	other := r.want(201, operator, "POST", packages, map[string]any{"userDefinedData": map[string]any{"manoward.trustDomain": "north"}}, "Idempotency-Key", "k")
	if other.header.Get("Location") == first.header.Get("Location") {
		t.Error("the key of one caller is another's")
	}
	r.want(400, alice, "POST", packages, body, "Idempotency-Key", strings.Repeat("k", 256))
	r.want(400, alice, "POST", packages, "no object")
}

// The same request many times at once, with a key, makes one package.
func TestVnfPackage_SameKeyAtOnce(t *testing.T) {
	r := newRig(t)
	body := map[string]any{"userDefinedData": map[string]any{"a": 1}}
	for round := range 50 { // in some of them two find that it is not there yet
		locations := map[string]bool{}
		for _, a := range atonce.Do(8, func() answer { return r.call(alice, "POST", packages, body, "Idempotency-Key", strconv.Itoa(round)) }) {
			if a.status != http.StatusCreated {
				t.Errorf("%d: %s", a.status, a.body)
			}
			locations[a.header.Get("Location")] = true
		}
		if len(locations) != 1 {
			t.Fatalf("%v", locations)
		}
	}
}

// A package that was changed on disk after on-boarding is refused with the
// artifact's name, recorded, shown and told.
func TestVnfPackage_AlteredOnDisk(t *testing.T) {
	r := newRig(t)
	ca, s := signer(t)
	r.trust("north", ca)
	r.want(201, alice, "POST", "/vnfpkgm/v2/subscriptions", map[string]any{"callbackUri": "https://oss.example/x"})
	pkg := vnfPackage(t, "d1", s, nil)
	id := r.onboard(alice, catalogue.VNF, pkg)
	path := filepath.Join(r.dir, "north", r.stored("north")[0])
	i := bytes.Index(pkg, []byte("echo hello"))
	pkg[i] = 'E'
	if err := os.WriteFile(path, pkg, 0o600); err != nil {
		t.Fatal(err)
	}
	a := r.want(422, alice, "GET", packages+"/"+id+"/package_content", nil)
	if text, _ := a.json(t)["detail"].(string); !strings.Contains(text, "Scripts/install.sh") {
		t.Errorf("the refusal is %q", text)
	}
	if _, _, err := r.service.Use(t.Context(), catalogue.VNF, "north", "d1"); hub.CodeOf(err) != hub.Unprocessable {
		t.Errorf("use is %v", err)
	}
	r.want(422, alice, "GET", packages+"/"+id+"/artifacts/Scripts/install.sh", nil)
	r.waitState(catalogue.VNF, id, catalogue.Onboarded)
	info := r.want(200, alice, "GET", packages+"/"+id, nil).json(t)
	if info["userDefinedData"].(map[string]any)["manoward.integrity"] != "FAILED" {
		t.Errorf("integrity is %v", info["userDefinedData"])
	}
	if n := len(r.recorded(catalogue.RecordAltered)); n != 1 {
		t.Errorf("%d records of it", n)
	}
	if got := r.toldTypes(); len(got) != 2 {
		t.Errorf("told %v", got)
	}
	r.want(200, alice, "PATCH", packages+"/"+id, map[string]any{"operationalState": "DISABLED"})
	r.want(409, alice, "PATCH", packages+"/"+id, map[string]any{"operationalState": "ENABLED"})
	r.want(http.StatusNoContent, alice, "DELETE", packages+"/"+id, nil)
}

// A descriptor of several files is served as a ZIP that a VNFM can read it from.
func TestVnfPackage_DescriptorOfSeveralFiles(t *testing.T) {
	r := newRig(t)
	ca, s := signer(t)
	r.trust("north", ca)
	definition := strings.Replace(vnfd("d1"), "topology_template:", "imports: [etsi_nfv_sol001_vnfd_types.yaml, more/types.yaml]\ntopology_template:", 1)
	id := r.onboard(alice, catalogue.VNF, vnfPackage(t, "d1", s, func(s *csartest.Spec) {
		s.Definition = []byte(definition)
		s.Files["Definitions/more/types.yaml"] = []byte("node_types: {acme.X: {derived_from: tosca.nodes.Root}}\n")
		s.Files["Definitions/etsi_nfv_sol001_vnfd_types.yaml"] = []byte("node_types: {}\n")
		s.Files["Files/other.yaml"] = []byte("a: b\n")
	}))
	r.want(406, alice, "GET", packages+"/"+id+"/vnfd", nil, "Accept", "text/plain")
	body := r.want(200, alice, "GET", packages+"/"+id+"/vnfd", nil).body
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	if d, err := sol001.ParseVNFD(z, "Definitions/sample.yaml"); err != nil || d.ID != "d1" {
		t.Errorf("the ZIP reads as %+v, %v", d, err)
	}
	if names := zipNames(t, body); len(names) != 4 || slices.Contains(names, "Files/other.yaml") {
		t.Errorf("the ZIP has %v", names)
	}
	if info := r.want(200, alice, "GET", packages+"/"+id, nil); !bytes.Contains(info.body, []byte("Files/other.yaml")) || bytes.Contains(info.body, []byte("more/types.yaml")) {
		t.Errorf("additional artifacts are in %s", info.body)
	}
}
