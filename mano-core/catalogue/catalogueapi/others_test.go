package catalogueapi_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/catalogue"
)

var vnfm = hub.Identity{TrustDomain: "north", Kind: hub.KindVNFM, Name: "vnfm1"}

// A VNFM reads on-boarded packages of its own trust domain, by either path.
func TestOrVnfm(t *testing.T) {
	r := newRig(t)
	ca, s := signer(t)
	r.trust("north", ca)
	r.trust("south", ca)
	sub := r.want(201, vnfm, "POST", "/vnfpkgm/v2/subscriptions", map[string]any{
		"callbackUri": "https://vnfm.example/p",
		"filter":      map[string]any{"operationalState": "ENABLED", "vnfProductsFromProviders": []any{map[string]any{"vnfProvider": "Acme", "vnfProducts": []any{map[string]any{"vnfProductName": "Web"}}}}},
	}, "X-Point", "or-vnfm")
	created := r.create(alice, packages, nil)
	pkg := vnfPackage(t, "d1", s, nil)
	id := r.onboard(alice, catalogue.VNF, pkg)
	get := func(status int, path string, header ...string) answer {
		return r.want(status, vnfm, "GET", "/vnfpkgm/v2"+path, nil, append([]string{"X-Point", "or-vnfm"}, header...)...)
	}
	get(404, "/vnf_packages/"+created)
	get(404, "/onboarded_vnf_packages/d2")
	for _, at := range []string{"/vnf_packages/" + id, "/onboarded_vnf_packages/d1"} {
		info := get(200, at).json(t)
		if info["vnfdId"] != "d1" || info["softwareImages"].([]any)[0].(map[string]any)["checksum"] == "" {
			t.Errorf("package is %v", info)
		}
		if a := get(200, at+"/package_content"); !bytes.Equal(a.body, pkg) {
			t.Error("package_content is not what was uploaded")
		}
		get(206, at+"/package_content", "Range", "bytes=0-0")
		get(416, at+"/package_content", "Range", "bytes=99999999-")
		if a := get(200, at+"/vnfd"); string(a.body) != vnfd("d1") {
			t.Errorf("vnfd is %s", a.body)
		}
		get(200, at+"/manifest")
		get(200, at+"/artifacts")
		get(200, at+"/artifacts/Files/disk.img")
		get(404, at+"/artifacts/Files/none")
	}
	for _, list := range []string{"/vnf_packages", "/onboarded_vnf_packages"} {
		if a := get(200, list); !bytes.Contains(a.body, []byte(id)) || bytes.Contains(a.body, []byte(created)) {
			t.Errorf("list is %s", a.body)
		}
	}
	south := hub.Identity{TrustDomain: "south", Kind: hub.KindVNFM, Name: "vnfm2"}
	r.want(404, south, "GET", "/vnfpkgm/v2/onboarded_vnf_packages/d1", nil, "X-Point", "or-vnfm")
	r.want(200, operator, "GET", "/vnfpkgm/v2/onboarded_vnf_packages/d1", nil, "X-Point", "or-vnfm")
	other := r.onboard(bob, catalogue.VNF, pkg) // from now on the hub's VNFMs have to say which
	for _, what := range []string{"", "/vnfd", "/package_content", "/artifacts"} {
		r.want(409, operator, "GET", "/vnfpkgm/v2/onboarded_vnf_packages/d1"+what, nil, "X-Point", "or-vnfm")
	}
	get(200, "/onboarded_vnf_packages/d1")
	r.want(200, operator, "GET", "/vnfpkgm/v2/vnf_packages/"+other, nil, "X-Point", "or-vnfm")
	r.want(405, vnfm, "POST", "/vnfpkgm/v2/vnf_packages", map[string]any{}, "X-Point", "or-vnfm")
	if got := r.toldTypes(); !slices.Equal(got, []string{"VnfPackageOnboardingNotification"}) {
		t.Errorf("told %v", got)
	}
	byVnfd := r.told[0]["_links"].(map[string]any)["vnfPackageByVnfdId"].(map[string]any)["href"].(string)
	if byVnfd != r.server.URL+"/vnfpkgm/v2/onboarded_vnf_packages/d1" {
		t.Errorf("link is %s", byVnfd)
	}
	r.want(204, vnfm, "DELETE", strings.TrimPrefix(sub.header.Get("Location"), r.server.URL), nil, "X-Point", "or-vnfm")
}

