package nfvo_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/sol/sol005"
)

// A list reads the VNFs of its NSs when its answer or its filter needs them, and
// only then.
func TestListsReadWhatTheyShow(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	web := vnfOf(t, n, "web")
	list := func(query string) reply { return w.call(north, "GET", nsInstances+query, nil) }
	filter := "?filter=" + url.QueryEscape("(eq,vnfInstance/vnfInstanceName,'"+web.VnfInstanceName+"')")
	for query, want := range map[string]string{
		"?fields=virtualLinkInfo": web.ID, "?fields=vnfInstance": web.ID, "?exclude_fields=vnfInstance": web.ID, "?all_fields": web.ID,
		filter: n.ID, "": n.ID, "?exclude_default": n.ID, "?exclude_default&fields=vnfInstance/id": web.ID,
	} {
		got := decode[[]sol005.NsInstance](t, list(query))
		if r := list(query); len(got) != 1 || !strings.Contains(string(r.body), want) {
			t.Errorf("%q: %d without %s: %s", query, r.status, want, r.body)
		}
	}
	if got := list(strings.Replace(filter, "n-shop", "other", 1)); string(got.body) != "[]" {
		t.Errorf("no VNF is called so: %s", got.body)
	}
	table, err := w.bus.Open(t.Context(), "north", "NFVO")
	if err != nil {
		t.Fatal(err)
	}
	_, revision, err := table.Get(t.Context(), "vnf/"+web.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Update(t.Context(), "vnf/"+web.ID, []byte("{"), revision); err != nil { // who reads it fails
		t.Fatal(err)
	}
	for query, want := range map[string]int{
		"": http.StatusOK, "?exclude_default": http.StatusOK, "?fields=pnfInfo": http.StatusOK, "?filter=(eq,nsdId,shop)": http.StatusOK,
		"?all_fields": http.StatusServiceUnavailable, filter: http.StatusServiceUnavailable, "?exclude_fields=virtualLinkInfo": http.StatusServiceUnavailable,
		"?filter=(eq,nsdId": http.StatusBadRequest, "?fields=vnfInstance&exclude_fields=pnfInfo": http.StatusBadRequest, "?fields=/": http.StatusBadRequest,
	} {
		if r := list(query); r.status != want {
			t.Errorf("%q: %d %s, want %d", query, r.status, r.body, want)
		}
	}
}
