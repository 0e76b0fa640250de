package smgrapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/testkit/openapi"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr"
)

const root = "/nfvpolicy/v1"

// official is a world whose answers are held against the file of SOL 012.
func official(t *testing.T) (*world, *openapi.Validator) {
	w := newWorld(t)
	v := openapi.Load(t, openapi.NfvPolicy)
	w.client = &http.Client{Transport: v.Transport(nil)}
	return w, v
}

// ask sends a request that is right, refuse one that is wrong on purpose.
func (w *world) ask(method, path, body string, headers ...string) answer {
	w.Helper()
	return w.send(w.Context(), ann, method, root+path, body, append([]string{"Version: " + PolicyVersion}, headers...)...)
}

func (w *world) refuse(status int, method, path, body string, words ...string) answer {
	w.Helper()
	return w.send(openapi.Bad(w.Context()), ann, method, root+path, body, "Version: "+PolicyVersion).is(status, words...)
}

// bundle returns a signed set of one policy and its revision.
func (w *world) bundle(id, title string, key policies.SigningKey) (revision string, content []byte) {
	s, problems := policies.Load(w.Context(), set(id, title), policies.Options{Schemas: w.m.Schemas})
	if s == nil {
		w.Fatal(problems)
	}
	raw, err := s.Bundle()
	check(w, err)
	signed, err := policies.Sign(raw, key)
	check(w, err)
	return s.Revision(), signed
}

// put transfers a content. The official file has forgotten the body of this
// request, so the validator does not see it.
func (w *world) put(who, path string, content []byte, headers ...string) answer {
	w.Helper()
	kept := w.client
	defer func() { w.client = kept }()
	w.client = http.DefaultClient
	return w.send(context.WithoutCancel(w.Context()), who, "PUT", root+path, string(content), append([]string{"Content-Type: " + typeBundle, "Version: " + PolicyVersion}, headers...)...)
}

func (w *world) create(name string) shownPolicy {
	w.Helper()
	a := w.ask("POST", "/policies", `{"designer":"team","name":"`+name+`","pfId":"red/north"}`).is(http.StatusCreated, `"DEACTIVATED"`, `"CREATED"`)
	p := as[shownPolicy](a)
	if a.header.Get("Location") != p.Links.Self.Href {
		w.Errorf("located at %q: %+v", a.header.Get("Location"), p)
	}
	return p
}

