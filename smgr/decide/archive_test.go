package decide

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// An archive has the inputs, policies and parameters of what was decided, without a
// Security Manager that runs, and says what is not kept.
func TestArchive(t *testing.T) {
	w := newWorld(t)
	d := w.active(one())
	small, large := review(1), review(2)
	w.inputs = nil
	check(t, d.Handle(t.Context(), small, 1))
	_, err := d.Policies().SetParameters(t.Context(), "evil-provider", json.RawMessage(`{"names": ["evil", "x"]}`), "spiffe://hub/operator/ann", "")
	check(t, err)
	check(t, d.Handle(t.Context(), large, 1))

	own, err := stepTables{w}.Open(t.Context(), domain, "SM-north")
	check(t, err)
	kept, err := stepTables{w}.Open(t.Context(), domain, "SM-north-BLOBS")
	check(t, err)
	grouped := map[string][]byte{}
	a := Archive{State: own, Blobs: kept, Grouped: func(_ context.Context, key string) ([]byte, error) {
		if raw := grouped[key]; raw != nil {
			return raw, nil
		}
		return nil, hub.E(hub.NotFound, "read", "it is not there", nil)
	}}
	// One of the two was created together with others.
	key := "decision/" + list(t, d, Query{})[0].ID
	raw, revision, err := own.Get(t.Context(), key)
	check(t, err)
	decisions := list(t, d, Query{})
	check(t, own.Delete(t.Context(), key, revision))
	grouped[key] = raw
	for _, dec := range decisions {
		raw, err := a.Input(t.Context(), dec.ID, dec.InputDigest)
		if err != nil || digest(raw) != dec.InputDigest {
			t.Errorf("input of %s: %v", dec.ID, err)
		}
		set, err := a.Policies(t.Context(), dec.PolicyRevision)
		if err != nil || len(set) == 0 {
			t.Errorf("policies of %s: %v", dec.ID, err)
		}
		values, err := a.Parameters(t.Context(), dec.PolicyRevision, dec.DataRevision)
		want := map[string]string{small.ID: `{}`, large.ID: `{"evil-provider":{"names":["evil","x"]}}`}[dec.EventID]
		if err != nil || string(values) != want {
			t.Errorf("parameters of %s: %s, %v; want %s", dec.ID, values, err, want)
		}
	}
	_, err = a.Input(t.Context(), "nothing", digest([]byte("nothing")))
	refused(t, err, hub.NotFound, "not kept any more")
	_, err = a.Policies(t.Context(), "nothing")
	refused(t, err, hub.NotFound, "deleted")
	_, err = a.Parameters(t.Context(), "nothing", "nothing")
	refused(t, err, hub.NotFound, "not kept any more")

	broken := errors.New("the bus is away")
	w.read = func(string, func() error) error { return broken }
	for what, read := range map[string]func() ([]byte, error){
		"input":      func() ([]byte, error) { return a.Input(t.Context(), "x", "x") },
		"policies":   func() ([]byte, error) { return a.Policies(t.Context(), "x") },
		"parameters": func() ([]byte, error) { return a.Parameters(t.Context(), "x", "x") },
	} {
		if _, err := read(); !errors.Is(err, broken) {
			t.Errorf("%s of a bus that is away: %v", what, err)
		}
	}
	w.read = nil
	_, err = own.Create(t.Context(), "policies/torn", []byte("{"))
	check(t, err)
	if _, err := a.Policies(t.Context(), "torn"); err == nil || hub.CodeOf(err) == hub.NotFound {
		t.Errorf("a resource that cannot be read: %v", err)
	}
}
