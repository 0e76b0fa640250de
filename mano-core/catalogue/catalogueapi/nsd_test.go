package catalogueapi_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/mano-core/catalogue"
)

const (
	nsDescriptors  = "/nsd/v2/ns_descriptors"
	pnfDescriptors = "/nsd/v2/pnf_descriptors"
)

func TestNsd_Life(t *testing.T) {
	r := newRig(t)
	ca, s := signer(t)
	r.trust("north", ca)
	r.want(201, alice, "POST", "/nsd/v2/subscriptions", map[string]any{"callbackUri": "https://oss.example/n"})
	ns := descriptorPackage(t, s, nsMetadata, nsd)

	id := r.create(alice, nsDescriptors, nil)
	if info := r.want(200, alice, "GET", nsDescriptors+"/"+id, nil).json(t); info["vnfPkgIds"] == nil || info["nsdOnboardingState"] != "CREATED" {
		t.Errorf("a new NSD is %v", info) // vnfPkgIds is required, also when it is empty
	}
	r.want(202, alice, "PUT", nsDescriptors+"/"+id+"/nsd_content", ns)
	p := r.waitState(catalogue.NSD, id, catalogue.Failed)
	if !strings.Contains(p.Failure.Detail, "VNFD d1") || !strings.Contains(p.Failure.Detail, "PNFD p1") {
		t.Errorf("failure is %q", p.Failure.Detail)
	}

	pkg := r.onboard(alice, catalogue.VNF, vnfPackage(t, "d1", s, nil))
	box := r.onboard(alice, catalogue.PNF, descriptorPackage(t, s, pnfMetadata, pnfd))
	r.want(202, alice, "PUT", nsDescriptors+"/"+id+"/nsd_content", ns)
	r.waitState(catalogue.NSD, id, catalogue.Onboarded)
	info := r.want(200, alice, "GET", nsDescriptors+"/"+id, nil).json(t)
	for attribute, want := range map[string]string{
		"nsdOnboardingState": "ONBOARDED", "nsdOperationalState": "ENABLED", "nsdUsageState": "NOT_IN_USE",
		"nsdId": "ns1", "nsdName": "Edge", "nsdVersion": "1", "nsdDesigner": "Acme", "nsdInvariantId": "i1", "archiveSecurityOption": "OPTION_1",
	} {
		if info[attribute] != want {
			t.Errorf("%s is %v, want %s", attribute, info[attribute], want)
		}
	}
	if info["vnfPkgIds"].([]any)[0] != pkg || info["pnfdInfoIds"].([]any)[0] != box {
		t.Errorf("NSD needs %v and %v", info["vnfPkgIds"], info["pnfdInfoIds"])
	}

	if a := r.want(200, alice, "GET", nsDescriptors+"/"+id+"/nsd_content", nil); !bytes.Equal(a.body, ns) {
		t.Error("nsd_content is not what was uploaded")
	}
	r.want(206, alice, "GET", nsDescriptors+"/"+id+"/nsd_content", nil, "Range", "bytes=0-3")
	if a := r.want(200, alice, "GET", nsDescriptors+"/"+id+"/nsd", nil, "Accept", "text/plain"); string(a.body) != nsd {
		t.Errorf("nsd is %s", a.body)
	}
	r.want(200, alice, "GET", nsDescriptors+"/"+id+"/manifest", nil)
	r.want(200, alice, "GET", nsDescriptors+"/"+id+"/artifacts/ChangeLog.txt", nil)

	r.want(409, alice, "DELETE", nsDescriptors+"/"+id, nil)
	m := r.want(200, alice, "PATCH", nsDescriptors+"/"+id, map[string]any{"nsdOperationalState": "DISABLED", "userDefinedData": []any{map[string]any{"a": 1}, map[string]any{"b": 2}}}).json(t)
	data := m["userDefinedData"].([]any)[0].(map[string]any)
	if m["nsdOperationalState"] != "DISABLED" || data["a"] != 1.0 || data["b"] != 2.0 {
		t.Errorf("modifications are %v", m)
	}
	r.want(400, alice, "PATCH", nsDescriptors+"/"+id, map[string]any{"operationalState": "ENABLED"})
	r.want(204, alice, "DELETE", nsDescriptors+"/"+id, nil)
	r.want(204, alice, "DELETE", pnfDescriptors+"/"+box, nil)
	r.restart()
	r.eventually("all was told", func() bool { return len(r.toldTypes()) >= 6 })
	got := r.toldTypes()
	for _, want := range []string{
		"NsdOnBoardingFailureNotification", "NsdOnBoardingNotification", "NsdChangeNotification", "NsdDeletionNotification",
		"PnfdOnBoardingNotification", "PnfdDeletionNotification",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%s was not told; told: %v", want, got)
		}
	}
}

