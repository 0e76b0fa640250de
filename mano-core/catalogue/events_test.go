package catalogue

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol001"
)

func exampleOf(kind Kind) *Package {
	p := &Package{ID: "id1", Kind: kind, Domain: "north", State: Onboarded, Enabled: true}
	switch kind {
	case VNF:
		p.VNFD = &sol001.VNFD{ID: "d1", Provider: "Acme", ProductName: "Web", SoftwareVersion: "2", Version: "1", VnfmInfo: []string{"m1"}}
	case NSD:
		p.NSD = &sol001.NSD{ID: "n1", Name: "Edge", Version: "1", Designer: "Acme", InvariantID: "i1"}
		p.VnfPkgIDs = []string{"v1"}
	case PNF:
		p.PNFD = &sol001.PNFD{ID: "p1", Name: "Box", Version: "1", Provider: "Acme", InvariantID: "pi"}
	}
	return p
}

// matches says whether a subscription with this filter is told of an on-boarding.
func matches(t *testing.T, p *Package, api, filter string) bool {
	t.Helper()
	s := &notify.Subscription{ID: "s1", Self: "https://nfvo/x/v2/subscriptions/s1", Filter: json.RawMessage(filter)}
	for _, n := range notifications(p, Event{ID: "e1", Type: EventOnboarded, Time: time.Unix(0, 0)}) {
		if n.API == api {
			_, ok := n.Render(s, "n1")
			return ok
		}
	}
	t.Fatalf("no notification for %s", api)
	return false
}

func TestFilters(t *testing.T) {
	for _, c := range []struct {
		kind        Kind
		api, filter string
		want        bool
	}{
		{VNF, APIPackages, ``, true},
		{VNF, APIPackages, `null`, true},
		{VNF, APIPackages, `{"notificationTypes": ["VnfPackageOnboardingNotification"]}`, true},
		{VNF, APIPackages, `{"notificationTypes": ["VnfPackageChangeNotification"]}`, false},
		{VNF, APIPackages, `{"vnfdId": ["d0", "d1"], "vnfPkgId": ["id1"], "operationalState": ["ENABLED"], "usageState": ["NOT_IN_USE"], "vnfmInfo": ["m1"]}`, true},
		{VNF, APIPackages, `{"vnfdId": ["d2"]}`, false},
		{VNF, APIPackages, `{"vnfPkgId": ["id2"]}`, false},
		{VNF, APIPackages, `{"operationalState": ["DISABLED"]}`, false},
		{VNF, APIPackages, `{"usageState": ["IN_USE"]}`, false},
		{VNF, APIPackages, `{"vnfmInfo": ["m2"]}`, false},
		{VNF, APIPackages, `{"vnfProductsFromProviders": [{"vnfProvider": "Acme"}]}`, true},
		{VNF, APIPackages, `{"vnfProductsFromProviders": [{"vnfProvider": "Other"}]}`, false},
		{VNF, APIPackages, `{"vnfProductsFromProviders": [{"vnfProvider": "Acme", "vnfProductsFromProviders": [{"vnfProductName": "Web", "versions": [{"vnfSoftwareVersion": "2", "vnfdVersions": ["1"]}]}]}]}`, true},
		{VNF, APIPackages, `{"vnfProductsFromProviders": [{"vnfProvider": "Acme", "vnfProductsFromProviders": [{"vnfProductName": "Web", "versions": [{"vnfSoftwareVersion": "2", "vnfdVersions": ["9"]}]}]}]}`, false},
		{VNF, APIPackages, `{"vnfProductsFromProviders": [{"vnfProvider": "Acme", "vnfProductsFromProviders": [{"vnfProductName": "Db"}]}]}`, false},
		{VNF, APIPackages, `broken`, false},
		{VNF, APIOrVnfm, `{"notificationTypes": ["VnfPackageOnboardingNotification"], "usageState": "NOT_IN_USE"}`, true},
		{VNF, APIOrVnfm, `{"notificationTypes": ["VnfPackageChangeNotification"]}`, false},
		{VNF, APIOrVnfm, `{"operationalState": "DISABLED"}`, false},
		{VNF, APIOrVnfm, `{"vnfProductsFromProviders": [{"vnfProvider": "Acme", "vnfProducts": [{"vnfProductName": "Web", "versions": [{"vnfSoftwareVersion": "3"}]}]}]}`, false},
		{VNF, APIOrVnfm, `broken`, false},
		{NSD, APINSD, `{"nsdId": ["n1"], "nsdName": ["Edge"], "vnfPkgIds": ["v1"], "nsdOperationalState": ["ENABLED"]}`, true},
		{NSD, APINSD, `{"nsdUsageState": ["IN_USE"]}`, false},
		{NSD, APINSD, `{"nsdId": ["n2"]}`, false},
		{NSD, APINSD, `{"vnfPkgIds": ["v2"]}`, false},
		{NSD, APINSD, `{"notificationTypes": ["PnfdOnBoardingNotification"]}`, false},
		{NSD, APINSD, `broken`, false},
		{PNF, APINSD, `{"pnfdId": ["p1"], "pnfdVersion": ["1"], "pnfdOnboardingState": ["ONBOARDED"]}`, true},
		{PNF, APINSD, `{"pnfdProvider": ["Other"]}`, false},
		{PNF, APINSD, `{"pnfdUsageState": ["IN_USE"]}`, false},
		{PNF, APINSD, `broken`, false},
	} {
		if got := matches(t, exampleOf(c.kind), c.api, c.filter); got != c.want {
			t.Errorf("%s %s %s: %v, want %v", c.kind, c.api, c.filter, got, c.want)
		}
	}
}

