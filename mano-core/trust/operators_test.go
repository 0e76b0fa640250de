package trust

import (
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// Each operator is a person of its own: no name and no key is taken twice, and the
// record names who made whom.
func TestCreateOperator(t *testing.T) {
	h := newTestHub(t)
	h.register(t, "north", "alpha", hub.Passive)
	key := newKey(t)
	made, err := h.CreateOperator(t.Context(), operator, "ben", makeCSR(t, key))
	if err != nil || made.Identity != "spiffe://hub/operator/ben" || made.Certificate == "" {
		t.Fatalf("%+v %v", made, err)
	}
	cert, err := decodeCert(made.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := h.Operator(cert); err != nil || id.String() != made.Identity {
		t.Errorf("taken for %v: %v", id, err)
	}
	var actors []string
	for _, r := range h.records(t, HubDomain).records {
		if r.Kind == RecordOperatorSigned && r.Subject == "operator/ben" {
			actors = append(actors, r.Actor)
		}
	}
	if !slices.Equal(actors, []string{operator.String()}) {
		t.Errorf("made by %v", actors)
	}
	smKeys := newSMKeys(t)
	if _, err := h.Register(t.Context(), operator, "north", hub.Registration{Name: "beta", Mode: hub.Passive, Requests: smKeys.requests(t)}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		name, csr string
		want      hub.Code
	}{
		"a name that is taken":       {"ben", makeCSR(t, newKey(t)), hub.Conflict},
		"another operator's key":     {"ann", makeCSR(t, key), hub.Invalid},
		"a Security Manager's key":   {"ann", makeCSR(t, smKeys[hub.ScViTelem]), hub.Invalid},
		"no name":                    {"No Label", makeCSR(t, newKey(t)), hub.Invalid},
		"no request":                 {"ann", "x", hub.Invalid},
		"a request of somebody else": {"ann", makeCSR(t, newKey(t), "spiffe://hub/operator/ben"), hub.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.CreateOperator(t.Context(), operator, c.name, c.csr)
			wantCode(t, err, c.want)
		})
	}
	var names []string
	for _, o := range h.Operators() {
		names = append(names, o.Name)
		if o.Certificate != "" {
			t.Errorf("the list shows the certificate of %s", o.Name)
		}
	}
	if !slices.Contains(names, "ben") || slices.Contains(names, "ann") || !slices.IsSorted(names) {
		t.Errorf("operators: %v", names)
	}
}

// A credential is out of force as soon as its operator is deleted; nobody deletes
// itself, nor the last one.
func TestDeleteOperator(t *testing.T) {
	h := newTestHub(t)
	made, err := h.CreateOperator(t.Context(), operator, "ben", makeCSR(t, newKey(t)))
	if err != nil {
		t.Fatal(err)
	}
	ben := operatorIdentity("ben")
	wantCode(t, h.DeleteOperator(t.Context(), operator, "nobody"), hub.NotFound)
	wantCode(t, h.DeleteOperator(t.Context(), ben, "ben"), hub.Conflict)
	for _, o := range h.Operators() {
		if o.Name != "ben" {
			if err := h.DeleteOperator(t.Context(), ben, o.Name); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantCode(t, h.DeleteOperator(t.Context(), operator, "ben"), hub.Conflict) // the last one
	if _, err := h.CreateOperator(t.Context(), ben, "ann", makeCSR(t, newKey(t))); err != nil {
		t.Fatal(err)
	}
	if err := h.DeleteOperator(t.Context(), operatorIdentity("ann"), "ben"); err != nil {
		t.Fatal(err)
	}
	cert, err := decodeCert(made.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Operator(cert)
	wantCode(t, err, hub.Unauthenticated)
	if kinds := strings.Join(h.records(t, HubDomain).kinds(), " "); !strings.Contains(kinds, RecordOperatorDeleted) {
		t.Errorf("recorded: %s", kinds)
	}
}