func TestSOL012(t *testing.T) {
	w, v := official(t)
	p := w.create("base")
	path := "/policies/" + p.ID
	w.refuse(http.StatusNotFound, "GET", path+"/selected_versions", "", "transfer a version")
	w.refuse(http.StatusConflict, "PATCH", path, `{"activationStatus":"ACTIVATED"}`, "no content")

	one, content := w.bundle("evil-provider", "One", w.key)
	two, other := w.bundle("evil-provider", "Two", w.key)
	a := w.put(ann, path+"/versions/"+one, content).is(http.StatusCreated)
	if len(a.body) > 0 || !strings.HasSuffix(a.header.Get("Location"), "/versions/"+one) {
		t.Errorf("transferred: %v %s", a.header, a.body)
	}
	w.put(ann, path+"/versions/"+one, content).is(http.StatusConflict, "already")
	w.put(ann, path+"/versions/"+two, other).is(http.StatusCreated)
	shown := as[shownPolicy](w.ask("GET", path, "").is(http.StatusOK, `"TRANSFERRED"`, `"DEACTIVATED"`))
	if !slices.Equal(shown.Versions, []string{one, two}) || shown.SelectedVersion != one || shown.Links.Selected == nil || len(shown.Links.Versions) != 2 {
		t.Errorf("shown: %+v", shown)
	}
	if got := w.ask("GET", path+"/versions/"+two, "").is(http.StatusOK).body; string(got) != string(other) {
		t.Error("the content is another one")
	}
	w.refuse(http.StatusNotFound, "GET", path+"/versions/none", "")

	w.refuse(http.StatusConflict, "PATCH", path, `{"activationStatus":"DEACTIVATED"}`, "already")
	w.ask("PATCH", path, `{"activationStatus":"ACTIVATED"}`, "Content-Type: application/merge-patch+json").is(http.StatusOK, `"ACTIVATED"`)
	w.ask("GET", path, "").is(http.StatusOK, `"ACTIVATED"`)
	if a, ok := w.m.Decide.Policies().Active(); !ok || a.PolicyRevision != one || a.By != ann {
		t.Errorf("active: %+v", a)
	}
	w.refuse(http.StatusConflict, "PATCH", path, `{"activationStatus":"ACTIVATED"}`, "already")
	w.refuse(http.StatusUnprocessableEntity, "PATCH", path, `{"activationStatus":"DEACTIVATED"}`, "undecided")
	w.refuse(http.StatusUnprocessableEntity, "PATCH", path, `{"selectedVersion":"none"}`, "no version")
	w.refuse(http.StatusUnprocessableEntity, "PATCH", path, `{"addAssociations":["n1"]}`, "levels")
	w.refuse(http.StatusBadRequest, "PATCH", path, `{"activationStatus":"PERHAPS"}`)
	w.refuse(http.StatusBadRequest, "PATCH", path, `{}`, "nothing to change")
	// The selected version of what is active judges at once.
	w.wait(1)
	w.ask("PATCH", path, `{"selectedVersion":"`+two+`"}`, "Content-Type: application/merge-patch+json").is(http.StatusOK)
	if a, _ := w.m.Decide.Policies().Active(); a.PolicyRevision != two {
		t.Errorf("active: %+v", a)
	}
	if got := w.ask("GET", path+"/selected_versions", "").is(http.StatusOK).body; string(got) != string(other) {
		t.Error("the selected content is another one")
	}
	w.refuse(http.StatusConflict, "DELETE", path+"/versions/"+two, "", "selected")
	w.refuse(http.StatusConflict, "DELETE", path, "", "ACTIVATED")

	// Another policy takes the place of the first one, and a rollback gives it back.
	q := w.create("other")
	three, third := w.bundle("evil-provider", "Three", w.key)
	w.put(ann, "/policies/"+q.ID+"/versions/"+three, third).is(http.StatusCreated)
	w.wait(1)
	w.ask("PATCH", "/policies/"+q.ID, `{"activationStatus":"ACTIVATED"}`, "Content-Type: application/merge-patch+json").is(http.StatusOK)
	if p := as[shownPolicy](w.ask("GET", path, "").is(http.StatusOK)); p.ActivationStatus != deactivated || p.SelectedVersion != two {
		t.Errorf("the first: %+v", p)
	}
	w.ask("DELETE", path+"/versions/"+one, "").is(http.StatusNoContent)
	w.wait(1)
	if _, err := w.m.Decide.Policies().Rollback(t.Context(), ben, "test"); err != nil {
		t.Fatal(err)
	}
	w.ask("GET", path, "").is(http.StatusOK, `"ACTIVATED"`)
	w.refuse(http.StatusConflict, "DELETE", "/policies/"+q.ID, "", "rollback")

	list := w.ask("GET", "/policies?filter=(eq,name,base)", "").is(http.StatusOK)
	if all := as[[]shownPolicy](list); len(all) != 1 || all[0].ID != p.ID {
		t.Errorf("listed: %s", list.body)
	}
	w.refuse(http.StatusBadRequest, "GET", "/policies?filter=(eq", "")
	empty := w.create("empty")
	w.ask("DELETE", "/policies/"+empty.ID, "").is(http.StatusNoContent)
	for _, method := range []string{"GET", "DELETE"} {
		w.refuse(http.StatusNotFound, method, "/policies/"+empty.ID, "")
	}
	w.ask("GET", "/api_versions", "").is(http.StatusOK)
	for _, kind := range []string{"sm.policy.created", "sm.policy.transferred", "sm.policy.deleted", "sm.policies.activate"} {
		if got := w.recorded(kind); len(got) == 0 || got[0] != ann {
			t.Errorf("%s recorded by %v", kind, got)
		}
	}
	w.refuse(http.StatusUnprocessableEntity, "POST", "/policies", `{"designer":"team","name":"n"}`, "pfId")
	w.refuse(http.StatusUnsupportedMediaType, "PUT", path+"/versions/1", `{}`)
	w.subscriptions()
	v.RequireAll(t, "NfvPolicy GET /api_versions bad", "NfvPolicy PUT /policies/{policyId}/versions/{version} good")
}

func TestSOL012_Create(t *testing.T) {
	w, _ := official(t)
	for body, status := range map[string]int{
		`{"designer":"team","name":"n"}`:                                               http.StatusUnprocessableEntity,
		`{"designer":"team","name":"n","pfId":"red/nobody"}`:                           http.StatusUnprocessableEntity,
		`{"designer":"team","name":"n","pfId":"blue/north"}`:                           http.StatusUnprocessableEntity,
		`{"designer":"team","name":"n","pfId":"red/north","associations":["n1"]}`:      http.StatusUnprocessableEntity,
		`{"name":"n","pfId":"red/north"}`:                                              http.StatusBadRequest,
		`{"designer":"team","pfId":"north"}`:                                           http.StatusBadRequest,
		`{"designer":1}`:                                                               http.StatusBadRequest,
		`{"designer":"team","name":"` + strings.Repeat("n", 300) + `","pfId":"north"}`: http.StatusBadRequest,
	} {
		w.refuse(status, "POST", "/policies", body)
	}
	if got := w.recorded("sm.policy.created"); len(got) != 0 {
		t.Errorf("recorded: %v", got)
	}
}

