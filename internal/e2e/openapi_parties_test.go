package e2e_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// as is a site for a client with a token.
func (h *apiHub) as(s *site, name string, flags ...string) *site {
	c := *s
	c.http = s.nobody
	c.bearer = h.token(h.points()[s.point], h.createClient(append([]string{name}, flags...)...))
	return &c
}

// detail is what an error says, without what differs from call to call.
func detail(t testing.TB, a reply) string {
	t.Helper()
	var p struct{ Title, Detail, Code string }
	if err := json.Unmarshal(a.text, &p); err != nil {
		t.Fatalf("%v: %s", err, a.text)
	}
	return strings.Join([]string{p.Title, p.Detail, p.Code}, ": ")
}

// unseen wants a resource to be as if there were none, whatever is asked of it.
func (s *site) unseen(t testing.TB, collection, id string, rest ...string) {
	t.Helper()
	for _, r := range append([]string{"GET "}, rest...) {
		method, path, _ := strings.Cut(r, " ")
		var body any
		if method == "POST" || method == "PATCH" {
			body = object{}
		}
		there := s.want(t, 404, method, collection+"/"+id+path, body)
		none := s.want(t, 404, method, collection+"/none"+path, body)
		if detail(t, there) != detail(t, none) {
			t.Errorf("%s %s/%s%s: %q, and of what there is not %q", method, collection, id, path, detail(t, there), detail(t, none))
		}
	}
	if _, ids := s.pages(t, collection); slices.Contains(ids, id) {
		t.Errorf("%s shows %s", collection, id)
	}
}

