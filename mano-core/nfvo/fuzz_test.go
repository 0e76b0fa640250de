package nfvo_test

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzRequests sends bodies to each resource that takes one: never a 5xx, never a
// change for what is refused, never a hang.
func FuzzRequests(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"nsdId":"shop","nsName":"x"}`, `{"nsFlavourId":"df"}`, `{"updateType":"REMOVE_VNF","removeVnfInstanceId":[""]}`, `[]`, `null`, `{"a":`, `"x"`,
		`{"updateType":"ADD_PNF","addPnfData":[{"pnfId":"\u0000","pnfdId":"gateway","pnfProfileId":"gw","cpData":[{"cpProtocolData":null}]}]}`,
		`{"scaleType":"SCALE_NS","scaleNsData":{"scaleNsByStepsData":{"scalingDirection":"SCALE_IN","aspectId":"webs","numberOfSteps":-9223372036854775808}}}`,
		`{"healVnfData":[{"vnfInstanceId":"../x"}]}`, `{"vnfInstanceId":"a","vnfLcmOpOccId":"/../..","operation":"HEAL"}`, `{"cancelMode":"GRACEFUL"}`,
		`{"vnfs":"TERMINATE","quarantine":true}`, `{"callbackUri":"https://x","filter":{"nsInstanceSubscriptionFilter":null}}`,
		`{"notificationType":"AlarmNotification","alarm":{"id":"../x"}}`, `{"alarmId":"\u0000"}`, `{"callbackUri":"https://x","filter":{"perceivedSeverities":[3]}}`,
	} {
		f.Add(seed)
	}
	w := newWorld(f)
	id := w.create(north, "shop")
	paths := []string{
		nsInstances, nsInstances + "/" + id + "/update", nsInstances + "/" + id + "/scale", nsInstances + "/" + id + "/heal", nsInstances + "/" + id + "/terminate",
		opOccs + "x/cancel", "/nslcm/v2/subscriptions", "/nsfm/v1/subscriptions", "/grant/v1/grants", "/manoward/v1/vnfm_notifications", "/manoward/v1/hosts/none/stop_use",
	}
	f.Fuzz(func(t *testing.T, body string) {
		w.t = t
		for _, path := range paths {
			if r := w.call(north, "POST", path, body); r.status >= http.StatusInternalServerError {
				t.Errorf("%s: %d %s", path, r.status, r.body)
			}
		}
		if n := w.show(id); n.NsState != "NOT_INSTANTIATED" || strings.TrimSpace(n.Running) != "" {
			t.Errorf("the NS changed: %+v", n)
		}
	})
}
