package smgrapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/notify"
)

// notifications returns what a subscription with this filter is told.
func (w *world) notifications(filter string) []changeNotification {
	w.Helper()
	s := &notify.Subscription{ID: "s1", Self: "https://x.example/s1", Filter: json.RawMessage(filter)}
	var list []changeNotification
	for _, e := range w.told {
		if e.API != PolicyAPI || e.TrustDomain != "red" {
			w.Errorf("published for %s %s", e.API, e.TrustDomain)
		}
		if body, ok := e.Render(s, "n-"+e.ID); ok {
			list = append(list, body.(changeNotification))
		}
	}
	return list
}

func kinds(list []changeNotification) (all []string) {
	for _, n := range list {
		all = append(all, n.ChangeType)
	}
	return all
}

func TestSOL012_Told(t *testing.T) {
	w := newWorld(t)
	p := w.create("base")
	path := "/policies/" + p.ID
	one, first := w.bundle("evil-provider", "One", w.key)
	two, second := w.bundle("evil-provider", "Two", w.key)
	w.put(ann, path+"/versions/"+one, first).is(http.StatusCreated)
	w.put(ann, path+"/versions/"+two, second).is(http.StatusCreated)
	w.ask("PATCH", path, `{"selectedVersion":"`+two+`"}`).is(http.StatusOK)
	w.ask("DELETE", path+"/versions/"+one, "").is(http.StatusNoContent)
	w.ask("DELETE", path, "").is(http.StatusNoContent)
	all := w.notifications("null")
	if got := kinds(all); !slices.Equal(got, []string{changeCreate, changeTransfer, changeTransfer, changeModify, changeDelete, changeDelete}) {
		t.Fatalf("told: %v", got)
	}
	if n := all[3]; n.Previous != one || n.AffectedVersion != two || n.Modifications == nil || n.Modifications.SelectedVersion != two ||
		n.PolicyID != p.ID || n.Links.ObjectInstance != p.Links.Self || n.SubscriptionID != "s1" || n.TimeStamp != "2026-11-22T12:00:00Z" {
		t.Errorf("told: %+v", n)
	}
	for filter, want := range map[string]int{
		`{"changeTypes":["DELETE_POLICY"]}`: 2, `{"policyIds":["` + p.ID + `"]}`: 6, `{"policyIds":["other"]}`: 0, `{"notificationTypes":["PolicyChangeNotification"]}`: 6,
	} {
		if got := w.notifications(filter); len(got) != want {
			t.Errorf("%s: %d notifications, want %d", filter, len(got), want)
		}
	}
}

// What the outbox does not take is told later, and a policy that was deleted is
// gone in the meantime.
func TestSOL012_ToldLater(t *testing.T) {
	w := newWorld(t)
	p := w.create("base")
	w.deaf = true
	w.ask("DELETE", "/policies/"+p.ID, "").is(http.StatusServiceUnavailable)
	w.ask("GET", "/policies/"+p.ID, "").is(http.StatusNotFound)
	w.ask("DELETE", "/policies/"+p.ID, "").is(http.StatusNotFound)
	if list := as[[]shownPolicy](w.ask("GET", "/policies", "").is(http.StatusOK)); len(list) != 0 {
		t.Errorf("listed: %+v", list)
	}
	if err := w.m.Tell(t.Context()); err == nil {
		t.Error("nobody was told, and Tell is content")
	}
	w.deaf = false
	for range 2 {
		check(t, w.m.Tell(t.Context()))
	}
	if got := kinds(w.notifications("null")); !slices.Equal(got, []string{changeCreate, changeDelete}) {
		t.Errorf("told: %v", got)
	}
	if n := w.m.resources.Len(); n != 0 {
		t.Errorf("%d policies are kept", n)
	}
}

// subscriptions asks for each of their operations, rightly and wrongly.
func (w *world) subscriptions() {
	w.Helper()
	const callback = `"callbackUri":"https://oss.example/policies"`
	a := w.ask("POST", "/subscriptions", `{`+callback+`,"filter":{"changeTypes":["MODIFY_POLICY"]}}`).is(http.StatusCreated)
	at := strings.TrimPrefix(a.header.Get("Location"), w.url+root)
	w.ask("GET", at, "").is(http.StatusOK, "MODIFY_POLICY")
	w.ask("GET", "/subscriptions", "").is(http.StatusOK, "oss.example")
	w.refuse(http.StatusUnprocessableEntity, "POST", "/subscriptions", `{`+callback+`,"filter":{"notificationTypes":["PolicyConflictNotification"]}}`, "conflict=true")
	w.refuse(http.StatusBadRequest, "POST", "/subscriptions", `{`+callback+`,"filter":{"notificationTypes":["Other"]}}`)
	w.refuse(http.StatusBadRequest, "POST", "/subscriptions", `{`+callback+`,"filter":{"changeTypes":["BURN"]}}`)
	w.refuse(http.StatusBadRequest, "POST", "/subscriptions", `{"callbackUri":1}`)
	w.refuse(http.StatusBadRequest, "GET", "/subscriptions?filter=(eq", "")
	w.ask("DELETE", at, "").is(http.StatusNoContent)
	w.refuse(http.StatusNotFound, "GET", at, "")
	w.refuse(http.StatusNotFound, "DELETE", at, "")
}
