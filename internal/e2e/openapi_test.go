package e2e_test

import (
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// Every operation of the interfaces of the NFVO and the VNFM, good and bad, and
// every notification that the life of packages, network services and VNFs
// causes, is what the official OpenAPI files of SOL 003 and SOL 005 V3.7.1 say.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	h := newAPIHub(t, "north", "south")
	h.subscribeAll()
	for _, part := range []struct {
		name string
		run  func(*apiHub)
	}{
		{"vnfpkgm", packagesOverSOL005}, {"nsd", descriptorsOverSOL005}, {"nslcm", networkServices}, {"operations", operationsSteered},
		{"vnfpkgm-or-vnfm", packagesOverSOL003}, {"grant", grants}, {"vnflcm", vnfInstances}, {"vnflcm-operations", vnfOperationsSteered}, {"parties", otherParties}, {"bounds", bounds}, {"lists", longLists},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(h.with(t)) }) // each makes what it needs
	}
	h.endSubscriptions()
	for _, s := range []*site{h.osMa, h.vnfm, h.orVnfm} {
		t.Log(s.v.Report())
		s.v.RequireAll(t, exceptions[s.point]...)
	}
	for _, r := range h.receivers {
		t.Log(r.v.Report())
		r.v.RequireAll(t)
	}
}

// exceptions are operations that need not be exercised both ways, with the reason.
var exceptions = map[hub.ReferencePoint][]string{
	// The snapshots of our VNFM hold computes and storages, and no other state of a
	// VNF: there is none to be read.
	hub.VNFM: {"VnfLcm GET /vnf_snapshots/{vnfSnapshotInfoId}/vnf_state_snapshot good"},
}

// subscribeAll subscribes to all that the interfaces tell.
func (h *apiHub) subscribeAll() {
	h.subscribe(h.osMa, "nslcm", h.receivers["nslcm"], object{"notificationTypes": []string{"NsChangeNotification"}, "nsInstanceSubscriptionFilter": object{"nsdIds": []string{"some"}}, "nsComponentTypes": []string{"VNF"}}, `{"operationTypes":["DANCE"]}`)
	h.subscribe(h.osMa, "vnfpkgm", h.receivers["vnfpkgm"], object{"notificationTypes": []string{"VnfPackageOnboardingNotification"}, "vnfdId": []string{"some"}}, `"all"`)
	h.subscribe(h.osMa, "nsd", h.receivers["nsd"], object{"notificationTypes": []string{"NsdChangeNotification"}, "nsdId": []string{"some"}}, `"all"`)
	h.subscribe(h.vnfm, "vnflcm", h.receivers["vnflcm"], object{"notificationTypes": []string{"VnfLcmOperationOccurrenceNotification"}, "vnfInstanceSubscriptionFilter": object{"vnfdIds": []string{"some"}}}, `{"operationTypes":["DANCE"]}`)
	h.subscribe(h.orVnfm, "vnfpkgm", h.receivers["vnfpkgm-or-vnfm"], object{"notificationTypes": []string{"VnfPackageOnboardingNotification"}, "vnfdId": []string{"some"}}, `"all"`)
	for _, x := range []struct {
		s   *site
		api string
	}{{h.osMa, "nslcm"}, {h.osMa, "vnfpkgm"}, {h.osMa, "nsd"}, {h.vnfm, "vnflcm"}, {h.orVnfm, "vnfpkgm"}} {
		h.refusals(h.t, x.s, "POST", "/"+x.api+"/v2/subscriptions", `{"callbackUri":"`+h.server.URL+`"}`)
		h.versions(h.t, x.s, "/"+x.api+"/v2")
	}
	h.versions(h.t, h.orVnfm, "/grant/v1")
}

// endSubscriptions ends all subscriptions.
func (h *apiHub) endSubscriptions() {
	for _, x := range []struct {
		s   *site
		api string
	}{{h.osMa, "nslcm"}, {h.osMa, "vnfpkgm"}, {h.osMa, "nsd"}, {h.vnfm, "vnflcm"}, {h.orVnfm, "vnfpkgm"}} {
		_, ids := x.s.pages(h.t, "/"+x.api+"/v2/subscriptions")
		for _, id := range ids {
			x.s.want(h.t, 204, "DELETE", "/"+x.api+"/v2/subscriptions/"+id, nil)
		}
	}
}
