package catalogueapi_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/testkit/csartest"
	"github.com/manoward/manoward/mano-core/catalogue"
)

// An artifact outside of the package is fetched and compared with its digest,
// from where the access configuration says.
func TestExternalArtifacts(t *testing.T) {
	ca, s := signer(t)
	vendor := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/tool.bin":
			w.Write([]byte("tool"))
		case "/other":
			w.Write([]byte("trojan"))
		case "/large":
			w.Write(make([]byte, maxPackage+1))
		case "/cut":
			w.Header().Set("Content-Length", "10")
			w.Write([]byte("t"))
		default:
			http.NotFound(w, r)
		}
	}))
	defer vendor.Close()
	sum := sha256.Sum256([]byte("tool"))
	pkg := func(uri string) []byte {
		return vnfPackage(t, "d1", s, func(spec *csartest.Spec) {
			spec.Manifest = func(text string) string {
				return text + "\nSource: " + uri + "\nAlgorithm: SHA-256\nHash: " + hex.EncodeToString(sum[:]) + "\n"
			}
		})
	}
	r := newRig(t)
	r.fetch = vendor.Client()
	r.restart()
	r.trust("north", ca)
	id := r.create(alice, packages, nil)
	at := packages + "/" + id + "/ext_artifacts_access"
	if got := r.want(200, alice, "GET", at, nil); strings.TrimSpace(string(got.body)) != "{}" {
		t.Errorf("a new package has %s", got.body)
	}
	access := func(uri, override string) map[string]any {
		return map[string]any{"artifact": map[string]any{"artifactUri": uri, "overrideUri": override}}
	}
	r.want(422, alice, "PUT", at, access("https://example.com/x", "http://example.com/x"))
	r.want(422, alice, "PUT", at, map[string]any{"artifact": map[string]any{"artifactUri": "https://example.com/x", "authType": "OAUTH2_CLIENT_CREDENTIALS"}})
	r.want(400, alice, "PUT", at, map[string]any{"artifact": map[string]any{}})
	r.want(404, bob, "PUT", at, access(vendor.URL+"/tool.bin", ""))
	r.want(404, bob, "GET", at, nil)

	for path, want := range map[string]string{"/other": "its digest", "/large": "larger", "/cut": "broke off", "/none": "404"} {
		r.want(202, alice, "PUT", packages+"/"+id+"/package_content", pkg(vendor.URL+path))
		if p := r.waitState(catalogue.VNF, id, catalogue.Failed); !strings.Contains(p.Failure.Detail, want) || !strings.Contains(p.Failure.Detail, vendor.URL+path) {
			t.Errorf("%s: failure is %q", path, p.Failure.Detail)
		}
	}
	r.want(202, alice, "PUT", packages+"/"+id+"/package_content", pkg("http://example.com/tool.bin"))
	if p := r.waitState(catalogue.VNF, id, catalogue.Failed); !strings.Contains(p.Failure.Detail, "http://example.com/tool.bin") {
		t.Errorf("failure is %q", p.Failure.Detail)
	}
	r.want(200, alice, "PUT", at, access(vendor.URL+"/none", vendor.URL+"/tool.bin"))
	if got := r.want(200, alice, "GET", at, nil).json(t)["artifact"].(map[string]any); got["overrideUri"] != vendor.URL+"/tool.bin" {
		t.Errorf("access is %v", got)
	}
	r.want(202, alice, "PUT", packages+"/"+id+"/package_content", pkg(vendor.URL+"/none"))
	r.waitState(catalogue.VNF, id, catalogue.Onboarded)
	r.want(409, alice, "PUT", at, access(vendor.URL+"/none", ""))
	info := r.want(200, alice, "GET", packages+"/"+id, nil)
	if !strings.Contains(string(info.body), `"artifactURI":"`+vendor.URL+`/none"`) {
		t.Errorf("package is %s", info.body)
	}
}
