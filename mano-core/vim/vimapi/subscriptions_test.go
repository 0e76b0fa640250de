package vimapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/httpapi"
)

// TestSubscriptions holds which subscriptions the VIM takes, and that those of
// others answer as what is not there.
func TestSubscriptions(t *testing.T) {
	w := start(t)
	const callback = `{"callbackUri":"https://vnfm.example/n"`
	w.want(t, 422, "alpha", "POST", "/subscriptions", callback+`,"filter":{"resourceTypes":["PLANET"]}}`)
	w.want(t, 422, "alpha", "POST", "/subscriptions", callback+`,"filter":{"changeTypes":["ENCHANTED"]}}`)
	w.want(t, 422, "alpha", "POST", "/subscriptions", callback+`,"filter":{"notificationTypes":["PacketHeaderNotification"]}}`) // telemetry is for Security Managers
	w.want(t, 400, "alpha", "POST", "/subscriptions", callback+`,"filter":{"resourceTypes":"PORT"}}`)
	answer := w.want(t, 201, "alpha", "POST", "/subscriptions", callback+`,"filter":{"resourceTypes":["PORT"]}}`)
	w.want(t, 200, "alpha", "POST", "/subscriptions", callback+`,"filter":{"resourceTypes":["PORT"]}}`) // 303, which is followed
	var made struct {
		ID   string `json:"id"`
		Self string `json:"self"`
	}
	if err := json.Unmarshal([]byte(answer), &made); err != nil || made.Self != w.URL+"/vim/v1/subscriptions/"+made.ID {
		t.Fatalf("%s: %v", answer, err)
	}
	if shown := w.want(t, 200, "alpha", "GET", "/subscriptions/"+made.ID, ""); !strings.Contains(shown, `"resourceTypes":["PORT"]`) {
		t.Errorf("shown as %s", shown)
	}
	for domain, n := range map[string]int{"alpha": 1, "beta": 0, "hub": 1} {
		if list := w.want(t, 200, domain, "GET", "/subscriptions", ""); strings.Count(list, made.ID+`","callbackUri"`) != n {
			t.Errorf("%s sees %s", domain, list)
		}
	}
	for _, method := range []string{"GET", "DELETE"} {
		var theirs, none httpapi.ProblemDetails
		for id, p := range map[string]*httpapi.ProblemDetails{made.ID: &theirs, "none": &none} {
			if err := json.Unmarshal([]byte(w.want(t, 404, "beta", method, "/subscriptions/"+id, "")), p); err != nil {
				t.Fatal(err)
			}
		}
		if theirs.Detail != none.Detail {
			t.Errorf("%s of another domain's: %q; of what is not there: %q", method, theirs.Detail, none.Detail)
		}
	}
	w.want(t, 204, "hub", "DELETE", "/subscriptions/"+made.ID, "")
}

// TestResources_Separation holds that what is another domain's answers exactly
// as what is not there, whatever is asked of it.
func TestResources_Separation(t *testing.T) {
	w := start(t)
	w.want(t, 201, "alpha", "POST", "/networks", `{"id":"net-a","name":"a"}`)
	for _, method := range []string{"GET", "DELETE"} {
		for _, collection := range []string{"networks", "computes", "storages", "ports", "snapshots", "images"} {
			theirs := w.want(t, 404, "beta", method, "/"+collection+"/net-a", "")
			none := w.want(t, 404, "beta", method, "/"+collection+"/none", "")
			if a, b := detail(t, theirs), detail(t, none); a != b {
				t.Errorf("%s %s: another domain's %q, absent %q", method, collection, a, b)
			}
		}
	}
	w.want(t, 200, "alpha", "GET", "/networks/net-a", "")
}

// detail is what a problem says.
func detail(t *testing.T, body string) string {
	t.Helper()
	var p httpapi.ProblemDetails
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return p.Detail
}
