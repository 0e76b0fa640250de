package smgrapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/manoward/manoward/smgr"
)

// Each resource is asked for by who may, who may not, who is nobody, and who is
// of another trust domain, to whom it is as if there were none.
func TestWhoMay(t *testing.T) {
	w := active(t, smgr.LevelApprove)
	id := w.judge(1)[0]
	reads := []string{"/status", "/decisions", "/decisions/" + id, "/decisions/" + id + "/input", "/decisions/" + id + "/explanations", "/decisions/" + id + "/trace?policy=evil-provider",
		"/orders", "/levels", "/levels/*/*", "/policies", "/policies/evil-provider/parameters", "/revisions", "/activations"}
	changes := []string{"POST /evaluations", "POST /orders/x/approve", "POST /orders/x/reject", "POST /pause", "POST /resume", "POST /limits/reset",
		"PUT /levels/*/*", "DELETE /levels/*/*", "PUT /policies/evil-provider/parameters", "DELETE /policies/evil-provider/parameters", "POST /revisions/x/activate", "POST /rollback"}
	all := changes
	for _, path := range reads {
		all = append(all, "GET "+path)
		w.call(ann, "GET", path, "").is(http.StatusOK)
		w.call(reader, "GET", path, "").is(http.StatusOK)
	}
	for _, what := range all {
		method, path, _ := strings.Cut(what, " ")
		body := ""
		if method == "POST" || method == "PUT" {
			body = `{"reason":"test"}`
		}
		w.call(manager, method, path, body).is(http.StatusForbidden)
		w.call("", method, path, body).is(http.StatusUnauthorized)
		if method != "GET" {
			w.call(reader, method, path, body).is(http.StatusForbidden)
		}
		there := w.call(stranger, method, path, body).is(http.StatusNotFound)
		missing := w.send(t.Context(), stranger, method, "/manoward/v1/security_managers/nobody"+path, body).is(http.StatusNotFound)
		strip := func(a answer, name string) string {
			p := as[struct{ Detail, Title string }](a)
			return strings.ReplaceAll(p.Detail, name, "X") + p.Title
		}
		if a, b := strip(there, "north"), strip(missing, "nobody"); a != b {
			t.Errorf("%s: another trust domain's Security Manager answers %q, none %q", what, a, b)
		}
	}
	if len(w.refused) == 0 || !strings.HasSuffix(w.refused[0], " sm/north") {
		t.Errorf("refused: %q", w.refused)
	}
}

func TestWhich(t *testing.T) {
	w := newWorld(t)
	w.api.Managers = append(w.api.Managers, w.process("blue", "north"), w.process("blue", "east"))
	name := func(a answer) string {
		s := as[status](a.is(http.StatusOK))
		return s.TrustDomain + "/" + s.Name
	}
	w.call(ann, "GET", "/status", "").is(http.StatusConflict, "?trustDomain=blue or red")
	for who, want := range map[string]string{"?trustDomain=blue": "blue/north", "?trustDomain=red": "red/north"} {
		if got := name(w.call(ann, "GET", "/status"+who, "")); got != want {
			t.Errorf("%s: %s", who, got)
		}
	}
	if got := name(w.call(stranger, "GET", "/status", "")); got != "blue/north" {
		t.Errorf("one's own trust domain comes first, and not %s", got)
	}
	w.call(stranger, "GET", "/status?trustDomain=red", "").is(http.StatusNotFound)
	if got := name(w.send(t.Context(), ann, "GET", "/manoward/v1/security_managers/east/status", "")); got != "blue/east" {
		t.Error(got)
	}
}