func TestFilters_InUse(t *testing.T) {
	for kind, c := range map[Kind]struct{ api, filter string }{
		VNF: {APIPackages, `{"usageState": ["IN_USE"]}`}, NSD: {APINSD, `{"nsdUsageState": ["IN_USE"]}`}, PNF: {APINSD, `{"pnfdUsageState": ["IN_USE"]}`},
	} {
		p := exampleOf(kind)
		p.used = true
		if !matches(t, p, c.api, c.filter) {
			t.Errorf("%s in use is not told to %s", kind, c.filter)
		}
	}
}

// What failed before it was read has no attributes that a filter could ask for.
func TestFilters_Failed(t *testing.T) {
	for _, kind := range []Kind{NSD, PNF} {
		p := exampleOf(kind)
		p.NSD, p.PNFD, p.State, p.Failure = nil, nil, Failed, &Failure{Status: 422, Detail: "why"}
		for filter, want := range map[string]bool{``: true, `{"nsdId": ["n1"], "pnfdId": ["p1"]}`: false} {
			s := &notify.Subscription{ID: "s1", Self: "odd", Filter: json.RawMessage(filter)}
			n := notifications(p, Event{ID: "e", Type: EventFailed, Detail: p.Failure})
			if _, ok := n[0].Render(s, "n1"); len(n) != 1 || ok != want {
				t.Errorf("%s with filter %s: %v", kind, filter, ok)
			}
		}
	}
	if n := notifications(exampleOf(VNF), Event{Type: EventFailed}); len(n) != 0 {
		t.Error("SOL 005 has no notification of a VNF package that failed")
	}
}

func FuzzFilters(f *testing.F) {
	f.Add([]byte(`{"vnfProductsFromProviders": [{"vnfProvider": "Acme", "vnfProductsFromProviders": [{}]}]}`))
	f.Add([]byte(`{"nsdId": ["n1"]}`))
	f.Fuzz(func(t *testing.T, filter []byte) {
		for _, kind := range Kinds() {
			for _, n := range notifications(exampleOf(kind), Event{ID: "e1", Type: EventDeleted}) {
				body, ok := n.Render(&notify.Subscription{ID: "s1", Filter: filter}, "n1")
				if ok == (body == nil) {
					t.Fatalf("%s: body %v, matches %v", kind, body, ok)
				}
			}
		}
	})
}

func FuzzPolicy(f *testing.F) {
	f.Add("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, anchor string) {
		certs, err := Policy{Anchors: []string{anchor}}.anchors()
		if err == nil && len(certs) != 1 || err != nil && hub.CodeOf(err) != hub.Unprocessable {
			t.Fatalf("%d certificates, %v", len(certs), err)
		}
	})
}