// otherParties are an OSS, a VNFM and an EM of one trust domain: what is of
// another is not there for them, and what is not theirs to do is refused.
func otherParties(h *apiHub) {
	t, k := h.t, h.kit("north")
	h.kit("south")
	ns, id := h.newNs("north", "hidden")
	op := h.run("COMPLETED", ns, "instantiate", object{"nsFlavourId": "simple"})
	vnf := h.of(ns, k.WebVNFD())
	last := func(path string) string { return path[strings.LastIndex(path, "/")+1:] }

	oss := h.as(h.osMa, "south-oss", "--party", "oss", "--trust-domain", "south")
	oss.unseen(t, nss, id, "POST /instantiate", "POST /scale", "POST /update", "POST /heal", "POST /terminate", "DELETE ")
	oss.unseen(t, "/nslcm/v2/ns_lcm_op_occs", last(op), "POST /retry", "POST /rollback", "POST /continue", "POST /fail")
	pkg := h.osMa.find(t, "/vnfpkgm/v2/vnf_packages", "(eq,vnfdId,"+k.WebVNFD()+")")
	oss.unseen(t, "/vnfpkgm/v2/vnf_packages", pkg, "GET /vnfd", "GET /manifest", "GET /package_content", "GET /artifacts", "GET /ext_artifacts_access", "PATCH ", "DELETE ")
	oss.unseen(t, "/nsd/v2/ns_descriptors", h.osMa.find(t, "/nsd/v2/ns_descriptors", "(eq,nsdId,"+k.NSDID()+")"), "GET /nsd", "GET /nsd_content", "PATCH ", "DELETE ")
	oss.unseen(t, "/nsd/v2/pnf_descriptors", h.osMa.find(t, "/nsd/v2/pnf_descriptors", "(eq,pnfdId,"+k.PNFD()+")"), "GET /pnfd", "GET /pnfd_content", "PATCH ", "DELETE ")
	for _, api := range []string{"nslcm", "vnfpkgm", "nsd"} {
		_, ids := h.osMa.pages(t, "/"+api+"/v2/subscriptions")
		oss.unseen(t, "/"+api+"/v2/subscriptions", ids[0], "DELETE ")
	}
	none := oss.want(t, 404, "POST", nss, object{"nsdId": "none", "nsName": "a", "nsDescription": "b"})
	if there := oss.want(t, 404, "POST", nss, object{"nsdId": k.NSDID(), "nsName": "a", "nsDescription": "b"}); strings.ReplaceAll(detail(t, there), k.NSDID(), "none") != detail(t, none) {
		t.Errorf("an NSD of another domain: %s; none: %s", there.text, none.text)
	}
	made := oss.want(t, 201, "POST", nss, object{"nsdId": h.kit("south").NSDID(), "nsName": "own", "nsDescription": "of the OSS"}).id()
	oss.want(t, 200, "GET", nss+"/"+made, nil)
	oss.want(t, 204, "DELETE", nss+"/"+made, nil)

	vnfm := h.as(h.orVnfm, "south-vnfm", "--party", "vnfm", "--trust-domain", "south")
	vnfm.unseen(t, "/vnfpkgm/v2/vnf_packages", pkg, "GET /vnfd", "GET /package_content")
	vnfm.unseen(t, "/vnfpkgm/v2/onboarded_vnf_packages", k.WebVNFD(), "GET /vnfd", "GET /package_content")
	vnfm.want(t, 404, "POST", "/grant/v1/grants", object{"vnfInstanceId": vnf, "vnfLcmOpOccId": "x", "operation": "HEAL", "vnfdId": k.WebVNFD()})

	em := h.as(h.vnfm, "south-em", "--party", "em", "--trust-domain", "south")
	em.unseen(t, vnfs, vnf, "POST /heal", "POST /operate")
	for _, any := range []string{vnf, "none"} { // what it may not do is told alike of what is there and what is not
		em.want(t, 403, "POST", vnfs+"/"+any+"/terminate", object{"terminationType": "FORCEFUL"})
	}
	own := h.as(h.vnfm, "north-em", "--party", "em", "--trust-domain", "north")
	own.want(t, 200, "GET", vnfs+"/"+vnf, nil)
	own.want(t, 403, "DELETE", vnfs+"/"+vnf, nil)
	h.vnfEnded(own.want(t, 202, "POST", vnfs+"/"+vnf+"/heal", object{"cause": "seen by the EM"}).id(), "COMPLETED")

	// A client of an OSS has no place at the VNFMs' entrance, nor a VNFM here.
	for _, x := range []struct {
		s     *site
		party string
		point hub.ReferencePoint
		path  string
	}{{h.orVnfm, "oss", hub.OrVnfm, "/vnfpkgm/v2/vnf_packages"}, {h.osMa, "vnfm", hub.OsMa, nss}, {h.osMa, "em", hub.OsMa, "/nsd/v2/ns_descriptors"}} {
		h.as(x.s, "stray-"+x.party, "--party", x.party, "--trust-domain", "north").want(t, 403, "GET", x.path, nil)
	}
	h.run("COMPLETED", ns, "terminate", object{})
}

// bounds are requests that are too long.
func bounds(h *apiHub) {
	t, s := h.t, h.osMa
	s.want(t, 414, "GET", nss+"?filter=(eq,id,"+strings.Repeat("a", 9000)+")", nil)
	s.want(t, 413, "POST", nss, `{"nsdId":"`+strings.Repeat("a", 2<<20)+`"}`)
	s.want(t, 400, "POST", nss, strings.Repeat(`{"a":`, 100)+"1"+strings.Repeat("}", 100))
	s.want(t, 400, "POST", nss, object{"nsdId": 7})
	s.want(t, 400, "POST", nss, `{"nsdId":"a","nsdId":"b","nsName":"c","nsDescription":"d"}`)
	s.want(t, 404, "GET", nss+"/none/dance", nil)
	s.want(t, 405, "PUT", nss, object{})
	s.want(t, 405, "DELETE", nss, nil)

	// The same key is the same order.
	in := object{"nsdId": h.kit("north").NSDID(), "nsName": "once", "nsDescription": "d"}
	first := s.want(t, 201, "POST", nss, in, "Idempotency-Key", "once")
	if again := s.want(t, 201, "POST", nss, in, "Idempotency-Key", "once"); again.id() != first.id() {
		t.Error("the same key made two network services")
	}
	in["nsName"] = "twice"
	s.want(t, 422, "POST", nss, in, "Idempotency-Key", "once")
	s.want(t, 204, "DELETE", nss+"/"+first.id(), nil)
}
