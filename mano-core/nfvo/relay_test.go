package nfvo_test

import (
	"testing"

	"github.com/manoward/manoward/internal/sol/sol005"
)

// TestWhatOthersAskOfTheVnfmIsRelayed: an EM and the VNFM itself.
func TestWhatOthersAskOfTheVnfmIsRelayed(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	web := vnfOf(t, n, "web").ID
	before := len(w.out.of("north", "NsChangeNotification"))
	em := w.vnfm.begin(web, "operate", false, "spiffe://north/em/manager", map[string]any{"changeStateTo": "STOPPED"})
	w.vnfm.work.Wait()
	itself := w.vnfm.begin(web, "heal", false, "spiffe://north/vnf/"+web, nil)
	w.vnfm.work.Wait()
	auto := w.vnfm.begin(web, "heal", true, "", nil)
	w.vnfm.work.Wait()
	renewal := w.vnfm.begin(web, "modify", true, "spiffe://hub/vnfm/auto-renew", nil)
	w.vnfm.work.Wait()
	other := w.vnfm.begin(web, "modify", true, "", nil)
	w.vnfm.work.Wait()
	news := w.out.of("north", "NsChangeNotification")[before:]
	if len(news) != 10 {
		t.Fatalf("%d notifications: %v", len(news), news)
	}
	kinds := map[string]string{em: "EM", itself: "VNF", auto: "AUTO_HEAL", renewal: "AUTO_RENEW", other: "VNFM"}
	for i, c := range news {
		status := []string{"START", "COMPLETED"}[i%2]
		op := c["lcmOpOccIdImpactingNsComponent"].(string)
		if c["lcmOpOccStatusImpactingNsComponent"] != status || c["manoward.sourceOfRequest"].(map[string]any)["kind"] != kinds[op] {
			t.Errorf("%d: %v", i, c)
		}
	}
	if c := news[1]["manoward.change"].(map[string]any); c["vnfState"] == nil {
		t.Errorf("what the EM changed: %v", c)
	}
	if v := vnfOf(t, w.show(n.ID), "web"); v.InstantiatedVnfInfo.VnfState != "STOPPED" {
		t.Errorf("the NFVO does not know: %+v", v.InstantiatedVnfInfo)
	}
}

func TestNotificationsThatSayNothing(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	web := vnfOf(t, n, "web").ID
	before := len(w.out.of("north", "NsChangeNotification"))
	const path = "/manoward/v1/vnfm_notifications"
	if r := w.call(vnfmCaller, "GET", path, nil); r.status != 204 {
		t.Errorf("test of the endpoint: %d", r.status)
	}
	for body, status := range map[string]int{
		`{`: 400, `{}`: 204, `{"vnfInstanceId":"none","vnfLcmOpOccId":"x"}`: 204,
		`{"vnfInstanceId":"` + web + `","vnfLcmOpOccId":"none"}`: 204, `{"vnfInstanceId":"` + web + `"}`: 204,
	} {
		if r := w.call(vnfmCaller, "POST", path, body); r.status != status {
			t.Errorf("%s: %d %s, want %d", body, r.status, r.body, status)
		}
	}
	if r := w.call("nobody", "POST", path, `{}`); r.status != 401 {
		t.Errorf("nobody: %d", r.status)
	}
	// An operation of one VNF, told as one of another.
	op := w.vnfm.begin(vnfOf(t, n, "db").ID, "operate", false, "", map[string]any{"changeStateTo": "STOPPED"})
	w.vnfm.work.Wait()
	w.call(vnfmCaller, "POST", path, `{"vnfInstanceId":"`+web+`","vnfLcmOpOccId":"`+op+`"}`)
	for _, c := range w.out.of("north", "NsChangeNotification")[before:] {
		if c["nsComponentId"] == web {
			t.Errorf("a false notification was believed: %v", c)
		}
	}
}

func TestSubscriptions(t *testing.T) {
	w := newWorld(t)
	const path = "/nslcm/v2/subscriptions"
	for body, status := range map[string]int{
		`{}`: 400, `{"callbackUri":"https://x","verbosity":"LOUD"}`: 400,
		`{"callbackUri":"https://x","filter":{"notificationTypes":["X"]}}`:                          400,
		`{"callbackUri":"https://x","filter":{"operationTypes":["X"]}}`:                             400,
		`{"callbackUri":"https://x","filter":{"operationStates":["X"]}}`:                            400,
		`{"callbackUri":"https://x","filter":{"nsComponentTypes":["X"]}}`:                           400,
		`{"callbackUri":"https://x","filter":{"lcmOpOccStatusImpactingNsComponent":["X"]}}`:         400,
		`{"callbackUri":"https://y","filter":{"notificationTypes":["NsChangeNotification"]}}`:       201,
		`{"callbackUri":"https://z","filter":{"nsInstanceSubscriptionFilter":{"vnfdIds":["db2"]}}}`: 201,
	} {
		if r := w.call(north, "POST", path, body); r.status != status {
			t.Errorf("%s: %d %s, want %d", body, r.status, r.body, status)
		}
	}
	in := sol005.LccnSubscriptionRequest{CallbackURI: "https://sub", Verbosity: "SHORT", Filter: &sol005.LifecycleChangeNotificationsFilter{
		NotificationTypes: []string{"NsLcmOperationOccurenceNotification"}, OperationTypes: []sol005.NsLcmOpType{"INSTANTIATE"}, OperationStates: []sol005.NsLcmOperationStateType{"COMPLETED"},
		NsInstanceSubscriptionFilter: &sol005.NsInstanceSubscriptionFilter{NsdIDs: []string{"shop"}},
	}}
	r := w.call(north, "POST", path, in)
	if s := decode[sol005.LccnSubscription](t, r); r.status != 201 || s.Verbosity != "SHORT" || s.Filter.OperationTypes[0] != "INSTANTIATE" || s.Links.Self.Href != r.location {
		t.Errorf("subscription: %d %s", r.status, r.body)
	}
	if again := w.call(north, "POST", path, in); again.status != 303 || again.location != r.location {
		t.Errorf("again: %d %s", again.status, again.location)
	}
	w.instantiated(north, "shop")
	w.out.mu.Lock()
	told := w.out.told[r.id()]
	w.out.mu.Unlock()
	if len(told) != 1 || told[0]["operationState"] != "COMPLETED" || told[0]["notificationType"] != "NsLcmOperationOccurrenceNotification" {
		t.Errorf("told: %v", told)
	}
	if theirs := w.call(south, "GET", path+"/"+r.id(), nil); theirs.status != 404 {
		t.Errorf("another's: %d", theirs.status)
	}
	if list := decode[[]map[string]any](t, w.call(north, "GET", path, nil)); len(list) != 3 {
		t.Errorf("list: %v", list)
	}
	if r := w.call(north, "GET", path+"/"+r.id(), nil); r.status != 200 {
		t.Errorf("show: %d", r.status)
	}
	if end := w.call(south, "DELETE", path+"/"+r.id(), nil); end.status != 404 {
		t.Errorf("end by another: %d", end.status)
	}
	if end := w.call(north, "DELETE", path+"/"+r.id(), nil); end.status != 204 {
		t.Errorf("end: %d", end.status)
	}
	if end := w.call(north, "DELETE", path+"/"+r.id(), nil); end.status != 404 {
		t.Errorf("end again: %d", end.status)
	}
}
