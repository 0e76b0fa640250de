package e2e_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/testkit/csartest"
	"github.com/manoward/manoward/internal/testkit/nskit"
)

// kit on-boards the packages of a network service in a domain, once.
func (h *apiHub) kit(domain string) *nskit.Kit {
	h.t.Helper()
	if h.kits[domain] == nil {
		h.onboard(domain, nskit.NewSigned(h.t, domain, h.ca(h.t, domain)))
	}
	return h.kits[domain]
}

// ca is who signs the packages of a domain.
func (h *apiHub) ca(t testing.TB, domain string) *csartest.CA {
	t.Helper()
	if h.signers[domain] == nil {
		h.signers[domain] = csartest.NewCA(t, domain+" packages")
	}
	return h.signers[domain]
}

// find returns the ID of the only resource of a list that a filter matches.
func (s *site) find(t testing.TB, path, filter string) string {
	t.Helper()
	_, ids := s.pages(t, path+"?filter="+filter)
	if len(ids) != 1 {
		t.Fatalf("%s has %d that match %s", path, len(ids), filter)
	}
	return ids[0]
}

// packagesOverSOL005 drives vnfpkgm/v2 as an OSS.
func packagesOverSOL005(h *apiHub) {
	t, s, all := h.t, h.osMa, "/vnfpkgm/v2/vnf_packages"
	k := h.kit("north")

	// Created and not uploaded: there is nothing to read.
	in := map[string]any{"userDefinedData": map[string]any{"manoward.trustDomain": "north", "team": "blue"}}
	made := s.want(t, 201, "POST", all, in)
	one := all + "/" + made.id()
	h.refusals(t, s, "POST", all, in)
	s.want(t, 400, "POST", all, "{")
	s.want(t, 422, "POST", all, map[string]any{"userDefinedData": map[string]any{"manoward.trustDomain": "nowhere"}})
	for _, content := range []string{"/vnfd", "/manifest", "/package_content", "/artifacts", "/artifacts/Files/disk.img"} {
		s.want(t, 409, "GET", one+content, nil)
		s.want(t, 404, "GET", all+"/none"+content, nil)
	}
	s.want(t, 200, "GET", one, nil)
	s.want(t, 404, "GET", all+"/none", nil)

	// Where artifacts outside of the package are.
	s.want(t, 200, "GET", one+"/ext_artifacts_access", nil)
	s.want(t, 404, "GET", all+"/none/ext_artifacts_access", nil)
	access := map[string]any{"artifact": map[string]any{"artifactUri": "https://artifacts.example/a", "overrideUri": h.server.URL + "/a"}}
	s.want(t, 200, "PUT", one+"/ext_artifacts_access", access)
	s.want(t, 200, "GET", one+"/ext_artifacts_access", nil)
	s.want(t, 404, "PUT", all+"/none/ext_artifacts_access", access)
	s.want(t, 400, "PUT", one+"/ext_artifacts_access", "{")
	s.want(t, 422, "PUT", one+"/ext_artifacts_access", map[string]any{"artifact": map[string]any{"artifactUri": "ftp://x"}})

	// The state can be changed of what is on-boarded only.
	s.want(t, 409, "PATCH", one, map[string]any{"operationalState": "DISABLED"})
	s.want(t, 400, "PATCH", one, map[string]any{"operationalState": "BROKEN"})
	s.want(t, 400, "PATCH", one, map[string]any{})
	s.want(t, 415, "PATCH", one, "{}", "Content-Type", "application/json")
	s.want(t, 404, "PATCH", all+"/none", map[string]any{"operationalState": "DISABLED"})
	s.want(t, 200, "PATCH", one, map[string]any{"userDefinedData": map[string]any{"team": "red"}})
	s.want(t, 412, "PATCH", one, map[string]any{"userDefinedData": map[string]any{"team": "green"}}, "If-Match", `"old"`)

	// Content that is none, and content from somewhere.
	s.want(t, 404, "PUT", all+"/none/package_content", k.Web, "Content-Type", "application/zip")
	s.want(t, 415, "PUT", one+"/package_content", "text", "Content-Type", "text/csv")
	s.want(t, 202, "PUT", one+"/package_content", "no package", "Content-Type", "application/zip")
	s.until(t, one, "onboardingState", "ERROR")
	h.files.HandleFunc("/second.csar", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/zip")
		_, _ = w.Write(nskit.NewSigned(t, "second", h.ca(t, "north")).Web)
	})
	from := map[string]any{"addressInformation": h.server.URL + "/second.csar"}
	second := all + "/" + s.want(t, 201, "POST", all, in).id()
	upload := "/package_content/upload_from_uri"
	s.want(t, 400, "POST", second+upload, "{")
	s.want(t, 422, "POST", second+upload, map[string]any{"addressInformation": "http://example.com/x"})
	s.want(t, 404, "POST", all+"/none"+upload, from)
	s.want(t, 202, "POST", second+upload, from)
	s.until(t, second, "onboardingState", "ONBOARDED")
	s.want(t, 409, "POST", second+upload, from)
	s.want(t, 409, "PUT", second+"/package_content", k.Web, "Content-Type", "application/zip")
	s.want(t, 409, "PUT", second+"/ext_artifacts_access", access)

	web := all + "/" + s.find(t, all, "(eq,vnfdId,"+k.WebVNFD()+")")
	h.contents(t, s, web, "vnfd", "package_content", "Files/disk.img", len(k.Web))
	s.partial(t, web+"/artifacts", 10)
	s.want(t, 200, "GET", web+"/artifacts?exclude_all_mano_artifacts", nil)
	s.want(t, 200, "GET", web+"/artifacts?include_signatures", nil)
	s.want(t, 400, "GET", web+"/artifacts?include_external_artifacts", nil)
	h.refusals(t, s, "GET", web, nil)
	h.refusals(t, s, "GET", web+"/package_content", nil)
	h.selectors(t, s, all, "vnfdId", "softwareImages", "userDefinedData")

	// It cannot go while it is enabled.
	s.want(t, 404, "DELETE", all+"/none", nil)
	s.want(t, 409, "DELETE", second, nil)
	s.want(t, 200, "PATCH", second, map[string]any{"operationalState": "DISABLED"})
	s.want(t, 409, "PATCH", second, map[string]any{"operationalState": "DISABLED"})
	s.want(t, 200, "PATCH", second, map[string]any{"operationalState": "ENABLED"})
	s.want(t, 200, "PATCH", second, map[string]any{"operationalState": "DISABLED"})
	s.want(t, 412, "DELETE", second, nil, "If-Match", `"old"`)
	s.want(t, 204, "DELETE", second, nil)
	s.want(t, 204, "DELETE", one, nil)
	s.want(t, 404, "GET", second, nil)
	h.receivers["vnfpkgm"].await(t, "VnfPackageOnboardingNotification", "VnfPackageChangeNotification")
	h.receivers["vnfpkgm-or-vnfm"].await(t, "VnfPackageOnboardingNotification", "VnfPackageChangeNotification")
}

