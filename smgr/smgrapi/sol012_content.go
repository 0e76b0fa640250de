package smgrapi

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/policies"
)

// transfer takes the content of a version in. What was transferred never changes.
func transfer(m *Manager, _ state.Entry[resource], who hub.Identity, w http.ResponseWriter, r *http.Request) error {
	const op = "transfer policy"
	version := r.PathValue("version")
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != typeBundle {
		return httpapi.WithStatus(hub.E(hub.Invalid, op, "the content of a policy is a signed bundle of type "+typeBundle, err), http.StatusUnsupportedMediaType)
	}
	content, err := io.ReadAll(r.Body) // bounded by the mux
	if err != nil {
		return readError(op, err)
	}
	done, err := m.work(op)
	if err != nil {
		return err
	}
	defer done()
	m.changing.Lock()
	defer m.changing.Unlock()
	e, err := m.current(r)
	if err != nil {
		return err
	}
	switch {
	case len(m.resources.Find(termVersion+version)) > 0:
		return hub.E(hub.Conflict, op, "this version was transferred already; its content cannot change", nil)
	case len(e.Value.Versions) >= maxVersions:
		return hub.E(hub.Unprocessable, op, fmt.Sprintf("the policy has %d versions; delete some", maxVersions), nil)
	}
	// Before anything is kept: nothing is, under a version that is not its own.
	set, problems, err := policies.LoadBundle(r.Context(), content, m.Keys(), e.Value.Designer, policies.Options{Schemas: m.Schemas})
	if err == nil {
		err = policies.Refusal(problems)
	}
	if err != nil {
		return unprocessable(op, err)
	}
	if set.Revision() != version {
		return hub.E(hub.Unprocessable, op, fmt.Sprintf("the version is not that of the content, whose revision is %s; PUT it to .../versions/%s", set.Revision(), set.Revision()), nil)
	}
	if _, _, err := m.Decide.Policies().Push(r.Context(), content, e.Value.Designer, who.String()); err != nil {
		return err
	}
	e.Value.Versions = append(slices.Clone(e.Value.Versions), version)
	e.Value.Selected = cmp.Or(e.Value.Selected, version)
	if err := m.record(r.Context(), "sm.policy.transferred", e.ID, who, map[string]string{"version": version}); err != nil {
		return err
	}
	m.note(r, e.ID, &e.Value, change{Type: changeTransfer, Version: version})
	if e, err = m.resources.Replace(r.Context(), e); err != nil {
		return fmt.Errorf("transfer policy: %w", err)
	}
	if err := m.tell(r.Context(), e); err != nil {
		return err
	}
	w.Header().Set("Location", httpapi.ResourceURI(r, "/policies/"+e.ID+"/versions/"+version))
	w.WriteHeader(http.StatusCreated)
	return nil
}

// readError words what broke while a body was read.
func readError(op string, err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return httpapi.WithStatus(hub.E(hub.Invalid, op, fmt.Sprintf("the content is larger than %d bytes", large.Limit), err), http.StatusRequestEntityTooLarge)
	}
	return hub.E(hub.Invalid, op, "the content broke off; send it again", err)
}

// unprocessable is the answer to a content that is not right, or whose signature
// is not: the caller may transfer, and nobody this.
func unprocessable(op string, err error) error {
	switch hub.CodeOf(err) {
	case hub.Denied, hub.Invalid, hub.Undecided:
		return hub.E(hub.Unprocessable, op, hub.SafeText(err), err)
	}
	return err
}

func readSelected(m *Manager, e state.Entry[resource], _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	version, _ := m.selected(&e.Value)
	if version == "" {
		return hub.E(hub.NotFound, "read policy", "the policy has no content yet; transfer a version first", nil)
	}
	return m.content(w, r, version)
}

func readVersion(m *Manager, e state.Entry[resource], _ hub.Identity, w http.ResponseWriter, r *http.Request) error {
	if err := hasVersion(&e.Value, r); err != nil {
		return err
	}
	return m.content(w, r, r.PathValue("version"))
}

func hasVersion(p *resource, r *http.Request) error {
	if !slices.Contains(p.Versions, r.PathValue("version")) {
		return hub.E(hub.NotFound, "find version", fmt.Sprintf("the policy has no version %q", clip(r.PathValue("version"))), nil)
	}
	return nil
}

func (m *Manager) content(w http.ResponseWriter, r *http.Request, version string) error {
	v, err := m.Decide.Policies().Revision(r.Context(), version)
	if err != nil {
		return err
	}
	content, err := m.Decide.Policies().Content(r.Context(), v)
	if err != nil {
		return err
	}
	return send(w, typeBundle, content)
}

func deleteVersion(m *Manager, _ state.Entry[resource], who hub.Identity, w http.ResponseWriter, r *http.Request) error {
	m.changing.Lock()
	defer m.changing.Unlock()
	e, err := m.current(r)
	if err != nil {
		return err
	}
	version := r.PathValue("version")
	if err := hasVersion(&e.Value, r); err != nil {
		return err
	}
	if now, _ := m.selected(&e.Value); now == version || e.Value.Selected == version {
		return hub.E(hub.Conflict, "delete version", "the version is selected; select another one first", nil)
	}
	if err := m.forget(r, who, version); err != nil {
		return err
	}
	e.Value.Versions = slices.DeleteFunc(slices.Clone(e.Value.Versions), func(v string) bool { return v == version })
	m.note(r, e.ID, &e.Value, change{Type: changeDelete, Version: version})
	if e, err = m.resources.Replace(r.Context(), e); err != nil {
		return fmt.Errorf("delete version: %w", err)
	}
	if err := m.tell(r.Context(), e); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

// forget deletes a set; one that is gone already is no error, so that what was cut
// off can be done again.
func (m *Manager) forget(r *http.Request, who hub.Identity, version string) error {
	err := m.Decide.Policies().Delete(r.Context(), version, who.String())
	if hub.CodeOf(err) == hub.NotFound {
		return nil
	}
	return err
}

// deletePolicy deletes a policy with all its versions, none of which may be active
// or what a rollback goes back to.
func deletePolicy(m *Manager, _ state.Entry[resource], who hub.Identity, w http.ResponseWriter, r *http.Request) error {
	m.changing.Lock()
	defer m.changing.Unlock()
	e, err := m.current(r)
	if err != nil {
		return err
	}
	if err := checkMatch(r, m.show(r, e)); err != nil {
		return err
	}
	a, _ := m.Decide.Policies().Active()
	for _, v := range e.Value.Versions {
		if v == a.PolicyRevision || v == a.PreviousRevision {
			return hub.E(hub.Conflict, "delete policy", "the policy is ACTIVATED, or is what a rollback goes back to; activate others first", nil)
		}
	}
	if err := m.record(r.Context(), "sm.policy.deleted", e.ID, who, e.Value); err != nil {
		return err
	}
	for _, v := range e.Value.Versions {
		if err := m.forget(r, who, v); err != nil {
			return err
		}
	}
	e.Value.Deleted, e.Value.Versions, e.Value.Selected = true, nil, ""
	m.note(r, e.ID, &e.Value, change{Type: changeDelete})
	if e, err = m.resources.Replace(r.Context(), e); err != nil {
		return fmt.Errorf("delete policy: %w", err)
	}
	if err := m.tell(r.Context(), e); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}