// What is not signed, not signed by whom the policy names, broken, or under a
// wrong version, leaves nothing behind.
func TestSOL012_TransferRefused(t *testing.T) {
	w, _ := official(t)
	path := "/policies/" + w.create("base").ID + "/versions/"
	revision, good := w.bundle("evil-provider", "One", w.key)
	stranger, _ := newKey(t, "team")
	_, forged := w.bundle("evil-provider", "One", stranger)
	s, _ := policies.Load(t.Context(), set("evil-provider", "One"), policies.Options{Schemas: w.m.Schemas})
	unsigned, err := s.Bundle()
	check(t, err)
	for name, content := range map[string][]byte{"forged": forged, "unsigned": unsigned, "cut": good[:len(good)/2], "none": []byte("x")} {
		t.Run(name, func(t *testing.T) { w.put(ann, path+revision, content).is(http.StatusUnprocessableEntity) })
	}
	w.put(ann, path+"2.0", good).is(http.StatusUnprocessableEntity, revision)
	w.put(ann, path+revision, good, "Content-Type: application/zip").is(http.StatusUnsupportedMediaType, typeBundle)
	w.put(ann, path+revision, make([]byte, policies.MaxBundle+1)).is(http.StatusRequestEntityTooLarge)
	w.put(ann, "/policies/none/versions/"+revision, good).is(http.StatusNotFound)
	w.refuse(http.StatusUnsupportedMediaType, "PUT", path+revision, `{}`)
	if all, err := w.m.Decide.Policies().Revisions(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("left behind: %+v %v", all, err)
	}
	w.put(ann, path+revision, good).is(http.StatusCreated)
	w.put(ann, "/policies/"+w.create("second").ID+"/versions/"+revision, good).is(http.StatusConflict)
}

func TestSOL012_WhoMay(t *testing.T) {
	w := newWorld(t)
	p := w.create("base")
	path := root + "/policies/" + p.ID
	for _, what := range []string{"GET " + path, "PATCH " + path, "DELETE " + path, "GET " + path + "/selected_versions",
		"GET " + path + "/versions/1", "PUT " + path + "/versions/1", "DELETE " + path + "/versions/1"} {
		method, at, _ := strings.Cut(what, " ")
		body := ""
		if method == "PATCH" || method == "PUT" {
			body = `{}`
		}
		w.send(t.Context(), manager, method, at, body, "Version: 1.0.0").is(http.StatusForbidden)
		w.send(t.Context(), "", method, at, body, "Version: 1.0.0").is(http.StatusUnauthorized)
		there := w.send(t.Context(), stranger, method, at, body, "Version: 1.0.0").is(http.StatusNotFound)
		none := w.send(t.Context(), stranger, method, strings.Replace(at, p.ID, "none", 1), body, "Version: 1.0.0").is(http.StatusNotFound)
		type detail struct{ Detail string }
		if as[detail](there) != as[detail](none) {
			t.Errorf("%s: %s, of none %s", what, there.body, none.body)
		}
	}
	list := as[[]shownPolicy](w.send(t.Context(), stranger, "GET", root+"/policies", "", "Version: 1.0.0").is(http.StatusOK))
	if len(list) != 0 {
		t.Errorf("another trust domain sees %+v", list)
	}
	w.send(t.Context(), manager, "GET", root+"/policies", "", "Version: 1.0.0").is(http.StatusForbidden)
	w.send(t.Context(), manager, "POST", root+"/policies", `{"designer":"team","name":"n","pfId":"red/north"}`, "Version: 1.0.0").is(http.StatusForbidden)
	w.send(t.Context(), manager, "POST", root+"/policies", `{"designer":"team","name":"n"}`, "Version: 1.0.0").is(http.StatusForbidden)
	w.send(t.Context(), stranger, "POST", root+"/policies", `{"designer":"team","name":"n","pfId":"red/north"}`, "Version: 1.0.0").is(http.StatusUnprocessableEntity)
	tag := w.send(t.Context(), ann, "GET", path, "", "Version: 1.0.0").is(http.StatusOK).header.Get("ETag")
	w.send(t.Context(), ann, "PATCH", path, `{"selectedVersion":"1"}`, "Version: 1.0.0", `If-Match: "other"`).is(http.StatusPreconditionFailed)
	w.send(t.Context(), ann, "DELETE", path, "", "Version: 1.0.0", "If-Match: "+tag).is(http.StatusNoContent)
}

// What was pushed over SOL 012 judges events.
func TestSOL012_Judges(t *testing.T) {
	w := newWorld(t)
	path := "/policies/" + w.create("base").ID
	revision, content := w.bundle("evil-provider", "One", w.key)
	w.put(ann, path+"/versions/"+revision, content).is(http.StatusCreated)
	w.ask("PATCH", path, `{"activationStatus":"ACTIVATED"}`).is(http.StatusOK)
	id := w.judge(1)[0]
	if d := as[smgr.Decision](w.call(ann, "GET", "/decisions/"+id, "").is(http.StatusOK)); d.PolicyRevision != revision || len(d.Findings) != 1 {
		t.Errorf("decided: %+v", d)
	}
}