func TestPnfd_Life(t *testing.T) {
	r := newRig(t)
	ca, s := signer(t)
	r.want(201, alice, "POST", "/nsd/v2/subscriptions", map[string]any{"callbackUri": "https://oss.example/n", "filter": map[string]any{"notificationTypes": []string{"PnfdOnBoardingFailureNotification"}}})
	id := r.create(alice, pnfDescriptors, nil)
	r.want(202, alice, "PUT", pnfDescriptors+"/"+id+"/pnfd_content", descriptorPackage(t, s, pnfMetadata, pnfd))
	r.waitState(catalogue.PNF, id, catalogue.Failed)
	if got := r.toldTypes(); !slices.Equal(got, []string{"PnfdOnBoardingFailureNotification"}) {
		t.Errorf("told %v", got)
	}
	r.trust("north", ca)
	r.want(202, alice, "PUT", pnfDescriptors+"/"+id+"/pnfd_content", descriptorPackage(t, s, pnfMetadata, pnfd))
	r.waitState(catalogue.PNF, id, catalogue.Onboarded)
	info := r.want(200, alice, "GET", pnfDescriptors+"/"+id, nil).json(t)
	if info["pnfdId"] != "p1" || info["pnfdName"] != "Box" || info["pnfdersion"] != "1" || info["pnfdProvider"] != "Acme" || info["pnfdInvariantId"] != "pi" {
		t.Errorf("PNFD is %v", info)
	}
	if a := r.want(200, alice, "GET", pnfDescriptors+"/"+id+"/pnfd", nil); string(a.body) != pnfd {
		t.Errorf("pnfd is %s", a.body)
	}
	r.want(200, alice, "GET", pnfDescriptors, nil)
	r.want(400, alice, "PATCH", pnfDescriptors+"/"+id, map[string]any{"operationalState": "ENABLED"})
	r.want(200, alice, "PATCH", pnfDescriptors+"/"+id, map[string]any{"userDefinedData": map[string]any{"x": "y"}})
	r.want(204, alice, "DELETE", pnfDescriptors+"/"+id, nil)
	r.want(404, alice, "GET", pnfDescriptors+"/"+id, nil)
}

// An NSD of one trust domain is not made of another's packages.
func TestNsd_NeedsItsOwnDomain(t *testing.T) {
	r := newRig(t)
	ca, s := signer(t)
	r.trust("north", ca)
	r.trust("south", ca)
	r.onboard(bob, catalogue.VNF, vnfPackage(t, "d1", s, nil))
	r.onboard(bob, catalogue.PNF, descriptorPackage(t, s, pnfMetadata, pnfd))
	id := r.create(alice, nsDescriptors, nil)
	r.want(202, alice, "PUT", nsDescriptors+"/"+id+"/nsd_content", descriptorPackage(t, s, nsMetadata, nsd))
	r.waitState(catalogue.NSD, id, catalogue.Failed)
	r.onboard(bob, catalogue.NSD, descriptorPackage(t, s, nsMetadata, nsd))
}