// contents reads the files of an on-boarded package in every way.
func (h *apiHub) contents(t testing.TB, s *site, one, descriptor, content, artifact string, size int) {
	t.Helper()
	s.want(t, 200, "GET", one, nil)
	got := s.want(t, 200, "GET", one+"/"+content, nil)
	if len(got.text) != size || got.Header.Get("ETag") == "" {
		t.Errorf("%s: %d bytes, want %d; tag %q", one, len(got.text), size, got.Header.Get("ETag"))
	}
	s.partial(t, one+"/"+content, size)
	whole := s.want(t, 200, "GET", one+"/artifacts/"+artifact, nil)
	s.partial(t, one+"/artifacts/"+artifact, len(whole.text))
	s.want(t, 404, "GET", one+"/artifacts/none", nil)
	s.want(t, 404, "GET", one+"/artifacts/..%2f..%2fetc%2fpasswd", nil)
	s.want(t, 200, "GET", one+"/artifacts/"+artifact+"?include_signatures", nil)
	for _, file := range []string{"/" + descriptor, "/manifest"} {
		for _, accept := range []string{"text/plain", "application/zip", ""} {
			a := s.want(t, 200, "GET", one+file, nil, "Accept", accept)
			if accept != "" && !strings.HasPrefix(a.Header.Get("Content-Type"), accept) {
				t.Errorf("%s as %s is %s", one+file, accept, a.Header.Get("Content-Type"))
			}
		}
		s.want(t, 200, "GET", one+file+"?include_signatures", nil)
		s.want(t, 400, "GET", one+file+"?nonsense=1", nil)
		s.want(t, 406, "GET", one+file, nil, "Accept", "image/png")
	}
}

// partial asks for ranges.
func (s *site) partial(t testing.TB, path string, size int) {
	t.Helper()
	got := s.want(t, 206, "GET", path, nil, "Range", "bytes=2-5")
	whole := s.want(t, 200, "GET", path, nil)
	if len(whole.text) < 6 || !bytes.Equal(got.text, whole.text[2:6]) {
		t.Errorf("%s: range is %q of %d bytes", path, got.text, len(whole.text))
	}
	s.want(t, 416, "GET", path, nil, "Range", "bytes=999999999-")
}

// selectors asks a list with filters and attribute selectors.
func (h *apiHub) selectors(t testing.TB, s *site, all, plain, complex1, complex2 string) {
	t.Helper()
	if !strings.HasSuffix(all, "/ns_lcm_op_occs") { // the file lacks it there
		s.want(t, 200, "GET", all+"?all_fields", nil)
	}
	for _, q := range []string{"", "?exclude_default", "?fields=" + complex1, "?exclude_fields=" + complex2, "?exclude_default&fields=" + complex1,
		"?filter=(cont," + plain + ",no)", "?filter=(neq," + plain + ",x);(neq,id,y)", "?filter=(in,id,a,b,'c')"} {
		s.want(t, 200, "GET", all+q, nil)
	}
	for _, q := range []string{"?filter=nonsense", "?filter=(eq,id)", "?filter=(like,id,x)", "?fields=", "?nextpage_opaque_marker=forged", "?all_fields&fields=id", "?nonsense=1"} {
		s.want(t, 400, "GET", all+q, nil)
	}
	h.refusals(t, s, "GET", all, nil)
}