func TestSubscriptions(t *testing.T) {
	for _, api := range []string{"/vnfpkgm/v2/subscriptions", "/nsd/v2/subscriptions"} {
		t.Run(api, func(t *testing.T) {
			r := newRig(t)
			body := map[string]any{"callbackUri": "https://oss.example/x", "filter": map[string]any{}, "unknown": 1}
			first := r.want(201, alice, "POST", api, body)
			at := strings.TrimPrefix(first.header.Get("Location"), r.server.URL)
			if a := r.call(alice, "POST", api, body); a.status != 303 || a.header.Get("Location") != first.header.Get("Location") {
				t.Errorf("the same again answers %d", a.status)
			}
			r.want(422, alice, "POST", api, map[string]any{})
			r.want(400, alice, "POST", api, map[string]any{"callbackUri": 1})
			r.want(200, alice, "GET", at, nil)
			if a := r.want(200, alice, "GET", api, nil); !bytes.Contains(a.body, []byte("https://oss.example/x")) {
				t.Errorf("list is %s", a.body)
			}
			for _, stranger := range []hub.Identity{bob, {TrustDomain: "north", Kind: hub.KindOSS, Name: "carol"}} {
				r.want(404, stranger, "GET", at, nil)
				r.want(404, stranger, "DELETE", at, nil)
				if a := r.want(200, stranger, "GET", api, nil); string(bytes.TrimSpace(a.body)) != "[]" {
					t.Errorf("a stranger's list is %s", a.body)
				}
			}
			r.want(404, alice, "GET", api+"/none", nil)
			reader := hub.Identity{TrustDomain: "north", Kind: hub.KindClient, Name: "reader"}
			r.want(403, reader, "POST", api, body)
			for _, who := range []string{"north", "south"} { // who may not end any does not learn which there are
				reader.TrustDomain = who
				r.want(403, reader, "DELETE", at, nil)
				r.want(403, reader, "DELETE", api+"/none", nil)
			}
			r.want(204, alice, "DELETE", at, nil)
			r.want(404, alice, "GET", at, nil)
		})
	}
}

func TestPolicy(t *testing.T) {
	r := newRig(t)
	ca, _ := signer(t)
	const at = "/manoward/v1/trust_domains/north/package_policy"
	first := r.want(200, operator, "GET", at, nil)
	if p := first.json(t); p["allowUnsigned"] != false || p["allowExpired"] != false || len(p["anchors"].([]any)) != 0 {
		t.Errorf("the policy of a new domain is %v", p)
	}
	r.trust("north", ca)
	changed := r.want(200, operator, "GET", at, nil)
	if p := changed.json(t); len(p["anchors"].([]any)) != 1 {
		t.Errorf("policy is %v", p)
	}
	r.want(412, operator, "PUT", at, map[string]any{"anchors": []string{}}, "If-Match", first.header.Get("ETag"))
	r.want(204, operator, "PUT", at, map[string]any{"anchors": []string{}, "allowExpired": true}, "If-Match", changed.header.Get("ETag"))
	for _, bad := range []string{"", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		r.want(422, operator, "PUT", at, map[string]any{"anchors": []string{bad}})
	}
	r.want(422, operator, "PUT", at, map[string]any{"anchors": make([]string, 257)})
	r.want(400, operator, "PUT", at, map[string]any{"anchor": "x"})
	r.want(404, operator, "GET", "/manoward/v1/trust_domains/west/package_policy", nil)
	r.want(404, operator, "GET", "/manoward/v1/trust_domains/hub/package_policy", nil)
	r.want(404, bob, "GET", at, nil)
	if n := len(r.recorded(catalogue.RecordPolicy)); n != 2 {
		t.Errorf("%d records of a changed policy", n)
	}
}

func TestUploadFromURI(t *testing.T) {
	ca, s := signer(t)
	pkg := vnfPackage(t, "d1", s, nil)
	vendor := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/good.csar":
			w.Write(pkg)
		case "/redirect":
			http.Redirect(w, r, "/good.csar", http.StatusFound)
		case "/large":
			w.Write(make([]byte, maxPackage+1))
		case "/declared":
			w.Header().Set("Content-Length", "99999999999")
		case "/cut":
			w.Header().Set("Content-Length", "1000")
			w.Write(pkg[:100])
		default:
			http.NotFound(w, r)
		}
	}))
	defer vendor.Close()
	dead := httptest.NewTLSServer(nil)
	dead.Close()
	r := newRig(t)
	r.fetch = vendor.Client()
	r.restart()
	r.trust("north", ca)
	at := func(id string) string { return packages + "/" + id + "/package_content/upload_from_uri" }

	id := r.create(alice, packages, nil)
	for _, bad := range []string{"http://example.com/x", "https:///x", "https://a:b@example.com/", "ftp://x/", ":", "https://x/#f"} {
		r.want(422, alice, "POST", at(id), map[string]any{"addressInformation": bad})
	}
	r.want(400, alice, "POST", at(id), map[string]any{})
	r.want(422, alice, "POST", at(id), map[string]any{"addressInformation": vendor.URL, "authType": "OAUTH2_CLIENT_CREDENTIALS"})
	for path, want := range map[string]string{
		vendor.URL + "/redirect": "302", vendor.URL + "/large": "larger", vendor.URL + "/declared": "larger", vendor.URL + "/none": "404",
		vendor.URL + "/cut": "broke off", dead.URL + "/x": "does not answer",
	} {
		r.want(202, alice, "POST", at(id), map[string]any{"addressInformation": path})
		if p := r.waitState(catalogue.VNF, id, catalogue.Failed); !strings.Contains(p.Failure.Detail, want) {
			t.Errorf("%s: failure is %q, want %q", path, p.Failure.Detail, want)
		}
		r.eventually("no file is left of "+path, func() bool { return len(r.stored("north")) == 0 })
	}
	r.want(202, alice, "POST", at(id), map[string]any{"addressInformation": vendor.URL + "/good.csar"})
	r.waitState(catalogue.VNF, id, catalogue.Onboarded)
	r.want(409, alice, "POST", at(id), map[string]any{"addressInformation": vendor.URL + "/good.csar"})
	r.want(404, bob, "POST", at(id), map[string]any{"addressInformation": vendor.URL + "/good.csar"})
	if n := len(r.recorded(catalogue.RecordRefused)); n != 6 {
		t.Errorf("%d refusals are recorded, want 6", n)
	}
}