// descriptorsOverSOL005 drives nsd/v2 as an OSS, NSDs and PNFDs.
func descriptorsOverSOL005(h *apiHub) {
	t, s := h.t, h.osMa
	k := h.kit("north")
	other := nskit.NewSigned(t, "other", h.ca(t, "north"))
	h.descriptors(t, "/nsd/v2/ns_descriptors", "nsd", "nsdOnboardingState", "nsdId", k.NSDID(), k.NSD)
	h.descriptors(t, "/nsd/v2/pnf_descriptors", "pnfd", "pnfdOnboardingState", "pnfdId", k.PNFD(), k.PNF)

	// A PNFD that comes and goes; an NSD that is disabled and goes.
	pnfs, nsds := "/nsd/v2/pnf_descriptors", "/nsd/v2/ns_descriptors"
	in := map[string]any{"userDefinedData": map[string]any{"manoward.trustDomain": "north"}}
	pnf := pnfs + "/" + s.want(t, 201, "POST", pnfs, in).id()
	s.want(t, 202, "PUT", pnf+"/pnfd_content", other.PNF, "Content-Type", "application/zip")
	s.until(t, pnf, "pnfdOnboardingState", "ONBOARDED")
	s.want(t, 200, "PATCH", pnf, map[string]any{"userDefinedData": map[string]any{"team": "blue"}})
	s.want(t, 204, "DELETE", pnf, nil)
	s.want(t, 404, "GET", pnf, nil)

	ns := nsds + "/" + s.find(t, nsds, "(eq,nsdId,"+k.NSDID()+")")
	s.want(t, 409, "DELETE", ns, nil)
	s.want(t, 200, "PATCH", ns, map[string]any{"nsdOperationalState": "DISABLED"})
	s.want(t, 409, "PATCH", ns, map[string]any{"nsdOperationalState": "DISABLED"})
	s.want(t, 412, "DELETE", ns, nil, "If-Match", `"old"`)
	s.want(t, 204, "DELETE", ns, nil)
	again := nsds + "/" + s.want(t, 201, "POST", nsds, in).id()
	s.want(t, 202, "PUT", again+"/nsd_content", k.NSD, "Content-Type", "application/zip")
	s.until(t, again, "nsdOnboardingState", "ONBOARDED")
	h.receivers["nsd"].await(t, "NsdOnBoardingNotification", "NsdOnBoardingFailureNotification", "NsdChangeNotification", "NsdDeletionNotification",
		"PnfdOnBoardingNotification", "PnfdOnBoardingFailureNotification", "PnfdDeletionNotification")
}

// descriptors drives what NSDs and PNFDs have in common.
func (h *apiHub) descriptors(t testing.TB, all, name, state, idAttribute, id string, archive []byte) {
	t.Helper()
	s, content := h.osMa, name+"_content"
	in := map[string]any{"userDefinedData": map[string]any{"manoward.trustDomain": "north"}}
	one := all + "/" + s.want(t, 201, "POST", all, in).id()
	h.refusals(t, s, "POST", all, in)
	s.want(t, 400, "POST", all, "[")
	for _, c := range []string{"/" + name, "/manifest", "/" + content, "/artifacts/x"} {
		s.want(t, 409, "GET", one+c, nil)
		s.want(t, 404, "GET", all+"/none"+c, nil)
	}
	s.want(t, 200, "GET", one, nil)
	s.want(t, 404, "GET", all+"/none", nil)
	s.want(t, 404, "DELETE", all+"/none", nil)
	s.want(t, 404, "PATCH", all+"/none", map[string]any{"userDefinedData": map[string]any{"a": "b"}})
	s.want(t, 400, "PATCH", one, map[string]any{})
	s.want(t, 415, "PATCH", one, "{}", "Content-Type", "application/json")
	s.want(t, 404, "PUT", all+"/none/"+content, archive, "Content-Type", "application/zip")
	s.want(t, 415, "PUT", one+"/"+content, "text", "Content-Type", "text/csv")
	s.want(t, 202, "PUT", one+"/"+content, "no archive", "Content-Type", "application/zip")
	s.until(t, one, state, "ERROR")
	s.want(t, 412, "DELETE", one, nil, "If-Match", `"old"`)
	s.want(t, 204, "DELETE", one, nil)

	good := all + "/" + s.find(t, all, "(eq,"+idAttribute+","+id+")")
	s.want(t, 409, "PUT", good+"/"+content, archive, "Content-Type", "application/zip")
	s.want(t, 412, "PATCH", good, map[string]any{"userDefinedData": map[string]any{"team": "green"}}, "If-Match", `"old"`)
	h.contents(t, s, good, name, content, "Definitions/sample.yaml", len(archive))
	h.selectors(t, s, all, idAttribute, "userDefinedData", "onboardingFailureDetails")
	h.refusals(t, s, "GET", good, nil)
}
